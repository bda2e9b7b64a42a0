/* The verbs that change what the tree is: a child that is added, a configuration that
 * is read again, the end of it all. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "control/text.h"
#include "outcome.h"
#include "session.h"
#include "target.h"

/* Diagnostics of a configuration are lines of their own, in the form that editors know.
 */
static void print_diagnostics(const struct answer *a)
{
	const char *text = answer_text(a, "diagnostics");

	if (!text)
		return;
	(void)fd_write_all(STDERR_FILENO, text, strlen(text));
	if (*text && text[strlen(text) - 1] != '\n')
		(void)fd_write_all(STDERR_FILENO, "\n", 1);
}

/* The text of SPEC: itself, standard input, or a file. 0 with *ret_text malloc'ed. */
static int read_spec(const char *spec, char **ret_text)
{
	size_t len;
	int fd, r;

	if (spec[strspn(spec, " \t\r\n")] == '{') {
		*ret_text = strdup(spec);
		return *ret_text ? 0 : -ENOMEM;
	}
	if (strcmp(spec, "-") == 0)
		return fd_read_all(STDIN_FILENO, KICK_REQUEST_MAX, ret_text, &len);
	fd = open(spec, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = fd_read_all(fd, KICK_REQUEST_MAX, ret_text, &len);
	fd_close(fd);
	return r;
}

/* {"spec":...} from what the user gave. STATUS_DONE, or another status
 * after a message. */
static int spec_params(const char *spec, struct buf *params)
{
	autofree char *text = NULL;
	const char *end = NULL;
	cJSON *json;
	char *line;
	int r;

	r = read_spec(spec, &text);
	if (r < 0)
		return fail(
			STATUS_FAILED, "add: cannot read %s: %s", spec, strerror(-r));
	cJSON_Minify(text);
	json = cJSON_ParseWithOpts(text, &end, 1);
	line = cJSON_IsObject(json) ? cJSON_PrintUnformatted(json) : NULL;
	cJSON_Delete(json);
	if (!line)
		return fail(STATUS_CONFIG,
			"add: SPEC is not a JSON object, near \"%.30s\"",
			end && *end ? end : text);
	buf_adds(params, "{\"spec\":");
	buf_adds(params, line);
	buf_addc(params, '}');
	cJSON_free(line);
	return STATUS_DONE;
}

static int add_refused(const struct answer *a, const char *sup)
{
	const char *reason = session_reason(a);
	struct buf words;

	print_diagnostics(a);
	/* A request that could not be read was this specification. */
	if (a->code == PROTOCOL_E_PARSE || a->code == PROTOCOL_E_TOO_BIG)
		return fail(STATUS_CONFIG,
			"add: nothing was added to %s: the specification is refused: %s",
			sup, a->message);
	if (a->code == PROTOCOL_E_SPEC)
		return fail(STATUS_CONFIG,
			"add: nothing was added to %s: the "
			"specification is wrong",
			sup);
	if (a->code != PROTOCOL_E_REFUSED || strcmp(a->message, "start_failed") != 0 ||
		!reason)
		return session_refused(a, sup);
	buf_init(&words, 0);
	if (answer_text(a, "detail"))
		buf_addf(&words, "cannot be started: %s", answer_text(a, "detail"));
	else
		text_start_failure(&words, reason);
	complain("add: nothing was added to %s: it %s", sup, buf_text(&words));
	buf_done(&words);
	return STATUS_FAILED;
}

int verb_add(struct session *s, char **args, int n)
{
	struct outcome o = { .pid = TREE_NONE };
	struct answer a = { 0 };
	struct buf params;
	struct target t = { 0 };
	const char *path;
	int r;

	(void)n;
	buf_init(&params, 0);
	o.path = args[0];
	o.rc = spec_params(args[1], &params);
	if (o.rc == STATUS_DONE)
		o.rc = target_find_sup(s, args[0], &t);
	if (o.rc != STATUS_DONE)
		goto out;
	r = session_try(s, t.node->socket, "start_child", buf_text(&params), &a);
	if (r < 0) {
		o.rc = session_unreachable(s, r, t.path);
		goto out;
	}
	if (!a.result)
		o.rc = add_refused(&a, t.path);
	path = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(a.result, "path"));
	o.path = path ? path : t.path;
	outcome_take(&o, a.result ? a.result : a.data);
out:
	outcome_report(s, &o, a.message ? a.message : "no answer", NULL);
	answer_done(&a);
	target_done(&t);
	buf_done(&params);
	return o.rc;
}

/* `reload NAME` sends the child's reload_signal; no child has one in this version. */
static int reload_child(struct session *s, const char *name)
{
	struct target t;
	int rc;

	rc = target_find(s, name, &t);
	if (rc != STATUS_DONE)
		return rc;
	rc = fail(STATUS_FAILED,
		"%s has no reload_signal; kick reload without a name reads the configuration "
		"again",
		t.path);
	target_done(&t);
	return rc;
}

