/* The tree as plain values, made from the answers of its supervisors: what a status
 * answer says of one process, with children where they are known.
 *
 * Texts belong to the tree that the node was made in; a node built by hand may point
 * anywhere. */
#ifndef KICK_CONTROL_TREE_H
#define KICK_CONTROL_TREE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/sup.h"

/* max_restarts of "infinity". */
#define TREE_INFINITY INT64_C(-2)

/* A number that is null or not there. */
#define TREE_NONE INT64_C(-1)

struct tree_exit {
	const char *reason; /* NULL: it has not ended yet */
	const char *class;
	const char *signal; /* or NULL */
	const char *at;
	int64_t code; /* or TREE_NONE */
	bool core;
};

struct tree_retry {
	int64_t attempt; /* TREE_NONE: no retry is due */
	int64_t in_ms;
	const char *at;
};

/* A list of texts that may be absent (at NULL). */
struct tree_texts {
	const char **at;
	size_t n;
};

struct tree_pids {
	const int64_t *at;
	size_t n;
};

/* Texts are NULL, numbers TREE_NONE where they do not apply. */
struct node {
	const char *id, *path, *type;
	const char *state;     /* as the answer has it; code is the same as a number */
	enum child_state code; /* CHILD_NSTATES: one that this program does not know */
	bool is_supervisor;
	bool significant;
	bool silent; /* was asked for its children and did not answer */
	int8_t well; /* as its supervisor says, or -1 when it does not */
	int64_t pid;
	const char *restart, *strategy;
	const char *since;
	int64_t uptime_ms;
	int64_t restarts;
	struct tree_exit last_exit;
	struct tree_retry retry;
	const char *status_text, *ready_at;
	const char *announced;	/* "reloading" or "stopping": it says so itself */
	const char *health;	/* "ok" or "failing", where that is watched */
	const char *last_probe; /* why the last probe has failed, or NULL */
	const char *detail;	/* of a start that failed: what could not be done */
	struct tree_texts last_lines;
	int64_t max_restarts; /* or TREE_INFINITY */
	double max_seconds;
	int64_t recent_restarts;
	const char *socket;
	struct tree_pids waiting_for; /* what is left of an ended child, being killed */
	const char *name; /* of the top supervisor, with the two that follow */
	int64_t root_pid;
	const char *version;
	struct node *children;
	size_t n_children;
};

struct tree;

/* NULL for want of memory. */
struct tree *tree_new(void);

/* Frees all nodes and texts that were made in it. NULL is none. */
void tree_free(struct tree *t);

/* Fills *ret from a status result, children included. The answer's texts are used where
 * they are: it must live as long as the tree, see tree_keep. -EPROTO: not a node;
 * -ENOMEM. */
int tree_parse(struct tree *t, const cJSON *result, struct node *ret);

/* As tree_parse, into a node of the tree's own. */
int tree_top(struct tree *t, const cJSON *result, struct node **ret);

/* The tree takes the document and frees it with itself. -ENOMEM: it is freed now. */
int tree_keep(struct tree *t, cJSON *document);

/* An array of texts; what is no text is left out. -ENOMEM. */
int tree_parse_texts(struct tree *t, const cJSON *array, struct tree_texts *ret);

/* What a nested supervisor says of itself goes into the node that its parent's answer
 * had for it: strategy, limits, recent restarts and children. As tree_parse. */
int tree_graft(struct tree *t, struct node *node, const cJSON *result);

/* A node as it is before anything is known: no text, no number. */
void node_init(struct node *n);

/* A process exists: starting, running, stopping. */
bool node_is_alive(const struct node *n);

/* There may be nodes below it, and its socket answers for them: a supervisor that is
 * alive, or a program that speaks libkick and is up (one that is not may have no
 * process that answers yet). */
bool node_may_have_children(const struct node *n);

/* As it should be: running, stopped by command, not started automatically, or exited
 * with normal or shutdown:auto. Its supervisor knows; without its word the state has to
 * do. Children are not looked at. */
bool node_is_well(const struct node *n);

/* The node and all below it are well. */
bool tree_is_well(const struct node *top);

/* The node at an exact path, or NULL. The application's own path is its name. */
struct node *tree_find(struct node *top, const char *path);

/* Calls back for the node and all below it, in start order, parents first; stops when
 * the call returns false, and returns that. */
bool tree_each(struct node *top, bool (*call)(struct node *n, void *user), void *user);

#endif
