/* libkick: monitors (the rules MON-1 to MON-5 of OTP), and the node itself. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "support/nodetest.h"

TestSuite(lib_monitors, .timeout = 120);
TestSuite(lib_node, .timeout = 120);

static kick_pid tester;

static void return_at_once(void *unused)
{
	(void)unused;
}

static void raise_it(void *reason)
{
	kick_raise(reason);
}

NODE_TEST(lib_monitors, mon_01_each_monitor_gives_exactly_one_down)
{
	kick_pid a = puppet();
	kick_ref one, two, three;

	CHECK_INT(kick_monitor(a, &one), 0);
	CHECK_INT(kick_monitor(a, &two), 0);
	CHECK_INT(kick_monitor(a, &three), 0);
	CHECK(one && two && three && one != two && two != three && one != three);
	CHECK_INT(kick_demonitor(two, false), 0);
	puppet_order(a, "raise", "kaboom");
	EXPECT_DOWN(three, a, "kaboom");
	EXPECT_DOWN(one, a, "kaboom");
	EXPECT_SILENCE();
}

NODE_TEST(lib_monitors, mon_01_a_monitor_is_of_one_side)
{
	kick_pid a = puppet(), b = puppet();

	CHECK_INT(puppet_do(a, "monitor", b, NULL), 0);
	PUPPET_ENDS(a, "raise", "kaboom", "kaboom");
	CHECK_INT(puppet_do(b, "quiet", NOBODY, NULL), 0);
}

NODE_TEST(lib_monitors, mon_01_every_watcher_hears)
{
	kick_pid a = puppet(), watchers[10];

	for (size_t i = 0; i < ARRAY_LEN(watchers); i++) {
		watchers[i] = i % 2 ? puppet() : puppet_trapping();
		CHECK_INT(puppet_do(watchers[i], "monitor", a, NULL), 0);
	}
	PUPPET_ENDS(a, "raise", "kaboom", "kaboom");
	for (size_t i = 0; i < ARRAY_LEN(watchers); i++) {
		HEARS_DOWN(watchers[i], a, "kaboom");
		HEARS_NO_MORE(watchers[i]);
	}
}

NODE_TEST(lib_monitors, mon_02_one_that_is_gone_gives_noproc_at_once)
{
	kick_pid a = puppet();
	kick_ref one, two;

	PUPPET_ENDS(a, "raise", "kaboom", "kaboom");
	CHECK_INT(kick_monitor(a, &one), 0);
	CHECK_INT(kick_monitor(a, &two), 0);
	EXPECT_DOWN(one, a, "noproc");
	EXPECT_DOWN(two, a, "noproc");
	EXPECT_SILENCE();
}

NODE_TEST(lib_monitors, mon_03_any_reason_is_told_and_the_watcher_lives)
{
	static const struct {
		const char *verb, *text, *reason;
	} rows[] = {
		{ "return", NULL, "normal" },
		{ "raise", "normal", "normal" },
		{ "raise", "shutdown", "shutdown" },
		{ "raise", "shutdown:x", "shutdown:x" },
		{ "raise", "kaboom", "kaboom" },
		{ "raise", "kill", "kill" },
		{ "status", "0", "normal" },
		{ "status", "7", "exit:7" },
		{ "signal", "9", "killed" },
		{ "signal", "11", "signal:SIGSEGV" },
		{ "signal", "15", "signal:SIGTERM" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		kick_pid plain = puppet(), traps = puppet_trapping();

		CHECK_INT(puppet_do(traps, "monitor", plain, NULL), 0);
		PUPPET_ENDS(plain, rows[i].verb, rows[i].text, rows[i].reason);
		HEARS_DOWN(traps, plain, rows[i].reason);
		HEARS_NO_MORE(traps);
		/* A DOWN and no EXIT, whoever it was that trapped. */
		plain = puppet();
		CHECK_INT(puppet_do(plain, "monitor", traps, NULL), 0);
		PUPPET_ENDS(traps, rows[i].verb, rows[i].text, rows[i].reason);
		HEARS_DOWN(plain, traps, rows[i].reason);
		HEARS_NO_MORE(plain);
	}
}

NODE_TEST(lib_monitors, mon_03_a_link_and_a_monitor_both_tell)
{
	kick_pid a = puppet();
	kick_ref ref;

	CHECK_INT(kick_trap_exit(true), 0);
	CHECK_INT(kick_monitor(a, &ref), 0);
	CHECK_INT(kick_link(a), 0);
	puppet_order(a, "raise", "kaboom");
	EXPECT_EXIT(a, "kaboom");
	EXPECT_DOWN(ref, a, "kaboom");
	EXPECT_SILENCE();
}

