/* Registries: processes by keys. OTP: Elixir's Registry, of one partition. This is the
 * registry's process; registry_calls.c is what its callers do. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/macro.h"
#include "base/table.h"
#include "otp/registry_key.h"
#include "otp/registry_lock.h"
#include "otp/self.h"

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
	bool linked_before; /* the parent, who is linked all the same */
	struct entry *entries;
	UT_hash_handle hh;
};

/* A value of the registry's own. */
struct meta {
	cJSON *value;
	UT_hash_handle hh;
	char text[];
};

struct registry {
	kick_registry_keys keys;
	const char *name;
	const char *const *listeners;
	size_t n_listeners;
	struct bucket *buckets;
	struct owner *owners;
	struct meta *meta;
	struct lock *locks;
	int count;
};

/* A request, as far as it was understood. */
struct request {
	kick_from from;
	const cJSON *key, *value, *pattern, *pid;
	char *text; /* the key's; NULL: there is none */
};

/* --- entries ------------------------------------------------------------------------
 */

/* NOLINTBEGIN(readability-function-size): the tables' macros */

static struct bucket *find_bucket(const struct registry *r, const char *text)
{
	size_t len = strlen(text);
	struct bucket *b = NULL;

	HASH_FIND(hh, r->buckets, text, len, b);
	return b;
}

static struct bucket *need_bucket(struct registry *r, const char *text)
{
	struct bucket *b = find_bucket(r, text);
	size_t len = strlen(text);

	if (b)
		return b;
	b = calloc(1, sizeof *b + len + 1);
	if (!b)
		return NULL;
	memcpy(b->text, text, len + 1);
	HASH_ADD(hh, r->buckets, text[0], len, b);
	return b;
}

static struct owner *find_owner(const struct registry *r, kick_pid pid)
{
	struct owner *o;

	HASH_FIND(hh, r->owners, &pid, sizeof pid, o);
	return o;
}

static bool is_linked(kick_pid pid)
{
	cJSON *info = kick_info(self.pid);
	const cJSON *one;
	bool found = false;

	cJSON_ArrayForEach(one, cJSON_GetObjectItemCaseSensitive(info, "links"))
		found |= kick_pid_equal(kick_pid_from_json(one), pid);
	cJSON_Delete(info);
	return found;
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
	o->linked_before = kick_pid_equal(pid, self.parent) && is_linked(pid);
	(void)kick_link(pid);
	HASH_ADD(hh, r->owners, pid, sizeof o->pid, o);
	return o;
}

