/* A supervisor must not wait for anybody who asks it something, nor fall over what he
 * sends. So each client has a bounded line, a bounded queue and a bounded time, and a
 * client that goes beyond is told and dropped; the rest of the process never notices.
 *
 * A client without a begun request and without a waiting answer costs its struct and
 * nothing else; a server without clients costs its struct and one spare descriptor.
 *
 * A client is freed only from its own callbacks of the loop (and by server_free), never
 * from within server_reply or server_notify: those mark it `broken` and arm its timer.
 * So a handler may go on using a client pointer until it hears `closed`. */
#include "control/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/limits.h"
#include "control/jsonrpc.h"
#include "control/peer.h"

/* Small: it is on the stack of a process whose private memory counts. */
#define READ_BYTES 4096

/* Connections taken in one turn of the loop: others have their turn as well. */
#define ACCEPT_TURN 16

/* The head of an answer has room beside it in a client's queue. */
#define ANSWER_MAX (KICK_CLIENT_QUEUE_MAX - KICK_REQUEST_MAX)

#define STRINGIFY(x) #x
#define AS_TEXT(x) STRINGIFY(x)

/* The bounds in the units of kick-protocol(5). */
#define REQUEST_KIB 256
#define QUEUE_MIB 32
static_assert(REQUEST_KIB << 10 == KICK_REQUEST_MAX, "one is told the other");
static_assert(QUEUE_MIB << 20 == KICK_CLIENT_QUEUE_MAX, "one is told the other");

/* Notifications leave most of a client's queue to the answers that it waits for. */
#define NOTIFY_QUEUE_MAX (KICK_CLIENT_QUEUE_MAX / 8)

/* A queue of notifications this long is sent at once, not in the next turn. */
#define NOTIFY_BATCH 65536

struct pending {
	struct call call;
	struct pending *prev, *next;
};

struct client {
	struct io io;
	struct timer timer;
	struct server *server;
	struct client *prev, *next;
	struct pending *calls;
	uint32_t n_calls;
	bool reader;
	bool ended;   /* the other side sends nothing more */
	bool closing; /* nothing is read any more; goes when the queue is empty */
	bool broken;  /* goes at the next opportunity */
	bool kept;    /* waits for notifications: is not idle without a call */
	struct buf in;
	struct buf out;
	size_t sent; /* of out */
};

struct server {
	struct loop *loop;
	struct io io;
	struct timer pause;
	struct server_access access;
	const struct server_handler *handler;
	void *user;
	struct client *clients;
	uint32_t n;
	int spare; /* given up for a moment when descriptors run out */
};

static void client_timer(struct timer *t, int64_t now);
static void client_io(struct io *io, uint32_t events);

/* --- output --------------------------------------------------------------------- */

size_t client_queued(const struct client *cl)
{
	return cl->out.len - cl->sent;
}

static void break_client(struct client *cl)
{
	cl->broken = true;
	loop_arm(cl->server->loop, &cl->timer, loop_now(cl->server->loop));
}

/* Waits for what there is to wait for. */
static void watch(struct client *cl)
{
	uint32_t events = 0;

	if (!cl->ended && !cl->closing)
		events |= EPOLLIN;
	if (client_queued(cl) > 0)
		events |= EPOLLOUT;
	if (events != cl->io.events &&
		loop_change(cl->server->loop, &cl->io, events) < 0)
		break_client(cl);
}

/* Sends without waiting. Bytes sent, 0 when there is no room, or a negative errno. */
static ssize_t send_now(int fd, struct iovec *iov, size_t n_iov)
{
	const struct msghdr msg = { .msg_iov = iov, .msg_iovlen = n_iov };
	ssize_t n;

	do
		n = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN || errno == ENOBUFS ? 0 : -errno;
	return n;
}

/* Queues what lies behind the first `skip` bytes of the pieces. */
static void queue_rest(
	struct client *cl, const struct iovec *iov, size_t n_iov, size_t skip)
{
	if (cl->sent > 0 && cl->sent >= cl->out.len / 2) {
		buf_drop(&cl->out, cl->sent);
		cl->sent = 0;
	}
	for (size_t i = 0; i < n_iov; i++) {
		size_t cut = skip < iov[i].iov_len ? skip : iov[i].iov_len;

		buf_add(&cl->out, (const char *)iov[i].iov_base + cut,
			iov[i].iov_len - cut);
		skip -= cut;
	}
	if (!buf_ok(&cl->out))
		break_client(cl);
}

