/* How children are stopped: orders, deadlines, KILL, and the end of the supervisor
 * itself (rules SHUT, SUP-3 to SUP-8). */
#include <stdio.h>

#include "support/faketree.h"

TestSuite(sup_stop, .timeout = 10);

Test(sup_stop, SHUT_1_brutal_kill_is_kill_at_once_and_no_deadline, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a:brutal,immortal");
	struct fake_request *r = fake_terminate(t, "a");

	EXPECT_TRACE(t, "kill a");
	EXPECT_NUMBER(t, fake_armed(t, "a"), -1);
	fake_wait(t, 3600 * SEC_NS);
	EXPECT_RESULT(t, r, "pending");
	fake_exit(t, "a", "killed");
	EXPECT_TRACE(t, "terminate ok");
	EXPECT_STATES(t, "a stopped");
	EXPECT_LAST(t, "a", "killed");
	fake_free(t);
}

Test(sup_stop, SHUT_2_after_the_shutdown_time_comes_the_kill, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a:stubborn");
	struct fake_request *r = fake_terminate(t, "a");

	EXPECT_TRACE(t, "stop a");
	EXPECT_STATES(t, "a stopping");
	EXPECT_NUMBER(t, fake_armed(t, "a"), 5 * SEC_NS);
	fake_wait(t, 5 * SEC_NS - 1);
	EXPECT_TRACE(t, "");
	EXPECT_RESULT(t, r, "pending");
	fake_wait(t, 1);
	EXPECT_TRACE(t, "kill a; terminate ok");
	EXPECT_LAST(t, "a", "killed");
	EXPECT_STATES(t, "a stopped");
	EXPECT_NUMBER(t, fake_armed(t, "a"), -1);
	fake_free(t);
}

Test(sup_stop, shutdown_time_is_extended_until_the_kill, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a:immortal");

	fake_terminate(t, "a");
	fake_extend(t, "a", 60 * SEC_NS);
	fake_wait(t, 60 * SEC_NS - 1);
	EXPECT_TRACE(t, "stop a");
	fake_wait(t, 1);
	EXPECT_TRACE(t, "kill a");
	fake_extend(t, "a", 90 * SEC_NS);
	EXPECT_NUMBER(t, fake_armed(t, "a"), -1);
	fake_exit(t, "a", "killed");
	fake_free(t);
}

Test(sup_stop, SHUT_2_after_the_kill_the_wait_has_no_limit, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a:immortal");

	fake_terminate(t, "a");
	cr_expect(!fake_find(t, "a")->child.killed);
	fake_wait(t, 3600 * SEC_NS);
	EXPECT_TRACE(t, "stop a; kill a");
	cr_expect(fake_find(t, "a")->child.killed);
	EXPECT_STATES(t, "a stopping");
	fake_exit(t, "a", "killed");
	EXPECT_TRACE(t, "terminate ok");
	fake_free(t);
}

Test(sup_stop, SHUT_2_child_that_obeys_disarms_its_deadline, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a");

	EXPECT_RESULT(t, fake_terminate(t, "a"), "ok");
	EXPECT_NUMBER(t, fake_armed(t, "a"), -1);
	EXPECT_LAST(t, "a", "shutdown");
	cr_expect(fake_is_well(t, "a"));
	fake_free(t);
}

Test(sup_stop, SHUT_3_infinity_never_kills, .timeout = 5)
{
	struct fake *t =
		fake_up("one_for_one", "a:infinity,stubborn s:supervisor,stubborn");

	fake_terminate(t, "a");
	fake_terminate(t, "s");
	EXPECT_NUMBER(t, fake_armed(t, "a"), -1);
	fake_wait(t, 86400 * SEC_NS);
	EXPECT_TRACE(t, "stop a; stop s");
	fake_exit(t, "s", "shutdown");
	fake_exit(t, "a", "shutdown");
	EXPECT_TRACE(t, "terminate ok; terminate ok");
	fake_free(t);
}

