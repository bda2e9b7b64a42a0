/* kickd as PID 1: in containers that an OCI runtime (runc) makes of a bundle with the
 * programs of the build and the libraries they need, and in bare PID namespaces. The
 * root of a container is read-only, it has no capability, and cannot gain one. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "it_pty.h"

/* --- a container ---------------------------------------------------------------------
 */

struct box {
	const char *args;     /* split at spaces */
	const char *resource; /* "'pids':{'limit':64}", or NULL */
	unsigned uid;
	bool no_run; /* nothing in it can be written to */
	bool terminal;
};

static const char bundle[] =
	"set -e\n"
	"mkdir -p b/rootfs/bin b/rootfs/proc b/rootfs/dev b/rootfs/run\n"
	"chmod 1777 b/rootfs/run\n"
	"for f in $1/kickd $1/kick $1/helper /bin/sh; do\n"
	"	cp -L $f b/rootfs/bin/\n"
	"	ldd $f | grep -o '/[^ ]*' | while read -r l; do\n"
	"		mkdir -p b/rootfs${l%/*}\n"
	"		cp -L $l b/rootfs$l\n"
	"	done\n"
	"done\n"
	"ln -s bin/helper b/rootfs/h\n"
	"cp w.sh app.json b/rootfs/\n";

/* Says when it is up and when it is told to stop. */
static const char worker[] = "trap 'echo bye; exit 0' TERM\n"
			     "./h stay &\n"
			     "echo up\n"
			     "wait\n";

/* That of the test's directory: others run at the same time. */
static const char *box_name(void)
{
	static char dir[64];

	(void)snprintf(dir, sizeof dir, "%s", it_runtime_dir());
	*strrchr(dir, '/') = '\0';
	return strrchr(dir, '/') + 1;
}

static const char *runc_program(void)
{
	static const char *const places[] = { "/usr/sbin/runc", "/usr/bin/runc",
		"/usr/local/sbin/runc", "/usr/local/bin/runc" };

	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		if (access(places[i], X_OK) == 0)
			return places[i];
	return NULL;
}

static void put_args(char *buf, size_t size, const char *args)
{
	size_t n = 0;

	for (const char *p = args; *p && n + 8 < size; p++)
		n += (size_t)snprintf(buf + n, size - n, *p == ' ' ? "','" : "%c", *p);
}

static void put_spec(const struct box *b)
{
	char args[600], spec[3000];

	put_args(args, sizeof args, b->args);
	(void)snprintf(spec, sizeof spec,
		"{'ociVersion':'1.0.2','root':{'path':'rootfs','readonly':true},"
		"'process':{'terminal':%s,'user':{'uid':%u,'gid':%u},'cwd':'/',"
		"'args':['%s'],'env':['PATH=/bin','ASAN_OPTIONS=%s'],'noNewPrivileges':true,"
		"'capabilities':{}},"
		"'mounts':[{'destination':'/proc','type':'proc','source':'proc'},"
		"{'destination':'/dev','type':'tmpfs','source':'tmpfs'},"
		"{'destination':'/dev/pts','type':'devpts','source':'devpts',"
		"'options':['newinstance','ptmxmode=0666']}%s],"
		"'linux':{'namespaces':[{'type':'pid'},{'type':'mount'},"
		"{'type':'ipc'},{'type':'uts'}],'resources':{%s}}}",
		b->terminal ? "true" : "false", b->uid, b->uid, args,
		getenv("ASAN_OPTIONS") ? getenv("ASAN_OPTIONS") : "",
		b->no_run ? ""
			  : ",{'destination':'/run','type':'tmpfs','source':'tmpfs',"
			    "'options':['mode=1777']}",
		b->resource ? b->resource : "");
	put_json("b/config.json", spec);
}

static struct job *box_begin(const struct box *b)
{
	put_spec(b);
	return begin(runc_program(), "--root %s run --bundle b %s", it_path("runc"),
		box_name());
}

static int box_run(const struct box *b)
{
	return finish(box_begin(b));
}

static int box_kill(const char *sig)
{
	return run(runc_program(), "--root %s kill %s %s", it_path("runc"), box_name(),
		sig);
}

