/* Readers of what is made of children: their lists, a dynamic supervisor's template,
 * and the rules that concern several keys or several children. */
#include "config/parse.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/macro.h"
#include "base/names.h"
#include "config/values.h"

/* The children of a supervisor are in the configuration, or in a program. */
static int place_of_supervisor(
	struct parse *p, const cJSON *obj, const struct draft_child *c)
{
	const cJSON *start = json_get(obj, "start");

	if (!start)
		return c->argv.n > 0 ? IN_CODE : IN_SUP;
	if (c->sup.n_children == 0)
		return IN_CODE;
	diag_key_error(p->diag, p->doc, start,
		"the template has \"children\", so its supervisors have no \"start\"");
	return -1;
}

static int place_of(struct parse *p, const cJSON *obj, const struct draft_child *c)
{
	static const int in[CHILD_NTYPES] = {
		[CHILD_WORKER] = IN_WORKER,
		[CHILD_DYNAMIC_SUPERVISOR] = IN_DYNAMIC,
		[CHILD_PARTITION_SUPERVISOR] = IN_PARTITION,
		[CHILD_REGISTRY] = IN_REGISTRY,
		[CHILD_AGENT] = IN_AGENT,
	};

	return c->policy.type == CHILD_SUPERVISOR ? place_of_supervisor(p, obj, c)
						  : in[c->policy.type];
}

/* The type decides which keys there are, so it is read before all others. Returns where
 * keys may stand; 0 when the type is wrong, negative when the child is of no use. */
static int find_place(
	struct parse *p, const cJSON *obj, struct draft_child *c, bool has_template)
{
	const cJSON *v = json_get(obj, "type");
	int type;

	if (!v)
		return place_of(p, obj, c);
	if (!cJSON_IsString(v))
		return 0;
	type = names_find(child_type_names, CHILD_NTYPES, v->valuestring);
	if (type < 0)
		return 0;
	if (has_template && type != c->policy.type) {
		diag_error(p->diag, p->doc, v, "the template's children are of type %s",
			child_type_names[c->policy.type]);
		return -1;
	}
	if (!has_template)
		draft_child_init(c, (enum child_type)type);
	return place_of(p, obj, c);
}

static void check_id(struct parse *p, const cJSON *obj, enum id_rule rule)
{
	const cJSON *id = json_get(obj, "id");

	if (rule == ID_NEEDED && !id)
		diag_error(p->diag, p->doc, obj, "this child has no \"id\"");
	if (rule == ID_REFUSED && id)
		diag_key_error(p->diag, p->doc, id,
			"a template has no \"id\": each child that is made from it "
			"gets its own");
}

/* OTP looks at auto_shutdown first. */
static void check_significant(struct parse *p, const struct key_use *use,
	const cJSON *obj, const struct draft_child *c)
{
	const cJSON *v = json_get(obj, "significant");

	if (!c->policy.significant)
		return;
	v = v ? v : obj;
	if (!p->sup->auto_unknown && p->sup->policy.auto_shutdown == AUTO_NEVER)
		diag_error(p->diag, p->doc, v,
			"a significant child needs a supervisor whose auto_shutdown is "
			"any_significant or all_significant");
	else if (c->policy.restart == RESTART_PERMANENT &&
		(!json_get(obj, "restart") || keys_have(use, obj, "restart")))
		diag_error(p->diag, p->doc, v,
			"a permanent child cannot be significant: it never ends for "
			"good; "
			"restart must be transient or temporary");
}

static void check_oneshot(struct parse *p, const struct key_use *use, const cJSON *obj,
	const struct draft_child *c)
{
	const cJSON *v = json_get(obj, "restart");

	if (!c->policy.oneshot || c->policy.restart != RESTART_PERMANENT)
		return;
	if (v && !keys_have(use, obj, "restart"))
		return;
	diag_error(p->diag, p->doc, v ? v : obj,
		"a one-shot cannot be permanent: it would run for ever; restart must "
		"be "
		"transient or temporary");
}

static void check_ready_log(
	struct parse *p, const cJSON *obj, const struct draft_child *c)
{
	const cJSON *v = json_get(obj, "ready");

	if (c->ready == READY_LOG && c->stdio[1].kind != STDIO_LOG &&
		c->stdio[2].kind != STDIO_LOG)
		diag_error(p->diag, p->doc, v ? v : obj,
			"\"ready\" waits for a line, but neither \"stdout\" nor "
			"\"stderr\" is \"log\": nobody reads what it prints");
}

