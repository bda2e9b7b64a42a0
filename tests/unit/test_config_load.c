/* What the loader makes of a text: defaults, values, order, limits. Each test has a
 * directory of its own. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/macro.h"
#include "config/load.h"

static char dir[] = "/tmp/kick-config-XXXXXX";
static struct buf diag;
static void *block;
static size_t block_size;

static void set_up(void)
{
	cr_assert_not_null(mkdtemp(dir));
	cr_assert_eq(chdir(dir), 0);
	buf_init(&diag, 0);
}

static void tear_down(void)
{
	char command[100];

	(void)snprintf(command, sizeof command, "rm -rf '%s'", dir);
	cr_assert_eq(system(command), 0);
	buf_done(&diag);
	free(block);
}

TestSuite(config_load, .init = set_up, .fini = tear_down, .timeout = 30);

static void write_bytes(const char *file, const char *text, size_t len)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	cr_assert(fd >= 0);
	cr_assert_eq(fd_write_all(fd, text, len), 0);
	fd_close(fd);
}

static void write_file(const char *file, const char *text)
{
	write_bytes(file, text, strlen(text));
}

static int load_result(const char *text)
{
	write_file("shop.json", text);
	buf_clear(&diag);
	return config_load("shop.json", &diag, &block, &block_size);
}

static const struct config *load(const char *text)
{
	free(block);
	block = NULL;
	cr_assert_eq(load_result(text), 0, "%s", buf_text(&diag));
	return block;
}

static const struct child_spec *load_child(const char *keys)
{
	struct buf text;
	const struct config *cf;

	buf_init(&text, 0);
	buf_addf(&text,
		"{ \"max_restarts\": 3, \"children\": [{ \"id\": \"x\", %s }] }", keys);
	cf = load(buf_text(&text));
	buf_done(&text);
	return config_find(cf, "x");
}

static const char *in_dir(const char *name)
{
	static char path[200];

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

Test(config_load, an_empty_object_has_all_defaults)
{
	const struct config *cf = load("{}");
	const struct sup_policy *p = &spec_sup(&cf->top)->policy;

	cr_expect_str_eq(REL_STR(cf->name), "shop");
	cr_expect_str_eq(REL_STR(cf->top.id), "shop");
	cr_expect_str_eq(REL_STR(cf->file), in_dir("shop.json"));
	cr_expect_null(REL_GET(struct env_list, cf->env));
	cr_expect_eq(cf->on_give_up, GIVE_UP_EXIT);
	cr_expect_eq(cf->shutdown_ns, POLICY_INFINITY);
	cr_expect_eq(cf->control_mode, 0600);
	cr_expect_eq(cf->control_group, 0);
	cr_expect_eq(cf->top.policy.type, CHILD_SUPERVISOR);
	cr_expect_eq(cf->top.policy.shutdown_ns, POLICY_INFINITY);
	cr_expect_eq(p->strategy, STRATEGY_ONE_FOR_ONE);
	cr_expect_eq(p->auto_shutdown, AUTO_NEVER);
	cr_expect_eq(p->max_restarts, 3);
	cr_expect_eq(p->max_seconds_ns, 5 * SEC_NS);
	cr_expect_eq(p->max_children, POLICY_NO_LIMIT);
	cr_expect_not(p->dynamic);
}

Test(config_load, a_worker_has_all_defaults)
{
	const struct child_spec *c = load_child("\"start\": [\"a\", \"b\"]");
	const struct str_list *argv = REL_GET(struct str_list, c->argv);

	cr_expect_eq(argv->n, 2);
	cr_expect_str_eq(str_list_at(argv, 1), "b");
	cr_expect_not(c->shell);
	cr_expect_eq(c->policy.type, CHILD_WORKER);
	cr_expect_eq(c->policy.restart, RESTART_PERMANENT);
	cr_expect_eq(c->policy.shutdown_ns, 5 * SEC_NS);
	cr_expect_eq(c->policy.start_timeout_ns, 30 * SEC_NS);
	cr_expect(c->policy.autostart && !c->policy.significant && !c->policy.oneshot);
	cr_expect_eq(c->policy.backoff.initial_ns, 0);
	cr_expect_eq(c->ready, READY_EXEC);
	cr_expect_eq(c->kill_mode, KILL_MIXED);
	cr_expect_eq(c->stop_signal, SIGTERM);
	cr_expect_eq(c->stdio[0].kind, STDIO_NULL);
	cr_expect_eq(c->stdio[1].kind, STDIO_LOG);
	cr_expect_eq(c->stdio[2].kind, STDIO_LOG);
	cr_expect(!c->cwd && !c->env && !c->env_file && !c->user && !c->success &&
		!c->has_umask && !c->sup);
	cr_expect_str_eq(REL_STR(c->where), "shop.json:1");
}

Test(config_load, a_text_as_start_is_for_the_shell)
{
	const struct child_spec *c = load_child("\"start\": \"echo $HOME ${\"");
	const struct str_list *argv = REL_GET(struct str_list, c->argv);

	cr_expect(c->shell);
	cr_expect_eq(argv->n, 3);
	cr_expect_str_eq(str_list_at(argv, 0), "/bin/sh");
	cr_expect_str_eq(str_list_at(argv, 2), "echo $HOME ${");
	cr_expect_eq(c->kill_mode, KILL_GROUP);
	c = load_child("\"start\": \"x\", \"kill_mode\": \"mixed\"");
	cr_expect_eq(c->kill_mode, KILL_MIXED);
}

Test(config_load, a_one_shot_is_transient_and_may_take_for_ever)
{
	const struct child_spec *c =
		load_child("\"start\": [\"a\"], \"ready\": { \"exit\": true }");

	cr_expect(c->policy.oneshot);
	cr_expect_eq(c->ready, READY_EXIT);
	cr_expect_eq(c->policy.restart, RESTART_TRANSIENT);
	cr_expect_eq(c->policy.start_timeout_ns, POLICY_INFINITY);
	c = load_child("\"start\": [\"a\"], \"ready\": { \"exit\": true }, "
		       "\"restart\": \"temporary\", \"start_timeout\": \"2m\"");
	cr_expect_eq(c->policy.restart, RESTART_TEMPORARY);
	cr_expect_eq(c->policy.start_timeout_ns, 120 * SEC_NS);
}

Test(config_load, a_probe_has_its_address_and_its_defaults)
{
	const struct child_spec *c = load_child(
		"\"start\": [\"a\"], \"ready\": { \"tcp\": \"127.0.0.2:80\" }, "
		"\"health\": { \"http\": \"http://[::1]?x\" }");
	const struct probe_spec *p = REL_GET(struct probe_spec, c->probe);
	const struct probe_spec *h = REL_GET(struct probe_spec, c->health);

	cr_expect_eq(c->ready, READY_PROBE);
	cr_expect_eq(p->kind, PROBE_TCP);
	cr_expect_eq(p->family, 4);
	cr_expect_eq(memcmp(p->ip, "\x7f\0\0\2", 4), 0);
	cr_expect_eq(p->port, 80);
	cr_expect_eq(p->interval_ns, SEC_NS);
	cr_expect_eq(p->timeout_ns, SEC_NS);
	cr_expect_eq(h->kind, PROBE_HTTP);
	cr_expect_eq(h->family, 6);
	cr_expect_eq(h->port, 80);
	cr_expect_str_eq(REL_STR(h->host), "[::1]");
	cr_expect_str_eq(REL_STR(h->path), "/?x");
	cr_expect_eq(h->interval_ns, 10 * SEC_NS);
	cr_expect_eq(h->timeout_ns, 5 * SEC_NS);
	cr_expect_eq(h->retries, 3);
	c = load_child("\"start\": [\"a\"], \"health\": { \"watchdog\": \"2s\" }");
	h = REL_GET(struct probe_spec, c->health);
	cr_expect_eq(c->ready, READY_EXEC);
	cr_expect(!c->probe);
	cr_expect_eq(h->kind, PROBE_WATCHDOG);
	cr_expect_eq(h->interval_ns, 2 * SEC_NS);
}

Test(config_load, supervisors_get_all_the_time_they_need)
{
	const struct child_spec *c = load_child("\"type\": \"supervisor\"");

	cr_expect_eq(c->policy.shutdown_ns, POLICY_INFINITY);
	cr_expect_eq(c->policy.start_timeout_ns, POLICY_INFINITY);
	cr_expect_eq(spec_sup(c)->n_children, 0);
	c = load_child("\"type\": \"dynamic_supervisor\", \"max_children\": 4, "
		       "\"child\": { \"start\": [\"job\"] }");
	cr_expect(spec_sup(c)->policy.dynamic);
	cr_expect_eq(spec_sup(c)->policy.max_children, 4);
	cr_expect_eq(REL_GET(struct child_spec, spec_sup(c)->template)->id, 0);
}

/* OTP.md PART-1. */
Test(config_load, a_partition_supervisor_has_copies_of_its_child)
{
	const struct child_spec *c = load_child(
		"\"type\": \"partition_supervisor\", \"partitions\": 3, "
		"\"child\": { \"start\": [\"a\", \"${PARTITION}-$${PARTITION}\"], "
		"\"env\": { \"X\": \"1\" } }");
	const struct child_spec *last;
	const struct env_list *env;

	cr_assert_eq(spec_sup(c)->n_children, 3);
	cr_expect_eq(c->policy.shutdown_ns, POLICY_INFINITY);
	last = spec_find(spec_sup(c), "2");
	cr_assert_not_null(last);
	cr_expect_str_eq(str_list_at(REL_GET(struct str_list, last->argv), 1),
		"2-$${PARTITION}");
	env = REL_GET(struct env_list, last->env);
	cr_assert_eq(env->n, 2);
	cr_expect_str_eq(REL_STR(env->at[0].key), "PARTITION");
	cr_expect_str_eq(REL_STR(env->at[0].value), "2");
	c = load_child("\"type\": \"partition_supervisor\", "
		       "\"child\": { \"start\": \"a\" }");
	cr_expect_gt(spec_sup(c)->n_children, 0, "one for each processor");
}

