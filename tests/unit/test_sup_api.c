/* The requests of a static supervisor and their answers (rules API, SUP-2). */
#include "support/faketree.h"

TestSuite(sup_api, .timeout = 10);

Test(sup_api, API_1_start_child_adds_at_the_end_and_answers_when_ready, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a");
	struct fake_request *r = fake_start(t, "b:slow");

	EXPECT_TRACE(t, "spawn b");
	EXPECT_RESULT(t, r, "pending");
	fake_ready(t, "b");
	EXPECT_TRACE(t, "start ok");
	EXPECT_STATES(t, "a running; b running");
	cr_expect(fake_find(t, "b")->child.added);
	fake_free(t);
}

Test(sup_api, API_1_start_child_of_an_id_that_exists, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a b:transient c d:slow,off");

	EXPECT_RESULT(t, fake_start(t, "a"), "already_started");
	fake_restart(t, "d");
	EXPECT_RESULT(t, fake_start(t, "d"), "already_started");
	fake_exit(t, "b", "normal");
	EXPECT_RESULT(t, fake_start(t, "b"), "already_present");
	fake_terminate(t, "c");
	fake_saw(&t->trace, "");
	EXPECT_RESULT(t, fake_start(t, "c"), "already_present");
	EXPECT_TRACE(t, "removed c; start already_present");
	EXPECT_STATES(t, "a running; b exited; c stopped; d starting");
	fake_free(t);
}

Test(sup_api, API_1_failed_start_child_leaves_nothing_behind, .timeout = 5)
{
	static const struct {
		const char *child, *cause;
	} rows[] = {
		{ "b:broken", "failed_to_start:exec:ENOENT" },
		{ "b:broken,early", "exit:9" },
		{ "b:broken,transient", "failed_to_start:exec:ENOENT" },
		{ "b:broken,temporary", "failed_to_start:exec:ENOENT" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fake *t = fake_up("one_for_all", "a");

		t->row = rows[i].child;
		EXPECT_RESULT(t, fake_start(t, rows[i].child), "start_failed");
		EXPECT_TRACE(t, "spawn b; removed b; start start_failed");
		EXPECT_STATES(t, "a running");
		EXPECT_TEXT(t, t->sup.cause.text, rows[i].cause);
		EXPECT_COUNTED(t, 0);
		EXPECT_RESULT(t, fake_start(t, "b"), "ok");
		fake_free(t);
	}
}

Test(sup_api, API_1_start_timeout_fails_a_start_child, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a");
	struct fake_request *r = fake_start(t, "b:slow");

	fake_wait(t, 30 * SEC_NS);
	EXPECT_TRACE(t, "spawn b; stop b; removed b; start start_failed");
	EXPECT_RESULT(t, r, "start_failed");
	EXPECT_TEXT(t, t->sup.cause.text, "start_timeout");
	fake_free(t);
}

Test(sup_api, API_1_ignore_is_ok_and_kept_unless_temporary, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "");

	EXPECT_RESULT(t, fake_start(t, "a:ignores"), "ok");
	EXPECT_RESULT(t, fake_start(t, "b:ignores,transient"), "ok");
	EXPECT_RESULT(t, fake_start(t, "c:ignores,temporary"), "ok");
	EXPECT_NUMBER(t, sup_count_children(&t->sup).specs, 2);
	EXPECT_NUMBER(t, sup_count_children(&t->sup).active, 0);
	cr_expect_null(sup_find(&t->sup, "c"));
	fake_free(t);
}

Test(sup_api, API_3_terminate_child, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a b:transient c:slow,off");

	EXPECT_RESULT(t, fake_terminate(t, "a"), "ok");
	EXPECT_TRACE(t, "stop a; terminate ok");
	EXPECT_RESULT(t, fake_terminate(t, "a"), "ok");
	EXPECT_TRACE(t, "terminate ok");
	EXPECT_RESULT(t, fake_terminate(t, "c"), "ok");
	fake_exit(t, "b", "normal");
	EXPECT_RESULT(t, fake_terminate(t, "b"), "ok");
	EXPECT_STATES(t, "a stopped; b stopped; c stopped");
	EXPECT_COUNTED(t, 0);
	fake_free(t);
}

Test(sup_api, API_3_terminate_removes_added_temporary_children_only, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a:temporary");

	fake_start(t, "b:temporary");
	fake_start(t, "c");
	fake_saw(&t->trace, "");
	fake_terminate(t, "a");
	fake_terminate(t, "c");
	EXPECT_TRACE(t, "stop a; terminate ok; stop c; terminate ok");
	fake_terminate(t, "b");
	EXPECT_IN_TRACE(t, "stop b; ");
	EXPECT_IN_TRACE(t, "removed b");
	EXPECT_STATES(t, "a stopped; c stopped");
	fake_free(t);
}

