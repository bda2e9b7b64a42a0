/* See listening.h; and the side of a supervisor: before the first start of a program
 * that gets a socket it tells the root, which opens it again if need be, and the start
 * waits for the answer without anything else waiting. The same where a worker has shut
 * the socket down. When nobody below is left who uses it, or will, it tells that too:
 * then the root ends the wait of those who have come. */
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
	bool told; /* the parent knows that somebody here uses it */
	int lost;  /* errno: we have not got what it is now */
	char *why; /* it cannot be opened; NULL: there was no room on its way */
};

/* A supervisor below has told that somebody there uses the socket. */
struct use {
	struct use *next;
	const struct supervised *by;
	bool is_old; /* said in its last life */
	char name[KICK_ID_MAX + 1];
};

static struct {
	struct held *at;
	int *fds; /* of all, in rising order */
	size_t n;
	struct use *uses;
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
	*at = (struct held){ .fd = -1 };
	(void)strncpy(at->name, name, KICK_ID_MAX);
	return at;
}

static void found(struct held *h)
{
	h->lost = 0;
	free(h->why);
	h->why = NULL;
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
	found(h);
	sort_fds();
	return 0;
}

int listening_fd(const char *name)
{
	const struct held *h = find(name);

	return h ? h->fd : -1;
}

int listening_send(struct link *link, const char *name, int fd)
{
	struct link_message m = { .kind = LINK_SOCKET, .number = listener_id(fd) };

	return link_send(link, &m, name, fd);
}

