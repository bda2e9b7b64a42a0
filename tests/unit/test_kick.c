/* What each verb ends with and prints, by what kickd's processes answer. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../cmd/kick/session.h"
#include "base/num.h"
#include "support/scripted.h"

#define NODE(id, path, type, state, more)                           \
	"{\"id\":\"" id "\",\"path\":\"" path "\",\"type\":\"" type \
	"\",\"state\":\"" state "\"" more "}"
#define WEB NODE("web", "web", "worker", "running", ",\"pid\":7,\"well\":true")
#define DOWN NODE("down", "down", "worker", "stopped", ",\"well\":true")
#define ONCE                                     \
	NODE("once", "once", "worker", "exited", \
		",\"well\":true,"                \
		"\"last_exit\":{\"reason\":\"normal\",\"class\":\"normal\"}")
#define BACKOFF                                      \
	NODE("slow", "slow", "worker", "restarting", \
		",\"well\":false,"                   \
		"\"retry\":{\"attempt\":4,\"in_ms\":12000,\"at\":null}")
#define FAILED                                 \
	NODE("bad", "bad", "worker", "exited", \
		",\"well\":false,"             \
		"\"last_exit\":{\"reason\":\"failed_to_start:exec:ENOENT\",\"class\":\"abnormal\"}")
#define IN NODE("in", "in", "supervisor", "running", ",\"pid\":8,\"socket\":\"5\"")
#define IN2 \
	NODE("in2", "in2", "supervisor", "stopped", ",\"socket\":\"6\",\"well\":true")
#define PROG                                      \
	NODE("prog", "prog", "worker", "running", \
		",\"pid\":20,\"socket\":\"7\",\"well\":true")
#define STASH                                      \
	NODE("stash", "stash", "agent", "running", \
		",\"pid\":21,\"socket\":\"7\",\"well\":true")
#define OFF NODE("off", "off", "worker", "stopped", ",\"socket\":\"7\",\"well\":true")
#define SUP_IN_PROG                                                                  \
	NODE("inner", "prog/inner", "supervisor", "running",                         \
		",\"pid\":22,\"children\":[" NODE("low", "prog/inner/low", "worker", \
			"running", ",\"pid\":23") "]")
#define TOP(more)                                                              \
	NODE("servy", "servy", "supervisor", "running",                        \
		",\"name\":\"servy\","                                         \
		"\"socket\":\"0\",\"pid\":4,\"root_pid\":3,\"children\":[" WEB \
		"," DOWN "," ONCE "," IN "," IN2 "," PROG "," STASH more "]")
#define INNER                                                                        \
	NODE("in", "in", "supervisor", "running",                                    \
		",\"pid\":8,\"children\":[" NODE("deep", "in/deep", "worker",        \
			"running", ",\"pid\":9") "," NODE("web", "in/web", "worker", \
			"running", ",\"pid\":10") "]")
#define REFUSED(atom, data) \
	"\"error\":{\"code\":-32000,\"message\":\"" atom "\",\"data\":" data "}"

#define NOPROC(reason)                                       \
	"\"error\":{\"code\":-32002,\"message\":\"noproc\"," \
	"\"data\":{\"reason\":\"" reason "\"}}"

/* clang-format off */
static const struct line script[] = {
	{ "0", "\"status\",\"params\":{\"id\":\"web\"", "\"result\":" WEB },
	{ "0", "\"status\",\"params\":{\"id\":\"down\"", "\"result\":" DOWN },
	{ "0", "\"status\",\"params\":{\"id\":\"once\"", "\"result\":" ONCE },
	{ "0", "\"status\",\"params\":{\"id\":\"slow\"", "\"result\":" BACKOFF },
	{ "0", "\"status\",\"params\":{\"id\":\"bad\"", "\"result\":" FAILED },
	{ "0", "\"status\",\"params\":{\"id\":\"in\"", "\"result\":" IN },
	{ "0", "\"status\",\"params\":{\"id\":\"in2\"", "\"result\":" IN2 },
	{ "0", "\"status\",\"params\":{\"id\":\"prog\"", "\"result\":" PROG },
	{ "0", "\"status\",\"params\":{\"id\":\"stash\"", "\"result\":" STASH },
	{ "0", "\"status\",\"params\":{\"id\":\"off\"", "\"result\":" OFF },
	{ "0", "\"status\",\"params\":{\"id\":", REFUSED("not_found", "null") },
	{ "0", "\"status\"", "\"result\":" TOP("") },
	{ "0", "\"info\"", "\"result\":{\"node\":" PROG "}" },
	{ "0", "\"get_childspec\",\"params\":{\"id\":\"once\"",
		"\"result\":{\"ready\":{\"exit\":true}}" },
	{ "0", "\"restart_child\",\"params\":{\"id\":\"web\"", REFUSED("running", WEB) },
	{ "0", "\"restart_child\",\"params\":{\"id\":\"slow\"",
		REFUSED("restarting", BACKOFF) },
	{ "0", "\"restart_child\",\"params\":{\"id\":\"bad\"",
		REFUSED("start_failed", FAILED) },
	{ "0", "\"restart_child\"",
		"\"result\":{\"path\":\"down\",\"state\":\"running\",\"pid\":12}" },
	{ "0", "\"terminate_child\",\"params\":{\"id\":\"slow\"", NULL },
	{ "0", "\"terminate_child\",\"params\":{\"id\":\"down\"",
		"\"error\":{\"code\":-32001,\"message\":\"no\"}" },
	{ "0", "\"terminate_child\"",
		"\"result\":{\"path\":\"web\",\"state\":\"stopped\",\"pid\":null}" },
	{ "0", "\"delete_child\"", REFUSED("not_found", "null") },
	{ "0", "\"exit\"", REFUSED("trap_exit", IN) },
	{ "0", "\"start_child\"", "\"error\":{\"code\":-32005,\"message\":\"wrong\","
		"\"data\":{\"diagnostics\":\"SPEC:1:1: error: no start\\n\"}}" },
	{ "0", "\"dry_run\":true", "\"result\":{\"plan\":[\"+ new\"],\"failed\":[]}" },
	{ "0", "\"reload\"", "\"result\":{\"plan\":[\"+ new\"],"
		"\"failed\":[\"new exit:1\"]}" },
	{ "1", "\"events\"", "\"result\":{\"events\":[{\"at\":\"2026-11-21T02:00:00.000Z\","
		"\"event\":\"exited\",\"path\":\"web\",\"pid\":7,\"reason\":\"exit:1\"}]}" },
	{ "1", "\"last_lines\"", "\"result\":{\"bad\":[\"no such thing\"]}" },
	{ "1", "\"log\",\"params\":{\"paths\":[\"in/deep\",\"in/web\"]",
		"\"result\":{\"lines\":[{\"path\":\"in/web\",\"stream\":1,"
		"\"line\":\"a\\u001b[1m\"}]}" },
	{ "5", "\"status\",\"params\":{\"id\":\"deep\"", "\"result\":"
		NODE("deep", "in/deep", "worker", "running", ",\"pid\":9") },
	{ "5", "\"status\",\"params\":{\"id\":", REFUSED("not_found", "null") },
	{ "5", "\"status\"", "\"result\":" INNER },
	{ "5", "\"count_children\"", "\"result\":{\"specs\":2}" },
	{ "7", "\"status\",\"params\":{\"id\":\"inner\"", "\"result\":" SUP_IN_PROG },
	{ "7", "\"status\",\"params\":{\"id\":", REFUSED("not_found", "null") },
	{ "7", "\"status\"", "\"result\":" NODE("prog", "prog", "worker", "running",
		",\"children\":[" SUP_IN_PROG "]") },
	{ "7", "\"call\",\"params\":{\"request\":null}", "\"result\":\"none\"" },
	{ "7", "\"call\",\"params\":{\"request\":{\"a\":[1,2]}}",
		"\"result\":{\"b\": [ 1, \"\\n\" ]}" },
	{ "7", "\"call\",\"params\":{\"request\":1}", NOPROC("exit:3") },
	{ "7", "\"call\",\"params\":{\"request\":2}", NOPROC("noproc") },
	{ "7", "\"call\",\"params\":{\"request\":3}",
		REFUSED("badarg", "{\"detail\":\"no such form\"}") },
	{ "7", "\"call\",\"params\":{\"request\":4}", NULL },
	{ "7", "\"call\",\"params\":{\"request\":5}",
		"\"error\":{\"code\":-32001,\"message\":\"no\"}" },
	{ "7", "\"call\",\"params\":{\"name\":\"inside\",\"request\":null}",
		"\"result\":\"by name\"" },
	{ "7", "\"cast\",\"params\":{\"request\":{}}", "\"result\":true" },
	{ "7", "\"whereis\",\"params\":{\"name\":\"inside\"}",
		"\"result\":{\"pid\":\"<1.2>\",\"os_pid\":77}" },
	{ "7", "\"alive\",\"params\":{\"name\":\"inside\"}", "\"result\":true" },
	{ "7", "\"alive\",\"params\":{\"name\":\"gone\"}", "\"result\":false" },
	{ "7", "\"info\",\"params\":{\"name\":\"inside\"}",
		"\"result\":{\"names\":[\"inside\"]}" },
	{ "7", "\"info\",\"params\":{}", "\"result\":{\"names\":[\"first\"]}" },
	{ "7", "\"exit\",\"params\":{\"name\":\"inside\",\"reason\":\"bye\"}",
		"\"result\":{}" },
	{ "7", "\"", NOPROC("noproc") },
};

