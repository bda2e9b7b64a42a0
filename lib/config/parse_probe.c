/* Readers of "ready" and "health": what says, or how it is asked, whether a child is
 * ready, or well. A supervisor looks up no names, so addresses are numbers. */
#include <arpa/inet.h>
#include <string.h>

#include "base/limits.h"
#include "base/macro.h"
#include "base/num.h"
#include "config/values.h"

#define READY_INTERVAL SEC_NS
#define READY_TIMEOUT SEC_NS
#define HEALTH_INTERVAL (10 * SEC_NS)
#define HEALTH_TIMEOUT (5 * SEC_NS)
#define HEALTH_RETRIES 3

#define HTTP_PORT 80

/* --- addresses ----------------------------------------------------------------------
 */

static bool parse_host(const char *text, size_t n, struct probe_spec *s)
{
	char host[INET6_ADDRSTRLEN + 2];

	if (n == 0 || n >= sizeof host)
		return false;
	memcpy(host, text, n);
	host[n] = '\0';
	s->family = 0;
	if (strcmp(host, "localhost") == 0)
		return true;
	s->family = 4;
	if (*host != '[')
		return inet_pton(AF_INET, host, s->ip) == 1;
	s->family = 6;
	if (host[n - 1] != ']')
		return false;
	host[n - 1] = '\0';
	return inet_pton(AF_INET6, host + 1, s->ip) == 1;
}

/* "127.0.0.1:80", "[::1]:80", "localhost:80"; the port may be left out where there is
 * a default. */
static bool parse_address(
	const char *text, size_t n, uint16_t default_port, struct probe_spec *s)
{
	const char *colon = memrchr(text, ':', n);

	/* One within the brackets is the address's own. */
	if (colon && memchr(colon, ']', n - (size_t)(colon - text)))
		colon = NULL;
	s->port = default_port;
	if (!colon)
		return default_port > 0 && parse_host(text, n, s);
	return parse_host(text, (size_t)(colon - text), s) &&
		value_port(colon + 1, n - (size_t)(colon - text) - 1, &s->port);
}

static bool is_short(struct parse *p, const struct key *k, const cJSON *v)
{
	if (strlen(v->valuestring) <= KICK_PROBE_TARGET_MAX)
		return true;
	diag_error(p->diag, p->doc, v,
		"\"%s\" is too long; the limit is %d bytes (KICK_PROBE_TARGET_MAX)",
		k->name, KICK_PROBE_TARGET_MAX);
	return false;
}

bool way_tcp(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct draft_probe *d = base;

	if (!cJSON_IsString(v) ||
		!parse_address(v->valuestring, strlen(v->valuestring), 0, &d->spec))
		return value_wrong_type(p, k, v,
			"an address such as \"127.0.0.1:4000\", \"[::1]:4000\" or "
			"\"localhost:4000\" (other names are not looked up)");
	d->spec.kind = PROBE_TCP;
	d->target = v->valuestring;
	return true;
}

/* What may stand in the first line of a request: all else would end it, or begin
 * another one. */
static bool is_plain(const char *text)
{
	for (; *text; text++) {
		if (*text <= ' ' || *text > '~' || *text == '#' || *text == '"')
			return false;
	}
	return true;
}

static bool parse_url(struct parse *p, const char *url, struct draft_probe *d)
{
	const char *host = url + strlen("http://");
	size_t n = strcspn(host, "/?");

	if (strncmp(url, "http://", strlen("http://")) != 0 || !is_plain(url) ||
		!parse_address(host, n, HTTP_PORT, &d->spec))
		return false;
	d->host = arena_strndup(p->arena, host, n);
	d->path = host[n] == '/'
		? host + n
		: arena_join(p->arena, (const char *const[]){ "/", host + n, NULL });
	return d->host && d->path;
}

bool way_http(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct draft_probe *d = base;

	if (cJSON_IsString(v) && strncmp(v->valuestring, "https:", 6) == 0) {
		diag_error(p->diag, p->doc, v,
			"kick itself speaks no TLS; use \"exec\" with a program that "
			"does, such as [\"curl\", \"-fsS\", \"-o\", \"/dev/null\", "
			"\"%.100s\"]",
			v->valuestring);
		return false;
	}
	if (cJSON_IsString(v) && !is_short(p, k, v))
		return false;
	if (!cJSON_IsString(v) || !parse_url(p, v->valuestring, d))
		return value_wrong_type(p, k, v,
			"a URL such as \"http://127.0.0.1:4000/health\" (of hosts only "
			"numbers and localhost: other names are not looked up)");
	d->spec.kind = PROBE_HTTP;
	d->target = v->valuestring;
	return true;
}

bool way_exec(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct draft_probe *d = base;

	d->spec.kind = PROBE_EXEC;
	return value_command(p, k, v, &d->argv, &d->spec.shell);
}

