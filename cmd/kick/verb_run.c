/* `run`: a command as a temporary child of a dynamic supervisor, whose end is waited
 * for. The events are subscribed to before it is started, so that its end cannot be
 * missed, however soon it comes. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/signame.h"
#include "control/text.h"
#include "session.h"
#include "target.h"

struct task {
	const char *sup;    /* path of its supervisor */
	const char *socket; /* of that */
	struct channel *orders, *events;
	char path[KICK_PATH_MAX]; /* "" before it is known */
	int signals;		  /* signalfd */
	int stopped_by;		  /* the signal that kick was told to end with; 0 */
	bool ordered;		  /* its stop */
	int64_t orphaned;	  /* when its supervisor was seen to be gone; 0 */
};

/* What a supervisor has said of its last moments arrives within that time. */
#define LAST_WORDS_NS SEC_NS

/* --- what it ends with ---------------------------------------------------------------
 */

/* The status that stands for the reason of an end, or -1. */
static int status_of(const char *reason)
{
	int sig;

	if (strcmp(reason, "normal") == 0)
		return 0;
	if (strcmp(reason, "killed") == 0)
		return 128 + SIGKILL;
	if (strncmp(reason, "exit:", 5) == 0)
		return (int)strtol(reason + 5, NULL, 10) & 0xff;
	if (strncmp(reason, "signal:", 7) == 0) {
		sig = signame_parse(reason + 7);
		return sig > 0 ? 128 + sig : -1;
	}
	if (strcmp(reason, "failed_to_start:exec:ENOENT") == 0 ||
		strcmp(reason, "failed_to_start:exec:ENOTDIR") == 0)
		return STATUS_NOT_FOUND;
	return strncmp(reason, "failed_to_start:exec:", 21) == 0 ? STATUS_NOT_RUN : -1;
}

static int say_end(const struct task *t, const char *reason)
{
	int status = status_of(reason);
	struct buf words;

	if (t->stopped_by)
		return 128 + t->stopped_by;
	if (status >= 0)
		return status;
	buf_init(&words, 0);
	text_reason(&words, reason, 0);
	complain("run: %s was ended: %s", t->path, buf_text(&words));
	buf_done(&words);
	return STATUS_RUN_FAILED;
}

static const char *text_of(const cJSON *o, const char *key)
{
	const char *text =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, key));

	return text ? text : "";
}

/* --- its supervisor ------------------------------------------------------------------
 */

struct found {
	const char *path;
	struct buf all;
	int n;
};

static bool is_dynamic(struct node *n, void *user)
{
	struct found *f = user;

	if (!n->type || strcmp(n->type, "dynamic_supervisor") != 0)
		return true;
	f->path = n->path;
	buf_addf(&f->all, "%s%s", f->n++ ? ", " : "", n->path);
	return true;
}

/* The one that there is. */
static int find_only(struct session *s, struct target *ret)
{
	struct found f = { 0 };
	struct tree *tree;
	struct node *top;
	int rc = session_tree(s, &tree, &top);

	if (rc != STATUS_DONE)
		return rc;
	buf_init(&f.all, 0);
	(void)tree_each(top, is_dynamic, &f);
	if (f.n == 1)
		rc = target_find_sup(s, f.path, ret);
	else if (f.n == 0)
		rc = fail(STATUS_RUN_FAILED,
			"run: no child of the type \"dynamic_supervisor\" is there to "
			"run it; see: man kick.json");
	else
		rc = fail(STATUS_RUN_FAILED,
			"run: there are several dynamic supervisors (%s): kick run "
			"NAME -- COMMAND",
			buf_text(&f.all));
	buf_done(&f.all);
	tree_free(tree);
	if (rc == STATUS_DONE)
		/* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): set */
		ret->given = ret->path;
	return rc;
}

/* given: NULL when there is but one. */
static int find_sup(struct session *s, const char *given, struct target *ret)
{
	int rc = given ? target_find_sup(s, given, ret) : find_only(s, ret);

	if (rc != STATUS_DONE)
		return STATUS_RUN_FAILED;
	if (strcmp(ret->node->type, "dynamic_supervisor") == 0)
		return STATUS_DONE;
	rc = fail(STATUS_RUN_FAILED, "run: %s is a %s; a dynamic_supervisor is wanted",
		ret->path, ret->node->type);
	target_done(ret);
	return rc;
}

/* --- waiting -------------------------------------------------------------------------
 */

static int order_stop(struct session *s, struct task *t)
{
	const char *id = strrchr(t->path, '/');
	struct buf params;
	int r;

	buf_init(&params, 0);
	target_params(&params, id ? id + 1 : t->path, "\"wait\":false");
	r = channel_ask(t->orders, "terminate_child", buf_text(&params), s->deadline);
	buf_done(&params);
	t->ordered = true;
	return r;
}

