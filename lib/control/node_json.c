/* See node_json.h. Written straight into the answer, without a tree in between: a
 * thousand children are a third of a megabyte. */
#include "control/node_json.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/signame.h"
#include "config/load.h"
#include "os/roles.h"

#define LEFT_SHOWN 8

static void add_string(struct buf *out, const char *text)
{
	buf_add_json(out, text, strlen(text));
}

static void add_string_or_null(struct buf *out, const char *text)
{
	if (text)
		add_string(out, text);
	else
		buf_adds(out, "null");
}

static void add_instant(struct buf *out, int64_t wall)
{
	char text[32];

	if (wall == 0)
		buf_adds(out, "null");
	else
		buf_addf(out, "\"%s\"", clock_rfc3339(wall, text, sizeof text));
}

static void add_last_exit(struct buf *out, const struct reason *r, int64_t wall)
{
	if (!r->text[0]) {
		buf_adds(out, "null");
		return;
	}
	buf_adds(out, "{\"reason\":");
	add_string(out, r->text);
	buf_addf(out, ",\"class\":\"%s\",\"code\":", reason_class_names[r->class]);
	if (r->code >= 0)
		buf_addf(out, "%d", r->code);
	else
		buf_adds(out, "null");
	if (r->signal > 0)
		buf_addf(out, ",\"signal\":\"%s\"", signame(r->signal));
	else
		buf_adds(out, ",\"signal\":null");
	buf_addf(out, ",\"core\":%s,\"at\":", r->core ? "true" : "false");
	add_instant(out, wall);
	buf_addc(out, '}');
}

/* Only while a child waits for its next try. */
static void add_retry(struct buf *out, const struct child *k, int64_t now)
{
	int64_t in = k->due - now;

	if (k->state != CHILD_RESTARTING || k->due < 0) {
		buf_adds(out, "null");
		return;
	}
	if (in < 0)
		in = 0;
	buf_addf(out, "{\"attempt\":%u,\"in_ms\":%lld,\"at\":", k->restarts + 1,
		(long long)(in / MSEC_NS));
	add_instant(out, clock_wall() + in);
	buf_addc(out, '}');
}

static void add_limits(struct buf *out, const struct sup_policy *p)
{
	if (p->max_restarts == POLICY_NO_LIMIT)
		buf_adds(out, ",\"max_restarts\":\"infinity\"");
	else
		buf_addf(out, ",\"max_restarts\":%u", p->max_restarts);
	buf_addf(out, ",\"max_seconds\":%g", (double)p->max_seconds_ns / SEC_NS);
}

static const char *strategy_name(const struct sup_policy *p)
{
	return p->dynamic ? strategy_names[STRATEGY_ONE_FOR_ONE]
			  : strategy_names[p->strategy];
}

/* What is left of an ended child and still has to go. */
static void add_left(struct buf *out, const struct node_row *r)
{
	if (r->n_left == 0) {
		buf_adds(out, ",\"waiting_for\":null");
		return;
	}
	buf_adds(out, ",\"waiting_for\":[");
	for (uint32_t i = 0; i < r->n_left; i++)
		buf_addf(out, "%s%d", i ? "," : "", (int)r->left[i]);
	buf_addc(out, ']');
}

/* A child whose main process is gone while something of it is left shows what it waits
 * for, not that it runs. */
static enum child_state shown_state(const struct supervised *c)
{
	if (c->lingering && c->core.state != CHILD_STOPPING)
		return CHILD_RESTARTING;
	return (enum child_state)c->core.state;
}