/* Sends the pieces as one message, or queues what the socket does not take. The pieces
 * themselves are not copied when the socket takes them. */
static void send_pieces(struct client *cl, struct iovec *iov, size_t n_iov)
{
	size_t total = 0;
	ssize_t n = 0;

	if (cl->broken || cl->closing)
		return;
	for (size_t i = 0; i < n_iov; i++)
		total += iov[i].iov_len;
	if (client_queued(cl) == 0)
		n = send_now(cl->io.fd, iov, n_iov);
	if (n < 0 || client_queued(cl) + total - (size_t)n > KICK_CLIENT_QUEUE_MAX) {
		break_client(cl);
		return;
	}
	if ((size_t)n < total)
		queue_rest(cl, iov, n_iov, (size_t)n);
	watch(cl);
}

static void send_buf(struct client *cl, const struct buf *b)
{
	struct iovec iov = { .iov_base = b->data, .iov_len = b->len };

	if (buf_ok(b))
		send_pieces(cl, &iov, 1);
	else
		break_client(cl);
}

static void flush_client(struct client *cl)
{
	struct iovec iov;
	ssize_t n;

	while (!cl->broken && client_queued(cl) > 0) {
		iov.iov_base = cl->out.data + cl->sent;
		iov.iov_len = client_queued(cl);
		n = send_now(cl->io.fd, &iov, 1);
		if (n == 0)
			return;
		if (n < 0)
			break_client(cl);
		else
			cl->sent += (size_t)n;
	}
	buf_done(&cl->out);
	cl->sent = 0;
}

/* Says why, reads nothing more, and goes once that has been sent. */
static void refuse(struct client *cl, enum protocol_error code, const char *message)
{
	struct buf b;

	buf_init(&b, 0);
	jsonrpc_add_error(&b, NULL, code, message, NULL);
	send_buf(cl, &b);
	buf_done(&b);
	buf_done(&cl->in);
	cl->closing = true;
	if (!cl->broken)
		loop_arm(cl->server->loop, &cl->timer,
			loop_now(cl->server->loop) + KICK_CLIENT_TIMEOUT_MS * MSEC_NS);
}

/* --- calls ---------------------------------------------------------------------- */

static void unlink_call(struct pending *p)
{
	struct client *cl = p->call.client;

	if (!cl)
		return;
	if (p->prev)
		p->prev->next = p->next;
	else
		cl->calls = p->next;
	if (p->next)
		p->next->prev = p->prev;
	cl->n_calls--;
	p->call.client = NULL;
}

static void free_call(struct call *c)
{
	struct pending *p = container_of(c, struct pending, call);

	unlink_call(p);
	cJSON_Delete(c->params);
	cJSON_Delete(c->id);
	free(p);
}

/* A client that has nothing to send and nothing to wait for may go; it is not asked for
 * within the call, but in its own callback. */
static bool is_finished(const struct client *cl)
{
	if (client_queued(cl) > 0)
		return cl->broken;
	return cl->broken || cl->closing || (cl->ended && !cl->calls);
}

static void answer_sent(struct client *cl)
{
	if (!cl->broken && is_finished(cl))
		break_client(cl);
}

void server_reply(struct call *c, const struct buf *json)
{
	struct client *cl = c->client;
	struct buf head;
	struct iovec iov[3];

	if (!json || !buf_ok(json)) {
		server_reply_error(c, PROTOCOL_E_INTERNAL, "no memory", NULL);
		return;
	}
	if (json->len > ANSWER_MAX) {
		server_reply_error(c, PROTOCOL_E_TOO_BIG,
			"the answer would be longer than a client's queue, " AS_TEXT(
				QUEUE_MIB) " MiB (KICK_CLIENT_QUEUE_MAX)",
			NULL);
		return;
	}
	if (!cl || !c->id) {
		free_call(c);
		return;
	}
	buf_init(&head, 0);
	jsonrpc_add_head(&head, c->id);
	buf_adds(&head, "\"result\":");
	free_call(c);
	iov[0] = (struct iovec){ .iov_base = head.data, .iov_len = head.len };
	iov[1] = (struct iovec){ .iov_base = json->data, .iov_len = json->len };
	iov[2] = (struct iovec){ .iov_base = (void *)(uintptr_t) "}\n", .iov_len = 2 };
	if (buf_ok(&head))
		send_pieces(cl, iov, ARRAY_LEN(iov));
	else
		break_client(cl);
	buf_done(&head);
	answer_sent(cl);
}

