/* Reload brings the tree to what the file says and touches nothing else. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

#define APP(children) "{'name':'app','children':[" children "]}"
#define NEST(children) "{'id':'s','type':'supervisor','children':[" children "]}"
#define COUNTED(id) CHILD(id, "'restart':'permanent'", "'count','" id "','stay'")
#define ABC WORKER("a") "," WORKER("b") "," WORKER("c")

/* a and c are pids that must be as they were. */
static void check_same(const char *path, pid_t pid)
{
	check(pid_of(path) == pid, "%s has a new process", path);
	check(is_alive(pid), "%s is dead", path);
}

CASE(it_reload, nothing_changed_touches_nothing)
{
	pid_t a, c;

	tree_up(APP(ABC));
	a = pid_of("a");
	c = pid_of("c");
	kick_gives(0, "reload");
	kick_gives(0, "reload");
	check_same("a", a);
	check_same("c", c);
	tree_down();
}

CASE(it_reload, a_new_child_is_started_in_its_place)
{
	pid_t a, c;

	tree_up(APP(WORKER("a") "," WORKER("c")));
	a = pid_of("a");
	c = pid_of("c");
	put_json("app.json", APP(ABC));
	kick_gives(0, "reload --dry-run");
	check(strstr(last_out(), "+ b"), "plan: %s", last_out());
	kick_gives(4, "status b");
	kick_gives(0, "reload");
	check(strstr(last_out(), "+ b"), "plan: %s", last_out());
	check_alive("b");
	check_same("a", a);
	check_same("c", c);
	kick_gives(0, "shutdown");
	(void)await_event("exited", "app", 1);
	check(strcmp(trail(c), "-c -b -a -app") == 0, "place: %s", trail(c));
	tree_ends(0);
}

CASE(it_reload, a_child_that_is_gone_is_stopped_and_deleted)
{
	pid_t a, b;

	tree_up(APP(ABC));
	a = pid_of("a");
	b = pid_of("b");
	put_json("app.json", APP(WORKER("a") "," WORKER("c")));
	kick_gives(0, "reload");
	check(strstr(last_out(), "- b"), "plan: %s", last_out());
	check(!is_alive(b), "b lives");
	kick_gives(4, "status b");
	check_same("a", a);
	tree_down();
}

CASE(it_reload, a_renamed_child_is_both)
{
	pid_t b;

	tree_up(APP(ABC));
	b = pid_of("b");
	put_json("app.json", APP(WORKER("a") "," WORKER("bee") "," WORKER("c")));
	kick_gives(0, "reload");
	check(!is_alive(b), "b lives");
	check_alive("bee");
	kick_gives(4, "status b");
	tree_down();
}

CASE(it_reload, a_changed_process_is_started_anew_uncounted)
{
	pid_t a, b, c;

	tree_up(APP(ABC));
	a = pid_of("a");
	b = pid_of("b");
	c = pid_of("c");
	put_json("app.json",
		APP(WORKER("a") "," CHILD("b", "'restart':'permanent'",
			"'say','I am new','stay'") "," WORKER("c")));
	kick_gives(0, "reload");
	check(strstr(last_out(), "~ b"), "plan: %s", last_out());
	check(!is_alive(b), "the old b lives");
	await_out("b | I am new");
	check(restarts_of("b") == 0, "it counts");
	check_same("a", a);
	check_same("c", c);
	tree_down();
}

CASE(it_reload, a_changed_policy_holds_and_touches_nothing)
{
	pid_t a;

	tree_up(APP(WORKER("a") "," WORKER("b")));
	a = pid_of("a");
	put_json("app.json",
		"{'name':'app','strategy':'one_for_all','max_restarts':9,"
		"'children':[" CHILD("a", "'restart':'temporary','shutdown':'1s'",
			"'stay'") "," WORKER("b") "]}");
	kick_gives(0, "reload");
	check(strstr(last_out(), "= a"), "plan: %s", last_out());
	check_same("a", a);
	(void)kill(a, SIGKILL);
	await_state("a", "exited");
	kick_gives(3, "status --json");
	check(strstr(last_out(), "\"max_restarts\":9"), "max_restarts");
	check(strstr(last_out(), "\"strategy\":\"one_for_all\""), "strategy");
	tree_down();
}

