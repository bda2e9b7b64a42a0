/* See logkeeper.h. */
#include "logkeeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/limits.h"
#include "control/protocol.h"
#include "os/roles.h"
#include "os/sock.h"
#include "otp/notice.h"
#include "otp/process.h"

/* --- notices ------------------------------------------------------------------------
 */

static int send_notice(
	const struct notice *n, const char *path, const char *text, int fd)
{
	struct {
		struct notice n;
		char text[KICK_PATH_MAX + 1100];
	} m = { .n = *n };
	size_t n_path = strlen(path) + 1, n_text = strlen(text) + 1;

	if (n_path + n_text > sizeof m.text)
		return -EMSGSIZE;
	m.n.wall = clock_wall();
	memcpy(m.text, path, n_path);
	memcpy(m.text + n_path, text, n_text);
	return sock_send(FD_NOTICE, &m, offsetof(typeof(m), text) + n_path + n_text,
		&fd, fd >= 0);
}

static void say(uint32_t flags, const char *fmt, va_list ap)
{
	struct notice n = { .kind = NOTICE_MESSAGE, .flags = flags };
	char text[1024];

	(void)vsnprintf(text, sizeof text, fmt, ap);
	(void)send_notice(&n, "", text, -1);
}

void logkeeper_say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(NOTICE_IMPORTANT, fmt, ap);
	va_end(ap);
}

void logkeeper_say_last(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(NOTICE_LAST_WORD, fmt, ap);
	va_end(ap);
}

void logkeeper_event(int event, const char *path, pid_t pid, const char *reason)
{
	struct notice n = {
		.kind = NOTICE_EVENT, .event = (uint32_t)event, .pid = pid
	};

	(void)send_notice(&n, path, reason, -1);
}

static int launch(struct logkeeper *lk);

static int tell(struct kept_pipe *p)
{
	struct notice n = {
		.kind = NOTICE_PIPE, .stream = p->pipe.stream, .id = p->pipe.id
	};
	int r = send_notice(&n, p->pipe.path, "", p->pipe.fd);

	p->told = r == 0;
	return r;
}

static void on_writable(struct io *io, uint32_t events)
{
	struct logkeeper *lk = container_of(io, struct logkeeper, writable);

	(void)events;
	for (size_t i = 0; i < lk->n; i++)
		if (!lk->pipes[i].told && tell(&lk->pipes[i]) == -EAGAIN)
			return;
	loop_remove(lk->loop, io);
}

/* --- pipes --------------------------------------------------------------------------
 */

/* Had no descriptor left for it: it is told again a little later. */
static void on_again(struct timer *t, int64_t now)
{
	struct logkeeper *lk = container_of(t, struct logkeeper, again);

	if (lk->proc.pid == 0 && !lk->ending && launch(lk) < 0)
		loop_arm(lk->loop, t, now + KICK_RESOURCE_RETRY_MS * MSEC_NS);
	else if (lk->writable.slot == 0)
		(void)loop_add(lk->loop, &lk->writable, EPOLLOUT);
}

static void later(struct logkeeper *lk)
{
	lk->again.call = on_again;
	loop_arm(lk->loop, &lk->again,
		loop_now(lk->loop) + KICK_RESOURCE_RETRY_MS * MSEC_NS);
}

static void note_lost(struct logkeeper *lk, uint64_t id)
{
	uint64_t *grown;

	for (size_t i = 0; i < lk->n; i++)
		if (lk->pipes[i].pipe.id == id) {
			lk->pipes[i].told = false;
			later(lk);
			return;
		}
	grown = realloc(lk->lost, (lk->n_lost + 1) * sizeof *grown);
	if (!grown)
		return;
	lk->lost = grown;
	lk->lost[lk->n_lost++] = id;
}

/* It has come to the logger directly, but was lost there. */
static bool was_lost(struct logkeeper *lk, uint64_t id)
{
	for (size_t i = 0; i < lk->n_lost; i++)
		if (lk->lost[i] == id) {
			lk->lost[i] = lk->lost[--lk->n_lost];
			return true;
		}
	return false;
}

void logkeeper_pipe(struct logkeeper *lk, uint64_t id, int stream, const char *path,
	int fd, bool told)
{
	struct kept_pipe *p;

	/* Lost on its way, where a process had no descriptor left. */
	if (fd < 0)
		return;
	if (lk->n == lk->cap) {
		size_t cap = lk->cap ? lk->cap * 2 : 16;

		p = realloc(lk->pipes, cap * sizeof *p);
		if (!p) {
			(void)fd_close(fd);
			return;
		}
		lk->pipes = p;
		lk->cap = cap;
	}
	p = &lk->pipes[lk->n];
	*p = (struct kept_pipe){ .pipe = { .id = id,
					 .fd = fd,
					 .stream = (uint32_t)stream,
					 .path = strdup(path) },
		.told = told };
	if (!p->pipe.path) {
		(void)fd_close(fd);
		return;
	}
	lk->n++;
	if (was_lost(lk, id)) {
		p->told = false;
		later(lk);
		return;
	}
	if (!told && tell(p) == -EAGAIN && lk->writable.slot == 0)
		(void)loop_add(lk->loop, &lk->writable, EPOLLOUT);
}

