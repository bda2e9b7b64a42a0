/* libkick: tasks under a supervisor. The rules TASK-9 and TASK-10 of OTP, and what of
 * the others is different for them. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "otp/self.h"
#include "support/nodetest.h"

TestSuite(lib_tasksup, .timeout = 120);

/* Shared by all processes of the node. */
static struct shared {
	kick_pid tester;
	int runs;
} * shared;

static kick_pid up(void)
{
	kick_pid sup = NOBODY;

	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(shared != MAP_FAILED);
	shared->tester = kick_self();
	CHECK(kick_trap_exit(true) >= 0);
	CHECK_INT(kick_task_supervisor_start_link(NULL, &sup, NULL), 0);
	return sup;
}

static int running(kick_pid sup)
{
	cJSON *c = NULL;
	int n;

	CHECK_INT(kick_supervisor_count_children(kick_to(sup), &c), 0);
	n = cJSON_GetObjectItem(c, "active")->valueint;
	CHECK_INT(cJSON_GetObjectItem(c, "specs")->valueint, n);
	cJSON_Delete(c);
	return n;
}

/* Waits for the ends of all. */
static void await_none(kick_pid sup)
{
	while (running(sup))
		continue;
}

static pid_t os_pid(kick_pid pid)
{
	cJSON *info = kick_info(pid);
	pid_t os = cJSON_GetObjectItem(info, "os_pid")->valueint;

	cJSON_Delete(info);
	return os;
}

static bool is_linked(kick_pid a, kick_pid b)
{
	cJSON *info = kick_info(a);
	const cJSON *one;
	bool found = false;

	cJSON_ArrayForEach(one, cJSON_GetObjectItem(info, "links")) found |=
		kick_pid_equal(kick_pid_from_json(one), b);
	cJSON_Delete(info);
	return found;
}

/* --- what tasks do ------------------------------------------------------------------
 */

static cJSON *give_back(const cJSON *arg)
{
	(void)__atomic_add_fetch(&shared->runs, 1, __ATOMIC_SEQ_CST);
	return cJSON_Duplicate(arg, true);
}

static cJSON *give_nothing(const cJSON *arg)
{
	(void)arg;
	return NULL;
}

static cJSON *raise_it(const cJSON *arg)
{
	(void)__atomic_add_fetch(&shared->runs, 1, __ATOMIC_SEQ_CST);
	kick_raise(cJSON_GetStringValue(arg));
}

static cJSON *wait_for_ever(const cJSON *arg)
{
	if (cJSON_IsString(arg))
		send_text(shared->tester, arg->valuestring);
	idle_receiving(NULL);
	return NULL;
}

static cJSON *trap_and_wait(const cJSON *arg)
{
	CHECK_INT(kick_trap_exit(true), 0);
	return wait_for_ever(arg);
}

static cJSON *tell(const cJSON *arg)
{
	send_text(shared->tester, cJSON_GetStringValue(arg));
	return NULL;
}

static cJSON *text(const char *t)
{
	static cJSON *last;

	cJSON_Delete(last);
	last = cJSON_CreateString(t);
	return last;
}

static kick_task async(kick_pid sup, kick_supervised_function *f, const char *arg)
{
	kick_task t;

	CHECK_INT(kick_task_supervisor_async(kick_to(sup), f, text(arg), 0, &t), 0);
	return t;
}

static kick_task nolink(kick_pid sup, kick_supervised_function *f, const char *arg)
{
	kick_task t;

	CHECK_INT(kick_task_supervisor_async_nolink(kick_to(sup), f, text(arg), 0, &t),
		0);
	return t;
}

static void check_value(const char *file, int line, kick_task t, const char *want)
{
	cJSON *value = NULL;

	node_check_int(file, line, "kick_task_await()",
		kick_task_await(&t, NODE_PATIENCE_MS, &value, NULL), 0);
	node_check_text(file, line, "the value", cJSON_GetStringValue(value), want);
	cJSON_Delete(value);
}
#define VALUE(task, want) check_value(__FILE__, __LINE__, (task), (want))

