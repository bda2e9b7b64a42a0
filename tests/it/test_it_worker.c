/* What a worker is born with: environment, descriptors, signals, session, identity,
 * limits; and what becomes of its output. */
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

/* --- environment
 * ---------------------------------------------------------------------- */

CASE(it_worker, the_environment_is_built_in_its_order)
{
	static const char *const want[] = { "env A=kickd", "env B=app", "env C=file",
		"env D=child", "env E=42", "env F=true", "env G=two words",
		"env H=from kickd and file", "env I=default", "env J=$x",
		"env K=hi there", "env Q=# no comment" };

	(void)setenv("A", "kickd", 1);
	(void)setenv("B", "kickd", 1);
	(void)setenv("C", "kickd", 1);
	(void)setenv("D", "kickd", 1);
	(void)setenv("GONE", "kickd", 1);
	put_file("w.env",
		"# comment\nC=file\nD=file\n\nG=two words\nK=\"hi there\"\n"
		"Q='# no comment'\n");
	tree_up("{'name':'app','env':{'B':'app','C':'app','D':'app','GONE':null},"
		"'children':[" CHILD("w",
			"'env_file':'w.env','env':{'D':'child','E':42,"
			"'F':true,'H':'from ${A} and ${C}','I':'${UNSET:-default}','J':'$$x'}",
			"'env','say','done','stay'") "]}");
	await_out("w | done");
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		char line[100];

		(void)snprintf(line, sizeof line, "w | %s\n", want[i]);
		expect(strstr(tree_out(), line), "\"%s\" is missing", want[i]);
	}
	expect(!strstr(tree_out(), "env GONE="), "null removes nothing");
	expect(!strstr(tree_out(), "env NOTIFY_SOCKET="), "kickd's own NOTIFY_SOCKET");
	expected();
	tree_down();
}

CASE(it_worker, kick_s_own_variables_name_it_and_its_past)
{
	char line[200];
	pid_t w;

	tree_up("{'name':'app','children':[{'id':'s','type':'supervisor','children':[" CHILD(
		"w", "'restart':'permanent'", "'env','say','done','stay'") "]}]}");
	await_out("s/w | done");
	check(strstr(tree_out(), "env KICK_NAME=s/w\n"), "KICK_NAME");
	check(strstr(tree_out(), "env KICK_RESTARTS=0\n"), "KICK_RESTARTS");
	check(!strstr(tree_out(), "env KICK_LAST_EXIT="), "KICK_LAST_EXIT at first");
	(void)snprintf(
		line, sizeof line, "env KICK_RUNTIME_DIR=%s\n", it_runtime_dir());
	check(strstr(tree_out(), line), "KICK_RUNTIME_DIR");
	w = pid_of("w");
	(void)kill(w, SIGKILL);
	(void)await_next("s/w", w);
	await_out("env KICK_RESTARTS=1\n");
	await_out("env KICK_LAST_EXIT=killed\n");
	tree_down();
}

CASE(it_worker, variables_of_kickds_starter_do_not_reach_workers)
{
	(void)setenv("WATCHDOG_USEC", "1", 1);
	(void)setenv("WATCHDOG_PID", "1", 1);
	(void)setenv("LISTEN_FDS", "3", 1);
	(void)setenv("LISTEN_PID", "1", 1);
	(void)setenv("LISTEN_FDNAMES", "x", 1);
	tree_up("{'name':'app','children':[" CHILD(
		"w", "'restart':'permanent'", "'env','say','done','stay'") "]}");
	await_out("done");
	check(!strstr(tree_out(), "env WATCHDOG_"), "WATCHDOG");
	check(!strstr(tree_out(), "env LISTEN_"), "LISTEN");
	tree_down();
}

