/* The node towards the outside: the link to the supervisor of kickd that started the
 * program, and the control socket that the supervisor keeps, on which others call the
 * processes of the program by name (kick-protocol(5)). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "base/macro.h"
#include "control/dispatch.h"
#include "kick.h"
#include "os/namedir.h"
#include "otp/nodeint.h"

/* Milliseconds for the last word to the supervisor. */
#define LAST_WORD_MS 1000

/* A request that waits: for its name's process, then for that one's answer. */
struct pending {
	struct call *call;
	struct name_waiter waiter;
	void (*run)(struct pending *p, struct member *m);
	uint64_t ref;	 /* of NODE_CALL; 0: not sent yet */
	uint64_t member; /* who is to answer */
	struct pending *prev, *next;
};

static struct {
	struct outer_start start;
	struct link link;
	struct server *server;
	struct pending *pending;
	uint64_t last_ref;
	bool on, ready;
} outer;

/* --- answers ------------------------------------------------------------------------
 */

static void answer_text(struct call *call, const char *json)
{
	struct buf out;

	buf_init(&out, 0);
	buf_adds(&out, json);
	call_answer(call, &out);
}

static void answer_json(struct call *call, cJSON *json)
{
	char *text = cJSON_PrintUnformatted(json);

	cJSON_Delete(json);
	if (text)
		answer_text(call, text);
	else
		server_reply_error(call, PROTOCOL_E_INTERNAL, "no_memory", NULL);
	cJSON_free(text);
}

static void answer_noproc(struct call *call, const char *reason)
{
	struct buf data;

	buf_init(&data, 0);
	buf_adds(&data, "{\"reason\":");
	buf_add_json(&data, reason, strlen(reason));
	buf_addc(&data, '}');
	server_reply_error(call, PROTOCOL_E_NOPROC, "noproc", buf_text(&data));
	buf_done(&data);
}

/* --- parameters ---------------------------------------------------------------------
 */

/* A supervisor in code that is below none, by its id. */
struct by_id {
	const char *id;
	const struct member *found;
	cJSON *row;
};

static void look_at_row(void *user, const struct member *m)
{
	struct by_id *by = user;
	cJSON *row = by->found ? NULL : cJSON_Parse(m->supervisor);
	const char *id =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(row, "id"));

	if (id && strcmp(id, by->id) == 0) {
		by->found = m;
		by->row = row;
	} else {
		cJSON_Delete(row);
	}
}

/* *ret_row, or NULL, is the caller's. */
static struct member *find_top(const char *id, cJSON **ret_row)
{
	struct by_id by = { .id = id };

	node_each_top(look_at_row, &by);
	if (ret_row)
		*ret_row = by.row;
	else
		cJSON_Delete(by.row);
	return by.found ? node_find((int64_t)by.found->id) : NULL;
}

/* Whom the call means: "name", "pid", "id", or none: the program's first process. */
static struct member *target(const struct call *call, const char *name)
{
	const char *id = call_text(call, "id");
	const cJSON *pid = cJSON_GetObjectItemCaseSensitive(call->params, "pid");
	kick_pid of = kick_pid_from_json(pid);
	struct member *m = name ? nodenames_find(name) : NULL;

	if (id)
		return find_top(id, NULL);
	if (pid)
		return of.node == node_number() ? node_find((int64_t)of.id) : NULL;
	/* The child's own id is a name of its first process. */
	if (!m && (!name || strcmp(name, outer.start.name) == 0))
		m = outer.ready ? node_find(NODE_FIRST) : NULL;
	return m;
}

/* --- requests that wait -------------------------------------------------------------
 */

static void forget(struct pending *p)
{
	nodenames_unwait(&p->waiter);
	DL_DELETE(outer.pending, p);
	p->call->user = NULL;
	free(p);
}

static void found(struct name_waiter *w, struct member *m)
{
	struct pending *p = container_of(w, struct pending, waiter);
	struct call *call = p->call;

	/* The program is up, and the name is its first process's. */
	if (!m)
		m = target(call, call_text(call, "name"));
	if (m) {
		p->run(p, m);
		return;
	}
	forget(p);
	answer_noproc(call, "noproc");
}

static struct pending *new_pending(
	struct call *call, void (*run)(struct pending *p, struct member *m))
{
	struct pending *p = calloc(1, sizeof *p);

