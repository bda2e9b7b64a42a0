/* libkick: processes, links, exit signals. The rules LNK-1 to LNK-14 of OTP. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "support/nodetest.h"

TestSuite(lib_links, .timeout = 120);

static kick_pid tester;

/* --- what a process ends with ------------------------------------------------------
 */

static void just_return(void *unused)
{
	(void)unused;
}

static void raise_it(void *reason)
{
	kick_raise(reason);
}

static void exit_with(void *status)
{
	exit(*(int *)status);
}

static void end_by(void *sig)
{
	(void)signal(*(int *)sig, SIG_DFL);
	(void)raise(*(int *)sig);
}

NODE_TEST(lib_links, lnk_01_the_end_of_a_process_gives_its_reason)
{
	static int zero, three = 3, last = 255, segv = SIGSEGV, killing = SIGKILL,
			 term = SIGTERM, abrt = SIGABRT, usr1 = SIGUSR1;
	static char odd[] = "a \"quoted\" \\ reason,\n{\"in\": [two lines]} \xc3\xa4";
	const struct {
		kick_function *function;
		void *arg;
		const char *reason;
	} rows[] = {
		{ just_return, NULL, "normal" },
		{ raise_it, (char[]){ "normal" }, "normal" },
		{ raise_it, (char[]){ "shutdown" }, "shutdown" },
		{ raise_it, (char[]){ "shutdown:why not" }, "shutdown:why not" },
		{ raise_it, (char[]){ "kaboom" }, "kaboom" },
		{ raise_it, (char[]){ "exit:3" }, "exit:3" },
		{ raise_it, odd, odd },
		{ exit_with, &zero, "normal" },
		{ exit_with, &three, "exit:3" },
		{ exit_with, &last, "exit:255" },
		{ end_by, &segv, "signal:SIGSEGV" },
		{ end_by, &abrt, "signal:SIGABRT" },
		{ end_by, &usr1, "signal:SIGUSR1" },
		{ end_by, &term, "signal:SIGTERM" },
		{ end_by, &killing, "killed" },
	};
	kick_pid pid;
	kick_ref ref;

	CHECK_INT(kick_trap_exit(true), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CHECK_INT(kick_spawn_monitor(rows[i].function, rows[i].arg, &pid, &ref),
			0);
		EXPECT_DOWN(ref, pid, rows[i].reason);
		CHECK_INT(kick_spawn_link(rows[i].function, rows[i].arg, &pid), 0);
		EXPECT_EXIT(pid, rows[i].reason);
	}
	EXPECT_SILENCE();
}

NODE_TEST(lib_links, lnk_01_a_reason_that_is_too_long_is_cut)
{
	static char text[300];
	char cut[KICK_REASON_SIZE] = "";
	kick_pid pid;
	kick_ref ref;

	memset(text, 'x', sizeof text - 1);
	memset(cut, 'x', sizeof cut - 1);
	CHECK_INT(kick_spawn_monitor(raise_it, text, &pid, &ref), 0);
	EXPECT_DOWN(ref, pid, cut);
	pid = puppet();
	CHECK_INT(kick_monitor(pid, &ref), 0);
	CHECK_INT(kick_exit(pid, text), 0);
	EXPECT_DOWN(ref, pid, cut);
}

static void write_and_raise(void *end)
{
	FILE *f = fdopen(*(int *)end, "w");

	CHECK(f);
	(void)fputs("said", f);
	kick_raise("kaboom");
}

NODE_TEST(lib_links, lnk_01_what_was_written_with_stdio_is_not_lost)
{
	static int ends[2];
	char text[8] = "";
	kick_pid pid;
	kick_ref ref;

	CHECK_INT(pipe(ends), 0);
	CHECK_INT(kick_spawn_monitor(write_and_raise, &ends[1], &pid, &ref), 0);
	EXPECT_DOWN(ref, pid, "kaboom");
	CHECK_INT(read(ends[0], text, 4), 4);
	CHECK_TEXT(text, "said");
}

/* --- exit signals ------------------------------------------------------------------
 */

