/* ${VAR}, environments, and env files. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/macro.h"
#include "config/expand.h"

static void make_env(struct env *e)
{
	env_init(e);
	cr_assert_eq(env_set(e, "A", "one"), 0);
	cr_assert_eq(env_set(e, "EMPTY", ""), 0);
	cr_assert_eq(env_set(e, "AB", "${A}"), 0);
}

Test(expand, good_texts_are_expanded, .timeout = 5)
{
	static const struct {
		const char *text, *wanted;
	} rows[] = {
		{ "", "" },
		{ "plain", "plain" },
		{ "${A}", "one" },
		{ "x${A}y${A}z", "xoneyonez" },
		{ "${AB}", "${A}" },
		{ "$$", "$" },
		{ "$${A}", "${A}" },
		{ "$$${A}$$", "$one$" },
		{ "${NONE:-}", "" },
		{ "${NONE:-d}", "d" },
		{ "${A:-d}", "one" },
		{ "${EMPTY}", "" },
		{ "${EMPTY:-d}", "d" },
		{ "${NONE:-a:-b}", "a:-b" },
		{ "${NONE:-${A}}", "one" },
		{ "${NONE:-<${ALSO:-${A}$$}>}}", "<one$>}" },
		{ "${A:-${NONE}}", "one" },
		{ "{A} } {", "{A} } {" },
	};
	struct env env;

	make_env(&env);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf out;
		struct err err;

		buf_init(&out, 0);
		cr_expect(expand_check(rows[i].text, &err), "row: %s", rows[i].text);
		cr_expect_eq(expand(rows[i].text, &env, &out, &err), 0, "row: %s",
			rows[i].text);
		cr_expect_str_eq(
			buf_text(&out), rows[i].wanted, "row: %s", rows[i].text);
		buf_done(&out);
	}
	env_done(&env);
}

Test(expand, malformed_texts_are_refused_with_a_reason, .timeout = 5)
{
	static const struct {
		const char *text, *reason;
	} rows[] = {
		{ "$",
			"\"$\" must be followed by \"{NAME}\"; a dollar itself is "
			"\"$$\"" },
		{ "a$b",
			"\"$\" must be followed by \"{NAME}\"; a dollar itself is "
			"\"$$\"" },
		{ "${", "\"${\" without \"}\"" },
		{ "${A", "\"${\" without \"}\"" },
		{ "${}", "\"${\" must be followed by a name" },
		{ "${1}", "\"${\" must be followed by a name" },
		{ "${A-b}", "\"${A\" must be followed by \"}\" or \":-\"" },
		{ "${A:b}", "\"${A\" must be followed by \"}\" or \":-\"" },
		{ "${NONE:-$}",
			"\"$\" must be followed by \"{NAME}\"; a dollar itself is "
			"\"$$\"" },
	};
	struct env env;

	make_env(&env);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf out;
		struct err err;

		buf_init(&out, 0);
		cr_expect_not(
			expand_check(rows[i].text, &err), "row: %s", rows[i].text);
		cr_expect_str_eq(err.text, rows[i].reason, "row: %s", rows[i].text);
		cr_expect_eq(expand(rows[i].text, &env, &out, &err), -EINVAL, "row: %s",
			rows[i].text);
		buf_done(&out);
	}
	env_done(&env);
}

Test(expand, a_variable_that_is_not_set_is_named, .timeout = 5)
{
	struct buf out;
	struct env env;
	struct err err;

	make_env(&env);
	buf_init(&out, 0);
	cr_expect(expand_check("${PORT}", &err));
	cr_expect_eq(expand("${PORT}", &env, &out, &err), -EINVAL);
	cr_expect_str_eq(err.text, "${PORT} is not set and has no default");
	buf_done(&out);
	env_done(&env);
}

Test(expand, defaults_within_defaults_have_a_limit, .timeout = 5)
{
	struct buf text;
	struct err err;

	buf_init(&text, 0);
	for (int i = 0; i < 10000; i++)
		buf_adds(&text, "${X:-");
	for (int i = 0; i < 10000; i++)
		buf_addc(&text, '}');
	cr_expect_not(expand_check(buf_text(&text), &err));
	cr_expect_str_eq(err.text, "defaults are nested too deeply");
	buf_done(&text);
}

Test(expand, an_environment_sets_replaces_and_removes, .timeout = 5)
{
	struct env env;

	make_env(&env);
	cr_assert_eq(env.n, 3);
	cr_expect_eq(env.bytes, sizeof "A=one" + sizeof "EMPTY=" + sizeof "AB=${A}");
	cr_expect_eq(env_set(&env, "A", "two"), 0);
	cr_expect_eq(env.n, 3);
	cr_expect_str_eq(env_get(&env, "A"), "two");
	cr_expect_str_eq(env.at[0], "A=two");
	cr_expect_null(env_get(&env, "EMP"));
	env_unset(&env, "A");
	env_unset(&env, "NONE");
	cr_expect_null(env_get(&env, "A"));
	cr_expect_eq(env.n, 2);
	cr_expect_null(env.at[2]);
	cr_expect_eq(env.bytes, sizeof "EMPTY=" + sizeof "AB=${A}");
	env_done(&env);
}

Test(expand, an_environment_is_bounded, .timeout = 20)
{
	static char big[KICK_ENV_BYTES_MAX + 1];
	struct env env;
	char key[20];

	env_init(&env);
	for (int i = 0; i < KICK_ENV_MAX; i++) {
		(void)snprintf(key, sizeof key, "K%d", i);
		cr_assert_eq(env_set(&env, key, ""), 0);
	}
	cr_expect_eq(env_set(&env, "ONE_MORE", ""), -E2BIG);
	cr_expect_eq(env_set(&env, "K7", "x"), 0);
	memset(big, 'x', sizeof big - 1);
	cr_expect_eq(env_set(&env, "K7", big), -E2BIG);
	cr_expect_str_eq(env_get(&env, "K7"), "x");
	env_done(&env);
}

Test(expand, an_env_file_gives_its_variables, .timeout = 5)
{
	static const char text[] = "# a remark\n"
				   "\n"
				   "A=new\n"
				   "  B= spaced \r\n"
				   "\t# another\n"
				   "SINGLE='a b'\n"
				   "DOUBLE=\"a 'b' \"\n"
				   "TWICE=''x''\n"
				   "HALF=\"x\n"
				   "QUOTE=\"\n"
				   "PLAIN=${A} $HOME # kept\n"
				   "EQUALS=a=b\n"
				   "NOTHING=\n"
				   "LAST=end";
	static const struct {
		const char *key, *value;
	} rows[] = {
		{ "A", "new" },
		{ "B", "spaced" },
		{ "SINGLE", "a b" },
		{ "DOUBLE", "a 'b' " },
		{ "TWICE", "'x'" },
		{ "HALF", "\"x" },
		{ "QUOTE", "\"" },
		{ "PLAIN", "${A} $HOME # kept" },
		{ "EQUALS", "a=b" },
		{ "NOTHING", "" },
		{ "LAST", "end" },
	};
	struct env env;
	struct err err;

	make_env(&env);
	cr_assert_eq(env_file_parse(&env, text, strlen(text), &err), 0, "%s", err.text);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		cr_expect_str_eq(env_get(&env, rows[i].key), rows[i].value, "row: %s",
			rows[i].key);
	env_done(&env);
}

Test(expand, a_bad_line_of_an_env_file_is_named, .timeout = 5)
{
	static const struct {
		const char *text;
		size_t len;
		const char *reason;
	} rows[] = {
		{ "A=1\nB\n", 6, "line 2: expected KEY=VALUE" },
		{ "=x", 2, "line 1: expected KEY=VALUE" },
		{ "\n\nA =1\n", 7, "line 3: a space or a quote in the name" },
		{ "export A=1", 10, "line 1: a space or a quote in the name" },
		{ "\"A\"=1", 5, "line 1: a space or a quote in the name" },
		{ "A=\0b", 4, "line 1: a NUL byte" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct env env;
		struct err err;

		env_init(&env);
		cr_expect_eq(env_file_parse(&env, rows[i].text, rows[i].len, &err),
			-EINVAL, "row: %s", rows[i].text);
		cr_expect_str_eq(err.text, rows[i].reason, "row: %s", rows[i].text);
		env_done(&env);
	}
}
