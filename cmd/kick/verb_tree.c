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
#include "hint.h"
#include "outcome.h"
#include "session.h"
#include "silence.h"
#include "target.h"

/* How an order of the whole tree is waited for: without a limit but --timeout, and
 * explained when it takes long. */
static void be_patient(struct session *s,
	void (*say)(struct session *s, void *user, struct buf *out), void *user)
{
	s->patient = true;
	hint_arm(s, say, user);
}

static void be_brisk(struct session *s)
{
	hint_disarm(s);
	s->patient = false;
}

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

	if (strchr("{[", spec[strspn(spec, " \t\r\n")])) {
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

/* A new child: where it is to be, and what of. */
struct addition {
	const char *sup;	  /* its path */
	char id[KICK_ID_MAX + 1]; /* of the specification, or "" */
	bool at_top;
	char path[KICK_PATH_MAX]; /* what the outcome is about */
	struct buf params;
};

/* {"spec":...} from what the user gave. STATUS_DONE, or another status after a message.
 */
static int spec_params(const char *spec, struct addition *add)
{
	autofree char *text = NULL;
	const char *end = NULL, *id;
	cJSON *json;
	char *line;
	int r;

	r = read_spec(spec, &text);
	if (r == -EFBIG)
		return fail(STATUS_CONFIG,
			"add: %s is longer than %d bytes (KICK_REQUEST_MAX)", spec,
			KICK_REQUEST_MAX);
	if (r < 0)
		return fail(
			STATUS_FAILED, "add: cannot read %s: %s", spec, strerror(-r));
	cJSON_Minify(text);
	json = cJSON_ParseWithOpts(text, &end, 1);
	line = cJSON_IsObject(json) ? cJSON_PrintUnformatted(json) : NULL;
	id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "id"));
	(void)snprintf(add->id, sizeof add->id, "%s", id ? id : "");
	cJSON_Delete(json);
	if (!line)
		return fail(STATUS_CONFIG,
			"add: SPEC is not a JSON object, near \"%.30s\"",
			end && *end ? end : text);
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): autofree */
	buf_adds(&add->params, "{\"spec\":");
	buf_adds(&add->params, line);
	buf_addc(&add->params, '}');
	cJSON_free(line);
	return STATUS_DONE;
}

/* The path that the new child has, or would have had. */
static void add_path(struct buf *out, const struct addition *add)
{
	if (!add->at_top)
		buf_addf(out, "%s%s", add->sup, *add->id ? "/" : "");
	buf_adds(out, add->id);
}

/* Why nothing was added, as the end of "nothing was added to SUP: ". */
static void refusal_words(
	const struct answer *a, const struct addition *add, struct buf *out)
{
	bool running = strcmp(a->message, "already_started") == 0;

	/* A request that could not be read was this specification. */
	if (a->code == PROTOCOL_E_PARSE || a->code == PROTOCOL_E_TOO_BIG) {
		buf_addf(out, "the specification is refused: %s", a->message);
	} else if (a->code == PROTOCOL_E_SPEC) {
		buf_adds(out, "the specification is wrong");
	} else if (a->code == PROTOCOL_E_REFUSED &&
		(running || strcmp(a->message, "already_present") == 0)) {
		add_path(out, add);
		buf_adds(out,
			running ? " is running already"
				: " is there already, and not running; kick "
				  "start starts it, kick delete removes it");
	} else {
		session_words(a, out);
	}
}

static int add_refused(struct session *s, const struct answer *a,
	const struct addition *add, struct outcome *o)
{
	bool started = *add->id && a->code == PROTOCOL_E_REFUSED &&
		strcmp(a->message, "start_failed") == 0;
	char path[KICK_PATH_MAX];
	struct buf text;

	buf_init(&text, 0);
	add_path(&text, add);
	(void)snprintf(path, sizeof path, "%s", buf_text(&text));
	buf_done(&text);
	print_diagnostics(a);
	refusal_words(a, add, &o->error);
	if (started)
		outcome_find_cause(s, a->data, path, &o->error);
	complain("add: nothing was added to %s: %s", add->sup, buf_text(&o->error));
	if (started)
		outcome_last_words(s, path);
	if (a->code == PROTOCOL_E_PARSE || a->code == PROTOCOL_E_TOO_BIG)
		return STATUS_CONFIG;
	return session_status(a);
}

static void say_addition(struct session *s, void *user, struct buf *out)
{
	const struct addition *add = user;

	if (*add->id)
		add_path(out, add);
	else
		buf_addf(out, "the new child of %s", add->sup);
	buf_adds(out, " to be ready");
	silence_if_stopped(s, s->asked.socket, out);
	buf_adds(out, "; ^C gives up waiting, the start goes on");
}

/* Adds it. An enum status; *o says more. */
static int add_child(struct session *s, const struct target *t, struct addition *add,
	struct outcome *o)
{
	struct answer a = { 0 };
	const char *path;
	int r;

