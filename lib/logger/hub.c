/* What happens is turned into JSON once, kept as text, and handed to the queue of each
 * subscriber; nobody here ever waits for one of them. */
#include "logger/hub.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/macro.h"
#include "control/server.h"
#include "core/sup.h"

#define RETRY_NS SEC_NS

struct subscriber {
	struct subscriber *next;
	struct client *client;
	enum hub_topic topic;
	struct selection which;
	uint64_t lost;
};

static void hub_retry(struct timer *t, int64_t now);

void hub_init(struct hub *h, struct loop *l)
{
	*h = (struct hub){ .loop = l };
	h->retry = (struct timer){ .call = hub_retry, .at = -1 };
}

static void free_subscriber(struct hub *h, struct subscriber **at)
{
	struct subscriber *s = *at;

	*at = s->next;
	h->n_of[s->topic]--;
	selection_done(&s->which);
	free(s);
}

void hub_done(struct hub *h)
{
	loop_disarm(h->loop, &h->retry);
	while (h->subscribers)
		free_subscriber(h, &h->subscribers);
	for (uint32_t i = 0; h->history && i < KICK_LAST_EVENTS; i++)
		free(h->history[i]);
	free(h->history);
	h->history = NULL;
	h->n = 0;
}

/* --- text ----------------------------------------------------------------------- */

static void add_text_or_null(struct buf *b, const char *text)
{
	if (*text)
		buf_add_json(b, text, strlen(text));
	else
		buf_adds(b, "null");
}

static void add_event(struct buf *b, const struct hub_event *e)
{
	char at[32];

	buf_addf(b, "{\"at\":\"%s\",\"event\":\"%s\",\"path\":",
		clock_rfc3339(e->wall, at, sizeof at), sup_event_names[e->event]);
	add_text_or_null(b, e->path);
	if (e->pid > 0)
		buf_addf(b, ",\"pid\":%d,\"reason\":", (int)e->pid);
	else
		buf_adds(b, ",\"pid\":null,\"reason\":");
	add_text_or_null(b, e->reason);
	if (e->count > 0)
		buf_addf(b, ",\"count\":%llu", (unsigned long long)e->count);
	buf_addc(b, '}');
}

void hub_add_line(struct buf *b, const char *path, size_t path_len, uint32_t stream,
	const char *text, size_t len)
{
	buf_adds(b, "{\"path\":");
	buf_add_json(b, path, path_len);
	buf_addf(b, ",\"stream\":%u,\"line\":", (unsigned)stream);
	buf_add_json(b, text, len);
	buf_addc(b, '}');
}

/* --- telling -------------------------------------------------------------------- */

/* True when nothing is owed any more. */
static bool tell_loss(struct subscriber *s)
{
	const struct hub_event e = {
		.wall = clock_wall(),
		.event = EVENT_LOST,
		.path = "",
		.reason = "",
		.count = s->lost,
	};
	struct buf b;

	if (s->lost == 0)
		return true;
	buf_init(&b, 0);
	add_event(&b, &e);
	if (server_notify(s->client, "event", &b))
		s->lost = 0;
	buf_done(&b);
	return s->lost == 0;
}

static void hub_retry(struct timer *t, int64_t now)
{
	struct hub *h = container_of(t, struct hub, retry);
	bool owed = false;

	for (struct subscriber *s = h->subscribers; s; s = s->next)
		owed |= !tell_loss(s);
	if (owed)
		loop_arm(h->loop, &h->retry, now + RETRY_NS);
}

static void notify(
	struct hub *h, struct subscriber *s, const char *method, const struct buf *b)
{
	if (tell_loss(s) && server_notify(s->client, method, b))
		return;
	s->lost++;
	if (!h->retry.heap)
		loop_arm(h->loop, &h->retry, loop_now(h->loop) + RETRY_NS);
}

static void remember(struct hub *h, const struct buf *b)
{
	char *text;

	if (!h->history)
		h->history = calloc(KICK_LAST_EVENTS, sizeof *h->history);
	text = h->history ? strdup(buf_text(b)) : NULL;
	if (!text)
		return;
	free(h->history[h->next]);
	h->history[h->next] = text;
	h->next = (h->next + 1) % KICK_LAST_EVENTS;
	if (h->n < KICK_LAST_EVENTS)
		h->n++;
}

void hub_tell_event(struct hub *h, const struct hub_event *e)
{
	struct buf b;

	if (e->event >= EVENT_NEVENTS)
		return;
	buf_init(&b, 0);
	add_event(&b, e);
	if (buf_ok(&b)) {
		remember(h, &b);
		for (struct subscriber *s = h->subscribers; s; s = s->next)
			if (s->topic == HUB_EVENTS)
				notify(h, s, "event", &b);
	}
	buf_done(&b);
}

void hub_tell_line(struct hub *h, const char *path, size_t path_len, uint32_t stream,
	const char *text, size_t len)
{
	struct buf b;

	if (h->n_of[HUB_LINES] == 0)
		return;
	buf_init(&b, 0);
	for (struct subscriber *s = h->subscribers; s; s = s->next) {
		if (s->topic != HUB_LINES || !selection_has(&s->which, path, path_len))
			continue;
		if (b.len == 0)
			hub_add_line(&b, path, path_len, stream, text, len);
		notify(h, s, "line", &b);
	}
	buf_done(&b);
}

void hub_add_history(const struct hub *h, uint32_t n, struct buf *b)
{
	uint32_t skip = h->n > n ? h->n - n : 0;
	uint32_t oldest = (h->next + KICK_LAST_EVENTS - h->n) % KICK_LAST_EVENTS;

	buf_addc(b, '[');
	for (uint32_t i = skip; i < h->n; i++) {
		if (i > skip)
			buf_addc(b, ',');
		buf_adds(b, h->history[(oldest + i) % KICK_LAST_EVENTS]);
	}
	buf_addc(b, ']');
}

/* --- subscribers ---------------------------------------------------------------- */

int hub_subscribe(
	struct hub *h, struct client *cl, enum hub_topic topic, struct selection *which)
{
	struct subscriber *s = h->subscribers;

	while (s && (s->client != cl || s->topic != topic))
		s = s->next;
	if (!s) {
		s = calloc(1, sizeof *s);
		if (!s) {
			selection_done(which);
			return -ENOMEM;
		}
		s->client = cl;
		s->topic = topic;
		s->next = h->subscribers;
		h->subscribers = s;
		h->n_of[topic]++;
		client_keep(cl);
	}
	selection_done(&s->which);
	s->which = *which;
	*which = (struct selection){ 0 };
	return 0;
}

void hub_forget(struct hub *h, const struct client *cl)
{
	struct subscriber **at = &h->subscribers;

	while (*at)
		if ((*at)->client == cl)
			free_subscriber(h, at);
		else
			at = &(*at)->next;
}
