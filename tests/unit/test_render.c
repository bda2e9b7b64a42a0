/* What people read in `kick status`, byte for byte, and what scripts read in its JSON.
 */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <string.h>

#include "base/macro.h"
#include "control/render.h"
#include "control/text.h"

/* 2026-11-21T02:00:00.000Z */
#define NOW INT64_C(1795226400000000000)

static struct node worker(const char *path, enum child_state state, int64_t pid)
{
	struct node n;
	const char *slash = strrchr(path, '/');

	node_init(&n);
	n.id = slash ? slash + 1 : path;
	n.path = path;
	n.type = "worker";
	n.state = child_state_names[state];
	n.code = state;
	n.restart = "permanent";
	n.restarts = 0;
	n.pid = pid ? pid : TREE_NONE;
	n.uptime_ms = pid ? 5000 : TREE_NONE;
	return n;
}

static struct node sup(const char *path, struct node *children, size_t n_children)
{
	struct node n = worker(path, CHILD_RUNNING, 4711);

	n.type = "supervisor";
	n.is_supervisor = true;
	n.strategy = "one_for_one";
	n.max_restarts = 3;
	n.max_seconds = 5;
	n.recent_restarts = 0;
	n.children = children;
	n.n_children = n_children;
	return n;
}

/* The tree of the manual page. */
struct sample {
	const char *words[2];
	struct node inner[2], outer[3], top;
};

static void make_sample(struct sample *s)
{
	s->words[0] = "one";
	s->words[1] = "cannot open \x1b[31m";
	s->inner[0] = worker("services/pledge", CHILD_RUNNING, 4714);
	s->inner[1] = worker("services/sensor", CHILD_RESTARTING, 0);
	s->inner[1].restarts = 3;
	s->inner[1].retry = (struct tree_retry){ 4, 12000, NULL };
	s->inner[1].last_exit = (struct tree_exit){ "exit:1", "abnormal", NULL,
		"2026-11-21T01:59:57.000Z", 1, false };
	s->inner[1].last_lines = (struct tree_texts){ s->words, 2 };
	s->outer[0] = worker("http_server", CHILD_RUNNING, 4712);
	s->outer[0].restarts = 3;
	s->outer[0].last_exit = (struct tree_exit){ "killed", "abnormal", "SIGKILL",
		"2026-11-21T01:59:55.000Z", TREE_NONE, false };
	s->outer[1] = worker("migrate", CHILD_EXITED, 0);
	s->outer[1].last_exit = (struct tree_exit){ "normal", "normal", NULL,
		"2026-11-21T01:58:00.000Z", 0, false };
	s->outer[2] = sup("services", s->inner, 2);
	s->outer[2].recent_restarts = 2;
	s->top = sup("servy", s->outer, 3);
}

static const char *draw(struct buf *out, const struct node *n, bool utf8, bool colour)
{
	struct render_style style = { utf8, colour, NOW };

	buf_clear(out);
	render_status(out, &style, &n, 1);
	return buf_text(out);
}

Test(render, draws_the_tree_in_aligned_columns, .timeout = 5)
{
	static const char want[] =
		"servy           running     pid 4711  up 5s  one_for_one\n"
		"|- http_server  running     pid 4712  up 5s  3 restarts, last: killed "
		"(SIGKILL), 5s ago\n"
		"|- migrate      exited                       normal, 2m00s ago\n"
		"`- services     running     pid 4711  up 5s  one_for_one, 2 of 3 restarts in "
		"5s used\n"
		"   |- pledge    running     pid 4714  up 5s\n"
		"   `- sensor    restarting                   retry 4 in 12s, last: exit 1, 3s "
		"ago\n"
		"                | one\n"
		"                | cannot open \\x1b[31m\n";
	struct sample s;
	struct buf out;

	make_sample(&s);
	buf_init(&out, 0);
	cr_expect_str_eq(draw(&out, &s.top, false, false), want);
	buf_done(&out);
}

