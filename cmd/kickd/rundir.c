/* See rundir.h. Two locks on one file: a record lock, which only the root holds and no
 * fork inherits, says whether a kickd is running; a flock, which all processes of the
 * tree inherit, says whether anything of the tree is left. */
#include "rundir.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/limits.h"
#include "os/namedir.h"
#include "os/roles.h"
#include "status.h"

#define LOCK_NAME "lock"

/* A line of the lock: the directory was made by kickd. */
#define MADE "made\n"

/* The old tree has 5 s to end by itself (KICK_ORPHAN_GRACE_MS), then it is killed. */
#define WAIT_SECONDS 10

char *rundir_choose(const char *option)
{
	const char *env = getenv("KICK_RUNTIME_DIR");
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	char *path = NULL;
	int r;

	if (option)
		return strdup(option);
	if (env && *env)
		return strdup(env);
	if (geteuid() == 0)
		return strdup("/run/kick");
	if (xdg && *xdg)
		r = asprintf(&path, "%s/kick", xdg);
	else
		r = asprintf(&path, "/tmp/kick-%u", (unsigned)geteuid());
	return r < 0 ? NULL : path;
}

/* --- the directory ------------------------------------------------------------------
 */

static int check(int fd, const char *path, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return STATUS_CANT_CREATE;
	if (st.st_uid != geteuid()) {
		(void)err_set(err, -EPERM,
			"the runtime directory %s belongs to uid %u, not to us (uid %u); "
			"choose another one with -R",
			path, (unsigned)st.st_uid, (unsigned)geteuid());
		return STATUS_NOT_PERMITTED;
	}
	if (st.st_mode & (S_IWGRP | S_IWOTH)) {
		(void)err_set(err, -EPERM,
			"others may write to the runtime directory %s (mode %04o); "
			"chmod 0711 it, or choose another one with -R",
			path, (unsigned)(st.st_mode & 07777));
		return STATUS_NOT_PERMITTED;
	}
	return 0;
}

static int cannot(struct err *err, const char *what, const char *path)
{
	int code = errno;

	(void)err_errno(err, -code, "cannot %s %s", what, path);
	return code == EACCES || code == EPERM ? STATUS_NOT_PERMITTED
					       : STATUS_CANT_CREATE;
}

