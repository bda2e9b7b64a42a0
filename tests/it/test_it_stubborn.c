/* Workers that do not want to go: deaf ones, daemons, holders of pipes, stopped ones.
 * "Stopped means gone": nothing that bears the child's mark is left. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

CASE(it_stubborn, one_that_ignores_term_is_killed_at_its_deadline)
{
	double before;
	pid_t a;

	tree_up("{'name':'app','children':[" CHILD(
		"a", "'shutdown':'300ms'", "'ignore','TERM','say','deaf','stay'") "]}");
	await_out("deaf");
	a = pid_of("a");
	before = it_now();
	kick_gives(0, "stop a");
	check(it_now() - before >= 0.3, "too early: %f s", it_now() - before);
	check(!is_alive(a), "it lives");
	check(strcmp(await_end(a)->reason, "killed") == 0, "reason %s",
		await_end(a)->reason);
	await_err("did not stop within 300ms");
	tree_down();
}

CASE(it_stubborn, brutal_kill_asks_nobody)
{
	pid_t a;

	tree_up("{'name':'app','children':[" CHILD("a", "'shutdown':'brutal_kill'",
		"'trap','TERM','7','say','up','stay'") "]}");
	await_out("up");
	a = pid_of("a");
	kick_gives(0, "stop a");
	check(strcmp(await_end(a)->reason, "killed") == 0, "reason %s",
		await_end(a)->reason);
	tree_down();
}

CASE(it_stubborn, a_slow_one_gets_its_time)
{
	pid_t a;

	tree_up("{'name':'app','children':[" CHILD("a", "'shutdown':'infinity'",
		"'slow','TERM','500','say','up','stay'") "]}");
	await_out("up");
	a = pid_of("a");
	kick_gives(0, "stop a");
	check(strcmp(await_end(a)->reason, "shutdown") == 0, "reason %s",
		await_end(a)->reason);
	tree_down();
}

CASE(it_stubborn, a_daemon_is_gone_after_stop)
{
	pid_t d;

	tree_up("{'name':'app','children':[" CHILD(
		"a", "'restart':'permanent'", "'daemon','d','say','up','stay'") "]}");
	await_out("up");
	d = pid_in("d");
	check(is_alive(d), "there is no daemon");
	kick_gives(0, "stop a");
	check(!is_alive(d), "the daemon lives");
	tree_down();
}

CASE(it_stubborn, a_daemon_is_gone_after_a_crash_before_the_next_start)
{
	pid_t a, d;

	tree_up("{'name':'app','children':[" CHILD(
		"a", "'restart':'permanent'", "'daemon','d','say','up','stay'") "]}");
	await_out("up");
	a = pid_of("a");
	d = pid_in("d");
	(void)kill(a, SIGKILL);
	(void)await_next("a", a);
	check(!is_alive(d), "the old daemon lives beside the new one");
	await_lines("d", 2);
	tree_down();
}

CASE(it_stubborn, a_program_that_goes_into_the_background_gets_a_hint)
{
	tree_start("{'name':'app','children':[" CHILD("a", "'restart':'permanent'",
			   "'daemon','d','exit','0'") "]}",
		"");
	tree_ends(1);
	check(strstr(tree_err(), "background"), "no hint");
	check(!is_alive(pid_in("d")), "a daemon lives");
}

CASE(it_stubborn, a_child_in_the_group_is_gone_with_its_leader)
{
	pid_t a, c;

	tree_up("{'name':'app','children':[" CHILD("a", "'restart':'temporary'",
		"'child','c','say','up','stay'") "," CHILD("b", "'shutdown':'200ms'",
		"'child','k','say','up','ignore','TERM','stay'") "]}");
	await_out("a | up");
	await_out("b | up");
	a = pid_of("a");
	c = pid_in("c");
	(void)kill(a, SIGSEGV);
	await_state("a", "exited");
	check(!is_alive(c), "the child of a lives");
	c = pid_in("k");
	kick_gives(0, "stop b");
	check(!is_alive(c), "the child of b lives");
	tree_down();
}

/* Death is seen by the process's end, not by the end of file of its output. */
CASE(it_stubborn, a_grandchild_that_holds_the_pipe_hides_no_death)
{
	pid_t a;

	tree_up("{'name':'app','children':[" CHILD(
		"a", "'restart':'permanent'", "'daemon','d','say','up','stay'") "]}");
	await_out("up");
	a = pid_of("a");
	(void)kill(a, SIGKILL);
	check(await_next("a", a) != a, "same pid");
	check_alive("a");
	tree_down();
}

