/* One specification, as `kick add` sends it, alone and over a template. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/buf.h"
#include "base/macro.h"
#include "config/load.h"

static const struct sup_policy plain = { .states_max_restarts = true };
static struct buf diag;
static void *block;
static void *template_block;
static size_t block_size;

static void set_up(void)
{
	buf_init(&diag, 0);
}

static void tear_down(void)
{
	free(block);
	free(template_block);
	buf_done(&diag);
}

TestSuite(config_child, .init = set_up, .fini = tear_down, .timeout = 10);

static int result(const char *text, const struct child_spec *template, bool need_id)
{
	free(block);
	block = NULL;
	buf_clear(&diag);
	return config_load_child(text, strlen(text), "/srv", &plain, template, need_id,
		&diag, &block, &block_size);
}

static const struct child_spec *child(
	const char *text, const struct child_spec *template)
{
	cr_assert_eq(result(text, template, false), 0, "%s: %s", text, buf_text(&diag));
	return spec_block_child(block);
}

/* The template of a dynamic supervisor. */
static const struct child_spec *make_template(const char *keys)
{
	struct buf text;
	const struct sup_spec *sup;
	int r;

	buf_init(&text, 0);
	buf_addf(&text,
		"{ \"id\": \"d\", \"type\": \"dynamic_supervisor\", "
		"\"max_restarts\": 9, \"child\": { %s } }",
		keys);
	r = config_load_child(buf_text(&text), text.len, "/tpl", &plain, NULL, true,
		&diag, &template_block, &block_size);
	cr_assert_eq(r, 0, "%s", buf_text(&diag));
	buf_done(&text);
	sup = spec_sup(spec_block_child(template_block));
	return REL_GET(struct child_spec, sup->template);
}

Test(config_child, a_whole_specification_is_taken)
{
	const struct child_spec *c = child(
		"{ \"id\": \"web\", \"start\": [\"web\"], \"cwd\": \"x\" }", NULL);

	cr_expect_str_eq(REL_STR(c->id), "web");
	cr_expect_str_eq(REL_STR(c->cwd), "/srv/x");
	cr_expect_str_eq(REL_STR(c->where), "SPEC:1");
	cr_expect_eq(c->policy.shutdown_ns, 5 * SEC_NS);
}

Test(config_child, a_supervisor_comes_with_its_children)
{
	const struct child_spec *c =
		child("{ \"id\": \"s\", \"type\": \"supervisor\", \"children\": ["
		      "{ \"id\": \"a\", \"start\": \"x\" }] }",
			NULL);

	cr_assert_eq(spec_sup(c)->n_children, 1);
	cr_expect_str_eq(REL_STR(spec_child(spec_sup(c), 0)->id), "a");
}

Test(config_child, mistakes_name_the_text)
{
	static const struct {
		const char *text, *wanted;
	} rows[] = {
		{ "", "SPEC:1:1: error: the text is empty\n" },
		{ "[]", "SPEC:1:1: error: a child must be an object, not an array\n" },
		{ "{ \"start\": \"x\" }",
			"SPEC:1:1: error: this child has no \"id\"\n" },
		{ "{ \"id\": \"a\" }",
			"SPEC:1:1: error: this child has no \"start\"\n" },
		{ "{ \"id\": \"a\", \"start\": \"x\", \"id\": \"b\" }",
			"SPEC:1:28: error: key \"id\" is already given at line 1 "
			"[.id]\n" },
		{ "{ \"id\": \"a\", \"start\": \"x\", \"args\": [] }",
			"SPEC:1:28: error: \"args\" is only for a child that a "
			"dynamic_supervisor makes from its template [.args]\n" },
		{ "{ \"id\": \"a\", \"start\": \"x\", \"significant\": true, "
		  "\"restart\": \"transient\" }",
			"SPEC:1:43: error: a significant child needs a supervisor "
			"whose "
			"auto_shutdown is any_significant or all_significant "
			"[.significant]\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cr_expect_eq(result(rows[i].text, NULL, true), -EINVAL, "row: %s",
			rows[i].text);
		cr_expect_str_eq(
			buf_text(&diag), rows[i].wanted, "row: %s", rows[i].text);
		cr_expect_null(block);
	}
}

