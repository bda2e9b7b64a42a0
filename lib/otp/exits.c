/* The ends of processes, and what is left of them. A child has ended for the machine
 * only when its main process is reaped and nothing that bears its mark is alive; what
 * is found is killed, reaped, and looked for again, one generation at a time. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/fd.h"
#include "os/namedir.h"
#include "os/reap.h"
#include "os/sock.h"
#include "otp/internal.h"
#include "otp/probe.h"

/* --- children by pid ----------------------------------------------------------------
 */

static uint32_t slot_of(const struct pid_table *t, pid_t pid)
{
	return ((uint32_t)pid * 2654435761u) & (t->cap - 1);
}

static void place(struct pid_table *t, struct supervised *c)
{
	uint32_t i = slot_of(t, c->proc.pid);

	while (t->at[i])
		i = (i + 1) & (t->cap - 1);
	t->at[i] = c;
}

int pids_reserve(struct pid_table *t, uint32_t n)
{
	struct pid_table next = { .cap = 16, .n = t->n };

	if (n * 2 <= t->cap)
		return 0;
	while (next.cap < n * 2)
		next.cap *= 2;
	next.at = calloc(next.cap, sizeof(struct supervised *));
	if (!next.at)
		return -ENOMEM;
	for (uint32_t i = 0; i < t->cap; i++)
		if (t->at[i])
			place(&next, t->at[i]);
	free(t->at);
	*t = next;
	return 0;
}

void pids_add(struct pid_table *t, struct supervised *c)
{
	KICK_ASSERT((t->n + 1) * 2 <= t->cap);
	place(t, c);
	t->n++;
}

struct supervised *pids_find(const struct pid_table *t, pid_t pid)
{
	if (t->n == 0)
		return NULL;
	for (uint32_t i = slot_of(t, pid); t->at[i]; i = (i + 1) & (t->cap - 1))
		if (t->at[i]->proc.pid == pid)
			return t->at[i];
	return NULL;
}

/* Closes the gap, so that no search ends too early. */
void pids_remove(struct pid_table *t, const struct supervised *c)
{
	uint32_t i = slot_of(t, c->proc.pid);

	while (t->at[i] != c)
		i = (i + 1) & (t->cap - 1);
	t->at[i] = NULL;
	t->n--;
	for (;;) {
		struct supervised *moved;

		i = (i + 1) & (t->cap - 1);
		moved = t->at[i];
		if (!moved)
			return;
		t->at[i] = NULL;
		place(t, moved);
	}
}

/* --- what is left -------------------------------------------------------------------
 */

struct search {
	struct supervised *child;
	int sig;     /* for each that is found, 0 none */
	bool grace;  /* supervisors may still stop their children */
	pid_t *pids; /* found, at most room */
	uint32_t room;
	uint32_t n;
};

/* An adopted process is of a worker when it bears its mark. It is of a lost supervisor
 * when it bears the tree's, but that of no child that lives. */
static bool belongs(const struct search *s, uint64_t mark)
{
	const struct supervisor *sv = s->child->sup;

	if (!is_supervisor(s->child))
		return mark == s->child->mark;
	if (!mark_is_of_tree(mark, sv->node->tree) || probes_have_mark(sv, mark))
		return false;
	for (uint32_t i = 0; i < sv->core.n; i++) {
		const struct supervised *c = supervised_of(sv->core.children[i]);

		if (c != s->child && c->mark == mark)
			return false;
	}
	return true;
}

static void look_at(void *user, pid_t pid)
{
	struct search *s = user;
	uint64_t mark;

	if (pids_find(&s->child->sup->pids, pid) || mark_read(pid, &mark) < 0 ||
		!belongs(s, mark))
		return;
	if (s->n < s->room)
		s->pids[s->n] = pid;
	s->n++;
	if (!s->sig || ((mark & MARK_SUPERVISOR) && s->grace))
		return;
	(void)kill(pid, s->sig);
	if (s->sig != SIGKILL)
		(void)kill(pid, SIGCONT);
}

