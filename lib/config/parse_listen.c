/* Listening sockets: their addresses, and who may name them. Addresses are numbers: no
 * name is looked up, now or ever. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/limits.h"
#include "base/macro.h"
#include "base/names.h"
#include "config/parse.h"
#include "config/values.h"

#define DEFAULT_BACKLOG 4096
#define DEFAULT_SOCKET_MODE 0666

/* sun_path, with the end of the string. */
#define UNIX_PATH_MAX (sizeof(((struct sockaddr_un *)0)->sun_path))

static bool wrong_address(struct parse *p, const cJSON *v, const char *why)
{
	char quoted[DIAG_QUOTE_MAX];

	diag_error(p->diag, p->doc, v, "bad address %s: %s",
		diag_quote(p->doc, v, quoted), why);
	return false;
}

/* HOST:PORT behind "tcp://" or "udp://". */
static bool inet_address(
	struct parse *p, const cJSON *v, const char *text, struct draft_socket *s)
{
	const char *colon = strrchr(text, ':'), *scheme;
	char host[INET6_ADDRSTRLEN + 2], shown[INET6_ADDRSTRLEN], whole[96];
	size_t n = colon ? (size_t)(colon - text) : 0;

	if (!colon || !value_port(colon + 1, strlen(colon + 1), &s->port))
		return wrong_address(p, v,
			"a port from 1 to 65535 must stand at the "
			"end, as in \"tcp://127.0.0.1:4000\"");
	if (n >= sizeof host)
		return wrong_address(p, v, "the host is no numeric address");
	s->is_v6 = text[0] == '[' && text[n - 1] == ']';
	(void)snprintf(
		host, sizeof host, "%.*s", (int)n - 2 * s->is_v6, text + s->is_v6);
	if (inet_pton(s->is_v6 ? AF_INET6 : AF_INET, host, s->ip) != 1)
		return wrong_address(p, v,
			strchr(host, ':') && !s->is_v6
				? "an IPv6 address stands in brackets, as in "
				  "\"tcp://[::1]:4000\""
				: "the host must be a numeric address such as "
				  "127.0.0.1, 0.0.0.0 or [::1]; names are not looked "
				  "up");
	if (!inet_ntop(s->is_v6 ? AF_INET6 : AF_INET, s->ip, shown, sizeof shown))
		return false;
	scheme = s->kind == SOCKET_TCP ? "tcp" : "udp";
	(void)snprintf(whole, sizeof whole, s->is_v6 ? "%s://[%s]:%u" : "%s://%s:%u",
		scheme, shown, s->port);
	s->address = arena_strdup(p->arena, whole);
	return s->address != NULL;
}

static bool unix_address(
	struct parse *p, const cJSON *v, const char *path, struct draft_socket *s)
{
	char why[120];

	if (!*path || path[strlen(path) - 1] == '/')
		return wrong_address(p, v, "a file name must stand behind \"unix:\"");
	if (*path == '@')
		return wrong_address(p, v,
			"sockets without a file are not kept; a file of that name is "
			"written \"unix:./@...\"");
	s->path = value_path(p, path);
	if (!s->path)
		return false;
	if (strlen(s->path) >= UNIX_PATH_MAX) {
		(void)snprintf(why, sizeof why,
			"the absolute path has %zu bytes; a Unix socket's may have %zu",
			strlen(s->path), UNIX_PATH_MAX - 1);
		return wrong_address(p, v, why);
	}
	s->address =
		arena_join(p->arena, (const char *const[]){ "unix:", s->path, NULL });
	return s->address != NULL;
}

bool socket_address(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct draft_socket *s = base;
	const char *text = v->valuestring;

	if (!cJSON_IsString(v))
		return value_wrong_type(
			p, k, v, "a string such as \"tcp://127.0.0.1:4000\"");
	if (strncmp(text, "unix:", 5) == 0) {
		s->kind = SOCKET_UNIX;
		return unix_address(p, v, text + 5, s);
	}
	s->kind = strncmp(text, "udp://", 6) == 0 ? SOCKET_UDP : SOCKET_TCP;
	if (s->kind == SOCKET_TCP && strncmp(text, "tcp://", 6) != 0)
		return wrong_address(
			p, v, "it must begin with tcp://, udp:// or unix:");
	return inet_address(p, v, text + 6, s);
}

bool socket_mode(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct draft_socket *s = base;

	return value_octal(p, k, v, &s->mode);
}

