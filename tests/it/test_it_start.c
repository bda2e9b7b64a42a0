/* Starts: what goes wrong and how it is told, readiness, and the wait before the next
 * attempt. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

/* --- failures ------------------------------------------------------------------------
 */

struct failure {
	const char *name, *child, *reason;
	const char *kickd, *kick; /* is in what they say */
};

static const struct failure failures[] = {
	{ "no such file", "'start':['./nothing']", "failed_to_start:exec:ENOENT",
		"./nothing: No such file", "No such file" },
	{ "not in PATH",
		"'env':{'PATH':'/usr/bin'},'start':['kick-nothing-of-this-name']",
		"failed_to_start:exec:ENOENT", "kick-nothing-of-this-name",
		"No such file" },
	{ "not executable", "'start':['./plain']", "failed_to_start:exec:EACCES",
		"./plain: Permission denied", "Permission denied" },
	{ "a directory", "'start':['./dir']", "failed_to_start:exec:EACCES", "./dir",
		"Permission denied" },
	{ "no interpreter", "'start':['./script']", "failed_to_start:exec:ENOENT",
		"./script", "No such file" },
	{ "no program", "'start':['./garbage']", "failed_to_start:exec:ENOEXEC",
		"./garbage", "Exec format error" },
	{ "no cwd", "'cwd':'/nowhere/at/all','start':['./h','stay']",
		"failed_to_start:cwd:ENOENT", "/nowhere/at/all", "/nowhere/at/all" },
	{ "cwd is a file", "'cwd':'plain','start':['./h','stay']",
		"failed_to_start:cwd:ENOTDIR", "plain", "plain: Not a directory" },
	{ "unset variable", "'start':['./h','say','${KICK_IT_UNSET}']",
		"failed_to_start:", "KICK_IT_UNSET", "KICK_IT_UNSET" },
	{ "env_file missing", "'env_file':'missing.env','start':['./h','stay']",
		"failed_to_start:env_file:ENOENT", "missing.env", "missing.env" },
	{ "stdout into a fifo", "'stdout':'file:fifo','start':['./h','stay']",
		"failed_to_start:stdout:ENXIO", "stdout", "stdout: cannot open" },
	{ "stdout in no directory", "'stdout':'file:no/where','start':['./h','stay']",
		"failed_to_start:stdout:ENOENT", "stdout", "no/where: No such" },
	{ "start_timeout, notify",
		"'ready':{'notify':true},'start_timeout':'200ms','start':['./h','stay']",
		"start_timeout", "a did not start", "timed out" },
	{ "start_timeout, fd",
		"'ready':{'fd':3},'start_timeout':'200ms','start':['./h','stay']",
		"start_timeout", "a did not start", "timed out" },
	{ "deaf in its start_timeout",
		"'ready':{'notify':true},'start_timeout':'200ms','shutdown':'200ms',"
		"'start':['./h','ignore','TERM','daemon','d','stay']",
		"start_timeout", "a did not start", "timed out" },
	{ "exit before ready", "'ready':{'notify':true},'start':['./h','exit','3']",
		"exit:3", "exit 3", "exit 3" },
	{ "crash before ready", "'ready':{'fd':3},'start':['./h','kill','SEGV']",
		"signal:SIGSEGV", "SIGSEGV", "SIGSEGV" },
	{ "ready fd closed",
		"'ready':{'fd':4},'start_timeout':'400ms','start':['./h','closefd','4',"
		"'stay']",
		"start_timeout", "a did not start", "timed out" },
	{ "one-shot fails", "'ready':{'exit':true},'start':['./h','exit','4']",
		"exit:4", "exit 4", "exit 4" },
};

static void make_bad_programs(void)
{
	put_file("plain", "text\n");
	put_file("script", "#!/no/such/interpreter\n");
	put_file("garbage", "\177ELFnot really");
	check(chmod("script", 0755) == 0 && chmod("garbage", 0755) == 0, "chmod");
	check(mkdir("dir", 0755) == 0, "mkdir");
	make_fifo("fifo");
}

static int times_in(const char *text, const char *what)
{
	int n = 0;

	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

/* By hand, so that the tree goes on and can be asked. */
CASE(it_start, a_failed_start_says_which_step_and_why)
{
	char config[600];

	make_bad_programs();
	for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
		const struct failure *f = &failures[i];
		(void)snprintf(config, sizeof config,
			"{'name':'app','children':[{'id':'a','autostart':false,%s}," WORKER(
				"b") "]}",
			f->child);
		tree_up(config);
		kick_gives(1, "start a");
		expect(strstr(last_err(), f->kick), "%s: \"%s\" is not in: %s", f->name,
			f->kick, last_err());
		expect(strncmp(reason_of("a"), f->reason, strlen(f->reason)) == 0,
			"%s: reason %s", f->name, reason_of("a"));
		expect(strcmp(state_of("a"), "exited") == 0, "%s: state %s", f->name,
			state_of("a"));
		check_alive("b");
		tree_down();
		expect(times_in(tree_err(), "a cannot be started: ") +
					times_in(tree_err(), "a did not start: ") +
					times_in(tree_err(),
						"; it is not started again") ==
				1,
			"%s: not said once: %s", f->name, tree_err());
	}
	expected();
}

