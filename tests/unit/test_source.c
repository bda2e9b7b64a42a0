/* From the pipe of a child to a line of ours: pipes, last lines, sinks. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/macro.h"
#include "logger/source.h"

static struct loop *loop;
static struct sink sink;
static struct outputs outputs;
static struct sources sources;
static int sink_pipe[2];
static uint64_t ended_id;
static uint64_t recovered_lines;
static int recovered_error;
static struct timer alarm_timer;
static bool late;

static void on_alarm(struct timer *t, int64_t now)
{
	(void)t;
	(void)now;
	late = true;
}

static void on_ended(void *user, uint64_t id)
{
	(void)user;
	ended_id = id;
}

static void on_drained(struct sink *s)
{
	(void)s;
	sources_resume(&sources);
}

static void on_recovered(struct sink *s, uint64_t lost, int error)
{
	(void)s;
	recovered_lines = lost;
	recovered_error = error;
}

static void open_to(int fd)
{
	cr_assert(loop_new(NULL, NULL, NULL, &loop) == 0);
	sink_init(&sink, loop, fd, "test");
	sink.drained = on_drained;
	sink.recovered = on_recovered;
	sources = (struct sources){
		.loop = loop,
		.outputs = &outputs,
		.sinks = { &sink, &sink },
		.ended = on_ended,
	};
	alarm_timer.call = on_alarm;
}

static void set_up(void)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	cr_assert(pipe2(sink_pipe, O_CLOEXEC) == 0);
	fd_nonblock(sink_pipe[0], 1);
	open_to(sink_pipe[1]);
}

static void tear_down(void)
{
	sources_done(&sources);
	outputs_done(&outputs);
	sink_done(&sink);
	loop_free(loop);
}

TestSuite(source, .init = set_up, .fini = tear_down, .timeout = 20);
TestSuite(sink, .init = set_up, .fini = tear_down, .timeout = 20);
TestSuite(lastlines, .timeout = 10);

static void turn(void)
{
	loop_arm(loop, &alarm_timer, clock_now() + 5 * SEC_NS);
	late = false;
	cr_assert(loop_once(loop) == 0);
	loop_disarm(loop, &alarm_timer);
	if (!sink.blocked)
		sink_flush(&sink);
}

/* A new pipe for path; its writing end. */
static int new_pipe(uint64_t id, uint32_t stream, const char *path)
{
	int fds[2];

	cr_assert(pipe2(fds, O_CLOEXEC) == 0);
	cr_assert(sources_add(&sources, id, fds[0], stream, path) == 0);
	return fds[1];
}