/* What does not go with the kind of address. */
static void check_socket(struct parse *p, const cJSON *v, const struct draft_socket *s)
{
	const cJSON *mode = json_get(v, "mode"), *backlog = json_get(v, "backlog");

	if (mode && s->kind != SOCKET_UNIX)
		diag_key_error(p->diag, p->doc, mode,
			"only a Unix socket has a \"mode\": it is a file's");
	if (backlog && s->kind == SOCKET_UDP)
		diag_key_error(p->diag, p->doc, backlog,
			"a UDP socket has no \"backlog\": it has no connections");
}

static bool read_socket(
	struct parse *p, const struct key *k, const cJSON *v, struct draft_socket *s)
{
	struct key_use use = { .table = &socket_keys, .base = s };
	unsigned errors = p->diag->errors;

	if (cJSON_IsString(v))
		return socket_address(p, k, v, s);
	if (!cJSON_IsObject(v))
		return value_wrong_type(p, &(struct key){ .name = v->string }, v,
			"an address such as \"tcp://127.0.0.1:4000\", or an object "
			"with \"address\"");
	keys_read(p, v, &use, 1, 0);
	if (!json_get(v, "address"))
		diag_error(p->diag, p->doc, v, "this socket has no \"address\"");
	else if (s->address)
		check_socket(p, v, s);
	return p->diag->errors == errors;
}

static void say_name_twice(struct parse *p, const struct draft_socket *again,
	const struct draft_socket *first)
{
	char quoted[DIAG_QUOTE_MAX];

	diag_key_error(p->diag, p->doc, again->item,
		"socket %s is already given at %s:%u",
		diag_quote_text(first->name, quoted), first->doc->shown,
		doc_line(first->doc, first->item));
}

static void say_address_twice(struct parse *p, const struct draft_socket *again,
	const struct draft_socket *first)
{
	char quoted[DIAG_QUOTE_MAX];

	diag_error(p->diag, p->doc, again->item,
		"address %s is already that of socket \"%s\" at %s:%u",
		diag_quote_text(first->address, quoted), first->name, first->doc->shown,
		doc_line(first->doc, first->item));
}

static bool add_socket(struct parse *p, const struct key *k, const cJSON *v,
	struct draft_sockets *list)
{
	struct draft_socket *s = arena_alloc(p->arena, sizeof *s);
	const char *mistake = value_id_mistake(v->string);
	char quoted[DIAG_QUOTE_MAX];

	if (!s)
		return false;
	*s = (struct draft_socket){ .name = v->string,
		.backlog = DEFAULT_BACKLOG,
		.mode = DEFAULT_SOCKET_MODE,
		.doc = p->doc,
		.item = v };
	if (mistake) {
		diag_key_error(p->diag, p->doc, v, "bad name of a socket %s: %s",
			diag_quote_text(v->string, quoted), mistake);
		return false;
	}
	/* Known by its name, also when its address is wrong: that is one mistake. */
	if (!read_socket(p, k, v, s))
		s->address = NULL;
	for (const struct draft_socket *o = list->first; o; o = o->next) {
		if (o->doc != s->doc && strcmp(o->name, s->name) == 0)
			say_name_twice(p, s, o);
		else if (o->address && s->address &&
			strcmp(o->address, s->address) == 0)
			say_address_twice(p, s, o);
	}
	if (list->last)
		list->last->next = s;
	else
		list->first = s;
	list->last = s;
	list->n++;
	return true;
}

bool top_listen(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct draft_sockets *list = (void *)((char *)base + k->offset);
	const struct key *address = key_find(&socket_keys, "address");
	bool ok = true;
	if (!cJSON_IsObject(v))
		return value_wrong_type(p, k, v,
			"an object such as {\"http\": \"tcp://127.0.0.1:4000\"}");
	if (list->n + (size_t)cJSON_GetArraySize(v) > KICK_SOCKETS_MAX) {
		diag_error(p->diag, p->doc, v,
			"too many sockets; the limit is %d (KICK_SOCKETS_MAX)",
			KICK_SOCKETS_MAX);
		return false;
	}
	for (const cJSON *s = v->child; s; s = s->next)
		ok = add_socket(p, address, s, list) && ok;
	return ok;
}

/* --- of a child ---------------------------------------------------------------------
 */

