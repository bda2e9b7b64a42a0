/* Functions in messages: all processes of a node are copies of one program, in which a
 * function has the same address. That holds for libraries that were loaded before the
 * node was made. */
#ifndef KICK_OTP_FNPTR_H
#define KICK_OTP_FNPTR_H

#include <cjson/cJSON.h>
#include <stdint.h>
#include <stdio.h>

/* Any function; to be cast back to its own type before it is called. */
typedef void fnptr(void);

/* The caller's; NULL: no memory. */
static inline cJSON *fnptr_to_json(fnptr *function)
{
	char text[32];

	(void)snprintf(text, sizeof text, "%p", (void *)(uintptr_t)function);
	return cJSON_CreateString(text);
}

/* NULL: it is none. */
static inline fnptr *fnptr_from_json(const cJSON *json)
{
	void *at = NULL;
	char end;

	if (!cJSON_IsString(json) || sscanf(json->valuestring, "%p%c", &at, &end) != 1)
		return NULL;
	return (fnptr *)(uintptr_t)at;
}

#endif
