/* The node: the process that was started as the program. It makes processes known,
 * reaps them, keeps links, monitors, names and timers, and ends with the status of the
 * first process. It decides by itself alone, so that no two processes ever see a link
 * differently. OTP: what the emulator does. */
#ifndef KICK_OTP_NODEPROC_H
#define KICK_OTP_NODEPROC_H

#include <stdint.h>
#include <sys/types.h>

#include "otp/nodeint.h"

struct nodeproc_start {
	uint64_t node;	 /* its number */
	const char *dir; /* of the sockets; removed at the end */
	pid_t first;	 /* pid of the first process, NODE_FIRST */
	int link;	 /* our end of its link */
	struct node_counters *counters;
	struct outer_start outer;
};

/* All signals are blocked. Ends with the first process's status. */
_Noreturn void nodeproc_run(const struct nodeproc_start *start);

#endif