static void check_reason(const char *file, int line, kick_task t, const char *want)
{
	kick_reason why = { "" };

	node_check_int(file, line, "kick_task_await()",
		kick_task_await(&t, NODE_PATIENCE_MS, NULL, &why), -ECONNRESET);
	node_check_text(file, line, "the reason", why.text, want);
}
#define REASON(task, want) check_reason(__FILE__, __LINE__, (task), (want))

/* --- start_child --------------------------------------------------------------------
 */

NODE_TEST(lib_tasksup, task_09_start_child)
{
	kick_pid sup = up(), task;

	CHECK_INT(kick_task_supervisor_start_child(kick_to(sup), tell, text("done"),
			  KICK_TEMPORARY, 0, &task, NULL),
		0);
	EXPECT_TEXT("done");
	node_gone(task);
	await_none(sup);
	CHECK_INT(kick_task_supervisor_start_child(kick_to(sup), give_nothing, NULL,
			  KICK_TEMPORARY, 0, NULL, NULL),
		0);
	await_none(sup);
	EXPECT_SILENCE();
}

NODE_TEST(lib_tasksup, task_09_it_is_linked_to_the_supervisor_alone)
{
	kick_pid sup = up(), task;

	CHECK_INT(kick_task_supervisor_start_child(kick_to(sup), wait_for_ever,
			  text("up"), KICK_TEMPORARY, 0, &task, NULL),
		0);
	EXPECT_TEXT("up");
	CHECK(is_linked(task, sup));
	CHECK(!is_linked(task, kick_self()));
	CHECK_INT(kick_exit(task, "kaboom"), 0);
	node_gone(task);
	CHECK_INT(kick_alive(sup), 1);
	EXPECT_SILENCE();
}

NODE_TEST(lib_tasksup, task_09_restarts)
{
	static const struct {
		kick_restart restart;
		const char *reason;
		bool again;
	} rows[] = { { KICK_TEMPORARY, "kaboom", false },
		{ KICK_TRANSIENT, "normal", false }, { KICK_TRANSIENT, "kaboom", true },
		{ KICK_PERMANENT, "normal", true } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		kick_pid sup = up(), task;
		kick_ref ref;

		CHECK_INT(kick_monitor(sup, &ref), 0);
		CHECK_INT(
			kick_task_supervisor_start_child(kick_to(sup), raise_it,
				text(rows[i].reason), rows[i].restart, 0, &task, NULL),
			0);
		/* Three restarts are allowed, each has the same arg. */
		if (rows[i].again)
			EXPECT_DOWN(ref, sup, "shutdown:max_restarts");
		else
			await_none(sup);
		CHECK_INT(shared->runs, rows[i].again ? 4 : 1);
	}
}

NODE_TEST(lib_tasksup, task_09_what_is_refused)
{
	kick_pid sup = up(), task;
	kick_dest to = kick_to(sup);
	kick_task t;

	CHECK_INT(kick_task_supervisor_start_child(
			  to, NULL, NULL, KICK_TEMPORARY, 0, &task, NULL),
		-EINVAL);
	CHECK_INT(kick_task_supervisor_start_child(
			  to, tell, NULL, (kick_restart)9, 0, &task, NULL),
		-EINVAL);
	CHECK_INT(kick_task_supervisor_start_child(
			  to, tell, NULL, KICK_TEMPORARY, -3, &task, NULL),
		-EINVAL);
	CHECK_INT(kick_task_supervisor_async(to, NULL, NULL, 0, &t), -EINVAL);
	CHECK_INT(kick_task_supervisor_async(to, tell, NULL, -3, &t), -EINVAL);
	CHECK_INT(kick_task_supervisor_async_nolink(to, NULL, NULL, 0, &t), -EINVAL);
	CHECK_INT(running(sup), 0);
	EXPECT_SILENCE();
}

NODE_TEST(lib_tasksup, task_09_nobody_there)
{
	kick_dest nobody = kick_to_name("nobody");
	kick_reason why = { "" };
	cJSON *list = NULL;
	kick_pid task;
	kick_task t;

	CHECK_INT(kick_task_supervisor_start_child(
			  nobody, tell, NULL, KICK_TEMPORARY, 0, &task, &why),
		-ESRCH);
	CHECK_TEXT(why.text, "noproc");
	CHECK_INT(kick_task_supervisor_async(nobody, tell, NULL, 0, &t), -ESRCH);
	CHECK_INT(kick_task_supervisor_async_nolink(nobody, tell, NULL, 0, &t), -ESRCH);
	CHECK_INT(kick_task_supervisor_children(nobody, &list), -ESRCH);
	CHECK_INT(kick_task_supervisor_terminate_child(nobody, kick_self()), -ESRCH);
	EXPECT_SILENCE();
}

