/* Tasks: a function in a process of its own whose value comes back as a message with
 * the task's ref. OTP: Elixir's Task. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/macro.h"
#include "otp/mailbox.h"
#include "otp/peers.h"
#include "otp/self.h"

#define DEFAULT_TIMEOUT_MS 5000

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

	if (e->ref)
		(void)peers_send(e->owner, FRAME_MESSAGE, e->ref, value, false);
	cJSON_Delete(value);
}

static int begin(bool linked, kick_task_function *function, void *arg, kick_task *ret)
{
	struct errand e = { .function = function,
		.arg = arg,
		.owner = self.pid,
		.ref = mailbox_new_ref() };
	int r = linked ? self_spawn_link_monitor(run, &e, &ret->pid, &ret->monitor)
		       : kick_spawn_monitor(run, &e, &ret->pid, &ret->monitor);

	ret->ref = e.ref;
	return r;
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

	return kick_spawn_link(run, &e, ret);
}

int kick_task_start(kick_task_function *function, void *arg, kick_pid *ret)
{
	struct errand e = { .function = function, .arg = arg };

	return kick_spawn(run, &e, ret);
}

/* --- results ------------------------------------------------------------------------
 */

/* A value that is there goes before an end, whichever came first (TASK-5). */
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

static void take(kick_message *m, cJSON **ret)
{
	if (ret) {
		*ret = m->value;
		m->value = NULL;
	}
	kick_message_free(m);
}

int kick_task_yield(
	const kick_task *task, int64_t timeout_ms, cJSON **ret, kick_reason *why)
{
	kick_task t = *task;
	kick_message *m, *value;
	int r = kick_receive(is_either, &t, timeout_ms, &m);

	if (r < 0)
		return r;
	if (is_end(m, &t)) {
		if (kick_receive(is_value, &t, 0, &value) < 0) {
			if (why)
				(void)snprintf(
					why->text, sizeof why->text, "%s", m->reason);
			kick_message_free(m);
			return -ECONNRESET;
		}
		kick_message_free(m);
		m = value;
	}
	take(m, ret);
	(void)kick_demonitor(t.monitor, true);
	return 0;
}

static void give_up(const kick_task *task)
{
	(void)kick_demonitor(task->monitor, true);
	mailbox_refuse(task->ref);
}

int kick_task_await(
	const kick_task *task, int64_t timeout_ms, cJSON **ret, kick_reason *why)
{
	int r = kick_task_yield(task, timeout_ms, ret, why);

	if (r == -ETIMEDOUT)
		give_up(task);
	return r;
}

static int64_t ms_until(int64_t deadline)
{
	int64_t left = deadline - clock_now();

	return left <= 0 ? 0 : (left + MSEC_NS - 1) / MSEC_NS;
}

int kick_task_await_many(const kick_task *tasks, size_t n, int64_t timeout_ms,
	cJSON **rets, kick_reason *why)
{
	int64_t deadline = clock_now() + timeout_ms * MSEC_NS;
	size_t done = 0;
	int r = 0;

	for (; done < n && r == 0; done++)
		r = kick_task_await(&tasks[done],
			timeout_ms < 0 ? KICK_INFINITY : ms_until(deadline),
			&rets[done], why);
	if (r == 0)
		return 0;
	for (size_t i = 0; i + 1 < done; i++)
		cJSON_Delete(rets[i]);
	for (size_t i = done; i < n; i++)
		give_up(&tasks[i]);
	return r;
}

int kick_task_ignore(const kick_task *task)
{
	int r = kick_unlink(task->pid);

	give_up(task);
	return r;
}

/* Anew, as one that was awaited in vain is not watched any more. */
static int watch_again(kick_task *t)
{
	kick_reason ended = { "" };
	int r = kick_demonitor(t->monitor, true);

	if (r == 0)
		r = self_monitor(t->pid, &t->monitor, &ended);
	if (r == 0 && t->monitor == 0) {
		t->monitor = mailbox_new_ref();
		mailbox_put(KICK_DOWN, t->pid, t->monitor, ended.text, NULL);
	}
	return r;
}

static int end_task(kick_task *t, int64_t timeout_ms, cJSON **ret, kick_reason *why)
{
	bool brutal = timeout_ms == KICK_BRUTAL_KILL;
	int r = kick_exit(t->pid, brutal ? "kill" : "shutdown");

	if (r < 0)
		return r;
	r = kick_task_yield(t, brutal ? KICK_INFINITY : timeout_ms, ret, why);
	if (r != -ETIMEDOUT)
		return r;
	(void)kick_exit(t->pid, "kill");
	return kick_task_yield(t, KICK_INFINITY, ret, why);
}

