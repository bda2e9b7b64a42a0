/* A registry's locks: of each key one process at a time, the others in line. */
#ifndef KICK_OTP_REGISTRY_LOCK_H
#define KICK_OTP_REGISTRY_LOCK_H

#include "kick.h"

struct lock;

/* 0: it has the lock; -EAGAIN: it is in line, and is answered when its turn comes;
 * -EDEADLK: it is there already; -ENOMEM. */
int registry_lock_take(struct lock **locks, const char *key, kick_from from);

/* Has it or waits for it no more, if it did. */
void registry_lock_leave(struct lock **locks, const char *key, kick_pid pid);

/* The process is gone. */
void registry_lock_forget(struct lock **locks, kick_pid pid);

/* What one that asked for a lock and got it is told. */
void registry_answer(kick_from from, int r, cJSON *value);

#endif
