/* The strict scanner, and the marriage of its places with cJSON's tree. Whatever passes
 * the scanner is JSON by RFC 8259 apart from comments, nests at most KICK_NESTING_MAX
 * deep, and holds no byte that a C string or cJSON could not carry. */
#include "config/jsonpos.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"

/* cJSON copies a number into 64 bytes before it reads it. */
#define NUMBER_MAX 62

struct scan {
	struct doc *doc;
	size_t at;
	unsigned depth;
	struct err *err;
};

static int scan_value(struct scan *s, uint32_t parent, uint32_t index);

static int wrong(struct scan *s, size_t at, const char *text)
{
	s->at = at;
	return err_set(s->err, -EINVAL, "%s", text);
}

/* Of something that is missing: a text that ends too early is told from a wrong one. */
static int missing(struct scan *s, const char *what)
{
	return err_set(s->err, -EINVAL, "expected %s%s", what,
		s->at == s->doc->len ? "; the text ends here" : "");
}

static char peek(const struct scan *s)
{
	return s->doc->text[s->at];
}

static bool at_end(const struct scan *s)
{
	return s->at >= s->doc->len;
}

/* Comments: blanked, so that cJSON never sees them. Newlines stay. */
static int blank_comment(struct scan *s)
{
	size_t begin = s->at;
	char *text = s->doc->text;
	bool is_block = text[s->at + 1] == '*';
	bool closed = !is_block;

	text[s->at++] = ' ';
	text[s->at++] = ' ';
	for (; !at_end(s); s->at++) {
		if (!is_block && peek(s) == '\n')
			break;
		if (is_block && peek(s) == '*' && text[s->at + 1] == '/') {
			memset(text + s->at, ' ', 2);
			s->at += 2;
			closed = true;
			break;
		}
		if (peek(s) != '\n')
			text[s->at] = ' ';
	}
	return closed ? 0 : wrong(s, begin, "this comment has no end");
}

static int skip_space(struct scan *s)
{
	for (;;) {
		const char *text = s->doc->text + s->at;
		int r;

		if (*text == ' ' || *text == '\t' || *text == '\n' || *text == '\r') {
			s->at++;
		} else if (*text == '/' && (text[1] == '/' || text[1] == '*')) {
			r = blank_comment(s);
			if (r < 0)
				return r;
		} else {
			return 0;
		}
	}
}

/* Four hexadecimal digits, or -1. */
static long hex4(const char *p)
{
	long ret = 0;

	for (int i = 0; i < 4; i++) {
		static const char digits[] = "0123456789abcdef";
		const char *d = p[i] ? strchr(digits, p[i] | 0x20) : NULL;

		if (!d || (p[i] < '0'))
			return -1;
		ret = ret * 16 + (d - digits);
	}
	return ret;
}

static int scan_unicode_escape(struct scan *s)
{
	const char *text = s->doc->text + s->at;
	long c = hex4(text + 2);
	long low;

	if (c < 0)
		return wrong(s, s->at,
			"\"\\u\" must be followed by four hexadecimal digits");
	if (c == 0)
		return wrong(
			s, s->at, "a NUL (\"\\u0000\") is not possible in a string");
	s->at += 6;
	if (c < 0xd800 || c > 0xdfff)
		return 0;
	low = text[6] == '\\' && text[7] == 'u' ? hex4(text + 8) : -1;
	if (c > 0xdbff || low < 0xdc00 || low > 0xdfff)
		return wrong(s, s->at - 6, "half of a surrogate pair stands alone");
	s->at += 6;
	return 0;
}

static int scan_escape(struct scan *s)
{
	char c = s->doc->text[s->at + 1];

	if (c == 'u')
		return scan_unicode_escape(s);
	if (!c || !strchr("\"\\/bfnrt", c))
		return wrong(s, s->at, "unknown escape in a string");
	s->at += 2;
	return 0;
}

static int scan_string(struct scan *s)
{
	size_t begin = s->at++;
	int r;

	while (!at_end(s) && peek(s) != '"') {
		const unsigned char *p = (const unsigned char *)s->doc->text + s->at;
		size_t n;

		if (*p == '\n')
			return wrong(s, begin, "this string has no end in its line");
		if (*p < 0x20)
			return wrong(
				s, s->at, "a control byte in a string must be escaped");
		if (*p == '\\') {
			r = scan_escape(s);
			if (r < 0)
				return r;
			continue;
		}
		n = utf8_decode(p, NULL);
		if (n == 0)
			return wrong(s, s->at, "this is not valid UTF-8");
		s->at += n;
	}
	if (at_end(s))
		return wrong(s, begin, "this string has no end");
	s->at++;
	return 0;
}

