/* A control group for each program: where it is made, what it is killed with, what is
 * left of it, and what happens where there can be none. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "harness.h"

static char home[256];

static bool find_mount(char *point, size_t size)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, at[200];
	size_t n = 0;
	bool found = false;

	while (f && !found && getline(&line, &n, f) > 0)
		found = strstr(line, " - cgroup2 ") &&
			sscanf(line, "%*s %*s %*s / %199s", at) == 1;
	free(line);
	if (f)
		(void)fclose(f);
	if (found)
		(void)snprintf(point, size, "%s", at);
	return found;
}

/* A group for kickd, made below the root of all. */
static void need_home(const char *name, bool delegated)
{
	char point[200] = "";
	bool ok = getuid() == 0 && find_mount(point, sizeof point);

	(void)snprintf(home, sizeof home, "%s/kick-it-%d", point, (int)getpid());
	ok = ok && mkdir(home, 0755) == 0;
	if (ok && delegated && setxattr(home, "user.delegate", "1", 1, 0) < 0) {
		(void)rmdir(home);
		ok = false;
	}
	if (!ok)
		it_skip(name,
			"needs root, and a cgroup2 file system that can be written to");
}

static void enter_home(void)
{
	char path[300];
	int fd;

	(void)snprintf(path, sizeof path, "%s/cgroup.procs", home);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		_exit(98);
	(void)close(fd);
}

/* kickd has left nothing in it. */
static void home_is_empty(void)
{
	check(rmdir(home) == 0, "%s: %s", home, strerror(errno));
}

/* The group of a process, as a name below home; "" elsewhere. Static. */
static const char *group_of(pid_t pid)
{
	static char group[256];
	const char *name = strrchr(home, '/');
	char *at = strstr(read_of(pid, "cgroup"), name);

	(void)snprintf(group, sizeof group, "%s", at ? at + strlen(name) : "");
	group[strcspn(group, "\n")] = '\0';
	return group;
}

/* "/kick-TREE-NAME" */
static bool is_in(pid_t pid, const char *name)
{
	const char *group = group_of(pid);
	size_t n = strlen(group), m = strlen(name);

	return strncmp(group, "/kick-", 6) == 0 && n > m + 1 &&
		group[n - m - 1] == '-' && strcmp(group + n - m, name) == 0;
}

CASE(it_cgroup, each_program_has_a_group_and_kick_another)
{
	need_home("it_cgroup::each_program_has_a_group_and_kick_another", true);
	tree_before_exec(enter_home);
	tree_up("{'name':'app','children':[" WORKER(
		"a") ",{'id':'s','type':'supervisor',"
		     "'children':[" WORKER("b") "]}]}");
	expect(is_in(pid_of("a"), "a"), "a is in \"%s\"", group_of(pid_of("a")));
	expect(is_in(pid_of("s/b"), "s:b"), "s/b is in \"%s\"",
		group_of(pid_of("s/b")));
	expect(strcmp(group_of(tree_pid()), "/kick") == 0, "kickd is in \"%s\"",
		group_of(tree_pid()));
	expect(strcmp(group_of(pid_of("s")), "/kick") == 0, "s is in \"%s\"",
		group_of(pid_of("s")));
	expect(strcmp(group_of(logger_pid()), "/kick") == 0, "the logger is in \"%s\"",
		group_of(logger_pid()));
	expected();
	tree_down();
	home_is_empty();
}

/* Nothing but its group tells whose it is. */
CASE(it_cgroup, what_takes_its_mark_off_is_killed_with_its_group)
{
	pid_t d, e, a;

	need_home("it_cgroup::what_takes_its_mark_off_is_killed_with_its_group", true);
	tree_before_exec(enter_home);
	tree_up("{'name':'app','children':[" CHILD("a", "'restart':'permanent'",
		"'unmark','daemon','d','daemon','e','say','up','stay'") "]}");
	await_out("up");
	d = pid_in("d");
	e = pid_in("e");
	check(is_in(d, "a") && is_in(e, "a"), "the daemons are elsewhere");
	kick_gives(0, "stop a");
	check(!is_alive(d) && !is_alive(e), "a daemon lives");
	kick_gives(0, "start a");
	await_lines("d", 2);
	await_lines("e", 2);
	a = pid_of("a");
	d = pid_in("d");
	(void)kill(a, SIGKILL);
	(void)await_next("a", a);
	check(!is_alive(d), "a daemon lives");
	tree_down();
	home_is_empty();
}

