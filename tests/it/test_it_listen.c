/* Sockets that outlive processes: whoever is killed, no client is refused; and what
 * workers can do to a socket that they share. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"
#include "it_dial.h"

#define SERVER(id, more, sockets) \
	"{'id':'" id "'," more "'start':['./h','serve'],'listen':[" sockets "]}"
#define EVER "'max_restarts':'infinity',"
#define NO_PORT "needs a port of its own"

/* --- clients -------------------------------------------------------------------------
 */

/* A client that comes again and again, as fast as it is served. */
struct crowd {
	union address address;
	socklen_t n;
	atomic_bool stop;
	atomic_int served, refused;
	char trouble[128];
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t news;
	int pid; /* who served last */
};

static void *come_again(void *arg)
{
	struct crowd *c = arg;

	while (!c->stop) {
		const char *text = ask(&c->address, c->n, SOCK_STREAM, "who");
		int pid = (int)strtol(text, NULL, 10);

		if (pid > 0) {
			(void)pthread_mutex_lock(&c->lock);
			c->pid = pid;
			(void)pthread_cond_signal(&c->news);
			(void)pthread_mutex_unlock(&c->lock);
			c->served++;
		} else if (*text && strcmp(text, "ok") != 0) {
			/* "": it was served by a process that was killed then. */
			(void)snprintf(c->trouble, sizeof c->trouble, "%s", text);
			c->refused++;
		}
	}
	return NULL;
}

static void crowd_begin(struct crowd *c)
{
	(void)pthread_mutex_init(&c->lock, NULL);
	(void)pthread_cond_init(&c->news, NULL);
	check(pthread_create(&c->thread, NULL, come_again, c) == 0, "no thread");
}

static void crowd_end(struct crowd *c)
{
	c->stop = true;
	(void)pthread_join(c->thread, NULL);
	check(c->refused == 0, "%d clients were turned away: %s; %d were served",
		(int)c->refused, c->trouble, (int)c->served);
}

/* Until somebody else than `not` serves; that pid. */
static int await_server(struct crowd *c, int not )
{
	struct timespec deadline;
	int r = 0, pid;

	(void)clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += IT_SECONDS;
	(void)pthread_mutex_lock(&c->lock);
	while ((c->pid == 0 || c->pid == not ) && r == 0)
		r = pthread_cond_timedwait(&c->news, &c->lock, &deadline);
	pid = c->pid;
	(void)pthread_mutex_unlock(&c->lock);
	(void)it_pump(0);
	check(r == 0, "nobody but %d serves", not );
	return pid;
}

/* --- deaths --------------------------------------------------------------------------
 */

#define DEEP                                                           \
	"{'name':'app'," EVER "'listen':{'web':'tcp://127.0.0.1:%d'}," \
	"'children':[{'id':'s','type':'supervisor'," EVER              \
	"'children':[" SERVER("web", "", "'web'") "]}]}"

CASE(it_listen, kill_9_of_the_server_refuses_nobody)
{
	int port = free_port();
	struct crowd c = { .n = tcp4(port, &c.address) };
	int pid;

	tree_up(with_port(DEEP, port));
	crowd_begin(&c);
	pid = await_server(&c, 0);
	for (int i = 0; i < 30; i++) {
		(void)kill(pid, SIGKILL);
		pid = await_server(&c, pid);
	}
	crowd_end(&c);
	check(c.served > 30, "only %d were served", (int)c.served);
	tree_down();
	check(strcmp(ask4(port, "who"), "refused") == 0, "there after the end");
}

static void kill_and_refuse_nobody(const char *path, int times)
{
	int port = free_port();
	struct crowd c = { .n = tcp4(port, &c.address) };
	int pid;

	tree_up(with_port(DEEP, port));
	crowd_begin(&c);
	pid = await_server(&c, 0);
	for (int i = 0; i < times; i++) {
		(void)kill(pid_of(path), SIGKILL);
		pid = await_server(&c, pid);
	}
	crowd_end(&c);
	tree_down();
}

