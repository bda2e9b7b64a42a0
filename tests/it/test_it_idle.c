/* A listening socket waits for its server only while that is there or will come back.
 * When all who have it are down for good, those who wait are let go and those who come
 * are refused, until one of them is started. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness.h"
#include "it_dial.h"

#define APP(more, children)                                                      \
	"{'name':'app','listen':{'web':'tcp://127.0.0.1:%d','s':'unix:s'}," more \
	"'children':[" children "]}"
#define SERVER(id, more) \
	"{'id':'" id "'," more "'start':['./h','serve'],'listen':['web','s']}"
#define DEAF(id, more) \
	"{'id':'" id "'," more "'start':['./h','stay'],'listen':['web','s']}"
#define NEST(id, children) \
	"{'id':'" id "','type':'supervisor','children':[" children "]}"

/* What a killed process had in hand ends with it; another client is served then. */
static void check_served(int port)
{
	const char *text = "";

	while (!*text || strcmp(text, strerror(ECONNRESET)) == 0)
		text = ask4(port, "who");
	check(strtol(text, NULL, 10) > 0, "TCP: %s", text);
	text = "";
	while (!*text || strcmp(text, strerror(ECONNRESET)) == 0)
		text = ask_unix("s", "who");
	check(strtol(text, NULL, 10) > 0, "Unix: %s", text);
}

/* The root hears of it a moment after the one who gave the order: who comes before that
 * waits, and is let go then. */
static void check_refused(int port)
{
	const char *text = "";

	while (strcmp(text, "") == 0 || strcmp(text, strerror(ECONNRESET)) == 0)
		text = ask4(port, "who");
	check(strcmp(text, "refused") == 0, "TCP: %s", text);
	text = "";
	while (strcmp(text, "") == 0 || strcmp(text, strerror(ECONNRESET)) == 0)
		text = ask_unix("s", "who");
	check(strcmp(text, strerror(ENOENT)) == 0, "Unix: %s", text);
}

CASE(it_idle, stopped_and_started)
{
	int port = free_port();

	tree_up(with_port(APP("", SERVER("a", "")), port));
	for (int i = 0; i < 3; i++) {
		check_served(port);
		kick_gives(0, "stop a");
		check_refused(port);
		kick_gives(0, "start a");
	}
	check_served(port);
	check(!strstr(tree_err(), "shut down"), "somebody was blamed");
	tree_down();
}

CASE(it_idle, who_waits_is_let_go)
{
	int port = free_port();
	union address a, u;
	int tcp, un;
	char c;

	tree_up(with_port(APP("", DEAF("a", "")), port));
	tcp = dial(&a, tcp4(port, &a), SOCK_STREAM);
	un = dial(&u, unix_at("s", &u), SOCK_STREAM);
	check(tcp >= 0 && un >= 0, "not in the queue");
	kick_gives(0, "stop a");
	/* At their end, or reset; with the patience of dial, at most. */
	check(recv(tcp, &c, 1, 0) <= 0 && errno != EAGAIN, "TCP waits on");
	check(recv(un, &c, 1, 0) <= 0 && errno != EAGAIN, "Unix waits on");
	(void)close(tcp);
	(void)close(un);
	tree_down();
}

CASE(it_idle, ended_for_good)
{
	int port = free_port();

	tree_up(with_port(
		APP("", SERVER("a", "'restart':'temporary',") "," WORKER("w")), port));
	check_served(port);
	check(kill(pid_of("a"), SIGKILL) == 0, "kill");
	check_refused(port);
	tree_down();
}

