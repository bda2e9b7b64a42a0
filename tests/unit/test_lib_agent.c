/* libkick: Agent. The rules AGT of OTP. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/nodetest.h"

TestSuite(lib_agent, .timeout = 120);

enum {
	CALL_MS = NODE_PATIENCE_MS
};

static kick_pid tester;

/* --- what agents run ---------------------------------------------------------------
 */

/* The first state; may fail as its argument says. */
static cJSON *make(cJSON *state, const cJSON *args)
{
	const char *text = cJSON_GetStringValue(args);

	CHECK(!state);
	if (text && strncmp(text, "raise ", 6) == 0)
		kick_raise(text + 6);
	if (text && strcmp(text, "nothing") == 0)
		return NULL;
	if (text && strcmp(text, "never") == 0)
		idle_pausing(NULL);
	return cJSON_IsNull(args) ? cJSON_CreateNumber(0) : cJSON_Duplicate(args, true);
}

static cJSON *the_state(cJSON *state, const cJSON *args)
{
	(void)args;
	return state;
}

static cJSON *a_copy(cJSON *state, const cJSON *args)
{
	(void)args;
	return cJSON_Duplicate(state, true);
}

static cJSON *the_args(cJSON *state, const cJSON *args)
{
	(void)state;
	return cJSON_Duplicate(args, true);
}

static cJSON *os_pid(cJSON *state, const cJSON *args)
{
	(void)state;
	(void)args;
	return cJSON_CreateNumber(getpid());
}

static cJSON *plus(cJSON *state, const cJSON *args)
{
	return cJSON_CreateNumber(state->valuedouble + args->valuedouble);
}

/* In place. */
static cJSON *more(cJSON *state, const cJSON *args)
{
	(void)args;
	(void)cJSON_SetNumberHelper(state, state->valuedouble + 1);
	return state;
}

/* The old one is the answer. */
static cJSON *swap(cJSON *state, const cJSON *args)
{
	cJSON *both = cJSON_CreateArray();

	cJSON_AddItemToArray(both, cJSON_Duplicate(state, true));
	cJSON_AddItemToArray(both, cJSON_Duplicate(args, true));
	return both;
}

/* The old one itself is the answer, or the new state. */
static cJSON *pass_on(cJSON *state, const cJSON *args)
{
	cJSON *both = cJSON_CreateArray();

	if (cJSON_IsTrue(args))
		cJSON_AddItemToArray(both, state);
	cJSON_AddItemToArray(both, cJSON_CreateString("new"));
	if (!cJSON_IsTrue(args))
		cJSON_AddItemToArray(both, state);
	return both;
}

static cJSON *nothing(cJSON *state, const cJSON *args)
{
	(void)state;
	(void)args;
	return NULL;
}

static cJSON *crash(cJSON *state, const cJSON *args)
{
	const char *text = cJSON_GetStringValue(args);

	(void)state;
	if (strcmp(text, "SEGV") == 0) {
		(void)signal(SIGSEGV, SIG_DFL);
		(void)raise(SIGSEGV);
	}
	kick_raise(text);
}

/* Tells the tester, then waits for it. */
static cJSON *dawdle(cJSON *state, const cJSON *args)
{
	(void)args;
	send_text(tester, "dawdling");
	kick_message_free(TAKE(match_plain, NULL));
	return more(state, NULL);
}

static cJSON *ask_itself(cJSON *state, const cJSON *args)
{
	(void)state;
	(void)args;
	return cJSON_CreateNumber(kick_agent_get(
		kick_to(kick_self()), a_copy, NULL, CALL_MS, NULL, NULL));
}

/* --- what tests say ----------------------------------------------------------------
 */

static int start(bool link, const char *args, const kick_start_options *o,
	kick_pid *ret, kick_reason *why)
{
	cJSON *value = args ? cJSON_Parse(args) : NULL;
	int r;

	tester = kick_self();
	if (link) {
		r = kick_agent_start_link(make, value, o, ret, why);
	} else {
		r = kick_agent_start_link(make, value, o, ret, why);
		if (r == 0)
			CHECK_INT(kick_unlink(*ret), 0);
	}
	cJSON_Delete(value);
	return r;
}