CASE(it_listen, kill_9_of_a_supervisor_refuses_nobody)
{
	kill_and_refuse_nobody("s", 10);
}

CASE(it_listen, kill_9_of_the_top_supervisor_refuses_nobody)
{
	kill_and_refuse_nobody("app", 3);
}

CASE(it_listen, who_comes_while_the_server_is_down_waits_for_the_next)
{
	int port = free_port(), fd;
	union address a;
	socklen_t n = tcp4(port, &a);
	char text[64] = "";

	make_fifo("gate");
	tree_start(with_port("{'name':'app','listen':{'web':'tcp://127.0.0.1:%d'},"
			     "'children':[{'id':'web','listen':['web'],'start':"
			     "['./h','gate','gate','serve']}]}",
			   port),
		"");
	tree_ready();
	fd = dial(&a, n, SOCK_STREAM);
	check(fd >= 0, "refused: %s", strerror(errno));
	check(send(fd, "who", 3, MSG_NOSIGNAL) == 3, "send");
	open_gate("gate");
	check(recv(fd, text, sizeof text - 1, 0) > 0, "no answer");
	check(strstr(text, " web stream"), "answer: %s", text);
	(void)close(fd);
	tree_down();
}

/* --- kinds ---------------------------------------------------------------------------
 */

CASE(it_listen, each_kind_of_socket_is_handed_over_by_its_name)
{
	int port = free_port();
	struct stat st;
	union address a;
	socklen_t n;

	n = tcp6(0, &a);
	if (dial(&a, n, SOCK_DGRAM) < 0 && errno != ECONNREFUSED && errno != EINVAL)
		it_skip("it_listen::each_kind_of_socket_is_handed_over_by_its_name",
			"there is no IPv6 here");
	tree_up(with_port("{'name':'app','listen':{'four':'tcp://127.0.0.1:%d',"
			  "'six':{'address':'tcp://[::1]:%d','backlog':5},"
			  "'dgram':'udp://127.0.0.1:%d',"
			  "'file':{'address':'unix:x.sock','mode':'0660'}},'children':["
			  "{'id':'web','start':['./h','fds','serve'],"
			  "'listen':['file','six','four','dgram']}]}",
		port));
	check(strstr(ask4(port, "who"), " four stream"), "four: %s", ask4(port, "who"));
	check(strstr(ask_unix("x.sock", "who"), " file stream"), "file: %s",
		ask_unix("x.sock", "who"));
	n = tcp6(port, &a);
	check(strstr(ask(&a, n, SOCK_STREAM, "who"), " six stream"), "six");
	n = tcp4(port, &a);
	check(strstr(ask(&a, n, SOCK_DGRAM, "who"), " dgram dgram"), "dgram");
	check(stat(it_path("x.sock"), &st) == 0 && (st.st_mode & 0777) == 0660, "mode");
	check(entries_of(pid_of("web"), "fd") == 7, "descriptors: %d",
		entries_of(pid_of("web"), "fd"));
	tree_down();
	check(access(it_path("x.sock"), F_OK) < 0, "x.sock is still there");
}

/* The numbers of the sockets are without gaps, whatever else there is. */
CASE(it_listen, a_readiness_descriptor_stands_behind_the_sockets)
{
	int port = free_port();

	tree_up(with_port("{'name':'app','listen':{'web':'tcp://127.0.0.1:%d'},"
			  "'children':[{'id':'web','ready':{'fd':4},'listen':['web'],"
			  "'start':['./h','readyfd','4','serve']}]}",
		port));
	check(strstr(ask4(port, "who"), " web stream"), "who: %s", ask4(port, "who"));
	tree_down();
}