Test(sup_api, API_3_terminate_of_a_starting_child_cancels_the_start, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a:off,slow");
	struct fake_request *start = fake_restart(t, "a");

	EXPECT_RESULT(t, start, "pending");
	EXPECT_RESULT(t, fake_terminate(t, "a"), "ok");
	EXPECT_RESULT(t, start, "cancelled");
	EXPECT_STATES(t, "a stopped");
	EXPECT_NUMBER(t, fake_find(t, "a")->spawns, 1);
	fake_free(t);
}

Test(sup_api, API_3_many_may_wait_for_one_stop, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a:stubborn");
	struct fake_request *r1 = fake_terminate(t, "a");
	struct fake_request *r2 = fake_terminate(t, "a");

	EXPECT_TRACE(t, "stop a");
	EXPECT_RESULT(t, r2, "pending");
	fake_exit(t, "a", "shutdown");
	EXPECT_RESULT(t, r1, "ok");
	EXPECT_RESULT(t, r2, "ok");
	EXPECT_TRACE(t, "terminate ok; terminate ok");
	fake_free(t);
}

Test(sup_api, API_3_terminate_under_every_strategy_leaves_siblings_alone, .timeout = 5)
{
	static const char *const rows[] = { "one_for_one", "one_for_all",
		"rest_for_one" };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fake *t = fake_up(rows[i], "a b c");

		t->row = rows[i];
		fake_terminate(t, "b");
		EXPECT_TRACE(t, "stop b; terminate ok");
		fake_restart(t, "b");
		EXPECT_TRACE(t, "spawn b; restart ok");
		fake_free(t);
	}
}

Test(sup_api, API_3_terminate_within_a_group_restart, .timeout = 5)
{
	struct fake *t = fake_up("one_for_all", "a b c:stubborn");

	fake_exit(t, "a", "exit:1");
	EXPECT_TRACE(t, "stop c");
	EXPECT_RESULT(t, fake_terminate(t, "b"), "ok");
	EXPECT_RESULT(t, fake_terminate(t, "a"), "ok");
	fake_exit(t, "c", "shutdown");
	EXPECT_NUMBER(t, fake_find(t, "a")->spawns, 1);
	EXPECT_NUMBER(t, fake_find(t, "b")->spawns, 1);
	EXPECT_STATES(t, "a stopped; b stopped; c running");
	fake_free(t);
}

Test(sup_api, API_5_restart_child, .timeout = 5)
{
	struct fake *t = fake_up("one_for_all", "a b:transient c:temporary d:slow,off");

	EXPECT_RESULT(t, fake_restart(t, "a"), "running");
	fake_exit(t, "b", "normal");
	fake_exit(t, "c", "killed");
	EXPECT_TRACE(t, "restart running");
	EXPECT_RESULT(t, fake_restart(t, "b"), "ok");
	EXPECT_RESULT(t, fake_restart(t, "c"), "ok");
	EXPECT_TRACE(t, "spawn b; restart ok; spawn c; restart ok");
	EXPECT_COUNTED(t, 0);
	fake_free(t);
}

Test(sup_api, API_5_second_restart_of_a_starting_child_waits_for_the_same, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a:slow,off");
	struct fake_request *r1 = fake_restart(t, "a");
	struct fake_request *r2 = fake_restart(t, "a");

	EXPECT_TRACE(t, "spawn a");
	EXPECT_RESULT(t, r2, "pending");
	fake_ready(t, "a");
	EXPECT_RESULT(t, r1, "ok");
	EXPECT_RESULT(t, r2, "ok");
	fake_free(t);
}

Test(sup_api, API_5_failed_restart_child_is_the_answer_and_not_retried, .timeout = 5)
{
	struct fake *t = fake_up("one_for_all", "a b");

	fake_terminate(t, "b");
	fake_find(t, "b")->fails = -1;
	fake_saw(&t->trace, "");
	EXPECT_RESULT(t, fake_restart(t, "b"), "start_failed");
	EXPECT_TRACE(t, "spawn b; restart start_failed");
	EXPECT_LAST(t, "b", "failed_to_start:exec:ENOENT");
	cr_expect(!child_is_alive(&fake_find(t, "b")->child));
	EXPECT_NUMBER(t, fake_find(t, "a")->child.state, CHILD_RUNNING);
	EXPECT_NUMBER(t, fake_armed(t, "b"), -1);
	EXPECT_COUNTED(t, 0);
	fake_free(t);
}

