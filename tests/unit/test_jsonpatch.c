/* JSON values, pointers and patches: the RFCs' own examples, and what cJSON would let
 * through. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "otp/jsonpatch.h"
#include "otp/jsonval.h"

#define DEPTH KICK_NESTING_MAX

/* ' stands for ". */
static cJSON *value(const char *text)
{
	autofree char *json = strdup(text);
	const char *wrong = "?";
	cJSON *v;

	for (char *c = json; *c; c++)
		if (*c == '\'')
			*c = '"';
	v = json_parse(json, strlen(json), DEPTH, &wrong);
	cr_assert(v, "%s: %s", text, wrong);
	return v;
}

/* Static until the next call. */
static const char *print(const cJSON *v, bool sorted)
{
	static char text[4096];
	struct buf b;

	buf_init(&b, sizeof text - 1);
	json_add(&b, v, sorted);
	cr_assert(buf_ok(&b));
	(void)strcpy(text, buf_text(&b));
	buf_done(&b);
	return text;
}

Test(jsonval, a_text_is_a_value_or_is_refused_in_words)
{
	static const struct {
		const char *text, *wrong; /* NULL: it is one */
	} rows[] = {
		{ " {\"a\": [1, true]} \n", NULL },
		{ "\"\\\\u0000\"", NULL },
		{ "", "not JSON" },
		{ "{\"a\":1", "not JSON" },
		{ "1 2", "not JSON" },
		{ "\xef\xbb\xbf{}", "not JSON" },
		{ "\"\xff\"", "not UTF-8" },
		{ "\"\\u0000\"", "an escaped NUL in a string" },
		{ "\"\\\\\\u0000\"", "an escaped NUL in a string" },
		{ "{\"a\":1,\"b\":2,\"a\":3}", "an object has a member twice" },
		{ "[{\"\":1,\"\":1}]", "an object has a member twice" },
		{ "[1e999]", "a number is out of range" },
		{ "[[[[1]]]]", "nested too deep" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *wrong = NULL;
		cJSON *v = json_parse(rows[i].text, strlen(rows[i].text), 3, &wrong);

		cr_expect(rows[i].wrong
				? !v && wrong && strcmp(wrong, rows[i].wrong) == 0
				: v != NULL,
			"%s: %s", rows[i].text, wrong ? wrong : "taken");
		cJSON_Delete(v);
	}
	{
		const char *wrong = NULL;

		cr_expect(!json_parse("1\0002", 3, 3, &wrong));
		cr_expect_str_eq(wrong, "a NUL byte");
	}
}

Test(jsonval, numbers_are_read_back_as_they_were)
{
	static const double rows[] = { 0, -0.0, 1, -7, 0.1, 0.30000000000000004,
		1.0 / 3, 5e-324, 1.7976931348623157e308, 9007199254740993.0, 1e15,
		123456789012345678.0, 1e21, -2.5 };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cJSON *v = cJSON_CreateNumber(rows[i]);
		const char *wrong;
		cJSON *again =
			json_parse(print(v, false), strlen(print(v, false)), 1, &wrong);

		cr_expect(again && again->valuedouble == rows[i], "%.17g became %s",
			rows[i], print(v, false));
		cJSON_Delete(v);
		cJSON_Delete(again);
	}
}

Test(jsonval, equal_values_have_equal_sorted_texts)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} rows[] = {
		{ "1", "1.0", true },
		{ "0", "-0.0", true },
		{ "100", "1e2", true },
		{ "0.3", "0.30000000000000004", false },
		{ "1", "'1'", false },
		{ "1", "true", false },
		{ "null", "false", false },
		{ "{'a':1,'b':{'c':[],'d':2}}", "{'b':{'d':2.0,'c':[]},'a':1}", true },
		{ "{'a':1}", "{'A':1}", false },
		{ "{'a':1}", "{'a':1,'b':null}", false },
		{ "[1,2]", "[2,1]", false },
		{ "[]", "{}", false },
		{ "'\\u00e4'", "'\xc3\xa4'", true },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cJSON *a = value(rows[i].a);
		cJSON *b = value(rows[i].b);

		cr_expect(json_equal(a, b) == rows[i].equal, "%s, %s", rows[i].a,
			rows[i].b);
		cJSON_Delete(a);
		cJSON_Delete(b);
	}
}

