/* A registry of the configuration: a process that knows who holds which key, and tells
 * all who hold one. What is registered belongs to a connection and ends with it. The
 * table is in otp/entries.c. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/macro.h"
#include "control/servicing.h"
#include "otp/entries.h"
#include "otp/jsonval.h"
#include "otp/service.h"

#define STRINGIFY(x) #x
#define AS_TEXT(x) STRINGIFY(x)

struct registryproc {
	struct service service;
	struct entries *entries;
};

struct verb {
	const char *name;
	const char *second; /* the other member, or NULL */
	bool second_needed;
	bool is_look;
	void (*run)(struct registryproc *p, struct call *call, const cJSON *given,
		const cJSON *second);
};

/* --- the verbs ----------------------------------------------------------------------
 */

static void answer_result(struct call *call, enum entries_result r)
{
	switch (r) {
	case ENTRIES_OK:
		service_done(call);
		break;
	case ENTRIES_TAKEN:
		service_refuse(call, "already_registered",
			"somebody holds this key, and keys are unique");
		break;
	case ENTRIES_FULL:
		service_refuse(call, "full",
			"a registry has at most " AS_TEXT(
				KICK_ENTRIES_MAX) " entries (KICK_ENTRIES_MAX), and "
						  "64 MiB of keys and values "
						  "(KICK_REGISTRY_MAX)");
		break;
	case ENTRIES_TOO_BIG:
		service_refuse(
			call, "too_big", "a key has at most 4 KiB (KICK_KEY_MAX)");
		break;
	case ENTRIES_NO_MEMORY:
		service_refuse(call, "no_memory", "no memory");
		break;
	}
}
static_assert(KICK_KEY_MAX == 4 << 10 && KICK_REGISTRY_MAX == 64 << 20,
	"the messages tell them");

static void do_register(
	struct registryproc *p, struct call *call, const cJSON *key, const cJSON *value)
{
	static const cJSON null = { .type = cJSON_NULL };
	struct client *cl = call->client;
	enum entries_result r =
		entries_register(p->entries, cl, key, value ? value : &null);

	if (r == ENTRIES_OK)
		client_keep(cl);
	answer_result(call, r);
}

static void do_unregister(struct registryproc *p, struct call *call, const cJSON *key,
	const cJSON *unused)
{
	(void)unused;
	answer_result(call, entries_unregister(p->entries, call->client, key));
}

static void do_lookup(struct registryproc *p, struct call *call, const cJSON *key,
	const cJSON *unused)
{
	struct buf out;

	(void)unused;
	buf_init(&out, 0);
	entries_add_values(p->entries, key, &out);
	server_reply(call, &out);
	buf_done(&out);
}

static void do_keys(struct registryproc *p, struct call *call, const cJSON *null,
	const cJSON *unused)
{
	struct buf out;

	(void)null;
	(void)unused;
	buf_init(&out, 0);
	entries_add_keys(p->entries, call->client, &out);
	server_reply(call, &out);
	buf_done(&out);
}

static void do_count(struct registryproc *p, struct call *call, const cJSON *null,
	const cJSON *unused)
{
	struct buf out;

	(void)null;
	(void)unused;
	buf_init(&out, 0);
	buf_addf(&out, "%zu", entries_count(p->entries));
	server_reply(call, &out);
	buf_done(&out);
}

struct telling {
	struct buf params;
	unsigned told;
};

static void tell(void *user, void *owner)
{
	struct telling *t = user;

	t->told += server_notify(owner, "message", &t->params);
}

static void do_dispatch(struct registryproc *p, struct call *call, const cJSON *key,
	const cJSON *message)
{
	struct telling t = { .told = 0 };
	struct buf out;

	buf_init(&t.params, 0);
	buf_adds(&t.params, "{\"key\":");
	json_add(&t.params, key, false);
	buf_adds(&t.params, ",\"message\":");
	json_add(&t.params, message, false);
	buf_addc(&t.params, '}');
	entries_each_owner(p->entries, key, tell, &t);
	buf_init(&out, 0);
	buf_addf(&out, "%u", t.told);
	server_reply(call, &out);
	buf_done(&out);
	buf_done(&t.params);
}

/* --- requests -----------------------------------------------------------------------
 */

static const struct verb verbs[] = {
	{ "register", "value", false, false, do_register },
	{ "unregister", NULL, false, false, do_unregister },
	{ "lookup", NULL, false, true, do_lookup },
	{ "keys", NULL, false, true, do_keys },
	{ "count", NULL, false, true, do_count },
	{ "dispatch", "message", true, false, do_dispatch },
};

/* The verb of a request with the members that it needs and no others, or NULL. */
static const struct verb *verb_of(const cJSON *request)
{
	int n = cJSON_IsObject(request) ? cJSON_GetArraySize(request) : 0;

	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		const struct verb *v = &verbs[i];
		bool second = v->second &&
			cJSON_GetObjectItemCaseSensitive(request, v->second);

		if (n > 0 && cJSON_GetObjectItemCaseSensitive(request, v->name))
			return n == 1 + second && (second || !v->second_needed) ? v
										: NULL;
	}
	return NULL;
}

static bool is_look(const cJSON *request)
{
	const struct verb *v = verb_of(request);

	return v && v->is_look;
}

static void on_request(struct service *s, struct call *call, const cJSON *request)
{
	struct registryproc *p = container_of(s, struct registryproc, service);
	const struct verb *v = verb_of(request);

	if (!v)
		service_refuse(call, "badarg",
			"a request is {\"register\": KEY, \"value\": VALUE}, "
			"{\"unregister\": KEY}, {\"lookup\": KEY}, {\"keys\": null}, "
			"{\"count\": null} or {\"dispatch\": KEY, \"message\": MESSAGE}");
	else
		v->run(p, call, cJSON_GetObjectItemCaseSensitive(request, v->name),
			v->second ? cJSON_GetObjectItemCaseSensitive(request, v->second)
				  : NULL);
}

static void on_closed(struct service *s, struct client *cl)
{
	entries_drop(container_of(s, struct registryproc, service)->entries, cl);
}

_Noreturn void registryproc_main(const struct supervisor_start *start)
{
	static const struct service_calls calls = {
		.is_look = is_look, .request = on_request, .closed = on_closed
	};
	static struct registryproc p;

	p.entries = entries_new(start->spec->registry_keys == 0);
	if (!p.entries)
		service_fail(&p.service, "failed_to_start:setup:ENOMEM");
	service_run(&p.service, start, &calls);
}
