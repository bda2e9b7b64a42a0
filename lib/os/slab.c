/* See slab.h. Chunks are never returned: a supervisor that had many children may have
 * them again. */
#include "os/slab.h"

#include <string.h>
#include <sys/mman.h>

#define CHUNK (64 << 10)

static size_t rounded(const struct slab *s)
{
	return (s->size + 15) & ~(size_t)15;
}

static int more(struct slab *s)
{
	char *chunk = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (chunk == MAP_FAILED)
		return -1;
	(void)madvise(chunk, CHUNK, MADV_DONTFORK);
	s->next = chunk;
	s->left = CHUNK / rounded(s);
	return 0;
}

void *slab_take(struct slab *s)
{
	void *thing = s->free;

	if (thing) {
		memcpy(&s->free, thing, sizeof s->free);
		memset(thing, 0, s->size);
		return thing;
	}
	if (s->left == 0 && more(s) < 0)
		return NULL;
	thing = s->next;
	s->next += rounded(s);
	s->left--;
	return thing;
}

void slab_give(struct slab *s, void *thing)
{
	if (!thing)
		return;
	memcpy(thing, &s->free, sizeof s->free);
	s->free = thing;
}
