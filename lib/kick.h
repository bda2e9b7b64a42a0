/* libkick: OTP's processes for C programs, each of them a real Unix process.
 *
 *   int main(void)
 *   {
 *           kick_pid echo;
 *
 *           if (kick_start() < 0 || kick_spawn_link(run_echo, NULL, &echo) < 0)
 *                   return 1;
 *           ...
 *   }
 *
 * kick_start() makes a node: the process that called it stays behind as "kick:node",
 * which keeps the links, monitors and names, and the program goes on in a child of it.
 * Every function below may be called from then on, from one thread of each process.
 *
 * Errors are negative errno values; besides those below -ENOTCONN in a process that is
 * in no node, and -EINVAL for what is no name. Times are milliseconds;
 * KICK_INFINITY waits for ever. Reasons are texts: "normal", "shutdown",
 * "shutdown:TEXT", "killed", "exit:3", "signal:SIGSEGV", "noproc", or any other of at
 * most KICK_REASON_SIZE - 1 bytes (longer ones are cut). Messages are cJSON values:
 * what is passed in stays the caller's and is copied, what is handed out is the
 * caller's to free. Nothing is ever printed. */
#ifndef KICK_H
#define KICK_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KICK_API __attribute__((visibility("default")))

#define KICK_INFINITY INT64_C(-1)
#define KICK_REASON_SIZE 96

/* --- processes ----------------------------------------------------------------------
 */

/* A process, dead or alive: a value, never used for another one. */
typedef struct kick_pid {
	uint64_t node;
	uint64_t id; /* 0: none */
} kick_pid;

/* A monitor, a timer, a call. 0: none. It may have bit 63 set: no JSON number. */
typedef uint64_t kick_ref;

typedef struct kick_reason {
	char text[KICK_REASON_SIZE];
} kick_reason;

/* What a process does; when it returns, the process ends with reason "normal". */
typedef void kick_function(void *arg);

/* Makes this process the first one of a new node. Waits for the node. The caller's pid
 * changes: the process that was started waits as the node, passes TERM, INT, HUP, QUIT,
 * USR1 and USR2 on to the first process, ends everything when that one ends, and ends
 * with its status. -EBUSY: there are threads (they would be left behind); -EALREADY. */
KICK_API int kick_start(void);

/* Says that the program is up to the supervisor of kickd that started it with "link":
 * true, which waits for that; nothing without one. kick_server_run() and
 * kick_application_run() do it by themselves. Does not wait. */
KICK_API int kick_ready(void);

/* Whoever calls. erlang:self/0. */
KICK_API kick_pid kick_self(void);

KICK_API bool kick_pid_equal(kick_pid a, kick_pid b);

/* For messages: a string, and back (id 0 when it is none). */
KICK_API cJSON *kick_pid_to_json(kick_pid pid);
KICK_API kick_pid kick_pid_from_json(const cJSON *json);

/* Runs function(arg) in a process of its own, a copy of the caller as of fork(2), but
 * made by clone(2) without the handlers of pthread_atfork(3), and without its links,
 * messages and names. erlang:spawn/1, spawn_link/1, spawn_monitor/1. -EBUSY: the caller
 * has threads; -EAGAIN, -EMFILE, -ENOMEM. Does not wait for the function. */
KICK_API int kick_spawn(kick_function *function, void *arg, kick_pid *ret);
KICK_API int kick_spawn_link(kick_function *function, void *arg, kick_pid *ret);
KICK_API int kick_spawn_monitor(
	kick_function *function, void *arg, kick_pid *ret, kick_ref *ret_ref);

/* Ends the caller with this reason. erlang:exit/1: "kick_raise("kill")" is an ordinary
 * reason. What was opened with stdio is flushed; atexit(3) handlers do not run. */
#ifdef __cplusplus
[[noreturn]]
#else
_Noreturn
#endif
KICK_API void
kick_raise(const char *reason);

/* An exit signal. erlang:exit/2: "kill" cannot be trapped, "normal" does nothing to
 * another process that does not trap exits. 0 also when there is no such process. */
KICK_API int kick_exit(kick_pid pid, const char *reason);

/* Links are of both sides, and a set. A process that does not trap exits ends with the
 * reason of a linked one, unless that is "normal"; one that does gets a KICK_EXIT
 * message. To a process that is gone: -ESRCH, or for a caller that traps exits a
 * KICK_EXIT "noproc" and 0. erlang:link/1, unlink/1. */
KICK_API int kick_link(kick_pid pid);
KICK_API int kick_unlink(kick_pid pid);

/* process_flag(trap_exit, ...). Returns what it was before, or a negative errno. */
KICK_API int kick_trap_exit(bool on);

/* One KICK_DOWN message when the process ends, at once ("noproc") when it is gone.
 * erlang:monitor/2, demonitor/2; flush also removes a message that has come. */
KICK_API int kick_monitor(kick_pid pid, kick_ref *ret);
KICK_API int kick_demonitor(kick_ref ref, bool flush);

/* 1, 0 or a negative errno. */
KICK_API int kick_alive(kick_pid pid);

/* --- names --------------------------------------------------------------------------
 */

/* Names this process: 1 to 63 of A-Z a-z 0-9 _ . @ -. -EEXIST: taken. A name goes with
 * its process. erlang:register/2, unregister/1, whereis/1. */
KICK_API int kick_register(const char *name);
KICK_API int kick_unregister(const char *name);

