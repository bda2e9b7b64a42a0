/* What kick says on standard error: of refusals, of processes that do not answer, and
 * of orders that take long. The other side is a script, so that nothing depends on
 * time: a deadline that is to pass is short, one that is not is for ever. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../cmd/kick/session.h"
#include "base/fd.h"
#include "base/num.h"
#include "support/scripted.h"

#define NODE(id, path, type, state, more)                           \
	"{\"id\":\"" id "\",\"path\":\"" path "\",\"type\":\"" type \
	"\",\"state\":\"" state "\"" more "}"
#define WEB NODE("web", "web", "worker", "running", ",\"pid\":7,\"well\":true")
#define DYN                                                 \
	NODE("dyn", "dyn", "dynamic_supervisor", "running", \
		",\"pid\":8,\"socket\":\"5\",\"well\":true")
#define STASH                                         \
	NODE("stash", "stash", "agent", "restarting", \
		",\"pid\":9,\"socket\":\"5\",\"well\":true")
#define TOP                                                                      \
	NODE("servy", "servy", "supervisor", "running",                          \
		",\"name\":\"servy\",\"socket\":\"0\",\"pid\":4,\"root_pid\":3," \
		"\"children\":[" WEB "," DYN "]")
#define REFUSED(atom, data) \
	"\"error\":{\"code\":-32000,\"message\":\"" atom "\",\"data\":" data "}"

/* Is no answer, so the one that was asked for is waited for. */
#define NOTHING "\"method\":\"event\",\"params\":{}"

/* One run of a verb. */
struct cli {
	const char *dir;
	const char *verb, *args[4];
	unsigned given;
	int64_t timeout_ns, answer_ns; /* 0: none, the default */
	bool terminal;
	char out[4096], err[4096];
};

/* From here on standard error is a file. */
static int catch_errors(int *ret_old)
{
	int fd = memfd_create("stderr", MFD_CLOEXEC);

	cr_assert(fd >= 0);
	*ret_old = dup(STDERR_FILENO);
	cr_assert(dup2(fd, STDERR_FILENO) >= 0);
	return fd;
}

static void read_errors(int fd, int old, char *err, size_t size)
{
	ssize_t n;

	cr_assert(dup2(old, STDERR_FILENO) >= 0);
	n = pread(fd, err, size - 1, 0);
	err[n > 0 ? n : 0] = '\0';
	fd_close(fd);
	fd_close(old);
}

static int run(struct cli *c)
{
	char *words[5] = { NULL };
	struct session s;
	int n = 0, fd, old, rc;

	for (; n < 4 && c->args[n]; n++)
		words[n] = strdup(c->args[n]);
	session_init(&s);
	s.dir = c->dir;
	s.given = c->given;
	s.timeout_ns = c->timeout_ns ? c->timeout_ns : -1;
	if (c->answer_ns)
		s.answer_ns = c->answer_ns;
	s.verb = verb_find(c->verb);
	session_begin(&s);
	s.terminal = c->terminal;
	s.hint_ns = 0;
	fd = catch_errors(&old);
	rc = s.verb->run(&s, words, n);
	if (s.in_array)
		buf_adds(&s.out, "]");
	s.in_array = false;
	(void)snprintf(c->out, sizeof c->out, "%s", buf_text(&s.out));
	buf_clear(&s.out);
	rc = session_end(&s, rc);
	read_errors(fd, old, c->err, sizeof c->err);
	while (n)
		free(words[--n]);
	return rc;
}

static int times(const char *text, const char *part)
{
	int n = 0;

	while ((text = strstr(text, part))) {
		text += strlen(part);
		n++;
	}
	return n;
}

/* --- refusals -----------------------------------------------------------------------
 */

