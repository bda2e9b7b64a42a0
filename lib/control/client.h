/* The client side of the control protocol: a channel to one process of kick, one call
 * at a time, and the walk over all supervisors that makes one tree.
 *
 * For processes that may wait (the command line). Deadlines are clock_now() values;
 * CLIENT_FOREVER waits for ever. */
#ifndef KICK_CONTROL_CLIENT_H
#define KICK_CONTROL_CLIENT_H

#include <cjson/cJSON.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "control/protocol.h"
#include "control/tree.h"

#define CLIENT_FOREVER INT64_MAX

struct channel;

/* What came back for a call. Members point into root. */
struct answer {
	cJSON *root;	     /* the whole message; answer_done frees it */
	const cJSON *result; /* NULL when it is an error */
	int code;	     /* enum protocol_error; 0 when it is a result */
	const char *message; /* of an error, never NULL */
	const cJSON *data;   /* of an error, or NULL */
};

/* Frees; an answer that is all zero is fine. */
void answer_done(struct answer *a);

/* Text of the error's data under a key, or NULL. */
const char *answer_text(const struct answer *a, const char *key);

/* Connects to socket `name` of the runtime directory. *ret belongs to the caller
 * (channel_free). -ENOENT, -ECONNREFUSED: nobody answers there; -EACCES, -EPERM;
 * -ENAMETOOLONG; -ETIMEDOUT. */
int channel_open(const char *dir, const char *name, int64_t deadline,
	struct channel **ret, struct err *err);

/* Closes and frees. NULL is none. */
void channel_free(struct channel *ch);

/* A channel over a connected stream socket, which it takes. NULL for want of memory:
 * the socket is closed. */
struct channel *channel_consume(int fd);

/* Calls a method; params is a JSON object as text, or NULL. 0: there is an answer, a
 * result or an error, that the caller frees. -ECONNRESET: the connection has ended;
 * -ETIMEDOUT: the deadline has passed, the call goes on over there; -EPROTO: what came
 * is not the protocol; -ENOMEM. Except after 0 the channel is of no further use. */
int channel_call(struct channel *ch, const char *method, const char *params,
	int64_t deadline, struct answer *ret, struct err *err);

/* Waits for the next notification; *ret is the caller's (cJSON_Delete). Errors as
 * channel_call; after -ETIMEDOUT the channel may be used on. */
int channel_next(struct channel *ch, int64_t deadline, cJSON **ret);

/* The whole tree: asks `top` (a channel to the top supervisor) and every nested
 * supervisor below it. One that cannot be asked has no children in the tree. *ret is
 * freed with tree_free; *ret_top is in it. *ret_answer is written when the top
 * supervisor answered with an error (then -EREMOTEIO). */
int client_tree(const char *dir, struct channel *top, int64_t deadline,
	struct tree **ret, struct node **ret_top, struct answer *ret_answer,
	struct err *err);

/* Asks the nested supervisors of one node that is in the tree, the node itself first.
 * One that cannot be asked has no children. -ETIMEDOUT, -ENOMEM. */
int client_expand(const char *dir, struct tree *t, struct node *n, int64_t deadline);

#endif
