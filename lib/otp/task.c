/* Tasks: a function in a process of its own whose value comes back as a message with
 * the task's ref. OTP: Elixir's Task. */
#include "otp/task.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/macro.h"
#include "base/table.h"
#include "otp/mailbox.h"
#include "otp/peers.h"
#include "otp/self.h"

#define DEFAULT_TIMEOUT_MS 5000

/* A task whose value has not been taken or given up. */
struct pending {
	kick_ref ref;
	UT_hash_handle hh;
};

static struct pending *pending;

/* What the new process finds in its copy of the starter's memory. */
struct errand {
	kick_task_function *function;
	void *arg;
	kick_pid owner;
	kick_ref ref; /* 0: nobody waits for the value */
};

static void run(void *arg)
{
	const struct errand *e = arg;
	cJSON *value = e->function(e->arg);
	int r = 0;

	if (e->ref)
		r = peers_send(e->owner, FRAME_MESSAGE, e->ref, value, INT64_MAX);
	cJSON_Delete(value);
	if (r == -EMSGSIZE || r == -ENOMEM)
		kick_raise(r == -ENOMEM ? "enomem" : "emsgsize");
}

/* NOLINTBEGIN(readability-function-size): the table's macros */

static struct pending *find_pending(const kick_task *t)
{
	struct pending *p;

	HASH_FIND(hh, pending, &t->ref, sizeof t->ref, p);
	return p;
}

int task_adopt(kick_task *t)
{
	struct pending *p = calloc(1, sizeof *p);

	if (!p)
		return -ENOMEM;
	t->owner = self.pid;
	p->ref = t->ref;
	HASH_ADD(hh, pending, ref, sizeof p->ref, p);
	return 0;
}

void task_disown(const kick_task *t)
{
	struct pending *p = find_pending(t);

	if (!p)
		return;
	HASH_DELETE(hh, pending, p);
	free(p);
}

/* NOLINTEND(readability-function-size) */

static int begin(bool linked, kick_task_function *function, void *arg, kick_task *ret)
{
	struct errand e = { .function = function,
		.arg = arg,
		.owner = self.pid,
		.ref = mailbox_new_ref() };
	kick_task t = { .ref = e.ref };
	int r = function && ret ? task_adopt(&t) : -EINVAL;

	if (r < 0)
		return r;
	r = linked ? self_spawn_link_monitor(run, &e, &t.pid, &t.monitor)
		   : kick_spawn_monitor(run, &e, &t.pid, &t.monitor);
	if (r < 0)
		task_disown(&t);
	else
		*ret = t;
	return r;
}

/* Nobody asks for it any more. */
static void be_done(const kick_task *t)
{
	(void)kick_demonitor(t->monitor, true);
	task_disown(t);
}

int kick_task_async(kick_task_function *function, void *arg, kick_task *ret)
{
	return begin(true, function, arg, ret);
}

int kick_task_async_nolink(kick_task_function *function, void *arg, kick_task *ret)
{
	return begin(false, function, arg, ret);
}

int kick_task_start_link(kick_task_function *function, void *arg, kick_pid *ret)
{
	struct errand e = { .function = function, .arg = arg };

	return function ? kick_spawn_link(run, &e, ret) : -EINVAL;
}

int kick_task_start(kick_task_function *function, void *arg, kick_pid *ret)
{
	struct errand e = { .function = function, .arg = arg };

	return function ? kick_spawn(run, &e, ret) : -EINVAL;
}

/* --- results ------------------------------------------------------------------------
 */

static bool is_value(const kick_message *m, void *user)
{
	return m->kind == KICK_MESSAGE && m->ref == ((const kick_task *)user)->ref;
}

static bool is_end(const kick_message *m, void *user)
{
	return m->kind == KICK_DOWN && m->ref == ((const kick_task *)user)->monitor;
}