static int box_exec(const char *words)
{
	return run(runc_program(), "--root %s exec %s %s", it_path("runc"), box_name(),
		words);
}

/* The bundle, and whether containers may be made here at all. */
static void boxes(const char *test, const char *config)
{
	char why[256];
	size_t n;

	if (!runc_program())
		it_skip(test, "needs runc (apt-get install runc)");
	put_file("mk.sh", "%s", bundle);
	put_file("w.sh", "%s", worker);
	put_json("app.json", config ? config : "{}");
	check(run("/bin/sh", "mk.sh %s", it_programs()) == 0, "bundle: %s", last_err());
	if (box_run(&(struct box){ .args = "./h exit 0" }) == 0)
		return;
	n = strcspn(last_err(), "\n");
	(void)snprintf(
		why, sizeof why, "runc may not run here: %.*s", (int)n, last_err());
	it_skip(test, why);
}

#define BOX_CASE(name, config)                         \
	static void box_##name(void);                  \
	CASE(it_container, name)                       \
	{                                              \
		boxes("it_container::" #name, config); \
		box_##name();                          \
	}                                              \
	static void box_##name(void)

struct said {
	const struct job *job;
	const char *text;
};

static bool job_said(const void *arg)
{
	const struct said *s = arg;

	return strstr(job_out(s->job), s->text) || strstr(job_err(s->job), s->text) ||
		job_ended(s->job);
}

static void await_said(const struct job *job, const char *text)
{
	struct said s = { job, text };

	await(job_said, &s, "\"%s\" from the container", text);
	check(strstr(job_out(job), text) || strstr(job_err(job), text),
		"it ended instead: %s%s", job_out(job), job_err(job));
}

/* --- one command ---------------------------------------------------------------------
 */

BOX_CASE(a_command_gives_its_status, NULL)
{
	static const struct {
		const char *args;
		int status;
	} rows[] = {
		{ "kickd -- ./h", 0 },
		{ "kickd -- ./h exit 7", 7 },
		{ "kickd -- ./h kill KILL", 137 },
		{ "kickd --map-exit 143=0 -- ./h kill TERM", 0 },
		{ "kickd -- ./nothing", 127 },
		{ "kickd -- ./w.sh", 126 },
		{ "kickd --shutdown 10ms -- ./h ignore TERM daemon /run/d exit 3", 3 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int status = box_run(&(struct box){ .args = rows[i].args });

		expect(status == rows[i].status, "%s: status %d: %s", rows[i].args,
			status, last_err());
	}
	expected();
	/* Nothing can be written to; nobody in particular. */
	check(box_run(&(struct box){ .args = "kickd -- ./h orphans 100 exit 4",
		      .no_run = true,
		      .uid = 65534 }) == 4,
		"said: %s", last_err());
}

BOX_CASE(twenty_thousand_orphans_of_a_command_are_reaped, NULL)
{
	check(box_run(&(struct box){ .args = "kickd -- ./h orphans 20000 exit 4",
		      .resource = "'pids':{'limit':2000}" }) == 4,
		"said: %s", last_err());
}

BOX_CASE(a_stop_reaches_the_command, NULL)
{
	struct job *job = box_begin(
		&(struct box){ .args = "kickd -- ./h trap TERM 5 say up stay" });

	await_said(job, "up");
	check(box_kill("TERM") == 0, "runc kill: %s", last_err());
	check(finish(job) == 5, "status");
}

BOX_CASE(a_shell_has_its_terminal, NULL)
{
	struct job *job;

	pty_make();
	begin_with(pty_take);
	job = box_begin(&(struct box){ .args = "kickd -- sh -i", .terminal = true });
	begin_with(NULL);
	pty_type("./h terminal\n");
	await_said(job, "terminal leader=1 foreground=1");
	/* Job control: a job is stopped by its key and continued by the shell. */
	pty_type("./h trap 18 3 say h''ere stay\n");
	await_said(job, "here");
	pty_type("\032");
	await_said(job, "Stopped");
	pty_type("fg; echo ended $?\n");
	await_said(job, "ended 3");
	pty_type("exit 7\n");
	check(finish(job) == 7, "status; said: %s", job_out(job));
	check(!strstr(job_out(job), "job control turned off"), "said: %s",
		job_out(job));
}

/* --- a tree --------------------------------------------------------------------------
 */

#define UP(id) "{'id':'" id "','start':['/bin/sh','w.sh']}"

static const char tree[] = "{'name':'app','children':[" UP("a") "," UP(
	"b") ",{'id':'s','type':'supervisor','children':[" UP("x") "]}]}";

static struct job *tree_in_box(const struct box *b)
{
	struct job *job = box_begin(b);

	await_said(job, "see: kick status");
	return job;
}

/* In reverse order of the start, each after the one before has ended. */
static void stops_in_order(struct job *job)
{
	const char *x, *b, *a;

	check(finish(job) == 0, "status %d: %s", finish(job), job_err(job));
	x = strstr(job_out(job), "s/x | bye");
	b = strstr(job_out(job), "b | bye");
	a = strstr(job_out(job), "a | bye");
	check(x && b && a && x < b && b < a, "said: %s", job_out(job));
}

BOX_CASE(a_tree_is_stopped_in_order, tree)
{
	struct job *job = tree_in_box(&(struct box){ .args = "kickd app.json" });

	await_said(job, "s/x | up");
	check(box_exec("kick status") == 0, "kick status: %s", last_err());
	check(box_kill("TERM") == 0, "runc kill: %s", last_err());
	stops_in_order(job);
	/* As anybody, in a directory of its own. */
	job = tree_in_box(
		&(struct box){ .args = "kickd -R /run/k app.json", .uid = 65534 });
	await_said(job, "s/x | up");
	check(box_kill("INT") == 0, "runc kill: %s", last_err());
	stops_in_order(job);
}

BOX_CASE(a_tree_needs_a_place_to_write_to, tree)
{
	check(box_run(&(struct box){ .args = "kickd app.json", .no_run = true }) == 73,
		"said: %s", last_err());
	check(strstr(last_err(), "runtime directory /run/kick: Read-only file system"),
		"said: %s", last_err());
}

static const char orphans[] =
	"{'name':'app','children':[{'id':'a','restart':'temporary','start':['./h','orphans',"
	"'10000','say','reaped','stay']}]}";

BOX_CASE(orphans_of_a_tree_are_reaped, orphans)
{
	struct job *job = tree_in_box(&(struct box){
		.args = "kickd app.json", .resource = "'pids':{'limit':2000}" });

	await_said(job, "a | reaped");
	/* What comes into the container from outside has no parent but PID 1. */
	check(box_exec("./h orphans 2000") == 0, "runc exec: %s", last_err());
	check(box_kill("TERM") == 0, "runc kill: %s", last_err());
	check(finish(job) == 0, "status");
}

static const char deaf[] = "{'name':'app','children':[" UP(
	"a") ",{'id':'d','shutdown':'100ms','start':['./h',"
	     "'ignore','TERM','daemon','/run/d','stay']}," UP("b") "]}";
static const char deaf_for_ever[] =
	"{'name':'app','children':[{'id':'d','shutdown':'infinity','start':['./h','ignore',"
	"'TERM','say','deaf','stay']}]}";

BOX_CASE(a_stubborn_child_is_killed_in_its_turn, deaf)
{
	struct job *job = tree_in_box(&(struct box){ .args = "kickd app.json" });
	const char *a, *b;

	await_said(job, "b | up");
	check(box_kill("TERM") == 0, "runc kill: %s", last_err());
	check(finish(job) == 0, "status");
	b = strstr(job_out(job), "b | bye");
	a = strstr(job_out(job), "a | bye");
	check(a && b && b < a, "said: %s", job_out(job));
}

BOX_CASE(the_end_is_hurried_as_asked, deaf_for_ever)
{
	struct job *job =
		tree_in_box(&(struct box){ .args = "kickd --shutdown 100ms app.json" });

	await_said(job, "d | deaf");
	check(box_kill("TERM") == 0, "runc kill: %s", last_err());
	check(finish(job) == 137, "after its time: status %d", finish(job));
	job = tree_in_box(&(struct box){ .args = "kickd app.json" });
	await_said(job, "d | deaf");
	while (!job_ended(job))
		/* A second after the first it counts. */
		(void)box_kill("TERM");
	check(finish(job) == 137, "by a second signal: status %d", finish(job));
	job = tree_in_box(&(struct box){ .args = "kickd app.json" });
	await_said(job, "d | deaf");
	check(box_kill("QUIT") == 0, "runc kill: %s", last_err());
	check(finish(job) == 131, "by QUIT: status %d", finish(job));
}

static const char gives_up[] = "{'name':'app','max_restarts':2,'children':[" UP(
	"a") ",{'id':'b','start':['./h',"
	     "'exit','3']}]}";
static const char significant[] =
	"{'name':'app','auto_shutdown':'any_significant','children':[" UP(
		"a") ",{'id':'b',"
		     "'restart':'temporary','significant':true,'start':['./h','exit','9']}]}";

BOX_CASE(a_tree_that_gives_up_ends_the_container, gives_up)
{
	check(box_run(&(struct box){ .args = "kickd app.json" }) == 1, "status");
	check(strstr(last_err(), "app gives up"), "said: %s", last_err());
}

BOX_CASE(a_significant_child_ends_the_container_with_its_status, significant)
{
	check(box_run(&(struct box){ .args = "kickd app.json" }) == 9, "status");
}

/* --- limits --------------------------------------------------------------------------
 */

static const char bomb[] = "{'name':'app','max_restarts':'infinity','children':[" UP(
	"a") ",{'id':'b','backoff':{"
	     "'initial':'50ms'},'start':['/bin/sh','-c','while ./h stay & do :; done; echo full']}]}";

BOX_CASE(a_full_process_table_does_not_end_the_tree, bomb)
{
	struct job *job = tree_in_box(&(struct box){
		.args = "kickd app.json", .resource = "'pids':{'limit':64}" });

	/* It has filled the table, has died of it, and was started anew. */
	await_said(job, "starting it again");
	check(box_kill("TERM") == 0, "runc kill: %s", last_err());
	check(finish(job) == 0, "status; said: %s", job_err(job));
	check(strstr(job_out(job), "a | bye"), "said: %s", job_out(job));
}

static const char eater[] =
	"{'name':'app','max_restarts':2,'max_seconds':600,'children':[" UP(
		"a") ",{'id':'b',"
		     "'start':['./h','eat']}]}";

BOX_CASE(who_takes_all_memory_is_killed_alone, eater)
{
	int status;

#ifdef __SANITIZE_ADDRESS__
	it_skip("it_container::who_takes_all_memory_is_killed_alone",
		"a sanitizer takes more");
#endif
	status = box_run(&(struct box){
		.args = "kickd app.json", .resource = "'memory':{'limit':50000000}" });
	if (strstr(last_err(), "memory") && status != 1)
		it_skip("it_container::who_takes_all_memory_is_killed_alone",
			"needs the cgroup controller for memory");
	check(status == 1 && strstr(last_err(), "b (pid") &&
			strstr(last_err(), "killed by SIGKILL"),
		"status %d, said: %s", status, last_err());
	check(strstr(last_out(), "a | bye"), "said: %s", last_out());
}

#define UNSHARE "--pid --fork --kill-child --mount-proc "

/* --- a bare PID namespace ------------------------------------------------------------
 */

/* What the kernel has given PID 1 as its number outside. */
static pid_t first_of(const struct job *job)
{
	return (pid_t)atoi(children_of(job_pid(job), job_pid(job)));
}

static void may_unshare(const char *test)
{
	if (run("/usr/bin/unshare", UNSHARE "/bin/true") != 0)
		it_skip(test,
			"needs unshare(1), and the right to make a PID namespace");
}

/* words: kickd's, or those of a program that becomes kickd. */
static struct job *unshared(const char *before, const char *words)
{
	return begin("/usr/bin/unshare", UNSHARE "%s %s/kickd %s", before,
		it_programs(), words);
}

/* Of a tree and of a command, with what comes before them on the command line. */
static void runs_in_a_namespace(const char *before)
{
	struct job *job;

	put_file("w.sh", "%s", worker);
	put_json("app.json", tree);
	job = unshared(before, "-R run app.json");
	await_said(job, "s/x | up");
	(void)kill(first_of(job), SIGTERM);
	stops_in_order(job);
	job = unshared(before, "-- ./h orphans 3000 trap TERM 6 say up stay");
	await_said(job, "up");
	(void)kill(first_of(job), SIGTERM);
	check(finish(job) == 6, "status: %s", job_err(job));
	job = unshared(before, "--shutdown 1ms -- ./h daemon d exit 7");
	check(finish(job) == 7, "status: %s", job_err(job));
}

CASE(it_container, a_bare_pid_namespace_will_do)
{
	may_unshare("it_container::a_bare_pid_namespace_will_do");
	runs_in_a_namespace("");
}

/* Process 1 gets no signal that it neither handles nor blocks. */
CASE(it_container, a_stop_while_it_reads_its_configuration_is_not_lost)
{
	static char text[] = "{'name':'app','children':[" WORKER("a") "]}";
	struct job *job;
	int fd;

	may_unshare(
		"it_container::a_stop_while_it_reads_its_configuration_is_not_lost");
	for (char *p = text; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	make_fifo("app.json");
	job = unshared("", "-R run app.json");
	/* Comes back when somebody reads. */
	fd = open("app.json", O_WRONLY | O_CLOEXEC);
	check(fd >= 0, "app.json: %s", strerror(errno));
	(void)kill(first_of(job), SIGTERM);
	check(write(fd, text, sizeof text - 1) > 0, "app.json: %s", strerror(errno));
	(void)close(fd);
	check(finish(job) == 0 && strstr(job_err(job), "app: stopping"),
		"status %d, said: %s", finish(job), job_err(job));
}

/* Lets it go on where nothing is: a signal would be ignored, a fault is not. */
static bool derail(pid_t pid)
{
	struct user_regs_struct regs;
	struct iovec all = { &regs, sizeof regs };

	if (ptrace(PTRACE_ATTACH, pid, NULL, NULL) < 0)
		return false;
	check(waitpid(pid, NULL, __WALL) == pid &&
			ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &all) == 0,
		"ptrace: %s", strerror(errno));
#ifdef __x86_64__
	regs.rip = 8;
	regs.orig_rax = (unsigned long long)-1;
#else
	regs.pc = 8;
#endif
	check(ptrace(PTRACE_SETREGSET, pid, (void *)NT_PRSTATUS, &all) == 0 &&
			ptrace(PTRACE_DETACH, pid, NULL, NULL) == 0,
		"ptrace: %s", strerror(errno));
	return true;
}

CASE(it_container, a_crash_of_process_1_ends_all_with_its_signal)
{
	static const char test[] =
		"it_container::a_crash_of_process_1_ends_all_with_its_signal";
	static const char *const words[] = { "-R run app.json", "-- ./h say up stay" };

#ifdef __SANITIZE_ADDRESS__
	it_skip(test, "a sanitizer makes a report of it");
#endif
	may_unshare(test);
	(void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	put_json("app.json",
		"{'name':'app','children':[{'id':'a','start':['./h',"
		"'daemon','d','say','up','stay']}]}");
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		struct job *job = unshared("", words[i]);

		await_said(job, "up");
		check(helpers_alive() > 0, "no helper");
		if (!derail(first_of(job)))
			it_skip(test, "needs ptrace(2)");
		check(finish(job) == 128 + SIGSEGV, "%s: status %d: %s", words[i],
			finish(job), job_err(job));
		check(helpers_alive() == 0, "%s: something lives", words[i]);
	}
}

/* But for how many pids there can be: each is looked at. */
CASE(it_container, neither_proc_nor_cgroups_are_needed)
{
#ifdef __SANITIZE_ADDRESS__
	it_skip("it_container::neither_proc_nor_cgroups_are_needed",
		"a sanitizer reads /proc");
#endif
	may_unshare("it_container::neither_proc_nor_cgroups_are_needed");
	put_file("bare.sh",
		"mount -t tmpfs none /proc && mount -t tmpfs none /sys || exit 90\n"
		"mkdir -p /proc/sys/kernel; echo 20000 >/proc/sys/kernel/pid_max\n"
		"exec \"$@\"\n");
	runs_in_a_namespace("/bin/sh bare.sh");
}
