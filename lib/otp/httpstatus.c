/* See httpstatus.h. */
#include "otp/httpstatus.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* "HTTP/1.1 200 OK" without its end. */
#define SHORTEST ((size_t)12)

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* What there is of the line may still become one. */
static bool may_begin(const char *line, size_t n)
{
	static const char begin[] = "HTTP/1.";
	size_t known = n < sizeof begin - 1 ? n : sizeof begin - 1;

	return memcmp(line, begin, known) == 0;
}

static int status_of(const char *line, size_t n)
{
	if (n < SHORTEST || !may_begin(line, n) || !is_digit(line[7]) ||
		line[8] != ' ' || !is_digit(line[9]) || line[9] == '0' ||
		!is_digit(line[10]) || !is_digit(line[11]) ||
		(n > SHORTEST && line[SHORTEST] != ' '))
		return -EBADMSG;
	return (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
}

/* The line that begins at *at, without its end. False: it is not complete. */
static bool next_line(
	const char *bytes, size_t n, size_t *at, const char **ret, size_t *ret_len)
{
	const char *line = bytes + *at;
	const char *end = memchr(line, '\n', n - *at);

	if (!end)
		return false;
	*ret = line;
	*ret_len = (size_t)(end - line);
	*at += *ret_len + 1;
	if (*ret_len > 0 && end[-1] == '\r')
		(*ret_len)--;
	return true;
}

int http_status(const char *bytes, size_t n)
{
	size_t at = 0, len;
	const char *line;
	int status;

	for (;;) {
		if (!next_line(bytes, n, &at, &line, &len))
			return may_begin(bytes + at, n - at) ? 0 : -EBADMSG;
		status = status_of(line, len);
		if (status < 0 || status >= 200)
			return status;
		do {
			if (!next_line(bytes, n, &at, &line, &len))
				return 0;
		} while (len > 0);
	}
}
