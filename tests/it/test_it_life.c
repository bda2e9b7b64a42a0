/* From the start of kickd to its end: readiness, status, and the exit statuses. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

#define THREE \
	"{'name':'app','children':[" WORKER("a") "," WORKER("b") "," WORKER("c") "]}"

CASE(it_life, comes_up_tells_its_starter_and_ends_with_0_on_term)
{
	tree_up(THREE);
	await_err("kickd: app: 3 children up in ");
	kick_gives(0, "status");
	check(strstr(last_out(), "app"), "status shows nothing");
	tree_down();
	check(strstr(tree_notified(), "STOPPING=1"), "no STOPPING=1");
}

CASE(it_life, starts_in_order_and_stops_in_reverse)
{
	tree_up("{'name':'app','children':[" CHILD("a", "'stop_signal':'INT'",
		"'trap','INT','0','append','f','+a','stay'") "," WORKER("b") "," WORKER("c") "]}");
	pid_t c = pid_of("c");

	kick_gives(0, "shutdown");
	(void)await_event("exited", "app", 1);
	check(strcmp(trail(c), "-c -b -a -app") == 0, "order is %s", trail(c));
	tree_ends(0);
}

CASE(it_life, int_is_as_term)
{
	tree_up(THREE);
	tree_signal(SIGINT);
	tree_ends(0);
}

CASE(it_life, shutdown_verb_waits_for_the_end)
{
	tree_up(THREE);
	kick_gives(0, "shutdown");
	tree_ends(0);
	kick_gives(7, "shutdown");
	kick_gives(7, "stop a");
	kick_gives(4, "status a");
}

CASE(it_life, gives_up_with_1)
{
	tree_start("{'name':'app','max_restarts':2,'children':[" CHILD(
			   "a", "'restart':'permanent'", "'exit','3'") "]}",
		"");
	tree_ends(1);
	check(strstr(tree_err(), "app gives up: 3 restarts within 5s, 2 are allowed"),
		"no message");
	check(strstr(tree_err(), "exit 3"), "no cause");
}

CASE(it_life, wrong_configuration_is_78_and_starts_nothing)
{
	tree_start("{'name':'app','children':[" CHILD(
			   "a", "'restrat':'permanent'", "'count','f','stay'") "]}",
		"");
	tree_ends(78);
	check(strstr(tree_err(), "app.json:1:"), "no position");
	check(strstr(tree_err(), "restart"), "no suggestion");
	check(lines_in("f") == 0, "the child was started");
}

CASE(it_life, missing_configuration_is_78)
{
	check(run("kickd", "-R %s nothing.json", it_runtime_dir()) == 78, "status");
	check(strstr(last_err(), "nothing.json"), "the file is not named");
}

CASE(it_life, wrong_usage_is_2)
{
	check(run("kickd", "--nonsense") == 2, "option");
	check(run("kickd", "-R %s", it_runtime_dir()) == 2, "no file");
	check(run("kickd", "a.json b.json") == 2, "two files");
	check(run("kick", "nonsense") == 2, "verb");
	check(run("kick", "stop") == 2, "no name");
}

CASE(it_life, second_kickd_is_75_and_names_the_first)
{
	char pid[32];

	tree_up(THREE);
	check(run("kickd", "-R %s app.json", it_runtime_dir()) == 75, "status");
	(void)snprintf(pid, sizeof pid, "%d", (int)tree_pid());
	check(strstr(last_err(), pid), "pid is not named: %s", last_err());
	check(strstr(last_err(), "app"), "application is not named: %s", last_err());
	check_alive("a");
	tree_down();
}

CASE(it_life, runtime_directory_that_others_may_write_is_77)
{
	put_json("app.json", THREE);
	check(mkdir("open", 0755) == 0 && chmod("open", 0777) == 0, "mkdir");
	check(run("kickd", "-R open app.json") == 77, "status");
	check(strstr(last_err(), "chmod"), "no advice: %s", last_err());
}

CASE(it_life, runtime_directory_that_cannot_be_made_is_73)
{
	put_json("app.json", THREE);
	check(run("kickd", "-R no/such/dir app.json") == 73, "no parent");
	check(run("kickd", "-R app.json app.json") == 73, "a file");
}

CASE(it_life, quit_kills_everywhere_with_131)
{
	tree_up("{'name':'app','children':[" CHILD("a", "'shutdown':'infinity'",
		"'ignore','TERM','stay'") ",{'id':'s','type':'supervisor','children':[" CHILD("b",
		"'shutdown':'infinity'", "'ignore','TERM','daemon','d','stay'") "]}]}");
	tree_signal(SIGQUIT);
	tree_ends(131);
}

CASE(it_life, second_term_hurries_with_137)
{
	double first;

	tree_up("{'name':'app','children':[" CHILD("a", "'shutdown':'infinity'",
		"'ignore','TERM','say','deaf','stay'") "]}");
	await_out("deaf");
	tree_signal(SIGTERM);
	await_event("stopping", "a", 1);
	first = it_now();
	while (it_now() < first + 1.1)
		(void)it_pump(first + 1.1);
	tree_signal(SIGTERM);
	tree_ends(137);
}

CASE(it_life, second_term_at_once_is_part_of_the_first)
{
	tree_up(THREE);
	tree_signal(SIGTERM);
	tree_signal(SIGINT);
	tree_ends(0);
}

CASE(it_life, shutdown_deadline_hurries_with_137)
{
	static const struct {
		const char *name, *key, *option;
	} rows[] = {
		{ "key", "'shutdown':'200ms',", "" },
		{ "option overrides", "'shutdown':'1h',", "--shutdown 200ms" },
	};
	char config[400];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		(void)snprintf(config, sizeof config,
			"{'name':'app',%s'children':[" CHILD("a",
				"'shutdown':'infinity'",
				"'ignore','TERM','say','deaf','stay'") "]}",
			rows[i].key);
		tree_start(config, rows[i].option);
		tree_ready();
		await_out("deaf");
		tree_signal(SIGTERM);
		tree_ends(137);
		check(strstr(tree_err(), "shutdown time"), "%s: no message",
			rows[i].name);
	}
}

CASE(it_life, a_child_killed_at_its_own_deadline_leaves_status_0)
{
	tree_up("{'name':'app','children':[" CHILD(
		"a", "'shutdown':'100ms'", "'ignore','TERM','say','deaf','stay'") "]}");
	await_out("deaf");
	tree_down();
}

CASE(it_life, runtime_directory_of_somebody_stays)
{
	struct stat st;

	check(mkdir("mine", 0711) == 0, "mkdir");
	put_json("app.json",
		"{'name':'app','max_restarts':0,'children':["
		"{'id':'a','start':['./h','exit','1']}]}");
	check(run("kickd", "-R mine app.json") == 1, "status");
	check(stat("mine", &st) == 0, "it was removed");
	check(rmdir("mine") == 0, "there are files in it");
}

CASE(it_life, check_option_says_what_is_wrong)
{
	put_json("good.json", THREE);
	put_json("bad.json", "{'children':3}");
	check(run("kickd", "--check good.json") == 0, "good");
	check(run("kickd", "--check bad.json") == 78, "bad");
	check(run("kick", "check good.json") == 0, "good, kick");
	check(strstr(last_out(), "a"), "no tree: %s", last_out());
	check(run("kick", "check bad.json") == 78, "bad, kick");
}

CASE(it_life, status_is_0_3_or_4)
{
	make_fifo("g");
	tree_up("{'name':'app','children':[" CHILD("a", "'restart':'temporary'",
		"'gate','g','exit','1'") "," WORKER("b") "]}");
	kick_gives(0, "status");
	kick_gives(0, "status a b");
	kick_gives(4, "status nobody");
	kick_gives(0, "stop b");
	kick_gives(0, "status");
	kick_gives(3, "status b");
	open_gate("g");
	await_event("exited", "a", 1);
	kick_gives(3, "status");
	kick_gives(3, "status a");
	tree_down();
	kick_gives(3, "status");
}

CASE(it_life, nothing_starts_after_stop_has_begun)
{
	tree_up("{'name':'app','children':[" CHILD("a", "'restart':'permanent'",
		"'count','f','trap','TERM','1','say','up','stay'") "]}");
	await_out("up");
	tree_down();
	check(lines_in("f") == 1, "started %d times", lines_in("f"));
}

/* While the last child takes its time, the supervisor before it is not told to stop
 * yet. */