/* RFC 6901, section 5, and its borders. */
Test(jsonpatch, pointers)
{
	static const struct {
		const char *pointer, *found; /* NULL: nothing */
	} rows[] = {
		{ "/foo", "[\"bar\",\"baz\"]" },
		{ "/foo/0", "\"bar\"" },
		{ "/foo/2", NULL },
		{ "/foo/-", NULL },
		{ "/foo/00", NULL },
		{ "/foo/01", NULL },
		{ "/foo/-1", NULL },
		{ "/foo/", NULL },
		{ "/foo/4294967296", NULL },
		{ "/foo/99999999999999999999", NULL },
		{ "/foo/0/x", NULL },
		{ "/", "0" },
		{ "/a~1b", "1" },
		{ "/c%d", "2" },
		{ "/k\"l", "6" },
		{ "/ ", "7" },
		{ "/m~0n", "8" },
		{ "/m~01n", NULL },
		{ "/~01", "9" },
		{ "/FOO", NULL },
	};
	const char *wrong = NULL;
	static const char text[] =
		"{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"k\\\"l\":6,"
		"\" \":7,\"m~n\":8,\"~1\":9}";
	cJSON *doc = json_parse(text, sizeof text - 1, DEPTH, &wrong);

	cr_assert(doc, "%s", wrong);
	cr_expect(json_pointer_get(doc, "") == doc);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const cJSON *found = json_pointer_get(doc, rows[i].pointer);

		cr_expect(json_pointer_ok(rows[i].pointer));
		cr_expect(rows[i].found ? found &&
					strcmp(print(found, false), rows[i].found) == 0
					: !found,
			"%s: %s", rows[i].pointer, found ? print(found, false) : "-");
	}
	cr_expect(!json_pointer_ok("foo"));
	cr_expect(!json_pointer_ok("/~"));
	cr_expect(!json_pointer_ok("/a~2"));
	cJSON_Delete(doc);
}

static void check_patch(
	const char *doc, const char *operations, int result, const char *after)
{
	cJSON *v = value(doc);
	cJSON *patch = value(operations);
	cJSON *wanted = after ? value(after) : NULL;
	struct err err = { 0 };
	int r = json_patch(&v, patch, 1000, 8, &err);

	cr_expect(r == result, "%s, %s: %d (%s)", doc, operations, r, err.text);
	cr_expect(r == 0 || *err.text, "%s: no words", operations);
	cr_expect(r < 0 || !after ||
			strcmp(print(v, false), print(wanted, false)) == 0 ||
			json_equal(v, wanted),
		"%s, %s: %s", doc, operations, print(v, false));
	cJSON_Delete(v);
	cJSON_Delete(patch);
	cJSON_Delete(wanted);
}

