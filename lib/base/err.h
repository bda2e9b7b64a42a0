/* An error as a value: a negative errno and a sentence fragment for people.
 *
 * Library functions return 0 (or something positive) or a negative errno. Where the
 * number is not enough, the caller hands in a struct err, which is written only on
 * failure. No allocation on the error path. */
#ifndef KICK_BASE_ERR_H
#define KICK_BASE_ERR_H

#include "base/macro.h"

struct err {
	int code;	/* negative errno */
	char text[400]; /* sentence fragment, no newline, no full stop */
};

/* Writes code and text into *e and returns code. e may be NULL. */
int err_set(struct err *e, int code, const char *fmt, ...) KICK_PRINTF(3, 4);

/* As err_set, with ": " and the errno's text after it. */
int err_errno(struct err *e, int code, const char *fmt, ...) KICK_PRINTF(3, 4);

/* Puts "prefix: " before the text that *e has, and returns e->code. */
int err_prefix(struct err *e, const char *fmt, ...) KICK_PRINTF(2, 3);

/* "ENOENT" for -ENOENT or ENOENT; "E999" style numbers for unknown ones. Static. */
const char *err_name(int code);

#endif
