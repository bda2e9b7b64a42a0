/* See agentstate.h. */
#include "otp/agentstate.h"

#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "otp/jsonpatch.h"
#include "otp/jsonval.h"

static const char forms[] =
	"a request is \"get\", {\"get\": POINTER}, {\"update\": VALUE}, {\"patch\": "
	"[OPERATION, ...]}, {\"get_and_update\": VALUE} or {\"get_and_patch\": "
	"[OPERATION, ...]}, where POINTER is a JSON Pointer such as \"/users/0\"";

/* The operation of a request and what it is given, or false. */
static bool take_apart(const cJSON *request, const char **ret_verb, const cJSON **ret)
{
	static char empty[] = "";
	static const cJSON whole = { .type = cJSON_String, .valuestring = empty };

	if (cJSON_IsString(request)) {
		*ret_verb = request->valuestring;
		*ret = &whole;
		return strcmp(*ret_verb, "get") == 0;
	}
	if (!cJSON_IsObject(request) || !request->child || request->child->next)
		return false;
	*ret_verb = request->child->string;
	*ret = request->child;
	return true;
}

bool agent_is_look(const cJSON *request)
{
	const char *verb;
	const cJSON *given;

	return take_apart(request, &verb, &given) && strcmp(verb, "get") == 0;
}

/* --- the verbs ----------------------------------------------------------------------
 */

static void refuse(struct agent_outcome *o, const char *atom, const char *detail)
{
	o->refused = atom;
	(void)err_set(&o->err, -EINVAL, "%s", detail);
}

static void get(const cJSON *state, const cJSON *pointer, struct agent_outcome *o)
{
	const cJSON *found;

	if (!cJSON_IsString(pointer) || !json_pointer_ok(pointer->valuestring)) {
		refuse(o, "badarg", forms);
		return;
	}
	found = json_pointer_get(state, pointer->valuestring);
	if (found)
		json_add(&o->answer, found, false);
	else
		refuse(o, "not_found", pointer->valuestring);
}

static void update(const cJSON *state, const cJSON *value, struct agent_outcome *o)
{
	(void)state;
	o->next = cJSON_Duplicate(value, 1);
	if (!o->next)
		refuse(o, "no_memory", "no memory");
}

static void patch(const cJSON *state, const cJSON *operations, struct agent_outcome *o)
{
	int r;

	o->next = cJSON_Duplicate(state, 1);
	if (!o->next) {
		refuse(o, "no_memory", "no memory");
		return;
	}
	r = json_patch(
		&o->next, operations, KICK_AGENT_MAX, KICK_AGENT_NESTING_MAX, &o->err);
	if (r == -E2BIG)
		(void)err_prefix(&o->err,
			"more than %d bytes or %d levels (KICK_AGENT_MAX, "
			"KICK_AGENT_NESTING_MAX)",
			KICK_AGENT_MAX, KICK_AGENT_NESTING_MAX);
	if (r < 0)
		o->refused = r == -EINVAL ? "badarg"
			: r == -ENOENT	  ? "patch_failed"
			: r == -E2BIG	  ? "too_big"
					  : "no_memory";
}

static const struct {
	const char *name;
	void (*run)(const cJSON *state, const cJSON *given, struct agent_outcome *o);
	bool answers_old;
} verbs[] = {
	{ "get", get, false },
	{ "update", update, false },
	{ "patch", patch, false },
	{ "get_and_update", update, true },
	{ "get_and_patch", patch, true },
};

/* Is the new state one that can be kept? */
static void look_at_next(struct agent_outcome *o)
{
	const char *wrong = json_wrong(o->next, KICK_AGENT_NESTING_MAX);

	if (wrong) {
		o->refused = "too_big";
		(void)err_set(&o->err, -E2BIG, "%s (KICK_AGENT_NESTING_MAX is %d)",
			wrong, KICK_AGENT_NESTING_MAX);
		return;
	}
	json_add(&o->text, o->next, false);
	if (!buf_ok(&o->text)) {
		o->refused = "too_big";
		(void)err_set(&o->err, -E2BIG,
			"the state would be longer than %d bytes (KICK_AGENT_MAX)",
			KICK_AGENT_MAX);
	}
}

static void answer(const cJSON *state, bool old, struct agent_outcome *o)
{
	if (old)
		json_add(&o->answer, state, false);
	else
		buf_adds(&o->answer, "true");
}

void agent_apply(const cJSON *state, const cJSON *request, struct agent_outcome *ret)
{
	const cJSON *given = NULL;
	const char *verb = NULL;
	size_t i = 0;

	*ret = (struct agent_outcome){ 0 };
	buf_init(&ret->answer, 0);
	buf_init(&ret->text, KICK_AGENT_MAX);
	if (take_apart(request, &verb, &given))
		while (i < ARRAY_LEN(verbs) && strcmp(verbs[i].name, verb) != 0)
			i++;
	else
		i = ARRAY_LEN(verbs);
	if (i == ARRAY_LEN(verbs)) {
		refuse(ret, "badarg", forms);
		return;
	}
	verbs[i].run(state, given, ret);
	if (!ret->refused && ret->next) {
		look_at_next(ret);
		answer(state, verbs[i].answers_old, ret);
	}
	if (!ret->refused && !buf_ok(&ret->answer))
		refuse(ret, "no_memory", "no memory");
}

void agent_outcome_done(struct agent_outcome *o)
{
	cJSON_Delete(o->next);
	o->next = NULL;
	buf_done(&o->answer);
	buf_done(&o->text);
}

/* --- from text ----------------------------------------------------------------------
 */

cJSON *agent_state_read(const char *text, size_t n, const char **ret_wrong)
{
	const char *wrong = NULL;
	cJSON *state = json_parse(text, n, KICK_AGENT_NESTING_MAX, &wrong);
	struct buf printed;

	if (!state) {
		*ret_wrong = wrong;
		return NULL;
	}
	buf_init(&printed, KICK_AGENT_MAX);
	json_add(&printed, state, false);
	if (!buf_ok(&printed)) {
		cJSON_Delete(state);
		state = NULL;
		*ret_wrong = "too big";
	}
	buf_done(&printed);
	return state;
}
