/* The supervisor's API: what is asked for is written down as marks, answered at once
 * where it is so already, else when the child has arrived. OTP: supervisor:
 * handle_call/3; the answers are OTP's atoms. */
#include <string.h>

#include "core/machine.h"

static bool refuse_when_ending(struct sup *s, struct child *c, struct waiter *w)
{
	if (s->phase < SUP_CLOSED)
		return false;
	sup_answer(s, w, c, SUP_SHUTTING_DOWN);
	return true;
}

/* start_child failed before it began: the child's memory goes back first. */
static void give_back(
	struct sup *s, struct child *c, struct waiter *w, enum sup_result result)
{
	sup_emit(s, &(struct effect){ .kind = FX_REMOVED, .child = c });
	sup_answer(s, w, NULL, result);
}

/* Wants a start by command: no retry, no count, no wait. In the middle of a wave it
 * takes its turn, as it would have waited behind it in OTP. */
static void want_manual_start(struct sup *s, struct child *c, struct waiter *w)
{
	c->sticky = false;
	c->manual = true;
	c->want_start = true;
	c->retry = false;
	c->not_before = -1;
	c->failures = 0;
	c->wave = s->phase == SUP_BOOTING || sup_wave_is_on(s);
	sup_mark(s, c);
	sup_wait(c, w, WAIT_START);
}

/* c is initialised; most: with so many there is no room for another. */
static void start_new(
	struct sup *s, struct child *c, uint32_t most, struct waiter *w, int64_t now)
{
	const struct child *other = sup_find(s, c->id);

	c->added = true;
	if (s->phase >= SUP_CLOSED)
		give_back(s, c, w, SUP_SHUTTING_DOWN);
	else if (other)
		give_back(s, c, w,
			child_is_alive(other) ? SUP_ALREADY_STARTED
					      : SUP_ALREADY_PRESENT);
	else if (s->n >= most)
		give_back(s, c, w, SUP_MAX_CHILDREN);
	else if (sup_make_room(s, 1) < 0)
		give_back(s, c, w, SUP_NO_MEMORY);
	else {
		sup_append(s, c);
		sup_event(s, c, EVENT_ADDED);
		c->adding = true;
		want_manual_start(s, c, w);
		sup_progress(s, now);
	}
}

void sup_start_child(struct sup *s, struct child *c, const char *id,
	const struct child_policy *policy, struct waiter *w, int64_t now)
{
	sup_child_init(c, id, policy);
	start_new(s, c, s->policy.max_children, w, now);
}

void sup_start_second(struct sup *s, struct child *c, const char *id,
	const struct child_policy *policy, struct waiter *w, int64_t now)
{
	sup_child_init(c, id, policy);
	start_new(s, c, POLICY_NO_LIMIT, w, now);
}

/* RETRY-6: whoever waited in the wave behind a child that is no longer tried stays
 * down until somebody starts it. */
static void drop_those_behind(struct sup *s, struct child *c, int64_t now)
{
	for (uint32_t i = c->position + 1; i < s->n; i++) {
		struct child *b = s->children[i];

		if (!b->wave || child_is_alive(b) || b->not_before >= 0 || b->manual)
			continue;
		b->wave = b->want_start = false;
		sup_set_state(s, b, CHILD_STOPPED, now);
	}
}

static void terminate_dead(
	struct sup *s, struct child *c, struct waiter *w, int64_t now)
{
	bool held = c->state == CHILD_RESTARTING && c->not_before >= 0;

	if (held && c->wave)
		drop_those_behind(s, c, now);
	c->want_start = c->wave = c->retry = false;
	c->not_before = -1;
	if (c->state != CHILD_STOPPED) {
		sup_set_state(s, c, CHILD_STOPPED, now);
		sup_event(s, c, EVENT_STOPPED);
	}
	sup_answer(s, w, c, SUP_OK);
	if (child_is_fleeting(s, c)) {
		sup_event(s, c, EVENT_DELETED);
		sup_remove(s, c);
	}
}

void sup_terminate_child(struct sup *s, struct child *c, struct waiter *w, int64_t now)
{
	if (refuse_when_ending(s, c, w))
		return;
	c->sticky = true;
	c->manual = c->doomed = c->adding = false;
	/* What a reload removes keeps its turn: it has gone before anything starts. */
	c->reload = c->reload && c->removing;
	sup_answer_all(s, c, WAIT_START, SUP_CANCELLED);
	if (!child_is_alive(c)) {
		terminate_dead(s, c, w, now);
	} else {
		c->want_start = false;
		c->wave = c->wave && c->removing;
		c->want_stop = true;
		c->removing = c->removing || child_is_fleeting(s, c);
		sup_mark(s, c);
		sup_wait(c, w, WAIT_STOP);
	}
	sup_progress(s, now);
}

void sup_restart_child(struct sup *s, struct child *c, struct waiter *w, int64_t now)
{
	if (refuse_when_ending(s, c, w))
		return;
	if (s->policy.dynamic)
		sup_answer(s, w, c, SUP_DYNAMIC);
	else if (c->manual && c->state != CHILD_RUNNING)
		sup_wait(c, w, WAIT_START);
	else if (c->state == CHILD_STARTING || c->state == CHILD_RUNNING)
		sup_answer(s, w, c, SUP_RUNNING);
	else if (c->state == CHILD_RESTARTING || (c->want_start && !c->sticky))
		sup_answer(s, w, c, SUP_RESTARTING);
	else if (c->removing)
		sup_answer(s, w, c, SUP_NOT_FOUND);
	else
		want_manual_start(s, c, w);
	sup_progress(s, now);
}

void sup_renew_child(struct sup *s, struct child *c, struct waiter *w, int64_t now)
{
	if (refuse_when_ending(s, c, w))
		return;
	if (c->removing) {
		sup_answer(s, w, c, SUP_NOT_FOUND);
		return;
	}
	c->doomed = false;
	if (child_is_alive(c))
		c->want_stop = true;
	want_manual_start(s, c, w);
	if (child_is_alive(c))
		c->wave = false;
	else
		sup_arm(s, c, -1);
	sup_progress(s, now);
}

void sup_delete_child(struct sup *s, struct child *c, struct waiter *w, int64_t now)
{
	(void)now;
	if (refuse_when_ending(s, c, w))
		return;
	if (s->policy.dynamic) {
		sup_answer(s, w, c, SUP_DYNAMIC);
	} else if (child_is_alive(c)) {
		sup_answer(s, w, c, SUP_RUNNING);
	} else if (c->state == CHILD_RESTARTING || c->want_start) {
		sup_answer(s, w, c, SUP_RESTARTING);
	} else {
		sup_event(s, c, EVENT_DELETED);
		sup_remove(s, c);
		sup_answer(s, w, NULL, SUP_OK);
	}
}
