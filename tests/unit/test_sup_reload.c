/* A reload brings the tree to what the file says and touches nothing else (rule API-12
 * as kick has it; code_change cases of supervisor_SUITE and dynamic_supervisor_test).
 */
#include "support/faketree.h"

TestSuite(sup_reload, .timeout = 10);

Test(sup_reload, API_12_what_is_the_same_is_not_touched, .timeout = 5)
{
	struct fake *t = fake_up("one_for_all", "a b c");

	fake_reload(t, NULL, "a b c");
	EXPECT_TRACE(t, "");
	EXPECT_STATES(t, "a running; b running; c running");
	cr_expect(!sup_reloading(&t->sup));
	fake_free(t);
}

Test(sup_reload, API_12_new_ids_are_added_in_their_place_and_started, .timeout = 5)
{
	struct fake *t = fake_up("rest_for_one", "a b");

	fake_reload(t, NULL, "+x a +y b +z");
	EXPECT_TRACE(t, "spawn x; spawn y; spawn z");
	EXPECT_STATES(t, "x running; a running; y running; b running; z running");
	fake_exit(t, "a", "exit:1");
	EXPECT_TRACE(t, "stop z; stop b; stop y; spawn a; spawn y; spawn b; spawn z");
	fake_free(t);
}

Test(sup_reload, API_12_ids_that_are_gone_are_stopped_and_deleted, .timeout = 5)
{
	struct fake *t = fake_up("one_for_all", "a b c");

	fake_reload(t, NULL, "a c");
	EXPECT_TRACE(t, "stop b; removed b");
	EXPECT_STATES(t, "a running; c running");
	EXPECT_COUNTED(t, 0);
	fake_free(t);
}

Test(sup_reload, SUP_10_events_of_a_reload, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a b");

	fake_reload(t, NULL, "a +c");
	cr_expect(strstr(t->events.now, "deleted b"), "%s", t->events.now);
	cr_expect(strstr(t->events.now, "added c"), "%s", t->events.now);
	cr_expect(!strstr(t->events.now, " a"), "%s", t->events.now);
	fake_free(t);
}

Test(sup_reload, removal_has_the_shutdown_time_and_of_those_down_is_at_once,
	.timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a:stubborn,1s b:off c:transient d");

	fake_exit(t, "c", "normal");
	fake_reload(t, NULL, "d");
	cr_expect(sup_reloading(&t->sup));
	fake_wait(t, SEC_NS);
	EXPECT_STATES(t, "d running");
	cr_expect(!sup_reloading(&t->sup));
	fake_free(t);
}

Test(sup_reload, child_on_its_way_out_takes_no_requests, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a:stubborn b");

	fake_reload(t, NULL, "b");
	EXPECT_RESULT(t, fake_restart(t, "a"), "not_found");
	EXPECT_RESULT(t, fake_renew(t, "a"), "not_found");
	fake_exit(t, "a", "shutdown");
	EXPECT_TRACE(t, "stop a; restart not_found; renew not_found; removed a");
	fake_free(t);
}

Test(sup_reload, removal_of_one_that_waits_for_its_retry, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a:backoff b");

	fake_exit(t, "a", "exit:1");
	fake_reload(t, NULL, "b");
	EXPECT_TRACE(t, "removed a");
	fake_wait(t, 100 * SEC_NS);
	EXPECT_STATES(t, "b running");
	fake_free(t);
}

Test(sup_reload, changed_process_is_stopped_and_started_alone, .timeout = 5)
{
	static const char *const rows[] = { "one_for_one", "one_for_all",
		"rest_for_one" };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fake *t = fake_up(rows[i], "a b c");

		t->row = rows[i];
		fake_reload(t, NULL, "a b! c");
		EXPECT_TRACE(t, "stop b; spawn b");
		EXPECT_STATES(t, "a running; b running; c running");
		EXPECT_COUNTED(t, 0);
		EXPECT_NUMBER(t, fake_find(t, "b")->child.restarts, 0);
		fake_free(t);
	}
}

