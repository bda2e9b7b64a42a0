/* A supervisor of the core over pretended processes and a pretended clock.
 *
 * A tree is written as two lines of words:
 *
 *   fake_new("rest_for_one max=2 seconds=5", "a b:transient,significant c:slow");
 *
 * It carries out what the machine orders: children are ready as soon as they are
 * spawned and end as soon as they are told to, unless their words say otherwise.
 * What was ordered is kept as a trace ("stop c; spawn b; restart ok; up; end shutdown")
 * and the events for watchers as another. Rules that hold at all times (never two
 * processes of one child, no order to a process that has ended, nothing left at the
 * end) are checked on every effect and fail the test. */
#ifndef KICK_TESTS_FAKETREE_H
#define KICK_TESTS_FAKETREE_H

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/macro.h"
#include "core/sup.h"

#define FAKE_TEXT 65536
#define FAKE_CHILDREN 2100
#define FAKE_REQUESTS 256
#define FAKE_QUEUE 4200

/* A child with its script. Words after the id in brackets. */
struct fake_child {
	struct child child;
	struct child_policy policy; /* as the words say */
	struct child_policy *given; /* the machine's copy; a reload gives another */
	char id[24];
	bool slow;	 /* (slow) ready only by fake_ready */
	bool stubborn;	 /* (stubborn) does not end at the stop order */
	bool immortal;	 /* (immortal) not even KILL ends it before fake_exit */
	bool ignores;	 /* (ignores) answers every start with `ignore` */
	bool for_want;	 /* (for_want) its failed starts are for want of resources */
	bool dies_early; /* (early) its failing starts die with exit:9 before ready */
	int64_t fails;	 /* (fails, fails2, fails3) so many starts fail; -1: all */
	const char *farewell; /* reason after a stop order, "shutdown" by default */
	bool process;	      /* a process of it exists */
	bool removed;	      /* FX_REMOVED was seen */
	unsigned spawns;
	int64_t armed; /* absolute time of FX_ARM, -1 none */
};

enum fake_happening {
	HAPPENS_SPAWN,
	HAPPENS_READY,
	HAPPENS_IGNORE,
	HAPPENS_FAILURE,
	HAPPENS_END,
};

struct fake_event {
	struct fake_child *child;
	unsigned life; /* which of its processes: child->spawns at that time */
	enum fake_happening what;
	const char *reason;
};

/* A request that was made; done when the reply has come. */
struct fake_request {
	struct waiter waiter;
	const char *verb;
	bool done;
	uint8_t result; /* enum sup_result */
};

struct fake_text {
	char now[FAKE_TEXT];
	char last[FAKE_TEXT]; /* what the last comparison saw */
	size_t len;
};

struct fake {
	struct sup sup;
	int64_t now;
	bool hold;	 /* timers that are due wait for fake_fire */
	const char *row; /* of the test's table, for messages */
	unsigned ups;	 /* FX_READY seen */
	bool ended;	 /* FX_EXIT seen */
	struct fake_child *children[FAKE_CHILDREN];
	size_t n;
	struct fake_request requests[FAKE_REQUESTS];
	size_t n_requests;
	struct fake_event queue[FAKE_QUEUE];
	size_t head, tail;
	struct fake_text trace;
	struct fake_text events;
};

/* Words of the supervisor: a strategy, an auto_shutdown, dynamic, max=N, max=infinity,
 * seconds=N, children=N. Words of a child: see above and the table in faketree.c. Ends
 * the test on a word it does not know. */
struct fake *fake_new(const char *words, const char *children);

/* Checks that nothing was written to removed children; frees all. */
void fake_free(struct fake *t);

/* Boots. fake_up makes a tree, boots it, and forgets the traces of that; it serves
 * then. */
void fake_boot(struct fake *t);
struct fake *fake_up(const char *words, const char *children);

/* The child with this id; ends the test when there is none. */
struct fake_child *fake_find(struct fake *t, const char *id);

/* --- what happens: each call also carries out all that follows from it -------------
 */

