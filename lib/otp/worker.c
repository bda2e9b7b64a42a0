/* Starting, stopping and killing a program. The environment and the words are put
 * together anew at each start, as env_file, ${VAR} and the restart count want it. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "config/expand.h"
#include "os/reap.h"
#include "os/roles.h"
#include "otp/internal.h"

static_assert(FD_SLOT_0 + KICK_CHILD_SOCKETS_MAX < FD_SLOT_LAST,
	"there is a slot for a link behind all sockets");

/* An env_file is read whole; more than this is not an environment. */
#define ENV_FILE_MAX (1 << 20)

/* All that one start needs and is freed after it. */
struct launch {
	struct supervised *child;
	struct env env;
	struct buf words; /* NUL-terminated strings, one after the other */
	size_t *offsets;  /* of argv within words */
	char **argv;
	struct buf paths; /* programs to try */
	const char **programs;
	struct buf cwd;
	struct buf notify;
	struct buf group;
	const struct str_list *command;
	bool shell;
	bool is_probe;
	struct buf listen_names;
	int listen[KICK_CHILD_SOCKETS_MAX];
	int link; /* our end, of a program that speaks libkick; else -1 */
	struct spawn_request req;
	struct spawn_failure fail;
	struct err err; /* what is wrong, for people */
};

static int failed(struct launch *l, enum spawn_step step, int code)
{
	l->fail = (struct spawn_failure){ .step = step, .code = code, .detail = -1 };
	return code;
}

static void launch_done(struct launch *l)
{
	env_done(&l->env);
	buf_done(&l->words);
	buf_done(&l->paths);
	buf_done(&l->cwd);
	buf_done(&l->notify);
	buf_done(&l->group);
	buf_done(&l->listen_names);
	free(l->offsets);
	free(l->argv);
	free(l->programs);
	(void)fd_close(l->link);
	if (l->child->nested)
		(void)fd_close(l->req.ready_fd);
}

/* --- environment --------------------------------------------------------------------
 */

static int inherit_env(struct launch *l)
{
	int r = 0;

	for (char **e = l->child->sup->node->environ; r == 0 && *e; e++)
		r = env_lend(&l->env, *e);
	return r;
}

static int add_env_list(struct launch *l, const struct env_list *list)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && list && i < list->n; i++) {
		const struct env_pair *pair = &list->at[i];
		const char *value = REL_STR(pair->value);
		struct buf text;

		if (!value) {
			env_unset(&l->env, REL_STR(pair->key));
			continue;
		}
		buf_init(&text, KICK_ENV_BYTES_MAX);
		r = expand(value, &l->env, &text, &l->err);
		if (r == 0)
			r = env_set(&l->env, REL_STR(pair->key), buf_text(&text));
		buf_done(&text);
	}
	return r;
}

static int add_env_file(struct launch *l, const char *path)
{
	bool optional = *path == '-';
	autofree char *text = NULL;
	autoclose int fd = -1;
	size_t n = 0;
	int r;

	path += optional;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && optional && errno == ENOENT)
		return 0;
	r = fd < 0 ? -errno : fd_read_all(fd, ENV_FILE_MAX, &text, &n);
	if (r < 0)
		return err_errno(&l->err, r, "env_file %s", path);
	r = env_file_parse(&l->env, text, n, &l->err);
	return r < 0 ? err_prefix(&l->err, "env_file %s", path) : 0;
}

static int add_user_env(struct launch *l)
{
	const struct user_spec *u = REL_GET(struct user_spec, l->child->spec->user);
	const char *name = u ? REL_STR(u->name) : NULL;
	const char *home = u ? REL_STR(u->home) : NULL;
	int r = 0;

	if (name)
		r = env_set(&l->env, "USER", name);
	if (name && r == 0)
		r = env_set(&l->env, "LOGNAME", name);
	if (home && r == 0)
		r = env_set(&l->env, "HOME", home);
	return r;
}

/* The pid is written by the child, as nobody knows it before. */
static int add_pid(struct launch *l, const char *name)
{
	char **text = l->req.pid_texts;
	char zeros[SPAWN_PID_SIZE + 1];
	int r;

	(void)snprintf(zeros, sizeof zeros, "%0*d", SPAWN_PID_SIZE - 1, 0);
	r = env_set(&l->env, name, zeros);
	if (r < 0)
		return r;
	while (*text)
		text++;
	*text = (char *)(uintptr_t)env_get(&l->env, name);
	return 0;
}

