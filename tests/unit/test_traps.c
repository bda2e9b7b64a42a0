/* What the kernel was seen to do, and what other supervisors have stumbled over, where
 * no whole tree is needed. tests/traps.md lists all of it, with the tests elsewhere. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/macro.h"
#include "control/client.h"
#include "os/mark.h"
#include "os/reap.h"
#include "os/spawn.h"
#include "support/faketree.h"

TestSuite(traps, .timeout = 60);

/* Runs it in a process of its own, as it changes what a process has. It says what went
 * wrong, or nothing; so does this. Static. */
static const char *in_a_fork(void (*call)(char *text, size_t size))
{
	static char *text;
	int status = 0;
	pid_t pid;

	text = mmap(
		NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert(text != MAP_FAILED);
	pid = fork();
	if (pid == 0) {
		call(text, 4096);
		_exit(0);
	}
	cr_assert(waitpid(pid, &status, 0) == pid);
	if (status != 0)
		(void)snprintf(text, 4096, "status %#x", (unsigned)status);
	return text;
}

#define FAIL(...)                                        \
	do {                                             \
		(void)snprintf(text, size, __VA_ARGS__); \
		return;                                  \
	} while (0)

/* --- reaping ------------------------------------------------------------------------
 */

static pid_t child_that_ends(int status)
{
	siginfo_t si;
	pid_t pid = fork();

	if (pid == 0)
		_exit(status);
	cr_assert(waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT) == 0);
	return pid;
}

/* Two that have ended: a look without reaping shows one of them as often as it is
 * repeated, and the other one must be found in spite of it. */
Test(traps, one_that_has_ended_hides_no_other)
{
	pid_t a = child_that_ends(3), b = child_that_ends(4);
	pid_t seen = reap_peek(0), other;
	struct reason r;

	cr_assert(seen == a || seen == b);
	other = seen == a ? b : a;
	cr_expect(reap_peek(0) == seen);
	cr_expect(reap_peek(other) == other);
	cr_assert(reap(other, &r) == 0);
	cr_expect(strcmp(r.text, other == a ? "exit:3" : "exit:4") == 0, "%s", r.text);
	cr_expect(reap_peek(0) == seen);
	cr_expect(reap_next(0, &r) == seen);
	cr_expect(strcmp(r.text, seen == a ? "exit:3" : "exit:4") == 0, "%s", r.text);
	cr_expect(reap_next(0, &r) == -ECHILD);
}

/* A leader that has ended; a member of its group lives, and has the pipe open. */
static struct proc leader_that_ends(int *ret_member)
{
	struct proc p;
	siginfo_t si;
	int ends[2];

	cr_assert(pipe(ends) == 0);
	p.pid = fork();
	if (p.pid == 0) {
		(void)setpgid(0, 0);
		if (fork() == 0)
			(void)pause();
		_exit(0);
	}
	(void)close(ends[1]);
	p.fd = (int)syscall(SYS_pidfd_open, p.pid, 0);
	cr_assert(p.fd >= 0);
	cr_assert(waitid(P_PID, (id_t)p.pid, &si, WEXITED | WNOWAIT) == 0);
	*ret_member = ends[0];
	return p;
}

static void expect_gone(int member)
{
	char c;

	cr_expect(read(member, &c, 1) == 0);
	(void)close(member);
}

Test(traps, a_group_is_killed_while_its_leader_is_unreaped)
{
	int member;
	struct proc p = leader_that_ends(&member);

	cr_expect(reap_peek(0) == p.pid);
	reap_signal_group(&p, SIGKILL);
	expect_gone(member);
}

Test(traps, a_group_is_killed_through_the_pidfd_of_a_reaped_leader)
{
	struct reason r;
	int member;
	struct proc p;

	if (!reap_outlived_by_group())
		cr_skip_test("the kernel signals no group through a pidfd (Linux 6.9)");
	p = leader_that_ends(&member);
	cr_expect(reap_next(0, &r) == p.pid);
	/* The number is not looked at: it may be another's by now. */
	p.pid = INT_MAX;
	reap_signal_group(&p, SIGKILL);
	expect_gone(member);
}

