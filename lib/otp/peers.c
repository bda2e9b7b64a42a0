/* See peers.h. On the wire: struct frame, then JSON of its length. */
#include "otp/peers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utlist.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/table.h"
#include "otp/mailbox.h"
#include "otp/self.h"

#define BATCH 16
#define READ_BYTES (64 << 10)

/* Bytes of one peer that are taken in before the others have their turn. */
#define TURN_BYTES (1 << 20)

/* A full backlog cannot be waited for: it is tried again. */
#define BACKLOG_RETRY_NS (2 * MSEC_NS)

struct frame {
	uint32_t len; /* of the JSON */
	uint32_t kind;
	uint64_t ref;
	uint32_t seq; /* of those that the sender has sent, from 1 */
	uint32_t zero;
};

struct peer {
	int fd;
	kick_pid pid; /* id 0: it has not said yet */
	bool hashed;  /* the one to send on */
	bool broken;
	bool writable;
	struct buf in;	/* the begin of a frame */
	struct buf out; /* the rest of one that nobody waits for */
	uint32_t sent;
	struct peer *prev, *next;
	UT_hash_handle hh;
};

static int epoll = -1;
static struct peer *all, *by_pid;
static char the_node, the_door,
	the_news; /* what epoll calls the link and the listening socket */

static kick_ref expected;
static cJSON *answer;
static bool answered;

void peers_expect(kick_ref ref)
{
	cJSON_Delete(answer);
	answer = NULL;
	answered = false;
	expected = ref;
}

bool peers_answer(cJSON **ret)
{
	if (!answered)
		return false;
	*ret = answer;
	answer = NULL;
	answered = false;
	expected = 0;
	return true;
}

/* --- connections --------------------------------------------------------------------
 */

static int watch(int op, int fd, uint32_t events, void *what)
{
	struct epoll_event e = { .events = events, .data.ptr = what };

	return epoll_ctl(epoll, op, fd, &e) < 0 ? -errno : 0;
}

int peers_fd(void)
{
	int r;

	if (epoll >= 0)
		return epoll;
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll < 0)
		return -errno;
	r = watch(EPOLL_CTL_ADD, self.link, EPOLLIN, &the_node);
	if (r == 0)
		r = watch(EPOLL_CTL_ADD, self.listen, EPOLLIN, &the_door);
	if (r < 0)
		epoll = fd_close(epoll);
	return r < 0 ? r : epoll;
}

/* NOLINTNEXTLINE(readability-function-size): uthash */
int peers_watch(int fd)
{
	int r = peers_fd();

	return r < 0 ? r : watch(EPOLL_CTL_ADD, fd, EPOLLIN, &the_news);
}

static struct {
	int fd;
	void (*call)(void);
} hook = { .fd = -1 };

int peers_hook(int fd, void (*call)(void))
{
	int r = peers_fd();

	hook.fd = fd;
	hook.call = call;
	return r < 0 ? r : watch(EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLONESHOT, &hook);
}

void peers_hook_again(void)
{
	(void)watch(EPOLL_CTL_MOD, hook.fd, EPOLLIN | EPOLLONESHOT, &hook);
}

void peers_unwatch(int fd)
{
	if (epoll >= 0)
		(void)watch(EPOLL_CTL_DEL, fd, 0, NULL);
}

/* NOLINTNEXTLINE(readability-function-size): the table's macros */
static struct peer *find(kick_pid pid)
{
	struct peer *p;

	HASH_FIND(hh, by_pid, &pid, sizeof pid, p);
	return p;
}

uint32_t peers_sent(kick_pid pid)
{
	const struct peer *p = find(pid);

	return p ? p->sent : 0;
}

bool peers_has(kick_pid pid)
{
	return find(pid) != NULL;
}

/* NOLINTNEXTLINE(readability-function-size): uthash */
static void set_pid(struct peer *p, kick_pid pid)
{
	p->pid = pid;
	/* Two that connect at once have two; each keeps to its own. */
	if (find(pid))
		return;
	HASH_ADD(hh, by_pid, pid, sizeof p->pid, p);
	p->hashed = true;
}

static struct peer *new_peer(int fd)
{
	struct peer *p = calloc(1, sizeof *p);

	if (p && watch(EPOLL_CTL_ADD, fd, EPOLLIN, p) < 0) {
		free(p);
		p = NULL;
	}
	if (!p) {
		(void)close(fd);
		return NULL;
	}
	p->fd = fd;
	buf_init(&p->in, sizeof(struct frame) + KICK_MESSAGE_MAX);
	buf_init(&p->out, sizeof(struct frame) + KICK_MESSAGE_MAX);
	DL_APPEND(all, p);
	return p;
}

