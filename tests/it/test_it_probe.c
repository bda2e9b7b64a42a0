/* Children that are asked whether they are ready and well, by all that can answer, and
 * by much that should not. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness.h"
#include "it_dial.h"

#define APP(children) \
	"{'name':'app','max_restarts':'infinity','children':[" children "]}"

static bool status_says(const void *text)
{
	(void)kick("status");
	return strstr(last_out(), text);
}

static void await_status(const char *text)
{
	/* Nobody is told of a failed probe, so nothing arrives. */
	while (!status_says(text)) {
		check(it_now() < it_deadline(), "kick status does not say \"%s\": %s",
			text, last_out());
		(void)it_pump(it_now() + 0.02);
	}
}

/* --- readiness ----------------------------------------------------------------------
 */

CASE(it_probe, the_next_one_waits_until_the_probe_succeeds)
{
	static const struct {
		const char *ready, *words;
	} rows[] = {
		{ "{'tcp':'127.0.0.1:%d'}", "'respond','%d','mode'" },
		{ "{'tcp':'localhost:%d','interval':'50ms'}", "'respond','%d','mode'" },
		{ "{'http':'http://localhost:%d/x?y'}", "'respond','%d','mode'" },
		{ "{'exec':['./h','gate','up%d']}", "'append','up%d','x','stay'" },
	};
	char ready[100], words[100], config[600];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int port = free_port();

		(void)snprintf(ready, sizeof ready, rows[i].ready, port);
		(void)snprintf(words, sizeof words, rows[i].words, port);
		(void)unlink("b");
		make_fifo("g");
		(void)snprintf(config, sizeof config,
			"{'name':'app','children':[{'id':'a','ready':%s,'start':['./h',"
			"'gate','g',%s]}," CHILD("b", "'restart':'permanent'",
				"'count','b','stay'") "]}",
			ready, words);
		tree_start(config, "");
		await_status("last probe: ");
		check(strcmp(state_of("a"), "starting") == 0, "%s: a is %s", ready,
			state_of("a"));
		check(lines_in("b") == 0, "%s: b was started", ready);
		open_gate("g");
		tree_ready();
		check_alive("b");
		check(!status_says("last probe"), "%s: %s", ready, last_out());
		tree_down();
		(void)unlink("g");
	}
}

CASE(it_probe, a_start_that_takes_too_long_says_what_the_probe_saw)
{
	char config[300];

	(void)snprintf(config, sizeof config,
		"{'name':'app','children':[{'id':'a','ready':{'tcp':'127.0.0.1:%d'},"
		"'start_timeout':'200ms','start':['./h','stay']}]}",
		free_port());
	tree_start(config, "");
	tree_ends(1);
	check(strstr(tree_err(),
		      "a did not start: not ready in time; last probe: "
		      "Connection refused"),
		"%s", tree_err());
}

CASE(it_probe, the_next_one_waits_for_a_line)
{
	make_fifo("g");
	tree_start("{'name':'app','children':[{'id':'a','ready':{'log':'is up'},"
		   "'start':['./h','count','f','say','it is not','gate','g','err','it "
		   "is up now','stay']}," CHILD(
			   "b", "'restart':'permanent'", "'count','b','stay'") "]}",
		"");
	await_out("a | it is not");
	check(strcmp(state_of("a"), "starting") == 0, "a is %s", state_of("a"));
	check(lines_in("b") == 0, "b was started");
	open_gate("g");
	tree_ready();
	check_alive("b");
	/* What the one before has printed is not its own. */
	(void)kill(pid_of("a"), SIGKILL);
	await_lines("f", 2);
	check(strcmp(state_of("a"), "starting") == 0, "a is %s", state_of("a"));
	open_gate("g");
	await_state("a", "running");
	tree_down();
}

