/* An accepted specification in the words of the configuration: what is said by default
 * is said aloud, so that `kick info` answers "what does it run with?". Read again, a
 * worker's text gives the same specification. The children of a supervisor are not part
 * of its own specification; they are asked for one by one. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/buf.h"
#include "base/macro.h"
#include "base/num.h"
#include "base/signame.h"
#include "config/load.h"

/* Writes ,"key": and leaves the value to the caller. */
static void key(struct buf *out, const char *name)
{
	if (out->len > 0 && out->data[out->len - 1] != '{')
		buf_addc(out, ',');
	buf_addf(out, "\"%s\":", name);
}

static void text(struct buf *out, const char *name, const char *value)
{
	key(out, name);
	buf_add_json(out, value, strlen(value));
}

static void boolean(struct buf *out, const char *name, bool value)
{
	key(out, name);
	buf_adds(out, value ? "true" : "false");
}

static void duration(struct buf *out, const char *name, int64_t ns)
{
	char buf[64];

	if (ns == POLICY_INFINITY)
		text(out, name, "infinity");
	else if (ns == POLICY_BRUTAL_KILL)
		text(out, name, "brutal_kill");
	else
		text(out, name, num_duration_text(ns, buf, sizeof buf));
}

static void count(struct buf *out, const char *name, uint32_t value)
{
	if (value == POLICY_NO_LIMIT) {
		text(out, name, "infinity");
		return;
	}
	key(out, name);
	buf_addf(out, "%u", value);
}

/* The shortest form that reads as the same number. */
static void real(struct buf *out, const char *name, double value)
{
	key(out, name);
	for (int digits = 6;; digits++) {
		char number[40];
		double again;

		(void)snprintf(number, sizeof number, "%.*g", digits, value);
		again = strtod(number, NULL);
		if (digits < 17 && (again < value || again > value))
			continue;
		buf_adds(out, number);
		return;
	}
}

static void list(struct buf *out, const char *name, const struct str_list *l)
{
	key(out, name);
	buf_addc(out, '[');
	for (uint32_t i = 0; l && i < l->n; i++) {
		const char *item = str_list_at(l, i);

		buf_adds(out, i > 0 ? "," : "");
		buf_add_json(out, item, strlen(item));
	}
	buf_addc(out, ']');
}

static void command(
	struct buf *out, const char *name, const struct str_list *argv, bool shell)
{
	if (argv && shell && argv->n == 3)
		text(out, name, str_list_at(argv, 2));
	else if (argv)
		list(out, name, argv);
}

static void env(struct buf *out, const struct env_list *l)
{
	key(out, "env");
	buf_addc(out, '{');
	for (uint32_t i = 0; l && i < l->n; i++) {
		const char *name = REL_STR(l->at[i].key);
		const char *value = REL_STR(l->at[i].value);

		buf_adds(out, i > 0 ? "," : "");
		buf_add_json(out, name, strlen(name));
		buf_addc(out, ':');
		if (value)
			buf_add_json(out, value, strlen(value));
		else
			buf_adds(out, "null");
	}
	buf_addc(out, '}');
}

static void number_text(struct buf *out, const char *name, const char *fmt, uint32_t n)
{
	char buf[24];

	(void)snprintf(buf, sizeof buf, *fmt == 'o' ? "0%03o" : "%u", n);
	text(out, name, buf);
}

static void user(struct buf *out, const struct user_spec *u)
{
	const uint32_t *groups;

	if (!u)
		return;
	groups = REL_GET(uint32_t, u->groups);
	if (u->name)
		text(out, "user", REL_STR(u->name));
	else if (u->has_uid)
		number_text(out, "user", "u", u->uid);
	if (u->has_gid)
		number_text(out, "group", "u", u->gid);
	if (!u->has_groups)
		return;
	key(out, "groups");
	buf_addc(out, '[');
	for (uint32_t i = 0; i < u->n_groups; i++)
		buf_addf(out, "%s\"%u\"", i > 0 ? "," : "", groups[i]);
	buf_addc(out, ']');
}

static void success(struct buf *out, const struct success_spec *s)
{
	bool more = false;

	key(out, "success_exit");
	buf_addc(out, '[');
	for (unsigned i = 0; s && i < 256; i++) {
		if (s->codes[i / 64] & UINT64_C(1) << i % 64) {
			buf_addf(out, "%s%u", more ? "," : "", i);
			more = true;
		}
	}
	for (int i = 1; s && i < 64; i++) {
		if (s->signals & UINT64_C(1) << i) {
			buf_addf(out, "%s\"%s\"", more ? "," : "", signame(i));
			more = true;
		}
	}
	buf_addc(out, ']');
}

