/* Traps of sockets, of probes, of terminals and of systemd; those of the kernel are in
 * test_it_traps.c. See tests/traps.md. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness.h"
#include "it_dial.h"
#include "it_pty.h"

/* --- sockets -------------------------------------------------------------------------
 */

static int dial_tcp(int port)
{
	union address a;

	return dial(&a, tcp4(port, &a), SOCK_STREAM);
}

static int dial_unix(const char *name, int more)
{
	union address a;

	return dial(&a, unix_at(name, &a), SOCK_STREAM | more);
}

/* What comes back; "" for a hang-up. Closes it. Static. */
static const char *answer(int fd)
{
	static char text[128];
	ssize_t n;

	check(fd >= 0, "refused: %s", strerror(errno));
	n = recv(fd, text, sizeof text - 1, 0);
	check(n >= 0 || errno == ECONNRESET, "it waits for ever: %s", strerror(errno));
	(void)close(fd);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

/* A further copy of descriptor 3 of a process. */
static int copy_of_its_socket(pid_t pid, const char *test)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	int fd = (int)syscall(SYS_pidfd_getfd, pidfd, 3, 0);

	if (fd < 0)
		it_skip(test, "needs pidfd_getfd(2)");
	(void)close(pidfd);
	return fd;
}

#define TWO_SOCKETS "'listen':{'web':'tcp://127.0.0.1:%d','file':'unix:x.sock'},"
#define USER(id, socket, words) \
	"{'id':'" id "','listen':['" socket "'],'start':['./h'," words "]}"

/* A close would not: others may hold a copy. */
CASE(it_pitfalls, a_name_that_goes_ends_the_wait_of_its_clients)
{
	static const char test[] =
		"it_pitfalls::a_name_that_goes_ends_the_wait_of_its_clients";
	int port = free_port(), copies[2], clients[2];
	char config[600];

	(void)snprintf(config, sizeof config,
		"{'name':'app'," TWO_SOCKETS "'children':[" USER("a", "web",
			"'stay'") "," USER("b", "file", "'stay'") "," WORKER("c") "]}",
		port);
	tree_up(config);
	copies[0] = copy_of_its_socket(pid_of("a"), test);
	copies[1] = copy_of_its_socket(pid_of("b"), test);
	clients[0] = dial_tcp(port);
	clients[1] = dial_unix("x.sock", 0);
	put_json("app.json", "{'name':'app','children':[" WORKER("c") "]}");
	kick_gives(0, "reload");
	for (int i = 0; i < 2; i++)
		check(*answer(clients[i]) == '\0', "answered");
	check(dial_tcp(port) < 0 && errno == ECONNREFUSED, "tcp: %s", strerror(errno));
	check(dial_unix("x.sock", 0) < 0 && errno == ENOENT, "unix: %s",
		strerror(errno));
	(void)close(copies[0]);
	(void)close(copies[1]);
	tree_down();
}

/* The end of the tree is the end of the wait. */
CASE(it_pitfalls, who_queues_when_the_tree_ends_is_told)
{
	int port = free_port(), clients[2];
	char config[600];

	(void)snprintf(config, sizeof config,
		"{'name':'app'," TWO_SOCKETS "'children':[" USER(
			"a", "web", "'stay'") "," USER("b", "file", "'stay'") "]}",
		port);
	tree_up(config);
	clients[0] = dial_tcp(port);
	clients[1] = dial_unix("x.sock", 0);
	tree_down();
	for (int i = 0; i < 2; i++)
		check(*answer(clients[i]) == '\0', "answered");
}

/* One that does not wait is told to come again; who is in the queue is served. */
CASE(it_pitfalls, a_full_queue_loses_nobody_who_is_in_it)
{
	int clients[20], n = 0;

	make_fifo("g");
	tree_up("{'name':'app','listen':{'file':{'address':'unix:x.sock','backlog':4}},"
		"'children':[" USER("a", "file", "'gate','g','serve'") "]}");
	for (; n < 20; n++) {
		clients[n] = dial_unix("x.sock", SOCK_NONBLOCK);
		if (clients[n] < 0)
			break;
		check(send(clients[n], "who", 3, MSG_NOSIGNAL) == 3, "send");
	}
	check(n >= 4 && n < 20 && errno == EAGAIN, "%d clients: %s", n,
		strerror(errno));
	open_gate("g");
	while (n-- > 0) {
		(void)fcntl(clients[n], F_SETFL, 0);
		check(strstr(answer(clients[n]), " file stream"), "client %d", n);
	}
	n = dial_unix("x.sock", 0);
	check(send(n, "who", 3, MSG_NOSIGNAL) == 3, "send");
	check(strstr(answer(n), " file stream"), "the last one");
	tree_down();
}

/* sd_listen_fds(3) gives nothing to a child of the process that LISTEN_PID names. */
CASE(it_pitfalls, sockets_are_for_the_process_that_was_started)
{
	int port = free_port(), fd;
	char config[600];

	(void)snprintf(config, sizeof config,
		"{'name':'app'," TWO_SOCKETS
		"'children':[{'id':'shell','listen':['file'],"
		"'restart':'temporary','start':'./h serve; true'},"
		"{'id':'exec','listen':['web'],'start':'exec ./h serve'}]}",
		port);
	tree_up(config);
	await_err("shell | serve: no sockets: LISTEN_PID");
	fd = dial_tcp(port);
	check(send(fd, "who", 3, MSG_NOSIGNAL) == 3, "send");
	check(strstr(answer(fd), " web stream"), "exec");
	tree_down();
}

/* A program that closes what it was given, or loses it when it executes another one:
 * its clients would wait, and nobody know why. */
