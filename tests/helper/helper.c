/* The program that the trees of the integration tests consist of. Its arguments are a
 * little script: words that are carried out one after the other, so that a
 * configuration says what its worker does:
 *
 *	helper say hello ignore TERM notify READY=1 stay
 *
 * Nothing here waits by looking again and again: "gate" waits on a FIFO, "after" once,
 * "stay" for a signal. After the last word it ends with status 0. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "respond.h"
#include "serve.h"

extern char **environ;

/* What a handled signal makes of us, set by "trap" and "slow". */
static volatile sig_atomic_t trap_status;
static volatile sig_atomic_t slow_ms;

static _Noreturn void fail(const char *what)
{
	(void)fprintf(stderr, "helper: %s: %s\n", what, strerror(errno));
	exit(99);
}

static int number(const char *s)
{
	return (int)strtol(s, NULL, 0);
}

static int signal_number(const char *name)
{
	static const struct {
		const char *name;
		int n;
	} known[] = { { "TERM", SIGTERM }, { "INT", SIGINT }, { "HUP", SIGHUP },
		{ "USR1", SIGUSR1 }, { "USR2", SIGUSR2 }, { "SEGV", SIGSEGV },
		{ "KILL", SIGKILL }, { "STOP", SIGSTOP }, { "QUIT", SIGQUIT },
		{ "ABRT", SIGABRT } };

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(known[i].name, name) == 0)
			return known[i].n;
	return number(name);
}

static _Noreturn void stay_for_ever(void)
{
	for (;;)
		(void)pause();
}

/* --- what it says --------------------------------------------------------------------
 */

static void do_say(char **a)
{
	(void)puts(a[0]);
	(void)fflush(stdout);
}

static void do_err(char **a)
{
	(void)fprintf(stderr, "%s\n", a[0]);
}

static void do_write(char **a)
{
	(void)fputs(a[0], stdout);
	(void)fflush(stdout);
}

/* flood N: numbered lines, in writes that do not end where lines end. */
static void do_flood(char **a)
{
	static char block[4000];

	(void)setvbuf(stdout, block, _IOFBF, sizeof block);
	for (int i = 0; i < number(a[0]); i++)
		(void)printf("line %06d of the flood, which is long enough\n", i);
	(void)fflush(stdout);
}

static void do_long(char **a)
{
	for (int i = 0; i < number(a[0]); i++)
		(void)putchar('x');
	(void)putchar('\n');
	(void)fflush(stdout);
}

static void do_env(char **a)
{
	(void)a;
	for (char **e = environ; *e; e++)
		(void)printf("env %s\n", *e);
	(void)fflush(stdout);
}

/* The directory that is read has a descriptor of its own, which is left out. */
static void do_fds(char **a)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *e;

	(void)a;
	if (!dir)
		fail("/proc/self/fd");
	(void)fputs("fds", stdout);
	for (int fd = 0; fd < 1024; fd++)
		if (fd != dirfd(dir) && fcntl(fd, F_GETFD) >= 0)
			(void)printf(" %d", fd);
	while ((e = readdir(dir)))
		if (number(e->d_name) >= 1024)
			(void)printf(" %s", e->d_name);
	(void)putchar('\n');
	(void)fflush(stdout);
	(void)closedir(dir);
}

/* Signals that are blocked or not at their default. 32 and 33 are the C library's. */
static void do_signals(char **a)
{
	struct sigaction sa;
	sigset_t mask;

	(void)a;
	(void)sigprocmask(SIG_SETMASK, NULL, &mask);
	(void)fputs("signals:", stdout);
	for (int s = 1; s <= 64; s++) {
		if (sigismember(&mask, s) == 1)
			(void)printf(" blocked %d", s);
		if (sigaction(s, NULL, &sa) == 0 && sa.sa_handler != SIG_DFL)
			(void)printf(" not default %d", s);
	}
	(void)puts(" end");
	(void)fflush(stdout);
}

static void do_ids(char **a)
{
	gid_t groups[64];
	int n = getgroups(64, groups);
	mode_t mask = umask(0);
	char cwd[4096];

	(void)a;
	(void)umask(mask);
	(void)printf("ids own-session=%d own-group=%d uid=%u gid=%u umask=%03o cwd=%s "
		     "groups=",
		getsid(0) == getpid(), getpgrp() == getpid(), (unsigned)getuid(),
		(unsigned)getgid(), (unsigned)mask, getcwd(cwd, sizeof cwd));
	for (int i = 0; i < n; i++)
		(void)printf("%s%u", i ? "," : "", (unsigned)groups[i]);
	(void)putchar('\n');
	(void)fflush(stdout);
}

