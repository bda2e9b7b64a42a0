/* libkick: names; and strangers at the node's sockets. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "support/nodetest.h"

TestSuite(lib_names, .timeout = 120);
TestSuite(lib_hostile, .timeout = 120);

static kick_pid tester;

static int send_name(const char *name, const char *text)
{
	cJSON *value = cJSON_CreateString(text);
	int r = kick_send(kick_to_name(name), value);

	cJSON_Delete(value);
	return r;
}

static int names_of(kick_pid pid)
{
	cJSON *info = kick_info(pid);
	int n;

	CHECK(info);
	n = cJSON_GetArraySize(cJSON_GetObjectItem(info, "names"));
	cJSON_Delete(info);
	return n;
}

NODE_TEST(lib_names, a_name_leads_to_its_process)
{
	kick_pid a = puppet(), found = NOBODY;

	CHECK_INT(kick_whereis("worker", &found), -ESRCH);
	CHECK_INT(found.id, 0);
	CHECK_INT(puppet_do(a, "register", NOBODY, "worker"), 0);
	CHECK_INT(kick_whereis("worker", &found), 0);
	CHECK_PID(found, a);
	CHECK_INT(kick_register("tester"), 0);
	CHECK_INT(kick_whereis("tester", &found), 0);
	CHECK_PID(found, kick_self());
	CHECK_INT(send_name("tester", "to myself"), 0);
	EXPECT_TEXT("to myself");
	CHECK_INT(names_of(a), 1);
}

NODE_TEST(lib_names, a_name_is_given_once)
{
	kick_pid a = puppet(), b = puppet(), found;

	CHECK_INT(puppet_do(a, "register", NOBODY, "worker"), 0);
	CHECK_INT(puppet_do(b, "register", NOBODY, "worker"), -EEXIST);
	CHECK_INT(kick_register("worker"), -EEXIST);
	CHECK_INT(puppet_do(a, "register", NOBODY, "worker"), -EEXIST);
	CHECK_INT(kick_whereis("worker", &found), 0);
	CHECK_PID(found, a);
}

NODE_TEST(lib_names, names_have_a_form)
{
	static const char long_one[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV"
		"WXYZ0123456789_";
	static const char too_long[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV"
		"WXYZ0123456789_.";
	static const char *const bad[] = { "", too_long, "a b", "a/b", "../a", "a\n",
		"\xc3\xa4", "a\"b", "a:b", "a\\b" };
	static const char *const good[] = { "a", "Z", "0", "a.b@c-d_e", long_one };
	kick_pid found;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		int r = kick_register(bad[i]);

		if (r >= 0 || r == -EEXIST)
			FAIL("'%s' gives %d", bad[i], r);
		CHECK(kick_whereis(bad[i], &found) < 0);
		CHECK(send_name(bad[i], "x") < 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		CHECK_INT(kick_register(good[i]), 0);
		CHECK_INT(kick_whereis(good[i], &found), 0);
	}
	CHECK_INT(names_of(kick_self()), ARRAY_LEN(good));
}

NODE_TEST(lib_names, unregister_frees_the_name_and_not_the_process)
{
	kick_pid a = puppet(), b = puppet(), found;

	CHECK(kick_unregister("worker") < 0);
	CHECK_INT(puppet_do(a, "register", NOBODY, "worker"), 0);
	CHECK_INT(puppet_do(a, "register", NOBODY, "other"), 0);
	CHECK_INT(puppet_do(a, "unregister", NOBODY, "worker"), 0);
	CHECK_INT(kick_whereis("worker", &found), -ESRCH);
	CHECK_INT(send_name("worker", "x"), -ESRCH);
	CHECK_INT(kick_whereis("other", &found), 0);
	CHECK_INT(puppet_do(b, "register", NOBODY, "worker"), 0);
	CHECK_INT(kick_whereis("worker", &found), 0);
	CHECK_PID(found, b);
	CHECK_INT(puppet_do(a, "ping", NOBODY, NULL), 0);
}

NODE_TEST(lib_names, a_name_goes_with_its_process)
{
	static const char *const ends[][2] = { { "return", NULL }, { "raise", "x" },
		{ "status", "1" }, { "signal", "9" }, { "signal", "11" } };
	kick_pid found;
	kick_ref ref;

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		kick_pid a = puppet();

		CHECK_INT(puppet_do(a, "register", NOBODY, "worker"), 0);
		CHECK_INT(puppet_do(a, "register", NOBODY, "second"), 0);
		CHECK_INT(kick_monitor(a, &ref), 0);
		puppet_order(a, ends[i][0], ends[i][1]);
		kick_message_free(TAKE(NULL, NULL));
		/* Whoever has heard of its end finds the name free. */
		CHECK_INT(kick_whereis("worker", &found), -ESRCH);
		CHECK_INT(send_name("second", "x"), -ESRCH);
		CHECK_INT(kick_register("worker"), 0);
		CHECK_INT(kick_unregister("worker"), 0);
	}
}

static kick_pid echo_named(const char *name)
{
	kick_pid a = puppet();

	CHECK_INT(puppet_do(a, "register", NOBODY, name), 0);
	return a;
}

