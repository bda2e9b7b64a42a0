/* The supervisor as a pure state machine: events in, effects out.
 *
 * No system call, no clock, no memory of its own on the paths of exits and restarts:
 * whoever runs it (lib/otp/supervisor.c for real processes, tests with a table of
 * pretended ones) tells what happened and when, then takes the effects one by one
 * with sup_take() and carries them out. OTP: supervisor.erl; the rules are numbered in
 * kick(7) and in the tests.
 *
 * Nothing here waits. What OTP does one after the other (start this, wait, start the
 * next) is written down in the children as marks: `want_stop`, `want_start`, and
 * `wave` for those that take their turn in a group. After each event progress() looks
 * at the marks and emits what can be done now:
 *
 *   - children of a wave that want a stop are stopped one at a time, last one first;
 *   - when none of them is left, those that want a start are started one at a time,
 *     first one first, each awaited until it is ready;
 *   - children outside of a wave go their own way at once.
 *
 * A second crash in the middle of a wave only adds marks. */
#ifndef KICK_CORE_SUP_H
#define KICK_CORE_SUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/intensity.h"
#include "core/policy.h"
#include "core/reason.h"

/* What a child is doing, as `kick status` shows it. */
#define CHILD_STATES(X)             \
	X(STOPPED, "stopped")       \
	X(STARTING, "starting")     \
	X(RUNNING, "running")       \
	X(STOPPING, "stopping")     \
	X(RESTARTING, "restarting") \
	X(EXITED, "exited")

enum child_state {
#define X(id, name) CHILD_##id,
	CHILD_STATES(X)
#undef X
	CHILD_NSTATES
};

extern const char *const child_state_names[CHILD_NSTATES];

/* Answers to requests: OTP's atoms. */
#define SUP_RESULTS(X)                        \
	X(OK, "ok")                           \
	X(ALREADY_STARTED, "already_started") \
	X(ALREADY_PRESENT, "already_present") \
	X(NOT_FOUND, "not_found")             \
	X(RUNNING, "running")                 \
	X(RESTARTING, "restarting")           \
	X(MAX_CHILDREN, "max_children")       \
	X(START_FAILED, "start_failed")       \
	X(CANCELLED, "cancelled")             \
	X(SHUTTING_DOWN, "shutting_down")     \
	X(DYNAMIC, "dynamic_supervisor")      \
	X(NO_MEMORY, "no_memory")

enum sup_result {
#define X(id, name) SUP_##id,
	SUP_RESULTS(X)
#undef X
	SUP_NRESULTS
};

extern const char *const sup_result_names[SUP_NRESULTS];

/* What happens, for those who watch: the events of `kick events`. */
#define SUP_EVENTS(X)                   \
	X(STARTED, "started")           \
	X(READY, "ready")               \
	X(START_FAILED, "start_failed") \
	X(EXITED, "exited")             \
	X(RESTARTING, "restarting")     \
	X(STOPPING, "stopping")         \
	X(STOPPED, "stopped")           \
	X(GAVE_UP, "gave_up")           \
	X(ADDED, "added")               \
	X(DELETED, "deleted")           \
	X(RELOADED, "reloaded")         \
	X(UNHEALTHY, "unhealthy")       \
	X(LOST, "lost")

enum sup_event {
#define X(id, name) EVENT_##id,
	SUP_EVENTS(X)
#undef X
	EVENT_NEVENTS
};

extern const char *const sup_event_names[EVENT_NEVENTS];

/* One who waits for the end of a start or a stop of a child. Memory of the caller, in
 * the machine's hands from the request until it comes back in an FX_REPLY. */
struct waiter {
	struct waiter *next;
	uint8_t kind; /* enum waiter_kind */
	void *tag;    /* the caller's own */
};

enum waiter_kind {
	WAIT_START,
	WAIT_STOP
};

/* A child. Memory of the caller, usually inside a bigger struct; the machine's until
 * FX_REMOVED. The fields are for reading; only the functions below write them. */
struct child {
	const char *id; /* the caller's; alive as long as the child */
	const struct child_policy *policy; /* same */
	struct waiter *waiters;
	uint32_t position;   /* in sup.children */
	uint8_t state;	     /* enum child_state */
	bool want_stop : 1;  /* is to be stopped (again) */
	bool want_start : 1; /* is to be started once it is down */
	bool wave : 1;	     /* ... in its turn among those of the wave */
	bool sticky : 1;     /* stopped by command: no group restart brings it back */
	bool manual : 1; /* this start was asked for: a failure is the answer, no retry
			  */
	bool added : 1;	 /* by start_child, not from the configuration */
	bool removing : 1; /* goes away once it is down */
	bool doomed : 1;   /* is being stopped for a fault: doom is its exit reason */
	bool killed : 1;   /* KILL was sent after the shutdown time */
	bool tried : 1;	   /* has been started at least once in this life */
	bool doomed_start : 1; /* ... and was still starting */
	bool spawned : 1;      /* the STARTED event of this incarnation is out */
	bool was_ready : 1;    /* has been ready at least once in this life */
	bool retry : 1;	       /* a failed start: its group's restart begins when due */
	bool adding : 1;       /* by start_child, which has not been answered yet */
	bool reload : 1;       /* has not arrived yet at what a reload wants of it */
	uint32_t restarts;     /* automatic starts after the first */
	uint32_t failures;     /* in a row, for the backoff */
	int64_t since;	       /* when the state began */
	int64_t started_at;    /* when the process was started */
	int64_t due;	       /* what the state waits for at most; -1 nothing */
	int64_t not_before;    /* of a wanted start: the backoff; -1 at once */
	struct reason last_exit;
	char doom[24]; /* cut; "start_timeout", "unhealthy" */
};

