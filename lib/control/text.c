/* What programs print and what they are called is not trusted: a line of output or an
 * exit reason must not move the cursor, change colours or turn the direction of writing
 * of the terminal that `kick status` runs in. And columns only line up when it is known
 * how wide a text is drawn. */
#include "control/text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/macro.h"
#include "base/utf8.h"

#define FAILED_START "failed_to_start:"

struct range {
	uint32_t first, last;
};

/* East Asian wide characters and emoji that terminals draw in two columns. */
static const struct range wide[] = {
	{ 0x1100, 0x115f },
	{ 0x231a, 0x231b },
	{ 0x23e9, 0x23ec },
	{ 0x2614, 0x2615 },
	{ 0x26a1, 0x26a1 },
	{ 0x2705, 0x2705 },
	{ 0x274c, 0x274c },
	{ 0x2e80, 0x303e },
	{ 0x3041, 0xa4cf },
	{ 0xa960, 0xa97c },
	{ 0xac00, 0xd7a3 },
	{ 0xf900, 0xfaff },
	{ 0xfe30, 0xfe6f },
	{ 0xff00, 0xff60 },
	{ 0xffe0, 0xffe6 },
	{ 0x1f300, 0x1f64f },
	{ 0x1f680, 0x1f6ff },
	{ 0x1f900, 0x1faff },
	{ 0x20000, 0x3fffd },
};

/* Combining marks, joiners and variation selectors. */
static const struct range narrow[] = {
	{ 0x300, 0x36f },
	{ 0x483, 0x489 },
	{ 0x591, 0x5bd },
	{ 0x610, 0x61a },
	{ 0x64b, 0x65f },
	{ 0x1ab0, 0x1aff },
	{ 0x1dc0, 0x1dff },
	{ 0x200b, 0x200d },
	{ 0x20d0, 0x20f0 },
	{ 0x2060, 0x2060 },
	{ 0xfe00, 0xfe0f },
	{ 0xfe20, 0xfe2f },
	{ 0xfeff, 0xfeff },
	{ 0xe0100, 0xe01ef },
};

/* C0, DEL and C1 controls, line separators, marks of the direction of writing. */
static const struct range unsafe[] = {
	{ 0x01, 0x1f },
	{ 0x7f, 0x9f },
	{ 0x200e, 0x200f },
	{ 0x2028, 0x202e },
	{ 0x2066, 0x2069 },
};

static bool in_ranges(const struct range *r, size_t n, uint32_t c)
{
	for (size_t i = 0; i < n && c >= r[i].first; i++)
		if (c <= r[i].last)
			return true;
	return false;
}

/* The escape of a byte or character, or "" when it is shown as it is. */
static const char *escape(const unsigned char *s, size_t n, uint32_t c, char out[16])
{
	out[0] = '\0';
	if (!n)
		(void)snprintf(out, 16, "\\x%02x", *s);
	else if (c == '\n' || c == '\t' || c == '\r')
		(void)snprintf(out, 16, "\\%c",
			c == '\n'	    ? 'n'
				: c == '\t' ? 't'
					    : 'r');
	else if (in_ranges(unsafe, ARRAY_LEN(unsafe), c))
		(void)snprintf(out, 16, c < 0x80 ? "\\x%02x" : "\\u%04x", c);
	return out;
}

static size_t width_of(uint32_t c)
{
	if (in_ranges(narrow, ARRAY_LEN(narrow), c))
		return 0;
	return in_ranges(wide, ARRAY_LEN(wide), c) ? 2 : 1;
}

size_t text_width(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t columns = 0;
	char esc[16];

	while (*s) {
		uint32_t c = 0;
		size_t n;

		if (*s >= 0x20 && *s < 0x7f) {
			columns++;
			s++;
			continue;
		}
		n = utf8_decode(s, &c);
		columns += *escape(s, n, c, esc) ? strlen(esc) : width_of(c);
		s += n ? n : 1;
	}
	return columns;
}

