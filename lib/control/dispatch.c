/* See dispatch.h. */
#include "control/dispatch.h"

#include <string.h>

void dispatch(const struct method *methods, size_t n, void *user, const char *name,
	struct call *call)
{
	call->user = NULL;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(methods[i].name, name) != 0)
			continue;
		if (call->reader && !methods[i].reader)
			server_reply_error(call, PROTOCOL_E_DENIED,
				"you may look, but not touch", NULL);
		else
			methods[i].run(user, call);
		return;
	}
	server_reply_error(call, PROTOCOL_E_METHOD, "method not found", NULL);
}

const char *call_text(const struct call *call, const char *key)
{
	return cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(call->params, key));
}

void call_answer(struct call *call, struct buf *out)
{
	server_reply(call, out);
	buf_done(out);
}
