/* Requests that are more than a call of the machine: a new child from a specification,
 * and exit signals. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "config/load.h"
#include "otp/internal.h"

/* Relative paths of an added child are relative to the configuration's directory. */
static char *base_dir(const struct supervisor *sv)
{
	const char *file = REL_STR(sv->config->file);
	const char *slash = file ? strrchr(file, '/') : NULL;

	if (!slash)
		return strdup("/");
	return strndup(file, slash == file ? 1 : (size_t)(slash - file));
}

/* jobs/1, jobs/2, ...: never used twice in the life of their supervisor. */
static char *next_id(struct supervisor *sv)
{
	char text[24];

	do
		(void)snprintf(text, sizeof text, "%llu",
			(unsigned long long)++sv->next_dynamic_id);
	while (sup_find(&sv->core, text));
	return strdup(text);
}

/* Supervisors within a specification, itself included; a worker is none. */
static unsigned depth_of(const struct child_spec *spec)
{
	const struct sup_spec *sup = spec_sup(spec);
	unsigned deepest = 0;

	for (uint32_t i = 0; sup && i < sup->n_children; i++) {
		unsigned d = depth_of(spec_child(sup, i));

		deepest = d > deepest ? d : deepest;
	}
	return sup ? deepest + 1 : 0;
}

/* 0 and a child that owns block, or -ENOMEM (block is freed then too). */
static int new_added(struct supervisor *sv, void *block, struct supervised **ret)
{
	const struct child_spec *spec = spec_block_child(block);
	uint32_t room = 2 * (sv->core.n + 1) + 16;
	struct supervised *c = NULL;

	if (loop_reserve(sv->loop, room) == 0)
		c = supervised_new(sv, spec);
	if (!c) {
		free(block);
		return -ENOMEM;
	}
	c->block = block;
	if (!REL_STR(spec->id)) {
		c->id = next_id(sv);
		if (!c->id) {
			supervised_free(c);
			return -ENOMEM;
		}
	}
	*ret = c;
	return 0;
}

static bool bears_our_name(const struct supervisor *sv, const struct child_spec *spec)
{
	const char *id = REL_STR(spec->id);

	return id && strcmp(id, supervisor_name(sv)) == 0;
}

/* Of the child and of those below it. */
static bool knows_sockets(
	const struct supervisor *sv, const struct child_spec *c, struct buf *diag)
{
	const struct str_list *names = REL_GET(struct str_list, c->listen);
	const struct sup_spec *sup = spec_sup(c);

	for (uint32_t i = 0; names && i < names->n; i++) {
		const char *name = str_list_at(names, i);

		if (config_socket(sv->config, name))
			continue;
		buf_addf(diag,
			"SPEC: error: there is no socket \"%s\" in the application's "
			"\"listen\" [.listen[%u]]\n",
			name, i);
		return false;
	}
	for (uint32_t i = 0; sup && i < sup->n_children; i++) {
		if (!knows_sockets(sv, spec_child(sup, i), diag))
			return false;
	}
	return !sup || !sup->template ||
		knows_sockets(sv, REL_GET(struct child_spec, sup->template), diag);
}

int supervisor_start_child(struct supervisor *sv, const char *json, size_t len,
	struct request *rq, struct buf *diag)
{
	const struct sup_spec *spec = spec_sup(sv->spec);
	const struct child_spec *template = REL_GET(struct child_spec, spec->template);
	autofree char *dir = NULL;
	struct supervised *c;
	uint64_t last_id;
	void *block;
	size_t size;
	int r;

	if (sv->spec->policy.type == CHILD_PARTITION_SUPERVISOR) {
		buf_adds(diag,
			"SPEC: error: a partition_supervisor's children are its "
			"partitions; change \"partitions\" in the configuration and "
			"use kick reload\n");
		return -EINVAL;
	}
	dir = base_dir(sv);
	if (!dir)
		return -ENOMEM;
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): autofree */
	r = config_load_child(json, len, dir, &spec->policy, template,
		!spec->policy.dynamic, diag, &block, &size);
	if (r < 0)
		return r;
	if (sv->depth + depth_of(spec_block_child(block)) >= KICK_DEPTH_MAX) {
		buf_addf(diag,
			"SPEC: error: supervisors would be nested deeper than %d "
			"(KICK_DEPTH_MAX)\n",
			KICK_DEPTH_MAX);
		free(block);
		return -EINVAL;
	}
	if (!*sv->path && bears_our_name(sv, spec_block_child(block))) {
		buf_addf(diag,
			"SPEC: error: \"%s\" is the name of the application; a child "
			"at the top may not bear it [.id]\n",
			supervisor_name(sv));
		free(block);
		return -EINVAL;
	}
	if (!knows_sockets(sv, spec_block_child(block), diag)) {
		free(block);
		return -EINVAL;
	}
	last_id = sv->next_dynamic_id;
	r = new_added(sv, block, &c);
	if (r < 0)
		return r;
	sup_start_child(&sv->core, &c->core, c->id ? c->id : REL_STR(c->spec->id),
		&c->spec->policy, &rq->waiter, clock_now());
	/* Refused: nobody has seen its number. */
	if (c->id && !sup_find(&sv->core, c->id))
		sv->next_dynamic_id = last_id;
	supervisor_settle(sv);
	return 0;
}

static int order_exit(struct supervised *c, const char *reason)
{
	int64_t time = c->core.policy->shutdown_ns;
	int64_t now = clock_now();

	if (!c->exit_order)
		c->exit_order = malloc(sizeof *c->exit_order);
	if (!c->exit_order)
		return -ENOMEM;
	*c->exit_order = reason_text(reason);
	c->exit_order_until = time == POLICY_INFINITY ? INT64_MAX
		: time == POLICY_BRUTAL_KILL	      ? now
						      : now + time;
	(void)supervisor_signal(c, c->spec->stop_signal);
	(void)supervisor_signal(c, SIGCONT);
	return 0;
}

int supervisor_exit_child(struct supervised *c, const char *reason)
{
	if (c->proc.pid == 0)
		return -ESRCH;
	if (strcmp(reason, "kill") == 0)
		return supervisor_signal(c, SIGKILL);
	if (is_supervisor(c))
		return -EPERM;
	if (strcmp(reason, "normal") == 0)
		return 0;
	return c->nested ? nested_exit(c, reason) : order_exit(c, reason);
}
