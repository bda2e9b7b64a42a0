/* Servers that nobody here wrote, killed behind sockets that kick keeps, as clients see
 * it: nobody is refused, and who is reset was in the hands of what was killed. Beside
 * them one that opens its own port. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "http_client.h"

#define HELLO "hello, world"
#define EVER "'max_restarts':'infinity',"
#define CROWD 4 /* connections at a time */
#define QUEUE 8 /* that many wait in the socket while nobody accepts */

/* --- servers -------------------------------------------------------------------------
 */

struct server {
	const char *program; /* of Debian */
	const char *skip;
	void (*files)(int port);
	const char *spec; /* without its braces and its id */
	int in_hand;	  /* most connections that it has accepted, of CROWD */
};

static void lighttpd_files(int port)
{
	put_file("web.conf",
		"server.systemd-socket-activation = \"enable\"\n"
		"server.port = %d\nserver.bind = \"127.0.0.1\"\n"
		"server.document-root = \"%s\"\n",
		port, it_path("."));
	put_file("hello.txt", HELLO);
}

/* It takes all that come at once. TERM would break off what it has in hand. */
static const struct server lighttpd = {
	.program = "/usr/sbin/lighttpd",
	.skip = "needs lighttpd",
	.files = lighttpd_files,
	.spec = "'start':['/usr/sbin/lighttpd','-D','-f','web.conf'],"
		"'ready':{'log':'server started'},'stop_signal':'INT'",
	.in_hand = CROWD,
};

#define GUNICORN_WORKERS 2

static void gunicorn_files(int port)
{
	(void)port;
	put_file("web.py", "%s",
		"def hello(environ, start_response):\n"
		"    start_response('200 OK', [('Content-Type', 'text/plain')])\n"
		"    return [b'" HELLO "']\n");
}

/* Each of its workers has one connection at a time. */
static const struct server gunicorn = {
	.program = "/usr/bin/gunicorn",
	.skip = "needs gunicorn",
	.files = gunicorn_files,
	.spec = "'start':['/usr/bin/gunicorn','--workers','2','web:hello'],"
		"'ready':{'notify':true},'env':{'PYTHONDONTWRITEBYTECODE':'1'}",
	.in_hand = GUNICORN_WORKERS,
};

static void need(const struct server *s, const char *test)
{
	if (access(s->program, X_OK) < 0)
		it_skip(test, s->skip);
}

/* Starts a tree in which children stands for "%s" in a list of children, and that in
 * turn for the server's spec. */
static int serve(const struct server *s, const char *children)
{
	char list[600], config[1000];
	int port = http_free_port();

	s->files(port);
	(void)snprintf(list, sizeof list, children, s->spec);
	(void)snprintf(config, sizeof config,
		"{'name':'app'," EVER
		"'listen':{'web':'tcp://127.0.0.1:%d'},'children':[%s]}",
		port, list);
	tree_up(config);
	return port;
}

#define ONE "{'id':'web','listen':['web'],%s}"
#define THREE                                                            \
	"{'id':'web','type':'partition_supervisor','partitions':3," EVER \
	"'child':{'listen':['web'],%s}}"

/* --- killing -------------------------------------------------------------------------
 */

/* The pid of the next that is ready. Not by the pid of the last one, which another may
 * have by then. */
static pid_t kill_and_await_next(const char *path, pid_t pid)
{
	int n = events_seen("ready", path);

	check(kill(pid, SIGKILL) == 0, "%s is not there", path);
	return await_event("ready", path, n + 1)->pid;
}

static int broken(struct http_counts n)
{
	return n.reset + n.lost;
}

/* Kills the child, once its predecessor's clients are served again. The new pid. */
static pid_t kill_once(
	struct http_client *c, const char *path, pid_t pid, int in_hand, int turn)
{
	struct http_counts before = http_now(c), after;

	pid = kill_and_await_next(path, pid);
	after = http_await_fresh(c);
	check(broken(after) - broken(before) <= in_hand,
		"kill %d of %s has cost %d reset and %d lost requests, with %d in hand",
		turn, path, after.reset - before.reset, after.lost - before.lost,
		in_hand);
	return pid;
}

