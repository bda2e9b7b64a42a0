/* libkick: applications, how they stop, and programs of them. The rules APP-5 to APP-7
 * and APP-11 of OTP, and of others what concerns programs. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/apptest.h"

TestSuite(lib_appstop, .timeout = 120, .init = make_trace);

/* --- APP-5: stop by hand -----------------------------------------------------------
 */

NODE_TEST(lib_appstop, app_05_stop_by_hand_takes_nothing_down)
{
	static const char *const needs[] = { "a", NULL };
	const kick_application b = app_with("b", "top", needs);
	kick_pid ac;

	start("a", KICK_PERMANENT);
	CHECK_INT(kick_application_start(&b, KICK_PERMANENT, NULL), 0);
	ac = controller();
	/* Nobody looks who needs it. */
	CHECK_INT(kick_application_stop("a"), 0);
	WHICH("b");
	CHECK_INT(kick_application_stop("a"), -ESRCH);
	TRACE("+a +b prep a -a(shutdown) stop a");
	/* It can be started again. */
	start("a", KICK_TRANSIENT);
	CHECK_INT(kick_application_stop("a"), 0);
	CHECK_INT(kick_application_stop("b"), 0);
	WHICH("");
	CHECK_PID(controller(), ac);
	EXPECT_SILENCE();
}

static void stop_it(void *name)
{
	CHECK_INT(kick_application_stop(name), 0);
}

/* Those that come late have nothing to wait for. */
static void stop_or_find_none(void *name)
{
	int r = kick_application_stop(name);

	CHECK(r == 0 || r == -ESRCH);
}

static void start_or_find_it(void *name)
{
	int r = try_start(name, "top", KICK_TEMPORARY);

	CHECK(r == 0 || r == -EEXIST);
}

/* The state that the controller tells of. */
static void await_which(const char *want)
{
	cJSON *list;
	char *text;
	bool found = false;

	while (!found) {
		CHECK_INT(kick_application_which(&list), 0);
		text = cJSON_PrintUnformatted(list);
		found = strstr(text, want);
		cJSON_free(text);
		cJSON_Delete(list);
	}
}

/* Each as a process, while "a" stops, as the first of them has told it. */
static void while_it_stops(void (*const functions[])(void *name), size_t n)
{
	kick_ref refs[3];
	kick_pid pids[3], top;
	cJSON *value;

	CHECK_INT(try_start("a", "gate", KICK_PERMANENT), 0);
	top = process_of("a", "top");
	for (size_t i = 0; i < n; i++) {
		CHECK_INT(kick_spawn_monitor(
				  functions[i], (char[]){ "a" }, &pids[i], &refs[i]),
			0);
		if (i == 0)
			await_which("stopping");
	}
	/* All others are served. */
	start("b", KICK_TEMPORARY);
	CHECK_INT(kick_application_get_env("a", "none", &value), -ENOENT);
	CHECK_INT(kick_alive(top), 1);
	send_text(top, "open");
	for (size_t i = 0; i < n; i++)
		EXPECT_DOWN(refs[i], pids[i], "normal");
	CHECK_INT(kick_alive(top), 0);
	EXPECT_SILENCE();
}

NODE_TEST(lib_appstop, app_05_others_wait_until_it_has_stopped)
{
	static void (*const stops[])(void *) = { stop_it, stop_or_find_none };
	static void (*const starts[])(
		void *) = { stop_it, start_or_find_it, start_or_find_it };

	while_it_stops(stops, ARRAY_LEN(stops));
	WHICH("b");
	CHECK_INT(kick_application_stop("b"), 0);
	while_it_stops(starts, ARRAY_LEN(starts));
	WHICH("a b");
}

/* --- APP-6: the order within one ---------------------------------------------------
 */

NODE_TEST(lib_appstop, app_06_prep_stop_then_the_top_process_then_stop)
{
	kick_pid top, master;

	start("a", KICK_TEMPORARY);
	top = process_of("a", "top");
	master = process_of("a", "master");
	CHECK_INT(kick_application_stop("a"), 0);
	TRACE("+a prep a -a(shutdown) stop a");
	CHECK_INT(kick_alive(top), 0);
	CHECK_INT(kick_alive(master), 0);
	EXPECT_SILENCE();
}