/* What has changed its mark is still in the group; counted only when it is ours by now,
 * so that its end will be seen. */
static void look_at_member(void *user, pid_t pid)
{
	struct search *s = user;
	uint64_t mark;

	if (pids_find(&s->child->sup->pids, pid) || !reap_is_child(pid) ||
		(mark_read(pid, &mark) == 0 && belongs(s, mark)))
		return;
	if (s->n < s->room)
		s->pids[s->n] = pid;
	s->n++;
	if (!s->sig)
		return;
	(void)kill(pid, s->sig);
	if (s->sig != SIGKILL)
		(void)kill(pid, SIGCONT);
}

static uint32_t search(struct supervised *c, int sig, pid_t *pids, uint32_t room)
{
	struct search s = { .child = c,
		.sig = sig,
		.grace = !c->sup->grace_over && !c->sup->core.hurried,
		.pids = pids,
		.room = room };

	if (c->grouped)
		group_each(c, look_at_member, &s);
	if (c->grouped && sig == SIGKILL)
		group_kill(c);
	(void)reap_adopted(look_at, &s);
	return s.n;
}

uint32_t supervisor_left(struct supervised *c, pid_t *ret, uint32_t n)
{
	uint32_t found = c->lingering ? search(c, 0, ret, n) : 0;

	return found < n ? found : n;
}

void exits_stop_left(struct supervised *c)
{
	(void)search(c, c->spec->stop_signal, NULL, 0);
}

void exits_kill_left(struct supervised *c)
{
	(void)search(c, SIGKILL, NULL, 0);
}

static void note_any(void *user, pid_t pid)
{
	struct supervisor *sv = user;
	/* Even without our mark: only the root is given strangers. */
	sv->left_behind++;
	(void)kill(pid, SIGKILL);
}

bool exits_any_left(struct supervisor *sv)
{
	sv->left_behind = 0;
	(void)reap_adopted(note_any, sv);
	return sv->left_behind > 0;
}

/* --- reasons ------------------------------------------------------------------------
 */

static bool is_success(const struct success_spec *ok, const struct reason *r)
{
	if (!ok)
		return false;
	if (r->signal > 0)
		return r->signal < 64 && (ok->signals >> r->signal & 1);
	return r->code >= 0 && r->code < 256 &&
		(ok->codes[r->code / 64] >> (r->code % 64) & 1);
}

/* What a worker's end is called: most daemons that are told to stop exit with 0 or die
 * of the signal, which is what was wanted. */
static void name_exit(struct supervised *c, struct reason *r)
{
	bool well = r->class == REASON_NORMAL ||
		is_success(REL_GET(struct success_spec, c->spec->success), r);

	if (c->exit_order) {
		if (loop_now(c->sup->loop) <= c->exit_order_until)
			*r = reason_rename(r, c->exit_order->text);
		free(c->exit_order);
		c->exit_order = NULL;
	} else if (c->ordered && (well || r->signal == c->spec->stop_signal)) {
		*r = reason_rename(r, "shutdown");
	} else if (well) {
		*r = reason_rename(r, "normal");
	}
}

static void remember(struct supervised *c, const struct reason *r, pid_t pid)
{
	if (!c->history)
		c->history = calloc(HISTORY_LEN, sizeof *c->history);
	if (!c->history)
		return;
	c->history[c->history_n++ % HISTORY_LEN] = (struct history_entry){
		.reason = *r, .wall = c->exit_wall, .pid = pid
	};
	if (c->history_n == 2 * HISTORY_LEN)
		c->history_n = HISTORY_LEN;
}

static struct reason last_remembered(const struct supervised *c)
{
	if (!c->history)
		return reason_text("killed");
	return c->history[(c->history_n - 1) % HISTORY_LEN].reason;
}

/* --- ends ---------------------------------------------------------------------------
 */

