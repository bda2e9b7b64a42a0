/* Files: the main one, then those that it includes, each read once, all parsed into one
 * draft. Their documents stay in memory until the messages have been written, since a
 * message about one file may name a place in another. */
#include "config/load.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/limits.h"
#include "base/macro.h"
#include "config/block.h"
#include "config/parse.h"
#include "config/values.h"

struct file {
	struct file *next;
	struct doc doc;
	const char *path; /* absolute */
	dev_t dev;
	ino_t ino;
};

struct loader {
	struct arena arena;
	struct diag diag;
	struct parse parse;
	struct draft_config cf;
	struct file *first, *last;
	unsigned n_files;
	size_t bytes_left;
	const char *shown_dir; /* before the names of included files, with a slash */
};

static struct file *add_file(struct loader *l, const char *path, const char *shown)
{
	struct file *f = arena_alloc(&l->arena, sizeof *f);
	/* absolute_file() has made the path, or failed.
	 * NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
	const char *slash = strrchr(path, '/');

	if (!f)
		return NULL;
	f->path = path;
	f->doc.shown = shown;
	f->doc.ordinal = l->n_files++;
	f->doc.dir = arena_strndup(
		&l->arena, path, slash == path ? 1 : (size_t)(slash - path));
	if (l->last)
		l->last->next = f;
	else
		l->first = f;
	l->last = f;
	return f->doc.dir ? f : NULL;
}

static int read_text(struct loader *l, struct file *f, char **ret, size_t *ret_len)
{
	autoclose int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	r = fd_read_all(fd, l->bytes_left, ret, ret_len);
	if (r == 0)
		l->bytes_left -= *ret_len;
	return r;
}

static const char *read_mistake(int r)
{
	return r == -EFBIG
		? "larger than 16 MiB, with all included files (KICK_CONFIG_MAX)"
		: strerror(-r);
}

/* The text of a file into its document. -EINVAL when it is no JSON; that is said. */
static int understand(struct loader *l, struct file *f, char *text, size_t len)
{
	struct err err;
	size_t at = 0;
	int r = doc_parse(&f->doc, text, len, &err, &at);

	l->parse.doc = &f->doc;
	if (r == -EINVAL)
		diag_text_error(&l->diag, &f->doc, at, "%s", err.text);
	if (r == 0)
		parse_check_keys(&l->parse);
	return r;
}

static void default_name(struct loader *l, const struct file *f)
{
	const char *base = strrchr(f->path, '/') + 1;
	size_t n = strlen(base);
	char quoted[DIAG_QUOTE_MAX];
	char *name;

	if (n > 5 && strcmp(base + n - 5, ".json") == 0)
		n -= 5;
	name = arena_strndup(&l->arena, base, n);
	if (!name)
		return;
	if (value_id_mistake(name))
		diag_file_error(&l->diag, &f->doc,
			"%s, from the file's name, cannot name the application; give "
			"\"name\"",
			diag_quote_text(name, quoted));
	l->cf.name = name;
}

/* Reads the main file and everything in it but its includes. */
static int load_main(struct loader *l, const char *path, const char *shown)
{
	struct file *f = add_file(l, path, shown);
	char *text;
	size_t len;
	int r;

	if (!f)
		return -ENOMEM;
	r = read_text(l, f, &text, &len);
	if (r < 0) {
		diag_file_error(
			&l->diag, &f->doc, "cannot be read: %s", read_mistake(r));
		return r;
	}
	/* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): r is 0, both are set */
	r = understand(l, f, text, len);
	if (r < 0)
		return r;
	parse_top(&l->parse, f->doc.root, &l->cf);
	if (cJSON_IsObject(f->doc.root) && !json_get(f->doc.root, "name"))
		default_name(l, f);
	l->cf.file = path;
	l->cf.top.id = l->cf.name;
	return 0;
}

static const struct file *find_same(const struct loader *l, const struct file *f)
{
	for (const struct file *o = l->first; o != f; o = o->next) {
		if (o->dev == f->dev && o->ino == f->ino)
			return o;
	}
	return NULL;
}

/* One included file; item is where the main file names it. -ENOMEM, else 0: whatever is
 * wrong with it has been said. */
static int load_include(
	struct loader *l, const cJSON *item, const char *path, const char *shown)
{
	const struct doc *main_doc = &l->first->doc;
	const struct file *same;
	struct file *f = add_file(l, path, shown);
	char *text;
	size_t len;
	int r;

