/* Counters: servers without a name, each with a state of its own. What a crash takes
 * with it, and what it does not. */
#include <kick.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- core ---------------------------------------------------------------------------
 */

static int increment(int count)
{
	return count + 1;
}

static int decrement(int count)
{
	return count - 1;
}

/* --- boundary -----------------------------------------------------------------------
 */

/* The process is a copy of its own: its statics are its state. */
static int count;

static int counter_init(kick_server *s, const cJSON *args)
{
	(void)s;
	count = args ? args->valueint : 0;
	return KICK_OK;
}

static int counter_cast(kick_server *s, const cJSON *request)
{
	const char *what = cJSON_GetStringValue(request);

	(void)s;
	if (what && strcmp(what, "increment") == 0)
		count = increment(count);
	else if (what && strcmp(what, "decrement") == 0)
		count = decrement(count);
	else
		abort();
	return KICK_OK;
}

static int counter_call(kick_server *s, kick_from from, const cJSON *request)
{
	cJSON *answer = cJSON_CreateNumber(count);

	(void)s;
	(void)request;
	(void)kick_reply(from, answer);
	cJSON_Delete(answer);
	return KICK_OK;
}

static const kick_gen_server counter = {
	.init = counter_init,
	.handle_call = counter_call,
	.handle_cast = counter_cast,
};

/* --- API ----------------------------------------------------------------------------
 */

static kick_pid counter_start(int first)
{
	cJSON *args = cJSON_CreateNumber(first);
	kick_pid pid;

	if (kick_server_start(&counter, args, NULL, &pid, NULL) < 0)
		exit(1);
	cJSON_Delete(args);
	return pid;
}

static void counter_tell(kick_pid pid, const char *what)
{
	cJSON *request = cJSON_CreateString(what);

	(void)kick_cast(kick_to(pid), request);
	cJSON_Delete(request);
}

static void show(const char *name, kick_pid pid)
{
	cJSON *request = cJSON_CreateString("value"), *answer = NULL;
	int r = kick_call(kick_to(pid), request, 5000, &answer, NULL);

	if (r < 0)
		printf("%s: %s\n", name, strerror(-r));
	else
		printf("%s: %d\n", name, answer->valueint);
	cJSON_Delete(request);
	cJSON_Delete(answer);
}

int main(void)
{
	kick_message *m;
	kick_ref monitor;
	kick_pid apples, pears;

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (kick_start() < 0)
		return 1;
	apples = counter_start(0);
	pears = counter_start(40);
	for (int i = 0; i < 3; i++)
		counter_tell(apples, "increment");
	counter_tell(pears, "decrement");
	show("apples", apples);
	show("pears", pears);

	if (kick_monitor(apples, &monitor) < 0)
		return 1;
	counter_tell(apples, "peel");
	if (kick_receive(NULL, NULL, 5000, &m) < 0 || m->kind != KICK_DOWN)
		return 1;
	printf("apples ended: %s\n", m->reason);
	kick_message_free(m);
	show("apples", apples);
	show("pears", pears);

	/* Started anew, it begins from the start; the old pid stays the old one's. */
	show("apples again", counter_start(0));
	show("apples", apples);
	return 0;
}
