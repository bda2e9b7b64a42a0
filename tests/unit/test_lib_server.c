/* libkick: GenServer, its life. The rules GS-1 to GS-12 of OTP. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/nodeserver.h"

TestSuite(lib_server, .timeout = 120);

/* --- start -------------------------------------------------------------------------
 */

NODE_TEST(lib_server, gs_01_start_returns_when_init_is_done)
{
	kick_pid a = srv_new(false);

	CHECK_INT(kick_alive(a), 1);
	srv_check_answer(a, "count", "1");
	srv_check_answer(a, "count", "2");
	EXPECT_SILENCE();
}

NODE_TEST(lib_server, gs_01_init_may_refuse)
{
	static const struct {
		const char *args;
		int result;
		const char *reason;
	} rows[] = {
		{ "ignore", KICK_IGNORE, "normal" },
		{ "stop shutdown", -ECANCELED, "shutdown" },
		{ "stop normal", -ECANCELED, "normal" },
		{ "stop bad luck", -ECANCELED, "bad luck" },
		{ "raise kaboom", -ECANCELED, "kaboom" },
		{ "raise normal", -ECANCELED, "normal" },
		{ "return 17", -ECANCELED, "bad_return_value" },
		{ "return -5", -ECANCELED, "bad_return_value" },
		{ "signal 9", -ECANCELED, "killed" },
		{ "signal 11", -ECANCELED, "signal:SIGSEGV" },
	};
	const kick_start_options named = { .name = "refuses" };

	srv_tester = kick_self();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		kick_reason why = { "" };
		kick_pid pid = NOBODY, found;
		kick_message *m;
		int r;

		/* Not linked: the caller lives, and hears nothing else. */
		CHECK_INT(kick_trap_exit(false) >= 0, true);
		r = srv_start(rows[i].args, &named, false, &pid, &why);
		if (r != rows[i].result)
			FAIL("%s: start gives %d", rows[i].args, r);
		if (r < 0)
			CHECK_TEXT(why.text, rows[i].reason);
		CHECK_INT(kick_whereis("refuses", &found), -ESRCH);
		EXPECT_SILENCE();
		/* Linked: one that traps exits gets an EXIT for the same reason. */
		CHECK_INT(kick_trap_exit(true), 0);
		r = srv_start(rows[i].args, &named, true, &pid, &why);
		CHECK_INT(r, rows[i].result);
		m = TAKE(NULL, NULL);
		CHECK_INT(m->kind, KICK_EXIT);
		CHECK_TEXT(m->reason, rows[i].reason);
		kick_message_free(m);
		EXPECT_SILENCE();
	}
}

NODE_TEST(lib_server, gs_01_start_link_links)
{
	kick_pid a;

	srv_tester = kick_self();
	CHECK_INT(kick_trap_exit(true), 0);
	CHECK_INT(srv_start(NULL, NULL, true, &a, NULL), 0);
	srv_cast(a, "raise kaboom");
	EXPECT_EXIT(a, "kaboom");
}

NODE_TEST(lib_server, gs_01_a_name_is_there_when_start_returns)
{
	const kick_start_options o = { .name = "counter" };
	kick_pid a, b = NOBODY, found;
	kick_reason why;
	char answer[64];

	srv_tester = kick_self();
	CHECK_INT(srv_start(NULL, &o, false, &a, NULL), 0);
	CHECK_INT(kick_whereis("counter", &found), 0);
	CHECK_PID(found, a);
	CHECK_INT(srv_start(NULL, &o, false, &b, &why), -EEXIST);
	CHECK_PID(b, a);
	b = NOBODY;
	/* Nobody dies of it, though linked for a moment. */
	CHECK_INT(srv_start(NULL, &o, true, &b, &why), -EEXIST);
	CHECK_PID(b, a);
	CHECK_INT(srv_call(kick_to_name("counter"), "count", CALL_MS, answer, &why), 0);
	CHECK_TEXT(answer, "1");
	EXPECT_SILENCE();
}

NODE_TEST(lib_server, gs_02_an_init_that_takes_too_long_is_killed)
{
	const kick_start_options o = { .name = "slow", .timeout_ms = 50 };
	kick_pid a = NOBODY, found;

	srv_tester = kick_self();
	CHECK_INT(srv_start("never", &o, false, &a, NULL), -ETIMEDOUT);
	CHECK_INT(kick_whereis("slow", &found), -ESRCH);
	CHECK_INT(kick_alive(a), 0);
	/* The name is free for the next one, and its time-out is no concern of it. */
	CHECK_INT(srv_start(NULL, &o, false, &a, NULL), 0);
	srv_check_answer(a, "count", "1");
	EXPECT_SILENCE();
}

