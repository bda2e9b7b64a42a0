/* The control group of a program: made before each start, left with the last of it.
 * Where kick may make none, a program runs without; but not without its limits. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/names.h"
#include "os/cgroup.h"
#include "otp/internal.h"

/* A name that a directory can have, and room for what comes before it. */
#define GROUP_NAME_MAX 200
#define HASH_LEN 16

/* "kick-TREE-services:web", and "+" behind it where there are two processes during a
 * rolling restart; no id has a ":" or a "+" in it. */
static bool name_of(const struct supervised *c, char *name, size_t size)
{
	const struct node *node = c->sup->node;
	char path[KICK_PATH_MAX], prefix[CGROUP_PREFIX_MAX];
	int n;

	if (!node->cgroup)
		return false;
	(void)supervisor_path(c, path);
	(void)cgroup_prefix(node->tree, prefix);
	/* Its beginning stays, by which group_sweep finds it. */
	if (strlen(path) > GROUP_NAME_MAX)
		(void)snprintf(path + GROUP_NAME_MAX - HASH_LEN, HASH_LEN + 1,
			"%016llx", (unsigned long long)names_hash(path));
	for (char *at = path; (at = strchr(at, '/'));)
		*at = ':';
	n = snprintf(name, size, "%s/%s%s%s", node->cgroup, prefix, path,
		c->second ? "+" : "");
	return n > 0 && (size_t)n < size;
}

static bool has_limits(const struct attrs *a)
{
	return a && (a->memory_max || a->cpu_max || a->pids_max);
}

/* It was asked for and is not there; that nothing asked for it is no news. */
static void note(struct supervised *c, const struct attrs *a, const char *why)
{
	char path[KICK_PATH_MAX];

	if (c->group_noted || !a || !a->has_cgroup)
		return;
	c->group_noted = true;
	report_message(c->sup, "", 0, "%s runs without a \"cgroup\" of its own: %s",
		supervisor_path(c, path), why);
}

int group_prepare(struct supervised *c, struct spawn_request *req, struct buf *paths,
	struct err *why)
{
	const struct attrs *a = REL_GET(struct attrs, c->spec->attrs);
	char name[GROUP_PATH_MAX];
	int r;

	c->grouped = false;
	if (!c->sup->node->cgroup && (!a || !a->has_cgroup))
		return 0;
	if (!name_of(c, name, sizeof name))
		r = err_set(why, -ENOTSUP, "%s", c->sup->node->cgroup_why);
	else
		r = cgroup_make(c->sup->node->cgroup, name, a, why);
	if (r < 0 && has_limits(a))
		return err_prefix(why, "cgroup");
	if (r < 0) {
		note(c, a, why->text);
		why->text[0] = '\0';
		return 0;
	}
	c->grouped = true;
	buf_add(paths, name, strlen(name) + 1);
	buf_addf(paths, "%s/cgroup.procs", name);
	if (!buf_ok(paths))
		return -ENOMEM;
	req->cgroup = buf_text(paths);
	req->cgroup_procs = buf_text(paths) + strlen(name) + 1;
	req->cgroup_needed = has_limits(a);
	return 0;
}

void group_refused(struct supervised *c, int code)
{
	note(c, REL_GET(struct attrs, c->spec->attrs), strerror(-code));
	group_remove(c);
}

void group_kill(const struct supervised *c)
{
	char name[GROUP_PATH_MAX];

	if (c->grouped && name_of(c, name, sizeof name))
		(void)cgroup_kill(name);
}

void group_each(
	const struct supervised *c, void (*call)(void *user, pid_t pid), void *user)
{
	char name[GROUP_PATH_MAX];

	if (c->grouped && name_of(c, name, sizeof name))
		cgroup_each(name, call, user);
}

void group_remove(struct supervised *c)
{
	char name[GROUP_PATH_MAX];

	if (c->grouped && name_of(c, name, sizeof name))
		cgroup_remove(name);
	c->grouped = false;
}

void group_swap(struct supervised *a, struct supervised *b)
{
	bool grouped = a->grouped, second = a->second;

	a->grouped = b->grouped;
	a->second = b->second;
	b->grouped = grouped;
	b->second = second;
}

void group_sweep(const struct supervised *c)
{
	char name[GROUP_PATH_MAX + 1], *slash;

	if (!name_of(c, name, GROUP_PATH_MAX))
		return;
	slash = strrchr(name, '/');
	*slash = '\0';
	(void)stpcpy(slash + 1 + strlen(slash + 1), ":");
	cgroup_sweep(name, slash + 1);
}
