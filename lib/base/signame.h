/* Signals by name, "SIGTERM" or "TERM", and back. */
#ifndef KICK_BASE_SIGNAME_H
#define KICK_BASE_SIGNAME_H

/* Signal number of "SIGTERM", "TERM", "term", "15", "RTMIN+3"; 0 when there is none. */
int signame_parse(const char *text);

/* "SIGTERM"; "SIGRTMIN+3"; "SIG99" for what has no name. Static or per-call storage:
 * valid until the next call. */
const char *signame(int sig);

#endif
