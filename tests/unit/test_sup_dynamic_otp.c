/* Dynamic supervisors as OTP's own suites test them: the simple_one_for_one cases of
 * supervisor_SUITE, and dynamic_supervisor_test.exs. */
#include <stdio.h>

#include "support/faketree.h"

/* --- supervisor_SUITE ------------------------------------------------------------- */

Test(sup_suite, child_adm_simple, .timeout = 5)
{
	struct fake *t = fake_up("dynamic", "");
	struct child_counts n;

	EXPECT_RESULT(t, fake_start(t, "1"), "ok");
	EXPECT_RESULT(t, fake_start(t, "2"), "ok");
	n = sup_count_children(&t->sup);
	cr_expect(
		n.specs == 2 && n.active == 2 && n.workers == 2 && n.supervisors == 0);
	EXPECT_RESULT(t, fake_terminate(t, "1"), "ok");
	EXPECT_STATES(t, "2 running");
	EXPECT_RESULT(t, fake_restart(t, "2"), "dynamic_supervisor");
	EXPECT_RESULT(t, fake_delete(t, "2"), "dynamic_supervisor");
	EXPECT_RESULT(t, fake_terminate(t, "2"), "ok");
	EXPECT_STATES(t, "");
	fake_free(t);
}

Test(sup_suite, sup_start_child_returns_error_simple, .timeout = 5)
{
	struct fake *t = fake_up("dynamic", "");

	EXPECT_RESULT(t, fake_start(t, "1:broken"), "start_failed");
	EXPECT_TRACE(t, "spawn 1; removed 1; start start_failed");
	EXPECT_TEXT(t, t->sup.cause.text, "failed_to_start:exec:ENOENT");
	fake_free(t);
}

static void ignored_start(const char *child)
{
	struct fake *t = fake_up("dynamic", "");

	EXPECT_RESULT(t, fake_start(t, child), "ok");
	EXPECT_IN_TRACE(t, "removed 1");
	EXPECT_STATES(t, "");
	fake_saw(&t->trace, "");
	fake_shutdown(t, "shutdown");
	EXPECT_TRACE(t, "end shutdown");
	fake_free(t);
}

Test(sup_suite, sup_start_ignore_temporary_child_start_child_simple, .timeout = 5)
{
	ignored_start("1:temporary,ignores");
}

Test(sup_suite, sup_start_ignore_permanent_child_start_child_simple, .timeout = 5)
{
	ignored_start("1:permanent,ignores");
}

Test(sup_suite, simple_one_for_one, .timeout = 5)
{
	struct fake *t = fake_up("dynamic max=2 seconds=3600", "");

	fake_start(t, "1");
	fake_start(t, "2");
	fake_saw(&t->trace, "");
	fake_exit(t, "1", "killed");
	EXPECT_TRACE(t, "spawn 1");
	fake_exit(t, "2", "killed");
	EXPECT_TRACE(t, "spawn 2");
	fake_exit(t, "2", "killed");
	cr_expect(t->ended);
	EXPECT_TEXT(t, t->sup.reason.text, "shutdown:max_restarts");
	fake_free(t);
}

/* The extra of a start is the boundary's; the restart is one like others. */
Test(sup_suite, simple_one_for_one_extra, .timeout = 5)
{
	struct fake *t = fake_up("dynamic", "");

	fake_start(t, "1");
	fake_exit(t, "1", "exit:1");
	EXPECT_TRACE(t, "spawn 1; start ok; spawn 1");
	EXPECT_STATES(t, "1 running");
	fake_free(t);
}

Test(sup_suite, simple_one_for_one_escalation, .timeout = 5)
{
	struct fake *t = fake_up("dynamic max=4 seconds=3600", "");

	fake_start(t, "1");
	fake_start(t, "2");
	fake_find(t, "1")->fails = -1;
	fake_exit(t, "1", "exit:1");
	cr_expect(t->ended);
	EXPECT_NUMBER(t, t->children[0]->spawns, 5);
	EXPECT_NUMBER(t, t->children[1]->spawns, 1);
	EXPECT_TEXT(t, t->sup.reason.text, "shutdown:max_restarts");
	fake_free(t);
}

