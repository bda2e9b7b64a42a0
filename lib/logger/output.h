/* The captured output of one child, by its path: outlives the pipes that it comes
 * through, so that the last lines of a child that has gone can still be shown. */
#ifndef KICK_LOGGER_OUTPUT_H
#define KICK_LOGGER_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

#include "base/table.h"
#include "logger/lastlines.h"

struct source;
struct watch;

struct output {
	UT_hash_handle hh;
	struct lastlines last;
	struct source *sources;	      /* open pipes */
	struct watch *watch;	      /* who waits for a line of it, or NULL */
	struct output *older, *newer; /* among those without one */
	uint32_t path_len;
	char prefix[]; /* "PATH | " */
};

#define OUTPUT_SEPARATOR " | "

static inline size_t output_prefix_len(const struct output *o)
{
	return o->path_len + sizeof OUTPUT_SEPARATOR - 1;
}

struct outputs {
	struct output *table;
	struct output *oldest, *newest; /* without a pipe */
	uint32_t n_closed;
	uint64_t seq; /* of the last line remembered */
};

/* Outputs without a pipe that are remembered. Dynamic children come and go under ever
 * new names. */
#define OUTPUTS_CLOSED_MAX 256

/* The output of this path, or NULL. */
struct output *outputs_find(const struct outputs *os, const char *path);

/* The output of this path, made when there is none; NULL for want of memory. It is
 * counted as closed until outputs_opened. */
struct output *outputs_get(struct outputs *os, const char *path);

/* A first pipe has come; the last one has gone (o may be freed by this). */
void outputs_opened(struct outputs *os, struct output *o);
void outputs_closed(struct outputs *os, struct output *o);

/* Somebody waits for a line that contains the text, of a pipe whose id is not below id:
 * a newline goes into fd then, which is taken. False: no memory, fd is the caller's. */
bool outputs_watch(struct output *o, const char *text, uint64_t id, int fd);

/* Nobody waits any more. */
void outputs_unwatch(struct output *o);

/* A line of the pipe id, for who waits. */
void outputs_tell_watch(struct output *o, uint64_t id, const char *text, size_t len);

/* Those that are remembered from after since, too. */
void outputs_tell_watch_of_old(struct output *o, uint64_t since);

/* Remembers a line. */
void outputs_remember(struct outputs *os, struct output *o, uint32_t stream,
	const char *text, size_t len);

/* Frees all of them; their pipes must have gone. */
void outputs_done(struct outputs *os);

#endif
