/* libkick: the configuration of applications. The rule APP-9 of OTP. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/apptest.h"

TestSuite(lib_appenv, .timeout = 120, .init = make_trace);

/* "absent", or the value as JSON. */
static void check_env(int line, const char *name, const char *key, const char *want)
{
	cJSON *value = NULL;
	int r = kick_application_get_env(name, key, &value);
	char *text = value ? cJSON_PrintUnformatted(value) : NULL;

	CHECK_INT(r, value ? 0 : -ENOENT);
	node_check_text(__FILE__, line, key, text ? text : "absent", want);
	cJSON_free(text);
	cJSON_Delete(value);
}
#define ENV(name, key, want) check_env(__LINE__, (name), (key), (want))

static void set_env(const char *name, const char *key, const char *json)
{
	cJSON *value = json ? cJSON_Parse(json) : NULL;

	CHECK(value || !json);
	CHECK_INT(kick_application_set_env(name, key, value), 0);
	cJSON_Delete(value);
}

NODE_TEST(lib_appenv, app_09_set_then_the_environment_then_the_default)
{
	kick_application a = app("a", "top");

	ENV("a", "PORT", "absent");
	CHECK_INT(setenv("PORT", "4000", 1), 0);
	ENV("a", "PORT", "4000");
	a.env = cJSON_Parse("{\"PORT\":1,\"hosts\":[\"x\"],\"off\":null}");
	CHECK_INT(kick_application_start(&a, KICK_TEMPORARY, NULL), 0);
	ENV("a", "PORT", "4000");
	ENV("a", "hosts", "[\"x\"]");
	ENV("a", "off", "null");
	ENV("b", "hosts", "absent");
	set_env("a", "PORT", "[5000]");
	ENV("a", "PORT", "[5000]");
	ENV("b", "PORT", "4000");
	/* It stays when the application stops. */
	CHECK_INT(kick_application_stop("a"), 0);
	ENV("a", "PORT", "[5000]");
	ENV("a", "hosts", "[\"x\"]");
	set_env("a", "PORT", NULL);
	ENV("a", "PORT", "4000");
	CHECK_INT(unsetenv("PORT"), 0);
	ENV("a", "PORT", "1");
	/* Another start brings other defaults. */
	a.env = NULL;
	CHECK_INT(kick_application_start(&a, KICK_TEMPORARY, NULL), 0);
	ENV("a", "PORT", "absent");
}

NODE_TEST(lib_appenv, app_09_what_is_set_may_be_set_before_it_runs)
{
	set_env("a", "x", "{\"y\":false}");
	ENV("a", "x", "{\"y\":false}");
	start("a", KICK_TEMPORARY);
	ENV("a", "x", "{\"y\":false}");
	set_env("a", "never", NULL);
	ENV("a", "never", "absent");
}

NODE_TEST(lib_appenv, app_09_variables_have_types)
{
	static const struct {
		const char *text, *json;
	} rows[] = { { "0", "0" }, { "-1.5e3", "-1500" }, { "4000", "4000" },
		{ "true", "true" }, { "false", "false" }, { "null", "null" },
		{ "", "\"\"" }, { "007", "\"007\"" }, { "-", "\"-\"" },
		{ "+1", "\"+1\"" }, { "1.", "\"1.\"" }, { ".5", "\".5\"" },
		{ "1e", "\"1e\"" }, { "1e999", "\"1e999\"" }, { "0x10", "\"0x10\"" },
		{ " 1", "\" 1\"" }, { "1 ", "\"1 \"" }, { "TRUE", "\"TRUE\"" },
		{ "[1]", "\"[1]\"" }, { "nan", "\"nan\"" }, { "inf", "\"inf\"" } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CHECK_INT(setenv("KEY", rows[i].text, 1), 0);
		ENV("a", "KEY", rows[i].json);
		ENV(NULL, "KEY", rows[i].json);
	}
}

static void use_own(void)
{
	CHECK_TEXT(kick_application_name(), "a");
	ENV(NULL, "x", "1");
	CHECK_INT(kick_application_set_env(NULL, "z", NULL), 0);
	set_env(NULL, "x", "2");
	note("own");
}

static void use_in_child(void *unused)
{
	(void)unused;
	use_own();
}

static int start_and_use(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	kick_pid pid;
	kick_ref ref;

	(void)args;
	(void)why;
	CHECK_INT(kick_spawn_monitor(use_in_child, NULL, &pid, &ref), 0);
	EXPECT_DOWN(ref, pid, "normal");
	ENV(NULL, "x", "2");
	return kick_spawn_link(idle_receiving, NULL, ret);
}

NODE_TEST(lib_appenv, app_09_its_processes_need_not_say_whose_it_is)
{
	kick_application a = app("a", "top");
	cJSON *value;

	a.start = start_and_use;
	a.env = cJSON_Parse("{\"x\":1}");
	CHECK(!kick_application_name());
	CHECK_INT(kick_application_start(&a, KICK_TEMPORARY, NULL), 0);
	CHECK(!kick_application_name());
	ENV("a", "x", "2");
	ENV(NULL, "x", "absent");
	TRACE("own");
	CHECK_INT(kick_application_get_env("a", "", &value), -EINVAL);
	CHECK_INT(kick_application_get_env("a", NULL, &value), -EINVAL);
	CHECK_INT(kick_application_set_env(NULL, "x", NULL), -EINVAL);
	CHECK_INT(kick_application_set_env("a", NULL, NULL), -EINVAL);
}
