/* libkick: a random graph of processes that are linked and watch each other, some of
 * which trap exits; random ends; and a model that says who must end of it, and who must
 * hear what. KICK_SEED repeats a run. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "support/nodetest.h"

TestSuite(lib_random, .timeout = 120);

enum {
	N = 10,
	STEPS = 25,
	HEARD = 64
};

struct actor {
	kick_pid pid;
	bool traps, linked[N];
	int watches[N]; /* how often it monitors that one */
	kick_ref ref;	/* the tester's monitor */
	char heard[HEARD][160];
	int n;
};

static struct actor actors[N];
static char reasons[N][KICK_REASON_SIZE]; /* of this step; "": it lives */
static uint64_t seed, state;

static unsigned draw(unsigned below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 33) % below;
}

#define AGREED(cond, ...)                                                           \
	do {                                                                        \
		if (!(cond)) {                                                      \
			char said[1200];                                            \
                                                                                    \
			(void)snprintf(said, sizeof said, __VA_ARGS__);             \
			FAIL("KICK_SEED=%llu: %s", (unsigned long long)seed, said); \
		}                                                                   \
	} while (0)

/* --- the model ---------------------------------------------------------------------
 */

static void hears(struct actor *a, const char *kind, int who, const char *reason)
{
	AGREED(a->n < HEARD, "too much for one to hear");
	(void)snprintf(a->heard[a->n++], sizeof a->heard[0], "%.4s %d %.100s", kind,
		who, reason);
}

static void make(int i)
{
	struct actor *a = &actors[i];

	*a = (struct actor){ .traps = draw(3) == 0 };
	for (int k = 0; k < N; k++) {
		actors[k].linked[i] = false;
		actors[k].watches[i] = 0;
	}
	a->pid = a->traps ? puppet_trapping() : puppet();
	CHECK_INT(kick_monitor(a->pid, &a->ref), 0);
}

static void connect_some(int n)
{
	while (n-- > 0) {
		int i = (int)draw(N), k = (int)draw(N);
		bool unlink = draw(4) == 0, monitor = draw(3) == 0;
		const char *verb = monitor ? "monitor" : unlink ? "unlink" : "link";

		if (i == k)
			continue;
		CHECK_INT(puppet_do(actors[i].pid, verb, actors[k].pid, NULL), 0);
		if (monitor)
			actors[i].watches[k]++;
		else
			actors[i].linked[k] = actors[k].linked[i] = !unlink;
	}
}

/* i has ended: who must end of it, for the same reason? */
static void end(int i, const char *reason)
{
	if (*reasons[i])
		return;
	(void)snprintf(reasons[i], sizeof reasons[i], "%s", reason);
	if (strcmp(reason, "normal") == 0)
		return;
	for (int k = 0; k < N; k++)
		if (actors[i].linked[k] && !actors[k].traps)
			end(k, reason);
}

/* What those that are left must hear of those that have ended. */
static void tell_the_living(void)
{
	for (int i = 0; i < N; i++) {
		if (*reasons[i])
			continue;
		for (int k = 0; k < N; k++) {
			if (!*reasons[k])
				continue;
			if (actors[i].linked[k] && actors[i].traps)
				hears(&actors[i], "EXIT", k, reasons[k]);
			for (int w = 0; w < actors[i].watches[k]; w++)
				hears(&actors[i], "DOWN", k, reasons[k]);
		}
	}
}

/* --- one step ----------------------------------------------------------------------
 */

static const char *end_one(int i, const char *unique)
{
	static const struct {
		const char *verb, *text, *reason;
	} ways[] = {
		{ "raise", NULL, NULL },
		{ "raise", "kill", "kill" },
		{ "raise", "shutdown", "shutdown" },
		{ "return", NULL, "normal" },
		{ "status", "3", "exit:3" },
		{ "signal", "9", "killed" },
		{ "signal", "11", "signal:SIGSEGV" },
	};
	unsigned way = draw(ARRAY_LEN(ways) + 2);

	if (way >= ARRAY_LEN(ways)) {
		CHECK_INT(kick_exit(actors[i].pid, "kill"), 0);
		return "killed";
	}
	puppet_order(actors[i].pid, ways[way].verb,
		ways[way].reason ? ways[way].text : unique);
	return ways[way].reason ? ways[way].reason : unique;
}

