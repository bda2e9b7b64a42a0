/* What an end does to the siblings: one_for_one, one_for_all, rest_for_one (rules STR,
 * SHUT-10; the cases of supervisor_SUITE named after the strategies). */
#include "support/faketree.h"

TestSuite(sup_strategy, .timeout = 10);

Test(sup_strategy, STR_1_to_3_who_is_stopped_and_started, .timeout = 5)
{
	static const struct {
		const char *strategy, *dies, *trace;
	} rows[] = {
		{ "one_for_one", "a", "spawn a" },
		{ "one_for_one", "b", "spawn b" },
		{ "one_for_one", "d", "spawn d" },
		{ "one_for_all", "a",
			"stop d; stop c; stop b; spawn a; spawn b; spawn c; spawn d" },
		{ "one_for_all", "b",
			"stop d; stop c; stop a; spawn a; spawn b; spawn c; spawn d" },
		{ "one_for_all", "d",
			"stop c; stop b; stop a; spawn a; spawn b; spawn c; spawn d" },
		{ "rest_for_one", "a",
			"stop d; stop c; stop b; spawn a; spawn b; spawn c; spawn d" },
		{ "rest_for_one", "b", "stop d; stop c; spawn b; spawn c; spawn d" },
		{ "rest_for_one", "d", "spawn d" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fake *t = fake_up(rows[i].strategy, "a b c d");

		t->row = rows[i].strategy;
		fake_exit(t, rows[i].dies, "exit:1");
		EXPECT_TRACE(t, rows[i].trace);
		EXPECT_COUNTED(t, 1);
		EXPECT_STATES(t, "a running; b running; c running; d running");
		fake_free(t);
	}
}

Test(sup_strategy, STR_2_each_stop_and_each_start_is_awaited, .timeout = 5)
{
	struct fake *t = fake_new("one_for_all", "a:slow,stubborn b c:slow,stubborn");

	fake_boot(t);
	fake_ready(t, "a");
	fake_ready(t, "c");
	EXPECT_TRACE(t, "spawn a; spawn b; spawn c; up");
	fake_exit(t, "b", "exit:1");
	EXPECT_TRACE(t, "stop c");
	EXPECT_STATES(t, "a running; b restarting; c stopping");
	fake_exit(t, "c", "shutdown");
	EXPECT_TRACE(t, "stop a");
	fake_exit(t, "a", "shutdown");
	EXPECT_TRACE(t, "spawn a");
	fake_ready(t, "a");
	EXPECT_TRACE(t, "spawn b; spawn c");
	fake_free(t);
}

Test(sup_strategy, STR_3_brutal_kill_and_deadlines_hold_within_a_group, .timeout = 5)
{
	struct fake *t = fake_up("rest_for_one", "a b:brutal c:stubborn,1s");

	fake_exit(t, "a", "exit:1");
	EXPECT_TRACE(t, "stop c");
	fake_wait(t, SEC_NS);
	EXPECT_TRACE(t, "kill c; kill b; spawn a; spawn b; spawn c");
	EXPECT_LAST(t, "c", "killed");
	fake_free(t);
}

Test(sup_strategy, STR_4_added_children_come_last_and_keep_their_place, .timeout = 5)
{
	struct fake *t = fake_up("rest_for_one", "a b");

	fake_start(t, "c");
	EXPECT_TRACE(t, "spawn c; start ok");
	fake_exit(t, "a", "exit:1");
	EXPECT_TRACE(t, "stop c; stop b; spawn a; spawn b; spawn c");
	fake_exit(t, "c", "exit:1");
	EXPECT_TRACE(t, "spawn c");
	fake_free(t);
}

Test(sup_strategy, STR_4_delete_and_start_moves_to_the_end_restart_does_not,
	.timeout = 5)
{
	struct fake *t = fake_up("rest_for_one", "a b");

	fake_terminate(t, "a");
	fake_restart(t, "a");
	EXPECT_STATES(t, "a running; b running");
	fake_terminate(t, "a");
	fake_delete(t, "a");
	fake_start(t, "a");
	EXPECT_STATES(t, "b running; a running");
	fake_saw(&t->trace, "");
	fake_exit(t, "b", "exit:1");
	EXPECT_TRACE(t, "stop a; spawn b; spawn a");
	fake_free(t);
}

Test(sup_strategy, STR_5_group_restart_starts_siblings_that_were_down, .timeout = 5)
{
	struct fake *t = fake_up("one_for_all", "a b:transient c:ignores d");

	fake_exit(t, "b", "normal");
	EXPECT_TRACE(t, "");
	fake_exit(t, "a", "exit:1");
	EXPECT_TRACE(t, "stop d; spawn a; spawn b; spawn c; spawn d");
	EXPECT_NUMBER(t, fake_find(t, "b")->child.state, CHILD_RUNNING);
	fake_free(t);
}

Test(sup_strategy, STR_5_rest_for_one_starts_only_later_ones_that_were_down,
	.timeout = 5)
{
	struct fake *t = fake_up("rest_for_one", "a:transient b c:transient");

	fake_exit(t, "a", "normal");
	fake_exit(t, "c", "normal");
	fake_exit(t, "b", "exit:1");
	EXPECT_TRACE(t, "spawn b; spawn c");
	EXPECT_STATES(t, "a exited; b running; c running");
	fake_free(t);
}

Test(sup_strategy, STR_5_kick_stop_sticks_through_group_restarts, .timeout = 5)
{
	static const char *const rows[] = { "one_for_all", "rest_for_one" };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fake *t = fake_up(rows[i], "a b c");

		t->row = rows[i];
		fake_terminate(t, "b");
		EXPECT_TRACE(t, "stop b; terminate ok");
		fake_exit(t, "a", "exit:1");
		EXPECT_TRACE(t, "stop c; spawn a; spawn c");
		EXPECT_STATES(t, "a running; b stopped; c running");
		fake_restart(t, "b");
		EXPECT_TRACE(t, "spawn b; restart ok");
		fake_exit(t, "a", "exit:1");
		EXPECT_TRACE(t, "stop c; stop b; spawn a; spawn b; spawn c");
		fake_free(t);
	}
}

