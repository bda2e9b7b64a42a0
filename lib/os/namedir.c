/* See namedir.h. */
#include "os/namedir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"

#define PATH_MAX_HERE (KICK_RUNTIME_DIR_MAX + KICK_ID_MAX + 32)

static const char *path_of(char path[PATH_MAX_HERE], const char *dir, const char *name)
{
	(void)snprintf(path, PATH_MAX_HERE, "%s/=%s", dir, name);
	return path;
}

int namedir_whose(const char *dir, const char *name, char *ret, size_t size)
{
	char path[PATH_MAX_HERE], socket[PATH_MAX_HERE];
	ssize_t n = readlink(path_of(path, dir, name), ret, size);

	if (n <= 0 || (size_t)n >= size)
		return -ESRCH;
	ret[n] = '\0';
	(void)snprintf(socket, sizeof socket, "%s/%s", dir, ret);
	return faccessat(-1, socket, F_OK, 0) < 0 ? -ESRCH : 0;
}

int namedir_claim(const char *dir, const char *name, uint32_t socket)
{
	char path[PATH_MAX_HERE], next[PATH_MAX_HERE + 16], own[16], holder[16];

	(void)snprintf(own, sizeof own, "%u", socket);
	if (symlink(own, path_of(path, dir, name)) == 0 || errno != EEXIST)
		return 0;
	if (namedir_whose(dir, name, holder, sizeof holder) == 0)
		return strcmp(holder, own) == 0 ? 0 : -EEXIST;
	/* Who had it is no more. */
	(void)snprintf(next, sizeof next, "%s~%u", path, socket);
	(void)unlink(next);
	if (symlink(own, next) < 0 || rename(next, path) < 0)
		(void)unlink(next);
	return 0;
}

void namedir_disclaim(const char *dir, const char *name, uint32_t socket)
{
	char path[PATH_MAX_HERE], own[16], holder[16];
	ssize_t n = readlink(path_of(path, dir, name), holder, sizeof holder - 1);

	(void)snprintf(own, sizeof own, "%u", socket);
	if (n <= 0)
		return;
	holder[n] = '\0';
	if (strcmp(holder, own) == 0)
		(void)unlink(path);
}

static void remove_dir(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	while ((e = readdir(d)))
		if (*e->d_name != '.')
			(void)unlinkat(fd, e->d_name, 0);
	(void)closedir(d);
	(void)unlinkat(at, name, AT_REMOVEDIR);
}

/* "n12-Xa3f9Q": 12, or 0. */
static uint32_t socket_of(const char *name)
{
	unsigned socket;

	return sscanf(name, "n%u-", &socket) == 1 ? socket : 0;
}

static void sweep(const char *dir, uint32_t socket, bool all)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d))) {
		uint32_t of = socket_of(e->d_name);
		char number[16];

		if (of == 0)
			continue;
		(void)snprintf(number, sizeof number, "%u", of);
		if (all || of == socket || faccessat(dirfd(d), number, F_OK, 0) < 0)
			remove_dir(dirfd(d), e->d_name);
	}
	(void)closedir(d);
}

void namedir_sweep(const char *dir, uint32_t socket)
{
	sweep(dir, socket, false);
}

void namedir_empty(const char *dir)
{
	sweep(dir, 0, true);
}
