/* The process that knows which applications run, and has them started and stopped; it
 * waits for none of them. It is linked to the first process of the node: when it ends
 * the program does, unless that process traps exits. OTP: application_controller. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "core/reason.h"
#include "otp/application.h"
#include "otp/self.h"

enum app_state {
	STARTING,
	RUNNING,
	STOPPING
};

static const char *const state_names[] = {
	[STARTING] = "starting", [RUNNING] = "running", [STOPPING] = "stopping"
};

static const char *const type_names[] = { [KICK_PERMANENT] = "permanent",
	[KICK_TRANSIENT] = "transient",
	[KICK_TEMPORARY] = "temporary" };

/* Who waits for an answer; with a request: until it can be looked at. */
struct waiter {
	kick_from from;
	cJSON *request;
	struct waiter *next;
};

struct app {
	const char *name; /* in its specification */
	enum app_state state;
	kick_restart type;
	kick_pid master, top;
	kick_ref grace;		/* of a start that was told to stop: a timer */
	struct waiter *waiting; /* for its start, or its stop */
	struct app *prev, *next;
};

static struct {
	struct app *apps;     /* as they have been started */
	cJSON *loaded;	      /* the specification of each, by name; stays */
	cJSON *env;	      /* what was set, by name, by key; stays */
	struct waiter *later; /* requests to start what is being stopped */
	bool ending;	      /* all are being stopped ... */
	kick_reason reason;   /* ... and then it ends with this, ... */
	struct waiter *ended; /* ... or answers */
} ac;

static const char *text_in(const cJSON *json, const char *name)
{
	const char *text =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name));

	return text ? text : "";
}

static void put_in(cJSON *object, const char *name, cJSON *value)
{
	cJSON_DeleteItemFromObjectCaseSensitive(object, name);
	if (value)
		(void)cJSON_AddItemToObject(object, name, value);
}

static struct app *find_app(const char *name)
{
	struct app *a;

	DL_FOREACH(ac.apps, a)
	if (strcmp(a->name, name) == 0)
		return a;
	return NULL;
}

static struct app *app_of(kick_pid master)
{
	struct app *a;

	DL_FOREACH(ac.apps, a)
	if (kick_pid_equal(a->master, master))
		return a;
	return NULL;
}

/* --- answers ------------------------------------------------------------------------
 */

static int answer(kick_from from, const char *result, const char *reason)
{
	cJSON *said = cJSON_CreateObject();

	(void)cJSON_AddStringToObject(said, "result", result);
	if (reason)
		(void)cJSON_AddStringToObject(said, "reason", reason);
	(void)kick_reply(from, said);
	cJSON_Delete(said);
	return KICK_OK;
}

static int answer_with(kick_from from, cJSON *said)
{
	(void)kick_reply(from, said);
	cJSON_Delete(said);
	return KICK_OK;
}

static int add_waiter(struct waiter **list, kick_from from, const cJSON *request)
{
	struct waiter *w = calloc(1, sizeof *w);

	if (w && request)
		w->request = cJSON_Duplicate(request, true);
	if (!w || (request && !w->request)) {
		free(w);
		return answer(from, "no_memory", NULL);
	}
	w->from = from;
	LL_APPEND(*list, w);
	return KICK_OK;
}

static void answer_all(struct waiter **list, const char *result, const char *reason)
{
	struct waiter *w;

	while ((w = *list)) {
		*list = w->next;
		(void)answer(w->from, result, reason);
		free(w);
	}
}

/* --- stop ---------------------------------------------------------------------------
 */

/* One that is being started hears the order when it is up, which may be in a moment;
 * one that hangs never does. */
#define START_GRACE_MS 5000

static int begin_stop(struct app *a)
{
	cJSON *grace = a->state == STARTING ? kick_pid_to_json(a->master) : NULL;

	if (a->state == STARTING) {
		answer_all(&a->waiting, "terminating", NULL);
		(void)kick_send_after(
			START_GRACE_MS, kick_to(self.pid), grace, &a->grace);
	}
	cJSON_Delete(grace);
	a->state = STOPPING;
	return kick_exit(a->master, "shutdown");
}

/* It has not come up. */
static void grace_is_over(const kick_message *m)
{
	struct app *a = app_of(kick_pid_from_json(m->value));

	if (a && a->grace)
		(void)kick_exit(a->master, "kill");
}

/* APP-7: the last one first, each waited for. */
static int stop_next(kick_server *s)
{
	struct app *last = ac.apps ? ac.apps->prev : NULL;

	if (last && last->state != STOPPING)
		(void)begin_stop(last);
	if (last)
		return KICK_OK;
	/* Who waits for this hears of that end instead. */
	if (*ac.reason.text)
		return kick_server_stop(s, ac.reason.text);
	answer_all(&ac.ended, "ok", NULL);
	return KICK_OK;
}

/* From now on nothing is started. "": it stays, with nothing that runs. */
static void begin_end(const char *reason)
{
	ac.ending = true;
	if (!*ac.reason.text)
		(void)strcpy(ac.reason.text, reason_text(reason).text);
}

