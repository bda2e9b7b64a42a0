/* See process.h. A forked process is a copy of its parent: what it does first is to
 * let go of all that is not its own. */
#include "otp/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/macro.h"
#include "os/mark.h"
#include "os/preexec.h"
#include "os/roles.h"
#include "os/slab.h"
#include "os/sock.h"

extern char **environ;

static char *title_start;
static size_t title_room;

int process_titles(int argc, char **argv)
{
	char *end = argv[0];
	size_t n = 0;
	char **copy;

	for (int i = 0; i < argc; i++)
		if (argv[i] == end)
			end += strlen(end) + 1;
	while (environ[n])
		n++;
	for (size_t i = 0; i < n; i++)
		if (environ[i] == end)
			end += strlen(end) + 1;
	copy = calloc(n + 1, sizeof *copy);
	if (!copy)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		copy[i] = strdup(environ[i]);
		if (!copy[i])
			/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): kickd ends */
			return -ENOMEM;
	}
	environ = copy;
	title_start = argv[0];
	title_room = (size_t)(end - argv[0]);
	for (int i = 0; i < argc; i++) {
		argv[i] = strdup(argv[i]);
		if (!argv[i])
			return -ENOMEM;
	}
	return 0;
}

void process_set_title(const char *title)
{
	if (title_room < 2)
		return;
	memset(title_start, 0, title_room);
	strncpy(title_start, title, title_room - 1);
}

void process_signals(void)
{
	static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP,
		SIGSYS };
	static const int ignored[] = { SIGPIPE, SIGTTOU, SIGTTIN };
	struct sigaction sa = { .sa_handler = SIG_DFL };
	sigset_t all;

	for (int sig = 1; sig < NSIG; sig++)
		(void)sigaction(sig, &sa, NULL);
	sa.sa_handler = SIG_IGN;
	for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
		(void)sigaction(ignored[i], &sa, NULL);
	(void)sigfillset(&all);
	for (size_t i = 0; i < ARRAY_LEN(faults); i++)
		(void)sigdelset(&all, faults[i]);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
}

/* Terminals and impatient administrators mean the root, not the processes below it. */
static void ignore_terminal(void)
{
	static const int ignored[] = { SIGINT, SIGHUP, SIGQUIT, SIGUSR1 };
	struct sigaction sa = { .sa_handler = SIG_IGN };

	for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
		(void)sigaction(ignored[i], &sa, NULL);
}

static int move_to(int fd, int role)
{
	if (fd >= 0)
		return dup3(fd, role, O_CLOEXEC) < 0 ? -errno : 0;
	(void)close(role);
	return 0;
}

static void shed(const struct process_start *start)
{
	unsigned from = FD_FREE;

	for (size_t i = 0; i < start->n_keep; i++) {
		unsigned fd = (unsigned)start->keep[i];

		if (fd > from)
			(void)syscall(SYS_close_range, from, fd - 1, 0);
		from = fd + 1;
	}
	(void)syscall(SYS_close_range, from, ~0U, 0);
}

static int become(const struct process_start *start, int link)
{
	int r;

	slab_forked();
	ignore_terminal();
	r = move_to(link, FD_LINK);
	if (r == 0)
		r = move_to(start->listen, FD_LISTEN);
	if (r < 0)
		return r;
	shed(start);
	(void)setpgid(0, 0);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	(void)prctl(PR_SET_NAME, start->comm);
	process_set_title(start->title);
	if (start->mark)
		(void)mark_self(start->mark);
	return spawn_setup();
}

int process_spawn_link(
	const struct process_start *start, struct proc *ret_proc, int *ret_link)
{
	int ends[2];
	pid_t pid;
	int r = sock_pair(SOCK_SEQPACKET, ends);

	if (r < 0)
		return r;
	pid = _Fork();
	if (pid == 0) {
		if (become(start, ends[1]) < 0)
			_exit(127);
		return 0;
	}
	r = -errno;
	(void)fd_close(ends[1]);
	if (pid < 0) {
		(void)fd_close(ends[0]);
		return r;
	}
	*ret_proc =
		(struct proc){ .pid = pid, .fd = (int)syscall(SYS_pidfd_open, pid, 0) };
	*ret_link = ends[0];
	return 1;
}

/* The first thread never runs again: what lies between its frame and the stack of the
 * second one is for its last call only. */
#define PAUSE_ROOM 512

/* The frames of those who will never be returned to. The parent's writes to its own
 * would leave us with the old pages. */
static void drop_frames(uintptr_t below)
{
	extern void *__libc_stack_end; /* argc, then what main() was given */
	uintptr_t page = (uintptr_t)getpagesize();
	uintptr_t from = (below + page - 1) & ~(page - 1);
	uintptr_t end = (uintptr_t)__libc_stack_end & ~(page - 1);

	if (from < end)
		(void)madvise((void *)from, end - from, MADV_DONTNEED);
}

void process_run(int (*run)(void *arg), void *arg)
{
	uintptr_t top = (uintptr_t)__builtin_frame_address(0) - PAUSE_ROOM;
	int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
		CLONE_SYSVSEM;

	drop_frames((uintptr_t)__builtin_frame_address(0) + 64);
	if (clone(run, (void *)(top & ~(uintptr_t)63), flags, arg) < 0)
		(void)run(arg);
	for (;;)
		(void)syscall(SYS_ppoll, NULL, 0, NULL, NULL);
}
