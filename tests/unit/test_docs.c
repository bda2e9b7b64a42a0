/* What the documents say is held to what the code has: exit statuses, messages, the
 * rules and differences of OTP, examples, targets and files. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/macro.h"
#include "config/load.h"

#define FILE_MAX (4 << 20)

/* A file of the tree that this file was compiled from. */
static const char *in_tree(const char *name, char *path, size_t size)
{
	const char *tests = strstr(__FILE__, "tests/unit/");

	cr_assert(tests);
	(void)snprintf(path, size, "%.*s%s", (int)(tests - __FILE__), __FILE__, name);
	return path;
}

/* The caller frees it. */
static char *read_tree(const char *name)
{
	char path[4096];
	char *text = NULL;
	size_t len;
	int fd = open(in_tree(name, path, sizeof path), O_RDONLY | O_CLOEXEC);

	cr_assert(fd >= 0, "%s", path);
	cr_assert(fd_read_all(fd, FILE_MAX, &text, &len) == 0);
	(void)fd_close(fd);
	return text;
}

/* The text of one section of a manual page; the caller frees it. */
static char *section(const char *page, const char *title)
{
	char head[64];
	const char *start, *end;

	(void)snprintf(head, sizeof head, "\n.Sh %s\n", title);
	start = strstr(page, head);
	cr_assert(start, "no section %s", title);
	start += strlen(head) - 1;
	end = strstr(start, "\n.Sh ");
	return strndup(start, end ? (size_t)(end - start) + 1 : strlen(start));
}

static size_t count_lines(const char *text, const char *start)
{
	char head[64];
	size_t n = 0;

	(void)snprintf(head, sizeof head, "\n%s", start);
	for (const char *at = text; (at = strstr(at, head)); at++)
		n++;
	return n;
}

/* --- kickd(8) -----------------------------------------------------------------------
 */

Test(docs, kickd_8_lists_each_exit_status_and_no_other, .timeout = 5)
{
	autofree char *header = read_tree("cmd/kickd/status.h");
	autofree char *page = read_tree("man/kickd.8");
	autofree char *part = section(page, "EXIT STATUS");
	size_t n = 0;

	for (const char *at = header; (at = strstr(at, "\tSTATUS_")); at++) {
		const char *equals = strchr(at, '=');
		char line[32];

		cr_assert(equals);
		(void)snprintf(
			line, sizeof line, "\n.It %ld\n", strtol(equals + 1, NULL, 10));
		cr_expect(strstr(part, line), "row: %.40s", at + 1);
		n++;
	}
	cr_expect(n > 0);
	/* One more row: the statuses that auto_shutdown hands up. */
	cr_expect(count_lines(part, ".It ") == n + 1);
}

