/* libkick: Task: yield, shutdown, ignore, many at once. The rules TASK-4, 5 and 6 of
 * OTP. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/tasktest.h"

TestSuite(lib_tasks, .timeout = 120);

/* --- yield -------------------------------------------------------------------------
 */

NODE_TEST(lib_tasks, task_04_yield_may_be_asked_again)
{
	kick_task t = tsk_async("wait");

	YIELDS(&t, 0, -ETIMEDOUT, NULL);
	YIELDS(&t, 20, -ETIMEDOUT, NULL);
	CHECK_INT(tsk_my("monitors"), 1);
	send_text(t.pid, "value x");
	YIELDS(&t, TSK_MS, 0, "x");
	EXPECT_NOTHING_LEFT();
}

NODE_TEST(lib_tasks, task_04_yield_of_one_that_has_ended)
{
	kick_task t = tsk_ended(kick_task_async, "value x");

	YIELDS(&t, 0, 0, "x");
	t = tsk_ended(kick_task_async, "raise normal");
	YIELDS(&t, 0, -ECONNRESET, "normal");
	t = tsk_ended(kick_task_async_nolink, "raise kaboom");
	YIELDS(&t, 0, -ECONNRESET, "kaboom");
	/* What it returned counts, not what became of it then. */
	t = tsk_ended(kick_task_async_nolink, "doomed 9");
	YIELDS(&t, 0, 0, "doomed");
	t = tsk_ended(kick_task_async_nolink, "doomed 9");
	AWAITS(&t, 0, 0, "doomed");
	EXPECT_NOTHING_LEFT();
}

NODE_TEST(lib_tasks, task_04_yield_many_tells_of_each_in_order)
{
	kick_task t[] = { tsk_nolink("wait"), tsk_nolink("value b"),
		tsk_nolink("raise kaboom"), tsk_nolink("raise normal") };
	kick_task_outcome o[4];

	for (size_t i = 1; i < 4; i++)
		node_gone(t[i].pid);
	CHECK_INT(kick_task_yield_many(t, 4, 20, NULL, o), 3);
	OUTCOME(o[0], -ETIMEDOUT, NULL);
	OUTCOME(o[1], 0, "b");
	OUTCOME(o[2], -ECONNRESET, "kaboom");
	OUTCOME(o[3], -ECONNRESET, "normal");
	/* Nothing has become of the first one. */
	CHECK_INT(kick_task_yield_many(t, 1, 0, NULL, o), 0);
	OUTCOME(o[0], -ETIMEDOUT, NULL);
	send_text(t[0].pid, "value a");
	CHECK_INT(kick_task_yield_many(t, 1, KICK_INFINITY, NULL, o), 1);
	OUTCOME(o[0], 0, "a");
	EXPECT_NOTHING_LEFT();
}

NODE_TEST(lib_tasks, task_04_yield_many_may_kill_what_still_runs)
{
	const kick_yield_options kill_them = { .on_timeout = KICK_TIMEOUT_KILL };
	kick_task t[] = { tsk_async("never"), tsk_nolink("stubborn"),
		tsk_async("value c") };
	kick_task_outcome o[3];

	CHECK_INT(kick_trap_exit(true), 0);
	node_gone(t[2].pid);
	CHECK_INT(kick_task_yield_many(t, 3, 0, &kill_them, o), 1);
	OUTCOME(o[0], -ETIMEDOUT, NULL);
	OUTCOME(o[1], -ETIMEDOUT, NULL);
	OUTCOME(o[2], 0, "c");
	CHECK_INT(kick_alive(t[0].pid), 0);
	CHECK_INT(kick_alive(t[1].pid), 0);
	while (kick_receive(tsk_match_exit, NULL, 0, &(kick_message *){ NULL }) == 0)
		continue; /* of the third one, if it ended when exits were trapped */
	YIELDS(&t[0], KICK_INFINITY, -ECONNRESET, "noproc");
	EXPECT_NOTHING_LEFT();
}

