/* See reap.h. */
#include "os/reap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "os/roles.h"

/* linux/pidfd.h of newer kernels */
#ifndef PIDFD_SIGNAL_PROCESS_GROUP
#define PIDFD_SIGNAL_PROCESS_GROUP (1u << 2)
#endif

static pid_t wait_for(pid_t which, int flags, siginfo_t *si)
{
	int r;

	do {
		si->si_pid = 0;
		r = waitid(which ? P_PID : P_ALL, (id_t)which, si,
			WEXITED | WNOHANG | flags);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : si->si_pid;
}

static struct reason facts(const siginfo_t *si)
{
	if (si->si_code == CLD_EXITED)
		return reason_exited(si->si_status);
	return reason_signaled(si->si_status, si->si_code == CLD_DUMPED);
}

pid_t reap_peek(pid_t which)
{
	siginfo_t si;

	return wait_for(which, WNOWAIT, &si);
}

pid_t reap_next(pid_t which, struct reason *ret)
{
	siginfo_t si;
	pid_t pid = wait_for(which, 0, &si);

	if (pid > 0)
		*ret = facts(&si);
	return pid;
}

bool reap_is_child(pid_t pid)
{
	siginfo_t si;

	return waitid(P_PID, (id_t)pid, &si, WEXITED | WNOHANG | WNOWAIT) == 0;
}

int reap(pid_t pid, struct reason *ret)
{
	pid_t r = reap_next(pid, ret);

	return r > 0 ? 0 : r == 0 ? -EAGAIN : (int)r;
}

/* Flags are looked at before the descriptor is. */
bool reap_outlived_by_group(void)
{
	static enum {
		UNKNOWN,
		YES,
		NO
	} known;

	if (known == UNKNOWN) {
		long r = syscall(
			SYS_pidfd_send_signal, -1, 0, NULL, PIDFD_SIGNAL_PROCESS_GROUP);

		known = r < 0 && errno == EBADF ? YES : NO;
	}
	return known == YES;
}

void reap_signal_group(const struct proc *leader, int sig)
{
	if (reap_outlived_by_group() && leader->fd >= 0)
		(void)syscall(SYS_pidfd_send_signal, leader->fd, sig, NULL,
			PIDFD_SIGNAL_PROCESS_GROUP);
	else
		(void)kill(-leader->pid, sig);
}

/* --- listing ------------------------------------------------------------------------
 */

struct listing {
	void (*call)(void *user, pid_t pid);
	void *user;
	int n;
	pid_t number; /* digits of the pid that is being read */
};

static void take_digits(struct listing *l, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (text[i] >= '0' && text[i] <= '9') {
			l->number = l->number * 10 + (text[i] - '0');
			continue;
		}
		if (l->number > 0) {
			l->n++;
			l->call(l->user, l->number);
		}
		l->number = 0;
	}
}

static int list_from_file(struct listing *l, const char *path)
{
	char text[4096];
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, text, sizeof text)) > 0)
		take_digits(l, text, (size_t)n);
	return n < 0 ? -errno : l->n;
}

/* Nothing may be overlooked for want of a descriptor: then one of the slots, of which
 * the rest is /dev/null, is lent for a moment (roles.h). */
static int list_from_proc(struct listing *l)
{
	char path[64];
	int r;

	(void)snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
	r = list_from_file(l, path);
	if (r != -EMFILE && r != -ENFILE)
		return r;
	(void)close(FD_SELF - 1);
	r = list_from_file(l, path);
	(void)dup3(FD_SELF - 2, FD_SELF - 1, O_CLOEXEC);
	return r;
}

static pid_t pid_max(void)
{
	char text[32];
	autoclose int fd = open("/proc/sys/kernel/pid_max", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

	if (n <= 0)
		return 4 << 20;
	text[n] = '\0';
	return (pid_t)strtol(text, NULL, 10);
}

/* Without /proc: asks about every pid there can be. Seconds for a large pid_max, but
 * exact; only ever needed when something has been left behind. */
static int list_by_waitid(struct listing *l)
{
	siginfo_t si;

	/* Mostly there is nobody to be found. */
	if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD)
		return 0;
	for (pid_t pid = 2, end = pid_max(); pid < end; pid++) {
		if (waitid(P_PID, (id_t)pid, &si, WEXITED | WNOHANG | WNOWAIT) < 0)
			continue;
		l->n++;
		l->call(l->user, pid);
	}
	return l->n;
}

int reap_adopted(void (*call)(void *user, pid_t pid), void *user)
{
	struct listing l = { .call = call, .user = user };
	int r = list_from_proc(&l);

	return r == -ENOENT || r == -EACCES ? list_by_waitid(&l) : r;
}
