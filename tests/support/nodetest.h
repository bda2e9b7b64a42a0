/* Each test of libkick has a node of its own: node_run() forks, makes the child
 * a node, runs the test's body as its first process, and sees to it that all of
 * it is gone afterwards.
 *
 *   NODE_TEST(lib_links, lnk_09_a_normal_end_lets_the_other_one_live)
 *   {
 *           kick_pid a = puppet(), b = puppet();
 *
 *           CHECK_INT(puppet_do(a, "link", b, NULL), 0);
 *           ...
 *   }
 *
 * Any process of the node may use CHECK and its like: one that fails tells the
 * test and ends its process at once. Nothing waits longer than the test's
 * deadline. */
#ifndef KICK_TESTS_NODETEST_H
#define KICK_TESTS_NODETEST_H

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/macro.h"
#include "kick.h"

/* A case, and a single wait within it; only a failure ever waits for so long.
 */
#ifdef __SANITIZE_ADDRESS__
#define NODE_DEADLINE_MS 60000
#else
#define NODE_DEADLINE_MS 30000
#endif
#define NODE_PATIENCE_MS (NODE_DEADLINE_MS * 3 / 4)

enum {
	NODE_BARE = 1, /* the body calls kick_start() itself, or not at all */
	NODE_LOST = 2, /* the node is killed: its processes may outlive it for a
			  moment, its files for ever */
};

/* Returns the status of wait(2) for the node. Fails the test when a CHECK did,
 * when the deadline passed, and when a process or a file was left. */
int node_run(void (*body)(void), int flags);

#define NODE_TEST(suite, name)                                                     \
	static void suite##_##name##_body(void);                                   \
	Test(suite, name)                                                          \
	{                                                                          \
		int status = node_run(suite##_##name##_body, 0);                   \
                                                                                   \
		cr_assert_eq(                                                      \
			status, 0, "the node ended with wait status %#x", status); \
	}                                                                          \
	static void suite##_##name##_body(void)

/* --- what may be said within a node ------------------------------------------------
 */

_Noreturn void node_fail(const char *file, int line, const char *fmt, ...)
	KICK_PRINTF(3, 4);
void node_check_int(
	const char *file, int line, const char *what, int64_t got, int64_t want);
void node_check_text(const char *file, int line, const char *what, const char *got,
	const char *want);
void node_check_pid(
	const char *file, int line, const char *what, kick_pid got, kick_pid want);

#define FAIL(...) node_fail(__FILE__, __LINE__, __VA_ARGS__)
#define CHECK(cond)                                \
	do {                                       \
		if (!(cond))                       \
			FAIL("not so: %s", #cond); \
	} while (0)
#define CHECK_INT(got, want) \
	node_check_int(__FILE__, __LINE__, #got, (int64_t)(got), (int64_t)(want))
#define CHECK_TEXT(got, want) node_check_text(__FILE__, __LINE__, #got, (got), (want))
#define CHECK_PID(got, want) node_check_pid(__FILE__, __LINE__, #got, (got), (want))

/* --- what comes to the caller ------------------------------------------------------
 */

/* The next one for which match holds; fails when none comes. */
kick_message *node_take(
	const char *file, int line, const char *what, kick_match *match, void *user);

/* The next EXIT of from, the DOWN of ref, the next text; each must be the very
 * one. */
void node_expect_exit(const char *file, int line, kick_pid from, const char *reason);
void node_expect_down(
	const char *file, int line, kick_ref ref, kick_pid from, const char *reason);
void node_expect_text(const char *file, int line, const char *text);

/* All that was under way has come, and there is no message at all. */
void node_expect_silence(const char *file, int line);

#define TAKE(match, user) node_take(__FILE__, __LINE__, #match, (match), (user))
#define EXPECT_EXIT(from, reason) node_expect_exit(__FILE__, __LINE__, (from), (reason))
#define EXPECT_DOWN(ref, from, reason) \
	node_expect_down(__FILE__, __LINE__, (ref), (from), (reason))
#define EXPECT_TEXT(text) node_expect_text(__FILE__, __LINE__, (text))
#define EXPECT_SILENCE() node_expect_silence(__FILE__, __LINE__)

/* Waits until the node has done all that it was told or saw before: the end of
 * a process that begins now has been told to the caller. */
void node_settle(void);

/* Waits until pid is gone. */
void node_gone(kick_pid pid);

bool match_plain(const kick_message *m, void *unused); /* KICK_MESSAGE */
bool match_text(const kick_message *m, void *text);    /* KICK_MESSAGE, this text */

void send_text(kick_pid to, const char *text);
void send_number(kick_pid to, int n);
int take_number(void);

/* A process that waits for ever, in the library or outside of it. */
void idle_receiving(void *unused);
void idle_pausing(void *unused);

/* --- processes that do what they are told ------------------------------------------
 */

/* Not linked to the caller. */
kick_pid puppet(void);
kick_pid puppet_trapping(void);

/* Tells it to do something and waits for what came of it. Verbs:
 *   ping, trap, untrap, link PID, unlink PID, monitor PID, exit PID TEXT,
 *   register TEXT, unregister TEXT, send PID TEXT, ospid
 *   hear PID TEXT: waits for "EXIT" or "DOWN" of PID, *ret is its reason
 *   heard TEXT: waits for so many of them; *ret lists all that have come
 *   quiet: how many of them have come that nobody asked for
 * The result is the library's. ret may be NULL. */
int puppet_ask(
	kick_pid p, const char *verb, kick_pid other, const char *text, cJSON **ret);
int puppet_do(kick_pid p, const char *verb, kick_pid other, const char *text);

/* Does not wait. Verbs besides those above: raise TEXT, return, status N,
 * signal N, pause. */
void puppet_order(kick_pid p, const char *verb, const char *text);

void puppet_check_hears(const char *file, int line, kick_pid p, bool down,
	kick_pid from, const char *reason);
#define HEARS_EXIT(p, from, reason) \
	puppet_check_hears(__FILE__, __LINE__, (p), false, (from), (reason))
#define HEARS_DOWN(p, from, reason) \
	puppet_check_hears(__FILE__, __LINE__, (p), true, (from), (reason))
#define HEARS_NO_MORE(p) CHECK_INT(puppet_do((p), "quiet", NOBODY, NULL), 0)

#define NOBODY ((kick_pid){ 0, 0 })

/* Its process id in the kernel. */
pid_t puppet_os_pid(kick_pid p);

/* Monitors it, tells it, and waits for its end with that reason. */
void node_end(const char *file, int line, kick_pid p, const char *verb,
	const char *text, const char *reason);
#define PUPPET_ENDS(p, verb, text, reason) \
	node_end(__FILE__, __LINE__, (p), (verb), (text), (reason))

#endif
