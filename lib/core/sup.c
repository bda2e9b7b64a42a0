/* The supervisor machine: its list of children, its effects, and the events that come
 * from processes and timers. What a failure means stands in strategy.c, whose turn it
 * is in wave.c. */
#include "core/sup.h"

#include <errno.h>
#include <string.h>

#include "base/bug.h"
#include "core/machine.h"

int sup_init(struct sup *s, const struct sup_policy *policy, uint64_t seed)
{
	*s = (struct sup){ .policy = *policy, .random = seed | 1 };
	return intensity_init(
		&s->intensity, policy->max_restarts, policy->max_seconds_ns);
}

void sup_done(struct sup *s)
{
	intensity_done(&s->intensity);
	free(s->children);
	free(s->fx);
	*s = (struct sup){ 0 };
}

/* --- effects ---------------------------------------------------------------------- */

static int fx_reserve(struct sup *s, uint32_t want)
{
	uint32_t cap = s->fx_cap ? s->fx_cap : 16;
	struct effect *fx;

	while (cap < want)
		cap *= 2;
	if (cap == s->fx_cap)
		return 0;
	fx = calloc(cap, sizeof *fx);
	if (!fx)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->fx_len; i++)
		fx[i] = s->fx[(s->fx_head + i) % s->fx_cap];
	free(s->fx);
	s->fx = fx;
	s->fx_cap = cap;
	s->fx_head = 0;
	return 0;
}

/* The ring has room for all that one event can bring about (sup_make_room); growing it
 * here is for a caller that feeds many events before it takes an effect. */
void sup_emit(struct sup *s, const struct effect *e)
{
	if (s->fx_len == s->fx_cap && fx_reserve(s, s->fx_len + 1) < 0)
		KICK_BUG("no room for an effect");
	s->fx[(s->fx_head + s->fx_len) % s->fx_cap] = *e;
	s->fx_len++;
}

void sup_event(struct sup *s, struct child *c, enum sup_event event)
{
	sup_emit(s,
		&(struct effect){
			.kind = FX_EVENT, .event = (uint8_t)event, .child = c });
}

bool sup_take(struct sup *s, struct effect *ret)
{
	while (s->fx_len > 0) {
		struct effect e = s->fx[s->fx_head];

		s->fx_head = (s->fx_head + 1) % s->fx_cap;
		s->fx_len--;
		/* An empty ring begins again where its pages are in use already. */
		if (s->fx_len == 0)
			s->fx_head = 0;
		/* A deadline that was replaced before anybody saw it. */
		if (e.kind == FX_ARM && e.at != e.child->due)
			continue;
		*ret = e;
		return true;
	}
	return false;
}

/* --- the list --------------------------------------------------------------------- */

int sup_make_room(struct sup *s, uint32_t n_more)
{
	uint32_t want = s->n + n_more, cap = s->cap ? s->cap : 4;
	struct child **children;

	/* Each child may be told of, stopped and armed by one event. */
	if (fx_reserve(s, 4 * want + 16) < 0)
		return -ENOMEM;
	while (cap < want)
		cap *= 2;
	if (cap == s->cap)
		return 0;
	children = realloc(s->children, cap * sizeof(struct child *));
	if (!children)
		return -ENOMEM;
	s->children = children;
	s->cap = cap;
	return 0;
}

void sup_child_init(struct child *c, const char *id, const struct child_policy *policy)
{
	*c = (struct child){ .id = id, .policy = policy, .due = -1, .not_before = -1 };
	c->state = CHILD_STOPPED;
	c->sticky = !policy->autostart;
	c->last_exit.code = -1;
}

void sup_append(struct sup *s, struct child *c)
{
	c->position = s->n;
	s->children[s->n++] = c;
}

int sup_add(struct sup *s, struct child *c, const char *id,
	const struct child_policy *policy)
{
	int r = sup_make_room(s, 1);

	if (r < 0)
		return r;
	sup_child_init(c, id, policy);
	sup_append(s, c);
	return 0;
}

struct child *sup_find(const struct sup *s, const char *id)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (strcmp(s->children[i]->id, id) == 0)
			return s->children[i];
	return NULL;
}

void sup_remove(struct sup *s, struct child *c)
{
	KICK_ASSERT(c->position < s->n && s->children[c->position] == c);
	KICK_ASSERT(c->waiters == NULL);
	c->due = -1;
	for (uint32_t i = c->position; i + 1 < s->n; i++) {
		s->children[i] = s->children[i + 1];
		s->children[i]->position = i;
	}
	s->n--;
	if (s->hi > s->n)
		s->hi = s->n;
	if (s->lo > c->position)
		s->lo--;
	sup_emit(s, &(struct effect){ .kind = FX_REMOVED, .child = c });
}

/* --- those who wait -----------------------------------------------------------------
 */

void sup_wait(struct child *c, struct waiter *w, enum waiter_kind kind)
{
	if (!w)
		return;
	w->kind = (uint8_t)kind;
	w->next = c->waiters;
	c->waiters = w;
}