/* --- the mark -----------------------------------------------------------------------
 */

#define MARK ((UINT64_C(77) << 40) | 5)

static void other_user_reads(char *text, size_t size)
{
	uint64_t mark = 0;
	struct rlimit lim;
	pid_t parent = getppid();

	if (setgid(65534) < 0 || setuid(65534) < 0)
		FAIL("setuid: %s", strerror(errno));
	if (prlimit(parent, RLIMIT_LOCKS, NULL, &lim) == 0)
		FAIL("prlimit works: nothing is tested");
	if (mark_read(parent, &mark) < 0 || mark != MARK)
		FAIL("mark %#llx", (unsigned long long)mark);
}

/* Where prlimit(2) is refused, /proc is asked, which needs no right. */
static void two_ways(char *text, size_t size)
{
	uint64_t mark = 0;

	if (mark_self(MARK) < 0 || mark_read(getpid(), &mark) < 0 || mark != MARK)
		FAIL("by prlimit: mark %#llx", (unsigned long long)mark);
	(void)snprintf(text, size, "%s", in_a_fork(other_user_reads));
}

Test(traps, a_mark_is_read_across_users)
{
	if (getuid() != 0) {
		(void)fprintf(stderr,
			"SKIPPED: traps::a_mark_is_read_across_users: needs root to "
			"become another user\n");
		return;
	}
	cr_expect(in_a_fork(two_ways)[0] == '\0', "%s", in_a_fork(two_ways));
}

/* --- spawning -----------------------------------------------------------------------
 */

/* "number target" of each descriptor that this process has. */
static void list_descriptors(char *list, size_t size)
{
	char target[256], path[32];
	size_t n = 0;

	for (int fd = 0; fd < 256; fd++) {
		ssize_t len;

		(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		len = readlink(path, target, sizeof target);
		if (len > 0)
			n += (size_t)snprintf(list + n, size - n, "%d %.*s %d\n", fd,
				(int)len, target, fcntl(fd, F_GETFD));
	}
}

/* With a script for a shell, which is ignored by other programs. */
static struct spawn_request request_of(const char *program, const char *script)
{
	static const char *programs[2];
	static char sh[] = "sh", option[] = "-c", text[64];
	static char *argv[] = { sh, option, text, NULL }, *env[] = { NULL };

	programs[0] = program;
	(void)snprintf(text, sizeof text, "%s", script);
	return (struct spawn_request){ .programs = programs,
		.argv = argv,
		.envp = env,
		.fds = { -1, -1, -1 },
		.ready_fd = -1,
		.umask = -1,
		.mark = MARK,
		.nofile = { 256, 256 } };
}

static int spawn_set_up(void)
{
	sigset_t all;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	return spawn_setup();
}

/* Exit status of the program, or a negative errno and *fail. */
static int spawn_and_wait(const struct spawn_request *req, struct spawn_failure *fail)
{
	struct proc proc = { .fd = -1 };
	int status = 0, r = spawn(req, &proc, fail);

	if (r < 0)
		return r;
	if (proc.fd < 0 || waitpid(proc.pid, &status, 0) != proc.pid)
		return -ECHILD;
	(void)close(proc.fd);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}

static void spawn_good_and_bad(char *text, size_t size)
{
	static char before[16384], after[16384];
	struct spawn_request req;
	struct spawn_failure fail;
	int pipe_ends[2], r;

	if (spawn_set_up() < 0 || pipe2(pipe_ends, O_CLOEXEC) < 0)
		FAIL("set-up");
	list_descriptors(before, sizeof before);
	for (int i = 0; i < 20; i++) {
		req = request_of("/bin/sh", "echo >&7; exit 6");
		req.fds[1] = req.fds[2] = pipe_ends[1];
		req.ready_fd = pipe_ends[1];
		req.ready_slot = 7;
		r = spawn_and_wait(&req, &fail);
		if (r != 6)
			FAIL("program: %d", r);
		req = request_of("/no/such/program", "");
		req.fds[2] = req.ready_fd = pipe_ends[1];
		req.ready_slot = 9;
		r = spawn_and_wait(&req, &fail);
		if (r != -ENOENT || fail.step != SPAWN_EXEC)
			FAIL("no program: %d at %s", r, spawn_step_names[fail.step]);
	}
	list_descriptors(after, sizeof after);
	if (strcmp(before, after) != 0)
		FAIL("descriptors were\n%sand are\n%s", before, after);
}

/* Parent and child share the table until the child cuts it. */
Test(traps, a_spawn_leaves_the_parents_descriptors_as_they_were)
{
	const char *text = in_a_fork(spawn_good_and_bad);

	cr_expect(text[0] == '\0', "%s", text);
}

static void spawn_with_files(char *text, size_t size)
{
	static const struct {
		int slot;
		const char *file;
		enum spawn_step step;
		int code;
	} rows[] = {
		{ 0, "fifo", SPAWN_STDIN, -EINVAL },
		{ 1, "fifo", SPAWN_STDOUT, -ENXIO },
		{ 2, "fifo", SPAWN_STDERR, -ENXIO },
		{ 0, "link", SPAWN_STDIN, -ELOOP },
		{ 1, "link", SPAWN_STDOUT, -ELOOP },
		{ 2, "link", SPAWN_STDERR, -ELOOP },
		{ 1, "socket", SPAWN_STDOUT, -ENXIO },
		{ 1, "/", SPAWN_STDOUT, -EISDIR },
	};
	struct sockaddr_un sun = { .sun_family = AF_UNIX, .sun_path = "socket" };
	char dir[] = "/tmp/kick-traps-XXXXXX";
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (!mkdtemp(dir) || chdir(dir) < 0 || mkfifo("fifo", 0600) < 0 ||
		symlink("precious", "link") < 0 ||
		bind(fd, (struct sockaddr *)&sun, sizeof sun) < 0 || spawn_set_up() < 0)
		FAIL("set-up: %s", strerror(errno));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct spawn_request req = request_of("/bin/true", "");
		struct spawn_failure fail = { 0 };
		int r;

		req.files[rows[i].slot] = rows[i].file;
		r = spawn_and_wait(&req, &fail);
		if (r != rows[i].code || fail.step != rows[i].step)
			FAIL("%s as %d: %d at %s", rows[i].file, rows[i].slot, r,
				spawn_step_names[fail.step]);
	}
	if (access("precious", F_OK) == 0)
		FAIL("a link was followed");
	(void)unlink("fifo");
	(void)unlink("link");
	(void)unlink("socket");
	(void)rmdir(dir);
}

