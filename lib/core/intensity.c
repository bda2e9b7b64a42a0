/* The restart history of one supervisor: a ring with room for as many time stamps as
 * restarts are allowed, so that counting never allocates. */
#include "core/intensity.h"

#include <errno.h>
#include <stdlib.h>

#include "core/policy.h"

static uint32_t room(uint32_t max)
{
	return max == POLICY_NO_LIMIT ? 0 : max;
}

int intensity_init(struct intensity *in, uint32_t max, int64_t period_ns)
{
	*in = (struct intensity){ .max = max, .period_ns = period_ns };
	if (room(max) == 0)
		return 0;
	in->at = calloc(room(max), sizeof *in->at);
	return in->at ? 0 : -ENOMEM;
}

void intensity_done(struct intensity *in)
{
	free(in->at);
	*in = (struct intensity){ 0 };
}

static int64_t entry(const struct intensity *in, uint32_t i)
{
	return in->at[(in->head + i) % in->max];
}

int intensity_change(struct intensity *in, uint32_t max, int64_t period_ns)
{
	struct intensity next;
	uint32_t keep;
	int r;

	if (max == in->max) {
		in->period_ns = period_ns;
		return 0;
	}
	r = intensity_init(&next, max, period_ns);
	if (r < 0)
		return r;
	keep = in->count < room(max) ? in->count : room(max);
	for (uint32_t i = 0; i < keep; i++)
		next.at[i] = entry(in, in->count - keep + i);
	next.count = keep;
	intensity_done(in);
	*in = next;
	return 0;
}

uint32_t intensity_recent(struct intensity *in, int64_t now)
{
	while (in->count > 0 && now - entry(in, 0) > in->period_ns) {
		in->head = (in->head + 1) % in->max;
		in->count--;
	}
	return in->count;
}

bool intensity_add(struct intensity *in, int64_t now)
{
	if (in->max == POLICY_NO_LIMIT)
		return true;
	if (intensity_recent(in, now) == in->max)
		return false;
	in->at[(in->head + in->count) % in->max] = now;
	in->count++;
	return true;
}
