/* kick's waits before automatic restarts: how long, whom they hold up under which
 * strategy, what counts, and what cuts them short. */
#include "support/faketree.h"

TestSuite(sup_backoff, .timeout = 10);

Test(sup_backoff, delay_grows_by_the_factor_up_to_the_maximum, .timeout = 5)
{
	static const struct {
		const char *name;
		struct backoff b;
		uint32_t n;
		int64_t delay;
	} rows[] = {
		{ "the first waits initial", { SEC_NS, 30 * SEC_NS, 0, 2, 0 }, 0,
			SEC_NS },
		{ "the second", { SEC_NS, 30 * SEC_NS, 0, 2, 0 }, 1, 2 * SEC_NS },
		{ "the fifth", { SEC_NS, 30 * SEC_NS, 0, 2, 0 }, 4, 16 * SEC_NS },
		{ "at the maximum", { SEC_NS, 30 * SEC_NS, 0, 2, 0 }, 5, 30 * SEC_NS },
		{ "no overflow", { SEC_NS, 30 * SEC_NS, 0, 2, 0 }, 5000, 30 * SEC_NS },
		{ "no overflow of n", { SEC_NS, 30 * SEC_NS, 0, 2, 0 }, UINT32_MAX,
			30 * SEC_NS },
		{ "factor 1", { SEC_NS, 30 * SEC_NS, 0, 1, 0 }, 100, SEC_NS },
		{ "a fraction", { 2 * SEC_NS, 30 * SEC_NS, 0, 1.5, 0 }, 2,
			4 * SEC_NS + SEC_NS / 2 },
		{ "jitter is not in it", { SEC_NS, 30 * SEC_NS, 0, 2, 0.5 }, 1,
			2 * SEC_NS },
		{ "none", { 0, 30 * SEC_NS, 0, 2, 0 }, 7, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		cr_expect(backoff_delay(&rows[i].b, rows[i].n) == rows[i].delay,
			"row: %s: %lld", rows[i].name,
			(long long)backoff_delay(&rows[i].b, rows[i].n));
}

/* A child may fail for months: the work for one wait must not grow with that. */
Test(sup_backoff, delay_of_a_late_failure_is_found_at_once, .timeout = 5)
{
	struct backoff same = { SEC_NS, 30 * SEC_NS, 0, 1, 0 };
	struct backoff slow = { SEC_NS, POLICY_INFINITY, 0, 1.0000001, 0 };

	for (uint32_t i = 0; i < 1000; i++)
		cr_expect(backoff_delay(&same, UINT32_MAX - i) == SEC_NS);
	for (uint32_t i = 0; i < 1000; i++)
		cr_expect(backoff_delay(&slow, UINT32_MAX - i) > SEC_NS);
}

Test(sup_backoff, first_restart_waits_initial, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a:backoff b");

	fake_exit(t, "a", "exit:1");
	EXPECT_STATES(t, "a restarting; b running");
	EXPECT_NUMBER(t, fake_armed(t, "a"), SEC_NS);
	EXPECT_NUMBER(t, fake_find(t, "a")->child.due, t->now + SEC_NS);
	fake_wait(t, SEC_NS - 1);
	EXPECT_TRACE(t, "");
	fake_wait(t, 1);
	EXPECT_TRACE(t, "spawn a");
	EXPECT_STATES(t, "a running; b running");
	fake_free(t);
}

Test(sup_backoff, waits_grow_and_end_at_the_maximum, .timeout = 5)
{
	static const int64_t seconds[] = { 1, 2, 4, 8, 16, 30, 30 };
	struct fake *t = fake_up("one_for_one max=infinity", "a:backoff");

	for (size_t i = 0; i < ARRAY_LEN(seconds); i++) {
		fake_exit(t, "a", "exit:1");
		EXPECT_NUMBER(t, fake_armed(t, "a"), seconds[i] * SEC_NS);
		fake_wait(t, seconds[i] * SEC_NS);
		EXPECT_TRACE(t, "spawn a");
	}
	fake_free(t);
}

Test(sup_backoff, long_run_makes_the_next_failure_the_first, .timeout = 5)
{
	static const struct {
		const char *name;
		int64_t run, wait;
	} rows[] = {
		{ "a short run", 60 * SEC_NS - 1, 2 * SEC_NS },
		{ "reset_after", 60 * SEC_NS, SEC_NS },
		{ "a long run", 3600 * SEC_NS, SEC_NS },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fake *t = fake_up("one_for_one max=infinity", "a:backoff");

		t->row = rows[i].name;
		fake_exit(t, "a", "exit:1");
		fake_wait(t, SEC_NS);
		fake_wait(t, rows[i].run);
		fake_exit(t, "a", "exit:1");
		EXPECT_NUMBER(t, fake_armed(t, "a"), rows[i].wait);
		fake_free(t);
	}
}

Test(sup_backoff, jitter_stays_within_its_bounds, .timeout = 5)
{
	struct fake *t = fake_new("one_for_one max=infinity", "a:backoff");
	int64_t least = INT64_MAX, most = 0;

	t->children[0]->given->backoff.jitter = 0.25;
	t->children[0]->given->backoff.factor = 1;
	fake_boot(t);
	for (int i = 0; i < 500; i++) {
		int64_t wait;

		fake_exit(t, "a", "exit:1");
		wait = fake_armed(t, "a");
		least = wait < least ? wait : least;
		most = wait > most ? wait : most;
		fake_wait(t, wait);
	}
	cr_expect(least >= SEC_NS * 3 / 4 && most <= SEC_NS * 5 / 4, "%lld to %lld",
		(long long)least, (long long)most);
	cr_expect(most - least > SEC_NS / 4, "%lld to %lld", (long long)least,
		(long long)most);
	fake_free(t);
}

Test(sup_backoff, siblings_while_one_waits, .timeout = 5)
{
	static const struct {
		const char *strategy, *now, *states, *then;
	} rows[] = {
		{ "one_for_one", "", "a running; b restarting; c running; d running",
			"spawn b" },
		{ "rest_for_one", "stop d; stop c",
			"a running; b restarting; c restarting; d restarting",
			"spawn b; spawn c; spawn d" },
		{ "one_for_all", "stop d; stop c; stop a",
			"a restarting; b restarting; c restarting; d restarting",
			"spawn a; spawn b; spawn c; spawn d" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fake *t = fake_up(rows[i].strategy, "a b:backoff c d");

		t->row = rows[i].strategy;
		fake_exit(t, "b", "exit:1");
		EXPECT_TRACE(t, rows[i].now);
		EXPECT_STATES(t, rows[i].states);
		fake_wait(t, SEC_NS - 1);
		EXPECT_TRACE(t, "");
		fake_wait(t, 1);
		EXPECT_TRACE(t, rows[i].then);
		EXPECT_STATES(t, "a running; b running; c running; d running");
		EXPECT_COUNTED(t, 1);
		fake_free(t);
	}
}

Test(sup_backoff, temporary_siblings_do_not_wait_with_the_group, .timeout = 5)
{
	struct fake *t = fake_up("one_for_all", "a:backoff b:temporary c");

	fake_exit(t, "a", "exit:1");
	EXPECT_STATES(t, "a restarting; b exited; c restarting");
	fake_wait(t, SEC_NS);
	EXPECT_TRACE(t, "stop c; stop b; spawn a; spawn c");
	fake_free(t);
}

Test(sup_backoff, elder_crash_while_a_younger_waits, .timeout = 5)
{
	struct fake *t = fake_up("rest_for_one max=10", "a b:backoff c");

	fake_exit(t, "b", "exit:1");
	EXPECT_TRACE(t, "stop c");
	fake_exit(t, "a", "exit:1");
	fake_wait(t, 2 * SEC_NS);
	EXPECT_TRACE(t, "spawn a; spawn b; spawn c");
	EXPECT_STATES(t, "a running; b running; c running");
	EXPECT_COUNTED(t, 2);
	fake_free(t);
}

Test(sup_backoff, INT_4_counted_at_the_moment_of_the_failure, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one max=1 seconds=5", "a:backoff b");

	fake_find(t, "a")->fails = 1;
	fake_exit(t, "a", "exit:1");
	EXPECT_COUNTED(t, 1);
	fake_wait(t, SEC_NS);
	EXPECT_TRACE(t, "spawn a; stop b; end shutdown:max_restarts");
	fake_free(t);
}

Test(sup_backoff, RETRY_1_failed_tries_wait_longer_each_time, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one max=infinity", "a:backoff");

	fake_find(t, "a")->fails = 3;
	fake_exit(t, "a", "exit:1");
	fake_wait(t, SEC_NS);
	EXPECT_NUMBER(t, fake_armed(t, "a"), 2 * SEC_NS);
	fake_wait(t, 2 * SEC_NS);
	EXPECT_NUMBER(t, fake_armed(t, "a"), 4 * SEC_NS);
	fake_wait(t, 4 * SEC_NS);
	EXPECT_NUMBER(t, fake_armed(t, "a"), 8 * SEC_NS);
	fake_wait(t, 8 * SEC_NS);
	EXPECT_TRACE(t, "spawn a; spawn a; spawn a; spawn a");
	EXPECT_STATES(t, "a running");
	fake_free(t);
}

Test(sup_backoff, RETRY_4_failing_sibling_with_backoff_takes_all_down_at_once,
	.timeout = 5)
{
	struct fake *t = fake_up("one_for_all max=infinity", "a b:backoff c");

	fake_find(t, "b")->fails = 1;
	fake_exit(t, "a", "exit:1");
	EXPECT_TRACE(t, "stop c; stop b; spawn a; spawn b; stop a");
	fake_wait(t, SEC_NS);
	EXPECT_TRACE(t, "spawn a; spawn b; spawn c");
	fake_free(t);
}

Test(sup_backoff, START_4_failed_start_at_boot_waits_and_the_boot_goes_on, .timeout = 5)
{
	struct fake *t = fake_new("one_for_one max=infinity", "a b:backoff,fails c");

	fake_boot(t);
	EXPECT_TRACE(t, "spawn a; spawn b; spawn c; up");
	EXPECT_STATES(t, "a running; b restarting; c running");
	fake_wait(t, SEC_NS);
	EXPECT_TRACE(t, "spawn b");
	EXPECT_STATES(t, "a running; b running; c running");
	fake_free(t);
}

Test(sup_backoff, START_4_failed_start_at_boot_counts, .timeout = 5)
{
	struct fake *t = fake_new("one_for_one max=1 seconds=5", "a:backoff,broken");

	fake_boot(t);
	EXPECT_COUNTED(t, 1);
	fake_wait(t, SEC_NS);
	EXPECT_TRACE(t, "spawn a; up; spawn a; end shutdown:max_restarts");
	fake_free(t);
}

Test(sup_backoff, START_4_those_behind_it_wait_with_it, .timeout = 5)
{
	static const struct {
		const char *strategy, *then;
	} rows[] = {
		{ "rest_for_one", "spawn b; spawn c" },
		{ "one_for_all", "spawn a; spawn b; spawn c" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fake *t = fake_new(rows[i].strategy, "a b:backoff,fails c");

		t->row = rows[i].strategy;
		fake_boot(t);
		EXPECT_NUMBER(t, t->ups, 1);
		EXPECT_NUMBER(t, fake_find(t, "c")->spawns, 0);
		EXPECT_NUMBER(t, fake_find(t, "b")->child.state, CHILD_RESTARTING);
		EXPECT_NUMBER(t, t->sup.phase, SUP_SERVING);
		fake_saw(&t->trace, "");
		fake_wait(t, SEC_NS);
		EXPECT_TRACE(t, rows[i].then);
		EXPECT_STATES(t, "a running; b running; c running");
		fake_free(t);
	}
}

Test(sup_backoff, RETRY_6_terminate_cancels_the_wait, .timeout = 5)
{
	struct fake *t = fake_up("rest_for_one", "a b:backoff c");

	fake_exit(t, "b", "exit:1");
	EXPECT_RESULT(t, fake_terminate(t, "b"), "ok");
	EXPECT_STATES(t, "a running; b stopped; c stopped");
	EXPECT_NUMBER(t, fake_armed(t, "b"), -1);
	fake_wait(t, 100 * SEC_NS);
	EXPECT_TRACE(t, "stop c; terminate ok");
	fake_free(t);
}

Test(sup_backoff, RETRY_7_answers_while_it_waits, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a:backoff");

	fake_exit(t, "a", "exit:1");
	EXPECT_RESULT(t, fake_restart(t, "a"), "restarting");
	EXPECT_RESULT(t, fake_delete(t, "a"), "restarting");
	EXPECT_RESULT(t, fake_start(t, "a"), "already_present");
	fake_wait(t, SEC_NS);
	EXPECT_STATES(t, "a running");
	fake_free(t);
}

Test(sup_backoff, renew_of_one_that_waits_brings_its_group_back, .timeout = 5)
{
	struct fake *t = fake_up("rest_for_one", "a b:backoff c");

	fake_exit(t, "b", "exit:1");
	EXPECT_RESULT(t, fake_renew(t, "b"), "ok");
	fake_wait(t, 100 * SEC_NS);
	EXPECT_STATES(t, "a running; b running; c running");
	EXPECT_NUMBER(t, fake_find(t, "b")->spawns, 2);
	fake_free(t);
}

Test(sup_backoff, RETRY_8_wait_does_not_hold_up_the_end, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "a:backoff b");

	fake_exit(t, "a", "exit:1");
	fake_shutdown(t, "shutdown");
	EXPECT_TRACE(t, "stop b; end shutdown");
	fake_wait(t, 100 * SEC_NS);
	EXPECT_TRACE(t, "");
	fake_free(t);
}

Test(sup_backoff, dynamic_children_have_it_too, .timeout = 5)
{
	struct fake *t = fake_up("dynamic max=infinity", "");

	fake_start(t, "a:backoff");
	fake_exit(t, "a", "exit:1");
	EXPECT_STATES(t, "a restarting");
	EXPECT_NUMBER(t, fake_armed(t, "a"), SEC_NS);
	fake_wait(t, SEC_NS);
	EXPECT_TRACE(t, "spawn a; start ok; spawn a");
	fake_free(t);
}
