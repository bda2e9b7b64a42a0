/* See link.h. */
#include "otp/link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/limits.h"
#include "base/macro.h"
#include "os/sock.h"

struct link_queued {
	struct link_queued *next;
	size_t n;
	int fd;
	char bytes[];
};

static void pop(struct link *l)
{
	struct link_queued *q = l->first;

	l->first = q->next;
	if (!l->first)
		l->last = &l->first;
	l->queued -= q->n;
	(void)fd_close(q->fd);
	free(q);
}

/* 0: all is sent; -EAGAIN: the rest waits; else the other side is gone. */
static int send_queued(struct link *l)
{
	while (l->first) {
		struct link_queued *q = l->first;
		int r = sock_send(l->io.fd, q->bytes, q->n, &q->fd, q->fd >= 0);

		if (r < 0)
			return r;
		pop(l);
	}
	return 0;
}

/* True when the link is still there afterwards. */
static bool receive_one(struct link *l)
{
	/* Apart from the head, as most messages have no text: a page less in use. */
	static char text[KICK_LINK_MESSAGE_MAX + 1];
	struct link_message m;
	struct iovec parts[] = { { &m, sizeof m }, { text, KICK_LINK_MESSAGE_MAX } };
	int fd = -1;
	size_t n_fds = 1;
	ssize_t n = sock_receive(l->io.fd, parts, ARRAY_LEN(parts), &fd, &n_fds);

	/* It has ended without having read everything, which is told once, before what
	 * it has said itself. */
	if (n == -ECONNRESET) {
		n_fds = 1;
		n = sock_receive(l->io.fd, parts, ARRAY_LEN(parts), &fd, &n_fds);
	}
	if (n == -EAGAIN)
		return false;
	if (n < (ssize_t)sizeof m) {
		(void)fd_close(fd);
		loop_remove(l->loop, &l->io);
		l->on_end(l);
		return false;
	}
	if (n > (ssize_t)sizeof m)
		text[n - (ssize_t)sizeof m] = '\0';
	l->on_message(l, &m, n > (ssize_t)sizeof m ? text : "", n_fds ? fd : -1);
	return true;
}

void link_drain(struct link *l)
{
	/* A callee that ends the link clears on_message. */
	while (l->on_message && l->io.slot && receive_one(l))
		;
}

static void on_io(struct io *io, uint32_t events)
{
	struct link *l = container_of(io, struct link, io);

	if ((events & EPOLLOUT) && send_queued(l) != -EAGAIN)
		(void)loop_change(l->loop, io, EPOLLIN);
	if (events & ~(uint32_t)EPOLLOUT)
		link_drain(l);
}

int link_init(struct link *l, struct loop *loop, int fd)
{
	l->loop = loop;
	l->first = NULL;
	l->last = &l->first;
	l->queued = 0;
	l->io = (struct io){ .call = on_io, .fd = fd };
	return loop_add(loop, &l->io, EPOLLIN);
}

void link_done(struct link *l)
{
	if (!l->loop)
		return;
	while (l->first)
		pop(l);
	loop_remove(l->loop, &l->io);
	l->io.fd = fd_close(l->io.fd);
	l->on_message = NULL;
	l->loop = NULL;
}

static int enqueue(struct link *l, const struct link_message *m, const char *text,
	size_t n_text, int fd)
{
	size_t n = sizeof *m + n_text;
	struct link_queued *q;

	if (l->queued + n > KICK_LINK_QUEUE_MAX)
		return -ENOBUFS;
	q = malloc(sizeof *q + n);
	if (!q)
		return -ENOMEM;
	q->next = NULL;
	q->n = n;
	q->fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
	memcpy(q->bytes, m, sizeof *m);
	memcpy(q->bytes + sizeof *m, text, n_text);
	*l->last = q;
	l->last = &q->next;
	l->queued += n;
	return 0;
}

int link_send(struct link *l, const struct link_message *m, const char *text, int fd)
{
	size_t n_text = text ? strlen(text) : 0;
	bool idle = !l->first;
	int r;

	if (!l->loop)
		return -EPIPE;
	if (n_text > KICK_LINK_MESSAGE_MAX)
		return -EMSGSIZE;
	r = enqueue(l, m, text ? text : "", n_text, fd);
	if (r < 0 || !idle)
		return r;
	r = send_queued(l);
	if (r == -EAGAIN)
		return loop_change(l->loop, &l->io, EPOLLIN | EPOLLOUT);
	if (r < 0 && l->first)
		pop(l);
	return r;
}

void link_flush(struct link *l, int timeout_ms)
{
	while (l->loop && send_queued(l) == -EAGAIN) {
		struct pollfd p = { .fd = l->io.fd, .events = POLLOUT };

		if (poll(&p, 1, timeout_ms) <= 0)
			return;
	}
}