/* The second one ends kick at once. 0 or a negative errno. */
static int take_signal(struct session *s, struct task *t)
{
	struct signalfd_siginfo si;

	if (read(t->signals, &si, sizeof si) != sizeof si)
		return 0;
	if (t->stopped_by)
		return -ECANCELED;
	t->stopped_by = (int)si.ssi_signo;
	return *t->path ? order_stop(s, t) : 0;
}

/* Nothing that is of interest comes that way any more, but its end. */
static void look_at_supervisor(struct task *t)
{
	cJSON *message = NULL;
	int r;

	while ((r = channel_next(t->orders, 0, &message)) == 0)
		cJSON_Delete(message);
	if (r != -ETIMEDOUT)
		t->orphaned = clock_now();
}

/* Until there is something to be read from the channel. 0 or a negative errno; -ESRCH:
 * the supervisor is gone, and the task with it. */
static int await_channel(struct session *s, struct task *t, const struct channel *ch)
{
	for (;;) {
		bool wait = ch == t->events && !t->orphaned;
		struct pollfd p[3] = { { .fd = channel_fd(ch), .events = POLLIN },
			{ .fd = t->signals, .events = POLLIN },
			{ .fd = wait ? channel_fd(t->orders) : -1, .events = POLLIN } };
		int64_t end = t->orphaned ? t->orphaned + LAST_WORDS_NS : s->deadline;
		int64_t left = end - clock_now();
		struct timespec ts = { left / SEC_NS, left % SEC_NS };
		int r;

		if (left <= 0)
			return t->orphaned ? -ESRCH : -ETIMEDOUT;
		r = ppoll(p, 3, end == CLIENT_FOREVER ? NULL : &ts, NULL);
		if (r < 0 && errno != EINTR)
			return -errno;
		if (r > 0 && p[0].revents)
			return 0;
		if (r > 0 && p[2].revents)
			look_at_supervisor(t);
		if (r > 0 && (r = take_signal(s, t)) < 0)
			return r;
	}
}

static int subscribe(struct session *s, struct task *t)
{
	struct answer a = { 0 };
	int r = session_try(s, PROTOCOL_SOCKET_LOGGER, "events",
		"{\"follow\":true,\"last\":0}", &a);

	if (r == 0 && !a.result)
		r = -EPROTO;
	answer_done(&a);
	return r == 0 ? session_connect(s, PROTOCOL_SOCKET_LOGGER, &t->events) : r;
}

/* *ret_reason: of its end, the caller's. 0 or a negative errno. */
static int next_end(struct session *s, struct task *t, char **ret_reason)
{
	cJSON *message = NULL;
	const cJSON *e;
	int r = channel_next(t->events, 0, &message);

	if (r == -ETIMEDOUT) {
		r = await_channel(s, t, t->events);
		if (r == 0)
			r = channel_next(t->events, 0, &message);
		if (r == -ETIMEDOUT && clock_now() < s->deadline)
			return 0;
	}
	if (r < 0)
		return r;
	e = cJSON_GetObjectItemCaseSensitive(message, "params");
	if (strcmp(text_of(e, "event"), "exited") == 0) {
		if (strcmp(text_of(e, "path"), t->path) == 0)
			*ret_reason = strdup(text_of(e, "reason"));
		else if (strcmp(text_of(e, "path"), t->sup) == 0)
			r = -ESRCH;
	} else if (strcmp(text_of(e, "event"), "lost") == 0) {
		r = -EOVERFLOW;
	}
	cJSON_Delete(message);
	return r;
}

/* After events were lost: is it still there? The new subscription comes first. */
static int look_again(struct session *s, struct task *t)
{
	struct target found;
	int r;

	session_drop(s, PROTOCOL_SOCKET_LOGGER);
	do
		r = subscribe(s, t);
	while (r == -ECONNRESET || r == -EPIPE);
	if (r < 0)
		return session_unreachable(s, r, "run");
	if (target_find(s, t->path, &found) != STATUS_DONE)
		return fail(STATUS_RUN_FAILED,
			"run: %s has ended while kickd's logger was away; kickd's "
			"output says how",
			t->path);
	target_done(&found);
	return STATUS_DONE;
}

static int cut_short(struct session *s, const struct task *t, int r)
{
	if (r == -ECANCELED)
		return 128 + t->stopped_by;
	if (r == -ETIMEDOUT) {
		complain("run: %s: not done within the time of --timeout; it goes on",
			t->path);
		return STATUS_TIMEOUT;
	}
	if (r == -ESRCH && t->stopped_by)
		return 128 + t->stopped_by;
	if (r == -ESRCH)
		complain("run: the supervisor %s has ended, and %s with it", t->sup,
			t->path);
	else if (r == -ENOENT || r == -ECONNREFUSED)
		complain("run: kickd has ended, and %s with it", t->path);
	else
		(void)session_unreachable(s, r, "run");
	return STATUS_RUN_FAILED;
}

