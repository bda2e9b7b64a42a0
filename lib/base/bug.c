/* The last words of a process that found its own tables wrong. It may have no memory
 * and no usable stdio any more: the line is made on the stack and written at once. */
#include "base/bug.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_SIZE 512

/* vsnprintf tells what it would have written; this is what it did write. */
static size_t written(int r, size_t room)
{
	if (r < 0)
		return 0;
	return (size_t)r < room ? (size_t)r : room - 1;
}

_Noreturn void bug_report(const char *file, int line, const char *fmt, ...)
{
	char text[LINE_SIZE];
	size_t n;
	va_list ap;

	n = written(snprintf(text, sizeof text, "kick: bug at %s:%d: ", file, line),
		sizeof text);
	va_start(ap, fmt);
	n += written(vsnprintf(text + n, sizeof text - n, fmt, ap), sizeof text - n);
	va_end(ap);
	/* There is always room: it takes the place of the NUL. */
	text[n++] = '\n';
	/* Whether anybody reads it makes no difference: this process ends. */
	(void)!write(STDERR_FILENO, text, n);
	abort();
}
