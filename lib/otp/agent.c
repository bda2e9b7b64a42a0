/* Agents: a value in a process, with functions that run on it there. OTP: Elixir's
 * Agent. All processes of a node are copies of one program, in which functions have the
 * same address: that is how they travel. */
#include <errno.h>
#include <string.h>

#include "base/macro.h"
#include "kick.h"
#include "otp/fnptr.h"

/* NULL: there is no function. */
static cJSON *order(const char *what, kick_agent_function *function, const cJSON *args)
{
	cJSON *json = function ? cJSON_CreateObject() : NULL;

	if (!json)
		return NULL;
	(void)cJSON_AddStringToObject(json, "do", what);
	(void)cJSON_AddItemToObject(json, "function", fnptr_to_json((fnptr *)function));
	(void)cJSON_AddItemToObject(
		json, "args", args ? cJSON_Duplicate(args, true) : cJSON_CreateNull());
	return json;
}

static kick_agent_function *function_of(const cJSON *json)
{
	return (kick_agent_function *)fnptr_from_json(
		cJSON_GetObjectItemCaseSensitive(json, "function"));
}

static cJSON *apply(kick_server *s, const cJSON *json)
{
	return function_of(json)(
		kick_server_state(s), cJSON_GetObjectItemCaseSensitive(json, "args"));
}

/* Whether it is in a list or an object: what is returned so is a part of the state. */
static bool is_part(const cJSON *item)
{
	return item->prev != NULL;
}

/* False: for want of memory there is none. */
static bool set_state(kick_server *s, cJSON *state)
{
	cJSON *old = kick_server_state(s);

	if (is_part(state))
		state = cJSON_Duplicate(state, true);
	if (state != old)
		cJSON_Delete(old);
	kick_server_set_state(s, state);
	return state;
}

static int init(kick_server *s, const cJSON *json)
{
	cJSON *state = apply(s, json);

	if (!state)
		return kick_server_stop(s, "bad_return_value");
	kick_server_set_state(s, state);
	return KICK_OK;
}

static int do_get(kick_server *s, kick_from from, cJSON *got)
{
	(void)kick_reply(from, got);
	if (got != kick_server_state(s) && !is_part(got))
		cJSON_Delete(got);
	return KICK_OK;
}

static int do_update(kick_server *s, kick_from from, cJSON *state)
{
	if (!set_state(s, state))
		return kick_server_stop(s, "enomem");
	(void)kick_reply(from, NULL);
	return KICK_OK;
}

static int do_both(kick_server *s, kick_from from, cJSON *both)
{
	cJSON *old = kick_server_state(s), *answer, *state;

	if (!cJSON_IsArray(both) || cJSON_GetArraySize(both) != 2 || is_part(both))
		return kick_server_stop(s, "bad_return_value");
	answer = cJSON_DetachItemFromArray(both, 0);
	state = cJSON_DetachItemFromArray(both, 0);
	/* The state was the list, or is one of the two. */
	if (old != both && old != answer && old != state)
		cJSON_Delete(old);
	cJSON_Delete(both);
	kick_server_set_state(s, state);
	(void)kick_reply(from, answer);
	cJSON_Delete(answer);
	return KICK_OK;
}

/* What no agent's caller sends is refused as by a server that knows no calls. */
static int refuse(kick_from from)
{
	cJSON *error = cJSON_CreateObject();

	(void)cJSON_AddStringToObject(error, "error", "undef");
	(void)kick_reply(from, error);
	cJSON_Delete(error);
	return KICK_OK;
}

static const struct {
	const char *what;
	int (*end)(kick_server *s, kick_from from, cJSON *got);
} calls[] = {
	{ "get", do_get },
	{ "update", do_update },
	{ "get_and_update", do_both },
};

static int handle_call(kick_server *s, kick_from from, const cJSON *request)
{
	const char *what =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(request, "do"));
	cJSON *got;

	for (size_t i = 0; what && i < ARRAY_LEN(calls); i++) {
		if (strcmp(what, calls[i].what) != 0 || !function_of(request))
			continue;
		got = apply(s, request);
		return got ? calls[i].end(s, from, got)
			   : kick_server_stop(s, "bad_return_value");
	}
	return refuse(from);
}

static int handle_cast(kick_server *s, const cJSON *request)
{
	const char *what =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(request, "do"));
	cJSON *state;

	if (!what || strcmp(what, "update") != 0 || !function_of(request))
		return KICK_OK;
	state = apply(s, request);
	if (!state)
		return kick_server_stop(s, "bad_return_value");
	return set_state(s, state) ? KICK_OK : kick_server_stop(s, "enomem");
}

static const kick_gen_server callbacks = {
	.init = init, .handle_call = handle_call, .handle_cast = handle_cast
};

int kick_agent_start_link(kick_agent_function *function, const cJSON *args,
	const kick_start_options *options, kick_pid *ret, kick_reason *why)
{
	cJSON *json = order("init", function, args);
	int r = json ? kick_server_start_link(&callbacks, json, options, ret, why)
		     : -EINVAL;

	cJSON_Delete(json);
	return r;
}

static int ask(kick_dest agent, const char *what, kick_agent_function *function,
	const cJSON *args, int64_t timeout_ms, cJSON **ret, kick_reason *why)
{
	cJSON *json = order(what, function, args);
	int r = json ? kick_call(agent, json, timeout_ms, ret, why) : -EINVAL;

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
	int r = json ? kick_cast(agent, json) : -EINVAL;

	cJSON_Delete(json);
	return r;
}

int kick_agent_stop(
	kick_dest agent, const char *reason, int64_t timeout_ms, kick_reason *why)
{
	return kick_server_stop_call(agent, reason, timeout_ms, why);
}