/* -ESRCH: nobody. */
KICK_API int kick_whereis(const char *name, kick_pid *ret);

/* Whom a message is for. Names and keys must live as long as the value. */
typedef struct kick_dest {
	kick_pid pid;
	const char *name;     /* or NULL */
	const char *registry; /* or NULL: the name of a unique registry ... */
	const cJSON *key;     /* ... and a key in it */
	bool partitions;      /* registry is a partition supervisor instead */
} kick_dest;

KICK_API kick_dest kick_to(kick_pid pid);
KICK_API kick_dest kick_to_name(const char *name);

/* {via, Registry, {registry, key}}: who has registered this key. */
KICK_API kick_dest kick_via(const char *registry, const cJSON *key);

/* {via, PartitionSupervisor, {supervisor, key}}: see
 * kick_partition_supervisor_start_link.
 */
KICK_API kick_dest kick_partition(const char *supervisor, const cJSON *key);

/* Who is meant. -ESRCH: nobody. */
KICK_API int kick_resolve(kick_dest dest, kick_pid *ret);

/* --- messages -----------------------------------------------------------------------
 */

typedef enum kick_kind {
	KICK_MESSAGE, /* value; from: who sent it, of a timer who made that */
	KICK_EXIT,    /* from has ended, or sent an exit signal: reason */
	KICK_DOWN,    /* a monitor, ref: from has ended: reason */
	KICK_CALL,    /* value, to be answered with kick_reply({from, ref}) */
	KICK_CAST     /* value, of from */
} kick_kind;

/* Of a call: whom to answer. */
typedef struct kick_from {
	kick_pid pid;
	kick_ref ref;
} kick_from;

typedef struct kick_message {
	kick_kind kind;
	kick_pid from;
	kick_ref ref;
	const char *reason; /* NULL, or the message's */
	cJSON *value;	    /* NULL, or the message's; may be taken out (set it NULL) */
} kick_message;

/* True: this one. It must not call back into the library. */
typedef bool kick_match(const kick_message *m, void *user);

/* Sends a copy. Messages between two processes keep their order. Does not wait for the
 * receiver to take it; while the receiver has no room, waits and takes in what comes
 * for the caller meanwhile. To a process that is gone it is lost, which is no error; to
 * a name that nobody has, -ESRCH. A receiver takes messages in only when it looks for
 * one and has none that matches: what nobody looks for stays in the kernel's bounded
 * buffers, and its senders wait. -EMSGSIZE: more than 256 MiB of JSON. erlang:send/2.
 */
KICK_API int kick_send(kick_dest to, const cJSON *value);

/* The same, but -EAGAIN at once when the receiver has no room. */
KICK_API int kick_send_nowait(kick_dest to, const cJSON *value);

/* The same, but waits for room at most so long: -ETIMEDOUT. What was begun by then is
 * sent all the same. */
KICK_API int kick_send_timeout(kick_dest to, const cJSON *value, int64_t timeout_ms);

/* Takes the first message for which match holds (NULL: any) out of the mailbox; what
 * does not match stays in order. -ETIMEDOUT. *ret is freed with kick_message_free. */
KICK_API int kick_receive(
	kick_match *match, void *user, int64_t timeout_ms, kick_message **ret);
KICK_API void kick_message_free(kick_message *m);

/* Frees all messages that have come. How many there were. */
KICK_API int kick_flush(void);

/* For a program with an event loop of its own: a descriptor that is readable when
 * kick_receive() with time-out 0 is worth a call, after which it must be called until
 * -ETIMEDOUT. The library's. Negative errno. */
KICK_API int kick_fd(void);

/* Sends later, once or again and again; the node counts the time, also when the caller
 * ends (but not longer than the receiver lives). At most 32 KiB of JSON. erlang:
 * send_after/3, timer:send_interval/3, cancel_timer/1 and read_timer/1, of which the
 * latter two give the milliseconds that were left, or -ESRCH. */
KICK_API int kick_send_after(
	int64_t ms, kick_dest to, const cJSON *value, kick_ref *ret);
KICK_API int kick_send_interval(
	int64_t ms, kick_dest to, const cJSON *value, kick_ref *ret);
KICK_API int64_t kick_cancel_timer(kick_ref ref);
KICK_API int64_t kick_read_timer(kick_ref ref);

/* {"pid", "links": [...] (the first 1,000 of "n_links"), "monitors": N, "names": [...],
 * "messages": N (taken in, not looked at), "trap_exit", "os_pid", "state" ("running",
 * "waiting", "suspended", "exiting") and "memory" (bytes), the last two where there is
 * /proc: the caller's. NULL: there is no such process. erlang:process_info/1. */
KICK_API cJSON *kick_info(kick_pid pid);

/* The process dictionary. put takes value over (NULL: none) and frees the old one;
 * get's is the dictionary's. erlang:put/2, get/1. */
KICK_API int kick_put(const char *key, cJSON *value);
KICK_API const cJSON *kick_get(const char *key);

/* --- GenServer ----------------------------------------------------------------------
 */

typedef struct kick_server kick_server;

/* What a callback returns. Anything else ends the server: "bad_return_value". */
enum {
	KICK_OK = 0,
	KICK_IGNORE = 1, /* init only: ends normally, start returns KICK_IGNORE */
	KICK_STOP = 2	 /* after kick_server_stop(), which returns it */
};

