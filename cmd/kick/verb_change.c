/* start, stop, restart, delete, signal, exit: one order for each name, given to the
 * supervisor of that child and waited for. All names are tried; the first failure is
 * the status. The application itself has no supervisor that could be asked: what can be
 * done to it is done by the top supervisor's own methods. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "addressee.h"
#include "base/clock.h"
#include "base/signame.h"
#include "control/text.h"
#include "hint.h"
#include "outcome.h"
#include "session.h"
#include "silence.h"
#include "target.h"
#include "watch.h"

/* One kind of order; `user` is the verb's own. */
struct order {
	int (*child)(struct session *s, const struct target *t, void *user,
		struct outcome *o);
	int (*app)(struct session *s, const struct target *t, struct outcome *o);
	void *user;
	/* For a registered name; NULL: such names are not looked for. */
	int (*named)(struct session *s, const struct target *t, void *user,
		struct outcome *o);
};

/* What is said of an order that takes long. */
static const struct wait_words {
	const char *verb, *until;
	const char *limits[2]; /* keys of the specification that bound it */
	const char *goes_on;
} wait_words[] = {
	{ "start", "be ready", { "start_timeout" }, "the start goes on" },
	{ "stop", "stop", { "shutdown" }, "the stop goes on" },
	{ "restart", "stop and be ready again", { "shutdown", "start_timeout" },
		"the restart goes on" },
	{ "delete", "stop", { "shutdown" },
		"the stop goes on, but then it is not deleted" },
};

/* Whose order it is that takes long. */
struct long_order {
	const struct target *t;
	const struct wait_words *words;
};

/* ": shutdown is 30s", by the child's specification. Asked for on a connection of its
 * own, as the other one waits for its answer. */
static void add_limits(
	const struct session *s, const struct long_order *o, struct buf *out)
{
	int64_t until = clock_now() + SEC_NS;
	struct channel *ch = NULL;
	struct answer a = { 0 };
	struct buf params;
	const char *before = ": ";

	buf_init(&params, 0);
	target_params(&params, o->t->id, "");
	if (channel_open(s->dir, o->t->owner, until, &ch, NULL) == 0)
		(void)channel_call(
			ch, "get_childspec", buf_text(&params), until, &a, NULL);
	for (size_t i = 0; i < ARRAY_LEN(o->words->limits); i++) {
		const char *key = o->words->limits[i];
		const char *value = key
			? cJSON_GetStringValue(
				  cJSON_GetObjectItemCaseSensitive(a.result, key))
			: NULL;

		if (value) {
			buf_addf(out, "%s%s is %s", before, key, value);
			before = ", ";
		}
	}
	channel_free(ch);
	answer_done(&a);
	buf_done(&params);
}

static void say_order(struct session *s, void *user, struct buf *out)
{
	const struct long_order *o = user;

	buf_addf(out, "%s to %s", o->t->path, o->words->until);
	add_limits(s, o, out);
	silence_if_stopped(s, o->t->owner, out);
	buf_addf(out, "; ^C gives up waiting, %s", o->words->goes_on);
}

/* The words for the verb of this run; NULL: its answer comes at once. */
static const struct wait_words *find_words(const struct session *s)
{
	for (size_t i = 0; i < ARRAY_LEN(wait_words); i++)
		if (strcmp(wait_words[i].verb, s->verb->name) == 0 &&
			!(s->given & BIT(NO_WAIT)))
			return &wait_words[i];
	return NULL;
}

static const char *wait_param(const struct session *s)
{
	return s->given & BIT(NO_WAIT) ? "\"wait\":false" : "\"wait\":true";
}

/* Calls a method for a child. 0 with an answer of either kind, or -1: *o says why not.
 */
static int order_call(struct session *s, const struct target *t, const char *method,
	const char *more, struct answer *ret, struct outcome *o)
{
	struct long_order order = { t, find_words(s) };
	struct buf params;
	int r;

	buf_init(&params, 0);
	target_params(&params, t->id, more);
	s->patient = order.words != NULL;
	if (order.words)
		hint_arm(s, say_order, &order);
	r = session_try(s, t->owner, method, buf_text(&params), ret);
	hint_disarm(s);
	s->patient = false;
	buf_done(&params);
	if (r == 0)
		return 0;
	o->rc = session_unreachable(s, r, t->path);
	buf_addf(&o->error, "no answer: %s", strerror(-r));
	return -1;
}

