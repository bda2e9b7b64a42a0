/* The node's timers: messages that are sent later, once or again and again. OTP:
 * erlang:send_after/3, timer. */
#ifndef KICK_OTP_NODETIMERS_H
#define KICK_OTP_NODETIMERS_H

#include <stdbool.h>
#include <stdint.h>

#include "loop/loop.h"

struct nodetimers {
	struct loop *loop;
	/* Hands a message over. to 0: whom name names. False: there is nobody. */
	bool (*deliver)(uint64_t to, const char *name, uint64_t from, const char *json);
	struct later *table;
	uint32_t n;
};

/* order: "ID JSON" or "=NAME JSON". ref is the timer's. 0 or a negative errno. */
int nodetimers_add(struct nodetimers *t, uint64_t ref, uint64_t from, int64_t ms,
	bool again, const char *order);

/* Milliseconds that are left, or -ESRCH. */
int64_t nodetimers_left(struct nodetimers *t, uint64_t ref, bool cancel);

/* Drops those for a process that is gone. */
void nodetimers_forget(struct nodetimers *t, uint64_t to);

#endif
