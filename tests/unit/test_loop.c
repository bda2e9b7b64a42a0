/* The event loop over real descriptors. Nothing here sleeps: what is to be due has a
 * deadline in the past, and where one lies ahead, the loop itself waits for it. */
#include "loop/loop.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/macro.h"

static struct loop *loop;

static void open_loop(void)
{
	cr_assert_eq(loop_new(NULL, NULL, NULL, &loop), 0);
}

static void close_loop(void)
{
	loop_free(loop);
}

TestSuite(loop, .init = open_loop, .fini = close_loop, .timeout = 10);

/* --- descriptors ----------------------------------------------------------------- */

struct pair {
	struct io io; /* over one end of a socketpair */
	int other;
	uint32_t events; /* of the last call */
	int calls;
	struct pair *victim; /* removed, and closed, by the call */
	bool replaces;	     /* and another source put in its place */
	struct io successor;
	int successor_calls;
};

static void on_successor(struct io *io, uint32_t events)
{
	struct pair *p = container_of(io, struct pair, successor);

	(void)events;
	p->successor_calls++;
}

static void on_pair(struct io *io, uint32_t events)
{
	struct pair *p = container_of(io, struct pair, io);

	p->events = events;
	p->calls++;
	if (!p->victim)
		return;
	loop_remove(loop, &p->victim->io);
	if (p->replaces) {
		p->successor = (struct io){ .call = on_successor, .fd = p->other };
		cr_assert_eq(loop_add(loop, &p->successor, EPOLLIN), 0);
	}
	p->victim = NULL;
}

static void pair_open(struct pair *p)
{
	int ends[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
			     ends),
		0);
	*p = (struct pair){ .io = { .call = on_pair, .fd = ends[0] },
		.other = ends[1] };
}

static void pair_close(struct pair *p)
{
	loop_remove(loop, &p->io);
	(void)fd_close(p->io.fd);
	(void)fd_close(p->other);
}

static void poke(const struct pair *p)
{
	cr_assert_eq(write(p->other, "x", 1), 1);
}

Test(loop, a_descriptor_is_called_for_as_long_as_it_is_ready)
{
	struct pair p;
	char c;

	pair_open(&p);
	cr_assert_eq(loop_add(loop, &p.io, EPOLLIN), 0);
	poke(&p);
	cr_assert_eq(loop_once(loop), 0);
	cr_assert_eq(loop_once(loop), 0);
	cr_expect_eq(p.calls, 2);
	cr_expect_eq(p.events, EPOLLIN);
	cr_expect_eq(read(p.io.fd, &c, 1), 1);
	pair_close(&p);
}

Test(loop, what_is_waited_for_can_be_changed)
{
	struct pair p;

	pair_open(&p);
	cr_assert_eq(loop_add(loop, &p.io, EPOLLIN), 0);
	cr_assert_eq(loop_change(loop, &p.io, EPOLLIN | EPOLLOUT), 0);
	cr_assert_eq(loop_once(loop), 0);
	cr_expect_eq(p.events, EPOLLOUT);
	cr_assert_eq(loop_change(loop, &p.io, EPOLLIN), 0);
	poke(&p);
	cr_assert_eq(loop_once(loop), 0);
	cr_expect_eq(p.events, EPOLLIN);
	pair_close(&p);
}

Test(loop, the_end_of_the_other_side_is_told_without_being_asked_for)
{
	struct pair p;

	pair_open(&p);
	cr_assert_eq(loop_add(loop, &p.io, 0), 0);
	p.other = fd_close(p.other);
	cr_assert_eq(loop_once(loop), 0);
	cr_expect(p.events & EPOLLHUP);
	pair_close(&p);
}

Test(loop, a_source_removed_by_another_one_is_not_called_in_the_same_turn)
{
	struct pair a;
	struct pair b;

	pair_open(&a);
	pair_open(&b);
	a.victim = &b;
	b.victim = &a;
	cr_assert_eq(loop_add(loop, &a.io, EPOLLIN), 0);
	cr_assert_eq(loop_add(loop, &b.io, EPOLLIN), 0);
	poke(&a);
	poke(&b);
	cr_assert_eq(loop_once(loop), 0);
	cr_expect_eq(a.calls + b.calls, 1);
	pair_close(&a);
	pair_close(&b);
}

