/* See servicing.h. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/macro.h"
#include "control/servicing.h"
#include "os/roles.h"
#include "os/sock.h"
#include "otp/jsonval.h"

/* --- answers ------------------------------------------------------------------------
 */

void service_done(struct call *call)
{
	struct buf out;

	buf_init(&out, 0);
	buf_adds(&out, "true");
	server_reply(call, &out);
	buf_done(&out);
}

void service_refuse(struct call *call, const char *atom, const char *detail)
{
	struct buf data;

	buf_init(&data, 0);
	buf_adds(&data, "{\"detail\":");
	buf_add_json(&data, detail, strlen(detail));
	buf_addc(&data, '}');
	server_reply_error(
		call, PROTOCOL_E_REFUSED, atom, buf_ok(&data) ? buf_text(&data) : NULL);
	buf_done(&data);
}

/* --- requests -----------------------------------------------------------------------
 */

static void on_call(void *user, const char *method, struct call *call)
{
	struct service *s = user;
	const cJSON *request =
		cJSON_GetObjectItemCaseSensitive(call->params, "request");
	const char *wrong = request ? json_wrong(request, KICK_NESTING_MAX) : NULL;

	if (strcmp(method, "call") != 0 && strcmp(method, "cast") != 0)
		server_reply_error(call, PROTOCOL_E_METHOD, NULL, NULL);
	else if (!request)
		server_reply_error(call, PROTOCOL_E_PARAMS,
			"\"request\" must be given: any JSON value", NULL);
	else if (wrong)
		service_refuse(call, "badarg", wrong);
	else if (call->reader && !s->calls->is_look(request))
		server_reply_error(call, PROTOCOL_E_DENIED, NULL, NULL);
	else
		s->calls->request(s, call, request);
}

static void on_closed(void *user, struct client *cl)
{
	struct service *s = user;

	if (s->calls->closed)
		s->calls->closed(s, cl);
}

/* --- life ---------------------------------------------------------------------------
 */

void service_fail(struct service *s, const char *reason)
{
	struct {
		struct link_message m;
		char text[KICK_REASON_MAX];
	} last = { .m = { .kind = LINK_EXITING, .number = -1 } };
	struct reason r = reason_text(reason);

	server_free(s->server);
	(void)strcpy(last.text, r.text);
	/* All that was said before it is that we are ready: there is room. */
	(void)sock_send(FD_LINK, &last, sizeof last.m + strlen(last.text), NULL, 0);
	_exit(r.class == REASON_ABNORMAL);
}

static void on_parent_message(
	struct link *l, const struct link_message *m, const char *text, int fd)
{
	struct service *s = container_of(l, struct service, parent);

	(void)fd_close(fd);
	if (m->kind == LINK_STOP)
		service_fail(s, text);
	if (m->kind == LINK_HURRY)
		service_fail(s, "killed");
}

/* Nobody is left to be a child of. */
static void on_parent_end(struct link *l)
{
	(void)l;
	_exit(1);
}

static void on_signal(void *user, const struct signalfd_siginfo *si)
{
	(void)si;
	service_fail(user, "shutdown");
}

static int begin(struct service *s, const struct supervisor_start *start)
{
	static const struct server_handler handler = { .call = on_call,
		.closed = on_closed };
	const uint32_t *group = REL_GET(uint32_t, start->config->control_group);
	const uint32_t *readers = REL_GET(uint32_t, start->config->control_readers);
	struct server_access access = { .group = group ? *group : (gid_t)-1,
		.readers = readers ? *readers : (gid_t)-1 };
	sigset_t set;
	int r;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	r = loop_new(&set, on_signal, s, &s->loop);
	if (r < 0)
		return r;
	s->parent.on_message = on_parent_message;
	s->parent.on_end = on_parent_end;
	r = link_init(&s->parent, s->loop, FD_LINK);
	if (r < 0)
		return r;
	return server_new(s->loop, FD_LISTEN, &access, &handler, s, &s->server);
}

void service_run(struct service *s, const struct supervisor_start *start,
	const struct service_calls *calls)
{
	struct link_message ready = { .kind = LINK_READY };
	struct reason why;
	int r;

	s->calls = calls;
	r = begin(s, start);
	if (r == 0)
		r = link_send(&s->parent, &ready, NULL, -1);
	while (r >= 0)
		r = loop_once(s->loop);
	why = reason_textf("failed_to_start:setup:%s", err_name(r));
	service_fail(s, why.text);
}
