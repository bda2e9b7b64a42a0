/* The names of the policies, and the one calculation that belongs to them. */
#include "core/policy.h"

#include "core/sup.h"

#define X(id, name) [CHILD_##id] = (name),
const char *const child_type_names[CHILD_NTYPES] = { CHILD_TYPES(X) };
const char *const child_state_names[CHILD_NSTATES] = { CHILD_STATES(X) };
#undef X
#define X(id, name) [RESTART_##id] = (name),
const char *const restart_type_names[RESTART_NTYPES] = { RESTART_TYPES(X) };
#undef X
#define X(id, name) [STRATEGY_##id] = (name),
const char *const strategy_names[STRATEGY_NSTRATEGIES] = { STRATEGIES(X) };
#undef X
#define X(id, name) [AUTO_##id] = (name),
const char *const auto_shutdown_names[AUTO_NAUTOS] = { AUTO_SHUTDOWNS(X) };
#undef X
#define X(id, name) [SUP_##id] = (name),
const char *const sup_result_names[SUP_NRESULTS] = { SUP_RESULTS(X) };
#undef X
#define X(id, name) [EVENT_##id] = (name),
const char *const sup_event_names[EVENT_NEVENTS] = { SUP_EVENTS(X) };
#undef X

int64_t backoff_delay(const struct backoff *b, uint32_t n)
{
	double wait = (double)b->initial_ns, most = (double)b->max_ns;

	/* The factor is at least 1: it never shrinks again. */
	for (double f = b->factor; n && wait < most; n >>= 1, f *= f)
		if (n & 1)
			wait *= f;
	return wait < most ? (int64_t)wait : b->max_ns;
}
