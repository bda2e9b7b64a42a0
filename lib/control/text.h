/* Text that came from elsewhere, on its way to a person's terminal: what may be shown
 * as it is, and how many columns it takes. Knows no locale: everything is UTF-8. */
#ifndef KICK_CONTROL_TEXT_H
#define KICK_CONTROL_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Columns of a terminal that the text takes: wide characters two, combining ones none,
 * what text_escape would escape as much as its escape takes. */
size_t text_width(const char *text);

/* Appends the text with control characters, marks that turn the direction of writing,
 * and bytes that are not UTF-8 written as \n, \t, \x1b, \u202e. */
void text_escape(struct buf *out, const char *text);

/* Appends n spaces. */
void text_pad(struct buf *out, size_t n);

/* An exit reason in words: "exit 1", "killed (SIGKILL)", "cannot be started (exec: No
 * such file or directory)". core: a core was dumped. Control characters are escaped. */
void text_reason(struct buf *out, const char *reason, int core);

/* Why a start failed, as a clause: "could not be started: exit 1", "cannot be started
 * (exec: ...)". */
void text_start_failure(struct buf *out, const char *reason);

/* "2026-11-21T02:00:00.123Z" as nanoseconds since 1970. 0 or -EINVAL. */
int text_instant(const char *rfc3339, int64_t *ret_ns);

#endif
