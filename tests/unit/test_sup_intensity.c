/* When a supervisor gives up, what counts towards it, and what it leaves behind (rules
 * INT; multiple_restarts of supervisor_SUITE). */
#include "support/faketree.h"

TestSuite(sup_intensity, .timeout = 10);

Test(sup_intensity, INT_1_more_than_max_restarts_is_the_end, .timeout = 5)
{
	static const char *const rows[] = { "one_for_one max=0", "one_for_one max=1",
		"one_for_one max=2", "one_for_one max=3" };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fake *t = fake_up(rows[i], "a");

		t->row = rows[i];
		for (size_t k = 0; k < i; k++) {
			fake_exit(t, "a", "exit:1");
			EXPECT_TRACE(t, "spawn a");
		}
		EXPECT_COUNTED(t, i);
		fake_exit(t, "a", "exit:7");
		EXPECT_TRACE(t, "end shutdown:max_restarts");
		EXPECT_TEXT(t, t->sup.cause.text, "exit:7");
		EXPECT_NUMBER(t, t->sup.reason.class, REASON_SHUTDOWN);
		EXPECT_NUMBER(t, t->sup.phase, SUP_ENDED);
		fake_free(t);
	}
}

Test(sup_intensity, INT_2_window_is_exact, .timeout = 5)
{
	static const struct {
		const char *name;
		int64_t gap;
		const char *trace;
	} rows[] = {
		{ "inside", 4 * SEC_NS, "end shutdown:max_restarts" },
		{ "exactly the period", 5 * SEC_NS, "end shutdown:max_restarts" },
		{ "one nanosecond more", 5 * SEC_NS + 1, "spawn a" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fake *t = fake_up("one_for_one max=1", "a");

		t->row = rows[i].name;
		fake_exit(t, "a", "exit:1");
		EXPECT_TRACE(t, "spawn a");
		fake_wait(t, rows[i].gap);
		fake_exit(t, "a", "exit:1");
		EXPECT_TRACE(t, rows[i].trace);
		fake_free(t);
	}
}

Test(sup_intensity, INT_3_all_children_share_one_count, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one max=2", "a b c");

	fake_exit(t, "a", "exit:1");
	fake_exit(t, "b", "exit:1");
	EXPECT_TRACE(t, "spawn a; spawn b");
	fake_exit(t, "c", "exit:1");
	EXPECT_TRACE(t, "stop b; stop a; end shutdown:max_restarts");
	fake_free(t);
}

Test(sup_intensity, INT_4_what_does_not_count, .timeout = 5)
{
	struct fake *t = fake_up("one_for_all max=3", "a b:temporary c:transient d");

	EXPECT_COUNTED(t, 0);
	fake_exit(t, "b", "exit:1");
	fake_exit(t, "c", "normal");
	EXPECT_COUNTED(t, 0);
	fake_terminate(t, "d");
	fake_restart(t, "d");
	fake_renew(t, "d");
	fake_restart(t, "c");
	fake_start(t, "e");
	fake_start(t, "f:broken");
	EXPECT_COUNTED(t, 0);
	fake_exit(t, "a", "exit:1");
	EXPECT_COUNTED(t, 1);
	fake_free(t);
}

Test(sup_intensity, INT_5_nothing_is_touched_before_the_count, .timeout = 5)
{
	static const char *const rows[] = { "one_for_one max=0", "one_for_all max=0",
		"rest_for_one max=0" };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fake *t = fake_up(rows[i], "a b c d");

		t->row = rows[i];
		fake_exit(t, "b", "exit:1");
		EXPECT_TRACE(t, "stop d; stop c; stop a; end shutdown:max_restarts");
		fake_free(t);
	}
}

Test(sup_intensity, INT_6_giving_up_is_an_orderly_stop, .timeout = 5)
{
	struct fake *t =
		fake_up("one_for_one max=0", "a:stubborn b c:temporary d:brutal");

	fake_exit(t, "b", "exit:1");
	EXPECT_TRACE(t, "kill d; stop c; stop a");
	EXPECT_NUMBER(t, t->sup.phase, SUP_ENDING);
	EXPECT_NUMBER(t, fake_armed(t, "b"), -1);
	fake_wait(t, 5 * SEC_NS);
	EXPECT_TRACE(t, "kill a; end shutdown:max_restarts");
	fake_free(t);
}

Test(sup_intensity, INT_6_events_of_giving_up, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one max=0", "a b");

	fake_exit(t, "b", "exit:1");
	EXPECT_EVENTS(t, "exited b; gave_up; stopping a; exited a; stopped a");
	fake_free(t);
}

Test(sup_intensity, INT_6_a_crash_while_giving_up_changes_nothing, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one max=0", "a b:stubborn c");

	fake_exit(t, "c", "exit:1");
	EXPECT_TRACE(t, "stop b");
	fake_exit(t, "a", "exit:2");
	EXPECT_TRACE(t, "");
	fake_exit(t, "b", "normal");
	EXPECT_TRACE(t, "end shutdown:max_restarts");
	EXPECT_TEXT(t, t->sup.cause.text, "exit:1");
	EXPECT_LAST(t, "a", "exit:2");
	fake_free(t);
}

Test(sup_intensity, INT_7_parent_takes_it_as_an_ordinary_shutdown, .timeout = 5)
{
	static const struct {
		const char *child, *states;
		int counted;
	} rows[] = {
		{ "s:supervisor", "s running", 1 },
		{ "s:supervisor,transient", "s exited", 0 },
		{ "s:supervisor,temporary", "s exited", 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fake *t = fake_up("one_for_one", rows[i].child);

		t->row = rows[i].child;
		fake_exit(t, "s", "shutdown:max_restarts");
		EXPECT_STATES(t, rows[i].states);
		EXPECT_COUNTED(t, rows[i].counted);
		fake_free(t);
	}
}

Test(sup_intensity, INT_9_no_delay_between_restarts, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a");

	t->hold = true;
	fake_exit(t, "a", "exit:1");
	EXPECT_TRACE(t, "spawn a");
	EXPECT_NUMBER(t, fake_find(t, "a")->child.started_at, t->now);
	fake_free(t);
}

Test(sup_intensity, infinity_never_gives_up, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one max=infinity", "a b");

	for (int i = 0; i < 2000; i++) {
		fake_exit(t, "a", "exit:1");
		fake_saw(&t->trace, "");
		fake_saw(&t->events, "");
	}
	EXPECT_STATES(t, "a running; b running");
	EXPECT_NUMBER(t, fake_find(t, "a")->spawns, 2001);
	fake_free(t);
}

/* --- supervisor_SUITE ------------------------------------------------------------- */

Test(sup_suite, multiple_restarts, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one max=1 seconds=1", "child1");

	for (int i = 0; i < 5; i++) {
		fake_exit(t, "child1", "killed");
		EXPECT_TRACE(t, "spawn child1");
		fake_wait(t, SEC_NS + SEC_NS / 10);
	}
	fake_exit(t, "child1", "killed");
	fake_exit(t, "child1", "killed");
	EXPECT_TRACE(t, "spawn child1; end shutdown:max_restarts");
	fake_free(t);
}
