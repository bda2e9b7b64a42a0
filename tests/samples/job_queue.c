/* A queue of jobs. Each job is done by a process of its own, so that a job that crashes
 * crashes nothing else; two at a time. One that fails is tried again, at most three
 * times, and then reported as failed.
 *
 * The queue is linked to its workers and traps exits: {EXIT, worker, reason} is how it
 * hears how a job went, and no worker outlives it. */
#include <kick.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE kick_to_name("job_queue")
#define JOBS_MAX 16
#define WORKERS 2
#define RETRIES 3

/* --- core: jobs and where they stand ------------------------------------------------
 */

enum job_state {
	FREE,
	WAITING,
	RUNNING
};

struct job {
	enum job_state state;
	char name[32];
	int fails; /* so many of its tries fail */
	int tries; /* so far */
	uint64_t turn;
	kick_pid worker;
};

static struct job jobs[JOBS_MAX]; /* the queue's state */
static uint64_t last_turn;
static int running, most;

static struct job *find_free(void)
{
	for (size_t i = 0; i < JOBS_MAX; i++)
		if (jobs[i].state == FREE)
			return &jobs[i];
	return NULL;
}

static struct job *find_worker(kick_pid pid)
{
	for (size_t i = 0; i < JOBS_MAX; i++)
		if (jobs[i].state == RUNNING && kick_pid_equal(jobs[i].worker, pid))
			return &jobs[i];
	return NULL;
}

/* Who has waited longest. */
static struct job *find_next(void)
{
	struct job *next = NULL;

	for (size_t i = 0; i < JOBS_MAX; i++)
		if (jobs[i].state == WAITING && (!next || jobs[i].turn < next->turn))
			next = &jobs[i];
	return next;
}

/* At the end of the queue. */
static void enqueue(struct job *job)
{
	job->state = WAITING;
	job->turn = ++last_turn;
}

/* --- a worker -----------------------------------------------------------------------
 */

/* The work. Some jobs are bad, each in a way of its own. */
static void work(void *arg)
{
	const struct job *job = arg;

	if (job->tries > job->fails)
		return;
	if (strcmp(job->name, "resize images") == 0)
		abort();
	if (strcmp(job->name, "import orders") == 0)
		exit(3);
	kick_raise("no_network");
}

/* --- boundary -----------------------------------------------------------------------
 */

static void start_workers(void)
{
	struct job *job;

	while (running < WORKERS && (job = find_next())) {
		job->tries++;
		if (kick_spawn_link(work, job, &job->worker) < 0)
			kick_raise("no_worker");
		job->state = RUNNING;
		if (++running > most)
			most = running;
	}
}

/* [NAME, TRIES, REASON] */
static void report(const struct job *job, const char *reason)
{
	cJSON *note = cJSON_CreateArray();

	(void)cJSON_AddItemToArray(note, cJSON_CreateString(job->name));
	(void)cJSON_AddItemToArray(note, cJSON_CreateNumber(job->tries));
	(void)cJSON_AddItemToArray(note, cJSON_CreateString(reason));
	(void)kick_send(kick_to_name("office"), note);
	cJSON_Delete(note);
}

/* [[NAME, FAILS], ...]: how many have been taken. */
static int queue_call(kick_server *s, kick_from from, const cJSON *request)
{
	const cJSON *item;
	cJSON *answer;
	int n = 0;

	(void)s;
	cJSON_ArrayForEach(item, request)
	{
		struct job *job = find_free();

		if (!job)
			break;
		*job = (struct job){ .fails = cJSON_GetArrayItem(item, 1)->valueint };
		(void)snprintf(job->name, sizeof job->name, "%s",
			cJSON_GetStringValue(cJSON_GetArrayItem(item, 0)));
		enqueue(job);
		n++;
	}
	start_workers();
	answer = cJSON_CreateNumber(n);
	(void)kick_reply(from, answer);
	cJSON_Delete(answer);
	return KICK_OK;
}

/* A worker has ended. */
static int queue_info(kick_server *s, const kick_message *m)
{
	struct job *job = m->kind == KICK_EXIT ? find_worker(m->from) : NULL;

	(void)s;
	if (!job)
		return KICK_OK;
	running--;
	if (strcmp(m->reason, "normal") != 0 && job->tries <= RETRIES) {
		enqueue(job);
	} else {
		report(job, m->reason);
		job->state = FREE;
	}
	start_workers();
	return KICK_OK;
}

static void queue_terminate(kick_server *s, const char *reason)
{
	(void)s;
	printf("the queue ends (%s); at most %d workers at a time\n", reason, most);
}

static const kick_gen_server queue = {
	.handle_call = queue_call,
	.handle_info = queue_info,
	.terminate = queue_terminate,
};

/* --- API ----------------------------------------------------------------------------
 */

static int queue_start_link(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	const kick_start_options options = { .name = "job_queue", .trap_exit = true };

	return kick_server_start_link(&queue, args, &options, ret, why);
}

static int queue_submit(const char *json)
{
	cJSON *request = cJSON_Parse(json), *answer = NULL;
	int n;

	if (kick_call(QUEUE, request, 5000, &answer, NULL) < 0)
		exit(1);
	n = answer->valueint;
	cJSON_Delete(request);
	cJSON_Delete(answer);
	return n;
}

/* --- the first process: the office --------------------------------------------------
 */

static bool is_report_of(const kick_message *m, void *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetArrayItem(m->value, 0));

	return text && strcmp(text, name) == 0;
}

/* They end as they end, and are shown as they are asked for. */
static void show(char *name)
{
	const char *reason;
	kick_message *m;
	int tries;

	if (kick_receive(is_report_of, name, KICK_INFINITY, &m) < 0)
		exit(1);
	tries = cJSON_GetArrayItem(m->value, 1)->valueint;
	reason = cJSON_GetStringValue(cJSON_GetArrayItem(m->value, 2));
	if (strcmp(reason, "normal") == 0)
		printf("%s: done at try %d\n", name, tries);
	else
		printf("%s: failed after %d tries: %s\n", name, tries, reason);
	kick_message_free(m);
}

int main(void)
{
	const kick_child_spec spec = { .id = "job_queue", .start = queue_start_link };
	char send[] = "send mail", resize[] = "resize images";
	char import[] = "import orders", clean[] = "clean up", backup[] = "back up";
	kick_pid supervisor;

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (kick_start() < 0 || kick_register("office") < 0 ||
		kick_supervisor_start_link(NULL, &spec, 1, &supervisor, NULL) < 0)
		return 1;
	printf("%d jobs are queued\n",
		queue_submit("[[\"send mail\", 1], [\"resize images\", 3],"
			     " [\"import orders\", 9], [\"clean up\", 0]]"));
	show(send);
	show(resize);
	show(import);
	show(clean);
	printf("%d job is queued\n", queue_submit("[[\"back up\", 9]]"));
	show(backup);
	return kick_supervisor_stop(kick_to(supervisor)) < 0;
}
