/* The naive model: what ends, starts and fails means, told one operation at a time. It
 * exists to disagree with lib/core when that is clever in a wrong way; it shares no
 * code with it but the classes of reasons. */
#include "model/naive.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/macro.h"

/* --- what a failure means -------------------------------------------------- */

/* True: one restart too many. */
static bool count_restart(struct naive *nv, int64_t now)
{
	unsigned recent = 0;

	if (nv->n_times == NAIVE_TIMES) {
		memmove(nv->times, nv->times + NAIVE_TIMES / 2, sizeof(nv->times) / 2);
		nv->n_times = NAIVE_TIMES / 2;
	}
	nv->times[nv->n_times++] = now;
	for (unsigned i = 0; i < nv->n_times; i++)
		if (now - nv->times[i] <= nv->policy.max_seconds_ns)
			recent++;
	return nv->policy.max_restarts != POLICY_NO_LIMIT &&
		recent > nv->policy.max_restarts;
}

static double plain_wait(const struct backoff *b, uint32_t n)
{
	double wait = (double)b->initial_ns;

	while (n-- > 0 && wait < (double)b->max_ns)
		wait *= b->factor;
	return wait < (double)b->max_ns ? wait : (double)b->max_ns;
}

/* How long a child waits that failed: a range, for the jitter and for what the rules
 * leave open: whether a run begins with the start or when it is ready, and whether it
 * ends with the verdict on a faulty child or with its process. */
static void set_wait(struct naive_child *c, bool start_failed, int64_t now)
{
	const struct backoff *b = &c->policy->backoff;
	bool surely = !start_failed && c->run_end - c->ready_at >= b->reset_after_ns;
	bool maybe = !start_failed && now - c->started_at >= b->reset_after_ns;
	double low, high;

	if (surely && !c->vague_count)
		c->failures = 0;
	low = high = plain_wait(b, c->failures);
	if (maybe != surely || c->vague_count) {
		low = plain_wait(b, 0);
		c->vague_count = true;
		high = c->failures ? high : plain_wait(b, 100);
	}
	c->failures++;
	c->due = now + (int64_t)(low * (1 - b->jitter)) - 2;
	c->due_max = now + (int64_t)(high * (1 + b->jitter)) + 2;
}

/* Who is stopped and who is started again with the one in `slot`. */
static void plan_group(struct naive *nv, unsigned slot)
{
	bool affected = nv->policy.strategy == STRATEGY_ONE_FOR_ALL;

	for (unsigned i = 0; i < nv->n; i++) {
		struct naive_child *c = &nv->child[nv->order[i]];
		bool self = nv->order[i] == slot;

		affected = affected || self;
		c->halt = affected && !self && naive_up(c);
		c->go = affected &&
			(self ||
				(c->policy->restart != RESTART_TEMPORARY &&
					!c->sticky));
		if (c->go && !naive_up(c) && !self) {
			c->other = c->state;
			c->state = CHILD_RESTARTING;
		}
	}
}

static bool others_are_quiet(const struct naive *nv, unsigned slot)
{
	for (unsigned i = 0; i < nv->n; i++) {
		const struct naive_child *c = &nv->child[nv->order[i]];

		if (nv->order[i] != slot &&
			(c->state == CHILD_STARTING || c->state == CHILD_STOPPING))
			return false;
	}
	return true;
}

/* The supervisor ends for a reason of its own. During the boot it counts as having
 * started: its parent is to see an end, which its restart type judges, and not a start
 * that failed. */
static void end_by_itself(struct naive *nv, const char *reason, int64_t now)
{
	if (nv->phase == SUP_BOOTING)
		deed_add(&nv->deeds, DEED_UP, 0, 0);
	naive_end(nv, reason, false, now);
}

/* Two counted at once, then one each time: never more than are allowed in a period. */
static int64_t resource_wait(const struct naive *nv)
{
	uint32_t max = nv->policy.max_restarts;
	int64_t wait = 0;

	if (max > 1 && max != POLICY_NO_LIMIT)
		wait = (int64_t)((double)nv->policy.max_seconds_ns / (max - 1)) +
			MSEC_NS;
	if (wait < KICK_RESOURCE_RETRY_MS * MSEC_NS)
		return KICK_RESOURCE_RETRY_MS * MSEC_NS;
	if (wait > KICK_RESOURCE_RETRY_MAX_MS * MSEC_NS)
		return KICK_RESOURCE_RETRY_MAX_MS * MSEC_NS;
	return wait;
}

