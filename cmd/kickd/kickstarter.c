/* See kickstarter.h. Named after the process of the courses that traps the exit of the
 * HTTP server and starts it anew. What is to be done when the top supervisor has ended
 * is decided in verdict.c; this file sees it end, makes sure that nothing is left, and
 * does it. */
#include "kickstarter.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/num.h"
#include "control/protocol.h"
#include "logkeeper.h"
#include "notify.h"
#include "os/reap.h"
#include "os/roles.h"
#include "os/sock.h"
#include "otp/listening.h"
#include "otp/process.h"
#include "otp/supervisor.h"
#include "sockkeeper.h"
#include "status.h"
#include "verdict.h"

/* A second TERM or INT hurries when it comes this long after the first. */
#define SECOND_SIGNAL_NS SEC_NS

/* The logger gets this long to write out what there is. */
#define LOGGER_NS (2 * SEC_NS + SEC_NS / 2)

struct kickstarter {
	const struct kickstarter_start *start;
	struct node node;
	struct loop *loop;
	const struct config *config;
	struct logkeeper log;
	struct sockkeeper sockets;
	struct proc top;
	struct link link;
	int listen;
	uint64_t top_mark;
	struct supervisor_life life;
	struct verdict_state verdicts;
	struct verdict_facts facts; /* of the top supervisor that runs */
	int64_t top_started;
	bool lingering; /* it has ended; something of the tree is left */
	bool grace_over;
	bool said_up; /* the first "children up" line is out */
	bool ordered, hurried;
	int64_t ordered_at;
	int status;	/* what kickd ends with */
	bool finishing; /* only the logger is left */
	bool finished;
	struct timer deadline; /* of the ordered stop */
	struct timer again;    /* the wait before the tree is started anew */
	struct timer grace;    /* of orphaned supervisors */
	struct confproc conf;  /* of a reload, while it runs or is applied */
	bool reloading;
	bool dry_run;
	bool asked; /* by a request with this id; else by HUP */
	uint64_t ask_id;
};

static int start_top(struct kickstarter *k);

static const char *name(const struct kickstarter *k)
{
	return REL_STR(k->config->name);
}

/* --- the end ------------------------------------------------------------------------
 */

static void on_logger_late(struct timer *t, int64_t now)
{
	struct kickstarter *k = container_of(t, struct kickstarter, deadline);

	(void)now;
	if (k->log.proc.pid)
		(void)kill(k->log.proc.pid, SIGKILL);
	else
		k->finished = true;
}

static void finish(struct kickstarter *k, int status)
{
	k->status = k->hurried ? k->status : status;
	k->finishing = true;
	loop_disarm(k->loop, &k->again);
	logkeeper_finish(&k->log);
	k->deadline.call = on_logger_late;
	loop_arm(k->loop, &k->deadline, loop_now(k->loop) + LOGGER_NS);
	if (k->log.proc.pid == 0)
		k->finished = true;
}

/* --- stopping -----------------------------------------------------------------------
 */

static void order(struct kickstarter *k, enum link_kind kind)
{
	struct link_message m = { .kind = kind };

	if (k->top.pid)
		(void)link_send(&k->link, &m, "shutdown", -1);
}

static void hurry(struct kickstarter *k, int status)
{
	if (k->hurried || k->finishing)
		return;
	logkeeper_say(
		"%s: killing what is left; ending with status %d", name(k), status);
	k->hurried = true;
	k->ordered = true;
	k->facts.ordered = true;
	k->status = status;
	loop_disarm(k->loop, &k->deadline);
	order(k, LINK_HURRY);
	if (!k->top.pid && !k->lingering)
		finish(k, status);
}

static void on_deadline(struct timer *t, int64_t now)
{
	struct kickstarter *k = container_of(t, struct kickstarter, deadline);

	(void)now;
	logkeeper_say(
		"%s has not stopped within its shutdown time; killing what is left",
		name(k));
	hurry(k, STATUS_HURRIED);
}

