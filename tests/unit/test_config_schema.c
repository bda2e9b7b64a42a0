/* `kick schema`, the tables and the reader say the same. A small validator, for the
 * keywords that the schema uses and no others, holds them together. */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <glob.h>
#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/macro.h"
#include "config/keys.h"
#include "config/load.h"

static cJSON *schema;

static void set_up(void)
{
	struct buf text;

	buf_init(&text, 0);
	config_schema(&text);
	schema = cJSON_Parse(buf_text(&text));
	cr_assert_not_null(schema, "%s", buf_text(&text));
	buf_done(&text);
}

static void tear_down(void)
{
	cJSON_Delete(schema);
}

TestSuite(config_schema, .init = set_up, .fini = tear_down, .timeout = 60);

static bool is_valid(const cJSON *s, const cJSON *v);

static bool has_type(const char *type, const cJSON *v)
{
	if (strcmp(type, "object") == 0)
		return cJSON_IsObject(v);
	if (strcmp(type, "array") == 0)
		return cJSON_IsArray(v);
	if (strcmp(type, "string") == 0)
		return cJSON_IsString(v);
	if (strcmp(type, "boolean") == 0)
		return cJSON_IsBool(v);
	if (strcmp(type, "null") == 0)
		return cJSON_IsNull(v);
	cr_assert(strcmp(type, "number") == 0 || strcmp(type, "integer") == 0, "%s",
		type);
	return cJSON_IsNumber(v) &&
		(strcmp(type, "number") == 0 ||
			v->valuedouble == floor(v->valuedouble));
}

static bool check_type(const cJSON *arg, const cJSON *v, const cJSON *s)
{
	(void)s;
	if (cJSON_IsString(arg))
		return has_type(arg->valuestring, v);
	for (const cJSON *t = arg->child; t; t = t->next) {
		if (has_type(t->valuestring, v))
			return true;
	}
	return false;
}

static bool check_ref(const cJSON *arg, const cJSON *v, const cJSON *s)
{
	const char *name = arg->valuestring + strlen("#/$defs/");
	const cJSON *definition = json_get(json_get(schema, "$defs"), name);

	(void)s;
	cr_assert_not_null(definition, "%s is not defined", arg->valuestring);
	return is_valid(definition, v);
}

static bool check_properties(const cJSON *arg, const cJSON *v, const cJSON *s)
{
	(void)s;
	if (!cJSON_IsObject(v))
		return true;
	for (const cJSON *m = v->child; m; m = m->next) {
		const cJSON *p = json_get(arg, m->string);

		if (p && !is_valid(p, m))
			return false;
	}
	return true;
}

static bool check_additional(const cJSON *arg, const cJSON *v, const cJSON *s)
{
	const cJSON *properties = json_get(s, "properties");

	if (!cJSON_IsObject(v))
		return true;
	for (const cJSON *m = v->child; m; m = m->next) {
		if ((!properties || !json_get(properties, m->string)) &&
			!is_valid(arg, m))
			return false;
	}
	return true;
}

static bool check_required(const cJSON *arg, const cJSON *v, const cJSON *s)
{
	(void)s;
	if (!cJSON_IsObject(v))
		return true;
	for (const cJSON *r = arg->child; r; r = r->next) {
		if (!json_get(v, r->valuestring))
			return false;
	}
	return true;
}

static bool check_items(const cJSON *arg, const cJSON *v, const cJSON *s)
{
	(void)s;
	if (!cJSON_IsArray(v))
		return true;
	for (const cJSON *i = v->child; i; i = i->next) {
		if (!is_valid(arg, i))
			return false;
	}
	return true;
}

static bool check_any(const cJSON *arg, const cJSON *v, const cJSON *s)
{
	(void)s;
	for (const cJSON *a = arg->child; a; a = a->next) {
		if (is_valid(a, v))
			return true;
	}
	return false;
}

