/* What the files of a supervisor process share with each other, and nobody else. See
 * supervisor.h for which is which. */
#ifndef KICK_OTP_INTERNAL_H
#define KICK_OTP_INTERNAL_H

#include "base/err.h"
#include "otp/supervisor.h"

/* supervisor.c */
void supervisor_settle(struct supervisor *sv); /* carries out all effects */
/* While all is ending: what can wait is done together, in a moment. */
void supervisor_tick(struct supervisor *sv);
/* Ends this process, once nothing is left below it. */
void supervisor_leave(struct supervisor *sv);
struct supervised *supervised_new(struct supervisor *sv, const struct child_spec *spec);
void supervised_free(struct supervised *c);

static inline struct supervised *supervised_of(struct child *c)
{
	return container_of(c, struct supervised, core);
}

/* A supervisor process of ours; else a program or a service. */
static inline bool is_supervisor(const struct supervised *c)
{
	return spec_sup(c->spec) != NULL;
}

/* worker.c */
void worker_start(struct supervised *c);
void worker_stop(struct supervised *c);
void worker_kill(struct supervised *c);
/* The program of a probe, with the child's environment, user and directory, the mark
 * `mark`, and `output` for what it prints. Negative errno, with *why for people. */
struct probe_spec;
int worker_spawn_probe(struct supervised *c, const struct probe_spec *spec,
	uint64_t mark, int output, struct proc *ret, char *why, size_t size);

/* attrs_text.c */
/* Of a start that failed for limits or capabilities; false: it was something else. */
bool attrs_failure(const struct supervised *c, const struct spawn_failure *fail,
	char *text, size_t size);
/* Once in a child's life: it runs, but without what was only a wish. */
void attrs_note(struct supervised *c, const struct spawn_failure *fail);

/* groups.c */
/* A group's directory as a path. */
#define GROUP_PATH_MAX 4096
/* For the start of a program: its group is there, or it can do without. */
int group_prepare(struct supervised *c, struct spawn_request *req, struct buf *paths,
	struct err *why);
/* It could not enter the group, and has been executed outside. */
void group_refused(struct supervised *c, int code);
void group_kill(const struct supervised *c);
void group_each(
	const struct supervised *c, void (*call)(void *user, pid_t pid), void *user);
void group_remove(struct supervised *c);
/* Each has the other's from now on. */
void group_swap(struct supervised *a, struct supervised *b);
/* Of a supervisor that is lost: the groups of all that was below it, and who is left.
 */
void group_sweep(const struct supervised *c);

/* nested.c: the same for what has a link: supervisors, agents and registries, which are
 * kick's own processes, and programs that speak libkick */
struct nested {
	struct link link;
	struct supervised *child;
	int listen;		/* its control socket; kept over its lives */
	uint32_t socket;	/* ... and the socket's name */
	struct reason *exiting; /* what it said of its end, or NULL */
	int exit_status;	/* what the root is to end with, or -1 */
	uint32_t children_up;	/* below it, when it was ready */
	uint32_t heard;		/* messages of a program */
	bool reloading;
	bool lost; /* it has ended without a word */
};

int nested_new(struct supervised *c);
void nested_free(struct supervised *c);
void nested_start(struct supervised *c);
/* For the start of a program: its name is there, *ret_ours and *ret_theirs are the ends
 * of a new link, on which the first message lies. */
int nested_prepare(struct supervised *c, int *ret_ours, int *ret_theirs);
/* It runs: takes our end. */
void nested_adopt(struct supervised *c, int ours);
void nested_close(struct supervised *c);
void nested_stop(struct supervised *c);
void nested_kill(struct supervised *c);
/* An exit signal over the link. 0 or a negative errno. */
int nested_exit(struct supervised *c, const char *reason);
void nested_reload(struct supervised *c, int fd);
/* Down for good? Then its name ends. */
void nested_look(struct supervised *c);
/* Its process has been reaped: takes what it said last. */
void nested_ended(struct supervised *c, struct reason *reason);

/* exits.c */
void exits_reap(struct supervisor *sv, pid_t first);
/* Signals to what bears the child's mark and is ours, its main process apart. */
void exits_stop_left(struct supervised *c);
void exits_kill_left(struct supervised *c);
/* Kills what is left of the tree below this process. False: nothing is. */
bool exits_any_left(struct supervisor *sv);
int pids_reserve(struct pid_table *t, uint32_t n);
void pids_add(struct pid_table *t, struct supervised *c);
void pids_remove(struct pid_table *t, const struct supervised *c);
struct supervised *pids_find(const struct pid_table *t, pid_t pid);

