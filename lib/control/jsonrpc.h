/* One line of the control protocol as a JSON-RPC 2.0 request. No descriptors, no state:
 * bytes in, a checked request or the error to answer with out. */
#ifndef KICK_CONTROL_JSONRPC_H
#define KICK_CONTROL_JSONRPC_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "control/protocol.h"

/* A request. Everything in it belongs to root until jsonrpc_take_*. */
struct jsonrpc {
	cJSON *root;
	const char *method;
	cJSON *params; /* an object, or NULL */
	cJSON *id;     /* a number, string or null; NULL: a notification */
};

/* Why a line is not a request. */
struct jsonrpc_fault {
	enum protocol_error code;
	const char *message; /* static */
};

/* True when a line holds nothing but white space: no request, no fault. */
bool jsonrpc_is_blank(const char *line, size_t n);

/* Parses and checks a line of n bytes, without its newline. True: *ret is to be freed
 * with jsonrpc_done. False: *ret_fault says why; when ret->root is not NULL the request
 * has an id that the fault is to be answered with, and is to be freed as well. */
bool jsonrpc_parse(const char *line, size_t n, struct jsonrpc *ret,
	struct jsonrpc_fault *ret_fault);

/* Takes params and id out of the request: they are the caller's (cJSON_Delete). */
void jsonrpc_detach(struct jsonrpc *r);

/* Frees what still belongs to the request. */
void jsonrpc_done(struct jsonrpc *r);

/* Appends the beginning of an answer: {"jsonrpc":"2.0","id":ID, */
void jsonrpc_add_head(struct buf *b, const cJSON *id);

/* Appends a whole error answer with its newline; data_json may be NULL. */
void jsonrpc_add_error(struct buf *b, const cJSON *id, enum protocol_error code,
	const char *message, const char *data_json);

/* The words of protocol.h for a code; never NULL. */
const char *jsonrpc_error_text(enum protocol_error code);

#endif
