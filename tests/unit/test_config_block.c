/* The block: relocatable, verified, compared, planned with. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/macro.h"
#include "config/load.h"

static const char *const tree =
	"{ \"env\": { \"A\": \"1\" }, \"children\": ["
	"{ \"id\": \"web\", \"start\": [\"web\", \"x\"], \"cwd\": \"/tmp\", "
	"\"env\": { \"K\": \"v\", \"N\": null }, \"env_file\": \"-e\", \"user\": "
	"\"0\", "
	"\"groups\": [\"1\", \"2\"], \"nice\": 1, \"success_exit\": [3], \"stdout\": \"file:o\", "
	"\"ready\": { \"http\": \"http://127.0.0.1:80/x\" }, "
	"\"health\": { \"exec\": [\"w\", \"y\"] } },"
	"{ \"id\": \"s\", \"type\": \"supervisor\", \"children\": ["
	"{ \"id\": \"a\", \"start\": \"a\" }, { \"id\": \"b\", \"start\": \"b\" }] },"
	"{ \"id\": \"d\", \"type\": \"dynamic_supervisor\", \"child\": "
	"{ \"start\": [\"j\"] } },"
	"{ \"id\": \"c\", \"type\": \"supervisor\", \"start\": [\"c\"] },"
	"{ \"id\": \"v\", \"type\": \"agent\", \"initial\": [1], \"file\": \"v\" },"
	"{ \"id\": \"r\", \"type\": \"registry\", \"keys\": \"duplicate\" }] }";

static int save(const char *text)
{
	int fd = memfd_create("shop.json", MFD_CLOEXEC);

	cr_assert(fd >= 0);
	cr_assert_eq(fd_write_all(fd, text, strlen(text)), 0);
	return fd;
}

/* The block of a text; the caller frees it. */
static const struct config *load(const char *text, size_t *ret_size)
{
	int fd = save(text);
	struct buf diag;
	char path[40];
	void *block;

	buf_init(&diag, 0);
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	cr_assert_eq(config_load(path, &diag, &block, ret_size), 0, "%s: %s", text,
		buf_text(&diag));
	fd_close(fd);
	buf_done(&diag);
	return block;
}

Test(config_block, a_path_leads_to_its_child, .timeout = 10)
{
	static const struct {
		const char *path, *id;
	} rows[] = {
		{ "web", "web" },
		{ "s", "s" },
		{ "s/b", "b" },
		{ "s/c", NULL },
		{ "web/x", NULL },
		{ "s/", NULL },
		{ "/s", NULL },
		{ "s/b/", NULL },
		{ "x23456789012345678901234567890123456789012345678901234567890123456",
			NULL },
	};
	size_t size;
	const struct config *cf = load(tree, &size);

	cr_expect_eq(config_find(cf, ""), &cf->top);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct child_spec *c = config_find(cf, rows[i].path);

		cr_expect_eq(c != NULL, rows[i].id != NULL, "row: %s", rows[i].path);
		if (c && rows[i].id)
			cr_expect_str_eq(
				REL_STR(c->id), rows[i].id, "row: %s", rows[i].path);
	}
	free((void *)(uintptr_t)cf);
}

Test(config_block, a_copy_elsewhere_says_the_same, .timeout = 10)
{
	size_t size;
	const struct config *cf = load(tree, &size);
	int fd = memfd_create("block", MFD_CLOEXEC);
	const struct config *mapped = NULL;
	struct buf plan;

	buf_init(&plan, 0);
	cr_assert_eq(fd_write_all(fd, cf, size), 0);
	cr_assert_eq(config_map(fd, &mapped), 0);
	cr_expect_eq(config_verify(mapped, mapped->size), 0);
	cr_expect_eq(config_plan(cf, mapped, &plan), 0, "%s", buf_text(&plan));
	cr_expect_str_eq(REL_STR(config_find(mapped, "s/a")->id), "a");
	config_unmap(mapped);
	cr_assert_eq(ftruncate(fd, (off_t)size - 16), 0);
	cr_expect_eq(config_map(fd, &mapped), -EBADMSG);
	cr_assert_eq(ftruncate(fd, 0), 0);
	cr_expect_eq(config_map(fd, &mapped), -EBADMSG);
	fd_close(fd);
	buf_done(&plan);
	free((void *)(uintptr_t)cf);
}