/* A message changes in the code and in the page, or in neither. */
Test(docs, kickd_8_explains_each_message, .timeout = 5)
{
	static const struct {
		const char *file;
		const char *text;
	} rows[] = {
		{ "cmd/kickd/main.c", "which configuration file?" },
		{ "cmd/kickd/main.c", "one configuration file, please, not also" },
		{ "cmd/kickd/main.c", "--shutdown takes a duration as 8s or 500ms" },
		{ "cmd/kickd/main.c", "which command, after " },
		{ "cmd/kickd/main.c", "--check is for a configuration; after " },
		{ "cmd/kickd/main.c", "--map-exit is for one command, as in " },
		{ "cmd/kickd/main.c", "--map-exit takes two exit statuses (0 to 255)" },
		{ "cmd/kickd/command.c", "no such program in PATH" },
		{ "cmd/kickd/command.c", "the file is there, but not its interpreter" },
		{ "cmd/kickd/command.c", "no process for it: " },
		{ "cmd/kickd/main.c", "cannot read " },
		{ "cmd/kickd/main.c", "is not a configuration that can be " },
		{ "cmd/kickd/rundir.c", " belongs to uid " },
		{ "cmd/kickd/rundir.c", "others may write to the runtime directory" },
		{ "cmd/kickd/rundir.c", "create the runtime directory" },
		{ "cmd/kickd/rundir.c", "open the runtime directory" },
		{ "cmd/kickd/rundir.c", "chmod the runtime directory" },
		{ "cmd/kickd/rundir.c", "resolve the runtime directory" },
		{ "cmd/kickd/rundir.c", " is longer than " },
		{ "cmd/kickd/rundir.c", " is in use by kickd with pid " },
		{ "cmd/kickd/rundir.c", "an earlier kickd in " },
		{ "cmd/kickd/rundir.c", "create the lock in" },
		{ "cmd/kickd/rundir.c", "write the lock in" },
		{ "cmd/kickd/confproc.c", "name cannot be changed by a reload" },
		{ "cmd/kickd/confproc.c",
			"cannot be changed by a reload; start kickd " },
		{ "cmd/kickd/kickstarter.c", "cannot set up in " },
		{ "cmd/kickd/kickstarter.c", " up in " },
		{ "cmd/kickd/kickstarter.c", " is up again (" },
		{ "cmd/kickd/kickstarter.c", "cannot start the top supervisor: " },
		{ "cmd/kickd/kickstarter.c", "; ending with status " },
		{ "cmd/kickd/kickstarter.c", "; starting it anew in " },
		{ "cmd/kickd/kickstarter.c", ": killing what is left" },
		{ "cmd/kickd/kickstarter.c", "ends, as a significant child has" },
		{ "cmd/kickd/kickstarter.c", "; starting it anew\"" },
		{ "cmd/kickd/kickstarter.c", ": stopping\"" },
		{ "cmd/kickd/kickstarter.c",
			"has not stopped within its shutdown time" },
		{ "cmd/kickd/kickstarter.c", " reloaded\"" },
		{ "cmd/kickd/kickstarter.c",
			" could not be started; see: kick status" },
		{ "cmd/kickd/kickstarter.c", "configuration not reloaded, nothing" },
		{ "cmd/kickd/kickstarter.c", "cannot reload: no process for reading" },
		{ "lib/otp/report.c", "; starting it again" },
		{ "lib/otp/report.c", " is tried again" },
		{ "lib/otp/report.c", "ends normally right after each start: if" },
		{ "lib/otp/report.c", "; it is not started again" },
		{ "lib/otp/report.c", " did not start: " },
		{ "lib/otp/report.c", "cannot start; stopping what it had started" },
		{ "lib/otp/report.c", " gives up: " },
		{ "lib/otp/report.c", " did not stop within " },
		{ "lib/otp/worker.c", " cannot be started: " },
		{ "lib/otp/worker.c", "cannot execute " },
		{ "lib/otp/worker.c", "cannot change to directory " },
		{ "lib/logger/announcer.c", " left out" },
	};
	autofree char *page = read_tree("man/kickd.8");
	autofree char *part = section(page, "DIAGNOSTICS");

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		autofree char *code = read_tree(rows[i].file);

		cr_expect(strstr(code, rows[i].text), "%s: %s", rows[i].file,
			rows[i].text);
		cr_expect(strstr(part, rows[i].text), "kickd(8): %s", rows[i].text);
	}
}

/* --- kick(7) ------------------------------------------------------------------------
 */