enum fx_kind {
	FX_SPAWN,   /* child: start the process; then sup_ready or sup_start_failed or,
		       when   it ends, sup_exited */
	FX_STOP,    /* child: the stop order (stop signal and CONT, or over the link) */
	FX_KILL,    /* child: KILL to all that is left of it */
	FX_ARM,	    /* child: sup_due is wanted at `at`; -1: no longer */
	FX_REPLY,   /* waiter and result (reason in child->last_exit); the waiter is the
		       caller's again; child is NULL when it has gone */
	FX_EVENT,   /* event: for those who watch. child may be NULL: the supervisor;
		       of GAVE_UP it is the offender. RESTARTING is a counted restart,
		       tried again at `at` (-1: at once) */
	FX_REMOVED, /* child: out of the list; its memory is the caller's again */
	FX_READY, /* the supervisor has started: every child is up, or was tried; or it
		     ends by itself during the boot, which its parent is to see as an
		     exit, not as a failed start */
	FX_EXIT,  /* the supervisor has ended, all its children are down: sup.reason */
};

struct effect {
	uint8_t kind;  /* enum fx_kind */
	uint8_t event; /* enum sup_event */
	uint8_t result;
	struct child *child;
	struct waiter *waiter;
	int64_t at;
};

enum sup_phase {
	SUP_NEW,     /* nothing has been started */
	SUP_BOOTING, /* the first start of the children */
	SUP_SERVING,
	SUP_CLOSED, /* nothing is started any more: the end will be ordered */
	SUP_ENDING, /* all are being stopped, nothing is started any more */
	SUP_ENDED,
};

struct sup {
	struct sup_policy policy;
	struct intensity intensity;
	struct child **children; /* in start order */
	uint32_t n;
	uint32_t cap;
	uint8_t phase;	      /* enum sup_phase */
	bool hurried;	      /* KILL to all at once */
	struct reason reason; /* why it ends */
	struct reason cause;  /* last exit of the significant child or the offender */
	struct effect *fx;    /* ring of effects not yet taken */
	uint32_t fx_head, fx_len, fx_cap;
	uint32_t lo, hi; /* marked children lie in [lo, hi) */
	uint64_t random; /* for the jitter */
};

/* Starts empty, phase SUP_NEW. seed is for the jitter. 0 or -ENOMEM. */
int sup_init(struct sup *s, const struct sup_policy *policy, uint64_t seed);

/* Frees what sup_init and sup_add allocated; the children are the caller's. */
void sup_done(struct sup *s);

/* Adds a child of the configuration at the end, before sup_boot. *c is initialised
 * here; id and policy stay the caller's. 0 or -ENOMEM. */
int sup_add(struct sup *s, struct child *c, const char *id,
	const struct child_policy *policy);

/* The child with this id, or NULL. */
struct child *sup_find(const struct sup *s, const char *id);

/* Starts the children in order (OTP: start_link; START-1 to START-8). Ends with
 * FX_READY, or with FX_EXIT and the reason "shutdown:failed_to_start:ID". */
void sup_boot(struct sup *s, int64_t now);

/* Takes the next effect. False: none is left, wait for the next event. */
bool sup_take(struct sup *s, struct effect *ret);

/* --- events ------------------------------------------------------------------- */

/* The process of FX_SPAWN runs; the STARTED event is emitted. Optional before
 * sup_ready, which implies it. */
void sup_spawned(struct sup *s, struct child *c, int64_t now);

/* A starting child is ready. Ignored in every other state. */
void sup_ready(struct sup *s, struct child *c, int64_t now);

/* A starting child says `ignore` (START-3): it is not running and that is well. */
void sup_ignored(struct sup *s, struct child *c, int64_t now);

/* FX_SPAWN could not be carried out: there is no process. Only for a starting child,
 * and so before any other event of it. for_want: the kernel had no room for it, an
 * automatic retry waits a little. */
void sup_start_failed(struct sup *s, struct child *c, const struct reason *reason,
	bool for_want, int64_t now);

