/* Numbers as people write them, in integer arithmetic: "1.5s" is exactly 1500 ms, and
 * no locale has a say in what a digit or a decimal point is. */
#include "base/num.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/macro.h"

struct unit {
	const char *name;
	int64_t ns;
};

/* Largest first: the printers walk down. */
static const struct unit units[] = {
	{ "d", 86400 * SEC_NS },
	{ "h", 3600 * SEC_NS },
	{ "m", 60 * SEC_NS },
	{ "s", SEC_NS },
	{ "ms", MSEC_NS },
	{ "us", 1000 },
	{ "ns", 1 },
};

static const struct {
	const char *name;
	unsigned shift;
} sizes[] = {
	{ "", 0 },
	{ "B", 0 },
	{ "K", 10 },
	{ "KB", 10 },
	{ "KiB", 10 },
	{ "M", 20 },
	{ "MB", 20 },
	{ "MiB", 20 },
	{ "G", 30 },
	{ "GB", 30 },
	{ "GiB", 30 },
	{ "T", 40 },
	{ "TB", 40 },
	{ "TiB", 40 },
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t digits(const char *text)
{
	size_t n = 0;

	while (is_digit(text[n]))
		n++;
	return n;
}

static int whole(const char *text, size_t n, uint64_t *ret)
{
	uint64_t value = 0;

	for (size_t i = 0; i < n; i++)
		if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
			__builtin_add_overflow(
				value, (uint64_t)(text[i] - '0'), &value))
			return -ERANGE;
	*ret = value;
	return 0;
}

/* The unit that text begins with, its letters up to the next number or the end. */
static const struct unit *unit_of(const char *text, size_t *ret_len)
{
	size_t n = 0;

	while (text[n] && !is_digit(text[n]))
		n++;
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (strlen(units[i].name) == n && memcmp(units[i].name, text, n) == 0) {
			*ret_len = n;
			return &units[i];
		}
	return NULL;
}

/* n digits after a point, as a part of unit_ns. Taken from the last digit to the first:
 * the sum is whole exactly when each step is. */
static int fraction(const char *text, size_t n, int64_t unit_ns, int64_t *ret)
{
	int64_t value = 0;

	while (n-- > 0) {
		value += (text[n] - '0') * unit_ns;
		if (value % 10)
			return -EINVAL;
		value /= 10;
	}
	*ret = value;
	return 0;
}

/* One number with its unit, added to *ns. Returns the bytes it took, or an error. */
static int duration_part(const char *text, int64_t *ns)
{
	const size_t before = digits(text);
	const bool pointed = text[before] == '.';
	const size_t after = pointed ? digits(text + before + 1) : 0;
	const char *end = text + before + (pointed ? 1 + after : 0);
	const struct unit *unit;
	size_t unit_len;
	uint64_t count;
	int64_t part = 0;
	int r;

	if (before == 0 || (pointed && after == 0))
		return -EINVAL;
	unit = unit_of(end, &unit_len);
	if (!unit)
		return -EINVAL;
	r = fraction(end - after, after, unit->ns, &part);
	if (r < 0)
		return r;
	r = whole(text, before, &count);
	if (r < 0)
		return r;
	if (__builtin_add_overflow(*ns, part, ns) ||
		__builtin_mul_overflow(count, unit->ns, &part) ||
		__builtin_add_overflow(*ns, part, ns))
		return -ERANGE;
	return (int)(end + unit_len - text);
}

int num_duration(const char *text, int64_t *ret_ns)
{
	int64_t ns = 0;

	do {
		int r = duration_part(text, &ns);

		if (r < 0)
			return r;
		text += r;
	} while (*text);
	*ret_ns = ns;
	return 0;
}

static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* "mb" is what many write for "MB"; no unit of size has a small-letter twin. */
static bool same_unit(const char *a, const char *b)
{
	while (*a && upper(*a) == upper(*b)) {
		a++;
		b++;
	}
	return *a == *b;
}

int num_size(const char *text, uint64_t *ret_bytes)
{
	const size_t n = digits(text);
	uint64_t count;
	int r;

	if (n == 0)
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		if (!same_unit(text + n, sizes[i].name))
			continue;
		r = whole(text, n, &count);
		if (r < 0 || count > UINT64_MAX >> sizes[i].shift)
			return -ERANGE;
		*ret_bytes = count << sizes[i].shift;
		return 0;
	}
	return -EINVAL;
}

int num_int(const char *text, int64_t min, int64_t max, int64_t *ret)
{
	const bool negative = *text == '-';
	const char *number = text + negative;
	const size_t n = digits(number);
	uint64_t count;
	int64_t value;

	if (n == 0 || number[n] != '\0')
		return -EINVAL;
	if (whole(number, n, &count) < 0)
		return -ERANGE;
	if (__builtin_mul_overflow(count, negative ? -1 : 1, &value))
		return -ERANGE;
	if (value < min || value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

const char *num_age(int64_t ns, char *buf, size_t size)
{
	size_t i = 0;

	if (ns < SEC_NS) {
		(void)snprintf(buf, size, "%d ms", ns > 0 ? (int)(ns / MSEC_NS) : 0);
		return buf;
	}
	while (ns < units[i].ns)
		i++;
	if (units[i].ns == SEC_NS)
		(void)snprintf(buf, size, "%ds", (int)(ns / SEC_NS));
	else
		(void)snprintf(buf, size, "%lld%s%02lld%s",
			(long long)(ns / units[i].ns), units[i].name,
			(long long)(ns % units[i].ns / units[i + 1].ns),
			units[i + 1].name);
	return buf;
}

const char *num_duration_text(int64_t ns, char *buf, size_t size)
{
	size_t len = 0;

	(void)snprintf(buf, size, "0s");
	for (size_t i = 0; i < ARRAY_LEN(units) && len < size; i++) {
		int64_t count = ns / units[i].ns;

		if (count <= 0)
			continue;
		len += (size_t)snprintf(buf + len, size - len, "%lld%s",
			(long long)count, units[i].name);
		ns -= count * units[i].ns;
	}
	return buf;
}
