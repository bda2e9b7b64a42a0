/* What a reload is going to do, told before it is done. */
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "config/spec.h"

struct plan {
	struct buf *out;
	const struct config *old, *new;
	bool env_changed; /* the application's: shapes every process */
	unsigned lines;
	char path[KICK_PATH_MAX];
};

static void say(struct plan *p, char sign, const char *id)
{
	buf_addf(p->out, "%c %s%s%s\n", sign, p->path, *p->path ? "/" : "", id);
	p->lines++;
}

/* As spec_find, but looks at position *hint first: both lists are mostly in one order.
 */
static const struct child_spec *find(
	const struct sup_spec *sup, const char *id, uint32_t *hint)
{
	for (uint32_t tries = 0; tries < sup->n_children; tries++) {
		uint32_t i = (*hint + tries) % sup->n_children;
		const struct child_spec *c = spec_child(sup, i);

		if (strcmp(REL_STR(c->id), id) == 0) {
			*hint = i + 1;
			return c;
		}
	}
	return NULL;
}

/* The children that are in both stand in another order. */
static bool order_changed(const struct sup_spec *old, const struct sup_spec *new)
{
	uint32_t hint = 0, last = 0;

	for (uint32_t i = 0; i < new->n_children; i++) {
		if (!find(old, REL_STR(spec_child(new, i)->id), &hint))
			continue;
		if (hint <= last)
			return true;
		last = hint;
	}
	return false;
}

static void plan_sup(
	struct plan *p, const struct sup_spec *old, const struct sup_spec *new);

static void enter(
	struct plan *p, const struct child_spec *old, const struct child_spec *new)
{
	size_t n = strlen(p->path);
	const char *id = REL_STR(new->id);

	/* Depth and ids are bounded, so it always fits. */
	if (n + strlen(id) + 2 > sizeof p->path)
		return;
	if (n > 0)
		p->path[n] = '/';
	(void)strcpy(p->path + n + (n > 0), id);
	plan_sup(p, spec_sup(old), spec_sup(new));
	p->path[n] = '\0';
}

static void plan_child(
	struct plan *p, const struct child_spec *old, const struct child_spec *new)
{
	enum spec_change change = spec_compare(old, new);
	const struct sup_spec *sup = spec_sup(new);
	bool is_sup = sup != NULL;

	if (change == SPEC_SAME && is_sup && order_changed(spec_sup(old), sup))
		change = SPEC_POLICY;
	if (p->env_changed && new->argv)
		change = SPEC_PROCESS;
	if (!config_same_sockets(p->old, p->new, REL_GET(struct str_list, new->listen)))
		change = SPEC_PROCESS;
	if (change != SPEC_SAME)
		say(p, change == SPEC_PROCESS ? '~' : '=', REL_STR(new->id));
	/* A worker that becomes a supervisor, or the reverse, is new with all it has.
	 */
	if (is_sup && change != SPEC_PROCESS)
		enter(p, old, new);
}

/* All that goes has gone before anything new starts, hence this order. */
static void plan_sup(
	struct plan *p, const struct sup_spec *old, const struct sup_spec *new)
{
	uint32_t hint = 0;

	for (uint32_t i = 0; i < old->n_children; i++) {
		const char *id = REL_STR(spec_child(old, i)->id);

		if (!find(new, id, &hint))
			say(p, '-', id);
	}
	hint = 0;
	for (uint32_t i = 0; i < new->n_children; i++) {
		const struct child_spec *child = spec_child(new, i);
		const struct child_spec *was = find(old, REL_STR(child->id), &hint);

		if (was)
			plan_child(p, was, child);
		else
			say(p, '+', REL_STR(child->id));
	}
}

static bool equal_sockets(const struct config *a, const struct config *b)
{
	const struct socket_list *x = REL_GET(struct socket_list, a->listen);
	const struct socket_list *y = REL_GET(struct socket_list, b->listen);

	if (!x || !y)
		return x == y;
	if (x->n != y->n)
		return false;
	for (uint32_t i = 0; i < x->n; i++) {
		const struct socket_spec *s = &x->at[i];
		const struct socket_spec *t = config_socket(b, REL_STR(s->name));

		if (!t || !socket_same(s, t) || s->backlog != t->backlog ||
			s->mode != t->mode)
			return false;
	}
	return true;
}

static bool top_changed(const struct config *old, const struct config *new)
{
	return spec_compare(&old->top, &new->top) != SPEC_SAME ||
		old->on_give_up != new->on_give_up ||
		old->shutdown_ns != new->shutdown_ns || !equal_sockets(old, new) ||
		order_changed(spec_sup(&old->top), spec_sup(&new->top));
}

unsigned config_plan(
	const struct config *old, const struct config *new, struct buf *out)
{
	struct plan p = {
		.out = out,
		.old = old,
		.new = new,
		.env_changed = !env_list_equal(REL_GET(struct env_list, old->env),
			REL_GET(struct env_list, new->env)),
	};

	if (top_changed(old, new))
		say(&p, '=', REL_STR(new->name));
	plan_sup(&p, spec_sup(&old->top), spec_sup(&new->top));
	return p.lines;
}