Test(docs, kick_7_names_each_difference_from_otp, .timeout = 5)
{
	static const char *const otp[] = {
		"1 in 5 s (Erlang), 3 in 5 s (Elixir)",
		"restart times in whole seconds",
		"no infinite intensity, no delay",
		("while a supervisor stops, those below it that wait for their turn go on "
		 "restarting"),
		"a failed restart is tried again at once",
		"a stopped child comes back in its siblings' group restart",
		"a child that ends 0 after the stop order has reason \"normal\"",
		"a killed supervisor's replacement may overlap its dying children",
		"an unlinked child's death goes unnoticed",
		"unknown keys are ignored",
		"EXIT from a stranger never stops a supervisor",
		"code change adds new ids stopped and keeps missing ones",
		"a temporary child is forgotten when it ends",
		"dynamic ids may repeat",
		"an exit while siblings start is queued until all are up",
		"a failed start in a group leaves those after it out",
		"a failed start at boot takes back what was started",
		"a socket is closed with the process that opened it",
		"a child is one process",
		"a server that hangs is up",
		("a partition supervisor that is made smaller keeps the "
		 "specifications"),
		"an id is any term",
	};
	autofree char *page = read_tree("man/kick.7");
	autofree char *part = section(page, "DIFFERENCES FROM OTP");

	for (size_t i = 0; i < ARRAY_LEN(otp); i++) {
		char row[128];

		(void)snprintf(row, sizeof row, "\nT{\n%s\nT}\t", otp[i]);
		cr_expect(strstr(part, row), "row: %s", otp[i]);
	}
	cr_expect(count_lines(part, "T{\n") == ARRAY_LEN(otp));
}