NODE_TEST(lib_appstop, app_06_when_its_top_process_ends_by_itself)
{
	static const char *const reasons[] = { "normal", "shutdown", "kaboom" };

	for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
		start("a", KICK_TEMPORARY);
		send_text(process_of("a", "top"), reasons[i]);
		await_end("a");
		TRACE("+a prep a stop a");
	}
}

NODE_TEST(lib_appstop, app_06_the_end_of_the_top_process_is_waited_for)
{
	kick_pid top, pid;
	kick_ref ref;

	CHECK_INT(try_start("a", "gate", KICK_TEMPORARY), 0);
	top = process_of("a", "top");
	CHECK_INT(kick_spawn_monitor(stop_it, (char[]){ "a" }, &pid, &ref), 0);
	await_which("stopping");
	WHICH("a:stopping");
	CHECK_INT(kick_alive(pid), 1);
	send_text(top, "open");
	EXPECT_DOWN(ref, pid, "normal");
	TRACE("+a prep a -a(shutdown) stop a");
}

static void raise_it(void)
{
	note("raise %s", kick_application_name());
	kick_raise("kaboom");
}

NODE_TEST(lib_appstop, app_06_what_the_callbacks_raise_does_not_matter)
{
	kick_application a = app("a", "top");

	a.prep_stop = a.stop = raise_it;
	CHECK_INT(kick_application_start(&a, KICK_PERMANENT, NULL), 0);
	CHECK_INT(kick_application_stop("a"), 0);
	TRACE("+a raise a -a(shutdown) raise a");
	a.prep_stop = a.stop = NULL;
	CHECK_INT(kick_application_start(&a, KICK_PERMANENT, NULL), 0);
	CHECK_INT(kick_application_stop("a"), 0);
	TRACE("+a -a(shutdown)");
}

static void stop_itself(void)
{
	note("%s: %d", kick_application_name(),
		kick_application_stop(kick_application_name()) == -EDEADLK &&
			try_start("a", "top", KICK_TEMPORARY) == -EDEADLK);
}

NODE_TEST(lib_appstop, app_06_a_callback_cannot_wait_for_its_own_end)
{
	kick_application a = app("a", "top");

	a.stop = stop_itself;
	CHECK_INT(kick_application_start(&a, KICK_TEMPORARY, NULL), 0);
	CHECK_INT(kick_application_stop("a"), 0);
	TRACE("+a prep a -a(shutdown) a: 1");
}

/* What start has left linked to the master. */
static int start_with_friend(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	kick_pid friend;

	(void)why;
	CHECK_INT(kick_spawn_link(idle_receiving, NULL, &friend), 0);
	CHECK_INT(kick_spawn_link(idle_receiving, NULL, ret), 0);
	send_text(kick_pid_from_json(args), "friend");
	{
		cJSON *json = kick_pid_to_json(friend);

		CHECK_INT(kick_send(kick_to(kick_pid_from_json(args)), json), 0);
		cJSON_Delete(json);
	}
	return 0;
}

NODE_TEST(lib_appstop, app_06_what_else_was_started_ends_with_it)
{
	kick_application a = app("a", "top");
	kick_pid friend;
	kick_message *m;
	kick_ref ref;

	a.args = kick_pid_to_json(kick_self());
	a.start = start_with_friend;
	CHECK_INT(kick_application_start(&a, KICK_TEMPORARY, NULL), 0);
	EXPECT_TEXT("friend");
	m = TAKE(match_plain, NULL);
	friend = kick_pid_from_json(m->value);
	kick_message_free(m);
	CHECK_INT(kick_monitor(friend, &ref), 0);
	CHECK_INT(kick_application_stop("a"), 0);
	EXPECT_DOWN(ref, friend, "killed");
}

/* Neither linked nor supervised, of a process that is gone, and trapping exits. */
static void linger(void *both)
{
	const kick_pid *tester = both;
	cJSON *json = kick_pid_to_json(kick_self());

	CHECK(kick_trap_exit(true) >= 0);
	CHECK_INT(kick_send(kick_to(tester[0]), json), 0);
	CHECK_INT(kick_send(kick_to(tester[1]), json), 0);
	cJSON_Delete(json);
	idle_pausing(NULL);
}

