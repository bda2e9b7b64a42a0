/* The verbs that look and change nothing: one process answers for each child, the tree
 * is put together here. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "addressee.h"
#include "base/clock.h"
#include "bump.h"
#include "session.h"
#include "silence.h"
#include "target.h"

/* `status` has words of its own for what went wrong: 4 for a name that is not there or
 * that nobody answers for, and a tree that nobody answers for is not as it should be.
 */
static int status_rc(int rc, bool named)
{
	if (rc == STATUS_NO_KICKD || rc == STATUS_FAILED)
		return named ? STATUS_UNKNOWN : STATUS_NOT_WELL;
	return rc == STATUS_NO_NAME ? STATUS_UNKNOWN : rc;
}

struct telling {
	struct session *s;
	struct buf words;
};

static bool tell_silent(struct node *n, void *user)
{
	struct telling *t = user;

	if (n->silent) {
		buf_clear(&t->words);
		silence_tell_node(n, t->s->answer_ns, &t->words);
		complain("%s", buf_text(&t->words));
	}
	return true;
}

/* The drawing says who does not answer, standard error what to do. */
static void tell_silence(struct session *s, struct node *top)
{
	struct telling t = { .s = s };

	buf_init(&t.words, 0);
	(void)tree_each(top, tell_silent, &t);
	buf_done(&t.words);
}

/* Children whose last lines are asked for in one go. */
#define WORDS_ASKED 200
#define WORDS_SHOWN 3

struct hurt {
	struct node *at[WORDS_ASKED];
	size_t n;
};

static bool find_hurt(struct node *n, void *user)
{
	struct hurt *hurt = user;

	if (n->is_supervisor || n->code == CHILD_RUNNING || node_is_well(n) ||
		n->last_lines.at)
		return true;
	hurt->at[hurt->n++] = n;
	return hurt->n < WORDS_ASKED;
}

/* What children that are down and should not be have printed last: the logger knows. It
 * may be down itself; then there is less to show. */
static void add_last_words(struct session *s, struct tree *tree, struct node *top)
{
	struct hurt hurt = { .n = 0 };
	struct answer a = { 0 };
	struct buf params;
	int r;

	(void)tree_each(top, find_hurt, &hurt);
	if (!hurt.n)
		return;
	buf_init(&params, 0);
	buf_adds(&params, "{\"paths\":[");
	for (size_t i = 0; i < hurt.n; i++) {
		buf_adds(&params, i ? "," : "");
		buf_add_json(&params, hurt.at[i]->path, strlen(hurt.at[i]->path));
	}
	buf_addf(&params, "],\"n\":%d}", WORDS_SHOWN);
	r = session_try(s, PROTOCOL_SOCKET_LOGGER, "last_lines", buf_text(&params), &a);
	buf_done(&params);
	if (r == -ETIMEDOUT)
		(void)session_unreachable(s, r, "last lines");
	if (r < 0 || tree_keep(tree, a.root) < 0)
		return;
	for (size_t i = 0; i < hurt.n; i++) {
		struct node *n = hurt.at[i];
		const cJSON *lines =
			cJSON_GetObjectItemCaseSensitive(a.result, n->path);

		if (cJSON_IsArray(lines) &&
			tree_parse_texts(tree, lines, &n->last_lines) < 0)
			return;
	}
}

static int status_all(struct session *s)
{
	struct tree *tree;
	struct node *top;
	int rc;

	rc = session_tree(s, &tree, &top);
	if (rc != STATUS_DONE)
		return status_rc(rc, false);
	add_last_words(s, tree, top);
	tell_silence(s, top);
	s->style.wall = clock_wall();
	if (session_json(s)) {
		render_json(&s->out, top);
		buf_addc(&s->out, '\n');
	} else {
		render_status(&s->out, &s->style, (const struct node *const *)&top, 1);
	}
	rc = tree_is_well(top) ? STATUS_DONE : STATUS_NOT_WELL;
	tree_free(tree);
	return rc;
}

/* One name: running, or a one-shot that has ended normally, is fine. */
static int judge(struct session *s, const struct target *t)
{
	const struct node *n = t->node;

	if (n->code == CHILD_RUNNING && !n->silent)
		return STATUS_DONE;
	if (n->code == CHILD_EXITED && node_is_well(n) &&
		target_is_oneshot(s, t->owner, n))
		return STATUS_DONE;
	return STATUS_NOT_WELL;
}