static int add_watchdog_env(struct launch *l)
{
	const struct probe_spec *health =
		REL_GET(struct probe_spec, l->child->spec->health);
	char usec[24];
	int r;

	(void)snprintf(
		usec, sizeof usec, "%lld", (long long)(health->interval_ns / 1000));
	r = env_set(&l->env, "WATCHDOG_USEC", usec);
	return r < 0 ? r : add_pid(l, "WATCHDOG_PID");
}

/* What kick tells a program about itself. */
static KICK_NOINLINE int add_kick_env(struct launch *l)
{
	const struct supervised *c = l->child;
	/* The second process of a child is told of the child. */
	const struct child *first = c->shown ? sup_find(&c->sup->core, c->shown) : NULL;
	const struct child *k = first ? first : &c->core;
	char path[KICK_PATH_MAX], number[16];
	int r = env_set(&l->env, "KICK_NAME", supervisor_path(c, path));

	if (r == 0)
		r = env_set(&l->env, "KICK_RUNTIME_DIR", c->sup->node->runtime_dir);
	(void)snprintf(number, sizeof number, "%u", k->restarts);
	if (r == 0)
		r = env_set(&l->env, "KICK_RESTARTS", number);
	if (r == 0 && k->last_exit.text[0])
		r = env_set(&l->env, "KICK_LAST_EXIT", k->last_exit.text);
	if (r == 0 && l->notify.len > 0)
		r = env_set(&l->env, "NOTIFY_SOCKET", buf_text(&l->notify));
	if (r == 0 && prober_has_watchdog(c) && !l->is_probe)
		r = add_watchdog_env(l);
	(void)snprintf(number, sizeof number, "%d", l->req.ready_slot);
	if (r == 0 && c->nested && !l->is_probe)
		r = env_set(&l->env, "KICK_LINK_FD", number);
	return r;
}

/* As systemd's sd_listen_fds(3) reads it. */
static int add_listen_env(struct launch *l)
{
	char number[16];
	int r;

	if (l->req.n_listen == 0)
		return 0;
	(void)snprintf(number, sizeof number, "%u", l->req.n_listen);
	r = env_set(&l->env, "LISTEN_FDS", number);
	if (r == 0)
		r = env_set(&l->env, "LISTEN_FDNAMES", buf_text(&l->listen_names));
	return r < 0 ? r : add_pid(l, "LISTEN_PID");
}

static int make_env(struct launch *l)
{
	const struct child_spec *s = l->child->spec;
	const struct config *cf = l->child->sup->config;
	const struct str_list *files = REL_GET(struct str_list, s->env_file);
	int r = inherit_env(l);

	if (r == 0)
		r = add_user_env(l);
	if (r == 0)
		r = add_env_list(l, REL_GET(struct env_list, cf->env));
	if (r < 0)
		return failed(l, SPAWN_ENV, r);
	for (uint32_t i = 0; files && i < files->n; i++) {
		r = add_env_file(l, str_list_at(files, i));
		if (r < 0)
			return failed(l, SPAWN_ENV_FILE, r);
	}
	r = add_env_list(l, REL_GET(struct env_list, s->env));
	if (r == 0)
		r = add_kick_env(l);
	if (r == 0)
		r = add_listen_env(l);
	if (r < 0)
		return failed(l, SPAWN_ENV, r);
	l->req.envp = l->env.at;
	return 0;
}

/* --- words --------------------------------------------------------------------------
 */

static int make_argv(struct launch *l)
{
	const struct child_spec *s = l->child->spec;
	const struct str_list *words = l->command;
	int r = 0;

	l->offsets = calloc(words->n + 1, sizeof *l->offsets);
	l->argv = calloc(words->n + 1, sizeof *l->argv);
	if (!l->offsets || !l->argv)
		return failed(l, SPAWN_EXPAND, -ENOMEM);
	for (uint32_t i = 0; r == 0 && i < words->n; i++) {
		l->offsets[i] = l->words.len;
		if (l->shell)
			buf_adds(&l->words, str_list_at(words, i));
		else
			r = expand(str_list_at(words, i), &l->env, &l->words, &l->err);
		buf_add(&l->words, "", 1);
	}
	if (r == 0 && REL_STR(s->cwd))
		r = expand(REL_STR(s->cwd), &l->env, &l->cwd, &l->err);
	if (r == 0 && (!buf_ok(&l->words) || !buf_ok(&l->cwd)))
		r = -ENOMEM;
	if (r < 0)
		return failed(l, SPAWN_EXPAND, r);
	for (uint32_t i = 0; i < words->n; i++)
		l->argv[i] = l->words.data + l->offsets[i];
	l->req.argv = l->argv;
	l->req.cwd = REL_STR(s->cwd) ? buf_text(&l->cwd) : NULL;
	return 0;
}

