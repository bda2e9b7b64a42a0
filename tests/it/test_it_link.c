/* Programs that speak libkick, below kickd, and the verbs that talk to them. */
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "it_inside.h"
#include "linked.h"

#define TREE(children) \
	"{'name':'app','max_restarts':'infinity','children':[" children "]}"
#define SERVER(id, more) LINKED(id, more, "'as','server','name','" id "','trap','yes'")

static void up(const char *config)
{
	linked();
	tree_up(config);
}

/* --- what is asked of it ------------------------------------------------------------
 */

/* `call NAME '"life"'`: the pid of the process that has answered. */
static pid_t life_of(const char *name, int restarts)
{
	cJSON *answer;
	pid_t pid;

	kick_gives(0, "call %s 'life'", name);
	answer = cJSON_Parse(last_out());
	pid = (pid_t)cJSON_GetNumberValue(cJSON_GetArrayItem(answer, 0));
	check(pid > 0 &&
			(int)cJSON_GetNumberValue(cJSON_GetArrayItem(answer, 1)) ==
				restarts,
		"%s after %d restarts: %s", name, restarts, last_out());
	cJSON_Delete(answer);
	return pid;
}

/* Directories of programs in the runtime directory. */
static int count_directories(void)
{
	DIR *d = opendir(it_runtime_dir());
	struct dirent *e;
	int n = 0;

	check(d, "%s", it_runtime_dir());
	while ((e = readdir(d)))
		n += *e->d_name == 'n';
	(void)closedir(d);
	return n;
}

static void check_said(const char *text)
{
	check(strstr(last_err(), text), "%s is not in: %s", text, last_err());
}

/* --- start --------------------------------------------------------------------------
 */

CASE(it_link, a_program_is_ready_when_its_init_has_ended)
{
	linked();
	make_fifo("gate");
	tree_start(TREE(LINKED("srv", "", "'as','server','gate','gate'")), "");
	await_lines("inits", 1);
	check(strcmp(state_of("srv"), "starting") == 0, "%s", state_of("srv"));
	check(!strstr(tree_notified(), "READY=1"), "ready before init has ended");
	/* Such a program may not answer; nobody waits for that. */
	kick_gives(3, "status");
	check(!strstr(last_out(), "does not answer"), "%s", last_out());
	open_gate("gate");
	tree_ready();
	check_alive("srv");
	(void)life_of("srv", 0);
	tree_down();
}

CASE(it_link, an_init_that_stops_is_a_failed_start_with_its_reason)
{
	up(TREE(LINKED("srv", ",'autostart':false", "'as','server','init','no_disk'")));
	kick_gives(1, "start srv");
	check_said("no_disk");
	check(strstr(reason_of("srv"), "no_disk"), "%s", reason_of("srv"));
	check(strcmp(state_of("srv"), "exited") == 0, "%s", state_of("srv"));
	kick_gives(1, "call srv");
	check_said("it is exited; kick start srv");
	tree_down();
}

/* Before it came to the link. The supervisor's standard input is what all of its other
 * programs are born beside. */
CASE(it_link, a_start_that_fails_early_takes_nothing_from_its_supervisor)
{
	char fd[64], at[64] = "";

	if (getuid() != 0)
		it_skip("it_link::a_start_that_fails_early_takes_nothing_from_its_"
			"supervisor",
			"needs root, for whom an output file is refused");
	check(mkdir(it_path("open"), 0777) == 0 && chmod(it_path("open"), 0777) == 0,
		"mkdir");
	up(TREE(LINKED(
		"srv", ",'autostart':false,'stdout':'file:open/x'", "'as','server'")));
	kick_gives(1, "start srv");
	check_said("everybody may write");
	(void)snprintf(fd, sizeof fd, "/proc/%d/fd/0", (int)pid_of("app"));
	(void)!readlink(fd, at, sizeof at - 1);
	check(strcmp(at, "/dev/null") == 0, "its standard input is \"%s\"", at);
	tree_down();
}

CASE(it_link, a_program_that_never_speaks_is_stopped_after_its_start_timeout)
{
	up(TREE("{'id':'mute','link':true,'autostart':false,'start_timeout':'100ms',"
		"'start':['./h','stay']}"));
	kick_gives(1, "start mute");
	check(strcmp(reason_of("mute"), "start_timeout") == 0, "%s", reason_of("mute"));
	check(helpers_alive() == 0, "it is still there");
	tree_down();
}