/* An exit signal that can be trapped, from the tester or another one. */
static void signal_one(int i, const char *unique)
{
	const char *reason = draw(4) == 0 ? "normal" : unique;
	int from = (int)draw(N);

	/* One that may end of it could not answer; -1 is the tester. */
	if (from == i || !actors[from].traps)
		from = -1;
	if (from < 0)
		CHECK_INT(kick_exit(actors[i].pid, reason), 0);
	else
		CHECK_INT(
			puppet_do(actors[from].pid, "exit", actors[i].pid, reason), 0);
	if (actors[i].traps)
		hears(&actors[i], "EXIT", from, reason);
	else if (strcmp(reason, "normal") != 0)
		end(i, reason);
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int who(kick_pid pid)
{
	for (int i = 0; i < N; i++)
		if (kick_pid_equal(actors[i].pid, pid))
			return i;
	return -1;
}

/* In any order: they come from several. */
static void check_living(int i, int step)
{
	struct actor *a = &actors[i];
	struct actor got = { .n = 0 };
	const cJSON *one;
	char number[16];
	cJSON *list;

	(void)snprintf(number, sizeof number, "%d", a->n);
	CHECK_INT(puppet_ask(a->pid, "heard", NOBODY, number, &list), 0);
	cJSON_ArrayForEach(one, list)
		hears(&got, cJSON_GetStringValue(cJSON_GetObjectItem(one, "kind")),
			who(kick_pid_from_json(cJSON_GetObjectItem(one, "from"))),
			cJSON_GetStringValue(cJSON_GetObjectItem(one, "reason")));
	cJSON_Delete(list);
	qsort(a->heard, (size_t)a->n, sizeof a->heard[0], compare);
	qsort(got.heard, (size_t)got.n, sizeof got.heard[0], compare);
	for (int k = 0; k < a->n || k < got.n; k++) {
		const char *must = k < a->n ? a->heard[k] : "nothing";
		const char *did = k < got.n ? got.heard[k] : "nothing";

		AGREED(strcmp(must, did) == 0, "step %d: %d must hear '%s', heard '%s'",
			step, i, must, did);
	}
	a->n = 0;
}

static bool match_ref(const kick_message *m, void *ref)
{
	return m->kind == KICK_DOWN && m->ref == *(kick_ref *)ref;
}

static void check(int step)
{
	kick_message *m;

	for (int i = 0; i < N; i++) {
		if (!*reasons[i])
			continue;
		AGREED(kick_receive(match_ref, &actors[i].ref, NODE_PATIENCE_MS, &m) ==
				0,
			"step %d: %d did not end (%s)", step, i, reasons[i]);
		AGREED(strcmp(m->reason, reasons[i]) == 0,
			"step %d: %d ended with '%.90s', not '%.90s'", step, i,
			m->reason, reasons[i]);
		kick_message_free(m);
	}
	tell_the_living();
	for (int i = 0; i < N; i++)
		if (!*reasons[i])
			check_living(i, step);
	EXPECT_SILENCE();
	for (int i = 0; i < N; i++)
		if (*reasons[i])
			make(i);
	memset(reasons, 0, sizeof reasons);
}

static void one_seed(void)
{
	char unique[32];

	state = seed | 1;
	for (int i = 0; i < 8; i++)
		(void)draw(2);
	memset(reasons, 0, sizeof reasons);
	for (int i = 0; i < N; i++)
		make(i);
	connect_some(3 * N);
	for (int step = 0; step < STEPS; step++) {
		int i = (int)draw(N);

		(void)snprintf(unique, sizeof unique, "reason %d", step);
		if (draw(3) == 0)
			signal_one(i, unique);
		else
			end(i, end_one(i, unique));
		check(step);
		connect_some(6);
		for (i = 0; i < N; i++)
			if (draw(8) == 0) {
				actors[i].traps = !actors[i].traps;
				CHECK_INT(puppet_do(actors[i].pid,
						  actors[i].traps ? "trap" : "untrap",
						  NOBODY, NULL),
					!actors[i].traps);
			}
	}
}

NODE_TEST(lib_random, who_must_end_ends_and_who_must_hear_hears)
{
	const char *given = getenv("KICK_SEED");

	seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) * 1000;
	for (int i = 0; i < 6; i++, seed++) {
		one_seed();
		for (int k = 0; k < N; k++) {
			CHECK_INT(kick_demonitor(actors[k].ref, true), 0);
			CHECK_INT(kick_exit(actors[k].pid, "kill"), 0);
		}
	}
}

/* Several at once: which of the reasons wins is open, but all that are reached end, of
 * one of them, and each that hears is told what the tester is told. */
NODE_TEST(lib_random, several_ends_at_once_are_told_alike)
{
	const char *given = getenv("KICK_SEED");
	kick_message *m;

	seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) * 1000 + 500;
	state = seed | 1;
	for (int i = 0; i < N; i++)
		make(i);
	connect_some(3 * N);
	for (int step = 0; step < STEPS; step++) {
		int roots[3] = { (int)draw(N), (int)draw(N), (int)draw(N) };
		char unique[3][32];

		for (int r = 0; r < 3; r++) {
			(void)snprintf(unique[r], sizeof unique[r], "root %d", r);
			puppet_order(actors[roots[r]].pid, "raise", unique[r]);
		}
		for (int r = 0; r < 3; r++)
			end(roots[r], unique[r]);
		/* What it was for each is what the tester hears. */
		for (int i = 0; i < N; i++) {
			if (!*reasons[i])
				continue;
			AGREED(kick_receive(match_ref, &actors[i].ref, NODE_PATIENCE_MS,
				       &m) == 0,
				"step %d: %d did not end", step, i);
			AGREED(strncmp(m->reason, "root ", 5) == 0,
				"step %d: %d ended with '%.90s'", step, i, m->reason);
			(void)snprintf(reasons[i], sizeof reasons[i], "%s", m->reason);
			kick_message_free(m);
		}
		tell_the_living();
		for (int i = 0; i < N; i++)
			if (!*reasons[i])
				check_living(i, step);
		EXPECT_SILENCE();
		for (int i = 0; i < N; i++)
			if (*reasons[i])
				make(i);
		memset(reasons, 0, sizeof reasons);
		connect_some(6);
	}
}
