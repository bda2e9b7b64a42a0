/* The outermost object of a file, be it the main one or an included one. */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/macro.h"
#include "config/parse.h"
#include "config/values.h"

#define GROUP_MODE 0660
#define READERS_MODE 0666

bool top_group(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct draft_gid *group = (void *)((char *)base + k->offset);

	if (!cJSON_IsString(v) || !*v->valuestring)
		return value_wrong_type(p, k, v, "the name of a group");
	group->is_set = value_gid(p, v, v->valuestring, &group->gid);
	return group->is_set;
}

bool top_mode(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct draft_config *cf = base;

	return value_octal(p, k, v, &cf->control_mode);
}

bool top_control(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct draft_config *cf = base;
	struct key_use use = { .table = &control_keys, .base = cf };

	if (!cJSON_IsObject(v))
		return value_wrong_type(
			p, k, v, "an object such as {\"group\": \"adm\"}");
	keys_read(p, v, &use, 1, 0);
	if (json_get(v, "mode"))
		return use.failed == 0;
	/* A file has one group: where there are readers the kernel lets everybody
	 * connect, and who that is decides what he may do (control/peer.c). */
	if (cf->control_readers.is_set)
		cf->control_mode = READERS_MODE;
	else if (cf->control_group.is_set)
		cf->control_mode = GROUP_MODE;
	return use.failed == 0;
}

bool top_include(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct draft_config *cf = base;
	struct draft_list list;

	if (!value_list(p, &(struct key){ .name = k->name }, v, &list))
		return false;
	for (const cJSON *item = v->child; item; item = item->next) {
		if (!*item->valuestring)
			return value_wrong_type(p, k, item, "an array of file names");
	}
	cf->include = v;
	return true;
}

bool include_nested(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	(void)k;
	(void)base;
	diag_key_error(p->diag, p->doc, v,
		"an included file includes no others: \"include\" is not nested");
	return false;
}

/* In the order of the text, so that a message about the second can name the first. */
static void check_top_ids(struct parse *p, const struct draft_config *cf)
{
	char quoted[DIAG_QUOTE_MAX];

	for (struct draft_child *c = cf->top.sup.first; c; c = c->next) {
		if (c->id && cf->name && strcmp(c->id, cf->name) == 0)
			diag_error(p->diag, c->doc, json_get(c->item, "id"),
				"child id %s is the name of the application",
				diag_quote_text(c->id, quoted));
	}
}

void parse_top(struct parse *p, const cJSON *root, struct draft_config *cf)
{
	struct key_use uses[] = {
		{ .table = &top_keys, .base = cf },
		{ .table = &child_keys, .base = &cf->top },
	};
	char quoted[DIAG_QUOTE_MAX];

	cf->top.doc = p->doc;
	cf->top.item = root;
	if (!cJSON_IsObject(root)) {
		diag_error(p->diag, p->doc, root,
			"a configuration must be an object, not %s",
			diag_quote(p->doc, root, quoted));
		return;
	}
	parse_prepare_sup(root, &cf->top.sup);
	keys_read(p, root, uses, ARRAY_LEN(uses), IN_TOP);
	draft_child_settle(&cf->top);
}

static void say_variable_twice(struct parse *p, const struct draft_env_pair *first,
	const struct draft_env_pair *again)
{
	char quoted[DIAG_QUOTE_MAX];

	diag_key_error(p->diag, again->doc, again->item,
		"variable %s is already set at %s:%u",
		diag_quote_text(again->key, quoted), first->doc->shown,
		doc_line(first->doc, first->item));
}

static void merge_env(
	struct parse *p, struct draft_env *env, const struct draft_env *more)
{
	struct draft_env_pair *at;

	if (more->n == 0)
		return;
	if (env->n + more->n > KICK_ENV_MAX) {
		diag_error(p->diag, p->doc, p->doc->root,
			"the application has too many variables; the limit is %d "
			"(KICK_ENV_MAX)",
			KICK_ENV_MAX);
		return;
	}
	at = arena_alloc(p->arena, (env->n + more->n) * sizeof *at);
	if (!at)
		return;
	for (size_t i = 0; i < env->n; i++)
		at[i] = env->at[i];
	for (size_t i = 0; i < more->n; i++) {
		for (size_t j = 0; j < env->n; j++) {
			if (strcmp(at[j].key, more->at[i].key) == 0)
				say_variable_twice(p, &at[j], &more->at[i]);
		}
		at[env->n + i] = more->at[i];
	}
	*env = (struct draft_env){ .n = env->n + more->n, .at = at };
}

void parse_include(struct parse *p, const cJSON *root, struct draft_config *cf)
{
	struct draft_config part = *cf;
	struct key_use use = { .table = &include_keys, .base = &part };
	char quoted[DIAG_QUOTE_MAX];

	part.env = (struct draft_env){ 0 };
	if (cJSON_IsObject(root)) {
		keys_read(p, root, &use, 1, IN_TOP);
	} else if (cJSON_IsArray(root)) {
		p->depth++;
		(void)parse_children(p, root, &part.top.sup);
		p->depth--;
	} else {
		diag_error(p->diag, p->doc, root,
			"an included file must be an array of children or an object, "
			"not %s",
			diag_quote(p->doc, root, quoted));
	}
	cf->top.sup = part.top.sup;
	cf->listen = part.listen;
	merge_env(p, &cf->env, &part.env);
}

void parse_finish(struct parse *p, struct draft_config *cf)
{
	check_top_ids(p, cf);
	parse_check_sockets(p, cf);
	parse_check_ids(p, &cf->top.sup);
	parse_check_files(p, &cf->top.sup);
}

static int compare_keys(const void *left, const void *right)
{
	const cJSON *a = *(const cJSON *const *)left;
	const cJSON *b = *(const cJSON *const *)right;
	int order = strcmp(a->string, b->string);

	return order != 0 ? order
			  : (a->valueint > b->valueint) - (a->valueint < b->valueint);
}

static void check_object(struct parse *p, const cJSON *obj)
{
	size_t n = (size_t)cJSON_GetArraySize(obj);
	autofree const cJSON **list = calloc(n + 1, sizeof(const cJSON *));
	char quoted[DIAG_QUOTE_MAX];
	size_t first = 0;

	if (!list) {
		p->arena->failed = true;
		return;
	}
	n = 0;
	for (const cJSON *v = obj->child; v; v = v->next)
		list[n++] = v;
	qsort(list, n, sizeof(const cJSON *), compare_keys);
	for (size_t i = 1; i < n; i++) {
		if (strcmp(list[first]->string, list[i]->string) == 0)
			diag_key_error(p->diag, p->doc, list[i],
				"key %s is already given at line %u",
				diag_quote_text(list[i]->string, quoted),
				doc_line(p->doc, list[first]));
		else
			first = i;
	}
}

static void check_tree(struct parse *p, const cJSON *v)
{
	if (cJSON_IsObject(v) && v->child && v->child->next)
		check_object(p, v);
	for (const cJSON *c = v->child; c; c = c->next)
		check_tree(p, c);
}

void parse_check_keys(struct parse *p)
{
	check_tree(p, p->doc->root);
}