CASE(it_worker, argv_and_cwd_are_expanded)
{
	(void)setenv("WHERE", "sub", 1);
	check(mkdir("sub", 0755) == 0 && symlink("../h", "sub/h") == 0, "sub");
	tree_up("{'name':'app','env':{'WHO':'world'},'children':[" CHILD("w",
		"'cwd':'${WHERE}'", "'ids','say','hello ${WHO} for $$5','stay'") "]}");
	await_out("w | hello world for $5\n");
	check(strstr(tree_out(), "/sub groups="), "cwd: %s", tree_out());
	tree_down();
}

CASE(it_worker, argv0_is_looked_up_in_the_childs_path)
{
	check(mkdir("bin", 0755) == 0 && symlink("../h", "bin/my-program") == 0, "bin");
	tree_up("{'name':'app','children':[{'id':'w','env':{'PATH':'/nowhere:bin'},"
		"'start':['my-program','say','found','stay']}]}");
	await_out("w | found\n");
	tree_down();
}

/* --- descriptors, signals, session
 * ----------------------------------------------------- */

CASE(it_worker, it_has_descriptors_0_1_2_and_nothing_else)
{
	tree_up("{'name':'app','children':[" CHILD("w", "'restart':'permanent'",
		"'fds','stay'") ",{'id':'s','type':'supervisor','children':[" CHILD("x",
		"'stdout':'null','stderr':'null'", "'stay'") "," CHILD("v",
		"'ready':{'fd':5}", "'fds','readyfd','5','stay'") "," CHILD("n",
		"'ready':{'notify':true}", "'fds','notify','READY=1','stay'") "]}]}");
	await_out("w | fds 0 1 2\n");
	await_out("s/v | fds 0 1 2 5\n");
	await_out("s/n | fds 0 1 2\n");
	tree_down();
}

CASE(it_worker, it_has_default_signals_and_an_empty_mask)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t set;

	(void)sigaction(SIGHUP, &ignore, NULL);
	(void)sigaction(SIGUSR2, &ignore, NULL);
	(void)sigaction(SIGPIPE, &ignore, NULL);
	(void)sigfillset(&set);
	(void)sigdelset(&set, SIGCHLD);
	tree_up("{'name':'app','children':[" CHILD(
		"w", "'restart':'permanent'", "'signals','ids','stay'") "]}");
	await_out("w | signals: end\n");
	await_out("own-session=1 own-group=1");
	tree_down();
}

CASE(it_worker, umask_and_kickds_limits_are_its_own)
{
	struct rlimit lim = { 512, 4096 };

	check(setrlimit(RLIMIT_NOFILE, &lim) == 0, "setrlimit");
	(void)umask(027);
	tree_up("{'name':'app','children':[" CHILD(
		"a", "'umask':'0077'", "'limits','ids','stay'") "," CHILD("b",
		"'restart':'permanent'", "'ids','stay'") "]}");
	await_out("a | limit nofile 512 4096\n");
	await_out("umask=077");
	await_out("umask=027");
	tree_down();
}

static unsigned long long mark_of(const char *who)
{
	char key[80];
	unsigned long long mark = 0;
	const char *p;

	(void)snprintf(key, sizeof key, "%s | limit locks ", who);
	p = strstr(tree_out(), key);
	check(p && sscanf(p + strlen(key), "%llu", &mark) == 1, "no mark of %s", who);
	return mark;
}

CASE(it_worker, each_start_bears_a_mark_of_its_own)
{
	tree_up("{'name':'app','children':[" CHILD("a", "'restart':'permanent'",
		"'limits','say','done','stay'") "," CHILD("b", "'restart':'permanent'",
		"'limits','say','done','stay'") "]}");
	await_out("a | done");
	await_out("b | done");
	check(mark_of("a") != mark_of("b"), "the same mark");
	check(mark_of("a") >> 40 == mark_of("b") >> 40, "not of one tree");
	tree_down();
}

