/* See linked.h. Its words:
 *
 *	as server | holder | tree | flood | rubbish
 *	name NAME      of the server, of the process that the holder starts, of the
 *	               supervisor of the tree, whose child is "kid"
 *	trap yes       the server traps exits
 *	gate FIFO      init waits for it
 *	later FIFO     as gate, but not in the first life
 *	init REASON    init stops with it
 *
 * The server answers "life" with [pid, restarts], "stop" by stopping with the reason
 * "told", "wait" never, everything else with what was asked; a cast is a line in
 *"casts", the reason of terminate one in "ends", a life one in "inits". */
#include "linked.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "kick.h"

static struct {
	const char *as, *name, *trap, *gate, *later, *init;
} words;

static void take_words(int argc, char **argv)
{
	const struct {
		const char *word, **value;
	} known[] = { { "as", &words.as }, { "name", &words.name },
		{ "trap", &words.trap }, { "gate", &words.gate },
		{ "later", &words.later }, { "init", &words.init } };

	for (int i = 1; i + 1 < argc; i += 2)
		for (size_t k = 0; k < sizeof known / sizeof *known; k++)
			if (strcmp(known[k].word, argv[i]) == 0)
				*known[k].value = argv[i + 1];
}

static void append(const char *file, const char *line)
{
	FILE *f = fopen(file, "ae");

	if (!f)
		_exit(97);
	(void)fprintf(f, "%s\n", line);
	(void)fclose(f);
}

static void pass(const char *fifo)
{
	int fd;

	if (!fifo)
		return;
	fd = open(fifo, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		_exit(96);
	(void)close(fd);
}

static int restarts(void)
{
	const char *text = getenv("KICK_RESTARTS");

	return text ? (int)strtol(text, NULL, 10) : 0;
}

/* --- the server ---------------------------------------------------------------------
 */

static int init(kick_server *s, const cJSON *args)
{
	(void)args;
	append("inits", "init");
	pass(words.gate);
	if (restarts() > 0)
		pass(words.later);
	return words.init ? kick_server_stop(s, words.init) : KICK_OK;
}

static int handle_call(kick_server *s, kick_from from, const cJSON *request)
{
	const char *word = cJSON_GetStringValue(request);
	const double life[] = { getpid(), restarts() };
	cJSON *answer;

	if (word && strcmp(word, "stop") == 0)
		return kick_server_stop(s, "told");
	if (word && strcmp(word, "wait") == 0) {
		append("waits", "wait");
		return KICK_OK;
	}
	if (!word || strcmp(word, "life") != 0) {
		(void)kick_reply(from, request);
		return KICK_OK;
	}
	answer = cJSON_CreateDoubleArray(life, 2);
	(void)kick_reply(from, answer);
	cJSON_Delete(answer);
	return KICK_OK;
}

static int handle_cast(kick_server *s, const cJSON *request)
{
	char *text = cJSON_PrintUnformatted(request);

	(void)s;
	append("casts", text);
	cJSON_free(text);
	return KICK_OK;
}

static void terminate(kick_server *s, const char *reason)
{
	(void)s;
	append("ends", reason);
}

static const kick_gen_server server = { .init = init,
	.handle_call = handle_call,
	.handle_cast = handle_cast,
	.terminate = terminate };

static int run_server(void)
{
	kick_start_options o = { .name = words.name, .trap_exit = words.trap };
	int r = kick_start();

	if (r == 0)
		r = kick_server_run(&server, NULL, &o, NULL);
	append("failed", r == -EEXIST ? "EEXIST" : strerror(-r));
	return 5;
}

/* The first process has another one, which has the name; they end together. */
static int run_holder(void)
{
	kick_start_options o = { .name = words.name, .trap_exit = words.trap };
	kick_message *m;
	kick_pid pid;
	int r = kick_start();

	if (r == 0)
		r = kick_server_start_link(&server, NULL, &o, &pid, NULL);
	if (r == 0)
		r = kick_ready();
	if (r < 0) {
		append("failed", r == -EEXIST ? "EEXIST" : strerror(-r));
		return 5;
	}
	for (;;)
		(void)kick_receive(NULL, NULL, KICK_INFINITY, &m);
}

static int start_kid(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	return kick_server_start_link(&server, args, NULL, ret, why);
}

static int run_tree(void)
{
	const kick_child_spec kid = { .id = "kid", .start = start_kid };
	kick_supervisor_options o = KICK_SUPERVISOR_DEFAULTS;
	kick_message *m;
	kick_pid pid;
	int r = kick_start();

	o.name = words.name;
	o.max_restarts = UINT32_MAX;
	if (r == 0)
		r = kick_supervisor_start_link(&o, &kid, 1, &pid, NULL);
	if (r == 0)
		r = kick_ready();
	if (r < 0)
		return 5;
	(void)puts("the tree is up");
	(void)fflush(stdout);
	for (;;)
		(void)kick_receive(NULL, NULL, KICK_INFINITY, &m);
}

/* --- those that are no good ---------------------------------------------------------
 */

/* Sends what no program should, until nobody takes it any more; then it stays. */
static _Noreturn void run_foul(bool flood)
{
	static char bytes[2000];
	const char *text = getenv("KICK_LINK_FD");
	int fd = text ? (int)strtol(text, NULL, 10) : -1;
	unsigned n = 0;

	for (;;) {
		size_t len = flood ? sizeof bytes : n * 37 % sizeof bytes;

		for (size_t i = 0; i < len; i++)
			bytes[i] = flood ? 0 : (char)(n * 31 + i * 7);
		if (send(fd, bytes, len, MSG_NOSIGNAL) < 0 && errno != EINTR)
			break;
		n++;
	}
	append("foul", strerror(errno));
	for (;;)
		(void)pause();
}

static int be_it(void)
{
	if (strcmp(words.as, "holder") == 0)
		return run_holder();
	if (strcmp(words.as, "tree") == 0)
		return run_tree();
	if (strcmp(words.as, "flood") == 0 || strcmp(words.as, "rubbish") == 0)
		run_foul(strcmp(words.as, "flood") == 0);
	return run_server();
}

/* Before main(), which is that of the tests. */
__attribute__((constructor)) static void become_program(int argc, char **argv)
{
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;

	if (!slash || strcmp(slash, "/k") != 0)
		return;
	take_words(argc, argv);
	if (words.as)
		exit(be_it());
}

void linked(void)
{
	char path[300] = "";

	check(readlink("/proc/self/exe", path, sizeof path - 1) > 0 &&
			symlink(path, "k") == 0,
		"k: %s", strerror(errno));
}
