/* The programs that a test runs: kick for its verbs, and kickd, which is the tree. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "it_inside.h"

#define WORDS_MAX 64

static struct job *last;

/* --- one program
 * ----------------------------------------------------------------------
 */

/* Splits in place. */
static void split(char *line, char **words)
{
	size_t n = 1; /* the first is the program */

	for (char *p = line; *p; p++)
		if (*p == '\'')
			*p = '"';
	for (char *w = strtok(line, " "); w && n < WORDS_MAX - 1; w = strtok(NULL, " "))
		words[n++] = w;
	words[n] = NULL;
}

static _Noreturn void become(
	const char *program, const char *line, const int *out, bool notify)
{
	char path[300], *words[WORDS_MAX];
	char *copy = strdup(line);
	sigset_t none;

	if (*program == '/')
		(void)snprintf(path, sizeof path, "%s", program);
	else
		(void)snprintf(path, sizeof path, "%s/%s", it.out, program);
	split(copy, words);
	words[0] = path;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
	(void)dup2(out[0], STDOUT_FILENO);
	(void)dup2(out[1], STDERR_FILENO);
	if (notify && it.before_exec)
		it.before_exec();
	if (!notify && it.before_begin)
		it.before_begin();
	if (notify)
		(void)setenv("NOTIFY_SOCKET", it_path("notify"), 1);
	(void)setenv("LC_ALL", "C.UTF-8", 1);
	(void)unsetenv("KICK_RUNTIME_DIR");
	(void)execv(path, words);
	(void)dprintf(STDERR_FILENO, "%s: %s\n", path, strerror(errno));
	_exit(127);
}

struct job *job_begin(const char *program, const char *line, bool notify)
{
	int ends[2] = { -1, -1 };
	struct job *job = &it.jobs[it.n_jobs % 64];

	check(it.n_jobs < 64 || job_over(job), "too many programs at once");
	if (it.n_jobs < 64)
		it.n_jobs++;
	*job = (struct job){ .status = -1 };
	(void)snprintf(job->name, sizeof job->name, "%s", program);
	for (int i = 0; i < 2; i++) {
		int p[2];

		check(pipe2(p, O_CLOEXEC) == 0, "pipe: %s", strerror(errno));
		(void)fcntl(p[0], F_SETFL, O_NONBLOCK);
		job->fds[i] = p[0];
		ends[i] = p[1];
		text_add(&job->text[i], "", 0);
	}
	job->pid = fork();
	if (job->pid == 0)
		become(program, line, ends, notify);
	check(job->pid > 0, "fork: %s", strerror(errno));
	(void)close(ends[0]);
	(void)close(ends[1]);
	return job;
}

void job_read(struct job *job, int i)
{
	static char buf[65536];
	ssize_t n;

	while ((n = read(job->fds[i], buf, sizeof buf)) > 0)
		text_add(&job->text[i], buf, (size_t)n);
	if (n == 0) {
		(void)close(job->fds[i]);
		job->fds[i] = -1;
	}
}

static int status_of(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void jobs_reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct job *job = NULL;

		for (size_t i = 0; i < it.n_jobs && !job; i++)
			if (it.jobs[i].pid == pid && it.jobs[i].status < 0)
				job = &it.jobs[i];
		if (job)
			job->status = status_of(status);
		else
			it.orphans++;
	}
}

bool job_over(const struct job *job)
{
	return job->status >= 0 && job->fds[0] < 0 && job->fds[1] < 0;
}

static bool over(const void *arg)
{
	return job_over(arg);
}

int finish(struct job *job)
{
	await(over, job, "the end of %s (status %d)", job->name, job->status);
	last = job;
	return job->status;
}

const char *job_out(const struct job *job)
{
	return job->text[0].bytes;
}

const char *job_err(const struct job *job)
{
	return job->text[1].bytes;
}

const char *last_out(void)
{
	return job_out(last);
}

const char *last_err(void)
{
	return job_err(last);
}

/* --- a free place
 * -----------------------------------------------------------------------
 */

/* Verbs are many: those that are over make room, but for kickd and the last one. */
static void make_room(void)
{
	struct job *job = it.n_jobs ? &it.jobs[it.n_jobs - 1] : NULL;

	if (!job || job == it.kickd || !job_over(job))
		return;
	free(job->text[0].bytes);
	free(job->text[1].bytes);
	it.n_jobs--;
}

static struct job *begin_va(const char *program, const char *fmt, va_list ap)
{
	char *line = vformat(fmt, ap);
	struct job *job;

	make_room();
	job = job_begin(program, line, false);
	free(line);
	return job;
}

struct job *begin(const char *program, const char *fmt, ...)
{
	struct job *job;
	va_list ap;

