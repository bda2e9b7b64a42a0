#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/single_threaded.h>
#include <sys/syscall.h>
#include <time.h>

#include "support/nodetest.h"

/* Where a failed check is told. */
static int report_fd = -1;

struct run {
	pid_t node;
	int pipe, pidfd;
	int status;
	int64_t deadline;
	char dir[64];
	char text[16384];
	size_t len;
};

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int left_ms(const struct run *r)
{
	int64_t left = r->deadline - now_ms();

	return left > 0 ? (int)left : 0;
}

KICK_PRINTF(2, 3) static void complain(struct run *r, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(r->text + r->len, sizeof r->text - r->len, fmt, args);
	va_end(args);
	if (n > 0)
		r->len += (size_t)n;
	if (r->len >= sizeof r->text)
		r->len = sizeof r->text - 1;
}

/* Returns false at the end of the pipe: no process of the node is left. */
static bool read_report(struct run *r)
{
	char rest[512];
	size_t room = sizeof r->text - 1 - r->len;
	ssize_t n = read(
		r->pipe, room ? r->text + r->len : rest, room ? room : sizeof rest);

	if (n > 0 && room)
		r->len += (size_t)n;
	return n > 0 || (n < 0 && errno != EBADF);
}

/* --- what is left ------------------------------------------------------------------
 */

/* Calls f for each child of this process. */
static int each_child(void (*f)(struct run *, pid_t), struct run *r)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *e;
	char path[300];
	FILE *list;
	int pid, n = 0;

	while (tasks && (e = readdir(tasks))) {
		(void)snprintf(
			path, sizeof path, "/proc/self/task/%s/children", e->d_name);
		list = fopen(path, "re");
		while (list && fscanf(list, "%d", &pid) == 1) {
			f(r, pid);
			n++;
		}
		if (list)
			(void)fclose(list);
	}
	if (tasks)
		(void)closedir(tasks);
	return n;
}

static void name_child(struct run *r, pid_t pid)
{
	char path[64], line[400] = "?";
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (f && fgets(line, sizeof line, f))
		line[strcspn(line, ")") + 3] = '\0';
	if (f)
		(void)fclose(f);
	complain(r, "a process outlived the node: %s\n", line);
}

static void kill_child(struct run *r, pid_t pid)
{
	(void)r;
	(void)kill(pid, SIGKILL);
}

/* The orphans of those that are killed become ours, and are killed in their
 * turn. */
static void kill_all(struct run *r)
{
	while (each_child(kill_child, r) > 0)
		(void)waitpid(-1, NULL, 0);
}

static int keep_file(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)at;
	if (type == FTW_DP)
		(void)rmdir(path);
	else
		(void)unlink(path);
	return 0;
}

static void look_for_files(struct run *r, int flags)
{
	DIR *d = opendir(r->dir);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' && !(flags & NODE_LOST))
			complain(r, "a file was left: %s/%s\n", r->dir, e->d_name);
	if (d)
		(void)closedir(d);
	(void)nftw(r->dir, keep_file, 16, FTW_DEPTH | FTW_PHYS);
}

static void look_for_processes(struct run *r, int flags)
{
	struct pollfd p = { .fd = r->pipe, .events = POLLIN };

	if (flags & NODE_LOST)
		while (poll(&p, 1, left_ms(r)) > 0 && read_report(r))
			continue;
	else
		while (poll(&p, 1, 0) > 0 && read_report(r))
			continue;
	for (;;) {
		pid_t pid = waitpid(-1, NULL, WNOHANG);

		if (pid < 0)
			return;
		if (pid == 0 && flags & NODE_LOST && now_ms() < r->deadline)
			continue;
		if (pid == 0)
			break;
	}
	(void)each_child(name_child, r);
	kill_all(r);
}

/* --- one run -----------------------------------------------------------------------
 */

