/* Claims about our own code. Always compiled in: a supervisor whose tables are wrong
 * ends at once, and its parent starts a fresh one. Never for what comes from outside.
 */
#ifndef KICK_BASE_BUG_H
#define KICK_BASE_BUG_H

#include "base/macro.h"

_Noreturn void bug_report(const char *file, int line, const char *fmt, ...)
	KICK_PRINTF(3, 4);

#define KICK_BUG(...) bug_report(__FILE__, __LINE__, __VA_ARGS__)
#define KICK_ASSERT(claim) \
	((claim) ? (void)0 : bug_report(__FILE__, __LINE__, "not true: %s", #claim))

#endif
