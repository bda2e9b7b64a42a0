/* Unix sockets between kick's processes: pairs, named listening sockets, messages with
 * descriptors. Nothing here blocks. */
#ifndef KICK_OS_SOCK_H
#define KICK_OS_SOCK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/* Most descriptors in one message. */
#define SOCK_FDS_MAX 4

/* A pair of close-on-exec, non-blocking sockets of this type (SOCK_SEQPACKET, ...). */
int sock_pair(int type, int ret_fds[2]);

/* A listening stream socket at dir/name (a stale file is replaced: the directory is
 * ours, its lock is held). mode is the file's. Close-on-exec, non-blocking. */
int sock_listen(const char *dir, const char *name, mode_t mode, int *ret_fd);

/* The same under a name that has never been used, in a directory that nobody else may
 * enter: nothing to replace, no mode. */
int sock_listen_new(const char *dir, const char *name, int *ret_fd);

/* A bound datagram socket at dir/name that receives credentials (SO_PASSCRED), owned
 * by uid, mode 0600. */
int sock_notify(const char *dir, const char *name, uid_t uid, int *ret_fd);

/* Removes the numbered names in dir behind which no socket is any more: what the killed
 * owner of some has left. */
void sock_sweep(const char *dir);

/* Sends one message. 0, -EAGAIN when there is no room, or another negative errno.
 * The descriptors stay the caller's. */
int sock_send(int fd, const void *bytes, size_t n, const int *fds, size_t n_fds);

/* Receives one message into n parts, one after the other. Its length, 0 at the end,
 * -EAGAIN when there is none, -EMSGSIZE when it was cut. Descriptors are close-on-exec
 * and the caller's; *n_fds is how many fit in fds before, how many came after. */
ssize_t sock_receive(int fd, struct iovec *parts, size_t n, int *fds, size_t *n_fds);

#endif
