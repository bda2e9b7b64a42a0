/* See command.h. One process that sleeps in sigtimedwait(2): no loop, no descriptor and
 * no memory of its own, as there is one of it in each container. After the program's
 * end comes the second half: what it has left behind is told to end, then killed. */
#include "command.h"

#include <errno.h>
#include <link.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/macro.h"
#include "os/reap.h"
#include "status.h"

/* What is left is looked for again this long after something of it has ended. */
#define LOOK_AGAIN_NS (20 * MSEC_NS)

/* What KILL has not ended by then is not waited for: it hangs in the kernel, or belongs
 * to somebody else. */
#define UNKILLABLE_NS (2 * SEC_NS)

/* As for the tree: a signal that comes with another one is not the second. */
#define SECOND_SIGNAL_NS SEC_NS

#define NEVER INT64_MAX

/* What runs while nothing of interest happens, on pages of its own (drop_code). */
#define RESIDENT __attribute__((section("kick_resident")))

struct pids {
	pid_t *at;
	size_t n, cap;
};

struct command {
	const struct command_options *o;
	sigset_t mask;	  /* what kickd was started with */
	sigset_t signals; /* blocked, to be waited for: all but those of faults */
	bool is_init;
	bool has_terminal; /* and so has the program's group in its place */
	pid_t main;
	bool ended;
	int status;
	bool more; /* children of any kind are left */

	/* after its end */
	int64_t ended_at, deadline, next_look;
	bool killing;
	struct pids told, now; /* who has had TERM; who is there at this look */
	size_t at;	       /* in told: where the next one is likely to be */
};

/* --- the program --------------------------------------------------------------------
 */

static void block_signals(struct command *c)
{
	static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP,
		SIGSYS };

	(void)sigfillset(&c->signals);
	for (size_t i = 0; i < ARRAY_LEN(faults); i++)
		(void)sigdelset(&c->signals, faults[i]);
	(void)sigprocmask(SIG_SETMASK, &c->signals, &c->mask);
}

static bool is_in_foreground(void)
{
	return tcgetpgrp(STDIN_FILENO) == getpgrp();
}

/* TTOU is blocked, so that the background may do this. */
static void give_terminal(pid_t group)
{
	(void)tcsetpgrp(STDIN_FILENO, group);
}

static _Noreturn void cannot_execute(const char *name, int code)
{
	const char *why = strerror(code);

	/* The kernel says the same of a script without its interpreter. */
	if (code == ENOENT && strchr(name, '/') && access(name, F_OK) == 0)
		why = "the file is there, but not its interpreter (the #! line of a "
		      "script, or the loader of another C library)";
	else if (code == ENOENT && !strchr(name, '/'))
		why = "no such program in PATH";
	(void)dprintf(STDERR_FILENO, "kickd: cannot run %s: %s\n", name, why);
	_exit(code == ENOENT || code == ENOTDIR ? STATUS_NOT_FOUND : STATUS_NOT_RUN);
}

static _Noreturn void execute(const struct command *c, pid_t parent)
{
	char *const *argv = c->o->argv;

	(void)setpgid(0, 0);
	if (c->has_terminal)
		give_terminal(getpid());
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(STATUS_HURRIED);
	(void)sigprocmask(SIG_SETMASK, &c->mask, NULL);
	(void)execvp(argv[0], argv);
	cannot_execute(argv[0], errno);
}

static int start(struct command *c)
{
	pid_t parent = getpid();

	c->main = fork();
	if (c->main == 0)
		execute(c, parent);
	if (c->main < 0)
		return -errno;
	/* In both processes, so that no signal comes between. */
	(void)setpgid(c->main, c->main);
	return 0;
}

/* --- a program that is stopped -------------------------------------------------------
 */

static void resume(const struct command *c)
{
	if (c->ended)
		return;
	if (is_in_foreground())
		give_terminal(c->main);
	(void)kill(-c->main, SIGCONT);
}

/* The job that a shell knows is kickd's group, not the program's: it stops as well, and
 * what continues it continues the program. Where nobody could, as in a container, the
 * kernel does not stop us for TSTP, and the program goes on at once. */
static void main_stopped(const struct command *c, int sig)
{
	sigset_t one, pending;

	if (sig != SIGTSTP && sig != SIGTTIN && sig != SIGTTOU)
		return;
	(void)sigemptyset(&one);
	(void)sigaddset(&one, sig);
	(void)kill(0, sig);
	(void)sigprocmask(SIG_UNBLOCK, &one, NULL);
	(void)sigprocmask(SIG_BLOCK, &one, NULL);
	/* With a CONT that is still to be read we were stopped. */
	(void)sigpending(&pending);
	if (!sigismember(&pending, SIGCONT) && sig == SIGTSTP)
		resume(c);
}

/* --- what is left -------------------------------------------------------------------
 */

static bool was_told(struct command *c, pid_t pid)
{
	for (size_t i = 0; i < c->told.n; i++) {
		/* Both lists are in the kernel's order. */
		size_t at = (c->at + i) % c->told.n;

		if (c->told.at[at] != pid)
			continue;
		c->at = at + 1;
		return true;
	}
	return false;
}

/* For want of memory it is forgotten, and told again. */
static void note(struct pids *p, pid_t pid)
{
	size_t cap = p->cap ? 2 * p->cap : 64;
	pid_t *more;

	if (p->n == p->cap) {
		more = realloc(p->at, cap * sizeof *more);
		if (!more)
			return;
		p->at = more;
		p->cap = cap;
	}
	p->at[p->n++] = pid;
}

static void end_one(void *user, pid_t pid)
{
	struct command *c = user;

	if (c->killing) {
		(void)kill(pid, SIGKILL);
		return;
	}
	if (!was_told(c, pid)) {
		(void)kill(pid, SIGTERM);
		(void)kill(pid, SIGCONT);
	}
	note(&c->now, pid);
}

