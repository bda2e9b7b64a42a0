/* Agents: a value in a process, with functions that run on it there. OTP: Elixir's
 * Agent. All processes of a node are copies of one program, in which functions have the
 * same address: that is how they travel. */
#include <stdio.h>
#include <string.h>

#include "base/macro.h"
#include "kick.h"

static cJSON *order(const char *what, kick_agent_function *function, const cJSON *args)
{
	cJSON *json = cJSON_CreateObject();
	char at[32];

	(void)snprintf(at, sizeof at, "%p", (void *)(uintptr_t)function);
	(void)cJSON_AddStringToObject(json, "do", what);
	(void)cJSON_AddStringToObject(json, "function", at);
	(void)cJSON_AddItemToObject(
		json, "args", args ? cJSON_Duplicate(args, true) : cJSON_CreateNull());
	return json;
}

static kick_agent_function *function_of(const cJSON *json)
{
	const char *at = cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(json, "function"));
	void *function = NULL;

	if (at)
		(void)sscanf(at, "%p", &function);
	return (kick_agent_function *)(uintptr_t)function;
}

static cJSON *apply(kick_server *s, const cJSON *json)
{
	kick_agent_function *function = function_of(json);

	return function ? function(kick_server_state(s),
				  cJSON_GetObjectItemCaseSensitive(json, "args"))
			: NULL;
}

static void set_state(kick_server *s, cJSON *state)
{
	cJSON *old = kick_server_state(s);

	if (state != old)
		cJSON_Delete(old);
	kick_server_set_state(s, state);
}

static int init(kick_server *s, const cJSON *json)
{
	cJSON *state = apply(s, json);

	if (!state)
		return kick_server_stop(s, "bad_return_value");
	set_state(s, state);
	return KICK_OK;
}

static int do_get(kick_server *s, kick_from from, cJSON *got)
{
	(void)kick_reply(from, got);
	if (got != kick_server_state(s))
		cJSON_Delete(got);
	return KICK_OK;
}

static int do_update(kick_server *s, kick_from from, cJSON *state)
{
	set_state(s, state);
	(void)kick_reply(from, NULL);
	return KICK_OK;
}

static int do_both(kick_server *s, kick_from from, cJSON *both)
{
	cJSON *answer = cJSON_DetachItemFromArray(both, 0);
	cJSON *state = cJSON_DetachItemFromArray(both, 0);
	bool good = answer && state;

	if (good) {
		set_state(s, state);
		(void)kick_reply(from, answer);
	} else {
		cJSON_Delete(state);
	}
	cJSON_Delete(answer);
	cJSON_Delete(both);
	return good ? KICK_OK : kick_server_stop(s, "bad_return_value");
}

static int handle_call(kick_server *s, kick_from from, const cJSON *request)
{
	const char *what =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(request, "do"));
	cJSON *got = what ? apply(s, request) : NULL;

	if (!got)
		return kick_server_stop(s, "bad_return_value");
	if (strcmp(what, "get") == 0)
		return do_get(s, from, got);
	return strcmp(what, "update") == 0 ? do_update(s, from, got)
					   : do_both(s, from, got);
}

static int handle_cast(kick_server *s, const cJSON *request)
{
	cJSON *state = apply(s, request);

	if (!state)
		return kick_server_stop(s, "bad_return_value");
	set_state(s, state);
	return KICK_OK;
}

static const kick_gen_server callbacks = {
	.init = init, .handle_call = handle_call, .handle_cast = handle_cast
};

int kick_agent_start_link(kick_agent_function *function, const cJSON *args,
	const kick_start_options *options, kick_pid *ret, kick_reason *why)
{
	cJSON *json = order("init", function, args);
	int r = kick_server_start_link(&callbacks, json, options, ret, why);

	cJSON_Delete(json);
	return r;
}

static int ask(kick_dest agent, const char *what, kick_agent_function *function,
	const cJSON *args, int64_t timeout_ms, cJSON **ret, kick_reason *why)
{
	cJSON *json = order(what, function, args);
	int r = kick_call(agent, json, timeout_ms, ret, why);

	cJSON_Delete(json);
	return r;
}

int kick_agent_get(kick_dest agent, kick_agent_function *function, const cJSON *args,
	int64_t timeout_ms, cJSON **ret, kick_reason *why)
{
	return ask(agent, "get", function, args, timeout_ms, ret, why);
}

int kick_agent_update(kick_dest agent, kick_agent_function *function, const cJSON *args,
	int64_t timeout_ms, kick_reason *why)
{
	return ask(agent, "update", function, args, timeout_ms, NULL, why);
}

int kick_agent_get_and_update(kick_dest agent, kick_agent_function *function,
	const cJSON *args, int64_t timeout_ms, cJSON **ret, kick_reason *why)
{
	return ask(agent, "get_and_update", function, args, timeout_ms, ret, why);
}

int kick_agent_cast(kick_dest agent, kick_agent_function *function, const cJSON *args)
{
	cJSON *json = order("update", function, args);
	int r = kick_cast(agent, json);

	cJSON_Delete(json);
	return r;
}

int kick_agent_stop(
	kick_dest agent, const char *reason, int64_t timeout_ms, kick_reason *why)
{
	return kick_server_stop_call(agent, reason, timeout_ms, why);
}
