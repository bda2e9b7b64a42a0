/* The root's care for the logger: starts it, starts it anew when it is lost, keeps what
 * it reads from over its lives. */
#ifndef KICK_KICKD_LOGKEEPER_H
#define KICK_KICKD_LOGKEEPER_H

#include <stdbool.h>

#include "base/macro.h"
#include "core/reason.h"
#include "logger/logger.h"
#include "loop/loop.h"
#include "os/spawn.h"

struct kept_pipe {
	struct logger_pipe pipe; /* path is malloc'ed */
	bool told;		 /* the logger that runs has it */
};

struct logkeeper {
	struct loop *loop;
	const char *runtime_dir;
	gid_t group, readers;
	struct timer again; /* the wait before another is started, or a pipe told */
	struct proc proc;
	struct io link;	    /* to the logger; fd -1: none */
	struct io writable; /* of FD_NOTICE, while a pipe could not be told */
	int notices;	    /* the receiving end */
	int listen;
	struct kept_pipe *pipes;
	size_t n, cap;
	uint64_t *lost; /* pipes that the logger could not take, not yet here */
	size_t n_lost;
	bool ending; /* it has been told to finish */
};

/* Opens the control socket and the notice socket (FD_NOTICE), starts the logger.
 * Negative errno. */
int logkeeper_start(struct logkeeper *lk, struct loop *loop, const char *runtime_dir,
	uint16_t mode, gid_t group, gid_t readers);

/* A new pipe; fd is taken. told: the logger has got it from its supervisor. */
void logkeeper_pipe(struct logkeeper *lk, uint64_t id, int stream, const char *path,
	int fd, bool told);

/* The logger has ended: starts another, as soon as that can be done, unless it was told
 * to finish. True: it is not coming back. */
bool logkeeper_ended(struct logkeeper *lk);

/* Kills it and waits for its end. */
void logkeeper_kill(struct logkeeper *lk);

/* Tells it to write out what there is and end. */
void logkeeper_finish(struct logkeeper *lk);

/* A line of kickd's own. Never waits. */
void logkeeper_say(const char *fmt, ...) KICK_PRINTF(1, 2);

/* What must not be left out, whatever was said before: why all ends. Once. */
void logkeeper_say_last(const char *fmt, ...) KICK_PRINTF(1, 2);

/* An event of the tree as a whole. */
void logkeeper_event(int event, const char *path, pid_t pid, const char *reason);

#endif