static bool match_own_order(const kick_message *m, void *unused)
{
	(void)unused;
	return m->kind == KICK_MESSAGE && cJSON_HasObjectItem(m->value, "answer");
}

/* An order for a puppet, to a name. */
static int order_by_name(const char *name, const char *verb)
{
	cJSON *order = cJSON_CreateObject();
	int r;

	cJSON_AddStringToObject(order, "verb", verb);
	cJSON_AddNumberToObject(order, "number", 0);
	cJSON_AddItemToObject(order, "asker", kick_pid_to_json(kick_self()));
	r = kick_send(kick_to_name(name), order);
	cJSON_Delete(order);
	return r;
}

NODE_TEST(lib_names, a_message_finds_the_one_that_has_the_name_now)
{
	for (int i = 0; i < 40; i++) {
		kick_pid a = echo_named("worker");
		kick_message *m;

		CHECK_INT(order_by_name("worker", "ospid"), 0);
		m = TAKE(match_own_order, NULL);
		CHECK_INT(cJSON_GetObjectItem(m->value, "result")->valueint,
			puppet_os_pid(a));
		kick_message_free(m);
		if (i % 2)
			PUPPET_ENDS(a, "signal", "9", "killed");
		else
			CHECK_INT(puppet_do(a, "unregister", NOBODY, "worker"), 0);
		CHECK_INT(order_by_name("worker", "ping"), -ESRCH);
		CHECK_INT(kick_cast(kick_to_name("worker"), cJSON_CreateNull()), 0);
	}
	EXPECT_SILENCE();
}

static void compete(void *unused)
{
	(void)unused;
	kick_message_free(TAKE(match_plain, NULL));
	send_number(tester, kick_register("prize"));
	idle_receiving(NULL);
}

NODE_TEST(lib_names, of_many_that_want_a_name_one_gets_it)
{
	enum {
		N = 12
	};
	kick_pid all[N], found;
	int won = 0;

	tester = kick_self();
	for (int round = 0; round < 5; round++, won = 0) {
		for (int i = 0; i < N; i++)
			CHECK_INT(kick_spawn(compete, NULL, &all[i]), 0);
		for (int i = 0; i < N; i++)
			send_text(all[i], "go");
		for (int i = 0; i < N; i++) {
			int r = take_number();

			CHECK(r == 0 || r == -EEXIST);
			won += r == 0;
		}
		CHECK_INT(won, 1);
		CHECK_INT(kick_whereis("prize", &found), 0);
		for (int i = 0; i < N; i++)
			CHECK_INT(kick_exit(all[i], "kill"), 0);
		for (int i = 0; i < N; i++)
			node_gone(all[i]);
		CHECK_INT(kick_whereis("prize", &found), -ESRCH);
	}
}

/* --- killed at every step ----------------------------------------------------------
 */

static void register_and_unregister(void *us)
{
	struct sigevent e = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL };
	struct itimerspec when = { .it_value = { .tv_nsec = *(int *)us * 1000 + 1 } };
	timer_t timer;

	CHECK_INT(timer_create(CLOCK_MONOTONIC, &e, &timer), 0);
	CHECK_INT(timer_settime(timer, 0, &when, NULL), 0);
	for (;;) {
		CHECK_INT(kick_register("worker"), 0);
		CHECK_INT(kick_unregister("worker"), 0);
	}
}

NODE_TEST(lib_names, kill_9_at_any_step_of_a_registration)
{
	for (int us = 0; us < 3000; us += 41) {
		kick_pid pid, found;
		kick_ref ref;

		CHECK_INT(kick_spawn_monitor(register_and_unregister, &us, &pid, &ref),
			0);
		EXPECT_DOWN(ref, pid, "killed");
		CHECK_INT(kick_whereis("worker", &found), -ESRCH);
		CHECK_INT(kick_register("worker"), 0);
		CHECK_INT(kick_unregister("worker"), 0);
	}
	EXPECT_SILENCE();
}

/* --- strangers ---------------------------------------------------------------------
 */

static char sockets[64][108];
static int n_sockets;

static int note_socket(
	const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)type;
	(void)at;
	if (S_ISSOCK(st->st_mode) && n_sockets < (int)ARRAY_LEN(sockets))
		(void)snprintf(sockets[n_sockets++], sizeof sockets[0], "%.107s", path);
	return 0;
}

/* -1: this is no socket of that type. */
static int connect_to(const char *path, int type)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	CHECK(fd >= 0);
	(void)snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
		return fd;
	CHECK(errno == EPROTOTYPE || errno == EAGAIN || errno == ECONNREFUSED);
	(void)close(fd);
	return -1;
}

struct bytes {
	const void *at;
	size_t size;
};

static unsigned seed = 1;

static void fill(unsigned char *at, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		seed = seed * 1103515245 + 12345;
		at[i] = (unsigned char)(seed >> 16);
	}
}