static void shut_down(struct kickstarter *k)
{
	int64_t time = k->start->shutdown_ns >= 0 ? k->start->shutdown_ns
						  : k->config->shutdown_ns;
	int64_t now = loop_now(k->loop);

	if (k->ordered)
		return;
	k->ordered = true;
	k->ordered_at = now;
	k->facts.ordered = true;
	notify_starter("STOPPING=1");
	logkeeper_say("%s: stopping", name(k));
	order(k, LINK_STOP);
	if (!k->top.pid && !k->lingering) {
		finish(k, STATUS_DONE);
		return;
	}
	if (time == POLICY_INFINITY)
		return;
	k->deadline.call = on_deadline;
	loop_arm(k->loop, &k->deadline, now + time);
}

/* TERM and INT: the first in order, the second in a hurry. */
static void told_to_stop(struct kickstarter *k)
{
	if (k->ordered && loop_now(k->loop) - k->ordered_at >= SECOND_SIGNAL_NS)
		hurry(k, STATUS_HURRIED);
	else
		shut_down(k);
}

/* --- reload -------------------------------------------------------------------------
 */

static void answer(struct kickstarter *k, uint64_t id, int result, int fd)
{
	struct link_message m = { .kind = LINK_ANSWER, .id = id, .number = result };

	if (k->top.pid)
		(void)link_send(&k->link, &m, NULL, fd);
}

/* What `kick reload` prints, in the log of one who sent HUP. */
static void say_text(const struct kickstarter *k)
{
	autofree char *text = NULL;
	size_t n;

	if (lseek(k->conf.text, 0, SEEK_SET) < 0 ||
		fd_read_all(k->conf.text, KICK_CONFIG_MAX, &text, &n) < 0)
		return;
	for (char *line = text, *next; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		logkeeper_say("%s", line);
	}
}

static void end_reload(struct kickstarter *k, int result)
{
	/* Who has asked finds it done. */
	sockkeeper_settle(&k->sockets);
	if (k->asked) {
		answer(k, k->ask_id, result, k->conf.text);
	} else if (result == -EINVAL) {
		say_text(k);
		logkeeper_say("configuration not reloaded, nothing was changed");
	}
	k->reloading = false;
	confproc_done(&k->conf);
}

static void reload(struct kickstarter *k, bool dry_run, bool asked, uint64_t id)
{
	int r;

	if (k->reloading || k->ordered || !k->top.pid) {
		if (asked)
			answer(k, id, k->reloading ? -EBUSY : -ESHUTDOWN, -1);
		return;
	}
	r = confproc_start(k->start->file, k->config, &k->conf);
	if (r < 0) {
		logkeeper_say("cannot reload: no process for reading the "
			      "configuration: %s",
			strerror(-r));
		if (asked)
			answer(k, id, r, -1);
		return;
	}
	k->reloading = true;
	k->dry_run = dry_run;
	k->asked = asked;
	k->ask_id = id;
}

/* Walks the whole block once, on behalf of all supervisors. */
static int map_config(int fd, const struct config **ret)
{
	const struct config *cf;
	int r = config_map(fd, &cf);

	if (r < 0)
		return r;
	r = config_verify(cf, cf->size);
	if (r < 0) {
		config_unmap(cf);
		return r;
	}
	*ret = cf;
	return 0;
}

/* All sockets of the new configuration, or it is refused like one with a mistake. */
static int change_sockets(struct kickstarter *k, const struct config *next)
{
	struct buf prefix, why;
	int r;

	buf_init(&prefix, 0);
	buf_init(&why, 0);
	buf_addf(&prefix, "%s: error: ", k->start->file);
	r = sockkeeper_change(&k->sockets, next, buf_text(&prefix), &why);
	if (r < 0 && ftruncate(k->conf.text, 0) == 0 &&
		lseek(k->conf.text, 0, SEEK_SET) == 0)
		(void)fd_write_all(k->conf.text, buf_text(&why), why.len);
	buf_done(&prefix);
	buf_done(&why);
	return r;
}

