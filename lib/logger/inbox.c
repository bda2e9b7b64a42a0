/* A supervisor that has gone wrong may send anything; a descriptor that came with it
 * has to be closed all the same. */
#include "logger/inbox.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/limits.h"

/* The first descriptor of a message; further ones are closed. -1: none. */
static int take_fd(struct msghdr *msg)
{
	int taken = -1;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
			if (taken < 0)
				taken = fd;
			else
				fd_close(fd);
		}
	}
	return taken;
}

static bool has_fd(const struct inbox *in)
{
	return in->notice.kind == NOTICE_PIPE || in->notice.kind == NOTICE_WATCH;
}

/* The notice at the beginning of what is left; the rest of a datagram that makes no
 * sense is dropped with it. */
static int parse(struct inbox *in)
{
	const char *head = in->bytes + in->at;
	const char *end = in->bytes + in->len;
	const char *path = head + sizeof in->notice;
	const char *text, *nul;

	in->at = in->len;
	if ((size_t)(end - head) < sizeof in->notice + 2)
		return -EPROTO;
	memcpy(&in->notice, head, sizeof in->notice);
	text = memchr(path, '\0', (size_t)(end - path));
	if (!text || text - path >= KICK_PATH_MAX)
		return -EPROTO;
	text++;
	nul = text < end ? memchr(text, '\0', (size_t)(end - text)) : NULL;
	if (!nul || (has_fd(in) && in->fd < 0 && !in->cut))
		return -EPROTO;
	in->at = (size_t)(nul + 1 - in->bytes);
	in->path = path;
	in->text = text;
	return 1;
}

int inbox_read(int fd, struct inbox *in)
{
	union {
		char bytes[CMSG_SPACE(4 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { .iov_base = in->bytes, .iov_len = sizeof in->bytes };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof control.bytes,
	};
	ssize_t n;
	int r;

	in->fd = -1;
	if (in->at < in->len)
		return parse(in);
	do
		n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	if (n == 0)
		return -EPIPE;
	in->fd = take_fd(&msg);
	in->cut = msg.msg_flags & MSG_CTRUNC;
	in->at = 0;
	in->len = msg.msg_flags & MSG_TRUNC ? 0 : (size_t)n;
	r = parse(in);
	if (r == 1 && has_fd(in))
		return r;
	if (in->fd >= 0)
		fd_close(in->fd);
	in->fd = -1;
	return r;
}