Test(render, lines_in_utf8_only_where_they_are_wanted, .timeout = 5)
{
	struct sample s;
	struct buf out;

	make_sample(&s);
	buf_init(&out, 0);
	cr_expect(strstr(
		draw(&out, &s.top, true, false), "\n\u251c\u2500 http_server  run"));
	cr_expect(strstr(buf_text(&out), "\n   \u2514\u2500 sensor    rest"));
	cr_expect(strstr(buf_text(&out), "\n                \u2502 one\n"));
	(void)draw(&out, &s.top, false, false);
	for (const char *c = buf_text(&out); *c; c++)
		cr_assert((unsigned char)*c < 0x80, "a byte beyond ASCII");
	buf_done(&out);
}

Test(render, colours_only_where_they_are_wanted, .timeout = 5)
{
	struct sample s;
	struct buf out;

	make_sample(&s);
	buf_init(&out, 0);
	cr_expect(!strchr(draw(&out, &s.top, true, false), '\x1b'));
	cr_expect(strstr(draw(&out, &s.top, true, true),
		"\x1b[31mrestarting\x1b[0m             "));
	buf_done(&out);
}

Test(render, a_line_of_a_thousand_siblings_continues_to_the_last, .timeout = 5)
{
	struct node *kids = calloc(1000, sizeof *kids);
	struct node top = sup("servy", kids, 1000);
	struct buf out;
	size_t lines = 0;

	for (size_t i = 0; i < 1000; i++)
		kids[i] = worker("web", CHILD_RUNNING, 100000);
	buf_init(&out, 0);
	(void)draw(&out, &top, false, false);
	for (const char *c = buf_text(&out); (c = strchr(c, '\n')); c++)
		lines++;
	cr_expect(lines == 1001);
	cr_expect(strstr(buf_text(&out), "\n`- web  running  pid 100000  up 5s\n"));
	buf_done(&out);
	free(kids);
}

Test(render, says_why_a_child_is_not_up, .timeout = 5)
{
	struct node n[4];
	static const char *const want[] = {
		"a  stopped  not started\n",
		"a  stopped  exit 1, 3s ago\n",
		"a  restarting  waits its turn\n",
		"a  running  pid 7  up 5s\n",
	};
	struct buf out;

	n[0] = worker("a", CHILD_STOPPED, 0);
	n[1] = worker("a", CHILD_STOPPED, 0);
	n[1].last_exit = (struct tree_exit){ "exit:1", "abnormal", NULL,
		"2026-11-21T01:59:57.000Z", 1, false };
	n[2] = worker("a", CHILD_RESTARTING, 0);
	n[3] = worker("a", CHILD_RUNNING, 7);
	buf_init(&out, 0);
	for (size_t i = 0; i < ARRAY_LEN(n); i++)
		cr_expect_str_eq(draw(&out, &n[i], false, false), want[i]);
	buf_done(&out);
}

Test(render, names_the_process_that_is_still_being_killed, .timeout = 5)
{
	struct node n = worker("a", CHILD_RESTARTING, 0);
	const int64_t pids[] = { 77, 78 };
	struct buf out;

	n.waiting_for = (struct tree_pids){ pids, 2 };
	buf_init(&out, 0);
	cr_expect(
		strstr(draw(&out, &n, false, false), "waiting for pid 77 and 1 more"));
	buf_done(&out);
}

