/* The sensor server: reads the sensors now and then, so that who asks need not wait for
 * them.
 *
 *   call "data"   {"readings", "cameras": [...], "location": {"lat", "lng"}} */
#include <stdio.h>
#include <unistd.h>

#include "base/macro.h"
#include "base/num.h"
#include "kick.h"
#include "servy.h"

/* A year: nobody waits longer for a sensor. */
#define SECONDS_MAX (366 * 86400)

struct sensors {
	int64_t seconds;
	unsigned readings;
};

static int read_again_later(kick_server *s, const struct sensors *of)
{
	cJSON *refresh = cJSON_CreateString("refresh");
	int r = kick_send_after(
		of->seconds * 1000, kick_to(kick_self()), refresh, NULL);

	cJSON_Delete(refresh);
	return r < 0 ? kick_server_stop(s, "no_timer") : KICK_OK;
}

static int init(kick_server *s, const cJSON *args)
{
	static struct sensors of;

	of.seconds = (int64_t)args->valuedouble;
	of.readings = 1;
	kick_server_set_state(s, &of);
	(void)printf("up as %d, reading every %d s\n", (int)getpid(), (int)of.seconds);
	return read_again_later(s, &of);
}

static int handle_call(kick_server *s, kick_from from, const cJSON *request)
{
	static const char *const cameras[] = { "river", "ridge", "gate" };
	const struct sensors *of = kick_server_state(s);
	cJSON *data = cJSON_CreateObject();
	cJSON *list, *location;

	(void)request;
	(void)cJSON_AddNumberToObject(data, "readings", of->readings);
	list = cJSON_AddArrayToObject(data, "cameras");
	for (size_t i = 0; i < ARRAY_LEN(cameras); i++)
		(void)cJSON_AddItemToArray(list, cJSON_CreateString(cameras[i]));
	/* The tracker walks. */
	location = cJSON_AddObjectToObject(data, "location");
	(void)cJSON_AddNumberToObject(location, "lat", 46.5 + of->readings * 0.01);
	(void)cJSON_AddNumberToObject(location, "lng", 8.0);
	(void)kick_reply(from, data);
	cJSON_Delete(data);
	return KICK_OK;
}

static int handle_info(kick_server *s, const kick_message *m)
{
	struct sensors *of = kick_server_state(s);

	if (m->kind != KICK_MESSAGE)
		return KICK_OK;
	(void)printf("reading %u: 3 cameras, 1 location\n", ++of->readings);
	return read_again_later(s, of);
}

int sensor_server_run(char **argv)
{
	static const kick_gen_server callbacks = {
		.init = init, .handle_call = handle_call, .handle_info = handle_info
	};
	int64_t seconds;
	cJSON *args;

	if (num_int(argv[1], 1, SECONDS_MAX, &seconds) < 0) {
		(void)fprintf(stderr,
			"servy: \"%s\" is no number of seconds from 1 to %d\n", argv[1],
			SECONDS_MAX);
		return SERVY_USAGE;
	}
	args = cJSON_CreateNumber((double)seconds);
	if (args)
		(void)kick_server_run(&callbacks, args, NULL, NULL);
	cJSON_Delete(args);
	return SERVY_FAILED;
}