static void count(const char *type)
{
	struct fake *t = fake_up("dynamic", "");
	bool supervisors = type[0] != '\0';
	struct child_counts n;
	char id[48];

	for (int i = 0; i < 200; i++) {
		snprintf(id, sizeof id, "c%d:temporary%s", i, type);
		fake_start(t, id);
		t->n_requests = 0;
	}
	n = sup_count_children(&t->sup);
	cr_expect(n.specs == 200 && n.active == 200);
	cr_expect(supervisors ? n.supervisors == 200 && n.workers == 0
			      : n.workers == 200 && n.supervisors == 0);
	for (int i = 0; i < 200; i += 2) {
		snprintf(id, sizeof id, "c%d", i);
		if (i % 4)
			fake_exit(t, id, "exit:1");
		else
			fake_terminate(t, id);
	}
	n = sup_count_children(&t->sup);
	cr_expect(n.specs == 100 && n.active == 100);
	fake_free(t);
}

Test(sup_suite, count_children, .timeout = 10)
{
	count("");
}

Test(sup_suite, count_children_supervisor, .timeout = 10)
{
	count(",supervisor");
}

/* --- dynamic_supervisor_test.exs -------------------------------------------------- */

Test(ex_dynamic, start_child_with_different_returns, .timeout = 5)
{
	struct fake *t = fake_up("dynamic", "");

	EXPECT_RESULT(t, fake_start(t, "ok"), "ok");
	EXPECT_RESULT(t, fake_start(t, "ignore:ignores"), "ok");
	EXPECT_RESULT(t, fake_start(t, "error:broken"), "start_failed");
	EXPECT_STATES(t, "ok running");
	fake_free(t);
}

Test(ex_dynamic, start_child_with_throw_error_exit, .timeout = 5)
{
	struct fake *t = fake_up("dynamic", "");
	struct fake_request *r;

	EXPECT_RESULT(t, fake_start(t, "a:broken"), "start_failed");
	EXPECT_RESULT(t, fake_start(t, "b:broken,early"), "start_failed");
	EXPECT_TEXT(t, t->sup.cause.text, "exit:9");
	r = fake_start(t, "c:slow");
	fake_exit(t, "c", "signal:SIGSEGV");
	EXPECT_RESULT(t, r, "start_failed");
	EXPECT_TEXT(t, t->sup.cause.text, "signal:SIGSEGV");
	EXPECT_STATES(t, "");
	fake_free(t);
}

Test(ex_dynamic, start_child_with_max_children, .timeout = 5)
{
	struct fake *t = fake_up("dynamic children=0", "");

	EXPECT_RESULT(t, fake_start(t, "a"), "max_children");
	fake_free(t);
}

static void ends(const char *child, const char *const *reasons, const char *states)
{
	for (; *reasons; reasons++) {
		struct fake *t = fake_up("dynamic", "");

		t->row = *reasons;
		fake_start(t, child);
		fake_exit(t, "a", *reasons);
		EXPECT_STATES(t, states);
		fake_free(t);
	}
}

Test(ex_dynamic, temporary_child_is_not_restarted_regardless_of_reason, .timeout = 5)
{
	static const char *const all[] = { "normal", "shutdown", "shutdown:signal",
		"whoops", "killed", NULL };

	ends("a:temporary", all, "");
}

Test(ex_dynamic, transient_child_is_restarted_unless_normal_shutdown, .timeout = 5)
{
	static const char *const well[] = { "normal", "shutdown", "shutdown:signal",
		NULL };
	static const char *const badly[] = { "whoops", "killed", NULL };

	ends("a:transient", well, "");
	ends("a:transient", badly, "a running");
}

Test(ex_dynamic, permanent_child_is_restarted_regardless_of_reason, .timeout = 5)
{
	static const char *const all[] = { "normal", "shutdown", "shutdown:signal",
		"whoops", "killed", NULL };

	ends("a", all, "a running");
}

