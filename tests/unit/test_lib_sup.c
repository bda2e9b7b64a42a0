/* libkick: supervisors of real processes. The rules SUP to AUTO of OTP as far as they
 * show at the boundary of the core, which has tests of its own. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/suptest.h"

TestSuite(lib_sup, .timeout = 120);

/* --- the start ----------------------------------------------------------------------
 */

NODE_TEST(lib_sup, start_01_in_order_and_back_when_all_are_there)
{
	kick_pid sup;

	begin();
	sup = up("", "a b:transient c:temporary");
	TRACE_NOW("+a +b +c");
	CHECK_PID(shared->starter, sup);
	CHILDREN(sup, "c b a");
	COUNTS(sup, 3, 3, 0, 3);
}

NODE_TEST(lib_sup, start_01_an_empty_one)
{
	kick_pid sup;

	begin();
	sup = up("", "");
	CHILDREN(sup, "");
	COUNTS(sup, 0, 0, 0, 0);
	CHECK_INT(kick_supervisor_stop(kick_to(sup)), 0);
	CHECK_INT(kick_alive(sup), 0);
}

NODE_TEST(lib_sup, start_02_options_of_null_and_a_why_of_null)
{
	kick_child_spec a;
	kick_pid sup;

	begin();
	a = spec_of("a");
	CHECK_INT(kick_supervisor_start_link(NULL, &a, 1, &sup, NULL), 0);
	TRACE_NOW("+a");
	END("a", "kill", "killed");
	TRACE("+a");
	CHILDREN(sup, "a");
}

static bool is_null(const cJSON *args)
{
	return !args || cJSON_IsNull(args);
}

static int start_with_null(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	(void)why;
	if (!is_null(args))
		return -EINVAL;
	return kick_spawn_link(idle_pausing, NULL, ret);
}

NODE_TEST(lib_sup, start_02_a_plain_linked_process_and_no_args)
{
	kick_child_spec a = { .id = "a", .start = start_with_null };
	kick_pid sup, child;
	kick_ref ref;
	cJSON *all;

	begin();
	CHECK_INT(kick_supervisor_start_link(NULL, &a, 1, &sup, NULL), 0);
	CHECK_INT(kick_supervisor_which_children(kick_to(sup), &all), 0);
	child = kick_pid_from_json(
		cJSON_GetObjectItem(cJSON_GetArrayItem(all, 0), "pid"));
	CHECK_TEXT(cJSON_GetStringValue(
			   cJSON_GetObjectItem(cJSON_GetArrayItem(all, 0), "type")),
		"worker");
	cJSON_Delete(all);
	CHECK_INT(kick_alive(child), 1);
	CHECK_INT(kick_monitor(child, &ref), 0);
	CHECK_INT(kick_supervisor_stop(kick_to(sup)), 0);
	EXPECT_DOWN(ref, child, "shutdown");
}

NODE_TEST(lib_sup, start_03_ignored_children)
{
	kick_pid sup;

	begin();
	for (const char *c = "abc"; *c; c++)
		shared->child[(int)*c].ignores = 1;
	sup = up("", "a b:transient c:temporary d");
	TRACE_NOW("~a ~b ~c +d");
	/* kick keeps declared temporary children, OTP does not. */
	CHILDREN(sup, "d c- b- a-");
	COUNTS(sup, 4, 1, 0, 4);
	CHECK_INT(kick_supervisor_restart_child(kick_to(sup), "a", NULL, NULL), 0);
	TRACE_NOW("+a");
	CHILDREN(sup, "d c- b- a");
}

/* c cannot be started, for whatever reason: b and a are stopped, d is not touched. */
static void check_roll_back(const char *c_word)
{
	kick_reason why = { "" };
	kick_pid sup = NOBODY;
	char children[64];

	(void)snprintf(children, sizeof children, "a b:temporary %s d", c_word);
	if (try_up("", children, &sup, &why) != -ECANCELED)
		FAIL("with '%s': not -ECANCELED", c_word);
	CHECK_TEXT(why.text, "shutdown:failed_to_start:c");
}

