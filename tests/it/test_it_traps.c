/* What the kernel was seen to do, and what other supervisors have stumbled over, held
 * against real processes. tests/traps.md lists all of it, with the tests elsewhere. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "it_filter.h"

#define APP(children) \
	"{'name':'app','max_restarts':'infinity','children':[" children "]}"
#define SUP(id, children)                                    \
	"{'id':'" id "','type':'supervisor','max_restarts':" \
	"'infinity','children':[" children "]}"

/* --- looking ------------------------------------------------------------------------
 */

/* What has no event is looked at again, a few times a second. */
static void await_seen(condition *holds, const void *arg, const char *what)
{
	double deadline = it_deadline();

	while (!holds(arg)) {
		check(it_now() < deadline, "waited %d s in vain: %s", IT_SECONDS, what);
		(void)it_pump(it_now() + 0.02);
	}
}

static int dial(const char *name)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(
		sun.sun_path, sizeof sun.sun_path, "%s/%s", it_runtime_dir(), name);
	if (connect(fd, (struct sockaddr *)&sun, sizeof sun) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

static int ask(const char *name)
{
	static const char text[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":"
				   "\"status\",\"params\":{}}\n";
	int fd = dial(name);

	check(fd >= 0, "cannot connect to %s: %s", name, strerror(errno));
	check(send(fd, text, sizeof text - 1, MSG_NOSIGNAL) > 0, "cannot ask %s", name);
	return fd;
}

/* How an answer begins, or "" at the end of the connection. Static. */
static const char *reply(int fd)
{
	static char text[65536];
	struct pollfd p = { fd, POLLIN, 0 };
	ssize_t n;

	check(poll(&p, 1, IT_SECONDS * 1000) == 1, "neither an answer nor an end");
	n = recv(fd, text, sizeof text - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void crash(const char *path)
{
	pid_t pid = pid_of(path);

	(void)kill(pid, SIGKILL);
	(void)await_next(path, pid);
}

static void put_script(const char *name, const char *text)
{
	put_file(name, "#!/bin/sh\n%s", text);
	check(chmod(name, 0755) == 0, "chmod");
}

static bool is_possible(void (*call)(void))
{
	int status = 1;
	pid_t pid = fork();

	if (pid == 0) {
		call();
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid && status == 0;
}

/* --- who is left --------------------------------------------------------------------
 */

static int pids_in(const char *file, pid_t *pids, int room)
{
	FILE *f = fopen(file, "re");
	int n = 0;

	while (f && n < room && fscanf(f, "%d", &pids[n]) == 1)
		n++;
	return n;
}

/* gen.sh N FILE starts N generations, each in a session of its own, deaf to TERM, and
 * adopted only when the one before it is dead. */
CASE(it_traps, generations_of_escapees_are_gone_and_those_of_a_sibling_are_not)
{
	pid_t a[6], b[6];

	put_script("gen.sh",
		"trap '' TERM HUP\n"
		"echo $$ >>\"$2\"\n"
		"[ \"$1\" -eq 0 ] || setsid ./gen.sh $(($1 - 1)) \"$2\" &\n"
		"exec ./h stay\n");
	tree_up(APP("{'id':'a','start':['./gen.sh','5','a']},{'id':'b','start':"
		    "['/bin/sh','-c','(setsid ./gen.sh 5 b &); exec ./h stay']}"));
	await_lines("a", 6);
	await_lines("b", 6);
	check(pids_in("a", a, 6) == 6 && pids_in("b", b, 6) == 6, "pids");
	crash("a");
	for (int i = 0; i < 6; i++) {
		check(!is_alive(a[i]), "generation %d lives beside the next start", i);
		check(is_alive(b[i]), "generation %d of b was taken for one of a", i);
	}
	kick_gives(0, "stop b");
	for (int i = 0; i < 6; i++)
		check(!is_alive(b[i]), "generation %d lives after stop", i);
	tree_down();
}

/* The old one must be gone before the next is started, and nothing is left by stop. */
static void check_way(const char *way)
{
	char config[300];
	pid_t d;

	put_script("esc.sh", "trap '' TERM HUP\necho $$ >>d\nexec tail -f /dev/null\n");
	put_file("d", "%s", "");
	check(chmod("d", 0666) == 0, "chmod");
	(void)snprintf(config, sizeof config,
		APP("{'id':'a','shutdown':'1s','start':['/bin/sh','-c','%s']}"), way);
	tree_up(config);
	await_lines("d", 1);
	d = pid_in("d");
	crash("a");
	expect(!is_alive(d), "%s: it lives beside the next start", way);
	await_lines("d", 2);
	d = pid_in("d");
	kick_gives(0, "stop a");
	expect(!is_alive(d), "%s: it lives after stop", way);
	expected();
	tree_down();
}

CASE(it_traps, the_mark_stays_whatever_way_an_escapee_goes)
{
	check_way("(setsid ./esc.sh &); exec ./h stay");
	check_way("(setsid env -i PATH=/bin:/usr/bin ./esc.sh &); exec ./h stay");
	if (getuid() == 0)
		check_way("(setsid setpriv --reuid 65534 --clear-groups ./esc.sh &); "
			  "exec ./h stay");
}

CASE(it_traps, the_mark_stays_when_pam_sets_the_limits_back)
{
	/* PAM sets all limits back to those of process 1, as far as it may. */
	if (getuid() != 0 || prctl(PR_CAPBSET_READ, CAP_SYS_RESOURCE) != 0)
		it_skip("it_traps::the_mark_stays_when_pam_sets_the_limits_back",
			"needs root without CAP_SYS_RESOURCE, as in containers");
	check_way("exec su nobody -s /bin/sh -c ./esc.sh");
	check_way("(setsid su nobody -s /bin/sh -c ./esc.sh &); exec ./h stay");
	check_way("(setsid runuser -u nobody ./esc.sh &); exec ./h stay");
}

/* What a wrapper script has left in the background before "exec kickd". */
static void leave_a_stranger(void)
{
	int null;

	if (fork() != 0)
		return;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int i = 0; i < 3; i++)
		(void)dup2(null, i);
	put_file("stranger", "%d\n", (int)getpid());
	for (;;)
		(void)pause();
}

static bool is_reaped(const void *arg)
{
	return kill(*(const pid_t *)arg, 0) < 0 && errno == ESRCH;
}

CASE(it_traps, a_stranger_is_let_alone_and_reaped)
{
	pid_t stranger;

	tree_before_exec(leave_a_stranger);
	tree_up(APP(WORKER("a") "," SUP("s", WORKER("x"))));
	await_lines("stranger", 1);
	stranger = pid_in("stranger");
	crash("s");
	(void)kill(pid_of("app"), SIGKILL);
	await_err("app is up again");
	check(is_alive(stranger), "it was killed");
	(void)kill(stranger, SIGKILL);
	await_seen(is_reaped, &stranger, "the stranger is reaped");
	tree_down();
}

/* A file system of our own over /proc, with nothing in it but how many pids there are:
 * enough for what this test starts. */
static void hide_proc(void)
{
	char max[32];
	int n = snprintf(max, sizeof max, "%d\n", (int)getpid() + 20000), fd;

	if (unshare(CLONE_NEWNS) < 0 ||
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("none", "/proc", "tmpfs", 0, NULL) < 0 ||
		mkdir("/proc/sys", 0755) < 0 || mkdir("/proc/sys/kernel", 0755) < 0)
		_exit(126);
	fd = open("/proc/sys/kernel/pid_max", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (write(fd, max, (size_t)n) != n)
		_exit(126);
	(void)close(fd);
}

CASE(it_traps, without_proc_what_is_stopped_is_gone_as_well)
{
	bool possible = is_possible(hide_proc) && getpid() < 1 << 18;
	pid_t d, e;

#ifdef __SANITIZE_ADDRESS__
	possible = false;
#endif
	if (!possible)
		it_skip("it_traps::without_proc_what_is_stopped_is_gone_as_well",
			"needs the right to mount, small pids, as each is looked at, "
			"and no sanitizer");
	tree_before_exec(hide_proc);
	tree_up(APP("{'id':'a','start':['./h','daemon','d','say','up','stay']}," SUP(
		"s", "{'id':'x','start':['./h','daemon','e','say','up','stay']}")));
	await_out("a | up");
	await_out("s/x | up");
	d = pid_in("d");
	e = pid_in("e");
	crash("a");
	check(!is_alive(d), "the old daemon lives beside the new one");
	crash("s");
	check(!is_alive(e), "a daemon of the lost supervisor lives");
	await_lines("d", 2);
	d = pid_in("d");
	kick_gives(0, "stop a");
	check(!is_alive(d), "the daemon lives after stop");
	tree_down();
}

/* Its first thread adopts, the other one starts. */
static bool has_one_child(const void *arg)
{
	const pid_t *sup_and_child = arg;
	pid_t sup = sup_and_child[0];
	char want[32];

	(void)snprintf(want, sizeof want, "%d ", (int)sup_and_child[1]);
	return *children_of(sup, sup) == '\0' &&
		strcmp(children_of(sup, other_thread(sup)), want) == 0;
}

/* One look shows one of those that have ended, always the same: orphans must not hide a
 * child's end, nor be left themselves. */
static void reap_all_among_ends(void)
{
	pid_t s[2], w;

	put_script("many.sh",
		"i=0\n"
		"while [ $i -lt 300 ]; do (exec ./h stay) & i=$((i + 1)); done\n"
		"(while :; do (true &); done) &\n"
		"./h say up\n"
		"exec ./h stay\n");
	tree_up(APP(SUP("s", WORKER("w") ",{'id':'a','start':['./many.sh']}")));
	await_out("s/a | up");
	s[0] = pid_of("s");
	w = pid_of("s/w");
	(void)kill(pid_of("s/a"), SIGKILL);
	(void)kill(w, SIGKILL);
	s[1] = await_next("s/w", w);
	(void)await_event("ready", "s/a", 2);
	kick_gives(0, "stop s/a");
	await_seen(has_one_child, s, "all orphans are reaped");
	tree_down();
}

CASE(it_traps, orphans_are_reaped_among_the_ends_of_children)
{
	reap_all_among_ends();
}

CASE(it_traps, orphans_are_reaped_where_groups_need_their_leaders)
{
	tree_before_exec(filter_groups_by_pidfd);
	reap_all_among_ends();
}

/* --- death of the parent ------------------------------------------------------------
 */

/* Whom nobody is left to kill, the kernel kills: also who has changed its user. */
CASE(it_traps, workers_die_when_all_of_kick_is_killed_at_once)
{
	char config[600];

	(void)snprintf(config, sizeof config,
		APP(WORKER("a") "," SUP("s",
			WORKER("x") ",{'id':'y',%s'start':'exec tail -f /dev/null'}")),
		getuid() == 0 ? "'user':'65534','group':'65534','stdout':'null'," : "");
	tree_up(config);
	/* Children first: a stopped one goes on when its parent dies (setpgid(2)). */
	pid_t all[] = { pid_of("s"), pid_of("app"), logger_pid(), tree_pid() };
	pid_t workers[] = { pid_of("a"), pid_of("s/x"), pid_of("s/y") };

	for (size_t i = 0; i < 4; i++)
		halt(all[i]);
	for (size_t i = 0; i < 4; i++)
		(void)kill(all[i], SIGKILL);
	for (size_t i = 0; i < 3; i++)
		await_gone(workers[i]);
	tree_orphaned();
}

/* A supervisor that had a copy of its sibling's link would keep it from seeing that
 * their parent is dead. u is deaf, so that it cannot end before the others have seen.
 */
CASE(it_traps, a_supervisor_sees_its_parents_end_while_its_siblings_live)
{
	pid_t x, y, u;

	tree_up(APP(SUP("s", WORKER("x")) "," SUP("t", WORKER("y")) "," SUP("u",
		"{'id':'z','shutdown':'infinity',"
		"'start':['./h','ignore','TERM','say','deaf','stay']}")));
	await_out("deaf");
	x = pid_of("s/x");
	y = pid_of("t/y");
	u = pid_of("u");
	(void)kill(pid_of("app"), SIGKILL);
	check(strcmp(await_end(x)->reason, "shutdown") == 0, "x: %s",
		await_end(x)->reason);
	check(strcmp(await_end(y)->reason, "shutdown") == 0, "y: %s",
		await_end(y)->reason);
	check(is_alive(u), "u had to end before");
	(void)kill(u, SIGKILL);
	await_err("app is up again");
	tree_signal(SIGQUIT);
	tree_ends(131);
}

CASE(it_traps, a_root_that_crashes_leaves_nothing_behind)
{
	(void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	tree_up(APP(SUP("s", "{'id':'x','start':['./h','daemon','d','stay']}")));
	await_lines("d", 1);
	tree_signal(SIGSEGV);
	tree_orphaned();
	check(!is_alive(pid_in("d")), "a daemon lives");
}

/* --- names that wait ----------------------------------------------------------------
 */

CASE(it_traps, a_caller_that_queues_is_answered_by_the_successor)
{
	static const struct {
		const char *name, *socket;
	} rows[] = { { "s", "2" }, { "app", "0" } };

	tree_up(APP(SUP("s", WORKER("x"))));
	for (size_t i = 0; i < 2; i++) {
		pid_t pid = pid_of(rows[i].name);
		int accepted = ask(rows[i].socket), queued;

		check(strstr(reply(accepted), "\"result\""), "no answer");
		halt(pid);
		queued = ask(rows[i].socket);
		(void)kill(pid, SIGKILL);
		check(strstr(reply(queued), "\"result\""), "%s: the queue is lost",
			rows[i].name);
		check(reply(accepted)[0] == '\0', "%s: answered by somebody else",
			rows[i].name);
		(void)close(accepted);
		(void)close(queued);
		kick_gives(0, "wait --timeout 10s");
	}
	tree_down();
}

CASE(it_traps, a_caller_that_queues_is_told_when_the_wait_is_in_vain)
{
	int fd;

	tree_up(APP("{'id':'s','type':'supervisor','backoff':{'initial':'1h',"
		    "'max':'1h'},'children':[" WORKER("x") "]}"));
	(void)kill(pid_of("s"), SIGKILL);
	await_state("s", "restarting");
	fd = ask("2");
	kick_gives(0, "stop s");
	check(strstr(reply(fd), "noproc"), "told: %s", reply(fd));
	check(dial("2") < 0, "the name is still there");
	tree_down();
}

CASE(it_traps, a_runtime_directory_must_leave_room_for_names)
{
	char name[80], path[160];
	size_t room = 80 - strlen(it_path(""));

	put_json("app.json",
		"{'max_restarts':0,'children':[{'id':'a','ready':{'notify':true},"
		"'start':['./h','notify','READY=1','exit','1']}]}");
	memset(name, 'd', sizeof name);
	for (size_t more = 0; more < 2; more++) {
		int r;

		(void)snprintf(path, sizeof path, "%s%.*s", it_path(""),
			(int)(room + more), name);
		r = run("kickd", "-R %s app.json", path);
		check(r == (more ? 73 : 1), "%zu bytes: status %d, %s", strlen(path), r,
			last_err());
	}
	check(strstr(last_err(), "longer than 80 bytes"), "the limit is not named: %s",
		last_err());
}

/* --- what would wait ----------------------------------------------------------------
 */

/* Somebody has it open and writes nothing. */
CASE(it_traps, an_env_file_that_is_a_fifo_holds_up_no_supervisor)
{
	make_fifo("fifo");
	check(open("fifo", O_RDWR | O_CLOEXEC) >= 0, "fifo");
	tree_up(APP("{'id':'a','autostart':false,'env_file':'fifo','start':['./h',"
		    "'stay']}," WORKER("b")));
	kick_gives(1, "start a");
	check(strncmp(reason_of("a"), "failed_to_start:env_file:", 25) == 0, "%s",
		reason_of("a"));
	check_alive("b");
	tree_down();
}

/* Nor must it be the last reload for ever. */
CASE(it_traps, a_configuration_that_is_a_fifo_holds_up_no_reload)
{
	tree_up(APP(WORKER("a")));
	check(rename("app.json", "kept.json") == 0, "rename");
	make_fifo("app.json");
	kick_gives(78, "reload");
	check(strstr(last_err(), "app.json"), "not named: %s", last_err());
	check(rename("kept.json", "app.json") == 0, "rename");
	kick_gives(0, "reload");
	check_alive("a");
	tree_down();
}

/* --- descriptors and pipes ----------------------------------------------------------
 */

struct counted {
	pid_t pid;
	int n;
};

static bool has_no_more(const void *arg)
{
	const struct counted *c = arg;

	return entries_of(c->pid, "fd") <= c->n;
}

CASE(it_traps, starts_leave_no_descriptor_behind)
{
	struct counted all[4] = { 0 };

	tree_up(APP(
		"{'id':'a','ready':{'notify':true},'stderr':'null','start':"
		"['./h','notify','READY=1','say','up','err','up','stay']},"
		"{'id':'f','autostart':false,'ready':{'fd':3},'start':['./h',"
		"'exit','1']},{'id':'n','autostart':false,'ready':{'notify':"
		"true},'start':['./none']}," SUP("s", WORKER("y")) "," SUP("t",
			"{'id':'x','ready':{'fd':4},'start':['./h','readyfd','4','stay']}")));
	for (int i = 0; i < 30; i++) {
		crash("a");
		crash("t/x");
		crash("s");
		kick_gives(1, "start f");
		kick_gives(1, "start n");
		if (i != 2)
			continue;
		all[0].pid = tree_pid();
		all[1].pid = logger_pid();
		all[2].pid = pid_of("app");
		all[3].pid = pid_of("t");
		for (size_t k = 0; k < 4; k++)
			all[k].n = entries_of(all[k].pid, "fd");
	}
	for (size_t k = 0; k < 4; k++)
		await_seen(has_no_more, &all[k], "descriptors as before");
	tree_down();
}

/* A user's later pipes, of whatever program, must not be left with 8 KiB. And kickd
 * takes the descriptors that the hard limit allows. */
CASE(it_traps, many_workers_have_pipes_and_the_last_ones_are_small)
{
	static char config[40000], path[64];
	struct rlimit lim = { 64, 4096 };
	int fd, at = sprintf(config, "{'name':'app','children':[");

	for (int i = 0; i < 514; i++)
		at += sprintf(config + at, "%s{'id':'w%d','start':['./h','stay']}",
			i ? "," : "", i);
	(void)sprintf(config + at, "]}");
	check(setrlimit(RLIMIT_NOFILE, &lim) == 0, "setrlimit");
	tree_up(config);
	(void)snprintf(path, sizeof path, "/proc/%d/fd/1", (int)pid_of("w513"));
	fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	check(fd >= 0, "%s: %s", path, strerror(errno));
	check(fcntl(fd, F_GETPIPE_SZ) <= 16 << 10, "the last one has %d bytes",
		fcntl(fd, F_GETPIPE_SZ));
	(void)close(fd);
	tree_down();
}

CASE(it_traps, another_user_may_open_its_stdout_again)
{
	if (getuid() != 0)
		it_skip("it_traps::another_user_may_open_its_stdout_again",
			"needs root to become another user");
	put_script("again.sh",
		"echo again >/dev/stdout\necho too >/dev/stderr\n"
		"exec tail -f /dev/null\n");
	tree_up(APP("{'id':'a','user':'65534','group':'65534',"
		    "'start':['./again.sh']}"));
	await_out("a | again\n");
	await_err("a | too\n");
	tree_down();
}

static bool begins_as(pid_t pid, const char *title)
{
	const char *text = read_of(pid, "cmdline");

	return *text && strncmp(text, title, strlen(text)) == 0;
}

/* Who ends "kickd" by name must not hit all of them, and who looks must see which is
 * which. Room for titles is what kickd was started with: here there is little. */
CASE(it_traps, processes_have_names_and_titles_of_their_own)
{
#define LONG "s23456789012345678901234567890123456789012345678901234567890123"
	char *options = getenv("ASAN_OPTIONS") ? strdup(getenv("ASAN_OPTIONS")) : NULL;
	pid_t s, top;

	(void)clearenv();
	if (options)
		(void)setenv("ASAN_OPTIONS", options, 1);
	tree_up(APP(SUP(LONG,
		SUP(LONG, "{'id':'w','start':['./h','env','say','up','stay']}"))));
	await_out("w | up");
	top = pid_of("app");
	s = pid_of(LONG "/" LONG);
	check(strcmp(read_of(tree_pid(), "comm"), "kickd\n") == 0, "the root");
	check(strcmp(read_of(top, "comm"), "kick:sup\n") == 0, "a supervisor");
	check(begins_as(top, "kickd: supervisor app"), "title of the top supervisor");
	check(begins_as(s, "kickd: supervisor " LONG "/" LONG), "title %s",
		read_of(s, "cmdline"));
	check(begins_as(logger_pid(), "kickd: logger"), "title of the logger");
	check(strstr(tree_out(), "env KICK_NAME=" LONG "/" LONG "/w\n"), "env");
	/* What a thread has started dies with that thread: one starts, one only waits.
	 */
	check(entries_of(top, "task") == 2 && entries_of(s, "task") == 2, "threads");
	check(*children_of(top, top) == '\0' && *children_of(s, s) == '\0',
		"the thread that waits has children");
	tree_down();
#undef LONG
}

/* --- what others have stumbled over -------------------------------------------------
 */

static bool status_names(const void *arg)
{
	char text[32];

	(void)snprintf(text, sizeof text, "pid %d", (int)*(const pid_t *)arg);
	(void)kick("status");
	return strstr(last_out(), text);
}

/* The deadline is the group's, not its leader's. */
CASE(it_traps, a_group_is_killed_at_its_deadline_though_its_leader_has_obeyed)
{
	double before;
	pid_t a, b, c;

	tree_up(APP("{'id':'a','kill_mode':'group','shutdown':'300ms','start':"
		    "['./h','child','c','say','up','stay']},"
		    "{'id':'b','kill_mode':'group','shutdown':'infinity','start':"
		    "['./h','child','k','say','up','stay']}"));
	await_out("a | up");
	await_out("b | up");
	a = pid_of("a");
	b = pid_of("b");
	c = pid_in("c");
	before = it_now();
	kick_gives(0, "stop a");
	check(it_now() - before >= 0.3, "too early: %f s", it_now() - before);
	check(!is_alive(c), "the leader's child lives");
	check(strcmp(await_end(a)->reason, "shutdown") == 0, "reason %s",
		await_end(a)->reason);
	await_err("did not stop within 300ms");
	/* Who waits for ever is told for whom. */
	c = pid_in("k");
	kick_gives(0, "stop b --no-wait");
	await_gone(b);
	check(strcmp(state_of("b"), "stopping") == 0, "b is %s", state_of("b"));
	await_seen(status_names, &c, "kick status names the pid that blocks");
	(void)kill(c, SIGKILL);
	await_state("b", "stopped");
	tree_down();
}

/* Giving up once, not at each retry; and no end for good in silence. */
CASE(it_traps, giving_up_is_told_once_and_no_end_in_silence)
{
	const char *at;
	pid_t s;

	make_fifo("g");
	tree_up(APP("{'id':'e','restart':'temporary','start':['./h','exit','3']},"
		    "{'id':'s','type':'supervisor','restart':'temporary',"
		    "'max_seconds':600,'children':[{'id':'x','start':"
		    "['./h','gate','g','exit','1']}]}"));
	s = pid_of("s");
	for (int i = 1; i <= 4; i++) {
		open_gate("g");
		(void)await_event("exited", "s/x", i);
	}
	check(strcmp(await_end(s)->reason, "shutdown:max_restarts") == 0, "reason %s",
		await_end(s)->reason);
	await_err("s gives up: 4 restarts within 10m, 3 are allowed");
	await_state("s", "exited");
	check(events_seen("gave_up", "s") == 1, "%d events",
		events_seen("gave_up", "s"));
	at = strstr(tree_err(), "gives up");
	check(!strstr(at + 1, "gives up"), "said more than once: %s", at);
	await_err("; it is not started again");
	kick_gives(3, "status");
	tree_down();
}

static void write_into_a_file(void)
{
	int fd = open("both", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	(void)dup2(fd, STDOUT_FILENO);
	(void)dup2(fd, STDERR_FILENO);
}

static bool both_has(const void *text)
{
	return file_has("both", text);
}

/* kickd's own first line may come between them. */
static bool both_in_order(const void *unused)
{
	static const char *const lines[] = { "a | one\n", "a | two\n", "a | three\n" };
	char text[4096];
	const char *at = text;
	int fd = open("both", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);

	(void)unused;
	if (fd >= 0)
		(void)close(fd);
	text[n > 0 ? n : 0] = '\0';
	for (size_t i = 0; i < sizeof lines / sizeof *lines && at; i++)
		at = strstr(at, lines[i]);
	return at != NULL;
}

/* stdout may be anything, and the same thing as stderr. */
CASE(it_traps, its_output_may_be_one_file)
{
	tree_before_exec(write_into_a_file);
	tree_up(APP("{'id':'a','start':['./h','say','one','err','two','write','thr',"
		    "'write','ee\\n','stay']}"));
	await_seen(both_in_order, NULL, "lines in their order");
	crash("a");
	await_seen(both_has, "starting it again, restart 1", "kickd's own line");
	tree_down();
	check(file_has("both", "kickd: app: stopping\n"), "the last line");
}

static void own_network(void)
{
	if (unshare(CLONE_NEWNET) < 0)
		_exit(126);
}

CASE(it_traps, it_opens_no_port)
{
	static const char *const tables[] = { "net/tcp", "net/tcp6", "net/udp",
		"net/udp6", "net/raw" };

	if (!is_possible(own_network))
		it_skip("it_traps::it_opens_no_port",
			"needs the right to make a network namespace");
	tree_before_exec(own_network);
	tree_up(APP(SUP("s", WORKER("x"))));
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		const char *text = read_of(tree_pid(), tables[i]);

		check(strchr(text, '\n') == strrchr(text, '\n'), "%s: %s", tables[i],
			text);
	}
	tree_down();
}