/* tests/conformance.md points from each rule to its tests; the rule itself is here. */
Test(docs, kick_7_has_each_rule_that_the_tests_name, .timeout = 5)
{
	autofree char *tests = read_tree("tests/conformance.md");
	autofree char *page = read_tree("man/kick.7");
	autofree char *part = section(page, "RULES");
	size_t n = 0;

	for (const char *at = tests; (at = strstr(at, "\n| ")); at++) {
		size_t letters = strspn(at + 3, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
		size_t digits = strspn(at + 3 + letters, "-0123456789");
		char line[64];

		if (letters == 0 || digits < 2)
			continue;
		(void)snprintf(line, sizeof line, "\n.It %.*s\n",
			(int)(letters + digits), at + 3);
		cr_expect(strstr(part, line), "rule: %s", line + 5);
		n++;
	}
	cr_expect(n > 100);
	cr_expect(count_lines(part, ".It ") == n);
}

/* --- tests/conformance.md -----------------------------------------------------------
 */

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Whether the file that FILE stands for has a test NAME; "FILE:NAME" begins at ref and
 * `colon` is in it. */
static bool is_test(const char *ref, const char *colon)
{
	size_t len = 0;
	char file[128], path[4096];
	int n = (int)(colon - ref);

	while (is_word(colon[1 + len]))
		len++;
	(void)snprintf(file, sizeof file, "tests/%s/test_%.*s.c",
		strncmp(ref, "it_", 3) == 0 ? "it" : "unit", n, ref);
	if (access(in_tree(file, path, sizeof path), F_OK) < 0)
		return false;
	autofree char *code = read_tree(file);

	for (const char *at = code; (at = strchr(at, ',')); at++) {
		const char *is = at + 1 + strspn(at + 1, " \n\t");

		if (strncmp(is, colon + 1, len) == 0 && is[len] &&
			strchr(",)", is[len]))
			return true;
	}
	return false;
}

/* How many tests the text of a row names; each has to exist. */
static size_t count_tests(const char *row)
{
	size_t n = 0;

	for (const char *at = row; (at = strchr(at, ':')); at++) {
		const char *ref = at;

		while (ref > row && is_word(ref[-1]))
			ref--;
		if (ref == at || !is_word(at[1]))
			continue;
		cr_expect(is_test(ref, at), "there is no test %.*s",
			(int)strcspn(ref, " ,;"), ref);
		n++;
	}
	return n;
}

/* `NAME` after config_golden is a file that it reads. */
static void expect_bad_files(const char *row)
{
	const char *at = strstr(row, "config_golden:");
	const char *end = at ? strchr(at, ')') : NULL;

	for (at = at ? strchr(at, '`') : NULL; at && at < end;
		at = strchr(strchr(at + 1, '`') + 1, '`')) {
		char file[128], path[4096];

		(void)snprintf(file, sizeof file, "tests/data/bad/%.*s.err",
			(int)strcspn(at + 1, "`"), at + 1);
		cr_expect(access(in_tree(file, path, sizeof path), F_OK) == 0, "%s",
			file);
	}
}

/* Each rule and each case has a test, or a reason why it has none. */
Test(docs, conformance_md_names_a_test_or_a_reason_for_each_row, .timeout = 20)
{
	static const char *const reasons[] = { "| cannot be: ",
		"| benchmark (`make bench`)" };
	autofree char *page = read_tree("tests/conformance.md");
	size_t n = 0;

	for (const char *at = page; (at = strstr(at, "\n| ")); at++) {
		autofree char *row = strndup(at + 1, strcspn(at + 1, "\n"));
		const char *where = strstr(row + 2, " | ");
		bool reason = false;

		cr_assert(where, "%s", row);
		if (strcmp(where, " | where |") == 0)
			continue;
		for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
			reason |=
				strncmp(where + 1, reasons[i], strlen(reasons[i])) == 0;
		cr_expect(count_tests(where) > 0 || reason,
			"neither a test nor a reason: %s", row);
		expect_bad_files(where);
		n++;
	}
	cr_expect(n > 250, "%zu rows", n);
}

/* --- tests/traps.md -----------------------------------------------------------------
 */

/* The source of a suite, by the table at the page's end; the caller frees it. */
static char *source_of_suite(const char *page, const char *suite, int len)
{
	char row[64], name[128];
	const char *at;

	(void)snprintf(row, sizeof row, "\n| %.*s | `", len, suite);
	at = strstr(page, row);
	cr_assert(at, "no file for suite %.*s", len, suite);
	at += strlen(row);
	(void)snprintf(name, sizeof name, "%.*s", (int)strcspn(at, "`"), at);
	return read_tree(name);
}

/* Whether there is HEAD NAME in it, perhaps on two lines. */
static bool has_head(const char *code, const char *head, const char *name, size_t len)
{
	for (const char *at = code; (at = strstr(at, head)); at++) {
		const char *is = at + strlen(head);

		is += strspn(is, " \n\t");
		if (strncmp(is, name, len) == 0 && strchr(",)", is[len]))
			return true;
	}
	return false;
}

/* A test of this suite; BOX_CASE(NAME, ...) is one of it_container. */
static bool has_test(const char *code, const char *suite, const char *name, size_t len)
{
	char head[80];

	(void)snprintf(head, sizeof head, "(%s,", suite);
	return has_head(code, head, name, len) ||
		(strcmp(suite, "it_container") == 0 &&
			has_head(code, "BOX_CASE(", name, len));
}

/* `SUITE/NAME` is a test; `tests/...` is a file. */
Test(docs, tests_that_traps_md_names_exist, .timeout = 10)
{
	autofree char *page = read_tree("tests/traps.md");
	size_t n = 0;

	for (const char *at = page, *end; (at = strchr(at, '`')); at = end + 1) {
		int len = (int)strcspn(at + 1, "`/ \n");
		const char *name = at + 1 + len + 1;
		char suite[64];

		end = strchr(at + 1, '`');
		cr_assert(end);
		if (at[1 + len] != '/' || strncmp(at, "`tests/", 7) == 0 ||
			at[1] == 'S')
			continue;
		(void)snprintf(suite, sizeof suite, "%.*s", len, at + 1);
		autofree char *code = source_of_suite(page, suite, len);

		cr_expect(has_test(code, suite, name, (size_t)(end - name)),
			"there is no test %.*s", (int)(end - at - 1), at + 1);
		n++;
	}
	cr_expect(n > 80, "%zu tests", n);
}

/* Each row is numbered, and has a test or says why there is none. */
Test(docs, traps_md_has_each_fact_and_each_trap, .timeout = 5)
{
	static const struct {
		char letter;
		int n;
	} rows[] = { { 'K', 58 }, { 'P', 18 }, { 'C', 38 } };
	autofree char *page = read_tree("tests/traps.md");

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char head[32];

		for (int k = 1; k <= rows[i].n; k++) {
			const char *at, *where;

			(void)snprintf(
				head, sizeof head, "\n| %c%d | ", rows[i].letter, k);
			at = strstr(page, head);
			cr_assert(at, "no %c%d", rows[i].letter, k);
			where = strstr(at + strlen(head), " | ");
			cr_expect(where &&
					(strncmp(where, " | `", 4) == 0 ||
						strncmp(where, " | **", 5) == 0),
				"%c%d has no test and no reason", rows[i].letter, k);
		}
		(void)snprintf(head, sizeof head, "| %c", rows[i].letter);
		cr_expect(count_lines(page, head) == (size_t)rows[i].n);
	}
}

