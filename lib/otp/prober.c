/* When a child is asked, and what its answers mean: probes until it is ready, probes
 * while it runs, and the watchdog that it keeps quiet by itself. The supervisor's loop
 * is woken up by what is configured and by nothing else. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "otp/internal.h"
#include "otp/notice.h"
#include "otp/probe.h"

/* A start is not to wait for a whole interval when it takes a moment: the first probes
 * come closer together, each wait twice the one before. */
#define FIRST_WAIT (10 * MSEC_NS)

enum asking {
	NOTHING,
	FOR_READY,
	FOR_HEALTH,
	WATCHING
};

struct prober {
	struct supervised *child;
	struct probe probe;
	struct timer timer; /* of the next probe, or of the watchdog */
	enum asking asking;
	uint32_t failed;     /* in a row */
	int64_t began;	     /* the last probe */
	int64_t wait;	     /* from one probe for readiness to the next */
	int64_t alive_until; /* as far as the watchdog knows */
	int64_t watchdog_ns;
	int64_t quiet_until; /* it has said that it is ending */
};

static const struct probe_spec *health_of(const struct supervised *c)
{
	return REL_GET(struct probe_spec, c->spec->health);
}

bool prober_has_watchdog(const struct supervised *c)
{
	return health_of(c) && health_of(c)->kind == PROBE_WATCHDOG;
}

static void note(struct supervised *c, const char *text)
{
	free(c->probe_text);
	c->probe_text = *text ? strdup(text) : NULL;
}

static void arm(struct prober *pr, int64_t at)
{
	loop_arm(pr->child->sup->loop, &pr->timer, at);
}

/* Not at once where that has passed: what follows is the next turn's. */
static void arm_next(struct prober *pr, int64_t interval)
{
	int64_t now = loop_now(pr->child->sup->loop);
	int64_t at = pr->began + interval;

	arm(pr, at < now ? now : at);
}

/* --- what the answers mean ----------------------------------------------------------
 */

static void is_ready(struct prober *pr)
{
	struct supervised *c = pr->child;

	pr->asking = NOTHING;
	sup_ready(&c->sup->core, &c->core, loop_now(c->sup->loop));
	supervisor_settle(c->sup);
}

/* The strategy acts as on any other end; sup.h has it that doom names it. */
static void doom(struct prober *pr, const char *why)
{
	struct supervised *c = pr->child;
	struct supervisor *sv = c->sup;
	struct reason reason = reason_text(why);

	pr->asking = NOTHING;
	sup_doom(&sv->core, &c->core, &reason, loop_now(sv->loop));
	report_event(sv, c, EVENT_UNHEALTHY, -1);
	supervisor_settle(sv);
}

static void is_unhealthy(struct prober *pr)
{
	struct supervised *c = pr->child;
	char path[KICK_PATH_MAX], many[64] = "";

	if (c->sup->core.phase >= SUP_CLOSED)
		return;
	if (pr->failed > 1)
		(void)snprintf(many, sizeof many,
			"%u probes in a row failed, the last one: ", pr->failed);
	report_message(c->sup, "", 0, "%s (pid %d) is unhealthy: %s%s; stopping it",
		supervisor_path(c, path), (int)supervisor_pid(c), many,
		c->probe_text ? c->probe_text : "a probe failed");
	doom(pr, "unhealthy");
}

static void watchdog_ends(struct prober *pr, const char *what)
{
	struct supervised *c = pr->child;
	char path[KICK_PATH_MAX];

	if (c->sup->core.phase >= SUP_CLOSED)
		return;
	report_message(c->sup, "", 0, "%s (pid %d) has %s; stopping it",
		supervisor_path(c, path), (int)supervisor_pid(c), what);
	doom(pr, "watchdog");
}

static void is_silent(struct prober *pr)
{
	char what[80], time[40];

	(void)snprintf(what, sizeof what, "not said WATCHDOG=1 for %.40s",
		num_duration_text(pr->watchdog_ns, time, sizeof time));
	watchdog_ends(pr, what);
}

static void on_ready_answer(struct prober *pr, enum probe_result result)
{
	const struct probe_spec *spec =
		REL_GET(struct probe_spec, pr->child->spec->probe);
	int64_t interval = spec ? spec->interval_ns : 0;

	if (result == PROBE_WELL) {
		is_ready(pr);
		return;
	}
	pr->wait = pr->wait > interval / 2 ? interval : 2 * pr->wait;
	arm_next(pr, pr->wait);
}

static void on_health_answer(struct prober *pr, enum probe_result result)
{
	const struct probe_spec *spec = health_of(pr->child);

	if (result == PROBE_WELL)
		pr->failed = 0;
	if (result == PROBE_FAILED && ++pr->failed >= spec->retries)
		is_unhealthy(pr);
	else
		arm_next(pr, spec->interval_ns);
}

/* What mostly is the cause is told with it: nobody will ever take what comes. */
static void note_failure(struct supervised *c, const char *text)
{
	const char *lost = listening_lost(c);
	char all[3 * PROBE_TEXT_MAX];

	if (lost)
		(void)snprintf(all, sizeof all,
			"%s; pid %d does not have its socket \"%s\" open", text,
			(int)supervisor_pid(c), lost);
	note(c, lost ? all : text);
}

static void on_answer(struct probe *p, enum probe_result result, const char *text)
{
	struct prober *pr = container_of(p, struct prober, probe);

	/* Its end is known, or about to be: that counts, not this. */
	if (pr->child->proc.pid == 0)
		return;
	if (result == PROBE_FAILED)
		note_failure(pr->child, text);
	else if (result == PROBE_WELL)
		note(pr->child, "");
	if (pr->asking == FOR_READY)
		on_ready_answer(pr, result);
	else if (pr->asking == FOR_HEALTH)
		on_health_answer(pr, result);
}