/* Not linked. */
static kick_pid agent(const char *first)
{
	kick_pid pid;

	CHECK_INT(start(false, first, NULL, &pid, NULL), 0);
	return pid;
}

typedef int asking(kick_dest, kick_agent_function *, const cJSON *, int64_t, cJSON **,
	kick_reason *);

static void check_asked(const char *file, int line, asking *ask, kick_dest to,
	kick_agent_function *function, const char *args, const char *want)
{
	cJSON *value = args ? cJSON_Parse(args) : NULL, *answer = NULL;
	kick_reason why = { "" };
	int r = ask(to, function, value, CALL_MS, &answer, &why);
	char *text;

	if (r < 0)
		node_fail(file, line, "%d: %s", r, why.text);
	text = cJSON_PrintUnformatted(answer);
	node_check_text(file, line, "the answer", text, want);
	free(text);
	cJSON_Delete(answer);
	cJSON_Delete(value);
}
#define GETS(a, function, args, want) \
	check_asked(__FILE__, __LINE__, kick_agent_get, (a), (function), (args), (want))
#define GETS_AND_UPDATES(a, function, args, want)                                   \
	check_asked(__FILE__, __LINE__, kick_agent_get_and_update, (a), (function), \
		(args), (want))
#define STATE_IS(a, want) GETS(kick_to(a), a_copy, NULL, (want))

static int update(kick_dest a, kick_agent_function *function, const char *args,
	int64_t ms, kick_reason *why)
{
	cJSON *value = args ? cJSON_Parse(args) : NULL;
	int r = kick_agent_update(a, function, value, ms, why);

	cJSON_Delete(value);
	return r;
}

static int cast(kick_dest a, kick_agent_function *function, const char *args)
{
	cJSON *value = args ? cJSON_Parse(args) : NULL;
	int r = kick_agent_cast(a, function, value);

	cJSON_Delete(value);
	return r;
}

/* --- start -------------------------------------------------------------------------
 */

NODE_TEST(lib_agent, agt_01_the_first_state_is_made_in_the_agent)
{
	kick_pid a = agent("{\"x\":[1,2]}"), b = agent(NULL);

	STATE_IS(a, "{\"x\":[1,2]}");
	STATE_IS(b, "0");
	EXPECT_SILENCE();
}

NODE_TEST(lib_agent, agt_01_a_failed_start_says_why)
{
	static const struct {
		const char *args, *reason;
	} rows[] = {
		{ "\"raise kaboom\"", "kaboom" },
		{ "\"raise normal\"", "normal" },
		{ "\"raise shutdown\"", "shutdown" },
		{ "\"nothing\"", "bad_return_value" },
	};
	const kick_start_options named = { .name = "agent" };

	CHECK_INT(kick_trap_exit(true), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		kick_reason why = { "" };
		kick_pid pid = NOBODY;
		kick_message *m;

		CHECK_INT(start(true, rows[i].args, &named, &pid, &why), -ECANCELED);
		CHECK_TEXT(why.text, rows[i].reason);
		CHECK_INT(kick_whereis("agent", &pid), -ESRCH);
		m = TAKE(NULL, NULL);
		CHECK_INT(m->kind, KICK_EXIT);
		CHECK_TEXT(m->reason, rows[i].reason);
		kick_message_free(m);
		EXPECT_SILENCE();
	}
}

/* Unlinked first: its end is no news. */
NODE_TEST(lib_agent, agt_01_a_start_that_takes_too_long)
{
	const kick_start_options o = { .name = "agent", .timeout_ms = 50 };
	kick_pid pid = NOBODY;

	CHECK_INT(kick_trap_exit(true), 0);
	CHECK_INT(start(true, "\"never\"", &o, &pid, NULL), -ETIMEDOUT);
	CHECK_INT(kick_alive(pid), 0);
	CHECK_INT(start(true, "1", &o, &pid, NULL), 0);
	STATE_IS(pid, "1");
	EXPECT_SILENCE();
}

