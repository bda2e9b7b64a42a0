/* One call at a time over one connection, so there is no bookkeeping of ids: the next
 * answer on the channel is the answer. An error without an id is one too: that is how a
 * server refuses before it has parsed anything. */
#include "control/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/macro.h"

/* An answer may be as long as what a server queues for a slow client. */
#define ANSWER_MAX KICK_CLIENT_QUEUE_MAX

struct channel {
	int fd;
	unsigned calls;
	struct buf in;
	size_t scanned; /* bytes of `in` that are known to hold no newline */
	char chunk[64 << 10];
};

struct channel *channel_consume(int fd)
{
	struct channel *ch = malloc(sizeof *ch);

	if (!ch) {
		fd_close(fd);
		return NULL;
	}
	ch->fd = fd;
	ch->calls = 0;
	ch->scanned = 0;
	buf_init(&ch->in, ANSWER_MAX);
	return ch;
}

int channel_fd(const struct channel *ch)
{
	return ch->fd;
}

void channel_free(struct channel *ch)
{
	if (!ch)
		return;
	fd_close(ch->fd);
	buf_done(&ch->in);
	free(ch);
}

void answer_done(struct answer *a)
{
	cJSON_Delete(a->root);
	*a = (struct answer){ 0 };
}

const char *answer_text(const struct answer *a, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(a->data, key));
}

/* connect() on a full backlog waits as long as a send may. */
static int bound_connect(int fd, int64_t deadline)
{
	int64_t left = deadline - clock_now();
	struct timeval tv;

	if (deadline == CLIENT_FOREVER)
		return 0;
	if (left <= 0)
		return -ETIMEDOUT;
	tv.tv_sec = (time_t)(left / SEC_NS);
	tv.tv_usec = (suseconds_t)(left % SEC_NS / 1000) + 1;
	if (tv.tv_usec >= 1000000)
		tv = (struct timeval){ tv.tv_sec + 1, 0 };
	return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv) < 0 ? -errno : 0;
}

static int open_socket(const char *path, int64_t deadline, int *ret_fd)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	autoclose int fd = -EBADF;
	int r;

	if (strlen(path) >= sizeof sa.sun_path)
		return -ENAMETOOLONG;
	memcpy(sa.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	r = bound_connect(fd, deadline);
	if (r < 0)
		return r;
	do
		r = connect(fd, (const struct sockaddr *)&sa, sizeof sa);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	*ret_fd = fd_steal(&fd);
	return 0;
}

int channel_open(const char *dir, const char *name, int64_t deadline,
	struct channel **ret, struct err *err)
{
	char path[KICK_PATH_MAX];
	int fd = -EBADF, r;

	r = snprintf(path, sizeof path, "%s/%s", dir, name);
	if (r < 0 || (size_t)r >= sizeof path)
		return err_errno(err, -ENAMETOOLONG, "cannot connect to %s", dir);
	r = open_socket(path, deadline, &fd);
	if (r < 0)
		return err_errno(err, r, "cannot connect to %s", path);
	*ret = channel_consume(fd);
	return *ret ? 0 : err_errno(err, -ENOMEM, "cannot connect to %s", path);
}