Test(loop, an_old_event_does_not_reach_the_next_source_of_the_same_slot)
{
	struct pair a;
	struct pair b;

	pair_open(&a);
	pair_open(&b);
	a.victim = &b;
	b.victim = &a;
	a.replaces = true;
	b.replaces = true;
	cr_assert_eq(loop_add(loop, &a.io, EPOLLIN), 0);
	cr_assert_eq(loop_add(loop, &b.io, EPOLLIN), 0);
	poke(&a);
	poke(&b);
	cr_assert_eq(loop_once(loop), 0);
	cr_expect_eq(a.calls + b.calls, 1);
	cr_expect_eq(a.successor_calls + b.successor_calls, 0);
	loop_remove(loop, &a.successor);
	loop_remove(loop, &b.successor);
	pair_close(&a);
	pair_close(&b);
}

static struct pair *narrowed;

static void on_narrow(struct io *io, uint32_t events)
{
	on_pair(io, events);
	if (narrowed->calls == 0)
		(void)loop_change(loop, &narrowed->io, EPOLLIN);
}

Test(loop, an_event_that_is_no_longer_waited_for_is_not_told)
{
	struct pair a;
	struct pair b;

	pair_open(&a);
	pair_open(&b);
	a.io.call = on_narrow;
	narrowed = &b;
	cr_assert_eq(loop_add(loop, &a.io, EPOLLIN), 0);
	poke(&a);
	cr_assert_eq(loop_add(loop, &b.io, EPOLLOUT), 0);
	cr_assert_eq(loop_once(loop), 0);
	cr_expect_eq(a.calls, 1);
	cr_expect_eq(b.calls, 0);
	pair_close(&a);
	pair_close(&b);
}

Test(loop, remove_may_be_repeated_and_a_slot_is_used_again)
{
	struct pair p;

	pair_open(&p);
	for (int i = 0; i < 1000; i++) {
		cr_assert_eq(loop_add(loop, &p.io, EPOLLIN), 0);
		cr_assert_eq(p.io.slot, 1);
		loop_remove(loop, &p.io);
		loop_remove(loop, &p.io);
		cr_assert_eq(p.io.slot, 0);
	}
	pair_close(&p);
}

Test(loop, many_sources_are_all_served)
{
	enum {
		N = 200
	};
	static struct pair pairs[N];

	for (int i = 0; i < N; i++) {
		pair_open(&pairs[i]);
		cr_assert_eq(loop_add(loop, &pairs[i].io, EPOLLIN), 0);
		poke(&pairs[i]);
	}
	for (int turn = 0; turn < N; turn++)
		cr_assert_eq(loop_once(loop), 0);
	for (int i = 0; i < N; i++) {
		cr_expect_gt(pairs[i].calls, 0, "source %d", i);
		pair_close(&pairs[i]);
	}
}

Test(loop, a_file_that_cannot_be_waited_for_is_refused)
{
	struct io io = { .call = on_pair, .fd = open("/", O_RDONLY | O_CLOEXEC) };

	cr_expect_eq(loop_add(loop, &io, EPOLLIN), -EPERM);
	cr_expect_eq(io.slot, 0);
	(void)fd_close(io.fd);
}

/* --- timers ---------------------------------------------------------------------- */

struct alarm {
	struct timer timer;
	int number;
	int calls;
	int64_t now;
	int64_t again; /* -1: once */
	struct alarm *victim;
};

static int rung[1024];
static size_t n_rung;

static void on_alarm(struct timer *t, int64_t now)
{
	struct alarm *a = container_of(t, struct alarm, timer);

	a->calls++;
	a->now = now;
	if (n_rung < ARRAY_LEN(rung))
		rung[n_rung++] = a->number;
	if (a->victim)
		loop_disarm(loop, &a->victim->timer);
	if (a->again >= 0)
		loop_arm(loop, &a->timer, a->again);
}

