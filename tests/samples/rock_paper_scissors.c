/* Rock, paper, scissors. Players go to the waiting room; each two who are there get a
 * game, a process of its own, that asks them for their moves and tells them who wins.
 * It monitors both: when one dies in the game, the other is told. The room monitors
 * those who wait. */
#include <kick.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static kick_pid first; /* the referee's screen */

/* Takes the value over. */
static void send_value(kick_pid to, cJSON *value)
{
	(void)kick_send(kick_to(to), value);
	cJSON_Delete(value);
}

static cJSON *pair_of(const char *what, const char *text)
{
	cJSON *pair = cJSON_CreateArray();

	(void)cJSON_AddItemToArray(pair, cJSON_CreateString(what));
	(void)cJSON_AddItemToArray(pair, cJSON_CreateString(text));
	return pair;
}

/* The first or the second of a pair; "" where there is none. */
static const char *text_at(const cJSON *pair, int i)
{
	const char *text = cJSON_GetStringValue(cJSON_GetArrayItem(pair, i));

	return text ? text : "";
}

/* --- core ---------------------------------------------------------------------------
 */

/* 0: a tie; 1: a wins; 2: b wins. */
static int winner(const char *a, const char *b)
{
	static const struct {
		const char *move, *beats;
	} rules[] = { { "rock", "scissors" }, { "scissors", "paper" },
		{ "paper", "rock" } };

	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
		if (strcmp(a, rules[i].move) == 0 && strcmp(b, rules[i].beats) == 0)
			return 1;
		if (strcmp(b, rules[i].move) == 0 && strcmp(a, rules[i].beats) == 0)
			return 2;
	}
	return 0;
}

/* --- a game -------------------------------------------------------------------------
 */

struct player {
	kick_pid pid; /* id 0: none */
	kick_ref monitor;
	char name[32];
	char move[16]; /* "": not yet */
};

static struct player players[2]; /* the game's state, the waiting room's too */

static void tell_both(const char *text)
{
	for (int i = 0; i < 2; i++)
		send_value(players[i].pid, pair_of("hear", text));
}

static void ask_both(void)
{
	for (int i = 0; i < 2; i++) {
		players[i].move[0] = '\0';
		send_value(players[i].pid, pair_of("move?", ""));
	}
}

/* Both have moved: whether the game is over. */
static bool judge(void)
{
	const struct player *a = &players[0], *b = &players[1];
	int who = winner(a->move, b->move);
	char text[128];

	(void)snprintf(text, sizeof text, "%s: %s, %s: %s: %s%s", a->name, a->move,
		b->name, b->move, who ? players[who - 1].name : "a tie",
		who ? " wins" : ", once more");
	tell_both(text);
	return who != 0;
}

/* It is over: the other one is told. */
static void walk_over(const struct player *left, const char *reason)
{
	const struct player *other = &players[left == &players[0]];
	char text[128];

	(void)snprintf(text, sizeof text, "%s has left (%s): %s wins", left->name,
		reason, other->name);
	send_value(other->pid, pair_of("hear", text));
}

static void game(void *arg)
{
	kick_message *m;
	bool over = false;

	(void)arg;
	for (int i = 0; i < 2; i++)
		(void)kick_monitor(players[i].pid, &players[i].monitor);
	ask_both();
	while (!over && kick_receive(NULL, NULL, KICK_INFINITY, &m) == 0) {
		struct player *p = &players[kick_pid_equal(m->from, players[1].pid)];

		if (m->kind == KICK_DOWN) {
			walk_over(p, m->reason);
			over = true;
		} else {
			(void)snprintf(p->move, sizeof p->move, "%s",
				cJSON_GetStringValue(m->value));
			if (players[0].move[0] && players[1].move[0]) {
				over = judge();
				if (!over)
					ask_both();
			}
		}
		kick_message_free(m);
	}
}

/* --- the waiting room ---------------------------------------------------------------
 */

