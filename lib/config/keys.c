/* The tables, and the one loop that goes by them. */
#include "config/keys.h"

#include <string.h>
#include <sys/resource.h>

#include "base/limits.h"
#include "base/macro.h"
#include "base/names.h"
#include "config/values.h"

#define KEYS_MAX 64

/* The largest count of a limit; above, a double is not exact. */
#define LIMIT_MAX 9007199254740992.0

#define DRAFT(field) offsetof(struct draft_child, field)
#define CONFIG(field) offsetof(struct draft_config, field)
#define BACKOFF(field) offsetof(struct backoff, field)
#define PROBE(field) offsetof(struct draft_probe, spec.field)
#define SOCKET(field) offsetof(struct draft_socket, field)

#define ENUM(what, list) .noun = (what), .names = (list), .n_names = ARRAY_LEN(list)

#define S_BOOL "{\"type\":\"boolean\"}"
#define S_STRING "{\"type\":\"string\",\"minLength\":1}"
#define S_STRINGS "{\"type\":\"array\",\"items\":{\"type\":\"string\",\"minLength\":1}}"
#define S_REF(def) "{\"$ref\":\"#/$defs/" def "\"}"
#define S_TRUE "{\"const\":true}"
#define S_ANY                                                                \
	"{\"type\":[\"object\",\"array\",\"string\",\"number\",\"boolean\"," \
	"\"null\"]}"

static const char *const on_give_up_names[] = { "exit", "restart" };
static const char *const kill_mode_names[] = { "mixed", "group" };
static const char *const registry_keys_names[] = { "unique", "duplicate" };

/* clang-format off */
static const struct key top_rows[] = {
	{ "$schema", value_ignored, IN_TOP, .schema = "{\"type\":\"string\"}",
	  .doc = "where an editor finds the schema; not looked at" },
	{ "name", value_id, IN_TOP, .offset = CONFIG(name), .schema = S_REF("id"),
	  .doc = "the application, and its top supervisor; default: the file's name "
		 "without .json" },
	{ "env", value_env, IN_TOP, .offset = CONFIG(env), .schema = S_REF("env"),
	  .def = "{}", .doc = "variables for every child" },
	{ "include", top_include, IN_TOP, .offset = CONFIG(include),
	  .schema = S_STRINGS, .def = "[]",
	  .doc = "more files: arrays of children, or objects with children and env" },
	{ "control", top_control, IN_TOP, .schema = S_REF("control"),
	  .doc = "who may use the control sockets besides the owner" },
	{ "on_give_up", value_enum, IN_TOP, .offset = CONFIG(on_give_up),
	  ENUM("on_give_up", on_give_up_names), .def = "\"exit\"",
	  .doc = "what happens when the top supervisor has given up" },
	{ "shutdown", value_duration, IN_TOP, KEY_INFINITY | KEY_NUMBER_MS,
	  .offset = CONFIG(shutdown_ns), .schema = S_REF("stop_time"),
	  .def = "\"infinity\"", .doc = "deadline of the whole ordered stop" },
	{ "listen", top_listen, IN_TOP, .offset = CONFIG(listen),
	  .schema = S_REF("sockets"), .def = "{}",
	  .doc = "listening sockets by name, kept open for the children that name them" },
	{ .name = "log", .in = IN_TOP },
};

static const struct key include_rows[] = {
	{ "$schema", value_ignored, IN_TOP, .schema = "{\"type\":\"string\"}" },
	{ "env", value_env, IN_TOP, .offset = CONFIG(env), .schema = S_REF("env") },
	{ "children", sup_children, IN_TOP, KEY_LAST, .offset = CONFIG(top),
	  .schema = S_REF("children") },
	{ .name = "include", .read = include_nested, .in = IN_TOP },
	{ "listen", top_listen, IN_TOP, .offset = CONFIG(listen),
	  .schema = S_REF("sockets") },
	{ .name = "log", .in = IN_TOP },
};

