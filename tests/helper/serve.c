/* A client sends a line, gets one back, and that was it. Of UDP a datagram each.
 *
 *	who		PID NAME TYPE: who answers, on which socket
 *	flags		whether the socket was blocking when the server began
 *	nonblock	makes it non-blocking
 *	shutdown	shuts the socket down and ends with status 3
 *	disturb		shuts the socket down and goes on
 *	close		closes its copy of the socket and goes on
 */
#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST 3
#define MOST 16

static struct pollfd sockets[MOST];
static char names[MOST][64];
static int flags[MOST];
static unsigned n_sockets;

static void take_sockets(void)
{
	const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");
	const char *list = getenv("LISTEN_FDNAMES");

	if (!pid || !n || !list || strtol(pid, NULL, 10) != getpid()) {
		(void)fprintf(stderr, "serve: no sockets: LISTEN_PID %s, I am %d\n",
			pid ? pid : "is not set", (int)getpid());
		exit(97);
	}
	n_sockets = (unsigned)strtol(n, NULL, 10);
	for (unsigned i = 0; i < n_sockets && i < MOST; i++) {
		size_t len = strcspn(list, ":");

		(void)snprintf(names[i], sizeof names[i], "%.*s", (int)len, list);
		list += len + (list[len] == ':');
		sockets[i] = (struct pollfd){ .fd = FIRST + (int)i, .events = POLLIN };
		flags[i] = fcntl(FIRST + (int)i, F_GETFL);
	}
}

static int type_of(int fd)
{
	int type = 0;
	socklen_t n = sizeof type;

	(void)getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n);
	return type;
}

static void answer(unsigned i, char *line, char *ret, size_t size)
{
	int fd = sockets[i].fd;

	line[strcspn(line, "\n")] = '\0';
	(void)snprintf(ret, size, "ok\n");
	if (strcmp(line, "who") == 0) {
		(void)snprintf(ret, size, "%d %s %s\n", (int)getpid(), names[i],
			type_of(fd) == SOCK_STREAM ? "stream" : "dgram");
	} else if (strcmp(line, "flags") == 0) {
		(void)snprintf(ret, size, "%s\n",
			flags[i] & O_NONBLOCK ? "nonblocking" : "blocking");
	} else if (strcmp(line, "nonblock") == 0) {
		(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	} else if (strcmp(line, "shutdown") == 0) {
		(void)shutdown(fd, SHUT_RDWR);
		_exit(3);
	} else if (strcmp(line, "disturb") == 0) {
		(void)shutdown(fd, SHUT_RDWR);
	} else if (strcmp(line, "close") == 0) {
		sockets[i].fd = -1;
		(void)close(fd);
	}
}

static void datagram(unsigned i)
{
	struct sockaddr_storage from;
	socklen_t n_from = sizeof from;
	char line[128], text[128];
	ssize_t n = recvfrom(sockets[i].fd, line, sizeof line - 1, MSG_DONTWAIT,
		(struct sockaddr *)&from, &n_from);
	int fd = sockets[i].fd;

	if (n <= 0)
		return;
	line[n] = '\0';
	answer(i, line, text, sizeof text);
	(void)sendto(
		fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&from, n_from);
}

static void connection(unsigned i)
{
	char line[128], text[128];
	int fd = accept4(sockets[i].fd, NULL, NULL, SOCK_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return;
	n = recv(fd, line, sizeof line - 1, 0);
	if (n > 0) {
		line[n] = '\0';
		answer(i, line, text, sizeof text);
		(void)send(fd, text, strlen(text), MSG_NOSIGNAL);
	}
	(void)close(fd);
}

void do_serve(char **args)
{
	(void)args;
	take_sockets();
	for (;;) {
		if (poll(sockets, n_sockets, -1) < 0 && errno != EINTR)
			exit(96);
		for (unsigned i = 0; i < n_sockets; i++) {
			if (!(sockets[i].revents & POLLIN))
				continue;
			if (type_of(sockets[i].fd) == SOCK_STREAM)
				connection(i);
			else
				datagram(i);
		}
	}
}
