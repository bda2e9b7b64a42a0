/* Tasks, as far as the rest of the library makes them. */
#ifndef KICK_OTP_TASK_H
#define KICK_OTP_TASK_H

#include "kick.h"

/* A task that was not started by kick_task_async() is the caller's from now on, who may
 * ask for it; its ref is set. 0 or -ENOMEM. */
int task_adopt(kick_task *t);

/* It is nobody's, as it has not been started after all. */
void task_disown(const kick_task *t);

#endif
