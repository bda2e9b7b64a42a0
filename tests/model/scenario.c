/* Random supervisors. The ranges are small on purpose: few children, short windows and
 * low limits meet each other more often than realistic ones. */
#include "model/scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macro.h"

const char *const model_event_names[EV_NEVENTS] = {
#define X(id, name) [EV_##id] = name,
	MODEL_EVENTS(X)
#undef X
};

const char *const model_reasons[MODEL_NREASONS] = { "normal", "shutdown",
	"shutdown:done", "exit:1", "killed", "signal:SIGSEGV", "unhealthy" };

uint64_t model_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

unsigned model_below(uint64_t *state, unsigned limit)
{
	return (unsigned)(model_random(state) % limit);
}

bool model_chance(uint64_t *state, unsigned percent)
{
	return model_below(state, 100) < percent;
}

static int64_t random_shutdown(uint64_t *r)
{
	unsigned k = model_below(r, 100);

	if (k < 15)
		return POLICY_BRUTAL_KILL;
	if (k < 25)
		return 0;
	if (k < 40)
		return POLICY_INFINITY;
	return (1 + model_below(r, 4)) * SEC_NS;
}

static struct backoff random_backoff(uint64_t *r)
{
	static const double factors[] = { 1, 1.5, 2 };
	struct backoff b = { .initial_ns = (1 + model_below(r, 8)) * 100 * MSEC_NS };

	b.max_ns = b.initial_ns * (1 + model_below(r, 5));
	b.reset_after_ns = (1 + model_below(r, 3)) * SEC_NS;
	b.factor = factors[model_below(r, ARRAY_LEN(factors))];
	b.jitter = model_chance(r, 50) ? 0 : 0.2;
	return b;
}

static struct child_policy random_child(uint64_t *r, const struct sup_policy *sup)
{
	struct child_policy p = { .type = CHILD_WORKER, .autostart = true };
	unsigned k = model_below(r, 100);

	p.restart = k < 50 ? RESTART_PERMANENT
		: k < 80   ? RESTART_TRANSIENT
			   : RESTART_TEMPORARY;
	if (sup->auto_shutdown != AUTO_NEVER && p.restart != RESTART_PERMANENT)
		p.significant = model_chance(r, 60);
	if (p.restart != RESTART_PERMANENT && !p.significant)
		p.oneshot = model_chance(r, 25);
	p.shutdown_ns = random_shutdown(r);
	p.start_timeout_ns = model_chance(r, 60) ? POLICY_INFINITY
						 : (1 + model_below(r, 3)) * SEC_NS;
	if (p.restart != RESTART_TEMPORARY && model_chance(r, 20))
		p.backoff = random_backoff(r);
	return p;
}

static struct sup_policy random_sup(uint64_t *r, bool may_be_dynamic)
{
	struct sup_policy p = { .max_children = POLICY_NO_LIMIT };

	p.dynamic = may_be_dynamic && model_chance(r, 20);
	if (!p.dynamic) {
		p.strategy = (uint8_t)model_below(r, STRATEGY_NSTRATEGIES);
		if (model_chance(r, 30))
			p.auto_shutdown = (uint8_t)model_below(r, AUTO_NAUTOS);
	} else if (model_chance(r, 70)) {
		p.max_children = model_below(r, 5);
	}
	p.max_restarts = model_chance(r, 15)
		? POLICY_NO_LIMIT
		: model_below(r, model_chance(r, 50) ? 4 : 20);
	p.max_seconds_ns = (1 + model_below(r, 5)) * SEC_NS;
	return p;
}

static void make_slot(struct scenario *sc, unsigned parent, unsigned depth,
	struct slot_spec *slot, uint64_t *r);

static void make_sup(
	struct scenario *sc, unsigned i, unsigned depth, bool tree, uint64_t *r)
{
	struct sup_spec *sup = &sc->sup[i];
	unsigned declared, spare;

	sup->policy = random_sup(r, i != 0 || !tree);
	declared = sup->policy.dynamic ? 0 : model_below(r, 6) + (tree ? 1 : 0);
	spare = sup->policy.dynamic ? 6 : 2;
	sup->n = declared + spare;
	for (unsigned k = 0; k < sup->n; k++) {
		struct slot_spec *slot = &sup->slot[k];

		*slot = (struct slot_spec){ .declared = k < declared, .sup = -1 };
		slot->policy = random_child(r, &sup->policy);
		if (slot->declared && model_chance(r, 10))
			slot->policy.autostart = false;
		snprintf(slot->id, sizeof(slot->id), "%c%u", (int)('a' + k), i);
		if (tree)
			make_slot(sc, i, depth, slot, r);
	}
}

