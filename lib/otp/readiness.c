/* Readiness that is told by a newline on a descriptor: by the program itself (s6), or
 * by the logger, when it has seen the line that is waited for. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/limits.h"
#include "otp/internal.h"

struct readiness {
	struct io io;
	struct timer again;
	struct supervised *child;
	uint64_t first_pipe; /* of this life's output */
	int their_end;	     /* until the spawn */
};

/* Gives the logger the other end of a new pipe. */
static int ask_logger(struct readiness *rd)
{
	struct supervised *c = rd->child;
	char path[KICK_PATH_MAX];
	int ends[2];
	int r;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	rd->io.fd = ends[0];
	r = loop_add(c->sup->loop, &rd->io, EPOLLIN);
	if (r == 0)
		r = report_watch(c->sup, supervisor_path(c, path),
			REL_STR(c->spec->ready_log), rd->first_pipe, ends[1]);
	(void)fd_close(ends[1]);
	return r;
}

static void stop_asking(struct readiness *rd)
{
	loop_remove(rd->child->sup->loop, &rd->io);
	rd->io.fd = fd_close(rd->io.fd);
}

static void ask_later(struct readiness *rd, int64_t now)
{
	stop_asking(rd);
	loop_arm(rd->child->sup->loop, &rd->again,
		now + KICK_RESOURCE_RETRY_MS * MSEC_NS);
}

static void on_again(struct timer *t, int64_t now)
{
	struct readiness *rd = container_of(t, struct readiness, again);

	/* After a reload that wants something else nothing is left to ask for. */
	if (rd->child->spec->ready != READY_LOG)
		readiness_free(rd->child);
	else if (ask_logger(rd) < 0)
		ask_later(rd, now);
}

static void on_fd(struct io *io, uint32_t events)
{
	struct readiness *rd = container_of(io, struct readiness, io);
	struct supervised *c = rd->child;
	int64_t now = loop_now(c->sup->loop);
	char text[256];
	ssize_t n = read(io->fd, text, sizeof text);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && !memchr(text, '\n', (size_t)n))
		return;
	/* The logger has died, or had no descriptor or memory left. */
	if (n <= 0 && c->spec->ready == READY_LOG) {
		ask_later(rd, now);
		return;
	}
	readiness_free(c);
	/* Its end without a newline says nothing: the start timeout or its end will. */
	if (n <= 0)
		return;
	sup_ready(&c->sup->core, &c->core, now);
	supervisor_settle(c->sup);
}

static int give_program(struct readiness *rd, struct spawn_request *req)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	(void)fd_nonblock(ends[1], 0);
	rd->io.fd = ends[0];
	rd->their_end = ends[1];
	req->ready_fd = ends[1];
	req->ready_slot = rd->child->spec->ready_fd;
	return loop_add(rd->child->sup->loop, &rd->io, EPOLLIN);
}

static struct readiness *fresh(struct supervised *c)
{
	struct readiness *rd;

	readiness_free(c);
	rd = calloc(1, sizeof *rd);
	if (!rd)
		return NULL;
	rd->child = c;
	rd->io = (struct io){ .call = on_fd, .fd = -1 };
	rd->again.call = on_again;
	rd->their_end = -1;
	c->ready = rd;
	return rd;
}

int readiness_new(struct supervised *c, struct spawn_request *req)
{
	struct readiness *rd = fresh(c);
	int r = rd ? give_program(rd, req) : -ENOMEM;

	if (r < 0)
		readiness_free(c);
	return r;
}

/* Its output gets new pipes, so that nothing that an earlier life has left in the old
 * ones, or still writes, is taken for its own. */
int readiness_watch(struct supervised *c)
{
	struct supervisor *sv = c->sup;
	struct readiness *rd = fresh(c);

	if (!rd || loop_reserve(sv->loop, 4 * sv->core.n + 16) < 0)
		return -ENOMEM;
	output_close(c);
	rd->first_pipe = sv->node->tree->next_pipe;
	if (ask_logger(rd) < 0)
		ask_later(rd, loop_now(sv->loop));
	return 0;
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
	loop_disarm(c->sup->loop, &rd->again);
	stop_asking(rd);
	(void)fd_close(rd->their_end);
	free(rd);
}