void node_json_row(const struct node_row *r, struct buf *out)
{
	const struct child *k = r->core;
	int64_t now = clock_now();

	buf_adds(out, "{\"id\":");
	add_string(out, k->id);
	buf_adds(out, ",\"path\":");
	add_string(out, r->path);
	buf_addf(out, ",\"type\":\"%s\",\"state\":\"%s\",\"pid\":",
		child_type_names[k->policy->type], child_state_names[r->state]);
	if (r->pid)
		buf_addf(out, "%d", (int)r->pid);
	else
		buf_adds(out, "null");
	buf_addf(out, ",\"restart\":\"%s\",\"strategy\":",
		restart_type_names[k->policy->restart]);
	add_string_or_null(out, r->sup ? strategy_name(r->sup) : NULL);
	buf_adds(out, ",\"since\":");
	add_instant(out, k->since ? clock_wall() - (now - k->since) : 0);
	if (r->state == CHILD_RUNNING)
		buf_addf(out, ",\"uptime_ms\":%lld",
			(long long)((now - k->started_at) / MSEC_NS));
	else
		buf_adds(out, ",\"uptime_ms\":null");
	buf_addf(out, ",\"restarts\":%u,\"last_exit\":", k->restarts);
	add_last_exit(out, &k->last_exit, r->exit_wall);
	buf_adds(out, ",\"retry\":");
	add_retry(out, k, now);
	buf_adds(out, ",\"status_text\":");
	add_string_or_null(out, r->pid ? r->status_text : NULL);
	buf_adds(out, ",\"announced\":");
	add_string_or_null(out, r->announced);
	buf_adds(out, ",\"health\":");
	add_string_or_null(out, r->health);
	buf_adds(out, ",\"last_probe\":");
	add_string_or_null(out, r->last_probe);
	buf_adds(out, ",\"detail\":");
	add_string_or_null(out, r->detail);
	buf_adds(out, ",\"ready_at\":");
	add_instant(out, r->state == CHILD_RUNNING ? r->ready_wall : 0);
	buf_addf(out, ",\"last_lines\":null,\"significant\":%s,\"well\":%s",
		k->policy->significant ? "true" : "false",
		child_is_well(k) && !r->lingering ? "true" : "false");
	add_left(out, r);
	if (r->sup) {
		add_limits(out, r->sup);
		buf_adds(out, ",\"recent_restarts\":null");
	}
	if (r->socket) {
		buf_adds(out, ",\"children\":null,\"socket\":");
		add_string(out, r->socket);
	}
	buf_addc(out, '}');
}

void node_json_child(struct supervised *c, struct buf *out)
{
	const struct sup_spec *sup = spec_sup(c->spec);
	char path[KICK_PATH_MAX], socket[16];
	pid_t left[LEFT_SHOWN];
	struct node_row row = { .core = &c->core,
		.state = shown_state(c),
		.path = supervisor_own_path(c, path),
		.pid = supervisor_pid(c),
		.sup = sup ? &sup->policy : NULL,
		.socket = c->nested ? socket : NULL,
		.status_text = c->status_text,
		.announced = c->is_stopping ? "stopping"
			: c->is_reloading   ? "reloading"
					    : NULL,
		.health = supervisor_health(c),
		.last_probe = c->probe_text,
		.detail = c->detail,
		.exit_wall = c->exit_wall,
		.ready_wall = c->ready_wall,
		.lingering = c->lingering,
		.left = left,
		.n_left = supervisor_left(c, left, LEFT_SHOWN) };

	(void)snprintf(socket, sizeof socket, "%u", supervisor_socket_of(c));
	node_json_row(&row, out);
}

static enum child_state own_state(const struct supervisor *sv)
{
	if (sv->core.phase == SUP_BOOTING)
		return CHILD_STARTING;
	return sv->core.phase < SUP_ENDING ? CHILD_RUNNING : CHILD_STOPPING;
}

static void add_self(struct supervisor *sv, struct buf *out)
{
	const struct child_spec *spec = sv->spec;
	const struct sup_policy *p = &sv->core.policy;
	const char *slash = strrchr(sv->path, '/');
	enum child_state state = own_state(sv);
	bool top = !*sv->path;

	if (top) {
		buf_adds(out, "\"name\":");
		add_string(out, supervisor_name(sv));
		buf_addf(out, ",\"root_pid\":%d,\"version\":\"%s\",",
			(int)sv->node->root_pid, sv->node->version);
	}
	buf_adds(out, "\"id\":");
	add_string(out, slash ? slash + 1 : supervisor_name(sv));
	buf_adds(out, ",\"path\":");
	add_string(out, supervisor_name(sv));
	buf_addf(out,
		",\"type\":\"%s\",\"state\":\"%s\",\"pid\":%d,\"restart\":\"%s\","
		"\"strategy\":\"%s\",\"since\":",
		child_type_names[spec->policy.type], child_state_names[state],
		(int)getpid(), restart_type_names[spec->policy.restart],
		strategy_name(p));
	add_instant(out, sv->started_wall);
	buf_addf(out, ",\"uptime_ms\":%lld,\"restarts\":%u,\"last_exit\":",
		(long long)((clock_now() - sv->started) / MSEC_NS), sv->life.restarts);
	add_last_exit(out, &sv->life.last_exit, sv->life.last_exit_wall);
	buf_adds(out,
		",\"retry\":null,\"status_text\":null,\"announced\":null,\"health\":"
		"null,\"last_probe\":null,\"detail\":null,\"ready_at\":");
	add_instant(out, sv->ready_wall);
	buf_addf(out,
		",\"last_lines\":null,\"significant\":%s,\"well\":%s,"
		"\"waiting_for\":null",
		spec->policy.significant ? "true" : "false",
		state == CHILD_RUNNING ? "true" : "false");
	add_limits(out, p);
	buf_addf(out, ",\"recent_restarts\":%u,\"socket\":\"%u\"",
		intensity_recent(&sv->core.intensity, clock_now()), sv->socket);
}

