/* Graceful shutdown: when terminate runs, and when there is no time for it.
 *
 * The server takes down notes, and saves them when it ends, if it gets the chance: that
 * is when it is told to stop, and, if it traps exits, when its parent sends it an exit
 * signal or ends. A kill asks nobody. */
#include <kick.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int notes_init(kick_server *s, const cJSON *args)
{
	(void)args;
	kick_server_set_state(s, cJSON_CreateArray());
	return KICK_OK;
}

static int notes_call(kick_server *s, kick_from from, const cJSON *request)
{
	cJSON *notes = kick_server_state(s);

	cJSON_AddItemToArray(notes, cJSON_Duplicate(request, true));
	(void)kick_reply(from, notes);
	return KICK_OK;
}

static void notes_terminate(kick_server *s, const char *reason)
{
	char *text = cJSON_PrintUnformatted(kick_server_state(s));

	printf("  terminate(%s): saves %s\n", reason, text);
	cJSON_free(text);
	cJSON_Delete(kick_server_state(s));
}

static const kick_gen_server notes = {
	.init = notes_init,
	.handle_call = notes_call,
	.terminate = notes_terminate,
};

static void take_down(kick_pid pid, const char *note)
{
	cJSON *request = cJSON_CreateString(note);

	if (kick_call(kick_to(pid), request, 5000, NULL, NULL) < 0)
		exit(1);
	cJSON_Delete(request);
}

static void stop(kick_pid pid)
{
	int r = kick_server_stop_call(kick_to(pid), "normal", 5000, NULL);

	printf("  stop: %s\n", r == 0 ? "done" : strerror(-r));
}

static void shut_down(kick_pid pid)
{
	(void)kick_exit(pid, "shutdown");
}

static void kill_brutally(kick_pid pid)
{
	(void)kick_exit(pid, "kill");
}

int main(void)
{
	static const struct {
		const char *title;
		bool trap_exit;
		void (*end)(kick_pid pid);
	} rows[] = {
		{ "told to stop", false, stop },
		{ "shut down by its parent, traps exits", true, shut_down },
		{ "shut down by its parent, does not trap exits", false, shut_down },
		{ "killed", true, kill_brutally },
	};

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (kick_start() < 0 || kick_trap_exit(true) < 0)
		return 1;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const kick_start_options options = { .trap_exit = rows[i].trap_exit };
		kick_message *m;
		kick_pid pid;

		printf("%s\n", rows[i].title);
		if (kick_server_start_link(&notes, NULL, &options, &pid, NULL) < 0)
			return 1;
		take_down(pid, "eggs");
		take_down(pid, "milk");
		rows[i].end(pid);
		if (kick_receive(NULL, NULL, KICK_INFINITY, &m) < 0)
			return 1;
		if (m->kind == KICK_EXIT && kick_pid_equal(m->from, pid))
			printf("  {EXIT, pid, %s}\n", m->reason);
		kick_message_free(m);
	}
	return 0;
}
