/* libkick: GenServer, what others ask of it. The rules GS-13 to GS-16 of OTP. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "support/nodeserver.h"

TestSuite(lib_calls, .timeout = 120);

static const kick_gen_server no_callbacks;

/* --- call, cast, stop --------------------------------------------------------------
 */

NODE_TEST(lib_calls, gs_13_a_call_to_nobody)
{
	kick_pid a = srv_new(false);
	kick_reason why;

	CHECK_INT(kick_exit(a, "kill"), 0);
	node_gone(a);
	CHECK_INT(srv_call(kick_to(a), "count", CALL_MS, NULL, &why), -ESRCH);
	CHECK_INT(
		srv_call(kick_to_name("nobody"), "count", CALL_MS, NULL, &why), -ESRCH);
	CHECK_INT(srv_call(kick_to(NOBODY), "count", CALL_MS, NULL, &why), -ESRCH);
	EXPECT_SILENCE();
}

NODE_TEST(lib_calls, gs_13_the_callee_s_end_during_a_call)
{
	static const char *const rows[][2] = { { "raise kaboom", "kaboom" },
		{ "raise normal", "normal" }, { "signal 9", "killed" },
		{ "signal 11", "signal:SIGSEGV" }, { "signal 15", "signal:SIGTERM" } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		srv_check_lost(srv_new(false), rows[i][0], rows[i][1]);
	(void)kick_flush();
	EXPECT_SILENCE();
}

NODE_TEST(lib_calls, gs_13_an_answer_counts_though_the_callee_dies_after_it)
{
	for (int i = 0; i < 50; i++) {
		kick_pid a = srv_new(false);

		srv_check_answer(
			a, i % 2 ? "reply_and signal 9" : "reply_and stop x", "first");
		node_gone(a);
		(void)kick_flush();
	}
	EXPECT_SILENCE();
}

NODE_TEST(lib_calls, gs_13_a_late_answer_is_dropped)
{
	kick_pid a = srv_new(false);
	kick_reason why;

	for (int i = 0; i < 20; i++) {
		CHECK_INT(srv_call(kick_to(a), "later", i % 2 ? 0 : 15, NULL, &why),
			-ETIMEDOUT);
		srv_cast(a, "answer too late");
		srv_check_answer(a, "echo in time", "in time");
	}
	CHECK_INT(kick_alive(a), 1);
	EXPECT_SILENCE();
}

NODE_TEST(lib_calls, gs_13_a_call_to_oneself)
{
	kick_pid a = srv_new(false);
	kick_reason why;

	srv_check_answer(a, "self", "deadlock");
	CHECK_INT(srv_call(kick_to(kick_self()), "x", CALL_MS, NULL, &why), -EDEADLK);
	CHECK_INT(kick_register("me"), 0);
	CHECK_INT(srv_call(kick_to_name("me"), "x", CALL_MS, NULL, &why), -EDEADLK);
}

NODE_TEST(lib_calls, gs_13_a_call_leaves_other_messages_alone)
{
	kick_pid a = srv_new(false);

	for (int i = 0; i < 5; i++)
		send_number(kick_self(), i);
	srv_check_answer(a, "count", "1");
	for (int i = 0; i < 5; i++)
		CHECK_INT(take_number(), i);
	EXPECT_SILENCE();
}

NODE_TEST(lib_calls, gs_13_a_cast_is_never_an_error)
{
	kick_pid a = srv_new(false);
	cJSON *value = srv_text("x");

	srv_cast(a, "x");
	EXPECT_TEXT("cast x");
	CHECK_INT(kick_exit(a, "kill"), 0);
	node_gone(a);
	CHECK_INT(kick_cast(kick_to(a), value), 0);
	CHECK_INT(kick_cast(kick_to_name("nobody"), value), 0);
	CHECK_INT(kick_cast(kick_to(NOBODY), value), 0);
	cJSON_Delete(value);
	EXPECT_SILENCE();
}

NODE_TEST(lib_calls, gs_14_stop)
{
	kick_pid a = srv_new(false);
	kick_reason why = { "" };
	kick_ref ref = srv_watch(a);

	CHECK_INT(kick_server_stop_call(kick_to(a), "normal", CALL_MS, &why), 0);
	EXPECT_TEXT("terminate normal");
	EXPECT_DOWN(ref, a, "normal");
	CHECK_INT(kick_server_stop_call(kick_to(a), "normal", CALL_MS, &why), -ESRCH);
	a = srv_new(false);
	CHECK_INT(kick_server_stop_call(kick_to(a), "a reason", CALL_MS, &why), 0);
	EXPECT_TEXT("terminate a reason");
	/* Another one than it was told to: what it dies of in terminate. */
	a = srv_new(false);
	srv_cast(a, "wish other");
	CHECK_INT(kick_server_stop_call(kick_to(a), "normal", CALL_MS, &why),
		-ECONNRESET);
	CHECK_TEXT(why.text, "other");
	EXPECT_TEXT("terminate normal");
	EXPECT_SILENCE();
}

NODE_TEST(lib_calls, gs_14_a_stop_that_times_out_goes_on)
{
	kick_pid a = srv_new(false);
	pid_t os = srv_os_pid(a);
	kick_ref ref = srv_watch(a);

	CHECK_INT(kill(os, SIGSTOP), 0);
	CHECK_INT(kick_server_stop_call(kick_to(a), "shutdown", 20, NULL), -ETIMEDOUT);
	CHECK_INT(kill(os, SIGCONT), 0);
	EXPECT_TEXT("terminate shutdown");
	EXPECT_DOWN(ref, a, "shutdown");
	EXPECT_SILENCE();
}

NODE_TEST(lib_calls, gs_15_a_server_without_callbacks)
{
	cJSON *value = srv_text("x"), *answer = NULL;
	kick_pid a;

	CHECK_INT(kick_server_start(&no_callbacks, NULL, NULL, &a, NULL), 0);
	CHECK_INT(kick_call(kick_to(a), value, CALL_MS, &answer, NULL), 0);
	CHECK_TEXT(cJSON_GetStringValue(cJSON_GetObjectItem(answer, "error")), "undef");
	cJSON_Delete(answer);
	CHECK_INT(kick_cast(kick_to(a), value), 0);
	CHECK_INT(kick_send(kick_to(a), value), 0);
	CHECK_INT(kick_call(kick_to(a), value, CALL_MS, NULL, NULL), 0);
	CHECK_INT(kick_server_stop_call(kick_to(a), "normal", CALL_MS, NULL), 0);
	cJSON_Delete(value);
	EXPECT_SILENCE();
}

NODE_TEST(lib_calls, gs_16_requests_are_served_in_the_order_they_came)
{
	kick_pid a = srv_new(false);
	char line[32], want[32];

	for (int i = 0; i < 500; i++) {
		(void)snprintf(line, sizeof line, "%d", i);
		if (i % 2)
			srv_cast(a, line);
		else
			send_text(a, line);
	}
	srv_check_answer(a, "count", "1");
	for (int i = 0; i < 500; i++) {
		(void)snprintf(want, sizeof want, "%s %d", i % 2 ? "cast" : "info", i);
		EXPECT_TEXT(want);
	}
	EXPECT_SILENCE();
}

static void count_calls(void *server_pid)
{
	kick_reason why;

	for (int i = 0; i < 200; i++)
		CHECK_INT(srv_call(kick_to(*(kick_pid *)server_pid), "count", CALL_MS,
				  NULL, &why),
			0);
	send_text(srv_tester, "done");
}

NODE_TEST(lib_calls, gs_16_many_callers_are_served_one_at_a_time)
{
	kick_pid a = srv_new(false), pid;

	for (int i = 0; i < 5; i++)
		CHECK_INT(kick_spawn(count_calls, &a, &pid), 0);
	for (int i = 0; i < 5; i++)
		EXPECT_TEXT("done");
	srv_check_answer(a, "count", "1001");
}

/* --- killed at every step ----------------------------------------------------------
 */

static void call_for_ever(void *server_pid)
{
	kick_reason why;

	for (;;)
		CHECK_INT(srv_call(kick_to(*(kick_pid *)server_pid), "echo x", CALL_MS,
				  NULL, &why),
			0);
}

struct victim {
	kick_pid server;
	int us;
};

static void end_in(int us)
{
	struct sigevent e = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL };
	struct itimerspec when = { .it_value = { .tv_nsec = us * 1000 + 1 } };
	timer_t timer;

	CHECK_INT(timer_create(CLOCK_MONOTONIC, &e, &timer), 0);
	CHECK_INT(timer_settime(timer, 0, &when, NULL), 0);
}

