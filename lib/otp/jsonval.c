/* See jsonval.h. */
#include "otp/jsonval.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"

/* --- members in order of their names ------------------------------------------------
 */

static int by_name(const void *a, const void *b)
{
	const cJSON *const *one = a;
	const cJSON *const *other = b;

	return strcmp((*one)->string, (*other)->string);
}

/* Malloc'ed, NULL for want of memory. */
static const cJSON **sorted_members(const cJSON *object, size_t *ret_n)
{
	size_t n = 0;
	const cJSON **members;

	for (const cJSON *m = object->child; m; m = m->next)
		n++;
	members = calloc(n + 1, sizeof(const cJSON *));
	if (!members)
		return NULL;
	n = 0;
	for (const cJSON *m = object->child; m; m = m->next)
		members[n++] = m;
	qsort(members, n, sizeof(const cJSON *), by_name);
	*ret_n = n;
	return members;
}

/* --- what is wrong ------------------------------------------------------------------
 */

static const char *members_wrong(const cJSON *object)
{
	size_t n = 0;
	const cJSON **members = sorted_members(object, &n);
	const char *wrong = members ? NULL : "no memory";

	for (size_t i = 1; i < n && !wrong; i++)
		if (strcmp(members[i - 1]->string, members[i]->string) == 0)
			wrong = "an object has a member twice";
	free(members);
	return wrong;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as depth, and cJSON's own bound */
const char *json_wrong(const cJSON *v, int depth)
{
	const char *wrong = NULL;

	if (cJSON_IsNumber(v) && !isfinite(v->valuedouble))
		return "a number is out of range";
	if (!cJSON_IsObject(v) && !cJSON_IsArray(v))
		return NULL;
	if (depth <= 0)
		return "nested too deep";
	if (cJSON_IsObject(v))
		wrong = members_wrong(v);
	for (const cJSON *c = v->child; c && !wrong; c = c->next)
		wrong = json_wrong(c, depth - 1);
	return wrong;
}

/* --- from text ----------------------------------------------------------------------
 */

/* cJSON takes any bytes for text and cuts a string at an escaped NUL. */
static const char *text_wrong(const char *text, size_t n)
{
	for (size_t at = 0; at < n;) {
		bool valid = true;
		size_t len =
			utf8_length((const unsigned char *)text + at, n - at, &valid);

		if (!valid)
			return "not UTF-8";
		if (text[at] == '\0')
			return "a NUL byte";
		if (text[at] == '\\' && n - at >= 6 &&
			memcmp(text + at, "\\u0000", 6) == 0)
			return "an escaped NUL in a string";
		/* What is escaped escapes nothing. */
		at += text[at] == '\\' && n - at >= 2 && text[at + 1] == '\\' ? 2 : len;
	}
	return NULL;
}

static const char *skip_space(const char *at)
{
	while (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n')
		at++;
	return at;
}

/* text ends with a NUL. */
static cJSON *parse(const char *text, int depth, const char **ret_wrong)
{
	const char *end = NULL;
	cJSON *v = NULL;

	/* It would pass over a byte order mark. */
	if (*text != '\xef')
		v = cJSON_ParseWithOpts(text, &end, 0);
	*ret_wrong = !v || *skip_space(end) != '\0' ? "not JSON" : json_wrong(v, depth);
	if (!*ret_wrong)
		return v;
	cJSON_Delete(v);
	return NULL;
}

cJSON *json_parse(const char *text, size_t n, int depth, const char **ret_wrong)
{
	char *copy;
	cJSON *v;

	*ret_wrong = text_wrong(text, n);
	if (*ret_wrong)
		return NULL;
	*ret_wrong = "no memory";
	copy = strndup(text, n);
	v = copy ? parse(skip_space(copy), depth, ret_wrong) : NULL;
	free(copy);
	return v;
}

/* --- to text ------------------------------------------------------------------------
 */

/* The shortest that is read back as the same. cJSON's own is content with nearly. */
static void add_number(struct buf *b, double d)
{
	char text[40];

	if (d == trunc(d) && fabs(d) < 1e15) {
		buf_addf(b, "%.0f", d == 0 ? 0.0 : d);
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		(void)snprintf(text, sizeof text, "%.*g", digits, d);
		if (strtod(text, NULL) == d)
			break;
	}
	buf_adds(b, text);
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the value */
static void add_member(struct buf *b, const cJSON *m, bool sorted, bool first)
{
	if (!first)
		buf_addc(b, ',');
	buf_add_json(b, m->string, strlen(m->string));
	buf_addc(b, ':');
	json_add(b, m, sorted);
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the value */
static void add_sorted(struct buf *b, const cJSON *object)
{
	size_t n = 0;
	const cJSON **members = sorted_members(object, &n);

	if (!members) {
		b->failed = true;
		return;
	}
	for (size_t i = 0; i < n; i++)
		add_member(b, members[i], true, i == 0);
	free(members);
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the value */
static void add_members(struct buf *b, const cJSON *object, bool sorted)
{
	if (sorted)
		add_sorted(b, object);
	else
		for (const cJSON *m = object->child; m && buf_ok(b); m = m->next)
			add_member(b, m, false, m == object->child);
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the value */
static void add_items(struct buf *b, const cJSON *array, bool sorted)
{
	for (const cJSON *i = array->child; i && buf_ok(b); i = i->next) {
		if (i != array->child)
			buf_addc(b, ',');
		json_add(b, i, sorted);
	}
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the value */
void json_add(struct buf *b, const cJSON *v, bool sorted)
{
	if (cJSON_IsObject(v)) {
		buf_addc(b, '{');
		add_members(b, v, sorted);
		buf_addc(b, '}');
	} else if (cJSON_IsArray(v)) {
		buf_addc(b, '[');
		add_items(b, v, sorted);
		buf_addc(b, ']');
	} else if (cJSON_IsString(v)) {
		buf_add_json(b, v->valuestring, strlen(v->valuestring));
	} else if (cJSON_IsNumber(v) && isfinite(v->valuedouble)) {
		add_number(b, v->valuedouble);
	} else {
		buf_adds(b,
			cJSON_IsTrue(v)		   ? "true"
				: cJSON_IsFalse(v) ? "false"
						   : "null");
	}
}

bool json_equal(const cJSON *a, const cJSON *b)
{
	struct buf one, other;
	bool equal;

	buf_init(&one, 0);
	buf_init(&other, 0);
	json_add(&one, a, true);
	json_add(&other, b, true);
	equal = buf_ok(&one) && buf_ok(&other) && one.len == other.len &&
		memcmp(one.data, other.data, one.len) == 0;
	buf_done(&one);
	buf_done(&other);
	return equal;
}
