/* libkick: Task, its life and its value. The rules TASK-1, 2, 3 and 8 of OTP. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/tasktest.h"

TestSuite(lib_task, .timeout = 120);

/* --- async -------------------------------------------------------------------------
 */

NODE_TEST(lib_task, task_01_async_links_and_monitors)
{
	kick_task t = tsk_async("wait");

	CHECK_INT(tsk_my("links"), 1);
	CHECK_INT(tsk_my("monitors"), 1);
	send_text(t.pid, "value x");
	AWAITS(&t, TSK_MS, 0, "x");
	EXPECT_NOTHING_LEFT();
}

NODE_TEST(lib_task, task_01_async_nolink_only_monitors)
{
	kick_task t = tsk_nolink("wait");

	CHECK_INT(tsk_my("links"), 0);
	CHECK_INT(tsk_my("monitors"), 1);
	send_text(t.pid, "raise kaboom");
	AWAITS(&t, TSK_MS, -ECONNRESET, "kaboom");
	EXPECT_NOTHING_LEFT();
}

static void start_and_pause(void *text)
{
	(void)tsk_async(text);
	idle_receiving(NULL);
}

NODE_TEST(lib_task, task_01_a_crash_takes_its_caller_with_it)
{
	static char crash[] = "raise kaboom", fine[] = "value x",
		    stop[] = "raise normal";
	kick_pid a;
	kick_ref ref;

	CHECK_INT(kick_spawn_monitor(start_and_pause, crash, &a, &ref), 0);
	EXPECT_DOWN(ref, a, "kaboom");
	CHECK_INT(kick_spawn_monitor(start_and_pause, fine, &a, &ref), 0);
	CHECK_INT(kick_spawn(start_and_pause, stop, &a), 0);
	node_settle();
	CHECK_INT(kick_alive(a), 1);
	EXPECT_SILENCE();
}

static cJSON *make_value(void *json)
{
	return cJSON_Parse(json);
}

NODE_TEST(lib_task, task_01_any_json_is_a_value)
{
	static char values[][40] = { "null", "true", "0", "-1.5", "\"\"", "[]", "{}",
		"[1,[2,{\"ref\":3}],null]", "{\"error\":\"noproc\"}" };

	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		cJSON *value = NULL;
		kick_task t;
		char *text;

		CHECK_INT(kick_task_async(make_value, values[i], &t), 0);
		CHECK_INT(kick_task_await(&t, TSK_MS, &value, NULL), 0);
		text = cJSON_PrintUnformatted(value);
		CHECK_TEXT(text, values[i]);
		free(text);
		cJSON_Delete(value);
	}
	EXPECT_NOTHING_LEFT();
}

NODE_TEST(lib_task, task_01_nothing_returned_is_null)
{
	kick_task t = tsk_async("null");
	cJSON *value = NULL;

	CHECK_INT(kick_task_await(&t, TSK_MS, &value, NULL), 0);
	CHECK(cJSON_IsNull(value));
	cJSON_Delete(value);
	t = tsk_async("value x");
	CHECK_INT(kick_task_await(&t, TSK_MS, NULL, NULL), 0);
	t = tsk_nolink("raise kaboom");
	CHECK_INT(kick_task_await(&t, TSK_MS, NULL, NULL), -ECONNRESET);
	EXPECT_NOTHING_LEFT();
}

static void ask_for_it(void *task)
{
	const kick_task *t = task;
	kick_task_outcome outcome;
	cJSON *value = NULL;
	kick_reason why;

	CHECK_INT(kick_task_await(t, TSK_MS, &value, &why), -EPERM);
	CHECK_INT(kick_task_await_many(t, 1, TSK_MS, &value, &why), -EPERM);
	CHECK_INT(kick_task_yield(t, 0, &value, &why), -EPERM);
	CHECK_INT(kick_task_yield_many(t, 1, 0, NULL, &outcome), -EPERM);
	CHECK_INT(kick_task_shutdown(t, TSK_MS, &value, &why), -EPERM);
	CHECK_INT(kick_task_shutdown(t, KICK_BRUTAL_KILL, &value, &why), -EPERM);
	CHECK_INT(kick_task_ignore(t), -EPERM);
	CHECK(!value);
}

