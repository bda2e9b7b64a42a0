/* For the tests of names that wait: supervisors whose children are called "a" to "d",
 * which is their id and their name, and whose starts go as they are planned.
 *
 *   waits_up("", KICK_PERMANENT, 1);
 *   waits_plan("a", HELD);
 *   waits_end(named("a"), "kill");
 *   EXPECT_TEXT("held a");
 *   caller = asker("a");
 *   let_go();
 *   ANSWERED(caller, next_named("a"));
 */
#ifndef KICK_TESTS_WAITTEST_H
#define KICK_TESTS_WAITTEST_H

#include "support/nodetest.h"

/* What becomes of a start. */
enum {
	HELD = 1,      /* the start function waits until the gate is opened */
	SLOW = 2,      /* init does */
	REFUSED = 4,   /* the start function fails */
	NO_ROOM = 8,   /* the same, for want of room: it is tried again */
	NAMELESS = 16, /* without its name */
	STOPS = 32,    /* init stops */
	CRASHES = 64,  /* init dies */
	HANGS = 128,   /* init takes longer than its time */
	DEPENDS = 256, /* init calls "a" */
};

#define LETTERS 4

/* Shared by all processes of the node. */
struct waits_shared {
	kick_pid tester, gate;
	int now[LETTERS], next[LETTERS]; /* of this start, of those after it */
	int starts[LETTERS];
};
extern struct waits_shared *waits;

/* First of all. The caller traps exits from now on, and is told "held a" and "slow a".
 */
void waits_begin(void);
void hold(void);
void let_go(void);

/* The starts of that child that are to come; of its first one only CRASHES, STOPS and
 * HANGS count. */
void waits_plan(const char *letter, int how);
void waits_start(const char *letter, int how);
kick_child_spec waits_spec(const char *letter, kick_restart restart);

/* The first n of them. Flags: all: one_for_all; once: one restart is allowed, else any
 * number. */
kick_pid waits_up(const char *flags, kick_restart restart, size_t n);

/* Who has the name now; as soon as somebody has. */
kick_pid named(const char *name);
kick_pid next_named(const char *name);

/* Ends, and what is told of it has been told: how is "kill" or a reason. */
void waits_end(kick_pid pid, const char *how);

/* To the tester: "what letter". */
void waits_tell(const char *what, const char *letter);

/* Each request says for whom it is, and children look. */
int call_name(const char *name, int64_t timeout_ms, kick_reason *why);

/* A process that has begun to call name, and waits if it ever will. */
kick_pid asker(const char *name);

/* What its call came to. */
void waits_check(const char *file, int line, kick_pid caller, int r, const char *why,
	kick_pid from);
#define ANSWERED(caller, from) waits_check(__FILE__, __LINE__, (caller), 0, "", (from))
#define NOPROC(caller) \
	waits_check(__FILE__, __LINE__, (caller), -ESRCH, "noproc", NOBODY)

bool match_sender(const kick_message *m, void *pid);

#endif