CASE(it_life, nothing_starts_below_once_the_stop_has_begun)
{
	pid_t w;

	tree_up("{'name':'app','children':[{'id':'n','type':'supervisor','children':["
		"{'id':'m','type':'supervisor','children':[" CHILD("w",
			"'restart':'permanent'",
			"'count','f','stay'") "]}]}," CHILD("last",
			"'shutdown':'infinity'",
			"'ignore','TERM','say','up','stay'") "]}");
	await_out("last | up");
	w = pid_of("n/m/w");
	tree_signal(SIGTERM);
	(void)await_event("stopping", "last", 1);
	(void)kill(w, SIGKILL);
	(void)await_end(w);
	kick_gives(1, "start n/m/w");
	kick_gives(1, "restart n/m");
	kick_gives(1, "add n/m " WORKER("x"));
	check(lines_in("f") == 1, "started %d times", lines_in("f"));
	(void)kill(pid_of("last"), SIGKILL);
	tree_ends(0);
	check(lines_in("f") == 1, "started %d times", lines_in("f"));
}

/* --- what it is started with
 * ---------------------------------------------------------- */

static void ignore_children(void)
{
	(void)signal(SIGCHLD, SIG_IGN);
}

CASE(it_life, it_may_be_started_with_sigchld_ignored)
{
	pid_t a;

	tree_before_exec(ignore_children);
	tree_up(THREE);
	a = pid_of("a");
	(void)kill(a, SIGKILL);
	check(strcmp(await_end(a)->reason, "killed") == 0, "reason");
	(void)await_next("a", a);
	tree_down();
}

