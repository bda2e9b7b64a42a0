/* Registries, as far as the rest of the library asks them. */
#ifndef KICK_OTP_REGISTRY_H
#define KICK_OTP_REGISTRY_H

#include "kick.h"

/* Who has the key and is alive. -ESRCH: nobody, or there is no such registry. */
int registry_whereis(const char *registry, const cJSON *key, kick_pid *ret);

#endif
