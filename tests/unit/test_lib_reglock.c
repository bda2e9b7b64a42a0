/* libkick: Registry: queries, meta values, locks (REG-9), and what becomes of it when
 * processes are killed at any step. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/regtest.h"

TestSuite(lib_reglock, .timeout = 120);

/* --- values ------------------------------------------------------------------------
 */

static int update(const char *key, const char *value, char old[100])
{
	cJSON *k = cJSON_Parse(key), *v = cJSON_Parse(value), *was = NULL;
	int r = kick_registry_update_value("reg", k, v, old ? &was : NULL);
	char *text = was ? cJSON_PrintUnformatted(was) : NULL;

	if (text && old)
		(void)snprintf(old, 100, "%s", text);
	free(text);
	cJSON_Delete(was);
	cJSON_Delete(k);
	cJSON_Delete(v);
	return r;
}

NODE_TEST(lib_reglock, reg_09_one_s_own_value_is_replaced)
{
	kick_pid a = clerk();
	char old[100];

	reg_start("reg", KICK_UNIQUE);
	CHECK_INT(reg_register("reg", "\"k\"", "[1]", NULL), 0);
	CHECK_INT(clerk_do(a, "register", "\"l\"", "1"), 0);
	CHECK_INT(update("\"k\"", "{\"a\":2}", old), 0);
	CHECK_TEXT(old, "[1]");
	CHECK_INT(update("\"k\"", "null", NULL), 0);
	LOOKUP("reg", "\"k\"", "[null]");
	CHECK_INT(update("\"k\"", "3", old), 0);
	CHECK_TEXT(old, "null");
	/* Somebody else's; nobody's. */
	CHECK_INT(update("\"l\"", "2", NULL), -ENOENT);
	CHECK_INT(update("\"m\"", "2", NULL), -ENOENT);
	LOOKUP("reg", "\"l\"", "[1]");
	LOOKUP("reg", "\"k\"", "[3]");
	CHECK_INT(kick_registry_count("reg"), 2);
}

NODE_TEST(lib_reglock, reg_09_not_in_a_duplicate_registry)
{
	reg_start("reg", KICK_DUPLICATE);
	CHECK_INT(reg_register("reg", "\"k\"", "1", NULL), 0);
	CHECK_INT(update("\"k\"", "2", NULL), -EINVAL);
	LOOKUP("reg", "\"k\"", "[1]");
}

NODE_TEST(lib_reglock, reg_09_count)
{
	kick_pid a = clerk();

	reg_start("reg", KICK_DUPLICATE);
	CHECK_INT(kick_registry_count("reg"), 0);
	for (int i = 1; i <= 20; i++) {
		CHECK_INT(clerk_do(a, "register", i % 2 ? "1" : "2", "0"), 0);
		CHECK_INT(kick_registry_count("reg"), i);
	}
	CHECK_INT(clerk_do(a, "unregister", "1", NULL), 0);
	CHECK_INT(kick_registry_count("reg"), 10);
}

/* --- queries -----------------------------------------------------------------------
 */

/* [{"key", "pid", "value"}] as [[key, value]]. */
static void check_match(const char *file, int line, const char *key,
	const char *pattern, const char *want)
{
	cJSON *k = key ? cJSON_Parse(key) : NULL;
	cJSON *p = pattern ? cJSON_Parse(pattern) : NULL;
	cJSON *got = NULL, *pairs = cJSON_CreateArray(), *one, *pair;

	node_check_int(file, line, "kick_registry_match()",
		kick_registry_match("reg", k, p, &got), 0);
	cJSON_ArrayForEach(one, got)
	{
		CHECK(kick_pid_from_json(cJSON_GetObjectItem(one, "pid")).id != 0);
		pair = cJSON_CreateArray();
		cJSON_AddItemToArray(pair, cJSON_DetachItemFromObject(one, "key"));
		cJSON_AddItemToArray(pair, cJSON_DetachItemFromObject(one, "value"));
		cJSON_AddItemToArray(pairs, pair);
	}
	reg_check_json(file, line, pairs, want);
	node_check_int(file, line, "kick_registry_count_match()",
		kick_registry_count_match("reg", k, p), cJSON_GetArraySize(pairs));
	cJSON_Delete(pairs);
	cJSON_Delete(got);
	cJSON_Delete(k);
	cJSON_Delete(p);
}
#define MATCHES(key, pattern, want) \
	check_match(__FILE__, __LINE__, (key), (pattern), (want))

