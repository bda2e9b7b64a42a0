/* ${VAR}, ${VAR:-default} and $$. Less than a shell on purpose: no other "$" means
 * anything, so a text that is well formed can fail in one way only, by a variable that
 * is not set. */
#include "config/expand.h"

#include <errno.h>
#include <string.h>

#include "base/macro.h"

/* Defaults within defaults. */
#define DEPTH_MAX 16
#define NAME_MAX_ 255

struct expansion {
	const struct env *env; /* NULL: only check */
	struct buf *out;
	struct err *err;
};

static int expand_part(
	struct expansion *x, const char *p, const char *end, unsigned depth);

static bool is_name_char(char c, bool is_first)
{
	return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(!is_first && c >= '0' && c <= '9');
}

/* The brace that closes the one before p; NULL when there is none. */
static const char *find_close(const char *p, const char *end)
{
	unsigned open = 1;

	for (; p < end; p++) {
		if (p[0] == '$' && p + 1 < end && (p[1] == '{' || p[1] == '$')) {
			open += p[1] == '{';
			p++;
		} else if (*p == '}' && --open == 0) {
			return p;
		}
	}
	return NULL;
}

static int not_set(const struct expansion *x, const char *name)
{
	return err_set(x->err, -EINVAL, "${%s} is not set and has no default", name);
}

/* ${...}, without its dollar and braces. */
static int expand_variable(
	struct expansion *x, const char *p, const char *close, unsigned depth)
{
	char name[NAME_MAX_ + 1];
	const char *value;
	size_t n = 0;

	while (p + n < close && is_name_char(p[n], n == 0))
		n++;
	if (n == 0 || n > NAME_MAX_)
		return err_set(x->err, -EINVAL, "\"${\" must be followed by a name");
	memcpy(name, p, n);
	name[n] = '\0';
	p += n;
	if (p < close && (close - p < 2 || p[0] != ':' || p[1] != '-'))
		return err_set(x->err, -EINVAL,
			"\"${%s\" must be followed by \"}\" or \":-\"", name);
	value = x->env ? env_get(x->env, name) : NULL;
	if (p == close) {
		if (x->env && !value)
			return not_set(x, name);
	} else if (!value || !*value) {
		return expand_part(x, p + 2, close, depth + 1);
	}
	if (value)
		buf_adds(x->out, value);
	return 0;
}

static int expand_part(
	struct expansion *x, const char *p, const char *end, unsigned depth)
{
	if (depth > DEPTH_MAX)
		return err_set(x->err, -EINVAL, "defaults are nested too deeply");
	while (p < end) {
		const char *dollar = memchr(p, '$', (size_t)(end - p));
		const char *close;
		int r;

		if (x->out)
			buf_add(x->out, p, (size_t)((dollar ? dollar : end) - p));
		if (!dollar)
			return 0;
		p = dollar + 1;
		if (p < end && *p == '$') {
			if (x->out)
				buf_addc(x->out, '$');
			p++;
			continue;
		}
		if (p == end || *p != '{')
			return err_set(x->err, -EINVAL,
				"\"$\" must be followed by \"{NAME}\"; a dollar "
				"itself is \"$$\"");
		close = find_close(p + 1, end);
		if (!close)
			return err_set(x->err, -EINVAL, "\"${\" without \"}\"");
		r = expand_variable(x, p + 1, close, depth);
		if (r < 0)
			return r;
		p = close + 1;
	}
	return 0;
}

int expand(const char *text, const struct env *e, struct buf *out, struct err *err)
{
	struct expansion x = { .env = e, .out = out, .err = err };

	return expand_part(&x, text, text + strlen(text), 0);
}

bool expand_check(const char *text, struct err *err)
{
	struct expansion x = { .err = err };

	return expand_part(&x, text, text + strlen(text), 0) == 0;
}
