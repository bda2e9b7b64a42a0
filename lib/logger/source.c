/* One read, one look at the bytes with memchr, one copy into the sink: that is what a
 * line costs. A block is shared by all pipes; what a pipe keeps for itself is the
 * beginning of an unfinished line, and, while its sink is blocked, the rest of a block.
 *
 * A pipe that is paused is out of the loop altogether: with its writers gone, epoll
 * would report it again and again. */
#include "logger/source.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/limits.h"
#include "base/macro.h"

#define READ_BYTES (64 << 10)

/* The carry of a pipe is put before what is read. */
#define BLOCK_BYTES (KICK_LINE_MAX + READ_BYTES)

/* Reads in a row of one pipe while somebody waits for it to be empty. */
#define CATCH_UP_READS 16

static_assert(KICK_LINE_MAX <= UINT16_MAX, "lines are kept with 16 bits of length");

static struct sink *sink_of(const struct source *s)
{
	return s->owner->sinks[s->stream - 1];
}

/* --- lines ---------------------------------------------------------------------- */

static bool pass_on(struct source *s, const char *text, size_t len, bool remember)
{
	struct sources *ss = s->owner;
	struct output *o = s->output;
	const struct sink_line line = {
		.prefix = o->prefix,
		.prefix_len = output_prefix_len(o),
		.text = text,
		.len = len,
	};

	if (!sink_put(sink_of(s), &line, false))
		return false;
	if (remember)
		outputs_remember(ss->outputs, o, s->stream, text, len);
	outputs_tell_watch(o, s->id, text, len);
	if (ss->line)
		ss->line(ss->user, o, s->stream, text, len);
	return true;
}

/* The next line in n bytes, or the piece of a long one; false: it is not complete. */
static bool next_line(
	const char *at, size_t n, bool whole, size_t *ret_len, size_t *ret_size)
{
	size_t span = n < KICK_LINE_MAX + 1 ? n : KICK_LINE_MAX + 1;
	const char *newline = memchr(at, '\n', span);
	size_t len;

	if (!newline && span <= KICK_LINE_MAX && !whole)
		return false;
	if (newline)
		len = (size_t)(newline - at);
	else
		len = span <= KICK_LINE_MAX ? span : KICK_LINE_MAX;
	*ret_size = len + (newline != NULL);
	*ret_len = newline && len > 0 && at[len - 1] == '\r' ? len - 1 : len;
	return true;
}

/* Passes on the lines in n bytes, as long as the sink takes them. Bytes used;
 * *ret_full: the sink takes no more. Only lines that will not be pushed out by those
 * behind them in the same block are remembered. */
static size_t pass_lines(
	struct source *s, const char *data, size_t n, bool whole, bool *ret_full)
{
	const char *last = n > 0 ? memrchr(data, '\n', n) : NULL;
	size_t known = last && !whole ? (size_t)(last - data) + 1 : n;
	size_t at = 0, len, size;

	*ret_full = false;
	while (at < n && next_line(data + at, n - at, whole, &len, &size)) {
		bool remember = at + size + KICK_LAST_BYTES > known;

		*ret_full = !pass_on(s, data + at, len, remember);
		if (*ret_full)
			break;
		at += size;
	}
	return at;
}

static void keep(struct source *s, const char *bytes, size_t n)
{
	char *carry = n > 0 ? malloc(n) : NULL;

	if (carry)
		memcpy(carry, bytes, n);
	free(s->carry);
	s->carry = carry;
	s->carry_len = carry ? (uint32_t)n : 0;
	if (n > 0 && !carry) {
		sink_of(s)->lost++;
		sink_of(s)->error = -ENOMEM;
	}
}

/* --- pipes ---------------------------------------------------------------------- */

static void free_source(struct source *s)
{
	struct sources *ss = s->owner;
	struct source **p = &s->output->sources;

	loop_remove(ss->loop, &s->io);
	fd_close(s->io.fd);
	while (*p != s)
		p = &(*p)->next_of_output;
	*p = s->next_of_output;
	if (s->prev)
		s->prev->next = s->next;
	else
		ss->all = s->next;
	if (s->next)
		s->next->prev = s->prev;
	ss->n--;
	if (!s->output->sources)
		outputs_closed(ss->outputs, s->output);
	free(s->carry);
	free(s);
}

static void end_source(struct source *s)
{
	struct sources *ss = s->owner;
	uint64_t id = s->id;

	free_source(s);
	if (ss->ended)
		ss->ended(ss->user, id);
}

static void pause_source(struct source *s)
{
	struct sources *ss = s->owner;

	loop_remove(ss->loop, &s->io);
	s->paused = true;
	s->next_paused = NULL;
	if (ss->paused)
		ss->paused_last->next_paused = s;
	else
		ss->paused = s;
	ss->paused_last = s;
}