	if (!p) {
		server_reply_error(call, PROTOCOL_E_INTERNAL, "no_memory", NULL);
		return NULL;
	}
	p->call = call;
	p->run = run;
	p->waiter.done = found;
	call->user = p;
	DL_APPEND(outer.pending, p);
	return p;
}

/* Runs now, or when the name's process is there. */
static void with_target(
	struct call *call, void (*run)(struct pending *p, struct member *m))
{
	const char *name = call_text(call, "name");
	struct member *m = target(call, name);
	struct pending *p = new_pending(call, run);

	if (!p)
		return;
	if (m) {
		run(p, m);
	} else if (cJSON_GetObjectItemCaseSensitive(call->params, "pid") ||
		!nodenames_wait(name ? name : outer.start.name, &p->waiter, true)) {
		forget(p);
		answer_noproc(call, "noproc");
	}
}

/* --- methods ------------------------------------------------------------------------
 */

static char *request_of(struct call *call)
{
	return cJSON_PrintUnformatted(
		cJSON_GetObjectItemCaseSensitive(call->params, "request"));
}

static void refuse_size(struct call *call, const char *what)
{
	char text[120];

	(void)snprintf(text, sizeof text,
		"the %s is longer than %d KiB, the most between programs "
		"(KICK_LINK_MESSAGE_MAX)",
		what, KICK_LINK_MESSAGE_MAX >> 10);
	server_reply_error(call, PROTOCOL_E_TOO_BIG, text, NULL);
}

static bool refuse_request(struct call *call, const char *json)
{
	if (json && strlen(json) <= KICK_LINK_MESSAGE_MAX)
		return false;
	if (json)
		refuse_size(call, "request");
	else
		server_reply_error(call, PROTOCOL_E_PARAMS,
			"\"request\" must be given: any JSON value", NULL);
	return true;
}

static void run_call(struct pending *p, struct member *m)
{
	char *json = request_of(p->call);

	p->ref = ++outer.last_ref;
	p->member = m->id;
	node_tell(m, NODE_CALL, p->ref, NODE_STARTER, json);
	cJSON_free(json);
}

static void pass_on(struct pending *p, struct member *m, enum node_kind kind)
{
	struct call *call = p->call;
	char *json = request_of(call);

	node_tell(m, kind, 0, NODE_STARTER, json);
	cJSON_free(json);
	forget(p);
	answer_text(call, "true");
}

static void run_cast(struct pending *p, struct member *m)
{
	pass_on(p, m, NODE_CAST);
}

static void run_send(struct pending *p, struct member *m)
{
	pass_on(p, m, NODE_TIMER);
}

static void request(struct call *call, void (*run)(struct pending *p, struct member *m))
{
	char *json = request_of(call);
	bool refused = refuse_request(call, json);

	cJSON_free(json);
	if (!refused)
		with_target(call, run);
}

static void do_call(void *unused, struct call *call)
{
	(void)unused;
	request(call, run_call);
}

static void do_cast(void *unused, struct call *call)
{
	(void)unused;
	request(call, run_cast);
}

static void do_send(void *unused, struct call *call)
{
	(void)unused;
	request(call, run_send);
}

static void run_whereis(struct pending *p, struct member *m)
{
	struct call *call = p->call;
	cJSON *json = cJSON_CreateObject();

	(void)cJSON_AddItemToObject(
		json, "pid", kick_pid_to_json((kick_pid){ node_number(), m->id }));
	(void)cJSON_AddNumberToObject(json, "os_pid", m->pid);
	forget(p);
	answer_json(call, json);
}

static void do_whereis(void *unused, struct call *call)
{
	(void)unused;
	const struct member *m = target(call, call_text(call, "name"));
	struct pending *p;

	if (!m) {
		answer_noproc(call, "noproc");
		return;
	}
	p = new_pending(call, run_whereis);
	if (p)
		run_whereis(p, node_find((int64_t)m->id));
}

static void do_alive(void *unused, struct call *call)
{
	(void)unused;
	answer_text(call, target(call, call_text(call, "name")) ? "true" : "false");
}

static void not_found(struct call *call)
{
	server_reply_error(call, PROTOCOL_E_REFUSED, "not_found", NULL);
}

