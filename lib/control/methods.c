/* See methods.h. A table of methods; each reads its parameters, asks the supervisor,
 * and answers now, or when the machine has. */
#include "control/methods.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/signame.h"
#include "config/load.h"
#include "control/dispatch.h"
#include "control/node_json.h"
#include "control/server.h"
#include "os/roles.h"

/* A call that waits for the machine or for the root. */
struct pending {
	struct request rq;
	struct asked asked;
	struct call *call; /* NULL: answered already, or its client has gone */
	struct supervisor *sv;
	bool *answered; /* set when the machine has answered */
};

/* --- answers ------------------------------------------------------------------------
 */

static void answer_empty(struct call *call)
{
	struct buf out;

	buf_init(&out, 0);
	buf_adds(&out, "{}");
	call_answer(call, &out);
}

static void answer_child(struct call *call, struct supervised *c)
{
	char path[KICK_PATH_MAX];
	struct buf out;

	buf_init(&out, 0);
	buf_addf(&out,
		"{\"id\":\"%s\",\"path\":\"%s\",\"state\":\"%s\",\"pid\":", c->core.id,
		supervisor_path(c, path), child_state_names[c->core.state]);
	if (c->proc.pid)
		buf_addf(&out, "%d}", (int)supervisor_pid(c));
	else
		buf_adds(&out, "null}");
	call_answer(call, &out);
}

static void refuse(struct call *call, const char *atom, struct supervised *c)
{
	struct buf node;

	buf_init(&node, 0);
	if (c)
		node_json_child(c, &node);
	server_reply_error(call, PROTOCOL_E_REFUSED, atom, c ? buf_text(&node) : NULL);
	buf_done(&node);
}

/* A child that was not added, or could not be started and is gone again: why. */
static void refuse_gone(struct supervisor *sv, struct call *call, enum sup_result r)
{
	struct buf data;

	buf_init(&data, 0);
	if (r == SUP_MAX_CHILDREN) {
		buf_addf(&data, "{\"max_children\":%u}", sv->core.policy.max_children);
	} else if (r == SUP_START_FAILED) {
		buf_adds(&data, "{\"last_exit\":{\"reason\":");
		buf_add_json(&data, sv->core.cause.text, strlen(sv->core.cause.text));
		buf_adds(&data, "},\"detail\":");
		if (*sv->detail)
			buf_add_json(&data, sv->detail, strlen(sv->detail));
		else
			buf_adds(&data, "null");
		buf_addc(&data, '}');
	}
	server_reply_error(call, PROTOCOL_E_REFUSED, sup_result_names[r],
		data.len ? buf_text(&data) : NULL);
	buf_done(&data);
}

static void done(struct request *rq, enum sup_result r, struct supervised *c)
{
	struct pending *p = container_of(rq, struct pending, rq);
	struct call *call = p->call;

	if (p->answered)
		*p->answered = true;
	if (call) {
		call->user = NULL;
		if (r == SUP_OK && c)
			answer_child(call, c);
		else if (r == SUP_OK)
			answer_empty(call);
		else if (c)
			refuse(call, sup_result_names[r], c);
		else
			refuse_gone(p->sv, call, r);
	}
	free(p);
}

static struct pending *new_pending(struct supervisor *sv, struct call *call)
{
	struct pending *p = calloc(1, sizeof *p);

	if (!p) {
		server_reply_error(call, PROTOCOL_E_INTERNAL, "no_memory", NULL);
		return NULL;
	}
	p->sv = sv;
	p->call = call;
	p->rq.done = done;
	call->user = p;
	return p;
}

/* --- parameters ---------------------------------------------------------------------
 */

static bool bool_param(const struct call *call, const char *name, bool otherwise)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(call->params, name);

	return cJSON_IsBool(item) ? cJSON_IsTrue(item) : otherwise;
}

/* The child that "id" names, or NULL: the call is then answered. */
static struct supervised *child_param(struct supervisor *sv, struct call *call)
{
	const char *id = call_text(call, "id");
	struct supervised *c = id ? supervisor_find(sv, id) : NULL;

	if (!id)
		server_reply_error(call, PROTOCOL_E_PARAMS,
			"\"id\" must be the id of a child, a string", NULL);
	else if (!c)
		refuse(call, sup_result_names[SUP_NOT_FOUND], NULL);
	return c;
}

/* --- looking ------------------------------------------------------------------------
 */

