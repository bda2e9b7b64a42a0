/* See nodeproc.h. The way of a death: SIGCHLD, reap_all(), ended(), which tells those
 * that are linked (signal_exit) and those that watch. */
#include "otp/nodeproc.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/macro.h"
#include "base/table.h"
#include "core/reason.h"
#include "kick.h"
#include "loop/loop.h"
#include "os/reap.h"
#include "os/sock.h"
#include "otp/link.h"
#include "otp/nodeint.h"
#include "otp/nodetimers.h"
#include "otp/process.h"

/* Ends that are remembered for those who ask late. */
#define PAST_LEN 1024

static struct {
	struct loop *loop;
	uint64_t node;
	struct node_counters *counters;
	const char *dir;
	struct member *by_id, *by_pid, *gone;
	struct monitor *monitors;
	struct nodetimers timers;
	struct {
		uint64_t id;
		char reason[KICK_REASON_MAX];
	} past[PAST_LEN];
	bool ending;
	bool term_is_exit;
	int status;
	char reason[KICK_REASON_MAX]; /* of the first process's end */
} nd;

/* --- members ------------------------------------------------------------------------
 */

/* NOLINTNEXTLINE(readability-function-size): uthash */
struct member *node_find(int64_t id)
{
	struct member *m;
	uint64_t key = (uint64_t)id;

	HASH_FIND(by_id, nd.by_id, &key, sizeof key, m);
	return m;
}

/* NOLINTNEXTLINE(readability-function-size): uthash */
static struct member *find_pid(pid_t pid)
{
	struct member *m;

	HASH_FIND(by_pid, nd.by_pid, &pid, sizeof pid, m);
	return m;
}

void node_tell(struct member *m, enum node_kind kind, uint64_t id, uint64_t number,
	const char *text)
{
	struct link_message msg = { .kind = kind, .id = id, .number = (int64_t)number };

	(void)link_send(&m->link, &msg, text, -1);
}

static void answer(struct member *m, const struct link_message *request, int64_t result,
	const char *text, int fd)
{
	struct link_message msg = {
		.kind = NODE_ANSWER, .id = request->id, .number = result
	};

	(void)link_send(&m->link, &msg, text, fd);
}

/* --- links --------------------------------------------------------------------------
 */

static bool has_link(const struct member *m, uint64_t id)
{
	for (size_t i = 0; i < m->n_links; i++)
		if (m->links[i] == id)
			return true;
	return false;
}

static int add_half(struct member *m, uint64_t id)
{
	if (has_link(m, id))
		return 0;
	if (m->n_links == m->cap_links) {
		size_t cap = m->cap_links ? m->cap_links * 2 : 4;
		uint64_t *links = reallocarray(m->links, cap, sizeof *links);

		if (!links)
			return -ENOMEM;
		m->links = links;
		m->cap_links = cap;
	}
	m->links[m->n_links++] = id;
	return 0;
}

static void drop_half(struct member *m, uint64_t id)
{
	for (size_t i = 0; i < m->n_links; i++)
		if (m->links[i] == id)
			m->links[i--] = m->links[--m->n_links];
}

static int make_link(struct member *a, struct member *b)
{
	int r;

	if (a == b)
		return 0;
	r = add_half(a, b->id);
	if (r == 0)
		r = add_half(b, a->id);
	if (r < 0)
		drop_half(a, b->id);
	return r;
}

/* --- exit signals -------------------------------------------------------------------
 */

static void sentence(struct member *m, const char *reason)
{
	if (!*m->sentence)
		(void)snprintf(m->sentence, sizeof m->sentence, "%s", reason);
	/* It may take a while to die, and its successor is to find its name free. */
	nodenames_bury(m);
	(void)kill(m->pid, SIGKILL);
}

/* LNK-2 to LNK-9. signal: not 0 for one that was sent, as NODE_EXITED tells it. */
static void signal_exit(
	struct member *to, uint64_t from, const char *reason, uint64_t signal)
{
	if (signal && strcmp(reason, "kill") == 0)
		sentence(to, "killed");
	else if (to->trap)
		node_tell(to, NODE_EXITED, signal, from, reason);
	else if (strcmp(reason, "normal") != 0)
		sentence(to, reason);
}

void node_exit(struct member *m, const char *reason)
{
	signal_exit(m, NODE_STARTER, reason, UINT64_C(1) << 32);
}

/* --- monitors -----------------------------------------------------------------------
 */

