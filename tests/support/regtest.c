#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/regtest.h"

kick_pid reg_tester;

/* --- the caller --------------------------------------------------------------------
 */

kick_pid reg_start(const char *name, kick_registry_keys keys)
{
	kick_reason why = { "" };
	kick_pid pid = NOBODY;
	int r = kick_registry_start_link(name, keys, NULL, 0, &pid, &why);

	if (r != 0)
		FAIL("the registry %s does not start: %d, %s", name, r, why.text);
	CHECK_INT(kick_unlink(pid), 0);
	reg_tester = kick_self();
	return pid;
}

void reg_stop(const char *name)
{
	CHECK_INT(
		kick_server_stop_call(kick_to_name(name), "normal", CALL_MS, NULL), 0);
}

pid_t reg_last_spawned(void)
{
	char path[64];
	int pid, last = 0;
	FILE *list;

	(void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)getppid(),
		(int)getppid());
	list = fopen(path, "re");
	CHECK(list);
	while (fscanf(list, "%d", &pid) == 1)
		last = pid;
	(void)fclose(list);
	CHECK(last > 1 && last != getpid());
	return last;
}

int reg_register(
	const char *registry, const char *key, const char *value, kick_pid *holder)
{
	cJSON *k = cJSON_Parse(key), *v = value ? cJSON_Parse(value) : NULL;
	int r;

	CHECK(k && (v || !value));
	r = kick_registry_register(registry, k, v, holder);
	cJSON_Delete(k);
	cJSON_Delete(v);
	return r;
}

int reg_unregister(const char *registry, const char *key)
{
	cJSON *k = cJSON_Parse(key);
	int r = kick_registry_unregister(registry, k);

	cJSON_Delete(k);
	return r;
}

void reg_await_count(const char *registry, int n)
{
	int got;

	do {
		got = kick_registry_count(registry);
		CHECK(got >= 0);
	} while (got != n);
}

int reg_my(const char *what)
{
	cJSON *info = kick_info(kick_self());
	const cJSON *item = cJSON_GetObjectItem(info, what);
	int n = cJSON_IsArray(item) ? cJSON_GetArraySize(item) : item->valueint;

	cJSON_Delete(info);
	return n;
}

void reg_note(kick_pid pid, const cJSON *value, void *user)
{
	CHECK(pid.id != 0);
	cJSON_AddItemToArray(user, cJSON_Duplicate(value, true));
}

void reg_locked(void *unused)
{
	(void)unused;
}

/* --- checks ------------------------------------------------------------------------
 */

void reg_check_json(const char *file, int line, const cJSON *got, const char *want)
{
	char *text = cJSON_PrintUnformatted(got);

	node_check_text(file, line, "the JSON", text, want);
	free(text);
}

void reg_check_holder(const char *file, int line, const char *registry, const char *key,
	const char *value, int want, kick_pid holder)
{
	kick_pid pid = NOBODY;

	node_check_int(file, line, "kick_registry_register()",
		reg_register(registry, key, value, &pid), want);
	node_check_pid(file, line, "the holder", pid, holder);
}

/* [{"pid", "value"}] becomes the list of the values. */
static cJSON *only_values(cJSON *entries)
{
	cJSON *values = cJSON_CreateArray(), *one;

	cJSON_ArrayForEach(one, entries)
	{
		CHECK(kick_pid_from_json(cJSON_GetObjectItem(one, "pid")).id != 0);
		cJSON_AddItemToArray(
			values, cJSON_DetachItemFromObjectCaseSensitive(one, "value"));
	}
	cJSON_Delete(entries);
	return values;
}

void reg_check(const char *file, int line, enum reg_question q, const char *registry,
	const char *key, kick_pid pid, const char *want)
{
	cJSON *k = key ? cJSON_Parse(key) : NULL, *got = NULL;
	int r = 0;

	switch (q) {
	case REG_LOOKUP:
		r = kick_registry_lookup(registry, k, &got);
		break;
	case REG_KEYS:
		r = kick_registry_keys_of(registry, pid, &got);
		break;
	case REG_VALUES:
		r = kick_registry_values(registry, k, pid, &got);
		break;
	}
	node_check_int(file, line, "the result", r, 0);
	if (q == REG_LOOKUP)
		got = only_values(got);
	reg_check_json(file, line, got, want);
	cJSON_Delete(got);
	cJSON_Delete(k);
}

/* --- clerks ------------------------------------------------------------------------
 */

static bool match_clerk_order(const kick_message *m, void *unused)
{
	(void)unused;
	return m->kind == KICK_CALL || m->kind == KICK_CAST;
}

static bool match_exit_message(const kick_message *m, void *unused)
{
	(void)unused;
	return m->kind == KICK_EXIT;
}

