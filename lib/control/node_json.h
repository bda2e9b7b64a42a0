/* A supervisor and its children as the JSON nodes of `status`. */
#ifndef KICK_CONTROL_NODE_JSON_H
#define KICK_CONTROL_NODE_JSON_H

#include "base/buf.h"
#include "otp/supervisor.h"

/* The supervisor's own node, with one for each direct child. */
void node_json_supervisor(struct supervisor *sv, struct buf *out);

/* The node of one child as its supervisor sees it. */
void node_json_child(struct supervised *c, struct buf *out);

/* Everything known of a child (`kick info`). */
void node_json_info(struct supervised *c, struct buf *out);

#endif
