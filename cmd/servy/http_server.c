/* The role that people look at. The socket is opened here and not by the library, so
 * that a refused address is explained, and so that a successor can bind at once: the
 * connections of a crashed server linger, and without SO_REUSEADDR they keep the port.
 * Requests are served by the library's thread, while the first thread waits for the
 * signal to end. */
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ending.h"
#include "pages.h"
#include "roles.h"

#define BACKLOG 128
#define SHOWN_MAX 200

/* A path may hold anything, once decoded; the log has one line for each request. */
static const char *printable(const char *text, char *buf, size_t size)
{
	size_t n = 0;

	for (; text[n] && n < size - 1; n++)
		buf[n] = text[n] > ' ' && text[n] < 0x7f ? text[n] : '?';
	buf[n] = '\0';
	return buf;
}

static void note(const char *method, const char *path, const char *outcome)
{
	char shown_method[16];
	char shown_path[SHOWN_MAX];

	(void)printf("%s %s %s\n", printable(method, shown_method, sizeof shown_method),
		printable(path, shown_path, sizeof shown_path), outcome);
	(void)fflush(stdout);
}

static enum MHD_Result reply(struct MHD_Connection *connection, const struct page *page)
{
	/* The library takes a pointer to what it will not change. */
	struct MHD_Response *response =
		MHD_create_response_from_buffer(strlen(page->html),
			(void *)(uintptr_t)page->html, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result r;

	if (!response)
		return MHD_NO;
	(void)MHD_add_response_header(
		response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/html; charset=utf-8");
	if (page->status == MHD_HTTP_METHOD_NOT_ALLOWED)
		(void)MHD_add_response_header(
			response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	r = MHD_queue_response(connection, page->status, response);
	MHD_destroy_response(response);
	return r;
}

/* Called when the headers are there, then for each piece of a body, then at the end:
 * *state tells the first call from the others. */
static enum MHD_Result answer(void *user, struct MHD_Connection *connection,
	const char *path, const char *method, const char *version, const char *upload,
	size_t *upload_size, void **state)
{
	static char seen;
	const struct page *page = page_find(path);
	char status[16];

	(void)user;
	(void)version;
	(void)upload;
	if (!*state) {
		*state = &seen;
		return MHD_YES;
	}
	if (*upload_size > 0) {
		*upload_size = 0;
		return MHD_YES;
	}
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
		strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		page = page_not_allowed();
	if (page->crashes) {
		note(method, path, "kaboom");
		abort();
	}
	(void)snprintf(status, sizeof status, "%u", page->status);
	note(method, path, status);
	return reply(connection, page);
}

/* A socket that listens on 127.0.0.1, or a negative errno. */
static int open_socket(long port)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
		bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
		listen(fd, BACKLOG) == 0)
		return fd;
	r = -errno;
	(void)close(fd);
	return r;
}

static unsigned port_of(int fd)
{
	struct sockaddr_in address = { 0 };
	socklen_t size = sizeof address;

	(void)getsockname(fd, (struct sockaddr *)&address, &size);
	return ntohs(address.sin_port);
}

int role_http_server(long port)
{
	struct MHD_Daemon *daemon;
	int fd = open_socket(port);

	if (fd < 0) {
		(void)fprintf(stderr, "servy: cannot listen on 127.0.0.1:%ld: %s\n",
			port, strerror(-fd));
		return 1;
	}
	/* A reader that has gone away is no reason to end. */
	(void)signal(SIGPIPE, SIG_IGN);
	port = (long)port_of(fd);
	daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, answer,
		NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_TIMEOUT, 30U,
		MHD_OPTION_END);
	if (!daemon) {
		(void)fprintf(stderr, "servy: cannot start the HTTP server\n");
		(void)close(fd);
		return 1;
	}
	(void)printf("listening on http://127.0.0.1:%ld\n", port);
	(void)fflush(stdout);
	ending_wait();
	MHD_stop_daemon(daemon);
	return 0;
}
