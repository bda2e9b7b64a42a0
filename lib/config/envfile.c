/* The lines of an env_file: the common denominator of what docker, systemd and shells
 * take, without what they disagree about: nothing is expanded, nothing is continued. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/macro.h"
#include "config/expand.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void trim(const char **begin, const char **end)
{
	while (*begin < *end && is_space(**begin))
		++*begin;
	while (*begin < *end && is_space((*end)[-1]))
		--*end;
}

static void take_quotes(const char **begin, const char **end)
{
	char first = *begin < *end ? **begin : '\0';

	if (*end - *begin < 2 || (first != '"' && first != '\'') || (*end)[-1] != first)
		return;
	++*begin;
	--*end;
}

static int bad_line(struct err *err, unsigned number, const char *why)
{
	return err_set(err, -EINVAL, "line %u: %s", number, why);
}

static int set_pair(struct env *e, const char *key, const char *equals,
	const char *value, const char *end)
{
	autofree char *key_text = strndup(key, (size_t)(equals - key));
	autofree char *value_text = strndup(value, (size_t)(end - value));

	if (!key_text || !value_text)
		return -ENOMEM;
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): autofree */
	return env_set(e, key_text, value_text);
}

static int parse_line(
	struct env *e, const char *p, const char *end, unsigned number, struct err *err)
{
	const char *equals, *value;
	int r;

	trim(&p, &end);
	if (p == end || *p == '#')
		return 0;
	if (memchr(p, '\0', (size_t)(end - p)))
		return bad_line(err, number, "a NUL byte");
	equals = memchr(p, '=', (size_t)(end - p));
	if (!equals || equals == p)
		return bad_line(err, number, "expected KEY=VALUE");
	for (const char *c = p; c < equals; c++) {
		if (is_space(*c) || *c == '"' || *c == '\'')
			return bad_line(err, number, "a space or a quote in the name");
	}
	value = equals + 1;
	trim(&value, &end);
	take_quotes(&value, &end);
	r = set_pair(e, p, equals, value, end);
	return r < 0 ? err_errno(err, r, "line %u", number) : 0;
}

int env_file_parse(struct env *e, const char *text, size_t len, struct err *err)
{
	const char *end = text + len;
	unsigned number = 1;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *stop = newline ? newline : end;
		int r = parse_line(e, text, stop, number++, err);

		if (r < 0)
			return r;
		text = newline ? newline + 1 : end;
	}
	return 0;
}
