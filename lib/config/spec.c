/* The block as it is read: finding children, and mapping it. */
#include "config/spec.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/limits.h"

/* What a rel refers to that is known not to be 0. */
static const void *follow(const rel *field)
{
	return (const char *)field + *field;
}

const struct child_spec *spec_child(const struct sup_spec *sup, uint32_t i)
{
	const rel *children = follow(&sup->children);

	return follow(&children[i]);
}

const struct child_spec *spec_find(const struct sup_spec *sup, const char *id)
{
	for (uint32_t i = 0; i < sup->n_children; i++) {
		const struct child_spec *c = spec_child(sup, i);

		if (strcmp(REL_STR(c->id), id) == 0)
			return c;
	}
	return NULL;
}

/* The next component of a path into id; returns what is behind it, NULL when it is too
 * long for an id. */
static const char *next_id(const char *path, char id[static KICK_ID_MAX + 1])
{
	size_t n = strcspn(path, "/");

	if (n > KICK_ID_MAX)
		return NULL;
	memcpy(id, path, n);
	id[n] = '\0';
	return path + n;
}

const struct child_spec *config_find(const struct config *cf, const char *path)
{
	const struct child_spec *c = &cf->top;
	char id[KICK_ID_MAX + 1];

	if (!*path)
		return c;
	for (;;) {
		const struct sup_spec *sup = spec_sup(c);

		path = next_id(path, id);
		if (!path || !sup)
			return NULL;
		c = spec_find(sup, id);
		if (!c || !*path)
			return c;
		path++;
	}
}

const struct socket_spec *config_socket(const struct config *cf, const char *name)
{
	const struct socket_list *l = REL_GET(struct socket_list, cf->listen);

	for (uint32_t i = 0; l && i < l->n; i++) {
		if (strcmp(REL_STR(l->at[i].name), name) == 0)
			return &l->at[i];
	}
	return NULL;
}

int config_map(int fd, const struct config **ret)
{
	const struct config *cf;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size < (off_t)sizeof *cf || st.st_size > INT32_MAX)
		return -EBADMSG;
	cf = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (cf == MAP_FAILED)
		return -errno;
	/* Only the head: all supervisors map the block, one process verified it. */
	if (cf->magic != CONFIG_MAGIC || cf->size != (uint32_t)st.st_size) {
		(void)munmap((void *)(uintptr_t)cf, (size_t)st.st_size);
		return -EBADMSG;
	}
	*ret = cf;
	return 0;
}

void config_unmap(const struct config *cf)
{
	if (cf)
		(void)munmap((void *)(uintptr_t)cf, cf->size);
}
