/* libkick: dynamic supervisors of real processes. The rules DYN of OTP, and what of the
 * others is different for them. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/suptest.h"

TestSuite(lib_dynsup, .timeout = 120);

static kick_pid must_add(kick_pid sup, const char *word)
{
	kick_reason why = { "" };
	kick_pid pid = NOBODY;
	int r = add(sup, word, &pid, &why);

	if (r != 0)
		FAIL("start_child of '%s': %d, %s", word, r, why.text);
	CHECK_INT(kick_alive(pid), 1);
	return pid;
}

/* So many, all of them running. */
static void check_count(const char *file, int line, kick_pid sup, int n)
{
	cJSON *all = NULL;
	const cJSON *one;

	CHECK_INT(kick_supervisor_which_children(kick_to(sup), &all), 0);
	node_check_int(file, line, "children", cJSON_GetArraySize(all), n);
	cJSON_ArrayForEach(one, all)
	{
		kick_pid pid = kick_pid_from_json(cJSON_GetObjectItem(one, "pid"));

		node_check_int(file, line, "a child is alive", kick_alive(pid), 1);
	}
	cJSON_Delete(all);
	suptest_counts(file, line, sup, n, n, 0, n);
}
#define COUNT(sup, n) check_count(__FILE__, __LINE__, (sup), (n))

/* Until it has that many children, of which active are running. */
static void await_count(kick_pid sup, int specs, int active)
{
	cJSON *c = NULL;
	int got, up;

	do {
		CHECK_INT(kick_supervisor_count_children(kick_to(sup), &c), 0);
		got = cJSON_GetObjectItem(c, "specs")->valueint;
		up = cJSON_GetObjectItem(c, "active")->valueint;
		cJSON_Delete(c);
	} while (got != specs || up != active);
}

static bool is_listed(kick_pid sup, kick_pid pid)
{
	cJSON *all = NULL;
	const cJSON *one;
	bool found = false;

	CHECK_INT(kick_supervisor_which_children(kick_to(sup), &all), 0);
	cJSON_ArrayForEach(one, all) found |= kick_pid_equal(
		kick_pid_from_json(cJSON_GetObjectItem(one, "pid")), pid);
	cJSON_Delete(all);
	return found;
}

/* --- the start ----------------------------------------------------------------------
 */

NODE_TEST(lib_dynsup, dyn_01_the_options)
{
	kick_pid sup;

	begin();
	CHECK_INT(try_dyn("one_for_all", &sup, NULL), -EINVAL);
	CHECK_INT(try_dyn("rest_for_one", &sup, NULL), -EINVAL);
	CHECK_INT(try_dyn("any", &sup, NULL), -EINVAL);
	CHECK_INT(try_dyn("all", &sup, NULL), -EINVAL);
	EXPECT_SILENCE();
	CHECK_INT(kick_dynamic_supervisor_start_link(NULL, &sup, NULL), 0);
	COUNT(sup, 0);
	CHECK_INT(kick_supervisor_stop(kick_to(sup)), 0);
	EXPECT_EXIT(sup, "normal");
}

NODE_TEST(lib_dynsup, start_09_a_name_that_is_taken)
{
	kick_pid sup, other = NOBODY;

	begin();
	sup = dyn_up("name=jobs");
	CHECK_INT(try_dyn("name=jobs", &other, NULL), -EEXIST);
	CHECK_PID(other, sup);
	CHECK_INT(kick_supervisor_stop(kick_to_name("jobs")), 0);
	sup = dyn_up("name=jobs");
	CHECK_INT(kick_whereis("jobs", &other), 0);
	CHECK_PID(other, sup);
}

NODE_TEST(lib_dynsup, dyn_02_ids_are_of_no_interest)
{
	kick_child_spec s;
	kick_pid sup, pid;

	begin();
	sup = dyn_up("");
	(void)must_add(sup, "a");
	(void)must_add(sup, "a");
	s = spec_of("a");
	s.id = NULL;
	CHECK_INT(kick_supervisor_start_child(kick_to(sup), &s, &pid, NULL), 0);
	CHECK_PID(shared->starter, sup);
	CHECK(is_listed(sup, pid));
	COUNT(sup, 3);
	TRACE_NOW("+a +a +a");
}

