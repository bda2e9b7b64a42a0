/* See sockkeeper.h. */
#include "sockkeeper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/macro.h"
#include "logkeeper.h"
#include "os/listener.h"
#include "otp/listening.h"

/* A worker that shuts a socket down in a loop does not keep the root busy. */
#define MEND_NS (SEC_NS / 10)
#define RETRY_NS SEC_NS

struct kept_socket {
	struct io io; /* its descriptor; watched for its end only */
	struct sockkeeper *owner;
	char name[KICK_ID_MAX + 1];
	struct listener_file file;
	char *path; /* of a Unix socket, else NULL */
	int64_t mended;
	bool failed;	/* to be mended; that has been said */
	bool taken;	/* by the next configuration */
	bool used;	/* a worker of this life of the tree has it, or will */
	bool next_used; /* ... when the next configuration holds */
	bool ended;	/* by us, until somebody is about to use it again */
};

static const struct socket_list *list_of(const struct config *cf)
{
	return REL_GET(struct socket_list, cf->listen);
}

static const struct socket_spec *spec_of(const struct kept_socket *s)
{
	return config_socket(s->owner->config, s->name);
}

static void free_socket(struct kept_socket *s)
{
	if (s->owner->loop)
		loop_remove(s->owner->loop, &s->io);
	(void)fd_close(s->io.fd);
	free(s->path);
	free(s);
}

/* For good: those who wait are told, the name is gone. */
static void end_socket(struct kept_socket *s)
{
	listener_end(s->io.fd);
	listener_unlink(s->path, &s->file);
	free_socket(s);
}

/* --- whose fault --------------------------------------------------------------------
 */

struct users {
	const char *name;
	struct buf list;
	unsigned n;
};

static void find_users(struct users *u, const struct child_spec *c, const char *path)
{
	const struct str_list *names = REL_GET(struct str_list, c->listen);
	const struct sup_spec *sup = spec_sup(c);
	char below[KICK_PATH_MAX];

	for (uint32_t i = 0; names && i < names->n; i++) {
		if (strcmp(str_list_at(names, i), u->name) == 0)
			buf_addf(&u->list, "%s%s", u->n++ ? ", " : "", path);
	}
	for (uint32_t i = 0; sup && i < sup->n_children; i++) {
		const struct child_spec *child = spec_child(sup, i);

		(void)snprintf(below, sizeof below, "%s%s%s", path, *path ? "/" : "",
			REL_STR(child->id));
		find_users(u, child, below);
	}
	if (sup && sup->template)
		find_users(u, REL_GET(struct child_spec, sup->template), path);
}

static void say_mended(const struct kept_socket *s, const char *what)
{
	struct users u = { .name = s->name };

	buf_init(&u.list, 400);
	find_users(&u, &s->owner->config->top, "");
	logkeeper_say("socket \"%s\" (%s) was shut down by %s%s; %s", s->name,
		REL_STR(spec_of(s)->address), u.n > 1 ? "one of " : "",
		u.n && buf_ok(&u.list) ? buf_text(&u.list) : "a worker", what);
	buf_done(&u.list);
}

/* --- mending ------------------------------------------------------------------------
 */

/* Into the table that every fork takes along, and to the supervisors that there are. */
static void hand_out(struct kept_socket *s)
{
	int copy = fcntl(s->io.fd, F_DUPFD_CLOEXEC, 0);

	if (copy >= 0)
		(void)listening_put(s->name, copy);
	if (s->owner->link)
		(void)listening_send(s->owner->link, s->name, s->io.fd);
}

/* It is fit for use; a start may wait for that. */
static void offer(struct kept_socket *s)
{
	s->failed = false;
	(void)loop_add(s->owner->loop, &s->io, EPOLLRDHUP);
	hand_out(s);
}

/* Who has asked for it cannot be started now, and may ask again. */
static void refuse(struct kept_socket *s, int code, const struct err *err)
{
	struct link_message m = {
		.kind = LINK_SOCKET, .flags = LINK_REFUSED, .number = -code
	};
	struct buf text;

	s->used = false;
	buf_init(&text, 0);
	buf_addf(&text, "%s\ncannot open socket \"%s\" (%s): %s", s->name, s->name,
		REL_STR(spec_of(s)->address), err->text);
	if (s->owner->link)
		(void)link_send(s->owner->link, &m, buf_text(&text), -1);
	buf_done(&text);
}

static void try_again(struct sockkeeper *sk, int64_t at)
{
	if (!sk->again.heap || at < sk->again.at)
		loop_arm(sk->loop, &sk->again, at);
}

static void replace(struct kept_socket *s)
{
	struct err err;
	int fd;
	int r = listener_replace(spec_of(s), s->io.fd, &s->file, &fd, &err);

	if (r < 0) {
		(void)err_prefix(&err, "trying again, as it cannot be opened anew");
		if (!s->failed)
			say_mended(s, err.text);
		s->failed = true;
		try_again(s->owner, loop_now(s->owner->loop) + RETRY_NS);
		return;
	}
	(void)fd_close(s->io.fd);
	s->io.fd = fd;
	offer(s);
	say_mended(s, "it was opened anew");
}

