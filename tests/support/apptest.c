/* See apptest.h. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "support/apptest.h"

struct trace *trace;

void make_trace(void)
{
	trace = mmap(NULL, sizeof *trace, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert(trace != MAP_FAILED);
}

void note(const char *fmt, ...)
{
	char text[128];
	va_list args;
	unsigned at;
	int n;

	va_start(args, fmt);
	n = vsnprintf(text, sizeof text - 1, fmt, args);
	va_end(args);
	text[n++] = ' ';
	at = atomic_fetch_add(&trace->len, (unsigned)n);
	if (at + (unsigned)n < sizeof trace->text)
		memcpy(trace->text + at, text, (size_t)n);
}

void check_trace(const char *file, int line, const char *want)
{
	char got[sizeof trace->text];

	(void)snprintf(got, sizeof got, "%s", trace->text);
	memset(trace->text, 0, sizeof trace->text);
	atomic_store(&trace->len, 0);
	if (*got)
		got[strlen(got) - 1] = '\0';
	node_check_text(file, line, "the trace", got, want);
}

/* --- applications ------------------------------------------------------------------
 */

struct birth {
	kick_pid parent;
	bool gated;
};

/* "open" is looked for when its time has come. */
static bool match_next(const kick_message *m, void *unused)
{
	(void)unused;
	return !match_text(m, (char[]){ "open" });
}

static void be_top(void *arg)
{
	const struct birth *b = arg;
	const char *name = kick_application_name();
	kick_message *m;

	CHECK(kick_trap_exit(true) >= 0);
	send_text(b->parent, "traps");
	while (kick_receive(match_next, NULL, KICK_INFINITY, &m) == 0) {
		const char *text = cJSON_GetStringValue(m->value);

		if (m->kind == KICK_EXIT) {
			note("-%s(%s)", name, m->reason);
			if (b->gated)
				kick_message_free(TAKE(match_text, (char[]){ "open" }));
			kick_raise(m->reason);
		}
		if (text)
			kick_raise(text);
		kick_message_free(m);
	}
}

/* It traps exits when this returns. */
static int start_top(bool gated, bool linked, kick_pid *ret)
{
	struct birth b = { kick_self(), gated };
	int r = linked ? kick_spawn_link(be_top, &b, ret) : kick_spawn(be_top, &b, ret);

	if (r == 0)
		kick_message_free(TAKE(match_text, (char[]){ "traps" }));
	return r;
}

static void be_child(void *unused)
{
	(void)unused;
	idle_receiving(NULL);
}

static int start_child(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	(void)args;
	(void)why;
	return kick_spawn_link(be_child, NULL, ret);
}

/* At its first restart it gives up. */
static int start_supervisor(kick_pid *ret, kick_reason *why)
{
	const kick_child_spec child = { .id = "child", .start = start_child };
	kick_supervisor_options options = KICK_SUPERVISOR_DEFAULTS;

	options.max_restarts = 0;
	return kick_supervisor_start_link(&options, &child, 1, ret, why);
}

static int start_oddly(
	const char *how, const char *say, kick_pid *ret, kick_reason *why)
{
	if (strcmp(how, "wait") == 0) {
		kick_message_free(TAKE(match_text, (char[]){ "go" }));
		return 0;
	}
	if (strcmp(how, "raise") == 0)
		kick_raise(say);
	if (strcmp(how, "exit") == 0)
		_exit(atoi(say));
	if (strcmp(how, "signal") == 0) {
		/* A sanitizer has handlers of its own. */
		(void)signal(atoi(say), SIG_DFL);
		(void)kill(getpid(), atoi(say));
	}
	if (strcmp(how, "nobody") == 0) {
		*ret = NOBODY;
		return 0;
	}
	if (strcmp(how, "dead") == 0) {
		CHECK_INT(kick_unlink(*ret), 0);
		CHECK_INT(kick_exit(*ret, "kill"), 0);
		node_gone(*ret);
		return 0;
	}
	if (say)
		(void)snprintf(why->text, sizeof why->text, "%s", say);
	return atoi(how);
}

