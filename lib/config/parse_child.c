/* Readers of the keys that shape a child's process, or say what its life is. */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/macro.h"
#include "base/num.h"
#include "base/signame.h"
#include "config/expand.h"
#include "config/parse.h"
#include "config/values.h"

/* Signals that fit in the set of success_spec. */
#define SIGNAL_MAX 63

static bool check_expansion(struct parse *p, const cJSON *v)
{
	struct err err;

	if (expand_check(v->valuestring, &err))
		return true;
	diag_error(p->diag, p->doc, v, "%s", err.text);
	return false;
}

/* A text for the shell: given as it is, "$" is the shell's own. */
static bool command_text(
	struct parse *p, const struct key *k, const cJSON *v, struct draft_list *ret)
{
	const char **at = arena_alloc(p->arena, 4 * sizeof *at);

	if (!*v->valuestring)
		return value_wrong_type(p, k, v, "a command");
	if (!at)
		return false;
	at[0] = "/bin/sh";
	at[1] = "-c";
	at[2] = v->valuestring;
	*ret = (struct draft_list){ .n = 3, .at = at };
	return true;
}

static bool command_words(
	struct parse *p, const struct key *k, const cJSON *v, struct draft_list *ret)
{
	struct draft_list list;
	bool ok = true;

	if (!value_list(p, &(struct key){ .name = k->name }, v, &list))
		return false;
	if (list.n > KICK_ARGV_MAX) {
		diag_error(p->diag, p->doc, v,
			"%zu words are too many; the limit is %d (KICK_ARGV_MAX)",
			list.n, KICK_ARGV_MAX);
		return false;
	}
	for (const cJSON *item = v->child; item; item = item->next)
		ok = check_expansion(p, item) && ok;
	if (ok)
		*ret = list;
	return ok;
}

bool value_command(struct parse *p, const struct key *k, const cJSON *v,
	struct draft_list *ret, bool *ret_shell)
{
	*ret_shell = cJSON_IsString(v);
	if (cJSON_IsString(v))
		return command_text(p, k, v, ret);
	if (!cJSON_IsArray(v))
		return value_wrong_type(p, k, v, "an array of strings or a string");
	if (!v->child) {
		diag_error(p->diag, p->doc, v,
			"\"%s\" is empty; its first word is the program", k->name);
		return false;
	}
	if (cJSON_IsString(v->child) && !*v->child->valuestring) {
		diag_error(p->diag, p->doc, v->child,
			"the first word of \"%s\" is the program and may not be empty",
			k->name);
		return false;
	}
	return command_words(p, k, v, ret);
}

bool child_start(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct draft_child *c = base;

	return value_command(p, k, v, &c->argv, &c->shell);
}

bool child_args(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct draft_child *c = base;

	if (c->shell) {
		diag_error(p->diag, p->doc, v,
			"\"args\" needs a start that is an array, this one is a text "
			"for the shell");
		return false;
	}
	return command_words(p, k, v, &c->args);
}

/* The directory of the file as a part of a text that will be expanded. */
static const char *dollars_doubled(struct parse *p, const char *dir)
{
	char *ret = arena_alloc(p->arena, 2 * strlen(dir) + 1);
	char *at = ret;

	for (; ret && *dir; dir++) {
		*at++ = *dir;
		if (*dir == '$')
			*at++ = '$';
	}
	return ret;
}

bool child_cwd(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct draft_child *c = base;
	const struct doc *doc = p->doc;
	struct doc escaped = *doc;

	if (!value_text(p, k, v, &c->cwd) || !check_expansion(p, v))
		return false;
	/* Where a variable comes first, only the start will tell. */
	if (strncmp(c->cwd, "${", 2) == 0)
		return true;
	escaped.dir = dollars_doubled(p, doc->dir);
	if (!escaped.dir)
		return false;
	p->doc = &escaped;
	c->cwd = value_path(p, c->cwd);
	p->doc = doc;
	return c->cwd != NULL;
}

static const char *env_file_path(struct parse *p, const char *path)
{
	bool may_be_missing = *path == '-';
	const char *absolute = value_path(p, path + may_be_missing);

	if (!absolute || !may_be_missing)
		return absolute;
	return arena_join(p->arena, (const char *const[]){ "-", absolute, NULL });
}

