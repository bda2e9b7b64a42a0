/* What is compared and what is checked: the effects of one event against the deeds of
 * the naive model, the states of both, and claims that need no model. */
#include <stdio.h>
#include <string.h>

#include "model/world.h"

#define NAME(nd, i) ((nd)->spec->slot[i].id)

unsigned node_slot(const struct node *nd, const struct child *c)
{
	for (unsigned i = 0; i < nd->spec->n; i++)
		if (c == &nd->slot[i].child || c == &nd->slot[i].twin)
			return i;
	return DEED_NOBODY;
}

bool node_is_quiet(const struct node *nd)
{
	if (nd->sup.phase != SUP_SERVING || sup_reloading(&nd->sup))
		return false;
	for (unsigned i = 0; i < nd->spec->n; i++) {
		const struct child *c = &nd->slot[i].child;

		if (nd->slot[i].listed &&
			(c->state == CHILD_STARTING || c->state == CHILD_STOPPING ||
				c->state == CHILD_RESTARTING || c->want_start ||
				c->want_stop))
			return false;
	}
	return true;
}

/* --- effects --------------------------------------------------------------- */

static bool somebody_leaves(const struct node *nd)
{
	for (unsigned i = 0; i < nd->spec->n; i++)
		if (nd->slot[i].listed && nd->slot[i].leaving)
			return true;
	return false;
}

static void take_spawn(struct world *w, struct node *nd, unsigned i)
{
	struct slot *slot = &nd->slot[i];

	if (slot->process != PROCESS_NONE)
		world_fail(w, "a second process for %s", NAME(nd, i));
	if (nd->sup.phase >= SUP_ENDING)
		world_fail(w, "%s is started though the end has begun", NAME(nd, i));
	if (slot->fresh && somebody_leaves(nd))
		world_fail(
			w, "%s is started before all that goes has gone", NAME(nd, i));
	slot->fresh = false;
	slot->process = PROCESS_WANTED;
	if (nd->spec->slot[i].sup >= 0)
		world_note(w, NOTE_BOOT, nd, i, "");
}

/* In the end of a static supervisor each stop waits for those after it. */
static void check_end_order(struct world *w, struct node *nd, unsigned i)
{
	const struct child *c = &nd->slot[i].child;

	if (nd->sup.phase != SUP_ENDING || nd->sup.hurried || nd->spec->policy.dynamic)
		return;
	for (uint32_t p = c->position + 1; p < nd->sup.n; p++)
		if (child_is_alive(nd->sup.children[p]))
			world_fail(w, "%s is stopped before %s has gone", NAME(nd, i),
				nd->sup.children[p]->id);
}

static void take_stop(struct world *w, struct node *nd, unsigned i, bool kill)
{
	struct slot *slot = &nd->slot[i];

	if (slot->process == PROCESS_NONE)
		world_fail(w, "an order to stop %s, which has no process", NAME(nd, i));
	if (kill ? slot->kill_sent : slot->stop_sent)
		world_fail(w, "%s gets the same order twice", NAME(nd, i));
	if (!kill && slot->kill_sent)
		world_fail(w, "%s gets a stop order after KILL", NAME(nd, i));
	if (!kill || !slot->stop_sent)
		check_end_order(w, nd, i);
	if (kill)
		slot->kill_sent = true;
	else
		slot->stop_sent = true;
	if (nd->spec->slot[i].sup >= 0)
		world_note(w, kill ? NOTE_KILL : NOTE_STOP, nd, i, "");
}

static void take_reply(struct world *w, struct node *nd, const struct effect *fx)
{
	unsigned i = (unsigned)((struct waiter *)fx->waiter->tag - nd->waiter);

	if (i >= NAIVE_WAITERS || !nd->asked[i])
		world_fail(w, "an answer to nobody");
	nd->asked[i] = false;
	deed_add(&nd->deeds, DEED_REPLY, i, fx->result);
}

static void take_removed(struct world *w, struct node *nd, const struct child *c)
{
	unsigned i = node_slot(nd, c);

	if (c == &nd->slot[i].twin) {
		nd->twin_back = (int)i;
		return;
	}
	if (!nd->slot[i].listed || nd->slot[i].process != PROCESS_NONE)
		world_fail(w, "%s is removed while it is there", NAME(nd, i));
	nd->slot[i].listed = nd->slot[i].leaving = nd->slot[i].fresh = false;
	nd->slot[i].armed = -1;
	deed_add(&nd->deeds, DEED_GONE, i, 0);
}