static int tell(struct outcome *o, int rc, const char *path, bool print)
{
	o->rc = rc;
	if (print)
		complain("%s: %s", path, buf_text(&o->error));
	return rc;
}

static int start_failed(struct session *s, const struct target *t,
	const struct answer *a, struct outcome *o)
{
	char path[KICK_PATH_MAX];

	(void)snprintf(path, sizeof path, "%s", t->path);
	outcome_take(o, a->data);
	session_start_failure(a, &o->error);
	outcome_find_cause(s, a->data, path, &o->error);
	(void)tell(o, STATUS_FAILED, t->path, true);
	outcome_last_words(s, path);
	return STATUS_FAILED;
}

static int is_restarting(
	const struct target *t, const struct answer *a, struct outcome *o)
{
	const cJSON *retry = cJSON_GetObjectItemCaseSensitive(a->data, "retry");
	const cJSON *attempt = cJSON_GetObjectItemCaseSensitive(retry, "attempt");
	const cJSON *in_ms = cJSON_GetObjectItemCaseSensitive(retry, "in_ms");
	struct tree_retry r = { TREE_NONE, TREE_NONE, NULL };

	(void)snprintf(o->state, sizeof o->state, "restarting");
	if (cJSON_IsNumber(attempt))
		r.attempt = attempt->valueint;
	if (cJSON_IsNumber(in_ms))
		r.in_ms = (int64_t)in_ms->valuedouble;
	if (r.attempt == TREE_NONE)
		r = t->node->retry;
	if (r.attempt != TREE_NONE)
		render_retry(&o->error, &r);
	else
		buf_adds(&o->error, "it waits for its turn to be restarted");
	buf_addf(&o->error, "; kick restart %s tries now", t->path);
	return tell(o, STATUS_FAILED, t->path, true);
}

/* An error answer that the verb has no own reading of. */
static int refused(const struct target *t, const struct answer *a, struct outcome *o)
{
	outcome_take(o, a->data);
	o->rc = session_refused(a, t->path);
	session_words(a, &o->error);
	return o->rc;
}

static bool is_atom(const struct answer *a, const char *atom)
{
	return a->code == PROTOCOL_E_REFUSED && strcmp(a->message, atom) == 0;
}

/* There is nothing to be done. */
static bool is_already_so(const struct target *t, const struct answer *a)
{
	if (is_atom(a, "running") || is_atom(a, "already_started"))
		return true;
	/* Such a child cannot be started again, and need not be. */
	return is_atom(a, "dynamic_supervisor") && t->node->code == CHILD_RUNNING;
}

/* start, stop, restart: one method each. */
static int give(
	struct session *s, const struct target *t, void *user, struct outcome *o)
{
	const char *method = user;
	struct answer a = { 0 };

	if (order_call(s, t, method, wait_param(s), &a, o) < 0)
		return o->rc;
	if (a.result) {
		outcome_take(o, a.result);
	} else if (is_already_so(t, &a)) {
		(void)snprintf(o->state, sizeof o->state, "%s", t->node->state);
		o->pid = t->node->pid;
		outcome_take(o, a.data);
	} else if (is_atom(&a, "restarting")) {
		(void)is_restarting(t, &a, o);
	} else if (is_atom(&a, "start_failed")) {
		(void)start_failed(s, t, &a, o);
	} else {
		(void)refused(t, &a, o);
	}
	answer_done(&a);
	return o->rc;
}

static int remove_child(
	struct session *s, const struct target *t, void *user, struct outcome *o)
{
	struct answer a = { 0 };

	(void)user;
	if (order_call(s, t, "terminate_child", "\"wait\":true", &a, o) < 0)
		return o->rc;
	if (!a.result && !is_atom(&a, "not_found")) {
		(void)refused(t, &a, o);
		answer_done(&a);
		return o->rc;
	}
	answer_done(&a);
	if (order_call(s, t, "delete_child", "\"wait\":true", &a, o) < 0)
		return o->rc;
	/* A temporary child that was added went with its process. */
	if (a.result || is_atom(&a, "not_found"))
		(void)snprintf(o->state, sizeof o->state, "deleted");
	else
		(void)refused(t, &a, o);
	answer_done(&a);
	return o->rc;
}

