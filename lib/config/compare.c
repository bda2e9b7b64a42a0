/* What is different between two specifications of one child, and what that means: a
 * difference in what shapes the process asks for a new process, any other does not. */
#include <string.h>

#include "config/spec.h"

static bool equal_texts(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool equal_lists(const struct str_list *a, const struct str_list *b)
{
	if (!a || !b)
		return a == b;
	if (a->n != b->n)
		return false;
	for (uint32_t i = 0; i < a->n; i++) {
		if (strcmp(str_list_at(a, i), str_list_at(b, i)) != 0)
			return false;
	}
	return true;
}

bool env_list_equal(const struct env_list *a, const struct env_list *b)
{
	if (!a || !b)
		return a == b;
	if (a->n != b->n)
		return false;
	/* The order counts: a value may refer to the variables before it. */
	for (uint32_t i = 0; i < a->n; i++) {
		if (!equal_texts(REL_STR(a->at[i].key), REL_STR(b->at[i].key)) ||
			!equal_texts(REL_STR(a->at[i].value), REL_STR(b->at[i].value)))
			return false;
	}
	return true;
}

bool socket_same(const struct socket_spec *a, const struct socket_spec *b)
{
	return a->kind == b->kind &&
		strcmp(REL_STR(a->address), REL_STR(b->address)) == 0;
}

bool config_same_sockets(
	const struct config *a, const struct config *b, const struct str_list *names)
{
	for (uint32_t i = 0; names && i < names->n; i++) {
		const char *name = str_list_at(names, i);
		const struct socket_spec *x = config_socket(a, name);
		const struct socket_spec *y = config_socket(b, name);

		if (!x || !y || !socket_same(x, y))
			return false;
	}
	return true;
}

static bool equal_groups(const struct user_spec *a, const struct user_spec *b)
{
	const uint32_t *left = REL_GET(uint32_t, a->groups);
	const uint32_t *right = REL_GET(uint32_t, b->groups);

	if (a->has_groups != b->has_groups || a->n_groups != b->n_groups)
		return false;
	if (!left || !right)
		return left == right;
	return memcmp(left, right, a->n_groups * sizeof *left) == 0;
}

static bool equal_users(const struct user_spec *a, const struct user_spec *b)
{
	if (!a || !b)
		return a == b;
	return a->has_uid == b->has_uid && a->has_gid == b->has_gid &&
		a->uid == b->uid && a->gid == b->gid && equal_groups(a, b) &&
		equal_texts(REL_STR(a->name), REL_STR(b->name)) &&
		equal_texts(REL_STR(a->home), REL_STR(b->home));
}

static bool equal_processes(const struct child_spec *a, const struct child_spec *b)
{
	for (int i = 0; i < 3; i++) {
		if (a->stdio[i].kind != b->stdio[i].kind ||
			!equal_texts(
				REL_STR(a->stdio[i].path), REL_STR(b->stdio[i].path)))
			return false;
	}
	return a->policy.type == b->policy.type && a->shell == b->shell &&
		a->has_umask == b->has_umask && a->umask == b->umask &&
		a->link == b->link && a->registry_keys == b->registry_keys &&
		equal_texts(REL_STR(a->initial), REL_STR(b->initial)) &&
		equal_texts(REL_STR(a->file), REL_STR(b->file)) &&
		equal_texts(REL_STR(a->cwd), REL_STR(b->cwd)) &&
		equal_lists(REL_GET(struct str_list, a->argv),
			REL_GET(struct str_list, b->argv)) &&
		equal_lists(REL_GET(struct str_list, a->env_file),
			REL_GET(struct str_list, b->env_file)) &&
		equal_lists(REL_GET(struct str_list, a->listen),
			REL_GET(struct str_list, b->listen)) &&
		env_list_equal(REL_GET(struct env_list, a->env),
			REL_GET(struct env_list, b->env)) &&
		equal_users(REL_GET(struct user_spec, a->user),
			REL_GET(struct user_spec, b->user)) &&
		attrs_equal(REL_GET(struct attrs, a->attrs),
			REL_GET(struct attrs, b->attrs));
}

static bool equal_success(const struct success_spec *a, const struct success_spec *b)
{
	if (!a || !b)
		return a == b;
	return memcmp(a->codes, b->codes, sizeof a->codes) == 0 &&
		a->signals == b->signals;
}

static bool equal_probes(const struct probe_spec *a, const struct probe_spec *b)
{
	if (!a || !b)
		return a == b;
	return a->kind == b->kind && a->retries == b->retries &&
		a->interval_ns == b->interval_ns && a->timeout_ns == b->timeout_ns &&
		a->shell == b->shell &&
		equal_texts(REL_STR(a->target), REL_STR(b->target)) &&
		equal_lists(REL_GET(struct str_list, a->argv),
			REL_GET(struct str_list, b->argv));
}

bool spec_same_health(const struct child_spec *a, const struct child_spec *b)
{
	return equal_probes(REL_GET(struct probe_spec, a->health),
		REL_GET(struct probe_spec, b->health));
}

static bool equal_backoffs(const struct backoff *a, const struct backoff *b)
{
	return a->initial_ns == b->initial_ns && a->max_ns == b->max_ns &&
		a->reset_after_ns == b->reset_after_ns && !(a->factor < b->factor) &&
		!(a->factor > b->factor) && !(a->jitter < b->jitter) &&
		!(a->jitter > b->jitter);
}

static bool equal_policies(
	const struct child_spec *left, const struct child_spec *right)
{
	const struct child_policy *a = &left->policy, *b = &right->policy;

	return a->restart == b->restart && a->significant == b->significant &&
		a->autostart == b->autostart && a->oneshot == b->oneshot &&
		a->shutdown_ns == b->shutdown_ns &&
		a->start_timeout_ns == b->start_timeout_ns &&
		equal_backoffs(&a->backoff, &b->backoff) &&
		left->ready == right->ready &&
		(left->ready != READY_FD || left->ready_fd == right->ready_fd) &&
		equal_texts(REL_STR(left->ready_log), REL_STR(right->ready_log)) &&
		equal_probes(REL_GET(struct probe_spec, left->probe),
			REL_GET(struct probe_spec, right->probe)) &&
		spec_same_health(left, right) && left->kill_mode == right->kill_mode &&
		left->stop_signal == right->stop_signal &&
		left->reload_signal == right->reload_signal &&
		equal_success(REL_GET(struct success_spec, left->success),
			REL_GET(struct success_spec, right->success));
}

static bool equal_templates(const struct child_spec *a, const struct child_spec *b);

static bool equal_sups(const struct sup_spec *a, const struct sup_spec *b)
{
	if (!a || !b)
		return a == b;
	return a->policy.strategy == b->policy.strategy &&
		a->policy.auto_shutdown == b->policy.auto_shutdown &&
		a->policy.dynamic == b->policy.dynamic &&
		a->policy.max_restarts == b->policy.max_restarts &&
		a->policy.max_seconds_ns == b->policy.max_seconds_ns &&
		a->policy.max_children == b->policy.max_children &&
		equal_templates(REL_GET(struct child_spec, a->template),
			REL_GET(struct child_spec, b->template));
}

/* A template is one value: all of it counts, the children in it too. */
static bool equal_templates(const struct child_spec *a, const struct child_spec *b)
{
	const struct sup_spec *left, *right;

	if (!a || !b)
		return a == b;
	left = spec_sup(a);
	right = spec_sup(b);
	if (!equal_processes(a, b) || !equal_policies(a, b) || !equal_sups(left, right))
		return false;
	if (!left || left->n_children != right->n_children)
		return !left;
	for (uint32_t i = 0; i < left->n_children; i++) {
		const struct child_spec *x = spec_child(left, i),
					*y = spec_child(right, i);

		if (!equal_texts(REL_STR(x->id), REL_STR(y->id)) ||
			!equal_templates(x, y))
			return false;
	}
	return true;
}

enum spec_change spec_compare(const struct child_spec *a, const struct child_spec *b)
{
	if (!equal_processes(a, b))
		return SPEC_PROCESS;
	if (!equal_policies(a, b) || !equal_sups(spec_sup(a), spec_sup(b)))
		return SPEC_POLICY;
	return SPEC_SAME;
}