Test(sup_reload, all_that_goes_has_gone_before_anything_new_starts, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a:stubborn,1s b c");

	fake_reload(t, NULL, "+d b c!");
	cr_expect(!strstr(t->trace.now, "spawn"), "%s", t->trace.now);
	cr_expect(sup_reloading(&t->sup));
	fake_wait(t, SEC_NS);
	EXPECT_STATES(t, "d running; b running; c running");
	EXPECT_NUMBER(t, fake_find(t, "b")->spawns, 1);
	EXPECT_NUMBER(t, fake_find(t, "c")->spawns, 2);
	cr_expect(!sup_reloading(&t->sup));
	fake_free(t);
}

Test(sup_reload, new_ones_start_in_order_each_awaited, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a");

	fake_reload(t, NULL, "+x:slow a +y:slow");
	EXPECT_TRACE(t, "spawn x");
	cr_expect(sup_reloading(&t->sup));
	fake_ready(t, "x");
	EXPECT_TRACE(t, "spawn y");
	fake_ready(t, "y");
	cr_expect(!sup_reloading(&t->sup));
	fake_free(t);
}

Test(sup_reload, what_was_stopped_stays_stopped, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a b:off c:transient d:temporary");

	fake_terminate(t, "a");
	fake_exit(t, "c", "normal");
	fake_exit(t, "d", "exit:1");
	fake_saw(&t->trace, "");
	fake_reload(t, NULL, "a! b! c d");
	EXPECT_TRACE(t, "");
	EXPECT_STATES(t, "a stopped; b stopped; c exited; d exited");
	fake_free(t);
}

Test(sup_reload, new_one_without_autostart_is_not_started, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a");

	fake_reload(t, NULL, "a +b:off");
	EXPECT_TRACE(t, "");
	EXPECT_STATES(t, "a running; b stopped");
	fake_free(t);
}

Test(sup_reload, added_children_stay_after_the_listed_ones, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a b");

	fake_start(t, "x");
	fake_saw(&t->trace, "");
	fake_reload(t, NULL, "b a +c");
	EXPECT_TRACE(t, "spawn c");
	EXPECT_STATES(t, "b running; a running; c running; x running");
	fake_free(t);
}

Test(sup_reload, new_order_holds_from_now_on, .timeout = 5)
{
	struct fake *t = fake_up("rest_for_one", "a b c");

	fake_reload(t, NULL, "c a b");
	EXPECT_TRACE(t, "");
	fake_exit(t, "c", "exit:1");
	EXPECT_TRACE(t, "stop b; stop a; spawn c; spawn a; spawn b");
	fake_shutdown(t, "shutdown");
	EXPECT_TRACE(t, "stop b; stop a; stop c; end shutdown");
	fake_free(t);
}

Test(sup_reload, policy_holds_from_now_on, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a b");

	fake_reload(t, NULL, "a:transient b:1s");
	EXPECT_TRACE(t, "");
	fake_exit(t, "a", "normal");
	EXPECT_STATES(t, "a exited; b running");
	fake_find(t, "b")->stubborn = true;
	fake_terminate(t, "b");
	EXPECT_NUMBER(t, fake_armed(t, "b"), SEC_NS);
	fake_free(t);
}

Test(sup_reload, strategy_and_intensity_hold_from_now_on, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one max=3", "a b");

	fake_exit(t, "a", "exit:1");
	fake_exit(t, "a", "exit:1");
	fake_reload(t, "one_for_all max=2", "a b");
	EXPECT_COUNTED(t, 2);
	fake_saw(&t->trace, "");
	fake_exit(t, "a", "exit:1");
	EXPECT_TRACE(t, "stop b; end shutdown:max_restarts");
	fake_free(t);
}

Test(sup_reload, failed_start_leaves_the_child_exited_and_the_others_go_on,
	.timeout = 5)
{
	struct fake *t = fake_up("one_for_all", "a b");

	fake_find(t, "b")->fails = -1;
	fake_reload(t, NULL, "a +x:broken b! +y");
	EXPECT_TRACE(t, "stop b; spawn x; spawn b; spawn y");
	EXPECT_STATES(t, "a running; x exited; b exited; y running");
	EXPECT_LAST(t, "x", "failed_to_start:exec:ENOENT");
	EXPECT_LAST(t, "b", "failed_to_start:exec:ENOENT");
	EXPECT_COUNTED(t, 0);
	cr_expect(!sup_reloading(&t->sup));
	fake_free(t);
}