static void block_everything(void)
{
	sigset_t all;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
}

CASE(it_life, it_may_be_started_with_all_signals_blocked)
{
	tree_before_exec(block_everything);
	tree_up("{'name':'app','children':[" CHILD(
		"a", "'restart':'permanent'", "'signals','stay'") "]}");
	await_out("a | signals: end\n");
	tree_down();
}

static void close_stdio(void)
{
	(void)close(0);
	(void)close(1);
	(void)close(2);
}

CASE(it_life, it_may_be_started_without_stdio)
{
	tree_before_exec(close_stdio);
	tree_up("{'name':'app','children':[" CHILD(
		"a", "'restart':'permanent'", "'fds','say','up','stay'") "]}");
	kick_gives(0, "log a");
	check_alive("a");
	tree_down();
}

CASE(it_life, nobody_reads_its_output_any_more)
{
	tree_up("{'name':'app','children':[" CHILD(
		"a", "'restart':'permanent'", "'say','up','stay'") "]}");
	await_out("up");
	tree_deafen();
	for (int i = 0; i < 3; i++) {
		pid_t a = pid_of("a");

		(void)kill(a, SIGKILL);
		(void)await_next("a", a);
	}
	tree_down();
}

/* --- many
 * -------------------------------------------------------------------------------- */

static void many_up(void)
{
	static char config[20000];
	size_t n = 0;

	n += (size_t)snprintf(config, sizeof config,
		"{'name':'app','strategy':'one_for_all','children':[");
	for (int i = 0; i < 200; i++)
		n += (size_t)snprintf(config + n, sizeof config - n,
			"%s{'id':'w%d','start':['./h','stay']}", i ? "," : "", i);
	(void)snprintf(config + n, sizeof config - n, "]}");
	tree_up(config);
}

CASE(it_life, two_hundred_workers_start_restart_and_stop)
{
	double deadline = it_deadline();
	pid_t first, last;

	many_up();
	check(helpers_alive() == 200, "%d workers", helpers_alive());
	first = pid_of("w0");
	last = pid_of("w199");
	(void)kill(pid_of("w100"), SIGKILL);
	while (pid_of("w199") == last || strcmp(state_of("w199"), "running") != 0)
		check(it_now() < deadline, "w199 is %s", state_of("w199"));
	check(pid_of("w0") != first, "w0 was kept");
	check(helpers_alive() == 200, "%d workers", helpers_alive());
	kick_gives(0, "status");
	tree_down();
}

static bool ready_again_or_lost(const void *arg)
{
	return events_seen("ready", "w199") > *(const int *)arg ||
		events_seen("lost", "app") > 0 || events_seen("lost", "") > 0;
}

/* Who waits for events would otherwise wait for ever. */
CASE(it_life, a_burst_of_events_is_told_or_its_loss_is)
{
	int before;

	many_up();
	(void)await_event("ready", "app", 1);
	before = events_seen("ready", "w199");
	(void)kill(pid_of("w100"), SIGKILL);
	await(ready_again_or_lost, &before, "w199 ready, or an event lost");
	tree_down();
}
