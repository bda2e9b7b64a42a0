/* Filters of system calls, as containers have them, and as older kernels would answer.
 * For tree_before_exec() and the like: each ends the process if it cannot be had. */
#ifndef TESTS_IT_FILTER_H
#define TESTS_IT_FILTER_H

/* clone3(2) is refused. */
void filter_clone3(void);

/* pidfd_send_signal(2) knows no flags, as before Linux 6.9. */
void filter_groups_by_pidfd(void);

#endif