Test(config_load, a_partition_within_another_has_the_inner_number)
{
	const struct child_spec *c = load_child(
		"\"type\": \"partition_supervisor\", \"partitions\": 1, \"child\": { "
		"\"type\": \"partition_supervisor\", \"partitions\": 2, \"child\": { "
		"\"start\": [\"a\", \"${PARTITION}\"], "
		"\"env\": { \"PARTITION\": \"mine\" } } }");
	const struct child_spec *inner;
	const struct env_list *env;

	inner = spec_find(spec_sup(spec_find(spec_sup(c), "0")), "1");
	cr_expect_str_eq(str_list_at(REL_GET(struct str_list, inner->argv), 1), "1");
	env = REL_GET(struct env_list, inner->env);
	cr_assert_eq(env->n, 1, "a variable that is set stays");
	cr_expect_str_eq(REL_STR(env->at[0].value), "mine");
}

Test(config_load, durations_are_nanoseconds)
{
	static const struct {
		const char *text;
		int64_t ns;
	} rows[] = {
		{ "\"250ms\"", 250 * MSEC_NS },
		{ "\"1.5s\"", 1500 * MSEC_NS },
		{ "\"0s\"", 0 },
		{ "0", 0 },
		{ "2000", 2 * SEC_NS },
		{ "\"infinity\"", POLICY_INFINITY },
		{ "\"brutal_kill\"", POLICY_BRUTAL_KILL },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char keys[100];

		(void)snprintf(keys, sizeof keys, "\"start\": \"x\", \"shutdown\": %s",
			rows[i].text);
		cr_expect_eq(load_child(keys)->policy.shutdown_ns, rows[i].ns,
			"row: %s", rows[i].text);
		cr_expect_eq(diag.len, 0, "row: %s: %s", rows[i].text, buf_text(&diag));
	}
}