static size_t skip_digits(struct scan *s)
{
	size_t begin = s->at;

	while (peek(s) >= '0' && peek(s) <= '9')
		s->at++;
	return s->at - begin;
}

static int scan_number(struct scan *s)
{
	size_t begin = s->at;
	bool leading_zero;
	size_t n;

	if (peek(s) == '-')
		s->at++;
	leading_zero = peek(s) == '0';
	n = skip_digits(s);
	if (n == 0)
		return wrong(s, begin, "expected a digit after \"-\"");
	if (leading_zero && n > 1)
		return wrong(s, begin, "a number may not begin with 0");
	if (peek(s) == '.') {
		s->at++;
		if (skip_digits(s) == 0)
			return missing(s, "a digit after the decimal point");
	}
	if (peek(s) == 'e' || peek(s) == 'E') {
		s->at++;
		if (peek(s) == '+' || peek(s) == '-')
			s->at++;
		if (skip_digits(s) == 0)
			return missing(s, "a digit in the exponent");
	}
	if (s->at - begin > NUMBER_MAX)
		return wrong(s, begin, "this number has too many digits");
	return 0;
}

static int scan_word(struct scan *s)
{
	static const char *const words[] = { "true", "false", "null" };

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		size_t n = strlen(words[i]);

		if (strncmp(s->doc->text + s->at, words[i], n) == 0) {
			s->at += n;
			return 0;
		}
	}
	return missing(s, "a value");
}

/* Adds a place; returns its number or a negative errno. */
static int64_t add_place(struct doc *d, const struct jsonpos_place *place)
{
	if (d->n_places == d->cap_places) {
		size_t cap = d->cap_places ? d->cap_places * 2 : 256;
		struct jsonpos_place *p = reallocarray(d->places, cap, sizeof *p);

		if (!p)
			return -ENOMEM;
		d->places = p;
		d->cap_places = cap;
	}
	d->places[d->n_places] = *place;
	return (int64_t)d->n_places++;
}

/* What stands after an element: a comma (and then another), or the closing bracket.
 * Returns 1 for a comma, 0 at the end. */
static int scan_separator(struct scan *s, char close)
{
	size_t comma = s->at;
	int r;

	if (peek(s) == close) {
		s->at++;
		return 0;
	}
	if (peek(s) != ',')
		return missing(s,
			close == '}' ? "',' or '}' after a member"
				     : "',' or ']' after an element");
	s->at++;
	r = skip_space(s);
	if (r < 0)
		return r;
	if (peek(s) == close)
		return wrong(s, comma, "a comma after the last one is not allowed");
	return 1;
}

static int scan_array(struct scan *s, uint32_t number)
{
	int r;

	s->at++;
	r = skip_space(s);
	if (r < 0)
		return r;
	if (peek(s) == ']') {
		s->at++;
		return 0;
	}
	for (uint32_t i = 0;; i++) {
		r = scan_value(s, number, i);
		if (r < 0)
			return r;
		r = scan_separator(s, ']');
		if (r <= 0)
			return r;
	}
}

static int scan_member(struct scan *s, uint32_t number, uint32_t index)
{
	size_t key = s->at, key_end, n = s->doc->n_places;
	int r;

	if (peek(s) != '"')
		return missing(s, "a key in double quotes");
	r = scan_string(s);
	if (r < 0)
		return r;
	key_end = s->at;
	r = skip_space(s);
	if (r < 0)
		return r;
	if (peek(s) != ':')
		return missing(s, "':' after a key");
	s->at++;
	r = skip_space(s);
	if (r < 0)
		return r;
	r = scan_value(s, number, index);
	if (r < 0)
		return r;
	s->doc->places[n].key = (uint32_t)key;
	s->doc->places[n].key_end = (uint32_t)key_end;
	return 0;
}

static int scan_object(struct scan *s, uint32_t number)
{
	int r;

	s->at++;
	r = skip_space(s);
	if (r < 0)
		return r;
	if (peek(s) == '}') {
		s->at++;
		return 0;
	}
	for (uint32_t i = 0;; i++) {
		r = scan_member(s, number, i);
		if (r < 0)
			return r;
		r = scan_separator(s, '}');
		if (r <= 0)
			return r;
	}
}

