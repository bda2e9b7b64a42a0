/* Tasks under a supervisor: a dynamic supervisor whose children run a function. One
 * that somebody waits for is born first, and told what to do by who waits, who watches
 * it by then: so its end is known, however soon it comes. OTP: Elixir's
 * Task.Supervisor. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "otp/fnptr.h"
#include "otp/mailbox.h"
#include "otp/peers.h"
#include "otp/self.h"
#include "otp/task.h"

/* How long a task waits to be told its function. */
#define ORDER_MS 5000

static void add_copy(cJSON *object, const char *key, const cJSON *value)
{
	(void)cJSON_AddItemToObject(
		object, key, value ? cJSON_Duplicate(value, true) : cJSON_CreateNull());
}

static const cJSON *get(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

/* {"function", "arg"}: the caller's. */
static cJSON *order_of(kick_supervised_function *function, const cJSON *arg)
{
	cJSON *order = cJSON_CreateObject();

	(void)cJSON_AddItemToObject(
		order, "function", fnptr_to_json((fnptr *)function));
	add_copy(order, "arg", arg);
	return order;
}

/* Its value is the caller's. */
static cJSON *carry_out(const cJSON *order)
{
	kick_supervised_function *function =
		(kick_supervised_function *)fnptr_from_json(get(order, "function"));

	return function ? function(get(order, "arg")) : NULL;
}

/* --- in the task --------------------------------------------------------------------
 */

static void run_alone(void *order)
{
	cJSON_Delete(carry_out(order));
}

/* Who waits for the value, as the supervisor knows him. */
struct owner {
	kick_pid pid;
	kick_ref ref;
	kick_ref monitor;
};

static bool is_order_or_end(const kick_message *m, void *user)
{
	const struct owner *o = user;

	return (m->kind == KICK_MESSAGE && m->ref == o->ref &&
		       kick_pid_equal(m->from, o->pid)) ||
		(m->kind == KICK_DOWN && m->ref == o->monitor);
}

/* TASK-10. The order is the caller's. */
static kick_message *await_order(struct owner *o)
{
	kick_reason ended = { "" };
	kick_message *m;

	if (self_watch(o->pid, &o->monitor) < 0)
		kick_raise("monitor");
	if (kick_receive(is_order_or_end, o, ORDER_MS, &m) < 0)
		kick_raise("timeout");
	if (m->kind == KICK_DOWN) {
		(void)snprintf(ended.text, sizeof ended.text, "shutdown:%.*s",
			(int)(sizeof ended.text - sizeof "shutdown:"), m->reason);
		kick_raise(ended.text);
	}
	(void)kick_demonitor(o->monitor, true);
	return m;
}

static void run_for_owner(void *args)
{
	const char *ref = cJSON_GetStringValue(get(args, "ref"));
	struct owner o = { .pid = kick_pid_from_json(get(args, "owner")) };
	kick_message *order;
	cJSON *value;

	o.ref = ref ? strtoull(ref, NULL, 10) : 0;
	/* One that is gone is noticed by its monitor. */
	if (cJSON_IsTrue(get(args, "link")))
		(void)kick_link(o.pid);
	order = await_order(&o);
	value = carry_out(order->value);
	(void)peers_send(o.pid, FRAME_MESSAGE, o.ref, value, INT64_MAX);
	cJSON_Delete(value);
	kick_message_free(order);
}

/* --- in the supervisor --------------------------------------------------------------
 */

static int start_alone(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	(void)why;
	return kick_spawn_link(run_alone, (void *)(uintptr_t)args, ret);
}

static int start_for_owner(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	(void)why;
	return kick_spawn_link(run_for_owner, (void *)(uintptr_t)args, ret);
}

/* --- the caller's side --------------------------------------------------------------
 */

int kick_task_supervisor_start_link(
	const kick_supervisor_options *options, kick_pid *ret, kick_reason *why)
{
	return kick_dynamic_supervisor_start_link(options, ret, why);
}

int kick_task_supervisor_start_child(kick_dest supervisor,
	kick_supervised_function *function, const cJSON *arg, kick_restart restart,
	int64_t shutdown_ms, kick_pid *ret, kick_reason *why)
{
	kick_child_spec spec = {
		.start = start_alone, .restart = restart, .shutdown_ms = shutdown_ms
	};
	cJSON *order;
	int r;

	if (!function)
		return -EINVAL;
	order = order_of(function, arg);
	spec.args = order;
	r = kick_supervisor_start_child(supervisor, &spec, ret, why);
	cJSON_Delete(order);
	return r;
}

/* The child, which waits for its order. */
static int start_waiting(
	kick_dest supervisor, bool linked, int64_t shutdown_ms, kick_task *ret)
{
	kick_child_spec spec = { .start = start_for_owner,
		.restart = KICK_TEMPORARY,
		.shutdown_ms = shutdown_ms };
	cJSON *args = cJSON_CreateObject();
	char ref[24];
	int r;

	*ret = (kick_task){ .ref = mailbox_new_ref() };
	(void)snprintf(ref, sizeof ref, "%llu", (unsigned long long)ret->ref);
	(void)cJSON_AddStringToObject(args, "ref", ref);
	(void)cJSON_AddItemToObject(args, "owner", kick_pid_to_json(self.pid));
	(void)cJSON_AddBoolToObject(args, "link", linked);
	spec.args = args;
	r = kick_supervisor_start_child(supervisor, &spec, &ret->pid, NULL);
	cJSON_Delete(args);
	return r;
}

static int begin(kick_dest supervisor, bool linked, kick_supervised_function *function,
	const cJSON *arg, int64_t shutdown_ms, kick_task *ret)
{
	cJSON *order;
	int r;

	if (!function)
		return -EINVAL;
	r = start_waiting(supervisor, linked, shutdown_ms, ret);
	if (r < 0)
		return r;
	r = self_watch(ret->pid, &ret->monitor);
	if (r == 0)
		r = task_adopt(ret);
	if (r == 0) {
		order = order_of(function, arg);
		r = peers_send(ret->pid, FRAME_MESSAGE, ret->ref, order, INT64_MAX);
		cJSON_Delete(order);
	}
	/* One that is gone is told of by the monitor. */
	if (r == 0 || r == -ESRCH)
		return 0;
	task_disown(ret);
	(void)kick_unlink(ret->pid);
	(void)kick_exit(ret->pid, "kill");
	(void)kick_demonitor(ret->monitor, true);
	return r;
}

int kick_task_supervisor_async(kick_dest supervisor, kick_supervised_function *function,
	const cJSON *arg, int64_t shutdown_ms, kick_task *ret)
{
	return begin(supervisor, true, function, arg, shutdown_ms, ret);
}

int kick_task_supervisor_async_nolink(kick_dest supervisor,
	kick_supervised_function *function, const cJSON *arg, int64_t shutdown_ms,
	kick_task *ret)
{
	return begin(supervisor, false, function, arg, shutdown_ms, ret);
}

int kick_task_supervisor_children(kick_dest supervisor, cJSON **ret)
{
	cJSON *all = NULL, *pids;
	const cJSON *one;
	int r = kick_supervisor_which_children(supervisor, &all);

	if (r < 0)
		return r;
	pids = cJSON_CreateArray();
	cJSON_ArrayForEach(one, all) if (cJSON_IsString(get(one, "pid")))(void)
		cJSON_AddItemToArray(pids, cJSON_Duplicate(get(one, "pid"), true));
	cJSON_Delete(all);
	*ret = pids;
	return pids ? 0 : -ENOMEM;
}

int kick_task_supervisor_terminate_child(kick_dest supervisor, kick_pid task)
{
	return kick_dynamic_supervisor_terminate_child(supervisor, task);
}
