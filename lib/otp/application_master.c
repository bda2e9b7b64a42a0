/* The process that has an application started, and stops it: the parent of its top
 * process, and where its callbacks run. OTP: application_master. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "otp/application.h"
#include "otp/fnptr.h"
#include "otp/self.h"

/* In this order. */
enum stage {
	STARTING,
	PREP_STOP,
	STOP_TOP,
	STOP,
	KILL_REST,
	GONE
};

static struct {
	char name[KICK_ID_MAX + 1]; /* "" in a process of no application */
	const cJSON *spec;
	kick_pid top;
	bool top_ended;
	enum stage stage;
	kick_reason reason; /* what it will end with */
} master;

/* All that it starts, and what they start, have a copy of this. */
const char *kick_application_name(void)
{
	return *master.name ? master.name : NULL;
}

static fnptr *callback(const char *name)
{
	return fnptr_from_json(cJSON_GetObjectItemCaseSensitive(master.spec, name));
}

static void set_reason(const char *text)
{
	(void)snprintf(master.reason.text, sizeof master.reason.text, "%s", text);
}

/* --- stop ---------------------------------------------------------------------------
 */

static bool is_end_of_top(const kick_message *m, void *user)
{
	(void)user;
	return m->kind == KICK_EXIT && kick_pid_equal(m->from, master.top);
}

/* However long that takes. */
static void stop_top(void)
{
	kick_message *m;

	if (master.top_ended)
		return;
	(void)kick_exit(master.top, "shutdown");
	if (kick_receive(is_end_of_top, NULL, KICK_INFINITY, &m) == 0)
		kick_message_free(m);
}

static bool is_down_of(const kick_message *m, void *ref)
{
	return m->kind == KICK_DOWN && m->ref == *(const kick_ref *)ref;
}

/* What it, or one of those that it has begun, has spawned: until none is left. */
static void kill_rest(void)
{
	kick_pid pid = { .node = self.pid.node };
	kick_message *m;
	kick_ref ref;
	int64_t left;

	while ((left = self_ask(NODE_KILL_LED, 0, 0, NULL, NULL)) > 0) {
		pid.id = (uint64_t)left;
		if (kick_monitor(pid, &ref) < 0 ||
			kick_receive(is_down_of, &ref, KICK_INFINITY, &m) < 0)
			return;
		kick_message_free(m);
	}
}

static void on_raise(const char *reason);

static void call(const char *name)
{
	fnptr *function = callback(name);

	self.on_raise = on_raise;
	if (function)
		((void (*)(void))function)();
	self.on_raise = NULL;
}

/* APP-6: what is left of the stages. */
static _Noreturn void go_on(void)
{
	while (master.stage < GONE) {
		enum stage now = master.stage++;

		if (now == PREP_STOP)
			call("prep_stop");
		else if (now == STOP_TOP)
			stop_top();
		else if (now == STOP)
			call("stop");
		else
			kill_rest();
	}
	kick_raise(master.reason.text);
}

/* Called back by kick_raise(), to which it does not return: one that was starting has
 * failed, one that stops goes on with it. */
static void on_raise(const char *reason)
{
	if (master.stage == STARTING) {
		set_reason(reason);
		master.stage = KILL_REST;
	}
	go_on();
}

/* --- start --------------------------------------------------------------------------
 */

static void tell_controller(void)
{
	cJSON *said = cJSON_CreateObject();

	(void)cJSON_AddItemToObject(said, MASTER_STARTED, kick_pid_to_json(master.top));
	(void)kick_send(kick_to(self.parent), said);
	cJSON_Delete(said);
}

static void start(void)
{
	kick_start_function *function = (kick_start_function *)callback("start");
	int r;

	self.on_raise = on_raise;
	r = function ? function(cJSON_GetObjectItemCaseSensitive(master.spec, "args"),
			       &master.top, &master.reason)
		     : -EINVAL;
	self.on_raise = NULL;
	if (r == 0 && master.top.id && !kick_pid_equal(master.top, self.pid)) {
		/* Trapping, it hears of the end even of one that is gone. */
		(void)kick_link(master.top);
		return;
	}
	if (r >= 0)
		set_reason("bad_return_value");
	else if (!*master.reason.text)
		(void)snprintf(master.reason.text, sizeof master.reason.text,
			"start:%s", strerrorname_np(-r) ? strerrorname_np(-r) : "?");
	master.stage = KILL_REST;
	go_on();
}

void application_master(void *spec)
{
	struct link_message lead = { .kind = NODE_LEAD };
	kick_message *m;

	memset(&master, 0, sizeof master);
	master.spec = spec;
	(void)snprintf(master.name, sizeof master.name, "%s",
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(spec, "name")));
	(void)kick_trap_exit(true);
	(void)self_tell(&lead, NULL, -1);
	start();
	tell_controller();
	while (kick_receive(NULL, NULL, KICK_INFINITY, &m) == 0) {
		bool told =
			m->kind == KICK_EXIT && kick_pid_equal(m->from, self.parent);

		master.top_ended = is_end_of_top(m, NULL);
		if (told || master.top_ended) {
			set_reason(m->reason);
			master.stage = PREP_STOP;
			go_on();
		}
		kick_message_free(m);
	}
	kick_raise("receive");
}