/* clang-format off */
static const struct {
	const char *method, *answer; /* of socket "0", or "5" for start_child */
	const char *verb, *args[4];
	int rc;
	const char *said;
} refusals[] = {
	{ "start_child", REFUSED("already_started", "null"),
		"add", { "dyn", "{\"id\":\"d3\"}" }, STATUS_FAILED,
		"kick: add: nothing was added to dyn: dyn/d3 is running already\n" },
	{ "start_child", REFUSED("already_present", "null"),
		"add", { "dyn", "{\"id\":\"d3\"}" }, STATUS_FAILED,
		"kick: add: nothing was added to dyn: dyn/d3 is there already, and not "
		"running; kick start starts it, kick delete removes it\n" },
	{ "start_child", REFUSED("max_children", "{\"max_children\":2}"),
		"add", { "dyn", "{\"id\":\"d3\"}" }, STATUS_FAILED,
		"kick: add: nothing was added to dyn: it has as many children as its "
		"max_children allows, 2; kick stop of one of them makes room\n" },
	{ "start_child", REFUSED("shutting_down", "null"),
		"add", { "dyn", "{\"id\":\"d3\"}" }, STATUS_FAILED,
		"its supervisor is ending, nothing is started any more\n" },
	{ "start_child", REFUSED("no_memory", "null"),
		"add", { "dyn", "{\"id\":\"d3\"}" }, STATUS_FAILED,
		"its supervisor has no memory for that\n" },
	{ "start_child", REFUSED("start_failed", "{\"last_exit\":{\"reason\":\"exit:3\"},"
		"\"detail\":null}"), "add", { "dyn", "{}" }, STATUS_FAILED,
		"kick: add: nothing was added to dyn: it could not be started: exit 3\n" },
	{ "start_child", "\"error\":{\"code\":-32700,\"message\":\"nested\"}",
		"add", { "dyn", "{}" }, STATUS_CONFIG,
		"kick: add: nothing was added to dyn: the specification is refused: nested\n" },
	{ "start_child", "\"error\":{\"code\":-32001,\"message\":\"no\"}",
		"add", { "dyn", "{}" }, STATUS_DENIED, "\"control\" in the configuration" },
	{ "restart_child", REFUSED("cancelled", "null"), "start", { "web" }, STATUS_FAILED,
		"kick: web: it was told to stop in the meantime, by another order\n" },
	{ "restart_child", REFUSED("shutting_down", "null"), "start", { "web" },
		STATUS_FAILED, "kick: web: its supervisor is ending" },
	{ "restart_child", REFUSED("dynamic_supervisor", WEB), "start", { "web" },
		STATUS_DONE, "" },
	{ "renew_child", REFUSED("not_found", "null"), "restart", { "web" },
		STATUS_NO_NAME, "kick: web: no such child\n" },
	{ "terminate_child", "\"error\":{\"code\":-32004,\"message\":\"too many clients: "
		"256\"}", "stop", { "web" }, STATUS_FAILED,
		"kick: web: too many clients: 256\n" },
	{ "reload", REFUSED("reloading", "null"), "reload", { NULL }, STATUS_FAILED,
		"kick: reload: another reload is under way; try again when it is done\n" },
	{ "reload", "\"result\":{\"plan\":[],\"failed\":[{\"path\":\"servy\","
		"\"reason\":\"not_reloaded\"}]}", "reload", { NULL }, STATUS_FAILED,
		"kick: servy: did not take the new configuration: it is ending, or has no "
		"memory for it\n" },
	{ "signal", REFUSED("not_running", WEB), "signal", { "HUP", "web" },
		STATUS_FAILED, "kick: web: it has no process, it is running\n" },
	{ "none", NOTHING, "whereis", { "" }, STATUS_NO_NAME,
		"kick: \"\": no such name; kick status shows all of them\n" },
	{ "call", REFUSED("badarg", "{\"detail\":\"no such form\"}"),
		"call", { "stash", "1" }, STATUS_FAILED,
		"kick: stash: refused, badarg: no such form\n" },
	{ "cast", REFUSED("full", "null"), "cast", { "stash", "1" }, STATUS_FAILED,
		"kick: stash: refused, full\n" },
	{ "call", "\"error\":{\"code\":-32002,\"message\":\"noproc\",\"data\":"
		"{\"reason\":\"signal:SIGSEGV\"}}", "call", { "stash", "1" },
		STATUS_FAILED,
		"kick: stash: its process ended before it answered: SIGSEGV\n" },
	{ "call", "\"error\":{\"code\":-32002,\"message\":\"noproc\"}",
		"call", { "stash", "1" }, STATUS_FAILED,
		"kick: stash: no process; see: kick status\n" },
	{ "call", "\"error\":{\"code\":-32003,\"message\":\"the request is longer\"}",
		"call", { "stash", "1" }, STATUS_FAILED,
		"kick: stash: the request is longer\n" },
	{ "call", NULL, "call", { "stash", "1" }, STATUS_FAILED,
		"kick: stash: its process ended before it answered; see: kick status, "
		"kick events\n" },
	{ "none", NOTHING, "call", { "stash", "get" }, STATUS_USAGE,
		"kick: call: REQUEST is not JSON: get; did you mean '\"get\"'? A text has "
		"quotes, which the shell takes away unless they are quoted\n" },
	{ "none", NOTHING, "cast", { "stash", "{get: 1}" }, STATUS_USAGE,
		"kick: cast: REQUEST is not JSON: {get: 1}; a request is any JSON value, as "
		"'\"get\"' or '{\"get\": \"/users\"}'\n" },
	{ "none", NOTHING, "call", { "stash", " " }, STATUS_USAGE,
		"kick: call: REQUEST is empty; " },
	{ "none", NOTHING, "call", { "web", "1" }, STATUS_FAILED,
		"kick: web is a program that does not speak libkick; one that does has "
		"\"link\": true in its specification, see kick.json(5)\n" },
	{ "none", NOTHING, "call", { "dyn", "1" }, STATUS_FAILED,
		"kick: dyn is a supervisor, which takes no call; for it there are kick "
		"status, which-children, " },
	{ "none", NOTHING, "exit", { "web", "" }, STATUS_USAGE,
		"kick: exit: REASON is empty; see: kick help exit\n" },
	{ "none", NOTHING, "add", { "dyn", "[]" }, STATUS_CONFIG,
		"kick: add: SPEC is not a JSON object, near \"[]\"\n" },
	{ "none", NOTHING, "help", { "stat" }, STATUS_USAGE,
		"kick: unknown verb \"stat\"; " },
	{ "none", NOTHING, "help", { "top" }, STATUS_USAGE,
		"kick: top: not in this version\n" },
};
/* clang-format on */

