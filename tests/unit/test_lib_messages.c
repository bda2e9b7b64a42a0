/* libkick: sending, receiving, mailboxes, timers. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

#include "support/nodetest.h"

TestSuite(lib_messages, .timeout = 120);

#define MIB (1 << 20)

static kick_pid tester;

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A string of so many bytes, made of one letter. */
static cJSON *long_text(size_t size, char letter)
{
	char *text = malloc(size + 1);
	cJSON *value;

	CHECK(text);
	memset(text, letter, size);
	text[size] = '\0';
	value = cJSON_CreateString(text);
	free(text);
	CHECK(value);
	return value;
}

static bool match_number(const kick_message *m, void *n)
{
	return m->kind == KICK_MESSAGE && cJSON_IsNumber(m->value) &&
		m->value->valueint == *(int *)n;
}

/* --- send and receive --------------------------------------------------------------
 */

static void send_back(void *unused)
{
	kick_message *m;

	(void)unused;
	while (kick_receive(match_plain, NULL, KICK_INFINITY, &m) == 0) {
		CHECK_INT(kick_send(kick_to(tester), m->value), 0);
		kick_message_free(m);
	}
}

NODE_TEST(lib_messages, a_value_comes_back_as_it_was)
{
	static const char *const values[] = { "null", "true", "false", "0", "-1", "1.5",
		"1e300", "9007199254740991", "\"\"", "\"text\"", "[]", "{}",
		"\"\\\" \\\\ \\n \\u0001 \\u00e4 \\ud83d\\ude00\"",
		"[1,[2,[3,[]]],{\"a\":{\"b\":null}}]",
		"{\"\":0,\"from\":1,\"ref\":\"x\",\"kind\":[],\"reason\":{},\"a\":1}" };
	kick_pid pid;

	tester = kick_self();
	CHECK_INT(kick_spawn(send_back, NULL, &pid), 0);
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		cJSON *value = cJSON_Parse(values[i]);
		kick_message *m;
		char *text;

		CHECK(value);
		CHECK_INT(kick_send(kick_to(pid), value), 0);
		m = TAKE(NULL, NULL);
		CHECK_INT(m->kind, KICK_MESSAGE);
		CHECK(!m->reason);
		text = cJSON_PrintUnformatted(m->value);
		if (!cJSON_Compare(m->value, value, true))
			FAIL("sent %s, got %s", values[i], text);
		cJSON_free(text);
		cJSON_Delete(value);
		kick_message_free(m);
	}
	EXPECT_SILENCE();
}

NODE_TEST(lib_messages, what_is_sent_stays_the_caller_s_and_what_comes_may_be_taken_out)
{
	cJSON *value = cJSON_Parse("{\"a\": [1, 2]}"), *taken;
	kick_message *m;

	CHECK_INT(kick_send(kick_to(kick_self()), value), 0);
	cJSON_AddNumberToObject(value, "b", 3);
	m = TAKE(NULL, NULL);
	taken = m->value;
	m->value = NULL;
	kick_message_free(m);
	CHECK(!cJSON_HasObjectItem(taken, "b"));
	CHECK_INT(cJSON_GetArraySize(cJSON_GetObjectItem(taken, "a")), 2);
	cJSON_Delete(taken);
	cJSON_Delete(value);
	kick_message_free(NULL);
}

NODE_TEST(lib_messages, to_one_that_is_gone_is_no_error)
{
	kick_pid a = puppet();

	PUPPET_ENDS(a, "return", NULL, "normal");
	for (int i = 0; i < 10; i++)
		send_text(a, "lost");
	send_text(NOBODY, "lost");
	EXPECT_SILENCE();
}

NODE_TEST(lib_messages, to_one_that_dies_meanwhile_is_no_error)
{
	for (int i = 0; i < 30; i++) {
		kick_pid a = puppet();

		puppet_order(a, "signal", "9");
		for (int k = 0; k < 100; k++)
			send_text(a, "lost");
		node_gone(a);
		send_text(a, "lost");
	}
	EXPECT_SILENCE();
}

static void count_up(void *n)
{
	for (int i = 0; i < *(int *)n; i++)
		send_number(tester, i);
}

