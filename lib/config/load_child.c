/* A single specification, as `kick add` sends it: the same tables and checks as for a
 * file, laid over the template where the supervisor has one. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "config/block.h"
#include "config/load.h"
#include "config/parse.h"

/* The words that a template has already are its own; "args" come behind them. */
static int make_child(struct parse *p, const struct child_spec *template, bool need_id,
	struct draft_child *c)
{
	const cJSON *root = p->doc->root;
	int r;

	draft_child_init(c, CHILD_WORKER);
	if (template) {
		r = draft_from_spec(p->arena, template, c);
		if (r < 0)
			return r;
		c->id = NULL;
	}
	parse_check_keys(p);
	parse_child(p, root, need_id ? ID_NEEDED : ID_OPTIONAL, template != NULL, c);
	return 0;
}

static int read_child(struct parse *p, struct doc *doc, const char *text, size_t len,
	const struct child_spec *template, bool need_id, struct draft_child *c)
{
	char *copy;
	struct err err;
	size_t at = 0;
	int r;

	if (len > KICK_CONFIG_MAX) {
		diag_file_error(p->diag, doc, "the specification is too long");
		return -EINVAL;
	}
	copy = malloc(len + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, text, len);
	copy[len] = '\0';
	r = doc_parse(doc, copy, len, &err, &at);
	if (r == -EINVAL)
		diag_text_error(p->diag, doc, at, "%s", err.text);
	return r < 0 ? r : make_child(p, template, need_id, c);
}

int config_load_child(const char *text, size_t len, const char *base_dir,
	const struct sup_policy *sup, const struct child_spec *template_or_null,
	bool need_id, struct buf *diag, void **ret_block, size_t *ret_size)
{
	struct arena arena;
	struct diag messages;
	struct draft_child c;
	struct draft_sup parent = { .policy = *sup };
	struct doc doc = { .shown = "SPEC", .dir = base_dir };
	struct parse p = { .arena = &arena,
		.diag = &messages,
		.doc = &doc,
		.sup = &parent,
		.depth = 1 };
	int r;

	arena_init(&arena);
	diag_init(&messages, &arena);
	r = read_child(&p, &doc, text, len, template_or_null, need_id, &c);
	if (arena.failed)
		r = -ENOMEM;
	if (r == 0 && messages.errors > 0)
		r = -EINVAL;
	if (r == 0)
		r = block_child(&c, ret_block, ret_size);
	diag_render(&messages, diag);
	cJSON_Delete(p.copies);
	doc_done(&doc);
	arena_done(&arena);
	return r == -E2BIG ? -EINVAL : r;
}

int config_copy_child(const struct child_spec *spec, void **ret_block, size_t *ret_size)
{
	struct arena arena;
	struct draft_child c;
	int r;

	arena_init(&arena);
	r = draft_from_spec(&arena, spec, &c);
	c.id = NULL;
	if (r == 0)
		r = block_child(&c, ret_block, ret_size);
	arena_done(&arena);
	return r;
}

const struct child_spec *spec_block_child(const void *block)
{
	return block;
}
