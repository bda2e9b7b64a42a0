/* `kickd -- COMMAND`: one program, no tree. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "it_filter.h"
#include "it_pty.h"

struct said {
	const struct job *job;
	const char *text;
};

static bool job_said(const void *arg)
{
	const struct said *s = arg;

	return strstr(job_out(s->job), s->text) || job_ended(s->job);
}

static void await_said(const struct job *job, const char *text)
{
	struct said s = { job, text };

	await(job_said, &s, "\"%s\" from the program", text);
	check(strstr(job_out(job), text), "it ended instead, and said: %s%s",
		job_out(job), job_err(job));
}

/* Nobody is left over, and nobody has come to us. */
static void nothing_is_left(void)
{
	check(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "a process is left");
}

/* --- statuses ------------------------------------------------------------------------
 */

CASE(it_command, it_ends_with_the_commands_status)
{
	static const struct {
		const char *words;
		int status;
		const char *said;
	} rows[] = {
		{ "-- ./h", 0, "" },
		{ "-- ./h exit 7", 7, "" },
		{ "-- ./h exit 255", 255, "" },
		{ "-- ./h kill TERM", 143, "" },
		{ "-- ./h kill KILL", 137, "" },
		{ "-- ./h kill ABRT", 134, "" },
		{ "-- ./nothing", 127, "cannot run ./nothing: No such file" },
		{ "-- kick-nothing", 127, "cannot run kick-nothing: no such program" },
		{ "-- ./h/x", 127, "cannot run ./h/x: Not a directory" },
		{ "-- ./plain", 126, "cannot run ./plain: Permission denied" },
		{ "-- .", 126, "cannot run .: Permission denied" },
		{ "-- ./script", 127, "not its interpreter" },
		{ "--map-exit 143=0 -- ./h kill TERM", 0, "" },
		{ "--map-exit 143=0 -- ./h exit 9", 9, "" },
		{ "--map-exit 143=0 --map-exit 9=0 --map-exit 0=3 -- ./h exit 9", 0,
			"" },
		{ "--map-exit=127=5 -- ./nothing", 5, "cannot run" },
	};

	put_file("plain", "x\n");
	put_file("script", "#!/no/interpreter\n");
	(void)chmod("script", 0755);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int status = run("kickd", "%s", rows[i].words);

		expect(status == rows[i].status, "kickd %s: status %d, not %d",
			rows[i].words, status, rows[i].status);
		expect(strstr(last_err(), rows[i].said) &&
				!*rows[i].said == !*last_err(),
			"kickd %s said: %s", rows[i].words, last_err());
	}
	expected();
	nothing_is_left();
}

CASE(it_command, wrong_command_lines_are_refused)
{
	static const char *const rows[][2] = {
		{ "--", "which command" },
		{ "--map-exit 143 -- ./h", "two exit statuses" },
		{ "--map-exit 143= -- ./h", "two exit statuses" },
		{ "--map-exit =0 -- ./h", "two exit statuses" },
		{ "--map-exit 256=0 -- ./h", "two exit statuses" },
		{ "--map-exit 143=0 app.json", "for one command" },
		{ "--check -- ./h", "--check is for a configuration" },
		{ "--shutdown 5 -- ./h", "a duration" },
		{ "-R --", "which configuration file" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int status = run("kickd", "%s", rows[i][0]);

		expect(status == 2 && strstr(last_err(), rows[i][1]),
			"kickd %s: status %d, said: %s", rows[i][0], status,
			last_err());
	}
	expected();
}

/* As for a tree, so that whoever starts us need not tell one from the other. */
CASE(it_command, a_runtime_directory_is_not_made)
{
	check(run("kickd", "-R there -- ./h exit 7") == 7, "said: %s", last_err());
	check(access(it_path("there"), F_OK) < 0, "there is one");
}

/* --- what the command gets -----------------------------------------------------------
 */

static void with_a_descriptor(void)
{
	(void)dup2(STDERR_FILENO, 7);
	(void)signal(SIGUSR2, SIG_IGN);
}

/* As if kickd were not there. */
CASE(it_command, it_gets_what_kickd_got)
{
	static const char words[] = "fds signals limits env";
	char *plain;

	begin_with(with_a_descriptor);
	check(run("helper", "%s", words) == 0, "the helper failed");
	plain = strdup(last_out());
	check(strstr(plain, " 7") && strstr(plain, "not default 12 "),
		"helper said: %s", plain);
	check(run("kickd", "-- ./h %s", words) == 0, "status");
	check(strcmp(last_out(), plain) == 0, "kickd: %s\nwithout: %s", last_out(),
		plain);
	free(plain);
}

static void ignore_children(void)
{
	(void)signal(SIGCHLD, SIG_IGN);
}

CASE(it_command, an_ignored_sigchld_hides_no_status)
{
	begin_with(ignore_children);
	check(run("kickd", "-- ./h orphans 100 exit 6") == 6, "status");
}

CASE(it_command, every_signal_is_handed_on)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1,
		SIGUSR2, SIGALRM, SIGPIPE, SIGWINCH, SIGTSTP, SIGURG, SIGVTALRM,
		SIGXCPU, SIGPWR, 35, 64 };

	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
		int status;
		struct job *job =
			begin("kickd", "-- ./h trap %d 44 say up stay", signals[i]);

		await_said(job, "up");
		(void)kill(job_pid(job), signals[i]);
		status = finish(job);
		expect(status == 44, "signal %d: status %d", signals[i], status);
	}
	expected();
}

