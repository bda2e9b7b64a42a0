/* The samples and the programs of libkick's manual pages: each ends with 0, says what
 * is written beside it, and leaves no process and no file. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/macro.h"

#define FILE_MAX (1 << 20)
#define RUN_SECONDS 30
#define PAGES_MAX 32

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

static const char *out_dir(void)
{
	const char *out = getenv("KICK_OUT");

	return out ? out : "build";
}

/* --- running ------------------------------------------------------------------------
 */

static char scratch[64];

static void begin(void)
{
	(void)snprintf(scratch, sizeof scratch, "/tmp/kick-samples-XXXXXX");
	cr_assert(mkdtemp(scratch));
	cr_assert(setenv("TMPDIR", scratch, 1) == 0);
	/* What a sample leaves behind comes to this process. */
	cr_assert(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
}

/* Nothing may be left: rmdir fails then. */
static void expect_nothing_left(void)
{
	siginfo_t info = { 0 };

	cr_expect(waitid(P_ALL, 0, &info, WEXITED | WNOHANG) < 0 && errno == ECHILD,
		"a process is left");
	cr_expect(rmdir(scratch) == 0, "files are left in %s: %s", scratch,
		strerror(errno));
}

_Noreturn static void become(char *const argv[], int out)
{
	static const struct rlimit none = { 0, 0 };

	/* It ends with the test, whatever ends that. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)dup2(out, STDOUT_FILENO);
	(void)dup2(out, STDERR_FILENO);
	(void)execvp(argv[0], argv);
	_exit(127);
}

/* Reads until all who could write have gone. False: that took too long. */
static bool collect(int fd, struct buf *said)
{
	int64_t end = clock_now() + RUN_SECONDS * SEC_NS;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char chunk[4096];
	ssize_t n;

	for (;;) {
		int64_t left = end - clock_now();

		if (left <= 0 || poll(&p, 1, (int)(left / MSEC_NS) + 1) == 0)
			return false;
		n = read(fd, chunk, sizeof chunk);
		if (n <= 0)
			return n == 0;
		buf_add(said, chunk, (size_t)n);
	}
}

/* Its status as waitpid(2) gives it, what it has said in *said. */
static int run(char *const argv[], struct buf *said)
{
	int ends[2], status = -1;
	bool done;
	pid_t pid;

	cr_assert(pipe2(ends, O_CLOEXEC) == 0);
	pid = fork();
	cr_assert(pid >= 0);
	if (pid == 0)
		become(argv, ends[1]);
	(void)fd_close(ends[1]);
	done = collect(ends[0], said);
	if (!done)
		(void)kill(pid, SIGKILL);
	cr_assert(waitpid(pid, &status, 0) == pid);
	(void)fd_close(ends[0]);
	cr_assert(done, "%s has not ended within %d s; it has said:\n%s", argv[0],
		RUN_SECONDS, buf_text(said));
	return status;
}

static void expect_says(const char *program, const char *wanted)
{
	char path[4096];
	char *argv[] = { path, NULL };
	struct buf said;
	int status;

	buf_init(&said, 0);
	(void)snprintf(path, sizeof path, "%s", program);
	status = run(argv, &said);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s: status %#x",
		program, (unsigned)status);
	cr_expect(strcmp(buf_text(&said), wanted) == 0,
		"%s should say:\n%s\nit says:\n%s", program, wanted, buf_text(&said));
	buf_done(&said);
}

/* --- tests/samples ------------------------------------------------------------------
 */

static void check_sample(const char *name)
{
	char program[4096], out[128];

	(void)snprintf(program, sizeof program, "%s/samples/%s", out_dir(), name);
	(void)snprintf(out, sizeof out, "tests/samples/%s.out", name);
	autofree char *wanted = read_tree(out);

	expect_says(program, wanted);
	expect_nothing_left();
}

#define SAMPLES(X)              \
	X(application)          \
	X(bank_account)         \
	X(calculator)           \
	X(calculator_server)    \
	X(chat)                 \
	X(clock)                \
	X(counter)              \
	X(course_tree)          \
	X(disk_counter)         \
	X(egg_timer)            \
	X(graceful)             \
	X(job_queue)            \
	X(kickstarter)          \
	X(long_init)            \
	X(rock_paper_scissors)  \
	X(sequence)             \
	X(services_supervisor)  \
	X(stack)                \
	X(super_duper_dynamic)  \
	X(super_duper_static)   \
	X(supervised_clock)     \
	X(supervised_counter)   \
	X(supervised_egg_timer) \
	X(supervised_stack)

#define X(name)                                                                    \
	Test(samples, name##_does_what_its_out_says, .init = begin, .timeout = 60) \
	{                                                                          \
		check_sample(#name);                                               \
	}
SAMPLES(X)
#undef X

Test(samples, each_file_there_is_run, .timeout = 5)
{
	static const char *const names[] = {
#define X(name) #name ".c",
		SAMPLES(X)
#undef X
	};
	char path[4096];
	const struct dirent *e;
	DIR *dir = opendir(in_tree("tests/samples", path, sizeof path));
	size_t n = 0;

	cr_assert(dir);
	while ((e = readdir(dir))) {
		size_t len = strlen(e->d_name);
		bool found = false;

		if (len < 2 || strcmp(e->d_name + len - 2, ".c") != 0)
			continue;
		for (size_t i = 0; i < ARRAY_LEN(names); i++)
			found = found || strcmp(e->d_name, names[i]) == 0;
		cr_expect(found, "nobody runs %s", e->d_name);
		n++;
	}
	(void)closedir(dir);
	cr_expect(n == ARRAY_LEN(names));
}

/* --- the pages' programs ------------------------------------------------------------
 */

/* mdoc's literal text as it is meant: "\e" is a backslash, "\&" nothing. */
static char *unescape(const char *from, const char *end)
{
	char *text = malloc((size_t)(end - from) + 1), *to = text;

	cr_assert(text);
	for (; from < end; from++) {
		if (*from != '\\')
			*to++ = *from;
		else if (*++from == 'e')
			*to++ = '\\';
		else
			cr_assert(*from == '&', "\\%c in a program", *from);
	}
	*to = '\0';
	return text;
}

/* The next literal block, *at behind it; the caller frees it. */
static char *next_literal(const char **at)
{
	const char *start = strstr(*at, "\n.Bd -literal"), *end;

	cr_assert(start);
	start = strchr(start + 1, '\n') + 1;
	end = strstr(start, "\n.Ed\n");
	cr_assert(end);
	*at = end;
	return unescape(start, end + 1);
}

/* What the library was built with, its users need when they are linked. */
static const char *variant_flags(void)
{
	const char *slash = strrchr(out_dir(), '/');

	if (slash && strcmp(slash, "/asan") == 0)
		return "-fsanitize=address,undefined";
	return slash && strcmp(slash, "/cov") == 0 ? "-lgcov" : "";
}

/* As C17, with all that is usual among warnings, and none given. */
static void compile(const char *source, const char *program)
{
	char lib[4096], file[128], command[8192];
	char *argv[] = { (char[]){ "sh" }, (char[]){ "-c" }, command, NULL };
	struct buf said;
	int fd, status;

	(void)snprintf(file, sizeof file, "%s/example.c", scratch);
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	cr_assert(fd >= 0 && fd_write_all(fd, source, strlen(source)) == 0);
	(void)fd_close(fd);

	(void)snprintf(command, sizeof command,
		"${CC:-cc} -std=c17 -Wall -Wextra -Wpedantic -Werror -I'%s' '%s' "
		"-o '%s' -L'%s' -Wl,-Bstatic -lkick -Wl,-Bdynamic -lcjson -lm %s",
		in_tree("lib", lib, sizeof lib), file, program, out_dir(),
		variant_flags());
	buf_init(&said, 0);
	status = run(argv, &said);
	cr_assert(status == 0 && said.len == 0, "%s", buf_text(&said));
	buf_done(&said);
	(void)unlink(file);
}

/* The first literal block of EXAMPLES is a program, the second what it prints. */
static void check_page(const char *name)
{
	char program[128];
	autofree char *page = read_tree(name);
	const char *at = strstr(page, "\n.Sh EXAMPLES\n");

	cr_assert(at);
	autofree char *source = next_literal(&at);
	autofree char *wanted = next_literal(&at);

	(void)snprintf(program, sizeof program, "%s/example", scratch);
	compile(source, program);
	expect_says(program, wanted);
	(void)unlink(program);
	expect_nothing_left();
}

#define PAGES(X)            \
	X(kick_agent)       \
	X(kick_application) \
	X(kick_gen_server)  \
	X(kick_registry)    \
	X(kick_send)        \
	X(kick_spawn)       \
	X(kick_supervisor)  \
	X(kick_task)        \
	X(libkick)

#define X(name)                                                                    \
	Test(manual, name##_3_has_a_program_that_does_what_it_says, .init = begin, \
		.timeout = 90)                                                     \
	{                                                                          \
		check_page("man/" #name ".3");                                     \
	}
PAGES(X)
#undef X

static bool is_page(const char *file)
{
	static const char *const names[] = {
#define X(name) #name ".3",
		PAGES(X)
#undef X
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(file, names[i]) == 0)
			return true;
	return false;
}

/* All of section 3. */
static size_t read_pages(char *pages[PAGES_MAX])
{
	char path[4096], name[300];
	const struct dirent *e;
	DIR *dir = opendir(in_tree("man", path, sizeof path));
	size_t n = 0;

	cr_assert(dir);
	while ((e = readdir(dir))) {
		size_t len = strlen(e->d_name);

		if (len < 2 || strcmp(e->d_name + len - 2, ".3") != 0)
			continue;
		cr_assert(n < PAGES_MAX);
		cr_expect(
			is_page(e->d_name), "nobody runs the program of %s", e->d_name);
		(void)snprintf(name, sizeof name, "man/%s", e->d_name);
		pages[n++] = read_tree(name);
	}
	(void)closedir(dir);
	return n;
}

/* Whether one of the pages has it in its SYNOPSIS. */
static bool in_synopsis(char *const pages[], size_t n, const char *name, int len)
{
	char line[80];

	(void)snprintf(line, sizeof line, "\n.Fn %.*s ", len, name);
	for (size_t i = 0; i < n; i++) {
		const char *synopsis = strstr(pages[i], "\n.Sh SYNOPSIS\n");
		const char *at = synopsis ? strstr(synopsis, line) : NULL;

		if (at && at < strstr(synopsis, "\n.Sh DESCRIPTION\n"))
			return true;
	}
	return false;
}

Test(manual, each_function_of_kick_h_is_in_a_page, .timeout = 5)
{
	char *pages[PAGES_MAX];
	autofree char *header = read_tree("lib/kick.h");
	size_t n_pages = read_pages(pages), n = 0;

	for (const char *at = header; (at = strstr(at, "\nKICK_API ")); n++) {
		const char *open = strchr(at, '('), *start = open;

		cr_assert(open);
		while (strchr("abcdefghijklmnopqrstuvwxyz0123456789_", start[-1]))
			start--;
		cr_expect(in_synopsis(pages, n_pages, start, (int)(open - start)),
			"no page has %.*s", (int)(open - start), start);
		at = open;
	}
	cr_expect(n > 40, "%zu functions", n);
	for (size_t i = 0; i < n_pages; i++)
		free(pages[i]);
}