static int open_dir(struct rundir *rd, const char *path, struct err *err)
{
	autoclose int fd = -1;
	int r;

	if (mkdir(path, 0711) == 0)
		rd->made = true;
	else if (errno != EEXIST)
		return cannot(err, "create the runtime directory", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return cannot(err, "open the runtime directory", path);
	r = check(fd, path, err);
	if (r)
		return r;
	if (rd->made && fchmod(fd, 0711) < 0)
		return cannot(err, "chmod the runtime directory", path);
	rd->path = realpath(path, NULL);
	if (!rd->path)
		return cannot(err, "resolve the runtime directory", path);
	if (strlen(rd->path) > KICK_RUNTIME_DIR_MAX) {
		(void)err_set(err, -ENAMETOOLONG,
			"the runtime directory's path %s is longer than %d bytes, which "
			"leaves no room for socket names; choose another one with -R",
			rd->path, KICK_RUNTIME_DIR_MAX);
		return STATUS_CANT_CREATE;
	}
	return dup3(fd, FD_RUNDIR, O_CLOEXEC) < 0 ? STATUS_CANT_CREATE : 0;
}

/* --- the locks ----------------------------------------------------------------------
 */

static int in_use(int fd, const char *path, pid_t pid, struct err *err)
{
	char text[128] = "";
	ssize_t n = pread(fd, text, sizeof text - 1, 0);
	char *space = n > 0 ? strchr(text, ' ') : NULL;

	if (space)
		space[strcspn(space, "\n")] = '\0';
	(void)err_set(err, -EBUSY,
		"the runtime directory %s is in use by kickd with pid %d%s%s; one kickd "
		"is one application: choose another directory with -R",
		path, (int)pid, space ? ", which runs" : "", space ? space : "");
	return STATUS_IN_USE;
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* flock(2) that gives up: the alarm interrupts it. Before any other signal set-up. */
static int wait_for_tree(int fd)
{
	struct sigaction sa = { .sa_handler = on_alarm }, old;
	int r;

	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	(void)sigaction(SIGALRM, &sa, &old);
	(void)alarm(WAIT_SECONDS);
	r = flock(fd, LOCK_EX);
	(void)alarm(0);
	(void)sigaction(SIGALRM, &old, NULL);
	return r;
}

/* One that was killed had made the directory: it is for us to remove now. */
static bool was_made(int fd)
{
	char text[128] = "";
	ssize_t n = pread(fd, text, sizeof text - 1, 0);

	return n > 0 && strstr(text, MADE);
}

static int take_locks(
	struct rundir *rd, const char *path, const char *name, struct err *err)
{
	struct flock mine = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	autoclose int fd = openat(
		FD_RUNDIR, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	char text[128];
	int n;

	if (fd < 0)
		return cannot(err, "create the lock in", path);
	if (fcntl(fd, F_SETLK, &mine) < 0) {
		if (fcntl(fd, F_GETLK, &mine) < 0 || mine.l_type == F_UNLCK)
			mine.l_pid = 0;
		return in_use(fd, path, mine.l_pid, err);
	}
	if (wait_for_tree(fd) < 0) {
		(void)err_set(err, -EBUSY,
			"an earlier kickd in %s was killed, and its processes are still "
			"there after %d s; end them, or choose another directory with -R",
			path, WAIT_SECONDS);
		return STATUS_IN_USE;
	}
	rd->made = rd->made || was_made(fd);
	n = snprintf(text, sizeof text, "%d %s\n%s", (int)getpid(), name,
		rd->made ? MADE : "");
	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) != n) {
		int status = cannot(err, "write the lock in", path);

		(void)unlinkat(FD_RUNDIR, LOCK_NAME, 0);
		return status;
	}
	/* The record lock goes when any descriptor of the file is closed: keep this one
	 * where it is to be, and never open another. */
	if (fd != FD_LOCK) {
		if (dup3(fd, FD_LOCK, O_CLOEXEC) < 0)
			return STATUS_CANT_CREATE;
		(void)close(fd_steal(&fd));
		(void)fcntl(FD_LOCK, F_SETLK, &mine);
	}
	(void)fd_steal(&fd);
	return 0;
}

/* Removes all numbered names, and the names of programs. Without a descriptor more:
 * there may be none. Again until nothing is found, as a removal may hide what comes
 * after it. */
static void empty(void)
{
	union {
		struct dirent64 align;
		char bytes[4096];
	} room;
	unsigned removed;
	long n;

	do {
		removed = 0;
		(void)lseek(FD_RUNDIR, 0, SEEK_SET);
		while ((n = syscall(SYS_getdents64, FD_RUNDIR, room.bytes,
				sizeof room.bytes)) > 0) {
			const struct dirent64 *e;

			for (long at = 0; at < n; at += e->d_reclen) {
				e = (const void *)(room.bytes + at);
				removed += (isdigit((unsigned char)e->d_name[0]) ||
						   *e->d_name == '=') &&
					unlinkat(FD_RUNDIR, e->d_name, 0) == 0;
			}
		}
	} while (removed > 0);
}

static void clean(const struct rundir *rd)
{
	empty();
	namedir_empty(rd->path);
}

int rundir_take(struct rundir *rd, const char *path, const char *name, struct err *err)
{
	int r = open_dir(rd, path, err);

	if (r == 0)
		r = take_locks(rd, rd->path, name, err);
	if (r == 0)
		/* What a killed root has left: its tree is gone, the lock says so. */
		clean(rd);
	else if (rd->made)
		/* Unless another one has come and is using it. */
		(void)rmdir(path);
	return r;
}

void rundir_drop(struct rundir *rd)
{
	if (!rd->path)
		return;
	clean(rd);
	(void)unlinkat(FD_RUNDIR, LOCK_NAME, 0);
	if (rd->made)
		(void)rmdir(rd->path);
	free(rd->path);
	rd->path = NULL;
}