/* Everything that can be reached is looked at, so that a sanitizer sees bad references.
 */
static void touch(const struct config *cf)
{
	struct buf out;

	buf_init(&out, 1 << 20);
	(void)config_plan(cf, cf, &out);
	for (uint32_t i = 0; i < spec_sup(&cf->top)->n_children; i++)
		spec_to_json(spec_child(spec_sup(&cf->top), i), &out);
	buf_done(&out);
}

Test(config_block, no_damaged_block_is_believed_where_it_would_hurt, .timeout = 120)
{
	size_t size;
	const struct config *cf = load(tree, &size);
	unsigned char *copy = malloc(size);

	for (size_t i = 0; i < size * 8; i++) {
		memcpy(copy, cf, size);
		copy[i / 8] ^= (unsigned char)(1u << i % 8);
		if (config_verify(copy, size) == 0)
			touch((const void *)copy);
	}
	free(copy);
	free((void *)(uintptr_t)cf);
}

Test(config_block, random_damage_is_survived, .timeout = 120)
{
	size_t size;
	const struct config *cf = load(tree, &size);
	unsigned char *copy = malloc(size);
	unsigned accepted = 0;
	uint32_t random = 1;

	for (int round = 0; round < 20000; round++) {
		memcpy(copy, cf, size);
		for (int i = 0; i < 4; i++) {
			random = random * 1664525u + 1013904223u;
			copy[(random >> 8) % size] = (unsigned char)(random >> 3);
		}
		if (config_verify(copy, size) == 0) {
			touch((const void *)copy);
			accepted++;
		}
	}
	cr_expect_lt(accepted, 20000);
	free(copy);
	free((void *)(uintptr_t)cf);
}

Test(config_block, a_block_cut_short_is_refused, .timeout = 30)
{
	size_t size;
	const struct config *cf = load(tree, &size);

	for (size_t n = 0; n < size; n++) {
		void *part = malloc(n + 1);
		uint32_t claimed = (uint32_t)n;

		memcpy(part, cf, n);
		if (n >= sizeof *cf)
			memcpy((char *)part + offsetof(struct config, size), &claimed,
				sizeof claimed);
		if (config_verify(part, n) == 0)
			touch(part);
		else
			cr_expect_eq(config_verify(part, n), -EBADMSG);
		free(part);
	}
	free((void *)(uintptr_t)cf);
}

static const struct config *with_child(const char *keys, size_t *ret_size)
{
	struct buf text;
	const struct config *cf;

	buf_init(&text, 0);
	buf_addf(&text,
		"{ \"auto_shutdown\": \"any_significant\", \"max_restarts\": 3, "
		"\"children\": "
		"[{ \"id\": \"x\", %s }] }",
		keys);
	cf = load(buf_text(&text), ret_size);
	buf_done(&text);
	return cf;
}