/* As execvp(3), but with the child's own PATH. */
static int make_programs(struct launch *l)
{
	const char *path = env_get(&l->env, "PATH");
	const char *name = l->argv[0];
	size_t n = 2, k = 0;

	if (!path || !*path)
		path = "/usr/local/bin:/usr/bin:/bin";
	for (const char *p = path; *p; p++)
		n += *p == ':';
	l->programs = calloc(n, sizeof *l->programs);
	if (!l->programs)
		return failed(l, SPAWN_EXEC, -ENOMEM);
	l->req.programs = l->programs;
	if (strchr(name, '/') || !*name) {
		l->programs[0] = name;
		return 0;
	}
	for (const char *p = path, *end; p; p = *end ? end + 1 : NULL) {
		end = strchrnul(p, ':');
		buf_add(&l->paths, p, (size_t)(end - p));
		buf_adds(&l->paths, end == p ? "./" : "/");
		buf_adds(&l->paths, name);
		buf_add(&l->paths, "", 1);
	}
	if (!buf_ok(&l->paths))
		return failed(l, SPAWN_EXEC, -ENOMEM);
	for (const char *p = l->paths.data; p < l->paths.data + l->paths.len;
		p += strlen(p) + 1)
		l->programs[k++] = p;
	return 0;
}

/* --- descriptors --------------------------------------------------------------------
 */

static bool is_terminal(int fd)
{
	struct termios ignored;

	return tcgetattr(fd, &ignored) == 0;
}

/* As root we would follow what anybody who may write there puts on the way. */
static bool is_open_to_all(const char *path)
{
	autofree char *dir = NULL;
	struct stat st;

	if (geteuid() != 0)
		return false;
	dir = strdup(path);
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): autofree */
	return dir && stat(dirname(dir), &st) == 0 && (st.st_mode & S_IWOTH) &&
		!(st.st_mode & S_ISVTX);
}

static int refuse(struct launch *l, enum spawn_step step, const char *why)
{
	(void)err_set(&l->err, -EPERM, "%s", why);
	return failed(l, step, -EPERM);
}

static int check_stdio(struct launch *l)
{
	const struct stdio_spec *io = l->child->spec->stdio;

	if (io[0].kind == STDIO_INHERIT && is_terminal(FD_STDIN))
		return refuse(l, SPAWN_STDIN,
			"stdin: kickd's is a terminal, which no worker can read from: each has "
			"a session of its own; start kickd with another stdin, or use "
			"\"null\"");
	for (int i = 1; i < 3; i++)
		if (io[i].kind == STDIO_FILE && is_open_to_all(REL_STR(io[i].path)))
			return refuse(l, (enum spawn_step)(SPAWN_STDIN + i),
				"everybody may write to the directory of the output file, where "
				"root opens none; chmod o-w it, or use another one");
	return 0;
}

/* Captured output keeps one pipe for both streams unless only one of them is. */
static int make_stdio(struct launch *l)
{
	static const int inherited[3] = { FD_STDIN, FD_STDOUT, FD_STDERR };
	struct supervised *c = l->child;
	bool one = c->spec->stdio[1].kind == STDIO_LOG &&
		c->spec->stdio[2].kind == STDIO_LOG && c->sup->node->one_output;
	int r;

	for (int i = 0; i < 3; i++) {
		const struct stdio_spec *io = &c->spec->stdio[i];
		int stream = one ? 0 : i - 1;

		l->req.fds[i] = -1;
		switch ((enum stdio_kind)io->kind) {
		case STDIO_NULL:
			break;
		case STDIO_INHERIT:
			l->req.fds[i] = inherited[i];
			break;
		case STDIO_FILE:
			l->req.files[i] = REL_STR(io->path);
			break;
		case STDIO_LOG:
			r = output_open(c, stream);
			if (r < 0)
				return failed(l, SPAWN_PIPE, r);
			l->req.fds[i] = c->out[stream].fd;
			break;
		}
	}
	return 0;
}

/* The logger is told what to look for before it has anything to look at. */
static int make_watch(struct launch *l)
{
	struct supervised *c = l->child;
	int r;

	if (c->spec->ready != READY_LOG || c->nested)
		return 0;
	r = readiness_watch(c);
	return r < 0 ? failed(l, SPAWN_PIPE, r) : 0;
}