Test(config_child, significant_depends_on_the_supervisor)
{
	static const char text[] =
		"{ \"id\": \"a\", \"start\": \"x\", \"significant\": true, "
		"\"restart\": \"transient\" }";
	struct sup_policy sup = { .auto_shutdown = AUTO_ALL_SIGNIFICANT };

	cr_expect_eq(config_load_child(text, strlen(text), "/", &sup, NULL, true, &diag,
			     &block, &block_size),
		0);
	cr_expect(spec_block_child(block)->policy.significant);
}

Test(config_child, a_dynamic_child_needs_no_id)
{
	cr_expect_eq(child("{ \"start\": [\"x\"] }", NULL)->id, 0);
}

Test(config_child, the_template_gives_what_the_text_does_not)
{
	const struct child_spec *t = make_template(
		"\"start\": [\"job\", \"-v\"], \"restart\": \"temporary\", "
		"\"shutdown\": \"9s\", "
		"\"env\": { \"A\": \"1\" }, \"cwd\": \"run\", \"umask\": \"027\", "
		"\"stop_signal\": \"INT\", \"success_exit\": [7], \"env_file\": "
		"\"-e\", "
		"\"group\": \"5\", \"backoff\": {}, \"stdout\": \"file:o\", "
		"\"reload_signal\": \"HUP\", \"nice\": 3, \"oom_score_adj\": 4, \"no_new_privileges\": true, "
		"\"limits\": { \"core\": 0, \"nofile\": 9 }, \"capabilities\": [\"kill\"], "
		"\"ready\": { \"fd\": 4 }");
	const struct child_spec *c = child("{}", t);

	cr_expect_eq(spec_compare(c, t), SPEC_SAME);
	cr_expect_str_eq(REL_STR(c->cwd), "/tpl/run");
	c = child(
		"{ \"id\": \"own\", \"env\": { \"B\": \"2\" }, \"shutdown\": \"1s\" }",
		t);
	cr_expect_str_eq(REL_STR(c->id), "own");
	cr_expect_eq(c->policy.shutdown_ns, SEC_NS);
	cr_expect_eq(c->policy.restart, RESTART_TEMPORARY);
	cr_expect_eq(REL_GET(struct env_list, c->env)->n, 1);
	cr_expect_str_eq(REL_STR(REL_GET(struct env_list, c->env)->at[0].key), "B");
	cr_expect_eq(c->stop_signal, SIGINT);
	c = child("{ \"limits\": { \"nofile\": 8 }, \"nice\": 0 }", t);
	cr_expect_eq(REL_GET(struct attrs, c->attrs)->soft, 1 << RLIMIT_NOFILE);
	cr_expect_eq(REL_GET(struct attrs, c->attrs)->nice, 0);
	cr_expect_eq(REL_GET(struct attrs, c->attrs)->oom_score_adj, 4);
}

Test(config_child, args_are_appended_to_start)
{
	const struct child_spec *t = make_template("\"start\": [\"job\", \"-v\"]");
	const struct child_spec *c = child("{ \"args\": [\"one\", \"${X}\"] }", t);
	const struct str_list *argv = REL_GET(struct str_list, c->argv);

	cr_assert_eq(argv->n, 4);
	cr_expect_str_eq(str_list_at(argv, 1), "-v");
	cr_expect_str_eq(str_list_at(argv, 3), "${X}");
	c = child("{ \"args\": [\"one\"], \"start\": [\"other\"] }", t);
	argv = REL_GET(struct str_list, c->argv);
	cr_assert_eq(argv->n, 2);
	cr_expect_str_eq(str_list_at(argv, 0), "other");
	cr_expect_eq(result("{ \"args\": [\"a\"], \"start\": \"text\" }", t, false),
		-EINVAL);
	cr_expect(strstr(buf_text(&diag), "\"args\" needs a start that is an array"));
}

