/* The runtime directory: found, made, checked, locked, and emptied at the end. */
#ifndef KICK_KICKD_RUNDIR_H
#define KICK_KICKD_RUNDIR_H

#include <stdbool.h>

#include "base/err.h"

/* -R, $KICK_RUNTIME_DIR, /run/kick for root, $XDG_RUNTIME_DIR/kick, /tmp/kick-UID:
 * malloc'ed, the caller's; NULL when out of memory. */
char *rundir_choose(const char *option);

struct rundir {
	char *path; /* absolute */
	bool made;  /* by us: removed at the end */
};

/* Makes it (0711), refuses it when it is not ours or others may write to it, locks it.
 * The lock and the directory get their roles (os/roles.h). `name` is written into the
 * lock for whoever comes next. Waits up to 10 s for the remains of a tree whose root
 * was killed. 0, or the exit status with *err. */
int rundir_take(struct rundir *rd, const char *path, const char *name, struct err *err);

/* Removes everything that was made in it, and itself when it was made by us. */
void rundir_drop(struct rundir *rd);

#endif
