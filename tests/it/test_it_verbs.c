/* kick's verbs on a running tree, with their exit statuses. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

#define TREE(strategy)                                                                 \
	"{'name':'app','strategy':'" strategy "','children':[" WORKER("a") "," WORKER( \
		"b") ",{'id':'s','type':'supervisor','children':[" WORKER("x") "]}]}"

#define JOBS                                                                  \
	"{'name':'app','children':[{'id':'jobs','type':'dynamic_supervisor'," \
	"'max_children':2,'child':{'restart':'temporary','start':['./h']}}]}"

/* --- start, stop, restart ------------------------------------------------------------
 */

CASE(it_verbs, stop_start_and_restart_are_done_when_they_return)
{
	pid_t a, b;

	tree_up(TREE("one_for_one"));
	a = pid_of("a");
	b = pid_of("b");
	kick_gives(0, "stop a");
	check(!is_alive(a), "it lives");
	check(strcmp(state_of("a"), "stopped") == 0, "state %s", state_of("a"));
	kick_gives(0, "stop a");
	kick_gives(0, "start a");
	kick_gives(0, "start a");
	check_alive("a");
	a = pid_of("a");
	kick_gives(0, "restart a");
	check(pid_of("a") != a, "the same process");
	check(pid_of("b") == b, "another one was touched");
	check(restarts_of("a") == 0, "an order was counted");
	kick_gives(0, "restart s");
	check_alive("s/x");
	kick_gives(5, "stop nobody");
	kick_gives(5, "start a nobody");
	kick_gives(1, "stop app");
	check(strstr(last_err(), "shutdown"), "no advice: %s", last_err());
	tree_down();
}

CASE(it_verbs, an_order_is_answered_in_json)
{
	cJSON *all;
	const cJSON *row;

	tree_up(TREE("one_for_one"));
	kick_gives(5, "stop a nobody --json");
	all = cJSON_Parse(last_out());
	check(cJSON_GetArraySize(all) == 2, "not two rows: %s", last_out());
	row = cJSON_GetArrayItem(all, 0);
	check(cJSON_IsTrue(cJSON_GetObjectItem(row, "ok")), "a is not ok");
	row = cJSON_GetArrayItem(all, 1);
	check(cJSON_IsFalse(cJSON_GetObjectItem(row, "ok")), "nobody is ok");
	check(cJSON_IsString(cJSON_GetObjectItem(row, "error")), "no error");
	cJSON_Delete(all);
	tree_down();
}

CASE(it_verbs, a_stopped_child_stays_down_when_its_group_is_restarted)
{
	static const char *const strategies[] = { "one_for_all", "rest_for_one" };
	char config[400];

	for (size_t i = 0; i < 2; i++) {
		pid_t a, x;

		(void)snprintf(config, sizeof config,
			"{'name':'app','strategy':'%s','children':[" WORKER(
				"a") "," WORKER("b") "," WORKER("x") "]}",
			strategies[i]);
		tree_up(config);
		kick_gives(0, "stop b");
		a = pid_of("a");
		x = pid_of("x");
		(void)kill(a, SIGKILL);
		(void)await_next("x", x);
		check(strcmp(state_of("b"), "stopped") == 0, "%s: b is %s",
			strategies[i], state_of("b"));
		kick_gives(0, "status");
		kick_gives(0, "start b");
		check_alive("b");
		tree_down();
	}
}

CASE(it_verbs, a_restart_of_the_application_is_the_whole_tree)
{
	pid_t top, x;

	tree_up(TREE("one_for_one"));
	top = pid_of("app");
	x = pid_of("x");
	kick_gives(0, "stop b");
	kick_gives(0, "restart app");
	check(pid_of("app") != top && pid_of("x") != x, "something was kept");
	check_alive("b");
	check(restarts_of("app") == 0, "an order was counted");
	tree_down();
}

CASE(it_verbs, timeout_ends_the_waiting_and_not_the_order)
{
	pid_t a;

	tree_up("{'name':'app','children':[" CHILD(
		"a", "'shutdown':'1s'", "'ignore','TERM','say','deaf','stay'") "]}");
	await_out("deaf");
	a = pid_of("a");
	kick_gives(124, "stop a --timeout 100ms");
	check(strcmp(state_of("a"), "stopping") == 0, "state %s", state_of("a"));
	await_gone(a);
	await_state("a", "stopped");
	kick_gives(0, "start a");
	await_lines("/dev/null", 0);
	kick_gives(0, "stop a --no-wait");
	await_state("a", "stopped");
	tree_down();
}