/* --- answers -----------------------------------------------------------------------
 */

static void call_later(void *server_pid)
{
	char answer[64] = "";
	kick_reason why;

	send_text(srv_tester, "calling");
	CHECK_INT(srv_call(kick_to(*(kick_pid *)server_pid), "later", CALL_MS, answer,
			  &why),
		0);
	srv_tell("answered", answer);
}

NODE_TEST(lib_server, gs_03_others_are_served_before_a_later_answer)
{
	kick_pid a = srv_new(false), caller;
	kick_message *m = NULL;

	CHECK_INT(kick_spawn(call_later, &a, &caller), 0);
	EXPECT_TEXT("calling");
	srv_check_answer(a, "count", "1");
	srv_check_answer(a, "count", "2");
	/* Until the server has the call, an answer goes nowhere. */
	while (!m) {
		srv_cast(a, "answer at last");
		(void)kick_receive(match_plain, NULL, 20, &m);
	}
	CHECK_TEXT(cJSON_GetStringValue(m->value), "answered at last");
	kick_message_free(m);
}

static void answer_for_it(void *from)
{
	srv_reply(*(kick_from *)from, "from another one");
}

static void serve_by_hand(void *unused)
{
	kick_message *m;
	kick_from from;
	kick_pid pid;

	(void)unused;
	while (kick_receive(NULL, NULL, KICK_INFINITY, &m) == 0) {
		from = (kick_from){ m->from, m->ref };
		CHECK(m->kind == KICK_CALL || m->kind == KICK_CAST);
		if (m->kind == KICK_CAST)
			srv_tell("by hand", cJSON_GetStringValue(m->value));
		else if (strcmp(cJSON_GetStringValue(m->value), "other") == 0)
			CHECK_INT(kick_spawn(answer_for_it, &from, &pid), 0);
		else
			CHECK_INT(kick_reply(from, m->value), 0);
		kick_message_free(m);
	}
}

NODE_TEST(lib_server, gs_03_any_process_may_answer_a_call)
{
	kick_pid a;

	srv_tester = kick_self();
	CHECK_INT(kick_spawn(serve_by_hand, NULL, &a), 0);
	srv_check_answer(a, "x", "x");
	srv_check_answer(a, "other", "from another one");
	srv_cast(a, "y");
	EXPECT_TEXT("by hand y");
}

NODE_TEST(lib_server, gs_03_stop_with_a_reply_answers_after_terminate)
{
	kick_pid a = srv_new(false);
	kick_ref ref = srv_watch(a);

	srv_check_answer(a, "stop_reply shutdown", "farewell");
	/* From the same sender: what it said in terminate came first. */
	EXPECT_TEXT("terminate shutdown");
	EXPECT_DOWN(ref, a, "shutdown");
	EXPECT_SILENCE();
}

NODE_TEST(lib_server, gs_03_stop_without_a_reply_is_the_caller_s_reason)
{
	srv_check_lost(srv_new(false), "stop no more", "no more");
	EXPECT_TEXT("terminate no more");
	srv_check_lost(srv_new(false), "stop normal", "normal");
	EXPECT_TEXT("terminate normal");
	EXPECT_SILENCE();
}

NODE_TEST(lib_server, gs_03_casts_and_infos_may_stop)
{
	kick_pid a = srv_new(false), b = srv_new(false), c = srv_new(false);
	kick_ref ref = srv_watch(a);

	srv_cast(a, "stop enough");
	EXPECT_TEXT("cast stop enough");
	EXPECT_TEXT("terminate enough");
	EXPECT_DOWN(ref, a, "enough");
	ref = srv_watch(b);
	send_text(b, "stop enough");
	EXPECT_TEXT("info stop enough");
	EXPECT_TEXT("terminate enough");
	EXPECT_DOWN(ref, b, "enough");
	ref = srv_watch(c);
	srv_cast(c, "continue stop enough");
	EXPECT_TEXT("cast continue stop enough");
	EXPECT_TEXT("continue stop enough");
	EXPECT_TEXT("terminate enough");
	EXPECT_DOWN(ref, c, "enough");
}

