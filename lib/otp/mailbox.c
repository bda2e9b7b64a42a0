/* See mailbox.h. */
#include "otp/mailbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/macro.h"
#include "otp/peers.h"
#include "otp/self.h"

struct item {
	kick_message m;
	uint32_t seq; /* of the sender's frames; 0: none */
	struct item *prev, *next;
	char reason[];
};

static struct item *queue;
static size_t length;

/* Where others see it. */
static void set_length(size_t n)
{
	length = n;
	if (self.counters)
		self.counters->mailboxes[self.pid.id % NODE_MAILBOXES] =
			node_mailbox(self.pid.id, n);
}

/* Something was put among those that had come before it. */
static bool in_between;

/* For who waits in an event loop of his own: an eventfd, -1 as long as nobody does. */
static int news_fd = -1;
static bool news;

static void tell_news(bool on)
{
	uint64_t one = 1;

	if (news_fd < 0 || news == on)
		return;
	news = on;
	if (on)
		(void)!write(news_fd, &one, sizeof one);
	else
		(void)!read(news_fd, &one, sizeof one);
}

int mailbox_tell_news(void)
{
	if (news_fd >= 0)
		return 0;
	news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (news_fd < 0)
		return -errno;
	tell_news(queue != NULL);
	return peers_watch(news_fd);
}

/* Refs of results that nobody waits for any more. Each is used once. */
static kick_ref *refused;
static size_t n_refused;

static bool is_refused(kick_ref ref)
{
	for (size_t i = 0; ref && i < n_refused; i++)
		if (refused[i] == ref) {
			refused[i] = refused[--n_refused];
			return true;
		}
	return false;
}

static bool has_ref(const kick_message *m, void *user)
{
	return m->kind == KICK_MESSAGE && m->ref == *(const kick_ref *)user;
}

void mailbox_refuse(kick_ref ref)
{
	size_t before = length;
	kick_ref *grown;

	mailbox_drop(has_ref, &ref);
	if (length < before)
		return;
	grown = reallocarray(refused, n_refused + 1, sizeof *grown);
	if (!grown)
		return;
	refused = grown;
	refused[n_refused++] = ref;
}

static struct item *new_item(
	kick_kind kind, kick_pid from, kick_ref ref, const char *reason, cJSON *value)
{
	struct item *it = NULL;

	if (kind != KICK_MESSAGE || !is_refused(ref))
		it = calloc(1, sizeof *it + (reason ? strlen(reason) + 1 : 0));
	if (!it) {
		cJSON_Delete(value);
		return NULL;
	}
	it->m = (kick_message){
		.kind = kind, .from = from, .ref = ref, .value = value
	};
	if (reason)
		it->m.reason = strcpy(it->reason, reason);
	set_length(length + 1);
	tell_news(true);
	return it;
}

void mailbox_put(
	kick_kind kind, kick_pid from, kick_ref ref, const char *reason, cJSON *value)
{
	struct item *it = new_item(kind, from, ref, reason, value);

	if (it)
		DL_APPEND(queue, it);
}

void mailbox_put_sent(
	kick_kind kind, kick_pid from, kick_ref ref, cJSON *value, uint32_t seq)
{
	struct item *it = new_item(kind, from, ref, NULL, value);

	if (!it)
		return;
	it->seq = seq;
	DL_APPEND(queue, it);
}

/* NOLINTNEXTLINE(readability-function-size): the macros */
void mailbox_put_signal(kick_pid from, const char *reason, uint32_t seq)
{
	struct item *it = new_item(KICK_EXIT, from, 0, reason, NULL), *later;

	if (!it)
		return;
	DL_FOREACH(queue, later)
	if (kick_pid_equal(later->m.from, from) && later->seq > seq)
		break;
	in_between |= later != NULL;
	if (later)
		DL_PREPEND_ELEM(queue, later, it);
	else
		DL_APPEND(queue, it);
}

static void take_out(struct item *it)
{
	DL_DELETE(queue, it);
	set_length(length - 1);
}

void kick_message_free(kick_message *m)
{
	if (!m)
		return;
	cJSON_Delete(m->value);
	free(container_of(m, struct item, m));
}

bool mailbox_is_down(const kick_message *m, void *user)
{
	return m->kind == KICK_DOWN && m->ref == *(const kick_ref *)user;
}

void mailbox_drop(kick_match *match, void *user)
{
	struct item *it, *next;

	DL_FOREACH_SAFE(queue, it, next)
	{
		if (!match(&it->m, user))
			continue;
		take_out(it);
		kick_message_free(&it->m);
	}
}

kick_ref mailbox_new_ref(void)
{
	static kick_ref last;

	return UINT64_C(1) << 63 | ++last;
}

void mailbox_drain(void)
{
	peers_drain();
}

/* Freed, so that the copies do not stay. */
void mailbox_forked(void)
{
	struct item *it, *next;

	DL_FOREACH_SAFE(queue, it, next) kick_message_free(&it->m);
	queue = NULL;
	length = 0;
	n_refused = 0;
	news_fd = fd_close(news_fd);
	news = false;
	peers_forked();
}

/* --- receive ------------------------------------------------------------------------
 */

static struct item *first_match(struct item *from, kick_match *match, void *user)
{
	for (struct item *it = from; it; it = it->next)
		if (!match || match(&it->m, user))
			return it;
	return NULL;
}

int kick_receive(kick_match *match, void *user, int64_t timeout_ms, kick_message **ret)
{
	int64_t deadline = timeout_ms == 0 ? 0 : clock_deadline(timeout_ms);
	struct item *it, *seen;
	int r;

	if (!self.pid.id)
		return -ENOTCONN;
	peers_order();
	it = first_match(queue, match, user);
	while (!it) {
		tell_news(false);
		in_between = false;
		seen = queue ? queue->prev : NULL;
		r = peers_turn(deadline);
		if (r < 0)
			return r;
		peers_order();
		it = first_match(seen && !in_between ? seen->next : queue, match, user);
		/* A flood of what does not match holds nobody beyond his time. */
		if (!it && (r == 0 || (deadline && deadline <= clock_now())))
			return -ETIMEDOUT;
	}
	take_out(it);
	tell_news(queue != NULL);
	*ret = &it->m;
	return 0;
}

int kick_flush(void)
{
	kick_message *m;
	int n = 0;

	for (; kick_receive(NULL, NULL, 0, &m) == 0; n++)
		kick_message_free(m);
	return n;
}

int kick_fd(void)
{
	int r = self.pid.id ? mailbox_tell_news() : -ENOTCONN;

	return r < 0 ? r : peers_fd();
}

/* --- send ---------------------------------------------------------------------------
 */

static int send_to(kick_dest to, const cJSON *value, int64_t deadline)
{
	int r = kick_resolve(to, &to.pid);

	if (r == -ESRCH && self.outer_dir && to.name)
		return self_ask_outside("send", to.name, value);
	if (r < 0)
		return r;
	r = peers_send(to.pid, FRAME_MESSAGE, 0, value, deadline);
	return r == -ESRCH ? 0 : r;
}

int kick_send(kick_dest to, const cJSON *value)
{
	return send_to(to, value, INT64_MAX);
}

int kick_send_nowait(kick_dest to, const cJSON *value)
{
	return send_to(to, value, PEERS_NOWAIT);
}

int kick_send_timeout(kick_dest to, const cJSON *value, int64_t timeout_ms)
{
	return send_to(to, value, clock_deadline(timeout_ms));
}