	if (!f)
		return -ENOMEM;
	r = read_text(l, f, &text, &len);
	if (r < 0) {
		diag_error(&l->diag, main_doc, item, "cannot include %s: %s", shown,
			read_mistake(r));
		return r == -ENOMEM ? r : 0;
	}
	same = find_same(l, f);
	if (same) {
		free(text);
		diag_error(&l->diag, main_doc, item, "cannot include %s: it is %s",
			shown,
			same == l->first ? "this file itself" : "included already");
		return 0;
	}
	r = understand(l, f, text, len);
	if (r < 0)
		return r == -EINVAL ? 0 : r;
	parse_include(&l->parse, f->doc.root, &l->cf);
	return 0;
}

/* How messages name an included file: as the main file's own name would lead to it. */
static const char *shown_name(struct loader *l, const char *path)
{
	const char *dir = l->first->doc.dir;
	size_t n = strlen(dir);

	if (strncmp(path, dir, n) != 0)
		return path;
	path += n;
	while (*path == '/')
		path++;
	return arena_join(&l->arena, (const char *const[]){ l->shown_dir, path, NULL });
}

/* The pattern of glob(3) for a directory that may have special characters in its name.
 */
static const char *absolute_pattern(struct loader *l, const char *pattern)
{
	const char *dir = l->first->doc.dir;
	char *escaped = arena_alloc(&l->arena, 2 * strlen(dir) + 1);
	char *at = escaped;

	if (!escaped)
		return NULL;
	if (*pattern == '/')
		return pattern;
	for (; *dir; dir++) {
		if (strchr("*?[]\\", *dir))
			*at++ = '\\';
		*at++ = *dir;
	}
	return arena_join(
		&l->arena, (const char *const[]){ escaped, "/", pattern, NULL });
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int load_path(struct loader *l, const cJSON *item, const char *path)
{
	const char *shown = shown_name(l, path);

	if (!shown)
		return -ENOMEM;
	if (l->n_files > KICK_CONFIG_FILES_MAX) {
		diag_error(&l->diag, &l->first->doc, item,
			"too many files are included; the limit is %d "
			"(KICK_CONFIG_FILES_MAX)",
			KICK_CONFIG_FILES_MAX);
		return -EINVAL;
	}
	return load_include(l, item, path, shown);
}

static int load_found(struct loader *l, const cJSON *item, char **paths, size_t n)
{
	qsort(paths, n, sizeof *paths, compare_paths);
	for (size_t i = 0; i < n; i++) {
		const char *path = arena_strdup(&l->arena, paths[i]);
		int r = path ? load_path(l, item, path) : -ENOMEM;

		if (r < 0)
			return r;
	}
	return 0;
}

static int load_glob(struct loader *l, const cJSON *item)
{
	const char *pattern = absolute_pattern(l, item->valuestring);
	glob_t found = { 0 };
	int r;

	if (!pattern)
		return -ENOMEM;
	r = glob(pattern, GLOB_NOSORT, NULL, &found);
	if (r == 0)
		r = load_found(l, item, found.gl_pathv, found.gl_pathc);
	else
		r = r == GLOB_NOSPACE ? -ENOMEM : 0;
	globfree(&found);
	return r;
}

static int load_includes(struct loader *l)
{
	const cJSON *include = l->cf.include;
	int r = 0;

	if (!include)
		return 0;
	for (const cJSON *v = include->child; v && r == 0; v = v->next) {
		const char *path;

		if (strpbrk(v->valuestring, "*?[")) {
			r = load_glob(l, v);
			continue;
		}
		l->parse.doc = &l->first->doc;
		path = value_path(&l->parse, v->valuestring);
		r = path ? load_path(l, v, path) : -ENOMEM;
	}
	return r;
}

static int absolute_file(struct loader *l, const char *file, const char **ret)
{
	autofree char *cwd = NULL;
	struct doc doc = { 0 };

	if (*file != '/') {
		cwd = getcwd(NULL, 0);
		if (!cwd)
			return -errno;
	}
	doc.dir = cwd ? cwd : "/";
	l->parse.doc = &doc;
	*ret = value_path(&l->parse, file);
	return *ret ? 0 : -ENOMEM;
}

static int load_all(struct loader *l, const char *file)
{
	const char *slash = strrchr(file, '/');
	const char *path = NULL;
	int r;

	l->shown_dir =
		arena_strndup(&l->arena, file, slash ? (size_t)(slash - file) + 1 : 0);
	r = l->shown_dir ? absolute_file(l, file, &path) : -ENOMEM;
	if (r < 0)
		return r;
	r = load_main(l, path, file);
	if (r == 0)
		r = load_includes(l);
	if (r == 0)
		parse_finish(&l->parse, &l->cf);
	return r;
}

static void loader_done(struct loader *l)
{
	for (struct file *f = l->first; f; f = f->next)
		doc_done(&f->doc);
	cJSON_Delete(l->parse.copies);
	arena_done(&l->arena);
}

int config_load(const char *file, struct buf *diag, void **ret_block, size_t *ret_size)
{
	struct loader l = { .bytes_left = KICK_CONFIG_MAX };
	int r;

	arena_init(&l.arena);
	diag_init(&l.diag, &l.arena);
	draft_config_init(&l.cf);
	l.parse = (struct parse){ .arena = &l.arena, .diag = &l.diag };
	r = load_all(&l, file);
	if (l.arena.failed)
		r = -ENOMEM;
	if (r == 0 && l.diag.errors > 0)
		r = -EINVAL;
	if (r == 0) {
		r = block_config(&l.cf, ret_block, ret_size);
		if (r == -E2BIG)
			diag_file_error(
				&l.diag, &l.first->doc, "the configuration is too big");
	}
	diag_render(&l.diag, diag);
	loader_done(&l);
	return r == -E2BIG ? -EINVAL : r;
}
