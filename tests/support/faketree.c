/* The pretended world of the core's tests: see faketree.h. It is to the machine what
 * lib/otp/supervisor.c is in earnest, so it must not know any rule of supervision: it
 * does as it is told, and tells what its processes do. */
#include "faketree.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 1000000
#define POISON 0xa5

struct word {
	const char *name;
	size_t offset;
	size_t size;
	int64_t value;
};

/* clang-format off */
#define W(name, member, value) \
	{ name, offsetof(struct fake_child, member), \
		sizeof(((struct fake_child *)NULL)->member), value }

static const struct word child_words[] = {
	W("permanent", policy.restart, RESTART_PERMANENT),
	W("transient", policy.restart, RESTART_TRANSIENT),
	W("temporary", policy.restart, RESTART_TEMPORARY),
	W("significant", policy.significant, true),
	W("off", policy.autostart, false),
	W("oneshot", policy.oneshot, true),
	W("oneshot", policy.restart, RESTART_TRANSIENT),
	W("oneshot", policy.start_timeout_ns, POLICY_INFINITY),
	W("supervisor", policy.type, CHILD_SUPERVISOR),
	W("supervisor", policy.shutdown_ns, POLICY_INFINITY),
	W("brutal", policy.shutdown_ns, POLICY_BRUTAL_KILL),
	W("infinity", policy.shutdown_ns, POLICY_INFINITY),
	W("zero", policy.shutdown_ns, 0),
	W("1s", policy.shutdown_ns, SEC_NS),
	W("2s", policy.shutdown_ns, 2 * SEC_NS),
	W("backoff", policy.backoff.initial_ns, SEC_NS),
	W("backoff", policy.backoff.max_ns, 30 * SEC_NS),
	W("backoff", policy.backoff.reset_after_ns, 60 * SEC_NS),
	W("slow", slow, true),
	W("stubborn", stubborn, true),
	W("immortal", immortal, true),
	W("ignores", ignores, true),
	W("for_want", for_want, true),
	W("early", dies_early, true),
	W("fails", fails, 1),
	W("fails2", fails, 2),
	W("fails3", fails, 3),
	W("broken", fails, -1),
};
/* clang-format on */

static void text_add(struct fake_text *text, const char *fmt, ...) KICK_PRINTF(2, 3);

static void text_add(struct fake_text *text, const char *fmt, ...)
{
	size_t room = sizeof text->now - text->len;
	va_list args;
	int n;

	if (text->len > 0 && room > 2) {
		memcpy(text->now + text->len, "; ", 3);
		text->len += 2;
		room -= 2;
	}
	va_start(args, fmt);
	n = vsnprintf(text->now + text->len, room, fmt, args);
	va_end(args);
	cr_assert(n >= 0 && (size_t)n < room, "the trace is full");
	text->len += (size_t)n;
}

bool fake_saw(struct fake_text *text, const char *want)
{
	memcpy(text->last, text->now, text->len + 1);
	text->now[0] = '\0';
	text->len = 0;
	return strcmp(text->last, want) == 0;
}

static struct fake_child *fake_of(struct child *c)
{
	return container_of(c, struct fake_child, child);
}

/* --- words -------------------------------------------------------------------------
 */

static void child_word(struct fake_child *c, const char *name)
{
	bool known = false;

	for (size_t i = 0; i < ARRAY_LEN(child_words); i++) {
		const struct word *w = &child_words[i];
		uint8_t byte = (uint8_t)w->value;
		char *at = (char *)c + w->offset;

		if (strcmp(w->name, name) != 0)
			continue;
		known = true;
		if (w->size == 1)
			memcpy(at, &byte, 1);
		else
			memcpy(at, &w->value, sizeof w->value);
	}
	cr_assert(known, "faketree: no word '%s' for a child", name);
}

