/* A supervisor and its children as the JSON nodes of `status`. */
#ifndef KICK_CONTROL_NODE_JSON_H
#define KICK_CONTROL_NODE_JSON_H

#include "base/buf.h"
#include "otp/supervisor.h"

/* What a child's node says. */
struct node_row {
	const struct child *core;
	enum child_state state; /* as it is shown */
	const char *path;
	pid_t pid; /* 0: none */
	const struct sup_policy
		*sup;	    /* of a supervisor, where it is known; else NULL */
	const char *socket; /* where it can be asked itself, or NULL */
	const char *status_text, *detail; /* or NULL */
	const char *announced, *health, *last_probe;
	int64_t exit_wall, ready_wall; /* 0: not yet */
	bool lingering;
	const pid_t *left; /* what is left of it and still has to go */
	uint32_t n_left;
};

void node_json_row(const struct node_row *row, struct buf *out);

/* The supervisor's own node, with one for each direct child. */
void node_json_supervisor(struct supervisor *sv, struct buf *out);

/* The node of one child as its supervisor sees it. */
void node_json_child(struct supervised *c, struct buf *out);

/* Everything known of a child (`kick info`). */
void node_json_info(struct supervised *c, struct buf *out);

#endif
