/* The state of an integration test: its directory, the loop that all waits are made of,
 * its failure and its end. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"
#include "it_inside.h"

#define SHOWN_ON_FAILURE 3000

struct harness it;

void text_add(struct text *t, const char *bytes, size_t n)
{
	char *grown = realloc(t->bytes, t->len + n + 1);

	if (!grown)
		abort();
	t->bytes = grown;
	memcpy(t->bytes + t->len, bytes, n);
	t->len += n;
	t->bytes[t->len] = '\0';
}

char *vformat(const char *fmt, va_list ap)
{
	char *text;

	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	return text;
}

double it_now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

double it_deadline(void)
{
	return it_now() + IT_SECONDS;
}

/* --- beginning
 * ------------------------------------------------------------------------
 */

static void find_programs(void)
{
	const char *out = getenv("KICK_OUT");
	char *path = realpath(out ? out : "build", NULL);

	if (!path || strlen(path) >= sizeof it.out)
		it_fail(__FILE__, __LINE__, "KICK_OUT: %s", strerror(errno));
	(void)snprintf(it.out, sizeof it.out, "%s", path);
	free(path);
}

static void make_directory(void)
{
	char helper[300];

	(void)snprintf(it.dir, sizeof it.dir, "/tmp/kick-it-XXXXXX");
	(void)snprintf(helper, sizeof helper, "%s/helper", it.out);
	if (!mkdtemp(it.dir) || chmod(it.dir, 0755) < 0 || chdir(it.dir) < 0 ||
		symlink(helper, "h") < 0)
		it_fail(__FILE__, __LINE__, "%s: %s", it.dir, strerror(errno));
	(void)snprintf(it.run, sizeof it.run, "%s/run", it.dir);
}

static int notify_socket(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX, .sun_path = "notify" };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&sun, sizeof sun) < 0)
		it_fail(__FILE__, __LINE__, "notify: %s", strerror(errno));
	return fd;
}

void it_begin(void)
{
	sigset_t set;

	it.events = it.notify = it.children = -1;
	text_add(&it.notified, "", 0);
	text_add(&it.lines, "", 0);
	find_programs();
	make_directory();
	it.notify = notify_socket();
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	it.children = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (it.children < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		it_fail(__FILE__, __LINE__, "set-up: %s", strerror(errno));
}

/* --- the loop
 * -------------------------------------------------------------------------
 */

static void take_notify(void)
{
	char buf[512];
	ssize_t n;

	while ((n = recv(it.notify, buf, sizeof buf, 0)) > 0) {
		text_add(&it.notified, buf, (size_t)n);
		text_add(&it.notified, "\n", 1);
	}
}

static void take_children(void)
{
	struct signalfd_siginfo si;

	while (read(it.children, &si, sizeof si) > 0)
		;
	jobs_reap();
}

/* A logger that was killed has a successor on the same socket. */
static void take_events(void)
{
	if (events_take())
		return;
	(void)close(it.events);
	it.events = -1;
	it.lines.len = 0;
	if (it.kickd && it.kickd->status < 0)
		events_follow();
}

static size_t watch_jobs(struct pollfd *p)
{
	size_t n = 0;

	for (size_t i = 0; i < it.n_jobs; i++)
		for (int s = 0; s < 2; s++)
			p[n++] = (struct pollfd){ it.jobs[i].fds[s], POLLIN, 0 };
	return n;
}

bool it_pump(double deadline)
{
	static struct pollfd p[3 + 2 * 64];
	double left = deadline - it_now();
	size_t n;
	int r;

	p[0] = (struct pollfd){ it.children, POLLIN, 0 };
	p[1] = (struct pollfd){ it.notify, POLLIN, 0 };
	p[2] = (struct pollfd){ it.events, POLLIN, 0 };
	n = 3 + watch_jobs(p + 3);
	r = poll(p, n, left > 0 ? (int)(left * 1000) + 1 : 0);
	/* Output first: whoever has ended has written before. */
	for (size_t i = 3; i < n; i++)
		if (p[i].revents)
			job_read(&it.jobs[(i - 3) / 2], (int)(i - 3) % 2);
	if (p[2].revents)
		take_events();
	if (p[1].revents)
		take_notify();
	if (p[0].revents)
		take_children();
	return r > 0;
}

void await(condition *holds, const void *arg, const char *fmt, ...)
{
	double deadline = it_deadline();
	va_list ap;
	char *what;

	while (!holds(arg)) {
		if (it_pump(deadline) || it_now() < deadline)
			continue;
		va_start(ap, fmt);
		what = vformat(fmt, ap);
		va_end(ap);
		it_fail(__FILE__, __LINE__, "waited %d s in vain: %s", IT_SECONDS,
			what);
	}
}

/* --- the end
 * --------------------------------------------------------------------------
 */

static int remove_one(
	const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* Everything that is ours, again and again: killing a parent hands us its children. */
static void kill_children(void)
{
	char path[64];
	FILE *f;
	int pid;

	(void)snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
	f = fopen(path, "re");
	if (!f)
		return;
	while (fscanf(f, "%d", &pid) == 1)
		(void)kill(pid, SIGKILL);
	(void)fclose(f);
}

void it_clean(void)
{
	if (!it.dir[0])
		return;
	do
		kill_children();
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR);
	(void)!chdir("/");
	(void)nftw(it.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	it.dir[0] = '\0';
}

void expected(void)
{
	check(!it.notes.bytes, "rows:%s", it.notes.bytes);
}

void it_finish(void)
{
	it_clean();
}

static const char *tail(const struct text *t)
{
	if (!t->bytes)
		return "";
	return t->len > SHOWN_ON_FAILURE ? t->bytes + t->len - SHOWN_ON_FAILURE
					 : t->bytes;
}

_Noreturn void it_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;
	char *what;

	va_start(ap, fmt);
	what = vformat(fmt, ap);
	va_end(ap);
	(void)fprintf(stderr, "%s:%d: %s\n", file, line, what);
	for (size_t i = 0; i < it.n_jobs; i++)
		if (&it.jobs[i] == it.kickd || i + 1 == it.n_jobs)
			(void)fprintf(stderr,
				"--- %s: status %d; stdout:\n%s\n--- stderr:\n%s\n",
				it.jobs[i].name, it.jobs[i].status,
				tail(&it.jobs[i].text[0]), tail(&it.jobs[i].text[1]));
	it_clean();
	cr_assert(false, "%s", what);
	abort();
}

void it_note(int line, const char *fmt, ...)
{
	va_list ap;
	char *what, head[32];

	va_start(ap, fmt);
	what = vformat(fmt, ap);
	va_end(ap);
	(void)snprintf(head, sizeof head, "\nline %d: ", line);
	text_add(&it.notes, head, strlen(head));
	text_add(&it.notes, what, strlen(what));
	free(what);
}

_Noreturn void it_skip(const char *name, const char *reason)
{
	(void)fprintf(stderr, "SKIPPED: %s: %s\n", name, reason);
	it_clean();
	exit(0);
}

static bool others_reach_us(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(setgroups(0, NULL) < 0 || setgid(65534) < 0 ||
			setuid(65534) < 0 || access("./h", X_OK) < 0);
	return waitpid(pid, &status, 0) == pid && status == 0;
}

void it_need_other_users(const char *name)
{
	if (getuid() != 0 || !others_reach_us())
		it_skip(name, "needs root, and a build that other users may execute");
}

/* --- files
 * ----------------------------------------------------------------------------
 */

const char *it_path(const char *name)
{
	static char path[200];

	(void)snprintf(path, sizeof path, "%s/%s", it.dir, name);
	return path;
}

const char *it_runtime_dir(void)
{
	return it.run;
}

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(name, "we");

	check(f && fputs(text, f) >= 0 && fclose(f) == 0, "cannot write %s: %s", name,
		strerror(errno));
}

