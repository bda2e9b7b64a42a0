/* `kick schema`: the tables as a JSON Schema, so that an editor completes and checks
 * what the reader will accept. Rules that look at several keys or several children are
 * the reader's alone. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/macro.h"
#include "config/keys.h"
#include "config/load.h"

#define DURATION                                                   \
	"\"type\":\"string\",\"pattern\":\"^([0-9]+(\\\\.[0-9]+)?" \
	"(ns|us|ms|s|m|h|d))+$\""
#define STRINGIFY_(x) #x
#define STRINGIFY(x) STRINGIFY_(x)

/* One limit: a value for both, or one for each. */
#define LIMIT(value)                                                            \
	"{\"anyOf\":[{\"const\":\"unlimited\"}," value ",{\"type\":\"object\"," \
	"\"additionalProperties\":false,\"minProperties\":1,\"properties\":{"   \
	"\"soft\":{\"anyOf\":[{\"const\":\"unlimited\"}," value "]},"           \
	"\"hard\":{\"anyOf\":[{\"const\":\"unlimited\"}," value "]}}}]}"
#define LIMIT_NUMBER(min, max) \
	LIMIT("{\"type\":\"integer\",\"minimum\":" min ",\"maximum\":" max "}")

/* clang-format off */
static const struct {
	const char *name;
	const char *schema;
} definitions[] = {
	{ "id", "{\"type\":\"string\",\"maxLength\":" STRINGIFY(KICK_ID_MAX)
	  ",\"pattern\":\"^[A-Za-z0-9_@][A-Za-z0-9_.@-]*$\"}" },
	{ "env", "{\"type\":\"object\",\"maxProperties\":" STRINGIFY(KICK_ENV_MAX)
	  ",\"propertyNames\":{\"pattern\":\"^[^=]+$\"},\"additionalProperties\":"
	  "{\"type\":[\"string\",\"number\",\"boolean\",\"null\"]}}" },
	{ "mode", "{\"type\":\"string\",\"pattern\":\"^0?[0-7]{1,3}$\"}" },
	{ "duration", "{" DURATION "}" },
	{ "timeout", "{\"anyOf\":[{\"const\":\"infinity\"},{" DURATION "}]}" },
	{ "stop_time", "{\"anyOf\":[{\"const\":\"infinity\"},"
	  "{\"type\":\"integer\",\"minimum\":0},{" DURATION "}]}" },
	{ "shutdown", "{\"anyOf\":[{\"enum\":[\"infinity\",\"brutal_kill\"]},"
	  "{\"type\":\"integer\",\"minimum\":0},{" DURATION "}]}" },
	{ "start", "{\"anyOf\":[{\"type\":\"string\",\"minLength\":1},"
	  "{\"type\":\"array\","
	  "\"items\":{\"type\":\"string\"},\"minItems\":1,\"maxItems\":"
	  STRINGIFY(KICK_ARGV_MAX) "}]}" },
	{ "env_file", "{\"anyOf\":[{\"type\":\"string\",\"minLength\":1},"
	  "{\"type\":\"array\",\"items\":{\"type\":\"string\",\"minLength\":1}}]}" },
	{ "success_exit", "{\"type\":\"array\",\"items\":{"
	  "\"anyOf\":[{\"type\":\"string\"},"
	  "{\"type\":\"integer\",\"minimum\":0,\"maximum\":255}]}}" },
	{ "stdin", "{\"type\":\"string\",\"pattern\":\"^(null|inherit|file:.+)$\"}" },
	{ "stdout",
	  "{\"type\":\"string\",\"pattern\":\"^(null|inherit|log|file:.+)$\"}" },
	{ "address", "{\"type\":\"string\",\"pattern\":"
	  "\"^(localhost|[0-9.]+|\\\\[[0-9A-Fa-f:.]+\\\\]):[0-9]{1,5}$\"}" },
	{ "url", "{\"type\":\"string\",\"maxLength\":" STRINGIFY(KICK_PROBE_TARGET_MAX)
	  ",\"pattern\":\"^http://(localhost|[0-9.]+|\\\\[[0-9A-Fa-f:.]+\\\\])"
	  "(:[0-9]{1,5})?([/?][!$-~]*)?$\"}" },
	{ "line", "{\"type\":\"string\",\"minLength\":1,\"maxLength\":"
	  STRINGIFY(KICK_PROBE_TARGET_MAX) ",\"pattern\":\"^[^\\n]*$\"}" },
	{ "ready_fd", "{\"type\":\"integer\",\"minimum\":" STRINGIFY(KICK_READY_FD_MIN)
	  ",\"maximum\":" STRINGIFY(KICK_READY_FD_MAX) "}" },
	{ "limit_size", LIMIT("{\"type\":\"integer\",\"minimum\":0,\"maximum\":"
	  "9007199254740992},{\"type\":\"string\",\"pattern\":"
	  "\"^[0-9]+([Bb]|[KMGTkmgt]([Ii]?[Bb])?)?$\"}") },
	{ "limit_time", LIMIT("{" DURATION "}") },
	{ "limit_count", LIMIT_NUMBER("0", "9007199254740992") },
	{ "limit_nofile", LIMIT_NUMBER("1", "9007199254740992") },
	{ "limit_nice", LIMIT_NUMBER("0", "40") },
	{ "limit_rtprio", LIMIT_NUMBER("0", "99") },
	{ "capabilities", "{\"type\":\"array\",\"items\":{\"type\":\"string\","
	  "\"pattern\":\"^([Cc][Aa][Pp]_)?[A-Za-z_]+$\"}}" },
	{ "max_restarts", "{\"anyOf\":[{\"const\":\"infinity\"},{\"type\":\"integer\","
	  "\"minimum\":0,\"maximum\":" STRINGIFY(KICK_RESTARTS_MAX) "}]}" },
	{ "max_children", "{\"anyOf\":[{\"const\":\"infinity\"},{\"type\":\"integer\","
	  "\"minimum\":0,\"maximum\":" STRINGIFY(KICK_CHILDREN_MAX) "}]}" },
	{ "partitions", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":"
	  STRINGIFY(KICK_CHILDREN_MAX) "}" },
	{ "socket_address", "{\"type\":\"string\",\"pattern\":"
	  "\"^((tcp|udp)://([0-9.]+|\\\\[[0-9a-fA-F:.]+\\\\]):[0-9]+|unix:.+)$\"}" },
	{ "backlog", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":"
	  STRINGIFY(KICK_BACKLOG_MAX) "}" },
	{ "sockets", "{\"type\":\"object\",\"maxProperties\":"
	  STRINGIFY(KICK_SOCKETS_MAX)
	  ",\"propertyNames\":{\"$ref\":\"#/$defs/id\"},\"additionalProperties\":{"
	  "\"anyOf\":[{\"$ref\":\"#/$defs/socket_address\"},"
	  "{\"$ref\":\"#/$defs/socket\"}]}}" },
	{ "socket_names", "{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/id\"},"
	  "\"maxItems\":" STRINGIFY(KICK_CHILD_SOCKETS_MAX) "}" },
	{ "children", "{\"type\":\"array\",\"maxItems\":" STRINGIFY(KICK_CHILDREN_MAX)
	  ",\"items\":{\"$ref\":\"#/$defs/child\"}}" },
	{ "child", "{\"$ref\":\"#/$defs/keys\",\"required\":[\"id\"],"
	  "\"if\":{\"properties\":{\"type\":{\"const\":\"worker\"}}},"
	  "\"then\":{\"required\":[\"start\"]}}" },
	{ "template", "{\"$ref\":\"#/$defs/keys\",\"properties\":{\"id\":false}}" },
};
/* clang-format on */

