/* The sockets that outlive processes, without any process. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "os/listener.h"

/* A specification that stands alone: its texts follow it, as in a block. */
static struct {
	struct socket_spec spec;
	char address[128];
	char path[128];
} made;

static char dir[] = "/tmp/kick-listener-XXXXXX";

static const struct socket_spec *spec_at(enum socket_kind kind, uint16_t port)
{
	static const uint8_t loopback[4] = { 127, 0, 0, 1 };

	memset(&made, 0, sizeof made);
	made.spec.kind = kind;
	made.spec.backlog = 5;
	made.spec.port = port;
	made.spec.mode = 0600;
	memcpy(made.spec.ip, loopback, sizeof loopback);
	(void)snprintf(made.address, sizeof made.address, "somewhere");
	made.spec.address = (rel)(made.address - (char *)&made.spec.address);
	if (kind != SOCKET_UNIX)
		return &made.spec;
	cr_assert(mkdtemp(dir));
	(void)snprintf(made.path, sizeof made.path, "%s/x", dir);
	made.spec.path = (rel)(made.path - (char *)&made.spec.path);
	return &made.spec;
}

static void unix_done(void)
{
	(void)unlink(made.path);
	(void)rmdir(dir);
}

static uint16_t port_of(int fd)
{
	struct sockaddr_in a;
	socklen_t n = sizeof a;

	cr_assert_eq(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	return ntohs(a.sin_port);
}

/* At a port that was free a moment ago: the kernel forgets one that it has chosen. */
static int open_any(enum socket_kind kind)
{
	struct listener_file file;
	struct err err;
	int fd = -1;

	cr_assert_eq(
		listener_open(spec_at(kind, 0), &fd, &file, &err), 0, "%s", err.text);
	(void)spec_at(kind, port_of(fd));
	(void)close(fd);
	cr_assert_eq(listener_open(&made.spec, &fd, &file, &err), 0, "%s", err.text);
	return fd;
}

static int dial(int type, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
		return fd;
	(void)close(fd);
	return -errno;
}

Test(listener, tcp_listens_again_on_the_same_descriptor)
{
	int fd = open_any(SOCKET_TCP), client;

	cr_expect(!listener_is_dead(fd));
	cr_assert_eq(shutdown(fd, SHUT_RD), 0);
	cr_expect(listener_is_dead(fd));
	cr_expect(dial(SOCK_STREAM, made.spec.port) < 0);
	cr_assert_eq(listener_again(fd, &made.spec), 0);
	cr_expect(!listener_is_dead(fd));
	client = dial(SOCK_STREAM, made.spec.port);
	cr_expect(client >= 0);
	(void)close(client);
	(void)close(fd);
}

Test(listener, a_waiting_client_does_not_make_it_dead)
{
	int fd = open_any(SOCKET_TCP), client = dial(SOCK_STREAM, made.spec.port);

	cr_expect(!listener_is_dead(fd));
	(void)close(client);
	(void)close(fd);
}

Test(listener, a_port_in_use_is_refused_with_advice)
{
	static const enum socket_kind kinds[] = { SOCKET_TCP, SOCKET_UDP };

	for (size_t i = 0; i < 2; i++) {
		int fd = open_any(kinds[i]), second = -1;
		struct listener_file file;
		struct err err;

		cr_expect_eq(
			listener_open(&made.spec, &second, &file, &err), -EADDRINUSE);
		cr_expect(strstr(err.text, "another process has this port"), "%s",
			err.text);
		(void)close(fd);
	}
}

Test(listener, a_udp_socket_in_place_of_another_gets_all)
{
	int old = open_any(SOCKET_UDP), fd = -1, client;
	struct listener_file file;
	struct err err;
	char text[8];

	(void)shutdown(old, SHUT_RDWR);
	cr_expect(listener_is_dead(old));
	cr_expect(listener_again(old, &made.spec) < 0);
	cr_assert_eq(
		listener_replace(&made.spec, old, &file, &fd, &err), 0, "%s", err.text);
	cr_expect(!listener_is_dead(fd));
	for (int i = 0; i < 20; i++) {
		client = dial(SOCK_DGRAM, made.spec.port);
		cr_assert_eq(send(client, "x", 1, 0), 1);
		cr_expect_eq(
			recv(fd, text, sizeof text, MSG_DONTWAIT), 1, "row: %d", i);
		(void)close(client);
	}
	(void)close(old);
	(void)close(fd);
}

Test(listener, a_unix_socket_in_place_of_another, .fini = unix_done)
{
	const struct socket_spec *spec = spec_at(SOCKET_UNIX, 0);
	struct listener_file file;
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct stat st;
	struct err err;
	int old = -1, fd = -1, client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_eq(listener_open(spec, &old, &file, &err), 0, "%s", err.text);
	cr_expect(stat(made.path, &st) == 0 && (st.st_mode & 0777) == 0600);
	(void)shutdown(old, SHUT_RD);
	cr_expect(listener_is_dead(old));
	cr_assert_eq(listener_replace(spec, old, &file, &fd, &err), 0, "%s", err.text);
	cr_expect(!listener_is_dead(fd));
	(void)strcpy(a.sun_path, made.path);
	cr_expect_eq(connect(client, (struct sockaddr *)&a, sizeof a), 0);
	listener_unlink(made.path, &file);
	cr_expect(access(made.path, F_OK) < 0);
	(void)close(client);
	(void)close(old);
	(void)close(fd);
}

static bool unix_dial(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	/* Kept: it waits in the queue. */
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)strcpy(a.sun_path, made.path);
	return connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
}

