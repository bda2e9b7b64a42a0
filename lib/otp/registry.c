/* Registries: processes by keys. OTP: Elixir's Registry, of one partition. */
#include "otp/registry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/macro.h"
#include "base/table.h"

/* For what the registry says of itself: it answers at once. */
#define ANSWER_MS KICK_INFINITY

struct entry {
	kick_pid pid;
	cJSON *key, *value;
	struct entry *prev, *next;	   /* under the same key */
	struct entry *prev_own, *next_own; /* of the same process */
	struct bucket *bucket;
};

/* All entries of one key. */
struct bucket {
	struct entry *entries;
	UT_hash_handle hh;
	char text[]; /* the key, printed */
};

struct owner {
	kick_pid pid;
	kick_ref monitor;
	struct entry *entries;
	UT_hash_handle hh;
};

struct registry {
	kick_registry_keys keys;
	const char *name;
	const char *const *listeners;
	size_t n_listeners;
	struct bucket *buckets;
	struct owner *owners;
	int count;
};

/* --- entries ------------------------------------------------------------------------
 */

/* NOLINTBEGIN(readability-function-size): the tables' macros */

static struct bucket *find_bucket(const struct registry *r, const cJSON *key)
{
	char *text = cJSON_PrintUnformatted(key);
	struct bucket *b = NULL;

	if (text)
		HASH_FIND(hh, r->buckets, text, strlen(text), b);
	cJSON_free(text);
	return b;
}

static struct bucket *need_bucket(struct registry *r, const cJSON *key)
{
	struct bucket *b = find_bucket(r, key);
	char *text;

	if (b)
		return b;
	text = cJSON_PrintUnformatted(key);
	b = text ? calloc(1, sizeof *b + strlen(text) + 1) : NULL;
	if (b) {
		(void)strcpy(b->text, text);
		HASH_ADD(hh, r->buckets, text[0], strlen(b->text), b);
	}
	cJSON_free(text);
	return b;
}

static struct owner *find_owner(const struct registry *r, kick_pid pid)
{
	struct owner *o;

	HASH_FIND(hh, r->owners, &pid, sizeof pid, o);
	return o;
}

/* REG-10: linked, so that the registry's end is theirs. */
static struct owner *need_owner(struct registry *r, kick_pid pid)
{
	struct owner *o = find_owner(r, pid);

	if (o)
		return o;
	o = calloc(1, sizeof *o);
	if (!o)
		return NULL;
	o->pid = pid;
	if (kick_monitor(pid, &o->monitor) < 0) {
		free(o);
		return NULL;
	}
	(void)kick_link(pid);
	HASH_ADD(hh, r->owners, pid, sizeof o->pid, o);
	return o;
}

static void forget_owner(struct registry *r, struct owner *o)
{
	(void)kick_demonitor(o->monitor, true);
	(void)kick_unlink(o->pid);
	HASH_DELETE(hh, r->owners, o);
	free(o);
}

static void remove_entry(struct registry *r, struct owner *o, struct entry *e)
{
	struct bucket *b = e->bucket;

	DL_DELETE(b->entries, e);
	DL_DELETE2(o->entries, e, prev_own, next_own);
	cJSON_Delete(e->key);
	cJSON_Delete(e->value);
	free(e);
	r->count--;
	if (b->entries)
		return;
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): b is in the table */
	HASH_DELETE(hh, r->buckets, b);
	free(b);
}

static bool add_entry(
	struct registry *r, kick_pid pid, const cJSON *key, const cJSON *value)
{
	struct owner *o = need_owner(r, pid);
	struct bucket *b = o ? need_bucket(r, key) : NULL;
	struct entry *e = b ? calloc(1, sizeof *e) : NULL;

	if (!e)
		return false;
	e->pid = pid;
	e->bucket = b;
	e->key = cJSON_Duplicate(key, true);
	e->value = value ? cJSON_Duplicate(value, true) : cJSON_CreateNull();
	DL_APPEND(b->entries, e);
	DL_APPEND2(o->entries, e, prev_own, next_own);
	r->count++;
	return true;
}

static void remove_owner(struct registry *r, kick_pid pid)
{
	struct owner *o = find_owner(r, pid);

	if (!o)
		return;
	while (o->entries)
		remove_entry(r, o, o->entries);
	forget_owner(r, o);
}

/* NOLINTEND(readability-function-size) */

/* --- requests -----------------------------------------------------------------------
 */

static void tell_listeners(const struct registry *r, const char *what, const cJSON *key,
	kick_pid pid, const cJSON *value)
{
	cJSON *said = cJSON_CreateArray();

	(void)cJSON_AddItemToArray(said, cJSON_CreateString(what));
	(void)cJSON_AddItemToArray(said, cJSON_CreateString(r->name));
	(void)cJSON_AddItemToArray(said, cJSON_Duplicate(key, true));
	(void)cJSON_AddItemToArray(said, kick_pid_to_json(pid));
	if (value)
		(void)cJSON_AddItemToArray(said, cJSON_Duplicate(value, true));
	for (size_t i = 0; i < r->n_listeners; i++)
		(void)kick_send_nowait(kick_to_name(r->listeners[i]), said);
	cJSON_Delete(said);
}

