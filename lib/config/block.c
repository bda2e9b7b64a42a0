/* The block grows while it is written, so nothing points into it: everything is known
 * by its offset. A struct is reserved first, filled in as a local copy whose rel fields
 * are computed from the two offsets, and put in its place at the end. Equal strings are
 * written once. The last byte is always 0, so any string that begins within the block
 * also ends within it. */
#include "config/block.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macro.h"
#include "base/names.h"

#define BLOCK_MAX ((size_t)1 << 30)

struct block {
	char *data;
	size_t len, cap;
	uint32_t *strings; /* hash table of offsets, 0 for empty */
	size_t n_strings, cap_strings;
	int error;
};

/* The rel in a struct that will stand at `at`, to what stands at `target`. */
#define REL_TO(at, type, field, target) \
	rel_between((at) + offsetof(type, field), target)

static rel rel_between(size_t from, size_t to)
{
	return to ? (rel)((int64_t)to - (int64_t)from) : 0;
}

/* Zeroed, aligned for anything that stands in a block; 0 after a failure. */
static size_t reserve(struct block *b, size_t size, size_t align)
{
	size_t at = (b->len + align - 1) & ~(align - 1);

	if (b->error)
		return 0;
	if (size > BLOCK_MAX || at + size > BLOCK_MAX) {
		b->error = -E2BIG;
		return 0;
	}
	if (at + size > b->cap) {
		size_t cap = b->cap ? b->cap : 4096;
		char *data;

		while (cap < at + size)
			cap *= 2;
		data = realloc(b->data, cap);
		if (!data) {
			b->error = -ENOMEM;
			return 0;
		}
		memset(data + b->cap, 0, cap - b->cap);
		b->data = data;
		b->cap = cap;
	}
	b->len = at + size;
	return at;
}

static void put(struct block *b, size_t at, const void *bytes, size_t n)
{
	if (!b->error)
		memcpy(b->data + at, bytes, n);
}

/* The slot of text: where it is, or where it would be. */
static uint32_t *find_slot(const struct block *b, const char *text)
{
	uint64_t h = names_hash(text);
	size_t i = (size_t)(h ^ h >> 32) & (b->cap_strings - 1);

	while (b->strings[i] && strcmp(b->data + b->strings[i], text) != 0)
		i = (i + 1) & (b->cap_strings - 1);
	return &b->strings[i];
}

static int grow_strings(struct block *b)
{
	size_t old_cap = b->cap_strings;
	uint32_t *old = b->strings;

	b->cap_strings = old_cap ? old_cap * 2 : 256;
	b->strings = calloc(b->cap_strings, sizeof *b->strings);
	if (!b->strings) {
		b->strings = old;
		b->cap_strings = old_cap;
		return -ENOMEM;
	}
	for (size_t i = 0; i < old_cap; i++) {
		if (old[i])
			*find_slot(b, b->data + old[i]) = old[i];
	}
	free(old);
	return 0;
}

static size_t put_string(struct block *b, const char *text)
{
	uint32_t *slot;
	size_t at;

	if (!text || b->error)
		return 0;
	if (b->n_strings * 2 >= b->cap_strings && grow_strings(b) < 0) {
		b->error = -ENOMEM;
		return 0;
	}
	slot = find_slot(b, text);
	if (*slot)
		return *slot;
	at = reserve(b, strlen(text) + 1, 1);
	if (at == 0)
		return 0;
	put(b, at, text, strlen(text));
	*slot = (uint32_t)at;
	b->n_strings++;
	return at;
}

/* Both lists, one after the other; none for an empty one. */
static size_t put_list(
	struct block *b, const struct draft_list *l, const struct draft_list *more)
{
	uint32_t n = (uint32_t)(l->n + more->n);
	size_t size = sizeof(struct str_list) + n * sizeof(rel);
	size_t at;

	if (n == 0)
		return 0;
	at = reserve(b, size, _Alignof(struct str_list));
	put(b, at, &n, sizeof n);
	for (uint32_t i = 0; i < n; i++) {
		size_t field = at + offsetof(struct str_list, at) + i * sizeof(rel);
		const char *text = i < l->n ? l->at[i] : more->at[i - l->n];
		rel to = rel_between(field, put_string(b, text));

		put(b, field, &to, sizeof to);
	}
	return at;
}