/* We have ended it ourselves, so it is nobody's fault. */
static void open_again(struct kept_socket *s)
{
	struct err err;
	int fd, r;

	if (listener_again(s->io.fd, spec_of(s)) < 0) {
		r = listener_replace(spec_of(s), s->io.fd, &s->file, &fd, &err);
		if (r < 0) {
			refuse(s, r, &err);
			return;
		}
		(void)fd_close(s->io.fd);
		s->io.fd = fd;
	}
	s->ended = false;
	offer(s);
}

static void mend(struct kept_socket *s)
{
	struct sockkeeper *sk = s->owner;
	int64_t now = loop_now(sk->loop);

	loop_remove(sk->loop, &s->io);
	if (now - s->mended < MEND_NS) {
		try_again(sk, s->mended + MEND_NS);
		return;
	}
	s->mended = now;
	if (!listener_is_dead(s->io.fd)) {
		/* Mended already, or an error that is not ours to take. */
		try_again(sk, now + RETRY_NS);
		return;
	}
	if (listener_again(s->io.fd, spec_of(s)) == 0) {
		offer(s);
		say_mended(s, "it listens again");
	} else {
		replace(s);
	}
}

static void on_end(struct io *io, uint32_t events)
{
	(void)events;
	mend(container_of(io, struct kept_socket, io));
}

static void on_again(struct timer *t, int64_t now)
{
	struct sockkeeper *sk = container_of(t, struct sockkeeper, again);

	(void)now;
	for (size_t i = 0; i < sk->n; i++) {
		struct kept_socket *s = sk->at[i];

		if (s->io.slot || s->ended)
			continue;
		if (listener_is_dead(s->io.fd))
			mend(s);
		else
			offer(s);
	}
}

static struct kept_socket *find(const struct sockkeeper *sk, const char *name)
{
	for (size_t i = 0; i < sk->n; i++) {
		if (strcmp(sk->at[i]->name, name) == 0)
			return sk->at[i];
	}
	return NULL;
}

void sockkeeper_asked(struct sockkeeper *sk, const char *name)
{
	struct kept_socket *s = find(sk, name);

	if (!s)
		return;
	s->used = true;
	if (s->ended)
		open_again(s);
	else if (listener_is_dead(s->io.fd))
		mend(s);
	else
		hand_out(s);
}

/* Those who wait are let go, those who come are refused. Nobody waits at a datagram
 * socket. */
static void end_wait(struct kept_socket *s)
{
	if (s->ended || spec_of(s)->kind == SOCKET_UDP)
		return;
	s->ended = true;
	s->failed = false;
	loop_remove(s->owner->loop, &s->io);
	listener_unlink(s->path, &s->file);
	listener_end(s->io.fd);
}

void sockkeeper_idle(struct sockkeeper *sk, const char *name)
{
	struct kept_socket *s = find(sk, name);

	if (!s)
		return;
	s->used = false;
	end_wait(s);
}

void sockkeeper_begin(struct sockkeeper *sk)
{
	for (size_t i = 0; i < sk->n; i++)
		sk->at[i]->used = false;
}

void sockkeeper_end_unused(struct sockkeeper *sk)
{
	for (size_t i = 0; i < sk->n; i++) {
		if (!sk->at[i]->used)
			end_wait(sk->at[i]);
	}
}

void sockkeeper_watch(struct sockkeeper *sk, struct loop *loop, struct link *link)
{
	sk->loop = loop;
	sk->link = link;
	sk->again.call = on_again;
	for (size_t i = 0; i < sk->n; i++)
		(void)loop_add(loop, &sk->at[i]->io, EPOLLRDHUP);
}

/* --- opening ------------------------------------------------------------------------
 */

static struct kept_socket *new_kept(
	struct sockkeeper *sk, const struct socket_spec *spec)
{
	struct kept_socket *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->owner = sk;
	s->io.fd = -1;
	s->io.call = on_end;
	s->mended = -MEND_NS;
	(void)strncpy(s->name, REL_STR(spec->name), KICK_ID_MAX);
	if (spec->path) {
		s->path = strdup(REL_STR(spec->path));
		if (!s->path) {
			free(s);
			return NULL;
		}
	}
	return s;
}

/* The one that is open already at this address. */
static struct kept_socket *find_same(
	const struct sockkeeper *sk, const struct socket_spec *spec)
{
	for (size_t i = 0; i < sk->n; i++) {
		const struct socket_spec *old = spec_of(sk->at[i]);

		if (old && socket_same(old, spec))
			return sk->at[i];
	}
	return NULL;
}

/* It will be let go, but only when all have the new configuration. */
static const struct socket_spec *find_in_the_way(const struct sockkeeper *sk,
	const struct config *next, const struct socket_spec *spec)
{
	const struct socket_list *l = list_of(next);

	for (size_t i = 0; i < sk->n; i++) {
		const struct socket_spec *old = spec_of(sk->at[i]);
		bool stays = false;

		for (uint32_t j = 0; j < l->n; j++)
			stays = stays || socket_same(old, &l->at[j]);
		if (!stays && old->kind == spec->kind && spec->kind != SOCKET_UNIX &&
			old->port == spec->port && old->is_v6 == spec->is_v6)
			return old;
	}
	return NULL;
}

