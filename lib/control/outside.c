/* See otp/outside.h. */
#include "otp/outside.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "control/client.h"
#include "otp/peers.h"

static char *params_of(const char *name, const cJSON *request)
{
	cJSON *params = cJSON_CreateObject();
	char *text;

	(void)cJSON_AddStringToObject(params, "name", name);
	if (request)
		(void)cJSON_AddItemReferenceToObject(
			params, "request", (cJSON *)(uintptr_t)request);
	else
		(void)cJSON_AddNullToObject(params, "request");
	text = cJSON_PrintUnformatted(params);
	cJSON_Delete(params);
	return text;
}

/* Until the answer is whole; what our own peers send is taken in. */
static int await_answer(struct channel *ch, int64_t deadline, struct answer *ret)
{
	int fd = channel_fd(ch);
	int r = peers_watch(fd);

	while (r >= 0) {
		r = channel_answer(ch, clock_now(), ret);
		if (r != -ETIMEDOUT)
			break;
		if (deadline <= clock_now())
			break;
		r = peers_turn(deadline);
	}
	peers_unwatch(fd);
	return r;
}

static void say(kick_reason *why, const char *text)
{
	if (why)
		(void)snprintf(why->text, sizeof why->text, "%s", text ? text : "");
}

static int understand(const struct answer *a, cJSON **ret, kick_reason *why)
{
	const char *reason = answer_text(a, "reason");

	if (a->result) {
		if (ret)
			*ret = cJSON_Duplicate(a->result, true);
		return ret && !*ret ? -ENOMEM : 0;
	}
	say(why, reason ? reason : a->message);
	switch (a->code) {
	case PROTOCOL_E_NOPROC:
		return !reason || strcmp(reason, "noproc") == 0 ? -ESRCH : -ECONNRESET;
	case PROTOCOL_E_TOO_BIG:
		return -EMSGSIZE;
	case PROTOCOL_E_DENIED:
		return -EACCES;
	default:
		return -EREMOTEIO;
	}
}

int outside_ask(const char *dir, const char *socket, const char *method,
	const char *name, const cJSON *request, int64_t deadline, cJSON **ret,
	kick_reason *why)
{
	char *params = params_of(name, request);
	struct channel *ch = NULL;
	struct answer a = { 0 };
	int r;

	if (!params)
		return -ENOMEM;
	r = channel_open(dir, socket, deadline, &ch, NULL);
	if (r == -ENOENT || r == -ECONNREFUSED)
		r = -ESRCH;
	if (r == 0)
		r = channel_ask(ch, method, params, deadline);
	if (r == 0)
		r = await_answer(ch, deadline, &a);
	if (r == 0)
		r = understand(&a, ret, why);
	else
		say(why,
			r == -ESRCH		  ? "noproc"
				: r == -ETIMEDOUT ? "timeout"
						  : "noconnection");
	answer_done(&a);
	channel_free(ch);
	cJSON_free(params);
	return r;
}
