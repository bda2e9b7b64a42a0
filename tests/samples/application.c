/* Applications: a program of two of them. The shop needs the store, so that it is
 * started after it and stopped before it. The shop's configuration is what it brings,
 * unless the environment or the program say otherwise.
 *
 * When the shop has sold out, it ends the program. */
#include <kick.h>
#include <stdio.h>
#include <stdlib.h>

/* --- the store: an agent -------------------------------------------------------------
 */

static cJSON *fill(cJSON *state, const cJSON *args)
{
	(void)state;
	return cJSON_Duplicate(args, true);
}

static cJSON *take(cJSON *state, const cJSON *args)
{
	cJSON *both = cJSON_CreateArray();

	(void)args;
	cJSON_AddItemToArray(both, cJSON_CreateNumber(state->valuedouble));
	cJSON_AddItemToArray(both, cJSON_CreateNumber(state->valuedouble - 1));
	return both;
}

static int store_start(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	const kick_start_options options = { .name = "store" };

	cJSON *apples;
	int r = kick_application_get_env(NULL, "apples", &apples);

	(void)args;
	if (r < 0)
		return r;
	printf("store: opens with %d apples\n", apples->valueint);
	r = kick_agent_start_link(fill, apples, &options, ret, why);
	cJSON_Delete(apples);
	return r;
}

static void store_stop(void)
{
	printf("%s: closed\n", kick_application_name());
}

/* --- the shop: a supervisor with one worker ------------------------------------------
 */

static void sell(void *arg)
{
	cJSON *left, *price;

	(void)arg;
	if (kick_application_get_env(NULL, "PRICE", &price) < 0)
		kick_raise("no_price");
	for (;;) {
		if (kick_agent_get_and_update(
			    kick_to_name("store"), take, NULL, 5000, &left, NULL) < 0)
			kick_raise("no_store");
		if (left->valueint == 0)
			break;
		printf("shop: sells apple %d for %g\n", left->valueint,
			price->valuedouble);
		cJSON_Delete(left);
	}
	printf("shop: sold out\n");
	cJSON_Delete(left);
	cJSON_Delete(price);
	(void)kick_stop(0);
}

static int seller_start(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	(void)args;
	(void)why;
	return kick_spawn_link(sell, NULL, ret);
}

static int shop_start(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	const kick_child_spec seller = {
		.id = "seller", .start = seller_start, .restart = KICK_TRANSIENT
	};

	(void)args;
	printf("shop: opens\n");
	return kick_supervisor_start_link(NULL, &seller, 1, ret, why);
}

static void shop_prep_stop(void)
{
	printf("%s: will close\n", kick_application_name());
}

static void shop_stop(void)
{
	printf("%s: closed\n", kick_application_name());
}

/* --- the program ---------------------------------------------------------------------
 */

int main(void)
{
	static const char *const shop_needs[] = { "store", NULL };
	const kick_application apps[] = {
		{ .name = "shop",
			.applications = shop_needs,
			.start = shop_start,
			.prep_stop = shop_prep_stop,
			.stop = shop_stop,
			.env = cJSON_Parse("{\"PRICE\": 2}") },
		{ .name = "store",
			.start = store_start,
			.stop = store_stop,
			.env = cJSON_Parse("{\"apples\": 3}") },
	};

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	(void)setenv("PRICE", "0.5", 1);
	if (kick_start() < 0)
		return 1;
	return kick_application_run(apps, 2, KICK_PERMANENT) < 0;
}
