/* libkick: names that wait. The name of a process below a supervisor in code is vacant
 * while it is started again; who calls it waits, within its own time, for the successor
 * or for the word that there will be none (DESIGN.md section 3, KERNEL.md M4). */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "support/waittest.h"

TestSuite(lib_waits, .timeout = 120);

/* --- the wait -----------------------------------------------------------------------
 */

NODE_TEST(lib_waits, the_successor_answers)
{
	static const int how[] = { 0, HELD, SLOW, HELD | SLOW };
	char slow[] = "slow a";

	waits_begin();
	(void)waits_up("", KICK_PERMANENT, 1);
	for (size_t i = 0; i < ARRAY_LEN(how); i++) {
		kick_pid first = named("a"), caller;

		hold();
		waits_plan("a", how[i]);
		waits_end(first, "kill");
		if (how[i])
			EXPECT_TEXT(how[i] & HELD ? "held a" : "slow a");
		caller = asker("a");
		let_go();
		if (how[i] == (HELD | SLOW))
			kick_message_free(TAKE(match_text, slow));
		CHECK_INT(call_name("a", NODE_PATIENCE_MS, NULL), 0);
		CHECK(!kick_pid_equal(named("a"), first));
		ANSWERED(caller, next_named("a"));
	}
	EXPECT_SILENCE();
}

/* Before its supervisor has told the node that it is up. */
NODE_TEST(lib_waits, of_a_successor_that_ends_at_once_as_well)
{
	waits_begin();
	(void)waits_up("", KICK_PERMANENT, 1);
	for (int i = 0; i < 300; i++)
		CHECK_INT(kick_exit(next_named("a"), "kill"), 0);
	EXPECT_SILENCE();
}

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

NODE_TEST(lib_waits, no_longer_than_the_callers_time)
{
	static const int64_t times[] = { 0, 1, 30, 100 };

	waits_begin();
	hold();
	(void)waits_up("", KICK_PERMANENT, 1);
	waits_plan("a", HELD);
	waits_end(named("a"), "kill");
	EXPECT_TEXT("held a");
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		kick_reason why = { "" };
		int64_t from = now_ms();

		CHECK_INT(call_name("a", times[i], &why), -ETIMEDOUT);
		CHECK_TEXT(why.text, "timeout");
		CHECK(now_ms() - from >= times[i]);
	}
	let_go();
	CHECK_INT(call_name("a", NODE_PATIENCE_MS, NULL), 0);
	EXPECT_SILENCE();
}

NODE_TEST(lib_waits, two_callers_wait_for_the_same)
{
	kick_pid one, two;

	waits_begin();
	hold();
	(void)waits_up("", KICK_PERMANENT, 1);
	waits_plan("a", HELD);
	waits_end(named("a"), "kill");
	EXPECT_TEXT("held a");
	one = asker("a");
	two = asker("a");
	let_go();
	CHECK_INT(call_name("a", NODE_PATIENCE_MS, NULL), 0);
	ANSWERED(two, next_named("a"));
	ANSWERED(one, next_named("a"));
}

NODE_TEST(lib_waits, a_caller_that_is_killed_waits_no_more)
{
	kick_pid callers[5];

	waits_begin();
	hold();
	(void)waits_up("", KICK_PERMANENT, 1);
	waits_plan("a", HELD);
	waits_end(named("a"), "kill");
	EXPECT_TEXT("held a");
	for (size_t i = 0; i < ARRAY_LEN(callers); i++)
		callers[i] = asker("a");
	/* The first, the last and one between. */
	waits_end(callers[0], "kill");
	waits_end(callers[2], "kill");
	waits_end(callers[4], "kill");
	let_go();
	ANSWERED(callers[1], next_named("a"));
	ANSWERED(callers[3], named("a"));
	EXPECT_SILENCE();
}

/* More than any buffer holds: the senders would wait for ever. */
#define FLOOD 60
#define FLOOD_SIZE (200 << 10)

static void flood(kick_pid to)
{
	char *text = malloc(FLOOD_SIZE);
	cJSON *value;

	CHECK(text);
	memset(text, 'x', FLOOD_SIZE - 1);
	text[FLOOD_SIZE - 1] = '\0';
	value = cJSON_CreateString(text);
	free(text);
	for (int i = 0; i < FLOOD; i++)
		CHECK_INT(kick_send(kick_to(to), value), 0);
	cJSON_Delete(value);
}

/* Floods the other one, then calls; so does the other. */
static void flood_and_ask(void *arg)
{
	kick_pid other;
	kick_message *m = TAKE(match_sender, &waits->tester);

	other = kick_pid_from_json(m->value);
	kick_message_free(m);
	flood(other);
	waits_tell("flooded", "");
	CHECK_INT(call_name(arg, NODE_PATIENCE_MS, NULL), 0);
	for (int i = 0; i < FLOOD; i++) {
		m = TAKE(match_sender, &other);
		CHECK_INT(strlen(m->value->valuestring), FLOOD_SIZE - 1);
		kick_message_free(m);
	}
	waits_tell("done", "");
	idle_receiving(NULL);
}

