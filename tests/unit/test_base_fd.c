/* Descriptors, cleanups and the last words of a bug. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/fd.h"
#include "base/macro.h"

static int open_null(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	cr_assert_geq(fd, 0);
	return fd;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

Test(fd, close_keeps_errno_and_gives_a_bad_descriptor, .timeout = 5)
{
	int fd = open_null();

	errno = ENOTTY;
	cr_expect_eq(fd_close(fd), -EBADF);
	cr_expect_eq(errno, ENOTTY);
	cr_expect_not(is_open(fd));
	errno = ENOTTY;
	cr_expect_eq(fd_close(-1), -EBADF);
	cr_expect_eq(fd_close(fd), -EBADF);
	cr_expect_eq(errno, ENOTTY);
}

Test(fd, an_autoclose_variable_closes_unless_it_was_stolen_from, .timeout = 5)
{
	int kept = -1;
	int dropped = -1;

	{
		autoclose int a = open_null();
		autoclose int b = open_null();

		dropped = a;
		kept = fd_steal(&b);
		cr_expect_eq(b, -EBADF);
	}
	cr_expect_not(is_open(dropped));
	cr_expect(is_open(kept));
	(void)fd_close(kept);
}

Test(fd, an_autofree_variable_keeps_errno, .timeout = 5)
{
	errno = ENOTTY;
	{
		autofree char *text = strdup("x");
		autofree int *none = NULL;

		cr_expect_not_null(text);
		cr_expect_null(none);
	}
	cr_expect_eq(errno, ENOTTY);
}

Test(fd, nonblock_is_turned_on_and_off, .timeout = 5)
{
	autoclose int fd = open_null();

	cr_expect_eq(fd_nonblock(fd, 1), 0);
	cr_expect(fcntl(fd, F_GETFL) & O_NONBLOCK);
	cr_expect_eq(fd_nonblock(fd, 0), 0);
	cr_expect_not(fcntl(fd, F_GETFL) & O_NONBLOCK);
	cr_expect_eq(fd_nonblock(-1, 1), -EBADF);
}

Test(fd, a_file_is_read_whole_up_to_its_bound, .timeout = 10)
{
	static const struct {
		size_t size;
		size_t max;
		int r;
	} rows[] = {
		{ 0, 0, 0 },
		{ 0, 100, 0 },
		{ 1, 0, -EFBIG },
		{ 100, 100, 0 },
		{ 101, 100, -EFBIG },
		{ 4095, 4095, 0 },
		{ 4096, 1 << 20, 0 },
		{ 100000, 1 << 20, 0 },
		{ 100000, 99999, -EFBIG },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		autoclose int fd = memfd_create("test", MFD_CLOEXEC);
		autofree char *bytes = malloc(rows[i].size + 1);
		autofree char *data = NULL;
		size_t len = 0;

		cr_assert_not_null(bytes);
		memset(bytes, 'k', rows[i].size);
		cr_assert_eq(fd_write_all(fd, bytes, rows[i].size), 0);
		cr_assert_eq(lseek(fd, 0, SEEK_SET), 0);
		cr_expect_eq(fd_read_all(fd, rows[i].max, &data, &len), rows[i].r,
			"row: %zu of %zu", rows[i].size, rows[i].max);
		if (rows[i].r < 0) {
			cr_expect_null(data);
			continue;
		}
		cr_expect_eq(len, rows[i].size);
		cr_expect_eq(data[len], '\0');
		cr_expect_eq(memcmp(data, bytes, len), 0);
	}
}

Test(fd, what_cannot_be_read_or_written_is_an_error, .timeout = 5)
{
	autoclose int dir = open("/", O_RDONLY | O_CLOEXEC);
	char *data = NULL;
	size_t len;

	cr_expect_eq(fd_read_all(dir, 100, &data, &len), -EISDIR);
	cr_expect_eq(fd_write_all(dir, "x", 1), -EBADF);
	cr_expect_null(data);
}

Test(fd, write_goes_on_after_short_counts, .timeout = 10)
{
	enum {
		SIZE = 1 << 20
	};
	autofree char *bytes = calloc(1, SIZE);
	size_t got = 0;
	int ends[2];
	int status;
	pid_t pid;

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		/* More than a pipe holds: the writer waits until the other side reads.
		 */
		(void)close(ends[0]);
		_exit(fd_write_all(ends[1], bytes, SIZE) == 0 ? 0 : 1);
	}
	(void)close(ends[1]);
	for (;;) {
		ssize_t n = read(ends[0], bytes, 5000);

		if (n <= 0)
			break;
		got += (size_t)n;
	}
	(void)close(ends[0]);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect_eq(status, 0);
	cr_expect_eq(got, SIZE);
}

/* Runs the claim in a child whose stderr is a pipe; returns what it wrote. */
static size_t last_words(const char *word, char *text, size_t size, int *ret_status)
{
	size_t len = 0;
	int ends[2];
	pid_t pid;

	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		(void)signal(SIGABRT, SIG_DFL);
		(void)dup2(ends[1], STDERR_FILENO);
		if (!word)
			KICK_ASSERT(ends[0] == -1);
		KICK_BUG("%s", word);
	}
	(void)close(ends[1]);
	while (len < size - 1) {
		ssize_t n = read(ends[0], text + len, size - 1 - len);

		if (n <= 0)
			break;
		len += (size_t)n;
	}
	text[len] = '\0';
	(void)close(ends[0]);
	cr_assert_eq(waitpid(pid, ret_status, 0), pid);
	return len;
}

Test(bug, says_where_and_what_in_one_line_and_aborts, .timeout = 10)
{
	char text[4096];
	char word[2000];
	int status = 0;
	size_t len;

	len = last_words("two copies of web", text, sizeof text, &status);
	cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	cr_expect_not_null(strstr(text, "test_base_fd.c:"));
	cr_expect_not_null(strstr(text, ": two copies of web\n"));

	(void)last_words(NULL, text, sizeof text, &status);
	cr_expect_not_null(strstr(text, "not true: ends[0] == -1\n"));

	memset(word, 'a', sizeof word - 1);
	word[sizeof word - 1] = '\0';
	len = last_words(word, text, sizeof text, &status);
	cr_expect_gt(len, 0);
	cr_expect_eq(text[len - 1], '\n', "a long claim ends with its newline too");
}
