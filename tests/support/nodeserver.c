#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/nodeserver.h"

kick_pid srv_tester;

void srv_tell(const char *what, const char *text)
{
	char line[300];

	(void)snprintf(line, sizeof line, "%s%s%s", what, text ? " " : "", text ?: "");
	send_text(srv_tester, line);
}

/* The rest of a text that begins with word and a blank, or NULL. */
static const char *after(const char *text, const char *word)
{
	size_t n = strlen(word);

	return text && strncmp(text, word, n) == 0 && text[n] == ' ' ? text + n + 1
								     : NULL;
}

cJSON *srv_text(const char *text)
{
	return cJSON_CreateString(text);
}

static int go_on(kick_server *s, const char *text)
{
	cJSON *value = srv_text(text);
	int r = kick_server_continue(s, value);

	cJSON_Delete(value);
	return r;
}

/* What any callback can be told to do. */
static int act(kick_server *s, const char *text)
{
	const char *rest;

	if ((rest = after(text, "stop")))
		return kick_server_stop(s, rest);
	if ((rest = after(text, "raise")))
		kick_raise(rest);
	if ((rest = after(text, "return")))
		return atoi(rest);
	if ((rest = after(text, "continue")))
		return go_on(s, rest);
	if ((rest = after(text, "timeout")))
		return kick_server_timeout(s, atoi(rest));
	if ((rest = after(text, "signal"))) {
		(void)signal(atoi(rest), SIG_DFL);
		(void)raise(atoi(rest));
	}
	return KICK_OK;
}

static kick_from later;
static const char *last_wish; /* what terminate is to raise */

void srv_reply(kick_from from, const char *text)
{
	cJSON *value = srv_text(text);

	(void)kick_reply(from, value);
	cJSON_Delete(value);
}

static int on_init(kick_server *s, const cJSON *args)
{
	const char *text = cJSON_GetStringValue(args);
	int *state = calloc(1, sizeof *state);

	CHECK(state);
	CHECK(!kick_server_state(s));
	kick_server_set_state(s, state);
	if (text && strcmp(text, "ignore") == 0)
		return KICK_IGNORE;
	if (text && strcmp(text, "never") == 0)
		idle_pausing(NULL);
	return act(s, text);
}

static int on_call(kick_server *s, kick_from from, const cJSON *request)
{
	const char *text = cJSON_GetStringValue(request), *rest;
	int *state = kick_server_state(s);
	cJSON *value;
	int r;

	if (strcmp(text, "count") == 0) {
		value = cJSON_CreateNumber(++*state);
		CHECK_INT(kick_reply(from, value), 0);
		cJSON_Delete(value);
	} else if (strcmp(text, "ospid") == 0) {
		char digits[16];

		(void)snprintf(digits, sizeof digits, "%d", (int)getpid());
		srv_reply(from, digits);
	} else if (strcmp(text, "later") == 0) {
		later = from;
	} else if (strcmp(text, "self") == 0) {
		CHECK_INT(kick_call(kick_to(kick_self()), request, 1000, NULL, NULL),
			-EDEADLK);
		srv_reply(from, "deadlock");
	} else if ((rest = after(text, "echo"))) {
		srv_reply(from, rest);
	} else if ((rest = after(text, "stop_reply"))) {
		value = srv_text("farewell");
		r = kick_server_stop_reply(s, rest, from, value);
		cJSON_Delete(value);
		return r;
	} else if ((rest = after(text, "reply_and"))) {
		srv_reply(from, "first");
		return act(s, rest);
	} else {
		return act(s, text);
	}
	return KICK_OK;
}

static int on_cast(kick_server *s, const cJSON *request)
{
	const char *text = cJSON_GetStringValue(request), *rest;

	if ((rest = after(text, "wish"))) {
		last_wish = strdup(rest);
		return KICK_OK;
	}
	if ((rest = after(text, "answer"))) {
		srv_reply(later, rest);
		return KICK_OK;
	}
	srv_tell("cast", text);
	return act(s, text);
}

static int on_info(kick_server *s, const kick_message *m)
{
	const char *text = cJSON_GetStringValue(m->value);

	if (m->kind == KICK_EXIT)
		srv_tell("info EXIT", m->reason);
	else if (m->kind == KICK_DOWN)
		srv_tell("info DOWN", m->reason);
	else
		srv_tell("info", text);
	return m->kind == KICK_MESSAGE ? act(s, text) : KICK_OK;
}

static int on_continue(kick_server *s, const cJSON *value)
{
	const char *text = cJSON_GetStringValue(value), *rest;

	srv_tell("continue", text);
	/* "then X": again, with X. */
	if ((rest = after(text, "then")))
		return go_on(s, rest);
	return act(s, text);
}

static void on_terminate(kick_server *s, const char *reason)
{
	CHECK(kick_server_state(s));
	srv_tell("terminate", reason);
	if (last_wish)
		kick_raise(last_wish);
}

static const kick_gen_server callbacks = {
	.init = on_init,
	.handle_call = on_call,
	.handle_cast = on_cast,
	.handle_info = on_info,
	.handle_continue = on_continue,
	.terminate = on_terminate,
};

int srv_start(const char *args, const kick_start_options *o, bool link, kick_pid *ret,
	kick_reason *why)
{
	cJSON *value = args ? srv_text(args) : NULL;
	int r = (link ? kick_server_start_link : kick_server_start)(
		&callbacks, value, o, ret, why);

	cJSON_Delete(value);
	return r;
}

/* Not linked to the caller, whom it tells all. */
kick_pid srv_new(bool traps)
{
	const kick_start_options o = { .trap_exit = traps };
	kick_pid pid;

	srv_tester = kick_self();
	CHECK_INT(srv_start(NULL, &o, false, &pid, NULL), 0);
	return pid;
}

void srv_cast(kick_pid to, const char *text)
{
	cJSON *value = srv_text(text);

	CHECK_INT(kick_cast(kick_to(to), value), 0);
	cJSON_Delete(value);
}

/* The result of the call; why is "" and *answer untouched where there is none. */
int srv_call(
	kick_dest to, const char *text, int64_t ms, char answer[64], kick_reason *why)
{
	cJSON *value = srv_text(text), *ret = NULL;
	int r;

	*why = (kick_reason){ "" };
	r = kick_call(to, value, ms, &ret, why);
	if (r == 0 && answer && cJSON_IsString(ret))
		(void)snprintf(answer, 64, "%s", ret->valuestring);
	else if (r == 0 && answer)
		(void)snprintf(answer, 64, "%g", cJSON_GetNumberValue(ret));
	cJSON_Delete(ret);
	cJSON_Delete(value);
	return r;
}

void srv_check_answer(kick_pid to, const char *text, const char *want)
{
	char answer[64] = "";
	kick_reason why;

	CHECK_INT(srv_call(kick_to(to), text, CALL_MS, answer, &why), 0);
	CHECK_TEXT(answer, want);
}

void srv_check_lost(kick_pid to, const char *text, const char *reason)
{
	kick_reason why;

	CHECK_INT(srv_call(kick_to(to), text, CALL_MS, NULL, &why), -ECONNRESET);
	CHECK_TEXT(why.text, reason);
}

pid_t srv_os_pid(kick_pid pid)
{
	char answer[64] = "";
	kick_reason why;

	CHECK_INT(srv_call(kick_to(pid), "ospid", CALL_MS, answer, &why), 0);
	return (pid_t)atoi(answer);
}

kick_ref srv_watch(kick_pid pid)
{
	kick_ref ref;

	CHECK_INT(kick_monitor(pid, &ref), 0);
	return ref;
}