/* APP-3, APP-8. */
static bool takes_all_down(const struct app *a, const char *reason)
{
	return a->type == KICK_PERMANENT ||
		(a->type == KICK_TRANSIENT && strcmp(reason, "normal") != 0);
}

static int do_start(kick_from from, const cJSON *request);

/* Those who wanted to start what was being stopped. */
static void look_at_later(void)
{
	struct waiter *list = ac.later, *w;

	ac.later = NULL;
	while ((w = list)) {
		list = w->next;
		(void)do_start(w->from, w->request);
		cJSON_Delete(w->request);
		free(w);
	}
}

/* Its master has ended. */
static int on_end(kick_server *s, struct app *a, const char *reason)
{
	bool starting = a->state == STARTING;
	bool down = a->state != STOPPING && !ac.ending && takes_all_down(a, reason);
	struct reason end = reason_textf("application_%s:%s:%s",
		starting ? "start_failure" : "terminated", a->name, reason);

	answer_all(&a->waiting, starting ? "start_failed" : "ok",
		starting ? reason : NULL);
	DL_DELETE(ac.apps, a);
	free(a);
	if (down)
		begin_end(end.text);
	look_at_later();
	return ac.ending ? stop_next(s) : KICK_OK;
}

/* --- start --------------------------------------------------------------------------
 */

/* Its specification from now on. NULL: no memory. */
static cJSON *load(const cJSON *spec)
{
	cJSON *copy = cJSON_Duplicate(spec, true);

	if (copy)
		put_in(ac.loaded, text_in(spec, "name"), copy);
	return copy;
}

static kick_restart type_in(const cJSON *request)
{
	const cJSON *type = cJSON_GetObjectItemCaseSensitive(request, "type");
	bool good = cJSON_IsNumber(type) && type->valueint >= KICK_PERMANENT &&
		type->valueint <= KICK_TEMPORARY;

	return good ? (kick_restart)type->valueint : KICK_TEMPORARY;
}

static int begin_start(kick_from from, const cJSON *request)
{
	cJSON *spec = load(cJSON_GetObjectItemCaseSensitive(request, "spec"));
	struct app *a = spec ? calloc(1, sizeof *a) : NULL;
	char text[32];
	int r;

	if (!a)
		return answer(from, "no_memory", NULL);
	a->name = text_in(spec, "name");
	a->type = type_in(request);
	r = kick_spawn_link(application_master, spec, &a->master);
	if (r < 0) {
		free(a);
		(void)snprintf(text, sizeof text, "spawn:%s", strerrorname_np(-r));
		return answer(from, "start_failed", text);
	}
	DL_APPEND(ac.apps, a);
	return add_waiter(&a->waiting, from, NULL);
}

/* The first of what it needs that does not run; NULL: it may start. */
static const char *missing(const cJSON *spec)
{
	const cJSON *need;

	cJSON_ArrayForEach(need, cJSON_GetObjectItemCaseSensitive(spec, "applications"))
	{
		const char *name = need->valuestring ? need->valuestring : "";
		const struct app *a = find_app(name);

		if (!a || a->state != RUNNING)
			return name;
	}
	return NULL;
}

/* APP-1. */
static int do_start(kick_from from, const cJSON *request)
{
	const cJSON *spec = cJSON_GetObjectItemCaseSensitive(request, "spec");
	struct app *a = find_app(text_in(spec, "name"));
	char text[KICK_REASON_SIZE];
	const char *need;

	if (ac.ending)
		return answer(from, "terminating", NULL);
	if (a && kick_pid_equal(a->master, from.pid))
		return answer(from, "calling_self", NULL);
	if (a && a->state == RUNNING)
		return answer(from, "already_started", NULL);
	if (a && a->state == STARTING)
		return add_waiter(&a->waiting, from, NULL);
	if (a)
		return add_waiter(&ac.later, from, request);
	need = missing(spec);
	if (!need)
		return begin_start(from, request);
	(void)snprintf(text, sizeof text, "not_started:%s", need);
	return answer(from, "not_started", text);
}

/* Its master says that its top process is there. */
static void on_started(const kick_message *m)
{
	struct app *a = app_of(m->from);
	const cJSON *top = cJSON_GetObjectItemCaseSensitive(m->value, MASTER_STARTED);

	if (a && top && a->grace) {
		(void)kick_cancel_timer(a->grace);
		a->grace = 0;
	}
	if (!a || a->state != STARTING || !top)
		return;
	a->top = kick_pid_from_json(top);
	a->state = RUNNING;
	/* They are stopped in the order in which they have come up. */
	DL_DELETE(ac.apps, a);
	DL_APPEND(ac.apps, a);
	answer_all(&a->waiting, "ok", NULL);
}

/* --- requests -----------------------------------------------------------------------
 */

/* APP-5: whatever its type is, and whoever needs it. */
static int do_stop(kick_from from, const cJSON *request)
{
	struct app *a = find_app(text_in(request, "name"));

	if (!a || a->state == STARTING)
		return answer(from, "not_started", NULL);
	if (kick_pid_equal(a->master, from.pid))
		return answer(from, "calling_self", NULL);
	if (a->state == RUNNING)
		(void)begin_stop(a);
	return add_waiter(&a->waiting, from, NULL);
}

