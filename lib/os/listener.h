/* Listening sockets that outlive the processes behind them: opened, looked at, mended
 * and taken away again by the one process that keeps them. Nothing here blocks. */
#ifndef KICK_OS_LISTENER_H
#define KICK_OS_LISTENER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "config/spec.h"

/* The file of a Unix socket, so that another one in its place is not taken for it. */
struct listener_file {
	dev_t dev;
	ino_t ino;
};

/* Binds and listens; the file of a Unix socket behind which nobody is any more is
 * replaced, any other is let alone. The descriptor is blocking, as servers expect it,
 * and close-on-exec. Negative errno: *err says why, and what to do. */
int listener_open(const struct socket_spec *spec, int *ret_fd,
	struct listener_file *ret_file, struct err *err);

/* Whether somebody has shut it down. */
bool listener_is_dead(int fd);

/* Whether this process has the socket open: 1, 0, or a negative errno where that cannot
 * be seen: without /proc, of another user's process, and of one with thousands of
 * descriptors (-E2BIG). proc_pid_fd(5). */
int listener_is_held(int fd, pid_t by);

/* Which socket it is, the same number in all who have a copy. */
int64_t listener_id(int fd);

/* Of a TCP socket: it listens again, on the same descriptor, with this backlog.
 * Negative errno: of other kinds it takes a new socket. */
int listener_again(int fd, const struct socket_spec *spec);

/* A new socket at the same address in place of one that was shut down. The old
 * descriptor stays the caller's; it gets no more. */
int listener_replace(const struct socket_spec *spec, int old,
	struct listener_file *file, int *ret_fd, struct err *err);

/* Takes the file away if it is still this one. */
void listener_unlink(const char *path, const struct listener_file *file);

/* Gives an open one the backlog of spec, and its file, if it is still this one, the
 * mode. */
void listener_adapt(
	const struct socket_spec *spec, int fd, const struct listener_file *file);

/* Ends the name for everybody who has a copy of fd, and the wait of those in its queue.
 * The descriptor stays the caller's. */
void listener_end(int fd);

#endif
