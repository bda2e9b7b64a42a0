/* Memory of things of one size that a forked process does not get (MADV_DONTFORK): what
 * a supervisor keeps of its children is its own, and would else stay with every
 * supervisor below it, page by page, as soon as it is changed here (KERNEL.md M12). */
#ifndef KICK_OS_SLAB_H
#define KICK_OS_SLAB_H

#include <stddef.h>

struct slab {
	size_t size; /* of one thing; set by the owner */
	void *free;  /* list of those given back */
	char *next;  /* of the last chunk: not yet used */
	size_t left;
};

/* Zeroed memory for one thing, or NULL. */
void *slab_take(struct slab *s);

/* Gives it back for the next slab_take. NULL is none. */
void slab_give(struct slab *s, void *thing);

#endif
