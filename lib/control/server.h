/* The server side of the control protocol, for any process with a loop and a listening
 * socket: accepts clients, knows who they are (SO_PEERCRED) before a byte is parsed,
 * cuts lines, parses JSON-RPC, bounds everything, writes answers without ever waiting.
 *
 * What the methods mean is the handler's business. */
#ifndef KICK_CONTROL_SERVER_H
#define KICK_CONTROL_SERVER_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "control/protocol.h"
#include "loop/loop.h"

struct server;
struct client;

/* Who may do what: uid 0 and our own uid everything; members of `group` too; members
 * of `readers` what a reader may. (gid_t)-1: nobody. */
struct server_access {
	gid_t group;
	gid_t readers;
};

/* One request that is being answered. Lives until server_reply*() or until its client
 * is gone; a handler that answers later keeps the pointer and gets call_gone. */
struct call {
	struct client *client; /* NULL once the client is gone */
	cJSON *params;	       /* an object or NULL; the call's */
	bool reader;	       /* the client may only look */
	void *user;	       /* the handler's own */
	cJSON *id;
};

struct server_handler {
	/* A well-formed request for `method`. Answers now or later with one of the
	 * server_reply functions, each exactly once (a notification, id NULL, too). */
	void (*call)(void *user, const char *method, struct call *c);

	/* The client of an unanswered call has gone. The call still has to be ended
	 * with a server_reply function, which then only frees it. May be NULL. */
	void (*gone)(void *user, struct call *c);

	/* A client is about to be freed (to drop its subscriptions). May be NULL. */
	void (*closed)(void *user, struct client *cl);
};

/* Serves on a listening socket, which stays the caller's. *ret with server_free.
 * Negative errno. */
int server_new(struct loop *l, int listen_fd, const struct server_access *access,
	const struct server_handler *h, void *user, struct server **ret);

/* Drops all clients (what is queued is tried once more, without waiting) and stops
 * listening. */
void server_free(struct server *s);

/* In a forked process, after its copy of the loop has been freed: lets go of the copies
 * of all descriptors. The clients are still its parent's. */
void server_abandon(struct server *s);

/* Answers with a result: json is a complete JSON value (text). Frees the call. */
void server_reply(struct call *c, const struct buf *json);

/* Answers with an error; data is a JSON value as text or NULL. Frees the call. */
void server_reply_error(struct call *c, enum protocol_error code, const char *message,
	const char *data_json);

/* A notification to one client: {"jsonrpc":"2.0","method":M,"params":JSON}. False: its
 * queue is full, nothing was queued (the caller counts what was lost). */
bool server_notify(struct client *cl, const char *method, const struct buf *json);

/* The client waits for notifications: it is not dropped for others when there are
 * KICK_CLIENTS_MAX, as one without an unanswered call is. */
void client_keep(struct client *cl);

/* Bytes that wait for a client. */
size_t client_queued(const struct client *cl);

#endif