Test(cli_words, a_refusal_says_in_words_what_and_why, .timeout = 20)
{
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		const struct line lines[] = {
			{ "0", "\"status\",\"params\":{\"id\":\"web\"",
				"\"result\":" WEB },
			{ "0", "\"status\",\"params\":{\"id\":\"dyn\"",
				"\"result\":" DYN },
			{ "0", "\"status\",\"params\":{\"id\":\"stash\"",
				"\"result\":" STASH },
			{ "0", "\"status\"", "\"result\":" TOP },
			{ "0", refusals[i].method, refusals[i].answer },
			{ "5", refusals[i].method, refusals[i].answer },
		};
		struct cli c = { .verb = refusals[i].verb };
		struct scripted sv;

		scripted_start(&sv, lines, ARRAY_LEN(lines));
		memcpy(c.args, refusals[i].args, sizeof c.args);
		c.dir = sv.dir;
		cr_expect(run(&c) == refusals[i].rc, "row %zu: %s", i, c.err);
		cr_expect(strstr(c.err, refusals[i].said), "row %zu: %s", i, c.err);
		scripted_stop(&sv);
	}
}

Test(cli_words, an_order_in_json_has_the_words_too, .timeout = 10)
{
	static const struct line lines[] = {
		{ "0", "\"status\",\"params\":{\"id\":\"dyn\"", "\"result\":" DYN },
		{ "5", "start_child", REFUSED("max_children", "{\"max_children\":2}") },
	};
	struct cli c = { .verb = "add", .args = { "dyn", "{}" }, .given = BIT(JSON) };
	struct scripted sv;

	scripted_start(&sv, lines, ARRAY_LEN(lines));
	c.dir = sv.dir;
	cr_expect(run(&c) == STATUS_FAILED);
	cr_expect(strstr(c.out, "\"error\":\"it has as many children as"), "%s", c.out);
	scripted_stop(&sv);
}

Test(cli_words, a_name_below_a_supervisor_that_is_down_is_explained, .timeout = 10)
{
	static const struct line lines[] = {
		{ "0", "\"status\",\"params\":{\"id\":", REFUSED("not_found", "null") },
		{ "0", "\"status\"",
			"\"result\":" NODE("servy", "servy", "supervisor", "running",
				",\"socket\":\"0\",\"children\":[" NODE("in", "in",
					"supervisor", "stopped",
					",\"well\":true") "]") },
	};
	struct cli c = { .verb = "whereis", .args = { "deep" } };
	struct scripted sv;

	scripted_start(&sv, lines, ARRAY_LEN(lines));
	c.dir = sv.dir;
	cr_expect(run(&c) == STATUS_NO_NAME);
	cr_expect_str_eq(c.err,
		"kick: deep: no such name; kick status shows all of them but those below "
		"in, which is stopped\n");
	scripted_stop(&sv);
}