static struct alarm alarm_number(int number)
{
	return (struct alarm){
		.timer = { .call = on_alarm },
		.number = number,
		.again = -1,
	};
}

Test(loop, a_deadline_in_the_past_rings_once)
{
	struct alarm rows[3] = { alarm_number(0), alarm_number(1), alarm_number(2) };
	const int64_t at[3] = { 0, 1, clock_now() };

	for (size_t i = 0; i < 3; i++) {
		loop_arm(loop, &rows[i].timer, at[i]);
		cr_assert_eq(loop_once(loop), 0);
		cr_expect_eq(rows[i].calls, 1, "row: %zu", i);
		cr_expect_eq(rows[i].now, loop_now(loop));
		cr_expect_eq(rows[i].timer.heap, 0);
	}
}

Test(loop, a_deadline_ahead_is_waited_for)
{
	struct alarm a = alarm_number(0);
	int64_t at = clock_now() + 20 * MSEC_NS;

	loop_arm(loop, &a.timer, at);
	cr_assert_eq(loop_once(loop), 0);
	cr_expect_eq(a.calls, 1);
	cr_expect_geq(a.now, at);
}

Test(loop, timers_ring_in_the_order_of_their_deadlines)
{
	enum {
		N = 500
	};
	static struct alarm alarms[N];
	uint32_t random = 1;

	for (int i = 0; i < N; i++) {
		alarms[i] = alarm_number(i);
		random = random * 1664525 + 1013904223;
		loop_arm(loop, &alarms[i].timer, random >> 24);
	}
	for (int i = 0; i < N; i += 3)
		loop_disarm(loop, &alarms[i].timer);
	for (int i = 1; i < N; i += 3)
		loop_arm(loop, &alarms[i].timer, alarms[i].timer.at / 2);
	cr_assert_eq(loop_once(loop), 0);
	cr_expect_eq(n_rung, N - (N + 2) / 3);
	for (size_t i = 1; i < n_rung; i++)
		cr_expect_leq(alarms[rung[i - 1]].timer.at, alarms[rung[i]].timer.at);
}

Test(loop, timers_of_one_deadline_ring_in_the_order_of_arming)
{
	enum {
		N = 50
	};
	struct alarm alarms[N];

	for (int i = 0; i < N; i++) {
		alarms[i] = alarm_number(i);
		loop_arm(loop, &alarms[i].timer, 7);
	}
	cr_assert_eq(loop_once(loop), 0);
	cr_assert_eq(n_rung, N);
	for (int i = 0; i < N; i++)
		cr_expect_eq(rung[i], i);
}

Test(loop, a_disarmed_timer_does_not_ring)
{
	struct alarm first = alarm_number(0);
	struct alarm second = alarm_number(1);
	struct alarm third = alarm_number(2);

	first.victim = &second;
	loop_arm(loop, &first.timer, 1);
	loop_arm(loop, &second.timer, 2);
	loop_arm(loop, &third.timer, 3);
	loop_arm(loop, &third.timer, -1);
	cr_assert_eq(loop_once(loop), 0);
	cr_expect_eq(first.calls, 1);
	cr_expect_eq(second.calls, 0);
	cr_expect_eq(third.calls, 0);
}

Test(loop, a_timer_that_arms_itself_for_now_does_not_lock_out_descriptors)
{
	struct alarm a = alarm_number(0);
	struct pair p;

	pair_open(&p);
	cr_assert_eq(loop_add(loop, &p.io, EPOLLIN), 0);
	a.again = 1;
	loop_arm(loop, &a.timer, 1);
	poke(&p);
	cr_assert_eq(loop_once(loop), 0);
	cr_assert_eq(loop_once(loop), 0);
	cr_assert_eq(loop_once(loop), 0);
	cr_expect_gt(p.calls, 0);
	cr_expect_geq(a.calls, 2);
	cr_expect_leq(a.calls, 3);
	pair_close(&p);
}

