/* See preattrs.h. */
#include "os/preattrs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "config/attrs.h"

#define CAPS_MAX 64

static void limit(struct preexec *p, int resource, const struct attrs *a)
{
	struct rlimit lim;

	p->detail = resource;
	preexec_must(p, SPAWN_LIMITS, getrlimit((__rlimit_resource_t)resource, &lim));
	if (a->hard >> resource & 1)
		lim.rlim_max = a->limits[resource].hard;
	if (a->soft >> resource & 1)
		lim.rlim_cur = a->limits[resource].soft;
	else if (lim.rlim_cur > lim.rlim_max)
		lim.rlim_cur = lim.rlim_max;
	preexec_must(p, SPAWN_LIMITS, setrlimit((__rlimit_resource_t)resource, &lim));
}

static int put_text(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC), r = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		r = -errno;
	(void)close(fd);
	return r;
}

void preattrs_group(struct preexec *p)
{
	int r = put_text(p->req->cgroup_procs, "0");

	if (r < 0 && p->req->cgroup_needed)
		preexec_give_up(p, SPAWN_CGROUP, r);
	p->cgroup = r;
}

void preattrs_limits(struct preexec *p)
{
	const struct attrs *a = p->req->attrs;

	/* Before the limits, which may leave no descriptor for it. */
	if (a->has_oom_score_adj)
		p->oom_score_adj =
			put_text("/proc/self/oom_score_adj", p->oom_score_adj_text);
	for (int i = 0; i < ATTRS_NLIMITS; i++)
		if (i != RLIMIT_NOFILE && ((a->soft | a->hard) >> i & 1))
			limit(p, i, a);
	if (a->has_nice && setpriority(PRIO_PROCESS, 0, a->nice) < 0)
		p->nice = -errno;
	/* Where the kernel groups by session, niceness is among the processes of one
	 * session only; ours is new, and the group has a niceness of its own. */
	else if (a->has_nice)
		(void)put_text("/proc/self/autogroup", p->nice_text);
	if ((a->soft | a->hard) >> RLIMIT_NOFILE & 1)
		limit(p, RLIMIT_NOFILE, a);
}

/* --- capabilities -------------------------------------------------------------------
 */

static struct __user_cap_header_struct own = { .version = _LINUX_CAPABILITY_VERSION_3 };

static uint64_t permitted(struct preexec *p)
{
	struct __user_cap_data_struct caps[2];

	preexec_must(p, SPAWN_CAPABILITIES, syscall(SYS_capget, &own, caps));
	return (uint64_t)caps[1].permitted << 32 | caps[0].permitted;
}

/* Without a new privilege by any exec the bound is of no consequence. */
static void drop(struct preexec *p, int cap)
{
	if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
		return;
	if (errno != EPERM || !p->req->attrs->no_new_privileges)
		preexec_give_up(p, SPAWN_CAPABILITIES, -errno);
}

void preattrs_bound(struct preexec *p)
{
	const struct attrs *a = p->req->attrs;
	uint64_t ours;

	if (!a->has_capabilities)
		return;
	ours = permitted(p);
	for (int cap = 0; cap < CAPS_MAX; cap++) {
		int is_there = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);
		bool is_wanted = a->capabilities >> cap & 1;

		p->detail = cap;
		if (is_wanted && is_there < 0)
			preexec_give_up(p, SPAWN_CAPABILITIES, -EINVAL);
		if (is_wanted && !(ours >> cap & 1))
			preexec_give_up(p, SPAWN_CAPABILITIES, -EPERM);
		if (!is_wanted && is_there > 0)
			drop(p, cap);
	}
	preexec_must(p, SPAWN_CAPABILITIES, prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
}

/* Ambient: what a program without file capabilities keeps over its exec. */
static void keep(struct preexec *p, uint64_t set)
{
	struct __user_cap_data_struct caps[2];

	for (int i = 0; i < 2; i++) {
		caps[i].permitted = (uint32_t)(set >> 32 * i);
		caps[i].effective = caps[i].inheritable = caps[i].permitted;
	}
	p->detail = 0;
	preexec_must(p, SPAWN_CAPABILITIES, syscall(SYS_capset, &own, caps));
	preexec_must(p, SPAWN_CAPABILITIES,
		prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
	for (int cap = 0; cap < CAPS_MAX; cap++) {
		if (!(set >> cap & 1))
			continue;
		p->detail = cap;
		preexec_must(p, SPAWN_CAPABILITIES,
			prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0));
	}
}

void preattrs_shed(struct preexec *p)
{
	const struct attrs *a = p->req->attrs;

	if (a->has_capabilities)
		keep(p, a->capabilities);
	if (a->no_new_privileges)
		preexec_must(
			p, SPAWN_PRIVILEGES, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}