static void print_limit(const char *name, struct rlimit lim)
{
	(void)printf("limit %s %llu %llu\n", name, (unsigned long long)lim.rlim_cur,
		(unsigned long long)lim.rlim_max);
}

static void do_limits(char **a)
{
	static const struct {
		const char *name;
		__rlimit_resource_t resource;
	} all[] = { { "cpu", RLIMIT_CPU }, { "fsize", RLIMIT_FSIZE },
		{ "data", RLIMIT_DATA }, { "stack", RLIMIT_STACK },
		{ "core", RLIMIT_CORE }, { "rss", RLIMIT_RSS },
		{ "nproc", RLIMIT_NPROC }, { "nofile", RLIMIT_NOFILE },
		{ "memlock", RLIMIT_MEMLOCK }, { "as", RLIMIT_AS },
		{ "locks", RLIMIT_LOCKS }, { "sigpending", RLIMIT_SIGPENDING },
		{ "msgqueue", RLIMIT_MSGQUEUE }, { "nice", RLIMIT_NICE },
		{ "rtprio", RLIMIT_RTPRIO }, { "rttime", RLIMIT_RTTIME } };
	struct rlimit lim;

	(void)a;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (getrlimit(all[i].resource, &lim) == 0)
			print_limit(all[i].name, lim);
	(void)fflush(stdout);
}

/* Takes off the mark by which kick knows its processes. */
static void do_unmark(char **a)
{
	struct rlimit lim = { 1, 1 };

	(void)a;
	if (setrlimit(RLIMIT_LOCKS, &lim) < 0)
		fail("RLIMIT_LOCKS");
}

/* The lines of /proc/self/status that begin like this: "attr CapBnd: 0000000000000400".
 */
static void print_status(const char *key)
{
	char line[256];
	FILE *f = fopen("/proc/self/status", "re");

	if (!f)
		fail("/proc/self/status");
	while (fgets(line, sizeof line, f)) {
		char *value = strchr(line, '\t');

		if (!value || strncmp(line, key, strlen(key)) != 0)
			continue;
		*value = '\0';
		(void)printf("attr %s %s", line, value + 1);
	}
	(void)fclose(f);
}

static void do_attrs(char **a)
{
	char text[32] = "";
	int death = 0;
	FILE *f = fopen("/proc/self/oom_score_adj", "re");

	(void)a;
	if (!f || !fgets(text, sizeof text, f))
		fail("/proc/self/oom_score_adj");
	(void)fclose(f);
	(void)prctl(PR_GET_PDEATHSIG, &death);
	(void)printf("attr nice %d\nattr oom_score_adj %sattr pdeathsig %d\n",
		getpriority(PRIO_PROCESS, 0), text, death);
	print_status("Cap");
	print_status("NoNewPrivs");
	(void)fflush(stdout);
}

/* --- how it ends ---------------------------------------------------------------------
 */

static void do_exit(char **a)
{
	exit(number(a[0]));
}

static void do_stay(char **a)
{
	(void)a;
	stay_for_ever();
}

static void do_kill(char **a)
{
	int sig = signal_number(a[0]);

	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)kill(getpid(), sig);
}

static void do_after(char **a)
{
	(void)poll(NULL, 0, number(a[0]));
}

/* --- signals ------------------------------------------------------------------------
 */

static void on_signal(int sig)
{
	(void)sig;
	if (slow_ms)
		(void)poll(NULL, 0, slow_ms);
	_exit(trap_status);
}

static void handle(const char *name, void (*handler)(int))
{
	struct sigaction sa = { .sa_handler = handler };

	if (sigaction(signal_number(name), &sa, NULL) < 0)
		fail(name);
}

static void do_ignore(char **a)
{
	handle(a[0], SIG_IGN);
}

/* trap SIG N: ends with status N. */
static void do_trap(char **a)
{
	trap_status = number(a[1]);
	handle(a[0], on_signal);
}

/* slow SIG MS: ends with status 0 that much later. */
static void do_slow(char **a)
{
	slow_ms = number(a[1]);
	handle(a[0], on_signal);
}

