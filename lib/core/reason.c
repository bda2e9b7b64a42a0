/* Exit reasons. The text is what people and other programs see; the class is what the
 * restart types ask for, and follows from the text alone. */
#include "core/reason.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/signame.h"

const char *const reason_class_names[REASON_NCLASSES] = {
#define X(id, name) [REASON_##id] = (name),
	REASON_CLASSES(X)
#undef X
};

static uint8_t class_of(const char *text)
{
	if (strcmp(text, "normal") == 0)
		return REASON_NORMAL;
	if (strcmp(text, "shutdown") == 0 || strncmp(text, "shutdown:", 9) == 0)
		return REASON_SHUTDOWN;
	return REASON_ABNORMAL;
}

/* Cuts at a character, so that what was UTF-8 stays UTF-8. */
static void copy_text(char *to, const char *text)
{
	size_t n = strnlen(text, KICK_REASON_MAX);

	if (n >= KICK_REASON_MAX) {
		n = KICK_REASON_MAX - 1;
		while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
			n--;
	}
	memmove(to, text, n);
	to[n] = '\0';
}

struct reason reason_text(const char *text)
{
	struct reason r = { .code = -1 };

	copy_text(r.text, text);
	r.class = class_of(r.text);
	return r;
}

struct reason reason_textf(const char *fmt, ...)
{
	char text[2 * KICK_REASON_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return reason_text(text);
}

struct reason reason_exited(int code)
{
	struct reason r = code ? reason_textf("exit:%d", code) : reason_text("normal");

	r.code = (int16_t)code;
	return r;
}

struct reason reason_signaled(int sig, bool core)
{
	/* 9 is SIGKILL on Linux; the number keeps <signal.h> out of the core. */
	struct reason r = sig == 9 ? reason_text("killed")
				   : reason_textf("signal:%s", signame(sig));

	r.signal = (int16_t)sig;
	r.core = core;
	return r;
}

struct reason reason_rename(const struct reason *facts, const char *text)
{
	struct reason r = *facts;

	copy_text(r.text, text);
	r.class = class_of(r.text);
	return r;
}

const char *reason_describe(const struct reason *r, char *buf, size_t size)
{
	if (strcmp(r->text, "killed") == 0)
		(void)snprintf(buf, size, "killed by SIGKILL");
	else if (strncmp(r->text, "exit:", 5) == 0)
		(void)snprintf(buf, size, "exit %s", r->text + 5);
	else if (strncmp(r->text, "signal:", 7) == 0)
		(void)snprintf(buf, size, "ended by %s%s", r->text + 7,
			r->core ? ", core dumped" : "");
	else if (r->class == REASON_NORMAL)
		(void)snprintf(buf, size, "ended normally");
	else if (strcmp(r->text, "shutdown:max_restarts") == 0)
		(void)snprintf(buf, size, "gave up");
	else if (strncmp(r->text, "shutdown:failed_to_start:", 25) == 0)
		(void)snprintf(buf, size, "could not start %s", r->text + 25);
	else if (strcmp(r->text, "start_timeout") == 0)
		(void)snprintf(buf, size, "not ready in time");
	else if (strcmp(r->text, "unhealthy") == 0)
		(void)snprintf(buf, size, "failed its health check");
	else if (strcmp(r->text, "watchdog") == 0)
		(void)snprintf(buf, size, "was silent for its watchdog");
	else
		(void)snprintf(buf, size, "ended with %s", r->text);
	return buf;
}