NODE_TEST(lib_tasksup, task_09_max_children)
{
	kick_supervisor_options o = KICK_SUPERVISOR_DEFAULTS;
	kick_pid sup, task;
	kick_task t;

	(void)up();
	o.max_children = 1;
	CHECK_INT(kick_task_supervisor_start_link(&o, &sup, NULL), 0);
	t = async(sup, wait_for_ever, "up");
	EXPECT_TEXT("up");
	CHECK_INT(kick_task_supervisor_start_child(
			  kick_to(sup), tell, NULL, KICK_TEMPORARY, 0, &task, NULL),
		-ENOSPC);
	CHECK_INT(kick_task_supervisor_async(
			  kick_to(sup), tell, NULL, 0, &(kick_task){ 0 }),
		-ENOSPC);
	CHECK_INT(kick_task_supervisor_async_nolink(
			  kick_to(sup), tell, NULL, 0, &(kick_task){ 0 }),
		-ENOSPC);
	CHECK_INT(kick_task_shutdown(&t, KICK_BRUTAL_KILL, NULL, NULL), -ECANCELED);
	await_none(sup);
	VALUE(async(sup, give_back, "v"), "v");
}

NODE_TEST(lib_tasksup, task_09_children_and_terminate_child)
{
	kick_pid sup = up(), pids[3];
	cJSON *list = NULL;

	CHECK_INT(kick_task_supervisor_children(kick_to(sup), &list), 0);
	CHECK_INT(cJSON_GetArraySize(list), 0);
	cJSON_Delete(list);
	for (int i = 0; i < 3; i++)
		CHECK_INT(kick_task_supervisor_start_child(kick_to(sup), wait_for_ever,
				  NULL, KICK_PERMANENT, 0, &pids[i], NULL),
			0);
	CHECK_INT(kick_task_supervisor_terminate_child(kick_to(sup), pids[1]), 0);
	CHECK_INT(kick_alive(pids[1]), 0);
	CHECK_INT(kick_task_supervisor_terminate_child(kick_to(sup), pids[1]), -ESRCH);
	CHECK_INT(kick_task_supervisor_terminate_child(kick_to(sup), kick_self()),
		-ESRCH);
	CHECK_INT(kick_task_supervisor_children(kick_to(sup), &list), 0);
	CHECK_INT(cJSON_GetArraySize(list), 2);
	for (int i = 0; i < 2; i++) {
		kick_pid one = kick_pid_from_json(cJSON_GetArrayItem(list, i));

		CHECK(kick_pid_equal(one, pids[0]) || kick_pid_equal(one, pids[2]));
	}
	CHECK_INT(running(sup), 2);
}

NODE_TEST(lib_tasksup, task_09_shutdown_times)
{
	static const struct {
		int64_t ms;
		kick_supervised_function *f;
		const char *reason;
	} rows[] = { { 0, wait_for_ever, "shutdown" },
		{ KICK_BRUTAL_KILL, wait_for_ever, "killed" },
		{ 20, trap_and_wait, "killed" },
		{ KICK_INFINITY, wait_for_ever, "shutdown" } };
	kick_ref refs[ARRAY_LEN(rows)], of_task;
	kick_pid sup = up(), pids[ARRAY_LEN(rows)];
	kick_task t;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CHECK_INT(
			kick_task_supervisor_start_child(kick_to(sup), rows[i].f,
				text("up"), KICK_TEMPORARY, rows[i].ms, &pids[i], NULL),
			0);
		EXPECT_TEXT("up");
		CHECK_INT(kick_monitor(pids[i], &refs[i]), 0);
	}
	CHECK_INT(kick_task_supervisor_async_nolink(kick_to(sup), wait_for_ever,
			  text("up"), KICK_BRUTAL_KILL, &t),
		0);
	EXPECT_TEXT("up");
	CHECK_INT(kick_monitor(t.pid, &of_task), 0);
	CHECK_INT(kick_supervisor_stop(kick_to(sup)), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		EXPECT_DOWN(refs[i], pids[i], rows[i].reason);
	EXPECT_DOWN(of_task, t.pid, "killed");
	REASON(t, "killed");
}

