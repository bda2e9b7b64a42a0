/* Rights follow from what the kernel noted when the peer connected, not from anything
 * that the peer says: so they are known before its first byte is read. */
#include "control/peer.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/macro.h"

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

#define NOBODY ((gid_t)-1)

/* Supplementary groups of the peer. Their number is 0 when they cannot be had. */
static size_t peer_groups(int fd, gid_t **ret)
{
	socklen_t size = 0;
	gid_t *groups;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &size) == 0 ||
		errno != ERANGE || size == 0)
		return 0;
	groups = malloc(size);
	if (!groups)
		return 0;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0) {
		free(groups);
		return 0;
	}
	*ret = groups;
	return size / sizeof *groups;
}

static bool is_member(gid_t wanted, gid_t gid, const gid_t *groups, size_t n)
{
	if (wanted == NOBODY)
		return false;
	if (wanted == gid)
		return true;
	for (size_t i = 0; i < n; i++)
		if (groups[i] == wanted)
			return true;
	return false;
}

enum peer_role peer_role(int fd, const struct server_access *access)
{
	struct ucred cred = { 0 };
	socklen_t size = sizeof cred;
	autofree gid_t *groups = NULL;
	size_t n = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
		return PEER_DENIED;
	if (cred.uid == 0 || cred.uid == geteuid())
		return PEER_FULL;
	if (access->group != NOBODY || access->readers != NOBODY)
		n = peer_groups(fd, &groups);
	if (is_member(access->group, cred.gid, groups, n))
		return PEER_FULL;
	if (is_member(access->readers, cred.gid, groups, n))
		return PEER_READER;
	return PEER_DENIED;
}
