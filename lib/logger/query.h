/* The methods that the logger answers: last_lines, log, events. */
#ifndef KICK_LOGGER_QUERY_H
#define KICK_LOGGER_QUERY_H

#include "control/server.h"
#include "logger/hub.h"
#include "logger/output.h"

struct query {
	struct outputs *outputs;
	struct hub *hub;
};

/* For server_new; user is a struct query. */
extern const struct server_handler query_handler;

#endif