/* The holder of a unique key, unless it is dead and not cleaned up yet (REG-2). */
static const struct entry *holder(struct registry *r, const cJSON *key)
{
	struct bucket *b = find_bucket(r, key);

	if (!b)
		return NULL;
	if (kick_alive(b->entries->pid) == 0) {
		remove_owner(r, b->entries->pid);
		return NULL;
	}
	return b->entries;
}

/* null: done; a pid: the key is taken. */
static cJSON *do_register(
	struct registry *r, kick_pid from, const cJSON *key, const cJSON *value)
{
	const struct entry *e = r->keys == KICK_UNIQUE ? holder(r, key) : NULL;

	if (e)
		return kick_pid_to_json(e->pid);
	if (!add_entry(r, from, key, value))
		kick_raise("enomem");
	tell_listeners(r, "register", key, from, value);
	return cJSON_CreateNull();
}

static cJSON *do_unregister(struct registry *r, kick_pid from, const cJSON *key)
{
	struct bucket *b = find_bucket(r, key);
	struct owner *o = find_owner(r, from);
	struct entry *e, *next;

	if (o && b) {
		DL_FOREACH_SAFE2(o->entries, e, next, next_own)
		{
			if (e->bucket == b)
				remove_entry(r, o, e);
			/* The last of a key takes its bucket along. */
			b = find_bucket(r, key);
		}
	}
	if (o && !o->entries)
		forget_owner(r, o);
	tell_listeners(r, "unregister", key, from, NULL);
	return cJSON_CreateNull();
}

static cJSON *do_lookup(struct registry *r, const cJSON *key)
{
	struct bucket *b = find_bucket(r, key);
	cJSON *list = cJSON_CreateArray();
	struct entry *e;

	DL_FOREACH(b ? b->entries : NULL, e)
	{
		cJSON *row = cJSON_CreateObject();

		(void)cJSON_AddItemToObject(row, "pid", kick_pid_to_json(e->pid));
		(void)cJSON_AddItemToObject(
			row, "value", cJSON_Duplicate(e->value, true));
		(void)cJSON_AddItemToArray(list, row);
	}
	return list;
}

/* Of one process: its keys, or its values under a key. */
static cJSON *do_list(struct registry *r, const cJSON *who, const cJSON *key_or_null)
{
	struct owner *o = find_owner(r, kick_pid_from_json(who));
	struct bucket *b = key_or_null ? find_bucket(r, key_or_null) : NULL;
	cJSON *list = cJSON_CreateArray();
	struct entry *e;

	DL_FOREACH2(o ? o->entries : NULL, e, next_own)
	{
		if (!key_or_null)
			(void)cJSON_AddItemToArray(list, cJSON_Duplicate(e->key, true));
		else if (e->bucket == b)
			(void)cJSON_AddItemToArray(
				list, cJSON_Duplicate(e->value, true));
	}
	return list;
}

/* [OLD], or [] when the caller has no such entry. */
static cJSON *do_update(
	struct registry *r, kick_pid from, const cJSON *key, const cJSON *value)
{
	struct bucket *b = r->keys == KICK_UNIQUE ? find_bucket(r, key) : NULL;
	cJSON *list = cJSON_CreateArray();

	if (!b || !kick_pid_equal(b->entries->pid, from))
		return list;
	(void)cJSON_AddItemToArray(list, b->entries->value);
	b->entries->value = value ? cJSON_Duplicate(value, true) : cJSON_CreateNull();
	return list;
}

static cJSON *answer_of(struct registry *r, kick_pid from, const cJSON *q)
{
	const char *what =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(q, "do"));
	const cJSON *key = cJSON_GetObjectItemCaseSensitive(q, "key");
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(q, "value");
	const cJSON *pid = cJSON_GetObjectItemCaseSensitive(q, "pid");

	if (!what)
		return cJSON_CreateNull();
	if (strcmp(what, "register") == 0)
		return do_register(r, from, key, value);
	if (strcmp(what, "unregister") == 0)
		return do_unregister(r, from, key);
	if (strcmp(what, "lookup") == 0)
		return do_lookup(r, key);
	if (strcmp(what, "list") == 0)
		return do_list(r, pid, key);
	if (strcmp(what, "update") == 0)
		return do_update(r, from, key, value);
	return cJSON_CreateNumber(r->count);
}

static int handle_call(kick_server *s, kick_from from, const cJSON *request)
{
	cJSON *answer = answer_of(kick_server_state(s), from.pid, request);

	(void)kick_reply(from, answer);
	cJSON_Delete(answer);
	return KICK_OK;
}

