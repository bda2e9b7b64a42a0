/* A chat: rooms are servers, users are processes. A room sends what is said to whoever
 * is in it, and monitors them: who ends has left.
 *
 * A user forwards what it hears to the first process, our screen. Between two processes
 * messages keep their order, among three they need not: so the screen shows what one
 * user has heard, then what the next one has, by receiving selectively. */
#include <kick.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static kick_pid screen;

/* {"from": FROM, "text": TEXT} */
static cJSON *line_new(const char *from, const char *text)
{
	cJSON *line = cJSON_CreateObject();

	cJSON_AddStringToObject(line, "from", from);
	cJSON_AddStringToObject(line, "text", text);
	return line;
}

static const char *text_of(const cJSON *object, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

/* --- a room -------------------------------------------------------------------------
 */

#define MEMBERS_MAX 8

/* The room's state. */
static struct member {
	kick_ref monitor; /* 0: free */
	kick_pid pid;
	char name[32];
} members[MEMBERS_MAX];

static void broadcast(const cJSON *line)
{
	for (size_t i = 0; i < MEMBERS_MAX; i++)
		if (members[i].monitor != 0)
			(void)kick_send(kick_to(members[i].pid), line);
}

static void announce(const char *name, const char *what)
{
	cJSON *line = line_new(name, what);

	broadcast(line);
	cJSON_Delete(line);
}

/* {"join": NAME}, by the user itself. */
static int room_call(kick_server *s, kick_from from, const cJSON *request)
{
	const char *name = text_of(request, "join");
	cJSON *answer = cJSON_CreateTrue();

	(void)s;
	for (size_t i = 0; name && i < MEMBERS_MAX; i++)
		if (members[i].monitor == 0) {
			struct member *m = &members[i];

			m->pid = from.pid;
			(void)snprintf(m->name, sizeof m->name, "%s", name);
			(void)kick_monitor(m->pid, &m->monitor);
			announce(name, "has come");
			break;
		}
	(void)kick_reply(from, answer);
	cJSON_Delete(answer);
	return KICK_OK;
}

/* Something is said. */
static int room_cast(kick_server *s, const cJSON *line)
{
	(void)s;
	broadcast(line);
	return KICK_OK;
}

static int room_info(kick_server *s, const kick_message *m)
{
	(void)s;
	for (size_t i = 0; m->kind == KICK_DOWN && i < MEMBERS_MAX; i++)
		if (members[i].monitor == m->ref) {
			members[i].monitor = 0;
			announce(members[i].name, "has left");
		}
	return KICK_OK;
}

static const kick_gen_server room = {
	.handle_call = room_call,
	.handle_cast = room_cast,
	.handle_info = room_info,
};

/* --- a user -------------------------------------------------------------------------
 */

struct user {
	const char *name, *room;
};

static void user(void *arg)
{
	const struct user *u = arg;
	cJSON *request = cJSON_CreateObject();
	kick_message *m;

	cJSON_AddStringToObject(request, "join", u->name);
	if (kick_call(kick_to_name(u->room), request, 5000, NULL, NULL) < 0)
		kick_raise("no_such_room");
	cJSON_Delete(request);
	while (kick_receive(NULL, NULL, KICK_INFINITY, &m) == 0) {
		if (m->value) {
			cJSON_AddStringToObject(m->value, "heard_by", u->name);
			(void)kick_send(kick_to(screen), m->value);
		}
		kick_message_free(m);
	}
}

/* --- the screen ---------------------------------------------------------------------
 */

static bool is_heard_by(const kick_message *m, void *name)
{
	const char *who = text_of(m->value, "heard_by");

	return who && strcmp(who, name) == 0;
}

/* The next n lines that this user has heard. */
static void show(char *name, int n)
{
	kick_message *m;

	for (int i = 0; i < n; i++) {
		if (kick_receive(is_heard_by, name, KICK_INFINITY, &m) < 0)
			exit(1);
		printf("  %s hears: %s: %s\n", name, text_of(m->value, "from"),
			text_of(m->value, "text"));
		kick_message_free(m);
	}
}

static kick_pid enter(const char *name, const char *to)
{
	struct user u = { name, to };
	kick_pid pid;

	if (kick_spawn(user, &u, &pid) < 0)
		exit(1);
	return pid;
}

static void say(const char *name, const char *to, const char *text)
{
	cJSON *line = line_new(name, text);

	printf("%s says in %s: %s\n", name, to, text);
	(void)kick_cast(kick_to_name(to), line);
	cJSON_Delete(line);
}

static void open_room(const char *name)
{
	const kick_start_options options = { .name = name };
	kick_pid pid;

	if (kick_server_start_link(&room, NULL, &options, &pid, NULL) < 0)
		exit(1);
}

int main(void)
{
	char anna[] = "anna", bert[] = "bert", cleo[] = "cleo";
	kick_pid pid;

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (kick_start() < 0)
		return 1;
	screen = kick_self();
	open_room("kitchen");
	open_room("garden");
	(void)enter(anna, "kitchen");
	show(anna, 1);
	pid = enter(bert, "kitchen");
	show(anna, 1);
	show(bert, 1);
	(void)enter(cleo, "garden");
	show(cleo, 1);

	say(anna, "kitchen", "hello");
	say(cleo, "garden", "nobody here");
	say(bert, "kitchen", "hello, anna");
	show(cleo, 1);
	show(bert, 2);
	show(anna, 2);

	printf("bert is killed\n");
	(void)kick_exit(pid, "kill");
	show(anna, 1);
	say(anna, "kitchen", "alone again");
	show(anna, 1);
	return 0;
}