bool child_env_file(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct draft_child *c = base;
	struct draft_list list = { 0 };

	if (cJSON_IsString(v)) {
		list.at = arena_alloc(p->arena, sizeof *list.at);
		if (!list.at)
			return false;
		list.at[list.n++] = v->valuestring;
	} else if (!cJSON_IsArray(v)) {
		return value_wrong_type(p, k, v, "a string or an array of strings");
	} else if (!value_list(p, &(struct key){ .name = k->name }, v, &list)) {
		return false;
	}
	for (size_t i = 0; i < list.n; i++) {
		if (!list.at[i][list.at[i][0] == '-']) {
			diag_error(
				p->diag, p->doc, v, "\"env_file\" has an empty path");
			return false;
		}
		list.at[i] = env_file_path(p, list.at[i]);
		if (!list.at[i])
			return false;
	}
	c->env_file = list;
	return true;
}

bool child_groups(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct draft_child *c = base;
	struct draft_list list;

	if (!value_list(p, &(struct key){ .name = k->name }, v, &list))
		return false;
	c->group_names = v;
	return true;
}

bool value_octal(struct parse *p, const struct key *k, const cJSON *v, uint16_t *ret)
{
	unsigned value = 0;
	const char *at;

	if (!cJSON_IsString(v) || !*v->valuestring || strlen(v->valuestring) > 4)
		return value_wrong_type(
			p, k, v, "a string of octal digits such as \"022\"");
	for (at = v->valuestring; *at >= '0' && *at <= '7'; at++)
		value = value * 8 + (unsigned)(*at - '0');
	if (*at || value > 0777)
		return value_wrong_type(
			p, k, v, "a string of octal digits from \"000\" to \"777\"");
	*ret = (uint16_t)value;
	return true;
}

bool child_umask(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct draft_child *c = base;

	if (!value_octal(p, k, v, &c->umask))
		return false;
	c->has_umask = true;
	return true;
}

/* The number of a signal by name, 0 when there is none and that has been said. */
static int signal_number(struct parse *p, const struct key *k, const cJSON *v)
{
	char quoted[DIAG_QUOTE_MAX];
	int sig;

	if (!cJSON_IsString(v)) {
		(void)value_wrong_type(
			p, k, v, "the name of a signal such as \"SIGTERM\"");
		return 0;
	}
	sig = signame_parse(v->valuestring);
	if (sig > 0 && sig <= SIGNAL_MAX)
		return sig;
	diag_error(p->diag, p->doc, v, "there is no signal %s",
		diag_quote(p->doc, v, quoted));
	return 0;
}

bool child_signal(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct draft_child *c = base;
	int sig = signal_number(p, k, v);

	if (sig == 0)
		return false;
	if (sig == SIGKILL || sig == SIGSTOP) {
		diag_error(p->diag, p->doc, v,
			"%s cannot be handled, so it asks nobody to stop%s",
			signame(sig),
			sig == SIGKILL ? "; \"shutdown\": \"brutal_kill\" kills at once"
				       : "");
		return false;
	}
	c->stop_signal = (uint8_t)sig;
	return true;
}

bool child_reload_signal(
	struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct draft_child *c = base;
	int sig = signal_number(p, k, v);

	if (sig == SIGKILL || sig == SIGSTOP) {
		diag_error(p->diag, p->doc, v,
			"%s cannot be handled, so it makes nobody read anything again",
			signame(sig));
		return false;
	}
	c->reload_signal = (uint8_t)sig;
	return sig > 0;
}

static bool success_item(
	struct parse *p, const struct key *k, const cJSON *v, struct success_spec *s)
{
	double code = v->valuedouble;
	char quoted[DIAG_QUOTE_MAX];
	int sig;

	if (cJSON_IsNumber(v) && code >= 0 && code <= 255 && code == floor(code)) {
		unsigned n = (unsigned)code;

		s->codes[n / 64] |= UINT64_C(1) << n % 64;
		return true;
	}
	if (cJSON_IsNumber(v)) {
		diag_error(p->diag, p->doc, v,
			"an exit code is a whole number from 0 to 255, not %s",
			diag_quote(p->doc, v, quoted));
		return false;
	}
	if (!cJSON_IsString(v))
		return value_wrong_type(
			p, k, v, "an array of exit codes and signal names");
	sig = signal_number(p, k, v);
	if (sig > 0)
		s->signals |= UINT64_C(1) << sig;
	return sig > 0;
}

bool child_success(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct draft_child *c = base;
	struct success_spec success = { 0 };
	bool ok = true;

	if (!cJSON_IsArray(v))
		return value_wrong_type(
			p, k, v, "an array of exit codes and signal names");
	for (const cJSON *item = v->child; item; item = item->next)
		ok = success_item(p, k, item, &success) && ok;
	c->success = success;
	c->has_success = v->child != NULL;
	return ok;
}

