/* A sequence server whose number survives its crashes: it is kept by a stash, an Agent,
 * that does nothing else and so has little to crash of.
 *
 *   top (rest_for_one)
 *   |-- stash                     an Agent: the number
 *   `-- sequence_supervisor
 *       `-- sequence              gives out numbers
 *
 * The server asks the stash where to begin, and gives it each new number before it
 * answers: so no number is given out twice, not even after a kill, which leaves no time
 * for terminate. The server has a supervisor of its own, which counts its crashes: they
 * do not count as the stash's. */
#include <kick.h>
#include <stdio.h>
#include <stdlib.h>

static kick_pid first; /* is told where each server begins */

/* --- the stash ----------------------------------------------------------------------
 */

#define STASH kick_to_name("stash")

/* These three run in the stash. The same does for its first value and for a later one.
 */
static cJSON *take(cJSON *state, const cJSON *number)
{
	(void)state;
	return cJSON_Duplicate(number, true);
}

static cJSON *show(cJSON *state, const cJSON *args)
{
	(void)args;
	return state;
}

static int stash_start_link(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	const kick_start_options options = { .name = "stash" };

	return kick_agent_start_link(take, args, &options, ret, why);
}

static int stash_get(int *number)
{
	cJSON *answer = NULL;
	int r = kick_agent_get(STASH, show, NULL, 5000, &answer, NULL);

	if (r == 0)
		*number = answer->valueint;
	cJSON_Delete(answer);
	return r;
}

static int stash_put(int number)
{
	cJSON *value = cJSON_CreateNumber(number);
	int r = kick_agent_update(STASH, take, value, 5000, NULL);

	cJSON_Delete(value);
	return r;
}

/* --- the sequence server ------------------------------------------------------------
 */

#define SEQUENCE kick_to_name("sequence")

static int next;

static int sequence_init(kick_server *s, const cJSON *args)
{
	cJSON *note;

	(void)args;
	if (stash_get(&next) < 0)
		return kick_server_stop(s, "no_stash");
	note = cJSON_CreateNumber(next);
	(void)kick_send(kick_to(first), note);
	cJSON_Delete(note);
	return KICK_OK;
}

/* {"next_number": STEP}; a step that is no number is a crash. */
static int sequence_call(kick_server *s, kick_from from, const cJSON *request)
{
	const cJSON *step = cJSON_GetObjectItemCaseSensitive(request, "next_number");
	cJSON *answer;

	if (!cJSON_IsNumber(step))
		kick_raise("badarith");
	answer = cJSON_CreateNumber(next);
	next += step->valueint;
	if (stash_put(next) < 0)
		return kick_server_stop(s, "no_stash");
	(void)kick_reply(from, answer);
	cJSON_Delete(answer);
	return KICK_OK;
}

static const kick_gen_server sequence = {
	.init = sequence_init,
	.handle_call = sequence_call,
};

static int sequence_start_link(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	const kick_start_options options = { .name = "sequence" };

	return kick_server_start_link(&sequence, args, &options, ret, why);
}

/* Takes step over. */
static void next_number(cJSON *step)
{
	cJSON *request = cJSON_CreateObject(), *answer = NULL;
	kick_reason why;
	int r;

	(void)cJSON_AddItemToObject(request, "next_number", step);
	r = kick_call(SEQUENCE, request, 5000, &answer, &why);
	if (r == 0)
		printf("next_number: %d\n", answer->valueint);
	else
		printf("next_number: it has crashed: %s\n", why.text);
	cJSON_Delete(request);
	cJSON_Delete(answer);
}

/* --- the supervisors ----------------------------------------------------------------
 */

static int sequence_supervisor_start_link(
	const cJSON *args, kick_pid *ret, kick_reason *why)
{
	const kick_child_spec spec = { .id = "sequence", .start = sequence_start_link };

	(void)args;
	return kick_supervisor_start_link(NULL, &spec, 1, ret, why);
}

static kick_pid top_start(int number)
{
	const kick_supervisor_options options = {
		.strategy = KICK_REST_FOR_ONE, .max_restarts = 3, .max_seconds = 5
	};
	cJSON *args = cJSON_CreateNumber(number);
	const kick_child_spec specs[] = {
		{ .id = "stash", .start = stash_start_link, .args = args },
		{ .id = "sequence_supervisor",
			.start = sequence_supervisor_start_link,
			.supervisor = true },
	};
	kick_pid pid;

	if (kick_supervisor_start_link(&options, specs, 2, &pid, NULL) < 0)
		exit(1);
	cJSON_Delete(args);
	return pid;
}

/* --- the first process --------------------------------------------------------------
 */

static void await_sequence(void)
{
	kick_message *m;

	if (kick_receive(NULL, NULL, KICK_INFINITY, &m) < 0)
		exit(1);
	printf("sequence begins at %d\n", m->value->valueint);
	kick_message_free(m);
}

static void kill_name(const char *name)
{
	kick_pid pid;

	printf("kill %s\n", name);
	if (kick_whereis(name, &pid) < 0 || kick_exit(pid, "kill") < 0)
		exit(1);
}

int main(void)
{
	kick_pid top;

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (kick_start() < 0)
		return 1;
	first = kick_self();
	top = top_start(456);
	await_sequence();
	next_number(cJSON_CreateNumber(1));
	next_number(cJSON_CreateNumber(1));
	next_number(cJSON_CreateNumber(10));

	next_number(cJSON_CreateString("cat"));
	await_sequence();
	next_number(cJSON_CreateNumber(1));
	kill_name("sequence");
	await_sequence();
	next_number(cJSON_CreateNumber(1));

	/* What stands after the stash is started anew with it. */
	kill_name("stash");
	await_sequence();
	next_number(cJSON_CreateNumber(1));
	return kick_supervisor_stop(kick_to(top)) < 0;
}