static void gone(struct supervised *c, const struct reason *facts)
{
	struct supervisor *sv = c->sup;

	if (c->lingering) {
		c->lingering = false;
		sv->lingering--;
	}
	if (c->nested) {
		sv->grace_over = false;
		if (c->nested->lost && is_supervisor(c)) {
			sock_sweep(sv->node->runtime_dir);
			group_sweep(c);
		}
		if (c->nested->lost)
			namedir_sweep(sv->node->runtime_dir, c->nested->socket);
	}
	group_remove(c);
	sup_exited(&sv->core, &c->core, facts, loop_now(sv->loop));
	supervisor_settle(sv);
}

static void on_grace(struct timer *t, int64_t now)
{
	struct supervisor *sv = container_of(t, struct supervisor, orphan_timer);

	(void)now;
	sv->grace_over = true;
	for (uint32_t i = 0; i < sv->core.n; i++) {
		struct supervised *c = supervised_of(sv->core.children[i]);

		if (c->lingering && is_supervisor(c))
			(void)search(c, SIGKILL, NULL, 0);
	}
}

/* What was told to stop with its group has the rest of the shutdown time; what had left
 * the group is told so when it is found. */
static bool may_finish(const struct supervised *c)
{
	return c->core.state == CHILD_STOPPING && !c->core.killed && c->ordered &&
		!is_supervisor(c) && c->spec->kill_mode == KILL_GROUP;
}

static bool any_rest(struct supervised *c)
{
	int sig = !may_finish(c) ? SIGKILL : !c->lingering ? c->spec->stop_signal : 0;
	/* Both are looked at: neither look is for nothing. */
	bool found = search(c, sig, NULL, 0) > 0;
	bool probed = prober_has_rest(c);

	return found || probed;
}

static void linger(struct supervised *c)
{
	struct supervisor *sv = c->sup;

	c->lingering = true;
	sv->lingering++;
	if (is_supervisor(c) && sv->orphan_timer.heap == 0) {
		sv->orphan_timer.call = on_grace;
		loop_arm(sv->loop, &sv->orphan_timer,
			loop_now(sv->loop) + KICK_ORPHAN_GRACE_MS * MSEC_NS);
	}
}

/* Of this process, reaped but not looked after yet. */
struct end {
	pid_t pid;
	struct supervised *child; /* NULL: a probe, or what was adopted */
	bool lives_on;		  /* it has named another process that goes on for it */
	struct reason facts;
};

/* Whose group ends with it, NULL: none. Says in *e who it is. */
static const struct proc *leader(struct supervisor *sv, struct end *e)
{
	struct supervised *c = pids_find(&sv->pids, e->pid);

	/* Its last words may still be on their way. If it says that it is ready it may
	 * have another place by that (rolling.c). */
	if (c) {
		notify_drain(c);
		c = pids_find(&sv->pids, e->pid);
	}
	e->child = c;
	if (!c)
		return probes_find(sv, e->pid);
	e->lives_on = notify_take_over(c);
	return e->lives_on || is_supervisor(c) || may_finish(c) ? NULL : &c->proc;
}

/* Reaps this one, or whoever has ended if it has not. A group is killed while its
 * leader still holds the number, or afterwards where the kernel knows it by the leader.
 * False: nobody has ended. */
static bool next_end(struct supervisor *sv, pid_t which, struct end *e)
{
	bool late = reap_outlived_by_group();
	const struct proc *group;

	*e = (struct end){ 0 };
	e->pid = late ? reap_next(which, &e->facts) : reap_peek(which);
	if (e->pid <= 0)
		return which && next_end(sv, 0, e);
	group = leader(sv, e);
	if (group)
		reap_signal_group(group, SIGKILL);
	if (!late && reap(e->pid, &e->facts) < 0)
		e->facts = reason_text("killed");
	return true;
}

