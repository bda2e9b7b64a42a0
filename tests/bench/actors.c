/* What libkick's processes and messages cost, against the least that the kernel asks
 * for the same: two forked processes with a socketpair, fork and waitpid. Prints one
 * JSON object: medians of rounds in which kick and the floor take turns.
 *
 * Usage: actors [ALIVE]     how many processes the tree at the end has (5000) */
#include <cjson/cJSON.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kick.h"

#define ROUNDS 9
#define CALLS 2000
#define CASTS 50000
#define SPAWNS 200
#define LOOKUPS 2000
#define IDLE 50
#define MESSAGE_MAX 256

static _Noreturn void die(const char *what, int r)
{
	(void)fprintf(stderr, "actors: %s: %s\n", what, strerror(r < 0 ? -r : errno));
	kick_raise("bench");
}

static void must(const char *what, int r)
{
	if (r < 0)
		die(what, r);
}

static double now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
	qsort(values, n, sizeof *values, compare);
	return values[n / 2];
}

/* --- the floor ----------------------------------------------------------------------
 */

struct floor {
	int fd;
	pid_t pid;
};

static void read_all(int fd, char *buf, size_t size)
{
	size_t got = 0;

	while (got < size) {
		ssize_t n = read(fd, buf + got, size - got);

		if (n <= 0)
			_exit(n < 0);
		got += (size_t)n;
	}
}

static void write_all(int fd, const char *buf, size_t size)
{
	if (write(fd, buf, size) != (ssize_t)size)
		die("write", 0);
}

/* Answers each message, or only each n-th. */
static _Noreturn void answer(int fd, size_t size, int each)
{
	char buf[MESSAGE_MAX];

	for (int i = 1;; i++) {
		read_all(fd, buf, size);
		if (i % each == 0)
			write_all(fd, buf, size);
	}
}

static struct floor start_floor(size_t size, int each)
{
	int ends[2];
	struct floor f;

	must("socketpair", socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
	f.pid = fork();
	must("fork", f.pid);
	if (f.pid == 0) {
		(void)close(ends[0]);
		answer(ends[1], size, each);
	}
	(void)close(ends[1]);
	f.fd = ends[0];
	return f;
}

static void stop_floor(struct floor f)
{
	(void)close(f.fd);
	(void)waitpid(f.pid, NULL, 0);
}

/* --- the server ---------------------------------------------------------------------
 */

static int init(kick_server *s, const cJSON *args)
{
	(void)s;
	(void)args;
	return KICK_OK;
}

static int handle_call(kick_server *s, kick_from from, const cJSON *request)
{
	(void)s;
	(void)kick_reply(from, request);
	return KICK_OK;
}

static int handle_cast(kick_server *s, const cJSON *request)
{
	(void)s;
	(void)request;
	return KICK_OK;
}

static const kick_gen_server echo = {
	.init = init, .handle_call = handle_call, .handle_cast = handle_cast
};

static kick_pid start_echo(const char *name)
{
	kick_start_options options = { .name = name };
	kick_pid pid;

	must("start", kick_server_start_link(&echo, NULL, &options, &pid, NULL));
	return pid;
}

static void stop_echo(kick_pid pid)
{
	must("stop",
		kick_server_stop_call(kick_to(pid), "normal", KICK_INFINITY, NULL));
}

/* --- measures -----------------------------------------------------------------------
 */

struct pair {
	double kick[ROUNDS], floor[ROUNDS];
};

/* The unit's name ends the keys; ratio: how many times the floor. */
static void report(cJSON *all, const char *what, struct pair *p, bool rate)
{
	cJSON *o = cJSON_AddObjectToObject(all, what);
	double k = median(p->kick, ROUNDS), f = median(p->floor, ROUNDS);

	(void)cJSON_AddNumberToObject(o, rate ? "kick_per_s" : "kick_us", k);
	(void)cJSON_AddNumberToObject(o, rate ? "floor_per_s" : "floor_us", f);
	(void)cJSON_AddNumberToObject(o, "ratio", rate ? f / k : k / f);
}

static double time_calls(kick_pid server, const cJSON *request)
{
	static double each[CALLS];

	for (int i = 0; i < CALLS; i++) {
		cJSON *ret = NULL;
		double begun = now_us();

		must("call", kick_call(kick_to(server), request, 5000, &ret, NULL));
		each[i] = now_us() - begun;
		cJSON_Delete(ret);
	}
	return median(each, CALLS);
}

static double time_round_trips(struct floor f, const char *bytes, size_t size)
{
	static double each[CALLS];
	char buf[MESSAGE_MAX];

	for (int i = 0; i < CALLS; i++) {
		double begun = now_us();

		write_all(f.fd, bytes, size);
		read_all(f.fd, buf, size);
		each[i] = now_us() - begun;
	}
	return median(each, CALLS);
}

/* The call after the last cast comes back when all have been handled. */
static double rate_of_casts(kick_pid server, const cJSON *request)
{
	double begun = now_us();

	for (int i = 0; i < CASTS; i++)
		must("cast", kick_cast(kick_to(server), request));
	must("call", kick_call(kick_to(server), request, KICK_INFINITY, NULL, NULL));
	return CASTS / (now_us() - begun) * 1e6;
}

static double rate_of_writes(struct floor f, const char *bytes, size_t size)
{
	char buf[MESSAGE_MAX];
	double begun = now_us();

	for (int i = 0; i < CASTS; i++)
		write_all(f.fd, bytes, size);
	read_all(f.fd, buf, size);
	return CASTS / (now_us() - begun) * 1e6;
}

/* The scheduler keeps a pair of processes on one processor, or on two, as it happens,
 * and the way over is several times what either floor or kick does: so both are
 * measured on one and on two. */
static cpu_set_t allowed;

/* To the n-th processor that we may use; -1: all. */
static void pin(int n)
{
	cpu_set_t set = allowed;

	for (size_t i = 0; n >= 0 && i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &allowed) && n-- > 0)
			CPU_CLR(i, &set);
		else if (CPU_ISSET(i, &allowed)) {
			CPU_ZERO(&set);
			CPU_SET(i, &set);
		}
	(void)sched_setaffinity(0, sizeof set, &set);
}

