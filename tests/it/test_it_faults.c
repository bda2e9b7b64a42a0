/* Faults of what surrounds kick: no descriptors, no process slots; a full disk is in
 * test_it_disk.c. None of them ends a supervisor, each is told, and when it has gone
 * all is as before. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "it_dial.h"
#include "it_inside.h"
#include "os/roles.h"

/* --- asking without the command -------------------------------------------------- */

/* A connection that was made before the fault is served during it. */

static int connect_to(const char *name)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(
		sun.sun_path, sizeof sun.sun_path, "%s/%s", it_runtime_dir(), name);
	check(connect(fd, (struct sockaddr *)&sun, sizeof sun) == 0, "connect %s: %s",
		name, strerror(errno));
	return fd;
}

static void say(int fd, const char *method, const char *params)
{
	char line[600];
	int n = snprintf(line, sizeof line,
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}\n",
		method, params);

	for (char *p = line; *p; p++)
		if (*p == '\'')
			*p = '"';
	check(send(fd, line, (size_t)n, MSG_NOSIGNAL) == n, "%s: %s", method,
		strerror(errno));
}

/* One line. Static until the next call. */
static const char *hear(int fd)
{
	static char text[65536];
	double deadline = it_deadline();
	size_t n = 0;

	text[0] = '\0';
	while (!strchr(text, '\n') && n < sizeof text - 1) {
		struct pollfd p = { fd, POLLIN, 0 };
		ssize_t r;

		(void)it_pump(0);
		check(it_now() < deadline, "no answer");
		if (poll(&p, 1, 50) == 0)
			continue;
		r = recv(fd, text + n, sizeof text - 1 - n, 0);
		if (r <= 0)
			break;
		text[n += (size_t)r] = '\0';
	}
	return text;
}

static const char *request(int fd, const char *method, const char *params)
{
	say(fd, method, params);
	return hear(fd);
}

/* A connection that has been accepted. */
static int dial_served(const char *name)
{
	int fd = connect_to(name);

	check(strstr(request(fd, "status", "{}"), "\"result\""), "%s does not answer",
		name);
	return fd;
}

/* The socket of a nested supervisor. Static until the next call. */
static const char *socket_of(const char *path)
{
	static char name[16];
	int fd = connect_to("0");
	char params[100];
	cJSON *json;
	const cJSON *node;
	const char *s;

	(void)snprintf(params, sizeof params, "{'id':'%s'}", path);
	json = cJSON_Parse(request(fd, "status", params));
	node = cJSON_GetObjectItem(json, "result");
	s = cJSON_GetStringValue(cJSON_GetObjectItem(node, "socket"));
	check(s, "%s has no socket: %s", path, hear(fd));
	(void)snprintf(name, sizeof name, "%s", s);
	cJSON_Delete(json);
	(void)close(fd);
	return name;
}

/* Nobody is 0: that would be all of us. */
static void kill_hard(pid_t pid)
{
	check(pid > 0, "there is no pid to kill");
	(void)kill(pid, SIGKILL);
}

/* It may be starting anew. */
static pid_t the_logger(void)
{
	double deadline = it_deadline();
	pid_t pid;

	while ((pid = logger_pid()) == 0) {
		check(it_now() < deadline, "there is no logger");
		(void)it_pump(it_now() + 0.02);
	}
	return pid;
}

/* --- descriptors ----------------------------------------------------------------- */

/* The process gets no number from `limit` on; what it has stays. What it had before. */
static struct rlimit limit(pid_t pid, int resource, rlim_t limit)
{
	struct rlimit was, now;

	check(prlimit(pid, (__rlimit_resource_t)resource, NULL, &was) == 0,
		"prlimit %d: %s", (int)pid, strerror(errno));
	now = (struct rlimit){ limit, was.rlim_max };
	check(prlimit(pid, (__rlimit_resource_t)resource, &now, NULL) == 0,
		"prlimit %d: %s", (int)pid, strerror(errno));
	return was;
}

static void lift(pid_t pid, int resource, const struct rlimit *was)
{
	check(prlimit(pid, (__rlimit_resource_t)resource, was, NULL) == 0,
		"prlimit %d: %s", (int)pid, strerror(errno));
}

