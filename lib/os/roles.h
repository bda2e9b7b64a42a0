/* The descriptors of kick's own processes, by role: the same numbers in the root, in
 * every supervisor and in the logger. A fork keeps what lies below FD_FREE and closes
 * the rest; a spawn keeps what lies below FD_SELF, which is all that a worker may get.
 */
#ifndef KICK_OS_ROLES_H
#define KICK_OS_ROLES_H

enum {
	FD_SLOT_0 = 3, /* 3 to 9: of a worker's readiness; else /dev/null */
	FD_SELF = 10,  /* pidfd of this process: a child sees its parent's death */
	FD_STDIN = 11, /* what kickd was started with: for "inherit" */
	FD_STDOUT = 12,
	FD_STDERR = 13,
	FD_NOTICE = 14, /* to the logger */
	FD_LOCK = 15,	/* the runtime directory is ours as long as it is open */
	FD_CONFIG = 16, /* the accepted configuration */
	FD_RUNDIR = 17, /* the runtime directory */
	FD_LINK = 18,	/* to the parent */
	FD_LISTEN = 19, /* control socket of this supervisor */
	FD_FREE = 20
};

#endif
