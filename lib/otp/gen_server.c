/* GenServer: a process that serves one message after the other. OTP: gen_server, gen.
 * The starter waits for the answer with the start's ref, as a caller does. */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/macro.h"
#include "otp/mailbox.h"
#include "otp/outside.h"
#include "otp/peers.h"
#include "otp/self.h"

struct kick_server {
	const kick_gen_server *callbacks;
	void *state;
	char reason[KICK_REASON_SIZE]; /* "" : goes on */
	kick_from last;		       /* to be answered after terminate */
	cJSON *last_reply;
	cJSON *next;	 /* handle_continue's value */
	int64_t timeout; /* ms, -1 none */
	bool trap;
};

/* What the new process finds in its copy of the starter's memory. */
struct birth {
	const kick_gen_server *callbacks;
	const cJSON *args;
	kick_start_options options;
	kick_from starter;
	bool linked;
};

void *kick_server_state(const kick_server *s)
{
	return s->state;
}

void kick_server_set_state(kick_server *s, void *state)
{
	s->state = state;
}

int kick_server_stop(kick_server *s, const char *reason)
{
	(void)snprintf(s->reason, sizeof s->reason, "%s", reason);
	return KICK_STOP;
}

int kick_server_stop_reply(
	kick_server *s, const char *reason, kick_from from, const cJSON *reply)
{
	s->last = from;
	s->last_reply = cJSON_Duplicate(reply, true);
	return kick_server_stop(s, reason);
}

int kick_server_continue(kick_server *s, const cJSON *value)
{
	cJSON_Delete(s->next);
	s->next = value ? cJSON_Duplicate(value, true) : cJSON_CreateNull();
	return s->next ? KICK_OK : kick_server_stop(s, "enomem");
}

int kick_server_hibernate(kick_server *s)
{
	(void)s;
	(void)malloc_trim(0);
	return KICK_OK;
}

int kick_server_timeout(kick_server *s, int64_t ms)
{
	s->timeout = ms;
	return KICK_OK;
}

/* --- the server's life --------------------------------------------------------------
 */

/* GS-9, GS-10: a raise in terminate replaces the reason, as it does not return. */
static _Noreturn void terminate(kick_server *s)
{
	self.on_raise = NULL;
	if (s->callbacks->terminate)
		s->callbacks->terminate(s, s->reason);
	if (s->last.ref)
		(void)kick_reply(s->last, s->last_reply);
	kick_raise(s->reason);
}

/* A raise in a callback: its server's way to terminate. */
static kick_server *running;

static void on_raise(const char *reason)
{
	(void)kick_server_stop(running, reason);
	terminate(running);
}

/* What a callback has returned. */
static void go_on(kick_server *s, int r)
{
	if (r == KICK_OK && !*s->reason)
		return;
	if (r != KICK_STOP || !*s->reason)
		(void)kick_server_stop(s, "bad_return_value");
	terminate(s);
}

/* GS-6: before any message, and may be chained. */
static void run_continues(kick_server *s)
{
	while (s->next) {
		cJSON *value = s->next;
		int r = KICK_OK;

		s->next = NULL;
		s->timeout = KICK_INFINITY;
		if (s->callbacks->handle_continue)
			r = s->callbacks->handle_continue(s, value);
		cJSON_Delete(value);
		go_on(s, r);
	}
}

static int handle_call(kick_server *s, const kick_message *m)
{
	kick_from from = { m->from, m->ref };
	cJSON *error;

	if (s->callbacks->handle_call)
		return s->callbacks->handle_call(s, from, m->value);
	error = cJSON_CreateObject();
	(void)cJSON_AddStringToObject(error, "error", "undef");
	(void)kick_reply(from, error);
	cJSON_Delete(error);
	return KICK_OK;
}

static bool is_end_of_parent(const kick_message *m)
{
	return m->kind == KICK_EXIT && self.parent.id &&
		kick_pid_equal(m->from, self.parent);
}

static const char *reason_to_stop(const kick_message *m)
{
	const char *text = cJSON_GetStringValue(m->value);

	return text && *text ? text : "badarg";
}

static void serve(kick_server *s, const kick_message *m)
{
	int r = KICK_OK;

	s->timeout = KICK_INFINITY;
	if (m->kind == KIND_STOP)
		r = kick_server_stop(s, reason_to_stop(m));
	else if (is_end_of_parent(m))
		r = kick_server_stop(s, m->reason);
	else if (m->kind == KICK_CALL)
		r = handle_call(s, m);
	else if (m->kind == KICK_CAST && s->callbacks->handle_cast)
		r = s->callbacks->handle_cast(s, m->value);
	else if (m->kind != KICK_CAST && s->callbacks->handle_info)
		r = s->callbacks->handle_info(s, m);
	go_on(s, r);
}