static bool check_all(const cJSON *arg, const cJSON *v, const cJSON *s)
{
	(void)s;
	for (const cJSON *a = arg->child; a; a = a->next) {
		if (!is_valid(a, v))
			return false;
	}
	return true;
}

static bool check_enum(const cJSON *arg, const cJSON *v, const cJSON *s)
{
	(void)s;
	for (const cJSON *e = arg->child; e; e = e->next) {
		if (cJSON_Compare(e, v, 1))
			return true;
	}
	return false;
}

static bool check_const(const cJSON *arg, const cJSON *v, const cJSON *s)
{
	(void)s;
	return cJSON_Compare(arg, v, 1);
}

static bool check_if(const cJSON *arg, const cJSON *v, const cJSON *s)
{
	return !is_valid(arg, v) || is_valid(json_get(s, "then"), v);
}

static bool check_pattern(const cJSON *arg, const cJSON *v, const cJSON *s)
{
	regex_t re;
	bool ok;

	(void)s;
	if (!cJSON_IsString(v))
		return true;
	cr_assert_eq(regcomp(&re, arg->valuestring, REG_EXTENDED | REG_NOSUB), 0);
	ok = regexec(&re, v->valuestring, 0, NULL, 0) == 0;
	regfree(&re);
	return ok;
}

static bool check_names(const cJSON *arg, const cJSON *v, const cJSON *s)
{
	for (const cJSON *m = cJSON_IsObject(v) ? v->child : NULL; m; m = m->next) {
		cJSON *name = cJSON_CreateString(m->string);
		bool ok = is_valid(arg, name);

		cJSON_Delete(name);
		if (!ok)
			return false;
	}
	(void)s;
	return true;
}

/* Number, length of a string, count of an array's or an object's elements. */
static double measure(const cJSON *v)
{
	if (cJSON_IsString(v))
		return (double)strlen(v->valuestring);
	return cJSON_IsNumber(v) ? v->valuedouble : (double)cJSON_GetArraySize(v);
}

static bool check_least(const cJSON *arg, const cJSON *v, const cJSON *s)
{
	(void)s;
	return measure(v) >= arg->valuedouble;
}

static bool check_most(const cJSON *arg, const cJSON *v, const cJSON *s)
{
	(void)s;
	return measure(v) <= arg->valuedouble;
}

static bool check_more(const cJSON *arg, const cJSON *v, const cJSON *s)
{
	(void)s;
	return measure(v) > arg->valuedouble;
}

static bool check_nothing(const cJSON *arg, const cJSON *v, const cJSON *s)
{
	(void)arg;
	(void)v;
	(void)s;
	return true;
}

static const struct {
	const char *keyword;
	bool (*check)(const cJSON *arg, const cJSON *v, const cJSON *s);
} keywords[] = {
	{ "$defs", check_nothing },
	{ "$ref", check_ref },
	{ "$schema", check_nothing },
	{ "additionalProperties", check_additional },
	{ "allOf", check_all },
	{ "anyOf", check_any },
	{ "const", check_const },
	{ "default", check_nothing },
	{ "description", check_nothing },
	{ "enum", check_enum },
	{ "exclusiveMinimum", check_more },
	{ "if", check_if },
	{ "items", check_items },
	{ "maxItems", check_most },
	{ "maxLength", check_most },
	{ "maxProperties", check_most },
	{ "maximum", check_most },
	{ "minItems", check_least },
	{ "minLength", check_least },
	{ "minProperties", check_least },
	{ "minimum", check_least },
	{ "pattern", check_pattern },
	{ "properties", check_properties },
	{ "propertyNames", check_names },
	{ "required", check_required },
	{ "then", check_nothing },
	{ "title", check_nothing },
	{ "type", check_type },
};