Test(config_load, a_small_bare_shutdown_is_accepted_with_a_warning)
{
	const struct child_spec *c = load_child("\"start\": \"x\", \"shutdown\": 10");

	cr_expect_eq(c->policy.shutdown_ns, 10 * MSEC_NS);
	cr_expect(strstr(buf_text(&diag), "warning: 10 is 10 milliseconds; \"10s\"?"));
}

Test(config_load, max_seconds_may_be_a_fraction)
{
	const struct config *cf =
		load("{ \"max_seconds\": 0.25, \"max_restarts\": \"infinity\" }");

	cr_expect_eq(spec_sup(&cf->top)->policy.max_seconds_ns, 250 * MSEC_NS);
	cr_expect_eq(spec_sup(&cf->top)->policy.max_restarts, POLICY_NO_LIMIT);
}

Test(config_load, backoff_has_defaults_of_its_own)
{
	const struct backoff *b =
		&load_child("\"start\": \"x\", \"backoff\": { \"max\": \"1m\" }")
			 ->policy.backoff;

	cr_expect_eq(b->initial_ns, SEC_NS);
	cr_expect_eq(b->max_ns, 60 * SEC_NS);
	cr_expect_eq(b->reset_after_ns, 60 * SEC_NS);
	cr_expect_float_eq(b->factor, 2.0, 1e-12);
	cr_expect_float_eq(b->jitter, 0.1, 1e-12);
}

