/* Keys of registries as texts: equal keys have equal ones. */
#ifndef KICK_OTP_REGISTRY_KEY_H
#define KICK_OTP_REGISTRY_KEY_H

#include <cjson/cJSON.h>
#include <stdbool.h>

/* Freed with cJSON_free(); NULL: no key, or no memory. */
char *registry_key_text(const cJSON *key);

/* Whether value has all that is in pattern (see kick_registry_match). */
bool registry_key_matches(const cJSON *pattern, const cJSON *value);

#endif
