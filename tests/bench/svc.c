/* The program that all supervisors of the bench start: it says when its main() was
 * entered and then does nothing, so that what is measured is the supervisor and the
 * kernel. Usage: svc FIFO NUMBER; without arguments it ends at once, which is what
 * running any program costs. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Read by bench.py; written in one piece, as it is shorter than PIPE_BUF. */
struct started {
	uint64_t at_ns; /* CLOCK_MONOTONIC */
	int32_t pid;
	int32_t number;
};

int main(int argc, char **argv)
{
	struct started s = { 0 };
	struct timespec now;
	int fd;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	if (argc != 3)
		return 0;
	s.at_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	s.pid = getpid();
	s.number = (int32_t)strtol(argv[2], NULL, 10);
	fd = open(argv[1], O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, &s, sizeof s) != sizeof s)
		return 1;
	(void)close(fd);
	for (;;)
		(void)pause();
}