/* --- what it leaves behind -----------------------------------------------------------
 */

CASE(it_command, orphans_are_reaped_at_once)
{
	check(run("kickd", "-- ./h orphans 3000 exit 5") == 5, "status %s", last_err());
}

CASE(it_command, what_is_left_is_told_to_end)
{
	check(run("kickd", "--shutdown 1h -- ./h politechild f exit 4") == 4, "status");
	check(file_has("f", "term"), "it was not told");
	nothing_is_left();
	/* Below it, in another session, stopped: it is told as well. */
	put_file("left.sh",
		"#!/bin/sh\n"
		"setsid ./h politechild g say up kill STOP >up &\n"
		"until grep -q up up; do :; done\n"
		"exit 3\n");
	(void)chmod("left.sh", 0755);
	check(run("kickd", "--shutdown 1h -- ./left.sh") == 3, "status");
	check(file_has("g", "term"), "it was not told");
	nothing_is_left();
}

CASE(it_command, what_is_deaf_is_killed_after_its_time)
{
	pid_t d, c;

	check(run("kickd", "--shutdown 100ms -- ./h daemon d child c exit 4") == 4,
		"status");
	d = pid_in("d");
	c = pid_in("c");
	check(d && !is_alive(d) && c && !is_alive(c), "it lives");
	nothing_is_left();
}

CASE(it_command, a_second_signal_hurries)
{
	struct job *job =
		begin("kickd", "--shutdown 1h -- ./h daemon d trap TERM 9 say up stay");

	await_said(job, "up");
	(void)kill(job_pid(job), SIGTERM);
	/* One that comes a second after the end counts. */
	while (!job_ended(job)) {
		(void)kill(job_pid(job), SIGTERM);
		(void)it_pump(it_now() + 0.1);
	}
	check(finish(job) == 9, "status");
	check(!is_alive(pid_in("d")), "it lives");
	nothing_is_left();
}

CASE(it_command, the_command_does_not_outlive_a_killed_kickd)
{
	struct job *job = begin("kickd", "-- ./h count f stay");

	await_lines("f", 1);
	(void)kill(job_pid(job), SIGKILL);
	check(finish(job) == 137, "status");
	await_gone(pid_in("f"));
}

/* --- a terminal ----------------------------------------------------------------------
 */