/* The root holds the new configuration before anybody applies it. */
static void accept_config(struct kickstarter *k)
{
	struct link_message m = { .kind = LINK_RELOAD };
	const struct config *next;

	if (map_config(k->conf.block, &next) < 0) {
		end_reload(k, -EIO);
		return;
	}
	if (change_sockets(k, next) < 0) {
		config_unmap(next);
		end_reload(k, -EINVAL);
		return;
	}
	if (dup3(k->conf.block, FD_CONFIG, O_CLOEXEC) < 0)
		logkeeper_say("cannot pass on the configuration: %s", strerror(errno));
	config_unmap(k->config);
	k->config = next;
	if (!k->top.pid || link_send(&k->link, &m, NULL, FD_CONFIG) < 0)
		end_reload(k, -ESHUTDOWN);
}

static void config_ended(struct kickstarter *k, const struct reason *reason)
{
	int r = confproc_ended(&k->conf, reason);

	if (r < 0)
		end_reload(k, r);
	else if (k->dry_run)
		end_reload(k, 0);
	else
		accept_config(k);
}

/* Everything has arrived: the answer is the plan, then what failed. */
static void reloaded(struct kickstarter *k, int64_t failed, const char *text)
{
	char head[32];
	int n = snprintf(head, sizeof head, "%lld\n", (long long)failed);

	if (!k->reloading)
		return;
	(void)fd_write_all(k->conf.text, head, (size_t)n);
	(void)fd_write_all(k->conf.text, text, strlen(text));
	if (failed)
		logkeeper_say(
			"%s reloaded; %lld could not be started; see: kick status",
			name(k), (long long)failed);
	else
		logkeeper_say("%s reloaded", name(k));
	sockkeeper_end_unused(&k->sockets);
	end_reload(k, 0);
}

/* --- the top supervisor -------------------------------------------------------------
 */

static void top_is_ready(struct kickstarter *k, int64_t children)
{
	char age[32];

	k->facts.was_ready = true;
	sockkeeper_end_unused(&k->sockets);
	if (k->said_up)
		logkeeper_say("%s is up again (%lld %s)", name(k), (long long)children,
			children == 1 ? "child" : "children");
	else
		logkeeper_say("%s: %lld %s up in %s (pid %d, %s); see: kick status",
			name(k), (long long)children,
			children == 1 ? "child" : "children",
			num_age(loop_now(k->loop) - k->start->started, age, sizeof age),
			(int)getpid(), k->node.runtime_dir);
	k->said_up = true;
	notify_starter("READY=1");
}

static void asked(struct kickstarter *k, const struct link_message *m)
{
	switch ((enum link_ask)m->number) {
	case ASK_RELOAD:
	case ASK_DRY_RUN:
		reload(k, m->number == ASK_DRY_RUN, true, m->id);
		return;
	case ASK_SHUTDOWN:
		answer(k, m->id, 0, -1);
		shut_down(k);
		return;
	case ASK_RENEW:
		answer(k, m->id, k->ordered ? -ESHUTDOWN : 0, -1);
		k->facts.renewing = true;
		order(k, LINK_STOP);
		return;
	}
}

static void on_message(
	struct link *l, const struct link_message *m, const char *text, int fd)
{
	struct kickstarter *k = container_of(l, struct kickstarter, link);

	switch ((enum link_kind)m->kind) {
	case LINK_READY:
		top_is_ready(k, m->number);
		break;
	case LINK_EXITING:
		k->facts.reason = reason_text(text);
		k->facts.status = (int)m->number;
		break;
	case LINK_OUTPUT:
		logkeeper_pipe(
			&k->log, m->id, (int)m->number, text, fd, m->flags & LINK_TOLD);
		fd = -1;
		break;
	case LINK_RELOADED:
		reloaded(k, m->number, text);
		break;
	case LINK_ASK:
		asked(k, m);
		break;
	case LINK_SOCKET:
		sockkeeper_asked(&k->sockets, text);
		break;
	case LINK_SOCKET_IDLE:
		sockkeeper_idle(&k->sockets, text);
		break;
	case LINK_STOP:
	case LINK_CLOSE:
	case LINK_HURRY:
	case LINK_RELOAD:
	case LINK_ANSWER:
	case LINK_NODE:
		break;
	}
	(void)fd_close(fd);
}

