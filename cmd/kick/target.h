/* What a NAME on the command line stands for: a node, the supervisor that answers for
 * it and the id by which that one knows it. */
#ifndef KICK_CMD_TARGET_H
#define KICK_CMD_TARGET_H

#include "session.h"

struct target {
	const char *given; /* as it was typed; the caller's */
	const char *path;  /* of the node; in the tree */
	const char *id;
	char owner[SOCKET_NAME_MAX]; /* socket of its supervisor; "" for the application
				      */
	struct node *node;	     /* without grandchildren; in the tree */
	struct tree *tree;
	/* The path of the program that it is in, as a supervisor in code or a child of
	 * one; or NULL. socket is that program's then. */
	const char *program;
	/* Of target_find_process only: */
	const char *name; /* what was given is a name that a process in a program has
			     registered. The node is the program's; NULL, as path and
			     id, when that is below one that does not answer */
	char socket[SOCKET_NAME_MAX]; /* the program that answers for that name */
	bool registered;	      /* such names are looked for */
};

/* Finds a NAME: an exact path, the application's name, an id that only one child bears.
 * STATUS_DONE and *ret (target_done frees); or a status after a message: NO_NAME,
 * NO_KICKD, ... */
int target_find(struct session *s, const char *name, struct target *ret);

/* As target_find, and then a name that a libkick process of some program has
 * registered. */
int target_find_process(struct session *s, const char *name, struct target *ret);

/* As target_find, for a supervisor that is up: *ret->node->socket answers for its
 * children. FAILED after a message when it is something else or down. */
int target_find_sup(struct session *s, const char *name, struct target *ret);

void target_done(struct target *t);

/* A supervisor of a whole tree that does not answer, or NULL. */
const struct node *target_silent(struct node *top);

/* Finds a NAME in a whole tree. STATUS_DONE and *ret, or NO_NAME after a message. */
int target_in_tree(struct node *top, const char *name, struct node **ret);

/* The socket of the supervisor that answers for a node of a whole tree. */
const char *target_owner(struct node *top, const struct node *n);

/* True for the application's own name. */
static inline bool target_is_app(const struct target *t)
{
	return !*t->owner && !t->name;
}

/* True when the child is a one-shot: its specification says that it is ready once it
 * has ended. Asks its supervisor. */
bool target_is_oneshot(struct session *s, const char *owner, const struct node *n);

/* {"id":ID} for the target, with more members after it ("\"wait\":true" or ""). */
void target_params(struct buf *out, const char *id, const char *more);

#endif
