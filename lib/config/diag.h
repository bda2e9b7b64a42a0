/* What is wrong with a configuration: collected while it is read, shown sorted by file
 * and position, at most KICK_DIAG_SHOWN of it. */
#ifndef KICK_CONFIG_DIAG_H
#define KICK_CONFIG_DIAG_H

#include <stdarg.h>

#include "base/buf.h"
#include "config/arena.h"
#include "config/jsonpos.h"

struct diag_entry;

struct diag {
	struct arena *arena;
	struct diag_entry *first, *last;
	unsigned errors, warnings; /* all, also those that were not kept */
};

void diag_init(struct diag *d, struct arena *arena);

/* At the value, or at the key of a member. item must be of doc's tree. */
void diag_error(struct diag *d, const struct doc *doc, const cJSON *item,
	const char *fmt, ...) KICK_PRINTF(4, 5);
void diag_key_error(struct diag *d, const struct doc *doc, const cJSON *item,
	const char *fmt, ...) KICK_PRINTF(4, 5);
void diag_warning(struct diag *d, const struct doc *doc, const cJSON *item,
	const char *fmt, ...) KICK_PRINTF(4, 5);

/* At an offset of the text, without a path: mistakes of syntax. */
void diag_text_error(struct diag *d, const struct doc *doc, size_t offset,
	const char *fmt, ...) KICK_PRINTF(4, 5);

/* About the file as a whole. */
void diag_file_error(struct diag *d, const struct doc *doc, const char *fmt, ...)
	KICK_PRINTF(3, 4);

/* Appends the lines. The documents must still be there. */
void diag_render(const struct diag *d, struct buf *out);

#define DIAG_QUOTE_MAX 192

/* How messages show a value: strings quoted, cut at 40 bytes and escaped; numbers and
 * words as they stand; "an object", "an array". Writes into buf and returns it. */
const char *diag_quote(
	const struct doc *doc, const cJSON *item, char buf[static DIAG_QUOTE_MAX]);
const char *diag_quote_text(const char *text, char buf[static DIAG_QUOTE_MAX]);

#endif