static bool is_either(const kick_message *m, void *user)
{
	return is_value(m, user) || is_end(m, user);
}

static void say_why(kick_reason *why, const char *text)
{
	if (why)
		(void)snprintf(why->text, sizeof why->text, "%s", text);
}

/* TASK-1: whoever started it, and with what it got then. */
static int check_task(const kick_task *t)
{
	if (!t || !t->ref || !t->pid.id)
		return -EINVAL;
	return kick_pid_equal(t->owner, self.pid) ? 0 : -EPERM;
}

static int check_tasks(const kick_task *tasks, size_t n, const void *rets)
{
	int r = n > 0 && (!tasks || !rets) ? -EINVAL : 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = check_task(&tasks[i]);
	return r;
}

static bool is_time(int64_t timeout_ms)
{
	return timeout_ms >= 0 || timeout_ms == KICK_INFINITY;
}

/* What a message of the task means; it is freed, and the task is done with. A value
 * that is there goes before an end, whichever came first (TASK-5). */
static int settle(const kick_task *task, kick_message *m, cJSON **ret, kick_reason *why)
{
	kick_task t = *task;
	kick_message *value = NULL;
	int r = 0;

	if (is_end(m, &t) && kick_receive(is_value, &t, 0, &value) == 0) {
		kick_message_free(m);
		m = value;
	}
	if (is_end(m, &t)) {
		say_why(why, m->reason);
		r = -ECONNRESET;
	} else if (ret) {
		*ret = m->value;
		m->value = NULL;
	}
	kick_message_free(m);
	be_done(&t);
	return r;
}

static int await_one(
	const kick_task *task, int64_t timeout_ms, cJSON **ret, kick_reason *why)
{
	kick_task t = *task;
	kick_message *m;
	int r = kick_receive(is_either, &t, timeout_ms, &m);

	return r < 0 ? r : settle(task, m, ret, why);
}

static bool drop_value(const kick_message *m, void *user)
{
	return is_value(m, user);
}

static void give_up(const kick_task *task)
{
	kick_task t = *task;

	if (!find_pending(task))
		return;
	be_done(task);
	mailbox_refuse(task->ref);
	mailbox_drop(drop_value, &t);
}

int kick_task_yield(
	const kick_task *task, int64_t timeout_ms, cJSON **ret, kick_reason *why)
{
	int r = check_task(task);

	if (r < 0)
		return r;
	if (!is_time(timeout_ms))
		return -EINVAL;
	if (find_pending(task))
		return await_one(task, timeout_ms, ret, why);
	say_why(why, "noproc");
	return -ECONNRESET;
}

int kick_task_await(
	const kick_task *task, int64_t timeout_ms, cJSON **ret, kick_reason *why)
{
	int r = kick_task_yield(task, timeout_ms, ret, why);

	if (r == -ETIMEDOUT)
		give_up(task);
	return r;
}

/* Unlinked too: what it does from now on concerns nobody. */
int kick_task_ignore(const kick_task *task)
{
	int r = check_task(task);

	if (r == 0)
		r = kick_unlink(task->pid);
	if (r == 0)
		give_up(task);
	return r;
}

/* --- shutdown -----------------------------------------------------------------------
 */

static int end_task(
	const kick_task *t, int64_t timeout_ms, cJSON **ret, kick_reason *why)
{
	bool brutal = timeout_ms == KICK_BRUTAL_KILL;
	int r = kick_exit(t->pid, brutal ? "kill" : "shutdown");

	if (r < 0)
		return r;
	r = await_one(t, brutal ? KICK_INFINITY : timeout_ms, ret, why);
	if (r != -ETIMEDOUT)
		return r;
	(void)kick_exit(t->pid, "kill");
	return await_one(t, KICK_INFINITY, ret, why);
}

