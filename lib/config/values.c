/* The readers that serve more than one key. A message says what is wrong, shows the
 * value, and says what would be right. */
#include "config/values.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/macro.h"
#include "base/names.h"
#include "base/num.h"
#include "config/expand.h"

#define FIELD(type, base, k) ((type *)(void *)((char *)(base) + (k)->offset))

/* 2^53: whole numbers above are not exact in a double. */
#define WHOLE_MAX 9007199254740992.0

bool value_wrong_type(
	struct parse *p, const struct key *k, const cJSON *v, const char *wanted)
{
	char quoted[DIAG_QUOTE_MAX];

	diag_error(p->diag, p->doc, v, "\"%s\" must be %s, not %s", k->name, wanted,
		diag_quote(p->doc, v, quoted));
	return false;
}

bool value_ignored(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	(void)base;
	return cJSON_IsString(v) || value_wrong_type(p, k, v, "a string");
}

bool value_bool(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	if (!cJSON_IsBool(v))
		return value_wrong_type(p, k, v, "true or false");
	*FIELD(bool, base, k) = cJSON_IsTrue(v);
	return true;
}

bool value_true(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	(void)base;
	return cJSON_IsTrue(v) || value_wrong_type(p, k, v, "true");
}

bool value_enum(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	char quoted[DIAG_QUOTE_MAX], list[200];
	const char *suggestion;
	int found;

	if (!cJSON_IsString(v))
		return value_wrong_type(p, k, v, "a string");
	found = names_find(k->names, k->n_names, v->valuestring);
	if (found >= 0) {
		*FIELD(uint8_t, base, k) = (uint8_t)found;
		return true;
	}
	suggestion = names_suggest(k->names, k->n_names, v->valuestring);
	diag_error(p->diag, p->doc, v, "unknown %s %s; expected %s%s%s%s",
		k->noun ? k->noun : k->name, diag_quote(p->doc, v, quoted),
		names_list(k->names, k->n_names, list, sizeof list),
		suggestion ? "; did you mean \"" : "", suggestion ? suggestion : "",
		suggestion ? "\"?" : "");
	return false;
}

static bool is_id_char(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		(c >= '0' && c <= '9') || (c && strchr("_.@-", c));
}

const char *value_id_mistake(const char *id)
{
	size_t n = strlen(id);

	if (n == 0)
		return "it is empty";
	if (n > KICK_ID_MAX)
		return "it has more than 63 characters (KICK_ID_MAX)";
	if (*id == '-' || *id == '.')
		return "it may not begin with '-' or '.'";
	for (size_t i = 0; i < n; i++) {
		if (!is_id_char(id[i]))
			return "only A-Z a-z 0-9 _ . @ - are allowed";
	}
	return NULL;
}

bool value_id(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	char quoted[DIAG_QUOTE_MAX];
	const char *mistake;

	if (!cJSON_IsString(v))
		return value_wrong_type(p, k, v, "a string");
	mistake = value_id_mistake(v->valuestring);
	if (mistake) {
		diag_error(p->diag, p->doc, v, "bad %s %s: %s", k->name,
			diag_quote(p->doc, v, quoted), mistake);
		return false;
	}
	*FIELD(const char *, base, k) = v->valuestring;
	return true;
}

bool value_text(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	if (!cJSON_IsString(v))
		return value_wrong_type(p, k, v, "a string");
	if (!*v->valuestring)
		return value_wrong_type(p, k, v, "a string that is not empty");
	*FIELD(const char *, base, k) = v->valuestring;
	return true;
}

static const char *duration_forms(const struct key *k)
{
	if (k->flags & KEY_KILL)
		return ", \"infinity\" or \"brutal_kill\"";
	return k->flags & KEY_INFINITY ? ", or \"infinity\"" : " or \"250ms\"";
}

static bool wrong_duration(struct parse *p, const struct key *k, const cJSON *v)
{
	char quoted[DIAG_QUOTE_MAX], wanted[120];

	(void)snprintf(wanted, sizeof wanted, "a duration such as \"5s\"%s",
		duration_forms(k));
	if (!cJSON_IsString(v))
		return value_wrong_type(p, k, v, wanted);
	diag_error(p->diag, p->doc, v, "\"%s\" must be %s, not %s", k->name, wanted,
		diag_quote(p->doc, v, quoted));
	return false;
}

/* A bare number: only OTP's `shutdown` knows what its unit is. */
static bool number_duration(
	struct parse *p, const struct key *k, const cJSON *v, int64_t *ret)
{
	char quoted[DIAG_QUOTE_MAX];
	double ms = v->valuedouble;