NODE_TEST(lib_dynsup, dyn_03_max_children)
{
	kick_pid sup, pid, a;

	begin();
	sup = dyn_up("children=2 max=any");
	a = must_add(sup, "a:transient");
	(void)must_add(sup, "b");
	CHECK_INT(add(sup, "c", &pid, NULL), -ENOSPC);
	CHECK_INT(shared->child['c'].starts, 0);
	CHECK_INT(kick_dynamic_supervisor_terminate_child(kick_to(sup), a), 0);
	a = must_add(sup, "a:transient");
	CHECK_INT(add(sup, "c", &pid, NULL), -ENOSPC);
	END("a", "return", "normal");
	await_count(sup, 1, 1);
	/* One that is being restarted counts. */
	(void)must_add(sup, "d");
	TRACE_NOW("+a +b -a +a +d");
	shared->child['d'].fails = 1000000;
	END("d", "kill", "killed");
	await_count(sup, 2, 1);
	CHECK_INT(add(sup, "c", &pid, NULL), -ENOSPC);
	shared->child['d'].fails = 0;
	await_count(sup, 2, 2);
}

NODE_TEST(lib_dynsup, dyn_05_what_start_child_returns)
{
	kick_reason why = { "" };
	kick_pid sup, pid;

	begin();
	sup = dyn_up("max=0");
	shared->child['a'].ignores = 1;
	CHECK_INT(add(sup, "a", &pid, &why), KICK_IGNORE);
	shared->child['a'].fails = 1;
	CHECK_INT(add(sup, "a", &pid, &why), -ECANCELED);
	CHECK_TEXT(why.text, "nope");
	shared->child['a'].deaths = 1;
	CHECK_INT(add(sup, "a", &pid, &why), -ECANCELED);
	CHECK_TEXT(why.text, "exit:3");
	CHECK_INT(add(sup, "a:refuse", &pid, &why), -ECANCELED);
	CHECK_TEXT(why.text, "no_way");
	COUNT(sup, 0);
	(void)must_add(sup, "a");
	COUNT(sup, 1);
	TRACE_NOW("~a !a !a +a");
}

NODE_TEST(lib_dynsup, dyn_05_a_start_function_that_returns_junk)
{
	kick_pid sup, pid;

	begin();
	sup = dyn_up("");
	CHECK_INT(add(sup, "a:junk", &pid, NULL), -ECANCELED);
	COUNT(sup, 0);
}

NODE_TEST(lib_dynsup, dyn_06_a_wrong_specification_is_the_callers_affair)
{
	kick_dest nobody = kick_to_name("nobody");
	kick_child_spec s;
	kick_pid pid;

	begin();
	s = spec_of("a");
	s.start = NULL;
	CHECK_INT(kick_supervisor_start_child(nobody, &s, &pid, NULL), -EINVAL);
	s = spec_of("a");
	s.shutdown_ms = -3;
	CHECK_INT(kick_supervisor_start_child(nobody, &s, &pid, NULL), -EINVAL);
	s = spec_of("a");
	CHECK_INT(kick_supervisor_start_child(nobody, &s, &pid, NULL), -ESRCH);
}

NODE_TEST(lib_dynsup, dyn_06_a_restart_type_that_there_is_not)
{
	kick_child_spec s;
	kick_pid sup, pid;

	begin();
	sup = dyn_up("");
	s = spec_of("a");
	s.restart = (kick_restart)9;
	CHECK_INT(kick_supervisor_start_child(kick_to(sup), &s, &pid, NULL), -EINVAL);
	COUNT(sup, 0);
}

static void add_two(void *sup)
{
	(void)must_add(*(kick_pid *)sup, "a");
	(void)must_add(*(kick_pid *)sup, "b:name=bee");
}

NODE_TEST(lib_dynsup, api_02_children_outlive_who_asked_for_them)
{
	kick_pid sup, pid;

	begin();
	sup = dyn_up("");
	elsewhere(add_two, &sup);
	node_settle();
	COUNT(sup, 2);
	END("b", "signal 9", "killed");
	TRACE("+a +b +b");
	CHECK_INT(kick_whereis("bee", &pid), 0);
	CHECK_PID(pid, pid_of("b"));
}

enum {
	ASKERS = 6,
	EACH = 8
};

