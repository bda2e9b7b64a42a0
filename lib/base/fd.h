/* File descriptors: close that keeps errno, ownership that is seen to move. */
#ifndef KICK_BASE_FD_H
#define KICK_BASE_FD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define autoclose __attribute__((cleanup(fd_closep)))

/* Closes fd unless it is negative; errno survives. Returns -EBADF, always. */
int fd_close(int fd);
void fd_closep(int *fd);

/* Hands the descriptor out of an autoclose variable. */
int fd_steal(int *fd);

/* O_NONBLOCK on or off. 0 or a negative errno. */
int fd_nonblock(int fd, int on);

/* Writes all of it to a descriptor that may block; short counts and EINTR are gone on
 * with. Only for processes that may wait (the command line, the config process). */
int fd_write_all(int fd, const void *bytes, size_t n);

/* Reads the whole file, at most max bytes (-EFBIG beyond). *ret_data is malloc'ed,
 * ends with a NUL that is not counted, and belongs to the caller. */
int fd_read_all(int fd, size_t max, char **ret_data, size_t *ret_len);

#endif
