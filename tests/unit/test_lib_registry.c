/* libkick: Registry. The rules REG-1 to REG-8 and REG-10 of OTP. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/regtest.h"

TestSuite(lib_registry, .timeout = 120);

/* --- start -------------------------------------------------------------------------
 */

NODE_TEST(lib_registry, reg_01_a_registry_has_a_name)
{
	kick_pid a, b = NOBODY, found;

	CHECK_INT(kick_registry_start_link("reg", KICK_UNIQUE, NULL, 0, &a, NULL), 0);
	CHECK_INT(kick_whereis("reg", &found), 0);
	CHECK_PID(found, a);
	CHECK_INT(kick_registry_start_link("reg", KICK_DUPLICATE, NULL, 0, &b, NULL),
		-EEXIST);
	CHECK_PID(b, a);
	CHECK_INT(kick_registry_start_link(NULL, KICK_UNIQUE, NULL, 0, &b, NULL),
		-EINVAL);
	CHECK_INT(
		kick_registry_start_link("", KICK_UNIQUE, NULL, 0, &b, NULL), -EINVAL);
	CHECK_INT(kick_registry_start_link("a b", KICK_UNIQUE, NULL, 0, &b, NULL),
		-EINVAL);
	CHECK_INT(kick_registry_start_link("reg2", KICK_UNIQUE, NULL, 1, &b, NULL),
		-EINVAL);
	CHECK_INT(kick_registry_start_link(
			  "reg2", (kick_registry_keys)7, NULL, 0, &b, NULL),
		-EINVAL);
	EXPECT_SILENCE();
}

NODE_TEST(lib_registry, reg_01_an_unknown_one_is_an_error)
{
	cJSON *key = cJSON_CreateString("k"), *ret = NULL;
	kick_pid pid;

	for (int i = 0; i < 2; i++) {
		CHECK_INT(kick_registry_register("reg", key, key, &pid), -ESRCH);
		CHECK_INT(kick_registry_unregister("reg", key), -ESRCH);
		CHECK_INT(kick_registry_lookup("reg", key, &ret), -ESRCH);
		CHECK_INT(kick_registry_keys_of("reg", kick_self(), &ret), -ESRCH);
		CHECK_INT(kick_registry_values("reg", key, kick_self(), &ret), -ESRCH);
		CHECK_INT(kick_registry_count("reg"), -ESRCH);
		CHECK_INT(kick_registry_update_value("reg", key, key, &ret), -ESRCH);
		CHECK_INT(kick_registry_dispatch("reg", key, reg_note, NULL), -ESRCH);
		CHECK_INT(kick_registry_match("reg", key, NULL, &ret), -ESRCH);
		CHECK_INT(kick_registry_count_match("reg", NULL, NULL), -ESRCH);
		CHECK_INT(kick_registry_unregister_match("reg", key, NULL), -ESRCH);
		CHECK_INT(kick_registry_put_meta("reg", key, key), -ESRCH);
		CHECK_INT(kick_registry_get_meta("reg", key, &ret), -ESRCH);
		CHECK_INT(kick_registry_lock("reg", key, CALL_MS, reg_locked, NULL),
			-ESRCH);
		CHECK_INT(kick_resolve(kick_via("reg", key), &pid), -ESRCH);
		CHECK(!ret);
		/* And one that was there. */
		reg_start("reg", KICK_UNIQUE);
		reg_stop("reg");
	}
	cJSON_Delete(key);
}