/* --- async --------------------------------------------------------------------------
 */

NODE_TEST(lib_tasksup, task_10_async_gives_a_value)
{
	kick_pid sup = up();
	kick_task t = async(sup, give_back, "v");
	cJSON *big;
	char *bytes = malloc(1 << 20);

	VALUE(t, "v");
	EXPECT_EXIT(t.pid, "normal");
	CHECK_INT(kick_task_supervisor_async(kick_to(sup), give_back, NULL, 0, &t), 0);
	CHECK_INT(kick_task_await(&t, NODE_PATIENCE_MS, &big, NULL), 0);
	CHECK(cJSON_IsNull(big));
	EXPECT_EXIT(t.pid, "normal");
	memset(bytes, 'v', (1 << 20) - 1);
	bytes[(1 << 20) - 1] = '\0';
	t = async(sup, give_back, bytes);
	VALUE(t, bytes);
	EXPECT_EXIT(t.pid, "normal");
	await_none(sup);
	EXPECT_SILENCE();
}

NODE_TEST(lib_tasksup, task_10_async_is_linked_to_both)
{
	kick_pid sup = up();
	kick_task t = async(sup, wait_for_ever, "up");

	EXPECT_TEXT("up");
	CHECK(is_linked(t.pid, sup));
	CHECK(is_linked(t.pid, kick_self()));
	CHECK_INT(kick_exit(t.pid, "kaboom"), 0);
	EXPECT_EXIT(t.pid, "kaboom");
	REASON(t, "kaboom");
	CHECK_INT(kick_alive(sup), 1);
	EXPECT_SILENCE();
}

NODE_TEST(lib_tasksup, task_10_a_crash_at_once_is_told_as_it_was)
{
	kick_pid sup = up();

	for (int i = 0; i < 30; i++) {
		kick_task t = async(sup, raise_it, "kaboom");

		EXPECT_EXIT(t.pid, "kaboom");
		REASON(t, "kaboom");
		REASON(nolink(sup, raise_it, "bang"), "bang");
	}
	CHECK_INT(kick_alive(sup), 1);
	await_none(sup);
	EXPECT_SILENCE();
}

static void own_a_task(void *arg)
{
	struct {
		kick_pid sup;
		bool linked;
	} *a = arg;

	if (a->linked)
		(void)async(a->sup, wait_for_ever, "up");
	else
		(void)nolink(a->sup, wait_for_ever, "up");
	idle_receiving(NULL);
}

static kick_pid task_of(kick_pid sup)
{
	cJSON *list = NULL;
	kick_pid task;

	CHECK_INT(kick_task_supervisor_children(kick_to(sup), &list), 0);
	CHECK_INT(cJSON_GetArraySize(list), 1);
	task = kick_pid_from_json(cJSON_GetArrayItem(list, 0));
	cJSON_Delete(list);
	return task;
}

NODE_TEST(lib_tasksup, task_10_the_end_of_the_caller)
{
	kick_pid sup = up(), owner, task;
	kick_ref ref;

	for (int linked = 0; linked < 2; linked++) {
		struct {
			kick_pid sup;
			bool linked;
		} a = { sup, linked };

		CHECK_INT(kick_spawn(own_a_task, &a, &owner), 0);
		EXPECT_TEXT("up");
		task = task_of(sup);
		CHECK_INT(kick_monitor(task, &ref), 0);
		CHECK_INT(kick_exit(owner, "kaboom"), 0);
		node_gone(owner);
		if (!linked)
			CHECK_INT(kick_task_supervisor_terminate_child(
					  kick_to(sup), task),
				0);
		EXPECT_DOWN(ref, task, linked ? "kaboom" : "shutdown");
		await_none(sup);
	}
	EXPECT_SILENCE();
}

static void crash_with_its_task(void *sup)
{
	(void)async(*(kick_pid *)sup, raise_it, "kaboom");
	idle_receiving(NULL);
}

