/* Turns status answers into values that the rest of the command line works on, so that
 * drawing and deciding never touch JSON. One table says which member goes where. A tree
 * of thousands of nodes is built in one pass: members come in the order of the table,
 * so each is found at once; memory is taken from a few large pieces and freed as a
 * whole. */
#include "control/tree.h"

#include <errno.h>
#include <string.h>

#include "base/macro.h"
#include "base/names.h"

#define PIECE_BYTES (64u << 10)

struct piece {
	struct piece *next;
	size_t used, size;
	max_align_t data[];
};

struct document {
	struct document *next;
	cJSON *json;
};

struct tree {
	struct piece *pieces;
	struct document *documents;
};

enum kind {
	TEXT,
	NUMBER,
	BOOLEAN,
	MAYBE,
	EXIT,
	RETRY,
	TEXTS,
	LIMIT,
	SECONDS,
	PIDS,
	CHILDREN
};

struct member {
	const char *key;
	enum kind kind;
	size_t offset;
};

#define M(kind, field)                                     \
	{                                                  \
#field, kind, offsetof(struct node, field) \
	}

/* In the order in which kickd writes them. */
static const struct member members[] = {
	M(TEXT, name),
	M(NUMBER, root_pid),
	M(TEXT, version),
	M(TEXT, id),
	M(TEXT, path),
	M(TEXT, type),
	M(TEXT, state),
	M(NUMBER, pid),
	M(TEXT, restart),
	M(TEXT, strategy),
	M(TEXT, since),
	M(NUMBER, uptime_ms),
	M(NUMBER, restarts),
	M(EXIT, last_exit),
	M(RETRY, retry),
	M(TEXT, status_text),
	M(TEXT, announced),
	M(TEXT, health),
	M(TEXT, last_probe),
	M(TEXT, detail),
	M(TEXT, ready_at),
	M(TEXTS, last_lines),
	M(BOOLEAN, significant),
	M(MAYBE, well),
	M(PIDS, waiting_for),
	M(LIMIT, max_restarts),
	M(SECONDS, max_seconds),
	M(NUMBER, recent_restarts),
	M(CHILDREN, children),
	M(TEXT, socket),
};

struct tree *tree_new(void)
{
	return calloc(1, sizeof(struct tree));
}

void tree_free(struct tree *t)
{
	if (!t)
		return;
	for (struct document *d = t->documents, *next; d; d = next) {
		next = d->next;
		cJSON_Delete(d->json);
		free(d);
	}
	for (struct piece *p = t->pieces, *next; p; p = next) {
		next = p->next;
		free(p);
	}
	free(t);
}

int tree_keep(struct tree *t, cJSON *document)
{
	struct document *d = malloc(sizeof *d);

	if (!d) {
		cJSON_Delete(document);
		return -ENOMEM;
	}
	*d = (struct document){ t->documents, document };
	t->documents = d;
	return 0;
}

/* Zeroed memory that lives as long as the tree. */
static void *take(struct tree *t, size_t n, size_t size)
{
	struct piece *p = t->pieces;
	size_t bytes, want;
	void *at;

	if (__builtin_mul_overflow(n, size, &bytes) || bytes > SIZE_MAX / 2)
		return NULL;
	bytes = (bytes + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1);
	if (!p || p->size - p->used < bytes) {
		want = bytes > PIECE_BYTES ? bytes : PIECE_BYTES;
		p = calloc(1, sizeof *p + want);
		if (!p)
			return NULL;
		*p = (struct piece){ t->pieces, 0, want };
		t->pieces = p;
	}
	at = (char *)p->data + p->used;
	p->used += bytes;
	return at;
}

void node_init(struct node *n)
{
	*n = (struct node){
		.code = CHILD_NSTATES,
		.well = -1,
		.pid = TREE_NONE,
		.uptime_ms = TREE_NONE,
		.restarts = TREE_NONE,
		.last_exit.code = TREE_NONE,
		.retry = { TREE_NONE, TREE_NONE, NULL },
		.max_restarts = TREE_NONE,
		.max_seconds = -1,
		.recent_restarts = TREE_NONE,
		.root_pid = TREE_NONE,
	};
}

