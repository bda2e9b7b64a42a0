/* A supervisor in code: the machine of core/sup.h in a GenServer, as OTP's supervisor
 * is one. Children are processes of the node: started by their start functions, told to
 * stop with exit signals, missed by their monitors. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/macro.h"
#include "core/sup.h"
#include "otp/mailbox.h"
#include "otp/self.h"

#define DEFAULT_SHUTDOWN_MS 5000

struct code_child {
	struct child core;
	struct child_policy policy;
	char id[KICK_ID_MAX + 1];
	kick_start_function *start;
	cJSON *args;
	kick_pid pid; /* id 0: none */
	kick_pid old; /* the one before */
	kick_ref monitor;
	kick_reason why; /* of the last start that failed */
	int64_t due;	 /* -1: none */
};

struct code_sup {
	struct sup core;
	kick_server *server;
	uint64_t last_dynamic;
	bool ready, ended;
};

/* One who waits for the end of a request. */
struct asker {
	struct waiter waiter;
	kick_from from;
	char id[KICK_ID_MAX + 1]; /* of a child that is to be added */
};

static struct code_child *child_of(struct child *c)
{
	return container_of(c, struct code_child, core);
}

static struct child *child_at(const struct code_sup *cs, kick_pid pid)
{
	for (uint32_t i = 0; pid.id && i < cs->core.n; i++) {
		const struct code_child *c = child_of(cs->core.children[i]);

		if (kick_pid_equal(c->pid.id ? c->pid : c->old, pid))
			return cs->core.children[i];
	}
	return NULL;
}

static void free_child(struct code_child *c)
{
	cJSON_Delete(c->args);
	free(c);
}

/* --- specifications -----------------------------------------------------------------
 */

static bool is_good(const kick_child_spec *spec, bool dynamic)
{
	size_t n = spec->id ? strlen(spec->id) : 0;

	return spec->start && spec->restart <= KICK_TEMPORARY &&
		(dynamic || (n > 0 && n <= KICK_ID_MAX)) &&
		spec->shutdown_ms >= KICK_BRUTAL_KILL &&
		!(spec->significant && spec->restart == KICK_PERMANENT);
}

static int64_t shutdown_ns(const kick_child_spec *spec)
{
	if (spec->shutdown_ms == KICK_BRUTAL_KILL)
		return POLICY_BRUTAL_KILL;
	if (spec->shutdown_ms == KICK_INFINITY ||
		(!spec->shutdown_ms && spec->supervisor))
		return POLICY_INFINITY;
	return (spec->shutdown_ms ? spec->shutdown_ms : DEFAULT_SHUTDOWN_MS) * MSEC_NS;
}

static struct code_child *new_child(const kick_child_spec *spec)
{
	static const uint8_t restarts[] = { [KICK_PERMANENT] = RESTART_PERMANENT,
		[KICK_TRANSIENT] = RESTART_TRANSIENT,
		[KICK_TEMPORARY] = RESTART_TEMPORARY };
	struct code_child *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->policy = (struct child_policy){ .type = spec->supervisor ? CHILD_SUPERVISOR
								    : CHILD_WORKER,
		.restart = restarts[spec->restart],
		.significant = spec->significant,
		.autostart = true,
		.shutdown_ns = shutdown_ns(spec),
		.start_timeout_ns = POLICY_INFINITY };
	(void)snprintf(c->id, sizeof c->id, "%s", spec->id ? spec->id : "");
	c->start = spec->start;
	c->due = -1;
	c->args = spec->args ? cJSON_Duplicate(spec->args, true) : cJSON_CreateNull();
	if (!c->args) {
		free(c);
		return NULL;
	}
	return c;
}

/* As a message: all processes of a node are copies of one program, in which functions
 * have the same address. */
static cJSON *spec_to_json(const kick_child_spec *spec)
{
	cJSON *json = cJSON_CreateObject();
	char start[32];

	(void)snprintf(start, sizeof start, "%p", (void *)(uintptr_t)spec->start);
	(void)cJSON_AddStringToObject(json, "id", spec->id ? spec->id : "");
	(void)cJSON_AddStringToObject(json, "start", start);
	(void)cJSON_AddItemToObject(json, "args",
		spec->args ? cJSON_Duplicate(spec->args, true) : cJSON_CreateNull());
	(void)cJSON_AddNumberToObject(json, "restart", spec->restart);
	(void)cJSON_AddNumberToObject(json, "shutdown_ms", (double)spec->shutdown_ms);
	(void)cJSON_AddBoolToObject(json, "significant", spec->significant);
	(void)cJSON_AddBoolToObject(json, "supervisor", spec->supervisor);
	return json;
}

