/* Which children somebody wants to hear of: a path stands for that child and everything
 * below it; no path at all stands for all. */
#ifndef KICK_LOGGER_SELECTION_H
#define KICK_LOGGER_SELECTION_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

struct selection {
	char **paths;
	size_t n;
};

/* Copies an array of strings; NULL is all. 0, -EINVAL (not such an array), -ENOMEM. */
int selection_init(struct selection *s, const cJSON *paths);
void selection_done(struct selection *s);

bool selection_has(const struct selection *s, const char *path, size_t len);

#endif
