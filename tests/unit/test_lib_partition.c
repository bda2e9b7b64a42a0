/* libkick: partition supervisors, and keys as addresses. The rules PART of OTP. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "support/nodetest.h"

TestSuite(lib_partition, .timeout = 120);

/* --- partitions: servers that answer with what they were started with --------------
 */

static int part_init(kick_server *s, const cJSON *args)
{
	if (cJSON_IsString(args) && strcmp(args->valuestring, "fail") == 0)
		return kick_server_stop(s, "nope");
	kick_server_set_state(s, cJSON_Duplicate(args, true));
	return KICK_OK;
}

static int part_call(kick_server *s, kick_from from, const cJSON *request)
{
	(void)request;
	return kick_reply(from, kick_server_state(s));
}

static int part_cast(kick_server *s, const cJSON *request)
{
	(void)s;
	return kick_send(kick_to_name("tester"), request);
}

static int part_info(kick_server *s, const kick_message *m)
{
	return m->kind == KICK_MESSAGE ? part_cast(s, m->value) : KICK_OK;
}

static const kick_gen_server part_callbacks = { .init = part_init,
	.handle_call = part_call,
	.handle_cast = part_cast,
	.handle_info = part_info };

/* So many of the next starts of the highest partition fail. */
static int *failures;

static int start_part(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	if (*failures > 0) {
		(*failures)--;
		(void)snprintf(why->text, sizeof why->text, "no_way");
		return -EACCES;
	}
	return kick_server_start_link(&part_callbacks, args, NULL, ret, why);
}

static int start_dynamic(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	(void)args;
	return kick_dynamic_supervisor_start_link(NULL, ret, why);
}

/* --- the caller's side --------------------------------------------------------------
 */

static const kick_child_spec plain = { .start = start_part };

static void begin(void)
{
	failures = mmap(NULL, sizeof *failures, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(failures != MAP_FAILED);
	CHECK_INT(kick_trap_exit(true), 0);
	CHECK_INT(kick_register("tester"), 0);
}

static kick_supervisor_options named(const char *name)
{
	kick_supervisor_options o = KICK_SUPERVISOR_DEFAULTS;

	o.name = name;
	o.max_restarts = UINT32_MAX;
	return o;
}

/* {"partition": i, "of": args} */
static cJSON *number_them(const cJSON *args, int partition)
{
	cJSON *json = cJSON_CreateObject();

	(void)cJSON_AddNumberToObject(json, "partition", partition);
	(void)cJSON_AddItemToObject(json, "of", cJSON_Duplicate(args, true));
	return json;
}

static kick_pid up(int n)
{
	kick_supervisor_options o = named("parts");
	kick_child_spec spec = plain;
	cJSON *args = cJSON_CreateString("x");
	kick_pid sup = NOBODY;

	spec.args = args;
	CHECK_INT(kick_partition_supervisor_start_link(
			  &o, &spec, n, number_them, &sup, NULL),
		0);
	cJSON_Delete(args);
	return sup;
}

/* Takes the key over. */
static int resolve(cJSON *key, kick_pid *ret)
{
	int r = kick_resolve(kick_partition("parts", key), ret);

	cJSON_Delete(key);
	return r;
}

/* The number of the partition that a key leads to, as that says itself; or an error. */
static int number_at(cJSON *key)
{
	cJSON *said = NULL;
	int r = kick_call(
		kick_partition("parts", key), NULL, NODE_PATIENCE_MS, &said, NULL);

	if (r == 0)
		r = cJSON_GetObjectItem(said, "partition")->valueint;
	cJSON_Delete(said);
	cJSON_Delete(key);
	return r;
}

static kick_pid pid_at(int i)
{
	kick_pid pid = NOBODY;

	CHECK_INT(resolve(cJSON_CreateNumber(i), &pid), 0);
	return pid;
}

/* Until the key leads to another process than before. */
static kick_pid pid_after(int i, kick_pid before)
{
	kick_pid pid = before;
	int r;

	do {
		r = resolve(cJSON_CreateNumber(i), &pid);
		CHECK(r == 0 || r == -ESRCH);
	} while (r < 0 || kick_pid_equal(pid, before));
	return pid;
}

static void check_children(const char *file, int line, kick_dest sup, const char *want)
{
	char got[400] = "";
	cJSON *all = NULL;
	const cJSON *one;
	size_t n = 0;

	node_check_int(file, line, "which_children",
		kick_supervisor_which_children(sup, &all), 0);
	cJSON_ArrayForEach(one, all) n += (size_t)snprintf(got + n, sizeof got - n,
		"%s%s%s", n ? " " : "", cJSON_GetObjectItem(one, "id")->valuestring,
		cJSON_IsNull(cJSON_GetObjectItem(one, "pid")) ? "-" : "");
	cJSON_Delete(all);
	node_check_text(file, line, "which_children", got, want);
}
#define CHILDREN(want) check_children(__FILE__, __LINE__, kick_to_name("parts"), want)

static void check_counts(
	const char *file, int line, int specs, int active, int supervisors, int workers)
{
	static const char *const keys[] = { "specs", "active", "supervisors",
		"workers" };
	int want[] = { specs, active, supervisors, workers };
	cJSON *c = NULL;

	node_check_int(file, line, "count_children",
		kick_supervisor_count_children(kick_to_name("parts"), &c), 0);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		node_check_int(file, line, keys[i],
			cJSON_GetObjectItem(c, keys[i])->valueint, want[i]);
	cJSON_Delete(c);
}
#define COUNTS(...) check_counts(__FILE__, __LINE__, __VA_ARGS__)

static pid_t os_pid(kick_pid pid)
{
	cJSON *info = kick_info(pid);
	pid_t os = cJSON_GetObjectItem(info, "os_pid")->valueint;

	cJSON_Delete(info);
	return os;
}

/* FNV-1a of 64 bits, as kick.h says. */
static uint64_t fnv(const char *text)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *text; text++) {
		h ^= (unsigned char)*text;
		h *= UINT64_C(0x100000001b3);
	}
	return h;
}

