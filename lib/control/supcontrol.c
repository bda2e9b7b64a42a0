/* The control socket of a supervisor in code (kick-protocol(5)), below kickd: it
 * answers about its own children, as kickd's supervisors do, so that the command line
 * sees no difference. The server has a loop of its own, which is looked at between two
 * messages of the GenServer: never while a child is being started (SUP-2). */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/signame.h"
#include "control/dispatch.h"
#include "control/node_json.h"
#include "os/sock.h"
#include "otp/mailbox.h"
#include "otp/peers.h"
#include "otp/self.h"
#include "otp/sup_server.h"

struct sup_control {
	struct loop *loop;
	struct server *server;
	struct code_sup *sup;
	int64_t started_wall;
	char socket[48]; /* as the runtime directory has it */
};

/* --- rows ---------------------------------------------------------------------------
 */

/* "n12-Xa3f9Q/s7": false when it does not lie in the runtime directory. */
static bool socket_of(kick_pid pid, char *ret, size_t size)
{
	size_t n = strlen(self.outer_dir);
	int len;

	if (strncmp(self.dir, self.outer_dir, n) != 0 || self.dir[n] != '/')
		return false;
	len = snprintf(ret, size, "%s/" NODE_CONTROL_NAME, self.dir + n + 1,
		(unsigned long long)pid.id);
	return len > 0 && (size_t)len < size;
}

static void write_child(struct code_sup *cs, struct code_child *c, struct buf *out)
{
	char path[KICK_PATH_MAX], socket[48];
	struct node_row row = { .core = &c->core,
		.state = (enum child_state)c->core.state,
		.path = path,
		.pid = c->pid.id ? self_os_pid(c->pid) : 0,
		.exit_wall = c->exit_wall };

	(void)snprintf(
		path, sizeof path, "%.*s/%s", (int)cs->path_len, self.path, c->core.id);
	if (c->policy.type != CHILD_WORKER && c->pid.id &&
		socket_of(c->pid, socket, sizeof socket))
		row.socket = socket;
	node_json_row(&row, out);
}

/* The supervisor itself, without an end: its children may follow. */
static void write_self(struct sup_control *sc, struct buf *out)
{
	struct code_sup *cs = sc->sup;
	const struct sup_policy *p = &cs->core.policy;
	const char *id = strrchr(self.path, '/') + 1;
	char since[32];

	buf_adds(out, "{\"id\":");
	buf_add_json(out, id, strlen(id));
	buf_adds(out, ",\"path\":");
	buf_add_json(out, self.path, cs->path_len);
	buf_addf(out,
		",\"type\":\"%s\",\"state\":\"running\",\"pid\":%d,\"restart\":null,"
		"\"strategy\":\"%s\",\"since\":\"%s\","
		"\"restarts\":0,\"well\":true",
		child_type_names[p->dynamic ? CHILD_DYNAMIC_SUPERVISOR
					    : CHILD_SUPERVISOR],
		(int)getpid(), strategy_names[p->strategy],
		clock_rfc3339(sc->started_wall, since, sizeof since));
	if (p->max_restarts == POLICY_NO_LIMIT)
		buf_adds(out, ",\"max_restarts\":\"infinity\"");
	else
		buf_addf(out, ",\"max_restarts\":%u", p->max_restarts);
	buf_addf(out, ",\"max_seconds\":%g,\"recent_restarts\":%u,\"socket\":\"%s\"",
		(double)p->max_seconds_ns / SEC_NS,
		intensity_recent(&cs->core.intensity, clock_now()), sc->socket);
}

/* --- requests -----------------------------------------------------------------------
 */

/* NULL: the call is answered. */
static struct code_child *child_param(struct sup_control *sc, struct call *call)
{
	const char *id = call_text(call, "id");
	struct code_child *c = id ? code_child_find(sc->sup, id) : NULL;

	if (!id)
		server_reply_error(call, PROTOCOL_E_PARAMS,
			"\"id\" must be the id of a child, a string", NULL);
	else if (!c)
		server_reply_error(call, PROTOCOL_E_REFUSED,
			sup_result_names[SUP_NOT_FOUND], NULL);
	return c;
}

static void do_status(void *user, struct call *call)
{
	struct sup_control *sc = user;
	struct code_sup *cs = sc->sup;
	struct code_child *c = NULL;
	struct buf out;

	if (call_text(call, "id") && !(c = child_param(sc, call)))
		return;
	buf_init(&out, 0);
	if (c) {
		write_child(cs, c, &out);
	} else {
		write_self(sc, &out);
		buf_addf(&out, ",\"uptime_ms\":%lld,\"children\":[",
			(long long)((clock_wall() - sc->started_wall) / MSEC_NS));
		for (uint32_t i = 0; i < cs->core.n; i++) {
			if (i > 0)
				buf_addc(&out, ',');
			write_child(cs, child_of(cs->core.children[i]), &out);
		}
		buf_adds(&out, "]}");
	}
	call_answer(call, &out);
}

