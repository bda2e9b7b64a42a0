/* Applications: a name, what has to run before, and how its top process is started.
 * OTP: application. The other files are told of in application.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/macro.h"
#include "core/reason.h"
#include "otp/application.h"
#include "otp/fnptr.h"
#include "otp/mailbox.h"
#include "otp/self.h"

/* --- specifications -----------------------------------------------------------------
 */

static bool is_good(const kick_application *app, kick_restart type)
{
	const char *const *need = app->applications;

	for (; need && *need; need++)
		if (!self_is_name(*need))
			return false;
	return self_is_name(app->name) && app->start && type <= KICK_TEMPORARY &&
		(!app->env || cJSON_IsObject(app->env));
}

static void add_function(cJSON *json, const char *name, fnptr *function)
{
	if (function)
		(void)cJSON_AddItemToObject(json, name, fnptr_to_json(function));
}

/* NULL: no memory. */
static cJSON *spec_to_json(const kick_application *app)
{
	cJSON *json = cJSON_CreateObject();
	cJSON *needs = cJSON_AddArrayToObject(json, "applications");
	const char *const *need = app->applications;

	(void)cJSON_AddStringToObject(json, "name", app->name);
	for (; need && *need; need++)
		(void)cJSON_AddItemToArray(needs, cJSON_CreateString(*need));
	add_function(json, "start", (fnptr *)app->start);
	add_function(json, "prep_stop", (fnptr *)app->prep_stop);
	add_function(json, "stop", (fnptr *)app->stop);
	(void)cJSON_AddItemToObject(json, "args",
		app->args ? cJSON_Duplicate(app->args, true) : cJSON_CreateNull());
	(void)cJSON_AddItemToObject(json, "env",
		app->env ? cJSON_Duplicate(app->env, true) : cJSON_CreateObject());
	return json;
}

/* --- asking -------------------------------------------------------------------------
 */

static cJSON *request(const char *method, const char *name)
{
	cJSON *json = cJSON_CreateObject();

	(void)cJSON_AddStringToObject(json, "method", method);
	if (name)
		(void)cJSON_AddStringToObject(json, "name", name);
	return json;
}

static int result_of(const cJSON *said, kick_reason *why)
{
	static const struct {
		const char *text;
		int code;
	} results[] = { { "already_started", -EEXIST }, { "not_started", -ESRCH },
		{ "start_failed", -ECANCELED }, { "terminating", -ESHUTDOWN },
		{ "calling_self", -EDEADLK }, { "no_memory", -ENOMEM } };
	const char *text =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(said, "result"));
	const char *reason =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(said, "reason"));

	if (text && strcmp(text, "ok") == 0)
		return 0;
	if (why)
		(void)snprintf(why->text, sizeof why->text, "%s",
			reason	       ? reason
				: text ? text
				       : "");
	for (size_t i = 0; text && i < ARRAY_LEN(results); i++)
		if (strcmp(text, results[i].text) == 0)
			return results[i].code;
	return -EPROTO;
}

/* Deletes the request. */
static int ask(kick_pid controller, cJSON *json, kick_reason *why)
{
	cJSON *said = NULL;
	int r = kick_call(kick_to(controller), json, KICK_INFINITY, &said, why);

	cJSON_Delete(json);
	if (r == 0)
		r = result_of(said, why);
	cJSON_Delete(said);
	return r;
}

int kick_application_start(
	const kick_application *app, kick_restart type, kick_reason *why)
{
	cJSON *json;
	kick_pid pid;
	int r;

	if (!app || !is_good(app, type))
		return -EINVAL;
	r = controller_find(true, &pid);
	if (r < 0)
		return r;
	json = request("start", NULL);
	(void)cJSON_AddItemToObject(json, "spec", spec_to_json(app));
	(void)cJSON_AddNumberToObject(json, "type", type);
	return ask(pid, json, why);
}

int kick_application_stop(const char *name)
{
	kick_pid pid;
	int r = self_is_name(name) ? controller_find(false, &pid) : -EINVAL;

	return r < 0 ? r : ask(pid, request("stop", name), NULL);
}

int kick_application_which(cJSON **ret)
{
	cJSON *json;
	kick_pid pid;
	int r = controller_find(false, &pid);

	*ret = NULL;
	if (r == -ESRCH) {
		*ret = cJSON_CreateArray();
		return *ret ? 0 : -ENOMEM;
	}
	if (r < 0)
		return r;
	json = request("which", NULL);
	r = kick_call(kick_to(pid), json, KICK_INFINITY, ret, NULL);
	cJSON_Delete(json);
	return r;
}

int kick_stop(int status)
{
	char reason[32] = "normal";
	cJSON *json;
	kick_pid pid;
	int r = status < 0 || status > 255 ? -EINVAL : controller_find(false, &pid);

	if (r < 0)
		return r;
	if (status)
		(void)snprintf(reason, sizeof reason, "exit:%d", status);
	json = request("halt", NULL);
	(void)cJSON_AddStringToObject(json, "reason", reason);
	r = kick_cast(kick_to(pid), json);
	cJSON_Delete(json);
	return r;
}

/* --- several ------------------------------------------------------------------------
 */

#define NOT_STARTED "not_started:"

/* Which of them is meant by "not_started:NAME"; n: none. */
static size_t index_of(const kick_application *apps, size_t n, const kick_reason *why)
{
	size_t skip = strlen(NOT_STARTED);

	if (strncmp(why->text, NOT_STARTED, skip) != 0)
		return n;
	for (size_t i = 0; i < n; i++)
		if (strcmp(apps[i].name, why->text + skip) == 0)
			return i;
	return n;
}

