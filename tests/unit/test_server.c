/* The control server against clients that are ordinary, slow, rude or gone. Server and
 * clients live in one process: whoever waits for an answer turns the loop meanwhile. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/macro.h"
#include "control/server.h"

#define PATIENCE_NS (5 * SEC_NS)

static struct loop *loop;
static struct server *server;
static struct sockaddr_un address;
static int listener = -1;
static struct call *kept[4]; /* calls of "later", not answered yet */
static size_t n_kept;
static int n_gone, n_closed, n_calls;
static struct client *subscriber;
static struct timer alarm_timer;
static bool late;

static void on_alarm(struct timer *t, int64_t now)
{
	(void)t;
	(void)now;
	late = true;
}

static void reply_text(struct call *c, const char *json)
{
	struct buf b;

	buf_init(&b, 0);
	buf_adds(&b, json);
	server_reply(c, &b);
	buf_done(&b);
}

static void reply_bytes(struct call *c)
{
	const cJSON *n = cJSON_GetObjectItemCaseSensitive(c->params, "n");
	struct buf b;

	buf_init(&b, 0);
	buf_addc(&b, '"');
	for (int i = 0; i < n->valueint; i++)
		buf_addc(&b, 'x');
	buf_addc(&b, '"');
	server_reply(c, &b);
	buf_done(&b);
}

static void on_call(void *user, const char *method, struct call *c)
{
	(void)user;
	n_calls++;
	if (strcmp(method, "later") == 0) {
		kept[n_kept++] = c;
	} else if (strcmp(method, "follow") == 0) {
		subscriber = c->client;
		reply_text(c, "true");
	} else if (strcmp(method, "bytes") == 0) {
		reply_bytes(c);
	} else if (strcmp(method, "fail") == 0) {
		server_reply_error(c, PROTOCOL_E_REFUSED, "no \"x\"", "{\"a\":1}");
	} else {
		reply_text(c, c->reader ? "\"reader\"" : "\"full\"");
	}
}

static void on_gone(void *user, struct call *c)
{
	(void)user;
	n_gone++;
	for (size_t i = 0; i < n_kept; i++)
		if (kept[i] == c)
			kept[i] = NULL;
	reply_text(c, "1");
}

static void on_closed(void *user, struct client *cl)
{
	(void)user;
	n_closed++;
	if (cl == subscriber)
		subscriber = NULL;
}

static const struct server_handler handler = {
	.call = on_call, .gone = on_gone, .closed = on_closed
};

static void set_up_for(gid_t group, gid_t readers)
{
	const struct server_access access = { .group = group, .readers = readers };
	int r;

	address.sun_family = AF_UNIX;
	snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "kick-test-%d",
		(int)getpid());
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	r = bind(listener, (struct sockaddr *)&address, sizeof address);
	cr_assert(r == 0 && listen(listener, 512) == 0, "%s", strerror(errno));
	cr_assert(loop_new(NULL, NULL, NULL, &loop) == 0);
	cr_assert(server_new(loop, listener, &access, &handler, NULL, &server) == 0);
	alarm_timer.call = on_alarm;
}

static void set_up(void)
{
	set_up_for((gid_t)-1, (gid_t)-1);
}

static void tear_down(void)
{
	server_free(server);
	loop_free(loop);
	close(listener);
}

TestSuite(server, .init = set_up, .fini = tear_down, .timeout = 30);

/* One turn of the loop, though nothing may happen in it for ever. */
static void turn(void)
{
	loop_arm(loop, &alarm_timer, clock_now() + PATIENCE_NS);
	late = false;
	cr_assert(loop_once(loop) == 0);
	loop_disarm(loop, &alarm_timer);
}

static int dial(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert(connect(fd, (struct sockaddr *)&address, sizeof address) == 0, "%s",
		strerror(errno));
	return fd;
}

/* Sends all of it, turning the loop while there is no room. False: the other side has
 * closed. */
