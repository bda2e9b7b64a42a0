/* SuperDuper with a dynamic supervisor: it begins with nobody, and whoever is added is
 * known by name. A hero comes back when it dies, a guest does not; there is room for
 * three. */
#include <errno.h>
#include <kick.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUPERVISOR kick_to_name("super_duper")

static kick_pid first; /* is told who has come */

/* --- a character --------------------------------------------------------------------
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

static const kick_gen_server character = {
	.init = character_init,
	.handle_call = character_call,
};

static int character_start_link(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	const kick_start_options options = { .name = cJSON_GetStringValue(args) };

	return kick_server_start_link(&character, args, &options, ret, why);
}

/* --- API: add, say, die, remove -----------------------------------------------------
 */

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
	printf("%s comes\n", who);
	kick_message_free(m);
}

static void add(char *who, kick_restart restart)
{
	cJSON *args = cJSON_CreateString(who);
	const kick_child_spec spec = {
		.start = character_start_link, .args = args, .restart = restart
	};
	kick_pid pid;
	int r = kick_supervisor_start_child(SUPERVISOR, &spec, &pid, NULL);

	cJSON_Delete(args);
	if (r == 0)
		await(who);
	else
		printf("add %s: %s\n", who,
			r == -ENOSPC ? "no room" : "cannot be started");
}

static void say(const char *who)
{
	cJSON *answer = NULL;
	int r = kick_call(kick_to_name(who), NULL, 5000, &answer, NULL);

	printf("%s: %s\n", who, r == 0 ? cJSON_GetStringValue(answer) : strerror(-r));
	cJSON_Delete(answer);
}

static kick_pid find(const char *who)
{
	kick_pid pid;

	if (kick_whereis(who, &pid) < 0)
		exit(1);
	return pid;
}

static bool is_down(const kick_message *m, void *ref)
{
	return m->kind == KICK_DOWN && m->ref == *(const kick_ref *)ref;
}

/* Until it has gone. */
static void die(const char *who)
{
	kick_pid pid = find(who);
	kick_message *m;
	kick_ref ref;

	if (kick_monitor(pid, &ref) < 0 || kick_exit(pid, "kryptonite") < 0 ||
		kick_receive(is_down, &ref, KICK_INFINITY, &m) < 0)
		exit(1);
	printf("%s dies of %s\n", who, m->reason);
	kick_message_free(m);
}

static void remove_character(const char *who)
{
	if (kick_dynamic_supervisor_terminate_child(SUPERVISOR, find(who)) < 0)
		exit(1);
	printf("%s is removed\n", who);
}

int main(void)
{
	const kick_supervisor_options options = { .name = "super_duper",
		.max_restarts = 3,
		.max_seconds = 5,
		.max_children = 3 };
	char superman[] = "superman", batman[] = "batman", robin[] = "robin";
	char joker[] = "joker";
	kick_pid supervisor;

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (kick_start() < 0)
		return 1;
	first = kick_self();
	if (kick_dynamic_supervisor_start_link(&options, &supervisor, NULL) < 0)
		return 1;
	add(superman, KICK_PERMANENT);
	add(batman, KICK_PERMANENT);
	add(batman, KICK_PERMANENT); /* the name is taken */
	add(joker, KICK_TEMPORARY);
	add(robin, KICK_PERMANENT);
	say(superman);
	say(batman);
	say(joker);

	die(batman);
	await(batman);
	say(batman);
	say(superman);

	die(joker);
	say(joker);

	remove_character(superman);
	say(superman);
	add(robin, KICK_PERMANENT);
	say(robin);
	add(superman, KICK_PERMANENT);
	say(superman);
	return kick_supervisor_stop(kick_to(supervisor)) < 0;
}
