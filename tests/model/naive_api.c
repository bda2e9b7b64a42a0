/* The naive model's answers to the requests. */
#include "model/naive.h"

#include "base/macro.h"

static void reply(struct naive *nv, unsigned waiter, enum sup_result result)
{
	deed_add(&nv->deeds, DEED_REPLY, waiter, result);
}

static bool is_settled(const struct naive_child *c)
{
	return c->state == c->other;
}

static bool is_down(const struct naive_child *c)
{
	return is_settled(c) && (c->state == CHILD_STOPPED || c->state == CHILD_EXITED);
}

/* Refusals that all requests about a child have in common. */
static bool is_refused(struct naive *nv, unsigned waiter, bool dynamic_too)
{
	if (nv->phase == SUP_ENDING || nv->phase == SUP_ENDED)
		reply(nv, waiter, SUP_SHUTTING_DOWN);
	else if (nv->policy.dynamic && dynamic_too)
		reply(nv, waiter, SUP_DYNAMIC);
	else
		return false;
	return true;
}

static void launch_for(struct naive *nv, unsigned slot, unsigned waiter, int64_t now)
{
	if (nv->op != OP_NONE) {
		nv->lost = true;
		return;
	}
	nv->child[slot].manual = true;
	naive_wait(nv, slot, waiter, WAIT_START);
	naive_launch(nv, slot, now);
}

void naive_start_child(struct naive *nv, unsigned slot,
	const struct child_policy *policy, unsigned waiter, int64_t now)
{
	struct naive_child *c = &nv->child[slot];

	if (c->here) {
		if (is_refused(nv, waiter, false))
			return;
		if (c->state == CHILD_STOPPING || !is_settled(c) ||
			(nv->policy.dynamic && nv->n >= nv->policy.max_children))
			nv->lost = true;
		else
			reply(nv, waiter,
				naive_up(c) ? SUP_ALREADY_STARTED
					    : SUP_ALREADY_PRESENT);
		return;
	}
	if (is_refused(nv, waiter, false)) {
		deed_add(&nv->deeds, DEED_GONE, slot, 0);
		return;
	}
	if (nv->policy.dynamic && nv->n >= nv->policy.max_children) {
		deed_add(&nv->deeds, DEED_GONE, slot, 0);
		reply(nv, waiter, SUP_MAX_CHILDREN);
		return;
	}
	*c = (struct naive_child){ .here = true, .policy = policy, .added = true };
	c->adding = true;
	c->last = "";
	nv->order[nv->n++] = (uint8_t)slot;
	launch_for(nv, slot, waiter, now);
}

/* The stop of a child that waits for its restart: RETRY-6. Siblings behind it that the
 * same group restart had not reached stay down, but not by command; those before it,
 * which only a backoff has kept down, come up as they would have without it. */
static void cancel(struct naive *nv, unsigned slot, int64_t now)
{
	struct naive_child *c = &nv->child[slot];
	bool behind = false;

	c->go = false;
	c->sticky = true;
	naive_down(nv, slot, CHILD_STOPPED, CHILD_STOPPED);
	if (nv->op == OP_HOLD && nv->cause == slot) {
		nv->op = OP_GROUP;
		for (unsigned i = 0; i < nv->n; i++) {
			struct naive_child *sibling = &nv->child[nv->order[i]];

			behind = behind || nv->order[i] == slot;
			if (!behind || !sibling->go)
				continue;
			sibling->go = false;
			naive_down(nv, nv->order[i], CHILD_STOPPED,
				sibling->other == CHILD_EXITED ? CHILD_EXITED
							       : CHILD_STOPPED);
		}
		naive_move(nv, now);
	}
	if (naive_fleeting(nv, c))
		naive_forget(nv, slot);
}

static bool is_halting(const struct naive *nv)
{
	for (unsigned i = 0; i < nv->n; i++)
		if (nv->child[nv->order[i]].halt)
			return true;
	return false;
}

