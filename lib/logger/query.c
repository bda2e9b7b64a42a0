/* What the logger remembers, in the words of kick-protocol(5). Every answer has a
 * bound, as those who ask may name thousands of paths. */
#include "logger/query.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/macro.h"

#define ANSWER_MAX (KICK_CLIENT_QUEUE_MAX / 2)

/* Lines of one `log` answer. */
#define LINES_MAX 10000

#define LINES_DEFAULT 10

/* --- parameters ----------------------------------------------------------------- */

/* A whole number from 0 on; -EINVAL when it is none; at most max. */
static int get_count(const cJSON *params, const char *key, uint32_t fallback,
	uint32_t max, uint32_t *ret)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(params, key);

	if (!item || cJSON_IsNull(item)) {
		*ret = fallback;
		return 0;
	}
	if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0))
		return -EINVAL;
	if (item->valuedouble >= max) {
		*ret = max;
		return 0;
	}
	*ret = (uint32_t)item->valuedouble;
	return *ret == item->valuedouble ? 0 : -EINVAL;
}

static int get_bool(const cJSON *params, const char *key, bool *ret)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(params, key);

	if (item && !cJSON_IsBool(item) && !cJSON_IsNull(item))
		return -EINVAL;
	*ret = cJSON_IsTrue(item);
	return 0;
}

static void answer_wrong(struct call *c, const char *what)
{
	server_reply_error(c, PROTOCOL_E_PARAMS, what, NULL);
}

/* Ends the call with what has been built, which is freed. */
static void answer_built(struct call *c, struct buf *b)
{
	if (buf_ok(b))
		server_reply(c, b);
	else
		server_reply_error(c, PROTOCOL_E_TOO_BIG,
			"the answer would be bigger than the 16 MiB that are allowed "
			"(KICK_CLIENT_QUEUE_MAX / 2); ask for less",
			NULL);
	buf_done(b);
}

/* --- last_lines ----------------------------------------------------------------- */

static void add_last_lines(const struct output *o, uint32_t n, struct buf *b)
{
	char text[LASTLINE_MAX];
	struct lastline line;
	uint32_t skip, at = 0, i = 0;

	buf_addc(b, '[');
	if (o) {
		skip = o->last.n > n ? o->last.n - n : 0;
		while (lastlines_next(&o->last, &at, &line, text)) {
			if (i++ < skip)
				continue;
			if (i > skip + 1)
				buf_addc(b, ',');
			buf_add_json(b, text, line.len);
		}
	}
	buf_addc(b, ']');
}

static void call_last_lines(struct query *q, struct call *c)
{
	const cJSON *paths = cJSON_GetObjectItemCaseSensitive(c->params, "paths");
	const cJSON *path;
	struct buf b;
	uint32_t n;

	if (!cJSON_IsArray(paths)) {
		answer_wrong(c, "\"paths\" is not an array");
		return;
	}
	if (get_count(c->params, "n", LINES_DEFAULT, KICK_LAST_LINES, &n) < 0) {
		answer_wrong(c, "\"n\" is not a number of lines");
		return;
	}
	buf_init(&b, ANSWER_MAX);
	buf_addc(&b, '{');
	cJSON_ArrayForEach(path, paths)
	{
		if (!cJSON_IsString(path)) {
			buf_done(&b);
			answer_wrong(c, "a path is not a string");
			return;
		}
		if (b.len > 1)
			buf_addc(&b, ',');
		buf_add_json(&b, path->valuestring, strlen(path->valuestring));
		buf_addc(&b, ':');
		add_last_lines(outputs_find(q->outputs, path->valuestring), n, &b);
		if (!buf_ok(&b))
			break;
	}
	buf_addc(&b, '}');
	answer_built(c, &b);
}

/* --- log ------------------------------------------------------------------------ */

/* A line that may be among the newest n. */
struct pick {
	uint64_t seq;
	const struct output *output;
	uint32_t at; /* in its ring */
};

struct picks {
	struct pick *items; /* room for 2 * max */
	size_t n, max;
};

static int compare_picks(const void *a, const void *b)
{
	const struct pick *x = a, *y = b;

	return (x->seq > y->seq) - (x->seq < y->seq);
}

/* Sorted, oldest first; only the newest stay. */
static void settle_picks(struct picks *p)
{
	qsort(p->items, p->n, sizeof *p->items, compare_picks);
	if (p->n <= p->max)
		return;
	memmove(p->items, p->items + p->n - p->max, p->max * sizeof *p->items);
	p->n = p->max;
}

