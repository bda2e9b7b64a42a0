/* A restart without a gap: a second process of a child is started while the first one
 * runs, and when it is ready, they change places and the first is stopped. What makes
 * that possible is the listening sockets: both have them.
 *
 * For the machine the second process is a temporary child of its own, "web@roll", made
 * from a copy of the specification. So its start, its failure, its stop and everything
 * that may happen meanwhile go the same way as for any other. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "config/load.h"
#include "otp/internal.h"

#define SUFFIX "@roll"

static_assert(sizeof SUFFIX <= KICK_SUFFIX_MAX, "a path has room for it");

struct roll {
	struct request rq;
	struct request *asker;
	struct supervisor *sv;
	pid_t old_pid;
	enum sup_result result; /* unless the stop fails */
	char id[];		/* of the child */
};

/* Everything that is the process's and not the child's. */
static void change_places(struct supervised *a, struct supervised *b)
{
	struct pid_table *pids = &a->sup->pids;

	prober_stop(a);
	prober_stop(b);
	pids_remove(pids, a);
	pids_remove(pids, b);
	SWAP(a->proc, b->proc);
	SWAP(a->main, b->main);
	SWAP(a->mark, b->mark);
	SWAP(a->out[0], b->out[0]);
	SWAP(a->out[1], b->out[1]);
	notify_swap(a, b);
	SWAP(a->status_text, b->status_text);
	SWAP(a->exit_order, b->exit_order);
	SWAP(a->exit_order_until, b->exit_order_until);
	SWAP(a->start_wall, b->start_wall);
	SWAP(a->ready_wall, b->ready_wall);
	group_swap(a, b);
	pids_add(pids, a);
	pids_add(pids, b);
	sup_swap(&a->core, &b->core);
	prober_for_health(a);
}

static void finish(struct roll *roll, enum sup_result result, struct supervised *c)
{
	struct request *asker = roll->asker;

	free(roll);
	asker->done(asker, result, c);
}

static void on_stopped(struct request *rq, enum sup_result result, struct supervised *n)
{
	struct roll *roll = container_of(rq, struct roll, rq);

	(void)n;
	finish(roll, roll->result == SUP_OK ? result : roll->result,
		supervisor_find(roll->sv, roll->id));
}

/* False: something else has happened to it, and that had the last word. */
static bool is_as_it_was(const struct roll *roll, const struct supervised *c)
{
	return c && c->core.state == CHILD_RUNNING && c->proc.pid == roll->old_pid;
}

/* One of the two goes now. */
static void on_started(struct request *rq, enum sup_result result, struct supervised *n)
{
	struct roll *roll = container_of(rq, struct roll, rq);
	struct supervisor *sv = roll->sv;
	struct supervised *c = supervisor_find(sv, roll->id);
	char path[KICK_PATH_MAX];

	if (result != SUP_OK || !n) {
		finish(roll, result, NULL);
		return;
	}
	if (is_as_it_was(roll, c)) {
		change_places(c, n);
		report_message(sv, "", 0,
			"%s: pid %d takes over from pid %d, which is stopped",
			supervisor_path(c, path), (int)supervisor_pid(c),
			(int)supervisor_pid(n));
	} else {
		roll->result = SUP_CANCELLED;
	}
	roll->rq.done = on_stopped;
	sup_terminate_child(&sv->core, &n->core, &roll->rq.waiter, clock_now());
}

/* The second process as a child: nothing that happens to it is the strategy's matter.
 */
static struct supervised *make_second(struct supervised *c)
{
	struct supervised *n = NULL;
	struct child_spec *spec;
	void *block;
	size_t size;

	if (config_copy_child(c->spec, &block, &size) < 0)
		return NULL;
	spec = block;
	spec->policy.restart = RESTART_TEMPORARY;
	spec->policy.significant = false;
	spec->policy.backoff = (struct backoff){ 0 };
	if (loop_reserve(c->sup->loop, 2 * (c->sup->core.n + 1) + 16) == 0)
		n = supervised_new(c->sup, spec);
	if (!n) {
		free(block);
		return NULL;
	}
	n->block = block;
	n->second = !c->second;
	n->shown = strdup(c->core.id);
	if (asprintf(&n->id, "%s" SUFFIX, c->core.id) < 0)
		n->id = NULL;
	if (n->shown && n->id)
		return n;
	supervised_free(n);
	return NULL;
}

const char *supervisor_roll_refusal(const struct supervised *c)
{
	char second[KICK_ID_MAX + sizeof SUFFIX];

	if (!c->spec->listen)
		return "no_listen";
	/* Two of it at a time would have one name, and one socket to be called on. */
	if (c->nested)
		return "has_link";
	(void)snprintf(second, sizeof second, "%s" SUFFIX, c->core.id);
	if (c->shown || sup_find(&c->sup->core, second))
		return "rolling";
	return NULL;
}

void supervisor_roll_child(
	struct supervisor *sv, struct supervised *c, struct request *rq)
{
	size_t size = strlen(c->core.id) + 1;
	struct supervised *n;
	struct roll *roll;

	if (c->core.state != CHILD_RUNNING) {
		supervisor_renew_child(sv, c, rq);
		return;
	}
	roll = malloc(sizeof *roll + size);
	n = roll ? make_second(c) : NULL;
	if (!n) {
		free(roll);
		rq->done(rq, SUP_NO_MEMORY, c);
		return;
	}
	*roll = (struct roll){ .rq.done = on_started,
		.asker = rq,
		.sv = sv,
		.old_pid = c->proc.pid,
		.result = SUP_OK };
	memcpy(roll->id, c->core.id, size);
	sup_start_second(&sv->core, &n->core, n->id, &n->spec->policy, &roll->rq.waiter,
		clock_now());
	supervisor_settle(sv);
}
