/* Whether bytes from another process are a block. Nothing is believed before it has
 * been looked at: each reference must lead into the block and be aligned, each
 * enumeration and flag must have a value that it can have, each count what it counts.
 * The last byte of a block is 0, so a string that begins within it ends within it. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/resource.h>

#include "base/limits.h"
#include "config/spec.h"

struct verify {
	const char *data;
	size_t size;
	size_t children_left; /* a block of this size has no more */
	unsigned depth;
};

/* Room for `size` bytes at the target of a rel that is not 0. */
static bool is_within(
	const struct verify *v, const rel *field, size_t size, size_t align)
{
	int64_t at = (const char *)field - v->data + *field;

	return at >= 0 && (uint64_t)at <= v->size && size <= v->size - (uint64_t)at &&
		(uint64_t)at % align == 0;
}

static bool good_string(const struct verify *v, const rel *field, bool may_be_none)
{
	return *field ? is_within(v, field, 1, 1) : may_be_none;
}

static bool good_id(const struct verify *v, const rel *field)
{
	const char *id;

	if (!good_string(v, field, false))
		return false;
	id = REL_STR(*field);
	return *id && strnlen(id, KICK_ID_MAX + 1) <= KICK_ID_MAX && !strchr(id, '/');
}

static bool good_array(
	const struct verify *v, const rel *field, uint32_t n, size_t size, size_t align)
{
	return *field ? n <= v->size / size && is_within(v, field, n * size, align)
		      : n == 0;
}

/* Of a struct that begins with how many items there are, a uint32_t. */
static bool is_list(const struct verify *v, const rel *field, size_t head, size_t item,
	size_t align, uint32_t max)
{
	const uint32_t *n = REL_GET(uint32_t, *field);

	return is_within(v, field, head, align) && *n <= max &&
		is_within(v, field, head + *n * item, align);
}

static bool good_list(const struct verify *v, const rel *field, uint32_t max)
{
	const struct str_list *l = REL_GET(struct str_list, *field);

	if (!l)
		return true;
	if (!is_list(
		    v, field, sizeof *l, sizeof(rel), _Alignof(struct str_list), max) ||
		l->n == 0)
		return false;
	for (uint32_t i = 0; i < l->n; i++) {
		if (!good_string(v, &l->at[i], false))
			return false;
	}
	return true;
}

static bool good_env(const struct verify *v, const rel *field)
{
	const struct env_list *l = REL_GET(struct env_list, *field);

	if (!l)
		return true;
	if (!is_list(v, field, sizeof *l, sizeof(struct env_pair),
		    _Alignof(struct env_list), KICK_ENV_MAX))
		return false;
	for (uint32_t i = 0; i < l->n; i++) {
		if (!good_string(v, &l->at[i].key, false) ||
			!good_string(v, &l->at[i].value, true))
			return false;
	}
	return true;
}

/* A bool that came from outside may hold anything; reading it as one is not allowed
 * before it is known to be 0 or 1. */
static bool good_bool(const bool *field)
{
	unsigned char byte;

	memcpy(&byte, field, 1);
	return byte <= 1;
}

static bool good_user(const struct verify *v, const rel *field)
{
	const struct user_spec *u = REL_GET(struct user_spec, *field);

	if (!u)
		return true;
	return is_within(v, field, sizeof *u, _Alignof(struct user_spec)) &&
		good_bool(&u->has_uid) && good_bool(&u->has_gid) &&
		good_bool(&u->has_groups) &&
		good_array(v, &u->groups, u->n_groups, sizeof(uint32_t),
			_Alignof(uint32_t)) &&
		good_string(v, &u->name, true) && good_string(v, &u->home, true);
}

/* A limit's numbers may be anything: the kernel judges them. Only the mark's place is
 * not to be given. */
static bool good_attrs(const struct verify *v, const rel *field)
{
	const struct attrs *a = REL_GET(struct attrs, *field);

	if (!a)
		return true;
	return is_within(v, field, sizeof *a, _Alignof(struct attrs)) &&
		good_bool(&a->has_nice) && good_bool(&a->has_oom_score_adj) &&
		good_bool(&a->has_capabilities) && good_bool(&a->no_new_privileges) &&
		good_bool(&a->has_cgroup) &&
		!((a->soft | a->hard) >> RLIMIT_LOCKS & 1) &&
		a->cpu_max <= ATTRS_CPU_MAX && a->capabilities >> ATTRS_NCAPS == 0;
}

static bool good_socket(const struct verify *v, const struct socket_spec *s)
{
	return good_id(v, &s->name) && good_string(v, &s->address, false) &&
		good_string(v, &s->path, s->kind != SOCKET_UNIX) &&
		s->kind <= SOCKET_UNIX && s->mode <= 0777 && good_bool(&s->is_v6);
}