CASE(it_listen, a_server_of_somebody_else_works_unchanged)
{
	static const char test[] =
		"it_listen::a_server_of_somebody_else_works_unchanged";
	int port = free_port(), fd;
	union address a;
	socklen_t n = tcp4(port, &a);
	pid_t pid;
	char text[2000] = "";

	if (access("/usr/sbin/lighttpd", X_OK) < 0)
		it_skip(test, "needs lighttpd");
	put_file("web.conf",
		"server.systemd-socket-activation = \"enable\"\n"
		"server.port = %d\nserver.bind = \"127.0.0.1\"\n"
		"server.document-root = \"%s\"\n",
		port, it_path("."));
	put_file("hello.txt", "hello, world");
	tree_up(with_port("{'name':'app','listen':{'web':'tcp://127.0.0.1:%d'},"
			  "'children':[{'id':'web','listen':['web'],'start':"
			  "['/usr/sbin/lighttpd','-D','-f','web.conf']}]}",
		port));
	for (int i = 0; i < 2; i++) {
		static const char get[] = "GET /hello.txt HTTP/1.0\r\n\r\n";

		fd = dial(&a, n, SOCK_STREAM);
		check(fd >= 0, "refused: %s", strerror(errno));
		(void)send(fd, get, sizeof get - 1, MSG_NOSIGNAL);
		(void)recv(fd, text, sizeof text - 1, MSG_WAITALL);
		check(strstr(text, "hello, world"), "answer %d: %s", i, text);
		(void)close(fd);
		pid = pid_of("web");
		(void)kill(pid, SIGKILL);
		(void)await_next("web", pid);
	}
	tree_down();
}

CASE(it_listen, children_of_a_template_get_its_sockets)
{
	int port = free_port();

	tree_up(with_port("{'name':'app','listen':{'web':'tcp://127.0.0.1:%d'},"
			  "'children':[{'id':'pool','type':'dynamic_supervisor',"
			  "'child':{'start':['./h','serve'],'listen':['web']}}]}",
		port));
	kick_gives(0, "add pool {}");
	check(strstr(ask4(port, "who"), " web stream"), "who: %s", ask4(port, "who"));
	tree_down();
}

CASE(it_listen, a_link_stands_behind_the_sockets)
{
	int port = free_port();

	tree_up(with_port("{'name':'app','listen':{'web':'tcp://127.0.0.1:%d'},"
			  "'children':[{'id':'code','link':true,'autostart':false,"
			  "'start':['./h','env','stay'],'listen':['web']}]}",
		port));
	kick_gives(0, "start code --no-wait");
	await_out("KICK_LINK_FD=4");
	await_out("LISTEN_FDS=1");
	await_out("LISTEN_FDNAMES=web");
	tree_down();
}

/* --- what cannot be opened -----------------------------------------------------------
 */

/* kickd ends with this status, says this, and has started nothing. */
static void check_refused(const char *config, int status, const char *text)
{
	tree_start(config, "");
	tree_ends(status);
	check(strstr(tree_err(), text), "no \"%s\" in: %s", text, tree_err());
	check(strstr(tree_err(), "nothing was started"), "said: %s", tree_err());
}

CASE(it_listen, a_port_in_use_is_told_and_nothing_is_started)
{
	int port = free_port(), fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	union address a;
	socklen_t n = tcp4(port, &a);
	char text[200];

	check(bind(fd, &a.any, n) == 0 && listen(fd, 1) == 0, NO_PORT);
	(void)snprintf(text, sizeof text,
		"cannot open socket \"web\" (tcp://127.0.0.1:%d): another process has "
		"this port; see: ss -tlnp sport = :%d: Address already in use",
		port, port);
	check_refused(with_port("{'name':'app','listen':{'first':'unix:x.sock',"
				"'web':'tcp://127.0.0.1:%d'},'children':[" CHILD("a",
					"'restart':'temporary'", "'count','a'") "]}",
			      port),
		73, text);
	check(lines_in("a") == 0, "a was started");
	check(access(it_path("x.sock"), F_OK) < 0, "x.sock was left");
	(void)close(fd);
}

CASE(it_listen, an_address_of_another_machine_is_told)
{
	check_refused("{'name':'app','listen':{'web':'tcp://192.0.2.1:4000'},"
		      "'children':[]}",
		73, "it is not an address of this machine");
}

CASE(it_listen, a_missing_directory_is_told)
{
	check_refused("{'name':'app','listen':{'web':'unix:none/x.sock'},"
		      "'children':[]}",
		73, "its directory does not exist");
}

