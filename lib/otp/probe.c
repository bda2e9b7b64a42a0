/* Questions over TCP. See probe.h. */
#include "otp/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/limits.h"
#include "base/num.h"
#include "otp/httpstatus.h"
#include "otp/internal.h"

static struct loop *loop_of(const struct probe *p)
{
	return p->child->sup->loop;
}

static void close_io(struct probe *p)
{
	loop_remove(loop_of(p), &p->io);
	p->io.fd = fd_close(p->io.fd);
	free(p->bytes);
	p->bytes = NULL;
}

void probe_answer(struct probe *p, enum probe_result result, const char *text)
{
	if (!p->running)
		return;
	p->running = false;
	loop_disarm(loop_of(p), &p->timeout);
	close_io(p);
	p->done(p, result, text);
}

static void fail_errno(struct probe *p, int code)
{
	probe_answer(p, spawn_for_want(code) ? PROBE_UNASKED : PROBE_FAILED,
		strerror(-code));
}

static void on_timeout(struct timer *t, int64_t now)
{
	struct probe *p = container_of(t, struct probe, timeout);
	char text[64], time[40];

	(void)now;
	(void)snprintf(text, sizeof text, "no answer within %.40s",
		num_duration_text(p->spec.timeout_ns, time, sizeof time));
	probe_exec_kill(p);
	probe_answer(p, PROBE_FAILED, text);
}

/* --- connecting ---------------------------------------------------------------------
 */

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t make_address(
	const struct probe_spec *spec, unsigned tried, union address *a)
{
	bool v6 = spec->family == 6 || (spec->family == 0 && tried > 0);

	memset(a, 0, sizeof *a);
	if (!v6) {
		a->v4.sin_family = AF_INET;
		a->v4.sin_port = htons(spec->port);
		a->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		if (spec->family == 4)
			memcpy(&a->v4.sin_addr, spec->ip, sizeof a->v4.sin_addr);
		return sizeof a->v4;
	}
	a->v6.sin6_family = AF_INET6;
	a->v6.sin6_port = htons(spec->port);
	a->v6.sin6_addr = in6addr_loopback;
	if (spec->family == 6)
		memcpy(&a->v6.sin6_addr, spec->ip, sizeof a->v6.sin6_addr);
	return sizeof a->v6;
}

static void on_io(struct io *io, uint32_t events);

static int try_connect(struct probe *p)
{
	union address a;
	socklen_t len = make_address(&p->spec, p->tried++, &a);
	int r;

	p->io.fd =
		socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (p->io.fd < 0)
		return -errno;
	if (connect(p->io.fd, &a.any, len) < 0 && errno != EINPROGRESS)
		return -errno;
	p->io.call = on_io;
	r = loop_add(loop_of(p), &p->io, EPOLLOUT);
	return r;
}

/* With nobody there, a connection to a port of one's own host may get that very port
 * for its other end, and so be one with itself. */
static bool is_own_end(int fd)
{
	union address here, there;
	socklen_t n = sizeof here, m = sizeof there;

	memset(&here, 0, sizeof here);
	memset(&there, 0, sizeof there);
	return getsockname(fd, &here.any, &n) == 0 &&
		getpeername(fd, &there.any, &m) == 0 && n == m &&
		memcmp(&here, &there, n) == 0;
}

static int connect_result(int fd)
{
	int code = 0;
	socklen_t n = sizeof code;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &n) < 0)
		return -errno;
	if (code != 0)
		return -code;
	return is_own_end(fd) ? -ECONNREFUSED : 0;
}

/* localhost is either address: the second one is tried when the first is refused. */
static void connect_failed(struct probe *p, int code)
{
	while (p->spec.family == 0 && p->tried < 2 && !spawn_for_want(code)) {
		int again;

		loop_remove(loop_of(p), &p->io);
		p->io.fd = fd_close(p->io.fd);
		again = try_connect(p);
		if (again == 0)
			return;
		if (again != -EAFNOSUPPORT && again != -EADDRNOTAVAIL)
			code = again;
	}
	fail_errno(p, code);
}

/* --- HTTP ---------------------------------------------------------------------------
 */

static void answered(struct probe *p, int status)
{
	char text[64];

	(void)snprintf(text, sizeof text, "HTTP status %d", status);
	if (status >= 200 && status <= 399)
		probe_answer(p, PROBE_WELL, "");
	else
		probe_answer(p, PROBE_FAILED, text);
}

static void receive(struct probe *p)
{
	ssize_t n = recv(p->io.fd, p->bytes + p->len, KICK_PROBE_ANSWER_MAX - p->len,
		MSG_DONTWAIT);
	int status;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		fail_errno(p, -errno);
		return;
	}
	p->len += (uint32_t)n;
	status = http_status(p->bytes, p->len);
	if (status > 0)
		answered(p, status);
	else if (status < 0 || p->len == KICK_PROBE_ANSWER_MAX)
		probe_answer(p, PROBE_FAILED, "the answer is not HTTP");
	else if (n == 0)
		probe_answer(p, PROBE_FAILED,
			p->len > 0 ? "the answer ends too early" : "no answer");
}

static void transmit(struct probe *p)
{
	ssize_t n = send(p->io.fd, p->bytes + p->sent, p->len - p->sent,
		MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		fail_errno(p, -errno);
		return;
	}
	p->sent += (uint32_t)n;
	if (p->sent < p->len)
		return;
	p->len = 0;
	(void)loop_change(loop_of(p), &p->io, EPOLLIN);
}

static void on_io(struct io *io, uint32_t events)
{
	struct probe *p = container_of(io, struct probe, io);
	int r;

	if (p->connecting) {
		r = connect_result(io->fd);
		if (r < 0) {
			connect_failed(p, r);
			return;
		}
		if (p->spec.kind == PROBE_TCP) {
			probe_answer(p, PROBE_WELL, "");
			return;
		}
		p->connecting = false;
	}
	if (io->events & EPOLLOUT)
		transmit(p);
	else if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		receive(p);
}

/* KICK_PROBE_TARGET_MAX sees to it that it fits. */
static int make_request(struct probe *p, const struct probe_spec *spec)
{
	p->bytes = malloc(KICK_PROBE_ANSWER_MAX);
	if (!p->bytes)
		return -ENOMEM;
	p->sent = 0;
	p->len = (uint32_t)snprintf(p->bytes, KICK_PROBE_ANSWER_MAX,
		"GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: kick\r\nAccept: */*\r\n"
		"Connection: close\r\n\r\n",
		REL_STR(spec->path), REL_STR(spec->host));
	return 0;
}

/* --- all ----------------------------------------------------------------------------
 */

static void start_tcp(struct probe *p, const struct probe_spec *spec)
{
	int r = spec->kind == PROBE_HTTP ? make_request(p, spec) : 0;

	if (r < 0) {
		fail_errno(p, r);
		return;
	}
	p->connecting = true;
	p->tried = 0;
	r = try_connect(p);
	if (r < 0)
		connect_failed(p, r);
}

void probe_start(struct probe *p, const struct probe_spec *spec)
{
	p->running = true;
	p->spec = *spec;
	p->timeout.call = on_timeout;
	p->io.fd = -1;
	loop_arm(loop_of(p), &p->timeout, loop_now(loop_of(p)) + spec->timeout_ns);
	if (spec->kind == PROBE_EXEC)
		probe_exec(p, spec);
	else
		start_tcp(p, spec);
}

void probe_stop(struct probe *p)
{
	probe_exec_kill(p);
	if (!p->running)
		return;
	p->running = false;
	loop_disarm(loop_of(p), &p->timeout);
	close_io(p);
}