CASE(it_probe, a_line_is_found_by_the_logger_that_comes_after)
{
	pid_t logger;

	make_fifo("g");
	tree_start("{'name':'app','children':[{'id':'a','ready':{'log':'up'},"
		   "'start':['./h','say','wait','gate','g','say','up','stay']}]}",
		"");
	await_out("a | wait");
	logger = logger_pid();
	(void)kill(logger, SIGKILL);
	await_gone(logger);
	open_gate("g");
	tree_ready();
	check_alive("a");
	tree_down();
}

/* --- health -------------------------------------------------------------------------
 */

/* Whatever it answers, its supervisor answers too. */
CASE(it_probe, what_answers_badly_is_unhealthy)
{
	static const struct {
		const char *mode, *text;
	} rows[] = {
		{ "hang", "the last one: no answer within 100ms; stopping it" },
		{ "garbage", "the last one: the answer is not HTTP; stopping it" },
		{ "flood", "the last one: the answer is not HTTP; stopping it" },
		{ "half", "the last one: the answer ends too early; stopping it" },
		{ "close", "the last one: no answer; stopping it" },
		{ "500", "the last one: HTTP status 500; stopping it" },
	};
	char config[500];
	int port = free_port();

	(void)snprintf(config, sizeof config,
		APP("{'id':'a','ready':{'tcp':'127.0.0.1:%d'},'health':{'http':"
		    "'http://127.0.0.1:%d/','interval':'20ms','timeout':'100ms',"
		    "'retries':2},'start':['./h','respond','%d','mode']}"),
		port, port, port);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		pid_t a;

		tree_up(config);
		a = pid_of("a");
		put_file("mode", "%s", rows[i].mode);
		await_err(rows[i].text);
		(void)unlink("mode");
		check(strcmp(await_end(a)->reason, "unhealthy") == 0, "%s: reason %s",
			rows[i].mode, await_end(a)->reason);
		(void)await_next("a", a);
		check_alive("a");
		tree_down();
	}
}

CASE(it_probe, one_failure_in_a_row_of_good_ones_is_forgiven)
{
	tree_up(APP("{'id':'a','health':{'exec':'./h count asked; test "
		    "$(($(wc -l < asked) % 2)) = 0','interval':'20ms','retries':2},"
		    "'start':['./h','stay']}"));
	await_lines("asked", 10);
	check(restarts_of("a") == 0, "restarts %d", restarts_of("a"));
	check(events_seen("unhealthy", "a") == 0, "it was called unhealthy");
	tree_down();
}

CASE(it_probe, unhealthy_ends_count_and_a_supervisor_gives_up)
{
	static const char unhealthy[] = "is unhealthy: exit 3: bad water; stopping it";
	int n = 0;

	tree_start("{'name':'app','max_restarts':2,'max_seconds':3600,'children':["
		   "{'id':'a','health':{'exec':['./h','err','bad water','exit','3'],"
		   "'interval':'20ms','retries':1},'start':['./h','stay']}]}",
		"");
	tree_ends(1);
	/* They may be stopped before they could do anything. */
	for (const char *at = tree_err(); (at = strstr(at, unhealthy)); at++)
		n++;
	check(n == 3, "%d starts: %s", n, tree_err());
	check(strstr(tree_err(), "app gives up: 3 restarts within 1h, 2 are allowed"),
		"%s", tree_err());
}

CASE(it_probe, backoff_and_group_follow_an_unhealthy_end)
{
	pid_t b;

	tree_up("{'name':'app','strategy':'rest_for_one','max_restarts':'infinity',"
		"'children':[{'id':'a','backoff':{'initial':'1h','max':'1h'},"
		"'health':{'exec':'test ! -e bad','interval':'20ms','retries':1},"
		"'start':['./h','stay']}," WORKER("b") "]}");
	b = pid_of("b");
	put_file("bad", "x");
	await_gone(b);
	await_state("a", "restarting");
	check(strcmp(reason_of("a"), "unhealthy") == 0, "reason %s", reason_of("a"));
	kick_gives(3, "status");
	check(strstr(last_out(), "its health check failed"), "%s", last_out());
	check(strstr(last_out(), "retry 1 in"), "%s", last_out());
	tree_down();
}

