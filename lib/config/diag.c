/* People mend a file from the top, so the messages come in the order of the text, and
 * all of them in one run: being told one mistake at a time is what makes checks hated.
 */
#include "config/diag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

/* Entries of each severity that are kept to be sorted; more are only counted. */
#define KEPT_MAX 1000

#define TEXT_MAX 1000

enum place_kind {
	PLACE_VALUE,
	PLACE_KEY,
	PLACE_TEXT,
	PLACE_FILE
};

struct diag_entry {
	struct diag_entry *next;
	const struct doc *doc;
	const cJSON *item;
	size_t offset;
	unsigned order; /* of finding: keeps the sort stable */
	enum place_kind kind;
	bool is_warning;
	const char *text;
};

void diag_init(struct diag *d, struct arena *arena)
{
	*d = (struct diag){ .arena = arena };
}

/* Partitions are copies, and read anew: one mistake is told once. */
static bool is_told(
	const struct diag *d, const struct diag_entry *entry, const char *text)
{
	for (const struct diag_entry *e = d->first; e; e = e->next) {
		if (e->doc == entry->doc && e->offset == entry->offset &&
			e->kind == entry->kind && e->is_warning == entry->is_warning &&
			strcmp(e->text, text) == 0)
			return true;
	}
	return false;
}

static void KICK_PRINTF(3, 0)
	add(struct diag *d, const struct diag_entry *entry, const char *fmt, va_list ap)
{
	unsigned *count = entry->is_warning ? &d->warnings : &d->errors;
	struct diag_entry *e;
	char text[TEXT_MAX];

	(void)vsnprintf(text, sizeof text, fmt, ap);
	if (is_told(d, entry, text) || ++*count > KEPT_MAX)
		return;
	e = arena_alloc(d->arena, sizeof *e);
	if (!e)
		return;
	*e = *entry;
	e->order = d->errors + d->warnings;
	e->text = arena_strdup(d->arena, text);
	if (!e->text)
		return;
	if (d->last)
		d->last->next = e;
	else
		d->first = e;
	d->last = e;
}

/* The body of a function that has these as its first and its last argument. */
#define ADD(d, fmt, ...)                                              \
	do {                                                          \
		va_list ap;                                           \
		va_start(ap, fmt);                                    \
		add(d, &(struct diag_entry){ __VA_ARGS__ }, fmt, ap); \
		va_end(ap);                                           \
	} while (0)

void diag_error(
	struct diag *d, const struct doc *doc, const cJSON *item, const char *fmt, ...)
{
	ADD(d, fmt, .doc = doc, .item = item, .offset = doc_place(doc, item)->value);
}

void diag_key_error(
	struct diag *d, const struct doc *doc, const cJSON *item, const char *fmt, ...)
{
	ADD(d, fmt, .doc = doc, .item = item, .offset = doc_place(doc, item)->key,
		.kind = PLACE_KEY);
}

void diag_warning(
	struct diag *d, const struct doc *doc, const cJSON *item, const char *fmt, ...)
{
	ADD(d, fmt, .doc = doc, .item = item, .offset = doc_place(doc, item)->value,
		.is_warning = true);
}

void diag_text_error(
	struct diag *d, const struct doc *doc, size_t offset, const char *fmt, ...)
{
	ADD(d, fmt, .doc = doc, .offset = offset, .kind = PLACE_TEXT);
}

void diag_file_error(struct diag *d, const struct doc *doc, const char *fmt, ...)
{
	ADD(d, fmt, .doc = doc, .kind = PLACE_FILE);
}

static bool is_identifier(const char *p, size_t n)
{
	if (n == 0 || (*p >= '0' && *p <= '9'))
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = p[i];

		if (!(c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			    (c >= 'A' && c <= 'Z')))
			return false;
	}
	return true;
}

/* Whether ".key" can stand for this step. */
static bool has_plain_key(const struct doc *doc, const struct jsonpos_place *p)
{
	return p->key_end > p->key &&
		is_identifier(doc->text + p->key + 1, p->key_end - p->key - 2);
}

/* One step of the path: ".key", "[\"odd key\"]" or "[3]". */
static void render_step(
	const struct doc *doc, const struct jsonpos_place *p, struct buf *out)
{
	const char *key = doc->text + p->key;
	size_t n = p->key_end - p->key;

	if (n == 0)
		buf_addf(out, "[%u]", p->index);
	else if (has_plain_key(doc, p))
		buf_addf(out, ".%.*s", (int)(n - 2), key + 1);
	else
		buf_addf(out, "[%.*s]", (int)n, key);
}