/* With its supervisor goes who knew that it was started in this group; this one comes
 * not back. */
CASE(it_cgroup, what_is_left_of_a_lost_supervisor_is_killed)
{
	pid_t d;

	need_home("it_cgroup::what_is_left_of_a_lost_supervisor_is_killed", true);
	tree_before_exec(enter_home);
	tree_up("{'name':'app','children':[" WORKER(
		"x") ",{'id':'s','type':'supervisor',"
		     "'restart':'temporary','children':[" CHILD("a",
			     "'restart':'permanent'",
			     "'unmark','daemon','d','stay'") "]}]}");
	await_lines("d", 1);
	d = pid_in("d");
	check(is_in(d, "s:a"), "the daemon is in \"%s\"", group_of(d));
	(void)kill(pid_of("s"), SIGKILL);
	await_gone(d);
	check_alive("x");
	tree_down();
	home_is_empty();
}

#define S40 "s123456789s123456789s123456789s123456789"
#define A60 "a123456789a123456789a123456789a123456789a123456789a123456789"

/* The name of its group is cut, as its path is longer than a file's name may be. */
CASE(it_cgroup, what_is_left_at_the_end_of_a_long_path_is_killed)
{
	pid_t d;

	need_home("it_cgroup::what_is_left_at_the_end_of_a_long_path_is_killed", true);
	tree_before_exec(enter_home);
	tree_up("{'name':'app','children':[{'id':'" A60 "','type':'supervisor',"
		"'children':[{'id':'" A60 "','type':'supervisor','children':["
		"{'id':'" S40
		"','type':'supervisor','restart':'temporary','children':[" CHILD(A60,
			"'restart':'permanent'",
			"'unmark','daemon','d','stay'") "]}," WORKER("x") "]}]}]}");
	await_lines("d", 1);
	d = pid_in("d");
	check(*group_of(d), "the daemon is in \"%s\"", group_of(d));
	(void)kill(pid_of(A60 "/" A60 "/" S40), SIGKILL);
	await_gone(d);
	check_alive("x");
	tree_down();
	home_is_empty();
}

CASE(it_cgroup, groups_go_with_their_children_and_come_back)
{
	pid_t s, b;

	need_home("it_cgroup::groups_go_with_their_children_and_come_back", true);
	tree_before_exec(enter_home);
	tree_up("{'name':'app','children':[{'id':'s','type':'supervisor','children':[" WORKER(
		"b") "]},{'id':'jobs','type':'dynamic_supervisor','child':{'start':['./"
		     "h','stay']}}]}");
	s = pid_of("s");
	b = pid_of("s/b");
	(void)kill(s, SIGKILL);
	(void)await_next("s", s);
	check(pid_of("s/b") != b && is_in(pid_of("s/b"), "s:b"), "s/b is in \"%s\"",
		group_of(pid_of("s/b")));
	kick_gives(0, "add jobs {}");
	check(is_in(pid_of("jobs/1"), "jobs:1"), "jobs/1 is in \"%s\"",
		group_of(pid_of("jobs/1")));
	kick_gives(0, "stop jobs/1");
	check(rmdir(home) < 0 && errno == EBUSY, "home: %s", strerror(errno));
	tree_down();
	home_is_empty();
}

static bool home_has_pids(void)
{
	char path[300], text[300] = "";
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/cgroup.controllers", home);
	f = fopen(path, "re");
	if (f && !fgets(text, sizeof text, f))
		text[0] = '\0';
	if (f)
		(void)fclose(f);
	return strstr(text, "pids") != NULL;
}