int kick_task_shutdown(
	const kick_task *task, int64_t timeout_ms, cJSON **ret, kick_reason *why)
{
	bool brutal = timeout_ms == KICK_BRUTAL_KILL;
	kick_reason ended = { "" };
	kick_task t;
	int r = check_task(task);

	if (r == 0 && !brutal && !is_time(timeout_ms))
		r = -EINVAL;
	if (r == 0)
		r = kick_unlink(task->pid);
	if (r < 0)
		return r;
	t = *task;
	/* Awaited in vain, it may run still, but is not watched any more. */
	r = find_pending(&t) ? await_one(&t, 0, ret, &ended)
			     : kick_monitor(t.pid, &t.monitor);
	if (r == 0 && t.monitor == task->monitor)
		return 0;
	if (r == -ETIMEDOUT || r == 0)
		r = end_task(&t, timeout_ms, ret, &ended);
	say_why(why, ended.text);
	return r == -ECONNRESET &&
			strcmp(ended.text, brutal ? "killed" : "shutdown") == 0
		? -ECANCELED
		: r;
}

/* --- many ---------------------------------------------------------------------------
 */

struct many {
	const kick_task *tasks;
	kick_task_outcome *outcomes; /* -ETIMEDOUT: not yet */
	size_t n, ended;
	bool failed;
};

static size_t whose(const struct many *w, const kick_message *m)
{
	size_t i = 0;

	while (i < w->n) {
		kick_task t = w->tasks[i];

		if (w->outcomes[i].result == -ETIMEDOUT && is_either(m, &t))
			break;
		i++;
	}
	return i;
}

static bool is_of_many(const kick_message *m, void *user)
{
	const struct many *w = user;

	return (m->kind == KICK_MESSAGE ? m->ref != 0 : m->kind == KICK_DOWN) &&
		whose(w, m) < w->n;
}

static void begin_many(struct many *w)
{
	for (size_t i = 0; i < w->n; i++) {
		kick_task_outcome *o = &w->outcomes[i];

		*o = (kick_task_outcome){ .result = -ETIMEDOUT };
		if (find_pending(&w->tasks[i]))
			continue;
		o->result = -ECONNRESET;
		say_why(&o->why, "noproc");
		w->ended++;
		w->failed = true;
	}
}

/* Until so many have ended or, if one failure is enough, one has failed. */
static int await_more(struct many *w, size_t enough, bool strict, int64_t timeout_ms)
{
	int64_t deadline = clock_deadline(timeout_ms);
	kick_message *m;
	int r = 0;

	while (w->ended < enough && !(strict && w->failed)) {
		kick_task_outcome *o;
		size_t i;

		r = kick_receive(is_of_many, w, clock_ms_left(deadline), &m);
		if (r < 0)
			break;
		i = whose(w, m);
		o = &w->outcomes[i];
		o->result = settle(&w->tasks[i], m, &o->value, &o->why);
		w->ended++;
		w->failed |= o->result < 0;
	}
	return r;
}

/* All or nothing. */
static int hand_over(struct many *w, int r, cJSON **rets, kick_reason *why)
{
	for (size_t i = 0; i < w->n && w->failed; i++) {
		if (w->outcomes[i].result != -ECONNRESET)
			continue;
		r = -ECONNRESET;
		say_why(why, w->outcomes[i].why.text);
		break;
	}
	for (size_t i = 0; i < w->n; i++) {
		if (r == 0)
			rets[i] = w->outcomes[i].value;
		else
			cJSON_Delete(w->outcomes[i].value);
		give_up(&w->tasks[i]);
	}
	free(w->outcomes);
	return r;
}

int kick_task_await_many(const kick_task *tasks, size_t n, int64_t timeout_ms,
	cJSON **rets, kick_reason *why)
{
	struct many w = { .tasks = tasks, .n = n };
	int r = is_time(timeout_ms) ? check_tasks(tasks, n, rets) : -EINVAL;

	if (r < 0 || n == 0)
		return r;
	w.outcomes = calloc(n, sizeof *w.outcomes);
	if (!w.outcomes)
		return -ENOMEM;
	begin_many(&w);
	r = await_more(&w, n, true, timeout_ms);
	return hand_over(&w, r, rets, why);
}