Test(config_child, defaults_follow_the_shape_of_the_new_child)
{
	const struct child_spec *t = make_template("\"start\": \"text for the shell\"");
	const struct child_spec *c = child("{ \"start\": [\"x\"] }", t);

	cr_expect_eq(t->kill_mode, KILL_GROUP);
	cr_expect_eq(c->kill_mode, KILL_MIXED);
	cr_expect_not(c->shell);
	c = child("{ \"ready\": { \"exit\": true } }", t);
	cr_expect_eq(c->policy.restart, RESTART_TRANSIENT);
	cr_expect_eq(c->policy.start_timeout_ns, POLICY_INFINITY);
	cr_expect_eq(c->kill_mode, KILL_GROUP);
}

Test(config_child, a_template_without_start_leaves_it_to_the_child)
{
	const struct child_spec *t = make_template("\"restart\": \"temporary\"");

	cr_expect_eq(
		child("{ \"start\": [\"x\"] }", t)->policy.restart, RESTART_TEMPORARY);
	cr_expect_eq(result("{}", t, false), -EINVAL);
	cr_expect(strstr(buf_text(&diag), "no \"start\""));
}

Test(config_child, the_type_is_the_templates)
{
	const struct child_spec *t = make_template(
		"\"type\": \"supervisor\", \"strategy\": \"rest_for_one\", "
		"\"children\": ["
		"{ \"id\": \"a\", \"start\": \"x\", \"env\": { \"K\": null } },"
		"{ \"id\": \"d\", \"type\": \"dynamic_supervisor\", \"child\": {} }]");
	const struct child_spec *c = child("{ \"id\": \"s1\" }", t);

	cr_assert_eq(spec_sup(c)->n_children, 2);
	cr_expect_eq(spec_sup(c)->policy.strategy, STRATEGY_REST_FOR_ONE);
	cr_expect_eq(spec_compare(c, t), SPEC_SAME);
	cr_expect_eq(result("{ \"type\": \"worker\", \"start\": \"x\" }", t, false),
		-EINVAL);
	cr_expect(strstr(
		buf_text(&diag), "the template's children are of type supervisor"));
}

Test(config_child, a_linked_worker_is_a_worker_otherwise)
{
	const struct child_spec *c =
		child("{ \"start\": [\"x\"], \"link\": true }", NULL);

	cr_expect(c->link);
	cr_expect_eq(c->policy.start_timeout_ns, 30 * SEC_NS);
	cr_expect_eq(c->policy.shutdown_ns, 5 * SEC_NS);
	cr_expect_not(child("{ \"start\": [\"x\"] }", NULL)->link);
}

Test(config_child, a_supervisor_in_code_is_a_linked_program)
{
	const struct child_spec *c = child("{ \"id\": \"s\", \"type\": "
					   "\"supervisor\", \"start\": \"x\" }",
		NULL);

	cr_expect_eq(c->policy.type, CHILD_SUPERVISOR);
	cr_expect_null(spec_sup(c));
	cr_expect_neq(c->argv, 0);
	cr_expect(c->link);
	cr_expect_eq(c->policy.shutdown_ns, POLICY_INFINITY);
	cr_expect_eq(c->policy.start_timeout_ns, POLICY_INFINITY);
	cr_expect_eq(c->policy.restart, RESTART_PERMANENT);
	cr_expect_eq(c->kill_mode, KILL_GROUP);
}

Test(config_child, agents_and_registries_have_the_defaults_of_workers)
{
	const struct child_spec *c = child("{ \"type\": \"agent\" }", NULL);

	cr_expect_eq(c->policy.type, CHILD_AGENT);
	cr_expect_str_eq(REL_STR(c->initial), "null");
	cr_expect_eq(c->file, 0);
	cr_expect_eq(c->argv, 0);
	cr_expect_null(spec_sup(c));
	cr_expect_eq(c->policy.shutdown_ns, 5 * SEC_NS);
	cr_expect_eq(c->policy.start_timeout_ns, 30 * SEC_NS);
	cr_expect_eq(c->policy.restart, RESTART_PERMANENT);
	c = child("{ \"type\": \"registry\" }", NULL);
	cr_expect_eq(c->policy.type, CHILD_REGISTRY);
	cr_expect_eq(c->registry_keys, REGISTRY_UNIQUE);
	cr_expect_eq(c->initial, 0);
	cr_expect_null(spec_sup(c));
	cr_expect_eq(c->policy.shutdown_ns, 5 * SEC_NS);
	c = child("{ \"type\": \"registry\", \"keys\": \"duplicate\" }", NULL);
	cr_expect_eq(c->registry_keys, REGISTRY_DUPLICATE);
}