/* Callbacks; NULL where there is nothing to do. They run one at a time in the server's
 * process. gen_server's. */
typedef struct kick_gen_server {
	/* Makes the state: kick_server_set_state(). args is the library's. */
	int (*init)(kick_server *s, const cJSON *args);
	/* Answers now or later with kick_reply(from, ...). Without: {"error":
	 * "undef"}. */
	int (*handle_call)(kick_server *s, kick_from from, const cJSON *request);
	int (*handle_cast)(kick_server *s, const cJSON *request);
	/* Every other message. "timeout" as its value: nothing came in time. */
	int (*handle_info)(kick_server *s, const kick_message *m);
	/* After kick_server_continue(), before any message. */
	int (*handle_continue)(kick_server *s, const cJSON *value);
	/* After a stop, a raise in another callback, and an exit signal of the parent
	 * when exits are trapped. */
	void (*terminate)(kick_server *s, const char *reason);
} kick_gen_server;

typedef struct kick_start_options {
	const char *name;   /* NULL: none */
	int64_t timeout_ms; /* of init; 0: none */
	bool trap_exit;
	const char *registry; /* NULL: none; else it registers there ... */
	const cJSON *key;     /* ... under this key, instead of a name */
} kick_start_options;

/* Starts a server and waits for its init. options may be NULL. 0, KICK_IGNORE, -EEXIST:
 * the name is taken (*ret is who has it); -ECANCELED: init stopped or died, *why says
 * for what reason (NULL: not of interest); -ETIMEDOUT: killed as init took too long.
 * gen_server:start_link/4, start/4. */
KICK_API int kick_server_start_link(const kick_gen_server *callbacks, const cJSON *args,
	const kick_start_options *options, kick_pid *ret, kick_reason *why);
KICK_API int kick_server_start(const kick_gen_server *callbacks, const cJSON *args,
	const kick_start_options *options, kick_pid *ret, kick_reason *why);

/* Makes the calling process the server, usually the first one of a program: its parent
 * is whoever started the program, kickd's supervisor with "link": true, which hears
 * when init has ended and whose exit signals, as well as SIGTERM, are the parent's.
 * Returns only when the name is taken: -EEXIST, or wrong: -EINVAL.
 * gen_server:enter_loop/3. */
KICK_API int kick_server_run(const kick_gen_server *callbacks, const cJSON *args,
	const kick_start_options *options, kick_reason *why);

/* Asks and waits for the answer, at most timeout_ms (usual: 5000). -ESRCH: nobody
 * there; -ECONNRESET: it ended before it answered, *why says for what reason;
 * -ETIMEDOUT: a late answer is dropped; -EDEADLK: the caller itself; -EMSGSIZE: more
 * than 256 MiB of JSON, to another program below the same kickd 60 KiB; -EREMOTEIO: an
 * agent or registry of kickd refuses it, *why. *ret may be NULL: dropped. A name that
 * is being started again is waited for (without a time-out: a minute).
 * gen_server:call/3; where OTP ends the caller, an error is returned here. */
KICK_API int kick_call(kick_dest to, const cJSON *request, int64_t timeout_ms,
	cJSON **ret, kick_reason *why);

/* gen_server:cast/2: 0 whether there is somebody or not. */
KICK_API int kick_cast(kick_dest to, const cJSON *request);

/* Answers a call; may be done later and by another process. gen_server:reply/2. */
KICK_API int kick_reply(kick_from from, const cJSON *value);

/* Has it terminate with the reason (usual: "normal") and waits for its end. -ESRCH,
 * -ETIMEDOUT (it goes on stopping), -ECONNRESET: it ended with another reason, *why.
 * gen_server:stop/3. */
KICK_API int kick_server_stop_call(
	kick_dest to, const char *reason, int64_t timeout_ms, kick_reason *why);

/* Within callbacks. The state is the server's owner's: nothing is freed. */
KICK_API void *kick_server_state(const kick_server *s);
KICK_API void kick_server_set_state(kick_server *s, void *state);

/* "return kick_server_stop(s, reason);": {stop, Reason, State}. With reply: the caller
 * is answered after terminate. */
KICK_API int kick_server_stop(kick_server *s, const char *reason);
KICK_API int kick_server_stop_reply(
	kick_server *s, const char *reason, kick_from from, const cJSON *reply);

/* handle_continue(value) before the next message. Returns KICK_OK; may be called at any
 * point of the callback. */
KICK_API int kick_server_continue(kick_server *s, const cJSON *value);

/* Gives unused memory back to the system; {ok, State, hibernate} and its like. */
KICK_API int kick_server_hibernate(kick_server *s);

/* handle_info("timeout") when no message comes for so long after this callback. Returns
 * KICK_OK. */
KICK_API int kick_server_timeout(kick_server *s, int64_t ms);

/* --- Supervisor ---------------------------------------------------------------------
 */

/* Starts a child in the supervisor's process and links it to it: usually one of the
 * start_link functions. args is the specification's. 0 and *ret, KICK_IGNORE, or a
 * negative errno and *why. */
typedef int kick_start_function(const cJSON *args, kick_pid *ret, kick_reason *why);

typedef enum kick_restart {
	KICK_PERMANENT,
	KICK_TRANSIENT,
	KICK_TEMPORARY
} kick_restart;

