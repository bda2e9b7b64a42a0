/* See registry_key.h. The members of an object have no order: sorted, they print alike.
 */
#include "otp/registry_key.h"

#include <string.h>
#include <utlist.h>

static int by_name(const cJSON *a, const cJSON *b)
{
	return strcmp(a->string, b->string);
}

/* cJSON's lists are those of utlist. NOLINTNEXTLINE(readability-function-size) */
static void sort_members(cJSON *item)
{
	cJSON *one;

	if (cJSON_IsObject(item))
		DL_SORT(item->child, by_name);
	cJSON_ArrayForEach(one, item) sort_members(one);
}

char *registry_key_text(const cJSON *key)
{
	cJSON *sorted;
	char *text;

	if (!cJSON_IsArray(key) && !cJSON_IsObject(key))
		return key ? cJSON_PrintUnformatted(key) : NULL;
	sorted = cJSON_Duplicate(key, true);
	if (!sorted)
		return NULL;
	sort_members(sorted);
	text = cJSON_PrintUnformatted(sorted);
	cJSON_Delete(sorted);
	return text;
}

bool registry_key_matches(const cJSON *pattern, const cJSON *value)
{
	const cJSON *one, *other;

	if (!cJSON_IsObject(pattern))
		return cJSON_Compare(pattern, value, true);
	if (!cJSON_IsObject(value))
		return false;
	cJSON_ArrayForEach(one, pattern)
	{
		other = cJSON_GetObjectItemCaseSensitive(value, one->string);
		if (!other || !registry_key_matches(one, other))
			return false;
	}
	return true;
}