static bool good_sockets(const struct verify *v, const rel *field)
{
	const struct socket_list *l = REL_GET(struct socket_list, *field);

	if (!l)
		return true;
	if (!is_list(v, field, sizeof *l, sizeof(struct socket_spec),
		    _Alignof(struct socket_list), KICK_SOCKETS_MAX))
		return false;
	for (uint32_t i = 0; i < l->n; i++) {
		if (!good_socket(v, &l->at[i]))
			return false;
	}
	return true;
}

static bool is_duration(int64_t ns)
{
	return ns >= 0 && ns <= KICK_DURATION_MAX;
}

static bool good_time(int64_t ns, bool may_kill)
{
	return is_duration(ns) || ns == POLICY_INFINITY ||
		(may_kill && ns == POLICY_BRUTAL_KILL);
}

static bool good_backoff(const struct backoff *b)
{
	if (!is_duration(b->initial_ns) || !is_duration(b->max_ns) ||
		!is_duration(b->reset_after_ns))
		return false;
	if (b->initial_ns == 0)
		return true;
	return isfinite(b->factor) && b->factor >= 1 && b->jitter >= 0 &&
		b->jitter <= 1;
}

static bool good_policy(const struct child_policy *p)
{
	return p->type < CHILD_NTYPES && p->restart < RESTART_NTYPES &&
		good_bool(&p->significant) && good_bool(&p->autostart) &&
		good_bool(&p->oneshot) && good_time(p->shutdown_ns, true) &&
		good_time(p->start_timeout_ns, false) && good_backoff(&p->backoff);
}

static bool good_sup_policy(const struct sup_policy *p)
{
	return p->strategy < STRATEGY_NSTRATEGIES && p->auto_shutdown < AUTO_NAUTOS &&
		good_bool(&p->dynamic) && p->max_seconds_ns > 0 &&
		is_duration(p->max_seconds_ns) &&
		(p->max_restarts <= KICK_RESTARTS_MAX ||
			p->max_restarts == POLICY_NO_LIMIT);
}

/* A probe puts it into a request of a fixed size. */
static bool is_short(const rel *field)
{
	return strlen(REL_STR(*field)) <= KICK_PROBE_TARGET_MAX;
}

static bool good_probe(const struct verify *v, const rel *field, bool is_health)
{
	const struct probe_spec *p = REL_GET(struct probe_spec, *field);

	if (!p)
		return true;
	if (!is_within(v, field, sizeof *p, _Alignof(struct probe_spec)) ||
		!good_bool(&p->shell) || p->interval_ns <= 0 ||
		!is_duration(p->interval_ns) || !is_duration(p->timeout_ns) ||
		!good_string(v, &p->target, true) || !good_string(v, &p->host, true) ||
		!good_string(v, &p->path, true) ||
		!good_list(v, &p->argv, KICK_ARGV_MAX))
		return false;
	switch (p->kind) {
	case PROBE_TCP:
	case PROBE_HTTP:
		return p->port > 0 &&
			(p->family == 0 || p->family == 4 || p->family == 6) &&
			p->target &&
			(p->kind == PROBE_TCP ||
				(p->host && p->path && is_short(&p->host) &&
					is_short(&p->path)));
	case PROBE_EXEC:
		return p->argv != 0;
	case PROBE_WATCHDOG:
		return is_health;
	default:
		return false;
	}
}

static bool good_process(const struct verify *v, const struct child_spec *c)
{
	if (!good_bool(&c->shell) || !good_bool(&c->has_umask) ||
		!good_bool(&c->link) || c->ready > READY_PROBE ||
		c->kill_mode > KILL_GROUP || c->stop_signal > 64 ||
		c->reload_signal > 64 || c->umask > 0777)
		return false;
	if (c->ready == READY_FD &&
		(c->ready_fd < KICK_READY_FD_MIN || c->ready_fd > KICK_READY_FD_MAX))
		return false;
	if ((c->ready == READY_PROBE) != (c->probe != 0) ||
		(c->ready == READY_LOG) != (c->ready_log != 0) ||
		!good_string(v, &c->ready_log, true) ||
		!good_probe(v, &c->probe, false) || !good_probe(v, &c->health, true))
		return false;
	for (int i = 0; i < 3; i++) {
		if (c->stdio[i].kind > STDIO_FILE ||
			!good_string(
				v, &c->stdio[i].path, c->stdio[i].kind != STDIO_FILE))
			return false;
	}
	return good_list(v, &c->argv, 2 * KICK_ARGV_MAX) &&
		good_list(v, &c->listen, KICK_CHILD_SOCKETS_MAX) &&
		good_list(v, &c->env_file, UINT16_MAX) && good_env(v, &c->env) &&
		good_string(v, &c->cwd, true) && good_string(v, &c->where, true) &&
		good_user(v, &c->user) && good_attrs(v, &c->attrs) &&
		(!c->success ||
			is_within(v, &c->success, sizeof(struct success_spec),
				_Alignof(struct success_spec)));
}