void text_escape(struct buf *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	char esc[16];

	while (*s) {
		const unsigned char *plain = s;
		uint32_t c = 0;
		size_t n;

		while (*s >= 0x20 && *s < 0x7f)
			s++;
		if (s > plain)
			buf_add(out, plain, (size_t)(s - plain));
		if (!*s)
			return;
		n = utf8_decode(s, &c);
		if (*escape(s, n, c, esc))
			buf_adds(out, esc);
		else
			buf_add(out, s, n);
		s += n ? n : 1;
	}
}

void text_pad(struct buf *out, size_t n)
{
	static const char spaces[] = "                                ";

	for (; n >= sizeof spaces; n -= sizeof spaces - 1)
		buf_add(out, spaces, sizeof spaces - 1);
	buf_add(out, spaces, n);
}

/* The words of ENOENT: "No such file or directory"; the name itself when unknown. */
static const char *errno_words(const char *name)
{
	for (int e = 1; e < 134; e++) {
		const char *known = strerrorname_np(e);

		if (known && strcmp(known, name) == 0)
			return strerrordesc_np(e);
	}
	return name;
}

/* STEP:ERRNO of a failed start. */
static void failed_start(struct buf *out, const char *what)
{
	const char *colon = strrchr(what, ':');

	buf_adds(out, "cannot be started (");
	if (colon && colon[1] == 'E') {
		buf_add(out, what, (size_t)(colon - what));
		buf_adds(out, ": ");
		what = errno_words(colon + 1);
	}
	text_escape(out, what);
	buf_adds(out, ")");
}

void text_reason(struct buf *out, const char *reason, int core)
{
	static const struct {
		const char *prefix, *words, *after;
	} rows[] = {
		{ "exit:", "exit ", "" },
		{ "signal:", "", "" },
		{ "shutdown:failed_to_start:", "its child ", " could not be started" },
		{ "shutdown:", "shutdown: ", "" },
	};
	static const struct {
		const char *reason, *words;
	} whole[] = {
		{ "killed", "killed (SIGKILL)" },
		{ "start_timeout", "start timed out" },
		{ "shutdown:max_restarts", "gave up after too many restarts" },
		{ "shutdown:auto", "ended by auto_shutdown" },
		{ "watchdog", "its watchdog heard nothing" },
		{ "unhealthy", "its health check failed" },
	};
	const char *after = "";

	if (strncmp(reason, FAILED_START, sizeof FAILED_START - 1) == 0) {
		failed_start(out, reason + sizeof FAILED_START - 1);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(whole); i++)
		if (strcmp(reason, whole[i].reason) == 0)
			reason = whole[i].words;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t n = strlen(rows[i].prefix);

		if (strncmp(reason, rows[i].prefix, n) != 0)
			continue;
		buf_adds(out, rows[i].words);
		reason += n;
		after = rows[i].after;
		break;
	}
	text_escape(out, reason);
	buf_adds(out, after);
	if (core)
		buf_adds(out, ", core dumped");
}

void text_start_failure(struct buf *out, const char *reason)
{
	/* A supervisor's own answer to a reload. */
	if (strcmp(reason, "not_reloaded") == 0) {
		buf_adds(out,
			"did not take the new configuration: it is ending, or has no "
			"memory for it");
		return;
	}
	if (strncmp(reason, FAILED_START, sizeof FAILED_START - 1) != 0)
		buf_adds(out, "could not be started: ");
	text_reason(out, reason, 0);
}

int text_instant(const char *rfc3339, int64_t *ret_ns)
{
	struct tm tm = { 0 };
	int ms = 0, end = 0;

	if (sscanf(rfc3339, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &tm.tm_year, &tm.tm_mon,
		    &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &ms, &end) != 7 ||
		!end || rfc3339[end])
		return -EINVAL;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	*ret_ns = (int64_t)timegm(&tm) * SEC_NS + ms * MSEC_NS;
	return 0;
}