NODE_TEST(lib_reglock, reg_09_all_entries)
{
	kick_pid a = clerk();

	for (int keys = KICK_UNIQUE; keys <= KICK_DUPLICATE; keys++) {
		reg_start("reg", (kick_registry_keys)keys);
		MATCHES(NULL, NULL, "[]");
		CHECK_INT(reg_register("reg", "\"k\"", "1", NULL), 0);
		CHECK_INT(clerk_do(a, "register", "[2]", "{}"), 0);
		CHECK_INT(reg_register("reg", "null", NULL, NULL), 0);
		MATCHES(NULL, NULL, "[[\"k\",1],[[2],{}],[null,null]]");
		MATCHES("null", NULL, "[[null,null]]");
		MATCHES("\"absent\"", NULL, "[]");
		reg_stop("reg");
	}
}

NODE_TEST(lib_reglock, reg_09_values_are_matched_by_what_is_in_them)
{
	static const struct {
		const char *pattern, *found;
	} rows[] = {
		{ NULL,
			"[[1,{\"a\":1,\"b\":{\"c\":2,\"d\":null}}],[1,{\"a\":2}],[1,[1,2]],"
			"[1,\"x\"],[1,null]]" },
		{ "{}", "[[1,{\"a\":1,\"b\":{\"c\":2,\"d\":null}}],[1,{\"a\":2}]]" },
		{ "{\"a\":2}", "[[1,{\"a\":2}]]" },
		{ "{\"b\":{\"c\":2}}", "[[1,{\"a\":1,\"b\":{\"c\":2,\"d\":null}}]]" },
		{ "{\"b\":{\"d\":null}}",
			"[[1,{\"a\":1,\"b\":{\"c\":2,\"d\":null}}]]" },
		{ "{\"A\":2}", "[]" },
		{ "{\"a\":2,\"z\":1}", "[]" },
		{ "[1,2]", "[[1,[1,2]]]" },
		{ "[1]", "[]" },
		{ "[]", "[]" },
		{ "\"x\"", "[[1,\"x\"]]" },
		{ "null", "[[1,null]]" },
		{ "1", "[]" },
	};
	static const char *const values[] = { "{\"a\":1,\"b\":{\"c\":2,\"d\":null}}",
		"{\"a\":2}", "[1,2]", "\"x\"", "null" };

	reg_start("reg", KICK_DUPLICATE);
	for (size_t i = 0; i < ARRAY_LEN(values); i++)
		CHECK_INT(reg_register("reg", "1", values[i], NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		MATCHES("1", rows[i].pattern, rows[i].found);
		MATCHES(NULL, rows[i].pattern, rows[i].found);
		MATCHES("2", rows[i].pattern, "[]");
	}
}

static int unregister_match(const char *key, const char *pattern)
{
	cJSON *k = cJSON_Parse(key), *p = pattern ? cJSON_Parse(pattern) : NULL;
	int r = kick_registry_unregister_match("reg", k, p);

	cJSON_Delete(k);
	cJSON_Delete(p);
	return r;
}

NODE_TEST(lib_reglock, reg_09_unregister_by_value)
{
	kick_pid a = clerk();

	reg_start("reg", KICK_DUPLICATE);
	CHECK_INT(reg_register("reg", "1", "{\"a\":1}", NULL), 0);
	CHECK_INT(reg_register("reg", "1", "{\"a\":2}", NULL), 0);
	CHECK_INT(reg_register("reg", "2", "{\"a\":1}", NULL), 0);
	CHECK_INT(clerk_do(a, "register", "1", "{\"a\":1}"), 0);
	CHECK_INT(unregister_match("1", "{\"a\":1}"), 0);
	LOOKUP("reg", "1", "[{\"a\":2},{\"a\":1}]");
	VALUES("reg", "1", a, "[{\"a\":1}]");
	CHECK_INT(unregister_match("1", "{\"a\":1}"), 0);
	CHECK_INT(kick_registry_count("reg"), 3);
	CHECK_INT(reg_my("links"), 1);
	CHECK_INT(unregister_match("1", NULL), 0);
	CHECK_INT(unregister_match("2", "{}"), 0);
	CHECK_INT(kick_registry_count("reg"), 1);
	CHECK_INT(reg_my("links"), 0);
}

/* --- meta --------------------------------------------------------------------------
 */

static int put_meta(const char *key, const char *value)
{
	cJSON *k = cJSON_Parse(key), *v = value ? cJSON_Parse(value) : NULL;
	int r = kick_registry_put_meta("reg", k, v);

	cJSON_Delete(k);
	cJSON_Delete(v);
	return r;
}

static void check_meta(const char *file, int line, const char *key, const char *want)
{
	cJSON *k = cJSON_Parse(key), *got = NULL;
	int r = kick_registry_get_meta("reg", k, &got);

	node_check_int(file, line, "kick_registry_get_meta()", r, want ? 0 : -ENOENT);
	if (want)
		reg_check_json(file, line, got, want);
	cJSON_Delete(got);
	cJSON_Delete(k);
}
#define META(key, want) check_meta(__FILE__, __LINE__, (key), (want))

NODE_TEST(lib_reglock, reg_09_meta_values_are_the_registry_s)
{
	kick_pid a = clerk();

	reg_start("reg", KICK_UNIQUE);
	META("\"m\"", NULL);
	CHECK_INT(put_meta("\"m\"", "[1,{\"x\":null}]"), 0);
	CHECK_INT(put_meta("{\"any\":\"key\"}", "2"), 0);
	META("\"m\"", "[1,{\"x\":null}]");
	META("{\"any\":\"key\"}", "2");
	CHECK_INT(put_meta("\"m\"", "null"), 0);
	META("\"m\"", "null");
	/* No entries: nobody is linked, nobody's death takes them. */
	CHECK_INT(kick_registry_count("reg"), 0);
	CHECK_INT(reg_my("links"), 0);
	CHECK_INT(clerk_do(a, "register", "\"m\"", "5"), 0);
	CHECK_INT(kick_exit(a, "kill"), 0);
	reg_await_count("reg", 0);
	META("\"m\"", "null");
	CHECK_INT(put_meta("\"m\"", NULL), 0);
	META("\"m\"", NULL);
	CHECK_INT(put_meta("\"absent\"", NULL), 0);
	META("{\"any\":\"key\"}", "2");
}

/* --- lock --------------------------------------------------------------------------
 */

NODE_TEST(lib_reglock, reg_09_other_keys_are_not_locked)
{
	kick_pid a = clerk(), b = clerk();

	reg_start("reg", KICK_UNIQUE);
	clerk_order(a, "lock", "1", NULL);
	EXPECT_TEXT("in 1");
	clerk_order(b, "lock", "2", NULL);
	EXPECT_TEXT("in 2");
	/* A lock is no entry, and an entry no lock. */
	CHECK_INT(reg_register("reg", "1", "0", NULL), 0);
	CHECK_INT(kick_registry_count("reg"), 1);
	send_text(a, "out");
	EXPECT_TEXT("out 1 0");
	send_text(b, "out");
	EXPECT_TEXT("out 2 0");
	EXPECT_SILENCE();
}

static int lock(const char *key, int64_t ms)
{
	cJSON *k = cJSON_Parse(key);
	int r = kick_registry_lock("reg", k, ms, reg_locked, NULL);

	cJSON_Delete(k);
	return r;
}

/* Also in a duplicate one. */
NODE_TEST(lib_reglock, reg_09_the_same_key_is_of_one_at_a_time)
{
	kick_pid c[] = { clerk(), clerk(), clerk() };

	reg_start("reg", KICK_DUPLICATE);
	clerk_order(c[0], "lock", "1", NULL);
	EXPECT_TEXT("in 1");
	clerk_order(c[1], "lock", "1", NULL);
	CHECK_INT(lock("1", 20), -ETIMEDOUT);
	CHECK_INT(lock("1", 0), -ETIMEDOUT);
	EXPECT_SILENCE();
	send_text(c[0], "out");
	/* Two senders: their order is not known. */
	for (int i = 0; i < 2; i++)
		kick_message_free(TAKE(match_plain, NULL));
	clerk_order(c[2], "lock", "1", NULL);
	CHECK_INT(lock("1", 0), -ETIMEDOUT);
	send_text(c[1], "out");
	for (int i = 0; i < 2; i++)
		kick_message_free(TAKE(match_plain, NULL));
	send_text(c[2], "out");
	EXPECT_TEXT("out 1 0");
	/* What was given up is nobody's. */
	CHECK_INT(lock("1", CALL_MS), 0);
	CHECK_INT(reg_my("links"), 0);
	CHECK_INT(reg_my("monitors"), 0);
	EXPECT_SILENCE();
}

NODE_TEST(lib_reglock, reg_09_a_lock_goes_with_its_holder)
{
	static const char *const ends[] = { "raise", "kill" };

	reg_start("reg", KICK_UNIQUE);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		kick_pid a = clerk(), b = clerk();

		clerk_order(a, "lock", "1", NULL);
		EXPECT_TEXT("in 1");
		clerk_order(b, "lock", "1", NULL);
		CHECK_INT(lock("1", 0), -ETIMEDOUT);
		send_text(a, ends[i]);
		EXPECT_TEXT("in 1");
		send_text(b, "out");
		EXPECT_TEXT("out 1 0");
		CHECK_INT(lock("1", CALL_MS), 0);
	}
	EXPECT_SILENCE();
}