CASE(it_link, a_program_that_has_not_spoken_yet_is_not_asked)
{
	up(TREE("{'id':'mute','link':true,'autostart':false,'start':['./h','stay']}"));
	kick_gives(0, "start --no-wait mute");
	kick_gives(3, "status mute");
	check(strstr(last_out(), "starting"), "%s", last_out());
	check(!strstr(last_out(), "does not answer"), "%s", last_out());
	kick_gives(0, "stop mute");
	tree_down();
}

/* --- end ----------------------------------------------------------------------------
 */

CASE(it_link, a_stop_runs_terminate)
{
	up(TREE(SERVER("srv", "")));
	kick_gives(0, "stop srv");
	check(lines_in("ends") == 1 && file_has("ends", "shutdown\n"), "no terminate");
	check(strcmp(state_of("srv"), "stopped") == 0, "%s", state_of("srv"));
	kick_gives(1, "call srv");
	check_said("it is stopped; kick start srv");
	check(count_directories() == 0, "its directory is left");
	kick_gives(0, "start srv");
	(void)life_of("srv", 0);
	tree_down();
	check(lines_in("ends") == 2, "terminate has not run at the end");
}

CASE(it_link, an_exit_signal_has_its_reason_in_terminate_and_status)
{
	pid_t pid;

	up(TREE(SERVER("srv", "")));
	events_follow();
	pid = pid_of("srv");
	kick_gives(0, "exit srv tired");
	(void)await_next("srv", pid);
	check(file_has("ends", "tired\n"), "terminate has another reason");
	check(strcmp(reason_of("srv"), "tired") == 0, "%s", reason_of("srv"));
	pid = pid_of("srv");
	kick_gives(0, "exit srv kill");
	(void)await_next("srv", pid);
	check(strcmp(reason_of("srv"), "killed") == 0, "%s", reason_of("srv"));
	check(lines_in("ends") == 1, "killed, and terminate has run");
	(void)life_of("srv", 2);
	tree_down();
}

CASE(it_link, a_server_that_stops_by_itself_tells_why)
{
	pid_t pid;

	up(TREE(SERVER("srv", "")));
	events_follow();
	pid = pid_of("srv");
	kick_gives(1, "call srv 'stop'");
	check_said("its process ended before it answered: told");
	(void)await_next("srv", pid);
	check(strcmp(reason_of("srv"), "told") == 0, "%s", reason_of("srv"));
	tree_down();
}

CASE(it_link, a_term_to_the_node_is_an_order_to_shut_down)
{
	pid_t pid;

	up(TREE(SERVER("srv", "")));
	events_follow();
	pid = pid_of("srv");
	check(kill(pid, SIGTERM) == 0, "kill");
	(void)await_next("srv", pid);
	check(lines_in("ends") == 1 && file_has("ends", "shutdown\n"), "no terminate");
	check(strcmp(reason_of("srv"), "shutdown") == 0, "%s", reason_of("srv"));
	tree_down();
}

static void check_crash(bool node, const char *reason)
{
	pid_t of_node, of_server;

	up(TREE(SERVER("srv", "")));
	events_follow();
	of_node = pid_of("srv");
	of_server = life_of("srv", 0);
	check(of_node != of_server, "one process");
	check(count_directories() == 1, "no directory of its own");
	check(kill(node ? of_node : of_server, SIGKILL) == 0, "kill");
	(void)await_next("srv", of_node);
	check(strcmp(reason_of("srv"), reason) == 0, "%s", reason_of("srv"));
	check(!is_alive(of_server) && !is_alive(of_node), "something of it is left");
	check(life_of("srv", 1) != of_server, "the same process");
	check(count_directories() == 1, "the directory of the former life is left");
	tree_down();
}

CASE(it_link, a_killed_server_is_started_again)
{
	check_crash(false, "killed");
}

CASE(it_link, a_killed_node_takes_its_processes_along)
{
	check_crash(true, "killed");
}

/* --- calls --------------------------------------------------------------------------
 */