static kick_child_spec spec_from_json(const cJSON *json)
{
	void *start = NULL;
	const cJSON *at = cJSON_GetObjectItemCaseSensitive(json, "start");

	if (cJSON_IsString(at))
		(void)sscanf(at->valuestring, "%p", &start);
	return (kick_child_spec){
		.id = cJSON_GetStringValue(
			cJSON_GetObjectItemCaseSensitive(json, "id")),
		.start = (kick_start_function *)(uintptr_t)start,
		.args = cJSON_GetObjectItemCaseSensitive(json, "args"),
		.restart = (kick_restart)cJSON_GetNumberValue(
			cJSON_GetObjectItemCaseSensitive(json, "restart")),
		.shutdown_ms = (int64_t)cJSON_GetNumberValue(
			cJSON_GetObjectItemCaseSensitive(json, "shutdown_ms")),
		.significant = cJSON_IsTrue(
			cJSON_GetObjectItemCaseSensitive(json, "significant")),
		.supervisor = cJSON_IsTrue(
			cJSON_GetObjectItemCaseSensitive(json, "supervisor")),
	};
}

/* --- effects ------------------------------------------------------------------------
 */

static void reply_text(kick_from from, const char *result, const struct code_child *c)
{
	cJSON *said = cJSON_CreateObject();

	(void)cJSON_AddStringToObject(said, "result", result);
	if (c && c->pid.id)
		(void)cJSON_AddItemToObject(said, "pid", kick_pid_to_json(c->pid));
	(void)kick_reply(from, said);
	cJSON_Delete(said);
}

static void reply_failure(
	struct code_sup *cs, kick_from from, const struct code_child *c)
{
	cJSON *said = cJSON_CreateObject();

	(void)cJSON_AddStringToObject(said, "result", "start_failed");
	(void)cJSON_AddStringToObject(
		said, "reason", c ? c->core.last_exit.text : cs->core.cause.text);
	(void)kick_reply(from, said);
	cJSON_Delete(said);
}

/* One that has ended already is told of as it ended, as far as that is remembered. */
static int watch(struct code_child *c, kick_pid pid)
{
	kick_reason ended = { "" };
	int r = self_monitor(pid, &c->monitor, &ended);

	if (r == 0 && c->monitor == 0) {
		c->monitor = mailbox_new_ref();
		mailbox_put(KICK_DOWN, pid, c->monitor, ended.text, NULL);
	}
	return r;
}

static void start_child(struct code_sup *cs, struct code_child *c)
{
	kick_reason why = { "" };
	kick_pid pid = { 0 };
	struct reason reason;
	int64_t now;
	int r = c->start(c->args, &pid, &why);

	if (r > 0 && r != KICK_IGNORE) {
		(void)snprintf(why.text, sizeof why.text, "bad_return_value");
		r = -EINVAL;
	}
	if (r == 0)
		r = watch(c, pid);
	/* Linked already, most likely; gone already, perhaps: then DOWN says so. */
	if (r == 0)
		(void)kick_link(pid);
	now = clock_now();
	if (r == KICK_IGNORE) {
		sup_ignored(&cs->core, &c->core, now);
	} else if (r < 0) {
		reason = reason_text(*why.text ? why.text
				: r == -EEXIST ? "already_started"
					       : strerror(-r));
		sup_start_failed(&cs->core, &c->core, &reason,
			r == -EAGAIN || r == -EMFILE, now);
	} else {
		c->pid = pid;
		sup_spawned(&cs->core, &c->core, now);
		sup_ready(&cs->core, &c->core, now);
	}
}

static void reply(struct code_sup *cs, const struct effect *e)
{
	struct asker *a = container_of(e->waiter, struct asker, waiter);
	struct child *there = *a->id ? sup_find(&cs->core, a->id) : NULL;
	struct code_child *c = e->child ? child_of(e->child) : NULL;

	if (e->result == SUP_ALREADY_STARTED && there)
		c = child_of(there);
	if (e->result == SUP_START_FAILED)
		reply_failure(cs, a->from, c);
	else
		reply_text(a->from, sup_result_names[e->result], c);
	free(a);
}