	va_start(ap, fmt);
	job = begin_va(program, fmt, ap);
	va_end(ap);
	return job;
}

int run(const char *program, const char *fmt, ...)
{
	struct job *job;
	va_list ap;

	va_start(ap, fmt);
	job = begin_va(program, fmt, ap);
	va_end(ap);
	return finish(job);
}

/* --- kick
 * ------------------------------------------------------------------------------
 */

static struct job *kick_va(const char *fmt, va_list ap)
{
	char *verb = vformat(fmt, ap);
	struct job *job = begin("kick", "-R %s %s", it.run, verb);

	free(verb);
	return job;
}

struct job *kick_begin(const char *fmt, ...)
{
	struct job *job;
	va_list ap;

	va_start(ap, fmt);
	job = kick_va(fmt, ap);
	va_end(ap);
	return job;
}

int kick(const char *fmt, ...)
{
	struct job *job;
	va_list ap;

	va_start(ap, fmt);
	job = kick_va(fmt, ap);
	va_end(ap);
	return finish(job);
}

void kick_gives(int status, const char *fmt, ...)
{
	struct job *job;
	va_list ap;
	int r;

	va_start(ap, fmt);
	job = kick_va(fmt, ap);
	va_end(ap);
	r = finish(job);
	check(r == status, "kick %s: status %d, not %d", fmt, r, status);
}

/* --- kickd
 * -----------------------------------------------------------------------------
 */

void tree_start(const char *config, const char *options)
{
	char line[512];

	if (config)
		put_json("app.json", config);
	(void)snprintf(line, sizeof line, "-R %s %s app.json", it.run, options);
	it.notified.len = 0;
	text_add(&it.notified, "", 0);
	it.found_dir = access(it.run, F_OK) == 0;
	it.kickd = job_begin("kickd", line, true);
}

static bool ready_or_over(const void *arg)
{
	(void)arg;
	return strstr(it.notified.bytes, "READY=1") || it.kickd->status >= 0;
}

void tree_ready(void)
{
	await(ready_or_over, NULL, "READY=1 of kickd");
	check(strstr(it.notified.bytes, "READY=1"),
		"kickd ended with %d instead of becoming ready", it.kickd->status);
	/* Those of a kickd that was killed before. */
	it.orphans = 0;
	events_follow();
}

const char *it_programs(void)
{
	return it.out;
}

void begin_with(void (*call)(void))
{
	it.before_begin = call;
}

pid_t job_pid(const struct job *job)
{
	return job->pid;
}

bool job_ended(const struct job *job)
{
	return job->status >= 0;
}

void tree_before_exec(void (*call)(void))
{
	it.before_exec = call;
}

void tree_up(const char *config)
{
	tree_start(config, "");
	tree_ready();
}

void tree_signal(int sig)
{
	check(it.kickd->status < 0, "kickd has ended with %d", it.kickd->status);
	(void)kill(it.kickd->pid, sig);
}

pid_t tree_pid(void)
{
	return it.kickd->pid;
}

const char *tree_out(void)
{
	return job_out(it.kickd);
}

const char *tree_err(void)
{
	return job_err(it.kickd);
}

const char *tree_notified(void)
{
	return it.notified.bytes;
}

void tree_deafen(void)
{
	for (int i = 0; i < 2; i++) {
		(void)close(it.kickd->fds[i]);
		it.kickd->fds[i] = -1;
	}
}

static void drop_events(void)
{
	if (it.events >= 0)
		(void)close(it.events);
	it.events = -1;
}

static bool kickd_gone(const void *arg)
{
	(void)arg;
	return it.kickd->status >= 0;
}

static void nothing_left(void)
{
	struct stat st;

	jobs_reap();
	check(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD,
		"a process is left after kickd has ended");
	check(it.orphans == 0, "%d processes outlived kickd", it.orphans);
	if (it.found_dir)
		check(rmdir(it.run) == 0 || errno == ENOENT,
			"files are left in the runtime directory");
	else
		check(lstat(it.run, &st) < 0 && errno == ENOENT,
			"the runtime directory is still there");
}

void tree_ends(int status)
{
	await(kickd_gone, NULL, "the end of kickd");
	/* Before anything else: who comes now has outlived it. */
	jobs_reap();
	drop_events();
	check(it.kickd->status == status, "kickd ended with %d, not %d",
		it.kickd->status, status);
	nothing_left();
	(void)finish(it.kickd);
}

void tree_down(void)
{
	tree_signal(SIGTERM);
	tree_ends(0);
}

static bool no_child(const void *arg)
{
	(void)arg;
	jobs_reap();
	return waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD;
}

void tree_orphaned(void)
{
	await(kickd_gone, NULL, "the end of kickd");
	drop_events();
	await(no_child, NULL, "the end of all below a killed kickd");
}
