/* kickd's exit statuses, as kickd(8) lists them. */
#ifndef KICK_KICKD_STATUS_H
#define KICK_KICKD_STATUS_H

enum {
	STATUS_DONE = 0,
	STATUS_GAVE_UP = 1,
	STATUS_USAGE = 2,
	STATUS_CANT_CREATE = 73,
	STATUS_IN_USE = 75,
	STATUS_NOT_PERMITTED = 77,
	STATUS_CONFIG = 78,
	STATUS_NOT_RUN = 126, /* -- COMMAND: there, but could not be executed */
	STATUS_NOT_FOUND = 127,
	STATUS_QUIT = 131,
	STATUS_HURRIED = 137,
};

#endif
