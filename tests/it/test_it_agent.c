/* Agents of the configuration: a state that outlives its users, and with a file the
 * agent itself. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "it_inside.h"

#define AGENT(id, more) "{'id':'" id "','type':'agent'" more "}"
#define TREE(children) \
	"{'name':'app','max_restarts':'infinity','children':[" children "]}"

/* --- asking ---------------------------------------------------------------------- */

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	cJSON *node = node_of(path);
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(node, "socket"));

	check(name, "%s has no socket", path);
	(void)snprintf(
		sun.sun_path, sizeof sun.sun_path, "%s/%s", it_runtime_dir(), name);
	cJSON_Delete(node);
	return sun;
}

static int dial_at(const struct sockaddr_un *sun)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	check(connect(fd, (const struct sockaddr *)sun, sizeof *sun) == 0,
		"connect to %s: %s", sun->sun_path, strerror(errno));
	return fd;
}

static int dial(const char *path)
{
	struct sockaddr_un sun = address_of(path);

	return dial_at(&sun);
}

static bool say(int fd, const char *method, const char *request)
{
	static char line[300000];
	int n = snprintf(line, sizeof line,
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":{\"request\":%s}}\n",
		method, request);

	for (char *p = line; *p; p++)
		if (*p == '\'')
			*p = '"';
	return send(fd, line, (size_t)n, MSG_NOSIGNAL) == n;
}

/* One line, "" when the other side has hung up. Static until the next call. */
static const char *hear(int fd)
{
	static char text[1 << 20];
	double deadline = it_deadline();
	size_t n = 0;

	text[0] = '\0';
	while (!strchr(text, '\n') && n < sizeof text - 1) {
		struct pollfd p = { fd, POLLIN, 0 };
		ssize_t r;

		(void)it_pump(0);
		check(it_now() < deadline, "no answer");
		if (poll(&p, 1, 50) == 0)
			continue;
		r = recv(fd, text + n, 1, 0);
		if (r <= 0)
			break;
		text[n += (size_t)r] = '\0';
	}
	return text;
}

static const char *ask(int fd, const char *request)
{
	(void)say(fd, "call", request);
	return hear(fd);
}

/* The answer is this result. */
static void check_answer(int fd, const char *request, const char *result)
{
	char wanted[400];
	const char *is = ask(fd, request);

	(void)snprintf(wanted, sizeof wanted, "\"result\":%s}\n", result);
	for (char *p = wanted; *p; p++)
		if (*p == '\'')
			*p = '"';
	check(strstr(is, wanted), "%s: %s instead of %s", request, is, wanted);
}

/* With a connection of its own. */
static void check_state(const char *path, const char *state)
{
	int fd = dial(path);

	check_answer(fd, "'get'", state);
	(void)close(fd);
}

static void kill_hard(pid_t pid)
{
	check(pid > 0, "there is no pid to kill");
	(void)kill(pid, SIGKILL);
}

/* Static until the next call. */
static const char *content(const char *name)
{
	static char text[8192];
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);

	(void)close(fd);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

/* --- state ----------------------------------------------------------------------- */

CASE(it_agent, a_state_survives_the_death_of_its_user)
{
	int fd, p[2];
	pid_t user;
	char c;

	tree_up(TREE(AGENT("stash", ",'initial':{'n':0}")));
	check(pipe(p) == 0, "pipe");
	user = fork();
	if (user == 0) {
		fd = dial("stash");
		check_answer(fd, "{'update':{'n':41}}", "true");
		(void)!write(p[1], "", 1);
		for (;;)
			(void)pause();
	}
	check(read(p[0], &c, 1) == 1, "the user has failed");
	kill_hard(user);
	check(waitpid(user, NULL, 0) == user, "wait");
	check_state("stash", "{'n':41}");
	check(strstr(read_of(pid_of("stash"), "cmdline"), "kickd: agent stash"),
		"title %s", read_of(pid_of("stash"), "cmdline"));
	tree_down();
}

