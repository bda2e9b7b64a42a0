/* Waiting for something to become true of the tree, without ever asking in a loop: the
 * events are subscribed to first, then the tree is looked at, then again after each
 * event, so that nothing falls between looking and waiting. */
#ifndef KICK_CMD_WATCH_H
#define KICK_CMD_WATCH_H

#include "session.h"

#define WATCH_AGAIN (-1) /* not yet: look again after the next event */
#define WATCH_GONE (-2)	 /* nobody answers any more */

/* What is waited for. */
struct watch {
	int (*look)(struct session *s, void *user);
	void *user;
	bool end_is_fine; /* kickd's own end is what was waited for, too */
};

/* Looks until look() returns an enum status, and returns that. When kickd is not there:
 * with --timeout its coming is waited for, without it NO_KICKD after a message; when it
 * was there before, DONE or, after a message, FAILED. TIMEOUT after a message. */
int watch_until(struct session *s, const struct watch *w);

#endif