NODE_TEST(lib_registry, reg_01_bad_input_is_refused)
{
	cJSON *key = cJSON_CreateString("k");

	reg_start("reg", KICK_UNIQUE);
	CHECK_INT(kick_registry_register("reg", NULL, key, NULL), -EINVAL);
	CHECK_INT(kick_registry_register(NULL, key, key, NULL), -EINVAL);
	CHECK_INT(kick_registry_unregister("reg", NULL), -EINVAL);
	CHECK_INT(kick_registry_lookup("reg", key, NULL), -EINVAL);
	CHECK_INT(kick_registry_lookup("reg", NULL, &key), -EINVAL);
	CHECK_INT(kick_registry_dispatch("reg", key, NULL, NULL), -EINVAL);
	CHECK_INT(kick_registry_keys_of("reg", kick_self(), NULL), -EINVAL);
	CHECK_INT(kick_registry_values("reg", NULL, kick_self(), &key), -EINVAL);
	CHECK_INT(kick_registry_update_value("reg", NULL, key, NULL), -EINVAL);
	CHECK_INT(kick_registry_lock("reg", key, CALL_MS, NULL, NULL), -EINVAL);
	CHECK_INT(kick_registry_lock("reg", key, -7, reg_locked, NULL), -EINVAL);
	CHECK_INT(kick_registry_put_meta("reg", NULL, key), -EINVAL);
	CHECK_INT(kick_registry_get_meta("reg", key, NULL), -EINVAL);
	CHECK_INT(kick_registry_count("reg"), 0);
	cJSON_Delete(key);
}

/* --- keys --------------------------------------------------------------------------
 */

NODE_TEST(lib_registry, reg_02_a_key_is_of_one_process)
{
	kick_pid a = clerk();

	reg_start("reg", KICK_UNIQUE);
	CHECK_INT(reg_register("reg", "\"k\"", "1", NULL), 0);
	LOOKUP("reg", "\"k\"", "[1]");
	HOLDER("reg", "\"k\"", "2", -EEXIST, kick_self());
	LOOKUP("reg", "\"k\"", "[1]");
	CHECK_INT(clerk_do(a, "register", "\"k\"", "3"), -EEXIST);
	CHECK_INT(clerk_do(a, "register", "\"l\"", "4"), 0);
	HOLDER("reg", "\"l\"", "5", -EEXIST, a);
	LOOKUP("reg", "\"l\"", "[4]");
	CHECK_INT(kick_registry_count("reg"), 2);
}

NODE_TEST(lib_registry, reg_02_keys_are_any_json_and_differ)
{
	static const char *const keys[] = { "null", "true", "false", "0", "1", "-1",
		"1.5", "\"\"", "\"0\"", "\"1\"", "\"null\"", "\"a b\"", "\"\\u00e9\"",
		"[]", "[1]", "[\"1\"]", "{}", "{\"a\":1}", "{\"a\":[1,{\"b\":null}]}",
		"{\"A\":1}", "9007199254740991", "0.1", "0.1000000000001", "1e300" };
	char value[16];

	reg_start("reg", KICK_UNIQUE);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		(void)snprintf(value, sizeof value, "%zu", i);
		if (reg_register("reg", keys[i], value, NULL) != 0)
			FAIL("%s is taken", keys[i]);
	}
	CHECK_INT(kick_registry_count("reg"), ARRAY_LEN(keys));
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		(void)snprintf(value, sizeof value, "[%zu]", i);
		LOOKUP("reg", keys[i], value);
	}
}

/* The order of members makes no other object. */
NODE_TEST(lib_registry, reg_02_equal_keys_are_one)
{
	reg_start("reg", KICK_UNIQUE);
	CHECK_INT(reg_register("reg", "{\"a\":1,\"b\":[{\"c\":2,\"d\":3}]}", "1", NULL),
		0);
	LOOKUP("reg", " { \"b\" : [ { \"d\":3.0, \"c\":2 } ] , \"a\" : 1 } ", "[1]");
	HOLDER("reg", "{\"b\":[{\"d\":3,\"c\":2}],\"a\":1}", "2", -EEXIST, kick_self());
	CHECK_INT(reg_register("reg", "[1,2]", "1", NULL), 0);
	CHECK_INT(reg_register("reg", "[2,1]", "1", NULL), 0);
}

NODE_TEST(lib_registry, reg_02_a_dead_holder_is_replaced)
{
	reg_start("reg", KICK_UNIQUE);
	for (int i = 0; i < 40; i++) {
		kick_pid a = clerk();

		CHECK_INT(clerk_do(a, "register", "\"k\"", "1"), 0);
		CHECK_INT(kick_exit(a, "kill"), 0);
		node_gone(a);
		CHECK_INT(reg_register("reg", "\"k\"", "2", NULL), 0);
		LOOKUP("reg", "\"k\"", "[2]");
		CHECK_INT(kick_registry_count("reg"), 1);
		CHECK_INT(reg_unregister("reg", "\"k\""), 0);
	}
}

