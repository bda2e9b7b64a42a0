/* What the kernel has refused of a program's limits and capabilities, in words that say
 * what to do. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "otp/internal.h"

static const char *limit_text(char *buf, size_t size, uint64_t value)
{
	if (value == RLIM_INFINITY)
		return "unlimited";
	(void)snprintf(buf, size, "%" PRIu64, value);
	return buf;
}

/* The most that was asked for, and the hard limit that a child of ours begins with. */
static void limit_failure(const struct supervised *c, const struct attrs *a,
	int resource, int code, char *text, size_t size)
{
	const char *name = limit_kinds[resource].name;
	const struct limit *l = &a->limits[resource];
	bool is_hard = a->hard >> resource & 1;
	char asked[24], ours[24];
	struct rlimit now = c->sup->node->nofile;

	if (resource != RLIMIT_NOFILE)
		(void)getrlimit((__rlimit_resource_t)resource, &now);
	if (code == -EPERM && resource == RLIMIT_NOFILE && is_hard &&
		now.rlim_max >= l->hard)
		(void)snprintf(text, size,
			"limits: nofile: more than /proc/sys/fs/nr_open allows");
	else if (code == -EPERM || (code == -EINVAL && !is_hard))
		(void)snprintf(text, size,
			"limits: %s: %s is above the hard limit of kickd, %s%s", name,
			limit_text(asked, sizeof asked, is_hard ? l->hard : l->soft),
			limit_text(ours, sizeof ours, now.rlim_max),
			is_hard ? "; to raise it, kickd needs CAP_SYS_RESOURCE"
				: "; state \"hard\" too");
	else if (code == -EINVAL)
		(void)snprintf(text, size, "limits: %s: soft %s is above hard %s", name,
			limit_text(asked, sizeof asked, now.rlim_cur),
			limit_text(ours, sizeof ours, l->hard));
	else
		(void)snprintf(text, size, "limits: %s: %s", name, strerror(-code));
}

static void capability_failure(
	const struct attrs *a, int cap, int code, char *text, size_t size)
{
	const char *name = cap < ATTRS_NCAPS ? capability_names[cap] : "a capability";
	bool is_wanted = a->capabilities >> cap & 1;

	if (is_wanted && code == -EINVAL)
		(void)snprintf(
			text, size, "capabilities: this kernel does not know %s", name);
	else if (is_wanted && code == -EPERM)
		(void)snprintf(text, size,
			"capabilities: kickd itself has no %s to hand on", name);
	else if (code == -EPERM)
		(void)snprintf(text, size,
			"capabilities: %s cannot be taken away: kickd has no "
			"CAP_SETPCAP; with \"no_new_privileges\" it needs none",
			name);
	else
		(void)snprintf(
			text, size, "capabilities: %s: %s", name, strerror(-code));
}

/* What the kernel refuses with an errno that says little. */
static bool identity_failure(const struct spawn_failure *fail, char *text, size_t size)
{
	bool who = fail->step == SPAWN_GROUPS || fail->step == SPAWN_GID ||
		fail->step == SPAWN_UID;

	if (who && fail->code == -EPERM)
		(void)snprintf(text, size,
			"%s: only root, or kickd with CAP_SETUID and CAP_SETGID, may "
			"start a program with another \"user\", \"group\" or "
			"\"groups\": %s",
			spawn_step_names[fail->step], strerror(EPERM));
	else if (fail->step == SPAWN_EXEC && fail->code == -EAGAIN)
		(void)snprintf(text, size,
			"its user has more processes than \"nproc\" of \"limits\", or "
			"of kickd, allows (ulimit -u): %s",
			strerror(EAGAIN));
	else
		return false;
	return true;
}

bool attrs_failure(const struct supervised *c, const struct spawn_failure *fail,
	char *text, size_t size)
{
	const struct attrs *a = REL_GET(struct attrs, c->spec->attrs);

	if (identity_failure(fail, text, size))
		return true;
	if (!a || fail->detail < 0)
		return false;
	if (fail->step == SPAWN_LIMITS)
		limit_failure(c, a, fail->detail, fail->code, text, size);
	else if (fail->step == SPAWN_CAPABILITIES)
		capability_failure(a, fail->detail, fail->code, text, size);
	else
		return false;
	return true;
}

void attrs_note(struct supervised *c, const struct spawn_failure *fail)
{
	const struct attrs *a = REL_GET(struct attrs, c->spec->attrs);
	char path[KICK_PATH_MAX];

	if (c->attrs_noted || !a)
		return;
	c->attrs_noted = true;
	(void)supervisor_path(c, path);
	if (fail->nice)
		report_message(c->sup, "", 0,
			"%s runs without \"nice\": %d: %s; to lower it, kickd needs "
			"CAP_SYS_NICE or limits.nice",
			path, a->nice, strerror(-fail->nice));
	if (fail->oom_score_adj)
		report_message(c->sup, "", 0,
			"%s runs without \"oom_score_adj\": %d: %s; to lower it, kickd "
			"needs CAP_SYS_RESOURCE, and /proc",
			path, a->oom_score_adj, strerror(-fail->oom_score_adj));
}
