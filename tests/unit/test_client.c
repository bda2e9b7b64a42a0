/* The client against a scripted server: what it makes of answers, refusals, silence,
 * noise and ends. The server's side of a socketpair is written before the client reads,
 * so that nothing depends on time; the walk over sockets has a process that answers. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/macro.h"
#include "control/client.h"

/* A channel whose other end is *ret_peer; what the server will say is written already.
 */
static struct channel *scripted(const char *said, int *ret_peer)
{
	struct channel *ch;
	int fds[2];

	cr_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	cr_assert(fd_write_all(fds[1], said, strlen(said)) == 0);
	ch = channel_consume(fds[0]);
	cr_assert(ch);
	*ret_peer = fds[1];
	return ch;
}

Test(client, an_answer_is_a_result_or_an_error, .timeout = 5)
{
	static const struct {
		const char *name, *said;
		int r, code;
	} rows[] = {
		{ "a result", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n", 0, 0 },
		{ "a result of null", "{\"id\":1,\"result\":null}\n", 0, 0 },
		{ "a refusal",
			"{\"id\":1,\"error\":{\"code\":-32000,\"message\":\"not_found\"}}\n",
			0, PROTOCOL_E_REFUSED },
		{ "a refusal before anything was read",
			"{\"id\":null,\"error\":{\"code\":-32004,\"message\":\"busy\"}}\n",
			0, PROTOCOL_E_BUSY },
		{ "notifications before it",
			"{\"method\":\"event\",\"params\":{}}\n{\"id\":1,\"result\":{}}\n",
			0, 0 },
		{ "an error without a code", "{\"id\":1,\"error\":{}}\n", 0,
			PROTOCOL_E_INTERNAL },
		{ "neither", "{\"id\":1}\n", -EPROTO, 0 },
		{ "no JSON", "hello\n", -EPROTO, 0 },
		{ "no object", "[]\n", -EPROTO, 0 },
		{ "half a line and the end", "{\"id\":1,", -ECONNRESET, 0 },
		{ "nothing and the end", "", -ECONNRESET, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct answer a = { 0 };
		struct channel *ch;
		int peer, r;

		ch = scripted(rows[i].said, &peer);
		cr_assert(shutdown(peer, SHUT_WR) == 0);
		r = channel_call(ch, "status", NULL, CLIENT_FOREVER, &a, NULL);
		cr_expect(r == rows[i].r, "row: %s: %d", rows[i].name, r);
		cr_expect(a.code == rows[i].code, "row: %s: %d", rows[i].name, a.code);
		cr_expect((a.result != NULL) == (r == 0 && !a.code), "row: %s",
			rows[i].name);
		answer_done(&a);
		channel_free(ch);
		fd_close(peer);
	}
}

Test(client, a_call_is_one_line_of_json_rpc, .timeout = 5)
{
	static const char want[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"exit\","
				   "\"params\":{\"id\":\"web\"}}\n";
	struct answer a = { 0 };
	char line[256] = "";
	struct channel *ch;
	int peer;

	ch = scripted("{\"id\":1,\"result\":{}}\n", &peer);
	cr_assert(channel_call(ch, "exit", "{\"id\":\"web\"}", CLIENT_FOREVER, &a,
			  NULL) == 0);
	cr_assert(read(peer, line, sizeof line - 1) > 0);
	cr_expect_str_eq(line, want);
	answer_done(&a);
	channel_free(ch);
	fd_close(peer);
}

Test(client, a_deadline_ends_the_waiting, .timeout = 5)
{
	struct answer a = { 0 };
	struct channel *ch;
	int peer;

	ch = scripted("{\"id\":1,", &peer);
	cr_expect(channel_call(ch, "stop", NULL, clock_now() + 5 * MSEC_NS, &a, NULL) ==
		-ETIMEDOUT);
	cr_expect(a.root == NULL);
	channel_free(ch);
	fd_close(peer);
}

/* A hint may be due before the answer is: the waiting goes on after it. */
Test(client, an_answer_may_be_waited_for_in_pieces, .timeout = 5)
{
	struct answer a = { 0 };
	struct channel *ch;
	int peer;

	ch = scripted("{\"id\":1,", &peer);
	cr_assert(channel_ask(ch, "stop", NULL, CLIENT_FOREVER) == 0);
	cr_expect(channel_answer(ch, 0, &a) == -ETIMEDOUT);
	cr_assert(fd_write_all(peer, "\"result\":{}}\n", 13) == 0);
	cr_expect(channel_answer(ch, CLIENT_FOREVER, &a) == 0);
	cr_expect(a.result);
	answer_done(&a);
	channel_free(ch);
	fd_close(peer);
}

Test(client, a_notification_that_came_in_pieces_is_one, .timeout = 5)
{
	struct channel *ch;
	cJSON *message;
	int peer;

	ch = scripted("{\"method\":\"event\",", &peer);
	cr_expect(channel_next(ch, 0, &message) == -ETIMEDOUT);
	cr_assert(fd_write_all(peer, "\"params\":{}}\n{\"met", 17) == 0);
	cr_assert(channel_next(ch, CLIENT_FOREVER, &message) == 0);
	cr_expect(cJSON_HasObjectItem(message, "params"));
	cJSON_Delete(message);
	cr_expect(channel_next(ch, 0, &message) == -ETIMEDOUT);
	cr_assert(shutdown(peer, SHUT_WR) == 0);
	cr_expect(channel_next(ch, CLIENT_FOREVER, &message) == -ECONNRESET);
	channel_free(ch);
	fd_close(peer);
}

/* A runtime directory in which each socket answers every request with one text. */
struct server {
	char dir[64];
	int fds[4];
	const char *names[4], *answers[4];
	size_t n;
	pid_t pid;
};

static void serve_one(const struct server *sv, size_t i)
{
	char line[1024];
	int fd = accept(sv->fds[i], NULL, NULL);

	/* A request of the client fits in one read. */
	if (fd >= 0 && read(fd, line, sizeof line) > 0)
		(void)fd_write_all(fd, sv->answers[i], strlen(sv->answers[i]));
	fd_close(fd);
}

static void add_socket(struct server *sv, const char *name, const char *answer)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(sa.sun_path, sizeof sa.sun_path, "%s/%s", sv->dir, name);
	cr_assert(fd >= 0);
	cr_assert(bind(fd, (const struct sockaddr *)&sa, sizeof sa) == 0);
	cr_assert(listen(fd, 8) == 0);
	sv->names[sv->n] = name;
	sv->answers[sv->n] = answer;
	sv->fds[sv->n++] = fd;
}

/* Each socket answers once, in the order in which they were added. */
static void start_server(struct server *sv)
{
	sv->pid = fork();
	cr_assert(sv->pid >= 0);
	if (sv->pid)
		return;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t i = 0; i < sv->n; i++)
		serve_one(sv, i);
	_exit(0);
}

static void stop_server(struct server *sv)
{
	char path[128];

	(void)kill(sv->pid, SIGKILL);
	(void)waitpid(sv->pid, NULL, 0);
	for (size_t i = 0; i < sv->n; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", sv->dir, sv->names[i]);
		(void)unlink(path);
		fd_close(sv->fds[i]);
	}
	(void)rmdir(sv->dir);
}

#define NODE(id, path, type, state, more)                           \
	"{\"id\":\"" id "\",\"path\":\"" path "\",\"type\":\"" type \
	"\",\"state\":\"" state "\"" more "}"
#define RESULT(node) "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":" node "}\n"

static const char top_answer[] = RESULT(NODE("servy", "servy", "supervisor", "running",
	",\"name\":\"servy\",\"root_pid\":1,\"children\":[" NODE("web", "web", "worker",
		"running", ",\"pid\":7,\"well\":true") "," NODE("in", "in",
		"supervisor", "running",
		",\"socket\":\"5\",\"children\":null") "," NODE("off", "off",
		"supervisor", "stopped", ",\"socket\":\"6\"") "," NODE("gone", "gone",
		"supervisor", "running", ",\"socket\":\"7\"") "]"));

static const char in_answer[] = RESULT(NODE("in", "in", "supervisor", "running",
	",\"strategy\":\"rest_for_one\",\"max_restarts\":\"infinity\",\"recent_restarts\":2,"
	"\"children\":[" NODE("a", "in/a", "worker", "exited", ",\"well\":false") "]"));

Test(client, the_walk_joins_the_answers_of_all_supervisors, .timeout = 10)
{
	struct server sv = { .dir = "/tmp/kick-client-XXXXXX" };
	struct answer a = { 0 };
	struct walk w = { sv.dir, CLIENT_FOREVER, CLIENT_FOREVER };
	struct channel *ch;
	struct tree *tree;
	struct node *top, *in;

	cr_assert(mkdtemp(sv.dir));
	add_socket(&sv, "0", top_answer);
	add_socket(&sv, "5", in_answer);
	start_server(&sv);
	cr_assert(channel_open(sv.dir, "0", CLIENT_FOREVER, &ch, NULL) == 0);
	cr_assert(channel_call(ch, "status", NULL, CLIENT_FOREVER, &a, NULL) == 0);
	cr_assert(client_tree(&w, &a, &tree, &top) == 0);
	cr_expect(top->n_children == 4);
	in = tree_find(top, "in");
	cr_assert(in && in->n_children == 1);
	cr_expect_str_eq(in->strategy, "rest_for_one");
	cr_expect(in->max_restarts == TREE_INFINITY);
	cr_expect(in->recent_restarts == 2);
	cr_expect(tree_find(top, "in/a")->code == CHILD_EXITED);
	cr_expect(tree_find(top, "off")->n_children == 0, "it is down, nobody to ask");
	cr_expect(tree_find(top, "gone")->n_children == 0, "it could not be asked");
	cr_expect(!tree_is_well(top));
	tree_free(tree);
	channel_free(ch);
	stop_server(&sv);
}

/* Each gets its time: one that hangs takes none from the others. */
Test(client, a_nested_supervisor_that_hangs_is_silent, .timeout = 10)
{
	struct server sv = { .dir = "/tmp/kick-client-XXXXXX" };
	struct walk w = { sv.dir, CLIENT_FOREVER, 5 * MSEC_NS };
	struct answer a = { 0 };
	struct channel *ch;
	struct tree *tree;
	struct node *top;

	cr_assert(mkdtemp(sv.dir));
	add_socket(&sv, "0", top_answer);
	start_server(&sv);
	/* Nobody accepts on it. */
	add_socket(&sv, "5", in_answer);
	cr_assert(channel_open(sv.dir, "0", CLIENT_FOREVER, &ch, NULL) == 0);
	cr_assert(channel_call(ch, "status", NULL, CLIENT_FOREVER, &a, NULL) == 0);
	cr_assert(client_tree(&w, &a, &tree, &top) == 0);
	cr_expect(tree_find(top, "in")->silent);
	cr_expect(!node_is_well(tree_find(top, "in")));
	cr_expect(!tree_find(top, "gone")->silent, "it is not there, that is known");
	cr_expect(!tree_find(top, "web")->silent);
	tree_free(tree);
	channel_free(ch);
	stop_server(&sv);
}

Test(client, a_directory_without_kickd_says_so, .timeout = 5)
{
	struct server sv = { .dir = "/tmp/kick-client-XXXXXX" };
	struct channel *ch;
	struct err err = { 0 };

	cr_assert(mkdtemp(sv.dir));
	cr_expect(channel_open(sv.dir, "0", CLIENT_FOREVER, &ch, &err) == -ENOENT);
	cr_expect(strstr(err.text, sv.dir));
	add_socket(&sv, "0", "");
	fd_close(sv.fds[0]);
	sv.fds[0] = -EBADF;
	cr_expect(
		channel_open(sv.dir, "0", CLIENT_FOREVER, &ch, NULL) == -ECONNREFUSED);
	cr_expect(channel_open(
			  "/nonexistent/of/a/very/long/name/that/does/not/fit/into/the/"
			  "address/of/a/unix/domain/socket/whatever/one/does/with/it",
			  "0", CLIENT_FOREVER, &ch, NULL) == -ENAMETOOLONG);
	(void)snprintf(err.text, sizeof err.text, "%s/0", sv.dir);
	(void)unlink(err.text);
	(void)rmdir(sv.dir);
}
