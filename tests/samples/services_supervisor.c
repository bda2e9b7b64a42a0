/* The services of the course: a pledge server and a sensor server under a services
 * supervisor, that one under the top supervisor.
 *
 *   top
 *   `-- services
 *       |-- pledge_server
 *       `-- sensor_server
 *
 * A crash of a service is the services supervisor's business. When that one is killed,
 * its children, linked to it, go with it; the top supervisor starts it anew, and it
 * starts its children anew. */
#include <kick.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static kick_pid first; /* is told of each start */

static void tell_first(const char *name)
{
	cJSON *note = cJSON_CreateString(name);

	(void)kick_send(kick_to(first), note);
	cJSON_Delete(note);
}

/* --- pledge_server: its state is the last three pledges, [[NAME, AMOUNT], ...] ------
 */

#define PLEDGE_SERVER kick_to_name("pledge_server")
#define RECENT 3

static int pledge_init(kick_server *s, const cJSON *args)
{
	(void)args;
	kick_server_set_state(s, cJSON_CreateArray());
	tell_first("pledge_server");
	return KICK_OK;
}

/* "recent_pledges": them; [NAME, AMOUNT]: one more. */
static int pledge_call(kick_server *s, kick_from from, const cJSON *request)
{
	cJSON *pledges = kick_server_state(s);

	if (cJSON_IsArray(request)) {
		(void)cJSON_InsertItemInArray(
			pledges, 0, cJSON_Duplicate(request, true));
		cJSON_DeleteItemFromArray(pledges, RECENT);
	}
	(void)kick_reply(from, pledges);
	return KICK_OK;
}

static const kick_gen_server pledge_callbacks = {
	.init = pledge_init,
	.handle_call = pledge_call,
};

static int pledge_start_link(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	const kick_start_options options = { .name = "pledge_server" };

	return kick_server_start_link(&pledge_callbacks, args, &options, ret, why);
}

/* --- sensor_server: what the cameras have seen --------------------------------------
 */

#define SENSOR_SERVER kick_to_name("sensor_server")

static int sensor_init(kick_server *s, const cJSON *args)
{
	cJSON *data = cJSON_CreateArray();
	const cJSON *camera;
	char snapshot[64];

	cJSON_ArrayForEach(camera, args)
	{
		(void)snprintf(snapshot, sizeof snapshot, "%s-snapshot.jpg",
			camera->valuestring);
		(void)cJSON_AddItemToArray(data, cJSON_CreateString(snapshot));
	}
	kick_server_set_state(s, data);
	tell_first("sensor_server");
	return KICK_OK;
}

/* "get_sensor_data" */
static int sensor_call(kick_server *s, kick_from from, const cJSON *request)
{
	(void)request;
	(void)kick_reply(from, kick_server_state(s));
	return KICK_OK;
}

static const kick_gen_server sensor_callbacks = {
	.init = sensor_init,
	.handle_call = sensor_call,
};

static int sensor_start_link(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	const kick_start_options options = { .name = "sensor_server" };

	return kick_server_start_link(&sensor_callbacks, args, &options, ret, why);
}

/* --- the supervisors ----------------------------------------------------------------
 */

/* A supervisor's start function is one as any other. */
static int services_start_link(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	const kick_supervisor_options options = {
		.name = "services", .max_restarts = 3, .max_seconds = 5
	};
	cJSON *cameras = cJSON_Parse("[\"cam-1\", \"cam-2\", \"cam-3\"]");
	const kick_child_spec specs[] = {
		{ .id = "pledge_server", .start = pledge_start_link },
		{ .id = "sensor_server", .start = sensor_start_link, .args = cameras },
	};
	int r = kick_supervisor_start_link(&options, specs, 2, ret, why);

	(void)args;
	cJSON_Delete(cameras);
	return r;
}

static kick_pid top_start(void)
{
	const kick_child_spec spec = {
		.id = "services", .start = services_start_link, .supervisor = true
	};
	kick_pid pid;

	if (kick_supervisor_start_link(NULL, &spec, 1, &pid, NULL) < 0)
		exit(1);
	return pid;
}

/* --- the first process --------------------------------------------------------------
 */

/* Takes the request over. */
static void show(const char *what, kick_dest to, cJSON *request)
{
	cJSON *answer = NULL;
	int r = kick_call(to, request, 5000, &answer, NULL);
	char *text = cJSON_PrintUnformatted(answer);

	printf("  %s: %s\n", what, r == 0 ? text : strerror(-r));
	cJSON_free(text);
	cJSON_Delete(answer);
	cJSON_Delete(request);
}

static void create_pledge(const char *name, int amount)
{
	cJSON *pledge = cJSON_CreateArray();

	(void)cJSON_AddItemToArray(pledge, cJSON_CreateString(name));
	(void)cJSON_AddItemToArray(pledge, cJSON_CreateNumber(amount));
	show("create_pledge", PLEDGE_SERVER, pledge);
}

static void show_both(void)
{
	show("recent_pledges", PLEDGE_SERVER, cJSON_CreateString("recent_pledges"));
	show("sensor_data", SENSOR_SERVER, cJSON_CreateString("get_sensor_data"));
}

static bool is_note(const kick_message *m, void *name)
{
	const char *text = cJSON_GetStringValue(m->value);

	return text && strcmp(text, name) == 0;
}

static void await_start(char *name)
{
	kick_message *m;

	if (kick_receive(is_note, name, KICK_INFINITY, &m) < 0)
		exit(1);
	printf("  %s starts\n", name);
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
	char pledge[] = "pledge_server", sensor[] = "sensor_server";
	kick_pid top;

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (kick_start() < 0)
		return 1;
	first = kick_self();
	printf("start\n");
	top = top_start();
	await_start(pledge);
	await_start(sensor);
	create_pledge("larry", 10);
	create_pledge("moe", 20);
	create_pledge("curly", 30);
	create_pledge("daisy", 40);

	kill_name(sensor);
	await_start(sensor);
	show_both();

	kill_name("services");
	await_start(pledge);
	await_start(sensor);
	show_both();

	printf("stop\n");
	if (kick_supervisor_stop(kick_to(top)) < 0)
		return 1;
	show_both();
	return 0;
}
