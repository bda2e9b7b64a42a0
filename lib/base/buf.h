/* A growable byte buffer with an upper bound. After a failed append the buffer is
 * marked, later appends do nothing, and buf_ok tells once at the end. */
#ifndef KICK_BASE_BUF_H
#define KICK_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>

#include "base/macro.h"

struct buf {
	char *data; /* always ends with a NUL that is not counted, once not NULL */
	size_t len;
	size_t cap;
	size_t max; /* 0: no bound */
	bool failed;
};

/* Empty; nothing is allocated. max is the most bytes it may hold, 0 for no bound. */
void buf_init(struct buf *b, size_t max);

/* Frees; the buffer is as after buf_init. */
void buf_done(struct buf *b);

/* Empties, keeps the memory, forgets a failure. */
void buf_clear(struct buf *b);

bool buf_ok(const struct buf *b);
void buf_add(struct buf *b, const void *bytes, size_t n);
void buf_adds(struct buf *b, const char *text);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) KICK_PRINTF(2, 3);
void buf_addv(struct buf *b, const char *fmt, va_list ap) KICK_PRINTF(2, 0);

/* Appends a JSON string with its quotes; what is not UTF-8 becomes U+FFFD. */
void buf_add_json(struct buf *b, const char *text, size_t n);

/* Removes the first n bytes. */
void buf_drop(struct buf *b, size_t n);

/* The text, never NULL. Valid until the next change. */
const char *buf_text(const struct buf *b);

#endif