CASE(it_command, it_has_the_terminal_and_its_keys)
{
	struct job *job;

	pty_make();
	begin_with(pty_take);
	check(run("kickd", "-- ./h terminal") == 0, "status");
	check(strstr(last_out(), "leader=1 foreground=1"), "said: %s", last_out());
	job = begin("kickd", "-- ./h trap INT 33 say up stay");
	await_said(job, "up");
	pty_type("\003");
	check(finish(job) == 33, "status");
	/* There is no shell that could continue it: it goes on at once. */
	job = begin("kickd", "-- ./h trap 18 34 say up stay");
	await_said(job, "up");
	pty_type("\032");
	check(finish(job) == 34, "status");
	/* The terminal is gone. */
	job = begin("kickd", "-- ./h trap HUP 35 say up stay");
	await_said(job, "up");
	pty_end();
	check(finish(job) == 35, "status");
}

/* A shell in small: kickd is a job of it, is stopped, and is continued. */
static void be_a_shell(void)
{
	int status;
	pid_t job;

	pty_take();
	(void)signal(SIGTTOU, SIG_IGN);
	job = fork();
	(void)setpgid(job, job);
	(void)tcsetpgrp(STDIN_FILENO, job ? job : getpid());
	if (job == 0) {
		(void)signal(SIGTTOU, SIG_DFL);
		return;
	}
	if (waitpid(job, &status, WUNTRACED) != job || !WIFSTOPPED(status))
		_exit(90);
	(void)tcsetpgrp(STDIN_FILENO, getpgrp());
	(void)tcsetpgrp(STDIN_FILENO, job);
	(void)kill(-job, SIGCONT);
	if (waitpid(job, &status, WUNTRACED) != job || !WIFEXITED(status))
		_exit(91);
	/* It has handed the terminal back to its own group. */
	_exit(tcgetpgrp(STDIN_FILENO) == job ? WEXITSTATUS(status) : 92);
}

CASE(it_command, a_shell_may_stop_and_continue_it)
{
	struct job *job;

	pty_make();
	begin_with(be_a_shell);
	job = begin("kickd", "-- ./h trap 18 21 say up stay");
	await_said(job, "up");
	pty_type("\032");
	check(finish(job) == 21, "status %d", finish(job));
}

/* --- places that refuse --------------------------------------------------------------
 */

static void be_nobody(void)
{
	if (getuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
		_exit(98);
}

CASE(it_command, any_user_may_run_one)
{
	if (getuid() == 0)
		it_need_other_users("it_command::any_user_may_run_one");
	(void)chmod(it_path("."), 0777);
	begin_with(be_nobody);
	check(run("kickd", "--shutdown 1ms -- ./h orphans 100 daemon d exit 8") == 8,
		"said: %s", last_err());
	check(!is_alive(pid_in("d")), "it lives");
}

CASE(it_command, it_needs_no_clone3)
{
	begin_with(filter_clone3);
	check(run("kickd", "-- ./h orphans 100 exit 8") == 8, "said: %s", last_err());
	tree_before_exec(filter_clone3);
	tree_up("{'name':'app','children':[" WORKER(
		"a") ",{'id':'s','type':'supervisor',"
		     "'children':[" WORKER("x") "]}]}");
	check_alive("s/x");
	tree_down();
}

/* --- memory --------------------------------------------------------------------------
 */

static long private_kib(pid_t pid)
{
	long kib = 0;

	for (const char *p = read_of(pid, "smaps_rollup");
		(p = strstr(p, "\nPrivate_")); p++)
		kib += strtol(strchr(p, ':') + 1, NULL, 10);
	return kib;
}

CASE(it_command, it_has_little_memory_of_its_own)
{
	struct job *job = begin("kickd", "-- ./h say up stay");
	double deadline = it_deadline();
	long kib;

#ifdef __SANITIZE_ADDRESS__
	it_skip("it_command::it_has_little_memory_of_its_own",
		"a sanitizer takes more");
#endif
	await_said(job, "up");
	/* It gives back what the start has taken when the program runs already. */
	while ((kib = private_kib(job_pid(job))) > 200 && it_now() < deadline)
		(void)it_pump(it_now() + 0.02);
	(void)kill(job_pid(job), SIGTERM);
	check(finish(job) == 143, "status");
	if (!kib)
		it_skip("it_command::it_has_little_memory_of_its_own",
			"needs /proc/PID/smaps_rollup");
	check(kib <= 200, "%ld KiB", kib);
}
