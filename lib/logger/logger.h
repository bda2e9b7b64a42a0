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

/* On the link to the root, messages of at most so many bytes: ids of pipes that have
 * ended, or, with this bit, that came while there was no descriptor for them. */
#define LOGGER_LOST (UINT64_C(1) << 63)
#define LOGGER_ENDED_MAX (64 * sizeof(uint64_t))

/* A pipe that is there already when the logger starts (kept by the root). */
struct logger_pipe {
	uint64_t id;
	int fd; /* read end; the logger's */
	uint32_t stream;
	const char *path;
};

struct logger_start {
	int link;    /* to the root, which closes its copies of what has ended, and
			tells again of what was lost; end of file: finish what is in
			the pipes, then exit */
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
