/* Operations are carried out one after the other on a value of the caller, who throws
 * it away if one fails. The length of the value is kept account of (from below), as a
 * copy of the whole into itself doubles it each time. */
#include "otp/jsonpatch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "otp/jsonval.h"

struct patch {
	cJSON **doc;
	size_t size, max;
	int depth;
	struct err *err;
	unsigned at; /* of the operation, from 0 */
	const char *op, *path;
};

/* Where an operation acts. */
struct place {
	cJSON *parent; /* NULL: the place is the whole value */
	cJSON *item;   /* what is there, or NULL */
	char *name;    /* the last token, plain; malloc'ed */
};

/* --- pointers -----------------------------------------------------------------------
 */

bool json_pointer_ok(const char *pointer)
{
	if (*pointer && *pointer != '/')
		return false;
	for (const char *c = pointer; *c; c++)
		if (*c == '~' && c[1] != '0' && c[1] != '1')
			return false;
	return true;
}

/* The token that begins behind *at's slash, plain; *at goes to the next slash or the
 * end. Malloc'ed. */
static char *next_token(const char **at)
{
	const char *from = *at + 1;
	size_t n = strcspn(from, "/");
	char *token = malloc(n + 1);
	char *to = token;

	*at = from + n;
	for (size_t i = 0; token && i < n; i++) {
		*to = from[i];
		if (from[i] == '~')
			*to = from[++i] == '0' ? '~' : '/';
		to++;
	}
	if (token)
		*to = '\0';
	return token;
}

/* An array's index; -1: it is none. */
static int as_index(const char *token)
{
	size_t n = strspn(token, "0123456789");

	if (n == 0 || n > 9 || token[n] != '\0' || (n > 1 && token[0] == '0'))
		return -1;
	return atoi(token);
}

static cJSON *step(const cJSON *from, const char *token)
{
	if (cJSON_IsObject(from))
		return cJSON_GetObjectItemCaseSensitive(from, token);
	if (cJSON_IsArray(from) && as_index(token) >= 0)
		return cJSON_GetArrayItem(from, as_index(token));
	return NULL;
}

const cJSON *json_pointer_get(const cJSON *doc, const char *pointer)
{
	while (doc && *pointer) {
		char *token = next_token(&pointer);

		doc = token ? step(doc, token) : NULL;
		free(token);
	}
	return doc;
}

/* --- operations ---------------------------------------------------------------------
 */

static int no_patch(const struct patch *p, const char *why)
{
	return err_set(p->err, -EINVAL, "operation %u: %s", p->at, why);
}

static int no_match(const struct patch *p, const char *path, const char *why)
{
	return err_set(p->err, -ENOENT, "operation %u, %s \"%s\": %s", p->at, p->op,
		path, why);
}

static int no_memory(const struct patch *p)
{
	return err_set(p->err, -ENOMEM, "no memory");
}

/* Of the value as text: not more than that. */
/* NOLINTNEXTLINE(misc-no-recursion): as deep as the value */
static size_t least_size(const cJSON *v)
{
	size_t n = 1;

	if (cJSON_IsString(v))
		return strlen(v->valuestring) + 2;
	for (const cJSON *c = v->child; c; c = c->next)
		n += 1 + least_size(c) +
			(cJSON_IsObject(v) ? strlen(c->string) + 3 : 0);
	return n;
}

static int grow(struct patch *p, const cJSON *by)
{
	p->size += least_size(by);
	if (p->size > p->max)
		return err_set(p->err, -E2BIG,
			"operation %u: the value would be longer than %zu bytes", p->at,
			p->max);
	return 0;
}

static void shrink(struct patch *p, const cJSON *by)
{
	p->size -= least_size(by);
}

/* 0, or -ENOENT: not even its parent is there. place->name is to be freed. */
static int find(const struct patch *p, const char *path, struct place *place)
{
	const char *whole = path;

	place->item = *p->doc;
	while (*path) {
		free(place->name);
		place->parent = place->item;
		place->name = next_token(&path);
		if (!place->name)
			return no_memory(p);
		place->item = step(place->parent, place->name);
		if (*path && !place->item)
			return no_match(p, whole, "nothing is there to hold it");
	}
	return 0;
}

