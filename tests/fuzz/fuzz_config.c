/* Feeds files to the loader: as a configuration, as a single specification, and, since
 * any bytes may come over a pipe, as a block. Whatever is accepted must be a good block
 * and must survive being written as JSON and compared with itself. A wrong text draws a
 * message; nothing else may happen. Each argument is a file: works on a corpus, and
 * under afl-fuzz with @@. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/macro.h"
#include "config/expand.h"
#include "config/load.h"

static void try_tree(const struct config *cf, struct buf *out)
{
	const struct sup_spec *sup = spec_sup(&cf->top);

	for (uint32_t i = 0; i < sup->n_children; i++) {
		const struct child_spec *c = spec_child(sup, i);

		buf_clear(out);
		spec_to_json(c, out);
		KICK_ASSERT(spec_compare(c, c) == SPEC_SAME);
		KICK_ASSERT(spec_find(sup, REL_STR(c->id)) == c);
	}
	buf_clear(out);
	KICK_ASSERT(config_plan(cf, cf, out) == 0);
}

static void try_file(const char *path, struct buf *out)
{
	void *block = NULL;
	size_t size = 0;
	int r;

	buf_clear(out);
	r = config_load(path, out, &block, &size);
	(void)fputs(buf_text(out), stdout);
	KICK_ASSERT(r == 0 || out->len > 0 || r == -ENOMEM);
	if (r < 0)
		return;
	KICK_ASSERT(config_verify(block, size) == 0);
	try_tree(block, out);
	free(block);
}

static void try_spec(const char *text, size_t len, struct buf *out)
{
	struct sup_policy sup = { .auto_shutdown = AUTO_ANY_SIGNIFICANT,
		.states_max_restarts = true };
	void *block = NULL;
	size_t size = 0;

	buf_clear(out);
	if (config_load_child(text, len, "/", &sup, NULL, true, out, &block, &size) < 0)
		return;
	buf_clear(out);
	spec_to_json(spec_block_child(block), out);
	free(block);
}

static void try_block(const char *text, size_t len)
{
	(void)config_verify(text, len);
}

static void try_env(const char *text, size_t len, struct buf *out)
{
	struct env env;
	struct err err;

	env_init(&env);
	(void)env_file_parse(&env, text, len, &err);
	buf_clear(out);
	(void)expand(text, &env, out, &err);
	env_done(&env);
}

static void try_bytes(const char *path, struct buf *out)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	autofree char *text = NULL;
	size_t len = 0;

	if (fd < 0 || fd_read_all(fd, KICK_CONFIG_MAX, &text, &len) < 0)
		return;
	try_spec(text, len, out);
	try_block(text, len);
	try_env(text, len, out);
}

int main(int argc, char **argv)
{
	struct buf out;

	buf_init(&out, 0);
	for (int i = 1; i < argc; i++) {
		try_file(argv[i], &out);
		try_bytes(argv[i], &out);
	}
	buf_done(&out);
	return 0;
}
