/* What a process asks its node by name, and later: names, timers, other programs, and
 * who started the program. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/macro.h"
#include "os/namedir.h"
#include "otp/outside.h"
#include "otp/peers.h"
#include "otp/self.h"

/* What NODE_FOUND said: an id or a negative errno, 0 not yet. */
static int64_t found;

void selfnames_found(int64_t id)
{
	found = id;
}

/* --- names --------------------------------------------------------------------------
 */

bool self_is_name(const char *name)
{
	size_t n = name ? strlen(name) : 0;

	if (n == 0 || n > KICK_ID_MAX || *name == '-' || *name == '.')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("_.@-", name[i]))
			return false;
	return true;
}

int kick_register(const char *name)
{
	return self_is_name(name) ? (int)self_ask(NODE_REGISTER, 0, 0, name, NULL)
				  : -EINVAL;
}

int kick_unregister(const char *name)
{
	return self_is_name(name) ? (int)self_ask(NODE_UNREGISTER, 0, 0, name, NULL)
				  : -EINVAL;
}

int self_vacate(const char *name)
{
	return (int)self_ask(NODE_UNREGISTER, NODE_WAIT, 0, name, NULL);
}

int kick_whereis(const char *name, kick_pid *ret)
{
	int64_t r =
		self_is_name(name) ? self_ask(NODE_WHEREIS, 0, 0, name, NULL) : -EINVAL;

	if (r < 0)
		return (int)r;
	*ret = (kick_pid){ self.pid.node, (uint64_t)r };
	return 0;
}

/* Until the name is there, at most until the deadline. */
static int await_name(int64_t deadline, kick_pid *ret)
{
	struct link_message enough = { .kind = NODE_UNWAIT };
	int r;

	while (found == 0) {
		r = deadline <= clock_now() ? -ETIMEDOUT : peers_turn(deadline);
		if (r < 0) {
			(void)self_tell(&enough, NULL, -1);
			return r;
		}
	}
	if (found < 0)
		return (int)found;
	*ret = (kick_pid){ self.pid.node, (uint64_t)found };
	return 0;
}

int self_whereis(
	const char *name, int64_t deadline, kick_pid *ret, char socket[SELF_SOCKET_MAX])
{
	static struct node_answer a;
	int64_t r;

	if (!self_is_name(name))
		return -EINVAL;
	r = self_ask(NODE_WHEREIS, NODE_WAIT, 0, name, &a);
	/* What was found before the answer was of a wait that is over. */
	found = 0;
	if (r == -EAGAIN)
		return await_name(deadline, ret);
	if (r == -EREMOTE)
		(void)snprintf(
			socket, SELF_SOCKET_MAX, "%.*s", SELF_SOCKET_MAX - 1, a.text);
	if (r < 0)
		return (int)r;
	*ret = (kick_pid){ self.pid.node, (uint64_t)r };
	return 0;
}

int self_ask_outside(const char *method, const char *name, const cJSON *value)
{
	int64_t deadline = clock_now() + KICK_ANSWER_MS * MSEC_NS;
	char socket[SELF_SOCKET_MAX];
	int r = namedir_whose(self.outer_dir, name, socket, sizeof socket);

	if (r < 0)
		return r;
	return outside_ask(
		self.outer_dir, socket, method, name, value, deadline, NULL, NULL);
}

/* --- towards who started the program ------------------------------------------------
 */

int self_ready(bool term_is_exit)
{
	struct link_message m = { .kind = NODE_READY, .number = term_is_exit };

	return self.pid.id ? self_tell(&m, NULL, -1) : -ENOTCONN;
}

int kick_ready(void)
{
	return self_ready(false);
}

int self_reply(kick_ref ref, const cJSON *value)
{
	struct link_message m = { .kind = NODE_REPLY, .number = (int64_t)ref };
	char *text = value ? cJSON_PrintUnformatted(value) : strdup("null");
	int r;

	if (!text)
		return -ENOMEM;
	if (strlen(text) > KICK_LINK_MESSAGE_MAX) {
		m.flags = NODE_TOO_BIG;
		*text = '\0';
	}
	r = self_tell(&m, text, -1);
	cJSON_free(text);
	return r < 0 ? r : m.flags ? -EMSGSIZE : 0;
}

int self_is_supervisor(const char *json)
{
	struct link_message m = { .kind = NODE_SUPERVISOR };

	return self_tell(&m, json, -1);
}

int self_settled(kick_pid child, kick_pid successor)
{
	struct link_message m = {
		.kind = NODE_SETTLED, .id = successor.id, .number = (int64_t)child.id
	};

	return self_tell(&m, NULL, -1);
}

/* --- timers -------------------------------------------------------------------------
 */

static int send_later(
	unsigned flags, int64_t ms, kick_dest to, const cJSON *value, kick_ref *ret)
{
	char *json = cJSON_PrintUnformatted(value);
	char *text = NULL;
	int64_t r = json ? 0 : -ENOMEM;

	if (json && strlen(json) > KICK_LATER_MAX)
		r = -EMSGSIZE;
	else if (ms < 0 || (to.name && !self_is_name(to.name)))
		r = -EINVAL;
	/* A name is looked up when the time has come, a key now. */
	if (r == 0 && to.registry)
		r = kick_resolve(to, &to.pid);
	if (!to.name && !self_is_of_node(to.pid))
		to.pid.id = 0;
	if (r == 0 &&
		(to.name ? asprintf(&text, "=%s %s", to.name, json)
			 : asprintf(&text, "%llu %s", (unsigned long long)to.pid.id,
				   json)) < 0)
		r = -ENOMEM;
	if (r == 0)
		r = self_ask(NODE_LATER, flags, ms, text, NULL);
	free(text);
	cJSON_free(json);
	if (r > 0 && ret)
		*ret = (kick_ref)r;
	return r < 0 ? (int)r : 0;
}

int kick_send_after(int64_t ms, kick_dest to, const cJSON *value, kick_ref *ret)
{
	return send_later(0, ms, to, value, ret);
}

int kick_send_interval(int64_t ms, kick_dest to, const cJSON *value, kick_ref *ret)
{
	return send_later(NODE_AGAIN, ms, to, value, ret);
}

int64_t kick_cancel_timer(kick_ref ref)
{
	return self_ask(NODE_CANCEL, 0, (int64_t)ref, NULL, NULL);
}

int64_t kick_read_timer(kick_ref ref)
{
	return self_ask(NODE_LEFT, 0, (int64_t)ref, NULL, NULL);
}
