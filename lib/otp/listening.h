/* The listening sockets of the application, by name, as this process has them: opened
 * and kept by the root, inherited by every supervisor, handed to the workers that name
 * them. */
#ifndef KICK_OTP_LISTENING_H
#define KICK_OTP_LISTENING_H

#include <stddef.h>

#include "config/spec.h"
#include "otp/link.h"

/* Takes fd over, in place of what had the name; it is closed on failure. 0 or -ENOMEM.
 */
int listening_put(const char *name, int fd);

/* The descriptor, which stays the table's; -1: there is no such socket. */
int listening_fd(const char *name);

/* Sends the descriptor down, and which socket it is, should there be no room for it on
 * the way. 0 or a negative errno. */
int listening_send(struct link *link, const char *name, int fd);

/* Closes all that the configuration does not name. */
void listening_drop_others(const struct config *cf);

/* All descriptors in rising order, for a fork that keeps them. Valid until the next
 * change. */
const int *listening_all(size_t *ret_n);

#endif