NODE_TEST(lib_registry, reg_02_what_is_refused_leaves_nothing)
{
	kick_pid a = clerk(), pid;

	reg_start("reg", KICK_UNIQUE);
	CHECK_INT(kick_whereis("reg", &pid), 0);
	CHECK_INT(clerk_do(a, "register", "\"k\"", "1"), 0);
	CHECK_INT(kick_unlink(pid), 0);
	CHECK_INT(reg_my("links"), 0);
	for (int i = 0; i < 20; i++)
		CHECK_INT(reg_register("reg", "\"k\"", "2", NULL), -EEXIST);
	CHECK_INT(kick_registry_count("reg"), 1);
	/* The caller is linked to nothing by it. */
	CHECK_INT(reg_my("links"), 0);
	CHECK_INT(reg_my("monitors"), 0);
	EXPECT_SILENCE();
}

NODE_TEST(lib_registry, reg_03_a_duplicate_one_takes_many)
{
	kick_pid a = clerk(), b = clerk();

	reg_start("reg", KICK_DUPLICATE);
	CHECK_INT(reg_register("reg", "\"k\"", "1", NULL), 0);
	CHECK_INT(clerk_do(a, "register", "\"k\"", "2"), 0);
	CHECK_INT(reg_register("reg", "\"k\"", "3", NULL), 0);
	CHECK_INT(clerk_do(b, "register", "\"k\"", "4"), 0);
	CHECK_INT(clerk_do(b, "register", "\"l\"", "5"), 0);
	CHECK_INT(reg_register("reg", "\"k\"", "1", NULL), 0);
	LOOKUP("reg", "\"k\"", "[1,2,3,4,1]");
	LOOKUP("reg", "\"l\"", "[5]");
	LOOKUP("reg", "\"m\"", "[]");
	CHECK_INT(kick_registry_count("reg"), 6);
	VALUES("reg", "\"k\"", kick_self(), "[1,3,1]");
	VALUES("reg", "\"k\"", a, "[2]");
	VALUES("reg", "\"l\"", a, "[]");
	KEYS("reg", b, "[\"k\",\"l\"]");
	KEYS("reg", kick_self(), "[\"k\",\"k\",\"k\"]");
	KEYS("reg", NOBODY, "[]");
}

NODE_TEST(lib_registry, reg_04_unregister_removes_one_s_own)
{
	kick_pid a = clerk();

	reg_start("reg", KICK_DUPLICATE);
	CHECK_INT(reg_register("reg", "\"k\"", "1", NULL), 0);
	CHECK_INT(clerk_do(a, "register", "\"k\"", "2"), 0);
	CHECK_INT(reg_register("reg", "\"k\"", "3", NULL), 0);
	CHECK_INT(reg_register("reg", "\"l\"", "4", NULL), 0);
	CHECK_INT(reg_unregister("reg", "\"k\""), 0);
	LOOKUP("reg", "\"k\"", "[2]");
	LOOKUP("reg", "\"l\"", "[4]");
	KEYS("reg", kick_self(), "[\"l\"]");
	CHECK_INT(reg_unregister("reg", "\"k\""), 0);
	CHECK_INT(reg_unregister("reg", "\"absent\""), 0);
	LOOKUP("reg", "\"k\"", "[2]");
	CHECK_INT(kick_registry_count("reg"), 2);
}

NODE_TEST(lib_registry, reg_04_unregister_of_a_unique_key)
{
	kick_pid a = clerk();

	reg_start("reg", KICK_UNIQUE);
	CHECK_INT(clerk_do(a, "register", "\"k\"", "1"), 0);
	CHECK_INT(reg_unregister("reg", "\"k\""), 0);
	LOOKUP("reg", "\"k\"", "[1]");
	CHECK_INT(clerk_do(a, "unregister", "\"k\"", NULL), 0);
	LOOKUP("reg", "\"k\"", "[]");
	CHECK_INT(reg_register("reg", "\"k\"", "2", NULL), 0);
	HOLDER("reg", "\"k\"", "3", -EEXIST, kick_self());
}

