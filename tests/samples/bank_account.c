/* A bank account: a balance that is never negative, whoever draws at the same time, and
 * a history of what happened. A server takes one request after the other: no locks. */
#include <kick.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- core: {"balance": N, "history": [...]} -----------------------------------------
 */

static int balance_of(const cJSON *account)
{
	return cJSON_GetObjectItemCaseSensitive(account, "balance")->valueint;
}

static cJSON *history_of(const cJSON *account)
{
	return cJSON_GetObjectItemCaseSensitive(account, "history");
}

static cJSON *account_new(void)
{
	cJSON *account = cJSON_CreateObject();

	cJSON_AddNumberToObject(account, "balance", 0);
	cJSON_AddArrayToObject(account, "history");
	return account;
}

/* Refused is an entry of the history too. Whether it was done. */
static bool move(cJSON *account, const char *what, int amount)
{
	int balance = balance_of(account);
	int after = strcmp(what, "deposit") == 0 ? balance + amount : balance - amount;
	bool ok = amount > 0 && after >= 0;
	char line[64];

	if (ok)
		cJSON_SetNumberValue(
			cJSON_GetObjectItemCaseSensitive(account, "balance"), after);
	(void)snprintf(
		line, sizeof line, "%s %d%s", what, amount, ok ? "" : " refused");
	cJSON_AddItemToArray(history_of(account), cJSON_CreateString(line));
	return ok;
}

/* --- boundary -----------------------------------------------------------------------
 */

static int account_init(kick_server *s, const cJSON *args)
{
	(void)args;
	kick_server_set_state(s, account_new());
	return KICK_OK;
}

/* {"deposit": N}, {"withdraw": N}: true or false. "show": the account. */
static int account_call(kick_server *s, kick_from from, const cJSON *request)
{
	cJSON *account = kick_server_state(s);
	const cJSON *item = request->child;
	cJSON *answer;

	if (cJSON_IsString(request))
		answer = cJSON_Duplicate(account, true);
	else if (cJSON_IsNumber(item))
		answer = cJSON_CreateBool(move(account, item->string, item->valueint));
	else
		return kick_server_stop(s, "function_clause");
	(void)kick_reply(from, answer);
	cJSON_Delete(answer);
	return KICK_OK;
}

static const kick_gen_server account_server = {
	.init = account_init,
	.handle_call = account_call,
};

/* --- API ----------------------------------------------------------------------------
 */

#define ACCOUNT kick_to_name("account")

/* Takes the request over; the answer is the caller's. */
static cJSON *ask(cJSON *request)
{
	cJSON *answer = NULL;

	if (kick_call(ACCOUNT, request, 5000, &answer, NULL) < 0)
		kick_raise("no_account");
	cJSON_Delete(request);
	return answer;
}

static bool account_move(const char *what, int amount)
{
	cJSON *request = cJSON_CreateObject(), *answer;
	bool ok;

	cJSON_AddNumberToObject(request, what, amount);
	answer = ask(request);
	ok = cJSON_IsTrue(answer);
	cJSON_Delete(answer);
	return ok;
}

static void account_show(void)
{
	cJSON *account = ask(cJSON_CreateString("show"));
	const cJSON *line;

	cJSON_ArrayForEach(line, history_of(account))
		printf("  %s\n", line->valuestring);
	printf("balance: %d\n", balance_of(account));
	cJSON_Delete(account);
}

/* A process: five of them draw 30 each, all at once. */
static void customer(void *arg)
{
	(void)arg;
	kick_raise(account_move("withdraw", 30) ? "paid" : "insufficient_funds");
}

int main(void)
{
	const kick_start_options options = { .name = "account" };
	int paid = 0;
	kick_pid pid;
	kick_ref ref;

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (kick_start() < 0 ||
		kick_server_start_link(&account_server, NULL, &options, &pid, NULL) < 0)
		return 1;
	printf("deposit 120: %s\n", account_move("deposit", 120) ? "yes" : "no");
	printf("withdraw 200: %s\n", account_move("withdraw", 200) ? "yes" : "no");
	printf("withdraw 20: %s\n", account_move("withdraw", 20) ? "yes" : "no");
	printf("deposit -5: %s\n", account_move("deposit", -5) ? "yes" : "no");
	account_show();

	for (int i = 0; i < 5; i++)
		if (kick_spawn_monitor(customer, NULL, &pid, &ref) < 0)
			return 1;
	for (int i = 0; i < 5; i++) {
		kick_message *m;

		if (kick_receive(NULL, NULL, KICK_INFINITY, &m) < 0)
			return 1;
		paid += strcmp(m->reason, "paid") == 0;
		kick_message_free(m);
	}
	printf("%d of 5 customers were paid\n", paid);
	account_show();
	return 0;
}
