/* Tests of registries: keys and values are written as JSON texts, NULL is none. */
#ifndef KICK_TESTS_REGTEST_H
#define KICK_TESTS_REGTEST_H

#include "support/nodeserver.h"

extern kick_pid reg_tester;

/* Not linked to the caller, who is known to clerks that are made later too. */
kick_pid reg_start(const char *name, kick_registry_keys keys);
void reg_stop(const char *name);

/* The process id in the kernel of the process that was spawned last in the node. */
pid_t reg_last_spawned(void);

int reg_register(
	const char *registry, const char *key, const char *value, kick_pid *holder);
int reg_unregister(const char *registry, const char *key);

/* Asks until it is so many. */
void reg_await_count(const char *registry, int n);

/* How many links or monitors the caller has. */
int reg_my(const char *what);

/* A callback of dispatch: adds the value to the list user. */
void reg_note(kick_pid pid, const cJSON *value, void *user);

/* A callback of lock: does nothing. */
void reg_locked(void *unused);

void reg_check_json(const char *file, int line, const cJSON *got, const char *want);
void reg_check_holder(const char *file, int line, const char *registry, const char *key,
	const char *value, int want, kick_pid holder);

enum reg_question {
	REG_LOOKUP, /* the values only */
	REG_KEYS,
	REG_VALUES
};
void reg_check(const char *file, int line, enum reg_question q, const char *registry,
	const char *key, kick_pid pid, const char *want);

#define JSON_IS(got, want) reg_check_json(__FILE__, __LINE__, (got), (want))
#define HOLDER(reg, key, value, want, holder) \
	reg_check_holder(__FILE__, __LINE__, (reg), (key), (value), (want), (holder))
#define LOOKUP(reg, key, want) \
	reg_check(__FILE__, __LINE__, REG_LOOKUP, (reg), (key), NOBODY, (want))
#define KEYS(reg, pid, want) \
	reg_check(__FILE__, __LINE__, REG_KEYS, (reg), NULL, (pid), (want))
#define VALUES(reg, key, pid, want) \
	reg_check(__FILE__, __LINE__, REG_VALUES, (reg), (key), (pid), (want))

/* A process, not linked, that does what it is told in the registry "reg". Verbs:
 *   register KEY VALUE, unregister KEY, trap, lock KEY, return, raise KEY (as a text)
 *   hear REASON: waits for an EXIT message; quiet: how many have come
 * The result is the library's. Within a lock it says "in KEY", waits for a text, does
 * what it says ("out", "raise", "kill", "nothing") and, out of it, says "out KEY
 * RESULT". */
kick_pid clerk(void);
int clerk_do(kick_pid clerk, const char *verb, const char *key, const char *value);

/* Does not wait. */
void clerk_order(kick_pid clerk, const char *verb, const char *key, const char *value);

#endif
