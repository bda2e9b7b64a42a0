/* Words about a process of kick that does not answer: which one it is, what can be seen
 * of it from outside, and what to do. */
#ifndef KICK_CMD_SILENCE_H
#define KICK_CMD_SILENCE_H

#include "session.h"

/* Appends "the supervisor in (pid 7) has not answered for 5s: ..." for the process
 * behind a socket. waited_ns < 0: "does not answer". */
void silence_tell(const struct session *s, const char *socket, int64_t waited_ns,
	struct buf *out);

/* The same for a node of the tree that is silent. */
void silence_tell_node(const struct node *n, int64_t waited_ns, struct buf *out);

/* Appends "; WHO was stopped by a signal: kill -CONT PID" when the process behind the
 * socket, or kickd, was. */
void silence_if_stopped(const struct session *s, const char *socket, struct buf *out);

#endif
