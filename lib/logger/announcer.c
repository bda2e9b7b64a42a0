/* A tree in trouble has a lot to say, and a log that is flooded by its supervisor is of
 * no use to anybody: so there is a budget for each second. */
#include "logger/announcer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "otp/notice.h"

/* A longer message is cut. */
#define ANNOUNCE_MAX 2048

static const char prefix[] = "kickd: ";

static bool put(struct announcer *a, const char *text)
{
	const struct sink_line line = {
		.prefix = prefix,
		.prefix_len = sizeof prefix - 1,
		.text = text,
		.len = strlen(text),
	};

	return sink_put(a->sink, &line, true);
}

void announcer_finish(struct announcer *a)
{
	char text[64];

	if (a->left_out == 0)
		return;
	snprintf(text, sizeof text, "%llu message%s left out",
		(unsigned long long)a->left_out, a->left_out == 1 ? "" : "s");
	if (put(a, text))
		a->left_out = 0;
}

static void announcer_due(struct timer *t, int64_t now)
{
	struct announcer *a = container_of(t, struct announcer, timer);

	announcer_finish(a);
	a->window = now;
	a->said = 0;
	if (a->left_out > 0)
		loop_arm(a->loop, t, now + SEC_NS);
}

void announcer_init(struct announcer *a, struct loop *l, struct sink *sink)
{
	*a = (struct announcer){ .loop = l, .sink = sink };
	a->timer = (struct timer){ .call = announcer_due, .at = -1 };
	a->window = INT64_MIN / 2;
}

static uint32_t budget(uint32_t flags)
{
	if (flags & NOTICE_LAST_WORD)
		return KICK_MESSAGES_PER_SECOND;
	if (flags & NOTICE_IMPORTANT)
		return KICK_MESSAGES_PER_SECOND - 1;
	return KICK_MESSAGES_PER_SECOND - KICK_MESSAGES_RESERVED;
}

void announcer_say(struct announcer *a, const char *text, uint32_t flags)
{
	int64_t now = loop_now(a->loop);

	/* Once something was left out, the timer ends the second, after having said so.
	 */
	if (!a->timer.heap && now - a->window >= SEC_NS) {
		a->window = now;
		a->said = 0;
	}
	if (a->said < budget(flags) && put(a, text)) {
		a->said++;
		return;
	}
	a->left_out++;
	if (!a->timer.heap)
		loop_arm(a->loop, &a->timer, a->window + SEC_NS);
}

void announcer_sayf(struct announcer *a, const char *fmt, ...)
{
	char text[ANNOUNCE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	announcer_say(a, text, 0);
}
