/* libkick: supervisors of real processes: how they stop, by themselves or not, and what
 * may be asked of them. The rules SUP, SHUT, AUTO and API of OTP. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/suptest.h"

TestSuite(lib_supstop, .timeout = 120);

/* --- the supervisor as a process ----------------------------------------------------
 */

static kick_pid *theirs; /* the supervisor of another process */

static void start_theirs(void *unused)
{
	(void)unused;
	*theirs = up("", "a b c");
}

/* A supervisor whose parent is another process. */
static kick_pid up_elsewhere(kick_pid *ret_parent)
{
	begin();
	theirs = &shared->child[1].pid;
	*ret_parent = parent(start_theirs);
	TRACE("+a +b +c ready");
	return *theirs;
}

NODE_TEST(lib_supstop, sup_03_the_parents_end_ends_it_whatever_the_reason)
{
	static const char *const reasons[] = { "normal", "shutdown", "shutdown:x",
		"boom" };
	kick_pid sup, its_parent;
	kick_ref ref;
	char line[40];

	for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
		sup = up_elsewhere(&its_parent);
		CHECK_INT(kick_monitor(sup, &ref), 0);
		(void)snprintf(line, sizeof line, "raise %s", reasons[i]);
		order(its_parent, line);
		EXPECT_DOWN(ref, sup, reasons[i]);
		TRACE_NOW("-c -b -a");
		CHECK_INT(kick_alive(pid_of("a")), 0);
	}
}

NODE_TEST(lib_supstop, sup_03_the_parents_exit_signal)
{
	kick_pid sup;

	begin();
	sup = up("", "a b");
	CHECK_INT(kick_exit(sup, "boom"), 0);
	EXPECT_EXIT(sup, "boom");
	TRACE_NOW("+a +b -b -a");
}

NODE_TEST(lib_supstop, sup_04_a_strangers_exit_signal)
{
	kick_pid sup, its_parent;
	kick_ref ref;

	sup = up_elsewhere(&its_parent);
	CHECK_INT(kick_exit(sup, "shutdown"), 0);
	CHECK_INT(kick_exit(sup, "boom"), 0);
	CHECK_INT(kick_exit(sup, "normal"), 0);
	node_settle();
	CHILDREN(sup, "c b a");
	TRACE_NOW("");
	CHECK_INT(kick_monitor(sup, &ref), 0);
	CHECK_INT(kick_exit(sup, "kill"), 0);
	EXPECT_DOWN(ref, sup, "killed");
}

NODE_TEST(lib_supstop, sup_04_a_linked_strangers_end)
{
	kick_pid sup, stranger = NOBODY;

	begin();
	sup = up("", "a");
	stranger = puppet();
	CHECK_INT(puppet_do(stranger, "link", sup, NULL), 0);
	PUPPET_ENDS(stranger, "raise", "boom", "boom");
	node_settle();
	CHILDREN(sup, "a");
	TRACE_NOW("+a");
}

NODE_TEST(lib_supstop, sup_05_messages_that_it_does_not_know)
{
	cJSON *value = cJSON_CreateString("what"), *answer = NULL;
	kick_pid sup;

	begin();
	sup = up("", "a");
	for (int i = 0; i < 50; i++) {
		CHECK_INT(kick_send(kick_to(sup), value), 0);
		CHECK_INT(kick_cast(kick_to(sup), value), 0);
		(void)kick_call(
			kick_to(sup), value, NODE_PATIENCE_MS / 60, &answer, NULL);
		cJSON_Delete(answer);
		answer = NULL;
	}
	cJSON_Delete(value);
	value = cJSON_Parse("{\"start_child\": [], \"terminate_child\": {\"id\": 7}, "
			    "\"request\": 3, \"method\": null, \"op\": \"delete\"}");
	CHECK_INT(kick_cast(kick_to(sup), value), 0);
	CHECK_INT(kick_send(kick_to(sup), value), 0);
	CHILDREN(sup, "a");
	TRACE_NOW("+a");
}

NODE_TEST(lib_supstop, sup_06_stop_returns_when_all_is_over)
{
	kick_pid sup;

	begin();
	sup = up("name=top", "a b");
	CHECK_INT(kick_supervisor_stop(kick_to_name("top")), 0);
	TRACE_NOW("+a +b -b -a");
	CHECK_INT(kick_alive(sup), 0);
	CHECK_INT(kick_alive(pid_of("a")), 0);
	CHECK_INT(kick_alive(pid_of("b")), 0);
	EXPECT_EXIT(sup, "normal");
	CHECK_INT(kick_supervisor_stop(kick_to_name("top")), -ESRCH);
	CHECK_INT(kick_supervisor_stop(kick_to(sup)), -ESRCH);
}

