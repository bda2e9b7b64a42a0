/* The processes of other programs below the same kickd, and its agents and registries:
 * asked over their control sockets (kick-protocol(5)). What comes from our own program
 * is taken in meanwhile. Implemented in control/outside.c. */
#ifndef KICK_OTP_OUTSIDE_H
#define KICK_OTP_OUTSIDE_H

#include "kick.h"

/* method: "call", "cast" or "send". Of a call: waits until deadline (clock_now()) for
 * the answer, *ret is the caller's (NULL: dropped). -ESRCH: nobody has the name;
 * -ECONNRESET: it ended before it answered, *why; -EREMOTEIO: it refused, *why;
 * -EMSGSIZE, -ETIMEDOUT, -EACCES. */
int outside_ask(const char *dir, const char *socket, const char *method,
	const char *name, const cJSON *request, int64_t deadline, cJSON **ret,
	kick_reason *why);

#endif