Test(config_block, process_keys_differ_from_policy_keys, .timeout = 30)
{
	static const struct {
		const char *keys;
		enum spec_change change;
	} rows[] = {
		{ "\"start\": [\"p\"]", SPEC_SAME },
		{ "\"start\": [\"p\"], \"restart\": \"permanent\"", SPEC_SAME },
		{ "\"start\": [\"p\", \"q\"]", SPEC_PROCESS },
		{ "\"start\": \"p\"", SPEC_PROCESS },
		{ "\"start\": [\"p\"], \"cwd\": \"/\"", SPEC_PROCESS },
		{ "\"start\": [\"p\"], \"env\": { \"A\": \"1\" }", SPEC_PROCESS },
		{ "\"start\": [\"p\"], \"env_file\": \"e\"", SPEC_PROCESS },
		{ "\"start\": [\"p\"], \"user\": \"0\"", SPEC_PROCESS },
		{ "\"start\": [\"p\"], \"group\": \"0\"", SPEC_PROCESS },
		{ "\"start\": [\"p\"], \"groups\": []", SPEC_PROCESS },
		{ "\"start\": [\"p\"], \"umask\": \"000\"", SPEC_PROCESS },
		{ "\"start\": [\"p\"], \"nice\": 0", SPEC_PROCESS },
		{ "\"start\": [\"p\"], \"oom_score_adj\": 0", SPEC_PROCESS },
		{ "\"start\": [\"p\"], \"limits\": { \"core\": 0 }", SPEC_PROCESS },
		{ "\"start\": [\"p\"], \"limits\": { \"core\": { \"soft\": 0 } }",
			SPEC_PROCESS },
		{ "\"start\": [\"p\"], \"no_new_privileges\": true", SPEC_PROCESS },
		{ "\"start\": [\"p\"], \"capabilities\": []", SPEC_PROCESS },
		{ "\"start\": [\"p\"], \"limits\": {}", SPEC_SAME },
		{ "\"start\": [\"p\"], \"no_new_privileges\": false", SPEC_SAME },
		{ "\"start\": [\"p\"], \"stdin\": \"inherit\"", SPEC_PROCESS },
		{ "\"start\": [\"p\"], \"stdout\": \"file:o\"", SPEC_PROCESS },
		{ "\"start\": [\"p\"], \"stderr\": \"null\"", SPEC_PROCESS },
		{ "\"start\": [\"p\"], \"link\": true", SPEC_PROCESS },
		{ "\"start\": [\"p\"], \"link\": false", SPEC_SAME },
		{ "\"type\": \"supervisor\"", SPEC_PROCESS },
		{ "\"type\": \"supervisor\", \"start\": [\"p\"]", SPEC_PROCESS },
		{ "\"type\": \"agent\"", SPEC_PROCESS },
		{ "\"type\": \"registry\"", SPEC_PROCESS },
		{ "\"start\": [\"p\"], \"restart\": \"transient\"", SPEC_POLICY },
		{ "\"start\": [\"p\"], \"restart\": \"temporary\", \"significant\": "
		  "true",
			SPEC_POLICY },
		{ "\"start\": [\"p\"], \"shutdown\": \"6s\"", SPEC_POLICY },
		{ "\"start\": [\"p\"], \"autostart\": false", SPEC_POLICY },
		{ "\"start\": [\"p\"], \"backoff\": {}", SPEC_POLICY },
		{ "\"start\": [\"p\"], \"ready\": { \"notify\": true }", SPEC_POLICY },
		{ "\"start\": [\"p\"], \"start_timeout\": \"1s\"", SPEC_POLICY },
		{ "\"start\": [\"p\"], \"success_exit\": [1]", SPEC_POLICY },
		{ "\"start\": [\"p\"], \"stop_signal\": \"HUP\"", SPEC_POLICY },
		{ "\"start\": [\"p\"], \"reload_signal\": \"HUP\"", SPEC_POLICY },
		{ "\"start\": [\"p\"], \"kill_mode\": \"group\"", SPEC_POLICY },
	};
	size_t size;
	const struct config *old = with_child("\"start\": [\"p\"]", &size);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct config *new = with_child(rows[i].keys, &size);

		cr_expect_eq(spec_compare(config_find(old, "x"), config_find(new, "x")),
			rows[i].change, "row: %s", rows[i].keys);
		cr_expect_eq(spec_compare(config_find(new, "x"), config_find(old, "x")),
			rows[i].change, "row, reversed: %s", rows[i].keys);
		free((void *)(uintptr_t) new);
	}
	free((void *)(uintptr_t)old);
}