/* One end, which the strategy follows as any other. */
CASE(it_probe, each_strategy_follows_unhealthy_and_watchdog_ends)
{
	static const struct {
		const char *strategy, *trail;
	} rows[] = {
		{ "one_for_one", "-b +b" },
		{ "one_for_all", "-b -c -a +a +b +c" },
		{ "rest_for_one", "-b -c +b +c" },
	};
	static const struct {
		const char *reason, *sick;
	} ends[] = {
		{ "unhealthy",
			"'health':{'exec':'rm bad && exit 1; exit 0','interval':'20ms',"
			"'retries':1},'start':['./h','stay']" },
		{ "watchdog",
			"'health':{'watchdog':'1h'},'start':['./h','gate','g','notify',"
			"'WATCHDOG=trigger','stay']" },
	};
	char config[600];

	make_fifo("g");
	for (size_t i = 0; i < 6; i++) {
		const char *last = i / 2 == 0 ? "b" : "c";
		pid_t b, c;

		(void)snprintf(config, sizeof config,
			"{'name':'app','strategy':'%s','children':[" WORKER(
				"a") ",{'id':'b',%s}," WORKER("c") "]}",
			rows[i / 2].strategy, ends[i % 2].sick);
		tree_up(config);
		events_follow();
		b = pid_of("b");
		c = pid_of(last);
		if (i % 2 == 0)
			put_file("bad", "x");
		else
			open_gate("g");
		(void)await_next(last, c);
		expect(strcmp(await_end(b)->reason, ends[i % 2].reason) == 0,
			"%s: reason %s", rows[i / 2].strategy, await_end(b)->reason);
		expect(strcmp(trail(b), rows[i / 2].trail) == 0, "%s, %s: %s",
			rows[i / 2].strategy, ends[i % 2].reason, trail(b));
		expect(restarts_of("b") == 1, "restarts %d", restarts_of("b"));
		tree_down();
	}
	expected();
}

CASE(it_probe, watchdog_ends_count_and_a_supervisor_gives_up)
{
	tree_start("{'name':'app','max_restarts':2,'max_seconds':3600,'children':["
		   "{'id':'s','type':'supervisor','restart':'transient',"
		   "'significant':false,'max_restarts':2,'max_seconds':3600,"
		   "'children':[{'id':'a','health':{'watchdog':'1h'},'start':['./h',"
		   "'count','f','notify','WATCHDOG=trigger','stay']}]},"
		   "{'id':'b','health':{'watchdog':'100ms'},'start':['./h','count',"
		   "'k','stay']}]}",
		"");
	/* s has given up alone; b, which says nothing, is more than app allows. */
	tree_ends(1);
	check(strstr(tree_err(), "has said WATCHDOG=trigger; stopping it"), "%s",
		tree_err());
	check(lines_in("f") == 3, "a: %d starts", lines_in("f"));
	check(lines_in("k") == 3, "b: %d starts", lines_in("k"));
	check(strstr(tree_err(), "s gives up: 3 restarts within 1h, 2 are allowed"),
		"%s", tree_err());
	check(strstr(tree_err(), "app gives up: 3 restarts within 1h, 2 are allowed"),
		"%s", tree_err());
}

/* What traps TERM ends with 0; the container must not. */
CASE(it_probe, an_unhealthy_significant_child_does_not_end_the_container_with_0)
{
	static const struct {
		const char *health, *words;
		int status;
	} rows[] = {
		{ "'exec':'test ! -e up','interval':'20ms','retries':1",
			"'trap','TERM','0','append','up','x','stay'", 1 },
		{ "'watchdog':'1h'",
			"'trap','TERM','0','notify','WATCHDOG=trigger','stay'", 1 },
		{ "'exec':'test ! -e up','interval':'20ms','retries':1",
			"'trap','TERM','9','append','up','x','stay'", 9 },
	};
	char config[400];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		(void)snprintf(config, sizeof config,
			"{'name':'app','auto_shutdown':'any_significant','children':["
			"{'id':'a','restart':'temporary','significant':true,"
			"'health':{%s},'start':['./h',%s]}]}",
			rows[i].health, rows[i].words);
		(void)unlink("up");
		tree_start(config, "");
		tree_ends(rows[i].status);
	}
}