CASE(it_link, call_prints_the_answer_on_one_line)
{
	up(TREE(SERVER("srv", "")));
	kick_gives(0, "call srv {'a':[1,null,'\\n']}");
	check(strcmp(last_out(), "{\"a\":[1,null,\"\\n\"]}\n") == 0, "%s", last_out());
	kick_gives(0, "call srv --json");
	check(strcmp(last_out(), "null\n") == 0, "%s", last_out());
	kick_gives(2, "call srv [1");
	check_said("is not JSON: [1");
	kick_gives(2, "call srv life");
	check_said("did you mean '\"life\"'?");
	kick_gives(0, "cast srv {'b':2}");
	check(strcmp(last_out(), "") == 0, "%s", last_out());
	/* Messages of one sender keep their order; a call is answered after the cast.
	 */
	(void)life_of("srv", 0);
	check(file_has("casts", "{\"b\":2}\n"), "no cast");
	tree_down();
}

CASE(it_link, a_call_that_is_not_answered_in_time_ends_with_124)
{
	up(TREE(SERVER("srv", "")));
	kick_gives(124, "call srv 'wait' --timeout 50ms");
	check_said("no answer within 50 ms");
	check_said("goes on over there");
	await_lines("waits", 1);
	(void)life_of("srv", 0);
	tree_down();
}

CASE(it_link, a_call_during_a_restart_waits_for_the_new_life)
{
	struct job *job;
	pid_t old;

	linked();
	make_fifo("gate");
	tree_up(TREE(LINKED("srv", "", "'as','server','later','gate'")));
	old = life_of("srv", 0);
	check(kill(old, SIGKILL) == 0, "kill");
	await_lines("inits", 2);
	job = kick_begin("call srv 'life' --timeout infinity");
	open_gate("gate");
	check(finish(job) == 0, "%s", job_err(job));
	check(strstr(job_out(job), ",1]\n"), "%s", job_out(job));
	tree_down();
}

CASE(it_link, a_call_that_is_under_way_at_a_crash_has_the_reason)
{
	struct job *job;

	up(TREE(SERVER("srv", "")));
	job = kick_begin("call srv 'wait' --timeout infinity");
	await_lines("waits", 1);
	check(kill(life_of("srv", 0), SIGKILL) == 0, "kill");
	check(finish(job) == 1, "%s", job_err(job));
	check(strstr(job_err(job), "ended before it answered"), "%s", job_err(job));
	tree_down();
}

CASE(it_link, who_takes_no_calls_is_told_apart)
{
	up(TREE(WORKER("plain") ","
				"{'id':'in','type':'supervisor','children':[" WORKER(
					"deep") "]}"));
	kick_gives(1, "call plain");
	check_said("does not speak libkick");
	kick_gives(1, "call in/deep");
	check_said("in/deep is a program that does not speak libkick");
	kick_gives(1, "call in");
	check_said("in is a supervisor, which takes no call");
	kick_gives(1, "cast app");
	check_said("app is the application, which takes no cast");
	kick_gives(5, "call nobody");
	tree_down();
}

CASE(it_link, agents_and_registries_take_calls)
{
	up(TREE("{'id':'stash','type':'agent','initial':{'a':[1]}},"
		"{'id':'keys','type':'registry'}"));
	kick_gives(0, "call stash 'get'");
	check(strcmp(last_out(), "{\"a\":[1]}\n") == 0, "%s", last_out());
	kick_gives(0, "cast stash {'update':7}");
	kick_gives(0, "call stash {'get':''}");
	check(strcmp(last_out(), "7\n") == 0, "%s", last_out());
	kick_gives(1, "call stash 'nonsense'");
	check_said("stash: refused, badarg: ");
	kick_gives(0, "call keys {'count':null}");
	check(strcmp(last_out(), "0\n") == 0, "%s", last_out());
	kick_gives(0, "status stash keys");
	kick_gives(0, "status");
	kick_gives(0, "info stash");
	tree_down();
}

/* --- names --------------------------------------------------------------------------
 */