static void stop_it(void *sup)
{
	CHECK_INT(kick_supervisor_stop(kick_to(*(kick_pid *)sup)), 0);
}

NODE_TEST(lib_supstop, sup_06_stopped_by_another_process)
{
	kick_pid sup;

	begin();
	sup = up("", "a b");
	elsewhere(stop_it, &sup);
	TRACE_NOW("+a +b -b -a");
	CHECK_INT(kick_alive(sup), 0);
	EXPECT_EXIT(sup, "normal");
}

/* --- killed -------------------------------------------------------------------------
 */

NODE_TEST(lib_supstop, sup_09_kill_takes_the_linked_children_along)
{
	kick_pid sup;
	kick_ref a, b;

	begin();
	sup = up("", "a:plain b");
	TRACE("+a +b");
	CHECK_INT(kick_monitor(pid_of("a"), &a), 0);
	CHECK_INT(kick_monitor(pid_of("b"), &b), 0);
	CHECK_INT(kill(shared->starter_os, SIGKILL), 0);
	EXPECT_EXIT(sup, "killed");
	EXPECT_DOWN(a, pid_of("a"), "killed");
	EXPECT_DOWN(b, pid_of("b"), "killed");
	TRACE_NOW("-b(killed)");
}

NODE_TEST(lib_supstop, sup_09_a_killed_nested_one_is_started_anew)
{
	kick_pid sup, inner, x, y;
	kick_ref rx, ry;

	begin();
	nested.flags = "";
	nested.children = "x y:plain";
	sup = up("", "a n:sup b");
	TRACE("+a +x +y +n +b");
	inner = pid_of("n");
	x = pid_of("x");
	y = pid_of("y");
	CHECK_INT(kick_monitor(x, &rx), 0);
	CHECK_INT(kick_monitor(y, &ry), 0);
	END("n", "kill", "killed");
	EXPECT_DOWN(rx, x, "killed");
	EXPECT_DOWN(ry, y, "killed");
	while (kick_pid_equal(pid_of("n"), inner))
		CHILDREN(sup, "b n a");
	CHILDREN(pid_of("n"), "y x");
	CHECK(!kick_pid_equal(pid_of("x"), x));
	CHECK(!kick_pid_equal(pid_of("y"), y));
	TRACE_SORTED("+n +x +y -x(killed)");
	TRACE_NOW("");
}

NODE_TEST(lib_supstop, sup_09_below_a_killed_one_others_stop_in_order)
{
	kick_pid sup, inner;
	kick_ref ref;

	begin();
	nested.flags = "";
	nested.children = "x y";
	sup = up("", "n:sup");
	TRACE("+x +y +n");
	inner = pid_of("n");
	CHECK_INT(kick_monitor(inner, &ref), 0);
	CHECK_INT(kick_exit(sup, "kill"), 0);
	EXPECT_EXIT(sup, "killed");
	EXPECT_DOWN(ref, inner, "killed");
	TRACE_NOW("-y -x");
}

/* --- stopping children --------------------------------------------------------------
 */

static void expect_stop(kick_pid sup, const char *letter, const char *reason)
{
	kick_pid child = pid_of(letter);
	kick_ref ref;

	CHECK_INT(kick_monitor(child, &ref), 0);
	CHECK_INT(kick_supervisor_terminate_child(kick_to(sup), letter), 0);
	CHECK_INT(kick_alive(child), 0);
	EXPECT_DOWN(ref, child, reason);
}

NODE_TEST(lib_supstop, shut_01_02_how_each_child_is_stopped)
{
	kick_pid sup;

	begin();
	sup = up("",
		"a b:brutal c:ms=50,stubborn d:ms=50,raw e:plain f:plain,brutal "
		"g:infinity h:ms=1,plain");
	/* A raw one is there when it says so, not when its start has returned. */
	TRACE_SORTED("+a +b +c +d +e +f +g +h");
	expect_stop(sup, "a", "shutdown");
	expect_stop(sup, "b", "killed");
	expect_stop(sup, "c", "killed");
	expect_stop(sup, "d", "killed");
	expect_stop(sup, "e", "shutdown");
	expect_stop(sup, "f", "killed");
	expect_stop(sup, "g", "shutdown");
	TRACE_NOW("-a -c =d -g");
	CHILDREN(sup, "h g- f- e- d- c- b- a-");
}