Test(docs, traps_md_names_each_test_that_was_written_for_it, .timeout = 5)
{
	static const struct {
		const char *file, *head, *suite;
	} rows[] = {
		{ "tests/unit/test_traps.c", "\nTest(traps,", "traps" },
		{ "tests/it/test_it_traps.c", "\nCASE(it_traps,", "it_traps" },
		{ "tests/it/test_it_pitfalls.c", "\nCASE(it_pitfalls,", "it_pitfalls" },
	};
	autofree char *page = read_tree("tests/traps.md");

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		autofree char *code = read_tree(rows[i].file);
		size_t n = 0;

		for (const char *at = code; (at = strstr(at, rows[i].head)); n++) {
			char want[160];

			at += strlen(rows[i].head);
			at += strspn(at, " \n\t");
			(void)snprintf(want, sizeof want, "`%s/%.*s`", rows[i].suite,
				(int)strcspn(at, ",)"), at);
			cr_expect(strstr(page, want), "%s is not there", want);
		}
		cr_expect(n > 5, "%s: %zu tests", rows[i].file, n);
	}
}

static int load(const char *file, struct buf *diag)
{
	void *block = NULL;
	size_t size;
	int r = config_load(file, diag, &block, &size);

	free(block);
	return r;
}

static void expect_loads(const char *text, size_t len)
{
	char file[] = "/tmp/kick-docs-XXXXXX";
	struct buf diag;
	int fd = mkstemp(file);

	cr_assert(fd >= 0);
	buf_init(&diag, 0);
	cr_assert(fd_write_all(fd, text, len) == 0);
	cr_expect(load(file, &diag) == 0, "%.*s\n%s", (int)len, text, buf_text(&diag));
	cr_expect(diag.len == 0, "%s", buf_text(&diag));
	(void)unlink(file);
	(void)fd_close(fd);
	buf_done(&diag);
}

/* Every literal text that is an object is a configuration that loads without a word. */
Test(docs, examples_of_the_pages_load, .timeout = 10)
{
	static const struct {
		const char *page;
		size_t n;
	} rows[] = { { "man/kick.7", 10 }, { "man/kick.json.5", 1 } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		autofree char *page = read_tree(rows[i].page);
		size_t n = 0;

		for (const char *at = page; (at = strstr(at, "\n{\n")); at++) {
			const char *end = strstr(at, "\n.Ed\n");

			cr_assert(end);
			expect_loads(at + 1, (size_t)(end - at));
			n++;
		}
		cr_expect(n == rows[i].n, "%s: %zu examples", rows[i].page, n);
	}
}