/* Not one more: roles are taken, and what a process of kick opens lies above. */
#define NO_DESCRIPTORS FD_FREE
#define SUP(id, children) \
	"{'id':'" id "','type':'supervisor','children':[" children "]}"
#define WITH_T(id, more)                                             \
	"{'id':'" id "','listen':['t'],'start':['./h','stay']," more \
	"'start_timeout':'infinity','stdout':'null','stderr':'null'}"

#define TREE                                                                     \
	"{'name':'app','max_restarts':'infinity','children':[" WORKER(           \
		"a") ",{'id':'s','type':'supervisor','max_restarts':'infinity'," \
		     "'children':[" WORKER("x") "," CHILD(                       \
			     "y", "'autostart':false", "'say','hello','stay'") "]}]}"

CASE(it_faults, without_descriptors_a_start_fails_is_tried_again_and_comes_up)
{
	struct rlimit was;
	pid_t s, x, a;
	const char *text;
	int fd;

	tree_up(TREE);
	s = pid_of("s");
	x = pid_of("s/x");
	a = pid_of("a");
	fd = dial_served(socket_of("s"));
	was = limit(s, RLIMIT_NOFILE, NO_DESCRIPTORS);
	kill_hard(x);
	text = await_event("start_failed", "s/x", 2)->reason;
	check(strcmp(text, "failed_to_start:clone:EMFILE") == 0, "reason %s", text);
	await_err("s/x cannot be started: clone: Too many open files");
	/* By hand: refused with the same, and not tried again. */
	text = request(fd, "restart_child", "{'id':'y'}");
	check(strstr(text, "failed_to_start:pipe:EMFILE"), "answer: %s", text);
	check(is_alive(s) && is_alive(a), "something else has ended");
	kick_gives(0, "restart a");
	lift(s, RLIMIT_NOFILE, &was);
	check(await_next("s/x", x) > 0, "x is not back");
	kick_gives(0, "start s/y");
	await_out("s/y | hello");
	check(pid_of("s") == s, "the supervisor is another one");
	kick_gives(0, "status");
	(void)close(fd);
	tree_down();
}

static void with_few(void)
{
	(void)setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 36, 36 });
}

CASE(it_faults, with_too_few_descriptors_it_says_how_many_it_needs)
{
	tree_before_exec(with_few);
	tree_start("{'name':'app','children':[" WORKER("a") "]}", "");
	tree_ends(73);
	check(strstr(tree_err(), "at least 42"), "said: %s", tree_err());
}

/* Who sends a socket, or passes it on, has no number for a copy: the one that was
 * inherited will do. */
CASE(it_faults, without_descriptors_on_its_way_a_socket_is_there_all_the_same)
{
	static const struct {
		const char
			*user; /* who has it already: then "app" answers, not kickd */
		const char *poor; /* NULL: kickd */
	} rows[] = { { "", NULL }, { WITH_T("a", "") ",", "n" } };

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char config[700], name[16];
		struct rlimit was;
		const char *at;
		pid_t poor;
		int fd;

		(void)snprintf(config, sizeof config,
			"{'name':'app','listen':{'t':'tcp://127.0.0.1:%d'},'children':["
			"%s" SUP("n", SUP("m", WITH_T("b", "'autostart':false,"))) "]}",
			free_port(), rows[i].user);
		tree_up(config);
		kick_gives(0, "status --json n/m");
		at = strstr(last_out(), "\"socket\":\"");
		check(at && sscanf(at, "\"socket\":\"%15[0-9]", name) == 1, "%s",
			last_out());
		fd = dial_served(name);
		poor = rows[i].poor ? pid_of(rows[i].poor) : tree_pid();
		was = limit(poor, RLIMIT_NOFILE, NO_DESCRIPTORS);
		check(strstr(request(fd, "restart_child", "{'id':'b'}"), "\"result\""),
			"%zu: no start", i);
		lift(poor, RLIMIT_NOFILE, &was);
		(void)close(fd);
		tree_down();
	}
}

