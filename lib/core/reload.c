/* A new configuration: the marks that bring the children from what they are to what it
 * says. Everything goes through one wave, so that all that goes has gone before
 * anything new starts. OTP: supervisor:code_change/3, with kick's difference that new
 * children are started and missing ones removed. */
#include <errno.h>

#include "core/machine.h"

int sup_reload_begin(struct sup *s, const struct sup_policy *policy, uint32_t n_new)
{
	int r = sup_make_room(s, n_new);

	if (r < 0)
		return r;
	r = intensity_change(
		&s->intensity, policy->max_restarts, policy->max_seconds_ns);
	if (r < 0)
		return r;
	s->policy = *policy;
	return 0;
}

/* A child whose process is to be another one: stopped ones stay stopped. */
static void renew(struct child *c)
{
	if (c->sticky || (c->state == CHILD_STOPPED && !c->want_start))
		return;
	c->want_stop = child_is_alive(c);
	c->want_start = true;
	c->wave = true;
	c->manual = true;
	c->doomed = c->retry = false;
	c->not_before = -1;
	c->failures = 0;
	c->reload = true;
}

void sup_reload_child(struct sup *s, struct child *c, enum reload_act act,
	const char *id, const struct child_policy *policy)
{
	if (act != RELOAD_REMOVE) {
		c->id = id;
		c->policy = policy;
	}
	switch (act) {
	case RELOAD_KEEP:
		return;
	case RELOAD_RENEW:
		renew(c);
		if (!child_is_alive(c))
			sup_arm(s, c, -1);
		return;
	case RELOAD_REMOVE:
		c->removing = true;
		c->want_start = c->retry = false;
		c->not_before = -1;
		c->want_stop = child_is_alive(c);
		c->wave = c->want_stop;
		c->reload = c->want_stop;
		return;
	}
}

void sup_reload_insert(struct sup *s, struct child *c, const char *id,
	const struct child_policy *policy)
{
	sup_child_init(c, id, policy);
	sup_append(s, c);
	sup_event(s, c, EVENT_ADDED);
	if (c->sticky)
		return;
	c->want_start = c->wave = c->manual = c->reload = true;
}

/* Listed ones first, in the new order; then the added; then those that go. */
static void reorder(struct sup *s, struct child *const *order, uint32_t n)
{
	uint32_t at = n;

	for (int pass = 0; pass < 2; pass++) {
		for (uint32_t i = 0; i < s->n; i++) {
			struct child *c = s->children[i];

			/* position doubles as "not placed yet" while we sort. */
			if (pass == 0)
				c->position = UINT32_MAX;
			else if (c->position == UINT32_MAX && c->removing)
				c->position = at++;
		}
		for (uint32_t i = 0; pass == 0 && i < n; i++)
			order[i]->position = i;
		for (uint32_t i = 0; pass == 0 && i < s->n; i++)
			if (s->children[i]->position == UINT32_MAX &&
				!s->children[i]->removing)
				s->children[i]->position = at++;
	}
	/* In place, by following the cycles of the permutation. */
	for (uint32_t i = 0; i < s->n; i++) {
		while (s->children[i]->position != i) {
			struct child *c = s->children[i];
			uint32_t to = c->position;

			s->children[i] = s->children[to];
			s->children[to] = c;
		}
	}
}

static void remove_dead(struct sup *s)
{
	for (uint32_t i = s->n; i-- > 0;) {
		struct child *c = s->children[i];

		if (!c->removing || child_is_alive(c))
			continue;
		sup_answer_all(s, c, WAIT_START, SUP_CANCELLED);
		sup_event(s, c, EVENT_DELETED);
		sup_remove(s, c);
	}
}

void sup_reload_end(struct sup *s, struct child *const *order, uint32_t n, int64_t now)
{
	reorder(s, order, n);
	remove_dead(s);
	s->lo = 0;
	s->hi = s->n;
	for (uint32_t i = 0; i < s->n; i++) {
		struct child *c = s->children[i];

		if (c->want_start && !child_is_alive(c) && c->state != CHILD_RESTARTING)
			sup_set_state(s, c, CHILD_RESTARTING, now);
	}
	sup_progress(s, now);
}

bool sup_reloading(const struct sup *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (s->children[i]->reload)
			return true;
	return false;
}
