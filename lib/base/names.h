/* Enumerations and their names. A list of names is an array of strings, one for each
 * value from 0, made from the same X-macro as the enum. */
#ifndef KICK_BASE_NAMES_H
#define KICK_BASE_NAMES_H

#include <stddef.h>
#include <stdint.h>

/* Index of name in names[0..n), or -1. Exact match. */
int names_find(const char *const *names, size_t n, const char *name);

/* The entry that name may have been meant to be (a small edit distance), or NULL. */
const char *names_suggest(const char *const *names, size_t n, const char *name);

/* Edit distance with transpositions, at most max + 1. */
unsigned names_distance(const char *a, const char *b, unsigned max);

/* FNV-1a. */
uint64_t names_hash(const char *name);

/* "a, b or c" into buf; returns buf. */
const char *names_list(const char *const *names, size_t n, char *buf, size_t size);

#endif