static void killed_a_hundred_times(const struct server *s)
{
	static struct http_client c = { .answer = HELLO, .at_once = CROWD };
	pid_t pid;

	c.port = serve(s, ONE);
	events_follow();
	pid = await_event("ready", "web", 1)->pid;
	http_begin(&c);
	(void)http_await_fresh(&c);
	for (int i = 0; i < 100; i++)
		pid = kill_once(&c, "web", pid, s->in_hand, i);
	http_end(&c);
	http_check_open(&c);
	check(restarts_of("web") == 100, "%d restarts", restarts_of("web"));
	tree_down();
}

CASE(it_http, lighttpd_is_killed_a_hundred_times)
{
	need(&lighttpd, "it_http::lighttpd_is_killed_a_hundred_times");
	killed_a_hundred_times(&lighttpd);
}

/* Each start of Python takes a while, on a busy machine a second. */
Test(it_http, gunicorn_is_killed_a_hundred_times, .init = it_begin, .fini = it_finish,
	.timeout = 240)
{
	need(&gunicorn, "it_http::gunicorn_is_killed_a_hundred_times");
	killed_a_hundred_times(&gunicorn);
}

/* --- what waits is not lost ----------------------------------------------------------
 */

static void halt_all(pid_t pid)
{
	char children[200], *p = children;
	pid_t child;

	halt(pid);
	(void)snprintf(children, sizeof children, "%s", children_of(pid, pid));
	while ((child = (pid_t)strtol(p, &p, 10)) > 0)
		halt(child);
}

/* What is killed has stood still since before they came: it has nothing in hand. */
static void those_who_wait_are_served(const struct server *s, int times)
{
	static struct http_client first = { .answer = HELLO, .at_once = 1, .limit = 1 };
	static struct http_client c;
	int port = first.port = serve(s, ONE);
	pid_t pid;

	events_follow();
	pid = await_event("ready", "web", 1)->pid;
	http_begin(&first);
	http_end(&first);
	http_check_all(&first);
	for (int i = 0; i < times; i++) {
		c = (struct http_client){
			.port = port, .answer = HELLO, .at_once = QUEUE, .limit = QUEUE
		};
		halt_all(pid);
		http_begin(&c);
		http_await_sent(&c);
		pid = kill_and_await_next("web", pid);
		http_end(&c);
		http_check_all(&c);
	}
	tree_down();
}

CASE(it_http, who_waits_for_lighttpd_is_served_by_the_next)
{
	need(&lighttpd, "it_http::who_waits_for_lighttpd_is_served_by_the_next");
	those_who_wait_are_served(&lighttpd, 20);
}

CASE(it_http, who_waits_for_gunicorn_is_served_by_the_next)
{
	need(&gunicorn, "it_http::who_waits_for_gunicorn_is_served_by_the_next");
	those_who_wait_are_served(&gunicorn, 5);
}

/* --- processes of one child ----------------------------------------------------------
 */

/* Kills all that the server itself has started and keeps. How many that were. */
static int kill_workers(pid_t pid)
{
	char children[200], *p = children;
	pid_t child;
	int n = 0;

	(void)snprintf(children, sizeof children, "%s", children_of(pid, pid));
	while ((child = (pid_t)strtol(p, &p, 10)) > 0) {
		if (!is_alive(child))
			continue;
		(void)kill(child, SIGKILL);
		await_gone(child);
		n++;
	}
	return n;
}

