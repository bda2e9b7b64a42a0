/* The child's half of a spawn: from clone to execve, in memory shared with the parent.
 * Async-signal-safe calls only; nothing is allocated, nothing waits, nothing returns.
 */
#ifndef KICK_OS_PREEXEC_H
#define KICK_OS_PREEXEC_H

#include "os/spawn.h"

struct preexec {
	const struct spawn_request *req;
	bool is_grouped;   /* born in its control group */
	volatile int step; /* enum spawn_step of the failure */
	volatile int code; /* 0: execve succeeded; else a negative errno */
	volatile int detail;
	volatile int nice, oom_score_adj, cgroup; /* as in struct spawn_failure */
	char nice_text[12], oom_score_adj_text[12];
};

/* For clone(2): arg is a struct preexec. Never returns. */
int preexec(void *arg);

/* The end of a start that has failed. */
_Noreturn void preexec_give_up(struct preexec *p, enum spawn_step step, int code);
/* So it is when r is negative. */
void preexec_must(struct preexec *p, enum spawn_step step, long r);

/* Signals that kick's own processes ignore and a program gets back as default. */
extern const int preexec_ignored[];
extern const size_t preexec_n_ignored;

#endif