Test(config_load, variables_keep_the_text_of_their_values)
{
	const struct child_spec *c =
		load_child("\"start\": \"x\", \"env\": { \"A\": \"t\", "
			   "\"B\": 1.50, \"C\": true, \"D\": null }");
	const struct env_list *env = REL_GET(struct env_list, c->env);

	cr_assert_eq(env->n, 4);
	cr_expect_str_eq(REL_STR(env->at[0].value), "t");
	cr_expect_str_eq(REL_STR(env->at[1].value), "1.50");
	cr_expect_str_eq(REL_STR(env->at[2].value), "true");
	cr_expect_str_eq(REL_STR(env->at[3].key), "D");
	cr_expect_eq(env->at[3].value, 0);
}

Test(config_load, paths_are_relative_to_the_file)
{
	const struct child_spec *c;
	const struct str_list *files;

	c = load_child(
		"\"start\": \"x\", \"cwd\": \"./data\", \"stdout\": \"file:out\", "
		"\"stderr\": \"file:/abs\", \"env_file\": [\"a.env\", \"-b.env\"]");
	cr_expect_str_eq(REL_STR(c->cwd), in_dir("data"));
	cr_expect_str_eq(REL_STR(c->stdio[1].path), in_dir("out"));
	cr_expect_str_eq(REL_STR(c->stdio[2].path), "/abs");
	files = REL_GET(struct str_list, c->env_file);
	cr_expect_str_eq(str_list_at(files, 0), in_dir("a.env"));
	cr_expect_eq(str_list_at(files, 1)[0], '-');
	cr_expect_str_eq(str_list_at(files, 1) + 1, in_dir("b.env"));
	c = load_child("\"start\": \"x\", \"cwd\": \"${HOME}/x\"");
	cr_expect_str_eq(REL_STR(c->cwd), "${HOME}/x");
}

Test(config_load, a_dollar_in_the_directory_is_not_expanded)
{
	const struct config *cf;

	cr_assert_eq(mkdir("a$b", 0755), 0);
	write_file("a$b/shop.json",
		"{ \"children\": [{ \"id\": \"x\", \"start\": \"x\", "
		"\"cwd\": \"data\" }] }");
	cr_assert_eq(config_load("a$b/shop.json", &diag, &block, &block_size), 0);
	cf = block;
	cr_expect_str_eq(REL_STR(config_find(cf, "x")->cwd), in_dir("a$$b/data"));
}