Test(config_child, an_agents_value_is_kept_as_it_is_written)
{
	const struct child_spec *c =
		child("{ \"type\": \"agent\", \"file\": \"./a.json\", \"initial\": "
		      "{ \"n\": 1.50, // no\n\t\"t\": \" /* \\\" \", \"l\": [ 1, "
		      "12345678901234567890 ] } }",
			NULL);

	cr_expect_str_eq(REL_STR(c->initial),
		"{\"n\":1.50,\"t\":\" /* \\\" \",\"l\":[1,12345678901234567890]}");
	cr_expect_str_eq(REL_STR(c->file), "/srv/a.json");
}

Test(config_child, a_template_may_be_of_any_type)
{
	const struct child_spec *t =
		make_template("\"type\": \"agent\", \"initial\": [1], \"file\": \"f\"");
	const struct child_spec *c = child("{}", t);

	cr_expect_eq(spec_compare(c, t), SPEC_SAME);
	c = child("{ \"initial\": 2, \"file\": \"g\" }", t);
	cr_expect_str_eq(REL_STR(c->initial), "2");
	cr_expect_str_eq(REL_STR(c->file), "/srv/g");
	cr_expect_eq(result("{ \"start\": \"x\" }", t, false), -EINVAL);
	cr_expect(strstr(buf_text(&diag), "an agent has no \"start\""));
	free(template_block);
	t = make_template("\"type\": \"registry\", \"keys\": \"duplicate\"");
	cr_expect_eq(spec_compare(child("{}", t), t), SPEC_SAME);
}

Test(config_child, a_template_may_be_a_supervisor_in_code)
{
	const struct child_spec *t =
		make_template("\"type\": \"supervisor\", \"start\": [\"s\"]");
	const struct child_spec *c = child("{ \"args\": [\"one\"] }", t);

	cr_expect_eq(REL_GET(struct str_list, c->argv)->n, 2);
	cr_expect_null(spec_sup(c));
	cr_expect(c->link);
	cr_expect_eq(result("{ \"children\": [] }", t, false), -EINVAL);
	cr_expect(strstr(buf_text(&diag), "its children are in its code"));
	free(template_block);
	t = make_template("\"type\": \"supervisor\"");
	cr_expect_null(spec_sup(child("{ \"start\": [\"s\"] }", t)));
	cr_expect_eq(result("{ \"args\": [\"s\"] }", t, false), -EINVAL);
	free(template_block);
	t = make_template("\"type\": \"supervisor\", \"children\": "
			  "[{ \"id\": \"a\", \"start\": \"x\" }]");
	cr_expect_eq(result("{ \"start\": [\"s\"] }", t, false), -EINVAL);
	cr_expect_str_eq(buf_text(&diag),
		"SPEC:1:3: error: the template has \"children\", so its supervisors have "
		"no \"start\" [.start]\n");
}

Test(config_child, a_link_and_the_templates_own_keys_do_not_go_together)
{
	const struct child_spec *t =
		make_template("\"start\": [\"x\"], \"ready\": { \"exit\": true }");

	cr_expect_eq(result("{ \"link\": true }", t, false), -EINVAL);
	cr_expect_str_eq(buf_text(&diag),
		"SPEC:1:11: error: a program with \"link\" has no \"ready\", which the "
		"template has: it is ready when its init has ended [.link]\n");
	free(template_block);
	t = make_template("\"start\": [\"x\"], \"link\": true");
	cr_expect(child("{}", t)->link);
	cr_expect_eq(result("{ \"stop_signal\": \"INT\" }", t, false), -EINVAL);
	cr_expect_not(child("{ \"link\": false, \"stop_signal\": \"INT\" }", t)->link);
}