NODE_TEST(lib_server, gs_04_another_value_is_a_bad_one)
{
	static const char *const values[] = { "return 3", "return 99", "return -1",
		"return 1" };

	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		kick_pid a = srv_new(false), b = srv_new(false);
		kick_ref ref = srv_watch(b);

		srv_check_lost(a, values[i], "bad_return_value");
		EXPECT_TEXT("terminate bad_return_value");
		send_text(b, values[i]);
		kick_message_free(TAKE(match_plain, NULL));
		EXPECT_TEXT("terminate bad_return_value");
		EXPECT_DOWN(ref, b, "bad_return_value");
	}
}

NODE_TEST(lib_server, gs_05_a_time_out_comes_when_nothing_else_does)
{
	kick_pid a = srv_new(false);
	kick_message *m;

	srv_cast(a, "timeout 20");
	EXPECT_TEXT("cast timeout 20");
	EXPECT_TEXT("info timeout");
	/* Once. */
	CHECK_INT(kick_receive(NULL, NULL, 60, &m), -ETIMEDOUT);
	EXPECT_SILENCE();
}

NODE_TEST(lib_server, gs_05_any_message_cancels_it)
{
	kick_pid a = srv_new(false);

	srv_cast(a, "timeout 3600000");
	srv_cast(a, "x");
	srv_cast(a, "timeout 40");
	srv_check_answer(a, "count", "1");
	EXPECT_TEXT("cast timeout 3600000");
	EXPECT_TEXT("cast x");
	EXPECT_TEXT("cast timeout 40");
	CHECK_INT(kick_receive(NULL, NULL, 100, &(kick_message *){ NULL }), -ETIMEDOUT);
	EXPECT_SILENCE();
}

/* Two casts in one message of the kernel's, as good as: the server is stopped
 * meanwhile. */
NODE_TEST(lib_server, gs_05_time_out_0_lets_what_is_queued_go_first)
{
	kick_pid a = srv_new(false);
	pid_t os = srv_os_pid(a);

	CHECK_INT(kill(os, SIGSTOP), 0);
	srv_cast(a, "timeout 0");
	srv_cast(a, "queued");
	CHECK_INT(kill(os, SIGCONT), 0);
	EXPECT_TEXT("cast timeout 0");
	EXPECT_TEXT("cast queued");
	EXPECT_SILENCE();
	srv_cast(a, "timeout 0");
	EXPECT_TEXT("cast timeout 0");
	EXPECT_TEXT("info timeout");
}

NODE_TEST(lib_server, gs_06_continue_comes_before_any_message)
{
	kick_pid a;

	srv_tester = kick_self();
	for (int i = 0; i < 20; i++) {
		a = srv_new(false);
		srv_cast(a, "continue then then last");
		srv_cast(a, "queued");
		EXPECT_TEXT("cast continue then then last");
		EXPECT_TEXT("continue then then last");
		EXPECT_TEXT("continue then last");
		EXPECT_TEXT("continue last");
		EXPECT_TEXT("cast queued");
	}
}

NODE_TEST(lib_server, gs_06_from_init_it_comes_after_start_has_returned)
{
	kick_pid a;

	srv_tester = kick_self();
	CHECK_INT(srv_start("continue begin", NULL, false, &a, NULL), 0);
	EXPECT_TEXT("continue begin");
	srv_check_answer(a, "count", "1");
	/* What it dies of then is no failed start. */
	CHECK_INT(srv_start("continue stop late", NULL, false, &a, NULL), 0);
	EXPECT_TEXT("continue stop late");
	EXPECT_TEXT("terminate late");
	node_gone(a);
}

/* --- ends --------------------------------------------------------------------------
 */

NODE_TEST(lib_server, gs_08_any_reason_to_stop_is_told_as_it_is)
{
	static const char *const reasons[] = { "normal", "shutdown", "shutdown:x",
		"kaboom", "kill", "killed", "noproc" };
	char order[64];

	for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
		kick_pid a = srv_new(false);
		kick_ref ref = srv_watch(a);

		(void)snprintf(order, sizeof order, "stop %s", reasons[i]);
		srv_check_lost(a, order, reasons[i]);
		kick_message_free(TAKE(match_plain, NULL));
		EXPECT_DOWN(ref, a, reasons[i]);
		EXPECT_SILENCE();
	}
}

NODE_TEST(lib_server, gs_09_terminate_runs_when_a_callback_raises)
{
	kick_pid a = srv_new(false);
	kick_ref ref = srv_watch(a);

	srv_cast(a, "raise kaboom");
	EXPECT_TEXT("cast raise kaboom");
	EXPECT_DOWN(ref, a, "kaboom");
	EXPECT_TEXT("terminate kaboom");
	EXPECT_SILENCE();
}

