/* kick's own messages on stderr: never more than KICK_MESSAGES_PER_SECOND, never
 * waiting; what is left out is counted, and the count is said once. */
#ifndef KICK_LOGGER_ANNOUNCER_H
#define KICK_LOGGER_ANNOUNCER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/macro.h"
#include "logger/sink.h"
#include "loop/loop.h"

struct announcer {
	struct loop *loop;
	struct sink *sink;
	struct timer timer; /* armed while something was left out and not yet said */
	int64_t window;	    /* when the second began */
	uint32_t said;	    /* in it */
	uint64_t left_out;
};

void announcer_init(struct announcer *a, struct loop *l, struct sink *sink);

/* "kickd: TEXT" as a line of its own. flags: NOTICE_IMPORTANT may use the reserve but
 * for one place, which is for NOTICE_LAST_WORD. */
void announcer_say(struct announcer *a, const char *text, uint32_t flags);
void announcer_sayf(struct announcer *a, const char *fmt, ...) KICK_PRINTF(2, 3);

/* Says now how many were left out. */
void announcer_finish(struct announcer *a);

#endif
