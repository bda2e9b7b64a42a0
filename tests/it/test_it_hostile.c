/* No request, whatever its bytes, ends a supervisor or keeps others waiting. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness.h"

#define TREE                                                           \
	"{'name':'app','max_restarts':'infinity','children':[" WORKER( \
		"a") ",{'id':'s',"                                     \
		     "'type':'supervisor','children':[" WORKER("x") "]}]}"

static int dial(const char *name)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(
		sun.sun_path, sizeof sun.sun_path, "%s/%s", it_runtime_dir(), name);
	if (connect(fd, (struct sockaddr *)&sun, sizeof sun) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

/* As much as the other side takes; false when it has hung up. */
static bool push(int fd, const char *bytes, size_t n)
{
	double deadline = it_deadline();

	while (n > 0) {
		ssize_t w = send(fd, bytes, n, MSG_NOSIGNAL);
		struct pollfd p = { fd, POLLOUT, 0 };

		if (w > 0) {
			bytes += w;
			n -= (size_t)w;
		} else if (errno != EAGAIN) {
			return false;
		} else {
			check(it_now() < deadline, "it neither reads nor hangs up");
			(void)poll(&p, 1, 100);
		}
	}
	return true;
}

/* What it says until it hangs up or a line is there. Static. */
static const char *reply(int fd)
{
	static char text[65536];
	double deadline = it_deadline();
	size_t n = 0;

	text[0] = '\0';
	while (!strchr(text, '\n') && n < sizeof text - 1) {
		struct pollfd p = { fd, POLLIN, 0 };
		ssize_t r;

		check(poll(&p, 1, 100) >= 0 && it_now() < deadline, "no reply");
		r = recv(fd, text + n, sizeof text - 1 - n, 0);
		if (r == 0 || (r < 0 && errno != EAGAIN))
			break;
		if (r > 0)
			text[n += (size_t)r] = '\0';
	}
	return text;
}

/* Every process of kick is the one it was, and answers. */
struct before {
	pid_t top, s, a, x;
};

static struct before look(void)
{
	return (struct before){ pid_of("app"), pid_of("s"), pid_of("a"), pid_of("x") };
}

static void check_unhurt(const struct before *was, const char *what)
{
	struct before is = look();

	check(memcmp(&is, was, sizeof is) == 0, "%s: a process has changed", what);
	kick_gives(0, "status");
	kick_gives(0, "log a");
}

static const char *const sockets[] = { "0", "1", "2" };

CASE(it_hostile, bytes_that_are_no_request)
{
	static const struct {
		const char *name, *bytes;
		size_t n;
	} rows[] = {
#define ROW(name, text) { name, text, sizeof text - 1 }
		ROW("empty line", "\n"),
		ROW("text", "hello\n"),
		ROW("HTTP", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		ROW("zeros", "\0\0\0\0\n"),
		ROW("a NUL inside",
			"{\"jsonrpc\":\"2.0\",\"id\":1,\0\"method\":\"status\"}\n"),
		ROW("no UTF-8",
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\xfe\xc0\"}\n"),
		ROW("half a surrogate",
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\\ud800\"}\n"),
		ROW("array", "[]\n"),
		ROW("batch",
			"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\"}]\n"),
		ROW("number", "1e999\n"),
		ROW("string", "\"x\"\n"),
		ROW("wrong version",
			"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"status\"}\n"),
		ROW("method number", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}\n"),
		ROW("params array",
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\",\"params\":[1]}\n"),
		ROW("id object",
			"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"status\"}\n"),
		ROW("id of a wrong type",
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":"
			"\"terminate_child\",\"params\":{\"id\":{\"a\":[]}}}\n"),
		ROW("no params",
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"terminate_child\"}\n"),
		ROW("paths",
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"last_lines\","
			"\"params\":{\"paths\":[1,null,{}],\"n\":-1e300}}\n"),
		ROW("last",
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"events\","
			"\"params\":{\"last\":1e300,\"follow\":7}}\n"),
		ROW("spec",
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"start_child\","
			"\"params\":{\"spec\":{\"id\":\"../../x\",\"start\":[7]}}}\n"),
		ROW("signal",
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"signal\","
			"\"params\":{\"id\":\"a\",\"signal\":\"SIGNOTHING\"}}\n"),
		ROW("reason",
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"exit\","
			"\"params\":{\"id\":\"a\",\"reason\":7}}\n"),
#undef ROW
	};
	struct before was;

	tree_up(TREE);
	was = look();
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		for (size_t s = 0; s < 3; s++) {
			int fd = dial(sockets[s]);
			const char *text;

			check(fd >= 0, "%s: cannot connect to %s", rows[i].name,
				sockets[s]);
			(void)push(fd, rows[i].bytes, rows[i].n);
			text = strcmp(rows[i].name, "empty line") == 0 ? "\"error\""
								       : reply(fd);
			expect(strstr(text, "\"error\"") ||
					(s == 1 && strstr(text, "\"result\"")),
				"%s at %s: %s", rows[i].name, sockets[s], text);
			(void)close(fd);
		}
		check_unhurt(&was, rows[i].name);
	}
	expected();
	tree_down();
}