static size_t put_env(struct block *b, const struct draft_env *env)
{
	uint32_t n = (uint32_t)env->n;
	size_t at;

	if (n == 0)
		return 0;
	at = reserve(b, sizeof(struct env_list) + n * sizeof(struct env_pair),
		_Alignof(struct env_list));
	put(b, at, &n, sizeof n);
	for (uint32_t i = 0; i < n; i++) {
		size_t pair_at = at + offsetof(struct env_list, at) +
			i * sizeof(struct env_pair);
		struct env_pair pair;

		pair.key = REL_TO(
			pair_at, struct env_pair, key, put_string(b, env->at[i].key));
		pair.value = REL_TO(pair_at, struct env_pair, value,
			put_string(b, env->at[i].value));
		put(b, pair_at, &pair, sizeof pair);
	}
	return at;
}

static size_t put_numbers(struct block *b, const uint32_t *numbers, uint32_t n)
{
	size_t at;

	if (n == 0)
		return 0;
	at = reserve(b, n * sizeof *numbers, _Alignof(uint32_t));
	put(b, at, numbers, n * sizeof *numbers);
	return at;
}

static size_t put_user(struct block *b, const struct draft_user *u)
{
	struct user_spec spec = { 0 };
	size_t at;

	if (!u->has_uid && !u->has_gid && !u->has_groups)
		return 0;
	at = reserve(b, sizeof spec, _Alignof(struct user_spec));
	spec.has_uid = u->has_uid;
	spec.has_gid = u->has_gid;
	spec.has_groups = u->has_groups;
	spec.uid = u->uid;
	spec.gid = u->gid;
	spec.n_groups = u->n_groups;
	spec.groups = REL_TO(
		at, struct user_spec, groups, put_numbers(b, u->groups, u->n_groups));
	spec.name = REL_TO(at, struct user_spec, name, put_string(b, u->name));
	spec.home = REL_TO(at, struct user_spec, home, put_string(b, u->home));
	put(b, at, &spec, sizeof spec);
	return at;
}

/* Member by member: no byte of a block is left to chance. */
static size_t put_attrs(struct block *b, const struct attrs *a)
{
	struct attrs spec;
	size_t at;

	if (attrs_are_empty(a))
		return 0;
	at = reserve(b, sizeof spec, _Alignof(struct attrs));
	memset(&spec, 0, sizeof spec);
	spec.has_nice = a->has_nice;
	spec.has_oom_score_adj = a->has_oom_score_adj;
	spec.has_capabilities = a->has_capabilities;
	spec.no_new_privileges = a->no_new_privileges;
	spec.has_cgroup = a->has_cgroup;
	spec.memory_max = a->memory_max;
	spec.pids_max = a->pids_max;
	spec.cpu_max = a->cpu_max;
	spec.nice = a->nice;
	spec.oom_score_adj = a->oom_score_adj;
	spec.soft = a->soft;
	spec.hard = a->hard;
	spec.capabilities = a->capabilities;
	memcpy(spec.limits, a->limits, sizeof spec.limits);
	put(b, at, &spec, sizeof spec);
	return at;
}

static size_t put_sockets(struct block *b, const struct draft_sockets *list)
{
	uint32_t n = (uint32_t)list->n;
	size_t at, here;

	if (n == 0)
		return 0;
	at = reserve(b, sizeof(struct socket_list) + n * sizeof(struct socket_spec),
		_Alignof(struct socket_list));
	put(b, at, &n, sizeof n);
	here = at + offsetof(struct socket_list, at);
	for (const struct draft_socket *s = list->first; s; s = s->next) {
		struct socket_spec spec;

		memset(&spec, 0, sizeof spec);
		spec.kind = s->kind;
		spec.backlog = s->backlog;
		spec.port = s->port;
		spec.mode = s->mode;
		spec.is_v6 = s->is_v6;
		memcpy(spec.ip, s->ip, sizeof spec.ip);
		spec.name =
			REL_TO(here, struct socket_spec, name, put_string(b, s->name));
		spec.address = REL_TO(
			here, struct socket_spec, address, put_string(b, s->address));
		spec.path =
			REL_TO(here, struct socket_spec, path, put_string(b, s->path));
		put(b, here, &spec, sizeof spec);
		here += sizeof spec;
	}
	return at;
}

