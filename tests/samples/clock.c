/* A clock that ticks: the node sends it a message every so often, until the timer is
 * cancelled. Whoever has subscribed hears each tick. */
#include <kick.h>
#include <stdio.h>
#include <string.h>

#define CLOCK kick_to_name("clock")

struct clock {
	kick_ref timer; /* 0: it is paused */
	kick_pid listener;
	int ticks;
};

static int clock_init(kick_server *s, const cJSON *args)
{
	static struct clock c; /* of this process only */
	cJSON *tick = cJSON_CreateString("tick");
	int r;

	c.listener = kick_pid_from_json(args);
	r = kick_send_interval(10, kick_to(kick_self()), tick, &c.timer);
	cJSON_Delete(tick);
	kick_server_set_state(s, &c);
	return r < 0 ? kick_server_stop(s, strerror(-r)) : KICK_OK;
}

static int clock_info(kick_server *s, const kick_message *m)
{
	struct clock *c = kick_server_state(s);
	const char *text = cJSON_GetStringValue(m->value);
	cJSON *number;

	/* A tick may have come in the moment of the pause. */
	if (!text || strcmp(text, "tick") != 0 || c->timer == 0)
		return KICK_OK;
	number = cJSON_CreateNumber(++c->ticks);
	(void)kick_send(kick_to(c->listener), number);
	cJSON_Delete(number);
	return KICK_OK;
}

/* "pause": no more ticks. */
static int clock_call(kick_server *s, kick_from from, const cJSON *request)
{
	struct clock *c = kick_server_state(s);
	cJSON *answer = cJSON_CreateBool(kick_cancel_timer(c->timer) >= 0);

	(void)request;
	c->timer = 0;
	(void)kick_reply(from, answer);
	cJSON_Delete(answer);
	return KICK_OK;
}

static const kick_gen_server clock_callbacks = {
	.init = clock_init,
	.handle_call = clock_call,
	.handle_info = clock_info,
};

static bool pause_clock(void)
{
	cJSON *request = cJSON_CreateString("pause"), *answer = NULL;
	int r = kick_call(CLOCK, request, 5000, &answer, NULL);
	bool done = r == 0 && cJSON_IsTrue(answer);

	cJSON_Delete(request);
	cJSON_Delete(answer);
	return done;
}

int main(void)
{
	const kick_start_options options = { .name = "clock" };
	cJSON *self;
	kick_message *m;
	kick_pid pid;

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (kick_start() < 0)
		return 1;
	self = kick_pid_to_json(kick_self());
	if (kick_server_start_link(&clock_callbacks, self, &options, &pid, NULL) < 0)
		return 1;
	cJSON_Delete(self);

	for (int i = 0; i < 3; i++) {
		if (kick_receive(NULL, NULL, KICK_INFINITY, &m) < 0)
			return 1;
		printf("tick %d\n", m->value->valueint);
		kick_message_free(m);
	}
	printf("paused: %s\n", pause_clock() ? "yes" : "no");
	printf("paused again: %s\n", pause_clock() ? "yes" : "no");

	/* What was sent before the answer has come before it; nothing comes after. */
	(void)kick_flush();
	printf("%s\n", kick_receive(NULL, NULL, 50, &m) < 0 ? "silence" : "a tick?");
	return 0;
}