NODE_TEST(lib_agent, agt_01_names)
{
	const kick_start_options o = { .name = "agent" };
	kick_pid a, b = NOBODY, found;
	kick_reason why;

	CHECK_INT(start(true, "1", &o, &a, &why), 0);
	CHECK_INT(kick_whereis("agent", &found), 0);
	CHECK_PID(found, a);
	CHECK_INT(start(true, "2", &o, &b, &why), -EEXIST);
	CHECK_PID(b, a);
	GETS(kick_to_name("agent"), a_copy, NULL, "1");
	CHECK_INT(update(kick_to_name("agent"), plus, "2", CALL_MS, NULL), 0);
	CHECK_INT(cast(kick_to_name("agent"), plus, "4"), 0);
	GETS_AND_UPDATES(kick_to_name("agent"), swap, "0", "7");
	CHECK_INT(kick_agent_stop(kick_to_name("agent"), "normal", CALL_MS, &why), 0);
	CHECK_INT(kick_whereis("agent", &found), -ESRCH);
	EXPECT_SILENCE();
}

NODE_TEST(lib_agent, agt_01_it_is_linked)
{
	kick_pid a;

	CHECK_INT(kick_trap_exit(true), 0);
	CHECK_INT(start(true, "1", NULL, &a, NULL), 0);
	CHECK_INT(kick_exit(a, "kaboom"), 0);
	EXPECT_EXIT(a, "kaboom");
	EXPECT_SILENCE();
}

NODE_TEST(lib_agent, agt_01_bad_input_is_refused)
{
	kick_pid a = agent("1");

	CHECK_INT(kick_agent_start_link(NULL, NULL, NULL, &a, NULL), -EINVAL);
	CHECK_INT(kick_agent_get(kick_to(a), NULL, NULL, CALL_MS, NULL, NULL), -EINVAL);
	CHECK_INT(kick_agent_update(kick_to(a), NULL, NULL, CALL_MS, NULL), -EINVAL);
	CHECK_INT(
		kick_agent_get_and_update(kick_to(a), NULL, NULL, CALL_MS, NULL, NULL),
		-EINVAL);
	CHECK_INT(kick_agent_cast(kick_to(a), NULL, NULL), -EINVAL);
	STATE_IS(a, "1");
}

/* --- get, update -------------------------------------------------------------------
 */

NODE_TEST(lib_agent, agt_02_functions_run_in_the_agent)
{
	kick_pid a = agent("1");
	cJSON *answer = NULL;

	CHECK_INT(kick_agent_get(kick_to(a), os_pid, NULL, CALL_MS, &answer, NULL), 0);
	CHECK(answer->valueint > 1 && answer->valueint != getpid());
	cJSON_Delete(answer);
	GETS(kick_to(a), the_args, "{\"a\":[null,\"x\"]}", "{\"a\":[null,\"x\"]}");
	GETS(kick_to(a), the_args, NULL, "null");
	GETS(kick_to(a), ask_itself, NULL, "-35"); /* -EDEADLK */
	CHECK_INT(kick_agent_get(kick_to(a), a_copy, NULL, CALL_MS, NULL, NULL), 0);
	STATE_IS(a, "1");
}

NODE_TEST(lib_agent, agt_02_update_makes_the_new_state)
{
	kick_pid a = agent("1");

	CHECK_INT(update(kick_to(a), plus, "2", CALL_MS, NULL), 0);
	STATE_IS(a, "3");
	CHECK_INT(update(kick_to(a), more, NULL, CALL_MS, NULL), 0);
	STATE_IS(a, "4");
	CHECK_INT(update(kick_to(a), the_args, "[1,{\"x\":2}]", CALL_MS, NULL), 0);
	STATE_IS(a, "[1,{\"x\":2}]");
	CHECK_INT(update(kick_to(a), the_state, NULL, CALL_MS, NULL), 0);
	STATE_IS(a, "[1,{\"x\":2}]");
}

NODE_TEST(lib_agent, agt_02_get_may_return_the_state_itself)
{
	kick_pid a = agent("{\"x\":[1,2]}");

	for (int i = 0; i < 3; i++)
		GETS(kick_to(a), the_state, NULL, "{\"x\":[1,2]}");
	STATE_IS(a, "{\"x\":[1,2]}");
}