CASE(it_agent, requests_are_answered_and_refused)
{
	static const struct {
		const char *request, *answer;
	} rows[] = {
		{ "'get'", "\"result\":{\"a\":[1]}" },
		{ "{'get':'/a/0'}", "\"result\":1" },
		{ "{'get':'/b'}", "\"message\":\"not_found\"" },
		{ "{'patch':[{'op':'add','path':'/a/-','value':2}]}",
			"\"result\":true" },
		{ "{'get_and_patch':[{'op':'test','path':'/a/1','value':2},"
		  "{'op':'remove','path':'/a/0'}]}",
			"\"result\":{\"a\":[1,2]}" },
		{ "{'patch':[{'op':'remove','path':'/a'},"
		  "{'op':'test','path':'/a','value':1}]}",
			"\"message\":\"patch_failed\"" },
		{ "{'get_and_update':'x'}", "\"result\":{\"a\":[2]}" },
		{ "'get'", "\"result\":\"x\"" },
		{ "{'push':1}", "\"message\":\"badarg\"" },
	};
	int fd;

	tree_up(TREE(AGENT("stash", ",'initial':{'a':[1]}") "," AGENT("none", "")));
	fd = dial("stash");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		expect(strstr(ask(fd, rows[i].request), rows[i].answer), "%s",
			rows[i].request);
	/* A cast and a call of another connection that comes later. */
	check(say(fd, "cast", "{'update':'cast'}"), "cast");
	(void)hear(fd);
	check_state("stash", "'cast'");
	check(say(fd, "status", "1") && strstr(hear(fd), "-32601"), "another method");
	check_state("none", "null");
	(void)close(fd);
	expected();
	tree_down();
}

CASE(it_agent, a_killed_agent_is_started_with_what_it_had_written)
{
	pid_t kept, lost;
	int fd;

	tree_up(TREE(AGENT("kept", ",'initial':0,'file':'kept.json'") "," AGENT(
		"lost", ",'initial':[1,2]")));
	kept = pid_of("kept");
	lost = pid_of("lost");
	check(lines_in("kept.json") == 0, "it was written before a change");
	fd = dial("kept");
	check_answer(fd, "{'update':{'n':7}}", "true");
	check(strcmp(content("kept.json"), "{\"n\":7}\n") == 0, "file %s",
		content("kept.json"));
	(void)close(fd);
	fd = dial("lost");
	check_answer(fd, "{'update':3}", "true");
	kill_hard(lost);
	check(strcmp(hear(fd), "") == 0, "an answer of the dead");
	(void)close(fd);
	kill_hard(kept);
	check(await_next("kept", kept) > 0 && await_next("lost", lost) > 0, "next");
	check_state("kept", "{'n':7}");
	check_state("lost", "[1,2]");
	tree_down();
	tree_up(NULL);
	check_state("kept", "{'n':7}");
	tree_down();
}

#define LIVES 25

CASE(it_agent, killed_while_it_writes_the_file_is_whole_and_not_older_than_answered)
{
	char request[9000];
	int answered = 0, asked = 0;
	const char *text;

	tree_up(TREE(AGENT("stash", ",'initial':{'n':0},'file':'s.json'")));
	for (int life = 0; life < LIVES; life++) {
		pid_t pid = pid_of("stash");
		int fd = dial("stash");
		int n = -1, before = 1 + life % 5;
		cJSON *json;

		for (int i = 0; i < before; i++) {
			(void)snprintf(request, sizeof request,
				"{'update':{'n':%d,'fill':'%0*d'}}", ++asked, 6000, 0);
			check(strstr(ask(fd, request), "true"), "no answer");
			answered = asked;
		}
		(void)snprintf(request, sizeof request,
			"{'update':{'n':%d,'fill':'%0*d'}}", ++asked, 6000, 0);
		check(say(fd, "call", request), "say");
		/* At any moment of the write. */
		for (int spin = 0; spin < life * 4000; spin++)
			__asm__ volatile("");
		kill_hard(pid);
		text = hear(fd);
		if (strstr(text, "true"))
			answered = asked;
		(void)close(fd);
		check(await_next("stash", pid) > 0, "next");
		json = cJSON_Parse(content("s.json"));
		check(json, "the file is not whole: %.100s", content("s.json"));
		n = (int)cJSON_GetNumberValue(cJSON_GetObjectItem(json, "n"));
		check(n >= answered && n <= asked, "n is %d, %d was answered, %d asked",
			n, answered, asked);
		cJSON_Delete(json);
	}
	tree_down();
	/* What killed writes have left is gone. */
	check(system("ls s.json.tmp-* 2>/dev/null") != 0, "temporary files are left");
}

