/* Why a process ended, or failed to start: one value, the same in text, JSON and on
 * the wire.
 *
 *   not abnormal  normal  shutdown  shutdown:TEXT
 *   abnormal      killed  exit:3  signal:SIGSEGV  start_timeout
 *                 failed_to_start:STEP:ERRNO  ... and any other text
 *
 * OTP: normal, shutdown and {shutdown, _} are what a transient child may end with. */
#ifndef KICK_CORE_REASON_H
#define KICK_CORE_REASON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/macro.h"

#define REASON_CLASSES(X)       \
	X(NORMAL, "normal")     \
	X(SHUTDOWN, "shutdown") \
	X(ABNORMAL, "abnormal")

enum reason_class {
#define X(id, name) REASON_##id,
	REASON_CLASSES(X)
#undef X
	REASON_NCLASSES
};

extern const char *const reason_class_names[REASON_NCLASSES];

struct reason {
	char text[KICK_REASON_MAX]; /* "" : none yet */
	uint8_t class;		    /* enum reason_class */
	bool core;		    /* a core was dumped */
	int16_t code;		    /* exit status, -1 when it did not exit */
	int16_t signal;		    /* signal that ended it, 0 when none did */
};

/* From a text, cut at KICK_REASON_MAX - 1; the class follows from the text. */
struct reason reason_text(const char *text);
struct reason reason_textf(const char *fmt, ...) KICK_PRINTF(1, 2);

/* From a wait status: an exit with a status, or an end by a signal. */
struct reason reason_exited(int code);
struct reason reason_signaled(int sig, bool core);

/* The facts (code, signal, core) of one, the text and class of the other. */
struct reason reason_rename(const struct reason *facts, const char *text);

/* For people: "killed by SIGKILL", "exit 1", "ended normally", "gave up". Writes
 * into buf and returns it. */
const char *reason_describe(const struct reason *r, char *buf, size_t size);

static inline bool reason_is_abnormal(const struct reason *r)
{
	return r->class == REASON_ABNORMAL;
}

#endif
