/* See listener.h. */
#include "os/listener.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"

/* Ports below this one are privileged, unless the system says otherwise. */
#define PRIVILEGED_PORTS 1024

/* Whom a socket is pointed at that shall get nothing any more: nobody sends from it. */
#define DISCARD_PORT 9

/* Linux 6.6; the same number on all machines. */
#define SYS_FCHMODAT2 452

/* So many descriptors of a process are looked at. */
#define LOOKS_MAX 1024

union address {
	struct sockaddr any;
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

static socklen_t inet_of(const struct socket_spec *s, uint16_t port, union address *ret)
{
	memset(ret, 0, sizeof *ret);
	if (s->is_v6) {
		ret->in6.sin6_family = AF_INET6;
		ret->in6.sin6_port = htons(port);
		memcpy(&ret->in6.sin6_addr, s->ip, 16);
		return sizeof ret->in6;
	}
	ret->in4.sin_family = AF_INET;
	ret->in4.sin_port = htons(port);
	memcpy(&ret->in4.sin_addr, s->ip, 4);
	return sizeof ret->in4;
}

static socklen_t unix_of(const char *path, union address *ret)
{
	memset(ret, 0, sizeof *ret);
	ret->un.sun_family = AF_UNIX;
	(void)snprintf(ret->un.sun_path, sizeof ret->un.sun_path, "%s", path);
	return sizeof ret->un;
}

static int new_socket(const struct socket_spec *s)
{
	int family = s->kind == SOCKET_UNIX ? AF_UNIX : s->is_v6 ? AF_INET6 : AF_INET;
	int type = s->kind == SOCKET_UDP ? SOCK_DGRAM : SOCK_STREAM;
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

static int set_option(int fd, int level, int option)
{
	int one = 1;

	return setsockopt(fd, level, option, &one, sizeof one) < 0 ? -errno : 0;
}

/* --- TCP and UDP --------------------------------------------------------------------
 */

static unsigned first_free_port(void)
{
	static const char name[] = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
	autoclose int fd = open(name, O_RDONLY | O_CLOEXEC);
	char text[16];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

	if (n <= 0)
		return PRIVILEGED_PORTS;
	text[n] = '\0';
	return (unsigned)strtoul(text, NULL, 10);
}

static int say_inet(const struct socket_spec *s, int code, struct err *err)
{
	switch (code) {
	case -EADDRINUSE:
		return err_errno(err, code,
			"another process has this port; see: ss -%slnp sport = :%u",
			s->kind == SOCKET_TCP ? "t" : "u", s->port);
	case -EADDRNOTAVAIL:
		return err_errno(err, code,
			"it is not an address of this machine; see: ip address");
	case -EACCES:
	case -EPERM:
		return err_errno(err, code,
			"ports below %u need root, the capability "
			"CAP_NET_BIND_SERVICE, or a smaller sysctl "
			"net.ipv4.ip_unprivileged_port_start",
			first_free_port());
	case -EAFNOSUPPORT:
		return err_errno(
			err, code, "this system has no IPv%d", s->is_v6 ? 6 : 4);
	default:
		return err_errno(err, code, "cannot open it");
	}
}

static int bind_inet(const struct socket_spec *s, int fd)
{
	union address a;
	socklen_t n = inet_of(s, s->port, &a);
	int r = 0;

	/* Whose predecessor's connections are still winding up may listen again. Of UDP
	 * the option would let others in. */
	if (s->kind == SOCKET_TCP)
		r = set_option(fd, SOL_SOCKET, SO_REUSEADDR);
	/* [::] leaves 0.0.0.0 to another name, whatever the sysctl. */
	if (r == 0 && s->is_v6)
		r = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY);
	if (r == 0 && bind(fd, &a.any, n) < 0)
		r = -errno;
	if (r == 0 && s->kind == SOCKET_TCP && listen(fd, (int)s->backlog) < 0)
		r = -errno;
	/* From now on a successor of ours may stand beside it (listener_replace), if it
	 * wants to; who just binds finds the port in use. */
	if (r == 0 && s->kind == SOCKET_UDP)
		r = set_option(fd, SOL_SOCKET, SO_REUSEPORT);
	return r;
}

/* --- Unix ---------------------------------------------------------------------------
 */

/* Whether nobody is behind the file: then a connection is refused. A datagram socket
 * asks without disturbing a stream socket. */
static int probe(const char *path)
{
	autoclose int fd =
		socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	union address a;
	socklen_t n = unix_of(path, &a);

	if (fd < 0)
		return -errno;
	if (connect(fd, &a.any, n) == 0 || errno == EPROTOTYPE)
		return -EADDRINUSE;
	return errno == ECONNREFUSED ? 0 : -errno;
}

static int make_room(const char *path, struct err *err)
{
	struct stat st;
	int r;

	if (lstat(path, &st) < 0)
		return errno == ENOENT
			? 0
			: err_errno(err, -errno, "cannot look at the file");
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, -EEXIST,
			"there is a file of this name that is no socket; it was let "
			"alone: take it away, or use another name");
	r = probe(path);
	if (r == -EADDRINUSE)
		return err_errno(err, r,
			"another process listens on it, which was let alone; see: ss -xlp");
	if (r < 0)
		return err_errno(err, r,
			"there is a socket of this name, and whether somebody listens "
			"on it cannot be told; it was let alone");
	if (unlink(path) < 0 && errno != ENOENT)
		return err_errno(err, -errno, "cannot remove the stale socket");
	return 0;
}

static bool is_file(const char *path, const struct listener_file *file)
{
	struct stat st;

	return lstat(path, &st) == 0 && st.st_dev == file->dev &&
		st.st_ino == file->ino;
}