Test(sup_api, API_5_failed_restart_child_with_backoff_is_not_retried_either,
	.timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a:backoff,off");

	fake_find(t, "a")->fails = -1;
	EXPECT_RESULT(t, fake_restart(t, "a"), "start_failed");
	fake_wait(t, 100 * SEC_NS);
	EXPECT_TRACE(t, "spawn a; restart start_failed");
	fake_free(t);
}

Test(sup_api, API_5_ignore_is_ok, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a:ignores,off");

	EXPECT_RESULT(t, fake_restart(t, "a"), "ok");
	EXPECT_NUMBER(t, sup_count_children(&t->sup).active, 0);
	fake_free(t);
}

Test(sup_api, SUP_2_start_after_a_stop_that_is_under_way, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a:stubborn");
	struct fake_request *stop = fake_terminate(t, "a");
	struct fake_request *start = fake_restart(t, "a");

	EXPECT_TRACE(t, "stop a");
	EXPECT_RESULT(t, start, "pending");
	fake_exit(t, "a", "shutdown");
	EXPECT_TRACE(t, "terminate ok; spawn a; restart ok");
	EXPECT_RESULT(t, stop, "ok");
	EXPECT_STATES(t, "a running");
	cr_expect(!fake_find(t, "a")->child.sticky);
	EXPECT_COUNTED(t, 0);
	fake_free(t);
}

Test(sup_api, SUP_2_requests_for_others_are_served_meanwhile, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a:stubborn b c:slow,off");
	struct fake_request *r = fake_terminate(t, "a");

	fake_restart(t, "c");
	EXPECT_RESULT(t, fake_terminate(t, "b"), "ok");
	EXPECT_RESULT(t, fake_restart(t, "b"), "ok");
	EXPECT_TRACE(t, "stop a; spawn c; stop b; terminate ok; spawn b; restart ok");
	EXPECT_RESULT(t, r, "pending");
	fake_free(t);
}

Test(sup_api, renew_stops_and_starts_that_child_alone, .timeout = 5)
{
	static const char *const rows[] = { "one_for_one", "one_for_all",
		"rest_for_one" };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fake *t = fake_up(rows[i], "a b c");

		t->row = rows[i];
		EXPECT_RESULT(t, fake_renew(t, "b"), "ok");
		EXPECT_TRACE(t, "stop b; spawn b; renew ok");
		EXPECT_COUNTED(t, 0);
		fake_free(t);
	}
}

Test(sup_api, renew_waits_for_the_end_and_for_the_readiness, .timeout = 5)
{
	struct fake *t = fake_new("one_for_one", "a:slow,stubborn");
	struct fake_request *r;

	fake_boot(t);
	fake_ready(t, "a");
	r = fake_renew(t, "a");
	EXPECT_TRACE(t, "spawn a; up; stop a");
	fake_wait(t, 5 * SEC_NS);
	EXPECT_TRACE(t, "kill a; spawn a");
	EXPECT_RESULT(t, r, "pending");
	fake_ready(t, "a");
	EXPECT_TRACE(t, "renew ok");
	fake_free(t);
}

Test(sup_api, renew_of_a_child_that_is_down_starts_it, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a b:temporary");

	fake_terminate(t, "a");
	fake_exit(t, "b", "exit:1");
	fake_saw(&t->trace, "");
	fake_renew(t, "a");
	fake_renew(t, "b");
	EXPECT_TRACE(t, "spawn a; renew ok; spawn b; renew ok");
	fake_free(t);
}

Test(sup_api, renew_tries_a_restarting_child_now, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one max=10", "a:backoff");

	fake_exit(t, "a", "exit:1");
	EXPECT_STATES(t, "a restarting");
	EXPECT_RESULT(t, fake_renew(t, "a"), "ok");
	EXPECT_TRACE(t, "spawn a; renew ok");
	EXPECT_STATES(t, "a running");
	EXPECT_COUNTED(t, 1);
	fake_free(t);
}

Test(sup_api, renew_that_fails_is_the_answer_and_not_retried, .timeout = 5)
{
	struct fake *t = fake_up("one_for_all", "a b");

	fake_find(t, "a")->fails = -1;
	EXPECT_RESULT(t, fake_renew(t, "a"), "start_failed");
	EXPECT_TRACE(t, "stop a; spawn a; renew start_failed");
	EXPECT_COUNTED(t, 0);
	fake_free(t);
}