static void check_health(struct parse *p, const cJSON *obj, const struct draft_child *c)
{
	const cJSON *v = json_get(obj, "health");

	if (c->policy.oneshot && c->health.spec.kind != PROBE_NONE)
		diag_error(p->diag, p->doc, v ? v : obj,
			"a one-shot has no \"health\": when it is ready it has ended");
}

static void check_backoff(
	struct parse *p, const cJSON *obj, const struct draft_child *c)
{
	const cJSON *v = json_get(obj, "backoff");

	/* Also when it is wrong itself: it will be there when that is mended. */
	if ((cJSON_IsObject(v) || c->policy.backoff.initial_ns > 0) &&
		!p->sup->policy.states_max_restarts)
		diag_error(p->diag, p->doc, v ? v : obj,
			"a supervisor with a child that has \"backoff\" must state "
			"\"max_restarts\", a number or \"infinity\"");
}

static void check_dynamic(struct parse *p, const struct key_use *use, const cJSON *obj,
	const struct draft_child *c)
{
	if (c->policy.type != CHILD_DYNAMIC_SUPERVISOR)
		return;
	if (keys_have(use, obj, "strategy") &&
		c->sup.policy.strategy != STRATEGY_ONE_FOR_ONE)
		diag_error(p->diag, p->doc, json_get(obj, "strategy"),
			"a dynamic_supervisor's strategy is one_for_one: its children "
			"are in no "
			"order");
	if (keys_have(use, obj, "auto_shutdown") &&
		c->sup.policy.auto_shutdown != AUTO_NEVER)
		diag_error(p->diag, p->doc, json_get(obj, "auto_shutdown"),
			"a dynamic_supervisor's auto_shutdown is never");
}

static void check_partitions(struct parse *p, const struct key_use *use,
	const cJSON *obj, const struct draft_child *c)
{
	const cJSON *partitions = json_get(obj, "partitions");

	if (c->policy.type != CHILD_PARTITION_SUPERVISOR)
		return;
	if (!json_get(obj, "child") && c->sup.n_children == 0)
		diag_error(p->diag, p->doc, obj,
			"this partition_supervisor has no \"child\"");
	else if (!json_get(obj, "child") && partitions)
		diag_key_error(p->diag, p->doc, partitions,
			"the template has a \"child\" already, so its number of "
			"\"partitions\" is fixed");
	if (keys_have(use, obj, "auto_shutdown") &&
		c->sup.policy.auto_shutdown != AUTO_NEVER)
		diag_error(p->diag, p->doc, json_get(obj, "auto_shutdown"),
			"a partition_supervisor's auto_shutdown is never");
}

/* The link says what these keys would; one that stands in the template counts too. */
static void check_unlinked(
	struct parse *p, const cJSON *obj, const char *name, bool is_in_template)
{
	const cJSON *v = json_get(obj, name), *link = json_get(obj, "link");
	const char *why = key_link_mistake(name);

	if (v)
		diag_key_error(p->diag, p->doc, v,
			"a program with \"link\" has no \"%s\": %s", name, why);
	else if (is_in_template)
		diag_error(p->diag, p->doc, link ? link : obj,
			"a program with \"link\" has no \"%s\", which the template "
			"has: %s",
			name, why);
}

static void check_link(struct parse *p, const struct key_use *use, const cJSON *obj,
	unsigned in, struct draft_child *c)
{
	if (in & IN_CODE) {
		if (keys_have(use, obj, "link") && !c->link)
			diag_error(p->diag, p->doc, json_get(obj, "link"),
				"the program of a supervisor speaks libkick, so its "
				"\"link\" is true");
		c->link = true;
	} else if (c->link) {
		check_unlinked(p, obj, "ready", c->ready != READY_EXEC);
		check_unlinked(p, obj, "stop_signal", c->stop_signal != SIGTERM);
	}
}

/* Takes `user` over; false when it does not exist. */
static bool settle_user(struct parse *p, const cJSON *v, struct draft_child *c)
{
	const struct users_user *u;
	char quoted[DIAG_QUOTE_MAX];
	int r = users_find(&p->users, p->arena, c->user_name, &u);

	if (r < 0) {
		if (r == -ENOENT)
			diag_error(p->diag, p->doc, v, "there is no user %s",
				diag_quote(p->doc, v, quoted));
		else
			diag_error(p->diag, p->doc, v, "cannot look up user %s: %s",
				diag_quote(p->doc, v, quoted), strerror(-r));
		return false;
	}
	if (!u->name && !c->group_name) {
		diag_error(p->diag, p->doc, v,
			"user %s is not in the system's database, so \"group\" must "
			"be given too",
			diag_quote(p->doc, v, quoted));
		return false;
	}
	c->user = (struct draft_user){ .has_uid = true,
		.uid = u->uid,
		.has_gid = true,
		.gid = u->gid,
		.has_groups = true,
		.n_groups = u->n_groups,
		.groups = u->groups,
		.name = u->name,
		.home = u->home };
	return true;
}

