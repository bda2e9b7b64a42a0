/* What every integration test stands on: a directory of its own, a kickd in it, and
 * waits that end with an event or with a clear failure after IT_SECONDS.
 *
 * A test is a process of its own with one tree in it, so all this is one state and the
 * functions take no handle. The process is a child subreaper: what escapes from kickd
 * arrives here, and each test ends by showing that nothing has (tree_down, tree_ends).
 *
 * A failed check shows what kickd has said, kills what is left and ends the test. */
#ifndef KICK_IT_HARNESS_H
#define KICK_IT_HARNESS_H

#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define IT_SECONDS 15

/* A test with the harness around it. */
#define CASE(suite, name) \
	Test(suite, name, .init = it_begin, .fini = it_finish, .timeout = 90)

#define WORKER(id) "{'id':'" id "','start':['./h','stay']}"
#define CHILD(id, more, ...) "{'id':'" id "'," more ",'start':['./h'," __VA_ARGS__ "]}"

/* Fails the test, with the message, unless cond holds. */
#define check(cond, ...)                                          \
	do {                                                      \
		if (!(cond))                                      \
			it_fail(__FILE__, __LINE__, __VA_ARGS__); \
	} while (0)

/* As check, but the test goes on: for the rows of a table. expected() after the last
 * row fails the test for all that did not hold. */
#define expect(cond, ...)                               \
	do {                                            \
		if (!(cond))                            \
			it_note(__LINE__, __VA_ARGS__); \
	} while (0)

void expected(void);

void it_begin(void);
void it_note(int line, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void it_finish(void);
_Noreturn void it_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Passes the test at once, counted as skipped. */
_Noreturn void it_skip(const char *name, const char *reason);

/* Skips the test unless we are root and another user may execute what was built: a
 * checkout below /root hides it. */
void it_need_other_users(const char *name);

/* --- the directory -------------------------------------------------------------------
 * Programs run in it; "./h" is the helper. Names of files are relative to it. */

/* Static until the next call. */
const char *it_path(const char *name);
const char *it_runtime_dir(void);

/* Where the programs are: $KICK_OUT. */
const char *it_programs(void);

/* As printf writes it. */
void put_file(const char *name, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* JSON where ' stands for ". */
void put_json(const char *name, const char *text);

void make_fifo(const char *name);

/* Opens a FIFO for writing: whoever stands at this gate goes on. */
void open_gate(const char *name);

/* Lines of a file, 0 without it; the pid in its last line, 0 without it. */
int lines_in(const char *name);
pid_t pid_in(const char *name);
bool file_has(const char *name, const char *text);

/* --- programs ------------------------------------------------------------------------
 */

struct job;

/* Starts a program of $KICK_OUT ("kick", "kickd"), or one by its path, with arguments
 * as in a shell line, split at spaces, ' for ". It belongs to the harness. */
struct job *begin(const char *program, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* What those processes do from now on just before they become the program. */
void begin_with(void (*call)(void));

pid_t job_pid(const struct job *job);
bool job_ended(const struct job *job);

/* Waits for its end; its exit status, 128 + N for a signal. */
int finish(struct job *job);

const char *job_out(const struct job *job);
const char *job_err(const struct job *job);

/* begin and finish. */
int run(const char *program, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* kick -R DIR ... */
int kick(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
struct job *kick_begin(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same, and it must end with this status. */
void kick_gives(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What the last run or kick has printed. */
const char *last_out(void);
const char *last_err(void);

/* --- the tree ------------------------------------------------------------------------
 */

/* Writes app.json, starts kickd on it, waits for READY=1. */
void tree_up(const char *config);

/* Only starts it; options as for begin, "" for none. */
void tree_start(const char *config, const char *options);
void tree_ready(void);

/* What the process does just before it becomes kickd. */
void tree_before_exec(void (*call)(void));

/* Sends a signal to kickd. */
void tree_signal(int sig);
pid_t tree_pid(void);

/* The logger's process; how many processes of the helper there are. */
pid_t logger_pid(void);
int helpers_alive(void);

/* From now on nobody reads kickd's stdout and stderr. */
void tree_deafen(void);

/* TERM, and the end with 0. */
void tree_down(void);

/* Waits for its end: this status, no process left, no runtime directory. */
void tree_ends(int status);

/* kickd was killed: waits until every process below has ended by itself. */
void tree_orphaned(void);

/* What kickd and the workers have printed, and what kickd told its starter. */
const char *tree_out(void);
const char *tree_err(void);
const char *tree_notified(void);

/* --- waiting -------------------------------------------------------------------------
 */

typedef bool condition(const void *arg);

/* Until it holds; looks again whenever anything has arrived. */
void await(condition *holds, const void *arg, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Handles what has arrived, waiting for it until the deadline (it_deadline). False when
 * that has passed. */
bool it_pump(double deadline);
double it_now(void);
double it_deadline(void);

/* Until kickd's stdout (a worker's line) or stderr contains it. */
void await_out(const char *text);
void await_err(const char *text);
void await_lines(const char *file, int n);

/* A worker that says "count FILE" has been started n times by now, and no more often.
 */
void check_starts(const char *file, int n);

/* Until a process, not a child of ours, has ended. */
void await_gone(pid_t pid);
bool is_alive(pid_t pid);

/* --- events --------------------------------------------------------------------------
 */

struct event {
	char event[16];
	char path[128];
	char reason[128];
	pid_t pid;
};

/* Follows the events of the logger, from the first that it still knows. */
void events_follow(void);

/* The n-th event of this kind and path, from 1. */
const struct event *await_event(const char *event, const char *path, int n);
int events_seen(const char *event, const char *path);

/* Until the incarnation with this pid has ended; the event says why. */
const struct event *await_end(pid_t pid);

/* Until path is ready again after the end of the incarnation with this pid; the new
 * pid. */
pid_t await_next(const char *path, pid_t pid);

/* Ends and readiness since the end of this pid: "-b -c +b +c". Static. */
const char *trail(pid_t pid);

/* --- nodes, by kick status --json
 * ------------------------------------------------------
 */

/* The caller frees it (cJSON_Delete). */
cJSON *node_of(const char *path);
pid_t pid_of(const char *path);
int restarts_of(const char *path);

/* Static until the next call: state, and the reason of the last exit or "". */
const char *state_of(const char *path);
const char *reason_of(const char *path);

void await_state(const char *path, const char *state);

/* The tree answers, and this child runs. */
void check_alive(const char *path);

/* --- /proc ---------------------------------------------------------------------------
 */

/* /proc/PID/name, "" when it is not there. Static until the next call. */
const char *read_of(pid_t pid, const char *name);
int entries_of(pid_t pid, const char *name);

/* Stops it by a signal, which takes effect when its threads next run, and waits for
 * that. */
void halt(pid_t pid);

/* The thread beside the first; the children of one thread. Static until the next call.
 */
pid_t other_thread(pid_t pid);
const char *children_of(pid_t pid, pid_t thread);

#endif