static bool say_bytes(int fd, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t r = send(fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (r < 0 && errno != EAGAIN)
			return false;
		if (r < 0) {
			turn();
			continue;
		}
		bytes += r;
		n -= (size_t)r;
	}
	return true;
}

static void say(int fd, const char *text)
{
	cr_assert(say_bytes(fd, text, strlen(text)));
}

/* The next line without its newline, "EOF" at the end, "" when nothing came. */
static const char *hear(int fd)
{
	static char line[4096];
	size_t n = 0;

	for (;;) {
		ssize_t r = recv(fd, line + n, 1, MSG_DONTWAIT);

		if (r == 0 || (r < 0 && errno == ECONNRESET))
			return "EOF";
		if (r == 1 && line[n] == '\n') {
			line[n] = '\0';
			return line;
		}
		if (r == 1 && n < sizeof line - 2) {
			n++;
		} else {
			turn();
			if (late)
				return "";
		}
	}
}

static size_t swallow(int fd, size_t n)
{
	char bytes[65536];
	size_t sum = 0;

	while (sum < n && !late) {
		ssize_t r = recv(fd, bytes,
			n - sum < sizeof bytes ? n - sum : sizeof bytes, MSG_DONTWAIT);

		if (r == 0)
			break;
		if (r > 0)
			sum += (size_t)r;
		else
			turn();
	}
	return sum;
}

Test(server, answers_with_the_id_of_the_request)
{
	static const struct {
		const char *name, *request, *answer;
	} rows[] = {
		{ "number", "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"who\"}\n",
			"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":\"full\"}" },
		{ "string",
			"{\"jsonrpc\":\"2.0\",\"id\":\"a\\\"b\",\"method\":\"who\"}\n",
			"{\"jsonrpc\":\"2.0\",\"id\":\"a\\\"b\",\"result\":\"full\"}" },
		{ "null", "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"who\"}\r\n",
			"{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":\"full\"}" },
		{ "error", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"fail\"}\n",
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32000,"
			"\"message\":\"no \\\"x\\\"\",\"data\":{\"a\":1}}}" },
		{ "no notification is answered",
			"{\"jsonrpc\":\"2.0\",\"method\":\"who\"}\n\n  \n"
			"{\"jsonrpc\":\"2.0\",\"method\":\"fail\"}\n"
			"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"who\"}\n",
			"{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":\"full\"}" },
	};
	int fd = dial();

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		say(fd, rows[i].request);
		cr_expect_str_eq(hear(fd), rows[i].answer, "row: %s", rows[i].name);
	}
	close(fd);
}

Test(server, refuses_what_is_not_a_request_and_goes_on)
{
	static const struct {
		const char *name, *line;
		size_t n;
		int code;
	} rows[] = {
#define ROW(name, text, code) { name, text, sizeof(text) - 1, code }
		ROW("no JSON", "hello", -32700),
		ROW("half JSON", "{\"jsonrpc\":\"2.0\"", -32700),
		ROW("two values", "{} {}", -32700),
		ROW("NUL", "{\"jsonrpc\":\"2.0\0\"}", -32700),
		ROW("escaped NUL", "{\"method\":\"a\\u0000\"}", -32700),
		ROW("lone byte", "{\"method\":\"\xff\"}", -32700),
		ROW("overlong", "{\"method\":\"\xc0\x80\"}", -32700),
		ROW("surrogate", "{\"method\":\"\xed\xa0\x80\"}", -32700),
		ROW("cut character", "{\"method\":\"\xe2\x82", -32700),
		ROW("batch", "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"who\"}]",
			-32600),
		ROW("number", "1", -32600),
		ROW("no version", "{\"id\":1,\"method\":\"who\"}", -32600),
		ROW("old version", "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"a\"}",
			-32600),
		ROW("no method", "{\"jsonrpc\":\"2.0\",\"id\":1}", -32600),
		ROW("method no string", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":1}",
			-32600),
		ROW("id no scalar", "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"a\"}",
			-32600),
		ROW("positional",
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\",\"params\":[]}",
			-32602),
#undef ROW
	};
	int fd = dial();
	char wanted[32];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cr_assert(say_bytes(fd, rows[i].line, rows[i].n));
		say(fd, "\n");
		snprintf(wanted, sizeof wanted, "\"code\":%d,", rows[i].code);
		cr_expect(strstr(hear(fd), wanted), "row: %s", rows[i].name);
	}
	cr_expect(n_calls == 0);
	say(fd, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"who\"}\n");
	cr_expect(strstr(hear(fd), "\"full\""));
	close(fd);
}