/* --- the start ----------------------------------------------------------------------
 */

NODE_TEST(lib_partition, part_01_n_copies_with_ids_from_0)
{
	begin();
	(void)up(4);
	CHECK_INT(kick_partition_supervisor_partitions(kick_to_name("parts")), 4);
	CHILDREN("3 2 1 0");
	COUNTS(4, 4, 0, 4);
}

NODE_TEST(lib_partition, part_01_the_number_of_processors_by_default)
{
	begin();
	(void)up(0);
	CHECK_INT(kick_partition_supervisor_partitions(kick_to_name("parts")),
		sysconf(_SC_NPROCESSORS_ONLN));
}

static cJSON *give_nothing(const cJSON *args, int partition)
{
	return partition < 1 ? cJSON_Duplicate(args, true) : NULL;
}

NODE_TEST(lib_partition, part_01_what_is_refused)
{
	kick_supervisor_options o = named("parts");
	kick_child_spec bad = plain;
	kick_pid sup = NOBODY;

	begin();
#define REFUSED(options, spec, n, with)                                \
	CHECK_INT(kick_partition_supervisor_start_link(                \
			  (options), (spec), (n), (with), &sup, NULL), \
		-EINVAL)
	REFUSED(NULL, &plain, 2, NULL);
	o.name = NULL;
	REFUSED(&o, &plain, 2, NULL);
	o.name = "no/name";
	REFUSED(&o, &plain, 2, NULL);
	o.name = "parts";
	REFUSED(&o, NULL, 2, NULL);
	REFUSED(&o, &plain, -1, NULL);
	REFUSED(&o, &plain, 1000000000, NULL);
	REFUSED(&o, &plain, 2, give_nothing);
	o.auto_shutdown = KICK_ANY_SIGNIFICANT;
	REFUSED(&o, &plain, 2, NULL);
	o.auto_shutdown = KICK_NEVER;
	o.strategy = (kick_strategy)9;
	REFUSED(&o, &plain, 2, NULL);
	o.strategy = KICK_ONE_FOR_ONE;
	bad.start = NULL;
	REFUSED(&o, &bad, 2, NULL);
	bad = plain;
	bad.restart = KICK_TRANSIENT;
	bad.significant = true;
	REFUSED(&o, &bad, 2, NULL);
	CHECK_INT(kick_whereis("parts", &sup), -ESRCH);
	EXPECT_SILENCE();
}