bool child_stdio(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct draft_stdio *s = (void *)((char *)base + k->offset);
	static const char *const names[] = { "null", "inherit", "log" };
	bool is_input = k->min < 1;
	const char *wanted = is_input
		? "\"null\", \"inherit\" or \"file:PATH\""
		: "\"null\", \"inherit\", \"log\" or \"file:PATH\"";

	if (!cJSON_IsString(v))
		return value_wrong_type(p, k, v, wanted);
	if (strncmp(v->valuestring, "file:", 5) == 0 && v->valuestring[5]) {
		s->kind = STDIO_FILE;
		s->path = value_path(p, v->valuestring + 5);
		return s->path != NULL;
	}
	for (uint32_t i = 0; i < ARRAY_LEN(names) - is_input; i++) {
		if (strcmp(v->valuestring, names[i]) == 0) {
			*s = (struct draft_stdio){ .kind = i };
			return true;
		}
	}
	return value_wrong_type(p, k, v, wanted);
}

static_assert(STDIO_NULL == 0 && STDIO_INHERIT == 1 && STDIO_LOG == 2,
	"the names in child_stdio are in this order");

bool child_backoff(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct draft_child *c = base;
	struct backoff b = {
		.initial_ns = SEC_NS,
		.max_ns = 30 * SEC_NS,
		.reset_after_ns = 60 * SEC_NS,
		.factor = 2,
		.jitter = 0.1,
	};
	struct key_use use = { .table = &backoff_keys, .base = &b };

	if (!cJSON_IsObject(v))
		return value_wrong_type(
			p, k, v, "an object such as {\"initial\": \"1s\"}");
	keys_read(p, v, &use, 1, 0);
	if (use.failed)
		return false;
	if (b.max_ns < b.initial_ns) {
		const cJSON *at = json_get(v, "max");

		diag_error(p->diag, p->doc, at ? at : json_get(v, "initial"),
			at ? "\"max\" of the backoff may not be less than its "
			     "\"initial\""
			   : "\"initial\" of the backoff is more than its \"max\", "
			     "which is 30s unless it is stated");
		return false;
	}
	c->policy.backoff = b;
	return true;
}

/* The text as it is written, but for spaces and comments: 1.50 stays 1.50. */
bool child_initial(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	const struct jsonpos_place *place = doc_place(p->doc, v);
	struct draft_child *c = base;
	char *text = arena_strndup(
		p->arena, p->doc->text + place->value, place->end - place->value);

	(void)k;
	if (!text)
		return false;
	cJSON_Minify(text);
	c->initial = text;
	return true;
}

bool child_file(struct parse *p, const struct key *k, const cJSON *v, void *base)
{
	struct draft_child *c = base;

	if (!value_text(p, &(struct key){ .name = k->name }, v, &c->file))
		return false;
	c->file = value_path(p, c->file);
	return c->file != NULL;
}

struct kept {
	const struct draft_child *agent;
	size_t position;
};

struct kept_list {
	struct kept *at; /* NULL: they are only counted */
	size_t n;
};

static void collect_files(const struct draft_sup *sup, struct kept_list *list)
{
	for (const struct draft_child *c = sup->first; c; c = c->next) {
		if (c->file && list->at)
			list->at[list->n] = (struct kept){ c, list->n };
		list->n += c->file != NULL;
		collect_files(&c->sup, list);
	}
}

static int compare_files(const void *left, const void *right)
{
	const struct kept *a = left, *b = right;
	int order = strcmp(a->agent->file, b->agent->file);

	if (order != 0)
		return order;
	return (a->position > b->position) - (a->position < b->position);
}

void parse_check_files(struct parse *p, const struct draft_sup *sup)
{
	struct kept_list list = { 0 };
	autofree struct kept *all = NULL;

	collect_files(sup, &list);
	all = calloc(list.n + 1, sizeof *all);
	if (!all) {
		p->arena->failed = true;
		return;
	}
	list = (struct kept_list){ .at = all };
	collect_files(sup, &list);
	qsort(all, list.n, sizeof *all, compare_files);
	for (size_t i = 1; i < list.n; i++) {
		const struct draft_child *c = all[i].agent;

		if (strcmp(all[i - 1].agent->file, c->file) == 0)
			diag_error(p->diag, c->doc, json_get(c->item, "file"),
				"another agent keeps its value in %s, too; each needs a "
				"file of its own, partitions by ${PARTITION}",
				c->file);
	}
}
