/* An egg timer: alarms by name, kept by a server; schedule, status, cancel, stop.
 *
 * A server does not wait for an alarm: it has the message sent to itself later, and
 * answers others meanwhile. */
#include <errno.h>
#include <kick.h>
#include <stdio.h>
#include <string.h>

/* --- core: alarms by name -----------------------------------------------------------
 */

#define ALARMS_MAX 8

struct alarm {
	char name[32]; /* "": free */
	kick_ref timer;
};

static struct alarm alarms[ALARMS_MAX]; /* the server's state */

/* "" finds a free one. */
static struct alarm *find(const char *name)
{
	for (size_t i = 0; i < ALARMS_MAX; i++)
		if (strcmp(alarms[i].name, name) == 0)
			return &alarms[i];
	return NULL;
}

/* --- boundary -----------------------------------------------------------------------
 */

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
		(int)((left + 59999) / 60000));
	return text;
}

/* [WHAT, NAME, MS] */
static int timer_call(kick_server *s, kick_from from, const cJSON *request)
{
	const char *what = cJSON_GetStringValue(cJSON_GetArrayItem(request, 0));
	const char *name = cJSON_GetStringValue(cJSON_GetArrayItem(request, 1));
	const char *text = "no such alarm";
	struct alarm *alarm;
	cJSON *answer;

	if (!what || !name)
		return kick_server_stop(s, "function_clause");
	alarm = find(name);
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
		(void)kick_send(kick_to_name("kitchen"), m->value);
	}
	return KICK_OK;
}

static void timer_terminate(kick_server *s, const char *reason)
{
	int n = 0;

	(void)s;
	for (size_t i = 0; i < ALARMS_MAX; i++)
		n += alarms[i].name[0] != '\0';
	printf("egg timer stops (%s); alarms dropped: %d\n", reason, n);
}

static const kick_gen_server egg_timer = {
	.handle_call = timer_call,
	.handle_info = timer_info,
	.terminate = timer_terminate,
};

/* --- API ----------------------------------------------------------------------------
 */

#define EGG_TIMER kick_to_name("egg_timer")

static void timer_ask(const char *what, const char *name, int ms)
{
	cJSON *request = cJSON_CreateArray(), *answer = NULL;
	int r;

	cJSON_AddItemToArray(request, cJSON_CreateString(what));
	cJSON_AddItemToArray(request, cJSON_CreateString(name));
	cJSON_AddItemToArray(request, cJSON_CreateNumber(ms));
	r = kick_call(EGG_TIMER, request, 5000, &answer, NULL);
	printf("%s %s: %s\n", what, name,
		r == 0 ? cJSON_GetStringValue(answer) : strerror(-r));
	cJSON_Delete(request);
	cJSON_Delete(answer);
}

int main(void)
{
	const kick_start_options options = { .name = "egg_timer" };
	kick_message *m;
	kick_pid pid;

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (kick_start() < 0 || kick_register("kitchen") < 0 ||
		kick_server_start_link(&egg_timer, NULL, &options, &pid, NULL) < 0)
		return 1;
	timer_ask("schedule", "hard", 600000);
	timer_ask("schedule", "soft", 180000);
	timer_ask("schedule", "soft", 1);
	timer_ask("status", "hard", 0);
	timer_ask("status", "fried", 0);
	timer_ask("cancel", "soft", 0);
	timer_ask("cancel", "soft", 0);
	timer_ask("schedule", "quail", 20);
	if (kick_receive(NULL, NULL, KICK_INFINITY, &m) < 0)
		return 1;
	printf("RING: %s\n", cJSON_GetStringValue(m->value));
	kick_message_free(m);
	timer_ask("status", "quail", 0);
	if (kick_server_stop_call(EGG_TIMER, "normal", 5000, NULL) < 0)
		return 1;
	timer_ask("status", "hard", 0);
	return 0;
}