static void end_late(struct many *w, kick_on_timeout how)
{
	if (how == KICK_TIMEOUT_NOTHING)
		return;
	for (size_t i = 0; i < w->n; i++) {
		kick_task_outcome *o = &w->outcomes[i];

		if (o->result != -ETIMEDOUT)
			continue;
		if (how == KICK_TIMEOUT_IGNORE) {
			(void)kick_task_ignore(&w->tasks[i]);
			continue;
		}
		o->result = kick_task_shutdown(
			&w->tasks[i], KICK_BRUTAL_KILL, &o->value, &o->why);
		if (o->result == -ECANCELED)
			*o = (kick_task_outcome){ .result = -ETIMEDOUT };
		else
			w->ended++;
	}
}

int kick_task_yield_many(const kick_task *tasks, size_t n, int64_t timeout_ms,
	const kick_yield_options *options, kick_task_outcome *outcomes)
{
	const kick_yield_options o = options ? *options : (kick_yield_options){ 0 };
	struct many w = { .tasks = tasks, .outcomes = outcomes, .n = n };
	int r = is_time(timeout_ms) ? check_tasks(tasks, n, outcomes) : -EINVAL;

	if (r == 0 && (unsigned)o.on_timeout > KICK_TIMEOUT_KILL)
		r = -EINVAL;
	if (r < 0)
		return r;
	begin_many(&w);
	r = await_more(&w, o.limit && o.limit < n ? o.limit : n, false, timeout_ms);
	if (r < 0 && r != -ETIMEDOUT)
		return r;
	if (r == -ETIMEDOUT)
		end_late(&w, o.on_timeout);
	return w.ended > INT32_MAX ? INT32_MAX : (int)w.ended;
}

/* --- stream -------------------------------------------------------------------------
 */

enum place_state {
	PLACE_RUNNING,
	PLACE_ENDED,
	PLACE_DONE /* told */
};

/* One element's. */
struct place {
	kick_task task;
	enum place_state state;
	int r;
	int64_t deadline;
	cJSON *value;
	char *why; /* NULL: "" */
};

/* Places between first and next may be in any state; those before are done. */
struct stream {
	kick_task_function *function;
	void *const *args;
	size_t n, first, next, running;
	kick_stream_options o;
	struct place *places;
};

static int start_more(struct stream *st)
{
	while (st->running < st->o.max_concurrency && st->next < st->n) {
		struct place *p = &st->places[st->next];
		int r = kick_task_async(st->function, st->args[st->next], &p->task);

		if (r < 0)
			return r;
		p->deadline = clock_deadline(st->o.timeout_ms);
		st->next++;
		st->running++;
	}
	return 0;
}

static struct place *place_of(const struct stream *st, const kick_message *m)
{
	for (size_t i = st->first; i < st->next; i++)
		if (st->places[i].state == PLACE_RUNNING &&
			is_either(m, &st->places[i].task))
			return &st->places[i];
	return NULL;
}

static bool is_of_stream(const kick_message *m, void *user)
{
	return (m->kind == KICK_MESSAGE ? m->ref != 0 : m->kind == KICK_DOWN) &&
		place_of(user, m);
}

static bool is_exit_of(const kick_message *m, void *user)
{
	return m->kind == KICK_EXIT && kick_pid_equal(m->from, *(const kick_pid *)user);
}

/* Its link is a matter of the stream: nothing is left of it. */
static void end_place(struct stream *st, struct place *p, int r, const char *why)
{
	(void)kick_unlink(p->task.pid);
	mailbox_drop(is_exit_of, &p->task.pid);
	p->state = PLACE_ENDED;
	p->r = r;
	p->why = *why ? strdup(why) : NULL;
	st->running--;
}