static void beget(void *both)
{
	for (int i = 0; i < 20; i++)
		CHECK_INT(kick_spawn(linger, both, NULL), 0);
}

static int start_with_heirs(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	kick_pid both[] = { kick_pid_from_json(args), kick_self() }, parent;

	(void)why;
	CHECK_INT(kick_spawn(beget, both, &parent), 0);
	node_gone(parent);
	for (int i = 0; i < 20; i++)
		kick_message_free(TAKE(match_plain, NULL));
	return kick_spawn_link(idle_receiving, NULL, ret);
}

static int fail_with_heirs(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	(void)start_with_heirs(args, ret, why);
	return -EACCES;
}

NODE_TEST(lib_appstop, app_06_what_is_left_of_it_is_killed)
{
	kick_application a = app("a", "top");
	kick_pid bystander;

	CHECK_INT(kick_spawn(idle_receiving, NULL, &bystander), 0);
	a.args = kick_pid_to_json(kick_self());
	for (int round = 0; round < 4; round++) {
		bool fails = round == 0;

		a.start = fails ? fail_with_heirs : start_with_heirs;
		CHECK_INT(kick_application_start(&a, KICK_TEMPORARY, NULL),
			fails ? -ECANCELED : 0);
		if (round == 1)
			CHECK_INT(kick_application_stop("a"), 0);
		else if (!fails)
			CHECK_INT(kick_exit(process_of("a", "top"),
					  round == 2 ? "kill" : "kaboom"),
				0);
		await_end("a");
		for (int i = 0; i < 20; i++) {
			kick_message *m = TAKE(match_plain, NULL);

			CHECK_INT(kick_alive(kick_pid_from_json(m->value)), 0);
			kick_message_free(m);
		}
	}
	CHECK_INT(kick_alive(bystander), 1);
}

/* --- kill -9 -----------------------------------------------------------------------
 */

static pid_t os_pid(kick_pid pid)
{
	cJSON *info = kick_info(pid);
	pid_t os;

	CHECK(info);
	os = cJSON_GetObjectItem(info, "os_pid")->valueint;
	cJSON_Delete(info);
	return os;
}

NODE_TEST(lib_appstop, app_06_the_top_process_is_killed)
{
	kick_pid ac;

	CHECK_INT(kick_trap_exit(true), 0);
	start("a", KICK_TEMPORARY);
	CHECK_INT(kill(os_pid(process_of("a", "top")), SIGKILL), 0);
	await_end("a");
	TRACE("+a prep a stop a");
	start("a", KICK_TRANSIENT);
	ac = controller();
	CHECK_INT(kill(os_pid(process_of("a", "top")), SIGKILL), 0);
	EXPECT_EXIT(ac, "application_terminated:a:killed");
}

/* Nobody is left to call prep_stop and stop. */
NODE_TEST(lib_appstop, app_06_the_master_is_killed)
{
	kick_pid ac, top;

	CHECK_INT(kick_trap_exit(true), 0);
	start("a", KICK_TEMPORARY);
	top = process_of("a", "top");
	CHECK_INT(kill(os_pid(process_of("a", "master")), SIGKILL), 0);
	node_gone(top);
	await_end("a");
	TRACE("+a -a(killed)");
	start("a", KICK_PERMANENT);
	ac = controller();
	CHECK_INT(kill(os_pid(process_of("a", "master")), SIGKILL), 0);
	EXPECT_EXIT(ac, "application_terminated:a:killed");
}

NODE_TEST(lib_appstop, app_06_the_master_is_killed_while_it_stops)
{
	kick_pid top, pid;
	kick_ref ref;

	CHECK_INT(try_start("a", "gate", KICK_PERMANENT), 0);
	top = process_of("a", "top");
	CHECK_INT(kick_spawn_monitor(stop_it, (char[]){ "a" }, &pid, &ref), 0);
	await_which("stopping");
	CHECK_INT(kill(os_pid(process_of("a", "master")), SIGKILL), 0);
	/* It is gone, by hand. */
	EXPECT_DOWN(ref, pid, "normal");
	WHICH("");
	send_text(top, "open");
	node_gone(top);
}