Test(sup_stop, SPEC_5_shutdown_0_is_the_order_and_the_kill_after_it, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a:zero,stubborn");

	t->hold = true;
	fake_terminate(t, "a");
	EXPECT_TRACE(t, "stop a");
	EXPECT_NUMBER(t, fake_armed(t, "a"), 0);
	fake_fire(t);
	EXPECT_TRACE(t, "kill a; terminate ok");
	EXPECT_LAST(t, "a", "killed");
	fake_free(t);
}

Test(sup_stop, SHUT_4_reverse_order_each_awaited, .timeout = 5)
{
	struct fake *t =
		fake_up("one_for_one", "a:stubborn b:stubborn,1s c:stubborn d");

	fake_shutdown(t, "shutdown");
	EXPECT_TRACE(t, "stop d; stop c");
	EXPECT_STATES(t, "a running; b running; c stopping; d stopped");
	fake_exit(t, "c", "shutdown");
	EXPECT_TRACE(t, "stop b");
	fake_wait(t, SEC_NS);
	EXPECT_TRACE(t, "kill b; stop a");
	fake_wait(t, 5 * SEC_NS);
	EXPECT_TRACE(t, "kill a; end shutdown");
	fake_free(t);
}

Test(sup_stop, SHUT_4_added_children_are_stopped_first, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a b");

	fake_start(t, "c:temporary");
	fake_saw(&t->trace, "");
	fake_shutdown(t, "shutdown");
	cr_expect(t->ended);
	cr_expect(strncmp(t->trace.now, "stop c", 6) == 0, "%s", t->trace.now);
	fake_free(t);
}

Test(sup_stop, SHUT_5_dynamic_all_at_once_each_with_its_own_deadline, .timeout = 5)
{
	struct fake *t = fake_up("dynamic", "");

	fake_start(t, "a:stubborn,2s");
	fake_start(t, "b:stubborn,1s");
	fake_start(t, "c:stubborn,brutal");
	fake_start(t, "d:stubborn,infinity");
	fake_saw(&t->trace, "");
	fake_shutdown(t, "shutdown");
	EXPECT_NUMBER(t, fake_find(t, "a")->child.state, CHILD_STOPPING);
	EXPECT_NUMBER(t, fake_find(t, "b")->child.state, CHILD_STOPPING);
	EXPECT_NUMBER(t, fake_find(t, "d")->child.state, CHILD_STOPPING);
	EXPECT_NUMBER(t, fake_armed(t, "a"), 2 * SEC_NS);
	EXPECT_NUMBER(t, fake_armed(t, "b"), SEC_NS);
	EXPECT_NUMBER(t, fake_armed(t, "d"), -1);
	fake_wait(t, 2 * SEC_NS);
	cr_expect(!t->ended);
	fake_exit(t, "d", "shutdown");
	cr_expect(t->ended);
	EXPECT_TEXT(t, t->sup.reason.text, "shutdown");
	fake_free(t);
}

Test(sup_stop, SHUT_7_child_that_died_before_the_order_keeps_its_own_reason,
	.timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a b:stubborn");

	fake_shutdown(t, "shutdown");
	EXPECT_TRACE(t, "stop b");
	fake_exit(t, "a", "signal:SIGSEGV");
	EXPECT_LAST(t, "a", "signal:SIGSEGV");
	fake_exit(t, "b", "exit:3");
	EXPECT_TRACE(t, "end shutdown");
	EXPECT_LAST(t, "b", "exit:3");
	EXPECT_COUNTED(t, 0);
	fake_free(t);
}

Test(sup_stop, SHUT_10_sibling_crash_during_a_stop_is_handled, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a b:stubborn");

	fake_terminate(t, "b");
	fake_exit(t, "a", "exit:1");
	fake_exit(t, "b", "shutdown");
	EXPECT_TRACE(t, "stop b; spawn a; terminate ok");
	EXPECT_STATES(t, "a running; b stopped");
	EXPECT_COUNTED(t, 1);
	fake_free(t);
}

