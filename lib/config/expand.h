/* ${VAR}, ${VAR:-default} and $$ in start, env and cwd (not in string starts), and the
 * lines of env_file. Pure: the environment is an argument. */
#ifndef KICK_CONFIG_EXPAND_H
#define KICK_CONFIG_EXPAND_H

#include "base/buf.h"
#include "base/err.h"

/* An environment that is being put together: "KEY=VALUE" strings. */
struct env_text;

struct env {
	char **at; /* NULL-terminated; lent, or of texts */
	size_t n, cap;
	size_t bytes;		/* of all strings */
	struct env_text *texts; /* all that were made here */
};

void env_init(struct env *e);
void env_done(struct env *e);

/* 0, -ENOMEM, or -E2BIG past KICK_ENV_MAX or KICK_ENV_BYTES_MAX. */
int env_set(struct env *e, const char *key, const char *value);
/* The same for "KEY=VALUE", which must outlive the environment: it is not copied. What
 * is no such text is left out. */
int env_lend(struct env *e, char *pair);
void env_unset(struct env *e, const char *key);
const char *env_get(const struct env *e, const char *key);

/* Appends the expansion of text. -EINVAL with *err: a variable without a default is
 * not set ("${PORT} is not set"), or the text is malformed. */
int expand(const char *text, const struct env *e, struct buf *out, struct err *err);

/* True when the text is well formed; else *err says why (for the configuration check).
 */
bool expand_check(const char *text, struct err *err);

/* Adds the lines of an env_file's text: KEY=VALUE, # comments, one pair of outer quotes
 * taken off, nothing expanded. -EINVAL with *err naming the line. */
int env_file_parse(struct env *e, const char *text, size_t len, struct err *err);

#endif