/* The masters stop their applications; a first process that traps exits goes on. */
NODE_TEST(lib_appstop, app_03_the_controller_is_killed)
{
	kick_pid ac, top, master;

	CHECK_INT(kick_trap_exit(true), 0);
	start("a", KICK_TEMPORARY);
	top = process_of("a", "top");
	master = process_of("a", "master");
	ac = controller();
	CHECK_INT(kill(os_pid(ac), SIGKILL), 0);
	EXPECT_EXIT(ac, "killed");
	node_gone(master);
	node_gone(top);
	TRACE("+a prep a -a(shutdown) stop a");
	WHICH("");
	start("a", KICK_TEMPORARY);
	CHECK(!kick_pid_equal(controller(), ac));
}

/* Who waits for an answer hears that there will be none. */
static void wait_in_vain(void *name)
{
	CHECK_INT(kick_application_stop(name), -ECONNRESET);
}

NODE_TEST(lib_appstop, app_03_the_controller_is_killed_while_others_wait)
{
	kick_pid ac, pid, top;
	kick_ref ref;

	CHECK_INT(kick_trap_exit(true), 0);
	CHECK_INT(try_start("a", "gate", KICK_TEMPORARY), 0);
	top = process_of("a", "top");
	ac = controller();
	CHECK_INT(kick_spawn_monitor(wait_in_vain, (char[]){ "a" }, &pid, &ref), 0);
	await_which("stopping");
	CHECK_INT(kill(os_pid(ac), SIGKILL), 0);
	EXPECT_EXIT(ac, "killed");
	EXPECT_DOWN(ref, pid, "normal");
	send_text(top, "open");
	node_gone(top);
}

NODE_TEST(lib_appstop, app_11_nothing_is_started_again)
{
	start("a", KICK_TEMPORARY);
	CHECK_INT(kick_exit(process_of("a", "top"), "kill"), 0);
	await_end("a");
	EXPECT_SILENCE();
	WHICH("");
	TRACE("+a prep a stop a");
}

/* Whatever its bytes, no request ends it. */
NODE_TEST(lib_appstop, app_01_the_controller_answers_anything)
{
	static const char *const requests[] = { "null", "[]", "{}", "\"start\"",
		"{\"method\":1}", "{\"method\":\"nonsense\"}", "{\"method\":\"stop\"}",
		"{\"method\":\"start\"}", "{\"method\":\"start\",\"spec\":1}",
		"{\"method\":\"start\",\"spec\":{}}",
		("{\"method\":\"start\",\"spec\":{\"name\":\"x\",\"start\":\"0x0\"},"
		 "\"type\":99}"),
		"{\"method\":\"start\",\"spec\":{\"name\":\"y\",\"applications\":[1,{}]}}",
		"{\"method\":\"get_env\"}", "{\"method\":\"set_env\"}",
		"{\"method\":\"halted\"}", "{\"application_started\":1}" };
	kick_pid ac;

	start("a", KICK_PERMANENT);
	ac = controller();
	for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
		cJSON *json = cJSON_Parse(requests[i]), *said = NULL;

		CHECK(json);
		CHECK_INT(
			kick_call(kick_to(ac), json, NODE_PATIENCE_MS, &said, NULL), 0);
		CHECK_INT(kick_cast(kick_to(ac), json), 0);
		CHECK_INT(kick_send(kick_to(ac), json), 0);
		cJSON_Delete(said);
		cJSON_Delete(json);
	}
	CHECK_INT(kick_exit(ac, "kaboom"), 0);
	WHICH("a");
	CHECK_PID(controller(), ac);
}

/* --- APP-7: programs ---------------------------------------------------------------
 */

/* When all are up, as a process beside them. */
static void when_up(void *then)
{
	await_which("\"last\",\"state\":\"running\"");
	((void (*)(void))(uintptr_t)then)();
}

static const char *const last_needs[] = { "first", NULL };

/* last and first; then is called as soon as last is up. */
static void run_program(void (*then)(void), kick_restart type)
{
	const kick_application apps[] = { app_with("last", "top", last_needs),
		app("first", "top") };

	CHECK_INT(kick_spawn(when_up, (void *)(uintptr_t)then, NULL), 0);
	(void)kick_application_run(apps, ARRAY_LEN(apps), type);
	FAIL("run has returned");
}

static void term(void)
{
	/* The program is up a moment after they are. */
	CHECK_INT(kill(getppid(), SIGTERM), 0);
}

