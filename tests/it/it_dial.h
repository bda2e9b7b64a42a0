/* Clients of the servers that trees hand sockets to. */
#ifndef KICK_IT_DIAL_H
#define KICK_IT_DIAL_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

union address {
	struct sockaddr any;
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

/* The length of the address, which is made in *ret. */
socklen_t tcp4(int port, union address *ret);
socklen_t tcp6(int port, union address *ret);
/* name: of a file in the test's directory. */
socklen_t unix_at(const char *name, union address *ret);

/* A port that nobody has now, of TCP and of UDP. */
int free_port(void);

/* A connection, or -1 and errno; what is read from it waits IT_SECONDS at most. */
int dial(const union address *a, socklen_t n, int type);

/* What the server answers to one line; "" when it hangs up without a word, "refused"
 * and so on by errno. Static until the next call of this thread. */
const char *ask(const union address *a, socklen_t n, int type, const char *line);
const char *ask4(int port, const char *line);
const char *ask_unix(const char *name, const char *line);

/* config with the port for each of up to three %d. Static until the next call. */
const char *with_port(const char *config, int port);

#endif