static void stdio(struct buf *out, const char *name, const struct stdio_spec *s)
{
	static const char *const names[] = {
		[STDIO_NULL] = "null", [STDIO_INHERIT] = "inherit", [STDIO_LOG] = "log"
	};
	const char *path = REL_STR(s->path);
	struct buf file;

	if (s->kind != STDIO_FILE) {
		text(out, name, names[s->kind]);
		return;
	}
	buf_init(&file, 0);
	buf_addf(&file, "file:%s", path);
	text(out, name, buf_text(&file));
	buf_done(&file);
}

static void probe(struct buf *out, const char *name, const struct probe_spec *p)
{
	bool is_health = strcmp(name, "health") == 0;

	if (!p)
		return;
	key(out, name);
	buf_addc(out, '{');
	if (p->kind == PROBE_WATCHDOG) {
		duration(out, "watchdog", p->interval_ns);
		buf_addc(out, '}');
		return;
	}
	if (p->kind == PROBE_EXEC)
		command(out, "exec", REL_GET(struct str_list, p->argv), p->shell);
	else
		text(out, p->kind == PROBE_TCP ? "tcp" : "http", REL_STR(p->target));
	duration(out, "interval", p->interval_ns);
	duration(out, "timeout", p->timeout_ns);
	if (is_health)
		count(out, "retries", p->retries);
	buf_addc(out, '}');
}

static void ready(struct buf *out, const struct child_spec *c)
{
	switch ((enum ready_kind)c->ready) {
	case READY_EXEC:
		return;
	case READY_NOTIFY:
		key(out, "ready");
		buf_adds(out, "{\"notify\":true}");
		return;
	case READY_FD:
		key(out, "ready");
		buf_addf(out, "{\"fd\":%u}", c->ready_fd);
		return;
	case READY_EXIT:
		key(out, "ready");
		buf_adds(out, "{\"exit\":true}");
		return;
	case READY_LOG:
		key(out, "ready");
		buf_addc(out, '{');
		text(out, "log", REL_STR(c->ready_log));
		buf_addc(out, '}');
		return;
	case READY_PROBE:
		probe(out, "ready", REL_GET(struct probe_spec, c->probe));
		return;
	}
}

static void backoff(struct buf *out, const struct backoff *b)
{
	if (b->initial_ns == 0)
		return;
	key(out, "backoff");
	buf_addc(out, '{');
	duration(out, "initial", b->initial_ns);
	duration(out, "max", b->max_ns);
	real(out, "factor", b->factor);
	real(out, "jitter", b->jitter);
	duration(out, "reset_after", b->reset_after_ns);
	buf_addc(out, '}');
}

static void limit_half(struct buf *out, const char *name, int resource, uint64_t value)
{
	enum limit_unit unit = limit_kinds[resource].unit;

	if (value == RLIM_INFINITY)
		text(out, name, "unlimited");
	else if (unit == LIMIT_SECONDS)
		duration(out, name, (int64_t)value * SEC_NS);
	else if (unit == LIMIT_MICROSECONDS)
		duration(out, name, (int64_t)value * USEC_NS);
	else {
		key(out, name);
		/* As a number it would not be exact. */
		buf_addf(out, value >> 53 ? "\"%" PRIu64 "\"" : "%" PRIu64, value);
	}
}

static void limits(struct buf *out, const struct attrs *a)
{
	if (!a->soft && !a->hard)
		return;
	key(out, "limits");
	buf_addc(out, '{');
	for (int i = 0; i < ATTRS_NLIMITS; i++) {
		if (!((a->soft | a->hard) >> i & 1))
			continue;
		key(out, limit_kinds[i].name);
		buf_addc(out, '{');
		if (a->soft >> i & 1)
			limit_half(out, "soft", i, a->limits[i].soft);
		if (a->hard >> i & 1)
			limit_half(out, "hard", i, a->limits[i].hard);
		buf_addc(out, '}');
	}
	buf_addc(out, '}');
}

static void cgroup(struct buf *out, const struct attrs *a)
{
	key(out, "cgroup");
	buf_addc(out, '{');
	if (a->memory_max)
		limit_half(out, "memory_max", RLIMIT_AS, a->memory_max);
	if (a->cpu_max)
		real(out, "cpu_max", (double)a->cpu_max / 1000);
	if (a->pids_max)
		limit_half(out, "pids_max", RLIMIT_NPROC, a->pids_max);
	buf_addc(out, '}');
}

