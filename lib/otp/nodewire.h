/* What a process of a program and its node say to each other, over a link (otp/link.h):
 * struct link_message with these kinds. Requests have an id and are answered in order;
 * events come at any time. */
#ifndef KICK_OTP_NODEWIRE_H
#define KICK_OTP_NODEWIRE_H

enum node_kind {
	/* to the node; number is the other process's id where one is meant */
	NODE_HELLO,   /* first: number: pid */
	NODE_PREPARE, /* flags: NODE_LINKED, NODE_MONITORED; the answer: number: id,
			 its listening socket and its end of a link; text: monitor */
	NODE_ABANDON, /* it was not made after all */
	NODE_LINK,
	NODE_UNLINK,
	NODE_MONITOR,	/* the answer: number: ref, or 0 and text: how it had ended */
	NODE_DEMONITOR, /* number: ref */
	NODE_TRAP,	/* number: on; the answer: what it was */
	NODE_EXIT,	/* text: reason; flags: frames sent to it before */
	NODE_RAISE,	/* text: reason of the exit that follows; no answer */
	NODE_REGISTER,	/* text: name */
	NODE_UNREGISTER,
	NODE_WHEREIS,
	NODE_ALIVE,
	NODE_INFO,  /* the answer: text: JSON */
	NODE_LATER, /* number: ms; flags: NODE_AGAIN; text: "ID JSON" or "=NAME JSON" */
	NODE_CANCEL, /* number: ref */
	NODE_LEFT,   /* number: ref */

	/* from the node */
	NODE_ANSWER, /* number: result or negative errno */
	NODE_SOCKET, /* before the answer to NODE_PREPARE: the listening socket */
	NODE_EXITED, /* event: number: from, text: reason; id: of a signal the frames
			sent before, and bit 32 */
	NODE_DOWN,   /* event: id: ref, number: from, text: reason */
	NODE_TIMER   /* event: number: from, text: JSON */
};

#define NODE_LINKED 1u
#define NODE_MONITORED 2u
#define NODE_AGAIN 4u

/* Where a process listens, in the node's directory. */
#define NODE_SOCKET_NAME "p%llu"

#endif
