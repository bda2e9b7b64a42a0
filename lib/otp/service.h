/* Agents and registries of the configuration: processes of kickd's own, started like a
 * nested supervisor (nested.c), each with a link and with a socket on which it answers
 * requests. They have no children. What they do is in lib/control (service.c,
 * agentproc.c, registryproc.c), as it stands on the control protocol. */
#ifndef KICK_OTP_SERVICE_H
#define KICK_OTP_SERVICE_H

#include "otp/supervisor.h"

/* The life of an agent, of a registry: takes FD_LINK and FD_LISTEN. start was inherited
 * and lives on. Does not return. */
_Noreturn void agentproc_main(const struct supervisor_start *start);
_Noreturn void registryproc_main(const struct supervisor_start *start);

#endif
