/* The command line of kick: options may stand before or after the verb, as long or
 * short ones, with their values attached or not. What they are is in the table of
 * verbs.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/signame.h"
#include "session.h"

/* The words of the command line as they are sorted out. */
struct words {
	char **argv;
	int argc, at;
	char **operands; /* the verb, then its arguments */
	int n;
};

static int bad_value(const char *option, const char *value, const char *want)
{
	return fail(STATUS_USAGE, "%s %s: %s", option, *value ? value : "\"\"", want);
}

/* Stores the value of an option; `shown` is how it was written. */
static int take_option(
	struct session *s, enum option_id id, const char *shown, const char *value)
{
	switch (id) {
	case OPTION_RUNTIME_DIR:
		s->dir = value;
		/* Not NULL: it takes a value.
		 * NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
		if (!*value || strlen(value) > KICK_RUNTIME_DIR_MAX)
			return bad_value(shown, value,
				"a path of 1 to 80 bytes (KICK_RUNTIME_DIR_MAX) is wanted");
		break;
	case OPTION_TIMEOUT:
		/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): as above */
		if (strcmp(value, "infinity") == 0)
			s->timeout_ns = INT64_MAX;
		else if (num_duration(value, &s->timeout_ns) < 0 || s->timeout_ns < 0)
			return bad_value(shown, value,
				"a duration with a unit is wanted, like 10s, or infinity");
		break;
	case OPTION_LINES:
		if (num_int(value, 0, INT32_MAX, &s->lines) < 0)
			return bad_value(shown, value, "a number is wanted");
		break;
	case OPTION_FOR:
		s->until = value;
		break;
	case OPTION_JSON:
	case OPTION_NO_WAIT:
	case OPTION_ROLLING:
	case OPTION_FOLLOW:
	case OPTION_DRY_RUN:
	case OPTION_HELP:
	case OPTION_NOPTIONS:
		break;
	}
	s->given |= 1u << id;
	return STATUS_DONE;
}

/* The value of an option that is not attached to it: the next word. */
static int next_value(struct words *w, const char *shown, const char **ret)
{
	if (w->at >= w->argc)
		return fail(STATUS_USAGE, "%s needs a value; see: kick help", shown);
	*ret = w->argv[w->at++];
	return STATUS_DONE;
}

static int find_long(const char *name, size_t n)
{
	for (int i = 0; i < OPTION_NOPTIONS; i++)
		if (strlen(option_rows[i].name) == n &&
			strncmp(option_rows[i].name, name, n) == 0)
			return i;
	return -1;
}

static int find_short(char letter)
{
	for (int i = 0; i < OPTION_NOPTIONS; i++)
		if (option_rows[i].letter == letter)
			return i;
	return -1;
}

static int unknown_option(const char *word)
{
	/* As kill(1) would have it. */
	if (signame_parse(word + 1) > 0)
		return fail(STATUS_USAGE,
			"unknown option %s; a signal is named without \"-\": "
			"kick signal %s NAME",
			word, signame(signame_parse(word + 1)));
	return fail(STATUS_USAGE, "unknown option %s; see: kick help", word);
}

/* "--name", "--name=value", "--name value". */
static int long_option(struct session *s, struct words *w, const char *word)
{
	const char *name = word + 2;
	size_t n = strcspn(name, "=");
	int id = find_long(name, n), rc;
	const char *value = name[n] ? name + n + 1 : NULL;

	if (id < 0)
		return unknown_option(word);
	if (!*option_rows[id].arg && value)
		return fail(STATUS_USAGE, "--%s takes no value", option_rows[id].name);
	if (*option_rows[id].arg && !value) {
		rc = next_value(w, word, &value);
		if (rc != STATUS_DONE)
			return rc;
	}
	return take_option(s, (enum option_id)id, word, value);
}

/* "-f", "-n 5", "-n5", "-fn5". */
static int short_options(struct session *s, struct words *w, const char *word)
{
	for (const char *c = word + 1; *c; c++) {
		int id = find_short(*c), rc;
		const char *value = NULL;

		if (id < 0)
			return unknown_option(word);
		if (*option_rows[id].arg && c[1])
			value = c + 1;
		else if (*option_rows[id].arg &&
			next_value(w, word, &value) != STATUS_DONE)
			return STATUS_USAGE;
		rc = take_option(s, (enum option_id)id, word, value);
		if (rc != STATUS_DONE || value)
			return rc;
	}
	return STATUS_DONE;
}

static int take_word(struct session *s, struct words *w, char *word)
{
	if (strcmp(word, "--version") == 0)
		w->operands[w->n++] = word + 2;
	else if (word[0] != '-' || !word[1])
		w->operands[w->n++] = word;
	else if (word[1] == '-')
		return long_option(s, w, word);
	else
		return short_options(s, w, word);
	return STATUS_DONE;
}

static int sort_words(struct session *s, struct words *w)
{
	int rc = STATUS_DONE;

	while (w->at < w->argc && rc == STATUS_DONE) {
		char *word = w->argv[w->at++];

		if (strcmp(word, "--") == 0) {
			s->before_dashes = w->n - 1;
			break;
		}
		rc = take_word(s, w, word);
	}
	while (w->at < w->argc)
		w->operands[w->n++] = w->argv[w->at++];
	return rc;
}

static int check_usage(const struct session *s, const struct verb *v, int n)
{
	unsigned strange = s->given & ~(v->options | OPTIONS_ALWAYS);

	for (int i = 0; i < OPTION_NOPTIONS; i++)
		if (strange & (1u << i))
			return fail(STATUS_USAGE,
				"%s does not take --%s; see: kick help %s", v->name,
				option_rows[i].name, v->name);
	return n < v->min || n > v->max ? fail_usage(v) : STATUS_DONE;
}

static int run(struct session *s, struct words *w)
{
	bool help = s->given & BIT(HELP);
	const struct verb *v;
	int rc;

	if (!w->n && !help)
		return fail(STATUS_USAGE,
			"usage: kick [-R DIR] [--json] VERB [ARGUMENT...]; "
			"kick help lists the verbs");
	v = w->n ? verb_find(w->operands[0]) : verb_find("help");
	if (!v)
		return fail_verb(w->operands[0]);
	s->verb = v;
	session_begin(s);
	if (help)
		return verb_help(s, w->operands, w->n ? 1 : 0);
	rc = check_usage(s, v, w->n - 1);
	return rc == STATUS_DONE ? v->run(s, w->operands + 1, w->n - 1) : rc;
}

int main(int argc, char **argv)
{
	struct words w = { .argv = argv, .argc = argc, .at = 1 };
	struct session s;
	int rc;

	session_init(&s);
	w.operands = calloc((size_t)argc + 1, sizeof *w.operands);
	if (!w.operands)
		return fail(STATUS_FAILED, "no memory");
	rc = sort_words(&s, &w);
	if (rc == STATUS_DONE)
		rc = run(&s, &w);
	rc = session_end(&s, rc);
	free(w.operands);
	return rc;
}
