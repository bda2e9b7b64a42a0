/* What callers of a registry do: each asks it, and it answers {"ok": VALUE} or
 * {"error": ERRNO}. */
#include <errno.h>
#include <string.h>

#include "otp/registry.h"

static void add_copy(cJSON *to, const char *name, const cJSON *value)
{
	(void)cJSON_AddItemToObject(
		to, name, value ? cJSON_Duplicate(value, true) : cJSON_CreateNull());
}

static cJSON *question(const char *what, const cJSON *key)
{
	cJSON *q = cJSON_CreateObject();

	(void)cJSON_AddStringToObject(q, "do", what);
	if (key)
		add_copy(q, "key", key);
	return q;
}

static int understand(cJSON *said, cJSON **ret)
{
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(said, "error");
	cJSON *ok = cJSON_DetachItemFromObjectCaseSensitive(said, "ok");
	int r = ok ? 0 : -EPROTO;

	if (!ok && cJSON_IsNumber(error) && error->valueint < 0)
		r = error->valueint;
	if (ok && ret)
		*ret = ok;
	else
		cJSON_Delete(ok);
	return r;
}

static int ask_within(kick_dest registry, cJSON *q, int64_t timeout_ms, cJSON **ret)
{
	cJSON *said = NULL;
	int r = q ? kick_call(registry, q, timeout_ms, &said, NULL) : -ENOMEM;

	if (r == 0)
		r = understand(said, ret);
	cJSON_Delete(said);
	cJSON_Delete(q);
	return r;
}

/* Takes the question over. */
static int ask(const char *registry, cJSON *q, cJSON **ret)
{
	return ask_within(kick_to_name(registry ?: ""), q, KICK_INFINITY, ret);
}

static int ask_number(const char *registry, cJSON *q)
{
	cJSON *said = NULL;
	int r = ask(registry, q, &said);

	if (r == 0)
		r = cJSON_IsNumber(said) ? said->valueint : -EPROTO;
	cJSON_Delete(said);
	return r;
}

int kick_registry_register(const char *registry, const cJSON *key, const cJSON *value,
	kick_pid *ret_holder)
{
	cJSON *q, *said = NULL;
	bool taken;
	int r;

	if (!key)
		return -EINVAL;
	q = question("register", key);
	add_copy(q, "value", value);
	r = ask(registry, q, &said);
	taken = r == 0 && cJSON_IsString(said);
	if (taken && ret_holder)
		*ret_holder = kick_pid_from_json(said);
	cJSON_Delete(said);
	return taken ? -EEXIST : r;
}

int kick_registry_unregister(const char *registry, const cJSON *key)
{
	return key ? ask(registry, question("unregister", key), NULL) : -EINVAL;
}

int kick_registry_lookup(const char *registry, const cJSON *key, cJSON **ret)
{
	return key && ret ? ask(registry, question("lookup", key), ret) : -EINVAL;
}

static cJSON *question_of(const char *what, const cJSON *key, kick_pid pid)
{
	cJSON *q = question(what, key);

	(void)cJSON_AddItemToObject(q, "pid", kick_pid_to_json(pid));
	return q;
}

int kick_registry_keys_of(const char *registry, kick_pid pid, cJSON **ret)
{
	return ret ? ask(registry, question_of("keys", NULL, pid), ret) : -EINVAL;
}

int kick_registry_values(
	const char *registry, const cJSON *key, kick_pid pid, cJSON **ret)
{
	return key && ret ? ask(registry, question_of("values", key, pid), ret)
			  : -EINVAL;
}

static cJSON *question_for(const char *what, const cJSON *key, const cJSON *pattern)
{
	cJSON *q = question(what, key);

	if (pattern)
		add_copy(q, "pattern", pattern);
	return q;
}

int kick_registry_match(
	const char *registry, const cJSON *key, const cJSON *pattern, cJSON **ret)
{
	return ret ? ask(registry, question_for("match", key, pattern), ret) : -EINVAL;
}

int kick_registry_count_match(
	const char *registry, const cJSON *key, const cJSON *pattern)
{
	return ask_number(registry, question_for("count_match", key, pattern));
}

int kick_registry_unregister_match(
	const char *registry, const cJSON *key, const cJSON *pattern)
{
	return key ? ask(registry, question_for("unregister_match", key, pattern), NULL)
		   : -EINVAL;
}

int kick_registry_count(const char *registry)
{
	return ask_number(registry, question("count", NULL));
}

int kick_registry_update_value(
	const char *registry, const cJSON *key, const cJSON *value, cJSON **old)
{
	cJSON *q;

	if (!key)
		return -EINVAL;
	q = question("update", key);
	add_copy(q, "value", value);
	return ask(registry, q, old);
}

int kick_registry_dispatch(
	const char *registry, const cJSON *key, kick_registry_entry *entry, void *user)
{
	cJSON *list = NULL, *row;
	int r = entry ? kick_registry_lookup(registry, key, &list) : -EINVAL;

	cJSON_ArrayForEach(row, list)
		entry(kick_pid_from_json(cJSON_GetObjectItemCaseSensitive(row, "pid")),
			cJSON_GetObjectItemCaseSensitive(row, "value"), user);
	cJSON_Delete(list);
	return r;
}

int kick_registry_put_meta(const char *registry, const cJSON *key, const cJSON *value)
{
	cJSON *q;

	if (!key)
		return -EINVAL;
	q = question("put_meta", key);
	if (value)
		add_copy(q, "value", value);
	return ask(registry, q, NULL);
}

int kick_registry_get_meta(const char *registry, const cJSON *key, cJSON **ret)
{
	return key && ret ? ask(registry, question("get_meta", key), ret) : -EINVAL;
}

/* Sent, so that nobody who has what he wanted waits for the registry. */
static void unlock(kick_pid registry, const cJSON *key)
{
	cJSON *q = question("unlock", key);

	(void)kick_send(kick_to(registry), q);
	cJSON_Delete(q);
}

int kick_registry_lock(const char *registry, const cJSON *key, int64_t timeout_ms,
	kick_registry_locked *function, void *user)
{
	kick_pid pid;
	int r;

	if (!key || !function || timeout_ms < KICK_INFINITY)
		return -EINVAL;
	/* Unlocked where it was locked, even if another has the name then. */
	r = kick_whereis(registry ?: "", &pid);
	if (r == 0)
		r = ask_within(kick_to(pid), question("lock", key), timeout_ms, NULL);
	if (r == 0)
		function(user);
	if (r == 0 || r == -ETIMEDOUT)
		unlock(pid, key);
	return r;
}

int registry_whereis(const char *registry, const cJSON *key, kick_pid *ret)
{
	cJSON *said = NULL;
	int r = key ? ask(registry, question("whereis", key), &said) : -EINVAL;
	kick_pid pid = kick_pid_from_json(said);

	cJSON_Delete(said);
	if (r == 0 && (!pid.id || kick_alive(pid) != 1))
		r = -ESRCH;
	if (r == 0)
		*ret = pid;
	return r;
}
