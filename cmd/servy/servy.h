/* What the programs of the Servy application have in common. Each role runs until it is
 * told to stop and returns the exit status of its process; SERVY_USAGE asks main to
 * print how servy is called. */
#ifndef SERVY_SERVY_H
#define SERVY_SERVY_H

#include <stdbool.h>
#include <stdint.h>

#define SERVY_DONE 0
#define SERVY_FAILED 1
#define SERVY_USAGE 2

/* argv[0] is the role's name, what follows are its arguments; argv ends with NULL. */
int http_server_run(char **argv);
int pledge_server_run(char **argv);
int sensor_server_run(char **argv);

/* From here on TERM and INT are kept for wait_for_stop. Called before any thread is
 * started, so that all threads block them. */
void hold_stop_signals(void);

/* Blocks until TERM or INT comes (true) or the monotonic clock has reached deadline_ns
 * (false); a negative deadline never comes. */
bool wait_for_stop(int64_t deadline_ns);

#endif
