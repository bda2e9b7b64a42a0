/* The last lines of one child's output: a ring of bytes that begins small and grows
 * with what is kept in it, up to KICK_LAST_BYTES and KICK_LAST_LINES. */
#ifndef KICK_LOGGER_LASTLINES_H
#define KICK_LOGGER_LASTLINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"

/* All zero is empty. */
struct lastlines {
	char *data;
	uint32_t cap;  /* a power of two, or 0 */
	uint32_t head; /* where the oldest line begins */
	uint32_t used;
	uint32_t n;
};

struct lastline {
	uint64_t seq; /* order among the lines of all children */
	uint16_t len;
	uint16_t stream;
};

/* Longest line that is kept; of a longer one the beginning is. */
#define LASTLINE_MAX (KICK_LAST_BYTES - sizeof(struct lastline))

/* Remembers a line; the oldest ones make room. For want of memory fewer are kept. */
void lastlines_add(struct lastlines *ll, uint64_t seq, uint32_t stream,
	const char *text, size_t len);

/* Walks from the oldest to the newest. *at begins as 0; true: *ret is the line, and
 * text (LASTLINE_MAX bytes of room; NULL: not wanted) has its bytes. */
bool lastlines_next(
	const struct lastlines *ll, uint32_t *at, struct lastline *ret, char *text);

/* The newest line that is not blank, as a string cut to size. False: there is none. */
bool lastlines_newest(const struct lastlines *ll, char *text, size_t size);

/* Frees; it is empty again. */
void lastlines_done(struct lastlines *ll);

#endif