static void tell(const char *what, const char *key, int r)
{
	char line[100];

	(void)snprintf(line, sizeof line, "%s %.60s", what, key);
	if (strcmp(what, "out") == 0)
		(void)snprintf(line, sizeof line, "out %.60s %d", key, r);
	send_text(reg_tester, line);
}

static void in_lock(void *key)
{
	kick_message *m;
	const char *text;

	tell("in", key, 0);
	m = TAKE(match_plain, NULL);
	text = cJSON_GetStringValue(m->value);
	if (strcmp(text, "raise") == 0)
		kick_raise("kaboom");
	if (strcmp(text, "kill") == 0)
		(void)raise(SIGKILL);
	CHECK_TEXT(text, "out");
	kick_message_free(m);
}

static int clerk_lock(const cJSON *key, char *text)
{
	int r = kick_registry_lock("reg", key, KICK_INFINITY, in_lock, text);

	tell("out", text, r);
	return r;
}

static int hear(const char *reason)
{
	kick_message *m = TAKE(match_exit_message, NULL);

	CHECK_TEXT(m->reason, reason);
	kick_message_free(m);
	return 0;
}

static int quiet(void)
{
	kick_message *m;
	int n = 0;

	node_settle();
	for (; kick_receive(match_exit_message, NULL, 0, &m) == 0; n++)
		kick_message_free(m);
	return n;
}

static int clerk_obey(const char *verb, char *text, const cJSON *value)
{
	cJSON *key = text ? cJSON_Parse(text) : NULL;
	int r = 0;

	if (strcmp(verb, "register") == 0)
		r = kick_registry_register("reg", key, value, NULL);
	else if (strcmp(verb, "unregister") == 0)
		r = kick_registry_unregister("reg", key);
	else if (strcmp(verb, "lock") == 0)
		r = clerk_lock(key, text);
	else if (strcmp(verb, "trap") == 0)
		r = kick_trap_exit(true);
	else if (strcmp(verb, "hear") == 0)
		r = hear(text);
	else if (strcmp(verb, "quiet") == 0)
		r = quiet();
	else if (strcmp(verb, "return") != 0 && strcmp(verb, "raise") != 0)
		FAIL("no clerk knows '%s'", verb);
	cJSON_Delete(key);
	return r;
}

static void be_a_clerk(void *unused)
{
	(void)unused;
	for (;;) {
		kick_message *m = NULL;
		const char *verb;
		cJSON *answer;
		char *text;

		CHECK_INT(kick_receive(match_clerk_order, NULL, KICK_INFINITY, &m), 0);
		verb = cJSON_GetStringValue(cJSON_GetArrayItem(m->value, 0));
		text = cJSON_GetStringValue(cJSON_GetArrayItem(m->value, 1));
		answer = cJSON_CreateNumber(
			clerk_obey(verb, text, cJSON_GetArrayItem(m->value, 2)));
		if (m->kind == KICK_CALL)
			CHECK_INT(
				kick_reply((kick_from){ m->from, m->ref }, answer), 0);
		cJSON_Delete(answer);
		if (strcmp(verb, "return") == 0)
			return;
		if (strcmp(verb, "raise") == 0)
			kick_raise(text);
		kick_message_free(m);
	}
}

kick_pid clerk(void)
{
	kick_pid pid;

	reg_tester = kick_self();
	CHECK_INT(kick_spawn(be_a_clerk, NULL, &pid), 0);
	return pid;
}

static cJSON *order(const char *verb, const char *key, const char *value)
{
	cJSON *all = cJSON_CreateArray();

	cJSON_AddItemToArray(all, cJSON_CreateString(verb));
	cJSON_AddItemToArray(all, key ? cJSON_CreateString(key) : cJSON_CreateNull());
	if (value)
		cJSON_AddItemToArray(all, cJSON_Parse(value));
	return all;
}

int clerk_do(kick_pid clerk_pid, const char *verb, const char *key, const char *value)
{
	cJSON *all = order(verb, key, value), *answer = NULL;
	kick_reason why = { "" };
	int r = kick_call(kick_to(clerk_pid), all, CALL_MS, &answer, &why);

	if (r < 0)
		FAIL("the clerk does not answer '%s': %d, %s", verb, r, why.text);
	r = answer->valueint;
	cJSON_Delete(answer);
	cJSON_Delete(all);
	return r;
}

void clerk_order(
	kick_pid clerk_pid, const char *verb, const char *key, const char *value)
{
	cJSON *all = order(verb, key, value);

	CHECK_INT(kick_cast(kick_to(clerk_pid), all), 0);
	cJSON_Delete(all);
}
