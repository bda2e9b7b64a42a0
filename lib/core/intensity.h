/* Restart intensity: at most max restarts within a period, as OTP counts it
 * (supervisor:add_restart/1; INT-1 to INT-4), on nanoseconds: an entry counts
 * while now - entry <= period. */
#ifndef KICK_CORE_INTENSITY_H
#define KICK_CORE_INTENSITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct intensity {
	uint32_t max; /* POLICY_NO_LIMIT: never exceeded, nothing is kept */
	int64_t period_ns;
	int64_t *at; /* ring of max entries, oldest at head */
	uint32_t head;
	uint32_t count;
};

/* Allocates room for max entries. 0 or -ENOMEM. */
int intensity_init(struct intensity *in, uint32_t max, int64_t period_ns);
void intensity_done(struct intensity *in);

/* New bounds, history kept (the newest max entries). 0 or -ENOMEM: nothing changed. */
int intensity_change(struct intensity *in, uint32_t max, int64_t period_ns);

/* Counts one restart at `now`. False: too many, the supervisor gives up. */
bool intensity_add(struct intensity *in, int64_t now);

/* Restarts that count at `now`. */
uint32_t intensity_recent(struct intensity *in, int64_t now);

#endif