static void add_enum(struct buf *out, const struct key *k)
{
	buf_adds(out, "\"enum\":[");
	for (size_t i = 0; i < k->n_names; i++) {
		buf_adds(out, i > 0 ? "," : "");
		buf_add_json(out, k->names[i], strlen(k->names[i]));
	}
	buf_addc(out, ']');
}

/* The schema of one key, with its documentation and default. */
static void add_key(struct buf *out, const struct key *k)
{
	buf_add_json(out, k->name, strlen(k->name));
	buf_adds(out, ":{");
	if (k->n_names > 0)
		add_enum(out, k);
	else
		buf_add(out, k->schema + 1, strlen(k->schema) - 2);
	if (k->doc) {
		buf_adds(out, ",\"description\":");
		buf_add_json(out, k->doc, strlen(k->doc));
	}
	if (k->def)
		buf_addf(out, ",\"default\":%s", k->def);
	buf_addc(out, '}');
}

static bool is_in_schema(const struct key *k, unsigned in)
{
	return k->read && (k->in & in) && !(k->flags & KEY_NO_SCHEMA);
}

static bool add_keys(struct buf *out, const struct key_table *t, unsigned in, bool more)
{
	for (size_t i = 0; i < t->n; i++) {
		if (!is_in_schema(&t->keys[i], in))
			continue;
		buf_adds(out, more ? "," : "");
		add_key(out, &t->keys[i]);
		more = true;
	}
	return more;
}