Test(config_block, keys_of_each_type_shape_its_process, .timeout = 30)
{
	static const struct {
		const char *old, *new;
		enum spec_change change;
	} rows[] = {
		{ "\"start\": [\"p\"], \"nice\": 1", "\"start\": [\"p\"], \"nice\": 2",
			SPEC_PROCESS },
		{ "\"start\": [\"p\"], \"nice\": 1",
			"\"start\": [\"p\"], \"oom_score_adj\": 1", SPEC_PROCESS },
		{ "\"start\": [\"p\"], \"oom_score_adj\": 1",
			"\"start\": [\"p\"], \"oom_score_adj\": 2", SPEC_PROCESS },
		{ "\"start\": [\"p\"], \"limits\": { \"core\": 1 }",
			"\"start\": [\"p\"], \"limits\": { \"core\": 2 }",
			SPEC_PROCESS },
		{ "\"start\": [\"p\"], \"limits\": { \"core\": { \"soft\": 1, \"hard\": 1 } }",
			"\"start\": [\"p\"], \"limits\": { \"core\": { \"soft\": 1, \"hard\": 2 } }",
			SPEC_PROCESS },
		{ "\"start\": [\"p\"], \"limits\": { \"core\": \"1K\" }",
			"\"start\": [\"p\"], \"limits\": { \"core\": { \"hard\": 1024, \"soft\": 1024 } }",
			SPEC_SAME },
		{ "\"start\": [\"p\"], \"capabilities\": [\"KILL\"]",
			"\"start\": [\"p\"], \"capabilities\": [\"cap_kill\"]",
			SPEC_SAME },
		{ "\"start\": [\"p\"], \"capabilities\": [\"KILL\"]",
			"\"start\": [\"p\"], \"capabilities\": [\"CHOWN\"]",
			SPEC_PROCESS },
		{ "\"start\": [\"p\"]", "\"start\": [\"p\"], \"cgroup\": {}",
			SPEC_PROCESS },
		{ "\"start\": [\"p\"], \"cgroup\": { \"memory_max\": 1024 }",
			"\"start\": [\"p\"], \"cgroup\": { \"memory_max\": \"1K\" }",
			SPEC_SAME },
		{ "\"start\": [\"p\"], \"cgroup\": { \"cpu_max\": 1 }",
			"\"start\": [\"p\"], \"cgroup\": { \"cpu_max\": 2 }",
			SPEC_PROCESS },
		{ "\"start\": [\"p\"], \"cgroup\": { \"pids_max\": 1 }",
			"\"start\": [\"p\"], \"cgroup\": { \"pids_max\": 2 }",
			SPEC_PROCESS },
		{ "\"type\": \"agent\"", "\"type\": \"agent\", \"initial\": null",
			SPEC_SAME },
		{ "\"type\": \"agent\", \"initial\": { \"a\": [1, 2] }",
			"\"type\": \"agent\", \"initial\": {\"a\":[1,/**/2]}",
			SPEC_SAME },
		{ "\"type\": \"agent\"", "\"type\": \"agent\", \"initial\": 0",
			SPEC_PROCESS },
		{ "\"type\": \"agent\"", "\"type\": \"agent\", \"file\": \"v\"",
			SPEC_PROCESS },
		{ "\"type\": \"agent\", \"file\": \"w\"",
			"\"type\": \"agent\", \"file\": \"v\"", SPEC_PROCESS },
		{ "\"type\": \"agent\"", "\"type\": \"agent\", \"shutdown\": \"1s\"",
			SPEC_POLICY },
		{ "\"type\": \"registry\"",
			"\"type\": \"registry\", \"keys\": \"unique\"", SPEC_SAME },
		{ "\"type\": \"registry\"",
			"\"type\": \"registry\", \"keys\": \"duplicate\"",
			SPEC_PROCESS },
		{ "\"type\": \"registry\"", "\"type\": \"agent\"", SPEC_PROCESS },
		{ "\"type\": \"supervisor\", \"start\": [\"p\"]",
			"\"type\": \"supervisor\", \"start\": [\"p\"], \"link\": true",
			SPEC_SAME },
		{ "\"type\": \"supervisor\", \"start\": [\"p\"]",
			"\"type\": \"supervisor\"", SPEC_PROCESS },
		{ "\"type\": \"supervisor\", \"start\": [\"p\"]",
			"\"type\": \"supervisor\", \"start\": [\"p\", \"q\"]",
			SPEC_PROCESS },
		{ "\"type\": \"supervisor\", \"start\": [\"p\"]",
			"\"type\": \"supervisor\", \"start\": [\"p\"], "
			"\"restart\": \"transient\"",
			SPEC_POLICY },
	};
	size_t size;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct config *old = with_child(rows[i].old, &size);
		const struct config *new = with_child(rows[i].new, &size);

		cr_expect_eq(spec_compare(config_find(old, "x"), config_find(new, "x")),
			rows[i].change, "row: %s", rows[i].new);
		cr_expect_eq(spec_compare(config_find(new, "x"), config_find(old, "x")),
			rows[i].change, "row, reversed: %s", rows[i].new);
		free((void *)(uintptr_t) new);
		free((void *)(uintptr_t)old);
	}
}

