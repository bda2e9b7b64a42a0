/* A counter that keeps its state on disk: whatever kills it, it goes on from where it
 * was.
 *
 * The file is written anew beside the old one and then takes its name: whoever reads
 * it, at whatever moment the writer is killed, finds the old number or the new one,
 * never half of one. An answer means that it is on disk. */
#include <kick.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNTER kick_to_name("counter")

static char file[4096], beside[4104];

/* --- core: a number in a file -------------------------------------------------------
 */

/* 0 when there is no file yet. */
static long load(void)
{
	FILE *f = fopen(file, "re");
	char text[32] = "0";

	if (f) {
		(void)!fgets(text, sizeof text, f);
		(void)fclose(f);
	}
	return strtol(text, NULL, 10);
}

static bool save(long count)
{
	FILE *f = fopen(beside, "we");
	bool ok = f && fprintf(f, "%ld\n", count) > 0 && fflush(f) == 0 &&
		fsync(fileno(f)) == 0;

	if (f && fclose(f) != 0)
		ok = false;
	return ok && rename(beside, file) == 0;
}

/* --- boundary -----------------------------------------------------------------------
 */

static long count;

static int counter_init(kick_server *s, const cJSON *args)
{
	(void)s;
	(void)args;
	count = load();
	printf("counter: begins at %ld\n", count);
	return KICK_OK;
}

static int counter_call(kick_server *s, kick_from from, const cJSON *request)
{
	cJSON *answer;

	(void)request;
	if (!save(count + 1))
		return kick_server_stop(s, "disk");
	answer = cJSON_CreateNumber((double)++count);
	(void)kick_reply(from, answer);
	cJSON_Delete(answer);
	return KICK_OK;
}

static const kick_gen_server counter = {
	.init = counter_init,
	.handle_call = counter_call,
};

/* --- API ----------------------------------------------------------------------------
 */

static kick_pid counter_start(void)
{
	const kick_start_options options = { .name = "counter" };
	kick_pid pid;

	if (kick_server_start_link(&counter, NULL, &options, &pid, NULL) < 0)
		exit(1);
	return pid;
}

static void counter_increment(void)
{
	cJSON *request = cJSON_CreateString("increment"), *answer = NULL;

	if (kick_call(COUNTER, request, 5000, &answer, NULL) < 0)
		exit(1);
	printf("increment: %d\n", answer->valueint);
	cJSON_Delete(request);
	cJSON_Delete(answer);
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");
	char dir[2048];
	kick_pid pid;

	(void)snprintf(dir, sizeof dir, "%s/counter-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(dir))
		return 1;
	(void)snprintf(file, sizeof file, "%s/count", dir);
	(void)snprintf(beside, sizeof beside, "%s.new", file);

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (kick_start() < 0 || kick_trap_exit(true) < 0)
		return 1;
	pid = counter_start();
	for (int life = 1; life <= 3; life++) {
		kick_message *m;

		counter_increment();
		counter_increment();
		if (kick_exit(pid, "kill") < 0 ||
			kick_receive(NULL, NULL, KICK_INFINITY, &m) < 0)
			return 1;
		printf("{EXIT, pid, %s}\n", m->reason);
		kick_message_free(m);
		if (life < 3)
			pid = counter_start();
	}
	printf("on disk: %ld\n", load());
	(void)unlink(file);
	(void)rmdir(dir);
	return 0;
}