static void status(void *user, struct call *call)
{
	struct supervisor *sv = user;
	struct supervised *c = NULL;
	struct buf out;

	if (call_text(call, "id")) {
		c = child_param(sv, call);
		if (!c)
			return;
	}
	buf_init(&out, 0);
	if (c)
		node_json_child(c, &out);
	else
		node_json_supervisor(sv, &out);
	call_answer(call, &out);
}

static void which_children(void *user, struct call *call)
{
	struct supervisor *sv = user;
	struct buf out;

	buf_init(&out, 0);
	buf_addc(&out, '[');
	for (uint32_t i = sv->core.n; i-- > 0;) {
		const struct supervised *c =
			container_of(sv->core.children[i], struct supervised, core);

		buf_addf(&out, "%s{\"id\":\"%s\",\"pid\":", out.len > 1 ? "," : "",
			c->core.id);
		if (c->proc.pid)
			buf_addf(&out, "%d", (int)supervisor_pid(c));
		else
			buf_adds(&out, "null");
		buf_addf(&out, ",\"type\":\"%s\",\"state\":\"%s\"}",
			child_type_names[c->core.policy->type],
			child_state_names[c->core.state]);
	}
	buf_addc(&out, ']');
	call_answer(call, &out);
}

static void count_children(void *user, struct call *call)
{
	struct supervisor *sv = user;
	struct child_counts n = sup_count_children(&sv->core);
	struct buf out;

	buf_init(&out, 0);
	buf_addf(&out, "{\"specs\":%u,\"active\":%u,\"supervisors\":%u,\"workers\":%u}",
		n.specs, n.active, n.supervisors, n.workers);
	call_answer(call, &out);
}

static void answer_about(struct supervisor *sv, struct call *call,
	void (*write)(struct supervised *c, struct buf *out))
{
	struct supervised *c = child_param(sv, call);
	struct buf out;

	if (!c)
		return;
	buf_init(&out, 0);
	write(c, &out);
	call_answer(call, &out);
}

static void write_spec(struct supervised *c, struct buf *out)
{
	spec_to_json(c->spec, out);
}

static void get_childspec(void *user, struct call *call)
{
	struct supervisor *sv = user;
	answer_about(sv, call, write_spec);
}

static void info(void *user, struct call *call)
{
	struct supervisor *sv = user;
	answer_about(sv, call, node_json_info);
}

/* --- changing -----------------------------------------------------------------------
 */

static void change(struct supervisor *sv, struct call *call,
	void (*run)(struct supervisor *sv, struct supervised *c, struct request *rq))
{
	bool wait = bool_param(call, "wait", true);
	struct supervised *c = child_param(sv, call);
	struct pending *p = c ? new_pending(sv, call) : NULL;
	bool answered = false;

	if (!p)
		return;
	p->answered = &answered;
	run(sv, c, &p->rq);
	/* Once answered, p, the call and even c may be gone. */
	if (answered)
		return;
	p->answered = NULL;
	if (!wait) {
		p->call = NULL;
		call->user = NULL;
		answer_child(call, c);
	}
}

static void terminate_child(void *user, struct call *call)
{
	struct supervisor *sv = user;
	change(sv, call, supervisor_terminate_child);
}

static void restart_child(void *user, struct call *call)
{
	struct supervisor *sv = user;
	change(sv, call, supervisor_restart_child);
}

static void renew_child(void *user, struct call *call)
{
	struct supervisor *sv = user;
	change(sv, call, supervisor_renew_child);
}

static void roll_child(void *user, struct call *call)
{
	struct supervisor *sv = user;
	struct supervised *c = child_param(sv, call);
	const char *why = c ? supervisor_roll_refusal(c) : NULL;

	if (why)
		refuse(call, why, c);
	else if (c)
		change(sv, call, supervisor_roll_child);
}

static void delete_child(void *user, struct call *call)
{
	struct supervisor *sv = user;
	change(sv, call, supervisor_delete_child);
}

static void wrong_spec(struct call *call, const struct buf *diag)
{
	struct buf data;

	buf_init(&data, 0);
	buf_adds(&data, "{\"diagnostics\":");
	buf_add_json(&data, buf_text(diag), diag->len);
	buf_addc(&data, '}');
	server_reply_error(
		call, PROTOCOL_E_SPEC, "specification wrong", buf_text(&data));
	buf_done(&data);
}

