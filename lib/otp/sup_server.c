/* A supervisor in code: the machine of core/sup.h in a GenServer, as OTP's supervisor
 * is one. Children are processes of the node: started by their start functions, told to
 * stop with exit signals, missed by their monitors. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/clock.h"
#include "otp/mailbox.h"
#include "otp/self.h"
#include "otp/sup_server.h"

/* --- effects ------------------------------------------------------------------------
 */

void sup_server_reply(kick_from from, const char *result, const struct code_child *c)
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

/* Its names wait for what becomes of c. */
static void lose(struct code_sup *cs, struct code_child *c, kick_pid pid)
{
	c->lost = pid;
	DL_APPEND2(cs->lost, c, prev_lost, next_lost);
}

static void start_child(struct code_sup *cs, struct code_child *c)
{
	kick_reason why = { "" };
	kick_pid pid = { 0 };
	struct reason reason;
	int64_t now;
	int r;

	(void)snprintf(self.path + cs->path_len, sizeof self.path - cs->path_len, "/%s",
		c->id);
	self.path_of = self.pid;
	r = c->start(c->args, &pid, &why);
	self.path[cs->path_len] = '\0';

	if (r > 0 && r != KICK_IGNORE) {
		(void)snprintf(why.text, sizeof why.text, "bad_return_value");
		r = -EINVAL;
	}
	if (r == 0)
		r = self_watch(pid, &c->monitor);
	/* Linked already, most likely; gone already, perhaps: then DOWN says so. */
	if (r == 0)
		(void)kick_link(pid);
	now = clock_now();
	/* Not up, but it may have had a name. */
	if (r != 0 && r != -EEXIST && pid.id && !c->lost.id)
		lose(cs, c, pid);
	if (r == KICK_IGNORE) {
		sup_ignored(&cs->core, &c->core, now);
	} else if (r < 0) {
		reason = reason_text(*why.text ? why.text
				: r == -EEXIST ? "already_started"
					       : strerror(-r));
		sup_start_failed(&cs->core, &c->core, &reason,
			r == -EAGAIN || r == -EMFILE, now);
	} else {
		code_child_set_pid(cs, c, pid);
		sup_spawned(&cs->core, &c->core, now);
		sup_ready(&cs->core, &c->core, now);
	}
}

void sup_group_done(struct sup_group *g, const char *failure)
{
	cJSON *said;

	if (failure && !*g->reason)
		(void)snprintf(g->reason, sizeof g->reason, "%s", failure);
	if (--g->left > 0)
		return;
	said = cJSON_CreateObject();
	(void)cJSON_AddStringToObject(
		said, "result", *g->reason ? "start_failed" : "ok");
	if (*g->reason)
		(void)cJSON_AddStringToObject(said, "reason", g->reason);
	(void)cJSON_AddNumberToObject(said, "n", g->n);
	(void)kick_reply(g->from, said);
	cJSON_Delete(said);
	free(g);
}

/* One of a group's. NULL: it is as it should be, or as somebody else wanted it since.
 */
static const char *failure_of(const struct effect *e)
{
	switch ((enum sup_result)e->result) {
	case SUP_OK:
	case SUP_RUNNING:
	case SUP_RESTARTING:
	case SUP_CANCELLED:
		return NULL;
	case SUP_START_FAILED:
		return e->child ? e->child->last_exit.text : "start_failed";
	case SUP_ALREADY_STARTED:
	case SUP_ALREADY_PRESENT:
	case SUP_NOT_FOUND:
	case SUP_MAX_CHILDREN:
	case SUP_SHUTTING_DOWN:
	case SUP_DYNAMIC:
	case SUP_NO_MEMORY:
	case SUP_NRESULTS:
		break;
	}
	return sup_result_names[e->result];
}

static void reply(struct code_sup *cs, const struct effect *e)
{
	struct asker *a = container_of(e->waiter, struct asker, waiter);
	struct code_child *c = e->child ? child_of(e->child) : NULL;

	if (e->result == SUP_ALREADY_STARTED && *a->id)
		c = code_child_find(cs, a->id);
	if (a->outside)
		sup_control_answer(cs, a->call, e->result, c);
	else if (a->group)
		sup_group_done(a->group, failure_of(e));
	else if (e->result == SUP_START_FAILED)
		reply_failure(cs, a->from, c);
	else
		sup_server_reply(a->from, sup_result_names[e->result], c);
	free(a);
}

/* Up again, or down for good: who calls it by a name that it does not bear any more
 * need not wait. */
