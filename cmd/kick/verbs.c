/* The tables of verbs.h as arrays, and the help pages that are made from them. */
#include "verbs.h"

#include <string.h>

#include "base/buf.h"
#include "base/macro.h"
#include "base/names.h"

const struct verb verbs[VERB_NVERBS] = {
#define X(id, fn, name, args, min, max, options, help) \
	[VERB_##id] = { name, args, min, max, options, verb_##fn, help },
	VERBS(X)
#undef X
};

const struct option_row option_rows[OPTION_NOPTIONS] = {
#define X(id, letter, name, arg, help) [OPTION_##id] = { letter, name, arg, help },
	OPTIONS(X)
#undef X
};

static const char *const verb_names[VERB_NVERBS] = {
#define X(id, fn, name, args, min, max, options, help) [VERB_##id] = (name),
	VERBS(X)
#undef X
};

static const char *const planned[] = {
	"top",
	"import",
	"completion",
};

const struct verb *verb_find(const char *name)
{
	int i = names_find(verb_names, VERB_NVERBS, name);

	return i < 0 ? NULL : &verbs[i];
}

const char *verb_suggest(const char *name)
{
	return names_suggest(verb_names, VERB_NVERBS, name);
}

bool verb_is_planned(const char *name)
{
	return names_find(planned, ARRAY_LEN(planned), name) >= 0;
}

static void column(struct buf *out, size_t start, size_t width)
{
	do
		buf_addc(out, ' ');
	while (out->len - start < width);
}

static void option_line(struct buf *out, const struct option_row *o)
{
	size_t start = out->len;

	if (o->letter)
		buf_addf(out, "  -%c, --%s", o->letter, o->name);
	else
		buf_addf(out, "      --%s", o->name);
	if (*o->arg)
		buf_addf(out, " %s", o->arg);
	column(out, start, 28);
	buf_addf(out, "%s\n", o->help);
}

static void options_section(struct buf *out, unsigned bits)
{
	buf_adds(out, "\nOptions, before or after the verb:\n");
	for (size_t i = 0; i < OPTION_NOPTIONS; i++)
		if (bits & (1u << i))
			option_line(out, &option_rows[i]);
}

void verbs_help(struct buf *out)
{
	buf_adds(out, "usage: kick [-R DIR] [--json] VERB [ARGUMENT...]\n\nVerbs:\n");
	for (size_t i = 0; i < VERB_NVERBS; i++) {
		size_t start = out->len;

		buf_addf(out, "  %s", verbs[i].name);
		if (*verbs[i].args)
			buf_addf(out, " %s", verbs[i].args);
		column(out, start, 28);
		buf_addf(out, "%s\n", verbs[i].help);
	}
	options_section(out, (1u << OPTION_NOPTIONS) - 1);
	buf_adds(out,
		"\nNAME is a path (services/web), the application's name, an id that only"
		" one child bears,\nor, for call, cast, whereis, alive, info and exit, a"
		" name that a libkick process has\nregistered.\n");
}

void verb_help_page(struct buf *out, const struct verb *v)
{
	buf_addf(out, "usage: kick %s", v->name);
	if (*v->args)
		buf_addf(out, " %s", v->args);
	buf_addf(out, "\n\n%s.\n", v->help);
	options_section(out, v->options | OPTIONS_ALWAYS);
}
