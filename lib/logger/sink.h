/* Where lines go: our own stdout or stderr. Whole lines go in; they come out whole and
 * in order, and writing them never waits.
 *
 * A sink that takes nothing at the moment is `blocked`: those who fill it stop, and are
 * told by `drained`. A sink that fails (the disk is full, the reader is gone) drops
 * what it is given, counts the lines, and tells by `recovered` once it works again. */
#ifndef KICK_LOGGER_SINK_H
#define KICK_LOGGER_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop/loop.h"

enum sink_how {
	SINK_FILE,   /* regular files and what never blocks: write */
	SINK_OWN,    /* opened anew, so that O_NONBLOCK is ours alone: write */
	SINK_SOCKET, /* send, with a flag */
	SINK_POLLED, /* poll, then a write that is small enough not to block */
	SINK_GONE,   /* there is nothing to write to */
};

struct sink {
	struct io io;
	struct loop *loop;
	const char *name; /* for messages: "stdout" */
	enum sink_how how;
	bool own_fd;
	bool blocked;
	bool torn;     /* what was written last is a part of a line */
	bool works;    /* the last write did */
	size_t piece;  /* SINK_POLLED: bytes that a write is sure not to wait for */
	int error;     /* negative errno of the last write; 0: it worked */
	uint64_t lost; /* lines dropped since it works no longer */
	char *data;    /* SINK_BYTES, mapped when first needed */
	size_t begin, end;
	void *user;
	void (*drained)(struct sink *s);
	void (*recovered)(struct sink *s, uint64_t lost, int error);
};

#define SINK_BYTES (128 << 10)

/* Kept free by lines of children, for kick's own messages. */
#define SINK_RESERVE (8 << 10)

/* A line in pieces, without its newline. */
struct sink_line {
	const char *prefix;
	size_t prefix_len;
	const char *text;
	size_t len;
};

/* Looks at fd, which stays the caller's, and finds a way to write to it without waiting
 * and without changing what others see of it. Never fails: what cannot be written to is
 * SINK_GONE. */
void sink_init(struct sink *s, struct loop *l, int fd, const char *name);
void sink_done(struct sink *s);

/* True when both descriptors lead to the same place: then one sink has to serve for
 * both, or their lines would be mixed. */
bool sink_is_same(int fd_a, int fd_b);

/* Takes the line. False: no room now, nothing was taken. Only `urgent` ones may use the
 * reserve. What was taken is written by sink_flush, or when the room is needed. */
bool sink_put(struct sink *s, const struct sink_line *line, bool urgent);

/* Writes as much as goes without waiting; afterwards the sink is empty or blocked. */
void sink_flush(struct sink *s);

static inline bool sink_is_empty(const struct sink *s)
{
	return s->begin == s->end;
}

/* Gives the memory of an empty sink back until it is needed again. */
void sink_rest(struct sink *s);

#endif
