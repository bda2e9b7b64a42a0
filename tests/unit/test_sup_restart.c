/* Who is started again after which end: restart types by exit reasons (rules RT, LNK;
 * the *_normal, *_shutdown, *_abnormal cases of supervisor_SUITE and their kin). */
#include <stdio.h>

#include "support/faketree.h"

TestSuite(sup_restart, .timeout = 10);

/* One end of child a beside b; true when it was started again. Checks what remains. */
static bool comes_back(const char *sup, const char *a, const char *reason)
{
	char children[64], row[96];
	struct fake *t;
	bool back;

	snprintf(children, sizeof children, "%s b", a);
	snprintf(row, sizeof row, "%s, %s, %s", sup, a, reason);
	t = fake_up(sup, children);
	t->row = row;
	fake_exit(t, "a", reason);
	back = fake_find(t, "a")->spawns == 2;
	EXPECT_STATES(t, back ? "a running; b running" : "a exited; b running");
	EXPECT_COUNTED(t, back ? 1 : 0);
	EXPECT_LAST(t, "a", reason);
	fake_free(t);
	return back;
}

static const char *const strategies[] = { "one_for_one", "one_for_all",
	"rest_for_one" };

/* The same under every strategy: the type and the reason alone decide. */
static void expect_restart(const char *child, const char *reason, bool want)
{
	for (size_t i = 0; i < ARRAY_LEN(strategies); i++)
		cr_expect(comes_back(strategies[i], child, reason) == want,
			"%s: %s ended with %s", strategies[i], child, reason);
}

Test(sup_restart, RT_1_type_and_reason_decide, .timeout = 5)
{
	static const struct {
		const char *reason;
		bool transient; /* is started again; permanent always, temporary never
				 */
	} rows[] = {
		{ "normal", false },
		{ "shutdown", false },
		{ "shutdown:max_restarts", false },
		{ "shutdown:auto", false },
		{ "shutdown:anything else", false },
		{ "killed", true },
		{ "exit:1", true },
		{ "exit:143", true },
		{ "signal:SIGSEGV", true },
		{ "signal:SIGTERM", true },
		{ "unhealthy", true },
		{ "noproc", true },
		{ "boom", true },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		expect_restart("a:permanent", rows[i].reason, true);
		expect_restart("a:transient", rows[i].reason, rows[i].transient);
		expect_restart("a:temporary", rows[i].reason, false);
	}
}

Test(sup_restart, LNK_8_a_declared_reason_kill_is_an_ordinary_abnormal_one,
	.timeout = 5)
{
	expect_restart("a:transient", "kill", true);
	expect_restart("a:temporary", "kill", false);
}

Test(sup_restart, RT_2_ends_that_are_no_cause_leave_the_siblings_alone, .timeout = 5)
{
	static const struct {
		const char *child, *reason;
	} rows[] = {
		{ "b:transient", "normal" },
		{ "b:transient", "shutdown" },
		{ "b:transient", "shutdown:x" },
		{ "b:temporary", "normal" },
		{ "b:temporary", "exit:1" },
		{ "b:temporary", "killed" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows) * ARRAY_LEN(strategies); i++) {
		char children[64];
		struct fake *t;

		snprintf(children, sizeof children, "a %s c",
			rows[i % ARRAY_LEN(rows)].child);
		t = fake_up(strategies[i / ARRAY_LEN(rows)], children);
		t->row = rows[i % ARRAY_LEN(rows)].child;
		fake_exit(t, "b", rows[i % ARRAY_LEN(rows)].reason);
		EXPECT_TRACE(t, "");
		EXPECT_STATES(t, "a running; b exited; c running");
		fake_free(t);
	}
}

