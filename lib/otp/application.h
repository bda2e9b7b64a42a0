/* Applications:
 *
 *   application.c             what kick.h shows: the asking side, and the program's end
 *   application_controller.c  one process of a node, which knows what runs
 *   application_master.c      one process of each application that runs
 *   application_env.c         the configuration of applications */
#ifndef KICK_OTP_APPLICATION_H
#define KICK_OTP_APPLICATION_H

#include "kick.h"

/* --- application_controller.c --- */

/* Who it is; with start, after it has been started where there was none. -ESRCH, or
 * what kick_server_start() gives. */
int controller_find(bool start, kick_pid *ret);

/* Its requests are objects:
 *
 *   {"method": "start", "spec": SPEC, "type": N}      answered when it runs, or not
 *   {"method": "stop", "name": NAME}                  answered when it has stopped
 *   {"method": "which"}
 *   {"method": "get_env", "name": NAME, "key": KEY}   {"set"} or {"default"} or {}
 *   {"method": "set_env", "name": NAME, "key": KEY, "value": VALUE or missing}
 *   {"method": "shutdown"}                            answered when all have stopped
 *
 * SPEC is {"name", "applications", "start", "prep_stop", "stop", "args", "env"}. Where
 * nothing else is said, the answer is {"result": TEXT, "reason": TEXT or missing}.
 * A cast: {"method": "halt", "reason": REASON}. */

/* --- application_master.c --- */

/* What it sends the controller when the start function has returned a process. */
#define MASTER_STARTED "application_started"

/* A kick_function: starts the application, a SPEC, stops it when the controller says so
 * or its top process has ended, and ends with the reason of that. */
void application_master(void *spec);

/* --- application_env.c --- */

/* A text as a configuration means it: what is a number, true, false or null in JSON is
 * that, anything else a string. The caller's; NULL: no memory. */
cJSON *env_typed(const char *text);

#endif