static void forget_owner(struct registry *r, struct owner *o)
{
	(void)kick_demonitor(o->monitor, true);
	if (!o->linked_before)
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

static bool add_entry(struct registry *r, const struct request *q)
{
	struct owner *o = need_owner(r, q->from.pid);
	struct bucket *b = o ? need_bucket(r, q->text) : NULL;
	struct entry *e = b ? calloc(1, sizeof *e) : NULL;

	if (!e)
		return false;
	e->pid = q->from.pid;
	e->bucket = b;
	e->key = cJSON_Duplicate(q->key, true);
	e->value = q->value ? cJSON_Duplicate(q->value, true) : cJSON_CreateNull();
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

/* NULL: any. */
static bool matches(const cJSON *pattern, const cJSON *value)
{
	return !pattern || registry_key_matches(pattern, value);
}

/* The holder of a unique key, unless it is dead and not cleaned up yet (REG-2). */
static const struct entry *holder(struct registry *r, const char *text)
{
	struct bucket *b = find_bucket(r, text);

	if (!b)
		return NULL;
	if (kick_alive(b->entries->pid) == 0) {
		remove_owner(r, b->entries->pid);
		return NULL;
	}
	return b->entries;
}

/* null: done; a pid: the key is taken. */
static int do_register(struct registry *r, const struct request *q, cJSON **ret)
{
	const struct entry *e = r->keys == KICK_UNIQUE ? holder(r, q->text) : NULL;

	if (e) {
		*ret = kick_pid_to_json(e->pid);
		return 0;
	}
	if (!add_entry(r, q))
		kick_raise("enomem");
	tell_listeners(r, "register", q->key, q->from.pid, q->value);
	return 0;
}

static int do_unregister(struct registry *r, const struct request *q, cJSON **ret)
{
	struct bucket *b = find_bucket(r, q->text);
	struct owner *o = find_owner(r, q->from.pid);
	struct entry *e, *next;

	(void)ret;
	DL_FOREACH_SAFE2(o && b ? o->entries : NULL, e, next, next_own)
	{
		if (e->bucket == b && matches(q->pattern, e->value))
			remove_entry(r, o, e);
	}
	if (o && !o->entries)
		forget_owner(r, o);
	tell_listeners(r, "unregister", q->key, q->from.pid, NULL);
	return 0;
}

/* A row for each entry under the key, or of all; with its key or without. */
static void list_bucket(
	const struct bucket *b, const cJSON *pattern, bool with_key, cJSON *list)
{
	struct entry *e;

	DL_FOREACH(b ? b->entries : NULL, e)
	{
		cJSON *row;

		if (!matches(pattern, e->value))
			continue;
		row = cJSON_CreateObject();
		if (with_key)
			(void)cJSON_AddItemToObject(
				row, "key", cJSON_Duplicate(e->key, true));
		(void)cJSON_AddItemToObject(row, "pid", kick_pid_to_json(e->pid));
		(void)cJSON_AddItemToObject(
			row, "value", cJSON_Duplicate(e->value, true));
		(void)cJSON_AddItemToArray(list, row);
	}
}

static int do_lookup(struct registry *r, const struct request *q, cJSON **ret)
{
	*ret = cJSON_CreateArray();
	list_bucket(find_bucket(r, q->text), NULL, false, *ret);
	return 0;
}

static int do_match(struct registry *r, const struct request *q, cJSON **ret)
{
	const struct bucket *b = q->text ? find_bucket(r, q->text) : r->buckets;

	*ret = cJSON_CreateArray();
	for (; b; b = q->text ? NULL : b->hh.next)
		list_bucket(b, q->pattern, true, *ret);
	return 0;
}

static int do_count_match(struct registry *r, const struct request *q, cJSON **ret)
{
	cJSON *list;

	(void)do_match(r, q, &list);
	*ret = cJSON_CreateNumber(cJSON_GetArraySize(list));
	cJSON_Delete(list);
	return 0;
}

static int do_whereis(struct registry *r, const struct request *q, cJSON **ret)
{
	const struct bucket *b = find_bucket(r, q->text);

	if (r->keys != KICK_UNIQUE)
		return -EINVAL;
	if (b)
		*ret = kick_pid_to_json(b->entries->pid);
	return 0;
}

static int do_keys(struct registry *r, const struct request *q, cJSON **ret)
{
	struct owner *o = find_owner(r, kick_pid_from_json(q->pid));
	struct entry *e;

	*ret = cJSON_CreateArray();
	DL_FOREACH2(o ? o->entries : NULL, e, next_own)
	(void)cJSON_AddItemToArray(*ret, cJSON_Duplicate(e->key, true));
	return 0;
}

static int do_values(struct registry *r, const struct request *q, cJSON **ret)
{
	struct owner *o = find_owner(r, kick_pid_from_json(q->pid));
	struct bucket *b = find_bucket(r, q->text);
	struct entry *e;

	*ret = cJSON_CreateArray();
	DL_FOREACH2(o ? o->entries : NULL, e, next_own)
	if (e->bucket == b)
		(void)cJSON_AddItemToArray(*ret, cJSON_Duplicate(e->value, true));
	return 0;
}

static int do_update(struct registry *r, const struct request *q, cJSON **ret)
{
	struct bucket *b = find_bucket(r, q->text);

	if (r->keys != KICK_UNIQUE)
		return -EINVAL;
	if (!b || !kick_pid_equal(b->entries->pid, q->from.pid))
		return -ENOENT;
	*ret = b->entries->value;
	b->entries->value =
		q->value ? cJSON_Duplicate(q->value, true) : cJSON_CreateNull();
	return 0;
}

static int do_count(struct registry *r, const struct request *q, cJSON **ret)
{
	(void)q;
	*ret = cJSON_CreateNumber(r->count);
	return 0;
}

/* NOLINTNEXTLINE(readability-function-size): the table's macros */
static struct meta *find_meta(const struct registry *r, const char *text)
{
	size_t len = strlen(text);
	struct meta *m;

	HASH_FIND(hh, r->meta, text, len, m);
	return m;
}

/* NOLINTNEXTLINE(readability-function-size): the table's macros */
static int do_put_meta(struct registry *r, const struct request *q, cJSON **ret)
{
	struct meta *m = find_meta(r, q->text);
	size_t len = strlen(q->text);

	(void)ret;
	if (m) {
		HASH_DELETE(hh, r->meta, m);
		cJSON_Delete(m->value);
		free(m);
	}
	if (!q->value)
		return 0;
	m = calloc(1, sizeof *m + len + 1);
	if (!m)
		return -ENOMEM;
	m->value = cJSON_Duplicate(q->value, true);
	memcpy(m->text, q->text, len + 1);
	HASH_ADD(hh, r->meta, text[0], len, m);
	return 0;
}

static int do_get_meta(struct registry *r, const struct request *q, cJSON **ret)
{
	const struct meta *m = find_meta(r, q->text);

	if (!m)
		return -ENOENT;
	*ret = cJSON_Duplicate(m->value, true);
	return 0;
}

static int do_lock(struct registry *r, const struct request *q, cJSON **ret)
{
	(void)ret;
	return registry_lock_take(&r->locks, q->text, q->from);
}

/* 0 and *ret (NULL: null), a negative errno, or -EAGAIN: it is answered later. */
typedef int request_function(struct registry *r, const struct request *q, cJSON **ret);

static const struct {
	const char *name;
	bool needs_key;
	request_function *function;
} requests[] = {
	{ "register", true, do_register },
	{ "unregister", true, do_unregister },
	{ "unregister_match", true, do_unregister },
	{ "lookup", true, do_lookup },
	{ "whereis", true, do_whereis },
	{ "keys", false, do_keys },
	{ "values", true, do_values },
	{ "match", false, do_match },
	{ "count_match", false, do_count_match },
	{ "count", false, do_count },
	{ "update", true, do_update },
	{ "put_meta", true, do_put_meta },
	{ "get_meta", true, do_get_meta },
	{ "lock", true, do_lock },
};

static const char *read_request(const cJSON *json, kick_from from, struct request *ret)
{
	*ret = (struct request){
		.from = from,
		.key = cJSON_GetObjectItemCaseSensitive(json, "key"),
		.value = cJSON_GetObjectItemCaseSensitive(json, "value"),
		.pattern = cJSON_GetObjectItemCaseSensitive(json, "pattern"),
		.pid = cJSON_GetObjectItemCaseSensitive(json, "pid"),
	};
	ret->text = registry_key_text(ret->key);
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "do")) ?: "";
}