static void carry_out(struct code_sup *cs, const struct effect *e)
{
	switch ((enum fx_kind)e->kind) {
	case FX_SPAWN:
		start_child(cs, child_of(e->child));
		return;
	case FX_STOP:
		(void)kick_exit(child_of(e->child)->pid, "shutdown");
		return;
	case FX_KILL:
		(void)kick_exit(child_of(e->child)->pid, "kill");
		return;
	case FX_ARM:
		child_of(e->child)->due = e->at;
		return;
	case FX_REPLY:
		reply(cs, e);
		return;
	case FX_REMOVED:
		free_child(child_of(e->child));
		return;
	case FX_READY:
		cs->ready = true;
		return;
	case FX_EXIT:
		cs->ended = true;
		return;
	case FX_EVENT:
		return;
	}
}

static void settle(struct code_sup *cs)
{
	struct effect e;

	while (sup_take(&cs->core, &e))
		carry_out(cs, &e);
}

/* --- time ---------------------------------------------------------------------------
 */

static int64_t next_due(const struct code_sup *cs)
{
	int64_t next = -1;

	for (uint32_t i = 0; i < cs->core.n; i++) {
		int64_t due = child_of(cs->core.children[i])->due;

		if (due >= 0 && (next < 0 || due < next))
			next = due;
	}
	return next;
}

/* Milliseconds, rounded up; KICK_INFINITY: nothing is awaited. */
static int64_t time_left(const struct code_sup *cs)
{
	int64_t due = next_due(cs);
	int64_t left = due < 0 ? 0 : due - clock_now();

	if (due < 0)
		return KICK_INFINITY;
	return left <= 0 ? 0 : (left + MSEC_NS - 1) / MSEC_NS;
}

/* Children may come and go while one is told: begun anew each time. */
static void run_due(struct code_sup *cs)
{
	int64_t now = clock_now();
	bool again = true;

	while (again) {
		again = false;
		for (uint32_t i = 0; i < cs->core.n && !again; i++) {
			struct code_child *c = child_of(cs->core.children[i]);

			if (c->due < 0 || c->due > now)
				continue;
			c->due = -1;
			sup_due(&cs->core, &c->core, now);
			settle(cs);
			again = true;
		}
	}
}

/* --- ends ---------------------------------------------------------------------------
 */

static void child_down(struct code_sup *cs, const kick_message *m)
{
	struct child *child = child_at(cs, m->from);
	struct reason reason = reason_text(m->reason);
	struct code_child *c;

	if (!child || child_of(child)->monitor != m->ref)
		return;
	c = child_of(child);
	c->old = c->pid;
	c->pid = (kick_pid){ 0 };
	c->monitor = 0;
	sup_exited(&cs->core, child, &reason, clock_now());
	settle(cs);
}

static bool is_down(const kick_message *m, void *user)
{
	(void)user;
	return m->kind == KICK_DOWN;
}

/* Until it is up, or has ended: while a supervisor starts or stops it answers nobody
 * (SUP-2). */
static void wait_until(struct code_sup *cs, const bool *done)
{
	kick_message *m;

	while (!*done) {
		int r = kick_receive(is_down, NULL, time_left(cs), &m);

		if (r == 0) {
			child_down(cs, m);
			kick_message_free(m);
		} else if (r != -ETIMEDOUT) {
			kick_raise("receive");
		}
		run_due(cs);
	}
}

/* --- callbacks ----------------------------------------------------------------------
 */

/* What the starter's memory has for the new process. */
struct plan {
	struct sup_policy policy;
	const kick_child_spec *specs;
	size_t n;
};

static const struct plan *plan;

static int next_step(struct code_sup *cs)
{
	if (cs->ended || cs->core.phase == SUP_ENDED)
		return kick_server_stop(cs->server, cs->core.reason.text);
	if (cs->core.phase == SUP_ENDING) {
		/* It gives up, or shuts itself down: nobody is answered any more. */
		wait_until(cs, &cs->ended);
		return kick_server_stop(cs->server, cs->core.reason.text);
	}
	return kick_server_timeout(cs->server, time_left(cs));
}