CASE(it_verbs, signal_reaches_the_program)
{
	pid_t a;

	tree_up("{'name':'app','children':[" CHILD("a", "'restart':'temporary'",
		"'trap','USR1','5','say','up','stay'") "]}");
	await_out("up");
	a = pid_of("a");
	kick_gives(0, "signal SIGUSR1 a");
	check(strcmp(await_end(a)->reason, "exit:5") == 0, "reason %s",
		await_end(a)->reason);
	kick_gives(1, "signal USR1 a");
	kick_gives(5, "signal USR1 nobody");
	kick_gives(2, "signal NONSENSE a");
	tree_down();
}

/* LNK-2, LNK-5 */
CASE(it_verbs, exit_is_an_exit_signal)
{
	static const struct {
		const char *reason, *want;
	} rows[] = { { "kill", "killed" }, { "boom", "boom" },
		{ "shutdown", "shutdown" } };

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		pid_t a, s;

		tree_up(TREE("one_for_one"));
		a = pid_of("a");
		s = pid_of("s");
		kick_gives(0, "exit a normal");
		check(is_alive(a), "normal ended it");
		kick_gives(0, "exit a %s", rows[i].reason);
		check(strcmp(await_end(a)->reason, rows[i].want) == 0, "%s: %s",
			rows[i].reason, await_end(a)->reason);
		(void)await_next("a", a);
		check(restarts_of("a") == 1, "it does not count");
		kick_gives(1, "exit s boom");
		check(strstr(last_err(), "kill"), "no explanation: %s", last_err());
		kick_gives(0, "exit s kill");
		(void)await_next("s", s);
		tree_down();
	}
}

CASE(it_verbs, a_program_that_traps_an_exit_signal_may_live)
{
	pid_t a;

	tree_up("{'name':'app','children':[" CHILD(
		"a", "'shutdown':'100ms'", "'ignore','TERM','say','deaf','stay'") "]}");
	await_out("deaf");
	a = pid_of("a");
	kick_gives(0, "exit a boom --timeout 5s");
	check(is_alive(a) && pid_of("a") == a, "it was killed");
	tree_down();
}

/* --- questions
 * ------------------------------------------------------------------------ */

CASE(it_verbs, which_and_count_children_answer_as_otp)
{
	tree_up(TREE("one_for_one"));
	kick_gives(0, "count-children app --json");
	check(strcmp(last_out(),
		      "{\"specs\":3,\"active\":3,\"supervisors\":1,\"workers\":2}\n") ==
			0,
		"%s", last_out());
	kick_gives(0, "stop a");
	kick_gives(0, "count-children app --json");
	check(strstr(last_out(), "\"active\":2"), "%s", last_out());
	kick_gives(0, "which-children app");
	check(strstr(last_out(), "s") < strstr(last_out(), "stopped"), "order: %s",
		last_out());
	kick_gives(0, "which-children s");
	kick_gives(5, "which-children nobody");
	check(kick("which-children a") != 0, "a worker has children");
	tree_down();
}

CASE(it_verbs, names_are_paths_ids_or_the_application)
{
	tree_up("{'name':'app','children':[" WORKER(
		"a") ",{'id':'s','type':'supervisor',"
		     "'children':[" WORKER("dup") "," WORKER(
			     "x") "]},{'id':'t','type':"
				  "'supervisor','children':[" WORKER("dup") "]}]}");
	kick_gives(0, "alive s/x");
	kick_gives(0, "alive x");
	kick_gives(0, "alive app");
	check(kick("alive dup") == 1 || kick("alive dup") == 5, "ambiguous");
	kick_gives(0, "stop t/dup");
	kick_gives(1, "alive t/dup");
	kick_gives(1, "whereis t/dup");
	kick_gives(0, "whereis a");
	check(atoi(last_out()) == pid_of("a"), "whereis: %s", last_out());
	check(kick("stop dup") != 0, "ambiguous");
	check(strstr(last_err(), "s/dup") && strstr(last_err(), "t/dup"),
		"paths are not listed: %s", last_err());
	check_alive("s/dup");
	tree_down();
}

CASE(it_verbs, info_knows_the_specification_and_the_history)
{
	pid_t a;

	tree_up(TREE("one_for_one"));
	a = pid_of("a");
	(void)kill(a, SIGKILL);
	(void)await_next("a", a);
	kick_gives(0, "info a");
	check(strstr(last_out(), "./h") && strstr(last_out(), "killed"), "%s",
		last_out());
	kick_gives(0, "info s --json");
	kick_gives(5, "info nobody");
	tree_down();
}

/* kick-protocol(5): every node has all of the first members. What info prints is what
 * the supervisor says. */