NODE_TEST(lib_supstop, shut_02_a_stopped_process)
{
	kick_pid sup;

	begin();
	sup = up("", "a:ms=50");
	TRACE("+a");
	CHECK_INT(kill(shared->os['a'], SIGSTOP), 0);
	expect_stop(sup, "a", "killed");
	TRACE_NOW("");
}

NODE_TEST(lib_supstop, shut_03_infinity_waits)
{
	kick_pid sup, stopper;
	kick_ref ref, stopped;

	begin();
	sup = up("", "a:infinity,gate b");
	TRACE("+a +b");
	CHECK_INT(kick_monitor(pid_of("a"), &ref), 0);
	CHECK_INT(kick_spawn_monitor(stop_it, &sup, &stopper, &stopped), 0);
	TRACE("-b -a");
	node_settle();
	CHECK_INT(kick_alive(pid_of("a")), 1);
	CHECK_INT(kick_alive(sup), 1);
	open_gate(1);
	EXPECT_DOWN(ref, pid_of("a"), "shutdown");
	EXPECT_DOWN(stopped, stopper, "normal");
	EXPECT_EXIT(sup, "normal");
}

/* Each is dead before the next one is told. */
NODE_TEST(lib_supstop, shut_04_one_after_the_other_in_reverse)
{
	kick_pid sup;

	begin();
	nested.flags = "";
	nested.children = "x:after=y y";
	sup = up("", "a:after=n n:sup b:after=c c:ms=50,stubborn,after=d d:plain");
	TRACE("+a +x +y +n +b +c +d");
	CHECK_INT(kick_supervisor_stop(kick_to(sup)), 0);
	TRACE_NOW("-c -b -y -x -a");
}

NODE_TEST(lib_supstop, shut_06_a_child_that_unlinked_itself)
{
	kick_pid sup;

	begin();
	sup = up("", "a b");
	order(pid_of("a"), "unlink");
	order(pid_of("b"), "unlink");
	TRACE("+a +b unlinked unlinked");
	expect_stop(sup, "a", "shutdown");
	CHECK_INT(kick_supervisor_stop(kick_to(sup)), 0);
	CHECK_INT(kick_alive(pid_of("b")), 0);
	TRACE_NOW("-a -b");
}

/* Every direct child's end is noticed, which is kick's own rule. */
NODE_TEST(lib_supstop, shut_06_the_end_of_a_child_that_unlinked_itself)
{
	kick_pid sup;

	begin();
	sup = up("", "a");
	order(pid_of("a"), "unlink");
	TRACE("+a unlinked");
	END("a", "kill", "killed");
	TRACE("+a");
	CHILDREN(sup, "a");
}

NODE_TEST(lib_supstop, shut_10_a_sibling_that_ends_during_a_stop)
{
	kick_pid sup, stopper;
	kick_ref ref;

	begin();
	sup = up("", "a b:gate,infinity");
	TRACE("+a +b");
	CHECK_INT(kick_spawn_monitor(stop_it, &sup, &stopper, &ref), 0);
	TRACE("-b");
	END("a", "kill", "killed");
	open_gate(1);
	EXPECT_DOWN(ref, stopper, "normal");
	EXPECT_EXIT(sup, "normal");
	TRACE_NOW("");
}

/* --- auto_shutdown ------------------------------------------------------------------
 */

NODE_TEST(lib_supstop, auto_01_02_any_significant)
{
	kick_pid sup;

	begin();
	sup = up(
		"any", "a s:transient,significant t:temporary,significant b:temporary");
	TRACE("+a +s +t +b");
	END("b", "return", "normal");
	END("s", "kill", "killed");
	TRACE("+s");
	END("s", "raise shutdown:done", "shutdown:done");
	EXPECT_EXIT(sup, "shutdown:auto");
	TRACE_NOW("-t -a");
}

NODE_TEST(lib_supstop, auto_03_04_all_significant)
{
	kick_pid sup;

	begin();
	sup = up("all",
		"a s:transient,significant t:temporary,significant "
		"u:temporary,significant");
	TRACE("+a +s +t +u");
	END("s", "return", "normal");
	END("t", "status 3", "exit:3");
	CHILDREN(sup, "u t- s- a");
	CHECK_INT(kick_supervisor_terminate_child(kick_to(sup), "u"), 0);
	CHECK_INT(kick_supervisor_restart_child(kick_to(sup), "s", NULL, NULL), 0);
	CHILDREN(sup, "u- t- s a");
	TRACE_NOW("-u +s");
	END("s", "return", "normal");
	EXPECT_EXIT(sup, "shutdown:auto");
	TRACE_NOW("-a");
}