static int init(kick_server *s, const cJSON *args)
{
	struct code_sup *cs = calloc(1, sizeof *cs);
	int r = cs ? sup_init(&cs->core, &plan->policy, (uint64_t)clock_now())
		   : -ENOMEM;

	(void)args;
	for (size_t i = 0; r == 0 && i < plan->n; i++) {
		struct code_child *c = new_child(&plan->specs[i]);

		r = c ? sup_add(&cs->core, &c->core, c->id, &c->policy) : -ENOMEM;
	}
	if (r < 0)
		return kick_server_stop(s, "enomem");
	cs->server = s;
	kick_server_set_state(s, cs);
	sup_boot(&cs->core, clock_now());
	settle(cs);
	if (!cs->ready)
		wait_until(cs, cs->core.phase == SUP_ENDING ? &cs->ended : &cs->ready);
	return next_step(cs);
}

static struct waiter *asker(kick_from from, const char *id)
{
	struct asker *a = calloc(1, sizeof *a);

	if (!a)
		kick_raise("enomem");
	a->from = from;
	(void)snprintf(a->id, sizeof a->id, "%s", id);
	return &a->waiter;
}

static void do_start_child(struct code_sup *cs, kick_from from, const cJSON *request)
{
	kick_child_spec spec =
		spec_from_json(cJSON_GetObjectItemCaseSensitive(request, "spec"));
	struct code_child *c = NULL;

	if (is_good(&spec, cs->core.policy.dynamic) &&
		!(spec.significant && cs->core.policy.auto_shutdown == AUTO_NEVER))
		c = new_child(&spec);
	if (!c) {
		reply_text(from, "badarg", NULL);
		return;
	}
	if (cs->core.policy.dynamic)
		(void)snprintf(c->id, sizeof c->id, "%llu",
			(unsigned long long)++cs->last_dynamic);
	sup_start_child(&cs->core, &c->core, c->id, &c->policy, asker(from, c->id),
		clock_now());
}

static cJSON *which_children(const struct code_sup *cs)
{
	cJSON *list = cJSON_CreateArray();

	for (uint32_t i = cs->core.n; i-- > 0;) {
		const struct code_child *c = child_of(cs->core.children[i]);
		cJSON *row = cJSON_CreateObject();

		(void)cJSON_AddStringToObject(row, "id", c->id);
		(void)cJSON_AddItemToObject(row, "pid",
			c->pid.id ? kick_pid_to_json(c->pid) : cJSON_CreateNull());
		(void)cJSON_AddBoolToObject(
			row, "restarting", c->core.state == CHILD_RESTARTING);
		(void)cJSON_AddStringToObject(row, "type",
			c->policy.type == CHILD_WORKER ? "worker" : "supervisor");
		(void)cJSON_AddItemToArray(list, row);
	}
	return list;
}

static cJSON *count_children(const struct code_sup *cs)
{
	struct child_counts n = sup_count_children(&cs->core);
	cJSON *json = cJSON_CreateObject();

	(void)cJSON_AddNumberToObject(json, "specs", n.specs);
	(void)cJSON_AddNumberToObject(json, "active", n.active);
	(void)cJSON_AddNumberToObject(json, "supervisors", n.supervisors);
	(void)cJSON_AddNumberToObject(json, "workers", n.workers);
	return json;
}

typedef void child_request(
	struct sup *s, struct child *c, struct waiter *w, int64_t now);

static void do_child(
	struct code_sup *cs, kick_from from, const cJSON *request, child_request *call)
{
	const char *id =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(request, "id"));
	const cJSON *pid = cJSON_GetObjectItemCaseSensitive(request, "pid");
	/* A dynamic supervisor's are known by their pid alone, others by their id. */
	struct child *c = NULL;

	if (pid && cs->core.policy.dynamic)
		c = child_at(cs, kick_pid_from_json(pid));
	else if (id && !cs->core.policy.dynamic)
		c = sup_find(&cs->core, id);

	if (c)
		call(&cs->core, c, asker(from, ""), clock_now());
	else
		reply_text(from, "not_found", NULL);
}

static void reply_built(kick_from from, cJSON *json)
{
	(void)kick_reply(from, json);
	cJSON_Delete(json);
}