static const struct key child_rows[] = {
	{ "id", value_id, IN_CHILD, .offset = DRAFT(id), .schema = S_REF("id"),
	  .doc = "unique among siblings; a part of the path" },
	{ "type", value_enum, IN_CHILD, .offset = DRAFT(policy.type),
	  ENUM("child type", child_type_names), .def = "\"worker\"",
	  .doc = "a program, a supervisor with children of its own, a registry of "
		 "names, or an agent that keeps a value" },
	{ "start", child_start, IN_PROGRAM, .schema = S_REF("start"),
	  .doc = "the program and its arguments, or a text for /bin/sh -c; of a "
		 "supervisor: its children are in the program's code" },
	{ "args", child_args, IN_ARGS, KEY_LAST | KEY_NO_SCHEMA,
	  .doc = "appended to the template's start" },
	{ "restart", value_enum, IN_CHILD, .offset = DRAFT(policy.restart),
	  ENUM("restart type", restart_type_names), .def = "\"permanent\"",
	  .doc = "when it is started again; a one-shot is transient by default" },
	{ "shutdown", value_duration, IN_CHILD, KEY_INFINITY | KEY_KILL | KEY_NUMBER_MS,
	  .offset = DRAFT(policy.shutdown_ns), .schema = S_REF("shutdown"),
	  .doc = "how long a stop may take; default 5s, of supervisors infinity" },
	{ "significant", value_bool, IN_CHILD, .offset = DRAFT(policy.significant),
	  .schema = S_BOOL, .def = "false", .doc = "its end counts for auto_shutdown" },
	{ "autostart", value_bool, IN_CHILD, .offset = DRAFT(policy.autostart),
	  .schema = S_BOOL, .def = "true", .doc = "false: known, started by hand" },
	{ "cwd", child_cwd, IN_PROGRAM, .schema = S_STRING,
	  .doc = "working directory; default: kickd's own" },
	{ "env", value_env, IN_PROGRAM, .offset = DRAFT(env), .schema = S_REF("env"),
	  .def = "{}", .doc = "variables for this child" },
	{ "env_file", child_env_file, IN_PROGRAM, .schema = S_REF("env_file"),
	  .def = "[]",
	  .doc = "files with KEY=VALUE lines, read at each start" },
	{ "user", value_text, IN_PROGRAM, .offset = DRAFT(user_name), .schema = S_STRING,
	  .doc = "who it runs as, name or number" },
	{ "group", value_text, IN_PROGRAM, .offset = DRAFT(group_name),
	  .schema = S_STRING,
	  .doc = "group, name or number; default: the user's" },
	{ "groups", child_groups, IN_PROGRAM, .schema = S_STRINGS,
	  .doc = "supplementary groups; default: the user's" },
	{ "umask", child_umask, IN_PROGRAM, .schema = S_REF("mode"),
	  .doc = "file mode creation mask, octal; default: kickd's own" },
	{ "nice", child_nice, IN_PROGRAM, .offset = DRAFT(attrs.nice), .min = -20,
	  .max = 19, .schema = "{\"type\":\"integer\",\"minimum\":-20,\"maximum\":19}",
	  .doc = "niceness; default: kickd's own" },
	{ "oom_score_adj", child_oom_score_adj, IN_PROGRAM,
	  .offset = DRAFT(attrs.oom_score_adj), .min = -1000, .max = 1000,
	  .schema = "{\"type\":\"integer\",\"minimum\":-1000,\"maximum\":1000}",
	  .doc = "whom the kernel kills first when memory is out; default: kickd's own" },
	{ "limits", child_limits, IN_PROGRAM, .schema = S_REF("limits"), .def = "{}",
	  .doc = "resource limits by ulimit's names; default: kickd's own" },
	{ "no_new_privileges", value_bool, IN_PROGRAM,
	  .offset = DRAFT(attrs.no_new_privileges), .schema = S_BOOL, .def = "false",
	  .doc = "set-uid programs and file capabilities give it nothing" },
	{ "capabilities", child_capabilities, IN_PROGRAM, .schema = S_REF("capabilities"),
	  .doc = "what it keeps of them, all others are lost; default: as kickd's, and "
		 "none for another user" },
	{ "cgroup", child_cgroup, IN_PROGRAM, .schema = S_REF("cgroup"),
	  .doc = "limits of its control group, which kick must be allowed to make" },
	{ "stop_signal", child_signal, IN_WORKER, .schema = S_STRING,
	  .def = "\"SIGTERM\"",
	  .doc = "what asks it to stop" },
	{ "reload_signal", child_reload_signal, IN_PROGRAM, .schema = S_STRING,
	  .doc = "what kick reload NAME sends; default: none" },
	{ "kill_mode", value_enum, IN_PROGRAM, .offset = DRAFT(kill_mode),
	  ENUM("kill_mode", kill_mode_names),
	  .doc = "whom the stop signal goes to; default mixed, group when start is a "
	  "text" },
	{ "success_exit", child_success, IN_PROGRAM, .schema = S_REF("success_exit"),
	  .def = "[]", .doc = "exit codes and signals that are normal ends besides 0" },
	{ "stdin", child_stdio, IN_PROGRAM, .offset = DRAFT(stdio[0]), .min = 0,
	  .schema = S_REF("stdin"), .def = "\"null\"", .doc = "standard input" },
	{ "stdout", child_stdio, IN_PROGRAM, .offset = DRAFT(stdio[1]), .min = 1,
	  .schema = S_REF("stdout"), .def = "\"log\"", .doc = "standard output" },
	{ "stderr", child_stdio, IN_PROGRAM, .offset = DRAFT(stdio[2]), .min = 1,
	  .schema = S_REF("stdout"), .def = "\"log\"", .doc = "standard error" },
	{ "listen", child_listen, IN_PROGRAM, .schema = S_REF("socket_names"),
	  .def = "[]",
	  .doc = "names of listening sockets, handed over as LISTEN_FDS" },
	{ "backoff", child_backoff, IN_CHILD, .schema = S_REF("backoff"),
	  .doc = "the wait before automatic restarts; default: none" },
	{ "start_timeout", value_duration, IN_CHILD, KEY_INFINITY | KEY_POSITIVE,
	  .offset = DRAFT(policy.start_timeout_ns), .schema = S_REF("timeout"),
	  .doc = "how long a start may take; default 30s, of supervisors and one-shots "
		 "infinity" },
	{ "ready", child_ready, IN_WORKER, .schema = S_REF("ready"),
	  .doc = "when it counts as started; default: when exec has succeeded" },
	{ "health", child_health, IN_PROGRAM, .schema = S_REF("health"),
	  .doc = "how it is asked, while it runs, whether it is well; default: it is "
		 "not" },
	{ "link", value_bool, IN_PROGRAM, .offset = DRAFT(link), .schema = S_BOOL,
	  .doc = "the program speaks libkick; default false, of supervisors true" },

	{ "strategy", value_enum, IN_ANY_SUP, .offset = DRAFT(sup.policy.strategy),
	  ENUM("strategy", strategy_names), .def = "\"one_for_one\"",
	  .doc = "which children are restarted when one has ended" },
	{ "max_restarts", value_count, IN_ANY_SUP, KEY_INFINITY,
	  .offset = DRAFT(sup.policy.max_restarts), .min = 0, .max = KICK_RESTARTS_MAX,
	  .schema = S_REF("max_restarts"), .def = "3",
	  .doc = "restarts within max_seconds that are allowed" },
	{ "max_seconds", value_seconds, IN_ANY_SUP,
	  .offset = DRAFT(sup.policy.max_seconds_ns), .min = 1e-9, .max = 1e9,
	  .schema = "{\"type\":\"number\",\"exclusiveMinimum\":0,"
		    "\"maximum\":1000000000}",
	  .def = "5", .doc = "the period of max_restarts, in seconds" },
	{ "auto_shutdown", value_enum, IN_ANY_SUP,
	  .offset = DRAFT(sup.policy.auto_shutdown), ENUM("auto_shutdown",
	  auto_shutdown_names), .def = "\"never\"",
	  .doc = "whether the end of significant children ends the supervisor" },
	{ "children", sup_children, IN_SUP | IN_TOP, KEY_LAST,
	  .schema = S_REF("children"),
	  .def = "[]", .doc = "the children, in start order" },
	{ "child", sup_child, IN_DYNAMIC | IN_PARTITION, KEY_LAST,
	  .schema = S_REF("template"),
	  .doc = "template of the children that are added; of a "
		 "partition_supervisor: what each partition is" },
	{ "partitions", value_count, IN_PARTITION,
	  .offset = DRAFT(sup.partitions), .min = 1, .max = KICK_CHILDREN_MAX,
	  .schema = S_REF("partitions"),
	  .doc = "how many copies of child there are; default: one for each "
		 "processor" },
	{ "max_children", value_count, IN_DYNAMIC, KEY_INFINITY,
	  .offset = DRAFT(sup.policy.max_children), .min = 0, .max = KICK_CHILDREN_MAX,
	  .schema = S_REF("max_children"), .def = "\"infinity\"",
	  .doc = "how many children it may have at a time" },

	{ "initial", child_initial, IN_AGENT, .schema = S_ANY, .def = "null",
	  .doc = "the value that an agent begins with, unless its file has one" },
	{ "file", child_file, IN_AGENT, .schema = S_STRING,
	  .doc = "where an agent keeps its value; default: nowhere" },
	{ "keys", value_enum, IN_REGISTRY, .offset = DRAFT(registry_keys),
	  ENUM("kind of keys", registry_keys_names), .def = "\"unique\"",
	  .doc = "whether a key of a registry has one process or many" },

	{ .name = "log", .in = IN_CHILD },
};