/* What start is to do: {"how": TEXT, "say": TEXT, "tell": PID}. */
static int start_app(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	const char *how = cJSON_GetStringValue(cJSON_GetObjectItem(args, "how"));
	const char *say = cJSON_GetStringValue(cJSON_GetObjectItem(args, "say"));
	const cJSON *tell = cJSON_GetObjectItem(args, "tell");
	kick_pid child;

	note("+%s", kick_application_name());
	if (tell)
		send_text(kick_pid_from_json(tell), kick_application_name());
	if (strcmp(how, "supervisor") == 0)
		return start_supervisor(ret, why);
	if (strcmp(how, "top") == 0 || strcmp(how, "gate") == 0)
		return start_top(strcmp(how, "gate") == 0, true, ret);
	if (strcmp(how, "free") == 0)
		return start_top(false, false, ret);
	if (strcmp(how, "hang") == 0)
		for (;;)
			(void)pause();
	CHECK_INT(kick_spawn_link(idle_receiving, NULL, &child), 0);
	CHECK_INT(kick_spawn_link(idle_receiving, NULL, ret), 0);
	return start_oddly(how, say, ret, why);
}

static void prep_stop(void)
{
	note("prep %s", kick_application_name());
}

static void stop(void)
{
	note("stop %s", kick_application_name());
}

cJSON *args_of(const char *how, const char *say)
{
	cJSON *args = cJSON_CreateObject();

	(void)cJSON_AddStringToObject(args, "how", how);
	if (say)
		(void)cJSON_AddStringToObject(args, "say", say);
	return args;
}

kick_application app(const char *name, const char *how)
{
	return (kick_application){ .name = name,
		.start = start_app,
		.prep_stop = prep_stop,
		.stop = stop,
		.args = args_of(how, NULL) };
}

void tell_start(kick_application *a, kick_pid pid)
{
	cJSON *args = cJSON_Duplicate(a->args, true);

	(void)cJSON_AddItemToObject(args, "tell", kick_pid_to_json(pid));
	a->args = args;
}

kick_application app_with(const char *name, const char *how, const char *const *needs)
{
	kick_application a = app(name, how);

	a.applications = needs;
	return a;
}

int try_start(const char *name, const char *how, kick_restart type)
{
	const kick_application a = app(name, how);
	kick_reason why;

	return kick_application_start(&a, type, &why);
}

void start(const char *name, kick_restart type)
{
	CHECK_INT(try_start(name, "top", type), 0);
}

/* Of the row of this name; false: there is none. */
static bool row_of(const char *name, const char *what, char ret[64])
{
	cJSON *list;
	const cJSON *row;
	bool found = false;

	CHECK_INT(kick_application_which(&list), 0);
	cJSON_ArrayForEach(row, list)
	{
		const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(row, what));

		if (strcmp(cJSON_GetObjectItem(row, "name")->valuestring, name) != 0)
			continue;
		found = true;
		(void)snprintf(ret, 64, "%s", text ? text : "null");
	}
	cJSON_Delete(list);
	return found;
}

kick_pid process_of(const char *name, const char *what)
{
	char text[64];
	cJSON *json;
	kick_pid pid;

	CHECK(row_of(name, what, text));
	json = cJSON_CreateString(text);
	pid = kick_pid_from_json(json);
	cJSON_Delete(json);
	return pid;
}

void check_which(const char *file, int line, const char *want)
{
	char got[256] = "";
	cJSON *list;
	const cJSON *row;

	CHECK_INT(kick_application_which(&list), 0);
	cJSON_ArrayForEach(row, list)
	{
		const char *state = cJSON_GetObjectItem(row, "state")->valuestring;
		size_t len = strlen(got);

		(void)snprintf(got + len, sizeof got - len, "%s%s%s%s", len ? " " : "",
			cJSON_GetObjectItem(row, "name")->valuestring,
			strcmp(state, "running") == 0 ? "" : ":",
			strcmp(state, "running") == 0 ? "" : state);
	}
	cJSON_Delete(list);
	node_check_text(file, line, "which", got, want);
}

void await_end(const char *name)
{
	char state[64];

	while (row_of(name, "state", state))
		continue;
}

kick_pid controller(void)
{
	char name[64];
	kick_pid pid;

	(void)snprintf(name, sizeof name, "application_controller@%llx",
		(unsigned long long)kick_self().node);
	CHECK_INT(kick_whereis(name, &pid), 0);
	return pid;
}