static int handle_call(kick_server *s, kick_from from, const cJSON *request)
{
	static const struct {
		const char *name;
		child_request *call;
	} requests[] = { { "terminate_child", sup_terminate_child },
		{ "restart_child", sup_restart_child },
		{ "delete_child", sup_delete_child } };
	struct code_sup *cs = kick_server_state(s);
	const char *method = cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(request, "method"));

	if (!method)
		method = "";
	for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
		if (strcmp(method, requests[i].name) != 0)
			continue;
		do_child(cs, from, request, requests[i].call);
		settle(cs);
		return next_step(cs);
	}
	if (strcmp(method, "start_child") == 0)
		do_start_child(cs, from, request);
	else if (strcmp(method, "which_children") == 0)
		reply_built(from, which_children(cs));
	else if (strcmp(method, "count_children") == 0)
		reply_built(from, count_children(cs));
	else
		reply_text(from, "badarg", NULL);
	settle(cs);
	return next_step(cs);
}

/* Exit signals of anybody but the parent have no effect. */
static int handle_info(kick_server *s, const kick_message *m)
{
	struct code_sup *cs = kick_server_state(s);

	if (m->kind == KICK_DOWN)
		child_down(cs, m);
	run_due(cs);
	return next_step(cs);
}

static int handle_cast(kick_server *s, const cJSON *request)
{
	(void)request;
	return next_step(kick_server_state(s));
}

static void terminate(kick_server *s, const char *text)
{
	struct code_sup *cs = kick_server_state(s);
	struct reason reason = reason_text(text);

	if (!cs || cs->ended)
		return;
	sup_shutdown(&cs->core, &reason, clock_now());
	settle(cs);
	wait_until(cs, &cs->ended);
}

static const kick_gen_server callbacks = { .init = init,
	.handle_call = handle_call,
	.handle_cast = handle_cast,
	.handle_info = handle_info,
	.terminate = terminate };

/* --- the caller's side --------------------------------------------------------------
 */

static const kick_supervisor_options defaults = KICK_SUPERVISOR_DEFAULTS;

static bool are_good(const kick_supervisor_options *o, bool dynamic)
{
	return o->strategy <= KICK_REST_FOR_ONE &&
		o->auto_shutdown <= KICK_ALL_SIGNIFICANT && o->max_seconds > 0 &&
		o->max_seconds < (double)(INT64_MAX / SEC_NS) &&
		(!dynamic ||
			(o->strategy == KICK_ONE_FOR_ONE &&
				o->auto_shutdown == KICK_NEVER));
}

static int start(bool dynamic, const kick_supervisor_options *o,
	const kick_child_spec *specs, size_t n, kick_pid *ret, kick_reason *why)
{
	static const uint8_t strategies[] = { [KICK_ONE_FOR_ONE] = STRATEGY_ONE_FOR_ONE,
		[KICK_ONE_FOR_ALL] = STRATEGY_ONE_FOR_ALL,
		[KICK_REST_FOR_ONE] = STRATEGY_REST_FOR_ONE };
	static const uint8_t autos[] = { [KICK_NEVER] = AUTO_NEVER,
		[KICK_ANY_SIGNIFICANT] = AUTO_ANY_SIGNIFICANT,
		[KICK_ALL_SIGNIFICANT] = AUTO_ALL_SIGNIFICANT };
	struct plan p = { .specs = specs, .n = n };
	kick_start_options how = { .trap_exit = true };
	int r;

	o = o ? o : &defaults;
	if (!are_good(o, dynamic))
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		if (!is_good(&specs[i], false) ||
			(specs[i].significant && o->auto_shutdown == KICK_NEVER))
			return -EINVAL;
		for (size_t k = 0; k < i; k++)
			if (strcmp(specs[i].id, specs[k].id) == 0)
				return -EINVAL;
	}
	p.policy = (struct sup_policy){ .strategy = strategies[o->strategy],
		.auto_shutdown = autos[o->auto_shutdown],
		.dynamic = dynamic,
		.max_restarts = o->max_restarts,
		.max_seconds_ns = (int64_t)(o->max_seconds * (double)SEC_NS),
		.max_children = o->max_children ? o->max_children : POLICY_NO_LIMIT };
	how.name = o->name;
	plan = &p;
	r = kick_server_start_link(&callbacks, NULL, &how, ret, why);
	plan = NULL;
	return r;
}

