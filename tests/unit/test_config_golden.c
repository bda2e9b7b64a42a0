/* Every file in tests/data/good is accepted, every one in tests/data/bad is refused
 * with exactly the messages beside it. Run in the project's root, or with
 * KICK_TESTS_DATA. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/macro.h"
#include "config/load.h"

static void enter_data(const char *dir)
{
	const char *data = getenv("KICK_TESTS_DATA");

	cr_assert_eq(chdir(data ? data : "tests/data"), 0, "no test data here");
	cr_assert_eq(chdir(dir), 0);
}

static char *expected_of(const char *json)
{
	size_t stem = strlen(json) - strlen(".json");
	char name[256], *text;
	size_t len;
	int fd;

	(void)snprintf(name, sizeof name, "%.*s.err", (int)stem, json);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	cr_assert(fd >= 0, "%s is missing", name);
	cr_assert_eq(fd_read_all(fd, 1 << 20, &text, &len), 0);
	fd_close(fd);
	return text;
}

static void check_bad(const char *file)
{
	autofree char *expected = expected_of(file);
	void *block = (void *)1;
	size_t size = 7;
	struct buf diag;

	buf_init(&diag, 0);
	cr_expect_eq(config_load(file, &diag, &block, &size), -EINVAL, "row: %s", file);
	cr_expect(block == (void *)1 && size == 7, "row: %s: written on failure", file);
	cr_expect_str_eq(buf_text(&diag), expected, "row: %s\ngot:\n%swanted:\n%s",
		file, buf_text(&diag), expected);
	buf_done(&diag);
}

Test(config_golden, each_mistake_draws_its_message, .timeout = 60)
{
	glob_t found;

	enter_data("bad");
	cr_assert_eq(glob("*.json", 0, NULL, &found), 0);
	cr_assert_gt(found.gl_pathc, 100);
	for (size_t i = 0; i < found.gl_pathc; i++)
		check_bad(found.gl_pathv[i]);
	globfree(&found);
}

/* Read again, the text of a worker gives the same worker. */
static void check_round_trip(
	const struct sup_policy *sup, const struct child_spec *c, const char *file)
{
	struct buf text, diag;
	void *block;
	size_t size;

	buf_init(&text, 0);
	buf_init(&diag, 0);
	spec_to_json(c, &text);
	cr_assert_eq(config_load_child(buf_text(&text), text.len, "/", sup, NULL, true,
			     &diag, &block, &size),
		0, "%s: %s: %s", file, buf_text(&text), buf_text(&diag));
	cr_expect_eq(spec_compare(c, spec_block_child(block)), SPEC_SAME, "%s: %s",
		file, buf_text(&text));
	free(block);
	buf_done(&text);
	buf_done(&diag);
}

static void check_tree(const struct sup_spec *sup, const char *file)
{
	for (uint32_t i = 0; i < sup->n_children; i++) {
		const struct child_spec *c = spec_child(sup, i);

		/* The list of a supervisor is not part of its own specification. */
		if (!spec_sup(c) || spec_sup(c)->policy.dynamic)
			check_round_trip(&sup->policy, c, file);
		if (spec_sup(c))
			check_tree(spec_sup(c), file);
	}
}

static void check_good(const char *file)
{
	const struct config *cf;
	struct buf diag;
	void *block;
	size_t size;

	buf_init(&diag, 0);
	cr_assert_eq(config_load(file, &diag, &block, &size), 0, "row: %s:\n%s", file,
		buf_text(&diag));
	cr_expect_null(strstr(buf_text(&diag), ": error: "), "row: %s", file);
	cr_expect_eq(config_verify(block, size), 0, "row: %s", file);
	cf = block;
	check_tree(spec_sup(&cf->top), file);
	buf_clear(&diag);
	cr_expect_eq(config_plan(cf, cf, &diag), 0, "row: %s", file);
	free(block);
	buf_done(&diag);
}

Test(config_golden, good_files_are_accepted_and_round_trip, .timeout = 60)
{
	glob_t found;

	enter_data("good");
	cr_assert_eq(glob("*.json", 0, NULL, &found), 0);
	cr_assert_geq(found.gl_pathc, 5);
	for (size_t i = 0; i < found.gl_pathc; i++)
		check_good(found.gl_pathv[i]);
	globfree(&found);
}

Test(config_golden, files_that_cannot_be_read_say_why, .timeout = 10)
{
	static const struct {
		const char *file;
		int r;
		const char *text;
	} rows[] = {
		{ ".", -EISDIR, ".: error: cannot be read: Is a directory\n" },
		{ "none.json", -ENOENT,
			"none.json: error: cannot be read: No such file or "
			"directory\n" },
	};

	enter_data("good");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf diag;
		void *block;
		size_t size;

		buf_init(&diag, 0);
		cr_expect_eq(config_load(rows[i].file, &diag, &block, &size), rows[i].r,
			"row: %s", rows[i].file);
		cr_expect_str_eq(
			buf_text(&diag), rows[i].text, "row: %s", rows[i].file);
		buf_done(&diag);
	}
}