NODE_TEST(lib_monitors, mon_04_demonitor_stops_what_has_not_come)
{
	kick_pid a = puppet();
	kick_ref ref, other;

	CHECK_INT(kick_monitor(a, &ref), 0);
	CHECK_INT(kick_demonitor(ref, false), 0);
	CHECK_INT(kick_monitor(a, &other), 0);
	puppet_order(a, "raise", "kaboom");
	EXPECT_DOWN(other, a, "kaboom");
	EXPECT_SILENCE();
}

static bool match_any_down(const kick_message *m, void *unused)
{
	(void)unused;
	return m->kind == KICK_DOWN;
}

NODE_TEST(lib_monitors, mon_04_flush_removes_what_has_come)
{
	kick_pid a, b;
	kick_ref one, two, three;
	kick_message *m;

	for (int i = 0; i < 50; i++) {
		a = puppet();
		b = puppet();
		CHECK_INT(kick_monitor(a, &one), 0);
		CHECK_INT(kick_monitor(a, &two), 0);
		CHECK_INT(kick_monitor(b, &three), 0);
		puppet_order(a, "raise", "kaboom");
		/* Sometimes at once, sometimes when both have come. */
		if (i % 2)
			EXPECT_DOWN(two, a, "kaboom");
		(void)kick_demonitor(one, true);
		(void)kick_demonitor(two, true);
		node_settle();
		CHECK_INT(kick_receive(match_any_down, NULL, 0, &m), -ETIMEDOUT);
		puppet_order(b, "return", NULL);
		EXPECT_DOWN(three, b, "normal");
		EXPECT_SILENCE();
	}
}

NODE_TEST(lib_monitors, mon_04_without_flush_it_stays)
{
	kick_pid a = puppet();
	kick_ref ref;

	CHECK_INT(kick_monitor(a, &ref), 0);
	puppet_order(a, "raise", "kaboom");
	node_gone(a);
	(void)kick_demonitor(ref, false);
	EXPECT_DOWN(ref, a, "kaboom");
	EXPECT_SILENCE();
}

NODE_TEST(lib_monitors, mon_05_what_was_unlinked_is_still_noticed_by_a_monitor)
{
	kick_pid a = puppet();
	kick_ref ref;

	CHECK_INT(kick_link(a), 0);
	CHECK_INT(kick_monitor(a, &ref), 0);
	CHECK_INT(kick_unlink(a), 0);
	CHECK_INT(kick_exit(a, "shutdown"), 0);
	EXPECT_DOWN(ref, a, "shutdown");
	EXPECT_SILENCE();
}

NODE_TEST(lib_monitors, spawn_monitor_never_misses_the_end)
{
	for (int i = 0; i < 200; i++) {
		kick_pid pid;
		kick_ref ref;

		CHECK_INT(
			kick_spawn_monitor(raise_it, (char[]){ "kaboom" }, &pid, &ref),
			0);
		EXPECT_DOWN(ref, pid, "kaboom");
	}
}

NODE_TEST(lib_monitors, info_counts_links_and_monitors)
{
	kick_pid a = puppet(), b = puppet_trapping();
	kick_ref ref;
	cJSON *info;

	CHECK_INT(kick_monitor(a, &ref), 0);
	CHECK_INT(kick_link(a), 0);
	CHECK_INT(kick_link(b), 0);
	info = kick_info(kick_self());
	CHECK(info);
	CHECK_INT(cJSON_GetNumberValue(cJSON_GetObjectItem(info, "monitors")), 1);
	CHECK_INT(cJSON_GetArraySize(cJSON_GetObjectItem(info, "links")), 2);
	CHECK(cJSON_IsFalse(cJSON_GetObjectItem(info, "trap_exit")));
	CHECK(cJSON_GetNumberValue(cJSON_GetObjectItem(info, "memory")) > 0);
	cJSON_Delete(info);
	info = kick_info(b);
	CHECK(info);
	CHECK_PID(kick_pid_from_json(
			  cJSON_GetArrayItem(cJSON_GetObjectItem(info, "links"), 0)),
		kick_self());
	CHECK(cJSON_IsTrue(cJSON_GetObjectItem(info, "trap_exit")));
	CHECK(cJSON_HasObjectItem(info, "messages"));
	CHECK(cJSON_HasObjectItem(info, "memory"));
	cJSON_Delete(info);
	CHECK_INT(kick_unlink(b), 0);
	PUPPET_ENDS(b, "return", NULL, "normal");
	CHECK(!kick_info(b));
}

/* --- the node ----------------------------------------------------------------------
 */

static void end_0(void)
{
	CHECK_INT(kick_start(), 0);
	exit(0);
}

static void end_42(void)
{
	CHECK_INT(kick_start(), 0);
	_exit(42);
}