CASE(it_stubborn, one_that_has_stopped_itself_can_be_ended)
{
	pid_t a;

	tree_up("{'name':'app','children':[" CHILD("a", "'shutdown':'300ms'",
		"'say','up','kill','STOP','stay'") "," CHILD("b", "'shutdown':'5s'",
		"'say','up','kill','STOP','stay'") "]}");
	await_out("a | up");
	await_out("b | up");
	a = pid_of("a");
	kick_gives(0, "stop a");
	check(!is_alive(a), "it lives");
	tree_down();
}

CASE(it_stubborn, kill_mode_decides_who_hears_the_stop_signal)
{
	static const struct {
		const char *mode;
		int lines;
	} rows[] = { { "group", 1 }, { "mixed", 0 } };
	char config[300];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		(void)unlink("told");
		(void)snprintf(config, sizeof config,
			"{'name':'app','children':[{'id':'a','kill_mode':'%s','start':"
			"['./h','politechild','told','slow','TERM','500','say','up',"
			"'stay']}]}",
			rows[i].mode);
		tree_up(config);
		await_out("up");
		kick_gives(0, "stop a");
		check(lines_in("told") == rows[i].lines, "%s: told %d times",
			rows[i].mode, lines_in("told"));
		tree_down();
	}
}

/* A shell that waits for its command: a text as start has kill_mode group. */
CASE(it_stubborn, a_command_line_ends_with_its_shell)
{
	double before;

	tree_up("{'name':'app','children':[{'id':'a','shutdown':'10s','start':"
		"'./h count p say up stay; true'}]}");
	await_out("up");
	before = it_now();
	kick_gives(0, "stop a");
	check(!is_alive(pid_in("p")), "the command lives");
	check(it_now() - before < 8, "only killed at the deadline");
	tree_down();
}

CASE(it_stubborn, stop_signal_is_what_is_sent)
{
	pid_t a;

	tree_up("{'name':'app','children':[" CHILD("a", "'stop_signal':'USR1'",
		"'ignore','TERM','trap','USR1','0','say','up','stay'") "]}");
	await_out("up");
	a = pid_of("a");
	kick_gives(0, "stop a");
	check(strcmp(await_end(a)->reason, "shutdown") == 0, "reason %s",
		await_end(a)->reason);
	tree_down();
}

/* The administrator's word: a child that is told to stop in the middle of its start. */
CASE(it_stubborn, one_that_is_starting_can_be_stopped)
{
	struct job *stop;

	tree_start("{'name':'app','children':[" CHILD("a",
			   "'ready':{'notify':true},'start_timeout':'infinity'",
			   "'say','up','stay'") "," WORKER("b") "]}",
		"");
	await_out("up");
	check(strcmp(state_of("a"), "starting") == 0, "a is %s", state_of("a"));
	stop = kick_begin("stop a");
	check(finish(stop) == 0, "stop: %s", job_err(stop));
	check(strcmp(state_of("a"), "stopped") == 0, "a is %s", state_of("a"));
	tree_ready();
	check_alive("b");
	tree_down();
}

CASE(it_stubborn, term_during_the_start_takes_back_what_was_started)
{
	tree_start("{'name':'app','children':[" WORKER("a") "," CHILD("b",
			   "'ready':{'notify':true},'start_timeout':'infinity'",
			   "'daemon','d','say','up','stay'") "]}",
		"");
	await_out("up");
	tree_signal(SIGTERM);
	tree_ends(0);
	check(!is_alive(pid_in("d")), "a daemon lives");
}
