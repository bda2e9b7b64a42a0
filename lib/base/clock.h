/* The only place that reads a clock. Everything below is told what time it is. */
#ifndef KICK_BASE_CLOCK_H
#define KICK_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* CLOCK_MONOTONIC in nanoseconds: for windows, deadlines, ages. */
int64_t clock_now(void);

/* A deadline so many milliseconds from now; INT64_MAX, for ever, when they are negative
 * or too many. */
int64_t clock_deadline(int64_t ms);

/* Milliseconds until a deadline, rounded up; -1: for ever. */
int64_t clock_ms_left(int64_t deadline);

/* CLOCK_REALTIME in nanoseconds since 1970: only to be shown to people. */
int64_t clock_wall(void);

/* RFC 3339, UTC, milliseconds, "Z". Writes 25 bytes with the NUL; returns buf. */
const char *clock_rfc3339(int64_t wall_ns, char *buf, size_t size);

#endif
