/* What the programs of the Servy application have in common. Each role is a process of
 * libkick, the first one of its program, and runs until it is told to stop; it returns
 * the exit status, if it returns at all. SERVY_USAGE asks main to print how servy is
 * called. */
#ifndef SERVY_SERVY_H
#define SERVY_SERVY_H

#define SERVY_DONE 0
#define SERVY_FAILED 1
#define SERVY_USAGE 2

/* argv[0] is the role's name, what follows are its arguments; argv ends with NULL. */
int http_server_run(char **argv);
int pledge_server_run(char **argv);
int sensor_server_run(char **argv);

#endif