/* Freed at the end of the turn: epoll may have named it already. */
/* NOLINTNEXTLINE(readability-function-size): uthash */
static void break_off(struct peer *p)
{
	if (p->broken)
		return;
	p->broken = true;
	/* A process that was just forked may have a copy: closing alone leaves it
	 * watched.
	 */
	if (epoll >= 0)
		(void)watch(EPOLL_CTL_DEL, p->fd, 0, p);
	p->fd = fd_close(p->fd);
	if (p->hashed)
		HASH_DELETE(hh, by_pid, p);
	p->hashed = false;
}

/* NOLINTNEXTLINE(readability-function-size): uthash */
static void free_broken(void)
{
	struct peer *p, *next;

	DL_FOREACH_SAFE(all, p, next)
	{
		if (!p->broken)
			continue;
		DL_DELETE(all, p);
		buf_done(&p->in);
		buf_done(&p->out);
		free(p);
	}
}

void peers_forked(void)
{
	struct peer *p;

	/* First: what it watches is still its maker's as well. */
	epoll = fd_close(epoll);
	hook.fd = -1;
	DL_FOREACH(all, p) break_off(p);
	free_broken();
	peers_expect(0);
}

/* --- in -----------------------------------------------------------------------------
 */

static bool take_answer(uint64_t ref, cJSON *value)
{
	if (!ref || ref != expected) {
		cJSON_Delete(value);
		return true;
	}
	cJSON_Delete(answer);
	answer = value;
	answered = true;
	return true;
}

/* False: it is none of ours. */
static bool take_frame(struct peer *p, const struct frame *f, const char *json)
{
	static const kick_kind kinds[] = { [FRAME_MESSAGE] = KICK_MESSAGE,
		[FRAME_CALL] = KICK_CALL,
		[FRAME_CAST] = KICK_CAST,
		[FRAME_STOP] = KIND_STOP };
	kick_pid pid;
	cJSON *value;

	if (f->kind == FRAME_HELLO) {
		if (p->pid.id || f->len != sizeof pid)
			return false;
		memcpy(&pid, json, sizeof pid);
		set_pid(p, pid);
		return pid.node == self.pid.node && pid.id > 0;
	}
	if (!p->pid.id || f->kind > FRAME_STOP)
		return false;
	value = cJSON_ParseWithLength(json, f->len);
	if (!value)
		return false;
	if (f->kind == FRAME_ANSWER)
		return take_answer(f->ref, value);
	mailbox_put_sent(kinds[f->kind], p->pid, f->ref, value, f->seq);
	return true;
}

/* Takes whole frames. How many bytes they had, or -EPROTO. */
static ssize_t take_frames(struct peer *p, const char *bytes, size_t n)
{
	struct frame f;
	size_t at = 0;

	while (n - at >= sizeof f) {
		memcpy(&f, bytes + at, sizeof f);
		if (f.len > KICK_MESSAGE_MAX)
			return -EPROTO;
		if (n - at - sizeof f < f.len)
			break;
		if (!take_frame(p, &f, bytes + at + sizeof f))
			return -EPROTO;
		at += sizeof f + f.len;
	}
	return (ssize_t)at;
}

static int take_bytes(struct peer *p, const char *bytes, size_t n)
{
	struct frame f;
	ssize_t taken;

	if (p->in.len == 0) {
		taken = take_frames(p, bytes, n);
		if (taken < 0)
			return (int)taken;
		buf_add(&p->in, bytes + taken, n - (size_t)taken);
		return buf_ok(&p->in) ? 0 : -ENOMEM;
	}
	buf_add(&p->in, bytes, n);
	if (!buf_ok(&p->in))
		return -ENOMEM;
	/* A long one is looked at when it is whole. */
	if (p->in.len >= sizeof f) {
		memcpy(&f, p->in.data, sizeof f);
		if (f.len <= KICK_MESSAGE_MAX && p->in.len < sizeof f + f.len)
			return 0;
	}
	taken = take_frames(p, p->in.data, p->in.len);
	if (taken < 0)
		return (int)taken;
	buf_drop(&p->in, (size_t)taken);
	if (p->in.len == 0)
		buf_done(&p->in);
	return 0;
}

/* Messages have been read that a signal may have been sent before. */
static bool ahead;