struct message {
	cJSON *request;
	char *bytes;
	size_t size;
};

static void bench_pair(
	cJSON *all, const struct message *m, const char *what, int caller, int answerer)
{
	struct pair calls, casts;
	struct floor each, last;
	cJSON *o = cJSON_AddObjectToObject(all, what);
	kick_pid server;

	pin(answerer);
	server = start_echo(NULL);
	each = start_floor(m->size, 1);
	last = start_floor(m->size, CASTS);
	pin(caller);
	for (int i = 0; i < ROUNDS; i++) {
		calls.kick[i] = time_calls(server, m->request);
		calls.floor[i] = time_round_trips(each, m->bytes, m->size);
		casts.kick[i] = rate_of_casts(server, m->request);
		casts.floor[i] = rate_of_writes(last, m->bytes, m->size);
	}
	/* The later one holds a copy of the earlier one's end. */
	stop_floor(last);
	stop_floor(each);
	stop_echo(server);
	pin(-1);
	report(o, "call", &calls, false);
	report(o, "cast", &casts, true);
}

static void bench_messages(cJSON *all)
{
	struct message m = {
		.request = cJSON_Parse(
			"{\"op\":\"pledge\",\"name\":\"larry\",\"amount\":100}")
	};

	(void)sched_getaffinity(0, sizeof allowed, &allowed);
	m.bytes = cJSON_PrintUnformatted(m.request);
	m.size = strlen(m.bytes);
	(void)cJSON_AddNumberToObject(all, "message_bytes", (double)m.size);
	bench_pair(all, &m, "one_cpu", 0, 0);
	if (CPU_COUNT(&allowed) > 1)
		bench_pair(all, &m, "two_cpus", 0, 1);
	cJSON_free(m.bytes);
	cJSON_Delete(m.request);
}

static void end_at_once(void *unused)
{
	(void)unused;
}

static bool is_exit_of(const kick_message *m, void *pid)
{
	return m->kind == KICK_EXIT && kick_pid_equal(m->from, *(kick_pid *)pid);
}

static void await_exit(kick_pid pid)
{
	kick_message *m;

	must("receive", kick_receive(is_exit_of, &pid, KICK_INFINITY, &m));
	kick_message_free(m);
}

static double time_spawn(void)
{
	static double each[SPAWNS];

	for (int i = 0; i < SPAWNS; i++) {
		double begun = now_us();
		kick_pid pid;

		must("spawn_link", kick_spawn_link(end_at_once, NULL, &pid));
		await_exit(pid);
		each[i] = now_us() - begun;
	}
	return median(each, SPAWNS);
}

static double time_fork(void)
{
	static double each[SPAWNS];

	for (int i = 0; i < SPAWNS; i++) {
		double begun = now_us();
		pid_t pid = fork();

		must("fork", pid);
		if (pid == 0)
			_exit(0);
		(void)waitpid(pid, NULL, 0);
		each[i] = now_us() - begun;
	}
	return median(each, SPAWNS);
}

static void bench_spawn(cJSON *all)
{
	struct pair p;

	for (int i = 0; i < ROUNDS; i++) {
		p.kick[i] = time_spawn();
		p.floor[i] = time_fork();
	}
	report(all, "spawn", &p, false);
}

static double time_whereis(void)
{
	static double each[LOOKUPS];
	kick_pid found;

	for (int i = 0; i < LOOKUPS; i++) {
		double begun = now_us();

		must("whereis", kick_whereis("echo", &found));
		each[i] = now_us() - begun;
	}
	return median(each, LOOKUPS);
}

/* Against one round trip, which is what it is. The node's processor is not ours to
 * choose: the floor gets none either. */
