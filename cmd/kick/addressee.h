/* What is asked of a process that is no child in the tree: one in a program, by the
 * name that it has registered. And how agents, registries and such processes refuse. */
#ifndef KICK_CMD_ADDRESSEE_H
#define KICK_CMD_ADDRESSEE_H

#include "session.h"
#include "target.h"

/* Calls a method of the program that has the target's name. more: further members of
 * params, or "". STATUS_DONE and *ret, a result; or another status after a message. */
int addressee_ask(struct session *s, const struct target *t, const char *method,
	const char *more, struct answer *ret);

/* Tells an error answer; returns the status. */
int addressee_refused(const struct answer *a, const struct target *t);

#endif
