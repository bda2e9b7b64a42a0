/* The drawing shows where it hurts at a glance: one line for each child, state first,
 * then why, then, for a child that is down and should not be, its last words. Columns
 * are measured in a first pass over the tree and written in a second. */
#include "control/render.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/macro.h"
#include "base/num.h"
#include "control/text.h"

/* Lines of a child's output under its row. */
#define WORDS_SHOWN 3

/* Nodes deeper than this are not drawn; kickd refuses them long before. */
#define DEPTH_MAX (KICK_DEPTH_MAX + 1)

struct canvas {
	struct buf *out;
	const struct render_style *style;
	size_t name_width, state_width, pid_width, up_width;
	bool more[DEPTH_MAX]; /* siblings follow, per level of the current row */
};

struct glyphs {
	const char *branch, *last, *through, *blank, *bar;
};

static const struct glyphs glyphs[] = {
	{ "|- ", "`- ", "|  ", "   ", "| " },
	{ "\u251c\u2500 ", "\u2514\u2500 ", "\u2502  ", "   ", "\u2502 " },
};

/* How a state looks on a terminal that has colours. */
static const char *const colours[CHILD_NSTATES + 1] = {
	[CHILD_STOPPED] = "\x1b[2m",
	[CHILD_STARTING] = "\x1b[33m",
	[CHILD_RUNNING] = "\x1b[32m",
	[CHILD_STOPPING] = "\x1b[33m",
	[CHILD_RESTARTING] = "\x1b[31m",
	[CHILD_EXITED] = "\x1b[31m",
	[CHILD_NSTATES] = "",
};

static const char *age(int64_t ms, char buf[32])
{
	return num_age(ms < 0 ? 0 : ms * MSEC_NS, buf, 32);
}

/* ", 5s ago" when the instant is known. */
static void ago(struct buf *out, const struct render_style *style, const char *at)
{
	char text[32];
	int64_t then;

	if (at && text_instant(at, &then) == 0)
		buf_addf(out, ", %s ago", age((style->wall - then) / MSEC_NS, text));
}

static void last_exit(
	struct buf *out, const struct render_style *style, const struct node *n)
{
	if (n->detail)
		text_escape(out, n->detail);
	else
		text_reason(out, n->last_exit.reason, n->last_exit.core);
	ago(out, style, n->last_exit.at);
}

void render_retry(struct buf *out, const struct tree_retry *retry)
{
	char text[32];

	buf_addf(out, "retry %lld", (long long)retry->attempt);
	if (retry->in_ms != TREE_NONE)
		buf_addf(out, " in %s", age(retry->in_ms, text));
}

/* Parts of a row's details are separated by commas. */
static void comma(struct buf *out, size_t start)
{
	if (out->len > start)
		buf_adds(out, ", ");
}

static void details_limits(struct buf *out, size_t start, const struct node *n)
{
	if (n->strategy) {
		comma(out, start);
		text_escape(out, n->strategy);
	}
	if (n->recent_restarts <= 0)
		return;
	comma(out, start);
	buf_addf(out, "%lld", (long long)n->recent_restarts);
	if (n->max_restarts != TREE_INFINITY)
		buf_addf(out, " of %lld", (long long)n->max_restarts);
	buf_addf(out, " restarts in %gs used", n->max_seconds);
}

static void details_waiting(struct buf *out, size_t start, const struct node *n)
{
	if (!n->waiting_for.n)
		return;
	comma(out, start);
	buf_addf(out, "waiting for pid %lld", (long long)n->waiting_for.at[0]);
	if (n->waiting_for.n > 1)
		buf_addf(out, " and %zu more", n->waiting_for.n - 1);
}

/* Why a child that is up has not always been. */
static void details_up(struct buf *out, size_t start, const struct render_style *style,
	const struct node *n)
{
	if (n->restarts > 0) {
		comma(out, start);
		buf_addf(out, "%lld restart%s", (long long)n->restarts,
			n->restarts == 1 ? "" : "s");
	}
	if (n->restarts > 0 && n->last_exit.reason) {
		buf_adds(out, ", last: ");
		last_exit(out, style, n);
	}
}

/* Why a child is not up. */
static void details_down(struct buf *out, size_t start,
	const struct render_style *style, const struct node *n)
{
	if (n->retry.attempt != TREE_NONE) {
		comma(out, start);
		render_retry(out, &n->retry);
	}
	comma(out, start);
	if (!n->last_exit.reason) {
		buf_adds(out,
			n->code == CHILD_STOPPED ? "not started" : "waits its turn");
		return;
	}
	if (n->code == CHILD_RESTARTING && n->retry.attempt == TREE_NONE)
		buf_adds(out, "waits its turn, ");
	if (n->code == CHILD_RESTARTING)
		buf_adds(out, "last: ");
	last_exit(out, style, n);
}

/* What it says of itself, and what those say who ask it. */
static void details_health(struct buf *out, size_t start, const struct node *n)
{
	if (n->announced) {
		comma(out, start);
		buf_adds(out, "says it is ");
		text_escape(out, n->announced);
	}
	if (!n->last_probe)
		return;
	comma(out, start);
	if (n->health && strcmp(n->health, "failing") == 0)
		buf_adds(out, "unhealthy: ");
	buf_adds(out, "last probe: ");
	text_escape(out, n->last_probe);
}

