/* libkick: kill -9 at every step. A process that does one thing again and again is
 * killed after a random time; then nothing of it may be left: who watches it has heard
 * of it once, its names are free, nobody is linked to it, and the node has no process,
 * file or descriptor more than before. KICK_SEED repeats the times. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "support/nodetest.h"

TestSuite(lib_kill, .timeout = 120);

#ifdef __SANITIZE_ADDRESS__
#define ROUNDS 60
#else
#define ROUNDS 300
#endif
#define US_MAX 2500 /* the longest life of a victim */

static uint64_t seed, state;
static kick_pid partner; /* a server that traps exits */

static unsigned draw(unsigned below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 33) % below;
}

static void begin(void)
{
	const char *given = getenv("KICK_SEED");

	seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
	state = seed << 1 | 1;
	for (int i = 0; i < 8; i++)
		(void)draw(2);
}

#define SEEDED(cond, ...)                                                           \
	do {                                                                        \
		if (!(cond)) {                                                      \
			char said[300];                                             \
                                                                                    \
			(void)snprintf(said, sizeof said, __VA_ARGS__);             \
			FAIL("KICK_SEED=%llu: %s", (unsigned long long)seed, said); \
		}                                                                   \
	} while (0)

/* --- what there is ------------------------------------------------------------------
 */

struct stock {
	int fds, children, files; /* of the node */
	int partner_fds;
};

static int entries_of(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	CHECK(d);
	for (struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	(void)closedir(d);
	return n;
}

static int fds_of(pid_t pid)
{
	char path[32];

	(void)snprintf(path, sizeof path, "/proc/%d/fd", pid);
	return entries_of(path);
}

static int children_of(pid_t pid)
{
	char path[64];
	int child, n = 0;
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
	f = fopen(path, "re");
	CHECK(f);
	while (fscanf(f, "%d", &child) == 1)
		n++;
	(void)fclose(f);
	return n;
}

/* The node's directory is the only one in ours. */
static int files_of_node(void)
{
	const char *tmp = getenv("TMPDIR");
	DIR *d = opendir(tmp);
	char path[400] = "";

	CHECK(d);
	for (struct dirent *e; (e = readdir(d));)
		if (e->d_name[0] != '.')
			(void)snprintf(path, sizeof path, "%s/%s", tmp, e->d_name);
	(void)closedir(d);
	return entries_of(path);
}

static int number_of(kick_pid pid, const char *key)
{
	cJSON *info = kick_info(pid);
	int n;

	CHECK(info);
	n = cJSON_GetObjectItem(info, key)->valueint;
	cJSON_Delete(info);
	return n;
}

static struct stock take_stock(void)
{
	pid_t node = getppid();

	return (struct stock){ .fds = fds_of(node),
		.children = children_of(node),
		.files = files_of_node(),
		.partner_fds = fds_of(number_of(partner, "os_pid")) };
}

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int partner_asks(const char *what)
{
	cJSON *request = cJSON_CreateString(what), *answer = NULL;
	int n;

	CHECK_INT(kick_call(kick_to(partner), request, NODE_PATIENCE_MS, &answer, NULL),
		0);
	n = cJSON_IsNumber(answer) ? answer->valueint : -1;
	cJSON_Delete(answer);
	cJSON_Delete(request);
	return n;
}

/* Children of victims may still be dying, and the partner finds the ends of its
 * connections one by one. */
static void check_stock(const char *what, const struct stock *before)
{
	int64_t deadline = now_ms() + NODE_PATIENCE_MS / 3;
	struct stock now;

	do {
		(void)partner_asks("nothing");
		now = take_stock();
	} while (memcmp(&now, before, sizeof now) != 0 && now_ms() < deadline);
	SEEDED(memcmp(&now, before, sizeof now) == 0,
		"%s: the node has %d descriptors, %d processes and %d files, not %d, "
		"%d and %d; the partner %d descriptors, not %d",
		what, now.fds, now.children, now.files, before->fds, before->children,
		before->files, now.partner_fds, before->partner_fds);
}

/* --- the partner --------------------------------------------------------------------
 */

/* Exits that it has heard: one of each at most. */
static kick_pid last_exit;
static int exits, doubles;

static int partner_call(kick_server *s, kick_from from, const cJSON *request)
{
	cJSON *answer = cJSON_CreateNumber(
		strcmp(cJSON_GetStringValue(request), "doubles") == 0 ? doubles
								      : exits);

	(void)s;
	(void)kick_reply(from, answer);
	cJSON_Delete(answer);
	return KICK_OK;
}

static int partner_info(kick_server *s, const kick_message *m)
{
	(void)s;
	if (m->kind == KICK_EXIT && strcmp(m->reason, "normal") != 0) {
		CHECK_TEXT(m->reason, "killed");
		doubles += kick_pid_equal(last_exit, m->from);
		last_exit = m->from;
		exits++;
	}
	return KICK_OK;
}

static const kick_gen_server partner_callbacks = { .handle_call = partner_call,
	.handle_info = partner_info };

static void start_partner(void)
{
	const kick_start_options o = { .name = "partner", .trap_exit = true };

	CHECK_INT(kick_server_start(&partner_callbacks, NULL, &o, &partner, NULL), 0);
	(void)partner_asks("nothing");
}

/* --- victims ------------------------------------------------------------------------
 */

typedef void operation(void);

/* The node is about to be killed, and others die before the one that asks. */
static bool dying;

static void done(int line, int r)
{
	if (!dying)
		node_check_int(__FILE__, line, "what was done", r, 0);
}
#define DONE(r) done(__LINE__, (r))

/* Children of the one before may still have the name, for a moment. */
static bool is_up(int line, int r)
{
	if (r != -EEXIST && r != -ECANCELED)
		done(line, r);
	return r == 0;
}
#define IS_UP(r) is_up(__LINE__, (r))

struct victim {
	operation *run;
	long us;
};

/* As it sets the clock itself, its first step is one of those at which it dies. */
static void live(void *arg)
{
	const struct victim *v = arg;
	struct sigevent e = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL };
	struct itimerspec when = { .it_value = { .tv_nsec = v->us * 1000 + 1 } };
	timer_t timer;

	CHECK_INT(timer_create(CLOCK_MONOTONIC, &e, &timer), 0);
	CHECK_INT(timer_settime(timer, 0, &when, NULL), 0);
	for (;;)
		v->run();
}

