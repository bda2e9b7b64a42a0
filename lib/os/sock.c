/* See sock.h. */
#include "os/sock.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"

int sock_pair(int type, int ret_fds[2])
{
	return socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret_fds) < 0
		? -errno
		: 0;
}

static int bind_at(int fd, const char *dir, const char *name, mode_t mode, uid_t uid)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int n = snprintf(sun.sun_path, sizeof sun.sun_path, "%s/%s", dir, name);
	mode_t old;
	int r;

	if (n < 0 || (size_t)n >= sizeof sun.sun_path)
		return -ENAMETOOLONG;
	if (unlink(sun.sun_path) < 0 && errno != ENOENT)
		return -errno;
	old = umask(0777 & ~mode);
	r = bind(fd, (struct sockaddr *)&sun, sizeof sun) < 0 ? -errno : 0;
	(void)umask(old);
	if (r == 0 && uid != geteuid() && chown(sun.sun_path, uid, (gid_t)-1) < 0)
		r = -errno;
	return r;
}

int sock_listen(const char *dir, const char *name, mode_t mode, int *ret_fd)
{
	char old[sizeof(((struct sockaddr_un *)0)->sun_path)], made[sizeof old];
	autoclose int fd = -1;
	int r;

	(void)snprintf(old, sizeof old, "%s/%s~", dir, name);
	(void)snprintf(made, sizeof made, "%s/%s", dir, name);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	r = bind_at(fd, dir, strrchr(old, '/') + 1, mode, geteuid());
	if (r < 0)
		return r;
	/* It appears under its name when it can be connected to, not before. */
	if (listen(fd, 1024) < 0 || rename(old, made) < 0)
		return -errno;
	*ret_fd = fd_steal(&fd);
	return 0;
}

int sock_listen_new(const char *dir, const char *name, int *ret_fd)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	autoclose int fd = -1;
	int n = snprintf(sun.sun_path, sizeof sun.sun_path, "%s/%s", dir, name);

	if (n < 0 || (size_t)n >= sizeof sun.sun_path)
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sun, sizeof sun) < 0)
		return -errno;
	if (listen(fd, 1024) < 0)
		return -errno;
	*ret_fd = fd_steal(&fd);
	return 0;
}

int sock_notify(const char *dir, const char *name, uid_t uid, int *ret_fd)
{
	autoclose int fd = -1;
	int one = 1;
	int r;

	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof one) < 0)
		return -errno;
	r = bind_at(fd, dir, name, 0600, uid);
	if (r < 0)
		return r;
	*ret_fd = fd_steal(&fd);
	return 0;
}

/* Whether a socket stands behind the name. A datagram socket finds one of any kind
 * (EPROTOTYPE for a stream) without disturbing it, and never waits. */
static bool is_dead(int probe, const char *dir, const char *name)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int n = snprintf(sun.sun_path, sizeof sun.sun_path, "%s/%s", dir, name);

	return n > 0 && (size_t)n < sizeof sun.sun_path &&
		connect(probe, (struct sockaddr *)&sun, sizeof sun) < 0 &&
		errno == ECONNREFUSED;
}

void sock_sweep(const char *dir)
{
	autoclose int probe = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	DIR *d = probe < 0 ? NULL : opendir(dir);
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d)))
		if (isdigit((unsigned char)e->d_name[0]) &&
			is_dead(probe, dir, e->d_name))
			(void)unlinkat(dirfd(d), e->d_name, 0);
	(void)closedir(d);
}

union control {
	struct cmsghdr head;
	char room[CMSG_SPACE(SOCK_FDS_MAX * sizeof(int))];
};

int sock_send(int fd, const void *bytes, size_t n, const int *fds, size_t n_fds)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control control = { 0 };

	if (n_fds > SOCK_FDS_MAX)
		return -EINVAL;
	if (n_fds > 0) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(&control.head), fds, n_fds * sizeof(int));
	}
	while (sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* More descriptors than there is room for are closed by the kernel (MSG_CTRUNC). */
static void take_fds(struct msghdr *msg, int *fds, size_t room, size_t *ret_n)
{
	size_t n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t k = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < k; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
			if (n < room)
				fds[n++] = fd;
			else
				(void)fd_close(fd);
		}
	}
	*ret_n = n;
}

ssize_t sock_receive(int fd, struct iovec *parts, size_t n, int *fds, size_t *n_fds)
{
	union control control;
	struct msghdr msg = { .msg_iov = parts,
		.msg_iovlen = n,
		.msg_control = &control,
		.msg_controllen = sizeof control };
	size_t room = n_fds ? *n_fds : 0, got = 0;
	ssize_t r;

	do
		r = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	take_fds(&msg, fds, room, &got);
	if (n_fds)
		*n_fds = got;
	if (!(msg.msg_flags & MSG_TRUNC))
		return r;
	for (size_t i = 0; i < got; i++)
		(void)fd_close(fds[i]);
	if (n_fds)
		*n_fds = 0;
	return -EMSGSIZE;
}