static void add_object(struct buf *out, const char *name, const struct key_table *t,
	unsigned in, const char *more)
{
	buf_addf(out,
		",\"%s\":{\"type\":\"object\",\"additionalProperties\":false,"
		"\"properties\":{",
		name);
	(void)add_keys(out, t, in, false);
	buf_addf(out, "}%s}", more);
}

static const struct key *key_at(const struct key_table *const tables[2], size_t i)
{
	return i < tables[0]->n ? &tables[0]->keys[i]
				: &tables[1]->keys[i - tables[0]->n];
}

/* Of keys with KEY_ONE_OF exactly one, and with it only those that go with it. */
static void add_ways(struct buf *out, const struct key_table *const tables[2])
{
	bool more = false;

	buf_adds(out, ",\"anyOf\":[");
	for (size_t i = 0; i < tables[0]->n + tables[1]->n; i++) {
		const struct key *way = key_at(tables, i);
		bool inner = false;

		if (!way->read || !(way->flags & KEY_ONE_OF))
			continue;
		buf_addf(out, "%s{\"required\":[\"%s\"],\"properties\":{",
			more ? "," : "", way->name);
		for (size_t j = 0; j < tables[0]->n + tables[1]->n; j++) {
			const struct key *k = key_at(tables, j);

			if (!k->read || k == way ||
				(!(k->flags & KEY_ONE_OF) &&
					(way->flags & KEY_PROBING)))
				continue;
			buf_addf(out, "%s\"%s\":false", inner ? "," : "", k->name);
			inner = true;
		}
		buf_adds(out, "}}");
		more = true;
	}
	buf_addc(out, ']');
}

static void add_asking(
	struct buf *out, const char *name, const struct key_table *own, unsigned in)
{
	const struct key_table *const tables[2] = { own, &probe_keys };

	buf_addf(out,
		",\"%s\":{\"type\":\"object\",\"additionalProperties\":false,"
		"\"properties\":{",
		name);
	(void)add_keys(out, &probe_keys, in, add_keys(out, own, in, false));
	buf_addc(out, '}');
	add_ways(out, tables);
	buf_addc(out, '}');
}