NODE_TEST(lib_partition, part_01_one_that_cannot_start)
{
	kick_supervisor_options o = named("parts");
	kick_child_spec spec = plain;
	cJSON *fail = cJSON_CreateString("fail");
	kick_reason why = { "" };
	kick_pid sup;

	begin();
	spec.args = fail;
	CHECK_INT(kick_partition_supervisor_start_link(&o, &spec, 3, NULL, &sup, &why),
		-ECANCELED);
	CHECK_TEXT(why.text, "shutdown:failed_to_start:0");
	CHECK_INT(kick_whereis("parts", &sup), -ESRCH);
}

NODE_TEST(lib_partition, part_02_its_strategy)
{
	kick_supervisor_options o = named("parts");
	kick_pid sup, zero, two;
	kick_ref ref;

	begin();
	o.strategy = KICK_REST_FOR_ONE;
	CHECK_INT(kick_partition_supervisor_start_link(&o, &plain, 3, NULL, &sup, NULL),
		0);
	zero = pid_at(0);
	two = pid_at(2);
	CHECK_INT(kick_monitor(two, &ref), 0);
	CHECK_INT(kick_exit(pid_at(1), "kill"), 0);
	EXPECT_DOWN(ref, two, "shutdown");
	(void)pid_after(2, two);
	CHECK_PID(pid_at(0), zero);
}

NODE_TEST(lib_partition, part_02_it_gives_up_as_others_do)
{
	kick_supervisor_options o = named("parts");
	kick_pid sup;

	begin();
	o.max_restarts = 0;
	CHECK_INT(kick_partition_supervisor_start_link(&o, &plain, 2, NULL, &sup, NULL),
		0);
	CHECK_INT(kick_exit(pid_at(1), "kill"), 0);
	EXPECT_EXIT(sup, "shutdown:max_restarts");
}

NODE_TEST(lib_partition, part_03_arguments_of_their_own)
{
	kick_pid before;
	cJSON *said = NULL;

	begin();
	(void)up(3);
	for (int i = 0; i < 3; i++)
		CHECK_INT(number_at(cJSON_CreateNumber(i)), i);
	/* The same after a restart. */
	before = pid_at(2);
	CHECK_INT(kick_exit(before, "kill"), 0);
	CHECK_INT(kick_call(kick_to(pid_after(2, before)), NULL, NODE_PATIENCE_MS,
			  &said, NULL),
		0);
	CHECK_INT(cJSON_GetObjectItem(said, "partition")->valueint, 2);
	CHECK_TEXT(cJSON_GetObjectItem(said, "of")->valuestring, "x");
}

NODE_TEST(lib_partition, part_03_without_all_have_the_same)
{
	kick_supervisor_options o = named("parts");
	kick_child_spec spec = plain;
	cJSON *args = cJSON_CreateString("same"), *said = NULL;
	kick_pid sup;

	begin();
	spec.args = args;
	CHECK_INT(kick_partition_supervisor_start_link(&o, &spec, 2, NULL, &sup, NULL),
		0);
	for (int i = 0; i < 2; i++) {
		CHECK_INT(kick_call(kick_to(pid_at(i)), NULL, NODE_PATIENCE_MS, &said,
				  NULL),
			0);
		CHECK_TEXT(said->valuestring, "same");
		cJSON_Delete(said);
	}
}

/* --- keys ---------------------------------------------------------------------------
 */

NODE_TEST(lib_partition, part_04_whole_numbers)
{
	static const struct {
		double key;
		int at;
	} rows[] = { { 0, 0 }, { 4, 4 }, { 5, 0 }, { 7, 2 }, { -1, 1 }, { -4, 4 },
		{ -5, 0 }, { -7, 2 }, { 1e15, 0 }, { 1e15 + 3, 3 }, { -0.0, 0 },
		{ 9007199254740992.0, 2 } };

	begin();
	(void)up(5);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK_INT(number_at(cJSON_CreateNumber(rows[i].key)), rows[i].at);
}

