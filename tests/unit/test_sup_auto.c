/* Supervisors that end when their work is done: auto_shutdown and significant children
 * (rules AUTO; the significant* cases of supervisor_SUITE). */
#include <stdio.h>

#include "support/faketree.h"

TestSuite(sup_auto, .timeout = 10);

Test(sup_auto, AUTO_1_which_ends_set_it_off, .timeout = 5)
{
	static const struct {
		const char *child, *reason;
		bool ends;
	} rows[] = {
		{ "s:transient,significant", "normal", true },
		{ "s:transient,significant", "shutdown", true },
		{ "s:transient,significant", "shutdown:x", true },
		{ "s:transient,significant", "exit:1", false },
		{ "s:transient,significant", "killed", false },
		{ "s:temporary,significant", "normal", true },
		{ "s:temporary,significant", "shutdown", true },
		{ "s:temporary,significant", "exit:1", true },
		{ "s:temporary,significant", "killed", true },
		{ "s:transient", "normal", false },
		{ "s:temporary", "killed", false },
	};
	static const char *const sups[] = { "any_significant", "all_significant" };

	for (size_t i = 0; i < ARRAY_LEN(rows) * ARRAY_LEN(sups); i++) {
		char children[64];
		struct fake *t;

		snprintf(children, sizeof children, "a %s b", rows[i / 2].child);
		t = fake_up(sups[i % 2], children);
		t->row = rows[i / 2].child;
		fake_exit(t, "s", rows[i / 2].reason);
		cr_expect(t->ended == rows[i / 2].ends, "%s, %s, %s", sups[i % 2],
			rows[i / 2].child, rows[i / 2].reason);
		if (rows[i / 2].ends)
			EXPECT_TRACE(t, "stop b; stop a; end shutdown:auto");
		fake_free(t);
	}
}

Test(sup_auto, AUTO_2_any_the_first_end_is_enough, .timeout = 5)
{
	struct fake *t = fake_up("any_significant",
		"a s1:transient,significant s2:transient,significant b");

	fake_exit(t, "s1", "normal");
	EXPECT_TRACE(t, "stop b; stop s2; stop a; end shutdown:auto");
	EXPECT_TEXT(t, t->sup.cause.text, "normal");
	EXPECT_NUMBER(t, t->sup.reason.class, REASON_SHUTDOWN);
	EXPECT_COUNTED(t, 0);
	fake_free(t);
}

Test(sup_auto, AUTO_2_cause_is_the_end_of_the_significant_child, .timeout = 5)
{
	struct fake *t = fake_up("any_significant", "s:temporary,significant b");

	fake_exit(t, "s", "exit:7");
	EXPECT_TEXT(t, t->sup.cause.text, "exit:7");
	fake_free(t);
}

Test(sup_auto, AUTO_3_all_waits_for_the_last, .timeout = 5)
{
	struct fake *t = fake_up("all_significant",
		"a s1:transient,significant s2:temporary,significant b");

	fake_exit(t, "s1", "normal");
	EXPECT_TRACE(t, "");
	EXPECT_STATES(t, "a running; s1 exited; s2 running; b running");
	fake_exit(t, "s2", "exit:2");
	EXPECT_TRACE(t, "stop b; stop a; end shutdown:auto");
	EXPECT_TEXT(t, t->sup.cause.text, "exit:2");
	fake_free(t);
}