/* --- asking -------------------------------------------------------------------------
 */

static void ask(struct prober *pr, const struct probe_spec *spec)
{
	pr->began = loop_now(pr->child->sup->loop);
	pr->probe.child = pr->child;
	pr->probe.done = on_answer;
	probe_start(&pr->probe, spec);
}

static void look_at_watchdog(struct prober *pr, int64_t now)
{
	/* What it has said by now counts, however late we are to hear it. */
	notify_drain(pr->child);
	if (pr->asking != WATCHING)
		return;
	if (now < pr->alive_until)
		arm(pr, pr->alive_until);
	else
		is_silent(pr);
}

static void on_timer(struct timer *t, int64_t now)
{
	struct prober *pr = container_of(t, struct prober, timer);
	struct supervised *c = pr->child;
	const struct probe_spec *ready = REL_GET(struct probe_spec, c->spec->probe);

	if (pr->asking != FOR_READY && now < pr->quiet_until) {
		if (pr->quiet_until != INT64_MAX)
			arm(pr, pr->quiet_until);
	} else if (pr->asking == FOR_READY && ready) {
		ask(pr, ready);
	} else if (pr->asking == FOR_READY) {
		/* A reload has taken the probe away. */
		is_ready(pr);
	} else if (pr->asking == FOR_HEALTH) {
		ask(pr, health_of(c));
	} else if (pr->asking == WATCHING) {
		look_at_watchdog(pr, now);
	}
}

int prober_new(struct supervised *c)
{
	struct prober *pr = c->prober;
	int r;

	if (pr || (!c->spec->probe && !c->spec->health))
		return 0;
	r = loop_reserve(c->sup->loop, 4 * c->sup->core.n + 16);
	if (r < 0)
		return r;
	pr = calloc(1, sizeof *pr);
	if (!pr)
		return -ENOMEM;
	pr->child = c;
	pr->timer.call = on_timer;
	pr->probe.io.fd = pr->probe.proc.fd = -1;
	c->prober = pr;
	return 0;
}

void prober_for_ready(struct supervised *c)
{
	struct prober *pr = c->prober;

	pr->asking = FOR_READY;
	pr->wait = FIRST_WAIT / 2;
	arm(pr, loop_now(c->sup->loop));
}

static void begin_health(struct supervised *c, const struct probe_spec *spec)
{
	struct prober *pr = c->prober;
	int64_t now = loop_now(c->sup->loop);

	pr->failed = 0;
	pr->quiet_until = 0;
	pr->asking = spec->kind == PROBE_WATCHDOG ? WATCHING : FOR_HEALTH;
	pr->watchdog_ns = spec->interval_ns;
	pr->alive_until = now + spec->interval_ns;
	arm(pr, pr->alive_until);
}

void prober_for_health(struct supervised *c)
{
	char path[KICK_PATH_MAX];

	if (c->proc.pid == 0 || c->core.state != CHILD_RUNNING)
		return;
	prober_stop(c);
	note(c, "");
	/* Without a socket from its start it cannot say that it is alive. */
	if (!health_of(c) || (prober_has_watchdog(c) && !c->notify))
		return;
	/* It may have been born before there was anything to ask. */
	if (prober_new(c) < 0)
		report_message(c->sup, "", 0, "%s: its health is not watched: %s",
			supervisor_path(c, path), strerror(ENOMEM));
	else
		begin_health(c, health_of(c));
}

void prober_reloaded(struct supervised *c, const struct child_spec *old)
{
	if (!spec_same_health(old, c->spec))
		prober_for_health(c);
}

void prober_stop(struct supervised *c)
{
	struct prober *pr = c->prober;

	if (!pr)
		return;
	pr->asking = NOTHING;
	loop_disarm(c->sup->loop, &pr->timer);
	probe_stop(&pr->probe);
}

bool prober_has_rest(const struct supervised *c)
{
	return c->prober && probe_has_rest(&c->prober->probe);
}

void prober_free(struct supervised *c)
{
	prober_stop(c);
	free(c->prober);
	c->prober = NULL;
	free(c->probe_text);
	c->probe_text = NULL;
}

const char *supervisor_health(const struct supervised *c)
{
	const struct prober *pr = c->prober;

	if (!pr || (pr->asking != FOR_HEALTH && pr->asking != WATCHING))
		return NULL;
	return pr->failed > 0 ? "failing" : "ok";
}

/* --- what the program says ----------------------------------------------------------
 */

void prober_is_alive(struct supervised *c)
{
	struct prober *pr = c->prober;

	/* The timer is left as it is: it looks here before it rings. */
	if (pr && pr->asking == WATCHING)
		pr->alive_until = loop_now(c->sup->loop) + pr->watchdog_ns;
}

void prober_is_ill(struct supervised *c)
{
	if (c->prober && c->prober->asking == WATCHING)
		watchdog_ends(c->prober, "said WATCHDOG=trigger");
}

void prober_set_watchdog(struct supervised *c, int64_t ns)
{
	struct prober *pr = c->prober;

	if (!pr || pr->asking != WATCHING)
		return;
	pr->watchdog_ns = ns;
	prober_is_alive(c);
	arm(pr, pr->alive_until);
}

void prober_is_ending(struct supervised *c)
{
	int64_t time = c->core.policy->shutdown_ns;

	if (!supervisor_health(c) || time == POLICY_BRUTAL_KILL)
		return;
	probe_stop(&c->prober->probe);
	c->prober->quiet_until =
		time == POLICY_INFINITY ? INT64_MAX : loop_now(c->sup->loop) + time;
	arm(c->prober, time == POLICY_INFINITY ? -1 : c->prober->quiet_until);
}