Test(ex_dynamic, child_is_restarted_with_different_values, .timeout = 5)
{
	struct fake *t = fake_up("dynamic max=100000", "");

	t->hold = true;
	fake_start(t, "a");
	fake_start(t, "b");
	fake_start(t, "c");
	fake_exit(t, "a", "exit:1");
	EXPECT_NUMBER(t, fake_find(t, "a")->child.state, CHILD_RUNNING);
	fake_find(t, "b")->fails = -1;
	fake_exit(t, "b", "exit:1");
	EXPECT_NUMBER(t, fake_find(t, "b")->child.state, CHILD_RESTARTING);
	EXPECT_NUMBER(t, sup_count_children(&t->sup).active, 2);
	fake_find(t, "c")->ignores = true;
	fake_exit(t, "c", "exit:1");
	cr_expect_null(sup_find(&t->sup, "c"));
	EXPECT_NUMBER(t, sup_count_children(&t->sup).specs, 2);
	EXPECT_NUMBER(t, sup_count_children(&t->sup).active, 1);
	fake_free(t);
}

Test(ex_dynamic, restarting_on_init_children_counted_in_max_children, .timeout = 5)
{
	struct fake *t = fake_up("dynamic children=1 max=100000", "");

	t->hold = true;
	fake_start(t, "a");
	fake_find(t, "a")->fails = -1;
	fake_exit(t, "a", "exit:1");
	EXPECT_STATES(t, "a restarting");
	EXPECT_RESULT(t, fake_start(t, "b"), "max_children");
	fake_free(t);
}

Test(ex_dynamic, restarting_on_exit_children_counted_in_max_children, .timeout = 5)
{
	struct fake *t = fake_up("dynamic children=2 max=100000", "");

	fake_start(t, "a");
	fake_exit(t, "a", "exit:1");
	EXPECT_STATES(t, "a running");
	EXPECT_RESULT(t, fake_start(t, "b"), "ok");
	EXPECT_RESULT(t, fake_start(t, "c"), "max_children");
	fake_free(t);
}

Test(ex_dynamic, child_is_restarted_when_trying_again, .timeout = 5)
{
	struct fake *t = fake_up("dynamic max=2", "");

	fake_start(t, "a");
	fake_find(t, "a")->fails = 1;
	fake_exit(t, "a", "exit:1");
	EXPECT_TRACE(t, "spawn a; start ok; spawn a; spawn a");
	EXPECT_STATES(t, "a running");
	EXPECT_COUNTED(t, 2);
	fake_free(t);
}

Test(ex_dynamic, child_triggers_maximum_restarts, .timeout = 5)
{
	struct fake *t = fake_up("dynamic max=1", "");

	fake_start(t, "a");
	fake_exit(t, "a", "exit:1");
	fake_exit(t, "a", "exit:1");
	cr_expect(t->ended);
	EXPECT_TEXT(t, t->sup.reason.text, "shutdown:max_restarts");
	fake_free(t);
}

Test(ex_dynamic, child_triggers_maximum_intensity_when_trying_again, .timeout = 5)
{
	struct fake *t = fake_up("dynamic max=10", "");

	fake_start(t, "a");
	fake_find(t, "a")->fails = -1;
	fake_exit(t, "a", "exit:1");
	cr_expect(t->ended);
	EXPECT_NUMBER(t, t->children[0]->spawns, 11);
	fake_free(t);
}

Test(ex_dynamic, start_child_with_valid_shutdown, .timeout = 5)
{
	struct fake *t = fake_up("dynamic", "");

	EXPECT_RESULT(t, fake_start(t, "a:zero"), "ok");
	EXPECT_RESULT(t, fake_start(t, "b:1s"), "ok");
	EXPECT_RESULT(t, fake_start(t, "c:infinity"), "ok");
	EXPECT_RESULT(t, fake_start(t, "d:brutal"), "ok");
	fake_shutdown(t, "shutdown");
	cr_expect(t->ended);
	fake_free(t);
}

/* The seven cases of terminate/2: three children each, one way to be stopped. */
static void end_of_three(
	const char *words, const char *farewell, const char *order, int64_t wait)
{
	struct fake *t = fake_up("dynamic", "");
	char text[64];

	t->row = words;
	for (int i = 0; i < 3; i++) {
		snprintf(text, sizeof text, "c%d:%s", i, words);
		fake_start(t, text);
		snprintf(text, sizeof text, "c%d", i);
		fake_find(t, text)->farewell = farewell;
	}
	fake_shutdown(t, "shutdown");
	fake_wait(t, wait);
	cr_expect(t->ended, "%s", words);
	EXPECT_TEXT(t, t->sup.reason.text, "shutdown");
	for (int i = 0; i < 3; i++) {
		snprintf(text, sizeof text, "%s c%d", order, i);
		cr_expect(strstr(t->trace.now, text), "%s: no '%s' in %s", words, text,
			t->trace.now);
		cr_expect(t->children[i]->spawns == 1);
	}
	if (wait == 0 && strcmp(order, "kill") != 0)
		cr_expect(!strstr(t->trace.now, "kill"), "%s", t->trace.now);
	fake_free(t);
}