NODE_TEST(lib_partition, part_04_other_keys_by_their_hash)
{
	static const char *const keys[] = { "\"\"", "\"a\"", "\"user:17\"",
		"\"\\u00e4\\n\"", "null", "true", "[1, 2]", "{\"a\": [null]}", "0.5",
		"1e300", "-1.25e-7" };
	char *big = malloc(1 << 20);

	begin();
	(void)up(7);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		cJSON *key = cJSON_Parse(keys[i]);
		char *text = cJSON_PrintUnformatted(key);
		int want = (int)(fnv(text) % 7);

		free(text);
		for (int k = 0; k < 3; k++)
			CHECK_INT(number_at(cJSON_Duplicate(key, true)), want);
		cJSON_Delete(key);
	}
	memset(big, 'k', (1 << 20) - 1);
	big[(1 << 20) - 1] = '\0';
	CHECK(number_at(cJSON_CreateString(big)) >= 0);
	free(big);
	/* What other programs must get as well. */
	CHECK(fnv("\"a\"") == UINT64_C(0xd4272417d7c77eea));
}

NODE_TEST(lib_partition, part_04_no_key)
{
	kick_pid pid;

	begin();
	(void)up(2);
	CHECK_INT(kick_resolve(kick_partition("parts", NULL), &pid), -EINVAL);
	CHECK_INT(kick_call(kick_partition("parts", NULL), NULL, 1000, NULL, NULL),
		-EINVAL);
}

NODE_TEST(lib_partition, part_04_wherever_a_destination_stands)
{
	cJSON *key = cJSON_CreateString("k"), *hello = cJSON_CreateString("hello");
	kick_dest to = kick_partition("parts", key);
	kick_pid pid;
	kick_ref ref;

	begin();
	(void)up(3);
	CHECK_INT(kick_cast(to, hello), 0);
	EXPECT_TEXT("hello");
	CHECK_INT(kick_send(to, hello), 0);
	EXPECT_TEXT("hello");
	CHECK_INT(kick_send_nowait(to, hello), 0);
	EXPECT_TEXT("hello");
	CHECK_INT(kick_send_after(0, to, hello, &ref), 0);
	EXPECT_TEXT("hello");
	CHECK_INT(kick_resolve(to, &pid), 0);
	CHECK_INT(kick_monitor(pid, &ref), 0);
	CHECK_INT(kick_server_stop_call(to, "kaboom", NODE_PATIENCE_MS, NULL), 0);
	EXPECT_DOWN(ref, pid, "kaboom");
}

NODE_TEST(lib_partition, part_04_keys_find_the_successor)
{
	kick_pid before, other;

	begin();
	(void)up(3);
	before = pid_at(1);
	other = pid_at(2);
	for (int i = 0; i < 5; i++) {
		kick_pid now;

		CHECK_INT(kill(os_pid(before), SIGKILL), 0);
		now = pid_after(1, before);
		CHECK_INT(kick_alive(now), 1);
		CHECK_INT(number_at(cJSON_CreateNumber(1)), 1);
		CHECK_PID(pid_at(2), other);
		before = now;
	}
	CHILDREN("2 1 0");
}

NODE_TEST(lib_partition, part_04_a_partition_that_is_down)
{
	kick_pid pid;

	begin();
	(void)up(2);
	CHECK_INT(kick_supervisor_terminate_child(kick_to_name("parts"), "1"), 0);
	CHECK_INT(number_at(cJSON_CreateNumber(1)), -ESRCH);
	CHECK_INT(resolve(cJSON_CreateNumber(1), &pid), -ESRCH);
	CHECK_INT(number_at(cJSON_CreateNumber(0)), 0);
	CHECK_INT(kick_supervisor_restart_child(kick_to_name("parts"), "1", NULL, NULL),
		0);
	CHECK_INT(number_at(cJSON_CreateNumber(1)), 1);
	/* One that somebody has deleted leaves a gap, and moves nobody. */
	CHECK_INT(kick_supervisor_terminate_child(kick_to_name("parts"), "0"), 0);
	CHECK_INT(kick_supervisor_delete_child(kick_to_name("parts"), "0"), 0);
	CHECK_INT(number_at(cJSON_CreateNumber(0)), -ESRCH);
	CHECK_INT(number_at(cJSON_CreateNumber(1)), 1);
}

