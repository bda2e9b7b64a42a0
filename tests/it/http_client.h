/* A client that opens connections back to back, one request each, and counts what
 * becomes of them. It runs in a thread beside the test, also while a failed one ends:
 * static clients only. */
#ifndef KICK_IT_HTTP_CLIENT_H
#define KICK_IT_HTTP_CLIENT_H

#include <pthread.h>
#include <stdbool.h>

#define HTTP_MOST 16

struct http_counts {
	int begun;    /* connections that were asked for */
	int sent;     /* requests that were sent */
	int answered; /* as they should be */
	int refused;
	int reset; /* connected, then reset */
	int lost;  /* connected, and the end of file instead of an answer */
	int late;  /* no answer after IT_SECONDS */
	int other;
};

struct http_client {
	int port;
	const char *answer; /* what a right answer contains */
	int at_once;	    /* this many connections at a time */
	int limit;	    /* this many in all; 0: until the end */

	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t news;
	struct http_counts counts;
	double gap; /* the longest time between two answers, in seconds */
	bool stop, over;
	char trouble[128];
};

/* Fields up to limit are the caller's, the rest is zero. */
void http_begin(struct http_client *c);

/* No further connection, but for those that a limit allows; waits for what becomes of
 * them. */
void http_end(struct http_client *c);

struct http_counts http_now(struct http_client *c);

/* Until every request of a limited client has been sent. */
void http_await_sent(struct http_client *c);

/* Until one that was begun after the call has been answered; the counts then. */
struct http_counts http_await_fresh(struct http_client *c);

/* All that was asked for was answered. Shows the counts otherwise. */
void http_check_all(struct http_client *c);

/* Nobody was refused or is left waiting, and no answer is wrong. */
void http_check_open(struct http_client *c);

/* A port that nobody listens on now. */
int http_free_port(void);

#endif
