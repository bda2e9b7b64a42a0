/* Readiness that the program tells by itself: READY=1 on a notify socket
 * (sd_notify(3)), or a newline on a descriptor (s6). A message is believed when its
 * sender is the child's user or root and, if it still lives, bears the child's mark. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "os/sock.h"
#include "otp/internal.h"

#define MESSAGE_MAX 4096
#define STATUS_MAX 200

struct readiness {
	struct io io;
	struct supervised *child;
	uint32_t name; /* of the notify socket; 0: a readiness descriptor */
	int their_end; /* of a readiness descriptor, until the spawn */
};

static void ready(struct supervised *c)
{
	sup_ready(&c->sup->core, &c->core, loop_now(c->sup->loop));
	supervisor_settle(c->sup);
}

/* --- a readiness descriptor ---------------------------------------------------------
 */

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
	if (n > 0)
		ready(c);
}

static int new_fd(struct readiness *rd, struct spawn_request *req)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	(void)fd_nonblock(ends[1], 0);
	rd->io.call = on_fd;
	rd->io.fd = ends[0];
	rd->their_end = ends[1];
	req->ready_fd = ends[1];
	req->ready_slot = rd->child->spec->ready_fd;
	return 0;
}

/* --- a notify socket ----------------------------------------------------------------
 */

static bool is_believed(const struct supervised *c, const struct ucred *from)
{
	const struct user_spec *u = REL_GET(struct user_spec, c->spec->user);
	uid_t uid = u && u->has_uid ? u->uid : geteuid();
	uint64_t mark;

	if (from->pid == 0 || (from->uid != uid && from->uid != 0))
		return false;
	return mark_read(from->pid, &mark) < 0 || mark == c->mark;
}

static void take_status(struct supervised *c, const char *text)
{
	free(c->status_text);
	c->status_text = *text ? strndup(text, STATUS_MAX) : NULL;
}

static void take_lines(struct supervised *c, char *text)
{
	bool is_ready = false;

	for (char *line = text, *next; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (strcmp(line, "READY=1") == 0)
			is_ready = true;
		else if (strncmp(line, "STATUS=", 7) == 0)
			take_status(c, line + 7);
	}
	if (is_ready)
		ready(c);
}

static void on_notify(struct io *io, uint32_t events)
{
	struct readiness *rd = container_of(io, struct readiness, io);
	char text[MESSAGE_MAX + 1];
	struct iovec iov = { .iov_base = text, .iov_len = MESSAGE_MAX };
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(struct ucred)) +
			CMSG_SPACE(SOCK_FDS_MAX * sizeof(int))];
	} control;
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control };
	struct ucred from = { 0 };
	ssize_t n = recvmsg(io->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	(void)events;
	if (n < 0)
		return;
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&msg); h; h = CMSG_NXTHDR(&msg, h)) {
		if (h->cmsg_level != SOL_SOCKET)
			continue;
		if (h->cmsg_type == SCM_CREDENTIALS)
			memcpy(&from, CMSG_DATA(h), sizeof from);
		else if (h->cmsg_type == SCM_RIGHTS)
			for (size_t i = 0;
				i < (h->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++)
				(void)close(((int *)(void *)CMSG_DATA(h))[i]);
	}
	text[n] = '\0';
	if (is_believed(rd->child, &from))
		take_lines(rd->child, text);
}

static int new_notify(struct readiness *rd, struct buf *variable)
{
	const struct supervisor *sv = rd->child->sup;
	const struct user_spec *u = REL_GET(struct user_spec, rd->child->spec->user);
	char name[16];

	rd->name = sv->node->tree->next_socket++;
	rd->io.call = on_notify;
	(void)snprintf(name, sizeof name, "%u", rd->name);
	buf_addf(variable, "%s/%s", sv->node->runtime_dir, name);
	return sock_notify(sv->node->runtime_dir, name,
		u && u->has_uid ? u->uid : geteuid(), &rd->io.fd);
}

/* --- both ---------------------------------------------------------------------------
 */

int readiness_new(struct supervised *c, struct spawn_request *req, struct buf *variable)
{
	struct readiness *rd;
	int r;

	readiness_free(c);
	rd = calloc(1, sizeof *rd);
	if (!rd)
		return -ENOMEM;
	rd->child = c;
	rd->io.fd = rd->their_end = -1;
	c->ready = rd;
	r = c->spec->ready == READY_FD ? new_fd(rd, req) : new_notify(rd, variable);
	if (r == 0)
		r = loop_add(c->sup->loop, &rd->io, EPOLLIN);
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
	char path[128];

	if (!rd)
		return;
	c->ready = NULL;
	loop_remove(c->sup->loop, &rd->io);
	(void)fd_close(rd->io.fd);
	(void)fd_close(rd->their_end);
	if (rd->name) {
		(void)snprintf(path, sizeof path, "%s/%u", c->sup->node->runtime_dir,
			rd->name);
		(void)unlink(path);
	}
	free(rd);
}