/* --- the file -------------------------------------------------------------------- */

CASE(it_agent, a_file_that_cannot_be_read_is_told_and_not_overwritten)
{
	static const struct {
		const char *text, *reason;
	} rows[] = {
		{ "{\"n\":", "bad_file:not_JSON" },
		{ "", "bad_file:not_JSON" },
		{ "{\"a\":1,\"a\":2}\n", "bad_file:an_object_has_a_member_twice" },
	};

	tree_up(TREE(WORKER("a")));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char id[8];

		(void)snprintf(id, sizeof id, "s%zu", i);
		put_file("bad.json", "%s", rows[i].text);
		kick("add app {'id':'%s','type':'agent','restart':'temporary',"
		     "'file':'bad.json'}",
			id);
		expect(strcmp(await_event("exited", id, 1)->reason, rows[i].reason) ==
				0,
			"row %zu: %s", i, await_event("exited", id, 1)->reason);
		expect(strcmp(content("bad.json"), rows[i].text) == 0,
			"row %zu: overwritten", i);
	}
	make_fifo("fifo");
	kick("add app {'id':'f','type':'agent','restart':'temporary','file':'fifo'}");
	expect(strcmp(await_event("exited", "f", 1)->reason, "bad_file:EINVAL") == 0,
		"fifo: %s", await_event("exited", "f", 1)->reason);
	kick("add app {'id':'d','type':'agent','restart':'temporary',"
	     "'file':'none/f.json'}");
	expect(strcmp(await_event("exited", "d", 1)->reason, "bad_file:ENOENT") == 0,
		"no directory: %s", await_event("exited", "d", 1)->reason);
	check_alive("a");
	expected();
	tree_down();
}