NODE_TEST(lib_messages, order_is_kept_between_any_two_processes)
{
	enum {
		SENDERS = 5,
		N = 2000
	};
	static int n = N;
	kick_pid pid;
	int sum = 0;

	tester = kick_self();
	CHECK_INT(kick_spawn(count_up, &n, &pid), 0);
	for (int i = 0; i < N; i++)
		CHECK_INT(take_number(), i);
	for (int i = 0; i < SENDERS; i++)
		CHECK_INT(kick_spawn(count_up, &n, &pid), 0);
	/* Of several senders, each one's numbers: none lost, none twice. */
	for (int i = 0; i < N * SENDERS; i++)
		sum += take_number() % 1000;
	CHECK_INT(sum, SENDERS * (N / 1000) * (999 * 1000 / 2));
	EXPECT_SILENCE();
}

NODE_TEST(lib_messages, order_is_kept_to_oneself)
{
	for (int i = 0; i < 1000; i++)
		send_number(kick_self(), i);
	for (int i = 0; i < 1000; i++)
		CHECK_INT(take_number(), i);
	EXPECT_SILENCE();
}

NODE_TEST(lib_messages, by_name_and_by_pid_is_one_order)
{
	kick_pid pid;

	tester = kick_self();
	CHECK_INT(kick_spawn(send_back, NULL, &pid), 0);
	CHECK_INT(kick_register("tester"), 0);
	for (int i = 0; i < 500; i++) {
		cJSON *value = cJSON_CreateNumber(i);
		kick_dest to = i % 2 ? kick_to_name("tester") : kick_to(tester);

		CHECK_INT(kick_send(to, value), 0);
		cJSON_Delete(value);
	}
	for (int i = 0; i < 500; i++)
		CHECK_INT(take_number(), i);
}

NODE_TEST(lib_messages, send_does_not_wait_for_the_receiver)
{
	kick_pid pid;
	kick_ref ref;

	CHECK_INT(kick_spawn_monitor(idle_pausing, NULL, &pid, &ref), 0);
	for (int i = 0; i < 10; i++)
		send_text(pid, "hello");
	CHECK_INT(kick_exit(pid, "kill"), 0);
	EXPECT_DOWN(ref, pid, "killed");
}

/* --- receive -----------------------------------------------------------------------
 */

NODE_TEST(lib_messages, receive_is_selective_and_keeps_the_order_of_the_rest)
{
	static const int wanted[] = { 7, 0, 9, 3 }, rest[] = { 1, 2, 4, 5, 6, 8 };
	kick_message *m;
	int none = 10;

	for (int i = 0; i < 10; i++)
		send_number(kick_self(), i);
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		int n = wanted[i];

		kick_message_free(TAKE(match_number, &n));
	}
	CHECK_INT(kick_receive(match_number, &none, 0, &m), -ETIMEDOUT);
	for (size_t i = 0; i < ARRAY_LEN(rest); i++)
		CHECK_INT(take_number(), rest[i]);
	EXPECT_SILENCE();
}

NODE_TEST(lib_messages, receive_takes_the_first_of_several_that_match)
{
	int two = 2;

	for (int i = 0; i < 6; i++)
		send_number(kick_self(), i % 3);
	kick_message_free(TAKE(match_number, &two));
	CHECK_INT(take_number(), 0);
	CHECK_INT(take_number(), 1);
	CHECK_INT(take_number(), 0);
	CHECK_INT(take_number(), 1);
	CHECK_INT(take_number(), 2);
}

NODE_TEST(lib_messages, receive_with_time_out_0_takes_only_what_is_there)
{
	kick_message *m = NULL;
	int one = 1, two = 2;

	CHECK_INT(kick_receive(NULL, NULL, 0, &m), -ETIMEDOUT);
	send_number(kick_self(), 1);
	CHECK_INT(kick_receive(match_number, &two, 0, &m), -ETIMEDOUT);
	CHECK_INT(kick_receive(match_number, &one, 0, &m), 0);
	kick_message_free(m);
	CHECK_INT(kick_receive(NULL, NULL, 0, &m), -ETIMEDOUT);
}

NODE_TEST(lib_messages, receive_with_time_out_0_takes_what_another_one_has_sent)
{
	kick_pid a = puppet();
	kick_message *m;

	/* The answer comes after it, on the same way. */
	CHECK_INT(puppet_do(a, "send", kick_self(), "there"), 0);
	CHECK_INT(kick_receive(NULL, NULL, 0, &m), 0);
	CHECK_TEXT(cJSON_GetStringValue(m->value), "there");
	kick_message_free(m);
}