static void stop_3(void)
{
	CHECK_INT(kick_stop(3), 0);
}

static void stop_0(void)
{
	CHECK_INT(kick_stop(0), 0);
}

static void end_first(void)
{
	send_text(process_of("first", "top"), "normal");
}

static void end_last_badly(void)
{
	send_text(process_of("last", "top"), "shutdown");
}

static void kill_controller(void)
{
	CHECK_INT(kill(os_pid(controller()), SIGKILL), 0);
}

static void stop_and_start(void)
{
	CHECK_INT(kick_application_stop("last"), 0);
	CHECK_INT(kick_application_stop("first"), 0);
	start("first", KICK_PERMANENT);
	CHECK_INT(kick_stop(0), 0);
}

static void stop_the_first_process(void)
{
	const kick_pid first = { kick_self().node, 2 };

	CHECK_INT(kick_server_stop_call(
			  kick_to(first), "shutdown", NODE_PATIENCE_MS, NULL),
		0);
}

#define UP "+first +last "
#define DOWN_LAST "prep last -last(shutdown) stop last "
#define DOWN_FIRST "prep first -first(shutdown) stop first "

static void check_program(void (*body)(void), int want_status, const char *want_trace)
{
	int status = node_run(body, 0);

	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == want_status,
		"status %#x, not %d", status, want_status);
	cr_expect(!want_trace || strcmp(trace->text, want_trace) == 0,
		"the trace is '%s', not '%s'", trace->text, want_trace);
}

#define PROGRAM(suite, test, then, type, status, trace)    \
	static void test##_body(void)                      \
	{                                                  \
		run_program(then, type);                   \
	}                                                  \
	Test(suite, test)                                  \
	{                                                  \
		check_program(test##_body, status, trace); \
	}

PROGRAM(lib_appstop, app_07_all_are_stopped_the_last_one_first, stop_0, KICK_PERMANENT,
	0, UP DOWN_LAST DOWN_FIRST)
PROGRAM(lib_appstop, app_07_a_program_ends_with_the_status_it_wants, stop_3,
	KICK_PERMANENT, 3, UP DOWN_LAST DOWN_FIRST)
PROGRAM(lib_appstop, app_07_the_first_process_is_told_to_stop, stop_the_first_process,
	KICK_PERMANENT, 0, UP DOWN_LAST DOWN_FIRST)
PROGRAM(lib_appstop, app_03_a_permanent_one_ends_the_program_with_status_1, end_first,
	KICK_PERMANENT, 1, UP "prep first stop first " DOWN_LAST)
PROGRAM(lib_appstop, app_03_so_does_a_transient_one, end_last_badly, KICK_TRANSIENT, 1,
	UP "prep last stop last " DOWN_FIRST)
PROGRAM(lib_appstop, app_03_without_its_controller_the_program_ends, kill_controller,
	KICK_TEMPORARY, 1, NULL)
PROGRAM(lib_appstop, app_05_a_program_of_which_nothing_runs_goes_on, stop_and_start,
	KICK_PERMANENT, 0, UP DOWN_LAST DOWN_FIRST "+first " DOWN_FIRST)

/* SIGTERM is an exit signal only once the program is up, which nobody within it hears:
 * this one sends it until it is ended. */
static void term_again(void)
{
	CHECK(kick_trap_exit(true) >= 0);
	for (;;) {
		kick_message *m;

		term();
		if (kick_receive(NULL, NULL, 0, &m) == 0)
			kick_message_free(m);
	}
}

static void be_terminated(void)
{
	/* One that comes too early is waited for. */
	CHECK(signal(SIGTERM, SIG_IGN) != SIG_ERR);
	run_program(term_again, KICK_PERMANENT);
}

Test(lib_appstop, app_07_sigterm_is_the_parents_shutdown)
{
	check_program(be_terminated, 0, UP DOWN_LAST DOWN_FIRST);
}

static void run_failing(const char *how, const char *say, kick_restart type)
{
	kick_application apps[] = { app("first", "top"), app("last", how) };

	apps[1].args = args_of(how, say);
	(void)kick_application_run(apps, ARRAY_LEN(apps), type);
	FAIL("run has returned");
}

static void fail_permanent(void)
{
	run_failing("-13", "no_way", KICK_PERMANENT);
}

static void fail_temporary(void)
{
	run_failing("-13", "no_way", KICK_TEMPORARY);
}

static void fail_normally(void)
{
	run_failing("raise", "normal", KICK_TRANSIENT);
}

Test(lib_appstop, app_08_a_program_that_cannot_start_ends_with_status_1)
{
	static void (*const bodies[])(
		void) = { fail_permanent, fail_temporary, fail_normally };

	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		memset(trace, 0, sizeof *trace);
		check_program(bodies[i], 1, UP DOWN_FIRST);
	}
}

