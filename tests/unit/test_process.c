/* process_run(): what a process has adopted is listed apart from what it has made. */
#include <criterion/criterion.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/reap.h"
#include "otp/process.h"

struct seen {
	pid_t pid;
	int n;
};

static void look_at(void *user, pid_t pid)
{
	struct seen *seen = user;

	seen->pid = pid;
	seen->n++;
}

static pid_t fork_waiting(void)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			(void)pause();
	return pid;
}

/* Its child outlives it. The pid of that one. */
static pid_t adopt_one(void)
{
	int ends[2];
	pid_t parent, orphan;

	if (pipe(ends) < 0)
		_exit(10);
	parent = fork();
	if (parent == 0) {
		orphan = fork_waiting();
		_exit(write(ends[1], &orphan, sizeof orphan) != sizeof orphan);
	}
	if (read(ends[0], &orphan, sizeof orphan) != sizeof orphan)
		_exit(11);
	(void)waitpid(parent, NULL, 0);
	return orphan;
}

static int run(void *arg)
{
	struct seen none = { 0 }, one = { 0 };
	pid_t own = fork_waiting();
	int before = reap_adopted(look_at, &none);
	pid_t orphan = adopt_one();
	int after = reap_adopted(look_at, &one);

	(void)arg;
	(void)kill(own, SIGKILL);
	(void)kill(orphan, SIGKILL);
	if (before != 0 || none.n != 0)
		_exit(1);
	if (after != 1 || one.pid != orphan)
		_exit(2);
	/* Both are this process's to wait for. */
	if (waitpid(own, NULL, 0) != own || waitpid(orphan, NULL, 0) != orphan)
		_exit(3);
	_exit(0);
}

Test(process, what_is_adopted_is_listed_apart_from_what_is_made)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
		process_run(run, NULL);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status), "status %#x", status);
	cr_assert_eq(WEXITSTATUS(status), 0, "exit %d", WEXITSTATUS(status));
}
