/* kill -9 of whatever there is: strategies, restart types, intensity, and the processes
 * of kick itself. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

#define NESTED                                                          \
	"{'name':'app','children':[" WORKER(                            \
		"a") ",{'id':'s','type':'supervisor',"                  \
		     "'strategy':'one_for_all','children':[" CHILD("x", \
			     "'restart':'permanent'",                   \
			     "'count','x','stay'") "," CHILD("y",       \
			     "'restart':'permanent'",                   \
			     "'count','y','stay'") "]}," WORKER("z") "]}"

/* --- strategies --------------------------------------------------------------------
 */

CASE(it_strategy, each_strategy_restarts_what_it_says)
{
	static const struct {
		const char *strategy, *victim, *want, *last;
	} rows[] = {
		{ "one_for_one", "b", "-b +b", "b" },
		{ "one_for_all", "b", "-b -c -a +a +b +c", "c" },
		{ "one_for_all", "c", "-c -b -a +a +b +c", "c" },
		{ "rest_for_one", "b", "-b -c +b +c", "c" },
		{ "rest_for_one", "a", "-a -c -b +a +b +c", "c" },
		{ "rest_for_one", "c", "-c +c", "c" },
	};
	char config[300];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		pid_t victim, last;

		(void)snprintf(config, sizeof config,
			"{'name':'app','strategy':'%s','children':[" WORKER(
				"a") "," WORKER("b") "," WORKER("c") "]}",
			rows[i].strategy);
		tree_up(config);
		victim = pid_of(rows[i].victim);
		last = pid_of(rows[i].last);
		(void)kill(victim, SIGKILL);
		(void)await_end(victim);
		(void)await_next(rows[i].last, last);
		check(strcmp(trail(victim), rows[i].want) == 0, "%s, %s: %s, not %s",
			rows[i].strategy, rows[i].victim, trail(victim), rows[i].want);
		check(restarts_of(rows[i].victim) == 1, "%s: restarts",
			rows[i].strategy);
		check(strcmp(reason_of(rows[i].victim), "killed") == 0, "%s: reason",
			rows[i].strategy);
		tree_down();
	}
}

CASE(it_strategy, restart_type_decides)
{
	static const struct {
		const char *type, *end, *state, *reason;
	} rows[] = {
		{ "permanent", "'exit','0'", "running", "normal" },
		{ "permanent", "'exit','3'", "running", "exit:3" },
		{ "transient", "'exit','0'", "exited", "normal" },
		{ "transient", "'exit','3'", "running", "exit:3" },
		{ "transient", "'kill','TERM'", "running", "signal:SIGTERM" },
		{ "transient", "'kill','SEGV'", "running", "signal:SIGSEGV" },
		{ "transient", "'kill','KILL'", "running", "killed" },
		{ "temporary", "'exit','0'", "exited", "normal" },
		{ "temporary", "'exit','3'", "exited", "exit:3" },
		{ "temporary", "'kill','KILL'", "exited", "killed" },
	};
	char config[400];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		pid_t pid;

		make_fifo("g");
		(void)snprintf(config, sizeof config,
			"{'name':'app','children':[{'id':'a','restart':'%s','start':"
			"['./h','gate','g',%s]}]}",
			rows[i].type, rows[i].end);
		tree_up(config);
		pid = pid_of("a");
		open_gate("g");
		check(strcmp(await_end(pid)->reason, rows[i].reason) == 0, "%s %s: %s",
			rows[i].type, rows[i].end, await_end(pid)->reason);
		await_state("a", rows[i].state);
		check(strcmp(reason_of("a"), rows[i].reason) == 0, "%s %s: reason",
			rows[i].type, rows[i].end);
		tree_down();
		(void)unlink("g");
	}
}

CASE(it_strategy, success_exit_counts_as_normal)
{
	tree_up("{'name':'app','children':[" CHILD("a",
		"'restart':'transient','success_exit':[3]", "'exit','3'") "," CHILD("b",
		"'restart':'transient','success_exit':['TERM']",
		"'kill','TERM'") "," WORKER("c") "]}");
	await_state("a", "exited");
	await_state("b", "exited");
	check(strcmp(reason_of("a"), "normal") == 0, "a: %s", reason_of("a"));
	check(strcmp(reason_of("b"), "normal") == 0, "b: %s", reason_of("b"));
	kick_gives(0, "status");
	tree_down();
}

/* --- intensity ---------------------------------------------------------------------
 */

CASE(it_strategy, as_many_restarts_as_allowed_and_no_more)
{
	tree_up("{'name':'app','max_restarts':3,'max_seconds':600,'children':[" WORKER(
		"a") "]}");
	for (int i = 0; i < 3; i++) {
		pid_t pid = pid_of("a");

		(void)kill(pid, SIGKILL);
		(void)await_next("a", pid);
	}
	(void)kill(pid_of("a"), SIGKILL);
	tree_ends(1);
	check(strstr(tree_err(), "4 restarts within 10m, 3 are allowed"), "message");
}