Test(sup_reload, renamed_child_is_gone_before_the_new_one_starts, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "old");

	fake_reload(t, NULL, "+new");
	EXPECT_TRACE(t, "stop old; removed old; spawn new");
	fake_free(t);
}

Test(sup_reload, crash_of_another_child_during_a_reload, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a:stubborn,1s b");

	fake_reload(t, NULL, "b +c");
	fake_exit(t, "b", "exit:1");
	EXPECT_COUNTED(t, 1);
	fake_wait(t, SEC_NS);
	EXPECT_STATES(t, "b running; c running");
	EXPECT_NUMBER(t, t->sup.phase, SUP_SERVING);
	fake_free(t);
}

Test(sup_reload, end_in_the_middle_of_a_reload, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a:stubborn b");

	fake_reload(t, NULL, "b +c");
	fake_shutdown(t, "shutdown");
	fake_wait(t, 5 * SEC_NS);
	cr_expect(t->ended);
	EXPECT_NUMBER(t, fake_find(t, "c")->spawns, 0);
	fake_free(t);
}

Test(sup_reload, dynamic_children_are_no_part_of_the_file, .timeout = 5)
{
	struct fake *t = fake_up("dynamic children=1", "");

	fake_start(t, "a");
	fake_saw(&t->trace, "");
	fake_reload(t, "children=2", "");
	EXPECT_TRACE(t, "");
	EXPECT_RESULT(t, fake_start(t, "b"), "ok");
	EXPECT_STATES(t, "a running; b running");
	fake_free(t);
}

/* --- supervisor_SUITE, dynamic_supervisor_test.exs ---------------------------------
 */

Test(sup_suite, code_change, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one max=3 seconds=5", "child1");

	fake_reload(t, "max=1 seconds=7", "child1");
	EXPECT_NUMBER(t, t->sup.policy.max_restarts, 1);
	EXPECT_NUMBER(t, t->sup.policy.max_seconds_ns, 7 * SEC_NS);
	EXPECT_TRACE(t, "");
	fake_reload(t, "rest_for_one", "child1 +child2");
	EXPECT_TRACE(t, "spawn child2");
	EXPECT_STATES(t, "child1 running; child2 running");
	fake_free(t);
}

Test(sup_suite, code_change_map, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "child1");

	fake_reload(t, NULL, "child1:transient,1s +child2:temporary");
	EXPECT_TRACE(t, "spawn child2");
	EXPECT_NUMBER(
		t, fake_find(t, "child1")->child.policy->restart, RESTART_TRANSIENT);
	fake_reload(t, NULL, "+child3 child2");
	EXPECT_TRACE(t, "stop child1; removed child1; spawn child3");
	fake_free(t);
}

static void changes_dynamic(const char *words, uint32_t max)
{
	struct fake *t = fake_up("dynamic", "");

	fake_start(t, "1");
	fake_saw(&t->trace, "");
	fake_reload(t, words, "");
	EXPECT_TRACE(t, "");
	EXPECT_NUMBER(t, t->sup.policy.max_restarts, max);
	EXPECT_STATES(t, "1 running");
	fake_free(t);
}

Test(sup_suite, code_change_simple, .timeout = 5)
{
	changes_dynamic("max=7", 7);
}

Test(sup_suite, code_change_simple_map, .timeout = 5)
{
	changes_dynamic("max=0", 0);
}

Test(ex_dynamic, code_change_3_with_ok_init, .timeout = 5)
{
	struct fake *t = fake_up("dynamic", "");

	fake_start(t, "a");
	fake_reload(t, "max=0", "");
	fake_exit(t, "a", "exit:1");
	cr_expect(t->ended);
	EXPECT_TEXT(t, t->sup.reason.text, "shutdown:max_restarts");
	fake_free(t);
}
