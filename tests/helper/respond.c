/* A server that is not always one: what it makes of a request stands in a file. */
#include "respond.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void put(int fd, const char *text)
{
	(void)send(fd, text, strlen(text), MSG_NOSIGNAL);
}

static void flood(int fd)
{
	static char block[1 << 16];

	memset(block, 'x', sizeof block);
	while (send(fd, block, sizeof block, MSG_NOSIGNAL) > 0)
		;
}

/* False: the connection stays open. */
static bool answer(int fd, const char *mode)
{
	if (strcmp(mode, "hang") == 0)
		return false;
	if (strcmp(mode, "garbage") == 0)
		put(fd,
			"\x7f"
			"ELF\x01\x02\r\n\r\n");
	else if (strcmp(mode, "flood") == 0)
		flood(fd);
	else if (strcmp(mode, "500") == 0)
		put(fd, "HTTP/1.1 500 Oh no\r\n\r\n");
	else if (strcmp(mode, "half") == 0)
		put(fd, "HTTP/1.");
	else if (strcmp(mode, "close") != 0)
		put(fd, "HTTP/1.1 200 OK\r\n\r\n");
	return true;
}

static void read_mode(const char *file, char mode[16])
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, mode, 15);

	mode[n > 0 ? n : 0] = '\0';
	(void)close(fd);
}

_Noreturn void respond(int port, const char *file)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 100) < 0) {
		perror("helper: respond");
		exit(99);
	}
	for (;;) {
		char request[4096], mode[16];
		int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		ssize_t n = recv(c, request, sizeof request, 0);

		read_mode(file, mode);
		if (n <= 0 || answer(c, mode))
			(void)close(c);
	}
}
