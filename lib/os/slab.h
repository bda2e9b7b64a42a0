/* Memory that a forked process does not get (MADV_DONTFORK): what a supervisor keeps of
 * itself and its children is its own, and would else stay with every supervisor below
 * it, page by page, as soon as it is changed here. All of it lies together, so that
 * a small supervisor has one such page. */
#ifndef KICK_OS_SLAB_H
#define KICK_OS_SLAB_H

#include <stddef.h>

struct slab {
	size_t size; /* of one thing; set by the owner */
	void *free;  /* list of those given back */
};

/* Zeroed memory for one thing, or NULL. */
void *slab_take(struct slab *s);

/* Gives it back for the next slab_take. NULL is none. */
void slab_give(struct slab *s, void *thing);

/* Zeroed memory for the life of the process, or NULL. */
void *slab_carve(size_t size);

/* To be called first thing in a forked process, which has none of its parent's. */
void slab_forked(void);

#endif