/* A child of the block, to be damaged. */
static struct child_spec *of(struct config *cf, const char *path)
{
	return (struct child_spec *)(uintptr_t)config_find(cf, path);
}

/* Makes a reference lead where a good one leads. */
static void lead(rel *field, const void *target)
{
	*field = (rel)((const char *)target - (const char *)field);
}

static const void *argv_of(struct config *cf)
{
	return REL_GET(struct str_list, of(cf, "web")->argv);
}

static void nothing(struct config *cf)
{
	(void)cf;
}

static void worker_without_argv(struct config *cf)
{
	of(cf, "web")->argv = 0;
}

static void worker_with_sup(struct config *cf)
{
	lead(&of(cf, "web")->sup, spec_sup(of(cf, "s")));
}

static void link_of_two(struct config *cf)
{
	*(unsigned char *)&of(cf, "web")->link = 2;
}

static void code_without_link(struct config *cf)
{
	of(cf, "c")->link = false;
}

static void code_with_sup(struct config *cf)
{
	lead(&of(cf, "c")->sup, spec_sup(of(cf, "s")));
}

static void dynamic_with_argv(struct config *cf)
{
	lead(&of(cf, "d")->argv, argv_of(cf));
}

static void top_in_code(struct config *cf)
{
	lead(&cf->top.argv, argv_of(cf));
	cf->top.sup = 0;
	cf->top.link = true;
}

static void agent_without_initial(struct config *cf)
{
	of(cf, "v")->initial = 0;
}

static void agent_with_empty_initial(struct config *cf)
{
	struct child_spec *v = of(cf, "v");

	lead(&v->initial, REL_STR(v->initial) + strlen(REL_STR(v->initial)));
}

static void agent_with_two_lines(struct config *cf)
{
	((char *)(uintptr_t)REL_STR(of(cf, "v")->initial))[1] = '\n';
}

static void agent_with_argv(struct config *cf)
{
	lead(&of(cf, "v")->argv, argv_of(cf));
}

static void agent_with_sup(struct config *cf)
{
	lead(&of(cf, "v")->sup, spec_sup(of(cf, "s")));
}

static void agent_with_file_outside(struct config *cf)
{
	of(cf, "v")->file = (rel)cf->size;
}

static void registry_with_argv(struct config *cf)
{
	lead(&of(cf, "r")->argv, argv_of(cf));
}

static void registry_with_sup(struct config *cf)
{
	lead(&of(cf, "r")->sup, spec_sup(of(cf, "s")));
}

static void limit_in_the_place_of_the_mark(struct config *cf)
{
	struct attrs *a =
		(struct attrs *)(uintptr_t)REL_GET(struct attrs, of(cf, "web")->attrs);

	a->soft = 1 << RLIMIT_LOCKS;
}

static void watchdog_that_overflows(struct config *cf)
{
	struct probe_spec *p = (struct probe_spec *)(uintptr_t)REL_GET(
		struct probe_spec, of(cf, "web")->probe);

	p->interval_ns = KICK_DURATION_MAX + 1;
}