static void take_exit(struct world *w, struct node *nd)
{
	for (unsigned i = 0; i < nd->spec->n; i++)
		if (nd->slot[i].process != PROCESS_NONE)
			world_fail(w, "supervisor %u ends before %s", nd->index,
				NAME(nd, i));
	for (unsigned i = 0; i < NAIVE_WAITERS; i++)
		if (nd->asked[i])
			world_fail(w, "supervisor %u ends and leaves waiter %u",
				nd->index, i);
	nd->ended = true;
	deed_add(&nd->deeds, DEED_END, 0, 0);
}

static void take_one(struct world *w, struct node *nd, const struct effect *fx)
{
	unsigned i = fx->child ? node_slot(nd, fx->child) : DEED_NOBODY;

	if (nd->ended)
		world_fail(w, "supervisor %u does something after its end", nd->index);
	switch ((enum fx_kind)fx->kind) {
	case FX_SPAWN:
		take_spawn(w, nd, i);
		deed_add(&nd->deeds, DEED_ORDER, i, FX_SPAWN);
		break;
	case FX_STOP:
	case FX_KILL:
		take_stop(w, nd, i, fx->kind == FX_KILL);
		deed_add(&nd->deeds, DEED_ORDER, i, fx->kind);
		break;
	case FX_ARM:
		nd->slot[i].armed = fx->at;
		break;
	case FX_REPLY:
		take_reply(w, nd, fx);
		break;
	case FX_EVENT:
		if (fx->event == EVENT_GAVE_UP)
			i = DEED_NOBODY;
		deed_add(&nd->deeds, DEED_EVENT, i, fx->event);
		break;
	case FX_REMOVED:
		take_removed(w, nd, fx->child);
		break;
	case FX_READY:
		if (nd->up)
			world_fail(w, "supervisor %u is ready twice", nd->index);
		nd->up = true;
		deed_add(&nd->deeds, DEED_UP, 0, 0);
		break;
	case FX_EXIT:
		take_exit(w, nd);
		break;
	}
}

void world_take(struct world *w, struct node *nd)
{
	struct effect fx;

	while (sup_take(&nd->sup, &fx))
		take_one(w, nd, &fx);
}

/* --- claims that need no model --------------------------------------------- */

/* Who waits for a start of a child that is down for good waits for ever. */
static void check_waiters(struct world *w, const struct node *nd, const struct child *c)
{
	if (!child_is_alive(c) && c->waiters && !c->want_start)
		world_fail(w, "supervisor %u: %s is %s, yet somebody waits for it",
			nd->index, c->id, child_state_names[c->state]);
}

void world_check(struct world *w, struct node *nd)
{
	unsigned listed = 0;

	for (unsigned i = 0; i < nd->spec->n; i++) {
		const struct slot *slot = &nd->slot[i];
		const struct child *c = &slot->child;

		if (!slot->listed)
			continue;
		listed++;
		if (c->position >= nd->sup.n || nd->sup.children[c->position] != c)
			world_fail(w, "%s is not at its position", c->id);
		if (child_is_alive(c) != (slot->process != PROCESS_NONE))
			world_fail(w, "%s is %s but has %s process", c->id,
				child_state_names[c->state],
				slot->process != PROCESS_NONE ? "a" : "no");
		if (slot->armed != c->due)
			world_fail(w, "%s waits until %.3f but %.3f is armed", c->id,
				(double)c->due / 1e9, (double)slot->armed / 1e9);
		if (c->state == CHILD_STOPPING && !slot->stop_sent && !slot->kill_sent)
			world_fail(w, "%s is stopping without an order", c->id);
		if (!child_is_alive(c) && c->state != CHILD_RESTARTING && c->due >= 0)
			world_fail(w, "%s is down but waits for a time", c->id);
	}
	for (unsigned i = 0; i < nd->spec->n; i++)
		if (nd->slot[i].listed)
			check_waiters(w, nd, &nd->slot[i].child);
	if (listed != nd->sup.n)
		world_fail(w, "the list has %u children, not %u", nd->sup.n, listed);
}

/* --- comparison ------------------------------------------------------------ */

/* What the rules settle; the other events are for people. */
static bool is_settled_event(unsigned what)
{
	return what == EVENT_STARTED || what == EVENT_READY || what == EVENT_EXITED ||
		what == EVENT_RESTARTING || what == EVENT_STOPPING ||
		what == EVENT_GAVE_UP;
}