NODE_TEST(lib_task, task_01_only_who_started_it_may_ask)
{
	kick_task t = tsk_async("wait");
	kick_pid other;
	kick_ref ref;

	CHECK_INT(kick_spawn_monitor(ask_for_it, &t, &other, &ref), 0);
	EXPECT_DOWN(ref, other, "normal");
	CHECK_INT(kick_alive(t.pid), 1);
	send_text(t.pid, "value mine");
	AWAITS(&t, TSK_MS, 0, "mine");
	EXPECT_NOTHING_LEFT();
}

NODE_TEST(lib_task, task_01_bad_input_is_refused)
{
	const kick_task none = { .ref = 0 };
	static char nothing[] = "null";
	cJSON *value = NULL;
	kick_pid pid;
	kick_task t;

	CHECK_INT(kick_task_async(NULL, NULL, &t), -EINVAL);
	CHECK_INT(kick_task_async_nolink(NULL, NULL, &t), -EINVAL);
	CHECK_INT(kick_task_async(tsk_run, nothing, NULL), -EINVAL);
	CHECK_INT(kick_task_start(NULL, NULL, &pid), -EINVAL);
	CHECK_INT(kick_task_start_link(NULL, NULL, &pid), -EINVAL);
	CHECK_INT(kick_task_await(NULL, TSK_MS, &value, NULL), -EINVAL);
	CHECK_INT(kick_task_await(&none, TSK_MS, &value, NULL), -EINVAL);
	CHECK_INT(kick_task_yield(&none, TSK_MS, &value, NULL), -EINVAL);
	CHECK_INT(kick_task_shutdown(&none, TSK_MS, &value, NULL), -EINVAL);
	CHECK_INT(kick_task_ignore(&none), -EINVAL);
	CHECK_INT(kick_task_await_many(NULL, 1, TSK_MS, &value, NULL), -EINVAL);
	EXPECT_NOTHING_LEFT();
}

/* --- await -------------------------------------------------------------------------
 */

NODE_TEST(lib_task, task_02_a_task_that_ends_without_a_value_says_why)
{
	static const struct {
		const char *task, *reason;
	} rows[] = {
		{ "raise normal", "normal" },
		{ "raise shutdown", "shutdown" },
		{ "raise shutdown:x", "shutdown:x" },
		{ "raise kaboom", "kaboom" },
		{ "raise kill", "kill" },
		{ "status 0", "normal" },
		{ "status 3", "exit:3" },
		{ "signal 9", "killed" },
		{ "signal 11", "signal:SIGSEGV" },
	};

	CHECK_INT(kick_trap_exit(true), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		kick_task t = tsk_async(rows[i].task);

		AWAITS(&t, TSK_MS, -ECONNRESET, rows[i].reason);
		EXPECT_EXIT(t.pid, rows[i].reason);
		t = tsk_ended(kick_task_async_nolink, rows[i].task);
		AWAITS(&t, TSK_MS, -ECONNRESET, rows[i].reason);
	}
	EXPECT_NOTHING_LEFT();
}

NODE_TEST(lib_task, task_02_after_a_time_out_nothing_more_is_heard_of_it)
{
	static const char *const ends[] = { "value late", "raise kaboom", "signal 9" };

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		kick_task t = tsk_nolink("wait");

		AWAITS(&t, i == 0 ? 0 : 20, -ETIMEDOUT, NULL);
		CHECK_INT(kick_alive(t.pid), 1);
		CHECK_INT(tsk_my("monitors"), 0);
		send_text(t.pid, ends[i]);
		node_gone(t.pid);
		EXPECT_NOTHING_LEFT();
	}
}