CASE(it_pitfalls, who_has_lost_its_socket_is_told_and_its_siblings_go_on)
{
#define ASKED(id, words)                                                          \
	"{'id':'" id "','listen':['web'],'restart':'temporary','health':{'http':" \
	"'http://127.0.0.1:%d/','interval':'20ms','timeout':'50ms','retries':1}," \
	"'start':['./h'," words "]}"
	int port = free_port();
	char config[900];
	const char *at;
	int pids[2];

	(void)snprintf(config, sizeof config,
		"{'name':'app'," TWO_SOCKETS
		"'children':[" ASKED("lost", "'closefd','3','stay'") "," ASKED(
			"slow", "'stay'") "," USER("b", "file", "'serve'") "]}",
		port, port, port);
	tree_up(config);
	await_err("slow (pid ");
	await_err("within 50ms; stopping it");
	await_err("does not have its socket \"web\" open; stopping it");
	at = strstr(tree_err(), "lost (pid ");
	check(at &&
			sscanf(at,
				"lost (pid %d) is unhealthy: no answer within 50ms; "
				"pid %d does not have",
				&pids[0], &pids[1]) == 2 &&
			pids[0] == pids[1],
		"said: %s", tree_err());
	check(*ask_unix("x.sock", "who") != '\0', "its sibling is silent");
	tree_down();
#undef ASKED
}

/* --- probes --------------------------------------------------------------------------
 */

#define CLOCK                                                                    \
	"{'id':'clock','health':{'exec':['./h','count','t'],'interval':'20ms'}," \
	"'start':['./h','stay']}"

static void await_ticks(void)
{
	(void)unlink("t");
	await_lines("t", 10);
}

/* A check that takes longer than its interval is not asked again meanwhile. */
CASE(it_pitfalls, slow_probes_do_not_pile_up)
{
	make_fifo("g");
	tree_up("{'name':'app','children':[" CLOCK ",{'id':'a','health':{'exec':['./h',"
		"'count','p','gate','g'],'interval':'20ms','timeout':'1h'},"
		"'start':['./h','stay']}]}");
	for (int n = 1; n <= 3; n++) {
		await_lines("p", n);
		await_ticks();
		check(lines_in("p") == n, "%d at once", lines_in("p") - n + 1);
		open_gate("g");
	}
	tree_down();
}

/* What is slow to start must not be killed for it. */
CASE(it_pitfalls, nobody_asks_whether_it_is_well_before_it_is_ready)
{
	make_fifo("g");
	tree_start("{'name':'app','children':[" CLOCK
		   ",{'id':'a','ready':{'fd':3},'health':{'exec':['./h','count','p',"
		   "'exit','1'],'interval':'20ms','retries':1000},"
		   "'start':['./h','count','a','gate','g','readyfd','3','stay']}]}",
		"");
	await_lines("a", 1);
	await_ticks();
	check(lines_in("p") == 0, "it was asked");
	open_gate("g");
	tree_ready();
	await_lines("p", 1);
	check(lines_in("a") == 1, "it was started anew");
	tree_down();
}

/* --- signals to all ------------------------------------------------------------------
 */

static const char polite[] = "trap 'echo $1 >>order; echo bye; exit 0' TERM\n"
			     "trap 'echo int >>order' INT\n"
			     "trap 'echo hup >>order' HUP\n"
			     "echo $$ >>$1\n"
			     "./h stay &\n"
			     "wait\n";

#define POLITE(id) "{'id':'" id "','start':['/bin/sh','w.sh','" id "']}"
#define POLITE_TREE                                          \
	"{'name':'app','children':[" POLITE("a") "," POLITE( \
		"b") ",{'id':'s','type':'supervisor','children':[" POLITE("x") "]}]}"

static void polite_tree_up(void)
{
	static const char *const files[] = { "a", "b", "x" };

	for (size_t i = 0; i < 3; i++)
		(void)unlink(files[i]);
	(void)unlink("order");
	put_file("w.sh", "%s", polite);
	tree_up(POLITE_TREE);
	for (size_t i = 0; i < 3; i++)
		await_lines(files[i], 1);
}

/* The terminal tells its whole foreground group. */
CASE(it_pitfalls, a_key_of_the_terminal_stops_the_tree_in_order)
{
	static const struct {
		const char *key, *order;
		int status;
	} rows[] = { { "\003", "x\nb\na\n", 0 }, { "\034", "", 131 } };

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char order[64] = "";
		FILE *f;

		pty_make();
		tree_before_exec(pty_take);
		polite_tree_up();
		pty_type(rows[i].key);
		tree_ends(rows[i].status);
		f = fopen("order", "re");
		if (f) {
			order[fread(order, 1, sizeof order - 1, f)] = '\0';
			(void)fclose(f);
		}
		check(strcmp(order, rows[i].order) == 0, "key %d: %s", *rows[i].key,
			order);
		pty_end();
	}
}

/* systemd's KillMode=control-group: no order can be kept, but it is one stop, nothing
 * is left, and what workers say at their end is not lost. */
CASE(it_pitfalls, term_to_all_processes_at_once_is_one_stop)
{
	for (int backwards = 0; backwards < 2; backwards++) {
		pid_t pids[7];

		polite_tree_up();
		pids[0] = tree_pid();
		pids[1] = logger_pid();
		pids[2] = pid_of("app");
		pids[3] = pid_of("s");
		pids[4] = pid_of("a");
		pids[5] = pid_of("b");
		pids[6] = pid_of("s/x");
		for (int i = 0; i < 7; i++)
			(void)kill(pids[backwards ? 6 - i : i], SIGTERM);
		tree_ends(0);
		check(strstr(tree_out(), "a | bye") && strstr(tree_out(), "b | bye") &&
				strstr(tree_out(), "s/x | bye"),
			"said: %s", tree_out());
	}
}