static void become_nobody(void)
{
	(void)!setgid(65534);
	(void)!setuid(65534);
}

CASE(it_listen, a_privileged_port_without_privilege_is_told)
{
	static const char test[] =
		"it_listen::a_privileged_port_without_privilege_is_told";

	it_need_other_users(test);
	if (access("/proc/sys/net/ipv4/ip_unprivileged_port_start", R_OK) < 0)
		it_skip(test, "needs /proc");
	if (strtol(read_of(1, "../sys/net/ipv4/ip_unprivileged_port_start"), NULL, 10) <
		80)
		it_skip(test, "no port is privileged here");
	(void)chmod(it_path("."), 0777);
	tree_before_exec(become_nobody);
	tree_start("{'name':'app','listen':{'web':'tcp://127.0.0.1:79'},"
		   "'children':[]}",
		"");
	tree_ends(77);
	check(strstr(tree_err(), "CAP_NET_BIND_SERVICE"), "said: %s", tree_err());
}

/* --- files ---------------------------------------------------------------------------
 */

static int bind_file(const char *name, bool listening)
{
	union address a;
	socklen_t n = unix_at(name, &a);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	check(bind(fd, &a.any, n) == 0, "bind: %s", strerror(errno));
	if (listening)
		check(listen(fd, 5) == 0, "listen: %s", strerror(errno));
	return fd;
}

#define AT_FILE                                                  \
	"{'name':'app'," EVER "'listen':{'file':'unix:x.sock'}," \
	"'children':[" SERVER("web", "", "'file'") "]}"

CASE(it_listen, a_stale_file_is_replaced)
{
	(void)close(bind_file("x.sock", true));
	tree_up(AT_FILE);
	check(strstr(ask_unix("x.sock", "who"), " file stream"), "who: %s",
		ask_unix("x.sock", "who"));
	/* What kill -9 of kickd leaves is stale too. */
	tree_signal(SIGKILL);
	tree_orphaned();
	check(access(it_path("x.sock"), F_OK) == 0, "x.sock has gone");
	tree_up(AT_FILE);
	check(strstr(ask_unix("x.sock", "who"), " file stream"), "who: %s",
		ask_unix("x.sock", "who"));
	tree_down();
}

CASE(it_listen, a_live_socket_is_not_stolen)
{
	int fd = bind_file("x.sock", true), client;
	union address a;
	socklen_t n = unix_at("x.sock", &a);

	check_refused(
		AT_FILE, 73, "another process listens on it, which was let alone");
	client = dial(&a, n, SOCK_STREAM);
	check(client >= 0, "it was stolen: %s", strerror(errno));
	(void)close(client);
	(void)close(fd);
}

CASE(it_listen, a_file_that_is_no_socket_is_let_alone)
{
	put_file("x.sock", "precious\n");
	check_refused(AT_FILE, 73, "that is no socket");
	check(file_has("x.sock", "precious"), "it was removed");
}

/* Written at the top, and forgotten in the child. */
CASE(it_listen, a_socket_that_no_child_names_is_told)
{
	static const char said[] = "no child has \"t\" in its \"listen\", so nobody";

	tree_up("{'name':'app','listen':{'s':'unix:s','t':'unix:t'},'children':["
		"{'id':'n','type':'supervisor','children':["
		"{'id':'a','start':['./h','stay'],'listen':['s']}]}]}");
	await_err(said);
	check(!strstr(tree_err(), "no child has \"s\""), "said: %s", tree_err());
	tree_down();
	/* It may be for what will be added. */
	tree_up("{'name':'app','listen':{'t':'unix:t'},'children':["
		"{'id':'d','type':'dynamic_supervisor'}]}");
	check(!strstr(tree_err(), "no child has"), "said: %s", tree_err());
	tree_down();
}