static void start_child(void *user, struct call *call)
{
	struct supervisor *sv = user;
	const cJSON *spec = cJSON_GetObjectItemCaseSensitive(call->params, "spec");
	struct pending *p;
	struct buf diag;
	char *text;
	int r;

	if (!cJSON_IsObject(spec)) {
		server_reply_error(call, PROTOCOL_E_PARAMS,
			"\"spec\" must be a child specification, an object", NULL);
		return;
	}
	p = new_pending(sv, call);
	if (!p)
		return;
	text = cJSON_PrintUnformatted(spec);
	buf_init(&diag, 0);
	r = text ? supervisor_start_child(sv, text, strlen(text), &p->rq, &diag)
		 : -ENOMEM;
	if (r < 0) {
		free(p);
		call->user = NULL;
		if (r == -EINVAL)
			wrong_spec(call, &diag);
		else
			server_reply_error(call, PROTOCOL_E_REFUSED, "no_memory", NULL);
	}
	buf_done(&diag);
	cJSON_free(text);
}

static void send_signal(void *user, struct call *call)
{
	struct supervisor *sv = user;
	const char *name = call_text(call, "signal");
	int sig = name ? signame_parse(name) : 0;
	struct supervised *c;

	if (sig == 0) {
		server_reply_error(call, PROTOCOL_E_PARAMS, "no such signal", NULL);
		return;
	}
	c = child_param(sv, call);
	if (!c)
		return;
	if (supervisor_signal(c, sig) < 0)
		refuse(call, "not_running", c);
	else
		answer_child(call, c);
}

static void exit_child(void *user, struct call *call)
{
	struct supervisor *sv = user;
	const char *reason = call_text(call, "reason");
	struct supervised *c;
	int r;

	if (!reason || !*reason) {
		server_reply_error(call, PROTOCOL_E_PARAMS,
			"\"reason\" must be a text that is not empty", NULL);
		return;
	}
	c = child_param(sv, call);
	if (!c)
		return;
	r = supervisor_exit_child(c, reason);
	if (r == -EPERM)
		refuse(call, "trap_exit", c);
	else if (r < 0)
		refuse(call, "not_running", c);
	else
		answer_child(call, c);
}

/* --- asking the root ----------------------------------------------------------------
 */

/* The root's answer to a reload is a text of two parts, each a line count and that many
 * lines: the plan, then what failed, as "PATH REASON". A wrong configuration's is the
 * diagnostics. */
static void add_plan_line(struct buf *out, const char *line, size_t n)
{
	buf_add_json(out, line, n);
}

static void add_failed_line(struct buf *out, const char *line, size_t n)
{
	const char *space = memchr(line, ' ', n);
	size_t n_path = space ? (size_t)(space - line) : n;

	buf_adds(out, "{\"path\":");
	buf_add_json(out, line, n_path);
	buf_adds(out, ",\"reason\":");
	buf_add_json(
		out, line + n_path + (space != NULL), n - n_path - (space != NULL));
	buf_addc(out, '}');
}

static const char *add_lines(struct buf *out, const char *text,
	void (*add)(struct buf *out, const char *line, size_t n))
{
	char *p;
	unsigned long n = strtoul(text, &p, 10);

	buf_addc(out, '[');
	for (text = p + (*p == '\n'); n > 0 && *text; n--) {
		const char *end = strchrnul(text, '\n');

		if (out->data[out->len - 1] != '[')
			buf_addc(out, ',');
		add(out, text, (size_t)(end - text));
		text = end + (*end == '\n');
	}
	buf_addc(out, ']');
	return text;
}

static void reload_answer(struct call *call, int result, const char *text)
{
	struct buf out;

	buf_init(&out, 0);
	if (result == -EINVAL) {
		buf_adds(&out, text);
		wrong_spec(call, &out);
	} else if (result == -EBUSY) {
		server_reply_error(call, PROTOCOL_E_REFUSED, "reloading", NULL);
	} else if (result == -EIO) {
		server_reply_error(call, PROTOCOL_E_INTERNAL,
			"the process that reads the configuration was killed; nothing was "
			"changed",
			NULL);
	} else if (result == -EAGAIN || result == -ENOMEM || result == -EMFILE ||
		result == -ENFILE) {
		buf_addf(&out,
			"no process for reading the configuration: %s; nothing was changed",
			strerror(-result));
		server_reply_error(call, PROTOCOL_E_INTERNAL, buf_text(&out), NULL);
	} else if (result < 0) {
		server_reply_error(call, PROTOCOL_E_REFUSED, "shutting_down", NULL);
	} else {
		buf_adds(&out, "{\"plan\":");
		text = add_lines(&out, text, add_plan_line);
		buf_adds(&out, ",\"failed\":");
		(void)add_lines(&out, text, add_failed_line);
		buf_addc(&out, '}');
		server_reply(call, &out);
	}
	buf_done(&out);
}

