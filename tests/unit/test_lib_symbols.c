/* libkick as others use it: the symbols of libkick.so are the functions of kick.h, the
 * header compiles as C17 and C++17 wherever it is included, and nothing is printed. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "support/nodetest.h"

TestSuite(lib_symbols, .timeout = 120);

static const char *out_dir(void)
{
	const char *out = getenv("KICK_OUT");

	return out ? out : "build";
}

/* A file of the tree that this file was compiled from. */
static const char *in_tree(const char *name, char *path, size_t size)
{
	const char *tests = strstr(__FILE__, "tests/unit/");

	cr_assert(tests);
	(void)snprintf(path, size, "%.*s%s", (int)(tests - __FILE__), __FILE__, name);
	return path;
}

/* What is printed; the caller frees it. *ret_status: of the shell. */
KICK_PRINTF(2, 3)
static char *run(int *ret_status, const char *fmt, ...)
{
	char command[4096], *text = NULL;
	size_t size = 0, n;
	va_list args;
	FILE *pipe, *copy = open_memstream(&text, &size);

	va_start(args, fmt);
	cr_assert(vsnprintf(command, sizeof command, fmt, args) < (int)sizeof command);
	va_end(args);
	pipe = popen(command, "re");
	cr_assert(pipe && copy);
	while ((n = fread(command, 1, sizeof command, pipe)) > 0)
		(void)fwrite(command, 1, n, copy);
	*ret_status = pclose(pipe);
	(void)fclose(copy);
	return text;
}

/* --- symbols ------------------------------------------------------------------------
 */

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

struct names {
	char *all[512];
	size_t n;
};

static void add(struct names *names, const char *start, size_t len)
{
	cr_assert(names->n < ARRAY_LEN(names->all));
	names->all[names->n++] = strndup(start, len);
}

static void sort(struct names *names)
{
	qsort(names->all, names->n, sizeof names->all[0], compare);
}

/* The first name before a parenthesis after each KICK_API. */
static void read_header(struct names *ret)
{
	char path[4096];
	int status;
	char *text = run(&status, "cat '%s'", in_tree("lib/kick.h", path, sizeof path));
	const char *p = text;

	cr_assert_eq(status, 0);
	while ((p = strstr(p, "\nKICK_API "))) {
		const char *end = strchr(p, '('), *start = end;

		cr_assert(end);
		while (isalnum((unsigned char)start[-1]) || start[-1] == '_')
			start--;
		add(ret, start, (size_t)(end - start));
		p = end;
	}
	free(text);
	sort(ret);
}

static void read_library(struct names *ret)
{
	int status;
	char *save = NULL,
	     *text = run(&status, "nm -D --defined-only -P '%s/libkick.so'", out_dir());

	cr_assert_eq(status, 0, "nm: %s", text);
	for (char *line = strtok_r(text, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save))
		add(ret, line, strcspn(line, " @"));
	free(text);
	sort(ret);
}

Test(lib_symbols, the_library_shows_what_the_header_declares)
{
	static struct names header, library;

	read_header(&header);
	read_library(&library);
	cr_assert(header.n > 100, "%zu functions are declared", header.n);
	for (size_t i = 0; i < header.n || i < library.n; i++) {
		const char *h = i < header.n ? header.all[i] : "nothing";
		const char *l = i < library.n ? library.all[i] : "nothing";

		cr_assert_str_eq(h, l, "kick.h has %s where libkick.so has %s", h, l);
	}
}

/* --- the header ---------------------------------------------------------------------
 */

static const char unit_a[] = "#include <kick.h>\n"
			     "#include <kick.h>\n"
			     "int other(void);\n"
			     "int main(void) { return other() + kick_alive(kick_self())"
			     " == -1000; }\n";
static const char unit_b[] =
	"#include <kick.h>\n"
	"static const kick_supervisor_options o = KICK_SUPERVISOR_DEFAULTS;\n"
	"int other(void);\n"
	"int other(void) { return o.max_restarts != 3 || KICK_INFINITY != -1; }\n";

static void write_file(const char *dir, const char *name, const char *text)
{
	char path[256];
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "we");
	cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

