/* The naive model's operations: what is ordered now, found by looking through all
 * children from the beginning each time. */
#include <stdio.h>
#include <string.h>

#include "model/naive.h"

void deed_add(struct deeds *d, enum deed_class class, unsigned who, unsigned what)
{
	if (d->n < NAIVE_DEEDS)
		d->at[d->n++] =
			(struct deed){ (uint8_t) class, (uint8_t)who, (uint8_t)what };
}

void naive_event(struct naive *nv, unsigned slot, enum sup_event what)
{
	deed_add(&nv->deeds, DEED_EVENT, slot, what);
}

void naive_order(struct naive *nv, unsigned slot, enum fx_kind what)
{
	deed_add(&nv->deeds, DEED_ORDER, slot, what);
}

bool naive_up(const struct naive_child *c)
{
	return c->here &&
		(c->state == CHILD_STARTING || c->state == CHILD_RUNNING ||
			c->state == CHILD_STOPPING);
}

bool naive_fleeting(const struct naive *nv, const struct naive_child *c)
{
	return nv->policy.dynamic ||
		(c->added && c->policy->restart == RESTART_TEMPORARY);
}

bool naive_is_group(const struct naive *nv)
{
	return !nv->policy.dynamic && nv->policy.strategy != STRATEGY_ONE_FOR_ONE;
}

void naive_set(struct naive_child *c, enum child_state state)
{
	c->state = c->other = (uint8_t)state;
	c->due = c->due_max = -1;
}

void naive_wait(struct naive *nv, unsigned slot, unsigned waiter, enum waiter_kind kind)
{
	struct naive_child *c = &nv->child[slot];

	c->waiting[c->n_waiting] = (uint8_t)waiter;
	c->waiting_for[c->n_waiting++] = (uint8_t)kind;
}

void naive_answer(
	struct naive *nv, unsigned slot, enum waiter_kind kind, enum sup_result result)
{
	struct naive_child *c = &nv->child[slot];
	unsigned left = 0;

	for (unsigned i = 0; i < c->n_waiting; i++) {
		if (c->waiting_for[i] == kind) {
			deed_add(&nv->deeds, DEED_REPLY, c->waiting[i], result);
			continue;
		}
		c->waiting[left] = c->waiting[i];
		c->waiting_for[left++] = c->waiting_for[i];
	}
	c->n_waiting = left;
}

void naive_forget(struct naive *nv, unsigned slot)
{
	unsigned i = 0;

	while (nv->order[i] != slot)
		i++;
	memmove(&nv->order[i], &nv->order[i + 1], nv->n - i - 1);
	nv->n--;
	nv->child[slot].here = false;
	deed_add(&nv->deeds, DEED_GONE, slot, 0);
}

void naive_down(
	struct naive *nv, unsigned slot, enum child_state state, enum child_state other)
{
	struct naive_child *c = &nv->child[slot];

	naive_set(c, state);
	c->other = (uint8_t)other;
	c->manual = c->adding = c->halt = false;
	c->doom = NULL;
}

/* --- orders ---------------------------------------------------------------- */

void naive_launch(struct naive *nv, unsigned slot, int64_t now)
{
	struct naive_child *c = &nv->child[slot];

	naive_set(c, CHILD_STARTING);
	if (c->tried && !c->manual)
		c->restarts++;
	c->tried = true;
	c->started = c->killed = false;
	c->doom = NULL;
	c->started_at = now;
	if (c->policy->start_timeout_ns != POLICY_INFINITY)
		c->due = c->due_max = now + c->policy->start_timeout_ns;
	naive_order(nv, slot, FX_SPAWN);
}

void naive_halt(struct naive *nv, unsigned slot, enum naive_why why, int64_t now)
{
	struct naive_child *c = &nv->child[slot];
	int64_t shutdown = c->policy->shutdown_ns;

	c->was_starting = c->state == CHILD_STARTING;
	naive_set(c, CHILD_STOPPING);
	c->run_end = now;
	c->why = (uint8_t)why;
	naive_event(nv, slot, EVENT_STOPPING);
	if (shutdown == POLICY_BRUTAL_KILL) {
		c->killed = true;
		naive_order(nv, slot, FX_KILL);
		return;
	}
	naive_order(nv, slot, FX_STOP);
	if (shutdown != POLICY_INFINITY)
		c->due = c->due_max = now + shutdown;
}

