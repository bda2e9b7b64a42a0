/* JSON values as values: what cJSON gives up to others (which of two equal members
 * counts, the last digits of a number, how deep is too deep), settled. Pure. */
#ifndef KICK_OTP_JSONVAL_H
#define KICK_OTP_JSONVAL_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "base/buf.h"

/* What makes it no value that can be kept and compared, in words: an object that has a
 * member twice, a number beyond a double's range, nested deeper than depth. NULL: it is
 * one. Static. */
const char *json_wrong(const cJSON *v, int depth);

/* Parses a text that is nothing but one such value, or NULL with *ret_wrong in words,
 * static (NULL otherwise). The caller frees it (cJSON_Delete). */
cJSON *json_parse(const char *text, size_t n, int depth, const char **ret_wrong);

/* Appends it as text, numbers so that they are read back as they are. sorted: members
 * by name, so that equal values (1 and 1.0, objects in any order) have equal texts. */
void json_add(struct buf *b, const cJSON *v, bool sorted);

/* False also for want of memory. */
bool json_equal(const cJSON *a, const cJSON *b);

#endif