void listening_drop_others(const struct config *cf)
{
	for (size_t i = table.n; i-- > 0;) {
		if (config_socket(cf, table.at[i].name))
			continue;
		(void)fd_close(table.at[i].fd);
		found(&table.at[i]);
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

static int tell(struct supervisor *sv, enum link_kind kind, const char *name)
{
	struct link_message m = { .kind = kind };

	return link_send(&sv->parent, &m, name, -1);
}

/* The parent knows that it is used here, and nobody has shut it down. */
static bool is_well(const struct held *h)
{
	return h && h->told && !listener_is_dead(h->fd);
}

bool listening_ready(struct supervised *c)
{
	const struct str_list *names = names_of(c);

	c->parked = false;
	for (uint32_t i = 0; names && i < names->n; i++) {
		struct held *h = find(str_list_at(names, i));

		if (!h || h->lost)
			continue;
		if (is_well(h)) {
			make_blocking(c, h->name, h->fd);
			continue;
		}
		h->told = true;
		(void)tell(c->sup, LINK_SOCKET, h->name);
		c->parked = true;
	}
	return !c->parked;
}

/* The next try asks for it again. */
static int refuse(struct held *h, struct err *err)
{
	int r = h->why ? err_set(err, -h->lost, "%s", h->why)
		       : err_set(err, -h->lost, "socket \"%s\": %s", h->name,
				 strerror(h->lost));

	h->told = false;
	found(h);
	return r;
}

/* All of a child's descriptors, and their names as LISTEN_FDNAMES has them. */
int listening_collect(const struct supervised *c, int *fds, uint32_t *ret_n,
	struct buf *ret_names, struct err *err)
{
	const struct str_list *names = names_of(c);

	for (uint32_t i = 0; names && i < names->n; i++) {
		const char *name = str_list_at(names, i);
		struct held *h = find(name);

		if (!h)
			return err_set(err, -ENOENT,
				"there is no socket \"%s\" in the application's "
				"\"listen\" any more",
				name);
		if (h->lost)
			return refuse(h, err);
		fds[i] = h->fd;
		buf_addf(ret_names, "%s%s", i ? ":" : "", name);
	}
	*ret_n = names ? names->n : 0;
	return 0;
}

const char *listening_lost(const struct supervised *c)
{
	const struct str_list *names = names_of(c);

	for (uint32_t i = 0; names && i < names->n; i++) {
		int fd = listening_fd(str_list_at(names, i));

		if (fd >= 0 && listener_is_held(fd, supervisor_pid(c)) == 0)
			return str_list_at(names, i);
	}
	return NULL;
}

void listening_leave(struct supervised *c)
{
	struct reason reason = reason_text("shutdown");

	c->parked = false;
	sup_exited(&c->sup->core, &c->core, &reason, loop_now(c->sup->loop));
}

/* What has been refused has a second line. */
static struct held *take_refusal(const char *text, int code)
{
	char name[KICK_ID_MAX + 1] = "";
	size_t n = strcspn(text, "\n");
	struct held *h;

	if (n > KICK_ID_MAX || !text[n] || code <= 0)
		return NULL;
	memcpy(name, text, n);
	h = find(name);
	if (!h)
		return NULL;
	found(h);
	h->lost = code;
	h->why = strdup(text + n + 1);
	return h;
}

/* Without a descriptor, for which there was no room on its way, the one that we have
 * will do if it is of the same socket. */
static struct held *take(const struct link_message *m, const char *text, int fd)
{
	struct held *h;

	if (m->flags & LINK_REFUSED)
		return take_refusal(text, (int)m->number);
	if (fd >= 0)
		return listening_put(text, fd) == 0 ? find(text) : NULL;
	h = find(text);
	if (h)
		h->lost = listener_id(h->fd) != m->number ? EMFILE : 0;
	return h;
}

void listening_arrived(
	struct supervisor *sv, const struct link_message *m, const char *text, int fd)
{
	struct held *h = take(m, text, fd);

	if (!h)
		return;
	fd = h->lost ? -1 : h->fd;
	for (uint32_t i = 0; i < sv->core.n; i++) {
		struct supervised *c = supervised_of(sv->core.children[i]);

		if (is_supervisor(c) && child_is_alive(&c->core))
			(void)link_send(&c->nested->link, m, text, fd);
	}
	/* A start that fails may shorten the list. */
	for (uint32_t i = sv->core.n; i-- > 0;) {
		struct supervised *c =
			i < sv->core.n ? supervised_of(sv->core.children[i]) : NULL;

		if (c && c->parked)
			worker_start(c);
	}
	/* Nobody here has asked. Who does asks again. */
	if (h->lost) {
		h->told = false;
		found(h);
	}
}

/* --- who uses it --------------------------------------------------------------------
 */

/* Its process is there, or on its way, or will come back by itself. */
static bool is_up_or_coming(const struct child *c)
{
	return c->want_start || c->wave ||
		(c->state != CHILD_STOPPED && c->state != CHILD_EXITED);
}

static bool is_used(const struct supervisor *sv, const char *name)
{
	for (const struct use *u = table.uses; u; u = u->next) {
		if (strcmp(u->name, name) == 0)
			return true;
	}
	for (uint32_t i = 0; i < sv->core.n; i++) {
		const struct child *c = sv->core.children[i];

		if (has(supervised_of(sv->core.children[i]), name) &&
			is_up_or_coming(c))
			return true;
	}
	return false;
}

void listening_look(struct supervisor *sv)
{
	/* A tree that is stopped to be started anew keeps its clients. */
	if (sv->core.phase >= SUP_CLOSED)
		return;
	for (size_t i = 0; i < table.n; i++) {
		struct held *h = &table.at[i];

		if (h->told && !is_used(sv, h->name) &&
			tell(sv, LINK_SOCKET_IDLE, h->name) == 0)
			h->told = false;
	}
}

static struct use **find_use(const struct supervised *by, const char *name)
{
	struct use **at = &table.uses;

	while (*at && ((*at)->by != by || strcmp((*at)->name, name) != 0))
		at = &(*at)->next;
	return at;
}

static void drop_uses(const struct supervised *by, bool all)
{
	for (struct use **at = &table.uses; *at;) {
		struct use *u = *at;

		if (u->by != by || !(all || u->is_old)) {
			at = &u->next;
			continue;
		}
		*at = u->next;
		free(u);
	}
	listening_look(by->sup);
}

/* Somebody there is about to use it: the answer comes from above, unless the one above
 * knows already that it is used here, and so keeps it open. */
static void is_asked(struct supervised *by, struct held *h, const char *name)
{
	if (is_well(h)) {
		(void)listening_send(&by->nested->link, name, h->fd);
		return;
	}
	if (h)
		h->told = true;
	(void)tell(by->sup, LINK_SOCKET, name);
}

void listening_heard(struct supervised *by, bool is_used, const char *name)
{
	struct use **at = find_use(by, name);

	if (is_used) {
		if (!*at)
			*at = calloc(1, sizeof **at);
		if (*at) {
			(*at)->by = by;
			(*at)->is_old = false;
			(void)strncpy((*at)->name, name, KICK_ID_MAX);
		}
		is_asked(by, find(name), name);
	} else if (*at) {
		struct use *u = *at;

		*at = u->next;
		free(u);
		listening_look(by->sup);
	}
}

void listening_begins(const struct supervised *by)
{
	for (struct use *u = table.uses; u; u = u->next)
		u->is_old = u->is_old || u->by == by;
}

void listening_is_up(const struct supervised *by)
{
	drop_uses(by, false);
}

void listening_is_down(const struct supervised *c)
{
	if (is_supervisor(c) && !is_up_or_coming(&c->core))
		drop_uses(c, true);
	else if (names_of(c))
		listening_look(c->sup);
}

void listening_is_gone(const struct supervised *c)
{
	drop_uses(c, true);
}

void listening_forget(void)
{
	struct use *next;

	for (struct use *u = table.uses; u; u = next) {
		next = u->next;
		free(u);
	}
	table.uses = NULL;
	for (size_t i = 0; i < table.n; i++)
		table.at[i].told = false;
}
