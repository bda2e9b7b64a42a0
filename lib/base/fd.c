/* File descriptors. Whatever runs in a cleanup keeps errno; whatever reads or writes
 * "all" goes on after short counts, so that its callers need no loops of their own. */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/macro.h"

int fd_close(int fd)
{
	int saved = errno;

	/* Not again after EINTR: it is closed, and its number may be in use. */
	if (fd >= 0)
		(void)close(fd);
	errno = saved;
	return -EBADF;
}

void fd_closep(int *fd)
{
	*fd = fd_close(*fd);
}

int fd_steal(int *fd)
{
	int stolen = *fd;

	*fd = -EBADF;
	return stolen;
}

int fd_nonblock(int fd, int on)
{
	int flags = fcntl(fd, F_GETFL);
	int wanted;

	if (flags < 0)
		return -errno;
	wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	if (wanted != flags && fcntl(fd, F_SETFL, wanted) < 0)
		return -errno;
	return 0;
}

int fd_write_all(int fd, const void *bytes, size_t n)
{
	const char *at = bytes;

	while (n > 0) {
		ssize_t r = write(fd, at, n);

		if (r < 0 && errno != EINTR)
			return -errno;
		if (r > 0) {
			at += r;
			n -= (size_t)r;
		}
	}
	return 0;
}

/* Room for at least one more byte and the end; never more than max + 2 in all: the
 * byte beyond max is how a file that is too long is told from one that just fits. */
static int grow(char **data, size_t *cap, size_t max)
{
	size_t next = *cap ? *cap * 2 : 4096;
	char *bigger;

	if (next > max + 2)
		next = max + 2;
	bigger = realloc(*data, next);
	if (!bigger)
		return -ENOMEM;
	*data = bigger;
	*cap = next;
	return 0;
}

int fd_read_all(int fd, size_t max, char **ret_data, size_t *ret_len)
{
	autofree char *data = NULL;
	size_t cap = 0;
	size_t len = 0;

	if (max > SIZE_MAX / 4)
		return -EINVAL;
	for (;;) {
		ssize_t r;

		if (len + 1 >= cap && grow(&data, &cap, max) < 0)
			return -ENOMEM;
		r = read(fd, data + len, cap - len - 1);
		if (r == 0)
			break;
		if (r < 0 && errno != EINTR)
			return -errno;
		if (r > 0)
			len += (size_t)r;
		if (len > max)
			return -EFBIG;
	}
	data[len] = '\0';
	*ret_data = data;
	*ret_len = len;
	data = NULL;
	return 0;
}