/* --- more processes -----------------------------------------------------------------
 */

static void append(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		fail(file);
	(void)close(fd);
}

static void append_pid(const char *file)
{
	char text[32];

	(void)snprintf(text, sizeof text, "%d\n", (int)getpid());
	append(file, text);
}

/* The parent goes on when the other one has written its pid, so that whoever sees what
 * comes next may read it. */
static void fork_to_stay(const char *file, bool daemon)
{
	int fds[2];
	char c;

	if (pipe2(fds, O_CLOEXEC) < 0)
		fail("pipe");
	if (fork() != 0) {
		(void)close(fds[1]);
		(void)!read(fds[0], &c, 1);
		(void)close(fds[0]);
		return;
	}
	if (daemon && (setsid() < 0 || fork() != 0))
		_exit(0);
	if (daemon && setsid() < 0 && errno != EPERM)
		_exit(99);
	handle("TERM", SIG_IGN);
	handle("HUP", SIG_IGN);
	append_pid(file);
	(void)close(fds[1]);
	stay_for_ever();
}

/* daemon FILE: two forks and a new session; it stays, deaf to TERM. */
static void do_daemon(char **a)
{
	fork_to_stay(a[0], true);
}

/* child FILE: one fork, same group; it stays, deaf to TERM. */
static void do_child(char **a)
{
	fork_to_stay(a[0], false);
}

/* politechild FILE: one fork, same group; writes "term" when it is told TERM. */
static const char *polite_file;

static void on_polite(int sig)
{
	(void)sig;
	append(polite_file, "term\n");
	_exit(0);
}

static void do_politechild(char **a)
{
	int fds[2];
	char c;

	if (pipe2(fds, O_CLOEXEC) < 0)
		fail("pipe");
	polite_file = a[0];
	if (fork() == 0) {
		handle("TERM", on_polite);
		(void)close(fds[1]);
		stay_for_ever();
	}
	(void)close(fds[1]);
	(void)!read(fds[0], &c, 1);
	(void)close(fds[0]);
}

/* orphans N: leaves so many to whoever reaps them, in hundreds; ends with 0 when none
 * is to be seen any more, zombies included. Of that there is no event. */
static void do_orphans(char **a)
{
	for (int left = number(a[0]); left > 0; left -= 100) {
		pid_t pids[100];
		int fds[2], status;

		if (pipe2(fds, O_CLOEXEC) < 0)
			fail("pipe");
		for (int i = 0; i < 100; i++) {
			pid_t middle = fork(), own;

			if (middle < 0)
				fail("fork");
			if (middle == 0) {
				if (fork() != 0)
					_exit(0);
				own = getpid();
				(void)!write(fds[1], &own, sizeof own);
				_exit(0);
			}
			(void)waitpid(middle, &status, 0);
		}
		for (int i = 0; i < 100; i++)
			if (read(fds[0], &pids[i], sizeof pids[i]) != sizeof pids[i])
				fail("an orphan");
		(void)close(fds[0]);
		(void)close(fds[1]);
		for (int i = 0; i < 100; i++)
			while (kill(pids[i], 0) == 0)
				(void)poll(NULL, 0, 1);
	}
}

/* eat: takes memory until somebody objects. */
static void do_eat(char **a)
{
	(void)a;
	for (;;) {
		char *more = malloc(1 << 20);

		if (!more)
			fail("malloc");
		memset(more, 1, 1 << 20);
	}
}

/* terminal: whether its group is the one in the foreground. */
static void do_terminal(char **a)
{
	(void)a;
	(void)printf("terminal leader=%d foreground=%d\n", getpgrp() == getpid(),
		tcgetpgrp(STDIN_FILENO) == getpgrp());
	(void)fflush(stdout);
}

/* --- readiness ----------------------------------------------------------------------
 */

static void notify(const char *text)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len;

	if (!path || strlen(path) >= sizeof sun.sun_path || fd < 0)
		fail("NOTIFY_SOCKET");
	memcpy(sun.sun_path, path, strlen(path));
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) +
		(*path == '/'));
	if (*path == '@')
		sun.sun_path[0] = '\0';
	if (sendto(fd, text, strlen(text), 0, (struct sockaddr *)&sun, len) < 0)
		fail("notify");
	(void)close(fd);
}