NODE_TEST(lib_registry, reg_05_entries_go_with_their_process)
{
	kick_pid a = clerk(), b = clerk();

	reg_start("reg", KICK_DUPLICATE);
	CHECK_INT(clerk_do(b, "register", "\"k\"", "0"), 0);
	for (int i = 0; i < 10; i++)
		CHECK_INT(clerk_do(a, "register", i % 2 ? "\"k\"" : "\"l\"", "1"), 0);
	CHECK_INT(kick_registry_count("reg"), 11);
	CHECK_INT(kick_exit(a, "kill"), 0);
	reg_await_count("reg", 1);
	LOOKUP("reg", "\"k\"", "[0]");
	LOOKUP("reg", "\"l\"", "[]");
	KEYS("reg", a, "[]");
	CHECK_INT(clerk_do(b, "return", NULL, NULL), 0);
	reg_await_count("reg", 0);
}

NODE_TEST(lib_registry, reg_05_a_dead_one_is_nobody_at_once)
{
	cJSON *key = cJSON_CreateString("k");
	kick_pid pid;

	reg_start("reg", KICK_UNIQUE);
	for (int i = 0; i < 40; i++) {
		kick_pid a = clerk();

		CHECK_INT(clerk_do(a, "register", "\"k\"", "1"), 0);
		CHECK_INT(kick_resolve(kick_via("reg", key), &pid), 0);
		CHECK_PID(pid, a);
		CHECK_INT(kick_exit(a, "kill"), 0);
		node_gone(a);
		CHECK_INT(kick_resolve(kick_via("reg", key), &pid), -ESRCH);
		CHECK_INT(kick_call(kick_via("reg", key), key, CALL_MS, NULL, NULL),
			-ESRCH);
	}
	cJSON_Delete(key);
}

/* --- listeners ---------------------------------------------------------------------
 */

static void expect_note(const char *file, int line, const char *what, const char *key,
	kick_pid pid, const char *value)
{
	kick_message *m = node_take(file, line, what, match_plain, NULL);
	cJSON *got = cJSON_DetachItemFromArray(m->value, 3);
	char want[200], *text = cJSON_PrintUnformatted(m->value);

	(void)snprintf(want, sizeof want, "[\"%s\",\"reg\",%s%s%s]", what, key,
		value ? "," : "", value ? value : "");
	node_check_text(file, line, "the note", text, want);
	node_check_pid(file, line, "its process", kick_pid_from_json(got), pid);
	free(text);
	cJSON_Delete(got);
	kick_message_free(m);
}
#define NOTE(what, key, pid, value) \
	expect_note(__FILE__, __LINE__, (what), (key), (pid), (value))

NODE_TEST(lib_registry, reg_06_listeners_are_told_of_calls)
{
	static const char *const listeners[] = { "nobody", "listener" };
	kick_pid a = clerk(), pid;

	CHECK_INT(kick_register("listener"), 0);
	for (int keys = KICK_UNIQUE; keys <= KICK_DUPLICATE; keys++) {
		CHECK_INT(kick_registry_start_link("reg", (kick_registry_keys)keys,
				  listeners, 2, &pid, NULL),
			0);
		CHECK_INT(clerk_do(a, "register", "{\"k\":1}", "[2]"), 0);
		NOTE("register", "{\"k\":1}", a, "[2]");
		CHECK_INT(reg_register("reg", "\"mine\"", NULL, NULL), 0);
		NOTE("register", "\"mine\"", kick_self(), "null");
		if (keys == KICK_UNIQUE) {
			CHECK_INT(reg_register("reg", "\"mine\"", "1", NULL), -EEXIST);
			EXPECT_SILENCE();
		}
		CHECK_INT(clerk_do(a, "unregister", "{\"k\":1}", NULL), 0);
		NOTE("unregister", "{\"k\":1}", a, NULL);
		/* Also of what was not there. */
		CHECK_INT(clerk_do(a, "unregister", "{\"k\":1}", NULL), 0);
		NOTE("unregister", "{\"k\":1}", a, NULL);
		CHECK_INT(reg_unregister("reg", "\"mine\""), 0);
		NOTE("unregister", "\"mine\"", kick_self(), NULL);
		reg_stop("reg");
		EXPECT_SILENCE();
	}
}

