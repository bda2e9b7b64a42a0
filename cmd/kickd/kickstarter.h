/* The root: a parent that traps exits and starts what fell. It parses nothing that
 * comes from outside, listens to nobody, and never ends on an error. */
#ifndef KICK_KICKD_KICKSTARTER_H
#define KICK_KICKD_KICKSTARTER_H

#include <stdbool.h>
#include <stdint.h>

#include "confproc.h"
#include "otp/node.h"
#include "rundir.h"

struct kickstarter_start {
	struct node node;
	struct rundir *rundir;
	const char *file;      /* the configuration, as given */
	struct confproc *conf; /* it has accepted one */
	int64_t shutdown_ns;   /* of --shutdown, -1 not given */
	int64_t started;       /* CLOCK_MONOTONIC */
	bool nohup;	       /* HUP was ignored: the end of the terminal is, too */
};

/* Runs the tree until its end; returns kickd's exit status. */
int kickstarter_run(const struct kickstarter_start *start);

#endif