Test(sup_auto, AUTO_3_those_that_are_down_do_not_hold_it_up, .timeout = 5)
{
	static const struct {
		const char *name, *other;
	} rows[] = {
		{ "never started", "s2:transient,significant,off" },
		{ "ignored", "s2:transient,significant,ignores" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char children[96];
		struct fake *t;

		snprintf(children, sizeof children, "s1:transient,significant %s b",
			rows[i].other);
		t = fake_up("all_significant", children);
		t->row = rows[i].name;
		fake_exit(t, "s1", "normal");
		EXPECT_TRACE(t, "stop b; end shutdown:auto");
		fake_free(t);
	}
}

Test(sup_auto, AUTO_4_terminate_never_sets_it_off, .timeout = 5)
{
	struct fake *t = fake_up("all_significant",
		"a s1:transient,significant s2:transient,significant");

	fake_terminate(t, "s1");
	fake_terminate(t, "s2");
	EXPECT_TRACE(t, "stop s1; terminate ok; stop s2; terminate ok");
	EXPECT_STATES(t, "a running; s1 stopped; s2 stopped");
	fake_restart(t, "s1");
	fake_exit(t, "s1", "normal");
	EXPECT_TRACE(t, "spawn s1; restart ok; stop a; end shutdown:auto");
	fake_free(t);
}

Test(sup_auto, AUTO_4_terminated_one_counts_as_ended_for_the_next, .timeout = 5)
{
	struct fake *t = fake_up(
		"all_significant", "s1:transient,significant s2:transient,significant");

	fake_terminate(t, "s1");
	fake_exit(t, "s2", "normal");
	EXPECT_TRACE(t, "stop s1; terminate ok; end shutdown:auto");
	fake_free(t);
}

Test(sup_auto, AUTO_5_siblings_stopped_by_a_group_never_set_it_off, .timeout = 5)
{
	static const char *const rows[] = { "one_for_all any_significant",
		"one_for_all all_significant", "rest_for_one any_significant",
		"rest_for_one all_significant" };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fake *t = fake_up(
			rows[i], "a s1:transient,significant s2:temporary,significant");

		t->row = rows[i];
		fake_exit(t, "a", "exit:1");
		EXPECT_TRACE(t, "stop s2; stop s1; spawn a; spawn s1");
		EXPECT_STATES(t, "a running; s1 running; s2 exited");
		fake_free(t);
	}
}

Test(sup_auto, AUTO_1_oneshot_that_ends_well_while_starting_sets_it_off, .timeout = 5)
{
	struct fake *t = fake_new("any_significant", "a job:oneshot,significant");

	fake_boot(t);
	fake_exit(t, "job", "normal");
	cr_expect(t->ended);
	EXPECT_TEXT(t, t->sup.reason.text, "shutdown:auto");
	fake_free(t);
}

Test(sup_auto, AUTO_7_permanent_parent_child_is_restarted_after_auto, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "s:supervisor u:supervisor,transient");

	fake_exit(t, "s", "shutdown:auto");
	fake_exit(t, "u", "shutdown:auto");
	EXPECT_TRACE(t, "spawn s");
	EXPECT_STATES(t, "s running; u exited");
	cr_expect(fake_is_well(t, "u"));
	EXPECT_COUNTED(t, 1);
	fake_free(t);
}

/* --- supervisor_SUITE ------------------------------------------------------------- */

static void nonsignificant(const char *type, const char *reason)
{
	static const char *const sups[] = { "never", "any_significant",
		"all_significant" };

	for (size_t i = 0; i < ARRAY_LEN(sups); i++) {
		char child[64];
		struct fake *t;

		snprintf(child, sizeof child, "a:%s b", type);
		t = fake_up(sups[i], child);
		t->row = sups[i];
		fake_exit(t, "a", reason);
		EXPECT_TRACE(t, "");
		EXPECT_STATES(t, "a exited; b running");
		fake_terminate(t, "b");
		EXPECT_NUMBER(t, t->sup.phase, SUP_SERVING);
		fake_free(t);
	}
}

Test(sup_suite, nonsignificant_temporary, .timeout = 5)
{
	nonsignificant("temporary", "normal");
	nonsignificant("temporary", "exit:1");
	nonsignificant("temporary", "killed");
}

Test(sup_suite, nonsignificant_transient, .timeout = 5)
{
	nonsignificant("transient", "normal");
	nonsignificant("transient", "shutdown");
}

/* Four ways to end: only terminate_child does not count as an end by itself. */
static void significant(const char *sup, const char *type)
{
	static const char *const reasons[] = { "", "killed", "exit:1", "normal" };
	bool temporary = strcmp(type, "temporary") == 0;

	for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
		char children[64];
		struct fake *t;
		bool ends = strcmp(reasons[i], "normal") == 0 ||
			(temporary && reasons[i][0]);

		snprintf(children, sizeof children, "a:%s,significant b", type);
		t = fake_up(sup, children);
		t->row = reasons[i];
		if (reasons[i][0])
			fake_exit(t, "a", reasons[i]);
		else
			fake_terminate(t, "a");
		cr_expect(t->ended == ends, "%s, %s, %s", sup, type, reasons[i]);
		fake_free(t);
	}
}