static void bench_whereis(cJSON *all)
{
	static char bytes[MESSAGE_MAX];
	kick_pid server = start_echo("echo");
	struct floor f;
	struct pair p;
	cpu_set_t set;

	pin(0);
	(void)sched_getaffinity(0, sizeof set, &set);
	(void)sched_setaffinity(getppid(), sizeof set, &set);
	f = start_floor(40, 1);

	for (int i = 0; i < ROUNDS; i++) {
		p.kick[i] = time_whereis();
		p.floor[i] = time_round_trips(f, bytes, 40);
	}
	stop_floor(f);
	pin(-1);
	(void)sched_setaffinity(getppid(), sizeof allowed, &allowed);
	report(all, "whereis", &p, false);
	stop_echo(server);
}

/* --- memory -------------------------------------------------------------------------
 */

static double private_kib(const char *process)
{
	char line[200], path[64];
	double sum = 0, kib;
	FILE *f;

	(void)snprintf(path, sizeof path, "/proc/%s/smaps_rollup", process);
	f = fopen(path, "re");
	if (!f)
		return -1;
	while (fgets(line, sizeof line, f))
		if (sscanf(line, "Private_Clean: %lf", &kib) == 1 ||
			sscanf(line, "Private_Dirty: %lf", &kib) == 1)
			sum += kib;
	(void)fclose(f);
	return sum;
}

static int pid_pipe[2];

static void idle(void *unused)
{
	pid_t self = getpid();
	kick_message *m;

	(void)unused;
	write_all(pid_pipe[1], (const char *)&self, sizeof self);
	while (kick_receive(NULL, NULL, KICK_INFINITY, &m) == 0)
		kick_message_free(m);
}

static void bench_memory(cJSON *all)
{
	double each[IDLE];
	kick_pid pids[IDLE];
	pid_t os[IDLE];
	char name[16];

	must("pipe", pipe(pid_pipe));
	for (int i = 0; i < IDLE; i++) {
		must("spawn_link", kick_spawn_link(idle, NULL, &pids[i]));
		read_all(pid_pipe[0], (char *)&os[i], sizeof os[i]);
	}
	for (int i = 0; i < IDLE; i++) {
		(void)snprintf(name, sizeof name, "%d", os[i]);
		each[i] = private_kib(name);
	}
	(void)cJSON_AddNumberToObject(all, "idle_private_kib", median(each, IDLE));
	for (int i = 0; i < IDLE; i++) {
		must("exit", kick_exit(pids[i], "kill"));
		await_exit(pids[i]);
	}
}

/* --- many ---------------------------------------------------------------------------
 */

static void be_one(void *unused)
{
	kick_message *m;

	(void)unused;
	while (kick_receive(NULL, NULL, KICK_INFINITY, &m) == 0)
		kick_message_free(m);
}

static int start_one(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	(void)args;
	(void)why;
	return kick_spawn_link(be_one, NULL, ret);
}

/* Returns what went wrong, or 0; *started: how many there were. */
static int start_many(kick_pid sup, int n, int *started)
{
	kick_child_spec spec = { .id = "one", .start = start_one };
	kick_reason why = { "" };
	int r = 0;

	for (*started = 0; *started < n; ++*started) {
		r = kick_supervisor_start_child(kick_to(sup), &spec, NULL, &why);
		if (r != 0) {
			(void)fprintf(stderr, "actors: child %d: %s: %s\n", *started,
				strerror(-r), why.text);
			return r;
		}
	}
	return 0;
}

static int active(kick_pid sup)
{
	cJSON *counts = NULL;
	int n;

	must("count_children", kick_supervisor_count_children(kick_to(sup), &counts));
	n = cJSON_GetObjectItem(counts, "active")->valueint;
	cJSON_Delete(counts);
	return n;
}

static void bench_many(cJSON *all, int n)
{
	cJSON *o = cJSON_AddObjectToObject(all, "alive");
	double begun = now_us();
	kick_pid sup;
	int started;

	must("supervisor", kick_dynamic_supervisor_start_link(NULL, &sup, NULL));
	(void)start_many(sup, n, &started);
	(void)cJSON_AddNumberToObject(o, "asked", n);
	(void)cJSON_AddNumberToObject(o, "active", active(sup));
	(void)cJSON_AddNumberToObject(o, "start_ms", (now_us() - begun) / 1000);
	begun = now_us();
	must("stop", kick_supervisor_stop(kick_to(sup)));
	(void)cJSON_AddNumberToObject(o, "stop_ms", (now_us() - begun) / 1000);
	(void)cJSON_AddBoolToObject(o, "works", started == n);
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 5000;
	cJSON *all = cJSON_CreateObject();
	struct rlimit files;
	char *text;

	(void)getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);
	(void)signal(SIGPIPE, SIG_IGN);
	must("kick_start", kick_start());
	must("trap_exit", kick_trap_exit(true));
	bench_messages(all);
	bench_spawn(all);
	bench_whereis(all);
	bench_memory(all);
	bench_many(all, n);
	text = cJSON_Print(all);
	(void)printf("%s\n", text);
	cJSON_free(text);
	cJSON_Delete(all);
	return 0;
}
