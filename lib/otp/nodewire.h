/* What a process of a program and its node say to each other, over a link (otp/link.h):
 * struct link_message with these kinds. Requests have an id and are answered in order;
 * events come at any time. */
#ifndef KICK_OTP_NODEWIRE_H
#define KICK_OTP_NODEWIRE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum node_kind {
	/* to the node; number is the other process's id where one is meant */
	NODE_BORN, /* number: id, text: pid, fd: our end of its link; flags:
		      NODE_LINKED, NODE_MONITORED, id: the monitor's ref. No answer */
	NODE_LINK,
	NODE_UNLINK,
	NODE_MONITOR,	 /* the answer: number: ref, or 0 and text: how it had ended */
	NODE_DEMONITOR,	 /* number: ref */
	NODE_TRAP,	 /* number: on; the answer: what it was */
	NODE_EXIT,	 /* text: reason; flags: frames sent to it before */
	NODE_RAISE,	 /* text: reason of the exit that follows; no answer */
	NODE_REGISTER,	 /* text: name */
	NODE_UNREGISTER, /* text: name; flags: NODE_WAIT: as if it had ended */
	NODE_WHEREIS,	 /* text: name; flags: NODE_WAIT; the answer: number: id, or
			    -EAGAIN: NODE_FOUND will follow, or -EREMOTE: text: another
			    program's socket */
	NODE_UNWAIT,	 /* no NODE_FOUND, please; no answer */
	NODE_ALIVE,	 /* the answer: its process's pid, or 0 */
	NODE_INFO,	 /* the answer: text: JSON */
	NODE_LATER, /* number: ms; flags: NODE_AGAIN; text: "ID JSON" or "=NAME JSON" */
	NODE_CANCEL,	 /* number: ref */
	NODE_LEFT,	 /* number: ref */
	NODE_SUPERVISOR, /* the sender is one; text: JSON about it; no answer */
	NODE_SETTLED,	 /* a supervisor's, number: a child's id that has ended: it has
			    been started again, id: as what, or will not be: 0; no answer
			  */
	NODE_LEAD, /* the sender leads a group: itself, and all that is born of a member
		      from now on; no answer */
	NODE_KILL_LED, /* kills all of the sender's group but it; the answer: number:
			  one that is not reaped yet, 0: none is left */
	NODE_READY,    /* the first process's init has ended; number: whether TERM is an
			  exit signal for it from now on; no answer */
	NODE_REPLY,    /* number: ref of NODE_CALL, text: JSON; flags: NODE_TOO_BIG; no
			  answer */

	/* from the node */
	NODE_ANSWER, /* number: result or negative errno */
	NODE_EXITED, /* event: number: from, text: reason; id: of a signal the frames
			sent before, and bit 32 */
	NODE_DOWN,   /* event: id: ref, number: from, text: reason */
	NODE_TIMER,  /* event: number: from, text: JSON */
	NODE_FOUND,  /* event: number: who has the name now, or -ESRCH */
	NODE_CALL,   /* event: from outside: id: ref, text: JSON */
	NODE_CAST    /* event: from outside: text: JSON */
};

#define NODE_LINKED 1u
#define NODE_MONITORED 2u
#define NODE_AGAIN 4u
#define NODE_WAIT 8u
#define NODE_TOO_BIG 16u

/* Where a process listens, in the node's directory. */
#define NODE_SOCKET_NAME "p%llu"

/* ... and where a supervisor in code answers the control protocol. */
#define NODE_CONTROL_NAME "s%llu"

/* The node itself, as the parent of the first process: who started the program. */
#define NODE_STARTER 1
#define NODE_FIRST 2

#define NODE_MAILBOXES 16384

/* Births that may be under way at once and are cleaned up after, should the parent end
 * before it can tell. */
#define NODE_BIRTHS 256

/* In memory that all processes of a node share: what each takes from by itself. */
struct node_counters {
	_Atomic uint64_t last_id;  /* of processes */
	_Atomic uint64_t last_ref; /* of monitors and timers */
	/* Lengths of mailboxes, by id modulo their number: id (low 32 bits) and length.
	 */
	_Atomic uint64_t mailboxes[NODE_MAILBOXES];
	/* From before the first thing of a child is made until the node has been told.
	 * pid is written by clone(2). */
	struct node_birth {
		_Atomic uint64_t parent; /* 0: free */
		_Atomic uint64_t id;
		volatile pid_t pid; /* 0: not yet cloned */
	} births[NODE_BIRTHS];
};

static inline uint64_t node_mailbox(uint64_t id, size_t length)
{
	return id << 32 | (length > UINT32_MAX ? UINT32_MAX : length);
}

#endif