/* A recipe is more than a configuration that loads: a test does what it says. */
Test(docs, each_recipe_of_kick_7_is_carried_out_by_a_test, .timeout = 5)
{
	autofree char *page = read_tree("man/kick.7");
	autofree char *part = section(page, "EXAMPLES");
	autofree char *tests = read_tree("tests/it/test_it_recipes.c");
	size_t n = 0;

	for (const char *at = part, *next; (at = strstr(at, "\n.Ss ")); at = next) {
		int len = (int)strcspn(at + 5, "\n");
		char call[100];

		next = at + 5 + len;
		if (strncmp(at + 5, "One program", 11) == 0)
			continue; /* no configuration: tests/it/test_it_command.c */
		(void)snprintf(call, sizeof call, "recipe(\"%.*s\")", len, at + 5);
		cr_expect(strstr(tests, call), "nobody calls %s", call);
		n++;
	}
	cr_expect(n == 10, "%zu recipes", n);
}

/* --- README -------------------------------------------------------------------------
 */

Test(docs, sample_json_loads, .timeout = 5)
{
	char path[4096];
	struct buf diag;

	buf_init(&diag, 0);
	cr_expect(load(in_tree("sample.json", path, sizeof path), &diag) == 0, "%s",
		buf_text(&diag));
	cr_expect(diag.len == 0, "%s", buf_text(&diag));
	buf_done(&diag);
}

Test(docs, targets_that_readme_names_exist, .timeout = 5)
{
	autofree char *readme = read_tree("README.md");
	autofree char *makefile = read_tree("Makefile");
	size_t n = 0;

	for (const char *at = readme; (at = strstr(at, "make ")); at++) {
		size_t len = strspn(at + 5, "abcdefghijklmnopqrstuvwxyz-");
		char rule[64];

		/* A command begins a line, or stands in back quotes or after another.
		 */
		if (at == readme || !strchr("\n`& ", at[-1]) || len == 0 ||
			(at[-1] == ' ' && strncmp(at - 5, "sudo ", 5) != 0 &&
				strncmp(at - 3, "&& ", 3) != 0))
			continue;
		(void)snprintf(rule, sizeof rule, "\n%.*s:", (int)len, at + 5);
		cr_expect(strstr(makefile, rule), "make %.*s", (int)len, at + 5);
		n++;
	}
	cr_expect(n >= 8, "%zu targets", n);
}

Test(docs, files_that_readme_names_exist, .timeout = 5)
{
	static const char *const tops[] = { "`lib/", "`cmd/", "`tests/", "`man/" };
	autofree char *readme = read_tree("README.md");
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(tops); i++)
		for (const char *at = readme; (at = strstr(at, tops[i])); at++) {
			char name[256], path[4096];

			(void)snprintf(name, sizeof name, "%.*s",
				(int)strcspn(at + 1, "` "), at + 1);
			cr_expect(access(in_tree(name, path, sizeof path), F_OK) == 0,
				"%s", name);
			n++;
		}
	cr_expect(n >= 15, "%zu files", n);
}

/* "not there yet" must not grow old: what README calls refused is refused. */
Test(docs, what_readme_calls_missing_is_refused, .timeout = 5)
{
	static const struct {
		const char *readme;
		const char *key;
	} rows[] = {
		{ "log files", "\"log\": { \"to\": \"file:x\" }" },
	};
	autofree char *readme = read_tree("README.md");
	const char *part = strstr(readme, "\n## Not there yet\n");

	cr_assert(part);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[256], file[] = "/tmp/kick-docs-XXXXXX";
		struct buf diag;
		int fd = mkstemp(file);
		int n = snprintf(text, sizeof text,
			"{\"name\": \"a\", \"children\": [{\"id\": \"b\", "
			"\"start\": [\"c\"], %s}]}",
			rows[i].key);

		cr_assert(fd >= 0);
		buf_init(&diag, 0);
		cr_assert(fd_write_all(fd, text, (size_t)n) == 0);
		cr_expect(strstr(part, rows[i].readme), "README: %s", rows[i].readme);
		cr_expect(load(file, &diag) < 0, "loads: %s", rows[i].key);
		cr_expect(strstr(buf_text(&diag), "is not supported yet"), "%s",
			buf_text(&diag));
		(void)unlink(file);
		(void)fd_close(fd);
		buf_done(&diag);
	}
}