static void backoff_that_overflows(struct config *cf)
{
	of(cf, "web")->policy.backoff.max_ns = POLICY_INFINITY;
}

static void registry_of_a_third_kind(struct config *cf)
{
	of(cf, "r")->registry_keys = REGISTRY_DUPLICATE + 1;
}

Test(config_block, a_shape_that_no_type_has_is_refused, .timeout = 30)
{
	static const struct {
		const char *name;
		void (*damage)(struct config *cf);
		int r;
	} rows[] = {
		{ "nothing", nothing, 0 },
		{ "worker without argv", worker_without_argv, -EBADMSG },
		{ "worker with sup", worker_with_sup, -EBADMSG },
		{ "link of 2", link_of_two, -EBADMSG },
		{ "supervisor in code without link", code_without_link, -EBADMSG },
		{ "supervisor in code with sup", code_with_sup, -EBADMSG },
		{ "dynamic supervisor with argv", dynamic_with_argv, -EBADMSG },
		{ "top supervisor in code", top_in_code, -EBADMSG },
		{ "agent without initial", agent_without_initial, -EBADMSG },
		{ "agent with an empty initial", agent_with_empty_initial, -EBADMSG },
		{ "agent with a line's end", agent_with_two_lines, -EBADMSG },
		{ "agent with argv", agent_with_argv, -EBADMSG },
		{ "agent with sup", agent_with_sup, -EBADMSG },
		{ "agent with a file outside", agent_with_file_outside, -EBADMSG },
		{ "limit for locks", limit_in_the_place_of_the_mark, -EBADMSG },
		{ "probe for too long", watchdog_that_overflows, -EBADMSG },
		{ "backoff without end", backoff_that_overflows, -EBADMSG },
		{ "registry with argv", registry_with_argv, -EBADMSG },
		{ "registry with sup", registry_with_sup, -EBADMSG },
		{ "registry of a third kind", registry_of_a_third_kind, -EBADMSG },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t size;
		struct config *cf = (struct config *)(uintptr_t)load(tree, &size);

		rows[i].damage(cf);
		cr_expect_eq(
			config_verify(cf, size), rows[i].r, "row: %s", rows[i].name);
		free(cf);
	}
}

/* Its reader has so much room and no more. */
Test(config_block, a_path_of_a_probe_that_is_too_long_is_refused, .timeout = 30)
{
	char text[2 * KICK_PROBE_TARGET_MAX];
	const struct env_list *env;
	struct probe_spec *p;
	struct config *cf;
	size_t size;

	(void)snprintf(text, sizeof text,
		"{ \"env\": { \"A\": \"%0*d\" }, \"children\": [ { \"id\": \"web\", "
		"\"start\": \"w\", \"health\": { \"http\": \"http://[::1]/\" } } ] }",
		KICK_PROBE_TARGET_MAX + 1, 0);
	cf = (struct config *)(uintptr_t)load(text, &size);
	env = REL_GET(struct env_list, cf->env);
	p = (struct probe_spec *)(uintptr_t)REL_GET(
		struct probe_spec, of(cf, "web")->health);
	lead(&p->path, REL_STR(env->at[0].value) + 1);
	cr_expect_eq(config_verify(cf, size), 0);
	lead(&p->path, REL_STR(env->at[0].value));
	cr_expect_eq(config_verify(cf, size), -EBADMSG);
	free(cf);
}

#define SUP(flags, children)                                                           \
	"{ \"id\": \"s\", \"type\": \"supervisor\"" flags ", \"children\": [" children \
	"] }"
#define CHILD(id, start) "{ \"id\": \"" id "\", \"start\": \"" start "\" }"
#define TOP(flags, children) \
	"{ \"name\": \"shop\"" flags ", \"children\": [" children "] }"