typedef enum kick_strategy {
	KICK_ONE_FOR_ONE,
	KICK_ONE_FOR_ALL,
	KICK_REST_FOR_ONE
} kick_strategy;

typedef enum kick_auto_shutdown {
	KICK_NEVER,
	KICK_ANY_SIGNIFICANT,
	KICK_ALL_SIGNIFICANT
} kick_auto_shutdown;

#define KICK_BRUTAL_KILL INT64_C(-2)

/* A child specification, OTP's supervisor:child_spec(). */
typedef struct kick_child_spec {
	const char *id; /* of a dynamic supervisor's: not of interest */
	kick_start_function *start;
	const cJSON *args; /* NULL: null */
	kick_restart restart;
	/* 0: 5 s, of a supervisor KICK_INFINITY; or KICK_BRUTAL_KILL */
	int64_t shutdown_ms;
	bool significant;
	bool supervisor;
} kick_child_spec;

/* OTP's supervisor:sup_flags(). */
typedef struct kick_supervisor_options {
	const char *name; /* NULL: none */
	kick_strategy strategy;
	/* Within max_seconds, UINT32_MAX: any number. One more is the end:
	 * "shutdown:max_restarts". */
	uint32_t max_restarts;
	double max_seconds;
	kick_auto_shutdown auto_shutdown; /* "shutdown:auto" */
	uint32_t max_children;		  /* of a dynamic supervisor; 0: any number */
} kick_supervisor_options;

/* What options of NULL mean. */
#define KICK_SUPERVISOR_DEFAULTS                              \
	{                                                     \
		NULL, KICK_ONE_FOR_ONE, 3, 5.0, KICK_NEVER, 0 \
	}

/* Starts a supervisor, which starts its children in order. As kick_server_start_link();
 * when a child cannot be started, those before it are stopped and *why is
 * "shutdown:failed_to_start:ID". -EINVAL: a specification is wrong. OTP:
 * supervisor:start_link/3; Elixir: DynamicSupervisor.start_link/1. */
KICK_API int kick_supervisor_start_link(const kick_supervisor_options *options,
	const kick_child_spec *specs, size_t n, kick_pid *ret, kick_reason *why);
KICK_API int kick_dynamic_supervisor_start_link(
	const kick_supervisor_options *options, kick_pid *ret, kick_reason *why);

/* Stops the children in reverse order, then the supervisor. -ESRCH. */
KICK_API int kick_supervisor_stop(kick_dest supervisor);

/* 0; -EEXIST: there is a running child of this id (*ret); -EALREADY: it is there, but
 * down; -ENOSPC: max_children; -ECANCELED: it could not be started, *why; KICK_IGNORE.
 * The start function must be of the program, or of a library that was loaded before
 * kick_start(). supervisor:start_child/2. These wait as long as it takes. All: -ESRCH:
 * no such supervisor; -ECONNRESET: it ended before it answered; -EDEADLK: it asks
 * itself; -EINVAL: a wrong specification. */
KICK_API int kick_supervisor_start_child(kick_dest supervisor,
	const kick_child_spec *spec, kick_pid *ret, kick_reason *why);

/* 0; -ESRCH: no such child; restart and delete: -EBUSY: it is running or being
 * restarted. terminate_child/2, restart_child/2, delete_child/2. */
KICK_API int kick_supervisor_terminate_child(kick_dest supervisor, const char *id);
KICK_API int kick_supervisor_restart_child(
	kick_dest supervisor, const char *id, kick_pid *ret, kick_reason *why);
KICK_API int kick_supervisor_delete_child(kick_dest supervisor, const char *id);

/* The same of a dynamic supervisor's child, which has no id. */
KICK_API int kick_dynamic_supervisor_terminate_child(
	kick_dest supervisor, kick_pid child);

/* [{"id", "pid": PID or null, "restarting": bool, "type"}], the last started first, and
 * {"specs", "active", "supervisors", "workers"}: the caller's. which_children/1,
 * count_children/1. */
KICK_API int kick_supervisor_which_children(kick_dest supervisor, cJSON **ret);
KICK_API int kick_supervisor_count_children(kick_dest supervisor, cJSON **ret);

/* --- PartitionSupervisor ------------------------------------------------------------
 */

/* The args of one partition, made of those of the specification: called for each, from
 * 0, in the starter's process. What it returns is taken over. NULL: the supervisor is
 * not started, -EINVAL. */
typedef cJSON *kick_partition_arguments(const cJSON *args, int partition);

/* Starts a supervisor of so many copies of a child (0: as many as there are
 * processors), whose ids are "0", "1", ...; the child's own id is of no interest, and
 * it may be a supervisor. options must have a name; auto_shutdown is KICK_NEVER.
 * with_arguments (NULL: all have the same args) gives them theirs for good: a restart
 * does not call it. As kick_supervisor_start_link(). PartitionSupervisor.start_link/1.
 *
 * kick_partition() is whom a key means: of a whole number up to 2^53 its absolute value
 * modulo the number of partitions; of any other JSON value its hash modulo that: FNV-1a
 * of 64 bits over the text as cJSON_PrintUnformatted() has it, in all versions. Each
 * use asks the supervisor once, and waits as long as it takes: a child must not do so
 * before it has started, nor as it is told to stop. -ESRCH: there is no such
 * supervisor, or that partition does not run, or there is none. */
KICK_API int kick_partition_supervisor_start_link(
	const kick_supervisor_options *options, const kick_child_spec *child,
	int partitions, kick_partition_arguments *with_arguments, kick_pid *ret,
	kick_reason *why);

