/* Starts a program as a child process: clone(2) with CLONE_VM, CLONE_VFORK, CLONE_FILES
 * and CLONE_PIDFD on a stack of its own, so that the cost grows neither with the memory
 * nor with the descriptors of the caller. Returns when the program
 * runs, or with the step that failed and its errno. */
#ifndef KICK_OS_SPAWN_H
#define KICK_OS_SPAWN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/limits.h"
#include "core/reason.h"

struct attrs;

/* The steps of a start, as they are named in failed_to_start:STEP:ERRNO. The first
 * ones are the caller's, before there is a process. */
#define SPAWN_STEPS(X)                     \
	X(ENV, "env")                      \
	X(ENV_FILE, "env_file")            \
	X(EXPAND, "expand")                \
	X(PIPE, "pipe")                    \
	X(NOTIFY, "notify")                \
	X(SOCKET, "socket")                \
	X(LISTEN, "listen")                \
	X(CGROUP, "cgroup")                \
	X(CLONE, "clone")                  \
	X(SESSION, "session")              \
	X(LIMITS, "limits")                \
	X(STDIN, "stdin")                  \
	X(STDOUT, "stdout")                \
	X(STDERR, "stderr")                \
	X(GROUPS, "groups")                \
	X(GID, "gid")                      \
	X(UID, "uid")                      \
	X(CAPABILITIES, "capabilities")    \
	X(PRIVILEGES, "no_new_privileges") \
	X(CWD, "cwd")                      \
	X(PARENT, "parent")                \
	X(EXEC, "exec")

/* The variables that hold the child's own pid, and the room for it in each, with the
 * end of the string. */
#define SPAWN_PIDS 2
#define SPAWN_PID_SIZE 11

enum spawn_step {
#define X(id, name) SPAWN_##id,
	SPAWN_STEPS(X)
#undef X
	SPAWN_NSTEPS
};

extern const char *const spawn_step_names[SPAWN_NSTEPS];

/* What the child's set-up does, as data. Everything is the caller's. */
struct spawn_request {
	const char *const *programs; /* paths to try, in order; NULL at the end */
	char *const *argv;
	char *const *envp;
	const char *cwd;      /* NULL: the caller's */
	const char *files[3]; /* to be opened as 0, 1, 2; NULL: fds[i] */
	int fds[3];	      /* become 0, 1, 2; -1: /dev/null */
	int ready_fd;	      /* becomes ready_slot; -1: none */
	int ready_slot;	      /* below FD_SLOT_LAST, and no listening socket's */
	const int *listen;    /* become FD_SLOT_0 and up */
	uint32_t n_listen;
	char *pid_texts[SPAWN_PIDS]; /* in envp: the child writes its pid there; NULL */
	bool has_uid, has_gid, has_groups;
	uid_t uid;
	gid_t gid;
	uint32_t n_groups;
	const uint32_t *groups;
	int umask;		   /* -1: the caller's */
	uint64_t mark;		   /* os/mark.h; inherited by all descendants */
	struct rlimit nofile;	   /* what kickd itself was started with */
	const char *cgroup;	   /* its directory; NULL: none */
	const char *cgroup_procs;  /* entered by writing to it; NULL: none */
	bool cgroup_needed;	   /* not without it */
	const struct attrs *attrs; /* NULL: none */
};

struct spawn_failure {
	enum spawn_step step;
	int code;   /* negative errno */
	int detail; /* the resource of SPAWN_LIMITS, the number of SPAWN_CAPABILITIES;
		       -1: none */

	/* Negative errnos of what a program is started without; also after success. */
	int nice, oom_score_adj, cgroup;
};

struct proc {
	pid_t pid; /* 0: none */
	int fd;	   /* pidfd, close-on-exec; -1 */
};

/* To be called once in each process that spawns: reserves the slots 0 to FD_SELF. A
 * forked process calls it again. Negative errno. */
int spawn_setup(void);

/* 0 and *ret_proc (whose descriptor is the caller's), or a negative errno and *fail.
 * Waits for execve(2), never longer: nothing in the child's set-up waits, but for a
 * hung network file system. All signals must be blocked. */
int spawn(const struct spawn_request *req, struct proc *ret_proc,
	struct spawn_failure *fail);

/* "failed_to_start:exec:ENOENT" */
struct reason spawn_reason(const struct spawn_failure *fail);

/* The kernel had no room: worth another try soon. */
bool spawn_for_want(int code);

#endif