Test(config_block, the_plan_says_what_a_reload_does, .timeout = 30)
{
	static const char old_text[] = TOP(
		"", CHILD("web", "1") "," SUP("", CHILD("a", "1") "," CHILD("b", "1")));
	static const struct {
		const char *name, *text, *plan;
	} rows[] = {
		{ "nothing", old_text, "" },
		{ "added, deleted and changed",
			TOP("", CHILD("new", "1") "," SUP("", CHILD("a", "2"))),
			"- web\n+ new\n- s/b\n~ s/a\n" },
		{ "a supervisor with all below it",
			TOP("",
				CHILD("web", "1") "," SUP(
					"", CHILD("c", "1") "," CHILD("d", "1"))),
			"- s/a\n- s/b\n+ s/c\n+ s/d\n" },
		{ "a supervisor goes as one line", TOP("", CHILD("web", "1")),
			"- s\n" },
		{ "keys of a supervisor",
			TOP("",
				CHILD("web", "1") "," SUP(
					", \"strategy\": \"one_for_all\"",
					CHILD("a", "1") "," CHILD("b", "1"))),
			"= s\n" },
		{ "keys of the top supervisor",
			TOP(", \"max_restarts\": 4",
				CHILD("web", "1") "," SUP(
					"", CHILD("a", "1") "," CHILD("b", "1"))),
			"= shop\n" },
		{ "keys of the application",
			TOP(", \"on_give_up\": \"restart\"",
				CHILD("web", "1") "," SUP(
					"", CHILD("a", "1") "," CHILD("b", "1"))),
			"= shop\n" },
		{ "order",
			TOP("",
				CHILD("web", "1") "," SUP(
					"", CHILD("b", "1") "," CHILD("a", "1"))),
			"= s\n" },
		{ "environment of all",
			TOP(", \"env\": { \"A\": 1 }",
				CHILD("web", "1") "," SUP(
					"", CHILD("a", "1") "," CHILD("b", "1"))),
			"~ web\n~ s/a\n~ s/b\n" },
		{ "a supervisor's children go into code",
			TOP("",
				CHILD("web",
					"1") ","
					     "{ \"id\": \"s\", \"type\": \"supervisor\", "
					     "\"start\": \"s\" }"),
			"~ s\n" },
		{ "a worker becomes a supervisor",
			TOP("",
				"{ \"id\": \"web\", \"type\": \"supervisor\", "
				"\"children\": [" CHILD("x", "1") "] }," SUP(
					"", CHILD("a", "1") "," CHILD("b", "1"))),
			"~ web\n" },
	};
	size_t size;
	const struct config *old = load(old_text, &size);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct config *new = load(rows[i].text, &size);
		struct buf plan;
		unsigned lines = 0;

		for (const char *p = rows[i].plan; *p; p++)
			lines += *p == '\n';
		buf_init(&plan, 0);
		cr_expect_eq(
			config_plan(old, new, &plan), lines, "row: %s", rows[i].name);
		cr_expect_str_eq(
			buf_text(&plan), rows[i].plan, "row: %s", rows[i].name);
		buf_done(&plan);
		free((void *)(uintptr_t) new);
	}
	free((void *)(uintptr_t)old);
}

/* Agents and registries run no program, so no variable shapes them. */
Test(config_block, the_environment_shapes_programs_only, .timeout = 30)
{
	static const char children[] =
		"\"children\": [ { \"id\": \"v\", \"type\": \"agent\" }, "
		"{ \"id\": \"r\", \"type\": \"registry\" }, "
		"{ \"id\": \"c\", \"type\": \"supervisor\", \"start\": \"c\" } ]";
	char text[400];
	const struct config *old, *new;
	struct buf plan;
	size_t size;

	(void)snprintf(text, sizeof text, "{ %s }", children);
	old = load(text, &size);
	(void)snprintf(text, sizeof text, "{ \"env\": { \"A\": 1 }, %s }", children);
	new = load(text, &size);
	buf_init(&plan, 0);
	cr_expect_eq(config_plan(old, new, &plan), 1);
	cr_expect_str_eq(buf_text(&plan), "~ c\n");
	buf_done(&plan);
	free((void *)(uintptr_t) new);
	free((void *)(uintptr_t)old);
}