/* How many there are now. -ESRCH; -EINVAL: it has no partitions. What else is asked of
 * a supervisor may be asked of this one. PartitionSupervisor.partitions/1. */
KICK_API int kick_partition_supervisor_partitions(kick_dest supervisor);

/* Has so many from now on, from 0 to those of the start (else -EINVAL): the last ones
 * are stopped, and stay as specifications, or are started again, in order. Waits until
 * that is done. How many there were; -ECANCELED: one could not be started, *why; keys
 * go by the new number all the same. PartitionSupervisor.resize!/2. */
KICK_API int kick_partition_supervisor_resize(
	kick_dest supervisor, int partitions, kick_reason *why);

/* --- Task ---------------------------------------------------------------------------
 */

/* What a task does, in a process of its own. Its value is taken over; NULL is null. */
typedef cJSON *kick_task_function(void *arg);

/* Of the process that called kick_task_async, which alone may ask for it. A value: it
 * may be copied, and nothing of it is to be freed. */
typedef struct kick_task {
	kick_pid pid;
	kick_ref monitor, ref;
	kick_pid owner;
} kick_task;

/* Starts a task that is linked to the caller and monitored by it. arg is in its copy of
 * the caller's memory. Errors as of kick_spawn(); -EINVAL: no function. A value of more
 * than 256 MiB of JSON ends the task with "emsgsize". Task.async/1. */
KICK_API int kick_task_async(kick_task_function *function, void *arg, kick_task *ret);

/* Not linked: a crash is told, but takes nobody with it, and the caller's end does not
 * stop it. Task.Supervisor.async_nolink/2 without its supervisor. */
KICK_API int kick_task_async_nolink(
	kick_task_function *function, void *arg, kick_task *ret);

/* Without a result. As kick_spawn_link() and kick_spawn(). Task.start_link/1,
 * Task.start/1. */
KICK_API int kick_task_start_link(
	kick_task_function *function, void *arg, kick_pid *ret);
KICK_API int kick_task_start(kick_task_function *function, void *arg, kick_pid *ret);

/* Waits for the result (usual: 5000 ms). 0 and *ret, the caller's (NULL: dropped);
 * -ECONNRESET: it ended without one, *why says for what reason; -ETIMEDOUT: it goes on,
 * what it returns later is dropped. Task.await/2; where Elixir ends the caller, an
 * error is returned here. After it the task is done with: whoever asks again gets
 * -ECONNRESET, "noproc". A link stays: a caller that traps exits gets its KICK_EXIT.
 * This and all that take a task: -EPERM: another process started it; -EINVAL: it is no
 * task, or no time. */
KICK_API int kick_task_await(
	const kick_task *task, int64_t timeout_ms, cJSON **ret, kick_reason *why);

/* All of them within timeout_ms, in the order of tasks; rets[i] are the caller's. As
 * soon as one has ended without a value -ECONNRESET and *why; after timeout_ms
 * -ETIMEDOUT; the values so far are freed then, and rets is untouched. After it all
 * tasks are done with. Each is to stand in the list once. Task.await_many/2. */
KICK_API int kick_task_await_many(const kick_task *tasks, size_t n, int64_t timeout_ms,
	cJSON **rets, kick_reason *why);

/* As await, but after -ETIMEDOUT it may be asked again. Task.yield/2. */
KICK_API int kick_task_yield(
	const kick_task *task, int64_t timeout_ms, cJSON **ret, kick_reason *why);

/* What becomes of the tasks that still run. */
typedef enum kick_on_timeout {
	KICK_TIMEOUT_NOTHING, /* they may be asked again */
	KICK_TIMEOUT_IGNORE,  /* kick_task_ignore() */
	KICK_TIMEOUT_KILL     /* kick_task_shutdown() with KICK_BRUTAL_KILL */
} kick_on_timeout;

typedef struct kick_yield_options {
	size_t limit; /* it is enough when so many have ended; 0: all */
	kick_on_timeout on_timeout;
} kick_yield_options;

typedef struct kick_task_outcome {
	int result;	 /* 0, -ECONNRESET or -ETIMEDOUT, as of kick_task_yield() */
	cJSON *value;	 /* of 0: the caller's; else NULL */
	kick_reason why; /* of -ECONNRESET; else "" */
} kick_task_outcome;

/* Waits at most timeout_ms until all or, with a limit, so many have ended, and tells of
 * each, in the order of tasks. How many have ended, or a negative errno (outcomes then
 * hold nothing). When the limit is reached in time, on_timeout does not matter.
 * options may be NULL. Each task is to stand in the list once. Task.yield_many/2. */
KICK_API int kick_task_yield_many(const kick_task *tasks, size_t n, int64_t timeout_ms,
	const kick_yield_options *options, kick_task_outcome *outcomes);

/* Unlinks it, has it end and waits for that: 0 and *ret, the caller's (NULL: dropped),
 * when it had replied; -ECANCELED: it has ended as it was told; -ECONNRESET: for
 * another reason, *why ("noproc": it was done with, and is gone). After timeout_ms
 * (usual: 5000) it is killed, which is another reason; KICK_BRUTAL_KILL: at once, which
 * is not. Task.shutdown/2. */
KICK_API int kick_task_shutdown(
	const kick_task *task, int64_t timeout_ms, cJSON **ret, kick_reason *why);