/* Takes the value over, on failure too. */
static int put_into_array(const struct patch *p, const struct place *at, cJSON *value)
{
	int n = cJSON_GetArraySize(at->parent);
	int i = strcmp(at->name, "-") == 0 ? n : as_index(at->name);

	if (i < 0 || i > n) {
		cJSON_Delete(value);
		return no_match(
			p, p->path, "no index within the array, nor at its end");
	}
	if (i == n)
		(void)cJSON_AddItemToArray(at->parent, value);
	else
		(void)cJSON_InsertItemInArray(at->parent, i, value);
	return 0;
}

/* The value takes the place of what is there. */
static int put_over(struct patch *p, const struct place *at, cJSON *value)
{
	char *name = at->parent && cJSON_IsObject(at->parent) ? strdup(at->name) : NULL;

	if (at->parent && cJSON_IsObject(at->parent) && !name) {
		cJSON_Delete(value);
		return no_memory(p);
	}
	shrink(p, at->item);
	free(value->string);
	value->string = name;
	if (at->parent) {
		(void)cJSON_ReplaceItemViaPointer(at->parent, at->item, value);
	} else {
		cJSON_Delete(*p->doc);
		*p->doc = value;
	}
	return 0;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the value */
static int depth_of(const cJSON *v)
{
	int deepest = 0;

	for (const cJSON *c = v->child; c; c = c->next) {
		int depth = depth_of(c);

		deepest = depth > deepest ? depth : deepest;
	}
	return cJSON_IsObject(v) || cJSON_IsArray(v) ? deepest + 1 : 0;
}

static int check_depth(const struct patch *p, const cJSON *value)
{
	int depth = depth_of(value);

	for (const char *c = p->path; *c; c++)
		depth += *c == '/';
	return depth <= p->depth
		? 0
		: err_set(p->err, -E2BIG, "operation %u: nested deeper than %d", p->at,
			  p->depth);
}

/* RFC 6902, 4.1. Takes the value over. */
static int put(struct patch *p, cJSON *value)
{
	struct place at = { 0 };
	int r = check_depth(p, value);

	if (r == 0)
		r = find(p, p->path, &at);

	if (r < 0)
		cJSON_Delete(value);
	else if (at.parent && cJSON_IsArray(at.parent))
		r = put_into_array(p, &at, value);
	else if (at.item)
		r = put_over(p, &at, value);
	else if (cJSON_IsObject(at.parent)) {
		if (!cJSON_AddItemToObject(at.parent, at.name, value)) {
			cJSON_Delete(value);
			r = no_memory(p);
		}
	} else {
		cJSON_Delete(value);
		r = no_match(p, p->path, "what should hold it is no object or array");
	}
	free(at.name);
	return r;
}

/* A copy that counts. */
static int copy_of(struct patch *p, const cJSON *value, cJSON **ret)
{
	int r = grow(p, value);

	if (r < 0)
		return r;
	*ret = cJSON_Duplicate(value, 1);
	return *ret ? 0 : no_memory(p);
}

/* What is there is taken out and is the caller's. */
static int take(struct patch *p, const char *path, cJSON **ret)
{
	struct place at = { 0 };
	int r = find(p, path, &at);

	if (r == 0 && !at.item)
		r = no_match(p, path, "nothing is there");
	else if (r == 0 && !at.parent)
		r = no_match(p, path, "the whole value cannot be taken away");
	if (r == 0)
		*ret = cJSON_DetachItemViaPointer(at.parent, at.item);
	free(at.name);
	return r;
}

static int do_add(struct patch *p, const cJSON *value)
{
	cJSON *copy = NULL;
	int r = copy_of(p, value, &copy);

	return r < 0 ? r : put(p, copy);
}

static int do_remove(struct patch *p, const cJSON *unused)
{
	cJSON *gone = NULL;
	int r = take(p, p->path, &gone);

	(void)unused;
	if (r == 0)
		shrink(p, gone);
	cJSON_Delete(gone);
	return r;
}

static int do_replace(struct patch *p, const cJSON *value)
{
	struct place at = { 0 };
	cJSON *copy = NULL;
	int r = find(p, p->path, &at);

	if (r == 0 && !at.item)
		r = no_match(p, p->path, "nothing is there");
	if (r == 0)
		r = check_depth(p, value);
	if (r == 0)
		r = copy_of(p, value, &copy);
	if (r == 0)
		r = put_over(p, &at, copy);
	free(at.name);
	return r;
}

static int do_move(struct patch *p, const cJSON *from)
{
	const char *text = from->valuestring;
	size_t n = strlen(text);
	cJSON *value = NULL;
	int r;

	if (strncmp(p->path, text, n) == 0 && p->path[n] == '/')
		return no_match(p, p->path, "a value cannot be moved into itself");
	if (strcmp(p->path, text) == 0)
		return json_pointer_get(*p->doc, text)
			? 0
			: no_match(p, text, "nothing is there");
	r = take(p, text, &value);
	return r < 0 ? r : put(p, value);
}

static int do_copy(struct patch *p, const cJSON *from)
{
	const cJSON *value = json_pointer_get(*p->doc, from->valuestring);

	return value ? do_add(p, value)
		     : no_match(p, from->valuestring, "nothing is there");
}

static int do_test(struct patch *p, const cJSON *value)
{
	const cJSON *is = json_pointer_get(*p->doc, p->path);

	if (!is)
		return no_match(p, p->path, "nothing is there");
	return json_equal(is, value) ? 0 : no_match(p, p->path, "not equal");
}

/* --- the patch ----------------------------------------------------------------------
 */

static const struct {
	const char *name, *member; /* what it needs besides op and path */
	int (*run)(struct patch *p, const cJSON *member);
} operations[] = {
	{ "add", "value", do_add },
	{ "remove", NULL, do_remove },
	{ "replace", "value", do_replace },
	{ "move", "from", do_move },
	{ "copy", "from", do_copy },
	{ "test", "value", do_test },
};

static const char *text_of(const cJSON *operation, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(operation, name));
}