/* Waits until the socket is ready for `events`. */
static int wait_for(int fd, short events, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = events };

	for (;;) {
		int64_t left = deadline - clock_now();
		struct timespec ts = { left / SEC_NS, left % SEC_NS };
		int r;

		if (left < 0)
			ts = (struct timespec){ 0, 0 };
		r = ppoll(&p, 1, deadline == CLIENT_FOREVER ? NULL : &ts, NULL);
		if (r > 0)
			return 0;
		if (r == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

static int send_all(int fd, const char *bytes, size_t n, int64_t deadline)
{
	while (n) {
		ssize_t w = send(fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		int r;

		if (w >= 0) {
			bytes += w;
			n -= (size_t)w;
			continue;
		}
		if (errno == EPIPE || errno == ECONNRESET)
			return -ECONNRESET;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		r = wait_for(fd, POLLOUT, deadline);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Reads some more into the buffer. A blocking read saves a poll where there is no
 * deadline to keep. */
static int fill(struct channel *ch, int64_t deadline)
{
	int flags = deadline == CLIENT_FOREVER ? 0 : MSG_DONTWAIT;
	ssize_t n;
	int r;

	for (;;) {
		n = recv(ch->fd, ch->chunk, sizeof ch->chunk, flags);
		if (n > 0)
			break;
		if (n == 0 || errno == ECONNRESET)
			return -ECONNRESET;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -errno;
		r = wait_for(ch->fd, POLLIN, deadline);
		if (r < 0)
			return r;
	}
	buf_add(&ch->in, ch->chunk, (size_t)n);
	return buf_ok(&ch->in) ? 0 : -EPROTO;
}

/* The next whole line as JSON. */
static int next_message(struct channel *ch, int64_t deadline, cJSON **ret)
{
	const char *end;
	cJSON *json;
	size_t n;

	for (;;) {
		const char *text = buf_text(&ch->in);
		int r;

		end = memchr(text + ch->scanned, '\n', ch->in.len - ch->scanned);
		if (end) {
			n = (size_t)(end - text) + 1;
			break;
		}
		ch->scanned = ch->in.len;
		r = fill(ch, deadline);
		if (r < 0)
			return r;
	}
	json = cJSON_ParseWithLength(buf_text(&ch->in), n);
	buf_drop(&ch->in, n);
	ch->scanned = 0;
	if (!cJSON_IsObject(json)) {
		cJSON_Delete(json);
		return -EPROTO;
	}
	*ret = json;
	return 0;
}

static bool is_notification(const cJSON *message)
{
	return cJSON_GetObjectItemCaseSensitive(message, "method") != NULL;
}

int channel_next(struct channel *ch, int64_t deadline, cJSON **ret)
{
	for (;;) {
		cJSON *message;
		int r;

		r = next_message(ch, deadline, &message);
		if (r < 0)
			return r;
		if (is_notification(message)) {
			*ret = message;
			return 0;
		}
		cJSON_Delete(message);
	}
}

static int read_answer(struct channel *ch, int64_t deadline, struct answer *ret)
{
	struct answer a = { 0 };
	const cJSON *error;
	const char *message;
	int r;

	do {
		cJSON_Delete(a.root);
		a.root = NULL;
		r = next_message(ch, deadline, &a.root);
		if (r < 0)
			return r;
	} while (is_notification(a.root));
	a.result = cJSON_GetObjectItemCaseSensitive(a.root, "result");
	error = cJSON_GetObjectItemCaseSensitive(a.root, "error");
	if (!a.result && cJSON_IsObject(error)) {
		const cJSON *code = cJSON_GetObjectItemCaseSensitive(error, "code");

		a.code = cJSON_IsNumber(code) ? code->valueint : PROTOCOL_E_INTERNAL;
		a.data = cJSON_GetObjectItemCaseSensitive(error, "data");
		message = cJSON_GetStringValue(
			cJSON_GetObjectItemCaseSensitive(error, "message"));
		a.message = message ? message : "error without a message";
	} else if (!a.result) {
		cJSON_Delete(a.root);
		return -EPROTO;
	}
	*ret = a;
	return 0;
}

int channel_ask(
	struct channel *ch, const char *method, const char *params, int64_t deadline)
{
	struct buf out;
	int r;

	buf_init(&out, 0);
	buf_addf(&out, "{\"jsonrpc\":\"2.0\",\"id\":%u,\"method\":\"%s\",\"params\":",
		++ch->calls, method);
	buf_adds(&out, params ? params : "{}");
	buf_adds(&out, "}\n");
	r = buf_ok(&out) ? send_all(ch->fd, out.data, out.len, deadline) : -ENOMEM;
	buf_done(&out);
	/* A server that refuses does so and closes: its reason may be there to be read.
	 */
	return r == -ECONNRESET ? 0 : r;
}

int channel_answer(struct channel *ch, int64_t deadline, struct answer *ret)
{
	return read_answer(ch, deadline, ret);
}

int channel_call(struct channel *ch, const char *method, const char *params,
	int64_t deadline, struct answer *ret, struct err *err)
{
	int r = channel_ask(ch, method, params, deadline);

	if (r == 0)
		r = channel_answer(ch, deadline, ret);
	return r < 0 ? err_errno(err, r, "%s: no answer", method) : 0;
}

/* Asks the supervisor or program behind a node, if there is one, and puts its answer in
 * the node. */
static int expand_node(
	const struct walk *w, struct tree *t, struct node *n, unsigned depth);

static int expand_children(
	const struct walk *w, struct tree *t, struct node *n, unsigned depth)
{
	for (size_t i = 0; i < n->n_children; i++) {
		int r;

		r = expand_node(w, t, &n->children[i], depth + 1);
		if (r < 0)
			return r;
	}
	return 0;
}

/* One that hangs (it was stopped by a signal, say) must not keep the rest of the tree
 * from being seen. */
static int ask_nested(const struct walk *w, const char *socket, struct answer *ret)
{
	int64_t until = w->each_ns == CLIENT_FOREVER ? CLIENT_FOREVER
						     : clock_now() + w->each_ns;
	struct channel *ch = NULL;
	int r;

	if (until > w->deadline)
		until = w->deadline;
	r = channel_open(w->dir, socket, until, &ch, NULL);
	if (r == 0)
		r = channel_call(ch, "status", NULL, until, ret, NULL);
	channel_free(ch);
	return r;
}

static int expand_node(
	const struct walk *w, struct tree *t, struct node *n, unsigned depth)
{
	struct answer a = { 0 };
	int r;

	if (!node_may_have_children(n) || depth > KICK_DEPTH_MAX)
		return 0;
	r = ask_nested(w, n->socket, &a);
	if (r < 0 || !a.result) {
		/* It went away, or it hangs: the others are still to be seen. */
		answer_done(&a);
		if (r == -ETIMEDOUT) {
			n->well = 0;
			n->silent = true;
			n->status_text = "does not answer";
		}
		return w->deadline <= clock_now() ? -ETIMEDOUT : 0;
	}
	r = tree_keep(t, a.root);
	if (r < 0)
		return r;
	r = tree_graft(t, n, a.result);
	if (r < 0)
		return r == -EPROTO ? 0 : r;
	return expand_children(w, t, n, depth);
}

int client_expand(const struct walk *w, struct tree *t, struct node *n)
{
	return expand_node(w, t, n, 1);
}

int client_tree(const struct walk *w, struct answer *top, struct tree **ret,
	struct node **ret_top)
{
	struct tree *t = tree_new();
	int r = -ENOMEM;

	if (t)
		r = tree_keep(t, top->root);
	else
		answer_done(top);
	top->root = NULL;
	if (r == 0)
		r = tree_top(t, top->result, ret_top);
	if (r == 0)
		r = expand_children(w, t, *ret_top, 0);
	if (r < 0) {
		tree_free(t);
		return r;
	}
	*ret = t;
	return 0;
}
