/* Plays events: to the naive model, to the machine, and what follows from them to the
 * supervisors above and below. */
#include "model/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void world_fail(struct world *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(w->failure, sizeof(w->failure), fmt, ap);
	va_end(ap);
	siglongjmp(w->escape, 1);
}

void world_note(struct world *w, enum note_kind kind, const struct node *nd,
	unsigned slot, const char *reason)
{
	struct note *note;

	if (w->n_notes == WORLD_NOTES)
		world_fail(w, "the supervisors write each other without end");
	note = &w->notes[(w->first_note + w->n_notes++) % WORLD_NOTES];
	*note = (struct note){ .kind = (uint8_t)kind,
		.node = (uint8_t)nd->index,
		.slot = (uint8_t)slot,
		.life = nd->life };
	snprintf(note->reason, sizeof(note->reason), "%s", reason);
}

static void node_close(struct node *nd)
{
	if (nd->alive)
		sup_done(&nd->sup);
	nd->alive = false;
	nd->life++;
}

static void node_kill(struct world *w, struct node *nd)
{
	if (!nd->alive)
		return;
	for (unsigned i = 0; i < nd->spec->n; i++)
		if (nd->spec->slot[i].sup >= 0)
			node_kill(w, &w->node[nd->spec->slot[i].sup]);
	node_close(nd);
}

/* Every machine event ends here. */
void world_settle(struct world *w, struct node *nd)
{
	w->steps++;
	world_take(w, nd);
	world_check(w, nd);
	if (!nd->naive.lost) {
		world_compare(w, nd);
		w->exact++;
	} else if (node_is_quiet(nd)) {
		world_resync(nd);
	}
	if (w->verbose)
		world_print(w);
	if (nd->ended) {
		if (nd->parent >= 0)
			world_note(w, NOTE_EXIT, &w->node[nd->parent], nd->parent_slot,
				nd->sup.reason.text);
		else
			w->over = true;
		node_close(nd);
	} else if (nd->up && nd->parent >= 0) {
		world_note(w, NOTE_READY, &w->node[nd->parent], nd->parent_slot, "");
	}
	nd->up = false;
}

void world_begin(struct node *nd)
{
	nd->deeds.n = nd->naive.deeds.n = 0;
	nd->twin_back = -1;
}

static void node_boot(struct world *w, unsigned index)
{
	struct node *nd = &w->node[index];
	unsigned life = nd->life;
	int parent = nd->parent;
	unsigned parent_slot = nd->parent_slot;

	if (nd->alive)
		world_fail(w, "supervisor %u is started twice", index);
	*nd = (struct node){ .alive = true, .index = index, .life = life };
	nd->parent = parent;
	nd->parent_slot = parent_slot;
	nd->spec = &w->sc->sup[index];
	if (sup_init(&nd->sup, &nd->spec->policy, index + 1) != 0)
		world_fail(w, "no memory");
	for (unsigned i = 0; i < nd->spec->n; i++) {
		const struct slot_spec *slot = &nd->spec->slot[i];

		nd->slot[i].armed = -1;
		if (!slot->declared)
			continue;
		nd->slot[i].listed = true;
		if (sup_add(&nd->sup, &nd->slot[i].child, slot->id, &slot->policy) != 0)
			world_fail(w, "no memory");
	}
	naive_init(&nd->naive, nd->spec);
	world_begin(nd);
	naive_boot(&nd->naive, w->now);
	sup_boot(&nd->sup, w->now);
	world_settle(w, nd);
}

static void process_is_gone(struct slot *slot)
{
	slot->process = PROCESS_NONE;
	slot->stop_sent = slot->kill_sent = slot->ready_sent = false;
}

static void play_spawned(struct world *w, struct node *nd, unsigned i)
{
	world_begin(nd);
	nd->slot[i].process = PROCESS_ALIVE;
	if (!nd->naive.lost)
		naive_spawned(&nd->naive, i);
	sup_spawned(&nd->sup, &nd->slot[i].child, w->now);
	world_settle(w, nd);
}

