/* A path is followed from supervisor to supervisor, each asked for one child only: the
 * cost of `kick status web` does not grow with the tree. Only a name that is no path
 * makes kick fetch the whole tree and look for it there. */
#include "target.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "os/namedir.h"
#include "silence.h"

/* How following a path ended. */
enum step {
	FOUND,
	UNKNOWN,
	BROKEN
};

void target_done(struct target *t)
{
	tree_free(t->tree);
	*t = (struct target){ 0 };
}

void target_params(struct buf *out, const char *id, const char *more)
{
	buf_adds(out, "{\"id\":");
	buf_add_json(out, id, strlen(id));
	if (*more) {
		buf_addc(out, ',');
		buf_adds(out, more);
	}
	buf_addc(out, '}');
}

static void set_owner(struct target *t, const char *socket)
{
	(void)snprintf(t->owner, sizeof t->owner, "%s", socket);
}

/* Asks one supervisor for one child. FOUND: t->node is the child. BROKEN: *ret_status
 * is the status, the user has been told. */
static enum step ask(struct session *s, struct target *t, const char *socket,
	const char *id, int *ret_status)
{
	struct answer a = { 0 };
	struct buf params;
	struct node *n = NULL;
	int r;

	buf_init(&params, 0);
	target_params(&params, id, "");
	r = session_try(s, socket, "status", buf_text(&params), &a);
	buf_done(&params);
	if (r < 0) {
		*ret_status = session_unreachable(s, r, t->given);
		return BROKEN;
	}
	if (!a.result) {
		r = strcmp(a.message, "not_found") == 0;
		*ret_status = r ? STATUS_NO_NAME : session_refused(&a, t->given);
		answer_done(&a);
		return r ? UNKNOWN : BROKEN;
	}
	r = tree_keep(t->tree, a.root);
	if (r == 0)
		r = tree_top(t->tree, a.result, &n);
	if (r != 0) {
		*ret_status = session_unreachable(s, r, t->given);
		return BROKEN;
	}
	set_owner(t, socket);
	t->node = n;
	return FOUND;
}

/* A supervisor or program on the way that cannot be asked: what is below it has no
 * state. */
static enum step below_nothing(const struct target *t, int *ret_status)
{
	const struct node *n = t->node;
	bool program =
		n->socket && strcmp(n->type, "worker") == 0 && n->code != CHILD_RUNNING;

	if (program || (n->is_supervisor && !node_is_alive(n))) {
		*ret_status = fail(STATUS_NO_NAME,
			"%s: %s is %s, and nothing is below it then; kick start %s",
			t->given, n->path, n->state, n->path);
		return BROKEN;
	}
	return UNKNOWN;
}

/* A socket of a supervisor in a program, as "n12-Xa3f9Q/s7". */
static bool is_in_code(const char *socket)
{
	return socket && *socket == 'n';
}

/* The node is on the way to the target: it may be the program that this is in. */
static void pass(struct target *t, const struct node *n)
{
	if (!n->socket || is_in_code(n->socket))
		return;
	t->program = n->path;
	(void)snprintf(t->socket, sizeof t->socket, "%s", n->socket);
}

/* What was passed was no program. */
static void settle_program(struct target *t)
{
	if (!t->node || is_in_code(t->owner) || is_in_code(t->node->socket))
		return;
	t->program = NULL;
	t->socket[0] = '\0';
}

static enum step follow(struct session *s, struct target *t, int *ret_status)
{
	char socket[SOCKET_NAME_MAX] = PROTOCOL_SOCKET_TOP;
	char id[KICK_PATH_MAX];
	const char *rest = t->given;

	for (;;) {
		size_t n = strcspn(rest, "/");
		enum step step;

		if (!n || n >= sizeof id)
			return UNKNOWN;
		(void)snprintf(id, sizeof id, "%.*s", (int)n, rest);
		step = ask(s, t, socket, id, ret_status);
		if (step != FOUND || !rest[n])
			return step;
		if (!node_may_have_children(t->node))
			return below_nothing(t, ret_status);
		session_asks(s, t->node);
		pass(t, t->node);
		(void)snprintf(socket, sizeof socket, "%s", t->node->socket);
		rest += n + 1;
	}
}