static void start(struct run *r, void (*body)(void), int flags)
{
	const char *tmp = getenv("TMPDIR");
	const struct rlimit none = { 0, 0 };
	int ends[2];

	(void)snprintf(r->dir, sizeof r->dir, "%s/nodetest-XXXXXX",
		tmp && strlen(tmp) < 30 ? tmp : "/tmp");
	cr_assert(mkdtemp(r->dir), "mkdtemp: %s", strerror(errno));
	cr_assert_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	cr_assert_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	r->node = fork();
	cr_assert(r->node >= 0, "fork: %s", strerror(errno));
	if (r->node == 0) {
		/* Only what a program has when it begins. */
		report_fd = 3;
		if (dup2(ends[1], 3) != 3 && ends[1] != 3)
			_exit(96);
		(void)syscall(SYS_close_range, 4U, ~0U, 0U);
		/* Criterion's threads are not in this copy. */
		__libc_single_threaded = 1;
		(void)setenv("TMPDIR", r->dir, 1);
		(void)setrlimit(RLIMIT_CORE, &none);
		if (!(flags & NODE_BARE))
			CHECK_INT(kick_start(), 0);
		body();
		if (flags & NODE_BARE)
			_exit(0);
		kick_raise("normal");
	}
	(void)close(ends[1]);
	r->pipe = ends[0];
	r->pidfd = (int)syscall(SYS_pidfd_open, r->node, 0U);
	cr_assert(r->pidfd >= 0, "pidfd_open: %s", strerror(errno));
}

static void await_node(struct run *r)
{
	struct pollfd p[] = { { .fd = r->pidfd, .events = POLLIN },
		{ .fd = r->pipe, .events = POLLIN } };
	nfds_t n = 2;

	while (!p[0].revents) {
		int64_t left = r->deadline - now_ms();

		if (left <= 0 || poll(p, n, (int)left) == 0) {
			complain(
				r, "the node did not end in %d ms\n", NODE_DEADLINE_MS);
			kill_all(r);
			return;
		}
		if (p[1].revents && !read_report(r))
			n = 1;
	}
	(void)waitpid(r->node, &r->status, 0);
}

int node_run(void (*body)(void), int flags)
{
	static struct run r;

	r = (struct run){ .status = -1, .deadline = now_ms() + NODE_DEADLINE_MS };
	start(&r, body, flags);
	await_node(&r);
	look_for_processes(&r, flags);
	look_for_files(&r, flags);
	(void)close(r.pipe);
	(void)close(r.pidfd);
	cr_assert(r.len == 0, "in the node (wait status %#x):\n%s", r.status, r.text);
	return r.status;
}

/* --- checks ------------------------------------------------------------------------
 */

void node_fail(const char *file, int line, const char *fmt, ...)
{
	char text[1024];
	va_list args;
	int n = snprintf(text, sizeof text, "%s:%d: ", file, line);

	va_start(args, fmt);
	n += vsnprintf(text + n, sizeof text - (size_t)n, fmt, args);
	va_end(args);
	if (n > (int)sizeof text - 2)
		n = (int)sizeof text - 2;
	text[n++] = '\n';
	(void)!write(report_fd, text, (size_t)n);
	_exit(99);
}

void node_check_int(
	const char *file, int line, const char *what, int64_t got, int64_t want)
{
	if (got != want)
		node_fail(file, line, "%s is %lld%s%s, not %lld", what, (long long)got,
			got < 0 ? " = -" : "",
			got < 0 ? strerrorname_np((int)-got) : "", (long long)want);
}

void node_check_text(
	const char *file, int line, const char *what, const char *got, const char *want)
{
	if (!got || strcmp(got, want) != 0)
		node_fail(file, line, "%s is '%.300s', not '%.300s'", what,
			got ? got : "(null)", want);
}

void node_check_pid(
	const char *file, int line, const char *what, kick_pid got, kick_pid want)
{
	if (!kick_pid_equal(got, want))
		node_fail(file, line, "%s is process %llu, not %llu", what,
			(unsigned long long)got.id, (unsigned long long)want.id);
}

/* --- receiving ---------------------------------------------------------------------
 */