Test(sup_api, API_6_delete_child, .timeout = 5)
{
	struct fake *t = fake_up(
		"one_for_one", "a b:transient c:stubborn d:slow,off e:temporary");

	EXPECT_RESULT(t, fake_delete(t, "a"), "running");
	fake_terminate(t, "c");
	EXPECT_RESULT(t, fake_delete(t, "c"), "running");
	fake_restart(t, "d");
	EXPECT_RESULT(t, fake_delete(t, "d"), "running");
	fake_exit(t, "b", "normal");
	fake_exit(t, "e", "exit:1");
	fake_saw(&t->trace, "");
	EXPECT_RESULT(t, fake_delete(t, "b"), "ok");
	EXPECT_RESULT(t, fake_delete(t, "e"), "ok");
	EXPECT_TRACE(t, "removed b; delete ok; removed e; delete ok");
	EXPECT_STATES(t, "a running; c stopping; d starting");
	EXPECT_NUMBER(t, fake_find(t, "d")->child.position, 2);
	fake_free(t);
}

Test(sup_api, API_8_count_children, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one",
		"a b:transient c:slow,off s:supervisor u:supervisor,off");
	struct child_counts n;

	fake_exit(t, "b", "normal");
	n = sup_count_children(&t->sup);
	EXPECT_NUMBER(t, n.specs, 5);
	EXPECT_NUMBER(t, n.active, 2);
	EXPECT_NUMBER(t, n.supervisors, 2);
	EXPECT_NUMBER(t, n.workers, 3);
	fake_free(t);
}

Test(sup_api, requests_are_refused_while_the_supervisor_ends, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a:stubborn b:off c");

	fake_shutdown(t, "shutdown");
	EXPECT_TRACE(t, "stop c; stop a");
	EXPECT_RESULT(t, fake_start(t, "x"), "shutting_down");
	EXPECT_RESULT(t, fake_restart(t, "b"), "shutting_down");
	EXPECT_RESULT(t, fake_renew(t, "c"), "shutting_down");
	EXPECT_RESULT(t, fake_delete(t, "b"), "shutting_down");
	EXPECT_RESULT(t, fake_terminate(t, "a"), "shutting_down");
	EXPECT_TRACE(t,
		"removed x; start shutting_down; restart shutting_down; "
		"renew shutting_down; delete shutting_down; "
		"terminate shutting_down");
	fake_exit(t, "a", "shutdown");
	EXPECT_TRACE(t, "end shutdown");
	fake_free(t);
}

Test(sup_api, those_who_wait_are_answered_when_the_supervisor_ends, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a:stubborn b:slow,off c:stubborn");
	struct fake_request *stop = fake_terminate(t, "a");
	struct fake_request *start = fake_restart(t, "b");
	struct fake_request *renew = fake_renew(t, "c");

	fake_shutdown(t, "shutdown");
	fake_wait(t, 10 * SEC_NS);
	cr_expect(t->ended);
	EXPECT_RESULT(t, stop, "ok");
	cr_expect(start->done &&
			(start->result == SUP_CANCELLED ||
				start->result == SUP_SHUTTING_DOWN),
		"%s", fake_result(start));
	cr_expect(renew->done &&
			(renew->result == SUP_CANCELLED ||
				renew->result == SUP_SHUTTING_DOWN),
		"%s", fake_result(renew));
	fake_free(t);
}

Test(sup_api, nobody_needs_to_wait, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a b:off");

	sup_terminate_child(&t->sup, &fake_find(t, "a")->child, NULL, t->now);
	sup_restart_child(&t->sup, &fake_find(t, "b")->child, NULL, t->now);
	fake_wait(t, 0);
	fake_renew(t, "b");
	EXPECT_STATES(t, "a stopped; b running");
	fake_free(t);
}

Test(sup_api, SUP_10_events_of_adding_and_deleting, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "");

	fake_start(t, "a");
	EXPECT_EVENTS(t, "added a; started a; ready a");
	fake_terminate(t, "a");
	EXPECT_EVENTS(t, "stopping a; exited a; stopped a");
	fake_delete(t, "a");
	EXPECT_EVENTS(t, "deleted a");
	fake_free(t);
}

Test(sup_api, LNK_12_orders_to_children_that_are_gone_are_no_error, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a:transient");

	fake_exit(t, "a", "normal");
	EXPECT_RESULT(t, fake_terminate(t, "a"), "ok");
	fake_doom(t, "a", "unhealthy");
	EXPECT_TRACE(t, "terminate ok");
	EXPECT_STATES(t, "a stopped");
	fake_free(t);
}
