/* What a failure means: whether it is restarted (restart types), whether there were too
 * many (intensity), who goes down and up with it (strategies), and when a supervisor
 * ends by itself (giving up, auto_shutdown). OTP: supervisor:restart_child/3,
 * do_restart/3, restart/2, do_auto_shutdown/2. */
#include "base/bug.h"
#include "core/machine.h"

/* xorshift64: the jitter need not be better than that. */
static double random_unit(struct sup *s)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return (double)(s->random >> 11) / (double)(UINT64_C(1) << 53);
}

/* A want of resources passes: the tries are so far apart that they, and the end that
 * the first of them followed, never use up the intensity by themselves. */
static double wait_for_resources(const struct sup_policy *p)
{
	double least = (double)(KICK_RESOURCE_RETRY_MS * MSEC_NS);
	double most = (double)(KICK_RESOURCE_RETRY_MAX_MS * MSEC_NS);
	double wait = 0;

	if (p->max_restarts != POLICY_NO_LIMIT && p->max_restarts > 1)
		wait = (double)p->max_seconds_ns / (p->max_restarts - 1) + MSEC_NS;
	return wait < least ? least : wait > most ? most : wait;
}

/* How long to wait before the next try; a long enough run makes it the first again. */
static int64_t next_delay(struct sup *s, struct child *c, bool for_want, int64_t now)
{
	const struct backoff *b = &c->policy->backoff;
	double delay = 0;

	if (b->initial_ns > 0) {
		if (c->state == CHILD_RUNNING && now - c->since >= b->reset_after_ns)
			c->failures = 0;
		delay = (double)backoff_delay(b, c->failures);
		delay *= 1 + b->jitter * (2 * random_unit(s) - 1);
		c->failures++;
	}
	if (for_want && delay < wait_for_resources(&s->policy))
		delay = wait_for_resources(&s->policy);
	return (int64_t)delay;
}

/* Down already, and to come back when its turn or its time comes. */
static void wait_for_turn(struct sup *s, struct child *c, int64_t now)
{
	if (c->state != CHILD_RESTARTING)
		sup_set_state(s, c, CHILD_RESTARTING, now);
	sup_arm(s, c, c->not_before);
}

static void join_group(struct sup *s, struct child *c, int64_t now)
{
	bool alive = child_is_alive(c);

	if (c->sticky || c->removing)
		return;
	if (c->policy->restart == RESTART_TEMPORARY) {
		/* Never started a second time; one whose first start is still to come
		 * in this wave keeps its turn. */
		if (!alive)
			return;
		c->want_stop = true;
	} else {
		c->want_stop = alive;
		c->want_start = true;
		if (!alive)
			wait_for_turn(s, c, now);
	}
	c->wave = true;
	sup_mark(s, c);
}

void sup_begin_group(struct sup *s, struct child *c, int64_t now)
{
	bool group = !s->policy.dynamic && s->policy.strategy != STRATEGY_ONE_FOR_ONE;
	uint32_t from = s->policy.strategy == STRATEGY_REST_FOR_ONE ? c->position : 0;

	c->want_start = true;
	c->wave = group;
	sup_mark(s, c);
	for (uint32_t i = from; group && i < s->n; i++)
		if (s->children[i] != c)
			join_group(s, s->children[i], now);
}

/* The end of a supervisor that had started, or is treated so: its parent is to see an
 * exit, not a failed start. */
static void end_by_itself(
	struct sup *s, const struct child *c, const char *why, int64_t now)
{
	struct reason reason = reason_text(why);

	s->cause = c->last_exit;
	if (s->phase == SUP_BOOTING)
		sup_emit(s, &(struct effect){ .kind = FX_READY });
	sup_end_all(s, &reason, now);
}

static void give_up(struct sup *s, struct child *c, int64_t now)
{
	sup_set_state(s, c, CHILD_EXITED, now);
	c->retry = false;
	c->not_before = -1;
	end_by_itself(s, c, "shutdown:max_restarts", now);
	sup_event(s, c, EVENT_GAVE_UP);
}

/* An automatic restart: counted before anything is touched (INT-5). */
static void restart(
	struct sup *s, struct child *c, bool failed_start, bool for_want, int64_t now)
{
	int64_t delay = next_delay(s, c, for_want, now);

