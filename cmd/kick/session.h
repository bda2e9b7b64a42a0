/* One run of kick: what was asked for on the command line, the channels that were
 * opened for it, the answer that is being put together, and how failures become
 * messages and exit statuses. */
#ifndef KICK_CMD_SESSION_H
#define KICK_CMD_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/macro.h"
#include "control/client.h"
#include "control/render.h"
#include "verbs.h"

/* "12", or "n12-Xa3f9Q/s7" of a supervisor in a program. */
#define SOCKET_NAME_MAX 48

struct opened;
struct session;

/* See hint.h. */
struct hint {
	void (*say)(struct session *s, void *user, struct buf *out); /* NULL: none */
	void *user;
	int64_t at;
};

/* Whom its parent knows that is being asked: a nested supervisor, an agent, a registry,
 * a program that speaks libkick. */
struct asked {
	char socket[SOCKET_NAME_MAX];
	char path[KICK_PATH_MAX];
	char type[24];
	int64_t pid;
};

struct session {
	const struct verb *verb;
	unsigned given;	 /* bits of enum option_id */
	const char *dir; /* the runtime directory */
	char dir_buf[256];
	const char *until;  /* --for, or NULL */
	int before_dashes;  /* operands before "--"; -1: there is none */
	int64_t lines;	    /* -n, or -1 */
	int64_t timeout_ns; /* --timeout, or -1 */
	int64_t deadline;   /* of all waiting: clock_now() or CLIENT_FOREVER */
	int64_t answer_ns;  /* for the answer to a question, without --timeout */
	bool patient;	    /* an order is waited for: only --timeout is a limit */
	bool terminal;	    /* standard error is one */
	int64_t hint_ns;    /* until a wait is explained on a terminal */
	struct hint hint;
	struct asked asked;
	const struct buf *missing;    /* what has not come yet, in words; or NULL */
	char silent[SOCKET_NAME_MAX]; /* whose answer did not come in time, or "" */
	struct render_style style;
	struct buf out;		 /* the answer; written at once, at the end */
	bool in_array;		 /* the answer is a JSON array that is still open */
	struct opened *channels; /* one for each socket that was talked to */
};

/* Ready to read options into. */
void session_init(struct session *s);

/* After the options: finds the runtime directory, looks at terminal and environment,
 * starts the clock of --timeout. */
void session_begin(struct session *s);

/* Writes what is left of the answer, closes, frees. Returns rc, or STATUS_FAILED when
 * the answer could not be written. */
int session_end(struct session *s, int rc);

/* Writes the answer so far to standard output and empties it. STATUS_DONE, or
 * STATUS_FAILED after a message. */
int session_flush(struct session *s);

static inline bool session_json(const struct session *s)
{
	return s->given & BIT(JSON);
}

/* "kick: ..." on standard error, one line. Control characters are escaped. */
void complain(const char *fmt, ...) KICK_PRINTF(1, 2);

/* complain, and returns rc. */
int fail(int rc, const char *fmt, ...) KICK_PRINTF(2, 3);

/* Tells that there is no such verb, and which may have been meant. STATUS_USAGE. */
int fail_verb(const char *name);

/* Tells how the verb is used. STATUS_USAGE. */
int fail_usage(const struct verb *v);

/* Connects, or hands out the channel that there is already. The session's. 0 or a
 * negative errno, silently. */
int session_connect(struct session *s, const char *socket, struct channel **ret);

/* Closes a channel, so that the next call connects anew. */
void session_drop(struct session *s, const char *socket);

/* The deadline of an answer that is waited for from now on. */
int64_t session_until(const struct session *s);

/* How the tree is walked from now on. */
struct walk session_walk(const struct session *s);

/* The process of the node is going to be asked: if it does not answer, it can be named.
 */
void session_asks(struct session *s, const struct node *n);

/* Calls a method. 0: *ret is an answer of either kind, the caller's. Negative errno,
 * silently; the channel is dropped then. -ESRCH: kickd may be there, but not that
 * process any more. */
int session_try(struct session *s, const char *socket, const char *method,
	const char *params, struct answer *ret);

/* As session_try, for results only: an error is told to the user, `what` says what was
 * being done. STATUS_DONE and *ret, or another status after a message. */
int session_call(struct session *s, const char *socket, const char *method,
	const char *params, const char *what, struct answer *ret);

/* Tells that kickd could not be asked (a negative errno); returns the status. */
int session_unreachable(struct session *s, int code, const char *what);

/* Tells an error answer; returns the status. */
int session_refused(const struct answer *a, const char *what);

/* The exit status that an error answer stands for. */
int session_status(const struct answer *a);

/* Why, from an error answer, as a clause. */
void session_words(const struct answer *a, struct buf *out);

/* Why a child could not be started, from an error answer, as a clause without its name:
 * "could not be started: exit 1". */
void session_start_failure(const struct answer *a, struct buf *out);

/* The whole tree. STATUS_DONE, *ret_tree with tree_free; or a status after a message.
 */
int session_tree(struct session *s, struct tree **ret_tree, struct node **ret_top);

/* The whole tree, silently. 0 or a negative errno; -EREMOTEIO: *ret_answer is an error
 * answer, the caller's. */
int session_fetch(struct session *s, struct tree **ret_tree, struct node **ret_top,
	struct answer *ret_answer);

/* True when nobody answers in the runtime directory. */
bool is_absent(int code);

#endif