	add->sup = t->path;
	add->at_top = target_is_app(t);
	be_patient(s, say_addition, add);
	r = session_try(s, t->node->socket, "start_child", buf_text(&add->params), &a);
	be_brisk(s);
	if (r < 0) {
		buf_adds(&o->error, "no answer");
		return session_unreachable(s, r, t->path);
	}
	r = a.result ? STATUS_DONE : add_refused(s, &a, add, o);
	path = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(a.result, "path"));
	(void)snprintf(add->path, sizeof add->path, "%s", path ? path : t->path);
	outcome_take(o, a.result ? a.result : a.data);
	answer_done(&a);
	return r;
}

int verb_add(struct session *s, char **args, int n)
{
	struct outcome o = { .pid = TREE_NONE };
	struct addition add = { .sup = args[0] };
	struct target t = { 0 };

	(void)n;
	buf_init(&o.error, 0);
	buf_init(&add.params, 0);
	(void)snprintf(add.path, sizeof add.path, "%s", args[0]);
	o.rc = spec_params(args[1], &add);
	if (o.rc == STATUS_DONE)
		o.rc = target_find_sup(s, args[0], &t);
	if (o.rc == STATUS_DONE)
		o.rc = add_child(s, &t, &add, &o);
	o.path = add.path;
	outcome_report(s, &o, o.error.len ? buf_text(&o.error) : "not done", NULL);
	target_done(&t);
	buf_done(&add.params);
	buf_done(&o.error);
	return o.rc;
}

/* Into sig; "" without one. */
static int find_reload_signal(struct session *s, const struct target *t, char sig[32])
{
	struct answer a = { 0 };
	struct buf params;
	const char *name;
	int rc;

	*sig = '\0';
	if (!*t->owner)
		return STATUS_DONE;
	buf_init(&params, 0);
	target_params(&params, t->id, "");
	rc = session_call(s, t->owner, "get_childspec", buf_text(&params), t->path, &a);
	name = cJSON_GetStringValue(
		cJSON_GetObjectItemCaseSensitive(a.result, "reload_signal"));
	if (rc == STATUS_DONE && name)
		(void)snprintf(sig, 32, "%s", name);
	answer_done(&a);
	buf_done(&params);
	return rc;
}

/* `reload NAME` sends the child's reload_signal. */
static int reload_child(struct session *s, char *name)
{
	char sig[32];
	struct target t;
	int rc;

	rc = target_find(s, name, &t);
	if (rc != STATUS_DONE)
		return rc;
	rc = find_reload_signal(s, &t, sig);
	if (rc == STATUS_DONE && *sig)
		rc = verb_signal(s, (char *[]){ sig, name }, 2);
	else if (rc == STATUS_DONE)
		rc = fail(STATUS_FAILED,
			"%s has no reload_signal; kick reload without a name reads the "
			"configuration again",
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

static void say_reload(struct session *s, void *user, struct buf *out)
{
	(void)user;
	if (s->given & BIT(DRY_RUN)) {
		buf_adds(out, "the configuration to be read");
		silence_if_stopped(s, PROTOCOL_SOCKET_TOP, out);
		return;
	}
	buf_adds(out,
		"the reload: what it stops may take its shutdown time, what it starts "
		"its start_timeout");
	silence_if_stopped(s, PROTOCOL_SOCKET_TOP, out);
	buf_adds(out, "; ^C gives up waiting, the reload goes on");
}

int verb_reload(struct session *s, char **args, int n)
{
	struct answer a = { 0 };
	const char *params =
		s->given & BIT(DRY_RUN) ? "{\"dry_run\":true}" : "{\"dry_run\":false}";
	int r, rc;

	if (n)
		return reload_child(s, args[0]);
	be_patient(s, say_reload, NULL);
	r = session_try(s, PROTOCOL_SOCKET_TOP, "reload", params, &a);
	be_brisk(s);
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
static int await_end(struct session *s, int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	for (;;) {
		int64_t until = hint_cut(s, s->deadline);
		int64_t left = until - clock_now();
		struct timespec ts = { left / SEC_NS, left % SEC_NS };
		int r;

		if (left < 0 && !hint_due(s))
			return -ETIMEDOUT;
		if (left < 0)
			continue;
		r = ppoll(&p, 1, until == CLIENT_FOREVER ? NULL : &ts, NULL);
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

static void say_shutdown(struct session *s, void *user, struct buf *out)
{
	const pid_t *root = user;

	buf_addf(
		out, "kickd (pid %d) to end: the tree is stopped in order", (int)*root);
	silence_if_stopped(s, PROTOCOL_SOCKET_TOP, out);
	buf_adds(out, "; ^C gives up waiting, the shutdown goes on");
}

/* Gives the order and waits for the end of kickd's process. */
static int give_shutdown(struct session *s, pid_t root)
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

static int shut_down(struct session *s, pid_t root)
{
	int rc;

	if (!(s->given & BIT(NO_WAIT)))
		be_patient(s, say_shutdown, &root);
	rc = give_shutdown(s, root);
	be_brisk(s);
	return rc;
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
