/* Most children print little, some print a lot, and nobody looks at most of it: so a
 * ring takes as much memory as its lines need, and none before the first one. Records
 * lie one after the other, a struct lastline and then the text, and may wrap anywhere.
 */
#include "logger/lastlines.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 256u

static_assert((KICK_LAST_BYTES & (KICK_LAST_BYTES - 1)) == 0, "a power of two");

static void copy_out(const struct lastlines *ll, uint32_t from, void *to, size_t n)
{
	uint32_t begin = (ll->head + from) & (ll->cap - 1);
	size_t first = ll->cap - begin < n ? ll->cap - begin : n;

	memcpy(to, ll->data + begin, first);
	memcpy((char *)to + first, ll->data, n - first);
}

static void copy_in(struct lastlines *ll, const void *bytes, size_t n)
{
	uint32_t begin = (ll->head + ll->used) & (ll->cap - 1);
	size_t first = ll->cap - begin < n ? ll->cap - begin : n;

	memcpy(ll->data + begin, bytes, first);
	memcpy(ll->data, (const char *)bytes + first, n - first);
	ll->used += (uint32_t)n;
}

static void forget_oldest(struct lastlines *ll)
{
	struct lastline line;
	uint32_t size;

	copy_out(ll, 0, &line, sizeof line);
	size = (uint32_t)sizeof line + line.len;
	ll->head = (ll->head + size) & (ll->cap - 1);
	ll->used -= size;
	ll->n--;
}

/* Grows until `need` more bytes fit, or as far as it may. */
static void grow(struct lastlines *ll, uint32_t need)
{
	uint32_t cap = ll->cap ? ll->cap : FIRST_CAP;
	char *data;

	while (cap < KICK_LAST_BYTES && cap - ll->used < need)
		cap *= 2;
	if (cap == ll->cap)
		return;
	data = malloc(cap);
	if (!data)
		return;
	if (ll->used > 0)
		copy_out(ll, 0, data, ll->used);
	free(ll->data);
	ll->data = data;
	ll->cap = cap;
	ll->head = 0;
}

void lastlines_add(struct lastlines *ll, uint64_t seq, uint32_t stream,
	const char *text, size_t len)
{
	struct lastline line = { .seq = seq, .stream = (uint16_t)stream };
	uint32_t need;

	line.len = (uint16_t)(len < LASTLINE_MAX ? len : LASTLINE_MAX);
	need = (uint32_t)sizeof line + line.len;
	if (ll->n == KICK_LAST_LINES)
		forget_oldest(ll);
	if (ll->cap - ll->used < need)
		grow(ll, need);
	while (ll->n > 0 && ll->cap - ll->used < need)
		forget_oldest(ll);
	if (ll->cap - ll->used < need)
		return;
	copy_in(ll, &line, sizeof line);
	copy_in(ll, text, line.len);
	ll->n++;
}

bool lastlines_next(
	const struct lastlines *ll, uint32_t *at, struct lastline *ret, char *text)
{
	if (*at >= ll->used)
		return false;
	copy_out(ll, *at, ret, sizeof *ret);
	if (text)
		copy_out(ll, *at + (uint32_t)sizeof *ret, text, ret->len);
	*at += (uint32_t)sizeof *ret + ret->len;
	return true;
}

static bool is_blank(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (text[i] != ' ' && text[i] != '\t')
			return false;
	return true;
}

bool lastlines_newest(const struct lastlines *ll, char *text, size_t size)
{
	char line_text[LASTLINE_MAX];
	struct lastline line;
	uint32_t at = 0;
	bool found = false;

	while (lastlines_next(ll, &at, &line, line_text)) {
		size_t n = line.len < size - 1 ? line.len : size - 1;

		if (is_blank(line_text, line.len))
			continue;
		memcpy(text, line_text, n);
		text[n] = '\0';
		found = true;
	}
	return found;
}

void lastlines_done(struct lastlines *ll)
{
	free(ll->data);
	*ll = (struct lastlines){ 0 };
}