static const struct key control_rows[] = {
	{ "group", top_group, IN_TOP, .offset = CONFIG(control_group),
	  .schema = S_STRING,
	  .doc = "a group that may do what the owner may" },
	{ "mode", top_mode, IN_TOP, .schema = S_REF("mode"), .def = "\"0600\"",
	  .doc = "mode of the sockets, octal; 0660 with a group, 0666 with readers" },
	{ "readers", top_group, IN_TOP, .offset = CONFIG(control_readers),
	  .schema = S_STRING,
	  .doc = "a group that may look but not touch" },
};

static const struct key socket_rows[] = {
	{ "address", socket_address, IN_TOP, .schema = S_REF("socket_address"),
	  .doc = "tcp://IP:PORT, udp://IP:PORT or unix:PATH" },
	{ "backlog", value_count, IN_TOP, .offset = SOCKET(backlog), .min = 1,
	  .max = KICK_BACKLOG_MAX,
	  .schema = S_REF("backlog"), .def = "4096",
	  .doc = "how many connections may wait; the kernel's somaxconn bounds it too" },
	{ "mode", socket_mode, IN_TOP, .schema = S_REF("mode"), .def = "\"0666\"",
	  .doc = "mode of a Unix socket, octal" },
};

static const struct key backoff_rows[] = {
	{ "initial", value_duration, IN_CHILD, KEY_POSITIVE, BACKOFF(initial_ns),
	  .schema = S_REF("duration"), .def = "\"1s\"", .doc = "the first wait" },
	{ "max", value_duration, IN_CHILD, KEY_POSITIVE, BACKOFF(max_ns),
	  .schema = S_REF("duration"), .def = "\"30s\"", .doc = "the longest wait" },
	{ "factor", value_real, IN_CHILD, 0, BACKOFF(factor), 1, 1000,
	  .schema = "{\"type\":\"number\",\"minimum\":1,\"maximum\":1000}", .def = "2",
	  .doc = "each wait is this many times the one before" },
	{ "jitter", value_real, IN_CHILD, 0, BACKOFF(jitter), 0, 1,
	  .schema = "{\"type\":\"number\",\"minimum\":0,\"maximum\":1}", .def = "0.1",
	  .doc = "each wait is made longer or shorter by up to this part" },
	{ "reset_after", value_duration, IN_CHILD, 0, BACKOFF(reset_after_ns),
	  .schema = S_REF("duration"), .def = "\"60s\"",
	  .doc = "a run of this length makes the next failure the first again" },
};