CASE(it_probe, status_shows_a_failing_child)
{
	tree_up(APP("{'id':'a','health':{'exec':['./h','say','full','exit','1'],"
		    "'interval':'20ms','retries':1000},'start':['./h','stay']}"));
	await_status("unhealthy: last probe: exit 1: full");
	kick_gives(0, "status --json a");
	check(strstr(last_out(), "\"health\":\"failing\""), "%s", last_out());
	check(strstr(last_out(), "\"last_probe\":\"exit 1: full\""), "%s", last_out());
	tree_down();
}

/* --- programs that are probes -------------------------------------------------------
 */

/* d has left group and session; p is the probe itself. */
CASE(it_probe, a_probe_that_hangs_is_killed_with_all_that_it_began)
{
	tree_up(APP("{'id':'a','restart':'temporary',"
		    "'health':{'exec':['./h','count','p','daemon','d',"
		    "'stay'],'interval':'20ms','timeout':'300ms','retries':1},"
		    "'shutdown':'infinity','start':['./h','ignore','TERM','stay']}"));
	events_follow();
	(void)await_event("unhealthy", "a", 1);
	await_err("no answer within 300ms");
	await_gone(pid_in("p"));
	await_gone(pid_in("d"));
	kick_gives(0, "exit a kill");
	tree_down();
}

CASE(it_probe, a_probe_never_outlives_its_child)
{
	pid_t a, p, d;

	tree_up(APP("{'id':'a','health':{'exec':['./h','daemon','d','count','p',"
		    "'stay'],'interval':'20ms','timeout':'1h'},"
		    "'start':['./h','count','f','stay']}"));
	await_lines("p", 1);
	a = pid_of("a");
	p = pid_in("p");
	d = pid_in("d");
	(void)kill(a, SIGKILL);
	await_lines("f", 2);
	check(!is_alive(p) && !is_alive(d), "the probe lives on");
	await_lines("p", 2);
	p = pid_in("p");
	d = pid_in("d");
	kick_gives(0, "stop a");
	check(!is_alive(p) && !is_alive(d), "the probe outlives the stop");
	tree_down();
}

CASE(it_probe, what_a_probe_prints_has_an_end)
{
	tree_up(APP("{'id':'a','health':{'exec':['./h','flood','100000000'],"
		    "'interval':'20ms','retries':1000},'start':['./h','stay']}"));
	await_status("last probe: it prints more than 262144 bytes");
	check_alive("a");
	tree_down();
}

CASE(it_probe, what_a_probe_prints_steers_no_terminal)
{
	tree_up(APP("{'id':'a','health':{'exec':['sh','-c','printf $$0; exit 1',"
		    "'bad\\\\033[31mred'],'interval':'20ms','retries':1},"
		    "'start':['./h','stay']}"));
	await_err("is unhealthy: exit 1: bad?[31mred; stopping it");
	tree_down();
}

CASE(it_probe, a_probe_is_run_as_the_child_is)
{
	tree_up("{'name':'app','env':{'A':'1'},'children':[{'id':'a','cwd':'/',"
		"'env':{'B':'2'},'ready':{'exec':'test $A$B = 12 && test $PWD = / && "
		"test $KICK_NAME = a && test -z $NOTIFY_SOCKET && test -z "
		"$WATCHDOG_USEC'},'health':{'watchdog':'1h'},"
		"'start':['sleep','1000']}]}");
	check_alive("a");
	tree_down();
}

CASE(it_probe, a_probe_that_cannot_be_run_says_why)
{
	tree_up(APP("{'id':'a','health':{'exec':['./none'],'interval':'20ms',"
		    "'retries':1000},'start':['./h','stay']}"));
	await_status("last probe: cannot execute ./none: No such file or directory");
	tree_down();
}

/* --- reload, rest -------------------------------------------------------------------
 */

