/* Supervisors whose children come and go in no order (rules DYN, API-2, API-4). */
#include "support/faketree.h"

TestSuite(sup_dynamic, .timeout = 10);

Test(sup_dynamic, DYN_1_a_crash_concerns_that_child_alone, .timeout = 5)
{
	struct fake *t = fake_up("dynamic", "");

	fake_start(t, "a");
	fake_start(t, "b");
	fake_start(t, "c");
	fake_saw(&t->trace, "");
	fake_exit(t, "b", "exit:1");
	EXPECT_TRACE(t, "spawn b");
	EXPECT_NUMBER(t, sup_count_children(&t->sup).active, 3);
	fake_free(t);
}

Test(sup_dynamic, DYN_2_ids_are_unique_among_the_living, .timeout = 5)
{
	struct fake *t = fake_up("dynamic", "");

	EXPECT_RESULT(t, fake_start(t, "a:temporary"), "ok");
	EXPECT_RESULT(t, fake_start(t, "a:temporary"), "already_started");
	fake_exit(t, "a", "normal");
	EXPECT_RESULT(t, fake_start(t, "a:temporary"), "ok");
	fake_free(t);
}

Test(sup_dynamic, DYN_3_max_children_is_checked_before_anything_is_spawned,
	.timeout = 5)
{
	struct fake *t = fake_up("dynamic children=2", "");

	fake_start(t, "a:temporary");
	fake_start(t, "b:temporary,slow");
	EXPECT_TRACE(t, "spawn a; start ok; spawn b");
	EXPECT_RESULT(t, fake_start(t, "c"), "max_children");
	EXPECT_TRACE(t, "removed c; start max_children");
	fake_exit(t, "a", "normal");
	EXPECT_RESULT(t, fake_start(t, "c"), "ok");
	fake_free(t);
}

Test(sup_dynamic, DYN_3_max_children_0_refuses_all, .timeout = 5)
{
	struct fake *t = fake_up("dynamic children=0", "");

	EXPECT_RESULT(t, fake_start(t, "a"), "max_children");
	EXPECT_TRACE(t, "removed a; start max_children");
	fake_free(t);
}

Test(sup_dynamic, starts_do_not_wait_for_each_other, .timeout = 5)
{
	struct fake *t = fake_up("dynamic", "");
	struct fake_request *a = fake_start(t, "a:slow");
	struct fake_request *b = fake_start(t, "b:slow");

	EXPECT_TRACE(t, "spawn a; spawn b");
	fake_ready(t, "b");
	EXPECT_RESULT(t, a, "pending");
	EXPECT_RESULT(t, b, "ok");
	fake_ready(t, "a");
	EXPECT_RESULT(t, a, "ok");
	fake_free(t);
}

Test(sup_dynamic, DYN_8_no_restart_child_and_no_delete_child, .timeout = 5)
{
	struct fake *t = fake_up("dynamic", "");

	fake_start(t, "a");
	EXPECT_RESULT(t, fake_restart(t, "a"), "dynamic_supervisor");
	EXPECT_RESULT(t, fake_delete(t, "a"), "dynamic_supervisor");
	EXPECT_STATES(t, "a running");
	fake_free(t);
}

Test(sup_dynamic, DYN_9_giving_up_stops_all_at_once, .timeout = 5)
{
	struct fake *t = fake_up("dynamic max=0", "");

	fake_start(t, "a:stubborn,1s");
	fake_start(t, "b:stubborn,1s");
	fake_start(t, "c");
	fake_exit(t, "c", "exit:1");
	EXPECT_NUMBER(t, fake_find(t, "a")->child.state, CHILD_STOPPING);
	EXPECT_NUMBER(t, fake_find(t, "b")->child.state, CHILD_STOPPING);
	fake_wait(t, SEC_NS);
	cr_expect(t->ended);
	EXPECT_TEXT(t, t->sup.reason.text, "shutdown:max_restarts");
	fake_free(t);
}

Test(sup_dynamic, DYN_10_ignored_restart_removes_the_child, .timeout = 5)
{
	struct fake *t = fake_up("dynamic", "");

	fake_start(t, "a");
	fake_find(t, "a")->ignores = true;
	fake_exit(t, "a", "exit:1");
	EXPECT_TRACE(t, "spawn a; start ok; spawn a; removed a");
	EXPECT_COUNTED(t, 1);
	fake_free(t);
}

Test(sup_dynamic, terminate_of_a_starting_child_cancels_its_start, .timeout = 5)
{
	struct fake *t = fake_up("dynamic", "");
	struct fake_request *start = fake_start(t, "a:slow");

	EXPECT_RESULT(t, fake_terminate(t, "a"), "ok");
	EXPECT_RESULT(t, start, "cancelled");
	cr_expect_null(sup_find(&t->sup, "a"));
	fake_free(t);
}

Test(sup_dynamic, end_in_the_middle_of_a_start_answers_it, .timeout = 5)
{
	struct fake *t = fake_up("dynamic", "");
	struct fake_request *start = fake_start(t, "a:slow");

	fake_shutdown(t, "shutdown");
	cr_expect(t->ended && start->done);
	cr_expect(start->result == SUP_CANCELLED || start->result == SUP_SHUTTING_DOWN,
		"%s", fake_result(start));
	fake_free(t);
}