Test(server, bounds_nesting_but_not_brackets_in_strings)
{
	static const struct {
		const char *name;
		int depth;
		bool in_string, ok;
	} rows[] = {
		{ "as deep as allowed", KICK_NESTING_MAX - 2, false, true },
		{ "one deeper", KICK_NESTING_MAX - 1, false, false },
		{ "in a string", 5000, true, true },
	};
	int fd = dial();

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf b;
		const char *answer;

		buf_init(&b, 0);
		buf_adds(&b,
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"who\",\"params\":"
			"{\"a\":");
		buf_adds(&b, rows[i].in_string ? "\"\\\"" : "");
		for (int k = 0; k < rows[i].depth; k++)
			buf_addc(&b, '[');
		for (int k = 0; k < rows[i].depth; k++)
			buf_addc(&b, ']');
		buf_adds(&b, rows[i].in_string ? "\"}}\n" : "}}\n");
		cr_assert(say_bytes(fd, b.data, b.len));
		answer = hear(fd);
		cr_expect((strstr(answer, "\"full\"") != NULL) == rows[i].ok,
			"row: %s: %s", rows[i].name, answer);
		buf_done(&b);
	}
	close(fd);
}

Test(server, takes_a_request_in_any_pieces)
{
	const char *text = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"who\"}\n"
			   "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"who\"}\n";
	int fd = dial();

	turn();
	for (const char *p = text; *p; p++) {
		cr_assert(say_bytes(fd, p, 1));
		turn();
	}
	cr_expect(strstr(hear(fd), "\"id\":1,"));
	cr_expect(strstr(hear(fd), "\"id\":2,"));
	close(fd);
}

Test(server, answers_in_any_order_after_a_half_close)
{
	int fd = dial();

	say(fd,
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"later\"}\n"
		"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"later\"}\n"
		"{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"who\"}");
	shutdown(fd, SHUT_WR);
	cr_expect(strstr(hear(fd), "\"id\":3,"));
	cr_assert(n_kept == 2);
	reply_text(kept[1], "2");
	cr_expect(strstr(hear(fd), "\"id\":2,"));
	reply_text(kept[0], "1");
	cr_expect(strstr(hear(fd), "\"id\":1,"));
	cr_expect_str_eq(hear(fd), "EOF");
	cr_expect(n_closed == 1);
	close(fd);
}

Test(server, tells_of_unanswered_calls_whose_client_has_gone)
{
	int fd = dial();

	say(fd,
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"later\"}\n"
		"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"later\"}\n");
	while (n_kept < 2 && !late)
		turn();
	close(fd);
	while (n_closed == 0 && !late)
		turn();
	cr_expect(n_gone == 2);
	cr_expect(n_closed == 1);
}

Test(server, refuses_and_drops_a_request_that_is_too_big)
{
	static char big[KICK_REQUEST_MAX + 1];
	int fd = dial();

	memset(big, ' ', sizeof big);
	cr_assert(say_bytes(fd, big, KICK_REQUEST_MAX));
	turn();
	cr_expect(n_closed == 0);
	(void)say_bytes(fd, "  ", 2);
	cr_expect(strstr(hear(fd), "-32003"));
	cr_expect_str_eq(hear(fd), "EOF");
	cr_expect(n_closed == 1);
	close(fd);
}

