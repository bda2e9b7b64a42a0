/* `wait`: what has to be true of each name is a table of wanted state by present state,
 * so that "not yet" and "never" are told apart in one place. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/names.h"
#include "control/text.h"
#include "hint.h"
#include "session.h"
#include "silence.h"
#include "target.h"
#include "watch.h"

enum wanted {
	WANT_RUNNING,
	WANT_STOPPED,
	WANT_EXITED,
	WANT_DOWN,
	WANT_N
};

static const char *const wanted_names[WANT_N] = { "running", "stopped", "exited",
	"down" };

enum verdict {
	PENDING,
	REACHED,
	NEVER
};

/* A child that is gone from its supervisor's list, after the states that it can have.
 */
#define GONE ((enum child_state)(CHILD_NSTATES + 1))

static const enum verdict verdicts[WANT_N][CHILD_NSTATES + 2] = {
	[WANT_RUNNING] = {
		[CHILD_RUNNING] = REACHED,
		[CHILD_STOPPED] = NEVER,
		[CHILD_EXITED] = NEVER,
		[GONE] = NEVER,
	},
	[WANT_STOPPED] = {
		[CHILD_STOPPED] = REACHED,
		[GONE] = NEVER,
	},
	[WANT_EXITED] = {
		[CHILD_EXITED] = REACHED,
		[CHILD_STOPPED] = NEVER,
		[GONE] = NEVER,
	},
	[WANT_DOWN] = {
		[CHILD_STOPPED] = REACHED,
		[CHILD_EXITED] = REACHED,
		[GONE] = REACHED,
	},
};

struct waiting {
	char **names;
	char **paths; /* what the names stood for at the first look; NULL before */
	size_t n;
	enum wanted wanted;
	struct node *top;   /* of the present look */
	struct buf missing; /* what was not so at the last look, in words */
};

/* The deepest node on the way to a path that is there. */
static struct node *nearest(struct node *top, const char *path)
{
	char shorter[KICK_PATH_MAX];
	struct node *n = tree_find(top, path);
	char *slash;

	(void)snprintf(shorter, sizeof shorter, "%s", path);
	while (!n) {
		slash = strrchr(shorter, '/');
		if (!slash)
			return top;
		*slash = '\0';
		n = tree_find(top, shorter);
	}
	return n;
}

/* Every supervisor above the path is up: what is not there now does not come by itself.
 */
static bool is_settled(struct node *top, const char *path)
{
	char above[KICK_PATH_MAX];
	char *slash;

	if (top->code != CHILD_RUNNING)
		return false;
	(void)snprintf(above, sizeof above, "%s", path);
	while ((slash = strrchr(above, '/'))) {
		const struct node *n;

		*slash = '\0';
		n = tree_find(top, above);
		if (!n || n->code != CHILD_RUNNING)
			return false;
	}
	return true;
}

static enum verdict judge(struct session *s, const struct waiting *w, const char *path)
{
	struct node *n = nearest(w->top, path);
	enum child_state state = n->code;
	enum verdict verdict;

	/* What is below it is not known now. */
	if (n->silent && strcmp(n->path, path) != 0)
		return PENDING;
	if (strcmp(n->path, path) != 0 && (n == w->top || node_is_alive(n)))
		state = GONE;
	/* Its turn to be started has not come yet. */
	if (state == CHILD_STOPPED && !node_is_well(n))
		state = CHILD_RESTARTING;
	verdict = verdicts[w->wanted][state];
	if (verdict != NEVER)
		return verdict;
	if (state == CHILD_EXITED && strcmp(n->path, path) == 0 && node_is_well(n) &&
		w->wanted == WANT_RUNNING &&
		target_is_oneshot(s, target_owner(w->top, n), n))
		return REACHED;
	/* While a supervisor above is not up yet, its children are still to come. */
	if (state == GONE && !is_settled(w->top, path))
		return PENDING;
	return NEVER;
}

static int give_up(const struct waiting *w, const char *path)
{
	const struct node *n = nearest(w->top, path);
	const char *state = strcmp(n->path, path) == 0 ? n->state : "gone";

	return fail(STATUS_FAILED, "wait: %s is %s, it will not be %s by itself", path,
		state, wanted_names[w->wanted]);
}

/* What the names stand for, once: later a name may be gone, and that is an answer. */
static int resolve(struct waiting *w)
{
	int first = STATUS_DONE;
	char **paths;

	paths = calloc(w->n + 1, sizeof *paths);
	if (!paths)
		return fail(STATUS_FAILED, "wait: no memory");
	w->paths = paths;
	for (size_t i = 0; i < w->n; i++) {
		const struct node *up = nearest(w->top, w->names[i]);
		struct node *n;
		int rc = STATUS_DONE;

		/* A path below a supervisor that is down is taken at its word. */
		if (strchr(w->names[i], '/') && !node_is_alive(up)) {
			paths[i] = strdup(w->names[i]);
		} else {
			rc = target_in_tree(w->top, w->names[i], &n);
			if (rc == STATUS_DONE)
				paths[i] = strdup(n->path);
		}
		if (rc == STATUS_DONE && !paths[i])
			rc = fail(STATUS_FAILED, "wait: no memory");
		if (first == STATUS_DONE)
			first = rc;
	}
	return first;
}