Test(config_load, a_user_brings_groups_and_home)
{
	const struct child_spec *c = load_child("\"start\": \"x\", \"user\": \"root\"");
	const struct user_spec *u = REL_GET(struct user_spec, c->user);
	const struct passwd *root = getpwuid(0);

	cr_expect(u->has_uid && u->has_gid && u->has_groups);
	cr_expect_eq(u->uid, 0);
	cr_expect_eq(u->gid, root->pw_gid);
	cr_expect_str_eq(REL_STR(u->name), "root");
	cr_expect_str_eq(REL_STR(u->home), root->pw_dir);
	cr_expect_geq(u->n_groups, 1);
	c = load_child(
		"\"start\": \"x\", \"user\": \"0\", \"group\": \"77\", \"groups\": []");
	u = REL_GET(struct user_spec, c->user);
	cr_expect_eq(u->gid, 77);
	cr_expect(u->has_groups && u->n_groups == 0);
	cr_expect_str_eq(REL_STR(u->name), "root");
	c = load_child("\"start\": \"x\", \"user\": \"3999999999\", \"group\": \"5\"");
	u = REL_GET(struct user_spec, c->user);
	cr_expect_eq(u->uid, 3999999999u);
	cr_expect_eq(u->name, 0);
}

Test(config_load, success_exit_is_a_set)
{
	const struct child_spec *c = load_child(
		"\"start\": \"x\", \"success_exit\": [3, 255, \"TERM\", \"SIGHUP\"]");
	const struct success_spec *s = REL_GET(struct success_spec, c->success);

	cr_expect_eq(s->codes[0], UINT64_C(1) << 3);
	cr_expect_eq(s->codes[3], UINT64_C(1) << 63);
	cr_expect_eq(s->signals, UINT64_C(1) << SIGTERM | UINT64_C(1) << SIGHUP);
}

Test(config_load, a_control_group_may_use_the_sockets)
{
	const struct config *cf = load("{ \"control\": { \"group\": \"42\" } }");

	cr_expect_eq(*REL_GET(uint32_t, cf->control_group), 42);
	cr_expect_eq(cf->control_mode, 0660);
	cf = load("{ \"control\": { \"readers\": \"43\", \"mode\": \"0640\" } }");
	cr_expect_eq(*REL_GET(uint32_t, cf->control_readers), 43);
	cr_expect_eq(cf->control_mode, 0640);
}

static void expect_order(const struct config *cf, const char *ids)
{
	const struct sup_spec *sup = spec_sup(&cf->top);
	char got[200] = "";

	for (uint32_t i = 0; i < sup->n_children; i++) {
		(void)strcat(got, REL_STR(spec_child(sup, i)->id));
		(void)strcat(got, " ");
	}
	cr_expect_str_eq(got, ids);
}

Test(config_load, included_children_follow_in_byte_order)
{
	const struct config *cf;

	cr_assert_eq(mkdir("conf.d", 0755), 0);
	write_file("conf.d/b.json",
		"[{ \"id\": \"b\", \"start\": \"x\", \"cwd\": \"sub\" }]");
	write_file("conf.d/Z.json", "[{ \"id\": \"Z\", \"start\": \"x\" }]");
	write_file("conf.d/a.json",
		"{ \"children\": [{ \"id\": \"a\", \"start\": \"x\" }], "
		"\"env\": { \"FROM\": \"a\" } }");
	write_file("last.json", "[{ \"id\": \"last\", \"start\": \"x\" }]");
	cf = load("{ \"include\": [\"conf.d/*.json\", \"none.d/*\", \"last.json\"],"
		  "\"env\": { \"OWN\": 1 },"
		  "\"children\": [{ \"id\": \"own\", \"start\": \"x\" }] }");
	expect_order(cf, "own Z a b last ");
	cr_expect_str_eq(REL_STR(config_find(cf, "b")->cwd), in_dir("conf.d/sub"));
	cr_expect_str_eq(REL_STR(config_find(cf, "b")->where), "conf.d/b.json:1");
	cr_expect_eq(REL_GET(struct env_list, cf->env)->n, 2);
}

