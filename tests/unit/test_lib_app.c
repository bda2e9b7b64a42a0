/* libkick: applications, how they start, and what their ends mean. The rules APP-1 to
 * APP-4 and APP-8 of OTP; test_lib_appstop.c and test_lib_appenv.c have the others. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "support/apptest.h"

TestSuite(lib_app, .timeout = 120, .init = make_trace);

/* It takes the program down: the caller, the first process, traps exits. */
static void expect_down(const char *file, int line, kick_pid pid, const char *reason)
{
	node_expect_exit(file, line, pid, reason);
	CHECK_INT(kick_alive(pid), 0);
}
#define EXPECT_ALL_DOWN(reason) expect_down(__FILE__, __LINE__, ac, (reason))

/* --- APP-1: start ------------------------------------------------------------------
 */

NODE_TEST(lib_app, app_01_start_waits_until_it_runs)
{
	cJSON *list;
	char *text;

	WHICH("");
	start("a", KICK_TEMPORARY);
	TRACE("+a");
	WHICH("a");
	CHECK_INT(kick_alive(process_of("a", "top")), 1);
	CHECK_INT(kick_alive(process_of("a", "master")), 1);
	CHECK_INT(try_start("a", "top", KICK_TEMPORARY), -EEXIST);
	start("b", KICK_PERMANENT);
	WHICH("b a");
	CHECK_INT(kick_application_which(&list), 0);
	text = cJSON_GetStringValue(
		cJSON_GetObjectItem(cJSON_GetArrayItem(list, 0), "type"));
	CHECK_TEXT(text, "permanent");
	cJSON_Delete(list);
	EXPECT_SILENCE();
}

NODE_TEST(lib_app, app_01_what_it_needs_has_to_run)
{
	static const char *const needs[] = { "a", "b", NULL };
	const kick_application c = app_with("c", "top", needs);
	kick_reason why = { "" };

	CHECK_INT(kick_application_start(&c, KICK_TEMPORARY, &why), -ESRCH);
	CHECK_TEXT(why.text, "not_started:a");
	start("a", KICK_TEMPORARY);
	CHECK_INT(kick_application_start(&c, KICK_PERMANENT, &why), -ESRCH);
	CHECK_TEXT(why.text, "not_started:b");
	start("b", KICK_TEMPORARY);
	CHECK_INT(kick_application_start(&c, KICK_TEMPORARY, &why), 0);
	WHICH("c b a");
	TRACE("+a +b +c");
}

NODE_TEST(lib_app, app_01_ensure_all_started_starts_the_deepest_first)
{
	static const char *const c_needs[] = { "b", "a", NULL };
	static const char *const b_needs[] = { "a", NULL };
	const kick_application apps[] = { app("x", "top"),
		app_with("c", "top", c_needs), app_with("b", "top", b_needs),
		app("a", "top") };
	cJSON *started = NULL;
	char *text;

	for (int i = 0; i < 3; i++) {
		static const char *const wanted[] = { "[\"x\",\"a\",\"b\",\"c\"]", "[]",
			"[\"b\"]" };

		if (i == 2)
			CHECK_INT(kick_application_stop("b"), 0);
		CHECK_INT(kick_application_ensure_all_started(apps, ARRAY_LEN(apps),
				  KICK_TEMPORARY, &started, NULL),
			0);
		text = cJSON_PrintUnformatted(started);
		CHECK_TEXT(text, wanted[i]);
		cJSON_free(text);
		cJSON_Delete(started);
	}
	WHICH("b c a x");
}

NODE_TEST(lib_app, app_01_ensure_all_started_or_none)
{
	static const char *const b_needs[] = { "a", NULL };
	static const char *const lost_needs[] = { "b", "nowhere", NULL };
	static const char *const ring_needs[] = { "ring2", NULL };
	static const char *const ring2_needs[] = { "ring", NULL };
	kick_application apps[] = { app("a", "top"), app_with("b", "top", b_needs),
		app_with("c", "-13", b_needs), app("unused", "top") };
	cJSON *started = NULL;
	kick_reason why = { "" };

	start("old", KICK_TEMPORARY);
	TRACE("+old");
	CHECK_INT(kick_application_ensure_all_started(
			  apps, ARRAY_LEN(apps), KICK_TEMPORARY, &started, &why),
		-ECANCELED);
	CHECK_TEXT(why.text, "start:EACCES");
	CHECK(!started);
	TRACE("+a +b +c prep b -b(shutdown) stop b prep a -a(shutdown) stop a");
	apps[2] = app_with("c", "top", lost_needs);
	CHECK_INT(kick_application_ensure_all_started(
			  apps, ARRAY_LEN(apps), KICK_TEMPORARY, &started, &why),
		-ESRCH);
	CHECK_TEXT(why.text, "not_started:nowhere");
	apps[2] = app_with("ring", "top", ring_needs);
	apps[3] = app_with("ring2", "top", ring2_needs);
	CHECK_INT(kick_application_ensure_all_started(
			  apps, ARRAY_LEN(apps), KICK_TEMPORARY, &started, &why),
		-ELOOP);
	WHICH("old");
}

