#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/tasktest.h"

kick_pid tsk_tester;

/* The rest of a text that begins with word and a blank, or NULL. */
static const char *after(const char *text, const char *word)
{
	size_t n = strlen(word);

	return strncmp(text, word, n) == 0 && text[n] == ' ' ? text + n + 1 : NULL;
}

bool tsk_match_exit(const kick_message *m, void *unused)
{
	(void)unused;
	return m->kind == KICK_EXIT;
}

static ssize_t die_of_it(void *sig, const char *bytes, size_t n)
{
	(void)bytes;
	(void)raise(*(int *)sig);
	return (ssize_t)n;
}

/* From now on this process dies of a signal when stdio is flushed at its end: when it
 * has replied. */
static void be_doomed(int sig)
{
	static int which;
	FILE *f;

	which = sig;
	(void)signal(sig, SIG_DFL);
	f = fopencookie(&which, "w", (cookie_io_functions_t){ .write = die_of_it });
	CHECK(f);
	CHECK_INT(fputc('x', f), 'x');
}

static cJSON *act(const char *text)
{
	const char *rest;

	if ((rest = after(text, "value")))
		return cJSON_CreateString(rest);
	if (strcmp(text, "null") == 0)
		return NULL;
	if ((rest = after(text, "raise")))
		kick_raise(rest);
	if ((rest = after(text, "status")))
		_exit(atoi(rest));
	if ((rest = after(text, "doomed"))) {
		be_doomed(atoi(rest));
		return cJSON_CreateString("doomed");
	}
	if ((rest = after(text, "signal"))) {
		(void)signal(atoi(rest), SIG_DFL);
		(void)raise(atoi(rest));
	}
	if (strcmp(text, "never") == 0)
		idle_pausing(NULL);
	FAIL("no task knows '%s'", text);
}

cJSON *tsk_run(void *arg)
{
	const char *text = arg, *rest = after(text, "exits");
	bool stubborn = strcmp(text, "stubborn") == 0;
	kick_message *m;

	if (strcmp(text, "wait") == 0) {
		send_text(tsk_tester, "waiting");
		m = TAKE(match_plain, NULL);
		return act(cJSON_GetStringValue(m->value));
	}
	if (!rest && !stubborn)
		return act(text);
	CHECK_INT(kick_trap_exit(true), 0);
	send_text(tsk_tester, "trapping");
	if (stubborn)
		idle_receiving(NULL);
	kick_message_free(TAKE(tsk_match_exit, NULL));
	return act(rest);
}

kick_task tsk_begin(tsk_start *start, const char *text)
{
	static char waiting[] = "waiting", trapping[] = "trapping";
	kick_task t = { .ref = 0 };
	char *arg = strdup(text);

	CHECK(arg);
	tsk_tester = kick_self();
	CHECK_INT(start(tsk_run, arg, &t), 0);
	free(arg);
	CHECK(t.pid.id != 0);
	if (strcmp(text, "wait") == 0)
		kick_message_free(TAKE(match_text, waiting));
	if (after(text, "exits") || strcmp(text, "stubborn") == 0)
		kick_message_free(TAKE(match_text, trapping));
	return t;
}

kick_task tsk_async(const char *text)
{
	return tsk_begin(kick_task_async, text);
}

kick_task tsk_nolink(const char *text)
{
	return tsk_begin(kick_task_async_nolink, text);
}

/* All that it has to say has come. */
kick_task tsk_ended(tsk_start *start, const char *text)
{
	kick_task t = tsk_begin(start, text);

	node_gone(t.pid);
	node_settle();
	return t;
}

/* A value, as far as r says that there is one; a reason likewise. */
void tsk_check_outcome(const char *file, int line, int r, cJSON *value, const char *why,
	int want, const char *text)
{
	node_check_int(file, line, "the result", r, want);
	if (r == 0)
		node_check_text(
			file, line, "the value", cJSON_GetStringValue(value), text);
	if (r == -ECONNRESET)
		node_check_text(file, line, "the reason", why, text);
	cJSON_Delete(value);
}

void tsk_check_asked(const char *file, int line, tsk_asking *ask, const kick_task *t,
	int64_t ms, int want, const char *text)
{
	kick_reason why = { "" };
	cJSON *value = NULL;
	int r = ask(t, ms, &value, &why);

	tsk_check_outcome(file, line, r, value, why.text, want, text);
}

int tsk_my(const char *what)
{
	cJSON *info = kick_info(kick_self());
	const cJSON *item = cJSON_GetObjectItem(info, what);
	int n = cJSON_IsArray(item) ? cJSON_GetArraySize(item) : item->valueint;

	cJSON_Delete(info);
	return n;
}

/* Nothing is kept of any task, once those that have replied have ended. */
void tsk_expect_nothing_left(const char *file, int line)
{
	while (tsk_my("links") > 0)
		continue;
	node_expect_silence(file, line);
	node_check_int(file, line, "monitors", tsk_my("monitors"), 0);
}