Test(server, drops_a_client_whose_request_is_never_finished)
{
	int idle = dial();
	int fd = dial();

	say(fd, "{\"jsonrpc\"");
	while (n_closed == 0)
		turn();
	cr_expect(strstr(hear(fd), "-32600"));
	cr_expect_str_eq(hear(fd), "EOF");
	say(idle, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"who\"}\n");
	cr_expect(strstr(hear(idle), "\"full\""), "an idle client may stay");
	close(fd);
	close(idle);
}

Test(server, sends_a_big_answer_as_the_reader_takes_it)
{
	const size_t n = 8 << 20;
	char request[128];
	int fd = dial();

	snprintf(request, sizeof request,
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"bytes\",\"params\":{\"n\":%zu}}\n",
		n);
	say(fd, request);
	while (n_calls == 0)
		turn();
	/* "{"jsonrpc":"2.0","id":1,"result":"..."}\n" */
	cr_expect(swallow(fd, n + 37) == n + 37);
	say(fd, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"who\"}\n");
	cr_expect_str_eq(
		hear(fd), "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":\"full\"}");
	close(fd);
}

Test(server, drops_a_client_that_never_reads)
{
	int fd = dial();

	for (int i = 0; i < 8 && n_closed == 0; i++) {
		const char *text = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"bytes\","
				   "\"params\":{\"n\":8000000}}\n";

		(void)say_bytes(fd, text, strlen(text));
		while (n_calls <= i && n_closed == 0 && !late)
			turn();
	}
	cr_expect(n_closed == 1);
	cr_expect(n_calls >= 4);
	close(fd);
}

Test(server, says_when_a_subscriber_is_too_slow_and_goes_on_when_it_is_not)
{
	struct buf b;
	int fd = dial();
	size_t sent = 0;

	buf_init(&b, 0);
	buf_addc(&b, '"');
	for (int i = 0; i < 1000; i++)
		buf_addc(&b, 'y');
	buf_addc(&b, '"');
	say(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"follow\"}\n");
	cr_expect(strstr(hear(fd), "true"));
	while (sent < 100000 && server_notify(subscriber, "line", &b))
		sent++;
	cr_expect(sent > 1000 && sent < 100000);
	cr_expect(client_queued(subscriber) <= KICK_CLIENT_QUEUE_MAX);
	for (size_t i = 0; i < sent; i++)
		cr_assert(strncmp(hear(fd), "{\"jsonrpc\":\"2.0\",\"method\":\"line\",",
				  33) == 0);
	cr_expect(server_notify(subscriber, "line", &b));
	cr_expect(strstr(hear(fd), "\"params\":\"yyy"));
	close(fd);
	buf_done(&b);
}

Test(server, drops_the_longest_idle_client_for_a_new_one)
{
	int fds[KICK_CLIENTS_MAX];
	int fd;

	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		fds[i] = dial();
	fd = dial();
	say(fd, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"who\"}\n");
	cr_expect(strstr(hear(fd), "\"full\""));
	cr_expect_str_eq(hear(fds[0]), "EOF");
	say(fds[1], "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"who\"}\n");
	cr_expect(strstr(hear(fds[1]), "\"full\""));
	close(fd);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
}

Test(server, turns_away_one_client_more_than_allowed)
{
	int fds[KICK_CLIENTS_MAX];
	const char *answer;
	int fd;

	/* Those who wait for notifications are not idle. */
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = dial();
		say(fds[i], "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"follow\"}\n");
		cr_assert(strstr(hear(fds[i]), "true"));
		client_keep(subscriber);
	}
	fd = dial();
	answer = hear(fd);
	cr_expect(strstr(answer, "-32004"));
	cr_expect(strstr(answer, "256 (KICK_CLIENTS_MAX)"), "no limit: %s", answer);
	cr_expect_str_eq(hear(fd), "EOF");
	close(fd);
	close(fds[0]);
	while (n_closed == 0 && !late)
		turn();
	fd = dial();
	say(fd, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"who\"}\n");
	cr_expect(strstr(hear(fd), "\"full\""));
	close(fd);
	for (size_t i = 1; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
}

