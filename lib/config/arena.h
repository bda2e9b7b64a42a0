/* Memory that lives as long as one run of the loader and is given back as a whole. */
#ifndef KICK_CONFIG_ARENA_H
#define KICK_CONFIG_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks;
	size_t used; /* of the newest chunk */
	bool failed; /* some allocation did not succeed */
};

void arena_init(struct arena *a);
void arena_done(struct arena *a);

/* Zeroed and aligned for anything; NULL, and `failed` stays set, without memory. */
void *arena_alloc(struct arena *a, size_t size);
char *arena_strndup(struct arena *a, const char *text, size_t n);
char *arena_strdup(struct arena *a, const char *text);

/* All of the strings after each other, until NULL. */
char *arena_join(struct arena *a, const char *const *parts);

#endif