static int open_one(struct sockkeeper *sk, const struct config *next,
	const struct socket_spec *spec, const char *prefix, struct buf *why,
	struct kept_socket **ret)
{
	struct kept_socket *s = new_kept(sk, spec);
	const struct socket_spec *other;
	struct err err;
	int r;

	if (!s)
		return -ENOMEM;
	r = listener_open(spec, &s->io.fd, &s->file, &err);
	if (r == 0) {
		*ret = s;
		return 0;
	}
	free_socket(s);
	other = r == -EADDRINUSE && sk->n ? find_in_the_way(sk, next, spec) : NULL;
	if (other)
		(void)err_set(&err, r,
			"socket \"%s\" (%s) of the configuration so far has this port; "
			"take that away in a reload of its own, before this one",
			REL_STR(other->name), REL_STR(other->address));
	buf_addf(why, "%scannot open socket \"%s\" (%s): %s\n", prefix,
		REL_STR(spec->name), REL_STR(spec->address), err.text);
	return r;
}

/* All of next into at[], those that are open already too. */
static int open_all(struct sockkeeper *sk, const struct config *next,
	const char *prefix, struct buf *why, struct kept_socket **at)
{
	const struct socket_list *l = list_of(next);
	int first = 0;

	for (uint32_t i = 0; l && i < l->n; i++) {
		const struct kept_socket *old = find(sk, REL_STR(l->at[i].name));
		int r = 0;

		at[i] = sk->n ? find_same(sk, &l->at[i]) : NULL;
		if (at[i])
			at[i]->taken = true;
		else
			r = open_one(sk, next, &l->at[i], prefix, why, &at[i]);
		/* Whatever has the name: who uses that will be started anew with it. */
		if (at[i])
			at[i]->next_used = old && old->used;
		first = first ? first : r;
	}
	return first;
}

static void take_back(struct sockkeeper *sk, struct kept_socket **at, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (at[i] && !at[i]->taken)
			end_socket(at[i]);
	}
	for (size_t i = 0; i < sk->n; i++)
		sk->at[i]->taken = false;
	free(at);
}

/* A socket that stays, under the same name or another. */
static void adapt(struct kept_socket *s, const struct socket_spec *spec)
{
	s->taken = false;
	if (!s->ended)
		listener_adapt(spec, s->io.fd, &s->file);
	if (strcmp(s->name, REL_STR(spec->name)) == 0)
		return;
	(void)strncpy(s->name, REL_STR(spec->name), KICK_ID_MAX);
	hand_out(s);
}

static void let_go(struct sockkeeper *sk)
{
	sk->leaving = sk->at;
	sk->n_leaving = 0;
	for (size_t i = 0; i < sk->n; i++) {
		struct kept_socket *s = sk->at[i];

		if (s->taken)
			continue;
		if (sk->loop)
			loop_remove(sk->loop, &s->io);
		sk->leaving[sk->n_leaving++] = s;
	}
}

int sockkeeper_change(struct sockkeeper *sk, const struct config *next,
	const char *prefix, struct buf *why)
{
	const struct socket_list *l = list_of(next);
	size_t n = l ? l->n : 0;
	struct kept_socket **at = calloc(n + 1, sizeof(struct kept_socket *));
	int r = at ? open_all(sk, next, prefix, why, at) : -ENOMEM;

	if (r < 0) {
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): n is 0 then */
		take_back(sk, at, at ? n : 0);
		return r;
	}
	sockkeeper_settle(sk);
	let_go(sk);
	sk->at = at;
	sk->n = n;
	sk->config = next;
	for (size_t i = 0; i < n; i++) {
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): all are open */
		at[i]->used = at[i]->next_used;
		if (at[i]->taken) {
			adapt(at[i], &l->at[i]);
			continue;
		}
		if (sk->loop)
			(void)loop_add(sk->loop, &at[i]->io, EPOLLRDHUP);
		hand_out(at[i]);
	}
	listening_drop_others(next);
	return 0;
}

void sockkeeper_settle(struct sockkeeper *sk)
{
	for (size_t i = 0; i < sk->n_leaving; i++)
		end_socket(sk->leaving[i]);
	free(sk->leaving);
	sk->leaving = NULL;
	sk->n_leaving = 0;
}

int sockkeeper_open(struct sockkeeper *sk, const struct config *cf, const char *prefix,
	struct buf *why)
{
	*sk = (struct sockkeeper){ .config = cf };
	return sockkeeper_change(sk, cf, prefix, why);
}

void sockkeeper_close(struct sockkeeper *sk)
{
	sockkeeper_settle(sk);
	for (size_t i = 0; i < sk->n; i++)
		end_socket(sk->at[i]);
	free(sk->at);
	sk->at = NULL;
	sk->n = 0;
}