/* Whoever may write there could lead root elsewhere. Nobody else need be so careful. */
CASE(it_start, root_opens_no_output_file_where_everybody_may_write)
{
	bool root = geteuid() == 0;

	check(mkdir("open", 0777) == 0 && chmod("open", 0777) == 0, "mkdir");
	tree_up("{'name':'app','children':[{'id':'a','autostart':false,"
		"'stdout':'file:open/out','start':['./h','stay']}]}");
	kick_gives(root ? 1 : 0, "start a");
	check(!root || strstr(last_err(), "everybody may write"), "%s", last_err());
	check((access("open/out", F_OK) < 0) == root, "open/out");
	check(chmod("open", 01777) == 0, "chmod");
	kick_gives(0, "start a");
	tree_down();
}

CASE(it_start, a_failed_start_at_boot_takes_back_what_was_started)
{
	char config[600];

	make_bad_programs();
	for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
		const struct failure *f = &failures[i];
		(void)snprintf(config, sizeof config,
			"{'name':'app','children':[" WORKER(
				"w") ",{'id':'a',%s}," CHILD("z",
				"'restart':'permanent'", "'count','z','stay'") "]}",
			f->child);
		tree_start(config, "");
		tree_ends(1);
		expect(strstr(tree_err(), f->kickd), "%s: \"%s\" is not in: %s",
			f->name, f->kickd, tree_err());
		expect(lines_in("z") == 0, "%s: what comes after was started", f->name);
	}
	expected();
}

CASE(it_start, a_nested_failure_at_boot_fails_the_tree_and_names_the_child)
{
	tree_start("{'name':'app','children':[" WORKER(
			   "w") ",{'id':'s','type':"
				"'supervisor','children':[" WORKER(
					"x") ",{'id':'y','start':['./none']}]}"
					     "]}",
		"");
	tree_ends(1);
	check(strstr(tree_err(), "s/y"), "the child is not named");
	check(strstr(tree_err(), "./none"), "the program is not named");
}

CASE(it_start, unknown_user_is_found_when_the_configuration_is_read)
{
	put_json("app.json",
		"{'children':[{'id':'a','user':'nobody-of-this-name',"
		"'start':['./h','stay']}]}");
	check(run("kickd", "-R %s app.json", it_runtime_dir()) == 78, "status");
	check(strstr(last_err(), "nobody-of-this-name"), "not named: %s", last_err());
}

CASE(it_start, last_words_are_shown_with_a_failed_start)
{
	tree_up("{'name':'app','children':[" CHILD("a",
		"'autostart':false,"
		"'ready':{'notify':true}",
		"'err','cannot open /dev/sensor0','exit','2'") "," WORKER("b") "]}");
	kick_gives(1, "start a");
	check(strstr(last_err(), "cannot open /dev/sensor0"), "no last words: %s",
		last_err());
	kick_gives(3, "status");
	check(strstr(last_out(), "cannot open /dev/sensor0"), "not in status: %s",
		last_out());
	tree_down();
}

CASE(it_start, a_start_that_fails_after_a_crash_counts_as_further_restarts)
{
	tree_start("{'name':'app','max_restarts':3,'max_seconds':600,'children':["
		   "{'id':'a','start':['./prog','gate','g','exit','1']}]}",
		"");
	tree_ends(1);
	make_fifo("g");
	check(symlink("h", "prog") == 0, "symlink");
	tree_start(NULL, "");
	tree_ready();
	check(unlink("prog") == 0, "unlink");
	open_gate("g");
	tree_ends(1);
	check(strstr(tree_err(), "4 restarts within 10m, 3 are allowed"), "message");
	check(strstr(tree_err(), "prog"), "the program is not named");
}

/* --- readiness -----------------------------------------------------------------------
 */

CASE(it_start, the_next_one_waits_until_the_one_before_is_ready)
{
	static const struct {
		const char *name, *ready, *word;
	} rows[] = {
		{ "notify", "'ready':{'notify':true}", "'notify','READY=1'" },
		{ "notify with more", "'ready':{'notify':true}",
			"'notify','STATUS=fine\\nREADY=1'" },
		{ "fd 3", "'ready':{'fd':3}", "'readyfd','3'" },
		{ "fd 9", "'ready':{'fd':9}", "'readyfd','9'" },
		{ "exit", "'ready':{'exit':true}", "'exit','0'" },
	};
	char config[600];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		make_fifo("g");
		(void)unlink("b");
		(void)snprintf(config, sizeof config,
			"{'name':'app','children':[{'id':'a',%s,'start':['./h','say',"
			"'waiting','gate','g',%s,'stay']}," CHILD("b",
				"'restart':'permanent'", "'count','b','stay'") "]}",
			rows[i].ready, rows[i].word);
		tree_start(config, "");
		await_out("waiting");
		check(strcmp(state_of("a"), "starting") == 0, "%s: a is %s",
			rows[i].name, state_of("a"));
		check(lines_in("b") == 0, "%s: b was started", rows[i].name);
		open_gate("g");
		tree_ready();
		check_alive("b");
		kick_gives(0, "status a");
		tree_down();
		(void)unlink("g");
	}
}