Test(sup_stop, SUP_3_end_of_the_parent_is_the_own_end_with_its_reason, .timeout = 5)
{
	static const char *const rows[] = { "normal", "shutdown", "shutdown:x", "boom",
		"killed" };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fake *t = fake_up("rest_for_one", "a b");
		char want[64];

		t->row = rows[i];
		snprintf(want, sizeof want, "stop b; stop a; end %s", rows[i]);
		fake_shutdown(t, rows[i]);
		EXPECT_TRACE(t, want);
		EXPECT_COUNTED(t, 0);
		EXPECT_NUMBER(t, t->sup.phase, SUP_ENDED);
		fake_free(t);
	}
}

Test(sup_stop, SUP_3_ordered_twice_is_once, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a b:stubborn");

	fake_shutdown(t, "shutdown");
	fake_shutdown(t, "boom");
	EXPECT_TRACE(t, "stop b");
	fake_exit(t, "b", "shutdown");
	EXPECT_TRACE(t, "stop a; end shutdown");
	fake_free(t);
}

/* What brought it about does not matter: the same stop for each way of ending. */
Test(sup_stop, SUP_8_every_end_stops_children_in_the_same_way, .timeout = 5)
{
	for (int way = 0; way < 3; way++) {
		struct fake *t = fake_up("one_for_one max=0 any_significant",
			"a:stubborn,1s b:brutal c x:transient,significant");

		if (way == 0)
			fake_exit(t, "x", "normal");
		else if (way == 1)
			fake_exit(t, "x", "exit:1");
		else
			fake_exit_together(t, "x", "shutdown");
		EXPECT_TRACE(t, "stop c; kill b; stop a");
		fake_wait(t, SEC_NS);
		EXPECT_TRACE(t,
			way == 1 ? "kill a; end shutdown:max_restarts"
				 : "kill a; end shutdown:auto");
		fake_free(t);
	}
}

Test(sup_stop, end_waits_for_stops_under_way_and_repeats_none, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a b:stubborn c");
	struct fake_request *r = fake_terminate(t, "b");

	fake_shutdown(t, "shutdown");
	EXPECT_TRACE(t, "stop b; stop c");
	fake_wait(t, 5 * SEC_NS);
	EXPECT_TRACE(t, "kill b; terminate ok; stop a; end shutdown");
	EXPECT_RESULT(t, r, "ok");
	fake_free(t);
}

Test(sup_stop, end_in_the_middle_of_a_group_restart_starts_nothing, .timeout = 5)
{
	struct fake *t = fake_up("one_for_all", "a b c:stubborn");

	fake_exit(t, "b", "exit:1");
	EXPECT_TRACE(t, "stop c");
	fake_shutdown(t, "shutdown");
	fake_exit(t, "c", "shutdown");
	EXPECT_TRACE(t, "stop a; end shutdown");
	fake_free(t);
}

Test(sup_stop, hurry_kills_all_at_once, .timeout = 5)
{
	struct fake *t =
		fake_up("one_for_one", "a:infinity,immortal b:immortal c:immortal");

	fake_hurry(t, "killed");
	for (const char *id = "abc"; *id; id++) {
		const char name[2] = { *id, '\0' };
		char kill[16];

		snprintf(kill, sizeof kill, "kill %s", name);
		cr_expect(strstr(t->trace.now, kill), "%s in: %s", kill, t->trace.now);
	}
	cr_expect(!strstr(t->trace.now, "stop"), "%s", t->trace.now);
	fake_exit(t, "a", "killed");
	fake_exit(t, "b", "killed");
	cr_expect(!t->ended);
	fake_exit(t, "c", "killed");
	cr_expect(t->ended);
	fake_free(t);
}

Test(sup_stop, hurry_may_follow_an_orderly_stop, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a:immortal b:immortal c");

	fake_shutdown(t, "shutdown");
	EXPECT_TRACE(t, "stop c; stop b");
	fake_hurry(t, "killed");
	cr_expect(strstr(t->trace.now, "kill a") && strstr(t->trace.now, "kill b"),
		"%s", t->trace.now);
	fake_exit(t, "a", "killed");
	fake_exit(t, "b", "killed");
	cr_expect(t->ended);
	fake_free(t);
}

