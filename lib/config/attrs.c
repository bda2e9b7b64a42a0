/* See attrs.h. */
#include "config/attrs.h"

#include <linux/capability.h>
#include <stddef.h>
#include <sys/resource.h>

#include "base/macro.h"

const struct limit_kind limit_kinds[ATTRS_NLIMITS] = {
	[RLIMIT_CPU] = { "cpu", LIMIT_SECONDS },
	[RLIMIT_FSIZE] = { "fsize", LIMIT_BYTES },
	[RLIMIT_DATA] = { "data", LIMIT_BYTES },
	[RLIMIT_STACK] = { "stack", LIMIT_BYTES },
	[RLIMIT_CORE] = { "core", LIMIT_BYTES },
	[RLIMIT_RSS] = { "rss", LIMIT_BYTES },
	[RLIMIT_NPROC] = { "nproc", LIMIT_COUNT },
	[RLIMIT_NOFILE] = { "nofile", LIMIT_COUNT },
	[RLIMIT_MEMLOCK] = { "memlock", LIMIT_BYTES },
	[RLIMIT_AS] = { "as", LIMIT_BYTES },
	[RLIMIT_LOCKS] = { "locks", LIMIT_COUNT },
	[RLIMIT_SIGPENDING] = { "sigpending", LIMIT_COUNT },
	[RLIMIT_MSGQUEUE] = { "msgqueue", LIMIT_BYTES },
	[RLIMIT_NICE] = { "nice", LIMIT_COUNT },
	[RLIMIT_RTPRIO] = { "rtprio", LIMIT_COUNT },
	[RLIMIT_RTTIME] = { "rttime", LIMIT_MICROSECONDS },
};

static_assert(RLIMIT_NLIMITS == ATTRS_NLIMITS, "a new resource has no name yet");

#define NAME(cap) [cap] = #cap
const char *const capability_names[ATTRS_NCAPS] = {
	NAME(CAP_CHOWN),
	NAME(CAP_DAC_OVERRIDE),
	NAME(CAP_DAC_READ_SEARCH),
	NAME(CAP_FOWNER),
	NAME(CAP_FSETID),
	NAME(CAP_KILL),
	NAME(CAP_SETGID),
	NAME(CAP_SETUID),
	NAME(CAP_SETPCAP),
	NAME(CAP_LINUX_IMMUTABLE),
	NAME(CAP_NET_BIND_SERVICE),
	NAME(CAP_NET_BROADCAST),
	NAME(CAP_NET_ADMIN),
	NAME(CAP_NET_RAW),
	NAME(CAP_IPC_LOCK),
	NAME(CAP_IPC_OWNER),
	NAME(CAP_SYS_MODULE),
	NAME(CAP_SYS_RAWIO),
	NAME(CAP_SYS_CHROOT),
	NAME(CAP_SYS_PTRACE),
	NAME(CAP_SYS_PACCT),
	NAME(CAP_SYS_ADMIN),
	NAME(CAP_SYS_BOOT),
	NAME(CAP_SYS_NICE),
	NAME(CAP_SYS_RESOURCE),
	NAME(CAP_SYS_TIME),
	NAME(CAP_SYS_TTY_CONFIG),
	NAME(CAP_MKNOD),
	NAME(CAP_LEASE),
	NAME(CAP_AUDIT_WRITE),
	NAME(CAP_AUDIT_CONTROL),
	NAME(CAP_SETFCAP),
	NAME(CAP_MAC_OVERRIDE),
	NAME(CAP_MAC_ADMIN),
	NAME(CAP_SYSLOG),
	NAME(CAP_WAKE_ALARM),
	NAME(CAP_BLOCK_SUSPEND),
	NAME(CAP_AUDIT_READ),
	NAME(CAP_PERFMON),
	NAME(CAP_BPF),
	NAME(CAP_CHECKPOINT_RESTORE),
};
#undef NAME

/* strcasecmp would ask the locale. */
static bool same(const char *text, const char *name)
{
	for (; *text && *name; text++, name++) {
		char c = *text >= 'a' && *text <= 'z' ? (char)(*text - 'a' + 'A')
						      : *text;

		if (c != *name)
			return false;
	}
	return *text == *name;
}

int capability_parse(const char *text)
{
	for (int i = 0; i < ATTRS_NCAPS; i++)
		if (same(text, capability_names[i]) ||
			same(text, capability_names[i] + sizeof "CAP_" - 1))
			return i;
	return -1;
}

bool attrs_are_empty(const struct attrs *a)
{
	return !a->has_nice && !a->has_oom_score_adj && !a->has_capabilities &&
		!a->no_new_privileges && !a->has_cgroup && !a->soft && !a->hard;
}

static bool equal_limits(const struct attrs *a, const struct attrs *b)
{
	if (a->soft != b->soft || a->hard != b->hard)
		return false;
	for (int i = 0; i < ATTRS_NLIMITS; i++)
		if (((a->soft >> i & 1) && a->limits[i].soft != b->limits[i].soft) ||
			((a->hard >> i & 1) && a->limits[i].hard != b->limits[i].hard))
			return false;
	return true;
}

bool attrs_equal(const struct attrs *a, const struct attrs *b)
{
	if (!a || !b)
		return a == b;
	return a->has_nice == b->has_nice && a->nice == b->nice &&
		a->has_oom_score_adj == b->has_oom_score_adj &&
		a->oom_score_adj == b->oom_score_adj &&
		a->has_capabilities == b->has_capabilities &&
		a->capabilities == b->capabilities &&
		a->no_new_privileges == b->no_new_privileges &&
		a->has_cgroup == b->has_cgroup && a->memory_max == b->memory_max &&
		a->pids_max == b->pids_max && a->cpu_max == b->cpu_max &&
		equal_limits(a, b);
}
