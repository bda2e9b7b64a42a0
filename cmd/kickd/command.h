/* `kickd -- COMMAND`: the root runs one program itself, with no supervisor, no logger
 * and no runtime directory. For PID 1 of a container that holds one program. */
#ifndef KICK_KICKD_COMMAND_H
#define KICK_KICKD_COMMAND_H

#include <stdint.h>

struct command_options {
	char *const *argv; /* of the program; NULL at the end */
	int64_t grace_ns; /* how long what it leaves behind has between TERM and KILL */
	const uint8_t
		*map_exit; /* what kickd ends with, for each of the 256 statuses */
};

/* Runs it to its end, reaps every orphan, forwards signals, ends what is left. Returns
 * what kickd ends with: the program's status, 128+N for signal N, 126 and 127 when it
 * could not be executed, STATUS_CANT_CREATE after a message when there was no process
 * for it. All signals are blocked afterwards. */
int command_run(const struct command_options *o);

#endif