static void do_which_children(void *user, struct call *call)
{
	struct sup_control *sc = user;
	struct code_sup *cs = sc->sup;
	struct buf out;

	buf_init(&out, 0);
	buf_addc(&out, '[');
	for (uint32_t i = cs->core.n; i-- > 0;) {
		struct code_child *c = child_of(cs->core.children[i]);
		pid_t pid = c->pid.id ? self_os_pid(c->pid) : 0;

		buf_addf(&out, "%s{\"id\":\"%s\",\"pid\":", out.len > 1 ? "," : "",
			c->core.id);
		if (pid)
			buf_addf(&out, "%d", (int)pid);
		else
			buf_adds(&out, "null");
		buf_addf(&out, ",\"type\":\"%s\",\"state\":\"%s\"}",
			child_type_names[c->policy.type],
			child_state_names[c->core.state]);
	}
	buf_addc(&out, ']');
	call_answer(call, &out);
}

static void do_count_children(void *user, struct call *call)
{
	struct sup_control *sc = user;
	struct child_counts n = sup_count_children(&sc->sup->core);
	struct buf out;

	buf_init(&out, 0);
	buf_addf(&out, "{\"specs\":%u,\"active\":%u,\"supervisors\":%u,\"workers\":%u}",
		n.specs, n.active, n.supervisors, n.workers);
	call_answer(call, &out);
}

static void do_get_childspec(void *user, struct call *call)
{
	struct sup_control *sc = user;
	struct code_child *c = child_param(sc, call);
	struct buf out;

	if (!c)
		return;
	buf_init(&out, 0);
	buf_addf(&out, "{\"id\":\"%s\",\"type\":\"%s\",\"restart\":\"%s\"}", c->core.id,
		child_type_names[c->policy.type],
		restart_type_names[c->policy.restart]);
	call_answer(call, &out);
}

static void do_info(void *user, struct call *call)
{
	struct sup_control *sc = user;
	struct code_child *c = child_param(sc, call);
	cJSON *info;
	char *text;
	struct buf out;

	if (!c)
		return;
	buf_init(&out, 0);
	buf_adds(&out, "{\"node\":");
	write_child(sc->sup, c, &out);
	info = c->pid.id ? kick_info(c->pid) : NULL;
	text = info ? cJSON_PrintUnformatted(info) : NULL;
	buf_addf(&out, ",\"process\":%s}", text ? text : "null");
	cJSON_free(text);
	cJSON_Delete(info);
	call_answer(call, &out);
}

static void change(
	struct sup_control *sc, struct call *call, sup_child_request *request)
{
	struct code_child *c = child_param(sc, call);

	if (c)
		sup_server_request(sc->sup, request, c, call);
}

static void do_terminate(void *user, struct call *call)
{
	struct sup_control *sc = user;
	change(sc, call, sup_terminate_child);
}

static void do_restart(void *user, struct call *call)
{
	struct sup_control *sc = user;
	change(sc, call, sup_restart_child);
}

static void do_renew(void *user, struct call *call)
{
	struct sup_control *sc = user;
	change(sc, call, sup_renew_child);
}

static void do_delete(void *user, struct call *call)
{
	struct sup_control *sc = user;
	change(sc, call, sup_delete_child);
}

static void do_roll(void *user, struct call *call)
{
	struct sup_control *sc = user;

	if (child_param(sc, call))
		server_reply_error(call, PROTOCOL_E_REFUSED, "no_listen", NULL);
}

static void do_start_child(void *user, struct call *call)
{
	(void)user;
	server_reply_error(call, PROTOCOL_E_REFUSED, "in_code",
		"{\"detail\":\"a child of a supervisor in code is started by a function of "
		"its program\"}");
}

/* Answers with the child's row, or that it does not run. */
static void answer_sent(
	struct sup_control *sc, struct call *call, struct code_child *c, int r)
{
	struct buf out;

	buf_init(&out, 0);
	write_child(sc->sup, c, &out);
	if (r < 0)
		server_reply_error(
			call, PROTOCOL_E_REFUSED, "not_running", buf_text(&out));
	else
		server_reply(call, &out);
	buf_done(&out);
}

static void do_exit(void *user, struct call *call)
{
	struct sup_control *sc = user;
	const char *reason = call_text(call, "reason");
	struct code_child *c;

	if (!reason || !*reason) {
		server_reply_error(call, PROTOCOL_E_PARAMS,
			"\"reason\" must be a text that is not empty", NULL);
		return;
	}
	c = child_param(sc, call);
	if (c)
		answer_sent(
			sc, call, c, c->pid.id ? kick_exit(c->pid, reason) : -ESRCH);
}