CASE(it_worker, user_and_groups_are_taken_on)
{
	const struct passwd *nobody = getpwnam("nobody");
	char line[100];

	it_need_other_users("it_worker::user_and_groups_are_taken_on");
	check(nobody, "there is no nobody");
	(void)chmod(".", 0777);
	tree_up("{'name':'app','children':[" CHILD("a", "'user':'nobody'",
		"'ids','env','say','done','stay'") "," CHILD("b",
		"'user':'nobody','group':'daemon','groups':['bin','sys']",
		"'ids','say','done','stay'") "," CHILD("c",
		"'user':'65534','ready':{'notify':true}",
		"'notify','READY=1','stay'") "]}");
	await_out("a | done");
	await_out("b | done");
	(void)snprintf(line, sizeof line, "uid=%u gid=%u", (unsigned)nobody->pw_uid,
		(unsigned)nobody->pw_gid);
	expect(strstr(tree_out(), line), "a: %s", line);
	expect(strstr(tree_out(), "env USER=nobody\n"), "USER");
	expect(strstr(tree_out(), "env LOGNAME=nobody\n"), "LOGNAME");
	expect(strstr(tree_out(), "env HOME=/nonexistent\n"), "HOME");
	(void)snprintf(line, sizeof line, "uid=%u gid=1", (unsigned)nobody->pw_uid);
	expect(strstr(tree_out(), line), "b: %s", line);
	expect(strstr(tree_out(), "groups=2,3\n") || strstr(tree_out(), "groups=3,2\n"),
		"groups: %s", tree_out());
	expected();
	tree_down();
}

CASE(it_worker, another_user_is_killed_as_well)
{
	pid_t d;

	it_need_other_users("it_worker::another_user_is_killed_as_well");
	(void)chmod(".", 0777);
	tree_up("{'name':'app','children':[" CHILD("a",
		"'user':'nobody','shutdown':'200ms'",
		"'ignore','TERM','daemon','d','say','up','stay'") "]}");
	await_out("up");
	d = pid_in("d");
	kick_gives(0, "stop a");
	check(!is_alive(d), "the daemon lives");
	tree_down();
}

CASE(it_worker, whole_tree_runs_as_an_ordinary_user)
{
	const struct passwd *nobody = getpwnam("nobody");

	it_need_other_users("it_worker::whole_tree_runs_as_an_ordinary_user");
	check(nobody, "there is no nobody");
	check(chown(".", nobody->pw_uid, nobody->pw_gid) == 0 && chmod(".", 0777) == 0,
		"chown");
	check(chmod("notify", 0777) == 0, "chmod");
	check(setgroups(0, NULL) == 0 && setgid(nobody->pw_gid) == 0 &&
			setuid(nobody->pw_uid) == 0,
		"setuid");
	tree_up("{'name':'app','children':[" CHILD("a", "'restart':'permanent'",
		"'daemon','d','say','up','stay'") ",{'id':'s','type':'supervisor',"
						  "'children':[" WORKER("x") "]}]}");
	await_out("a | up");
	pid_t a = pid_of("a");

	(void)kill(a, SIGKILL);
	check(await_next("a", a) > 0, "no restart");
	check_alive("s/x");
	tree_down();
}

/* --- output -------------------------------------------------------------------------
 */

CASE(it_output, lines_bear_the_path_and_go_where_they_came_from)
{
	tree_up("{'name':'app','children':[{'id':'s','type':'supervisor','children':[" CHILD(
		"w", "'restart':'permanent'",
		"'say','to stdout','err','to stderr','stay'") "]}]}");
	await_out("s/w | to stdout\n");
	await_err("s/w | to stderr\n");
	check(!strstr(tree_out(), "to stderr"), "stderr went to stdout");
	check(!strstr(tree_err(), "to stdout"), "stdout went to stderr");
	tree_down();
}

CASE(it_output, a_half_line_is_completed_by_its_writer_or_its_end)
{
	tree_up("{'name':'app','children':[" CHILD("w", "'restart':'temporary'",
		"'write','one ','write','line\\n','write','no end'") "," WORKER("z") "]}");
	await_out("w | one line\n");
	await_out("w | no end\n");
	tree_down();
}