void put_file(const char *name, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = vformat(fmt, ap);
	va_end(ap);
	write_file(name, text);
	free(text);
}

void put_json(const char *name, const char *text)
{
	char *copy = strdup(text);

	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	write_file(name, copy);
	free(copy);
}

void make_fifo(const char *name)
{
	check(mkfifo(name, 0666) == 0, "mkfifo %s: %s", name, strerror(errno));
}

/* Without a reader the open would wait, for ever if the worker is dead: read and write
 * opens at once, and the end of file comes when the reader has had its chance. */
void open_gate(const char *name)
{
	double deadline = it_deadline();
	int fd;

	while ((fd = open(name, O_WRONLY | O_NONBLOCK | O_CLOEXEC)) < 0) {
		check(errno == ENXIO && it_now() < deadline, "nobody waits at %s: %s",
			name, strerror(errno));
		(void)it_pump(it_now() + 0.02);
	}
	(void)close(fd);
}

static char *contents(const char *name)
{
	struct text t = { 0 };
	char buf[4096];
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	text_add(&t, "", 0);
	while (fd >= 0 && (n = read(fd, buf, sizeof buf)) > 0)
		text_add(&t, buf, (size_t)n);
	if (fd >= 0)
		(void)close(fd);
	return t.bytes;
}

int lines_in(const char *name)
{
	char *text = contents(name);
	int n = 0;

	for (const char *p = text; *p; p++)
		n += *p == '\n';
	free(text);
	return n;
}

pid_t pid_in(const char *name)
{
	char *text = contents(name);
	size_t n = strlen(text);
	pid_t pid;

	while (n > 0 && text[n - 1] == '\n')
		text[--n] = '\0';
	while (n > 0 && text[n - 1] != '\n')
		n--;
	pid = (pid_t)atoi(text + n);
	free(text);
	return pid;
}

bool file_has(const char *name, const char *text)
{
	char *all = contents(name);
	bool has = strstr(all, text) != NULL;

	free(all);
	return has;
}

/* --- processes that are not ours
 * -------------------------------------------------------
 */

static bool pidfd_readable(const void *arg)
{
	struct pollfd p = { *(const int *)arg, POLLIN, 0 };

	return poll(&p, 1, 0) > 0;
}

void await_gone(pid_t pid)
{
	double deadline = it_deadline();
	int fd;

	check(pid > 0, "there is no pid to wait for");
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return;
	while (!pidfd_readable(&fd)) {
		struct pollfd p = { fd, POLLIN, 0 };

		(void)poll(&p, 1, 20);
		(void)it_pump(0);
		check(it_now() < deadline, "process %d is still there", (int)pid);
	}
	(void)close(fd);
}

bool is_alive(pid_t pid)
{
	char path[64], state = 'X';
	FILE *f;

	check(pid > 0, "there is no pid to look at");
	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	(void)!fscanf(f, "%*d (%*[^)]) %c", &state);
	(void)fclose(f);
	return state != 'Z' && state != 'X';
}