/* GS-5: nothing came in time. */
static void serve_timeout(kick_server *s)
{
	kick_message m = { .kind = KICK_MESSAGE, .from = self.pid };

	m.value = cJSON_CreateString("timeout");
	serve(s, &m);
	cJSON_Delete(m.value);
}

static _Noreturn void loop(kick_server *s)
{
	kick_message *m;
	int r;

	running = s;
	self.on_raise = on_raise;
	for (;;) {
		run_continues(s);
		r = kick_receive(NULL, NULL, s->timeout, &m);
		if (r == -ETIMEDOUT) {
			serve_timeout(s);
		} else if (r < 0) {
			kick_raise("receive");
		} else {
			serve(s, m);
			kick_message_free(m);
		}
	}
}

/* --- start --------------------------------------------------------------------------
 */

static void say_why(kick_reason *why, const char *text)
{
	if (why)
		(void)snprintf(why->text, sizeof why->text, "%s", text);
}

/* ["ok"], ["ignore"], ["error", REASON], ["taken", PID] */
static void tell_starter(kick_from starter, const char *what, cJSON *more)
{
	cJSON *said = cJSON_CreateArray();

	(void)cJSON_AddItemToArray(said, cJSON_CreateString(what));
	if (more)
		(void)cJSON_AddItemToArray(said, more);
	(void)kick_reply(starter, said);
	cJSON_Delete(said);
}

/* By name or key. */
static int register_as(const kick_start_options *o, kick_pid *holder)
{
	int r;

	if (o->registry) {
		/* Only in a unique one can it be found by its key (REG-8). */
		r = kick_resolve(kick_via(o->registry, o->key), holder);
		if (r < 0 && r != -ESRCH)
			return r;
		return kick_registry_register(o->registry, o->key, NULL, holder);
	}
	r = o->name ? kick_register(o->name) : 0;
	if (r == -EEXIST && kick_whereis(o->name, holder) < 0)
		*holder = (kick_pid){ 0 };
	return r;
}

static void take_name(const struct birth *b)
{
	kick_pid holder = { 0 };
	int r = register_as(&b->options, &holder);

	if (r == 0)
		return;
	/* It has not been, so there is no end to tell (START-9). */
	(void)kick_unlink(b->starter.pid);
	if (r == -EEXIST)
		tell_starter(b->starter, "taken", kick_pid_to_json(holder));
	else
		tell_starter(b->starter, "error",
			cJSON_CreateString(r == -ESRCH ? "noproc" : "badarg"));
	kick_raise("normal");
}

static void be_server(void *arg)
{
	const struct birth *b = arg;
	kick_server s = { .callbacks = b->callbacks, .timeout = KICK_INFINITY };
	int r = KICK_OK;

	if (!b->linked)
		self.parent = (kick_pid){ 0 };
	take_name(b);
	if (b->options.trap_exit)
		(void)kick_trap_exit(true);
	if (s.callbacks->init)
		r = s.callbacks->init(&s, b->args);
	if (r == KICK_OK && !*s.reason) {
		tell_starter(b->starter, "ok", NULL);
		loop(&s);
	}
	/* Gone before it is told, so that another may take the name at once. */
	if (b->options.name)
		(void)self_vacate(b->options.name);
	if (r == KICK_IGNORE) {
		tell_starter(b->starter, "ignore", NULL);
		kick_raise("normal");
	}
	if (r != KICK_STOP || !*s.reason)
		(void)kick_server_stop(&s, "bad_return_value");
	tell_starter(b->starter, "error", cJSON_CreateString(s.reason));
	kick_raise(s.reason);
}

/* The process that calls is the server, and who started the program its starter. */
int kick_server_run(const kick_gen_server *callbacks, const cJSON *args,
	const kick_start_options *options, kick_reason *why)
{
	kick_server s = { .callbacks = callbacks, .timeout = KICK_INFINITY };
	int r = options ? register_as(options, &(kick_pid){ 0 }) : 0;

	if (r < 0) {
		say_why(why, r == -EEXIST ? "already_started" : "badarg");
		return r;
	}
	if (options && options->trap_exit)
		(void)kick_trap_exit(true);
	if (callbacks->init)
		r = callbacks->init(&s, args);
	if (r == KICK_IGNORE)
		kick_raise("normal");
	if (r != KICK_OK || *s.reason) {
		if (r != KICK_STOP || !*s.reason)
			(void)kick_server_stop(&s, "bad_return_value");
		kick_raise(s.reason);
	}
	(void)self_ready(true);
	loop(&s);
}

