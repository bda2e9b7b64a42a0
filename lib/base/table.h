/* uthash, as we use it: its default function falls through its cases, and it ends the
 * process for want of memory, unless told otherwise. */
#ifndef KICK_BASE_TABLE_H
#define KICK_BASE_TABLE_H

#define HASH_FUNCTION(key, len, hash) HASH_FNV(key, len, hash)
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#endif