/* A child that the reload could not start: an object, or "PATH REASON". */
static void complain_failed(const cJSON *item)
{
	const char *path =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "path"));
	const char *reason =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "reason"));
	const char *line = cJSON_GetStringValue(item);
	size_t n = line ? strcspn(line, " ") : 0;
	struct buf words;

	if (line && line[n])
		reason = line + n + 1;
	buf_init(&words, 0);
	text_start_failure(&words, reason ? reason : "no reason given");
	if (line)
		complain("%.*s: %s", (int)n, line, buf_text(&words));
	else
		complain("%s: %s", path ? path : "-", buf_text(&words));
	buf_done(&words);
}

static int print_plan(struct session *s, const cJSON *result)
{
	const cJSON *plan = cJSON_GetObjectItemCaseSensitive(result, "plan");
	const cJSON *failed = cJSON_GetObjectItemCaseSensitive(result, "failed");
	const cJSON *item;
	char *text;

	if (session_json(s)) {
		text = cJSON_PrintUnformatted(result);
		buf_adds(&s->out, text ? text : "null");
		buf_addc(&s->out, '\n');
		cJSON_free(text);
	} else {
		cJSON_ArrayForEach(item, plan)
		{
			text_escape(&s->out,
				cJSON_IsString(item) ? item->valuestring : "-");
			buf_addc(&s->out, '\n');
		}
	}
	cJSON_ArrayForEach(item, failed) complain_failed(item);
	return cJSON_GetArraySize(failed) ? STATUS_FAILED : STATUS_DONE;
}

int verb_reload(struct session *s, char **args, int n)
{
	struct answer a = { 0 };
	const char *params =
		s->given & BIT(DRY_RUN) ? "{\"dry_run\":true}" : "{\"dry_run\":false}";
	int r, rc;

	if (n)
		return reload_child(s, args[0]);
	r = session_try(s, PROTOCOL_SOCKET_TOP, "reload", params, &a);
	if (r < 0)
		return session_unreachable(s, r, "reload");
	if (a.result) {
		rc = print_plan(s, a.result);
	} else if (a.code == PROTOCOL_E_SPEC) {
		print_diagnostics(&a);
		rc = fail(STATUS_CONFIG,
			"reload: the configuration is wrong; nothing was "
			"changed");
	} else {
		rc = session_refused(&a, "reload");
	}
	answer_done(&a);
	return rc;
}

/* Waits until the process is gone. */
static int await_end(const struct session *s, int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	for (;;) {
		int64_t left = s->deadline - clock_now();
		struct timespec ts = { left / SEC_NS, left % SEC_NS };
		int r;

		if (left < 0)
			return -ETIMEDOUT;
		r = ppoll(&p, 1, s->deadline == CLIENT_FOREVER ? NULL : &ts, NULL);
		if (r > 0)
			return 0;
		if (r < 0 && errno != EINTR)
			return -errno;
	}
}

static int pidfd_of(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* Gives the order and waits for the end of kickd's process. */
static int shut_down(struct session *s, pid_t root)
{
	autoclose int pidfd = -EBADF;
	struct answer a = { 0 };
	int r, rc;

	/* Held before the order is given: afterwards the number may be another's. */
	pidfd = pidfd_of(root);
	rc = session_call(s, PROTOCOL_SOCKET_TOP, "shutdown", NULL, "shutdown", &a);
	answer_done(&a);
	if (rc != STATUS_DONE || s->given & BIT(NO_WAIT))
		return rc;
	if (pidfd < 0)
		return fail(STATUS_FAILED,
			"shutdown: the order was given, but its end cannot be waited for: the "
			"process of kickd is not to be seen from here");
	r = await_end(s, pidfd);
	return r < 0 ? session_unreachable(s, r, "shutdown") : STATUS_DONE;
}

int verb_shutdown(struct session *s, char **args, int n)
{
	struct outcome o = { .pid = TREE_NONE };
	struct answer a = { 0 };
	const char *name;
	const cJSON *pid;

	(void)args;
	(void)n;
	o.rc = session_call(s, PROTOCOL_SOCKET_TOP, "status", NULL, "shutdown", &a);
	name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(a.result, "path"));
	pid = cJSON_GetObjectItemCaseSensitive(a.result, "root_pid");
	o.path = name ? name : "-";
	if (o.rc == STATUS_DONE)
		o.rc = shut_down(s, cJSON_IsNumber(pid) ? pid->valueint : -1);
	if (session_json(s))
		outcome_report(s, &o, "not done", NULL);
	answer_done(&a);
	return o.rc;
}