void naive_terminate(struct naive *nv, unsigned slot, unsigned waiter, int64_t now)
{
	struct naive_child *c = &nv->child[slot];

	if (is_refused(nv, waiter, false))
		return;
	if (c->state == CHILD_STOPPING && c->why == WHY_COMMAND) {
		naive_wait(nv, slot, waiter, WAIT_STOP);
		return;
	}
	if (is_down(c) && nv->op == OP_NONE) {
		c->sticky = true;
		naive_down(nv, slot, c->state, CHILD_STOPPED);
		reply(nv, waiter, SUP_OK);
		if (naive_fleeting(nv, c))
			naive_forget(nv, slot);
		return;
	}
	if (c->state == CHILD_RESTARTING && nv->op != OP_GROUP && nv->op != OP_BOOT &&
		!is_halting(nv)) {
		cancel(nv, slot, now);
		reply(nv, waiter, SUP_OK);
		return;
	}
	if (nv->op != OP_NONE || c->state == CHILD_STOPPING || !is_settled(c)) {
		nv->lost = true;
		return;
	}
	c->adding = false;
	naive_answer(nv, slot, WAIT_START, SUP_CANCELLED);
	naive_wait(nv, slot, waiter, WAIT_STOP);
	naive_halt(nv, slot, WHY_COMMAND, now);
}

/* A start after a stop that is under way already. */
static void follow_up(struct naive *nv, unsigned slot, unsigned waiter)
{
	struct naive_child *c = &nv->child[slot];

	if (c->why != WHY_COMMAND || nv->op != OP_NONE) {
		nv->lost = true;
		return;
	}
	/* As if it came after the stop, which such a child does not outlive. */
	if (naive_fleeting(nv, c)) {
		reply(nv, waiter, SUP_NOT_FOUND);
		return;
	}
	c->why = WHY_RENEW;
	naive_wait(nv, slot, waiter, WAIT_START);
}

void naive_restart(struct naive *nv, unsigned slot, unsigned waiter, int64_t now)
{
	struct naive_child *c = &nv->child[slot];

	if (is_refused(nv, waiter, true))
		return;
	if (c->state == CHILD_STARTING && c->manual)
		naive_wait(nv, slot, waiter, WAIT_START);
	else if (c->state == CHILD_STARTING || c->state == CHILD_RUNNING)
		reply(nv, waiter, SUP_RUNNING);
	else if (c->state == CHILD_STOPPING)
		follow_up(nv, slot, waiter);
	else if (!is_settled(c) && c->state == CHILD_RESTARTING)
		nv->lost = true;
	else if (c->state == CHILD_RESTARTING)
		reply(nv, waiter, SUP_RESTARTING);
	else
		launch_for(nv, slot, waiter, now);
}

void naive_renew(struct naive *nv, unsigned slot, unsigned waiter, int64_t now)
{
	struct naive_child *c = &nv->child[slot];

	if (is_refused(nv, waiter, false))
		return;
	if (nv->policy.dynamic || c->state == CHILD_STARTING || nv->op != OP_NONE ||
		c->state == CHILD_RESTARTING) {
		nv->lost = true;
	} else if (c->state == CHILD_STOPPING) {
		follow_up(nv, slot, waiter);
	} else if (c->state == CHILD_RUNNING) {
		naive_wait(nv, slot, waiter, WAIT_START);
		naive_halt(nv, slot, WHY_RENEW, now);
	} else {
		launch_for(nv, slot, waiter, now);
	}
}

void naive_delete(struct naive *nv, unsigned slot, unsigned waiter)
{
	struct naive_child *c = &nv->child[slot];

	if (is_refused(nv, waiter, true))
		return;
	if (c->state == CHILD_STOPPING ||
		(!is_settled(c) && c->state == CHILD_RESTARTING)) {
		nv->lost = true;
	} else if (naive_up(c)) {
		reply(nv, waiter, SUP_RUNNING);
	} else if (c->state == CHILD_RESTARTING) {
		reply(nv, waiter, SUP_RESTARTING);
	} else if (nv->op != OP_NONE) {
		nv->lost = true;
	} else {
		naive_forget(nv, slot);
		reply(nv, waiter, SUP_OK);
	}
}
