/* The logger process: reads every captured output, writes it out in whole lines,
 * remembers the last ones, tells events, answers `log`, `events` and `last_lines`.
 *
 * It ends when its link has ended and all pipes have; it ignores TERM, INT, HUP. It may
 * be killed at any time: the root keeps all that it reads from, and starts another. */
#ifndef KICK_LOGGER_LOGGER_H
#define KICK_LOGGER_LOGGER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A pipe that is there already when the logger starts (kept by the root). */
/* On the link to the root: the id of a pipe that is done with, or, with this bit, of
 * one that came while there was no descriptor for it. */
#define LOGGER_LOST (UINT64_C(1) << 63)

struct logger_pipe {
	uint64_t id;
	int fd; /* read end; the logger's */
	uint32_t stream;
	const char *path;
};

struct logger_start {
	int link;    /* stream socket to the root. The logger writes 8 bytes, the id,
			for each pipe that has ended (the root then closes its copy);
			end of file: finish what is in the pipes, then exit */
	int notices; /* datagram socket, receiving end */
	int listen;  /* control socket, listening */
	gid_t group, readers; /* who may ask; (gid_t)-1: nobody but us */
	const struct logger_pipe *pipes;
	size_t n_pipes;
};

/* Runs until there is nothing left to do; does not return. The calling process has
 * been set up (own group, descriptors, title) and has a fresh signal mask. */
_Noreturn void logger_main(const struct logger_start *start);

#endif