static void own_disk(const char *test)
{
	if (unshare(CLONE_NEWNS) < 0 ||
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		it_skip(test, "needs the right to mount");
	check(mkdir("disk", 0755) == 0, "mkdir");
	check(mount("kick-it", "disk", "tmpfs", 0, "size=64k") == 0, "tmpfs: %s",
		strerror(errno));
}

CASE(it_agent, on_a_full_disk_a_change_is_refused_and_nothing_is_lost)
{
	static const char zeros[4096];
	const char *answer;
	pid_t pid;
	int fd, fill;

	own_disk("it_agent::on_a_full_disk_a_change_is_refused_and_nothing_is_lost");
	tree_up(TREE(AGENT("stash", ",'file':'disk/s.json'")));
	pid = pid_of("stash");
	fd = dial("stash");
	check_answer(fd, "{'update':{'n':1}}", "true");
	fill = open("disk/fill", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	while (write(fill, zeros, sizeof zeros) > 0)
		;
	check(errno == ENOSPC, "fill: %s", strerror(errno));
	answer = ask(fd, "{'update':{'n':2}}");
	expect(strstr(answer, "\"message\":\"file_failed\""), "%s", answer);
	expect(strstr(answer, "disk/s.json: No space left on device"), "%s", answer);
	check_answer(fd, "'get'", "{'n':1}");
	check(strcmp(content("disk/s.json"), "{\"n\":1}\n") == 0, "file %s",
		content("disk/s.json"));
	check(system("ls disk/s.json.tmp-* 2>/dev/null") != 0, "half a file is left");
	kill_hard(pid);
	check(await_next("stash", pid) > 0, "next");
	check_state("stash", "{'n':1}");
	(void)close(fd);
	(void)close(fill);
	(void)unlink("disk/fill");
	fd = dial("stash");
	check_answer(fd, "{'update':{'n':3}}", "true");
	check(strcmp(content("disk/s.json"), "{\"n\":3}\n") == 0, "file %s",
		content("disk/s.json"));
	(void)close(fd);
	expected();
	tree_down();
	check(umount2("disk", MNT_DETACH) == 0, "umount");
}

/* --- who, and what --------------------------------------------------------------- */

#define READER 41003
#define READERS "41011"

/* The first step that went wrong, 0 when none did. */
static int as_reader(
	const struct sockaddr_un *agent, const struct sockaddr_un *registry)
{
	static const struct {
		bool registry;
		const char *request, *answer;
	} steps[] = {
		{ false, "'get'", "\"result\":1" },
		{ false, "{'get':''}", "\"result\":1" },
		{ false, "{'update':2}", "-32001" },
		{ false, "{'get_and_update':2}", "-32001" },
		{ false, "{'patch':[]}", "-32001" },
		{ true, "{'lookup':1}", "\"result\":[]" },
		{ true, "{'count':null}", "\"result\":0" },
		{ true, "{'register':1}", "-32001" },
		{ true, "{'dispatch':1,'message':1}", "-32001" },
	};
	gid_t group = (gid_t)atoi(READERS);
	int fds[2];

	if (setgroups(1, &group) < 0 || setgid(READER) < 0 || setuid(READER) < 0)
		return 99;
	fds[0] = dial_at(agent);
	fds[1] = dial_at(registry);
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
		if (!strstr(ask(fds[steps[i].registry], steps[i].request),
			    steps[i].answer))
			return (int)i + 1;
	return 0;
}

CASE(it_agent, a_reader_may_look_but_not_touch)
{
	struct sockaddr_un agent, registry;
	int status;
	pid_t pid;

	if (geteuid() != 0)
		it_skip("it_agent::a_reader_may_look_but_not_touch",
			"needs root to become a reader");
	check(chmod(".", 0711) == 0, "chmod");
	tree_up("{'name':'app','max_restarts':'infinity','control':{'readers':'" READERS
		"'},'children':[" AGENT("stash", ",'initial':1") ",{'id':'reg','type':"
								 "'registry'}]}");
	agent = address_of("stash");
	registry = address_of("reg");
	pid = fork();
	if (pid == 0)
		_exit(as_reader(&agent, &registry));
	check(waitpid(pid, &status, 0) == pid, "wait");
	check(WIFEXITED(status) && WEXITSTATUS(status) == 0, "step %d failed",
		WEXITSTATUS(status));
	check_state("stash", "1");
	tree_down();
}

CASE(it_agent, no_request_ends_it)
{
	static const char *const rows[] = { "null", "[]", "{}", "1e308", "''",
		"{'get':{}}", "{'get':'~'}", "{'update':{'a':1,'a':2}}",
		"{'patch':null}", "{'patch':[null]}",
		"{'patch':[{'op':'move','from':'','path':'/a'}]}",
		"{'patch':[{'op':'add','path':'/a/99999999999999999999','value':1}]}",
		"{'patch':[{'op':'remove','path':''}]}", "{'get':'','get':''}" };
	struct text deep = { 0 };
	pid_t pid, reg;
	int fd;

	tree_up(TREE(AGENT("stash", ",'initial':{'a':1}") ",{'id':'reg','type':"
							  "'registry'}"));
	pid = pid_of("stash");
	reg = pid_of("reg");
	for (int which = 0; which < 2; which++) {
		fd = dial(which ? "reg" : "stash");
		for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
			expect(strstr(ask(fd, rows[i]), "\"error\""), "%s: %s", rows[i],
				ask(fd, rows[i]));
		/* Half a request, then nothing more. */
		check(send(fd, "{\"jsonrpc\"", 10, MSG_NOSIGNAL) == 10, "send");
		(void)close(fd);
	}
	/* Copies of the whole within itself: wider and deeper. */
	text_add(&deep, "{'patch':[", 10);
	for (int i = 0; i < 4000; i++) {
		static const char op[] = "{'op':'copy','from':'','path':'/a'}";

		text_add(&deep, i ? "," : "", i != 0);
		text_add(&deep, op, sizeof op - 1);
	}
	text_add(&deep, "]}", 2);
	fd = dial("stash");
	check(strstr(ask(fd, deep.bytes), "too_big"), "deep");
	check_answer(fd, "'get'", "{'a':1}");
	free(deep.bytes);
	(void)close(fd);
	check(pid_of("stash") == pid && pid_of("reg") == reg, "it has ended");
	expected();
	tree_down();
}

CASE(it_agent, stopped_it_is_gone_and_started_it_begins_anew)
{
	int fd;

	tree_up(TREE(AGENT("stash", ",'initial':1")));
	fd = dial("stash");
	check_answer(fd, "{'update':2}", "true");
	kick_gives(0, "stop stash");
	check(strcmp(reason_of("stash"), "shutdown") == 0, "reason %s",
		reason_of("stash"));
	check(strcmp(hear(fd), "") == 0, "it still talks");
	(void)close(fd);
	kick_gives(0, "start stash");
	check_state("stash", "1");
	tree_down();
}