NODE_TEST(lib_reglock, reg_09_one_that_dies_waiting_is_passed_over)
{
	kick_pid a = clerk(), b = clerk(), c = clerk();

	reg_start("reg", KICK_UNIQUE);
	clerk_order(a, "lock", "1", NULL);
	EXPECT_TEXT("in 1");
	clerk_order(b, "lock", "1", NULL);
	CHECK_INT(lock("1", 20), -ETIMEDOUT);
	CHECK_INT(kick_exit(b, "kill"), 0);
	node_gone(b);
	clerk_order(c, "lock", "1", NULL);
	send_text(a, "out");
	for (int i = 0; i < 2; i++)
		kick_message_free(TAKE(match_plain, NULL));
	send_text(c, "out");
	EXPECT_TEXT("out 1 0");
	EXPECT_SILENCE();
}

static void lock_again(void *r)
{
	*(int *)r = lock("1", KICK_INFINITY);
}

static void lock_another(void *r)
{
	*(int *)r = lock("2", KICK_INFINITY);
}

NODE_TEST(lib_reglock, reg_09_locks_in_locks)
{
	cJSON *key = cJSON_CreateNumber(1);
	int r = 1;

	reg_start("reg", KICK_UNIQUE);
	CHECK_INT(kick_registry_lock("reg", key, CALL_MS, lock_again, &r), 0);
	CHECK_INT(r, -EDEADLK);
	CHECK_INT(kick_registry_lock("reg", key, CALL_MS, lock_another, &r), 0);
	CHECK_INT(r, 0);
	CHECK_INT(lock("1", CALL_MS), 0);
	cJSON_Delete(key);
}

