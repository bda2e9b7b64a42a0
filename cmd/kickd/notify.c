/* See notify.h. */
#include "notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct sockaddr_un starter;
static socklen_t starter_len;
static int fd = -1;

void notify_init(void)
{
	static const char *const gone[] = { "NOTIFY_SOCKET", "WATCHDOG_USEC",
		"WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES" };
	const char *path = getenv("NOTIFY_SOCKET");
	size_t n = path ? strlen(path) : 0;

	if (n > 1 && n < sizeof starter.sun_path && (*path == '/' || *path == '@')) {
		starter.sun_family = AF_UNIX;
		memcpy(starter.sun_path, path, n);
		/* '@' stands for the NUL of an abstract name. */
		if (*path == '@')
			starter.sun_path[0] = '\0';
		starter_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n +
			(*path == '/'));
	}
	for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
		(void)unsetenv(gone[i]);
}

int notify_open(void)
{
	if (!starter_len)
		return 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return fd < 0 ? -errno : 0;
}

void notify_starter(const char *state)
{
	if (fd >= 0)
		(void)sendto(fd, state, strlen(state), MSG_NOSIGNAL,
			(const struct sockaddr *)&starter, starter_len);
}
