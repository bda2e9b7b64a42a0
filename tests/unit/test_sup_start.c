/* The first start of a supervisor's children: order, readiness, and the roll-back when
 * one of them fails (rules START, SUP; cases of OTP's supervisor_SUITE by their names).
 */
#include "support/faketree.h"

TestSuite(sup_start, .timeout = 10);

Test(sup_start, START_1_children_start_in_list_order_each_awaited, .timeout = 5)
{
	struct fake *t = fake_new("one_for_one", "a:slow b:slow c:slow");

	fake_boot(t);
	EXPECT_TRACE(t, "spawn a");
	fake_ready(t, "a");
	EXPECT_TRACE(t, "spawn b");
	fake_ready(t, "b");
	EXPECT_TRACE(t, "spawn c");
	EXPECT_STATES(t, "a running; b running; c starting");
	fake_ready(t, "c");
	EXPECT_TRACE(t, "up");
	EXPECT_NUMBER(t, t->sup.phase, SUP_SERVING);
	fake_free(t);
}

Test(sup_start, START_1_strategy_does_not_change_the_order, .timeout = 5)
{
	static const char *const rows[] = { "one_for_one", "one_for_all",
		"rest_for_one" };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fake *t = fake_new(rows[i], "a b c");

		t->row = rows[i];
		fake_boot(t);
		EXPECT_TRACE(t, "spawn a; spawn b; spawn c; up");
		EXPECT_EVENTS(t,
			"started a; ready a; started b; ready b; started c; "
			"ready c");
		EXPECT_COUNTED(t, 0);
		fake_free(t);
	}
}

Test(sup_start, START_1_ready_is_ignored_in_every_other_state, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a b:stubborn");

	fake_ready(t, "a");
	EXPECT_STATES(t, "a running; b running");
	fake_terminate(t, "b");
	fake_ready(t, "b");
	EXPECT_STATES(t, "a running; b stopping");
	EXPECT_TRACE(t, "stop b");
	fake_free(t);
}

Test(sup_start, START_3_ignore_is_no_failure_and_the_boot_goes_on, .timeout = 5)
{
	struct fake *t = fake_new("one_for_one", "a b:ignores c:temporary,ignores d");

	fake_boot(t);
	EXPECT_TRACE(t, "spawn a; spawn b; spawn c; spawn d; up");
	EXPECT_NUMBER(t, sup_count_children(&t->sup).active, 2);
	cr_expect(!child_is_alive(&fake_find(t, "b")->child));
	cr_expect(fake_is_well(t, "b"));
	fake_free(t);
}