Test(config_child, a_key_over_a_template_is_refused_as_in_a_file)
{
	const struct child_spec *t = make_template("\"start\": [\"x\"]");

	cr_expect_eq(result("{ \"children\": [] }", t, false), -EINVAL);
	cr_expect_str_eq(buf_text(&diag),
		"SPEC:1:3: error: a worker has no \"children\": it is a key of "
		"supervisors; is \"type\" missing? [.children]\n");
}

/* What spec_to_json says of a child. */
static void expect_text(const char *spec, const char *wanted)
{
	struct buf text;

	buf_init(&text, 0);
	spec_to_json(child(spec, NULL), &text);
	cr_expect_str_eq(buf_text(&text), wanted);
	buf_done(&text);
}

#define POLICY(shutdown, timeout)                                                  \
	"\"restart\":\"permanent\",\"shutdown\":\"" shutdown                       \
	"\",\"significant\":false,\"autostart\":true,\"start_timeout\":\"" timeout \
	"\""

Test(config_child, the_text_shows_what_each_type_has)
{
	expect_text("{ \"id\": \"a\", \"type\": \"agent\" }",
		"{\"id\":\"a\",\"type\":\"agent\"," POLICY(
			"5s", "30s") ",\"initial\":null}");
	expect_text("{ \"type\": \"agent\", \"initial\": { \"a\": 1 }, "
		    "\"file\": \"f\" }",
		"{\"type\":\"agent\"," POLICY(
			"5s", "30s") ",\"initial\":{\"a\":1},\"file\":\"/srv/f\"}");
	expect_text("{ \"type\": \"registry\" }",
		"{\"type\":\"registry\"," POLICY("5s", "30s") ",\"keys\":\"unique\"}");
	expect_text("{ \"type\": \"supervisor\", \"start\": [\"s\"] }",
		"{\"type\":\"supervisor\"," POLICY("infinity",
			"infinity") ",\"start\":[\"s\"],\"env\":{},\"env_file\":[],"
				    "\"link\":true,\"kill_mode\":\"mixed\","
				    "\"success_exit\":[],\"stdin\":\"null\","
				    "\"stdout\":\"log\",\"stderr\":\"log\"}");
}

Test(config_child, the_text_shows_all_defaults)
{
	struct buf text;

	buf_init(&text, 0);
	spec_to_json(
		child("{ \"id\": \"a\", \"start\": [\"x\", \"é\\\"\"] }", NULL), &text);
	cr_expect_str_eq(buf_text(&text),
		"{\"id\":\"a\",\"type\":\"worker\",\"restart\":\"permanent\",\"shutdown\":\"5s\","
		"\"significant\":false,\"autostart\":true,\"start_timeout\":\"30s\","
		"\"start\":[\"x\",\"é\\\"\"],\"env\":{},\"env_file\":[],"
		"\"link\":false,\"stop_signal\":\"SIGTERM\",\"kill_mode\":\"mixed\",\"success_exit\":[],"
		"\"stdin\":\"null\",\"stdout\":\"log\",\"stderr\":\"log\"}");
	buf_clear(&text);
	spec_to_json(child("{ \"id\": \"d\", \"type\": \"dynamic_supervisor\", "
			   "\"max_seconds\": 0.1 }",
			     NULL),
		&text);
	cr_expect_str_eq(buf_text(&text),
		"{\"id\":\"d\",\"type\":\"dynamic_supervisor\",\"restart\":\"permanent\","
		"\"shutdown\":\"infinity\",\"significant\":false,\"autostart\":true,"
		"\"start_timeout\":\"infinity\",\"strategy\":\"one_for_one\","
		"\"max_restarts\":3,\"max_seconds\":0.1,\"auto_shutdown\":\"never\","
		"\"max_children\":\"infinity\"}");
	buf_done(&text);
}