CASE(it_start, a_one_shot_is_exited_and_well)
{
	tree_up("{'name':'app','children':[" CHILD(
		"a", "'ready':{'exit':true}", "'count','f'") "," WORKER("b") "]}");
	check(strcmp(state_of("a"), "exited") == 0, "a is %s", state_of("a"));
	check(strcmp(reason_of("a"), "normal") == 0, "reason %s", reason_of("a"));
	kick_gives(0, "status");
	kick_gives(0, "status a");
	check(lines_in("f") == 1, "ran %d times", lines_in("f"));
	tree_down();
}

CASE(it_start, status_text_is_shown)
{
	tree_up("{'name':'app','children':[" CHILD("a", "'ready':{'notify':true}",
		"'notify','READY=1\\nSTATUS=serving-42-clients','stay'") "]}");
	kick_gives(0, "status --json a");
	check(strstr(last_out(), "\"status_text\":\"serving-42-clients\""), "%s",
		last_out());
	tree_down();
}

/* --- backoff
 * -------------------------------------------------------------------------- */

CASE(it_start, backoff_waits_in_sight_and_then_tries)
{
	tree_up("{'name':'app','max_restarts':'infinity','children':[" CHILD("a",
		"'ready':{'notify':true},'backoff':{'initial':'300ms','max':'1h',"
		"'factor':2,'jitter':0}",
		"'failing','2','f','notify','READY=1','stay'") "," WORKER("b") "]}");
	await_event("restarting", "a", 1);
	kick_gives(3, "status");
	kick_gives(0, "status b");
	await_event("ready", "a", 1);
	check(strcmp(state_of("a"), "running") == 0, "a is %s", state_of("a"));
	check(restarts_of("a") == 2, "restarts %d", restarts_of("a"));
	tree_down();
}

CASE(it_start, a_waiting_child_is_restarting_and_start_says_when)
{
	tree_up("{'name':'app','max_restarts':'infinity','children':[" CHILD("a",
		"'backoff':{'initial':'1h','max':'1h'}",
		"'failing','1','f','stay'") "]}");
	await_state("a", "restarting");
	kick_gives(3, "status");
	check(strstr(last_out(), "retry 1 in"), "no retry: %s", last_out());
	kick_gives(1, "start a");
	check(strstr(last_err(), "kick restart"), "no advice: %s", last_err());
	kick_gives(0, "restart a");
	check_alive("a");
	tree_down();
}

CASE(it_start, a_waiting_child_can_be_stopped_and_the_tree_can_end)
{
	static const char config[] =
		"{'name':'app','max_restarts':'infinity','children':[" CHILD("a",
			"'backoff':{'initial':'1h','max':'1h'}", "'exit','1'") "]}";

	tree_up(config);
	await_state("a", "restarting");
	kick_gives(0, "stop a");
	check(strcmp(state_of("a"), "stopped") == 0, "a is %s", state_of("a"));
	kick_gives(0, "status");
	tree_down();
	tree_up(config);
	await_state("a", "restarting");
	tree_down();
}

CASE(it_start, backoff_at_boot_lets_the_boot_go_on)
{
	tree_up("{'name':'app','max_restarts':'infinity','children':[{'id':'a',"
		"'backoff':{'initial':'1h','max':'1h'},'start':['./none']}," WORKER(
			"b") "]}");
	check(strcmp(state_of("a"), "restarting") == 0, "a is %s", state_of("a"));
	check(strcmp(reason_of("a"), "failed_to_start:exec:ENOENT") == 0, "reason %s",
		reason_of("a"));
	check_alive("b");
	tree_down();
}

CASE(it_start, backoff_without_max_restarts_is_refused)
{
	put_json("app.json",
		"{'children':[{'id':'a','backoff':{'initial':'1s'},"
		"'start':['./h','stay']}]}");
	check(run("kickd", "--check app.json") == 78, "status");
	check(strstr(last_err(), "max_restarts"), "not named: %s", last_err());
}

CASE(it_start, autostart_false_is_known_and_not_started)
{
	tree_up("{'name':'app','children':[" CHILD(
		"a", "'autostart':false", "'count','f','stay'") "]}");
	check(strcmp(state_of("a"), "stopped") == 0, "a is %s", state_of("a"));
	check(lines_in("f") == 0, "it was started");
	kick_gives(0, "status");
	kick_gives(0, "start a");
	check_alive("a");
	tree_down();
}