NODE_TEST(lib_tasksup, task_10_a_crash_takes_the_caller_along)
{
	kick_pid sup = up(), owner;
	kick_ref ref;

	CHECK_INT(kick_spawn_monitor(crash_with_its_task, &sup, &owner, &ref), 0);
	EXPECT_DOWN(ref, owner, "kaboom");
	CHECK_INT(kick_alive(sup), 1);
}

NODE_TEST(lib_tasksup, task_10_nolink_is_not_linked)
{
	kick_pid sup = up();
	kick_task t = nolink(sup, wait_for_ever, "up"), other;

	EXPECT_TEXT("up");
	CHECK(is_linked(t.pid, sup));
	CHECK(!is_linked(t.pid, kick_self()));
	CHECK_INT(kick_exit(t.pid, "kaboom"), 0);
	REASON(t, "kaboom");
	other = nolink(sup, give_back, "v");
	VALUE(other, "v");
	EXPECT_SILENCE();
}

NODE_TEST(lib_tasksup, task_10_kill_9)
{
	kick_pid sup = up();
	kick_task a = async(sup, wait_for_ever, "up"), b;

	EXPECT_TEXT("up");
	CHECK_INT(kill(os_pid(a.pid), SIGKILL), 0);
	REASON(a, "killed");
	EXPECT_EXIT(a.pid, "killed");
	await_none(sup);
	a = async(sup, wait_for_ever, "up");
	EXPECT_TEXT("up");
	b = nolink(sup, wait_for_ever, "up");
	EXPECT_TEXT("up");
	/* The supervisor's end is that of its tasks, and is told once each. */
	CHECK_INT(kill(os_pid(sup), SIGKILL), 0);
	REASON(a, "killed");
	REASON(b, "killed");
	EXPECT_EXIT(sup, "killed");
	EXPECT_EXIT(a.pid, "killed");
	EXPECT_SILENCE();
}

/* --- between the birth and the order ------------------------------------------------
 */

static void ask_and_tell(void *arg)
{
	struct {
		kick_pid sup;
		bool linked;
	} *a = arg;

	send_text(shared->tester, "asking");
	if (a->linked)
		(void)async(a->sup, give_back, "v");
	else
		(void)nolink(a->sup, give_back, "v");
	FAIL("it should have been killed");
}

/* It sleeps, most likely as it waits for an answer. */
static void await_sleep(pid_t os)
{
	char path[40], state = 'R';

	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)os);
	while (state != 'S') {
		FILE *f = fopen(path, "re");

		CHECK(f);
		CHECK_INT(fscanf(f, "%*d (%*[^)]) %c", &state), 1);
		(void)fclose(f);
	}
}

/* Its request lies there when it is gone. Numbers are given in order: the task's is the
 * next one. */
static kick_pid ask_in_vain(kick_pid sup, bool linked)
{
	struct {
		kick_pid sup;
		bool linked;
	} a = { sup, linked };
	kick_pid owner;
	kick_ref ref;
	pid_t os = os_pid(sup), owner_os;

	CHECK_INT(kill(os, SIGSTOP), 0);
	CHECK_INT(kick_spawn_monitor(ask_and_tell, &a, &owner, &ref), 0);
	EXPECT_TEXT("asking");
	owner_os = os_pid(owner);
	await_sleep(owner_os);
	CHECK_INT(kill(owner_os, SIGKILL), 0);
	EXPECT_DOWN(ref, owner, "killed");
	CHECK_INT(kill(os, SIGCONT), 0);
	return (kick_pid){ owner.node, owner.id + 1 };
}

/* How it ended; "" : it lives. */
static kick_reason end_of(kick_pid task)
{
	kick_reason ended = { "" };
	kick_ref ref;

	CHECK_INT(self_monitor(task, &ref, &ended), 0);
	if (ref)
		CHECK_INT(kick_demonitor(ref, true), 0);
	return ended;
}

NODE_TEST(lib_tasksup, task_10_the_caller_ends_before_the_task_has_its_function)
{
	kick_pid sup = up();
	int seen = 0;

	/* One that was killed before it had asked proves nothing. */
	for (int i = 0; seen < 4; i++) {
		kick_pid task = ask_in_vain(sup, i % 2);
		kick_reason ended;

		VALUE(nolink(sup, give_back, "v"), "v");
		do
			ended = end_of(task);
		while (!*ended.text);
		seen += strcmp(ended.text, "shutdown:killed") == 0;
		CHECK_INT(__atomic_load_n(&shared->runs, __ATOMIC_SEQ_CST), i + 1);
	}
	await_none(sup);
	EXPECT_SILENCE();
}

