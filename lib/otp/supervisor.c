/* The supervisor process: what happens to it is told to the machine, what the machine
 * wants is carried out. The way of an exit: SIGCHLD, exits_reap(), sup_exited(), then
 * supervisor_settle() takes the effects, of which FX_SPAWN starts the successor. */
#include "otp/supervisor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "os/roles.h"
#include "otp/internal.h"
#include "otp/process.h"

/* An exiting supervisor gives its last words this long to be taken. */
#define FLUSH_MS 1000

/* While all is ending, reports and the search for merged ends wait this long. */
#define TICK_MS 20

/* --- children -----------------------------------------------------------------------
 */

static void on_timer(struct timer *t, int64_t now)
{
	struct supervised *c = container_of(t, struct supervised, timer);

	sup_due(&c->sup->core, &c->core, now);
	supervisor_settle(c->sup);
}

struct supervised *supervised_new(struct supervisor *sv, const struct child_spec *spec)
{
	struct supervised *c = slab_take(&sv->children);

	if (!c)
		return NULL;
	c->sup = sv;
	c->spec = spec;
	c->timer.call = on_timer;
	c->proc.fd = c->main.fd = -1;
	c->out[0].fd = c->out[1].fd = -1;
	if ((spec->policy.type != CHILD_WORKER || spec->link) && nested_new(c) < 0) {
		slab_give(&sv->children, c);
		return NULL;
	}
	return c;
}

void supervised_free(struct supervised *c)
{
	loop_disarm(c->sup->loop, &c->timer);
	readiness_free(c);
	notify_free(c);
	prober_free(c);
	output_close(c);
	nested_free(c);
	group_remove(c);
	(void)fd_close(c->proc.fd);
	free(c->history);
	free(c->exit_order);
	free(c->status_text);
	free(c->detail);
	free(c->shown);
	free(c->id);
	free(c->block);
	slab_give(&c->sup->children, c);
}

struct supervised *supervisor_find(struct supervisor *sv, const char *id)
{
	struct child *c = sup_find(&sv->core, id);

	return c ? supervised_of(c) : NULL;
}

static const char *join_path(
	const struct supervised *c, const char *id, char buf[KICK_PATH_MAX])
{
	const char *up = c->sup->path;
	size_t n_up = strlen(up), n = strlen(id) + 1;

	if (n_up + n >= KICK_PATH_MAX)
		KICK_BUG("a path longer than the configuration allows");
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): id brings the zero */
	memcpy(buf, up, n_up);
	if (n_up > 0)
		buf[n_up++] = '/';
	memcpy(buf + n_up, id, n);
	return buf;
}

const char *supervisor_path(const struct supervised *c, char buf[KICK_PATH_MAX])
{
	return join_path(c, c->shown ? c->shown : c->core.id, buf);
}

const char *supervisor_own_path(const struct supervised *c, char buf[KICK_PATH_MAX])
{
	return join_path(c, c->core.id, buf);
}

const char *supervisor_name(const struct supervisor *sv)
{
	return *sv->path ? sv->path : REL_STR(sv->config->name);
}

/* --- effects ------------------------------------------------------------------------
 */

/* The status that a container is to end with, from the end that set ours off. One that
 * was unhealthy may end with 0 when it is told to stop, but all is not well. */
static int status_of(const struct reason *cause)
{
	if (cause->signal > 0)
		return 128 + cause->signal;
	if (cause->code == 0 && reason_is_abnormal(cause))
		return 1;
	return cause->code;
}

static _Noreturn void say_farewell(struct supervisor *sv)
{
	const struct sup *s = &sv->core;
	struct link_message m = { .kind = LINK_EXITING, .number = -1 };

	if (strcmp(s->reason.text, "shutdown:auto") == 0)
		m.number = status_of(&s->cause);
	report_flush(sv);
	(void)link_send(&sv->parent, &m, s->reason.text, -1);
	link_flush(&sv->parent, FLUSH_MS);
	if (sv->server)
		sv->node->unserve(sv);
	_exit(0);
}