static void play_ready(struct world *w, struct node *nd, unsigned i)
{
	world_begin(nd);
	nd->slot[i].process = PROCESS_ALIVE;
	nd->slot[i].ready_sent = true;
	if (!nd->naive.lost)
		naive_ready(&nd->naive, i, w->now);
	sup_ready(&nd->sup, &nd->slot[i].child, w->now);
	world_settle(w, nd);
}

static void play_ignored(struct world *w, struct node *nd, unsigned i)
{
	world_begin(nd);
	process_is_gone(&nd->slot[i]);
	if (!nd->naive.lost)
		naive_ignored(&nd->naive, i, w->now);
	sup_ignored(&nd->sup, &nd->slot[i].child, w->now);
	world_settle(w, nd);
}

static void play_start_failed(struct world *w, struct node *nd, unsigned i, bool want)
{
	static const char text[] = "failed_to_start:exec:ENOENT";
	struct reason reason = reason_text(text);

	world_begin(nd);
	process_is_gone(&nd->slot[i]);
	if (!nd->naive.lost)
		naive_start_failed(&nd->naive, i, text, want, w->now);
	sup_start_failed(&nd->sup, &nd->slot[i].child, &reason, want, w->now);
	world_settle(w, nd);
}

/* Reasons of supervisors are composed; the models keep pointers. */
static const char *keep_reason(const char *text)
{
	static char kept[64][KICK_REASON_MAX];
	static unsigned n;

	for (unsigned i = 0; i < n; i++)
		if (strcmp(kept[i], text) == 0)
			return kept[i];
	if (n == ARRAY_LEN(kept))
		n = 0;
	snprintf(kept[n], sizeof(kept[n]), "%s", text);
	return kept[n++];
}

static void play_exit(struct world *w, struct node *nd, unsigned i, const char *text)
{
	struct reason reason = reason_text(text);

	world_begin(nd);
	process_is_gone(&nd->slot[i]);
	if (!nd->naive.lost)
		naive_exited(&nd->naive, i, keep_reason(text), w->now);
	sup_exited(&nd->sup, &nd->slot[i].child, &reason, w->now);
	world_settle(w, nd);
}

static void play_due(struct world *w, struct node *nd, unsigned i)
{
	world_begin(nd);
	if (w->now < nd->slot[i].armed)
		w->now = nd->slot[i].armed;
	if (!nd->naive.lost)
		naive_due(&nd->naive, i, w->now);
	sup_due(&nd->sup, &nd->slot[i].child, w->now);
	world_settle(w, nd);
}

static void play_doom(struct world *w, struct node *nd, unsigned i, const char *text)
{
	struct reason reason = reason_text(text);

	world_begin(nd);
	if (!nd->naive.lost)
		naive_doom(&nd->naive, i, text, w->now);
	sup_doom(&nd->sup, &nd->slot[i].child, &reason, w->now);
	world_settle(w, nd);
}

/* An end that was ordered is settled even by a model that is lost, if only nobody is
 * on the way down. */
static void find_again(struct node *nd)
{
	if (!nd->naive.lost || nd->sup.phase >= SUP_ENDING)
		return;
	for (unsigned i = 0; i < nd->spec->n; i++)
		if (nd->slot[i].listed && nd->slot[i].child.state == CHILD_STOPPING)
			return;
	world_resync(nd);
}

static void play_end(struct world *w, struct node *nd, const char *text, bool hurry)
{
	struct reason reason = reason_text(text);

	world_begin(nd);
	find_again(nd);
	if (!nd->naive.lost)
		naive_end(&nd->naive, text, hurry, w->now);
	if (hurry)
		sup_hurry(&nd->sup, &reason, w->now);
	else
		sup_shutdown(&nd->sup, &reason, w->now);
	world_settle(w, nd);
}

/* --- events ---------------------------------------------------------------- */

bool world_next_due(struct world *w, unsigned *ret_node, unsigned *ret_slot)
{
	int64_t first = INT64_MAX;

	for (unsigned n = 0; n < w->sc->n_sups; n++) {
		const struct node *nd = &w->node[n];

		for (unsigned i = 0; nd->alive && i < nd->spec->n; i++) {
			const struct slot *slot = &nd->slot[i];

			if (!slot->listed || slot->armed < 0 || slot->armed >= first)
				continue;
			first = slot->armed;
			*ret_node = n;
			*ret_slot = i;
		}
	}
	return first != INT64_MAX;
}