NODE_TEST(lib_sup, start_04_what_was_started_is_stopped_in_reverse)
{
	begin();
	shared->child['c'].fails = 1;
	check_roll_back("c");
	TRACE_NOW("+a +b !c -b -a");
	shared->child['c'].deaths = 1;
	check_roll_back("c");
	TRACE_NOW("+a +b !c -b -a");
	check_roll_back("c:refuse");
	TRACE_NOW("+a +b -b -a");
	CHECK_INT(shared->child['d'].starts, 0);
	CHECK_INT(shared->child['c'].starts, 2);
}

NODE_TEST(lib_sup, start_02_a_start_function_that_returns_junk)
{
	begin();
	check_roll_back("c:junk");
	TRACE_NOW("+a +b -b -a");
}

static bool match_exit_message(const kick_message *m, void *unused)
{
	(void)unused;
	return m->kind == KICK_EXIT;
}

NODE_TEST(lib_sup, start_04_a_caller_that_traps_gets_the_exit_too)
{
	kick_reason why = { "" };
	kick_message *m;

	begin();
	shared->child['c'].fails = 1;
	CHECK_INT(try_up("", "a c", NULL, &why), -ECANCELED);
	m = TAKE(match_exit_message, NULL);
	CHECK_TEXT(m->reason, "shutdown:failed_to_start:c");
	kick_message_free(m);
	EXPECT_SILENCE();
}

NODE_TEST(lib_sup, start_02_a_start_function_that_ends_the_supervisor)
{
	kick_reason why = { "" };
	kick_pid sup;

	begin();
	CHECK_INT(try_up("", "a b:plain c:crash", &sup, &why), -ECANCELED);
	CHECK_TEXT(why.text, "exit:3");
	TRACE("+a +b -a(exit:3)");
	node_gone(pid_of("a"));
	node_gone(pid_of("b"));
}

NODE_TEST(lib_sup, start_05_a_nested_one_that_fails_takes_all_back)
{
	kick_reason why = { "" };
	kick_pid sup;

	begin();
	nested.flags = "";
	nested.children = "x y";
	shared->child['y'].fails = 1;
	CHECK_INT(try_up("", "a n:sup b", &sup, &why), -ECANCELED);
	CHECK_TEXT(why.text, "shutdown:failed_to_start:n");
	TRACE_NOW("+a +x !y -x -a");
}

NODE_TEST(lib_sup, start_07_who_dies_at_once_is_seen_after_the_start)
{
	begin();
	shared->child['a'].brief = 1;
	(void)up("", "a b:until=a c");
	TRACE("+a +b +c +a");
	TRACE_NOW("");
}

NODE_TEST(lib_sup, start_09_a_name_that_is_taken)
{
	kick_pid sup, other = NOBODY;

	begin();
	sup = up("name=top", "a");
	CHECK_INT(try_up("name=top", "b", &other, NULL), -EEXIST);
	CHECK_PID(other, sup);
	CHECK_INT(kick_whereis("top", &other), 0);
	CHECK_PID(other, sup);
	TRACE_NOW("+a");
	CHILDREN(sup, "a");
}

NODE_TEST(lib_sup, start_09_a_taken_name_is_no_end_to_be_told)
{
	kick_pid sup;

	begin();
	sup = up("name=top", "");
	CHECK_INT(try_up("name=top", "", NULL, NULL), -EEXIST);
	EXPECT_SILENCE();
	CHILDREN(sup, "");
}

static void check_refused(int line, const kick_supervisor_options *o,
	const kick_child_spec *a, const kick_child_spec *b)
{
	kick_child_spec specs[] = { *a, *b };
	kick_pid sup;

	node_check_int(__FILE__, line, "kick_supervisor_start_link()",
		kick_supervisor_start_link(o, specs, 2, &sup, NULL), -EINVAL);
	TRACE_NOW("");
}

NODE_TEST(lib_sup, spec_02_wrong_options_are_refused)
{
	const kick_supervisor_options base = KICK_SUPERVISOR_DEFAULTS;
	kick_supervisor_options o;
	kick_child_spec a, b;

	begin();
	a = spec_of("a");
	b = spec_of("b");
#define REFUSED(change)                              \
	do {                                         \
		o = base;                            \
		change;                              \
		check_refused(__LINE__, &o, &a, &b); \
	} while (0)
	REFUSED(o.max_seconds = 0);
	REFUSED(o.max_seconds = -1);
	REFUSED(o.max_seconds = strtod("nan", NULL));
	EXPECT_SILENCE();
}