int kick_task_shutdown(
	const kick_task *task, int64_t timeout_ms, cJSON **ret, kick_reason *why)
{
	const char *wanted = timeout_ms == KICK_BRUTAL_KILL ? "killed" : "shutdown";
	kick_reason ended = { "" };
	kick_task t = *task;
	int r = kick_unlink(t.pid);

	if (r < 0)
		return r;
	r = kick_task_yield(&t, 0, ret, &ended);
	if (r == -ETIMEDOUT) {
		r = watch_again(&t);
		if (r == 0)
			r = end_task(&t, timeout_ms, ret, &ended);
	}
	if (why)
		*why = ended;
	return r == -ECONNRESET && strcmp(ended.text, wanted) == 0 ? -ECANCELED : r;
}

/* --- stream -------------------------------------------------------------------------
 */

struct slot {
	kick_task task;
	size_t i; /* of args */
	int64_t deadline;
	bool used, done;
	int r;
	cJSON *value;
	kick_reason why;
};

struct stream {
	kick_task_function *function;
	void *const *args;
	size_t n, next_arg, next_result, running;
	kick_stream_options o;
	struct slot *slots;
	size_t n_slots;
};

static int start_more(struct stream *st)
{
	int r = 0;

	for (size_t k = 0; k < st->n_slots && st->next_arg < st->n && r == 0; k++) {
		struct slot *s = &st->slots[k];

		if (s->used)
			continue;
		*s = (struct slot){ .i = st->next_arg, .used = true };
		s->deadline = clock_now() + st->o.timeout_ms * MSEC_NS;
		r = kick_task_async(st->function, st->args[st->next_arg], &s->task);
		s->used = r == 0;
		st->next_arg += r == 0;
		st->running += r == 0;
	}
	return r;
}

static bool is_of_stream(const kick_message *m, void *user)
{
	const struct stream *st = user;

	for (size_t k = 0; k < st->n_slots; k++) {
		kick_task *t = &st->slots[k].task;

		if (st->slots[k].used && !st->slots[k].done && is_either(m, t))
			return true;
	}
	return false;
}

static void kill_task(const kick_task *t)
{
	(void)kick_unlink(t->pid);
	(void)kick_exit(t->pid, "kill");
	give_up(t);
}

static int64_t first_deadline(const struct stream *st)
{
	int64_t first = INT64_MAX;

	for (size_t k = 0; k < st->n_slots; k++)
		if (st->slots[k].used && !st->slots[k].done &&
			st->slots[k].deadline < first)
			first = st->slots[k].deadline;
	return first;
}

static void settle_slot(struct stream *st, struct slot *s)
{
	s->r = kick_task_yield(&s->task, 0, &s->value, &s->why);
	if (s->r == -ETIMEDOUT && clock_now() < s->deadline)
		return;
	if (s->r == -ETIMEDOUT) {
		(void)snprintf(s->why.text, sizeof s->why.text, "timeout");
		kill_task(&s->task);
	}
	s->done = true;
	st->running--;
}

static int await_some(struct stream *st)
{
	kick_message *m;
	int r = kick_receive(is_of_stream, st, ms_until(first_deadline(st)), &m);

	if (r < 0 && r != -ETIMEDOUT)
		return r;
	/* Put back in words: the slot takes it, as there is one taker only. */
	if (r == 0) {
		mailbox_put(m->kind, m->from, m->ref, m->reason, m->value);
		m->value = NULL;
		kick_message_free(m);
	}
	for (size_t k = 0; k < st->n_slots; k++)
		if (st->slots[k].used && !st->slots[k].done)
			settle_slot(st, &st->slots[k]);
	return 0;
}

/* *ret: false: the caller wants no more. */
static int hand_out(
	struct stream *st, kick_stream_result *result, void *user, bool *ret)
{
	bool again = true;

	while (again) {
		again = false;
		for (size_t k = 0; k < st->n_slots; k++) {
			struct slot *s = &st->slots[k];

			if (!s->used || !s->done ||
				(!st->o.unordered && s->i != st->next_result))
				continue;
			*ret = result(s->i, s->r, s->value, s->why.text, user);
			cJSON_Delete(s->value);
			s->used = false;
			st->next_result++;
			again = true;
			if (s->r == -ETIMEDOUT && !st->o.kill_on_timeout)
				return s->r;
			if (!*ret)
				return 0;
		}
	}
	return 0;
}

static void end_stream(struct stream *st)
{
	for (size_t k = 0; k < st->n_slots; k++) {
		struct slot *s = &st->slots[k];

		if (!s->used)
			continue;
		if (!s->done)
			kill_task(&s->task);
		cJSON_Delete(s->value);
	}
	free(st->slots);
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
	st.n_slots = st.o.max_concurrency;
	if (!st.n_slots)
		st.n_slots = (size_t)sysconf(_SC_NPROCESSORS_ONLN);
	st.slots = calloc(st.n_slots, sizeof *st.slots);
	if (!st.slots)
		return -ENOMEM;
	while (r == 0 && go_on && st.next_result < n) {
		r = start_more(&st);
		if (r == 0 && st.running > 0)
			r = await_some(&st);
		if (r == 0)
			r = hand_out(&st, result, user, &go_on);
	}
	end_stream(&st);
	return r;
}