static int64_t number(const cJSON *v)
{
	if (!cJSON_IsNumber(v) || v->valuedouble < 0 || v->valuedouble > 9e15)
		return TREE_NONE;
	return (int64_t)v->valuedouble;
}

static void parse_exit(const cJSON *v, struct tree_exit *e)
{
	for (const cJSON *m = v->child; m; m = m->next) {
		if (strcmp(m->string, "reason") == 0)
			e->reason = m->valuestring;
		else if (strcmp(m->string, "class") == 0)
			e->class = m->valuestring;
		else if (strcmp(m->string, "signal") == 0)
			e->signal = m->valuestring;
		else if (strcmp(m->string, "at") == 0)
			e->at = m->valuestring;
		else if (strcmp(m->string, "code") == 0)
			e->code = number(m);
		else if (strcmp(m->string, "core") == 0)
			e->core = cJSON_IsTrue(m);
	}
}

static void parse_retry(const cJSON *v, struct tree_retry *r)
{
	r->attempt = number(cJSON_GetObjectItemCaseSensitive(v, "attempt"));
	r->in_ms = number(cJSON_GetObjectItemCaseSensitive(v, "in_ms"));
	r->at = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(v, "at"));
}

int tree_parse_texts(struct tree *t, const cJSON *v, struct tree_texts *ret)
{
	const cJSON *item;
	size_t n = 0;

	for (item = v->child; item; item = item->next)
		n += cJSON_IsString(item) ? 1 : 0;
	ret->at = take(t, n + 1, sizeof *ret->at);
	if (!ret->at)
		return -ENOMEM;
	ret->n = n;
	n = 0;
	for (item = v->child; item; item = item->next)
		if (cJSON_IsString(item))
			ret->at[n++] = item->valuestring;
	return 0;
}

static int parse_pids(struct tree *t, const cJSON *v, struct tree_pids *ret)
{
	int count = cJSON_GetArraySize(v);
	int64_t *at = take(t, (size_t)count + 1, sizeof *at);

	if (!at)
		return -ENOMEM;
	ret->at = at;
	ret->n = (size_t)count;
	for (v = v->child; v; v = v->next)
		*at++ = number(v);
	return 0;
}

static int parse_children(struct tree *t, const cJSON *v, struct node *n)
{
	int count = cJSON_GetArraySize(v);
	size_t i = 0;

	n->children = take(t, (size_t)count + 1, sizeof *n->children);
	if (!n->children)
		return -ENOMEM;
	for (const cJSON *c = v->child; c; c = c->next) {
		int r = tree_parse(t, c, &n->children[i++]);

		if (r < 0)
			return r;
	}
	n->n_children = i;
	return 0;
}

/* One member's value; null and values of a wrong type leave what node_init put there.
 */
static int parse_member(
	struct tree *t, const struct member *m, const cJSON *v, struct node *n)
{
	void *at = (char *)n + m->offset;

	switch (m->kind) {
	case TEXT:
		*(const char **)at = cJSON_GetStringValue(v);
		return 0;
	case NUMBER:
		*(int64_t *)at = number(v);
		return 0;
	case LIMIT:
		*(int64_t *)at = cJSON_IsString(v) ? TREE_INFINITY : number(v);
		return 0;
	case SECONDS:
		*(double *)at = cJSON_IsNumber(v) ? v->valuedouble : -1;
		return 0;
	case BOOLEAN:
		*(bool *)at = cJSON_IsTrue(v);
		return 0;
	case MAYBE:
		*(int8_t *)at = cJSON_IsBool(v) ? (int8_t)cJSON_IsTrue(v) : -1;
		return 0;
	case EXIT:
		parse_exit(v, at);
		return 0;
	case RETRY:
		parse_retry(v, at);
		return 0;
	case PIDS:
		return cJSON_IsArray(v) ? parse_pids(t, v, at) : 0;
	case TEXTS:
		return cJSON_IsArray(v) ? tree_parse_texts(t, v, at) : 0;
	case CHILDREN:
		return cJSON_IsArray(v) ? parse_children(t, v, n) : 0;
	}
	return 0;
}

/* The row of a key, looked for from where the last one was found; NULL: a key of a
 * later version. */
