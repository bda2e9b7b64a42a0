/* The hint is a second, earlier deadline of waits that there are anyway: no timer, no
 * thread, and no wake-up after it was said. */
#include "hint.h"

#include "base/clock.h"

void hint_arm(struct session *s,
	void (*say)(struct session *s, void *user, struct buf *out), void *user)
{
	s->hint = (struct hint){ .say = s->terminal ? say : NULL, .user = user };
	s->hint.at = clock_now() + s->hint_ns;
}

void hint_disarm(struct session *s)
{
	s->hint = (struct hint){ 0 };
}

int64_t hint_cut(const struct session *s, int64_t until)
{
	return s->hint.say && s->hint.at < until ? s->hint.at : until;
}

bool hint_due(struct session *s)
{
	struct hint hint = s->hint;
	struct buf words;

	if (!hint.say || clock_now() < hint.at)
		return false;
	hint_disarm(s);
	buf_init(&words, 0);
	hint.say(s, hint.user, &words);
	complain("waiting for %s", buf_text(&words));
	buf_done(&words);
	return true;
}