CASE(it_link, a_registered_name_is_found)
{
	char text[32];
	pid_t pid, node;

	up(TREE(LINKED("prog", "", "'as','holder','name','inside'")));
	events_follow();
	node = pid_of("prog");
	pid = life_of("inside", 0);
	kick_gives(0, "whereis inside");
	(void)snprintf(text, sizeof text, "%d\n", (int)pid);
	check(strcmp(last_out(), text) == 0, "%s, not %s", last_out(), text);
	kick_gives(0, "alive inside");
	kick_gives(0, "info inside --json");
	check(strstr(last_out(), "\"names\":[\"inside\"]"), "%s", last_out());
	kick_gives(4, "status inside");
	kick_gives(0, "exit inside bored");
	(void)await_next("prog", node);
	check(strcmp(reason_of("prog"), "bored") == 0, "%s", reason_of("prog"));
	check(life_of("inside", 1) != pid, "the same process");
	kick_gives(0, "stop prog");
	kick_gives(5, "whereis inside");
	kick_gives(5, "call inside");
	tree_down();
}

CASE(it_link, a_name_that_another_program_has_is_refused_to_the_second)
{
	pid_t pid;

	up(TREE(LINKED("one", "", "'as','holder','name','shared'") "," LINKED(
		"two", ",'autostart':false", "'as','holder','name','shared'")));
	pid = life_of("shared", 0);
	kick_gives(1, "start two");
	check(file_has("failed", "EEXIST\n"), "it got the name");
	check(life_of("shared", 0) == pid, "another process");
	kick_gives(0, "stop one");
	kick_gives(0, "start two");
	check(life_of("shared", 0) != pid, "the same process");
	tree_down();
}

/* --- the tree as it is shown --------------------------------------------------------
 */

CASE(it_link, a_program_without_supervisors_is_drawn_as_a_worker)
{
	cJSON *node;

	up(TREE(SERVER("srv", "") "," WORKER("plain")));
	kick_gives(0, "status");
	check(!strstr(last_out(), "does not answer"), "%s", last_out());
	check(strstr(last_out(), "srv    running  pid"), "%s", last_out());
	node = node_of("srv");
	check(cJSON_IsString(cJSON_GetObjectItem(node, "socket")), "no socket");
	check(!cJSON_GetObjectItem(node, "children"), "children");
	cJSON_Delete(node);
	kick_gives(4, "status srv/nothing");
	kick_gives(0, "log srv");
	tree_down();
}

CASE(it_link, a_node_that_does_not_answer_hides_nobody)
{
	pid_t pid;

	up(TREE(SERVER("srv", "") "," WORKER("plain")));
	pid = pid_of("srv");
	halt(pid);
	kick_gives(3, "status");
	check(strstr(last_out(), "does not answer"), "%s", last_out());
	check(strstr(last_out(), "plain  running"), "%s", last_out());
	check_said("the program srv (pid ");
	check_said("was stopped by a signal");
	kick_gives(0, "log srv");
	kick_gives(124, "call srv --timeout 50ms");
	check_said("the program srv was stopped by a signal");
	check(kill(pid, SIGCONT) == 0, "kill");
	kick_gives(0, "status");
	tree_down();
}

CASE(it_link, supervisors_in_code_are_part_of_the_tree)
{
	pid_t pid;

	up(TREE(LINKED("prog", "", "'as','tree','name','sup'")));
	kick_gives(0, "status");
	check(strstr(last_out(), "sup   ") && strstr(last_out(), "kid"), "%s",
		last_out());
	kick_gives(0, "status prog/sup/kid");
	kick_gives(0, "call prog/sup/kid 'life'");
	kick_gives(0, "call kid 17");
	check(strcmp(last_out(), "17\n") == 0, "%s", last_out());
	pid = pid_of("prog/sup/kid");
	kick_gives(0, "restart kid");
	check(pid_of("prog/sup/kid") != pid, "the same process");
	kick_gives(0, "stop prog/sup/kid");
	kick_gives(1, "call kid");
	check_said("kid: no process, it is stopped");
	kick_gives(0, "start prog/sup/kid");
	kick_gives(0, "which-children sup");
	check(strstr(last_out(), "kid "), "%s", last_out());
	kick_gives(0, "info prog/sup --json");
	check(strstr(last_out(), "\"names\":[\"sup\"]"), "%s", last_out());
	kick_gives(1, "call sup");
	check_said("sup is a supervisor");
	kick_gives(1, "stop prog/sup");
	check_said("started and stopped by it alone");
	kick_gives(1, "exit prog/sup bye");
	check_said("traps exits");
	kick_gives(4, "status prog/nothing");
	tree_down();
}