CASE(it_hostile, a_hundred_megabytes)
{
	struct before was;
	static char block[1 << 20];

	memset(block, 'x', sizeof block);
	tree_up(TREE);
	was = look();
	for (size_t s = 0; s < 3; s++) {
		int fd = dial(sockets[s]), sent = 0;

		(void)push(fd, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"", 35);
		while (sent < 100 && push(fd, block, sizeof block))
			sent++;
		check(sent < 100, "it took 100 MB at %s", sockets[s]);
		(void)close(fd);
		check_unhurt(&was, "100 MB");
	}
	tree_down();
}

CASE(it_hostile, the_one_who_sends_too_much_is_told)
{
	static char block[300 << 10];
	const char *text;
	int fd;

	memset(block, ' ', sizeof block);
	tree_up(TREE);
	fd = dial("0");
	(void)push(fd, block, sizeof block);
	text = reply(fd);
	check(strstr(text, "-32003") && strstr(text, "KICK_REQUEST_MAX"),
		"not told: %s", text);
	(void)close(fd);
	tree_down();
}

CASE(it_hostile, deep_nesting)
{
	static const char *const openers[] = { "[", "{\"a\":" };
	struct before was;

	tree_up(TREE);
	was = look();
	for (size_t o = 0; o < 2; o++) {
		for (size_t s = 0; s < 3; s++) {
			int fd = dial(sockets[s]);
			bool open = true;

			(void)push(fd, "{\"params\":", 10);
			for (int i = 0; i < 40000 && open; i++)
				open = push(fd, openers[o], strlen(openers[o]));
			if (open)
				(void)push(fd, "\n", 1);
			check(strstr(reply(fd), "\"error\""), "not refused");
			(void)close(fd);
		}
		check_unhurt(&was, openers[o]);
	}
	tree_down();
}

CASE(it_hostile, deep_nesting_in_a_specification)
{
	static const int depths[] = { 20, 100 };
	struct before was;
	static char spec[20000];

	tree_up(TREE);
	was = look();
	for (size_t d = 0; d < 2; d++) {
		size_t n = 0;
		int r;

		for (int i = 0; i < depths[d]; i++)
			n += (size_t)snprintf(spec + n, sizeof spec - n,
				"{'id':'d%d','type':'supervisor','children':[", i);
		for (int i = 0; i < depths[d]; i++)
			n += (size_t)snprintf(spec + n, sizeof spec - n, "]}");
		put_json("deep.json", spec);
		r = kick("add app deep.json");
		expect(r == 78, "%d levels: status %d, %s", depths[d], r, last_err());
		check_unhurt(&was, "deep specification");
	}
	expected();
	tree_down();
}

CASE(it_hostile, a_supervisor_that_does_not_answer_is_not_well)
{
	pid_t s;

	tree_up(TREE);
	s = pid_of("s");
	halt(s);
	kick_gives(3, "status");
	check(strstr(last_out(), "does not answer"), "status says: %s", last_out());
	(void)kill(s, SIGCONT);
	kick_gives(0, "wait --timeout 10s");
	tree_down();
}

CASE(it_hostile, a_child_cannot_be_added_under_the_applications_name)
{
	tree_up(TREE);
	kick_gives(78, "add app {'id':'app','start':['./h','stay']}");
	check(strstr(last_err(), "name of the application"), "%s", last_err());
	tree_down();
}

