/* See it_dial.h. */
#include "it_dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

socklen_t tcp4(int port, union address *ret)
{
	*ret = (union address){ .in4 = { .sin_family = AF_INET,
					.sin_port = htons((uint16_t)port),
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) } };
	return sizeof ret->in4;
}

socklen_t tcp6(int port, union address *ret)
{
	*ret = (union address){ .in6 = { .sin6_family = AF_INET6,
					.sin6_port = htons((uint16_t)port),
					.sin6_addr = IN6ADDR_LOOPBACK_INIT } };
	return sizeof ret->in6;
}

socklen_t unix_at(const char *name, union address *ret)
{
	*ret = (union address){ .un = { .sun_family = AF_UNIX } };
	(void)snprintf(ret->un.sun_path, sizeof ret->un.sun_path, "%s", it_path(name));
	return sizeof ret->un;
}

/* A port that nobody has now, of TCP and of UDP. */
int free_port(void)
{
	for (int tries = 0; tries < 100; tries++) {
		union address a;
		socklen_t n = tcp4(0, &a);
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		bool ok = bind(fd, &a.any, n) == 0 &&
			getsockname(fd, &a.any, &n) == 0 && bind(udp, &a.any, n) == 0;

		(void)close(fd);
		(void)close(udp);
		if (ok)
			return ntohs(a.in4.sin_port);
	}
	check(false, "no port is free");
	return 0;
}

int dial(const union address *a, socklen_t n, int type)
{
	struct timeval patience = { .tv_sec = IT_SECONDS };
	int fd = socket(a->any.sa_family, type | SOCK_CLOEXEC, 0);
	int code;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (connect(fd, &a->any, n) == 0)
		return fd;
	code = errno;
	(void)close(fd);
	errno = code;
	return -1;
}

/* What the server answers to one line; "" when it hangs up without a word, "refused"
 * and so on by errno. Static until the next call of this thread. */
const char *ask(const union address *a, socklen_t n, int type, const char *line)
{
	static _Thread_local char text[128];
	int fd = dial(a, n, type);
	ssize_t got;

	if (fd < 0) {
		(void)snprintf(text, sizeof text, "%s",
			errno == ECONNREFUSED ? "refused" : strerror(errno));
		return text;
	}
	(void)send(fd, line, strlen(line), MSG_NOSIGNAL);
	got = recv(fd, text, sizeof text - 1, 0);
	(void)close(fd);
	text[got > 0 ? got : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return text;
}

const char *ask4(int port, const char *line)
{
	union address a;
	socklen_t n = tcp4(port, &a);

	return ask(&a, n, SOCK_STREAM, line);
}

const char *ask_unix(const char *name, const char *line)
{
	union address a;
	socklen_t n = unix_at(name, &a);

	return ask(&a, n, SOCK_STREAM, line);
}

const char *with_port(const char *config, int port)
{
	static char text[2000];

	(void)snprintf(text, sizeof text, config, port, port, port);
	return text;
}