CASE(it_listen, a_reload_changes_the_mode_of_the_socket_and_of_nothing_else)
{
	struct stat st;

	tree_up("{'name':'app','listen':{'s':'unix:s'},'children':["
		"{'id':'a','start':['./h','stay'],'listen':['s']}]}");
	put_json("app.json",
		"{'name':'app','listen':{'s':{'address':'unix:s','mode':'0600'}},"
		"'children':[{'id':'a','start':['./h','stay'],'listen':['s']}]}");
	kick_gives(0, "reload");
	check(stat("s", &st) == 0 && (st.st_mode & 0777) == 0600, "mode %o",
		st.st_mode);
	/* Who may write to the directory puts a link in its place. */
	put_file("secret", "x");
	check(chmod("secret", 0400) == 0 && unlink("s") == 0 &&
			symlink("secret", "s") == 0,
		"symlink");
	kick_gives(0, "reload");
	check(stat("secret", &st) == 0 && (st.st_mode & 0777) == 0400, "mode %o",
		st.st_mode);
	tree_down();
}

/* Somebody has put his own in its place: it is his to remove. */
CASE(it_listen, a_file_of_another_in_its_place_is_let_alone_at_the_end)
{
	int fd;

	tree_up(AT_FILE);
	check(unlink(it_path("x.sock")) == 0, "unlink");
	fd = bind_file("x.sock", true);
	tree_down();
	check(access(it_path("x.sock"), F_OK) == 0, "it was removed");
	(void)close(fd);
}

/* --- faults of workers ---------------------------------------------------------------
 */

CASE(it_listen, a_tcp_socket_that_was_shut_down_listens_again)
{
	int port = free_port();
	pid_t pid, sibling;

	tree_up(with_port(
		"{'name':'app'," EVER "'listen':{'web':'tcp://127.0.0.1:%d'},"
		"'children':[" SERVER("web", "", "'web'") "," SERVER(
			"more", "'autostart':false,", "'web'") "," WORKER("other") "]}",
		port));
	sibling = pid_of("other");
	/* Again at once, so that the start has to wait until it is mended. */
	for (int i = 0; i < 5; i++) {
		pid = pid_of("web");
		(void)ask4(port, "shutdown");
		(void)await_next("web", pid);
		check(strstr(ask4(port, "who"), " web stream"), "who: %s",
			ask4(port, "who"));
	}
	await_err("it listens again");
	check(pid_of("other") == sibling, "a sibling was disturbed");
	tree_down();
}

/* The one who has done it goes on, the one beside it too. */
CASE(it_listen, those_who_share_a_socket_go_on_when_one_shuts_it_down)
{
	int port = free_port();
	pid_t a, b;

	tree_up(with_port("{'name':'app'," EVER "'listen':{'web':'tcp://127.0.0.1:%d'},"
			  "'children':[" SERVER("a", "", "'web'") "," SERVER(
				  "b", "", "'web'") "]}",
		port));
	a = pid_of("a");
	b = pid_of("b");
	(void)ask4(port, "disturb");
	await_err("it listens again");
	check(strstr(ask4(port, "who"), " web stream"), "who: %s", ask4(port, "who"));
	check(pid_of("a") == a && pid_of("b") == b, "somebody was started anew");
	tree_down();
}

CASE(it_listen, a_unix_socket_that_was_shut_down_is_opened_anew)
{
	pid_t pid;

	tree_up(AT_FILE);
	for (int i = 0; i < 5; i++) {
		pid = pid_of("web");
		(void)ask_unix("x.sock", "shutdown");
		(void)await_next("web", pid);
		check(strstr(ask_unix("x.sock", "who"), " file stream"), "who %d: %s",
			i, ask_unix("x.sock", "who"));
	}
	await_err("was shut down by web; it was opened anew");
	/* As the next top supervisor has it. */
	pid = pid_of("web");
	(void)kill(pid_of("app"), SIGKILL);
	await_gone(pid);
	check(strstr(ask_unix("x.sock", "who"), " file stream"), "who: %s",
		ask_unix("x.sock", "who"));
	tree_down();
}