/* Lets it go on, unlinked; what it has returned or returns later is dropped. Does not
 * wait for it. Task.ignore/1. */
KICK_API int kick_task_ignore(const kick_task *task);

typedef struct kick_stream_options {
	size_t max_concurrency; /* 0: as many as there are processors */
	bool unordered;		/* results as they come */
	int64_t timeout_ms;	/* of each element; 0: 5000 */
	bool kill_on_timeout;	/* and go on; else the stream fails */
} kick_stream_options;

/* Called for each element, in the caller: r, ret and why as of kick_task_await, or
 * -ETIMEDOUT and "timeout" of one that was killed (ret and why stay the library's).
 * False: no more, what runs is ended. */
typedef bool kick_stream_result(
	size_t i, int r, const cJSON *ret, const char *why, void *user);

/* Runs function for each of the n args in tasks that are linked to the caller, so many
 * at a time, and returns when each has returned or is gone. 0, or -ETIMEDOUT when one
 * took too long, of which result is not told; -EINVAL. A crash ends the caller with it,
 * unless it traps exits: then result is told, and no KICK_EXIT is left. What is done
 * before its turn comes is kept until then. Task.async_stream/3. */
KICK_API int kick_task_async_stream(kick_task_function *function, void *const *args,
	size_t n, const kick_stream_options *options, kick_stream_result *result,
	void *user);

/* --- Task.Supervisor ----------------------------------------------------------------
 */

/* What a supervised task does: it is started by its supervisor, so that arg is the
 * starter's as a copy, and the function must be of the program, or of a library that
 * was loaded before kick_start(). Its value is taken over; NULL is null. */
typedef cJSON *kick_supervised_function(const cJSON *arg);

/* A dynamic supervisor of tasks. options may be NULL; as
 * kick_dynamic_supervisor_start_link(), and all that is asked of one may be asked of
 * it. Task.Supervisor.start_link/1. */
KICK_API int kick_task_supervisor_start_link(
	const kick_supervisor_options *options, kick_pid *ret, kick_reason *why);

/* Starts a task whose value nobody wants. Usual: KICK_TEMPORARY, shutdown_ms 0, which
 * is 5 s; arg may be NULL. When it is restarted, it gets the same arg. ret and why may
 * be NULL. As kick_supervisor_start_child(): -ENOSPC at max_children, -ESRCH.
 * Task.Supervisor.start_child/3. */
KICK_API int kick_task_supervisor_start_child(kick_dest supervisor,
	kick_supervised_function *function, const cJSON *arg, kick_restart restart,
	int64_t shutdown_ms, kick_pid *ret, kick_reason *why);

/* Starts a task that is linked to the caller and to the supervisor and monitored by
 * the caller, who then has it as of kick_task_async(). Waits for the supervisor. Errors
 * as above, and -EMSGSIZE. Task.Supervisor.async/3. */
KICK_API int kick_task_supervisor_async(kick_dest supervisor,
	kick_supervised_function *function, const cJSON *arg, int64_t shutdown_ms,
	kick_task *ret);

/* Not linked to the caller: neither end ends the other. One whose caller ends before
 * it has its function ends with "shutdown:REASON". Task.Supervisor.async_nolink/3. */
KICK_API int kick_task_supervisor_async_nolink(kick_dest supervisor,
	kick_supervised_function *function, const cJSON *arg, int64_t shutdown_ms,
	kick_task *ret);

/* The pids of those that run: the caller's. Task.Supervisor.children/1. */
KICK_API int kick_task_supervisor_children(kick_dest supervisor, cJSON **ret);

/* Stops one, and waits for its end. -ESRCH: it is none of its. Task.Supervisor.
 * terminate_child/2. */
KICK_API int kick_task_supervisor_terminate_child(kick_dest supervisor, kick_pid task);

/* --- Agent --------------------------------------------------------------------------
 */

/* Runs within the agent, one at a time. state is the agent's; what is returned is taken
 * over: by get the answer, by update the new state, by get_and_update the list
 * [ANSWER, NEW STATE]. state itself may be returned, or be in that list, and get and
 * update may return a part of it. NULL, or another list: the agent ends with
 * "bad_return_value". args is a copy of the caller's (NULL: null). */
typedef cJSON *kick_agent_function(cJSON *state, const cJSON *args);

/* A process that keeps a value. function(NULL, args) makes the first one. Errors and
 * waiting as of kick_server_start_link(); -EINVAL: no function. Functions must be
 * there, at the same address, in both processes: what dlopen(3) has brought in after
 * the agent began cannot be called. Agent.start_link/2. */
KICK_API int kick_agent_start_link(kick_agent_function *function, const cJSON *args,
	const kick_start_options *options, kick_pid *ret, kick_reason *why);

/* Errors, time (ms, usual: 5000) and *ret (the caller's) as of kick_call(); a function
 * that ends the agent is -ECONNRESET and *why. After -ETIMEDOUT the agent finishes what
 * it was told. Agent.get/3, update/3, get_and_update/3. */
KICK_API int kick_agent_get(kick_dest agent, kick_agent_function *function,
	const cJSON *args, int64_t timeout_ms, cJSON **ret, kick_reason *why);
KICK_API int kick_agent_update(kick_dest agent, kick_agent_function *function,
	const cJSON *args, int64_t timeout_ms, kick_reason *why);