NODE_TEST(lib_links, lnk_02_normal_does_nothing_to_another_process)
{
	kick_pid a = puppet(), b = puppet();

	CHECK_INT(kick_exit(a, "normal"), 0);
	CHECK_INT(puppet_do(b, "exit", a, "normal"), 0);
	node_settle();
	CHECK_INT(puppet_do(a, "ping", NOBODY, NULL), 0);
	CHECK_INT(puppet_do(a, "quiet", NOBODY, NULL), 0);
	CHECK_INT(kick_alive(a), 1);
}

NODE_TEST(lib_links, lnk_03_normal_is_a_message_to_one_that_traps)
{
	kick_pid a = puppet_trapping(), b = puppet();

	CHECK_INT(puppet_do(b, "exit", a, "normal"), 0);
	HEARS_EXIT(a, b, "normal");
	HEARS_NO_MORE(a);
}

static void exit_self(void *reason)
{
	(void)kick_exit(kick_self(), reason);
	/* The signal may need a moment; nothing else ends this process. */
	idle_receiving(NULL);
}

NODE_TEST(lib_links, lnk_04_normal_ends_the_caller_itself)
{
	kick_pid pid;
	kick_ref ref;

	CHECK_INT(kick_spawn_monitor(exit_self, (char[]){ "normal" }, &pid, &ref), 0);
	EXPECT_DOWN(ref, pid, "normal");
	CHECK_INT(kick_spawn_monitor(exit_self, (char[]){ "other" }, &pid, &ref), 0);
	EXPECT_DOWN(ref, pid, "other");
}

NODE_TEST(lib_links, lnk_04_to_a_caller_that_traps_it_is_a_message)
{
	CHECK_INT(kick_trap_exit(true), 0);
	CHECK_INT(kick_exit(kick_self(), "normal"), 0);
	EXPECT_EXIT(kick_self(), "normal");
	CHECK_INT(kick_exit(kick_self(), "other"), 0);
	EXPECT_EXIT(kick_self(), "other");
	EXPECT_SILENCE();
}

NODE_TEST(lib_links, lnk_05_another_reason_ends_one_that_does_not_trap)
{
	static const char *const reasons[] = { "kaboom", "shutdown", "shutdown:x",
		"killed", "noproc", "exit:3", "signal:SIGSEGV", "a b\n\"c\"" };

	for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
		kick_pid a = puppet(), b = puppet_trapping();
		kick_ref ref;

		CHECK_INT(kick_monitor(a, &ref), 0);
		CHECK_INT(kick_exit(a, reasons[i]), 0);
		EXPECT_DOWN(ref, a, reasons[i]);
		CHECK_INT(kick_exit(b, reasons[i]), 0);
		HEARS_EXIT(b, kick_self(), reasons[i]);
		HEARS_NO_MORE(b);
	}
}

NODE_TEST(lib_links, lnk_05_it_ends_one_that_waits_outside_of_the_library)
{
	kick_pid pid;
	kick_ref ref;

	CHECK_INT(kick_spawn_monitor(idle_pausing, NULL, &pid, &ref), 0);
	CHECK_INT(kick_exit(pid, "kaboom"), 0);
	EXPECT_DOWN(ref, pid, "kaboom");
}

static void spin(void *unused)
{
	volatile int going = 1;

	(void)unused;
	send_text(tester, "spinning");
	while (going)
		continue;
}

NODE_TEST(lib_links, lnk_05_it_ends_one_that_computes)
{
	kick_pid pid;
	kick_ref ref;

	tester = kick_self();
	CHECK_INT(kick_spawn_monitor(spin, NULL, &pid, &ref), 0);
	EXPECT_TEXT("spinning");
	CHECK_INT(kick_exit(pid, "kaboom"), 0);
	EXPECT_DOWN(ref, pid, "kaboom");
}

