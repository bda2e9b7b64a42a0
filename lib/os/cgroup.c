/* See cgroup.h. */
#include "os/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/macro.h"

#define LEAF "kick"

/* Of cpu.max, in microseconds: the kernel's default. */
#define CPU_PERIOD 100000

static int join(char *path, size_t size, const char *dir, const char *file)
{
	int n = snprintf(path, size, "%s/%s", dir, file);

	return n > 0 && (size_t)n < size ? 0 : -ENAMETOOLONG;
}

static int put(const char *dir, const char *file, const char *text)
{
	char path[PATH_MAX];
	autoclose int fd = -1;
	int r = join(path, sizeof path, dir, file);

	if (r < 0)
		return r;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return -errno;
	return 0;
}

/* What fits of a small file. */
static int get(const char *dir, const char *file, char *text, size_t size)
{
	char path[PATH_MAX];
	autoclose int fd = -1;
	int r = join(path, sizeof path, dir, file);
	ssize_t n;

	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, size - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	return 0;
}

static bool exists(const char *dir, const char *file)
{
	char path[PATH_MAX];

	return join(path, sizeof path, dir, file) == 0 && access(path, F_OK) == 0;
}

static bool may_write(const char *dir, const char *file)
{
	char path[PATH_MAX];

	return join(path, sizeof path, dir, file) == 0 && access(path, W_OK) == 0;
}

/* --- where --------------------------------------------------------------------------
 */

static bool find_path(char path[PATH_MAX])
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char *line = NULL;
	size_t size = 0;
	bool found = false;

	while (f && !found && getline(&line, &size, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		found = strncmp(line, "0::", 3) == 0 && strlen(line) < PATH_MAX;
		if (found)
			(void)stpcpy(path, line + 3);
	}
	free(line);
	if (f)
		(void)fclose(f);
	return found;
}

/* The part of path below root, where that is mounted; NULL when it is not below. */
static const char *below(const char *path, const char *root)
{
	size_t n = strcmp(root, "/") == 0 ? 0 : strlen(root);

	/* Of a mount from outside of our namespace it is "/..". */
	if (strncmp(path, root, n) != 0 || strncmp(root, "/..", 3) == 0 ||
		!strchr("/", path[n]))
		return NULL;
	return strcmp(path + n, "/") == 0 ? "" : path + n;
}

/* Our own group as a directory, by the first mount in which it is:
 * "29 23 0:26 /root /mount/point rw,nosuid - cgroup2 cgroup2 rw" */
static bool find_mount(const char *path, char *home, size_t size)
{
	char root[PATH_MAX], point[PATH_MAX];
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t n = 0;
	bool found = false;

	while (f && !found && getline(&line, &n, f) > 0)
		found = strstr(line, " - cgroup2 ") && !strchr(line, '\\') &&
			sscanf(line, "%*s %*s %*s %4095s %4095s", root, point) == 2 &&
			below(path, root) &&
			(size_t)snprintf(home, size, "%s%s", point, below(path, root)) <
				size;
	free(line);
	if (f)
		(void)fclose(f);
	return found;
}

static bool is_marked(const char *home)
{
	char value[4];

	return (getxattr(home, "user.delegate", value, sizeof value) == 1 ||
		       getxattr(home, "trusted.delegate", value, sizeof value) == 1) &&
		*value == '1';
}

/* Who may write there is not yet its owner: root may write everywhere, and the user of
 * a session in what systemd has made for it. */
static bool is_ours(const char *home, const char *path)
{
	if (is_marked(home))
		return true;
	if (strcmp(path, "/") == 0)
		/* The root of all groups has no such file, that of a namespace has. */
		return exists(home, "cgroup.events");
	return geteuid() != 0 && access("/run/systemd/system", F_OK) < 0;
}

int cgroup_enter(char **ret_home, struct err *why)
{
	char home[PATH_MAX], path[PATH_MAX], leaf[PATH_MAX];
	int r;

	if (!find_path(path) || !find_mount(path, home, sizeof home))
		return err_set(why, -ENOENT,
			"kickd's own group of version 2 is not mounted here");
	if (!may_write(home, ".") || !may_write(home, "cgroup.procs"))
		return err_errno(why, -errno, "%s", home);
	if (!is_ours(home, path))
		return err_set(why, -EPERM,
			"%s is not delegated to kickd (systemd: Delegate=yes)", home);
	r = join(leaf, sizeof leaf, home, LEAF);
	if (r == 0 && mkdir(leaf, 0755) < 0 && errno != EEXIST)
		r = -errno;
	if (r == 0)
		r = put(leaf, "cgroup.procs", "0");
	if (r < 0)
		return err_errno(why, r, "cannot enter %s/%s", home, LEAF);
	*ret_home = strdup(home);
	return *ret_home ? 0 : -ENOMEM;
}

