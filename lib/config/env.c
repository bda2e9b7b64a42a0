/* An environment as exec takes it. A few dozen variables are looked through one by one;
 * the bounds keep it from being more than a few thousand. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "config/expand.h"

struct env_text {
	struct env_text *next;
	char text[];
};

void env_init(struct env *e)
{
	*e = (struct env){ 0 };
}

void env_done(struct env *e)
{
	struct env_text *next;

	for (struct env_text *t = e->texts; t; t = next) {
		next = t->next;
		free(t);
	}
	free(e->at);
	env_init(e);
}

/* Where the key of n bytes stands, or e->n. */
static size_t find(const struct env *e, const char *key, size_t n)
{
	size_t i = 0;

	while (i < e->n && (strncmp(e->at[i], key, n) != 0 || e->at[i][n] != '='))
		i++;
	return i;
}

/* Room for one more and the NULL at the end. */
static int grow(struct env *e)
{
	size_t cap = e->cap ? e->cap * 2 : 32;
	char **at;

	if (e->n + 2 <= e->cap)
		return 0;
	at = reallocarray(e->at, cap, sizeof *at);
	if (!at)
		return -ENOMEM;
	e->at = at;
	e->cap = cap;
	return 0;
}

/* n: of the pair's key. */
static int put(struct env *e, char *pair, size_t n)
{
	size_t size = strlen(pair) + 1;
	size_t i = find(e, pair, n);
	size_t old = i < e->n ? strlen(e->at[i]) + 1 : 0;

	if (i == KICK_ENV_MAX || e->bytes - old + size > KICK_ENV_BYTES_MAX)
		return -E2BIG;
	if (grow(e) < 0)
		return -ENOMEM;
	if (i == e->n)
		e->at[++e->n] = NULL;
	e->at[i] = pair;
	e->bytes = e->bytes - old + size;
	return 0;
}

int env_set(struct env *e, const char *key, const char *value)
{
	size_t n = strlen(key);
	struct env_text *t = malloc(sizeof *t + n + strlen(value) + 2);

	if (!t)
		return -ENOMEM;
	(void)stpcpy(stpcpy(stpcpy(t->text, key), "="), value);
	t->next = e->texts;
	e->texts = t;
	return put(e, t->text, n);
}

int env_lend(struct env *e, char *pair)
{
	const char *eq = strchr(pair, '=');

	return eq && eq > pair ? put(e, pair, (size_t)(eq - pair)) : 0;
}

void env_unset(struct env *e, const char *key)
{
	size_t i = find(e, key, strlen(key));

	if (i == e->n)
		return;
	e->bytes -= strlen(e->at[i]) + 1;
	memmove(&e->at[i], &e->at[i + 1], (e->n - i) * sizeof *e->at);
	e->n--;
}

const char *env_get(const struct env *e, const char *key)
{
	size_t i = find(e, key, strlen(key));

	return i < e->n ? e->at[i] + strlen(key) + 1 : NULL;
}