void sup_answer(struct sup *s, struct waiter *w, struct child *c, enum sup_result r)
{
	if (!w)
		return;
	w->next = NULL;
	sup_emit(s,
		&(struct effect){ .kind = FX_REPLY,
			.waiter = w,
			.child = c,
			.result = (uint8_t)r });
}

void sup_answer_all(
	struct sup *s, struct child *c, enum waiter_kind kind, enum sup_result r)
{
	struct waiter **link = &c->waiters;

	while (*link) {
		struct waiter *w = *link;

		if (w->kind != kind) {
			link = &w->next;
			continue;
		}
		*link = w->next;
		sup_answer(s, w, c, r);
	}
}

/* --- states -------------------------------------------------------------------------
 */

void sup_arm(struct sup *s, struct child *c, int64_t at)
{
	if (c->due == at)
		return;
	c->due = at;
	sup_emit(s, &(struct effect){ .kind = FX_ARM, .child = c, .at = at });
}

void sup_set_state(struct sup *s, struct child *c, enum child_state state, int64_t now)
{
	c->state = (uint8_t)state;
	c->since = now;
	sup_arm(s, c, -1);
}

void sup_mark(struct sup *s, const struct child *c)
{
	if (s->lo >= s->hi) {
		s->lo = c->position;
		s->hi = c->position + 1;
		return;
	}
	if (c->position < s->lo)
		s->lo = c->position;
	if (c->position >= s->hi)
		s->hi = c->position + 1;
}

/* --- events -------------------------------------------------------------------------
 */

void sup_boot(struct sup *s, int64_t now)
{
	KICK_ASSERT(s->phase == SUP_NEW);
	if (sup_make_room(s, 0) < 0)
		KICK_BUG("no memory to begin with");
	s->phase = SUP_BOOTING;
	for (uint32_t i = 0; i < s->n; i++) {
		struct child *c = s->children[i];

		if (c->sticky)
			continue;
		c->want_start = true;
		c->wave = true;
		sup_mark(s, c);
	}
	sup_progress(s, now);
}

void sup_spawned(struct sup *s, struct child *c, int64_t now)
{
	(void)now;
	if (!child_is_alive(c) || c->spawned)
		return;
	c->spawned = true;
	sup_event(s, c, EVENT_STARTED);
}

/* What a start has led to is known: those who waited for it may go. */
static void arrived(struct sup *s, struct child *c)
{
	c->manual = false;
	c->reload = false;
	c->retry = false;
	c->was_ready = true;
	c->adding = false;
	if (!c->want_stop && !c->want_start)
		c->wave = false;
	sup_answer_all(s, c, WAIT_START, SUP_OK);
}

void sup_ready(struct sup *s, struct child *c, int64_t now)
{
	if (c->state != CHILD_STARTING)
		return;
	sup_spawned(s, c, now);
	sup_set_state(s, c, CHILD_RUNNING, now);
	sup_event(s, c, EVENT_READY);
	arrived(s, c);
	sup_progress(s, now);
}

void sup_ignored(struct sup *s, struct child *c, int64_t now)
{
	if (c->state != CHILD_STARTING)
		return;
	c->last_exit = reason_text("normal");
	if (c->want_stop) {
		sup_down(s, c, now);
	} else {
		sup_set_state(s, c, CHILD_EXITED, now);
		arrived(s, c);
		if (child_is_fleeting(s, c))
			sup_remove(s, c);
	}
	sup_progress(s, now);
}

void sup_start_failed(struct sup *s, struct child *c, const struct reason *reason,
	bool for_want, int64_t now)
{
	if (c->state != CHILD_STARTING)
		return;
	c->last_exit = *reason;
	c->spawned = true;
	if (c->want_stop) {
		sup_event(s, c, EVENT_START_FAILED);
		sup_down(s, c, now);
	} else {
		sup_start_has_failed(s, c, for_want, now);
	}
	sup_progress(s, now);
}

/* The end of a one-shot is what its start was for. */
static void oneshot_done(struct sup *s, struct child *c, int64_t now)
{
	sup_set_state(s, c, CHILD_EXITED, now);
	sup_event(s, c, EVENT_READY);
	arrived(s, c);
	sup_ended_for_good(s, c, now);
}

void sup_exited(
	struct sup *s, struct child *c, const struct reason *reason, int64_t now)
{
	bool starting = c->state == CHILD_STARTING ||
		(c->state == CHILD_STOPPING && c->doomed && c->doomed_start);
	/* A start that was asked for meanwhile follows the stop, whatever it was for.
	 */
	bool ordered = c->want_stop ||
		(c->state == CHILD_STOPPING && (!c->doomed || c->want_start));