NODE_TEST(lib_sup, spec_02_words_that_there_are_not)
{
	const kick_supervisor_options base = KICK_SUPERVISOR_DEFAULTS;
	kick_supervisor_options o;
	kick_child_spec a, b;

	begin();
	a = spec_of("a");
	b = spec_of("b");
	REFUSED(o.strategy = (kick_strategy)9);
	REFUSED(o.auto_shutdown = (kick_auto_shutdown)9);
	EXPECT_SILENCE();
}
#undef REFUSED

NODE_TEST(lib_sup, spec_03_to_07_wrong_children_are_refused)
{
	kick_supervisor_options o = KICK_SUPERVISOR_DEFAULTS;
	kick_child_spec a, b;

	begin();
	a = spec_of("a");
#define REFUSED(change)                              \
	do {                                         \
		b = spec_of("b");                    \
		change;                              \
		check_refused(__LINE__, &o, &a, &b); \
	} while (0)
	REFUSED(b.id = NULL);
	REFUSED(b.start = NULL);
	REFUSED(b.restart = (kick_restart)9);
	REFUSED(b.shutdown_ms = -3);
	REFUSED(b.id = "a");
	REFUSED(b.significant = true; b.restart = KICK_TRANSIENT);
	o.auto_shutdown = KICK_ANY_SIGNIFICANT;
	REFUSED(b.significant = true);
#undef REFUSED
	EXPECT_SILENCE();
}

/* --- ends and restarts --------------------------------------------------------------
 */

NODE_TEST(lib_sup, rt_01_the_table)
{
	static const struct {
		const char *how, *reason;
		bool well;
	} ends[] = {
		{ "return", "normal", true },
		{ "status 0", "normal", true },
		{ "raise normal", "normal", true },
		{ "raise shutdown", "shutdown", true },
		{ "raise shutdown:x", "shutdown:x", true },
		{ "raise kaboom", "kaboom", false },
		{ "raise kill", "kill", false },
		{ "status 3", "exit:3", false },
		{ "signal 11", "signal:SIGSEGV", false },
		{ "kill", "killed", false },
	};
	kick_pid sup;

	begin();
	sup = up("max=any", "a");
	TRACE("+a");
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		CHECK_INT(add(sup, "p", NULL, NULL), 0);
		CHECK_INT(add(sup, "t:transient", NULL, NULL), 0);
		CHECK_INT(add(sup, "m:temporary", NULL, NULL), 0);
		TRACE("+p +t +m");
		END("m", ends[i].how, ends[i].reason);
		CHILDREN(sup, "t p a");
		END("p", ends[i].how, ends[i].reason);
		TRACE("+p");
		END("t", ends[i].how, ends[i].reason);
		if (!ends[i].well)
			TRACE("+t");
		CHILDREN(sup, ends[i].well ? "t- p a" : "t p a");
		CHECK_INT(kick_supervisor_terminate_child(kick_to(sup), "p"), 0);
		CHECK_INT(kick_supervisor_terminate_child(kick_to(sup), "t"), 0);
		CHECK_INT(kick_supervisor_delete_child(kick_to(sup), "p"), 0);
		CHECK_INT(kick_supervisor_delete_child(kick_to(sup), "t"), 0);
		TRACE_NOW(ends[i].well ? "-p" : "-p -t");
	}
	CHILDREN(sup, "a");
}

static void end_with_goodbye(void *unused)
{
	(void)unused;
	say("bye");
}

static void await_active(kick_pid sup, int want)
{
	cJSON *c = NULL;
	int got;

	do {
		CHECK_INT(kick_supervisor_count_children(kick_to(sup), &c), 0);
		got = cJSON_GetObjectItem(c, "active")->valueint;
		cJSON_Delete(c);
	} while (got != want);
}

static int start_brief(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	(void)args;
	(void)why;
	(void)__atomic_add_fetch(&shared->child['q'].starts, 1, __ATOMIC_SEQ_CST);
	return kick_spawn_link(end_with_goodbye, NULL, ret);
}

