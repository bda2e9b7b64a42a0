/* What a supervisor needs to know of a child and of itself to decide: plain values
 * without pointers, so that they can lie in the accepted configuration and be shared.
 * OTP: supervisor:child_spec() and supervisor:sup_flags(). */
#ifndef KICK_CORE_POLICY_H
#define KICK_CORE_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#define CHILD_TYPES(X)                                  \
	X(WORKER, "worker")                             \
	X(SUPERVISOR, "supervisor")                     \
	X(DYNAMIC_SUPERVISOR, "dynamic_supervisor")     \
	X(PARTITION_SUPERVISOR, "partition_supervisor") \
	X(REGISTRY, "registry")                         \
	X(AGENT, "agent")

#define RESTART_TYPES(X)          \
	X(PERMANENT, "permanent") \
	X(TRANSIENT, "transient") \
	X(TEMPORARY, "temporary")

#define STRATEGIES(X)                 \
	X(ONE_FOR_ONE, "one_for_one") \
	X(ONE_FOR_ALL, "one_for_all") \
	X(REST_FOR_ONE, "rest_for_one")

#define AUTO_SHUTDOWNS(X)                     \
	X(NEVER, "never")                     \
	X(ANY_SIGNIFICANT, "any_significant") \
	X(ALL_SIGNIFICANT, "all_significant")

#define X(id, name) CHILD_##id,
enum child_type {
	CHILD_TYPES(X) CHILD_NTYPES
};
#undef X
#define X(id, name) RESTART_##id,
enum restart_type {
	RESTART_TYPES(X) RESTART_NTYPES
};
#undef X
#define X(id, name) STRATEGY_##id,
enum strategy {
	STRATEGIES(X) STRATEGY_NSTRATEGIES
};
#undef X
#define X(id, name) AUTO_##id,
enum auto_shutdown {
	AUTO_SHUTDOWNS(X) AUTO_NAUTOS
};
#undef X

extern const char *const child_type_names[CHILD_NTYPES];
extern const char *const restart_type_names[RESTART_NTYPES];
extern const char *const strategy_names[STRATEGY_NSTRATEGIES];
extern const char *const auto_shutdown_names[AUTO_NAUTOS];

/* Durations are nanoseconds. */
#define POLICY_INFINITY INT64_MAX
#define POLICY_BRUTAL_KILL INT64_C(-1)
#define POLICY_NO_LIMIT UINT32_MAX /* max_restarts, max_children: "infinity" */

/* The wait before an automatic restart; initial_ns 0: none, OTP's way. */
struct backoff {
	int64_t initial_ns;
	int64_t max_ns;
	int64_t reset_after_ns;
	double factor; /* at least 1 */
	double jitter; /* 0 to 1: the wait is multiplied by 1 - jitter ... 1 + jitter */
};

struct child_policy {
	uint8_t type;	 /* enum child_type */
	uint8_t restart; /* enum restart_type */
	bool significant;
	bool autostart;
	bool oneshot;		  /* ready: {"exit": true} */
	int64_t shutdown_ns;	  /* or POLICY_INFINITY, POLICY_BRUTAL_KILL */
	int64_t start_timeout_ns; /* or POLICY_INFINITY */
	struct backoff backoff;
};

struct sup_policy {
	uint8_t strategy;	  /* enum strategy */
	uint8_t auto_shutdown;	  /* enum auto_shutdown */
	bool dynamic;		  /* a dynamic supervisor: children in no order */
	uint32_t max_restarts;	  /* or POLICY_NO_LIMIT */
	bool states_max_restarts; /* it is no default: children may have a backoff */
	int64_t max_seconds_ns;
	uint32_t max_children; /* or POLICY_NO_LIMIT */
};

#endif