static const struct {
	const char *verb, *args[4];
	unsigned given;
	int rc;
	const char *out; /* a part of the answer, or NULL: it is empty */
} rows[] = {
	{ "status", { NULL }, 0, STATUS_DONE, "\n|  |- deep" },
	{ "status", { "web" }, 0, STATUS_DONE, "web  running  pid 7\n" },
	{ "status", { "down" }, 0, STATUS_NOT_WELL, "not started" },
	{ "status", { "once" }, 0, STATUS_DONE, "normal" },
	{ "status", { "in" }, 0, STATUS_DONE, "|- deep" },
	{ "status", { "bad" }, 0, STATUS_NOT_WELL, "\n     | no such thing\n" },
	{ "status", { "nope" }, 0, STATUS_UNKNOWN, NULL },
	{ "status", { "nope", "web" }, 0, STATUS_UNKNOWN, "web  running" },
	{ "status", { "down", "nope" }, 0, STATUS_NOT_WELL, "down  stopped" },
	{ "status", { "web" }, BIT(JSON), STATUS_DONE, "[{\"id\":\"web\"" },
	{ "whereis", { "in/deep" }, 0, STATUS_DONE, "9\n" },
	{ "whereis", { "deep" }, 0, STATUS_DONE, "9\n" },
	{ "whereis", { "servy" }, 0, STATUS_DONE, "4\n" },
	{ "whereis", { "web" }, 0, STATUS_DONE, "7\n" },
	{ "whereis", { "down" }, 0, STATUS_FAILED, NULL },
	{ "whereis", { "in2/x" }, 0, STATUS_NO_NAME, NULL },
	{ "whereis", { "in/nope" }, 0, STATUS_NO_NAME, NULL },
	{ "alive", { "web" }, 0, STATUS_DONE, NULL },
	{ "alive", { "down" }, 0, STATUS_FAILED, NULL },
	{ "alive", { "nope" }, 0, STATUS_NO_NAME, NULL },
	{ "count-children", { "in" }, 0, STATUS_DONE, "specs  2\n" },
	{ "count-children", { "web" }, 0, STATUS_FAILED, NULL },
	{ "count-children", { "in2" }, 0, STATUS_FAILED, NULL },
	{ "start", { "web" }, 0, STATUS_DONE, "web: running, pid 7\n" },
	{ "start", { "down" }, 0, STATUS_DONE, "down: running, pid 12\n" },
	{ "start", { "servy" }, 0, STATUS_DONE, "servy: running, pid 4\n" },
	{ "start", { "slow" }, BIT(JSON), STATUS_FAILED, "retry 4 in 12s" },
	{ "start", { "bad" }, BIT(JSON), STATUS_FAILED, "exec: No such file" },
	{ "start", { "nope", "web" }, 0, STATUS_NO_NAME, "web: running" },
	{ "stop", { "web" }, BIT(JSON), STATUS_DONE, "[{\"path\":\"web\",\"ok\":true,"
		"\"state\":\"stopped\",\"pid\":null,\"error\":null}]" },
	{ "stop", { "servy" }, 0, STATUS_FAILED, NULL },
	{ "stop", { "slow" }, 0, STATUS_FAILED, NULL },
	{ "stop", { "down" }, 0, STATUS_DENIED, NULL },
	{ "delete", { "web" }, 0, STATUS_DONE, "web: deleted\n" },
	{ "exit", { "in", "bye" }, 0, STATUS_FAILED, NULL },
	{ "signal", { "NOSUCH", "web" }, 0, STATUS_USAGE, NULL },
	{ "add", { "servy", "{\"id\":\"x\"}" }, 0, STATUS_CONFIG, NULL },
	{ "add", { "servy", "{\"id\":" }, 0, STATUS_CONFIG, NULL },
	{ "add", { "web", "{}" }, 0, STATUS_FAILED, NULL },
	{ "reload", { NULL }, 0, STATUS_FAILED, "+ new\n" },
	{ "reload", { NULL }, BIT(DRY_RUN), STATUS_DONE, "+ new\n" },
	{ "reload", { "web" }, 0, STATUS_FAILED, NULL },
	{ "events", { NULL }, 0, STATUS_DONE, "exited        web  pid 7  exit 1\n" },
	{ "log", { "in" }, 0, STATUS_DONE, "in/web | a\\x1b[1m\n" },
	{ "call", { "prog" }, 0, STATUS_DONE, "\"none\"\n" },
	{ "call", { "prog", " {\"a\":\n[1, 2]} " }, 0, STATUS_DONE,
		"{\"b\":[1,\"\\n\"]}\n" },
	{ "call", { "stash" }, BIT(JSON), STATUS_DONE, "\"none\"\n" },
	{ "call", { "prog", "1" }, 0, STATUS_FAILED, NULL },
	{ "call", { "prog", "2" }, 0, STATUS_FAILED, NULL },
	{ "call", { "prog", "3" }, 0, STATUS_FAILED, NULL },
	{ "call", { "prog", "4" }, 0, STATUS_FAILED, NULL },
	{ "call", { "prog", "5" }, 0, STATUS_DENIED, NULL },
	{ "call", { "prog", "get" }, 0, STATUS_USAGE, NULL },
	{ "call", { "prog", "" }, 0, STATUS_USAGE, NULL },
	{ "call", { "prog", "{} {}" }, 0, STATUS_USAGE, NULL },
	{ "call", { "web" }, 0, STATUS_FAILED, NULL },
	{ "call", { "off" }, 0, STATUS_FAILED, NULL },
	{ "call", { "in" }, 0, STATUS_FAILED, NULL },
	{ "call", { "servy" }, 0, STATUS_FAILED, NULL },
	{ "call", { "nope" }, 0, STATUS_NO_NAME, NULL },
	{ "call", { "inside" }, 0, STATUS_DONE, "\"by name\"\n" },
	{ "call", { "stale" }, 0, STATUS_NO_NAME, NULL },
	{ "call", { "gone" }, 0, STATUS_FAILED, NULL },
	{ "cast", { "prog", "{}" }, 0, STATUS_DONE, NULL },
	{ "cast", { "prog", "{}" }, BIT(JSON), STATUS_DONE,
		"[{\"path\":\"prog\",\"ok\":true," },
	{ "cast", { "gone", "{}" }, 0, STATUS_FAILED, NULL },
	{ "whereis", { "inside" }, 0, STATUS_DONE, "77\n" },
	{ "whereis", { "inside" }, BIT(JSON), STATUS_DONE,
		"{\"path\":\"prog\",\"pid\":77}\n" },
	{ "whereis", { "gone" }, 0, STATUS_FAILED, NULL },
	{ "whereis", { "stale" }, 0, STATUS_NO_NAME, NULL },
	{ "whereis", { "prog/inside" }, 0, STATUS_NO_NAME, NULL },
	{ "whereis", { "stash/x" }, 0, STATUS_NO_NAME, NULL },
	{ "whereis", { "off/x" }, 0, STATUS_NO_NAME, NULL },
	{ "whereis", { "dead" }, 0, STATUS_FAILED, NULL },
	{ "call", { "dead" }, 0, STATUS_FAILED, NULL },
	{ "alive", { "inside" }, 0, STATUS_DONE, NULL },
	{ "alive", { "gone" }, BIT(JSON), STATUS_FAILED,
		"{\"path\":\"prog\",\"alive\":false}\n" },
	{ "info", { "inside" }, BIT(JSON), STATUS_DONE, "{\"names\":[\"inside\"]}\n" },
	{ "info", { "prog" }, BIT(JSON), STATUS_DONE,
		",\"process\":{\"names\":[\"first\"]}}\n" },
	{ "exit", { "inside", "bye" }, 0, STATUS_DONE, "inside: exit signal sent\n" },
	{ "exit", { "gone", "bye" }, BIT(JSON), STATUS_FAILED, "\"ok\":false" },
	{ "stop", { "inside" }, 0, STATUS_NO_NAME, NULL },
	{ "status", { "prog" }, 0, STATUS_DONE, "\n   `- low" },
	{ "status", { "prog" }, BIT(JSON), STATUS_DONE,
		",\"socket\":\"7\",\"children\":[{\"id\":\"inner\"" },
	{ "status", { "prog/inner/low" }, 0, STATUS_DONE, "pid 23\n" },
	{ "status", { "prog/nope" }, 0, STATUS_UNKNOWN, NULL },
	{ "status", { "stash" }, 0, STATUS_DONE, "stash  running  pid 21\n" },
	{ "status", { "stash/x" }, 0, STATUS_UNKNOWN, NULL },
	{ "status", { "inside" }, 0, STATUS_UNKNOWN, NULL },
	{ "wait", { "web" }, 0, STATUS_DONE, NULL },
	{ "wait", { "once" }, 0, STATUS_DONE, NULL },
	{ "wait", { "down" }, 0, STATUS_FAILED, NULL },
	{ "wait", { "in2/deep" }, 0, STATUS_FAILED, NULL },
	{ "wait", { NULL }, 0, STATUS_DONE, NULL },
	{ "wait", { "nope" }, 0, STATUS_NO_NAME, NULL },
};
/* clang-format on */

