/* Control groups, version 2. kick makes groups below its own one only where that has
 * been handed to it: delegated by the system's manager, or the root of a namespace. Its
 * own processes then stay in one leaf, "kick", and each program has a group beside it,
 * "kick-TREE-PATH": a group with processes of its own hands on no controllers.
 *
 * A program enters its group by itself before it is executed: nothing gets away. */
#ifndef KICK_OS_CGROUP_H
#define KICK_OS_CGROUP_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "config/attrs.h"
#include "os/mark.h"

/* What the names of all groups of a tree begin with. Returns prefix. */
#define CGROUP_PREFIX_MAX 24
const char *cgroup_prefix(const struct commons *t, char prefix[CGROUP_PREFIX_MAX]);

/* Finds our own group, enters its leaf; *ret_home (allocated) is where groups can be
 * made. A negative errno, and in *why what stands against it. */
int cgroup_enter(char **ret_home, struct err *why);

/* Kills what is left in the groups in home whose names begin so, and removes them. */
void cgroup_sweep(const char *home, const char *prefix);

/* Sweeps, and removes the leaf. */
void cgroup_leave(const char *home, const char *prefix);

/* Makes the group, an empty one of this name is made anew, what is in another is
 * killed; with limits where a (may be NULL) asks for them. A negative errno and *why.
 */
int cgroup_make(
	const char *home, const char *group, const struct attrs *a, struct err *why);
void cgroup_remove(const char *group);

/* KILL to all in it and below it, at once: they are dead before a fork can outrun it.
 * 0, or a negative errno: the kernel cannot (before 5.14). */
int cgroup_kill(const char *group);

/* Calls with each pid in it. */
void cgroup_each(const char *group, void (*call)(void *user, pid_t pid), void *user);

#endif