NODE_TEST(lib_task, task_02_after_a_time_out_the_link_is_still_there)
{
	kick_task t;

	CHECK_INT(kick_trap_exit(true), 0);
	t = tsk_async("wait");
	AWAITS(&t, 20, -ETIMEDOUT, NULL);
	CHECK_INT(tsk_my("links"), 1);
	send_text(t.pid, "raise kaboom");
	EXPECT_EXIT(t.pid, "kaboom");
	EXPECT_NOTHING_LEFT();
}

NODE_TEST(lib_task, task_02_it_is_done_with_after_await)
{
	kick_task t = tsk_async("value x");

	AWAITS(&t, KICK_INFINITY, 0, "x");
	AWAITS(&t, KICK_INFINITY, -ECONNRESET, "noproc");
	YIELDS(&t, KICK_INFINITY, -ECONNRESET, "noproc");
	t = tsk_nolink("wait");
	AWAITS(&t, 0, -ETIMEDOUT, NULL);
	AWAITS(&t, KICK_INFINITY, -ECONNRESET, "noproc");
	send_text(t.pid, "value x");
	node_gone(t.pid);
	EXPECT_NOTHING_LEFT();
}

NODE_TEST(lib_task, task_02_other_messages_stay_in_order)
{
	kick_task t;

	send_text(kick_self(), "one");
	t = tsk_async("value x");
	send_text(kick_self(), "two");
	AWAITS(&t, TSK_MS, 0, "x");
	EXPECT_TEXT("one");
	EXPECT_TEXT("two");
	EXPECT_NOTHING_LEFT();
}

NODE_TEST(lib_task, task_02_times_are_checked)
{
	kick_task t = tsk_async("wait");

	AWAITS(&t, -7, -EINVAL, NULL);
	YIELDS(&t, -7, -EINVAL, NULL);
	SHUTS_DOWN(&t, -7, -EINVAL, NULL);
	YIELDS(&t, KICK_BRUTAL_KILL, -EINVAL, NULL);
	send_text(t.pid, "value x");
	/* As good as for ever. */
	AWAITS(&t, INT64_MAX, 0, "x");
	EXPECT_NOTHING_LEFT();
}

NODE_TEST(lib_task, task_03_the_link_s_normal_end_is_still_told)
{
	kick_task t;

	CHECK_INT(kick_trap_exit(true), 0);
	t = tsk_async("value x");
	AWAITS(&t, TSK_MS, 0, "x");
	EXPECT_EXIT(t.pid, "normal");
	EXPECT_NOTHING_LEFT();
}

static cJSON *large(void *unused)
{
	size_t n = 30 << 20;
	char *text = malloc(n + 1);

	(void)unused;
	CHECK(text);
	memset(text, 'x', n);
	text[n] = '\0';
	return cJSON_CreateStringReference(text);
}

NODE_TEST(lib_task, task_02_a_value_may_be_large)
{
	cJSON *value = NULL;
	kick_task t;

	CHECK_INT(kick_task_async(large, NULL, &t), 0);
	CHECK_INT(kick_task_await(&t, TSK_MS, &value, NULL), 0);
	CHECK_INT(strlen(cJSON_GetStringValue(value)), 30 << 20);
	cJSON_Delete(value);
	EXPECT_NOTHING_LEFT();
}

static cJSON *stop_itself(void *unused)
{
	(void)unused;
	(void)raise(SIGSTOP);
	return NULL;
}

static cJSON *own_os_pid(void *unused)
{
	(void)unused;
	send_number(tsk_tester, getpid());
	(void)kick_receive(NULL, NULL, KICK_INFINITY, &(kick_message *){ NULL });
	return cJSON_CreateString("x");
}

