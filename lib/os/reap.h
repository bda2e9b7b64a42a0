/* The children of this process: their ends, and those that it adopted. One reaper per
 * process. What shares the group of a leader that has ended is killed while the number
 * is still the leader's, or through its pidfd where the kernel can do that later. */
#ifndef KICK_OS_REAP_H
#define KICK_OS_REAP_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/reason.h"
#include "os/spawn.h"

/* A child that has ended and is still unreaped: its pid, 0 when there is none, or
 * -ECHILD when there are no children at all. Asks for one child, 0 any. Never waits. */
pid_t reap_peek(pid_t which);

/* True for a child that is not reaped yet. */
bool reap_is_child(pid_t pid);

/* Reaps it. 0 and *ret, or a negative errno. Never waits. */
int reap(pid_t pid, struct reason *ret);

/* Reaps one child that has ended: this one, 0 any. Returns as reap_peek(). */
pid_t reap_next(pid_t which, struct reason *ret);

/* True where reap_signal_group() works when the leader has been reaped already
 * (Linux 6.9, PIDFD_SIGNAL_PROCESS_GROUP in pidfd_send_signal(2)), so that nobody needs
 * to look who has ended before reaping him. */
bool reap_outlived_by_group(void);

/* Signals the group that this child leads, or led. Before it is reaped, or else only
 * where reap_outlived_by_group(). */
void reap_signal_group(const struct proc *leader, int sig);

/* Calls back for each living child of this process's first thread, as listed in
 * /proc/self/task/PID/children: what was adopted, and what that thread has spawned
 * (nothing, in a supervisor: otp/process.h). Without /proc all children are found, by
 * waitid(2) over all pids. Children that come while it runs may be missed: look again
 * when one ends. Returns their number or a negative errno. */
int reap_adopted(void (*call)(void *user, pid_t pid), void *user);

#endif
