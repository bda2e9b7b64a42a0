/* Defaults in one place, and the way back from a specification to a draft, which the
 * template of a dynamic supervisor needs: a new child's keys are laid over it. */
#include "config/draft.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/macro.h"

#define DEFAULT_MAX_RESTARTS 3
#define DEFAULT_MAX_SECONDS (5 * SEC_NS)
#define DEFAULT_SHUTDOWN (5 * SEC_NS)
#define DEFAULT_TIMEOUT (30 * SEC_NS)
#define DEFAULT_MODE 0600

static uint8_t default_restart(const struct draft_child *c)
{
	return c->policy.oneshot ? RESTART_TRANSIENT : RESTART_PERMANENT;
}

static bool is_supervisor(const struct draft_child *c)
{
	return c->policy.type == CHILD_SUPERVISOR ||
		c->policy.type == CHILD_DYNAMIC_SUPERVISOR ||
		c->policy.type == CHILD_PARTITION_SUPERVISOR;
}

void draft_sup_append(struct draft_sup *sup, struct draft_child *c)
{
	if (sup->last)
		sup->last->next = c;
	else
		sup->first = c;
	sup->last = c;
	sup->n_children++;
}

bool draft_has_children(const struct draft_child *c)
{
	return is_supervisor(c) && c->argv.n == 0;
}

static int64_t default_shutdown(const struct draft_child *c)
{
	return is_supervisor(c) ? POLICY_INFINITY : DEFAULT_SHUTDOWN;
}

static int64_t default_start_timeout(const struct draft_child *c)
{
	return is_supervisor(c) || c->policy.oneshot ? POLICY_INFINITY
						     : DEFAULT_TIMEOUT;
}

static uint8_t default_kill_mode(const struct draft_child *c)
{
	return c->shell ? KILL_GROUP : KILL_MIXED;
}

void draft_child_init(struct draft_child *c, enum child_type type)
{
	*c = (struct draft_child){
		.policy = { .type = (uint8_t)type, .autostart = true },
		.ready = READY_EXEC,
		.stop_signal = SIGTERM,
		.stdio = { { .kind = STDIO_NULL },
			{ .kind = STDIO_LOG },
			{ .kind = STDIO_LOG } },
		.sup.policy = {
			.strategy = STRATEGY_ONE_FOR_ONE,
			.auto_shutdown = AUTO_NEVER,
			.dynamic = type == CHILD_DYNAMIC_SUPERVISOR,
			.max_restarts = DEFAULT_MAX_RESTARTS,
			.max_seconds_ns = DEFAULT_MAX_SECONDS,
			.max_children = POLICY_NO_LIMIT,
		},
	};
}

void draft_config_init(struct draft_config *cf)
{
	*cf = (struct draft_config){
		.on_give_up = GIVE_UP_EXIT,
		.shutdown_ns = POLICY_INFINITY,
		.control_mode = DEFAULT_MODE,
	};
	draft_child_init(&cf->top, CHILD_SUPERVISOR);
}

void draft_child_settle(struct draft_child *c)
{
	if (!c->stated.restart)
		c->policy.restart = default_restart(c);
	if (!c->stated.shutdown)
		c->policy.shutdown_ns = default_shutdown(c);
	if (!c->stated.start_timeout)
		c->policy.start_timeout_ns = default_start_timeout(c);
	if (!c->stated.kill_mode)
		c->kill_mode = default_kill_mode(c);
	if (c->policy.type == CHILD_AGENT && !c->initial)
		c->initial = "null";
}

static void note_stated(struct draft_child *c)
{
	c->stated = (struct draft_stated){
		.restart = c->policy.restart != default_restart(c),
		.shutdown = c->policy.shutdown_ns != default_shutdown(c),
		.start_timeout = c->policy.start_timeout_ns != default_start_timeout(c),
		.kill_mode = c->kill_mode != default_kill_mode(c),
	};
}

static int list_from_spec(
	struct arena *a, const struct str_list *l, struct draft_list *ret)
{
	const char **at;

	if (!l)
		return 0;
	at = arena_alloc(a, (l->n + 1) * sizeof *at);
	if (!at)
		return -ENOMEM;
	for (uint32_t i = 0; i < l->n; i++)
		at[i] = str_list_at(l, i);
	*ret = (struct draft_list){ .n = l->n, .at = at };
	return 0;
}

static int env_from_spec(
	struct arena *a, const struct env_list *l, struct draft_env *ret)
{
	struct draft_env_pair *at;