NODE_TEST(lib_supstop, auto_05_stopped_for_a_sibling)
{
	kick_pid sup;

	begin();
	sup = up(
		"any one_for_all", "a s:transient,significant t:temporary,significant");
	TRACE("+a +s +t");
	END("a", "kill", "killed");
	TRACE("-t -s +a +s");
	CHILDREN(sup, "t- s a");
	TRACE_NOW("");
}

NODE_TEST(lib_supstop, auto_07_goes_up)
{
	kick_pid sup;

	begin();
	nested.flags = "any";
	nested.children = "x y:temporary,significant";
	sup = up("any", "a n:sup,transient,significant b");
	TRACE("+a +x +y +n +b");
	END("y", "kill", "killed");
	EXPECT_EXIT(sup, "shutdown:auto");
	TRACE_NOW("-x -b -a");
}

/* --- requests -----------------------------------------------------------------------
 */

NODE_TEST(lib_supstop, api_01_start_child)
{
	kick_pid sup, pid = NOBODY, other = NOBODY;
	kick_reason why = { "" };

	begin();
	sup = up("", "a");
	CHECK_INT(add(sup, "b", &pid, &why), 0);
	CHECK_PID(pid, pid_of("b"));
	CHECK_PID(shared->starter, sup);
	CHILDREN(sup, "b a");
	CHECK_INT(add(sup, "b", &other, &why), -EEXIST);
	CHECK_PID(other, pid);
	CHECK_INT(kick_supervisor_terminate_child(kick_to(sup), "b"), 0);
	CHECK_INT(add(sup, "b", &other, &why), -EALREADY);
	TRACE_NOW("+a +b -b");
	shared->child['c'].fails = 1;
	CHECK_INT(add(sup, "c", &other, &why), -ECANCELED);
	CHECK_TEXT(why.text, "nope");
	shared->child['c'].deaths = 1;
	CHECK_INT(add(sup, "c", &other, &why), -ECANCELED);
	CHECK_TEXT(why.text, "exit:3");
	CHECK_INT(add(sup, "c:refuse", &other, &why), -ECANCELED);
	CHECK_TEXT(why.text, "no_way");
	CHILDREN(sup, "b- a");
	shared->child['c'].ignores = shared->child['d'].ignores = 1;
	CHECK_INT(add(sup, "c", &other, &why), KICK_IGNORE);
	CHECK_INT(add(sup, "d:temporary", &other, &why), KICK_IGNORE);
	CHILDREN(sup, "c- b- a");
	TRACE_NOW("!c !c ~c ~d");
}

NODE_TEST(lib_supstop, api_01_a_wrong_specification)
{
	kick_child_spec s;
	kick_pid sup, pid;

	begin();
	sup = up("", "a");
	s = spec_of("b");
	s.start = NULL;
	CHECK_INT(kick_supervisor_start_child(kick_to(sup), &s, &pid, NULL), -EINVAL);
	s = spec_of("b");
	s.id = NULL;
	CHECK_INT(kick_supervisor_start_child(kick_to(sup), &s, &pid, NULL), -EINVAL);
	s = spec_of("b:transient,significant");
	CHECK_INT(kick_supervisor_start_child(kick_to(sup), &s, &pid, NULL), -EINVAL);
	CHILDREN(sup, "a");
	TRACE_NOW("+a");
}

/* What start_child is given is the caller's: freed, and the caller gone, when it is
 * used again. */
static void add_from_here(void *sup)
{
	kick_child_spec s = spec_of("b:name=added");
	cJSON *args = cJSON_CreateString("b:name=added");
	char id[2] = "b";
	kick_pid pid;

	s.id = id;
	s.args = args;
	CHECK_INT(
		kick_supervisor_start_child(kick_to(*(kick_pid *)sup), &s, &pid, NULL),
		0);
	id[0] = '?';
	cJSON_Delete(args);
	CHECK_PID(pid, pid_of("b"));
}

NODE_TEST(lib_supstop, api_01_start_child_from_another_process)
{
	kick_pid sup, pid;

	begin();
	sup = up("", "a");
	elsewhere(add_from_here, &sup);
	TRACE_NOW("+a +b");
	CHILDREN(sup, "b a");
	CHECK_PID(shared->starter, sup);
	END("b", "signal 11", "signal:SIGSEGV");
	TRACE("+b");
	CHECK_INT(kick_whereis("added", &pid), 0);
	CHECK_PID(pid, pid_of("b"));
}

