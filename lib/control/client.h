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

/* Its socket, for who waits for several: readable, channel_answer() is worth a call. */
int channel_fd(const struct channel *ch);

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

/* The two halves of channel_call. Errors as there, but after -ETIMEDOUT of
 * channel_answer it may be called again: the answer is still to come. */
int channel_ask(
	struct channel *ch, const char *method, const char *params, int64_t deadline);
int channel_answer(struct channel *ch, int64_t deadline, struct answer *ret);

/* Waits for the next notification; *ret is the caller's (cJSON_Delete). Errors as
 * channel_call; after -ETIMEDOUT the channel may be used on. */
int channel_next(struct channel *ch, int64_t deadline, cJSON **ret);

/* How nested supervisors are asked. */
struct walk {
	const char *dir;
	int64_t deadline; /* of all of it */
	int64_t each_ns;  /* for the answer of one */
};

/* The whole tree: the top supervisor's answer to `status`, whose document it takes, and
 * what every nested supervisor and every program with supervisors of its own below it
 * answers. One that cannot be asked has no children in the tree; one that does not
 * answer in time is `silent`. *ret is freed
 * with tree_free; *ret_top is in it. -ETIMEDOUT, -ENOMEM, -EPROTO. */
int client_tree(const struct walk *w, struct answer *top, struct tree **ret,
	struct node **ret_top);

/* Asks the nested supervisors of one node that is in the tree, the node itself first,
 * as client_tree. -ETIMEDOUT, -ENOMEM. */
int client_expand(const struct walk *w, struct tree *t, struct node *n);

#endif
