/* For the tests of libkick's supervisors: supervisors made of a line of text, and
 * children that tell what becomes of them.
 *
 *   sup = up("one_for_all max=2", "a b:transient c:temporary,plain");
 *   TRACE("+a +b +c");
 *   END("b", "status 3", "exit:3");
 *   TRACE("-c -a +a +b");
 *
 * Children are called by one small letter. Unless it is said otherwise they are
 * permanent GenServers that trap exits. What they say goes through a pipe, so that it
 * comes in the order in which it happened in the whole node: +a: is there, ~a: has been
 * told to ignore, !a: has been told to fail, -a: terminates with "shutdown",
 * -a(REASON): with another reason.
 *
 * Words after the colon: transient, temporary, significant, brutal, infinity, ms=N
 * (of shutdown); plain: does not trap exits; stubborn: never comes back from terminate;
 * gate: terminate waits for open_gate(); after=X: says X! when X still lives as it
 * terminates; until=X: init waits until X is gone; name=NAME; raw: no GenServer, traps
 * exits and does not care; and of the start function: junk: returns 7; refuse: -EACCES,
 * "no_way"; crash: _exit(3); sup, dyn: starts a supervisor as nested says. */
#ifndef KICK_TESTS_SUPTEST_H
#define KICK_TESTS_SUPTEST_H

#include "support/nodetest.h"

#define CHILDREN_MAX 16

/* Shared by all processes of the node. */
struct sup_plan {
	int ignores, fails, deaths; /* so many of the next starts end like this */
	int brief;		    /* so many of the next lives end after init */
	int starts;
	kick_pid pid;
};
struct sup_shared {
	struct sup_plan child['z' + 1];
	kick_pid starter; /* of the last child */
	pid_t starter_os;
	pid_t os['z' + 1];
};
extern struct sup_shared *shared;

/* What sup and dyn start. */
struct sup_nested {
	const char *flags, *children;
};
extern struct sup_nested nested;

/* First of all. The caller traps exits from now on. */
void begin(void);

/* Flags: one_for_all, rest_for_one, any, all (auto_shutdown), max=N, max=any,
 * children=N, name=NAME. try_up returns what the library returned. */
int try_up(const char *flags, const char *children, kick_pid *ret, kick_reason *why);
kick_pid up(const char *flags, const char *children);
int try_dyn(const char *flags, kick_pid *ret, kick_reason *why);
kick_pid dyn_up(const char *flags);

/* One child's specification from its word; what it points to is never freed. */
kick_child_spec spec_of(const char *word);
int add(kick_pid sup, const char *word, kick_pid *ret, kick_reason *why);

/* The last started one of that letter. */
kick_pid pid_of(const char *letter);

void say(const char *text);
void suptest_trace(const char *file, int line, const char *want);
void suptest_trace_now(const char *file, int line, const char *want);
void suptest_trace_sorted(const char *file, int line, const char *want);
void suptest_end(const char *file, int line, const char *letter, const char *how,
	const char *reason);
void suptest_children(const char *file, int line, kick_pid sup, const char *want);
void suptest_counts(const char *file, int line, kick_pid sup, int specs, int active,
	int supervisors, int workers);

/* These words and no others come next; the same in any order; these have come, and
 * nothing else. */
#define TRACE(want) suptest_trace(__FILE__, __LINE__, (want))
#define TRACE_SORTED(want) suptest_trace_sorted(__FILE__, __LINE__, (want))
#define TRACE_NOW(want) suptest_trace_now(__FILE__, __LINE__, (want))

/* The child ends, and it is known to everybody: how is "kill", "raise REASON",
 * "status N", "signal N" or "return". */
#define END(letter, how, reason) \
	suptest_end(__FILE__, __LINE__, (letter), (how), (reason))

/* Asks until which_children gives this, for a while: "c b- a?": b is not running, a is
 * restarting. Those of a dynamic supervisor are sorted. */
#define CHILDREN(sup, want) suptest_children(__FILE__, __LINE__, (sup), (want))
#define COUNTS(sup, specs, active, supervisors, workers)                            \
	suptest_counts(__FILE__, __LINE__, (sup), (specs), (active), (supervisors), \
		(workers))

/* Tells a child; "unlink" has it unlink itself from who started it. */
void order(kick_pid child, const char *what);
void open_gate(int n);

/* Runs f in another process and waits for its end with "normal". */
void elsewhere(kick_function *f, void *arg);

/* A process that is started, does f, and then lives until it is told otherwise by
 * order(): the parent of what f starts. */
kick_pid parent(kick_function *f);

#endif