KICK_API int kick_agent_get_and_update(kick_dest agent, kick_agent_function *function,
	const cJSON *args, int64_t timeout_ms, cJSON **ret, kick_reason *why);

/* An update that nobody waits for: 0 whether there is an agent or not. Agent.cast/2. */
KICK_API int kick_agent_cast(
	kick_dest agent, kick_agent_function *function, const cJSON *args);

/* Agent.stop/3. As kick_server_stop_call(). */
KICK_API int kick_agent_stop(
	kick_dest agent, const char *reason, int64_t timeout_ms, kick_reason *why);

/* --- Registry -----------------------------------------------------------------------
 */

typedef enum kick_registry_keys {
	KICK_UNIQUE,
	KICK_DUPLICATE
} kick_registry_keys;

/* A process that knows others by keys, which are any JSON values; the order of an
 * object's members does not matter. Who registers is linked to it until its last key is
 * gone; entries go with their process, a moment later (not told to listeners).
 * listeners: names of processes, told of each register and unregister call by messages
 * ["register", REGISTRY, KEY, PID, VALUE] and ["unregister", REGISTRY, KEY, PID],
 * unless they have no room. One process serves all keys: there are no partitions.
 * Errors and waiting as of kick_server_start_link(). Stopped with
 * kick_server_stop_call(). Registry.start_link/1. */
KICK_API int kick_registry_start_link(const char *name, kick_registry_keys keys,
	const char *const *listeners, size_t n_listeners, kick_pid *ret,
	kick_reason *why);

/* All below wait as long as the registry takes. -ESRCH: there is no such registry;
 * -ECONNRESET: it ended before it answered; -EPROTO: that is no registry; -EINVAL: no
 * key.
 *
 * Registers the caller; value may be NULL: null. -EEXIST: the key is taken (unique),
 * *holder (NULL: not of interest) has it, perhaps the caller itself. Unregister removes
 * all of the caller's entries under the key and nobody else's: 0 also when there is
 * none. Registry.register/3, unregister/2. */
KICK_API int kick_registry_register(
	const char *registry, const cJSON *key, const cJSON *value, kick_pid *holder);
KICK_API int kick_registry_unregister(const char *registry, const cJSON *key);

/* [{"pid", "value"}], in the order of registration; the keys of a process, each as
 * often as it is registered; the values under a key of a process: the caller's to free.
 * What a process has that is ending may still be listed. Registry.lookup/2, keys/2,
 * values/3. */
KICK_API int kick_registry_lookup(const char *registry, const cJSON *key, cJSON **ret);
KICK_API int kick_registry_keys_of(const char *registry, kick_pid pid, cJSON **ret);
KICK_API int kick_registry_values(
	const char *registry, const cJSON *key, kick_pid pid, cJSON **ret);

/* [{"key", "pid", "value"}], key by key in the order of registration: of one key or of
 * all (NULL), and whose value matches pattern (NULL: any). An object matches one that
 * has all its members, each matched; anything else what is equal. *ret is the caller's.
 * There are no match specifications. Registry.match/3, select/2. */
KICK_API int kick_registry_match(
	const char *registry, const cJSON *key, const cJSON *pattern, cJSON **ret);

/* How many they are, or a negative errno. Registry.count_match/3. */
KICK_API int kick_registry_count_match(
	const char *registry, const cJSON *key, const cJSON *pattern);

/* Removes those entries of the caller under the key. Registry.unregister_match/3. */
KICK_API int kick_registry_unregister_match(
	const char *registry, const cJSON *key, const cJSON *pattern);

/* How many entries there are, or a negative errno. Registry.count/1. */
KICK_API int kick_registry_count(const char *registry);

/* The caller's own entry under a key of a unique registry gets another value; *old
 * (NULL: dropped) is the caller's. -ENOENT: it has none; -EINVAL: a duplicate registry.
 * Registry.update_value/3. */
KICK_API int kick_registry_update_value(
	const char *registry, const cJSON *key, const cJSON *value, cJSON **old);

/* Calls back, here, for each entry under the key; value stays the library's. The call
 * may do what it likes, also to the registry. Registry.dispatch/3. */
typedef void kick_registry_entry(kick_pid pid, const cJSON *value, void *user);
KICK_API int kick_registry_dispatch(
	const char *registry, const cJSON *key, kick_registry_entry *entry, void *user);

/* Values of the registry itself, under keys of their own; they go when it ends. put
 * with NULL removes. get: *ret is the caller's; -ENOENT: there is none.
 * Registry.put_meta/3, delete_meta/2, meta/2. */
KICK_API int kick_registry_put_meta(
	const char *registry, const cJSON *key, const cJSON *value);
KICK_API int kick_registry_get_meta(
	const char *registry, const cJSON *key, cJSON **ret);

/* Runs function(user), here, while no other process is in such a call with the same key
 * of the registry; those that wait get their turn in order. Whoever ends, however, lets
 * go. Locks have nothing to do with entries. -ETIMEDOUT: it was not free within
 * timeout_ms (KICK_INFINITY: waits for ever); -EDEADLK: the caller has it. When the
 * registry ends meanwhile, its locks do, too. Registry.lock/3. */
typedef void kick_registry_locked(void *user);
KICK_API int kick_registry_lock(const char *registry, const cJSON *key,
	int64_t timeout_ms, kick_registry_locked *function, void *user);

