/* The root's listening sockets: opened before anything is started, kept over the deaths
 * of all who work with them, mended when one of those has shut one down. */
#ifndef KICK_KICKD_SOCKKEEPER_H
#define KICK_KICKD_SOCKKEEPER_H

#include <stddef.h>

#include "base/buf.h"
#include "config/spec.h"
#include "loop/loop.h"
#include "otp/link.h"

struct kept_socket;

struct sockkeeper {
	struct loop *loop;
	struct link *link; /* to the top supervisor, which is told of new ones */
	const struct config *config;
	struct kept_socket **at; /* as they stand in the configuration */
	size_t n;
	struct kept_socket **leaving; /* of the last configuration only */
	size_t n_leaving;
	struct timer again; /* the next try for those that could not be mended */
};

/* Opens all sockets of the configuration or none; each that cannot be opened has a line
 * in *why, after prefix. Negative errno of the first. */
int sockkeeper_open(struct sockkeeper *sk, const struct config *cf, const char *prefix,
	struct buf *why);

/* From now on it sees when one is shut down. */
void sockkeeper_watch(struct sockkeeper *sk, struct loop *loop, struct link *link);

/* Towards the next configuration: opens what is new, or changes nothing (as
 * sockkeeper_open), and tells the supervisors. What is not in it any more is let go
 * when all have it: sockkeeper_settle. */
int sockkeeper_change(struct sockkeeper *sk, const struct config *next,
	const char *prefix, struct buf *why);
void sockkeeper_settle(struct sockkeeper *sk);

/* A supervisor is about to start a worker with this one. It is opened again if need be,
 * and handed out. */
void sockkeeper_asked(struct sockkeeper *sk, const char *name);

/* Nobody uses it any more, nor will by itself: who waits there is let go, who comes is
 * refused, until it is asked for again. */
void sockkeeper_idle(struct sockkeeper *sk, const char *name);

/* A tree begins, and none of its workers has asked for a socket yet; it is up, or has
 * another configuration, and those that nobody has asked for are idle. */
void sockkeeper_begin(struct sockkeeper *sk);
void sockkeeper_end_unused(struct sockkeeper *sk);

/* Closes all, and takes the files of Unix sockets away. */
void sockkeeper_close(struct sockkeeper *sk);

#endif
