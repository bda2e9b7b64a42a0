/* The web server of the Servy application. HTTP itself is libmicrohttpd's, in a thread
 * of its own; the first thread waits for the order to stop. The listening socket is
 * opened here, so that a port in use is told from all else that can go wrong. */
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/num.h"
#include "pages.h"
#include "servy.h"

#define PORT 4000

/* On success *ret_fd listens, and *ret_port is the port: for 0, a free one. */
static int listen_on(int port, int *ret_fd, int *ret_port)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct sockaddr *any = (struct sockaddr *)&at;
	socklen_t size = sizeof at;
	autoclose int fd =
		socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int on = 1;

	if (fd < 0)
		return -errno;
	/* Connections of the server before this one may still be in their last wait. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
		bind(fd, any, size) < 0 || listen(fd, SOMAXCONN) < 0 ||
		getsockname(fd, any, &size) < 0)
		return -errno;
	*ret_port = ntohs(at.sin_port);
	*ret_fd = fd_steal(&fd);
	return 0;
}

/* The path is whatever a client sent: it is shown, but moves nobody's cursor. */
static void log_request(const char *method, const char *path, const char *outcome)
{
	char shown[128];

	(void)snprintf(shown, sizeof shown, "%s", path);
	for (char *c = shown; *c; c++)
		*c = *c > ' ' && *c < 0x7f ? *c : '?';
	(void)printf("%.16s %s %s\n", method, shown, outcome);
}

static _Noreturn void crash(void)
{
	log_request("GET", "/kaboom", "kaboom");
	abort();
}

static enum MHD_Result send_page(
	struct MHD_Connection *connection, unsigned status, const struct page *page)
{
	struct MHD_Response *response;
	enum MHD_Result r = MHD_NO;
	struct buf text;

	buf_init(&text, 0);
	page_write(page, &text);
	response = !buf_ok(&text) ? NULL
				  : MHD_create_response_from_buffer(
					    text.len, text.data, MHD_RESPMEM_MUST_COPY);
	buf_done(&text);
	if (!response)
		return MHD_NO;
	if (MHD_add_response_header(
		    response, "Content-Type", "text/html; charset=utf-8"))
		r = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return r;
}

static enum MHD_Result send_refusal(struct MHD_Connection *connection)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result r = MHD_NO;

	if (!response)
		return MHD_NO;
	if (MHD_add_response_header(response, "Allow", "GET, HEAD"))
		r = MHD_queue_response(
			connection, MHD_HTTP_METHOD_NOT_ALLOWED, response);
	MHD_destroy_response(response);
	return r;
}

/* Called once when the headers are there, again for each piece of a body, and once more
 * when all has come; only then is it answered. The pieces are not looked at. */
static enum MHD_Result on_request(void *user, struct MHD_Connection *connection,
	const char *path, const char *method, const char *version, const char *body,
	size_t *body_len, void **state)
{
	static char begun;
	const struct page *page = page_find(path);

	(void)user;
	(void)version;
	(void)body;
	if (!*state || *body_len > 0) {
		*state = &begun;
		*body_len = 0;
		return MHD_YES;
	}
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
		log_request(method, path, "405");
		return send_refusal(connection);
	}
	if (strcmp(path, "/kaboom") == 0)
		crash();
	log_request(method, path, page ? "200" : "404");
	return send_page(connection, page ? MHD_HTTP_OK : MHD_HTTP_NOT_FOUND,
		page ? page : page_missing());
}

static int serve(int fd, int port)
{
	struct MHD_Daemon *server;

	hold_stop_signals();
	/* A client that hangs up is no reason to end. */
	(void)signal(SIGPIPE, SIG_IGN);
	server = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO, 0,
		NULL, NULL, on_request, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_END);
	if (!server) {
		(void)fprintf(stderr, "servy: cannot start the web server\n");
		(void)fd_close(fd);
		return SERVY_FAILED;
	}
	(void)printf("listening on http://127.0.0.1:%d\n", port);
	(void)wait_for_stop(-1);
	MHD_stop_daemon(server);
	return SERVY_DONE;
}

int http_server_run(char **argv)
{
	int64_t port = PORT;
	int bound = 0;
	int fd = -EBADF;
	int r;

	if (argv[1] && num_int(argv[1], 0, UINT16_MAX, &port) < 0) {
		(void)fprintf(stderr, "servy: \"%s\" is no port\n", argv[1]);
		return SERVY_USAGE;
	}
	r = listen_on((int)port, &fd, &bound);
	if (r < 0) {
		(void)fprintf(stderr, "servy: cannot listen on 127.0.0.1:%d: %s\n",
			(int)port, strerrordesc_np(-r));
		return SERVY_FAILED;
	}
	return serve(fd, bound);
}
