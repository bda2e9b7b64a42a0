/* What kick does when the other side does not answer: a question ends with who is
 * silent and what to do, an order goes on being waited for, and a terminal is told for
 * what. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "harness.h"
#include "it_inside.h"

#define TREE                                                                  \
	"{'name':'app','children':[" WORKER(                                  \
		"a") ",{'id':'s','type':'supervisor',"                        \
		     "'children':[" WORKER(                                   \
			     "x") "]},{'id':'bad','autostart':false,'start':" \
				  "['./none']}]}"

/* A question and what it ends with while nobody answers it. */
struct row {
	const char *verb;
	int status;
	struct job *job;
};

static void ask_all(struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		rows[i].job = kick_begin("%s", rows[i].verb);
}

static void check_all(const struct row *rows, size_t n, pid_t silent)
{
	char advice[64];

	(void)snprintf(advice, sizeof advice, "kill -CONT %d ", (int)silent);
	for (size_t i = 0; i < n; i++) {
		int r = finish(rows[i].job);

		expect(r == rows[i].status, "%s: status %d, not %d: %s", rows[i].verb,
			r, rows[i].status, job_err(rows[i].job));
		expect(strstr(job_err(rows[i].job), "has not answered for 5s") &&
				strstr(job_err(rows[i].job), advice),
			"%s: it does not say who and what to do: %s", rows[i].verb,
			job_err(rows[i].job));
	}
	expected();
}

CASE(it_waits, questions_to_a_stopped_top_supervisor_end_and_orders_wait)
{
	struct row rows[] = {
		{ "status", 3, NULL },
		{ "status --json", 3, NULL },
		{ "status a", 4, NULL },
		{ "whereis a", 1, NULL },
		{ "alive a", 1, NULL },
		{ "info a", 1, NULL },
		{ "which-children app", 1, NULL },
		{ "count-children app", 1, NULL },
		{ "log a", 1, NULL },
		{ "stop a", 1, NULL },
		{ "shutdown", 1, NULL },
	};
	struct job *reload, *wait;
	pid_t top;

	tree_up(TREE);
	top = pid_of("app");
	halt(top);
	reload = kick_begin("reload");
	wait = kick_begin("wait a");
	ask_all(rows, sizeof rows / sizeof *rows);
	check_all(rows, sizeof rows / sizeof *rows, top);
	/* They have been asked before all the others, and would have ended before. */
	check(reload->status < 0, "reload gave up: %s", job_err(reload));
	check(wait->status < 0, "wait gave up: %s", job_err(wait));
	(void)kill(top, SIGCONT);
	check(finish(reload) == 0, "reload: %s", job_err(reload));
	check(finish(wait) == 0, "wait: %s", job_err(wait));
	check(!*job_err(wait), "a hint without a terminal: %s", job_err(wait));
	check_alive("a");
	tree_down();
}

CASE(it_waits, a_stopped_logger_keeps_nobody_waiting)
{
	struct row rows[] = {
		{ "log a", 1, NULL },
		{ "events", 1, NULL },
		{ "start bad", 1, NULL },
		{ "status", 3, NULL },
	};
	struct job *follow;
	pid_t logger;

	tree_up(TREE);
	kick_gives(1, "start bad");
	logger = logger_pid();
	halt(logger);
	follow = kick_begin("log a -f");
	ask_all(rows, sizeof rows / sizeof *rows);
	check_all(rows, sizeof rows / sizeof *rows, logger);
	check(strstr(job_err(rows[2].job), "./none"), "why bad did not start: %s",
		job_err(rows[2].job));
	check(strstr(job_out(rows[3].job), "bad"), "the tree is not shown: %s",
		job_out(rows[3].job));
	check(follow->status < 0, "log -f gave up: %s", job_err(follow));
	/* The others are not in its way. */
	kick_gives(0, "restart a");
	(void)kill(logger, SIGCONT);
	kick_gives(0, "log a");
	/* It ends with the tree; until then it is a process that is left. */
	tree_signal(SIGTERM);
	check(finish(follow) == 0, "log -f: %s", job_err(follow));
	tree_ends(0);
}

CASE(it_waits, a_timeout_of_the_user_is_124_and_names_who_is_silent)
{
	static const char *const verbs[] = { "status", "status s/x", "whereis s/x",
		"count-children s", "stop s/x", "log s/x" };
	char who[64];
	pid_t s, top;

	tree_up(TREE);
	top = pid_of("app");
	s = pid_of("s");
	halt(s);
	(void)snprintf(who, sizeof who, "the supervisor s (pid %d)", (int)s);
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		int r = kick("%s --timeout 100ms", verbs[i]);

		expect(r == 124, "%s: status %d: %s", verbs[i], r, last_err());
		expect(i == 0 || strstr(last_err(), who), "%s: %s", verbs[i],
			last_err());
	}
	expected();
	(void)kill(s, SIGCONT);
	kick_gives(0, "wait --timeout 10s");
	halt(top);
	kick_gives(124, "status a --timeout 100ms");
	(void)snprintf(who, sizeof who, "the top supervisor app (pid %d)", (int)top);
	check(strstr(last_err(), who), "%s", last_err());
	(void)kill(top, SIGCONT);
	kick_gives(0, "status a");
	tree_down();
}

