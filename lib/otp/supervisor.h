/* A supervisor process: the boundary around the pure machine of core/sup.h. Carries out
 * its effects on real processes, feeds it their ends, and nothing else: who is started,
 * stopped or given up is decided there. OTP: supervisor.
 *
 *   supervisor.c  the process: its loop, signals, parent, effects
 *   worker.c      starting a program: environment, words, descriptors
 *   attrs_text.c  what was refused of limits and capabilities
 *   groups.c      the control groups of programs
 *   nested.c      starting and hearing a supervisor below this one
 *   exits.c       reaping, and making sure that nothing is left of what has ended
 *   pipes.c       the pipes of captured output
 *   readiness.c   readiness descriptors
 *   notify.c      what programs say on their notify sockets
 *   prober.c      when a child is asked how it is, and what its answers mean
 *   probe.c       one such question, over TCP; probe_exec.c by a program
 *   listening.c   the listening sockets that workers are given
 *   rolling.c     a restart without a gap
 *   report.c      events and messages for the logger
 *   reloading.c   a new configuration */
#ifndef KICK_OTP_SUPERVISOR_H
#define KICK_OTP_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "config/spec.h"
#include "core/sup.h"
#include "loop/loop.h"
#include "os/slab.h"
#include "os/spawn.h"
#include "otp/link.h"
#include "otp/node.h"

struct readiness;
struct notify;
struct prober;
struct probe;
struct nested;

/* A pipe of captured output; the logger reads its other end. */
struct output {
	int fd; /* write end, -1: none */
	uint64_t id;
};

/* How many ends of each child are remembered, for `kick info`. */
#define HISTORY_LEN 8

struct history_entry {
	struct reason reason;
	int64_t wall;
	pid_t pid;
};

/* A child as this process has it. */
struct supervised {
	struct child core;
	struct supervisor *sup;
	const struct child_spec *spec;
	struct timer timer;
	struct proc proc;
	struct proc main; /* which the program has said to be its main one, or none */
	uint64_t mark;
	struct output out[2];	 /* of stdout (or both), of stderr */
	struct readiness *ready; /* of a descriptor, while it is awaited, else NULL */
	struct notify *notify;	 /* its notify socket, or NULL */
	struct prober *prober;	 /* where it is asked how it is, else NULL */
	struct nested *nested;	 /* of a supervisor, else NULL */
	void *block;		 /* of an added child: its specification's memory */
	char *id;		 /* of an added child without one of its own */
	char *shown;  /* of the second process of a rolling restart: its child's id */
	char *detail; /* of a start that failed: what could not be done, or NULL */
	char *status_text;	       /* STATUS= of the program, or NULL */
	char *probe_text;	       /* why the last probe has failed, or NULL */
	struct history_entry *history; /* ring, NULL until the first end */
	struct reason *exit_order;     /* `kick exit`: what its end is to be called */
	int64_t exit_order_until;
	int64_t exit_wall;  /* when last_exit was, CLOCK_REALTIME; 0 never */
	int64_t start_wall; /* when it was started */
	int64_t ready_wall; /* when it was ready, 0 not yet */
	int64_t ran_ns;	    /* how long the last process ran */
	pid_t ended_pid;    /* of the last process that ended */
	uint8_t history_n;
	bool ordered : 1; /* the stop order is out */
	bool hinted : 1;  /* has been told that it seems to go into the background */
	bool attrs_noted : 1;  /* that it runs without its niceness has been said */
	bool grouped : 1;      /* it has a control group */
	bool second : 1;       /* of its group's two names, it has the second one */
	bool group_noted : 1;  /* that it has none has been said */
	bool parked : 1;       /* its start waits for a socket (listening.c) */
	bool lingering : 1;    /* main process reaped, something of it is left */
	bool is_reloading : 1; /* it says so: RELOADING=1, STOPPING=1 */
	bool is_stopping : 1;
};

/* A request that waits for the machine's answer. Embedded in the caller's memory. */
struct request {
	struct waiter waiter;
	/* c is NULL when the child is gone. The request is the caller's again. */
	void (*done)(struct request *rq, enum sup_result result, struct supervised *c);
};

/* A question to the root that waits for its answer. */
struct asked {
	struct asked *next;
	uint64_t id;
	/* fd: a text about it, -1 none; the callee's. */
	void (*done)(struct asked *a, int result, int fd);
};

/* What its parent knows of a supervisor's earlier lives. */
struct supervisor_life {
	uint32_t restarts;
	struct reason last_exit;
	int64_t last_exit_wall;
};

