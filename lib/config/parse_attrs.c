/* Readers of niceness, limits and capabilities. A limit is written in what it counts:
 * bytes as sizes, times as durations, all else as numbers. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/macro.h"
#include "base/names.h"
#include "base/num.h"
#include "config/values.h"

/* 2^53: whole numbers above are not exact in a double. */
#define WHOLE_MAX 9007199254740992.0

bool child_nice(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct draft_child *c = base;

	c->attrs.has_nice = value_short(p, k, v, base);
	return c->attrs.has_nice;
}

bool child_oom_score_adj(
	struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct draft_child *c = base;

	c->attrs.has_oom_score_adj = value_short(p, k, v, base);
	return c->attrs.has_oom_score_adj;
}

/* --- limits -------------------------------------------------------------------------
 */

static bool is_unlimited(const cJSON *v)
{
	return cJSON_IsString(v) && strcmp(v->valuestring, "unlimited") == 0;
}

static bool is_whole(const cJSON *v, double min, double max)
{
	return cJSON_IsNumber(v) && v->valuedouble == floor(v->valuedouble) &&
		v->valuedouble >= min && v->valuedouble <= max;
}

static bool read_bytes(
	struct parse *p, const struct key *k, const cJSON *v, uint64_t *ret)
{
	if (is_whole(v, 0, WHOLE_MAX)) {
		*ret = (uint64_t)v->valuedouble;
		return true;
	}
	if (cJSON_IsString(v) && num_size(v->valuestring, ret) == 0)
		return true;
	return value_wrong_type(p, k, v, "a size such as \"64M\", or \"unlimited\"");
}

static bool read_count(
	struct parse *p, const struct key *k, const cJSON *v, uint64_t *ret)
{
	char wanted[80];

	if (is_whole(v, k->min, k->max)) {
		*ret = (uint64_t)v->valuedouble;
		return true;
	}
	(void)snprintf(wanted, sizeof wanted,
		"a whole number from %.0f to %.0f, or \"unlimited\"", k->min, k->max);
	return value_wrong_type(p, k, v, wanted);
}

/* Of the unit's own length in nanoseconds. */
static bool read_time(struct parse *p, const struct key *k, const cJSON *v,
	int64_t unit, uint64_t *ret)
{
	const char *parts = unit == SEC_NS ? "seconds" : "microseconds";
	const struct key named = { .name = k->name };
	char quoted[DIAG_QUOTE_MAX];
	int64_t ns = 0;

	/* Without its unit: the reader of durations knows what to say. */
	if (cJSON_IsNumber(v))
		return value_duration(p, &named, v, &ns);
	if (!cJSON_IsString(v) || num_duration(v->valuestring, &ns) < 0)
		return value_wrong_type(
			p, k, v, "a duration such as \"5s\", or \"unlimited\"");
	if (ns % unit != 0) {
		diag_error(p->diag, p->doc, v, "\"%s\" counts whole %s, not %s",
			k->name, parts, diag_quote(p->doc, v, quoted));
		return false;
	}
	*ret = (uint64_t)(ns / unit);
	return true;
}

static bool read_half(
	struct parse *p, const struct key *k, const cJSON *v, uint64_t *ret)
{
	if (is_unlimited(v)) {
		*ret = RLIM_INFINITY;
		return true;
	}
	switch (limit_kinds[k->offset].unit) {
	case LIMIT_BYTES:
		return read_bytes(p, k, v, ret);
	case LIMIT_COUNT:
		return read_count(p, k, v, ret);
	case LIMIT_SECONDS:
		return read_time(p, k, v, SEC_NS, ret);
	case LIMIT_MICROSECONDS:
		return read_time(p, k, v, USEC_NS, ret);
	}
	return false;
}

/* Both halves of one limit, while they are read. */
struct halves {
	const struct key *of;
	struct limit limit;
	bool given[2];
};

bool limit_half(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct halves *h = base;
	bool is_hard = k->offset == 1;

	h->given[is_hard] = true;
	return read_half(p, h->of, v, is_hard ? &h->limit.hard : &h->limit.soft);
}

static bool read_halves(
	struct parse *p, const struct key *k, const cJSON *v, struct halves *h)
{
	struct key_use use = { .table = &limit_keys, .base = h };
	unsigned errors = p->diag->errors;

	if (!cJSON_IsObject(v)) {
		h->given[0] = h->given[1] = true;
		if (!read_half(p, k, v, &h->limit.soft))
			return false;
		h->limit.hard = h->limit.soft;
		return true;
	}
	keys_read(p, v, &use, 1, 0);
	if (p->diag->errors > errors)
		return false;
	if (!h->given[0] && !h->given[1]) {
		diag_error(p->diag, p->doc, v,
			"\"%s\" states neither \"soft\" nor \"hard\"", k->name);
		return false;
	}
	if (!h->given[0] || !h->given[1] || h->limit.soft <= h->limit.hard)
		return true;
	diag_error(p->diag, p->doc, json_get(v, "soft"),
		"\"soft\" of \"%s\" is above its \"hard\"", k->name);
	return false;
}