/* Each would wait for ever, or lead where the configuration does not say. */
Test(traps, a_spawn_neither_waits_for_a_fifo_nor_follows_a_link)
{
	const char *text = in_a_fork(spawn_with_files);

	cr_expect(text[0] == '\0', "%s", text);
}

/* As filters of container engines do: clone3 is not there, nor what is new in clone. */
static int refuse_new_clones(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clone3, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_clone, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_PIDFD, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { ARRAY_LEN(code), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0 ? -errno : 0;
}

static void spawn_under_a_filter(char *text, size_t size)
{
	struct spawn_request req = request_of("/bin/sh", "exit 6");
	struct spawn_failure fail = { 0 };
	int r = refuse_new_clones();

	if (r < 0 || spawn_set_up() < 0)
		FAIL("set-up: %s", strerror(-r));
	r = spawn_and_wait(&req, &fail);
	if (r != 6)
		FAIL("program: %d at %s", r, spawn_step_names[fail.step]);
}

Test(traps, a_spawn_works_where_the_new_ways_to_clone_are_refused)
{
	const char *text = in_a_fork(spawn_under_a_filter);

	cr_expect(text[0] == '\0', "%s", text);
}

/* --- born in a group ----------------------------------------------------------------
 */

static char group[256], procs[300];

/* Of its own below the root of all, which only root can have. */
static bool make_group(void)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, at[200] = "";
	size_t n = 0;

	while (f && !*at && getline(&line, &n, f) > 0)
		if (!strstr(line, " - cgroup2 ") ||
			sscanf(line, "%*s %*s %*s / %199s", at) != 1)
			at[0] = '\0';
	free(line);
	if (f)
		(void)fclose(f);
	(void)snprintf(group, sizeof group, "%s/kick-traps-%d", at, (int)getpid());
	(void)snprintf(procs, sizeof procs, "%s/cgroup.procs", group);
	return *at && mkdir(group, 0755) == 0;
}

