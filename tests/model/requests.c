/* The requests of the API and the reload, asked of both models. */
#include <string.h>

#include "model/world.h"

bool world_waiter(struct node *nd, unsigned *ret)
{
	for (unsigned i = 0; i < NAIVE_WAITERS; i++)
		if (!nd->asked[i]) {
			nd->waiter[i] = (struct waiter){ .tag = &nd->waiter[i] };
			nd->asked[i] = true;
			*ret = i;
			return true;
		}
	return false;
}

void world_add(struct world *w, struct node *nd, unsigned i, unsigned waiter)
{
	const struct slot_spec *spec = &nd->spec->slot[i];
	struct slot *slot = &nd->slot[i];
	bool twin = slot->listed;
	struct child *c = twin ? &slot->twin : &slot->child;

	world_begin(nd);
	if (!nd->naive.lost)
		naive_start_child(&nd->naive, i, &spec->policy, waiter, w->now);
	slot->listed = true;
	slot->armed = twin ? slot->armed : -1;
	*c = (struct child){ 0 };
	sup_start_child(
		&nd->sup, c, spec->id, &spec->policy, &nd->waiter[waiter], w->now);
	world_settle(w, nd);
	if (twin && nd->alive && nd->twin_back != (int)i)
		world_fail(w, "%s: the refused twin is not given back", spec->id);
}

void world_request(
	struct world *w, struct node *nd, const struct event *e, unsigned waiter)
{
	struct child *c = &nd->slot[e->slot].child;
	struct waiter *wt = &nd->waiter[waiter];
	bool lost = nd->naive.lost;

	world_begin(nd);
	if (e->kind == EV_TERMINATE) {
		if (!lost)
			naive_terminate(&nd->naive, e->slot, waiter, w->now);
		sup_terminate_child(&nd->sup, c, wt, w->now);
	} else if (e->kind == EV_RESTART) {
		if (!lost)
			naive_restart(&nd->naive, e->slot, waiter, w->now);
		sup_restart_child(&nd->sup, c, wt, w->now);
	} else if (e->kind == EV_RENEW) {
		if (!lost)
			naive_renew(&nd->naive, e->slot, waiter, w->now);
		sup_renew_child(&nd->sup, c, wt, w->now);
	} else {
		if (!lost)
			naive_delete(&nd->naive, e->slot, waiter);
		sup_delete_child(&nd->sup, c, wt, w->now);
	}
	world_settle(w, nd);
}

/* --- reload ---------------------------------------------------------------- */

struct new_order {
	struct child *at[MODEL_SLOTS];
	uint32_t n;
};

static void shuffle_in(struct new_order *order, struct child *c, uint64_t *random)
{
	uint32_t place =
		model_chance(random, 60) ? order->n : model_below(random, order->n + 1);

	memmove(&order->at[place + 1], &order->at[place],
		(order->n - place) * sizeof(order->at[0]));
	order->at[place] = c;
	order->n++;
}

static void reload_slot(
	struct node *nd, unsigned i, struct new_order *order, uint64_t *random)
{
	const struct slot_spec *spec = &nd->spec->slot[i];
	struct slot *slot = &nd->slot[i];
	enum reload_act act;

	if (slot->listed && slot->child.added)
		return;
	if (!slot->listed) {
		if (!model_chance(random, 40))
			return;
		slot->listed = slot->fresh = true;
		slot->child = (struct child){ 0 };
		slot->armed = -1;
		sup_reload_insert(&nd->sup, &slot->child, spec->id, &spec->policy);
		shuffle_in(order, &slot->child, random);
		return;
	}
	if (slot->child.removing)
		act = RELOAD_REMOVE;
	else
		act = model_chance(random, 70)	   ? RELOAD_KEEP
			: model_chance(random, 50) ? RELOAD_RENEW
						   : RELOAD_REMOVE;
	slot->leaving = act == RELOAD_REMOVE;
	sup_reload_child(&nd->sup, &slot->child, act, spec->id, &spec->policy);
	if (act != RELOAD_REMOVE)
		shuffle_in(order, &slot->child, random);
}

void world_reload(struct world *w, struct node *nd, uint64_t random)
{
	struct new_order order = { .n = 0 };
	struct sup_policy policy = nd->spec->policy;

	world_begin(nd);
	nd->naive.lost = true;
	if (model_chance(&random, 30) && policy.max_restarts != POLICY_NO_LIMIT)
		policy.max_restarts = model_below(&random, 6);
	if (sup_reload_begin(&nd->sup, &policy, MODEL_SLOTS) != 0)
		world_fail(w, "no memory");
	for (unsigned i = 0; i < nd->spec->n; i++)
		reload_slot(nd, i, &order, &random);
	sup_reload_end(&nd->sup, order.at, order.n, w->now);
	for (uint32_t i = 0, k = 0; k < order.n && i < nd->sup.n; k++)
		while (nd->sup.children[i++] != order.at[k])
			if (i == nd->sup.n ||
				!nd->slot[node_slot(nd, nd->sup.children[i - 1])]
					 .leaving)
				world_fail(w, "%s is not where the reload wants it",
					order.at[k]->id);
	world_settle(w, nd);
}
