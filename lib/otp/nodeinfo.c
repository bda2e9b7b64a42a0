/* What the node knows of a process, for kick_info() and `kick info`. OTP:
 * erlang:process_info/1. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "kick.h"
#include "otp/nodeint.h"

/* Links that are listed when a process is asked for. */
#define LINKS_SHOWN 1000

static void add_name(void *user, const char *name)
{
	(void)cJSON_AddItemToArray(user, cJSON_CreateString(name));
}

/* proc(5), .../stat: the letter after the name in brackets, and the 24th number. */
static void add_process(cJSON *json, pid_t pid)
{
	char path[32], line[512], state = 0;
	long pages = 0;
	FILE *f;
	char *at;

	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	at = f && fgets(line, sizeof line, f) ? strrchr(line, ')') : NULL;
	if (f)
		(void)fclose(f);
	if (!at ||
		sscanf(at,
			") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d "
			"%*d %*d %*d %*d %*u %*u %ld",
			&state, &pages) != 2)
		return;
	(void)cJSON_AddStringToObject(json, "state",
		state == 'R'	       ? "running"
			: state == 'T' ? "suspended"
			: state == 'Z' ? "exiting"
				       : "waiting");
	(void)cJSON_AddNumberToObject(
		json, "memory", (double)pages * (double)sysconf(_SC_PAGESIZE));
}

/* What it has taken in and not looked at yet. */
static double messages_of(const struct member *m)
{
	uint64_t seen = node_counters()->mailboxes[m->id % NODE_MAILBOXES];

	return node_mailbox(m->id, 0) == seen >> 32 << 32 ? (double)(uint32_t)seen : 0;
}

char *node_describe(const struct member *m)
{
	cJSON *json = cJSON_CreateObject();
	cJSON *links = cJSON_AddArrayToObject(json, "links");
	cJSON *names = cJSON_AddArrayToObject(json, "names");
	struct monitor *mon;
	char *text;
	int monitors = 0;

	/* All of very many would not fit into the answer. */
	for (size_t i = 0; i < m->n_links && i < LINKS_SHOWN; i++) {
		kick_pid pid = { node_number(), m->links[i] };

		(void)cJSON_AddItemToArray(links, kick_pid_to_json(pid));
	}
	nodenames_each(m, add_name, names);
	DL_COUNT2(m->watches, mon, monitors, next_of_watcher);
	(void)cJSON_AddNumberToObject(json, "n_links", (double)m->n_links);
	(void)cJSON_AddNumberToObject(json, "monitors", monitors);
	(void)cJSON_AddBoolToObject(json, "trap_exit", m->trap);
	(void)cJSON_AddNumberToObject(json, "messages", messages_of(m));
	(void)cJSON_AddNumberToObject(json, "os_pid", m->pid);
	add_process(json, m->pid);
	text = cJSON_PrintUnformatted(json);
	cJSON_Delete(json);
	return text;
}