NODE_TEST(lib_reglock, reg_09_the_registry_dies)
{
	kick_pid a = clerk(), b = clerk(), reg = reg_start("reg", KICK_UNIQUE);
	kick_message *m;
	bool out[2] = { false };

	clerk_order(a, "lock", "1", NULL);
	EXPECT_TEXT("in 1");
	clerk_order(b, "lock", "1", NULL);
	CHECK_INT(lock("1", 20), -ETIMEDOUT);
	CHECK_INT(kick_exit(reg, "kill"), 0);
	/* One that waits gets no lock; the holder's work is done. */
	EXPECT_TEXT("out 1 -104"); /* -ECONNRESET */
	send_text(a, "out");
	m = TAKE(match_plain, NULL);
	out[strcmp(cJSON_GetStringValue(m->value), "out 1 0") == 0] = true;
	CHECK(out[1]);
	kick_message_free(m);
	EXPECT_SILENCE();
}

/* --- kill -9 -----------------------------------------------------------------------
 */

NODE_TEST(lib_reglock, reg_05_killed_before_its_registration_is_read)
{
	kick_pid a = clerk(), b = clerk();
	pid_t os;

	reg_start("reg", KICK_UNIQUE);
	os = reg_last_spawned();
	for (int i = 0; i < 10; i++) {
		CHECK_INT(kill(os, SIGSTOP), 0);
		clerk_order(a, "register", "\"k\"", "1");
		CHECK_INT(kick_alive(a), 1);
		CHECK_INT(kick_exit(a, "kill"), 0);
		node_gone(a);
		CHECK_INT(kill(os, SIGCONT), 0);
		/* It may be there for a moment, it cannot stay. */
		CHECK_INT(clerk_do(b, "register", "\"k\"", "2"), 0);
		LOOKUP("reg", "\"k\"", "[2]");
		reg_await_count("reg", 1);
		CHECK_INT(clerk_do(b, "unregister", "\"k\"", NULL), 0);
		reg_await_count("reg", 0);
		a = clerk();
	}
	EXPECT_SILENCE();
}