/* In jq's syntax, so that it can be pasted; the root itself has none. */
static void render_path(const struct diag_entry *e, struct buf *out)
{
	const struct jsonpos_place *chain[KICK_NESTING_MAX + 1];
	const struct jsonpos_place *p;
	size_t n = 0;

	if (e->kind == PLACE_TEXT)
		return;
	for (p = doc_place(e->doc, e->item); p != e->doc->places;
		p = &e->doc->places[p->parent])
		chain[n++] = p;
	if (n == 0)
		return;
	buf_adds(out, " [");
	/* jq wants the dot before a bracket too, but only the first. */
	if (!has_plain_key(e->doc, chain[n - 1]))
		buf_addc(out, '.');
	while (n-- > 0)
		render_step(e->doc, chain[n], out);
	buf_addc(out, ']');
}

static void render_entry(const struct diag_entry *e, struct buf *out)
{
	const char *severity = e->is_warning ? "warning" : "error";
	unsigned line, column;

	if (e->kind == PLACE_FILE) {
		buf_addf(out, "%s: %s: %s\n", e->doc->shown, severity, e->text);
		return;
	}
	doc_line_column(e->doc, e->offset, &line, &column);
	buf_addf(out, "%s:%u:%u: %s: %s", e->doc->shown, line, column, severity,
		e->text);
	render_path(e, out);
	buf_addc(out, '\n');
}

static int compare_numbers(size_t a, size_t b)
{
	return (a > b) - (a < b);
}

static int compare_entries(const void *left, const void *right)
{
	const struct diag_entry *a = *(const struct diag_entry *const *)left;
	const struct diag_entry *b = *(const struct diag_entry *const *)right;

	if (a->doc->ordinal != b->doc->ordinal)
		return compare_numbers(a->doc->ordinal, b->doc->ordinal);
	if (a->offset != b->offset)
		return compare_numbers(a->offset, b->offset);
	return compare_numbers(a->order, b->order);
}

static const struct diag_entry **sorted(const struct diag *d, size_t *ret_n)
{
	const struct diag_entry **list;
	size_t n = 0;

	for (const struct diag_entry *e = d->first; e; e = e->next)
		n++;
	list = calloc(n + 1, sizeof(const struct diag_entry *));
	if (!list)
		return NULL;
	n = 0;
	for (const struct diag_entry *e = d->first; e; e = e->next)
		list[n++] = e;
	qsort(list, n, sizeof(const struct diag_entry *), compare_entries);
	*ret_n = n;
	return list;
}

void diag_render(const struct diag *d, struct buf *out)
{
	autofree const struct diag_entry **list = NULL;
	unsigned room = KICK_DIAG_SHOWN;
	unsigned errors, warnings;
	size_t n = 0;

	list = sorted(d, &n);
	if (!list)
		return;
	/* Warnings never take an error's place. */
	errors = d->errors < room ? d->errors : room;
	warnings = d->warnings < room - errors ? d->warnings : room - errors;
	room = errors + warnings;
	for (size_t i = 0; i < n; i++) {
		unsigned *left = list[i]->is_warning ? &warnings : &errors;

		if (*left == 0)
			continue;
		--*left;
		render_entry(list[i], out);
	}
	if (d->errors + d->warnings > room)
		buf_addf(out, "... and %u more\n", d->errors + d->warnings - room);
}

const char *diag_quote_text(const char *text, char buf[static DIAG_QUOTE_MAX])
{
	size_t n = strlen(text);
	size_t cut = n > 40 ? 40 : n;
	char *at = buf;

	/* Never in the middle of a character. */
	while (cut < n && cut > 0 && ((unsigned char)text[cut] & 0xc0) == 0x80)
		cut--;
	*at++ = '"';
	for (size_t i = 0; i < cut; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < 0x20 || c == 0x7f)
			at += sprintf(at, "\\x%02x", c);
		else
			*at++ = (char)c;
	}
	(void)strcpy(at, cut < n ? "...\"" : "\"");
	return buf;
}

const char *diag_quote(
	const struct doc *doc, const cJSON *item, char buf[static DIAG_QUOTE_MAX])
{
	const struct jsonpos_place *p = doc_place(doc, item);

	if (cJSON_IsString(item))
		return diag_quote_text(item->valuestring, buf);
	if (cJSON_IsObject(item) || cJSON_IsArray(item))
		return strcpy(buf, cJSON_IsObject(item) ? "an object" : "an array");
	(void)snprintf(buf, DIAG_QUOTE_MAX, "%.*s", (int)(p->end - p->value),
		doc->text + p->value);
	return buf;
}
