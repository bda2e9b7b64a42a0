/* The web server of the Servy application. HTTP itself is libmicrohttpd's, which gives
 * us a descriptor to poll, as libkick does: one loop waits for both, so that what a
 * page needs is a call to another server away. The listening socket is opened here, so
 * that a port in use is told from all else that can go wrong. */
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/num.h"
#include "kick.h"
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
	kick_raise("kaboom");
}

/* --- answers ------------------------------------------------------------------------
 */

static enum MHD_Result send_page(struct MHD_Connection *connection, const char *method,
	const char *path, unsigned status, const struct page *page)
{
	struct MHD_Response *response;
	char outcome[12];
	enum MHD_Result r = MHD_NO;
	struct buf text;

	buf_init(&text, 0);
	if (!page_write(page, &text))
		status = MHD_HTTP_SERVICE_UNAVAILABLE;
	(void)snprintf(outcome, sizeof outcome, "%u", status);
	log_request(method, path, outcome);
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

/* Without a body, with one header. */
static enum MHD_Result send_empty(struct MHD_Connection *connection, unsigned status,
	const char *header, const char *value)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result r = MHD_NO;

	if (!response)
		return MHD_NO;
	if (MHD_add_response_header(response, header, value))
		r = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return r;
}

/* --- requests -----------------------------------------------------------------------
 */

/* A request while it comes in. */
struct request {
	struct MHD_PostProcessor *form; /* NULL: its body is not looked at */
	char name[64], amount[16];
};

static enum MHD_Result take_field(void *user, enum MHD_ValueKind kind, const char *key,
	const char *file, const char *type, const char *encoding, const char *value,
	uint64_t at, size_t n)
{
	struct request *rq = user;
	char *to = strcmp(key, "name") == 0 ? rq->name : rq->amount;
	size_t room = to == rq->name ? sizeof rq->name : sizeof rq->amount;

	(void)kind;
	(void)file;
	(void)type;
	(void)encoding;
	/* What does not fit is cut: it is a name. */
	if (strcmp(key, "name") != 0 && strcmp(key, "amount") != 0)
		return MHD_YES;
	for (size_t i = 0; i < n && at + i + 1 < room; i++) {
		to[at + i] = value[i];
		to[at + i + 1] = '\0';
	}
	return MHD_YES;
}

static void on_completed(void *user, struct MHD_Connection *connection, void **state,
	enum MHD_RequestTerminationCode why)
{
	struct request *rq = *state;

	(void)user;
	(void)connection;
	(void)why;
	if (rq && rq->form)
		(void)MHD_destroy_post_processor(rq->form);
	free(rq);
}

static bool is_pledge(const char *method, const char *path)
{
	return strcmp(method, "POST") == 0 && strcmp(path, "/pledges") == 0;
}

static enum MHD_Result take_pledge(
	struct MHD_Connection *connection, const struct request *rq)
{
	int r = page_pledge(rq->name, rq->amount);

	log_request("POST", "/pledges", r == 0 ? "303" : r == -EINVAL ? "400" : "503");
	if (r == 0)
		return send_empty(
			connection, MHD_HTTP_SEE_OTHER, "Location", "/pledges");
	return send_empty(connection,
		r == -EINVAL ? MHD_HTTP_BAD_REQUEST : MHD_HTTP_SERVICE_UNAVAILABLE,
		"Content-Type", "text/plain");
}

static enum MHD_Result answer(struct MHD_Connection *connection, const char *method,
	const char *path, const struct request *rq)
{
	const struct page *page = page_find(path);

	if (is_pledge(method, path))
		return take_pledge(connection, rq);
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
		log_request(method, path, "405");
		return send_empty(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "Allow",
			strcmp(path, "/pledges") == 0 ? "GET, HEAD, POST"
						      : "GET, HEAD");
	}
	if (strcmp(path, "/kaboom") == 0)
		crash();
	return send_page(connection, method, path,
		page ? MHD_HTTP_OK : MHD_HTTP_NOT_FOUND, page ? page : page_missing());
}

/* Called once when the headers are there, again for each piece of a body, and once more
 * when all has come; only then is it answered. */
static enum MHD_Result on_request(void *user, struct MHD_Connection *connection,
	const char *path, const char *method, const char *version, const char *body,
	size_t *body_len, void **state)
{
	struct request *rq = *state;

	(void)user;
	(void)version;
	if (!rq) {
		rq = *state = calloc(1, sizeof *rq);
		if (rq && is_pledge(method, path))
			rq->form = MHD_create_post_processor(
				connection, 1024, take_field, rq);
		return rq ? MHD_YES : MHD_NO;
	}
	if (*body_len > 0) {
		if (rq->form)
			(void)MHD_post_process(rq->form, body, *body_len);
		*body_len = 0;
		return MHD_YES;
	}
	return answer(connection, method, path, rq);
}

/* --- life ---------------------------------------------------------------------------
 */

/* Whether our supervisor wants us to stop: an exit signal, as we trap them. */
static bool is_told_to_stop(void)
{
	kick_message *m;
	bool stop = false;

	while (!stop && kick_receive(NULL, NULL, 0, &m) == 0) {
		stop = m->kind == KICK_EXIT;
		kick_message_free(m);
	}
	return stop;
}

static void serve_until_stop(struct MHD_Daemon *server)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(server, MHD_DAEMON_INFO_EPOLL_FD);
	struct pollfd p[2] = { { .fd = info->epoll_fd, .events = POLLIN },
		{ .fd = kick_fd(), .events = POLLIN } };

	while (!is_told_to_stop()) {
		MHD_UNSIGNED_LONG_LONG ms;
		bool limited = MHD_get_timeout(server, &ms) == MHD_YES;

		(void)poll(p, 2, limited ? (int)(ms < 60000 ? ms : 60000) : -1);
		(void)MHD_run(server);
	}
}

static int serve(int fd, int port)
{
	struct MHD_Daemon *server;

	/* A client that hangs up is no reason to end. */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)kick_trap_exit(true);
	server = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, NULL,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
		NULL, MHD_OPTION_END);
	if (!server) {
		(void)fprintf(stderr, "servy: cannot start the web server\n");
		(void)fd_close(fd);
		return SERVY_FAILED;
	}
	(void)printf("listening on http://127.0.0.1:%d\n", port);
	(void)kick_ready();
	serve_until_stop(server);
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