void cgroup_sweep(const char *home, const char *prefix)
{
	char path[PATH_MAX];
	DIR *dir = opendir(home);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		if (strncmp(e->d_name, prefix, strlen(prefix)) != 0 ||
			join(path, sizeof path, home, e->d_name) < 0 ||
			rmdir(path) == 0)
			continue;
		(void)cgroup_kill(path);
		(void)rmdir(path);
	}
	if (dir)
		(void)closedir(dir);
}

void cgroup_leave(const char *home, const char *prefix)
{
	char path[PATH_MAX];

	cgroup_sweep(home, prefix);
	/* Refused where controllers are handed on, whoever has asked for them. */
	if (put(home, "cgroup.procs", "0") == 0 &&
		join(path, sizeof path, home, LEAF) == 0)
		(void)rmdir(path);
}

const char *cgroup_prefix(const struct commons *t, char prefix[CGROUP_PREFIX_MAX])
{
	(void)snprintf(prefix, CGROUP_PREFIX_MAX, "kick-%" PRIx64 "-", t->id >> 40);
	return prefix;
}

/* --- one group ----------------------------------------------------------------------
 */

static bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = text; (at = strstr(at, word)); at += n)
		if ((at == text || at[-1] == ' ') && strchr(" \n", at[n]))
			return true;
	return false;
}

/* Hands the controller on to the groups in home. */
static int enable(
	const char *home, const char *controller, const char *key, struct err *why)
{
	char have[512] = "", on[32];
	int r;

	if (get(home, "cgroup.subtree_control", have, sizeof have) == 0 &&
		has_word(have, controller))
		return 0;
	r = get(home, "cgroup.controllers", have, sizeof have);
	have[strcspn(have, "\n")] = '\0';
	if (r < 0 || !has_word(have, controller))
		return err_set(why, -ENOTSUP,
			"%s needs the controller %s, which %s does not have (it has: "
			"%s)",
			key, controller, home, *have ? have : "none");
	(void)snprintf(on, sizeof on, "+%s", controller);
	r = put(home, "cgroup.subtree_control", on);
	if (r == -EBUSY)
		return err_set(why, r,
			"%s: %s hands no controller on while it has processes of its "
			"own; move them out of it",
			key, home);
	return r < 0 ? err_errno(why, r, "%s: %s/cgroup.subtree_control", key, home)
		     : 0;
}

static int set(const char *home, const char *group, const char *key, const char *file,
	const char *value, struct err *why)
{
	char controller[16];
	int r;

	/* One that was left by an earlier start may have it. */
	if (!*value) {
		(void)put(group, file, "max");
		return 0;
	}
	(void)snprintf(
		controller, sizeof controller, "%.*s", (int)strcspn(file, "."), file);
	r = enable(home, controller, key, why);
	if (r < 0)
		return r;
	r = put(group, file, value);
	return r < 0 ? err_errno(why, r, "%s: cannot write %s to %s/%s", key, value,
			       group, file)
		     : 0;
}

static int limit(const char *home, const char *group, const struct attrs *a,
	bool is_new, struct err *why)
{
	char memory[24] = "", cpu[40] = "", pids[24] = "";
	int r;

	if (a && a->memory_max)
		(void)snprintf(memory, sizeof memory, "%" PRIu64, a->memory_max);
	if (a && a->cpu_max)
		(void)snprintf(cpu, sizeof cpu, "%" PRIu64 " %d",
			(uint64_t)a->cpu_max * CPU_PERIOD / 1000, CPU_PERIOD);
	if (a && a->pids_max)
		(void)snprintf(pids, sizeof pids, "%" PRIu64, a->pids_max);
	if (is_new && !*memory && !*cpu && !*pids)
		return 0;
	r = set(home, group, "memory_max", "memory.max", memory, why);
	if (r == 0)
		r = set(home, group, "cpu_max", "cpu.max", cpu, why);
	if (r == 0)
		r = set(home, group, "pids_max", "pids.max", pids, why);
	return r;
}

int cgroup_make(
	const char *home, const char *group, const struct attrs *a, struct err *why)
{
	bool is_new = mkdir(group, 0755) == 0;

	if (!is_new && errno != EEXIST)
		return err_errno(why, -errno, "cannot make %s", group);
	if (!is_new)
		is_new = rmdir(group) == 0 && mkdir(group, 0755) == 0;
	/* Somebody whom no supervisor knows any longer is still in it. */
	if (!is_new)
		(void)cgroup_kill(group);
	return limit(home, group, a, is_new, why);
}

void cgroup_remove(const char *group)
{
	(void)rmdir(group);
}

int cgroup_kill(const char *group)
{
	return put(group, "cgroup.kill", "1");
}

void cgroup_each(const char *group, void (*call)(void *user, pid_t pid), void *user)
{
	char path[PATH_MAX];
	FILE *f;
	int pid;

	if (join(path, sizeof path, group, "cgroup.procs") < 0)
		return;
	f = fopen(path, "re");
	while (f && fscanf(f, "%d", &pid) == 1)
		call(user, pid);
	if (f)
		(void)fclose(f);
}