/* For the hint: "web to be running, it is restarting". */
static void note_missing(struct waiting *w, const char *path)
{
	const struct node *n = nearest(w->top, path);
	bool there = strcmp(n->path, path) == 0;

	buf_clear(&w->missing);
	buf_addf(&w->missing, "%s to be %s", path, wanted_names[w->wanted]);
	if (n->silent)
		buf_addf(&w->missing, "; %s does not answer", n->path);
	else if (there)
		buf_addf(&w->missing, ", it is %s", n->state);
	else
		buf_addf(&w->missing, "; %s is %s", n->path, n->state);
	if (there && n->retry.attempt != TREE_NONE) {
		buf_adds(&w->missing, ", ");
		render_retry(&w->missing, &n->retry);
	}
}

static int look_named(struct session *s, struct waiting *w)
{
	int rc = STATUS_DONE;

	if (!w->paths)
		rc = resolve(w);
	if (rc != STATUS_DONE)
		return rc;
	for (size_t i = 0; i < w->n; i++) {
		/* There since resolve().
		 * NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
		enum verdict v = judge(s, w, w->paths[i]);

		if (v == NEVER)
			return give_up(w, w->paths[i]);
		if (v == PENDING && rc == STATUS_DONE)
			note_missing(w, w->paths[i]);
		if (v == PENDING)
			rc = WATCH_AGAIN;
	}
	return rc;
}

/* A child that has ended badly and is not to be started again, below supervisors that
 * are up: the tree does not become well by itself. */
static const struct node *find_lost(const struct node *sup)
{
	if (sup->code != CHILD_RUNNING)
		return NULL;
	for (size_t i = 0; i < sup->n_children; i++) {
		const struct node *n = &sup->children[i];
		const struct node *lost = find_lost(n);

		if (lost)
			return lost;
		if (n->code == CHILD_EXITED && !node_is_well(n))
			return n;
	}
	return NULL;
}

static bool find_ill(struct node *n, void *user)
{
	struct node **found = user;

	if (!node_is_well(n))
		*found = n;
	return node_is_well(n);
}

static void note_ill(struct waiting *w)
{
	struct node *n = w->top;

	(void)tree_each(w->top, find_ill, &n);
	buf_clear(&w->missing);
	buf_addf(&w->missing, "the tree to be as it should be; %s %s%s", n->path,
		n->silent ? "does not answer" : "is ", n->silent ? "" : n->state);
}

static int look_tree(struct waiting *w)
{
	const struct node *lost = find_lost(w->top);
	struct buf words;
	int rc;

	if (tree_is_well(w->top))
		return STATUS_DONE;
	note_ill(w);
	if (!lost)
		return WATCH_AGAIN;
	buf_init(&words, 0);
	if (lost->last_exit.reason)
		text_reason(&words, lost->last_exit.reason, lost->last_exit.core);
	rc = fail(STATUS_FAILED,
		"wait: %s is %s (%s), it will not be started again by itself",
		lost->path, lost->state, buf_text(&words));
	buf_done(&words);
	return rc;
}

static int look_once(struct session *s, struct waiting *w, bool *ret_silent)
{
	struct answer a = { 0 };
	struct tree *tree;
	int r, rc;

	*ret_silent = false;
	/* A connection that was reset was to a process that has gone: its name has not,
	 * and no event need follow. */
	do
		r = session_fetch(s, &tree, &w->top, &a);
	while (r == -ECONNRESET || r == -EPIPE);
	if (r == -EREMOTEIO && a.code != PROTOCOL_E_NOPROC) {
		rc = session_refused(&a, "wait");
		answer_done(&a);
		return rc;
	}
	answer_done(&a);
	if (r == -EACCES || r == -EPERM)
		return session_unreachable(s, r, "wait");
	if (r < 0)
		return is_absent(r) ? WATCH_GONE : WATCH_AGAIN;
	rc = w->n ? look_named(s, w) : look_tree(w);
	*ret_silent = target_silent(w->top) != NULL;
	tree_free(tree);
	return rc;
}

/* No event tells that a supervisor answers again: it is asked again, and each time
 * waited for as long as an answer may take. */
static int look(struct session *s, void *user)
{
	bool silent;
	int rc;

	do {
		rc = look_once(s, user, &silent);
		(void)hint_due(s);
	} while (rc == WATCH_AGAIN && silent);
	return rc;
}

static void say_wait(struct session *s, void *user, struct buf *out)
{
	const struct waiting *w = user;

	if (w->missing.len)
		buf_adds(out, buf_text(&w->missing));
	else
		buf_addf(out, "kickd in %s to answer", s->dir);
	silence_if_stopped(s, PROTOCOL_SOCKET_TOP, out);
	silence_if_stopped(s, PROTOCOL_SOCKET_LOGGER, out);
	buf_adds(out, "; ^C gives up waiting");
}

int verb_wait(struct session *s, char **args, int n)
{
	struct waiting w = { .names = args, .n = (size_t)n };
	int wanted, rc;

	wanted = names_find(wanted_names, WANT_N, s->until ? s->until : "running");
	if (wanted < 0)
		return fail(STATUS_USAGE,
			"wait: --for %s: a state is running, stopped, exited or down",
			s->until);
	if (s->until && !n)
		return fail(STATUS_USAGE, "wait: --for needs the names that it is for");
	w.wanted = (enum wanted)wanted;
	buf_init(&w.missing, 0);
	s->patient = true;
	s->missing = &w.missing;
	hint_arm(s, say_wait, &w);
	rc = watch_until(s, &(struct watch){ look, &w, w.wanted == WANT_DOWN });
	hint_disarm(s);
	s->missing = NULL;
	buf_done(&w.missing);
	for (size_t i = 0; w.paths && i < w.n; i++)
		free(w.paths[i]);
	free(w.paths);
	return rc;
}