static void go_on(struct supervised *c)
{
	struct supervisor *sv = c->sup;

	pids_remove(&sv->pids, c);
	(void)fd_close(c->proc.fd);
	c->proc = c->main;
	c->main = (struct proc){ .fd = -1 };
	pids_add(&sv->pids, c);
	/* It may not have heard the order. */
	if (c->ordered)
		worker_stop(c);
}

static void take_end(struct supervised *c)
{
	struct supervisor *sv = c->sup;

	pids_remove(&sv->pids, c);
	c->ended_pid = c->proc.pid;
	c->ran_ns = loop_now(sv->loop) - c->core.started_at;
	c->proc.fd = fd_close(c->proc.fd);
	c->proc.pid = 0;
}

static void look_after(struct end *e, bool adopted)
{
	struct supervised *c = e->child;
	bool left;

	if (c->nested)
		nested_ended(c, &e->facts);
	if (!c->nested || (c->nested->lost && !is_supervisor(c)))
		name_exit(c, &e->facts);
	c->exit_wall = clock_wall();
	readiness_free(c);
	notify_free(c);
	prober_stop(c);
	left = (adopted || prober_has_rest(c)) && any_rest(c);
	/* Of what is gone for good while all is ending nobody will ask any more. */
	if (left || c->sup->core.phase < SUP_ENDING)
		remember(c, &e->facts, c->ended_pid);
	if (left)
		linger(c);
	else
		gone(c, &e->facts);
}

static void ignore(void *user, pid_t pid)
{
	(void)user;
	(void)pid;
}

/* One look at what was adopted serves all that have been reaped before it. */
static void look_after_all(struct end *ends, uint32_t n)
{
	bool adopted = reap_adopted(ignore, NULL) != 0;

	for (uint32_t i = 0; i < n; i++)
		look_after(&ends[i], adopted);
}

/* Something that was left behind has gone: was it the last of its child? */
static void look_again(struct supervisor *sv)
{
	for (uint32_t i = 0; sv->lingering > 0 && i < sv->core.n; i++) {
		struct supervised *c = supervised_of(sv->core.children[i]);
		uint32_t n = sv->core.n;
		struct reason facts = last_remembered(c);

		if (c->lingering && !any_rest(c))
			gone(c, &facts);
		/* A removal moves the rest. */
		if (sv->core.n < n)
			i = UINT32_MAX;
	}
}

#define BATCH 32

/* True: there may be more. Those of ours that have ended with it are left in ends. */
static bool reap_some(struct supervisor *sv, pid_t first, struct end *ends,
	uint32_t max, uint32_t *ret_n, bool *ret_orphans)
{
	uint32_t n = 0;
	bool any = true;

	while (n < max && (any = next_end(sv, first, &ends[n]))) {
		struct end *e = &ends[n];

		first = 0;
		if (!e->child) {
			probes_take_end(sv, e->pid, &e->facts);
			*ret_orphans = true;
		} else if (e->lives_on) {
			go_on(e->child);
		} else {
			take_end(e->child);
			n++;
		}
	}
	*ret_n = n;
	return any;
}

void exits_reap(struct supervisor *sv, pid_t first)
{
	/* Others may have been merged into the same signal; while all is ending one by
	 * one, they are looked for at the next tick, not after each of a thousand. */
	bool one = first && sv->core.phase >= SUP_ENDING && !sv->core.policy.dynamic;
	bool orphans = false, more = true;
	struct end ends[BATCH];
	uint32_t n;

	while (more) {
		more = reap_some(sv, first, ends, one ? 1 : BATCH, &n, &orphans);
		if (n > 0)
			look_after_all(ends, n);
		first = 0;
		if (one && n > 0) {
			supervisor_tick(sv);
			break;
		}
	}
	if (orphans && sv->probes)
		probes_look_again(sv);
	if (orphans && sv->lingering > 0)
		look_again(sv);
	if (orphans && sv->leaving)
		supervisor_leave(sv);
}
