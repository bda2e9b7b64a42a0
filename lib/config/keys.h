/* The keys of the configuration as tables: reader, JSON Schema, dump and documentation
 * tests all go by them. A new key is a row here, an entry in the manual page, a good
 * and a bad example. */
#ifndef KICK_CONFIG_KEYS_H
#define KICK_CONFIG_KEYS_H

#include "config/draft.h"
#include "config/users.h"

struct key;

/* Where ids stand for a child that is being read. */
enum id_rule {
	ID_NEEDED,
	ID_OPTIONAL,
	ID_REFUSED
};

/* The state of one run of the reader. */
struct parse {
	struct arena *arena;
	struct diag *diag;
	const struct doc *doc;
	struct users users;
	struct draft_sup *sup; /* the supervisor whose children are being read */
	unsigned depth;	       /* of that supervisor; the top one has 0 */
	const char *partition; /* the number of the innermost one around; or NULL */
	unsigned n_partitions; /* read so far */
	cJSON *copies;	       /* of what is read for each partition; owned */
};

/* Reads the value v of a key into base + offset. False when it is wrong and that has
 * been said, or when there is no memory. */
typedef bool key_read(struct parse *p, const struct key *k, const cJSON *v, void *base);

/* Where a key may stand. */
enum {
	IN_WORKER = 1,
	IN_SUP = 2,
	IN_DYNAMIC = 4,
	IN_TOP = 8,
	IN_ARGS = 16, /* a child that has a template */
	IN_AGENT = 32,
	IN_REGISTRY = 64,
	IN_CODE = 128, /* a supervisor with a program: its children are in its code */
	IN_PARTITION = 256,
	IN_PROGRAM = IN_WORKER | IN_CODE,
	IN_CHILD = IN_PROGRAM | IN_SUP | IN_DYNAMIC | IN_PARTITION | IN_AGENT |
		IN_REGISTRY,
	IN_ANY_SUP = IN_SUP | IN_DYNAMIC | IN_PARTITION | IN_TOP,
};

enum {
	KEY_LAST = 1,	    /* read after the others: it looks at them */
	KEY_INFINITY = 2,   /* "infinity" is allowed */
	KEY_KILL = 4,	    /* "brutal_kill" is allowed */
	KEY_NUMBER_MS = 8,  /* a bare number is milliseconds */
	KEY_POSITIVE = 16,  /* 0 is not allowed */
	KEY_NO_SCHEMA = 32, /* not part of a file */
	KEY_ONE_OF = 64,    /* of these, an object has exactly one */
	KEY_PROBING = 128,  /* only beside one of those that has this flag too */
};

struct key {
	const char *name;
	key_read *read; /* NULL: a later version's */
	unsigned in;
	unsigned flags;
	size_t offset;
	double min, max;
	const char *noun; /* of enumerations, in messages */
	const char *const *names;
	size_t n_names;
	const char *schema; /* JSON; of enumerations made from names */
	const char *def;    /* JSON; NULL without a default */
	const char *doc;
};

struct key_table {
	const struct key *keys;
	size_t n;
};

extern const struct key_table top_keys;	    /* base: struct draft_config */
extern const struct key_table child_keys;   /* base: struct draft_child */
extern const struct key_table include_keys; /* base: struct draft_config */
extern const struct key_table socket_keys;  /* base: struct draft_socket */
extern const struct key_table control_keys; /* base: struct draft_config */
extern const struct key_table backoff_keys; /* base: struct backoff */
extern const struct key_table ready_keys;   /* base: struct draft_child */
extern const struct key_table limits_keys;  /* base: struct attrs */
extern const struct key_table limit_keys;   /* of one limit */
extern const struct key_table cgroup_keys;  /* base: struct attrs */
extern const struct key_table health_keys;  /* base: struct draft_probe */
extern const struct key_table probe_keys;   /* base: struct draft_probe; in both */

/* A table with the struct that it is about, while an object is read. */
struct key_use {
	const struct key_table *table;
	void *base;
	uint64_t failed; /* bit per row whose value was wrong */
};

const struct key *key_find(const struct key_table *t, const char *name);

/* Reads all members of obj. in: one of IN_*, or 0 when that is not known. */
void keys_read(
	struct parse *p, const cJSON *obj, struct key_use *uses, size_t n, unsigned in);

/* The key is there and its value was right. */
bool keys_have(const struct key_use *use, const cJSON *obj, const char *name);

/* Why a program that speaks libkick has no key of this name, or NULL. */
const char *key_link_mistake(const char *name);

static inline const cJSON *json_get(const cJSON *obj, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(obj, name);
}

#endif