static bool play_pass(struct world *w, int64_t ns)
{
	unsigned node, slot;

	if (world_next_due(w, &node, &slot)) {
		int64_t left = w->node[node].slot[slot].armed - w->now;

		ns = ns < left ? ns : left;
	}
	if (ns <= 0)
		return false;
	w->now += ns;
	return true;
}

static bool settle_slot(struct world *w, struct node *nd, unsigned i)
{
	const struct slot_spec *spec = &nd->spec->slot[i];
	struct event e = { .sup = (uint8_t)nd->index, .slot = (uint8_t)i };
	struct slot *slot = &nd->slot[i];

	if (slot->process == PROCESS_NONE || spec->sup >= 0)
		return false;
	if (slot->process == PROCESS_WANTED) {
		e.kind = EV_SPAWNED;
	} else if (slot->child.state == CHILD_STOPPING) {
		e.kind = EV_EXIT;
		e.reason = slot->kill_sent ? 4 : 1;
	} else if (slot->child.state == CHILD_STARTING) {
		e.kind = spec->policy.oneshot ? EV_EXIT : EV_READY;
	} else {
		return false;
	}
	return world_play(w, &e);
}

static bool settle_step(struct world *w)
{
	struct event due = { .kind = EV_DUE };

	for (unsigned n = 0; n < w->sc->n_sups; n++)
		for (unsigned i = 0; i < MODEL_SLOTS; i++)
			if (w->node[n].alive && settle_slot(w, &w->node[n], i))
				return true;
	return world_play(w, &due);
}

/* From now on every child does what it is told: all must come to rest. */
static void play_settle(struct world *w)
{
	unsigned left = 5000;

	while (settle_step(w))
		if (left-- == 0)
			world_fail(w, "no rest, though every child does as it is told");
	for (unsigned n = 0; n < w->sc->n_sups; n++) {
		struct node *nd = &w->node[n];

		if (!nd->alive)
			continue;
		if (!node_is_quiet(nd))
			world_fail(w, "supervisor %u waits for nothing", n);
		for (unsigned i = 0; i < NAIVE_WAITERS; i++)
			if (nd->asked[i])
				world_fail(w, "waiter %u was never answered", i);
	}
}

static bool play_request_event(struct world *w, struct node *nd, const struct event *e)
{
	struct slot *slot = &nd->slot[e->slot];
	unsigned waiter;

	if (e->kind != EV_ADD && !slot->listed)
		return false;
	if (nd->sup.phase == SUP_NEW || !world_waiter(nd, &waiter))
		return false;
	if (e->kind == EV_ADD)
		world_add(w, nd, e->slot, waiter);
	else
		world_request(w, nd, e, waiter);
	return true;
}

/* What a process does, or others to it. */
static bool play_process_event(struct world *w, struct node *nd, const struct event *e)
{
	struct slot *slot = &nd->slot[e->slot];
	const struct slot_spec *spec = &nd->spec->slot[e->slot];
	bool worker = spec->sup < 0, starting = slot->child.state == CHILD_STARTING;
	bool wanted = slot->process == PROCESS_WANTED;
	bool alive = slot->process == PROCESS_ALIVE;

	if (e->kind == EV_SPAWNED && wanted) {
		play_spawned(w, nd, e->slot);
	} else if (e->kind == EV_READY && worker && !spec->policy.oneshot && alive &&
		!slot->ready_sent) {
		play_ready(w, nd, e->slot);
	} else if (e->kind == EV_IGNORED && worker && alive && starting) {
		play_ignored(w, nd, e->slot);
	} else if ((e->kind == EV_START_FAILED || e->kind == EV_FOR_WANT) && worker &&
		wanted && starting) {
		play_start_failed(w, nd, e->slot, e->kind == EV_FOR_WANT);
	} else if (e->kind == EV_EXIT && alive) {
		if (!worker)
			node_kill(w, &w->node[spec->sup]);
		play_exit(w, nd, e->slot, worker ? model_reasons[e->reason] : "killed");
	} else if (e->kind == EV_DOOM && slot->process != PROCESS_NONE) {
		play_doom(w, nd, e->slot, model_reasons[e->reason]);
	} else {
		return false;
	}
	return true;
}