/* NOLINTNEXTLINE(readability-function-size): uthash */
static uint64_t watch(struct member *watcher, struct member *target, uint64_t ref)
{
	struct monitor *mon = calloc(1, sizeof *mon);

	if (!mon)
		return 0;
	mon->ref = ref;
	mon->watcher = watcher;
	mon->target = target;
	DL_APPEND(target->watched, mon);
	DL_APPEND2(watcher->watches, mon, prev_of_watcher, next_of_watcher);
	HASH_ADD(hh, nd.monitors, ref, sizeof mon->ref, mon);
	return mon->ref;
}

/* NOLINTNEXTLINE(readability-function-size): uthash */
static void unwatch(struct monitor *mon)
{
	DL_DELETE(mon->target->watched, mon);
	DL_DELETE2(mon->watcher->watches, mon, prev_of_watcher, next_of_watcher);
	HASH_DELETE(hh, nd.monitors, mon);
	free(mon);
}

/* --- timers -------------------------------------------------------------------------
 */

static bool deliver(uint64_t to, const char *name, uint64_t from, const char *json)
{
	struct member *m = to ? node_find((int64_t)to) : nodenames_find(name);

	if (m)
		node_tell(m, NODE_TIMER, 0, from, json);
	return m != NULL;
}

/* Room in the loop for another timer or member. */
static int make_room(void)
{
	return loop_reserve(nd.loop, HASH_CNT(by_id, nd.by_id) + nd.timers.n + 64);
}

static int64_t send_later(
	const struct member *m, const struct link_message *msg, const char *text)
{
	uint64_t ref = ++nd.counters->last_ref;
	int r = make_room();

	if (r == 0)
		r = nodetimers_add(&nd.timers, ref, m->id, msg->number,
			msg->flags & NODE_AGAIN, text);
	return r < 0 ? r : (int64_t)ref;
}

/* --- birth --------------------------------------------------------------------------
 */

static void on_message(
	struct link *l, const struct link_message *m, const char *text, int fd);

/* Its end is told by SIGCHLD. */
static void on_end(struct link *l)
{
	(void)l;
}

/* NOLINTNEXTLINE(readability-function-size): uthash */
static struct member *new_member(uint64_t id, pid_t pid, int fd)
{
	struct member *m = calloc(1, sizeof *m);

	if (!m)
		return NULL;
	m->id = id;
	m->pid = pid;
	m->link.on_message = on_message;
	m->link.on_end = on_end;
	if (make_room() < 0 || link_init(&m->link, nd.loop, fd) < 0) {
		free(m);
		return NULL;
	}
	HASH_ADD(by_id, nd.by_id, id, sizeof m->id, m);
	HASH_ADD(by_pid, nd.by_pid, pid, sizeof m->pid, m);
	return m;
}

static void remove_sockets(const struct member *m)
{
	char path[160];

	if (m->supervisor) {
		(void)snprintf(path, sizeof path, "%s/" NODE_CONTROL_NAME, nd.dir,
			(unsigned long long)m->id);
		(void)unlink(path);
	}

	(void)snprintf(path, sizeof path, "%s/" NODE_SOCKET_NAME, nd.dir,
		(unsigned long long)m->id);
	(void)unlink(path);
}

/* --- death --------------------------------------------------------------------------
 */

static void remember(const struct member *m, const char *reason)
{
	unsigned i = (unsigned)(m->id % PAST_LEN);

	nd.past[i].id = m->id;
	(void)snprintf(nd.past[i].reason, sizeof nd.past[i].reason, "%s", reason);
}

static const char *recall(uint64_t id)
{
	unsigned i = (unsigned)(id % PAST_LEN);

	return nd.past[i].id == id ? nd.past[i].reason : "noproc";
}

static void tell_others(struct member *m, const char *reason)
{
	struct monitor *mon, *next;

	DL_FOREACH_SAFE(m->watched, mon, next)
	{
		node_tell(mon->watcher, NODE_DOWN, mon->ref, m->id, reason);
		unwatch(mon);
	}
	DL_FOREACH_SAFE2(m->watches, mon, next, next_of_watcher) unwatch(mon);
	for (size_t i = 0; i < m->n_links; i++) {
		struct member *other = node_find((int64_t)m->links[i]);

		if (!other)
			continue;
		drop_half(other, m->id);
		signal_exit(other, m->id, reason, 0);
	}
}