Test(sup_stop, doomed_child_bears_the_reason_and_the_strategy_acts, .timeout = 5)
{
	static const struct {
		const char *sup, *children, *trace, *states;
	} rows[] = {
		{ "one_for_one", "a b c", "stop b; spawn b",
			"a running; b running; c running" },
		{ "one_for_one", "a b:transient c", "stop b; spawn b",
			"a running; b running; c running" },
		{ "one_for_one", "a b:temporary c", "stop b",
			"a running; b exited; c running" },
		{ "one_for_all", "a b c",
			"stop b; stop c; stop a; spawn a; spawn b; spawn c",
			"a running; b running; c running" },
		{ "rest_for_one", "a b:brutal c", "kill b; stop c; spawn b; spawn c",
			"a running; b running; c running" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fake *t = fake_up(rows[i].sup, rows[i].children);

		t->row = rows[i].children;
		fake_doom(t, "b", "unhealthy");
		EXPECT_TRACE(t, rows[i].trace);
		EXPECT_STATES(t, rows[i].states);
		EXPECT_LAST(t, "b", "unhealthy");
		fake_free(t);
	}
}

Test(sup_stop, doomed_child_has_its_shutdown_time, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a:stubborn,1s");

	fake_doom(t, "a", "watchdog");
	EXPECT_TRACE(t, "stop a");
	EXPECT_STATES(t, "a stopping");
	fake_wait(t, SEC_NS);
	EXPECT_TRACE(t, "kill a; spawn a");
	EXPECT_LAST(t, "a", "watchdog");
	EXPECT_COUNTED(t, 1);
	fake_free(t);
}

Test(sup_stop, doomed_child_that_is_terminated_meanwhile_stays_down, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a:stubborn");

	fake_doom(t, "a", "unhealthy");
	fake_terminate(t, "a");
	fake_exit(t, "a", "shutdown");
	EXPECT_TRACE(t, "stop a; terminate ok");
	EXPECT_STATES(t, "a stopped");
	EXPECT_COUNTED(t, 0);
	fake_free(t);
}

Test(sup_stop, SUP_10_events_of_a_stop, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a");

	fake_terminate(t, "a");
	EXPECT_EVENTS(t, "stopping a; exited a; stopped a");
	fake_free(t);
}

/* --- before its turn ----------------------------------------------------------------
 */

Test(sup_stop, closed_what_ends_stays_down, .timeout = 5)
{
	static const char *const sups[] = { "one_for_one", "one_for_all",
		"rest_for_one" };

	for (size_t i = 0; i < sizeof sups / sizeof *sups; i++) {
		struct fake *t = fake_up(sups[i], "a b c");

		fake_close(t);
		EXPECT_TRACE(t, "");
		fake_exit(t, "b", "exit:1");
		EXPECT_TRACE(t, "");
		EXPECT_STATES(t, "a running; b exited; c running");
		cr_expect_eq(fake_counted(t), 0, "%s counts it", sups[i]);
		fake_shutdown(t, "shutdown");
		EXPECT_TRACE(t, "stop c; stop a; end shutdown");
		fake_free(t);
	}
}

Test(sup_stop, closed_what_waits_is_started_no_more, .timeout = 5)
{
	struct fake *t = fake_up("one_for_all max=9", "a:stubborn b c");

	/* b has ended, and a must go before all come back. */
	fake_exit(t, "b", "exit:1");
	EXPECT_TRACE(t, "stop c; stop a");
	fake_close(t);
	fake_exit(t, "a", "shutdown");
	EXPECT_TRACE(t, "");
	EXPECT_STATES(t, "a exited; b exited; c exited");
	fake_shutdown(t, "shutdown");
	EXPECT_TRACE(t, "end shutdown");
	fake_free(t);
}

Test(sup_stop, closed_nothing_is_started_by_command, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a b");

	fake_terminate(t, "b");
	fake_saw(&t->trace, "");
	fake_close(t);
	EXPECT_RESULT(t, fake_restart(t, "b"), "shutting_down");
	EXPECT_RESULT(t, fake_renew(t, "a"), "shutting_down");
	EXPECT_RESULT(t, fake_start(t, "c:temporary"), "shutting_down");
	EXPECT_STATES(t, "a running; b stopped");
	fake_free(t);
}
