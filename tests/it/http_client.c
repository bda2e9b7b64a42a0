#include "http_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"

#define REQUEST "GET /hello.txt HTTP/1.0\r\nHost: localhost\r\n\r\n"
#define PAUSE_MS \
	1 /* after a refusal, which costs nothing and would be counted for ever */

/* One connection at a time. */
struct slot {
	int fd;	  /* -1: none */
	int code; /* connect failed at once with this */
	bool sent;
	double deadline;
	char text[1024];
	size_t len;
};

enum fate {
	GOES_ON,
	ANSWERED,
	REFUSED,
	RESET,
	LOST,
	LATE,
	OTHER
};

static struct sockaddr_in address_of(int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static enum fate fate_of(int code, bool connected)
{
	if (code == ECONNREFUSED)
		return REFUSED;
	if (code == ECONNRESET || code == EPIPE)
		return connected ? RESET : REFUSED;
	errno = code;
	return OTHER;
}

/* --- one connection ------------------------------------------------------------------
 */

/* It is closed by a reset once it has been answered: no TIME_WAIT uses the ports up. */
static void dial(struct http_client *c, struct slot *s)
{
	struct sockaddr_in a = address_of(c->port);
	struct linger hard = { .l_onoff = 1 };

	*s = (struct slot){ .deadline = it_now() + IT_SECONDS };
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	(void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	if (connect(s->fd, (struct sockaddr *)&a, sizeof a) < 0 && errno != EINPROGRESS)
		s->code = errno;
}

static enum fate say(struct slot *s)
{
	int code = s->code;
	socklen_t n = sizeof code;

	if (!code)
		(void)getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &code, &n);
	if (code)
		return fate_of(code, false);
	if (send(s->fd, REQUEST, sizeof REQUEST - 1, MSG_NOSIGNAL) < 0)
		return fate_of(errno, true);
	s->sent = true;
	return GOES_ON;
}

/* As far as it goes. */
static bool is_fine(const char *text)
{
	const char *status = strchr(text, ' ');

	return !status || strncmp(status, " 200", strnlen(status, 4)) == 0;
}

static enum fate hear(struct http_client *c, struct slot *s)
{
	ssize_t n = recv(s->fd, s->text + s->len, sizeof s->text - 1 - s->len, 0);

	if (n < 0)
		return errno == EAGAIN ? GOES_ON : fate_of(errno, true);
	s->len += (size_t)n;
	s->text[s->len] = '\0';
	if (strstr(s->text, c->answer))
		return ANSWERED;
	if (n > 0 && s->len < sizeof s->text - 1)
		return GOES_ON;
	return s->len == 0 || is_fine(s->text) ? LOST : OTHER;
}

static enum fate step(struct http_client *c, struct slot *s, short events)
{
	if (!events)
		return it_now() > s->deadline ? LATE : GOES_ON;
	return s->sent ? hear(c, s) : say(s);
}

/* --- all of them ---------------------------------------------------------------------
 */

static void count(struct http_client *c, enum fate fate, struct slot *s, double *last)
{
	struct http_counts *n = &c->counts;
	int *which[] = { NULL, &n->answered, &n->refused, &n->reset, &n->lost, &n->late,
		&n->other };
	double now = it_now();

	++*which[fate];
	if (fate == ANSWERED) {
		if (*last > 0 && now - *last > c->gap)
			c->gap = now - *last;
		*last = now;
	} else if (fate == OTHER) {
		(void)snprintf(c->trouble, sizeof c->trouble, "%.100s",
			s->len ? s->text : strerror(errno));
	}
}

static bool may_begin(const struct http_client *c)
{
	return !c->stop && (!c->limit || c->counts.begun < c->limit);
}

/* Fills free slots. How many connections there are. */
static nfds_t begin_more(
	struct http_client *c, struct slot *slots, struct pollfd *ready)
{
	nfds_t n = 0;

	for (int i = 0; i < c->at_once; i++) {
		struct slot *s = &slots[i];

		if (s->fd < 0 && may_begin(c)) {
			dial(c, s);
			c->counts.begun++;
		}
		n += s->fd >= 0;
		ready[i] = (struct pollfd){ .fd = s->fd,
			.events = s->sent ? POLLIN : POLLOUT };
	}
	return n;
}

static void *come_again(void *arg)
{
	struct http_client *c = arg;
	struct slot slots[HTTP_MOST];
	struct pollfd ready[HTTP_MOST];
	double last = 0;
	bool pause = false;

	for (int i = 0; i < c->at_once; i++)
		slots[i] = (struct slot){ .fd = -1 };
	(void)pthread_mutex_lock(&c->lock);
	while (begin_more(c, slots, ready)) {
		(void)pthread_mutex_unlock(&c->lock);
		if (pause)
			(void)poll(NULL, 0, PAUSE_MS);
		(void)poll(ready, (nfds_t)c->at_once, 100);
		(void)pthread_mutex_lock(&c->lock);
		pause = false;
		for (int i = 0; i < c->at_once; i++) {
			struct slot *s = &slots[i];
			bool unsent = !s->sent;
			enum fate fate;

			if (s->fd < 0)
				continue;
			fate = step(c, s, ready[i].revents);
			c->counts.sent += unsent && s->sent;
			if (fate == GOES_ON)
				continue;
			count(c, fate, s, &last);
			pause |= fate == REFUSED;
			(void)close(s->fd);
			s->fd = -1;
		}
		(void)pthread_cond_signal(&c->news);
	}
	c->over = true;
	(void)pthread_cond_signal(&c->news);
	(void)pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* --- for the test --------------------------------------------------------------------
 */

void http_begin(struct http_client *c)
{
	check(c->at_once > 0 && c->at_once <= HTTP_MOST, "at_once is %d", c->at_once);
	(void)pthread_mutex_init(&c->lock, NULL);
	(void)pthread_cond_init(&c->news, NULL);
	check(pthread_create(&c->thread, NULL, come_again, c) == 0, "no thread");
}

static const char *shown(const struct http_counts *n, const struct http_client *c)
{
	static char text[300];

	(void)snprintf(text, sizeof text,
		"%d begun, %d answered, %d refused, %d reset, %d lost, %d late, %d other "
		"(%s); longest gap %.3f s",
		n->begun, n->answered, n->refused, n->reset, n->lost, n->late, n->other,
		c->trouble, c->gap);
	return text;
}

/* Holds the lock when it returns; looks at what kick says meanwhile. */
static void wait_until(struct http_client *c, bool (*holds)(struct http_client *, int),
	int arg, const char *what)
{
	struct timespec deadline;
	int r = 0;

	(void)clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += IT_SECONDS + 5;
	(void)pthread_mutex_lock(&c->lock);
	while (!holds(c, arg) && r == 0)
		r = pthread_cond_timedwait(&c->news, &c->lock, &deadline);
	check(r == 0, "%s: %s", what, shown(&c->counts, c));
	(void)it_pump(0);
}

static bool are_sent(struct http_client *c, int n)
{
	return c->counts.sent == n;
}

static bool are_answered(struct http_client *c, int n)
{
	return c->counts.answered >= n;
}

static bool is_over(struct http_client *c, int unused)
{
	(void)unused;
	return c->over;
}

void http_await_sent(struct http_client *c)
{
	wait_until(c, are_sent, c->limit, "not all could be sent");
	(void)pthread_mutex_unlock(&c->lock);
}

struct http_counts http_await_fresh(struct http_client *c)
{
	struct http_counts n = http_now(c);

	/* No more than at_once were on their way. */
	wait_until(c, are_answered, n.answered + c->at_once + 1, "nobody answers");
	n = c->counts;
	(void)pthread_mutex_unlock(&c->lock);
	return n;
}

struct http_counts http_now(struct http_client *c)
{
	struct http_counts n;

	(void)pthread_mutex_lock(&c->lock);
	n = c->counts;
	(void)pthread_mutex_unlock(&c->lock);
	return n;
}

void http_end(struct http_client *c)
{
	(void)pthread_mutex_lock(&c->lock);
	c->stop = !c->limit;
	(void)pthread_mutex_unlock(&c->lock);
	wait_until(c, is_over, 0, "does not end");
	(void)pthread_mutex_unlock(&c->lock);
	(void)pthread_join(c->thread, NULL);
}

void http_check_all(struct http_client *c)
{
	struct http_counts n = http_now(c);

	check(n.begun > 0 && n.answered == n.begun, "%s", shown(&n, c));
}

void http_check_open(struct http_client *c)
{
	struct http_counts n = http_now(c);

	check(n.answered > 0 && n.refused + n.late + n.other == 0, "%s", shown(&n, c));
}

int http_free_port(void)
{
	struct sockaddr_in a = address_of(0);
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	check(bind(fd, (struct sockaddr *)&a, n) == 0 &&
			getsockname(fd, (struct sockaddr *)&a, &n) == 0,
		"no port is free: %s", strerror(errno));
	(void)close(fd);
	return ntohs(a.sin_port);
}
