#ifndef KICK_HELPER_RESPOND_H
#define KICK_HELPER_RESPOND_H

#include <stdbool.h>

/* Listens on 127.0.0.1:port. What the file says: hang, garbage, flood, 500, half,
 * close; else it answers as it should. */
_Noreturn void respond(int port, const char *file);

#endif