NODE_TEST(lib_registry, reg_06_listeners_are_not_told_of_deaths)
{
	static const char *const listeners[] = { "listener" };
	kick_pid a = clerk(), pid;

	CHECK_INT(kick_register("listener"), 0);
	CHECK_INT(
		kick_registry_start_link("reg", KICK_UNIQUE, listeners, 1, &pid, NULL),
		0);
	CHECK_INT(clerk_do(a, "register", "\"k\"", "1"), 0);
	NOTE("register", "\"k\"", a, "1");
	CHECK_INT(kick_exit(a, "kill"), 0);
	reg_await_count("reg", 0);
	EXPECT_SILENCE();
}

static void listen_and_stop(void *unused)
{
	(void)unused;
	CHECK_INT(kick_register("listener"), 0);
	send_text(reg_tester, "listening");
	idle_pausing(NULL);
}

/* It never looks for a message. */
NODE_TEST(lib_registry, reg_06_a_deaf_listener_does_not_hold_up_the_registry)
{
	static const char *const listeners[] = { "listener" };
	char *text = malloc((1 << 16) + 3);
	kick_pid pid, deaf;

	CHECK(text);
	memset(text, 'x', (1 << 16) + 2);
	text[0] = text[(1 << 16) + 1] = '"';
	text[(1 << 16) + 2] = '\0';
	reg_tester = kick_self();
	CHECK_INT(kick_spawn(listen_and_stop, NULL, &deaf), 0);
	EXPECT_TEXT("listening");
	CHECK_INT(
		kick_registry_start_link("reg", KICK_UNIQUE, listeners, 1, &pid, NULL),
		0);
	for (int i = 0; i < 100; i++) {
		CHECK_INT(reg_register("reg", "\"k\"", text, NULL), 0);
		CHECK_INT(reg_unregister("reg", "\"k\""), 0);
	}
	CHECK_INT(kick_registry_count("reg"), 0);
	free(text);
}

/* --- dispatch ----------------------------------------------------------------------
 */

NODE_TEST(lib_registry, reg_07_dispatch_calls_back_for_each_entry)
{
	cJSON *key = cJSON_CreateString("k"), *other = cJSON_CreateString("l");
	cJSON *noted = cJSON_CreateArray();
	kick_pid a = clerk();

	reg_start("reg", KICK_DUPLICATE);
	CHECK_INT(reg_register("reg", "\"k\"", "1", NULL), 0);
	CHECK_INT(clerk_do(a, "register", "\"k\"", "{\"x\":2}"), 0);
	CHECK_INT(reg_register("reg", "\"k\"", NULL, NULL), 0);
	CHECK_INT(kick_registry_dispatch("reg", other, reg_note, noted), 0);
	CHECK_INT(cJSON_GetArraySize(noted), 0);
	CHECK_INT(kick_registry_dispatch("reg", key, reg_note, noted), 0);
	JSON_IS(noted, "[1,{\"x\":2},null]");
	cJSON_Delete(noted);
	cJSON_Delete(key);
	cJSON_Delete(other);
}

/* Sends, and unregisters. */
static void act_on(kick_pid pid, const cJSON *value, void *user)
{
	CHECK_INT(kick_send(kick_to(pid), value), 0);
	CHECK_INT(reg_unregister("reg", user), 0);
}

NODE_TEST(lib_registry, reg_07_a_call_back_may_do_what_it_likes)
{
	static char text[] = "\"k\"";
	cJSON *key = cJSON_CreateString("k");

	reg_start("reg", KICK_DUPLICATE);
	CHECK_INT(reg_register("reg", text, "\"one\"", NULL), 0);
	CHECK_INT(reg_register("reg", text, "\"two\"", NULL), 0);
	CHECK_INT(kick_registry_dispatch("reg", key, act_on, text), 0);
	EXPECT_TEXT("one");
	EXPECT_TEXT("two");
	CHECK_INT(kick_registry_count("reg"), 0);
	cJSON_Delete(key);
	EXPECT_SILENCE();
}

/* --- via ---------------------------------------------------------------------------
 */