/* "id:word,word" */
static void child_parse(struct fake_child *c, const char *text)
{
	size_t len = strcspn(text, ":");
	char words[128];
	char *rest = words;

	cr_assert(len > 0 && len < sizeof c->id, "faketree: bad child '%s'", text);
	memcpy(c->id, text, len);
	c->id[len] = '\0';
	if (text[len] != ':')
		return;
	snprintf(words, sizeof words, "%s", text + len + 1);
	for (char *w = strsep(&rest, ","); w; w = strsep(&rest, ","))
		child_word(c, w);
}

static struct fake_child *child_new(struct fake *t, const char *text)
{
	struct fake_child *c = calloc(1, sizeof *c);

	cr_assert(c && t->n < FAKE_CHILDREN, "faketree: no room for '%s'", text);
	c->policy = (struct child_policy){
		.type = CHILD_WORKER,
		.restart = RESTART_PERMANENT,
		.autostart = true,
		.shutdown_ns = 5 * SEC_NS,
		.start_timeout_ns = 30 * SEC_NS,
		.backoff = { .factor = 2 },
	};
	c->armed = -1;
	child_parse(c, text);
	t->children[t->n++] = c;
	return c;
}

/* The policy for the machine is memory of its own: so one that is no longer valid is
 * not looked at unnoticed. */
static const struct child_policy *child_policy_new(struct fake_child *c)
{
	struct child_policy *p = malloc(sizeof *p);

	cr_assert(p);
	*p = c->policy;
	c->given = p;
	return p;
}