static int idle(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	(void)args;
	(void)why;
	return kick_spawn_link(idle_receiving, NULL, ret);
}

NODE_TEST(lib_partition, part_04_dynamic_supervisors_by_key)
{
	kick_supervisor_options o = named("parts");
	kick_child_spec dynamic = { .start = start_dynamic, .supervisor = true },
			child = { .start = idle, .restart = KICK_TEMPORARY };
	kick_pid sup, pid;

	begin();
	CHECK_INT(
		kick_partition_supervisor_start_link(&o, &dynamic, 3, NULL, &sup, NULL),
		0);
	COUNTS(3, 3, 3, 0);
	for (int i = 0; i < 6; i++) {
		cJSON *key = cJSON_CreateNumber(i), *n = NULL;
		kick_dest to = kick_partition("parts", key);

		CHECK_INT(kick_supervisor_start_child(to, &child, &pid, NULL), 0);
		CHECK_INT(kick_supervisor_count_children(to, &n), 0);
		CHECK_INT(cJSON_GetObjectItem(n, "active")->valueint, 1 + i / 3);
		cJSON_Delete(n);
		cJSON_Delete(key);
	}
}

/* --- questions ----------------------------------------------------------------------
 */

NODE_TEST(lib_partition, part_05_nobody_of_that_name)
{
	cJSON *said = NULL, *key = cJSON_CreateNumber(1);
	kick_dest nobody = kick_to_name("nobody");
	kick_reason why = { "" };
	kick_pid pid;

	begin();
	CHECK_INT(kick_partition_supervisor_partitions(nobody), -ESRCH);
	CHECK_INT(kick_partition_supervisor_resize(nobody, 1, NULL), -ESRCH);
	CHECK_INT(kick_supervisor_count_children(nobody, &said), -ESRCH);
	CHECK_INT(kick_resolve(kick_partition("nobody", key), &pid), -ESRCH);
	CHECK_INT(kick_call(kick_partition("nobody", key), NULL, 1000, NULL, &why),
		-ESRCH);
	CHECK_TEXT(why.text, "noproc");
	CHECK_INT(kick_send(kick_partition("nobody", key), key), -ESRCH);
	CHECK_INT(kick_cast(kick_partition("nobody", key), key), 0);
}

NODE_TEST(lib_partition, part_05_a_supervisor_without_partitions)
{
	kick_supervisor_options o = named("parts");
	kick_child_spec spec = plain;
	kick_pid sup, pid;

	begin();
	spec.id = "0";
	CHECK_INT(kick_supervisor_start_link(&o, &spec, 1, &sup, NULL), 0);
	CHECK_INT(kick_partition_supervisor_partitions(kick_to(sup)), -EINVAL);
	CHECK_INT(kick_partition_supervisor_resize(kick_to(sup), 1, NULL), -EINVAL);
	CHECK_INT(resolve(cJSON_CreateNumber(0), &pid), -EINVAL);
}

/* --- resize -------------------------------------------------------------------------
 */

static int resize(int n)
{
	return kick_partition_supervisor_resize(kick_to_name("parts"), n, NULL);
}

