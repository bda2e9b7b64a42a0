/* What a test sees of its tree: the events of the logger, output, and the nodes of
 * `kick status`. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness.h"
#include "it_inside.h"

static struct event *events;
static size_t n_events;

/* --- the stream of events
 * --------------------------------------------------------------
 */

void events_follow(void)
{
	static const char ask[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"events\","
				  "\"params\":{\"last\":256,\"follow\":true}}\n";
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	(void)snprintf(sun.sun_path, sizeof sun.sun_path, "%s/1", it.run);
	it.events = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(it.events, (struct sockaddr *)&sun, sizeof sun) < 0 ||
		send(it.events, ask, sizeof ask - 1, MSG_NOSIGNAL) < 0) {
		(void)close(it.events);
		it.events = -1;
	}
}

static void copy_text(char *to, size_t size, const cJSON *from, const char *key)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItem(from, key));

	(void)snprintf(to, size, "%s", s ? s : "");
}

static void add_event(const cJSON *json)
{
	const cJSON *pid = cJSON_GetObjectItem(json, "pid");
	struct event *e;

	events = realloc(events, (n_events + 1) * sizeof *events);
	e = &events[n_events++];
	*e = (struct event){ .pid = cJSON_IsNumber(pid) ? (pid_t)pid->valueint : 0 };
	copy_text(e->event, sizeof e->event, json, "event");
	copy_text(e->path, sizeof e->path, json, "path");
	copy_text(e->reason, sizeof e->reason, json, "reason");
}

static void take_line(const char *line)
{
	cJSON *json = cJSON_Parse(line);
	const cJSON *past, *e;

	check(json, "the logger sent no JSON: %s", line);
	past = cJSON_GetObjectItem(cJSON_GetObjectItem(json, "result"), "events");
	cJSON_ArrayForEach(e, past) add_event(e);
	if (cJSON_GetObjectItem(json, "method"))
		add_event(cJSON_GetObjectItem(json, "params"));
	cJSON_Delete(json);
}

bool events_take(void)
{
	static char buf[65536];
	ssize_t n = recv(it.events, buf, sizeof buf, MSG_DONTWAIT);
	char *line, *end;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	text_add(&it.lines, buf, (size_t)n);
	for (line = it.lines.bytes; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		take_line(line);
	}
	it.lines.len = strlen(line);
	memmove(it.lines.bytes, line, it.lines.len + 1);
	return true;
}

/* --- waiting for events
 * ----------------------------------------------------------------
 */

struct wanted {
	const char *event;
	const char *path;
	pid_t pid; /* 0: any */
	int n;
	size_t from; /* and later */
};

static const struct event *find_event(const struct wanted *w)
{
	int n = w->n;

	for (size_t i = w->from; i < n_events; i++)
		if (strcmp(events[i].event, w->event) == 0 &&
			(!w->path || strcmp(events[i].path, w->path) == 0) &&
			(!w->pid || events[i].pid == w->pid) && --n == 0)
			return &events[i];
	return NULL;
}

static bool has_come(const void *arg)
{
	return find_event(arg) != NULL;
}

const struct event *await_event(const char *event, const char *path, int n)
{
	struct wanted w = { event, path, 0, n, 0 };

	await(has_come, &w, "event %s of %s, number %d", event, path, n);
	return find_event(&w);
}

int events_seen(const char *event, const char *path)
{
	int n = 0;

	while (it_pump(0))
		;
	for (size_t i = 0; i < n_events; i++)
		n += strcmp(events[i].event, event) == 0 &&
			strcmp(events[i].path, path) == 0;
	return n;
}

const struct event *await_end(pid_t pid)
{
	struct wanted w = { "exited", NULL, pid, 1, 0 };

	await(has_come, &w, "event exited of pid %d", (int)pid);
	return find_event(&w);
}

pid_t await_next(const char *path, pid_t pid)
{
	struct wanted w = { "ready", path, 0, 1, 0 };

	w.from = (size_t)(await_end(pid) - events);
	await(has_come, &w, "%s ready again after the end of pid %d", path, (int)pid);
	return find_event(&w)->pid;
}

const char *trail(pid_t pid)
{
	static char text[2000];
	size_t i = (size_t)(await_end(pid) - events), n = 0;

	text[0] = '\0';
	for (; i < n_events && n < sizeof text - 200; i++) {
		const char *sign = strcmp(events[i].event, "exited") == 0 ? "-"
			: strcmp(events[i].event, "ready") == 0		  ? "+"
									  : NULL;

		if (sign)
			n += (size_t)snprintf(text + n, sizeof text - n, "%s%s%s",
				n ? " " : "", sign, events[i].path);
	}
	return text;
}

/* --- output
 * ----------------------------------------------------------------------------
 */

static bool out_has(const void *text)
{
	return strstr(tree_out(), text) != NULL;
}

static bool err_has(const void *text)
{
	return strstr(tree_err(), text) != NULL;
}

void await_out(const char *text)
{
	await(out_has, text, "\"%s\" on kickd's stdout", text);
}

void await_err(const char *text)
{
	await(err_has, text, "\"%s\" on kickd's stderr", text);
}

/* Files have no events: this one looks again, a few times a second. */
void await_lines(const char *file, int n)
{
	double deadline = it_deadline();

	while (lines_in(file) < n) {
		check(it_now() < deadline, "%s has %d lines, not %d", file,
			lines_in(file), n);
		(void)it_pump(it_now() + 0.02);
	}
}