static int await_end(struct session *s, struct task *t)
{
	char *reason = NULL;
	int rc = STATUS_DONE, r = 0;

	if (t->stopped_by && !t->ordered)
		r = order_stop(s, t);
	while (r == 0 && !reason) {
		r = next_end(s, t, &reason);
		/* Who has this path now is another one. */
		if (r < 0 && r != -ECANCELED && t->orphaned)
			r = -ESRCH;
		if (r == -ECONNRESET || r == -EPIPE || r == -EOVERFLOW) {
			rc = look_again(s, t);
			if (rc != STATUS_DONE)
				return STATUS_RUN_FAILED;
			r = 0;
		}
	}
	if (reason)
		rc = say_end(t, reason);
	else
		rc = cut_short(s, t, r);
	free(reason);
	return rc;
}

/* --- starting ------------------------------------------------------------------------
 */

/* As it is: in a specification a dollar begins a variable. */
static void add_word(struct buf *out, const char *word)
{
	struct buf w;

	buf_init(&w, 0);
	for (const char *p = word; *p; p++) {
		if (*p == '$')
			buf_addc(&w, '$');
		buf_addc(&w, *p);
	}
	buf_add_json(out, buf_text(&w), w.len);
	buf_done(&w);
}

static void add_spec(struct buf *out, char **args, int n)
{
	buf_adds(out, "{\"spec\":{\"restart\":\"temporary\",\"start\":[");
	for (int i = 0; i < n; i++) {
		if (i)
			buf_addc(out, ',');
		add_word(out, args[i]);
	}
	buf_adds(out, "]}}");
}

/* The first of them, without the place, which is in what we have written ourselves. */
static void add_mistake(struct buf *out, const char *diagnostics)
{
	static const char error[] = ": error: ";
	const char *text = strstr(diagnostics, error);

	text = text ? text + sizeof error - 1 : diagnostics;
	buf_add(out, text, strcspn(text, "\n"));
}

static int refused(struct task *t, const struct answer *a)
{
	const cJSON *exit = cJSON_GetObjectItemCaseSensitive(a->data, "last_exit");
	int status = status_of(text_of(exit, "reason"));
	struct buf words;

	buf_init(&words, 0);
	/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): it is */
	if (strcmp(a->message, "start_failed") == 0)
		session_start_failure(a, &words);
	else if (answer_text(a, "diagnostics"))
		add_mistake(&words, answer_text(a, "diagnostics"));
	else
		session_words(a, &words);
	complain("run: nothing was started in %s: %s", t->sup, buf_text(&words));
	buf_done(&words);
	return strcmp(a->message, "start_failed") == 0 && status > 0
		? status
		: STATUS_RUN_FAILED;
}

static int start(struct session *s, struct task *t, char **args, int n)
{
	struct answer a = { 0 };
	struct buf params;
	int rc = STATUS_DONE, r;

	buf_init(&params, 0);
	add_spec(&params, args, n);
	r = session_connect(s, t->socket, &t->orders);
	if (r == 0)
		r = channel_ask(
			t->orders, "start_child", buf_text(&params), s->deadline);
	buf_done(&params);
	while (r == 0 && !a.root) {
		r = await_channel(s, t, t->orders);
		if (r == 0)
			r = channel_answer(t->orders, 0, &a);
		if (r == -ETIMEDOUT && clock_now() < s->deadline)
			r = 0;
	}
	(void)snprintf(t->path, sizeof t->path, "%s", text_of(a.result, "path"));
	if (r < 0)
		rc = cut_short(s, t, r);
	else if (!a.result)
		rc = refused(t, &a);
	answer_done(&a);
	return rc;
}

static int hold_signals(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int verb_run(struct session *s, char **args, int n)
{
	autoclose int signals = -EBADF;
	struct target sup;
	struct task t = { 0 };
	int first = s->before_dashes, rc, r;

	if (first < 0 || first > 1 || first == n)
		return fail_usage(s->verb);
	rc = find_sup(s, first ? args[0] : NULL, &sup);
	if (rc != STATUS_DONE)
		return rc;
	t.sup = sup.path;
	t.socket = sup.node->socket;
	r = subscribe(s, &t);
	t.signals = signals = hold_signals();
	if (r == 0 && signals < 0)
		r = -errno;
	if (r < 0) {
		(void)session_unreachable(s, r, "run");
		rc = STATUS_RUN_FAILED;
	} else {
		rc = start(s, &t, args + first, n - first);
	}
	if (rc == STATUS_DONE)
		rc = await_end(s, &t);
	target_done(&sup);
	return rc;
}
