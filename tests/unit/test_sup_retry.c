/* Automatic restarts that fail: each try is an event of its own, so requests come
 * between (rules RETRY; hanging_restart_loop* and count_restarting_children). */
#include "base/limits.h"
#include "support/faketree.h"

TestSuite(sup_retry, .timeout = 10);

/* b of a tree crashes and cannot be started; the retry is due and held back. */
static struct fake *caught_restarting(const char *sup, const char *children)
{
	struct fake *t = fake_up(sup, children);

	t->hold = true;
	fake_find(t, "b")->fails = -1;
	fake_exit(t, "b", "exit:1");
	EXPECT_NUMBER(t, fake_find(t, "b")->child.state, CHILD_RESTARTING);
	EXPECT_NUMBER(t, fake_armed(t, "b"), 0);
	fake_saw(&t->trace, "");
	fake_saw(&t->events, "");
	return t;
}

Test(sup_retry, RETRY_1_failed_restart_is_tried_again_by_an_event_of_its_own,
	.timeout = 5)
{
	struct fake *t = fake_up("one_for_one max=10", "a b c");

	t->hold = true;
	fake_find(t, "b")->fails = 2;
	fake_exit(t, "b", "exit:1");
	EXPECT_TRACE(t, "spawn b");
	EXPECT_EVENTS(t, "exited b; restarting b; start_failed b; restarting b");
	EXPECT_STATES(t, "a running; b restarting; c running");
	EXPECT_NUMBER(t, fake_armed(t, "b"), 0);
	EXPECT_LAST(t, "b", "failed_to_start:exec:ENOENT");
	EXPECT_RESULT(t, fake_terminate(t, "a"), "ok");
	EXPECT_TRACE(t, "stop a; terminate ok");
	fake_fire(t);
	EXPECT_TRACE(t, "spawn b");
	fake_fire(t);
	EXPECT_TRACE(t, "spawn b");
	EXPECT_STATES(t, "a stopped; b running; c running");
	EXPECT_NUMBER(t, fake_armed(t, "b"), -1);
	fake_free(t);
}

Test(sup_retry, RETRY_1_death_before_ready_is_a_failed_restart, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a:early,transient");

	fake_find(t, "a")->fails = 1;
	fake_exit(t, "a", "exit:1");
	EXPECT_TRACE(t, "spawn a; spawn a");
	EXPECT_LAST(t, "a", "exit:9");
	EXPECT_COUNTED(t, 2);
	fake_free(t);
}

/* Before it is ready an end is no end of a run, whatever the reason and the type. */
Test(sup_retry, RETRY_1_normal_end_before_ready_is_a_failed_restart, .timeout = 5)
{
	struct fake *t = fake_new("one_for_one", "a:slow,transient");

	fake_boot(t);
	fake_ready(t, "a");
	fake_exit(t, "a", "exit:1");
	fake_exit(t, "a", "normal");
	EXPECT_TRACE(t, "spawn a; up; spawn a; spawn a");
	EXPECT_COUNTED(t, 2);
	fake_free(t);
}

