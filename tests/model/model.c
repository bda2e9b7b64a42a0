/* The model test: random supervision trees, random events, the machine of lib/core and
 * a naive model of the same rules side by side.
 *
 *   model [--seed N] [--steps N] [--verbose]
 *
 * On a disagreement the list of events is made as short as it can be and printed. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "model/world.h"

#define STEPS_PER_SEED 600000
#define EVENTS_PER_TREE 500

/* Too big for a stack. */
static struct world world;
static struct scenario scenario;

/* An assertion of the core is a disagreement as any other. */
static void on_abort(int sig)
{
	(void)sig;
	signal(SIGABRT, on_abort);
	snprintf(world.failure, sizeof(world.failure), "an assertion of the machine");
	siglongjmp(world.escape, 1);
}

/* --- events made up as it goes --------------------------------------------- */

static struct event request(const struct node *nd, uint64_t *r)
{
	static const uint8_t kinds[] = { EV_TERMINATE, EV_TERMINATE, EV_RESTART,
		EV_RESTART, EV_RENEW, EV_DELETE, EV_ADD, EV_ADD };

	return (struct event){ .kind = kinds[model_below(r, ARRAY_LEN(kinds))],
		.sup = (uint8_t)nd->index,
		.slot = (uint8_t)model_below(r, nd->spec->n) };
}

static uint8_t exit_reason(const struct slot *slot, uint64_t *r)
{
	if (slot->kill_sent && model_chance(r, 70))
		return 4;
	if (slot->stop_sent && model_chance(r, 70))
		return 1;
	return (uint8_t)model_below(r, MODEL_NREASONS);
}

/* First starts fail seldom, or few trees would come up. */
static uint8_t process_event(
	const struct node *nd, const struct slot *slot, bool oneshot, uint64_t *r)
{
	unsigned k = model_below(r, 100);
	bool booting = nd->sup.phase == SUP_BOOTING;

	if (slot->process == PROCESS_WANTED)
		return k < (booting ? 97 : 85) ? EV_SPAWNED
			: model_chance(r, 60)  ? EV_START_FAILED
					       : EV_FOR_WANT;
	if (slot->child.state == CHILD_STARTING && !oneshot)
		return k < (booting ? 94 : 75) ? EV_READY
			: model_chance(r, 80)  ? EV_EXIT
					       : EV_IGNORED;
	return k < 96 ? EV_EXIT : k < 98 ? EV_READY : EV_DOOM;
}

/* Calm: requests come when nothing else is going on, where the rules settle all. */
static struct event make_event(struct node *nd, bool calm, uint64_t *r)
{
	struct event e = { .sup = (uint8_t)nd->index };
	unsigned k = model_below(r, 1000);
	const struct slot *slot;

	if (k < 200 && (!calm || node_is_quiet(nd) || model_chance(r, 10)))
		return request(nd, r);
	if (k < 350) {
		e.kind = EV_DUE;
	} else if (k < 480) {
		e.kind = EV_PASS;
		e.number = !calm && model_chance(r, 50)
			? model_below(r, 1000) * MSEC_NS
			: model_below(r, 7) * 500 * MSEC_NS;
	} else if (k < 486) {
		e.kind = model_chance(r, 80) ? EV_SHUTDOWN : EV_HURRY;
		e.reason = (uint8_t)model_below(r, 3);
	} else if (k < 500 && (!calm || node_is_quiet(nd))) {
		e.kind = EV_RELOAD;
		e.number = (int64_t)(model_random(r) >> 1);
	} else {
		e.slot = (uint8_t)model_below(r, nd->spec->n);
		slot = &nd->slot[e.slot];
		e.kind = process_event(
			nd, slot, nd->spec->slot[e.slot].policy.oneshot, r);
		e.reason = e.kind == EV_DOOM ? 6 : exit_reason(slot, r);
		/* Long lives let groups get somewhere. */
		if (e.kind == EV_EXIT && slot->child.state == CHILD_RUNNING &&
			model_chance(r, 70))
			e.kind = EV_PASS;
	}
	return e;
}

static struct node *some_node(uint64_t *r)
{
	unsigned i = model_below(r, scenario.n_sups);

	return world.node[i].alive ? &world.node[i] : &world.node[0];
}

/* An event is written down before it is played, so that a failure has it. */
static void play(const struct event *e)
{
	scenario_append(&scenario, e);
	if (world.verbose)
		event_print(&scenario, e);
	if (!world_play(&world, e))
		scenario.n_events--;
}

