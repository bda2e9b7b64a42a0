/* A server's methods as a table, and what all servers of the control protocol do with a
 * call before its method sees it. */
#ifndef KICK_CONTROL_DISPATCH_H
#define KICK_CONTROL_DISPATCH_H

#include "control/server.h"

struct method {
	const char *name;
	/* Answers with one of the server_reply functions, now or later. */
	void (*run)(void *user, struct call *call);
	bool reader; /* for those who may only look, too */
};

/* Runs the method of this name, or refuses the call. */
void dispatch(const struct method *methods, size_t n, void *user, const char *name,
	struct call *call);

/* A parameter that is a text; NULL: it is none. The call's. */
const char *call_text(const struct call *call, const char *key);

/* Answers with out and frees it. */
void call_answer(struct call *call, struct buf *out);

#endif