struct search {
	struct buf *list;
	const char *id;
	struct node *found;
	size_t n;
};

static bool collect(struct node *n, void *user)
{
	struct search *search = user;

	if (strcmp(n->id, search->id) != 0)
		return true;
	search->found = n;
	if (search->n++)
		buf_adds(search->list, ", ");
	buf_adds(search->list, n->path);
	return true;
}

/* The nested supervisor above a node of a whole tree, or NULL: it is the top one. */
static const struct node *find_owner(struct node *top, const struct node *n)
{
	char path[KICK_PATH_MAX];
	struct node *owner;
	char *slash;

	(void)snprintf(path, sizeof path, "%s", n->path);
	slash = strrchr(path, '/');
	if (!slash)
		return NULL;
	*slash = '\0';
	owner = tree_find(top, path);
	return owner && owner->socket ? owner : NULL;
}

const char *target_owner(struct node *top, const struct node *n)
{
	const struct node *owner = find_owner(top, n);

	return owner ? owner->socket : PROTOCOL_SOCKET_TOP;
}

static bool find_silent(struct node *n, void *user)
{
	struct node **found = user;

	*found = n->silent ? n : NULL;
	return !n->silent;
}

const struct node *target_silent(struct node *top)
{
	struct node *found = NULL;

	(void)tree_each(top, find_silent, &found);
	return found;
}

static bool find_down(struct node *n, void *user)
{
	struct node **found = user;
	bool down = n->is_supervisor && !node_is_alive(n);

	*found = down ? n : NULL;
	return !down;
}

/* A name that is not in the tree may stand below a supervisor that does not answer, or
 * that is down. */
static int no_name(struct node *top, const char *name)
{
	const struct node *silent = target_silent(top);
	struct node *down = NULL;
	struct buf words;
	int rc;

	if (!silent && *name)
		(void)tree_each(top, find_down, &down);
	if (!silent && down)
		return fail(STATUS_NO_NAME,
			"%s: no such name; kick status shows all of them but those "
			"below %s, which is %s",
			name, down->path, down->state);
	if (!silent)
		return fail(STATUS_NO_NAME,
			"%s: no such name; kick status shows all of them",
			*name ? name : "\"\"");
	buf_init(&words, 0);
	silence_tell_node(silent, -1, &words);
	rc = fail(STATUS_FAILED, "%s: no such name among those that answer, but %s",
		name, buf_text(&words));
	buf_done(&words);
	return rc;
}

/* STATUS_DONE with *ret NULL: nobody is called so. */
static int search_in(struct node *top, const char *name, struct node **ret)
{
	struct buf list;
	struct search search = { .list = &list, .id = name };
	int rc = STATUS_DONE;

	*ret = tree_find(top, name);
	if (*ret)
		return rc;
	buf_init(&list, 0);
	for (size_t i = 0; i < top->n_children; i++)
		(void)tree_each(&top->children[i], collect, &search);
	if (search.n > 1)
		rc = fail(STATUS_NO_NAME,
			"%s: %zu children bear this id: %s; give one of these", name,
			search.n, buf_text(&list));
	else
		*ret = search.found;
	buf_done(&list);
	return rc;
}

int target_in_tree(struct node *top, const char *name, struct node **ret)
{
	int rc = search_in(top, name, ret);

	return rc == STATUS_DONE && !*ret ? no_name(top, name) : rc;
}

struct by_socket {
	const char *socket;
	struct node *found;
};

static bool has_socket(struct node *n, void *user)
{
	struct by_socket *by = user;

	if (n->socket && strcmp(n->socket, by->socket) == 0)
		by->found = n;
	return !by->found;
}

