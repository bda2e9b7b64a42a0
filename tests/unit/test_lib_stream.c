/* libkick: many tasks, so many at a time. The rule TASK-7 of OTP. */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "support/nodetest.h"

TestSuite(lib_stream, .timeout = 120);

/* What all processes of the node see. */
static struct shared {
	atomic_int running, most, begun;
} * shared;

static kick_pid tester;

static void share(void)
{
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(shared != MAP_FAILED);
	tester = kick_self();
}

/* A number to double, or a text that says what to do instead: raise REASON, never,
 * first (goes on when "last" is run). */
static cJSON *work(void *arg)
{
	const char *text = arg;
	int n = atomic_fetch_add(&shared->running, 1) + 1, most = shared->most;
	kick_dest first = kick_to_name("first");
	cJSON *go = NULL;

	while (most < n && !atomic_compare_exchange_weak(&shared->most, &most, n))
		continue;
	atomic_fetch_add(&shared->begun, 1);
	if (strncmp(text, "raise ", 6) == 0)
		kick_raise(text + 6);
	if (strcmp(text, "never") == 0)
		idle_pausing(NULL);
	if (strcmp(text, "first") == 0) {
		CHECK_INT(kick_register("first"), 0);
		kick_message_free(TAKE(match_plain, NULL));
		CHECK_INT(kick_unregister("first"), 0);
	}
	if (strcmp(text, "last") == 0) {
		go = cJSON_CreateTrue();
		while (kick_send(first, go) < 0)
			continue;
		cJSON_Delete(go);
	}
	atomic_fetch_sub(&shared->running, 1);
	return cJSON_CreateNumber(2 * atoi(text));
}

struct seen {
	size_t n, halt;
	struct one {
		size_t i;
		int r, number;
		char why[KICK_REASON_SIZE];
	} of[64];
};

static bool note(size_t i, int r, const cJSON *ret, const char *why, void *user)
{
	struct seen *s = user;
	struct one *o = &s->of[s->n];

	CHECK(s->n < ARRAY_LEN(s->of));
	CHECK_PID(kick_self(), tester);
	o->i = i;
	o->r = r;
	o->number = cJSON_IsNumber(ret) ? ret->valueint : -1;
	(void)snprintf(o->why, sizeof o->why, "%s", why ? why : "");
	return ++s->n != s->halt;
}

static struct seen seen;

static int stream(const char *const *texts, size_t n, const kick_stream_options *o)
{
	void *args[64] = { NULL };
	int r;

	CHECK(n <= ARRAY_LEN(args));
	for (size_t i = 0; i < n; i++) {
		args[i] = strdup(texts[i]);
		CHECK(args[i]);
	}
	seen = (struct seen){ .halt = seen.halt };
	r = kick_task_async_stream(work, args, n, o, note, &seen);
	for (size_t i = 0; i < n; i++)
		free(args[i]);
	return r;
}

static int count_of(const char *what)
{
	cJSON *info = kick_info(kick_self());
	const cJSON *item = cJSON_GetObjectItem(info, what);
	int n = cJSON_IsArray(item) ? cJSON_GetArraySize(item) : item->valueint;

	cJSON_Delete(info);
	return n;
}

static void expect_nothing_left(const char *file, int line)
{
	node_expect_silence(file, line);
	node_check_int(file, line, "links", count_of("links"), 0);
	node_check_int(file, line, "monitors", count_of("monitors"), 0);
}
#define EXPECT_NOTHING_LEFT() expect_nothing_left(__FILE__, __LINE__)

static const char *const numbers[] = { "0", "1", "2", "3", "4", "5", "6", "7", "8", "9",
	"10", "11" };
enum {
	N = ARRAY_LEN(numbers)
};