int kick_supervisor_start_link(const kick_supervisor_options *options,
	const kick_child_spec *specs, size_t n, kick_pid *ret, kick_reason *why)
{
	return start(false, options, specs, n, ret, why);
}

int kick_dynamic_supervisor_start_link(
	const kick_supervisor_options *options, kick_pid *ret, kick_reason *why)
{
	return start(true, options, NULL, 0, ret, why);
}

int kick_supervisor_stop(kick_dest supervisor)
{
	return kick_server_stop_call(supervisor, "normal", KICK_INFINITY, NULL);
}

static int result_of(const cJSON *said, kick_pid *ret, kick_reason *why)
{
	static const struct {
		const char *text;
		int code;
	} results[] = { { "ok", 0 }, { "already_started", -EEXIST },
		{ "already_present", -EALREADY }, { "not_found", -ESRCH },
		{ "running", -EBUSY }, { "restarting", -EBUSY },
		{ "max_children", -ENOSPC }, { "start_failed", -ECANCELED },
		{ "cancelled", -ECANCELED }, { "shutting_down", -ESHUTDOWN },
		{ "dynamic_supervisor", -EOPNOTSUPP }, { "no_memory", -ENOMEM } };
	const char *text =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(said, "result"));
	const char *reason =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(said, "reason"));
	const cJSON *pid = cJSON_GetObjectItemCaseSensitive(said, "pid");

	if (ret)
		*ret = kick_pid_from_json(pid);
	if (why)
		(void)snprintf(why->text, sizeof why->text, "%s",
			reason	       ? reason
				: text ? text
				       : "");
	for (size_t i = 0; text && i < ARRAY_LEN(results); i++)
		if (strcmp(text, results[i].text) == 0)
			return results[i].code == 0 && ret && !pid ? KICK_IGNORE
								   : results[i].code;
	return -EINVAL;
}

/* Takes the request over. */
static int ask(kick_dest to, cJSON *request, kick_pid *ret, kick_reason *why)
{
	cJSON *said = NULL;
	int r = kick_call(to, request, KICK_INFINITY, &said, why);

	cJSON_Delete(request);
	if (r == 0)
		r = result_of(said, ret, why);
	cJSON_Delete(said);
	return r;
}

static cJSON *request_of(const char *method, const char *id)
{
	cJSON *request = cJSON_CreateObject();

	(void)cJSON_AddStringToObject(request, "method", method);
	if (id)
		(void)cJSON_AddStringToObject(request, "id", id);
	return request;
}

int kick_supervisor_start_child(kick_dest supervisor, const kick_child_spec *spec,
	kick_pid *ret, kick_reason *why)
{
	cJSON *request;
	kick_pid pid;

	if (!is_good(spec, true))
		return -EINVAL;
	request = request_of("start_child", NULL);
	(void)cJSON_AddItemToObject(request, "spec", spec_to_json(spec));
	return ask(supervisor, request, ret ? ret : &pid, why);
}

int kick_supervisor_terminate_child(kick_dest supervisor, const char *id)
{
	return ask(supervisor, request_of("terminate_child", id), NULL, NULL);
}

int kick_supervisor_restart_child(
	kick_dest supervisor, const char *id, kick_pid *ret, kick_reason *why)
{
	kick_pid pid;

	return ask(supervisor, request_of("restart_child", id), ret ? ret : &pid, why);
}

int kick_supervisor_delete_child(kick_dest supervisor, const char *id)
{
	return ask(supervisor, request_of("delete_child", id), NULL, NULL);
}

int kick_dynamic_supervisor_terminate_child(kick_dest supervisor, kick_pid child)
{
	cJSON *request = request_of("terminate_child", NULL);

	(void)cJSON_AddItemToObject(request, "pid", kick_pid_to_json(child));
	return ask(supervisor, request, NULL, NULL);
}

static int ask_list(kick_dest supervisor, const char *method, cJSON **ret)
{
	cJSON *request = request_of(method, NULL);
	int r = kick_call(supervisor, request, KICK_INFINITY, ret, NULL);

	cJSON_Delete(request);
	return r;
}

int kick_supervisor_which_children(kick_dest supervisor, cJSON **ret)
{
	return ask_list(supervisor, "which_children", ret);
}

int kick_supervisor_count_children(kick_dest supervisor, cJSON **ret)
{
	return ask_list(supervisor, "count_children", ret);
}
