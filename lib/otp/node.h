/* What all processes of one kickd have in common: made by the root before the first
 * fork, inherited by every supervisor, never changed. (OTP: the node.) */
#ifndef KICK_OTP_NODE_H
#define KICK_OTP_NODE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "os/mark.h"

struct supervisor;
struct loop;

struct node {
	struct commons *tree;	/* shared counters */
	char *runtime_dir;	/* absolute */
	char **environ;		/* what workers inherit of kickd's own environment */
	struct rlimit nofile;	/* what kickd was started with */
	char *cgroup;		/* where groups of programs are made; NULL: nowhere */
	const char *cgroup_why; /* why not */
	pid_t root_pid;
	bool one_output; /* kickd's stdout and stderr are one: so is each child's pipe
			  */
	const char *version;

	/* Set by the program: answers the control socket FD_LISTEN of a supervisor
	 * process, and stops doing so. */
	int (*serve)(struct supervisor *sv);
	void (*unserve)(struct supervisor *sv);
};

#endif
