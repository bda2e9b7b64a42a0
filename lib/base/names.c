/* Lists of names: looked up, listed, and guessed at when somebody mistyped one. Lists
 * are short and the guess is made on the way to an error message: nothing is sorted. */
#include "base/names.h"

#include <string.h>

#include "base/macro.h"

/* Longer than any name of ours; what is longer is like none of them. */
#define WORD_MAX 64

/* One name in three letters may be wrong, and never more than this. */
#define SUGGEST_MAX 3

int names_find(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (names[i] && strcmp(names[i], name) == 0)
			return (int)i;
	return -1;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* One row of the table of distances: all prefixes of b against i + 1 letters of a.
 * rows[0] is the row to fill, rows[1] and rows[2] are the two before it. */
static void fill_row(
	unsigned *rows[3], const char *a, size_t i, const char *b, size_t n)
{
	rows[0][0] = (unsigned)i + 1;
	for (size_t j = 0; j < n; j++) {
		unsigned best = rows[1][j] + (a[i] != b[j]);

		best = least(best, rows[1][j + 1] + 1);
		best = least(best, rows[0][j] + 1);
		if (i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j])
			best = least(best, rows[2][j - 1] + 1);
		rows[0][j + 1] = best;
	}
}

unsigned names_distance(const char *a, const char *b, unsigned max)
{
	unsigned table[3][WORD_MAX + 1];
	unsigned *rows[3] = { table[0], table[1], table[2] };
	const size_t la = strnlen(a, WORD_MAX + 1);
	const size_t lb = strnlen(b, WORD_MAX + 1);

	if (la > WORD_MAX || lb > WORD_MAX)
		return strcmp(a, b) == 0 ? 0 : max + 1;
	for (size_t j = 0; j <= lb; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 0; i < la; i++) {
		unsigned *spare = rows[2];

		rows[2] = rows[1];
		rows[1] = rows[0];
		rows[0] = spare;
		fill_row(rows, a, i, b, lb);
	}
	return least(rows[0][lb], max + 1);
}

const char *names_suggest(const char *const *names, size_t n, const char *name)
{
	const size_t len = strnlen(name, WORD_MAX);
	unsigned limit = least((unsigned)(len + 2) / 3, SUGGEST_MAX);
	const char *best = NULL;

	for (size_t i = 0; i < n; i++) {
		unsigned d;

		if (!names[i])
			continue;
		d = names_distance(names[i], name, limit);
		/* A distance of the whole name would be a guess out of nothing. */
		if (d > limit || d >= len)
			continue;
		best = names[i];
		if (d == 0)
			break;
		limit = d - 1;
	}
	return best;
}

/* Appends what fits; returns the new length. */
static size_t append(char *buf, size_t size, size_t len, const char *text)
{
	size_t n = strlen(text);

	if (len + 1 >= size)
		return len;
	if (n > size - len - 1)
		n = size - len - 1;
	memcpy(buf + len, text, n);
	buf[len + n] = '\0';
	return len + n;
}

const char *names_list(const char *const *names, size_t n, char *buf, size_t size)
{
	size_t left = 0;
	size_t len = 0;

	if (size > 0)
		buf[0] = '\0';
	for (size_t i = 0; i < n; i++)
		left += names[i] != NULL;
	for (size_t i = 0; i < n; i++) {
		if (!names[i])
			continue;
		left--;
		len = append(buf, size, len, names[i]);
		if (left > 0)
			len = append(buf, size, len, left > 1 ? ", " : " or ");
	}
	return buf;
}

uint64_t names_hash(const char *name)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
	return h;
}