void peers_order(void)
{
	if (!ahead)
		return;
	ahead = false;
	self_hear();
}

static void read_peer(struct peer *p)
{
	static char bytes[READ_BYTES];
	size_t got = 0;

	while (!p->broken && got < TURN_BYTES) {
		ssize_t n = recv(p->fd, bytes, sizeof bytes, MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0 || take_bytes(p, bytes, (size_t)n) < 0) {
			break_off(p);
			return;
		}
		got += (size_t)n;
		ahead = true;
		/* Less than there was room for: most likely all. */
		if ((size_t)n < sizeof bytes)
			return;
	}
}

static void open_door(void)
{
	int fd;

	while ((fd = accept4(self.listen, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >=
		0)
		(void)new_peer(fd);
}

/* --- waiting ------------------------------------------------------------------------
 */

/* What is left of a frame that was begun with no time to wait. */
static void flush(struct peer *p)
{
	while (p->out.len > 0) {
		ssize_t n = send(
			p->fd, p->out.data, p->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			break_off(p);
		if (n < 0)
			return;
		buf_drop(&p->out, (size_t)n);
	}
	buf_done(&p->out);
	(void)watch(EPOLL_CTL_MOD, p->fd, EPOLLIN, p);
}

static void serve(const struct epoll_event *e)
{
	struct peer *p = e->data.ptr;

	if (e->data.ptr == &the_node) {
		self_hear();
	} else if (e->data.ptr == &the_door) {
		open_door();
	} else if (e->data.ptr == &hook) {
		hook.call();
	} else if (e->data.ptr != &the_news && !p->broken) {
		p->writable |= (e->events & EPOLLOUT) != 0;
		if (e->events & EPOLLOUT)
			flush(p);
		if (e->events & ~(uint32_t)EPOLLOUT)
			read_peer(p);
	}
}

static int ms_left(int64_t deadline)
{
	int64_t left = deadline ? clock_ms_left(deadline) : 0;

	return left > INT32_MAX ? INT32_MAX : (int)left;
}

int peers_turn(int64_t deadline)
{
	struct epoll_event events[BATCH];
	int fd = peers_fd();
	int n;

	if (fd < 0)
		return fd;
	do
		n = epoll_wait(fd, events, BATCH, ms_left(deadline));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++)
		serve(&events[i]);
	free_broken();
	return n;
}

static bool any_queued(void)
{
	struct peer *p;

	DL_FOREACH(all, p)
	if (p->out.len > 0 && !p->broken)
		return true;
	return false;
}

void peers_finish(int64_t deadline)
{
	while (any_queued() && deadline > clock_now())
		if (peers_turn(deadline) < 0)
			return;
}

void peers_drain(void)
{
	struct peer *p;

	if (peers_fd() < 0)
		return;
	open_door();
	DL_FOREACH(all, p) read_peer(p);
}

/* --- out ----------------------------------------------------------------------------
 */

static int dial(kick_pid pid, int *ret_fd)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	autoclose int fd = -1;
	int r = snprintf(sun.sun_path, sizeof sun.sun_path, "%s/" NODE_SOCKET_NAME,
		self.dir, (unsigned long long)pid.id);

	if (r < 0 || (size_t)r >= sizeof sun.sun_path)
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sun, sizeof sun) < 0) {
		r = -errno;
		return r == -ENOENT || r == -ECONNREFUSED ? -ESRCH : r;
	}
	*ret_fd = fd_steal(&fd);
	return 0;
}

/* Until there is room, and nothing is left of an earlier frame. */
static int wait_for_room(struct peer *p, int64_t deadline)
{
	int r = watch(EPOLL_CTL_MOD, p->fd, EPOLLIN | EPOLLOUT, p);

	p->writable = false;
	while (r >= 0 && !p->broken && (!p->writable || p->out.len > 0)) {
		struct epoll_event e;

		/* One at a time: p is not freed while it is waited for. */
		r = epoll_wait(epoll, &e, 1, ms_left(deadline));
		if (r < 0 && errno == EINTR)
			r = 0;
		else if (r < 0)
			r = -errno;
		else if (r > 0)
			serve(&e);
		if (r >= 0 && deadline <= clock_now())
			r = -ETIMEDOUT;
	}
	if (!p->broken && p->out.len == 0)
		(void)watch(EPOLL_CTL_MOD, p->fd, EPOLLIN, p);
	return p->broken ? -EPIPE : r < 0 ? r : 0;
}

