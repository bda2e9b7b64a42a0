/* A counter under a supervisor, killed as anybody could kill it from outside: kill -9
 * and its number. The name is the same afterwards, the process is not, and it counts
 * from the start. */
#include <kick.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define COUNTER kick_to_name("counter")

static kick_pid first; /* is told of each start */

/* --- the server ---------------------------------------------------------------------
 */

static int count;

static int counter_init(kick_server *s, const cJSON *args)
{
	(void)s;
	count = args->valueint;
	(void)kick_send(kick_to(first), args);
	return KICK_OK;
}

/* "increment", "os_pid" */
static int counter_call(kick_server *s, kick_from from, const cJSON *request)
{
	bool increment = strcmp(cJSON_GetStringValue(request), "increment") == 0;
	cJSON *answer = cJSON_CreateNumber(increment ? ++count : getpid());

	(void)s;
	(void)kick_reply(from, answer);
	cJSON_Delete(answer);
	return KICK_OK;
}

static const kick_gen_server counter = {
	.init = counter_init,
	.handle_call = counter_call,
};

static int counter_start_link(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	const kick_start_options options = { .name = "counter" };

	return kick_server_start_link(&counter, args, &options, ret, why);
}

/* --- API ----------------------------------------------------------------------------
 */

static int counter_ask(const char *what)
{
	cJSON *request = cJSON_CreateString(what), *answer = NULL;
	int n;

	if (kick_call(COUNTER, request, 5000, &answer, NULL) < 0)
		exit(1);
	n = answer->valueint;
	cJSON_Delete(request);
	cJSON_Delete(answer);
	return n;
}

/* --- the first process --------------------------------------------------------------
 */

static bool is_start(const kick_message *m, void *user)
{
	(void)user;
	return m->kind == KICK_MESSAGE;
}

static bool is_down(const kick_message *m, void *user)
{
	(void)user;
	return m->kind == KICK_DOWN;
}

static kick_message *receive(kick_match *match)
{
	kick_message *m;

	if (kick_receive(match, NULL, KICK_INFINITY, &m) < 0)
		exit(1);
	return m;
}

static kick_pid await_start(void)
{
	kick_message *m = receive(is_start);
	kick_pid pid = m->from;

	printf("the counter starts at %d\n", m->value->valueint);
	kick_message_free(m);
	return pid;
}

static void kill_9(kick_pid pid, pid_t os_pid)
{
	kick_message *m;

	if (kick_monitor(pid, NULL) < 0 || kill(os_pid, SIGKILL) < 0)
		exit(1);
	m = receive(is_down);
	printf("kill -9: the counter ends: %s\n", m->reason);
	kick_message_free(m);
}

int main(void)
{
	cJSON *args = cJSON_CreateNumber(100);
	const kick_child_spec spec = {
		.id = "counter", .start = counter_start_link, .args = args
	};
	kick_pid supervisor, pid, before;
	pid_t os_pid;

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (kick_start() < 0)
		return 1;
	first = kick_self();
	if (kick_supervisor_start_link(NULL, &spec, 1, &supervisor, NULL) < 0)
		return 1;
	cJSON_Delete(args);
	pid = await_start();

	/* Three times: so many restarts within five seconds are allowed. */
	for (int i = 0; i < 3; i++) {
		printf("increment: %d\n", counter_ask("increment"));
		printf("increment: %d\n", counter_ask("increment"));
		os_pid = (pid_t)counter_ask("os_pid");
		before = pid;
		kill_9(pid, os_pid);
		pid = await_start();
		printf("another process: %s, %s\n",
			kick_pid_equal(before, pid) ? "no" : "yes",
			counter_ask("os_pid") == os_pid ? "no" : "yes");
	}
	return kick_supervisor_stop(kick_to(supervisor)) < 0;
}