static void add_many(void *sup)
{
	kick_pid pids[EACH];

	for (int i = 0; i < EACH; i++)
		pids[i] = must_add(*(kick_pid *)sup, "a:plain");
	for (int i = 0; i < EACH; i++)
		for (int k = 0; k < i; k++)
			CHECK(!kick_pid_equal(pids[i], pids[k]));
	CHECK_INT(kick_dynamic_supervisor_terminate_child(
			  kick_to(*(kick_pid *)sup), pids[0]),
		0);
	CHECK_INT(kick_alive(pids[0]), 0);
}

NODE_TEST(lib_dynsup, api_02_many_ask_at_once)
{
	kick_pid sup, askers[ASKERS];
	kick_ref refs[ASKERS];

	begin();
	sup = dyn_up("");
	for (int i = 0; i < ASKERS; i++)
		CHECK_INT(kick_spawn_monitor(add_many, &sup, &askers[i], &refs[i]), 0);
	for (int i = 0; i < ASKERS; i++)
		EXPECT_DOWN(refs[i], askers[i], "normal");
	COUNT(sup, ASKERS * (EACH - 1));
	CHECK_INT(kick_supervisor_stop(kick_to(sup)), 0);
	CHECK_INT(shared->child['a'].starts, ASKERS * EACH);
}

/* --- ends and restarts --------------------------------------------------------------
 */

NODE_TEST(lib_dynsup, rt_04_who_is_restarted_and_who_is_forgotten)
{
	static const struct {
		const char *how, *reason;
		bool well;
	} ends[] = {
		{ "return", "normal", true },
		{ "raise shutdown", "shutdown", true },
		{ "raise shutdown:x", "shutdown:x", true },
		{ "raise kaboom", "kaboom", false },
		{ "status 3", "exit:3", false },
		{ "signal 11", "signal:SIGSEGV", false },
		{ "kill", "killed", false },
	};
	kick_pid sup, p;

	begin();
	sup = dyn_up("max=any");
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		bool well = ends[i].well;

		p = must_add(sup, "p");
		(void)must_add(sup, "t:transient");
		(void)must_add(sup, "m:temporary");
		TRACE("+p +t +m");
		END("m", ends[i].how, ends[i].reason);
		await_count(sup, 2, 2);
		END("p", ends[i].how, ends[i].reason);
		TRACE("+p");
		await_count(sup, 2, 2);
		CHECK(is_listed(sup, pid_of("p")));
		CHECK(!is_listed(sup, p));
		END("t", ends[i].how, ends[i].reason);
		if (!well)
			TRACE("+t");
		await_count(sup, well ? 1 : 2, well ? 1 : 2);
		CHECK_INT(kick_dynamic_supervisor_terminate_child(
				  kick_to(sup), pid_of("p")),
			0);
		CHECK_INT(kick_dynamic_supervisor_terminate_child(
				  kick_to(sup), pid_of("t")),
			well ? -ESRCH : 0);
		TRACE_NOW(well ? "-p" : "-p -t");
		COUNT(sup, 0);
	}
}

NODE_TEST(lib_dynsup, int_06_it_gives_up)
{
	kick_pid sup;
	kick_ref b;

	begin();
	sup = dyn_up("max=1");
	(void)must_add(sup, "a");
	(void)must_add(sup, "b:plain");
	CHECK_INT(kick_monitor(pid_of("b"), &b), 0);
	END("a", "kill", "killed");
	TRACE("+a +b +a");
	END("a", "return", "normal");
	EXPECT_DOWN(b, pid_of("b"), "shutdown");
	EXPECT_EXIT(sup, "shutdown:max_restarts");
	TRACE_NOW("");
}

NODE_TEST(lib_dynsup, dyn_10_a_restart_that_fails_or_is_ignored)
{
	kick_pid sup;

	begin();
	sup = dyn_up("max=4");
	(void)must_add(sup, "a");
	(void)must_add(sup, "b");
	shared->child['a'].fails = 2;
	END("a", "kill", "killed");
	TRACE("+a +b !a !a +a");
	await_count(sup, 2, 2);
	shared->child['b'].ignores = 1;
	END("b", "kill", "killed");
	TRACE("~b");
	await_count(sup, 1, 1);
	shared->child['a'].deaths = 9;
	END("a", "kill", "killed");
	EXPECT_EXIT(sup, "shutdown:max_restarts");
	TRACE_NOW("");
}

