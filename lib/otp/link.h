/* The link between a process and its parent: orders down, facts up, descriptors both
 * ways, and its end means that the other side is gone. One message is one datagram of
 * a SOCK_SEQPACKET pair. Sending never waits: what does not fit is queued, up to
 * KICK_LINK_QUEUE_MAX bytes. */
#ifndef KICK_OTP_LINK_H
#define KICK_OTP_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "loop/loop.h"

enum link_kind {
	/* down */
	LINK_STOP,   /* text: the reason. All children in reverse order, then exit */
	LINK_CLOSE,  /* nothing is to be started any more: LINK_STOP will follow */
	LINK_HURRY,  /* KILL to all at once, then exit */
	LINK_RELOAD, /* fd: the configuration that holds from now on */
	LINK_NODE,   /* first, to a program: id: its socket's name, fd: that socket,
			text: "GROUP READERS", the gids that may use it, -1 none */
	LINK_SOCKET, /* text: its name; up: somebody is about to use it; down, the
			answer, fd: what has it from now on; number: which socket
			that is (listener_id), should there be no room for fd */
	LINK_ANSWER, /* to LINK_ASK: id; number: 0 or a negative errno; fd: text, or
			none */
	/* up */
	LINK_READY,   /* every child is up, or was tried */
	LINK_EXITING, /* text: the reason of the exit that follows; number: the status
			 of the significant child that set it off, -1 none */
	LINK_OUTPUT,  /* a new pipe: id, number: stream, text: path, fd: its read end */
	LINK_RELOADED, /* number: how many failed; text: "PATH REASON" lines of them */
	LINK_SOCKET_IDLE, /* text: its name; nobody below uses it any more */
	LINK_ASK,	  /* to the root: id; number: enum link_ask */
};

enum link_ask {
	ASK_RELOAD,
	ASK_DRY_RUN,
	ASK_SHUTDOWN,
	ASK_RENEW
};

/* LINK_OUTPUT: the logger has been given the pipe already. */
#define LINK_TOLD 1u
/* LINK_SOCKET, down: it cannot be opened; number: errno, the text's second line: why.
 */
#define LINK_REFUSED 2u

struct link_message {
	uint32_t kind;	/* enum link_kind */
	uint32_t flags; /* LINK_TOLD, LINK_REFUSED */
	uint64_t id;
	int64_t number;
};

struct link_queued;

struct link {
	struct io io;
	struct loop *loop;
	struct link_queued *first, **last;
	size_t queued;

	/* text ends with a NUL, is "" for none, and is the link's. fd is -1 or the
	 * callee's. The callee may link_done() the link. */
	void (*on_message)(
		struct link *l, const struct link_message *m, const char *text, int fd);
	void (*on_end)(struct link *l);
};

/* Takes the socket (closed by link_done) and waits for messages. on_message and on_end
 * are set by the caller before. Negative errno: the socket is still the caller's. */
int link_init(struct link *l, struct loop *loop, int fd);

/* Closes and empties. Idempotent after link_init. */
void link_done(struct link *l);

/* Sends or queues a copy. The descriptor (-1: none) stays the caller's. -ENOBUFS when
 * too much is queued, -ENOMEM, -EPIPE when the other side is gone. */
int link_send(struct link *l, const struct link_message *m, const char *text, int fd);

/* Takes what has arrived, now. For the moment after a child's death. */
void link_drain(struct link *l);

/* Writes what is queued, waiting at most timeout_ms: before an exit. */
void link_flush(struct link *l, int timeout_ms);

#endif