Test(sup_strategy, STR_6_two_deaths_at_the_same_time, .timeout = 5)
{
	static const struct {
		const char *name, *strategy, *die;
		int counted;
		const char *trace;
	} rows[] = {
		{ "one_for_one: two", "one_for_one", "b c", 2, "spawn b; spawn c" },
		{ "one_for_all: one", "one_for_all", "b c", 1,
			"stop d; stop a; spawn a; spawn b; spawn c; spawn d" },
		{ "one_for_all, later first: one", "one_for_all", "c b", 1,
			"stop d; stop a; spawn a; spawn b; spawn c; spawn d" },
		{ "rest_for_one, elder first: one", "rest_for_one", "b c", 1,
			"stop d; spawn b; spawn c; spawn d" },
		{ "rest_for_one, later first: two", "rest_for_one", "c b", 2,
			"stop d; spawn b; spawn c; spawn d" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fake *t = fake_up(rows[i].strategy, "a b c d");

		t->row = rows[i].name;
		fake_exit_together(t, rows[i].die, "killed");
		EXPECT_TRACE(t, rows[i].trace);
		EXPECT_COUNTED(t, rows[i].counted);
		EXPECT_STATES(t, "a running; b running; c running; d running");
		fake_free(t);
	}
}

Test(sup_strategy, SHUT_10_elder_crash_in_the_middle_of_a_group_restart, .timeout = 5)
{
	struct fake *t = fake_up("rest_for_one", "a b c:stubborn");

	fake_exit(t, "b", "exit:1");
	EXPECT_TRACE(t, "stop c");
	fake_exit(t, "a", "exit:1");
	EXPECT_TRACE(t, "");
	EXPECT_COUNTED(t, 2);
	fake_exit(t, "c", "shutdown");
	EXPECT_TRACE(t, "spawn a; spawn b; spawn c");
	fake_free(t);
}

Test(sup_strategy, SHUT_10_crash_of_one_already_started_anew_in_the_group, .timeout = 5)
{
	struct fake *t = fake_new("one_for_all", "a b:slow c");

	fake_boot(t);
	fake_ready(t, "b");
	fake_exit(t, "c", "exit:1");
	EXPECT_TRACE(
		t, "spawn a; spawn b; spawn c; up; stop b; stop a; spawn a; spawn b");
	fake_exit(t, "a", "exit:1");
	EXPECT_TRACE(t, "stop b; spawn a; spawn b");
	EXPECT_COUNTED(t, 2);
	fake_ready(t, "b");
	EXPECT_TRACE(t, "spawn c");
	fake_free(t);
}

Test(sup_strategy, one_for_one_siblings_go_their_own_ways, .timeout = 5)
{
	struct fake *t = fake_new("one_for_one", "a:slow b:slow");

	fake_boot(t);
	fake_ready(t, "a");
	fake_ready(t, "b");
	fake_exit(t, "b", "exit:1");
	fake_exit(t, "a", "exit:1");
	EXPECT_TRACE(t, "spawn a; spawn b; up; spawn b; spawn a");
	fake_free(t);
}

/* --- supervisor_SUITE ------------------------------------------------------------- */

Test(sup_suite, one_for_one, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one max=2 seconds=3600", "child1 child2");

	fake_exit(t, "child1", "killed");
	EXPECT_TRACE(t, "spawn child1");
	fake_exit(t, "child2", "killed");
	EXPECT_TRACE(t, "spawn child2");
	fake_exit(t, "child2", "killed");
	EXPECT_TRACE(t, "stop child1; end shutdown:max_restarts");
	fake_free(t);
}

Test(sup_suite, one_for_one_escalation, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one max=4 seconds=3600", "child1 child2");

	fake_find(t, "child1")->fails = -1;
	fake_exit(t, "child1", "exit:1");
	EXPECT_TRACE(t,
		"spawn child1; spawn child1; spawn child1; spawn child1; "
		"stop child2; end shutdown:max_restarts");
	fake_free(t);
}

Test(sup_suite, one_for_all, .timeout = 5)
{
	struct fake *t = fake_up("one_for_all max=2 seconds=3600", "child1 child2");

	fake_exit(t, "child1", "killed");
	EXPECT_TRACE(t, "stop child2; spawn child1; spawn child2");
	EXPECT_NUMBER(t, sup_count_children(&t->sup).active, 2);
	fake_exit(t, "child2", "killed");
	EXPECT_TRACE(t, "stop child1; spawn child1; spawn child2");
	fake_exit(t, "child2", "killed");
	EXPECT_TRACE(t, "stop child1; end shutdown:max_restarts");
	fake_free(t);
}

Test(sup_suite, one_for_all_escalation, .timeout = 5)
{
	struct fake *t = fake_up("one_for_all max=4 seconds=3600", "child1 child2");

	fake_find(t, "child2")->fails = -1;
	fake_exit(t, "child1", "exit:1");
	EXPECT_TRACE(t,
		"stop child2; spawn child1; spawn child2; "
		"stop child1; spawn child1; spawn child2; "
		"stop child1; spawn child1; spawn child2; "
		"stop child1; spawn child1; spawn child2; "
		"stop child1; end shutdown:max_restarts");
	fake_free(t);
}

Test(sup_suite, one_for_all_other_child_fails_restart, .timeout = 5)
{
	struct fake *t = fake_up("one_for_all max=3 seconds=3600", "child1 child2");

	fake_find(t, "child2")->fails = 1;
	fake_exit(t, "child1", "exit:1");
	EXPECT_TRACE(t,
		"stop child2; spawn child1; spawn child2; "
		"stop child1; spawn child1; spawn child2");
	EXPECT_LAST(t, "child1", "shutdown");
	EXPECT_STATES(t, "child1 running; child2 running");
	EXPECT_COUNTED(t, 2);
	fake_free(t);
}

Test(sup_suite, rest_for_one, .timeout = 5)
{
	struct fake *t =
		fake_up("rest_for_one max=2 seconds=3600", "child1 child2 child3");

	fake_exit(t, "child2", "killed");
	EXPECT_TRACE(t, "stop child3; spawn child2; spawn child3");
	EXPECT_NUMBER(t, sup_count_children(&t->sup).active, 3);
	fake_exit(t, "child3", "killed");
	EXPECT_TRACE(t, "spawn child3");
	fake_exit(t, "child2", "killed");
	EXPECT_TRACE(t, "stop child3; stop child1; end shutdown:max_restarts");
	fake_free(t);
}

Test(sup_suite, rest_for_one_escalation, .timeout = 5)
{
	struct fake *t = fake_up("rest_for_one max=4 seconds=3600", "child1 child2");

	fake_find(t, "child2")->fails = -1;
	fake_exit(t, "child1", "exit:1");
	EXPECT_TRACE(t,
		"stop child2; spawn child1; spawn child2; spawn child2; "
		"spawn child2; spawn child2; stop child1; "
		"end shutdown:max_restarts");
	fake_free(t);
}

Test(sup_suite, rest_for_one_other_child_fails_restart, .timeout = 5)
{
	struct fake *t =
		fake_up("rest_for_one max=3 seconds=3600", "child1 child2 child3");

	fake_find(t, "child2")->fails = 1;
	fake_exit(t, "child1", "exit:1");
	EXPECT_TRACE(t,
		"stop child3; stop child2; spawn child1; spawn child2; "
		"spawn child2; spawn child3");
	EXPECT_COUNTED(t, 2);
	fake_free(t);
}

/* Three levels: what one machine shows of it. Nested ones are children like others. */
Test(sup_suite, tree, .timeout = 5)
{
	struct fake *t = fake_up("one_for_all max=4 seconds=3600",
		"sup1:supervisor sup2:supervisor,transient");

	fake_exit(t, "sup2", "shutdown:max_restarts");
	EXPECT_TRACE(t, "");
	EXPECT_STATES(t, "sup1 running; sup2 exited");
	fake_exit(t, "sup1", "killed");
	EXPECT_TRACE(t, "spawn sup1; spawn sup2");
	EXPECT_STATES(t, "sup1 running; sup2 running");
	fake_free(t);
}