static void play_random(uint64_t *r)
{
	struct event e = { .kind = EV_BOOT };
	bool calm = model_chance(r, 60);

	world_init(&world, &scenario);
	play(&e);
	for (unsigned i = 0; i < EVENTS_PER_TREE && !world.over; i++) {
		e = make_event(some_node(r), calm, r);
		play(&e);
	}
	e = (struct event){ .kind = EV_SETTLE };
	play(&e);
	e = (struct event){ .kind = EV_SHUTDOWN, .reason = 1 };
	play(&e);
	e = (struct event){ .kind = EV_SETTLE };
	play(&e);
	if (!world.over)
		world_fail(&world, "it does not end though it was told to");
}

/* --- a failure made small -------------------------------------------------- */

static void play_list(void)
{
	world_init(&world, &scenario);
	for (size_t i = 0; i < scenario.n_events; i++) {
		if (world.verbose)
			event_print(&scenario, &scenario.events[i]);
		world_play(&world, &scenario.events[i]);
	}
}

/* True: plays the list again and fails. */
static bool fails_again(void)
{
	if (sigsetjmp(world.escape, 1) != 0) {
		if (world.verbose)
			world_print(&world);
		world_free(&world);
		return true;
	}
	play_list();
	world_free(&world);
	return false;
}

static bool drop_events(size_t at, size_t n)
{
	size_t bytes = n * sizeof(struct event);
	struct event *kept = malloc(bytes);
	struct event *from = &scenario.events[at];
	size_t after = (scenario.n_events - at - n) * sizeof(struct event);
	bool failed;

	if (!kept)
		abort();
	memcpy(kept, from, bytes);
	memmove(from, from + n, after);
	scenario.n_events -= n;
	failed = fails_again();
	if (!failed) {
		memmove(from + n, from, after);
		memcpy(from, kept, bytes);
		scenario.n_events += n;
	}
	free(kept);
	return failed;
}

static bool shrink_events(void)
{
	bool any = false;

	for (size_t n = scenario.n_events / 2; n > 0; n /= 2)
		for (size_t at = scenario.n_events; at-- > 0;)
			if (at + n <= scenario.n_events && drop_events(at, n))
				any = true;
	return any;
}

/* A declared child that is not needed is turned into a spare that never comes. */
static bool shrink_children(void)
{
	bool any = false;

	for (unsigned s = 0; s < scenario.n_sups; s++)
		for (unsigned i = 0; i < scenario.sup[s].n; i++) {
			struct slot_spec *slot = &scenario.sup[s].slot[i];

			if (!slot->declared)
				continue;
			slot->declared = false;
			if (fails_again())
				any = true;
			else
				slot->declared = true;
		}
	return any;
}

static int report(uint64_t seed)
{
	printf("model: seed %llu: %s\n", (unsigned long long)seed, world.failure);
	world_free(&world);
	world.verbose = false;
	if (!fails_again()) {
		printf("model: and cannot be played again\n");
		return 1;
	}
	while (shrink_events() || shrink_children())
		;
	printf("\n");
	scenario_print(&scenario);
	world.verbose = true;
	fails_again();
	printf("\nmodel: seed %llu: %s\n", (unsigned long long)seed, world.failure);
	return 1;
}

/* --- runs ------------------------------------------------------------------ */

static uint64_t trees;

static int run_seed(uint64_t seed, uint64_t steps)
{
	/* Outlives the jump. */
	static uint64_t random;
	uint64_t until = world.steps + steps;

	random = seed;
	while (world.steps < until) {
		scenario_make(&scenario, &random, model_chance(&random, 40));
		if (world.verbose)
			scenario_print(&scenario);
		if (sigsetjmp(world.escape, 1) != 0)
			return report(seed);
		play_random(&random);
		world_free(&world);
		trees++;
	}
	return 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: model [--seed N] [--steps N] [--verbose]\n");
	return 2;
}

int main(int argc, char **argv)
{
	uint64_t seeds[] = { 1, 2, 3, (uint64_t)clock_wall() / 1000 % 1000000000 };
	uint64_t steps = STEPS_PER_SEED;
	size_t first = 0;
	int status = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--verbose") == 0) {
			world.verbose = true;
		} else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
			first = ARRAY_LEN(seeds) - 1;
			seeds[first] = strtoull(argv[++i], NULL, 10);
		} else if (strcmp(argv[i], "--steps") == 0 && i + 1 < argc) {
			steps = strtoull(argv[++i], NULL, 10);
		} else {
			return usage();
		}
	}
	signal(SIGABRT, on_abort);
	for (size_t i = first; i < ARRAY_LEN(seeds) && status == 0; i++)
		status = run_seed(seeds[i], steps);
	scenario_free(&scenario);
	if (status == 0)
		printf("model: %llu of %llu steps compared exactly\n"
		       "model: %llu steps in %llu trees, seed %llu: ok\n",
			(unsigned long long)world.exact,
			(unsigned long long)world.steps,
			(unsigned long long)world.steps, (unsigned long long)trees,
			(unsigned long long)seeds[ARRAY_LEN(seeds) - 1]);
	return status;
}
