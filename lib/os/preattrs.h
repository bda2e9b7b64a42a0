/* Of the child's half of a spawn: niceness, limits and capabilities. The rules of
 * preexec.h hold. What must not be missed in silence ends the start; niceness and
 * oom_score_adj are only wishes: what the kernel says is noted for the parent. */
#ifndef KICK_OS_PREATTRS_H
#define KICK_OS_PREATTRS_H

#include "os/preexec.h"

/* First of all, while there are descriptors. */
void preattrs_group(struct preexec *p);

/* As kickd: before its right to raise limits may go with its user. */
void preattrs_limits(struct preexec *p);

/* Before the change of user, which needs capabilities that may go here, ... */
void preattrs_bound(struct preexec *p);

/* ... and after it. */
void preattrs_shed(struct preexec *p);

#endif
