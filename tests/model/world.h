/* A pretended world for a tree of supervisor machines: processes, a clock, parents. It
 * carries out the effects, holds the naive model beside each machine and compares, and
 * checks what must be true whatever the rules. */
#ifndef KICK_TESTS_MODEL_WORLD_H
#define KICK_TESTS_MODEL_WORLD_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/macro.h"
#include "core/sup.h"
#include "model/naive.h"
#include "model/scenario.h"

enum process {
	PROCESS_NONE,
	PROCESS_WANTED, /* ordered, not there yet */
	PROCESS_ALIVE,
};

struct slot {
	struct child child;
	struct child twin; /* a second one of the same id, to be refused */
	bool listed;	   /* the machine has it */
	uint8_t process;   /* enum process */
	bool stop_sent, kill_sent, ready_sent;
	bool fresh, leaving; /* of a reload */
	int64_t armed;
};

struct node {
	bool alive;
	unsigned index; /* in the scenario */
	unsigned life;
	int parent; /* node, -1: the top */
	unsigned parent_slot;
	const struct sup_spec *spec;
	struct sup sup;
	struct slot slot[MODEL_SLOTS];
	struct naive naive;
	struct deeds deeds;
	bool up, ended;
	int twin_back; /* slot whose twin was given back, -1 */
	struct waiter waiter[NAIVE_WAITERS];
	bool asked[NAIVE_WAITERS];
};

/* What one machine has to tell another. */
struct note {
	uint8_t kind; /* enum note_kind */
	uint8_t node, slot;
	unsigned life;
	char reason[KICK_REASON_MAX];
};

#define WORLD_NOTES 256

struct world {
	const struct scenario *sc;
	struct node node[MODEL_SUPS];
	int64_t now;
	struct note notes[WORLD_NOTES];
	unsigned first_note, n_notes;
	uint64_t steps, exact; /* events of machines; those compared with the model */
	bool verbose, over;
	char failure[4096];
	sigjmp_buf escape;
};

/* Notes a failure and leaves by w->escape. */
_Noreturn void world_fail(struct world *w, const char *fmt, ...) KICK_PRINTF(2, 3);

void world_init(struct world *w, const struct scenario *sc);
void world_free(struct world *w);

/* Plays one event and all that follows from it between supervisors. False: it does not
 * apply now, nothing was done. */
bool world_play(struct world *w, const struct event *e);

/* The child whose time comes first. False: nobody waits. */
bool world_next_due(struct world *w, unsigned *ret_node, unsigned *ret_slot);

/* Writes down states and orders of all machines and models. */
void world_print(const struct world *w);

/* check.c: takes the effects of the last event, compares, checks. */
void world_take(struct world *w, struct node *nd);
void world_compare(struct world *w, struct node *nd);
void world_check(struct world *w, struct node *nd);
void world_resync(struct node *nd);
bool node_is_quiet(const struct node *nd);
unsigned node_slot(const struct node *nd, const struct child *c);

/* world.c, for requests.c: around each event of a machine. */
void world_begin(struct node *nd);
void world_settle(struct world *w, struct node *nd);

/* requests.c: a waiter that is free (false: none), and what is asked for. */
bool world_waiter(struct node *nd, unsigned *ret);
void world_add(struct world *w, struct node *nd, unsigned i, unsigned waiter);
void world_request(
	struct world *w, struct node *nd, const struct event *e, unsigned waiter);
void world_reload(struct world *w, struct node *nd, uint64_t random);

/* world.c, for check.c: news for the other supervisors. */
enum note_kind {
	NOTE_BOOT,
	NOTE_STOP,
	NOTE_KILL,
	NOTE_READY,
	NOTE_EXIT
};
void world_note(struct world *w, enum note_kind kind, const struct node *nd,
	unsigned slot, const char *reason);

#endif