Test(listener, an_open_unix_socket_gets_another_backlog_and_mode, .fini = unix_done)
{
	char away[160], other[160];
	struct listener_file file;
	struct stat st;
	struct err err;
	int fd = -1;

	(void)spec_at(SOCKET_UNIX, 0);
	made.spec.backlog = 1;
	cr_assert_eq(listener_open(&made.spec, &fd, &file, &err), 0, "%s", err.text);
	while (unix_dial())
		;
	made.spec.backlog = 5;
	made.spec.mode = 0640;
	listener_adapt(&made.spec, fd, &file);
	cr_expect(unix_dial(), "the queue is as short as it was");
	cr_expect(stat(made.path, &st) == 0 && (st.st_mode & 0777) == 0640);
	/* Another file, behind a link in its place, is let alone. */
	(void)snprintf(away, sizeof away, "%s/away", dir);
	(void)snprintf(other, sizeof other, "%s/other", dir);
	cr_assert(rename(made.path, away) == 0 && mkdir(other, 0700) == 0 &&
		symlink(other, made.path) == 0);
	made.spec.mode = 0666;
	listener_adapt(&made.spec, fd, &file);
	cr_expect(stat(other, &st) == 0 && (st.st_mode & 0777) == 0700);
	(void)unlink(away);
	(void)rmdir(other);
	(void)close(fd);
}

Test(listener, the_end_tells_who_waits)
{
	int fd = open_any(SOCKET_TCP), copy = dup(fd);
	int client = dial(SOCK_STREAM, made.spec.port);
	char text[8];

	listener_end(fd);
	cr_expect(recv(client, text, sizeof text, 0) <= 0);
	cr_expect(dial(SOCK_STREAM, made.spec.port) < 0, "a copy keeps it alive");
	(void)close(client);
	(void)close(copy);
	(void)close(fd);
}

/* A file system whose server never answers; O_PATH asks it nothing. False: none to be
 * had. */
static bool open_dead_file(void)
{
	int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[80];

	(void)snprintf(options, sizeof options,
		"fd=%d,rootmode=40000,user_id=0,group_id=0", fuse);
	return fuse >= 0 && unshare(CLONE_NEWNS) == 0 &&
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
		mount("dead", "/mnt", "fuse", 0, options) == 0 &&
		open("/mnt", O_PATH | O_CLOEXEC) >= 0;
}

Test(listener, who_holds_it_is_seen_past_a_dead_file_system, .timeout = 10)
{
	int other = open_any(SOCKET_TCP), fd;

	if (!open_dead_file()) {
		(void)fprintf(stderr,
			"SKIPPED: listener::who_holds_it_is_seen_past_a_dead_file_"
			"system: needs root, and /dev/fuse\n");
		return;
	}
	fd = open_any(SOCKET_TCP);
	cr_expect_eq(listener_is_held(fd, getpid()), 1);
	cr_expect_eq(listener_is_held(other, getpid()), 1);
	cr_expect_eq(listener_is_held(other, getppid()), 0);
	(void)close(fd);
	(void)close(other);
}