static void register_for_ever(void *unused)
{
	(void)unused;
	for (int i = 0;; i++) {
		char key[16];

		(void)snprintf(key, sizeof key, "%d", i % 7);
		CHECK_INT(reg_register("reg", key, "1", NULL), 0);
		if (i == 0)
			send_text(reg_tester, "begun");
		if (i % 3 == 0)
			CHECK_INT(reg_unregister("reg", key), 0);
	}
}

NODE_TEST(lib_reglock, reg_05_killed_at_any_step_of_a_registration)
{
	kick_pid a;

	reg_start("reg", KICK_DUPLICATE);
	for (int i = 0; i < 100; i++) {
		CHECK_INT(kick_spawn(register_for_ever, NULL, &a), 0);
		EXPECT_TEXT("begun");
		for (int k = 0; k < i % 10; k++)
			CHECK(kick_registry_count("reg") >= 0);
		CHECK_INT(kick_exit(a, "kill"), 0);
		reg_await_count("reg", 0);
	}
	EXPECT_SILENCE();
}

static void register_until_it_ends(void *unused)
{
	int r;

	(void)unused;
	CHECK_INT(kick_trap_exit(true), 0);
	for (int i = 0;; i++) {
		r = reg_register("reg", "1", "1", NULL);
		if (r < 0)
			break;
		r = reg_unregister("reg", "1");
		if (r < 0)
			break;
		if (i == 0)
			send_text(reg_tester, "begun");
	}
	CHECK(r == -ECONNRESET || r == -ESRCH);
	send_text(reg_tester, "over");
	kick_raise("normal");
}

NODE_TEST(lib_reglock, reg_10_the_registry_killed_at_any_step)
{
	kick_pid a, reg;

	for (int i = 0; i < 30; i++) {
		reg = reg_start("reg", KICK_UNIQUE);
		CHECK_INT(kick_spawn(register_until_it_ends, NULL, &a), 0);
		EXPECT_TEXT("begun");
		CHECK_INT(kick_exit(reg, "kill"), 0);
		EXPECT_TEXT("over");
		node_gone(a);
	}
	EXPECT_SILENCE();
}

NODE_TEST(lib_reglock, reg_10_stopped_it_keeps_its_callers_waiting)
{
	kick_pid a = clerk();
	pid_t os;

	reg_start("reg", KICK_UNIQUE);
	os = reg_last_spawned();
	CHECK_INT(kill(os, SIGSTOP), 0);
	clerk_order(a, "register", "\"k\"", "1");
	clerk_order(a, "raise", "after that", NULL);
	CHECK_INT(kick_alive(a), 1);
	CHECK_INT(kill(os, SIGKILL), 0);
	node_gone(a);
	EXPECT_SILENCE();
}

/* --- not what a registry expects ---------------------------------------------------
 */

NODE_TEST(lib_reglock, large_keys_and_values)
{
	size_t n = 20 << 20;
	char *text = malloc(n + 1);
	cJSON *large, *key, *ret = NULL;

	CHECK(text);
	memset(text, 'z', n);
	text[n] = '\0';
	large = cJSON_CreateString(text);
	text[1 << 20] = '\0';
	key = cJSON_CreateString(text);
	reg_start("reg", KICK_UNIQUE);
	CHECK_INT(kick_registry_register("reg", key, large, NULL), 0);
	CHECK_INT(kick_registry_register("reg", key, large, NULL), -EEXIST);
	CHECK_INT(kick_registry_lookup("reg", key, &ret), 0);
	CHECK(cJSON_Compare(
		cJSON_GetObjectItem(cJSON_GetArrayItem(ret, 0), "value"), large, true));
	cJSON_Delete(ret);
	text[1 << 19] = 'y';
	text[(1 << 19) + 1] = '\0';
	cJSON_Delete(key);
	key = cJSON_CreateString(text);
	CHECK_INT(kick_registry_register("reg", key, NULL, NULL), 0);
	CHECK_INT(kick_registry_count("reg"), 2);
	CHECK_INT(kick_registry_unregister("reg", key), 0);
	CHECK_INT(kick_registry_count("reg"), 1);
	cJSON_Delete(key);
	cJSON_Delete(large);
	free(text);
}