bool way_watchdog(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct draft_probe *d = base;

	d->spec.kind = PROBE_WATCHDOG;
	if (!value_duration(p, k, v, base))
		return false;
	/* The program is told in whole microseconds, and half of that is its time. */
	if (d->spec.interval_ns >= MSEC_NS)
		return true;
	diag_error(p->diag, p->doc, v, "\"%s\" must be at least 1ms", k->name);
	return false;
}

bool ready_log(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct draft_child *c = base;

	if (!value_text(p, &(struct key){ .name = k->name }, v, &c->ready_log) ||
		!is_short(p, k, v))
		return false;
	if (!strchr(v->valuestring, '\n'))
		return true;
	return value_wrong_type(p, k, v, "a part of one line");
}

/* --- the objects --------------------------------------------------------------------
 */

static const struct key *row_of(const struct key_use uses[2], const char *name)
{
	const struct key *k = key_find(uses[0].table, name);

	return k ? k : key_find(uses[1].table, name);
}

/* Exactly one key says how, and the others fit it. NULL: that is wrong and was said. */
static const struct key *find_way(struct parse *p, const struct key *k, const cJSON *v,
	const struct key_use uses[2], const char *wanted)
{
	const struct key *way = NULL;
	unsigned given = 0;

	for (const cJSON *m = v->child; m; m = m->next) {
		const struct key *row = row_of(uses, m->string);

		if (!row || !(row->flags & KEY_ONE_OF))
			continue;
		way = row;
		given++;
	}
	if (given != 1) {
		diag_error(p->diag, p->doc, v, "\"%s\" must be %s", k->name, wanted);
		return NULL;
	}
	for (const cJSON *m = v->child; m; m = m->next) {
		const struct key *row = row_of(uses, m->string);

		if (row == way || way->flags & KEY_PROBING)
			continue;
		diag_key_error(p->diag, p->doc, m,
			"\"%s\" is for \"tcp\", \"http\" and \"exec\"; there are no "
			"probes with \"%s\"",
			m->string, way->name);
		return NULL;
	}
	return way;
}

/* Reads the members. NULL: something is wrong and was said. */
static const struct key *read_object(struct parse *p, const struct key *k,
	const cJSON *v, struct key_use uses[2], const char *wanted)
{
	unsigned errors = p->diag->errors;

	if (!cJSON_IsObject(v)) {
		(void)value_wrong_type(p, k, v, wanted);
		return NULL;
	}
	keys_read(p, v, uses, 2, 0);
	if (p->diag->errors > errors)
		return NULL;
	return find_way(p, k, v, uses, wanted);
}

bool child_ready(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	static const char wanted[] =
		"one of {\"notify\": true}, {\"fd\": 3}, {\"exit\": true}, {\"log\": "
		"\"text\"}, {\"tcp\": "
		"\"127.0.0.1:80\"}, {\"http\": \"http://127.0.0.1/\"}, {\"exec\": "
		"[\"program\"]}";
	static const struct {
		const char *name;
		enum ready_kind kind;
	} kinds[] = {
		{ "notify", READY_NOTIFY },
		{ "fd", READY_FD },
		{ "exit", READY_EXIT },
		{ "log", READY_LOG },
	};
	struct draft_child *c = base;
	struct draft_probe probe = { .spec = { .interval_ns = READY_INTERVAL,
					     .timeout_ns = READY_TIMEOUT } };
	struct key_use uses[2] = { { .table = &ready_keys, .base = base },
		{ .table = &probe_keys, .base = &probe } };
	const struct key *way = read_object(p, k, v, uses, wanted);

	if (!way)
		return false;
	c->ready = READY_PROBE;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(kinds[i].name, way->name) == 0)
			c->ready = (uint8_t)kinds[i].kind;
	if (c->ready != READY_LOG)
		c->ready_log = NULL;
	c->policy.oneshot = c->ready == READY_EXIT;
	c->probe = c->ready == READY_PROBE ? probe : (struct draft_probe){ 0 };
	return true;
}

bool child_health(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	static const char wanted[] =
		"one of {\"tcp\": \"127.0.0.1:80\"}, {\"http\": "
		"\"http://127.0.0.1/\"}, {\"exec\": [\"program\"]}, {\"watchdog\": "
		"\"10s\"}";
	struct draft_child *c = base;
	struct draft_probe probe = { .spec = { .interval_ns = HEALTH_INTERVAL,
					     .timeout_ns = HEALTH_TIMEOUT,
					     .retries = HEALTH_RETRIES } };
	struct key_use uses[2] = { { .table = &health_keys, .base = &probe },
		{ .table = &probe_keys, .base = &probe } };

	if (!read_object(p, k, v, uses, wanted))
		return false;
	if (probe.spec.kind == PROBE_WATCHDOG) {
		probe.spec.timeout_ns = 0;
		probe.spec.retries = 0;
	}
	c->health = probe;
	return true;
}
