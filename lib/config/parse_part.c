/* A partition supervisor's children: its "child" read once for each partition, with the
 * partition's number where the text says ${PARTITION}, and as PARTITION in the
 * environment. From then on it is a supervisor with children 0 to N-1.
 * OTP.md PART-1; Elixir's PartitionSupervisor. */
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "config/parse.h"

#define VARIABLE "PARTITION"
#define REFERENCE "${" VARIABLE "}"

/* Leaves text shorter than it was. "$$" is a dollar, whatever follows it. */
static void put_number(char *text, const char *number)
{
	char *to = text;

	while (*text) {
		if (strncmp(text, "$$", 2) == 0) {
			*to++ = *text++;
			*to++ = *text++;
		} else if (strncmp(text, REFERENCE, strlen(REFERENCE)) == 0) {
			to = stpcpy(to, number);
			text += strlen(REFERENCE);
		} else {
			*to++ = *text++;
		}
	}
	*to = '\0';
}

static bool is_partitioned(const cJSON *obj)
{
	const char *type = cJSON_GetStringValue(json_get(obj, "type"));

	return type && strcmp(type, child_type_names[CHILD_PARTITION_SUPERVISOR]) == 0;
}

/* A text for the shell stands as it is, the shell finds the variable. What is below
 * another partition supervisor gets that one's number. */
static bool is_left_alone(const cJSON *obj, const cJSON *v)
{
	if (!cJSON_IsObject(obj) || !v->string)
		return false;
	if (strcmp(v->string, "start") == 0)
		return cJSON_IsString(v);
	return strcmp(v->string, "child") == 0 && is_partitioned(obj);
}

/* As deep as the text was, and that has a bound. */
static void put_numbers(cJSON *item, const char *number)
{
	if (cJSON_IsString(item))
		put_number(item->valuestring, number);
	for (cJSON *v = item->child; v; v = v->next) {
		if (!is_left_alone(item, v))
			put_numbers(v, number);
	}
}

void parse_partition_env(struct parse *p, struct draft_child *c)
{
	struct draft_env_pair *at;

	for (size_t i = 0; i < c->env.n; i++) {
		if (strcmp(c->env.at[i].key, VARIABLE) == 0)
			return;
	}
	at = arena_alloc(p->arena, (c->env.n + 1) * sizeof *at);
	if (!at)
		return;
	/* The first: the others may refer to it. */
	at[0] = (struct draft_env_pair){
		.key = VARIABLE, .value = p->partition, .doc = p->doc, .item = c->item
	};
	for (size_t i = 0; i < c->env.n; i++)
		at[i + 1] = c->env.at[i];
	c->env = (struct draft_env){ .n = c->env.n + 1, .at = at };
}

/* The places of the original are those of its copy. */
static cJSON *copy_for(struct parse *p, const cJSON *v, const char *number)
{
	cJSON *copy = cJSON_Duplicate(v, true);

	if (!p->copies)
		p->copies = cJSON_CreateArray();
	if (!copy || !cJSON_AddItemToArray(p->copies, copy)) {
		cJSON_Delete(copy);
		p->arena->failed = true;
		return NULL;
	}
	put_numbers(copy, number);
	return copy;
}

static struct draft_child *read_partition(
	struct parse *p, const cJSON *v, unsigned partition)
{
	struct draft_child *c = arena_alloc(p->arena, sizeof *c);
	char number[16];
	const cJSON *copy;

	(void)snprintf(number, sizeof number, "%u", partition);
	p->partition = arena_strdup(p->arena, number);
	copy = p->partition ? copy_for(p, v, number) : NULL;
	if (!c || !copy)
		return NULL;
	draft_child_init(c, CHILD_WORKER);
	parse_child(p, copy, ID_REFUSED, false, c);
	c->id = p->partition;
	return c;
}

static unsigned online_cpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof set, &set) < 0)
		return 1;
	return (unsigned)CPU_COUNT(&set);
}

static bool may_read_another(struct parse *p, const cJSON *v)
{
	if (p->n_partitions++ < KICK_PARTITIONS_MAX)
		return true;
	diag_key_error(p->diag, p->doc, v,
		"too many partitions: of partition supervisors within others the "
		"numbers multiply; the limit is %d (KICK_PARTITIONS_MAX)",
		KICK_PARTITIONS_MAX);
	return false;
}

/* What is wrong with one is wrong with all, and said once. */
static bool read_all(struct parse *p, const cJSON *v, struct draft_sup *sup)
{
	unsigned n = sup->partitions ? sup->partitions : online_cpus();
	unsigned errors = p->diag->errors;

	for (unsigned i = 0; i < n && p->diag->errors == errors; i++) {
		struct draft_child *c =
			may_read_another(p, v) ? read_partition(p, v, i) : NULL;

		if (!c)
			return false;
		draft_sup_append(sup, c);
	}
	return true;
}

bool parse_partitions(struct parse *p, const cJSON *v, struct draft_sup *sup)
{
	const char *outer_partition = p->partition;
	struct draft_sup *outer = p->sup;
	bool ok;

	if (sup->n_children > 0) {
		diag_key_error(p->diag, p->doc, v,
			"the template has a \"child\", so its partition supervisors "
			"have none of their own");
		return false;
	}
	p->sup = sup;
	ok = read_all(p, v, sup);
	p->sup = outer;
	p->partition = outer_partition;
	return ok;
}
