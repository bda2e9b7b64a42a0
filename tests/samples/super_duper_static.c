/* SuperDuper: three characters under a supervisor, once under each strategy. One dies:
 * who comes back? A character counts what it has said: one that begins again with 1 is
 * a new one.
 *
 * Then a fourth is added, and removed. */
#include <kick.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static kick_pid first; /* is told who has come */

/* --- a character, registered by its name --------------------------------------------
 */

static const char *name;
static int said;

static int character_init(kick_server *s, const cJSON *args)
{
	(void)s;
	name = cJSON_GetStringValue(args);
	(void)kick_send(kick_to(first), args);
	return KICK_OK;
}

static int character_call(kick_server *s, kick_from from, const cJSON *request)
{
	char text[64];
	cJSON *answer;

	(void)s;
	(void)request;
	(void)snprintf(text, sizeof text, "I am %s (%d)", name, ++said);
	answer = cJSON_CreateString(text);
	(void)kick_reply(from, answer);
	cJSON_Delete(answer);
	return KICK_OK;
}

/* The only thing that it is ever told. */
static int character_cast(kick_server *s, const cJSON *request)
{
	return kick_server_stop(s, cJSON_GetStringValue(request));
}

static const kick_gen_server character = {
	.init = character_init,
	.handle_call = character_call,
	.handle_cast = character_cast,
};

static int character_start_link(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	const kick_start_options options = { .name = cJSON_GetStringValue(args) };

	return kick_server_start_link(&character, args, &options, ret, why);
}

/* --- API ----------------------------------------------------------------------------
 */

#define SUPERVISOR kick_to_name("super_duper")

static void say(const char *who)
{
	cJSON *answer = NULL;
	int r = kick_call(kick_to_name(who), NULL, 5000, &answer, NULL);

	printf("  %s: %s\n", who, r == 0 ? cJSON_GetStringValue(answer) : strerror(-r));
	cJSON_Delete(answer);
}

static void die(const char *who)
{
	cJSON *reason = cJSON_CreateString("kryptonite");

	printf("  %s dies\n", who);
	(void)kick_cast(kick_to_name(who), reason);
	cJSON_Delete(reason);
}

static bool is_name(const kick_message *m, void *user)
{
	const char *text = cJSON_GetStringValue(m->value);

	return text && strcmp(text, user) == 0;
}

static void await(char *who)
{
	kick_message *m;

	if (kick_receive(is_name, who, KICK_INFINITY, &m) < 0)
		exit(1);
	printf("  %s comes\n", who);
	kick_message_free(m);
}

static void add(char *who)
{
	cJSON *args = cJSON_CreateString(who);
	const kick_child_spec spec = {
		.id = who, .start = character_start_link, .args = args
	};
	kick_pid pid;

	if (kick_supervisor_start_child(SUPERVISOR, &spec, &pid, NULL) < 0)
		exit(1);
	cJSON_Delete(args);
	await(who);
}

/* Stopped, and its specification deleted. */
static void remove_character(const char *who)
{
	if (kick_supervisor_terminate_child(SUPERVISOR, who) < 0 ||
		kick_supervisor_delete_child(SUPERVISOR, who) < 0)
		exit(1);
	printf("  %s is removed\n", who);
}

/* --- the show -----------------------------------------------------------------------
 */

static char superman[] = "superman", batman[] = "batman", robin[] = "robin";
static char *const cast[] = { superman, batman, robin };

static kick_pid start(kick_strategy strategy)
{
	const kick_supervisor_options options = { .name = "super_duper",
		.strategy = strategy,
		.max_restarts = 3,
		.max_seconds = 5 };
	kick_child_spec specs[3] = { 0 };
	cJSON *args[3];
	kick_pid pid;

	for (size_t i = 0; i < 3; i++) {
		args[i] = cJSON_CreateString(cast[i]);
		specs[i].id = cast[i];
		specs[i].start = character_start_link;
		specs[i].args = args[i];
	}
	if (kick_supervisor_start_link(&options, specs, 3, &pid, NULL) < 0)
		exit(1);
	for (size_t i = 0; i < 3; i++) {
		cJSON_Delete(args[i]);
		await(cast[i]);
	}
	return pid;
}

static void say_all(void)
{
	for (size_t i = 0; i < 3; i++)
		say(cast[i]);
}

int main(void)
{
	static const struct {
		const char *title;
		kick_strategy strategy;
		bool back[3];
	} rows[] = {
		{ "one_for_one", KICK_ONE_FOR_ONE, { false, true, false } },
		{ "one_for_all", KICK_ONE_FOR_ALL, { true, true, true } },
		{ "rest_for_one", KICK_REST_FOR_ONE, { false, true, true } },
	};
	char lois[] = "lois";
	kick_pid supervisor;

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (kick_start() < 0)
		return 1;
	first = kick_self();
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		printf("%s\n", rows[i].title);
		supervisor = start(rows[i].strategy);
		say_all();
		die(batman);
		for (size_t k = 0; k < 3; k++)
			if (rows[i].back[k])
				await(cast[k]);
		say_all();
		if (kick_supervisor_stop(kick_to(supervisor)) < 0)
			return 1;
	}

	printf("add and remove\n");
	supervisor = start(KICK_ONE_FOR_ONE);
	add(lois);
	say(lois);
	die(lois);
	await(lois);
	say(lois);
	remove_character(lois);
	say(lois);
	say(robin);
	return kick_supervisor_stop(kick_to(supervisor)) < 0;
}