NODE_TEST(lib_stream, task_07_so_many_at_a_time_and_in_order)
{
	share();
	CHECK_INT(kick_trap_exit(true), 0);
	for (size_t k = 1; k <= 16; k *= 2) {
		const kick_stream_options o = { .max_concurrency = k };

		shared->most = 0;
		CHECK_INT(stream(numbers, N, &o), 0);
		CHECK_INT(seen.n, N);
		for (size_t i = 0; i < N; i++) {
			CHECK_INT(seen.of[i].i, i);
			CHECK_INT(seen.of[i].r, 0);
			CHECK_INT(seen.of[i].number, 2 * i);
		}
		CHECK(shared->most >= 1 && shared->most <= (int)k);
		/* Nothing is left of them, not even to one that traps exits. */
		EXPECT_NOTHING_LEFT();
	}
}

NODE_TEST(lib_stream, task_07_defaults)
{
	share();
	CHECK_INT(stream(numbers, N, NULL), 0);
	CHECK_INT(seen.n, N);
	CHECK(shared->most <= sysconf(_SC_NPROCESSORS_ONLN));
	CHECK_INT(
		stream(numbers, N, &(kick_stream_options){ .max_concurrency = 0 }), 0);
	CHECK_INT(seen.n, N);
	CHECK_INT(stream(NULL, 0, NULL), 0);
	CHECK_INT(seen.n, 0);
	EXPECT_NOTHING_LEFT();
}

NODE_TEST(lib_stream, task_07_the_slowest_first)
{
	static const char *const texts[] = { "first", "1", "2", "3", "last" };
	kick_stream_options o = { .max_concurrency = 2 };

	share();
	CHECK_INT(stream(texts, 5, &o), 0);
	for (size_t i = 0; i < 5; i++)
		CHECK_INT(seen.of[i].i, i);
	o.unordered = true;
	CHECK_INT(stream(texts, 5, &o), 0);
	CHECK_INT(seen.n, 5);
	/* The first one is not waited for. */
	CHECK_INT(seen.of[0].i, 1);
	CHECK_INT(seen.of[1].i, 2);
	CHECK_INT(seen.of[2].i, 3);
	EXPECT_NOTHING_LEFT();
}

NODE_TEST(lib_stream, task_07_crashes_are_told_to_one_that_traps_exits)
{
	static const char *const texts[] = { "0", "raise kaboom", "2", "raise normal",
		"raise shutdown", "5" };

	share();
	CHECK_INT(kick_trap_exit(true), 0);
	for (size_t k = 1; k <= 8; k *= 2) {
		const kick_stream_options o = { .max_concurrency = k };

		CHECK_INT(stream(texts, 6, &o), 0);
		CHECK_INT(seen.n, 6);
		for (size_t i = 0; i < 6; i++) {
			const char *why = strchr(texts[i], ' ');

			CHECK_INT(seen.of[i].i, i);
			CHECK_INT(seen.of[i].r, why ? -ECONNRESET : 0);
			CHECK_TEXT(seen.of[i].why, why ? why + 1 : "");
		}
		EXPECT_NOTHING_LEFT();
	}
}

static void stream_a_crash(void *unused)
{
	static const char *const texts[] = { "never", "raise kaboom", "2" };
	const kick_stream_options o = { .max_concurrency = 2,
		.timeout_ms = KICK_INFINITY };

	(void)unused;
	tester = kick_self();
	(void)stream(texts, 3, &o);
	idle_receiving(NULL);
}

NODE_TEST(lib_stream, task_07_a_crash_ends_one_that_does_not_trap)
{
	kick_pid a;
	kick_ref ref;

	share();
	CHECK_INT(kick_spawn_monitor(stream_a_crash, NULL, &a, &ref), 0);
	EXPECT_DOWN(ref, a, "kaboom");
	EXPECT_SILENCE();
}

NODE_TEST(lib_stream, task_07_one_that_takes_too_long_fails_the_stream)
{
	static const char *const texts[] = { "0", "never", "never", "3" };
	const kick_stream_options o = { .max_concurrency = 2, .timeout_ms = 200 };

	share();
	CHECK_INT(kick_trap_exit(true), 0);
	CHECK_INT(stream(texts, 4, &o), -ETIMEDOUT);
	CHECK(seen.n >= 1);
	CHECK_INT(seen.of[0].number, 0);
	CHECK_INT(shared->begun, 3);
	EXPECT_NOTHING_LEFT();
}

