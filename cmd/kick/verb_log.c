/* What the logger remembers and what comes: `log` and `events` are the same
 * conversation with another method, another list and another way to write an entry. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "control/text.h"
#include "hint.h"
#include "session.h"
#include "silence.h"
#include "target.h"

/* How much of the past is shown where what comes is the point. */
#define LINES_WITH_FOLLOW 10

/* What is read is written at the latest when it is this much. */
#define FLUSH_BYTES (64u << 10)

struct feed {
	const char *method;
	const char *list;  /* member of the first answer */
	const char *count; /* the parameter that says how many */
	struct buf paths;  /* "\"paths\":[...]," or empty */
	bool prefix;	   /* more than one child: say which */
	void (*print)(struct session *s, const struct feed *f, const cJSON *entry);
};

static const char *text_of(const cJSON *entry, const char *key)
{
	const char *text =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(entry, key));

	return text ? text : "";
}

static void print_entry(struct session *s, const struct feed *f, const cJSON *entry)
{
	char *text;

	if (!session_json(s)) {
		f->print(s, f, entry);
		return;
	}
	text = cJSON_PrintUnformatted(entry);
	if (text)
		buf_adds(&s->out, text);
	buf_addc(&s->out, '\n');
	cJSON_free(text);
}

static int64_t how_many(const struct session *s, int64_t kept)
{
	if (s->lines >= 0)
		return s->lines;
	return s->given & BIT(FOLLOW) ? LINES_WITH_FOLLOW : kept;
}

static void say_logger(struct session *s, void *user, struct buf *out)
{
	(void)user;
	buf_adds(out, "kickd's logger to answer");
	silence_if_stopped(s, PROTOCOL_SOCKET_LOGGER, out);
}

/* Who follows waits for the logger too, however long it takes. */
static int ask_logger(
	struct session *s, const char *method, const char *params, struct answer *ret)
{
	int r;

	s->patient = s->given & BIT(FOLLOW);
	if (s->patient)
		hint_arm(s, say_logger, NULL);
	r = session_try(s, PROTOCOL_SOCKET_LOGGER, method, params, ret);
	hint_disarm(s);
	s->patient = false;
	return r;
}

/* Asks for the past and subscribes, and prints the past. A negative errno, silently; or
 * 0 with *ret_rc, a status. */
static int begin(struct session *s, const struct feed *f, int64_t count, int *ret_rc)
{
	struct answer a = { 0 };
	struct buf params;
	const cJSON *entry;
	int r;

	buf_init(&params, 0);
	buf_addf(&params, "{%s\"%s\":%lld,\"follow\":%s}", buf_text(&f->paths),
		f->count, (long long)count, s->given & BIT(FOLLOW) ? "true" : "false");
	r = ask_logger(s, f->method, buf_text(&params), &a);
	buf_done(&params);
	if (r < 0)
		return r;
	*ret_rc = a.result ? STATUS_DONE : session_refused(&a, f->method);
	cJSON_ArrayForEach(entry, cJSON_GetObjectItemCaseSensitive(a.result, f->list))
		print_entry(s, f, entry);
	answer_done(&a);
	if (*ret_rc == STATUS_DONE && s->given & BIT(FOLLOW))
		*ret_rc = session_flush(s);
	return 0;
}

static void print_message(struct session *s, const struct feed *f, cJSON *message)
{
	print_entry(s, f, cJSON_GetObjectItemCaseSensitive(message, "params"));
	cJSON_Delete(message);
}

/* Waits for one entry and prints it with those that are there already, in one write. */
static int follow_some(struct session *s, const struct feed *f, struct channel *ch)
{
	cJSON *message;
	int r;

	r = channel_next(ch, s->deadline, &message);
	while (r == 0) {
		print_message(s, f, message);
		if (s->out.len >= FLUSH_BYTES)
			break;
		r = channel_next(ch, 0, &message);
	}
	return session_flush(s) != STATUS_DONE ? -EPIPE : r;
}

/* Prints what comes until the connection ends or time is up. A negative errno. */
static int follow(struct session *s, const struct feed *f)
{
	struct channel *ch;
	int r;

	r = session_connect(s, PROTOCOL_SOCKET_LOGGER, &ch);
	if (r < 0)
		return r;
	do
		r = follow_some(s, f, ch);
	while (r == 0 || (r == -ETIMEDOUT && clock_now() < s->deadline));
	session_drop(s, PROTOCOL_SOCKET_LOGGER);
	return r;
}

/* A logger that was started anew knows nothing of its readers: they come again. Once
 * nobody answers any more, kickd has ended, and so has what there is to follow. */