void server_reply_error(struct call *c, enum protocol_error code, const char *message,
	const char *data_json)
{
	struct client *cl = c->client;
	struct buf b;

	if (!cl || !c->id) {
		free_call(c);
		return;
	}
	buf_init(&b, 0);
	jsonrpc_add_error(&b, c->id, code, message, data_json);
	free_call(c);
	send_buf(cl, &b);
	buf_done(&b);
	answer_sent(cl);
}

bool server_notify(struct client *cl, const char *method, const struct buf *json)
{
	struct buf head;
	bool ok;

	if (cl->broken || cl->closing || !buf_ok(json) ||
		client_queued(cl) + json->len > NOTIFY_QUEUE_MAX)
		return false;
	buf_init(&head, 0);
	buf_adds(&head, "{\"jsonrpc\":\"2.0\",\"method\":");
	buf_add_json(&head, method, strlen(method));
	buf_adds(&head, ",\"params\":");
	ok = buf_ok(&head);
	if (ok) {
		const struct iovec iov[] = {
			{ .iov_base = head.data, .iov_len = head.len },
			{ .iov_base = json->data, .iov_len = json->len },
			{ .iov_base = (void *)(uintptr_t) "}\n", .iov_len = 2 },
		};

		/* Queued, not sent: what a turn of the loop tells goes out at once. */
		queue_rest(cl, iov, ARRAY_LEN(iov), 0);
		if (client_queued(cl) >= NOTIFY_BATCH)
			flush_client(cl);
		watch(cl);
	}
	buf_done(&head);
	return ok && !cl->broken;
}

/* Methods that change something are refused to readers here, in one place. */
static bool is_change(const char *method)
{
#define X(id, name, may_read, who) { name, may_read },
	static const struct {
		const char *name;
		bool may_read;
	} rows[] = { PROTOCOL_METHODS(X) };
#undef X

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (strcmp(rows[i].name, method) == 0)
			return !rows[i].may_read;
	return false;
}

static struct call *new_call(struct client *cl, struct jsonrpc *r)
{
	struct pending *p = calloc(1, sizeof *p);

	if (!p)
		return NULL;
	jsonrpc_detach(r);
	p->call = (struct call){
		.client = cl, .params = r->params, .reader = cl->reader, .id = r->id
	};
	p->next = cl->calls;
	if (cl->calls)
		cl->calls->prev = p;
	cl->calls = p;
	cl->n_calls++;
	return &p->call;
}

static void answer_fault(struct client *cl, const cJSON *id, enum protocol_error code,
	const char *message)
{
	struct buf b;

	buf_init(&b, 0);
	jsonrpc_add_error(&b, id, code, message, NULL);
	send_buf(cl, &b);
	buf_done(&b);
}

static void serve(struct client *cl, struct jsonrpc *r)
{
	struct server *s = cl->server;
	struct call *c;

	if (cl->n_calls >= KICK_CALLS_MAX) {
		if (r->id)
			answer_fault(cl, r->id, PROTOCOL_E_BUSY,
				"more calls of one connection wait for an answer than "
				"the " AS_TEXT(KICK_CALLS_MAX) " that may");
		return;
	}
	c = new_call(cl, r);
	if (!c)
		break_client(cl);
	else if (cl->reader && is_change(r->method))
		server_reply_error(c, PROTOCOL_E_DENIED, NULL, NULL);
	else
		s->handler->call(s->user, r->method, c);
}

static void take_line(struct client *cl, const char *line, size_t n)
{
	struct jsonrpc_fault fault;
	struct jsonrpc r;

	if (jsonrpc_is_blank(line, n))
		return;
	/* A faulty message cannot be known for a notification unless it was understood:
	 * then it has no id, and nobody waits. */
	if (jsonrpc_parse(line, n, &r, &fault))
		serve(cl, &r);
	else if (!r.root || r.id || fault.code == PROTOCOL_E_REQUEST)
		answer_fault(cl, r.id, fault.code, fault.message);
	jsonrpc_done(&r);
}

/* --- input ---------------------------------------------------------------------- */

/* The line that had begun in an earlier read is complete now. */
static void take_begun(struct client *cl)
{
	struct buf line = cl->in;

	buf_init(&cl->in, 0);
	loop_disarm(cl->server->loop, &cl->timer);
	if (buf_ok(&line))
		take_line(cl, line.data, line.len);
	else
		break_client(cl);
	buf_done(&line);
}