Test(ex_dynamic, terminate_2_terminates_children_with_brutal_kill, .timeout = 5)
{
	end_of_three("brutal", NULL, "kill", 0);
}

Test(ex_dynamic, terminate_2_with_infinity_shutdown, .timeout = 5)
{
	end_of_three("infinity", NULL, "stop", 0);
}

Test(ex_dynamic, terminate_2_with_infinity_shutdown_and_abnormal_reason, .timeout = 5)
{
	end_of_three("infinity", "exit:1", "stop", 0);
}

Test(ex_dynamic, terminate_2_with_integer_shutdown, .timeout = 5)
{
	end_of_three("1s", NULL, "stop", 0);
}

Test(ex_dynamic, terminate_2_with_integer_shutdown_and_abnormal_reason, .timeout = 5)
{
	end_of_three("1s", "exit:1", "stop", 0);
}

Test(ex_dynamic, terminate_2_with_expired_integer_shutdown, .timeout = 5)
{
	end_of_three("1s,stubborn", NULL, "kill", SEC_NS);
	end_of_three("zero,stubborn", NULL, "kill", 0);
}

Test(ex_dynamic, terminate_2_with_permanent_restart_and_normal_reason, .timeout = 5)
{
	end_of_three("1s,permanent", "normal", "stop", 0);
}

Test(ex_dynamic, terminate_2_terminates_with_mixed_children, .timeout = 5)
{
	struct fake *t = fake_up("dynamic", "");

	fake_start(t, "a:brutal");
	fake_start(t, "b:infinity");
	fake_start(t, "c:1s,stubborn");
	fake_start(t, "d:2s,temporary");
	fake_shutdown(t, "shutdown");
	cr_expect(!t->ended);
	cr_expect(!t->children[0]->process && !t->children[1]->process);
	cr_expect(t->children[2]->process && !t->children[3]->process);
	fake_wait(t, SEC_NS);
	cr_expect(t->ended);
	fake_free(t);
}

Test(ex_dynamic, terminate_child_2_terminates_child_with_brutal_kill, .timeout = 5)
{
	struct fake *t = fake_up("dynamic", "");

	fake_start(t, "a:brutal");
	fake_saw(&t->trace, "");
	fake_terminate(t, "a");
	EXPECT_IN_TRACE(t, "kill a; ");
	EXPECT_IN_TRACE(t, "removed a");
	EXPECT_IN_TRACE(t, "terminate ok");
	cr_expect_null(sup_find(&t->sup, "a"));
	fake_free(t);
}

Test(ex_dynamic, terminate_child_2_terminates_child_with_integer_shutdown, .timeout = 5)
{
	struct fake *t = fake_up("dynamic", "");

	fake_start(t, "a:1s,stubborn");
	fake_saw(&t->trace, "");
	fake_terminate(t, "a");
	EXPECT_TRACE(t, "stop a");
	fake_wait(t, SEC_NS);
	EXPECT_IN_TRACE(t, "kill a; ");
	EXPECT_IN_TRACE(t, "removed a");
	EXPECT_IN_TRACE(t, "terminate ok");
	cr_expect_null(sup_find(&t->sup, "a"));
	fake_free(t);
}

Test(ex_dynamic, terminate_child_2_terminates_restarting_child, .timeout = 5)
{
	struct fake *t = fake_up("dynamic max=100000", "");

	t->hold = true;
	fake_start(t, "a");
	fake_find(t, "a")->fails = -1;
	fake_exit(t, "a", "exit:1");
	EXPECT_STATES(t, "a restarting");
	fake_saw(&t->trace, "");
	EXPECT_RESULT(t, fake_terminate(t, "a"), "ok");
	EXPECT_IN_TRACE(t, "removed a");
	cr_expect(!strstr(t->trace.now, "stop") && !strstr(t->trace.now, "kill"));
	EXPECT_STATES(t, "");
	fake_free(t);
}
