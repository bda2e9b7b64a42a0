/* The mark that every process of a tree bears: 64 bits in the soft limit RLIMIT_LOCKS,
 * which the kernel has not looked at for twenty years and which everything inherits:
 * double forks, new sessions, cleared environments, other users.
 *
 * tree (23 bits, random) . supervisor (1 bit) . number (39 bits, one per start). */
#ifndef KICK_OS_MARK_H
#define KICK_OS_MARK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define MARK_SUPERVISOR (UINT64_C(1) << 39)

/* What all processes of one tree share: counters in a page of shared memory, made by
 * the root before the first fork. */
struct commons {
	uint64_t id; /* tree bits of the mark, in place */
	_Atomic uint64_t next_mark;
	_Atomic uint32_t next_socket;
	_Atomic uint64_t next_pipe;
	_Atomic uint32_t pipes; /* open now, in the whole tree */
};

/* Maps the page. Negative errno. */
int commons_new(struct commons **ret);

/* A mark that no process bears yet. */
uint64_t mark_new(struct commons *t, bool supervisor);

static inline bool mark_is_of_tree(uint64_t mark, const struct commons *t)
{
	return (mark & ~(MARK_SUPERVISOR | (MARK_SUPERVISOR - 1))) == t->id;
}

/* The mark of a process: 0 and *ret, or a negative errno (-ESRCH: it is gone; -EACCES:
 * it cannot be read here, which needs /proc for processes of other users). */
int mark_read(pid_t pid, uint64_t *ret);

/* This process bears it from now on. Negative errno. */
int mark_self(uint64_t mark);

#endif
