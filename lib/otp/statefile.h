/* A file that holds the state of a process: replaced as a whole, so that whoever reads
 * it, at any moment and after any crash, finds one whole state, and none that is older
 * than the last write that succeeded. The calls wait for the disk. */
#ifndef KICK_OTP_STATEFILE_H
#define KICK_OTP_STATEFILE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct statefile {
	char path[PATH_MAX];
	/* A write has failed when the new file was in its place: nobody knows which of
	 * the two a crash of the machine would leave. */
	bool unsure;
};

/* Finds the file (a symbolic link is followed now and not later), removes what writes
 * that were killed have left beside it, and reads it, at most max bytes; *ret_text is
 * malloc'ed, ends with a NUL, and is NULL when there is no such file. 0 or a negative
 * errno: -EINVAL when it is no regular file, -EFBIG. */
int statefile_open(struct statefile *f, const char *path, size_t max, char **ret_text,
	size_t *ret_len);

/* Puts text and a newline in the file's place. A new file is its owner's alone, an
 * existing one's mode, owner and group stay. 0, or a negative errno with *e, and then
 * the file is the one it was, unless f->unsure. */
int statefile_write(struct statefile *f, const char *text, size_t n, struct err *e);

#endif