bool value_gid(struct parse *p, const cJSON *v, const char *name, uint32_t *ret)
{
	char quoted[DIAG_QUOTE_MAX];
	int r = users_find_group(&p->users, p->arena, name, ret);

	if (r == 0)
		return true;
	if (r == -ENOENT)
		diag_error(p->diag, p->doc, v, "there is no group %s",
			diag_quote(p->doc, v, quoted));
	else
		diag_error(p->diag, p->doc, v, "cannot look up group %s: %s",
			diag_quote(p->doc, v, quoted), strerror(-r));
	return false;
}

static void settle_groups(struct parse *p, struct draft_child *c)
{
	size_t n = (size_t)cJSON_GetArraySize(c->group_names);
	uint32_t *groups = arena_alloc(p->arena, (n + 1) * sizeof *groups);

	if (!groups)
		return;
	n = 0;
	for (const cJSON *v = c->group_names->child; v; v = v->next) {
		if (value_gid(p, v, v->valuestring, &groups[n]))
			n++;
	}
	c->user.has_groups = true;
	c->user.n_groups = (uint32_t)n;
	c->user.groups = groups;
}

static void settle_identity(struct parse *p, const struct key_use *use,
	const cJSON *obj, struct draft_child *c)
{
	if (keys_have(use, obj, "user") && !settle_user(p, json_get(obj, "user"), c))
		return;
	if (keys_have(use, obj, "group"))
		c->user.has_gid = value_gid(
			p, json_get(obj, "group"), c->group_name, &c->user.gid);
	if (keys_have(use, obj, "groups"))
		settle_groups(p, c);
}

static void note_stated(const cJSON *obj, struct draft_stated *s)
{
	s->restart = s->restart || json_get(obj, "restart");
	s->shutdown = s->shutdown || json_get(obj, "shutdown");
	s->start_timeout = s->start_timeout || json_get(obj, "start_timeout");
	s->kill_mode = s->kill_mode || json_get(obj, "kill_mode");
}

/* What concerns more than one key. */
static void settle_child(struct parse *p, const struct key_use *use, const cJSON *obj,
	unsigned in, enum id_rule rule, struct draft_child *c)
{
	check_id(p, obj, rule);
	if (c->policy.type == CHILD_WORKER && rule != ID_REFUSED && c->argv.n == 0 &&
		!json_get(obj, "start"))
		diag_error(p->diag, p->doc, obj, "this child has no \"start\"");
	note_stated(obj, &c->stated);
	draft_child_settle(c);
	settle_identity(p, use, obj, c);
	check_link(p, use, obj, in, c);
	check_significant(p, use, obj, c);
	check_oneshot(p, use, obj, c);
	check_ready_log(p, obj, c);
	check_health(p, obj, c);
	check_backoff(p, obj, c);
	check_dynamic(p, use, obj, c);
	check_partitions(p, use, obj, c);
	if (p->partition && (in & IN_PROGRAM))
		parse_partition_env(p, c);
	parse_check_slots(p, obj, c);
}

void parse_prepare_sup(const cJSON *obj, struct draft_sup *sup)
{
	const cJSON *v = json_get(obj, "auto_shutdown");

	if (json_get(obj, "max_restarts"))
		sup->policy.states_max_restarts = true;
	sup->auto_unknown = v &&
		(!cJSON_IsString(v) ||
			names_find(auto_shutdown_names, AUTO_NAUTOS, v->valuestring) <
				0);
}

void parse_child(struct parse *p, const cJSON *obj, enum id_rule rule,
	bool has_template, struct draft_child *c)
{
	struct key_use use = { .table = &child_keys, .base = c };
	char quoted[DIAG_QUOTE_MAX];
	int in;

	if (!cJSON_IsObject(obj)) {
		diag_error(p->diag, p->doc, obj, "a child must be an object, not %s",
			diag_quote(p->doc, obj, quoted));
		return;
	}
	in = find_place(p, obj, c, has_template);
	c->doc = p->doc;
	c->item = obj;
	if (in < 0)
		return;
	parse_prepare_sup(obj, &c->sup);
	if (has_template && (in & IN_PROGRAM))
		in |= IN_ARGS;
	keys_read(p, obj, &use, 1, (unsigned)in);
	/* Of a type that is unknown, nothing more can be said. */
	if (in > 0)
		settle_child(p, &use, obj, (unsigned)in, rule, c);
}

