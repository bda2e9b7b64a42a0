/* What the root does when the top supervisor has ended: the table of kickd(8), without
 * a system call. */
#ifndef KICK_KICKD_VERDICT_H
#define KICK_KICKD_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "config/spec.h"
#include "core/intensity.h"
#include "core/reason.h"

/* The top supervisor may be lost so often in so many seconds. */
#define VERDICT_LOSSES 3
#define VERDICT_SECONDS 5

enum verdict_act {
	VERDICT_END,	 /* kickd ends with the status */
	VERDICT_RESTART, /* the tree is started anew, after the wait */
};

struct verdict {
	enum verdict_act act;
	bool gave_up; /* a person would want to know */
	int status;
	int64_t wait_ns; /* 0: at once */
};

/* How often the top supervisor may be lost, and the waits between tries for ever. */
struct verdict_state {
	struct intensity losses;
	uint32_t give_ups; /* in a row, for the wait */
};

/* What is known of the end. */
struct verdict_facts {
	struct reason reason;
	int status;	/* the significant child's, -1 none */
	bool was_ready; /* it had started */
	bool ordered;	/* by TERM or INT to kickd, or `kick shutdown` */
	bool renewing;	/* by `kick restart` of the application */
	int64_t ran_ns;
};

/* 0 or -ENOMEM. */
int verdict_init(struct verdict_state *s);

struct verdict verdict(struct verdict_state *s, const struct verdict_facts *f,
	enum on_give_up on_give_up, int64_t now);

#endif