static void write_text(int fd, const char *text)
{
	cr_assert(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

static char *written(void)
{
	static char text[1 << 18];
	ssize_t n = read(sink_pipe[0], text, sizeof text - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

Test(source, passes_whole_lines_on)
{
	static const struct {
		const char *name;
		const char *pieces[4];
		const char *out;
	} rows[] = {
		{ "one line", { "hello\n" }, "a/b | hello\n" },
		{ "two in one piece", { "x\ny\n" }, "a/b | x\na/b | y\n" },
		{ "in pieces", { "he", "ll", "o\nwo", "rld\n" },
			"a/b | hello\na/b | world\n" },
		{ "empty lines", { "\n\n" }, "a/b | \na/b | \n" },
		{ "CR LF", { "dos\r\n", "\r\n", "a\rb\n" },
			"a/b | dos\na/b | \na/b | a\rb\n" },
		{ "CR and LF apart", { "dos\r", "\n" }, "a/b | dos\n" },
		{ "no newline at the end", { "bye" }, "a/b | bye\n" },
		{ "bytes as they are", { "\033[1m\t\xff\n" }, "a/b | \033[1m\t\xff\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int fd = new_pipe(i + 1, 1, "a/b");

		for (size_t k = 0; k < 4 && rows[i].pieces[k]; k++) {
			write_text(fd, rows[i].pieces[k]);
			turn();
		}
		close(fd);
		turn();
		cr_expect_str_eq(written(), rows[i].out, "row: %s", rows[i].name);
		cr_expect(ended_id == i + 1, "row: %s", rows[i].name);
	}
	cr_expect(sources.n == 0);
}

Test(source, passes_a_long_line_on_in_pieces)
{
	static char big[2 * KICK_LINE_MAX + 10];
	char head[64];
	int fd = new_pipe(1, 1, "w");
	const char *out;

	memset(big, 'x', sizeof big);
	cr_assert(write(fd, big, sizeof big) == (ssize_t)sizeof big);
	turn();
	write_text(fd, "\n");
	turn();
	close(fd);
	out = written();
	cr_expect(strlen(out) == sizeof big + 3 * 5);
	for (int i = 0; i < 2; i++) {
		snprintf(head, sizeof head, "w | %.10s", big);
		cr_expect(strncmp(out, head, 14) == 0);
		cr_expect(out[4 + KICK_LINE_MAX] == '\n');
		out += 5 + KICK_LINE_MAX;
	}
	cr_expect_str_eq(out, "w | xxxxxxxxxx\n");
}

/* The reader sees each line once, whole, in order, however slow it is. */
static void check_sequence(const char *bytes, size_t n, unsigned *next)
{
	const char *end = bytes + n;

	for (; bytes < end; (*next)++) {
		const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));
		char line[32];
		int len = snprintf(line, sizeof line, "w | line %u\n", *next);

		cr_assert(newline && newline + 1 - bytes == len &&
				memcmp(bytes, line, (size_t)len) == 0,
			"at line %u", *next);
		bytes = newline + 1;
	}
}

static void flood_through_a_slow_reader(void)
{
	static char all[4 << 20];
	size_t got = 0, wrote = 0, have = 0;
	unsigned lines = 0, next = 0;
	int fd = new_pipe(1, 1, "w");
	static char input[2 << 20];
	bool was_blocked = false;

	while (have < sizeof input - 32)
		have += (size_t)snprintf(input + have, 32, "line %u\n", lines++);
	fd_nonblock(fd, 1);
	while (sources.n > 0 && !late) {
		ssize_t n = write(fd, input + wrote, have - wrote);

		if (n > 0)
			wrote += (size_t)n;
		if (wrote == have && fd >= 0)
			fd = fd_close(fd);
		if (sink.blocked) {
			was_blocked = true;
			n = read(sink_pipe[0], all + got, 30000);
			got += n > 0 ? (size_t)n : 0;
		}
		turn();
	}
	for (;;) {
		ssize_t n = read(sink_pipe[0], all + got, sizeof all - got);

		if (n > 0)
			got += (size_t)n;
		else if (sink_is_empty(&sink))
			break;
		else
			turn();
	}
	cr_expect(was_blocked);
	cr_expect(ended_id == 1);
	check_sequence(all, got, &next);
	cr_expect(next == lines, "%u of %u", next, lines);
}

Test(source, waits_for_a_blocked_sink_and_loses_nothing)
{
	cr_expect(sink.how == SINK_OWN);
	flood_through_a_slow_reader();
}

Test(source, waits_for_a_blocked_sink_that_can_only_be_polled)
{
	fd_close(sink.io.fd);
	sink.io.fd = sink_pipe[1];
	sink.own_fd = false;
	sink.how = SINK_POLLED;
	sink.piece = 4096;
	flood_through_a_slow_reader();
}

Test(source, takes_turns_between_pipes)
{
	int a = new_pipe(1, 1, "a");
	int b = new_pipe(2, 1, "b");
	char line[600];
	int n = 0;

	memset(line, 'x', sizeof line);
	line[sizeof line - 1] = '\n';
	fd_nonblock(a, 1);
	while (write(a, line, sizeof line) == (ssize_t)sizeof line)
		n++;
	write_text(b, "here\n");
	turn();
	cr_expect(n > 50);
	cr_expect(outputs_find(&outputs, "b")->last.n == 1, "one read each a turn");
	close(a);
	close(b);
}

Test(source, catches_up_with_a_child_that_has_ended)
{
	int fd = new_pipe(1, 1, "w");

	write_text(fd, "first\nhalf");
	sources_catch_up(&sources, "w", false);
	sink_flush(&sink);
	cr_expect_str_eq(written(), "w | first\n");
	sources_catch_up(&sources, "w", true);
	sources_catch_up(&sources, "nobody", true);
	write_text(fd, "again\n");
	turn();
	cr_expect_str_eq(written(), "w | half\nw | again\n");
	close(fd);
}

Test(source, finishes_pipes_that_somebody_still_holds)
{
	int fd = new_pipe(1, 1, "w");

	write_text(fd, "a\nlast");
	sources_finish(&sources);
	sink_flush(&sink);
	cr_expect(sources.n == 0);
	cr_expect_str_eq(written(), "w | a\nw | last\n");
	close(fd);
}

Test(source, knows_a_pipe_that_it_has_already)
{
	int fd = new_pipe(5, 1, "w");
	int other = new_pipe(5, 1, "w");

	cr_expect(sources.n == 1);
	cr_expect(write(other, "x", 1) < 0 && errno == EPIPE);
	close(fd);
	close(other);
}

Test(source, remembers_lines_over_pipes_and_forgets_old_paths)
{
	char path[32], text[64];
	int fd;

	for (unsigned i = 0; i < OUTPUTS_CLOSED_MAX + 10; i++) {
		snprintf(path, sizeof path, "jobs/%u", i);
		fd = new_pipe(i + 1, 1, path);
		write_text(fd, "was here\n");
		close(fd);
		turn();
		if (sources.n > 0)
			turn();
		(void)written();
	}
	cr_expect(outputs.n_closed == OUTPUTS_CLOSED_MAX);
	cr_expect_null(outputs_find(&outputs, "jobs/0"));
	fd = new_pipe(9999, 2, path);
	write_text(fd, "is back\n");
	turn();
	cr_expect(outputs_find(&outputs, path)->last.n == 2);
	cr_expect(lastlines_newest(&outputs_find(&outputs, path)->last, text, 5));
	cr_expect_str_eq(text, "is b");
	close(fd);
}

/* --- last lines ----------------------------------------------------------------- */

static unsigned number_of(const struct lastlines *ll, uint32_t at)
{
	char text[LASTLINE_MAX];
	struct lastline line;

	cr_assert(lastlines_next(ll, &at, &line, text));
	return (unsigned)strtoul(text, NULL, 10);
}

Test(lastlines, keeps_the_newest_within_its_bounds)
{
	static const struct {
		const char *name;
		int pad;
		uint32_t kept;
	} rows[] = {
		{ "short ones, by number", 0, KICK_LAST_LINES },
		{ "long ones, by bytes", 1000, KICK_LAST_BYTES / (1006 + 16) },
		{ "longest ones", KICK_LINE_MAX - 6, 1 },
	};
	static char line[KICK_LINE_MAX + 1];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct lastlines ll = { 0 };
		unsigned expected = 500 - rows[i].kept;
		struct lastline found;
		uint32_t at = 0;

		for (unsigned k = 0; k < 500; k++) {
			memset(line, '.', sizeof line);
			snprintf(line, sizeof line, "%05u", k);
			line[5] = '.';
			lastlines_add(&ll, k, 1, line, 6 + (size_t)rows[i].pad);
		}
		cr_expect(ll.n == rows[i].kept, "row: %s: %u", rows[i].name, ll.n);
		cr_expect(ll.cap <= KICK_LAST_BYTES, "row: %s", rows[i].name);
		for (uint32_t before = 0; lastlines_next(&ll, &at, &found, NULL);
			before = at) {
			cr_expect(number_of(&ll, before) == expected++, "row: %s",
				rows[i].name);
			cr_expect(found.seq == expected - 1, "row: %s", rows[i].name);
		}
		lastlines_done(&ll);
	}
}

Test(lastlines, is_small_while_there_is_little)
{
	struct lastlines ll = { 0 };
	char text[16];

	cr_expect_null(ll.data);
	cr_expect_not(lastlines_newest(&ll, text, sizeof text));
	lastlines_add(&ll, 1, 1, "hello", 5);
	lastlines_add(&ll, 2, 1, "  ", 2);
	cr_expect(ll.cap <= 256);
	cr_expect(lastlines_newest(&ll, text, sizeof text));
	cr_expect_str_eq(text, "hello", "a blank line says nothing");
	lastlines_done(&ll);
}

/* --- sinks ---------------------------------------------------------------------- */

static bool put(const char *text, bool urgent)
{
	const struct sink_line line = {
		.prefix = "p: ", .prefix_len = 3, .text = text, .len = strlen(text)
	};

	return sink_put(&sink, &line, urgent);
}

/* --- watches ------------------------------------------------------------------------
 */

static int new_watch(const char *text, uint64_t id)
{
	int ends[2];

	cr_assert(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
	sources_watch(&sources, "a", text, id, ends[1]);
	return ends[0];
}

/* "\n": told; "": the watch is no more; NULL: it still waits. */
static const char *told(int fd)
{
	static char text[8];
	ssize_t n = read(fd, text, sizeof text - 1);

	if (n < 0)
		return NULL;
	text[n] = '\0';
	return text;
}

Test(source, a_watch_is_told_of_the_line_with_its_text)
{
	int watch = new_watch("is up", 1);
	int fd = new_pipe(1, 1, "a"), other = new_pipe(2, 1, "b");

	write_text(other, "is up\n");
	write_text(fd, "is\nup, it is u");
	turn();
	cr_expect_null(told(watch));
	write_text(fd, "p now\n");
	turn();
	cr_expect_str_eq(told(watch), "\n");
	cr_expect_str_eq(told(watch), "");
	write_text(fd, "is up\n");
	turn();
	(void)close(fd);
	(void)close(other);
	(void)close(watch);
}

Test(source, a_watch_is_for_later_pipes_than_those_of_an_earlier_life)
{
	int old = new_pipe(1, 1, "a"), fd, watch;

	write_text(old, "up\n");
	turn();
	watch = new_watch("up", 2);
	write_text(old, "up again\n");
	turn();
	cr_expect_null(told(watch));
	fd = new_pipe(3, 2, "a");
	write_text(fd, "up\n");
	turn();
	cr_expect_str_eq(told(watch), "\n");
	(void)close(old);
	(void)close(fd);
	(void)close(watch);
}

Test(source, a_watch_that_comes_late_finds_what_its_pipe_has_said)
{
	int old = new_pipe(1, 1, "a"), fd, none, watch;

	write_text(old, "down\n");
	turn();
	fd = new_pipe(2, 1, "a");
	write_text(fd, "up\n");
	turn();
	none = new_watch("down", 2);
	cr_expect_null(told(none));
	watch = new_watch("up", 2);
	cr_expect_str_eq(told(none), "", "the later one takes its place");
	cr_expect_str_eq(told(watch), "\n");
	(void)close(old);
	(void)close(fd);
	(void)close(none);
	(void)close(watch);
}

Test(source, a_watch_ends_with_its_output)
{
	int watch = new_watch("up", 1);

	cr_expect_null(told(watch));
	outputs_unwatch(outputs_find(&outputs, "a"));
	cr_expect_str_eq(told(watch), "");
	(void)close(watch);
	watch = new_watch("up", 1);
	outputs_done(&outputs);
	cr_expect_str_eq(told(watch), "");
	(void)close(watch);
}

Test(sink, leaves_the_flags_of_others_alone)
{
	cr_expect(sink.how == SINK_OWN);
	cr_expect(fcntl(sink.io.fd, F_GETFL) & O_NONBLOCK);
	cr_expect_not(fcntl(sink_pipe[1], F_GETFL) & O_NONBLOCK);
}

Test(sink, keeps_room_for_urgent_lines)
{
	static char text[1000];
	int urgent = 0;

	memset(text, 'x', sizeof text - 1);
	while (put(text, false))
		continue;
	cr_expect(sink.blocked);
	while (put(text, true))
		urgent++;
	cr_expect(urgent >= SINK_RESERVE / 1100, "%d", urgent);
	cr_expect(sink.end <= SINK_BYTES);
}

Test(sink, drops_what_nobody_reads_any_more)
{
	close(sink_pipe[0]);
	cr_expect(put("gone", false));
	sink_flush(&sink);
	cr_expect(put("gone", false));
	sink_flush(&sink);
	cr_expect(sink_is_empty(&sink) && !sink.blocked);
	cr_expect(sink.lost == 2);
	cr_expect(sink.error == -EPIPE);
}

Test(sink, says_once_what_a_full_disk_has_cost)
{
	struct rlimit old, low;
	char path[] = "/tmp/kick-test-XXXXXX";
	char text[128] = "";
	int fd = mkostemp(path, O_CLOEXEC);

	unlink(path);
	tear_down();
	open_to(fd);
	cr_expect(sink.how == SINK_FILE);
	put("one", false);
	sink_flush(&sink);
	getrlimit(RLIMIT_FSIZE, &old);
	low = (struct rlimit){ .rlim_cur = 10, .rlim_max = old.rlim_max };
	setrlimit(RLIMIT_FSIZE, &low);
	for (int i = 0; i < 3; i++) {
		put("two", false);
		sink_flush(&sink);
	}
	setrlimit(RLIMIT_FSIZE, &old);
	cr_expect(recovered_error == 0);
	put("three", false);
	sink_flush(&sink);
	cr_expect(recovered_error == -EFBIG);
	cr_expect(recovered_lines == 3, "%d", (int)recovered_lines);
	recovered_error = 0;
	put("four", false);
	sink_flush(&sink);
	cr_expect(recovered_error == 0, "said once");
	cr_assert(pread(fd, text, sizeof text - 1, 0) > 0);
	cr_expect_str_eq(text, "p: one\np: \np: three\np: four\n",
		"the cut line does not run into the next");
	close(fd);
}