static void kill_place(struct stream *st, struct place *p)
{
	cJSON *late = NULL;

	(void)kick_task_shutdown(&p->task, KICK_BRUTAL_KILL, &late, NULL);
	cJSON_Delete(late);
	end_place(st, p, -ETIMEDOUT, "timeout");
}

static int64_t first_deadline(const struct stream *st)
{
	int64_t first = INT64_MAX;

	for (size_t i = st->first; i < st->next; i++)
		if (st->places[i].state == PLACE_RUNNING &&
			st->places[i].deadline < first)
			first = st->places[i].deadline;
	return first;
}

static int end_late_places(struct stream *st)
{
	int64_t now = clock_now();

	for (size_t i = st->first; i < st->next; i++) {
		struct place *p = &st->places[i];

		if (p->state != PLACE_RUNNING || p->deadline > now)
			continue;
		if (!st->o.kill_on_timeout)
			return -ETIMEDOUT;
		kill_place(st, p);
	}
	return 0;
}

static int await_some(struct stream *st)
{
	kick_reason why = { "" };
	struct place *p;
	kick_message *m;
	int r = kick_receive(is_of_stream, st, clock_ms_left(first_deadline(st)), &m);

	if (r == -ETIMEDOUT)
		return end_late_places(st);
	if (r < 0)
		return r;
	p = place_of(st, m);
	r = settle(&p->task, m, &p->value, &why);
	end_place(st, p, r, why.text);
	return 0;
}

/* False: the caller wants no more. */
static bool hand_out(struct stream *st, kick_stream_result *result, void *user)
{
	bool go_on = true;

	for (size_t i = st->first; i < st->next && go_on; i++) {
		struct place *p = &st->places[i];

		if (p->state == PLACE_RUNNING && !st->o.unordered)
			break;
		if (p->state != PLACE_ENDED)
			continue;
		go_on = result(i, p->r, p->value, p->why ? p->why : "", user);
		p->state = PLACE_DONE;
		cJSON_Delete(p->value);
		free(p->why);
	}
	while (st->first < st->next && st->places[st->first].state == PLACE_DONE)
		st->first++;
	return go_on;
}

static void end_stream(struct stream *st)
{
	for (size_t i = st->first; i < st->next; i++)
		if (st->places[i].state == PLACE_RUNNING) {
			(void)kick_unlink(st->places[i].task.pid);
			(void)kick_exit(st->places[i].task.pid, "kill");
		}
	for (size_t i = st->first; i < st->next; i++) {
		struct place *p = &st->places[i];

		if (p->state == PLACE_RUNNING)
			kill_place(st, p);
		if (p->state == PLACE_ENDED) {
			cJSON_Delete(p->value);
			free(p->why);
		}
	}
	free(st->places);
}

int kick_task_async_stream(kick_task_function *function, void *const *args, size_t n,
	const kick_stream_options *options, kick_stream_result *result, void *user)
{
	struct stream st = { .function = function, .args = args, .n = n };
	bool go_on = true;
	int r = 0;

	if (options)
		st.o = *options;
	if (!st.o.timeout_ms)
		st.o.timeout_ms = DEFAULT_TIMEOUT_MS;
	if (!st.o.max_concurrency)
		st.o.max_concurrency = (size_t)sysconf(_SC_NPROCESSORS_ONLN);
	if (!function || !result || (n && !args) || !is_time(st.o.timeout_ms))
		return -EINVAL;
	if (n == 0)
		return 0;
	st.places = calloc(n, sizeof *st.places);
	if (!st.places)
		return -ENOMEM;
	while (r == 0 && go_on && st.first < n) {
		r = start_more(&st);
		if (r == 0 && st.running > 0)
			r = await_some(&st);
		if (r == 0)
			go_on = hand_out(&st, result, user);
	}
	end_stream(&st);
	return r;
}
