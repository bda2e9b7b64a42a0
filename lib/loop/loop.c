/* One place where a process waits. Sources live in a table of slots; epoll is given the
 * slot's number and its generation, so that an event fetched for a source that has been
 * removed since finds nobody. Timers are a binary heap of the owners' structs behind
 * one timerfd, which is set only when the earliest deadline is another one as the loop
 * goes to wait: arming and disarming within a turn costs no system call. */
#include "loop/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/macro.h"

/* Events of one turn, and signals of one read. */
#define BATCH 64
#define SIGNALS 8

/* Keys that are not slots. */
#define KEY_TIMER UINT64_C(0)
#define KEY_SIGNAL UINT64_MAX

struct slot {
	struct io *io;
	uint32_t generation;
	uint32_t next_free; /* a slot's number; 0: none */
};

/* Timers of one deadline are called in the order in which they were armed. */
struct deadline {
	int64_t at;
	uint64_t order;
	struct timer *timer;
};

struct loop {
	int epoll;
	int timer;
	int signal;
	void (*on_signal)(void *user, const struct signalfd_siginfo *si);
	void *user;
	struct slot *slots;
	uint32_t n_slots; /* ever used; slot n is slots[n - 1], so that 0 is none */
	uint32_t cap_slots;
	uint32_t free_slot;
	struct deadline *heap;
	uint32_t n_timers;
	uint32_t cap_timers;
	uint64_t next_order;
	int64_t armed; /* what the timerfd is set to; -1: off */
	int64_t now;
};

/* --- life ------------------------------------------------------------------------ */

static int watch(struct loop *l, int fd, uint64_t key)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u64 = key };

	return epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

static int open_all(struct loop *l, const sigset_t *signals)
{
	int r;

	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0)
		return -errno;
	l->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (l->timer < 0)
		return -errno;
	r = watch(l, l->timer, KEY_TIMER);
	if (r < 0 || !signals)
		return r;
	l->signal = signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (l->signal < 0)
		return -errno;
	return watch(l, l->signal, KEY_SIGNAL);
}

int loop_new(const sigset_t *signals,
	void (*on_signal)(void *user, const struct signalfd_siginfo *si), void *user,
	struct loop **ret)
{
	struct loop *l = calloc(1, sizeof *l);
	int r;

	if (!l)
		return -ENOMEM;
	l->epoll = l->timer = l->signal = -1;
	l->on_signal = on_signal;
	l->user = user;
	l->armed = -1;
	l->now = clock_now();
	r = open_all(l, signals);
	if (r == 0)
		r = loop_reserve(l, 8);
	if (r < 0) {
		loop_free(l);
		return r;
	}
	*ret = l;
	return 0;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	(void)fd_close(l->epoll);
	(void)fd_close(l->timer);
	(void)fd_close(l->signal);
	loop_abandon(l);
}

void loop_abandon(struct loop *l)
{
	if (!l)
		return;
	free(l->slots);
	free(l->heap);
	free(l);
}

int loop_fd(const struct loop *l)
{
	return l->epoll;
}

int64_t loop_now(const struct loop *l)
{
	return l->now;
}

/* --- descriptors ----------------------------------------------------------------- */

static int reserve_slots(struct loop *l, uint32_t n)
{
	struct slot *slots;

	if (n <= l->cap_slots)
		return 0;
	slots = reallocarray(l->slots, n, sizeof *slots);
	if (!slots)
		return -ENOMEM;
	memset(slots + l->cap_slots, 0, (n - l->cap_slots) * sizeof *slots);
	l->slots = slots;
	l->cap_slots = n;
	return 0;
}

static uint64_t key_of(const struct loop *l, uint32_t slot)
{
	return (uint64_t)l->slots[slot - 1].generation << 32 | slot;
}

static int take_slot(struct loop *l, uint32_t *ret)
{
	if (l->free_slot) {
		*ret = l->free_slot;
		l->free_slot = l->slots[*ret - 1].next_free;
		return 0;
	}
	if (l->n_slots == l->cap_slots && reserve_slots(l, l->cap_slots * 2 + 8) < 0)
		return -ENOMEM;
	*ret = ++l->n_slots;
	return 0;
}

static void give_slot(struct loop *l, uint32_t slot)
{
	struct slot *s = &l->slots[slot - 1];

	s->io = NULL;
	s->generation++;
	s->next_free = l->free_slot;
	l->free_slot = slot;
}

int loop_add(struct loop *l, struct io *io, uint32_t events)
{
	struct epoll_event e = { .events = events };
	uint32_t slot;
	int r;

	KICK_ASSERT(io->slot == 0);
	r = take_slot(l, &slot);
	if (r < 0)
		return r;
	e.data.u64 = key_of(l, slot);
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, io->fd, &e) < 0) {
		r = -errno;
		give_slot(l, slot);
		return r;
	}
	l->slots[slot - 1].io = io;
	io->slot = slot;
	io->events = events;
	return 0;
}

int loop_change(struct loop *l, struct io *io, uint32_t events)
{
	struct epoll_event e = { .events = events };

	KICK_ASSERT(io->slot != 0);
	if (io->events == events)
		return 0;
	e.data.u64 = key_of(l, io->slot);
	if (epoll_ctl(l->epoll, EPOLL_CTL_MOD, io->fd, &e) < 0)
		return -errno;
	io->events = events;
	return 0;
}

void loop_remove(struct loop *l, struct io *io)
{
	if (!io->slot)
		return;
	/* Fails only for a descriptor that is closed already, and then epoll may have
	 * forgotten it too; the slot's generation makes sure that we have. */
	(void)epoll_ctl(l->epoll, EPOLL_CTL_DEL, io->fd, NULL);
	give_slot(l, io->slot);
	io->slot = 0;
}