/* A child that is to be started again by itself failed, or its start did. */
static void failed(struct naive *nv, unsigned slot, bool start, bool want, int64_t now)
{
	struct naive_child *c = &nv->child[slot];
	bool backoff = c->policy->backoff.initial_ns != 0;
	bool waits = backoff || want;

	if (c->state == CHILD_RUNNING)
		c->run_end = now;
	if (count_restart(nv, now)) {
		naive_down(nv, slot, CHILD_EXITED, CHILD_STOPPED);
		naive_event(nv, DEED_NOBODY, EVENT_GAVE_UP);
		end_by_itself(nv, "shutdown:max_restarts", now);
		return;
	}
	naive_set(c, CHILD_RESTARTING);
	c->doom = NULL;
	c->go = c->halt = false;
	naive_event(nv, slot, EVENT_RESTARTING);
	if (backoff)
		set_wait(c, start, now);
	else if (start)
		c->due = c->due_max = now + (want ? resource_wait(nv) : 0);
	if (backoff && want && c->due_max < now + resource_wait(nv))
		c->due_max = now + resource_wait(nv);
	if (!naive_is_group(nv)) {
		if (!waits && !start)
			naive_launch(nv, slot, now);
		naive_move(nv, now);
		return;
	}
	if (nv->op == OP_BOOT || nv->op == OP_HOLD || !others_are_quiet(nv, slot) ||
		(nv->op == OP_GROUP && !start)) {
		nv->lost = true;
		return;
	}
	nv->cause = slot;
	nv->op = waits || start ? OP_HOLD : OP_GROUP;
	if (waits || !start)
		plan_group(nv, slot);
	c->other = c->state;
	naive_move(nv, now);
}

static bool is_abnormal(const char *reason)
{
	return strcmp(reason, "normal") != 0 && strncmp(reason, "shutdown", 8) != 0;
}

/* auto_shutdown: called for a significant child that ended by itself, for good. */
static void significant_ended(struct naive *nv, int64_t now)
{
	if (nv->policy.auto_shutdown == AUTO_ALL_SIGNIFICANT)
		for (unsigned i = 0; i < nv->n; i++) {
			struct naive_child *c = &nv->child[nv->order[i]];

			if (c->policy->significant &&
				(naive_up(c) || c->state == CHILD_RESTARTING))
				return;
		}
	end_by_itself(nv, "shutdown:auto", now);
}

/* A running child ended by itself. */
static void ended(struct naive *nv, unsigned slot, const char *reason, int64_t now)
{
	struct naive_child *c = &nv->child[slot];
	bool significant = c->policy->significant;

	if (c->policy->restart == RESTART_PERMANENT ||
		(c->policy->restart == RESTART_TRANSIENT && is_abnormal(reason))) {
		if (nv->op == OP_BOOT)
			nv->lost = true;
		failed(nv, slot, false, false, now);
		return;
	}
	naive_down(nv, slot, CHILD_EXITED, CHILD_EXITED);
	if (naive_fleeting(nv, c))
		naive_forget(nv, slot);
	if (significant && nv->policy.auto_shutdown != AUTO_NEVER)
		significant_ended(nv, now);
	naive_move(nv, now);
}

static void start_failed(
	struct naive *nv, unsigned slot, const char *reason, bool want, int64_t now)
{
	struct naive_child *c = &nv->child[slot];
	char text[KICK_REASON_MAX];

	c->last = reason;
	naive_event(nv, slot, EVENT_START_FAILED);
	if (c->manual) {
		bool adding = c->adding;

		naive_down(nv, slot, CHILD_EXITED, CHILD_STOPPED);
		naive_answer(nv, slot, WAIT_START, SUP_START_FAILED);
		if (adding)
			naive_forget(nv, slot);
		c->vague_count = true;
		naive_move(nv, now);
		return;
	}
	if (nv->op == OP_BOOT && c->policy->backoff.initial_ns == 0) {
		snprintf(text, sizeof(text), "shutdown:failed_to_start:%s",
			nv->id[slot]);
		naive_down(nv, slot, CHILD_EXITED, CHILD_STOPPED);
		naive_end(nv, text, false, now);
		return;
	}
	failed(nv, slot, true, want, now);
}

/* A start has come to a good end: `state` is what the child is now. */
static void arrived(
	struct naive *nv, unsigned slot, enum child_state state, int64_t now)
{
	struct naive_child *c = &nv->child[slot];

	naive_set(c, state);
	c->vague_count = c->vague_count || c->manual;
	c->go = c->manual = c->adding = c->sticky = false;
	c->ready_at = now;
	naive_answer(nv, slot, WAIT_START, SUP_OK);
}

/* --- events ---------------------------------------------------------------- */

void naive_init(struct naive *nv, const struct sup_spec *spec)
{
	*nv = (struct naive){ .policy = spec->policy, .phase = SUP_NEW };
	for (unsigned i = 0; i < spec->n; i++) {
		struct naive_child *c = &nv->child[i];

		nv->id[i] = spec->slot[i].id;
		if (!spec->slot[i].declared)
			continue;
		c->here = true;
		c->last = "";
		c->policy = &spec->slot[i].policy;
		c->sticky = !c->policy->autostart;
		naive_set(c, CHILD_STOPPED);
		nv->order[nv->n++] = (uint8_t)i;
	}
}

void naive_boot(struct naive *nv, int64_t now)
{
	nv->phase = SUP_BOOTING;
	nv->op = OP_BOOT;
	naive_move(nv, now);
}