/* --- stopping -----------------------------------------------------------------------
 */

NODE_TEST(lib_dynsup, dyn_07_terminate_child)
{
	kick_pid sup, a, b, stranger;
	kick_dest to;
	kick_ref ra, rb;

	begin();
	sup = dyn_up("max=any");
	to = kick_to(sup);
	a = must_add(sup, "a");
	b = must_add(sup, "b:brutal");
	CHECK_INT(kick_monitor(a, &ra), 0);
	CHECK_INT(kick_monitor(b, &rb), 0);
	CHECK_INT(kick_dynamic_supervisor_terminate_child(to, a), 0);
	CHECK_INT(kick_alive(a), 0);
	EXPECT_DOWN(ra, a, "shutdown");
	CHECK_INT(kick_dynamic_supervisor_terminate_child(to, a), -ESRCH);
	CHECK_INT(kick_dynamic_supervisor_terminate_child(to, b), 0);
	EXPECT_DOWN(rb, b, "killed");
	CHECK_INT(kick_spawn(idle_receiving, NULL, &stranger), 0);
	CHECK_INT(kick_dynamic_supervisor_terminate_child(to, stranger), -ESRCH);
	CHECK_INT(kick_dynamic_supervisor_terminate_child(to, NOBODY), -ESRCH);
	CHECK_INT(kick_alive(stranger), 1);
	COUNT(sup, 0);
	TRACE_NOW("+a +b -a");
}

NODE_TEST(lib_dynsup, dyn_07_the_old_pid_of_a_restarting_child)
{
	kick_pid sup, old;

	begin();
	sup = dyn_up("max=any");
	old = must_add(sup, "a");
	shared->child['a'].fails = 1000000;
	END("a", "kill", "killed");
	await_count(sup, 1, 0);
	CHECK_INT(kick_dynamic_supervisor_terminate_child(kick_to(sup), old), 0);
	COUNT(sup, 0);
	CHECK_INT(kick_dynamic_supervisor_terminate_child(kick_to(sup), old), -ESRCH);
}

NODE_TEST(lib_dynsup, dyn_08_requests_for_the_other_kind)
{
	kick_pid sup, fixed;

	begin();
	sup = dyn_up("");
	(void)must_add(sup, "a");
	CHECK(kick_supervisor_restart_child(kick_to(sup), "a", NULL, NULL) < 0);
	CHECK(kick_supervisor_delete_child(kick_to(sup), "a") < 0);
	CHECK(kick_supervisor_terminate_child(kick_to(sup), "a") < 0);
	COUNT(sup, 1);
	fixed = up("", "b");
	CHECK_INT(kick_dynamic_supervisor_terminate_child(kick_to(fixed), pid_of("b")),
		-ESRCH);
	CHILDREN(fixed, "b");
	TRACE_NOW("+a +b");
}

/* No child's terminate returns before those of all have begun. */
static void stop_sup(void *sup)
{
	CHECK_INT(kick_supervisor_stop(kick_to(*(kick_pid *)sup)), 0);
}

NODE_TEST(lib_dynsup, dyn_09_all_are_stopped_at_once)
{
	kick_pid sup, stopper;
	kick_ref refs[3], stopped;

	begin();
	sup = dyn_up("");
	(void)must_add(sup, "a:gate,infinity");
	(void)must_add(sup, "b:gate,infinity");
	(void)must_add(sup, "c:gate,infinity");
	for (int i = 0; i < 3; i++)
		CHECK_INT(kick_monitor(pid_of(&"a\0b\0c"[i * 2]), &refs[i]), 0);
	CHECK_INT(kick_spawn_monitor(stop_sup, &sup, &stopper, &stopped), 0);
	TRACE("+a +b +c");
	TRACE_SORTED("-a -b -c");
	open_gate(3);
	for (int i = 0; i < 3; i++)
		EXPECT_DOWN(refs[i], pid_of(&"a\0b\0c"[i * 2]), "shutdown");
	EXPECT_DOWN(stopped, stopper, "normal");
	EXPECT_EXIT(sup, "normal");
}