CASE(it_faults, without_descriptors_what_is_stopped_is_still_gone)
{
	struct rlimit was;
	pid_t top, d;
	int fd;

	tree_up("{'name':'app','max_restarts':'infinity','children':[" CHILD(
		"a", "'shutdown':'1s'", "'daemon','d','say','up','stay'") "]}");
	await_out("a | up");
	top = pid_of("app");
	d = pid_in("d");
	fd = dial_served("0");
	was = limit(top, RLIMIT_NOFILE, NO_DESCRIPTORS);
	check(strstr(request(fd, "terminate_child", "{'id':'a'}"), "\"stopped\""),
		"not stopped");
	check(!is_alive(d), "what it had forked lives");
	lift(top, RLIMIT_NOFILE, &was);
	(void)close(fd);
	tree_down();
}

/* Processor time so far. */
static double cpu_seconds(pid_t pid)
{
	unsigned long user = 0, sys = 0;
	char name[64];
	FILE *f;

	(void)snprintf(name, sizeof name, "/proc/%d/stat", (int)pid);
	f = fopen(name, "re");
	check(f &&
			fscanf(f,
				"%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u "
				"%*u %lu %lu",
				&user, &sys) == 2,
		"%s", name);
	(void)fclose(f);
	return (double)(user + sys) / (double)sysconf(_SC_CLK_TCK);
}

/* The first number that the next descriptor of the process could have. */
static rlim_t next_descriptor(pid_t pid)
{
	char name[64];
	struct stat st;

	for (rlim_t fd = 0;; fd++) {
		(void)snprintf(name, sizeof name, "/proc/%d/fd/%d", (int)pid, (int)fd);
		if (lstat(name, &st) < 0)
			return fd;
	}
}

CASE(it_faults, clients_that_cannot_be_accepted_wait_without_a_busy_loop)
{
	struct rlimit was;
	double began, spent;
	char name[16];
	int fds[5];
	pid_t s, x;

	tree_up(TREE);
	s = pid_of("s");
	x = pid_of("s/x");
	(void)snprintf(name, sizeof name, "%s", socket_of("s"));
	was = limit(s, RLIMIT_NOFILE, NO_DESCRIPTORS);
	for (int i = 0; i < 5; i++) {
		fds[i] = connect_to(name);
		say(fds[i], "status", "{}");
	}
	kill_hard(x);
	(void)await_event("start_failed", "s/x", 1);
	began = it_now();
	spent = cpu_seconds(s);
	/* Each of them is a wait of its own. */
	(void)await_event("start_failed", "s/x", 7);
	began = it_now() - began;
	spent = cpu_seconds(s) - spent;
	check(spent < began / 4, "%.2f s of processor time in %.2f s", spent, began);
	lift(s, RLIMIT_NOFILE, &was);
	for (int i = 0; i < 5; i++) {
		const char *text = hear(fds[i]);

		check(strstr(text, "\"result\""), "client %d: %s", i, text);
		(void)close(fds[i]);
	}
	check(await_next("s/x", x) > 0, "x is not back");
	tree_down();
}

CASE(it_faults, a_client_for_whom_there_is_no_descriptor_is_told_so)
{
	struct rlimit was;
	const char *text;
	pid_t top;
	int held, fd;

	tree_up(TREE);
	top = pid_of("app");
	/* Who asked before this one has gone when it is served. */
	held = dial_served("0");
	/* The spare one, given up for a moment, is all that there is. */
	was = limit(top, RLIMIT_NOFILE, next_descriptor(top));
	fd = connect_to("0");
	text = hear(fd);
	check(strstr(text, "\"error\""), "not refused: %s", text);
	check(strstr(text, "descriptor"), "it does not say why: %s", text);
	(void)close(fd);
	kick_gives(1, "restart a");
	check(strstr(last_err(), "descriptor"), "kick does not say why: %s",
		last_err());
	lift(top, RLIMIT_NOFILE, &was);
	(void)close(held);
	kick_gives(0, "status");
	tree_down();
}

static bool said_twice(const void *arg)
{
	const char *first = strstr(tree_out(), arg);

	return first && strstr(first + 1, arg);
}

