/* `status --json`: every node has every key, so that a script never has to ask whether
 * one is there. And the plain dump of an answer that has no drawing of its own. */
#include <math.h>
#include <string.h>

#include "base/macro.h"
#include "control/render.h"
#include "control/text.h"

static void key(struct buf *out, const char *name)
{
	buf_addc(out, '"');
	buf_adds(out, name);
	buf_adds(out, "\":");
}

static void text(struct buf *out, const char *name, const char *value)
{
	key(out, name);
	if (value)
		buf_add_json(out, value, strlen(value));
	else
		buf_adds(out, "null");
	buf_addc(out, ',');
}

static void number(struct buf *out, const char *name, int64_t value)
{
	key(out, name);
	if (value == TREE_NONE)
		buf_adds(out, "null,");
	else if (value == TREE_INFINITY)
		buf_adds(out, "\"infinity\",");
	else
		buf_addf(out, "%lld,", (long long)value);
}

static void boolean(struct buf *out, const char *name, bool value)
{
	key(out, name);
	buf_adds(out, value ? "true," : "false,");
}

/* The comma after the last member goes when the object or array is closed. */
static void closed(struct buf *out, char bracket)
{
	if (out->len && out->data[out->len - 1] == ',')
		out->data[--out->len] = '\0';
	buf_addc(out, bracket);
}

static void last_exit(struct buf *out, const struct tree_exit *e)
{
	key(out, "last_exit");
	if (!e->reason) {
		buf_adds(out, "null,");
		return;
	}
	buf_addc(out, '{');
	text(out, "reason", e->reason);
	text(out, "class", e->class);
	number(out, "code", e->code);
	text(out, "signal", e->signal);
	boolean(out, "core", e->core);
	text(out, "at", e->at);
	closed(out, '}');
	buf_addc(out, ',');
}

static void retry(struct buf *out, const struct tree_retry *r)
{
	key(out, "retry");
	if (r->attempt == TREE_NONE) {
		buf_adds(out, "null,");
		return;
	}
	buf_addc(out, '{');
	number(out, "attempt", r->attempt);
	number(out, "in_ms", r->in_ms);
	text(out, "at", r->at);
	closed(out, '}');
	buf_addc(out, ',');
}

static void texts(struct buf *out, const char *name, const struct tree_texts *t)
{
	key(out, name);
	if (!t->at) {
		buf_adds(out, "null,");
		return;
	}
	buf_addc(out, '[');
	for (size_t i = 0; i < t->n; i++) {
		buf_add_json(out, t->at[i], strlen(t->at[i]));
		buf_addc(out, ',');
	}
	closed(out, ']');
	buf_addc(out, ',');
}

static void pids(struct buf *out, const char *name, const struct tree_pids *p)
{
	key(out, name);
	if (!p->n) {
		buf_adds(out, "null,");
		return;
	}
	buf_addc(out, '[');
	for (size_t i = 0; i < p->n; i++)
		buf_addf(out, "%lld,", (long long)p->at[i]);
	closed(out, ']');
	buf_addc(out, ',');
}

static void supervisor(struct buf *out, const struct node *n)
{
	number(out, "max_restarts", n->max_restarts);
	key(out, "max_seconds");
	if (n->max_seconds < 0 || !isfinite(n->max_seconds))
		buf_adds(out, "null,");
	else
		buf_addf(out, "%.9g,", n->max_seconds);
	number(out, "recent_restarts", n->recent_restarts);
}

static void children(struct buf *out, const struct node *n)
{
	key(out, "children");
	buf_addc(out, '[');
	for (size_t i = 0; i < n->n_children; i++) {
		render_json(out, &n->children[i]);
		buf_addc(out, ',');
	}
	closed(out, ']');
	buf_addc(out, ',');
}

void render_json(struct buf *out, const struct node *n)
{
	buf_addc(out, '{');
	if (n->name) {
		text(out, "name", n->name);
		number(out, "root_pid", n->root_pid);
		text(out, "version", n->version);
	}
	text(out, "id", n->id);
	text(out, "path", n->path);
	text(out, "type", n->type);
	text(out, "state", n->state);
	number(out, "pid", n->pid);
	text(out, "restart", n->restart);
	text(out, "strategy", n->strategy);
	text(out, "since", n->since);
	number(out, "uptime_ms", n->uptime_ms);
	number(out, "restarts", n->restarts);
	last_exit(out, &n->last_exit);
	retry(out, &n->retry);
	text(out, "status_text", n->status_text);
	text(out, "announced", n->announced);
	text(out, "health", n->health);
	text(out, "last_probe", n->last_probe);
	text(out, "detail", n->detail);
	text(out, "ready_at", n->ready_at);
	texts(out, "last_lines", &n->last_lines);
	boolean(out, "significant", n->significant);
	boolean(out, "well", node_is_well(n));
	pids(out, "waiting_for", &n->waiting_for);
	if (n->is_supervisor)
		supervisor(out, n);
	if (n->is_supervisor || n->socket)
		text(out, "socket", n->socket);
	if (n->is_supervisor || n->n_children)
		children(out, n);
	closed(out, '}');
}

static void value_lines(struct buf *out, const cJSON *value, size_t indent);

/* A value that fits on its key's line. */
static bool scalar(struct buf *out, const cJSON *v)
{
	if (cJSON_IsString(v))
		text_escape(out, v->valuestring);
	else if (cJSON_IsNumber(v))
		buf_addf(out, "%.15g", v->valuedouble);
	else if (cJSON_IsBool(v))
		buf_adds(out, cJSON_IsTrue(v) ? "yes" : "no");
	else if (cJSON_IsNull(v) || !v->child)
		buf_adds(out, "-");
	else
		return false;
	return true;
}

static size_t key_width(const cJSON *object)
{
	size_t width = 0;

	for (const cJSON *m = object->child; m; m = m->next) {
		size_t n = m->string ? text_width(m->string) : 1;

		width = n > width ? n : width;
	}
	return width;
}

static void value_lines(struct buf *out, const cJSON *value, size_t indent)
{
	size_t width = key_width(value);

	for (const cJSON *m = value->child; m; m = m->next) {
		const char *name = m->string ? m->string : "-";
		size_t n = text_width(name);

		text_pad(out, indent);
		text_escape(out, name);
		text_pad(out, width - n + 2);
		if (scalar(out, m)) {
			buf_addc(out, '\n');
			continue;
		}
		while (out->data && out->data[out->len - 1] == ' ')
			out->data[--out->len] = '\0';
		buf_addc(out, '\n');
		value_lines(out, m, indent + 2);
	}
}

void render_value(struct buf *out, const cJSON *value)
{
	if (scalar(out, value))
		buf_addc(out, '\n');
	else
		value_lines(out, value, 0);
}
