/* libkick: starts: supervisors whose first child fails, names that are taken, and those
 * of a process that is still dying; and a process with more links than are told. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "support/nodetest.h"

TestSuite(lib_starts, .timeout = 120);

/* --- a first child that cannot be started -------------------------------------------
 */

/* How often there is no room before it fails. */
static int no_room;

static int start_failing(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	(void)args;
	(void)ret;
	(void)why;
	return no_room-- > 0 ? -EAGAIN : -EIO;
}

NODE_TEST(lib_starts, a_supervisor_ends_when_its_first_child_cannot_be_started)
{
	const kick_child_spec spec = { .id = "only", .start = start_failing };
	kick_reason why;
	kick_pid pid;

	CHECK_INT(kick_trap_exit(true), 0);
	for (int i = 0; i < 3; i++) {
		no_room = i;
		why = (kick_reason){ "" };
		CHECK_INT(kick_supervisor_start_link(NULL, &spec, 1, &pid, &why),
			-ECANCELED);
		CHECK_TEXT(why.text, "shutdown:failed_to_start:only");
	}
}

/* --- names --------------------------------------------------------------------------
 */

NODE_TEST(lib_starts, a_name_that_is_taken_is_no_reason)
{
	static const kick_gen_server nothing = { 0 };
	const kick_start_options o = { .name = "taken" };
	kick_pid holder, pid;

	CHECK_INT(kick_server_start(&nothing, NULL, &o, &holder, NULL), 0);
	for (int i = 0; i < 400; i++) {
		kick_reason why = { "" };

		CHECK_INT(kick_server_start_link(&nothing, NULL, &o, &pid, &why),
			-EEXIST);
		CHECK_PID(pid, holder);
		CHECK_TEXT(why.text, "");
	}
	EXPECT_SILENCE();
}

/* Its release takes the kernel some time, in which the process is not gone. */
#define BIG_BYTES ((size_t)512 << 20)

static kick_pid tester;

static int big_init(kick_server *s, const cJSON *args)
{
	void *memory = mmap(NULL, BIG_BYTES, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)args;
	/* In small pages, as there are more of them. */
	if (memory == MAP_FAILED || madvise(memory, BIG_BYTES, MADV_NOHUGEPAGE) < 0)
		return kick_server_stop(s, "no memory");
	memset(memory, 1, BIG_BYTES);
	send_text(tester, "up");
	return KICK_OK;
}

static int start_big(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	static const kick_gen_server big = { .init = big_init };
	const kick_start_options o = { .name = "big" };
	int r = kick_server_start_link(&big, args, &o, ret, why);

	if (r < 0)
		send_text(tester, strerrorname_np(-r));
	return r;
}

static int start_inner(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	const kick_supervisor_options o = {
		.name = "inner", .max_restarts = UINT32_MAX, .max_seconds = 1000
	};
	const kick_child_spec spec = { .id = "big", .start = start_big };

	(void)args;
	return kick_supervisor_start_link(&o, &spec, 1, ret, why);
}

NODE_TEST(lib_starts, the_name_of_one_that_is_dying_is_free)
{
	const kick_supervisor_options o = { .max_restarts = UINT32_MAX,
		.max_seconds = 1000 };
	const kick_child_spec specs[] = {
		{ .id = "inner", .start = start_inner, .supervisor = true },
		{ .id = "big", .start = start_big }
	};
	kick_pid sup, pid;

	tester = kick_self();
	/* Killed with its supervisor, and by itself. */
	for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
		CHECK_INT(kick_supervisor_start_link(&o, &specs[i], 1, &sup, NULL), 0);
		EXPECT_TEXT("up");
		CHECK_INT(kick_whereis(specs[i].id, &pid), 0);
		CHECK_INT(kick_exit(pid, "kill"), 0);
		EXPECT_TEXT("up");
		CHECK_INT(kick_supervisor_stop(kick_to(sup)), 0);
	}
}

/* --- many links ---------------------------------------------------------------------
 */

#define TOLD 1000 /* kick_info() lists so many */
#define MANY 1200

static void link_many(void)
{
	static kick_pid all[MANY];
	cJSON *info;
	const cJSON *links;

	CHECK_INT(kick_trap_exit(true), 0);
	for (int i = 0; i < MANY; i++)
		CHECK_INT(kick_spawn_link(idle_pausing, NULL, &all[i]), 0);
	info = kick_info(kick_self());
	CHECK(info);
	links = cJSON_GetObjectItem(info, "links");
	CHECK_INT(cJSON_GetObjectItem(info, "n_links")->valueint, MANY);
	CHECK_INT(cJSON_GetArraySize(links), TOLD);
	for (int i = 0; i < TOLD; i++)
		CHECK_PID(kick_pid_from_json(cJSON_GetArrayItem(links, i)), all[i]);
	cJSON_Delete(info);
	for (int i = 0; i < MANY; i++)
		CHECK_INT(kick_exit(all[i], "kill"), 0);
	for (int i = 0; i < MANY; i++)
		EXPECT_EXIT(all[i], "killed");
	info = kick_info(kick_self());
	CHECK_INT(cJSON_GetObjectItem(info, "n_links")->valueint, 0);
	cJSON_Delete(info);
}

Test(lib_starts, a_process_may_have_more_links_than_are_listed)
{
	struct rlimit files, tasks;

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
	cr_assert_eq(getrlimit(RLIMIT_NPROC, &tasks), 0);
	/* The node has a descriptor of each. */
	if (files.rlim_max < MANY + 100 || tasks.rlim_cur < MANY + 1000) {
		(void)fprintf(stderr,
			"SKIPPED: lib_starts::a_process_may_have_more_links_than_are_"
			"listed: needs %d processes and descriptors\n",
			MANY);
		return;
	}
	files.rlim_cur = files.rlim_max;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
	cr_assert_eq(node_run(link_many, 0), 0);
}