Test(server, waits_without_spinning_while_descriptors_have_run_out)
{
	struct rlimit old, low;
	int a = dial();
	int b = dial();
	int turns = 0;
	const char *answer;

	getrlimit(RLIMIT_NOFILE, &old);
	low = old;
	low.rlim_cur = (rlim_t)dup(a);
	close((int)low.rlim_cur);
	setrlimit(RLIMIT_NOFILE, &low);
	answer = hear(a);
	setrlimit(RLIMIT_NOFILE, &old);
	cr_expect(strstr(answer, "-32004"), "%s", answer);
	say(b, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"who\"}\n");
	while (n_calls == 0 && !late) {
		turn();
		turns++;
	}
	cr_expect(turns <= 4, "%d turns", turns);
	cr_expect(strstr(hear(b), "\"full\""));
	close(a);
	close(b);
}

/* Asks as somebody else, in a process of its own; its exit status says what came. */
static pid_t ask_as(uid_t uid, gid_t gid, gid_t extra, const char *method)
{
	pid_t pid = fork();
	char line[512] = "";
	int fd;

	if (pid != 0)
		return pid;
	alarm(20); /* nobody waits for ever for a server that has failed */
	if (setgroups(extra ? 1 : 0, &extra) < 0 || setgid(gid) < 0 || setuid(uid) < 0)
		_exit(99);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
		_exit(98);
	snprintf(line, sizeof line,
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\"}\n", method);
	(void)send(fd, line, strlen(line), MSG_NOSIGNAL);
	memset(line, 0, sizeof line);
	if (recv(fd, line, sizeof line - 1, 0) <= 0)
		_exit(97);
	if (strstr(line, "\"full\""))
		_exit(1);
	if (strstr(line, "\"reader\""))
		_exit(2);
	_exit(strstr(line, "-32001") ? 3 : 96);
}

Test(server_access, knows_who_asks_before_reading, .fini = tear_down, .timeout = 30)
{
	static const struct {
		const char *name;
		uid_t uid;
		gid_t gid, extra;
		const char *method;
		int status;
	} rows[] = {
		{ "root", 0, 0, 0, "stop", 1 },
		{ "stranger", 4000, 4000, 0, "status", 3 },
		{ "group", 4000, 5000, 0, "terminate_child", 1 },
		{ "supplementary group", 4000, 4000, 5000, "terminate_child", 1 },
		{ "reader looks", 4000, 4000, 6000, "status", 2 },
		{ "reader touches", 4000, 4000, 6000, "terminate_child", 3 },
	};

	set_up_for(5000, 6000);
	if (geteuid() != 0)
		cr_skip_test("needs root to be somebody else");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int status = 0;
		pid_t pid =
			ask_as(rows[i].uid, rows[i].gid, rows[i].extra, rows[i].method);

		/* The server is served until the process that asks has ended. */
		while (waitpid(pid, &status, WNOHANG) == 0) {
			loop_arm(loop, &alarm_timer, clock_now() + 20 * MSEC_NS);
			cr_assert(loop_once(loop) == 0);
		}
		loop_disarm(loop, &alarm_timer);
		cr_expect(WEXITSTATUS(status) == rows[i].status, "row: %s: %d",
			rows[i].name, WEXITSTATUS(status));
	}
}

Test(server, leaves_nothing_behind)
{
	int fd = dial();
	int before = dup(0);
	int after;

	close(before);
	say(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"later\"}\n");
	while (n_kept == 0 && !late)
		turn();
	server_free(server);
	server = NULL;
	cr_expect(n_gone == 1 && n_closed == 1);
	cr_expect_str_eq(hear(fd), "EOF");
	after = dup(0);
	close(after);
	cr_expect(after <= before, "%d, %d before", after, before);
	close(fd);
}