/* Both units together with the library, then runs the program. */
static void compile(const char *compiler, const char *flags, const char *suffix)
{
	char dir[] = "/tmp/kick-symbols-XXXXXX", lib[4096], name[8], *text;
	int status;

	cr_assert(mkdtemp(dir));
	(void)snprintf(name, sizeof name, "a.%s", suffix);
	write_file(dir, name, unit_a);
	(void)snprintf(name, sizeof name, "b.%s", suffix);
	write_file(dir, name, unit_b);
	text = run(&status,
		"%s %s -Wall -Wextra -Werror -I'%s' -o %s/x %s/a.%s %s/b.%s "
		"-L'%s' -Wl,-rpath,'%s' -l:libkick.so -lcjson 2>&1; s=$?; "
		"rm -f %s/a.%s %s/b.%s; exit $s",
		compiler, flags, in_tree("lib", lib, sizeof lib), dir, dir, suffix, dir,
		suffix, out_dir(), out_dir(), dir, suffix, dir, suffix);
	(void)run(&status, "rm -f %s/x; rmdir %s; exit %d", dir, dir,
		WEXITSTATUS(status));
	cr_assert_eq(status, 0, "%s %s: %s", compiler, flags, text);
	free(text);
}

Test(lib_symbols, the_header_is_c17)
{
	compile("cc", "-std=c17 -pedantic -Wstrict-prototypes -Wundef", "c");
}

Test(lib_symbols, the_header_is_cplusplus17)
{
	int status;

	free(run(&status, "command -v c++"));
	if (status != 0) {
		(void)fprintf(stderr,
			"SKIPPED: lib_symbols::the_header_is_cplusplus17: there is no "
			"C++ compiler\n");
		return;
	}
	compile("c++", "-std=c++17 -pedantic", "cc");
}

/* --- nothing is printed -------------------------------------------------------------
 */

static int answer(kick_server *s, kick_from from, const cJSON *request)
{
	(void)s;
	return kick_reply(from, request);
}

static int start_server(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	static const kick_gen_server callbacks = { .handle_call = answer };
	const kick_start_options o = { .name = "server" };

	return kick_server_start_link(&callbacks, args, &o, ret, why);
}

static int start_failing(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	(void)args;
	(void)ret;
	(void)why;
	return -EIO;
}

static void crash(void *unused)
{
	(void)unused;
	(void)raise(SIGKILL);
}

static cJSON *compute(void *unused)
{
	(void)unused;
	return cJSON_CreateNumber(1);
}

static cJSON *fail(void *unused)
{
	(void)unused;
	kick_raise("boom");
}

static cJSON *work(const cJSON *arg)
{
	return cJSON_Duplicate(arg, true);
}

static cJSON *first_state(cJSON *state, const cJSON *args)
{
	(void)state;
	return cJSON_Duplicate(args, true);
}

static void use_processes(void)
{
	cJSON *null = cJSON_CreateNull();
	kick_pid pid;
	kick_ref ref;

	CHECK_INT(kick_start(), -EALREADY);
	CHECK_INT(kick_trap_exit(true), 0);
	CHECK_INT(kick_spawn_monitor(crash, NULL, &pid, &ref), 0);
	EXPECT_DOWN(ref, pid, "killed");
	CHECK_INT(kick_link(pid), 0);
	EXPECT_EXIT(pid, "noproc");
	CHECK_INT(kick_register("../"), -EINVAL);
	CHECK_INT(kick_send(kick_to_name("nobody"), null), -ESRCH);
	CHECK_INT(kick_call(kick_to_name("nobody"), null, 0, NULL, NULL), -ESRCH);
	CHECK_INT(kick_send_after(0, kick_to(kick_self()), null, NULL), 0);
	kick_message_free(TAKE(match_plain, NULL));
	cJSON_Delete(null);
}

