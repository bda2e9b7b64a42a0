/* A new configuration reaches this supervisor: it holds it first, then works out what
 * is to become of each child, tells the supervisors below, and answers its parent when
 * everything has arrived. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "os/roles.h"
#include "otp/internal.h"
#include "otp/listening.h"

static void answer(struct supervisor *sv)
{
	struct link_message m = { .kind = LINK_RELOADED, .number = sv->reload_failed };

	sv->reloading = false;
	listening_look(sv);
	report_event(sv, NULL, EVENT_RELOADED, -1);
	(void)link_send(&sv->parent, &m, buf_text(&sv->reload_failures), -1);
	buf_done(&sv->reload_failures);
	if (sv->old_config)
		config_unmap(sv->old_config);
	sv->old_config = NULL;
}

void reloading_look(struct supervisor *sv)
{
	if (!sv->reloading || sv->reload_pending > 0 || sup_reloading(&sv->core))
		return;
	answer(sv);
}

void reloading_failed(struct supervisor *sv, struct supervised *c)
{
	char path[KICK_PATH_MAX];

	if (!sv->reloading)
		return;
	sv->reload_failed++;
	buf_addf(&sv->reload_failures, "%s %s\n", supervisor_path(c, path),
		c->core.last_exit.text);
}

void reloading_answer(struct supervisor *sv, int64_t failed, const char *text)
{
	if (!sv->reloading)
		return;
	sv->reload_pending--;
	sv->reload_failed += (uint32_t)failed;
	buf_adds(&sv->reload_failures, text);
	reloading_look(sv);
}

/* What is to become of a child that is listed in the new configuration too. */
static enum reload_act act_on(
	struct supervised *c, const struct child_spec *next, bool env_changed)
{
	enum spec_change change = spec_compare(c->spec, next);

	if (is_supervisor(c))
		return RELOAD_KEEP;
	if (change == SPEC_PROCESS || (env_changed && next->argv))
		return RELOAD_RENEW;
	if (!config_same_sockets(c->sup->old_config, c->sup->config,
		    REL_GET(struct str_list, next->listen)))
		return RELOAD_RENEW;
	return RELOAD_KEEP;
}

/* What a child is cannot change while it is known: it would need, or lose, its link. */
static bool is_alike(const struct child_spec *a, const struct child_spec *b)
{
	return a->policy.type == b->policy.type && a->link == b->link &&
		!spec_sup(a) == !spec_sup(b);
}

/* Not listed; but its sockets are, and may have become others. */
static void renew_added(struct supervisor *sv, struct supervised *c)
{
	if (!config_same_sockets(sv->old_config, sv->config,
		    REL_GET(struct str_list, c->spec->listen)))
		sup_reload_child(&sv->core, &c->core, RELOAD_RENEW, c->core.id,
			&c->spec->policy);
}

/* The second process of a rolling restart has no place any more when the first one goes
 * or is started anew, or when its id is now somebody else's. The first one has been
 * dealt with: it stands before it. */
static bool is_overtaken(
	struct supervisor *sv, const struct supervised *c, const struct sup_spec *next)
{
	const struct supervised *first = supervisor_find(sv, c->shown);

	return !first || first->core.removing || first->core.reload ||
		spec_find(next, c->core.id);
}

static void go_through_old(
	struct supervisor *sv, const struct sup_spec *next, bool env_changed)
{
	for (uint32_t i = 0; i < sv->core.n; i++) {
		struct supervised *c = supervised_of(sv->core.children[i]);
		const struct child_spec *cs, *old = c->spec;
		enum reload_act act;

		if (c->core.removing)
			continue;
		if (c->shown && is_overtaken(sv, c, next)) {
			sup_reload_child(
				&sv->core, &c->core, RELOAD_REMOVE, NULL, NULL);
			continue;
		}
		cs = spec_find(next, c->core.id);
		if (c->core.added && !cs) {
			renew_added(sv, c);
			continue;
		}
		/* Added by hand before it was written down: it is the listed one now.
		 */
		c->core.added = false;
		if (!cs || !is_alike(cs, c->spec)) {
			sup_reload_child(
				&sv->core, &c->core, RELOAD_REMOVE, NULL, NULL);
			continue;
		}
		act = act_on(c, cs, env_changed);
		sup_reload_child(
			&sv->core, &c->core, act, REL_STR(cs->id), &cs->policy);
		c->spec = cs;
		if (act == RELOAD_KEEP)
			prober_reloaded(c, old);
		else
			prober_stop(c);
	}
}