CASE(it_http, gunicorn_starts_its_own_workers_anew)
{
	static struct http_client c = { .answer = HELLO, .at_once = CROWD };
	int killed = 0;
	pid_t pid;

	need(&gunicorn, "it_http::gunicorn_starts_its_own_workers_anew");
	c.port = serve(&gunicorn, ONE);
	pid = pid_of("web");
	http_begin(&c);
	(void)http_await_fresh(&c);
	while (killed < 100) {
		int before = broken(http_now(&c)), n = kill_workers(pid), lost;

		killed += n;
		lost = broken(http_await_fresh(&c)) - before;
		check(lost <= n, "%d killed, %d requests lost", n, lost);
	}
	http_end(&c);
	http_check_open(&c);
	check(pid_of("web") == pid && restarts_of("web") == 0, "gunicorn has ended");
	tree_down();
}

/* --- copies of a server on one socket ------------------------------------------------
 */

static const char *const paths[] = { "web/0", "web/1", "web/2" };

static void partitions_are_killed_in_turn(const struct server *s, int turns)
{
	static struct http_client c = { .answer = HELLO, .at_once = CROWD };
	pid_t pids[3];

	c.port = serve(s, THREE);
	events_follow();
	for (int k = 0; k < 3; k++)
		pids[k] = await_event("ready", paths[k], 1)->pid;
	http_begin(&c);
	(void)http_await_fresh(&c);
	for (int i = 0; i < 3 * turns; i++)
		pids[i % 3] = kill_once(&c, paths[i % 3], pids[i % 3], s->in_hand, i);
	/* And all at once. */
	for (int k = 0; k < 3; k++)
		(void)kill(pids[k], SIGKILL);
	for (int k = 0; k < 3; k++)
		(void)await_event("ready", paths[k], turns + 2);
	(void)http_await_fresh(&c);
	http_end(&c);
	http_check_open(&c);
	for (int k = 0; k < 3; k++)
		check(restarts_of(paths[k]) == turns + 1, "%d restarts of %s",
			restarts_of(paths[k]), paths[k]);
	tree_down();
}

CASE(it_http, partitions_of_lighttpd_are_killed_in_turn)
{
	need(&lighttpd, "it_http::partitions_of_lighttpd_are_killed_in_turn");
	partitions_are_killed_in_turn(&lighttpd, 10);
}

CASE(it_http, partitions_of_gunicorn_are_killed_in_turn)
{
	need(&gunicorn, "it_http::partitions_of_gunicorn_are_killed_in_turn");
	partitions_are_killed_in_turn(&gunicorn, 4);
}

/* --- rolling restarts ----------------------------------------------------------------
 */

/* Both servers end by themselves when asked, after what they have in hand. */
static void check_nobody_noticed(struct http_client *c)
{
	struct http_counts n = http_now(c);

	http_check_open(c);
	check(broken(n) == 0, "%d reset, %d lost", n.reset, n.lost);
}

static void rolled_ten_times(const struct server *s)
{
	static struct http_client c = { .answer = HELLO, .at_once = CROWD };
	pid_t pid;

	c.port = serve(s, ONE);
	http_begin(&c);
	(void)http_await_fresh(&c);
	for (int i = 0; i < 10; i++) {
		pid = pid_of("web");
		kick_gives(0, "restart --rolling web");
		check(!is_alive(pid), "the old process is there");
		(void)http_await_fresh(&c);
	}
	http_end(&c);
	check_nobody_noticed(&c);
	check(restarts_of("web") == 0, "it counts as a restart");
	tree_down();
}

CASE(it_http, lighttpd_is_rolled_ten_times)
{
	need(&lighttpd, "it_http::lighttpd_is_rolled_ten_times");
	rolled_ten_times(&lighttpd);
}

CASE(it_http, gunicorn_is_rolled_ten_times)
{
	need(&gunicorn, "it_http::gunicorn_is_rolled_ten_times");
	rolled_ten_times(&gunicorn);
}

static void partitions_are_rolled(const struct server *s, int times)
{
	static struct http_client c = { .answer = HELLO, .at_once = CROWD };

	c.port = serve(s, THREE);
	events_follow();
	http_begin(&c);
	(void)http_await_fresh(&c);
	for (int i = 0; i < times; i++) {
		kick_gives(0, "restart --rolling web");
		(void)http_await_fresh(&c);
	}
	http_end(&c);
	check_nobody_noticed(&c);
	for (int k = 0; k < 3; k++)
		(void)await_event("ready", paths[k], times + 1);
	tree_down();
}