NODE_TEST(lib_links, lnk_06_kill_cannot_be_trapped_and_is_seen_as_killed)
{
	kick_pid a = puppet_trapping(), b = puppet_trapping(), c;
	kick_ref ref;

	CHECK_INT(puppet_do(b, "link", a, NULL), 0);
	CHECK_INT(kick_monitor(a, &ref), 0);
	CHECK_INT(kick_exit(a, "kill"), 0);
	EXPECT_DOWN(ref, a, "killed");
	HEARS_EXIT(b, a, "killed");
	CHECK_INT(kick_spawn_monitor(exit_self, (char[]){ "kill" }, &c, &ref), 0);
	EXPECT_DOWN(ref, c, "killed");
}

NODE_TEST(lib_links, lnk_07_killed_over_a_link_is_an_ordinary_reason)
{
	kick_pid a = puppet_trapping(), plain = puppet(), traps = puppet_trapping(),
		 beyond = puppet_trapping();
	kick_ref ref;

	CHECK_INT(puppet_do(a, "link", plain, NULL), 0);
	CHECK_INT(puppet_do(a, "link", traps, NULL), 0);
	CHECK_INT(puppet_do(plain, "link", beyond, NULL), 0);
	CHECK_INT(kick_monitor(plain, &ref), 0);
	CHECK_INT(kick_exit(a, "kill"), 0);
	EXPECT_DOWN(ref, plain, "killed");
	HEARS_EXIT(traps, a, "killed");
	HEARS_EXIT(beyond, plain, "killed");
	HEARS_NO_MORE(traps);
	HEARS_NO_MORE(beyond);
}

NODE_TEST(lib_links, lnk_07_sigkill_from_outside_is_killed)
{
	kick_pid a = puppet(), plain = puppet(), traps = puppet_trapping();
	kick_ref ref, other;

	CHECK_INT(puppet_do(a, "link", plain, NULL), 0);
	CHECK_INT(puppet_do(traps, "link", a, NULL), 0);
	CHECK_INT(kick_monitor(a, &ref), 0);
	CHECK_INT(kick_monitor(plain, &other), 0);
	CHECK_INT(kill(puppet_os_pid(a), SIGKILL), 0);
	EXPECT_DOWN(ref, a, "killed");
	EXPECT_DOWN(other, plain, "killed");
	HEARS_EXIT(traps, a, "killed");
}

NODE_TEST(lib_links, lnk_08_a_kill_that_a_process_raises_is_an_ordinary_reason)
{
	kick_pid a = puppet(), plain = puppet(), traps = puppet_trapping();
	kick_ref ref;

	CHECK_INT(puppet_do(a, "link", plain, NULL), 0);
	CHECK_INT(puppet_do(a, "link", traps, NULL), 0);
	CHECK_INT(kick_monitor(plain, &ref), 0);
	PUPPET_ENDS(a, "raise", "kill", "kill");
	EXPECT_DOWN(ref, plain, "kill");
	HEARS_EXIT(traps, a, "kill");
	HEARS_NO_MORE(traps);
}

/* --- links -------------------------------------------------------------------------
 */

NODE_TEST(lib_links, lnk_09_a_normal_end_lets_the_other_one_live)
{
	kick_pid a = puppet(), plain = puppet(), traps = puppet_trapping();

	CHECK_INT(puppet_do(a, "link", plain, NULL), 0);
	CHECK_INT(puppet_do(a, "link", traps, NULL), 0);
	PUPPET_ENDS(a, "return", NULL, "normal");
	HEARS_EXIT(traps, a, "normal");
	CHECK_INT(puppet_do(plain, "quiet", NOBODY, NULL), 0);
	CHECK_INT(kick_alive(plain), 1);
}

NODE_TEST(lib_links, lnk_09_shutdown_is_no_normal_end)
{
	kick_pid a = puppet(), plain = puppet();
	kick_ref ref;

	CHECK_INT(puppet_do(a, "link", plain, NULL), 0);
	CHECK_INT(kick_monitor(plain, &ref), 0);
	PUPPET_ENDS(a, "raise", "shutdown", "shutdown");
	EXPECT_DOWN(ref, plain, "shutdown");
}

