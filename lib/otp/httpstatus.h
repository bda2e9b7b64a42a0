/* The first line of an HTTP answer, which is all that a probe wants to know. Pure. */
#ifndef KICK_OTP_HTTPSTATUS_H
#define KICK_OTP_HTTPSTATUS_H

#include <stddef.h>

/* The status of the answer that begins with n bytes; interim ones (100 to 199) are
 * passed over. 0: more bytes are needed; -EBADMSG: this is no HTTP. */
int http_status(const char *bytes, size_t n);

#endif