/* The exit status of a program that is to be in the group, 6: it is. */
static int spawn_grouped(const char *dir, const char *file, struct spawn_failure *fail)
{
	struct spawn_request req = request_of(
		"/bin/sh", "grep -q /kick-traps- /proc/self/cgroup && exit 6");

	req.cgroup = dir;
	req.cgroup_procs = file;
	req.cgroup_needed = true;
	return spawn_and_wait(&req, fail);
}

/* Nothing is written to a file: there is none. */
static void spawn_into_a_group(char *text, size_t size)
{
	struct spawn_failure fail = { 0 };
	char before[2048], after[2048];
	int r;

	if (spawn_set_up() < 0)
		FAIL("set-up");
	list_descriptors(before, sizeof before);
	r = spawn_grouped(group, "/nonexistent", &fail);
	if (r != 6)
		FAIL("born: %d at %s", r, spawn_step_names[fail.step]);
	r = spawn_grouped("/nonexistent", "/nonexistent", &fail);
	if (r != -ENOENT || fail.step != SPAWN_CGROUP)
		FAIL("nowhere: %d at %s", r, spawn_step_names[fail.step]);
	list_descriptors(after, sizeof after);
	if (strcmp(before, after) != 0)
		FAIL("descriptors were\n%sand are\n%s", before, after);
}

/* As filters of container engines do, and kernels for what is no group. */
static void spawn_where_it_must_enter(char *text, size_t size)
{
	struct spawn_failure fail = { 0 };
	int r;

	if (spawn_set_up() < 0)
		FAIL("set-up");
	r = spawn_grouped("/", procs, &fail);
	if (r != 6)
		FAIL("not a group: %d at %s", r, spawn_step_names[fail.step]);
	r = refuse_new_clones();
	if (r < 0)
		FAIL("filter: %s", strerror(-r));
	r = spawn_grouped(group, procs, &fail);
	if (r != 6)
		FAIL("filtered: %d at %s", r, spawn_step_names[fail.step]);
}

static void in_a_group(const char *name, void (*call)(char *text, size_t size))
{
	const char *text;

	if (!make_group()) {
		(void)fprintf(stderr,
			"SKIPPED: traps::%s: needs root, and a cgroup2 file system "
			"that can be written to\n",
			name);
		return;
	}
	text = in_a_fork(call);
	cr_expect(text[0] == '\0', "%s", text);
	cr_expect_eq(rmdir(group), 0, "%s: %s", group, strerror(errno));
}

Test(traps, a_program_is_born_in_its_group)
{
	in_a_group("a_program_is_born_in_its_group", spawn_into_a_group);
}

Test(traps, a_program_enters_its_group_where_it_cannot_be_born_there)
{
	in_a_group("a_program_enters_its_group_where_it_cannot_be_born_there",
		spawn_where_it_must_enter);
}

/* --- a full queue -------------------------------------------------------------------
 */

/* connect(2) would wait for room for ever; a non-blocking one has nothing to poll for.
 */