Test(render, json_has_every_key_of_every_node, .timeout = 5)
{
	static const char *const all[] = { "id", "path", "type", "state", "pid",
		"restart", "strategy", "since", "uptime_ms", "restarts", "last_exit",
		"retry", "status_text", "announced", "health", "last_probe", "ready_at",
		"last_lines", "significant", "well", "waiting_for" };
	static const char *const sups[] = { "max_restarts", "max_seconds",
		"recent_restarts", "socket", "children" };
	struct sample s;
	struct buf out;
	cJSON *json;
	const cJSON *kids;

	make_sample(&s);
	s.top.max_restarts = TREE_INFINITY;
	buf_init(&out, 0);
	render_json(&out, &s.top);
	json = cJSON_Parse(buf_text(&out));
	cr_assert(json);
	kids = cJSON_GetObjectItemCaseSensitive(json, "children");
	cr_assert(cJSON_GetArraySize(kids) == 3);
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		cr_expect(cJSON_HasObjectItem(json, all[i]), "top: %s", all[i]);
		cr_expect(
			cJSON_HasObjectItem(kids->child, all[i]), "worker: %s", all[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(sups); i++) {
		cr_expect(cJSON_HasObjectItem(json, sups[i]), "top: %s", sups[i]);
		cr_expect(!cJSON_HasObjectItem(kids->child, sups[i]), "worker: %s",
			sups[i]);
	}
	cr_expect_str_eq(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(
				 json, "max_restarts")),
		"infinity");
	cr_expect(!strchr(buf_text(&out), '\n'), "one line");
	cJSON_Delete(json);
	buf_done(&out);
}

/* Reading the JSON that was written gives the same JSON. */
Test(render, what_is_parsed_is_what_was_rendered, .timeout = 5)
{
	struct buf first, second;
	struct tree *t = tree_new();
	struct sample s;
	struct node *n;
	cJSON *json;

	make_sample(&s);
	s.top.name = "servy";
	s.top.root_pid = 4710;
	s.top.version = "0.1.0";
	buf_init(&first, 0);
	buf_init(&second, 0);
	render_json(&first, &s.top);
	json = cJSON_Parse(buf_text(&first));
	cr_assert(t && json);
	cr_assert(tree_top(t, json, &n) == 0);
	cr_assert(tree_keep(t, json) == 0);
	render_json(&second, n);
	cr_expect_str_eq(buf_text(&second), buf_text(&first));
	cr_expect(tree_find(n, "services/sensor")->retry.attempt == 4);
	cr_expect(tree_find(n, "servy") == n);
	cr_expect(tree_find(n, "services/nope") == NULL);
	tree_free(t);
	buf_done(&first);
	buf_done(&second);
}

