/* "serve": a server that takes its sockets as systemd hands them over. */
#ifndef KICK_HELPER_SERVE_H
#define KICK_HELPER_SERVE_H

void do_serve(char **args);

#endif