Test(sup_retry, RETRY_2_each_retry_is_counted, .timeout = 5)
{
	static const struct {
		const char *sup, *trace;
	} rows[] = {
		{ "one_for_one max=0", "end shutdown:max_restarts" },
		{ "one_for_one max=1", "spawn a; end shutdown:max_restarts" },
		{ "one_for_one max=3",
			"spawn a; spawn a; spawn a; end shutdown:max_restarts" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fake *t = fake_up(rows[i].sup, "a");

		t->row = rows[i].sup;
		fake_find(t, "a")->fails = -1;
		fake_exit(t, "a", "exit:1");
		EXPECT_TRACE(t, rows[i].trace);
		fake_free(t);
	}
}

Test(sup_retry, RETRY_2_counted_at_the_moment_of_the_failure, .timeout = 5)
{
	struct fake *t = caught_restarting("one_for_one", "a b c");

	EXPECT_COUNTED(t, 2);
	fake_fire(t);
	EXPECT_COUNTED(t, 3);
	fake_free(t);
}

Test(sup_retry, RETRY_2_cause_of_giving_up_is_the_last_failure, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one max=1", "a");

	fake_find(t, "a")->fails = -1;
	fake_exit(t, "a", "exit:1");
	EXPECT_TEXT(t, t->sup.cause.text, "failed_to_start:exec:ENOENT");
	fake_free(t);
}

Test(sup_retry, RETRY_3_ignore_on_restart_is_success, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a b");

	fake_find(t, "a")->ignores = true;
	fake_exit(t, "a", "exit:1");
	EXPECT_TRACE(t, "spawn a");
	EXPECT_COUNTED(t, 1);
	EXPECT_NUMBER(t, fake_armed(t, "a"), -1);
	EXPECT_NUMBER(t, sup_count_children(&t->sup).active, 1);
	EXPECT_NUMBER(t, sup_count_children(&t->sup).specs, 2);
	fake_find(t, "a")->ignores = false;
	EXPECT_RESULT(t, fake_restart(t, "a"), "ok");
	fake_free(t);
}

Test(sup_retry, RETRY_4_one_for_all_does_the_whole_round_again, .timeout = 5)
{
	struct fake *t = fake_up("one_for_all", "a b c d");

	fake_find(t, "c")->fails = 1;
	fake_exit(t, "b", "exit:1");
	EXPECT_TRACE(t,
		"stop d; stop c; stop a; spawn a; spawn b; spawn c; "
		"stop b; stop a; spawn a; spawn b; spawn c; spawn d");
	EXPECT_COUNTED(t, 2);
	fake_free(t);
}

Test(sup_retry, RETRY_4_siblings_are_stopped_when_the_retry_comes_due, .timeout = 5)
{
	struct fake *t = fake_up("one_for_all", "a b c d");

	t->hold = true;
	fake_find(t, "c")->fails = 1;
	fake_exit(t, "b", "exit:1");
	EXPECT_TRACE(t, "stop d; stop c; stop a; spawn a; spawn b; spawn c");
	EXPECT_NUMBER(t, fake_find(t, "a")->child.state, CHILD_RUNNING);
	EXPECT_NUMBER(t, fake_find(t, "c")->child.state, CHILD_RESTARTING);
	EXPECT_NUMBER(t, sup_count_children(&t->sup).active, 2);
	fake_fire(t);
	EXPECT_TRACE(t, "stop b; stop a; spawn a; spawn b; spawn c; spawn d");
	fake_free(t);
}

Test(sup_retry, RETRY_5_rest_for_one_goes_on_from_the_one_that_failed, .timeout = 5)
{
	struct fake *t = fake_up("rest_for_one", "a b c d");

	fake_find(t, "c")->fails = 2;
	fake_exit(t, "a", "exit:1");
	EXPECT_TRACE(t,
		"stop d; stop c; stop b; spawn a; spawn b; spawn c; spawn c; "
		"spawn c; spawn d");
	EXPECT_COUNTED(t, 3);
	EXPECT_NUMBER(t, fake_find(t, "a")->spawns, 2);
	fake_free(t);
}

Test(sup_retry, RETRY_5_crash_before_the_one_that_retries_begins_anew, .timeout = 5)
{
	struct fake *t = caught_restarting("rest_for_one max=10", "a b c");

	fake_find(t, "b")->fails = 0;
	fake_exit(t, "a", "exit:1");
	fake_fire(t);
	EXPECT_TRACE(t, "spawn a; spawn b; spawn c");
	EXPECT_STATES(t, "a running; b running; c running");
	EXPECT_COUNTED(t, 3);
	fake_free(t);
}

Test(sup_retry, RETRY_6_terminate_cancels_and_later_siblings_stay_down, .timeout = 5)
{
	struct fake *t = caught_restarting("rest_for_one max=10", "a b c d");

	EXPECT_RESULT(t, fake_terminate(t, "b"), "ok");
	EXPECT_STATES(t, "a running; b stopped; c stopped; d stopped");
	EXPECT_NUMBER(t, fake_armed(t, "b"), -1);
	cr_expect(fake_find(t, "b")->child.sticky && !fake_find(t, "c")->child.sticky);
	fake_fire(t);
	EXPECT_TRACE(t, "terminate ok");
	fake_find(t, "b")->fails = 0;
	EXPECT_RESULT(t, fake_restart(t, "b"), "ok");
	EXPECT_TRACE(t, "spawn b; restart ok");
	EXPECT_STATES(t, "a running; b running; c stopped; d stopped");
	fake_exit(t, "a", "exit:1");
	EXPECT_TRACE(t, "stop b; spawn a; spawn b; spawn c; spawn d");
	fake_free(t);
}

Test(sup_retry, RETRY_6_of_one_for_all_leaves_the_earlier_ones_running, .timeout = 5)
{
	struct fake *t = fake_up("one_for_all max=10", "a b c");

	t->hold = true;
	fake_find(t, "b")->fails = -1;
	fake_exit(t, "a", "exit:1");
	EXPECT_RESULT(t, fake_terminate(t, "b"), "ok");
	fake_fire(t);
	EXPECT_STATES(t, "a running; b stopped; c stopped");
	EXPECT_TRACE(t, "stop c; stop b; spawn a; spawn b; terminate ok");
	fake_free(t);
}

Test(sup_retry, RETRY_7_answers_while_restarting, .timeout = 5)
{
	struct fake *t = caught_restarting("one_for_one max=10", "a b");

	EXPECT_RESULT(t, fake_restart(t, "b"), "restarting");
	EXPECT_RESULT(t, fake_delete(t, "b"), "restarting");
	EXPECT_RESULT(t, fake_start(t, "b"), "already_present");
	EXPECT_NUMBER(t, sup_count_children(&t->sup).active, 1);
	EXPECT_NUMBER(t, sup_count_children(&t->sup).specs, 2);
	EXPECT_NUMBER(t, fake_find(t, "b")->child.state, CHILD_RESTARTING);
	cr_expect(!fake_is_well(t, "b"));
	fake_find(t, "b")->fails = 0;
	fake_saw(&t->trace, "");
	fake_fire(t);
	EXPECT_TRACE(t, "spawn b");
	fake_free(t);
}

Test(sup_retry, RETRY_8_restarting_child_does_not_hold_up_the_end, .timeout = 5)
{
	struct fake *t = caught_restarting("one_for_one max=10", "a b c");

	fake_shutdown(t, "shutdown");
	EXPECT_TRACE(t, "stop c; stop a; end shutdown");
	t->hold = false;
	fake_wait(t, 60 * SEC_NS);
	EXPECT_TRACE(t, "");
	fake_free(t);
}

Test(sup_retry, RETRY_9_restarting_child_counts_as_a_live_significant_one, .timeout = 5)
{
	struct fake *t = caught_restarting("one_for_one all_significant max=10",
		"a:transient,significant b:transient,significant");

	fake_exit(t, "a", "normal");
	EXPECT_TRACE(t, "");
	EXPECT_NUMBER(t, t->sup.phase, SUP_SERVING);
	fake_terminate(t, "b");
	EXPECT_TRACE(t, "terminate ok");
	fake_free(t);
}

Test(sup_retry, want_of_resources_never_uses_up_the_intensity, .timeout = 5)
{
	static const char *const sups[] = { "one_for_one max=2", "one_for_one max=3",
		"rest_for_one max=7", "one_for_all max=infinity" };

	for (size_t i = 0; i < ARRAY_LEN(sups); i++) {
		struct fake *t = fake_up(sups[i], "a:for_want");

		fake_find(t, "a")->fails = -1;
		fake_exit(t, "a", "exit:1");
		for (int tries = 0; tries < 1000; tries++) {
			EXPECT_TRACE(t, "spawn a");
			cr_assert_eq(t->sup.phase, SUP_SERVING, "%s: try %d", sups[i],
				tries);
			fake_wait(t, fake_armed(t, "a"));
		}
		fake_free(t);
	}
}

/* Where hardly any restart is allowed, no wait would help. */
Test(sup_retry, want_of_resources_waits_a_little, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one max=infinity", "a:for_want");

	fake_find(t, "a")->fails = 1;
	fake_exit(t, "a", "exit:1");
	EXPECT_TRACE(t, "spawn a");
	EXPECT_STATES(t, "a restarting");
	EXPECT_NUMBER(t, fake_armed(t, "a"), KICK_RESOURCE_RETRY_MS * MSEC_NS);
	fake_wait(t, KICK_RESOURCE_RETRY_MS * MSEC_NS - 1);
	EXPECT_TRACE(t, "");
	fake_wait(t, 1);
	EXPECT_TRACE(t, "spawn a");
	EXPECT_STATES(t, "a running");
	fake_free(t);
}

/* --- supervisor_SUITE ------------------------------------------------------------- */

Test(sup_suite, count_restarting_children, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one max=100", "child1 child2 child3 child4");

	t->hold = true;
	fake_find(t, "child1")->fails = -1;
	EXPECT_NUMBER(t, sup_count_children(&t->sup).active, 4);
	fake_exit(t, "child1", "killed");
	EXPECT_NUMBER(t, sup_count_children(&t->sup).active, 3);
	EXPECT_NUMBER(t, sup_count_children(&t->sup).workers, 4);
	EXPECT_RESULT(t, fake_terminate(t, "child2"), "ok");
	EXPECT_NUMBER(t, sup_count_children(&t->sup).active, 2);
	EXPECT_RESULT(t, fake_terminate(t, "child1"), "ok");
	EXPECT_NUMBER(t, sup_count_children(&t->sup).active, 2);
	EXPECT_NUMBER(t, sup_count_children(&t->sup).specs, 4);
	fake_free(t);
}

Test(sup_suite, hanging_restart_loop, .timeout = 5)
{
	static const char *const rows[] = { "one_for_one max=1000",
		"one_for_all max=1000", "rest_for_one max=1000" };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fake *t = caught_restarting(rows[i], "b");

		t->row = rows[i];
		fake_fire(t);
		EXPECT_RESULT(t, fake_start(t, "b"), "already_present");
		EXPECT_RESULT(t, fake_restart(t, "b"), "restarting");
		EXPECT_RESULT(t, fake_delete(t, "b"), "restarting");
		EXPECT_RESULT(t, fake_terminate(t, "b"), "ok");
		EXPECT_STATES(t, "b stopped");
		EXPECT_RESULT(t, fake_restart(t, "b"), "start_failed");
		EXPECT_RESULT(t, fake_delete(t, "b"), "ok");
		EXPECT_RESULT(t, fake_start(t, "b"), "ok");
		fake_find(t, "b")->fails = -1;
		fake_exit(t, "b", "exit:1");
		fake_saw(&t->trace, "");
		fake_shutdown(t, "shutdown");
		EXPECT_TRACE(t, "end shutdown");
		fake_free(t);
	}
}