NODE_TEST(lib_messages, receive_waits_its_whole_time_whatever_else_comes)
{
	int64_t begin = now_ms();
	kick_message *m = NULL;
	kick_ref ref;
	int none = -1;

	CHECK_INT(kick_receive(NULL, NULL, 60, &m), -ETIMEDOUT);
	CHECK(now_ms() - begin >= 60);
	begin = now_ms();
	CHECK_INT(kick_send_interval(5, kick_to(kick_self()), cJSON_CreateTrue(), &ref),
		0);
	CHECK_INT(kick_receive(match_number, &none, 60, &m), -ETIMEDOUT);
	CHECK(now_ms() - begin >= 60);
	CHECK(kick_cancel_timer(ref) >= 0);
	CHECK(kick_flush() > 0);
	EXPECT_SILENCE();
}

static void await_signal_and_send(void *pipe_end)
{
	char c;

	CHECK_INT(read(*(int *)pipe_end, &c, 1), 1);
	send_text(tester, "late");
}

NODE_TEST(lib_messages, receive_without_a_time_out_waits)
{
	static int ends[2];
	kick_message *m = NULL;
	kick_pid pid;

	tester = kick_self();
	CHECK_INT(pipe(ends), 0);
	CHECK_INT(kick_spawn(await_signal_and_send, &ends[0], &pid), 0);
	CHECK_INT(kick_receive(NULL, NULL, 30, &m), -ETIMEDOUT);
	CHECK_INT(write(ends[1], "x", 1), 1);
	CHECK_INT(kick_receive(NULL, NULL, KICK_INFINITY, &m), 0);
	CHECK_TEXT(cJSON_GetStringValue(m->value), "late");
	kick_message_free(m);
}

static void on_alarm(int sig)
{
	(void)sig;
}

NODE_TEST(lib_messages, receive_outlives_interrupting_signals)
{
	const struct itimerval often = { { 0, 2000 }, { 0, 2000 } };
	struct sigaction act = { .sa_handler = on_alarm };
	int64_t begin = now_ms();
	kick_message *m = NULL;
	kick_pid a = puppet();

	CHECK_INT(sigaction(SIGALRM, &act, NULL), 0);
	CHECK_INT(setitimer(ITIMER_REAL, &often, NULL), 0);
	CHECK_INT(kick_receive(NULL, NULL, 50, &m), -ETIMEDOUT);
	CHECK(now_ms() - begin >= 50);
	for (int i = 0; i < 100; i++)
		CHECK_INT(puppet_do(a, "ping", NOBODY, NULL), 0);
}

NODE_TEST(lib_messages, flush_frees_all_and_counts)
{
	kick_pid a = puppet();

	CHECK_INT(kick_trap_exit(true), 0);
	CHECK_INT(kick_link(a), 0);
	PUPPET_ENDS(a, "raise", "kaboom", "kaboom");
	for (int i = 0; i < 5; i++)
		send_number(kick_self(), i);
	node_settle();
	CHECK_INT(kick_flush(), 6);
	CHECK_INT(kick_flush(), 0);
	EXPECT_SILENCE();
}

NODE_TEST(lib_messages, info_counts_messages)
{
	cJSON *info;

	for (int i = 0; i < 5; i++)
		send_number(kick_self(), i);
	info = kick_info(kick_self());
	CHECK(info);
	CHECK_INT(cJSON_GetNumberValue(cJSON_GetObjectItem(info, "messages")), 5);
	cJSON_Delete(info);
	CHECK_INT(kick_flush(), 5);
}

NODE_TEST(lib_messages, the_descriptor_is_readable_when_something_has_come)
{
	struct pollfd p = { .fd = kick_fd(), .events = POLLIN };
	kick_pid a = puppet();
	kick_message *m;

	CHECK(p.fd >= 0);
	while (kick_receive(NULL, NULL, 0, &m) == 0)
		kick_message_free(m);
	for (int i = 0; i < 50; i++) {
		int got = 0;

		puppet_order(a, "ping", NULL);
		while (got == 0) {
			CHECK_INT(poll(&p, 1, NODE_PATIENCE_MS), 1);
			while (kick_receive(NULL, NULL, 0, &m) == 0) {
				kick_message_free(m);
				got++;
			}
		}
		CHECK_INT(got, 1);
	}
	CHECK_INT(poll(&p, 1, 0), 0);
}