kick_message *node_take(
	const char *file, int line, const char *what, kick_match *match, void *user)
{
	kick_message *m = NULL;
	int r = kick_receive(match, user, NODE_PATIENCE_MS, &m);

	if (r < 0 || !m)
		node_fail(file, line, "%s: nothing came: %s", what, strerror(-r));
	return m;
}

static bool match_exit(const kick_message *m, void *from)
{
	return m->kind == KICK_EXIT && kick_pid_equal(m->from, *(kick_pid *)from);
}

static bool match_down(const kick_message *m, void *ref)
{
	return m->kind == KICK_DOWN && m->ref == *(kick_ref *)ref;
}

static bool match_down_of(const kick_message *m, void *from)
{
	return m->kind == KICK_DOWN && kick_pid_equal(m->from, *(kick_pid *)from);
}

bool match_plain(const kick_message *m, void *unused)
{
	(void)unused;
	return m->kind == KICK_MESSAGE;
}

bool match_text(const kick_message *m, void *text)
{
	return m->kind == KICK_MESSAGE && cJSON_IsString(m->value) &&
		strcmp(m->value->valuestring, text) == 0;
}

void node_expect_exit(const char *file, int line, kick_pid from, const char *reason)
{
	kick_message *m = node_take(file, line, reason, match_exit, &from);

	node_check_text(file, line, "the reason of EXIT", m->reason, reason);
	kick_message_free(m);
}

void node_expect_down(
	const char *file, int line, kick_ref ref, kick_pid from, const char *reason)
{
	kick_message *m = node_take(file, line, reason, match_down, &ref);

	node_check_text(file, line, "the reason of DOWN", m->reason, reason);
	node_check_pid(file, line, "DOWN's sender", m->from, from);
	kick_message_free(m);
}

void node_expect_text(const char *file, int line, const char *text)
{
	kick_message *m = node_take(file, line, text, match_plain, NULL);

	node_check_text(
		file, line, "the message", cJSON_GetStringValue(m->value), text);
	kick_message_free(m);
}

static void end_at_once(void *unused)
{
	(void)unused;
}

void node_settle(void)
{
	kick_pid pid;
	kick_ref ref;

	CHECK_INT(kick_spawn_monitor(end_at_once, NULL, &pid, &ref), 0);
	EXPECT_DOWN(ref, pid, "normal");
}

void node_gone(kick_pid pid)
{
	kick_ref ref;

	CHECK_INT(kick_monitor(pid, &ref), 0);
	kick_message_free(TAKE(match_down, &ref));
	CHECK_INT(kick_alive(pid), 0);
}

void node_expect_silence(const char *file, int line)
{
	kick_message *m = NULL;
	char *value;
	int r;

	node_settle();
	r = kick_receive(NULL, NULL, 0, &m);
	if (r == 0) {
		value = m->value ? cJSON_PrintUnformatted(m->value) : NULL;
		node_fail(file, line, "a message of kind %d: reason %s, value %.300s",
			(int)m->kind, m->reason ? m->reason : "none",
			value ? value : "none");
	}
	node_check_int(file, line, "kick_receive()", r, -ETIMEDOUT);
}

void send_text(kick_pid to, const char *text)
{
	cJSON *value = cJSON_CreateString(text);

	CHECK_INT(kick_send(kick_to(to), value), 0);
	cJSON_Delete(value);
}

void send_number(kick_pid to, int n)
{
	cJSON *value = cJSON_CreateNumber(n);

	CHECK_INT(kick_send(kick_to(to), value), 0);
	cJSON_Delete(value);
}

int take_number(void)
{
	kick_message *m = TAKE(match_plain, NULL);
	int n;

	CHECK(cJSON_IsNumber(m->value));
	n = m->value->valueint;
	kick_message_free(m);
	return n;
}

void idle_receiving(void *unused)
{
	kick_message *m;

	(void)unused;
	while (kick_receive(NULL, NULL, KICK_INFINITY, &m) == 0)
		kick_message_free(m);
	FAIL("kick_receive() without a time-out returned");
}

void idle_pausing(void *unused)
{
	(void)unused;
	for (;;)
		(void)pause();
}

