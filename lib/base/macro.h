/* Small helpers of the language: nothing here knows what kick is. */
#ifndef KICK_BASE_MACRO_H
#define KICK_BASE_MACRO_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#define container_of(ptr, type, member) \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define KICK_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* A function with large buffers, whose frame is to be gone when its caller goes on. */
#define KICK_NOINLINE __attribute__((noinline))

/* A local of this kind is freed at the end of its block; errno survives. */
#define autofree __attribute__((cleanup(macro_freep)))

void macro_freep(void *pointer_to_pointer);

#define SWAP(a, b)                       \
	do {                             \
		__typeof__(a) swap_ = a; \
		(a) = b;                 \
		(b) = swap_;             \
	} while (0)

#define SEC_NS INT64_C(1000000000)
#define MSEC_NS INT64_C(1000000)
#define USEC_NS INT64_C(1000)

#endif