NODE_TEST(lib_reglock, many_keys)
{
	char key[32];

	reg_start("reg", KICK_UNIQUE);
	for (int i = 0; i < 2000; i++) {
		(void)snprintf(key, sizeof key, "\"key %d\"", i);
		CHECK_INT(reg_register("reg", key, "1", NULL), 0);
	}
	CHECK_INT(kick_registry_count("reg"), 2000);
	for (int i = 0; i < 2000; i += 2) {
		(void)snprintf(key, sizeof key, "\"key %d\"", i);
		CHECK_INT(reg_unregister("reg", key), 0);
	}
	CHECK_INT(kick_registry_count("reg"), 1000);
	LOOKUP("reg", "\"key 1999\"", "[1]");
	LOOKUP("reg", "\"key 1998\"", "[]");
}

NODE_TEST(lib_reglock, what_others_send_is_no_trouble)
{
	static const char *const texts[] = { "1", "null", "[]", "{}", "\"register\"",
		"[\"register\"]", "[\"register\",1]", "[\"register\",null,null]",
		"[\"lookup\"]", "[\"unregister\"]", "[\"count\",1,2,3]", "[\"lock\"]",
		"[\"unlock\",\"x\"]", "[\"unlock\"]", "[\"keys\",\"nobody\"]",
		"[\"values\",1,2]", "[\"update\",1,1]", "[\"match\",1]",
		"[\"whereis\"]", "{\"op\":\"register\"}",
		"{\"op\":\"lock\",\"key\":1}" };
	cJSON *answer = NULL;

	reg_start("reg", KICK_UNIQUE);
	CHECK_INT(reg_register("reg", "\"k\"", "1", NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		cJSON *value = cJSON_Parse(texts[i]);
		int r;

		CHECK_INT(kick_send(kick_to_name("reg"), value), 0);
		CHECK_INT(kick_cast(kick_to_name("reg"), value), 0);
		r = kick_call(kick_to_name("reg"), value, CALL_MS, &answer, NULL);
		if (r < 0)
			FAIL("the registry: %d after %s", r, texts[i]);
		cJSON_Delete(answer);
		cJSON_Delete(value);
	}
	LOOKUP("reg", "\"k\"", "[1]");
}

static cJSON *seven(cJSON *state, const cJSON *args)
{
	(void)state;
	(void)args;
	return cJSON_CreateNumber(7);
}

/* A name, but no registry's. */
NODE_TEST(lib_reglock, another_server_is_no_registry)
{
	const kick_start_options o = { .name = "reg" };
	cJSON *key = cJSON_CreateString("k"), *ret = NULL;
	kick_pid pid;

	CHECK_INT(kick_agent_start_link(seven, NULL, &o, &pid, NULL), 0);
	CHECK_INT(kick_registry_register("reg", key, key, &pid), -EPROTO);
	CHECK_INT(kick_registry_unregister("reg", key), -EPROTO);
	CHECK_INT(kick_registry_lookup("reg", key, &ret), -EPROTO);
	CHECK_INT(kick_registry_count("reg"), -EPROTO);
	CHECK_INT(kick_registry_update_value("reg", key, key, &ret), -EPROTO);
	CHECK_INT(kick_registry_dispatch("reg", key, reg_note, NULL), -EPROTO);
	CHECK_INT(kick_registry_lock("reg", key, CALL_MS, reg_locked, NULL), -EPROTO);
	CHECK_INT(kick_resolve(kick_via("reg", key), &pid), -EPROTO);
	CHECK(!ret);
	cJSON_Delete(key);
	EXPECT_SILENCE();
}