/* What is complained of here is expected; test_cli_words.c reads such messages. */
static void hush(void)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	cr_assert(fd >= 0);
	cr_assert(dup2(fd, STDERR_FILENO) >= 0);
	(void)close(fd);
}

TestSuite(kick, .init = hush);

/* Runs a verb; *out holds the answer. */
static int run_verb(const char *dir, const char *verb, const char *const args[4],
	unsigned given, struct buf *out)
{
	char *words[5] = { NULL };
	struct session s;
	int n = 0, rc;

	while (n < 4 && args[n]) {
		words[n] = strdup(args[n]);
		n++;
	}
	session_init(&s);
	s.dir = dir;
	s.given = given;
	s.timeout_ns = 2 * SEC_NS;
	s.verb = verb_find(verb);
	session_begin(&s);
	s.style.utf8 = false;
	rc = s.verb->run(&s, words, n);
	if (s.in_array)
		buf_adds(&s.out, "]");
	s.in_array = false;
	buf_clear(out);
	buf_adds(out, buf_text(&s.out));
	buf_clear(&s.out);
	(void)session_end(&s, rc);
	while (n)
		free(words[--n]);
	return rc;
}

/* As a program does that has a name. */
static void register_name(const char *dir, const char *name, const char *socket)
{
	char path[128];

	(void)snprintf(path, sizeof path, "%s/=%s", dir, name);
	cr_assert(symlink(socket, path) == 0);
}

