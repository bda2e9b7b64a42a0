/* Subscribers name subtrees, lines come from leaves: this is the comparison between. */
#include "logger/selection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int selection_init(struct selection *s, const cJSON *paths)
{
	const cJSON *item;

	*s = (struct selection){ 0 };
	if (!paths || (cJSON_IsArray(paths) && !paths->child))
		return 0;
	if (!cJSON_IsArray(paths))
		return -EINVAL;
	s->paths = calloc((size_t)cJSON_GetArraySize(paths), sizeof(char *));
	if (!s->paths)
		return -ENOMEM;
	cJSON_ArrayForEach(item, paths)
	{
		char *path = cJSON_IsString(item) ? strdup(item->valuestring) : NULL;

		if (!path) {
			selection_done(s);
			return cJSON_IsString(item) ? -ENOMEM : -EINVAL;
		}
		s->paths[s->n++] = path;
	}
	return 0;
}

void selection_done(struct selection *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->paths[i]);
	free(s->paths);
	*s = (struct selection){ 0 };
}

bool selection_has(const struct selection *s, const char *path, size_t len)
{
	for (size_t i = 0; i < s->n; i++) {
		size_t n = strlen(s->paths[i]);

		if (n <= len && memcmp(s->paths[i], path, n) == 0 &&
			(n == len || path[n] == '/'))
			return true;
	}
	return s->n == 0;
}
