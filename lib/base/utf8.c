/* See utf8.h. */
#include "base/utf8.h"

#include <string.h>

#include "base/macro.h"

/* The second byte of a character has narrower bounds where the first one would allow
 * overlong forms, surrogates or more than U+10FFFF; the others are 80 to bf. */
static const struct {
	unsigned char first_min;
	unsigned char first_max;
	unsigned char second_min;
	unsigned char second_max;
	unsigned char length;
} utf8_forms[] = {
	{ 0x00, 0x7f, 0x00, 0x00, 1 },
	{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
	{ 0xe1, 0xec, 0x80, 0xbf, 3 },
	{ 0xed, 0xed, 0x80, 0x9f, 3 },
	{ 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

size_t utf8_length(const unsigned char *s, size_t n, bool *ret_valid)
{
	size_t length = 0;
	size_t i;
	unsigned char min = 0x80;
	unsigned char max = 0xbf;

	for (i = 0; i < ARRAY_LEN(utf8_forms); i++)
		if (s[0] >= utf8_forms[i].first_min &&
			s[0] <= utf8_forms[i].first_max) {
			length = utf8_forms[i].length;
			min = utf8_forms[i].second_min;
			max = utf8_forms[i].second_max;
			break;
		}
	for (i = 1; i < length && i < n && s[i] >= min && s[i] <= max; i++) {
		min = 0x80;
		max = 0xbf;
	}
	*ret_valid = i == length;
	return i;
}

size_t utf8_decode(const unsigned char *s, uint32_t *ret_code)
{
	bool valid;
	size_t n = utf8_length(s, strnlen((const char *)s, 4), &valid);
	uint32_t c = n == 1 ? *s : *s & (0x7fu >> n);

	if (!valid)
		return 0;
	for (size_t i = 1; i < n; i++)
		c = c << 6 | (s[i] & 0x3fu);
	if (ret_code)
		*ret_code = c;
	return n;
}
