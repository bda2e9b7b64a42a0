/* Users and groups by name, asked of the system's database once each. May wait: never
 * in a supervisor's loop but for a single specification. */
#ifndef KICK_CONFIG_USERS_H
#define KICK_CONFIG_USERS_H

#include <stdint.h>

#include "config/arena.h"

struct users_user {
	struct users_user *next;
	const char *asked; /* as it was asked for: a name or a number */
	const char *name;  /* NULL: a number that the database does not know */
	const char *home;
	uint32_t uid, gid; /* gid only with a name */
	uint32_t n_groups; /* only with a name */
	const uint32_t *groups;
};

struct users_group {
	struct users_group *next;
	const char *asked;
	uint32_t gid;
};

struct users {
	struct users_user *users;
	struct users_group *groups;
};

/* Borrowed from the arena. -ENOENT: no such user; -ENOMEM; else what the lookup said.
 */
int users_find(struct users *u, struct arena *a, const char *name,
	const struct users_user **ret);
int users_find_group(struct users *u, struct arena *a, const char *name, uint32_t *ret);

#endif
