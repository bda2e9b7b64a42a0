/* From a JSON text to an accepted configuration: checks everything, reports all that is
 * wrong in one run, builds the block of config/spec.h.
 *
 * Runs in a process that may wait (it reads files, asks NSS for users): the config
 * process, `kick check`, and, for a single specification without files or names, in a
 * supervisor that got a start_child. Knows no other state than its arguments. */
#ifndef KICK_CONFIG_LOAD_H
#define KICK_CONFIG_LOAD_H

#include <stddef.h>

#include "base/buf.h"
#include "config/spec.h"

/* Reads the file and its includes. Diagnostics, one line each (STYLE: "FILE:LINE:COL:
 * error: text [.path]", sorted, at most KICK_DIAG_SHOWN and "... and N more") go to
 * *diag, warnings too. On success returns 0 and *ret_block (malloc'ed, the caller's)
 * and *ret_size. -EINVAL: the configuration is wrong, *diag says how; -ENOMEM; other
 * negative errnos: the file cannot be read, *diag says so too. `shown` is how messages
 * name the file (as the user gave it). */
int config_load(const char *file, struct buf *diag, void **ret_block, size_t *ret_size);

/* One child specification, as start_child and `kick add` take it: an object with the
 * keys of a child. base_dir is for relative paths. The block's first bytes are a
 * struct child_spec (one_block->... see spec_block_child). Diagnostics name the text
 * "SPEC". `sup` is the supervisor that it is for (significant needs its auto_shutdown);
 * `template`, of a dynamic supervisor, gives the keys that the text does not have, and
 * "args" are appended to its start. need_id is false for dynamic supervisors. */
int config_load_child(const char *text, size_t len, const char *base_dir,
	const struct sup_policy *sup, const struct child_spec *template_or_null,
	bool need_id, struct buf *diag, void **ret_block, size_t *ret_size);

/* A block of its own that says what spec says, without its id. -ENOMEM. */
int config_copy_child(
	const struct child_spec *spec, void **ret_block, size_t *ret_size);

const struct child_spec *spec_block_child(const void *block);

/* The JSON Schema of the configuration (`kick schema`), from the same key tables. */
void config_schema(struct buf *out);

/* A child spec as JSON with all defaults filled in: get_childspec. */
void spec_to_json(const struct child_spec *c, struct buf *out);

#endif