static void found_or_gone(struct code_sup *cs, struct code_child *c)
{
	if (!c->lost.id)
		return;
	/* When the supervisor itself ends, the one above starts its children anew, or
	 * does not. */
	if (cs->core.phase < SUP_ENDING)
		(void)self_settled(c->lost, c->pid);
	c->lost = (kick_pid){ 0 };
	DL_DELETE2(cs->lost, c, prev_lost, next_lost);
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
		code_child_arm(cs, child_of(e->child), e->at);
		return;
	case FX_REPLY:
		reply(cs, e);
		return;
	case FX_REMOVED:
		found_or_gone(cs, child_of(e->child));
		code_child_free(cs, child_of(e->child));
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
	struct code_child *c, *next;
	struct effect e;

	while (sup_take(&cs->core, &e))
		carry_out(cs, &e);
	DL_FOREACH_SAFE2(cs->lost, c, next, next_lost)
	if (c->core.state != CHILD_RESTARTING && c->core.state != CHILD_STARTING)
		found_or_gone(cs, c);
}

/* --- time ---------------------------------------------------------------------------
 */

/* Milliseconds, or KICK_INFINITY: nothing is awaited. */
static int64_t time_left(const struct code_sup *cs)
{
	return clock_ms_left(cs->due ? cs->due->due : INT64_MAX);
}

/* Children may come and go while one is told. */
static void run_due(struct code_sup *cs)
{
	int64_t now = clock_now();

	while (cs->due && cs->due->due <= now) {
		struct code_child *c = cs->due;

		code_child_arm(cs, c, -1);
		sup_due(&cs->core, &c->core, now);
		settle(cs);
	}
}

/* --- ends ---------------------------------------------------------------------------
 */

static void child_down(struct code_sup *cs, const kick_message *m)
{
	struct code_child *c = code_child_at(cs, m->from);
	struct reason reason = reason_text(m->reason);

	if (!c || c->monitor != m->ref)
		return;
	found_or_gone(cs, c);
	lose(cs, c, c->pid);
	code_child_set_pid(cs, c, (kick_pid){ 0 });
	c->monitor = 0;
	c->exit_wall = clock_wall();
	sup_exited(&cs->core, &c->core, &reason, clock_now());
	settle(cs);
}

/* And the exit signals that come with them, lest they lie there: those of others than
 * the parent have no effect. */
static bool is_end(const kick_message *m, void *user)
{
	(void)user;
	return m->kind == KICK_DOWN ||
		(m->kind == KICK_EXIT && !kick_pid_equal(m->from, self.parent));
}

/* Until it is up, or has ended: while a supervisor starts or stops it answers nobody
 * (SUP-2). */
static void wait_until(struct code_sup *cs, const bool *done)
{
	kick_message *m;

	while (!*done) {
		int r = kick_receive(is_end, NULL, time_left(cs), &m);

		if (r == 0) {
			if (m->kind == KICK_DOWN)
				child_down(cs, m);
			kick_message_free(m);
		} else if (r != -ETIMEDOUT) {
			kick_raise("receive");
		}
		run_due(cs);
	}
}

/* --- groups -------------------------------------------------------------------------
 */

struct sup_group *sup_group_new(kick_from from, uint32_t n)
{
	struct sup_group *g = calloc(1, sizeof *g);

	if (!g)
		kick_raise("enomem");
	g->from = from;
	g->n = n;
	g->left = 1;
	return g;
}

static struct waiter *asker(kick_from from, const char *id, struct sup_group *group)
{
	struct asker *a = calloc(1, sizeof *a);

	if (!a)
		kick_raise("enomem");
	a->from = from;
	a->group = group;
	(void)snprintf(a->id, sizeof a->id, "%s", id);
	return &a->waiter;
}

void sup_server_request(struct code_sup *cs, sup_child_request *request,
	struct code_child *c, void *call)
{
	struct waiter *w = asker((kick_from){ 0 }, "", NULL);
	struct asker *a = container_of(w, struct asker, waiter);

	a->call = call;
	a->outside = true;
	sup_control_pending(call, a);
	request(&cs->core, &c->core, w, clock_now());
}

void sup_group_ask(struct code_sup *cs, struct sup_group *g, sup_child_request *call,
	struct code_child *c)
{
	g->left++;
	call(&cs->core, &c->core, asker(g->from, "", g), clock_now());
}

/* --- callbacks ----------------------------------------------------------------------
 */

