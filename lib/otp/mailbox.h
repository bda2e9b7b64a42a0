/* The messages that have come for this process and have not been taken yet, in order.
 * OTP: the message queue. */
#ifndef KICK_OTP_MAILBOX_H
#define KICK_OTP_MAILBOX_H

#include "kick.h"

/* A kind that only servers understand: value is the reason to stop for. */
#define KIND_STOP ((kick_kind)100)

/* Takes value over; reason (NULL: none) is copied. For want of memory it is lost. */
void mailbox_put(
	kick_kind kind, kick_pid from, kick_ref ref, const char *reason, cJSON *value);

/* Frees those for which match holds. */
void mailbox_drop(kick_match *match, void *user);

size_t mailbox_length(void);

/* What comes with this ref from now on is dropped. */
void mailbox_refuse(kick_ref ref);

/* For what is counted here, not at the node; never one of the node's. */
kick_ref mailbox_new_ref(void);

/* Takes in what has arrived from other processes, without waiting. */
void mailbox_drain(void);

/* In a new process: the parent's messages and connections are not ours. */
void mailbox_forked(void);

#endif