static bool append_child(struct parse *p, const cJSON *v, struct draft_sup *sup)
{
	struct draft_child *c = arena_alloc(p->arena, sizeof *c);

	if (!c)
		return false;
	draft_child_init(c, CHILD_WORKER);
	parse_child(p, v, ID_NEEDED, false, c);
	draft_sup_append(sup, c);
	return true;
}

bool parse_children(struct parse *p, const cJSON *v, struct draft_sup *sup)
{
	size_t n = sup->n_children + (size_t)cJSON_GetArraySize(v);
	struct draft_sup *outer = p->sup;
	bool ok = true;

	if (n > KICK_CHILDREN_MAX) {
		diag_error(p->diag, p->doc, v,
			"%zu children are too many for one supervisor; the limit is %d "
			"(KICK_CHILDREN_MAX)",
			n, KICK_CHILDREN_MAX);
		return false;
	}
	p->sup = sup;
	for (const cJSON *child = v->child; child && ok; child = child->next)
		ok = append_child(p, child, sup);
	p->sup = outer;
	return ok;
}

/* One step further down the tree, if there may be one. */
static bool descend(struct parse *p, const cJSON *v)
{
	if (p->depth < KICK_DEPTH_MAX) {
		p->depth++;
		return true;
	}
	diag_error(p->diag, p->doc, v,
		"supervisors are nested too deeply; the limit is %d (KICK_DEPTH_MAX)",
		KICK_DEPTH_MAX);
	return false;
}

bool sup_children(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct draft_child *c = (void *)((char *)base + k->offset);
	bool ok;

	if (!cJSON_IsArray(v))
		return value_wrong_type(p, k, v, "an array of children");
	if (!descend(p, v))
		return false;
	ok = parse_children(p, v, &c->sup);
	p->depth--;
	/* The top supervisor's list is complete only when all files have been read. */
	if (p->depth > 0)
		parse_check_ids(p, &c->sup);
	return ok;
}

static bool parse_template(struct parse *p, const cJSON *v, struct draft_sup *sup)
{
	struct draft_sup *outer = p->sup;
	struct draft_child *template = arena_alloc(p->arena, sizeof *template);

	if (!template)
		return false;
	draft_child_init(template, CHILD_WORKER);
	p->sup = sup;
	parse_child(p, v, ID_REFUSED, false, template);
	p->sup = outer;
	sup->template = template;
	return true;
}

bool sup_child(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct draft_child *c = base;
	bool ok;

	if (!cJSON_IsObject(v))
		return value_wrong_type(p, k, v, "an object with the keys of a child");
	if (!descend(p, v))
		return false;
	ok = c->policy.type == CHILD_PARTITION_SUPERVISOR
		? parse_partitions(p, v, &c->sup)
		: parse_template(p, v, &c->sup);
	p->depth--;
	return ok;
}

struct by_id {
	struct draft_child *child;
	size_t position;
};

static int compare_ids(const void *left, const void *right)
{
	const struct by_id *a = left, *b = right;
	int order = strcmp(a->child->id, b->child->id);

	if (order != 0)
		return order;
	return (a->position > b->position) - (a->position < b->position);
}

static void say_twice(struct parse *p, const struct draft_child *first,
	const struct draft_child *again)
{
	const cJSON *id = json_get(again->item, "id");
	unsigned line = doc_line(first->doc, json_get(first->item, "id"));

	if (first->doc == again->doc)
		diag_error(p->diag, again->doc, id,
			"child id \"%s\" is already used at line %u", again->id, line);
	else
		diag_error(p->diag, again->doc, id,
			"child id \"%s\" is already used at %s:%u", again->id,
			first->doc->shown, line);
}

void parse_check_ids(struct parse *p, const struct draft_sup *sup)
{
	autofree struct by_id *list = calloc(sup->n_children + 1, sizeof *list);
	size_t n = 0, first = 0;

	if (!list) {
		p->arena->failed = true;
		return;
	}
	for (struct draft_child *c = sup->first; c; c = c->next) {
		if (c->id) {
			list[n] = (struct by_id){ .child = c, .position = n };
			n++;
		}
	}
	qsort(list, n, sizeof *list, compare_ids);
	for (size_t i = 1; i < n; i++) {
		if (strcmp(list[first].child->id, list[i].child->id) == 0)
			say_twice(p, list[first].child, list[i].child);
		else
			first = i;
	}
}
