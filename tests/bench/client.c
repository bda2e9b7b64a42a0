/* One connection after the other for a while. Usage: client PORT MILLISECONDS
 * Prints as JSON how many were answered, refused, and broken off (connected, but not
 * answered), the longest time between two answers, and how long all that took. A
 * connection is closed by a reset, so that no TIME_WAIT uses the ports up. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE 5 /* seconds */
#define REQUEST "GET / HTTP/1.0\r\n\r\n"

enum fate {
	ANSWERED,
	REFUSED,
	BROKEN,
	FATES
};

static uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static bool is_answered(int fd)
{
	char text[512];
	size_t len = 0;
	ssize_t n;

	if (send(fd, REQUEST, sizeof REQUEST - 1, MSG_NOSIGNAL) < 0)
		return false;
	while (len < sizeof text &&
		(n = recv(fd, text + len, sizeof text - len, 0)) > 0) {
		len += (size_t)n;
		if (memmem(text, len, "\r\n\r\nok\n", 7))
			return true;
	}
	return false;
}

static enum fate ask(const struct sockaddr_in *a)
{
	struct linger hard = { .l_onoff = 1 };
	struct timeval patience = { .tv_sec = PATIENCE };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	enum fate fate = REFUSED;

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	if (connect(fd, (const struct sockaddr *)a, sizeof *a) == 0)
		fate = is_answered(fd) ? ANSWERED : BROKEN;
	(void)close(fd);
	return fate;
}

int main(int argc, char **argv)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	uint64_t begin = now_ns(), end, last = begin, now = begin, gap = 0;
	unsigned long n[FATES] = { 0 };

	if (argc != 3)
		return 2;
	a.sin_port = htons((uint16_t)strtol(argv[1], NULL, 10));
	end = begin + strtoull(argv[2], NULL, 10) * 1000000;
	while (now < end) {
		enum fate fate = ask(&a);

		n[fate]++;
		now = now_ns();
		if (fate != ANSWERED)
			continue;
		if (now - last > gap)
			gap = now - last;
		last = now;
	}
	if (now - last > gap)
		gap = now - last;
	(void)printf("{\"answered\": %lu, \"refused\": %lu, \"broken\": %lu, "
		     "\"gap_ns\": %llu, \"elapsed_ns\": %llu}\n",
		n[ANSWERED], n[REFUSED], n[BROKEN], (unsigned long long)gap,
		(unsigned long long)(now - begin));
	return 0;
}