/* What it needs ends again at once. */
NODE_TEST(lib_app, app_01_what_does_not_stay_up_is_not_started_for_ever)
{
	static const char *const needs[] = { "brief", NULL };
	const kick_application apps[] = { app_with("a", "top", needs),
		app("brief", "dead") };
	kick_reason why = { "" };
	int r = kick_application_ensure_all_started(
		apps, ARRAY_LEN(apps), KICK_TEMPORARY, NULL, &why);

	/* It may have been seen alive. */
	if (r != 0) {
		CHECK_INT(r, -ESRCH);
		CHECK_TEXT(why.text, "not_started:brief");
	}
}

NODE_TEST(lib_app, app_01_bad_input_is_refused)
{
	static const char *const needs[] = { "no such name", NULL };
	cJSON *list = cJSON_CreateArray();
	kick_application bad[] = { app("a b", "top"), app("", "top"), app(NULL, "top"),
		app("a", "top"), app_with("a", "top", needs), app("a", "top") };

	bad[3].start = NULL;
	bad[5].env = list;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CHECK_INT(
			kick_application_start(&bad[i], KICK_TEMPORARY, NULL), -EINVAL);
		CHECK_INT(kick_application_run(&bad[i], 1, KICK_TEMPORARY), -EINVAL);
	}
	CHECK_INT(try_start("a", "top", (kick_restart)3), -EINVAL);
	CHECK_INT(kick_application_start(NULL, KICK_TEMPORARY, NULL), -EINVAL);
	CHECK_INT(kick_application_run(bad, 0, KICK_TEMPORARY), -EINVAL);
	CHECK_INT(kick_application_stop("a b"), -EINVAL);
	CHECK_INT(kick_application_stop(NULL), -EINVAL);
	CHECK_INT(kick_application_stop("a"), -ESRCH);
	CHECK_INT(kick_stop(256), -EINVAL);
	CHECK_INT(kick_stop(-1), -EINVAL);
	CHECK_INT(kick_stop(0), -ESRCH);
}

/* --- starts that take long, or fail ------------------------------------------------
 */

struct asker {
	kick_application app;
	kick_restart type;
	int result;
	const char *reason; /* NULL: it returned 0 */
	bool late;	    /* it may run already */
};

static void ask_start(void *arg)
{
	const struct asker *a = arg;
	kick_reason why = { "" };

	int r = kick_application_start(&a->app, a->type, &why);

	CHECK_INT(a->late && r == -EEXIST ? a->result : r, a->result);
	if (a->reason)
		CHECK_TEXT(why.text, a->reason);
}

/* In a process of its own; returns when start has been called. */
static kick_ref start_aside(const struct asker *a)
{
	struct asker copy = *a;
	kick_pid pid;
	kick_ref ref;

	tell_start(&copy.app, kick_self());
	CHECK_INT(kick_spawn_monitor(ask_start, &copy, &pid, &ref), 0);
	EXPECT_TEXT(a->app.name);
	return ref;
}

static void expect_normal_end(kick_ref ref)
{
	kick_message *m = TAKE(NULL, NULL);

	CHECK_INT(m->kind, KICK_DOWN);
	CHECK_INT(m->ref, ref);
	CHECK_TEXT(m->reason, "normal");
	kick_message_free(m);
}

