#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "support/waittest.h"

struct waits_shared *waits;

void waits_begin(void)
{
	waits = mmap(NULL, sizeof *waits, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(waits != MAP_FAILED);
	waits->tester = kick_self();
	CHECK(kick_trap_exit(true) >= 0);
}

void hold(void)
{
	waits->gate = puppet();
}

void let_go(void)
{
	CHECK_INT(kick_exit(waits->gate, "kill"), 0);
}

/* The caller's own. Each request says for whom it is. */
int call_name(const char *name, int64_t timeout_ms, kick_reason *why)
{
	cJSON *request = cJSON_CreateString(name);
	int r = kick_call(kick_to_name(name), request, timeout_ms, NULL, why);

	cJSON_Delete(request);
	return r;
}

/* --- children -----------------------------------------------------------------------
 */

void waits_tell(const char *what, const char *letter)
{
	char text[32];

	(void)snprintf(text, sizeof text, "%s %s", what, letter);
	send_text(waits->tester, text);
}

static int child_init(kick_server *s, const cJSON *args)
{
	const char *letter = cJSON_GetStringValue(args);
	int how = waits->now[*letter - 'a'];

	kick_server_set_state(s, strdup(letter));
	if (how & SLOW) {
		waits_tell("slow", letter);
		node_gone(waits->gate);
	}
	if (how & DEPENDS) {
		CHECK_INT(call_name("a", NODE_PATIENCE_MS, NULL), 0);
	}
	if (how & HANGS)
		idle_pausing(NULL);
	if (how & CRASHES)
		_exit(3);
	return how & STOPS ? kick_server_stop(s, "nope") : KICK_OK;
}

/* Who has answered. */
static int child_call(kick_server *s, kick_from from, const cJSON *request)
{
	cJSON *pid = kick_pid_to_json(kick_self());

	CHECK_TEXT(cJSON_GetStringValue(request), kick_server_state(s));
	CHECK_INT(kick_reply(from, pid), 0);
	cJSON_Delete(pid);
	return KICK_OK;
}

static int child_cast(kick_server *s, const cJSON *request)
{
	return kick_server_stop(s, cJSON_GetStringValue(request));
}

static const kick_gen_server child = {
	.init = child_init, .handle_call = child_call, .handle_cast = child_cast
};

static int start_child(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	const char *letter = cJSON_GetStringValue(args);
	int i = *letter - 'a', how = waits->now[i] = waits->next[i];
	kick_start_options options = { .name = letter };

	if (waits->starts[i]++ == 0)
		how = waits->now[i] = how & (CRASHES | STOPS | HANGS);
	if (how & HELD) {
		waits_tell("held", letter);
		node_gone(waits->gate);
	}
	if (how & (REFUSED | NO_ROOM))
		return how & NO_ROOM ? -EAGAIN : -EACCES;
	if (how & HANGS)
		options.timeout_ms = 20;
	return kick_server_start_link(
		&child, args, how & NAMELESS ? NULL : &options, ret, why);
}

/* The next starts of that child. */
void waits_plan(const char *letter, int how)
{
	waits->next[*letter - 'a'] = how;
}

void waits_start(const char *letter, int how)
{
	while (waits->now[*letter - 'a'] != how)
		node_settle();
}

kick_child_spec waits_spec(const char *letter, kick_restart restart)
{
	return (kick_child_spec){ .id = letter,
		.start = start_child,
		.args = cJSON_CreateString(letter),
		.restart = restart };
}

kick_pid waits_up(const char *flags, kick_restart restart, size_t n)
{
	static const char *const letters[LETTERS] = { "a", "b", "c", "d" };
	kick_supervisor_options o = KICK_SUPERVISOR_DEFAULTS;
	kick_child_spec specs[LETTERS];
	kick_pid sup = NOBODY;

	/* What is slow must not change what a test sees. */
	o.max_seconds = 1000;
	o.max_restarts = strstr(flags, "once") ? 1 : UINT32_MAX;
	if (strstr(flags, "all"))
		o.strategy = KICK_ONE_FOR_ALL;
	for (size_t i = 0; i < n; i++)
		specs[i] = waits_spec(letters[i], restart);
	CHECK_INT(kick_supervisor_start_link(&o, specs, n, &sup, NULL), 0);
	return sup;
}

kick_pid named(const char *name)
{
	kick_pid pid = NOBODY;

	CHECK_INT(kick_whereis(name, &pid), 0);
	return pid;
}

/* It ends, and all that is told of it has been told. */
void waits_end(kick_pid pid, const char *how)
{
	kick_ref ref;

	CHECK_INT(kick_monitor(pid, &ref), 0);
	if (strcmp(how, "kill") == 0) {
		CHECK_INT(kick_exit(pid, "kill"), 0);
	} else {
		cJSON *value = cJSON_CreateString(how);

		CHECK_INT(kick_cast(kick_to(pid), value), 0);
		cJSON_Delete(value);
	}
	EXPECT_DOWN(ref, pid, strcmp(how, "kill") == 0 ? "killed" : how);
}

/* --- callers ------------------------------------------------------------------------
 */

struct question {
	const char *name;
	int64_t timeout_ms;
};

static void ask_once(void *arg)
{
	const struct question *q = arg;
	cJSON *request = cJSON_CreateString(q->name), *answer = NULL;
	cJSON *said = cJSON_CreateObject();
	kick_reason why = { "" };
	int r;

	send_text(waits->tester, "asking");
	r = kick_call(kick_to_name(q->name), request, q->timeout_ms, &answer, &why);
	cJSON_AddNumberToObject(said, "result", r);
	cJSON_AddStringToObject(said, "why", why.text);
	cJSON_AddItemToObject(said, "answer", answer ? answer : cJSON_CreateNull());
	CHECK_INT(kick_send(kick_to(waits->tester), said), 0);
	idle_receiving(NULL);
}

bool match_sender(const kick_message *m, void *pid)
{
	return m->kind == KICK_MESSAGE && kick_pid_equal(m->from, *(kick_pid *)pid);
}

static void await_text_of(kick_pid pid, const char *text)
{
	kick_message *m = TAKE(match_sender, &pid);

	CHECK_TEXT(cJSON_GetStringValue(m->value), text);
	kick_message_free(m);
}

static int os_pid_of(kick_pid pid)
{
	cJSON *info = kick_info(pid);
	int n;

	CHECK(info);
	n = cJSON_GetObjectItem(info, "os_pid")->valueint;
	cJSON_Delete(info);
	return n;
}

/* It sleeps, so it has asked the node; and the node has heard it. */
static void await_sleep(int os_pid)
{
	char path[40], state = 'R';

	(void)snprintf(path, sizeof path, "/proc/%d/stat", os_pid);
	while (state != 'S') {
		FILE *f = fopen(path, "re");

		CHECK(f && fscanf(f, "%*d (%*[^)]) %c", &state) == 1);
		(void)fclose(f);
	}
	node_settle();
}

/* A process that has begun to call name, and waits if it ever will. */
kick_pid asker(const char *name)
{
	struct question q = { name, NODE_PATIENCE_MS };
	kick_pid pid;

	CHECK_INT(kick_spawn(ask_once, &q, &pid), 0);
	await_text_of(pid, "asking");
	await_sleep(os_pid_of(pid));
	return pid;
}

/* The caller gets r and *why, or the answer of pid. */
void waits_check(const char *file, int line, kick_pid caller, int r, const char *why,
	kick_pid from)
{
	kick_message *m = node_take(file, line, "answer", match_sender, &caller);
	const cJSON *answer = cJSON_GetObjectItem(m->value, "answer");

	node_check_int(file, line, "kick_call()",
		cJSON_GetObjectItem(m->value, "result")->valueint, r);
	node_check_text(file, line, "*why",
		cJSON_GetStringValue(cJSON_GetObjectItem(m->value, "why")), why);
	node_check_pid(file, line, "who answered",
		cJSON_IsString(answer) ? kick_pid_from_json(answer) : NOBODY, from);
	kick_message_free(m);
	CHECK_INT(kick_exit(caller, "kill"), 0);
}

/* Who has the name as soon as somebody has. */
kick_pid next_named(const char *name)
{
	CHECK_INT(call_name(name, NODE_PATIENCE_MS, NULL), 0);
	return named(name);
}