/* The root keeps a copy of each pipe, which comes to it through the supervisors. */
CASE(it_faults, a_pipe_lost_on_its_way_to_the_root_does_not_break_the_logger)
{
	struct rlimit was;
	pid_t top, log;
	int fd;

	tree_up(TREE);
	top = pid_of("app");
	fd = dial_served(socket_of("s"));
	was = limit(top, RLIMIT_NOFILE, NO_DESCRIPTORS);
	check(strstr(request(fd, "restart_child", "{'id':'y'}"), "\"result\""),
		"no start");
	await_out("s/y | hello");
	lift(top, RLIMIT_NOFILE, &was);
	(void)close(fd);
	log = the_logger();
	kill_hard(log);
	await_gone(log);
	kick_gives(0, "stop s/y");
	kick_gives(0, "start s/y");
	await(said_twice, "s/y | hello", "the second line of y");
	kick_gives(0, "log s/y --timeout 5s");
	kick_gives(0, "restart a");
	tree_down();
}

CASE(it_faults, a_logger_without_descriptors_loses_no_line)
{
	struct rlimit was;
	pid_t log;

	tree_up(TREE);
	log = the_logger();
	was = limit(log, RLIMIT_NOFILE, next_descriptor(log));
	kick_gives(0, "start s/y");
	lift(log, RLIMIT_NOFILE, &was);
	await_out("s/y | hello");
	tree_down();
}

/* How many descriptors kickd may have at all. */
static rlim_t allowed;

static void allow(void)
{
	struct rlimit lim = { allowed, allowed };

	(void)setrlimit(RLIMIT_NOFILE, &lim);
}

static bool decided(const void *arg)
{
	(void)arg;
	return it.kickd->status >= 0 || strstr(tree_notified(), "READY=1") ||
		strstr(tree_err(), "trying again");
}

/* For the next one. */
static void empty_directory(void)
{
	DIR *dir = opendir("run");
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		(void)unlinkat(dirfd(dir), e->d_name, 0);
	if (dir)
		(void)closedir(dir);
	(void)rmdir("run");
}

CASE(it_faults, kickd_under_any_limit_of_descriptors_says_so_and_leaves_nothing)
{
	static const char config[] = "{'name':'app','children':[" WORKER(
		"a") ",{'id':'s','type':'supervisor','children':[" WORKER("x") "]}," CHILD("n",
		"'ready':{'notify':true}", "'notify','READY=1','stay'") "]}";
	bool up = false;

	tree_before_exec(allow);
	for (allowed = 4; !up; allowed++) {
		struct stat st;
		int status;

		tree_start(config, "");
		await(decided, NULL, "kickd with %d descriptors", (int)allowed);
		up = strstr(tree_notified(), "READY=1") != NULL;
		if (it.kickd->status < 0)
			tree_signal(SIGTERM);
		status = finish(it.kickd);
		expect(up == (status == 0) || strstr(tree_err(), "trying again"),
			"%d: status %d", (int)allowed, status);
		for (jobs_reap(); waitpid(-1, NULL, WNOHANG) == 0; jobs_reap())
			(void)it_pump(it_now() + 0.01);
		expect(it.orphans == 0, "%d: %d processes outlived kickd", (int)allowed,
			it.orphans);
		it.orphans = 0;
		expect(up || strstr(tree_err(), "descriptors") ||
				strstr(tree_err(), "Too many open files"),
			"%d: status %d, and it says \"%s\"", (int)allowed,
			it.kickd->status, tree_err());
		expect(lstat(it_runtime_dir(), &st) < 0,
			"%d: the runtime directory is still there", (int)allowed);
		(void)it_pump(0);
		empty_directory();
		check(allowed < 60, "60 descriptors are not enough");
	}
	expected();
}

/* --- the root has nothing left --------------------------------------------------- */

static void a_root_without(int resource, rlim_t n, const char *why)
{
	struct rlimit was;
	pid_t log;

	log = the_logger();
	was = limit(tree_pid(), resource, n);
	kill_hard(pid_of("app"));
	await_err("cannot start the top supervisor");
	check(strstr(tree_err(), why), "it does not say why");
	lift(tree_pid(), resource, &was);
	await_err("is up again");
	kick_gives(0, "wait --timeout 10s");

	was = limit(tree_pid(), resource, n);
	kill_hard(log);
	await_gone(log);
	/* Whether the root has seen it yet: it has when it has tried what needs a
	 * process of its own. */
	kick_gives(1, "reload");
	check(strstr(last_err(), why), "it does not say why: %s", last_err());
	lift(tree_pid(), resource, &was);
	kick_gives(0, "reload");
	kick_gives(0, "restart a");
	await_out("a | one more");
	kick_gives(0, "log a --timeout 5s");
	kick_gives(0, "events --timeout 5s");
	tree_down();
}