/* A turn that ends without a call is a wake-up for nothing. */
Test(loop, a_timer_that_has_rung_or_was_disarmed_wakes_nobody)
{
	struct alarm past = alarm_number(0);
	struct alarm soon = alarm_number(1);
	struct alarm later = alarm_number(2);

	loop_arm(loop, &past.timer, 1);
	cr_assert_eq(loop_once(loop), 0);
	cr_expect_eq(past.calls, 1);

	loop_arm(loop, &later.timer, clock_now() + 20 * MSEC_NS);
	cr_assert_eq(loop_once(loop), 0);
	cr_expect_eq(later.calls, 1, "the turn was ended by a timer that had rung");

	loop_arm(loop, &past.timer, 1);
	loop_arm(loop, &soon.timer, clock_now() + 5 * MSEC_NS);
	loop_arm(loop, &later.timer, clock_now() + 30 * MSEC_NS);
	cr_assert_eq(loop_once(loop), 0);
	loop_disarm(loop, &soon.timer);
	cr_assert_eq(loop_once(loop), 0);
	cr_expect_eq(later.calls, 2, "the turn was ended by a disarmed timer");
}

/* --- signals --------------------------------------------------------------------- */

struct heard {
	int numbers[200];
	int n;
	int n_before_io;
	struct io *io; /* counted when it is called */
};

static struct heard heard;

static void on_signal(void *user, const struct signalfd_siginfo *si)
{
	struct heard *h = user;

	if (h->n < (int)ARRAY_LEN(h->numbers))
		h->numbers[h->n++] = (int)si->ssi_signo;
}

static void on_io_after_signal(struct io *io, uint32_t events)
{
	(void)io;
	(void)events;
	heard.n_before_io = heard.n;
}

Test(loop_signals, come_first_and_all_in_one_turn, .timeout = 10)
{
	struct loop *l;
	struct pair p;
	sigset_t set;
	const int queued = 100;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGUSR1);
	(void)sigaddset(&set, SIGRTMIN);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	cr_assert_eq(loop_new(&set, on_signal, &heard, &l), 0);
	pair_open(&p);
	p.io.call = on_io_after_signal;
	cr_assert_eq(loop_add(l, &p.io, EPOLLIN), 0);
	poke(&p);
	(void)raise(SIGUSR1);
	for (int i = 0; i < queued; i++)
		(void)raise(SIGRTMIN);
	cr_assert_eq(loop_once(l), 0);
	cr_expect_eq(heard.n, queued + 1);
	cr_expect_eq(heard.numbers[0], SIGUSR1);
	cr_expect_eq(heard.n_before_io, queued + 1);
	loop_remove(l, &p.io);
	loop_free(l);
	(void)fd_close(p.io.fd);
	(void)fd_close(p.other);
}

/* --- life ------------------------------------------------------------------------ */

static int open_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

Test(loop_life, free_closes_what_new_opened, .timeout = 10)
{
	const int before = open_descriptors();
	struct loop *l;
	sigset_t set;

	(void)sigemptyset(&set);
	cr_assert_eq(loop_new(&set, on_signal, NULL, &l), 0);
	cr_expect_eq(open_descriptors(), before + 3);
	loop_free(l);
	cr_expect_eq(open_descriptors(), before);
	loop_free(NULL);
}

Test(loop_life, abandon_leaves_the_descriptors_alone, .timeout = 10)
{
	const int before = open_descriptors();
	struct loop *l;

	cr_assert_eq(loop_new(NULL, NULL, NULL, &l), 0);
	loop_abandon(l);
	cr_expect_eq(open_descriptors(), before + 2);
}

Test(loop_life, reserved_timers_need_no_memory, .timeout = 10)
{
	enum {
		N = 1000
	};
	static struct alarm alarms[N];

	open_loop();
	cr_assert_eq(loop_reserve(loop, N), 0);
	cr_assert_eq(loop_reserve(loop, 1), 0);
	for (int i = 0; i < N; i++) {
		alarms[i] = alarm_number(i);
		loop_arm(loop, &alarms[i].timer, N - i);
	}
	cr_assert_eq(loop_once(loop), 0);
	cr_expect_eq(n_rung, N);
	cr_expect_eq(rung[0], N - 1);
	close_loop();
}
