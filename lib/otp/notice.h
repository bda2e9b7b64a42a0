/* What kick's processes tell the logger: datagrams on one socketpair, whose writing end
 * every supervisor inherits and the root keeps both ends of, so that a new logger goes
 * on where the old one ended. Sending never waits: what does not fit is counted and the
 * count goes with the next one.
 *
 * A datagram holds one notice or several, each a struct notice, then `path` (with NUL),
 * then `text` (with NUL), without padding; one with a descriptor stands alone. */
#ifndef KICK_OTP_NOTICE_H
#define KICK_OTP_NOTICE_H

#include <stdint.h>
#include <sys/types.h>

enum notice_kind {
	NOTICE_EVENT,	/* event, path, pid, reason as text: for `kick events` */
	NOTICE_MESSAGE, /* a line of kickd's own for stderr; path: the child whose
			   output is read before it, so that the order is right, or ""
			 */
	NOTICE_PIPE, /* a pipe of output of `path`: the read end comes with it; id names
			it, stream is 1 or 2 (1 for both together) */
	NOTICE_WATCH, /* somebody waits for a line of `path` that contains the text,
			 in a pipe whose id is not below id: the newline that tells
			 of it goes into the descriptor that comes with it, a pipe */
};

struct notice {
	uint32_t kind;	/* enum notice_kind */
	uint32_t event; /* enum sup_event */
	int32_t pid;
	uint32_t stream;
	uint64_t id;
	int64_t wall;	/* when it happened, CLOCK_REALTIME ns */
	uint64_t lost;	/* datagrams of this sender that did not fit before this one */
	uint32_t flags; /* NOTICE_LAST_LINE, NOTICE_IMPORTANT, NOTICE_LAST_WORD */
};

/* The message wants ": LAST LINE" of path's output after it. */
#define NOTICE_LAST_LINE 1u

/* The message may use the reserve of KICK_MESSAGES_RESERVED. */
#define NOTICE_IMPORTANT 2u

/* The last word of the root: one place of the reserve is kept for it. */
#define NOTICE_LAST_WORD 4u

/* Most bytes of one datagram. */
#define NOTICE_MAX (32 << 10)

#endif
