/* Durations, sizes and numbers: what is accepted, what it is worth, what is refused. */
#include "base/num.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/macro.h"

#define UNTOUCHED 4711

Test(num, durations_are_exact, .timeout = 5)
{
	static const struct {
		const char *text;
		int64_t ns;
	} rows[] = {
		{ "0s", 0 },
		{ "10ns", 10 },
		{ "500us", 500000 },
		{ "250ms", 250 * MSEC_NS },
		{ "1.5s", 1500 * MSEC_NS },
		{ "0.1s", 100 * MSEC_NS },
		{ "1.50000000000000000000000s", 1500 * MSEC_NS },
		{ "0.000000001s", 1 },
		{ "0.7d", 60480 * SEC_NS },
		{ "2m", 120 * SEC_NS },
		{ "1h", 3600 * SEC_NS },
		{ "1d", 86400 * SEC_NS },
		{ "1m30s", 90 * SEC_NS },
		{ "1d2h3m4s5ms6us7ns", INT64_C(93784005006007) },
		{ "9223372036854775807ns", INT64_MAX },
		{ "106751d", INT64_C(106751) * 86400 * SEC_NS },
		{ "007s", 7 * SEC_NS },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t ns = UNTOUCHED;

		cr_expect_eq(
			num_duration(rows[i].text, &ns), 0, "row: %s", rows[i].text);
		cr_expect_eq(
			ns, rows[i].ns, "row: %s is %lld", rows[i].text, (long long)ns);
	}
}

Test(num, what_is_no_duration_is_refused_and_nothing_written, .timeout = 5)
{
	static const struct {
		const char *text;
		int error;
	} rows[] = {
		{ "", -EINVAL },
		{ "5", -EINVAL },
		{ "s", -EINVAL },
		{ "1.5", -EINVAL },
		{ ".5s", -EINVAL },
		{ "1.s", -EINVAL },
		{ "1..5s", -EINVAL },
		{ "1,5s", -EINVAL },
		{ " 5s", -EINVAL },
		{ "5s ", -EINVAL },
		{ "5 s", -EINVAL },
		{ "-5s", -EINVAL },
		{ "+5s", -EINVAL },
		{ "5S", -EINVAL },
		{ "5sec", -EINVAL },
		{ "1m30", -EINVAL },
		{ "1m 30s", -EINVAL },
		{ "1e3s", -EINVAL },
		{ "0x10s", -EINVAL },
		{ "0.5ns", -EINVAL },
		{ "0.0000000001s", -EINVAL },
		{ "9223372036854775808ns", -ERANGE },
		{ "106752d", -ERANGE },
		{ "99999999999999999999s", -ERANGE },
		{ "106751d106751d", -ERANGE },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t ns = UNTOUCHED;

		cr_expect_eq(num_duration(rows[i].text, &ns), rows[i].error,
			"row: \"%s\"", rows[i].text);
		cr_expect_eq(ns, UNTOUCHED, "row: \"%s\"", rows[i].text);
	}
}