Test(render, the_tree_is_well_by_the_rule_of_the_manual, .timeout = 5)
{
	static const struct {
		const char *name;
		enum child_state state;
		const char *reason, *class;
		bool well;
	} rows[] = {
		{ "running", CHILD_RUNNING, NULL, NULL, true },
		{ "stopped by command", CHILD_STOPPED, NULL, NULL, true },
		{ "ended normally", CHILD_EXITED, "normal", "normal", true },
		{ "automatic shutdown", CHILD_EXITED, "shutdown:auto", "shutdown",
			true },
		{ "shut down", CHILD_EXITED, "shutdown", "shutdown", false },
		{ "crashed for good", CHILD_EXITED, "exit:1", "abnormal", false },
		{ "starting", CHILD_STARTING, NULL, NULL, false },
		{ "restarting", CHILD_RESTARTING, "exit:1", "abnormal", false },
		{ "stopping", CHILD_STOPPING, NULL, NULL, false },
		{ "a state of a later version", CHILD_NSTATES, NULL, NULL, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct node kid = worker("a", CHILD_RUNNING, 1);
		struct node mid = sup("s", &kid, 1), top = sup("servy", &mid, 1);

		kid.code = rows[i].state;
		kid.last_exit.reason = rows[i].reason;
		kid.last_exit.class = rows[i].class;
		cr_expect(tree_is_well(&top) == rows[i].well, "row: %s", rows[i].name);
	}
}

Test(render, text_is_made_harmless_and_measured, .timeout = 5)
{
	static const struct {
		const char *in, *shown;
		size_t columns;
	} rows[] = {
		{ "plain", "plain", 5 },
		{ "a\x1b[2J", "a\\x1b[2J", 8 },
		{ "tab\there\n", "tab\\there\\n", 11 },
		{ "\xff\xfe", "\\xff\\xfe", 8 },
		{ "\u00e9t\u00e9", "\u00e9t\u00e9", 3 },
		{ "e\u0301", "e\u0301", 1 },
		{ "\u65e5\u672c", "\u65e5\u672c", 4 },
		{ "\u202eevil", "\\u202eevil", 10 },
		{ "\xc2\x9b", "\\u009b", 6 },
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80", 12 },
		{ "\xe2\x82", "\\xe2\\x82", 8 },
	};
	struct buf out;

	buf_init(&out, 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		buf_clear(&out);
		text_escape(&out, rows[i].in);
		cr_expect_str_eq(buf_text(&out), rows[i].shown);
		cr_expect(text_width(rows[i].in) == rows[i].columns, "row: %s",
			rows[i].shown);
	}
	buf_done(&out);
}

Test(render, reasons_are_put_into_words, .timeout = 5)
{
	static const struct {
		const char *reason, *words;
	} rows[] = {
		{ "normal", "normal" },
		{ "exit:3", "exit 3" },
		{ "killed", "killed (SIGKILL)" },
		{ "signal:SIGSEGV", "SIGSEGV" },
		{ "shutdown:max_restarts", "gave up after too many restarts" },
		{ "shutdown:auto", "ended by auto_shutdown" },
		{ "shutdown:failed_to_start:web",
			"its child web could not be started" },
		{ "shutdown:my own", "shutdown: my own" },
		{ "watchdog", "its watchdog heard nothing" },
		{ "unhealthy", "its health check failed" },
		{ "start_timeout", "start timed out" },
		{ "failed_to_start:exec:ENOENT",
			"cannot be started (exec: No such file or directory)" },
		{ "failed_to_start:expand:PORT is not set",
			"cannot be started (expand:PORT is not set)" },
		{ "my own\n", "my own\\n" },
	};
	struct buf out;

	buf_init(&out, 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		buf_clear(&out);
		text_reason(&out, rows[i].reason, 0);
		cr_expect_str_eq(buf_text(&out), rows[i].words);
	}
	buf_done(&out);
}

Test(render, a_failed_start_is_a_clause, .timeout = 5)
{
	static const struct {
		const char *reason, *words;
	} rows[] = {
		{ "exit:3", "could not be started: exit 3" },
		{ "failed_to_start:exec:ENOENT",
			"cannot be started (exec: No such file or directory)" },
		{ "not_reloaded",
			"did not take the new configuration: it is ending, or has no "
			"memory for it" },
	};
	struct buf out;

	buf_init(&out, 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		buf_clear(&out);
		text_start_failure(&out, rows[i].reason);
		cr_expect_str_eq(buf_text(&out), rows[i].words);
	}
	buf_done(&out);
}

Test(render, a_supervisor_that_is_silent_is_no_text_of_its_own, .timeout = 5)
{
	struct render_style style = { 0 };
	const struct node *at;
	struct node n;
	struct buf out;

	node_init(&n);
	n.id = n.path = "in";
	n.type = "supervisor";
	n.state = "running";
	n.code = CHILD_RUNNING;
	n.is_supervisor = n.silent = true;
	n.status_text = "does not answer";
	at = &n;
	buf_init(&out, 0);
	render_status(&out, &style, &at, 1);
	cr_expect_str_eq(buf_text(&out), "in  running  does not answer\n");
	buf_done(&out);
}

Test(render, instants_are_read_or_refused, .timeout = 5)
{
	static const char *const bad[] = { "", "2026-11-21", "2026-11-21T02:00:00Z",
		"2026-11-21T02:00:00.000Zx", "now" };
	int64_t ns = 0;

	cr_expect(text_instant("2026-11-21T02:00:00.250Z", &ns) == 0);
	cr_expect(ns == NOW + 250 * MSEC_NS);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		cr_expect(text_instant(bad[i], &ns) < 0, "row: %s", bad[i]);
}