static const struct key ready_rows[] = {
	{ "notify", value_true, IN_WORKER, KEY_ONE_OF, .schema = S_TRUE,
	  .doc = "READY=1 on NOTIFY_SOCKET" },
	{ "fd", value_byte, IN_WORKER, KEY_ONE_OF, .offset = DRAFT(ready_fd),
	  .min = KICK_READY_FD_MIN, .max = KICK_READY_FD_MAX,
	  .schema = S_REF("ready_fd"),
	  .doc = "a newline on this descriptor" },
	{ "exit", value_true, IN_WORKER, KEY_ONE_OF, .schema = S_TRUE,
	  .doc = "a one-shot: ready when it has ended normally" },
	{ "log", ready_log, IN_WORKER, KEY_ONE_OF, .offset = DRAFT(ready_log),
	  .schema = S_REF("line"), .doc = "it prints a line that contains this" },
};

static const struct key health_rows[] = {
	{ "watchdog", way_watchdog, IN_PROGRAM, KEY_ONE_OF | KEY_POSITIVE,
	  PROBE(interval_ns), .schema = S_REF("duration"),
	  .doc = "WATCHDOG=1 must come on NOTIFY_SOCKET at least so often" },
	{ "retries", value_count, IN_PROGRAM, KEY_PROBING, PROBE(retries), 1, 1000,
	  .schema = "{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000}",
	  .def = "3", .doc = "so many probes in a row must fail" },
};