void registry_answer(kick_from from, int r, cJSON *value)
{
	cJSON *said = cJSON_CreateObject();

	if (r < 0)
		(void)cJSON_AddNumberToObject(said, "error", r);
	else
		(void)cJSON_AddItemToObject(
			said, "ok", value ? value : cJSON_CreateNull());
	(void)kick_reply(from, said);
	cJSON_Delete(said);
}

static int handle_call(kick_server *s, kick_from from, const cJSON *json)
{
	struct request q;
	const char *what = read_request(json, from, &q);
	cJSON *value = NULL;
	int r = -EINVAL;

	for (size_t i = 0; i < ARRAY_LEN(requests); i++)
		if (strcmp(what, requests[i].name) == 0 &&
			(q.text || !requests[i].needs_key))
			r = requests[i].function(kick_server_state(s), &q, &value);
	if (r != -EAGAIN)
		registry_answer(from, r, value);
	cJSON_free(q.text);
	return KICK_OK;
}

static int handle_info(kick_server *s, const kick_message *m)
{
	struct registry *r = kick_server_state(s);
	struct request q;

	if (m->kind == KICK_DOWN) {
		remove_owner(r, m->from);
		registry_lock_forget(&r->locks, m->from);
	} else if (m->kind == KICK_MESSAGE) {
		const char *what =
			read_request(m->value, (kick_from){ m->from, 0 }, &q);

		if (strcmp(what, "unlock") == 0 && q.text)
			registry_lock_leave(&r->locks, q.text, m->from);
		cJSON_free(q.text);
	}
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

	if (!name || (keys != KICK_UNIQUE && keys != KICK_DUPLICATE) ||
		(n_listeners && !listeners))
		return -EINVAL;
	plan = (struct registry){ .keys = keys,
		.name = name,
		.listeners = listeners,
		.n_listeners = n_listeners };
	return kick_server_start_link(&callbacks, NULL, &options, ret, why);
}