CASE(it_verbs, a_node_has_each_member_also_when_it_does_not_apply)
{
	static const char *const names[] = { "app", "a", "s" };
	static const char *const members[] = { "id", "path", "type", "state", "pid",
		"restart", "strategy", "since", "uptime_ms", "restarts", "last_exit",
		"retry", "status_text", "announced", "health", "last_probe", "detail",
		"ready_at", "last_lines", "significant", "well", "waiting_for" };

	tree_up(TREE("one_for_one"));
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const cJSON *node;
		cJSON *all;

		kick_gives(0, "info %s --json", names[i]);
		all = cJSON_Parse(last_out());
		node = cJSON_GetObjectItem(all, "node");
		node = node ? node : all;
		for (size_t k = 0; k < sizeof members / sizeof *members; k++)
			expect(cJSON_GetObjectItemCaseSensitive(node, members[k]),
				"%s has no %s", names[i], members[k]);
		expect(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(node, "well")),
			"%s is not well", names[i]);
		cJSON_Delete(all);
	}
	expected();
	tree_down();
}

/* Nobody needs to look in kickd's log for which child of a child it was. */
CASE(it_verbs, a_supervisor_that_does_not_start_says_which_child_and_why)
{
	tree_up("{'name':'app','children':[{'id':'s','type':'supervisor','autostart':false,"
		"'children':[{'id':'t','type':'supervisor','children':[" CHILD("x",
			"'ready':{'exit':true}", "'say','last','exit','3'") "]}]}]}");
	kick_gives(1, "start s");
	await_event("start_failed", "s/t/x", 1);
	await_event("start_failed", "s/t", 1);
	kick_gives(1, "start s");
	check(strstr(last_err(), "s/t/x: exit 3"), "no cause: %s", last_err());
	check(strstr(last_err(), "| last"), "no last line: %s", last_err());
	tree_down();
}

CASE(it_verbs, wait_waits_and_knows_when_it_is_in_vain)
{
	struct job *wait;

	make_fifo("g");
	tree_up("{'name':'app','children':[" CHILD(
		"a", "'restart':'temporary'", "'gate','g','exit','1'") "," CHILD("b",
		"'autostart':false", "'stay'") "]}");
	kick_gives(0, "wait");
	kick_gives(0, "wait a");
	kick_gives(1, "wait b");
	kick_gives(124, "wait a --for exited --timeout 100ms");
	wait = kick_begin("wait a --for exited");
	open_gate("g");
	check(finish(wait) == 0, "wait --for exited: %s", job_err(wait));
	kick_gives(1, "wait");
	kick_gives(0, "wait b --for down");
	kick_gives(5, "wait nobody");
	tree_down();
}

CASE(it_verbs, wait_with_a_timeout_waits_for_kickd_to_appear)
{
	struct job *wait = kick_begin("wait --timeout 10s");

	tree_up(TREE("one_for_one"));
	check(finish(wait) == 0, "%s", job_err(wait));
	tree_down();
	kick_gives(7, "wait");
	kick_gives(124, "wait --timeout 100ms");
}

CASE(it_verbs, events_are_told_in_json)
{
	tree_up(TREE("one_for_one"));
	await_event("ready", "app", 1);
	kick_gives(0, "events --json -n 1");
	check(strstr(last_out(), "\"event\":\"ready\"") &&
			strstr(last_out(), "\"at\":\""),
		"%s", last_out());
	kick_gives(0, "events");
	tree_down();
}