/* listening.c */
/* The sockets that the child gets are fit for use. False: it is started when they are.
 */
bool listening_ready(struct supervised *c);
/* Its descriptors (room for KICK_CHILD_SOCKETS_MAX), and "a:b:c". -ENOENT with *err. */
int listening_collect(const struct supervised *c, int *fds, uint32_t *ret_n,
	struct buf *ret_names, struct err *err);
/* The first socket that its program was given and has not open: closed, or lost in an
 * exec. NULL: none, or that cannot be seen. */
const char *listening_lost(const struct supervised *c);
/* Told to stop while its start waits. */
void listening_leave(struct supervised *c);
/* Tells the parent of sockets that nobody here uses any more. */
void listening_look(struct supervisor *sv);
/* A supervisor below has told that it uses a socket, or does not any more; it begins a
 * life, and is up in it. */
void listening_heard(struct supervised *by, bool is_used, const char *name);
void listening_begins(const struct supervised *by);
void listening_is_up(const struct supervised *by);
/* A child has ended, perhaps to come back; it is forgotten. */
void listening_is_down(const struct supervised *c);
void listening_is_gone(const struct supervised *c);
/* What the parent of this process knows of its sockets is not known of ours. */
void listening_forget(void);
/* A socket from above, which is taken over, for us and for those below; or that there
 * is none. */
void listening_arrived(
	struct supervisor *sv, const struct link_message *m, const char *text, int fd);

/* pipes.c */
int output_open(struct supervised *c, int stream);
void output_close(struct supervised *c);

/* readiness.c */
int readiness_new(struct supervised *c, struct spawn_request *req);
/* For a line of its output; before output_open. */
int readiness_watch(struct supervised *c);
void readiness_spawned(struct supervised *c);
void readiness_free(struct supervised *c);

/* notify.c */
int notify_new(struct supervised *c, struct buf *variable);
void notify_free(struct supervised *c);
/* Each has the other's from now on. */
void notify_swap(struct supervised *a, struct supervised *b);
/* Takes what has been said by now. */
void notify_drain(struct supervised *c);
/* The process that was started has ended: c->main goes on in its place. */
bool notify_take_over(const struct supervised *c);

/* prober.c */
int prober_new(struct supervised *c);
void prober_free(struct supervised *c);
void prober_for_ready(struct supervised *c);
void prober_for_health(struct supervised *c);
void prober_stop(struct supervised *c);
/* c->spec is the new one. */
void prober_reloaded(struct supervised *c, const struct child_spec *old);
/* Something of a probe's program is left. */
bool prober_has_rest(const struct supervised *c);
bool prober_has_watchdog(const struct supervised *c);
/* It says so itself. */
void prober_is_alive(struct supervised *c);
void prober_is_ill(struct supervised *c);
void prober_is_ending(struct supervised *c);
void prober_set_watchdog(struct supervised *c, int64_t ns);

/* report.c */
/* at: of EVENT_RESTARTING, when; else ignored. */
void report_event(
	struct supervisor *sv, struct supervised *c, enum sup_event event, int64_t at);
/* flags: NOTICE_LAST_LINE, NOTICE_IMPORTANT. */
void report_message(struct supervisor *sv, const char *path, uint32_t flags,
	const char *fmt, ...) KICK_PRINTF(4, 5);
/* What a program says will be shown to people: no control characters. */
void report_make_plain(char *text);
void report_killed(struct supervised *c);
void report_flush(struct supervisor *sv);
/* At the end of a turn of the loop: flushes, now or soon. */
void report_turn(struct supervisor *sv);
/* A pipe for the logger, directly. 0, or -EAGAIN: it could not be told now. */
int report_pipe(
	struct supervisor *sv, const char *path, int stream, uint64_t id, int fd);

/* A watch for the logger, with the pipe that it is to tell. 0 or a negative errno. */
int report_watch(
	struct supervisor *sv, const char *path, const char *text, uint64_t id, int fd);

/* reloading.c */
void reloading_begin(struct supervisor *sv, int fd);
void reloading_failed(struct supervisor *sv, struct supervised *c);
void reloading_answer(struct supervisor *sv, int64_t failed, const char *text);
void reloading_look(struct supervisor *sv); /* everything arrived? then tell */

#endif