NODE_TEST(lib_waits, who_waits_takes_messages_in)
{
	char name[] = "a";
	kick_pid two[2];

	waits_begin();
	hold();
	(void)waits_up("", KICK_PERMANENT, 1);
	waits_plan("a", HELD);
	waits_end(named("a"), "kill");
	EXPECT_TEXT("held a");
	two[0] = asker("a");
	flood(two[0]);
	CHECK_INT(kick_exit(two[0], "kill"), 0);
	for (size_t i = 0; i < ARRAY_LEN(two); i++)
		CHECK_INT(kick_spawn(flood_and_ask, name, &two[i]), 0);
	for (size_t i = 0; i < ARRAY_LEN(two); i++) {
		cJSON *other = kick_pid_to_json(two[1 - i]);

		CHECK_INT(kick_send(kick_to(two[i]), other), 0);
		cJSON_Delete(other);
	}
	EXPECT_TEXT("flooded ");
	EXPECT_TEXT("flooded ");
	let_go();
	EXPECT_TEXT("done ");
	EXPECT_TEXT("done ");
}

NODE_TEST(lib_waits, nothing_else_waits)
{
	cJSON *value = cJSON_CreateNull();
	kick_pid found = NOBODY;

	waits_begin();
	hold();
	(void)waits_up("", KICK_PERMANENT, 1);
	waits_plan("a", HELD);
	waits_end(named("a"), "kill");
	EXPECT_TEXT("held a");
	CHECK_INT(kick_whereis("a", &found), -ESRCH);
	CHECK_INT(kick_resolve(kick_to_name("a"), &found), -ESRCH);
	CHECK_INT(found.id, 0);
	CHECK_INT(kick_send(kick_to_name("a"), value), -ESRCH);
	CHECK_INT(kick_send_nowait(kick_to_name("a"), value), -ESRCH);
	CHECK_INT(kick_cast(kick_to_name("a"), value), 0);
	CHECK_INT(kick_unregister("a"), -ESRCH);
	CHECK_INT(kick_server_stop_call(kick_to_name("a"), "normal", 0, NULL), -ESRCH);
	CHECK_INT(kick_supervisor_stop(kick_to_name("a")), -ESRCH);
	/* A name that nobody starts anew is not waited for at all. */
	CHECK_INT(call_name("b", NODE_PATIENCE_MS, NULL), -ESRCH);
	let_go();
	CHECK_INT(call_name("a", NODE_PATIENCE_MS, NULL), 0);
	cJSON_Delete(value);
}

NODE_TEST(lib_waits, a_sibling_that_waits_for_its_turn_is_waited_for)
{
	kick_pid first, caller;

	waits_begin();
	hold();
	(void)waits_up("all", KICK_PERMANENT, 3);
	first = named("c");
	waits_plan("b", HELD);
	waits_end(named("a"), "kill");
	EXPECT_TEXT("held b");
	caller = asker("c");
	let_go();
	CHECK_INT(call_name("c", NODE_PATIENCE_MS, NULL), 0);
	CHECK(!kick_pid_equal(named("c"), first));
	ANSWERED(caller, next_named("c"));
}

NODE_TEST(lib_waits, a_child_may_wait_for_one_that_stands_before_it)
{
	waits_begin();
	hold();
	(void)waits_up("all", KICK_PERMANENT, 2);
	waits_plan("a", SLOW);
	waits_plan("b", DEPENDS);
	waits_end(named("b"), "kill");
	EXPECT_TEXT("slow a");
	let_go();
	CHECK_INT(call_name("b", NODE_PATIENCE_MS, NULL), 0);
}

/* --- the wait is ended --------------------------------------------------------------
 */

NODE_TEST(lib_waits, a_supervisor_that_gives_up_ends_it)
{
	kick_pid sup, caller;

	waits_begin();
	hold();
	sup = waits_up("once", KICK_PERMANENT, 1);
	waits_plan("a", HELD | REFUSED);
	waits_end(named("a"), "kill");
	EXPECT_TEXT("held a");
	caller = asker("a");
	let_go();
	NOPROC(caller);
	EXPECT_EXIT(sup, "shutdown:max_restarts");
}

/* The child cannot be started for want of room, so that its supervisor is not busy. */
static kick_pid up_without_room(void)
{
	kick_pid sup;

	waits_begin();
	hold();
	sup = waits_up("", KICK_PERMANENT, 1);
	waits_plan("a", NO_ROOM);
	waits_end(named("a"), "kill");
	return sup;
}

