#include "addressee.h"

#include <errno.h>
#include <string.h>

#include "control/text.h"

/* "noproc": there was none; else why the one that was asked has ended. */
static void add_end(const struct answer *a, struct buf *out)
{
	const char *reason = answer_text(a, "reason");

	if (!reason || strcmp(reason, "noproc") == 0) {
		buf_adds(out, "no process; see: kick status");
		return;
	}
	buf_adds(out, "its process ended before it answered: ");
	text_reason(out, reason, 0);
}

static void add_words(const struct answer *a, struct buf *out)
{
	const char *detail = answer_text(a, "detail");

	if (a->code == PROTOCOL_E_NOPROC) {
		add_end(a, out);
	} else if (a->code == PROTOCOL_E_REFUSED && detail) {
		buf_addf(out, "refused, %s: ", a->message);
		buf_adds(out, detail);
	} else if (a->code == PROTOCOL_E_REFUSED) {
		buf_addf(out, "refused, %s", a->message);
	} else {
		session_words(a, out);
	}
}

int addressee_refused(const struct answer *a, const struct target *t)
{
	struct buf words;
	int rc;

	buf_init(&words, 0);
	add_words(a, &words);
	rc = a->code == PROTOCOL_E_REFUSED ? STATUS_FAILED : session_status(a);
	rc = fail(rc, "%s: %s", t->given, buf_text(&words));
	buf_done(&words);
	return rc;
}

int addressee_ask(struct session *s, const struct target *t, const char *method,
	const char *more, struct answer *ret)
{
	struct answer a = { 0 };
	struct buf params;
	int r;

	buf_init(&params, 0);
	buf_adds(&params, "{\"name\":");
	buf_add_json(&params, t->name, strlen(t->name));
	buf_adds(&params, more);
	buf_addc(&params, '}');
	r = session_try(s, t->socket, method, buf_text(&params), &a);
	buf_done(&params);
	if (r < 0)
		return session_unreachable(s, r, t->given);
	if (!a.result) {
		r = addressee_refused(&a, t);
		answer_done(&a);
		return r;
	}
	*ret = a;
	return STATUS_DONE;
}