/* As a supervisor answers for one of its children. */
static void info_of_top(struct call *call, const char *id)
{
	cJSON *row, *info;
	const struct member *m = find_top(id, &row);
	char *text;

	if (!m) {
		not_found(call);
		return;
	}
	text = node_describe(m);
	info = cJSON_CreateObject();
	(void)cJSON_AddItemToObject(info, "node", row);
	(void)cJSON_AddItemToObject(info, "process", cJSON_Parse(text ? text : "null"));
	free(text);
	answer_json(call, info);
}

static void do_info(void *unused, struct call *call)
{
	(void)unused;
	const char *id = call_text(call, "id");
	const struct member *m;
	char *json;

	if (id) {
		info_of_top(call, id);
		return;
	}
	m = target(call, call_text(call, "name"));
	if (!m) {
		answer_noproc(call, "noproc");
		return;
	}
	json = node_describe(m);
	if (json)
		answer_text(call, json);
	else
		server_reply_error(call, PROTOCOL_E_INTERNAL, "no_memory", NULL);
	free(json);
}

static void do_exit(void *unused, struct call *call)
{
	(void)unused;
	struct member *m = target(call, call_text(call, "name"));
	const char *reason = call_text(call, "reason");

	if (!reason || !*reason) {
		server_reply_error(call, PROTOCOL_E_PARAMS,
			"\"reason\" must be a text that is not empty", NULL);
		return;
	}
	if (!m) {
		answer_noproc(call, "noproc");
		return;
	}
	/* As each supervisor of kickd's. */
	if (call_text(call, "id") && strcmp(reason, "kill") != 0) {
		server_reply_error(call, PROTOCOL_E_REFUSED, "trap_exit", NULL);
		return;
	}
	node_exit(m, reason);
	answer_text(call, "{}");
}

static void add_row(void *user, const struct member *m)
{
	struct buf *out = user;

	if (out->len > 0)
		buf_addc(out, ',');
	buf_adds(out, m->supervisor);
}

/* As a supervisor's, of which only the children are looked at: the supervisors in code
 * that are below none. */
static void do_status(void *unused, struct call *call)
{
	(void)unused;
	const char *id = call_text(call, "id");
	struct buf out, rows;
	cJSON *row;

	if (id && find_top(id, &row)) {
		answer_json(call, row);
		return;
	}
	if (id) {
		not_found(call);
		return;
	}
	buf_init(&rows, 0);
	node_each_top(add_row, &rows);
	buf_init(&out, 0);
	buf_adds(&out, "{\"id\":");
	buf_add_json(&out, outer.start.name, strlen(outer.start.name));
	buf_adds(&out, ",\"path\":");
	buf_add_json(&out, outer.start.path, strlen(outer.start.path));
	buf_addf(&out,
		",\"type\":\"worker\",\"state\":\"%s\",\"pid\":%d,\"children\":[%s]}",
		outer.ready ? "running" : "starting", (int)getpid(), buf_text(&rows));
	call_answer(call, &out);
	buf_done(&rows);
}

static void add_child(void *user, const struct member *m)
{
	static const char *const keys[] = { "id", "pid", "type", "state" };
	cJSON *row = cJSON_Parse(m->supervisor), *child = cJSON_CreateObject();

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		(void)cJSON_AddItemToObject(child, keys[i],
			cJSON_DetachItemFromObjectCaseSensitive(row, keys[i]));
	cJSON_Delete(row);
	(void)cJSON_InsertItemInArray(user, 0, child);
}

static void do_which_children(void *unused, struct call *call)
{
	(void)unused;
	cJSON *children = cJSON_CreateArray();

	node_each_top(add_child, children);
	answer_json(call, children);
}

static void count_one(void *user, const struct member *m)
{
	(void)m;
	++*(int *)user;
}

static void do_count_children(void *unused, struct call *call)
{
	(void)unused;
	struct buf out;
	int n = 0;

	node_each_top(count_one, &n);
	buf_init(&out, 0);
	buf_addf(&out, "{\"specs\":%d,\"active\":%d,\"supervisors\":%d,\"workers\":0}",
		n, n, n);
	call_answer(call, &out);
}

