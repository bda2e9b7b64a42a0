/* The config process: short-lived, reads and checks a configuration (it may wait for
 * disks and name services), and leaves the accepted one in a sealed memfd. The root
 * parses nothing itself. */
#ifndef KICK_KICKD_CONFPROC_H
#define KICK_KICKD_CONFPROC_H

#include "config/spec.h"
#include "os/spawn.h"

struct confproc {
	struct proc proc;
	int block; /* memfd of the configuration */
	int text;  /* memfd: diagnostics, or the plan of a reload, as lines */
};

/* Starts it. old is what holds now, for the plan and for what must not change; NULL at
 * boot. Negative errno. */
int confproc_start(const char *file, const struct config *old, struct confproc *ret);

/* It has ended with this reason: 0, and the block is sealed; -EINVAL: the configuration
 * is wrong, the text says how; -EIO: it died. */
int confproc_ended(struct confproc *cp, const struct reason *reason);

void confproc_done(struct confproc *cp);

#endif