CASE(it_probe, a_reload_changes_probes_and_touches_no_process)
{
	static const char before[] = APP("{'id':'a','start':['./h','stay']}");
	static const char after[] =
		APP("{'id':'a','health':{'exec':['./h','count','p','exit','1'],"
		    "'interval':'20ms','retries':1000},'start':['./h','stay']}");
	pid_t a;

	tree_up(before);
	a = pid_of("a");
	put_json("app.json", after);
	kick_gives(0, "reload");
	await_status("unhealthy: last probe: exit 1");
	put_json("app.json", before);
	kick_gives(0, "reload");
	kick_gives(0, "status --json a");
	check(strstr(last_out(), "\"health\":null"), "%s", last_out());
	check(pid_of("a") == a, "it was started anew");
	tree_down();
}

CASE(it_probe, a_wait_for_a_probe_ends_with_a_reload_that_wants_none)
{
	make_fifo("g");
	tree_start("{'name':'app','children':[{'id':'a','start_timeout':'infinity',"
		   "'ready':{'exec':['false'],'interval':'20ms'},"
		   "'start':['./h','stay']}]}",
		"");
	await_status("last probe: exit 1");
	put_json("app.json",
		"{'name':'app','children':[{'id':'a','start':['./h','stay']}]}");
	kick_gives(0, "reload");
	tree_ready();
	check_alive("a");
	tree_down();
}

CASE(it_probe, a_health_that_comes_during_the_start_is_watched_after_it)
{
	static const char config[] =
		"{'name':'app','children':[{'id':'a','ready':{'fd':3}%s,"
		"'start':['./h','say','begun','gate','g','readyfd','3','stay']}]}";
	char text[400];

	make_fifo("g");
	(void)snprintf(text, sizeof text, config, "");
	tree_start(text, "");
	await_out("begun");
	(void)snprintf(text, sizeof text, config,
		",'health':{'exec':['false'],'interval':'20ms','retries':1000}");
	put_json("app.json", text);
	kick_gives(0, "reload");
	open_gate("g");
	tree_ready();
	await_status("unhealthy: last probe: exit 1");
	tree_down();
}

/* It was not given what it could call it with. */
CASE(it_probe, a_watchdog_that_comes_during_the_start_waits_for_the_next)
{
	tree_start("{'name':'app','children':[{'id':'a','start_timeout':'infinity',"
		   "'ready':{'exec':['false'],'interval':'20ms'},"
		   "'start':['./h','stay']}]}",
		"");
	await_status("last probe: exit 1");
	put_json("app.json",
		"{'name':'app','children':[{'id':'a','health':{'watchdog':'50ms'},"
		"'start':['./h','stay']}]}");
	kick_gives(0, "reload");
	tree_ready();
	kick_gives(0, "status --json a");
	check(strstr(last_out(), "\"health\":null"), "%s", last_out());
	tree_down();
}

static long switches_of(pid_t pid)
{
	const char *at = strstr(
		read_of(other_thread(pid), "status"), "\nvoluntary_ctxt_switches:");

	check(at, "no count of switches");
	return strtol(strchr(at, ':') + 1, NULL, 10);
}

/* Nothing wakes a supervisor up between two probes. */
CASE(it_probe, between_probes_nothing_wakes_up)
{
	long before;
	pid_t s;
	double until;

	tree_up("{'name':'app','children':[{'id':'s','type':'supervisor','children':["
		"{'id':'a','health':{'exec':['true'],'interval':'1h'},"
		"'start':['./h','stay']},{'id':'b','health':{'watchdog':'1h'},"
		"'start':['./h','stay']}]}]}");
	s = pid_of("s");
	before = switches_of(s);
	until = it_now() + 0.5;
	while (it_pump(until))
		;
	check(switches_of(s) == before, "%ld switches", switches_of(s) - before);
	tree_down();
}

/* --- sd_notify ----------------------------------------------------------------------
 */