/* Per child (or waiter) in their order, without an order between them. */
static void sort_deeds(const struct deeds *from, bool ending, struct deeds *to)
{
	to->n = 0;
	for (unsigned i = 0; i < from->n; i++) {
		struct deed d = from->at[i];
		unsigned k;

		if (d.class == DEED_EVENT && (ending || !is_settled_event(d.what)))
			continue;
		if (ending && (d.class == DEED_REPLY || d.class == DEED_GONE))
			continue;
		for (k = to->n++; k > 0; k--) {
			const struct deed *before = &to->at[k - 1];

			if (before->class < d.class ||
				(before->class == d.class && before->who <= d.who))
				break;
			to->at[k] = *before;
		}
		to->at[k] = d;
	}
}

static const char *what_name(const struct deed *d)
{
	static const char *const orders[] = {
		[FX_SPAWN] = "spawn", [FX_STOP] = "stop", [FX_KILL] = "kill"
	};

	switch ((enum deed_class)d->class) {
	case DEED_ORDER:
		return orders[d->what];
	case DEED_EVENT:
		return sup_event_names[d->what];
	case DEED_REPLY:
		return sup_result_names[d->what];
	case DEED_GONE:
		return "removed";
	case DEED_UP:
		return "up";
	case DEED_END:
		break;
	}
	return "end";
}

static void print_deeds(
	const struct node *nd, const struct deeds *d, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = '\0';
	for (unsigned i = 0; i < d->n && n < size; i++) {
		const struct deed *deed = &d->at[i];
		bool child = deed->class == DEED_ORDER || deed->class == DEED_GONE ||
			(deed->class == DEED_EVENT && deed->who != DEED_NOBODY);
		int k = deed->class == DEED_REPLY
			? snprintf(buf + n, size - n, " waiter%u:%s;", deed->who,
				  what_name(deed))
			: snprintf(buf + n, size - n, " %s%s%s%s;",
				  deed->class == DEED_EVENT ? "!" : "", what_name(deed),
				  child ? " " : "", child ? NAME(nd, deed->who) : "");

		n += (size_t)k;
	}
}

static void compare_deeds(struct world *w, struct node *nd)
{
	struct deeds machine, naive;
	char a[1024], b[1024];
	bool ending = nd->naive.phase >= SUP_ENDING;

	sort_deeds(&nd->deeds, ending, &machine);
	sort_deeds(&nd->naive.deeds, ending, &naive);
	if (machine.n == naive.n &&
		memcmp(machine.at, naive.at, machine.n * sizeof(machine.at[0])) == 0)
		return;
	print_deeds(nd, &machine, a, sizeof(a));
	print_deeds(nd, &naive, b, sizeof(b));
	world_fail(w, "supervisor %u does\n    machine:%s\n    naive:  %s", nd->index,
		a, b);
}

static void compare_child(struct world *w, struct node *nd, unsigned i)
{
	const struct child *c = &nd->slot[i].child;
	struct naive_child *n = &nd->naive.child[i];

	if (n->state != c->state && n->other != c->state)
		world_fail(w, "%s: state %s, naive %s", c->id,
			child_state_names[c->state], child_state_names[n->state]);
	if (n->restarts != c->restarts)
		world_fail(w, "%s: restarts %u, naive %u", c->id, c->restarts,
			n->restarts);
	if (!n->vague_exit && strcmp(n->last, c->last_exit.text) != 0)
		world_fail(w, "%s: last_exit \"%s\", naive \"%s\"", c->id,
			c->last_exit.text, n->last);
	if (n->state == CHILD_STOPPED && n->state == c->state && n->sticky != c->sticky)
		world_fail(w, "%s: sticky %d, naive %d", c->id, c->sticky, n->sticky);
	if ((n->due < 0) != (c->due < 0) || c->due < n->due || c->due > n->due_max)
		world_fail(w, "%s: due %.3f, naive %.3f to %.3f", c->id,
			(double)c->due / 1e9, (double)n->due / 1e9,
			(double)n->due_max / 1e9);
	/* What the rules leave open is as the machine has it. */
	n->due = n->due_max = c->due;
	if (n->vague_count)
		n->failures = c->failures;
	n->vague_count = n->vague_count && c->state != CHILD_RESTARTING;
	if (n->state != CHILD_RESTARTING)
		n->state = n->other = c->state;
	if (!naive_up(n))
		n->sticky = c->sticky;
	if (n->vague_exit)
		n->last = c->last_exit.text;
}

