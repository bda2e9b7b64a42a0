/* Errors as values. Everything is written into the caller's struct, by way of a local
 * copy, so that a text may be made from the text it replaces. The names and texts of
 * errnos are glibc's untranslated ones: messages are the same in every locale. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TEXT_SIZE sizeof(((struct err *)NULL)->text)

static const char *err_describe(int code, char *buf, size_t size)
{
	const char *text = strerrordesc_np(code < 0 ? -code : code);

	if (text)
		return text;
	(void)snprintf(buf, size, "error %d", code < 0 ? -code : code);
	return buf;
}

static int err_store(struct err *e, int code, const char *text, const char *rest)
{
	char joined[TEXT_SIZE];
	size_t n = strnlen(text, sizeof joined - 1);
	size_t m = 0;

	memcpy(joined, text, n);
	if (rest) {
		m = strnlen(rest, sizeof joined - 1 - n);
		memcpy(joined + n, rest, m);
	}
	joined[n + m] = '\0';
	e->code = code;
	memcpy(e->text, joined, n + m + 1);
	return code;
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
	char text[TEXT_SIZE];
	va_list ap;

	if (!e)
		return code;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return err_store(e, code, text, NULL);
}

int err_errno(struct err *e, int code, const char *fmt, ...)
{
	char text[TEXT_SIZE];
	char rest[64];
	char number[32];
	va_list ap;

	if (!e)
		return code;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	(void)snprintf(
		rest, sizeof rest, ": %s", err_describe(code, number, sizeof number));
	/* The cause is what helps: when both do not fit, the text before it is cut. */
	text[sizeof text - sizeof rest] = '\0';
	return err_store(e, code, text, rest);
}

int err_prefix(struct err *e, const char *fmt, ...)
{
	char text[TEXT_SIZE];
	size_t n;
	va_list ap;

	if (!e)
		return 0;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text - 2, fmt, ap);
	va_end(ap);
	n = strlen(text);
	memcpy(text + n, ": ", 3);
	return err_store(e, e->code, text, e->text);
}

const char *err_name(int code)
{
	static char number[16];
	int positive = code < 0 ? -code : code;
	const char *name = strerrorname_np(positive);

	if (name)
		return name;
	(void)snprintf(number, sizeof number, "E%d", positive);
	return number;
}