void supervisor_leave(struct supervisor *sv)
{
	sv->leaving = true;
	if (!exits_any_left(sv))
		say_farewell(sv);
}

static uint32_t children_up(const struct supervisor *sv)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < sv->core.n; i++) {
		const struct supervised *c = supervised_of(sv->core.children[i]);

		n += child_is_alive(&c->core);
		n += c->nested ? c->nested->children_up : 0;
	}
	return n;
}

static void tell_ready(struct supervisor *sv)
{
	struct link_message m = { .kind = LINK_READY, .number = children_up(sv) };

	sv->ready_wall = clock_wall();
	/* Others are told of by their parents. */
	if (!*sv->path)
		report_event(sv, NULL, EVENT_READY, -1);
	/* Before the parent can tell of ours. */
	report_flush(sv);
	(void)link_send(&sv->parent, &m, NULL, -1);
}

static void start(struct supervised *c)
{
	c->ordered = false;
	c->start_wall = clock_wall();
	c->ready_wall = 0;
	if (c->nested)
		nested_start(c);
	else
		worker_start(c);
}

static void kill_child(struct supervised *c)
{
	prober_stop(c);
	if (c->parked) {
		listening_leave(c);
		return;
	}
	report_killed(c);
	if (c->lingering)
		exits_kill_left(c);
	else if (c->nested)
		nested_kill(c);
	else
		worker_kill(c);
}

static void stop(struct supervised *c)
{
	c->ordered = true;
	prober_stop(c);
	if (c->parked)
		listening_leave(c);
	else if (c->lingering)
		exits_kill_left(c);
	else if (c->nested)
		nested_stop(c);
	else
		worker_stop(c);
}

static void reply(const struct effect *e)
{
	struct request *rq = container_of(e->waiter, struct request, waiter);

	rq->done(rq, (enum sup_result)e->result,
		e->child ? supervised_of(e->child) : NULL);
}

static void tell_event(struct supervisor *sv, const struct effect *e)
{
	struct supervised *c = e->child ? supervised_of(e->child) : NULL;

	if (c && e->event == EVENT_READY)
		c->ready_wall = clock_wall();
	report_event(sv, c, (enum sup_event)e->event, e->at);
	if (c && e->event == EVENT_READY)
		prober_for_health(c);
	if (c && e->event == EVENT_START_FAILED)
		reloading_failed(sv, c);
	if (c && c->nested)
		nested_look(c);
	if (c &&
		(e->event == EVENT_EXITED || e->event == EVENT_STOPPED ||
			e->event == EVENT_START_FAILED))
		listening_is_down(c);
}

static void carry_out(struct supervisor *sv, const struct effect *e)
{
	switch ((enum fx_kind)e->kind) {
	case FX_SPAWN:
		start(supervised_of(e->child));
		return;
	case FX_STOP:
		stop(supervised_of(e->child));
		return;
	case FX_KILL:
		kill_child(supervised_of(e->child));
		return;
	case FX_ARM:
		loop_arm(sv->loop, &supervised_of(e->child)->timer, e->at);
		return;
	case FX_REPLY:
		reply(e);
		return;
	case FX_EVENT:
		tell_event(sv, e);
		return;
	case FX_REMOVED:
		listening_is_gone(supervised_of(e->child));
		supervised_free(supervised_of(e->child));
		return;
	case FX_READY:
		tell_ready(sv);
		return;
	case FX_EXIT:
		supervisor_leave(sv);
		return;
	}
	KICK_BUG("effect %d", e->kind);
}

void supervisor_settle(struct supervisor *sv)
{
	struct effect e;

	if (sv->draining)
		return;
	sv->draining = true;
	while (sup_take(&sv->core, &e))
		carry_out(sv, &e);
	sv->draining = false;
	reloading_look(sv);
}

/* --- the parent ---------------------------------------------------------------------
 */