/* What one sends oneself, and what was taken in while another function waited. */
NODE_TEST(lib_messages, the_descriptor_is_readable_when_the_mailbox_has_something)
{
	struct pollfd p = { .fd = kick_fd(), .events = POLLIN };
	kick_pid a = puppet();

	send_text(kick_self(), "mine");
	CHECK_INT(poll(&p, 1, NODE_PATIENCE_MS), 1);
	EXPECT_TEXT("mine");
	CHECK_INT(kick_receive(NULL, NULL, 0, &(kick_message *){ NULL }), -ETIMEDOUT);
	CHECK_INT(puppet_do(a, "send", kick_self(), "before the answer"), 0);
	CHECK_INT(poll(&p, 1, NODE_PATIENCE_MS), 1);
	EXPECT_TEXT("before the answer");
}

static void flood_without_end(void *unused)
{
	cJSON *value = long_text(4096, 'x');

	(void)unused;
	for (;;)
		CHECK_INT(kick_send(kick_to(tester), value), 0);
}

NODE_TEST(lib_messages, receive_ends_in_time_though_others_never_stop_to_send)
{
	kick_message *m;
	kick_pid pid;
	int none = -1;

	tester = kick_self();
	for (int i = 0; i < 2; i++)
		CHECK_INT(kick_spawn(flood_without_end, NULL, &pid), 0);
	CHECK_INT(kick_receive(match_plain, NULL, NODE_PATIENCE_MS, &m), 0);
	CHECK_INT(kick_receive(match_number, &none, 30, &m), -ETIMEDOUT);
	CHECK_INT(kick_receive(match_number, &none, 0, &m), -ETIMEDOUT);
}

/* --- size and number ---------------------------------------------------------------
 */

NODE_TEST(lib_messages, of_30_MB_come_whole_and_in_order)
{
	cJSON *value = long_text(30 * MIB, 'x');
	kick_message *m;
	kick_pid pid;

	tester = kick_self();
	CHECK_INT(kick_spawn(send_back, NULL, &pid), 0);
	send_number(pid, 1);
	CHECK_INT(kick_send(kick_to(pid), value), 0);
	send_number(pid, 2);
	CHECK_INT(take_number(), 1);
	m = TAKE(match_plain, NULL);
	CHECK(cJSON_IsString(m->value));
	CHECK(strcmp(m->value->valuestring, value->valuestring) == 0);
	kick_message_free(m);
	CHECK_INT(take_number(), 2);
	cJSON_Delete(value);
}

NODE_TEST(lib_messages, larger_ones_than_256_MiB_are_refused)
{
	/* Six bytes of JSON each. */
	cJSON *value = long_text(44 * (size_t)MIB, '\1');

	CHECK_INT(kick_send(kick_to(kick_self()), value), -EMSGSIZE);
	cJSON_Delete(value);
	EXPECT_SILENCE();
}

enum {
	FLOOD = 400,
	FLOOD_SIZE = 16384
};

static void flood(kick_pid to)
{
	cJSON *value = long_text(FLOOD_SIZE, 'f');
	kick_message *m;

	for (int i = 0; i < FLOOD; i++)
		CHECK_INT(kick_send(kick_to(to), value), 0);
	for (int i = 0; i < FLOOD; i++) {
		m = TAKE(match_plain, NULL);
		CHECK_INT(strlen(m->value->valuestring), FLOOD_SIZE);
		kick_message_free(m);
	}
	cJSON_Delete(value);
}

static void flood_back(void *unused)
{
	(void)unused;
	flood(tester);
	kick_message_free(TAKE(match_text, (char[]){ "end" }));
}

NODE_TEST(lib_messages, two_that_flood_each_other_both_come_through)
{
	tester = kick_self();
	for (int i = 0; i < 3; i++) {
		kick_pid pid;
		kick_ref ref;

		CHECK_INT(kick_spawn_monitor(flood_back, NULL, &pid, &ref), 0);
		flood(pid);
		send_text(pid, "end");
		EXPECT_DOWN(ref, pid, "normal");
	}
	EXPECT_SILENCE();
}

static kick_pid ring[3];

static bool is_from_tester(const kick_message *m, void *unused)
{
	(void)unused;
	return kick_pid_equal(m->from, tester);
}

static void flood_the_next(void *index)
{
	cJSON *value = long_text(FLOOD_SIZE, 'r');
	kick_message *m = NULL;
	kick_pid next;

	/* Who comes after it; the one before may be flooding already. */
	CHECK_INT(kick_receive(is_from_tester, NULL, KICK_INFINITY, &m), 0);
	next = kick_pid_from_json(m->value);
	kick_message_free(m);
	for (int i = 0; i < FLOOD; i++)
		CHECK_INT(kick_send(kick_to(next), value), 0);
	for (int i = 0; i < FLOOD; i++)
		kick_message_free(TAKE(match_plain, NULL));
	cJSON_Delete(value);
	send_number(tester, *(int *)index);
	idle_receiving(NULL);
}

