/* See verdict.h. */
#include "verdict.h"

#include <string.h>

#include "base/macro.h"
#include "core/sup.h"

/* on_give_up: "restart". A tree that ran for a while begins again with the first wait.
 */
static const struct backoff give_up_backoff = {
	.initial_ns = SEC_NS,
	.max_ns = 30 * SEC_NS,
	.reset_after_ns = 60 * SEC_NS,
	.factor = 2,
};

int verdict_init(struct verdict_state *s)
{
	*s = (struct verdict_state){ 0 };
	return intensity_init(&s->losses, VERDICT_LOSSES, VERDICT_SECONDS * SEC_NS);
}

static struct verdict gave_up(struct verdict_state *s, const struct verdict_facts *f,
	enum on_give_up on_give_up)
{
	struct verdict v = { .act = VERDICT_END, .gave_up = true, .status = 1 };

	if (on_give_up == GIVE_UP_EXIT)
		return v;
	if (f->was_ready && f->ran_ns >= give_up_backoff.reset_after_ns)
		s->give_ups = 0;
	v.act = VERDICT_RESTART;
	v.wait_ns = backoff_delay(&give_up_backoff, s->give_ups++);
	return v;
}

struct verdict verdict(struct verdict_state *s, const struct verdict_facts *f,
	enum on_give_up on_give_up, int64_t now)
{
	const char *why = f->reason.text;

	if (f->ordered)
		return (struct verdict){ .act = VERDICT_END };
	if (f->renewing)
		return (struct verdict){ .act = VERDICT_RESTART };
	if (strcmp(why, "shutdown:auto") == 0)
		return (struct verdict){ .act = VERDICT_END,
			.status = f->status < 0 ? 0 : f->status };
	if (strcmp(why, "shutdown:max_restarts") == 0 ||
		strncmp(why, "shutdown:failed_to_start:", 25) == 0 ||
		strncmp(why, "failed_to_start:", 16) == 0)
		return gave_up(s, f, on_give_up);
	if (!intensity_add(&s->losses, now))
		return gave_up(s, f, on_give_up);
	return (struct verdict){ .act = VERDICT_RESTART };
}