NODE_TEST(lib_tasks, task_04_yield_many_may_ignore_what_still_runs)
{
	const kick_yield_options ignore = { .on_timeout = KICK_TIMEOUT_IGNORE };
	kick_task t[] = { tsk_async("wait"), tsk_async("wait") };
	kick_task_outcome o[2];

	CHECK_INT(kick_trap_exit(true), 0);
	CHECK_INT(kick_task_yield_many(t, 2, 20, &ignore, o), 0);
	OUTCOME(o[0], -ETIMEDOUT, NULL);
	OUTCOME(o[1], -ETIMEDOUT, NULL);
	CHECK_INT(kick_alive(t[0].pid), 1);
	send_text(t[0].pid, "value late");
	send_text(t[1].pid, "raise kaboom");
	node_gone(t[0].pid);
	node_gone(t[1].pid);
	EXPECT_NOTHING_LEFT();
}

NODE_TEST(lib_tasks, task_04_yield_many_ends_when_there_are_enough)
{
	const kick_yield_options two = { 2, KICK_TIMEOUT_KILL };
	kick_task t[] = { tsk_nolink("wait"), tsk_nolink("value b"), tsk_nolink("wait"),
		tsk_nolink("value d") };
	kick_task_outcome o[4];

	CHECK_INT(kick_task_yield_many(t, 4, KICK_INFINITY, &two, o), 2);
	OUTCOME(o[0], -ETIMEDOUT, NULL);
	OUTCOME(o[1], 0, "b");
	OUTCOME(o[2], -ETIMEDOUT, NULL);
	OUTCOME(o[3], 0, "d");
	/* No time-out: nobody is killed. */
	CHECK_INT(kick_alive(t[0].pid), 1);
	CHECK_INT(kick_alive(t[2].pid), 1);
	t[1] = tsk_nolink("never");
	send_text(t[2].pid, "value c");
	node_gone(t[2].pid);
	/* One of three in time: the limit is not reached. */
	t[3] = tsk_nolink("never");
	CHECK_INT(kick_task_yield_many(t, 4, 20, &two, o), 1);
	OUTCOME(o[0], -ETIMEDOUT, NULL);
	OUTCOME(o[2], 0, "c");
	CHECK_INT(kick_alive(t[0].pid), 0);
	CHECK_INT(kick_alive(t[1].pid), 0);
	CHECK_INT(kick_alive(t[3].pid), 0);
	EXPECT_NOTHING_LEFT();
}

NODE_TEST(lib_tasks, task_04_yield_many_below_its_limit_ends_with_the_last)
{
	const kick_yield_options many = { 9, KICK_TIMEOUT_NOTHING };
	kick_task t[] = { tsk_async("value a"), tsk_async("value b") };
	kick_task_outcome o[2];

	CHECK_INT(kick_task_yield_many(t, 2, KICK_INFINITY, &many, o), 2);
	OUTCOME(o[0], 0, "a");
	OUTCOME(o[1], 0, "b");
	CHECK_INT(kick_task_yield_many(NULL, 0, KICK_INFINITY, NULL, NULL), 0);
	CHECK_INT(kick_task_yield_many(t, 2, -7, NULL, o), -EINVAL);
	CHECK_INT(kick_task_yield_many(NULL, 2, 0, NULL, o), -EINVAL);
	EXPECT_NOTHING_LEFT();
}

/* --- shutdown, ignore --------------------------------------------------------------
 */

NODE_TEST(lib_tasks, task_05_shutdown_of_one_that_has_ended)
{
	static const struct {
		const char *task;
		int usual, brutal;
		const char *text;
	} rows[] = {
		{ "value x", 0, 0, "x" },
		{ "doomed 9", 0, 0, "doomed" },
		{ "doomed 11", 0, 0, "doomed" },
		{ "doomed 15", 0, 0, "doomed" },
		{ "raise kaboom", -ECONNRESET, -ECONNRESET, "kaboom" },
		{ "raise normal", -ECONNRESET, -ECONNRESET, "normal" },
		{ "raise shutdown", -ECANCELED, -ECONNRESET, "shutdown" },
		{ "signal 9", -ECONNRESET, -ECANCELED, "killed" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		kick_task t = tsk_ended(kick_task_async_nolink, rows[i].task);

		SHUTS_DOWN(&t, TSK_MS, rows[i].usual, rows[i].text);
		t = tsk_ended(kick_task_async_nolink, rows[i].task);
		SHUTS_DOWN(&t, KICK_BRUTAL_KILL, rows[i].brutal, rows[i].text);
	}
	EXPECT_NOTHING_LEFT();
}

NODE_TEST(lib_tasks, task_05_shutdown_ends_a_running_one)
{
	static const int64_t times[] = { TSK_MS, KICK_INFINITY, KICK_BRUTAL_KILL };

	/* The caller hears nothing, as the link is gone. */
	CHECK_INT(kick_trap_exit(true), 0);
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		kick_task t = tsk_async("wait");

		SHUTS_DOWN(&t, times[i], -ECANCELED, NULL);
		CHECK_INT(kick_alive(t.pid), 0);
		t = tsk_nolink("wait");
		SHUTS_DOWN(&t, times[i], -ECANCELED, NULL);
		EXPECT_NOTHING_LEFT();
	}
}

