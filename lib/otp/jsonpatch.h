/* JSON Pointer (RFC 6901) and JSON Patch (RFC 6902), strictly and bounded. Pure. */
#ifndef KICK_OTP_JSONPATCH_H
#define KICK_OTP_JSONPATCH_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "base/err.h"

/* Is it the text of a pointer: "" or /a/b, ~ only as ~0 and ~1? */
bool json_pointer_ok(const char *pointer);

/* What it points to in doc, or NULL: nothing is there. */
const cJSON *json_pointer_get(const cJSON *doc, const char *pointer);

/* Carries out all operations on *doc, which may then be another value. 0, or *doc is
 * half changed, only good for cJSON_Delete, and e says why:
 *   -EINVAL  no patch: a wrong or missing member of an operation
 *   -ENOENT  it does not apply: nothing is there, a test has failed
 *   -E2BIG   the value has become longer than max bytes of text, or nested
 *            deeper than depth
 *   -ENOMEM */
int json_patch(cJSON **doc, const cJSON *patch, size_t max, int depth, struct err *e);

#endif