CASE(it_strategy, a_give_up_escalates_to_the_parent_and_then_to_the_root)
{
	tree_up("{'name':'app','max_restarts':1,'max_seconds':600,'children':[" WORKER(
		"a") ",{'id':'s','type':'supervisor','max_restarts':0,'children':[" WORKER("x") "]}]}");
	pid_t s = pid_of("s");

	(void)kill(pid_of("x"), SIGKILL);
	check(strcmp(await_end(s)->reason, "shutdown:max_restarts") == 0, "reason %s",
		await_end(s)->reason);
	(void)await_next("s", s);
	check(restarts_of("s") == 1, "restarts of s");
	check(restarts_of("s/x") == 0, "a new supervisor counts anew");
	(void)kill(pid_of("x"), SIGKILL);
	tree_ends(1);
	check(strstr(tree_err(), "s gives up: "), "s says nothing");
	check(strstr(tree_err(), "app gives up: "), "app says nothing");
}

CASE(it_strategy, on_give_up_restart_starts_the_tree_anew)
{
	pid_t top;

	tree_up("{'name':'app','max_restarts':0,'on_give_up':'restart','children':[" WORKER(
		"a") "]}");
	top = pid_of("app");
	(void)kill(pid_of("a"), SIGKILL);
	await_err("starting it anew in 1s");
	await_err("app is up again");
	check(pid_of("app") != top, "the same top supervisor");
	check_alive("a");
	tree_down();
}

CASE(it_strategy, auto_shutdown_ends_with_the_significant_childs_status)
{
	static const struct {
		const char *end;
		int status;
	} rows[] = { { "'exit','0'", 0 }, { "'exit','7'", 7 },
		{ "'kill','TERM'", 143 } };
	char config[400];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		(void)snprintf(config, sizeof config,
			"{'name':'app','auto_shutdown':'any_significant','children':[" WORKER(
				"w") ",{'id':'a','restart':'temporary','significant':true,"
				     "'start':['./h',%s]}]}",
			rows[i].end);
		tree_start(config, "");
		tree_ends(rows[i].status);
	}
}

/* --- kick's own processes
 * ------------------------------------------------------------- */

/* Names in the runtime directory. */
static int files_in_run(void)
{
	DIR *dir = opendir("run");
	int n = 0;

	for (struct dirent *e; dir && (e = readdir(dir));)
		n += e->d_name[0] != '.';
	if (dir)
		(void)closedir(dir);
	return n;
}

CASE(it_killed, nested_supervisor_takes_its_workers_and_comes_back)
{
	pid_t s, x, y, a;

	tree_up(NESTED);
	s = pid_of("s");
	x = pid_of("x");
	y = pid_of("y");
	a = pid_of("a");
	/* They may be killed before they have counted their starts. */
	await_lines("x", 1);
	await_lines("y", 1);
	(void)kill(s, SIGKILL);
	check(strcmp(await_end(s)->reason, "killed") == 0, "reason");
	(void)await_next("s", s);
	check(!is_alive(x) && !is_alive(y), "old workers live beside the new ones");
	check(pid_of("x") != x && pid_of("y") != y, "old pids");
	check(pid_of("a") == a, "a sibling was touched");
	check_starts("x", 2);
	check_starts("y", 2);
	kick_gives(0, "status");
	tree_down();
}

/* The workers of the dead one are of a supervisor that has 5 s to stop them. */
CASE(it_killed, supervisor_above_a_nested_one_leaves_no_second_copy)
{
	pid_t outer, w;

	tree_up("{'name':'app','children':[{'id':'outer','type':'supervisor','children':["
		"{'id':'inner','type':'supervisor','children':[" CHILD("w",
			"'restart':'permanent'",
			"'count','w','ignore','TERM','stay'") "]}]}]}");
	await_lines("w", 1);
	outer = pid_of("outer");
	w = pid_of("w");
	(void)kill(outer, SIGKILL);
	(void)await_next("outer", outer);
	check(!is_alive(w), "the old worker lives beside the new one");
	check_starts("w", 2);
	tree_down();
}

CASE(it_killed, top_supervisor_comes_back_with_fresh_workers)
{
	pid_t top, a, x;

	tree_up(NESTED);
	top = pid_of("app");
	a = pid_of("a");
	x = pid_of("x");
	/* It may be killed before it has counted its start. */
	await_lines("x", 1);
	(void)kill(top, SIGKILL);
	await_err("app is up again");
	check(!is_alive(a) && !is_alive(x), "old workers live");
	check(pid_of("app") != top, "the same top supervisor");
	check_alive("a");
	check_alive("s/x");
	check_starts("x", 2);
	kick_gives(0, "status");
	tree_down();
}

