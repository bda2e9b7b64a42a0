/* A stack of any values: the server's state is a JSON array. */
#include <kick.h>
#include <stdio.h>
#include <string.h>

/* --- core: arrays -------------------------------------------------------------------
 */

/* Takes value over. */
static void push(cJSON *stack, cJSON *value)
{
	cJSON_InsertItemInArray(stack, 0, value);
}

/* The caller's; NULL: it is empty. */
static cJSON *pop(cJSON *stack)
{
	return cJSON_DetachItemFromArray(stack, 0);
}

static cJSON *peek(const cJSON *stack)
{
	return cJSON_Duplicate(cJSON_GetArrayItem(stack, 0), true);
}

/* --- boundary -----------------------------------------------------------------------
 */

static int stack_init(kick_server *s, const cJSON *args)
{
	kick_server_set_state(s, cJSON_Duplicate(args, true));
	return KICK_OK;
}

/* {"push": VALUE} */
static int stack_cast(kick_server *s, const cJSON *request)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(request, "push");

	if (!value)
		return kick_server_stop(s, "function_clause");
	push(kick_server_state(s), cJSON_Duplicate(value, true));
	return KICK_OK;
}

/* "pop", "peek", "all". An empty stack's top is null. */
static int stack_call(kick_server *s, kick_from from, const cJSON *request)
{
	cJSON *stack = kick_server_state(s), *answer = NULL;
	const char *what = cJSON_GetStringValue(request);

	if (what && strcmp(what, "pop") == 0)
		answer = pop(stack);
	else if (what && strcmp(what, "peek") == 0)
		answer = peek(stack);
	else if (what && strcmp(what, "all") == 0)
		answer = cJSON_Duplicate(stack, true);
	if (!answer)
		answer = cJSON_CreateNull();
	(void)kick_reply(from, answer);
	cJSON_Delete(answer);
	return KICK_OK;
}

static void stack_terminate(kick_server *s, const char *reason)
{
	char *text = cJSON_PrintUnformatted(kick_server_state(s));

	printf("stack ends, %s, with %s\n", reason, text);
	cJSON_free(text);
	cJSON_Delete(kick_server_state(s));
}

static const kick_gen_server stack = {
	.init = stack_init,
	.handle_call = stack_call,
	.handle_cast = stack_cast,
	.terminate = stack_terminate,
};

/* --- API ----------------------------------------------------------------------------
 */

#define STACK kick_to_name("stack")

static int stack_start(const char *json)
{
	const kick_start_options options = { .name = "stack" };
	cJSON *first = cJSON_Parse(json);
	kick_pid pid;
	int r = kick_server_start_link(&stack, first, &options, &pid, NULL);

	cJSON_Delete(first);
	return r;
}

static void stack_push(const char *json)
{
	cJSON *request = cJSON_CreateObject();

	cJSON_AddItemToObject(request, "push", cJSON_Parse(json));
	(void)kick_cast(STACK, request);
	cJSON_Delete(request);
	printf("push %s\n", json);
}

static void stack_ask(const char *what)
{
	cJSON *request = cJSON_CreateString(what), *answer = NULL;
	int r = kick_call(STACK, request, 5000, &answer, NULL);
	char *text = cJSON_PrintUnformatted(answer);

	printf("%s: %s\n", what, r == 0 ? text : strerror(-r));
	cJSON_free(text);
	cJSON_Delete(answer);
	cJSON_Delete(request);
}

int main(void)
{
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (kick_start() < 0 || stack_start("[1, 2]") < 0)
		return 1;
	stack_push("\"hello\"");
	stack_push("{\"x\": [true]}");
	stack_ask("all");
	stack_ask("pop");
	stack_ask("peek");
	stack_ask("pop");
	stack_ask("pop");
	stack_ask("pop");
	stack_ask("pop");
	stack_push("7");
	return kick_server_stop_call(STACK, "normal", 5000, NULL) < 0;
}
