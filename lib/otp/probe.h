/* One question to a child, asked from its supervisor's loop: can it be connected to,
 * does it answer a GET, does a program that was started for this end well? Nothing here
 * waits, looks up names or reads more than a little; whatever the other side does, the
 * question ends at its time-out.
 *
 * probe.c asks over TCP, probe_exec.c runs programs. */
#ifndef KICK_OTP_PROBE_H
#define KICK_OTP_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "config/spec.h"
#include "loop/loop.h"
#include "os/spawn.h"

struct supervised;
struct supervisor;

enum probe_result {
	PROBE_WELL,
	PROBE_FAILED,
	PROBE_UNASKED /* the kernel had no room for the question: that says nothing */
};

#define PROBE_TEXT_MAX 200

struct probe {
	/* text: why it has failed, for people; else "". The probe may be started
	 * again from here. */
	void (*done)(struct probe *p, enum probe_result result, const char *text);
	struct supervised *child;
	bool running;
	uint8_t tried; /* of localhost: how many of its addresses */
	struct io io;  /* the socket, or the output of the program */
	struct timer timeout;
	struct probe_spec spec; /* a copy: what it refers to is elsewhere */
	bool connecting;
	char *bytes; /* request, then answer; of http */
	uint32_t sent, len;

	/* A program; in the supervisor's list as long as anything of it is left. */
	struct probe *next;
	struct proc proc;
	uint64_t mark;
	uint32_t printed;
	char last[PROBE_TEXT_MAX]; /* of its output */
};

/* Asks. The answer may come before this returns. child and done are set. */
void probe_start(struct probe *p, const struct probe_spec *spec);

/* Forgets the question; a program is killed. done is not called. */
void probe_stop(struct probe *p);

/* --- programs; of probe_exec.c ---------------------------------------------------- */

void probe_exec(struct probe *p, const struct probe_spec *spec);
void probe_exec_kill(struct probe *p);

/* Something of its program is left. */
static inline bool probe_has_rest(const struct probe *p)
{
	return p->mark != 0;
}

/* The program of a probe, NULL if it is none. */
const struct proc *probes_find(const struct supervisor *sv, pid_t pid);

/* Calls done if the one that has been reaped is the program of a probe. */
void probes_take_end(struct supervisor *sv, pid_t pid, const struct reason *facts);

/* Kills, and looks for, what programs have left behind. */
void probes_look_again(struct supervisor *sv);

/* The mark is that of a probe's program. */
bool probes_have_mark(const struct supervisor *sv, uint64_t mark);

/* The end of probe_start and of all else: tells the answer. */
void probe_answer(struct probe *p, enum probe_result result, const char *text);

#endif