/* --- operations, looked through from the beginning each time --------------- */

static void move_boot(struct naive *nv, int64_t now)
{
	for (unsigned i = 0; i < nv->n; i++) {
		struct naive_child *c = &nv->child[nv->order[i]];

		if (c->state == CHILD_STARTING || c->state == CHILD_STOPPING)
			return;
		if (!c->tried && c->policy->autostart) {
			naive_launch(nv, nv->order[i], now);
			return;
		}
	}
	nv->phase = SUP_SERVING;
	nv->op = OP_NONE;
	deed_add(&nv->deeds, DEED_UP, 0, 0);
}

static void move_group(struct naive *nv, int64_t now)
{
	for (unsigned i = nv->n; i-- > 0;) {
		struct naive_child *c = &nv->child[nv->order[i]];

		if (!c->halt || !naive_up(c))
			continue;
		if (c->state != CHILD_STOPPING)
			naive_halt(nv, nv->order[i], WHY_GROUP, now);
		return;
	}
	if (nv->op == OP_HOLD)
		return;
	for (unsigned i = 0; i < nv->n; i++) {
		struct naive_child *c = &nv->child[nv->order[i]];

		if (!c->go)
			continue;
		if (!naive_up(c))
			naive_launch(nv, nv->order[i], now);
		return;
	}
	nv->op = OP_NONE;
}

static void move_end(struct naive *nv, int64_t now)
{
	bool any = false;

	for (unsigned i = nv->n; i-- > 0;) {
		struct naive_child *c = &nv->child[nv->order[i]];

		if (!naive_up(c))
			continue;
		any = true;
		if (c->state != CHILD_STOPPING)
			naive_halt(nv, nv->order[i], WHY_END, now);
		if (!nv->policy.dynamic)
			return;
	}
	if (any)
		return;
	nv->phase = SUP_ENDED;
	deed_add(&nv->deeds, DEED_END, 0, 0);
}

void naive_move(struct naive *nv, int64_t now)
{
	if (nv->phase == SUP_ENDED)
		return;
	if (nv->op == OP_BOOT)
		move_boot(nv, now);
	else if (nv->op == OP_GROUP || nv->op == OP_HOLD)
		move_group(nv, now);
	else if (nv->op == OP_END)
		move_end(nv, now);
}

/* The order of stops is not settled where one that is not the last to go is already on
 * its way. */
static bool end_is_clear(const struct naive *nv)
{
	bool later = false;

	if (nv->policy.dynamic)
		return true;
	for (unsigned i = nv->n; i-- > 0;) {
		const struct naive_child *c = &nv->child[nv->order[i]];

		if (!naive_up(c))
			continue;
		if (c->state == CHILD_STOPPING && later)
			return false;
		later = true;
	}
	return true;
}

static void kill_all(struct naive *nv)
{
	for (unsigned i = 0; i < nv->n; i++) {
		struct naive_child *c = &nv->child[nv->order[i]];

		if (!naive_up(c))
			continue;
		if (!c->killed)
			naive_order(nv, nv->order[i], FX_KILL);
		naive_set(c, CHILD_STOPPING);
		c->killed = true;
		c->why = WHY_END;
	}
}

void naive_end(struct naive *nv, const char *reason, bool hurry, int64_t now)
{
	if (nv->phase == SUP_ENDED)
		return;
	if (nv->phase != SUP_ENDING) {
		nv->phase = SUP_ENDING;
		nv->op = OP_END;
		snprintf(nv->reason, sizeof(nv->reason), "%s", reason);
		for (unsigned i = 0; i < nv->n; i++) {
			struct naive_child *c = &nv->child[nv->order[i]];

			if (c->state == CHILD_RESTARTING)
				naive_set(c, CHILD_STOPPED);
			c->n_waiting = 0;
		}
		if (!hurry && !end_is_clear(nv))
			nv->lost = true;
	}
	if (hurry)
		kill_all(nv);
	naive_move(nv, now);
}