static void link_unlink(void)
{
	DONE(kick_link(partner));
	DONE(kick_unlink(partner));
}

static void only_link(void)
{
	DONE(kick_link(partner));
}

static void monitor_demonitor(void)
{
	kick_ref ref;

	CHECK_INT(kick_monitor(partner, &ref), 0);
	CHECK_INT(kick_demonitor(ref, true), 0);
}

static void monitor_more(void)
{
	CHECK_INT(kick_monitor(partner, NULL), 0);
}

static void register_unregister(void)
{
	CHECK_INT(kick_register("victim"), 0);
	CHECK_INT(kick_register("victim2"), 0);
	CHECK_INT(kick_unregister("victim"), 0);
	CHECK_INT(kick_unregister("victim2"), 0);
}

static void call_partner(void)
{
	cJSON *request = cJSON_CreateString("nothing");

	DONE(kick_call(kick_to_name("partner"), request, NODE_PATIENCE_MS, NULL, NULL));
	DONE(kick_cast(kick_to(partner), request));
	cJSON_Delete(request);
}

static void send_much(void)
{
	static cJSON *value;
	static char text[100000];

	if (!value) {
		memset(text, 'x', sizeof text - 1);
		value = cJSON_CreateString(text);
	}
	CHECK_INT(kick_send(kick_to(partner), value), 0);
}

static void end_at_once(void *unused)
{
	(void)unused;
}

static void spawn_short(void)
{
	kick_ref ref;

	CHECK_INT(kick_spawn(end_at_once, NULL, NULL), 0);
	CHECK_INT(kick_spawn_monitor(end_at_once, NULL, NULL, &ref), 0);
}

/* They never look at what comes from the node. */
static void spawn_linked(void)
{
	CHECK_INT(kick_spawn_link(idle_pausing, NULL, NULL), 0);
}

static void spawn_and_idle(void *unused)
{
	DONE(kick_spawn_link(idle_pausing, NULL, NULL));
	idle_pausing(unused);
}

/* They make others, before anybody may have heard of them. */
static void spawn_spawning(void)
{
	CHECK_INT(kick_spawn_link(spawn_and_idle, NULL, NULL), 0);
}

static const kick_gen_server nothing = { 0 };

static void start_servers(void)
{
	const kick_start_options o = { .name = "victims" };
	kick_pid pid;

	if (IS_UP(kick_server_start_link(&nothing, NULL, &o, &pid, NULL)))
		DONE(kick_server_stop_call(
			kick_to(pid), "normal", NODE_PATIENCE_MS, NULL));
}

static int start_nothing(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	const kick_start_options o = { .name = "victims" };

	return kick_server_start_link(&nothing, args, &o, ret, why);
}

static void start_supervisors(void)
{
	const kick_child_spec spec = { .id = "a", .start = start_nothing };
	kick_supervisor_options o = KICK_SUPERVISOR_DEFAULTS;
	kick_pid pid;

	o.name = "victims2";
	if (IS_UP(kick_supervisor_start_link(&o, &spec, 1, &pid, NULL)))
		DONE(kick_supervisor_stop(kick_to(pid)));
}

static void set_timers(void)
{
	cJSON *value = cJSON_CreateNull();
	kick_ref ref;

	CHECK_INT(kick_send_after(60000, kick_to(kick_self()), value, &ref), 0);
	CHECK_INT(kick_send_interval(1, kick_to(kick_self()), value, NULL), 0);
	CHECK(kick_cancel_timer(ref) >= 0);
	cJSON_Delete(value);
}

/* --- rounds -------------------------------------------------------------------------
 */

static void check_names(const char *what)
{
	static const char *const names[] = { "victim", "victim2", "victims",
		"victims2" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		int64_t deadline = now_ms() + NODE_PATIENCE_MS / 3;
		int r;

		/* The latter are its children: they end a moment later. */
		do
			r = kick_register(names[i]);
		while (r == -EEXIST && i >= 2 && now_ms() < deadline);
		SEEDED(r == 0, "%s: the name %s is not free", what, names[i]);
		CHECK_INT(kick_unregister(names[i]), 0);
	}
}