static int make_ready(struct launch *l)
{
	struct supervised *c = l->child;
	int r = prober_new(c);

	if (r == 0 &&
		((c->spec->ready == READY_NOTIFY && !c->nested) ||
			prober_has_watchdog(c)))
		r = notify_new(c, &l->notify);
	if (r == 0 && c->spec->ready == READY_FD && !c->nested)
		r = readiness_new(c, &l->req);
	if (r < 0)
		return failed(l, SPAWN_NOTIFY, r);
	if (c->nested) {
		l->req.ready_slot = FD_SLOT_0 + (int)l->req.n_listen;
		r = nested_prepare(c, &l->link, &l->req.ready_fd);
		if (r < 0)
			return failed(l, SPAWN_SOCKET, r);
	}
	return 0;
}

static int make_listen(struct launch *l)
{
	int r = listening_collect(
		l->child, l->listen, &l->req.n_listen, &l->listen_names, &l->err);

	l->req.listen = l->listen;
	return r < 0 ? failed(l, SPAWN_LISTEN, r) : 0;
}

static void make_identity(struct launch *l)
{
	const struct child_spec *s = l->child->spec;
	const struct user_spec *u = REL_GET(struct user_spec, s->user);

	l->req.umask = s->has_umask ? s->umask : -1;
	l->req.nofile = l->child->sup->node->nofile;
	l->req.mark = l->child->mark;
	l->req.attrs = REL_GET(struct attrs, s->attrs);
	if (!u)
		return;
	l->req.has_uid = u->has_uid;
	l->req.has_gid = u->has_gid;
	l->req.has_groups = u->has_groups;
	l->req.uid = u->uid;
	l->req.gid = u->gid;
	l->req.n_groups = u->n_groups;
	l->req.groups = REL_GET(uint32_t, u->groups);
}

/* --- start, stop, kill --------------------------------------------------------------
 */

static void launch_init(struct launch *l, const struct str_list *command, bool shell)
{
	env_init(&l->env);
	buf_init(&l->words, KICK_ENV_BYTES_MAX);
	buf_init(&l->paths, KICK_ENV_BYTES_MAX);
	buf_init(&l->cwd, KICK_ENV_BYTES_MAX);
	buf_init(&l->notify, 128);
	buf_init(&l->group, 2 * GROUP_PATH_MAX);
	buf_init(&l->listen_names, 0);
	l->req.ready_fd = -1;
	l->command = command;
	l->shell = shell;
}

static int make_command(struct launch *l)
{
	int r = make_env(l);

	if (r == 0)
		r = make_argv(l);
	return r < 0 ? r : make_programs(l);
}

static int launch(struct launch *l)
{
	struct supervised *c = l->child;
	int r;

	launch_init(l, REL_GET(struct str_list, c->spec->argv), c->spec->shell);
	c->mark = mark_new(c->sup->node->tree, false);
	make_identity(l);
	r = pids_reserve(&c->sup->pids, c->sup->pids.n + 1);
	if (r < 0)
		return failed(l, SPAWN_CLONE, r);
	r = group_prepare(c, &l->req, &l->group, &l->err);
	if (r < 0)
		return failed(l, SPAWN_CGROUP, r);
	r = check_stdio(l);
	if (r == 0)
		r = make_watch(l);
	if (r == 0)
		r = make_stdio(l);
	if (r == 0)
		r = make_listen(l);
	if (r == 0)
		r = make_ready(l);
	if (r == 0)
		r = make_command(l);
	return r < 0 ? r : spawn(&l->req, &c->proc, &l->fail);
}

/* What could not be done, on what: the reason's code alone does not say which file. */
static void describe(struct launch *l, char *text, size_t size)
{
	const char *why = strerror(-l->fail.code);
	bool stdio = l->fail.step >= SPAWN_STDIN && l->fail.step <= SPAWN_STDERR;
	const char *file = stdio ? l->req.files[l->fail.step - SPAWN_STDIN] : NULL;

	if (l->err.text[0])
		(void)snprintf(text, size, "%s", l->err.text);
	else if (attrs_failure(l->child, &l->fail, text, size))
		;
	else if (l->fail.step == SPAWN_EXEC)
		(void)snprintf(text, size, "cannot execute %s: %s",
			l->argv ? l->argv[0] : "it", why);
	else if (file)
		(void)snprintf(text, size, "%s: cannot open %s: %s",
			spawn_step_names[l->fail.step], file, why);
	else if (l->fail.step == SPAWN_CWD)
		(void)snprintf(text, size, "cannot change to directory %s: %s",
			l->req.cwd, why);
	else if (l->fail.step == SPAWN_SOCKET)
		(void)snprintf(text, size, "cannot create its socket in %s: %s",
			l->child->sup->node->runtime_dir, why);
	else if (l->fail.step == SPAWN_NOTIFY && l->notify.len > 0)
		(void)snprintf(text, size, "cannot create its notify socket in %s: %s",
			l->child->sup->node->runtime_dir, why);
	else
		(void)snprintf(
			text, size, "%s: %s", spawn_step_names[l->fail.step], why);
}

