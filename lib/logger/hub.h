/* Those who follow events and lines, and the last events for those who come later.
 *
 * A subscriber that is too slow misses what does not fit into its queue; it is told how
 * much by a `lost` event as soon as there is room again. */
#ifndef KICK_LOGGER_HUB_H
#define KICK_LOGGER_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/limits.h"
#include "logger/selection.h"
#include "loop/loop.h"

struct client;
struct subscriber;

enum hub_topic {
	HUB_EVENTS,
	HUB_LINES,
	HUB_NTOPICS
};

struct hub {
	struct loop *loop;
	struct timer retry; /* armed while a subscriber has yet to be told of a loss */
	struct subscriber *subscribers;
	uint32_t n_of[HUB_NTOPICS];
	char **history; /* KICK_LAST_EVENTS texts, made with the first event */
	uint32_t n;	/* of events in it */
	uint32_t next;	/* where the next one goes */
};

/* One event of `kick events`. */
struct hub_event {
	int64_t wall;	    /* CLOCK_REALTIME, ns */
	uint32_t event;	    /* enum sup_event */
	int32_t pid;	    /* 0: none */
	const char *path;   /* "": none */
	const char *reason; /* "": none */
	uint64_t count;	    /* of EVENT_LOST, else 0 */
};

void hub_init(struct hub *h, struct loop *l);
void hub_done(struct hub *h);

/* Remembers the event and tells it. An unknown event is ignored. */
void hub_tell_event(struct hub *h, const struct hub_event *e);

/* Tells a line of output. */
void hub_tell_line(struct hub *h, const char *path, size_t path_len, uint32_t stream,
	const char *text, size_t len);

/* Appends the last n events as a JSON array. */
void hub_add_history(const struct hub *h, uint32_t n, struct buf *b);

/* Appends a line as the object that `line` notifications and `log` have. */
void hub_add_line(struct buf *b, const char *path, size_t path_len, uint32_t stream,
	const char *text, size_t len);

/* Subscribes a client, in place of its earlier subscription to the topic. The selection
 * is taken (emptied), also when it fails. 0 or -ENOMEM. */
int hub_subscribe(struct hub *h, struct client *cl, enum hub_topic topic,
	struct selection *which);

/* Forgets a client. */
void hub_forget(struct hub *h, const struct client *cl);

#endif
