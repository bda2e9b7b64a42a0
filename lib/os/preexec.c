/* See preexec.h. The order matters: the shared descriptor table is cut
 * first, so that nothing done here shows in the parent; the parent-death signal comes
 * after all changes of identity, which would clear it, and is followed by a look at
 * the parent's pidfd, as it may have died before. */
#include "os/preexec.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/macro.h"
#include "os/preattrs.h"
#include "os/roles.h"

const int preexec_ignored[] = { SIGINT, SIGHUP, SIGQUIT, SIGPIPE, SIGTTOU, SIGTTIN,
	SIGUSR1, SIGTERM };
const size_t preexec_n_ignored = ARRAY_LEN(preexec_ignored);

_Noreturn void preexec_give_up(struct preexec *p, enum spawn_step step, int code)
{
	p->step = (int)step;
	p->code = code;
	_exit(127);
}

void preexec_must(struct preexec *p, enum spawn_step step, long r)
{
	if (r < 0)
		preexec_give_up(p, step, -errno);
}

static void signals(void)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };

	for (size_t i = 0; i < preexec_n_ignored; i++)
		(void)sigaction(preexec_ignored[i], &dfl, NULL);
}

/* A FIFO without a reader must not hold us up, nor a link lead elsewhere. */
static void open_file(struct preexec *p, int slot, const char *path)
{
	static const enum spawn_step steps[3] = { SPAWN_STDIN, SPAWN_STDOUT,
		SPAWN_STDERR };
	int flags = slot == 0 ? O_RDONLY : O_WRONLY | O_CREAT | O_APPEND;
	struct stat st;
	int fd;

	fd = open(path, flags | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW, 0644);
	preexec_must(p, steps[slot], fd);
	preexec_must(p, steps[slot], fstat(fd, &st));
	if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
		preexec_give_up(p, steps[slot], -EINVAL);
	preexec_must(p, steps[slot], fcntl(fd, F_SETFL, flags & O_APPEND));
	if (fd != slot) {
		preexec_must(p, steps[slot], dup2(fd, slot));
		(void)close(fd);
	}
}

static void identity(struct preexec *p)
{
	const struct spawn_request *q = p->req;

	/* The system calls themselves: libc's wrappers would tell other threads. */
	if (q->has_groups)
		preexec_must(p, SPAWN_GROUPS,
			syscall(SYS_setgroups, (long)q->n_groups, q->groups));
	if (q->has_gid)
		preexec_must(
			p, SPAWN_GID, syscall(SYS_setresgid, q->gid, q->gid, q->gid));
	if (q->has_uid)
		preexec_must(
			p, SPAWN_UID, syscall(SYS_setresuid, q->uid, q->uid, q->uid));
}

static void limits(struct preexec *p)
{
	/* The hard limit too: PAM sets the soft one back for su(1) and its kind. */
	struct rlimit mark = { p->req->mark, p->req->mark };

	preexec_must(p, SPAWN_LIMITS, setrlimit(RLIMIT_LOCKS, &mark));
	preexec_must(p, SPAWN_LIMITS, setrlimit(RLIMIT_NOFILE, &p->req->nofile));
}

static void tie_to_parent(struct preexec *p)
{
	struct pollfd parent = { .fd = FD_SELF, .events = POLLIN };

	preexec_must(p, SPAWN_PARENT, prctl(PR_SET_PDEATHSIG, SIGKILL));
	if (poll(&parent, 1, 0) != 0)
		preexec_give_up(p, SPAWN_PARENT, -ESRCH);
}

static _Noreturn void run(struct preexec *p)
{
	const struct spawn_request *q = p->req;
	int code = -ENOENT;
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	for (const char *const *path = q->programs; *path; path++) {
		(void)execve(*path, q->argv, q->envp);
		/* As execvp(3): a directory without the program is not the answer. */
		if (errno != ENOENT && errno != ENOTDIR && code != -EACCES)
			code = -errno;
		if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
			break;
	}
	preexec_give_up(p, SPAWN_EXEC, code);
}

/* A part of the environment that the parent could not know before. */
static void write_pid(char *at)
{
	unsigned pid = (unsigned)getpid();
	char digits[SPAWN_PID_SIZE];
	size_t n = 0;

	do
		digits[n++] = (char)('0' + pid % 10);
	while ((pid /= 10) > 0);
	while (n > 0)
		*at++ = digits[--n];
	*at = '\0';
}

int preexec(void *arg)
{
	struct preexec *p = arg;
	const struct spawn_request *q = p->req;

	preexec_must(p, SPAWN_CLONE,
		syscall(SYS_close_range, FD_SELF + 1, ~0U, CLOSE_RANGE_UNSHARE));
	preexec_must(p, SPAWN_SESSION, setsid());
	signals();
	for (int i = 0; i < SPAWN_PIDS && q->pid_texts[i]; i++)
		write_pid(q->pid_texts[i]);
	if (q->umask >= 0)
		(void)umask((mode_t)q->umask);
	if (q->cgroup_procs && !p->is_grouped)
		preattrs_group(p);
	limits(p);
	for (int i = 0; i < 3; i++)
		if (q->files[i])
			open_file(p, i, q->files[i]);
	if (q->attrs) {
		preattrs_limits(p);
		preattrs_bound(p);
	}
	identity(p);
	if (q->attrs)
		preattrs_shed(p);
	if (q->cwd)
		preexec_must(p, SPAWN_CWD, chdir(q->cwd));
	tie_to_parent(p);
	run(p);
}
