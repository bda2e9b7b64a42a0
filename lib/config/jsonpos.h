/* A JSON text with the place of each of its values.
 *
 * cJSON keeps no positions and lets pass what must not (duplicate keys, control bytes,
 * "\u0000", invalid UTF-8). So the text is read by our own scanner first, which is
 * strict, blanks comments with spaces (offsets stay right) and notes where each value
 * stands. The values are numbered in the order of the text; cJSON's tree, walked in the
 * same order, carries that number in `valueint`, which nobody needs: `valuedouble` has
 * the value of a number. */
#ifndef KICK_CONFIG_JSONPOS_H
#define KICK_CONFIG_JSONPOS_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct jsonpos_place {
	uint32_t key; /* offset of the key's opening quote; of the value, without key */
	uint32_t key_end; /* behind the closing quote; equal to key without one */
	uint32_t value;	  /* offset of the value */
	uint32_t end;	  /* behind the value */
	uint32_t parent;  /* number of the value that it stands in; its own, of the root
			   */
	uint32_t index;	  /* the how-manieth in its parent, from 0 */
};

struct doc {
	const char *shown; /* how messages name it; borrowed */
	const char *dir;   /* absolute directory for its relative paths; borrowed */
	unsigned ordinal;  /* which file of the configuration it is */

	char *text;
	size_t len;
	struct jsonpos_place *places;
	size_t n_places, cap_places;
	uint32_t *lines; /* offset of each line's beginning */
	size_t n_lines;
	cJSON *root;
};

/* Takes text (malloc'ed, with a NUL at text[len]) over, on failure too. -EINVAL with
 * *err and the offset of the mistake; -ENOMEM. shown, dir and ordinal are left alone.
 */
int doc_parse(struct doc *d, char *text, size_t len, struct err *err, size_t *ret_at);
void doc_done(struct doc *d);

const struct jsonpos_place *doc_place(const struct doc *d, const cJSON *item);

/* Both count from 1, columns in bytes. */
void doc_line_column(
	const struct doc *d, size_t offset, unsigned *ret_line, unsigned *ret_column);
unsigned doc_line(const struct doc *d, const cJSON *item);

#endif