/* What `signal` and `exit` send: a method and the member after the id. */
struct sent {
	const char *method;
	const char *more;
};

static int send_order(
	struct session *s, const struct target *t, void *user, struct outcome *o)
{
	const struct sent *sent = user;
	struct answer a = { 0 };

	if (order_call(s, t, sent->method, sent->more, &a, o) < 0)
		return o->rc;
	if (a.result) {
		(void)snprintf(o->state, sizeof o->state, "%s", t->node->state);
		o->pid = t->node->pid;
	} else {
		(void)refused(t, &a, o);
	}
	answer_done(&a);
	return o->rc;
}

/* The same for a process in a program. */
static int send_named(
	struct session *s, const struct target *t, void *user, struct outcome *o)
{
	const struct sent *sent = user;
	struct answer a = { 0 };
	struct buf more;

	buf_init(&more, 0);
	buf_addc(&more, ',');
	buf_adds(&more, sent->more);
	o->rc = addressee_ask(s, t, sent->method, buf_text(&more), &a);
	if (o->rc != STATUS_DONE)
		buf_adds(&o->error, "not sent");
	answer_done(&a);
	buf_done(&more);
	return o->rc;
}

static int app_refuses(const struct target *t, struct outcome *o, const char *why)
{
	buf_adds(&o->error, why);
	return tell(o, STATUS_FAILED, t->path, true);
}

static int app_runs(struct session *s, const struct target *t, struct outcome *o)
{
	(void)s;
	(void)snprintf(o->state, sizeof o->state, "%s", t->node->state);
	o->pid = t->node->pid;
	return STATUS_DONE;
}

static int app_no_stop(struct session *s, const struct target *t, struct outcome *o)
{
	(void)s;
	return app_refuses(t, o, "this is the application itself; use kick shutdown");
}

static int app_no_signal(struct session *s, const struct target *t, struct outcome *o)
{
	(void)s;
	return app_refuses(t, o,
		"this is the application itself; kick shutdown ends it, kick restart starts "
		"it anew, kick whereis tells its pid");
}

/* The successor of the top supervisor, once it has started everything. */
struct renewal {
	int64_t old_pid;
	struct outcome *o;
};

static int is_renewed(struct session *s, void *user)
{
	struct renewal *renewal = user;
	struct answer a = { 0 };
	const cJSON *pid;
	const char *state;
	int r;

	r = session_try(s, PROTOCOL_SOCKET_TOP, "status", NULL, &a);
	if (r < 0)
		return is_absent(r) ? WATCH_GONE : WATCH_AGAIN;
	pid = cJSON_GetObjectItemCaseSensitive(a.result, "pid");
	state = cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(a.result, "state"));
	r = WATCH_AGAIN;
	if (cJSON_IsNumber(pid) && pid->valueint != renewal->old_pid && state &&
		strcmp(state, "running") == 0) {
		outcome_take(renewal->o, a.result);
		r = STATUS_DONE;
	}
	answer_done(&a);
	return r;
}

/* The old top supervisor closes its connections when it ends. */
static int await_close(struct session *s)
{
	struct channel *ch;
	cJSON *message;
	int r;

	r = session_connect(s, PROTOCOL_SOCKET_TOP, &ch);
	while (r == 0) {
		r = channel_next(ch, hint_cut(s, s->deadline), &message);
		if (r == 0)
			cJSON_Delete(message);
		else if (r == -ETIMEDOUT && hint_due(s))
			r = 0;
	}
	session_drop(s, PROTOCOL_SOCKET_TOP);
	return r == -ECONNRESET ? STATUS_DONE : session_unreachable(s, r, "restart");
}

static void say_renewal(struct session *s, void *user, struct buf *out)
{
	(void)user;
	buf_adds(out, "the whole tree to stop and start again");
	silence_if_stopped(s, PROTOCOL_SOCKET_TOP, out);
	buf_adds(out, "; ^C gives up waiting, the restart goes on");
}

