/* kick's own processes: forked without exec, linked to their parent.
 * OTP: proc_lib:spawn_link. */
#ifndef KICK_OTP_PROCESS_H
#define KICK_OTP_PROCESS_H

#include <stddef.h>
#include <stdint.h>

#include "os/spawn.h"

struct process_start {
	const char *title; /* in ps: "kickd: supervisor services" */
	const char *comm;  /* 15 bytes: "kick:sup" */
	uint64_t mark;	   /* 0: none of its own */
	int listen;	   /* becomes FD_LISTEN; -1: none */
	const int *keep;   /* further descriptors that stay, in rising order */
	size_t n_keep;
};

/* Forks. In the parent: returns 1, *ret_proc and *ret_link (the parent's end) are its
 * own. In the child: returns 0; its end is FD_LINK, it has shed all descriptors that
 * are not listed in os/roles.h, leads a group of its own, is a subreaper, has reserved
 * its slots and may spawn. Negative errno: nothing was forked. */
int process_spawn_link(
	const struct process_start *start, struct proc *ret_proc, int *ret_link);

/* Calls run, which does not return, in a second thread of this process, while the first
 * one only waits: an orphan is handed to the first thread of a subreaper, a child to
 * the thread that made it, so that what was adopted is listed apart from what was
 * spawned (reap_adopted), at a cost that does not grow with the number of children. The
 * two share stack and thread-local memory; what lies on the stack above the caller is
 * gone, so arg must not. libc knows of one thread. When no second one is to be had, run
 * is called in the first: all is found as before, only slower. */
_Noreturn void process_run(int (*run)(void *arg), void *arg);

/* What kick's own processes do with signals, once, at the very start of the root (and
 * inherited): all blocked but those of faults; those of terminals ignored. */
void process_signals(void);

/* Where titles are written: the memory of argv and environ. To be called first thing in
 * main(); the strings of argv and environ are moved elsewhere. Negative errno. */
int process_titles(int argc, char **argv);

void process_set_title(const char *title);

#endif