static void call_until_killed(void *arg)
{
	struct victim *v = arg;

	end_in(v->us);
	call_for_ever(&v->server);
}

NODE_TEST(lib_calls, kill_9_of_a_caller_at_any_step_of_a_call)
{
	kick_pid a = srv_new(false), pid;

	for (int us = 0; us < 3000; us += 43) {
		struct victim v = { a, us };
		kick_ref ref;

		CHECK_INT(kick_spawn_monitor(call_until_killed, &v, &pid, &ref), 0);
		EXPECT_DOWN(ref, pid, "killed");
		srv_check_answer(a, "echo well", "well");
	}
	EXPECT_SILENCE();
}

static void serve_until_killed(void *us)
{
	kick_message *m;

	end_in(*(int *)us);
	while (kick_receive(NULL, NULL, KICK_INFINITY, &m) == 0) {
		CHECK_INT(kick_reply((kick_from){ m->from, m->ref }, m->value), 0);
		kick_message_free(m);
	}
}

NODE_TEST(lib_calls, kill_9_of_a_callee_at_any_step_of_a_call)
{
	for (int us = 0; us < 3000; us += 43) {
		kick_reason why;
		kick_pid pid;
		int r;

		CHECK_INT(kick_spawn(serve_until_killed, &us, &pid), 0);
		while ((r = srv_call(kick_to(pid), "x", CALL_MS, NULL, &why)) == 0)
			continue;
		if (r == -ECONNRESET)
			CHECK_TEXT(why.text, "killed");
		else
			CHECK_INT(r, -ESRCH);
	}
	EXPECT_SILENCE();
}