/* --- timers ---------------------------------------------------------------------- */

static int reserve_timers(struct loop *l, uint32_t n)
{
	struct deadline *heap;

	if (n <= l->cap_timers)
		return 0;
	heap = reallocarray(l->heap, n, sizeof *heap);
	if (!heap)
		return -ENOMEM;
	l->heap = heap;
	l->cap_timers = n;
	return 0;
}

int loop_reserve(struct loop *l, uint32_t n)
{
	int r = reserve_slots(l, n);

	return r < 0 ? r : reserve_timers(l, n);
}

static bool before(const struct deadline *a, const struct deadline *b)
{
	return a->at < b->at || (a->at == b->at && a->order < b->order);
}

static void put(struct loop *l, uint32_t i, struct deadline d)
{
	l->heap[i] = d;
	d.timer->heap = i + 1;
}

static void sift_up(struct loop *l, uint32_t i)
{
	struct deadline d = l->heap[i];

	while (i > 0 && before(&d, &l->heap[(i - 1) / 2])) {
		put(l, i, l->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	put(l, i, d);
}

static void sift_down(struct loop *l, uint32_t i)
{
	struct deadline d = l->heap[i];

	for (;;) {
		uint32_t child = 2 * i + 1;

		if (child >= l->n_timers)
			break;
		if (child + 1 < l->n_timers &&
			before(&l->heap[child + 1], &l->heap[child]))
			child++;
		if (!before(&l->heap[child], &d))
			break;
		put(l, i, l->heap[child]);
		i = child;
	}
	put(l, i, d);
}

void loop_disarm(struct loop *l, struct timer *t)
{
	uint32_t i = t->heap - 1;

	if (t->heap == 0)
		return;
	KICK_ASSERT(i < l->n_timers && l->heap[i].timer == t);
	t->heap = 0;
	l->n_timers--;
	if (i == l->n_timers)
		return;
	put(l, i, l->heap[l->n_timers]);
	sift_up(l, i);
	sift_down(l, i);
}

void loop_arm(struct loop *l, struct timer *t, int64_t at)
{
	loop_disarm(l, t);
	if (at < 0)
		return;
	if (l->n_timers == l->cap_timers &&
		reserve_timers(l, l->cap_timers * 2 + 8) < 0)
		KICK_BUG("no memory for a timer, and none was reserved");
	t->at = at;
	put(l, l->n_timers,
		(struct deadline){ .at = at, .order = l->next_order++, .timer = t });
	l->n_timers++;
	sift_up(l, l->n_timers - 1);
}

/* The kernel is told of the earliest deadline, when it is another one. Nothing ever
 * reads the timerfd: once it has rung, it ends each wait until it is set anew, which is
 * right for a deadline that has passed, and any other deadline sets it. */
static int set_timer(struct loop *l)
{
	int64_t at = l->n_timers ? l->heap[0].at : -1;
	struct itimerspec its = { 0 };

	if (at == l->armed)
		return 0;
	/* A deadline that was put off costs one turn for nothing, not a system call
	 * each time: the ordered stop of many children puts it off with each of them.
	 */
	if (at > l->armed && l->armed > l->now)
		return 0;
	if (at >= 0) {
		its.it_value.tv_sec = at / SEC_NS;
		its.it_value.tv_nsec = at % SEC_NS;
		/* 0 would disarm. */
		if (at == 0)
			its.it_value.tv_nsec = 1;
	}
	if (timerfd_settime(l->timer, TFD_TIMER_ABSTIME, &its, NULL) < 0)
		return -errno;
	l->armed = at;
	return 0;
}

/* What a callback arms for now or earlier has its turn in the next turn: a timer that
 * arms itself again and again does not lock out descriptors. */
static void run_timers(struct loop *l)
{
	const uint64_t end = l->next_order;

	while (l->n_timers > 0 && l->heap[0].at <= l->now && l->heap[0].order < end) {
		struct timer *t = l->heap[0].timer;

		loop_disarm(l, t);
		t->call(t, l->now);
	}
}

/* --- a turn ---------------------------------------------------------------------- */

static void run_signals(struct loop *l)
{
	struct signalfd_siginfo si[SIGNALS];
	ssize_t n;

	do {
		n = read(l->signal, si, sizeof si);
		for (ssize_t i = 0; i < n / (ssize_t)sizeof si[0]; i++)
			l->on_signal(l->user, &si[i]);
	} while (n == sizeof si);
}

/* The owner may have been freed, or have changed what it waits for, since the event was
 * fetched. Errors and hang-ups are always of interest. */
static void run_io(struct loop *l, const struct epoll_event *e)
{
	uint32_t slot = (uint32_t)e->data.u64;
	struct io *io = l->slots[slot - 1].io;
	uint32_t events;

	if (!io || key_of(l, slot) != e->data.u64)
		return;
	events = e->events & (io->events | EPOLLERR | EPOLLHUP);
	if (events)
		io->call(io, events);
}

/* Signals are served first: a child's end is known before its pipes are seen to end. */
static void run_events(struct loop *l, const struct epoll_event *events, int n)
{
	for (int i = 0; i < n; i++)
		if (events[i].data.u64 == KEY_SIGNAL)
			run_signals(l);
	for (int i = 0; i < n; i++)
		if (events[i].data.u64 != KEY_SIGNAL && events[i].data.u64 != KEY_TIMER)
			run_io(l, &events[i]);
}

int loop_once(struct loop *l)
{
	struct epoll_event events[BATCH];
	int n;
	int r = set_timer(l);

	if (r < 0)
		return r;
	do
		n = epoll_wait(l->epoll, events, BATCH, -1);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	l->now = clock_now();
	run_events(l, events, n);
	run_timers(l);
	return 0;
}
