/* The rules of a supervisor a second time, as one would tell them: one operation after
 * the other, whole lists looked through at each event, all restart times kept. Where
 * two operations overlap and the rules do not say what comes first, it says that it is
 * lost and is told by its caller where things stand once they are quiet again. */
#ifndef KICK_TESTS_MODEL_NAIVE_H
#define KICK_TESTS_MODEL_NAIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/sup.h"
#include "model/scenario.h"

#define NAIVE_WAITERS 32
#define NAIVE_DEEDS 128
#define NAIVE_TIMES 1024

/* Something that a supervisor does, told in the same words for both models. */
enum deed_class {
	DEED_ORDER, /* who: slot; what: FX_SPAWN, FX_STOP, FX_KILL */
	DEED_EVENT, /* who: slot, or DEED_NOBODY; what: enum sup_event */
	DEED_REPLY, /* who: waiter; what: enum sup_result */
	DEED_GONE,  /* who: slot */
	DEED_UP,
	DEED_END,
};

#define DEED_NOBODY 255

struct deed {
	uint8_t class, who, what;
};

struct deeds {
	unsigned n;
	struct deed at[NAIVE_DEEDS];
};

void deed_add(struct deeds *d, enum deed_class class, unsigned who, unsigned what);

/* Why a child is being stopped. */
enum naive_why {
	WHY_COMMAND,
	WHY_RENEW,
	WHY_GROUP,
	WHY_FAULT,
	WHY_END
};

struct naive_child {
	bool here;
	const struct child_policy *policy;
	uint8_t state; /* enum child_state */
	uint8_t other; /* a state that the rules would allow as well */
	uint8_t why;   /* enum naive_why, while stopping */
	bool sticky, added, adding, manual, tried, started, killed;
	bool was_starting; /* when it was doomed */
	bool halt, go;	   /* its part in the group operation */
	bool vague_exit;   /* last_exit is not settled by the rules */
	bool vague_count;  /* nor is how often it failed */
	uint32_t restarts, failures;
	int64_t started_at, ready_at, run_end;
	int64_t due, due_max; /* bounds of what it waits for; -1 nothing */
	const char *last;
	const char *doom;
	unsigned n_waiting;
	uint8_t waiting[NAIVE_WAITERS];
	uint8_t waiting_for[NAIVE_WAITERS]; /* enum waiter_kind */
};

enum naive_op {
	OP_NONE,
	OP_BOOT,
	OP_GROUP, /* halts, then goes */
	OP_HOLD,  /* a group operation whose cause waits for its time */
	OP_END,
};

struct naive {
	struct sup_policy policy;
	uint8_t phase; /* enum sup_phase */
	uint8_t op;    /* enum naive_op */
	bool lost;
	unsigned cause; /* slot whose failure made the group operation */
	unsigned n;
	uint8_t order[MODEL_SLOTS]; /* slots in start order */
	struct naive_child child[MODEL_SLOTS];
	unsigned n_times;
	int64_t times[NAIVE_TIMES];
	char reason[KICK_REASON_MAX];
	const char *id[MODEL_SLOTS];
	struct deeds deeds; /* of the last event */
};

void naive_init(struct naive *nv, const struct sup_spec *spec);

/* Each of these is one event: nv->deeds is what it makes the supervisor do, unless
 * nv->lost is true afterwards. Reasons are strings that stay. */
void naive_boot(struct naive *nv, int64_t now);
void naive_spawned(struct naive *nv, unsigned slot);
void naive_ready(struct naive *nv, unsigned slot, int64_t now);
void naive_ignored(struct naive *nv, unsigned slot, int64_t now);
void naive_start_failed(
	struct naive *nv, unsigned slot, const char *reason, bool want, int64_t now);
void naive_exited(struct naive *nv, unsigned slot, const char *reason, int64_t now);
void naive_due(struct naive *nv, unsigned slot, int64_t now);
void naive_doom(struct naive *nv, unsigned slot, const char *reason, int64_t now);
void naive_end(struct naive *nv, const char *reason, bool hurry, int64_t now);

void naive_start_child(struct naive *nv, unsigned slot,
	const struct child_policy *policy, unsigned waiter, int64_t now);
void naive_terminate(struct naive *nv, unsigned slot, unsigned waiter, int64_t now);
void naive_restart(struct naive *nv, unsigned slot, unsigned waiter, int64_t now);
void naive_renew(struct naive *nv, unsigned slot, unsigned waiter, int64_t now);
void naive_delete(struct naive *nv, unsigned slot, unsigned waiter);

/* Between the files of this model. */
void naive_event(struct naive *nv, unsigned slot, enum sup_event what);
void naive_order(struct naive *nv, unsigned slot, enum fx_kind what);
bool naive_is_group(const struct naive *nv);
void naive_set(struct naive_child *c, enum child_state state);
bool naive_up(const struct naive_child *c);
bool naive_fleeting(const struct naive *nv, const struct naive_child *c);
void naive_launch(struct naive *nv, unsigned slot, int64_t now);
void naive_halt(struct naive *nv, unsigned slot, enum naive_why why, int64_t now);
void naive_answer(
	struct naive *nv, unsigned slot, enum waiter_kind kind, enum sup_result result);
void naive_wait(
	struct naive *nv, unsigned slot, unsigned waiter, enum waiter_kind kind);
void naive_forget(struct naive *nv, unsigned slot);
void naive_down(struct naive *nv, unsigned slot, enum child_state state,
	enum child_state other);
void naive_move(struct naive *nv, int64_t now);

#endif