static bool have_block(struct sources *ss)
{
	void *block;

	if (ss->block)
		return true;
	block = mmap(NULL, BLOCK_BYTES, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (block == MAP_FAILED)
		return false;
	ss->block = block;
	return true;
}

enum outcome {
	OUT_MORE,
	OUT_EMPTY,
	OUT_PAUSED,
	OUT_ENDED
};

/* Passes on n bytes at data, keeps the rest. */
static enum outcome digest(struct source *s, const char *data, size_t n, bool whole)
{
	bool full;
	size_t used = pass_lines(s, data, n, whole, &full);

	keep(s, data + used, n - used);
	if (full) {
		pause_source(s);
		return OUT_PAUSED;
	}
	if (!s->ended)
		return OUT_MORE;
	end_source(s);
	return OUT_ENDED;
}

/* One read. After OUT_ENDED the source is gone. */
static enum outcome read_source(struct source *s)
{
	struct sources *ss = s->owner;
	char *bytes;
	ssize_t n;

	if (sink_of(s)->blocked) {
		pause_source(s);
		return OUT_PAUSED;
	}
	if (!have_block(ss))
		return OUT_EMPTY;
	bytes = ss->block + KICK_LINE_MAX;
	ss->reads++;
	n = read(s->io.fd, bytes, READ_BYTES);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return OUT_EMPTY;
	if (n <= 0) {
		s->ended = true;
		n = 0;
	}
	if (s->carry_len > 0) {
		bytes -= s->carry_len;
		memcpy(bytes, s->carry, s->carry_len);
		n += s->carry_len;
	}
	return digest(s, bytes, (size_t)n, s->ended);
}

static void source_io(struct io *io, uint32_t events)
{
	struct source *s = container_of(io, struct source, io);

	(void)events;
	(void)read_source(s);
}

static bool has_id(const struct output *o, uint64_t id)
{
	for (const struct source *s = o->sources; s; s = s->next_of_output)
		if (s->id == id)
			return true;
	return false;
}

static struct source *new_source(struct sources *ss, struct output *o, int fd)
{
	struct source *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->io = (struct io){ .call = source_io, .fd = fd };
	s->owner = ss;
	s->output = o;
	if (!o->sources)
		outputs_opened(ss->outputs, o);
	s->next_of_output = o->sources;
	o->sources = s;
	s->next = ss->all;
	if (ss->all)
		ss->all->prev = s;
	ss->all = s;
	ss->n++;
	return s;
}

int sources_add(
	struct sources *ss, uint64_t id, int fd, uint32_t stream, const char *path)
{
	struct output *o;
	struct source *s;
	int r = fd_nonblock(fd, 1);

	if (r < 0) {
		fd_close(fd);
		return r;
	}
	o = outputs_get(ss->outputs, path);
	if (o && has_id(o, id)) {
		fd_close(fd);
		return 0;
	}
	s = o ? new_source(ss, o, fd) : NULL;
	if (!s) {
		fd_close(fd);
		return -ENOMEM;
	}
	s->id = id;
	s->since = ss->outputs->seq;
	s->stream = stream == 2 ? 2 : 1;
	r = loop_add(ss->loop, &s->io, EPOLLIN);
	if (r < 0)
		free_source(s);
	return r;
}

/* --- all of them ---------------------------------------------------------------- */

static void resume(struct source *s)
{
	struct sources *ss = s->owner;
	char *data = s->carry;
	size_t n = s->carry_len;
	enum outcome out;

	s->paused = false;
	if (sink_of(s)->blocked) {
		pause_source(s);
		return;
	}
	s->carry = NULL;
	s->carry_len = 0;
	out = digest(s, data, n, s->ended);
	free(data);
	if (out != OUT_MORE)
		return;
	if (loop_add(ss->loop, &s->io, EPOLLIN) < 0)
		pause_source(s);
}

void sources_resume(struct sources *ss)
{
	struct source *s = ss->paused;
	struct source *next;

	ss->paused = NULL;
	for (; s; s = next) {
		next = s->next_paused;
		resume(s);
	}
}

static enum outcome read_until_empty(struct source *s)
{
	enum outcome out = OUT_MORE;

	for (int i = 0; i < CATCH_UP_READS && out == OUT_MORE; i++)
		out = read_source(s);
	return out;
}

/* Passes an unfinished line on. */
static enum outcome finish_line(struct source *s)
{
	char *data = s->carry;
	size_t n = s->carry_len;
	enum outcome out;

	if (n == 0)
		return OUT_MORE;
	s->carry = NULL;
	s->carry_len = 0;
	out = digest(s, data, n, true);
	free(data);
	return out;
}

void sources_catch_up(struct sources *ss, const char *path, bool whole)
{
	struct output *o = outputs_find(ss->outputs, path);
	struct source *s = o ? o->sources : NULL;
	struct source *next;

	for (; s; s = next) {
		next = s->next_of_output;
		if (!s->paused && read_until_empty(s) == OUT_EMPTY && whole)
			(void)finish_line(s);
	}
}

void sources_watch(
	struct sources *ss, const char *path, const char *text, uint64_t id, int fd)
{
	struct output *o = outputs_get(ss->outputs, path);
	uint64_t since = UINT64_MAX;

	if (!o || !outputs_watch(o, text, id, fd)) {
		(void)fd_close(fd);
		return;
	}
	for (const struct source *s = o->sources; s; s = s->next_of_output)
		if (s->id >= id && s->since < since)
			since = s->since;
	outputs_tell_watch_of_old(o, since);
}

void sources_finish(struct sources *ss)
{
	struct source *next;

	for (struct source *s = ss->all; s; s = next) {
		next = s->next;
		if (s->paused || read_until_empty(s) != OUT_EMPTY)
			continue;
		s->ended = true;
		if (finish_line(s) == OUT_MORE)
			end_source(s);
	}
}

void sources_rest(struct sources *ss)
{
	if (ss->block)
		(void)madvise(ss->block, BLOCK_BYTES, MADV_DONTNEED);
}

void sources_done(struct sources *ss)
{
	while (ss->all)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it leaves the list */
		free_source(ss->all);
	if (ss->block)
		munmap(ss->block, BLOCK_BYTES);
	ss->block = NULL;
	ss->paused = NULL;
}