/* --- await, as of other tasks --------------------------------------------------------
 */

NODE_TEST(lib_tasksup, task_02_a_late_value_is_dropped)
{
	kick_pid sup = up();
	kick_task t = nolink(sup, wait_for_ever, "up");

	EXPECT_TEXT("up");
	CHECK_INT(kick_task_await(&t, 0, NULL, NULL), -ETIMEDOUT);
	CHECK_INT(kick_alive(t.pid), 1);
	CHECK_INT(kick_exit(t.pid, "kill"), 0);
	node_gone(t.pid);
	EXPECT_SILENCE();
}

NODE_TEST(lib_tasksup, task_05_shutdown)
{
	kick_pid sup = up();
	kick_task t = async(sup, wait_for_ever, "up");

	EXPECT_TEXT("up");
	CHECK_INT(kick_task_shutdown(&t, NODE_PATIENCE_MS, NULL, NULL), -ECANCELED);
	await_none(sup);
	EXPECT_SILENCE();
}

NODE_TEST(lib_tasksup, task_06_many)
{
	enum {
		MANY = 40
	};
	kick_pid sup = up();
	kick_task tasks[MANY];
	cJSON *values[MANY];

	for (int i = 0; i < MANY; i++) {
		cJSON *n = cJSON_CreateNumber(i);

		CHECK_INT(kick_task_supervisor_async_nolink(
				  kick_to(sup), give_back, n, 0, &tasks[i]),
			0);
		cJSON_Delete(n);
	}
	CHECK_INT(kick_task_await_many(tasks, MANY, NODE_PATIENCE_MS, values, NULL), 0);
	for (int i = 0; i < MANY; i++) {
		CHECK_INT(values[i]->valueint, i);
		cJSON_Delete(values[i]);
	}
	await_none(sup);
	EXPECT_SILENCE();
}

/* --- within a tree ------------------------------------------------------------------
 */

static int start_tasks(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	kick_supervisor_options o = KICK_SUPERVISOR_DEFAULTS;

	o.name = cJSON_GetStringValue(args);
	return kick_task_supervisor_start_link(&o, ret, why);
}

NODE_TEST(lib_tasksup, task_09_it_can_be_supervised_more_than_once)
{
	cJSON *a = cJSON_CreateString("tasks_a"), *b = cJSON_CreateString("tasks_b");
	kick_child_spec specs[] = {
		{ .id = "a", .start = start_tasks, .args = a, .supervisor = true },
		{ .id = "b", .start = start_tasks, .args = b, .supervisor = true },
	};
	kick_pid top, inner;
	kick_task t;

	(void)up();
	CHECK_INT(kick_supervisor_start_link(NULL, specs, 2, &top, NULL), 0);
	for (int i = 0; i < 2; i++) {
		CHECK_INT(kick_whereis(specs[i].args->valuestring, &inner), 0);
		VALUE(nolink(inner, give_back, "v"), "v");
	}
	t = nolink(inner, wait_for_ever, "up");
	EXPECT_TEXT("up");
	CHECK_INT(kick_supervisor_stop(kick_to(top)), 0);
	REASON(t, "shutdown");
	EXPECT_EXIT(top, "normal");
	EXPECT_SILENCE();
}

static int start_unnamed(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	(void)args;
	return kick_task_supervisor_start_link(NULL, ret, why);
}

NODE_TEST(lib_tasksup, task_09_by_partition_key)
{
	kick_child_spec spec = { .start = start_unnamed, .supervisor = true };
	kick_supervisor_options o = KICK_SUPERVISOR_DEFAULTS;
	cJSON *key = cJSON_CreateString("k");
	kick_dest to = kick_partition("tasks", key);
	kick_pid top;
	kick_task t;

	(void)up();
	o.name = "tasks";
	CHECK_INT(kick_partition_supervisor_start_link(&o, &spec, 3, NULL, &top, NULL),
		0);
	CHECK_INT(kick_task_supervisor_async_nolink(to, give_back, key, 0, &t), 0);
	VALUE(t, "k");
}
