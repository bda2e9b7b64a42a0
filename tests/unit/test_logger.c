/* The logger as a process: pipes, notices, link and control socket outside, lines and
 * answers back. Each wait is for something that comes; the test's time-out is the end
 * of all patience. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/macro.h"
#include "core/sup.h"
#include "logger/logger.h"
#include "otp/notice.h"

struct stream {
	int fd;
	size_t len;
	char bytes[1 << 17];
};

static pid_t logger;
static int link_fd, link_there, notice_fd, notice_there, listener;
static struct stream out, err, client;
static int out_there, err_there;
static struct sockaddr_un address;

/* --- rig ------------------------------------------------------------------------ */

static void start_logger(const struct logger_pipe *pipes, size_t n)
{
	struct logger_start start = {
		.link = link_there,
		.notices = notice_there,
		.listen = listener,
		.group = (gid_t)-1,
		.readers = (gid_t)-1,
		.pipes = pipes,
		.n_pipes = n,
	};

	logger = fork();
	if (logger != 0)
		return;
	dup2(out_there, 1);
	dup2(err_there, 2);
	fd_close(link_fd);
	fd_close(out.fd);
	fd_close(err.fd);
	logger_main(&start);
}

static void set_up(void)
{
	int pair[2];

	cr_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	link_fd = pair[0];
	link_there = pair[1];
	cr_assert(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) == 0);
	notice_fd = pair[0];
	notice_there = pair[1];
	cr_assert(pipe2(pair, O_CLOEXEC) == 0);
	out.fd = pair[0];
	out_there = pair[1];
	cr_assert(pipe2(pair, O_CLOEXEC) == 0);
	err.fd = pair[0];
	err_there = pair[1];
	address.sun_family = AF_UNIX;
	snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "kick-logger-%d",
		(int)getpid());
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert(bind(listener, (struct sockaddr *)&address, sizeof address) == 0);
	cr_assert(listen(listener, 8) == 0);
	client.fd = -1;
}

static void begin(void)
{
	set_up();
	start_logger(NULL, 0);
}

/* Ends the link and waits for the logger; its wait status. */
static int finish(void)
{
	int status = -1;

	link_fd = fd_close(link_fd);
	link_there = fd_close(link_there);
	cr_assert(waitpid(logger, &status, 0) == logger);
	logger = 0;
	return status;
}

static void tear_down(void)
{
	if (logger > 0) {
		kill(logger, SIGKILL);
		waitpid(logger, NULL, 0);
	}
}

TestSuite(logger, .init = begin, .fini = tear_down, .timeout = 20);

/* The next line; valid until the next call for the same stream. "" at the end. */
static const char *next_line(struct stream *s)
{
	static char line[1 << 17];

	for (;;) {
		char *newline = memchr(s->bytes, '\n', s->len);
		ssize_t n;

		if (newline) {
			size_t len = (size_t)(newline - s->bytes);

			memcpy(line, s->bytes, len);
			line[len] = '\0';
			s->len -= len + 1;
			memmove(s->bytes, newline + 1, s->len);
			return line;
		}
		n = read(s->fd, s->bytes + s->len, sizeof s->bytes - s->len);
		if (n <= 0)
			return "";
		s->len += (size_t)n;
	}
}

static void send_notice(
	const struct notice *n, const char *path, const char *text, int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct notice copy = *n;
	struct iovec iov[] = {
		{ .iov_base = &copy, .iov_len = sizeof copy },
		{ .iov_base = strdup(path), .iov_len = strlen(path) + 1 },
		{ .iov_base = strdup(text), .iov_len = strlen(text) + 1 },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 3 };

	if (fd >= 0) {
		struct cmsghdr *c;

		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof control.bytes;
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(c), &fd, sizeof fd);
	}
	cr_assert(sendmsg(notice_fd, &msg, 0) > 0, "%s", strerror(errno));
	free(iov[1].iov_base);
	free(iov[2].iov_base);
}