static size_t put_success(struct block *b, const struct draft_child *c)
{
	size_t at;

	if (!c->has_success)
		return 0;
	at = reserve(b, sizeof c->success, _Alignof(struct success_spec));
	put(b, at, &c->success, sizeof c->success);
	return at;
}

static size_t put_probe(struct block *b, const struct draft_probe *p)
{
	struct probe_spec spec;
	size_t at;

	if (p->spec.kind == PROBE_NONE)
		return 0;
	at = reserve(b, sizeof spec, _Alignof(struct probe_spec));
	memset(&spec, 0, sizeof spec);
	spec.kind = p->spec.kind;
	spec.retries = p->spec.retries;
	spec.interval_ns = p->spec.interval_ns;
	spec.timeout_ns = p->spec.timeout_ns;
	spec.port = p->spec.port;
	spec.family = p->spec.family;
	spec.shell = p->spec.shell;
	memcpy(spec.ip, p->spec.ip, sizeof spec.ip);
	spec.target = REL_TO(at, struct probe_spec, target, put_string(b, p->target));
	spec.host = REL_TO(at, struct probe_spec, host, put_string(b, p->host));
	spec.path = REL_TO(at, struct probe_spec, path, put_string(b, p->path));
	spec.argv = REL_TO(at, struct probe_spec, argv,
		put_list(b, &p->argv, &(struct draft_list){ 0 }));
	put(b, at, &spec, sizeof spec);
	return at;
}

static size_t put_where(struct block *b, const struct draft_child *c)
{
	char line[16];
	char *text;
	size_t at;

	if (!c->doc)
		return put_string(b, c->where);
	(void)snprintf(line, sizeof line, ":%u", doc_line(c->doc, c->item));
	text = malloc(strlen(c->doc->shown) + sizeof line);
	if (!text) {
		b->error = -ENOMEM;
		return 0;
	}
	(void)stpcpy(stpcpy(text, c->doc->shown), line);
	at = put_string(b, text);
	free(text);
	return at;
}

static void put_child_at(struct block *b, const struct draft_child *c, size_t at);

static size_t reserve_child(struct block *b)
{
	return reserve(b, sizeof(struct child_spec), _Alignof(struct child_spec));
}

static size_t put_children(struct block *b, const struct draft_sup *sup)
{
	size_t at, field;

	if (sup->n_children == 0)
		return 0;
	at = reserve(b, sup->n_children * sizeof(rel), _Alignof(rel));
	field = at;
	for (const struct draft_child *c = sup->first; c; c = c->next) {
		size_t child_at = reserve_child(b);
		rel to = rel_between(field, child_at);

		put(b, field, &to, sizeof to);
		put_child_at(b, c, child_at);
		field += sizeof to;
	}
	return at;
}

static size_t put_sup(struct block *b, const struct draft_sup *sup)
{
	struct sup_spec spec = { .policy = sup->policy,
		.n_children = (uint32_t)sup->n_children };
	size_t at = reserve(b, sizeof spec, _Alignof(struct sup_spec));
	size_t template_at = 0;

	spec.children = REL_TO(at, struct sup_spec, children, put_children(b, sup));
	if (sup->template) {
		template_at = reserve_child(b);
		put_child_at(b, sup->template, template_at);
	}
	spec.template = REL_TO(at, struct sup_spec, template, template_at);
	put(b, at, &spec, sizeof spec);
	return at;
}

static void fill_process(struct block *b, const struct draft_child *c, size_t at,
	struct child_spec *spec)
{
	spec->argv =
		REL_TO(at, struct child_spec, argv, put_list(b, &c->argv, &c->args));
	spec->cwd = REL_TO(at, struct child_spec, cwd, put_string(b, c->cwd));
	spec->initial =
		REL_TO(at, struct child_spec, initial, put_string(b, c->initial));
	spec->file = REL_TO(at, struct child_spec, file, put_string(b, c->file));
	spec->env = REL_TO(at, struct child_spec, env, put_env(b, &c->env));
	spec->env_file = REL_TO(at, struct child_spec, env_file,
		put_list(b, &c->env_file, &(struct draft_list){ 0 }));
	spec->listen = REL_TO(at, struct child_spec, listen,
		put_list(b, &c->listen, &(struct draft_list){ 0 }));
	spec->user = REL_TO(at, struct child_spec, user, put_user(b, &c->user));
	spec->attrs = REL_TO(at, struct child_spec, attrs, put_attrs(b, &c->attrs));
	spec->success = REL_TO(at, struct child_spec, success, put_success(b, c));
	spec->ready_log =
		REL_TO(at, struct child_spec, ready_log, put_string(b, c->ready_log));
	spec->probe = REL_TO(at, struct child_spec, probe, put_probe(b, &c->probe));
	spec->health = REL_TO(at, struct child_spec, health, put_probe(b, &c->health));
	for (size_t i = 0; i < 3; i++) {
		size_t path_at = at + offsetof(struct child_spec, stdio) +
			i * sizeof(struct stdio_spec) +
			offsetof(struct stdio_spec, path);

		spec->stdio[i].kind = c->stdio[i].kind;
		spec->stdio[i].path =
			rel_between(path_at, put_string(b, c->stdio[i].path));
	}
}

