/* Whoever calls, as a process of its node: who it is, and what it asks the node. The
 * library's only state of its own, one per process (see kick.h for what users see). */
#ifndef KICK_OTP_SELF_H
#define KICK_OTP_SELF_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/limits.h"
#include "kick.h"
#include "otp/link.h"
#include "otp/nodewire.h"

struct self {
	kick_pid pid; /* id 0: no node yet */
	kick_pid parent;
	char dir[120];
	char path[KICK_PATH_MAX]; /* of a supervisor's child in kickd's tree, from ...
				   */
	kick_pid path_of;	  /* ... who started it; else of the program */
	const char *outer_dir; /* of the kickd that started us over a link, or NULL */
	int link;	       /* to the node */
	int listen;	       /* the mailbox's */
	struct node_counters *counters;
	bool trap;
	cJSON *dictionary;
	void (*on_raise)(const char *reason); /* a server's: terminates it */
};

extern struct self self;

/* What came back. */
struct node_answer {
	int64_t number;
	int fd; /* -1, or the caller's */
	char text[KICK_LINK_MESSAGE_MAX + 1];
};

/* Asks the node and waits for the answer; what comes from it meanwhile goes to the
 * mailbox. The answer's number, which is a result or a negative errno; -ENOTCONN: there
 * is no node. text and answer may be NULL. */
int64_t self_ask(enum node_kind kind, unsigned flags, int64_t number, const char *text,
	struct node_answer *answer);

/* Tells it something that it does not answer. fd: -1, or one that goes with it. */
int self_tell(const struct link_message *m, const char *text, int fd);

/* Whether it is one of our node's, alive or not. */
bool self_is_of_node(kick_pid pid);

/* The name that is waited for has come (an id), or will not (a negative errno). */
void selfnames_found(int64_t id);

/* In a new process: a supervisor's control socket is its parent's
 * (control/supcontrol.c). */
void sup_control_forked(void);

/* Takes all that has come from the node, without waiting. */
void self_hear(void);

/* Whether this is good as a name. */
bool self_is_name(const char *name);

/* Names, as kick_call() means them: who is being started again is waited for until
 * deadline (clock_now()). 0 and *ret; -EREMOTE and socket: another program of the same
 * kickd has it; -ESRCH, -ETIMEDOUT. */
#define SELF_SOCKET_MAX 16
int self_whereis(const char *name, int64_t deadline, kick_pid *ret,
	char socket[SELF_SOCKET_MAX]);

/* A cast or a message for a name of another program: "cast", "send". -ESRCH: nobody has
 * it. Waits at most KICK_ANSWER_MS for that program to take it. */
int self_ask_outside(const char *method, const char *name, const cJSON *value);

/* kick_ready(); term_is_exit: SIGTERM is an exit signal "shutdown" from now on. */
int self_ready(bool term_is_exit);

/* Answers a call that came from outside of the program. -EMSGSIZE: the caller is told
 * that the answer is too long. */
int self_reply(kick_ref ref, const cJSON *value);

/* The caller is a supervisor; json describes it (a row of a status answer). */
int self_is_supervisor(const char *json);

/* A child that had ended is up again, or never will be: who waits for its names need
 * not wait any more. */
int self_settled(kick_pid child, kick_pid successor);

/* The caller is about to end: its name is free as if it had ended. */
int self_vacate(const char *name);

/* The pid of its Unix process, or 0. */
pid_t self_os_pid(kick_pid pid);

/* kick_spawn_link() and kick_spawn_monitor() in one. */
int self_spawn_link_monitor(
	kick_function *function, void *arg, kick_pid *ret, kick_ref *ret_ref);

/* As kick_monitor(), but the message about one that is gone says how it ended, as far
 * as that is remembered. */
int self_watch(kick_pid pid, kick_ref *ret);

/* As kick_monitor(); of one that is gone *ret is 0 and *ended (NULL: not of interest)
 * how it ended, as far as that is remembered. */
int self_monitor(kick_pid pid, kick_ref *ret, kick_reason *ended);

#endif
