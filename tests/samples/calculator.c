/* A calculator by hand: a process that owns a number and changes it as messages say.
 *
 * The core computes and knows nothing of processes. The boundary is a process: a loop
 * that receives a message, asks the core for the next state, and goes on with it. The
 * API hides the messages from whoever uses the calculator. calculator_server.c does the
 * same with a GenServer. */
#include <kick.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- core ---------------------------------------------------------------------------
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

/* --- boundary -----------------------------------------------------------------------
 */

static const struct {
	const char *name;
	double (*function)(double state, double n);
} operations[] = {
	{ "add", add },
	{ "subtract", subtract },
	{ "multiply", multiply },
	{ "divide", divide },
};

static double compute(double state, const char *name, double n)
{
	if (strcmp(name, "divide") == 0 && n == 0)
		kick_raise("badarith"); /* let it crash */
	for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
		if (strcmp(operations[i].name, name) == 0)
			return operations[i].function(state, n);
	return state;
}

static void tell(kick_pid to, double state)
{
	cJSON *value = cJSON_CreateNumber(state);

	(void)kick_send(kick_to(to), value); /* nobody there: nobody to tell */
	cJSON_Delete(value);
}

/* Messages: {"add": n} and the like; {"state": PID}, which is told the number. */
static void calculator(void *arg)
{
	double state = *(const double *)arg;
	kick_message *m;

	while (kick_receive(NULL, NULL, KICK_INFINITY, &m) == 0) {
		const cJSON *item = m->value ? m->value->child : NULL;

		if (item && strcmp(item->string, "state") == 0)
			tell(kick_pid_from_json(item), state);
		else if (item && cJSON_IsNumber(item))
			state = compute(state, item->string, item->valuedouble);
		kick_message_free(m);
	}
}

/* --- API ----------------------------------------------------------------------------
 */

static void die(const char *what, int error)
{
	printf("cannot %s: %s\n", what, strerror(-error));
	exit(1);
}

static kick_pid calculator_start(double state, kick_ref *ret_monitor)
{
	kick_pid pid;
	int r = kick_spawn_monitor(calculator, &state, &pid, ret_monitor);

	if (r < 0)
		die("start the calculator", r);
	return pid;
}

static void calculator_do(kick_pid pid, const char *operation, double n)
{
	cJSON *value = cJSON_CreateObject();
	int r;

	cJSON_AddNumberToObject(value, operation, n);
	r = kick_send(kick_to(pid), value);
	if (r < 0)
		die("send", r);
	cJSON_Delete(value);
	printf("%s %g\n", operation, n);
}

static double calculator_state(kick_pid pid)
{
	cJSON *value = cJSON_CreateObject();
	kick_message *m;
	double state;
	int r;

	cJSON_AddItemToObject(value, "state", kick_pid_to_json(kick_self()));
	r = kick_send(kick_to(pid), value);
	cJSON_Delete(value);
	if (r == 0)
		r = kick_receive(NULL, NULL, 5000, &m);
	if (r < 0)
		die("ask for the state", r);
	state = cJSON_GetNumberValue(m->value);
	kick_message_free(m);
	return state;
}

int main(void)
{
	kick_ref monitor;
	kick_message *m;
	kick_pid pid;
	int r = kick_start();

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (r < 0)
		die("start", r);
	pid = calculator_start(10, &monitor);
	calculator_do(pid, "add", 5);
	calculator_do(pid, "multiply", 4);
	calculator_do(pid, "subtract", 18);
	calculator_do(pid, "divide", 2);
	printf("state: %g\n", calculator_state(pid));
	calculator_do(pid, "divide", 0);
	r = kick_receive(NULL, NULL, 5000, &m);
	if (r < 0)
		die("hear of the end", r);
	if (m->kind == KICK_DOWN && m->ref == monitor)
		printf("down: %s\n", m->reason);
	kick_message_free(m);
	printf("alive: %s\n", kick_alive(pid) == 1 ? "yes" : "no");
	return 0;
}
