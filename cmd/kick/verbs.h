/* The verbs of kick, their options and the exit statuses: one table each. Parsing,
 * help, the man page's lists and the dispatch all follow from them (the man page by a
 * test). */
#ifndef KICK_CMD_VERBS_H
#define KICK_CMD_VERBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct session;

/* id, number, what it says */
#define STATUSES(X)                                                                    \
	X(DONE, 0, "done, or already so")                                              \
	X(FAILED, 1, "it was tried and failed, or was refused")                        \
	X(USAGE, 2, "the command line is wrong")                                       \
	X(NOT_WELL, 3, "status: not running; the tree is not as it should be")         \
	X(DENIED, 4, "not permitted; status: no such name, or kickd does not answer")  \
	X(NO_NAME, 5, "no such name")                                                  \
	X(NO_KICKD, 7, "kickd is not running")                                         \
	X(CONFIG, 78, "the configuration or a specification is wrong")                 \
	X(TIMEOUT, 124, "the time of --timeout ran out")                               \
	X(RUN_FAILED, 125, "run: not run, stopped by others, or its end is not known") \
	X(NOT_RUN, 126, "run: the command could not be executed")                      \
	X(NOT_FOUND, 127, "run: the command was not found")

enum status {
#define X(id, number, text) STATUS_##id = number,
	STATUSES(X)
#undef X
};

/* What `status` says where other verbs have NO_NAME. */
#define STATUS_UNKNOWN STATUS_DENIED

/* id, letter (0: none), long name, its argument ("": none), help */
#define OPTIONS(X)                                                              \
	X(RUNTIME_DIR, 'R', "runtime-dir", "DIR", "kickd's runtime directory")  \
	X(JSON, 0, "json", "", "answer in JSON")                                \
	X(NO_WAIT, 0, "no-wait", "", "give the order, do not wait for its end") \
	X(TIMEOUT, 0, "timeout", "D",                                           \
		"wait no longer than D (\"10s\"), then end with 124")           \
	X(ROLLING, 0, "rolling", "",                                            \
		"the new process is ready before the old one is stopped")       \
	X(FOLLOW, 'f', "follow", "", "go on with what comes")                   \
	X(LINES, 'n', "lines", "N", "the last N only")                          \
	X(FOR, 0, "for", "STATE", "running, stopped, exited or down")           \
	X(DRY_RUN, 0, "dry-run", "", "print the plan, change nothing")          \
	X(HELP, 'h', "help", "", "help, on a verb if one is given")

enum option_id {
#define X(id, letter, name, arg, help) OPTION_##id,
	OPTIONS(X)
#undef X
	OPTION_NOPTIONS
};

#define BIT(id) (1u << OPTION_##id)

/* These are taken with each verb, whether it needs them or not. */
#define OPTIONS_ALWAYS (BIT(RUNTIME_DIR) | BIT(TIMEOUT) | BIT(HELP))

#define MANY 1000000

