/* For the tests of applications: applications that tell what becomes of them.
 *
 * What happens in the whole node is noted in order, also for the test itself, after the
 * node has ended: "+a": start has been called; "-a(REASON)": its top process has been
 * told to end; "prep a", "stop a". */
#ifndef KICK_TESTS_APPTEST_H
#define KICK_TESTS_APPTEST_H

#include <stdatomic.h>

#include "support/nodetest.h"

struct trace {
	atomic_uint len;
	char text[2048];
};
extern struct trace *trace;

/* The suite's init. */
void make_trace(void);

void note(const char *fmt, ...) KICK_PRINTF(1, 2);

/* All that was noted since the last time. */
void check_trace(const char *file, int line, const char *want);
#define TRACE(want) check_trace(__FILE__, __LINE__, (want))

/* An application. how: what start does:
 *   top: a process that raises each text that it gets, and what its parent says;
 *   gate: the same, but to its parent only after it has got "open"; free: not linked;
 *   supervisor: one with one child, which gives up at its first restart; hang;
 * the others also start a linked process of no concern:
 *   wait: until it gets "go"; raise, exit, signal: what say says;
 *   nobody: no top process; dead: one that has ended; a number: returns it, *why is
 *   say.
 * Nothing of it is ever freed. */
cJSON *args_of(const char *how, const char *say);
kick_application app(const char *name, const char *how);
kick_application app_with(const char *name, const char *how, const char *const *needs);

/* Has start send its name there. */
void tell_start(kick_application *a, kick_pid pid);

int try_start(const char *name, const char *how, kick_restart type);
void start(const char *name, kick_restart type);

/* "master" or "top" of one that is there. */
kick_pid process_of(const char *name, const char *what);
kick_pid controller(void);

/* "b a": those that run, the last one first; others with their state. */
void check_which(const char *file, int line, const char *want);
#define WHICH(want) check_which(__FILE__, __LINE__, (want))

/* Until the controller has seen its end. */
void await_end(const char *name);

#endif