/* NOLINTNEXTLINE(readability-function-size): uthash */
static void bury(struct member *m, const char *reason)
{
	if (m->gone)
		return;
	if (m->supervisor)
		nodenames_hand_up(m);
	remove_sockets(m);
	remember(m, reason);
	HASH_DELETE(by_id, nd.by_id, m);
	HASH_DELETE(by_pid, nd.by_pid, m);
	nodenames_unwait(&m->waiter);
	nodenames_bury(m);
	outer_bury(m, reason);
	nodetimers_forget(&nd.timers, m->id);
	tell_others(m, reason);
	link_done(&m->link);
	free(m->links);
	m->gone = true;
	m->next_gone = nd.gone;
	nd.gone = m;
}

static void free_gone(void)
{
	while (nd.gone) {
		struct member *m = nd.gone;

		nd.gone = m->next_gone;
		free(m->supervisor);
		free(m);
	}
}

static const char *reason_of(const struct member *m, const struct reason *facts)
{
	if (*m->sentence && facts->signal == SIGKILL)
		return m->sentence;
	if (*m->raised && facts->signal == 0)
		return m->raised;
	return facts->signal == 0 && facts->code == 0 ? "normal" : facts->text;
}

/* NOLINTNEXTLINE(readability-function-size): uthash */
void node_hurry(void)
{
	struct member *m, *next;

	HASH_ITER(by_id, nd.by_id, m, next) sentence(m, "killed");
}

static void end_all(const struct reason *facts)
{
	nd.ending = true;
	nd.status = facts->signal ? 128 + facts->signal : facts->code;
	node_hurry();
}

/* What it was told to end for is no fault of the program's. */
static void end_with_first(const struct member *m, const struct reason *facts)
{
	struct reason r = reason_text(reason_of(m, facts));

	(void)strcpy(nd.reason, r.text);
	end_all(facts);
	if (*m->sentence && r.class != REASON_ABNORMAL)
		nd.status = 0;
}

/* It ended before it could tell of that one. */
static void end_unheard(uint64_t id, pid_t pid)
{
	struct member never = { .id = id };

	if (node_find((int64_t)id) || strcmp(recall(id), "noproc") != 0)
		return;
	if (pid > 0 && !find_pid(pid) && !births_early_end(pid))
		births_kill(pid);
	remove_sockets(&never);
}

static void ended(struct member *m, const struct reason *facts)
{
	bool first = m->id == NODE_FIRST;

	/* What it said last lies in the link. */
	link_drain(&m->link);
	if (first)
		end_with_first(m, facts);
	bury(m, reason_of(m, facts));
	births_end(nd.counters, m->id, end_unheard);
}

static void reap_all(void)
{
	struct reason facts;
	pid_t pid;

	while ((pid = reap_next(0, &facts)) > 0) {
		struct member *m = find_pid(pid);

		if (m)
			ended(m, &facts);
		else
			births_remember(pid, &facts);
	}
}

/* It cannot be kept: as if it had been killed right after. */
static void stillborn(struct member *m, const struct link_message *msg, pid_t pid)
{
	births_kill(pid);
	if (msg->flags & NODE_MONITORED)
		node_tell(m, NODE_DOWN, msg->id, (uint64_t)msg->number, "killed");
	if (msg->flags & NODE_LINKED)
		signal_exit(m, (uint64_t)msg->number, "killed", 0);
}

static void born(
	struct member *m, const struct link_message *msg, const char *text, int fd)
{
	pid_t pid = (pid_t)strtol(text, NULL, 10);
	const struct reason *end = births_early_end(pid);
	struct member *made = NULL;

	if (fd >= 0 && pid > 0)
		made = new_member((uint64_t)msg->number, pid, fd);
	if (!made) {
		(void)fd_close(fd);
		stillborn(m, msg, pid);
		return;
	}
	made->parent = m->id;
	made->leader = m->leader;
	if (msg->flags & NODE_LINKED)
		(void)make_link(m, made);
	if (msg->flags & NODE_MONITORED)
		(void)watch(m, made, msg->id);
	if (nd.ending)
		sentence(made, "killed");
	if (end)
		ended(made, end);
}

/* --- requests -----------------------------------------------------------------------
 */

static void do_link(struct member *m, const struct link_message *msg)
{
	struct member *other = node_find(msg->number);

	if (other) {
		answer(m, msg, make_link(m, other), NULL, -1);
		return;
	}
	if (m->trap)
		node_tell(m, NODE_EXITED, 0, (uint64_t)msg->number, "noproc");
	answer(m, msg, m->trap ? 0 : -ESRCH, NULL, -1);
}