/* The key's offset is the resource. */
bool limits_one(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct attrs *a = base;
	struct halves h = { .of = k };
	uint16_t bit = (uint16_t)(1u << k->offset);

	if (!read_halves(p, k, v, &h))
		return false;
	a->limits[k->offset] = h.limit;
	a->soft |= h.given[0] ? bit : 0;
	a->hard |= h.given[1] ? bit : 0;
	return true;
}

bool limits_locks(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	(void)base;
	diag_key_error(p->diag, p->doc, v,
		"\"%s\" cannot be set: kick keeps there which child a process belongs "
		"to; the kernel does not look at it",
		k->name);
	return false;
}

bool child_limits(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct draft_child *c = base;
	struct attrs a = { 0 };
	struct key_use use = { .table = &limits_keys, .base = &a };

	if (!cJSON_IsObject(v))
		return value_wrong_type(
			p, k, v, "an object such as {\"nofile\": 4096}");
	keys_read(p, v, &use, 1, 0);
	if (use.failed)
		return false;
	memcpy(c->attrs.limits, a.limits, sizeof a.limits);
	c->attrs.soft = a.soft;
	c->attrs.hard = a.hard;
	return true;
}

/* --- control group ------------------------------------------------------------------
 */

bool cgroup_size(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct attrs *a = base;
	uint64_t size = 0;

	if (cJSON_IsString(v) ? num_size(v->valuestring, &size) == 0
			      : is_whole(v, 1, WHOLE_MAX))
		a->memory_max = cJSON_IsString(v) ? size : (uint64_t)v->valuedouble;
	return a->memory_max > 0 ||
		value_wrong_type(p, k, v, "a size such as \"64M\", more than 0");
}

bool cgroup_cpus(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct attrs *a = base;
	double cpus = 0;

	if (!value_real(p,
		    &(struct key){ .name = k->name, .min = k->min, .max = k->max }, v,
		    &cpus))
		return false;
	a->cpu_max = (uint64_t)llround(cpus * 1000);
	return true;
}

bool cgroup_pids(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct attrs *a = base;
	char wanted[60];

	if (is_whole(v, k->min, k->max)) {
		a->pids_max = (uint64_t)v->valuedouble;
		return true;
	}
	(void)snprintf(wanted, sizeof wanted, "a whole number from %.0f to %.0f",
		k->min, k->max);
	return value_wrong_type(p, k, v, wanted);
}

bool child_cgroup(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct draft_child *c = base;
	struct attrs a = { 0 };
	struct key_use use = { .table = &cgroup_keys, .base = &a };
	unsigned errors = p->diag->errors;

	if (!cJSON_IsObject(v))
		return value_wrong_type(
			p, k, v, "an object such as {\"memory_max\": \"512M\"}");
	keys_read(p, v, &use, 1, 0);
	c->attrs.has_cgroup = true;
	c->attrs.memory_max = a.memory_max;
	c->attrs.cpu_max = a.cpu_max;
	c->attrs.pids_max = a.pids_max;
	return p->diag->errors == errors;
}

/* --- capabilities -------------------------------------------------------------------
 */

static bool read_capability(
	struct parse *p, const struct key *k, const cJSON *v, uint64_t *set)
{
	char quoted[DIAG_QUOTE_MAX];
	const char *suggestion;
	int n;

	if (!cJSON_IsString(v))
		return value_wrong_type(
			p, k, v, "an array of names such as \"CAP_NET_BIND_SERVICE\"");
	n = capability_parse(v->valuestring);
	if (n >= 0) {
		*set |= UINT64_C(1) << n;
		return true;
	}
	suggestion = names_suggest(capability_names, ATTRS_NCAPS, v->valuestring);
	diag_error(p->diag, p->doc, v, "there is no capability %s%s%s%s",
		diag_quote(p->doc, v, quoted), suggestion ? "; did you mean \"" : "",
		suggestion ? suggestion : "", suggestion ? "\"?" : "");
	return false;
}

bool child_capabilities(
	struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct draft_child *c = base;
	uint64_t set = 0;
	bool ok = true;

	if (!cJSON_IsArray(v))
		return value_wrong_type(
			p, k, v, "an array of names such as \"CAP_NET_BIND_SERVICE\"");
	for (const cJSON *item = v->child; item; item = item->next)
		ok = read_capability(p, k, item, &set) && ok;
	c->attrs.capabilities = set;
	c->attrs.has_capabilities = true;
	return ok;
}
