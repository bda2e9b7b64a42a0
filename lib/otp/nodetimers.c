/* See nodetimers.h. */
#include "otp/nodetimers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/macro.h"
#include "base/table.h"

struct later {
	struct nodetimers *owner;
	uint64_t ref, from, to; /* to 0: a name */
	char name[KICK_ID_MAX + 1];
	int64_t every; /* ns, 0: once */
	struct timer timer;
	UT_hash_handle hh;
	char json[];
};

/* NOLINTNEXTLINE(readability-function-size): uthash */
static void drop(struct later *l)
{
	struct nodetimers *t = l->owner;

	loop_disarm(t->loop, &l->timer);
	HASH_DELETE(hh, t->table, l);
	t->n--;
	free(l);
}

static void on_time(struct timer *timer, int64_t now)
{
	struct later *l = container_of(timer, struct later, timer);
	bool there = l->owner->deliver(l->to, l->name, l->from, l->json);

	/* A name may be given again. */
	if (!l->every || (l->to && !there))
		drop(l);
	else
		loop_arm(l->owner->loop, timer, now + l->every);
}

/* NOLINTNEXTLINE(readability-function-size): uthash */
int nodetimers_add(struct nodetimers *t, uint64_t ref, uint64_t from, int64_t ms,
	bool again, const char *order)
{
	const char *space = strchr(order, ' ');
	int64_t wait, now = clock_now();
	struct later *l;

	if (!space || ms < 0 || __builtin_mul_overflow(ms, MSEC_NS, &wait) ||
		__builtin_add_overflow(wait, now, &now))
		return -EINVAL;
	/* NOLINTNEXTLINE(bugprone-misplaced-operator-in-strlen-in-alloc): meant */
	l = calloc(1, sizeof *l + strlen(space + 1) + 1);
	if (!l)
		return -ENOMEM;
	l->owner = t;
	l->ref = ref;
	l->from = from;
	if (*order == '=')
		(void)snprintf(l->name, sizeof l->name, "%.*s",
			(int)(space - order - 1), order + 1);
	else
		l->to = strtoull(order, NULL, 10);
	(void)strcpy(l->json, space + 1);
	l->timer.call = on_time;
	if (again)
		l->every = wait > 0 ? wait : MSEC_NS;
	HASH_ADD(hh, t->table, ref, sizeof l->ref, l);
	t->n++;
	loop_arm(t->loop, &l->timer, now);
	return 0;
}

/* NOLINTNEXTLINE(readability-function-size): uthash */
int64_t nodetimers_left(struct nodetimers *t, uint64_t ref, bool cancel)
{
	struct later *l;
	int64_t left;

	HASH_FIND(hh, t->table, &ref, sizeof ref, l);
	if (!l)
		return -ESRCH;
	left = (l->timer.at - clock_now()) / MSEC_NS;
	if (cancel)
		drop(l);
	return left > 0 ? left : 0;
}

void nodetimers_forget(struct nodetimers *t, uint64_t to)
{
	struct later *l, *next;

	HASH_ITER(hh, t->table, l, next)
	if (l->to == to)
		drop(l);
}