NODE_TEST(lib_app, app_02_a_start_that_hangs_holds_up_nobody_else)
{
	static const char *const needs[] = { "slow", NULL };
	const struct asker slow = { app("slow", "hang"), KICK_TEMPORARY, -ECANCELED,
		"killed", false };
	const kick_application needy = app_with("needy", "top", needs);
	kick_reason why;
	kick_ref asked = start_aside(&slow);
	kick_pid master = process_of("slow", "master");

	start("b", KICK_TEMPORARY);
	WHICH("b slow:starting");
	CHECK_INT(kick_application_start(&needy, KICK_TEMPORARY, &why), -ESRCH);
	CHECK_TEXT(why.text, "not_started:slow");
	CHECK_INT(kick_application_stop("slow"), -ESRCH);
	CHECK_INT(kick_application_stop("b"), 0);
	CHECK_INT(kick_exit(master, "kill"), 0);
	expect_normal_end(asked);
	WHICH("");
}

NODE_TEST(lib_app, app_02_who_starts_the_same_waits_for_the_same)
{
	struct asker slow = { app("slow", "wait"), KICK_TEMPORARY, 0, NULL, false };
	kick_ref first = start_aside(&slow), second;
	kick_pid pid, master = process_of("slow", "master");

	/* Nobody can see whether it has asked before "go". */
	slow.late = true;
	CHECK_INT(kick_spawn_monitor(ask_start, &slow, &pid, &second), 0);
	WHICH("slow:starting");
	send_text(master, "go");
	for (int i = 0; i < 2; i++) {
		kick_message *m = TAKE(NULL, NULL);

		CHECK_INT(m->kind, KICK_DOWN);
		CHECK_TEXT(m->reason, "normal");
		CHECK(m->ref == first || m->ref == second);
		kick_message_free(m);
	}
	WHICH("slow");
	TRACE("+slow");
}

/* The caller's end does not matter. */
NODE_TEST(lib_app, app_02_who_starts_one_may_die)
{
	struct asker slow = { app("slow", "wait"), KICK_TEMPORARY, 0, NULL, false };
	kick_pid pid;
	kick_ref ref;

	tell_start(&slow.app, kick_self());
	CHECK_INT(kick_spawn_monitor(ask_start, &slow, &pid, &ref), 0);
	EXPECT_TEXT("slow");
	CHECK_INT(kick_exit(pid, "kill"), 0);
	EXPECT_DOWN(ref, pid, "killed");
	send_text(process_of("slow", "master"), "go");
	/* It waits for the same start, or comes later. */
	(void)try_start("slow", "top", KICK_TEMPORARY);
	WHICH("slow");
	TRACE("+slow");
}

static const struct {
	const char *how, *say, *reason;
} failures[] = {
	{ "-13", "no_way", "no_way" },
	{ "-13", NULL, "start:EACCES" },
	{ "1", NULL, "bad_return_value" },
	{ "7", "no_way", "bad_return_value" },
	{ "nobody", NULL, "bad_return_value" },
	{ "raise", "kaboom", "kaboom" },
	{ "raise", "normal", "normal" },
	{ "raise", "shutdown", "shutdown" },
	{ "exit", "3", "exit:3" },
	{ "exit", "0", "normal" },
	{ "signal", "9", "killed" },
	{ "signal", "11", "signal:SIGSEGV" },
};

static kick_application failing(size_t i)
{
	kick_application a = app("a", "");

	a.args = args_of(failures[i].how, failures[i].say);
	return a;
}

NODE_TEST(lib_app, app_02_a_failed_start_says_why_and_is_none)
{
	for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
		kick_application a = failing(i);
		kick_reason why = { "" };

		CHECK_INT(kick_application_start(&a, KICK_TEMPORARY, &why), -ECANCELED);
		CHECK_TEXT(why.text, failures[i].reason);
		WHICH("");
		TRACE("+a");
	}
	start("a", KICK_TEMPORARY);
	EXPECT_SILENCE();
}

/* Its top process has ended before start returned, or is nobody's child. */
NODE_TEST(lib_app, app_02_any_process_may_be_its_top)
{
	CHECK_INT(try_start("dead", "dead", KICK_TEMPORARY), 0);
	await_end("dead");
	TRACE("+dead prep dead stop dead");
	CHECK_INT(try_start("free", "free", KICK_TEMPORARY), 0);
	send_text(process_of("free", "top"), "enough");
	await_end("free");
	TRACE("+free prep free stop free");
}

/* --- APP-3, APP-4, APP-8: types ----------------------------------------------------
 */

