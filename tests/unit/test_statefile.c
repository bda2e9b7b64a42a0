/* A state file is one whole state at any moment, and keeps what it was besides. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "otp/statefile.h"

static char dir[] = "/tmp/kick-statefile-XXXXXX";

static void set_up(void)
{
	cr_assert(mkdtemp(dir));
	cr_assert(chdir(dir) == 0);
}

static void tear_down(void)
{
	DIR *d = opendir(dir);
	const struct dirent *e;

	while (d && (e = readdir(d)))
		(void)unlinkat(dirfd(d), e->d_name,
			strncmp(e->d_name, "dir", 3) == 0 ? AT_REMOVEDIR : 0);
	(void)closedir(d);
	(void)rmdir(dir);
}

TestSuite(statefile, .init = set_up, .fini = tear_down);

/* Static until the next call. */
static const char *in_dir(const char *name)
{
	static char path[400];

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static void put(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	cr_assert(fd >= 0 && fd_write_all(fd, text, strlen(text)) == 0);
	(void)close(fd);
}

static void check_file(const char *name, const char *text)
{
	autoclose int fd = open(name, O_RDONLY | O_CLOEXEC);
	autofree char *is = NULL;
	size_t n;

	cr_assert(fd >= 0, "%s", name);
	cr_assert(fd_read_all(fd, 1000, &is, &n) == 0);
	cr_expect_str_eq(is, text);
}

static int names(void)
{
	DIR *d = opendir(".");
	int n = 0;

	while (readdir(d))
		n++;
	(void)closedir(d);
	return n - 2;
}

static int look(struct statefile *f, const char *name)
{
	autofree char *text = NULL;
	size_t n;

	*f = (struct statefile){ .unsure = false };
	return statefile_open(f, in_dir(name), 100, &text, &n);
}

Test(statefile, what_was_written_is_read)
{
	struct statefile f = { .unsure = false };
	autofree char *text = (char *)(uintptr_t) "?";
	struct stat st;
	struct err err;
	size_t n;

	cr_assert(statefile_open(&f, in_dir("f"), 100, &text, &n) == 0);
	cr_expect(!text, "there is no file");
	cr_assert(statefile_write(&f, "one", 3, &err) == 0, "%s", err.text);
	cr_assert(statefile_write(&f, "two", 3, &err) == 0, "%s", err.text);
	check_file("f", "two\n");
	cr_assert(stat("f", &st) == 0);
	cr_expect((st.st_mode & 07777) == 0600, "mode %o", st.st_mode);
	cr_expect(names() == 1, "something is left beside it");
	cr_assert(statefile_open(&f, in_dir("f"), 100, &text, &n) == 0);
	cr_expect(n == 4 && strcmp(text, "two\n") == 0);
}

Test(statefile, the_old_file_stays_open_and_whole)
{
	struct statefile f;
	struct err err;
	autoclose int fd = -1;
	char text[10] = "";

	put("f", "old\n");
	fd = open("f", O_RDONLY | O_CLOEXEC);
	cr_assert(look(&f, "f") == 0);
	cr_assert(statefile_write(&f, "new", 3, &err) == 0);
	cr_expect(read(fd, text, sizeof text - 1) == 4);
	cr_expect_str_eq(text, "old\n", "it was written in place");
}

Test(statefile, mode_and_owner_stay)
{
	struct statefile f;
	struct stat st;
	struct err err;
	bool root = geteuid() == 0;

	put("f", "old\n");
	cr_assert(!root || chown("f", 41001, 41002) == 0);
	cr_assert(chmod("f", 0640) == 0);
	cr_assert(look(&f, "f") == 0);
	cr_assert(statefile_write(&f, "new", 3, &err) == 0, "%s", err.text);
	cr_assert(stat("f", &st) == 0);
	cr_expect((st.st_mode & 07777) == 0640, "mode %o", st.st_mode);
	cr_expect(!root || (st.st_uid == 41001 && st.st_gid == 41002));
}

Test(statefile, a_link_leads_to_the_file)
{
	struct statefile f;
	struct stat st;
	struct err err;

	put("target", "old\n");
	cr_assert(symlink("target", "f") == 0);
	cr_assert(look(&f, "f") == 0);
	cr_assert(statefile_write(&f, "new", 3, &err) == 0);
	cr_assert(lstat("f", &st) == 0);
	cr_expect(S_ISLNK(st.st_mode), "the link was replaced");
	check_file("target", "new\n");

	/* Its end is made. */
	cr_assert(symlink("target2", "g") == 0);
	cr_assert(look(&f, "g") == 0);
	cr_assert(statefile_write(&f, "new2", 4, &err) == 0);
	check_file("target2", "new2\n");

	/* Not one that came later. */
	cr_assert(look(&f, "h") == 0);
	cr_assert(symlink("target", "h") == 0);
	cr_expect(statefile_write(&f, "new3", 4, &err) < 0);
	check_file("target", "new\n");
	cr_expect(names() == 5, "something is left beside them");
}

Test(statefile, what_cannot_be_read_is_told_apart_from_what_is_not_there)
{
	struct statefile f;
	char name[NAME_MAX + 2];

	cr_expect(look(&f, "none") == 0);
	cr_expect(look(&f, "none/f") == -ENOENT);
	cr_assert(mkdir("dir", 0700) == 0);
	cr_expect(look(&f, "dir") == -EINVAL);
	cr_assert(mkfifo("fifo", 0600) == 0);
	cr_expect(look(&f, "fifo") == -EINVAL);
	cr_assert(symlink("loop", "loop") == 0);
	cr_expect(look(&f, "loop") == -ELOOP);
	put("file", "x");
	cr_expect(look(&f, "file/f") == -ENOTDIR);
	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	cr_expect(look(&f, name) == -ENAMETOOLONG);
	put("long",
		"1234567890123456789012345678901234567890123456789012345678901234567890"
		"12345678901234567890123456789012345678901234567890");
	cr_expect(look(&f, "long") == -EFBIG);
}

Test(statefile, what_killed_writes_have_left_goes_and_nothing_else)
{
	static const char *const stay[] = { "f", "f.tmp-", "f.tmp-12345",
		"f.tmp-1234567", "f.tmp-12345g", "g.tmp-123456", "f.tmp.123456" };
	struct statefile f;

	for (size_t i = 0; i < ARRAY_LEN(stay); i++)
		put(stay[i], "x");
	put("f.tmp-0123af", "half");
	put("f.tmp-ffffff", "");
	cr_assert(symlink("g", "f.tmp-aaaaaa") == 0);
	cr_assert(look(&f, "f") == 0);
	for (size_t i = 0; i < ARRAY_LEN(stay); i++)
		cr_expect(access(stay[i], F_OK) == 0, "%s", stay[i]);
	cr_expect(names() == ARRAY_LEN(stay) + 1);
}

Test(statefile, a_write_that_fails_leaves_what_was)
{
	struct statefile f;
	struct err err = { 0 };
	char name[NAME_MAX + 1];

	/* No room for the longer name beside it. */
	memset(name, 'x', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	put(name, "old\n");
	cr_assert(look(&f, name) == 0);
	cr_expect(statefile_write(&f, "new", 3, &err) == -ENAMETOOLONG);
	cr_expect(strstr(err.text, "cannot write /"), "%s", err.text);
	check_file(name, "old\n");
	cr_expect(!f.unsure);
	cr_expect(names() == 1);
}