NODE_TEST(lib_tasks, task_05_what_a_trapping_task_does_then)
{
	kick_task t = tsk_async("exits value x");

	SHUTS_DOWN(&t, TSK_MS, 0, "x");
	t = tsk_async("exits raise kaboom");
	SHUTS_DOWN(&t, TSK_MS, -ECONNRESET, "kaboom");
	t = tsk_async("exits raise normal");
	SHUTS_DOWN(&t, TSK_MS, -ECONNRESET, "normal");
	t = tsk_async("exits raise shutdown");
	SHUTS_DOWN(&t, TSK_MS, -ECANCELED, NULL);
	t = tsk_async("stubborn");
	SHUTS_DOWN(&t, 20, -ECONNRESET, "killed");
	t = tsk_async("stubborn");
	SHUTS_DOWN(&t, 0, -ECONNRESET, "killed");
	t = tsk_async("stubborn");
	SHUTS_DOWN(&t, KICK_BRUTAL_KILL, -ECANCELED, NULL);
	EXPECT_NOTHING_LEFT();
}

NODE_TEST(lib_tasks, task_05_shutdown_of_one_that_is_done_with)
{
	static const int64_t times[] = { TSK_MS, KICK_BRUTAL_KILL };

	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		kick_task t = tsk_async("value x");

		AWAITS(&t, TSK_MS, 0, "x");
		node_gone(t.pid);
		SHUTS_DOWN(&t, times[i], -ECONNRESET, "noproc");
		t = tsk_async("wait");
		SHUTS_DOWN(&t, times[i], -ECANCELED, NULL);
		SHUTS_DOWN(&t, times[i], -ECONNRESET, "noproc");
		EXPECT_NOTHING_LEFT();
	}
}

NODE_TEST(lib_tasks, task_05_ignore_drops_whatever_comes)
{
	static const char *const ends[] = { "value x", "raise kaboom", "raise normal" };

	CHECK_INT(kick_trap_exit(true), 0);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		kick_task t = tsk_async("wait");

		/* Late. */
		CHECK_INT(kick_task_ignore(&t), 0);
		CHECK_INT(kick_alive(t.pid), 1);
		CHECK_INT(tsk_my("links"), 0);
		send_text(t.pid, ends[i]);
		node_gone(t.pid);
		EXPECT_NOTHING_LEFT();
		/* In time; what a link had told is a message as any other. */
		t = tsk_ended(kick_task_async, ends[i]);
		CHECK_INT(kick_task_ignore(&t), 0);
		(void)kick_flush();
		t = tsk_ended(kick_task_async_nolink, ends[i]);
		CHECK_INT(kick_task_ignore(&t), 0);
		EXPECT_NOTHING_LEFT();
		/* It is done with, once and for all. */
		CHECK_INT(kick_task_ignore(&t), 0);
		YIELDS(&t, KICK_INFINITY, -ECONNRESET, "noproc");
	}
	EXPECT_NOTHING_LEFT();
}

NODE_TEST(lib_tasks, task_05_one_that_was_awaited_may_be_ignored)
{
	kick_task t = tsk_async("value x");

	AWAITS(&t, TSK_MS, 0, "x");
	CHECK_INT(kick_task_ignore(&t), 0);
	EXPECT_NOTHING_LEFT();
}

/* --- await_many --------------------------------------------------------------------
 */