CASE(it_output, a_flood_arrives_whole_and_in_order)
{
	char line[100];
	const char *p;

	tree_up("{'name':'app','children':[" CHILD("a", "'restart':'temporary'",
		"'flood','20000','say','a is done'") "," CHILD("b",
		"'restart':'temporary'", "'flood','20000','say','b is done'") "]}");
	await_out("a | a is done\n");
	await_out("b | b is done\n");
	for (const char *who = "ab"; *who; who++) {
		p = tree_out();
		for (int i = 0; i < 20000 && p; i++) {
			(void)snprintf(line, sizeof line,
				"%c | line %06d of the flood, which is long enough\n",
				*who, i);
			p = strstr(p, line);
			check(p, "line %d of %c is missing or late", i, *who);
		}
	}
	tree_down();
}

CASE(it_output, last_words_of_a_crash_are_not_lost)
{
	tree_up("{'name':'app','children':[" CHILD("w", "'restart':'temporary'",
		"'flood','50','err','the cause','kill','SEGV'") "]}");
	await_out("w | line 000049 of the flood");
	await_err("w | the cause\n");
	await_state("w", "exited");
	kick_gives(0, "log w");
	check(strstr(last_out(), "the cause\n"), "kick log: %s", last_out());
	check(strstr(last_out(), "line 000049"), "kick log: %s", last_out());
	tree_down();
}

CASE(it_output, a_line_that_is_too_long_comes_in_pieces)
{
	size_t n = 0;

	tree_up("{'name':'app','children':[" CHILD(
		"w", "'restart':'temporary'", "'long','100000','say','after'") "]}");
	await_out("w | after\n");
	for (const char *p = tree_out(); *p; p++)
		n += *p == 'x';
	check(n == 100000, "%zu of 100000 bytes", n);
	tree_down();
}

CASE(it_output, output_at_the_end_of_the_tree_is_not_lost)
{
	tree_up("{'name':'app','children':[{'id':'w','start':"
		"'trap \\\"echo goodbye; exit 0\\\" TERM; echo up; while :; do sleep 1; "
		"done'}]}");
	await_out("up");
	tree_down();
	check(strstr(tree_out(), "w | goodbye\n"), "lost: %s", tree_out());
}

CASE(it_output, std_streams_go_where_the_configuration_says)
{
	tree_up("{'name':'app','children':[" CHILD("f",
		"'stdout':'file:out','stderr':'null'",
		"'say','into the file','err','nowhere','stay'") "," CHILD("i",
		"'stdout':'inherit','stderr':'inherit'",
		"'say','inherited','err','inherited as well','stay'") "]}");
	await_lines("out", 1);
	check(file_has("out", "into the file\n"), "file");
	await_out("inherited\n");
	await_err("inherited as well\n");
	check(!strstr(tree_out(), "i | inherited"), "it went through the logger");
	check(!strstr(tree_err(), "nowhere"), "null");
	tree_down();
}

CASE(it_output, log_verb_shows_the_last_lines_and_follows)
{
	struct job *follow;

	make_fifo("g");
	tree_up("{'name':'app','children':[" CHILD("w", "'restart':'permanent'",
		"'say','one','say','two','say','three','gate','g','say','four','stay'") "]}");
	await_out("three");
	kick_gives(0, "log w -n 2");
	check(strcmp(last_out(), "two\nthree\n") == 0, "log: %s", last_out());
	follow = kick_begin("log w -f");
	while (!strstr(job_out(follow), "three"))
		check(it_pump(it_deadline()), "log -f shows nothing");
	open_gate("g");
	while (!strstr(job_out(follow), "four"))
		check(it_pump(it_deadline()), "log -f does not follow");
	kick_gives(5, "log nobody");
	tree_signal(SIGTERM);
	(void)finish(follow);
	tree_ends(0);
}