static int do_which(kick_from from)
{
	cJSON *list = cJSON_CreateArray();
	const struct app *a;

	DL_FOREACH(ac.apps, a)
	{
		cJSON *row = cJSON_CreateObject();

		(void)cJSON_AddStringToObject(row, "name", a->name);
		(void)cJSON_AddStringToObject(row, "state", state_names[a->state]);
		(void)cJSON_AddStringToObject(row, "type", type_names[a->type]);
		(void)cJSON_AddItemToObject(row, "master", kick_pid_to_json(a->master));
		(void)cJSON_AddItemToObject(row, "top",
			a->top.id ? kick_pid_to_json(a->top) : cJSON_CreateNull());
		(void)cJSON_InsertItemInArray(list, 0, row);
	}
	return answer_with(from, list);
}

static int do_get_env(kick_from from, const cJSON *request)
{
	const char *name = text_in(request, "name"), *key = text_in(request, "key");
	const cJSON *set = cJSON_GetObjectItemCaseSensitive(
		cJSON_GetObjectItemCaseSensitive(ac.env, name), key);
	const cJSON *spec = cJSON_GetObjectItemCaseSensitive(ac.loaded, name);
	const cJSON *own = cJSON_GetObjectItemCaseSensitive(
		cJSON_GetObjectItemCaseSensitive(spec, "env"), key);
	cJSON *said = cJSON_CreateObject();

	if (set || own)
		(void)cJSON_AddItemToObject(said, set ? "set" : "default",
			cJSON_Duplicate(set ? set : own, true));
	return answer_with(from, said);
}

static int do_set_env(kick_from from, const cJSON *request)
{
	const char *name = text_in(request, "name");
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(request, "value");
	cJSON *env = cJSON_GetObjectItemCaseSensitive(ac.env, name);

	if (!env)
		env = cJSON_AddObjectToObject(ac.env, name);
	put_in(env, text_in(request, "key"),
		value ? cJSON_Duplicate(value, true) : NULL);
	return answer(from, "ok", NULL);
}

static int do_shutdown(kick_server *s, kick_from from)
{
	(void)add_waiter(&ac.ended, from, NULL);
	begin_end("");
	return stop_next(s);
}

/* --- the server ---------------------------------------------------------------------
 */

static int ac_call(kick_server *s, kick_from from, const cJSON *request)
{
	const char *method = text_in(request, "method");

	/* Functions are no business of other programs. */
	if (from.pid.id == NODE_STARTER)
		return answer(from, "not_permitted", NULL);
	if (strcmp(method, "start") == 0)
		return do_start(from, request);
	if (strcmp(method, "stop") == 0)
		return do_stop(from, request);
	if (strcmp(method, "which") == 0)
		return do_which(from);
	if (strcmp(method, "get_env") == 0)
		return do_get_env(from, request);
	if (strcmp(method, "set_env") == 0)
		return do_set_env(from, request);
	if (strcmp(method, "shutdown") == 0)
		return do_shutdown(s, from);
	return answer(from, "undef", NULL);
}

static int ac_cast(kick_server *s, const cJSON *request)
{
	if (strcmp(text_in(request, "method"), "halt") != 0)
		return KICK_OK;
	begin_end(text_in(request, "reason"));
	return stop_next(s);
}

static int ac_info(kick_server *s, const kick_message *m)
{
	struct app *a = m->kind == KICK_EXIT ? app_of(m->from) : NULL;

	if (m->kind == KICK_MESSAGE && kick_pid_equal(m->from, self.pid))
		grace_is_over(m);
	else if (m->kind == KICK_MESSAGE)
		on_started(m);
	/* An exit signal of one that lives is none of its end. */
	return a && kick_alive(a->master) == 0 ? on_end(s, a, m->reason) : KICK_OK;
}

static int ac_init(kick_server *s, const cJSON *args)
{
	kick_pid first = { self.pid.node, NODE_FIRST };

	(void)args;
	ac.loaded = cJSON_CreateObject();
	ac.env = cJSON_CreateObject();
	if (!ac.loaded || !ac.env)
		return kick_server_stop(s, "enomem");
	(void)kick_link(first);
	return KICK_OK;
}

int controller_find(bool start, kick_pid *ret)
{
	static const kick_gen_server callbacks = { .init = ac_init,
		.handle_call = ac_call,
		.handle_cast = ac_cast,
		.handle_info = ac_info };
	/* Unlike other names it is of this program, of all that a kickd runs. */
	char name[KICK_ID_MAX];
	const kick_start_options options = { .name = name, .trap_exit = true };
	int r;

	(void)snprintf(name, sizeof name, "application_controller@%llx",
		(unsigned long long)self.pid.node);
	r = self.pid.id ? kick_whereis(name, ret) : -ENOTCONN;
	if (r != -ESRCH || !start)
		return r;
	r = kick_server_start(&callbacks, NULL, &options, ret, NULL);
	/* Another process has just done so; when it is gone again, that is all. */
	return r == -EEXIST ? (ret->id ? 0 : -ESRCH) : r;
}