CASE(it_hostile, a_thousand_idle_connections)
{
	static int fds[1000];
	struct rlimit lim = { 4096, 4096 };
	struct before was;

	(void)setrlimit(RLIMIT_NOFILE, &lim);
	tree_up(TREE);
	was = look();
	for (size_t s = 0; s < 3; s++) {
		for (size_t i = 0; i < 1000; i++)
			fds[i] = dial(sockets[s]);
		/* Those who only hold a connection make room for one who asks. */
		kick_gives(0, "status --timeout 5s");
		check(is_alive(was.top) && is_alive(was.s) && is_alive(was.x),
			"a process has ended");
		for (size_t i = 0; i < 1000; i++)
			if (fds[i] >= 0)
				(void)close(fds[i]);
		kick_gives(0, "wait --timeout 10s");
		check_unhurt(&was, "1000 connections");
	}
	tree_down();
}

CASE(it_hostile, a_half_request_keeps_nobody_waiting_and_is_dropped)
{
	struct before was;
	int fd;

	tree_up(TREE);
	was = look();
	fd = dial("0");
	(void)push(fd, "{\"jsonrpc\":", 11);
	check_unhurt(&was, "half a request");
	/* The bound is 10 s; then it is told so. */
	check(strstr(reply(fd), "\"error\"") || reply(fd)[0] == '\0', "%s", reply(fd));
	(void)close(fd);
	tree_down();
}

CASE(it_hostile, a_caller_that_goes_away_does_not_take_its_order_back)
{
	static const char stop[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":"
				   "\"terminate_child\",\"params\":{\"id\":\"a\"}}\n";
	int fd;

	tree_up("{'name':'app','children':[" CHILD(
		"a", "'shutdown':'300ms'", "'ignore','TERM','say','deaf','stay'") "]}");
	await_out("deaf");
	fd = dial("0");
	(void)push(fd, stop, sizeof stop - 1);
	await_event("stopping", "a", 1);
	(void)close(fd);
	await_state("a", "stopped");
	tree_down();
}

CASE(it_hostile, a_reader_that_does_not_read_slows_nobody)
{
	static const char follow[] =
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"log\",\"params\":{\"paths\":"
		"[\"w\"],\"n\":100,\"follow\":true}}\n";
	static const char events[] =
		"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"events\",\"params\":"
		"{\"last\":1,\"follow\":true}}\n";
	int fd;

	make_fifo("g");
	tree_up("{'name':'app','children':[" CHILD("w", "'restart':'temporary'",
		"'gate','g','flood','100000','say','the end','stay'") "," WORKER("a") "]}");
	fd = dial("1");
	(void)push(fd, follow, sizeof follow - 1);
	(void)push(fd, events, sizeof events - 1);
	open_gate("g");
	await_out("w | the end");
	kick_gives(0, "restart a");
	kick_gives(0, "status");
	(void)close(fd);
	tree_down();
}

CASE(it_hostile, a_pipeline_of_requests_whose_answers_nobody_reads)
{
	static const char ask[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"status\","
				  "\"params\":{}}\n";
	struct before was;
	bool open = true;
	int fd;

	tree_up(TREE);
	was = look();
	fd = dial("0");
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	for (int i = 0; i < 100000 && open; i++)
		open = send(fd, ask, sizeof ask - 1, MSG_NOSIGNAL) > 0;
	check_unhurt(&was, "unread answers");
	(void)close(fd);
	tree_down();
}

CASE(it_hostile, a_stranger_may_not_ask)
{
	struct before was;
	pid_t pid;
	int p[2];
	char c = '?';

	if (getuid() != 0)
		it_skip("it_hostile::a_stranger_may_not_ask",
			"needs root to become another user");
	tree_up(TREE);
	was = look();
	check(pipe2(p, O_CLOEXEC) == 0, "pipe");
	pid = fork();
	if (pid == 0) {
		int r = setgid(65534) || setuid(65534);
		int fd = r ? -2 : dial("0");

		c = fd == -1 ? 'n' : 'y';
		(void)!write(p[1], &c, 1);
		_exit(0);
	}
	(void)close(p[1]);
	check(read(p[0], &c, 1) == 1 && c == 'n', "uid 65534 got in (%c)", c);
	while (kill(pid, 0) == 0)
		(void)it_pump(it_now() + 0.05);
	check_unhurt(&was, "a stranger");
	tree_ready();
	tree_down();
}
