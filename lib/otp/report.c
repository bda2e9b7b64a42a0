/* What a supervisor tells the logger: events for those who watch, and one line for each
 * thing that a person would ask about. Collected during a turn of the loop and sent at
 * its end, so that a restart is never later for it; never waits. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "os/roles.h"
#include "os/sock.h"
#include "otp/internal.h"
#include "otp/notice.h"

#define FLUSH_AT (24 << 10)

void report_flush(struct supervisor *sv)
{
	if (sv->notices.len == 0)
		return;
	if (!buf_ok(&sv->notices) ||
		sock_send(FD_NOTICE, sv->notices.data, sv->notices.len, NULL, 0) < 0)
		sv->notices_lost += sv->notices_held;
	sv->notices_held = 0;
	buf_clear(&sv->notices);
}

/* A thousand children that stop one after the other would wake the logger a thousand
 * times, on the processor that they need for stopping. */
void report_turn(struct supervisor *sv)
{
	if (sv->core.phase < SUP_ENDING)
		report_flush(sv);
	else if (sv->notices.len > 0)
		supervisor_tick(sv);
}

static void add(
	struct supervisor *sv, struct notice *n, const char *path, const char *text)
{
	if (sv->notices.len > FLUSH_AT)
		report_flush(sv);
	if (sv->notices.len == 0) {
		n->lost = sv->notices_lost;
		sv->notices_lost = 0;
	}
	n->wall = clock_wall();
	buf_add(&sv->notices, n, sizeof *n);
	buf_add(&sv->notices, path, strlen(path) + 1);
	buf_add(&sv->notices, text, strlen(text) + 1);
	sv->notices_held++;
}

int report_pipe(
	struct supervisor *sv, const char *path, int stream, uint64_t id, int fd)
{
	struct {
		struct notice n;
		char path[KICK_PATH_MAX + 1];
	} m = { .n = { .kind = NOTICE_PIPE, .stream = (uint32_t)stream, .id = id } };
	size_t n = strlen(path);

	report_flush(sv);
	memcpy(m.path, path, n);
	/* The two NULs after the path: its own, and an empty text. */
	return sock_send(FD_NOTICE, &m, offsetof(typeof(m), path) + n + 2, &fd, 1);
}

int report_watch(
	struct supervisor *sv, const char *path, const char *text, uint64_t id, int fd)
{
	struct notice n = { .kind = NOTICE_WATCH, .id = id };
	struct buf m;
	int r = -ENOMEM;

	report_flush(sv);
	buf_init(&m, NOTICE_MAX);
	buf_add(&m, &n, sizeof n);
	buf_add(&m, path, strlen(path) + 1);
	buf_add(&m, text, strlen(text) + 1);
	if (buf_ok(&m))
		r = sock_send(FD_NOTICE, m.data, m.len, &fd, 1);
	buf_done(&m);
	return r;
}

void report_message(
	struct supervisor *sv, const char *path, uint32_t flags, const char *fmt, ...)
{
	struct notice n = { .kind = NOTICE_MESSAGE, .flags = flags };
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	add(sv, &n, path, text);
}

