/* The requests of a static supervisor as OTP's own suites test them: child_adm and its
 * kin of supervisor_SUITE, "child life cycle" of supervisor_test.exs. */
#include "support/faketree.h"

/* --- supervisor_SUITE ------------------------------------------------------------- */

Test(sup_suite, child_adm, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "");

	EXPECT_NUMBER(t, sup_count_children(&t->sup).specs, 0);
	EXPECT_RESULT(t, fake_start(t, "child1"), "ok");
	EXPECT_RESULT(t, fake_start(t, "child1"), "already_started");
	EXPECT_NUMBER(t, sup_count_children(&t->sup).active, 1);
	EXPECT_RESULT(t, fake_restart(t, "child1"), "running");
	EXPECT_RESULT(t, fake_delete(t, "child1"), "running");
	EXPECT_RESULT(t, fake_terminate(t, "child1"), "ok");
	EXPECT_RESULT(t, fake_terminate(t, "child1"), "ok");
	cr_expect_null(sup_find(&t->sup, "child2"));
	EXPECT_RESULT(t, fake_start(t, "child1"), "already_present");
	EXPECT_RESULT(t, fake_restart(t, "child1"), "ok");
	EXPECT_RESULT(t, fake_terminate(t, "child1"), "ok");
	EXPECT_RESULT(t, fake_delete(t, "child1"), "ok");
	cr_expect_null(sup_find(&t->sup, "child1"));
	EXPECT_NUMBER(t, sup_count_children(&t->sup).specs, 0);
	fake_free(t);
}

Test(sup_suite, sup_start_child_returns_error, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "");

	EXPECT_RESULT(t, fake_start(t, "child1:broken"), "start_failed");
	EXPECT_NUMBER(t, sup_count_children(&t->sup).specs, 0);
	fake_free(t);
}

Test(sup_suite, sup_start_restart_child_returns_error, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "");

	EXPECT_RESULT(t, fake_start(t, "child1"), "ok");
	EXPECT_RESULT(t, fake_terminate(t, "child1"), "ok");
	fake_find(t, "child1")->fails = -1;
	EXPECT_RESULT(t, fake_restart(t, "child1"), "start_failed");
	EXPECT_NUMBER(t, sup_count_children(&t->sup).specs, 1);
	EXPECT_NUMBER(t, sup_count_children(&t->sup).active, 0);
	fake_free(t);
}

Test(sup_suite, sup_start_ignore_temporary_child_start_child, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "");

	EXPECT_RESULT(t, fake_start(t, "child1:temporary,ignores"), "ok");
	EXPECT_NUMBER(t, sup_count_children(&t->sup).specs, 0);
	EXPECT_RESULT(t, fake_start(t, "child1:temporary"), "ok");
	fake_free(t);
}

/* What a start hands back besides the pid is the boundary's; the answers are the same.
 */
Test(sup_suite, extra_return, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "child1");

	EXPECT_RESULT(t, fake_terminate(t, "child1"), "ok");
	EXPECT_RESULT(t, fake_terminate(t, "child1"), "ok");
	EXPECT_RESULT(t, fake_restart(t, "child1"), "ok");
	EXPECT_RESULT(t, fake_terminate(t, "child1"), "ok");
	EXPECT_RESULT(t, fake_delete(t, "child1"), "ok");
	EXPECT_RESULT(t, fake_start(t, "child1"), "ok");
	fake_exit(t, "child1", "killed");
	EXPECT_STATES(t, "child1 running");
	fake_free(t);
}

/* Kill, normal end, terminate and restart of one and the same name: never two of it
 * (the world of these tests checks that at each spawn). */
Test(sup_suite, simple_global_supervisor, .timeout = 5)
{
	static const char *const reasons[] = { "killed", "normal", "shutdown" };

	for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
		struct fake *t = fake_up("one_for_one", "server:stubborn");

		t->row = reasons[i];
		fake_exit(t, "server", reasons[i]);
		EXPECT_TRACE(t, "spawn server");
		fake_terminate(t, "server");
		fake_restart(t, "server");
		fake_wait(t, 5 * SEC_NS);
		EXPECT_TRACE(t,
			"stop server; kill server; terminate ok; spawn server; "
			"restart ok");
		fake_free(t);
	}
}

/* --- supervisor_test.exs ---------------------------------------------------------- */

Test(ex_supervisor, child_life_cycle, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "");
	struct child_counts n;

	EXPECT_RESULT(t, fake_start(t, "task"), "ok");
	EXPECT_STATES(t, "task running");
	n = sup_count_children(&t->sup);
	cr_expect(
		n.specs == 1 && n.active == 1 && n.workers == 1 && n.supervisors == 0);
	EXPECT_RESULT(t, fake_delete(t, "task"), "running");
	EXPECT_RESULT(t, fake_terminate(t, "task"), "ok");
	EXPECT_RESULT(t, fake_restart(t, "task"), "ok");
	EXPECT_RESULT(t, fake_terminate(t, "task"), "ok");
	EXPECT_RESULT(t, fake_delete(t, "task"), "ok");
	EXPECT_STATES(t, "");
	fake_free(t);
}

Test(ex_supervisor, start_child_2_supports_new_child_spec, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "");

	EXPECT_RESULT(t, fake_start(t, "task:temporary"), "ok");
	EXPECT_STATES(t, "task running");
	fake_free(t);
}
