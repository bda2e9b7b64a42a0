/* The calculator of calculator.c as a GenServer: the loop, the monitors and the answers
 * are the library's, what is left are a core, callbacks and an API. */
#include <errno.h>
#include <kick.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- core: numbers only -------------------------------------------------------------
 */

static double add(double state, double n)
{
	return state + n;
}

static double subtract(double state, double n)
{
	return state - n;
}

static double multiply(double state, double n)
{
	return state * n;
}

static double divide(double state, double n)
{
	return state / n;
}

static const struct {
	const char *name;
	double (*function)(double state, double n);
} operations[] = {
	{ "add", add },
	{ "subtract", subtract },
	{ "multiply", multiply },
	{ "divide", divide },
};

/* --- boundary: what the server does with a request ----------------------------------
 */

static int calculator_init(kick_server *s, const cJSON *args)
{
	double *state = malloc(sizeof *state);

	if (!state)
		return kick_server_stop(s, "enomem");
	*state = cJSON_GetNumberValue(args);
	kick_server_set_state(s, state);
	return KICK_OK;
}

/* {"add": n}: answered by nobody. */
static int calculator_cast(kick_server *s, const cJSON *request)
{
	double *state = kick_server_state(s);
	const cJSON *item = request->child;

	for (size_t i = 0; item && i < sizeof operations / sizeof operations[0]; i++)
		if (strcmp(operations[i].name, item->string) == 0)
			*state = operations[i].function(*state, item->valuedouble);
	return KICK_OK;
}

/* "state": the number. "clear": the number as it was before. Others stop the server. */
static int calculator_call(kick_server *s, kick_from from, const cJSON *request)
{
	double *state = kick_server_state(s);
	const char *what = cJSON_GetStringValue(request);
	cJSON *answer;

	if (!what || (strcmp(what, "state") != 0 && strcmp(what, "clear") != 0))
		return kick_server_stop(s, "function_clause");
	answer = cJSON_CreateNumber(*state);
	(void)kick_reply(from, answer);
	cJSON_Delete(answer);
	if (strcmp(what, "clear") == 0)
		*state = 0;
	return KICK_OK;
}

static void calculator_terminate(kick_server *s, const char *reason)
{
	printf("calculator: terminate(%s)\n", reason);
	free(kick_server_state(s));
}

static const kick_gen_server calculator = {
	.init = calculator_init,
	.handle_call = calculator_call,
	.handle_cast = calculator_cast,
	.terminate = calculator_terminate,
};

/* --- API: what everybody else sees --------------------------------------------------
 */

#define CALCULATOR kick_to_name("calculator")

static int calculator_start(double state)
{
	const kick_start_options options = { .name = "calculator" };
	cJSON *args = cJSON_CreateNumber(state);
	kick_pid pid;
	int r = kick_server_start(&calculator, args, &options, &pid, NULL);

	cJSON_Delete(args);
	return r;
}

static void calculator_do(const char *operation, double n)
{
	cJSON *request = cJSON_CreateObject();

	cJSON_AddNumberToObject(request, operation, n);
	(void)kick_cast(CALCULATOR, request);
	cJSON_Delete(request);
	printf("%s %g\n", operation, n);
}

static void calculator_ask(const char *what)
{
	cJSON *request = cJSON_CreateString(what), *answer = NULL;
	kick_reason why;
	int r = kick_call(CALCULATOR, request, 5000, &answer, &why);

	if (r == -ECONNRESET)
		printf("%s: it has ended: %s\n", what, why.text);
	else if (r < 0)
		printf("%s: %s\n", what, strerror(-r));
	else
		printf("%s: %g\n", what, cJSON_GetNumberValue(answer));
	cJSON_Delete(request);
	cJSON_Delete(answer);
}

int main(void)
{
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (kick_start() < 0 || calculator_start(10) < 0)
		return 1;
	printf("once more: %s\n", calculator_start(99) == -EEXIST ? "taken" : "?");
	calculator_do("add", 5);
	calculator_do("multiply", 4);
	calculator_do("subtract", 18);
	calculator_do("divide", 2);
	calculator_ask("state");
	calculator_ask("clear");
	calculator_ask("state");
	calculator_ask("square root");
	calculator_ask("state");
	return 0;
}