static const struct key probe_rows[] = {
	{ "tcp", way_tcp, IN_PROGRAM, KEY_ONE_OF | KEY_PROBING,
	  .schema = S_REF("address"),
	  .doc = "it can be connected to at this host:port" },
	{ "http", way_http, IN_PROGRAM, KEY_ONE_OF | KEY_PROBING,
	  .schema = S_REF("url"), .doc = "a GET is answered with 200 to 399" },
	{ "exec", way_exec, IN_PROGRAM, KEY_ONE_OF | KEY_PROBING,
	  .schema = S_REF("start"),
	  .doc = "this program, run as the child is, ends with status 0" },
	{ "interval", value_duration, IN_PROGRAM, KEY_POSITIVE | KEY_PROBING,
	  PROBE(interval_ns), .schema = S_REF("duration"),
	  .doc = "from one probe to the next; default 1s, of health 10s" },
	{ "timeout", value_duration, IN_PROGRAM, KEY_POSITIVE | KEY_PROBING,
	  PROBE(timeout_ns), .schema = S_REF("duration"),
	  .doc = "how long one probe may take; default 1s, of health 5s" },
};
static const struct key limits_rows[] = {
	{ "as", limits_one, IN_PROGRAM, .offset = RLIMIT_AS,
	  .schema = S_REF("limit_size"), .doc = "address space" },
	{ "core", limits_one, IN_PROGRAM, .offset = RLIMIT_CORE,
	  .schema = S_REF("limit_size"), .doc = "size of a core file" },
	{ "cpu", limits_one, IN_PROGRAM, .offset = RLIMIT_CPU,
	  .schema = S_REF("limit_time"), .doc = "processor time" },
	{ "data", limits_one, IN_PROGRAM, .offset = RLIMIT_DATA,
	  .schema = S_REF("limit_size"), .doc = "data segment and heap" },
	{ "fsize", limits_one, IN_PROGRAM, .offset = RLIMIT_FSIZE,
	  .schema = S_REF("limit_size"), .doc = "size of a file that it writes" },
	{ "memlock", limits_one, IN_PROGRAM, .offset = RLIMIT_MEMLOCK,
	  .schema = S_REF("limit_size"), .doc = "locked memory" },
	{ "msgqueue", limits_one, IN_PROGRAM, .offset = RLIMIT_MSGQUEUE,
	  .schema = S_REF("limit_size"), .doc = "POSIX message queues of the user" },
	{ "nice", limits_one, IN_PROGRAM, .offset = RLIMIT_NICE, .max = 40,
	  .schema = S_REF("limit_nice"), .doc = "how far the niceness may be lowered: to 20 minus this" },
	{ "nofile", limits_one, IN_PROGRAM, .offset = RLIMIT_NOFILE, .min = 1, .max = LIMIT_MAX,
	  .schema = S_REF("limit_nofile"), .doc = "open descriptors" },
	{ "nproc", limits_one, IN_PROGRAM, .offset = RLIMIT_NPROC, .max = LIMIT_MAX,
	  .schema = S_REF("limit_count"), .doc = "processes of the user" },
	{ "rss", limits_one, IN_PROGRAM, .offset = RLIMIT_RSS,
	  .schema = S_REF("limit_size"), .doc = "nothing, since Linux 2.4.30" },
	{ "rtprio", limits_one, IN_PROGRAM, .offset = RLIMIT_RTPRIO, .max = 99,
	  .schema = S_REF("limit_rtprio"), .doc = "real-time priority" },
	{ "rttime", limits_one, IN_PROGRAM, .offset = RLIMIT_RTTIME,
	  .schema = S_REF("limit_time"), .doc = "processor time without a system call that blocks, when real-time" },
	{ "sigpending", limits_one, IN_PROGRAM, .offset = RLIMIT_SIGPENDING, .max = LIMIT_MAX,
	  .schema = S_REF("limit_count"), .doc = "queued signals of the user" },
	{ "stack", limits_one, IN_PROGRAM, .offset = RLIMIT_STACK,
	  .schema = S_REF("limit_size"), .doc = "stack of the main thread" },
	{ "locks", limits_locks, IN_PROGRAM, .flags = KEY_NO_SCHEMA,
	  .doc = "refused: kick keeps its mark there" },
};