bool child_listen(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct draft_child *c = base;
	struct draft_list list;
	char quoted[DIAG_QUOTE_MAX];

	if (!value_list(p, &(struct key){ .name = k->name }, v, &list))
		return false;
	if (list.n > KICK_CHILD_SOCKETS_MAX) {
		diag_error(p->diag, p->doc, v,
			"%zu sockets are too many for one child; the limit is %d "
			"(KICK_CHILD_SOCKETS_MAX)",
			list.n, KICK_CHILD_SOCKETS_MAX);
		return false;
	}
	for (const cJSON *a = v->child; a; a = a->next) {
		for (const cJSON *b = v->child; b != a; b = b->next) {
			if (strcmp(a->valuestring, b->valuestring) != 0)
				continue;
			diag_error(p->diag, p->doc, a, "socket %s is named twice",
				diag_quote(p->doc, a, quoted));
			return false;
		}
	}
	c->listen = list;
	return true;
}

void parse_check_slots(struct parse *p, const cJSON *obj, const struct draft_child *c)
{
	const cJSON *v = json_get(obj, "ready");
	size_t last = KICK_READY_FD_MIN + c->listen.n - 1;

	if (c->listen.n == 0 || c->ready != READY_FD || c->ready_fd > last)
		return;
	diag_error(p->diag, p->doc, v ? v : obj,
		"descriptor %u cannot be that of \"ready\": the sockets of \"listen\" "
		"are 3 to %zu; %s",
		c->ready_fd, last,
		last < KICK_READY_FD_MAX ? "take a higher one"
					 : "use {\"notify\": true}");
}

static void say_unknown(struct parse *p, const struct draft_config *cf,
	const struct draft_child *c, const cJSON *v)
{
	const char *names[KICK_SOCKETS_MAX];
	const char *suggestion;
	char quoted[DIAG_QUOTE_MAX];
	size_t n = 0;

	for (const struct draft_socket *s = cf->listen.first; s && n < ARRAY_LEN(names);
		s = s->next)
		names[n++] = s->name;
	suggestion = names_suggest(names, n, v->valuestring);
	diag_error(p->diag, c->doc, v,
		"there is no socket %s in the application's "
		"\"listen\"%s%s%s",
		diag_quote(c->doc, v, quoted), suggestion ? "; did you mean \"" : "",
		suggestion ? suggestion : "", suggestion ? "\"?" : "");
}

static struct draft_socket *find_socket(const struct draft_config *cf, const char *name)
{
	struct draft_socket *s = cf->listen.first;

	while (s && strcmp(s->name, name) != 0)
		s = s->next;
	return s;
}

/* The kernel takes connections to it, whatever its program does. */
static void check_probe(struct parse *p, const struct draft_child *c, const char *key,
	const struct draft_probe *probe, const struct draft_socket *s)
{
	if (probe->spec.kind != PROBE_TCP || s->kind != SOCKET_TCP ||
		probe->spec.port != s->port)
		return;
	diag_warning(p->diag, c->doc, json_get(c->item, key),
		"a connection to \"%s\" always succeeds, as kick keeps that socket; take "
		"\"http\", \"exec\" or {\"notify\": true}",
		s->name);
}

static bool check_child(
	struct parse *p, const struct draft_config *cf, const struct draft_child *c)
{
	const cJSON *list = c->listen.n > 0 ? json_get(c->item, "listen") : NULL;
	bool ok = true;

	for (const cJSON *v = list ? list->child : NULL; v; v = v->next) {
		struct draft_socket *s = find_socket(cf, v->valuestring);

		if (!s) {
			say_unknown(p, cf, c, v);
			ok = false;
			continue;
		}
		s->used = true;
		check_probe(p, c, "ready", &c->probe, s);
		check_probe(p, c, "health", &c->health, s);
	}
	for (const struct draft_child *d = c->sup.first; d; d = d->next)
		ok = check_child(p, cf, d) && ok;
	if (c->sup.template)
		ok = check_child(p, cf, c->sup.template) && ok;
	return ok;
}

/* What is added to it may name any socket. */
static bool takes_anything(const struct draft_child *c)
{
	if (c->policy.type == CHILD_DYNAMIC_SUPERVISOR && !c->sup.template)
		return true;
	for (const struct draft_child *d = c->sup.first; d; d = d->next)
		if (takes_anything(d))
			return true;
	return c->sup.template && takes_anything(c->sup.template);
}

void parse_check_sockets(struct parse *p, const struct draft_config *cf)
{
	for (const struct draft_child *c = cf->top.sup.first; c; c = c->next)
		(void)check_child(p, cf, c);
	if (p->diag->errors > 0 || takes_anything(&cf->top))
		return;
	for (const struct draft_socket *s = cf->listen.first; s; s = s->next)
		if (!s->used)
			diag_warning(p->diag, s->doc, s->item,
				"no child has \"%s\" in its \"listen\", so nobody "
				"serves it",
				s->name);
}
