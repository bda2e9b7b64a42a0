/* The least that keeps programs alive: what the kernel alone costs on this machine,
 * now. It configures nothing, checks nothing, logs nothing, counts nothing; kick is
 * measured in multiples of it.
 *
 * Usage: floor [-p] [-s] [-l PORT] COUNT PROGRAM FIFO
 * Runs PROGRAM FIFO 0 to COUNT-1, each again as soon as it has ended. At SIGTERM it
 * stops them all at once, with -s from the last to the first, each awaited. With -p it
 * holds no pidfds and starts nothing anew: the floor of a start alone. With -l it keeps
 * 127.0.0.1:PORT open, which the programs get as descriptor 3. */
#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define BATCH 64
#define STACK_SIZE (32 << 10)

struct kept {
	pid_t pid;
	int fd;
	char number[12];
};

static const char *program;
static char *fifo;
static struct kept *all;
static int count;
static int epoll = -1;
static int stop_event = -1;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* A handler instead of a signalfd: nothing is blocked, so the child has nothing to undo
 * before it executes the program. */
static void on_term(int sig)
{
	(void)sig;
	(void)eventfd_write(stop_event, 1);
}

static int enter(void *arg)
{
	struct kept *k = arg;
	char *argv[] = { (char *)(uintptr_t)program, fifo, k->number, NULL };

	(void)execve(program, argv, environ);
	_exit(127);
}

static void start(struct kept *k)
{
	static _Alignas(16) char stack[STACK_SIZE];
	int flags = CLONE_VM | CLONE_VFORK | SIGCHLD;
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = k };

	if (epoll >= 0)
		flags |= CLONE_PIDFD;
	k->pid = clone(enter, stack + STACK_SIZE, flags, k, &k->fd);
	if (k->pid < 0)
		die("clone");
	if (epoll >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, k->fd, &e) < 0)
		die("epoll_ctl");
}

static void again(struct kept *k)
{
	siginfo_t si;

	(void)waitid(P_PIDFD, (id_t)k->fd, &si, WEXITED);
	(void)close(k->fd);
	start(k);
}

static void keep(void)
{
	struct epoll_event events[BATCH];
	int n;

	for (;;) {
		n = epoll_wait(epoll, events, BATCH, -1);
		for (int i = 0; i < n; i++) {
			if (!events[i].data.ptr)
				return;
			again(events[i].data.ptr);
		}
	}
}

static void await(idtype_t type, id_t id)
{
	siginfo_t si;

	while (waitid(type, id, &si, WEXITED) < 0 && errno == EINTR)
		;
}

static void stop_in_order(void)
{
	for (int i = count - 1; i >= 0; i--) {
		(void)kill(all[i].pid, SIGTERM);
		await(P_PID, (id_t)all[i].pid);
	}
}

static void stop_at_once(void)
{
	for (int i = 0; i < count; i++)
		(void)kill(all[i].pid, SIGTERM);
	for (int i = 0; i < count; i++)
		await(P_ALL, 0);
}

/* The first descriptor that is opened is 3; it goes through every exec. */
static void keep_port(const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)strtol(port, NULL, 10)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (fd != 3 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 ||
		listen(fd, SOMAXCONN) < 0)
		die("socket");
	(void)setenv("LISTEN_FDS", "1", 1);
}

static void prepare(bool plain)
{
	struct epoll_event e = { .events = EPOLLIN };
	struct sigaction term = { .sa_handler = on_term };
	struct rlimit files;

	(void)getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);
	all = calloc((size_t)count, sizeof *all);
	stop_event = eventfd(0, EFD_CLOEXEC);
	if (!all || stop_event < 0)
		die("floor");
	(void)sigaction(SIGTERM, &term, NULL);
	if (plain)
		return;
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, stop_event, &e) < 0)
		die("epoll");
}

int main(int argc, char **argv)
{
	bool plain = false;
	bool serial = false;
	eventfd_t ignored;
	int c;

	while ((c = getopt(argc, argv, "psl:")) != -1) {
		plain |= c == 'p';
		serial |= c == 's';
		if (c == 'l')
			keep_port(optarg);
	}
	if (argc - optind != 3) {
		(void)fprintf(stderr,
			"usage: floor [-p] [-s] [-l PORT] COUNT PROGRAM FIFO\n");
		return 2;
	}
	count = (int)strtol(argv[optind], NULL, 10);
	program = argv[optind + 1];
	fifo = argv[optind + 2];
	prepare(plain);
	for (int i = 0; i < count; i++) {
		(void)snprintf(all[i].number, sizeof all[i].number, "%d", i);
		start(&all[i]);
	}
	if (plain)
		while (eventfd_read(stop_event, &ignored) < 0)
			;
	else
		keep();
	if (serial)
		stop_in_order();
	else
		stop_at_once();
	return 0;
}
