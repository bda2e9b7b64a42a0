/* The egg timer of egg_timer.c under a supervisor: schedule, status, cancel, stop.
 *
 * Whatever ends it, a stop too, it comes back as long as it is permanent: with the
 * alarms of its specification. Those that had been scheduled are lost, and do not ring:
 * they were messages to a process that is gone. */
#include <errno.h>
#include <kick.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EGG_TIMER kick_to_name("egg_timer")
#define KITCHEN kick_to_name("kitchen") /* hears what rings */
#define MINUTE 60000

/* --- the server: its state is some alarms -------------------------------------------
 */

#define ALARMS_MAX 8

static struct alarm {
	char name[32]; /* "": free */
	kick_ref timer;
} alarms[ALARMS_MAX];

/* "" finds a free one. */
static struct alarm *find(const char *name)
{
	for (size_t i = 0; i < ALARMS_MAX; i++)
		if (strcmp(alarms[i].name, name) == 0)
			return &alarms[i];
	return NULL;
}

static const char *schedule(const char *name, int ms)
{
	cJSON *message = cJSON_CreateString(name);
	struct alarm *alarm = find("");
	int r = -ENOSPC;

	if (find(name))
		r = -EALREADY;
	else if (alarm)
		r = kick_send_after(ms, kick_to(kick_self()), message, &alarm->timer);
	if (r == 0)
		(void)snprintf(alarm->name, sizeof alarm->name, "%s", name);
	cJSON_Delete(message);
	return r == 0 ? "scheduled" : strerror(-r);
}

static const char *cancel(struct alarm *alarm)
{
	(void)kick_cancel_timer(alarm->timer);
	alarm->name[0] = '\0';
	return "cancelled";
}

static const char *status(const struct alarm *alarm)
{
	static char text[64];
	int64_t left = kick_read_timer(alarm->timer);

	if (left < 0)
		return "is about to ring";
	(void)snprintf(text, sizeof text, "rings within %d minutes",
		(int)((left + MINUTE - 1) / MINUTE));
	return text;
}

/* args: {NAME: MS, ...} */
static int timer_init(kick_server *s, const cJSON *args)
{
	const cJSON *alarm;
	cJSON *started = cJSON_CreateString("started");

	(void)s;
	cJSON_ArrayForEach(alarm, args)(void) schedule(alarm->string, alarm->valueint);
	(void)kick_send(KITCHEN, started);
	cJSON_Delete(started);
	return KICK_OK;
}

/* [WHAT, NAME, MS] */
static int timer_call(kick_server *s, kick_from from, const cJSON *request)
{
	const char *what = cJSON_GetStringValue(cJSON_GetArrayItem(request, 0));
	const char *name = cJSON_GetStringValue(cJSON_GetArrayItem(request, 1));
	struct alarm *alarm = find(name);
	const char *text = "no such alarm";
	cJSON *answer;

	(void)s;
	if (strcmp(what, "schedule") == 0)
		text = schedule(name, cJSON_GetArrayItem(request, 2)->valueint);
	else if (alarm && strcmp(what, "cancel") == 0)
		text = cancel(alarm);
	else if (alarm && strcmp(what, "status") == 0)
		text = status(alarm);
	answer = cJSON_CreateString(text);
	(void)kick_reply(from, answer);
	cJSON_Delete(answer);
	return KICK_OK;
}

/* An alarm is due. One that was cancelled in the last moment is not there any more. */
static int timer_info(kick_server *s, const kick_message *m)
{
	const char *name = cJSON_GetStringValue(m->value);
	struct alarm *alarm = name ? find(name) : NULL;

	(void)s;
	if (alarm) {
		alarm->name[0] = '\0';
		(void)kick_send(KITCHEN, m->value);
	}
	return KICK_OK;
}

static const kick_gen_server callbacks = {
	.init = timer_init,
	.handle_call = timer_call,
	.handle_info = timer_info,
};

/* --- API ----------------------------------------------------------------------------
 */

static int timer_start_link(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	const kick_start_options options = { .name = "egg_timer" };

	return kick_server_start_link(&callbacks, args, &options, ret, why);
}

static void timer_ask(const char *what, const char *name, int ms)
{
	cJSON *request = cJSON_CreateArray(), *answer = NULL;
	int r;

	(void)cJSON_AddItemToArray(request, cJSON_CreateString(what));
	(void)cJSON_AddItemToArray(request, cJSON_CreateString(name));
	(void)cJSON_AddItemToArray(request, cJSON_CreateNumber(ms));
	r = kick_call(EGG_TIMER, request, 5000, &answer, NULL);
	printf("%s %s: %s\n", what, name,
		r == 0 ? cJSON_GetStringValue(answer) : strerror(-r));
	cJSON_Delete(request);
	cJSON_Delete(answer);
}

static void timer_stop(void)
{
	int r = kick_server_stop_call(EGG_TIMER, "normal", 5000, NULL);

	printf("stop: %s\n", r == 0 ? "done" : strerror(-r));
}

/* --- the first process: the kitchen -------------------------------------------------
 */

static void hear(void)
{
	kick_message *m;

	if (kick_receive(NULL, NULL, KICK_INFINITY, &m) < 0)
		exit(1);
	printf("the kitchen hears: %s\n", cJSON_GetStringValue(m->value));
	kick_message_free(m);
}

static void crash(void)
{
	kick_pid pid;

	printf("crash\n");
	if (kick_whereis("egg_timer", &pid) < 0 || kick_exit(pid, "boiled_over") < 0)
		exit(1);
}

int main(void)
{
	cJSON *args = cJSON_Parse("{\"pizza\": 900000}");
	const kick_child_spec spec = {
		.id = "egg_timer", .start = timer_start_link, .args = args
	};
	kick_pid supervisor;

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (kick_start() < 0 || kick_register("kitchen") < 0 ||
		kick_supervisor_start_link(NULL, &spec, 1, &supervisor, NULL) < 0)
		return 1;
	cJSON_Delete(args);
	hear();
	timer_ask("schedule", "hard", 10 * MINUTE);
	timer_ask("schedule", "hard", 1);
	timer_ask("status", "hard", 0);
	timer_ask("status", "pizza", 0);
	timer_ask("cancel", "pizza", 0);
	timer_ask("status", "pizza", 0);
	timer_ask("schedule", "quail", 20);
	hear();

	crash();
	hear();
	timer_ask("status", "hard", 0);
	timer_ask("status", "pizza", 0);

	/* A permanent child comes back whatever its reason was, "normal" too. */
	timer_stop();
	hear();
	timer_ask("status", "pizza", 0);

	printf("terminate_child\n");
	if (kick_supervisor_terminate_child(kick_to(supervisor), "egg_timer") < 0)
		return 1;
	timer_ask("status", "pizza", 0);
	return kick_supervisor_stop(kick_to(supervisor)) < 0;
}
