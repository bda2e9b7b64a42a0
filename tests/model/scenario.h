/* What is played: supervisors with their children, written down before the start, and
 * a list of events. An event that does not apply when its turn comes does nothing, so
 * that any part of the list can be left out. */
#ifndef KICK_TESTS_MODEL_SCENARIO_H
#define KICK_TESTS_MODEL_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/policy.h"

#define MODEL_SLOTS 9
#define MODEL_SUPS 8
#define MODEL_DEPTH 4

#define MODEL_EVENTS(X)                 \
	X(SPAWNED, "spawned")           \
	X(READY, "ready")               \
	X(IGNORED, "ignored")           \
	X(START_FAILED, "start_failed") \
	X(FOR_WANT, "for_want")         \
	X(EXIT, "exit")                 \
	X(DUE, "due")                   \
	X(PASS, "pass")                 \
	X(DOOM, "doom")                 \
	X(TERMINATE, "terminate_child") \
	X(RESTART, "restart_child")     \
	X(RENEW, "renew_child")         \
	X(DELETE, "delete_child")       \
	X(ADD, "start_child")           \
	X(RELOAD, "reload")             \
	X(SHUTDOWN, "shutdown")         \
	X(HURRY, "hurry")               \
	X(BOOT, "boot")                 \
	X(SETTLE, "settle")

enum model_event {
#define X(id, name) EV_##id,
	MODEL_EVENTS(X)
#undef X
	EV_NEVENTS
};

extern const char *const model_event_names[EV_NEVENTS];

struct event {
	uint8_t kind; /* enum model_event */
	uint8_t sup;
	uint8_t slot;
	uint8_t reason; /* index into model_reasons */
	int64_t number; /* nanoseconds to pass; seed of a reload */
};

/* What a process may end with. The first is normal. */
#define MODEL_NREASONS 7
extern const char *const model_reasons[MODEL_NREASONS];

/* A place for a child: declared ones are there from the start, the others are what
 * start_child and a reload may add. */
struct slot_spec {
	char id[16];
	struct child_policy policy;
	bool declared;
	int8_t sup; /* of a supervisor: which; -1 for a worker */
};

struct sup_spec {
	struct sup_policy policy;
	unsigned n;
	struct slot_spec slot[MODEL_SLOTS];
};

struct scenario {
	unsigned n_sups; /* the first is the top */
	struct sup_spec sup[MODEL_SUPS];
	struct event *events; /* allocated */
	size_t n_events, cap;
};

/* The generator of all randomness here. */
uint64_t model_random(uint64_t *state);
unsigned model_below(uint64_t *state, unsigned limit);
bool model_chance(uint64_t *state, unsigned percent);

/* New random supervisors, no events; the memory of the old events is used again. With
 * `tree` some children are supervisors. */
void scenario_make(struct scenario *sc, uint64_t *random, bool tree);
void scenario_append(struct scenario *sc, const struct event *e);
void scenario_free(struct scenario *sc);

void scenario_print(const struct scenario *sc);
void event_print(const struct scenario *sc, const struct event *e);

#endif