Test(sup_suite, hanging_restart_loop_rest_for_one, .timeout = 5)
{
	struct fake *t = caught_restarting("rest_for_one max=1000", "a b c");

	fake_fire(t);
	EXPECT_RESULT(t, fake_start(t, "b"), "already_present");
	EXPECT_RESULT(t, fake_restart(t, "b"), "restarting");
	EXPECT_RESULT(t, fake_delete(t, "b"), "restarting");
	EXPECT_RESULT(t, fake_terminate(t, "b"), "ok");
	EXPECT_STATES(t, "a running; b stopped; c stopped");
	EXPECT_RESULT(t, fake_restart(t, "b"), "start_failed");
	EXPECT_RESULT(t, fake_delete(t, "b"), "ok");
	EXPECT_STATES(t, "a running; c stopped");
	fake_saw(&t->trace, "");
	fake_shutdown(t, "shutdown");
	EXPECT_TRACE(t, "stop a; end shutdown");
	fake_free(t);
}

Test(sup_suite, hanging_restart_loop_simple, .timeout = 5)
{
	struct fake *t = fake_up("dynamic max=1000", "");

	t->hold = true;
	fake_start(t, "b");
	fake_find(t, "b")->fails = -1;
	fake_exit(t, "b", "exit:1");
	EXPECT_STATES(t, "b restarting");
	EXPECT_RESULT(t, fake_restart(t, "b"), "dynamic_supervisor");
	EXPECT_RESULT(t, fake_delete(t, "b"), "dynamic_supervisor");
	fake_saw(&t->trace, "");
	EXPECT_RESULT(t, fake_terminate(t, "b"), "ok");
	EXPECT_IN_TRACE(t, "removed b");
	fake_saw(&t->trace, "");
	fake_shutdown(t, "shutdown");
	EXPECT_TRACE(t, "end shutdown");
	fake_free(t);
}