/* Questions are answered, orders not. */
static const struct line slow_script[] = {
	{ "0", "\"status\",\"params\":{\"id\":\"web\"", "\"result\":" WEB },
	{ "0", "\"status\",\"params\":{\"id\":\"dyn\"", "\"result\":" DYN },
	{ "0", "\"status\",\"params\":{\"id\":\"stash\"", "\"result\":" STASH },
	{ "0", "\"status\",\"params\":{\"id\":", REFUSED("not_found", "null") },
	{ "0", "\"status\"", "\"result\":" TOP },
	{ "0", "\"get_childspec\"",
		"\"result\":{\"shutdown\":\"30s\",\"start_timeout\":\"1m\"}" },
	{ "0", "\"", NOTHING },
	{ "1", "\"", NOTHING },
	{ "5", "\"status\"", "\"result\":" DYN },
	{ "5", "\"", NOTHING },
};

/* --- silence ------------------------------------------------------------------------
 */

/* Answers what is asked to find a child, and nothing else. */
static const struct line silent_script[] = {
	{ "0", "\"status\",\"params\":{\"id\":\"web\"", "\"result\":" WEB },
	{ "0", "\"status\",\"params\":{\"id\":\"dyn\"", "\"result\":" DYN },
	{ "0", "\"status\",\"params\":{\"id\":", REFUSED("not_found", "null") },
	{ "0", "\"status\"", "\"result\":" TOP },
	{ "0", "\"get_childspec\"",
		"\"result\":{\"shutdown\":\"30s\",\"start_timeout\":\"1m\"}" },
	{ "0", "\"", NOTHING },
	{ "1", "\"", NOTHING },
	{ "5", "\"", NOTHING },
};

Test(cli_words, a_question_that_is_not_answered_names_who_is_silent, .timeout = 20)
{
	static const struct {
		const char *verb, *args[4];
		int rc;
		const char *said;
	} rows[] = {
		{ "info", { "web" }, STATUS_FAILED, "kick: web: the top supervisor " },
		{ "which-children", { "servy" }, STATUS_FAILED,
			"kick: servy: the top supervisor " },
		{ "count-children", { "dyn" }, STATUS_FAILED,
			"kick: dyn: the supervisor dyn (pid 8) " },
		{ "whereis", { "dyn/x" }, STATUS_FAILED,
			"kick: dyn/x: the supervisor dyn (pid 8) " },
		{ "alive", { "dyn/x" }, STATUS_FAILED,
			"kick: dyn/x: the supervisor dyn (pid 8) " },
		{ "stop", { "dyn/x" }, STATUS_FAILED,
			"kick: dyn/x: the supervisor dyn (pid 8) " },
		{ "signal", { "HUP", "web" }, STATUS_FAILED,
			"kick: web: the top supervisor " },
		{ "status", { "dyn/x" }, STATUS_UNKNOWN,
			"kick: dyn/x: the supervisor dyn (pid 8) " },
		{ "status", { "dyn" }, STATUS_NOT_WELL,
			"kick: the supervisor dyn (pid 8) " },
		{ "status", { NULL }, STATUS_NOT_WELL,
			"kick: the supervisor dyn (pid 8) " },
		{ "log", { "web" }, STATUS_FAILED, "kick: log: kickd's logger " },
		{ "events", { NULL }, STATUS_FAILED, "kick: events: kickd's logger " },
	};
	struct scripted sv;

	scripted_start(&sv, silent_script, ARRAY_LEN(silent_script));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cli c = { .dir = sv.dir, .answer_ns = 20 * MSEC_NS };
		int rc;

		c.verb = rows[i].verb;
		memcpy(c.args, rows[i].args, sizeof c.args);
		rc = run(&c);
		cr_expect(
			rc == rows[i].rc, "row: %s %zu: %d, %s", c.verb, i, rc, c.err);
		cr_expect(strstr(c.err, rows[i].said), "row: %s: %s", c.verb, c.err);
		cr_expect(strstr(c.err, "has not answered for 20 ms"), "row: %s: %s",
			c.verb, c.err);
		cr_expect(strstr(c.err, "--timeout") && strstr(c.err, "kill -9"),
			"no advice: %s: %s", c.verb, c.err);
	}
	scripted_stop(&sv);
}

