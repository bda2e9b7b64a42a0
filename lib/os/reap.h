/* The children of this process: their ends, and those that it adopted. One reaper per
 * process: who has ended is looked at first, so that the group of a
 * leader can still be signalled safely, then reaped. */
#ifndef KICK_OS_REAP_H
#define KICK_OS_REAP_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/reason.h"

/* A child that has ended and is still unreaped: its pid, 0 when there is none, or
 * -ECHILD when there are no children at all. Never waits. */
pid_t reap_peek(void);

/* True when this child has ended and is unreaped. Never waits. */
bool reap_is_over(pid_t pid);

/* True for a child that is not reaped yet. */
bool reap_is_child(pid_t pid);

/* Reaps it. 0 and *ret, or a negative errno. Never waits. */
int reap(pid_t pid, struct reason *ret);

/* Reaps one child that has ended, whichever. Its pid, 0 or -ECHILD. */
pid_t reap_any(struct reason *ret);

/* Calls back for each living child of this process's first thread, as listed in
 * /proc/self/task/PID/children: what was adopted, and what that thread has spawned
 * (nothing, in a supervisor: otp/process.h). Without /proc all children are found, by
 * waitid(2) over all pids. Children that come while it runs may be missed: look again
 * when one ends. Returns their number or a negative errno. */
int reap_adopted(void (*call)(void *user, pid_t pid), void *user);

#endif
