/* What a program is born with besides its user: niceness, resource limits,
 * capabilities, a control group. One plain value, from the configuration to the child's
 * half of a spawn. */
#ifndef KICK_CONFIG_ATTRS_H
#define KICK_CONFIG_ATTRS_H

#include <stdbool.h>
#include <stdint.h>

/* By resource, RLIMIT_CPU to RLIMIT_RTTIME. */
#define ATTRS_NLIMITS 16

/* As setrlimit(2) knows it: "unlimited" is RLIM_INFINITY. */
struct limit {
	uint64_t soft, hard;
};

/* Thousandths of a processor: a hundred thousand of them. */
#define ATTRS_CPU_MAX 100000000

struct attrs {
	bool has_nice;
	bool has_oom_score_adj;
	bool has_capabilities;
	bool no_new_privileges;
	bool has_cgroup;
	int16_t nice;
	int16_t oom_score_adj;
	uint16_t soft, hard;   /* bit per resource: that half of its limit is given */
	uint64_t capabilities; /* bit per number: it keeps these and loses all others */
	struct limit limits[ATTRS_NLIMITS];

	/* Of its control group; 0 where there is none. */
	uint64_t memory_max;
	uint64_t pids_max;
	uint64_t cpu_max; /* thousandths of a processor */
};

enum limit_unit {
	LIMIT_BYTES,
	LIMIT_COUNT,
	LIMIT_SECONDS,
	LIMIT_MICROSECONDS
};

struct limit_kind {
	const char *name; /* ulimit's: "nofile" */
	enum limit_unit unit;
};

extern const struct limit_kind limit_kinds[ATTRS_NLIMITS];

#define ATTRS_NCAPS 41

/* "CAP_CHOWN", by number. */
extern const char *const capability_names[ATTRS_NCAPS];

/* With or without CAP_, in capitals or not. -1: none of this name. */
int capability_parse(const char *text);

/* Nothing is asked for. */
bool attrs_are_empty(const struct attrs *a);
bool attrs_equal(const struct attrs *a, const struct attrs *b);

#endif