NODE_TEST(lib_links, lnk_10_links_are_of_both_sides)
{
	for (int linker = 0; linker < 2; linker++)
		for (int dies = 0; dies < 2; dies++) {
			kick_pid p[2] = { puppet(), puppet() };
			kick_ref ref;

			CHECK_INT(puppet_do(p[linker], "link", p[!linker], NULL), 0);
			CHECK_INT(kick_monitor(p[!dies], &ref), 0);
			PUPPET_ENDS(p[dies], "raise", "kaboom", "kaboom");
			EXPECT_DOWN(ref, p[!dies], "kaboom");
		}
}

NODE_TEST(lib_links, lnk_10_links_are_a_set)
{
	kick_pid a = puppet(), b = puppet_trapping(), c = puppet();

	/* Three times is once, to be heard ... */
	CHECK_INT(puppet_do(b, "link", a, NULL), 0);
	CHECK_INT(puppet_do(b, "link", a, NULL), 0);
	CHECK_INT(puppet_do(a, "link", b, NULL), 0);
	PUPPET_ENDS(a, "raise", "kaboom", "kaboom");
	HEARS_EXIT(b, a, "kaboom");
	HEARS_NO_MORE(b);
	/* ... and to be removed, by either. */
	CHECK_INT(puppet_do(b, "link", c, NULL), 0);
	CHECK_INT(puppet_do(b, "link", c, NULL), 0);
	CHECK_INT(puppet_do(c, "unlink", b, NULL), 0);
	PUPPET_ENDS(c, "raise", "kaboom", "kaboom");
	HEARS_NO_MORE(b);
}

NODE_TEST(lib_links, lnk_10_no_exit_comes_after_unlink)
{
	kick_pid a, doomed;
	kick_message *m;

	CHECK_INT(kick_trap_exit(true), 0);
	for (int i = 0; i < 100; i++) {
		int before = 0;

		a = puppet();
		CHECK_INT(kick_link(a), 0);
		puppet_order(a, "raise", "kaboom");
		(void)kick_unlink(a);
		/* What has come before unlink() returned may be here. */
		while (kick_receive(NULL, NULL, 0, &m) == 0) {
			CHECK_INT(m->kind, KICK_EXIT);
			kick_message_free(m);
			before++;
		}
		CHECK(before <= 1);
		node_gone(a);
		EXPECT_SILENCE();
	}
	/* One that does not trap is not ended either. */
	a = puppet();
	doomed = puppet();
	CHECK_INT(puppet_do(doomed, "link", a, NULL), 0);
	CHECK_INT(puppet_do(doomed, "unlink", a, NULL), 0);
	PUPPET_ENDS(a, "raise", "kaboom", "kaboom");
	CHECK_INT(puppet_do(doomed, "quiet", NOBODY, NULL), 0);
}

NODE_TEST(lib_links, lnk_10_unlink_without_a_link_is_no_error)
{
	kick_pid a = puppet();

	CHECK_INT(kick_unlink(a), 0);
	PUPPET_ENDS(a, "return", NULL, "normal");
	CHECK_INT(kick_unlink(a), 0);
}

NODE_TEST(lib_links, lnk_11_a_link_to_one_that_is_gone)
{
	kick_pid a = puppet(), plain = puppet();

	PUPPET_ENDS(a, "return", NULL, "normal");
	CHECK_INT(kick_link(a), -ESRCH);
	CHECK_INT(puppet_do(plain, "link", a, NULL), -ESRCH);
	EXPECT_SILENCE();
	CHECK_INT(kick_trap_exit(true), 0);
	CHECK_INT(kick_link(a), 0);
	EXPECT_EXIT(a, "noproc");
	EXPECT_SILENCE();
}

NODE_TEST(lib_links, lnk_12_an_exit_signal_to_one_that_is_gone_is_no_error)
{
	kick_pid a = puppet();

	PUPPET_ENDS(a, "return", NULL, "normal");
	CHECK_INT(kick_exit(a, "kaboom"), 0);
	CHECK_INT(kick_exit(a, "kill"), 0);
	CHECK_INT(kick_exit(a, "normal"), 0);
	EXPECT_SILENCE();
}

