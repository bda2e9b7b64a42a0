/* The table of a registry: keys are values, entries belong to their owners. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "otp/entries.h"
#include "otp/jsonval.h"

static int a, b, c; /* owners */

static cJSON *value(const char *text)
{
	const char *wrong;
	cJSON *v = json_parse(text, strlen(text), 60, &wrong);

	cr_assert(v, "%s", text);
	return v;
}

static enum entries_result put(
	struct entries *e, void *owner, const char *key, const char *text)
{
	cJSON *k = value(key), *v = value(text);
	enum entries_result r = entries_register(e, owner, k, v);

	cJSON_Delete(k);
	cJSON_Delete(v);
	return r;
}

static void take(struct entries *e, void *owner, const char *key)
{
	cJSON *k = value(key);

	cr_expect(entries_unregister(e, owner, k) == ENTRIES_OK);
	cJSON_Delete(k);
}

/* Static until the next call. */
static const char *values(struct entries *e, const char *key)
{
	static char text[1000];
	cJSON *k = value(key);
	struct buf out;

	buf_init(&out, sizeof text - 1);
	entries_add_values(e, k, &out);
	(void)strcpy(text, buf_text(&out));
	buf_done(&out);
	cJSON_Delete(k);
	return text;
}

static const char *keys(struct entries *e, void *owner)
{
	static char text[1000];
	struct buf out;

	buf_init(&out, sizeof text - 1);
	entries_add_keys(e, owner, &out);
	(void)strcpy(text, buf_text(&out));
	buf_done(&out);
	return text;
}

static void note(void *user, void *owner)
{
	(void)strcat(user, owner == &a ? "a" : owner == &b ? "b" : "c");
}

static const char *owners(struct entries *e, const char *key)
{
	static char text[100];
	cJSON *k = value(key);

	text[0] = '\0';
	entries_each_owner(e, k, note, text);
	cJSON_Delete(k);
	return text;
}

Test(entries, unique_keys_have_one_holder_each)
{
	struct entries *e = entries_new(true);

	cr_expect(put(e, &a, "1", "\"x\"") == ENTRIES_OK);
	cr_expect(put(e, &b, "1.0", "\"y\"") == ENTRIES_TAKEN);
	cr_expect(put(e, &a, "1", "\"z\"") == ENTRIES_TAKEN);
	cr_expect(put(e, &b, "\"1\"", "2") == ENTRIES_OK);
	cr_expect(put(e, &b, "{\"p\":1,\"q\":[true]}", "3") == ENTRIES_OK);
	cr_expect(put(e, &a, "{\"q\":[true],\"p\":1}", "4") == ENTRIES_TAKEN);
	cr_expect_str_eq(values(e, "1e0"), "[\"x\"]");
	cr_expect_str_eq(values(e, "{\"q\":[true],\"p\":1}"), "[3]");
	cr_expect_str_eq(values(e, "2"), "[]");
	cr_expect_str_eq(keys(e, &b), "[\"1\",{\"p\":1,\"q\":[true]}]");
	cr_expect_str_eq(keys(e, &c), "[]");
	cr_expect(entries_count(e) == 3);
	take(e, &b, "1");
	cr_expect_str_eq(values(e, "1"), "[\"x\"]", "another's entry has gone");
	take(e, &a, "1");
	cr_expect_str_eq(values(e, "1"), "[]");
	cr_expect(put(e, &c, "1", "5") == ENTRIES_OK);
	entries_free(e);
}

Test(entries, duplicate_keys_keep_the_order_of_registration)
{
	struct entries *e = entries_new(false);

	cr_expect(put(e, &b, "\"k\"", "1") == ENTRIES_OK);
	cr_expect(put(e, &a, "\"k\"", "{\"z\":1,\"y\":2}") == ENTRIES_OK);
	cr_expect(put(e, &b, "\"k\"", "3") == ENTRIES_OK);
	cr_expect(put(e, &c, "\"l\"", "4") == ENTRIES_OK);
	cr_expect_str_eq(values(e, "\"k\""), "[1,{\"z\":1,\"y\":2},3]");
	cr_expect_str_eq(owners(e, "\"k\""), "ba", "each owner once");
	cr_expect_str_eq(owners(e, "\"k\""), "ba", "and again");
	cr_expect_str_eq(owners(e, "\"m\""), "");
	cr_expect_str_eq(keys(e, &b), "[\"k\",\"k\"]");
	take(e, &b, "\"k\"");
	cr_expect_str_eq(values(e, "\"k\""), "[{\"z\":1,\"y\":2}]");
	cr_expect(entries_count(e) == 2);
	entries_free(e);
}

Test(entries, an_owner_leaves_with_all_it_has)
{
	struct entries *e = entries_new(false);

	for (int i = 0; i < 1000; i++) {
		char key[16];

		(void)snprintf(key, sizeof key, "%d", i % 100);
		cr_assert(put(e, i % 2 ? &a : &b, key, "0") == ENTRIES_OK);
	}
	entries_drop(e, &a);
	entries_drop(e, &a);
	entries_drop(e, &c);
	cr_expect(entries_count(e) == 500);
	cr_expect_str_eq(keys(e, &a), "[]");
	cr_expect_str_eq(owners(e, "2"), "b");
	cr_expect_str_eq(owners(e, "1"), "");
	entries_drop(e, &b);
	cr_expect(entries_count(e) == 0);
	cr_expect(put(e, &a, "1", "1") == ENTRIES_OK);
	entries_free(e);
}

Test(entries, bounds)
{
	struct entries *e = entries_new(false);
	char text[KICK_KEY_MAX + 2];
	cJSON *one = value("1"), *key;

	memset(text, 'k', sizeof text);
	text[KICK_KEY_MAX - 2] = '\0';
	key = cJSON_CreateString(text);
	cr_expect(entries_register(e, &a, key, one) == ENTRIES_OK);
	cJSON_Delete(key);
	text[KICK_KEY_MAX - 2] = 'k';
	text[KICK_KEY_MAX - 1] = '\0';
	key = cJSON_CreateString(text);
	cr_expect(entries_register(e, &a, key, one) == ENTRIES_TOO_BIG);
	cr_expect(entries_unregister(e, &a, key) == ENTRIES_TOO_BIG);
	cJSON_Delete(key);
	entries_drop(e, &a);

	key = value("1");
	for (int i = 0; i < KICK_ENTRIES_MAX; i++)
		cr_assert(entries_register(e, &a, key, one) == ENTRIES_OK);
	cr_expect(entries_register(e, &b, key, one) == ENTRIES_FULL);
	cr_expect(entries_count(e) == KICK_ENTRIES_MAX);
	entries_drop(e, &a);
	cr_expect(entries_register(e, &b, key, one) == ENTRIES_OK);
	entries_drop(e, &b);

	{
		char *big = malloc(1 << 20);
		cJSON *v;
		int n = 0;

		memset(big, 'v', (1 << 20) - 1);
		big[(1 << 20) - 1] = '\0';
		v = cJSON_CreateString(big);
		while (n < 100 && entries_register(e, &a, key, v) == ENTRIES_OK)
			n++;
		cr_expect(n == (KICK_REGISTRY_MAX >> 20) - 1, "%d", n);
		free(big);
		cJSON_Delete(v);
	}
	cJSON_Delete(one);
	cJSON_Delete(key);
	entries_free(e);
}
