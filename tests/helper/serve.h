#ifndef KICK_HELPER_SERVE_H
#define KICK_HELPER_SERVE_H

#include <stdbool.h>

/* Listens on 127.0.0.1:port. What the file says: hang, garbage, flood, 500, half,
 * close; else it answers as it should. */
_Noreturn void serve(int port, const char *file);

#endif