CASE(it_reload, a_changed_order_is_the_next_stop_order)
{
	pid_t a, b, c;

	tree_up(APP(ABC));
	a = pid_of("a");
	b = pid_of("b");
	c = pid_of("c");
	put_json("app.json", APP(WORKER("c") "," WORKER("a") "," WORKER("b")));
	kick_gives(0, "reload");
	check_same("a", a);
	check_same("c", c);
	kick_gives(0, "shutdown");
	(void)await_event("exited", "app", 1);
	check(strcmp(trail(b), "-b -a -c -app") == 0, "order: %s", trail(b));
	tree_ends(0);
}

CASE(it_reload, a_start_that_fails_is_told_and_the_others_go_on)
{
	tree_up(APP(WORKER("a")));
	put_json("app.json",
		APP(WORKER("a") ",{'id':'bad','start':['./none']}," WORKER("c")));
	kick_gives(1, "reload");
	check(strstr(last_out(), "bad") || strstr(last_err(), "bad"), "not listed");
	check(strcmp(state_of("bad"), "exited") == 0, "bad is %s", state_of("bad"));
	check(strcmp(reason_of("bad"), "failed_to_start:exec:ENOENT") == 0, "%s",
		reason_of("bad"));
	check_alive("c");
	kick_gives(3, "status");
	tree_down();
}

CASE(it_reload, a_wrong_file_changes_nothing)
{
	static const struct {
		const char *name, *text, *message;
	} rows[] = {
		{ "no JSON", "{'name':'app','children':[", "app.json:" },
		{ "unknown key", "{'name':'app','chidlren':[]}", "children" },
		{ "empty", "", "app.json" },
		{ "name", "{'name':'other','children':[]}", "name" },
	};
	pid_t a;

	tree_up(APP(ABC));
	a = pid_of("a");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int r;

		put_json("app.json", rows[i].text);
		r = kick("reload");
		expect(r == 78, "%s: status %d", rows[i].name, r);
		expect(strstr(last_err(), rows[i].message), "%s: %s", rows[i].name,
			last_err());
		kick_gives(0, "status");
		check_same("a", a);
	}
	check(unlink("app.json") == 0, "unlink");
	expect(kick("reload") == 78, "missing: %s", last_err());
	check_same("a", a);
	expected();
	tree_down();
}

CASE(it_reload, hup_reloads)
{
	pid_t a;

	tree_up(APP(WORKER("a")));
	a = pid_of("a");
	put_json("app.json", APP(ABC));
	tree_signal(SIGHUP);
	await_err("app reloaded");
	check_alive("c");
	check_same("a", a);
	put_json("app.json", "{'children':[{'id':'a'}]}");
	tree_signal(SIGHUP);
	await_err("not reloaded");
	check_same("a", a);
	tree_down();
}

CASE(it_reload, nested_children_follow)
{
	pid_t s, x, y;

	tree_up(APP(WORKER("a") "," NEST(WORKER("x") "," WORKER("y"))));
	s = pid_of("s");
	x = pid_of("x");
	y = pid_of("y");
	put_json("app.json",
		APP(WORKER("a") "," NEST(
			WORKER("x") "," WORKER("z") "," NEST(WORKER("deep")))));
	kick_gives(0, "reload");
	check_same("s", s);
	check_same("s/x", x);
	check(!is_alive(y), "y lives");
	check_alive("s/z");
	check_alive("s/s/deep");
	kick_gives(4, "status s/y");
	tree_down();
}

CASE(it_reload, a_whole_supervisor_comes_and_goes)
{
	pid_t x;

	tree_up(APP(WORKER("a")));
	put_json("app.json", APP(WORKER("a") "," NEST(WORKER("x"))));
	kick_gives(0, "reload");
	check_alive("s/x");
	x = pid_of("s/x");
	put_json("app.json", APP(WORKER("a")));
	kick_gives(0, "reload");
	check(!is_alive(x), "x lives");
	kick_gives(4, "status s");
	put_json("app.json", APP(WORKER("a") "," WORKER("s")));
	kick_gives(0, "reload");
	check_alive("s");
	tree_down();
}