/* Below another init only our own descendants are meant: the children that there are,
 * and those that become ours when these end. */
static void end_children(struct command *c)
{
	struct pids told = c->told;

	c->at = 0;
	(void)reap_adopted(end_one, c);
	if (c->killing)
		return;
	c->told = c->now;
	c->now = (struct pids){ told.at, 0, told.cap };
}

static void look(struct command *c)
{
	c->next_look = NEVER;
	if (!c->is_init) {
		end_children(c);
	} else if (c->killing) {
		(void)kill(-1, SIGKILL);
	} else {
		(void)kill(-1, SIGTERM);
		(void)kill(-1, SIGCONT);
	}
}

static void kill_all(struct command *c)
{
	c->killing = true;
	c->deadline = clock_now() + UNKILLABLE_NS;
	look(c);
}

static void main_ended(struct command *c, int status)
{
	c->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	c->ended = true;
	if (c->has_terminal)
		give_terminal(getpgrp());
}

static void begin_end(struct command *c)
{
	c->ended_at = clock_now();
	c->deadline = c->ended_at + c->o->grace_ns;
	look(c);
}

/* --- signals ------------------------------------------------------------------------
 */

RESIDENT static void reap_all(struct command *c)
{
	bool was_over = c->ended;
	bool any = false;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
		any = true;
		if (pid != c->main)
			continue;
		if (WIFSTOPPED(status))
			main_stopped(c, WSTOPSIG(status));
		else
			main_ended(c, status);
	}
	c->more = pid == 0;
	if (!c->more || !c->ended)
		return;
	if (!was_over)
		begin_end(c);
	/* As PID 1 we have told all of them. */
	else if (any && c->next_look == NEVER && (!c->is_init || c->killing))
		c->next_look = clock_now() + LOOK_AGAIN_NS;
}

RESIDENT static void on_signal(struct command *c, int sig)
{
	bool stop = sig == SIGTERM || sig == SIGINT || sig == SIGQUIT;

	if (sig == SIGCHLD)
		reap_all(c);
	else if (sig == SIGTTIN || sig == SIGTTOU)
		return;
	else if (!c->ended && sig == SIGCONT)
		resume(c);
	else if (!c->ended)
		(void)kill(c->main, sig);
	else if (stop && !c->killing && clock_now() - c->ended_at >= SECOND_SIGNAL_NS)
		kill_all(c);
}

RESIDENT static int next_signal(const struct command *c, int64_t until)
{
	int64_t left = until == NEVER ? 0 : until - clock_now();
	struct timespec ts = { 0, 0 };

	if (left > 0)
		ts = (struct timespec){ left / SEC_NS, left % SEC_NS };
	return sigtimedwait(&c->signals, NULL, until == NEVER ? NULL : &ts);
}

/* --- memory -------------------------------------------------------------------------
 */

/* The kernel maps 16 pages of a file where one is touched; nobody else shares kickd's.
 * What has been needed so far is let go, and what is needed from now on gets an area of
 * its own, around which nothing is mapped. Without effect where it is refused. */
RESIDENT static void drop_code(void)
{
	extern const char __start_kick_resident[], __stop_kick_resident[];
	const ElfW(Phdr) *ph = (const ElfW(Phdr) *)getauxval(AT_PHDR);
	ElfW(Phdr) own[16];
	size_t n = getauxval(AT_PHNUM);
	uintptr_t page = getauxval(AT_PAGESZ);
	uintptr_t from = (uintptr_t)__start_kick_resident & ~(page - 1);
	uintptr_t to = (uintptr_t)__stop_kick_resident;
	uintptr_t base = 0;

	if (!ph || n > ARRAY_LEN(own))
		return;
	for (size_t i = 0; i < n; i++) {
		own[i] = ph[i];
		if (ph[i].p_type == PT_PHDR)
			base = (uintptr_t)ph - ph[i].p_vaddr;
	}
	(void)madvise((void *)from, to - from, MADV_RANDOM);
	for (size_t i = 0; i < n; i++)
		if (own[i].p_type == PT_LOAD && !(own[i].p_flags & PF_W))
			(void)madvise((void *)((base + own[i].p_vaddr) & ~(page - 1)),
				own[i].p_memsz + (own[i].p_vaddr & (page - 1)),
				MADV_DONTNEED);
}

RESIDENT __attribute__((noinline)) static void watch(struct command *c)
{
	/* What ended before we were here has sent no signal that we could have seen. */
	reap_all(c);
	if (!c->ended)
		drop_code();
	while (c->more || !c->ended) {
		int64_t until = c->deadline < c->next_look ? c->deadline : c->next_look;
		int sig = next_signal(c, until);

		if (sig > 0) {
			on_signal(c, sig);
			continue;
		}
		if (errno != EAGAIN)
			continue;
		if (clock_now() < c->deadline)
			look(c);
		else if (c->killing)
			return;
		else
			kill_all(c);
	}
}

int command_run(const struct command_options *o)
{
	struct command c = {
		.o = o, .is_init = getpid() == 1, .deadline = NEVER, .next_look = NEVER
	};
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	int r;

	block_signals(&c);
	/* Ignored, as it may have been inherited, it would take our children away. */
	(void)sigaction(SIGCHLD, &dfl, NULL);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	c.has_terminal = is_in_foreground();
	r = start(&c);
	if (r < 0) {
		(void)dprintf(STDERR_FILENO,
			"kickd: cannot run %s: no process for it: %s\n", o->argv[0],
			strerror(-r));
		return STATUS_CANT_CREATE;
	}
	watch(&c);
	return o->map_exit[c.status & 0xff];
}