static void attrs(struct buf *out, const struct attrs *a)
{
	bool more = false;

	if (!a)
		return;
	if (a->has_nice) {
		key(out, "nice");
		buf_addf(out, "%d", a->nice);
	}
	if (a->has_oom_score_adj) {
		key(out, "oom_score_adj");
		buf_addf(out, "%d", a->oom_score_adj);
	}
	limits(out, a);
	if (a->has_cgroup)
		cgroup(out, a);
	if (a->no_new_privileges)
		boolean(out, "no_new_privileges", true);
	if (!a->has_capabilities)
		return;
	key(out, "capabilities");
	buf_addc(out, '[');
	for (int i = 0; i < ATTRS_NCAPS; i++) {
		if (!(a->capabilities >> i & 1))
			continue;
		buf_addf(out, "%s\"%s\"", more ? "," : "", capability_names[i]);
		more = true;
	}
	buf_addc(out, ']');
}

static void process(struct buf *out, const struct child_spec *c)
{
	command(out, "start", REL_GET(struct str_list, c->argv), c->shell);
	if (c->cwd)
		text(out, "cwd", REL_STR(c->cwd));
	env(out, REL_GET(struct env_list, c->env));
	list(out, "env_file", REL_GET(struct str_list, c->env_file));
	if (c->listen)
		list(out, "listen", REL_GET(struct str_list, c->listen));
	user(out, REL_GET(struct user_spec, c->user));
	if (c->has_umask)
		number_text(out, "umask", "o", c->umask);
	attrs(out, REL_GET(struct attrs, c->attrs));
	boolean(out, "link", c->link);
	if (!c->link)
		text(out, "stop_signal", signame(c->stop_signal));
	if (c->reload_signal)
		text(out, "reload_signal", signame(c->reload_signal));
	text(out, "kill_mode", c->kill_mode == KILL_GROUP ? "group" : "mixed");
	success(out, REL_GET(struct success_spec, c->success));
	stdio(out, "stdin", &c->stdio[0]);
	stdio(out, "stdout", &c->stdio[1]);
	stdio(out, "stderr", &c->stdio[2]);
	ready(out, c);
	probe(out, "health", REL_GET(struct probe_spec, c->health));
}

static void agent(struct buf *out, const struct child_spec *c)
{
	key(out, "initial");
	buf_adds(out, REL_STR(c->initial));
	if (c->file)
		text(out, "file", REL_STR(c->file));
}

static void supervisor(struct buf *out, const struct sup_spec *s, bool is_partitioned)
{
	const struct sup_policy *p = &s->policy;
	const struct child_spec *template = REL_GET(struct child_spec, s->template);

	text(out, "strategy", strategy_names[p->strategy]);
	count(out, "max_restarts", p->max_restarts);
	real(out, "max_seconds", (double)p->max_seconds_ns / (double)SEC_NS);
	text(out, "auto_shutdown", auto_shutdown_names[p->auto_shutdown]);
	if (is_partitioned)
		count(out, "partitions", s->n_children);
	if (!p->dynamic)
		return;
	count(out, "max_children", p->max_children);
	if (template) {
		key(out, "child");
		spec_to_json(template, out);
	}
}

void spec_to_json(const struct child_spec *c, struct buf *out)
{
	const struct child_policy *p = &c->policy;

	buf_addc(out, '{');
	if (c->id)
		text(out, "id", REL_STR(c->id));
	text(out, "type", child_type_names[p->type]);
	text(out, "restart", restart_type_names[p->restart]);
	duration(out, "shutdown", p->shutdown_ns);
	boolean(out, "significant", p->significant);
	boolean(out, "autostart", p->autostart);
	duration(out, "start_timeout", p->start_timeout_ns);
	backoff(out, &p->backoff);
	if (spec_sup(c))
		supervisor(out, spec_sup(c), p->type == CHILD_PARTITION_SUPERVISOR);
	else if (p->type == CHILD_AGENT)
		agent(out, c);
	else if (p->type == CHILD_REGISTRY)
		text(out, "keys",
			c->registry_keys == REGISTRY_DUPLICATE ? "duplicate"
							       : "unique");
	else
		process(out, c);
	buf_addc(out, '}');
}
