/* Registries of the configuration: who holds what, as long as it is connected, and all
 * of them told. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define TREE                                                                        \
	"{'name':'app','max_restarts':'infinity','children':[{'id':'names','type':" \
	"'registry'},{'id':'topics','type':'registry','keys':'duplicate'}," WORKER( \
		"a") "]}"

static int dial(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cJSON *node = node_of(path);
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(node, "socket"));

	check(name, "%s has no socket", path);
	(void)snprintf(
		sun.sun_path, sizeof sun.sun_path, "%s/%s", it_runtime_dir(), name);
	cJSON_Delete(node);
	check(connect(fd, (struct sockaddr *)&sun, sizeof sun) == 0,
		"connect to %s: %s", path, strerror(errno));
	return fd;
}

static void say(int fd, const char *request)
{
	char line[10000];
	int n = snprintf(line, sizeof line,
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"call\",\"params\":{\"request\":%s}}\n",
		request);

	for (char *p = line; *p; p++)
		if (*p == '\'')
			*p = '"';
	check(send(fd, line, (size_t)n, MSG_NOSIGNAL) == n, "%s: %s", request,
		strerror(errno));
}

/* One line, "" when the other side has hung up. Static until the next call. */
static const char *hear(int fd)
{
	static char text[65536];
	double deadline = it_deadline();
	size_t n = 0;

	text[0] = '\0';
	while (!strchr(text, '\n') && n < sizeof text - 1) {
		struct pollfd p = { fd, POLLIN, 0 };
		ssize_t r;

		(void)it_pump(0);
		check(it_now() < deadline, "nothing is heard");
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
	say(fd, request);
	return hear(fd);
}

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

/* A process that holds a key, and its pid. */
static pid_t holder(const char *path, const char *request)
{
	int p[2];
	char c;
	pid_t pid;

	check(pipe(p) == 0, "pipe");
	pid = fork();
	if (pid == 0) {
		check_answer(dial(path), request, "true");
		(void)!write(p[1], "", 1);
		for (;;)
			(void)pause();
	}
	(void)close(p[1]);
	check(read(p[0], &c, 1) == 1, "the holder has failed");
	(void)close(p[0]);
	return pid;
}

CASE(it_registry, an_entry_ends_with_its_holder)
{
	pid_t pid;
	int fd;

	tree_up(TREE);
	fd = dial("names");
	pid = holder("names", "{'register':{'job':7},'value':{'port':80}}");
	check_answer(fd, "{'lookup':{'job':7.0}}", "[{'port':80}]");
	check(strstr(ask(fd, "{'register':{'job':7}}"), "already_registered"),
		"two hold it");
	check_answer(fd, "{'count':null}", "1");
	(void)kill(pid, SIGKILL);
	check(waitpid(pid, NULL, 0) == pid, "wait");
	/* Its connection was closed before it could be waited for; the registry hears
	 * of that in its own time. */
	{
		double deadline = it_deadline();

		while (!strstr(
			ask(fd, "{'register':{'job':7},'value':'mine'}"), "true"))
			check(it_now() < deadline, "the dead hold it");
	}
	check_answer(fd, "{'lookup':{'job':7}}", "['mine']");
	check_answer(fd, "{'keys':null}", "[{'job':7}]");
	check_answer(fd, "{'unregister':{'job':7}}", "true");
	check_answer(fd, "{'count':null}", "0");
	(void)close(fd);
	tree_down();
}

#define SUBSCRIBERS 20

CASE(it_registry, a_message_reaches_all_who_hold_the_key_and_no_others)
{
	int subs[SUBSCRIBERS], other, teller;
	char wanted[16];

	tree_up(TREE);
	other = dial("topics");
	check_answer(other, "{'register':'weather'}", "true");
	for (int i = 0; i < SUBSCRIBERS; i++) {
		subs[i] = dial("topics");
		check_answer(subs[i], "{'register':'news','value':1}", "true");
	}
	/* Twice is told once. */
	check_answer(subs[0], "{'register':'news','value':2}", "true");
	teller = dial("topics");
	(void)snprintf(wanted, sizeof wanted, "%d", SUBSCRIBERS);
	check_answer(teller, "{'dispatch':'news','message':{'n':[1]}}", wanted);
	check_answer(teller, "{'dispatch':'news','message':'last'}", wanted);
	check_answer(teller, "{'dispatch':'nothing','message':1}", "0");
	for (int i = 0; i < SUBSCRIBERS; i++) {
		expect(strcmp(hear(subs[i]),
			       "{\"jsonrpc\":\"2.0\",\"method\":\"message\",\"params\":"
			       "{\"key\":\"news\",\"message\":{\"n\":[1]}}}\n") == 0,
			"subscriber %d", i);
		expect(strstr(hear(subs[i]), "\"message\":\"last\""), "subscriber %d",
			i);
	}
	check_answer(other, "{'count':null}", "22");
	for (int i = 0; i < SUBSCRIBERS; i++)
		(void)close(subs[i]);
	(void)close(other);
	(void)close(teller);
	expected();
	tree_down();
}

CASE(it_registry, who_does_not_read_is_not_told_and_holds_nobody_up)
{
	static char request[200000];
	int slow, quick, teller, told = 2, n = 0;

	tree_up(TREE);
	slow = dial("topics");
	quick = dial("topics");
	teller = dial("topics");
	check_answer(slow, "{'register':'t'}", "true");
	check_answer(quick, "{'register':'t'}", "true");
	(void)snprintf(
		request, sizeof request, "{'dispatch':'t','message':'%0*d'}", 9000, 0);
	while (told == 2) {
		const char *answer = strstr(ask(teller, request), "\"result\":");

		check(answer && n++ < 2000, "it takes all");
		told = atoi(answer + strlen("\"result\":"));
		check(strstr(hear(quick), "000000"), "quick was not told");
	}
	check(told == 1, "told %d", told);
	check_alive("topics");
	(void)close(slow);
	(void)close(quick);
	(void)close(teller);
	tree_down();
}

/* A registry has its holders' connections only as long as it lives itself. */
CASE(it_registry, a_killed_registry_is_empty_and_tells_so_by_closing)
{
	pid_t pid;
	int fd;

	tree_up(TREE);
	fd = dial("names");
	check_answer(fd, "{'register':1}", "true");
	pid = pid_of("names");
	(void)kill(pid, SIGKILL);
	check(strcmp(hear(fd), "") == 0, "no end of file");
	(void)close(fd);
	check(await_next("names", pid) > 0, "next");
	fd = dial("names");
	check_answer(fd, "{'count':null}", "0");
	check_answer(fd, "{'register':1}", "true");
	(void)close(fd);
	tree_down();
}

/* More than a socket serves: those who only look make room, not the holder, though he
 * has been silent the longest. */
CASE(it_registry, a_holder_is_not_dropped_for_others)
{
	int fds[300], fd;

	tree_up(TREE);
	fd = dial("names");
	check_answer(fd, "{'register':'me','value':1}", "true");
	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
		fds[i] = dial("names");
		check_answer(fds[i], "{'lookup':'me'}", "[1]");
	}
	check_answer(fds[299], "{'lookup':'me'}", "[1]");
	check_answer(fd, "{'keys':null}", "['me']");
	check(strcmp(hear(fds[0]), "") == 0, "nobody was dropped");
	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
		(void)close(fds[i]);
	(void)close(fd);
	tree_down();
}
