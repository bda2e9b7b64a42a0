/* kick restart --rolling: the new process is ready before the old one is stopped, and
 * what may happen meanwhile. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"
#include "linked.h"

/* A unix socket needs no port; each test has a directory of its own. */
#define APP(more, children) \
	"{'name':'app','listen':{'s':'unix:s'}," more "'children':[" children "]}"
#define KEYS "'listen':['s'],'ready':{'notify':true}"
#define SERVER(id)                                            \
	"{'id':'" id "'," KEYS ",'start':['./h','count','" id \
	".n','notify','READY=1','stay']}"
/* The N-th start waits at the gate "gN", where that is. */
#define GATED(id)                                                                   \
	"{'id':'" id "'," KEYS ",'kill_mode':'group','start':'./h count " id ".n; " \
	"g=g$(wc -l < " id ".n); if [ -e $g ]; then ./h gate $g; fi; exec ./h "     \
	"notify READY=1 stay'}"

/* A tree whose child w is being rolled and waits at the gate. */
static struct job *begin_roll(const char *config)
{
	struct job *job;

	make_fifo("g2");
	tree_up(config);
	events_follow();
	job = kick_begin("restart --rolling w");
	(void)await_event("started", "w", 2);
	await_lines("w.n", 2);
	return job;
}

CASE(it_rolling, the_new_one_is_ready_before_the_old_one_is_stopped)
{
	pid_t old;

	tree_up(APP("", SERVER("w")));
	events_follow();
	old = pid_of("w");
	kick_gives(0, "restart --rolling w");
	check(strstr(last_out(), "w: running, pid"), "said: %s", last_out());
	check(pid_of("w") != old, "the same process");
	check(!is_alive(old), "the old one lives");
	check(await_event("ready", "w", 2)->pid == pid_of("w"), "ready");
	check(await_event("stopping", "w", 1)->pid == old, "stopped another");
	check(strcmp(await_end(old)->reason, "shutdown") == 0, "its end");
	check(events_seen("deleted", "w") == 0 && events_seen("stopped", "w") == 0,
		"told as the child's own end");
	check(restarts_of("w") == 0, "it counts as a restart");
	check_starts("w.n", 2);
	kick_gives(0, "status");
	kick_gives(4, "status w@roll");
	tree_down();
}

CASE(it_rolling, again_and_again)
{
	tree_up(APP("", SERVER("w")));
	for (int i = 0; i < 5; i++) {
		pid_t old = pid_of("w");

		kick_gives(0, "restart --rolling w");
		check(pid_of("w") != old && !is_alive(old), "round %d", i);
	}
	check_starts("w.n", 6);
	kick_gives(0, "restart w");
	check_starts("w.n", 7);
	tree_down();
}

CASE(it_rolling, what_has_taken_over_is_the_child)
{
	pid_t next;

	tree_up(APP("'max_restarts':'infinity',", SERVER("w")));
	events_follow();
	kick_gives(0, "restart --rolling w");
	next = pid_of("w");
	check(kill(next, SIGKILL) == 0, "kill");
	check(await_next("w", next) != next, "not started again");
	check(restarts_of("w") == 1, "restarts");
	kick_gives(0, "stop w");
	check(helpers_alive() == 0, "something is left of it");
	tree_down();
}

CASE(it_rolling, the_new_one_knows_the_childs_past)
{
	pid_t pid;

	tree_up(APP("'max_restarts':'infinity',",
		"{'id':'w'," KEYS
		",'start':'echo $KICK_RESTARTS $KICK_LAST_EXIT >> env; "
		"exec ./h notify READY=1 stay'}"));
	pid = pid_of("w");
	check(kill(pid, SIGKILL) == 0, "kill");
	(void)await_next("w", pid);
	kick_gives(0, "restart --rolling w");
	check(lines_in("env") == 3 && file_has("env", "1 killed\n1 killed\n"), "env");
	tree_down();
}

CASE(it_rolling, a_start_that_fails_changes_nothing)
{
	pid_t old;

	tree_up(APP("",
		"{'id':'w'," KEYS ",'start':'if [ -e bad ]; then echo bad release; "
		"exit 3; fi; exec ./h notify READY=1 stay'}"));
	old = pid_of("w");
	put_file("bad", "x");
	kick_gives(1, "restart --rolling w");
	check(strstr(last_err(), "exit 3"), "why: %s", last_err());
	check(strstr(last_err(), "bad release"), "last words: %s", last_err());
	await_err("the process that it was to follow goes on");
	check(pid_of("w") == old && is_alive(old), "the old one");
	check(restarts_of("w") == 0, "it was counted");
	kick_gives(0, "status");
	kick_gives(4, "status w@roll");
	tree_down();
}

