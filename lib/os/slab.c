/* See slab.h. Chunks are never returned: a supervisor that had many children may have
 * them again. */
#include "os/slab.h"

#include <string.h>
#include <sys/mman.h>

#define CHUNK ((size_t)64 << 10)

static char *unused; /* the rest of the last chunk */
static size_t left;

void slab_forked(void)
{
	left = 0;
}

static int more(void)
{
	void *chunk = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (chunk == MAP_FAILED)
		return -1;
	(void)madvise(chunk, CHUNK, MADV_DONTFORK);
	unused = chunk;
	left = CHUNK;
	return 0;
}

void *slab_carve(size_t size)
{
	size_t rounded = (size + 15) & ~(size_t)15;
	void *thing;

	if (rounded > CHUNK || (left < rounded && more() < 0))
		return NULL;
	thing = unused;
	unused += rounded;
	left -= rounded;
	return thing;
}

void *slab_take(struct slab *s)
{
	void *thing = s->free;

	if (!thing)
		return slab_carve(s->size);
	memcpy(&s->free, thing, sizeof s->free);
	memset(thing, 0, s->size);
	return thing;
}

void slab_give(struct slab *s, void *thing)
{
	if (!thing)
		return;
	memcpy(thing, &s->free, sizeof s->free);
	s->free = thing;
}