static void on_link_end(struct link *l)
{
	(void)l;
}

static _Noreturn void run_top(const struct kickstarter *k)
{
	struct supervisor_start start = { .node = &k->node,
		.config = k->config,
		.spec = &k->config->top,
		.path = "",
		.life = k->life };

	supervisor_main(&start);
}

static int fork_top(struct kickstarter *k)
{
	char title[KICK_ID_MAX + 32];
	struct process_start start = {
		.title = title, .comm = "kick:sup", .listen = k->listen
	};
	int fd, r;

	(void)snprintf(title, sizeof title, "kickd: supervisor %s", name(k));
	start.keep = listening_all(&start.n_keep);
	k->top_mark = mark_new(k->node.tree, true);
	start.mark = k->top_mark;
	r = process_spawn_link(&start, &k->top, &fd);
	if (r == 0)
		run_top(k);
	if (r < 0)
		return r;
	k->link.on_message = on_message;
	k->link.on_end = on_link_end;
	return link_init(&k->link, k->loop, fd);
}

static void on_again(struct timer *t, int64_t now)
{
	struct kickstarter *k = container_of(t, struct kickstarter, again);

	(void)now;
	(void)start_top(k);
}

/* A root that cannot fork tries again: it never ends on an error. */
static int start_top(struct kickstarter *k)
{
	int r;

	k->facts = (struct verdict_facts){ .status = -1 };
	sockkeeper_begin(&k->sockets);
	k->top_started = loop_now(k->loop);
	r = fork_top(k);
	if (r == 0)
		return 0;
	logkeeper_say(
		"cannot start the top supervisor: %s; trying again", strerror(-r));
	k->again.call = on_again;
	loop_arm(k->loop, &k->again, loop_now(k->loop) + SEC_NS);
	return r;
}

/* What the end of the top supervisor was, as a verb. */
static const char *consequence(const struct kickstarter *k, char *buf, size_t size)
{
	const char *text = k->facts.reason.text;
	char why[KICK_REASON_MAX];

	if (strcmp(text, "shutdown:auto") == 0)
		return "ends, as a significant child has ended";
	if (strncmp(text, "shutdown:failed_to_start:", 25) == 0)
		return reason_describe(&k->facts.reason, buf, size);
	if (strncmp(text, "shutdown:", 9) == 0)
		return "gives up";
	/* Killed or crashed, once too often. */
	(void)snprintf(buf, size,
		"gives up: its supervisor was lost %d times within %d s, the last time "
		"%s",
		VERDICT_LOSSES + 1, VERDICT_SECONDS,
		reason_describe(&k->facts.reason, why, sizeof why));
	return buf;
}

static void act(struct kickstarter *k, const struct verdict *v)
{
	char wait[32], why[2 * KICK_REASON_MAX];

	if (v->gave_up)
		logkeeper_event(EVENT_GAVE_UP, name(k), getpid(), k->facts.reason.text);
	if (v->act == VERDICT_END) {
		if (v->gave_up || strcmp(k->facts.reason.text, "shutdown:auto") == 0)
			logkeeper_say_last("%s %s; ending with status %d", name(k),
				consequence(k, why, sizeof why), v->status);
		finish(k, v->status);
		return;
	}
	if (k->facts.renewing)
		k->life.restarts--;
	if (v->wait_ns == 0) {
		(void)start_top(k);
		return;
	}
	logkeeper_say("%s %s; starting it anew in %s", name(k),
		consequence(k, why, sizeof why),
		num_age(v->wait_ns, wait, sizeof wait));
	k->again.call = on_again;
	loop_arm(k->loop, &k->again, loop_now(k->loop) + v->wait_ns);
}