	(void)diag_quote(p->doc, v, quoted);
	if (ms < 0) {
		diag_error(p->diag, p->doc, v, "\"%s\" may not be negative: %s",
			k->name, quoted);
		return false;
	}
	if (!(k->flags & KEY_NUMBER_MS)) {
		diag_error(p->diag, p->doc, v, "%s needs a unit: \"%ss\" or \"%sms\"",
			quoted, quoted, quoted);
		return false;
	}
	if (ms != floor(ms) || ms > (double)KICK_DURATION_MAX / (double)MSEC_NS) {
		diag_error(p->diag, p->doc, v,
			"\"%s\" as a number is whole milliseconds, not %s", k->name,
			quoted);
		return false;
	}
	if (ms >= 1 && ms < 100)
		diag_warning(p->diag, p->doc, v, "%s is %s milliseconds; \"%ss\"?",
			quoted, quoted, quoted);
	*ret = (int64_t)ms * MSEC_NS;
	return true;
}

static bool text_duration(
	struct parse *p, const struct key *k, const cJSON *v, int64_t *ret)
{
	char quoted[DIAG_QUOTE_MAX];
	int r;

	if ((k->flags & KEY_INFINITY) && strcmp(v->valuestring, "infinity") == 0) {
		*ret = POLICY_INFINITY;
		return true;
	}
	if ((k->flags & KEY_KILL) && strcmp(v->valuestring, "brutal_kill") == 0) {
		*ret = POLICY_BRUTAL_KILL;
		return true;
	}
	r = num_duration(v->valuestring, ret);
	if (r == 0 && *ret <= KICK_DURATION_MAX)
		return true;
	if (r == 0 || r == -ERANGE) {
		diag_error(p->diag, p->doc, v,
			"%s is too long a time; the limit is 36500d (KICK_DURATION_MAX)",
			diag_quote(p->doc, v, quoted));
		return false;
	}
	if (*v->valuestring == '-' && num_duration(v->valuestring + 1, ret) == 0) {
		diag_error(p->diag, p->doc, v, "\"%s\" may not be negative: %s",
			k->name, diag_quote(p->doc, v, quoted));
		return false;
	}
	return wrong_duration(p, k, v);
}

bool value_duration(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	int64_t ns = 0;

	if (cJSON_IsNumber(v)) {
		if (!number_duration(p, k, v, &ns))
			return false;
	} else if (!cJSON_IsString(v)) {
		return wrong_duration(p, k, v);
	} else if (!text_duration(p, k, v, &ns)) {
		return false;
	}
	if (ns == 0 && (k->flags & KEY_POSITIVE)) {
		diag_error(p->diag, p->doc, v, "\"%s\" must be more than 0", k->name);
		return false;
	}
	*FIELD(int64_t, base, k) = ns;
	return true;
}

bool value_seconds(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	char quoted[DIAG_QUOTE_MAX];

	if (!cJSON_IsNumber(v))
		return value_wrong_type(p, k, v, "a number of seconds");
	/* Written so that a number beyond all doubles fails too. */
	if (!(v->valuedouble >= k->min && v->valuedouble <= k->max)) {
		diag_error(p->diag, p->doc, v,
			"\"%s\" must be more than 0 and at most %.0f seconds, not %s",
			k->name, k->max, diag_quote(p->doc, v, quoted));
		return false;
	}
	*FIELD(int64_t, base, k) = (int64_t)(v->valuedouble * (double)SEC_NS + 0.5);
	return true;
}

/* A whole number within the row's bounds. */
static bool whole(struct parse *p, const struct key *k, const cJSON *v, double *ret)
{
	const char *also = k->flags & KEY_INFINITY ? " or \"infinity\"" : "";
	char quoted[DIAG_QUOTE_MAX];

	if (cJSON_IsNumber(v) && v->valuedouble == floor(v->valuedouble) &&
		v->valuedouble >= k->min && v->valuedouble <= k->max &&
		fabs(v->valuedouble) <= WHOLE_MAX) {
		*ret = v->valuedouble;
		return true;
	}
	diag_error(p->diag, p->doc, v,
		"\"%s\" must be a whole number from %.0f to %.0f%s, not %s", k->name,
		k->min, k->max, also, diag_quote(p->doc, v, quoted));
	return false;
}

bool value_count(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	double number;

	if ((k->flags & KEY_INFINITY) && cJSON_IsString(v) &&
		strcmp(v->valuestring, "infinity") == 0) {
		*FIELD(uint32_t, base, k) = POLICY_NO_LIMIT;
		return true;
	}
	if (!whole(p, k, v, &number))
		return false;
	*FIELD(uint32_t, base, k) = (uint32_t)number;
	return true;
}

