/* An agent's requests, as a function of its state. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "otp/agentstate.h"
#include "otp/jsonval.h"

static cJSON *value(const char *text)
{
	autofree char *json = strdup(text);
	const char *wrong = "?";
	cJSON *v;

	for (char *c = json; *c; c++)
		if (*c == '\'')
			*c = '"';
	v = agent_state_read(json, strlen(json), &wrong);
	cr_assert(v, "%s: %s", text, wrong);
	return v;
}

Test(agentstate, each_request)
{
	static const struct {
		const char *state, *request;
		const char *answer; /* or what it is refused as */
		const char *next;   /* NULL: it stays */
		bool refused, look;
	} rows[] = {
		{ "{'a':[1,2]}", "'get'", "{'a':[1,2]}", NULL, false, true },
		{ "{'a':[1,2]}", "{'get':''}", "{'a':[1,2]}", NULL, false, true },
		{ "{'a':[1,2]}", "{'get':'/a/1'}", "2", NULL, false, true },
		{ "{'a':null}", "{'get':'/a'}", "null", NULL, false, true },
		{ "{'a':1}", "{'get':'/b'}", "not_found", NULL, true, true },
		{ "{'a':1}", "{'get':'a'}", "badarg", NULL, true, true },
		{ "{'a':1}", "{'get':null}", "badarg", NULL, true, true },
		{ "1", "{'update':{'x':[]}}", "true", "{'x':[]}", false, false },
		{ "1", "{'update':null}", "true", "null", false, false },
		{ "1", "{'get_and_update':2}", "1", "2", false, false },
		{ "{'n':1}", "{'patch':[{'op':'replace','path':'/n','value':2}]}",
			"true", "{'n':2}", false, false },
		{ "{'n':1}",
			"{'get_and_patch':[{'op':'replace','path':'/n','value':2}]}",
			"{'n':1}", "{'n':2}", false, false },
		{ "{'n':1}",
			"{'patch':[{'op':'remove','path':'/n'},"
			"{'op':'test','path':'','value':7}]}",
			"patch_failed", NULL, true, false },
		{ "{'n':1}", "{'patch':[{'op':'x'}]}", "badarg", NULL, true, false },
		{ "1", "{'patch':7}", "badarg", NULL, true, false },
		{ "1", "null", "badarg", NULL, true, false },
		{ "1", "'update'", "badarg", NULL, true, false },
		{ "1", "'GET'", "badarg", NULL, true, false },
		{ "1", "{}", "badarg", NULL, true, false },
		{ "1", "[]", "badarg", NULL, true, false },
		{ "1", "{'Get':''}", "badarg", NULL, true, false },
		{ "1", "{'update':1,'get':''}", "badarg", NULL, true, false },
		{ "1", "{'get':'','x':1}", "badarg", NULL, true, false },
		{ "1", "{'nothing':1}", "badarg", NULL, true, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cJSON *state = value(rows[i].state), *was = value(rows[i].state);
		cJSON *request = value(rows[i].request);
		struct agent_outcome o;

		agent_apply(state, request, &o);
		cr_expect(json_equal(state, was), "%s: the state", rows[i].request);
		cr_expect(agent_is_look(request) == rows[i].look, "%s: a look?",
			rows[i].request);
		if (rows[i].refused) {
			cr_expect(o.refused && strcmp(o.refused, rows[i].answer) == 0,
				"%s: %s", rows[i].request,
				o.refused ? o.refused : "not refused");
			cr_expect(*o.err.text, "%s: no words", rows[i].request);
		} else {
			cJSON *answer = value(rows[i].answer);
			cJSON *is = o.refused ? NULL : value(buf_text(&o.answer));

			cr_expect(is && json_equal(answer, is), "%s: %s",
				rows[i].request, is ? buf_text(&o.answer) : o.refused);
			cJSON_Delete(answer);
			cJSON_Delete(is);
		}
		if (rows[i].next) {
			cJSON *next = value(rows[i].next);
			cJSON *text = value(buf_text(&o.text));

			cr_expect(o.next && json_equal(o.next, next) &&
					json_equal(text, next),
				"%s: next %s", rows[i].request, buf_text(&o.text));
			cJSON_Delete(next);
			cJSON_Delete(text);
		} else {
			cr_expect(o.refused || !o.next, "%s: a new state",
				rows[i].request);
		}
		agent_outcome_done(&o);
		cJSON_Delete(state);
		cJSON_Delete(was);
		cJSON_Delete(request);
	}
}

