/* The event loop of one process: epoll, one timerfd, one signalfd. No business logic.
 *
 * Sources are embedded in their owners' structs. A source may be removed, and its owner
 * freed, from any callback: the loop forgets events already fetched for it. Callbacks
 * must not block. Nothing wakes up when nothing happens. */
#ifndef KICK_LOOP_LOOP_H
#define KICK_LOOP_LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

struct loop;

/* A descriptor. events are EPOLLIN, EPOLLOUT, ... as fetched. */
struct io {
	void (*call)(struct io *io, uint32_t events);
	int fd;
	uint32_t events; /* what is waited for */
	uint32_t slot;	 /* of the loop; 0: not added */
};

/* A deadline on CLOCK_MONOTONIC. */
struct timer {
	void (*call)(struct timer *t, int64_t now);
	int64_t at;    /* nanoseconds */
	uint32_t heap; /* place in the loop's heap + 1; 0: not armed */
};

/* Opens epoll, timerfd and, when signals is not NULL, a signalfd for that set (the
 * caller has blocked them). on_signal is called for each signal that came.
 * *ret is freed with loop_free. Negative errno. */
int loop_new(const sigset_t *signals,
	void (*on_signal)(void *user, const struct signalfd_siginfo *si), void *user,
	struct loop **ret);

/* Closes what loop_new opened. Sources that are still added are forgotten. */
void loop_free(struct loop *l);

/* Frees the memory without touching the kernel objects: for a forked child, whose
 * inherited epoll and timerfd are its parent's own. */
void loop_abandon(struct loop *l);

/* Waits for fd. io->call and io->fd are set by the caller. 0 or a negative errno. */
int loop_add(struct loop *l, struct io *io, uint32_t events);
int loop_change(struct loop *l, struct io *io, uint32_t events);

/* Idempotent; before the descriptor is closed. */
void loop_remove(struct loop *l, struct io *io);

/* (Re)arms or disarms (at < 0 is disarm). Never fails once the loop has room for the
 * timer: loop_reserve. */
void loop_arm(struct loop *l, struct timer *t, int64_t at);
void loop_disarm(struct loop *l, struct timer *t);

/* Room for n timers and sources in all. 0 or -ENOMEM. */
int loop_reserve(struct loop *l, uint32_t n);

/* One turn: waits until something happens (at most until the next timer), calls back
 * for signals first, then descriptors, then timers. 0 or a negative errno (never
 * -EINTR). */
int loop_once(struct loop *l);

/* Readable when loop_once() would not wait: for who has a loop of his own. The loop's.
 */
int loop_fd(const struct loop *l);

/* Time at which the current turn began: one clock reading per turn. */
int64_t loop_now(const struct loop *l);

#endif