static void details(
	struct buf *out, const struct render_style *style, const struct node *n)
{
	size_t start = out->len;

	if (n->is_supervisor && node_is_alive(n))
		details_limits(out, start, n);
	details_waiting(out, start, n);
	if (node_is_alive(n))
		details_up(out, start, style, n);
	else
		details_down(out, start, style, n);
	details_health(out, start, n);
	if (n->silent) {
		comma(out, start);
		buf_adds(out, "does not answer");
	} else if (n->status_text && *n->status_text) {
		comma(out, start);
		buf_adds(out, "\"");
		text_escape(out, n->status_text);
		buf_adds(out, "\"");
	}
}

/* "pid 4712", or "". */
static const char *pid_text(const struct node *n, char buf[32])
{
	buf[0] = '\0';
	if (n->pid > 0)
		(void)snprintf(buf, 32, "pid %lld", (long long)n->pid);
	return buf;
}

/* "up 5s", or "". */
static const char *up_text(const struct node *n, char buf[32])
{
	char text[32];

	buf[0] = '\0';
	if (n->uptime_ms != TREE_NONE)
		(void)snprintf(buf, 32, "up %.28s", age(n->uptime_ms, text));
	return buf;
}

static void widen(size_t *width, const char *text)
{
	size_t n = text_width(text);

	if (n > *width)
		*width = n;
}

/* What a node is called in the drawing: below its parent by its own id. */
static const char *label(const struct node *n, size_t depth)
{
	return depth ? n->id : n->path;
}

static void measure(struct canvas *c, const struct node *n, size_t depth)
{
	size_t name = text_width(label(n, depth)) + 3 * depth;
	char text[32];

	if (name > c->name_width)
		c->name_width = name;
	widen(&c->state_width, n->state);
	widen(&c->pid_width, pid_text(n, text));
	widen(&c->up_width, up_text(n, text));
	for (size_t i = 0; i < n->n_children && depth + 1 < DEPTH_MAX; i++)
		measure(c, &n->children[i], depth + 1);
}

void render_branches(struct buf *out, bool utf8, const bool *more, size_t depth)
{
	const struct glyphs *g = &glyphs[utf8];

	for (size_t i = 0; i + 1 < depth; i++)
		buf_adds(out, more[i] ? g->through : g->blank);
	if (depth)
		buf_adds(out, more[depth - 1] ? g->branch : g->last);
}

/* A cell and the space up to the next column. A column that is empty in all rows takes
 * no space. */
static void cell(struct buf *out, const char *text, size_t width)
{
	size_t n = text_width(text);

	if (!width)
		return;
	text_escape(out, text);
	text_pad(out, (width > n ? width - n : 0) + 2);
}

static void state_cell(const struct canvas *c, const struct node *n)
{
	bool bad = n->code == CHILD_EXITED && !node_is_well(n);
	const char *colour = colours[n->code];

	if (n->code == CHILD_EXITED && !bad)
		colour = colours[CHILD_STOPPED];
	if (c->style->colour)
		buf_adds(c->out, colour);
	text_escape(c->out, n->state);
	if (c->style->colour && *colour)
		buf_adds(c->out, "\x1b[0m");
	text_pad(c->out, c->state_width - text_width(n->state) + 2);
}

/* A row ends where its last text ends. */
static void trim(struct buf *out)
{
	while (out->len && out->data[out->len - 1] == ' ')
		out->data[--out->len] = '\0';
}

/* The last lines that a child which is down has printed, under the state column. */
static void last_words(struct canvas *c, const struct node *n, size_t depth)
{
	const struct glyphs *g = &glyphs[c->style->utf8];
	const struct tree_texts *words = &n->last_lines;
	size_t i = words->n > WORDS_SHOWN ? words->n - WORDS_SHOWN : 0;

	if (n->code == CHILD_RUNNING || node_is_well(n))
		return;
	for (; i < words->n; i++) {
		for (size_t d = 0; d < depth; d++)
			buf_adds(c->out, c->more[d] ? g->through : g->blank);
		text_pad(c->out, c->name_width - 3 * depth + 2);
		buf_adds(c->out, g->bar);
		text_escape(c->out, words->at[i]);
		buf_adds(c->out, "\n");
	}
}

static void draw(struct canvas *c, const struct node *n, size_t depth)
{
	char text[32];

	render_branches(c->out, c->style->utf8, c->more, depth);
	cell(c->out, label(n, depth), c->name_width - 3 * depth);
	state_cell(c, n);
	cell(c->out, pid_text(n, text), c->pid_width);
	cell(c->out, up_text(n, text), c->up_width);
	details(c->out, c->style, n);
	trim(c->out);
	buf_adds(c->out, "\n");
	last_words(c, n, depth);
	for (size_t i = 0; i < n->n_children && depth + 1 < DEPTH_MAX; i++) {
		c->more[depth] = i + 1 < n->n_children;
		draw(c, &n->children[i], depth + 1);
	}
}

void render_status(struct buf *out, const struct render_style *style,
	const struct node *const *nodes, size_t n)
{
	struct canvas c = { .out = out, .style = style };

	for (size_t i = 0; i < n; i++)
		measure(&c, nodes[i], 0);
	for (size_t i = 0; i < n; i++)
		draw(&c, nodes[i], 0);
}
