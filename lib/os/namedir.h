/* What programs and services leave in kickd's runtime directory for each other to find.
 *
 * =NAME: a symbolic link whose text is the control socket of who has the name; one to a
 * socket that is no more counts as none.
 *
 * nSOCKET-RANDOM/: where a program that was started over a link has its own sockets. */
#ifndef KICK_OS_NAMEDIR_H
#define KICK_OS_NAMEDIR_H

#include <stddef.h>
#include <stdint.h>

/* 0, also when it was ours already, and when we may not write there: the name is then
 * known within the program alone. -EEXIST: another one's. */
int namedir_claim(const char *dir, const char *name, uint32_t socket);

/* Nothing when it is another one's. */
void namedir_disclaim(const char *dir, const char *name, uint32_t socket);

/* The socket's name. -ESRCH: nobody's. */
int namedir_whose(const char *dir, const char *name, char *ret, size_t size);

/* Removes the directory that a program, killed, has left: that of this socket, and
 * those whose sockets are no more. */
void namedir_sweep(const char *dir, uint32_t socket);

/* Those of all programs. */
void namedir_empty(const char *dir);

#endif