CASE(it_reload, killed_supervisors_come_back_with_the_new_configuration)
{
	pid_t s, top;

	tree_up(APP(NEST(COUNTED("x"))));
	put_json("app.json", APP(NEST(COUNTED("x") "," COUNTED("y"))));
	kick_gives(0, "reload");
	check_starts("y", 1);
	s = pid_of("s");
	(void)kill(s, SIGKILL);
	(void)await_next("s", s);
	check_alive("s/y");
	check_starts("y", 2);
	top = pid_of("app");
	(void)kill(top, SIGKILL);
	await_err("app is up again");
	check_alive("s/y");
	check_starts("x", 3);
	tree_down();
}

CASE(it_reload, stopped_stays_stopped_and_added_stays)
{
	pid_t n;

	tree_up(APP(ABC));
	kick_gives(0, "stop b");
	kick_gives(0, "add app {'id':'n','start':['./h','stay']}");
	n = pid_of("n");
	put_json("app.json", APP(ABC "," WORKER("d")));
	kick_gives(0, "reload");
	check(strcmp(state_of("b"), "stopped") == 0, "b is %s", state_of("b"));
	check_same("n", n);
	check_alive("d");
	kick_gives(0, "shutdown");
	(void)await_event("exited", "app", 1);
	check(strcmp(trail(n), "-n -d -c -a -app") == 0, "order: %s", trail(n));
	tree_ends(0);
}

CASE(it_reload, includes_are_read_again)
{
	put_json("more-1.json", "[" WORKER("m1") "]");
	tree_up("{'name':'app','include':['more-*.json'],'children':[" WORKER(
		"a") "]}");
	check_alive("m1");
	put_json("more-2.json", "{'children':[" WORKER("m2") "]}");
	check(unlink("more-1.json") == 0, "unlink");
	kick_gives(0, "reload");
	check_alive("m2");
	kick_gives(4, "status m1");
	tree_down();
}

CASE(it_reload, many_at_once_end_with_the_last_file)
{
	struct job *jobs[6];

	tree_up(APP(WORKER("a")));
	put_json("app.json", APP(ABC));
	for (size_t i = 0; i < 6; i++)
		jobs[i] = kick_begin("reload");
	for (size_t i = 0; i < 6; i++) {
		int r = finish(jobs[i]);

		check(r == 0 || r == 1, "reload %zu: %d %s", i, r, job_err(jobs[i]));
	}
	kick_gives(0, "reload");
	check_alive("c");
	tree_down();
}

/* First tried by hand, then written down: never two of one name. */
CASE(it_reload, an_added_child_that_is_listed_now_is_that_child)
{
	pid_t b;

	tree_up(APP(WORKER("a")));
	kick_gives(0, "add app " WORKER("b"));
	b = pid_of("b");
	put_json("app.json", APP(WORKER("b") "," WORKER("a")));
	kick_gives(0, "reload");
	check(events_seen("started", "b") == 1, "a second one was started");
	check(pid_of("b") == b, "it is another process");
	put_json("app.json", APP(WORKER("a")));
	kick_gives(0, "reload");
	kick_gives(4, "status b");
	check(!is_alive(b), "it lives on");
	tree_down();
}

CASE(it_reload, a_name_gets_its_reload_signal)
{
	pid_t w;

	tree_up("{'name':'app','children':[" WORKER("x") "," CHILD("w",
		"'restart':'temporary','reload_signal':'USR1'",
		"'trap','USR1','7','trap','USR2','7','say','up','stay'") "]}");
	await_out("up");
	kick_gives(1, "reload x");
	check(strstr(last_err(), "x has no reload_signal"), "kick: %s", last_err());
	kick_gives(1, "reload app");
	kick_gives(5, "reload nobody");
	w = pid_of("w");
	put_json("app.json",
		"{'name':'app','children':[" WORKER("x") "," CHILD("w",
			"'restart':'temporary','reload_signal':'SIGUSR2'",
			"'trap','USR1','7','trap','USR2','7','say','up','stay'") "]}");
	kick_gives(0, "reload");
	check(pid_of("w") == w, "it was started anew");
	kick_gives(0, "reload w");
	check(strstr(last_out(), "SIGUSR2 sent"), "kick: %s", last_out());
	await_state("w", "exited");
	check(strcmp(reason_of("w"), "exit:7") == 0, "reason %s", reason_of("w"));
	kick_gives(1, "reload w");
	tree_down();
}