/* --- those who do not look -----------------------------------------------------------
 */

static cJSON *mebibyte(void)
{
	char *text = malloc((1 << 20) + 1);
	cJSON *value;

	CHECK(text);
	memset(text, 'x', 1 << 20);
	text[1 << 20] = '\0';
	value = cJSON_CreateString(text);
	free(text);
	CHECK(value);
	return value;
}

static void fill(kick_pid pid, const cJSON *value)
{
	while (kick_send_nowait(kick_to(pid), value) == 0)
		continue;
}

NODE_TEST(lib_calls, a_call_ends_in_time_also_where_there_is_no_room)
{
	cJSON *value = mebibyte();
	kick_reason why;
	kick_pid pid;

	CHECK_INT(kick_spawn(idle_pausing, NULL, &pid), 0);
	fill(pid, value);
	CHECK_INT(srv_call(kick_to(pid), "x", 50, NULL, &why), -ETIMEDOUT);
	CHECK_INT(kick_send_timeout(kick_to(pid), value, 50), -ETIMEDOUT);
	CHECK_INT(kick_server_stop_call(kick_to(pid), "normal", 50, NULL), -ETIMEDOUT);
	cJSON_Delete(value);
}

static bool is_call(const kick_message *m, void *unused)
{
	(void)unused;
	return m->kind == KICK_CALL;
}

static void call_once(void *server)
{
	kick_reason why;

	(void)srv_call(kick_to(*(kick_pid *)server), "x", KICK_INFINITY, NULL, &why);
}

NODE_TEST(lib_calls, a_reply_waits_for_nobody)
{
	cJSON *value = mebibyte(), *all = cJSON_CreateArray();
	kick_pid pid, self = kick_self();
	kick_message *m;
	kick_ref ref;
	cJSON *info;
	pid_t os;

	for (int i = 0; i < 16; i++)
		CHECK(cJSON_AddItemReferenceToArray(all, value));
	CHECK_INT(kick_spawn_monitor(call_once, &self, &pid, &ref), 0);
	m = TAKE(is_call, NULL);
	info = kick_info(pid);
	os = (pid_t)cJSON_GetNumberValue(cJSON_GetObjectItem(info, "os_pid"));
	cJSON_Delete(info);
	CHECK(os > 0);
	CHECK_INT(kill(os, SIGSTOP), 0);
	CHECK_INT(kick_reply((kick_from){ m->from, m->ref }, all), 0);
	/* What it had no room for is sent when it has. */
	CHECK_INT(kill(os, SIGCONT), 0);
	EXPECT_DOWN(ref, pid, "normal");
	kick_message_free(m);
	cJSON_Delete(all);
	cJSON_Delete(value);
}

NODE_TEST(lib_calls, info_of_another_one)
{
	kick_pid pid = puppet();
	const char *state;
	cJSON *info;

	send_text(pid, "nobody looks for this");
	CHECK_INT(puppet_do(pid, "ping", NOBODY, NULL), 0);
	info = kick_info(pid);
	CHECK_INT(cJSON_GetNumberValue(cJSON_GetObjectItem(info, "messages")), 1);
	CHECK(cJSON_GetNumberValue(cJSON_GetObjectItem(info, "memory")) > 4096);
	/* It answered, and will wait in a moment. */
	state = cJSON_GetStringValue(cJSON_GetObjectItem(info, "state"));
	CHECK(state &&
		(strcmp(state, "waiting") == 0 || strcmp(state, "running") == 0));
	cJSON_Delete(info);
}