static int keep_rest(struct peer *p, const struct iovec *parts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_add(&p->out, parts[i].iov_base, parts[i].iov_len);
	/* Half a frame is worse than none. */
	if (!buf_ok(&p->out)) {
		break_off(p);
		return -ENOMEM;
	}
	return watch(EPOLL_CTL_MOD, p->fd, EPOLLIN | EPOLLOUT, p);
}

/* There is no room: 0 when there is some now, and else what becomes of the frame. */
static int no_room(struct peer *p, bool begun, int64_t deadline)
{
	int r = deadline > 0 ? wait_for_room(p, deadline) : -EAGAIN;

	/* What was begun must be ended. */
	if (r == -ETIMEDOUT && begun)
		return -EAGAIN;
	return r;
}

static int write_all(struct peer *p, struct iovec *parts, size_t n, int64_t deadline)
{
	bool begun = deadline == PEERS_QUEUE;
	int r = 0;

	if (p->out.len > 0)
		flush(p);
	if (!p->broken && p->out.len > 0)
		r = no_room(p, begun, deadline);
	while (r == 0 && !p->broken && n > 0) {
		struct msghdr msg = { .msg_iov = parts, .msg_iovlen = n };
		ssize_t put = sendmsg(p->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0) {
			r = errno == EAGAIN ? no_room(p, begun, deadline) : -errno;
			continue;
		}
		begun |= put > 0;
		for (; n > 0 && put >= (ssize_t)parts->iov_len; n--)
			put -= (ssize_t)parts++->iov_len;
		if (n > 0 && put > 0) {
			parts->iov_base = (char *)parts->iov_base + put;
			parts->iov_len -= (size_t)put;
		}
	}
	if (p->broken)
		return -EPIPE;
	return r == -EAGAIN && begun ? keep_rest(p, parts, n) : r;
}

static int greet(struct peer *p)
{
	struct frame f = { .len = sizeof self.pid, .kind = FRAME_HELLO };
	struct iovec parts[] = { { &f, sizeof f }, { &self.pid, sizeof self.pid } };

	return write_all(p, parts, 2, INT64_MAX);
}

static int connect_to(kick_pid pid, int64_t deadline, struct peer **ret)
{
	int fd = -1, r = peers_fd();

	if (r < 0)
		return r;
	while ((r = dial(pid, &fd)) == -EAGAIN) {
		if (deadline == PEERS_NOWAIT)
			return -EAGAIN;
		r = peers_turn(clock_now() + BACKLOG_RETRY_NS);
		if (r < 0)
			return r;
		if (deadline > 0 && deadline <= clock_now())
			return -ETIMEDOUT;
	}
	if (r < 0)
		return r;
	*ret = new_peer(fd);
	if (!*ret)
		return -ENOMEM;
	set_pid(*ret, pid);
	return greet(*ret);
}

static int send_json(
	kick_pid to, struct frame *head, const char *json, int64_t deadline)
{
	struct iovec parts[] = { { head, sizeof *head },
		{ (void *)(uintptr_t)json, head->len } };
	struct peer *p = find(to);
	int r = p ? 0 : connect_to(to, deadline, &p);

	if (r == 0) {
		head->seq = p->sent + 1;
		r = write_all(p, parts, 2, deadline);
	}
	if (r == 0)
		p->sent++;
	if (p && (r == -EPIPE || r == -ECONNRESET)) {
		break_off(p);
		r = -ESRCH;
	}
	return r;
}

/* Through the same words as to others, so that the same is refused. */
static int send_to_self(const struct frame *head, const char *json)
{
	struct peer me = { .pid = self.pid };

	return take_frame(&me, head, json) ? 0 : -ENOMEM;
}

int peers_send(kick_pid to, enum frame_kind kind, kick_ref ref, const cJSON *value,
	int64_t deadline)
{
	struct frame head = { .kind = kind, .ref = ref };
	char *json;
	size_t n;
	int r;

	if (to.node != self.pid.node || !to.id)
		return -ESRCH;
	json = value ? cJSON_PrintUnformatted(value) : strdup("null");
	if (!json)
		return -ENOMEM;
	n = strlen(json);
	head.len = (uint32_t)n;
	if (n > KICK_MESSAGE_MAX)
		r = -EMSGSIZE;
	else if (kick_pid_equal(to, self.pid))
		r = send_to_self(&head, json);
	else
		r = send_json(to, &head, json, deadline);
	cJSON_free(json);
	return r;
}
