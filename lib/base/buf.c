/* A growable byte buffer. Those who build a text append without looking and ask once at
 * the end: a failed append marks the buffer, and what is marked does not grow. */
#include "base/buf.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

#define FIRST_CAP 128

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void buf_done(struct buf *b)
{
	free(b->data);
	buf_init(b, b->max);
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->data)
		b->data[0] = '\0';
}

bool buf_ok(const struct buf *b)
{
	return !b->failed;
}

/* Room for n more bytes and the NUL; marks the buffer when there is none. */
static bool make_room(struct buf *b, size_t n)
{
	const size_t max = b->max && b->max < SIZE_MAX / 2 ? b->max : SIZE_MAX / 2;
	size_t cap = b->cap ? b->cap : FIRST_CAP;
	char *data;

	if (b->failed)
		return false;
	b->failed = n > max || b->len > max - n;
	if (b->failed)
		return false;
	if (b->data && b->len + n < b->cap)
		return true;
	while (cap <= b->len + n)
		cap *= 2;
	data = realloc(b->data, cap);
	if (!data) {
		b->failed = true;
		return false;
	}
	b->data = data;
	b->cap = cap;
	return true;
}

void buf_add(struct buf *b, const void *bytes, size_t n)
{
	if (n == 0 || !make_room(b, n))
		return;
	memcpy(b->data + b->len, bytes, n);
	b->len += n;
	b->data[b->len] = '\0';
}

void buf_adds(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

void buf_addc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_addv(b, fmt, ap);
	va_end(ap);
}

void buf_addv(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n < 0)
		b->failed = true;
	else if (make_room(b, (size_t)n)) {
		(void)vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
}

/* Bytes from the start of s that a JSON string holds as they are. */
static size_t plain_run(const unsigned char *s, size_t n)
{
	size_t i = 0;

	while (i < n && s[i] >= 0x20 && s[i] < 0x7f && s[i] != '"' && s[i] != '\\')
		i++;
	return i;
}

static void add_escaped(struct buf *b, unsigned c)
{
	static const char short_forms[] = "\"\"\\\\\bb\ff\nn\rr\tt";

	for (size_t i = 0; i + 1 < sizeof short_forms; i += 2)
		if (c == (unsigned char)short_forms[i]) {
			buf_add(b, (char[]){ '\\', short_forms[i + 1] }, 2);
			return;
		}
	buf_addf(b, "\\u%04x", c);
}

/* One character that plain_run stopped at; returns its bytes. Control characters are
 * escaped beyond what JSON asks for (DEL, C1): they would act on a terminal. */
static size_t add_character(struct buf *b, const unsigned char *s, size_t n)
{
	bool valid = false;
	size_t length;

	if (s[0] < 0x80) {
		add_escaped(b, s[0]);
		return 1;
	}
	length = utf8_length(s, n, &valid);
	if (!valid)
		buf_adds(b, "\xef\xbf\xbd");
	else if (s[0] == 0xc2 && s[1] < 0xa0)
		add_escaped(b, s[1]);
	else
		buf_add(b, s, length);
	return length;
}

void buf_add_json(struct buf *b, const char *text, size_t n)
{
	const unsigned char *s = (const unsigned char *)text;

	buf_addc(b, '"');
	while (n > 0) {
		size_t done = plain_run(s, n);

		if (done > 0)
			buf_add(b, s, done);
		else
			done = add_character(b, s, n);
		s += done;
		n -= done;
	}
	buf_addc(b, '"');
}

void buf_drop(struct buf *b, size_t n)
{
	if (n == 0)
		return;
	if (n > b->len)
		n = b->len;
	b->len -= n;
	if (b->data)
		memmove(b->data, b->data + n, b->len + 1);
}

const char *buf_text(const struct buf *b)
{
	return b->data ? b->data : "";
}