static void do_unlink(struct member *m, const struct link_message *msg)
{
	struct member *other = node_find(msg->number);

	drop_half(m, (uint64_t)msg->number);
	if (other)
		drop_half(other, m->id);
	answer(m, msg, 0, NULL, -1);
}

static void do_monitor(struct member *m, const struct link_message *msg)
{
	struct member *target = node_find(msg->number);
	uint64_t ref = target ? watch(m, target, ++nd.counters->last_ref) : 0;

	if (target && !ref)
		answer(m, msg, -ENOMEM, NULL, -1);
	else
		answer(m, msg, (int64_t)ref,
			target ? "" : recall((uint64_t)msg->number), -1);
}

/* NOLINTNEXTLINE(readability-function-size): uthash */
static void do_demonitor(struct member *m, const struct link_message *msg)
{
	uint64_t ref = (uint64_t)msg->number;
	struct monitor *mon;

	HASH_FIND(hh, nd.monitors, &ref, sizeof ref, mon);
	if (mon && mon->watcher == m)
		unwatch(mon);
	answer(m, msg, 0, NULL, -1);
}

static void do_exit(struct member *m, const struct link_message *msg, const char *text)
{
	struct member *other = node_find(msg->number);

	/* Before the answer, which one that exits itself does not see. */
	if (other)
		signal_exit(other, m->id, text, msg->flags | UINT64_C(1) << 32);
	answer(m, msg, 0, NULL, -1);
}

static void found(struct name_waiter *w, struct member *whom)
{
	struct member *m = container_of(w, struct member, waiter);

	node_tell(m, NODE_FOUND, 0, whom ? whom->id : (uint64_t)-ESRCH, NULL);
}

static void do_whereis(
	struct member *m, const struct link_message *msg, const char *text)
{
	struct member *whom = nodenames_find(text);
	char socket[16] = "";
	int64_t r = whom ? (int64_t)whom->id : -ESRCH;

	m->waiter.done = found;
	if (!whom && (msg->flags & NODE_WAIT) &&
		nodenames_wait(text, &m->waiter, false))
		r = -EAGAIN;
	else if (!whom && (msg->flags & NODE_WAIT) &&
		outer_whose(text, socket, sizeof socket) == 0)
		r = -EREMOTE;
	answer(m, msg, r, socket, -1);
}

static void do_ready(const struct member *m, bool term)
{
	if (m->id != NODE_FIRST)
		return;
	nd.term_is_exit |= term;
	if (outer_is_ready())
		return;
	outer_ready();
	nodenames_settled(0, 0, 0);
}

/* NOLINTNEXTLINE(readability-function-size): uthash */
void node_each_top(void (*call)(void *user, const struct member *m), void *user)
{
	struct member *m, *next;

	HASH_ITER(by_id, nd.by_id, m, next)
	{
		const struct member *parent = node_find((int64_t)m->parent);

		if (m->supervisor && !(parent && parent->supervisor))
			call(user, m);
	}
}

struct member *node_members(void)
{
	return nd.by_id;
}

const struct node_counters *node_counters(void)
{
	return nd.counters;
}

bool node_is_ending(void)
{
	return nd.ending;
}

uint64_t node_number(void)
{
	return nd.node;
}

static void do_info(struct member *m, const struct link_message *msg)
{
	struct member *about = node_find(msg->number);
	char *text = about ? node_describe(about) : NULL;

	answer(m, msg, !about ? -ESRCH : text ? 0 : -ENOMEM, text, -1);
	free(text);
}

/* NOLINTNEXTLINE(readability-function-size): uthash */
static void do_kill_led(struct member *m, const struct link_message *msg)
{
	struct member *other, *next;
	uint64_t left = 0;

	HASH_ITER(by_id, nd.by_id, other, next)
	if (other != m && other->leader == m->id) {
		sentence(other, "killed");
		left = other->id;
	}
	answer(m, msg, (int64_t)left, NULL, -1);
}

static void do_trap(struct member *m, const struct link_message *msg)
{
	bool before = m->trap;

	m->trap = msg->number;
	answer(m, msg, before, NULL, -1);
}