/* What is being started, and how far that is. */
struct ensuring {
	const kick_application *apps;
	size_t n;
	kick_restart type;
	cJSON *started; /* names, in order */
	size_t at;	/* the last that was tried */
	kick_reason why;
};

/* The one at `at`, or, when that needs another of them, that one, and so on. 0;
 * -EEXIST: it runs already; or what is wrong with it. */
static int start_deepest(struct ensuring *e)
{
	for (size_t steps = 0; steps <= e->n; steps++) {
		const kick_application *app = &e->apps[e->at];
		int r = kick_application_start(app, e->type, &e->why);
		size_t need = r == -ESRCH ? index_of(e->apps, e->n, &e->why) : e->n;

		if (r == 0)
			(void)cJSON_AddItemToArray(
				e->started, cJSON_CreateString(app->name));
		if (need == e->n)
			return r;
		e->at = need;
	}
	(void)snprintf(e->why.text, sizeof e->why.text, "circular");
	return -ELOOP;
}

/* Each round starts something that the i-th needs; what does not stay up, however, is
 * not started again and again. */
static int start_with_needs(struct ensuring *e, size_t i)
{
	for (size_t rounds = 0; rounds <= e->n; rounds++) {
		int r;

		e->at = i;
		r = start_deepest(e);
		if (r < 0 && r != -EEXIST)
			return r;
		if (e->at == i)
			return 0;
	}
	(void)snprintf(
		e->why.text, sizeof e->why.text, NOT_STARTED "%s", e->apps[e->at].name);
	return -ESRCH;
}

static int start_all(struct ensuring *e)
{
	int r = 0;

	e->started = cJSON_CreateArray();
	if (!e->started)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < e->n; i++)
		r = start_with_needs(e, i);
	/* The last one first; but when all are being stopped, each has its turn, after
	 * those that need it. */
	for (int i = r < 0 && r != -ESHUTDOWN ? cJSON_GetArraySize(e->started) : 0;
		i-- > 0;)
		(void)kick_application_stop(
			cJSON_GetStringValue(cJSON_GetArrayItem(e->started, i)));
	return r;
}

static bool are_good(const kick_application *apps, size_t n, kick_restart type)
{
	for (size_t i = 0; i < n; i++)
		if (!is_good(&apps[i], type))
			return false;
	return n > 0;
}

int kick_application_ensure_all_started(const kick_application *apps, size_t n,
	kick_restart type, cJSON **ret, kick_reason *why)
{
	struct ensuring e = { .apps = apps, .n = n, .type = type };
	int r = are_good(apps, n, type) ? start_all(&e) : -EINVAL;

	if (r < 0 && why)
		*why = e.why;
	if (r == 0 && ret)
		*ret = e.started;
	else
		cJSON_Delete(e.started);
	return r;
}

/* --- a program of applications ------------------------------------------------------
 */

struct run {
	struct ensuring e;
	kick_pid controller, starter, first;
	bool up;
};

/* So that the first process hears who wants it to end while they start. Says "" or why
 * it will not be up. */
static void start_them(void *run)
{
	struct run *u = run;
	struct reason failure = { .text = "" };
	int r = start_all(&u->e);
	cJSON *said;

	if (r < 0)
		failure = reason_textf("application_start_failure:%s:%s",
			u->e.apps[u->e.at].name,
			*u->e.why.text ? u->e.why.text : strerrorname_np(-r));
	said = cJSON_CreateString(failure.text);
	(void)kick_send(kick_to(u->first), said);
	cJSON_Delete(said);
}

static bool is_end_of_controller(const kick_message *m, void *run)
{
	return m->kind == KICK_EXIT &&
		kick_pid_equal(m->from, ((const struct run *)run)->controller);
}

/* APP-7. */
static _Noreturn void leave(struct run *u, const char *reason, bool own)
{
	struct reason copy = reason_text(reason);
	int r = ask(u->controller, request("shutdown", NULL), NULL);
	kick_message *m;

	/* It was ending anyway: a start that was refused for that is no failure. */
	if (own && (r == -ECONNRESET || r == -ESRCH) &&
		kick_receive(is_end_of_controller, u, KICK_INFINITY, &m) == 0)
		copy = reason_text(m->reason);
	kick_raise(copy.text);
}

static void on_message(struct run *u, const kick_message *m)
{
	const char *said = cJSON_GetStringValue(m->value);

	if (m->kind == KIND_STOP)
		leave(u, said ? said : "normal", false);
	if (m->kind == KICK_EXIT && kick_pid_equal(m->from, self.parent))
		leave(u, m->reason, false);
	if (is_end_of_controller(m, u))
		kick_raise(m->reason);
	if (!kick_pid_equal(m->from, u->starter) || u->up)
		return;
	if (m->kind == KICK_MESSAGE && said && *said)
		leave(u, said, true);
	if (m->kind == KICK_DOWN)
		leave(u, m->reason, true);
	if (m->kind == KICK_MESSAGE)
		u->up = self_ready(true) == 0;
}

int kick_application_run(const kick_application *apps, size_t n, kick_restart type)
{
	struct run u = { .e = { .apps = apps, .n = n, .type = type },
		.first = self.pid };
	kick_message *m;
	kick_ref ref;
	int r = are_good(apps, n, type) ? 0 : -EINVAL;

	if (r == 0 && self.pid.id != NODE_FIRST)
		r = self.pid.id ? -EPERM : -ENOTCONN;
	if (r == 0)
		r = controller_find(true, &u.controller);
	if (r == 0)
		r = kick_trap_exit(true);
	if (r >= 0)
		r = kick_spawn_monitor(start_them, &u, &u.starter, &ref);
	while (r >= 0 && (r = kick_receive(NULL, NULL, KICK_INFINITY, &m)) == 0) {
		on_message(&u, m);
		kick_message_free(m);
	}
	return r;
}
