/* What has a link, most of all a supervisor below this one: started as a process of its
 * own, told over the link what to do, believed in what it says of its end. Its control
 * socket is ours to keep, so that its name outlives it: while it is being started again
 * callers wait, when it is down for good they are told so. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "os/namedir.h"
#include "os/sock.h"
#include "otp/internal.h"
#include "otp/listening.h"
#include "otp/process.h"
#include "otp/service.h"

/* Messages that a program may send in its life: it is ready, it ends, and some more. */
#define HEARD_MAX 16

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
	/* Taken by another one: it is still known by its path. */
	if (r == 0 && !is_supervisor(nd->child))
		(void)namedir_claim(
			sv->node->runtime_dir, nd->child->core.id, nd->socket);
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
	if (!is_supervisor(nd->child))
		namedir_disclaim(nd->child->sup->node->runtime_dir, nd->child->core.id,
			nd->socket);
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
	nd->listen = nd->link.io.fd = -1;
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
	if (nd->exiting) {
		*nd->exiting = reason_text(text);
		report_make_plain(nd->exiting->text);
	}
	nd->exit_status = (int)m->number;
}

/* A program is not ours: it may say that it is ready, and why it ends. One that says
 * more is not heard any further. */
static bool is_foul(struct nested *nd, const struct link_message *m)
{
	return !is_supervisor(nd->child) &&
		((m->kind != LINK_READY && m->kind != LINK_EXITING) ||
			++nd->heard > HEARD_MAX);
}

static void on_message(
	struct link *l, const struct link_message *m, const char *text, int fd)
{
	struct nested *nd = container_of(l, struct nested, link);
	struct supervised *c = nd->child;
	struct supervisor *sv = c->sup;

	if (is_foul(nd, m)) {
		(void)fd_close(fd);
		link_done(l);
		return;
	}
	switch ((enum link_kind)m->kind) {
	case LINK_READY:
		nd->children_up = is_supervisor(c) ? (uint32_t)m->number : 0;
		sup_ready(&sv->core, &c->core, loop_now(sv->loop));
		supervisor_settle(sv);
		listening_is_up(c);
		break;
	case LINK_EXITING:
		exiting(nd, m, text);
		break;
	case LINK_OUTPUT:
		(void)link_send(&sv->parent, m, text, fd);
		break;
	case LINK_SOCKET:
	case LINK_SOCKET_IDLE:
		listening_heard(c, m->kind == LINK_SOCKET, text);
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
	case LINK_NODE:
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
		if (is_supervisor(c)) {
			*reason = *nd->exiting;
			reason->code = (int16_t)nd->exit_status;
		} else if (reason->signal == 0) {
			*reason = reason_rename(reason, nd->exiting->text);
		}
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

struct body {
	const char *title, *comm;
	void (*main)(const struct supervisor_start *start); /* does not return */
};

static const struct body *body_of(const struct supervised *c)
{
	static const struct body supervisor = { "supervisor", "kick:sup",
		supervisor_main },
				 agent = { "agent", "kick:agent", agentproc_main },
				 registry = { "registry", "kick:registry",
					 registryproc_main };

	return c->spec->policy.type == CHILD_AGENT	 ? &agent
		: c->spec->policy.type == CHILD_REGISTRY ? &registry
							 : &supervisor;
}

static int fork_it(struct supervised *c, int *ret_link)
{
	const struct body *body = body_of(c);
	char title[KICK_PATH_MAX + 32];
	struct supervisor_start start;
	struct process_start process = { .title = title,
		.comm = body->comm,
		.mark = c->mark,
		.listen = c->nested->listen };
	struct proc proc;
	int r;

	describe(c, &start);
	(void)snprintf(title, sizeof title, "kickd: %s %s", body->title, start.path);
	report_flush(c->sup);
	if (is_supervisor(c))
		process.keep = listening_all(&process.n_keep);
	r = process_spawn_link(&process, &proc, ret_link);
	if (r == 0)
		body->main(&start);
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

void nested_adopt(struct supervised *c, int ours)
{
	struct nested *nd = c->nested;

	nd->heard = 0;
	nd->link.on_message = on_message;
	nd->link.on_end = on_end;
	if (link_init(&nd->link, c->sup->loop, ours) < 0) {
		(void)fd_close(ours);
		(void)supervisor_signal(c, SIGKILL);
	}
}

int nested_prepare(struct supervised *c, int *ret_ours, int *ret_theirs)
{
	const struct config *cf = c->sup->config;
	const uint32_t *group = REL_GET(uint32_t, cf->control_group);
	const uint32_t *readers = REL_GET(uint32_t, cf->control_readers);
	struct nested *nd = c->nested;
	struct {
		struct link_message m;
		char text[32];
	} first = { .m = { .kind = LINK_NODE, .id = nd->socket } };
	int ends[2] = { -1, -1 };
	int r = nd->listen < 0 ? open_name(nd) : 0;

	nd->exit_status = -1;
	if (r == 0)
		r = sock_pair(SOCK_SEQPACKET, ends);
	if (r < 0)
		return r;
	(void)snprintf(first.text, sizeof first.text, "%lld %lld",
		group ? (long long)*group : -1, readers ? (long long)*readers : -1);
	r = sock_send(
		ends[0], &first, sizeof first.m + strlen(first.text), &nd->listen, 1);
	*ret_ours = ends[0];
	*ret_theirs = ends[1];
	return r;
}

static void start_ours(struct supervised *c)
{
	struct supervisor *sv = c->sup;
	struct nested *nd = c->nested;
	struct spawn_failure fail = { .step = SPAWN_CLONE };
	int fd = -1;
	int r;

	nd->exit_status = -1;
	c->mark = mark_new(sv->node->tree, is_supervisor(c));
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
	nested_adopt(c, fd);
	sup_spawned(&sv->core, &c->core, loop_now(sv->loop));
}

void nested_start(struct supervised *c)
{
	listening_begins(c);
	if (c->spec->argv)
		worker_start(c);
	else
		start_ours(c);
}

void nested_close(struct supervised *c)
{
	struct link_message m = { .kind = LINK_CLOSE };

	(void)link_send(&c->nested->link, &m, NULL, -1);
}

int nested_exit(struct supervised *c, const char *reason)
{
	struct link_message m = { .kind = LINK_STOP };

	return link_send(&c->nested->link, &m, reason, -1);
}

/* A program that has let go of its link, or is not heard any more, is told as others
 * are. */
void nested_stop(struct supervised *c)
{
	if (nested_exit(c, "shutdown") < 0 && !is_supervisor(c))
		worker_stop(c);
}

/* Past its shutdown time a supervisor is killed like any child (SHUT-2); when all
 * hurries, it gets to kill its own children first. */
void nested_kill(struct supervised *c)
{
	struct link_message m = { .kind = LINK_HURRY };

	if (!is_supervisor(c)) {
		worker_kill(c);
		return;
	}
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