static void answered(struct supervisor *sv, const struct link_message *m, int fd)
{
	for (struct asked **link = &sv->asked; *link; link = &(*link)->next) {
		struct asked *a = *link;

		if (a->id != m->id)
			continue;
		*link = a->next;
		a->done(a, (int)m->number, fd);
		return;
	}
	(void)fd_close(fd);
}

int supervisor_ask(struct supervisor *sv, enum link_ask what, struct asked *a)
{
	static uint64_t last_id;
	struct link_message m = { .kind = LINK_ASK, .id = ++last_id, .number = what };
	int r = link_send(&sv->parent, &m, NULL, -1);

	if (r < 0)
		return r;
	a->id = m.id;
	a->next = sv->asked;
	sv->asked = a;
	return 0;
}

/* Before the first stop: below us nothing comes up any more, however long it takes
 * until all have had their turn. */
static void close_below(struct supervisor *sv)
{
	for (uint32_t i = 0; i < sv->core.n; i++) {
		struct supervised *c = supervised_of(sv->core.children[i]);

		if (is_supervisor(c) && child_is_alive(&c->core))
			nested_close(c);
	}
}

static void on_parent_message(
	struct link *l, const struct link_message *m, const char *text, int fd)
{
	struct supervisor *sv = container_of(l, struct supervisor, parent);
	struct reason reason = reason_text(text);

	switch ((enum link_kind)m->kind) {
	case LINK_STOP:
		close_below(sv);
		sup_shutdown(&sv->core, &reason, loop_now(sv->loop));
		break;
	case LINK_CLOSE:
		close_below(sv);
		sup_close(&sv->core, loop_now(sv->loop));
		break;
	case LINK_HURRY:
		reason = reason_text("killed");
		sup_hurry(&sv->core, &reason, loop_now(sv->loop));
		break;
	case LINK_RELOAD:
		reloading_begin(sv, fd);
		fd = -1;
		break;
	case LINK_SOCKET:
		listening_arrived(sv, m, text, fd);
		fd = -1;
		break;
	case LINK_ANSWER:
		answered(sv, m, fd);
		fd = -1;
		break;
	case LINK_READY:
	case LINK_EXITING:
	case LINK_OUTPUT:
	case LINK_RELOADED:
	case LINK_ASK:
	case LINK_NODE:
	case LINK_SOCKET_IDLE:
		break;
	}
	(void)fd_close(fd);
	supervisor_settle(sv);
}

static void on_grace_over(struct timer *t, int64_t now)
{
	struct supervisor *sv = container_of(t, struct supervisor, orphan_timer);
	struct reason reason = reason_text("killed");

	sup_hurry(&sv->core, &reason, now);
	supervisor_settle(sv);
}

/* SUP-9: the parent is dead. What is below goes down in order, but not for ever, as
 * our grandparent waits for it before it starts our parent's successor. */
static void on_parent_end(struct link *l)
{
	struct supervisor *sv = container_of(l, struct supervisor, parent);
	struct reason reason = reason_text("killed");
	int64_t now = loop_now(sv->loop);

	loop_disarm(sv->loop, &sv->orphan_timer);
	sv->orphan_timer.call = on_grace_over;
	loop_arm(sv->loop, &sv->orphan_timer, now + KICK_ORPHAN_GRACE_MS * MSEC_NS);
	close_below(sv);
	sup_shutdown(&sv->core, &reason, now);
	supervisor_settle(sv);
}

static void on_tick(struct timer *t, int64_t now)
{
	struct supervisor *sv = container_of(t, struct supervisor, tick);

	(void)now;
	report_flush(sv);
	exits_reap(sv, 0);
}

void supervisor_tick(struct supervisor *sv)
{
	if (sv->tick.heap)
		return;
	sv->tick.call = on_tick;
	loop_arm(sv->loop, &sv->tick, loop_now(sv->loop) + TICK_MS * MSEC_NS);
}

static void on_signal(void *user, const struct signalfd_siginfo *si)
{
	struct supervisor *sv = user;
	struct reason reason = reason_text("shutdown");

	if (si->ssi_signo == SIGCHLD) {
		exits_reap(sv, (pid_t)si->ssi_pid);
		return;
	}
	sup_shutdown(&sv->core, &reason, loop_now(sv->loop));
	supervisor_settle(sv);
}