NODE_TEST(lib_tasks, task_06_values_come_in_the_order_of_the_tasks)
{
	kick_task t[] = { tsk_async("wait"), tsk_async("wait"), tsk_async("value c") };
	cJSON *values[3] = { NULL };

	send_text(kick_self(), "not mine");
	send_text(t[1].pid, "value b");
	node_gone(t[1].pid);
	send_text(t[0].pid, "value a");
	CHECK_INT(kick_task_await_many(t, 3, TSK_MS, values, NULL), 0);
	for (int i = 0; i < 3; i++) {
		CHECK_TEXT(cJSON_GetStringValue(values[i]),
			((const char *const[]){ "a", "b", "c" })[i]);
		cJSON_Delete(values[i]);
	}
	EXPECT_TEXT("not mine");
	EXPECT_NOTHING_LEFT();
}

NODE_TEST(lib_tasks, task_06_of_no_tasks_at_once)
{
	CHECK_INT(kick_task_await_many(NULL, 0, KICK_INFINITY, NULL, NULL), 0);
}

NODE_TEST(lib_tasks, task_06_the_first_that_fails_fails_all_at_once)
{
	static const char *const ends[] = { "raise kaboom", "raise normal", "status 3",
		"signal 9" };
	static const char *const reasons[] = { "kaboom", "normal", "exit:3", "killed" };

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		kick_task t[] = { tsk_nolink("never"), tsk_nolink("value b"),
			tsk_nolink(ends[i]) };
		cJSON *values[3] = { NULL };
		kick_reason why = { "" };

		CHECK_INT(kick_task_await_many(t, 3, KICK_INFINITY, values, &why),
			-ECONNRESET);
		CHECK_TEXT(why.text, reasons[i]);
		for (int k = 0; k < 3; k++)
			CHECK(!values[k]);
		CHECK_INT(kick_exit(t[0].pid, "kill"), 0);
		node_gone(t[0].pid);
		node_gone(t[1].pid);
		EXPECT_NOTHING_LEFT();
	}
}

NODE_TEST(lib_tasks, task_06_a_time_out_is_of_all_together)
{
	kick_task t[] = { tsk_nolink("value a"), tsk_nolink("wait"),
		tsk_nolink("wait") };
	cJSON *values[3] = { NULL };

	node_gone(t[0].pid);
	CHECK_INT(kick_task_await_many(t, 3, 20, values, NULL), -ETIMEDOUT);
	for (int i = 0; i < 3; i++)
		CHECK(!values[i]);
	/* They go on; nobody hears of them. */
	send_text(t[1].pid, "value late");
	send_text(t[2].pid, "raise kaboom");
	node_gone(t[1].pid);
	node_gone(t[2].pid);
	EXPECT_NOTHING_LEFT();
}

NODE_TEST(lib_tasks, task_06_times_are_checked)
{
	static const int64_t times[] = { INT64_MAX, INT64_MAX / 1000000 + 1,
		INT64_MAX / 1000, KICK_INFINITY };
	cJSON *values[1] = { NULL };

	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		kick_task t = tsk_async("value x");

		CHECK_INT(kick_task_await_many(&t, 1, -7, values, NULL), -EINVAL);
		CHECK_INT(kick_task_await_many(&t, 1, times[i], values, NULL), 0);
		CHECK_TEXT(cJSON_GetStringValue(values[0]), "x");
		cJSON_Delete(values[0]);
	}
	EXPECT_NOTHING_LEFT();
}

static void await_two(void *unused)
{
	kick_task t[] = { tsk_async("never"), tsk_async("never") };
	cJSON *pid;

	(void)unused;
	for (int i = 0; i < 2; i++) {
		pid = kick_pid_to_json(t[i].pid);
		CHECK_INT(kick_send(kick_to_name("tester"), pid), 0);
		cJSON_Delete(pid);
	}
	(void)kick_task_await_many(t, 2, KICK_INFINITY, (cJSON *[2]){ NULL }, NULL);
	FAIL("a task that never ends ended");
}

NODE_TEST(lib_tasks, task_06_tasks_go_down_with_their_caller)
{
	kick_pid a, tasks[2];
	kick_message *m;

	CHECK_INT(kick_register("tester"), 0);
	CHECK_INT(kick_spawn(await_two, NULL, &a), 0);
	for (int i = 0; i < 2; i++) {
		m = TAKE(match_plain, NULL);
		tasks[i] = kick_pid_from_json(m->value);
		kick_message_free(m);
		CHECK_INT(kick_alive(tasks[i]), 1);
	}
	CHECK_INT(kick_exit(a, "kill"), 0);
	node_gone(tasks[0]);
	node_gone(tasks[1]);
	EXPECT_SILENCE();
}