struct supervisor_start {
	const struct node *node;
	const struct config *config;   /* mapped */
	const struct child_spec *spec; /* the supervisor's own, within config */
	char path[KICK_PATH_MAX];      /* "" : the top supervisor */
	unsigned depth;
	uint32_t socket; /* the name of FD_LISTEN in the runtime directory */
	struct supervisor_life life;
};

struct pid_table {
	struct supervised **at; /* open addressing by pid */
	uint32_t cap, n;
};

struct supervisor {
	struct sup core;
	const struct node *node;
	struct loop *loop;
	struct link parent;
	const struct config *config;   /* what holds now */
	const struct child_spec *spec; /* our own, within it */
	char path[KICK_PATH_MAX];      /* "" : the top supervisor */
	unsigned depth;
	uint32_t socket; /* the name of FD_LISTEN in the runtime dir */
	struct supervisor_life life;
	int64_t ready_wall;   /* 0: not yet */
	struct slab children; /* struct supervised */
	struct slab nested;   /* struct nested */
	struct pid_table pids;
	struct probe *probes; /* programs that are probes, or what is left of them */
	uint32_t lingering;   /* children of which something is left */
	char detail[600]; /* of the last start that failed, also when the child is gone
			   */
	uint64_t next_dynamic_id;
	int64_t started; /* CLOCK_MONOTONIC */
	int64_t started_wall;
	struct asked *asked;
	struct buf notices;	   /* not yet sent to the logger */
	uint32_t notices_held;	   /* in that buffer */
	uint64_t notices_lost;	   /* did not fit into the socket */
	struct timer tick;	   /* of what can wait while all is ending */
	struct timer orphan_timer; /* orphaned supervisors get KILL at its end */
	bool grace_over;
	bool leaving;			 /* all children are down */
	uint32_t left_behind;		 /* found by the last look */
	bool draining;			 /* effects are being carried out */
	const struct config *old_config; /* until a reload has arrived everywhere */
	bool reloading;
	struct buf reload_failures;
	uint32_t reload_failed;
	uint32_t reload_pending; /* nested supervisors that have not answered */
	void *server;		 /* of node->serve */
};

/* The life of a supervisor process: takes FD_LINK, boots, serves, ends. start is
 * copied; what it points to stays. Does not return. */
_Noreturn void supervisor_main(const struct supervisor_start *start);

/* --- requests. Each answers through rq->done, now or later --------------------------
 */

struct supervised *supervisor_find(struct supervisor *sv, const char *id);
void supervisor_terminate_child(
	struct supervisor *sv, struct supervised *c, struct request *rq);
void supervisor_restart_child(
	struct supervisor *sv, struct supervised *c, struct request *rq);
void supervisor_renew_child(
	struct supervisor *sv, struct supervised *c, struct request *rq);
/* A second process is ready before the first is stopped. A child that is not running
 * is just started. */
void supervisor_roll_child(
	struct supervisor *sv, struct supervised *c, struct request *rq);
/* Why a child cannot be restarted so, an atom; NULL: it can. */
const char *supervisor_roll_refusal(const struct supervised *c);
void supervisor_delete_child(
	struct supervisor *sv, struct supervised *c, struct request *rq);

/* start_child with a JSON specification. -EINVAL with *diag: the specification is
 * wrong, rq is untouched; -ENOMEM. */
int supervisor_start_child(struct supervisor *sv, const char *json, size_t len,
	struct request *rq, struct buf *diag);

/* Sends a signal to the main process. 0, -ESRCH: there is none. */
int supervisor_signal(struct supervised *c, int sig);

/* The main process: the one that was started, or another that it has named. 0: none. */
pid_t supervisor_pid(const struct supervised *c);

/* "ok" or "failing" where its health is watched, else NULL. */
const char *supervisor_health(const struct supervised *c);

/* An exit signal with a reason (OTP: exit/2). 0; -ESRCH; -EPERM: a supervisor traps
 * exits, only "kill" ends it. */
int supervisor_exit_child(struct supervised *c, const char *reason);

/* Asks the root. -ENOBUFS, -EPIPE: it cannot be asked. */
int supervisor_ask(struct supervisor *sv, enum link_ask what, struct asked *a);

/* Path of a child: "services/pledge_server". Returns buf. */
const char *supervisor_path(const struct supervised *c, char buf[KICK_PATH_MAX]);
/* The same, but of the second process of a rolling restart its own. */
const char *supervisor_own_path(const struct supervised *c, char buf[KICK_PATH_MAX]);

/* The name that people see for a path: the application for "". */
const char *supervisor_name(const struct supervisor *sv);

/* The control socket's name of a supervisor child. */
uint32_t supervisor_socket_of(const struct supervised *c);

/* Pids of what is left of a child that has ended, at most n. Returns how many. */
uint32_t supervisor_left(struct supervised *c, pid_t *ret, uint32_t n);

#endif