static const struct member *find_member(const char *key, size_t *from)
{
	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		size_t at = (*from + i) % ARRAY_LEN(members);

		if (strcmp(members[at].key, key) != 0)
			continue;
		*from = at + 1;
		return &members[at];
	}
	return NULL;
}

static bool is_supervisor_type(const char *type)
{
	static const char suffix[] = "supervisor";
	size_t n = strlen(type);

	return n >= sizeof suffix - 1 &&
		strcmp(type + n - (sizeof suffix - 1), suffix) == 0;
}

int tree_parse(struct tree *t, const cJSON *result, struct node *ret)
{
	struct node n;
	size_t from = 0;
	int code, r;

	node_init(&n);
	if (!cJSON_IsObject(result))
		return -EPROTO;
	for (const cJSON *v = result->child; v; v = v->next) {
		const struct member *m = find_member(v->string, &from);

		if (!m)
			continue;
		r = parse_member(t, m, v, &n);
		if (r < 0)
			return r;
	}
	if (!n.id || !n.path || !n.type || !n.state)
		return -EPROTO;
	code = names_find(child_state_names, CHILD_NSTATES, n.state);
	n.code = code < 0 ? CHILD_NSTATES : (enum child_state)code;
	n.is_supervisor = is_supervisor_type(n.type);
	*ret = n;
	return 0;
}

int tree_top(struct tree *t, const cJSON *result, struct node **ret)
{
	struct node *n = take(t, 1, sizeof *n);
	int r;

	if (!n)
		return -ENOMEM;
	r = tree_parse(t, result, n);
	if (r < 0)
		return r;
	*ret = n;
	return 0;
}

int tree_graft(struct tree *t, struct node *node, const cJSON *result)
{
	struct node own;
	int r;

	r = tree_parse(t, result, &own);
	if (r < 0)
		return r;
	node->strategy = own.strategy;
	node->max_restarts = own.max_restarts;
	node->max_seconds = own.max_seconds;
	node->recent_restarts = own.recent_restarts;
	/* A supervisor in code, of which its program knows no more than that it is. */
	if (node->uptime_ms == TREE_NONE)
		node->uptime_ms = own.uptime_ms;
	node->children = own.children;
	node->n_children = own.n_children;
	return 0;
}

bool node_is_alive(const struct node *n)
{
	return n->code == CHILD_STARTING || n->code == CHILD_RUNNING ||
		n->code == CHILD_STOPPING;
}

bool node_may_have_children(const struct node *n)
{
	if (!n->socket)
		return false;
	return n->is_supervisor
		? node_is_alive(n)
		: n->code == CHILD_RUNNING && strcmp(n->type, "worker") == 0;
}

bool node_is_well(const struct node *n)
{
	const struct tree_exit *e = &n->last_exit;

	if (n->well >= 0)
		return n->well;
	if (n->code == CHILD_RUNNING || n->code == CHILD_STOPPED)
		return true;
	if (n->code != CHILD_EXITED || !e->reason)
		return false;
	return strcmp(e->reason, "shutdown:auto") == 0 ||
		(e->class && strcmp(e->class, "normal") == 0);
}

static bool is_well(struct node *n, void *user)
{
	(void)user;
	return node_is_well(n);
}

bool tree_is_well(const struct node *top)
{
	return tree_each((struct node *)(uintptr_t)top, is_well, NULL);
}

bool tree_each(struct node *top, bool (*call)(struct node *n, void *user), void *user)
{
	if (!call(top, user))
		return false;
	for (size_t i = 0; i < top->n_children; i++)
		if (!tree_each(&top->children[i], call, user))
			return false;
	return true;
}

struct node *tree_find(struct node *top, const char *path)
{
	size_t n;

	for (size_t i = 0; i < top->n_children; i++) {
		struct node *c = &top->children[i];

		if (strcmp(c->path, path) == 0)
			return c;
		n = strlen(c->path);
		if ((c->is_supervisor || c->n_children) &&
			strncmp(c->path, path, n) == 0 && path[n] == '/')
			return tree_find(c, path);
	}
	return strcmp(top->path, path) == 0 ? top : NULL;
}