Test(sup_restart, RT_3_temporary_sibling_stopped_by_a_group_stays_down, .timeout = 5)
{
	static const struct {
		const char *strategy, *trace;
	} rows[] = {
		{ "one_for_all", "stop c; stop b; spawn a; spawn c" },
		{ "rest_for_one", "stop c; stop b; spawn a; spawn c" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fake *t = fake_up(rows[i].strategy, "a b:temporary c");

		t->row = rows[i].strategy;
		fake_exit(t, "a", "exit:1");
		EXPECT_TRACE(t, rows[i].trace);
		EXPECT_STATES(t, "a running; b exited; c running");
		fake_exit(t, "a", "exit:1");
		EXPECT_TRACE(t, "stop c; spawn a; spawn c");
		fake_free(t);
	}
}

Test(sup_restart, RT_3_added_temporary_sibling_stopped_by_a_group_is_removed,
	.timeout = 5)
{
	struct fake *t = fake_up("one_for_all", "a");

	fake_start(t, "b:temporary");
	EXPECT_TRACE(t, "spawn b; start ok");
	fake_exit(t, "a", "exit:1");
	EXPECT_TRACE(t, "stop b; removed b; spawn a");
	EXPECT_STATES(t, "a running");
	fake_free(t);
}

Test(sup_restart, RT_4_dynamic_child_that_is_not_restarted_vanishes, .timeout = 5)
{
	static const struct {
		const char *child, *reason, *trace;
	} rows[] = {
		{ "j:transient", "normal", "removed j" },
		{ "j:transient", "shutdown", "removed j" },
		{ "j:transient", "shutdown:x", "removed j" },
		{ "j:transient", "exit:1", "spawn j" },
		{ "j:temporary", "normal", "removed j" },
		{ "j:temporary", "killed", "removed j" },
		{ "j:permanent", "normal", "spawn j" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fake *t = fake_up("dynamic", "");

		t->row = rows[i].child;
		fake_start(t, rows[i].child);
		EXPECT_TRACE(t, "spawn j; start ok");
		fake_exit(t, "j", rows[i].reason);
		EXPECT_TRACE(t, rows[i].trace);
		fake_free(t);
	}
}

Test(sup_restart, RT_5_permanent_child_that_ends_normally_counts, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one max=1", "a");

	fake_exit(t, "a", "normal");
	EXPECT_TRACE(t, "spawn a");
	EXPECT_COUNTED(t, 1);
	fake_exit(t, "a", "normal");
	EXPECT_TRACE(t, "end shutdown:max_restarts");
	fake_free(t);
}

Test(sup_restart, SUP_10_events_of_a_crash, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a b:transient");

	fake_exit(t, "a", "exit:1");
	EXPECT_EVENTS(t, "exited a; restarting a; started a; ready a");
	fake_exit(t, "b", "normal");
	EXPECT_EVENTS(t, "exited b");
	fake_free(t);
}

Test(sup_restart, restarts_are_those_after_the_first_start, .timeout = 5)
{
	struct fake *t = fake_up("one_for_all", "a b");

	EXPECT_NUMBER(t, fake_find(t, "a")->child.restarts, 0);
	fake_exit(t, "a", "exit:1");
	fake_exit(t, "b", "killed");
	EXPECT_NUMBER(t, fake_find(t, "a")->child.restarts, 2);
	fake_free(t);
}

Test(sup_restart, a_declared_temporary_child_may_be_started_again_by_hand, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a:temporary");

	fake_exit(t, "a", "exit:1");
	EXPECT_STATES(t, "a exited");
	cr_expect(!fake_is_well(t, "a"));
	EXPECT_RESULT(t, fake_restart(t, "a"), "ok");
	EXPECT_TRACE(t, "spawn a; restart ok");
	EXPECT_STATES(t, "a running");
	fake_free(t);
}

/* --- supervisor_SUITE ------------------------------------------------------------- */

Test(sup_suite, permanent_normal, .timeout = 5)
{
	expect_restart("a:permanent", "normal", true);
}

Test(sup_suite, transient_normal, .timeout = 5)
{
	expect_restart("a:transient", "normal", false);
}

Test(sup_suite, temporary_normal, .timeout = 5)
{
	expect_restart("a:temporary", "normal", false);
}

Test(sup_suite, permanent_shutdown, .timeout = 5)
{
	expect_restart("a:permanent", "shutdown", true);
	expect_restart("a:permanent", "shutdown:some_info", true);
}

Test(sup_suite, transient_shutdown, .timeout = 5)
{
	expect_restart("a:transient", "shutdown", false);
	expect_restart("a:transient", "shutdown:some_info", false);
}

Test(sup_suite, temporary_shutdown, .timeout = 5)
{
	expect_restart("a:temporary", "shutdown", false);
	expect_restart("a:temporary", "shutdown:some_info", false);
}

Test(sup_suite, permanent_abnormal, .timeout = 5)
{
	expect_restart("a:permanent", "abnormal", true);
}

Test(sup_suite, transient_abnormal, .timeout = 5)
{
	expect_restart("a:transient", "abnormal", true);
}

Test(sup_suite, temporary_abnormal, .timeout = 5)
{
	expect_restart("a:temporary", "abnormal", false);
}

Test(sup_suite, temporary_bystander, .timeout = 5)
{
	static const char *const rows[] = { "one_for_all", "rest_for_one" };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fake *t = fake_up(rows[i], "child1 child2:temporary");

		t->row = rows[i];
		fake_exit(t, "child1", "exit:1");
		EXPECT_TRACE(t, "stop child2; spawn child1");
		EXPECT_STATES(t, "child1 running; child2 exited");
		fake_free(t);
	}
}

/* Four ways to end an added temporary child: each forgets it; the id is free again. */
Test(sup_suite, do_not_save_child_specs_for_temporary_children, .timeout = 5)
{
	for (size_t i = 0; i < ARRAY_LEN(strategies); i++) {
		struct fake *t = fake_up(strategies[i], "");

		t->row = strategies[i];
		EXPECT_RESULT(t, fake_start(t, "a:temporary"), "ok");
		EXPECT_RESULT(t, fake_start(t, "a:temporary"), "already_started");
		fake_terminate(t, "a");
		cr_expect_null(sup_find(&t->sup, "a"));
		EXPECT_RESULT(t, fake_start(t, "a:temporary"), "ok");
		fake_exit(t, "a", "killed");
		cr_expect_null(sup_find(&t->sup, "a"));
		EXPECT_RESULT(t, fake_start(t, "a:temporary"), "ok");
		fake_exit(t, "a", "normal");
		cr_expect_null(sup_find(&t->sup, "a"));
		EXPECT_RESULT(t, fake_start(t, "a:temporary"), "ok");
		fake_exit(t, "a", "exit:1");
		cr_expect_null(sup_find(&t->sup, "a"));
		EXPECT_COUNTED(t, 0);
		fake_free(t);
	}
}