bool value_byte(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	double number;

	if (!whole(p, k, v, &number))
		return false;
	*FIELD(uint8_t, base, k) = (uint8_t)number;
	return true;
}

bool value_short(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	double number;

	if (!whole(p, k, v, &number))
		return false;
	*FIELD(int16_t, base, k) = (int16_t)number;
	return true;
}

bool value_real(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	char quoted[DIAG_QUOTE_MAX];

	if (!cJSON_IsNumber(v) ||
		!(v->valuedouble >= k->min && v->valuedouble <= k->max)) {
		diag_error(p->diag, p->doc, v,
			"\"%s\" must be a number from %g to %g, not %s", k->name,
			k->min, k->max, diag_quote(p->doc, v, quoted));
		return false;
	}
	*FIELD(double, base, k) = v->valuedouble;
	return true;
}

bool value_list(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct draft_list list = { 0 };
	bool ok = true;

	if (!cJSON_IsArray(v))
		return value_wrong_type(p, k, v, "an array of strings");
	list.at = arena_alloc(
		p->arena, ((size_t)cJSON_GetArraySize(v) + 1) * sizeof *list.at);
	if (!list.at)
		return false;
	for (const cJSON *item = v->child; item; item = item->next) {
		if (cJSON_IsString(item))
			list.at[list.n++] = item->valuestring;
		else
			ok = value_wrong_type(p, k, item, "an array of strings");
	}
	if (ok)
		*FIELD(struct draft_list, base, k) = list;
	return ok;
}

/* The text of a variable's value; false when it is none. Numbers are taken as they are
 * written: 1.50 stays 1.50. */
static bool env_value(struct parse *p, const cJSON *v, const char **ret)
{
	const struct jsonpos_place *place = doc_place(p->doc, v);
	char quoted[DIAG_QUOTE_MAX];
	struct err err;

	if (cJSON_IsNull(v)) {
		*ret = NULL;
	} else if (cJSON_IsString(v)) {
		if (!expand_check(v->valuestring, &err)) {
			diag_error(p->diag, p->doc, v, "%s", err.text);
			return false;
		}
		*ret = v->valuestring;
	} else if (cJSON_IsNumber(v) || cJSON_IsBool(v)) {
		*ret = arena_strndup(p->arena, p->doc->text + place->value,
			place->end - place->value);
		return *ret != NULL;
	} else {
		diag_error(p->diag, p->doc, v,
			"a variable must be a string, a number, true, false or null, "
			"not %s",
			diag_quote(p->doc, v, quoted));
		return false;
	}
	return true;
}

static bool env_key(struct parse *p, const cJSON *v)
{
	char quoted[DIAG_QUOTE_MAX];

	if (*v->string && !strchr(v->string, '='))
		return true;
	diag_key_error(p->diag, p->doc, v, "%s cannot be the name of a variable",
		diag_quote_text(v->string, quoted));
	return false;
}

bool value_env(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct draft_env *env = FIELD(struct draft_env, base, k);
	struct draft_env_pair *pairs;
	size_t n;
	bool ok = true;

	if (!cJSON_IsObject(v))
		return value_wrong_type(p, k, v, "an object");
	n = (size_t)cJSON_GetArraySize(v);
	if (n > KICK_ENV_MAX) {
		diag_error(p->diag, p->doc, v,
			"%zu variables are too many; the limit is %d", n, KICK_ENV_MAX);
		return false;
	}
	pairs = arena_alloc(p->arena, (n + 1) * sizeof *pairs);
	if (!pairs)
		return false;
	n = 0;
	for (const cJSON *item = v->child; item; item = item->next) {
		const char *text;

		if (!env_key(p, item) || !env_value(p, item, &text)) {
			ok = false;
			continue;
		}
		pairs[n++] = (struct draft_env_pair){
			.key = item->string, .value = text, .doc = p->doc, .item = item
		};
	}
	*env = (struct draft_env){ .n = n, .at = pairs };
	return ok;
}

const char *value_path(struct parse *p, const char *path)
{
	while (path[0] == '.' && path[1] == '/') {
		path += 2;
		while (*path == '/')
			path++;
	}
	if (*path == '/')
		return arena_strdup(p->arena, path);
	return arena_join(p->arena,
		(const char *const[]){
			p->doc->dir, strcmp(p->doc->dir, "/") ? "/" : "", path, NULL });
}

bool value_port(const char *text, size_t n, uint16_t *ret)
{
	unsigned port = 0;

	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9' || i == sizeof "65535" - 1)
			return false;
		port = port * 10 + (unsigned)(text[i] - '0');
	}
	if (port == 0 || port > UINT16_MAX)
		return false;
	*ret = (uint16_t)port;
	return true;
}
