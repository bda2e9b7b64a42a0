/* See registry_lock.h. Each who has or awaits a lock is monitored for as long. */
#include "otp/registry_lock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/table.h"

struct waiter {
	kick_from from;
	kick_ref monitor;
	struct waiter *prev, *next;
};

struct lock {
	struct waiter *line; /* the first one has it */
	UT_hash_handle hh;
	char text[];
};

/* NOLINTBEGIN(readability-function-size): the tables' macros */

static struct lock *find_lock(struct lock *locks, const char *key)
{
	size_t len = strlen(key);
	struct lock *l;

	HASH_FIND(hh, locks, key, len, l);
	return l;
}

static struct lock *new_lock(struct lock **locks, const char *key)
{
	size_t len = strlen(key);
	struct lock *l = calloc(1, sizeof *l + len + 1);

	if (!l)
		return NULL;
	memcpy(l->text, key, len + 1);
	HASH_ADD(hh, *locks, text[0], len, l);
	return l;
}

static void free_if_empty(struct lock **locks, struct lock *l)
{
	if (l->line)
		return;
	HASH_DELETE(hh, *locks, l);
	free(l);
}

static struct waiter *in_line(const struct lock *l, kick_pid pid)
{
	struct waiter *w;

	DL_FOREACH(l->line, w)
	if (kick_pid_equal(w->from.pid, pid))
		break;
	return w;
}

int registry_lock_take(struct lock **locks, const char *key, kick_from from)
{
	struct lock *l = find_lock(*locks, key);
	struct waiter *w;

	if (l && in_line(l, from.pid))
		return -EDEADLK;
	if (!l)
		l = new_lock(locks, key);
	if (!l)
		return -ENOMEM;
	w = calloc(1, sizeof *w);
	if (!w || kick_monitor(from.pid, &w->monitor) < 0) {
		free(w);
		free_if_empty(locks, l);
		return -ENOMEM;
	}
	w->from = from;
	DL_APPEND(l->line, w);
	return l->line == w ? 0 : -EAGAIN;
}

static void leave(struct lock **locks, struct lock *l, kick_pid pid)
{
	struct waiter *w = in_line(l, pid);
	bool had_it = w == l->line;

	if (!w)
		return;
	DL_DELETE(l->line, w);
	(void)kick_demonitor(w->monitor, true);
	free(w);
	if (had_it && l->line)
		registry_answer(l->line->from, 0, NULL);
	free_if_empty(locks, l);
}

void registry_lock_leave(struct lock **locks, const char *key, kick_pid pid)
{
	struct lock *l = find_lock(*locks, key);

	if (l)
		leave(locks, l, pid);
}

void registry_lock_forget(struct lock **locks, kick_pid pid)
{
	struct lock *l, *next;

	HASH_ITER(hh, *locks, l, next)
	leave(locks, l, pid);
}

/* NOLINTEND(readability-function-size) */