static int look(struct session *s, const char *name, struct target *t)
{
	struct walk w = session_walk(s);
	int r, rc;

	rc = target_find(s, name, t);
	if (rc != STATUS_DONE)
		return status_rc(rc, true);
	/* A bare id was found in a whole tree, a path was not. */
	r = t->node->n_children || t->node->silent
		? 0
		: client_expand(&w, t->tree, t->node);
	if (r < 0) {
		target_done(t);
		return status_rc(session_unreachable(s, r, name), true);
	}
	add_last_words(s, t->tree, t->node);
	tell_silence(s, t->node);
	return judge(s, t);
}

static void show(struct session *s, const struct node *const *nodes, size_t n)
{
	if (!session_json(s)) {
		render_status(&s->out, &s->style, nodes, n);
		return;
	}
	buf_addc(&s->out, '[');
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_addc(&s->out, ',');
		render_json(&s->out, nodes[i]);
	}
	buf_adds(&s->out, "]\n");
}

static int status_named(struct session *s, char **names, size_t n)
{
	struct target *targets = calloc(n, sizeof *targets);
	const struct node **nodes = calloc(n, sizeof(struct node *));
	int first = STATUS_DONE;
	size_t found = 0;

	if (!targets || !nodes) {
		free(targets);
		free((void *)nodes);
		return session_unreachable(s, -ENOMEM, "status");
	}
	for (size_t i = 0; i < n; i++) {
		int rc = look(s, names[i], &targets[i]);

		if (first == STATUS_DONE)
			first = rc;
		if (targets[i].node)
			nodes[found++] = targets[i].node;
	}
	s->style.wall = clock_wall();
	show(s, nodes, found);
	for (size_t i = 0; i < n; i++)
		target_done(&targets[i]);
	free(targets);
	free((void *)nodes);
	return first;
}

int verb_status(struct session *s, char **args, int n)
{
	if (!n)
		bump_begin();
	return n ? status_named(s, args, (size_t)n) : status_all(s);
}

/* Asks a supervisor about its children; *ret is its result. */
static int ask_sup(
	struct session *s, const char *name, const char *method, struct answer *ret)
{
	struct target t;
	int rc;

	rc = target_find_sup(s, name, &t);
	if (rc != STATUS_DONE)
		return rc;
	rc = session_call(s, t.node->socket, method, NULL, name, ret);
	target_done(&t);
	return rc;
}

/* The result as it came, on one line. */
static int print_json(struct session *s, const cJSON *value)
{
	char *text = cJSON_PrintUnformatted(value);

	if (!text)
		return session_unreachable(s, -ENOMEM, s->verb->name);
	buf_adds(&s->out, text);
	buf_addc(&s->out, '\n');
	cJSON_free(text);
	return STATUS_DONE;
}

static const char *member(const cJSON *object, const char *key)
{
	const char *text =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));

	return text ? text : "-";
}

int verb_which_children(struct session *s, char **args, int n)
{
	struct answer a = { 0 };
	const cJSON *child;
	int rc;

	(void)n;
	rc = ask_sup(s, args[0], "which_children", &a);
	if (rc != STATUS_DONE)
		return rc;
	if (session_json(s)) {
		rc = print_json(s, a.result);
		answer_done(&a);
		return rc;
	}
	cJSON_ArrayForEach(child, a.result)
	{
		const cJSON *pid = cJSON_GetObjectItemCaseSensitive(child, "pid");
		char text[24] = "-";

		if (cJSON_IsNumber(pid))
			(void)snprintf(text, sizeof text, "%d", pid->valueint);
		buf_addf(&s->out, "%-24s %-10s %-8s %s\n", member(child, "id"),
			member(child, "state"), text, member(child, "type"));
	}
	answer_done(&a);
	return rc;
}

int verb_count_children(struct session *s, char **args, int n)
{
	struct answer a = { 0 };
	int rc;

	(void)n;
	rc = ask_sup(s, args[0], "count_children", &a);
	if (rc != STATUS_DONE)
		return rc;
	if (session_json(s))
		rc = print_json(s, a.result);
	else
		render_value(&s->out, a.result);
	answer_done(&a);
	return rc;
}

/* Of a registered name the path is its program's. */
static void named_json(struct session *s, const struct target *t, const char *key)
{
	buf_adds(&s->out, "{\"path\":");
	if (t->path)
		buf_add_json(&s->out, t->path, strlen(t->path));
	else
		buf_adds(&s->out, "null");
	buf_addf(&s->out, ",\"%s\":", key);
}

