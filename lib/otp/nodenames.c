/* Names: who has one, and who waits for one. The name of a process below a supervisor
 * is kept when the process ends: it is vacant, and who calls it waits, until the
 * supervisor has started the child anew or has said that it will not (NODE_SETTLED).
 * When the supervisor itself ends, its own supervisor is waited for in its stead. OTP:
 * erlang:register/2; the wait is kick's own. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "kick.h"
#include "otp/nodeint.h"

struct name {
	char text[KICK_ID_MAX + 1];
	struct member *member; /* NULL: vacant */
	/* Of a vacant one: who starts it anew, what had ended then, and who had it
	 * last: that one, or a successor whose start has failed or was not yet told. */
	uint64_t keeper, child, last;
	struct name_waiter *waiters;
	UT_hash_handle hh;
};

static struct name *names;

/* How many live on after their supervisor, or more. */
static unsigned n_fallen;

/* NOLINTNEXTLINE(readability-function-size): uthash */
static struct name *find(const char *text)
{
	struct name *n;

	HASH_FIND(hh, names, text, strlen(text), n);
	return n;
}

/* NOLINTNEXTLINE(readability-function-size): uthash */
static struct name *add(const char *text)
{
	struct name *n = strlen(text) > KICK_ID_MAX ? NULL : calloc(1, sizeof *n);

	if (!n)
		return NULL;
	(void)strcpy(n->text, text);
	HASH_ADD(hh, names, text, strlen(n->text), n);
	return n;
}

static void end_wait(struct name *n)
{
	while (n->waiters) {
		struct name_waiter *w = n->waiters;

		nodenames_unwait(w);
		w->done(w, n->member);
	}
}

/* NOLINTNEXTLINE(readability-function-size): uthash */
static void drop(struct name *n)
{
	n->member = NULL;
	end_wait(n);
	/* Of a program that ends they are its next incarnation's. */
	if (!node_is_ending())
		outer_disclaim(n->text);
	HASH_DELETE(hh, names, n);
	free(n);
}

struct member *nodenames_find(const char *text)
{
	struct name *n = find(text);

	return n ? n->member : NULL;
}

int nodenames_give(struct member *m, const char *text)
{
	struct name *n = find(text);
	int r;

	if (n && n->member)
		return -EEXIST;
	if (*m->sentence)
		return -ESRCH;
	r = outer_claim(text);
	if (r < 0)
		return r;
	if (!n)
		n = add(text);
	if (!n) {
		outer_disclaim(text);
		return -ENOMEM;
	}
	n->member = m;
	end_wait(n);
	return 0;
}

int nodenames_take(const struct member *m, const char *text)
{
	struct name *n = find(text);

	if (!n || n->member != m)
		return -ESRCH;
	drop(n);
	return 0;
}

bool nodenames_wait(const char *text, struct name_waiter *w, bool starting)
{
	struct name *n = find(text);

	/* As good as kept by who starts the program. */
	if (!n && starting && !outer_is_ready())
		n = add(text);
	if (!n || n->member)
		return false;
	nodenames_unwait(w);
	w->name = n;
	DL_APPEND(n->waiters, w);
	return true;
}

void nodenames_unwait(struct name_waiter *w)
{
	if (w->name)
		DL_DELETE(w->name->waiters, w);
	w->name = NULL;
}

/* Who would start m anew; 0: nobody. */
static uint64_t keeper_of(const struct member *m)
{
	const struct member *parent = node_find((int64_t)m->parent);

	return parent && parent->supervisor ? parent->id : 0;
}

/* One whose start has failed is not known to its supervisor: the name goes on waiting
 * for what its predecessor's did. */
static void vacate(struct name *n, const struct member *m, uint64_t keeper)
{
	bool again = n->member == m && n->keeper == keeper && n->child != 0;
	uint64_t id = m->fell_with ? m->fell_with : m->id;

	if (keeper == 0) {
		drop(n);
		return;
	}
	n->member = NULL;
	n->keeper = keeper;
	n->last = id;
	if (!again)
		n->child = id;
}

/* NOLINTNEXTLINE(readability-function-size): uthash */
void nodenames_bury(const struct member *m)
{
	uint64_t keeper = keeper_of(m);
	struct name *n, *next;

	HASH_ITER(hh, names, n, next)
	if (n->member == m || (!n->member && n->keeper == m->id))
		vacate(n, m, keeper);
}

int nodenames_vacate(const struct member *m, const char *text)
{
	struct name *n = find(text);

	if (!n || n->member != m)
		return -ESRCH;
	vacate(n, m, keeper_of(m));
	return 0;
}

/* NOLINTNEXTLINE(readability-function-size): uthash */
void nodenames_hand_up(const struct member *sup)
{
	struct member *m, *next;

	HASH_ITER(by_id, node_members(), m, next)
	{
		if (m->parent != sup->id)
			continue;
		m->parent = sup->parent;
		m->fell_with = sup->fell_with ? sup->fell_with : sup->id;
		n_fallen++;
	}
}

/* Nobody waits for that supervisor's children any more. */
/* NOLINTNEXTLINE(readability-function-size): uthash */
static void forsake(uint64_t keeper, uint64_t sup)
{
	struct member *m, *next;

	if (n_fallen == 0)
		return;
	n_fallen = 0;
	HASH_ITER(by_id, node_members(), m, next)
	{
		if (m->parent == keeper && m->fell_with == sup)
			m->parent = m->fell_with = 0;
		n_fallen += m->fell_with != 0;
	}
}

/* NOLINTNEXTLINE(readability-function-size): uthash */
void nodenames_settled(uint64_t sup, uint64_t child, uint64_t successor)
{
	struct name *n, *next;

	forsake(sup, child);
	HASH_ITER(hh, names, n, next)
	{
		if (n->keeper != sup || n->child != child)
			continue;
		if (n->member)
			n->keeper = n->child = 0;
		else if (successor && n->last == successor)
			n->child = successor; /* which has ended since */
		else
			drop(n);
	}
}

/* NOLINTNEXTLINE(readability-function-size): uthash */
void nodenames_each(
	const struct member *m, void (*call)(void *user, const char *name), void *user)
{
	struct name *n, *next;

	HASH_ITER(hh, names, n, next)
	if (n->member == m)
		call(user, n->text);
}
