/* Numbers, durations and sizes as people write them. */
#ifndef KICK_BASE_NUM_H
#define KICK_BASE_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "250ms", "1.5s", "2m", "1h", "1d", also "500us" and "10ns"; several may follow each
 * other ("1m30s"). *ret_ns is nanoseconds. -EINVAL for anything else (a bare number
 * too), -ERANGE beyond about 290 years. */
int num_duration(const char *text, int64_t *ret_ns);

/* "10MB", "64K", "1GiB": powers of 1024; a bare number is bytes. -EINVAL, -ERANGE. */
int num_size(const char *text, uint64_t *ret_bytes);

/* Decimal, whole string, within [min, max]. -EINVAL, -ERANGE. */
int num_int(const char *text, int64_t min, int64_t max, int64_t *ret);

/* A duration for people, two units at most: "38 ms", "5s", "2h03m", "4d02h".
 * Writes into buf and returns it. */
const char *num_age(int64_t ns, char *buf, size_t size);

/* A duration as the configuration writes it, exact: "250ms", "1m30s". */
const char *num_duration_text(int64_t ns, char *buf, size_t size);

#endif
