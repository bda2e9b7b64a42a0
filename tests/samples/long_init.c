/* A server whose init takes long: it only says how to go on, so that whoever starts it
 * does not wait. handle_continue runs before any message: nobody finds the server half
 * made. */
#include <kick.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DICTIONARY kick_to_name("dictionary")

static int dictionary_init(kick_server *s, const cJSON *args)
{
	(void)args;
	kick_server_set_state(s, cJSON_CreateObject());
	return kick_server_continue(s, args);
}

static bool is_entry(const kick_message *m, void *user)
{
	(void)user;
	return m->kind == KICK_MESSAGE && cJSON_IsObject(m->value);
}

/* The long part: a slow friend hands over the words, one message each. */
static int dictionary_continue(kick_server *s, const cJSON *value)
{
	cJSON *words = kick_server_state(s);

	for (int i = 0; i < value->valueint; i++) {
		kick_message *m;
		cJSON *word;

		if (kick_receive(is_entry, NULL, KICK_INFINITY, &m) < 0)
			return kick_server_stop(s, "no_words");
		word = cJSON_DetachItemFromArray(m->value, 0);
		printf("  dictionary: learns %s\n", word->string);
		cJSON_AddItemToObject(words, word->string, word);
		kick_message_free(m);
	}
	printf("  dictionary: is complete\n");
	return KICK_OK;
}

static int dictionary_call(kick_server *s, kick_from from, const cJSON *request)
{
	const char *key = cJSON_GetStringValue(request);
	cJSON *answer = cJSON_Duplicate(
		cJSON_GetObjectItemCaseSensitive(kick_server_state(s), key), true);

	if (!answer)
		answer = cJSON_CreateNull();
	(void)kick_reply(from, answer);
	cJSON_Delete(answer);
	return KICK_OK;
}

static const kick_gen_server dictionary = {
	.init = dictionary_init,
	.handle_continue = dictionary_continue,
	.handle_call = dictionary_call,
};

static void look_up(const char *key)
{
	cJSON *request = cJSON_CreateString(key), *answer = NULL;
	int r = kick_call(DICTIONARY, request, 5000, &answer, NULL);
	const char *text = cJSON_GetStringValue(answer);

	printf("%s: %s\n", key, r < 0 ? strerror(-r) : text ? text : "unknown");
	cJSON_Delete(request);
	cJSON_Delete(answer);
}

static void ask(void *arg)
{
	look_up(arg);
}

static void send_entry(const char *key, const char *text)
{
	cJSON *value = cJSON_CreateObject();

	cJSON_AddStringToObject(value, key, text);
	if (kick_send(DICTIONARY, value) < 0)
		exit(1);
	cJSON_Delete(value);
}

int main(void)
{
	const kick_start_options options = { .name = "dictionary", .timeout_ms = 5000 };
	cJSON *args = cJSON_CreateNumber(3);
	char early[] = "link";
	kick_message *m;
	kick_pid pid;
	kick_ref asked;

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (kick_start() < 0 ||
		kick_server_start_link(&dictionary, args, &options, &pid, NULL) < 0)
		return 1;
	cJSON_Delete(args);
	printf("started; not a word is known yet\n");

	/* Asks at once, and is answered when the dictionary is complete. */
	if (kick_spawn_monitor(ask, early, &pid, &asked) < 0)
		return 1;
	send_entry("link", "of both sides");
	send_entry("monitor", "of one side");
	send_entry("kill", "cannot be trapped");
	if (kick_receive(NULL, NULL, KICK_INFINITY, &m) < 0 || m->ref != asked)
		return 1;
	kick_message_free(m);
	look_up("monitor");
	look_up("task");
	return 0;
}