static int run(struct session *s, const struct feed *f, int64_t count)
{
	int rc = STATUS_DONE, r;

	r = begin(s, f, count, &rc);
	if (r < 0)
		return session_unreachable(s, r, f->method);
	while (rc == STATUS_DONE && s->given & BIT(FOLLOW)) {
		r = follow(s, f);
		if (r == -EPIPE)
			return STATUS_FAILED;
		while (r == -ECONNRESET)
			r = begin(s, f, 0, &rc);
		if (is_absent(r))
			return STATUS_DONE;
		if (r < 0)
			return session_unreachable(s, r, f->method);
	}
	return rc;
}

static void print_line(struct session *s, const struct feed *f, const cJSON *entry)
{
	if (f->prefix) {
		text_escape(&s->out, text_of(entry, "path"));
		buf_adds(&s->out, " | ");
	}
	text_escape(&s->out, text_of(entry, "line"));
	buf_addc(&s->out, '\n');
}

static void print_event(struct session *s, const struct feed *f, const cJSON *entry)
{
	const cJSON *pid = cJSON_GetObjectItemCaseSensitive(entry, "pid");
	const cJSON *count = cJSON_GetObjectItemCaseSensitive(entry, "count");
	const char *reason = text_of(entry, "reason");

	(void)f;
	buf_addf(&s->out, "%-24s  ", text_of(entry, "at"));
	buf_addf(&s->out, "%-12s", text_of(entry, "event"));
	if (*text_of(entry, "path")) {
		buf_adds(&s->out, "  ");
		text_escape(&s->out, text_of(entry, "path"));
	}
	if (cJSON_IsNumber(pid) && pid->valueint > 0)
		buf_addf(&s->out, "  pid %d", pid->valueint);
	if (cJSON_IsNumber(count))
		buf_addf(&s->out, "  %.0f events", count->valuedouble);
	if (*reason) {
		buf_adds(&s->out, "  ");
		text_reason(&s->out, reason, 0);
	}
	buf_addc(&s->out, '\n');
}

struct gathering {
	struct buf *paths;
	size_t n;
	const struct node *silent; /* the supervisor that did not answer, or NULL */
};

static void add_path(struct gathering *g, const char *path)
{
	if (g->n++)
		buf_addc(g->paths, ',');
	buf_add_json(g->paths, path, strlen(path));
}

/* What is in a program has the program's output. */
static void add_paths(struct gathering *g, const struct node *n)
{
	if (!n->is_supervisor) {
		add_path(g, n->path);
		return;
	}
	if (n->silent && !g->silent)
		g->silent = n;
	for (size_t i = 0; i < n->n_children; i++)
		add_paths(g, &n->children[i]);
}

/* A supervisor stands for all workers below it. */
static int gather(struct session *s, const char *name, struct gathering *g)
{
	struct walk w = session_walk(s);
	struct buf words;
	struct target t;
	int r = 0, rc;

	rc = target_find(s, name, &t);
	if (rc != STATUS_DONE)
		return rc;
	if (t.program) {
		add_path(g, t.program);
		target_done(&t);
		return rc;
	}
	if (t.node->is_supervisor && !t.node->n_children && !t.node->silent)
		r = client_expand(&w, t.tree, t.node);
	g->silent = NULL;
	if (r == 0)
		add_paths(g, t.node);
	if (r < 0) {
		rc = session_unreachable(s, r, name);
	} else if (g->silent) {
		buf_init(&words, 0);
		silence_tell_node(g->silent, s->answer_ns, &words);
		rc = fail(STATUS_FAILED, "%s: %s", name, buf_text(&words));
		buf_done(&words);
	}
	target_done(&t);
	return rc;
}

int verb_log(struct session *s, char **args, int n)
{
	struct feed f = { "log", "lines", "n", .print = print_line };
	struct gathering g = { &f.paths, 0, NULL };
	int first = STATUS_DONE, rc;

	buf_init(&f.paths, 0);
	buf_adds(&f.paths, "\"paths\":[");
	for (int i = 0; i < n; i++) {
		rc = gather(s, args[i], &g);
		if (first == STATUS_DONE)
			first = rc;
	}
	buf_adds(&f.paths, "],");
	f.prefix = g.n > 1;
	rc = g.n ? run(s, &f, how_many(s, KICK_LAST_LINES)) : STATUS_DONE;
	buf_done(&f.paths);
	return first != STATUS_DONE ? first : rc;
}

int verb_events(struct session *s, char **args, int n)
{
	struct feed f = { "events", "events", "last", .print = print_event };

	(void)args;
	(void)n;
	buf_init(&f.paths, 0);
	return run(s, &f, how_many(s, KICK_LAST_EVENTS));
}
