/* A supervisor below this one: started as a process of its own, told over the link what
 * to do, believed in what it says of its end. Its control socket is ours to keep, so
 * that its name outlives it: while it is being started again callers wait, when it is
 * down for good they are told so. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "os/sock.h"
#include "otp/internal.h"
#include "otp/process.h"

static const char noproc[] = "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{"
			     "\"code\":-32002,\"message\":\"noproc\"}}\n";

/* --- its name -----------------------------------------------------------------------
 */

static int open_name(struct nested *nd)
{
	const struct supervisor *sv = nd->child->sup;
	const uint32_t *gid = REL_GET(uint32_t, sv->config->control_group);
	char name[16], path[128];
	int r;

	(void)snprintf(name, sizeof name, "%u", nd->socket);
	r = sock_listen(
		sv->node->runtime_dir, name, sv->config->control_mode, &nd->listen);
	if (r < 0 || !gid)
		return r;
	(void)snprintf(path, sizeof path, "%s/%s", sv->node->runtime_dir, name);
	(void)!chown(path, (uid_t)-1, *gid);
	return 0;
}

/* Ends the wait of those who queue, and the name with it. */
static void retire_name(struct nested *nd)
{
	char path[128];
	int fd;

	if (nd->listen < 0)
		return;
	(void)snprintf(path, sizeof path, "%s/%u", nd->child->sup->node->runtime_dir,
		nd->socket);
	(void)unlink(path);
	while ((fd = accept4(nd->listen, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >=
		0) {
		(void)!send(fd, noproc, sizeof noproc - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		(void)close(fd);
	}
	nd->listen = fd_close(nd->listen);
}

int nested_new(struct supervised *c)
{
	struct nested *nd = slab_take(&c->sup->nested);

	if (!nd)
		return -ENOMEM;
	nd->child = c;
	nd->listen = -1;
	nd->exit_status = -1;
	nd->socket = c->sup->node->tree->next_socket++;
	c->nested = nd;
	return 0;
}

void nested_free(struct supervised *c)
{
	if (!c->nested)
		return;
	retire_name(c->nested);
	link_done(&c->nested->link);
	free(c->nested->exiting);
	slab_give(&c->sup->nested, c->nested);
	c->nested = NULL;
}

uint32_t supervisor_socket_of(const struct supervised *c)
{
	return c->nested ? c->nested->socket : 0;
}

void nested_look(struct supervised *c)
{
	if (c->core.state == CHILD_STOPPED || c->core.state == CHILD_EXITED)
		retire_name(c->nested);
}

/* --- what it says -------------------------------------------------------------------
 */

static void exiting(struct nested *nd, const struct link_message *m, const char *text)
{
	if (!nd->exiting)
		nd->exiting = malloc(sizeof *nd->exiting);
	if (nd->exiting)
		*nd->exiting = reason_text(text);
	nd->exit_status = (int)m->number;
}

static void on_message(
	struct link *l, const struct link_message *m, const char *text, int fd)
{
	struct nested *nd = container_of(l, struct nested, link);
	struct supervised *c = nd->child;
	struct supervisor *sv = c->sup;

	switch ((enum link_kind)m->kind) {
	case LINK_READY:
		nd->children_up = (uint32_t)m->number;
		sup_ready(&sv->core, &c->core, loop_now(sv->loop));
		supervisor_settle(sv);
		break;
	case LINK_EXITING:
		exiting(nd, m, text);
		break;
	case LINK_OUTPUT:
		(void)link_send(&sv->parent, m, text, fd);
		break;
	case LINK_RELOADED:
		if (nd->reloading) {
			nd->reloading = false;
			reloading_answer(sv, m->number, text);
		}
		break;
	case LINK_STOP:
	case LINK_CLOSE:
	case LINK_HURRY:
	case LINK_RELOAD:
	case LINK_ANSWER:
	case LINK_ASK:
		break;
	}
	(void)fd_close(fd);
}

/* The process is gone or about to be: SIGCHLD says the rest. */
static void on_end(struct link *l)
{
	(void)l;
}

void nested_ended(struct supervised *c, struct reason *reason)
{
	struct nested *nd = c->nested;

	link_drain(&nd->link);
	link_done(&nd->link);
	nd->children_up = 0;
	nd->lost = !nd->exiting;
	if (nd->exiting) {
		*reason = *nd->exiting;
		reason->code = (int16_t)nd->exit_status;
		free(nd->exiting);
		nd->exiting = NULL;
	}
	if (nd->reloading) {
		nd->reloading = false;
		reloading_answer(c->sup, 0, "");
	}
}

/* --- start, stop, kill --------------------------------------------------------------
 */

/* The child's half of the fork has only what lies on the stack and in shared mappings:
 * our children are not forked with us. */
static void describe(const struct supervised *c, struct supervisor_start *start)
{
	*start = (struct supervisor_start){ .node = c->sup->node,
		.config = c->sup->config,
		.spec = c->spec,
		.depth = c->sup->depth + 1,
		.socket = c->nested->socket,
		.life = { .restarts = c->core.restarts,
			.last_exit = c->core.last_exit,
			.last_exit_wall = c->exit_wall } };
	(void)supervisor_path(c, start->path);
}

static int fork_it(struct supervised *c, int *ret_link)
{
	char title[KICK_PATH_MAX + 32];
	struct supervisor_start start;
	struct process_start process = { .title = title,
		.comm = "kick:sup",
		.mark = c->mark,
		.listen = c->nested->listen };
	struct proc proc;
	int r;

	describe(c, &start);
	(void)snprintf(title, sizeof title, "kickd: supervisor %s", start.path);
	report_flush(c->sup);
	r = process_spawn_link(&process, &proc, ret_link);
	if (r == 0)
		supervisor_main(&start);
	if (r > 0)
		c->proc = proc;
	return r;
}

/* Kept for those who ask why, and said to those who watch, as a worker's. */
static KICK_NOINLINE void explain(
	struct supervised *c, const struct spawn_failure *fail)
{
	struct supervisor *sv = c->sup;
	const char *why = strerror(-fail->code);
	char path[KICK_PATH_MAX];

	if (fail->step == SPAWN_SOCKET)
		(void)snprintf(sv->detail, sizeof sv->detail,
			"cannot create its socket in %s: %s", sv->node->runtime_dir,
			why);
	else
		(void)snprintf(sv->detail, sizeof sv->detail, "%s: %s",
			spawn_step_names[fail->step], why);
	free(c->detail);
	c->detail = strdup(sv->detail);
	report_message(sv, "", 0, "%s cannot be started: %s", supervisor_path(c, path),
		sv->detail);
}

static void start_failed(struct supervised *c, const struct spawn_failure *fail)
{
	struct reason reason = spawn_reason(fail);

	explain(c, fail);
	sup_start_failed(&c->sup->core, &c->core, &reason, spawn_for_want(fail->code),
		loop_now(c->sup->loop));
}

void nested_start(struct supervised *c)
{
	struct supervisor *sv = c->sup;
	struct nested *nd = c->nested;
	struct spawn_failure fail = { .step = SPAWN_CLONE };
	int fd = -1;
	int r;

	nd->exit_status = -1;
	c->mark = mark_new(sv->node->tree, true);
	r = pids_reserve(&sv->pids, sv->pids.n + 1);
	if (r == 0 && nd->listen < 0) {
		fail.step = SPAWN_SOCKET;
		r = open_name(nd);
	}
	if (r == 0) {
		fail.step = SPAWN_CLONE;
		r = fork_it(c, &fd);
	}
	if (r < 0) {
		fail.code = r;
		start_failed(c, &fail);
		return;
	}
	pids_add(&sv->pids, c);
	free(c->detail);
	c->detail = NULL;
	nd->link.on_message = on_message;
	nd->link.on_end = on_end;
	if (link_init(&nd->link, sv->loop, fd) < 0) {
		(void)fd_close(fd);
		(void)supervisor_signal(c, SIGKILL);
	}
	sup_spawned(&sv->core, &c->core, loop_now(sv->loop));
}

void nested_close(struct supervised *c)
{
	struct link_message m = { .kind = LINK_CLOSE };

	(void)link_send(&c->nested->link, &m, NULL, -1);
}

void nested_stop(struct supervised *c)
{
	struct link_message m = { .kind = LINK_STOP };

	(void)link_send(&c->nested->link, &m, "shutdown", -1);
}

/* Past its shutdown time a supervisor is killed like any child (SHUT-2); when all
 * hurries, it gets to kill its own children first. */
void nested_kill(struct supervised *c)
{
	struct link_message m = { .kind = LINK_HURRY };

	if (c->sup->core.hurried && link_send(&c->nested->link, &m, NULL, -1) == 0)
		return;
	(void)supervisor_signal(c, SIGKILL);
}

void nested_reload(struct supervised *c, int fd)
{
	struct link_message m = { .kind = LINK_RELOAD };

	if (!child_is_alive(&c->core) || link_send(&c->nested->link, &m, NULL, fd) < 0)
		return;
	c->nested->reloading = true;
	c->sup->reload_pending++;
}