static void drop_pipe(struct logkeeper *lk, uint64_t id)
{
	for (size_t i = 0; i < lk->n; i++) {
		struct kept_pipe *p = &lk->pipes[i];

		if (p->pipe.id != id)
			continue;
		(void)fd_close(p->pipe.fd);
		/* Its place is taken by the last one, or is beyond the last.
		 * NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		free((char *)(uintptr_t)p->pipe.path);
		*p = lk->pipes[--lk->n];
		return;
	}
}

static void pipe_is_done(struct logkeeper *lk, uint64_t id)
{
	if (id & LOGGER_LOST)
		note_lost(lk, id & ~LOGGER_LOST);
	else
		drop_pipe(lk, id);
}

/* --- the process --------------------------------------------------------------------
 */

static void on_link(struct io *io, uint32_t events)
{
	struct logkeeper *lk = container_of(io, struct logkeeper, link);
	uint64_t ids[LOGGER_ENDED_MAX / sizeof(uint64_t)];
	ssize_t n;

	(void)events;
	while ((n = recv(io->fd, ids, sizeof ids, MSG_DONTWAIT)) > 0)
		for (size_t i = 0; i < (size_t)n / sizeof *ids; i++)
			pipe_is_done(lk, ids[i]);
	if (n < 0 && errno == EAGAIN)
		return;
	loop_remove(lk->loop, io);
}

static int by_fd(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* What the logger is to have besides its roles, in rising order. */
static int *keep_list(const struct logkeeper *lk, size_t *ret_n)
{
	int *keep = calloc(lk->n + 1, sizeof *keep);

	if (!keep)
		return NULL;
	for (size_t i = 0; i < lk->n; i++)
		keep[i] = lk->pipes[i].pipe.fd;
	keep[lk->n] = lk->notices;
	*ret_n = lk->n + 1;
	qsort(keep, *ret_n, sizeof *keep, by_fd);
	return keep;
}

static _Noreturn void run(const struct logkeeper *lk)
{
	struct logger_start start = { .link = FD_LINK,
		.notices = lk->notices,
		.listen = FD_LISTEN,
		.group = lk->group,
		.readers = lk->readers };
	struct logger_pipe *pipes = calloc(lk->n + 1, sizeof *pipes);
	sigset_t none;

	for (size_t i = 0; pipes && i < lk->n; i++)
		pipes[i] = lk->pipes[i].pipe;
	start.pipes = pipes;
	start.n_pipes = pipes ? lk->n : 0;
	(void)dup2(FD_STDOUT, STDOUT_FILENO);
	(void)dup2(FD_STDERR, STDERR_FILENO);
	(void)close(FD_STDIN);
	(void)close(FD_STDOUT);
	(void)close(FD_STDERR);
	(void)close(FD_NOTICE);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	logger_main(&start);
}

static int launch(struct logkeeper *lk)
{
	size_t n_keep = 0;
	autofree int *keep = keep_list(lk, &n_keep);
	struct process_start start = { .title = "kickd: logger",
		.comm = "kick:log",
		.listen = lk->listen,
		.keep = keep,
		.n_keep = n_keep };
	int fd, r;

	if (!keep)
		return -ENOMEM;
	r = process_spawn_link(&start, &lk->proc, &fd);
	if (r == 0)
		run(lk);
	if (r < 0)
		return r;
	for (size_t i = 0; i < lk->n; i++)
		lk->pipes[i].told = true;
	lk->link.fd = fd;
	return loop_add(lk->loop, &lk->link, EPOLLIN);
}

int logkeeper_start(struct logkeeper *lk, struct loop *loop, const char *runtime_dir,
	uint16_t mode, gid_t group, gid_t readers)
{
	int ends[2];
	int r;

	*lk = (struct logkeeper){ .loop = loop,
		.runtime_dir = runtime_dir,
		.group = group,
		.readers = readers,
		.proc = { .fd = -1 },
		.link = { .call = on_link, .fd = -1 },
		.writable = { .call = on_writable, .fd = FD_NOTICE } };
	r = sock_pair(SOCK_SEQPACKET, ends);
	if (r < 0)
		return r;
	lk->notices = ends[0];
	if (dup3(ends[1], FD_NOTICE, O_CLOEXEC) < 0)
		return -errno;
	(void)close(ends[1]);
	r = sock_listen(runtime_dir, PROTOCOL_SOCKET_LOGGER, mode, &lk->listen);
	if (r == 0 && group != (gid_t)-1 &&
		fchownat(FD_RUNDIR, PROTOCOL_SOCKET_LOGGER, (uid_t)-1, group, 0) < 0)
		r = -errno;
	return r < 0 ? r : launch(lk);
}

bool logkeeper_ended(struct logkeeper *lk)
{
	loop_remove(lk->loop, &lk->link);
	lk->link.fd = fd_close(lk->link.fd);
	lk->proc.fd = fd_close(lk->proc.fd);
	lk->proc.pid = 0;
	if (lk->ending)
		return true;
	if (launch(lk) < 0)
		later(lk);
	return false;
}

void logkeeper_kill(struct logkeeper *lk)
{
	if (lk->proc.pid == 0)
		return;
	(void)kill(lk->proc.pid, SIGKILL);
	while (waitpid(lk->proc.pid, NULL, 0) < 0 && errno == EINTR)
		;
	lk->proc.pid = 0;
}

void logkeeper_finish(struct logkeeper *lk)
{
	lk->ending = true;
	loop_disarm(lk->loop, &lk->again);
	loop_remove(lk->loop, &lk->link);
	lk->link.fd = fd_close(lk->link.fd);
}
