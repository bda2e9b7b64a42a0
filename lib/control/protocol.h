/* The control protocol: JSON-RPC 2.0, one message a line, over Unix stream sockets in
 * the runtime directory. kick-protocol(5) is the specification; the names are here.
 *
 * Socket "0" is the top supervisor's, "1" the logger's; a nested supervisor's name is
 * the "socket" of its node in its parent's status. */
#ifndef KICK_CONTROL_PROTOCOL_H
#define KICK_CONTROL_PROTOCOL_H

#define PROTOCOL_SOCKET_TOP "0"
#define PROTOCOL_SOCKET_LOGGER "1"

/* id, name, may a reader call it, which process answers */
#define PROTOCOL_METHODS(X)                                  \
	X(STATUS, "status", 1, SUPERVISOR)                   \
	X(WHICH_CHILDREN, "which_children", 1, SUPERVISOR)   \
	X(COUNT_CHILDREN, "count_children", 1, SUPERVISOR)   \
	X(GET_CHILDSPEC, "get_childspec", 1, SUPERVISOR)     \
	X(START_CHILD, "start_child", 0, SUPERVISOR)         \
	X(TERMINATE_CHILD, "terminate_child", 0, SUPERVISOR) \
	X(RESTART_CHILD, "restart_child", 0, SUPERVISOR)     \
	X(RENEW_CHILD, "renew_child", 0, SUPERVISOR)         \
	X(ROLL_CHILD, "roll_child", 0, SUPERVISOR)           \
	X(DELETE_CHILD, "delete_child", 0, SUPERVISOR)       \
	X(SIGNAL, "signal", 0, SUPERVISOR)                   \
	X(EXIT, "exit", 0, SUPERVISOR)                       \
	X(INFO, "info", 1, SUPERVISOR)                       \
	X(RELOAD, "reload", 0, TOP)                          \
	X(SHUTDOWN, "shutdown", 0, TOP)                      \
	X(RENEW_TREE, "renew_tree", 0, TOP)                  \
	X(LOG, "log", 1, LOGGER)                             \
	X(EVENTS, "events", 1, LOGGER)                       \
	X(LAST_LINES, "last_lines", 1, LOGGER)

/* JSON-RPC's own codes, then ours. */
#define PROTOCOL_ERRORS(X)                    \
	X(PARSE, -32700, "parse error")       \
	X(REQUEST, -32600, "invalid request") \
	X(METHOD, -32601, "method not found") \
	X(PARAMS, -32602, "invalid params")   \
	X(INTERNAL, -32603, "internal error") \
	X(REFUSED, -32000, "refused")         \
	X(DENIED, -32001, "not permitted")    \
	X(NOPROC, -32002, "noproc")           \
	X(TOO_BIG, -32003, "message too big") \
	X(BUSY, -32004, "too many clients")   \
	X(SPEC, -32005, "specification wrong")

#define X(id, number, text) PROTOCOL_E_##id = number,
enum protocol_error {
	PROTOCOL_ERRORS(X)
};
#undef X

#endif