NODE_TEST(lib_messages, a_ring_of_floods_comes_through)
{
	int n = (int)ARRAY_LEN(ring), seen = 0;

	tester = kick_self();
	for (int i = 0; i < n; i++)
		CHECK_INT(kick_spawn(flood_the_next, &i, &ring[i]), 0);
	for (int i = 0; i < n; i++) {
		cJSON *json = kick_pid_to_json(ring[(i + 1) % n]);

		CHECK_INT(kick_send(kick_to(ring[i]), json), 0);
		cJSON_Delete(json);
	}
	for (int i = 0; i < n; i++)
		seen |= 1 << take_number();
	CHECK_INT(seen, (1 << n) - 1);
}

static void receive_when_told(void *pipe_end)
{
	char c;
	int n = 0;
	kick_message *m;

	send_text(tester, "ready");
	CHECK_INT(read(*(int *)pipe_end, &c, 1), 1);
	for (;;) {
		m = TAKE(match_plain, NULL);
		if (strcmp(m->value->valuestring, "end") == 0)
			break;
		n++;
		kick_message_free(m);
	}
	kick_message_free(m);
	send_number(tester, n);
}

NODE_TEST(lib_messages, nowait_says_when_there_is_no_room)
{
	static int ends[2];
	cJSON *value = long_text(256 * 1024, 'x');
	kick_pid pid;
	int sent = 0, r;

	tester = kick_self();
	CHECK_INT(pipe(ends), 0);
	CHECK_INT(kick_spawn(receive_when_told, &ends[0], &pid), 0);
	EXPECT_TEXT("ready");
	while ((r = kick_send_nowait(kick_to(pid), value)) == 0) {
		sent++;
		CHECK(sent < 1024);
	}
	CHECK_INT(r, -EAGAIN);
	CHECK_INT(kick_send_nowait(kick_to(pid), value), -EAGAIN);
	CHECK(sent > 0);
	CHECK_INT(write(ends[1], "x", 1), 1);
	/* This one waits for room. What was not taken was not sent, not even in part.
	 */
	send_text(pid, "end");
	CHECK_INT(take_number(), sent);
	cJSON_Delete(value);
}

static void kill_when_told(void *pid)
{
	kick_message_free(TAKE(match_plain, NULL));
	CHECK_INT(kick_exit(*(kick_pid *)pid, "kill"), 0);
}

NODE_TEST(lib_messages, a_sender_that_waits_goes_on_when_the_receiver_dies)
{
	cJSON *value = long_text(MIB, 'x');
	kick_pid pid, killer;

	CHECK_INT(kick_spawn(idle_pausing, NULL, &pid), 0);
	CHECK_INT(kick_spawn(kill_when_told, &pid, &killer), 0);
	while (kick_send_nowait(kick_to(pid), value) == 0)
		continue;
	send_text(killer, "now");
	CHECK_INT(kick_send(kick_to(pid), value), 0);
	node_gone(pid);
	CHECK_INT(kick_send(kick_to(pid), value), 0);
	CHECK_INT(kick_send_nowait(kick_to(pid), value), 0);
	cJSON_Delete(value);
	EXPECT_SILENCE();
}

/* --- timers ------------------------------------------------------------------------
 */

NODE_TEST(lib_messages, send_after_sends_once_and_not_too_early)
{
	cJSON *value = cJSON_CreateString("tick");
	int64_t begin = now_ms();
	kick_ref ref = 0;

	CHECK_INT(kick_send_after(40, kick_to(kick_self()), value, &ref), 0);
	cJSON_Delete(value);
	CHECK(ref != 0);
	EXPECT_TEXT("tick");
	CHECK(now_ms() - begin >= 40);
	CHECK_INT(kick_cancel_timer(ref), -ESRCH);
	CHECK_INT(kick_read_timer(ref), -ESRCH);
	EXPECT_SILENCE();
}

static cJSON *number(int n)
{
	return cJSON_CreateNumber(n);
}

NODE_TEST(lib_messages, timers_come_in_the_order_of_their_times)
{
	static const int at[] = { 90, 30, 120, 0, 60 };
	kick_ref ref;

	for (size_t i = 0; i < ARRAY_LEN(at); i++)
		CHECK_INT(kick_send_after(
				  at[i], kick_to(kick_self()), number(at[i]), &ref),
			0);
	for (int last = -1, i = 0; i < (int)ARRAY_LEN(at); i++) {
		int n = take_number();

		CHECK(n > last);
		last = n;
	}
	EXPECT_SILENCE();
}

