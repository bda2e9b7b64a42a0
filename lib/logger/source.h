/* The pipes that children write to: read in big blocks, passed on in whole lines.
 *
 * A pipe whose sink is blocked is not read: its child waits in write, and nobody else.
 */
#ifndef KICK_LOGGER_SOURCE_H
#define KICK_LOGGER_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "logger/output.h"
#include "logger/sink.h"
#include "loop/loop.h"

struct sources;

struct source {
	struct io io;
	struct sources *owner;
	struct output *output;
	struct source *prev, *next; /* all of them */
	struct source *next_of_output;
	struct source *next_paused;
	uint64_t id;
	uint64_t since; /* outputs.seq when it came */
	char *carry;	/* read and not yet passed on */
	uint32_t carry_len;
	uint8_t stream;
	bool paused;
	bool ended; /* end of file was read */
};

#define SOURCE_STREAMS 2

struct sources {
	struct loop *loop;
	struct outputs *outputs;
	struct sink *sinks[SOURCE_STREAMS]; /* of stream 1 and 2; may be the same */
	struct source *all;
	struct source *paused; /* first come, first served */
	struct source *paused_last;
	uint32_t n;
	uint64_t reads; /* so far */
	char *block;	/* mapped when first needed */
	void *user;
	void (*line)(void *user, const struct output *o, uint32_t stream,
		const char *text, size_t len);	/* each line; NULL: nobody wants it */
	void (*ended)(void *user, uint64_t id); /* a pipe is through; NULL allowed */
};

/* Reads fd from now on as output of path; takes fd, also when it fails. A pipe with an
 * id that is there already is closed. 0 or a negative errno. */
int sources_add(
	struct sources *ss, uint64_t id, int fd, uint32_t stream, const char *path);

/* The sink has room again. */
void sources_resume(struct sources *ss);

/* Reads now what is in the pipes of a path (as far as its sinks take it); whole: an
 * unfinished line is passed on too. */
void sources_catch_up(struct sources *ss, const char *path, bool whole);

/* Somebody waits for a line of path with the text, in a pipe whose id is not below id:
 * outputs_watch, and what has been read of such a pipe counts too. */
void sources_watch(
	struct sources *ss, const char *path, const char *text, uint64_t id, int fd);

/* Reads what is there and ends each pipe in which nothing is left, though somebody may
 * still hold its other end. Those that wait for their sink stay. */
void sources_finish(struct sources *ss);

/* Gives the memory of the block back until it is needed again. */
void sources_rest(struct sources *ss);

/* Closes all pipes; what is in them is lost to this process. */
void sources_done(struct sources *ss);

#endif
