/* Reads the datagrams of notice.h, and believes nothing that they say about their own
 * length. */
#ifndef KICK_LOGGER_INBOX_H
#define KICK_LOGGER_INBOX_H

#include <stddef.h>

#include <stdbool.h>
#include <stddef.h>

#include "otp/notice.h"

struct inbox {
	struct notice notice;
	const char *path; /* in bytes */
	const char *text; /* in bytes */
	bool cut;	  /* there was no descriptor left for one that came */
	int fd;		  /* of a pipe or a watch, the caller's; or -1 */
	size_t at, len;	  /* what of the datagram is not taken yet: [at, len) */
	char bytes[NOTICE_MAX + 1];
};

/* Takes the next notice without waiting: of the datagram that has been begun, else of a
 * new one. *in is the caller's, zeroed before the first call and left alone between
 * calls. 1: *in is filled. 0: there is none. -EPROTO: it was not a notice, and has been
 * dropped with the rest of its datagram; -EPIPE: end of file, or an empty datagram; or
 * another negative errno. */
int inbox_read(int fd, struct inbox *in);

/* True while a datagram has been begun and not been taken to its end. */
static inline bool inbox_has_more(const struct inbox *in)
{
	return in->at < in->len;
}

#endif
