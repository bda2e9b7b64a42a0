/* See it_pty.h. */
#include "it_pty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "harness.h"

static int master = -1;
static char terminal[64];

void pty_make(void)
{
	master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	check(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0 &&
			ptsname_r(master, terminal, sizeof terminal) == 0,
		"pty: %s", strerror(errno));
}

void pty_take(void)
{
	int fd;

	(void)setsid();
	(void)close(master);
	fd = open(terminal, O_RDWR | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, TIOCSCTTY, 0) < 0)
		_exit(99);
	(void)dup2(fd, STDIN_FILENO);
}

void pty_take_all(void)
{
	pty_take();
	(void)dup2(STDIN_FILENO, STDOUT_FILENO);
	(void)dup2(STDIN_FILENO, STDERR_FILENO);
}

void pty_type(const char *text)
{
	check(write(master, text, strlen(text)) == (ssize_t)strlen(text), "pty: %s",
		strerror(errno));
}

void pty_end(void)
{
	(void)close(master);
}