NODE_TEST(lib_stream, task_07_or_is_killed_and_told)
{
	static const char *const texts[] = { "never", "1", "2", "never", "4" };
	kick_stream_options o = {
		.max_concurrency = 2, .timeout_ms = 300, .kill_on_timeout = true
	};
	static const int results[] = { -ETIMEDOUT, 0, 0, -ETIMEDOUT, 0 };

	share();
	CHECK_INT(kick_trap_exit(true), 0);
	for (int k = 0; k < 2; k++) {
		o.unordered = k;
		CHECK_INT(stream(texts, 5, &o), 0);
		CHECK_INT(seen.n, 5);
		for (size_t i = 0; i < 5; i++) {
			CHECK_INT(seen.of[i].r, results[seen.of[i].i]);
			if (!o.unordered)
				CHECK_INT(seen.of[i].i, i);
		}
		EXPECT_NOTHING_LEFT();
	}
}

NODE_TEST(lib_stream, task_07_no_more_ends_what_runs)
{
	static const char *const texts[] = { "0", "never", "2", "3", "4" };
	const kick_stream_options o = { .max_concurrency = 2,
		.timeout_ms = KICK_INFINITY };

	share();
	CHECK_INT(kick_trap_exit(true), 0);
	seen.halt = 1;
	CHECK_INT(stream(texts, 5, &o), 0);
	CHECK_INT(seen.n, 1);
	CHECK(shared->begun <= 3);
	EXPECT_NOTHING_LEFT();
	seen.halt = 0;
}

NODE_TEST(lib_stream, task_07_what_else_comes_is_left_alone)
{
	static const char *const lies[] = { "DOWN", "{\"ref\":1}", "[1,2]" };
	kick_pid a = puppet();
	kick_ref ref;

	share();
	for (size_t i = 0; i < ARRAY_LEN(lies); i++)
		send_text(kick_self(), lies[i]);
	CHECK_INT(kick_monitor(a, &ref), 0);
	puppet_order(a, "raise", "kaboom");
	CHECK_INT(stream(numbers, N, NULL), 0);
	CHECK_INT(seen.n, N);
	for (size_t i = 0; i < ARRAY_LEN(lies); i++)
		EXPECT_TEXT(lies[i]);
	EXPECT_DOWN(ref, a, "kaboom");
	EXPECT_NOTHING_LEFT();
}

NODE_TEST(lib_stream, task_07_bad_input_is_refused)
{
	void *args[1] = { NULL };
	kick_stream_options o = { .timeout_ms = -7 };

	share();
	CHECK_INT(stream(numbers, N, &o), -EINVAL);
	o.timeout_ms = KICK_BRUTAL_KILL;
	CHECK_INT(stream(numbers, N, &o), -EINVAL);
	CHECK_INT(kick_task_async_stream(NULL, args, 1, NULL, note, &seen), -EINVAL);
	CHECK_INT(kick_task_async_stream(work, NULL, 1, NULL, note, &seen), -EINVAL);
	CHECK_INT(kick_task_async_stream(work, args, 1, NULL, NULL, NULL), -EINVAL);
	CHECK_INT(shared->begun, 0);
	o = (kick_stream_options){ .timeout_ms = INT64_MAX,
		.max_concurrency = SIZE_MAX };
	CHECK_INT(stream(numbers, N, &o), 0);
	CHECK_INT(seen.n, N);
	EXPECT_NOTHING_LEFT();
}

static cJSON *in_a_task(void *unused)
{
	(void)unused;
	tester = kick_self();
	CHECK_INT(stream(numbers, N, NULL), 0);
	return cJSON_CreateNumber((double)seen.n);
}

NODE_TEST(lib_stream, task_07_within_a_task)
{
	cJSON *value = NULL;
	kick_task t;

	share();
	CHECK_INT(kick_task_async(in_a_task, NULL, &t), 0);
	CHECK_INT(kick_task_await(&t, NODE_PATIENCE_MS, &value, NULL), 0);
	CHECK_INT(value->valueint, N);
	cJSON_Delete(value);
	/* Its value comes before its end, and the link goes with that. */
	node_gone(t.pid);
	EXPECT_NOTHING_LEFT();
}
