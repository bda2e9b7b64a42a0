/* The verbs that need no kickd: they check a file, and they tell what there is to tell
 * about kick itself. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"
#include "config/load.h"
#include "control/text.h"
#include "session.h"

#ifndef KICK_VERSION
#define KICK_VERSION "0.1.0"
#endif

/* Columns of the drawing up to the type of a child. */
struct sketch {
	struct session *s;
	size_t width, type_width;
	bool more[KICK_DEPTH_MAX + 1];
};

static void measure(struct sketch *k, const struct child_spec *c, size_t depth)
{
	const struct sup_spec *sup = spec_sup(c);
	size_t width = text_width(REL_STR(c->id)) + 3 * depth;

	if (width > k->width)
		k->width = width;
	width = strlen(child_type_names[c->policy.type]);
	if (width > k->type_width)
		k->type_width = width;
	for (uint32_t i = 0; sup && i < sup->n_children && depth < KICK_DEPTH_MAX; i++)
		measure(k, spec_child(sup, i), depth + 1);
}

static void describe_sup(struct buf *out, const struct sup_policy *p)
{
	if (p->dynamic)
		buf_adds(out, "  dynamic");
	else
		buf_addf(out, "  %s", strategy_names[p->strategy]);
	if (p->max_restarts == POLICY_NO_LIMIT)
		buf_adds(out, ", restarts without limit");
	else
		buf_addf(out, ", %u restarts in %gs", p->max_restarts,
			(double)p->max_seconds_ns / (double)SEC_NS);
}

/* The command as it would be run; a string start is shown without its shell. */
static void describe_command(struct buf *out, const struct child_spec *c)
{
	const struct str_list *argv = REL_GET(struct str_list, c->argv);
	const struct str_list *sockets = REL_GET(struct str_list, c->listen);

	if (!argv)
		return;
	buf_adds(out, "  ");
	for (uint32_t i = c->shell ? argv->n - 1 : 0; i < argv->n; i++) {
		if (i && !c->shell)
			buf_addc(out, ' ');
		text_escape(out, str_list_at(argv, i));
	}
	for (uint32_t i = 0; sockets && i < sockets->n; i++)
		buf_addf(
			out, "%s%s", i ? ", " : "  (listen: ", str_list_at(sockets, i));
	buf_adds(out, sockets ? ")" : "");
}

static void sketch(struct sketch *k, const struct child_spec *c, size_t depth)
{
	const struct sup_spec *sup = spec_sup(c);
	struct buf *out = &k->s->out;

	render_branches(out, k->s->style.utf8, k->more, depth);
	text_escape(out, REL_STR(c->id));
	text_pad(out, k->width - text_width(REL_STR(c->id)) - 3 * depth + 2);
	buf_addf(out, "%-*s", (int)k->type_width, child_type_names[c->policy.type]);
	if (depth)
		buf_addf(out, "  %-9s", restart_type_names[c->policy.restart]);
	if (depth && !c->policy.autostart)
		buf_adds(out, ", not started");
	if (sup)
		describe_sup(out, &sup->policy);
	else
		describe_command(out, c);
	buf_addc(out, '\n');
	for (uint32_t i = 0; sup && i < sup->n_children && depth < KICK_DEPTH_MAX;
		i++) {
		k->more[depth] = i + 1 < sup->n_children;
		sketch(k, spec_child(sup, i), depth + 1);
	}
}

int verb_check(struct session *s, char **args, int n)
{
	struct sketch k = { .s = s };
	autofree void *block = NULL;
	const struct config *cf;
	struct buf diag;
	size_t size;
	int r;

	(void)n;
	buf_init(&diag, 0);
	r = config_load(args[0], &diag, &block, &size);
	(void)fd_write_all(STDERR_FILENO, buf_text(&diag), diag.len);
	buf_done(&diag);
	if (r < 0)
		return STATUS_CONFIG;
	cf = block;
	measure(&k, &cf->top, 0);
	sketch(&k, &cf->top, 0);
	return STATUS_DONE;
}

int verb_schema(struct session *s, char **args, int n)
{
	(void)args;
	(void)n;
	config_schema(&s->out);
	return STATUS_DONE;
}

int verb_version(struct session *s, char **args, int n)
{
	(void)args;
	(void)n;
	if (session_json(s))
		buf_adds(&s->out, "{\"version\":\"" KICK_VERSION "\"}\n");
	else
		buf_adds(&s->out, "kick " KICK_VERSION "\n");
	return STATUS_DONE;
}

int verb_help(struct session *s, char **args, int n)
{
	const struct verb *v;

	if (!n) {
		verbs_help(&s->out);
		return STATUS_DONE;
	}
	v = verb_find(args[0]);
	if (!v)
		return fail_verb(args[0]);
	verb_help_page(&s->out, v);
	return STATUS_DONE;
}
