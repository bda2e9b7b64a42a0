/* See listening.h; and the side of a supervisor: before each start it looks at the
 * sockets that the program gets. One that a worker has shut down is opened again: of
 * TCP on the spot, of the others by the root, and the start waits for that without
 * anything else waiting. */
#include "otp/listening.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "os/listener.h"
#include "otp/internal.h"

struct held {
	char name[KICK_ID_MAX + 1];
	int fd;
};

static struct {
	struct held *at;
	int *fds; /* of all, in rising order */
	size_t n;
} table;

static struct held *find(const char *name)
{
	for (size_t i = 0; i < table.n; i++) {
		if (strcmp(table.at[i].name, name) == 0)
			return &table.at[i];
	}
	return NULL;
}

static int compare_fds(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

static void sort_fds(void)
{
	for (size_t i = 0; i < table.n; i++)
		table.fds[i] = table.at[i].fd;
	if (table.n > 0)
		qsort(table.fds, table.n, sizeof *table.fds, compare_fds);
}

static struct held *append(const char *name)
{
	struct held *at = reallocarray(table.at, table.n + 1, sizeof *at);
	int *fds;

	if (!at)
		return NULL;
	table.at = at;
	fds = reallocarray(table.fds, table.n + 1, sizeof *fds);
	if (!fds)
		return NULL;
	table.fds = fds;
	at += table.n++;
	at->fd = -1;
	(void)strncpy(at->name, name, KICK_ID_MAX);
	at->name[KICK_ID_MAX] = '\0';
	return at;
}

int listening_put(const char *name, int fd)
{
	struct held *h = find(name);

	if (!h)
		h = append(name);
	if (!h) {
		(void)fd_close(fd);
		return -ENOMEM;
	}
	if (h->fd != fd)
		(void)fd_close(h->fd);
	h->fd = fd;
	sort_fds();
	return 0;
}

int listening_fd(const char *name)
{
	const struct held *h = find(name);

	return h ? h->fd : -1;
}

void listening_drop_others(const struct config *cf)
{
	for (size_t i = table.n; i-- > 0;) {
		if (config_socket(cf, table.at[i].name))
			continue;
		(void)fd_close(table.at[i].fd);
		table.at[i] = table.at[--table.n];
	}
	sort_fds();
}

const int *listening_all(size_t *ret_n)
{
	*ret_n = table.n;
	return table.fds;
}

/* --- before a start -----------------------------------------------------------------
 */

static const struct str_list *names_of(const struct supervised *c)
{
	return REL_GET(struct str_list, c->spec->listen);
}

static bool has(const struct supervised *c, const char *name)
{
	const struct str_list *names = names_of(c);

	for (uint32_t i = 0; names && i < names->n; i++) {
		if (strcmp(str_list_at(names, i), name) == 0)
			return true;
	}
	return false;
}

/* Somebody else below this supervisor works with the socket now. */
static bool is_shared(const struct supervised *c, const char *name)
{
	const struct sup *core = &c->sup->core;

	for (uint32_t i = 0; i < core->n; i++) {
		const struct supervised *o = supervised_of(core->children[i]);

		if (o != c && o->proc.pid && has(o, name))
			return true;
	}
	return false;
}

/* The predecessor's O_NONBLOCK is the socket's, and would be a surprise. */
static void make_blocking(const struct supervised *c, const char *name, int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags >= 0 && (flags & O_NONBLOCK) && !is_shared(c, name))
		(void)fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

/* False: it takes a new socket. */
static bool mend(struct supervised *c, const char *name, int fd)
{
	const struct socket_spec *spec = config_socket(c->sup->config, name);
	char path[KICK_PATH_MAX];

	if (!listener_is_dead(fd))
		return true;
	if (!spec || listener_again(fd, spec) < 0)
		return false;
	report_message(c->sup, "", 0,
		"a worker that has socket \"%s\" (%s) has shut it down, as %s starts; "
		"it listens again",
		name, REL_STR(spec->address), supervisor_path(c, path));
	return true;
}

/* The root has it too, and knows already or will be told by this. */
static void ask_for(struct supervisor *sv, const char *name)
{
	struct link_message m = { .kind = LINK_SOCKET };

	(void)link_send(&sv->parent, &m, name, -1);
}

bool listening_ready(struct supervised *c)
{
	const struct str_list *names = names_of(c);

	c->parked = false;
	for (uint32_t i = 0; names && i < names->n; i++) {
		const char *name = str_list_at(names, i);
		int fd = listening_fd(name);

		if (fd < 0)
			continue;
		if (mend(c, name, fd)) {
			make_blocking(c, name, fd);
			continue;
		}
		ask_for(c->sup, name);
		c->parked = true;
	}
	return !c->parked;
}

/* All of a child's descriptors, and their names as LISTEN_FDNAMES has them. */
int listening_collect(const struct supervised *c, int *fds, uint32_t *ret_n,
	struct buf *ret_names, struct err *err)
{
	const struct str_list *names = names_of(c);

	for (uint32_t i = 0; names && i < names->n; i++) {
		const char *name = str_list_at(names, i);

		fds[i] = listening_fd(name);
		if (fds[i] < 0)
			return err_set(err, -ENOENT,
				"there is no socket \"%s\" in the application's "
				"\"listen\" any more",
				name);
		buf_addf(ret_names, "%s%s", i ? ":" : "", name);
	}
	*ret_n = names ? names->n : 0;
	return 0;
}

void listening_leave(struct supervised *c)
{
	struct reason reason = reason_text("shutdown");

	c->parked = false;
	sup_exited(&c->sup->core, &c->core, &reason, loop_now(c->sup->loop));
}

void listening_arrived(struct supervisor *sv, const char *name, int fd)
{
	struct link_message m = { .kind = LINK_SOCKET };

	if (fd < 0 || listening_put(name, fd) < 0)
		return;
	for (uint32_t i = 0; i < sv->core.n; i++) {
		struct supervised *c = supervised_of(sv->core.children[i]);

		if (is_supervisor(c) && child_is_alive(&c->core))
			(void)link_send(&c->nested->link, &m, name, fd);
	}
	/* A start that fails may shorten the list. */
	for (uint32_t i = sv->core.n; i-- > 0;) {
		struct supervised *c =
			i < sv->core.n ? supervised_of(sv->core.children[i]) : NULL;

		if (c && c->parked)
			worker_start(c);
	}
}
