/* An environment as exec takes it. A few dozen variables are looked through one by one;
 * the bounds keep it from being more than a few thousand. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "config/expand.h"

void env_init(struct env *e)
{
	*e = (struct env){ 0 };
}

void env_done(struct env *e)
{
	for (size_t i = 0; i < e->n; i++)
		free(e->at[i]);
	free(e->at);
	env_init(e);
}

/* Where key stands, or n. */
static size_t find(const struct env *e, const char *key)
{
	size_t n = strlen(key);
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

int env_set(struct env *e, const char *key, const char *value)
{
	size_t size = strlen(key) + strlen(value) + 2;
	size_t i = find(e, key);
	size_t old = i < e->n ? strlen(e->at[i]) + 1 : 0;
	char *text;

	if (i == KICK_ENV_MAX || e->bytes - old + size > KICK_ENV_BYTES_MAX)
		return -E2BIG;
	if (grow(e) < 0)
		return -ENOMEM;
	text = malloc(size);
	if (!text)
		return -ENOMEM;
	(void)stpcpy(stpcpy(stpcpy(text, key), "="), value);
	if (i < e->n)
		free(e->at[i]);
	else
		e->at[++e->n] = NULL;
	e->at[i] = text;
	e->bytes = e->bytes - old + size;
	return 0;
}

void env_unset(struct env *e, const char *key)
{
	size_t i = find(e, key);

	if (i == e->n)
		return;
	e->bytes -= strlen(e->at[i]) + 1;
	free(e->at[i]);
	memmove(&e->at[i], &e->at[i + 1], (e->n - i) * sizeof *e->at);
	e->n--;
}

const char *env_get(const struct env *e, const char *key)
{
	size_t i = find(e, key);

	return i < e->n ? e->at[i] + strlen(key) + 1 : NULL;
}
