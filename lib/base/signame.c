/* Signals by name. The names are glibc's table, so that an architecture with other
 * numbers is right too; here are the spellings that people use beside them. */
#include "base/signame.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/macro.h"
#include "base/num.h"

static const struct {
	const char *name;
	int sig;
} aliases[] = {
	{ "IOT", SIGABRT },
	{ "CLD", SIGCHLD },
	{ "IO", SIGIO },
	{ "POLL", SIGPOLL },
	{ "UNUSED", SIGSYS },
};

static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* strcasecmp would ask the locale. */
static bool same(const char *text, const char *name)
{
	while (*text && upper(*text) == *name) {
		text++;
		name++;
	}
	return *text == '\0' && *name == '\0';
}

/* The text after prefix (in capitals), or NULL. */
static const char *after(const char *text, const char *prefix)
{
	for (; *prefix; text++, prefix++)
		if (upper(*text) != *prefix)
			return NULL;
	return text;
}

static bool is_signal(int64_t sig)
{
	return (sig > 0 && sig < 32) || (sig >= SIGRTMIN && sig <= SIGRTMAX);
}

/* Of "RTMIN+3", what stands after "RTMIN"; "" is 0. */
static int realtime(const char *offset, char sign, int base)
{
	int64_t n = 0;

	if (*offset == '\0')
		return base;
	if (*offset != sign || num_int(offset + 1, 0, SIGRTMAX - SIGRTMIN, &n) < 0)
		return 0;
	return sign == '+' ? base + (int)n : base - (int)n;
}

static int by_name(const char *text)
{
	const char *offset;

	for (int sig = 1; sig < 32; sig++) {
		const char *name = sigabbrev_np(sig);

		if (name && same(text, name))
			return sig;
	}
	for (size_t i = 0; i < ARRAY_LEN(aliases); i++)
		if (same(text, aliases[i].name))
			return aliases[i].sig;
	offset = after(text, "RTMIN");
	if (offset)
		return realtime(offset, '+', SIGRTMIN);
	offset = after(text, "RTMAX");
	if (offset)
		return realtime(offset, '-', SIGRTMAX);
	return 0;
}

int signame_parse(const char *text)
{
	const char *bare = after(text, "SIG");
	int64_t sig;

	if (bare)
		return by_name(bare);
	if (num_int(text, 1, SIGRTMAX, &sig) == 0)
		return is_signal(sig) ? (int)sig : 0;
	return by_name(text);
}

const char *signame(int sig)
{
	static char name[24];
	const char *abbrev = sigabbrev_np(sig);

	if (abbrev)
		(void)snprintf(name, sizeof name, "SIG%s", abbrev);
	else if (sig == SIGRTMIN)
		(void)snprintf(name, sizeof name, "SIGRTMIN");
	else if (sig > SIGRTMIN && sig <= SIGRTMAX)
		(void)snprintf(name, sizeof name, "SIGRTMIN+%d", sig - SIGRTMIN);
	else
		(void)snprintf(name, sizeof name, "SIG%d", sig);
	return name;
}