static void serve(struct member *m, const struct link_message *msg, const char *text)
{
	const struct member *about;

	switch ((enum node_kind)msg->kind) {
	case NODE_RAISE:
		(void)snprintf(m->raised, sizeof m->raised, "%s", text);
		return;
	case NODE_LINK:
		do_link(m, msg);
		return;
	case NODE_UNLINK:
		do_unlink(m, msg);
		return;
	case NODE_MONITOR:
		do_monitor(m, msg);
		return;
	case NODE_DEMONITOR:
		do_demonitor(m, msg);
		return;
	case NODE_TRAP:
		do_trap(m, msg);
		return;
	case NODE_EXIT:
		do_exit(m, msg, text);
		return;
	case NODE_REGISTER:
		answer(m, msg, nodenames_give(m, text), NULL, -1);
		return;
	case NODE_UNREGISTER:
		answer(m, msg,
			msg->flags & NODE_WAIT ? nodenames_vacate(m, text)
					       : nodenames_take(m, text),
			NULL, -1);
		return;
	case NODE_WHEREIS:
		do_whereis(m, msg, text);
		return;
	case NODE_UNWAIT:
		nodenames_unwait(&m->waiter);
		return;
	case NODE_SUPERVISOR:
		free(m->supervisor);
		m->supervisor = strdup(text);
		return;
	case NODE_SETTLED:
		nodenames_settled(m->id, (uint64_t)msg->number, msg->id);
		return;
	case NODE_LEAD:
		m->leader = m->id;
		return;
	case NODE_KILL_LED:
		do_kill_led(m, msg);
		return;
	case NODE_READY:
		do_ready(m, msg->number);
		return;
	case NODE_REPLY:
		outer_reply(
			(uint64_t)msg->number, msg->flags & NODE_TOO_BIG ? NULL : text);
		return;
	case NODE_ALIVE:
		about = node_find(msg->number);
		answer(m, msg, about ? about->pid : 0, NULL, -1);
		return;
	case NODE_INFO:
		do_info(m, msg);
		return;
	case NODE_LATER:
		answer(m, msg, send_later(m, msg, text), NULL, -1);
		return;
	case NODE_CANCEL:
	case NODE_LEFT:
		answer(m, msg,
			nodetimers_left(&nd.timers, (uint64_t)msg->number,
				msg->kind == NODE_CANCEL),
			NULL, -1);
		return;
	case NODE_ANSWER:
	case NODE_EXITED:
	case NODE_DOWN:
	case NODE_TIMER:
	case NODE_BORN:
	case NODE_FOUND:
	case NODE_CALL:
	case NODE_CAST:
		return;
	}
}

static void on_message(
	struct link *l, const struct link_message *msg, const char *text, int fd)
{
	struct member *m = container_of(l, struct member, link);

	if (msg->kind == NODE_BORN) {
		born(m, msg, text, fd);
		return;
	}
	serve(m, msg, text);
	(void)fd_close(fd);
}

/* --- life ---------------------------------------------------------------------------
 */

static void on_signal(void *user, const struct signalfd_siginfo *si)
{
	struct member *first = node_find(NODE_FIRST);

	(void)user;
	if (si->ssi_signo == SIGCHLD)
		reap_all();
	else if (first && si->ssi_signo == SIGTERM && nd.term_is_exit)
		node_exit(first, "shutdown");
	else if (first)
		(void)kill(first->pid, (int)si->ssi_signo);
}

static int begin(const struct nodeproc_start *start)
{
	static const int handled[] = { SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT,
		SIGUSR1, SIGUSR2 };
	sigset_t set;
	int r;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(handled); i++)
		(void)sigaddset(&set, handled[i]);
	process_signals();
	nd.node = start->node;
	nd.dir = start->dir;
	nd.counters = start->counters;
	r = loop_new(&set, on_signal, NULL, &nd.loop);
	if (r < 0)
		return r;
	nd.timers = (struct nodetimers){ .loop = nd.loop, .deliver = deliver };
	if (start->outer.link >= 0)
		r = outer_begin(nd.loop, &start->outer);
	if (r < 0)
		return r;
	return new_member(NODE_FIRST, start->first, start->link) ? 0 : -ENOMEM;
}

/* What was killed between the name of a child and the word of it has left that name. */
static void remove_dir(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] == 'p')
			(void)unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		(void)closedir(d);
	(void)rmdir(dir);
}

_Noreturn void nodeproc_run(const struct nodeproc_start *start)
{
	int r = begin(start);

	(void)prctl(PR_SET_NAME, "kick:node");
	if (r < 0)
		(void)kill(start->first, SIGKILL);
	/* One that ended before the signals were ours. */
	if (r == 0)
		reap_all();
	while (r == 0 && !(nd.ending && !nd.by_id && !births_dying())) {
		free_gone();
		r = loop_once(nd.loop);
	}
	remove_dir(start->dir);
	if (start->outer.link >= 0)
		outer_end(nd.reason);
	_exit(r < 0 ? 1 : nd.status);
}