/* RFC 6902, appendix A, and its borders. */
Test(jsonpatch, patches)
{
	static const struct {
		const char *doc, *patch;
		int result;
		const char *after;
	} rows[] = {
#define OP(op, path, more) "[{'op':'" op "','path':'" path "'" more "}]"
		{ "{'foo':'bar'}", OP("add", "/baz", ",'value':'qux'"), 0,
			"{'foo':'bar','baz':'qux'}" },
		{ "{'foo':['bar','baz']}", OP("add", "/foo/1", ",'value':'qux'"), 0,
			"{'foo':['bar','qux','baz']}" },
		{ "[1,2]", OP("add", "/0", ",'value':0"), 0, "[0,1,2]" },
		{ "[]", OP("add", "/0", ",'value':0"), 0, "[0]" },
		{ "{'a':1,'b':2}", OP("remove", "/a", ""), 0, "{'b':2}" },
		{ "{'a':1,'b':2}", OP("remove", "/b", ""), 0, "{'a':1}" },
		{ "[1,2,3]", OP("remove", "/1", ""), 0, "[1,3]" },
		{ "{'a':1,'b':2}", OP("replace", "/a", ",'value':9"), 0,
			"{'a':9,'b':2}" },
		{ "[1,2]", OP("replace", "/1", ",'value':{}"), 0, "[1,{}]" },
		{ "{'a':1}", OP("replace", "", ",'value':[]"), 0, "[]" },
		{ "{'a':1}", OP("add", "", ",'value':null"), 0, "null" },
		{ "{'a':{'b':1},'c':{'d':2}}", OP("move", "/c/e", ",'from':'/a/b'"), 0,
			"{'a':{},'c':{'d':2,'e':1}}" },
		{ "['a','b','c']", OP("move", "/2", ",'from':'/0'"), 0,
			"['b','c','a']" },
		{ "{'a':{'b':1}}", OP("move", "/a", ",'from':'/a/b'"), 0, "{'a':1}" },
		{ "{'a':1}", OP("move", "/a", ",'from':'/a'"), 0, "{'a':1}" },
		{ "{'a':1}", OP("move", "", ",'from':'/a'"), 0, "1" },
		{ "{'a':[1]}", OP("copy", "/a/-", ",'from':'/a'"), 0, "{'a':[1,[1]]}" },
		{ "{'a':1}", OP("copy", "/b", ",'from':''"), 0, "{'a':1,'b':{'a':1}}" },
		{ "{'a':1}", OP("add", "/a", ",'value':2"), 0, "{'a':2}" },
		{ "{'a':[1,{'x':2}]}", OP("test", "/a", ",'value':[1.0,{'x':2}]"), 0,
			NULL },
		{ "{'a':1}", OP("test", "", ",'value':{'a':1}"), 0, NULL },
		{ "{'/':9,'~1':10}", OP("test", "/~01", ",'value':10"), 0, NULL },
		{ "{'a':1}", OP("add", "/b", ",'value':2,'xyz':123"), 0,
			"{'a':1,'b':2}" },
		{ "{'a':1}", "[]", 0, "{'a':1}" },
		{ "{'a':[1]}",
			"[{'op':'test','path':'/a/0','value':1},"
			"{'op':'add','path':'/a/-','value':2},"
			"{'op':'remove','path':'/a/0'}]",
			0, "{'a':[2]}" },
		/* It does not apply. */
		{ "{'a':1}", OP("test", "/a", ",'value':'1'"), -ENOENT, NULL },
		{ "{'a':1}", OP("test", "/b", ",'value':null"), -ENOENT, NULL },
		{ "{'a':1}", OP("add", "/b/c", ",'value':1"), -ENOENT, NULL },
		{ "{'a':1}", OP("add", "/a/c", ",'value':1"), -ENOENT, NULL },
		{ "[1]", OP("add", "/2", ",'value':1"), -ENOENT, NULL },
		{ "[1]", OP("add", "/01", ",'value':1"), -ENOENT, NULL },
		{ "[1]", OP("add", "/x", ",'value':1"), -ENOENT, NULL },
		{ "[1]", OP("remove", "/-", ""), -ENOENT, NULL },
		{ "{'a':1}", OP("remove", "/b", ""), -ENOENT, NULL },
		{ "{'a':1}", OP("remove", "", ""), -ENOENT, NULL },
		{ "{'a':1}", OP("replace", "/b", ",'value':1"), -ENOENT, NULL },
		{ "{'a':{}}", OP("move", "/a/b", ",'from':'/a'"), -ENOENT, NULL },
		{ "{'a':{}}", OP("move", "/a", ",'from':''"), -ENOENT, NULL },
		{ "{'a':{}}", OP("move", "/b", ",'from':'/c'"), -ENOENT, NULL },
		{ "{'a':{}}", OP("copy", "/b", ",'from':'/c'"), -ENOENT, NULL },
		/* It is none. */
		{ "1", "{}", -EINVAL, NULL },
		{ "1", "[1]", -EINVAL, NULL },
		{ "1", "[{}]", -EINVAL, NULL },
		{ "1", "[{'op':7,'path':''}]", -EINVAL, NULL },
		{ "1", OP("spam", "", ""), -EINVAL, NULL },
		{ "1", OP("add", "", ""), -EINVAL, NULL },
		{ "1", OP("copy", "", ""), -EINVAL, NULL },
		{ "1", OP("copy", "", ",'from':1"), -EINVAL, NULL },
		{ "1", OP("copy", "", ",'from':'x'"), -EINVAL, NULL },
		{ "1", OP("add", "x", ",'value':1"), -EINVAL, NULL },
		{ "1", "[{'op':'remove'}]", -EINVAL, NULL },
		{ "1", "[{'op':'remove','path':1}]", -EINVAL, NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check_patch(rows[i].doc, rows[i].patch, rows[i].result, rows[i].after);
}

/* Each copy of the whole into itself doubles it, or makes it one level deeper. */
Test(jsonpatch, a_value_does_not_grow_beyond_its_bounds)
{
	struct buf wide, deep, many;

	buf_init(&wide, 0);
	buf_init(&deep, 0);
	buf_init(&many, 0);
	for (int i = 0; i < 200; i++) {
		const char *comma = i ? "," : "";

		buf_addf(&wide, "%s{'op':'copy','from':'','path':'/-'}", comma);
		buf_addf(&deep, "%s{'op':'copy','from':'','path':'/a'}", comma);
		buf_addf(&many,
			"%s{'op':'add','path':'/a','value':'aaaaaaaaaaaaaaaaaaaaaaaa'},"
			"{'op':'remove','path':'/a'},"
			"{'op':'replace','path':'/b','value':'bbbbbbbbbbbbbbbbbbbbbb'}",
			comma);
	}
	for (int i = 0; i < 3; i++) {
		struct buf *b = (struct buf *[]){ &wide, &deep, &many }[i];
		struct buf patch;

		buf_init(&patch, 0);
		buf_addf(&patch, "[%s]", buf_text(b));
		check_patch(i == 0 ? "[1]" : "{'a':1,'b':2}", buf_text(&patch),
			i < 2 ? -E2BIG : 0, NULL);
		buf_done(&patch);
		buf_done(b);
	}
}
