/* The clock of clock.c under a supervisor. When it is killed, its timer goes with it;
 * the one that takes its place has a timer of its own, and counts its ticks from the
 * start. */
#include <kick.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 10

static kick_pid first; /* hears the ticks */
static int ticks;      /* the clock's state */

/* --- the clock ----------------------------------------------------------------------
 */

static int clock_init(kick_server *s, const cJSON *args)
{
	cJSON *tick = cJSON_CreateString("tick");
	int r = kick_send_interval(args->valueint, kick_to(kick_self()), tick, NULL);

	cJSON_Delete(tick);
	return r < 0 ? kick_server_stop(s, strerror(-r)) : KICK_OK;
}

static int clock_info(kick_server *s, const kick_message *m)
{
	cJSON *number = cJSON_CreateNumber(++ticks);

	(void)s;
	(void)m;
	(void)kick_send(kick_to(first), number);
	cJSON_Delete(number);
	return KICK_OK;
}

static const kick_gen_server clock_callbacks = {
	.init = clock_init,
	.handle_info = clock_info,
};

static int clock_start_link(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	const kick_start_options options = { .name = "clock" };

	return kick_server_start_link(&clock_callbacks, args, &options, ret, why);
}

/* --- the first process --------------------------------------------------------------
 */

static bool is_of(const kick_message *m, void *clock)
{
	return kick_pid_equal(m->from, *(const kick_pid *)clock);
}

/* The first of a new clock. */
static bool is_first(const kick_message *m, void *user)
{
	(void)user;
	return m->value->valueint == 1;
}

/* The process that it is from. */
static kick_pid hear(kick_match *match, kick_pid clock)
{
	kick_message *m;
	kick_pid from;

	if (kick_receive(match, &clock, KICK_INFINITY, &m) < 0)
		exit(1);
	printf("tick %d\n", m->value->valueint);
	from = m->from;
	kick_message_free(m);
	return from;
}

int main(void)
{
	cJSON *args = cJSON_CreateNumber(TICK_MS);
	const kick_child_spec spec = {
		.id = "clock", .start = clock_start_link, .args = args
	};
	kick_pid supervisor, clock = { 0 };

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (kick_start() < 0)
		return 1;
	first = kick_self();
	if (kick_supervisor_start_link(NULL, &spec, 1, &supervisor, NULL) < 0)
		return 1;
	cJSON_Delete(args);

	for (int life = 1; life <= 3; life++) {
		printf("clock %d\n", life);
		clock = hear(is_first, clock);
		(void)hear(is_of, clock);
		(void)hear(is_of, clock);
		if (life < 3)
			(void)kick_exit(clock, "kill");
		/* It may have ticked more often: nobody looks for that. */
	}
	if (kick_supervisor_stop(kick_to(supervisor)) < 0)
		return 1;
	printf("the last clock is %s\n", kick_alive(clock) == 0 ? "gone" : "alive");
	return 0;
}
