/* Every verb that changes something answers in the same form, so that a script reads
 * one array whatever it ordered. */
#include "outcome.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control/text.h"

/* Lines of a child's output that are shown after its failed start. */
#define WORDS_SHOWN 5

void outcome_take(struct outcome *o, const cJSON *from)
{
	const char *state =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(from, "state"));
	const cJSON *pid = cJSON_GetObjectItemCaseSensitive(from, "pid");

	if (state)
		(void)snprintf(o->state, sizeof o->state, "%s", state);
	if (cJSON_IsNumber(pid))
		o->pid = pid->valueint;
}

static void quoted(struct buf *out, const char *text)
{
	if (text && *text)
		buf_add_json(out, text, strlen(text));
	else
		buf_adds(out, "null");
}

static void report_json(struct session *s, const struct outcome *o, const char *error)
{
	struct buf *out = &s->out;

	buf_adds(out, s->in_array ? ",{\"path\":" : "[{\"path\":");
	s->in_array = true;
	quoted(out, o->path);
	buf_addf(out, ",\"ok\":%s,\"state\":", o->rc == STATUS_DONE ? "true" : "false");
	quoted(out, o->state);
	if (o->pid > 0)
		buf_addf(out, ",\"pid\":%lld,\"error\":", (long long)o->pid);
	else
		buf_adds(out, ",\"pid\":null,\"error\":");
	quoted(out, o->rc == STATUS_DONE ? NULL : error);
	buf_addc(out, '}');
}

void outcome_report(struct session *s, const struct outcome *o, const char *error,
	const char *words)
{
	if (session_json(s)) {
		report_json(s, o, error);
		return;
	}
	if (o->rc != STATUS_DONE)
		return;
	text_escape(&s->out, o->path);
	buf_addf(&s->out, ": %s", words ? words : "");
	if (!words)
		text_escape(&s->out, *o->state ? o->state : "done");
	if (!words && o->pid > 0)
		buf_addf(&s->out, ", pid %lld", (long long)o->pid);
	buf_addc(&s->out, '\n');
}

void outcome_last_words(struct session *s, const char *path)
{
	struct answer a = { 0 };
	const cJSON *line;
	struct buf params;
	int r;

	buf_init(&params, 0);
	buf_adds(&params, "{\"paths\":[");
	buf_add_json(&params, path, strlen(path));
	buf_addf(&params, "],\"n\":%d}", WORDS_SHOWN);
	r = session_try(s, PROTOCOL_SOCKET_LOGGER, "last_lines", buf_text(&params), &a);
	if (r == -ETIMEDOUT)
		(void)session_unreachable(s, r, "last lines");
	if (r == 0)
		cJSON_ArrayForEach(line,
			cJSON_GetObjectItemCaseSensitive(
				a.result, path)) if (cJSON_IsString(line))
			complain("  | %s", line->valuestring);
	answer_done(&a);
	buf_done(&params);
}

/* Events that are looked through for a cause. */
#define EVENTS_SEARCHED 1000

#define FAILED_CHILD "shutdown:failed_to_start:"

/* The last failed start of this path among the first n events: its place, or -1 without
 * one; *ret_reason is in the list. */
static int find_failure(
	const cJSON *events, int n, const char *path, const char **ret_reason)
{
	int i = 0, found = -1;
	const cJSON *e;

	cJSON_ArrayForEach(e, events)
	{
		const char *event = cJSON_GetStringValue(
			cJSON_GetObjectItemCaseSensitive(e, "event"));
		const char *of = cJSON_GetStringValue(
			cJSON_GetObjectItemCaseSensitive(e, "path"));
		const char *reason = cJSON_GetStringValue(
			cJSON_GetObjectItemCaseSensitive(e, "reason"));

		if (i == n)
			break;
		if (event && of && reason && strcmp(event, "start_failed") == 0 &&
			strcmp(of, path) == 0) {
			found = i;
			*ret_reason = reason;
		}
		i++;
	}
	return found;
}

/* From a supervisor down to the child that its start has failed by, and why. */
static void follow_failure(
	const cJSON *events, char path[KICK_PATH_MAX], const char **reason)
{
	int n = cJSON_GetArraySize(events);

	while (n >= 0 && strncmp(*reason, FAILED_CHILD, strlen(FAILED_CHILD)) == 0) {
		const char *id = *reason + strlen(FAILED_CHILD);
		char below[KICK_PATH_MAX];

		if (strlen(path) + strlen(id) + 2 > sizeof below)
			return;
		(void)stpcpy(stpcpy(stpcpy(below, path), "/"), id);
		n = find_failure(events, n, below, reason);
		if (n < 0)
			return;
		(void)strcpy(path, below);
	}
}

void outcome_find_cause(struct session *s, const cJSON *node, char path[KICK_PATH_MAX],
	struct buf *words)
{
	const cJSON *exit = cJSON_GetObjectItemCaseSensitive(node, "last_exit");
	const char *reason =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(exit, "reason"));
	struct answer a = { 0 };
	char params[32];
	size_t len = strlen(path);

	if (!reason || strncmp(reason, FAILED_CHILD, strlen(FAILED_CHILD)) != 0)
		return;
	(void)snprintf(params, sizeof params, "{\"last\":%d}", EVENTS_SEARCHED);
	if (session_try(s, PROTOCOL_SOCKET_LOGGER, "events", params, &a) == 0)
		follow_failure(cJSON_GetObjectItemCaseSensitive(a.result, "events"),
			path, &reason);
	if (strlen(path) > len) {
		buf_adds(words, "; ");
		text_escape(words, path);
		buf_adds(words, ": ");
		text_reason(words, reason, 0);
	}
	answer_done(&a);
}
