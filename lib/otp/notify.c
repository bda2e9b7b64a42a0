/* What a program says by itself on its notify socket (sd_notify(3)). A message is
 * believed when its sender is the child's user or root and, if it still lives, bears
 * the child's mark; which child it is of, the socket says. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "os/reap.h"
#include "os/sock.h"
#include "otp/internal.h"

#define MESSAGE_MAX 4096
#define STATUS_MAX 200

/* Messages taken at a time: others have their turn as well. */
#define MESSAGES_TURN 32

struct notify {
	struct io io;
	struct supervised *child;
	uint32_t name; /* in the runtime directory */
};

static bool is_believed(const struct supervised *c, const struct ucred *from)
{
	const struct user_spec *u = REL_GET(struct user_spec, c->spec->user);
	uid_t uid = u && u->has_uid ? u->uid : geteuid();
	uint64_t mark;

	if (from->pid == 0 || (from->uid != uid && from->uid != 0))
		return false;
	return mark_read(from->pid, &mark) < 0 || mark == c->mark;
}

/* --- the words ----------------------------------------------------------------------
 */

static void take_ready(struct supervised *c, const char *value)
{
	if (strcmp(value, "1") != 0)
		return;
	c->is_reloading = false;
	if (c->spec->ready == READY_NOTIFY)
		sup_ready(&c->sup->core, &c->core, loop_now(c->sup->loop));
}

static void take_status(struct supervised *c, const char *value)
{
	free(c->status_text);
	c->status_text = *value ? strndup(value, STATUS_MAX) : NULL;
}

static void take_reloading(struct supervised *c, const char *value)
{
	if (strcmp(value, "1") == 0)
		c->is_reloading = true;
}

/* It ends by itself: what asks it how it is leaves it alone for its shutdown time. */
static void take_stopping(struct supervised *c, const char *value)
{
	if (strcmp(value, "1") != 0 || c->is_stopping)
		return;
	c->is_stopping = true;
	prober_is_ending(c);
}

static void take_watchdog(struct supervised *c, const char *value)
{
	if (strcmp(value, "1") == 0)
		prober_is_alive(c);
	else if (strcmp(value, "trigger") == 0)
		prober_is_ill(c);
}

/* Microseconds as nanoseconds. False: it is no such number, or 0. */
static bool read_usec(const char *value, int64_t *ret)
{
	if (num_int(value, 1, INT64_MAX / 2 / USEC_NS, ret) < 0)
		return false;
	*ret *= USEC_NS;
	return true;
}

static void take_watchdog_usec(struct supervised *c, const char *value)
{
	int64_t ns;

	if (read_usec(value, &ns))
		prober_set_watchdog(c, ns);
}

static void take_extend(struct supervised *c, const char *value)
{
	int64_t ns;

	if (read_usec(value, &ns))
		sup_extend(&c->sup->core, &c->core, loop_now(c->sup->loop) + ns);
}

/* Another process is the main one: stop signals are its, and it is what lives on when
 * the one that was started has ended. It must bear the mark; the pidfd is opened first,
 * so that what is looked at is what is held. */
static void take_mainpid(struct supervised *c, const char *value)
{
	int64_t number;
	uint64_t mark;
	pid_t pid;
	int fd;

	if (num_int(value, 2, INT_MAX, &number) < 0)
		return;
	pid = (pid_t)number;
	if (pid == c->proc.pid) {
		c->main.fd = fd_close(c->main.fd);
		c->main.pid = 0;
		return;
	}
	if (pid == c->main.pid || pids_find(&c->sup->pids, pid))
		return;
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return;
	if (mark_read(pid, &mark) < 0 || mark != c->mark ||
		syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0) < 0) {
		(void)close(fd);
		return;
	}
	(void)fd_close(c->main.fd);
	c->main = (struct proc){ .pid = pid, .fd = fd };
}

static const struct {
	const char *name;
	void (*take)(struct supervised *c, const char *value);
} words[] = {
	/* A message may hold several. READY comes last: it may set off much. */
	{ "MAINPID", take_mainpid },
	{ "STATUS", take_status },
	{ "RELOADING", take_reloading },
	{ "STOPPING", take_stopping },
	{ "WATCHDOG_USEC", take_watchdog_usec },
	{ "WATCHDOG", take_watchdog },
	{ "EXTEND_TIMEOUT_USEC", take_extend },
	{ "READY", take_ready },
};

