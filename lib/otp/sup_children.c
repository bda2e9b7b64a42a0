/* The children of a supervisor in code: see sup_server.h. */
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/clock.h"
#include "otp/fnptr.h"
#include "otp/sup_server.h"

#define DEFAULT_SHUTDOWN_MS 5000

/* --- specifications -----------------------------------------------------------------
 */

bool child_spec_is_good(const kick_child_spec *spec, bool any_id)
{
	size_t n = spec->id ? strlen(spec->id) : 0;

	return spec->start && spec->restart <= KICK_TEMPORARY &&
		(any_id || (n > 0 && n <= KICK_ID_MAX)) &&
		spec->shutdown_ms >= KICK_BRUTAL_KILL &&
		!(spec->significant && spec->restart == KICK_PERMANENT);
}

static int64_t shutdown_ns(const kick_child_spec *spec)
{
	int64_t ns;

	if (spec->shutdown_ms == KICK_BRUTAL_KILL)
		return POLICY_BRUTAL_KILL;
	if (spec->shutdown_ms == KICK_INFINITY ||
		(!spec->shutdown_ms && spec->supervisor) ||
		__builtin_mul_overflow(spec->shutdown_ms, 2 * MSEC_NS, &ns))
		return POLICY_INFINITY;
	return (spec->shutdown_ms ? spec->shutdown_ms : DEFAULT_SHUTDOWN_MS) * MSEC_NS;
}

struct code_child *code_child_new(const kick_child_spec *spec)
{
	static const uint8_t restarts[] = { [KICK_PERMANENT] = RESTART_PERMANENT,
		[KICK_TRANSIENT] = RESTART_TRANSIENT,
		[KICK_TEMPORARY] = RESTART_TEMPORARY };
	struct code_child *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->policy = (struct child_policy){ .type = spec->supervisor ? CHILD_SUPERVISOR
								    : CHILD_WORKER,
		.restart = restarts[spec->restart],
		.significant = spec->significant,
		.autostart = true,
		.shutdown_ns = shutdown_ns(spec),
		.start_timeout_ns = POLICY_INFINITY };
	(void)snprintf(c->id, sizeof c->id, "%s", spec->id ? spec->id : "");
	c->start = spec->start;
	c->due = -1;
	c->args = spec->args ? cJSON_Duplicate(spec->args, true) : cJSON_CreateNull();
	if (!c->args) {
		free(c);
		return NULL;
	}
	return c;
}

cJSON *child_spec_to_json(const kick_child_spec *spec)
{
	cJSON *json = cJSON_CreateObject();

	(void)cJSON_AddStringToObject(json, "id", spec->id ? spec->id : "");
	(void)cJSON_AddItemToObject(json, "start", fnptr_to_json((fnptr *)spec->start));
	(void)cJSON_AddItemToObject(json, "args",
		spec->args ? cJSON_Duplicate(spec->args, true) : cJSON_CreateNull());
	(void)cJSON_AddNumberToObject(json, "restart", spec->restart);
	/* What a double cannot hold exactly is for ever. */
	(void)cJSON_AddNumberToObject(json, "shutdown_ms",
		(double)(spec->shutdown_ms >> 53 > 0 ? KICK_INFINITY
						     : spec->shutdown_ms));
	(void)cJSON_AddBoolToObject(json, "significant", spec->significant);
	(void)cJSON_AddBoolToObject(json, "supervisor", spec->supervisor);
	return json;
}

kick_child_spec child_spec_from_json(const cJSON *json)
{
	return (kick_child_spec){
		.id = cJSON_GetStringValue(
			cJSON_GetObjectItemCaseSensitive(json, "id")),
		.start = (kick_start_function *)fnptr_from_json(
			cJSON_GetObjectItemCaseSensitive(json, "start")),
		.args = cJSON_GetObjectItemCaseSensitive(json, "args"),
		.restart = (kick_restart)cJSON_GetNumberValue(
			cJSON_GetObjectItemCaseSensitive(json, "restart")),
		.shutdown_ms = (int64_t)cJSON_GetNumberValue(
			cJSON_GetObjectItemCaseSensitive(json, "shutdown_ms")),
		.significant = cJSON_IsTrue(
			cJSON_GetObjectItemCaseSensitive(json, "significant")),
		.supervisor = cJSON_IsTrue(
			cJSON_GetObjectItemCaseSensitive(json, "supervisor")),
	};
}

/* --- tables -------------------------------------------------------------------------
 */

/* A handle without a table is in none, also for want of memory.
 * NOLINTBEGIN(readability-function-size): the tables' macros */

struct code_child *code_child_find(const struct code_sup *cs, const char *id)
{
	struct code_child *c;

	HASH_FIND(by_id, cs->by_id, id, strlen(id), c);
	return c;
}

void code_child_list(struct code_sup *cs, struct code_child *c)
{
	if (code_child_find(cs, c->id))
		return;
	HASH_ADD(by_id, cs->by_id, id, strlen(c->id), c);
}

struct code_child *code_child_at(const struct code_sup *cs, kick_pid pid)
{
	struct code_child *c = NULL;

	if (pid.id)
		HASH_FIND(by_known, cs->by_known, &pid, sizeof pid, c);
	return c;
}

void code_child_set_pid(struct code_sup *cs, struct code_child *c, kick_pid pid)
{
	c->pid = pid;
	if (!pid.id)
		return;
	if (c->by_known.tbl)
		HASH_DELETE(by_known, cs->by_known, c);
	c->known = pid;
	HASH_ADD(by_known, cs->by_known, known, sizeof c->known, c);
}

void code_child_free(struct code_sup *cs, struct code_child *c)
{
	code_child_arm(cs, c, -1);
	if (c->by_id.tbl)
		HASH_DELETE(by_id, cs->by_id, c);
	if (c->by_known.tbl)
		HASH_DELETE(by_known, cs->by_known, c);
	cJSON_Delete(c->args);
	free(c);
}

/* NOLINTEND(readability-function-size) */

/* --- time ---------------------------------------------------------------------------
 */

/* Most deadlines are later than all others: their place is looked for from the end.
 * NOLINTNEXTLINE(readability-function-size): the macros */
void code_child_arm(struct code_sup *cs, struct code_child *c, int64_t at)
{
	struct code_child *before;

	if (c->due >= 0)
		DL_DELETE2(cs->due, c, prev_due, next_due);
	c->due = at;
	if (at < 0)
		return;
	before = cs->due ? cs->due->prev_due : NULL;
	while (before && before->due > at)
		before = before == cs->due ? NULL : before->prev_due;
	if (before)
		DL_APPEND_ELEM2(cs->due, before, c, prev_due, next_due);
	else
		DL_PREPEND2(cs->due, c, prev_due, next_due);
}