static const struct key cgroup_rows[] = {
	{ "memory_max", cgroup_size, IN_PROGRAM,
	  .schema = "{\"anyOf\":[{\"type\":\"integer\",\"minimum\":1,\"maximum\":"
		    "9007199254740992},{\"type\":\"string\",\"pattern\":"
		    "\"^0*[1-9][0-9]*([Bb]|[KMGTkmgt]([Ii]?[Bb])?)?$\"}]}",
	  .doc = "memory of all its processes" },
	{ "cpu_max", cgroup_cpus, IN_PROGRAM, .min = 0.01, .max = 100000,
	  .schema = "{\"type\":\"number\",\"minimum\":0.01,\"maximum\":100000}",
	  .doc = "processors: 0.5 is half the time of one" },
	{ "pids_max", cgroup_pids, IN_PROGRAM, .min = 1, .max = 4194304,
	  .schema = "{\"type\":\"integer\",\"minimum\":1,\"maximum\":4194304}",
	  .doc = "processes and threads" },
};

static const struct key limit_rows[] = {
	{ "soft", limit_half, IN_PROGRAM, .offset = 0 },
	{ "hard", limit_half, IN_PROGRAM, .offset = 1 },
};
/* clang-format on */

static_assert(ARRAY_LEN(child_rows) <= KEYS_MAX, "key_use.failed has a bit per row");

