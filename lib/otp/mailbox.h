/* The messages that have come for this process and have not been taken yet, in order.
 * OTP: the message queue. */
#ifndef KICK_OTP_MAILBOX_H
#define KICK_OTP_MAILBOX_H

#include "kick.h"

/* A kind that only servers understand: value is the reason to stop for. */
#define KIND_STOP ((kick_kind)100)

/* ... and only supervisors: their control socket wants a look. */
#define KIND_CONTROL ((kick_kind)101)

/* Takes value over; reason (NULL: none) is copied. For want of memory it is lost. */
void mailbox_put(
	kick_kind kind, kick_pid from, kick_ref ref, const char *reason, cJSON *value);

/* The same for what a process has sent itself, as its seq-th frame. */
void mailbox_put_sent(
	kick_kind kind, kick_pid from, kick_ref ref, cJSON *value, uint32_t seq);

/* An exit signal that was sent after seq frames: those sent later go behind it
 * (LNK-14). */
void mailbox_put_signal(kick_pid from, const char *reason, uint32_t seq);

/* kick_match: a KICK_DOWN with the ref that user points to. */
bool mailbox_is_down(const kick_message *m, void *user);

/* Frees those for which match holds. */
void mailbox_drop(kick_match *match, void *user);

/* What comes with this ref from now on is dropped. */
void mailbox_refuse(kick_ref ref);

/* For what is counted here, not at the node; never one of the node's. */
kick_ref mailbox_new_ref(void);

/* Takes in what has arrived from other processes, without waiting. */
void mailbox_drain(void);

/* From now on the descriptor is readable while something has come that has not been
 * looked at. 0 or a negative errno. */
int mailbox_tell_news(void);

/* In a new process: the parent's messages and connections are not ours. */
void mailbox_forked(void);

#endif