CASE(it_waits, what_is_advised_for_a_supervisor_that_hangs_helps)
{
	char advice[64];
	pid_t s;

	tree_up(TREE);
	s = pid_of("s");
	halt(s);
	kick_gives(124, "status s/x --timeout 100ms");
	(void)snprintf(advice, sizeof advice, "kill -9 %d has it started anew", (int)s);
	check(strstr(last_err(), advice), "%s", last_err());
	(void)kill(s, SIGKILL);
	(void)await_next("s", s);
	kick_gives(0, "status");
	tree_down();
}

/* --- on a terminal ------------------------------------------------------------------
 */

/* kick with a terminal for its standard error. The terminal is the job's "stderr". */
static struct job *on_terminal(const char *verb, const char *name)
{
	struct job *job = &it.jobs[it.n_jobs++];
	char path[300];

	*job = (struct job){ .status = -1, .fds = { -1, -1 } };
	(void)snprintf(job->name, sizeof job->name, "kick %s", verb);
	(void)snprintf(path, sizeof path, "%s/kick", it.out);
	text_add(&job->text[0], "", 0);
	text_add(&job->text[1], "", 0);
	job->fds[1] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	check(job->fds[1] >= 0 && grantpt(job->fds[1]) == 0 &&
			unlockpt(job->fds[1]) == 0,
		"no terminal: %s", strerror(errno));
	job->pid = fork();
	if (job->pid == 0) {
		int fd = open(ptsname(job->fds[1]), O_RDWR | O_NOCTTY | O_CLOEXEC);
		sigset_t none;

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)sigemptyset(&none);
		(void)sigprocmask(SIG_SETMASK, &none, NULL);
		(void)dup2(open("/dev/null", O_RDWR | O_CLOEXEC), STDOUT_FILENO);
		(void)dup2(fd, STDERR_FILENO);
		(void)execl(path, path, "-R", it_runtime_dir(), verb, name, NULL);
		_exit(127);
	}
	check(job->pid > 0, "fork: %s", strerror(errno));
	return job;
}

static bool has_spoken(const void *arg)
{
	const struct job *job = arg;

	return job->status >= 0 || strchr(job->text[1].bytes, '\n');
}

static bool has_ended(const void *arg)
{
	return ((const struct job *)arg)->status >= 0;
}

/* Its end: a terminal has no end of file that could be waited for. */
static int terminal_ends(struct job *job)
{
	await(has_ended, job, "the end of %s", job->name);
	job_read(job, 1);
	(void)close(job->fds[1]);
	job->fds[1] = -1;
	return job->status;
}

static void check_said(const struct job *job, const char *want)
{
	const char *said = job_err(job);

	check(strstr(said, want), "%s: \"%s\"", job->name, said);
	check(!strchr(strchr(said, '\n') + 1, '\n'), "%s: more than once: %s",
		job->name, said);
}

CASE(it_waits, an_order_that_takes_long_is_explained_on_a_terminal_only)
{
	struct job *quiet, *stop, *start, *wait;
	pid_t a;

	make_fifo("g");
	tree_up("{'name':'app','children':[" CHILD("a", "'shutdown':'1m'",
		"'ignore','TERM','say','deaf','stay'") "," CHILD("b",
		"'autostart':false,'ready':{'exit':true},'start_timeout':'1h'",
		"'gate','g','exit','0'") "]}");
	await_out("deaf");
	a = pid_of("a");
	quiet = kick_begin("stop a");
	stop = on_terminal("stop", "a");
	start = on_terminal("start", "b");
	await_event("stopping", "a", 1);
	await_event("started", "b", 1);
	wait = on_terminal("wait", "b");
	await(has_spoken, stop, "the hint of stop");
	await(has_spoken, start, "the hint of start");
	await(has_spoken, wait, "the hint of wait");
	check(stop->status < 0 && start->status < 0 && wait->status < 0,
		"one did not wait");
	(void)kill(a, SIGKILL);
	open_gate("g");
	check(terminal_ends(stop) == 0, "stop: %s", job_err(stop));
	check(terminal_ends(start) == 0, "start: %s", job_err(start));
	check(terminal_ends(wait) == 0, "wait: %s", job_err(wait));
	check_said(stop,
		"kick: waiting for a to stop: shutdown is 1m; ^C gives up waiting, the "
		"stop goes on\r\n");
	check_said(start,
		"kick: waiting for b to be ready: start_timeout is 1h; ^C gives up "
		"waiting, the start goes on\r\n");
	check_said(wait,
		"kick: waiting for b to be running, it is starting; ^C gives "
		"up waiting\r\n");
	check(finish(quiet) == 0, "stop: %s", job_err(quiet));
	check(!*job_err(quiet), "a hint without a terminal: %s", job_err(quiet));
	tree_down();
}