CASE(it_probe, a_watchdog_that_hears_nothing_ends_the_child)
{
	pid_t a;

	tree_up(APP("{'id':'a','health':{'watchdog':'100ms'},'start':['./h','stay']}"));
	events_follow();
	(void)await_event("unhealthy", "a", 1);
	a = await_event("exited", "a", 1)->pid;
	check(strcmp(await_end(a)->reason, "watchdog") == 0, "reason %s",
		await_end(a)->reason);
	await_err("has not said WATCHDOG=1 for 100ms; stopping it");
	tree_down();
}

CASE(it_probe, a_watchdog_that_is_fed_lets_the_child_live)
{
	pid_t a;

	tree_up(APP("{'id':'a','health':{'watchdog':'400ms'},'start':['./h','alive',"
		    "'f']}"));
	a = pid_of("a");
	await_lines("f", 14);
	check(pid_of("a") == a && restarts_of("a") == 0, "it was started anew");
	check(strcmp(state_of("a"), "running") == 0, "a is %s", state_of("a"));
	/* One that is stopped says nothing. */
	(void)kill(a, SIGSTOP);
	(void)await_next("a", a);
	check(strcmp(reason_of("a"), "watchdog") == 0, "reason %s", reason_of("a"));
	tree_down();
}

CASE(it_probe, a_program_may_call_its_watchdog)
{
	tree_up(APP("{'id':'a','health':{'watchdog':'1h'},'backoff':{'initial':'1h',"
		    "'max':'1h'},'start':['./h','notify','WATCHDOG=trigger','stay']}"));
	await_state("a", "restarting");
	check(strcmp(reason_of("a"), "watchdog") == 0, "reason %s", reason_of("a"));
	tree_down();
}

CASE(it_probe, a_program_may_ask_for_more_time_to_start)
{
	tree_start("{'name':'app','children':[{'id':'a','ready':{'notify':true},"
		   "'start_timeout':'200ms','start':['./h','notify',"
		   "'EXTEND_TIMEOUT_USEC=60000000','after','500','notify','READY=1',"
		   "'stay']}]}",
		"");
	tree_ready();
	check_alive("a");
	tree_down();
	/* What is no number extends nothing. */
	tree_start("{'name':'app','children':[{'id':'a','ready':{'notify':true},"
		   "'start_timeout':'200ms','start':['./h','notify',"
		   "'EXTEND_TIMEOUT_USEC=99999999999999999999','notify',"
		   "'EXTEND_TIMEOUT_USEC=-1','stay']}]}",
		"");
	tree_ends(1);
}

CASE(it_probe, a_program_may_hand_over_to_another_main_process)
{
	pid_t main;

	tree_up(APP(
		"{'id':'a','ready':{'notify':true},'start':['./h','handover','f']}"));
	main = pid_in("f");
	await_event("ready", "a", 1);
	check(pid_of("a") == main, "pid %d, not %d", (int)pid_of("a"), (int)main);
	check(strcmp(state_of("a"), "running") == 0, "a is %s", state_of("a"));
	(void)kill(main, SIGKILL);
	await_lines("f", 2);
	check(strcmp(reason_of("a"), "killed") == 0, "reason %s", reason_of("a"));
	await_state("a", "running");
	main = pid_in("f");
	kick_gives(0, "stop a");
	check(!is_alive(main), "the main process outlives the stop");
	check(strcmp(reason_of("a"), "shutdown") == 0, "reason %s", reason_of("a"));
	tree_down();
}

/* Only what bears the child's mark can be its main process. */
CASE(it_probe, a_stranger_cannot_be_the_main_process)
{
	char config[600];
	pid_t b;

	tree_up(APP(WORKER("b")));
	b = pid_of("b");
	(void)snprintf(config, sizeof config,
		APP(WORKER(
			"b") ",{'id':'a','ready':{'notify':true},'start':['./h',"
			     "'notify','MAINPID=%d','notify','MAINPID=1','notify',"
			     "'MAINPID=x','notify','READY=1\\nSTATUS=mine','stay']}"),
		(int)b);
	put_json("app.json", config);
	kick_gives(0, "reload");
	await_status("\"mine\"");
	check(pid_of("a") != b && pid_of("a") > 1, "pid %d", (int)pid_of("a"));
	kick_gives(0, "stop a");
	check(is_alive(b), "b was hit");
	tree_down();
}

