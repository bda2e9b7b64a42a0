/* libkick: kick_start() in a program whose KICK_LINK_FD is wrong: a negative errno, and
 * nothing is left of the attempt. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "otp/link.h"
#include "support/nodetest.h"

TestSuite(lib_linkfd, .timeout = 120);

#define LINK_FD 20 /* where the tests put it */

static int open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	CHECK(d);
	while (readdir(d))
		n++;
	(void)closedir(d);
	return n;
}

/* kick_start() fails, with r if that is not 0. NODE_BARE sees to it that no process and
 * no file is left. */
static void refused(int line, const char *fd, int r)
{
	int files, got, children = 0;
	kick_pid pid;
	FILE *f;

	CHECK_INT(setenv("KICK_LINK_FD", fd, 1), 0);
	files = open_files();
	got = kick_start();
	if (got >= 0 || (r && got != r))
		node_fail(__FILE__, line,
			"KICK_LINK_FD=%s: kick_start() gives %d, not %d", fd, got, r);
	node_check_int(__FILE__, line, "kick_self()", (int64_t)kick_self().id, 0);
	node_check_int(
		__FILE__, line, "kick_whereis()", kick_whereis("a", &pid), -ENOTCONN);
	node_check_int(__FILE__, line, "descriptors more", open_files() - files, 0);
	f = fopen("/proc/thread-self/children", "re");
	CHECK(f);
	node_check_int(__FILE__, line, "children", fscanf(f, "%d", &children), EOF);
	(void)fclose(f);
}

#define REFUSED(fd, r) refused(__LINE__, (fd), (r))

/* As kickd's supervisor sets it. */
static void set_environment(void)
{
	CHECK_INT(setenv("KICK_RUNTIME_DIR", getenv("TMPDIR"), 1), 0);
	CHECK_INT(setenv("KICK_NAME", "services/program", 1), 0);
}

static void put(int fd)
{
	CHECK(fd >= 0);
	CHECK_INT(dup3(fd, LINK_FD, O_CLOEXEC), LINK_FD);
	(void)close(fd);
}

static int socket_pair(int type)
{
	int ends[2];

	CHECK_INT(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), 0);
	put(ends[0]);
	return ends[1];
}

static void no_number(void)
{
	static const char *const bad[] = { "", "x", "20x", "-1", "0", "1", "2", "2.5",
		"0x14", "99", "99999", "4294967316", "99999999999999999999",
		"-4294967276" };

	set_environment();
	/* 4294967316 is 20 and 2^32. */
	(void)socket_pair(SOCK_SEQPACKET);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		REFUSED(bad[i], -EBADF);
}

static void no_socket(void)
{
	static const char *const files[] = { "/dev/null", "/proc/self/stat", "/" };
	int ends[2];

	set_environment();
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		put(open(files[i], O_RDONLY | O_CLOEXEC));
		REFUSED("20", -ENOTSOCK);
	}
	CHECK_INT(pipe2(ends, O_CLOEXEC), 0);
	put(ends[0]);
	REFUSED("20", -ENOTSOCK);
	put(ends[1]);
	REFUSED("20", -ENOTSOCK);
}

static void no_word(void)
{
	static const int types[] = { SOCK_SEQPACKET, SOCK_STREAM, SOCK_DGRAM };

	set_environment();
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		int other = socket_pair(types[i]);

		/* Nothing was put on it: a supervisor does so before the start. */
		REFUSED("20", -EAGAIN);
		(void)close(other);
		if (types[i] != SOCK_DGRAM)
			REFUSED("20", -EPROTO);
	}
	put(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	REFUSED("20", 0);
}

/* --- wrong words --------------------------------------------------------------------
 */

static void say(int fd, const struct link_message *m, const char *text, int n_fds)
{
	struct iovec parts[] = { { (void *)(uintptr_t)m, sizeof *m },
		{ (void *)(uintptr_t)text, strlen(text) } };
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(4 * sizeof(int))];
	} control = { 0 };
	struct msghdr msg = { .msg_iov = parts, .msg_iovlen = 2 };
	int fds[4] = { 0, 1, 2, 0 };
	size_t size = (size_t)n_fds * sizeof(int);

	if (n_fds) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(size);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(size);
		memcpy(CMSG_DATA(&control.head), fds, size);
	}
	CHECK(sendmsg(fd, &msg, MSG_NOSIGNAL) > 0);
}

static void wrong_words(void)
{
	static const struct {
		unsigned kind;
		const char *text;
		int n_fds, r;
	} all[] = { { LINK_NODE, "", 1, -EPROTO }, { LINK_NODE, "x y", 1, -EPROTO },
		{ LINK_NODE, "1", 1, -EPROTO }, { LINK_NODE, "-1 -1", 0, -EPROTO },
		{ 0, "-1 -1", 1, -EPROTO }, { LINK_NODE + 1, "-1 -1", 1, -EPROTO },
		{ ~0U, "-1 -1", 1, -EPROTO },
		{ LINK_NODE,
			"11111111111111111111111111111111111111111111111111111111111111"
			"11111111111111111111111111111111111111111111111111111111111111"
			" 2",
			1, -EMSGSIZE } };
	static const char *const rubbish[] = { "x", "GET / HTTP/1.1\r\n\r\n",
		"{\"jsonrpc\":\"2.0\",\"method\":\"status\",\"id\":1}\n" };

	set_environment();
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct link_message m = { .kind = all[i].kind };
		int other = socket_pair(SOCK_SEQPACKET);

		say(other, &m, all[i].text, all[i].n_fds);
		REFUSED("20", all[i].r);
		(void)close(other);
	}
	for (size_t i = 0; i < ARRAY_LEN(rubbish); i++) {
		int other = socket_pair(SOCK_SEQPACKET);

		CHECK(write(other, rubbish[i], strlen(rubbish[i])) > 0);
		REFUSED("20", -EPROTO);
		(void)close(other);
	}
}

static void no_environment(void)
{
	static char long_one[8192];
	const struct link_message m = { .kind = LINK_NODE };

	memset(long_one, 'x', sizeof long_one - 1);
	for (int i = 0; i < 4; i++) {
		int other = socket_pair(SOCK_SEQPACKET);

		set_environment();
		say(other, &m, "-1 -1", 1);
		if (i == 0)
			(void)unsetenv("KICK_RUNTIME_DIR");
		else if (i == 1)
			(void)unsetenv("KICK_NAME");
		else
			(void)setenv(
				i == 2 ? "KICK_RUNTIME_DIR" : "KICK_NAME", long_one, 1);
		REFUSED("20", -EINVAL);
		(void)close(other);
	}
}

#define LINK_TEST(name)                                       \
	Test(lib_linkfd, name)                                \
	{                                                     \
		cr_assert_eq(node_run((name), NODE_BARE), 0); \
	}

LINK_TEST(no_number)
LINK_TEST(no_socket)
LINK_TEST(no_word)
LINK_TEST(wrong_words)
LINK_TEST(no_environment)