CASE(it_link, a_program_may_be_the_supervisor)
{
	up(TREE("{'id':'svc','type':'supervisor','start':['./k','as','tree',"
		"'name','sup']}"));
	kick_gives(0, "status svc/sup/kid");
	kick_gives(0, "which-children svc");
	check(strstr(last_out(), "sup "), "%s", last_out());
	kick_gives(0, "count-children svc");
	check(strstr(last_out(), "supervisors  1"), "%s", last_out());
	kick_gives(1, "add svc {'id':'x','start':['./h']}");
	check_said("nothing was added to svc: supervisors in a program are");
	kick_gives(1, "call svc");
	check_said("svc is a supervisor");
	kick_gives(0, "stop svc");
	kick_gives(0, "start svc");
	kick_gives(0, "whereis svc/sup");
	tree_down();
}

CASE(it_link, what_is_in_a_program_has_its_output)
{
	up(TREE(LINKED("prog", "", "'as','tree','name','sup'")));
	await_out("the tree is up");
	kick_gives(0, "log prog/sup/kid");
	check(strstr(last_out(), "the tree is up"), "%s", last_out());
	kick_gives(0, "log app");
	check(strstr(last_out(), "the tree is up"), "%s", last_out());
	kick_gives(0, "stop prog");
	kick_gives(5, "whereis prog/sup/kid");
	check_said("prog is stopped, and nothing is below it then");
	tree_down();
}

/* --- those that mean harm -----------------------------------------------------------
 */

static void check_foul(const char *config)
{
	pid_t sup, plain;

	up(config);
	sup = pid_of("app");
	plain = pid_of("plain");
	kick_gives(0, "start --no-wait foul");
	await_lines("foul", 1);
	check_alive("plain");
	kick_gives(0, "stop foul");
	check(pid_of("app") == sup && pid_of("plain") == plain, "others were touched");
	tree_down();
}

CASE(it_link, a_program_that_floods_its_link_can_still_be_stopped)
{
	check_foul(TREE(WORKER("plain") "," LINKED(
		"foul", ",'autostart':false", "'as','flood'")));
}

CASE(it_link, a_program_that_sends_rubbish_can_still_be_stopped)
{
	check_foul(TREE(WORKER("plain") "," LINKED(
		"foul", ",'autostart':false", "'as','rubbish'")));
}

/* --- rights -------------------------------------------------------------------------
 */

#define READER 41003
#define STRANGER 41004
#define READERS "41011"

/* The status of `kick WORDS` in the place of another user. */
static int kick_as(uid_t uid, gid_t group, const char *verb, const char *name)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		(void)dup2(null, STDOUT_FILENO);
		(void)dup2(null, STDERR_FILENO);
		if (setgroups(group != 0, &group) < 0 || setgid(uid) < 0 ||
			setuid(uid) < 0)
			_exit(99);
		(void)execl("./kick", "kick", "-R", it_runtime_dir(), verb, name,
			(char *)NULL);
		_exit(98);
	}
	check(waitpid(pid, &status, 0) == pid && WIFEXITED(status), "kick");
	return WEXITSTATUS(status);
}

CASE(it_link, who_may_not_call_is_refused)
{
	char kick[300];

	it_need_other_users("it_link::who_may_not_call_is_refused");
	(void)snprintf(kick, sizeof kick, "%s/kick", it.out);
	check(symlink(kick, "kick") == 0, "symlink");
	up("{'name':'app','control':{'readers':'" READERS
	   "'},'children':[" SERVER("srv", "") "," LINKED(
		   "prog", "", "'as','holder','name','inside'") "]}");
	expect(kick_as(STRANGER, 0, "call", "srv") == 4, "a stranger calls");
	expect(kick_as(STRANGER, 0, "whereis", "inside") == 4, "a stranger looks");
	expect(kick_as(READER, 41011, "call", "srv") == 4, "a reader calls");
	expect(kick_as(READER, 41011, "cast", "inside") == 4, "a reader casts");
	expect(kick_as(READER, 41011, "info", "srv") == 0, "a reader may look");
	expect(kick_as(READER, 41011, "whereis", "inside") == 0, "a reader may look");
	expect(kick_as(READER, 41011, "status", "srv") == 0, "a reader may look");
	expected();
	tree_down();
}