static int renew(struct session *s, const struct target *t, struct outcome *o)
{
	struct renewal renewal = { t->node->pid, o };
	struct answer a = { 0 };

	o->rc = session_call(s, PROTOCOL_SOCKET_TOP, "renew_tree", NULL, t->path, &a);
	answer_done(&a);
	if (o->rc == STATUS_DONE && !(s->given & BIT(NO_WAIT)))
		o->rc = await_close(s);
	if (o->rc == STATUS_DONE && !(s->given & BIT(NO_WAIT)))
		o->rc = watch_until(s, &(struct watch){ is_renewed, &renewal, false });
	if (o->rc != STATUS_DONE)
		buf_adds(&o->error, "the tree was not started anew");
	return o->rc;
}

static int app_renew(struct session *s, const struct target *t, struct outcome *o)
{
	int rc;

	s->patient = !(s->given & BIT(NO_WAIT));
	if (s->patient)
		hint_arm(s, say_renewal, NULL);
	rc = renew(s, t, o);
	hint_disarm(s);
	s->patient = false;
	return rc;
}

static int run_order(struct session *s, const struct order *order, const char *name,
	struct target *t, struct outcome *o)
{
	o->path = name;
	o->rc = order->named ? target_find_process(s, name, t)
			     : target_find(s, name, t);
	if (o->rc != STATUS_DONE) {
		buf_adds(&o->error,
			o->rc == STATUS_NO_NAME ? "no such name" : "no answer");
		return o->rc;
	}
	if (t->name && order->named)
		return order->named(s, t, order->user, o);
	o->path = t->path;
	return target_is_app(t) ? order->app(s, t, o)
				: order->child(s, t, order->user, o);
}

/* Gives the order for one name and tells what became of it. */
static int for_one(struct session *s, const struct order *order, const char *name,
	const char *words)
{
	struct outcome o = { .pid = TREE_NONE };
	struct target t = { 0 };
	int rc;

	buf_init(&o.error, 0);
	rc = run_order(s, order, name, &t, &o);
	if (!o.left_alone)
		outcome_report(s, &o, buf_text(&o.error), words);
	target_done(&t);
	buf_done(&o.error);
	return rc;
}

static int for_each(struct session *s, const struct order *order, char **names, int n,
	const char *words)
{
	int first = STATUS_DONE;

	for (int i = 0; i < n; i++) {
		int rc = for_one(s, order, names[i], words);

		if (first == STATUS_DONE)
			first = rc;
	}
	return first;
}

int verb_start(struct session *s, char **args, int n)
{
	char method[] = "restart_child";

	return for_each(
		s, &(struct order){ give, app_runs, method, NULL }, args, n, NULL);
}

int verb_stop(struct session *s, char **args, int n)
{
	char method[] = "terminate_child";

	return for_each(
		s, &(struct order){ give, app_no_stop, method, NULL }, args, n, NULL);
}

/* --- a restart without a gap --------------------------------------------------------
 */

/* What is below one name: workers with listening sockets, one after the other. */
struct rolling {
	bool all;	  /* of a supervisor: what has no "listen" is left alone */
	uint32_t met;	  /* had one */
	struct buf paths; /* NUL after each */
};

/* Nobody need have ordered that: one of the two may have crashed, or their group. */
static int overtaken(const struct target *t, const struct answer *a, struct outcome *o)
{
	outcome_take(o, a->data);
	buf_adds(&o->error,
		"it, or what was to follow it, has ended or was stopped in the meantime; "
		"see: kick events");
	return tell(o, STATUS_FAILED, t->path, true);
}

static int roll_child(
	struct session *s, const struct target *t, void *user, struct outcome *o)
{
	struct rolling *rolling = user;
	struct answer a = { 0 };

	if (order_call(s, t, "roll_child", "", &a, o) < 0)
		return o->rc;
	o->left_alone =
		rolling->all && (is_atom(&a, "no_listen") || is_atom(&a, "not_found"));
	rolling->met += !o->left_alone;
	if (a.result)
		outcome_take(o, a.result);
	else if (is_atom(&a, "start_failed"))
		(void)start_failed(s, t, &a, o);
	else if (is_atom(&a, "cancelled"))
		(void)overtaken(t, &a, o);
	else if (!o->left_alone)
		(void)refused(t, &a, o);
	answer_done(&a);
	return o->rc;
}