Test(traps, a_full_queue_does_not_hold_up_who_has_a_deadline)
{
	char dir[] = "/tmp/kick-traps-XXXXXX";
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct channel *ch = NULL;
	struct err err = { 0 };
	int fds[8], listener, r;
	size_t n = 0;

	cr_assert(mkdtemp(dir));
	(void)snprintf(sun.sun_path, sizeof sun.sun_path, "%s/0", dir);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert(bind(listener, (struct sockaddr *)&sun, sizeof sun) == 0);
	cr_assert(listen(listener, 1) == 0);
	do {
		fds[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		r = connect(fds[n++], (struct sockaddr *)&sun, sizeof sun);
	} while (r == 0 && n < ARRAY_LEN(fds));
	cr_assert(r < 0 && errno == EAGAIN);
	r = channel_open(dir, "0", clock_now() + 50 * MSEC_NS, &ch, &err);
	cr_expect(r == -ETIMEDOUT, "%d: %s", r, err.text);
	for (size_t i = 0; i < n; i++)
		(void)close(fds[i]);
	(void)close(listener);
	(void)unlink(sun.sun_path);
	(void)rmdir(dir);
}

/* --- what others have stumbled over -------------------------------------------------
 */

/* A try that was asked for takes the place of the one that was due. */
Test(traps, one_that_waited_and_was_started_by_hand_is_not_started_twice)
{
	static const char *const strategies[] = { "one_for_one max=10",
		"one_for_all max=10", "rest_for_one max=10" };

	for (size_t i = 0; i < ARRAY_LEN(strategies); i++) {
		struct fake *t = fake_up(strategies[i], "a:backoff b");

		t->row = strategies[i];
		fake_exit(t, "a", "exit:1");
		EXPECT_TEXT(t, fake_result(fake_renew(t, "a")), "ok");
		EXPECT_STATES(t, "a running; b running");
		EXPECT_NUMBER(t, fake_find(t, "a")->spawns, 2);
		EXPECT_NUMBER(t, fake_armed(t, "a"), -1);
		fake_wait(t, 3600 * SEC_NS);
		EXPECT_NUMBER(t, fake_find(t, "a")->spawns, 2);
		fake_free(t);
	}
}

/* A run that dies early is no healthy one, however often it comes up. */
Test(traps, a_start_that_only_looks_well_does_not_reset_the_wait)
{
	struct fake *t = fake_up("one_for_one max=1000", "a:backoff");
	int64_t last = 0;

	for (int i = 0; i < 4; i++) {
		fake_exit(t, "a", "exit:1");
		cr_expect(fake_armed(t, "a") > last, "wait %d is %lld, after %lld", i,
			(long long)fake_armed(t, "a"), (long long)last);
		last = fake_armed(t, "a");
		fake_wait(t, last);
		EXPECT_STATES(t, "a running");
		fake_wait(t, SEC_NS + SEC_NS / 10);
	}
	fake_free(t);
}

/* Exit status; what it has written to its stderr, without what differs by name. */
static int run(const char *program, const char *verb, const char *file, char *said,
	size_t size)
{
	const char *out = getenv("KICK_OUT");
	char line[1024];
	FILE *f;
	size_t n;
	int r;

	(void)snprintf(line, sizeof line, "'%s/%s' %s '%s' 2>&1 >/dev/null </dev/null",
		out ? out : "build", program, verb, file);
	f = popen(line, "re");
	cr_assert(f);
	n = fread(said, 1, size - 1, f);
	said[n] = '\0';
	r = pclose(f);
	return WIFEXITED(r) ? WEXITSTATUS(r) : -1;
}

/* Two checkers would be of two opinions one day. */
Test(traps, kick_and_kickd_check_alike)
{
	static const char *const dirs[] = { "good", "bad" };
	static char by_kick[65536], by_kickd[65536];
	char pattern[4096];

	for (size_t d = 0; d < 2; d++) {
		glob_t files;

		(void)snprintf(pattern, sizeof pattern, "%.*stests/data/%s/*.json",
			(int)(strstr(__FILE__, "tests/unit/") - __FILE__), __FILE__,
			dirs[d]);
		cr_assert(glob(pattern, 0, NULL, &files) == 0);
		for (size_t i = 0; i < files.gl_pathc; i++) {
			const char *file = files.gl_pathv[i];
			int a = run("kick", "check", file, by_kick, sizeof by_kick);
			int b = run(
				"kickd", "--check", file, by_kickd, sizeof by_kickd);

			cr_expect(a == b && a == (d == 0 ? 0 : 78),
				"%s: kick %d, kickd %d", file, a, b);
			/* kickd also says what it makes of that. */
			cr_expect(strncmp(by_kick, by_kickd, strlen(by_kick)) == 0,
				"%s: kick: %skickd: %s", file, by_kick, by_kickd);
		}
		globfree(&files);
	}
}