#define TALKING                                                          \
	"{'name':'app','children':[" CHILD("a", "'restart':'permanent'", \
		"'failing','0','f','say','one more','stay'") "]}"

CASE(it_faults, a_root_without_descriptors_goes_on_when_there_are_some)
{
	tree_up(TALKING);
	a_root_without(RLIMIT_NOFILE, NO_DESCRIPTORS, "Too many open files");
}

/* --- process slots --------------------------------------------------------------- */

/* Becomes a user of whom no other process is, so that only this tree counts. */
static void become_nobody_else(const char *test)
{
	uid_t uid = (uid_t)(1000000 + getpid());

	if (getuid() != 0 || chown(".", uid, uid) < 0 ||
		chown("notify", uid, uid) < 0 || setgroups(0, NULL) < 0 ||
		setgid(uid) < 0 || setuid(uid) < 0 || access("./h", X_OK) < 0)
		it_skip(test, "needs root, and a build that other users may execute");
}

CASE(it_faults, without_process_slots_a_start_fails_is_tried_again_and_comes_up)
{
	struct rlimit was;
	const char *text;
	pid_t s, x;

	become_nobody_else("it_faults::without_process_slots_a_start_fails_is_tried_"
			   "again_and_comes_up");
	tree_up(TREE);
	s = pid_of("s");
	x = pid_of("s/x");
	was = limit(s, RLIMIT_NPROC, 1);
	kill_hard(x);
	text = await_event("start_failed", "s/x", 3)->reason;
	check(strcmp(text, "failed_to_start:clone:EAGAIN") == 0, "reason %s", text);
	await_err("s/x cannot be started: clone: Resource temporarily unavailable");
	kick_gives(3, "status");
	check(strcmp(state_of("s/x"), "restarting") == 0, "x is %s", state_of("s/x"));
	kick_gives(1, "start s/y");
	check(strstr(last_err(), "Resource temporarily unavailable"), "%s", last_err());
	check(strcmp(reason_of("s/y"), "failed_to_start:clone:EAGAIN") == 0,
		"reason %s", reason_of("s/y"));
	kick_gives(1, "add s {'id':'t','type':'supervisor'}");
	check(strstr(last_err(), "Resource temporarily unavailable"), "%s", last_err());
	kick_gives(0, "restart a");
	lift(s, RLIMIT_NPROC, &was);
	check(await_next("s/x", x) > 0, "x is not back");
	kick_gives(0, "start s/y");
	kick_gives(0, "add s {'id':'t','type':'supervisor'}");
	check(pid_of("s") == s, "the supervisor is another one");
	tree_down();
}

/* Each try counts, but they are so far apart that they alone do not use up what is
 * allowed: 300 ms here. */
CASE(it_faults, without_process_slots_nobody_gives_up)
{
	struct rlimit was;
	pid_t s, x;

	become_nobody_else("it_faults::without_process_slots_nobody_gives_up");
	tree_up("{'name':'app','children':[{'id':'s','type':'supervisor',"
		"'max_restarts':3,'max_seconds':0.6,'children':[" WORKER("x") "]}]}");
	s = pid_of("s");
	x = pid_of("s/x");
	was = limit(s, RLIMIT_NPROC, 1);
	kill_hard(x);
	(void)await_event("start_failed", "s/x", 5);
	check(events_seen("gave_up", "s") == 0 && is_alive(s), "it has given up");
	lift(s, RLIMIT_NPROC, &was);
	check(await_next("s/x", x) > 0, "x is not back");
	check(restarts_of("s/x") >= 5, "restarts %d", restarts_of("s/x"));
	check(pid_of("s") == s, "the supervisor is another one");
	tree_down();
}

CASE(it_faults, a_root_without_process_slots_goes_on_when_there_are_some)
{
	become_nobody_else("it_faults::a_root_without_process_slots_goes_on_when_there_"
			   "are_some");
	tree_up(TALKING);
	a_root_without(RLIMIT_NPROC, 1, "Resource temporarily unavailable");
}
