/* A runtime directory whose sockets answer from a script: one text for each method of
 * each socket, however often it is asked. In a process of its own. */
#ifndef KICK_TESTS_SCRIPTED_H
#define KICK_TESTS_SCRIPTED_H

#include <stddef.h>
#include <sys/types.h>

struct line {
	const char *socket; /* "0" */
	const char *method; /* "status"; a text that the request contains */
	const char *answer; /* result or error member of the answer, without braces;
			       NULL: the connection is closed */
};

struct scripted {
	char dir[40];
	const struct line *lines;
	size_t n;
	pid_t pid;
};

/* Makes the directory and its sockets, and starts to answer. */
void scripted_start(struct scripted *s, const struct line *lines, size_t n);

/* Ends the process and removes the directory. */
void scripted_stop(struct scripted *s);

#endif