Test(config_load, the_directory_of_a_pattern_is_taken_literally)
{
	cr_assert_eq(mkdir("[x]*", 0755), 0);
	write_file("[x]*/one.json", "[{ \"id\": \"one\", \"start\": \"x\" }]");
	write_file("[x]*/main.json", "{ \"include\": [\"o*.json\"] }");
	cr_assert_eq(config_load("[x]*/main.json", &diag, &block, &block_size), 0, "%s",
		buf_text(&diag));
	expect_order(block, "one ");
}

Test(config_load, comments_leave_positions_right)
{
	cr_expect_eq(
		load_result("/* é */ { // \"name\": 1\n\t/* \"*\" // */ \"name\": 5 }"),
		-EINVAL);
	cr_expect_str_eq(buf_text(&diag),
		"shop.json:2:23: error: \"name\" must be a string, not 5 [.name]\n");
}

Test(config_load, a_file_that_is_too_big_is_refused)
{
	char *text = malloc(KICK_CONFIG_MAX + 2);

	cr_assert_not_null(text);
	memset(text, ' ', KICK_CONFIG_MAX + 1);
	text[0] = '{';
	text[1] = '}';
	write_bytes("shop.json", text, KICK_CONFIG_MAX + 1);
	cr_expect_eq(config_load("shop.json", &diag, &block, &block_size), -EFBIG);
	cr_expect(strstr(buf_text(&diag), "KICK_CONFIG_MAX"));
	write_bytes("shop.json", text, KICK_CONFIG_MAX);
	cr_expect_eq(config_load("shop.json", &diag, &block, &block_size), 0);
	free(text);
}

Test(config_load, the_limit_of_children_is_named)
{
	struct buf text;

	buf_init(&text, 0);
	buf_adds(&text, "{ \"children\": [");
	for (int i = 0; i < KICK_CHILDREN_MAX; i++)
		buf_addf(&text, "%s{\"id\":\"c%d\",\"start\":\"x\"}", i > 0 ? "," : "",
			i);
	buf_adds(&text, "] }");
	cr_expect_eq(
		spec_sup(&load(buf_text(&text))->top)->n_children, KICK_CHILDREN_MAX);
	cr_expect_eq(config_verify(block, block_size), 0);
	text.len -= 3;
	buf_adds(&text, ",{\"id\":\"more\",\"start\":\"x\"}] }");
	cr_expect_eq(load_result(buf_text(&text)), -EINVAL);
	cr_expect(strstr(buf_text(&diag), "20000 (KICK_CHILDREN_MAX)"));
	buf_done(&text);
}

Test(config_load, thousands_of_mistakes_are_counted)
{
	struct buf text;

	buf_init(&text, 0);
	buf_adds(&text, "{ \"children\": [");
	for (int i = 0; i < 5000; i++)
		buf_addf(&text, "%s{\"id\":\"c%d\"}", i > 0 ? ",\n" : "", i);
	buf_adds(&text, "] }");
	cr_expect_eq(load_result(buf_text(&text)), -EINVAL);
	cr_expect(strstr(buf_text(&diag), "... and 4980 more\n"));
	buf_done(&text);
}

Test(config_load, warnings_never_hide_an_error)
{
	struct buf text;

	buf_init(&text, 0);
	buf_adds(&text, "{ \"children\": [");
	for (int i = 0; i < 30; i++)
		buf_addf(
			&text, "{\"id\":\"c%d\",\"start\":\"x\",\"shutdown\":5},\n", i);
	buf_adds(&text, "{\"id\":\"last\"}] }");
	cr_expect_eq(load_result(buf_text(&text)), -EINVAL);
	cr_expect(strstr(buf_text(&diag), "no \"start\""));
	cr_expect(strstr(buf_text(&diag), "... and 11 more\n"));
	buf_done(&text);
}
