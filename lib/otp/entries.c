/* See entries.h. */
#include "otp/entries.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/limits.h"
#include "base/table.h"
#include "otp/jsonval.h"

struct entry {
	struct bucket *bucket;
	struct owner *owner;
	struct entry *prev, *next;	   /* under the same key */
	struct entry *prev_own, *next_own; /* of the same owner */
	size_t size;
	char value[]; /* JSON */
};

/* All entries of one key. */
struct bucket {
	struct entry *entries;
	UT_hash_handle hh;
	char key[]; /* JSON, of equal keys the same */
};

struct owner {
	void *who;
	struct entry *entries;
	uint64_t round; /* of entries_each_owner, the last */
	UT_hash_handle hh;
};

struct entries {
	bool unique;
	struct bucket *buckets;
	struct owner *owners;
	size_t n, size;
	uint64_t round;
};

struct entries *entries_new(bool unique)
{
	struct entries *e = calloc(1, sizeof *e);

	if (e)
		e->unique = unique;
	return e;
}

/* --- tables -------------------------------------------------------------------------
 */

/* NOLINTBEGIN(readability-function-size): the tables' macros */

static struct bucket *find_bucket(const struct entries *e, const struct buf *key)
{
	struct bucket *b = NULL;

	if (buf_ok(key))
		HASH_FIND(hh, e->buckets, key->data, key->len, b);
	return b;
}

static struct bucket *need_bucket(struct entries *e, const struct buf *key)
{
	struct bucket *b = find_bucket(e, key);

	if (b)
		return b;
	b = calloc(1, sizeof *b + key->len + 1);
	if (!b)
		return NULL;
	memcpy(b->key, key->data, key->len);
	HASH_ADD(hh, e->buckets, key[0], key->len, b);
	if (b->hh.tbl)
		return b;
	free(b);
	return NULL;
}

static struct owner *find_owner(const struct entries *e, const void *who)
{
	struct owner *o = NULL;

	HASH_FIND_PTR(e->owners, &who, o);
	return o;
}

static struct owner *need_owner(struct entries *e, void *who)
{
	struct owner *o = find_owner(e, who);

	if (o)
		return o;
	o = calloc(1, sizeof *o);
	if (!o)
		return NULL;
	o->who = who;
	HASH_ADD_PTR(e->owners, who, o);
	if (o->hh.tbl)
		return o;
	free(o);
	return NULL;
}

static void put_away(struct entries *e, struct bucket *b, struct owner *o)
{
	if (b && !b->entries) {
		HASH_DEL(e->buckets, b);
		free(b);
	}
	if (o && !o->entries) {
		HASH_DEL(e->owners, o);
		free(o);
	}
}

static void remove_entry(struct entries *e, struct entry *t)
{
	DL_DELETE2(t->bucket->entries, t, prev, next);
	DL_DELETE2(t->owner->entries, t, prev_own, next_own);
	e->n--;
	e->size -= t->size;
	free(t);
}

static void link_entry(struct entries *e, struct entry *t)
{
	DL_APPEND2(t->bucket->entries, t, prev, next);
	DL_APPEND2(t->owner->entries, t, prev_own, next_own);
	e->n++;
	e->size += t->size;
}

void entries_drop(struct entries *e, const void *owner)
{
	struct owner *o = find_owner(e, owner);

	while (o && o->entries) {
		struct bucket *b = o->entries->bucket;

		remove_entry(e, o->entries);
		put_away(e, b, NULL);
	}
	put_away(e, NULL, o);
}

/* NOLINTEND(readability-function-size) */

void entries_free(struct entries *e)
{
	if (!e)
		return;
	while (e->owners)
		entries_drop(e, e->owners->who);
	free(e);
}

static enum entries_result key_text(const cJSON *key, struct buf *ret)
{
	buf_init(ret, KICK_KEY_MAX);
	json_add(ret, key, true);
	return buf_ok(ret) ? ENTRIES_OK : ENTRIES_TOO_BIG;
}

/* --- changes ------------------------------------------------------------------------
 */

static enum entries_result add(
	struct entries *e, void *who, const struct buf *key, const struct buf *value)
{
	size_t size = key->len + value->len;
	struct bucket *b = find_bucket(e, key);
	struct owner *o;
	struct entry *t;

	if (b && e->unique)
		return ENTRIES_TAKEN;
	if (e->n >= KICK_ENTRIES_MAX || e->size + size > KICK_REGISTRY_MAX)
		return ENTRIES_FULL;
	b = need_bucket(e, key);
	o = need_owner(e, who);
	t = b && o ? malloc(sizeof *t + value->len + 1) : NULL;
	if (!t) {
		put_away(e, b, o);
		return ENTRIES_NO_MEMORY;
	}
	*t = (struct entry){ .bucket = b, .owner = o, .size = size };
	memcpy(t->value, value->data, value->len + 1);
	link_entry(e, t);
	return ENTRIES_OK;
}

enum entries_result entries_register(
	struct entries *e, void *owner, const cJSON *key, const cJSON *value)
{
	struct buf name, text;
	enum entries_result r = key_text(key, &name);

	buf_init(&text, KICK_REGISTRY_MAX);
	json_add(&text, value, false);
	if (r == ENTRIES_OK)
		r = buf_ok(&text) ? add(e, owner, &name, &text) : ENTRIES_NO_MEMORY;
	buf_done(&name);
	buf_done(&text);
	return r;
}

enum entries_result entries_unregister(
	struct entries *e, const void *owner, const cJSON *key)
{
	struct owner *o = find_owner(e, owner);
	struct buf name;
	enum entries_result r = key_text(key, &name);
	struct bucket *b = find_bucket(e, &name);
	struct entry *t, *next;

	buf_done(&name);
	if (!b || !o)
		return r;
	for (t = b->entries; t; t = next) {
		next = t->next;
		if (t->owner == o)
			remove_entry(e, t);
	}
	put_away(e, b, o);
	return r;
}

/* --- questions ----------------------------------------------------------------------
 */

size_t entries_count(const struct entries *e)
{
	return e->n;
}

void entries_add_values(const struct entries *e, const cJSON *key, struct buf *out)
{
	struct buf name;
	const struct bucket *b;

	(void)key_text(key, &name);
	b = find_bucket(e, &name);
	buf_done(&name);
	buf_addc(out, '[');
	for (const struct entry *t = b ? b->entries : NULL; t; t = t->next) {
		if (t != b->entries)
			buf_addc(out, ',');
		buf_adds(out, t->value);
	}
	buf_addc(out, ']');
}

void entries_add_keys(const struct entries *e, const void *owner, struct buf *out)
{
	const struct owner *o = find_owner(e, owner);

	buf_addc(out, '[');
	for (const struct entry *t = o ? o->entries : NULL; t; t = t->next_own) {
		if (t != o->entries)
			buf_addc(out, ',');
		buf_adds(out, t->bucket->key);
	}
	buf_addc(out, ']');
}

void entries_each_owner(struct entries *e, const cJSON *key,
	void (*call)(void *user, void *owner), void *user)
{
	struct buf name;
	const struct bucket *b;

	(void)key_text(key, &name);
	b = find_bucket(e, &name);
	buf_done(&name);
	e->round++;
	for (const struct entry *t = b ? b->entries : NULL; t; t = t->next) {
		if (t->owner->round == e->round)
			continue;
		t->owner->round = e->round;
		call(user, t->owner->who);
	}
}