static int handle_info(kick_server *s, const kick_message *m)
{
	if (m->kind == KICK_DOWN)
		remove_owner(kick_server_state(s), m->from);
	return KICK_OK;
}

/* What the starter's memory has for the new process. */
static struct registry plan;

static int init(kick_server *s, const cJSON *args)
{
	(void)args;
	kick_server_set_state(s, &plan);
	return KICK_OK;
}

static const kick_gen_server callbacks = {
	.init = init, .handle_call = handle_call, .handle_info = handle_info
};

int kick_registry_start_link(const char *name, kick_registry_keys keys,
	const char *const *listeners, size_t n_listeners, kick_pid *ret,
	kick_reason *why)
{
	kick_start_options options = { .name = name, .trap_exit = true };

	if (!name)
		return -EINVAL;
	plan = (struct registry){ .keys = keys,
		.name = name,
		.listeners = listeners,
		.n_listeners = n_listeners };
	return kick_server_start_link(&callbacks, NULL, &options, ret, why);
}

/* --- the caller's side --------------------------------------------------------------
 */

static cJSON *question(const char *what, const cJSON *key)
{
	cJSON *q = cJSON_CreateObject();

	(void)cJSON_AddStringToObject(q, "do", what);
	if (key)
		(void)cJSON_AddItemToObject(q, "key", cJSON_Duplicate(key, true));
	return q;
}

/* Takes the question over. */
static int ask(const char *registry, cJSON *q, cJSON **ret)
{
	int r = q ? kick_call(kick_to_name(registry), q, ANSWER_MS, ret, NULL)
		  : -ENOMEM;

	cJSON_Delete(q);
	return r;
}

int kick_registry_register(const char *registry, const cJSON *key, const cJSON *value,
	kick_pid *ret_holder)
{
	cJSON *q = question("register", key), *said = NULL;
	bool taken;
	int r;

	(void)cJSON_AddItemToObject(
		q, "value", value ? cJSON_Duplicate(value, true) : cJSON_CreateNull());
	r = ask(registry, q, &said);
	taken = r == 0 && cJSON_IsString(said);
	if (taken && ret_holder)
		*ret_holder = kick_pid_from_json(said);
	cJSON_Delete(said);
	return taken ? -EEXIST : r;
}

int kick_registry_unregister(const char *registry, const cJSON *key)
{
	return ask(registry, question("unregister", key), NULL);
}

int kick_registry_lookup(const char *registry, const cJSON *key, cJSON **ret)
{
	return ask(registry, question("lookup", key), ret);
}

int kick_registry_keys_of(const char *registry, kick_pid pid, cJSON **ret)
{
	cJSON *q = question("list", NULL);

	(void)cJSON_AddItemToObject(q, "pid", kick_pid_to_json(pid));
	return ask(registry, q, ret);
}

int kick_registry_values(
	const char *registry, const cJSON *key, kick_pid pid, cJSON **ret)
{
	cJSON *q = question("list", key);

	(void)cJSON_AddItemToObject(q, "pid", kick_pid_to_json(pid));
	return ask(registry, q, ret);
}

int kick_registry_count(const char *registry)
{
	cJSON *said = NULL;
	int r = ask(registry, question("count", NULL), &said);

	if (r == 0)
		r = (int)cJSON_GetNumberValue(said);
	cJSON_Delete(said);
	return r;
}

int kick_registry_update_value(
	const char *registry, const cJSON *key, const cJSON *value, cJSON **old)
{
	cJSON *q = question("update", key), *said = NULL, *was;
	int r;

	(void)cJSON_AddItemToObject(
		q, "value", value ? cJSON_Duplicate(value, true) : cJSON_CreateNull());
	r = ask(registry, q, &said);
	was = cJSON_DetachItemFromArray(said, 0);
	cJSON_Delete(said);
	if (r == 0 && !was)
		return -ENOENT;
	if (old)
		*old = was;
	else
		cJSON_Delete(was);
	return r;
}

int kick_registry_dispatch(
	const char *registry, const cJSON *key, kick_registry_entry *entry, void *user)
{
	cJSON *list = NULL, *row;
	int r = kick_registry_lookup(registry, key, &list);

	cJSON_ArrayForEach(row, list)
		entry(kick_pid_from_json(cJSON_GetObjectItemCaseSensitive(row, "pid")),
			cJSON_GetObjectItemCaseSensitive(row, "value"), user);
	cJSON_Delete(list);
	return r;
}

int registry_whereis(const char *registry, const cJSON *key, kick_pid *ret)
{
	cJSON *list = NULL;
	int r = kick_registry_lookup(registry, key, &list);
	const cJSON *row = cJSON_GetArrayItem(list, 0);

	if (r == 0 && row)
		*ret = kick_pid_from_json(cJSON_GetObjectItemCaseSensitive(row, "pid"));
	if (r == 0 && (!row || kick_alive(*ret) != 1))
		r = -ESRCH;
	cJSON_Delete(list);
	return r;
}