CASE(it_killed, a_lost_top_supervisor_leaves_no_socket_behind)
{
	static char before[16];

	tree_up(NESTED);
	(void)snprintf(before, sizeof before, "%d", files_in_run());
	for (int i = 0; i < 2; i++) {
		pid_t top = pid_of("app");

		(void)kill(top, SIGKILL);
		(void)await_end(top);
		kick_gives(0, "wait --timeout 10s");
	}
	check(files_in_run() == atoi(before), "%d files, %s before", files_in_run(),
		before);
	tree_down();
}

CASE(it_killed, the_end_of_the_top_supervisor_is_an_event)
{
	pid_t top;

	tree_up(NESTED);
	top = pid_of("app");
	(void)kill(top, SIGKILL);
	check(strcmp(await_end(top)->reason, "killed") == 0, "reason");
	tree_down();
}

CASE(it_killed, the_fourth_top_supervisor_in_5_s_counts_as_given_up)
{
	int n = 0, r = 0;

	tree_up("{'name':'app','children':[]}");
	/* A slow machine may need longer for some of them. */
	while (r == 0 && n < 20) {
		pid_t top = pid_of("app");

		(void)kill(top, SIGKILL);
		n++;
		r = kick("wait --timeout 10s");
		await_gone(top);
	}
	check(n >= 4, "it gave up after %d", n);
	tree_ends(1);
	check(strstr(tree_err(), "was lost 4 times within 5 s, the last time killed"),
		"why? %s", tree_err());
}

CASE(it_killed, logger_comes_back_and_loses_no_line_that_was_not_read)
{
	pid_t logger;

	make_fifo("g");
	tree_up("{'name':'app','children':[" CHILD("a", "'restart':'temporary'",
		"'say','before','gate','g','say','after','stay'") "]}");
	await_out("a | before\n");
	logger = logger_pid();
	check(logger > 0, "there is no logger");
	(void)kill(logger, SIGKILL);
	await_gone(logger);
	open_gate("g");
	await_out("a | after\n");
	check(logger_pid() != logger, "the same logger");
	kick_gives(0, "log a");
	check(strstr(last_out(), "after"), "kick log does not know: %s", last_out());
	tree_down();
}

CASE(it_killed, kickd_takes_everything_with_it)
{
	pid_t x;

	tree_up(NESTED);
	x = pid_of("x");
	tree_signal(SIGKILL);
	tree_orphaned();
	check(!is_alive(x), "a worker lives");
	kick_gives(7, "stop a");
	tree_up(NESTED);
	check_alive("s/x");
	tree_down();
}

/* A new kickd on the same directory waits until the old tree is gone. */
static bool is_over(const void *pid)
{
	return !is_alive(*(const pid_t *)pid);
}

CASE(it_killed, kickd_has_a_successor_at_once)
{
	pid_t first, kickd;

	tree_up("{'name':'app','children':[" CHILD("a", "'shutdown':'1s'",
		"'count','a','ignore','TERM','say','deaf','stay'") "]}");
	await_out("deaf");
	first = pid_in("a");
	kickd = tree_pid();
	tree_signal(SIGKILL);
	await(is_over, &kickd, "the end of kickd");
	tree_start(NULL, "");
	tree_ready();
	check(!is_alive(first), "two copies");
	await_lines("a", 2);
	check_alive("a");
	tree_down();
}

CASE(it_killed, kickd_takes_daemons_with_it)
{
	tree_up("{'name':'app','children':[" CHILD("a", "'restart':'permanent'",
		"'daemon','d','say','up','stay'") ",{'id':'s','type':'supervisor',"
						  "'children':[" CHILD("b",
							  "'restart':'permanent'",
							  "'daemon','e','say','up','stay'") "]}]}");
	await_out("a | up");
	await_out("b | up");
	tree_signal(SIGKILL);
	tree_orphaned();
	check(!is_alive(pid_in("d")), "the daemon of a lives");
	check(!is_alive(pid_in("e")), "the daemon of b lives");
}

CASE(it_killed, term_to_a_nested_supervisor_stops_it_in_order_and_its_parent_decides)
{
	pid_t s, y;

	tree_up(NESTED);
	s = pid_of("s");
	y = pid_of("y");
	(void)kill(s, SIGTERM);
	(void)await_next("s", s);
	check(strcmp(await_end(s)->reason, "shutdown") == 0, "reason %s",
		await_end(s)->reason);
	check(strncmp(trail(y), "-s/y -s/x -s ", 13) == 0, "order %s", trail(y));
	tree_down();
}