static size_t hostile(struct bytes *all)
{
	static unsigned char junk[65536], ones[4096], zeros[4096], open_brackets[8192];
	static const char json[] = "{\"verb\":\"return\"}\n",
			  http[] = "GET / HTTP/1.1\r\n\r\n";
	/* Lengths: 4 GiB - 1 and 2 GiB in either order of bytes, then 1 and a half. */
	static const unsigned char lengths[][12] = { { 0xff, 0xff, 0xff, 0xff, 1 },
		{ 0, 0, 0, 0x80, 1 }, { 0x80, 0, 0, 0, 1 }, { 0, 0, 0, 1 },
		{ 1, 0, 0, 0 }, { 0xff, 0xff, 0xff, 0x7f, 0, 1, 2, 3 } };
	size_t n = 0;

	fill(junk, sizeof junk);
	memset(ones, 0xff, sizeof ones);
	memset(open_brackets, '[', sizeof open_brackets);
	all[n++] = (struct bytes){ "", 0 };
	all[n++] = (struct bytes){ "x", 1 };
	all[n++] = (struct bytes){ junk, 7 };
	all[n++] = (struct bytes){ junk, 100 };
	all[n++] = (struct bytes){ junk, sizeof junk };
	all[n++] = (struct bytes){ ones, sizeof ones };
	all[n++] = (struct bytes){ zeros, sizeof zeros };
	all[n++] = (struct bytes){ open_brackets, sizeof open_brackets };
	all[n++] = (struct bytes){ json, sizeof json - 1 };
	all[n++] = (struct bytes){ http, sizeof http - 1 };
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++)
		all[n++] = (struct bytes){ lengths[i], sizeof lengths[i] };
	return n;
}

static void find_sockets(void)
{
	n_sockets = 0;
	CHECK_INT(nftw(getenv("TMPDIR"), note_socket, 16, FTW_PHYS), 0);
	CHECK(n_sockets > 0);
}

static void check_all_is_well(kick_pid a)
{
	kick_pid b = puppet(), found;

	CHECK_INT(puppet_do(a, "ping", NOBODY, NULL), 0);
	CHECK_INT(kick_whereis("worker", &found), 0);
	CHECK_PID(found, a);
	CHECK_INT(puppet_do(b, "send", a, "hello"), 0);
	PUPPET_ENDS(b, "raise", "x", "x");
}

NODE_TEST(lib_hostile, bytes_that_are_no_messages_are_nobody_s_trouble)
{
	static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET };
	struct bytes all[32];
	size_t n = hostile(all);
	kick_pid a = echo_named("worker");
	int open[2048], n_open = 0, reached = 0;

	find_sockets();
	for (int s = 0; s < n_sockets; s++)
		for (size_t i = 0; i < n * ARRAY_LEN(types); i++) {
			const struct bytes *b = &all[i % n];
			int fd = connect_to(sockets[s], types[i / n]);

			if (fd < 0)
				continue;
			reached++;
			if (b->size)
				(void)send(fd, b->at, b->size, MSG_NOSIGNAL);
			/* Half of them hang up, the others keep the line. */
			if (i % 2 || n_open == (int)ARRAY_LEN(open))
				(void)close(fd);
			else
				open[n_open++] = fd;
			if (i % 8 == 0)
				check_all_is_well(a);
		}
	CHECK(reached > 0);
	check_all_is_well(a);
	for (int i = 0; i < n_open; i++)
		(void)close(open[i]);
	check_all_is_well(a);
	CHECK_INT(puppet_do(a, "quiet", NOBODY, NULL), 0);
	EXPECT_SILENCE();
}

NODE_TEST(lib_hostile, many_silent_connections_are_nobody_s_trouble)
{
	kick_pid a = echo_named("worker");
	int n = 0;

	find_sockets();
	for (int s = 0; s < n_sockets; s++)
		for (int i = 0; i < 100; i++)
			n += connect_to(sockets[s], SOCK_STREAM) >= 0;
	check_all_is_well(a);
	CHECK(n >= 0);
}

static void random_bytes(void *unused)
{
	unsigned char bytes[512];

	(void)unused;
	for (int i = 0; i < 400; i++) {
		int fd = connect_to(sockets[i % n_sockets], SOCK_STREAM);
		size_t size = 1 + seed % sizeof bytes;

		fill(bytes, sizeof bytes);
		/* Small numbers are likelier to be lengths and kinds. */
		for (size_t k = 0; k < 16 && i % 3; k++)
			bytes[k] &= (unsigned char)(bytes[k + 16] & 3);
		if (fd < 0)
			continue;
		(void)send(fd, bytes, size, MSG_NOSIGNAL);
		(void)close(fd);
	}
	send_text(tester, "done");
}

NODE_TEST(lib_hostile, random_bytes_are_nobody_s_trouble)
{
	kick_pid a = echo_named("worker"), pid;

	tester = kick_self();
	seed = (unsigned)time(NULL);
	find_sockets();
	CHECK_INT(kick_spawn(random_bytes, NULL, &pid), 0);
	for (int i = 0; i < 50; i++)
		check_all_is_well(a);
	EXPECT_TEXT("done");
	check_all_is_well(a);
}
