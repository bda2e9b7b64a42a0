/* What `kick status` shows, as text for people and as JSON: from values to bytes, no
 * clock, no terminal, no environment. */
#ifndef KICK_CONTROL_RENDER_H
#define KICK_CONTROL_RENDER_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "control/tree.h"

struct render_style {
	bool utf8; /* tree lines in UTF-8, else in ASCII */
	bool colour;
	int64_t wall; /* clock_wall() at which the answers came: for "3s ago" */
};

/* Draws each node with all that is below it, in columns common to all of them. */
void render_status(struct buf *out, const struct render_style *style,
	const struct node *const *nodes, size_t n);

/* "retry 4 in 12s". */
void render_retry(struct buf *out, const struct tree_retry *retry);

/* The lines of one row of a tree drawing: for each level down to depth, whether more
 * siblings follow there. The last level is the row's own. */
void render_branches(struct buf *out, bool utf8, const bool *more, size_t depth);

/* One node as a JSON object with every key, children included. */
void render_json(struct buf *out, const struct node *node);

/* Any JSON value as indented lines of "key  value". */
void render_value(struct buf *out, const cJSON *value);

#endif
