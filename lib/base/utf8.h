/* UTF-8, strictly: no overlong forms, no surrogates, nothing past U+10FFFF. */
#ifndef KICK_BASE_UTF8_H
#define KICK_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many of the n bytes (n > 0) belong to the character that begins here. When they
 * are not UTF-8, *ret_valid is false and the bytes that could have begun one character
 * are counted together, at least one. */
size_t utf8_length(const unsigned char *s, size_t n, bool *ret_valid);

/* The same for a text that ends with a NUL and is not at its end: the character's
 * bytes, 0 when it is none. ret_code, where wanted, is its code point. */
size_t utf8_decode(const unsigned char *s, uint32_t *ret_code);

#endif