const struct key_table top_keys = { top_rows, ARRAY_LEN(top_rows) };
const struct key_table include_keys = { include_rows, ARRAY_LEN(include_rows) };
const struct key_table child_keys = { child_rows, ARRAY_LEN(child_rows) };
const struct key_table control_keys = { control_rows, ARRAY_LEN(control_rows) };
const struct key_table socket_keys = { socket_rows, ARRAY_LEN(socket_rows) };
const struct key_table backoff_keys = { backoff_rows, ARRAY_LEN(backoff_rows) };
const struct key_table ready_keys = { ready_rows, ARRAY_LEN(ready_rows) };
const struct key_table limits_keys = { limits_rows, ARRAY_LEN(limits_rows) };
const struct key_table cgroup_keys = { cgroup_rows, ARRAY_LEN(cgroup_rows) };
const struct key_table limit_keys = { limit_rows, ARRAY_LEN(limit_rows) };
const struct key_table health_keys = { health_rows, ARRAY_LEN(health_rows) };
const struct key_table probe_keys = { probe_rows, ARRAY_LEN(probe_rows) };

const struct key *key_find(const struct key_table *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++) {
		if (strcmp(t->keys[i].name, name) == 0)
			return &t->keys[i];
	}
	return NULL;
}

static bool is_allowed(const struct key *k, unsigned in)
{
	return k->read && (in == 0 || (k->in & in));
}

static bool is_main_key(const char *name)
{
	const struct key *k = key_find(&child_keys, name);

	return key_find(&top_keys, name) || (k && (k->in & IN_TOP));
}

static void say_unknown(struct parse *p, const cJSON *v, const struct key_use *uses,
	size_t n, unsigned in)
{
	const char *names[2 * KEYS_MAX];
	const char *suggestion;
	char quoted[DIAG_QUOTE_MAX];
	size_t n_names = 0;

	if (uses[0].table == &include_keys && is_main_key(v->string)) {
		diag_key_error(p->diag, p->doc, v,
			"\"%s\" is a key of the main file, not of an included one",
			v->string);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < uses[i].table->n; j++) {
			const struct key *k = &uses[i].table->keys[j];

			if (is_allowed(k, in) && n_names < ARRAY_LEN(names))
				names[n_names++] = k->name;
		}
	}
	suggestion = names_suggest(names, n_names, v->string);
	diag_key_error(p->diag, p->doc, v, "unknown key %s%s%s%s",
		diag_quote_text(v->string, quoted),
		suggestion ? "; did you mean \"" : "", suggestion ? suggestion : "",
		suggestion ? "\"?" : "");
}

const char *key_link_mistake(const char *name)
{
	if (strcmp(name, "ready") == 0)
		return "it is ready when its init has ended";
	if (strcmp(name, "stop_signal") == 0)
		return "it is told to stop over its link";
	return NULL;
}

static const char *subject_of(const struct key *k, unsigned in)
{
	switch (in) {
	case IN_WORKER:
		return "a worker";
	case IN_CODE:
		return "a supervisor with \"start\"";
	case IN_AGENT:
		return "an agent";
	case IN_REGISTRY:
		return "a registry";
	case IN_DYNAMIC:
		return "a dynamic_supervisor";
	case IN_PARTITION:
		return "a partition_supervisor";
	default:
		return k->in & IN_CODE ? "a supervisor without \"start\""
				       : "a supervisor";
	}
}

/* Whose key it is; none of a program. */
static const char *owner_of(const struct key *k)
{
	if (k->in & IN_AGENT)
		return "an agent";
	if (k->in & IN_REGISTRY)
		return "a registry";
	if (k->in & IN_SUP)
		return "supervisors";
	if (!(k->in & IN_DYNAMIC))
		return "a partition_supervisor";
	return k->in & IN_PARTITION ? "a dynamic_supervisor or partition_supervisor"
				    : "a dynamic_supervisor";
}

/* Why a known key may not stand in a child of this shape. */
static void say_not_here(
	struct parse *p, const cJSON *v, const struct key *k, unsigned in)
{
	const char *who = subject_of(k, in), *name = k->name;