static int give_pipe(uint64_t id, uint32_t stream, const char *path)
{
	const struct notice n = { .kind = NOTICE_PIPE, .id = id, .stream = stream };
	int fds[2];

	cr_assert(pipe2(fds, O_CLOEXEC) == 0);
	send_notice(&n, path, "", fds[0]);
	close(fds[0]);
	return fds[1];
}

static void tell_event(
	enum sup_event event, const char *path, int pid, const char *reason)
{
	const struct notice n = {
		.kind = NOTICE_EVENT,
		.event = event,
		.pid = pid,
		.wall = INT64_C(1795226400123000000),
	};

	send_notice(&n, path, reason, -1);
}

static void write_text(int fd, const char *text)
{
	cr_assert(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

/* One request, one line back. */
static const char *ask(const char *method, const char *params)
{
	char text[1024];
	int n = snprintf(text, sizeof text,
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}\n",
		method, params);

	if (client.fd < 0) {
		client.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		cr_assert(connect(client.fd, (struct sockaddr *)&address,
				  sizeof address) == 0);
	}
	cr_assert(send(client.fd, text, (size_t)n, MSG_NOSIGNAL) == n);
	return next_line(&client);
}

#define RESULT(json) "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":" json "}"
#define NOTE(method, json) \
	"{\"jsonrpc\":\"2.0\",\"method\":\"" method "\",\"params\":" json "}"

/* --- tests ---------------------------------------------------------------------- */

Test(logger, sorts_streams_and_reports_the_end_of_pipes)
{
	int a = give_pipe(11, 1, "a");
	int b = give_pipe(12, 2, "sup/b");
	uint64_t id;
	int status;

	write_text(a, "to stdout\n");
	write_text(b, "to stderr\n");
	cr_expect_str_eq(next_line(&out), "a | to stdout");
	cr_expect_str_eq(next_line(&err), "sup/b | to stderr");
	write_text(a, "last words");
	close(a);
	cr_expect(recv(link_fd, &id, sizeof id, MSG_WAITALL) == sizeof id && id == 11);
	cr_expect_str_eq(next_line(&out), "a | last words");
	close(b);
	cr_expect(recv(link_fd, &id, sizeof id, MSG_WAITALL) == sizeof id && id == 12);
	status = finish();
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

Test(logger, says_a_message_after_the_output_that_led_to_it)
{
	struct notice n = { .kind = NOTICE_MESSAGE, .flags = NOTICE_LAST_LINE };
	int fd = give_pipe(1, 2, "w");

	for (int i = 0; i < 5; i++) {
		write_text(fd, "cannot open x");
		send_notice(&n, "w", "w failed", -1);
		cr_expect_str_eq(next_line(&err), "w | cannot open x");
		cr_expect_str_eq(next_line(&err), "kickd: w failed: cannot open x");
	}
	n.flags = 0;
	send_notice(&n, "", "servy ends", -1);
	cr_expect_str_eq(next_line(&err), "kickd: servy ends");
	close(fd);
}

Test(logger, says_ten_messages_a_second_and_how_many_it_left_out)
{
	struct notice n = { .kind = NOTICE_MESSAGE };

	for (int i = 0; i < 47; i++)
		send_notice(&n, "", "too much", -1);
	n.flags = NOTICE_IMPORTANT;
	send_notice(&n, "", "gives up", -1);
	n.flags = 0;
	for (int i = 0; i < KICK_MESSAGES_PER_SECOND - KICK_MESSAGES_RESERVED; i++)
		cr_expect_str_eq(next_line(&err), "kickd: too much");
	cr_expect_str_eq(next_line(&err), "kickd: gives up");
	cr_expect_str_eq(next_line(&err), "kickd: 40 messages left out");
	send_notice(&n, "", "later", -1);
	cr_expect_str_eq(next_line(&err), "kickd: later");
}

Test(logger, answers_last_lines_and_log)
{
	static const struct {
		const char *name, *method, *params, *answer;
	} rows[] = {
		{ "last lines", "last_lines", "{\"paths\":[\"a\",\"no\"],\"n\":1}",
			RESULT("{\"a\":[\"a2\"],\"no\":[]}") },
		{ "as many as there are", "last_lines", "{\"paths\":[\"a\"],\"n\":50}",
			RESULT("{\"a\":[\"a1\",\"a2\"]}") },
		{ "everything in order", "log", "{}",
			RESULT("{\"lines\":["
			       "{\"path\":\"a\",\"stream\":1,\"line\":\"a1\"},"
			       "{\"path\":\"s/b\",\"stream\":2,\"line\":\"b1\"},"
			       "{\"path\":\"a\",\"stream\":1,\"line\":\"a2\"}]}") },
		{ "the newest", "log", "{\"n\":1,\"paths\":[]}",
			RESULT("{\"lines\":["
			       "{\"path\":\"a\",\"stream\":1,\"line\":\"a2\"}]}") },
		{ "what lies below", "log", "{\"paths\":[\"s\"]}",
			RESULT("{\"lines\":["
			       "{\"path\":\"s/b\",\"stream\":2,\"line\":\"b1\"}]}") },
		{ "a prefix is no path", "log", "{\"paths\":[\"s/\"],\"n\":5}",
			RESULT("{\"lines\":[]}") },
		{ "none", "log", "{\"n\":0}", RESULT("{\"lines\":[]}") },
	};
	int a = give_pipe(1, 1, "a");
	int b = give_pipe(2, 2, "s/b");

	write_text(a, "a1\n");
	(void)next_line(&out);
	write_text(b, "b1\n");
	(void)next_line(&err);
	write_text(a, "a2\n");
	(void)next_line(&out);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		cr_expect_str_eq(ask(rows[i].method, rows[i].params), rows[i].answer,
			"row: %s", rows[i].name);
	close(a);
	close(b);
}

Test(logger, refuses_what_it_does_not_know)
{
	static const struct {
		const char *method, *params, *code;
	} rows[] = {
		{ "status", "{}", "-32601" },
		{ "last_lines", "{}", "-32602" },
		{ "last_lines", "{\"paths\":[1]}", "-32602" },
		{ "last_lines", "{\"paths\":[],\"n\":-1}", "-32602" },
		{ "log", "{\"n\":1.5}", "-32602" },
		{ "log", "{\"n\":\"1\"}", "-32602" },
		{ "log", "{\"paths\":\"a\"}", "-32602" },
		{ "log", "{\"paths\":[{}]}", "-32602" },
		{ "log", "{\"follow\":1}", "-32602" },
		{ "events", "{\"last\":[]}", "-32602" },
		{ "events", "{\"follow\":\"yes\"}", "-32602" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		cr_expect(strstr(ask(rows[i].method, rows[i].params), rows[i].code),
			"%s %s", rows[i].method, rows[i].params);
}

Test(logger, tells_lines_to_those_who_follow)
{
	int a = give_pipe(1, 1, "s/a");
	int b = give_pipe(2, 1, "b");

	write_text(a, "before\n");
	(void)next_line(&out);
	cr_expect_str_eq(ask("log", "{\"paths\":[\"s\"],\"follow\":true}"),
		RESULT("{\"lines\":[{\"path\":\"s/a\",\"stream\":1,\"line\":"
		       "\"before\"}]}"));
	write_text(b, "not wanted\n");
	(void)next_line(&out);
	write_text(a, "say \"hi\"\t\001\n");
	cr_expect_str_eq(next_line(&client),
		NOTE("line",
			"{\"path\":\"s/a\",\"stream\":1,\"line\":"
			"\"say \\\"hi\\\"\\t\\u0001\"}"));
	close(a);
	close(b);
}

Test(logger, tells_events_to_those_who_follow_and_to_those_who_come_later)
{
#define FIRST                                                                        \
	"{\"at\":\"2026-11-21T02:00:00.123Z\",\"event\":\"started\",\"path\":\"w\"," \
	"\"pid\":7,\"reason\":null}"
#define SECOND                                                                      \
	"{\"at\":\"2026-11-21T02:00:00.123Z\",\"event\":\"exited\",\"path\":\"w\"," \
	"\"pid\":null,\"reason\":\"exit:3\"}"
	struct notice lossy = { .kind = NOTICE_EVENT, .lost = 12 };
	const char *line;

	cr_expect_str_eq(ask("events", "{\"follow\":true}"), RESULT("{\"events\":[]}"));
	tell_event(EVENT_STARTED, "w", 7, "");
	cr_expect_str_eq(next_line(&client), NOTE("event", FIRST));
	tell_event(EVENT_EXITED, "w", 0, "exit:3");
	cr_expect_str_eq(next_line(&client), NOTE("event", SECOND));
	cr_expect_str_eq(
		ask("events", "{\"last\":1}"), RESULT("{\"events\":[" SECOND "]}"));
	cr_expect_str_eq(
		ask("events", "{}"), RESULT("{\"events\":[" FIRST "," SECOND "]}"));
	send_notice(&lossy, "w", "", -1);
	line = next_line(&client);
	cr_expect(strstr(line, "\"event\":\"lost\",") && strstr(line, "\"count\":12}"),
		"%s", line);
}

Test(logger, takes_every_notice_of_a_datagram)
{
	const struct notice n = { .kind = NOTICE_EVENT, .event = EVENT_READY };
	struct buf b;

	buf_init(&b, NOTICE_MAX);
	for (int i = 0; i < 300; i++) {
		buf_add(&b, &n, sizeof n);
		buf_addf(&b, "w%d%c%c", i, 0, 0);
	}
	cr_assert(buf_ok(&b));
	(void)ask("events", "{\"follow\":true}");
	cr_assert(send(notice_fd, b.data, b.len, 0) == (ssize_t)b.len);
	for (int i = 0; i < 300; i++) {
		char path[16];

		snprintf(path, sizeof path, "\"w%d\"", i);
		cr_expect(strstr(next_line(&client), path), "%s", path);
	}
	buf_done(&b);
}

Test(logger, remembers_only_the_last_events)
{
	char path[16];
	const char *answer;
	int n = 0;

	for (int i = 0; i < KICK_LAST_EVENTS + 44; i++) {
		snprintf(path, sizeof path, "w%d-", i);
		tell_event(EVENT_READY, path, i + 1, "");
	}
	for (;;) {
		snprintf(path, sizeof path, "w%d-", KICK_LAST_EVENTS + 43);
		answer = ask("events", "{}");
		if (strstr(answer, path))
			break;
	}
	for (const char *p = answer; (p = strstr(p, "\"at\"")); p++)
		n++;
	cr_expect(n == KICK_LAST_EVENTS, "%d", n);
	cr_expect_not(strstr(answer, "w43-"));
	cr_expect(strstr(answer, "w44-"));
}

Test(logger, answers_while_its_stdout_is_blocked)
{
	int flood = give_pipe(1, 1, "flood");
	int other = give_pipe(2, 2, "other");
	static char lines[8000];
	struct pollfd p = { .fd = flood, .events = POLLOUT };
	size_t n = 0, sent = 0;
	unsigned i = 0;

	while (n < sizeof lines - 8)
		n += (size_t)snprintf(lines + n, 8, "%06u\n", i++ % 1000000);
	fd_nonblock(flood, 1);
	/* Nobody reads stdout: sooner or later nothing moves any more. */
	while (poll(&p, 1, 300) > 0)
		sent += write(flood, lines, n) == (ssize_t)n;
	write_text(other, "not blocked\n");
	cr_expect_str_eq(next_line(&err), "other | not blocked");
	cr_expect(strstr(ask("last_lines", "{\"paths\":[\"other\"]}"), "not blocked"));
	tell_event(EVENT_EXITED, "flood", 1, "killed");
	cr_expect(strstr(ask("events", "{\"last\":5}"), "\"events\""));
	close(flood);
	for (size_t k = 0; k < sent * i; k++) {
		char wanted[32];

		snprintf(wanted, sizeof wanted, "flood | %06zu", k % i);
		cr_assert_str_eq(next_line(&out), wanted);
	}
	close(other);
}

Test(logger, goes_on_reading_where_a_killed_one_had_ended)
{
	int fds[2];
	const struct logger_pipe pipes[] = { { .id = 1, .stream = 1, .path = "w" } };
	struct logger_pipe copy = pipes[0];

	cr_assert(pipe2(fds, O_CLOEXEC) == 0);
	copy.fd = fds[0];
	kill(logger, SIGKILL);
	waitpid(logger, NULL, 0);
	start_logger(&copy, 1);
	write_text(fds[1], "one\n");
	cr_expect_str_eq(next_line(&out), "w | one");
	kill(logger, SIGKILL);
	waitpid(logger, NULL, 0);
	write_text(fds[1], "two\n");
	start_logger(&copy, 1);
	cr_expect_str_eq(next_line(&out), "w | two");
}

Test(logger, ignores_signals_and_ends_though_a_pipe_is_held)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1,
		SIGPIPE };
	int fd = give_pipe(1, 1, "w");
	int64_t begun;
	int status;

	write_text(fd, "a\n");
	(void)next_line(&out);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		kill(logger, signals[i]);
	write_text(fd, "half a line");
	begun = clock_now();
	status = finish();
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	cr_expect(clock_now() - begun < 2 * SEC_NS);
	cr_expect_str_eq(next_line(&out), "w | half a line");
	close(fd);
}

Test(logger, ends_though_its_stdout_is_blocked)
{
	static char zeros[1 << 16];
	int fd = give_pipe(1, 1, "w");
	int64_t begun;

	memset(zeros, '\n', sizeof zeros);
	cr_expect(write(fd, zeros, sizeof zeros) == sizeof zeros);
	close(fd);
	begun = clock_now();
	cr_expect(WIFEXITED(finish()));
	cr_expect(clock_now() - begun < 3 * SEC_NS);
}

Test(logger, writes_what_came_before_the_end)
{
	const struct notice n = { .kind = NOTICE_MESSAGE };
	int fd = give_pipe(1, 1, "w");

	write_text(fd, "bye\n");
	close(fd);
	send_notice(&n, "", "ending with status 0", -1);
	cr_expect(WIFEXITED(finish()));
	cr_expect_str_eq(next_line(&out), "w | bye");
	cr_expect_str_eq(next_line(&err), "kickd: ending with status 0");
}

Test(logger, survives_notices_that_are_none)
{
	struct notice n = { .kind = 99, .event = 99 };
	char bytes[NOTICE_MAX + 100];

	memset(bytes, 'x', sizeof bytes);
	cr_assert(send(notice_fd, "", 0, 0) == 0);
	cr_assert(send(notice_fd, bytes, 10, 0) == 10);
	cr_assert(send(notice_fd, bytes, sizeof bytes, 0) > 0);
	memcpy(bytes, &n, sizeof n);
	cr_assert(send(notice_fd, bytes, 200, 0) == 200);
	send_notice(&n, "a", "b", notice_fd);
	n.kind = NOTICE_EVENT;
	send_notice(&n, "a", "b", -1);
	n.kind = NOTICE_PIPE;
	send_notice(&n, "a", "b", -1);
	n.kind = NOTICE_MESSAGE;
	send_notice(&n, "", "still here", -1);
	cr_expect_str_eq(next_line(&err), "kickd: still here");
	cr_expect_str_eq(ask("events", "{}"), RESULT("{\"events\":[]}"));
}