/* Whether the monitored one's end has been told: then *why is its reason. */
static bool is_down(kick_ref ref, kick_reason *why)
{
	kick_message *m;

	if (kick_receive(mailbox_is_down, &ref, 0, &m) < 0)
		return false;
	say_why(why, m->reason);
	kick_message_free(m);
	return true;
}

static int understand(const cJSON *said, kick_pid *ret, kick_reason *why)
{
	const cJSON *what = cJSON_GetArrayItem(said, 0);
	const cJSON *more = cJSON_GetArrayItem(said, 1);
	const char *text = cJSON_IsString(what) ? what->valuestring : "";

	if (strcmp(text, "ok") == 0)
		return 0;
	if (strcmp(text, "ignore") == 0)
		return KICK_IGNORE;
	if (strcmp(text, "taken") == 0) {
		if (ret)
			*ret = kick_pid_from_json(more);
		return -EEXIST;
	}
	say_why(why, cJSON_IsString(more) ? more->valuestring : "unknown");
	return -ECANCELED;
}

/* Until it has said how its init went, or cannot any more. */
static int await_birth(
	kick_pid pid, kick_ref ref, int64_t timeout_ms, kick_pid *ret, kick_reason *why)
{
	int64_t deadline = timeout_ms ? clock_deadline(timeout_ms) : INT64_MAX;
	kick_reason end = { "" };
	cJSON *said = NULL;
	int r = 0;

	for (;;) {
		/* Looking for its end may take in the answer: that comes first. */
		bool down = is_down(ref, &end);

		if (peers_answer(&said)) {
			r = understand(said, ret, why);
			cJSON_Delete(said);
			return r;
		}
		if (down) {
			say_why(why, end.text);
			return -ECANCELED;
		}
		if (deadline <= clock_now())
			break;
		r = peers_turn(deadline);
		if (r < 0)
			return r;
	}
	(void)kick_unlink(pid);
	(void)kick_exit(pid, "kill");
	/* Gone, so that its name is free. */
	while (!is_down(ref, NULL))
		if ((r = peers_turn(INT64_MAX)) < 0)
			return r;
	say_why(why, "timeout");
	return -ETIMEDOUT;
}

static int start(bool linked, const kick_gen_server *callbacks, const cJSON *args,
	const kick_start_options *options, kick_pid *ret, kick_reason *why)
{
	struct birth b = { .callbacks = callbacks,
		.args = args,
		.linked = linked,
		.starter = { self.pid, mailbox_new_ref() } };
	kick_pid pid;
	kick_ref ref;
	int r;

	if (options)
		b.options = *options;
	if (b.options.name && !self_is_name(b.options.name))
		return -EINVAL;
	peers_expect(b.starter.ref);
	r = linked ? self_spawn_link_monitor(be_server, &b, &pid, &ref)
		   : kick_spawn_monitor(be_server, &b, &pid, &ref);
	if (r < 0)
		return r;
	if (ret)
		*ret = pid;
	r = await_birth(pid, ref, b.options.timeout_ms, ret, why);
	peers_expect(0);
	(void)kick_demonitor(ref, true);
	return r;
}

int kick_server_start_link(const kick_gen_server *callbacks, const cJSON *args,
	const kick_start_options *options, kick_pid *ret, kick_reason *why)
{
	return start(true, callbacks, args, options, ret, why);
}

int kick_server_start(const kick_gen_server *callbacks, const cJSON *args,
	const kick_start_options *options, kick_pid *ret, kick_reason *why)
{
	return start(false, callbacks, args, options, ret, why);
}

/* --- calls --------------------------------------------------------------------------
 */

int kick_reply(kick_from from, const cJSON *value)
{
	int r;

	if (self.pid.id && from.pid.id == NODE_STARTER)
		return self_reply(from.ref, value);
	r = self.pid.id
		? peers_send(from.pid, FRAME_ANSWER, from.ref, value, PEERS_QUEUE)
		: -ENOTCONN;

	return r == -ESRCH ? 0 : r;
}