NODE_TEST(lib_partition, part_06_fewer_and_more)
{
	kick_pid pids[4];
	kick_ref refs[4];

	begin();
	(void)up(4);
	for (int i = 0; i < 4; i++) {
		pids[i] = pid_at(i);
		CHECK_INT(kick_monitor(pids[i], &refs[i]), 0);
	}
	CHECK_INT(resize(2), 4);
	EXPECT_DOWN(refs[3], pids[3], "shutdown");
	EXPECT_DOWN(refs[2], pids[2], "shutdown");
	CHECK_INT(kick_alive(pids[2]), 0);
	CHECK_INT(kick_partition_supervisor_partitions(kick_to_name("parts")), 2);
	CHILDREN("3- 2- 1 0");
	COUNTS(4, 2, 0, 4);
	CHECK_INT(number_at(cJSON_CreateNumber(3)), 1);
	CHECK_PID(pid_at(0), pids[0]);
	CHECK_INT(resize(2), 2);
	CHECK_INT(resize(4), 2);
	CHILDREN("3 2 1 0");
	CHECK_INT(number_at(cJSON_CreateNumber(3)), 3);
	CHECK_PID(pid_at(1), pids[1]);
	CHECK(!kick_pid_equal(pid_at(2), pids[2]));
	EXPECT_SILENCE();
}

NODE_TEST(lib_partition, part_06_none_at_all)
{
	kick_pid pid;

	begin();
	(void)up(2);
	CHECK_INT(resize(0), 2);
	CHECK_INT(resolve(cJSON_CreateNumber(0), &pid), -ESRCH);
	CHECK_INT(resolve(cJSON_CreateString("k"), &pid), -ESRCH);
	CHECK_INT(kick_partition_supervisor_partitions(kick_to_name("parts")), 0);
	COUNTS(2, 0, 0, 2);
	CHECK_INT(resize(1), 0);
	CHECK_INT(number_at(cJSON_CreateNumber(1)), 0);
}

NODE_TEST(lib_partition, part_06_not_beyond_the_start)
{
	begin();
	(void)up(2);
	CHECK_INT(resize(3), -EINVAL);
	CHECK_INT(resize(-1), -EINVAL);
	CHECK_INT(resize(INT32_MAX), -EINVAL);
	CHECK_INT(resize(1), 2);
	CHECK_INT(resize(3), -EINVAL);
	CHECK_INT(resize(2), 1);
	CHECK_INT(number_at(cJSON_CreateNumber(1)), 1);
}

NODE_TEST(lib_partition, part_06_one_that_cannot_come_back)
{
	kick_reason why = { "" };
	kick_pid pid;

	begin();
	(void)up(3);
	CHECK_INT(resize(1), 3);
	*failures = 1;
	CHECK_INT(kick_partition_supervisor_resize(kick_to_name("parts"), 3, &why),
		-ECANCELED);
	CHECK_TEXT(why.text, "no_way");
	CHILDREN("2 1- 0");
	CHECK_INT(resolve(cJSON_CreateNumber(1), &pid), -ESRCH);
	CHECK_INT(number_at(cJSON_CreateNumber(2)), 2);
	CHECK_INT(kick_supervisor_restart_child(kick_to_name("parts"), "1", NULL, NULL),
		0);
	CHECK_INT(number_at(cJSON_CreateNumber(1)), 1);
}

NODE_TEST(lib_partition, part_06_those_that_were_stopped_stay_so)
{
	kick_supervisor_options o = named("parts");
	kick_pid sup, zero;

	begin();
	o.strategy = KICK_ONE_FOR_ALL;
	CHECK_INT(kick_partition_supervisor_start_link(
			  &o, &plain, 3, number_them, &sup, NULL),
		0);
	CHECK_INT(resize(1), 3);
	zero = pid_at(0);
	CHECK_INT(kick_exit(zero, "kill"), 0);
	(void)pid_after(0, zero);
	CHILDREN("2- 1- 0");
}

static void resize_often(void *unused)
{
	(void)unused;
	for (int i = 0; i < 20; i++)
		CHECK(resize(i % 4) >= 0);
	CHECK(resize(3) >= 0);
}

NODE_TEST(lib_partition, part_06_several_at_once)
{
	kick_pid pids[3];
	kick_ref refs[3];

	begin();
	(void)up(3);
	for (int i = 0; i < 3; i++)
		CHECK_INT(
			kick_spawn_monitor(resize_often, NULL, &pids[i], &refs[i]), 0);
	for (int i = 0; i < 3; i++)
		EXPECT_DOWN(refs[i], pids[i], "normal");
	CHILDREN("2 1 0");
	for (int i = 0; i < 3; i++)
		CHECK_INT(number_at(cJSON_CreateNumber(i)), i);
}