NODE_TEST(lib_task, task_02_killed_at_any_step)
{
	kick_task t;
	pid_t os;

	tsk_tester = kick_self();
	CHECK_INT(kick_trap_exit(true), 0);
	CHECK_INT(kick_task_async(own_os_pid, NULL, &t), 0);
	os = take_number();
	CHECK_INT(kill(os, SIGSTOP), 0);
	AWAITS(&t, 0, -ETIMEDOUT, NULL);
	CHECK_INT(kill(os, SIGKILL), 0);
	EXPECT_EXIT(t.pid, "killed");
	CHECK_INT(kick_task_async(own_os_pid, NULL, &t), 0);
	os = take_number();
	CHECK_INT(kill(os, SIGSTOP), 0);
	YIELDS(&t, 0, -ETIMEDOUT, NULL);
	CHECK_INT(kill(os, SIGKILL), 0);
	AWAITS(&t, KICK_INFINITY, -ECONNRESET, "killed");
	EXPECT_EXIT(t.pid, "killed");
	/* A stopped one does not obey, but cannot help being killed. */
	CHECK_INT(kick_task_async_nolink(stop_itself, NULL, &t), 0);
	SHUTS_DOWN(&t, KICK_BRUTAL_KILL, -ECANCELED, NULL);
	EXPECT_NOTHING_LEFT();
}

/* --- without a result --------------------------------------------------------------
 */

NODE_TEST(lib_task, task_08_start_link_links_and_start_does_not)
{
	static char wait[] = "wait";
	kick_pid a, b;

	tsk_tester = kick_self();
	CHECK_INT(kick_trap_exit(true), 0);
	CHECK_INT(kick_task_start_link(tsk_run, wait, &a), 0);
	EXPECT_TEXT("waiting");
	CHECK_INT(tsk_my("links"), 1);
	CHECK_INT(tsk_my("monitors"), 0);
	CHECK_INT(kick_task_start(tsk_run, wait, &b), 0);
	EXPECT_TEXT("waiting");
	CHECK_INT(tsk_my("links"), 1);
	send_text(b, "raise kaboom");
	node_gone(b);
	EXPECT_SILENCE();
	send_text(a, "value x");
	EXPECT_EXIT(a, "normal");
	CHECK_INT(kick_task_start_link(tsk_run, wait, &a), 0);
	EXPECT_TEXT("waiting");
	send_text(a, "raise kaboom");
	EXPECT_EXIT(a, "kaboom");
	EXPECT_NOTHING_LEFT();
}

static int start_run(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	char *text = strdup(cJSON_GetStringValue(args));
	int r;

	(void)why;
	CHECK(text);
	r = kick_task_start_link(tsk_run, text, ret);
	free(text);
	return r;
}

NODE_TEST(lib_task, task_08_a_task_can_be_supervised)
{
	cJSON *args = cJSON_CreateString("wait"), *all;
	const kick_child_spec spec = { .id = "task",
		.start = start_run,
		.args = args,
		.restart = KICK_TEMPORARY };
	kick_pid sup, task;

	tsk_tester = kick_self();
	CHECK_INT(kick_supervisor_start_link(NULL, &spec, 1, &sup, NULL), 0);
	EXPECT_TEXT("waiting");
	CHECK_INT(kick_supervisor_which_children(kick_to(sup), &all), 0);
	task = kick_pid_from_json(
		cJSON_GetObjectItem(cJSON_GetArrayItem(all, 0), "pid"));
	cJSON_Delete(all);
	CHECK_INT(kick_alive(task), 1);
	send_text(task, "value x");
	node_gone(task);
	/* It is not started again. */
	for (bool runs = true; runs; cJSON_Delete(all)) {
		CHECK_INT(kick_supervisor_which_children(kick_to(sup), &all), 0);
		runs = cJSON_IsString(
			cJSON_GetObjectItem(cJSON_GetArrayItem(all, 0), "pid"));
	}
	CHECK_INT(kick_supervisor_stop(kick_to(sup)), 0);
	cJSON_Delete(args);
	EXPECT_SILENCE();
}
