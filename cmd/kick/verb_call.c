/* call and cast: a request, which is any JSON value, for a process that takes requests:
 * an agent, a registry, or a process in a program that speaks libkick. The answer is
 * printed as it came, on one line. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "addressee.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/num.h"
#include "control/text.h"
#include "hint.h"
#include "outcome.h"
#include "session.h"
#include "silence.h"
#include "target.h"

/* gen_server:call/2 waits as long for an answer. */
#define CALL_NS (5 * SEC_NS)

/* --- the request --------------------------------------------------------------------
 */

/* One word, or several: what a person types who means a text. */
static bool is_plain(const char *text)
{
	return *text && !text[strcspn(text, "\"\\{}[]:,\n\t")] && strlen(text) < 60;
}

static int no_json(const struct session *s, const char *from, const char *text)
{
	const char *verb = s->verb->name;

	if (!text[strspn(text, " \t\r\n")])
		return fail(STATUS_USAGE,
			"%s: %s is empty; a request is any JSON value, without one it "
			"is null",
			verb, from);
	if (is_plain(text))
		return fail(STATUS_USAGE,
			"%s: %s is not JSON: %s; did you mean '\"%s\"'? A text has "
			"quotes, which the shell takes away unless they are quoted",
			verb, from, text, text);
	return fail(STATUS_USAGE,
		"%s: %s is not JSON: %.60s; a request is any JSON value, as '\"get\"' "
		"or '{\"get\": \"/users\"}'",
		verb, from, text);
}

/* The text of a request as one line of JSON, allocated by cJSON. An enum status. */
static int parse_request(
	const struct session *s, const char *from, const char *text, char **ret)
{
	cJSON *json = cJSON_ParseWithOpts(text, NULL, 1);

	*ret = json ? cJSON_PrintUnformatted(json) : NULL;
	if (!json)
		return no_json(s, from, text);
	cJSON_Delete(json);
	return *ret ? STATUS_DONE : fail(STATUS_FAILED, "%s: no memory", from);
}

/* {"request":...}, with the name if there is one. An enum status. */
static int add_request(const struct session *s, const char *given, struct buf *out)
{
	autofree char *text = NULL;
	const char *from = "REQUEST";
	char *line = NULL;
	size_t len;
	int r, rc;

	if (strcmp(given, "-") == 0) {
		from = "standard input";
		r = fd_read_all(STDIN_FILENO, KICK_REQUEST_MAX, &text, &len);
		if (r == -EFBIG)
			return fail(STATUS_FAILED,
				"%s: standard input is longer than %d KiB, the most of "
				"a request (KICK_REQUEST_MAX)",
				s->verb->name, KICK_REQUEST_MAX >> 10);
		if (r < 0)
			return fail(STATUS_FAILED, "%s: cannot read %s: %s",
				s->verb->name, from, strerror(-r));
		given = strlen(text) == len ? text : "\\u0000";
	}
	rc = parse_request(s, from, given, &line);
	if (rc != STATUS_DONE)
		return rc;
	buf_adds(out, "\"request\":");
	buf_adds(out, line);
	cJSON_free(line);
	return STATUS_DONE;
}

/* --- the other side -----------------------------------------------------------------
 */

static int of_supervisor(const struct session *s, const struct target *t)
{
	return fail(STATUS_FAILED,
		"%s is %s, which takes no %s; for it there are kick status, "
		"which-children, count-children, add, start, stop, restart and delete",
		t->given, target_is_app(t) ? "the application" : "a supervisor",
		s->verb->name);
}

/* Where the request goes. An enum status. */
static int find_socket(
	const struct session *s, const struct target *t, const char **ret)
{
	const struct node *n = t->node;

	*ret = t->socket;
	if (t->name)
		return STATUS_DONE;
	if (n->is_supervisor)
		return of_supervisor(s, t);
	if (t->program)
		return STATUS_DONE;
	*ret = n->socket;
	if (!n->socket)
		return fail(STATUS_FAILED,
			"%s is a program that does not speak libkick; one that does has "
			"\"link\": true in its specification, see kick.json(5)",
			t->given);
	/* One that waits for its restart is waited for. */
	if (n->code == CHILD_STOPPED || n->code == CHILD_EXITED)
		return fail(STATUS_FAILED, "%s: no process, it is %s; kick start %s",
			t->given, n->state, n->path);
	return STATUS_DONE;
}

struct asking {
	const struct target *t;
	const char *socket;
};

static void say_call(struct session *s, void *user, struct buf *out)
{
	const struct asking *a = user;
	const struct node *n = a->t->node;

	buf_addf(out, "%s to answer", a->t->given);
	if (n && n->code != CHILD_RUNNING)
		buf_addf(out, ", %s is %s", n->path, n->state);
	silence_if_stopped(s, a->socket, out);
	buf_adds(out, "; ^C gives up waiting, the request goes on over there");
}