/* Not before its directory is back; it is said once why. */
CASE(it_listen, a_unix_socket_is_tried_until_it_can_be_opened_anew)
{
	const char *said = "trying again, as it cannot be opened anew: its directory";
	char away[200];
	pid_t pid;

	(void)snprintf(away, sizeof away, "%s", it_path("e"));
	check(mkdir(it_path("d"), 0755) == 0, "mkdir");
	tree_up("{'name':'app'," EVER
		"'listen':{'file':'unix:d/x'},'children':[" SERVER(
			"web", "", "'file'") "]}");
	pid = pid_of("web");
	check(rename(it_path("d"), away) == 0, "rename");
	(void)ask_unix("e/x", "shutdown");
	await_err(said);
	check(rename(away, it_path("d")) == 0, "rename");
	check(await_next("web", pid) > 0, "no successor");
	check(strstr(ask_unix("d/x", "who"), " file stream"), "who");
	check(!strstr(strstr(tree_err(), said) + 1, said), "said again");
	tree_down();
}

CASE(it_listen, a_udp_socket_that_was_shut_down_is_opened_anew)
{
	int port = free_port();
	union address a;
	socklen_t n = tcp4(port, &a);
	pid_t pid;

	tree_up(with_port("{'name':'app'," EVER "'listen':{'d':'udp://127.0.0.1:%d'},"
			  "'children':[" SERVER("web", "", "'d'") "]}",
		port));
	for (int i = 0; i < 3; i++) {
		const char *text;
		int fd = dial(&a, n, SOCK_DGRAM);

		pid = pid_of("web");
		(void)send(fd, "shutdown", 8, MSG_NOSIGNAL);
		(void)close(fd);
		(void)await_next("web", pid);
		text = ask(&a, n, SOCK_DGRAM, "who");
		check(strstr(text, " d dgram"), "who %d: %s", i, text);
	}
	await_err("it was opened anew");
	tree_down();
}

CASE(it_listen, close_and_nonblock_are_the_workers_own)
{
	int port = free_port();
	pid_t pid;

	tree_up(with_port("{'name':'app'," EVER "'listen':{'web':'tcp://127.0.0.1:%d'},"
			  "'children':[" SERVER("web", "", "'web'") "]}",
		port));
	pid = pid_of("web");
	check(strcmp(ask4(port, "nonblock"), "ok") == 0, "nonblock");
	check(strcmp(ask4(port, "close"), "ok") == 0, "close");
	(void)kill(pid, SIGKILL);
	(void)await_next("web", pid);
	check(strcmp(ask4(port, "flags"), "blocking") == 0, "flags: %s",
		ask4(port, "flags"));
	tree_down();
}

/* --- reload --------------------------------------------------------------------------
 */

CASE(it_listen, reload_adds_keeps_and_closes)
{
	int one = free_port(), two = free_port();
	struct crowd c = { .n = tcp4(one, &c.address) };
	pid_t keeps, changes;
	char text[1000];

	tree_up(with_port(
		"{'name':'app'," EVER "'listen':{'one':'tcp://127.0.0.1:%d',"
		"'old':'unix:old.sock'},'children':[" SERVER("keeps", "",
			"'one'") ",{'id':'s','type':'supervisor','children':[" SERVER("changes",
			"", "'old'") "]}]}",
		one));
	crowd_begin(&c);
	keeps = await_server(&c, 0);
	changes = pid_of("s/changes");
	check(strstr(ask_unix("old.sock", "who"), " old stream"), "old");
	(void)snprintf(text, sizeof text,
		"{'name':'app'," EVER "'listen':{'one':{'address':'tcp://127.0.0.1:%d',"
		"'backlog':100},'two':'tcp://127.0.0.1:%d'},'children':[" SERVER(
			"keeps", "",
			"'one'") ",{'id':'s','type':'supervisor','children':[" SERVER("changes",
			"", "'two'") "]}]}",
		one, two);
	put_json("app.json", text);
	kick_gives(0, "reload");
	check(strstr(ask4(two, "who"), " two stream"), "two: %s", ask4(two, "who"));
	check(pid_of("keeps") == keeps, "keeps was started anew");
	check(pid_of("s/changes") != changes, "changes was not");
	check(access(it_path("old.sock"), F_OK) < 0, "old.sock is still there");
	/* What was added is there for the successors too. */
	changes = pid_of("s/changes");
	(void)kill(pid_of("s"), SIGKILL);
	await_gone(changes);
	check(strstr(ask4(two, "who"), " two stream"), "two: %s", ask4(two, "who"));
	crowd_end(&c);
	tree_down();
}