/* Nothing of the tree is left: what next? */
static void gone(struct kickstarter *k)
{
	struct verdict v;
	char why[KICK_REASON_MAX];

	k->lingering = k->grace_over = false;
	sock_sweep(k->node.runtime_dir);
	loop_disarm(k->loop, &k->grace);
	if (k->reloading && k->conf.proc.pid == 0)
		end_reload(k, -ESHUTDOWN);
	k->facts.ran_ns = loop_now(k->loop) - k->top_started;
	k->life.restarts++;
	k->life.last_exit = k->facts.reason;
	k->life.last_exit_wall = clock_wall();
	v = verdict(&k->verdicts, &k->facts, (enum on_give_up)k->config->on_give_up,
		loop_now(k->loop));
	if (v.act == VERDICT_RESTART)
		logkeeper_event(EVENT_RESTARTING, name(k), 0, k->facts.reason.text);
	if (v.act == VERDICT_RESTART && !v.gave_up && !k->facts.renewing)
		logkeeper_say("%s: %s; starting it anew", name(k),
			reason_describe(&k->facts.reason, why, sizeof why));
	act(k, &v);
}

/* --- what is left of the tree -------------------------------------------------------
 */

struct search {
	struct kickstarter *k;
	unsigned n;
};

static void look_at(void *user, pid_t pid)
{
	struct search *s = user;
	struct kickstarter *k = s->k;
	uint64_t mark;

	if (pid == k->log.proc.pid || pid == k->conf.proc.pid ||
		mark_read(pid, &mark) < 0 || !mark_is_of_tree(mark, k->node.tree))
		return;
	s->n++;
	if (!(mark & MARK_SUPERVISOR) || k->grace_over || k->hurried)
		(void)kill(pid, SIGKILL);
}

static void look_for_rest(struct kickstarter *k);

static void on_grace(struct timer *t, int64_t now)
{
	struct kickstarter *k = container_of(t, struct kickstarter, grace);

	(void)now;
	k->grace_over = true;
	look_for_rest(k);
}

static void look_for_rest(struct kickstarter *k)
{
	struct search s = { .k = k };

	(void)reap_adopted(look_at, &s);
	if (s.n == 0) {
		gone(k);
		return;
	}
	if (!k->lingering) {
		k->grace.call = on_grace;
		loop_arm(k->loop, &k->grace,
			loop_now(k->loop) + KICK_ORPHAN_GRACE_MS * MSEC_NS);
	}
	k->lingering = true;
}

static void top_ended(struct kickstarter *k, const struct reason *facts)
{
	pid_t pid = k->top.pid;

	link_drain(&k->link);
	link_done(&k->link);
	k->top.fd = fd_close(k->top.fd);
	k->top.pid = 0;
	if (!k->facts.reason.text[0])
		k->facts.reason = *facts;
	logkeeper_event(EVENT_EXITED, name(k), pid, k->facts.reason.text);
	look_for_rest(k);
}

static void reap_all(struct kickstarter *k)
{
	struct reason reason;
	bool orphans = false;
	pid_t pid;

	while ((pid = reap_next(0, &reason)) > 0) {
		if (pid == k->top.pid)
			top_ended(k, &reason);
		else if (pid == k->conf.proc.pid)
			config_ended(k, &reason);
		else if (pid != k->log.proc.pid)
			orphans = true;
		else if (logkeeper_ended(&k->log) && k->finishing)
			k->finished = true;
	}
	if (orphans && k->lingering)
		look_for_rest(k);
}

/* --- signals ------------------------------------------------------------------------
 */

static void on_signal(void *user, const struct signalfd_siginfo *si)
{
	struct kickstarter *k = user;

	switch (si->ssi_signo) {
	case SIGCHLD:
		reap_all(k);
		return;
	case SIGTERM:
	case SIGINT:
		told_to_stop(k);
		return;
	case SIGQUIT:
		hurry(k, STATUS_QUIT);
		return;
	case SIGCONT:
		/* The kernel sends it after HUP when the terminal has gone. If
		 * somebody's HUP was pending, the kernel's was merged into that one. */
		if (si->ssi_code == SI_KERNEL && !k->start->nohup)
			shut_down(k);
		return;
	case SIGHUP:
		/* From the kernel: the terminal has gone. */
		if (si->ssi_code != SI_KERNEL)
			reload(k, false, false, 0);
		else if (!k->start->nohup)
			told_to_stop(k);
		return;
	default:
		/* USR1: there are no log files to open again yet. */
		return;
	}
}