/* Some children are supervisors themselves. */
static void make_slot(struct scenario *sc, unsigned parent, unsigned depth,
	struct slot_spec *slot, uint64_t *r)
{
	bool want = parent == 0 ? model_chance(r, 60) : model_chance(r, 30);

	if (!want || depth + 1 == MODEL_DEPTH || sc->n_sups == MODEL_SUPS)
		return;
	slot->sup = (int8_t)sc->n_sups++;
	slot->policy.oneshot = false;
	make_sup(sc, (unsigned)slot->sup, depth + 1, true, r);
	slot->policy.type = sc->sup[slot->sup].policy.dynamic ? CHILD_DYNAMIC_SUPERVISOR
							      : CHILD_SUPERVISOR;
}

void scenario_make(struct scenario *sc, uint64_t *random, bool tree)
{
	sc->n_events = 0;
	sc->n_sups = 1;
	make_sup(sc, 0, 0, tree, random);
}

void scenario_append(struct scenario *sc, const struct event *e)
{
	if (sc->n_events == sc->cap) {
		sc->cap = sc->cap ? 2 * sc->cap : 256;
		sc->events = realloc(sc->events, sc->cap * sizeof(*sc->events));
		if (!sc->events)
			abort();
	}
	sc->events[sc->n_events++] = *e;
}

void scenario_free(struct scenario *sc)
{
	free(sc->events);
	*sc = (struct scenario){ 0 };
}

static void print_time(const char *name, int64_t ns)
{
	if (ns == POLICY_INFINITY)
		printf(" %s=infinity", name);
	else if (ns == POLICY_BRUTAL_KILL)
		printf(" %s=brutal_kill", name);
	else
		printf(" %s=%.1fs", name, (double)ns / 1e9);
}

static void print_slot(const struct slot_spec *slot)
{
	const struct child_policy *p = &slot->policy;

	printf("    %s%s %s", slot->declared ? "" : "(spare) ", slot->id,
		restart_type_names[p->restart]);
	if (slot->sup >= 0)
		printf(" sup=%d", slot->sup);
	if (p->significant)
		printf(" significant");
	if (!p->autostart)
		printf(" autostart=false");
	if (p->oneshot)
		printf(" oneshot");
	print_time("shutdown", p->shutdown_ns);
	print_time("start_timeout", p->start_timeout_ns);
	if (p->backoff.initial_ns)
		printf(" backoff=%.1fs*%.1f..%.1fs~%.1f,%.1fs",
			(double)p->backoff.initial_ns / 1e9, p->backoff.factor,
			(double)p->backoff.max_ns / 1e9, p->backoff.jitter,
			(double)p->backoff.reset_after_ns / 1e9);
	putchar('\n');
}

void scenario_print(const struct scenario *sc)
{
	for (unsigned i = 0; i < sc->n_sups; i++) {
		const struct sup_policy *p = &sc->sup[i].policy;

		printf("  sup %u: %s auto_shutdown=%s max_restarts=%d in %.0fs", i,
			p->dynamic ? "dynamic" : strategy_names[p->strategy],
			auto_shutdown_names[p->auto_shutdown],
			p->max_restarts == POLICY_NO_LIMIT ? -1 : (int)p->max_restarts,
			(double)p->max_seconds_ns / 1e9);
		if (p->max_children != POLICY_NO_LIMIT)
			printf(" max_children=%u", p->max_children);
		putchar('\n');
		for (unsigned k = 0; k < sc->sup[i].n; k++)
			print_slot(&sc->sup[i].slot[k]);
	}
}

void event_print(const struct scenario *sc, const struct event *e)
{
	printf("%s", model_event_names[e->kind]);
	switch ((enum model_event)e->kind) {
	case EV_PASS:
		printf(" %.3fs\n", (double)e->number / 1e9);
		return;
	case EV_DUE:
	case EV_SETTLE:
		putchar('\n');
		return;
	case EV_SHUTDOWN:
	case EV_HURRY:
	case EV_BOOT:
	case EV_RELOAD:
		printf(" sup %u", e->sup);
		break;
	case EV_SPAWNED:
	case EV_READY:
	case EV_IGNORED:
	case EV_START_FAILED:
	case EV_FOR_WANT:
	case EV_EXIT:
	case EV_DOOM:
	case EV_TERMINATE:
	case EV_RESTART:
	case EV_RENEW:
	case EV_DELETE:
	case EV_ADD:
	case EV_NEVENTS:
		printf(" %s", sc->sup[e->sup].slot[e->slot].id);
		break;
	}
	if (e->kind == EV_EXIT || e->kind == EV_DOOM || e->kind == EV_SHUTDOWN)
		printf(" %s", model_reasons[e->reason]);
	putchar('\n');
}