int kick_cast(kick_dest to, const cJSON *request)
{
	kick_pid pid;
	int r = kick_resolve(to, &pid);

	if (r == -ESRCH && self.outer_dir && to.name)
		r = self_ask_outside("cast", to.name, request);
	else if (r == 0)
		r = peers_send(pid, FRAME_CAST, 0, request, INT64_MAX);
	return r == -ESRCH ? 0 : r;
}

/* Its connection has ended: so has it, or will in a moment. */
static int await_end(kick_pid pid, int64_t deadline, kick_reason *why)
{
	kick_ref ref;
	int r = self_monitor(pid, &ref, why);

	if (r < 0)
		return r;
	if (ref == 0)
		return -ECONNRESET;
	while (!is_down(ref, why)) {
		if (deadline <= clock_now()) {
			(void)kick_demonitor(ref, true);
			return -ETIMEDOUT;
		}
		r = peers_turn(deadline);
		if (r < 0)
			return r;
	}
	return -ECONNRESET;
}

static int await_answer(kick_pid pid, int64_t deadline, cJSON **ret, kick_reason *why)
{
	cJSON *value;
	int r;

	while (!peers_answer(&value)) {
		if (!peers_has(pid))
			return await_end(pid, deadline, why);
		if (deadline <= clock_now())
			return -ETIMEDOUT;
		r = peers_turn(deadline);
		if (r < 0)
			return r;
	}
	if (ret)
		*ret = value;
	else
		cJSON_Delete(value);
	return 0;
}

/* A call without a time-out of its own does not wait for ever for who is being started
 * again. */
#define NAME_WAIT_MS 60000

/* As kick_resolve(); a name that is being started again is waited for. */
static int resolve(
	kick_dest to, int64_t deadline, kick_pid *ret, char socket[SELF_SOCKET_MAX])
{
	int64_t until = clock_deadline(NAME_WAIT_MS);

	if (!to.name || to.registry)
		return kick_resolve(to, ret);
	return self_whereis(
		to.name, deadline == INT64_MAX ? until : deadline, ret, socket);
}

int kick_call(kick_dest to, const cJSON *request, int64_t timeout_ms, cJSON **ret,
	kick_reason *why)
{
	int64_t deadline = clock_deadline(timeout_ms);
	kick_ref ref = mailbox_new_ref();
	char socket[SELF_SOCKET_MAX];
	kick_pid pid;
	int r = resolve(to, deadline, &pid, socket);

	if (r == -EREMOTE)
		return outside_ask(self.outer_dir, socket, "call", to.name, request,
			deadline, ret, why);
	if (r == 0 && kick_pid_equal(pid, self.pid))
		r = -EDEADLK;
	if (r < 0) {
		say_why(why,
			r == -ESRCH		  ? "noproc"
				: r == -EDEADLK	  ? "calling_self"
				: r == -ETIMEDOUT ? "timeout"
						  : "");
		return r;
	}
	peers_expect(ref);
	r = peers_send(pid, FRAME_CALL, ref, request, deadline);
	if (r == -ESRCH) {
		say_why(why, "noproc");
	} else if (r == 0) {
		r = await_answer(pid, deadline, ret, why);
	}
	if (r == -ETIMEDOUT)
		say_why(why, "timeout");
	peers_expect(0);
	return r;
}

int kick_server_stop_call(
	kick_dest to, const char *reason, int64_t timeout_ms, kick_reason *why)
{
	int64_t deadline = clock_deadline(timeout_ms);
	kick_reason ended = { "" };
	cJSON *order;
	kick_pid pid;
	kick_ref ref = 0;
	int r = kick_resolve(to, &pid);

	if (r == 0)
		r = kick_monitor(pid, &ref);
	if (r < 0)
		return r;
	order = cJSON_CreateString(reason);
	r = order ? peers_send(pid, FRAME_STOP, 0, order, deadline) : -ENOMEM;
	cJSON_Delete(order);
	while ((r >= 0 || r == -ESRCH) && !is_down(ref, &ended)) {
		if (deadline <= clock_now())
			r = -ETIMEDOUT;
		else
			r = peers_turn(deadline);
	}
	if (r < 0 && r != -ESRCH) {
		(void)kick_demonitor(ref, true);
		return r;
	}
	say_why(why, ended.text);
	if (strcmp(ended.text, reason) == 0)
		return 0;
	return strcmp(ended.text, "noproc") == 0 ? -ESRCH : -ECONNRESET;
}