void world_compare(struct world *w, struct node *nd)
{
	struct naive *nv = &nd->naive;

	compare_deeds(w, nd);
	if (nv->phase != nd->sup.phase)
		world_fail(w, "supervisor %u: phase %u, naive %u", nd->index,
			nd->sup.phase, nv->phase);
	if (nv->phase >= SUP_ENDING) {
		if (strcmp(nv->reason, nd->sup.reason.text) != 0)
			world_fail(w, "supervisor %u ends with \"%s\", naive \"%s\"",
				nd->index, nd->sup.reason.text, nv->reason);
		return;
	}
	if (nv->n != nd->sup.n)
		world_fail(w, "supervisor %u: %u children, naive %u", nd->index,
			nd->sup.n, nv->n);
	for (unsigned i = 0; i < nv->n; i++) {
		if (nd->sup.children[i] != &nd->slot[nv->order[i]].child)
			world_fail(w, "place %u: %s, naive %s", i,
				nd->sup.children[i]->id, NAME(nd, nv->order[i]));
		compare_child(w, nd, nv->order[i]);
	}
}

/* --- a lost model is told where things stand ------------------------------- */

static void resync_child(struct node *nd, unsigned i)
{
	const struct child *c = &nd->slot[i].child;
	struct naive_child *n = &nd->naive.child[i];

	*n = (struct naive_child){ .here = true, .policy = c->policy };
	n->state = n->other = c->state;
	n->sticky = c->sticky;
	n->added = c->added;
	n->tried = c->tried;
	n->started = c->spawned;
	n->killed = nd->slot[i].kill_sent;
	n->restarts = c->restarts;
	n->failures = c->failures;
	n->started_at = c->started_at;
	n->ready_at = c->since;
	n->due = n->due_max = c->due;
	n->last = c->last_exit.text;
	n->vague_exit = n->vague_count = true;
	for (struct waiter *wt = c->waiters; wt; wt = wt->next)
		naive_wait(&nd->naive, i,
			(unsigned)((struct waiter *)wt->tag - nd->waiter),
			(enum waiter_kind)wt->kind);
}

void world_resync(struct node *nd)
{
	struct naive *nv = &nd->naive;
	const struct intensity *in = &nd->sup.intensity;

	nv->lost = false;
	nv->policy = nd->sup.policy;
	nv->phase = nd->sup.phase;
	nv->op = OP_NONE;
	nv->n = nd->sup.n;
	for (unsigned i = 0; i < nd->spec->n; i++)
		nv->child[i].here = false;
	for (unsigned i = 0; i < nv->n; i++) {
		nv->order[i] = (uint8_t)node_slot(nd, nd->sup.children[i]);
		resync_child(nd, nv->order[i]);
	}
	nv->n_times = 0;
	for (uint32_t i = 0; in->max != POLICY_NO_LIMIT && i < in->count; i++)
		nv->times[nv->n_times++] = in->at[(in->head + i) % in->max];
}

/* --- for people ------------------------------------------------------------ */

static void print_node(const struct world *w, const struct node *nd)
{
	static const char *const phases[] = { "new", "booting", "serving", "ending",
		"ended" };
	char text[1024];

	printf("    [%.3f] sup %u %s%s%s:", (double)w->now / 1e9, nd->index,
		phases[nd->sup.phase], nd->sup.reason.text[0] ? " " : "",
		nd->sup.reason.text);
	for (uint32_t i = 0; i < nd->sup.n; i++) {
		const struct child *c = nd->sup.children[i];
		const struct naive_child *n = &nd->naive.child[node_slot(nd, c)];

		printf(" %s=%s%s", c->id, child_state_names[c->state],
			c->sticky ? "(sticky)" : "");
		if (!nd->naive.lost && n->state != c->state)
			printf("/%s", child_state_names[n->state]);
		if (c->due >= 0)
			printf("@%.3f", (double)c->due / 1e9);
	}
	print_deeds(nd, &nd->deeds, text, sizeof(text));
	printf("\n      machine:%s", text);
	print_deeds(nd, &nd->naive.deeds, text, sizeof(text));
	printf("\n      naive:  %s\n", nd->naive.lost ? " lost" : text);
}

void world_print(const struct world *w)
{
	for (unsigned i = 0; i < w->sc->n_sups; i++)
		if (w->node[i].alive)
			print_node(w, &w->node[i]);
}