NODE_TEST(lib_registry, reg_08_a_key_stands_where_a_name_may)
{
	cJSON *key = cJSON_Parse("{\"room\":7}");
	const kick_start_options o = { .registry = "reg", .key = key };
	kick_pid a, b = NOBODY, found;
	char answer[64] = "";
	kick_reason why;

	srv_tester = kick_self();
	reg_start("reg", KICK_UNIQUE);
	CHECK_INT(srv_start(NULL, &o, false, &a, &why), 0);
	CHECK_INT(kick_resolve(kick_via("reg", key), &found), 0);
	CHECK_PID(found, a);
	CHECK_INT(srv_start(NULL, &o, false, &b, &why), -EEXIST);
	CHECK_PID(b, a);
	CHECK_INT(srv_start(NULL, &o, true, &b, &why), -EEXIST);
	CHECK_INT(srv_call(kick_via("reg", key), "count", CALL_MS, answer, &why), 0);
	CHECK_TEXT(answer, "1");
	CHECK_INT(kick_cast(kick_via("reg", key), key), 0);
	kick_message_free(TAKE(match_plain, NULL));
	CHECK_INT(kick_server_stop_call(kick_via("reg", key), "normal", CALL_MS, &why),
		0);
	EXPECT_TEXT("terminate normal");
	CHECK_INT(kick_resolve(kick_via("reg", key), &found), -ESRCH);
	/* The next one may have it at once. */
	CHECK_INT(srv_start(NULL, &o, false, &a, &why), 0);
	CHECK_INT(kick_send(kick_via("reg", key), key), 0);
	kick_message_free(TAKE(match_plain, NULL));
	cJSON_Delete(key);
	EXPECT_SILENCE();
}

NODE_TEST(lib_registry, reg_08_nobody_has_the_key)
{
	cJSON *key = cJSON_CreateString("k");
	kick_dest via = kick_via("reg", key);
	kick_pid pid;

	reg_start("reg", KICK_UNIQUE);
	CHECK_INT(kick_resolve(via, &pid), -ESRCH);
	CHECK_INT(kick_call(via, key, CALL_MS, NULL, NULL), -ESRCH);
	CHECK_INT(kick_send(via, key), -ESRCH);
	CHECK_INT(kick_send_nowait(via, key), -ESRCH);
	CHECK_INT(kick_cast(via, key), 0);
	CHECK_INT(kick_server_stop_call(via, "normal", CALL_MS, NULL), -ESRCH);
	CHECK_INT(kick_agent_stop(via, "normal", CALL_MS, NULL), -ESRCH);
	CHECK_INT(kick_cast(kick_via("unknown", key), key), 0);
	cJSON_Delete(key);
	EXPECT_SILENCE();
}

NODE_TEST(lib_registry, reg_08_not_of_a_duplicate_registry)
{
	cJSON *key = cJSON_CreateString("k");
	kick_pid pid = NOBODY;

	reg_start("reg", KICK_DUPLICATE);
	CHECK_INT(reg_register("reg", "\"k\"", "1", NULL), 0);
	CHECK_INT(kick_resolve(kick_via("reg", key), &pid), -EINVAL);
	CHECK_INT(kick_send(kick_via("reg", key), key), -EINVAL);
	CHECK_INT(kick_call(kick_via("reg", key), key, CALL_MS, NULL, NULL), -EINVAL);
	cJSON_Delete(key);
	EXPECT_SILENCE();
}

static cJSON *seven(cJSON *state, const cJSON *args)
{
	(void)state;
	(void)args;
	return cJSON_CreateNumber(7);
}

static int start_by_key(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	const kick_start_options o = { .registry = "reg", .key = args };

	return kick_agent_start_link(seven, NULL, &o, ret, why);
}

NODE_TEST(lib_registry, reg_08_what_is_restarted_is_found_again)
{
	cJSON *key = cJSON_CreateString("k");
	const kick_child_spec spec = { .id = "x", .start = start_by_key, .args = key };
	kick_supervisor_options often = KICK_SUPERVISOR_DEFAULTS;
	kick_pid sup, a, b;

	often.max_restarts = UINT32_MAX;
	reg_start("reg", KICK_UNIQUE);
	CHECK_INT(kick_supervisor_start_link(&often, &spec, 1, &sup, NULL), 0);
	for (int i = 0; i < 10; i++) {
		CHECK_INT(kick_resolve(kick_via("reg", key), &a), 0);
		CHECK_INT(kick_exit(a, "kill"), 0);
		node_gone(a);
		while (kick_resolve(kick_via("reg", key), &b) == -ESRCH)
			continue;
		CHECK(!kick_pid_equal(a, b));
	}
	CHECK_INT(kick_supervisor_stop(kick_to(sup)), 0);
	reg_await_count("reg", 0);
	cJSON_Delete(key);
	EXPECT_SILENCE();
}