/* The first process is told to stop while one hangs, which is killed then. */
static void stop_when_hanging(void *unused)
{
	(void)unused;
	EXPECT_TEXT("last");
	stop_the_first_process();
}

static void hang(void)
{
	kick_application apps[] = { app("first", "top"), app("last", "hang") };
	kick_pid stopper;

	CHECK_INT(kick_spawn(stop_when_hanging, NULL, &stopper), 0);
	tell_start(&apps[1], stopper);
	(void)kick_application_run(apps, ARRAY_LEN(apps), KICK_PERMANENT);
	FAIL("run has returned");
}

Test(lib_appstop, app_07_one_that_hangs_as_it_starts_is_killed)
{
	check_program(hang, 0, UP DOWN_FIRST);
}

/* What is refused for that is no failed start. */
static int start_and_stop(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	(void)args;
	(void)ret;
	(void)why;
	note("+%s", kick_application_name());
	CHECK_INT(kick_stop(3), 0);
	idle_pausing(NULL);
	return 0;
}

static void stop_while_starting(void)
{
	kick_application apps[] = { app("first", "top"), app("last", "top") };

	apps[1].start = start_and_stop;
	(void)kick_application_run(apps, ARRAY_LEN(apps), KICK_PERMANENT);
	FAIL("run has returned");
}

Test(lib_appstop, app_07_a_program_may_end_while_it_starts)
{
	check_program(stop_while_starting, 3, UP DOWN_FIRST);
}

static kick_start_function *come_up;

/* Comes up after the program knows that it will not be up. */
static int stop_and_come_up(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	/* The first process is 2, and the controller 3. */
	const kick_pid starter = { kick_self().node, 4 };

	CHECK_INT(kick_alive(starter), 1);
	CHECK_INT(kick_stop(3), 0);
	node_gone(starter);
	return come_up(args, ret, why);
}

static void come_up_late(void)
{
	kick_application apps[] = { app_with("last", "top", last_needs),
		app("first", "top") };

	come_up = apps[0].start;
	apps[0].start = stop_and_come_up;
	(void)kick_application_run(apps, ARRAY_LEN(apps), KICK_PERMANENT);
	FAIL("run has returned");
}

Test(lib_appstop, app_07_one_that_comes_up_late_is_stopped_first_as_well)
{
	check_program(come_up_late, 3, UP DOWN_LAST DOWN_FIRST);
}

static void run_elsewhere(void *unused)
{
	const kick_application a = app("a", "top");

	(void)unused;
	CHECK_INT(kick_application_run(&a, 1, KICK_PERMANENT), -EPERM);
}

NODE_TEST(lib_appstop, app_07_only_the_first_process_is_a_program)
{
	kick_pid pid;
	kick_ref ref;

	CHECK_INT(kick_spawn_monitor(run_elsewhere, NULL, &pid, &ref), 0);
	EXPECT_DOWN(ref, pid, "normal");
	WHICH("");
}

static void without_a_node(void)
{
	const kick_application a = app("a", "top");
	cJSON *value;

	CHECK_INT(kick_application_run(&a, 1, KICK_PERMANENT), -ENOTCONN);
	CHECK_INT(kick_application_start(&a, KICK_PERMANENT, NULL), -ENOTCONN);
	CHECK_INT(kick_application_stop("a"), -ENOTCONN);
	CHECK_INT(kick_application_which(&value), -ENOTCONN);
	CHECK_INT(kick_stop(0), -ENOTCONN);
	CHECK(!kick_application_name());
}

Test(lib_appstop, app_01_there_has_to_be_a_node)
{
	cr_assert_eq(node_run(without_a_node, NODE_BARE), 0);
}