NODE_TEST(lib_partition, part_07_no_name_to_register_under)
{
	kick_start_options o = { .registry = "parts" };
	cJSON *key = cJSON_CreateNumber(0);
	kick_pid before, pid;

	begin();
	(void)up(2);
	before = pid_at(0);
	o.key = key;
	(void)kick_server_start_link(&part_callbacks, key, &o, &pid, NULL);
	CHECK_PID(pid_at(0), before);
	COUNTS(2, 2, 0, 2);
}

/* --- ends ---------------------------------------------------------------------------
 */

NODE_TEST(lib_partition, sup_06_stop_is_synchronous)
{
	kick_pid sup, pids[3];

	begin();
	sup = up(3);
	for (int i = 0; i < 3; i++)
		pids[i] = pid_at(i);
	CHECK_INT(kick_supervisor_stop(kick_to_name("parts")), 0);
	for (int i = 0; i < 3; i++)
		CHECK_INT(kick_alive(pids[i]), 0);
	EXPECT_EXIT(sup, "normal");
	CHECK_INT(number_at(cJSON_CreateNumber(0)), -ESRCH);
}

NODE_TEST(lib_partition, sup_09_kill_takes_the_partitions_along)
{
	kick_pid sup, pids[3];
	kick_ref refs[3];

	begin();
	sup = up(3);
	for (int i = 0; i < 3; i++) {
		pids[i] = pid_at(i);
		CHECK_INT(kick_monitor(pids[i], &refs[i]), 0);
	}
	CHECK_INT(kill(os_pid(sup), SIGKILL), 0);
	EXPECT_EXIT(sup, "killed");
	for (int i = 0; i < 3; i++)
		EXPECT_DOWN(refs[i], pids[i], "killed");
	CHECK_INT(number_at(cJSON_CreateNumber(0)), -ESRCH);
}

static kick_pid tester;

static void ask_for_one(void *unused)
{
	cJSON *key = cJSON_CreateNumber(1);
	kick_pid pid;

	(void)unused;
	send_text(tester, "asking");
	CHECK_INT(kick_resolve(kick_partition("parts", key), &pid), -ESRCH);
	CHECK_INT(kick_cast(kick_partition("parts", key), key), 0);
}

/* Who asks as it dies is told that nobody is there. */
NODE_TEST(lib_partition, sup_09_kill_while_somebody_asks)
{
	kick_pid sup, asker;
	kick_ref ref;
	pid_t os;

	begin();
	sup = up(2);
	os = os_pid(sup);
	tester = kick_self();
	CHECK_INT(kill(os, SIGSTOP), 0);
	CHECK_INT(kick_spawn_monitor(ask_for_one, NULL, &asker, &ref), 0);
	EXPECT_TEXT("asking");
	CHECK_INT(kill(os, SIGKILL), 0);
	EXPECT_EXIT(sup, "killed");
	EXPECT_DOWN(ref, asker, "normal");
}

static int start_parts(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	kick_supervisor_options o = named("parts");

	(void)args;
	return kick_partition_supervisor_start_link(
		&o, &plain, 2, number_them, ret, why);
}

NODE_TEST(lib_partition, int_08_it_comes_back_under_its_name)
{
	kick_child_spec spec = { .id = "p", .start = start_parts, .supervisor = true };
	kick_supervisor_options o = named("top");
	kick_pid top, before, inner;

	begin();
	CHECK_INT(kick_supervisor_start_link(&o, &spec, 1, &top, NULL), 0);
	CHECK_INT(resize(1), 2);
	before = pid_at(0);
	CHECK_INT(kick_whereis("parts", &inner), 0);
	CHECK_INT(kill(os_pid(inner), SIGKILL), 0);
	(void)pid_after(0, before);
	/* With all its partitions. */
	CHECK_INT(kick_partition_supervisor_partitions(kick_to_name("parts")), 2);
	CHECK_INT(number_at(cJSON_CreateNumber(1)), 1);
	CHECK_INT(kick_supervisor_stop(kick_to(top)), 0);
}