static void pick_lines(struct picks *p, const struct output *o)
{
	struct lastline line;
	uint32_t at = 0, before = 0;

	while (lastlines_next(&o->last, &at, &line, NULL)) {
		if (p->n == 2 * p->max)
			settle_picks(p);
		p->items[p->n++] =
			(struct pick){ .seq = line.seq, .output = o, .at = before };
		before = at;
	}
}

static void add_pick(struct buf *b, const struct pick *p)
{
	char text[LASTLINE_MAX];
	struct lastline line;
	uint32_t at = p->at;

	(void)lastlines_next(&p->output->last, &at, &line, text);
	hub_add_line(
		b, p->output->prefix, p->output->path_len, line.stream, text, line.len);
}

/* The last n lines of the selected outputs, in the order in which they came. */
static int add_lines(
	const struct query *q, const struct selection *which, uint32_t n, struct buf *b)
{
	struct picks p = { .max = n };
	struct output *o, *next;

	buf_adds(b, "{\"lines\":[");
	if (n > 0) {
		p.items = calloc(2 * (size_t)n, sizeof *p.items);
		if (!p.items)
			return -ENOMEM;
		HASH_ITER(hh, q->outputs->table, o, next)
		if (selection_has(which, o->prefix, o->path_len))
			pick_lines(&p, o);
		settle_picks(&p);
	}
	for (size_t i = 0; i < p.n && buf_ok(b); i++) {
		if (i > 0)
			buf_addc(b, ',');
		add_pick(b, &p.items[i]);
	}
	buf_adds(b, "]}");
	free(p.items);
	return 0;
}

/* The answer goes before the first notification; the client, unlike the call, is still
 * there after it. */
static void answer_and_follow(struct query *q, struct call *c, struct buf *b,
	bool follow, enum hub_topic topic, struct selection *which)
{
	struct client *cl = c->client;

	if (follow && cl && buf_ok(b) && hub_subscribe(q->hub, cl, topic, which) < 0)
		b->failed = true;
	answer_built(c, b);
}

static void call_log(struct query *q, struct call *c)
{
	const cJSON *paths = cJSON_GetObjectItemCaseSensitive(c->params, "paths");
	struct selection which;
	struct buf b;
	uint32_t n;
	bool follow;

	if (get_count(c->params, "n", LINES_DEFAULT, LINES_MAX, &n) < 0) {
		answer_wrong(c, "\"n\" is not a number of lines");
		return;
	}
	if (get_bool(c->params, "follow", &follow) < 0) {
		answer_wrong(c, "\"follow\" is neither true nor false");
		return;
	}
	if (selection_init(&which, cJSON_IsNull(paths) ? NULL : paths) < 0) {
		answer_wrong(c, "\"paths\" is not an array of strings");
		return;
	}
	buf_init(&b, ANSWER_MAX);
	if (add_lines(q, &which, n, &b) < 0)
		b.failed = true;
	answer_and_follow(q, c, &b, follow, HUB_LINES, &which);
	selection_done(&which);
}

/* --- events --------------------------------------------------------------------- */

static void call_events(struct query *q, struct call *c)
{
	struct selection all = { 0 };
	struct buf b;
	uint32_t last;
	bool follow;

	if (get_bool(c->params, "follow", &follow) < 0) {
		answer_wrong(c, "\"follow\" is neither true nor false");
		return;
	}
	if (get_count(c->params, "last", follow ? 0 : KICK_LAST_EVENTS,
		    KICK_LAST_EVENTS, &last) < 0) {
		answer_wrong(c, "\"last\" is not a number of events");
		return;
	}
	buf_init(&b, ANSWER_MAX);
	buf_adds(&b, "{\"events\":");
	hub_add_history(q->hub, last, &b);
	buf_addc(&b, '}');
	answer_and_follow(q, c, &b, follow, HUB_EVENTS, &all);
}

/* --- handler -------------------------------------------------------------------- */

static void query_call(void *user, const char *method, struct call *c)
{
	static const struct {
		const char *name;
		void (*call)(struct query *q, struct call *c);
	} rows[] = {
		{ "last_lines", call_last_lines },
		{ "log", call_log },
		{ "events", call_events },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (strcmp(rows[i].name, method) != 0)
			continue;
		rows[i].call(user, c);
		return;
	}
	server_reply_error(c, PROTOCOL_E_METHOD, NULL, NULL);
}

static void query_closed(void *user, struct client *cl)
{
	const struct query *q = user;

	hub_forget(q->hub, cl);
}

const struct server_handler query_handler = {
	.call = query_call,
	.closed = query_closed,
};
