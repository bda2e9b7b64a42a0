/* Whose turn it is: looks at the marks of the children and does what can be done now.
 * Stops of a wave come first, one at a time from the last child to the first; then its
 * starts, one at a time from the first to the last, each awaited. Children outside of
 * a wave, and those of a dynamic supervisor, wait for nobody. OTP does the same by
 * waiting in the middle of a function; here nothing waits. */
#include "core/machine.h"

static bool is_marked(const struct child *c)
{
	return c->want_stop || c->want_start || c->wave;
}

bool sup_wave_is_on(const struct sup *s)
{
	for (uint32_t i = s->lo; i < s->hi; i++)
		if (s->children[i]->wave)
			return true;
	return false;
}

void sup_begin_stop(struct sup *s, struct child *c, int64_t now)
{
	int64_t time = c->policy->shutdown_ns;

	sup_set_state(s, c, CHILD_STOPPING, now);
	sup_event(s, c, EVENT_STOPPING);
	c->killed = time == POLICY_BRUTAL_KILL || s->hurried;
	sup_emit(s,
		&(struct effect){ .kind = c->killed ? FX_KILL : FX_STOP, .child = c });
	if (!c->killed && time != POLICY_INFINITY)
		sup_arm(s, c, now + time);
}

static void spawn(struct sup *s, struct child *c, int64_t now)
{
	int64_t time = c->policy->start_timeout_ns;

	if (c->tried && !c->manual)
		c->restarts++;
	c->tried = true;
	c->want_start = c->spawned = c->killed = c->doomed = false;
	c->not_before = -1;
	c->started_at = now;
	sup_set_state(s, c, CHILD_STARTING, now);
	sup_mark(s, c);
	sup_emit(s, &(struct effect){ .kind = FX_SPAWN, .child = c });
	if (time != POLICY_INFINITY)
		sup_arm(s, c, now + time);
}

/* An ordered stop has been carried out: the child is down, for good or for now. */
void sup_down(struct sup *s, struct child *c, int64_t now)
{
	bool gone = c->removing ||
		(!c->want_start && s->phase < SUP_ENDING && child_is_fleeting(s, c));

	if (c->state == CHILD_STOPPING)
		sup_event(s, c, EVENT_STOPPED);
	c->want_stop = c->doomed = false;
	if (c->want_start) {
		sup_set_state(s, c, CHILD_RESTARTING, now);
		sup_arm(s, c, c->not_before);
	} else {
		c->wave = c->manual = c->adding = c->reload = false;
		sup_answer_all(s, c, WAIT_START, SUP_CANCELLED);
		sup_set_state(s, c,
			c->sticky || s->phase == SUP_ENDING ? CHILD_STOPPED
							    : CHILD_EXITED,
			now);
	}
	sup_answer_all(s, c, WAIT_STOP, SUP_OK);
	if (!gone)
		return;
	sup_answer_all(s, c, WAIT_START, SUP_CANCELLED);
	sup_event(s, c, EVENT_DELETED);
	sup_remove(s, c);
}

/* True while the wave has somebody to stop. */
static bool stops(struct sup *s, int64_t now)
{
	bool waiting = false;

	for (uint32_t k = 0, n = s->hi - s->lo; s->lo < s->hi && k < n; k++) {
		/* Where order is free, the oldest first: the kernel finds it first,
		 * too. */
		uint32_t i = s->policy.dynamic ? s->lo + k : s->hi - 1 - k;
		struct child *c = s->children[i];
		bool turn = !c->wave || !waiting || s->policy.dynamic;

		if (!c->want_stop)
			continue;
		if (!child_is_alive(c)) {
			c->want_stop = false;
			continue;
		}
		if (turn && c->state != CHILD_STOPPING)
			sup_begin_stop(s, c, now);
		waiting |= c->wave;
	}
	return waiting;
}

struct wave_view {
	struct child *next; /* the first that wants a start */
	bool awaited;	    /* one is on its way up (or down, for a fault) */
	bool held;	    /* one waits for its backoff or its retry */
	bool tried;	    /* ... and has been tried: the boot need not wait for it */
};

static struct wave_view look(struct sup *s, int64_t now)
{
	struct wave_view v = { 0 };

	for (uint32_t i = s->lo; i < s->hi; i++) {
		struct child *c = s->children[i];
		bool ripe = c->want_start && !c->want_stop && !child_is_alive(c);

		if (!c->wave) {
			if (ripe && c->not_before < 0)
				spawn(s, c, now);
			continue;
		}
		v.awaited |= child_is_alive(c) && c->state != CHILD_RUNNING;
		v.held |= c->not_before >= 0;
		v.tried |= c->not_before >= 0 && !c->retry;
		if (ripe && !v.next)
			v.next = c;
	}
	return v;
}

static void finish_boot(struct sup *s)
{
	s->phase = SUP_SERVING;
	sup_emit(s, &(struct effect){ .kind = FX_READY });
}

static void shrink(struct sup *s)
{
	while (s->lo < s->hi && !is_marked(s->children[s->lo]))
		s->lo++;
	while (s->lo < s->hi && !is_marked(s->children[s->hi - 1]))
		s->hi--;
}

void sup_progress(struct sup *s, int64_t now)
{
	struct wave_view v;
	bool stopping;

	if (s->phase == SUP_NEW || s->phase == SUP_ENDED)
		return;
	stopping = stops(s, now);
	shrink(s);
	if (s->phase == SUP_ENDING) {
		if (s->lo < s->hi)
			return;
		s->phase = SUP_ENDED;
		sup_emit(s, &(struct effect){ .kind = FX_EXIT });
		return;
	}
	v = look(s, now);
	if (stopping)
		return;
	if (v.next && !v.awaited && !v.held)
		spawn(s, v.next, now);
	else if (s->phase == SUP_BOOTING && !v.awaited && (!v.next || v.tried))
		finish_boot(s);
}