NODE_TEST(lib_waits, terminate_child_ends_it)
{
	kick_pid sup = up_without_room(), caller = asker("a");

	CHECK_INT(kick_supervisor_terminate_child(kick_to(sup), "a"), 0);
	NOPROC(caller);
	CHECK_INT(call_name("a", NODE_PATIENCE_MS, NULL), -ESRCH);
	/* And a name that is back is a name again. */
	waits_plan("a", 0);
	CHECK_INT(kick_supervisor_restart_child(kick_to(sup), "a", NULL, NULL), 0);
	CHECK_INT(call_name("a", NODE_PATIENCE_MS, NULL), 0);
}

NODE_TEST(lib_waits, the_end_of_its_supervisor_ends_it)
{
	kick_pid sup = up_without_room(), caller = asker("a");

	CHECK_INT(kick_supervisor_stop(kick_to(sup)), 0);
	NOPROC(caller);
	sup = up_without_room();
	caller = asker("a");
	CHECK_INT(kick_exit(sup, "kill"), 0);
	NOPROC(caller);
}

NODE_TEST(lib_waits, of_a_child_that_is_done_there_is_nothing_to_wait_for)
{
	waits_begin();
	(void)waits_up("", KICK_TRANSIENT, 1);
	waits_end(named("a"), "normal");
	CHECK_INT(call_name("a", NODE_PATIENCE_MS, NULL), -ESRCH);
	CHECK_INT(waits->starts[0], 1);
	waits->starts[0] = 0;
	(void)waits_up("", KICK_TEMPORARY, 1);
	waits_end(named("a"), "kill");
	CHECK_INT(call_name("a", NODE_PATIENCE_MS, NULL), -ESRCH);
	CHECK_INT(waits->starts[0], 1);
}

NODE_TEST(lib_waits, a_successor_without_the_name_ends_it)
{
	kick_pid caller;

	waits_begin();
	hold();
	(void)waits_up("", KICK_PERMANENT, 1);
	waits_plan("a", HELD | NAMELESS);
	waits_end(named("a"), "kill");
	EXPECT_TEXT("held a");
	caller = asker("a");
	let_go();
	NOPROC(caller);
}

/* --- supervisors below supervisors --------------------------------------------------
 */

static int start_inner(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	kick_supervisor_options o = { .name = "inner", .max_seconds = 1000 };
	kick_child_spec spec = waits_spec("a", KICK_PERMANENT);

	if (args)
		spec.restart = (kick_restart)args->valueint;
	return kick_supervisor_start_link(&o, &spec, 1, ret, why);
}

/* The outer one; "inner", which does not restart, has "a". */
static kick_pid up_nested(kick_restart inner)
{
	kick_supervisor_options o = { .max_restarts = UINT32_MAX, .max_seconds = 1000 };
	kick_child_spec spec = {
		.id = "i", .start = start_inner, .restart = inner, .supervisor = true
	};
	kick_pid sup = NOBODY;

	waits_begin();
	hold();
	CHECK_INT(kick_supervisor_start_link(&o, &spec, 1, &sup, NULL), 0);
	waits_plan("a", HELD);
	return sup;
}

NODE_TEST(lib_waits, a_supervisor_that_is_not_started_anew_ends_it)
{
	static const char *const whom[] = { "inner", "a" };

	for (size_t i = 0; i < ARRAY_LEN(whom); i++) {
		kick_pid sup = up_nested(KICK_TEMPORARY), inner = named("inner");
		kick_pid caller;

		waits_end(named(whom[i]), "kill");
		caller = asker("a");
		NOPROC(caller);
		node_gone(inner);
		CHECK_INT(call_name("inner", NODE_PATIENCE_MS, NULL), -ESRCH);
		CHECK_INT(kick_supervisor_stop(kick_to(sup)), 0);
	}
}

/* --- strangers ----------------------------------------------------------------------
 */

NODE_TEST(lib_waits, who_takes_the_name_meanwhile_is_called)
{
	kick_message *m;
	cJSON *self;
	kick_pid sup, caller;

	waits_begin();
	hold();
	self = kick_pid_to_json(kick_self());
	sup = waits_up("once", KICK_PERMANENT, 1);
	waits_plan("a", HELD);
	waits_end(named("a"), "kill");
	EXPECT_TEXT("held a");
	caller = asker("a");
	CHECK_INT(kick_register("a"), 0);
	m = TAKE(NULL, NULL);
	CHECK_INT(m->kind, KICK_CALL);
	CHECK_TEXT(cJSON_GetStringValue(m->value), "a");
	CHECK_INT(kick_reply((kick_from){ m->from, m->ref }, self), 0);
	kick_message_free(m);
	ANSWERED(caller, kick_self());
	/* The name is not the child's any more. */
	let_go();
	EXPECT_EXIT(sup, "shutdown:max_restarts");
	CHECK_PID(named("a"), kick_self());
	CHECK_INT(kick_unregister("a"), 0);
	CHECK_INT(call_name("a", NODE_PATIENCE_MS, NULL), -ESRCH);
	EXPECT_SILENCE();
	cJSON_Delete(self);
}