static void put_child_at(struct block *b, const struct draft_child *c, size_t at)
{
	struct child_spec spec;

	/* Padding too: no byte of a block is left to chance. */
	memset(&spec, 0, sizeof spec);
	spec.policy.type = c->policy.type;
	spec.policy.restart = c->policy.restart;
	spec.policy.significant = c->policy.significant;
	spec.policy.autostart = c->policy.autostart;
	spec.policy.oneshot = c->policy.oneshot;
	spec.policy.shutdown_ns = c->policy.shutdown_ns;
	spec.policy.start_timeout_ns = c->policy.start_timeout_ns;
	spec.policy.backoff = c->policy.backoff;
	spec.shell = c->shell;
	spec.ready = c->ready;
	spec.ready_fd = c->ready_fd;
	spec.kill_mode = c->kill_mode;
	spec.stop_signal = c->stop_signal;
	spec.reload_signal = c->reload_signal;
	spec.link = c->link;
	spec.has_umask = c->has_umask;
	spec.umask = c->umask;
	spec.registry_keys = c->registry_keys;
	spec.id = REL_TO(at, struct child_spec, id, put_string(b, c->id));
	spec.where = REL_TO(at, struct child_spec, where, put_where(b, c));
	fill_process(b, c, at, &spec);
	if (draft_has_children(c))
		spec.sup = REL_TO(at, struct child_spec, sup, put_sup(b, &c->sup));
	put(b, at, &spec, sizeof spec);
}

static void put_config(struct block *b, const struct draft_config *cf)
{
	struct config head;
	size_t at = reserve(b, sizeof head, _Alignof(struct config));

	memset(&head, 0, sizeof head);
	head.magic = CONFIG_MAGIC;
	head.on_give_up = cf->on_give_up;
	head.shutdown_ns = cf->shutdown_ns;
	head.control_mode = cf->control_mode;
	head.name = REL_TO(at, struct config, name, put_string(b, cf->name));
	head.file = REL_TO(at, struct config, file, put_string(b, cf->file));
	head.env = REL_TO(at, struct config, env, put_env(b, &cf->env));
	head.listen = REL_TO(at, struct config, listen, put_sockets(b, &cf->listen));
	head.control_group = REL_TO(at, struct config, control_group,
		put_numbers(b, &cf->control_group.gid, cf->control_group.is_set));
	head.control_readers = REL_TO(at, struct config, control_readers,
		put_numbers(b, &cf->control_readers.gid, cf->control_readers.is_set));
	put(b, at, &head, sizeof head);
	put_child_at(b, &cf->top, at + offsetof(struct config, top));
}

static int finish(struct block *b, void **ret, size_t *ret_size)
{
	free(b->strings);
	if (b->error) {
		free(b->data);
		return b->error;
	}
	*ret = b->data;
	*ret_size = b->len;
	return 0;
}

/* A zero byte at the very end. */
static void put_end(struct block *b)
{
	(void)reserve(b, 1, 1);
	(void)reserve(b, 0, _Alignof(max_align_t));
}

int block_config(const struct draft_config *cf, void **ret, size_t *ret_size)
{
	struct block b = { 0 };
	uint32_t size;

	put_config(&b, cf);
	put_end(&b);
	size = (uint32_t)b.len;
	put(&b, offsetof(struct config, size), &size, sizeof size);
	return finish(&b, ret, ret_size);
}

int block_child(const struct draft_child *c, void **ret, size_t *ret_size)
{
	struct block b = { 0 };

	put_child_at(&b, c, reserve_child(&b));
	put_end(&b);
	return finish(&b, ret, ret_size);
}