Test(sup_suite, significant_temporary, .timeout = 5)
{
	significant("any_significant", "temporary");
	significant("all_significant", "temporary");
}

Test(sup_suite, significant_transient, .timeout = 5)
{
	significant("any_significant", "transient");
	significant("all_significant", "transient");
}

Test(sup_suite, significant_simple, .timeout = 5)
{
	struct fake *t = fake_up("dynamic any_significant", "");

	fake_start(t, "a:transient,significant");
	fake_start(t, "b:transient,significant");
	fake_exit(t, "a", "normal");
	cr_expect(t->ended);
	EXPECT_TEXT(t, t->sup.reason.text, "shutdown:auto");
	fake_free(t);

	t = fake_up("dynamic all_significant", "");
	fake_start(t, "a:transient,significant");
	fake_start(t, "b:transient,significant");
	fake_exit(t, "a", "normal");
	cr_expect(!t->ended);
	fake_exit(t, "b", "normal");
	cr_expect(t->ended);
	EXPECT_TEXT(t, t->sup.reason.text, "shutdown:auto");
	fake_free(t);
}

Test(sup_suite, significant_bystander, .timeout = 5)
{
	static const char *const rows[] = { "one_for_one any_significant",
		"one_for_one all_significant", "one_for_all any_significant",
		"one_for_all all_significant", "rest_for_one any_significant",
		"rest_for_one all_significant" };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fake *t = fake_up(rows[i],
			"child1 child2:transient,significant child3:temporary,significant");

		t->row = rows[i];
		fake_exit(t, "child1", "killed");
		cr_expect(!t->ended, "row: %s", rows[i]);
		EXPECT_NUMBER(t, fake_find(t, "child1")->child.state, CHILD_RUNNING);
		EXPECT_NUMBER(t, fake_find(t, "child2")->child.state, CHILD_RUNNING);
		fake_free(t);
	}
}

/* A significant supervisor that shut itself down takes its parent with it. */
Test(sup_suite, significant_escalation, .timeout = 5)
{
	struct fake *t = fake_up(
		"any_significant", "child1 sup2:supervisor,transient,significant");

	fake_exit(t, "sup2", "shutdown:auto");
	EXPECT_TRACE(t, "stop child1; end shutdown:auto");
	EXPECT_TEXT(t, t->sup.cause.text, "shutdown:auto");
	fake_free(t);
}

/* From one auto_shutdown to another by a reload; what ends later is judged by it. */
static void upgrade(
	const char *from, const char *to, const char *row, bool end1, bool end2)
{
	struct fake *t =
		fake_up(from, "s1:transient,significant s2:transient,significant");

	t->row = row;
	fake_reload(t, to, "s1 s2");
	EXPECT_TRACE(t, "");
	fake_exit(t, "s1", "normal");
	cr_expect(t->ended == end1, "%s to %s: first end", from, to);
	if (!end1) {
		fake_exit(t, "s2", "normal");
		cr_expect(t->ended == end2, "%s to %s: second end", from, to);
	}
	fake_free(t);
}

Test(sup_suite, significant_upgrade_never_any, .timeout = 5)
{
	upgrade("never", "any_significant", "never to any", true, true);
}

Test(sup_suite, significant_upgrade_any_never, .timeout = 5)
{
	upgrade("any_significant", "never", "any to never", false, false);
}

Test(sup_suite, significant_upgrade_never_all, .timeout = 5)
{
	upgrade("never", "all_significant", "never to all", false, true);
}

Test(sup_suite, significant_upgrade_all_never, .timeout = 5)
{
	upgrade("all_significant", "never", "all to never", false, false);
}

Test(sup_suite, significant_upgrade_any_all, .timeout = 5)
{
	upgrade("any_significant", "all_significant", "any to all", false, true);
}

Test(sup_suite, significant_upgrade_all_any, .timeout = 5)
{
	upgrade("all_significant", "any_significant", "all to any", true, true);
}

Test(sup_suite, significant_upgrade_child, .timeout = 5)
{
	struct fake *t = fake_up("any_significant", "a:transient b");

	fake_reload(t, NULL, "a:transient,significant b");
	EXPECT_TRACE(t, "");
	fake_exit(t, "a", "normal");
	EXPECT_TRACE(t, "stop b; end shutdown:auto");
	fake_free(t);
}