NODE_TEST(lib_supstop, api_01_the_start_function_ends_the_supervisor)
{
	kick_pid sup, pid;

	begin();
	sup = up("", "a:plain");
	CHECK(add(sup, "b:crash", &pid, NULL) < 0);
	EXPECT_EXIT(sup, "exit:3");
	node_gone(pid_of("a"));
}

NODE_TEST(lib_supstop, api_03_05_06_terminate_restart_delete)
{
	kick_pid sup, old, pid = NOBODY;
	kick_reason why = { "" };
	kick_dest to;

	begin();
	sup = up("rest_for_one", "a b c");
	to = kick_to(sup);
	TRACE("+a +b +c");
	old = pid_of("b");
	CHECK_INT(kick_supervisor_restart_child(to, "b", NULL, NULL), -EBUSY);
	CHECK_INT(kick_supervisor_delete_child(to, "b"), -EBUSY);
	CHECK_INT(kick_supervisor_terminate_child(to, "b"), 0);
	CHECK_INT(kick_supervisor_terminate_child(to, "b"), 0);
	CHILDREN(sup, "c b- a");
	COUNTS(sup, 3, 2, 0, 3);
	shared->child['b'].fails = 1;
	CHECK_INT(kick_supervisor_restart_child(to, "b", &pid, &why), -ECANCELED);
	CHECK_TEXT(why.text, "nope");
	CHILDREN(sup, "c b- a");
	shared->child['b'].ignores = 1;
	CHECK_INT(kick_supervisor_restart_child(to, "b", &pid, &why), KICK_IGNORE);
	CHECK_INT(kick_supervisor_restart_child(to, "b", &pid, &why), 0);
	CHECK_PID(pid, pid_of("b"));
	CHECK(!kick_pid_equal(pid, old));
	CHILDREN(sup, "c b a");
	TRACE_NOW("-b !b ~b +b");
	CHECK_INT(kick_supervisor_terminate_child(to, "z"), -ESRCH);
	CHECK_INT(kick_supervisor_restart_child(to, "z", NULL, NULL), -ESRCH);
	CHECK_INT(kick_supervisor_delete_child(to, "z"), -ESRCH);
	CHECK_INT(kick_supervisor_terminate_child(to, "a"), 0);
	CHECK_INT(kick_supervisor_delete_child(to, "a"), 0);
	CHECK_INT(kick_supervisor_delete_child(to, "a"), -ESRCH);
	CHILDREN(sup, "c b");
}

NODE_TEST(lib_supstop, api_03_an_added_temporary_child_is_forgotten)
{
	kick_pid sup;

	begin();
	sup = up("", "a");
	CHECK_INT(add(sup, "t:temporary", NULL, NULL), 0);
	CHECK_INT(kick_supervisor_terminate_child(kick_to(sup), "t"), 0);
	CHILDREN(sup, "a");
	CHECK_INT(kick_supervisor_terminate_child(kick_to(sup), "t"), -ESRCH);
	CHECK_INT(add(sup, "t:temporary", NULL, NULL), 0);
	END("t", "kill", "killed");
	CHILDREN(sup, "a");
	TRACE_NOW("+a +t -t +t");
}

NODE_TEST(lib_supstop, api_07_the_order_of_children)
{
	kick_pid sup;

	begin();
	sup = up("", "a b c");
	CHECK_INT(add(sup, "d", NULL, NULL), 0);
	CHILDREN(sup, "d c b a");
	CHECK_INT(kick_supervisor_terminate_child(kick_to(sup), "a"), 0);
	CHECK_INT(kick_supervisor_restart_child(kick_to(sup), "a", NULL, NULL), 0);
	CHILDREN(sup, "d c b a");
	CHECK_INT(kick_supervisor_terminate_child(kick_to(sup), "b"), 0);
	CHECK_INT(kick_supervisor_delete_child(kick_to(sup), "b"), 0);
	CHECK_INT(add(sup, "b", NULL, NULL), 0);
	CHILDREN(sup, "b d c a");
	CHECK_INT(kick_supervisor_stop(kick_to(sup)), 0);
	TRACE_NOW("+a +b +c +d -a +a -b +b -b -d -c -a");
}