static void do_notify(char **a)
{
	notify(a[0]);
}

/* handover FILE: another process, whose pid is in FILE then, is the main one. */
static void do_handover(char **a)
{
	int fds[2];
	char text[64];
	pid_t pid;
	char c;

	if (pipe2(fds, O_CLOEXEC) < 0)
		fail("pipe");
	pid = fork();
	if (pid == 0) {
		append_pid(a[0]);
		(void)close(fds[1]);
		stay_for_ever();
	}
	(void)close(fds[1]);
	(void)!read(fds[0], &c, 1);
	(void)close(fds[0]);
	(void)snprintf(text, sizeof text, "MAINPID=%d\nREADY=1", (int)pid);
	notify(text);
}

/* alive FILE: as the watchdog wants it, with a line in FILE each time. */
static void do_alive(char **a)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (!usec || !pid || number(pid) != getpid())
		fail("WATCHDOG_USEC, WATCHDOG_PID");
	for (;;) {
		notify("WATCHDOG=1");
		append_pid(a[0]);
		(void)poll(NULL, 0, number(usec) / 4000);
	}
}

/* respond PORT FILE: see respond.h. */
static void do_respond(char **a)
{
	respond(number(a[0]), a[1]);
}

static void do_readyfd(char **a)
{
	if (write(number(a[0]), "\n", 1) != 1)
		fail("readyfd");
	(void)close(number(a[0]));
}

static void do_closefd(char **a)
{
	(void)close(number(a[0]));
}

/* --- files --------------------------------------------------------------------------
 */

/* count FILE: a further line with the pid; each start can be counted. */
static void do_count(char **a)
{
	append_pid(a[0]);
}

static void do_append(char **a)
{
	char line[256];

	(void)snprintf(line, sizeof line, "%s\n", a[1]);
	append(a[0], line);
}

/* failing N FILE: the first N starts end with status 1 here. */
static void do_failing(char **a)
{
	struct stat st;

	append(a[1], ".");
	if (stat(a[1], &st) < 0)
		fail(a[1]);
	if (st.st_size <= number(a[0]))
		exit(1);
}

/* gate FIFO: until somebody opens it for writing. */
static void do_gate(char **a)
{
	int fd = open(a[0], O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fail(a[0]);
	(void)close(fd);
}

/* --- the words ----------------------------------------------------------------------
 */

static const struct word {
	const char *name;
	int n_args;
	void (*run)(char **args);
} words[] = {
	{ "say", 1, do_say },
	{ "err", 1, do_err },
	{ "write", 1, do_write },
	{ "flood", 1, do_flood },
	{ "long", 1, do_long },
	{ "env", 0, do_env },
	{ "fds", 0, do_fds },
	{ "signals", 0, do_signals },
	{ "ids", 0, do_ids },
	{ "limits", 0, do_limits },
	{ "attrs", 0, do_attrs },
	{ "unmark", 0, do_unmark },
	{ "exit", 1, do_exit },
	{ "stay", 0, do_stay },
	{ "kill", 1, do_kill },
	{ "after", 1, do_after },
	{ "ignore", 1, do_ignore },
	{ "trap", 2, do_trap },
	{ "slow", 2, do_slow },
	{ "daemon", 1, do_daemon },
	{ "child", 1, do_child },
	{ "politechild", 1, do_politechild },
	{ "orphans", 1, do_orphans },
	{ "eat", 0, do_eat },
	{ "terminal", 0, do_terminal },
	{ "notify", 1, do_notify },
	{ "handover", 1, do_handover },
	{ "alive", 1, do_alive },
	{ "respond", 2, do_respond },
	{ "readyfd", 1, do_readyfd },
	{ "closefd", 1, do_closefd },
	{ "count", 1, do_count },
	{ "append", 2, do_append },
	{ "failing", 2, do_failing },
	{ "gate", 1, do_gate },
	{ "serve", 0, do_serve },
};

static const struct word *find(const char *name)
{
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(words[i].name, name) == 0)
			return &words[i];
	return NULL;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc;) {
		const struct word *w = find(argv[i]);

		if (!w || i + w->n_args >= argc) {
			(void)fprintf(stderr, "helper: what is \"%s\"?\n", argv[i]);
			return 98;
		}
		w->run(&argv[i + 1]);
		i += 1 + w->n_args;
	}
	return 0;
}