NODE_TEST(lib_messages, a_timer_can_be_read_and_cancelled)
{
	kick_ref ref, other;
	int64_t left;

	CHECK_INT(kick_send_after(3600000, kick_to(kick_self()), number(1), &ref), 0);
	CHECK_INT(kick_send_after(20, kick_to(kick_self()), number(2), &other), 0);
	CHECK(ref != other);
	left = kick_read_timer(ref);
	CHECK(left > 3000000 && left <= 3600000);
	left = kick_cancel_timer(ref);
	CHECK(left > 3000000 && left <= 3600000);
	CHECK_INT(kick_cancel_timer(ref), -ESRCH);
	CHECK_INT(take_number(), 2);
	CHECK_INT(kick_cancel_timer(0), -ESRCH);
	CHECK_INT(kick_read_timer(12345678), -ESRCH);
	EXPECT_SILENCE();
}

NODE_TEST(lib_messages, an_interval_comes_again_and_again_until_cancelled)
{
	kick_ref ref;
	kick_message *m;

	CHECK_INT(kick_send_interval(10, kick_to(kick_self()), number(7), &ref), 0);
	for (int i = 0; i < 5; i++)
		CHECK_INT(take_number(), 7);
	CHECK(kick_read_timer(ref) >= 0);
	CHECK(kick_cancel_timer(ref) >= 0);
	node_settle();
	(void)kick_flush();
	CHECK_INT(kick_receive(NULL, NULL, 50, &m), -ETIMEDOUT);
}

static void arm_and_end(void *unused)
{
	kick_ref ref;

	(void)unused;
	CHECK_INT(kick_send_after(30, kick_to(tester), number(5), &ref), 0);
}

NODE_TEST(lib_messages, a_timer_outlives_its_maker)
{
	kick_pid pid;
	kick_ref ref;

	tester = kick_self();
	CHECK_INT(kick_spawn_monitor(arm_and_end, NULL, &pid, &ref), 0);
	EXPECT_DOWN(ref, pid, "normal");
	CHECK_INT(take_number(), 5);
}

NODE_TEST(lib_messages, a_timer_does_not_outlive_its_receiver)
{
	kick_pid a = puppet();
	kick_ref once, often;

	CHECK_INT(kick_send_after(3600000, kick_to(a), number(1), &once), 0);
	CHECK_INT(kick_send_interval(3600000, kick_to(a), number(1), &often), 0);
	CHECK(kick_read_timer(once) > 0);
	PUPPET_ENDS(a, "return", NULL, "normal");
	CHECK_INT(kick_read_timer(once), -ESRCH);
	CHECK_INT(kick_cancel_timer(often), -ESRCH);
}

NODE_TEST(lib_messages, a_timer_can_be_for_a_name)
{
	kick_ref ref;

	CHECK_INT(kick_register("tester"), 0);
	CHECK_INT(kick_send_after(10, kick_to_name("tester"), number(3), &ref), 0);
	CHECK_INT(take_number(), 3);
}

NODE_TEST(lib_messages, a_timer_s_message_is_at_most_32_KiB)
{
	cJSON *fits = long_text(32000, 'x'), *does_not = long_text(33000, 'x');
	kick_message *m;
	kick_ref ref;

	CHECK(kick_send_after(0, kick_to(kick_self()), does_not, &ref) < 0);
	CHECK_INT(kick_send_after(0, kick_to(kick_self()), fits, &ref), 0);
	m = TAKE(match_plain, NULL);
	CHECK_INT(strlen(m->value->valuestring), 32000);
	kick_message_free(m);
	EXPECT_SILENCE();
}

/* --- the process dictionary --------------------------------------------------------
 */

NODE_TEST(lib_messages, the_dictionary_keeps_values)
{
	CHECK(!kick_get("a"));
	CHECK_INT(kick_put("a", number(1)), 0);
	CHECK_INT(kick_put("b", cJSON_CreateString("two")), 0);
	CHECK_INT(kick_get("a")->valueint, 1);
	CHECK_INT(kick_put("a", number(3)), 0);
	CHECK_INT(kick_get("a")->valueint, 3);
	CHECK_TEXT(kick_get("b")->valuestring, "two");
	CHECK(!kick_get("A"));
}