static void keep_begun(struct client *cl, const char *bytes, size_t n)
{
	struct loop *l = cl->server->loop;

	if (cl->in.len == 0 && n > 0)
		loop_arm(l, &cl->timer, loop_now(l) + KICK_CLIENT_TIMEOUT_MS * MSEC_NS);
	buf_add(&cl->in, bytes, n);
	if (!buf_ok(&cl->in))
		break_client(cl);
}

static void take_bytes(struct client *cl, const char *bytes, size_t n)
{
	while (n > 0 && !cl->broken && !cl->closing) {
		const char *newline = memchr(bytes, '\n', n);
		size_t len = newline ? (size_t)(newline - bytes) : n;

		if (cl->in.len + len > KICK_REQUEST_MAX) {
			refuse(cl, PROTOCOL_E_TOO_BIG,
				"the request is longer than " AS_TEXT(
					REQUEST_KIB) " KiB (KICK_REQUEST_MAX)");
			return;
		}
		if (!newline) {
			keep_begun(cl, bytes, n);
			return;
		}
		if (cl->in.len > 0) {
			keep_begun(cl, bytes, len);
			take_begun(cl);
		} else {
			take_line(cl, bytes, len);
		}
		bytes += len + 1;
		n -= len + 1;
	}
}

static void read_client(struct client *cl)
{
	char bytes[READ_BYTES];
	ssize_t n = recv(cl->io.fd, bytes, sizeof bytes, MSG_DONTWAIT);

	if (n > 0) {
		take_bytes(cl, bytes, (size_t)n);
	} else if (n == 0) {
		cl->ended = true;
		if (cl->in.len > 0)
			take_begun(cl);
	} else if (errno != EAGAIN && errno != EINTR) {
		break_client(cl);
	}
}

/* --- life of a client ----------------------------------------------------------- */

static void free_client(struct client *cl)
{
	struct server *s = cl->server;

	loop_remove(s->loop, &cl->io);
	loop_disarm(s->loop, &cl->timer);
	cl->broken = true;
	while (cl->calls) {
		struct pending *p = cl->calls;

		unlink_call(p);
		if (s->handler->gone)
			s->handler->gone(s->user, &p->call);
	}
	if (s->handler->closed)
		s->handler->closed(s->user, cl);
	if (cl->prev)
		cl->prev->next = cl->next;
	else
		s->clients = cl->next;
	if (cl->next)
		cl->next->prev = cl->prev;
	s->n--;
	fd_close(cl->io.fd);
	buf_done(&cl->in);
	buf_done(&cl->out);
	free(cl);
}

static void client_io(struct io *io, uint32_t events)
{
	struct client *cl = container_of(io, struct client, io);

	if ((events & EPOLLIN) && !cl->ended && !cl->closing)
		read_client(cl);
	else if (events & (EPOLLHUP | EPOLLERR))
		cl->broken = true;
	if (events & EPOLLOUT)
		flush_client(cl);
	if (is_finished(cl))
		free_client(cl);
	else
		watch(cl);
}

static void client_timer(struct timer *t, int64_t now)
{
	struct client *cl = container_of(t, struct client, timer);

	(void)now;
	if (cl->broken || cl->closing) {
		free_client(cl);
		return;
	}
	refuse(cl, PROTOCOL_E_REQUEST,
		"the rest of the request did not come within " AS_TEXT(
			KICK_CLIENT_TIMEOUT_MS) " ms (KICK_CLIENT_TIMEOUT_MS)");
	if (is_finished(cl))
		free_client(cl);
	else
		watch(cl);
}

/* --- accepting ------------------------------------------------------------------ */

/* One line to a connection that will not be served. A fresh socket has room for it. */
static void turn_away(int fd, enum protocol_error code, const char *message)
{
	struct buf b;
	struct iovec iov;

	buf_init(&b, 0);
	jsonrpc_add_error(&b, NULL, code, message, NULL);
	iov = (struct iovec){ .iov_base = b.data, .iov_len = b.len };
	if (buf_ok(&b))
		(void)send_now(fd, &iov, 1);
	buf_done(&b);
	fd_close(fd);
}

static int add_client(struct server *s, int fd, bool reader)
{
	struct client *cl = calloc(1, sizeof *cl);
	int r;

	if (!cl)
		return -ENOMEM;
	cl->server = s;
	cl->reader = reader;
	cl->io = (struct io){ .call = client_io, .fd = fd };
	cl->timer = (struct timer){ .call = client_timer, .at = -1 };
	buf_init(&cl->in, 0);
	buf_init(&cl->out, 0);
	r = loop_add(s->loop, &cl->io, EPOLLIN);
	if (r < 0) {
		free(cl);
		return r;
	}
	cl->next = s->clients;
	if (s->clients)
		s->clients->prev = cl;
	s->clients = cl;
	s->n++;
	return 0;
}