static void use_supervisors(void)
{
	const kick_child_spec good = { .id = "a", .start = start_server };
	const kick_child_spec bad = { .id = "a", .start = start_failing };
	cJSON *null = cJSON_CreateNull();
	kick_pid sup, pid;
	kick_reason why;

	CHECK_INT(kick_supervisor_start_link(NULL, &bad, 1, &sup, &why), -ECANCELED);
	CHECK_INT(kick_supervisor_start_link(NULL, &good, 1, &sup, &why), 0);
	for (int i = 0; i < 4; i++) {
		CHECK_INT(kick_call(kick_to_name("server"), null, NODE_PATIENCE_MS,
				  NULL, NULL),
			0);
		CHECK_INT(kick_whereis("server", &pid), 0);
		CHECK_INT(kick_exit(pid, "kill"), 0);
	}
	EXPECT_EXIT(sup, "shutdown:max_restarts");
	CHECK_INT(kick_dynamic_supervisor_start_link(NULL, &sup, &why), 0);
	CHECK_INT(kick_supervisor_start_child(kick_to(sup), &bad, &pid, &why),
		-ECANCELED);
	CHECK_INT(kick_supervisor_start_child(kick_to(sup), &good, &pid, &why), 0);
	CHECK_INT(kick_supervisor_stop(kick_to(sup)), 0);
	cJSON_Delete(null);
}

static void use_the_rest(void)
{
	cJSON *key = cJSON_CreateString("key");
	kick_supervisor_options o = KICK_SUPERVISOR_DEFAULTS;
	const kick_child_spec part = { .start = start_failing };
	kick_task task;
	kick_reason why;
	kick_pid pid;

	CHECK_INT(kick_task_async(compute, NULL, &task), 0);
	CHECK_INT(kick_task_await(&task, NODE_PATIENCE_MS, NULL, &why), 0);
	CHECK_INT(kick_task_async_nolink(fail, NULL, &task), 0);
	CHECK_INT(kick_task_await(&task, NODE_PATIENCE_MS, NULL, &why), -ECONNRESET);
	CHECK_INT(kick_task_supervisor_start_link(NULL, &pid, &why), 0);
	CHECK_INT(kick_task_supervisor_async(kick_to(pid), work, key, 0, &task), 0);
	CHECK_INT(kick_task_await(&task, NODE_PATIENCE_MS, NULL, &why), 0);
	CHECK_INT(kick_agent_start_link(first_state, key, NULL, &pid, &why), 0);
	CHECK_INT(kick_agent_get(
			  kick_to(pid), first_state, key, NODE_PATIENCE_MS, NULL, &why),
		0);
	CHECK_INT(kick_registry_start_link("reg", KICK_UNIQUE, NULL, 0, &pid, &why), 0);
	CHECK_INT(kick_registry_register("reg", key, NULL, NULL), 0);
	CHECK_INT(kick_registry_register("reg", key, NULL, NULL), -EEXIST);
	CHECK_INT(kick_registry_count("nobody"), -ESRCH);
	o.name = "parts";
	CHECK_INT(kick_partition_supervisor_start_link(&o, &part, 2, NULL, &pid, &why),
		-ECANCELED);
	cJSON_Delete(key);
}

static void be_silent(void)
{
	int fd = open(getenv("TMPDIR"), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	struct stat st;

	CHECK(fd >= 0 || errno == EOPNOTSUPP);
	if (fd < 0)
		fd = memfd_create("output", MFD_CLOEXEC);
	CHECK_INT(dup2(fd, 1), 1);
	CHECK_INT(dup2(fd, 2), 2);
	CHECK_INT(kick_start(), 0);
	use_processes();
	use_supervisors();
	use_the_rest();
	CHECK_INT(fstat(fd, &st), 0);
	CHECK_INT(st.st_size, 0);
}

Test(lib_symbols, nothing_is_printed)
{
	cr_assert_eq(node_run(be_silent, NODE_BARE), 0);
}

/* Whatever is opened then may get the numbers 0 to 2. */
static void be_closed(void)
{
	for (int fd = 0; fd <= 2; fd++)
		(void)close(fd);
	CHECK_INT(kick_start(), 0);
	use_processes();
	use_supervisors();
	use_the_rest();
}

Test(lib_symbols, closed_standard_descriptors_do_no_harm)
{
	cr_assert_eq(node_run(be_closed, NODE_BARE), 0);
}