Test(cli_words, a_name_below_a_silent_supervisor_is_not_called_unknown, .timeout = 10)
{
	struct cli c = {
		.verb = "whereis", .args = { "deep" }, .answer_ns = 20 * MSEC_NS
	};
	struct scripted sv;

	scripted_start(&sv, silent_script, ARRAY_LEN(silent_script));
	c.dir = sv.dir;
	cr_expect(run(&c) == STATUS_FAILED);
	cr_expect(strstr(c.err,
			  "kick: deep: no such name among those that answer, but the "
			  "supervisor dyn (pid 8) does not answer"),
		"%s", c.err);
	scripted_stop(&sv);
}

/* Who asks for a limit gets 124, and is told who is silent as well. */
Test(cli_words, a_timeout_of_the_user_keeps_its_status, .timeout = 10)
{
	struct cli c = { .verb = "count-children",
		.args = { "dyn" },
		.timeout_ns = 20 * MSEC_NS,
		.answer_ns = 1 };
	struct scripted sv;

	scripted_start(&sv, silent_script, ARRAY_LEN(silent_script));
	c.dir = sv.dir;
	cr_expect(run(&c) == STATUS_TIMEOUT);
	cr_expect(
		strstr(c.err,
			"not done within 20 ms (--timeout): the supervisor dyn (pid 8) "
			"does not answer"),
		"%s", c.err);
	scripted_stop(&sv);
}

Test(cli_words, a_call_that_takes_too_long_is_told_of, .timeout = 10)
{
	struct cli c = {
		.verb = "call", .args = { "stash" }, .timeout_ns = 20 * MSEC_NS
	};
	struct scripted sv;

	scripted_start(&sv, slow_script, ARRAY_LEN(slow_script));
	c.dir = sv.dir;
	cr_expect(run(&c) == STATUS_TIMEOUT);
	cr_expect_str_eq(c.err,
		"kick: stash: no answer within 20 ms (--timeout); stash was restarting; what "
		"was asked goes on over there\n");
	scripted_stop(&sv);
}

/* A program that is not asked by call but looked into, as one with supervisors may be.
 */
Test(cli_words, a_program_that_does_not_answer_is_called_a_program, .timeout = 10)
{
	static const struct line lines[] = {
		{ "0", "\"status\"",
			"\"result\":" NODE("servy", "servy", "supervisor", "running",
				",\"socket\":\"0\",\"children\":[" NODE("prog", "prog",
					"worker", "running",
					",\"pid\":7,\"socket\":\"5\",\"well\":true") "]") },
		{ "5", "\"", NOTHING },
	};
	struct cli c = { .verb = "status", .answer_ns = 20 * MSEC_NS };
	struct scripted sv;

	scripted_start(&sv, lines, ARRAY_LEN(lines));
	c.dir = sv.dir;
	cr_expect(run(&c) == STATUS_NOT_WELL);
	cr_expect(strstr(c.err, "kick: the program prog (pid 7) has not answered for"),
		"%s", c.err);
	cr_expect(!strstr(c.err, "all below it"), "%s", c.err);
	scripted_stop(&sv);
}

/* --- hints --------------------------------------------------------------------------
 */