static int not_in_time(struct session *s, const struct asking *a)
{
	int64_t waited = s->timeout_ns < 0 ? CALL_NS : s->timeout_ns;
	const struct node *n = a->t->node;
	struct buf words;
	char text[32];
	int rc;

	buf_init(&words, 0);
	if (n && n->code != CHILD_RUNNING)
		buf_addf(&words, "; %s was %s", n->path, n->state);
	silence_if_stopped(s, a->socket, &words);
	rc = fail(STATUS_TIMEOUT,
		"%s: no answer within %s%s%s; what was asked goes on over there",
		a->t->given, num_age(waited, text, sizeof text),
		s->timeout_ns < 0 ? ", --timeout 1m waits longer" : " (--timeout)",
		buf_text(&words));
	buf_done(&words);
	return rc;
}

static int unreachable(struct session *s, const struct asking *a, int r)
{
	if (r == -ETIMEDOUT)
		return not_in_time(s, a);
	if (r == -ECONNRESET)
		return fail(STATUS_FAILED,
			"%s: its process ended before it answered; see: kick status, "
			"kick events",
			a->t->given);
	return session_unreachable(s, r, a->t->given);
}

/* Asks, and waits as long as a call does. An enum status; *ret is an answer of either
 * kind then. */
static int ask(
	struct session *s, struct asking *a, const char *params, struct answer *ret)
{
	int r;

	if (s->timeout_ns < 0)
		s->deadline = clock_now() + CALL_NS;
	if (a->t->node && !a->t->program)
		session_asks(s, a->t->node);
	s->patient = true;
	hint_arm(s, say_call, a);
	r = session_try(s, a->socket, s->verb->name, params, ret);
	hint_disarm(s);
	s->patient = false;
	return r < 0 ? unreachable(s, a, r) : STATUS_DONE;
}

/* A child of a supervisor in code is called by the identifier of its process. An enum
 * status. */
static int add_pid(struct session *s, const struct target *t, struct buf *out)
{
	struct answer a = { 0 };
	const cJSON *process;
	const char *pid;
	struct buf params;
	int rc;

	buf_init(&params, 0);
	target_params(&params, t->id, "");
	rc = session_call(s, t->owner, "info", buf_text(&params), t->path, &a);
	process = cJSON_GetObjectItemCaseSensitive(a.result, "process");
	pid = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(process, "pid"));
	if (rc == STATUS_DONE && !pid)
		rc = fail(STATUS_FAILED, "%s: no process, it is %s", t->given,
			t->node->state);
	if (rc == STATUS_DONE && pid) {
		buf_adds(out, "\"pid\":");
		buf_add_json(out, pid, strlen(pid));
		buf_addc(out, ',');
	}
	buf_done(&params);
	answer_done(&a);
	return rc;
}

static int give(struct session *s, const char *given, const struct target *t,
	struct answer *ret)
{
	struct asking a = { .t = t };
	struct buf params;
	int rc;

	buf_init(&params, 0);
	buf_addc(&params, '{');
	if (t->name) {
		buf_adds(&params, "\"name\":");
		buf_add_json(&params, t->name, strlen(t->name));
		buf_addc(&params, ',');
	}
	rc = find_socket(s, t, &a.socket);
	if (rc == STATUS_DONE && t->program)
		rc = add_pid(s, t, &params);
	if (rc == STATUS_DONE)
		rc = add_request(s, given, &params);
	buf_addc(&params, '}');
	if (rc == STATUS_DONE)
		rc = ask(s, &a, buf_text(&params), ret);
	if (rc == STATUS_DONE && !ret->result)
		rc = addressee_refused(ret, t);
	buf_done(&params);
	return rc;
}

/* --- the verbs ----------------------------------------------------------------------
 */

static int run(struct session *s, char **args, int n, struct answer *ret)
{
	struct target t;
	int rc;

	rc = target_find_process(s, args[0], &t);
	if (rc != STATUS_DONE)
		return rc;
	rc = give(s, n > 1 ? args[1] : "null", &t, ret);
	target_done(&t);
	return rc;
}

int verb_call(struct session *s, char **args, int n)
{
	struct answer a = { 0 };
	int rc = run(s, args, n, &a);
	char *text;

	if (rc == STATUS_DONE) {
		text = cJSON_PrintUnformatted(a.result);
		if (!text)
			rc = fail(STATUS_FAILED, "%s: no memory", args[0]);
		buf_adds(&s->out, text ? text : "");
		buf_adds(&s->out, text ? "\n" : "");
		cJSON_free(text);
	}
	answer_done(&a);
	return rc;
}

int verb_cast(struct session *s, char **args, int n)
{
	struct outcome o = { .path = args[0], .pid = TREE_NONE };
	struct answer a = { 0 };

	o.rc = run(s, args, n, &a);
	if (session_json(s))
		outcome_report(s, &o, "not sent", NULL);
	answer_done(&a);
	return o.rc;
}
