/* The loader makes thousands of small things that all end together, on success as on
 * failure. One arena spares each of them a destructor. */
#include "config/arena.h"

#include <stdlib.h>
#include <string.h>

#include "base/macro.h"

#define CHUNK_SIZE ((size_t)64 << 10)
#define ALIGNMENT _Alignof(max_align_t)

struct arena_chunk {
	struct arena_chunk *next;
	size_t size;
	_Alignas(ALIGNMENT) char data[];
};

void arena_init(struct arena *a)
{
	*a = (struct arena){ 0 };
}

void arena_done(struct arena *a)
{
	while (a->chunks) {
		struct arena_chunk *chunk = a->chunks;

		a->chunks = chunk->next;
		free(chunk);
	}
	arena_init(a);
}

static int add_chunk(struct arena *a, size_t size)
{
	size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;
	struct arena_chunk *chunk = calloc(1, sizeof *chunk + room);

	if (!chunk)
		return -1;
	chunk->next = a->chunks;
	chunk->size = room;
	a->chunks = chunk;
	a->used = 0;
	return 0;
}

void *arena_alloc(struct arena *a, size_t size)
{
	void *ret;

	if (size > SIZE_MAX / 4) {
		a->failed = true;
		return NULL;
	}
	size = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
	if (!a->chunks || a->chunks->size - a->used < size) {
		if (add_chunk(a, size) < 0) {
			a->failed = true;
			return NULL;
		}
	}
	ret = a->chunks->data + a->used;
	a->used += size;
	return ret;
}

char *arena_strndup(struct arena *a, const char *text, size_t n)
{
	char *ret = arena_alloc(a, n + 1);

	if (ret)
		memcpy(ret, text, n);
	return ret;
}

char *arena_strdup(struct arena *a, const char *text)
{
	return arena_strndup(a, text, strlen(text));
}

char *arena_join(struct arena *a, const char *const *parts)
{
	size_t n = 0;
	char *ret, *at;

	for (const char *const *p = parts; *p; p++)
		n += strlen(*p);
	ret = arena_alloc(a, n + 1);
	if (!ret)
		return NULL;
	at = ret;
	for (const char *const *p = parts; *p; p++)
		at = stpcpy(at, *p);
	return ret;
}