NODE_TEST(lib_agent, agt_02_get_and_update_does_both)
{
	kick_pid a = agent("1");

	GETS_AND_UPDATES(kick_to(a), swap, "[2]", "1");
	GETS_AND_UPDATES(kick_to(a), swap, "{}", "[2]");
	STATE_IS(a, "{}");
	GETS_AND_UPDATES(kick_to(a), pass_on, "true", "{}");
	STATE_IS(a, "\"new\"");
	GETS_AND_UPDATES(kick_to(a), pass_on, "false", "\"new\"");
	STATE_IS(a, "\"new\"");
}

/* Each of what a get_and_update may wrongly return, by its argument. */
NODE_TEST(lib_agent, agt_02_a_bad_return_value_ends_the_agent)
{
	static const char *const bad[] = { "1", "null", "[]", "[1]", "[1,2,3]",
		"{\"a\":1,\"b\":2}", "\"xy\"" };
	kick_reason why;
	kick_ref ref;
	kick_pid a;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		cJSON *args = cJSON_Parse(bad[i]);

		a = agent("1");
		CHECK_INT(kick_monitor(a, &ref), 0);
		CHECK_INT(kick_agent_get_and_update(
				  kick_to(a), the_args, args, CALL_MS, NULL, &why),
			-ECONNRESET);
		CHECK_TEXT(why.text, "bad_return_value");
		EXPECT_DOWN(ref, a, "bad_return_value");
		cJSON_Delete(args);
	}
	a = agent("1");
	CHECK_INT(kick_agent_get(kick_to(a), nothing, NULL, CALL_MS, NULL, &why),
		-ECONNRESET);
	CHECK_TEXT(why.text, "bad_return_value");
	a = agent("1");
	CHECK_INT(update(kick_to(a), nothing, NULL, CALL_MS, &why), -ECONNRESET);
	CHECK_TEXT(why.text, "bad_return_value");
	a = agent("1");
	CHECK_INT(kick_monitor(a, &ref), 0);
	CHECK_INT(cast(kick_to(a), nothing, NULL), 0);
	EXPECT_DOWN(ref, a, "bad_return_value");
	EXPECT_SILENCE();
}

static void add_a_hundred(void *pid)
{
	for (int i = 0; i < 50; i++) {
		CHECK_INT(
			update(kick_to(*(kick_pid *)pid), plus, "1", CALL_MS, NULL), 0);
		CHECK_INT(cast(kick_to(*(kick_pid *)pid), more, NULL), 0);
	}
	/* After the casts. */
	CHECK_INT(update(kick_to(*(kick_pid *)pid), plus, "0", CALL_MS, NULL), 0);
}

NODE_TEST(lib_agent, agt_02_one_at_a_time)
{
	kick_pid a = agent("0"), callers[8];
	kick_ref refs[8];

	for (int i = 0; i < 8; i++)
		CHECK_INT(kick_spawn_monitor(add_a_hundred, &a, &callers[i], &refs[i]),
			0);
	for (int i = 0; i < 8; i++)
		EXPECT_DOWN(refs[i], callers[i], "normal");
	STATE_IS(a, "800");
}

NODE_TEST(lib_agent, agt_02_a_large_state)
{
	size_t n = 20 << 20;
	char *text = malloc(n + 1);
	cJSON *value, *answer = NULL;
	kick_pid a = agent("0");

	CHECK(text);
	memset(text, 'y', n);
	text[n] = '\0';
	value = cJSON_CreateString(text);
	CHECK_INT(kick_agent_update(kick_to(a), the_args, value, CALL_MS, NULL), 0);
	CHECK_INT(
		kick_agent_get(kick_to(a), the_state, NULL, CALL_MS, &answer, NULL), 0);
	CHECK(strcmp(cJSON_GetStringValue(answer), text) == 0);
	cJSON_Delete(answer);
	cJSON_Delete(value);
	free(text);
}

/* --- ends --------------------------------------------------------------------------
 */