static struct supervised *find_listed(struct supervisor *sv, const char *id)
{
	for (uint32_t i = 0; i < sv->core.n; i++) {
		struct supervised *c = supervised_of(sv->core.children[i]);

		if (!c->core.removing && !c->core.added && strcmp(c->core.id, id) == 0)
			return c;
	}
	return NULL;
}

/* 0, or -ENOMEM: some are missing from the list. */
static int go_through_new(struct supervisor *sv, const struct sup_spec *next,
	struct child **order, uint32_t *ret_n)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < next->n_children; i++) {
		const struct child_spec *cs = spec_child(next, i);
		struct supervised *c = find_listed(sv, REL_STR(cs->id));

		if (!c) {
			c = supervised_new(sv, cs);
			if (!c)
				return -ENOMEM;
			sup_reload_insert(
				&sv->core, &c->core, REL_STR(cs->id), &cs->policy);
		}
		order[n++] = &c->core;
		*ret_n = n;
	}
	return 0;
}

static void apply(
	struct supervisor *sv, const struct config *next, const struct child_spec *spec)
{
	const struct sup_spec *sup = spec_sup(spec);
	autofree struct child **order =
		calloc(sup->n_children + 1, sizeof(struct child *));
	bool env_changed = !env_list_equal(REL_GET(struct env_list, sv->config->env),
		REL_GET(struct env_list, next->env));
	uint32_t n = 0;

	if (!order ||
		loop_reserve(sv->loop, 2 * (sv->core.n + sup->n_children) + 16) < 0 ||
		sup_reload_begin(&sv->core, &sup->policy, sup->n_children) < 0) {
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): autofree */
		sv->reload_failed++;
		buf_addf(&sv->reload_failures, "%s no_memory\n", supervisor_name(sv));
		config_unmap(next);
		return;
	}
	sv->old_config = sv->config;
	sv->config = next;
	sv->spec = spec;
	go_through_old(sv, sup, env_changed);
	if (go_through_new(sv, sup, order, &n) < 0) {
		sv->reload_failed++;
		buf_addf(&sv->reload_failures, "%s no_memory\n", supervisor_name(sv));
	}
	listening_drop_others(next);
	sup_reload_end(&sv->core, order, n, loop_now(sv->loop));
}

static void tell_nested(struct supervisor *sv)
{
	for (uint32_t i = 0; i < sv->core.n; i++) {
		struct supervised *c = supervised_of(sv->core.children[i]);

		if (is_supervisor(c) && !c->core.removing && c->core.tried)
			nested_reload(c, FD_CONFIG);
	}
}

void reloading_begin(struct supervisor *sv, int fd)
{
	const struct config *next = NULL;
	const struct child_spec *spec = NULL;

	sv->reloading = true;
	sv->reload_failed = 0;
	buf_init(&sv->reload_failures, KICK_LINK_MESSAGE_MAX);
	if (sv->core.phase < SUP_ENDING && config_map(fd, &next) == 0)
		spec = config_find(next, sv->path);
	if (spec && spec_sup(spec)) {
		(void)dup3(fd, FD_CONFIG, O_CLOEXEC);
		apply(sv, next, spec);
		tell_nested(sv);
	} else {
		sv->reload_failed++;
		buf_addf(
			&sv->reload_failures, "%s not_reloaded\n", supervisor_name(sv));
		if (next)
			config_unmap(next);
	}
	(void)fd_close(fd);
}