static bool add_worker(struct node *n, void *user)
{
	struct rolling *rolling = user;

	if (!n->is_supervisor)
		buf_add(&rolling->paths, n->path, strlen(n->path) + 1);
	return true;
}

static int find_workers(struct session *s, const char *name, struct rolling *rolling)
{
	struct tree *tree;
	struct node *top, *n;
	int rc = session_tree(s, &tree, &top);

	if (rc != STATUS_DONE)
		return rc;
	rc = target_in_tree(top, name, &n);
	if (rc == STATUS_DONE) {
		rolling->all = n->is_supervisor;
		(void)tree_each(n, add_worker, rolling);
	}
	tree_free(tree);
	return rc;
}

/* It takes a while until a worker has its turn; who has gone by then need not be
 * restarted. A failure is left to the one who asks next. */
static bool has_gone(struct session *s, const char *path)
{
	struct tree *tree;
	struct node *top;
	bool gone;

	if (session_tree(s, &tree, &top) != STATUS_DONE)
		return false;
	gone = !tree_find(top, path) && !target_silent(top);
	tree_free(tree);
	return gone;
}

/* The first that fails is the last: the others go on as they are. */
static int roll_all(struct session *s, const char *name, struct rolling *rolling)
{
	/* Workers only: the application is none. */
	struct order order = { .child = roll_child, .user = rolling };
	int rc = find_workers(s, name, rolling);
	size_t at = 0;

	while (rc == STATUS_DONE && at < rolling->paths.len) {
		const char *path = rolling->paths.data + at;

		if (!rolling->all || !has_gone(s, path))
			rc = for_one(s, &order, path, NULL);
		at += strlen(path) + 1;
	}
	if (rc == STATUS_DONE && rolling->met == 0)
		rc = fail(STATUS_FAILED,
			"%s: no worker below it has \"listen\", so none can be there "
			"twice; kick restart stops and starts it",
			name);
	return rc;
}

static int restart_rolling(struct session *s, char **names, int n)
{
	int first = STATUS_DONE;

	if (s->given & BIT(NO_WAIT))
		return fail(STATUS_USAGE,
			"--rolling waits for one process before it stops the other; "
			"--no-wait cannot be with it");
	for (int i = 0; i < n; i++) {
		struct rolling rolling = { 0 };
		int rc;

		buf_init(&rolling.paths, 0);
		rc = roll_all(s, names[i], &rolling);
		buf_done(&rolling.paths);
		if (first == STATUS_DONE)
			first = rc;
	}
	return first;
}

int verb_restart(struct session *s, char **args, int n)
{
	char method[] = "renew_child";

	if (s->given & BIT(ROLLING))
		return restart_rolling(s, args, n);
	return for_each(
		s, &(struct order){ give, app_renew, method, NULL }, args, n, NULL);
}

int verb_delete(struct session *s, char **args, int n)
{
	struct order order = { remove_child, app_no_stop, NULL, NULL };

	return for_each(s, &order, args, n, NULL);
}

int verb_signal(struct session *s, char **args, int n)
{
	int sig = signame_parse(args[0]);
	char more[64], words[64];
	struct sent sent = { "signal", more };
	struct order order = { send_order, app_no_signal, &sent, NULL };

	if (sig <= 0)
		return fail(
			STATUS_USAGE, "signal: no signal is called \"%s\"", args[0]);
	(void)snprintf(more, sizeof more, "\"signal\":\"%s\"", signame(sig));
	(void)snprintf(words, sizeof words, "%s sent", signame(sig));
	return for_each(s, &order, args + 1, n - 1, words);
}

int verb_exit(struct session *s, char **args, int n)
{
	struct buf more;
	struct sent sent = { "exit", NULL };
	struct order order = { send_order, app_no_signal, &sent, send_named };
	int rc;

	(void)n;
	if (!*args[1])
		return fail(STATUS_USAGE, "exit: REASON is empty; see: kick help exit");
	buf_init(&more, 0);
	buf_adds(&more, "\"reason\":");
	buf_add_json(&more, args[1], strlen(args[1]));
	sent.more = buf_text(&more);
	rc = for_each(s, &order, args, 1, "exit signal sent");
	buf_done(&more);
	return rc;
}
