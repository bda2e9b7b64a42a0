/* What turns values into words and back: errors, signals, lists of names, dates. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/macro.h"
#include "base/names.h"
#include "base/signame.h"

Test(err, is_written_and_its_code_returned, .timeout = 5)
{
	struct err e;

	cr_expect_eq(err_set(&e, -EINVAL, "no child \"%s\"", "web"), -EINVAL);
	cr_expect_eq(e.code, -EINVAL);
	cr_expect_str_eq(e.text, "no child \"web\"");
	cr_expect_eq(err_errno(&e, -ENOENT, "cannot open %s", "x"), -ENOENT);
	cr_expect_str_eq(e.text, "cannot open x: No such file or directory");
	cr_expect_eq(err_prefix(&e, "line %d", 3), -ENOENT);
	cr_expect_str_eq(e.text, "line 3: cannot open x: No such file or directory");
}

Test(err, may_be_absent, .timeout = 5)
{
	cr_expect_eq(err_set(NULL, -EPERM, "x"), -EPERM);
	cr_expect_eq(err_errno(NULL, -EPERM, "x"), -EPERM);
}

Test(err, may_be_made_from_its_own_text, .timeout = 5)
{
	struct err e;

	(void)err_set(&e, -EIO, "inner");
	(void)err_set(&e, -EIO, "outer: %s", e.text);
	cr_expect_str_eq(e.text, "outer: inner");
}

Test(err, too_long_a_text_is_cut_and_the_cause_kept, .timeout = 5)
{
	char word[2000];
	struct err e;

	memset(word, 'a', sizeof word - 1);
	word[sizeof word - 1] = '\0';
	(void)err_set(&e, -EIO, "%s", word);
	cr_expect_eq(strlen(e.text), sizeof e.text - 1);
	(void)err_errno(&e, -ENOENT, "%s", word);
	cr_expect_not_null(strstr(e.text, "a: No such file or directory"));
	(void)err_prefix(&e, "%s", word);
	cr_expect_lt(strlen(e.text), sizeof e.text);
}

Test(err, numbers_have_names, .timeout = 5)
{
	cr_expect_str_eq(err_name(-ENOENT), "ENOENT");
	cr_expect_str_eq(err_name(EAGAIN), "EAGAIN");
	cr_expect_str_eq(err_name(-999), "E999");
}

Test(signame, reads_every_spelling, .timeout = 5)
{
	const struct {
		const char *text;
		int sig;
	} rows[] = {
		{ "SIGTERM", SIGTERM },
		{ "TERM", SIGTERM },
		{ "term", SIGTERM },
		{ "sigterm", SIGTERM },
		{ "15", SIGTERM },
		{ "IOT", SIGABRT },
		{ "CLD", SIGCHLD },
		{ "IO", SIGIO },
		{ "RTMIN", SIGRTMIN },
		{ "RTMIN+3", SIGRTMIN + 3 },
		{ "SIGRTMAX-1", SIGRTMAX - 1 },
		{ "", 0 },
		{ "SIG", 0 },
		{ "SIGSIGTERM", 0 },
		{ "TERMX", 0 },
		{ "TER", 0 },
		{ "0", 0 },
		{ "-15", 0 },
		{ "15 ", 0 },
		{ "65", 0 },
		{ "RTMIN-1", 0 },
		{ "RTMIN+99", 0 },
		{ "RTMIN+", 0 },
		{ "RTMAX-99", 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		cr_expect_eq(signame_parse(rows[i].text), rows[i].sig, "row: \"%s\"",
			rows[i].text);
}

Test(signame, names_read_back_as_their_numbers, .timeout = 5)
{
	cr_expect_str_eq(signame(SIGKILL), "SIGKILL");
	cr_expect_str_eq(signame(SIGRTMIN + 3), "SIGRTMIN+3");
	cr_expect_str_eq(signame(99), "SIG99");
	for (int sig = 1; sig <= SIGRTMAX; sig++)
		if (sig < 32 || sig >= SIGRTMIN)
			cr_expect_eq(
				signame_parse(signame(sig)), sig, "signal %d", sig);
}

static const char *const types[] = { "permanent", "transient", NULL, "temporary" };

Test(names, are_found_exactly, .timeout = 5)
{
	cr_expect_eq(names_find(types, ARRAY_LEN(types), "temporary"), 3);
	cr_expect_eq(names_find(types, ARRAY_LEN(types), "Temporary"), -1);
	cr_expect_eq(names_find(types, ARRAY_LEN(types), ""), -1);
	cr_expect_eq(names_find(types, 0, "temporary"), -1);
}

Test(names, distance_counts_edits_and_swaps, .timeout = 5)
{
	static const struct {
		const char *a;
		const char *b;
		unsigned distance;
	} rows[] = {
		{ "", "", 0 },
		{ "abc", "abc", 0 },
		{ "", "abc", 3 },
		{ "abc", "abd", 1 },
		{ "abc", "acb", 1 },
		{ "start", "strat", 1 },
		{ "restart", "restarts", 1 },
		{ "kitten", "sitting", 3 },
		{ "abcdefgh", "stuvwxyz", 6 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cr_expect_eq(names_distance(rows[i].a, rows[i].b, 5), rows[i].distance,
			"row: %s %s", rows[i].a, rows[i].b);
		cr_expect_eq(names_distance(rows[i].b, rows[i].a, 5), rows[i].distance,
			"row: %s %s", rows[i].b, rows[i].a);
	}
}

Test(names, a_mistyped_name_is_guessed_and_a_strange_one_is_not, .timeout = 5)
{
	static const char *const keys[] = { "id", "type", "start", "restart", "env",
		"cwd", "max_restarts" };
	static const struct {
		const char *typed;
		const char *guess;
	} rows[] = {
		{ "permanant", "" },
		{ "strat", "start" },
		{ "restrat", "restart" },
		{ "maxrestarts", "max_restarts" },
		{ "tpye", "type" },
		{ "evn", "env" },
		{ "x", "" },
		{ "", "" },
		{ "banana", "" },
		{ "start", "start" },
	};
	char long_word[200];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *guess = names_suggest(keys, ARRAY_LEN(keys), rows[i].typed);

		cr_expect_str_eq(guess ? guess : "", rows[i].guess, "row: \"%s\"",
			rows[i].typed);
	}
	cr_expect_str_eq(
		names_suggest(types, ARRAY_LEN(types), "permanant"), "permanent");
	memset(long_word, 'a', sizeof long_word - 1);
	long_word[sizeof long_word - 1] = '\0';
	cr_expect_null(names_suggest(keys, ARRAY_LEN(keys), long_word));
}

Test(names, are_listed_as_in_a_sentence, .timeout = 5)
{
	char buf[64];

	cr_expect_str_eq(names_list(types, 0, buf, sizeof buf), "");
	cr_expect_str_eq(names_list(types, 1, buf, sizeof buf), "permanent");
	cr_expect_str_eq(
		names_list(types, 2, buf, sizeof buf), "permanent or transient");
	cr_expect_str_eq(names_list(types, ARRAY_LEN(types), buf, sizeof buf),
		"permanent, transient or temporary");
	cr_expect_str_eq(names_list(types, ARRAY_LEN(types), buf, 12), "permanent, ");
}

Test(clock, writes_dates_in_utc_with_milliseconds, .timeout = 5)
{
	static const struct {
		int64_t ns;
		const char *text;
	} rows[] = {
		{ 0, "1970-01-01T00:00:00.000Z" },
		{ -1, "1969-12-31T23:59:59.999Z" },
		{ 951782400 * SEC_NS, "2000-02-29T00:00:00.000Z" },
		{ 951868800 * SEC_NS, "2000-03-01T00:00:00.000Z" },
		{ 1795226400 * SEC_NS + 123456789, "2026-11-21T02:00:00.123Z" },
		{ 4107542399 * SEC_NS, "2100-02-28T23:59:59.000Z" },
		{ 4107542400 * SEC_NS, "2100-03-01T00:00:00.000Z" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char buf[25];

		cr_expect_str_eq(
			clock_rfc3339(rows[i].ns, buf, sizeof buf), rows[i].text);
	}
}

Test(clock, monotonic_time_does_not_go_back, .timeout = 5)
{
	int64_t first = clock_now();

	cr_expect_gt(first, 0);
	cr_expect_geq(clock_now(), first);
	cr_expect_gt(clock_wall(), 1500000000 * SEC_NS);
}
