/* The control protocol's methods of a supervisor (kick-protocol(5)): OTP's calls as
 * JSON-RPC. For struct node's serve and unserve. */
#ifndef KICK_CONTROL_METHODS_H
#define KICK_CONTROL_METHODS_H

#include "otp/supervisor.h"

/* Answers FD_LISTEN of this supervisor process from now on. Negative errno. */
int methods_serve(struct supervisor *sv);

void methods_unserve(struct supervisor *sv);

#endif