/* A name, by its player. The answer says whether it waits or plays. */
static int room_call(kick_server *s, kick_from from, const cJSON *name)
{
	struct player *p = &players[players[0].pid.id != 0];
	char text[64] = "waits";
	cJSON *answer;
	kick_pid pid;

	(void)s;
	p->pid = from.pid;
	(void)snprintf(p->name, sizeof p->name, "%s", cJSON_GetStringValue(name));
	if (p == &players[0])
		(void)kick_monitor(p->pid, &p->monitor);
	else
		(void)snprintf(text, sizeof text, "plays with %s", players[0].name);
	answer = cJSON_CreateString(text);
	(void)kick_reply(from, answer);
	cJSON_Delete(answer);
	if (p == &players[0])
		return KICK_OK;

	/* The game has a copy of both. */
	(void)kick_demonitor(players[0].monitor, true);
	if (kick_spawn(game, NULL, &pid) < 0)
		return kick_server_stop(s, "no_game");
	memset(players, 0, sizeof players);
	return KICK_OK;
}

/* Who waits may lose patience. */
static int room_info(kick_server *s, const kick_message *m)
{
	(void)s;
	if (m->kind == KICK_DOWN && m->ref == players[0].monitor) {
		send_value(first, pair_of(players[0].name, "has left the room"));
		memset(players, 0, sizeof players);
	}
	return KICK_OK;
}

static const kick_gen_server room = {
	.handle_call = room_call,
	.handle_info = room_info,
};

static int room_start_link(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	const kick_start_options options = { .name = "waiting_room" };

	return kick_server_start_link(&room, args, &options, ret, why);
}

/* --- a player -----------------------------------------------------------------------
 */

struct script {
	char name[16];
	const char *const *moves; /* one after the other; NULL: it dies */
};

static void player(void *arg)
{
	const struct script *script = arg;
	const char *const *move = script->moves;
	cJSON *name = cJSON_CreateString(script->name), *answer = NULL;
	kick_message *m;

	if (kick_call(kick_to_name("waiting_room"), name, 5000, &answer, NULL) < 0)
		kick_raise("no_waiting_room");
	send_value(first, pair_of(script->name, cJSON_GetStringValue(answer)));
	cJSON_Delete(answer);
	cJSON_Delete(name);
	while (kick_receive(NULL, NULL, KICK_INFINITY, &m) == 0) {
		if (strcmp(text_at(m->value, 0), "hear") == 0)
			send_value(first, pair_of(script->name, text_at(m->value, 1)));
		else if (!*move)
			kick_raise("nerves");
		else
			send_value(m->from, cJSON_CreateString(*move++));
		kick_message_free(m);
	}
}

/* --- the first process: the screen --------------------------------------------------
 */

static bool is_of(const kick_message *m, void *name)
{
	return strcmp(text_at(m->value, 0), name) == 0;
}

/* The next that this player says, or that is said of it. */
static void show(char *name)
{
	kick_message *m;

	if (kick_receive(is_of, name, KICK_INFINITY, &m) < 0)
		exit(1);
	printf("%s | %s\n", name, text_at(m->value, 1));
	kick_message_free(m);
}

/* Comes to the waiting room. */
static kick_pid enter(char *name, const char *const *moves)
{
	struct script script = { .moves = moves };
	kick_pid pid;

	(void)snprintf(script.name, sizeof script.name, "%s", name);
	if (kick_spawn(player, &script, &pid) < 0)
		exit(1);
	show(name);
	return pid;
}

int main(void)
{
	static const char *const steady[] = { "rock", "rock", NULL };
	static const char *const clever[] = { "rock", "paper", NULL };
	static const char *const nervous[] = { "rock", NULL };
	const kick_child_spec spec = { .id = "waiting_room", .start = room_start_link };
	char anna[] = "anna", bert[] = "bert", cleo[] = "cleo", dora[] = "dora";
	char emil[] = "emil", faye[] = "faye", gus[] = "gus";
	kick_pid supervisor;

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (kick_start() < 0)
		return 1;
	first = kick_self();
	if (kick_supervisor_start_link(NULL, &spec, 1, &supervisor, NULL) < 0)
		return 1;

	(void)enter(anna, steady);
	(void)enter(bert, clever);
	for (int i = 0; i < 2; i++) {
		show(anna);
		show(bert);
	}

	printf("\none dies in the game\n");
	(void)enter(cleo, steady);
	(void)enter(dora, nervous);
	show(cleo);
	show(cleo);

	printf("\none dies in the waiting room\n");
	(void)kick_exit(enter(emil, steady), "kill");
	show(emil);
	(void)enter(faye, clever);
	(void)enter(gus, steady);
	for (int i = 0; i < 2; i++) {
		show(faye);
		show(gus);
	}
	return kick_supervisor_stop(kick_to(supervisor)) < 0;
}