CASE(it_killed, term_to_the_top_supervisor_starts_it_anew)
{
	pid_t top;

	tree_up(NESTED);
	top = pid_of("app");
	(void)kill(top, SIGTERM);
	await_err("app is up again");
	check(pid_of("app") != top, "the same top supervisor");
	tree_down();
}

CASE(it_killed, hup_int_and_quit_do_not_end_supervisors)
{
	static const int sigs[] = { SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGPIPE };
	pid_t top, s, logger;

	tree_up(NESTED);
	top = pid_of("app");
	s = pid_of("s");
	logger = logger_pid();
	for (size_t i = 0; i < sizeof sigs / sizeof *sigs; i++) {
		(void)kill(top, sigs[i]);
		(void)kill(s, sigs[i]);
		(void)kill(logger, sigs[i]);
	}
	(void)kill(logger, SIGTERM);
	check_alive("s/x");
	check(pid_of("app") == top && pid_of("s") == s, "a supervisor has ended");
	check(logger_pid() == logger, "the logger has ended");
	tree_down();
}

/* The pipe outlives its supervisor: what was written into it is read to the end. */
CASE(it_killed, a_nested_supervisor_takes_no_output_with_it)
{
	pid_t s, logger;

	make_fifo("g");
	tree_up("{'name':'app','children':[{'id':'s','type':'supervisor','children':[" CHILD(
		"x", "'restart':'permanent'",
		"'gate','g','flood','200','say','the end','count','done','stay'") "]}]}");
	s = pid_of("s");
	logger = logger_pid();
	halt(logger);
	open_gate("g");
	await_lines("done", 1);
	(void)kill(s, SIGKILL);
	await_gone(s);
	(void)kill(logger, SIGCONT);
	await_out("s/x | the end\n");
	check(strstr(tree_out(), "s/x | line 000000 "), "the first line is lost");
	open_gate("g");
	tree_down();
}

static bool five_workers(const void *unused)
{
	(void)unused;
	return helpers_alive() == 5;
}

/* Whatever comes together, in the end there is one of each. */
CASE(it_killed, many_kills_at_once_leave_one_copy_of_each)
{
	static const char *const victims[] = { "s", "x", "a", "t", "t/u", "s", "t/u/v",
		"a", "t" };

	tree_up("{'name':'app','max_restarts':'infinity','strategy':'rest_for_one',"
		"'children':[" WORKER(
			"a") ",{'id':'s','type':'supervisor','max_restarts':"
			     "'infinity','strategy':'one_for_all','children':[" WORKER("x") "," WORKER(
				     "y") "]},{'id':'t','type':'supervisor','max_restarts':'infinity',"
					  "'children':[{'id':'u','type':'supervisor','max_restarts':'infinity',"
					  "'children':[" WORKER("v") "," WORKER(
						  "w") "]}]}]}");
	for (size_t round = 0; round < 20; round++) {
		for (size_t i = 0; i <= round % 3; i++) {
			int r = kick("whereis %s",
				victims[(round + i) %
					(sizeof victims / sizeof *victims)]);

			if (r == 0)
				(void)kill((pid_t)atoi(last_out()), SIGKILL);
		}
		if (round == 10)
			(void)kill(logger_pid(), SIGKILL);
	}
	/* The last ends may not have been noticed yet. */
	for (int i = 0; i < 2; i++) {
		kick_gives(0, "wait --timeout 14s");
		await(five_workers, NULL, "five workers");
	}
	check_alive("t/u/w");
	tree_down();
}

static int names_in_use(void)
{
	DIR *dir = opendir(it_runtime_dir());
	struct dirent *e;
	int n = 0;

	check(dir, "cannot open %s", it_runtime_dir());
	while ((e = readdir(dir)))
		n += e->d_name[0] != '.';
	(void)closedir(dir);
	return n;
}

/* Those below it are killed too, before they can take their names away. */
CASE(it_killed, a_nested_supervisor_leaves_no_name)
{
	int before;
	pid_t s;

	tree_up("{'name':'app','max_restarts':'infinity','children':[{'id':'s',"
		"'type':'supervisor','children':[{'id':'t','type':'supervisor',"
		"'children':[" CHILD("x", "'ready':{'notify':true}",
			"'notify','READY=1','stay'") "]}," CHILD("y",
			"'ready':{'notify':true}", "'notify','READY=1','stay'") "]}]}");
	before = names_in_use();
	for (int round = 0; round < 5; round++) {
		s = pid_of("s");
		halt(pid_of("s/t"));
		(void)kill(s, SIGKILL);
		(void)await_next("s", s);
		kick_gives(0, "wait s/t/x s/y --timeout 14s");
	}
	check(names_in_use() == before, "%d names in the runtime directory, %d before",
		names_in_use(), before);
	tree_down();
}