static int scan_nested(struct scan *s, uint32_t number)
{
	int r;

	if (s->depth == KICK_NESTING_MAX)
		return err_set(s->err, -EINVAL,
			"nested too deeply; the limit is %d (KICK_NESTING_MAX)",
			KICK_NESTING_MAX);
	s->depth++;
	r = peek(s) == '{' ? scan_object(s, number) : scan_array(s, number);
	s->depth--;
	return r;
}

static int scan_scalar(struct scan *s)
{
	if (peek(s) == '"')
		return scan_string(s);
	if (peek(s) == '-' || (peek(s) >= '0' && peek(s) <= '9'))
		return scan_number(s);
	return scan_word(s);
}

/* The value at s->at, and the space behind it. */
static int scan_value(struct scan *s, uint32_t parent, uint32_t index)
{
	struct jsonpos_place place = {
		.key = (uint32_t)s->at,
		.key_end = (uint32_t)s->at,
		.value = (uint32_t)s->at,
		.parent = parent,
		.index = index,
	};
	int64_t number = add_place(s->doc, &place);
	int r;

	if (number < 0)
		return (int)number;
	if (peek(s) == '{' || peek(s) == '[')
		r = scan_nested(s, (uint32_t)number);
	else
		r = scan_scalar(s);
	if (r < 0)
		return r;
	s->doc->places[number].end = (uint32_t)s->at;
	return skip_space(s);
}

static int scan_text(struct scan *s)
{
	int r;

	if (strncmp(s->doc->text, "\xef\xbb\xbf", 3) == 0)
		return wrong(s, 0,
			"the text begins with a byte order mark; save it without");
	r = skip_space(s);
	if (r < 0)
		return r;
	if (at_end(s))
		return wrong(s, s->at, "the text is empty");
	r = scan_value(s, 0, 0);
	if (r < 0)
		return r;
	return at_end(s) ? 0 : wrong(s, s->at, "expected the end of the text");
}

static int find_lines(struct doc *d)
{
	size_t n = 1;

	for (size_t i = 0; i < d->len; i++)
		n += d->text[i] == '\n';
	d->lines = calloc(n, sizeof *d->lines);
	if (!d->lines)
		return -ENOMEM;
	d->n_lines = 1;
	for (size_t i = 0; i < d->len; i++) {
		if (d->text[i] == '\n')
			d->lines[d->n_lines++] = (uint32_t)(i + 1);
	}
	return 0;
}

static void number_values(cJSON *item, int *number)
{
	item->valueint = (*number)++;
	for (cJSON *c = item->child; c; c = c->next)
		number_values(c, number);
}

static int build_tree(struct scan *s)
{
	struct doc *d = s->doc;
	int number = 0;

	d->root = cJSON_ParseWithLengthOpts(d->text, d->len + 1, NULL, 1);
	if (!d->root)
		return -ENOMEM;
	number_values(d->root, &number);
	if ((size_t)number != d->n_places)
		return wrong(s, 0, "the text could not be understood");
	return 0;
}

int doc_parse(struct doc *d, char *text, size_t len, struct err *err, size_t *ret_at)
{
	struct scan s = { .doc = d, .err = err };
	int r;

	d->text = text;
	d->len = len;
	r = find_lines(d);
	if (r == 0)
		r = scan_text(&s);
	if (r == 0)
		r = build_tree(&s);
	if (r == -EINVAL)
		*ret_at = s.at;
	return r;
}

void doc_done(struct doc *d)
{
	cJSON_Delete(d->root);
	free(d->places);
	free(d->lines);
	free(d->text);
	d->root = NULL;
	d->places = NULL;
	d->lines = NULL;
	d->text = NULL;
	d->n_places = d->cap_places = d->n_lines = d->len = 0;
}

const struct jsonpos_place *doc_place(const struct doc *d, const cJSON *item)
{
	return &d->places[item->valueint];
}

void doc_line_column(
	const struct doc *d, size_t offset, unsigned *ret_line, unsigned *ret_column)
{
	size_t low = 0, high = d->n_lines;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (d->lines[middle] <= offset)
			low = middle;
		else
			high = middle;
	}
	*ret_line = (unsigned)low + 1;
	*ret_column = (unsigned)(offset - (d->n_lines ? d->lines[low] : 0)) + 1;
}

unsigned doc_line(const struct doc *d, const cJSON *item)
{
	unsigned line, column;

	doc_line_column(d, doc_place(d, item)->value, &line, &column);
	return line;
}
