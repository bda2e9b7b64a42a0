/* An agent of the configuration: a process that holds one JSON value for others, and
 * keeps it in a file if it is told to. What requests do is in otp/agentstate.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/macro.h"
#include "control/servicing.h"
#include "otp/agentstate.h"
#include "otp/service.h"
#include "otp/statefile.h"

struct agent {
	struct service service;
	cJSON *state;
	bool has_file;
	struct statefile file;
};

/* --- requests -----------------------------------------------------------------------
 */

/* False: it could not be kept, and the call has been answered. */
static bool keep(struct agent *a, struct call *call, const struct buf *text)
{
	struct err err;
	int r = a->has_file ? statefile_write(&a->file, text->data, text->len, &err)
			    : 0;

	if (r == 0)
		return true;
	/* Whoever asked hears nothing, as nobody knows; the next life reads the file.
	 */
	if (a->file.unsure)
		service_fail(
			&a->service, reason_textf("file_failed:%s", err_name(r)).text);
	service_refuse(call, "file_failed", err.text);
	return false;
}

static void on_request(struct service *s, struct call *call, const cJSON *request)
{
	struct agent *a = container_of(s, struct agent, service);
	struct agent_outcome o;

	agent_apply(a->state, request, &o);
	if (o.refused) {
		service_refuse(call, o.refused, o.err.text);
	} else if (!o.next || keep(a, call, &o.text)) {
		if (o.next) {
			cJSON_Delete(a->state);
			a->state = o.next;
			o.next = NULL;
		}
		server_reply(call, &o.answer);
	}
	agent_outcome_done(&o);
}

/* --- start --------------------------------------------------------------------------
 */

static _Noreturn void bad(struct agent *a, const char *what, const char *why)
{
	char words[KICK_REASON_MAX];

	(void)snprintf(words, sizeof words, "%s:%s", what, why);
	/* A reason is one word. */
	for (char *c = words; *c; c++)
		if (*c == ' ')
			*c = '_';
	service_fail(&a->service, words);
}

/* The state in a text; what says where that lies. */
static void read_state(struct agent *a, const char *text, size_t n, const char *what)
{
	const char *wrong = NULL;

	a->state = agent_state_read(text, n, &wrong);
	if (!a->state)
		bad(a, what, wrong);
}

static void begin(struct agent *a, const struct child_spec *spec)
{
	const char *initial = spec->initial ? REL_STR(spec->initial) : "null";
	autofree char *text = NULL;
	size_t n = 0;

	a->has_file = spec->file != 0;
	if (a->has_file) {
		/* Its newline apart, a state is not longer. */
		int r = statefile_open(
			&a->file, REL_STR(spec->file), KICK_AGENT_MAX + 1, &text, &n);

		if (r < 0)
			bad(a, "bad_file", err_name(r));
	}
	if (text)
		read_state(a, text, n, "bad_file");
	else
		read_state(a, initial, strlen(initial), "bad_initial");
}

_Noreturn void agentproc_main(const struct supervisor_start *start)
{
	static const struct service_calls calls = { .is_look = agent_is_look,
		.request = on_request };
	static struct agent a;

	begin(&a, start->spec);
	service_run(&a.service, start, &calls);
}
