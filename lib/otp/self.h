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
	char dir[100];
	int link;   /* to the node */
	int listen; /* the mailbox's */
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

/* Takes all that has come from the node, without waiting. */
void self_hear(void);

/* Whether this is good as a name. */
bool self_is_name(const char *name);

/* kick_spawn_link() and kick_spawn_monitor() in one. */
int self_spawn_link_monitor(
	kick_function *function, void *arg, kick_pid *ret, kick_ref *ret_ref);

/* As kick_monitor(); of one that is gone *ret is 0 and *ended (NULL: not of interest)
 * how it ended, as far as that is remembered. */
int self_monitor(kick_pid pid, kick_ref *ret, kick_reason *ended);

#endif