/* Kept for those who ask why, and said to those who watch. */
static KICK_NOINLINE void explain(struct supervised *c, struct launch *l)
{
	struct supervisor *sv = c->sup;
	char path[KICK_PATH_MAX];

	describe(l, sv->detail, sizeof sv->detail);
	free(c->detail);
	c->detail = strdup(sv->detail);
	report_message(sv, "", 0, "%s cannot be started: %s", supervisor_path(c, path),
		sv->detail);
}

void worker_start(struct supervised *c)
{
	struct supervisor *sv = c->sup;
	struct launch l = { .child = c, .link = -1 };
	int64_t now = loop_now(sv->loop);
	int r;

	if (!listening_ready(c))
		return;
	r = launch(&l);
	if (r < 0) {
		struct reason reason = spawn_reason(&l.fail);

		readiness_free(c);
		group_remove(c);
		notify_free(c);
		explain(c, &l);
		c->exit_wall = c->start_wall;
		sup_start_failed(&sv->core, &c->core, &reason, spawn_for_want(r), now);
	} else {
		pids_add(&sv->pids, c);
		free(c->detail);
		c->detail = NULL;
		readiness_spawned(c);
		if (l.fail.nice || l.fail.oom_score_adj)
			attrs_note(c, &l.fail);
		if (l.fail.cgroup)
			group_refused(c, l.fail.cgroup);
		if (c->nested)
			nested_adopt(c, fd_steal(&l.link));
		sup_spawned(&sv->core, &c->core, now);
		if (c->spec->ready == READY_EXEC && !c->nested)
			sup_ready(&sv->core, &c->core, now);
		else if (c->spec->ready == READY_PROBE)
			prober_for_ready(c);
	}
	launch_done(&l);
}

int worker_spawn_probe(struct supervised *c, const struct probe_spec *spec,
	uint64_t mark, int output, struct proc *ret, char *why, size_t size)
{
	struct launch l = { .child = c, .link = -1, .is_probe = true };
	int r;

	launch_init(&l, REL_GET(struct str_list, spec->argv), spec->shell);
	make_identity(&l);
	l.req.mark = mark;
	l.req.fds[0] = -1;
	l.req.fds[1] = l.req.fds[2] = output;
	r = make_command(&l);
	if (r == 0)
		r = spawn(&l.req, ret, &l.fail);
	if (r < 0)
		describe(&l, why, size);
	launch_done(&l);
	return r;
}

/* It may have been reaped a moment ago: by number only where there is no pidfd, or a
 * filter refuses it. */
int supervisor_signal(struct supervised *c, int sig)
{
	if (c->proc.pid == 0)
		return -ESRCH;
	if (c->main.pid != 0 &&
		syscall(SYS_pidfd_send_signal, c->main.fd, sig, NULL, 0) == 0 &&
		sig != SIGKILL)
		return 0;
	if (c->proc.fd >= 0 &&
		syscall(SYS_pidfd_send_signal, c->proc.fd, sig, NULL, 0) == 0)
		return 0;
	if (c->proc.fd >= 0 && errno == ESRCH)
		return -ESRCH;
	return kill(c->proc.pid, sig) < 0 ? -errno : 0;
}

void worker_stop(struct supervised *c)
{
	int sig = c->spec->stop_signal;

	if (c->proc.pid == 0)
		return;
	if (c->spec->kill_mode == KILL_GROUP) {
		reap_signal_group(&c->proc, sig);
		reap_signal_group(&c->proc, SIGCONT);
		exits_stop_left(c);
	}
	(void)supervisor_signal(c, sig);
	(void)supervisor_signal(c, SIGCONT);
}

void worker_kill(struct supervised *c)
{
	if (c->proc.pid == 0)
		return;
	group_kill(c);
	reap_signal_group(&c->proc, SIGKILL);
	(void)supervisor_signal(c, SIGKILL);
}
