/* Where a loop with a sleep would do badly: it is late, it wakes a quiet machine, and
 * it misses what came and went in between. kickd's logger tells each event; the kernel
 * tells when a socket appears in a directory. */
#include "watch.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "hint.h"

/* Waits until one is readable or `until` is past. */
static int wait_readable(int fd, int64_t until)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct timespec ts = { 0, 0 };
	int64_t left = until - clock_now();

	if (left > 0)
		ts = (struct timespec){ left / SEC_NS, left % SEC_NS };
	if (ppoll(&p, fd < 0 ? 0 : 1, until == CLIENT_FOREVER ? NULL : &ts, NULL) < 0)
		return errno == EINTR ? 0 : -errno;
	return 0;
}

/* Watches the runtime directory, or the nearest directory above it that exists. */
static int watch_nearest(int in, const char *dir)
{
	char path[PATH_MAX];
	char *slash;
	int wd;

	if (strlen(dir) >= sizeof path)
		return -ENAMETOOLONG;
	(void)strcpy(path, dir);
	for (;;) {
		wd = inotify_add_watch(
			in, path, IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF);
		if (wd >= 0)
			return 0;
		if (errno != ENOENT && errno != ENOTDIR)
			return -errno;
		slash = strrchr(path, '/');
		if (!slash)
			(void)strcpy(path, strcmp(path, ".") == 0 ? "/" : ".");
		else if (slash == path)
			(void)strcpy(path, path[1] ? "/" : ".");
		else
			*slash = '\0';
	}
}

/* 0 once somebody answers on the socket. */
static int try_connect(struct session *s, const char *socket)
{
	struct channel *ch;

	return session_connect(s, socket, &ch);
}

/* Waits until somebody answers on the socket. 0 or a negative errno. */
static int await_socket(struct session *s, const char *socket)
{
	int r;

	for (;;) {
		autoclose int in = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

		if (in < 0)
			return -errno;
		r = watch_nearest(in, s->dir);
		if (r < 0)
			return r;
		/* Looked at after the watch is in place: nothing can come in between.
		 */
		r = try_connect(s, socket);
		if (!is_absent(r))
			return r;
		r = wait_readable(in, hint_cut(s, s->deadline));
		if (r < 0)
			return r;
		(void)hint_due(s);
		if (clock_now() >= s->deadline)
			return -ETIMEDOUT;
	}
}

/* Waits for one event and takes those that are there already: one look is enough for
 * all of them. 0 or a negative errno. */
static int next_events(struct session *s, struct channel *ch)
{
	cJSON *event;
	int r;

	do
		r = channel_next(ch, hint_cut(s, s->deadline), &event);
	while (r == -ETIMEDOUT && hint_due(s));
	while (r == 0) {
		cJSON_Delete(event);
		r = channel_next(ch, 0, &event);
		if (r == -ETIMEDOUT)
			return 0;
	}
	return r;
}

/* Looks, and after each event again, on one subscription. An enum status, or
 * WATCH_GONE, or WATCH_AGAIN when the subscription has ended. */
static int watch_once(
	struct session *s, const struct watch *w, int *ret_r, bool *ret_seen)
{
	struct answer a = { 0 };
	struct channel *ch;
	int r, rc;

	r = session_try(s, PROTOCOL_SOCKET_LOGGER, "events",
		"{\"follow\":true,\"last\":0}", &a);
	if (r == 0 && !a.result) {
		rc = session_refused(&a, s->verb->name);
		answer_done(&a);
		return rc;
	}
	answer_done(&a);
	if (r == 0)
		r = session_connect(s, PROTOCOL_SOCKET_LOGGER, &ch);
	*ret_r = r;
	if (r != 0)
		return is_absent(r) ? WATCH_GONE : WATCH_AGAIN;
	*ret_seen = true;
	for (;;) {
		rc = w->look(s, w->user);
		if (rc != WATCH_AGAIN)
			break;
		r = next_events(s, ch);
		*ret_r = r;
		if (r < 0)
			break;
	}
	session_drop(s, PROTOCOL_SOCKET_LOGGER);
	return rc;
}

int watch_until(struct session *s, const struct watch *w)
{
	bool seen = false;

	for (;;) {
		int r = 0;
		int rc = watch_once(s, w, &r, &seen);

		if (rc >= 0)
			return rc;
		if (clock_now() >= s->deadline)
			r = -ETIMEDOUT;
		if (rc == WATCH_AGAIN && (r == 0 || r == -ECONNRESET))
			continue;
		if (rc != WATCH_GONE || r == -ETIMEDOUT)
			return session_unreachable(s, r, s->verb->name);
		if (seen && w->end_is_fine)
			return STATUS_DONE;
		if (s->timeout_ns < 0 && seen)
			return fail(
				STATUS_FAILED, "%s: kickd has ended", s->verb->name);
		if (s->timeout_ns < 0)
			return session_unreachable(s, r ? r : -ENOENT, s->verb->name);
		r = await_socket(s, PROTOCOL_SOCKET_TOP);
		if (r < 0)
			return session_unreachable(s, r, s->verb->name);
	}
}