/* --- puppets -----------------------------------------------------------------------
 */

static bool match_order(const kick_message *m, void *unused)
{
	(void)unused;
	return m->kind == KICK_MESSAGE && cJSON_HasObjectItem(m->value, "verb");
}

static bool match_answer(const kick_message *m, void *number)
{
	const cJSON *n = m->kind == KICK_MESSAGE
		? cJSON_GetObjectItemCaseSensitive(m->value, "answer")
		: NULL;

	return n && n->valueint == *(int *)number;
}

static bool match_notice(const kick_message *m, void *unused)
{
	(void)unused;
	return m->kind == KICK_EXIT || m->kind == KICK_DOWN;
}

static int hear(kick_pid other, const char *text, cJSON **ret)
{
	bool down = strcmp(text, "DOWN") == 0;
	kick_message *m = TAKE(down ? match_down_of : match_exit, &other);

	*ret = cJSON_CreateString(m->reason);
	kick_message_free(m);
	return 0;
}

static void note(cJSON *list, kick_message *m)
{
	cJSON *one = cJSON_CreateObject();

	cJSON_AddStringToObject(one, "kind", m->kind == KICK_EXIT ? "EXIT" : "DOWN");
	cJSON_AddItemToObject(one, "from", kick_pid_to_json(m->from));
	cJSON_AddStringToObject(one, "reason", m->reason);
	cJSON_AddItemToArray(list, one);
	kick_message_free(m);
}

static int heard(int n, cJSON **ret)
{
	kick_message *m;

	*ret = cJSON_CreateArray();
	while (cJSON_GetArraySize(*ret) < n)
		note(*ret, TAKE(match_notice, NULL));
	node_settle();
	while (kick_receive(match_notice, NULL, 0, &m) == 0)
		note(*ret, m);
	return 0;
}

static int quiet(void)
{
	cJSON *all;
	int n;

	(void)heard(0, &all);
	n = cJSON_GetArraySize(all);
	cJSON_Delete(all);
	return n;
}

static int put_an_end(const char *verb, const char *text)
{
	if (strcmp(verb, "raise") == 0)
		kick_raise(text);
	if (strcmp(verb, "status") == 0)
		_exit(atoi(text));
	if (strcmp(verb, "signal") == 0) {
		(void)signal(atoi(text), SIG_DFL);
		(void)raise(atoi(text));
	}
	if (strcmp(verb, "pause") == 0)
		idle_pausing(NULL);
	FAIL("no puppet knows '%s'", verb);
}

static int obey(const char *verb, kick_pid other, const char *text, cJSON **ret)
{
	kick_ref ref;
	int r;

	if (strcmp(verb, "ping") == 0)
		return 0;
	if (strcmp(verb, "trap") == 0)
		return kick_trap_exit(true);
	if (strcmp(verb, "untrap") == 0)
		return kick_trap_exit(false);
	if (strcmp(verb, "link") == 0)
		return kick_link(other);
	if (strcmp(verb, "unlink") == 0)
		return kick_unlink(other);
	if (strcmp(verb, "monitor") == 0)
		return kick_monitor(other, &ref);
	if (strcmp(verb, "exit") == 0)
		return kick_exit(other, text);
	if (strcmp(verb, "register") == 0)
		return kick_register(text);
	if (strcmp(verb, "unregister") == 0)
		return kick_unregister(text);
	if (strcmp(verb, "ospid") == 0)
		return getpid();
	if (strcmp(verb, "hear") == 0)
		return hear(other, text, ret);
	if (strcmp(verb, "heard") == 0)
		return heard(atoi(text), ret);
	if (strcmp(verb, "quiet") == 0)
		return quiet();
	if (strcmp(verb, "send") == 0) {
		*ret = cJSON_CreateString(text);
		r = kick_send(kick_to(other), *ret);
		return r;
	}
	return put_an_end(verb, text);
}