Test(agentstate, a_bad_request_is_told_the_forms)
{
	cJSON *state = value("1"), *request = value("7");
	struct agent_outcome o;

	agent_apply(state, request, &o);
	cr_expect(strstr(o.err.text, "{\"get_and_patch\": [OPERATION, ...]}") &&
			strstr(o.err.text, "JSON Pointer"),
		"%s", o.err.text);
	agent_outcome_done(&o);
	cJSON_Delete(state);
	cJSON_Delete(request);
}

/* An array of n strings of 1022 bytes, 1024 with their quotes. */
static cJSON *array(int n)
{
	char text[1023];
	cJSON *v = cJSON_CreateArray();

	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	for (int i = 0; i < n; i++)
		(void)cJSON_AddItemToArray(v, cJSON_CreateString(text));
	return v;
}

Test(agentstate, the_largest_state_and_one_that_is_larger)
{
	/* n strings are 1025 n + 1 bytes. */
	int most = (KICK_AGENT_MAX - 1) / 1025;
	cJSON *state = array(most);
	cJSON *more = value("{'patch':[{'op':'copy','from':'/0','path':'/-'}]}");
	cJSON *update = cJSON_CreateObject();
	struct agent_outcome o;

	agent_apply(state, more, &o);
	cr_expect(o.refused && strcmp(o.refused, "too_big") == 0);
	cr_expect(strstr(o.err.text, "KICK_AGENT_MAX"), "%s", o.err.text);
	agent_outcome_done(&o);

	cJSON_AddItemToObject(update, "update", array(most));
	agent_apply(state, update, &o);
	cr_expect(!o.refused && o.text.len == 1025 * (size_t)most + 1);
	agent_outcome_done(&o);

	(void)cJSON_ReplaceItemInObject(update, "update", array(most + 1));
	agent_apply(state, update, &o);
	cr_expect(o.refused && strcmp(o.refused, "too_big") == 0);
	cr_expect(strstr(o.err.text, "KICK_AGENT_MAX"), "%s", o.err.text);
	agent_outcome_done(&o);
	cJSON_Delete(state);
	cJSON_Delete(more);
	cJSON_Delete(update);
}

Test(agentstate, the_deepest_state_and_one_that_is_deeper)
{
	cJSON *state = value("1");
	struct agent_outcome o;

	for (int more = 0; more < 2; more++) {
		cJSON *deep = cJSON_CreateArray();
		cJSON *update = cJSON_CreateObject();

		for (int i = 1; i < KICK_AGENT_NESTING_MAX + more; i++) {
			cJSON *outer = cJSON_CreateArray();

			(void)cJSON_AddItemToArray(outer, deep);
			deep = outer;
		}
		cJSON_AddItemToObject(update, "update", deep);
		agent_apply(state, update, &o);
		cr_expect(more ? o.refused && strcmp(o.refused, "too_big") == 0
			       : !o.refused);
		agent_outcome_done(&o);
		cJSON_Delete(update);
	}
	cJSON_Delete(state);
}

Test(agentstate, what_is_no_state_is_refused)
{
	static const char *const rows[] = { "", "{", "nul", "1 2", "{\"a\":1,\"a\":2}",
		"\"\\u0000\"", "1e999", "\"\xc0\"" };
	const char *wrong;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		wrong = NULL;
		cr_expect(!agent_state_read(rows[i], strlen(rows[i]), &wrong) && wrong,
			"%s", rows[i]);
	}
}
