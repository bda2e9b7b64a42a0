/* The terminal that kickd was started from, and its end. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "it_pty.h"

static const char hung_up[] = "{'name':'app','children':[" CHILD("a",
	"'restart':'permanent'",
	"'count','f','stay'") ",{'id':'s','type':'supervisor','children':[" WORKER("x") "]}]}";

CASE(it_terminal, kickd_ends_in_order_when_its_terminal_goes_away)
{
	for (int all = 0; all < 2; all++) {
		pty_make();
		tree_before_exec(all ? pty_take_all : pty_take);
		tree_up(hung_up);
		/* Sent by somebody it is a reload. */
		put_json("app.json",
			all ? "{'name':'app','children':[" WORKER("b") "]}"
			    : "{'name':'app','children':[" WORKER("c") "]}");
		tree_signal(SIGHUP);
		(void)await_event("ready", all ? "b" : "c", 1);
		(void)await_event("deleted", "s", 1);
		check_alive(all ? "b" : "c");
		pty_end();
		tree_ends(0);
	}
}

static void take_terminal_with_nohup(void)
{
	pty_take();
	(void)signal(SIGHUP, SIG_IGN);
}

CASE(it_terminal, kickd_lives_on_without_its_terminal_when_hup_was_ignored)
{
	pty_make();
	tree_before_exec(take_terminal_with_nohup);
	tree_up(hung_up);
	pty_end();
	/* Whatever it was told by the terminal, it has taken before this. */
	put_json("app.json", "{'name':'app','children':[" WORKER("b") "]}");
	kick_gives(0, "reload");
	kick_gives(0, "status");
	check_alive("b");
	tree_down();
}

CASE(it_terminal, no_worker_inherits_a_terminal_as_stdin)
{
	pty_make();
	tree_before_exec(pty_take);
	tree_start("{'name':'app','children':[{'id':'a','stdin':'inherit','start':"
		   "['./h','stay']}]}",
		"");
	tree_ends(1);
	check(strstr(tree_err(), "kickd's is a terminal"), "said: %s", tree_err());
}

/* A shell hands its own HUP on to its jobs, then ends, upon which the kernel sends one
 * to those in the foreground: kickd may find the two merged into the first. */
static pid_t of_kickd;

static void hand_on(int sig)
{
	(void)sig;
	(void)kill(of_kickd, SIGHUP);
	_exit(0);
}

static void run_below_a_shell(void)
{
	struct sigaction sa = { .sa_handler = hand_on };
	int p[2];
	char c;

	pty_take();
	(void)!pipe2(p, O_CLOEXEC);
	of_kickd = fork();
	if (of_kickd == 0) {
		(void)close(p[1]);
		(void)!read(p[0], &c, 1);
		return;
	}
	(void)signal(SIGTTOU, SIG_IGN);
	(void)setpgid(of_kickd, of_kickd);
	(void)tcsetpgrp(STDIN_FILENO, of_kickd);
	(void)sigaction(SIGHUP, &sa, NULL);
	put_file("kickd.pid", "%d\n", (int)of_kickd);
	(void)!write(p[1], "", 1);
	for (;;)
		(void)pause();
}

CASE(it_terminal, kickd_ends_in_order_when_its_shell_hands_on_the_hangup)
{
	pid_t kickd, a;

	pty_make();
	tree_before_exec(run_below_a_shell);
	tree_up(hung_up);
	kickd = pid_in("kickd.pid");
	a = pid_of("a");
	/* Both signals come before it can look. */
	halt(kickd);
	pty_end();
	await_gone(kickd);
	check(!is_alive(a), "a lives");
	check(access(it_runtime_dir(), F_OK) < 0,
		"the runtime directory is still there");
}
