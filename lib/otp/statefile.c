/* See statefile.h. */
#include "otp/statefile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define INFIX ".tmp-"
#define SUFFIX_LEN 6
#define TRIES 100

/* --- names --------------------------------------------------------------------------
 */

/* Paths are absolute. */
static const char *base_of(const char *path)
{
	return strrchr(path, '/') + 1;
}

/* The directory that path lies in, "" for one that is too long. */
static void dir_of(const char *path, char dir[PATH_MAX])
{
	size_t n = (size_t)(base_of(path) - path);

	(void)snprintf(dir, PATH_MAX, "%.*s", (int)n, path);
}

static int open_dir(const char *path)
{
	char dir[PATH_MAX];
	int fd;

	dir_of(path, dir);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Where a link leads to whose end is missing. */
static int resolve_dangling(const char *path, char ret[PATH_MAX])
{
	char target[PATH_MAX], dir[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof target - 1);
	struct stat st;
	int len;

	if (n < 0)
		return -errno;
	target[n] = '\0';
	dir_of(path, dir);
	len = snprintf(ret, PATH_MAX, "%s%s", target[0] == '/' ? "" : dir, target);
	if (len >= PATH_MAX)
		return -ENAMETOOLONG;
	if (*base_of(ret) == '\0')
		return -EISDIR;
	return lstat(ret, &st) == 0 && S_ISLNK(st.st_mode) ? -ELOOP : 0;
}

static int resolve(const char *path, char ret[PATH_MAX])
{
	struct stat st;

	if (realpath(path, ret))
		return 0;
	if (errno != ENOENT)
		return -errno;
	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
		return resolve_dangling(path, ret);
	if (snprintf(ret, PATH_MAX, "%s", path) >= PATH_MAX)
		return -ENAMETOOLONG;
	return *base_of(ret) == '\0' ? -EISDIR : 0;
}

static bool is_left_over(int dir, const char *name, const char *base)
{
	size_t n = strlen(base);
	struct stat st;

	return strncmp(name, base, n) == 0 &&
		strncmp(name + n, INFIX, strlen(INFIX)) == 0 &&
		strspn(name + n + strlen(INFIX), "0123456789abcdef") == SUFFIX_LEN &&
		name[n + strlen(INFIX) + SUFFIX_LEN] == '\0' &&
		fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		S_ISREG(st.st_mode) && st.st_uid == geteuid();
}

/* Takes the descriptor over. */
static void sweep(int fd, const char *base)
{
	DIR *dir = fdopendir(fd);
	const struct dirent *e;

	if (!dir) {
		(void)fd_close(fd);
		return;
	}
	while ((e = readdir(dir)))
		if (is_left_over(fd, e->d_name, base))
			(void)unlinkat(fd, e->d_name, 0);
	(void)closedir(dir);
}

/* --- reading ------------------------------------------------------------------------
 */

int statefile_open(struct statefile *f, const char *path, size_t max, char **ret_text,
	size_t *ret_len)
{
	autoclose int fd = -1;
	struct stat st;
	int dir, r = resolve(path, f->path);

	if (r < 0)
		return r;
	dir = open_dir(f->path);
	if (dir < 0)
		return dir;
	sweep(dir, base_of(f->path));
	*ret_text = NULL;
	fd = open(f->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	return fd_read_all(fd, max, ret_text, ret_len);
}

/* --- writing ------------------------------------------------------------------------
 */

/* A new file beside the old one; its name into name. */
static int open_new(int dir, const char *base, char name[NAME_MAX + 1])
{
	for (int i = 0; i < TRIES; i++) {
		uint32_t random = 0;
		int fd;

		(void)!getrandom(&random, sizeof random, GRND_NONBLOCK);
		if (snprintf(name, NAME_MAX + 1, "%s" INFIX "%06x", base,
			    (random + (unsigned)i) & 0xffffff) > NAME_MAX)
			return -ENAMETOOLONG;
		fd = openat(dir, name,
			O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0 || errno != EEXIST)
			return fd < 0 ? -errno : fd;
	}
	return -EEXIST;
}

/* The new file is as the old one, if there is one. */
static int dress(int fd, int dir, const char *base)
{
	struct stat new, old;

	if (fstatat(dir, base, &old, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT && fchmod(fd, 0600) == 0 ? 0 : -errno;
	if (!S_ISREG(old.st_mode))
		return -EINVAL;
	if (fstat(fd, &new) < 0)
		return -errno;
	if ((new.st_uid != old.st_uid || new.st_gid != old.st_gid) &&
		fchown(fd, old.st_uid, old.st_gid) < 0)
		return -errno;
	return fchmod(fd, old.st_mode & 07777) < 0 ? -errno : 0;
}

static int fill(int fd, const char *text, size_t n)
{
	int r = fd_write_all(fd, text, n);

	if (r == 0)
		r = fd_write_all(fd, "\n", 1);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r;
}

static int replace(struct statefile *f, int dir, const char *text, size_t n)
{
	const char *base = base_of(f->path);
	char name[NAME_MAX + 1];
	int fd = open_new(dir, base, name);
	int r;

	if (fd < 0)
		return fd;
	r = dress(fd, dir, base);
	if (r == 0)
		r = fill(fd, text, n);
	if (close(fd) < 0 && r == 0 && errno != EINTR)
		r = -errno;
	if (r == 0 && renameat(dir, name, dir, base) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(dir, name, 0);
		return r;
	}
	/* Not every file system can do that for a directory. */
	if (fsync(dir) < 0 && errno != EINVAL && errno != ENOTSUP) {
		f->unsure = true;
		return -errno;
	}
	return 0;
}

int statefile_write(struct statefile *f, const char *text, size_t n, struct err *e)
{
	autoclose int dir = open_dir(f->path);
	int r = dir < 0 ? dir : replace(f, dir, text, n);

	return r < 0 ? err_errno(e, r, "cannot write %.300s", f->path) : 0;
}
