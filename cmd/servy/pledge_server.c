/* The pledge server: keeps the latest pledges, the newest first.
 *
 *   call {"create": {"name": NAME, "amount": N}}   the pledge's id
 *   call "recent"                                  [{"id", "name", "amount"}, ...]
 *   call "total"                                   the sum of these
 *   cast "clear" */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kick.h"
#include "servy.h"

#define RECENT 3

struct pledges {
	cJSON *recent;
	unsigned last_id;
};

static int init(kick_server *s, const cJSON *args)
{
	static struct pledges p;

	(void)args;
	p.recent = cJSON_CreateArray();
	kick_server_set_state(s, &p);
	(void)printf("up as %d, no pledges yet\n", (int)getpid());
	return p.recent ? KICK_OK : kick_server_stop(s, "enomem");
}

/* NULL: it is none. */
static cJSON *create(struct pledges *p, const cJSON *pledge)
{
	const cJSON *name = cJSON_GetObjectItemCaseSensitive(pledge, "name");
	const cJSON *amount = cJSON_GetObjectItemCaseSensitive(pledge, "amount");
	cJSON *item;

	if (!cJSON_IsString(name) || !cJSON_IsNumber(amount) ||
		amount->valuedouble <= 0)
		return NULL;
	item = cJSON_CreateObject();
	(void)cJSON_AddNumberToObject(item, "id", ++p->last_id);
	(void)cJSON_AddStringToObject(item, "name", name->valuestring);
	(void)cJSON_AddNumberToObject(item, "amount", amount->valuedouble);
	(void)cJSON_InsertItemInArray(p->recent, 0, item);
	cJSON_DeleteItemFromArray(p->recent, RECENT);
	return cJSON_CreateNumber(p->last_id);
}

static double total(const struct pledges *p)
{
	const cJSON *item;
	double sum = 0;

	cJSON_ArrayForEach(item, p->recent) sum +=
		cJSON_GetNumberValue(cJSON_GetObjectItem(item, "amount"));
	return sum;
}

static int handle_call(kick_server *s, kick_from from, const cJSON *request)
{
	struct pledges *p = kick_server_state(s);
	const cJSON *pledge = cJSON_GetObjectItemCaseSensitive(request, "create");
	const char *what = cJSON_GetStringValue(request);
	cJSON *answer = NULL;

	if (pledge)
		answer = create(p, pledge);
	else if (what && strcmp(what, "recent") == 0)
		answer = cJSON_Duplicate(p->recent, true);
	else if (what && strcmp(what, "total") == 0)
		answer = cJSON_CreateNumber(total(p));
	/* NULL is answered as null: nothing that was asked for. */
	(void)kick_reply(from, answer);
	cJSON_Delete(answer);
	return KICK_OK;
}

static int handle_cast(kick_server *s, const cJSON *request)
{
	struct pledges *p = kick_server_state(s);
	const char *what = cJSON_GetStringValue(request);

	while (what && strcmp(what, "clear") == 0 && p->recent->child)
		cJSON_DeleteItemFromArray(p->recent, 0);
	return KICK_OK;
}

int pledge_server_run(char **argv)
{
	static const kick_gen_server callbacks = {
		.init = init, .handle_call = handle_call, .handle_cast = handle_cast
	};

	(void)argv;
	(void)kick_server_run(&callbacks, NULL, NULL, NULL);
	return SERVY_FAILED;
}
