/* Who is at the other end of a Unix stream socket, and what he may do. */
#ifndef KICK_CONTROL_PEER_H
#define KICK_CONTROL_PEER_H

#include "control/server.h"

enum peer_role {
	PEER_DENIED,
	PEER_READER,
	PEER_FULL
};

/* What the kernel says about the peer of a connected socket, against the access list:
 * uid 0, our own uid and members of `group` may do everything, members of `readers` may
 * look. What cannot be found out is denied. Never blocks, reads nothing. */
enum peer_role peer_role(int fd, const struct server_access *access);

#endif