void fake_ready(struct fake *t, const char *id);
void fake_exit(struct fake *t, const char *id, const char *reason);
void fake_doom(struct fake *t, const char *id, const char *reason);
void fake_close(struct fake *t);
void fake_shutdown(struct fake *t, const char *reason);
void fake_hurry(struct fake *t, const char *reason);

/* fake_exit of several ("b d"), before any consequence of the first is carried out. */
void fake_exit_together(struct fake *t, const char *ids, const char *reason);

/* Lets the clock run; what falls due on the way happens at its own time. */
void fake_wait(struct fake *t, int64_t ns);

/* With t->hold: the timers that are due now, once; what follows is carried out. */
void fake_fire(struct fake *t);

/* It asks for ns from now on. */
static inline void fake_extend(struct fake *t, const char *id, int64_t ns)
{
	sup_extend(&t->sup, &fake_find(t, id)->child, t->now + ns);
	fake_fire(t);
}

struct fake_request *fake_start(struct fake *t, const char *child);
struct fake_request *fake_terminate(struct fake *t, const char *id);
struct fake_request *fake_restart(struct fake *t, const char *id);
struct fake_request *fake_renew(struct fake *t, const char *id);
struct fake_request *fake_delete(struct fake *t, const char *id);

/* Reloads: "a b! +d:transient" keeps a, renews b, inserts d, removes all that is not
 * listed and was not added. Words after a kept id give it a new policy. words NULL: the
 * supervisor's policy stays. */
void fake_reload(struct fake *t, const char *words, const char *children);

/* --- what is to be seen ------------------------------------------------------------
 */

/* True when the text is what happened since the last look, which is then forgotten. */
bool fake_saw(struct fake_text *text, const char *want);

/* "a running; b stopped", in the order of the children. Static, until the next call. */
const char *fake_states(const struct fake *t);

/* "ok", "pending", ... */
const char *fake_result(const struct fake_request *r);

/* Nanoseconds from now to the child's timer, -1 when none is armed. */
int64_t fake_armed(struct fake *t, const char *id);

uint32_t fake_counted(struct fake *t);
bool fake_is_well(struct fake *t, const char *id);
const char *fake_last_exit(struct fake *t, const char *id);

#define FAKE_ROW(t) ((t)->row ? (t)->row : "-")

#define EXPECT_TRACE(t, want)                                               \
	cr_expect(fake_saw(&(t)->trace, (want)),                            \
		"row: %s\n  wanted: %s\n  traced: %s", FAKE_ROW(t), (want), \
		(t)->trace.last)
/* Where no rule says in which order; the trace is not forgotten. */
#define EXPECT_IN_TRACE(t, part)                                               \
	cr_expect(strstr((t)->trace.now, (part)), "row: %s\n  no '%s' in: %s", \
		FAKE_ROW(t), (part), (t)->trace.now)
#define EXPECT_EVENTS(t, want)                                              \
	cr_expect(fake_saw(&(t)->events, (want)),                           \
		"row: %s\n  wanted: %s\n  events: %s", FAKE_ROW(t), (want), \
		(t)->events.last)
#define EXPECT_TEXT(t, got, want)                                                    \
	cr_expect(strcmp((got), (want)) == 0, "row: %s\n  wanted: %s\n  is:     %s", \
		FAKE_ROW(t), (want), (got))
#define EXPECT_STATES(t, want) EXPECT_TEXT((t), fake_states(t), (want))
#define EXPECT_RESULT(t, r, want) EXPECT_TEXT((t), fake_result(r), (want))
#define EXPECT_LAST(t, id, want) EXPECT_TEXT((t), fake_last_exit((t), (id)), (want))
#define EXPECT_NUMBER(t, got, want)                                                   \
	cr_expect((int64_t)(got) == (int64_t)(want), "row: %s: %s is %lld, not %lld", \
		FAKE_ROW(t), #got, (long long)(got), (long long)(want))
#define EXPECT_COUNTED(t, want) EXPECT_NUMBER((t), fake_counted(t), (want))

#endif
