/* A registry without its process: keys, values, and who holds them. A key is any JSON
 * value; equal values are equal keys. Owners are told apart by their address. Pure. */
#ifndef KICK_OTP_ENTRIES_H
#define KICK_OTP_ENTRIES_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct entries;

enum entries_result {
	ENTRIES_OK,
	ENTRIES_TAKEN,	 /* somebody has the key, and keys are unique */
	ENTRIES_FULL,	 /* KICK_ENTRIES_MAX, KICK_REGISTRY_MAX */
	ENTRIES_TOO_BIG, /* the key: KICK_KEY_MAX */
	ENTRIES_NO_MEMORY
};

/* NULL for want of memory. */
struct entries *entries_new(bool unique);
void entries_free(struct entries *e);

enum entries_result entries_register(
	struct entries *e, void *owner, const cJSON *key, const cJSON *value);

/* All of the owner's under the key; none is fine. */
enum entries_result entries_unregister(
	struct entries *e, const void *owner, const cJSON *key);

/* All of the owner's. */
void entries_drop(struct entries *e, const void *owner);

size_t entries_count(const struct entries *e);

/* Appends an array: the values under a key, the keys of an owner, in the order in which
 * they were registered. */
void entries_add_values(const struct entries *e, const cJSON *key, struct buf *out);
void entries_add_keys(const struct entries *e, const void *owner, struct buf *out);

/* Calls back for each owner of the key, once. The callee changes nothing here. */
void entries_each_owner(struct entries *e, const cJSON *key,
	void (*call)(void *user, void *owner), void *user);

#endif