CASE(it_http, partitions_of_lighttpd_are_rolled_ten_times)
{
	need(&lighttpd, "it_http::partitions_of_lighttpd_are_rolled_ten_times");
	partitions_are_rolled(&lighttpd, 10);
}

CASE(it_http, partitions_of_gunicorn_are_rolled)
{
	need(&gunicorn, "it_http::partitions_of_gunicorn_are_rolled");
	partitions_are_rolled(&gunicorn, 1);
}

/* --- a server that opens its own port ------------------------------------------------
 */

#define NGINX "/usr/sbin/nginx"

static pid_t first_child(pid_t pid)
{
	return (pid_t)strtol(children_of(pid, pid), NULL, 10);
}

static int serve_nginx(void)
{
	int port = http_free_port();
	char config[600];

	put_file("nginx.conf",
		"daemon off;\npid nginx.pid;\nerror_log stderr;\nworker_processes 1;\n"
		"events { worker_connections 64; }\n"
		"http {\n\taccess_log off;\n"
		"\tclient_body_temp_path t;\n\tproxy_temp_path t;\n"
		"\tfastcgi_temp_path t;\n\tuwsgi_temp_path t;\n\tscgi_temp_path t;\n"
		"\tserver { listen 127.0.0.1:%d; location / { return 200 '" HELLO
		"'; } }\n}\n",
		port);
	(void)snprintf(config, sizeof config,
		"{'name':'app'," EVER "'children':[{'id':'web',"
		"'ready':{'http':'http://127.0.0.1:%d/','interval':'20ms'},"
		"'start':['" NGINX "','-e','stderr','-p','%s','-c','nginx.conf']}]}",
		port, it_path("."));
	tree_up(config);
	return port;
}

/* Who comes while it is down is refused: that is what `listen` is for. */
CASE(it_http, nginx_comes_back_on_its_own_port)
{
	static struct http_client c = { .answer = HELLO, .at_once = CROWD };
	struct http_counts n;
	pid_t pid, worker;

	if (access(NGINX, X_OK) < 0)
		it_skip("it_http::nginx_comes_back_on_its_own_port", "needs nginx");
	c.port = serve_nginx();
	events_follow();
	pid = await_event("ready", "web", 1)->pid;
	http_begin(&c);
	(void)http_await_fresh(&c);
	for (int i = 1; i <= 20; i++) {
		worker = first_child(pid);
		check(worker > 0, "nginx has no worker");
		pid = kill_and_await_next("web", pid);
		check(strcmp(await_event("exited", "web", i)->reason, "killed") == 0,
			"ended with %s", await_event("exited", "web", i)->reason);
		check(!is_alive(worker), "its worker was left");
		(void)http_await_fresh(&c);
		check(restarts_of("web") == i, "%d restarts", restarts_of("web"));
		check(strcmp(state_of("web"), "running") == 0, "%s", state_of("web"));
	}
	http_end(&c);
	n = http_now(&c);
	check(n.late + n.other == 0, "%d late, %d other: %s", n.late, n.other,
		c.trouble);
	tree_down();
}

CASE(it_http, nginx_keeps_its_port_when_its_worker_is_killed)
{
	static struct http_client c = { .answer = HELLO, .at_once = CROWD };
	pid_t pid;

	if (access(NGINX, X_OK) < 0)
		it_skip("it_http::nginx_keeps_its_port_when_its_worker_is_killed",
			"needs nginx");
	c.port = serve_nginx();
	pid = pid_of("web");
	http_begin(&c);
	for (int i = 0; i < 10; i++) {
		(void)http_await_fresh(&c);
		check(kill_workers(pid) == 1, "not one worker");
	}
	(void)http_await_fresh(&c);
	http_end(&c);
	http_check_open(&c);
	check(pid_of("web") == pid && restarts_of("web") == 0,
		"nginx was started anew");
	tree_down();
}