CASE(it_rolling, a_start_that_is_not_ready_in_time)
{
	pid_t old;

	tree_up(APP("",
		"{'id':'w'," KEYS
		",'start_timeout':'500ms','start':'if [ -e bad ]; then "
		"exec ./h stay; fi; exec ./h notify READY=1 stay'}"));
	old = pid_of("w");
	put_file("bad", "x");
	kick_gives(1, "restart --rolling w");
	check(strstr(last_err(), "start timed out"), "why: %s", last_err());
	check(pid_of("w") == old && is_alive(old), "the old one");
	kick_gives(0, "status");
	tree_down();
}

CASE(it_rolling, partitions_one_by_one)
{
	pid_t old[3];

	tree_up(APP("",
		"{'id':'p','type':'partition_supervisor','partitions':3,'child':{" KEYS
		",'start':['./h','notify','READY=1','stay']}}," WORKER("other")));
	events_follow();
	old[0] = pid_of("p/0");
	old[1] = pid_of("p/1");
	old[2] = pid_of("p/2");
	kick_gives(0, "restart --rolling p");
	for (int i = 0; i < 3; i++) {
		char path[8];

		(void)snprintf(path, sizeof path, "p/%d", i);
		check(pid_of(path) != old[i] && !is_alive(old[i]), "%s", path);
	}
	/* From the end of the first on: the second one's successor, and so on. */
	check(strcmp(trail(old[0]), "-p/0 +p/1 -p/1 +p/2 -p/2") == 0, "order: %s",
		trail(old[0]));
	tree_down();
}

CASE(it_rolling, the_first_failure_is_the_last)
{
	pid_t third;

	tree_up(APP("",
		"{'id':'p','type':'partition_supervisor','partitions':3,'child':{" KEYS
		",'start':'if [ -e bad-$PARTITION ]; then exit 3; fi; "
		"exec ./h notify READY=1 stay'}}"));
	third = pid_of("p/2");
	put_file("bad-1", "x");
	kick_gives(1, "restart --rolling app");
	check(strstr(last_out(), "p/0: running"), "the first: %s", last_out());
	check(strstr(last_err(), "p/1: could not be started"), "said: %s", last_err());
	check(pid_of("p/2") == third, "the third was touched");
	kick_gives(0, "status");
	tree_down();
}

CASE(it_rolling, what_has_gone_when_its_turn_comes_is_passed_over)
{
	struct job *job;
	pid_t z;

	make_fifo("g2");
	tree_up(APP(
		"", GATED("w") ",{'id':'d','type':'dynamic_supervisor'}," SERVER("z")));
	kick_gives(0, "add d {\"start\":[\"./h\",\"stay\"]}");
	events_follow();
	z = pid_of("z");
	job = kick_begin("restart --rolling app");
	(void)await_event("started", "w", 2);
	await_lines("w.n", 2);
	kick_gives(0, "stop d/1");
	open_gate("g2");
	check(finish(job) == 0, "said: %s", job_err(job));
	check(pid_of("z") != z, "z was passed over as well");
	tree_down();
}

CASE(it_rolling, what_has_no_socket_is_refused)
{
	pid_t old;

	tree_up(APP("",
		SERVER("w") "," WORKER("plain") ",{'id':'s','type':'supervisor',"
						"'children':[" WORKER("a") "]}"));
	old = pid_of("plain");
	kick_gives(1, "restart --rolling plain");
	check(strstr(last_err(), "\"listen\""), "said: %s", last_err());
	kick_gives(1, "restart --rolling s");
	check(strstr(last_err(), "\"listen\""), "said: %s", last_err());
	kick_gives(5, "restart --rolling nobody");
	kick_gives(2, "restart --rolling --no-wait w");
	check(pid_of("plain") == old, "it was restarted");
	kick_gives(0, "restart --rolling app");
	check(pid_of("plain") == old, "it was restarted");
	tree_down();
}