/* It may be gone before the supervisor has even learned of it. */
NODE_TEST(lib_sup, rt_01_a_transient_child_that_ends_well_at_once)
{
	kick_child_spec q = { .start = start_brief, .restart = KICK_TRANSIENT };
	kick_pid sup;
	char ids[20][4];

	begin();
	sup = up("", "");
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		(void)snprintf(ids[i], sizeof ids[i], "%zu", i);
		q.id = ids[i];
		CHECK_INT(kick_supervisor_start_child(kick_to(sup), &q, NULL, NULL), 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		TRACE("bye");
	await_active(sup, 0);
	CHECK_INT(shared->child['q'].starts, ARRAY_LEN(ids));
}

NODE_TEST(lib_sup, str_01_one_for_one)
{
	kick_pid sup, a, b;

	begin();
	sup = up("", "a b c");
	TRACE("+a +b +c");
	a = pid_of("a");
	b = pid_of("b");
	END("b", "signal 6", "signal:SIGABRT");
	TRACE("+b");
	CHILDREN(sup, "c b a");
	CHECK_PID(pid_of("a"), a);
	CHECK(!kick_pid_equal(pid_of("b"), b));
	TRACE_NOW("");
}

NODE_TEST(lib_sup, str_02_one_for_all)
{
	kick_pid sup;

	begin();
	sup = up("one_for_all", "a b c:temporary d:after=e e");
	TRACE("+a +b +c +d +e");
	END("b", "raise kaboom", "kaboom");
	TRACE("-e -d -c -a +a +b +d +e");
	CHILDREN(sup, "e d c- b a");
	TRACE_NOW("");
}

NODE_TEST(lib_sup, str_03_rest_for_one)
{
	kick_pid sup;

	begin();
	sup = up("rest_for_one", "a b c:temporary d");
	TRACE("+a +b +c +d");
	END("b", "status 1", "exit:1");
	TRACE("-d -c +b +d");
	CHILDREN(sup, "d c- b a");
	TRACE_NOW("");
}

/* Those that ended or ignored by themselves; what was stopped by a command stays down,
 * which is kick's own rule. */
NODE_TEST(lib_sup, str_05_a_round_starts_those_that_are_down_too)
{
	kick_pid sup;

	begin();
	shared->child['i'].ignores = 1;
	sup = up("one_for_all", "a t:transient s i");
	TRACE("+a +t +s ~i");
	END("t", "return", "normal");
	CHECK_INT(kick_supervisor_terminate_child(kick_to(sup), "s"), 0);
	CHILDREN(sup, "i- s- t- a");
	TRACE("-s");
	END("a", "kill", "killed");
	TRACE("+a +t +i");
	CHILDREN(sup, "i s- t a");
	TRACE_NOW("");
}

/* Both are dead before the supervisor sees it of either. */
static void end_both_unseen(void)
{
	pid_t sup = shared->starter_os;

	CHECK_INT(kill(sup, SIGSTOP), 0);
	END("a", "kill", "killed");
	END("b", "kill", "killed");
	node_settle();
	CHECK_INT(kill(sup, SIGCONT), 0);
}

NODE_TEST(lib_sup, str_06_two_dead_at_once_count_one_in_one_for_all)
{
	kick_pid sup;

	begin();
	sup = up("one_for_all max=1", "a b c");
	TRACE("+a +b +c");
	end_both_unseen();
	TRACE("-c +a +b +c");
	CHILDREN(sup, "c b a");
	TRACE_NOW("");
}

NODE_TEST(lib_sup, str_06_two_dead_at_once_count_two_in_one_for_one)
{
	kick_pid sup;

	begin();
	sup = up("max=1", "a b c");
	TRACE("+a +b +c");
	end_both_unseen();
	EXPECT_EXIT(sup, "shutdown:max_restarts");
	TRACE_NOW("+a -c -a");
}

NODE_TEST(lib_sup, int_01_one_restart_too_many)
{
	kick_pid sup;

	begin();
	sup = up("max=2", "a b c");
	TRACE("+a +b +c");
	END("b", "kill", "killed");
	TRACE("+b");
	END("a", "return", "normal");
	TRACE("+a");
	END("b", "status 1", "exit:1");
	EXPECT_EXIT(sup, "shutdown:max_restarts");
	TRACE_NOW("-c -a");
	CHECK_INT(kick_alive(sup), 0);
}

NODE_TEST(lib_sup, int_01_none_at_all)
{
	kick_pid sup;

	begin();
	sup = up("max=0", "a t:transient m:temporary");
	TRACE("+a +t +m");
	END("m", "kill", "killed");
	END("t", "return", "normal");
	CHILDREN(sup, "m- t- a");
	END("a", "return", "normal");
	EXPECT_EXIT(sup, "shutdown:max_restarts");
	TRACE_NOW("");
}

NODE_TEST(lib_sup, int_01_any_number)
{
	kick_pid sup;

	begin();
	sup = up("max=any", "a");
	TRACE("+a");
	for (int i = 0; i < 100; i++) {
		END("a", "kill", "killed");
		TRACE("+a");
	}
	CHILDREN(sup, "a");
}

NODE_TEST(lib_sup, int_04_commands_do_not_count)
{
	kick_pid sup;

	begin();
	sup = up("max=1", "a");
	for (int i = 0; i < 3; i++) {
		CHECK_INT(kick_supervisor_terminate_child(kick_to(sup), "a"), 0);
		CHECK_INT(kick_supervisor_restart_child(kick_to(sup), "a", NULL, NULL),
			0);
		CHECK_INT(add(sup, "b:refuse", NULL, NULL), -ECANCELED);
	}
	TRACE_NOW("+a -a +a -a +a -a +a");
	END("a", "kill", "killed");
	TRACE("+a");
	CHILDREN(sup, "a");
}

NODE_TEST(lib_sup, int_07_08_giving_up_is_an_end_for_the_parent)
{
	kick_pid sup, inner;

	begin();
	nested.flags = "max=1";
	nested.children = "x y";
	sup = up("max=1", "n:sup b");
	TRACE("+x +y +n +b");
	inner = pid_of("n");
	CHECK_INT(add(inner, "z", NULL, NULL), 0);
	END("x", "kill", "killed");
	TRACE("+z +x");
	END("x", "kill", "killed");
	TRACE("-z -y +x +y +n");
	CHECK(!kick_pid_equal(pid_of("n"), inner));
	CHILDREN(pid_of("n"), "y x");
	CHILDREN(sup, "b n");
	COUNTS(sup, 2, 2, 1, 1);
	/* Its count begins anew, the parent's does not. */
	END("y", "kill", "killed");
	TRACE("+y");
	END("y", "kill", "killed");
	EXPECT_EXIT(sup, "shutdown:max_restarts");
	TRACE_NOW("-x -b");
}

NODE_TEST(lib_sup, int_07_a_transient_one_that_gave_up_stays_down)
{
	kick_pid sup;

	begin();
	nested.flags = "max=0";
	nested.children = "x y";
	sup = up("", "n:sup,transient b");
	TRACE("+x +y +n +b");
	END("x", "kill", "killed");
	TRACE("-y");
	CHILDREN(sup, "b n-");
	TRACE_NOW("");
}

/* --- restarts that fail -------------------------------------------------------------
 */

NODE_TEST(lib_sup, retry_02_each_try_counts)
{
	kick_pid sup;

	begin();
	sup = up("max=3", "a b");
	TRACE("+a +b");
	shared->child['b'].fails = 9;
	END("b", "kill", "killed");
	EXPECT_EXIT(sup, "shutdown:max_restarts");
	TRACE_NOW("!b !b !b -a");
}

NODE_TEST(lib_sup, retry_02_again_until_it_starts)
{
	kick_pid sup;

	begin();
	sup = up("max=4", "a b");
	TRACE("+a +b");
	shared->child['b'].fails = 1;
	shared->child['b'].deaths = 2;
	END("b", "kill", "killed");
	TRACE("!b !b !b +b");
	CHILDREN(sup, "b a");
}

NODE_TEST(lib_sup, retry_03_ignored_at_a_restart)
{
	kick_pid sup;

	begin();
	sup = up("max=1", "a b");
	TRACE("+a +b");
	shared->child['b'].ignores = 1;
	END("b", "kill", "killed");
	TRACE("~b");
	CHILDREN(sup, "b- a");
	TRACE_NOW("");
}

NODE_TEST(lib_sup, retry_04_one_for_all_begins_anew)
{
	kick_pid sup;

	begin();
	sup = up("one_for_all", "a b c d");
	TRACE("+a +b +c +d");
	shared->child['c'].fails = 1;
	END("a", "kill", "killed");
	TRACE("-d -c -b +a +b !c -b -a +a +b +c +d");
	CHILDREN(sup, "d c b a");
	TRACE_NOW("");
}

NODE_TEST(lib_sup, retry_05_rest_for_one_goes_on_from_the_one_that_failed)
{
	kick_pid sup;

	begin();
	sup = up("rest_for_one max=5", "a b c d");
	TRACE("+a +b +c +d");
	shared->child['c'].deaths = 2;
	END("a", "kill", "killed");
	TRACE("-d -c -b +a +b !c !c +c +d");
	CHILDREN(sup, "d c b a");
	TRACE_NOW("");
}

NODE_TEST(lib_sup, retry_06_07_requests_while_it_tries)
{
	kick_pid sup;
	kick_dest to;

	begin();
	sup = up("max=any", "a b");
	to = kick_to(sup);
	TRACE("+a +b");
	shared->child['b'].fails = 1000000;
	END("b", "kill", "killed");
	CHILDREN(sup, "b? a");
	COUNTS(sup, 2, 1, 0, 2);
	CHECK_INT(kick_supervisor_restart_child(to, "b", NULL, NULL), -EBUSY);
	CHECK_INT(kick_supervisor_delete_child(to, "b"), -EBUSY);
	CHECK_INT(add(sup, "b", NULL, NULL), -EALREADY);
	CHECK_INT(kick_supervisor_terminate_child(to, "b"), 0);
	CHILDREN(sup, "b- a");
	shared->child['b'].fails = 0;
	CHECK_INT(kick_supervisor_restart_child(to, "b", NULL, NULL), 0);
	CHILDREN(sup, "b a");
}

NODE_TEST(lib_sup, retry_08_a_stop_while_it_tries)
{
	kick_pid sup;

	begin();
	sup = up("max=any", "a b");
	TRACE("+a +b");
	shared->child['b'].fails = 1000000;
	END("b", "kill", "killed");
	CHILDREN(sup, "b? a");
	CHECK_INT(kick_supervisor_stop(kick_to(sup)), 0);
	CHECK_INT(kick_alive(sup), 0);
	CHECK_INT(kick_alive(pid_of("a")), 0);
}

/* --- names --------------------------------------------------------------------------
 */

NODE_TEST(lib_sup, start_06_a_name_is_the_new_ones_after_a_restart)
{
	kick_pid sup, old, new;

	begin();
	sup = up("max=any", "a:name=worker,plain");
	TRACE("+a");
	for (int i = 0; i < 20; i++) {
		old = pid_of("a");
		CHECK_INT(kick_whereis("worker", &new), 0);
		CHECK_PID(new, old);
		END("a", "kill", "killed");
		TRACE("+a");
		CHILDREN(sup, "a");
		CHECK_INT(kick_whereis("worker", &new), 0);
		CHECK_PID(new, pid_of("a"));
		CHECK(!kick_pid_equal(new, old));
	}
}

NODE_TEST(lib_sup, sup_09_a_nested_ones_name_after_a_restart)
{
	kick_pid sup, old, new;

	begin();
	nested.flags = "name=inner";
	nested.children = "x:name=deep";
	sup = up("", "n:sup");
	TRACE("+x +n");
	old = pid_of("n");
	END("n", "kill", "killed");
	/* What is left of the old one may hold the name a little longer. */
	CHILDREN(sup, "n");
	while (kick_whereis("inner", &new) < 0 || kick_pid_equal(new, old))
		node_settle();
	CHILDREN(new, "x");
	CHECK_INT(kick_whereis("deep", &new), 0);
	CHECK_PID(new, pid_of("x"));
}

NODE_TEST(lib_sup, start_09_a_childs_name_that_a_stranger_has)
{
	kick_reason why = { "" };
	kick_pid sup;

	begin();
	CHECK_INT(kick_register("mine"), 0);
	CHECK_INT(try_up("", "a b:name=mine", &sup, &why), -ECANCELED);
	CHECK_TEXT(why.text, "shutdown:failed_to_start:b");
	TRACE_NOW("+a -a");
}