/* --- requests -----------------------------------------------------------------------
 */

void supervisor_terminate_child(
	struct supervisor *sv, struct supervised *c, struct request *rq)
{
	sup_terminate_child(&sv->core, &c->core, &rq->waiter, clock_now());
	supervisor_settle(sv);
}

void supervisor_restart_child(
	struct supervisor *sv, struct supervised *c, struct request *rq)
{
	sup_restart_child(&sv->core, &c->core, &rq->waiter, clock_now());
	supervisor_settle(sv);
}

void supervisor_renew_child(
	struct supervisor *sv, struct supervised *c, struct request *rq)
{
	sup_renew_child(&sv->core, &c->core, &rq->waiter, clock_now());
	supervisor_settle(sv);
}

void supervisor_delete_child(
	struct supervisor *sv, struct supervised *c, struct request *rq)
{
	sup_delete_child(&sv->core, &c->core, &rq->waiter, clock_now());
	supervisor_settle(sv);
}

/* --- life ---------------------------------------------------------------------------
 */

static int add_children(struct supervisor *sv)
{
	const struct sup_spec *spec = spec_sup(sv->spec);
	int r = loop_reserve(sv->loop, 2 * spec->n_children + 16);

	if (r == 0)
		r = pids_reserve(&sv->pids, spec->n_children + 1);
	for (uint32_t i = 0; r == 0 && i < spec->n_children; i++) {
		const struct child_spec *cs = spec_child(spec, i);
		struct supervised *c = supervised_new(sv, cs);

		if (!c)
			return -ENOMEM;
		r = sup_add(&sv->core, &c->core, REL_STR(cs->id), &cs->policy);
	}
	return r;
}

static int open_loop(struct supervisor *sv)
{
	sigset_t set;
	int r;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigaddset(&set, SIGTERM);
	r = loop_new(&set, on_signal, sv, &sv->loop);
	if (r < 0)
		return r;
	sv->parent.on_message = on_parent_message;
	sv->parent.on_end = on_parent_end;
	return link_init(&sv->parent, sv->loop, FD_LINK);
}

static int set_up(struct supervisor *sv)
{
	const struct sup_spec *spec = spec_sup(sv->spec);
	int r = open_loop(sv);

	if (r == 0)
		r = sup_init(&sv->core, &spec->policy, (uint64_t)clock_now());
	if (r == 0)
		r = add_children(sv);
	if (r == 0)
		r = sv->node->serve(sv);
	return r;
}

static struct supervisor *make(const struct supervisor_start *start)
{
	struct supervisor *sv = slab_carve(sizeof *sv);

	if (!sv)
		_exit(1);
	sv->node = start->node;
	sv->config = start->config;
	sv->spec = start->spec;
	memcpy(sv->path, start->path, sizeof sv->path);
	sv->depth = start->depth;
	sv->socket = start->socket;
	sv->life = start->life;
	sv->children.size = sizeof(struct supervised);
	sv->nested.size = sizeof(struct nested);
	sv->started = clock_now();
	sv->started_wall = clock_wall();
	buf_init(&sv->notices, KICK_LINK_MESSAGE_MAX);
	listening_forget();
	return sv;
}

static int run(void *arg)
{
	struct supervisor *sv = arg;
	int r = set_up(sv);

	if (r < 0) {
		sv->core.reason = reason_textf("failed_to_start:setup:%s", err_name(r));
		say_farewell(sv);
	}
	sup_boot(&sv->core, clock_now());
	supervisor_settle(sv);
	for (;;) {
		report_turn(sv);
		r = loop_once(sv->loop);
		if (r < 0)
			KICK_BUG(
				"the loop of %s: %s", supervisor_name(sv), err_name(r));
	}
}

_Noreturn void supervisor_main(const struct supervisor_start *start)
{
	process_run(run, make(start));
}