NODE_TEST(lib_server, gs_09_terminate_does_not_run_at_an_exit_signal)
{
	kick_pid a = srv_new(false), b = srv_new(true), c = srv_new(false);
	kick_ref ra = srv_watch(a), rb = srv_watch(b), rc = srv_watch(c);

	CHECK_INT(kick_exit(a, "kaboom"), 0);
	EXPECT_DOWN(ra, a, "kaboom");
	CHECK_INT(kick_exit(b, "kill"), 0);
	EXPECT_DOWN(rb, b, "killed");
	srv_cast(c, "signal 11");
	EXPECT_TEXT("cast signal 11");
	EXPECT_DOWN(rc, c, "signal:SIGSEGV");
	EXPECT_SILENCE();
}

NODE_TEST(lib_server, gs_10_a_raise_in_terminate_replaces_the_reason)
{
	kick_pid a = srv_new(false);
	kick_ref ref = srv_watch(a);

	srv_cast(a, "wish other");
	srv_cast(a, "stop first");
	EXPECT_TEXT("cast stop first");
	EXPECT_TEXT("terminate first");
	EXPECT_DOWN(ref, a, "other");
	EXPECT_SILENCE();
}

NODE_TEST(lib_server, gs_11_an_exit_that_is_not_the_parent_s_is_information)
{
	kick_pid a, b = puppet();

	a = srv_new(true);
	CHECK_INT(puppet_do(b, "link", a, NULL), 0);
	PUPPET_ENDS(b, "raise", "kaboom", "kaboom");
	EXPECT_TEXT("info EXIT kaboom");
	CHECK_INT(puppet_do(puppet(), "exit", a, "normal"), 0);
	EXPECT_TEXT("info EXIT normal");
	srv_check_answer(a, "count", "1");
	EXPECT_SILENCE();
}

static kick_pid take_pid(void)
{
	kick_message *m = TAKE(match_plain, NULL);
	kick_pid pid = kick_pid_from_json(m->value);

	kick_message_free(m);
	CHECK(pid.id != 0);
	return pid;
}

/* Starts a server, says which, and ends as it is told. */
static void be_a_parent(void *traps)
{
	const kick_start_options o = { .trap_exit = *(bool *)traps };
	kick_message *m;
	cJSON *json;
	kick_pid pid;

	CHECK_INT(srv_start(NULL, &o, true, &pid, NULL), 0);
	json = kick_pid_to_json(pid);
	CHECK_INT(kick_send(kick_to(srv_tester), json), 0);
	m = TAKE(match_plain, NULL);
	kick_raise(cJSON_GetStringValue(m->value));
}

NODE_TEST(lib_server, gs_12_the_parent_s_exit_ends_a_server_that_traps)
{
	static const char *const reasons[] = { "normal", "shutdown", "kaboom" };
	static bool traps = true;
	char line[64];

	srv_tester = kick_self();
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
		kick_pid parent, child;
		kick_ref ref;

		CHECK_INT(kick_spawn(be_a_parent, &traps, &parent), 0);
		child = take_pid();
		ref = srv_watch(child);
		send_text(parent, reasons[i]);
		(void)snprintf(line, sizeof line, "terminate %s", reasons[i]);
		EXPECT_TEXT(line);
		EXPECT_DOWN(ref, child, reasons[i]);
		EXPECT_SILENCE();
	}
}

NODE_TEST(lib_server, gs_12_an_exit_signal_of_the_living_parent_is_the_same)
{
	const kick_start_options o = { .trap_exit = true };
	kick_pid a;

	srv_tester = kick_self();
	CHECK_INT(kick_trap_exit(true), 0);
	CHECK_INT(srv_start(NULL, &o, true, &a, NULL), 0);
	CHECK_INT(kick_exit(a, "shutdown"), 0);
	EXPECT_TEXT("terminate shutdown");
	EXPECT_EXIT(a, "shutdown");
	EXPECT_SILENCE();
}

NODE_TEST(lib_server, gs_12_one_that_does_not_trap_outlives_a_normal_end)
{
	static bool traps;
	kick_pid parent, child;
	kick_ref ref;

	srv_tester = kick_self();
	CHECK_INT(kick_spawn(be_a_parent, &traps, &parent), 0);
	child = take_pid();
	send_text(parent, "normal");
	node_gone(parent);
	srv_check_answer(child, "count", "1");
	CHECK_INT(kick_spawn(be_a_parent, &traps, &parent), 0);
	child = take_pid();
	ref = srv_watch(child);
	send_text(parent, "kaboom");
	EXPECT_DOWN(ref, child, "kaboom");
	EXPECT_SILENCE();
}
