/* libkick: names that wait, where more than one start, supervisor or name is concerned:
 * starts that fail between, supervisors that are started again themselves. */
#include <errno.h>

#include "support/waittest.h"

TestSuite(lib_vacant, .timeout = 120);

/* Word of a name that nobody waits for any more must not pass for that of another:
 * child_call() looks. */
NODE_TEST(lib_vacant, a_late_word_is_of_no_other_name)
{
	kick_child_spec b = waits_spec("b", KICK_PERMANENT);
	kick_pid sup;

	waits_begin();
	hold();
	(void)waits_up("", KICK_PERMANENT, 1);
	sup = waits_up("", KICK_PERMANENT, 0);
	CHECK_INT(kick_supervisor_start_child(kick_to(sup), &b, NULL, NULL), 0);
	waits_plan("b", HELD);
	waits_end(named("b"), "kill");
	EXPECT_TEXT("held b");
	for (int i = 0; i < 200; i++) {
		int r;

		CHECK_INT(call_name("a", NODE_PATIENCE_MS, NULL), 0);
		CHECK_INT(kick_exit(named("a"), "kill"), 0);
		do {
			kick_pid found;

			r = kick_whereis("a", &found);
			(void)call_name("a", 0, NULL);
			CHECK_INT(call_name("b", 0, NULL), -ETIMEDOUT);
		} while (r < 0);
	}
	let_go();
	CHECK_INT(call_name("b", NODE_PATIENCE_MS, NULL), 0);
}

/* --- supervisors below supervisors --------------------------------------------------
 */

static int start_inner(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	kick_supervisor_options o = { .name = "inner", .max_seconds = 1000 };
	kick_child_spec spec = waits_spec("a", KICK_PERMANENT);

	if (args)
		spec.restart = (kick_restart)args->valueint;
	return kick_supervisor_start_link(&o, &spec, 1, ret, why);
}

/* The outer one; "inner", which does not restart, has "a". */
static kick_pid up_nested(kick_restart inner)
{
	kick_supervisor_options o = { .max_restarts = UINT32_MAX, .max_seconds = 1000 };
	kick_child_spec spec = {
		.id = "i", .start = start_inner, .restart = inner, .supervisor = true
	};
	kick_pid sup = NOBODY;

	waits_begin();
	hold();
	CHECK_INT(kick_supervisor_start_link(&o, &spec, 1, &sup, NULL), 0);
	waits_plan("a", HELD);
	return sup;
}

NODE_TEST(lib_vacant, a_supervisor_that_is_killed_is_waited_for_as_well)
{
	kick_pid a, caller;

	(void)up_nested(KICK_PERMANENT);
	a = named("a");
	waits_end(named("inner"), "kill");
	EXPECT_TEXT("held a");
	caller = asker("a");
	let_go();
	CHECK_INT(call_name("a", NODE_PATIENCE_MS, NULL), 0);
	CHECK(!kick_pid_equal(named("a"), a));
	ANSWERED(caller, next_named("a"));
}

NODE_TEST(lib_vacant, a_supervisor_that_gives_up_is_waited_for_as_well)
{
	kick_pid a, caller;

	(void)up_nested(KICK_PERMANENT);
	a = named("a");
	waits_end(a, "kill");
	EXPECT_TEXT("held a");
	caller = asker("a");
	let_go();
	CHECK_INT(call_name("a", NODE_PATIENCE_MS, NULL), 0);
	CHECK(!kick_pid_equal(named("a"), a));
	ANSWERED(caller, next_named("a"));
}

/* --- starts that fail ---------------------------------------------------------------
 */

NODE_TEST(lib_vacant, the_wait_goes_on_when_a_start_has_failed)
{
	static const int how[] = { REFUSED, STOPS, CRASHES, HANGS };

	waits_begin();
	(void)waits_up("", KICK_PERMANENT, 1);
	for (size_t i = 0; i < ARRAY_LEN(how); i++) {
		kick_pid caller;

		hold();
		waits_plan("a", how[i]);
		waits_end(named("a"), "kill");
		/* The next start after a failed one is the one that is held. */
		waits_start("a", how[i]);
		waits_plan("a", HELD);
		EXPECT_TEXT("held a");
		caller = asker("a");
		waits_plan("a", 0);
		let_go();
		ANSWERED(caller, next_named("a"));
	}
	EXPECT_SILENCE();
}

NODE_TEST(lib_vacant, terminate_child_ends_it_when_a_start_has_failed)
{
	static const int how[] = { STOPS, CRASHES, HANGS };
	kick_pid sup;

	waits_begin();
	sup = waits_up("", KICK_PERMANENT, 1);
	for (size_t i = 0; i < ARRAY_LEN(how); i++) {
		waits_plan("a", how[i]);
		waits_end(named("a"), "kill");
		waits_start("a", how[i]);
		waits_plan("a", NO_ROOM);
		waits_start("a", NO_ROOM);
		CHECK_INT(kick_supervisor_terminate_child(kick_to(sup), "a"), 0);
		CHECK_INT(call_name("a", NODE_PATIENCE_MS, NULL), -ESRCH);
		waits_plan("a", 0);
		CHECK_INT(kick_supervisor_restart_child(kick_to(sup), "a", NULL, NULL),
			0);
	}
}

NODE_TEST(lib_vacant, a_first_start_that_fails_leaves_no_name_to_wait_for)
{
	static const int how[] = { STOPS, CRASHES, HANGS };
	kick_child_spec spec = waits_spec("a", KICK_PERMANENT);
	kick_pid sup, pid;

	waits_begin();
	sup = waits_up("", KICK_PERMANENT, 0);
	for (size_t i = 0; i < ARRAY_LEN(how); i++) {
		kick_reason why = { "" };
		int r;

		waits->starts[0] = 0;
		waits_plan("a", how[i]);
		r = kick_supervisor_start_child(kick_to(sup), &spec, &pid, &why);
		CHECK_INT(r, -ECANCELED);
		CHECK_TEXT(why.text,
			how[i] == STOPS		  ? "nope"
				: how[i] == HANGS ? "timeout"
						  : "exit:3");
		CHECK_INT(call_name("a", NODE_PATIENCE_MS, NULL), -ESRCH);
	}
}
