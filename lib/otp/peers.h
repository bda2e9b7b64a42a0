/* The connections of this process with others: one stream each, used in both
 * directions. What comes is put into the mailbox; nobody but the caller of peers_send
 * ever waits, and he takes in what comes meanwhile. */
#ifndef KICK_OTP_PEERS_H
#define KICK_OTP_PEERS_H

#include "kick.h"

enum frame_kind {
	FRAME_HELLO, /* first: the sender's kick_pid */
	FRAME_MESSAGE,
	FRAME_CALL,
	FRAME_CAST,
	FRAME_ANSWER,
	FRAME_STOP
};

/* Instead of a deadline: not at all; or not at all, and what it has no room for is sent
 * in later turns. */
#define PEERS_NOWAIT INT64_C(0)
#define PEERS_QUEUE INT64_C(-1)

/* Sends a frame with this JSON (NULL: null); while the receiver has no room, waits
 * until deadline (clock_now()). 0, -ESRCH when the process is gone, -ETIMEDOUT, -EAGAIN
 * (PEERS_NOWAIT) when there was no room for its begin, -EMSGSIZE, -ENOMEM. */
int peers_send(kick_pid to, enum frame_kind kind, kick_ref ref, const cJSON *value,
	int64_t deadline);

/* Before an exit: waits until all that is queued is sent, until deadline. */
void peers_finish(int64_t deadline);

/* How many frames have been sent to it. */
uint32_t peers_sent(kick_pid pid);

/* Has the descriptor of peers_fd() be readable when this one is. */
int peers_watch(int fd);
void peers_unwatch(int fd);

/* Calls back, once, when fd is readable, in the middle of a turn; again after
 * peers_hook_again(). There is one in a process. */
int peers_hook(int fd, void (*call)(void));
void peers_hook_again(void);

/* Whether there is a connection with it. */
bool peers_has(kick_pid pid);

/* Waits until something comes, at most until deadline (CLOCK_MONOTONIC ns, INT64_MAX:
 * for ever, 0: not at all), and takes it in. 0: nothing came in time. Negative errno.
 */
int peers_turn(int64_t deadline);

/* Before the mailbox is looked at: what the node had to say before the messages that
 * have been read since, is heard (LNK-14). */
void peers_order(void);

/* A descriptor that is readable when peers_turn(0) has something to do. */
int peers_fd(void);

/* Takes in what other processes have sent, without waiting and without hearing the
 * node. */
void peers_drain(void);

void peers_forked(void);

/* The one call that is waited for: the answer with this ref is kept, all others are
 * dropped. peers_answer: true and *ret when it has come. */
void peers_expect(kick_ref ref);
bool peers_answer(cJSON **ret);

#endif