	if (in == IN_CODE && key_link_mistake(name))
		diag_key_error(p->diag, p->doc, v, "%s has no \"%s\": %s", who, name,
			key_link_mistake(name));
	else if (in == IN_CODE && (k->in & IN_ANY_SUP))
		diag_key_error(p->diag, p->doc, v,
			"%s has no \"%s\": its children are in its code", who, name);
	else if ((k->in & IN_PROGRAM) && (in & (IN_AGENT | IN_REGISTRY)))
		diag_key_error(p->diag, p->doc, v,
			"%s has no \"%s\": it runs no program; \"%s\" is for workers",
			who, name, name);
	else if (k->in & IN_PROGRAM)
		diag_key_error(p->diag, p->doc, v,
			"%s has no \"%s\": it runs no program of its own; \"%s\" is "
			"for its children",
			who, name, name);
	else if (in == IN_DYNAMIC && (k->in & IN_SUP))
		diag_key_error(p->diag, p->doc, v,
			"%s has no \"%s\": they are added while it runs, \"child\" is "
			"their template",
			who, name);
	else if (in == IN_PARTITION && (k->in & IN_SUP))
		diag_key_error(p->diag, p->doc, v,
			"%s has no \"%s\": they are copies of its \"child\"", who,
			name);
	else
		diag_key_error(p->diag, p->doc, v,
			"%s has no \"%s\": it is a key of %s%s", who, name, owner_of(k),
			in == IN_WORKER ? "; is \"type\" missing?" : "");
}

static void say_misplaced(
	struct parse *p, const cJSON *v, const struct key *k, unsigned in)
{
	if (k->in == IN_ARGS)
		diag_key_error(p->diag, p->doc, v,
			"\"args\" is only for a child that a dynamic_supervisor makes "
			"from its template");
	else if (in == IN_TOP)
		diag_key_error(p->diag, p->doc, v,
			"\"%s\" is a key of a child, not of the application", k->name);
	else
		say_not_here(p, v, k, in & ~(unsigned)IN_ARGS);
}

static const struct key *find_in(const struct key_use *uses, size_t n, const char *name,
	unsigned in, size_t *ret_use)
{
	const struct key *found = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct key *k = key_find(uses[i].table, name);

		/* A row that fits wins over one that would only explain. */
		if (k && (!found || (in && (k->in & in) && !(found->in & in)))) {
			found = k;
			*ret_use = i;
		}
	}
	return found;
}

static uint64_t row_bit(const struct key_use *u, const struct key *k)
{
	return UINT64_C(1) << (k - u->table->keys);
}

/* One member; those with KEY_LAST in the second round, all complaints in the first. */
static void read_member(struct parse *p, const cJSON *v, struct key_use *uses, size_t n,
	unsigned in, bool is_last_round)
{
	size_t use = 0;
	const struct key *k = find_in(uses, n, v->string, in, &use);

	if (k && is_allowed(k, in)) {
		struct key_use *u = &uses[use];

		if (((k->flags & KEY_LAST) != 0) != is_last_round)
			return;
		if (!k->read(p, k, v, u->base))
			u->failed |= row_bit(u, k);
		return;
	}
	if (is_last_round)
		return;
	if (k)
		uses[use].failed |= row_bit(&uses[use], k);
	if (!k)
		say_unknown(p, v, uses, n, in);
	else if (!k->read)
		diag_key_error(p->diag, p->doc, v,
			"\"%s\" is not supported yet by this version of kick", k->name);
	else
		say_misplaced(p, v, k, in);
}

void keys_read(
	struct parse *p, const cJSON *obj, struct key_use *uses, size_t n, unsigned in)
{
	for (const cJSON *v = obj->child; v; v = v->next)
		read_member(p, v, uses, n, in, false);
	for (const cJSON *v = obj->child; v; v = v->next)
		read_member(p, v, uses, n, in, true);
}

bool keys_have(const struct key_use *use, const cJSON *obj, const char *name)
{
	const struct key *k = key_find(use->table, name);

	return k && json_get(obj, name) && !(use->failed & row_bit(use, k));
}
