/* One table of verbs, one manual page, one help: none can be changed without the
 * others. The same for options, exit statuses, and the names of the protocol. */
#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../cmd/kick/verbs.h"
#include "base/buf.h"
#include "base/fd.h"
#include "base/macro.h"
#include "control/protocol.h"

#include <fcntl.h>

/* A file of the tree that this file was compiled from; the caller frees it. */
static char *read_tree(const char *name)
{
	char path[4096];
	const char *tests = strstr(__FILE__, "tests/unit/");
	char *text = NULL;
	size_t len;
	int fd;

	cr_assert(tests);
	(void)snprintf(
		path, sizeof path, "%.*s%s", (int)(tests - __FILE__), __FILE__, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	cr_assert(fd >= 0, "%s", path);
	cr_assert(fd_read_all(fd, 1 << 20, &text, &len) == 0);
	fd_close(fd);
	return text;
}

static char *read_page(const char *name)
{
	char path[64];

	(void)snprintf(path, sizeof path, "man/%s", name);
	return read_tree(path);
}

/* The text of one section. */
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

/* Words without brackets, spaces and the names of macros, to compare two spellings. */
static void squeeze(const char *text, char *out, size_t size)
{
	static const char *const macros[] = { "Op", "Oo", "Oc", "Ar", "Ic" };
	size_t n = 0;

	while (*text && n + 1 < size) {
		size_t len = strcspn(text, " []\n");
		bool macro = false;

		for (size_t i = 0; i < ARRAY_LEN(macros); i++)
			macro |= len == 2 && strncmp(text, macros[i], 2) == 0;
		for (size_t i = 0; i < len && !macro && n + 1 < size; i++)
			out[n++] = text[i];
		text += len;
		text += *text ? 1 : 0;
	}
	out[n] = '\0';
}

/* Lines of a section that begin with `start`. */
static size_t count_lines(const char *text, const char *start)
{
	char head[64];
	size_t n = 0;

	(void)snprintf(head, sizeof head, "\n%s", start);
	for (const char *at = text; (at = strstr(at, head)); at++)
		n++;
	return n;
}

Test(verbs, the_manual_page_has_each_verb_with_its_arguments, .timeout = 5)
{
	char *page = read_page("kick.1"), *part = section(page, "VERBS");

	for (size_t i = 0; i < VERB_NVERBS; i++) {
		char head[64], line[256], want[128], got[256];
		const char *at;
		size_t len;

		(void)snprintf(head, sizeof head, "\n.It Ic %s", verbs[i].name);
		at = strstr(part, head);
		cr_assert(at, "%s is not in kick.1", verbs[i].name);
		at += strlen(head);
		cr_expect(*at == ' ' || *at == '\n', "%s", verbs[i].name);
		len = strcspn(at, "\n");
		(void)snprintf(line, sizeof line, "%.*s", (int)len, at);
		squeeze(line, got, sizeof got);
		squeeze(verbs[i].args, want, sizeof want);
		cr_expect_str_eq(got, want, "%s", verbs[i].name);
	}
	cr_expect(count_lines(part, ".It Ic ") == VERB_NVERBS,
		"kick.1 has a verb that the table does not have");
	free(part);
	free(page);
}

Test(verbs, the_manual_page_has_each_option, .timeout = 5)
{
	char *page = read_page("kick.1"), *part = section(page, "OPTIONS");

	for (size_t i = 0; i < OPTION_NOPTIONS; i++) {
		const struct option_row *o = &option_rows[i];
		char want[128], letter[16] = "";

		if (o->letter)
			(void)snprintf(letter, sizeof letter, "Fl %c , ", o->letter);
		(void)snprintf(want, sizeof want, "\n.It %sFl -%s%s%s\n", letter,
			o->name, *o->arg ? " Ar " : "", o->arg);
		cr_expect(strstr(part, want), "kick.1 lacks:%s", want);
	}
	cr_expect(count_lines(part, ".It ") == OPTION_NOPTIONS);
	free(part);
	free(page);
}

Test(verbs, the_manual_page_has_each_exit_status, .timeout = 5)
{
	static const int numbers[] = {
#define X(id, number, text) number,
		STATUSES(X)
#undef X
	};
	char *page = read_page("kick.1"), *part = section(page, "EXIT STATUS");

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		char want[32];

		(void)snprintf(want, sizeof want, "\n.It %d\n", numbers[i]);
		cr_expect(strstr(part, want), "status %d", numbers[i]);
	}
	cr_expect(count_lines(part, ".It ") == ARRAY_LEN(numbers));
	free(part);
	free(page);
}