static void be_a_puppet(void *traps)
{
	if (traps)
		CHECK_INT(kick_trap_exit(true), 0);
	for (;;) {
		kick_message *m = NULL;
		cJSON *answer, *value = NULL;
		const char *verb;
		int r = kick_receive(match_order, NULL, KICK_INFINITY, &m);

		CHECK_INT(r, 0);
		verb = cJSON_GetStringValue(cJSON_GetObjectItem(m->value, "verb"));
		if (strcmp(verb, "return") == 0)
			return;
		r = obey(verb,
			kick_pid_from_json(cJSON_GetObjectItem(m->value, "other")),
			cJSON_GetStringValue(cJSON_GetObjectItem(m->value, "text")),
			&value);
		answer = cJSON_CreateObject();
		cJSON_AddNumberToObject(answer, "answer",
			cJSON_GetNumberValue(cJSON_GetObjectItem(m->value, "number")));
		cJSON_AddNumberToObject(answer, "result", r);
		if (value)
			cJSON_AddItemToObject(answer, "value", value);
		(void)kick_send(kick_to(kick_pid_from_json(
					cJSON_GetObjectItem(m->value, "asker"))),
			answer);
		cJSON_Delete(answer);
		kick_message_free(m);
	}
}

static kick_pid make_puppet(void *traps)
{
	kick_pid pid;

	CHECK_INT(kick_spawn(be_a_puppet, traps, &pid), 0);
	/* What it says first shows that it does what it was told to be. */
	CHECK_INT(puppet_do(pid, "ping", NOBODY, NULL), 0);
	return pid;
}

kick_pid puppet(void)
{
	return make_puppet(NULL);
}

kick_pid puppet_trapping(void)
{
	static int yes;

	return make_puppet(&yes);
}

static int tell(kick_pid p, const char *verb, kick_pid other, const char *text)
{
	static int number;
	cJSON *order = cJSON_CreateObject();

	cJSON_AddStringToObject(order, "verb", verb);
	cJSON_AddNumberToObject(order, "number", ++number);
	cJSON_AddItemToObject(order, "asker", kick_pid_to_json(kick_self()));
	cJSON_AddItemToObject(order, "other", kick_pid_to_json(other));
	if (text)
		cJSON_AddStringToObject(order, "text", text);
	CHECK_INT(kick_send(kick_to(p), order), 0);
	cJSON_Delete(order);
	return number;
}

int puppet_ask(
	kick_pid p, const char *verb, kick_pid other, const char *text, cJSON **ret)
{
	int number = tell(p, verb, other, text), result;
	kick_message *m = NULL;

	if (kick_receive(match_answer, &number, NODE_PATIENCE_MS, &m) < 0)
		FAIL("puppet %llu (%s) does not answer '%s'", (unsigned long long)p.id,
			kick_alive(p) > 0 ? "alive" : "dead", verb);
	result = cJSON_GetObjectItem(m->value, "result")->valueint;
	if (ret)
		*ret = cJSON_DetachItemFromObject(m->value, "value");
	kick_message_free(m);
	return result;
}

int puppet_do(kick_pid p, const char *verb, kick_pid other, const char *text)
{
	return puppet_ask(p, verb, other, text, NULL);
}

void puppet_order(kick_pid p, const char *verb, const char *text)
{
	(void)tell(p, verb, NOBODY, text);
}

void puppet_check_hears(const char *file, int line, kick_pid p, bool down,
	kick_pid from, const char *reason)
{
	cJSON *value;

	node_check_int(file, line, "puppet's hear",
		puppet_ask(p, "hear", from, down ? "DOWN" : "EXIT", &value), 0);
	node_check_text(
		file, line, "the reason heard", cJSON_GetStringValue(value), reason);
	cJSON_Delete(value);
}

pid_t puppet_os_pid(kick_pid p)
{
	return puppet_do(p, "ospid", NOBODY, NULL);
}

void node_end(const char *file, int line, kick_pid p, const char *verb,
	const char *text, const char *reason)
{
	kick_ref ref;

	node_check_int(file, line, "kick_monitor()", kick_monitor(p, &ref), 0);
	puppet_order(p, verb, text);
	node_expect_down(file, line, ref, p, reason);
}
