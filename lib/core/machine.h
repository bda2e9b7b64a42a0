/* What the files of the supervisor machine share with each other, and nobody else:
 *
 *   sup.c       the list of children, effects, events of processes
 *   strategy.c  what a failure means: intensity, groups, giving up, auto_shutdown
 *   wave.c      what the marks allow now: stops in reverse order, starts in order
 *   request.c   the API calls
 *   reload.c    a new configuration */
#ifndef KICK_CORE_MACHINE_H
#define KICK_CORE_MACHINE_H

#include "core/sup.h"

/* sup.c */
void sup_emit(struct sup *s, const struct effect *e);
void sup_event(struct sup *s, struct child *c, enum sup_event event);
int sup_make_room(struct sup *s, uint32_t n_more);
void sup_child_init(struct child *c, const char *id, const struct child_policy *policy);
void sup_append(struct sup *s, struct child *c);
void sup_remove(struct sup *s, struct child *c);
void sup_wait(struct child *c, struct waiter *w, enum waiter_kind kind);
void sup_answer(struct sup *s, struct waiter *w, struct child *c, enum sup_result r);
void sup_answer_all(
	struct sup *s, struct child *c, enum waiter_kind kind, enum sup_result r);

/* The one writer of child.state; drops what the old state waited for. */
void sup_set_state(struct sup *s, struct child *c, enum child_state state, int64_t now);
void sup_arm(struct sup *s, struct child *c, int64_t at);

/* Notes that the child has a mark, for the range that progress() looks at. */
void sup_mark(struct sup *s, const struct child *c);

/* A child that does not outlive its end in the list. */
static inline bool child_is_fleeting(const struct sup *s, const struct child *c)
{
	return s->policy.dynamic ||
		(c->added && c->policy->restart == RESTART_TEMPORARY);
}

/* strategy.c */
void sup_crashed(struct sup *s, struct child *c, int64_t now);
void sup_start_has_failed(struct sup *s, struct child *c, bool for_want, int64_t now);
void sup_begin_group(struct sup *s, struct child *c, int64_t now);
void sup_ended_for_good(struct sup *s, struct child *c, int64_t now);
/* Nothing that waits is started any more. */
void sup_drop_starts(struct sup *s, int64_t now);
void sup_end_all(struct sup *s, const struct reason *reason, int64_t now);

/* wave.c */
void sup_progress(struct sup *s, int64_t now);
void sup_begin_stop(struct sup *s, struct child *c, int64_t now);
void sup_down(struct sup *s, struct child *c, int64_t now);
bool sup_wave_is_on(const struct sup *s);

#endif