NODE_TEST(lib_agent, agt_03_a_raise_ends_the_agent_and_is_told)
{
	static const struct {
		const char *args, *reason;
	} rows[] = {
		{ "\"kaboom\"", "kaboom" },
		{ "\"normal\"", "normal" },
		{ "\"shutdown:x\"", "shutdown:x" },
		{ "\"SEGV\"", "signal:SIGSEGV" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cJSON *args = cJSON_Parse(rows[i].args);
		kick_reason why = { "" };
		kick_pid a = agent("1");
		kick_ref ref;

		CHECK_INT(kick_agent_get(kick_to(a), crash, args, CALL_MS, NULL, &why),
			-ECONNRESET);
		CHECK_TEXT(why.text, rows[i].reason);
		a = agent("1");
		CHECK_INT(kick_agent_update(kick_to(a), crash, args, CALL_MS, &why),
			-ECONNRESET);
		CHECK_TEXT(why.text, rows[i].reason);
		a = agent("1");
		CHECK_INT(kick_monitor(a, &ref), 0);
		CHECK_INT(kick_agent_cast(kick_to(a), crash, args), 0);
		EXPECT_DOWN(ref, a, rows[i].reason);
		cJSON_Delete(args);
	}
	EXPECT_SILENCE();
}

static pid_t os_pid_of(kick_pid a)
{
	cJSON *answer = NULL;
	pid_t os;

	CHECK_INT(kick_agent_get(kick_to(a), os_pid, NULL, CALL_MS, &answer, NULL), 0);
	os = answer->valueint;
	cJSON_Delete(answer);
	return os;
}

/* A signal to another process takes effect in a moment, of which nobody is told: the
 * node is asked until it sees it. */
static void freeze(kick_pid a, pid_t os)
{
	bool frozen = false;

	CHECK_INT(kill(os, SIGSTOP), 0);
	while (!frozen) {
		cJSON *info = kick_info(a);
		const char *state =
			cJSON_GetStringValue(cJSON_GetObjectItem(info, "state"));

		CHECK(state);
		frozen = strcmp(state, "suspended") == 0;
		cJSON_Delete(info);
	}
}

/* For what changes nothing: whoever else asks may be served before. */
static void ask_a_stopped_one(void *pid)
{
	kick_reason why = { "" };

	send_text(tester, "asking");
	CHECK_INT(update(kick_to(*(kick_pid *)pid), plus, "0", KICK_INFINITY, &why),
		-ECONNRESET);
	CHECK_TEXT(why.text, "killed");
	send_text(tester, "told");
}

NODE_TEST(lib_agent, agt_03_killed_before_and_while_it_is_asked)
{
	kick_pid a = agent("1"), caller;
	pid_t os = os_pid_of(a);

	freeze(a, os);
	CHECK_INT(kick_spawn(ask_a_stopped_one, &a, &caller), 0);
	EXPECT_TEXT("asking");
	CHECK_INT(update(kick_to(a), plus, "1", 20, NULL), -ETIMEDOUT);
	CHECK_INT(kill(os, SIGKILL), 0);
	EXPECT_TEXT("told");
	CHECK_INT(update(kick_to(a), plus, "1", CALL_MS, NULL), -ESRCH);
	/* A caller that dies while it asks is nothing to the agent. */
	a = agent("1");
	os = os_pid_of(a);
	freeze(a, os);
	CHECK_INT(kick_spawn(ask_a_stopped_one, &a, &caller), 0);
	EXPECT_TEXT("asking");
	CHECK_INT(kick_exit(caller, "kill"), 0);
	node_gone(caller);
	CHECK_INT(kill(os, SIGCONT), 0);
	CHECK_INT(update(kick_to(a), the_args, "5", CALL_MS, NULL), 0);
	STATE_IS(a, "5");
}

NODE_TEST(lib_agent, agt_04_after_a_time_out_it_finishes_its_work)
{
	kick_pid a = agent("1");

	CHECK_INT(update(kick_to(a), dawdle, NULL, 0, NULL), -ETIMEDOUT);
	CHECK_INT(kick_agent_get(kick_to(a), a_copy, NULL, 20, NULL, NULL), -ETIMEDOUT);
	EXPECT_TEXT("dawdling");
	send_text(a, "go on");
	STATE_IS(a, "2");
	/* The late answers are dropped. */
	EXPECT_SILENCE();
}

NODE_TEST(lib_agent, agt_05_cast_is_always_fine)
{
	kick_pid a = agent("1");

	CHECK_INT(cast(kick_to(a), plus, "2"), 0);
	STATE_IS(a, "3");
	CHECK_INT(kick_agent_stop(kick_to(a), "normal", CALL_MS, NULL), 0);
	CHECK_INT(cast(kick_to(a), plus, "2"), 0);
	CHECK_INT(cast(kick_to_name("nobody"), plus, "2"), 0);
	EXPECT_SILENCE();
}

NODE_TEST(lib_agent, agt_05_stop_waits_for_the_end)
{
	static const char *const reasons[] = { "normal", "shutdown", "kaboom" };
	kick_reason why = { "" };

	for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
		kick_pid a = agent("1");
		kick_ref ref;

		CHECK_INT(kick_monitor(a, &ref), 0);
		CHECK_INT(kick_agent_stop(kick_to(a), reasons[i], KICK_INFINITY, &why),
			0);
		CHECK_INT(kick_alive(a), 0);
		EXPECT_DOWN(ref, a, reasons[i]);
		CHECK_INT(
			kick_agent_stop(kick_to(a), reasons[i], CALL_MS, &why), -ESRCH);
		CHECK_INT(kick_agent_get(kick_to(a), a_copy, NULL, CALL_MS, NULL, &why),
			-ESRCH);
		CHECK_INT(update(kick_to(a), plus, "1", CALL_MS, &why), -ESRCH);
	}
	EXPECT_SILENCE();
}

