/* Readiness that a program tells by a newline on a descriptor (s6). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "otp/internal.h"

struct readiness {
	struct io io;
	struct supervised *child;
	int their_end; /* until the spawn */
};

static void on_fd(struct io *io, uint32_t events)
{
	struct readiness *rd = container_of(io, struct readiness, io);
	struct supervised *c = rd->child;
	char text[256];
	ssize_t n = read(io->fd, text, sizeof text);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* Its end without a newline says nothing: the start timeout or its end will. */
	if (n > 0 && !memchr(text, '\n', (size_t)n))
		return;
	readiness_free(c);
	if (n <= 0)
		return;
	sup_ready(&c->sup->core, &c->core, loop_now(c->sup->loop));
	supervisor_settle(c->sup);
}

int readiness_new(struct supervised *c, struct spawn_request *req)
{
	struct readiness *rd;
	int ends[2];
	int r;

	readiness_free(c);
	rd = calloc(1, sizeof *rd);
	if (!rd)
		return -ENOMEM;
	rd->child = c;
	rd->io.fd = rd->their_end = -1;
	c->ready = rd;
	r = pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0 ? -errno : 0;
	if (r == 0) {
		(void)fd_nonblock(ends[1], 0);
		rd->io.call = on_fd;
		rd->io.fd = ends[0];
		rd->their_end = ends[1];
		req->ready_fd = ends[1];
		req->ready_slot = c->spec->ready_fd;
		r = loop_add(c->sup->loop, &rd->io, EPOLLIN);
	}
	if (r < 0)
		readiness_free(c);
	return r;
}

void readiness_spawned(struct supervised *c)
{
	if (c->ready)
		c->ready->their_end = fd_close(c->ready->their_end);
}

void readiness_free(struct supervised *c)
{
	struct readiness *rd = c->ready;

	if (!rd)
		return;
	c->ready = NULL;
	loop_remove(c->sup->loop, &rd->io);
	(void)fd_close(rd->io.fd);
	(void)fd_close(rd->their_end);
	free(rd);
}