NODE_TEST(lib_links, lnk_13_trapping_is_off_at_first_and_can_be_changed)
{
	kick_pid a = puppet();
	kick_ref ref;

	CHECK_INT(puppet_do(a, "trap", NOBODY, NULL), 0);
	CHECK_INT(puppet_do(a, "trap", NOBODY, NULL), 1);
	CHECK_INT(kick_exit(a, "first"), 0);
	HEARS_EXIT(a, kick_self(), "first");
	CHECK_INT(puppet_do(a, "untrap", NOBODY, NULL), 1);
	CHECK_INT(puppet_do(a, "untrap", NOBODY, NULL), 0);
	CHECK_INT(kick_monitor(a, &ref), 0);
	CHECK_INT(kick_exit(a, "second"), 0);
	EXPECT_DOWN(ref, a, "second");
}

NODE_TEST(lib_links, lnk_13_it_is_not_passed_on_to_new_processes)
{
	kick_pid a;
	kick_ref ref;

	CHECK_INT(kick_trap_exit(true), 0);
	a = puppet();
	CHECK_INT(kick_monitor(a, &ref), 0);
	CHECK_INT(kick_exit(a, "kaboom"), 0);
	EXPECT_DOWN(ref, a, "kaboom");
	CHECK_INT(puppet_do(puppet(), "trap", NOBODY, NULL), 0);
}

NODE_TEST(lib_links, lnk_13_what_was_trapped_stays_a_message)
{
	CHECK_INT(kick_trap_exit(true), 0);
	CHECK_INT(kick_exit(kick_self(), "early"), 0);
	node_settle();
	CHECK_INT(kick_trap_exit(false), 1);
	EXPECT_EXIT(kick_self(), "early");
}

static void talk(void *unused)
{
	char reason[16];

	(void)unused;
	for (int i = 0; i < 300; i += 2) {
		send_number(tester, i);
		(void)snprintf(reason, sizeof reason, "%d", i + 1);
		CHECK_INT(kick_exit(tester, reason), 0);
	}
}

NODE_TEST(lib_links, lnk_14_messages_and_exit_signals_of_one_sender_keep_their_order)
{
	kick_pid pid;

	tester = kick_self();
	CHECK_INT(kick_trap_exit(true), 0);
	CHECK_INT(kick_spawn(talk, NULL, &pid), 0);
	for (int i = 0; i < 300; i++) {
		kick_message *m = TAKE(NULL, NULL);

		CHECK_INT(m->kind, i % 2 ? KICK_EXIT : KICK_MESSAGE);
		CHECK_INT(i % 2 ? atoi(m->reason) : m->value->valueint, i);
		kick_message_free(m);
	}
}

static bool is_exit(const kick_message *m, void *unused)
{
	(void)unused;
	return m->kind == KICK_EXIT;
}

/* What takes its place among those that were passed over is found all the same. */
NODE_TEST(lib_links, lnk_14_a_signal_is_found_behind_what_does_not_match)
{
	kick_pid pid;

	tester = kick_self();
	CHECK_INT(kick_trap_exit(true), 0);
	for (int round = 0; round < 20; round++) {
		CHECK_INT(kick_spawn(talk, NULL, &pid), 0);
		for (int i = 1; i < 300; i += 2) {
			kick_message *m = TAKE(is_exit, NULL);

			CHECK_INT(atoi(m->reason), i);
			kick_message_free(m);
		}
		for (int i = 0; i < 300; i += 2)
			CHECK_INT(take_number(), i);
	}
}

static void say_and_end(void *unused)
{
	(void)unused;
	send_text(tester, "last words");
}

NODE_TEST(lib_links, lnk_14_last_words_come_before_the_end)
{
	tester = kick_self();
	CHECK_INT(kick_trap_exit(true), 0);
	for (int i = 0; i < 200; i++) {
		kick_message *m;
		kick_pid pid;

		CHECK_INT(kick_spawn_link(say_and_end, NULL, &pid), 0);
		m = TAKE(NULL, NULL);
		CHECK_INT(m->kind, KICK_MESSAGE);
		kick_message_free(m);
		m = TAKE(NULL, NULL);
		CHECK_INT(m->kind, KICK_EXIT);
		CHECK_TEXT(m->reason, "normal");
		kick_message_free(m);
	}
}