NODE_TEST(lib_dynsup, shut_05_each_in_its_own_way)
{
	static const struct {
		const char *word, *reason;
	} rows[] = {
		{ "a", "shutdown" },
		{ "b:brutal", "killed" },
		{ "c:ms=50,stubborn", "killed" },
		{ "d:ms=80,raw", "killed" },
		{ "e:plain", "shutdown" },
		{ "f:infinity,temporary", "shutdown" },
	};
	kick_ref refs[ARRAY_LEN(rows)];
	kick_pid sup;

	begin();
	sup = dyn_up("");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK_INT(kick_monitor(must_add(sup, rows[i].word), &refs[i]), 0);
	TRACE_SORTED("+a +b +c +d +e +f");
	CHECK_INT(kick_supervisor_stop(kick_to(sup)), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CHECK_INT(kick_alive(pid_of(rows[i].word)), 0);
		EXPECT_DOWN(refs[i], pid_of(rows[i].word), rows[i].reason);
	}
	TRACE_SORTED("-a -c -f =d");
	TRACE_NOW("");
	EXPECT_EXIT(sup, "normal");
}

NODE_TEST(lib_dynsup, sup_09_kill_takes_the_linked_children_along)
{
	kick_ref a, b;
	kick_pid sup;

	begin();
	sup = dyn_up("");
	CHECK_INT(kick_monitor(must_add(sup, "a:plain"), &a), 0);
	CHECK_INT(kick_monitor(must_add(sup, "b"), &b), 0);
	TRACE("+a +b");
	CHECK_INT(kill(shared->starter_os, SIGKILL), 0);
	EXPECT_EXIT(sup, "killed");
	EXPECT_DOWN(a, pid_of("a"), "killed");
	EXPECT_DOWN(b, pid_of("b"), "killed");
	TRACE_NOW("-b(killed)");
}

/* --- within a tree ------------------------------------------------------------------
 */

NODE_TEST(lib_dynsup, int_08_a_nested_one_begins_anew_without_children)
{
	kick_pid sup, dyn, pid;

	begin();
	nested.flags = "max=0 name=jobs";
	sup = up("", "d:dyn b");
	dyn = pid_of("d");
	(void)must_add(dyn, "x");
	(void)must_add(dyn, "y:temporary");
	COUNT(dyn, 2);
	TRACE("+d +b +x +y");
	END("x", "kill", "killed");
	TRACE("-y +d");
	CHILDREN(sup, "b d");
	COUNTS(sup, 2, 2, 1, 1);
	CHECK(!kick_pid_equal(pid_of("d"), dyn));
	CHECK_INT(kick_whereis("jobs", &pid), 0);
	CHECK_PID(pid, pid_of("d"));
	COUNT(pid, 0);
	(void)must_add(pid, "z");
	CHECK_INT(kick_supervisor_stop(kick_to(sup)), 0);
	TRACE_NOW("+z -b -z");
}

NODE_TEST(lib_dynsup, api_08_supervisors_as_children)
{
	kick_pid sup, inner;
	kick_ref ref;

	begin();
	nested.flags = "";
	nested.children = "x y";
	sup = dyn_up("");
	inner = must_add(sup, "n:sup,temporary");
	(void)must_add(sup, "a");
	COUNTS(sup, 2, 2, 1, 1);
	CHILDREN(inner, "y x");
	CHECK_INT(kick_monitor(inner, &ref), 0);
	CHECK_INT(kick_dynamic_supervisor_terminate_child(kick_to(sup), inner), 0);
	EXPECT_DOWN(ref, inner, "shutdown");
	TRACE_NOW("+x +y +n +a -y -x");
	COUNTS(sup, 1, 1, 0, 1);
}

NODE_TEST(lib_dynsup, count_children_of_many)
{
	enum {
		MANY = 150
	};
	kick_pid sup, pids[MANY];

	begin();
	sup = dyn_up("max=any");
	for (int i = 0; i < MANY; i++)
		pids[i] = must_add(sup, "a:plain,temporary");
	COUNT(sup, MANY);
	for (int i = 0; i < MANY; i += 3)
		CHECK_INT(kick_exit(pids[i], "kill"), 0);
	await_count(sup, MANY - MANY / 3, MANY - MANY / 3);
	CHECK_INT(kick_supervisor_stop(kick_to(sup)), 0);
	for (int i = 0; i < MANY; i++)
		CHECK_INT(kick_alive(pids[i]), 0);
}