/* What the starter's memory has for the new process. */
struct plan {
	struct sup_policy policy;
	const struct sup_server_plan *server;
	const char *name; /* or NULL */
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

/* Below another supervisor in code it is what that one calls it. */
static void set_path(struct code_sup *cs)
{
	size_t n;

	if (!kick_pid_equal(self.path_of, self.parent)) {
		n = strlen(self.path);
		(void)snprintf(self.path + n, sizeof self.path - n, "/%s", cs->name);
	}
	cs->path_len = strlen(self.path);
}

static int init(kick_server *s, const cJSON *args)
{
	struct code_sup *cs = calloc(1, sizeof *cs);
	int r = cs ? sup_init(&cs->core, &plan->policy, (uint64_t)clock_now())
		   : -ENOMEM;

	(void)args;
	for (size_t i = 0; r == 0 && i < plan->server->n; i++) {
		struct code_child *c = code_child_new(&plan->server->specs[i]);

		r = c ? sup_add(&cs->core, &c->core, c->id, &c->policy) : -ENOMEM;
		if (r == 0)
			code_child_list(cs, c);
	}
	if (r < 0)
		return kick_server_stop(s, "enomem");
	if (plan->server->partitions)
		cs->partitions = cs->routed = (uint32_t)plan->server->n;
	cs->server = s;
	cs->name = plan->name ? plan->name : "supervisor";
	kick_server_set_state(s, cs);
	set_path(cs);
	(void)sup_control_begin(cs);
	sup_boot(&cs->core, clock_now());
	settle(cs);
	if (!cs->ready)
		wait_until(cs, cs->core.phase >= SUP_ENDING ? &cs->ended : &cs->ready);
	return next_step(cs);
}

static void do_start_child(struct code_sup *cs, kick_from from, const cJSON *request)
{
	kick_child_spec spec =
		child_spec_from_json(cJSON_GetObjectItemCaseSensitive(request, "spec"));
	struct code_child *c = NULL;

	if (child_spec_is_good(&spec, cs->core.policy.dynamic) &&
		!(spec.significant && cs->core.policy.auto_shutdown == AUTO_NEVER))
		c = code_child_new(&spec);
	if (!c) {
		sup_server_reply(from, "badarg", NULL);
		return;
	}
	if (cs->core.policy.dynamic)
		(void)snprintf(c->id, sizeof c->id, "%llu",
			(unsigned long long)++cs->last_dynamic);
	code_child_list(cs, c);
	sup_start_child(&cs->core, &c->core, c->id, &c->policy,
		asker(from, c->id, NULL), clock_now());
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

static void do_child(struct code_sup *cs, kick_from from, const cJSON *request,
	sup_child_request *call)
{
	const char *id =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(request, "id"));
	const cJSON *pid = cJSON_GetObjectItemCaseSensitive(request, "pid");
	/* A dynamic supervisor's are known by their pid alone, others by their id. */
	struct code_child *c = NULL;

	if (pid && cs->core.policy.dynamic)
		c = code_child_at(cs, kick_pid_from_json(pid));
	else if (id && !cs->core.policy.dynamic)
		c = code_child_find(cs, id);

	if (c)
		call(&cs->core, &c->core, asker(from, "", NULL), clock_now());
	else
		sup_server_reply(from, "not_found", NULL);
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
		sup_child_request *call;
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
	else if (!partition_serve(cs, from, method, request))
		sup_server_reply(from, "badarg", NULL);
	settle(cs);
	return next_step(cs);
}

/* Exit signals of anybody but the parent have no effect. */
static int handle_info(kick_server *s, const kick_message *m)
{
	struct code_sup *cs = kick_server_state(s);

	if (m->kind == KICK_DOWN)
		child_down(cs, m);
	else if (m->kind == KIND_CONTROL)
		sup_control_run(cs);
	run_due(cs);
	settle(cs);
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

/* --- the start ----------------------------------------------------------------------
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

/* Ids are there once each: those of partitions are our own. */
static bool are_good_specs(
	const struct sup_server_plan *sp, const kick_supervisor_options *o)
{
	for (size_t i = 0; i < sp->n; i++) {
		if (!child_spec_is_good(&sp->specs[i], false) ||
			(sp->specs[i].significant && o->auto_shutdown == KICK_NEVER))
			return false;
		for (size_t k = 0; k < i && !sp->partitions; k++)
			if (strcmp(sp->specs[i].id, sp->specs[k].id) == 0)
				return false;
	}
	return true;
}

int sup_server_start(const struct sup_server_plan *sp, const kick_supervisor_options *o,
	kick_pid *ret, kick_reason *why)
{
	static const uint8_t strategies[] = { [KICK_ONE_FOR_ONE] = STRATEGY_ONE_FOR_ONE,
		[KICK_ONE_FOR_ALL] = STRATEGY_ONE_FOR_ALL,
		[KICK_REST_FOR_ONE] = STRATEGY_REST_FOR_ONE };
	static const uint8_t autos[] = { [KICK_NEVER] = AUTO_NEVER,
		[KICK_ANY_SIGNIFICANT] = AUTO_ANY_SIGNIFICANT,
		[KICK_ALL_SIGNIFICANT] = AUTO_ALL_SIGNIFICANT };
	struct plan p = { .server = sp };
	kick_start_options how = { .trap_exit = true };
	int r;

	o = o ? o : &defaults;
	if (!are_good(o, sp->dynamic) || !are_good_specs(sp, o))
		return -EINVAL;
	p.policy = (struct sup_policy){ .strategy = strategies[o->strategy],
		.auto_shutdown = autos[o->auto_shutdown],
		.dynamic = sp->dynamic,
		.max_restarts = o->max_restarts,
		.max_seconds_ns = (int64_t)(o->max_seconds * (double)SEC_NS),
		.max_children = o->max_children ? o->max_children : POLICY_NO_LIMIT };
	how.name = p.name = o->name;
	plan = &p;
	r = kick_server_start_link(&callbacks, NULL, &how, ret, why);
	plan = NULL;
	return r;
}