CASE(it_verbs, a_wrong_command_line_says_what_to_write)
{
	static const struct {
		const char *line, *said;
	} rows[] = {
		{ "signal -9 web", "kick signal SIGKILL NAME" },
		{ "signal -HUP web", "kick signal SIGHUP NAME" },
		{ "status -x", "unknown option -x; see: kick help" },
		{ "stop", "usage: kick stop NAME...; see: kick help stop" },
		{ "statsu", "did you mean \"status\"" },
		{ "help statsu", "did you mean \"status\"" },
		{ "status --timeout 5", "a duration with a unit is wanted, like 10s" },
		{ "stop web --follow", "stop does not take --follow" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int r = kick("%s", rows[i].line);

		expect(r == 2, "%s: status %d", rows[i].line, r);
		expect(strstr(last_err(), rows[i].said), "%s: %s", rows[i].line,
			last_err());
	}
	expected();
}

CASE(it_verbs, refusals_of_add_name_the_child_and_the_limit)
{
	tree_up(JOBS);
	kick_gives(0, "add jobs {'id':'d','args':['stay']}");
	kick_gives(1, "add jobs {'id':'d','args':['stay']}");
	check(strstr(last_err(), "jobs/d is running already"), "%s", last_err());
	kick_gives(0, "start jobs/d");
	kick_gives(0, "add jobs {'args':['stay']}");
	kick_gives(1, "add jobs {'args':['stay']}");
	check(strstr(last_err(), "max_children allows, 2;"), "%s", last_err());
	kick_gives(0, "stop jobs/1");
	kick_gives(0, "add jobs {'args':['stay']}");
	/* No number was lost to the refusal. */
	check(strstr(last_out(), "jobs/2"), "%s", last_out());
	kick_gives(0, "stop jobs/2");
	kick_gives(78, "add jobs {'backoff':{'initial':'1s'},'args':['stay']}");
	check(strstr(last_err(), "must state \"max_restarts\""), "%s", last_err());
	kick_gives(0, "stop jobs/d");
	kick_gives(1,
		"add jobs {'id':'e','ready':{'exit':true},'args':['say','last','exit','3']}");
	check(strstr(last_err(), "could not be started: exit 3") &&
			strstr(last_err(), "| last"),
		"%s", last_err());
	tree_down();
}

/* --- add and delete
 * ---------------------------------------------------------------------- */

CASE(it_verbs, add_starts_and_delete_removes)
{
	pid_t n;

	tree_up(TREE("one_for_one"));
	kick_gives(0, "add app {'id':'n','start':['./h','stay']}");
	check_alive("n");
	kick_gives(1, "add app {'id':'n','start':['./h','stay']}");
	kick_gives(78, "add app {'id':'m','strat':['./h','stay']}");
	check(strstr(last_err(), "start"), "no suggestion: %s", last_err());
	kick_gives(1, "add app {'id':'m','start':['./none']}");
	kick_gives(4, "status m");
	kick_gives(5, "add nobody {'id':'m','start':['./h','stay']}");
	kick_gives(0,
		"add s {'id':'deep','type':'supervisor','children':[{'id':'w',"
		"'start':['./h','stay']}]}");
	check_alive("s/deep/w");
	n = pid_of("n");
	kick_gives(0, "delete n");
	check(!is_alive(n), "it lives");
	kick_gives(5, "delete n");
	kick_gives(0, "delete s/deep");
	kick_gives(0, "status");
	tree_down();
}

CASE(it_verbs, add_reads_a_file)
{
	tree_up(TREE("one_for_one"));
	put_json("spec.json", "{'id':'n','start':['./h','stay']}");
	kick_gives(0, "add app spec.json");
	check_alive("n");
	kick_gives(1, "add app nothing.json");
	tree_down();
}

CASE(it_verbs, added_and_stopped_are_forgotten_by_a_new_supervisor)
{
	pid_t s;

	tree_up(TREE("one_for_one"));
	kick_gives(0, "add s {'id':'n','start':['./h','stay']}");
	kick_gives(0, "stop s/x");
	s = pid_of("s");
	(void)kill(s, SIGKILL);
	(void)await_next("s", s);
	check_alive("s/x");
	kick_gives(4, "status s/n");
	tree_down();
}

CASE(it_verbs, dynamic_children_are_numbered_bounded_and_vanish)
{
	pid_t second;

	tree_up(JOBS);
	kick_gives(0, "add jobs {'args':['stay']}");
	kick_gives(0, "add jobs {'args':['stay']}");
	check_alive("jobs/1");
	check_alive("jobs/2");
	kick_gives(1, "add jobs {'args':['stay']}");
	check(strstr(last_err(), "max_children"), "the limit is not named: %s",
		last_err());
	second = pid_of("jobs/2");
	(void)kill(second, SIGKILL);
	(void)await_end(second);
	kick_gives(4, "status jobs/2");
	kick_gives(0, "add jobs {'args':['stay']} --json");
	check(!strstr(last_out(), "jobs/2"), "a number was used twice: %s", last_out());
	check(strstr(last_out(), "jobs/"), "no number: %s", last_out());
	kick_gives(0, "delete jobs/1");
	kick_gives(4, "status jobs/1");
	kick_gives(0, "add jobs {'id':'mine','args':['stay']}");
	check_alive("jobs/mine");
	kick_gives(0, "count-children jobs --json");
	check(strstr(last_out(), "\"active\":2"), "%s", last_out());
	tree_down();
}

CASE(it_verbs, a_dynamic_child_that_is_stopped_is_gone)
{
	tree_up(JOBS);
	kick_gives(0, "add jobs {'args':['stay']}");
	kick_gives(0, "stop jobs/1");
	kick_gives(4, "status jobs/1");
	kick_gives(1, "add jobs {'start':['./none']}");
	kick_gives(0, "add jobs {'args':['exit','0']}");
	tree_down();
}

/* The orders of several callers for one child. */
CASE(it_verbs, orders_at_once_are_all_answered)
{
	struct job *jobs[12];

	tree_up(TREE("one_for_one"));
	for (size_t i = 0; i < 12; i++)
		jobs[i] = kick_begin("%s a",
			i % 3 == 0	     ? "stop"
				: i % 3 == 1 ? "start"
					     : "restart");
	for (size_t i = 0; i < 12; i++) {
		int r = finish(jobs[i]);

		check(r == 0 || r == 1, "order %zu: %d %s", i, r, job_err(jobs[i]));
	}
	kick_gives(0, "start a");
	check_alive("a");
	tree_down();
}
