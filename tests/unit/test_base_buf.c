/* The growable buffer, its bound, and JSON strings out of any bytes. */
#include "base/buf.h"

#include <criterion/criterion.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"

Test(buf, an_empty_buffer_has_a_text, .timeout = 5)
{
	struct buf b;

	buf_init(&b, 0);
	cr_expect_str_eq(buf_text(&b), "");
	buf_add(&b, "", 0);
	buf_drop(&b, 3);
	cr_expect_null(b.data);
	buf_done(&b);
}

Test(buf, grows_and_ends_with_a_nul, .timeout = 5)
{
	struct buf b;

	buf_init(&b, 0);
	for (int i = 0; i < 10000; i++) {
		buf_addf(&b, "%d,", i % 10);
		cr_assert_eq(b.data[b.len], '\0');
	}
	cr_expect(buf_ok(&b));
	cr_expect_eq(b.len, 20000);
	cr_expect_eq(strlen(buf_text(&b)), 20000);
	cr_expect_eq(memcmp(b.data, "0,1,2,3,4,5,6,7,8,9,0,", 22), 0);
	buf_done(&b);
}

Test(buf, the_bound_is_reached_and_not_passed, .timeout = 5)
{
	struct buf b;

	buf_init(&b, 4);
	buf_adds(&b, "abcd");
	cr_expect(buf_ok(&b));
	buf_addc(&b, 'e');
	cr_expect_not(buf_ok(&b));
	cr_expect_str_eq(buf_text(&b), "abcd");
	buf_done(&b);
}

Test(buf, after_a_failure_nothing_is_added_until_cleared, .timeout = 5)
{
	struct buf b;

	buf_init(&b, 4);
	buf_adds(&b, "ab");
	buf_adds(&b, "too long");
	buf_addc(&b, 'c');
	cr_expect_str_eq(buf_text(&b), "ab");
	buf_clear(&b);
	cr_expect(buf_ok(&b));
	cr_expect_str_eq(buf_text(&b), "");
	buf_addf(&b, "%s", "cdef");
	cr_expect_str_eq(buf_text(&b), "cdef");
	buf_done(&b);
}

Test(buf, a_done_buffer_is_new_and_keeps_its_bound, .timeout = 5)
{
	struct buf b;

	buf_init(&b, 4);
	buf_adds(&b, "12345");
	buf_done(&b);
	cr_expect(buf_ok(&b));
	buf_adds(&b, "12345");
	cr_expect_not(buf_ok(&b));
	buf_done(&b);
}

Test(buf, drop_takes_from_the_front, .timeout = 5)
{
	struct buf b;

	buf_init(&b, 0);
	buf_adds(&b, "one two");
	buf_drop(&b, 4);
	cr_expect_str_eq(buf_text(&b), "two");
	cr_expect_eq(b.len, 3);
	buf_drop(&b, 99);
	cr_expect_eq(b.len, 0);
	cr_expect_str_eq(buf_text(&b), "");
	buf_done(&b);
}

Test(buf, json_strings_hold_any_bytes, .timeout = 5)
{
#define BYTES(s) s, sizeof(s) - 1
	static const struct {
		const char *name;
		const char *bytes;
		size_t n;
		const char *json;
	} rows[] = {
		{ "empty", BYTES(""), "" },
		{ "plain", BYTES("services/a b"), "services/a b" },
		{ "quotes", BYTES("a\"b\\c/"), "a\\\"b\\\\c/" },
		{ "short escapes", BYTES("\b\f\n\r\t"), "\\b\\f\\n\\r\\t" },
		{ "nul", BYTES("a\0b"), "a\\u0000b" },
		{ "escape and delete", BYTES("\x1b[0m\x7f"), "\\u001b[0m\\u007f" },
		{ "C1 control", BYTES("\xc2\x9b"), "\\u009b" },
		{ "lowest of two", BYTES("\xc2\xa0"), "\xc2\xa0" },
		{ "two, three, four", BYTES("\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xbb"),
			"\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xbb" },
		{ "highest of all", BYTES("\xf4\x8f\xbf\xbf"), "\xf4\x8f\xbf\xbf" },
		{ "beyond the highest", BYTES("\xf4\x90"), REPLACEMENT REPLACEMENT },
		{ "a lonely continuation", BYTES("a\x80z"), "a" REPLACEMENT "z" },
		{ "Latin-1", BYTES("\xe4rger"), REPLACEMENT "rger" },
		{ "overlong slash", BYTES("\xc0\xaf"), REPLACEMENT REPLACEMENT },
		{ "overlong of three", BYTES("\xe0\x80"), REPLACEMENT REPLACEMENT },
		{ "surrogate", BYTES("\xed\xa0\x80"),
			REPLACEMENT REPLACEMENT REPLACEMENT },
		{ "cut at the end", BYTES("a\xe2\x82"), "a" REPLACEMENT },
		{ "cut by a quote", BYTES("\xf0\x9f\""), REPLACEMENT "\\\"" },
		{ "never a first byte", BYTES("\xff\xfe"), REPLACEMENT REPLACEMENT },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf b;
		struct buf wanted;

		buf_init(&b, 0);
		buf_init(&wanted, 0);
		buf_addf(&wanted, "\"%s\"", rows[i].json);
		buf_add_json(&b, rows[i].bytes, rows[i].n);
		cr_expect_str_eq(
			buf_text(&b), buf_text(&wanted), "row: %s", rows[i].name);
		buf_done(&b);
		buf_done(&wanted);
	}
}

Test(buf, json_reads_no_byte_beyond_its_length, .timeout = 5)
{
	struct buf b;

	buf_init(&b, 0);
	buf_add_json(&b, "\xe2\x82\xac", 2);
	cr_expect_str_eq(buf_text(&b), "\"" REPLACEMENT "\"");
	buf_done(&b);
}