static bool play_one(struct world *w, const struct event *e)
{
	struct node *nd = &w->node[e->sup];
	unsigned node, slot;

	switch ((enum model_event)e->kind) {
	case EV_BOOT:
		node_boot(w, e->sup);
		return true;
	case EV_DUE:
		if (!world_next_due(w, &node, &slot))
			return false;
		play_due(w, &w->node[node], slot);
		return true;
	case EV_PASS:
		return play_pass(w, e->number);
	case EV_SETTLE:
		play_settle(w);
		return true;
	case EV_SHUTDOWN:
	case EV_HURRY:
		if (!nd->alive)
			return false;
		play_end(w, nd, model_reasons[e->reason], e->kind == EV_HURRY);
		return true;
	case EV_RELOAD:
		if (!nd->alive || nd->spec->policy.dynamic ||
			nd->sup.phase != SUP_SERVING)
			return false;
		world_reload(w, nd, (uint64_t)e->number);
		return true;
	case EV_TERMINATE:
	case EV_RESTART:
	case EV_RENEW:
	case EV_DELETE:
	case EV_ADD:
		return nd->alive && e->slot < nd->spec->n &&
			play_request_event(w, nd, e);
	case EV_SPAWNED:
	case EV_READY:
	case EV_IGNORED:
	case EV_START_FAILED:
	case EV_FOR_WANT:
	case EV_EXIT:
	case EV_DOOM:
		return nd->alive && e->slot < nd->spec->n && nd->slot[e->slot].listed &&
			play_process_event(w, nd, e);
	case EV_NEVENTS:
		break;
	}
	return false;
}

static void deliver(struct world *w, const struct note *note)
{
	struct node *nd = &w->node[note->node];
	struct slot *slot = &nd->slot[note->slot];
	struct node *sub;

	if (!nd->alive || nd->life != note->life)
		return;
	sub = &w->node[nd->spec->slot[note->slot].sup];
	switch ((enum note_kind)note->kind) {
	case NOTE_BOOT:
		sub->parent = (int)nd->index;
		sub->parent_slot = note->slot;
		play_spawned(w, nd, note->slot);
		node_boot(w, sub->index);
		break;
	case NOTE_STOP:
		if (sub->alive)
			play_end(w, sub, "shutdown", false);
		break;
	case NOTE_KILL:
		if (!sub->alive)
			break;
		node_kill(w, sub);
		play_exit(w, nd, note->slot, "killed");
		break;
	case NOTE_READY:
		if (slot->process == PROCESS_ALIVE && sub->alive)
			play_ready(w, nd, note->slot);
		break;
	case NOTE_EXIT:
		if (slot->process == PROCESS_ALIVE)
			play_exit(w, nd, note->slot, note->reason);
		break;
	}
}

bool world_play(struct world *w, const struct event *e)
{
	bool played;

	if (w->over)
		return false;
	played = play_one(w, e);
	while (w->n_notes > 0) {
		struct note note = w->notes[w->first_note];

		w->first_note = (w->first_note + 1) % WORLD_NOTES;
		w->n_notes--;
		deliver(w, &note);
	}
	return played;
}

void world_init(struct world *w, const struct scenario *sc)
{
	w->sc = sc;
	w->now = SEC_NS;
	w->first_note = w->n_notes = 0;
	w->over = false;
	w->failure[0] = '\0';
	for (unsigned i = 0; i < MODEL_SUPS; i++) {
		w->node[i].alive = false;
		w->node[i].life = 0;
		w->node[i].index = i;
		w->node[i].parent = -1;
	}
}

void world_free(struct world *w)
{
	for (unsigned i = 0; i < MODEL_SUPS; i++)
		node_close(&w->node[i]);
}