CASE(it_rolling, a_dynamic_supervisor_may_be_full)
{
	pid_t old;

	tree_up(APP("",
		"{'id':'d','type':'dynamic_supervisor','max_children':1,'child':{" KEYS
		",'start':['./h','notify','READY=1','stay']}}"));
	kick_gives(0, "add d {}");
	old = pid_of("d/1");
	kick_gives(0, "restart --rolling d/1");
	check(pid_of("d/1") != old && !is_alive(old), "not rolled");
	kick_gives(1, "add d {}");
	check(strstr(last_err(), "max_children"), "said: %s", last_err());
	tree_down();
}

CASE(it_rolling, what_speaks_libkick_is_refused)
{
	linked();
	tree_up(APP("", LINKED("w", ",'listen':['s']", "'as','server'")));
	kick_gives(1, "restart --rolling w");
	check(strstr(last_err(), "speaks libkick"), "said: %s", last_err());
	kick_gives(1, "restart --rolling app");
	kick_gives(0, "status");
	tree_down();
}

CASE(it_rolling, what_is_down_is_started)
{
	tree_up(APP("", SERVER("w")));
	kick_gives(0, "stop w");
	kick_gives(0, "restart --rolling w");
	check_alive("w");
	check_starts("w.n", 2);
	tree_down();
}

CASE(it_rolling, one_at_a_time)
{
	struct job *job = begin_roll(APP("", GATED("w")));

	kick_gives(1, "restart --rolling w");
	check(strstr(last_err(), "under way"), "said: %s", last_err());
	open_gate("g2");
	check(finish(job) == 0, "said: %s", job_err(job));
	check_starts("w.n", 2);
	tree_down();
}

/* Fifteen supervisors and a worker, each with the longest id. */
CASE(it_rolling, at_the_end_of_the_longest_path)
{
	char text[4000], id[64];
	size_t n = 0;
	struct job *job;

	n += (size_t)sprintf(
		text, "{'name':'app','listen':{'s':'unix:s'},'children':[");
	for (int i = 0; i < 15; i++)
		n += (size_t)sprintf(
			text + n, "{'id':'%063d','type':'supervisor','children':[", i);
	(void)snprintf(id, sizeof id, "w%062d", 0);
	n += (size_t)sprintf(text + n, GATED("%s"), id, "w", "w");
	for (int i = 0; i < 15; i++)
		n += (size_t)sprintf(text + n, "]}");
	(void)sprintf(text + n, "]}");
	make_fifo("g2");
	tree_up(text);
	job = kick_begin("restart --rolling %s", id);
	await_lines("w.n", 2);
	(void)kick("status");
	open_gate("g2");
	check(finish(job) == 0, "restart: %s", job_err(job));
	tree_down();
}

CASE(it_rolling, the_old_one_dies_meanwhile)
{
	struct job *job = begin_roll(APP("'max_restarts':'infinity',", GATED("w")));
	pid_t old = pid_of("w");

	check(kill(old, SIGKILL) == 0, "kill");
	await_lines("w.n", 3);
	kick_gives(0, "wait w");
	open_gate("g2");
	check(finish(job) == 1, "said: %s", job_err(job));
	check(strstr(job_err(job), "has ended"), "said: %s", job_err(job));
	kick_gives(4, "status w@roll");
	await_state("w", "running");
	check(pid_of("w") != old, "pid");
	tree_down();
}

/* Its supervisor hears of that, and that it was ready, at once, in the wrong order. */
CASE(it_rolling, the_new_one_is_ready_and_gone)
{
	struct job *job;
	pid_t app, old, next, x;

	job = begin_roll(APP("'max_restarts':'infinity',",
		"{'id':'w'," KEYS ",'kill_mode':'group','start':'./h count w.n; "
		"if [ $(wc -l < w.n) = 2 ]; then ./h gate g2; exec ./h notify READY=1; "
		"fi; exec ./h notify READY=1 stay'}," WORKER("x")));
	app = pid_of("app");
	old = pid_of("w");
	x = pid_of("x");
	next = await_event("started", "w", 2)->pid;
	halt(app);
	check(kill(x, SIGKILL) == 0, "kill");
	open_gate("g2");
	while (is_alive(next))
		(void)it_pump(it_now() + 0.01);
	check(kill(app, SIGCONT) == 0, "kill");
	check(strcmp(await_end(old)->reason, "shutdown") == 0,
		"the old one ended by %s", await_end(old)->reason);
	check(await_next("w", next) != next, "not started again");
	(void)finish(job);
	check_starts("w.n", 3);
	tree_down();
}