Test(sup_start, START_4_first_failure_takes_back_what_was_started, .timeout = 5)
{
	static const struct {
		const char *name, *children, *trace;
	} rows[] = {
		{ "cannot be spawned", "a b c:broken d",
			"spawn a; spawn b; spawn c; stop b; stop a; "
			"end shutdown:failed_to_start:c" },
		{ "dies before it is ready", "a b c:broken,early d",
			"spawn a; spawn b; spawn c; stop b; stop a; "
			"end shutdown:failed_to_start:c" },
		{ "the first", "a:broken b",
			"spawn a; end shutdown:failed_to_start:a" },
		{ "temporary ones are taken back, too", "a:temporary b:broken",
			"spawn a; spawn b; stop a; end shutdown:failed_to_start:b" },
		{ "a transient one fails as well", "a b:transient,broken",
			"spawn a; spawn b; stop a; end shutdown:failed_to_start:b" },
		{ "a temporary one fails as well", "a b:temporary,broken",
			"spawn a; spawn b; stop a; end shutdown:failed_to_start:b" },
		{ "brutal_kill holds", "a:brutal b:broken",
			"spawn a; spawn b; kill a; end shutdown:failed_to_start:b" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fake *t = fake_new("one_for_one", rows[i].children);

		t->row = rows[i].name;
		fake_boot(t);
		EXPECT_TRACE(t, rows[i].trace);
		EXPECT_NUMBER(t, t->ups, 0);
		EXPECT_COUNTED(t, 0);
		EXPECT_NUMBER(t, t->sup.phase, SUP_ENDED);
		fake_free(t);
	}
}

Test(sup_start, START_4_cause_is_the_failure_of_the_child, .timeout = 5)
{
	struct fake *t = fake_new("one_for_one", "a b:broken");

	fake_boot(t);
	EXPECT_TEXT(t, t->sup.cause.text, "failed_to_start:exec:ENOENT");
	EXPECT_NUMBER(t, t->sup.reason.class, REASON_SHUTDOWN);
	fake_free(t);
}

Test(sup_start, START_4_roll_back_has_the_shutdown_times, .timeout = 5)
{
	struct fake *t = fake_new("one_for_one", "a b:stubborn,2s c:broken");

	fake_boot(t);
	EXPECT_TRACE(t, "spawn a; spawn b; spawn c; stop b");
	fake_wait(t, 2 * SEC_NS - 1);
	EXPECT_TRACE(t, "");
	fake_wait(t, 1);
	EXPECT_TRACE(t, "kill b; stop a; end shutdown:failed_to_start:c");
	fake_free(t);
}

Test(sup_start, START_5_supervisor_that_fails_to_start_is_a_failed_start, .timeout = 5)
{
	struct fake *t = fake_new("one_for_one", "a s:supervisor,transient,slow");

	fake_boot(t);
	fake_exit(t, "s", "shutdown:failed_to_start:x");
	EXPECT_TRACE(t, "spawn a; spawn s; stop a; end shutdown:failed_to_start:s");
	EXPECT_TEXT(t, t->sup.cause.text, "shutdown:failed_to_start:x");
	fake_free(t);
}

Test(sup_start, START_6_death_before_ready_is_a_failed_start_whatever_the_reason,
	.timeout = 5)
{
	static const char *const types[] = { "b:slow", "b:slow,transient",
		"b:slow,temporary" };
	static const char *const reasons[] = { "normal", "shutdown", "exit:1",
		"killed" };

	for (size_t i = 0; i < ARRAY_LEN(types) * ARRAY_LEN(reasons); i++) {
		const char *type = types[i % ARRAY_LEN(types)];
		struct fake *t = fake_new("one_for_one", type);

		t->row = type;
		fake_boot(t);
		fake_exit(t, "b", reasons[i / ARRAY_LEN(types)]);
		EXPECT_TRACE(t, "spawn b; end shutdown:failed_to_start:b");
		fake_free(t);
	}
}

Test(sup_start, START_7_crash_of_a_ready_child_does_not_fail_the_boot, .timeout = 5)
{
	static const struct {
		const char *strategy, *after_crash, *after_ready;
	} rows[] = {
		{ "one_for_one", "spawn a", "spawn c; up" },
		{ "rest_for_one", "stop b; spawn a; spawn b", "spawn c; up" },
		{ "one_for_all", "stop b; spawn a; spawn b", "spawn c; up" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fake *t = fake_new(rows[i].strategy, "a b:slow c");

		t->row = rows[i].strategy;
		fake_boot(t);
		EXPECT_TRACE(t, "spawn a; spawn b");
		fake_exit(t, "a", "exit:1");
		EXPECT_TRACE(t, rows[i].after_crash);
		EXPECT_COUNTED(t, 1);
		fake_ready(t, "b");
		EXPECT_TRACE(t, rows[i].after_ready);
		EXPECT_STATES(t, "a running; b running; c running");
		fake_free(t);
	}
}

/* That is no failed start: the supervisor had started when it gave up, as in OTP. */
Test(sup_start, START_7_crashes_during_the_boot_may_be_too_many, .timeout = 5)
{
	struct fake *t = fake_new("one_for_one max=0", "a b:slow c");

	fake_boot(t);
	fake_exit(t, "a", "exit:1");
	EXPECT_TRACE(t, "spawn a; spawn b; up; stop b; end shutdown:max_restarts");
	EXPECT_NUMBER(t, fake_find(t, "c")->spawns, 0);
	fake_free(t);
}

Test(sup_start, START_8_dynamic_supervisor_starts_nothing_by_itself, .timeout = 5)
{
	struct fake *t = fake_new("dynamic", "");

	fake_boot(t);
	EXPECT_TRACE(t, "up");
	fake_free(t);
}

Test(sup_start, autostart_false_is_left_down_and_well, .timeout = 5)
{
	struct fake *t = fake_new("one_for_all", "a b:off c");

	fake_boot(t);
	EXPECT_TRACE(t, "spawn a; spawn c; up");
	EXPECT_STATES(t, "a running; b stopped; c running");
	cr_expect(fake_is_well(t, "b"));
	fake_exit(t, "a", "exit:1");
	EXPECT_TRACE(t, "stop c; spawn a; spawn c");
	EXPECT_RESULT(t, fake_restart(t, "b"), "ok");
	EXPECT_TRACE(t, "spawn b; restart ok");
	fake_free(t);
}

Test(sup_start, oneshot_is_ready_when_it_has_ended_normally, .timeout = 5)
{
	struct fake *t = fake_new("one_for_one", "m:oneshot b");

	fake_boot(t);
	EXPECT_TRACE(t, "spawn m");
	EXPECT_STATES(t, "m starting; b stopped");
	fake_exit(t, "m", "normal");
	EXPECT_TRACE(t, "spawn b; up");
	cr_expect(strstr(t->events.now, "ready m"), "%s", t->events.now);
	EXPECT_STATES(t, "m exited; b running");
	cr_expect(fake_is_well(t, "m"));
	EXPECT_COUNTED(t, 0);
	fake_free(t);
}

Test(sup_start, oneshot_that_ends_abnormally_has_failed_to_start, .timeout = 5)
{
	struct fake *t = fake_new("one_for_one", "a m:oneshot b");

	fake_boot(t);
	fake_exit(t, "m", "exit:2");
	EXPECT_TRACE(t, "spawn a; spawn m; stop a; end shutdown:failed_to_start:m");
	EXPECT_LAST(t, "m", "exit:2");
	fake_free(t);
}

Test(sup_start, oneshot_runs_again_with_its_group_unless_temporary, .timeout = 5)
{
	struct fake *t = fake_new("one_for_all", "m:oneshot n:oneshot,temporary b");

	fake_boot(t);
	fake_exit(t, "m", "normal");
	fake_exit(t, "n", "normal");
	EXPECT_TRACE(t, "spawn m; spawn n; spawn b; up");
	fake_exit(t, "b", "exit:1");
	EXPECT_TRACE(t, "spawn m");
	fake_exit(t, "m", "normal");
	EXPECT_TRACE(t, "spawn b");
	EXPECT_STATES(t, "m exited; n exited; b running");
	fake_free(t);
}

Test(sup_start, start_timeout_stops_the_child_and_is_a_failed_start, .timeout = 5)
{
	struct fake *t = fake_new("one_for_one", "a b:slow");

	fake_boot(t);
	EXPECT_NUMBER(t, fake_armed(t, "b"), 30 * SEC_NS);
	fake_wait(t, 30 * SEC_NS - 1);
	EXPECT_TRACE(t, "spawn a; spawn b");
	fake_wait(t, 1);
	EXPECT_TRACE(t, "stop b; stop a; end shutdown:failed_to_start:b");
	EXPECT_TEXT(t, t->sup.cause.text, "start_timeout");
	EXPECT_LAST(t, "b", "start_timeout");
	fake_free(t);
}

Test(sup_start, start_timeout_of_a_stubborn_child_ends_in_a_kill, .timeout = 5)
{
	struct fake *t = fake_new("one_for_one", "a:slow,stubborn");

	fake_boot(t);
	fake_wait(t, 30 * SEC_NS);
	EXPECT_TRACE(t, "spawn a; stop a");
	EXPECT_STATES(t, "a stopping");
	EXPECT_NUMBER(t, fake_armed(t, "a"), 5 * SEC_NS);
	fake_wait(t, 5 * SEC_NS);
	EXPECT_TRACE(t, "kill a; end shutdown:failed_to_start:a");
	EXPECT_LAST(t, "a", "start_timeout");
	fake_free(t);
}

Test(sup_start, start_timeout_is_extended_and_never_brought_forward, .timeout = 5)
{
	struct fake *t = fake_new("one_for_one", "a:slow");

	fake_boot(t);
	fake_extend(t, "a", 50 * SEC_NS);
	fake_extend(t, "a", 40 * SEC_NS);
	EXPECT_NUMBER(t, fake_armed(t, "a"), 50 * SEC_NS);
	fake_wait(t, 50 * SEC_NS - 1);
	EXPECT_STATES(t, "a starting");
	fake_ready(t, "a");
	/* What runs waits for nothing. */
	fake_extend(t, "a", 90 * SEC_NS);
	EXPECT_NUMBER(t, fake_armed(t, "a"), -1);
	fake_free(t);
}

Test(sup_start, start_timeout_is_over_once_the_child_is_ready, .timeout = 5)
{
	struct fake *t = fake_new("one_for_one", "a:slow");

	fake_boot(t);
	fake_wait(t, 29 * SEC_NS);
	fake_ready(t, "a");
	EXPECT_NUMBER(t, fake_armed(t, "a"), -1);
	fake_wait(t, 100 * SEC_NS);
	EXPECT_TRACE(t, "spawn a; up");
	fake_free(t);
}

Test(sup_start, SUP_3_end_ordered_during_the_boot_takes_back_what_was_started,
	.timeout = 5)
{
	struct fake *t = fake_new("one_for_one", "a b:slow c");

	fake_boot(t);
	fake_shutdown(t, "shutdown");
	EXPECT_TRACE(t, "spawn a; spawn b; stop b; stop a; end shutdown");
	EXPECT_NUMBER(t, fake_find(t, "c")->spawns, 0);
	EXPECT_NUMBER(t, t->ups, 0);
	fake_free(t);
}

Test(sup_start, SUP_2_stop_of_a_starting_child_does_not_fail_the_boot, .timeout = 5)
{
	struct fake *t = fake_new("one_for_one", "a b:slow c");

	fake_boot(t);
	EXPECT_RESULT(t, fake_terminate(t, "b"), "ok");
	EXPECT_STATES(t, "a running; b stopped; c running");
	EXPECT_NUMBER(t, t->ups, 1);
	EXPECT_NUMBER(t, t->sup.phase, SUP_SERVING);
	EXPECT_COUNTED(t, 0);
	fake_free(t);
}

Test(sup_start, SUP_2_start_by_hand_waits_for_those_before_it, .timeout = 5)
{
	struct fake *t = fake_new("one_for_one", "a:slow b:off c:slow");
	struct fake_request *r;

	fake_boot(t);
	r = fake_restart(t, "b");
	EXPECT_TRACE(t, "spawn a");
	EXPECT_RESULT(t, r, "pending");
	fake_ready(t, "a");
	EXPECT_RESULT(t, r, "ok");
	fake_ready(t, "c");
	EXPECT_STATES(t, "a running; b running; c running");
	EXPECT_NUMBER(t, t->ups, 1);
	fake_free(t);
}

Test(sup_start, SUP_2_failed_start_by_hand_does_not_fail_the_boot, .timeout = 5)
{
	struct fake *t = fake_new("one_for_one", "a:slow b:off,broken c");
	struct fake_request *r;

	fake_boot(t);
	r = fake_restart(t, "b");
	fake_ready(t, "a");
	EXPECT_RESULT(t, r, "start_failed");
	EXPECT_NUMBER(t, fake_find(t, "c")->child.state, CHILD_RUNNING);
	EXPECT_NUMBER(t, t->sup.phase, SUP_SERVING);
	fake_free(t);
}

Test(sup_start, SUP_10_events_of_a_failed_boot, .timeout = 5)
{
	struct fake *t = fake_new("one_for_one", "a b:broken");

	fake_boot(t);
	EXPECT_EVENTS(t,
		"started a; ready a; start_failed b; stopping a; exited a; "
		"stopped a");
	fake_free(t);
}

/* --- supervisor_SUITE ------------------------------------------------------------- */

Test(sup_suite, sup_start_normal, .timeout = 5)
{
	struct fake *t = fake_new("one_for_one", "");

	fake_boot(t);
	EXPECT_TRACE(t, "up");
	fake_shutdown(t, "shutdown");
	EXPECT_TRACE(t, "end shutdown");
	fake_free(t);
}

Test(sup_suite, sup_start_ignore_child, .timeout = 5)
{
	struct fake *t = fake_new("one_for_one", "child1:ignores child2");
	struct child_counts n;

	fake_boot(t);
	EXPECT_TRACE(t, "spawn child1; spawn child2; up");
	n = sup_count_children(&t->sup);
	EXPECT_NUMBER(t, n.specs, 2);
	EXPECT_NUMBER(t, n.active, 1);
	EXPECT_NUMBER(t, n.supervisors, 0);
	EXPECT_NUMBER(t, n.workers, 2);
	fake_free(t);
}

/* Declared, so kick keeps it in sight; it is not started again, even with its group. */
Test(sup_suite, sup_start_ignore_temporary_child, .timeout = 5)
{
	struct fake *t = fake_new("one_for_all", "child1:temporary,ignores child2");

	fake_boot(t);
	EXPECT_TRACE(t, "spawn child1; spawn child2; up");
	EXPECT_STATES(t, "child1 exited; child2 running");
	fake_exit(t, "child2", "exit:1");
	EXPECT_TRACE(t, "spawn child2");
	fake_free(t);
}

/* init that fails: the nearest a core without init has is a child that cannot start. */
Test(sup_suite, sup_start_fail, .timeout = 5)
{
	struct fake *t = fake_new("one_for_one", "child1:broken");

	fake_boot(t);
	EXPECT_TRACE(t, "spawn child1; end shutdown:failed_to_start:child1");
	fake_free(t);
}

/* The chain of causes: the nested supervisor names its child, the outer one it. */
Test(sup_suite, faulty_application_shutdown, .timeout = 5)
{
	struct fake *inner = fake_new("one_for_one", "server:broken");
	struct fake *outer = fake_new("one_for_one", "services:supervisor,slow");

	fake_boot(inner);
	fake_boot(outer);
	fake_exit(outer, "services", inner->sup.reason.text);
	EXPECT_TEXT(outer, outer->sup.reason.text, "shutdown:failed_to_start:services");
	EXPECT_TEXT(outer, outer->sup.cause.text, "shutdown:failed_to_start:server");
	EXPECT_TEXT(inner, inner->sup.cause.text, "failed_to_start:exec:ENOENT");
	fake_free(inner);
	fake_free(outer);
}

Test(sup_suite, order_of_children, .timeout = 5)
{
	struct fake *t = fake_new("rest_for_one", "p1 p2 p3 p4 p5");

	fake_boot(t);
	EXPECT_TRACE(t, "spawn p1; spawn p2; spawn p3; spawn p4; spawn p5; up");
	fake_exit(t, "p3", "killed");
	EXPECT_TRACE(t, "stop p5; stop p4; spawn p3; spawn p4; spawn p5");
	fake_shutdown(t, "shutdown");
	EXPECT_TRACE(t, "stop p5; stop p4; stop p3; stop p2; stop p1; end shutdown");
	fake_free(t);
}

/* --- supervisor_test.exs ---------------------------------------------------------- */

Test(ex_supervisor, start_link_2, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "stack");

	EXPECT_STATES(t, "stack running");
	fake_exit(t, "stack", "exit:1");
	EXPECT_TRACE(t, "spawn stack");
	EXPECT_STATES(t, "stack running");
	fake_free(t);
}