static void unregister_name(const char *dir, const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof path, "%s/=%s", dir, name);
	cr_assert(unlink(path) == 0);
}

Test(kick, verbs_end_with_the_status_of_the_manual, .timeout = 60)
{
	struct scripted sv;
	struct buf out;

	buf_init(&out, 0);
	scripted_start(&sv, script, ARRAY_LEN(script));
	register_name(sv.dir, "inside", "7");
	register_name(sv.dir, "gone", "7");
	/* Where nobody listens any more. */
	register_name(sv.dir, "dead", "=dead~");
	register_name(sv.dir, "dead~", "/dev/null");
	/* Whose socket is no more. */
	register_name(sv.dir, "stale", "99");
	/* The id of a child comes first. */
	register_name(sv.dir, "web", "7");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int rc = run_verb(
			sv.dir, rows[i].verb, rows[i].args, rows[i].given, &out);

		cr_expect(rc == rows[i].rc, "row: %s %s: %d, not %d", rows[i].verb,
			rows[i].args[0] ? rows[i].args[0] : "", rc, rows[i].rc);
		if (rows[i].out)
			cr_expect(strstr(buf_text(&out), rows[i].out), "row: %s %s: %s",
				rows[i].verb, rows[i].args[0] ? rows[i].args[0] : "",
				buf_text(&out));
		else
			cr_expect(out.len == 0, "row: %s: %s", rows[i].verb,
				buf_text(&out));
	}
	unregister_name(sv.dir, "inside");
	unregister_name(sv.dir, "gone");
	unregister_name(sv.dir, "stale");
	unregister_name(sv.dir, "dead");
	unregister_name(sv.dir, "dead~");
	unregister_name(sv.dir, "web");
	scripted_stop(&sv);
	buf_done(&out);
}