/* The child's process has ended and nothing of it is left. */
void sup_exited(
	struct sup *s, struct child *c, const struct reason *reason, int64_t now);

/* The time asked for by FX_ARM has come. */
void sup_due(struct sup *s, struct child *c, int64_t now);

/* Two running children have changed places: what is told of their processes' age goes
 * with those. */
void sup_swap(struct child *a, struct child *b);

/* A running or starting child is to be stopped for a fault; its exit reason will be
 * *reason ("start_timeout", "unhealthy"). The strategy acts on it. */
void sup_doom(struct sup *s, struct child *c, const struct reason *reason, int64_t now);

/* The child asks for more time: what its start or its stop waits for at most does not
 * come before `until`. Nothing else changes; a deadline is never brought forward. */
void sup_extend(struct sup *s, struct child *c, int64_t until);

/* All is about to end, and this supervisor's turn will come: what runs is let run, what
 * ends stays down, requests are answered `shutting_down`. */
void sup_close(struct sup *s, int64_t now);

/* The parent orders the end, or is gone (SUP-3): all children are stopped in reverse
 * order, then FX_EXIT with this reason. Twice is once. */
void sup_shutdown(struct sup *s, const struct reason *reason, int64_t now);

/* As sup_shutdown, but KILL to all at once. May follow a sup_shutdown. */
void sup_hurry(struct sup *s, const struct reason *reason, int64_t now);

/* --- requests (OTP: the supervisor's API). w may be NULL: nobody waits.
 * Each is answered by one FX_REPLY on w, now or later. ------------------------- */

/* start_child (API-1, DYN-3): adds *c at the end and starts it. On any failure it is
 * removed again (FX_REMOVED comes before the reply, the reply's child is NULL; the
 * reason is then in sup.cause). */
void sup_start_child(struct sup *s, struct child *c, const char *id,
	const struct child_policy *policy, struct waiter *w, int64_t now);

/* The same for a second process of a child that is there: it takes nobody's place, so
 * max_children is not asked. */
void sup_start_second(struct sup *s, struct child *c, const char *id,
	const struct child_policy *policy, struct waiter *w, int64_t now);

/* terminate_child (API-3): down, and sticky until somebody starts it. */
void sup_terminate_child(struct sup *s, struct child *c, struct waiter *w, int64_t now);

/* restart_child (API-5): starts a child that is down. A failed start is the answer and
 * is not retried. */
void sup_restart_child(struct sup *s, struct child *c, struct waiter *w, int64_t now);

/* `kick restart`: stops it if it is up, then as restart_child. Never counted. A child
 * that waits for its retry is tried now. */
void sup_renew_child(struct sup *s, struct child *c, struct waiter *w, int64_t now);

/* delete_child (API-6): only of a child that is down. FX_REMOVED on success. */
void sup_delete_child(struct sup *s, struct child *c, struct waiter *w, int64_t now);

/* --- reload (API-12 as kick has it: the tree becomes what the file says) --------- */

/* What is to become of a child that is there already. */
enum reload_act {
	RELOAD_KEEP,
	RELOAD_RENEW,
	RELOAD_REMOVE
};

/* Between sup_reload_begin and sup_reload_end the children are gone through: each old
 * one gets an act (and new policy for those that stay), new ones are inserted.
 * `order`, given to the end, holds all that stay and all new ones in the new order,
 * without the added and removed ones, which go after them. All that goes has gone
 * before anything new starts; nothing counts; a start that fails leaves its child
 * `exited`. 0 or -ENOMEM (before anything was changed). */
int sup_reload_begin(struct sup *s, const struct sup_policy *policy, uint32_t n_new);
void sup_reload_child(struct sup *s, struct child *c, enum reload_act act,
	const char *id, const struct child_policy *policy);
void sup_reload_insert(struct sup *s, struct child *c, const char *id,
	const struct child_policy *policy);
void sup_reload_end(struct sup *s, struct child *const *order, uint32_t n, int64_t now);

/* True while children marked by a reload have not arrived yet. */
bool sup_reloading(const struct sup *s);

/* --- questions -------------------------------------------------------------------- */

/* A process of the child exists or is about to: starting, running or stopping. */
static inline bool child_is_alive(const struct child *c)
{
	return c->state == CHILD_STARTING || c->state == CHILD_RUNNING ||
		c->state == CHILD_STOPPING;
}

struct child_counts {
	uint32_t specs, active, supervisors, workers;
};

/* count_children (API-8). */
struct child_counts sup_count_children(const struct sup *s);

/* True when the child is as it should be: running, stopped by command, not autostarted,
 * or exited with normal or shutdown:auto. The rule behind the status of `kick status`.
 */
bool child_is_well(const struct child *c);

/* Nanoseconds of the n-th wait (n from 0) without jitter. */
int64_t backoff_delay(const struct backoff *b, uint32_t n);

#endif
