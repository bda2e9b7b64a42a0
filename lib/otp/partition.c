/* Partition supervisors: N copies of one child, and a key says which of them is meant.
 * OTP: Elixir's PartitionSupervisor. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "otp/sup_server.h"

/* Whole numbers beyond this are not exact as doubles. */
#define WHOLE_MAX 9007199254740992.0

/* --- the supervisor's side ----------------------------------------------------------
 */

static struct code_child *partition_at(const struct code_sup *cs, uint32_t i)
{
	char id[16];

	(void)snprintf(id, sizeof id, "%u", i);
	return code_child_find(cs, id);
}

static void do_find(struct code_sup *cs, kick_from from, const cJSON *request)
{
	const char *key =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(request, "key"));
	struct code_child *c = NULL;

	if (key && cs->routed)
		c = partition_at(cs, (uint32_t)(strtoull(key, NULL, 10) % cs->routed));
	sup_server_reply(from, c && c->pid.id ? "ok" : "not_found", c);
}

static void do_count(const struct code_sup *cs, kick_from from)
{
	sup_group_done(sup_group_new(from, cs->routed), NULL);
}

/* PART-6. Keys go by the new number at once. */
static void do_resize(struct code_sup *cs, kick_from from, uint32_t n)
{
	struct sup_group *g = sup_group_new(from, cs->routed);
	uint32_t before = cs->routed;
	struct code_child *c;

	cs->routed = n;
	for (uint32_t i = before; i-- > n;)
		if ((c = partition_at(cs, i)))
			sup_group_ask(cs, g, sup_terminate_child, c);
	for (uint32_t i = before; i < n; i++)
		if ((c = partition_at(cs, i)))
			sup_group_ask(cs, g, sup_restart_child, c);
	sup_group_done(g, NULL);
}

bool partition_serve(
	struct code_sup *cs, kick_from from, const char *method, const cJSON *request)
{
	double n = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(request, "n"));

	if (!cs->partitions)
		return false;
	if (strcmp(method, "partition") == 0)
		do_find(cs, from, request);
	else if (strcmp(method, "partitions") == 0)
		do_count(cs, from);
	else if (strcmp(method, "resize") == 0 && n >= 0 && n <= cs->partitions)
		do_resize(cs, from, (uint32_t)n);
	else
		return false;
	return true;
}

/* --- the caller's side --------------------------------------------------------------
 */

static int ask_number(kick_dest to, cJSON *request, kick_reason *why)
{
	cJSON *said = NULL;
	int r = sup_ask(to, request, NULL, why, &said);

	if (r == 0)
		r = (int)cJSON_GetNumberValue(
			cJSON_GetObjectItemCaseSensitive(said, "n"));
	cJSON_Delete(said);
	return r;
}

int kick_partition_supervisor_partitions(kick_dest supervisor)
{
	return ask_number(supervisor, sup_request("partitions", NULL), NULL);
}

int kick_partition_supervisor_resize(
	kick_dest supervisor, int partitions, kick_reason *why)
{
	cJSON *request = sup_request("resize", NULL);

	(void)cJSON_AddNumberToObject(request, "n", partitions);
	return ask_number(supervisor, request, why);
}

/* FNV-1a, 64 bits. */
static uint64_t hash_of(const char *text)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(1099511628211);
	return h;
}

/* PART-4. */
static int number_of(const cJSON *key, uint64_t *ret)
{
	double value = cJSON_GetNumberValue(key);
	char *text;

	if (!key)
		return -EINVAL;
	if (cJSON_IsNumber(key) && trunc(value) == value && fabs(value) <= WHOLE_MAX) {
		*ret = (uint64_t)fabs(value);
		return 0;
	}
	text = cJSON_PrintUnformatted(key);
	if (!text)
		return -ENOMEM;
	*ret = hash_of(text);
	cJSON_free(text);
	return 0;
}

int partition_whereis(const char *supervisor, const cJSON *key, kick_pid *ret)
{
	kick_pid found = { 0 };
	char text[24];
	cJSON *request;
	uint64_t number = 0;
	int r = number_of(key, &number);

	if (r < 0)
		return r;
	(void)snprintf(text, sizeof text, "%llu", (unsigned long long)number);
	request = sup_request("partition", NULL);
	(void)cJSON_AddStringToObject(request, "key", text);
	r = sup_ask(kick_to_name(supervisor), request, &found, NULL, NULL);
	if (r == 0)
		*ret = found;
	/* It has ended meanwhile: so have they. */
	return r == -ECONNRESET ? -ESRCH : r;
}

kick_dest kick_partition(const char *supervisor, const cJSON *key)
{
	return (kick_dest){ .registry = supervisor, .key = key, .partitions = true };
}

/* --- the start ----------------------------------------------------------------------
 */

/* What N specifications are made of. */
struct copies {
	kick_child_spec *specs;
	char (*ids)[24];
	cJSON **args; /* NULL: the specification's own */
	size_t n;
};

static void free_copies(struct copies *c)
{
	for (size_t i = 0; c->args && i < c->n; i++)
		cJSON_Delete(c->args[i]);
	free(c->args);
	free(c->ids);
	free(c->specs);
}

/* PART-3: for each, here in the starter. */
static int copy(struct copies *c, const kick_child_spec *child,
	kick_partition_arguments *with_arguments)
{
	c->specs = calloc(c->n, sizeof *c->specs);
	c->ids = calloc(c->n, sizeof *c->ids);
	c->args = with_arguments ? calloc(c->n, sizeof(cJSON *)) : NULL;
	if (!c->specs || !c->ids || (with_arguments && !c->args))
		return -ENOMEM;
	for (size_t i = 0; i < c->n; i++) {
		(void)snprintf(c->ids[i], sizeof c->ids[i], "%zu", i);
		c->specs[i] = *child;
		c->specs[i].id = c->ids[i];
		if (!with_arguments)
			continue;
		c->args[i] = with_arguments(child->args, (int)i);
		if (!c->args[i])
			return -EINVAL;
		c->specs[i].args = c->args[i];
	}
	return 0;
}

int kick_partition_supervisor_start_link(const kick_supervisor_options *options,
	const kick_child_spec *child, int partitions,
	kick_partition_arguments *with_arguments, kick_pid *ret, kick_reason *why)
{
	struct sup_server_plan plan = { .partitions = true };
	struct copies c = { 0 };
	int r;

	if (partitions == 0)
		partitions = (int)sysconf(_SC_NPROCESSORS_ONLN);
	if (!options || !options->name || options->auto_shutdown != KICK_NEVER ||
		!child || !child_spec_is_good(child, true) || partitions < 1 ||
		partitions > KICK_CHILDREN_MAX)
		return -EINVAL;
	c.n = (size_t)partitions;
	r = copy(&c, child, with_arguments);
	if (r == 0) {
		plan.specs = c.specs;
		plan.n = c.n;
		r = sup_server_start(&plan, options, ret, why);
	}
	free_copies(&c);
	return r;
}