Test(kick, without_kickd_each_verb_has_its_own_status, .timeout = 10)
{
	static const struct {
		const char *verb, *args[4];
		int rc;
	} absent[] = {
		{ "status", { NULL }, STATUS_NOT_WELL },
		{ "status", { "web" }, STATUS_UNKNOWN },
		{ "start", { "web" }, STATUS_NO_KICKD },
		{ "events", { NULL }, STATUS_NO_KICKD },
		{ "shutdown", { NULL }, STATUS_NO_KICKD },
		{ "reload", { NULL }, STATUS_NO_KICKD },
	};
	struct buf out;

	buf_init(&out, 0);
	for (size_t i = 0; i < ARRAY_LEN(absent); i++)
		cr_expect(run_verb("/nonexistent/kick", absent[i].verb, absent[i].args,
				  0, &out) == absent[i].rc,
			"row: %s %s", absent[i].verb, absent[i].args[0] ? "NAME" : "");
	buf_done(&out);
}

/* Two children bear the id: neither is taken. */
Test(kick, an_id_that_several_bear_is_refused, .timeout = 10)
{
	static const struct line lines[] = {
		{ "0", "\"status\",\"params\":{\"id\":", REFUSED("not_found", "null") },
		{ "0", "\"status\"",
			"\"result\":" TOP("," NODE("x", "x", "supervisor", "running",
				",\"socket\":\"7\"")) },
		{ "5", "\"status\"", "\"result\":" INNER },
		{ "7", "\"status\"",
			"\"result\":" NODE("x", "x", "supervisor", "running",
				",\"children\":[" NODE("deep", "x/deep", "worker",
					"running", "") "]") },
	};
	const char *const args[4] = { "deep" };
	struct scripted sv;
	struct buf out;

	buf_init(&out, 0);
	scripted_start(&sv, lines, ARRAY_LEN(lines));
	cr_expect(run_verb(sv.dir, "stop", args, 0, &out) == STATUS_NO_NAME);
	scripted_stop(&sv);
	buf_done(&out);
}