static int bind_unix(const struct socket_spec *s, int fd, struct listener_file *file)
{
	const char *path = REL_STR(s->path);
	union address a;
	socklen_t n = unix_of(path, &a);
	mode_t old = umask((mode_t)(0777 & ~s->mode));
	int r = bind(fd, &a.any, n) < 0 ? -errno : 0;
	struct stat st;

	(void)umask(old);
	if (r < 0)
		return r;
	if (lstat(path, &st) < 0)
		return -errno;
	*file = (struct listener_file){ .dev = st.st_dev, .ino = st.st_ino };
	if (listen(fd, (int)s->backlog) < 0) {
		r = -errno;
		listener_unlink(path, file);
		return r;
	}
	/* Until now it looked stale to whoever asked. */
	return is_file(path, file) ? 0 : -EADDRINUSE;
}

static int say_unix(int code, struct err *err)
{
	switch (code) {
	case -EADDRINUSE:
		return err_errno(err, code, "another process took the name just now");
	case -ENOENT:
		return err_errno(err, code, "its directory does not exist; create it");
	case -EACCES:
	case -EPERM:
		return err_errno(err, code, "kickd may not create a file there");
	default:
		return err_errno(err, code, "cannot open it");
	}
}

void listener_unlink(const char *path, const struct listener_file *file)
{
	if (path && is_file(path, file))
		(void)unlink(path);
}

/* As root, in a directory of others, the name may be a link by now. Without /proc and
 * before Linux 6.6 the old mode stays. */
static void set_mode(const char *path, const struct listener_file *file, mode_t mode)
{
	autoclose int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char name[32];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_dev != file->dev ||
		st.st_ino != file->ino)
		return;
	if (syscall(SYS_FCHMODAT2, fd, "", mode, AT_EMPTY_PATH) == 0)
		return;
	(void)snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	(void)chmod(name, mode);
}

/* --- both ---------------------------------------------------------------------------
 */

int listener_open(const struct socket_spec *spec, int *ret_fd,
	struct listener_file *ret_file, struct err *err)
{
	autoclose int fd = new_socket(spec);
	int r = fd < 0 ? fd : 0;

	if (spec->kind != SOCKET_UNIX) {
		if (r == 0)
			r = bind_inet(spec, fd);
		if (r < 0)
			return say_inet(spec, r, err);
	} else {
		if (r == 0) {
			r = make_room(REL_STR(spec->path), err);
			if (r < 0)
				return r;
			r = bind_unix(spec, fd, ret_file);
		}
		if (r < 0)
			return say_unix(r, err);
	}
	*ret_fd = fd_steal(&fd);
	return 0;
}

bool listener_is_dead(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLRDHUP };

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

int64_t listener_id(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? (int64_t)st.st_ino : -1;
}

/* By the text of the link: to look at what it leads to would ask the file system that
 * it is on, which may be dead. */
static int is_among(DIR *dir, int64_t id)
{
	char wanted[40], text[40];

	(void)snprintf(wanted, sizeof wanted, "socket:[%lld]", (long long)id);
	for (int looks = 0; looks < LOOKS_MAX; looks++) {
		const struct dirent *e = readdir(dir);
		ssize_t n;

		if (!e)
			return 0;
		n = readlinkat(dirfd(dir), e->d_name, text, sizeof text - 1);
		if (n < 0)
			continue;
		text[n] = '\0';
		if (strcmp(text, wanted) == 0)
			return 1;
	}
	return -E2BIG;
}

int listener_is_held(int fd, pid_t by)
{
	char path[32];
	DIR *dir;
	int r;

	(void)snprintf(path, sizeof path, "/proc/%d/fd", (int)by);
	dir = opendir(path);
	if (!dir)
		return -errno;
	r = is_among(dir, listener_id(fd));
	(void)closedir(dir);
	return r;
}

int listener_again(int fd, const struct socket_spec *spec)
{
	if (spec->kind != SOCKET_TCP)
		return -EOPNOTSUPP;
	return listen(fd, (int)spec->backlog) < 0 ? -errno : 0;
}

void listener_adapt(
	const struct socket_spec *spec, int fd, const struct listener_file *file)
{
	if (spec->kind != SOCKET_UDP)
		(void)listen(fd, (int)spec->backlog);
	if (spec->kind == SOCKET_UNIX)
		set_mode(REL_STR(spec->path), file, spec->mode);
}

/* As long as somebody has the old one, what comes for the port would be shared among
 * both; connected to nobody, it gets nothing. */
static int beside(const struct socket_spec *s, int old, int fd)
{
	union address nobody;
	socklen_t n = inet_of(s, DISCARD_PORT, &nobody);
	int r = set_option(fd, SOL_SOCKET, SO_REUSEPORT);

	if (s->is_v6)
		nobody.in6.sin6_addr = (struct in6_addr)IN6ADDR_LOOPBACK_INIT;
	else
		nobody.in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (r == 0)
		r = bind_inet(s, fd);
	if (r == 0)
		(void)connect(old, &nobody.any, n);
	return r;
}

int listener_replace(const struct socket_spec *spec, int old,
	struct listener_file *file, int *ret_fd, struct err *err)
{
	autoclose int fd = -1;
	int r;

	if (spec->kind == SOCKET_UNIX) {
		listener_unlink(REL_STR(spec->path), file);
		return listener_open(spec, ret_fd, file, err);
	}
	fd = new_socket(spec);
	r = fd < 0 ? fd : beside(spec, old, fd);
	if (r < 0)
		return say_inet(spec, r, err);
	*ret_fd = fd_steal(&fd);
	return 0;
}

void listener_end(int fd)
{
	int waiting;

	(void)shutdown(fd, SHUT_RDWR);
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	while ((waiting = accept4(fd, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		(void)close(waiting);
}