static void end_raising_normal(void)
{
	CHECK_INT(kick_start(), 0);
	kick_raise("normal");
}

Test(lib_node, ends_with_the_status_of_the_first_process)
{
	static const struct {
		void (*body)(void);
		int status;
	} rows[] = {
		{ end_0, 0 },
		{ end_42, 42 },
		{ end_raising_normal, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int status = node_run(rows[i].body, NODE_BARE);

		cr_assert(WIFEXITED(status), "row %zu: %#x", i, status);
		cr_assert_eq(WEXITSTATUS(status), rows[i].status, "row %zu: exit %d", i,
			WEXITSTATUS(status));
	}
}

static void end_raising_kaboom(void)
{
	CHECK_INT(kick_start(), 0);
	kick_raise("kaboom");
}

static void end_by_a_link(void)
{
	kick_pid pid;

	CHECK_INT(kick_start(), 0);
	CHECK_INT(kick_spawn_link(raise_it, (char[]){ "kaboom" }, &pid), 0);
	idle_receiving(NULL);
}

static void end_by_abort(void)
{
	CHECK_INT(kick_start(), 0);
	(void)signal(SIGABRT, SIG_DFL);
	abort();
}

static void end_by_kill(void)
{
	CHECK_INT(kick_start(), 0);
	(void)kick_exit(kick_self(), "kill");
	idle_receiving(NULL);
}

Test(lib_node, an_abnormal_end_of_the_first_process_is_no_success)
{
	static void (*const bodies[])(void) = { end_raising_kaboom, end_by_a_link,
		end_by_abort, end_by_kill };

	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		int status = node_run(bodies[i], NODE_BARE);

		cr_assert_neq(status, 0, "row %zu", i);
	}
}

static void start_twice(void)
{
	pid_t before = getpid();

	CHECK_INT(kick_start(), 0);
	CHECK(getpid() != before);
	CHECK_INT(getppid(), before);
	CHECK_INT(kick_start(), -EALREADY);
	CHECK_INT(kick_alive(kick_self()), 1);
}

Test(lib_node, is_started_once)
{
	cr_assert_eq(node_run(start_twice, NODE_BARE), 0);
}

static void *wait_for_ever(void *unused)
{
	idle_pausing(unused);
	return NULL;
}

static void start_with_a_thread(void)
{
	pthread_t thread;

	CHECK_INT(pthread_create(&thread, NULL, wait_for_ever, NULL), 0);
	CHECK_INT(kick_start(), -EBUSY);
}

Test(lib_node, is_not_started_by_a_program_with_threads)
{
	cr_assert_eq(node_run(start_with_a_thread, NODE_BARE), 0);
}

static void *end_at_once(void *unused)
{
	return unused;
}

static void start_after_a_thread(void)
{
	pthread_t thread;
	kick_pid pid;
	kick_ref ref;

	CHECK_INT(pthread_create(&thread, NULL, end_at_once, NULL), 0);
	CHECK_INT(pthread_join(thread, NULL), 0);
	CHECK_INT(kick_start(), 0);
	CHECK_INT(kick_spawn_monitor(return_at_once, NULL, &pid, &ref), 0);
	EXPECT_DOWN(ref, pid, "normal");
}

/* Only threads that there are matter. */
Test(lib_node, is_started_by_a_program_whose_threads_have_ended)
{
	cr_assert_eq(node_run(start_after_a_thread, NODE_BARE), 0);
}

NODE_TEST(lib_node, nothing_is_spawned_by_a_process_with_threads)
{
	kick_pid pid = NOBODY;
	kick_ref ref;
	pthread_t thread;

	CHECK_INT(pthread_create(&thread, NULL, wait_for_ever, NULL), 0);
	CHECK_INT(kick_spawn(return_at_once, NULL, &pid), -EBUSY);
	CHECK_INT(kick_spawn_link(return_at_once, NULL, &pid), -EBUSY);
	CHECK_INT(kick_spawn_monitor(return_at_once, NULL, &pid, &ref), -EBUSY);
	CHECK_INT(pid.id, 0);
}

static void ignore_all(void *unused)
{
	for (int i = 1; i < SIGRTMIN; i++)
		(void)signal(i, SIG_IGN);
	send_text(tester, "deaf");
	idle_pausing(unused);
}

static void fill_the_node(void)
{
	kick_pid pid, spawned;

	tester = kick_self();
	for (int i = 0; i < 5; i++) {
		(void)puppet_trapping();
		CHECK_INT(kick_spawn(ignore_all, NULL, &pid), 0);
		EXPECT_TEXT("deaf");
		CHECK_INT(kick_spawn(idle_receiving, NULL, &spawned), 0);
	}
	/* One that has stopped itself. */
	pid = puppet();
	CHECK_INT(kill(puppet_os_pid(pid), SIGSTOP), 0);
}