static bool good_child(struct verify *v, const struct child_spec *c, bool is_template);

/* The child that a rel leads to. */
static bool good_child_at(struct verify *v, const rel *field, bool is_template)
{
	bool ok;

	if (!*field || v->children_left == 0 || v->depth > KICK_DEPTH_MAX ||
		!is_within(v, field, sizeof(struct child_spec),
			_Alignof(struct child_spec)))
		return false;
	v->children_left--;
	v->depth++;
	ok = good_child(v, REL_GET(struct child_spec, *field), is_template);
	v->depth--;
	return ok;
}

static bool good_sup(struct verify *v, const rel *field, bool is_dynamic)
{
	const struct sup_spec *s = REL_GET(struct sup_spec, *field);
	const rel *children;

	if (!s || !is_within(v, field, sizeof *s, _Alignof(struct sup_spec)) ||
		!good_sup_policy(&s->policy) || s->policy.dynamic != is_dynamic ||
		s->n_children > KICK_CHILDREN_MAX ||
		(is_dynamic && s->n_children > 0) ||
		!good_array(v, &s->children, s->n_children, sizeof(rel), _Alignof(rel)))
		return false;
	children = REL_GET(rel, s->children);
	for (uint32_t i = 0; i < s->n_children; i++) {
		if (!good_child_at(v, &children[i], false))
			return false;
	}
	return !s->template || (is_dynamic && good_child_at(v, &s->template, true));
}

/* JSON of one line, as far as can be told without reading it: it is sent as a part of
 * a message, which a line's end would end. */
static bool good_json(const struct verify *v, const rel *field)
{
	const char *text;

	if (!good_string(v, field, false))
		return false;
	text = REL_STR(*field);
	for (const char *at = text; *at; at++) {
		if ((unsigned char)*at < ' ')
			return false;
	}
	return *text != '\0';
}

/* Of each type: whether it has a program, children, or something of its own. */
static bool good_shape(struct verify *v, const struct child_spec *c, bool is_template)
{
	bool has_program = c->argv != 0;

	switch ((enum child_type)c->policy.type) {
	case CHILD_WORKER:
		return !c->sup && (is_template || has_program);
	case CHILD_SUPERVISOR:
		if (has_program)
			return !c->sup && c->link;
		return good_sup(v, &c->sup, false);
	case CHILD_DYNAMIC_SUPERVISOR:
		return !has_program && good_sup(v, &c->sup, true);
	case CHILD_PARTITION_SUPERVISOR:
		return !has_program && good_sup(v, &c->sup, false);
	case CHILD_REGISTRY:
		return !c->sup && !has_program &&
			c->registry_keys <= REGISTRY_DUPLICATE;
	case CHILD_AGENT:
		return !c->sup && !has_program && good_json(v, &c->initial) &&
			good_string(v, &c->file, true);
	case CHILD_NTYPES:
		break;
	}
	return false;
}

static bool good_child(struct verify *v, const struct child_spec *c, bool is_template)
{
	if (!good_policy(&c->policy) || !good_process(v, c))
		return false;
	if (is_template ? c->id != 0 : !good_id(v, &c->id))
		return false;
	return good_shape(v, c, is_template);
}

int config_verify(const void *block, size_t size)
{
	const struct config *cf = block;
	struct verify v = { .data = block,
		.size = size,
		.children_left = size / sizeof(struct child_spec) };

	if (size < sizeof *cf || size > INT32_MAX ||
		(uintptr_t)block % _Alignof(struct config) != 0)
		return -EBADMSG;
	if (cf->magic != CONFIG_MAGIC || cf->size != size || v.data[size - 1] != '\0')
		return -EBADMSG;
	if (!good_id(&v, &cf->name) || !good_string(&v, &cf->file, false) ||
		!good_env(&v, &cf->env) || !good_sockets(&v, &cf->listen) ||
		cf->on_give_up > GIVE_UP_RESTART ||
		!good_time(cf->shutdown_ns, false) || cf->control_mode > 0777)
		return -EBADMSG;
	if (!good_array(&v, &cf->control_group, cf->control_group != 0,
		    sizeof(uint32_t), _Alignof(uint32_t)) ||
		!good_array(&v, &cf->control_readers, cf->control_readers != 0,
			sizeof(uint32_t), _Alignof(uint32_t)))
		return -EBADMSG;
	if (cf->top.policy.type != CHILD_SUPERVISOR || !cf->top.sup ||
		!good_child(&v, &cf->top, false))
		return -EBADMSG;
	return 0;
}
