/* What agents and registries of the configuration (otp/service.h) have in common: a
 * link to the supervisor and the socket that it keeps, on which `call` and `cast` are
 * answered (kick-protocol(5)). They wait for nothing but requests. */
#ifndef KICK_CONTROL_SERVICING_H
#define KICK_CONTROL_SERVICING_H

#include <cjson/cJSON.h>

#include "control/server.h"
#include "otp/link.h"
#include "otp/supervisor.h"

struct service;

struct service_calls {
	/* Nothing is changed by it: readers may ask so too. */
	bool (*is_look)(const cJSON *request);
	/* Answers the call with server_reply() or service_refuse(), now. request is
	 * well-formed JSON (json_wrong), and the call's. */
	void (*request)(struct service *s, struct call *call, const cJSON *request);
	/* A client has gone. May be NULL. */
	void (*closed)(struct service *s, struct client *cl);
};

struct service {
	struct loop *loop;
	struct link parent;
	struct server *server;
	const struct service_calls *calls;
};

/* Serves FD_LISTEN, says that it is ready, ends as it is told over FD_LINK. s is the
 * caller's, all zero. Does not return. */
_Noreturn void service_run(struct service *s, const struct supervisor_start *start,
	const struct service_calls *calls);

/* Tells the supervisor why, and ends. */
_Noreturn void service_fail(struct service *s, const char *reason);

/* Answers with true. */
void service_done(struct call *call);

/* An error: a text such as "badarg", and what is wrong in words. */
void service_refuse(struct call *call, const char *atom, const char *detail);

#endif