static bool is_valid(const cJSON *s, const cJSON *v)
{
	if (cJSON_IsBool(s))
		return cJSON_IsTrue(s);
	for (const cJSON *k = s->child; k; k = k->next) {
		size_t i = 0;

		while (i < ARRAY_LEN(keywords) &&
			strcmp(keywords[i].keyword, k->string) != 0)
			i++;
		cr_assert_lt(i, ARRAY_LEN(keywords), "%s", k->string);
		if (!keywords[i].check(k, v, s))
			return false;
	}
	return true;
}

static cJSON *read_good(const char *file)
{
	struct doc doc = { .shown = file };
	char *text = NULL;
	size_t size = 0, at;
	FILE *f = fopen(file, "re");
	struct err err;
	cJSON *ret;

	cr_assert_not_null(f);
	cr_assert(getdelim(&text, &size, EOF, f) >= 0);
	(void)fclose(f);
	cr_assert_eq(doc_parse(&doc, text, strlen(text), &err, &at), 0);
	ret = cJSON_Duplicate(doc.root, 1);
	doc_done(&doc);
	return ret;
}

Test(config_schema, good_files_are_valid)
{
	const char *data = getenv("KICK_TESTS_DATA");
	glob_t found;

	cr_assert_eq(chdir(data ? data : "tests/data"), 0, "no test data here");
	cr_assert_eq(glob("good/*.json", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		cJSON *v = read_good(found.gl_pathv[i]);

		cr_expect(is_valid(schema, v), "row: %s", found.gl_pathv[i]);
		cJSON_Delete(v);
	}
	globfree(&found);
}

/* A child's keys; the reader and the schema must be of one opinion. */
static const char *const opinions[] = {
	"\"start\": \"x\"",
	"\"start\": []",
	"\"start\": 5",
	"\"type\": \"worker\"",
	"\"type\": \"supervisor\"",
	"\"type\": \"registry\"",
	"\"type\": \"registry\", \"keys\": \"duplicate\"",
	"\"type\": \"registry\", \"keys\": \"both\"",
	"\"type\": \"registry\", \"keys\": null",
	"\"type\": \"registry\", \"shutdown\": \"1s\", \"backoff\": {}",
	"\"type\": \"registry\", \"initial\": 0",
	"\"type\": \"registry\", \"file\": \"x\"",
	"\"type\": \"registry\", \"start\": \"x\"",
	"\"type\": \"registry\", \"env\": {}",
	"\"type\": \"registry\", \"link\": true",
	"\"type\": \"registry\", \"children\": []",
	"\"type\": \"agent\"",
	"\"type\": \"agent\", \"initial\": null, \"file\": \"x\"",
	"\"type\": \"agent\", \"initial\": { \"a\": [1] }",
	"\"type\": \"agent\", \"file\": \"\"",
	"\"type\": \"agent\", \"file\": null",
	"\"type\": \"agent\", \"keys\": \"unique\"",
	"\"type\": \"agent\", \"start\": \"x\"",
	"\"type\": \"agent\", \"ready\": { \"notify\": true }",
	"\"type\": \"agent\", \"child\": {}",
	"\"type\": \"supervisor\", \"start\": \"x\"",
	"\"type\": \"supervisor\", \"start\": []",
	"\"type\": \"supervisor\", \"start\": \"x\", \"link\": true",
	"\"type\": \"supervisor\", \"start\": \"x\", \"link\": false",
	"\"type\": \"supervisor\", \"start\": \"x\", \"children\": []",
	"\"type\": \"supervisor\", \"start\": \"x\", \"max_restarts\": 1",
	"\"type\": \"supervisor\", \"start\": \"x\", \"env\": {}",
	"\"type\": \"supervisor\", \"start\": \"x\", \"stop_signal\": \"INT\"",
	"\"type\": \"supervisor\", \"start\": \"x\", \"kill_mode\": \"group\"",
	"\"type\": \"supervisor\", \"start\": \"x\", \"ready\": { \"fd\": 3 }",
	"\"type\": \"supervisor\", \"link\": true",
	"\"type\": \"dynamic_supervisor\", \"start\": \"x\"",
	"\"type\": \"dynamic_supervisor\", \"child\": { \"type\": \"agent\" }",
	"\"type\": \"partition_supervisor\"",
	"\"type\": \"partition_supervisor\", \"child\": { \"start\": \"x\" }",
	"\"type\": \"partition_supervisor\", \"partitions\": 2, "
	"\"child\": { \"start\": \"x\" }",
	"\"type\": \"partition_supervisor\", \"partitions\": 0, "
	"\"child\": { \"start\": \"x\" }",
	"\"type\": \"partition_supervisor\", \"partitions\": \"2\", "
	"\"child\": { \"start\": \"x\" }",
	"\"type\": \"partition_supervisor\", \"auto_shutdown\": \"any_significant\", "
	"\"child\": { \"start\": \"x\" }",
	"\"type\": \"partition_supervisor\", \"children\": [], "
	"\"child\": { \"start\": \"x\" }",
	"\"type\": \"partition_supervisor\", \"child\": { \"id\": \"a\", "
	"\"start\": \"x\" }",
	"\"start\": \"x\", \"partitions\": 2",
	"\"start\": \"x\", \"link\": true",
	"\"start\": \"x\", \"link\": \"yes\"",
	"\"start\": \"x\", \"link\": true, \"ready\": { \"exit\": true }",
	"\"start\": \"x\", \"link\": false, \"ready\": { \"exit\": true }",
	"\"start\": \"x\", \"link\": true, \"stop_signal\": \"TERM\"",
	"\"start\": \"x\", \"link\": false, \"stop_signal\": \"TERM\"",
	"\"start\": \"x\", \"initial\": 0",
	"\"start\": \"x\", \"file\": \"x\"",
	"\"start\": \"x\", \"keys\": \"unique\"",
	"\"type\": \"supervisor\", \"env\": {}",
	"\"type\": \"supervisor\", \"child\": {}",
	"\"type\": \"supervisor\", \"children\": [{}]",
	"\"type\": \"supervisor\", \"children\": [{ \"id\": \"a\", \"start\": \"x\" }]",
	"\"type\": \"supervisor\", \"max_restarts\": -1",
	"\"type\": \"supervisor\", \"max_restarts\": \"infinity\"",
	"\"type\": \"supervisor\", \"max_seconds\": 0",
	"\"type\": \"supervisor\", \"max_seconds\": 0.5",
	"\"type\": \"dynamic_supervisor\", \"child\": {}, \"max_children\": 3",
	"\"type\": \"dynamic_supervisor\", \"child\": { \"id\": \"a\" }",
	"\"type\": \"dynamic_supervisor\", \"children\": []",
	"\"type\": \"dynamic_supervisor\", \"strategy\": \"one_for_all\"",
	"\"type\": \"dynamic_supervisor\", \"auto_shutdown\": \"all_significant\"",
	"\"start\": \"x\", \"shutdown\": 5000",
	"\"start\": \"x\", \"shutdown\": \"1m30s\"",
	"\"start\": \"x\", \"shutdown\": \"brutal_kill\"",
	"\"start\": \"x\", \"shutdown\": -5",
	"\"start\": \"x\", \"start_timeout\": 5",
	"\"start\": \"x\", \"start_timeout\": \"infinity\"",
	"\"start\": \"x\", \"start_timeout\": \"brutal_kill\"",
	"\"start\": \"x\", \"umask\": \"022\"",
	"\"start\": \"x\", \"umask\": \"0022\"",
	"\"start\": \"x\", \"umask\": \"888\"",
	"\"start\": \"x\", \"umask\": 22",
	"\"start\": \"x\", \"nice\": -20",
	"\"start\": \"x\", \"nice\": -21",
	"\"start\": \"x\", \"nice\": 0.5",
	"\"start\": \"x\", \"nice\": \"5\"",
	"\"start\": \"x\", \"oom_score_adj\": 1000",
	"\"start\": \"x\", \"oom_score_adj\": 1001",
	"\"start\": \"x\", \"limits\": {}",
	"\"start\": \"x\", \"limits\": []",
	"\"start\": \"x\", \"limits\": { \"files\": 1 }",
	"\"start\": \"x\", \"limits\": { \"locks\": 1 }",
	"\"start\": \"x\", \"limits\": { \"nofile\": 1 }",
	"\"start\": \"x\", \"limits\": { \"nofile\": 0 }",
	"\"start\": \"x\", \"limits\": { \"nofile\": \"unlimited\" }",
	"\"start\": \"x\", \"limits\": { \"nofile\": \"1K\" }",
	"\"start\": \"x\", \"limits\": { \"nofile\": { \"soft\": 1, \"hard\": 2 } }",
	"\"start\": \"x\", \"limits\": { \"nofile\": { \"hard\": \"unlimited\" } }",
	"\"start\": \"x\", \"limits\": { \"nofile\": {} }",
	"\"start\": \"x\", \"limits\": { \"nofile\": { \"sofd\": 1 } }",
	"\"start\": \"x\", \"limits\": { \"nproc\": 0 }",
	"\"start\": \"x\", \"limits\": { \"nproc\": 1e16 }",
	"\"start\": \"x\", \"limits\": { \"nice\": 40 }",
	"\"start\": \"x\", \"limits\": { \"nice\": 41 }",
	"\"start\": \"x\", \"limits\": { \"rtprio\": 99 }",
	"\"start\": \"x\", \"limits\": { \"rtprio\": 100 }",
	"\"start\": \"x\", \"limits\": { \"core\": 0 }",
	"\"start\": \"x\", \"limits\": { \"core\": \"8M\" }",
	"\"start\": \"x\", \"limits\": { \"core\": \"8mib\" }",
	"\"start\": \"x\", \"limits\": { \"core\": \"8 M\" }",
	"\"start\": \"x\", \"limits\": { \"core\": \"infinity\" }",
	"\"start\": \"x\", \"limits\": { \"core\": { \"soft\": \"1K\" } }",
	"\"start\": \"x\", \"limits\": { \"cpu\": \"5s\" }",
	"\"start\": \"x\", \"limits\": { \"cpu\": 5 }",
	"\"start\": \"x\", \"limits\": { \"rttime\": { \"soft\": \"5us\" } }",
	"\"start\": \"x\", \"cgroup\": {}",
	"\"start\": \"x\", \"cgroup\": true",
	"\"start\": \"x\", \"cgroup\": { \"memory_max\": 1 }",
	"\"start\": \"x\", \"cgroup\": { \"memory_max\": 0 }",
	"\"start\": \"x\", \"cgroup\": { \"memory_max\": \"1G\" }",
	"\"start\": \"x\", \"cgroup\": { \"memory_max\": \"0\" }",
	"\"start\": \"x\", \"cgroup\": { \"memory_max\": \"unlimited\" }",
	"\"start\": \"x\", \"cgroup\": { \"cpu_max\": 0.5 }",
	"\"start\": \"x\", \"cgroup\": { \"cpu_max\": 0 }",
	"\"start\": \"x\", \"cgroup\": { \"cpu_max\": \"1\" }",
	"\"start\": \"x\", \"cgroup\": { \"pids_max\": 5 }",
	"\"start\": \"x\", \"cgroup\": { \"pids_max\": 0 }",
	"\"start\": \"x\", \"cgroup\": { \"pids_max\": 1.5 }",
	"\"start\": \"x\", \"cgroup\": { \"pids\": 1 }",
	"\"type\": \"registry\", \"cgroup\": {}",
	"\"start\": \"x\", \"reload_signal\": \"USR1\"",
	"\"start\": \"x\", \"reload_signal\": 1",
	"\"type\": \"agent\", \"reload_signal\": \"HUP\"",
	"\"start\": \"x\", \"no_new_privileges\": true",
	"\"start\": \"x\", \"no_new_privileges\": 1",
	"\"start\": \"x\", \"capabilities\": []",
	"\"start\": \"x\", \"capabilities\": [\"CAP_KILL\", \"net_raw\"]",
	"\"start\": \"x\", \"capabilities\": \"CAP_KILL\"",
	"\"start\": \"x\", \"capabilities\": [5]",
	"\"start\": \"x\", \"capabilities\": [\"5\"]",
	"\"type\": \"agent\", \"nice\": 1",
	"\"type\": \"supervisor\", \"limits\": {}",
	"\"type\": \"supervisor\", \"start\": \"x\", \"limits\": { \"core\": 0 }",
	"\"start\": \"x\", \"stdin\": \"log\"",
	"\"start\": \"x\", \"stdout\": \"log\"",
	"\"start\": \"x\", \"stdout\": \"file:\"",
	"\"start\": \"x\", \"stdout\": \"file:x\"",
	"\"start\": \"x\", \"ready\": {}",
	"\"start\": \"x\", \"ready\": { \"fd\": 2 }",
	"\"start\": \"x\", \"ready\": { \"fd\": 3 }",
	"\"start\": \"x\", \"ready\": { \"notify\": false }",
	"\"start\": \"x\", \"ready\": { \"notify\": true, \"fd\": 3 }",
	"\"start\": \"x\", \"ready\": { \"tcp\": \"a:1\" }",
	"\"start\": \"x\", \"env\": { \"A\": null, \"B\": 1 }",
	"\"start\": \"x\", \"env\": { \"A\": [] }",
	"\"start\": \"x\", \"env\": { \"A=\": 1 }",
	"\"start\": \"x\", \"success_exit\": [0, \"TERM\"]",
	"\"start\": \"x\", \"success_exit\": [256]",
	"\"start\": \"x\", \"backoff\": { \"factor\": 0.5 }",
	"\"start\": \"x\", \"backoff\": { \"initial\": 5 }",
	"\"start\": \"x\", \"backoff\": { \"initial\": \"5s\" }",
	"\"start\": \"x\", \"args\": []",
	"\"start\": \"x\", \"health\": {}",
	"\"start\": \"x\", \"ready\": { \"tcp\": \"127.0.0.1:1\" }",
	"\"start\": \"x\", \"ready\": { \"tcp\": \"[::1]:1\", \"interval\": \"1s\" }",
	"\"start\": \"x\", \"ready\": { \"tcp\": \"localhost:1\", \"retries\": 1 }",
	"\"start\": \"x\", \"ready\": { \"tcp\": \"localhost\" }",
	"\"start\": \"x\", \"ready\": { \"http\": \"http://localhost/a?b\" }",
	"\"start\": \"x\", \"ready\": { \"http\": \"http://[::1]:8080\" }",
	"\"start\": \"x\", \"ready\": { \"http\": \"http://localhost/a#b\" }",
	"\"start\": \"x\", \"ready\": { \"http\": \"http://localhost/a b\" }",
	"\"start\": \"x\", \"ready\": { \"http\": \"https://localhost/\" }",
	"\"start\": \"x\", \"ready\": { \"exec\": \"true\", \"timeout\": \"1s\" }",
	"\"start\": \"x\", \"ready\": { \"exec\": [] }",
	"\"start\": \"x\", \"ready\": { \"exec\": \"x\", \"tcp\": \"127.0.0.1:1\" }",
	"\"start\": \"x\", \"ready\": { \"fd\": 3, \"timeout\": \"1s\" }",
	"\"start\": \"x\", \"ready\": { \"interval\": \"1s\" }",
	"\"start\": \"x\", \"ready\": { \"log\": \"up\" }",
	"\"start\": \"x\", \"ready\": { \"log\": \"\" }",
	"\"start\": \"x\", \"ready\": { \"log\": \"a\\nb\" }",
	"\"start\": \"x\", \"ready\": { \"log\": \"up\", \"interval\": \"1s\" }",
	"\"start\": \"x\", \"ready\": { \"log\": true }",
	"\"start\": \"x\", \"ready\": { \"watchdog\": \"1s\" }",
	"\"start\": \"x\", \"health\": { \"watchdog\": \"1s\" }",
	"\"start\": \"x\", \"health\": { \"watchdog\": 1 }",
	"\"start\": \"x\", \"health\": { \"watchdog\": \"1s\", \"retries\": 2 }",
	"\"start\": \"x\", \"health\": { \"exec\": [\"a\"], \"retries\": 2 }",
	"\"start\": \"x\", \"health\": { \"exec\": [\"a\"], \"retries\": 0 }",
	"\"start\": \"x\", \"health\": { \"notify\": true }",
	"\"type\": \"supervisor\", \"health\": { \"watchdog\": \"1s\" }",
	"\"type\": \"supervisor\", \"start\": \"x\", \"health\": { \"watchdog\": \"1s\" }",
	"\"type\": \"agent\", \"health\": { \"watchdog\": \"1s\" }",
	"\"start\": \"x\", \"oops\": 1",
	"\"start\": \"x\", \"env_file\": []",
	"\"start\": \"x\", \"kill_mode\": \"mixed\"",
	"\"start\": \"x\", \"kill_mode\": \"process\"",
};

Test(config_schema, reader_and_schema_are_of_one_opinion)
{
	const cJSON *child = json_get(json_get(schema, "$defs"), "child");
	const struct sup_policy sup = { .states_max_restarts = true };

	for (size_t i = 0; i < ARRAY_LEN(opinions); i++) {
		char text[300];
		struct buf diag;
		void *block = NULL;
		size_t size;
		cJSON *v;
		int r;

		(void)snprintf(text, sizeof text, "{ \"id\": \"x\", %s }", opinions[i]);
		buf_init(&diag, 0);
		r = config_load_child(text, strlen(text), "/", &sup, NULL, true, &diag,
			&block, &size);
		v = cJSON_Parse(text);
		cr_expect_eq(is_valid(child, v), r == 0, "row: %s\n%s", opinions[i],
			buf_text(&diag));
		cJSON_Delete(v);
		buf_done(&diag);
		free(block);
	}
}

static char *read_manual(void)
{
	const char *manual = getenv("KICK_TESTS_MANUAL");
	FILE *f = fopen(manual ? manual : "man/kick.json.5", "re");
	char *text = NULL;
	size_t size = 0;

	cr_assert_not_null(f, "no manual page here");
	cr_assert(getdelim(&text, &size, EOF, f) >= 0);
	(void)fclose(f);
	return text;
}

Test(config_schema, every_key_has_an_entry_in_the_manual_page)
{
	static const struct key_table *const tables[] = { &top_keys, &child_keys,
		&control_keys, &socket_keys, &backoff_keys, &ready_keys, &health_keys,
		&probe_keys, &limits_keys, &cgroup_keys };
	char *manual = read_manual();

	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		for (size_t j = 0; j < tables[i]->n; j++) {
			const struct key *k = &tables[i]->keys[j];
			char entry[60];

			(void)snprintf(entry, sizeof entry, ".It Cm %s\n", k->name);
			cr_expect(
				!k->read || strstr(manual, entry), "row: %s", k->name);
		}
	}
	free(manual);
}

Test(config_schema, every_key_is_documented)
{
	static const struct key_table *const tables[] = { &top_keys, &child_keys,
		&control_keys, &socket_keys, &backoff_keys, &ready_keys, &health_keys,
		&probe_keys, &limits_keys, &cgroup_keys };

	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		for (size_t j = 0; j < tables[i]->n; j++) {
			const struct key *k = &tables[i]->keys[j];

			cr_expect(!k->read || k->doc, "row: %s", k->name);
			cr_expect(!k->read || k->schema || k->n_names > 0 ||
					(k->flags & KEY_NO_SCHEMA),
				"row: %s", k->name);
		}
	}
}
