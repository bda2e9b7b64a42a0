/* A process that does not answer cannot be asked who it is. A nested supervisor, a
 * program, an agent, a registry is known from its parent's answer; the top supervisor
 * and the logger are found as children of kickd, whose pid is in the lock of the
 * runtime directory. Where that cannot be read (another user's, another container's),
 * the words do without a pid. */
#include "silence.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/num.h"

/* In the runtime directory: "PID NAME". */
#define LOCK_NAME "lock"

#define TITLE_TOP "kickd: supervisor "
#define TITLE_LOGGER "kickd: logger"

/* What is known of the process behind a socket. */
struct who {
	char name[KICK_PATH_MAX + 32];
	const char *title; /* how `ps` shows it; NULL: as it likes */
	bool supervisor;
	pid_t pid;  /* 0: not known, or there is none */
	pid_t root; /* kickd's own; 0: not known */
};

static ssize_t read_some(const char *path, char *buf, size_t size)
{
	/* Whatever stands at that name: it is not waited for. */
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	buf[n > 0 ? n : 0] = '\0';
	return n;
}

static bool has_title(pid_t pid, const char *title)
{
	char path[64], text[256];

	(void)snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
	return read_some(path, text, sizeof text) > 0 &&
		strncmp(text, title, strlen(title)) == 0;
}

/* Its state as proc(5) has it, and its parent; '\0' when there is no such process. */
static char look_at(pid_t pid, pid_t *ret_parent)
{
	char path[64], text[512], state = '\0';
	const char *end;
	int parent = 0;

	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	if (pid <= 0 || read_some(path, text, sizeof text) <= 0)
		return '\0';
	end = strrchr(text, ')');
	if (!end || sscanf(end, ") %c %d", &state, &parent) != 2)
		return '\0';
	*ret_parent = parent;
	return state;
}

static bool was_stopped(pid_t pid)
{
	pid_t parent;
	char state = look_at(pid, &parent);

	return state == 'T' || state == 't';
}

/* The child of kickd with this title, or 0. */
static pid_t find_child(pid_t root, const char *title)
{
	DIR *dir = opendir("/proc");
	pid_t found = 0;

	for (struct dirent *e; dir && !found && (e = readdir(dir));) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10), parent = 0;

		if (look_at(pid, &parent) && parent == root && has_title(pid, title))
			found = pid;
	}
	if (dir)
		(void)closedir(dir);
	return found;
}

/* kickd's pid and the application's name, as the lock has them. */
static pid_t read_lock(const struct session *s, char name[KICK_ID_MAX + 1])
{
	char path[KICK_PATH_MAX], text[256], file[64];
	int pid = 0;

	name[0] = '\0';
	(void)snprintf(path, sizeof path, "%s/" LOCK_NAME, s->dir);
	if (read_some(path, text, sizeof text) <= 0 ||
		sscanf(text, "%d %63s", &pid, name) != 2)
		return 0;
	/* The number may be another container's, and somebody else's here. */
	(void)snprintf(file, sizeof file, "/proc/%d/cmdline", pid);
	text[0] = '\0';
	return read_some(file, text, sizeof text) > 0 && strstr(text, "kickd") ? pid
									       : 0;
}

/* Those below the top supervisor, by type; the others are supervisors. */
static const struct {
	const char *type, *word, *title;
} kinds[] = {
	{ "worker", "program", NULL },
	{ "agent", "agent", "kickd: agent " },
	{ "registry", "registry", "kickd: registry " },
};

static void nested(struct who *who, const char *type, const char *path, int64_t pid)
{
	const char *word = "supervisor";

	who->title = TITLE_TOP;
	who->supervisor = true;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (strcmp(kinds[i].type, type) != 0)
			continue;
		word = kinds[i].word;
		who->title = kinds[i].title;
		who->supervisor = false;
	}
	(void)snprintf(who->name, sizeof who->name, "the %s %s", word, path);
	who->pid = pid > 0 ? (pid_t)pid : 0;
}

static void find_who(const struct session *s, const char *socket, struct who *who)
{
	char app[KICK_ID_MAX + 1];

	*who = (struct who){ .root = read_lock(s, app) };
	if (strcmp(socket, PROTOCOL_SOCKET_LOGGER) == 0) {
		(void)strcpy(who->name, "kickd's logger");
		who->title = TITLE_LOGGER;
	} else if (strcmp(socket, PROTOCOL_SOCKET_TOP) == 0) {
		(void)snprintf(who->name, sizeof who->name, "the top supervisor%s%s",
			*app ? " " : "", app);
		who->title = TITLE_TOP;
		who->supervisor = true;
	} else {
		nested(who, s->asked.type,
			strcmp(socket, s->asked.socket) == 0 ? s->asked.path : "?",
			s->asked.pid);
		return;
	}
	if (who->root)
		who->pid = find_child(who->root, who->title);
}

static void add_remedy(struct buf *out, const struct who *who)
{
	const char *below = who->supervisor ? ", with all below it" : "";

	if (was_stopped(who->pid))
		buf_addf(out,
			": it was stopped by a signal; kill -CONT %d lets it go on, "
			"kill -9 %d has it started anew%s",
			(int)who->pid, (int)who->pid, below);
	else if (who->pid)
		buf_addf(out,
			"; --timeout 1m waits longer, kill -9 %d has it started anew%s",
			(int)who->pid, below);
	else if (was_stopped(who->root))
		buf_addf(out,
			": it has no process, and kickd, which would start it, was "
			"stopped by a signal; kill -CONT %d lets kickd go on",
			(int)who->root);
	else if (who->root)
		buf_addf(out,
			": it has no process now; kickd (pid %d) starts it anew, and "
			"--timeout 1m waits longer for it",
			(int)who->root);
	else if (!who->title)
		buf_adds(out,
			"; --timeout 1m waits longer; if it was stopped, kill -CONT of "
			"its process lets it go on");
	else
		buf_addf(out,
			"; --timeout 1m waits longer; if it was stopped, kill -CONT of "
			"its process (\"%s\" in ps) lets it go on, kill -9 has it "
			"started anew%s",
			who->title, below);
}

static void tell(const struct who *who, int64_t waited_ns, struct buf *out)
{
	char text[32];

	buf_adds(out, who->name);
	if (who->pid)
		buf_addf(out, " (pid %d)", (int)who->pid);
	if (waited_ns < 0)
		buf_adds(out, " does not answer");
	else
		buf_addf(out, " has not answered for %s",
			num_age(waited_ns, text, sizeof text));
	add_remedy(out, who);
}

void silence_tell(
	const struct session *s, const char *socket, int64_t waited_ns, struct buf *out)
{
	struct who who;

	find_who(s, socket, &who);
	tell(&who, waited_ns, out);
}

void silence_tell_node(const struct node *n, int64_t waited_ns, struct buf *out)
{
	struct who who = { .pid = 0 };

	nested(&who, n->type, n->path, n->pid);
	tell(&who, waited_ns, out);
}

void silence_if_stopped(const struct session *s, const char *socket, struct buf *out)
{
	struct who who;

	find_who(s, socket, &who);
	if (was_stopped(who.pid))
		buf_addf(out, "; %s was stopped by a signal: kill -CONT %d", who.name,
			(int)who.pid);
	else if (was_stopped(who.root))
		buf_addf(out, "; kickd was stopped by a signal: kill -CONT %d",
			(int)who.root);
}