Test(verbs, help_lists_each_verb_and_option, .timeout = 5)
{
	struct buf out;

	buf_init(&out, 0);
	verbs_help(&out);
	for (size_t i = 0; i < VERB_NVERBS; i++) {
		char want[128];

		(void)snprintf(want, sizeof want, "\n  %s%s%s ", verbs[i].name,
			*verbs[i].args ? " " : "", verbs[i].args);
		cr_expect(strstr(buf_text(&out), want), "help lacks %s", verbs[i].name);
		cr_expect(strstr(buf_text(&out), verbs[i].help), "%s", verbs[i].name);
	}
	for (size_t i = 0; i < OPTION_NOPTIONS; i++) {
		char want[64];

		(void)snprintf(want, sizeof want, "--%s", option_rows[i].name);
		cr_expect(strstr(buf_text(&out), want), "help lacks %s", want);
	}
	buf_done(&out);
}

Test(verbs, help_on_a_verb_shows_its_own_options_only, .timeout = 5)
{
	struct buf out;

	buf_init(&out, 0);
	verb_help_page(&out, verb_find("log"));
	cr_expect(strstr(buf_text(&out), "usage: kick log NAME..."));
	cr_expect(strstr(buf_text(&out), "--follow"));
	cr_expect(!strstr(buf_text(&out), "--for"));
	buf_done(&out);
}

Test(verbs, every_row_can_be_run_and_found, .timeout = 5)
{
	for (size_t i = 0; i < VERB_NVERBS; i++) {
		cr_expect(verbs[i].run, "%s", verbs[i].name);
		cr_expect(verb_find(verbs[i].name) == &verbs[i], "%s", verbs[i].name);
		cr_expect(verbs[i].min <= verbs[i].max, "%s", verbs[i].name);
		cr_expect(!verb_is_planned(verbs[i].name), "%s", verbs[i].name);
	}
	cr_expect(!verb_find("stat"));
	cr_expect_str_eq(verb_suggest("stauts"), "status");
	cr_expect(verb_is_planned("top"));
}

Test(verbs, the_protocol_page_has_each_method_and_error_code, .timeout = 5)
{
	static const char *const methods[] = {
#define X(id, name, reader, who) name,
		PROTOCOL_METHODS(X)
#undef X
	};
	static const int codes[] = {
#define X(id, number, text) number,
		PROTOCOL_ERRORS(X)
#undef X
	};
	static const char *const of_kick[] = { "METHODS OF SUPERVISORS",
		"METHODS OF THE LOGGER" };
	char *page = read_page("kick-protocol.5");
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
		char want[64];

		(void)snprintf(want, sizeof want, "\n.It Ic %s", methods[i]);
		cr_expect(strstr(page, want), "kick-protocol.5 lacks %s", methods[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(of_kick); i++) {
		char *part = section(page, of_kick[i]);

		n += count_lines(part, ".It Ic ");
		free(part);
	}
	cr_expect(n == ARRAY_LEN(methods));
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		char want[64];

		(void)snprintf(want, sizeof want, "\n.It %d\n", codes[i]);
		cr_expect(strstr(page, want), "kick-protocol.5 lacks %d", codes[i]);
	}
	free(page);
}

/* The methods of a program's socket are a table of its own. */
Test(verbs, the_protocol_page_has_each_method_of_programs, .timeout = 5)
{
	char *page = read_page("kick-protocol.5");
	char *part = section(page, "METHODS OF PROGRAMS");
	char *source = read_tree("lib/control/nodeouter.c");
	const char *at = strstr(source, " methods[] = {\n");
	size_t n = 0;

	cr_assert(at);
	for (at = strchr(at, '\n') + 1; strncmp(at, "\t{ \"", 4) == 0 &&
		strncmp(strchr(at, ',') + 2, "do_in_code", 10) != 0;
		at = strchr(at, '\n') + 1) {
		char want[64];
		bool reader = strncmp(strchr(at, ',') + 2, "do_", 3) == 0 &&
			strncmp(strchr(strchr(at, ',') + 1, ',') + 2, "true", 4) == 0;

		(void)snprintf(want, sizeof want, "\n.It Ic %.*s",
			(int)strcspn(at + 4, "\""), at + 4);
		cr_expect(strstr(part, want), "kick-protocol.5 lacks%s", want);
		n++;
		cr_expect(reader == (n <= 6), "%s: readers", want);
	}
	cr_expect(n == 10);
	cr_expect(count_lines(part, ".It Ic ") == n);
	free(source);
	free(part);
	free(page);
}