NODE_TEST(lib_agent, agt_05_stop_does_not_wait_longer_than_told)
{
	kick_pid a = agent("1");

	CHECK_INT(cast(kick_to(a), dawdle, NULL), 0);
	EXPECT_TEXT("dawdling");
	CHECK_INT(kick_agent_stop(kick_to(a), "normal", 20, NULL), -ETIMEDOUT);
	CHECK_INT(kick_alive(a), 1);
	/* It goes on stopping. */
	send_text(a, "go on");
	node_gone(a);
	EXPECT_SILENCE();
}

static int start_one(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	const kick_start_options o = { .name = "supervised" };

	return kick_agent_start_link(make, args, &o, ret, why);
}

NODE_TEST(lib_agent, agt_05_an_agent_can_be_supervised)
{
	const kick_child_spec spec = { .id = "agent", .start = start_one };
	kick_pid sup, a, b;

	CHECK_INT(kick_supervisor_start_link(NULL, &spec, 1, &sup, NULL), 0);
	CHECK_INT(kick_whereis("supervised", &a), 0);
	CHECK_INT(update(kick_to(a), plus, "7", CALL_MS, NULL), 0);
	STATE_IS(a, "7");
	CHECK_INT(kick_exit(a, "kill"), 0);
	node_gone(a);
	while (kick_whereis("supervised", &b) < 0)
		continue;
	/* It begins anew. */
	GETS(kick_to_name("supervised"), a_copy, NULL, "0");
	CHECK_INT(kick_supervisor_stop(kick_to(sup)), 0);
	EXPECT_SILENCE();
}

/* --- not what an agent expects -----------------------------------------------------
 */

NODE_TEST(lib_agent, what_others_send_is_no_trouble)
{
	static const char *const texts[] = { "1", "null", "[]", "{}", "\"get\"",
		"[\"get\"]", "[\"get\",\"0x1\",1]", "[\"update\",null,null]",
		"{\"get\":\"0x10\"}", "{\"function\":\"0x10\",\"verb\":\"get\"}" };
	kick_pid a = agent("1");
	cJSON *answer = NULL;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		cJSON *value = cJSON_Parse(texts[i]);
		int r;

		CHECK_INT(kick_send(kick_to(a), value), 0);
		CHECK_INT(kick_cast(kick_to(a), value), 0);
		r = kick_call(kick_to(a), value, CALL_MS, &answer, NULL);
		if (r < 0)
			FAIL("the agent is gone after %s", texts[i]);
		cJSON_Delete(answer);
		cJSON_Delete(value);
	}
	STATE_IS(a, "1");
}