void report_make_plain(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

/* --- in words -----------------------------------------------------------------------
 */

/* "restart 1 of 3 allowed in 5s", "restart 7" */
static void count_text(
	struct supervisor *sv, const struct supervised *c, char *text, size_t size)
{
	const struct sup_policy *p = &sv->core.policy;
	char period[32];

	if (p->max_restarts == POLICY_NO_LIMIT)
		(void)snprintf(text, size, "restart %u",
			c->core.restarts + (c->core.state == CHILD_RESTARTING));
	else
		(void)snprintf(text, size, "restart %u of %u allowed in %s",
			intensity_recent(&sv->core.intensity, loop_now(sv->loop)),
			p->max_restarts,
			num_duration_text(p->max_seconds_ns, period, sizeof period));
}

/* A daemon that leaves its parent at once looks like a program that ends normally. */
static bool seems_to_daemonize(const struct supervised *c)
{
	const struct child *k = &c->core;

	return k->last_exit.class == REASON_NORMAL && k->restarts >= 2 &&
		c->ran_ns < SEC_NS && !c->nested && !c->hinted;
}

static void say_restarting(
	struct supervisor *sv, struct supervised *c, const char *path, int64_t at)
{
	const struct child *k = &c->core;
	char count[80], wait[32] = "", age[32], why[KICK_REASON_MAX];
	int64_t delay = at < 0 ? 0 : at - loop_now(sv->loop);

	(void)reason_describe(&k->last_exit, why, sizeof why);
	count_text(sv, c, count, sizeof count);
	if (delay > 0)
		(void)num_age(delay, wait, sizeof wait);
	if (strncmp(k->last_exit.text, "failed_to_start:", 16) == 0) {
		report_message(sv, path, 0, "%s is tried again%s%s, %s", path,
			*wait ? " in " : "", wait, count);
		return;
	}
	report_message(sv, path, 0,
		"%s (pid %d) %s after %s; starting it again%s%s, %s", path,
		(int)c->ended_pid, why, num_age(c->ran_ns, age, sizeof age),
		*wait ? " in " : "", wait, count);
	if (!seems_to_daemonize(c))
		return;
	c->hinted = true;
	report_message(sv, "", 0,
		"%s ends normally right after each start: if it goes into the "
		"background, tell it to stay in the foreground",
		path);
}

/* It ended badly and stays down, and nothing else would say so. */
static bool is_told_as_exited(const struct supervisor *sv, const struct supervised *c)
{
	return sv->core.phase < SUP_ENDING && c->core.state == CHILD_EXITED &&
		reason_is_abnormal(&c->core.last_exit);
}

static void say_exited(struct supervisor *sv, struct supervised *c, const char *path)
{
	char why[KICK_REASON_MAX];

	if (!is_told_as_exited(sv, c))
		return;
	report_message(sv, path, NOTICE_LAST_LINE,
		c->shown ? "%s (pid %d) %s; the process that it was to follow goes on"
			 : "%s (pid %d) %s; it is not started again",
		path, (int)c->ended_pid,
		reason_describe(&c->core.last_exit, why, sizeof why));
}

static void say_start_failed(
	struct supervisor *sv, struct supervised *c, const char *path)
{
	char why[KICK_REASON_MAX];
	bool boot = strncmp(sv->core.reason.text, "shutdown:failed_to_start:", 25) == 0;

	/* worker_start has said what could not be done; say_exited, how its process
	 * ended.
	 */
	if (strncmp(c->core.last_exit.text, "failed_to_start:", 16) != 0 &&
		!is_told_as_exited(sv, c))
		report_message(sv, path, NOTICE_LAST_LINE, "%s did not start: %s%s%s%s",
			path, reason_describe(&c->core.last_exit, why, sizeof why),
			c->probe_text ? "; last probe: " : "",
			c->probe_text ? c->probe_text : "",
			c->shown ? "; the process that it was to follow goes on" : "");
	if (boot)
		report_message(sv, "", 0,
			"%s cannot start; stopping what it had started",
			supervisor_name(sv));
}

static void say_gave_up(struct supervisor *sv, const char *path)
{
	const struct sup_policy *p = &sv->core.policy;
	char why[KICK_REASON_MAX], period[32];

	report_message(sv, path, NOTICE_LAST_LINE | NOTICE_IMPORTANT,
		"%s gives up: %u restart%s within %s, %u %s allowed; last: %s, %s",
		supervisor_name(sv), p->max_restarts + 1,
		p->max_restarts == 0 ? "" : "s",
		num_duration_text(p->max_seconds_ns, period, sizeof period),
		p->max_restarts, p->max_restarts == 1 ? "is" : "are", path,
		reason_describe(&sv->core.cause, why, sizeof why));
}

void report_killed(struct supervised *c)
{
	char path[KICK_PATH_MAX], age[32];

	if (c->core.policy->shutdown_ns == POLICY_BRUTAL_KILL || c->sup->core.hurried)
		return;
	report_message(c->sup, "", 0, "%s (pid %d) did not stop within %s; killing it",
		supervisor_path(c, path),
		(int)(c->proc.pid ? c->proc.pid : c->ended_pid),
		num_duration_text(c->core.policy->shutdown_ns, age, sizeof age));
}

/* path: the child's. */
static void say(struct supervisor *sv, struct supervised *c, const char *path,
	enum sup_event event, int64_t at)
{
	if (event == EVENT_RESTARTING)
		say_restarting(sv, c, path, at);
	else if (event == EVENT_EXITED)
		say_exited(sv, c, path);
	else if (event == EVENT_START_FAILED)
		say_start_failed(sv, c, path);
	else if (event == EVENT_GAVE_UP)
		say_gave_up(sv, path);
}

/* Which reason goes with which event. */
static const char *reason_of(
	const struct supervisor *sv, const struct supervised *c, enum sup_event event)
{
	if (event == EVENT_GAVE_UP)
		return sv->core.reason.text;
	if (event == EVENT_UNHEALTHY)
		return c->core.doom;
	if (event == EVENT_EXITED || event == EVENT_START_FAILED ||
		event == EVENT_RESTARTING)
		return c->core.last_exit.text;
	return "";
}

void report_event(
	struct supervisor *sv, struct supervised *c, enum sup_event event, int64_t at)
{
	struct notice n = { .kind = NOTICE_EVENT, .event = event };
	bool own = event == EVENT_GAVE_UP;
	char path[KICK_PATH_MAX];

	if (!c) {
		n.pid = getpid();
		add(sv, &n, supervisor_name(sv), "");
		return;
	}
	/* The second process of a child is not another child. */
	if (c->shown &&
		(event == EVENT_ADDED || event == EVENT_DELETED ||
			event == EVENT_STOPPED))
		return;
	(void)supervisor_path(c, path);
	n.pid = own			? getpid()
		: event == EVENT_EXITED ? c->ended_pid
					: supervisor_pid(c);
	add(sv, &n, own ? supervisor_name(sv) : path, reason_of(sv, c, event));
	say(sv, c, path, event, at);
}