	if (!l)
		return 0;
	at = arena_alloc(a, (l->n + 1) * sizeof *at);
	if (!at)
		return -ENOMEM;
	for (uint32_t i = 0; i < l->n; i++) {
		at[i].key = REL_STR(l->at[i].key);
		at[i].value = REL_STR(l->at[i].value);
	}
	*ret = (struct draft_env){ .n = l->n, .at = at };
	return 0;
}

static void user_from_spec(const struct user_spec *u, struct draft_user *ret)
{
	if (!u)
		return;
	*ret = (struct draft_user){
		.has_uid = u->has_uid,
		.has_gid = u->has_gid,
		.has_groups = u->has_groups,
		.uid = u->uid,
		.gid = u->gid,
		.n_groups = u->n_groups,
		.groups = REL_GET(uint32_t, u->groups),
		.name = REL_STR(u->name),
		.home = REL_STR(u->home),
	};
}

static int probe_from_spec(
	struct arena *a, const struct probe_spec *s, struct draft_probe *ret)
{
	if (!s)
		return 0;
	ret->spec = *s;
	ret->target = REL_STR(s->target);
	ret->host = REL_STR(s->host);
	ret->path = REL_STR(s->path);
	return list_from_spec(a, REL_GET(struct str_list, s->argv), &ret->argv);
}

static int add_from_spec(
	struct arena *a, const struct child_spec *spec, struct draft_sup *sup)
{
	struct draft_child *c = arena_alloc(a, sizeof *c);
	int r;

	if (!c)
		return -ENOMEM;
	r = draft_from_spec(a, spec, c);
	if (r < 0)
		return r;
	draft_sup_append(sup, c);
	return 0;
}

static int sup_from_spec(
	struct arena *a, const struct sup_spec *spec, struct draft_sup *sup)
{
	const struct child_spec *template = REL_GET(struct child_spec, spec->template);
	int r;

	sup->policy = spec->policy;
	/* It was accepted once, so whatever had to be stated was. */
	sup->policy.states_max_restarts = true;
	for (uint32_t i = 0; i < spec->n_children; i++) {
		r = add_from_spec(a, spec_child(spec, i), sup);
		if (r < 0)
			return r;
	}
	if (!template)
		return 0;
	sup->template = arena_alloc(a, sizeof *sup->template);
	return sup->template ? draft_from_spec(a, template, sup->template) : -ENOMEM;
}

static void plain_from_spec(const struct child_spec *spec, struct draft_child *c)
{
	const struct success_spec *success =
		REL_GET(struct success_spec, spec->success);

	c->id = REL_STR(spec->id);
	c->policy = spec->policy;
	c->shell = spec->shell;
	c->ready = spec->ready;
	c->ready_fd = spec->ready_fd;
	c->kill_mode = spec->kill_mode;
	c->stop_signal = spec->stop_signal;
	c->reload_signal = spec->reload_signal;
	c->link = spec->link;
	c->has_umask = spec->has_umask;
	c->umask = spec->umask;
	c->cwd = REL_STR(spec->cwd);
	c->initial = REL_STR(spec->initial);
	c->file = REL_STR(spec->file);
	c->ready_log = REL_STR(spec->ready_log);
	c->registry_keys = spec->registry_keys;
	c->where = REL_STR(spec->where);
	c->has_success = success != NULL;
	if (success)
		c->success = *success;
	for (int i = 0; i < 3; i++) {
		c->stdio[i].kind = spec->stdio[i].kind;
		c->stdio[i].path = REL_STR(spec->stdio[i].path);
	}
}

int draft_from_spec(
	struct arena *a, const struct child_spec *spec, struct draft_child *ret)
{
	int r;

	draft_child_init(ret, spec->policy.type);
	plain_from_spec(spec, ret);
	user_from_spec(REL_GET(struct user_spec, spec->user), &ret->user);
	if (spec->attrs)
		ret->attrs = *REL_GET(struct attrs, spec->attrs);
	note_stated(ret);
	r = list_from_spec(a, REL_GET(struct str_list, spec->argv), &ret->argv);
	if (r == 0)
		r = list_from_spec(
			a, REL_GET(struct str_list, spec->env_file), &ret->env_file);
	if (r == 0)
		r = list_from_spec(
			a, REL_GET(struct str_list, spec->listen), &ret->listen);
	if (r == 0)
		r = env_from_spec(a, REL_GET(struct env_list, spec->env), &ret->env);
	if (r == 0)
		r = probe_from_spec(
			a, REL_GET(struct probe_spec, spec->probe), &ret->probe);
	if (r == 0)
		r = probe_from_spec(
			a, REL_GET(struct probe_spec, spec->health), &ret->health);
	if (r == 0 && spec_sup(spec))
		r = sup_from_spec(a, spec_sup(spec), &ret->sup);
	return r;
}