/* Where its child waits for what it says, and where it is watched. */
CASE(it_probe, what_a_stranger_says_does_not_count)
{
	static const char key[] = "a | env NOTIFY_SOCKET=";
	static const struct {
		const char *has, *forged, *state;
	} rows[] = {
		{ "'ready':{'notify':true},'start_timeout':'infinity'", "READY=1",
			"starting" },
		{ "'health':{'watchdog':'1h'}",
			"WATCHDOG=trigger\nSTOPPING=1\nSTATUS=forged", "running" },
	};

	make_fifo("g");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct sockaddr_un sun = { .sun_family = AF_UNIX };
		int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		size_t len = strlen(rows[i].forged);
		char config[300];
		const char *at;

		(void)snprintf(config, sizeof config,
			APP("{'id':'a',%s,'start':['./h','env','say','up','gate','g',"
			    "'notify','STATUS=mine','stay']}"),
			rows[i].has);
		tree_start(config, "");
		await_out("a | up");
		at = strstr(tree_out(), key);
		check(at && sscanf(at + sizeof key - 1, "%107s", sun.sun_path) == 1,
			"no key");
		for (int k = 0; k < 5; k++)
			check(sendto(fd, rows[i].forged, len, 0,
				      (struct sockaddr *)&sun, sizeof sun) > 0,
				"it cannot be sent");
		(void)close(fd);
		open_gate("g");
		/* Messages are read in order. */
		await_status("\"mine\"");
		check(strcmp(state_of("a"), rows[i].state) == 0, "a is %s",
			state_of("a"));
		check(!status_says("says it is"), "%s", last_out());
		tree_down();
	}
}

/* systemd-notify(1) is such a process: it is dead before its message is read. */
CASE(it_probe, readiness_said_by_a_process_that_has_ended_counts)
{
	pid_t top;

	make_fifo("g");
	tree_start(APP("{'id':'a','ready':{'notify':true},'start_timeout':'infinity',"
		       "'start':'./h say up gate g; ./h notify READY=1; echo >>told; "
		       "exec ./h stay'}"),
		"");
	await_out("a | up");
	top = pid_of("app");
	halt(top);
	open_gate("g");
	await_lines("told", 1);
	(void)kill(top, SIGCONT);
	tree_ready();
	check_alive("a");
	tree_down();
}

CASE(it_probe, what_a_program_says_it_is_doing_is_shown)
{
	make_fifo("g");
	make_fifo("k");
	tree_up(APP(
		"{'id':'a','ready':{'notify':true},'start':['./h','notify',"
		"'READY=1','notify','RELOADING=1','gate','g','notify','READY=1',"
		"'notify','STATUS=again','gate','k','notify','STOPPING=1','stay']}"));
	await_status("says it is reloading");
	open_gate("g");
	await_status("\"again\"");
	check(!status_says("reloading"), "%s", last_out());
	open_gate("k");
	await_status("says it is stopping");
	tree_down();
}

/* A server that ends lets go of its port first. */
CASE(it_probe, one_that_says_it_is_stopping_is_not_asked_for_its_shutdown_time)
{
	pid_t a;

	tree_up(APP("{'id':'a','shutdown':'400ms','health':{'watchdog':'100ms'},"
		    "'start':['./h','notify','STOPPING=1','after','200','exit','0']},"
		    "{'id':'b','shutdown':'300ms','health':{'watchdog':'100ms'},"
		    "'start':['./h','notify','STOPPING=1','stay']}"));
	events_follow();
	a = await_event("exited", "a", 1)->pid;
	check(strcmp(await_end(a)->reason, "normal") == 0, "reason %s",
		await_end(a)->reason);
	/* ... but not for ever. */
	check(strcmp(await_event("exited", "b", 1)->reason, "watchdog") == 0,
		"reason %s", await_event("exited", "b", 1)->reason);
	tree_down();
}