/* Those in the program are its own to start and stop. */
static void do_in_code(void *unused, struct call *call)
{
	(void)unused;
	server_reply_error(call, PROTOCOL_E_REFUSED, "in_code",
		"{\"detail\":\"supervisors in a program are started and stopped by "
		"it alone; stop, start and restart are for all of it\"}");
}

static const struct method methods[] = {
	{ "status", do_status, true },
	{ "which_children", do_which_children, true },
	{ "count_children", do_count_children, true },
	{ "whereis", do_whereis, true },
	{ "alive", do_alive, true },
	{ "info", do_info, true },
	{ "call", do_call, false },
	{ "cast", do_cast, false },
	{ "send", do_send, false },
	{ "exit", do_exit, false },
	{ "start_child", do_in_code, false },
	{ "terminate_child", do_in_code, false },
	{ "restart_child", do_in_code, false },
	{ "renew_child", do_in_code, false },
	{ "roll_child", do_in_code, false },
	{ "delete_child", do_in_code, false },
	{ "signal", do_in_code, false },
};

static void on_call(void *user, const char *name, struct call *call)
{
	dispatch(methods, ARRAY_LEN(methods), user, name, call);
}

/* What is answered later finds nobody. */
static void on_gone(void *user, struct call *call)
{
	(void)user;
	if (call->user)
		forget(call->user);
	server_reply_error(call, PROTOCOL_E_INTERNAL, "gone", NULL);
}

void outer_reply(uint64_t ref, const char *json)
{
	struct pending *p;
	struct call *call;

	DL_FOREACH(outer.pending, p)
	if (p->ref == ref && ref)
		break;
	if (!p)
		return;
	call = p->call;
	forget(p);
	if (json)
		answer_text(call, json);
	else
		refuse_size(call, "answer");
}

void outer_bury(const struct member *m, const char *reason)
{
	struct pending *p, *next;

	DL_FOREACH_SAFE(outer.pending, p, next)
	{
		struct call *call = p->call;

		if (p->member != m->id)
			continue;
		forget(p);
		answer_noproc(call, reason);
	}
}

/* --- names among programs -----------------------------------------------------------
 */

int outer_claim(const char *name)
{
	return outer.on ? namedir_claim(outer.start.dir, name, outer.start.socket) : 0;
}

void outer_disclaim(const char *name)
{
	/* Its own name is its supervisor's to end. */
	if (outer.on && strcmp(name, outer.start.name) != 0)
		namedir_disclaim(outer.start.dir, name, outer.start.socket);
}

int outer_whose(const char *name, char *ret, size_t size)
{
	char own[16];
	int r = outer.on ? namedir_whose(outer.start.dir, name, ret, size) : -ESRCH;

	(void)snprintf(own, sizeof own, "%u", outer.start.socket);
	return r == 0 && strcmp(ret, own) == 0 ? -ESRCH : r;
}

/* --- the link -----------------------------------------------------------------------
 */

static void on_message(
	struct link *l, const struct link_message *m, const char *text, int fd)
{
	struct member *first = node_find(NODE_FIRST);

	(void)l;
	if (fd >= 0)
		(void)close(fd);
	if (m->kind == LINK_STOP && first)
		node_exit(first, *text ? text : "shutdown");
	else if (m->kind == LINK_HURRY)
		node_hurry();
}

static void on_end(struct link *l)
{
	(void)l;
	node_hurry();
}

int outer_begin(struct loop *loop, const struct outer_start *o)
{
	static const struct server_handler handler = { .call = on_call,
		.gone = on_gone };
	struct server_access access = { .group = o->group, .readers = o->readers };
	int r;

	outer.start = *o;
	outer.on = true;
	outer.link.on_message = on_message;
	outer.link.on_end = on_end;
	r = link_init(&outer.link, loop, o->link);
	if (r < 0)
		return r;
	return server_new(loop, o->listen, &access, &handler, NULL, &outer.server);
}

bool outer_is_ready(void)
{
	return outer.ready || !outer.on;
}

void outer_ready(void)
{
	struct link_message m = { .kind = LINK_READY };

	outer.ready = true;
	(void)link_send(&outer.link, &m, NULL, -1);
}

void outer_end(const char *reason)
{
	struct link_message m = { .kind = LINK_EXITING, .number = -1 };

	server_free(outer.server);
	(void)link_send(&outer.link, &m, reason, -1);
	link_flush(&outer.link, LAST_WORD_MS);
}
