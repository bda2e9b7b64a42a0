/* A server that says the same to everyone, one connection at a time: what is measured
 * is who keeps its socket. Usage: web FIFO NUMBER [PORT]
 * The socket is descriptor 3 (LISTEN_FDS), else it opens 127.0.0.1:PORT. Reports as
 * svc does, as soon as it listens. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* As in svc.c. */
struct started {
	uint64_t at_ns;
	int32_t pid;
	int32_t number;
};

static int report(const char *fifo, const char *number)
{
	struct started s = { .pid = getpid(),
		.number = (int32_t)strtol(number, NULL, 10) };
	struct timespec now;
	int fd = open(fifo, O_WRONLY | O_CLOEXEC);

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	s.at_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	if (fd < 0 || write(fd, &s, sizeof s) != sizeof s)
		return -1;
	return close(fd);
}

static int open_port(const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)strtol(port, NULL, 10)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 511) < 0) {
		perror("web");
		exit(1);
	}
	return fd;
}

int main(int argc, char **argv)
{
	static const char answer[] =
		"HTTP/1.0 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";
	char request[2048];
	int from;

	if (argc < 3 || (argc < 4 && !getenv("LISTEN_FDS")))
		return 2;
	(void)signal(SIGPIPE, SIG_IGN);
	from = argc < 4 ? 3 : open_port(argv[3]);
	if (report(argv[1], argv[2]) < 0)
		return 1;
	for (;;) {
		int fd = accept4(from, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			continue;
		if (read(fd, request, sizeof request) > 0)
			(void)!write(fd, answer, sizeof answer - 1);
		(void)close(fd);
	}
}
