/* Our stdout and stderr are inherited: a terminal that is stopped, a pipe that nobody
 * reads, a file on a full disk; and the O_NONBLOCK of their open file description is
 * shared with the shell that started us. So a pipe or a terminal is opened anew through
 * /proc, which gives a description of our own; where that is not permitted, poll and a
 * write of at most PIPE_BUF bytes do (a pipe with room takes that much at once). */
#include "logger/sink.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/limits.h"
#include "base/macro.h"

/* A terminal that says it has room may have no more than this. */
#define TTY_PIECE 256

static_assert(SINK_BYTES - SINK_RESERVE > KICK_PATH_MAX + KICK_LINE_MAX + 8,
	"a line always fits in an empty sink");

static void sink_io(struct io *io, uint32_t events);

static int open_anew(int fd)
{
	char path[32];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static bool is_pollable(mode_t mode, int fd)
{
	return S_ISFIFO(mode) || (S_ISCHR(mode) && isatty(fd));
}

void sink_init(struct sink *s, struct loop *l, int fd, const char *name)
{
	struct stat st;
	int anew;

	*s = (struct sink){ .loop = l, .name = name, .how = SINK_FILE };
	s->io = (struct io){ .call = sink_io, .fd = fd };
	if (fstat(fd, &st) < 0) {
		s->how = SINK_GONE;
		return;
	}
	if (S_ISSOCK(st.st_mode)) {
		s->how = SINK_SOCKET;
		return;
	}
	if (!is_pollable(st.st_mode, fd))
		return;
	anew = open_anew(fd);
	s->how = anew < 0 ? SINK_POLLED : SINK_OWN;
	s->piece = S_ISFIFO(st.st_mode) ? PIPE_BUF : TTY_PIECE;
	s->own_fd = anew >= 0;
	if (anew >= 0)
		s->io.fd = anew;
}

void sink_done(struct sink *s)
{
	loop_remove(s->loop, &s->io);
	if (s->own_fd)
		fd_close(s->io.fd);
	if (s->data)
		munmap(s->data, SINK_BYTES);
	s->data = NULL;
}

bool sink_is_same(int fd_a, int fd_b)
{
	struct stat a, b;

	if (fstat(fd_a, &a) < 0 || fstat(fd_b, &b) < 0)
		return false;
	return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static uint64_t count_lines(const char *bytes, size_t n)
{
	const char *end = bytes + n;
	uint64_t lines = 0;

	while (bytes < end && (bytes = memchr(bytes, '\n', (size_t)(end - bytes)))) {
		bytes++;
		lines++;
	}
	return lines;
}

/* As write: -1 and errno. */
static ssize_t write_polled(int fd, const char *bytes, size_t n)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int r = poll(&p, 1, 0);

	if (r < 0)
		return -1;
	if (p.revents & POLLOUT)
		return write(fd, bytes, n);
	errno = r == 0 ? EAGAIN : EPIPE;
	return -1;
}

/* Bytes written, or a negative errno; -EAGAIN: no room now. */
static ssize_t write_once(const struct sink *s, const char *bytes, size_t n)
{
	ssize_t done = -1;

	switch (s->how) {
	case SINK_FILE:
	case SINK_OWN:
		done = write(s->io.fd, bytes, n);
		break;
	case SINK_SOCKET:
		done = send(s->io.fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		break;
	case SINK_POLLED:
		done = write_polled(s->io.fd, bytes, n < s->piece ? n : s->piece);
		break;
	case SINK_GONE:
		return (ssize_t)n;
	}
	return done < 0 ? -errno : done;
}

static void drop_all(struct sink *s, int error)
{
	s->lost += count_lines(s->data + s->begin, s->end - s->begin);
	if (s->torn && s->begin == 0 && s->end > 0 && s->lost > 0)
		s->lost--; /* the newline before the first line ended an older one */
	s->error = error;
	s->begin = 0;
	s->end = 0;
}

/* Waits for room. What cannot be waited for is dropped. */
static void block(struct sink *s)
{
	int r;

	if (s->blocked)
		return;
	r = loop_add(s->loop, &s->io, EPOLLOUT);
	if (r < 0)
		drop_all(s, r);
	else
		s->blocked = true;
}

static void write_all(struct sink *s)
{
	while (!sink_is_empty(s)) {
		ssize_t n = write_once(s, s->data + s->begin, s->end - s->begin);

		if (n > 0) {
			s->begin += (size_t)n;
			s->torn = s->data[s->begin - 1] != '\n';
			s->works = true;
		} else if (n == -EAGAIN) {
			block(s);
			return;
		} else if (n != -EINTR) {
			s->works = false;
			drop_all(s, n < 0 ? (int)n : -EIO);
		}
	}
	s->begin = 0;
	s->end = 0;
}

/* What was lost is told after the lines that got through again; telling it may put more
 * lines into this same sink. */
static void tell_recovery(struct sink *s)
{
	uint64_t lost = s->lost;
	int error = s->error;

	s->lost = 0;
	s->error = 0;
	if (s->recovered)
		s->recovered(s, lost, error);
}

void sink_flush(struct sink *s)
{
	if (sink_is_empty(s))
		return;
	write_all(s);
	if (s->error && s->works && sink_is_empty(s)) {
		tell_recovery(s);
		write_all(s);
	}
}

static void sink_io(struct io *io, uint32_t events)
{
	struct sink *s = container_of(io, struct sink, io);

	(void)events;
	sink_flush(s);
	if (!sink_is_empty(s))
		return;
	loop_remove(s->loop, &s->io);
	s->blocked = false;
	if (s->drained)
		s->drained(s);
}

/* Room for n bytes at the end, within the limit. */
static bool make_room(struct sink *s, size_t n, size_t limit)
{
	if (s->end + n <= limit)
		return true;
	if (!s->blocked)
		sink_flush(s);
	if (s->begin > 0) {
		memmove(s->data, s->data + s->begin, s->end - s->begin);
		s->end -= s->begin;
		s->begin = 0;
	}
	return s->end + n <= limit;
}

static void put_bytes(struct sink *s, const char *bytes, size_t n)
{
	memcpy(s->data + s->end, bytes, n);
	s->end += n;
}

static bool have_memory(struct sink *s)
{
	void *data;

	if (s->data)
		return true;
	data = mmap(NULL, SINK_BYTES, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (data == MAP_FAILED)
		return false;
	s->data = data;
	return true;
}

bool sink_put(struct sink *s, const struct sink_line *line, bool urgent)
{
	size_t need = line->prefix_len + line->len + 2;

	if (s->how == SINK_GONE)
		return true;
	if (s->blocked && !urgent)
		return false;
	if (!have_memory(s)) {
		s->lost++;
		s->error = -ENOMEM;
		return true;
	}
	if (!make_room(s, need, SINK_BYTES - (urgent ? 0 : SINK_RESERVE)))
		return false;
	if (s->torn && sink_is_empty(s))
		s->data[s->end++] = '\n';
	put_bytes(s, line->prefix, line->prefix_len);
	put_bytes(s, line->text, line->len);
	s->data[s->end++] = '\n';
	return true;
}

void sink_rest(struct sink *s)
{
	if (s->data && sink_is_empty(s))
		(void)madvise(s->data, SINK_BYTES, MADV_DONTNEED);
}