/* The client that has been there longest and waits for nothing; NULL: all are busy. */
static struct client *idle_client(struct server *s)
{
	struct client *found = NULL;

	for (struct client *cl = s->clients; cl; cl = cl->next)
		if (cl->n_calls == 0 && !cl->kept && !cl->broken && cl->in.len == 0 &&
			client_queued(cl) == 0)
			found = cl;
	return found;
}

/* Whoever only holds a connection open makes room for one who asks. */
static bool make_room(struct server *s)
{
	struct client *cl = s->n < KICK_CLIENTS_MAX ? NULL : idle_client(s);

	if (cl)
		break_client(cl);
	return cl || s->n < KICK_CLIENTS_MAX;
}

void client_keep(struct client *cl)
{
	cl->kept = true;
}

static void admit(struct server *s, int fd)
{
	enum peer_role role = peer_role(fd, &s->access);

	if (role == PEER_DENIED)
		turn_away(fd, PROTOCOL_E_DENIED, NULL);
	else if (!make_room(s))
		turn_away(fd, PROTOCOL_E_BUSY,
			"too many clients: " AS_TEXT(
				KICK_CLIENTS_MAX) " (KICK_CLIENTS_MAX) are waiting for "
						  "answers or news");
	else if (add_client(s, fd, role == PEER_READER) < 0)
		turn_away(fd, PROTOCOL_E_BUSY, "no memory for one more client");
}

/* For want of descriptors a connection cannot be taken, yet the listening socket stays
 * readable: the spare one makes room to turn one away, and the rest waits a while. */
static void pause_accepting(struct server *s)
{
	int fd;

	if (s->spare >= 0) {
		fd_close(s->spare);
		fd = accept4(s->io.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0)
			turn_away(fd, PROTOCOL_E_BUSY,
				"no descriptor is left for one more client "
				"(RLIMIT_NOFILE)");
		s->spare = eventfd(0, EFD_CLOEXEC);
	}
	loop_remove(s->loop, &s->io);
	loop_arm(s->loop, &s->pause,
		loop_now(s->loop) + KICK_RESOURCE_RETRY_MS * MSEC_NS);
}

static void server_io(struct io *io, uint32_t events)
{
	struct server *s = container_of(io, struct server, io);
	int fd;

	(void)events;
	for (int i = 0; i < ACCEPT_TURN; i++) {
		fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0) {
			admit(s, fd);
			continue;
		}
		if (errno == ECONNABORTED || errno == EINTR)
			continue;
		if (errno != EAGAIN)
			pause_accepting(s);
		return;
	}
}

static void server_resume(struct timer *t, int64_t now)
{
	struct server *s = container_of(t, struct server, pause);

	if (s->spare < 0)
		s->spare = eventfd(0, EFD_CLOEXEC);
	if (loop_add(s->loop, &s->io, EPOLLIN) < 0)
		loop_arm(s->loop, &s->pause, now + KICK_RESOURCE_RETRY_MS * MSEC_NS);
}

int server_new(struct loop *l, int listen_fd, const struct server_access *access,
	const struct server_handler *h, void *user, struct server **ret)
{
	struct server *s;
	int r = fd_nonblock(listen_fd, 1);

	if (r < 0)
		return r;
	s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	s->loop = l;
	s->access = *access;
	s->handler = h;
	s->user = user;
	s->io = (struct io){ .call = server_io, .fd = listen_fd };
	s->pause = (struct timer){ .call = server_resume, .at = -1 };
	s->spare = eventfd(0, EFD_CLOEXEC);
	r = loop_add(l, &s->io, EPOLLIN);
	if (r < 0) {
		fd_close(s->spare);
		free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void server_abandon(struct server *s)
{
	for (struct client *cl = s->clients, *next; cl; cl = next) {
		next = cl->next;
		fd_close(cl->io.fd);
		buf_done(&cl->in);
		buf_done(&cl->out);
		free(cl);
	}
	fd_close(s->io.fd);
	fd_close(s->spare);
	free(s);
}

void server_free(struct server *s)
{
	if (!s)
		return;
	while (s->clients) {
		/* The one that was freed is not in the list any more.
		 * NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		if (!s->clients->broken)
			flush_client(s->clients);
		free_client(s->clients);
	}
	loop_remove(s->loop, &s->io);
	loop_disarm(s->loop, &s->pause);
	fd_close(s->spare);
	free(s);
}
