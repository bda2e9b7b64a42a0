/* A GenServer for tests that does what its messages say. */
#ifndef KICK_TESTS_NODESERVER_H
#define KICK_TESTS_NODESERVER_H

#include "support/nodetest.h"

enum {
	CALL_MS = NODE_PATIENCE_MS
};

/* Whom every server tells what it lives through, in texts like "cast x", "info EXIT
 * kaboom", "info DOWN x", "info x", "continue x", "terminate shutdown". */
extern kick_pid srv_tester;

/* Text arguments of init, casts, messages and calls, and the values of continue:
 *   stop REASON, raise REASON, return NUMBER, signal NUMBER, timeout MS,
 *   continue TEXT ("then TEXT" in it goes on with TEXT); anything else does nothing.
 * init also: ignore, never (it hangs). Casts also: wish REASON (what terminate is to
 * raise), answer TEXT (to the last call "later"). Calls also: count, ospid, self (calls
 * itself), later (not answered), echo TEXT, stop_reply REASON (answers "farewell"),
 * reply_and ... (answers "first" before the rest). */
int srv_start(const char *args, const kick_start_options *o, bool link, kick_pid *ret,
	kick_reason *why);

/* Not linked to the caller, whom it tells all. */
kick_pid srv_new(bool traps);

/* Says it to the tester. */
void srv_tell(const char *what, const char *text);

cJSON *srv_text(const char *text);
void srv_cast(kick_pid to, const char *text);

/* The result of the call; *why is "" where there is none. */
int srv_call(
	kick_dest to, const char *text, int64_t ms, char answer[64], kick_reason *why);

/* A call that is answered with this; one that is lost for that reason. */
void srv_check_answer(kick_pid to, const char *text, const char *want);
void srv_check_lost(kick_pid to, const char *text, const char *reason);

/* Its process id in the kernel. */
pid_t srv_os_pid(kick_pid pid);

/* Answers with a text. */
void srv_reply(kick_from from, const char *text);

/* A monitor. */
kick_ref srv_watch(kick_pid pid);

#endif