/* --- set-up -------------------------------------------------------------------------
 */

static gid_t gid_of(const uint32_t *gid)
{
	return gid ? *gid : (gid_t)-1;
}

static int open_control(struct kickstarter *k)
{
	gid_t group = gid_of(REL_GET(uint32_t, k->config->control_group));
	int r = sock_listen(k->node.runtime_dir, PROTOCOL_SOCKET_TOP,
		k->config->control_mode, &k->listen);

	if (r == 0 && group != (gid_t)-1 &&
		fchownat(FD_RUNDIR, PROTOCOL_SOCKET_TOP, (uid_t)-1, group, 0) < 0)
		r = -errno;
	return r;
}

static int set_up(struct kickstarter *k)
{
	static const int handled[] = { SIGCHLD, SIGTERM, SIGINT, SIGQUIT, SIGHUP,
		SIGCONT, SIGUSR1 };
	gid_t group = gid_of(REL_GET(uint32_t, k->config->control_group));
	gid_t readers = gid_of(REL_GET(uint32_t, k->config->control_readers));
	sigset_t set;
	int r;

	(void)sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(handled); i++)
		(void)sigaddset(&set, handled[i]);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	r = loop_new(&set, on_signal, k, &k->loop);
	if (r == 0)
		r = verdict_init(&k->verdicts);
	if (r == 0)
		r = logkeeper_start(&k->log, k->loop, k->node.runtime_dir,
			k->config->control_mode, group, readers);
	return r == 0 ? open_control(k) : r;
}

static int cannot_set_up(const struct kickstarter *k, int code)
{
	gid_t group = gid_of(REL_GET(uint32_t, k->config->control_group));

	if (code == -EPERM && group != (gid_t)-1) {
		(void)dprintf(FD_STDERR,
			"kickd: cannot give the control sockets to group %u, which "
			"\"control\" names: only root, or a member of the group, may\n",
			(unsigned)group);
		return STATUS_NOT_PERMITTED;
	}
	(void)dprintf(FD_STDERR, "kickd: cannot set up in %s: %s\n",
		k->node.runtime_dir, strerror(-code));
	return STATUS_CANT_CREATE;
}

static int open_sockets(struct kickstarter *k)
{
	struct buf why;
	int r;

	buf_init(&why, 0);
	r = sockkeeper_open(&k->sockets, k->config, "kickd: ", &why);
	if (r < 0)
		(void)dprintf(
			FD_STDERR, "%skickd: nothing was started\n", buf_text(&why));
	buf_done(&why);
	if (r == 0)
		return 0;
	return r == -EACCES || r == -EPERM ? STATUS_NOT_PERMITTED : STATUS_CANT_CREATE;
}

int kickstarter_run(const struct kickstarter_start *start)
{
	static struct kickstarter k;
	int r;

	k.start = start;
	k.node = start->node;
	k.conf.block = k.conf.text = -1;
	k.top.fd = -1;
	if (map_config(start->conf->block, &k.config) < 0 ||
		dup3(start->conf->block, FD_CONFIG, O_CLOEXEC) < 0)
		return STATUS_CONFIG;
	confproc_done(start->conf);
	r = open_sockets(&k);
	if (r)
		return r;
	r = set_up(&k);
	if (r < 0) {
		logkeeper_kill(&k.log);
		sockkeeper_close(&k.sockets);
		return cannot_set_up(&k, r);
	}
	sockkeeper_watch(&k.sockets, k.loop, &k.link);
	(void)start_top(&k);
	while (!k.finished) {
		r = loop_once(k.loop);
		if (r < 0)
			KICK_BUG("the root's loop: %s", err_name(r));
	}
	sockkeeper_close(&k.sockets);
	return k.status;
}