/* A name that is no child's may be registered. */
static int find_registered(struct session *s, struct target *t, struct node *top)
{
	struct by_socket by = { t->socket, NULL };

	if (!t->registered || strlen(t->given) > KICK_ID_MAX || strchr(t->given, '/') ||
		namedir_whose(s->dir, t->given, t->socket, sizeof t->socket) < 0)
		return no_name(top, t->given);
	t->name = t->given;
	(void)tree_each(top, has_socket, &by);
	t->node = by.found;
	if (t->node)
		session_asks(s, t->node);
	return STATUS_DONE;
}

/* As following its path would have passed them. */
static void pass_above(struct target *t, struct node *top)
{
	char path[KICK_PATH_MAX];

	for (const char *slash = strchr(t->node->path, '/'); slash;
		slash = strchr(slash + 1, '/')) {
		const struct node *n;

		(void)snprintf(path, sizeof path, "%.*s", (int)(slash - t->node->path),
			t->node->path);
		n = tree_find(top, path);
		if (n)
			pass(t, n);
	}
}

static int search_tree(struct session *s, struct target *t)
{
	const struct node *owner;
	struct node *top;
	int rc;

	tree_free(t->tree);
	t->tree = NULL;
	t->node = NULL;
	t->program = NULL;
	rc = session_tree(s, &t->tree, &top);
	if (rc == STATUS_DONE)
		rc = search_in(top, t->given, &t->node);
	if (rc != STATUS_DONE)
		return rc;
	if (!t->node)
		return find_registered(s, t, top);
	owner = find_owner(top, t->node);
	if (owner)
		session_asks(s, owner);
	pass_above(t, top);
	set_owner(t, t->node == top ? "" : target_owner(top, t->node));
	return rc;
}

static int find(
	struct session *s, const char *name, bool registered, struct target *ret)
{
	struct target t = { .given = name, .registered = registered };
	int rc = STATUS_DONE;

	t.tree = tree_new();

	if (!t.tree)
		return session_unreachable(s, -ENOMEM, name);
	if (follow(s, &t, &rc) == UNKNOWN)
		rc = search_tree(s, &t);
	if (rc != STATUS_DONE) {
		target_done(&t);
		return rc;
	}
	if (!t.name)
		settle_program(&t);
	if (t.node) {
		t.path = t.node->path;
		t.id = t.node->id;
	}
	*ret = t;
	return rc;
}

int target_find(struct session *s, const char *name, struct target *ret)
{
	return find(s, name, false, ret);
}

int target_find_process(struct session *s, const char *name, struct target *ret)
{
	return find(s, name, true, ret);
}

int target_find_sup(struct session *s, const char *name, struct target *ret)
{
	struct target t;
	const struct node *n;
	int rc;

	rc = target_find(s, name, &t);
	if (rc != STATUS_DONE)
		return rc;
	/* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): found */
	n = t.node;
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): found */
	if (!n->is_supervisor)
		rc = fail(
			STATUS_FAILED, "%s: not a supervisor, but a %s", name, n->type);
	else if (!n->socket || !node_is_alive(n))
		rc = fail(STATUS_FAILED, "%s: the supervisor is %s; kick start %s",
			name, n->state, n->path);
	if (rc != STATUS_DONE) {
		target_done(&t);
		return rc;
	}
	session_asks(s, n);
	*ret = t;
	return rc;
}

bool target_is_oneshot(struct session *s, const char *owner, const struct node *n)
{
	struct answer a = { 0 };
	const cJSON *ready;
	struct buf params;
	bool is;
	int r;

	if (!*owner || n->is_supervisor)
		return false;
	buf_init(&params, 0);
	target_params(&params, n->id, "");
	r = session_try(s, owner, "get_childspec", buf_text(&params), &a);
	buf_done(&params);
	if (r < 0)
		return false;
	ready = cJSON_GetObjectItemCaseSensitive(a.result, "ready");
	is = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(ready, "exit"));
	answer_done(&a);
	return is;
}
