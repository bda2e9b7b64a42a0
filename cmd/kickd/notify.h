/* kickd as a service of another manager: sd_notify(3) to whoever started it. */
#ifndef KICK_KICKD_NOTIFY_H
#define KICK_KICKD_NOTIFY_H

/* Takes NOTIFY_SOCKET out of the environment, before anybody inherits it. */
void notify_init(void);

/* Opens what is needed to tell him, as long as there is a descriptor for it. Negative
 * errno. After reserve_roles(). */
int notify_open(void);

/* "READY=1", "STOPPING=1". Nothing when nobody asked. Never waits. */
void notify_starter(const char *state);

#endif