NODE_TEST(lib_node, ends_everything_when_the_first_process_ends)
{
	fill_the_node();
}

static void lose_the_node(void)
{
	CHECK_INT(kick_start(), 0);
	fill_the_node();
	CHECK_INT(kill(getppid(), SIGKILL), 0);
	idle_pausing(NULL);
}

Test(lib_node, kill_9_of_the_node_ends_all_its_processes)
{
	int status = node_run(lose_the_node, NODE_BARE | NODE_LOST);

	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "%#x", status);
}

static void lose_the_node_while_receiving(void)
{
	kick_pid pid;

	CHECK_INT(kick_start(), 0);
	CHECK_INT(kick_trap_exit(true), 0);
	CHECK_INT(kick_spawn(idle_receiving, NULL, &pid), 0);
	CHECK_INT(kill(getppid(), SIGKILL), 0);
	idle_receiving(NULL);
}

Test(lib_node, kill_9_of_the_node_ends_those_that_receive)
{
	int status = node_run(lose_the_node_while_receiving, NODE_BARE | NODE_LOST);

	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "%#x", status);
}

NODE_TEST(lib_node, passes_signals_on_to_the_first_process)
{
	static const int all[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2 };
	const struct timespec patience = { .tv_sec = NODE_PATIENCE_MS / 1000 };
	sigset_t set;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		(void)sigaddset(&set, all[i]);
	CHECK_INT(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		CHECK_INT(kill(getppid(), all[i]), 0);
		CHECK_INT(sigtimedwait(&set, NULL, &patience), all[i]);
	}
}

static void term_the_node(void)
{
	CHECK_INT(kick_start(), 0);
	(void)puppet();
	CHECK_INT(kill(getppid(), SIGTERM), 0);
	idle_receiving(NULL);
}

Test(lib_node, term_ends_a_program_that_does_nothing_about_it)
{
	cr_assert_neq(node_run(term_the_node, NODE_BARE), 0);
}

NODE_TEST(lib_node, bears_its_name)
{
	char path[64], line[64] = "";
	FILE *f;

	node_settle();
	(void)snprintf(path, sizeof path, "/proc/%d/comm", getppid());
	f = fopen(path, "re");
	CHECK(f);
	CHECK(fgets(line, sizeof line, f));
	CHECK_TEXT(line, "kick:node\n");
	(void)fclose(f);
}

NODE_TEST(lib_node, has_a_directory_that_only_its_user_may_enter)
{
	DIR *d = opendir(getenv("TMPDIR"));
	struct dirent *e;
	struct stat st;
	int found = 0;

	CHECK(d);
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		CHECK(strncmp(e->d_name, "kick-", 5) == 0);
		CHECK_INT(fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW), 0);
		CHECK(S_ISDIR(st.st_mode));
		CHECK_INT(st.st_mode & 0777, 0700);
		found++;
	}
	(void)closedir(d);
	CHECK_INT(found, 1);
}

static void say_something(void)
{
	static char path[300];
	kick_pid a, pid;
	struct stat st;
	int out;

	(void)snprintf(path, sizeof path, "%s/said", getenv("TMPDIR"));
	out = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CHECK(out >= 0);
	CHECK(dup2(out, 1) == 1 && dup2(out, 2) == 2);
	CHECK_INT(kick_start(), 0);
	CHECK_INT(kick_trap_exit(true), 0);
	a = puppet();
	CHECK_INT(kick_link(a), 0);
	puppet_order(a, "raise", "kaboom");
	EXPECT_EXIT(a, "kaboom");
	CHECK_INT(kick_register("a/b") < 0, true);
	CHECK_INT(kick_spawn_link(raise_it, (char[]){ "loud" }, &pid), 0);
	EXPECT_EXIT(pid, "loud");
	CHECK_INT(fstat(out, &st), 0);
	CHECK_INT(st.st_size, 0);
	CHECK_INT(unlink(path), 0);
}

Test(lib_node, prints_nothing)
{
	cr_assert_eq(node_run(say_something, NODE_BARE), 0);
}

static int descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	CHECK(d);
	while (readdir(d))
		n++;
	(void)closedir(d);
	return n;
}

NODE_TEST(lib_node, no_descriptor_is_lost_over_many_processes)
{
	int before = 0;

	for (int i = 0; i < 60; i++) {
		kick_pid a = puppet();

		PUPPET_ENDS(a, "return", NULL, "normal");
		/* The first ones may open what is kept. */
		if (i == 19)
			before = descriptors();
	}
	EXPECT_SILENCE();
	CHECK(descriptors() <= before + 2);
}