static int name_index(const char *const *names, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

static uint32_t limit_parse(const char *text)
{
	return strcmp(text, "infinity") == 0 ? POLICY_NO_LIMIT
					     : (uint32_t)strtoul(text, NULL, 10);
}

static void sup_word(struct sup_policy *p, const char *word)
{
	int strategy = name_index(strategy_names, STRATEGY_NSTRATEGIES, word);
	int automatic = name_index(auto_shutdown_names, AUTO_NAUTOS, word);

	if (strategy >= 0)
		p->strategy = (uint8_t)strategy;
	else if (automatic >= 0)
		p->auto_shutdown = (uint8_t)automatic;
	else if (strcmp(word, "dynamic") == 0)
		p->dynamic = true;
	else if (strncmp(word, "max=", 4) == 0)
		p->max_restarts = limit_parse(word + 4);
	else if (strncmp(word, "children=", 9) == 0)
		p->max_children = limit_parse(word + 9);
	else if (strncmp(word, "seconds=", 8) == 0)
		p->max_seconds_ns = strtoll(word + 8, NULL, 10) * SEC_NS;
	else
		cr_assert(false, "faketree: no word '%s' for a supervisor", word);
}

static void sup_parse(struct sup_policy *p, const char *words)
{
	char *copy = strdup(words);
	char *rest = NULL;

	cr_assert(copy);
	for (char *w = strtok_r(copy, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
		sup_word(p, w);
	free(copy);
}

struct fake *fake_new(const char *words, const char *children)
{
	struct fake *t = calloc(1, sizeof *t);
	char *copy = strdup(children);
	char *rest = NULL;
	struct sup_policy p = {
		.max_restarts = 3,
		.max_seconds_ns = 5 * SEC_NS,
		.max_children = POLICY_NO_LIMIT,
	};

	cr_assert(t && copy);
	t->now = 1000 * SEC_NS;
	sup_parse(&p, words);
	cr_assert(sup_init(&t->sup, &p, 42) == 0);
	for (char *w = strtok_r(copy, " ", &rest); w; w = strtok_r(NULL, " ", &rest)) {
		struct fake_child *c = child_new(t, w);

		cr_assert(sup_add(&t->sup, &c->child, c->id, child_policy_new(c)) == 0);
	}
	free(copy);
	return t;
}

static bool is_poisoned(const struct fake_child *c)
{
	unsigned char bytes[sizeof c->child];

	memcpy(bytes, &c->child, sizeof bytes);
	for (size_t i = 0; i < sizeof bytes; i++)
		if (bytes[i] != POISON)
			return false;
	return true;
}

void fake_free(struct fake *t)
{
	sup_done(&t->sup);
	for (size_t i = 0; i < t->n; i++) {
		struct fake_child *c = t->children[i];

		cr_expect(!c->removed || is_poisoned(c), "%s: written to after removal",
			c->id);
		free(c->given);
		free(c);
	}
	free(t);
}

/* --- effects ------------------------------------------------------------------------
 */

static void happen(struct fake *t, struct fake_child *c, enum fake_happening what,
	const char *reason)
{
	cr_assert(t->tail < FAKE_QUEUE, "faketree: too much happens");
	t->queue[t->tail++] = (struct fake_event){
		.child = c,
		.life = c->spawns,
		.what = what,
		.reason = reason,
	};
}

static void on_spawn(struct fake *t, struct fake_child *c)
{
	text_add(&t->trace, "spawn %s", c->id);
	cr_expect(!c->process, "%s: spawned while its process lives", c->id);
	cr_expect(!t->ended, "%s: spawned after the end", c->id);
	c->process = true;
	c->spawns++;
	if (c->fails != 0) {
		c->fails -= c->fails > 0;
		happen(t, c, c->dies_early ? HAPPENS_END : HAPPENS_FAILURE,
			c->dies_early ? "exit:9" : "failed_to_start:exec:ENOENT");
	} else if (c->ignores) {
		happen(t, c, HAPPENS_IGNORE, NULL);
	} else if (c->slow || c->policy.oneshot) {
		happen(t, c, HAPPENS_SPAWN, NULL);
	} else {
		happen(t, c, HAPPENS_READY, NULL);
	}
}

static void on_stop(struct fake *t, struct fake_child *c)
{
	text_add(&t->trace, "stop %s", c->id);
	cr_expect(c->process, "%s: stop order without a process", c->id);
	if (!c->stubborn && !c->immortal)
		happen(t, c, HAPPENS_END, c->farewell ? c->farewell : "shutdown");
}

static void on_kill(struct fake *t, struct fake_child *c)
{
	text_add(&t->trace, "kill %s", c->id);
	cr_expect(c->process, "%s: kill without a process", c->id);
	if (!c->immortal)
		happen(t, c, HAPPENS_END, "killed");
}

static void on_removed(struct fake *t, struct fake_child *c)
{
	text_add(&t->trace, "removed %s", c->id);
	cr_expect(!c->process, "%s: removed while its process lives", c->id);
	c->removed = true;
	c->armed = -1;
	memset(&c->child, POISON, sizeof c->child);
}

static void on_reply(struct fake *t, const struct effect *fx)
{
	struct fake_request *r = container_of(fx->waiter, struct fake_request, waiter);

	cr_expect(!r->done, "%s is answered twice", r->verb);
	r->done = true;
	r->result = fx->result;
	text_add(&t->trace, "%s %s", r->verb, sup_result_names[fx->result]);
}

static void on_event(
	struct fake *t, const struct effect *fx, const struct fake_child *c)
{
	if (fx->event == EVENT_GAVE_UP)
		text_add(&t->events, "gave_up");
	else if (c)
		text_add(&t->events, "%s %s", sup_event_names[fx->event], c->id);
}

static void on_end(struct fake *t)
{
	text_add(&t->trace, "end %s", t->sup.reason.text);
	cr_expect(!t->ended, "the supervisor ends twice");
	t->ended = true;
	for (size_t i = 0; i < t->n; i++)
		cr_expect(!t->children[i]->process, "%s outlives its supervisor",
			t->children[i]->id);
}

static void on_ready(struct fake *t)
{
	text_add(&t->trace, "up");
	cr_expect(t->ups++ == 0, "up twice");
}

static void carry_out(struct fake *t, const struct effect *fx)
{
	struct fake_child *c = fx->child ? fake_of(fx->child) : NULL;

	cr_assert(!c || !c->removed, "an effect for a child that was removed");
	switch ((enum fx_kind)fx->kind) {
	case FX_SPAWN:
		on_spawn(t, c);
		break;
	case FX_STOP:
		on_stop(t, c);
		break;
	case FX_KILL:
		on_kill(t, c);
		break;
	case FX_ARM:
		c->armed = fx->at;
		break;
	case FX_REPLY:
		on_reply(t, fx);
		break;
	case FX_EVENT:
		on_event(t, fx, c);
		break;
	case FX_REMOVED:
		on_removed(t, c);
		break;
	case FX_READY:
		on_ready(t);
		break;
	case FX_EXIT:
		on_end(t);
		break;
	}
}

static void drain(struct fake *t)
{
	struct effect fx;

	while (sup_take(&t->sup, &fx))
		carry_out(t, &fx);
}

/* --- happenings
 * ----------------------------------------------------------------------- */

static void tell(struct fake *t, const struct fake_event *e)
{
	struct fake_child *c = e->child;
	struct reason reason = reason_text(e->reason ? e->reason : "");

	/* What a former life of the child had in store no longer happens. */
	if (c->removed || !c->process || c->spawns != e->life)
		return;
	c->process = e->what == HAPPENS_SPAWN || e->what == HAPPENS_READY;
	switch (e->what) {
	case HAPPENS_SPAWN:
		sup_spawned(&t->sup, &c->child, t->now);
		break;
	case HAPPENS_READY:
		sup_ready(&t->sup, &c->child, t->now);
		break;
	case HAPPENS_IGNORE:
		sup_ignored(&t->sup, &c->child, t->now);
		break;
	case HAPPENS_FAILURE:
		sup_start_failed(&t->sup, &c->child, &reason, c->for_want, t->now);
		break;
	case HAPPENS_END:
		sup_exited(&t->sup, &c->child, &reason, t->now);
		break;
	}
	drain(t);
}

static void fire(struct fake *t, struct fake_child *c)
{
	c->armed = -1;
	sup_due(&t->sup, &c->child, t->now);
	drain(t);
}

/* The child whose timer comes first, not after `until`. */
static struct fake_child *next_due(const struct fake *t, int64_t until)
{
	struct fake_child *first = NULL;

	for (size_t i = 0; i < t->n; i++) {
		struct fake_child *c = t->children[i];

		if (c->armed < 0 || c->armed > until)
			continue;
		if (!first || c->armed < first->armed)
			first = c;
	}
	return first;
}

static void settle(struct fake *t)
{
	drain(t);
	for (int steps = 0; steps < STEPS_MAX; steps++) {
		struct fake_child *due;

		if (t->head < t->tail) {
			struct fake_event e = t->queue[t->head++];

			tell(t, &e);
			continue;
		}
		t->head = t->tail = 0;
		due = t->hold ? NULL : next_due(t, t->now);
		if (!due)
			return;
		fire(t, due);
	}
	cr_assert(false, "row: %s: the tree does not come to rest", FAKE_ROW(t));
}

void fake_boot(struct fake *t)
{
	sup_boot(&t->sup, t->now);
	settle(t);
}

struct fake *fake_up(const char *words, const char *children)
{
	struct fake *t = fake_new(words, children);

	fake_boot(t);
	cr_expect(t->sup.phase == SUP_SERVING && t->ups == 1, "the tree is not up: %s",
		t->trace.now);
	fake_saw(&t->trace, "");
	fake_saw(&t->events, "");
	return t;
}

struct fake_child *fake_find(struct fake *t, const char *id)
{
	struct child *c = sup_find(&t->sup, id);

	cr_assert(c, "row: %s: no child %s", FAKE_ROW(t), id);
	return fake_of(c);
}

void fake_ready(struct fake *t, const char *id)
{
	struct fake_child *c = fake_find(t, id);

	cr_assert(c->process, "faketree: %s has no process to be ready", id);
	happen(t, c, HAPPENS_READY, NULL);
	settle(t);
}

void fake_exit(struct fake *t, const char *id, const char *reason)
{
	struct fake_child *c = fake_find(t, id);

	cr_assert(c->process, "row: %s: %s has no process to end", FAKE_ROW(t), id);
	happen(t, c, HAPPENS_END, reason);
	settle(t);
}

/* The ends come before whatever the first of them has set off. */
void fake_exit_together(struct fake *t, const char *ids, const char *reason)
{
	char *copy = strdup(ids);
	char *rest = NULL;

	cr_assert(copy);
	for (char *id = strtok_r(copy, " ", &rest); id;
		id = strtok_r(NULL, " ", &rest)) {
		struct fake_child *c = fake_find(t, id);
		struct fake_event e = {
			.child = c,
			.life = c->spawns,
			.what = HAPPENS_END,
			.reason = reason,
		};

		cr_assert(c->process, "row: %s: %s cannot end", FAKE_ROW(t), id);
		tell(t, &e);
	}
	free(copy);
	settle(t);
}

void fake_doom(struct fake *t, const char *id, const char *reason)
{
	struct reason why = reason_text(reason);

	sup_doom(&t->sup, &fake_find(t, id)->child, &why, t->now);
	settle(t);
}

void fake_close(struct fake *t)
{
	sup_close(&t->sup, t->now);
	settle(t);
}

void fake_shutdown(struct fake *t, const char *reason)
{
	struct reason why = reason_text(reason);

	sup_shutdown(&t->sup, &why, t->now);
	settle(t);
}

void fake_hurry(struct fake *t, const char *reason)
{
	struct reason why = reason_text(reason);

	sup_hurry(&t->sup, &why, t->now);
	settle(t);
}

void fake_wait(struct fake *t, int64_t ns)
{
	int64_t until = t->now + ns;

	for (;;) {
		struct fake_child *c = next_due(t, until);

		if (!c)
			break;
		if (c->armed > t->now)
			t->now = c->armed;
		fire(t, c);
		settle(t);
	}
	t->now = until;
}

void fake_fire(struct fake *t)
{
	bool due[FAKE_CHILDREN];
	size_t n = t->n;

	for (size_t i = 0; i < n; i++)
		due[i] = t->children[i]->armed >= 0 && t->children[i]->armed <= t->now;
	for (size_t i = 0; i < n; i++)
		if (due[i] && t->children[i]->armed >= 0)
			fire(t, t->children[i]);
	settle(t);
}

/* --- requests ------------------------------------------------------------------------
 */

static struct fake_request *request_new(struct fake *t, const char *verb)
{
	struct fake_request *r;

	cr_assert(t->n_requests < FAKE_REQUESTS, "faketree: too many requests");
	r = &t->requests[t->n_requests++];
	memset(r, 0, sizeof *r);
	r->verb = verb;
	return r;
}

struct fake_request *fake_start(struct fake *t, const char *child)
{
	struct fake_request *r = request_new(t, "start");
	struct fake_child *c = child_new(t, child);

	sup_start_child(
		&t->sup, &c->child, c->id, child_policy_new(c), &r->waiter, t->now);
	settle(t);
	return r;
}

typedef void request_fn(struct sup *s, struct child *c, struct waiter *w, int64_t now);

static struct fake_request *request(
	struct fake *t, const char *verb, request_fn *fn, const char *id)
{
	struct fake_request *r = request_new(t, verb);

	fn(&t->sup, &fake_find(t, id)->child, &r->waiter, t->now);
	settle(t);
	return r;
}

struct fake_request *fake_terminate(struct fake *t, const char *id)
{
	return request(t, "terminate", sup_terminate_child, id);
}

struct fake_request *fake_restart(struct fake *t, const char *id)
{
	return request(t, "restart", sup_restart_child, id);
}

struct fake_request *fake_renew(struct fake *t, const char *id)
{
	return request(t, "renew", sup_renew_child, id);
}

struct fake_request *fake_delete(struct fake *t, const char *id)
{
	return request(t, "delete", sup_delete_child, id);
}

/* --- reload --------------------------------------------------------------------------
 */

struct reload {
	struct fake_child *child[64];
	enum reload_act act[64];
	bool fresh[64];
	size_t n;
};

static void reload_word(struct fake *t, struct reload *r, char *word)
{
	size_t len = strcspn(word, ":!");
	struct fake_child *c;

	cr_assert(r->n < ARRAY_LEN(r->child));
	r->fresh[r->n] = word[0] == '+';
	r->act[r->n] = word[len] == '!' ? RELOAD_RENEW : RELOAD_KEEP;
	if (word[0] == '+') {
		r->child[r->n++] = child_new(t, word + 1);
		return;
	}
	if (word[len] == '!')
		memmove(word + len, word + len + 1, strlen(word + len));
	if (word[len] == ':') {
		word[len] = '\0';
		c = fake_find(t, word);
		word[len] = ':';
		child_parse(c, word);
	} else {
		c = fake_find(t, word);
	}
	r->child[r->n++] = c;
}

static bool reload_lists(const struct reload *r, const struct fake_child *c)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->child[i] == c)
			return true;
	return false;
}

static void reload_keep(struct fake *t, struct fake_child *c, enum reload_act act)
{
	struct child_policy *old = c->given;

	sup_reload_child(&t->sup, &c->child, act, c->id, child_policy_new(c));
	memset(old, POISON, sizeof *old);
	free(old);
}

static void reload_apply(struct fake *t, const struct reload *r)
{
	struct child *order[64];

	for (size_t i = 0; i < t->n; i++) {
		struct fake_child *c = t->children[i];

		if (!c->removed && !c->child.added && !reload_lists(r, c))
			sup_reload_child(
				&t->sup, &c->child, RELOAD_REMOVE, c->id, c->given);
	}
	for (size_t i = 0; i < r->n; i++) {
		struct fake_child *c = r->child[i];

		order[i] = &c->child;
		if (r->fresh[i])
			sup_reload_insert(
				&t->sup, &c->child, c->id, child_policy_new(c));
		else
			reload_keep(t, c, r->act[i]);
	}
	sup_reload_end(&t->sup, order, (uint32_t)r->n, t->now);
}

void fake_reload(struct fake *t, const char *words, const char *children)
{
	struct sup_policy p = t->sup.policy;
	struct reload r = { .n = 0 };
	char *copy = strdup(children);
	char *rest = NULL;
	uint32_t fresh = 0;

	cr_assert(copy);
	if (words)
		sup_parse(&p, words);
	for (char *w = strtok_r(copy, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
		reload_word(t, &r, w);
	for (size_t i = 0; i < r.n; i++)
		fresh += r.fresh[i];
	cr_assert(sup_reload_begin(&t->sup, &p, fresh) == 0);
	reload_apply(t, &r);
	free(copy);
	settle(t);
}

/* --- looks
 * ---------------------------------------------------------------------------- */

const char *fake_states(const struct fake *t)
{
	static char text[FAKE_TEXT];
	size_t len = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < t->sup.n; i++) {
		const struct child *c = t->sup.children[i];
		int n = snprintf(text + len, sizeof text - len, "%s%s %s",
			i ? "; " : "", c->id, child_state_names[c->state]);

		cr_assert(n > 0 && (size_t)n < sizeof text - len);
		len += (size_t)n;
	}
	return text;
}

const char *fake_result(const struct fake_request *r)
{
	return r->done ? sup_result_names[r->result] : "pending";
}

int64_t fake_armed(struct fake *t, const char *id)
{
	const struct fake_child *c = fake_find(t, id);

	return c->armed < 0 ? -1 : c->armed - t->now;
}

uint32_t fake_counted(struct fake *t)
{
	return intensity_recent(&t->sup.intensity, t->now);
}

bool fake_is_well(struct fake *t, const char *id)
{
	return child_is_well(&fake_find(t, id)->child);
}

const char *fake_last_exit(struct fake *t, const char *id)
{
	return fake_find(t, id)->child.last_exit.text;
}
