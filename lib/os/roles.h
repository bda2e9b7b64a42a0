/* The descriptors of kick's own processes, by role: the same numbers in the root, in
 * every supervisor and in the logger. A fork keeps what lies below FD_FREE and closes
 * the rest; a spawn keeps what lies below FD_SELF, which is all that a worker may get.
 */
#ifndef KICK_OS_ROLES_H
#define KICK_OS_ROLES_H

enum {
	FD_SLOT_0 = 3,	   /* of a worker's sockets, link, readiness; else /dev/null */
	FD_SLOT_LAST = 19, /* always /dev/null */
	FD_SELF = 20,	   /* pidfd of this process: a child sees its parent's death */
	FD_STDIN = 21,	   /* what kickd was started with: for "inherit" */
	FD_STDOUT = 22,
	FD_STDERR = 23,
	FD_NOTICE = 24, /* to the logger */
	FD_LOCK = 25,	/* the runtime directory is ours as long as it is open */
	FD_CONFIG = 26, /* the accepted configuration */
	FD_RUNDIR = 27, /* the runtime directory */
	FD_LINK = 28,	/* to the parent */
	FD_LISTEN = 29, /* control socket of this supervisor */
	FD_FREE = 30
};

#endif