void node_json_supervisor(struct supervisor *sv, struct buf *out)
{
	buf_addc(out, '{');
	add_self(sv, out);
	buf_adds(out, ",\"children\":[");
	for (uint32_t i = 0; i < sv->core.n; i++) {
		if (i > 0)
			buf_addc(out, ',');
		node_json_child(
			container_of(sv->core.children[i], struct supervised, core),
			out);
	}
	buf_adds(out, "]}");
}

/* --- info ---------------------------------------------------------------------------
 */

static void add_memory(struct buf *out, pid_t pid)
{
	char path[64], line[128];
	long long kb, rss = -1;
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	f = pid ? fopen(path, "re") : NULL;
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "VmRSS: %lld kB", &kb) == 1)
			rss = kb * 1024;
	if (f)
		(void)fclose(f);
	if (rss < 0)
		buf_adds(out, "null");
	else
		buf_addf(out, "%lld", rss);
}

static void add_descriptors(struct buf *out, pid_t pid)
{
	char path[64];
	DIR *dir;
	int n = 0;

	(void)snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	dir = pid ? opendir(path) : NULL;
	if (!dir) {
		buf_adds(out, "null");
		return;
	}
	for (struct dirent *e; (e = readdir(dir));)
		n += e->d_name[0] != '.';
	(void)closedir(dir);
	buf_addf(out, "%d", n);
}

static void add_history(struct buf *out, const struct supervised *c)
{
	uint8_t n = c->history_n < HISTORY_LEN ? c->history_n : HISTORY_LEN;

	buf_addc(out, '[');
	for (uint8_t i = 0; c->history && i < n; i++) {
		uint8_t at = (uint8_t)((c->history_n - n + i) % HISTORY_LEN);
		const struct history_entry *h = &c->history[at];

		buf_addf(out, "%s{\"pid\":%d,\"exit\":", i ? "," : "", (int)h->pid);
		add_last_exit(out, &h->reason, h->wall);
		buf_addc(out, '}');
	}
	buf_addc(out, ']');
}

/* With the descriptors that the program has them at. */
static void add_sockets(struct buf *out, const struct supervised *c)
{
	const struct str_list *names = REL_GET(struct str_list, c->spec->listen);

	buf_addc(out, '[');
	for (uint32_t i = 0; names && i < names->n; i++) {
		const char *name = str_list_at(names, i);
		const struct socket_spec *s = config_socket(c->sup->config, name);

		buf_addf(out, "%s{\"fd\":%u,\"name\":", i ? "," : "", FD_SLOT_0 + i);
		add_string(out, name);
		buf_adds(out, ",\"address\":");
		add_string_or_null(out, s ? REL_STR(s->address) : NULL);
		buf_addc(out, '}');
	}
	buf_addc(out, ']');
}

void node_json_info(struct supervised *c, struct buf *out)
{
	buf_adds(out, "{\"node\":");
	node_json_child(c, out);
	buf_adds(out, ",\"spec\":");
	spec_to_json(c->spec, out);
	buf_adds(out, ",\"memory\":");
	add_memory(out, supervisor_pid(c));
	buf_adds(out, ",\"descriptors\":");
	add_descriptors(out, supervisor_pid(c));
	buf_adds(out, ",\"sockets\":");
	add_sockets(out, c);
	buf_adds(out, ",\"history\":");
	add_history(out, c);
	buf_addc(out, '}');
}