/* --- Application --------------------------------------------------------------------
 */

/* A part of a program that is started and stopped as a whole: a top process, usually a
 * supervisor, and all below it. OTP's application resource file and callback module. */
typedef struct kick_application {
	const char *name; /* as of kick_register() */
	/* Names of those that have to run before; ends with NULL. Or NULL. */
	const char *const *applications;
	/* Starts the top process: 0 and *ret; anything else is a failed start, and *why
	 * its reason. The type of the start is always OTP's normal. */
	kick_start_function *start;
	void (*prep_stop)(void); /* before the top process is told to stop; or NULL */
	void (*stop)(void);	 /* when it has ended, however it did; or NULL */
	const cJSON *args;	 /* for start; NULL: null */
	const cJSON *env;	 /* usual configuration, an object; or NULL */
} kick_application;

/* All below may be called by any process. The first call starts a process, the
 * controller, with a copy of what the caller has in memory; it is linked to the first
 * process of the node. Each application gets a process of its own from it, the master,
 * which traps exits and calls start, prep_stop and stop, one after the other.
 *
 * When the top process ends by itself, for the reason R: a KICK_TEMPORARY application
 * has ended, and that is all; so has a KICK_TRANSIENT one when R is "normal". Any other
 * R of a KICK_TRANSIENT one ("shutdown" too), and any R of a KICK_PERMANENT one, takes
 * the program down: all applications are stopped, the last one first, and the
 * controller ends with reason "application_terminated:NAME:R". So does a start that has
 * failed for the reason R: "application_start_failure:NAME:R". Nothing that has ended
 * is started again. application_controller, application_master. */

/* Waits until start has returned, however long that takes; others are served meanwhile,
 * and who starts the same one waits for the same. Everything is copied. 0; -EEXIST: it
 * runs; -ESRCH: it needs one that does not run, *why: "not_started:NAME"; -ECANCELED:
 * start has failed or the master died, *why says for what reason; -ESHUTDOWN: all are
 * being stopped; -EDEADLK: it is its own master that asks; -EINVAL: app is wrong;
 * -ECONNRESET. why may be NULL. Errors of kick_server_start() when there was no
 * controller. application:start/2. */
KICK_API int kick_application_start(
	const kick_application *app, kick_restart type, kick_reason *why);

/* Starts each of the n that does not run, and before it those of them that it needs.
 * *ret (NULL: not of interest): the names of those it has started, in order, the
 * caller's. When one cannot be started, those that have been are stopped, the last one
 * first, and the error is that of kick_application_start(); -ELOOP: they need each
 * other. application:ensure_all_started/2. */
KICK_API int kick_application_ensure_all_started(const kick_application *apps, size_t n,
	kick_restart type, cJSON **ret, kick_reason *why);

/* Calls prep_stop, sends the top process an exit signal "shutdown", waits for its end,
 * however long that takes, and calls stop. The program goes on, whatever the type was,
 * and so do those that need this one. What prep_stop or stop raise does not matter.
 * Whatever else the application has spawned is killed then. Waits for all this. 0;
 * -ESRCH: it does not run; -EDEADLK: prep_stop or stop asks. A process of the
 * application that calls it may not live to hear the answer. application:stop/1. */
KICK_API int kick_application_stop(const char *name);

/* [{"name", "state": "starting", "running" or "stopping", "type", "master": PID, "top":
 * PID or null}], the last one first: the caller's. application:which_applications/0. */
KICK_API int kick_application_which(cJSON **ret);

/* Of which application the caller is: who has been spawned by one of its processes is,
 * too. The library's; NULL: of none. application:get_application/0. */
KICK_API const char *kick_application_name(void);

/* A value of the configuration, as a copy that is the caller's: what set_env has given
 * the key; else the variable of this name in the caller's environment: a number, true,
 * false, null where it is that in JSON, else a string; else what is in the env of the
 * application, once that has been started. app NULL: the caller's own. -ENOENT: there
 * is none; -EINVAL: no key. Waits for the controller, if there is one. application:
 * get_env/2. */
KICK_API int kick_application_get_env(const char *app, const char *key, cJSON **ret);

/* For all processes of the node, as long as the controller lives: it outlives the
 * application. NULL: what was set is so no more. application:set_env/3, unset_env/2. */
KICK_API int kick_application_set_env(
	const char *app, const char *key, const cJSON *value);

/* What a program of applications does after kick_start(): as
 * kick_application_ensure_all_started(), then it is up, as kick_ready() says, and
 * waits. It ends
 *
 *   when the supervisor of kickd that started it with "link": true says so, or by
 *   SIGTERM once it is up: all applications are stopped, the last one first, those that
 *   are still starting are killed; with that reason, "shutdown": status 0;
 *   when a start has failed, in the same way, with "application_start_failure:NAME:R",
 *   and when an application takes the program down, with its reason: status 1;
 *   after kick_stop().
 *
 * All other messages to the caller are dropped. Returns only when it cannot begin:
 * -EPERM: that is not the first process; -EINVAL; or the errors of kick_server_start().
 */
KICK_API int kick_application_run(
	const kick_application *apps, size_t n, kick_restart type);

/* Has a program in kick_application_run() stop all applications and end with this
 * status, 0 to 255. Does not wait. -ESRCH: nothing has been started. init:stop/1. */
KICK_API int kick_stop(int status);

#ifdef __cplusplus
}
#endif

#endif
