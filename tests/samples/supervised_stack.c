/* The stack of stack.c under a supervisor. When it crashes, a new process takes its
 * name and its place; what had been pushed is lost: it begins again with the arguments
 * of its specification. */
#include <errno.h>
#include <kick.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STACK kick_to_name("stack")

static kick_pid first; /* is told what each new stack begins with */

/* --- the server ---------------------------------------------------------------------
 */

static int stack_init(kick_server *s, const cJSON *args)
{
	kick_server_set_state(s, cJSON_Duplicate(args, true));
	(void)kick_send(kick_to(first), args);
	return KICK_OK;
}

/* {"push": VALUE} */
static int stack_cast(kick_server *s, const cJSON *request)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(request, "push");

	(void)cJSON_InsertItemInArray(
		kick_server_state(s), 0, cJSON_Duplicate(value, true));
	return KICK_OK;
}

/* "all", "pop". There is no clause for a pop from an empty stack: it is a crash. */
static int stack_call(kick_server *s, kick_from from, const cJSON *request)
{
	cJSON *stack = kick_server_state(s), *top;

	if (strcmp(cJSON_GetStringValue(request), "all") == 0) {
		(void)kick_reply(from, stack);
		return KICK_OK;
	}
	top = cJSON_DetachItemFromArray(stack, 0);
	if (!top)
		kick_raise("function_clause");
	(void)kick_reply(from, top);
	cJSON_Delete(top);
	return KICK_OK;
}

static const kick_gen_server callbacks = {
	.init = stack_init,
	.handle_call = stack_call,
	.handle_cast = stack_cast,
};

/* --- API ----------------------------------------------------------------------------
 */

/* A start function, as a supervisor calls it. */
static int stack_start_link(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	const kick_start_options options = { .name = "stack" };

	return kick_server_start_link(&callbacks, args, &options, ret, why);
}

static void stack_push(int n)
{
	cJSON *request = cJSON_CreateObject();

	(void)cJSON_AddNumberToObject(request, "push", n);
	(void)kick_cast(STACK, request);
	cJSON_Delete(request);
	printf("push %d\n", n);
}

static void stack_ask(const char *what)
{
	cJSON *request = cJSON_CreateString(what), *answer = NULL;
	kick_reason why;
	int r = kick_call(STACK, request, 5000, &answer, &why);
	char *text = cJSON_PrintUnformatted(answer);

	if (r == -ECONNRESET)
		printf("%s: it has crashed: %s\n", what, why.text);
	else
		printf("%s: %s\n", what, r == 0 ? text : strerror(-r));
	cJSON_free(text);
	cJSON_Delete(answer);
	cJSON_Delete(request);
}

/* --- the first process --------------------------------------------------------------
 */

/* Waits for a new stack, and gives its process. */
static kick_pid await_stack(void)
{
	kick_message *m;
	kick_pid pid;
	char *text;

	if (kick_receive(NULL, NULL, KICK_INFINITY, &m) < 0)
		exit(1);
	pid = m->from;
	text = cJSON_PrintUnformatted(m->value);
	printf("a stack begins with %s\n", text);
	cJSON_free(text);
	kick_message_free(m);
	return pid;
}

int main(void)
{
	cJSON *args = cJSON_Parse("[1, 2]");
	const kick_child_spec spec = {
		.id = "stack", .start = stack_start_link, .args = args
	};
	kick_pid supervisor, before, after;

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (kick_start() < 0)
		return 1;
	first = kick_self();
	if (kick_supervisor_start_link(NULL, &spec, 1, &supervisor, NULL) < 0)
		return 1;
	cJSON_Delete(args);
	before = await_stack();
	stack_push(3);
	stack_ask("all");
	for (int i = 0; i < 4; i++)
		stack_ask("pop");

	after = await_stack();
	printf("another process: %s\n", kick_pid_equal(before, after) ? "no" : "yes");
	stack_push(4);
	stack_push(5);
	stack_ask("all");

	printf("kill\n");
	(void)kick_exit(after, "kill");
	(void)await_stack();
	stack_ask("all");

	if (kick_supervisor_stop(kick_to(supervisor)) < 0)
		return 1;
	printf("the supervisor is stopped\n");
	stack_ask("all");
	return 0;
}
