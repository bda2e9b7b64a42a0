/* Writes drafts as the relocatable block of config/spec.h. */
#ifndef KICK_CONFIG_BLOCK_H
#define KICK_CONFIG_BLOCK_H

#include "config/draft.h"

/* *ret is malloc'ed and the caller's. -ENOMEM; -E2BIG when it would not fit. */
int block_config(const struct draft_config *cf, void **ret, size_t *ret_size);
int block_child(const struct draft_child *c, void **ret, size_t *ret_size);

#endif