NODE_TEST(lib_supstop, api_08_types_and_counts)
{
	const cJSON *one;
	cJSON *all;
	kick_pid sup;

	begin();
	nested.flags = "";
	nested.children = "x";
	sup = up("", "a n:sup b:transient");
	TRACE("+a +x +n +b");
	END("b", "return", "normal");
	CHILDREN(sup, "b- n a");
	COUNTS(sup, 3, 2, 1, 2);
	CHECK_INT(kick_supervisor_which_children(kick_to(sup), &all), 0);
	CHECK_INT(cJSON_GetArraySize(all), 3);
	one = cJSON_GetArrayItem(all, 1);
	CHECK_TEXT(
		cJSON_GetStringValue(cJSON_GetObjectItem(one, "type")), "supervisor");
	CHECK_PID(kick_pid_from_json(cJSON_GetObjectItem(one, "pid")), pid_of("n"));
	CHECK(cJSON_IsFalse(cJSON_GetObjectItem(one, "restarting")));
	one = cJSON_GetArrayItem(all, 0);
	CHECK(cJSON_IsNull(cJSON_GetObjectItem(one, "pid")));
	CHECK_TEXT(cJSON_GetStringValue(cJSON_GetObjectItem(one, "type")), "worker");
	cJSON_Delete(all);
}

static void check_nobody(kick_dest to)
{
	kick_child_spec s = spec_of("a");
	cJSON *ret = NULL;
	kick_pid pid;

	CHECK_INT(kick_supervisor_start_child(to, &s, &pid, NULL), -ESRCH);
	CHECK_INT(kick_supervisor_terminate_child(to, "a"), -ESRCH);
	CHECK_INT(kick_supervisor_restart_child(to, "a", &pid, NULL), -ESRCH);
	CHECK_INT(kick_supervisor_delete_child(to, "a"), -ESRCH);
	CHECK_INT(kick_dynamic_supervisor_terminate_child(to, kick_self()), -ESRCH);
	CHECK_INT(kick_supervisor_which_children(to, &ret), -ESRCH);
	CHECK_INT(kick_supervisor_count_children(to, &ret), -ESRCH);
	CHECK_INT(kick_supervisor_stop(to), -ESRCH);
}

NODE_TEST(lib_supstop, api_10_nobody_there)
{
	kick_pid sup;

	begin();
	sup = up("", "a");
	CHECK_INT(kick_supervisor_stop(kick_to(sup)), 0);
	check_nobody(kick_to(sup));
	check_nobody(kick_to_name("nobody"));
}

static void ask_for_a_child(void *sup)
{
	kick_pid pid;

	CHECK(add(*(kick_pid *)sup, "z", &pid, NULL) < 0);
}

NODE_TEST(lib_supstop, api_11_the_supervisor_dies_during_a_request)
{
	kick_pid sup, asker;
	kick_ref ref;

	begin();
	sup = up("", "a");
	CHECK_INT(kill(shared->starter_os, SIGSTOP), 0);
	CHECK_INT(kick_spawn_monitor(ask_for_a_child, &sup, &asker, &ref), 0);
	node_settle();
	CHECK_INT(kick_exit(sup, "kill"), 0);
	EXPECT_EXIT(sup, "killed");
	EXPECT_DOWN(ref, asker, "normal");
}

/* A supervisor goes on while its children's casts and ends come from all sides. */
static void ask_often(void *sup)
{
	kick_dest to = kick_to(*(kick_pid *)sup);
	cJSON *all;

	for (int i = 0; i < 50; i++) {
		CHECK_INT(kick_supervisor_which_children(to, &all), 0);
		CHECK_INT(cJSON_GetArraySize(all), 3);
		cJSON_Delete(all);
	}
}

NODE_TEST(lib_supstop, sup_02_many_ask_while_children_end)
{
	kick_pid sup, asker;
	kick_ref refs[4];
	kick_message *m;

	begin();
	sup = up("max=any one_for_all", "a:plain b:plain c:plain");
	TRACE("+a +b +c");
	for (size_t i = 0; i < ARRAY_LEN(refs); i++)
		CHECK_INT(kick_spawn_monitor(ask_often, &sup, &asker, &refs[i]), 0);
	for (int i = 0; i < 20; i++) {
		END("b", "kill", "killed");
		TRACE("+a +b +c");
	}
	for (size_t i = 0; i < ARRAY_LEN(refs); i++) {
		CHECK_INT(kick_receive(NULL, NULL, NODE_PATIENCE_MS, &m), 0);
		CHECK_INT(m->kind, KICK_DOWN);
		CHECK_TEXT(m->reason, "normal");
		kick_message_free(m);
	}
	CHILDREN(sup, "c b a");
}