void naive_spawned(struct naive *nv, unsigned slot)
{
	if (!nv->child[slot].started)
		naive_event(nv, slot, EVENT_STARTED);
	nv->child[slot].started = true;
}

void naive_ready(struct naive *nv, unsigned slot, int64_t now)
{
	if (nv->child[slot].state != CHILD_STARTING)
		return;
	naive_spawned(nv, slot);
	naive_event(nv, slot, EVENT_READY);
	arrived(nv, slot, CHILD_RUNNING, now);
	naive_move(nv, now);
}

void naive_ignored(struct naive *nv, unsigned slot, int64_t now)
{
	struct naive_child *c = &nv->child[slot];

	arrived(nv, slot, CHILD_EXITED, now);
	c->other = CHILD_STOPPED;
	c->vague_exit = true;
	if (naive_fleeting(nv, c))
		naive_forget(nv, slot);
	naive_move(nv, now);
}

void naive_start_failed(
	struct naive *nv, unsigned slot, const char *reason, bool want, int64_t now)
{
	if (nv->phase == SUP_ENDING || nv->child[slot].state == CHILD_STOPPING)
		naive_exited(nv, slot, reason, now);
	else
		start_failed(nv, slot, reason, want, now);
}

/* The end of a child that was being stopped. */
static void stopped(struct naive *nv, unsigned slot, int64_t now)
{
	struct naive_child *c = &nv->child[slot];

	naive_answer(nv, slot, WAIT_STOP, SUP_OK);
	switch ((enum naive_why)c->why) {
	case WHY_RENEW:
		c->manual = true;
		naive_launch(nv, slot, now);
		return;
	case WHY_COMMAND:
		c->sticky = true;
		naive_down(nv, slot, CHILD_STOPPED, CHILD_STOPPED);
		break;
	case WHY_GROUP:
		if (c->policy->restart == RESTART_TEMPORARY)
			naive_down(nv, slot, CHILD_EXITED, CHILD_EXITED);
		else
			naive_down(nv, slot, CHILD_RESTARTING, CHILD_STOPPED);
		break;
	case WHY_END:
	case WHY_FAULT:
		naive_down(nv, slot, CHILD_STOPPED, CHILD_EXITED);
		break;
	}
	if (naive_fleeting(nv, c))
		naive_forget(nv, slot);
	naive_move(nv, now);
}

void naive_exited(struct naive *nv, unsigned slot, const char *reason, int64_t now)
{
	struct naive_child *c = &nv->child[slot];
	uint8_t state = c->state;

	if (c->doom)
		reason = c->doom;
	c->last = reason;
	naive_event(nv, slot, EVENT_EXITED);
	if (nv->phase == SUP_ENDING) {
		naive_down(nv, slot, CHILD_STOPPED, CHILD_EXITED);
		naive_move(nv, now);
	} else if (state == CHILD_STOPPING && c->why != WHY_FAULT) {
		stopped(nv, slot, now);
	} else if (state == CHILD_RUNNING && c->halt) {
		/* Its end is eaten by the group's restart that was about to stop it. */
		c->why = WHY_GROUP;
		stopped(nv, slot, now);
	} else if (state == CHILD_RUNNING ||
		(state == CHILD_STOPPING && !c->was_starting)) {
		ended(nv, slot, reason, now);
	} else if (state == CHILD_STARTING && c->policy->oneshot &&
		!is_abnormal(reason)) {
		naive_event(nv, slot, EVENT_READY);
		arrived(nv, slot, CHILD_EXITED, now);
		if (naive_fleeting(nv, c))
			naive_forget(nv, slot);
		naive_move(nv, now);
	} else {
		start_failed(nv, slot, reason, false, now);
	}
}

void naive_doom(struct naive *nv, unsigned slot, const char *reason, int64_t now)
{
	struct naive_child *c = &nv->child[slot];

	if (c->state != CHILD_RUNNING && c->state != CHILD_STARTING)
		return;
	if (nv->phase == SUP_ENDING ||
		(nv->op != OP_NONE && c->state == CHILD_RUNNING)) {
		nv->lost = true;
		return;
	}
	naive_halt(nv, slot, WHY_FAULT, now);
	c->doom = reason;
}

void naive_due(struct naive *nv, unsigned slot, int64_t now)
{
	struct naive_child *c = &nv->child[slot];

	if (c->state == CHILD_STARTING) {
		naive_doom(nv, slot, "start_timeout", now);
		return;
	}
	if (c->state == CHILD_STOPPING) {
		c->due = c->due_max = -1;
		c->killed = true;
		naive_order(nv, slot, FX_KILL);
		return;
	}
	if (nv->op == OP_BOOT) {
		nv->lost = true;
		return;
	}
	if (!naive_is_group(nv)) {
		naive_launch(nv, slot, now);
		return;
	}
	c->due = c->due_max = -1;
	nv->op = OP_GROUP;
	plan_group(nv, slot);
	naive_move(nv, now);
}
