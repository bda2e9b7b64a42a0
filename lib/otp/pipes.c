/* The pipes of captured output. The supervisor keeps the write end over all lives of
 * its child, the logger reads the other, and the root keeps a copy of that for the
 * logger's successors: neither a crashed worker nor a crashed logger loses what was
 * written. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "base/fd.h"
#include "otp/internal.h"

/* An unprivileged user's pipes beyond a thousand get 8 KiB, for all programs of that
 * user; smaller ones leave room for everybody. */
#define PIPES_FULL_SIZE 512
#define PIPE_SMALL (16 << 10)

static void shape(struct supervised *c, int fd)
{
	const struct user_spec *u = REL_GET(struct user_spec, c->spec->user);

	if (++c->sup->node->tree->pipes > PIPES_FULL_SIZE)
		(void)fcntl(fd, F_SETPIPE_SZ, PIPE_SMALL);
	/* So that the program may open /dev/stdout again. */
	if (u && u->has_uid)
		(void)!fchown(fd, u->uid, u->has_gid ? u->gid : (gid_t)-1);
}

/* False: the logger is gone, and the root's copy for its successor was lost on the way,
 * where a process had no descriptor left. */
static bool is_read(int fd)
{
	struct pollfd p = { .fd = fd, .events = 0 };

	return poll(&p, 1, 0) == 0;
}

int output_open(struct supervised *c, int stream)
{
	struct supervisor *sv = c->sup;
	char path[KICK_PATH_MAX];
	struct link_message m = { .kind = LINK_OUTPUT, .number = stream + 1 };
	int ends[2];
	int r;

	if (c->out[stream].fd >= 0 && is_read(c->out[stream].fd))
		return 0;
	if (c->out[stream].fd >= 0) {
		c->out[stream].fd = fd_close(c->out[stream].fd);
		sv->node->tree->pipes--;
	}
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	shape(c, ends[1]);
	m.id = sv->node->tree->next_pipe++;
	(void)supervisor_path(c, path);
	if (report_pipe(sv, path, stream + 1, m.id, ends[0]) == 0)
		m.flags = LINK_TOLD;
	r = link_send(&sv->parent, &m, path, ends[0]);
	(void)fd_close(ends[0]);
	if (r < 0) {
		(void)fd_close(ends[1]);
		return r;
	}
	c->out[stream] = (struct output){ .fd = ends[1], .id = m.id };
	return 0;
}

void output_close(struct supervised *c)
{
	for (int i = 0; i < 2; i++) {
		if (c->out[i].fd < 0)
			continue;
		c->out[i].fd = fd_close(c->out[i].fd);
		c->sup->node->tree->pipes--;
	}
}