	if (!child_is_alive(c))
		return;
	c->last_exit = c->doomed ? reason_rename(reason, c->doom) : *reason;
	c->doomed = false;
	sup_event(s, c, EVENT_EXITED);
	if (ordered)
		sup_down(s, c, now);
	else if (!starting)
		sup_crashed(s, c, now);
	else if (c->policy->oneshot && !reason_is_abnormal(&c->last_exit))
		oneshot_done(s, c, now);
	else
		sup_start_has_failed(s, c, false, now);
	sup_progress(s, now);
}

/* Its state will be another one when the backoff looks at how long it ran. */
static void note_long_run(struct child *c, int64_t now)
{
	const struct backoff *b = &c->policy->backoff;

	if (c->state == CHILD_RUNNING && b->initial_ns > 0 &&
		now - c->since >= b->reset_after_ns)
		c->failures = 0;
}

void sup_doom(struct sup *s, struct child *c, const struct reason *reason, int64_t now)
{
	if (c->state != CHILD_STARTING && c->state != CHILD_RUNNING)
		return;
	if (s->phase >= SUP_CLOSED) {
		/* It is to go anyway, in its turn. */
		sup_arm(s, c, -1);
		return;
	}
	note_long_run(c, now);
	c->doomed = true;
	c->doomed_start = c->state == CHILD_STARTING;
	memccpy(c->doom, reason->text, '\0', sizeof c->doom - 1);
	sup_begin_stop(s, c, now);
}

void sup_extend(struct sup *s, struct child *c, int64_t until)
{
	if ((c->state == CHILD_STARTING || c->state == CHILD_STOPPING) && c->due >= 0 &&
		c->due < until)
		sup_arm(s, c, until);
}

static void kill_child(struct sup *s, struct child *c)
{
	c->killed = true;
	sup_arm(s, c, -1);
	sup_emit(s, &(struct effect){ .kind = FX_KILL, .child = c });
}

static void retry_is_due(struct sup *s, struct child *c, int64_t now)
{
	c->not_before = -1;
	sup_arm(s, c, -1);
	if (c->retry) {
		c->retry = false;
		sup_begin_group(s, c, now);
	}
	sup_progress(s, now);
}

void sup_due(struct sup *s, struct child *c, int64_t now)
{
	struct reason late = reason_text("start_timeout");

	if (c->due < 0 || now < c->due)
		return;
	switch ((enum child_state)c->state) {
	case CHILD_STARTING:
		sup_doom(s, c, &late, now);
		return;
	case CHILD_STOPPING:
		kill_child(s, c);
		return;
	case CHILD_RESTARTING:
		retry_is_due(s, c, now);
		return;
	case CHILD_STOPPED:
	case CHILD_RUNNING:
	case CHILD_EXITED:
	case CHILD_NSTATES:
		break;
	}
	KICK_BUG("%s: a deadline while %s", c->id, child_state_names[c->state]);
}

void sup_close(struct sup *s, int64_t now)
{
	if (s->phase >= SUP_CLOSED)
		return;
	s->phase = SUP_CLOSED;
	sup_drop_starts(s, now);
	sup_progress(s, now);
}

void sup_shutdown(struct sup *s, const struct reason *reason, int64_t now)
{
	if (s->phase >= SUP_ENDING)
		return;
	sup_end_all(s, reason, now);
	sup_progress(s, now);
}

void sup_hurry(struct sup *s, const struct reason *reason, int64_t now)
{
	if (s->hurried || s->phase == SUP_ENDED)
		return;
	s->hurried = true;
	if (s->phase < SUP_ENDING)
		sup_end_all(s, reason, now);
	for (uint32_t i = 0; i < s->n; i++) {
		struct child *c = s->children[i];

		if (!child_is_alive(c))
			continue;
		if (c->state != CHILD_STOPPING)
			sup_begin_stop(s, c, now);
		else if (!c->killed)
			kill_child(s, c);
	}
	sup_progress(s, now);
}

void sup_swap(struct child *a, struct child *b)
{
	SWAP(a->since, b->since);
	SWAP(a->started_at, b->started_at);
}

/* --- questions ----------------------------------------------------------------------
 */

struct child_counts sup_count_children(const struct sup *s)
{
	struct child_counts n = { .specs = s->n };

	for (uint32_t i = 0; i < s->n; i++) {
		if (child_is_alive(s->children[i]))
			n.active++;
		if (s->children[i]->policy->type == CHILD_SUPERVISOR ||
			s->children[i]->policy->type == CHILD_DYNAMIC_SUPERVISOR ||
			s->children[i]->policy->type == CHILD_PARTITION_SUPERVISOR)
			n.supervisors++;
		else
			n.workers++;
	}
	return n;
}

bool child_is_well(const struct child *c)
{
	if (c->state == CHILD_STOPPED)
		return c->sticky;
	if (c->state == CHILD_EXITED)
		return c->last_exit.class == REASON_NORMAL ||
			strcmp(c->last_exit.text, "shutdown:auto") == 0;
	return c->state == CHILD_RUNNING;
}