/* Without its limit it does not run: nobody would notice. */
CASE(it_cgroup, a_limit_without_its_controller_is_a_failed_start_that_says_so)
{
	need_home("it_cgroup::a_limit_without_its_controller_is_a_failed_start_that_"
		  "says_so",
		true);
	if (home_has_pids()) {
		(void)rmdir(home);
		it_skip("it_cgroup::a_limit_without_its_controller_is_a_failed_start_"
			"that_says_so",
			"the controller pids is there");
	}
	tree_before_exec(enter_home);
	tree_up("{'name':'app','children':[" WORKER("x") "," CHILD(
		"w", "'autostart':false,'cgroup':{'pids_max':5}", "'stay'") "]}");
	kick_gives(1, "start w");
	check(strstr(last_err(),
		      "w: cannot be started: cgroup: pids_max needs the "
		      "controller pids, which "),
		"kick: %s", last_err());
	check(strcmp(reason_of("w"), "failed_to_start:cgroup:EOPNOTSUPP") == 0,
		"reason %s", reason_of("w"));
	check_alive("x");
	tree_down();
	home_is_empty();
}

CASE(it_cgroup, what_is_not_delegated_is_left_alone)
{
	const char *said;
	pid_t a;

	need_home("it_cgroup::what_is_not_delegated_is_left_alone", false);
	tree_before_exec(enter_home);
	tree_up("{'name':'app','children':[" CHILD(
		"a", "'cgroup':{}", "'stay'") "," WORKER("b") "," CHILD("w",
		"'autostart':false,'cgroup':{'memory_max':'64M'}", "'stay'") "]}");
	await_err("a runs without a \"cgroup\" of its own: ");
	check(strcmp(group_of(tree_pid()), "") == 0 ||
			strcmp(group_of(tree_pid()), "/") == 0,
		"kickd is in \"%s\"", group_of(tree_pid()));
	check(!is_in(pid_of("a"), "a") && !is_in(pid_of("b"), "b"), "groups were made");
	kick_gives(1, "start w");
	check(strstr(last_err(), " is not delegated to kickd (systemd: Delegate=yes)"),
		"kick: %s", last_err());
	a = pid_of("a");
	(void)kill(a, SIGKILL);
	(void)await_next("a", a);
	tree_down();
	said = strstr(tree_err(), "a runs without");
	check(said && !strstr(said + 1, "a runs without"), "said again");
	check(!strstr(tree_err(), "b runs without"), "b has not asked");
	home_is_empty();
}

static void enter_home_as_nobody(void)
{
	enter_home();
	if (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0)
		_exit(98);
}

CASE(it_cgroup, an_ordinary_user_makes_groups_in_its_own)
{
	static const char *const files[] = { "", "/cgroup.procs",
		"/cgroup.subtree_control" };

	it_need_other_users("it_cgroup::an_ordinary_user_makes_groups_in_its_own");
	need_home("it_cgroup::an_ordinary_user_makes_groups_in_its_own", true);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		char path[300];

		(void)snprintf(path, sizeof path, "%s%s", home, files[i]);
		check(chown(path, 65534, 65534) == 0, "chown %s", path);
	}
	check(chmod(".", 0777) == 0 && chmod("notify", 0777) == 0, "chmod");
	tree_before_exec(enter_home_as_nobody);
	tree_up("{'name':'app','children':[{'id':'a','start':'exec sleep 1000'}]}");
	check(is_in(pid_of("a"), "a"), "a is in \"%s\"", group_of(pid_of("a")));
	tree_down();
	home_is_empty();
}

/* A container with a writable /sys/fs/cgroup. */
static bool enter_namespace(void)
{
	enter_home();
	return unshare(CLONE_NEWCGROUP | CLONE_NEWNS) == 0 &&
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
		mount("cgroup2", "cg", "cgroup2", 0, NULL) == 0;
}

static void must_enter_namespace(void)
{
	if (!enter_namespace())
		_exit(98);
}

CASE(it_cgroup, the_root_of_a_namespace_is_its_own)
{
	int status = 0;
	pid_t pid;

	need_home("it_cgroup::the_root_of_a_namespace_is_its_own", false);
	check(mkdir("cg", 0755) == 0, "mkdir");
	pid = fork();
	if (pid == 0)
		_exit(!enter_namespace());
	check(waitpid(pid, &status, 0) == pid, "waitpid");
	if (status != 0) {
		(void)rmdir(home);
		it_skip("it_cgroup::the_root_of_a_namespace_is_its_own",
			"needs the right to make namespaces and to mount cgroup2");
	}
	tree_before_exec(must_enter_namespace);
	tree_up("{'name':'app','children':[" WORKER("a") "]}");
	check(is_in(pid_of("a"), "a"), "a is in \"%s\"", group_of(pid_of("a")));
	tree_down();
	home_is_empty();
}