static void root_answered(struct asked *a, int result, int fd)
{
	struct pending *p = container_of(a, struct pending, asked);
	struct call *call = p->call;
	autofree char *text = NULL;
	size_t n;

	if (fd >= 0 && lseek(fd, 0, SEEK_SET) == 0)
		(void)fd_read_all(fd, KICK_CONFIG_MAX, &text, &n);
	(void)fd_close(fd);
	if (call) {
		call->user = NULL;
		reload_answer(call, result, text ? text : "");
	}
	free(p);
}

static void root_accepted(struct asked *a, int result, int fd)
{
	struct pending *p = container_of(a, struct pending, asked);
	struct call *call = p->call;

	(void)fd_close(fd);
	if (call) {
		call->user = NULL;
		if (result < 0)
			server_reply_error(
				call, PROTOCOL_E_REFUSED, "shutting_down", NULL);
		else
			answer_empty(call);
	}
	free(p);
}

static void ask(struct supervisor *sv, struct call *call, enum link_ask what,
	void (*answered)(struct asked *a, int result, int fd))
{
	struct pending *p = new_pending(sv, call);

	if (!p)
		return;
	p->asked.done = answered;
	if (supervisor_ask(sv, what, &p->asked) == 0)
		return;
	free(p);
	call->user = NULL;
	server_reply_error(call, PROTOCOL_E_INTERNAL, "the root cannot be asked", NULL);
}

static void reload(void *user, struct call *call)
{
	struct supervisor *sv = user;
	ask(sv, call, bool_param(call, "dry_run", false) ? ASK_DRY_RUN : ASK_RELOAD,
		root_answered);
}

static void shut_down(void *user, struct call *call)
{
	struct supervisor *sv = user;
	ask(sv, call, ASK_SHUTDOWN, root_accepted);
}

static void renew_tree(void *user, struct call *call)
{
	struct supervisor *sv = user;
	ask(sv, call, ASK_RENEW, root_accepted);
}

/* --- the table ----------------------------------------------------------------------
 */

static const struct method methods[] = {
	{ "status", status, true },
	{ "which_children", which_children, true },
	{ "count_children", count_children, true },
	{ "get_childspec", get_childspec, true },
	{ "info", info, true },
	{ "start_child", start_child, false },
	{ "terminate_child", terminate_child, false },
	{ "restart_child", restart_child, false },
	{ "renew_child", renew_child, false },
	{ "roll_child", roll_child, false },
	{ "delete_child", delete_child, false },
	{ "signal", send_signal, false },
	{ "exit", exit_child, false },
};

/* The top supervisor has these as well. */
static const struct method top_methods[] = {
	{ "reload", reload, false },
	{ "shutdown", shut_down, false },
	{ "renew_tree", renew_tree, false },
};

static void on_call(void *user, const char *name, struct call *call)
{
	const struct supervisor *sv = user;

	for (size_t i = 0; !*sv->path && i < ARRAY_LEN(top_methods); i++)
		if (strcmp(top_methods[i].name, name) == 0) {
			dispatch(&top_methods[i], 1, user, name, call);
			return;
		}
	dispatch(methods, ARRAY_LEN(methods), user, name, call);
}

static void on_gone(void *user, struct call *call)
{
	struct pending *p = call->user;

	(void)user;
	if (p)
		p->call = NULL;
	server_reply_error(call, PROTOCOL_E_INTERNAL, "gone", NULL);
}

int methods_serve(struct supervisor *sv)
{
	static const struct server_handler handler = { .call = on_call,
		.gone = on_gone };
	const uint32_t *group = REL_GET(uint32_t, sv->config->control_group);
	const uint32_t *readers = REL_GET(uint32_t, sv->config->control_readers);
	struct server_access access = { .group = group ? *group : (gid_t)-1,
		.readers = readers ? *readers : (gid_t)-1 };
	struct server *server = NULL;
	int r = server_new(sv->loop, FD_LISTEN, &access, &handler, sv, &server);

	sv->server = server;
	return r;
}

void methods_unserve(struct supervisor *sv)
{
	server_free(sv->server);
	sv->server = NULL;
}