void check_starts(const char *file, int n)
{
	await_lines(file, n);
	check(lines_in(file) == n, "%s: started %d times, not %d", file, lines_in(file),
		n);
}

/* --- nodes
 * -----------------------------------------------------------------------------
 */

cJSON *node_of(const char *path)
{
	int r = kick("status --json %s", path);
	cJSON *all = cJSON_Parse(last_out());
	cJSON *node = cJSON_DetachItemFromArray(all, 0);

	check(node, "kick status --json %s: status %d, %s", path, r, last_err());
	cJSON_Delete(all);
	return node;
}

static int number_of(const char *path, const char *key)
{
	cJSON *node = node_of(path);
	const cJSON *item = cJSON_GetObjectItem(node, key);
	int n = cJSON_IsNumber(item) ? item->valueint : 0;

	cJSON_Delete(node);
	return n;
}

pid_t pid_of(const char *path)
{
	return (pid_t)number_of(path, "pid");
}

int restarts_of(const char *path)
{
	return number_of(path, "restarts");
}

const char *state_of(const char *path)
{
	static char state[32];
	cJSON *node = node_of(path);

	copy_text(state, sizeof state, node, "state");
	cJSON_Delete(node);
	return state;
}

const char *reason_of(const char *path)
{
	static char reason[128];
	cJSON *node = node_of(path);

	copy_text(reason, sizeof reason, cJSON_GetObjectItem(node, "last_exit"),
		"reason");
	cJSON_Delete(node);
	return reason;
}

/* An event that comes while the answer is on its way may be the one that matters. */
void await_state(const char *path, const char *state)
{
	double deadline = it_deadline();

	for (;;) {
		size_t before = n_events;

		if (strcmp(state_of(path), state) == 0)
			return;
		while (n_events == before)
			check(it_pump(deadline) || it_now() < deadline,
				"%s is %s, not %s", path, state_of(path), state);
	}
}

void check_alive(const char *path)
{
	kick_gives(0, "status %s", path);
	check(is_alive(pid_of(path)), "%s has no process", path);
}

/* --- processes
 * -------------------------------------------------------------------------
 */

static bool comm_is(pid_t pid, const char *comm)
{
	char name[64], text[32] = "";
	FILE *f;

	(void)snprintf(name, sizeof name, "/proc/%d/comm", (int)pid);
	f = fopen(name, "re");
	if (!f)
		return false;
	(void)!fgets(text, sizeof text, f);
	(void)fclose(f);
	text[strcspn(text, "\n")] = '\0';
	return strcmp(text, comm) == 0;
}

pid_t logger_pid(void)
{
	char path[64];
	FILE *f;
	int pid, found = 0;

	(void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)tree_pid(),
		(int)tree_pid());
	f = fopen(path, "re");
	while (f && !found && fscanf(f, "%d", &pid) == 1)
		if (comm_is(pid, "kick:log"))
			found = pid;
	if (f)
		(void)fclose(f);
	return found;
}

/* Those of this test: they run in its directory. */
int helpers_alive(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *e;
	int n = 0;

	while (proc && (e = readdir(proc))) {
		pid_t pid = (pid_t)atoi(e->d_name);
		char name[64], cwd[100] = "";

		(void)snprintf(name, sizeof name, "/proc/%d/cwd", (int)pid);
		n += pid > 0 && readlink(name, cwd, sizeof cwd - 1) > 0 &&
			strcmp(cwd, it.dir) == 0 && comm_is(pid, "h") && is_alive(pid);
	}
	if (proc)
		(void)closedir(proc);
	return n;
}

/* --- /proc ---------------------------------------------------------------------------
 */

const char *read_of(pid_t pid, const char *name)
{
	static char text[8192];
	char path[64];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	(void)close(fd);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

int entries_of(pid_t pid, const char *name)
{
	char path[64];
	DIR *dir;
	int n = 0;

	(void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	dir = opendir(path);
	check(dir, "%s: %s", path, strerror(errno));
	for (struct dirent *e; (e = readdir(dir));)
		n += e->d_name[0] != '.';
	(void)closedir(dir);
	return n;
}

pid_t other_thread(pid_t pid)
{
	char path[64];
	pid_t other = 0;
	DIR *dir;

	(void)snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	dir = opendir(path);
	check(dir, "%s: %s", path, strerror(errno));
	for (struct dirent *e; (e = readdir(dir));)
		if (e->d_name[0] != '.' && atoi(e->d_name) != pid)
			other = (pid_t)atoi(e->d_name);
	(void)closedir(dir);
	return other;
}

const char *children_of(pid_t pid, pid_t thread)
{
	char name[64];

	(void)snprintf(name, sizeof name, "task/%d/children", (int)thread);
	return read_of(pid, name);
}

static bool is_stopped(pid_t pid, pid_t thread)
{
	char name[64];
	const char *after;

	(void)snprintf(name, sizeof name, "task/%d/stat", (int)thread);
	after = strrchr(read_of(pid, name), ')');
	return after && after[1] == ' ' && after[2] == 'T';
}

/* It is no child of ours that would be reported: so it is looked at. */
void halt(pid_t pid)
{
	double deadline = it_deadline();
	pid_t other = other_thread(pid);

	(void)kill(pid, SIGSTOP);
	while (!is_stopped(pid, pid) || (other && !is_stopped(pid, other))) {
		(void)it_pump(it_now() + 0.01);
		check(it_now() < deadline, "process %d does not stop", (int)pid);
	}
}