static int run_one(struct patch *p, const cJSON *operation)
{
	const cJSON *member;
	size_t i = 0;

	p->op = text_of(operation, "op");
	p->path = text_of(operation, "path");
	while (i < ARRAY_LEN(operations) && p->op &&
		strcmp(operations[i].name, p->op) != 0)
		i++;
	if (!p->op || i == ARRAY_LEN(operations))
		return no_patch(p,
			"\"op\" must be \"add\", \"remove\", \"replace\", \"move\", "
			"\"copy\" or \"test\"");
	if (!p->path || !json_pointer_ok(p->path))
		return no_patch(p, "\"path\" must be a JSON Pointer: \"\" or \"/a/0\"");
	member = operations[i].member
		? cJSON_GetObjectItemCaseSensitive(operation, operations[i].member)
		: NULL;
	if (operations[i].member && !member)
		return no_patch(p,
			operations[i].member[0] == 'v' ? "\"value\" is missing"
						       : "\"from\" is missing");
	if (member && operations[i].member[0] == 'f' &&
		(!cJSON_IsString(member) || !json_pointer_ok(member->valuestring)))
		return no_patch(p, "\"from\" must be a JSON Pointer: \"\" or \"/a/0\"");
	return operations[i].run(p, member);
}

int json_patch(cJSON **doc, const cJSON *patch, size_t max, int depth, struct err *e)
{
	struct patch p = { .doc = doc, .max = max, .depth = depth, .err = e };
	int r = 0;

	if (!cJSON_IsArray(patch))
		return err_set(e, -EINVAL, "a patch is an array of operations");
	p.size = least_size(*doc);
	for (const cJSON *o = patch->child; o && r == 0; o = o->next) {
		r = cJSON_IsObject(o) ? run_one(&p, o)
				      : no_patch(&p, "it is no object");
		p.at++;
	}
	return r;
}
