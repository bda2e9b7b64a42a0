/* Leaves processes to whoever reaps here, and waits until the last of them has been
 * reaped: not only ended, but gone from the table of processes.
 * Usage: orphans one|all COUNT FILE
 * one: each ends at once, one after the other. all: they wait and end together.
 * Writes to FILE how many nanoseconds that took, of "all" from the moment when they
 * were let go. Must be alone in its PID namespace, or a number might be used again. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE 60 /* seconds */
#define LOOK_US 200

static pid_t *orphans; /* shared with those who have them */
static int gate[2], arrived[2];

static uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static _Noreturn void live(bool waits)
{
	char c;

	if (waits) {
		(void)close(gate[1]);
		(void)!write(arrived[1], "", 1);
		(void)!read(gate[0], &c, 1);
	}
	_exit(0);
}

static void leave_one(int i, bool waits)
{
	int status;
	pid_t parent = fork();

	if (parent == 0) {
		pid_t pid = fork();

		if (pid == 0)
			live(waits);
		orphans[i] = pid;
		_exit(pid < 0);
	}
	if (parent < 0 || waitpid(parent, &status, 0) != parent || status != 0)
		die("fork");
}

/* All of them have come to the gate. */
static void await_arrivals(int n)
{
	char bytes[4096];
	ssize_t r;

	while (n > 0 && (r = read(arrived[0], bytes, sizeof bytes)) > 0)
		n -= (int)r;
}

/* False: some are left. Only their reaper is told when they are gone (a pidfd hangs up
 * then, but not before Linux 6.9), so they are looked for. */
static bool await_all(int n)
{
	uint64_t end = now_ns() + PATIENCE * 1000000000ull;

	for (int i = 0; i < n; i++)
		while (kill(orphans[i], 0) == 0) {
			if (now_ns() > end)
				return false;
			(void)usleep(LOOK_US);
		}
	return true;
}

int main(int argc, char **argv)
{
	bool all = argc == 4 && strcmp(argv[1], "all") == 0;
	uint64_t begin;
	FILE *f;
	int n;

	if (argc != 4 || (!all && strcmp(argv[1], "one") != 0))
		return 2;
	n = (int)strtol(argv[2], NULL, 10);
	orphans = mmap(NULL, (size_t)n * sizeof *orphans, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (orphans == MAP_FAILED || pipe(gate) < 0 || pipe(arrived) < 0)
		die("orphans");
	/* The first process has begun to reap. */
	leave_one(0, false);
	if (!await_all(1))
		die("not one was reaped");
	begin = now_ns();
	for (int i = 0; i < n; i++)
		leave_one(i, all);
	if (all) {
		await_arrivals(n);
		begin = now_ns();
		(void)close(gate[1]);
	}
	if (!await_all(n))
		die("not all were reaped");
	begin = now_ns() - begin;
	f = fopen(argv[3], "we");
	if (!f || fprintf(f, "%llu\n", (unsigned long long)begin) < 0 || fclose(f) < 0)
		die(argv[3]);
	return 0;
}