/* --- links -------------------------------------------------------------------------
 */

NODE_TEST(lib_registry, reg_10_who_is_registered_goes_with_the_registry)
{
	kick_pid a = clerk(), b = clerk(), c = clerk(), reg;
	kick_ref ra, rb;

	reg = reg_start("reg", KICK_UNIQUE);
	CHECK_INT(clerk_do(a, "register", "\"a\"", "1"), 0);
	CHECK_INT(clerk_do(b, "trap", NULL, NULL), 0);
	CHECK_INT(clerk_do(b, "register", "\"b\"", "1"), 0);
	CHECK_INT(clerk_do(c, "register", "\"c\"", "1"), 0);
	CHECK_INT(clerk_do(c, "register", "\"d\"", "1"), 0);
	CHECK_INT(clerk_do(c, "unregister", "\"c\"", NULL), 0);
	CHECK_INT(clerk_do(c, "unregister", "\"d\"", NULL), 0);
	CHECK_INT(kick_monitor(a, &ra), 0);
	CHECK_INT(kick_monitor(b, &rb), 0);
	CHECK_INT(kick_exit(reg, "kill"), 0);
	EXPECT_DOWN(ra, a, "killed");
	/* One that traps exits is told; one that has no key any more is not. */
	CHECK_INT(clerk_do(b, "hear", "killed", NULL), 0);
	CHECK_INT(clerk_do(c, "quiet", NULL, NULL), 0);
	EXPECT_SILENCE();
}

NODE_TEST(lib_registry, reg_10_the_last_key_unlinks)
{
	kick_pid reg = reg_start("reg", KICK_DUPLICATE);

	CHECK_INT(reg_my("links"), 0);
	CHECK_INT(reg_register("reg", "\"k\"", "1", NULL), 0);
	CHECK_INT(reg_register("reg", "\"k\"", "2", NULL), 0);
	CHECK_INT(reg_register("reg", "\"l\"", "3", NULL), 0);
	CHECK_INT(reg_my("links"), 1);
	CHECK_INT(reg_unregister("reg", "\"l\""), 0);
	CHECK_INT(reg_unregister("reg", "\"absent\""), 0);
	CHECK_INT(reg_my("links"), 1);
	CHECK_INT(reg_unregister("reg", "\"k\""), 0);
	CHECK_INT(reg_my("links"), 0);
	CHECK_INT(kick_exit(reg, "kill"), 0);
	node_gone(reg);
	EXPECT_SILENCE();
}

/* Who started it is linked to it, with keys or without. */
NODE_TEST(lib_registry, reg_10_the_parent_stays_linked)
{
	kick_pid reg;

	CHECK_INT(kick_trap_exit(true), 0);
	CHECK_INT(kick_registry_start_link("reg", KICK_UNIQUE, NULL, 0, &reg, NULL), 0);
	CHECK_INT(reg_register("reg", "\"k\"", "1", NULL), 0);
	CHECK_INT(reg_unregister("reg", "\"k\""), 0);
	CHECK_INT(kick_exit(reg, "kill"), 0);
	EXPECT_EXIT(reg, "killed");
	EXPECT_SILENCE();
}

NODE_TEST(lib_registry, reg_10_nobody_s_end_ends_the_registry)
{
	static const char *const reasons[] = { "normal", "shutdown", "kaboom", "kill",
		"killed" };
	kick_pid reg = reg_start("reg", KICK_UNIQUE);

	for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
		kick_pid a = clerk();

		CHECK_INT(clerk_do(a, "register", "\"k\"", "1"), 0);
		CHECK_INT(clerk_do(a, "raise", reasons[i], NULL), 0);
		node_gone(a);
		reg_await_count("reg", 0);
		CHECK_INT(kick_alive(reg), 1);
	}
	EXPECT_SILENCE();
}
