/* An agent without its process: what a request makes of a state, and what it answers.
 * Pure. OTP: Agent, get, update and get_and_update; functions cannot be sent, so a
 * patch (RFC 6902) stands for them, whose "test" is a compare-and-set. */
#ifndef KICK_OTP_AGENTSTATE_H
#define KICK_OTP_AGENTSTATE_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

/* What came of a request. */
struct agent_outcome {
	const char *refused; /* NULL, or why: "badarg", "not_found", "patch_failed",
				"too_big", "no_memory"; static */
	struct err err;	     /* ... in words */
	struct buf answer;   /* JSON */
	cJSON *next;	     /* the new state; NULL: it stays */
	struct buf text;     /* the new state as JSON */
};

/* Changes nothing but *ret, which agent_outcome_done() frees. */
void agent_apply(const cJSON *state, const cJSON *request, struct agent_outcome *ret);
void agent_outcome_done(struct agent_outcome *o);

/* Does the request leave every state as it is? */
bool agent_is_look(const cJSON *request);

/* From text, as it lies in a file or in the configuration; the caller's. NULL:
 * *ret_wrong says why in words, static. */
cJSON *agent_state_read(const char *text, size_t n, const char **ret_wrong);

#endif