/* The shapes of a child: how each is known, and what holds besides its keys. */
static const struct shape {
	unsigned in;
	const char *when, *then;
	const char *required; /* or NULL */
} shapes[] = {
	{ IN_WORKER, "\"properties\":{\"type\":{\"const\":\"worker\"}}", "", NULL },
	{ IN_SUP,
		"\"properties\":{\"type\":{\"const\":\"supervisor\"},\"start\":false},"
		"\"required\":[\"type\"]",
		"", NULL },
	{ IN_CODE,
		"\"properties\":{\"type\":{\"const\":\"supervisor\"}},"
		"\"required\":[\"type\",\"start\"]",
		",\"link\":{\"const\":true}", NULL },
	{ IN_DYNAMIC,
		"\"properties\":{\"type\":{\"const\":\"dynamic_supervisor\"}},"
		"\"required\":[\"type\"]",
		",\"strategy\":{\"const\":\"one_for_one\"},"
		"\"auto_shutdown\":{\"const\":\"never\"}",
		NULL },
	{ IN_PARTITION,
		"\"properties\":{\"type\":{\"const\":\"partition_supervisor\"}},"
		"\"required\":[\"type\"]",
		",\"auto_shutdown\":{\"const\":\"never\"}", "child" },
	{ IN_REGISTRY,
		"\"properties\":{\"type\":{\"const\":\"registry\"}},"
		"\"required\":[\"type\"]",
		"", NULL },
	{ IN_AGENT,
		"\"properties\":{\"type\":{\"const\":\"agent\"}},"
		"\"required\":[\"type\"]",
		"", NULL },
};

/* Of a child of this shape: the keys that it cannot have. */
static void add_shape_rule(struct buf *out, const struct shape *shape)
{
	bool more = false;

	buf_addf(out, "{\"if\":{%s},\"then\":{\"properties\":{", shape->when);
	for (size_t i = 0; i < child_keys.n; i++) {
		const struct key *k = &child_keys.keys[i];

		if (!is_in_schema(k, IN_CHILD) || (k->in & shape->in))
			continue;
		buf_addf(out, "%s\"%s\":false", more ? "," : "", k->name);
		more = true;
	}
	buf_addf(out, "%s}", shape->then);
	if (shape->required)
		buf_addf(out, ",\"required\":[\"%s\"]", shape->required);
	buf_adds(out, "}}");
}

static void add_link_rule(struct buf *out)
{
	bool more = false;

	buf_adds(out,
		"{\"if\":{\"properties\":{\"link\":{\"const\":true}},"
		"\"required\":[\"link\"]},\"then\":{\"properties\":{");
	for (size_t i = 0; i < child_keys.n; i++) {
		const char *name = child_keys.keys[i].name;

		if (!key_link_mistake(name))
			continue;
		buf_addf(out, "%s\"%s\":false", more ? "," : "", name);
		more = true;
	}
	buf_adds(out, "}}}");
}

static void add_child_keys(struct buf *out)
{
	buf_adds(out,
		",\"keys\":{\"type\":\"object\",\"additionalProperties\":false,"
		"\"properties\":{");
	(void)add_keys(out, &child_keys, IN_CHILD, false);
	buf_adds(out, "},\"allOf\":[");
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
		add_shape_rule(out, &shapes[i]);
		buf_addc(out, ',');
	}
	add_link_rule(out);
	buf_adds(out, "]}");
}

void config_schema(struct buf *out)
{
	buf_adds(out,
		"{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
		"\"title\":\"kick.json\",\"type\":\"object\","
		"\"additionalProperties\":false,\"properties\":{");
	(void)add_keys(
		out, &child_keys, IN_TOP, add_keys(out, &top_keys, IN_TOP, false));
	buf_adds(out, "},\"$defs\":{");
	for (size_t i = 0; i < ARRAY_LEN(definitions); i++)
		buf_addf(out, "%s\"%s\":%s", i > 0 ? "," : "", definitions[i].name,
			definitions[i].schema);
	add_object(out, "socket", &socket_keys, IN_TOP, ",\"required\":[\"address\"]");
	add_object(out, "control", &control_keys, IN_TOP, "");
	add_object(out, "backoff", &backoff_keys, IN_CHILD, "");
	add_object(out, "cgroup", &cgroup_keys, IN_PROGRAM, "");
	add_object(out, "limits", &limits_keys, IN_PROGRAM, "");
	add_asking(out, "ready", &ready_keys, IN_WORKER);
	add_asking(out, "health", &health_keys, IN_WORKER);
	add_child_keys(out);
	buf_adds(out, "}}\n");
}