CASE(it_rolling, a_stop_ends_it_too)
{
	struct job *job = begin_roll(APP("", GATED("w")));

	kick_gives(0, "stop w@roll");
	check(finish(job) == 1, "said: %s", job_err(job));
	check_alive("w");
	kick_gives(0, "status");
	tree_down();
}

CASE(it_rolling, its_group_is_restarted_meanwhile)
{
	struct job *job = begin_roll(
		APP("'strategy':'one_for_all',", WORKER("a") "," GATED("w")));
	pid_t a = pid_of("a"), old = pid_of("w");

	check(kill(a, SIGKILL) == 0, "kill");
	await_lines("w.n", 3);
	check(finish(job) == 1, "said: %s", job_err(job));
	check(await_next("w", old) != old, "not started again");
	kick_gives(4, "status w@roll");
	kick_gives(0, "status");
	tree_down();
}

CASE(it_rolling, the_tree_ends_meanwhile)
{
	struct job *job = begin_roll(APP("", GATED("w")));

	kick_gives(0, "shutdown");
	check(finish(job) != 0, "it was done");
	tree_ends(0);
}

CASE(it_rolling, the_top_supervisor_is_killed_meanwhile)
{
	struct job *job = begin_roll(APP("", GATED("w")));
	pid_t top = pid_of("app"), old = pid_of("w");

	check(kill(top, SIGKILL) == 0, "kill");
	check(finish(job) != 0, "it was done");
	kick_gives(0, "wait");
	check(pid_of("w") != old && !is_alive(old), "not started again");
	kick_gives(4, "status w@roll");
	tree_down();
}

CASE(it_rolling, a_reload_deletes_it_meanwhile)
{
	struct job *job = begin_roll(APP("", GATED("w") "," WORKER("a")));

	put_json("app.json", APP("", WORKER("a")));
	kick_gives(0, "reload");
	check(finish(job) != 0, "it was done");
	kick_gives(4, "status w@roll");
	kick_gives(4, "status w");
	check(helpers_alive() == 1, "processes are left");
	tree_down();
}

/* What was to follow the old process has the old socket. */
CASE(it_rolling, a_reload_takes_its_socket_meanwhile)
{
	struct job *job = begin_roll(APP("", GATED("w")));
	pid_t old = pid_of("w");

	put_json("app.json",
		"{'name':'app','listen':{'t':'unix:t'},'children':[{'id':'w',"
		"'listen':['t'],'ready':{'notify':true},"
		"'start':['./h','count','w.n','notify','READY=1','stay']}]}");
	kick_gives(0, "reload");
	check(finish(job) == 1, "said: %s", job_err(job));
	check(pid_of("w") != old, "the old one");
	kick_gives(0, "status");
	kick_gives(4, "status w@roll");
	check_starts("w.n", 3);
	check(helpers_alive() == 1, "processes are left");
	tree_down();
}

CASE(it_rolling, a_reload_gives_its_id_to_another_meanwhile)
{
	struct job *job = begin_roll(APP("", GATED("w")));
	pid_t old = pid_of("w");

	put_json("app.json", APP("", GATED("w") "," WORKER("w@roll")));
	kick_gives(0, "reload");
	check(finish(job) == 1, "said: %s", job_err(job));
	check(pid_of("w") == old, "the old one");
	check_alive("w@roll");
	kick_gives(0, "status");
	tree_down();
}

CASE(it_rolling, what_the_new_one_says_is_the_childs)
{
	cJSON *node;
	const char *text;

	tree_up(APP("",
		"{'id':'w'," KEYS ",'health':{'watchdog':'1h'},'start':"
		"'echo x >> w.n; exec ./h notify \\\"READY=1\\nSTATUS=life "
		"$(wc -l < w.n)\\\" stay'}"));
	kick_gives(0, "restart --rolling w");
	node = node_of("w");
	text = cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(node, "status_text"));
	check(text && strcmp(text, "life 2") == 0, "status: %s", text ? text : "none");
	text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(node, "health"));
	check(text && strcmp(text, "ok") == 0, "health: %s", text ? text : "none");
	cJSON_Delete(node);
	tree_down();
}