	if (!intensity_add(&s->intensity, now)) {
		give_up(s, c, now);
		return;
	}
	c->retry = failed_start && delay == 0;
	c->not_before = delay > 0 || failed_start ? now + delay : -1;
	wait_for_turn(s, c, now);
	sup_emit(s,
		&(struct effect){ .kind = FX_EVENT,
			.event = EVENT_RESTARTING,
			.child = c,
			.at = c->not_before });
	if (c->retry)
		sup_mark(s, c);
	else
		sup_begin_group(s, c, now);
}

void sup_crashed(struct sup *s, struct child *c, int64_t now)
{
	bool again = c->policy->restart == RESTART_PERMANENT ||
		(c->policy->restart == RESTART_TRANSIENT &&
			reason_is_abnormal(&c->last_exit));

	if (again && s->phase < SUP_CLOSED) {
		restart(s, c, false, false, now);
		return;
	}
	sup_set_state(s, c, CHILD_EXITED, now);
	sup_ended_for_good(s, c, now);
}

void sup_start_has_failed(struct sup *s, struct child *c, bool for_want, int64_t now)
{
	bool first = s->phase == SUP_BOOTING && !c->was_ready &&
		c->policy->backoff.initial_ns == 0;
	bool gone = c->adding;
	struct waiter *waiters;
	struct reason why;

	sup_event(s, c, EVENT_START_FAILED);
	s->cause = c->last_exit;
	if (c->manual) {
		c->manual = c->reload = c->wave = false;
		sup_set_state(s, c, CHILD_EXITED, now);
		if (!gone) {
			sup_answer_all(s, c, WAIT_START, SUP_START_FAILED);
			return;
		}
		waiters = c->waiters;
		c->waiters = NULL;
		sup_remove(s, c);
		for (struct waiter *w = waiters, *next; w; w = next) {
			next = w->next;
			sup_answer(s, w, NULL, SUP_START_FAILED);
		}
	} else if (first) {
		why = reason_textf("shutdown:failed_to_start:%s", c->id);
		sup_set_state(s, c, CHILD_EXITED, now);
		sup_end_all(s, &why, now);
	} else if (s->phase < SUP_CLOSED) {
		restart(s, c, true, for_want, now);
	} else {
		sup_set_state(s, c, CHILD_EXITED, now);
	}
}

/* --- auto_shutdown ------------------------------------------------------------------
 */

static bool others_significant(const struct sup *s, const struct child *except)
{
	for (uint32_t i = 0; i < s->n; i++) {
		const struct child *c = s->children[i];

		if (c == except || (!c->policy->significant && !s->policy.dynamic))
			continue;
		if (child_is_alive(c) || c->state == CHILD_RESTARTING)
			return true;
	}
	return false;
}

void sup_ended_for_good(struct sup *s, struct child *c, int64_t now)
{
	bool fires = c->policy->significant &&
		(s->policy.auto_shutdown == AUTO_ANY_SIGNIFICANT ||
			(s->policy.auto_shutdown == AUTO_ALL_SIGNIFICANT &&
				!others_significant(s, c)));

	if (fires && s->phase < SUP_ENDING)
		end_by_itself(s, c, "shutdown:auto", now);
	if (child_is_fleeting(s, c)) {
		sup_answer_all(s, c, WAIT_STOP, SUP_OK);
		sup_remove(s, c);
	}
}

/* --- the end ------------------------------------------------------------------------
 */

void sup_drop_starts(struct sup *s, int64_t now)
{
	for (uint32_t i = 0; i < s->n; i++) {
		struct child *c = s->children[i];

		c->want_start = c->retry = c->manual = c->reload = false;
		c->not_before = -1;
		sup_answer_all(s, c, WAIT_START, SUP_SHUTTING_DOWN);
		if (child_is_alive(c))
			continue;
		c->wave = false;
		if (c->state == CHILD_RESTARTING)
			sup_set_state(s, c, CHILD_EXITED, now);
	}
}

void sup_end_all(struct sup *s, const struct reason *reason, int64_t now)
{
	s->phase = SUP_ENDING;
	s->reason = *reason;
	sup_drop_starts(s, now);
	for (uint32_t i = 0; i < s->n; i++) {
		struct child *c = s->children[i];

		if (!child_is_alive(c))
			continue;
		c->want_stop = true;
		c->wave = true;
		sup_mark(s, c);
	}
}
