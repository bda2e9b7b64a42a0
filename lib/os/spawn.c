/* The parent's half of a spawn. See spawn.h and preexec.c. */
#include "os/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "config/attrs.h"
#include "os/preexec.h"
#include "os/roles.h"

/* For our own frames, and those of clone(2) itself. */
#define STACK_GAP 2048

/* What the child may use of it; the library asks for no size. */
#define STACK_SIZE 65536

const char *const spawn_step_names[SPAWN_NSTEPS] = {
#define X(id, name) [SPAWN_##id] = (name),
	SPAWN_STEPS(X)
#undef X
};

int spawn_setup(void)
{
	autoclose int null = -1;
	autoclose int self = -1;

	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return -errno;
	for (int fd = 0; fd < FD_SELF; fd++)
		if (fd != null && dup3(null, fd, fd < FD_SLOT_0 ? 0 : O_CLOEXEC) < 0)
			return -errno;
	self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	if (self < 0)
		return -errno;
	if (self != FD_SELF && dup3(self, FD_SELF, O_CLOEXEC) < 0)
		return -errno;
	if (self == FD_SELF)
		(void)fd_steal(&self);
	if (null >= 0 && null < FD_SELF)
		(void)fd_steal(&null);
	return 0;
}

/* Puts what the child needs where it will find it; the rest of the slots are /dev/null
 * all the time, 0 to 2 without close-on-exec. */
static int place(const struct spawn_request *req)
{
	for (int i = 0; i < 3; i++)
		if (req->fds[i] >= 0 && dup2(req->fds[i], i) < 0)
			return -errno;
	for (uint32_t i = 0; i < req->n_listen; i++)
		if (dup2(req->listen[i], FD_SLOT_0 + (int)i) < 0)
			return -errno;
	if (req->ready_fd >= 0 && dup2(req->ready_fd, req->ready_slot) < 0)
		return -errno;
	return 0;
}

static void restore(const struct spawn_request *req)
{
	for (int i = 0; i < 3; i++)
		if (req->fds[i] >= 0)
			(void)dup2(FD_SLOT_LAST, i);
	for (uint32_t i = 0; i < req->n_listen; i++)
		(void)dup3(FD_SLOT_LAST, FD_SLOT_0 + (int)i, O_CLOEXEC);
	if (req->ready_fd >= 0)
		(void)dup3(FD_SLOT_LAST, req->ready_slot, O_CLOEXEC);
}

/* Where a child's stack may begin that runs while we, who have this frame, wait. */
static uintptr_t below_us(const void *frame)
{
	return ((uintptr_t)frame - STACK_GAP) & ~(uintptr_t)63;
}

/* clone3(2) of a child that calls run(arg) on the stack of the arguments and never
 * returns; the library has no such call. Negative errno. */
static long clone3_run(struct clone_args *args, int (*run)(void *), void *arg)
{
	long r = -ENOSYS;

#if defined(__x86_64__)
	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %[arg], %%rdi\n\t"
			 "call *%[run]\n\t"
			 "hlt\n"
			 "1:"
			 : "=a"(r)
			 : "0"((long)SYS_clone3), "D"(args),
			 "S"(sizeof *args), [run] "d"(run), [arg] "b"(arg)
			 : "rcx", "r11", "memory");
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = SYS_clone3;
	register long x0 __asm__("x0") = (long)args;
	register long x1 __asm__("x1") = (long)sizeof *args;

	__asm__ volatile("svc #0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x0, %[arg]\n\t"
			 "blr %[run]\n\t"
			 "brk #1\n"
			 "1:"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), [run] "r"(run), [arg] "r"(arg)
			 : "memory");
	r = x0;
#else
	(void)args;
	(void)run;
	(void)arg;
#endif
	return r;
}

/* Into its group at once: to enter it later takes milliseconds now and then. Negative
 * errno. */
static KICK_NOINLINE pid_t clone_into(struct preexec *p, int *ret_pidfd)
{
	struct clone_args args = { .flags = CLONE_VM | CLONE_VFORK | CLONE_FILES |
			CLONE_PIDFD | CLONE_INTO_CGROUP,
		.pidfd = (uint64_t)(uintptr_t)ret_pidfd,
		.exit_signal = SIGCHLD,
		.stack = below_us(__builtin_frame_address(0)) - STACK_SIZE,
		.stack_size = STACK_SIZE };
	autoclose int group = open(p->req->cgroup, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (group < 0)
		return -errno;
	args.cgroup = (unsigned)group;
	p->is_grouped = true;
	return (pid_t)clone3_run(&args, preexec, p);
}

/* The child runs on a stack of its own: what lies well below our frames, which we do
 * not touch until it has executed its program or ended. */
static pid_t run_child(struct preexec *p, int *ret_pidfd)
{
	void *stack = (void *)below_us(__builtin_frame_address(0));
	int flags = CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD;
	pid_t pid;

	/* Filters of containers refuse it: then it enters by itself. */
	if (p->req->cgroup) {
		pid = clone_into(p, ret_pidfd);
		if (pid > 0)
			return pid;
		p->is_grouped = false;
	}
	pid = clone(preexec, stack, flags | CLONE_PIDFD, p, ret_pidfd);
	if (pid < 0 && errno == EINVAL) {
		pid = clone(preexec, stack, flags, p);
		if (pid > 0)
			*ret_pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	}
	return pid < 0 ? -errno : pid;
}

/* The child formats nothing. */
static void write_texts(struct preexec *p, const struct attrs *a)
{
	if (a && a->has_nice)
		(void)snprintf(p->nice_text, sizeof p->nice_text, "%d", a->nice);
	if (a && a->has_oom_score_adj)
		(void)snprintf(p->oom_score_adj_text, sizeof p->oom_score_adj_text,
			"%d", a->oom_score_adj);
}

int spawn(const struct spawn_request *req, struct proc *ret_proc,
	struct spawn_failure *fail)
{
	struct preexec p = { .req = req, .detail = -1 };
	int pidfd = -1;
	siginfo_t si;
	pid_t pid;
	int r;

	*fail = (struct spawn_failure){ .step = SPAWN_CLONE, .detail = -1 };
	write_texts(&p, req->attrs);
	r = place(req);
	if (r < 0) {
		restore(req);
		return fail->code = r;
	}
	pid = run_child(&p, &pidfd);
	restore(req);
	if (pid < 0)
		return fail->code = pid;
	fail->nice = p.nice;
	fail->cgroup = p.cgroup;
	fail->oom_score_adj = p.oom_score_adj;
	if (p.code == 0) {
		*ret_proc = (struct proc){ .pid = pid, .fd = pidfd };
		return 0;
	}
	while (waitid(P_PID, (id_t)pid, &si, WEXITED) < 0 && errno == EINTR)
		;
	(void)fd_close(pidfd);
	*fail = (struct spawn_failure){
		.step = (enum spawn_step)p.step, .code = p.code, .detail = p.detail
	};
	return p.code;
}

struct reason spawn_reason(const struct spawn_failure *fail)
{
	return reason_textf("failed_to_start:%s:%s", spawn_step_names[fail->step],
		err_name(fail->code));
}

bool spawn_for_want(int code)
{
	return code == -EAGAIN || code == -ENOMEM || code == -EMFILE ||
		code == -ENFILE || code == -ENOSPC;
}
