/* Tasks for tests that do what they are told. */
#ifndef KICK_TESTS_TASKTEST_H
#define KICK_TESTS_TASKTEST_H

#include "support/nodetest.h"

#define TSK_MS NODE_PATIENCE_MS

/* Whom tasks tell: whoever began one last. */
extern kick_pid tsk_tester;

/* Tasks do what their text says:
 *   value TEXT, null, raise REASON, signal N, status N, never
 *   wait: says "waiting", then does what it is told by a message
 *   exits TEXT: traps exits, says "trapping", does it when an exit signal comes
 *   stubborn: traps exits, says "trapping", lives on whatever comes
 *   doomed N: returns "doomed", then dies of the signal */
cJSON *tsk_run(void *text);

typedef int tsk_start(kick_task_function *, void *, kick_task *);

/* Begins one and waits for what it says first; tsk_ended: and for its end. */
kick_task tsk_begin(tsk_start *start, const char *text);
kick_task tsk_ended(tsk_start *start, const char *text);
kick_task tsk_async(const char *text);
kick_task tsk_nolink(const char *text);

/* How many links or monitors the caller has. */
int tsk_my(const char *what);

bool tsk_match_exit(const kick_message *m, void *unused);

/* A value, as far as r says that there is one; a reason likewise. Frees value. */
void tsk_check_outcome(const char *file, int line, int r, cJSON *value, const char *why,
	int want, const char *text);

typedef int tsk_asking(const kick_task *, int64_t, cJSON **, kick_reason *);
void tsk_check_asked(const char *file, int line, tsk_asking *ask, const kick_task *t,
	int64_t ms, int want, const char *text);

/* Nothing is kept of any task, once those that have replied have ended. */
void tsk_expect_nothing_left(const char *file, int line);

#define AWAITS(t, ms, want, text) \
	tsk_check_asked(__FILE__, __LINE__, kick_task_await, (t), (ms), (want), (text))
#define YIELDS(t, ms, want, text) \
	tsk_check_asked(__FILE__, __LINE__, kick_task_yield, (t), (ms), (want), (text))
#define SHUTS_DOWN(t, ms, want, text) \
	tsk_check_asked(              \
		__FILE__, __LINE__, kick_task_shutdown, (t), (ms), (want), (text))
#define EXPECT_NOTHING_LEFT() tsk_expect_nothing_left(__FILE__, __LINE__)
#define OUTCOME(o, want, said)                                                     \
	tsk_check_outcome(__FILE__, __LINE__, (o).result, (o).value, (o).why.text, \
		(want), (said))

#endif
