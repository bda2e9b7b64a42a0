/* The first line of an HTTP answer, and what is none. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/macro.h"
#include "otp/httpstatus.h"

static const struct {
	const char *bytes;
	int status;
} rows[] = {
	{ "HTTP/1.1 200 OK\r\n", 200 },
	{ "HTTP/1.0 200 OK\n", 200 },
	{ "HTTP/1.1 204\r\n", 204 },
	{ "HTTP/1.1 301 Moved\r\nLocation: /\r\n\r\n", 301 },
	{ "HTTP/1.1 503 \r\n", 503 },
	{ "HTTP/1.1 999 ?\r\n", 999 },
	{ "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n", 200 },
	{ "HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 404 No\r\n", 404 },
	{ "", 0 },
	{ "H", 0 },
	{ "HTTP/1.1 200 OK", 0 },
	{ "HTTP/1.1 200 OK\r", 0 },
	{ "HTTP/1.1 100 Continue\r\n", 0 },
	{ "HTTP/1.1 100 Continue\r\n\r\n", 0 },
	{ "HTTP/1.1 100 Continue\r\n\r\nHTT", 0 },
	{ "\r\n", -EBADMSG },
	{ "x", -EBADMSG },
	{ "SSH-2.0-OpenSSH_9.2\r\n", -EBADMSG },
	{ "http/1.1 200 OK\r\n", -EBADMSG },
	{ "HTTP/2 200\r\n", -EBADMSG },
	{ "HTTP/1.x 200 OK\r\n", -EBADMSG },
	{ "HTTP/1.1 20 OK\r\n", -EBADMSG },
	{ "HTTP/1.1 2000 OK\r\n", -EBADMSG },
	{ "HTTP/1.1 099 OK\r\n", -EBADMSG },
	{ "HTTP/1.1  200 OK\r\n", -EBADMSG },
	{ "HTTP/1.1\r\n", -EBADMSG },
	{ "HTTP/1.1 100 Continue\r\n\r\nGarbage", -EBADMSG },
};

Test(httpstatus, it_is_read_from_the_first_line, .timeout = 5)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		cr_expect_eq(http_status(rows[i].bytes, strlen(rows[i].bytes)),
			rows[i].status, "row: %s: %d", rows[i].bytes,
			http_status(rows[i].bytes, strlen(rows[i].bytes)));
}

/* However the bytes come, the answer is the same, and no earlier one is another. */
Test(httpstatus, each_beginning_asks_for_more_or_has_the_answer, .timeout = 5)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (size_t n = 0; n < strlen(rows[i].bytes); n++) {
			int status = http_status(rows[i].bytes, n);

			cr_expect(status == 0 || status == rows[i].status,
				"row: %s: %zu bytes: %d", rows[i].bytes, n, status);
		}
	}
}
