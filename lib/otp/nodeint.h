/* What the files of the node process share with each other:
 *
 *   nodeproc.c    processes: births, deaths, links, monitors, requests
 *   nodeinfo.c    what is told of a process
 *   nodebirths.c  births that are not known of yet
 *   nodenames.c   names, and those who wait for one
 *   nodetimers.c  messages that are sent later
 *   nodeouter.c   in control/: kickd's supervisor, the control socket */
#ifndef KICK_OTP_NODEINT_H
#define KICK_OTP_NODEINT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/limits.h"
#include "base/table.h"
#include "otp/link.h"
#include "otp/nodewire.h"

struct member;
struct name;

/* Who waits for a name. Embedded in the caller's memory. */
struct name_waiter {
	/* m: who has it now, NULL: nobody will. The waiter is the caller's again. */
	void (*done)(struct name_waiter *w, struct member *m);
	struct name *name; /* NULL: does not wait */
	struct name_waiter *prev, *next;
};

struct monitor {
	uint64_t ref;
	struct member *watcher, *target;
	struct monitor *prev, *next; /* of the target's */
	struct monitor *prev_of_watcher, *next_of_watcher;
	UT_hash_handle hh;
};

struct member {
	uint64_t id;
	uint64_t parent; /* 0: none; of one whose supervisor has ended: who is above */
	uint64_t fell_with; /* that supervisor, or 0 */
	uint64_t leader;    /* of its group; 0: none. OTP: its group leader */
	pid_t pid;
	struct link link;
	bool trap;
	bool gone;			/* freed at the end of the turn */
	char raised[KICK_REASON_MAX];	/* what it said itself */
	char sentence[KICK_REASON_MAX]; /* what it was killed for */
	uint64_t *links;
	size_t n_links, cap_links;
	struct monitor *watched; /* by others */
	struct monitor *watches;
	struct name_waiter waiter; /* its one call to a name */
	char *supervisor;	   /* what it says of itself as one, JSON; else NULL */
	UT_hash_handle by_id, by_pid;
	struct member *next_gone;
};

/* --- nodeproc.c --- */

/* NULL: there is none. */
struct member *node_find(int64_t id);

/* All, by by_id. */
struct member *node_members(void);

void node_tell(struct member *m, enum node_kind kind, uint64_t id, uint64_t number,
	const char *text);

/* An exit signal from outside. */
void node_exit(struct member *m, const char *reason);

/* Calls back for each process that is a supervisor in code below none. */
void node_each_top(void (*call)(void *user, const struct member *m), void *user);

/* KILL to all. */
void node_hurry(void);

/* The first process has ended, and all others will. */
bool node_is_ending(void);

/* Its number, as in process identifiers. */
uint64_t node_number(void);

const struct node_counters *node_counters(void);

/* --- nodebirths.c --- */

struct reason;

/* A process has ended of which nothing was known. */
void births_remember(pid_t pid, const struct reason *facts);

/* How it ended before it was heard of; NULL: it has not. */
const struct reason *births_early_end(pid_t pid);

/* KILL to a child that nobody will be told of; the node stays until it has ended. */
void births_kill(pid_t pid);

/* How many of those have not been reaped. */
size_t births_dying(void);

/* parent has ended, and all that it said was heard: calls back for each child that it
 * had begun to make. pid 0: it had not come to that. */
void births_end(struct node_counters *counters, uint64_t parent,
	void (*lost)(uint64_t id, pid_t pid));

/* --- nodeinfo.c --- */

/* As process_info: the caller's, freed with free(); NULL for want of memory. */
char *node_describe(const struct member *m);

/* --- nodenames.c --- */

/* 0, -EEXIST, -EINVAL, -ENOMEM. */
int nodenames_give(struct member *m, const char *text);
int nodenames_take(const struct member *m, const char *text);

/* As if m had ended, for this name. */
int nodenames_vacate(const struct member *m, const char *text);

/* Who has it, or NULL. */
struct member *nodenames_find(const char *text);

/* Waits while its process is being started again, or the program is starting and
 * `starting` says so: true, w->done() will be called. */
bool nodenames_wait(const char *text, struct name_waiter *w, bool starting);
void nodenames_unwait(struct name_waiter *w);

/* m has ended: its names wait for its successor where there will be one. */
void nodenames_bury(const struct member *m);

/* The children of a supervisor that ends go with it, some of them later: whoever
 * starts it anew starts them. Before nodenames_bury(). */
void nodenames_hand_up(const struct member *sup);

/* A child of sup that had ended is up again as successor, or never will be: 0. All 0:
 * the program has been started. */
void nodenames_settled(uint64_t sup, uint64_t child, uint64_t successor);

/* Each name of m. */
void nodenames_each(
	const struct member *m, void (*call)(void *user, const char *name), void *user);

/* --- nodeouter.c --- */

struct outer_start {
	int link;   /* -1: nobody started us over a link */
	int listen; /* the control socket */
	uint32_t socket;
	gid_t group, readers;
	const char *dir; /* the runtime directory */
	const char
		*path; /* the child's, and its last part: its id, which is a name of */
	const char *name; /* ... the first process */
};

/* Negative errno. */
int outer_begin(struct loop *loop, const struct outer_start *o);

/* The first process is up. */
void outer_ready(void);
bool outer_is_ready(void);

/* All has ended, and the program will in a moment. */
void outer_end(const char *reason);

/* A process has answered a call from outside. json NULL: too big. */
void outer_reply(uint64_t ref, const char *json);

/* A process has ended: nobody there will answer any more. */
void outer_bury(const struct member *m, const char *reason);

/* A name among all programs of one kickd. 0, or -EEXIST: another program's. */
int outer_claim(const char *name);
void outer_disclaim(const char *name);

/* The other program's socket that has this name. -ESRCH: none. */
int outer_whose(const char *name, char *ret, size_t size);

#endif