static void kill_at_any_step(const char *what, operation *run)
{
	struct stock before;

	begin();
	start_partner();
	before = take_stock();
	for (int i = 0; i < ROUNDS; i++) {
		/* Half of them grow step by step, half are random. */
		struct victim v = { run,
			i % 2 ? i * US_MAX / ROUNDS : (int)draw(US_MAX) };
		kick_ref own, second;
		kick_pid pid;

		CHECK_INT(kick_spawn_monitor(live, &v, &pid, &own), 0);
		CHECK_INT(kick_monitor(pid, &second), 0);
		EXPECT_DOWN(own, pid, "killed");
		kick_message_free(TAKE(NULL, NULL));
		CHECK_INT(kick_alive(pid), 0);
		if (i % 8 == 0)
			check_names(what);
	}
	check_names(what);
	check_stock(what, &before);
	SEEDED(number_of(partner, "n_links") == 0, "%s: the partner has links", what);
	CHECK_INT(partner_asks("doubles"), 0);
	CHECK(partner_asks("exits") <= ROUNDS);
	EXPECT_SILENCE();
}

#define KILL_TEST(operation)                               \
	NODE_TEST(lib_kill, in_##operation)                \
	{                                                  \
		kill_at_any_step(#operation, (operation)); \
	}

KILL_TEST(link_unlink)
KILL_TEST(only_link)
KILL_TEST(monitor_demonitor)
KILL_TEST(monitor_more)
KILL_TEST(register_unregister)
KILL_TEST(call_partner)
KILL_TEST(send_much)
KILL_TEST(spawn_short)
KILL_TEST(spawn_linked)
KILL_TEST(spawn_spawning)
KILL_TEST(start_servers)
KILL_TEST(start_supervisors)
KILL_TEST(set_timers)

/* --- who is called ------------------------------------------------------------------
 */

static int answering_call(kick_server *s, kick_from from, const cJSON *request)
{
	(void)s;
	(void)kick_reply(from, request);
	return KICK_OK;
}

static const kick_gen_server answering = { .handle_call = answering_call };

static void serve(void *arg)
{
	const kick_start_options o = { .name = "victim" };
	const struct victim *v = arg;
	struct sigevent e = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL };
	struct itimerspec when = { .it_value = { .tv_nsec = v->us * 1000 + 1 } };
	timer_t timer;

	CHECK_INT(timer_create(CLOCK_MONOTONIC, &e, &timer), 0);
	CHECK_INT(timer_settime(timer, 0, &when, NULL), 0);
	(void)kick_server_run(&answering, NULL, &o, NULL);
}

/* Each call is answered, or says that there was nobody or how he ended. */
static void call_until_it_ends(kick_dest to)
{
	cJSON *request = cJSON_CreateString("x");
	int r;

	do {
		kick_reason why = { "" };
		cJSON *answer = NULL;

		r = kick_call(to, request, NODE_PATIENCE_MS, &answer, &why);
		SEEDED(r == 0 || r == -ESRCH || r == -ECONNRESET, "a call gives %d", r);
		CHECK_TEXT(why.text, r == 0 ? "" : r == -ESRCH ? "noproc" : "killed");
		CHECK((answer != NULL) == (r == 0));
		cJSON_Delete(answer);
	} while (r == 0);
	cJSON_Delete(request);
}

NODE_TEST(lib_kill, who_is_called_at_any_step)
{
	struct stock before;

	begin();
	start_partner();
	before = take_stock();
	for (int i = 0; i < ROUNDS; i++) {
		struct victim v = { NULL, (int)draw(US_MAX) };
		kick_pid pid, found;
		kick_ref ref;

		CHECK_INT(kick_spawn_monitor(serve, &v, &pid, &ref), 0);
		call_until_it_ends(i % 2 ? kick_to_name("victim") : kick_to(pid));
		EXPECT_DOWN(ref, pid, "killed");
		CHECK_INT(kick_whereis("victim", &found), -ESRCH);
	}
	check_stock("calls", &before);
	EXPECT_SILENCE();
}

/* --- the node -----------------------------------------------------------------------
 */

static void be_busy(void *arg)
{
	for (;;)
		((operation *)arg)();
}

static void node_is_killed(void)
{
	static operation *const all[] = { link_unlink, call_partner, spawn_short,
		spawn_linked, start_servers, start_supervisors };

	begin();
	start_partner();
	dying = true;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		CHECK_INT(kick_spawn(be_busy, (void *)(uintptr_t)all[i], NULL), 0);
	}
	for (unsigned n = draw(100); n > 0; n--)
		(void)partner_asks("nothing");
	(void)kill(getppid(), SIGKILL);
	idle_receiving(NULL);
}

/* node_run() sees to it that every process ends. */
Test(lib_kill, the_node)
{
	for (int i = 0; i < 20; i++) {
		int status = node_run(node_is_killed, NODE_LOST);

		cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	}
}