/* id, name, arguments, least and most of them, its options, help */
#define VERBS(X)                                                                     \
	X(STATUS, status, "status", "[NAME...]", 0, MANY, BIT(JSON),                 \
		"draw the tree, or the named parts of it")                           \
	X(START, start, "start", "NAME...", 1, MANY, BIT(JSON) | BIT(NO_WAIT),       \
		"start a child that is down")                                        \
	X(STOP, stop, "stop", "NAME...", 1, MANY, BIT(JSON) | BIT(NO_WAIT),          \
		"stop a child; it stays down until it is started")                   \
	X(RESTART, restart, "restart", "NAME...", 1, MANY,                           \
		BIT(JSON) | BIT(NO_WAIT) | BIT(ROLLING),                             \
		"stop a child if it is up, and start it")                            \
	X(SIGNAL, signal, "signal", "SIG NAME...", 2, MANY, BIT(JSON),               \
		"send a signal to a child's process")                                \
	X(EXIT, exit, "exit", "NAME REASON", 2, 2, BIT(JSON),                        \
		"send an exit signal; strategies act on the end")                    \
	X(WHICH_CHILDREN, which_children, "which-children", "SUP", 1, 1, BIT(JSON),  \
		"list a supervisor's children, last started first")                  \
	X(COUNT_CHILDREN, count_children, "count-children", "SUP", 1, 1, BIT(JSON),  \
		"count a supervisor's children")                                     \
	X(ADD, add, "add", "SUP SPEC", 2, 2, BIT(JSON),                              \
		"add a child from a specification (JSON, a file, or -)")             \
	X(RUN, run, "run", "[SUP] -- COMMAND [ARG...]", 1, MANY, 0,                  \
		"run a command in a dynamic supervisor, end with its status")        \
	X(DELETE, delete, "delete", "NAME...", 1, MANY, BIT(JSON),                   \
		"stop a child and forget it")                                        \
	X(WHEREIS, whereis, "whereis", "NAME", 1, 1, BIT(JSON), "print the pid")     \
	X(ALIVE, alive, "alive", "NAME", 1, 1, BIT(JSON),                            \
		"status 0 when its process exists, else 1")                          \
	X(INFO, info, "info", "NAME", 1, 1, BIT(JSON),                               \
		"print all that is known of a child")                                \
	X(CALL, call, "call", "NAME [REQUEST]", 1, 2, BIT(JSON),                     \
		"ask a libkick process, an agent or a registry (JSON or -)")         \
	X(CAST, cast, "cast", "NAME [REQUEST]", 1, 2, BIT(JSON),                     \
		"the same without an answer")                                        \
	X(LOG, log, "log", "NAME...", 1, MANY, BIT(JSON) | BIT(FOLLOW) | BIT(LINES), \
		"print what children have printed")                                  \
	X(EVENTS, events, "events", "", 0, 0, BIT(JSON) | BIT(FOLLOW) | BIT(LINES),  \
		"print what has happened")                                           \
	X(WAIT, wait, "wait", "[NAME...]", 0, MANY, BIT(JSON) | BIT(FOR),            \
		"wait for a state, or until the tree is as it should be")            \
	X(RELOAD, reload, "reload", "[NAME]", 0, 1, BIT(JSON) | BIT(DRY_RUN),        \
		"bring the tree to what the configuration file says")                \
	X(SHUTDOWN, shutdown, "shutdown", "", 0, 0, BIT(JSON) | BIT(NO_WAIT),        \
		"stop the whole tree in order, and kickd")                           \
	X(CHECK, check, "check", "FILE", 1, 1, 0,                                    \
		"check a configuration and print its tree in start order")           \
	X(SCHEMA, schema, "schema", "", 0, 0, 0,                                     \
		"print the JSON Schema of the configuration")                        \
	X(HELP, help, "help", "[VERB]", 0, 1, 0, "print this, or help on one verb")  \
	X(VERSION, version, "version", "", 0, 0, BIT(JSON), "print the version")

enum verb_id {
#define X(id, fn, name, args, min, max, options, help) VERB_##id,
	VERBS(X)
#undef X
	VERB_NVERBS
};

struct verb {
	const char *name;
	const char *args; /* as shown in help */
	int min, max;
	unsigned options; /* bits of enum option_id that it takes besides OPTIONS_ALWAYS
			   */
	/* Runs it; returns an enum status. args are the operands, n of them. */
	int (*run)(struct session *s, char **args, int n);
	const char *help;
};

struct option_row {
	char letter; /* or 0 */
	const char *name;
	const char *arg; /* "" : takes none */
	const char *help;
};

extern const struct verb verbs[VERB_NVERBS];
extern const struct option_row option_rows[OPTION_NOPTIONS];

#define X(id, fn, name, args, min, max, options, help) \
	int verb_##fn(struct session *s, char **args_, int n);
VERBS(X)
#undef X

/* The verb of this name, or NULL. */
const struct verb *verb_find(const char *name);

/* The verb that may have been meant, or NULL. */
const char *verb_suggest(const char *name);

/* True for verbs that have a name already and no code in this version. */
bool verb_is_planned(const char *name);

/* The pages of `kick help` and `kick help VERB`. */
struct buf;
void verbs_help(struct buf *out);
void verb_help_page(struct buf *out, const struct verb *v);

#endif