/* Somebody else has taken the port meanwhile. */
CASE(it_idle, who_cannot_have_it_again_is_told_why)
{
	int port = free_port();
	union address a;
	socklen_t n = tcp4(port, &a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	tree_up(with_port(
		APP("",
			NEST("one",
				SERVER("a", "'start_timeout':'infinity',") "," WORKER(
					"w")) "," NEST("two",
				SERVER("b", "'autostart':false,"))),
		port));
	kick_gives(0, "stop a");
	check(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
			bind(fd, &a.any, n) == 0 && listen(fd, 1) == 0,
		"cannot take the port");
	kick_gives(1, "start a");
	check(strstr(last_err(), "another process has this port"), "said: %s",
		last_err());
	kick_gives(0, "status w");
	(void)close(fd);
	kick_gives(0, "start b");
	check_served(port);
	kick_gives(0, "start a");
	kick_gives(0, "stop b");
	check_served(port);
	tree_down();
}

CASE(it_idle, as_long_as_one_is_left)
{
	int port = free_port();

	tree_up(with_port(APP("",
				  NEST("one", SERVER("a", "")) "," NEST(
					  "two", SERVER("b", "") "," WORKER("w"))),
		port));
	kick_gives(0, "stop a");
	check_served(port);
	kick_gives(0, "stop two");
	check_refused(port);
	kick_gives(0, "start two");
	check_served(port);
	kick_gives(0, "stop b");
	check_refused(port);
	kick_gives(0, "start a");
	check_served(port);
	tree_down();
}

CASE(it_idle, what_is_killed_is_waited_for)
{
	int port = free_port();

	tree_up(with_port(
		APP("'max_restarts':'infinity',", NEST("one", SERVER("a", ""))), port));
	events_follow();
	for (int i = 0; i < 3; i++) {
		pid_t pid = pid_of(i == 1 ? "one" : i == 2 ? "app" : "a");

		check(kill(pid, SIGKILL) == 0, "kill");
		check_served(port);
	}
	kick_gives(0, "wait");
	kick_gives(0, "stop one");
	check_refused(port);
	check(kill(pid_of("app"), SIGKILL) == 0, "kill");
	/* What was stopped is back, as with every supervisor that is started anew. */
	(void)await_event("ready", "app", 3);
	check_served(port);
	tree_down();
}

CASE(it_idle, who_is_not_started_is_not_waited_for)
{
	int port = free_port();

	tree_up(with_port(APP("", SERVER("a", "'autostart':false,")), port));
	check_refused(port);
	kick_gives(0, "start a");
	check_served(port);
	tree_down();
}

CASE(it_idle, a_start_by_command_that_fails)
{
	int port = free_port();

	tree_up(with_port(APP("",
				  "{'id':'a','autostart':false,'start':['./none'],"
				  "'listen':['web','s']}"),
		port));
	kick_gives(1, "start a");
	check_refused(port);
	tree_down();
}

CASE(it_idle, a_reload_takes_the_last_and_brings_another)
{
	int port = free_port();

	tree_up(with_port(APP("", SERVER("a", "") "," WORKER("w")), port));
	put_json("app.json", with_port(APP("", WORKER("w")), port));
	kick_gives(0, "reload");
	check_refused(port);
	put_json("app.json", with_port(APP("", WORKER("w") "," SERVER("b", "")), port));
	kick_gives(0, "reload");
	check_served(port);
	tree_down();
}

/* The name is used, not the address. */
CASE(it_idle, a_reload_that_swaps_two_names)
{
	int port = free_port();
	const char *text;

	tree_up(with_port(
		APP("", "{'id':'a','start':['./h','serve'],'listen':['web']}"), port));
	check(strtol(ask4(port, "who"), NULL, 10) > 0, "TCP");
	put_json("app.json",
		with_port("{'name':'app','listen':{'s':'tcp://127.0.0.1:%d',"
			  "'web':'unix:s'},'children':["
			  "{'id':'a','start':['./h','serve'],'listen':['web']}]}",
			port));
	kick_gives(0, "reload");
	check(strtol(ask_unix("s", "who"), NULL, 10) > 0, "Unix");
	text = ask4(port, "who");
	check(strcmp(text, "refused") == 0, "TCP: %s", text);
	tree_down();
}

CASE(it_idle, an_added_one)
{
	int port = free_port();

	tree_up(with_port(
		APP("", NEST("one", SERVER("a", "")) "," NEST("two", WORKER("w"))),
		port));
	kick_gives(0, "stop a");
	check_refused(port);
	kick_gives(0, "add two " SERVER("x", ""));
	check_served(port);
	kick_gives(0, "delete x");
	check_refused(port);
	kick_gives(0, "start a");
	check_served(port);
	tree_down();
}

CASE(it_idle, a_tree_that_is_started_anew_keeps_its_clients)
{
	int port = free_port();
	struct job *job;

	tree_up(with_port(APP("", SERVER("a", "")), port));
	job = kick_begin("restart app");
	/* One that the server has taken already ends with the server. */
	while (!job_ended(job)) {
		const char *text = ask4(port, "who");

		check(!*text || strtol(text, NULL, 10) > 0, "TCP: %s", text);
		(void)it_pump(0);
	}
	check(finish(job) == 0, "said: %s", job_err(job));
	check_served(port);
	tree_down();
}