CASE(it_listen, reload_to_another_address_starts_its_users_anew)
{
	int one = free_port(), two = free_port();
	pid_t pid, other;
	char text[1000];

	tree_up(with_port(DEEP, one));
	kick_gives(
		0, "add app {'id':'by_hand','start':['./h','serve'],'listen':['web']}");
	pid = pid_of("s/web");
	other = pid_of("by_hand");
	(void)snprintf(text, sizeof text, DEEP, two);
	put_json("app.json", text);
	kick_gives(0, "reload --dry-run");
	check(strstr(last_out(), "~ s/web"), "plan: %s", last_out());
	kick_gives(0, "reload");
	check(pid_of("s/web") != pid, "web was not started anew");
	check(pid_of("by_hand") != other, "by_hand was not started anew");
	check(strstr(ask4(two, "who"), " web stream"), "two: %s", ask4(two, "who"));
	check(strcmp(ask4(one, "who"), "refused") == 0, "one: %s", ask4(one, "who"));
	tree_down();
}

CASE(it_listen, reload_gives_a_socket_another_name_without_closing_it)
{
	int one = free_port();
	struct crowd c = { .n = tcp4(one, &c.address) };
	char text[1000];
	pid_t pid;

	tree_up(with_port(DEEP, one));
	crowd_begin(&c);
	pid = await_server(&c, 0);
	(void)snprintf(text, sizeof text,
		"{'name':'app'," EVER "'listen':{'http':'tcp://127.0.0.1:%d'},"
		"'children':[{'id':'s','type':'supervisor'," EVER
		"'children':[" SERVER("web", "", "'http'") "]}]}",
		one);
	put_json("app.json", text);
	kick_gives(0, "reload");
	(void)await_server(&c, pid);
	check(strstr(ask4(one, "who"), " http stream"), "who: %s", ask4(one, "who"));
	crowd_end(&c);
	tree_down();
}

CASE(it_listen, a_reload_whose_socket_cannot_be_opened_changes_nothing)
{
	int one = free_port(), two = free_port();
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	union address a;
	socklen_t n = tcp4(two, &a);
	char text[1000];
	pid_t pid;

	check(bind(fd, &a.any, n) == 0 && listen(fd, 1) == 0, NO_PORT);
	tree_up(with_port(DEEP, one));
	pid = pid_of("s/web");
	(void)snprintf(text, sizeof text,
		"{'name':'app','listen':{'web':'tcp://127.0.0.1:%d',"
		"'new':'unix:new.sock'},'children':[]}",
		two);
	put_json("app.json", text);
	kick_gives(78, "reload");
	check(strstr(last_err(), "another process has this port"), "said: %s%s",
		last_out(), last_err());
	check(pid_of("s/web") == pid, "web was touched");
	check(access(it_path("new.sock"), F_OK) < 0, "new.sock was left");
	check(strstr(ask4(one, "who"), " web stream"), "one: %s", ask4(one, "who"));
	(void)close(fd);
	tree_down();
}

CASE(it_listen, what_is_added_by_hand_names_sockets_that_there_are)
{
	int port = free_port();

	tree_up(with_port(DEEP, port));
	kick_gives(78, "add app {'id':'x','start':['./h','serve'],'listen':['none']}");
	check(strstr(last_err(), "there is no socket \"none\""), "said: %s",
		last_err());
	tree_down();
}

CASE(it_listen, info_shows_the_addresses)
{
	int port = free_port();
	char text[100];

	tree_up(with_port(DEEP, port));
	kick_gives(0, "info s/web --json");
	(void)snprintf(text, sizeof text,
		"[{\"fd\":3,\"name\":\"web\",\"address\":\"tcp://127.0.0.1:%d\"}]",
		port);
	check(strstr(last_out(), text), "info: %s", last_out());
	tree_down();
}
