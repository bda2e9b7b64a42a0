/* An order is waited for without a limit. Who sits before a terminal and sees nothing
 * happen is told once, after a while, what is waited for and what ^C would mean. */
#ifndef KICK_CMD_HINT_H
#define KICK_CMD_HINT_H

#include "session.h"

/* From now on there is something to say when it takes long: `say` appends it, without
 * "kick: waiting for ". Nothing is armed where standard error is no terminal. */
void hint_arm(struct session *s,
	void (*say)(struct session *s, void *user, struct buf *out), void *user);

void hint_disarm(struct session *s);

/* The deadline of the next wait: `until`, or earlier, when the hint is due. */
int64_t hint_cut(const struct session *s, int64_t until);

/* After a wait that has timed out: true when it was for the hint, which was said now;
 * the wait goes on. */
bool hint_due(struct session *s);

#endif
