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
static void add_retry(struct buf *out, const struct supervised *c, int64_t now)
{
	const struct child *k = &c->core;
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
static void add_left(struct buf *out, struct supervised *c)
{
	pid_t pids[LEFT_SHOWN];
	uint32_t n = supervisor_left(c, pids, LEFT_SHOWN);

	if (n == 0) {
		buf_adds(out, ",\"waiting_for\":null");
		return;
	}
	buf_adds(out, ",\"waiting_for\":[");
	for (uint32_t i = 0; i < n; i++)
		buf_addf(out, "%s%d", i ? "," : "", (int)pids[i]);
	buf_addc(out, ']');
}

static void add_of_supervisor(struct buf *out, const struct supervised *c)
{
	add_limits(out, &spec_sup(c->spec)->policy);
	buf_addf(out, ",\"recent_restarts\":null,\"children\":null,\"socket\":\"%u\"",
		supervisor_socket_of(c));
}

/* A child whose main process is gone while something of it is left shows what it waits
 * for, not that it runs. */
static enum child_state shown_state(const struct supervised *c)
{
	if (c->lingering && c->core.state != CHILD_STOPPING)
		return CHILD_RESTARTING;
	return (enum child_state)c->core.state;
}

void node_json_child(struct supervised *c, struct buf *out)
{
	const struct child *k = &c->core;
	enum child_state state = shown_state(c);
	const struct sup_spec *sup = spec_sup(c->spec);
	int64_t now = clock_now();
	char path[KICK_PATH_MAX];

	buf_adds(out, "{\"id\":");
	add_string(out, k->id);
	buf_adds(out, ",\"path\":");
	add_string(out, supervisor_path(c, path));
	buf_addf(out, ",\"type\":\"%s\",\"state\":\"%s\",\"pid\":",
		child_type_names[k->policy->type], child_state_names[state]);
	if (c->proc.pid)
		buf_addf(out, "%d", (int)c->proc.pid);
	else
		buf_adds(out, "null");
	buf_addf(out, ",\"restart\":\"%s\",\"strategy\":",
		restart_type_names[k->policy->restart]);
	add_string_or_null(out, sup ? strategy_name(&sup->policy) : NULL);
	buf_adds(out, ",\"since\":");
	add_instant(out, k->since ? clock_wall() - (now - k->since) : 0);
	if (state == CHILD_RUNNING)
		buf_addf(out, ",\"uptime_ms\":%lld",
			(long long)((now - k->started_at) / MSEC_NS));
	else
		buf_adds(out, ",\"uptime_ms\":null");
	buf_addf(out, ",\"restarts\":%u,\"last_exit\":", k->restarts);
	add_last_exit(out, &k->last_exit, c->exit_wall);
	buf_adds(out, ",\"retry\":");
	add_retry(out, c, now);
	buf_adds(out, ",\"status_text\":");
	add_string_or_null(out, c->proc.pid ? c->status_text : NULL);
	buf_adds(out, ",\"detail\":");
	add_string_or_null(out, c->detail);
	buf_adds(out, ",\"ready_at\":");
	add_instant(out, state == CHILD_RUNNING ? c->ready_wall : 0);
	buf_addf(out, ",\"last_lines\":null,\"significant\":%s,\"well\":%s",
		k->policy->significant ? "true" : "false",
		child_is_well(k) && !c->lingering ? "true" : "false");
	add_left(out, c);
	if (sup)
		add_of_supervisor(out, c);
	else if (c->nested)
		buf_addf(out, ",\"children\":null,\"socket\":\"%u\"",
			supervisor_socket_of(c));
	buf_addc(out, '}');
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
		",\"retry\":null,\"status_text\":null,\"detail\":null,\"ready_at\":");
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

void node_json_info(struct supervised *c, struct buf *out)
{
	buf_adds(out, "{\"node\":");
	node_json_child(c, out);
	buf_adds(out, ",\"spec\":");
	spec_to_json(c->spec, out);
	buf_adds(out, ",\"memory\":");
	add_memory(out, c->proc.pid);
	buf_adds(out, ",\"descriptors\":");
	add_descriptors(out, c->proc.pid);
	buf_adds(out, ",\"history\":");
	add_history(out, c);
	buf_addc(out, '}');
}