/* The value of NAME=VALUE in lines that end with NUL, from text to end; or NULL. */
static const char *value_of(const char *text, const char *end, const char *name)
{
	size_t n = strlen(name);

	for (; text < end; text += strlen(text) + 1)
		if (strncmp(text, name, n) == 0 && text[n] == '=')
			return text + n + 1;
	return NULL;
}

static void take_lines(struct supervised *c, char *text, size_t n)
{
	/* The process is ending, and so are its words. */
	if (c->proc.pid == 0)
		return;
	text[n] = '\0';
	for (size_t i = 0; i < n; i++)
		if (text[i] == '\n')
			text[i] = '\0';
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		const char *value = value_of(text, text + n, words[i].name);

		if (value)
			words[i].take(c, value);
	}
	supervisor_settle(c->sup);
}

/* --- the socket ---------------------------------------------------------------------
 */

static void take_control(struct msghdr *msg, struct ucred *from)
{
	for (struct cmsghdr *h = CMSG_FIRSTHDR(msg); h; h = CMSG_NXTHDR(msg, h)) {
		if (h->cmsg_level != SOL_SOCKET)
			continue;
		if (h->cmsg_type == SCM_CREDENTIALS)
			memcpy(from, CMSG_DATA(h), sizeof *from);
		else if (h->cmsg_type == SCM_RIGHTS)
			for (size_t i = 0;
				i < (h->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++)
				(void)close(((int *)(void *)CMSG_DATA(h))[i]);
	}
}

/* False: there is none. */
static bool take_message(struct notify *nt)
{
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
	ssize_t n = recvmsg(nt->io.fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return false;
	take_control(&msg, &from);
	/* Of one that was cut, the last word may be half of one. */
	if (!(msg.msg_flags & MSG_TRUNC) && is_believed(nt->child, &from))
		take_lines(nt->child, text, (size_t)n);
	return true;
}

void notify_drain(struct supervised *c)
{
	for (int i = 0; i < MESSAGES_TURN && c->notify && take_message(c->notify); i++)
		;
}

static void on_notify(struct io *io, uint32_t events)
{
	(void)events;
	notify_drain(container_of(io, struct notify, io)->child);
}

int notify_new(struct supervised *c, struct buf *variable)
{
	const struct supervisor *sv = c->sup;
	const struct user_spec *u = REL_GET(struct user_spec, c->spec->user);
	struct notify *nt;
	char name[16];
	int r;

	notify_free(c);
	take_status(c, "");
	nt = calloc(1, sizeof *nt);
	if (!nt)
		return -ENOMEM;
	nt->child = c;
	nt->io.fd = -1;
	nt->io.call = on_notify;
	nt->name = sv->node->tree->next_socket++;
	c->notify = nt;
	(void)snprintf(name, sizeof name, "%u", nt->name);
	buf_addf(variable, "%s/%s", sv->node->runtime_dir, name);
	r = sock_notify(sv->node->runtime_dir, name,
		u && u->has_uid ? u->uid : geteuid(), &nt->io.fd);
	if (r == 0)
		r = loop_add(sv->loop, &nt->io, EPOLLIN);
	if (r < 0)
		notify_free(c);
	return r;
}

void notify_free(struct supervised *c)
{
	struct notify *nt = c->notify;
	char path[128];

	c->is_reloading = c->is_stopping = false;
	c->main.fd = fd_close(c->main.fd);
	c->main.pid = 0;
	if (!nt)
		return;
	c->notify = NULL;
	loop_remove(c->sup->loop, &nt->io);
	(void)fd_close(nt->io.fd);
	(void)snprintf(path, sizeof path, "%s/%u", c->sup->node->runtime_dir, nt->name);
	(void)unlink(path);
	free(nt);
}

void notify_swap(struct supervised *a, struct supervised *b)
{
	bool reloading = a->is_reloading, stopping = a->is_stopping;

	SWAP(a->notify, b->notify);
	if (a->notify)
		a->notify->child = a;
	if (b->notify)
		b->notify->child = b;
	a->is_reloading = b->is_reloading;
	a->is_stopping = b->is_stopping;
	b->is_reloading = reloading;
	b->is_stopping = stopping;
}

/* --- another main process -----------------------------------------------------------
 */

static bool is_alive(const struct proc *p)
{
	return p->pid != 0 && syscall(SYS_pidfd_send_signal, p->fd, 0, NULL, 0) == 0;
}

bool notify_take_over(const struct supervised *c)
{
	return is_alive(&c->main) && !c->core.killed && !c->nested &&
		reap_is_child(c->main.pid);
}

pid_t supervisor_pid(const struct supervised *c)
{
	return is_alive(&c->main) ? c->main.pid : c->proc.pid;
}