static void do_signal(void *user, struct call *call)
{
	struct sup_control *sc = user;
	const char *name = call_text(call, "signal");
	int sig = name ? signame_parse(name) : 0;
	struct code_child *c;
	pid_t pid;

	if (sig == 0) {
		server_reply_error(call, PROTOCOL_E_PARAMS, "no such signal", NULL);
		return;
	}
	c = child_param(sc, call);
	if (!c)
		return;
	pid = c->pid.id ? self_os_pid(c->pid) : 0;
	answer_sent(sc, call, c, pid && kill(pid, sig) == 0 ? 0 : -ESRCH);
}

static const struct method methods[] = {
	{ "status", do_status, true },
	{ "which_children", do_which_children, true },
	{ "count_children", do_count_children, true },
	{ "get_childspec", do_get_childspec, true },
	{ "info", do_info, true },
	{ "start_child", do_start_child, false },
	{ "terminate_child", do_terminate, false },
	{ "restart_child", do_restart, false },
	{ "renew_child", do_renew, false },
	{ "roll_child", do_roll, false },
	{ "delete_child", do_delete, false },
	{ "signal", do_signal, false },
	{ "exit", do_exit, false },
};

static void on_call(void *user, const char *name, struct call *call)
{
	dispatch(methods, ARRAY_LEN(methods), user, name, call);
}

static void on_gone(void *user, struct call *call)
{
	struct asker *a = call->user;

	(void)user;
	if (a)
		a->call = NULL;
	server_reply_error(call, PROTOCOL_E_INTERNAL, "gone", NULL);
}

void sup_control_pending(void *call, struct asker *a)
{
	((struct call *)call)->user = a;
}

void sup_control_answer(
	struct code_sup *cs, void *answered, int result, struct code_child *c)
{
	struct call *call = answered;
	struct buf out;

	if (!call)
		return;
	call->user = NULL;
	buf_init(&out, 0);
	if (c)
		write_child(cs, c, &out);
	else
		buf_adds(&out, "{}");
	if (result == SUP_OK)
		server_reply(call, &out);
	else
		server_reply_error(call, PROTOCOL_E_REFUSED, sup_result_names[result],
			c ? buf_text(&out) : NULL);
	buf_done(&out);
}

/* --- life ---------------------------------------------------------------------------
 */

/* This process's; NULL: it is no supervisor, or serves none. */
static struct sup_control *own;

static void on_news(void)
{
	mailbox_put(KIND_CONTROL, self.pid, 0, NULL, NULL);
}

void sup_control_run(struct code_sup *cs)
{
	if (!cs->control || !own)
		return;
	(void)loop_once(cs->control->loop);
	peers_hook_again();
}

static void no_signal(void *user, const struct signalfd_siginfo *si)
{
	(void)user;
	(void)si;
}

static int serve(struct sup_control *sc)
{
	static const struct server_handler handler = { .call = on_call,
		.gone = on_gone };
	struct server_access access = { .group = (gid_t)-1, .readers = (gid_t)-1 };
	char name[32];
	int fd, r;

	(void)snprintf(
		name, sizeof name, NODE_CONTROL_NAME, (unsigned long long)self.pid.id);
	r = sock_listen_new(self.dir, name, &fd);
	if (r == 0)
		r = loop_new(NULL, no_signal, NULL, &sc->loop);
	if (r == 0)
		r = server_new(sc->loop, fd, &access, &handler, sc, &sc->server);
	if (r == 0)
		r = peers_hook(loop_fd(sc->loop), on_news);
	return r;
}

/* In a child: what it has copies of is its parent's. */
void sup_control_forked(void)
{
	if (!own)
		return;
	loop_free(own->loop);
	server_abandon(own->server);
	free(own);
	own = NULL;
}

int sup_control_begin(struct code_sup *cs)
{
	struct sup_control *sc;
	struct buf row;
	int r;

	if (!self.outer_dir)
		return self_is_supervisor("{}");
	sc = calloc(1, sizeof *sc);
	if (!sc)
		return -ENOMEM;
	sc->sup = cs;
	sc->started_wall = clock_wall();
	cs->control = sc;
	r = socket_of(self.pid, sc->socket, sizeof sc->socket) ? serve(sc) : 0;
	own = sc->server ? sc : NULL;
	buf_init(&row, 0);
	write_self(sc, &row);
	buf_adds(&row, ",\"children\":null}");
	if (r == 0)
		r = self_is_supervisor(buf_text(&row));
	buf_done(&row);
	return r;
}
