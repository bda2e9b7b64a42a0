/* A table of outputs by path. Those that have a pipe stay; of the others the newest are
 * kept, for who asks why a child that has vanished had failed. */
#include "logger/output.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/macro.h"

struct watch {
	uint64_t id; /* of the first pipe that is looked at */
	int fd;
	char text[];
};

/* NOLINTNEXTLINE(readability-function-size): uthash */
struct output *outputs_find(const struct outputs *os, const char *path)
{
	struct output *o = NULL;

	HASH_FIND(hh, os->table, path, strlen(path), o);
	return o;
}

static void leave_closed(struct outputs *os, struct output *o)
{
	if (o->older)
		o->older->newer = o->newer;
	else
		os->oldest = o->newer;
	if (o->newer)
		o->newer->older = o->older;
	else
		os->newest = o->older;
	o->older = NULL;
	o->newer = NULL;
	os->n_closed--;
}

void outputs_unwatch(struct output *o)
{
	if (!o->watch)
		return;
	(void)fd_close(o->watch->fd);
	free(o->watch);
	o->watch = NULL;
}

/* NOLINTNEXTLINE(readability-function-size): uthash */
static void free_output(struct outputs *os, struct output *o)
{
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it leaves the table */
	HASH_DEL(os->table, o);
	lastlines_done(&o->last);
	outputs_unwatch(o);
	free(o);
}

static void join_closed(struct outputs *os, struct output *o)
{
	o->older = os->newest;
	if (os->newest)
		os->newest->newer = o;
	else
		os->oldest = o;
	os->newest = o;
	os->n_closed++;
}

/* NOLINTNEXTLINE(readability-function-size): uthash */
struct output *outputs_get(struct outputs *os, const char *path)
{
	struct output *o = outputs_find(os, path);
	size_t len = strlen(path);

	if (o)
		return o;
	o = calloc(1, sizeof *o + len + sizeof OUTPUT_SEPARATOR);
	if (!o)
		return NULL;
	o->path_len = (uint32_t)len;
	memcpy(o->prefix, path, len);
	memcpy(o->prefix + len, OUTPUT_SEPARATOR, sizeof OUTPUT_SEPARATOR);
	HASH_ADD_KEYPTR(hh, os->table, o->prefix, o->path_len, o);
	if (!o->hh.tbl) {
		free(o);
		return NULL;
	}
	join_closed(os, o);
	return o;
}

void outputs_opened(struct outputs *os, struct output *o)
{
	leave_closed(os, o);
}

void outputs_closed(struct outputs *os, struct output *o)
{
	struct output *oldest;

	join_closed(os, o);
	if (os->n_closed <= OUTPUTS_CLOSED_MAX)
		return;
	oldest = os->oldest;
	leave_closed(os, oldest);
	free_output(os, oldest);
}

void outputs_remember(struct outputs *os, struct output *o, uint32_t stream,
	const char *text, size_t len)
{
	lastlines_add(&o->last, ++os->seq, stream, text, len);
}

bool outputs_watch(struct output *o, const char *text, uint64_t id, int fd)
{
	size_t n = strlen(text) + 1;
	struct watch *w = malloc(sizeof *w + n);

	outputs_unwatch(o);
	if (!w)
		return false;
	w->id = id;
	w->fd = fd;
	memcpy(w->text, text, n);
	o->watch = w;
	return true;
}

static void look(struct output *o, const char *text, size_t len)
{
	const struct watch *w = o->watch;

	if (!memmem(text, len, w->text, strlen(w->text)))
		return;
	(void)!write(w->fd, "\n", 1);
	outputs_unwatch(o);
}

void outputs_tell_watch(struct output *o, uint64_t id, const char *text, size_t len)
{
	if (o->watch && id >= o->watch->id)
		look(o, text, len);
}

void outputs_tell_watch_of_old(struct output *o, uint64_t since)
{
	autofree char *line = malloc(LASTLINE_MAX);
	struct lastline at;
	uint32_t i = 0;

	while (line && o->watch && lastlines_next(&o->last, &i, &at, line))
		if (at.seq > since)
			look(o, line, at.len);
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): autofree */
}

void outputs_done(struct outputs *os)
{
	struct output *o, *next;

	HASH_ITER(hh, os->table, o, next)
	free_output(os, o);
	*os = (struct outputs){ 0 };
}