/* --- spawning ----------------------------------------------------------------------
 */

static void look_at_oneself(void *unused)
{
	kick_message *m;
	cJSON *info = kick_info(kick_self());

	(void)unused;
	CHECK(info);
	CHECK_INT(kick_receive(NULL, NULL, 0, &m), -ETIMEDOUT);
	CHECK(!kick_pid_equal(kick_self(), tester));
	CHECK_INT(cJSON_GetArraySize(cJSON_GetObjectItem(info, "links")), 0);
	CHECK_INT(cJSON_GetArraySize(cJSON_GetObjectItem(info, "names")), 0);
	CHECK_INT(cJSON_GetNumberValue(cJSON_GetObjectItem(info, "monitors")), 0);
	CHECK_INT(cJSON_GetNumberValue(cJSON_GetObjectItem(info, "messages")), 0);
	cJSON_Delete(info);
	send_text(tester, "clean");
}

NODE_TEST(lib_links, a_new_process_has_none_of_the_caller_s_links_messages_names)
{
	kick_pid a = puppet(), pid;
	kick_ref ref;

	tester = kick_self();
	CHECK_INT(kick_link(a), 0);
	CHECK_INT(kick_monitor(a, &ref), 0);
	CHECK_INT(kick_register("tester"), 0);
	send_text(tester, "mine");
	CHECK_INT(kick_spawn(look_at_oneself, NULL, &pid), 0);
	EXPECT_TEXT("mine");
	EXPECT_TEXT("clean");
	EXPECT_SILENCE();
}

static void add_one(void *number)
{
	++*(int *)number;
	send_number(tester, *(int *)number);
}

NODE_TEST(lib_links, a_new_process_is_a_copy)
{
	static int number = 41;
	kick_pid pid;

	tester = kick_self();
	CHECK_INT(kick_spawn(add_one, &number, &pid), 0);
	CHECK_INT(take_number(), 42);
	CHECK_INT(number, 41);
}

static void spawn_down(void *depth)
{
	int below = *(int *)depth - 1;
	kick_pid pid;

	if (below == 0)
		kick_raise("bottom");
	CHECK_INT(kick_spawn_link(spawn_down, &below, &pid), 0);
	idle_receiving(NULL);
}

NODE_TEST(lib_links, a_chain_of_links_ends_as_a_whole)
{
	static int depth = 30;
	kick_pid pid;
	kick_ref ref;

	CHECK_INT(kick_spawn_monitor(spawn_down, &depth, &pid, &ref), 0);
	EXPECT_DOWN(ref, pid, "bottom");
}

static void leave_a_child(void *unused)
{
	cJSON *json = kick_pid_to_json(puppet());

	(void)unused;
	CHECK_INT(kick_send(kick_to(tester), json), 0);
	cJSON_Delete(json);
}

NODE_TEST(lib_links, the_end_of_a_parent_is_nothing_to_what_is_not_linked)
{
	kick_pid parent, child;
	kick_ref ref;
	kick_message *m;

	tester = kick_self();
	CHECK_INT(kick_spawn_monitor(leave_a_child, NULL, &parent, &ref), 0);
	m = TAKE(match_plain, NULL);
	child = kick_pid_from_json(m->value);
	kick_message_free(m);
	EXPECT_DOWN(ref, parent, "normal");
	CHECK_INT(puppet_do(child, "ping", NOBODY, NULL), 0);
	PUPPET_ENDS(child, "status", "4", "exit:4");
}

NODE_TEST(lib_links, pids_are_never_used_again)
{
	enum {
		N = 300
	};
	static kick_pid all[N];

	for (int i = 0; i < N; i++) {
		CHECK_INT(kick_spawn(just_return, NULL, &all[i]), 0);
		CHECK(all[i].id != 0);
		for (int k = 0; k < i; k++)
			CHECK(!kick_pid_equal(all[i], all[k]));
	}
	for (int i = 0; i < N; i++)
		node_gone(all[i]);
}