/* *ret is TREE_NONE without a process. An enum status. */
static int find_pid(struct session *s, const struct target *t, int64_t *ret)
{
	struct answer a = { 0 };
	const cJSON *pid;
	int rc;

	if (!t->name) {
		*ret = t->node->pid;
		return *ret > 0 ? STATUS_DONE
				: fail(STATUS_FAILED, "%s: no process, it is %s",
					  t->path, t->node->state);
	}
	*ret = TREE_NONE;
	rc = addressee_ask(s, t, "whereis", "", &a);
	pid = cJSON_GetObjectItemCaseSensitive(a.result, "os_pid");
	if (cJSON_IsNumber(pid))
		*ret = (int64_t)pid->valuedouble;
	answer_done(&a);
	return rc;
}

int verb_whereis(struct session *s, char **args, int n)
{
	struct target t;
	int64_t pid;
	int rc;

	(void)n;
	rc = target_find_process(s, args[0], &t);
	if (rc != STATUS_DONE)
		return rc;
	rc = find_pid(s, &t, &pid);
	if (session_json(s)) {
		named_json(s, &t, "pid");
		if (pid > 0)
			buf_addf(&s->out, "%lld}\n", (long long)pid);
		else
			buf_adds(&s->out, "null}\n");
	} else if (pid > 0) {
		buf_addf(&s->out, "%lld\n", (long long)pid);
	}
	target_done(&t);
	return rc;
}

static int is_alive(struct session *s, const struct target *t, bool *ret)
{
	struct answer a = { 0 };
	int rc;

	if (!t->name) {
		*ret = node_is_alive(t->node);
		return STATUS_DONE;
	}
	rc = addressee_ask(s, t, "alive", "", &a);
	*ret = cJSON_IsTrue(a.result);
	answer_done(&a);
	return rc;
}

int verb_alive(struct session *s, char **args, int n)
{
	struct target t;
	bool alive;
	int rc;

	(void)n;
	rc = target_find_process(s, args[0], &t);
	if (rc != STATUS_DONE)
		return rc;
	rc = is_alive(s, &t, &alive);
	if (rc == STATUS_DONE && session_json(s)) {
		named_json(s, &t, "alive");
		buf_addf(&s->out, "%s}\n", alive ? "true" : "false");
	}
	target_done(&t);
	if (rc != STATUS_DONE)
		return rc;
	return alive ? STATUS_DONE : STATUS_FAILED;
}

/* Nobody but the root, which answers nobody, stands above the top supervisor: what it
 * says of itself is all there is. */
static int info_of_app(struct session *s, struct answer *ret)
{
	return session_call(s, PROTOCOL_SOCKET_TOP, "status", NULL, "info", ret);
}

static int info_of_child(struct session *s, const struct target *t, struct answer *ret)
{
	struct buf params;
	int rc;

	buf_init(&params, 0);
	target_params(&params, t->id, "");
	rc = session_call(s, t->owner, "info", buf_text(&params), t->path, ret);
	buf_done(&params);
	return rc;
}

/* What a program that speaks libkick says of its first process, as a further member.
 * One that does not answer has been told of. */
static void add_process(struct session *s, const struct target *t, struct answer *to)
{
	const struct node *n = t->node;
	struct answer a = { 0 };
	int r;

	if (n->is_supervisor || !node_may_have_children(n))
		return;
	session_asks(s, n);
	r = session_try(s, n->socket, "info", NULL, &a);
	if (r == -ETIMEDOUT)
		(void)session_unreachable(s, r, t->path);
	if (a.result)
		(void)cJSON_AddItemToObject((cJSON *)(uintptr_t)to->result, "process",
			cJSON_Duplicate(a.result, true));
	answer_done(&a);
}

static int info_of(struct session *s, const struct target *t, struct answer *ret)
{
	int rc;

	if (t->name)
		return addressee_ask(s, t, "info", "", ret);
	if (target_is_app(t))
		return info_of_app(s, ret);
	rc = info_of_child(s, t, ret);
	if (rc == STATUS_DONE)
		add_process(s, t, ret);
	return rc;
}

int verb_info(struct session *s, char **args, int n)
{
	struct answer a = { 0 };
	struct target t;
	int rc;

	(void)n;
	rc = target_find_process(s, args[0], &t);
	if (rc != STATUS_DONE)
		return rc;
	rc = info_of(s, &t, &a);
	target_done(&t);
	if (rc != STATUS_DONE)
		return rc;
	if (session_json(s))
		rc = print_json(s, a.result);
	else
		render_value(&s->out, a.result);
	answer_done(&a);
	return rc;
}