static const struct {
	kick_restart type;
	const char *reason;
	bool down;
} ends[] = {
	{ KICK_TEMPORARY, "normal", false },
	{ KICK_TEMPORARY, "shutdown", false },
	{ KICK_TEMPORARY, "kaboom", false },
	{ KICK_TRANSIENT, "normal", false },
	{ KICK_TRANSIENT, "shutdown", true },
	{ KICK_TRANSIENT, "shutdown:x", true },
	{ KICK_TRANSIENT, "kaboom", true },
	{ KICK_PERMANENT, "normal", true },
	{ KICK_PERMANENT, "shutdown", true },
	{ KICK_PERMANENT, "killed", true },
};

NODE_TEST(lib_app, app_03_the_type_says_what_an_end_means)
{
	char want[96];

	CHECK_INT(kick_trap_exit(true), 0);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		kick_pid ac;

		start("before", KICK_PERMANENT);
		start("a", ends[i].type);
		start("after", KICK_PERMANENT);
		TRACE("+before +a +after");
		ac = controller();
		send_text(process_of("a", "top"), ends[i].reason);
		if (!ends[i].down) {
			await_end("a");
			WHICH("after before");
			TRACE("prep a stop a");
			CHECK_INT(kick_application_stop("after"), 0);
			CHECK_INT(kick_application_stop("before"), 0);
			CHECK_PID(controller(), ac);
			TRACE("prep after -after(shutdown) stop after "
			      "prep before -before(shutdown) stop before");
			continue;
		}
		(void)snprintf(want, sizeof want, "application_terminated:a:%s",
			ends[i].reason);
		EXPECT_ALL_DOWN(want);
		TRACE("prep a stop a prep after -after(shutdown) stop after "
		      "prep before -before(shutdown) stop before");
		WHICH("");
	}
}

static void end_of_a_permanent_one(void)
{
	start("a", KICK_PERMANENT);
	send_text(process_of("a", "top"), "normal");
	idle_receiving(NULL);
}

Test(lib_app, app_03_a_first_process_that_does_not_trap_exits_ends)
{
	int status = node_run(end_of_a_permanent_one, 0);

	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 128 + SIGKILL, "%#x",
		status);
}

NODE_TEST(lib_app, app_04_a_supervisor_that_gives_up_takes_a_transient_one_along)
{
	kick_pid ac, child;
	cJSON *list;

	CHECK_INT(kick_trap_exit(true), 0);
	CHECK_INT(try_start("a", "supervisor", KICK_TRANSIENT), 0);
	ac = controller();
	CHECK_INT(
		kick_supervisor_which_children(kick_to(process_of("a", "top")), &list),
		0);
	child = kick_pid_from_json(
		cJSON_GetObjectItem(cJSON_GetArrayItem(list, 0), "pid"));
	cJSON_Delete(list);
	CHECK_INT(kick_exit(child, "kill"), 0);
	EXPECT_ALL_DOWN("application_terminated:a:shutdown:max_restarts");
}

NODE_TEST(lib_app, app_08_a_failed_start_takes_all_down_as_an_end_does)
{
	char want[96];

	CHECK_INT(kick_trap_exit(true), 0);
	for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
		kick_application a = failing(i);
		bool normal = strcmp(failures[i].reason, "normal") == 0;

		for (kick_restart t = KICK_PERMANENT; t <= KICK_TEMPORARY; t++) {
			kick_pid ac;

			start("other", KICK_TEMPORARY);
			ac = controller();
			CHECK_INT(kick_application_start(&a, t, NULL), -ECANCELED);
			if (t == KICK_TEMPORARY || (t == KICK_TRANSIENT && normal)) {
				WHICH("other");
				CHECK_INT(kick_application_stop("other"), 0);
				CHECK_PID(controller(), ac);
				continue;
			}
			(void)snprintf(want, sizeof want,
				"application_start_failure:a:%s", failures[i].reason);
			EXPECT_ALL_DOWN(want);
			TRACE("+other +a prep other -other(shutdown) stop other");
		}
		memset(trace, 0, sizeof *trace);
	}
}

/* What is wrong before start is called takes nothing down. */
NODE_TEST(lib_app, app_08_a_start_that_is_refused_is_no_failed_one)
{
	static const char *const needs[] = { "nowhere", NULL };
	const kick_application a = app_with("a", "top", needs);

	start("b", KICK_PERMANENT);
	CHECK_INT(kick_application_start(&a, KICK_PERMANENT, NULL), -ESRCH);
	CHECK_INT(try_start("b", "top", KICK_PERMANENT), -EEXIST);
	WHICH("b");
	EXPECT_SILENCE();
}