NODE_TEST(lib_links, pids_can_be_sent)
{
	static const char *const no_pids[] = { "null", "1", "\"\"", "\"x\"", "{}", "[]",
		"\"1.2.3\"", "\"18446744073709551616.1\"", "\"-1.-1\"" };
	kick_pid a = puppet(), self = kick_self();
	cJSON *json = kick_pid_to_json(a);

	CHECK(cJSON_IsString(json));
	CHECK_PID(kick_pid_from_json(json), a);
	CHECK(!kick_pid_equal(a, self));
	cJSON_Delete(json);
	for (size_t i = 0; i < ARRAY_LEN(no_pids); i++) {
		json = cJSON_Parse(no_pids[i]);
		CHECK_INT(kick_pid_from_json(json).id, 0);
		cJSON_Delete(json);
	}
}

NODE_TEST(lib_links, nobody_is_not_alive)
{
	kick_ref ref;

	CHECK_INT(kick_alive(kick_self()), 1);
	CHECK_INT(kick_alive(NOBODY), 0);
	CHECK_INT(kick_exit(NOBODY, "kaboom"), 0);
	CHECK_INT(kick_link(NOBODY), -ESRCH);
	CHECK_INT(kick_monitor(NOBODY, &ref), 0);
	EXPECT_DOWN(ref, NOBODY, "noproc");
	CHECK(!kick_info(NOBODY));
}

/* --- killed at every step ----------------------------------------------------------
 */

/* SIGKILL for the caller, so many microseconds from now. */
static void end_me_in(int us)
{
	struct sigevent e = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL };
	struct itimerspec when = { .it_value = { .tv_nsec = us * 1000 + 1 } };
	timer_t timer;

	CHECK_INT(timer_create(CLOCK_MONOTONIC, &e, &timer), 0);
	CHECK_INT(timer_settime(timer, 0, &when, NULL), 0);
}

static kick_pid partner;

static void link_and_unlink(void *us)
{
	end_me_in(*(int *)us);
	for (;;) {
		CHECK_INT(kick_link(partner), 0);
		CHECK_INT(kick_unlink(partner), 0);
	}
}

static int links_of(kick_pid pid)
{
	cJSON *info = kick_info(pid);
	int n;

	CHECK(info);
	n = cJSON_GetArraySize(cJSON_GetObjectItem(info, "links"));
	cJSON_Delete(info);
	return n;
}

NODE_TEST(lib_links, kill_9_at_any_step_of_a_link)
{
	int heard;

	partner = puppet_trapping();
	for (int us = 0; us < 3000; us += 37) {
		kick_pid pid;
		kick_ref ref;

		CHECK_INT(kick_spawn_monitor(link_and_unlink, &us, &pid, &ref), 0);
		EXPECT_DOWN(ref, pid, "killed");
		heard = puppet_do(partner, "quiet", NOBODY, NULL);
		CHECK(heard == 0 || heard == 1);
		CHECK_INT(links_of(partner), 0);
	}
}

static void link_once(void *us)
{
	end_me_in(*(int *)us);
	CHECK_INT(kick_link(partner), 0);
	idle_pausing(NULL);
}

/* Either the link was made, and is heard of once, or it was not. */
NODE_TEST(lib_links, kill_9_around_a_link_that_kills_the_partner_or_not)
{
	for (int us = 0; us < 1500; us += 31) {
		kick_pid pid;
		kick_ref ref, other;
		kick_message *m;

		partner = puppet();
		CHECK_INT(kick_monitor(partner, &other), 0);
		CHECK_INT(kick_spawn_monitor(link_once, &us, &pid, &ref), 0);
		EXPECT_DOWN(ref, pid, "killed");
		/* Ends it when nothing else does. */
		CHECK_INT(kick_exit(partner, "spared"), 0);
		m = TAKE(NULL, NULL);
		CHECK_INT(m->kind, KICK_DOWN);
		CHECK_INT(m->ref, other);
		CHECK(strcmp(m->reason, "killed") == 0 ||
			strcmp(m->reason, "spared") == 0);
		kick_message_free(m);
		CHECK_INT(kick_alive(partner), 0);
		EXPECT_SILENCE();
	}
}
