/* How the wait before a restart grows, and what lets it begin anew. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

/* The n-th time, from 1, that kickd has told of a's end: how long it had run,
 * and how long it waits now, in milliseconds. */
struct told {
	double ran, wait;
};

static double ms_of(const char *text)
{
	static const struct {
		const char *unit;
		double ms;
	} units[] = { { " ms", 1 }, { "ms", 1 }, { "s", 1e3 }, { "m", 60e3 },
		{ "h", 3600e3 } };
	double all = 0;
	bool more = true;

	while (more && *text >= '0' && *text <= '9') {
		char *end;
		double n = strtod(text, &end);

		more = false;
		for (size_t i = 0; i < sizeof units / sizeof *units && !more; i++) {
			more = strncmp(end, units[i].unit, strlen(units[i].unit)) == 0;
			all += more ? n * units[i].ms : 0;
			text = end + strlen(units[i].unit);
		}
	}
	return all;
}

static const char *nth_end(int n)
{
	static const char again[] = "starting it again in ";
	const char *p = tree_err();

	while (p && n-- > 0) {
		p = strstr(p, again);
		p = p ? p + strlen(again) : NULL;
	}
	return p;
}

static bool told_of(const void *arg)
{
	return nth_end(*(const int *)arg) != NULL;
}

static struct told told(int n)
{
	const char *at, *after = NULL;
	struct told t;

	await(told_of, &n, "end number %d", n);
	at = nth_end(n);
	t.wait = ms_of(at);
	for (const char *p = nth_end(n - 1); (p = strstr(p, " after ")) && p < at; p++)
		after = p + strlen(" after ");
	check(after, "it does not say how long it ran: %s", tree_err());
	t.ran = ms_of(after);
	return t;
}

/* What is to be waited by the rules: `first` after a run of `reset` or longer, else
 * `factor` times as long as before. A slow machine may make a run long that was meant
 * to be short. */
static void check_wait(int n, double reset, double first, double factor, double *wait)
{
	struct told t = told(n);

	*wait = n == 1 || t.ran >= reset ? first : *wait * factor;
	expect(t.wait == *wait, "end %d, after %.0f ms: waits %.0f ms, not %.0f", n,
		t.ran, t.wait, *wait);
}

CASE(it_backoff, backoff_grows_and_begins_anew_after_a_long_run)
{
	double wait = 0;

	make_fifo("g");
	tree_up("{'name':'app','max_restarts':'infinity','children':[" CHILD("a",
		"'backoff':{'initial':'20ms','max':'10s','factor':3,'jitter':0,"
		"'reset_after':'400ms'}",
		"'failing','3','f','after','400','gate','g','exit','1'") "]}");
	for (int n = 1; n <= 3; n++)
		check_wait(n, 400, 20, 3, &wait);
	for (int n = 4; n <= 5; n++) {
		open_gate("g");
		check_wait(n, 400, 20, 3, &wait);
		expect(wait == 20, "end %d: waits %.0f ms", n, wait);
	}
	expected();
	tree_down();
}

/* The wait that `status` tells of, in milliseconds. */
static double retry_in(const char *path)
{
	cJSON *node = node_of(path);
	const cJSON *retry = cJSON_GetObjectItem(node, "retry");
	const cJSON *in = cJSON_GetObjectItem(retry, "in_ms");
	double ms = cJSON_IsNumber(in) ? in->valuedouble : -1;

	cJSON_Delete(node);
	return ms;
}

#define HOUR_MS 3600000.0

/* Waits of hours, so that each can be read at leisure. */
CASE(it_backoff, a_start_by_hand_makes_the_next_failure_the_first_again)
{
	tree_up("{'name':'app','max_restarts':'infinity','children':[" CHILD("a",
		"'backoff':{'initial':'1h','max':'100h','factor':4,'jitter':0,"
		"'reset_after':'1000h'}",
		"'exit','1'") "]}");
	for (int n = 1; n <= 3; n++) {
		(void)await_event("restarting", "a", n);
		check(told(n).wait == HOUR_MS, "end %d: waits %.0f ms", n,
			told(n).wait);
		check(retry_in("a") <= HOUR_MS && retry_in("a") > HOUR_MS / 2,
			"end %d: status says %.0f ms", n, retry_in("a"));
		kick_gives(0, "restart a");
	}
	tree_down();
}