Test(num, a_printed_duration_reads_back_as_itself, .timeout = 5)
{
	static const struct {
		int64_t ns;
		const char *text;
	} rows[] = {
		{ 0, "0s" },
		{ 1, "1ns" },
		{ 250 * MSEC_NS, "250ms" },
		{ 90 * SEC_NS, "1m30s" },
		{ 1500 * MSEC_NS, "1s500ms" },
		{ 86400 * SEC_NS, "1d" },
		{ INT64_MAX, "106751d23h47m16s854ms775us807ns" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char buf[64];
		int64_t ns = -1;

		cr_expect_str_eq(
			num_duration_text(rows[i].ns, buf, sizeof buf), rows[i].text);
		cr_expect_eq(num_duration(buf, &ns), 0, "row: %s", rows[i].text);
		cr_expect_eq(ns, rows[i].ns, "row: %s", rows[i].text);
	}
}

Test(num, ages_have_two_units_at_most, .timeout = 5)
{
	static const struct {
		int64_t ns;
		const char *text;
	} rows[] = {
		{ -5, "0 ms" },
		{ 0, "0 ms" },
		{ 38 * MSEC_NS, "38 ms" },
		{ SEC_NS - 1, "999 ms" },
		{ SEC_NS, "1s" },
		{ 59 * SEC_NS + 999 * MSEC_NS, "59s" },
		{ 65 * SEC_NS, "1m05s" },
		{ 7380 * SEC_NS, "2h03m" },
		{ (4 * 24 + 2) * 3600 * SEC_NS, "4d02h" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char buf[32];

		cr_expect_str_eq(num_age(rows[i].ns, buf, sizeof buf), rows[i].text);
	}
}

Test(num, sizes_are_powers_of_1024, .timeout = 5)
{
	static const struct {
		const char *text;
		int r;
		uint64_t bytes;
	} rows[] = {
		{ "0", 0, 0 },
		{ "100", 0, 100 },
		{ "100B", 0, 100 },
		{ "64K", 0, 64 << 10 },
		{ "64k", 0, 64 << 10 },
		{ "10MB", 0, 10 << 20 },
		{ "10mb", 0, 10 << 20 },
		{ "1GiB", 0, 1 << 30 },
		{ "2T", 0, UINT64_C(2) << 40 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, UNTOUCHED },
		{ "17179869184G", -ERANGE, UNTOUCHED },
		{ "", -EINVAL, UNTOUCHED },
		{ "K", -EINVAL, UNTOUCHED },
		{ "-1", -EINVAL, UNTOUCHED },
		{ "1 K", -EINVAL, UNTOUCHED },
		{ "1.5G", -EINVAL, UNTOUCHED },
		{ "1Ki", -EINVAL, UNTOUCHED },
		{ "1KK", -EINVAL, UNTOUCHED },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t bytes = UNTOUCHED;

		cr_expect_eq(num_size(rows[i].text, &bytes), rows[i].r, "row: \"%s\"",
			rows[i].text);
		cr_expect_eq(bytes, rows[i].bytes, "row: \"%s\"", rows[i].text);
	}
}

Test(num, integers_are_whole_strings_within_bounds, .timeout = 5)
{
	static const struct {
		const char *text;
		int64_t min;
		int64_t max;
		int r;
		int64_t value;
	} rows[] = {
		{ "0", 0, 9, 0, 0 },
		{ "9", 0, 9, 0, 9 },
		{ "-3", -3, 9, 0, -3 },
		{ "9223372036854775807", 0, INT64_MAX, 0, INT64_MAX },
		{ "-9223372036854775808", INT64_MIN, 0, 0, INT64_MIN },
		{ "10", 0, 9, -ERANGE, UNTOUCHED },
		{ "-1", 0, 9, -ERANGE, UNTOUCHED },
		{ "9223372036854775808", 0, INT64_MAX, -ERANGE, UNTOUCHED },
		{ "99999999999999999999", 0, INT64_MAX, -ERANGE, UNTOUCHED },
		{ "", 0, 9, -EINVAL, UNTOUCHED },
		{ "-", -9, 9, -EINVAL, UNTOUCHED },
		{ "+1", 0, 9, -EINVAL, UNTOUCHED },
		{ " 1", 0, 9, -EINVAL, UNTOUCHED },
		{ "1 ", 0, 9, -EINVAL, UNTOUCHED },
		{ "1x", 0, 9, -EINVAL, UNTOUCHED },
		{ "0x1", 0, 9, -EINVAL, UNTOUCHED },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t value = UNTOUCHED;

		cr_expect_eq(num_int(rows[i].text, rows[i].min, rows[i].max, &value),
			rows[i].r, "row: \"%s\"", rows[i].text);
		cr_expect_eq(value, rows[i].value, "row: \"%s\"", rows[i].text);
	}
}