/* clang-format off */
static const struct {
	const char *verb, *args[4];
	const char *said;
} hints[] = {
	{ "stop", { "web" }, "kick: waiting for web to stop: shutdown is 30s; "
		"^C gives up waiting, the stop goes on\n" },
	{ "start", { "web" }, "kick: waiting for web to be ready: start_timeout is 1m; "
		"^C gives up waiting, the start goes on\n" },
	{ "restart", { "web" }, "kick: waiting for web to stop and be ready again: "
		"shutdown is 30s, start_timeout is 1m; ^C gives up waiting, the restart "
		"goes on\n" },
	{ "delete", { "web" }, "kick: waiting for web to stop: shutdown is 30s; "
		"^C gives up waiting, the stop goes on, but then it is not deleted\n" },
	{ "add", { "dyn", "{\"id\":\"z\"}" }, "kick: waiting for dyn/z to be ready; "
		"^C gives up waiting, the start goes on\n" },
	{ "add", { "dyn", "{}" }, "kick: waiting for the new child of dyn to be ready; " },
	{ "reload", { NULL }, "kick: waiting for the reload: " },
	{ "restart", { "servy" }, "kick: waiting for the whole tree to stop and start "
		"again; ^C gives up waiting, the restart goes on\n" },
	{ "shutdown", { NULL }, "kick: waiting for kickd (pid 3) to end: " },
	{ "wait", { "web" }, "; ^C gives up waiting\n" },
	{ "call", { "stash" }, "kick: waiting for stash to answer, stash is restarting; "
		"^C gives up waiting, the request goes on over there\n" },
};
/* clang-format on */

Test(cli_words, an_order_that_takes_long_is_explained_once_on_a_terminal, .timeout = 30)
{
	struct scripted sv;

	scripted_start(&sv, slow_script, ARRAY_LEN(slow_script));
	for (size_t i = 0; i < ARRAY_LEN(hints); i++) {
		struct cli c = { .dir = sv.dir,
			.verb = hints[i].verb,
			.timeout_ns = 100 * MSEC_NS,
			.terminal = true };

		memcpy(c.args, hints[i].args, sizeof c.args);
		cr_expect(run(&c) == STATUS_TIMEOUT, "row %zu: %s", i, c.err);
		cr_expect(strstr(c.err, hints[i].said), "row %zu: %s", i, c.err);
		cr_expect(times(c.err, "waiting for ") == 1, "row %zu: %s", i, c.err);
		c.terminal = false;
		cr_expect(run(&c) == STATUS_TIMEOUT, "row %zu: %s", i, c.err);
		cr_expect(times(c.err, "waiting for ") == 0, "row %zu: %s", i, c.err);
	}
	scripted_stop(&sv);
}

/* An order is not given up for want of an answer, and not hinted at with --no-wait. */
Test(cli_words, only_orders_are_waited_for_without_a_limit, .timeout = 10)
{
	struct cli c = { .verb = "stop",
		.args = { "web" },
		.timeout_ns = 50 * MSEC_NS,
		.answer_ns = MSEC_NS,
		.terminal = true };
	struct scripted sv;

	scripted_start(&sv, silent_script, ARRAY_LEN(silent_script));
	c.dir = sv.dir;
	c.given = BIT(NO_WAIT);
	cr_expect(run(&c) == STATUS_TIMEOUT);
	cr_expect(times(c.err, "waiting for ") == 0, "%s", c.err);
	c.timeout_ns = 0;
	cr_expect(run(&c) == STATUS_FAILED);
	cr_expect(strstr(c.err, "has not answered"), "%s", c.err);
	scripted_stop(&sv);
}

Test(cli_words, a_wait_that_was_in_vain_says_what_was_missing, .timeout = 10)
{
	static const struct line lines[] = {
		{ "0", "\"status\"",
			"\"result\":" NODE("servy", "servy", "supervisor", "running",
				",\"name\":\"servy\",\"socket\":\"0\",\"children\":[" NODE(
					"slow", "slow", "worker", "restarting",
					",\"well\":false,\"retry\":{\"attempt\":4,"
					"\"in_ms\":12000,\"at\":null}") "]") },
		{ "1", "\"events\"", "\"result\":{\"events\":[]}" },
	};
	struct cli c = { .verb = "wait", .timeout_ns = 50 * MSEC_NS };
	struct scripted sv;

	scripted_start(&sv, lines, ARRAY_LEN(lines));
	c.dir = sv.dir;
	c.args[0] = "slow";
	cr_expect(run(&c) == STATUS_TIMEOUT);
	cr_expect(strstr(c.err,
			  "it waited for slow to be running, it is restarting, "
			  "retry 4 in 12s\n"),
		"%s", c.err);
	c.args[0] = NULL;
	cr_expect(run(&c) == STATUS_TIMEOUT);
	cr_expect(strstr(c.err, "the tree to be as it should be; slow is restarting\n"),
		"%s", c.err);
	scripted_stop(&sv);
}
