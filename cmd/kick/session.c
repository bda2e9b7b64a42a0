/* Verbs say what they want; this file knows where kickd is, keeps one connection to
 * each process that is talked to, and turns what goes wrong into a message that says
 * what was tried, why it failed and what to do, and into the exit status that scripts
 * rely on. */
#include "session.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/num.h"
#include "control/text.h"
#include "hint.h"
#include "silence.h"

/* A wait that takes longer is explained on a terminal. */
#define HINT_NS (2 * SEC_NS)

struct opened {
	struct opened *next;
	char socket[SOCKET_NAME_MAX];
	struct channel *channel;
};

void session_init(struct session *s)
{
	*s = (struct session){
		.lines = -1,
		.before_dashes = -1,
		.timeout_ns = -1,
		.deadline = CLIENT_FOREVER,
		.answer_ns = KICK_ANSWER_MS * MSEC_NS,
		.hint_ns = HINT_NS,
	};
	buf_init(&s->out, 0);
}

static const char *env(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static const char *find_dir(struct session *s)
{
	const char *xdg = env("XDG_RUNTIME_DIR");
	int r;

	if (s->dir)
		return s->dir;
	if (env("KICK_RUNTIME_DIR"))
		return env("KICK_RUNTIME_DIR");
	if (geteuid() == 0)
		return "/run/kick";
	if (xdg)
		r = snprintf(s->dir_buf, sizeof s->dir_buf, "%s/kick", xdg);
	else
		r = snprintf(s->dir_buf, sizeof s->dir_buf, "/tmp/kick-%u", geteuid());
	return r > 0 && (size_t)r < sizeof s->dir_buf ? s->dir_buf : "/run/kick";
}

static bool utf8_locale(void)
{
	const char *locale = env("LC_ALL");

	if (!locale)
		locale = env("LC_CTYPE");
	if (!locale)
		locale = env("LANG");
	return locale && (strcasestr(locale, "utf-8") || strcasestr(locale, "utf8"));
}

static bool wants_colour(void)
{
	const char *term = env("TERM");

	return !env("NO_COLOR") && term && strcmp(term, "dumb") != 0 &&
		isatty(STDOUT_FILENO);
}

void session_begin(struct session *s)
{
	s->dir = find_dir(s);
	s->style = (struct render_style){ utf8_locale(), wants_colour(), clock_wall() };
	s->terminal = isatty(STDERR_FILENO);
	if (s->timeout_ns >= 0 &&
		__builtin_add_overflow(clock_now(), s->timeout_ns, &s->deadline))
		s->deadline = CLIENT_FOREVER;
}

int session_flush(struct session *s)
{
	int r;

	r = buf_ok(&s->out) ? fd_write_all(STDOUT_FILENO, buf_text(&s->out), s->out.len)
			    : -ENOMEM;
	buf_clear(&s->out);
	if (r < 0)
		return fail(STATUS_FAILED, "cannot write the answer: %s", strerror(-r));
	return STATUS_DONE;
}

int session_end(struct session *s, int rc)
{
	int r;

	if (s->in_array)
		buf_adds(&s->out, "]\n");
	r = session_flush(s);
	for (struct opened *o = s->channels, *next; o; o = next) {
		next = o->next;
		channel_free(o->channel);
		free(o);
	}
	buf_done(&s->out);
	return r != STATUS_DONE ? r : rc;
}

static void complain_v(const char *fmt, va_list ap) KICK_PRINTF(1, 0);

static void complain_v(const char *fmt, va_list ap)
{
	struct buf raw, line;

	buf_init(&raw, 0);
	buf_init(&line, 0);
	buf_addv(&raw, fmt, ap);
	buf_adds(&line, "kick: ");
	text_escape(&line, buf_text(&raw));
	buf_addc(&line, '\n');
	/* Nobody is left to be told when standard error cannot be written. */
	(void)fd_write_all(STDERR_FILENO, buf_text(&line), line.len);
	buf_done(&raw);
	buf_done(&line);
}

void complain(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain_v(fmt, ap);
	va_end(ap);
}

int fail(int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain_v(fmt, ap);
	va_end(ap);
	return rc;
}

int fail_verb(const char *name)
{
	const char *meant = verb_suggest(name);

	if (verb_is_planned(name))
		return fail(STATUS_USAGE, "%s: not in this version", name);
	if (meant)
		return fail(STATUS_USAGE,
			"unknown verb \"%s\"; did you mean \"%s\"? kick help lists them all",
			name, meant);
	return fail(
		STATUS_USAGE, "unknown verb \"%s\"; kick help lists them all", name);
}

int fail_usage(const struct verb *v)
{
	return fail(STATUS_USAGE, "usage: kick %s%s%s; see: kick help %s", v->name,
		*v->args ? " " : "", v->args, v->name);
}

static struct opened **find_opened(struct session *s, const char *socket)
{
	struct opened **at = &s->channels;

	while (*at && strcmp((*at)->socket, socket) != 0)
		at = &(*at)->next;
	return at;
}

int64_t session_until(const struct session *s)
{
	if (s->patient || s->timeout_ns >= 0)
		return s->deadline;
	return clock_now() + s->answer_ns;
}

struct walk session_walk(const struct session *s)
{
	return (struct walk){ s->dir, s->deadline, s->answer_ns };
}

void session_asks(struct session *s, const struct node *n)
{
	(void)snprintf(s->asked.socket, sizeof s->asked.socket, "%s",
		n->socket ? n->socket : "");
	(void)snprintf(s->asked.path, sizeof s->asked.path, "%s", n->path);
	(void)snprintf(s->asked.type, sizeof s->asked.type, "%s", n->type);
	s->asked.pid = n->pid;
}

int session_connect(struct session *s, const char *socket, struct channel **ret)
{
	struct opened **at = find_opened(s, socket);
	struct opened *o = *at;
	int r;

	if (!o) {
		o = calloc(1, sizeof *o);
		if (!o)
			return -ENOMEM;
		r = snprintf(o->socket, sizeof o->socket, "%s", socket);
		r = r < 0 || (size_t)r >= sizeof o->socket
			? -EPROTO
			: channel_open(
				  s->dir, socket, session_until(s), &o->channel, NULL);
		if (r < 0) {
			free(o);
			return r;
		}
		*at = o;
	}
	*ret = o->channel;
	return 0;
}

void session_drop(struct session *s, const char *socket)
{
	struct opened **at = find_opened(s, socket);
	struct opened *o = *at;

	if (!o)
		return;
	*at = o->next;
	channel_free(o->channel);
	free(o);
}

static int call(struct session *s, const char *socket, const char *method,
	const char *params, struct answer *ret)
{
	struct channel *ch;
	int64_t until;
	int r;

	r = session_connect(s, socket, &ch);
	if (r < 0)
		return r;
	until = session_until(s);
	r = channel_ask(ch, method, params, until);
	if (r < 0)
		return r;
	do
		r = channel_answer(ch, hint_cut(s, until), ret);
	while (r == -ETIMEDOUT && hint_due(s));
	return r;
}

int session_try(struct session *s, const char *socket, const char *method,
	const char *params, struct answer *ret)
{
	int r = call(s, socket, method, params, ret);

	/* A socket below that of the top supervisor goes with its process. */
	if (is_absent(r) && strcmp(socket, PROTOCOL_SOCKET_TOP) != 0 &&
		strcmp(socket, PROTOCOL_SOCKET_LOGGER) != 0)
		r = -ESRCH;
	s->silent[0] = '\0';
	if (r == -ETIMEDOUT && !s->patient)
		(void)snprintf(s->silent, sizeof s->silent, "%s", socket);
	if (r < 0)
		session_drop(s, socket);
	return r;
}

int session_call(struct session *s, const char *socket, const char *method,
	const char *params, const char *what, struct answer *ret)
{
	struct answer a = { 0 };
	int r;

	r = session_try(s, socket, method, params, &a);
	if (r < 0)
		return session_unreachable(s, r, what);
	if (!a.result) {
		r = session_refused(&a, what);
		answer_done(&a);
		return r;
	}
	*ret = a;
	return STATUS_DONE;
}

bool is_absent(int code)
{
	return code == -ENOENT || code == -ECONNREFUSED || code == -ENOTDIR;
}

/* A deadline has passed: that of the user, or that of an answer. */
static int out_of_time(struct session *s, const char *what)
{
	struct buf words;
	char text[32];
	int rc;

	buf_init(&words, 0);
	if (s->timeout_ns < 0) {
		silence_tell(s, s->silent, s->answer_ns, &words);
		rc = fail(STATUS_FAILED, "%s: %s", what, buf_text(&words));
	} else {
		if (*s->silent) {
			buf_adds(&words, ": ");
			silence_tell(s, s->silent, -1, &words);
		} else if (s->missing && s->missing->len) {
			buf_addf(&words, ": it waited for %s", buf_text(s->missing));
		} else if (s->missing) {
			buf_addf(&words, ": nobody answers in %s", s->dir);
		}
		rc = fail(STATUS_TIMEOUT, "%s: not done within %s (--timeout)%s", what,
			num_age(s->timeout_ns, text, sizeof text), buf_text(&words));
	}
	buf_done(&words);
	return rc;
}

int session_unreachable(struct session *s, int code, const char *what)
{
	if (is_absent(code))
		return fail(STATUS_NO_KICKD,
			"%s: kickd is not running: nobody answers in %s; "
			"-R DIR names another runtime directory",
			what, s->dir);
	if (code == -EACCES || code == -EPERM)
		return fail(STATUS_DENIED,
			"%s: not permitted to talk to kickd in %s; "
			"\"control\" in its configuration says who may",
			what, s->dir);
	if (code == -ESRCH)
		return fail(STATUS_FAILED,
			"%s: the process to ask has ended in the meantime; see: kick "
			"status",
			what);
	if (code == -ETIMEDOUT)
		return out_of_time(s, what);
	if (code == -ECONNRESET)
		return fail(STATUS_FAILED,
			"%s: the connection ended before the answer came; "
			"see: kick status, kick events",
			what);
	return fail(STATUS_FAILED, "%s: cannot talk to kickd in %s: %s", what, s->dir,
		strerror(-code));
}

static const struct {
	int code;
	enum status status;
} codes[] = {
	{ PROTOCOL_E_DENIED, STATUS_DENIED },
	{ PROTOCOL_E_SPEC, STATUS_CONFIG },
};

int session_status(const struct answer *a)
{
	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (codes[i].code == a->code)
			return (int)codes[i].status;
	if (a->code == PROTOCOL_E_REFUSED && strcmp(a->message, "not_found") == 0)
		return STATUS_NO_NAME;
	return STATUS_FAILED;
}

/* What the atoms of refusals say to a person. */
static const struct {
	const char *atom, *words;
} refusals[] = {
	{ "not_found", "no such child" },
	{ "already_started", "it is running already" },
	{ "already_present",
		"it is there already and not running; kick start starts it" },
	{ "running", "it is running; kick stop stops it" },
	{ "restarting", "it waits for its restart; kick stop ends that" },
	{ "cancelled", "it was told to stop in the meantime, by another order" },
	{ "shutting_down", "its supervisor is ending, nothing is started any more" },
	{ "dynamic_supervisor",
		"children of a dynamic supervisor are started by kick add only, and "
		"gone when they end" },
	{ "no_listen",
		"it has no \"listen\", so there cannot be two of it at a time; kick restart "
		"stops it first" },
	{ "has_link",
		"it speaks libkick (\"link\"), and two of it at a time would have the same "
		"names; kick restart stops it first" },
	{ "rolling", "a rolling restart of it is under way" },
	{ "no_memory", "its supervisor has no memory for that" },
	{ "not_running", "it has no process" },
	{ "reloading", "another reload is under way; try again when it is done" },
	{ "trap_exit",
		"a supervisor traps exits, only kill ends it; "
		"kick stop stops it in order" },
	{ "use_shutdown", "use kick shutdown" },
};

static const char *reason_of(const struct answer *a)
{
	const cJSON *last = cJSON_GetObjectItemCaseSensitive(a->data, "last_exit");
	const char *reason = answer_text(a, "reason");

	return reason ? reason
		      : cJSON_GetStringValue(
				cJSON_GetObjectItemCaseSensitive(last, "reason"));
}

void session_start_failure(const struct answer *a, struct buf *out)
{
	const char *detail = answer_text(a, "detail");
	const char *reason = reason_of(a);

	if (detail)
		buf_addf(out, "cannot be started: %s", detail);
	else
		text_start_failure(out, reason ? reason : "no reason was given");
}

/* A dynamic supervisor has as many children as it may. */
static void add_full(const struct answer *a, struct buf *out)
{
	const cJSON *max = cJSON_GetObjectItemCaseSensitive(a->data, "max_children");

	buf_adds(out, "it has as many children as its max_children allows");
	if (cJSON_IsNumber(max))
		buf_addf(out, ", %.0f", max->valuedouble);
	buf_adds(out, "; kick stop of one of them makes room");
}

void session_words(const struct answer *a, struct buf *out)
{
	if (a->code == PROTOCOL_E_DENIED) {
		buf_adds(out,
			"not permitted; \"control\" in the configuration says who may");
	} else if (a->code == PROTOCOL_E_NOPROC) {
		buf_adds(out, "its supervisor is not running");
	} else if (a->code != PROTOCOL_E_REFUSED) {
		buf_adds(out, a->message);
	} else if (strcmp(a->message, "start_failed") == 0) {
		buf_adds(out, "it ");
		session_start_failure(a, out);
	} else if (strcmp(a->message, "max_children") == 0) {
		add_full(a, out);
	} else {
		const char *detail = answer_text(a, "detail");
		const char *words = detail ? detail : a->message;

		for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
			if (strcmp(refusals[i].atom, a->message) == 0)
				words = refusals[i].words;
		buf_adds(out, words);
		if (strcmp(a->message, "not_running") == 0 && answer_text(a, "state"))
			buf_addf(out, ", it is %s", answer_text(a, "state"));
	}
}

int session_refused(const struct answer *a, const char *what)
{
	struct buf words;
	int rc;

	buf_init(&words, 0);
	session_words(a, &words);
	rc = fail(session_status(a), "%s: %s", what, buf_text(&words));
	buf_done(&words);
	return rc;
}

int session_fetch(struct session *s, struct tree **ret_tree, struct node **ret_top,
	struct answer *ret_answer)
{
	struct walk w = session_walk(s);
	struct answer a = { 0 };
	int r;

	r = session_try(s, PROTOCOL_SOCKET_TOP, "status", NULL, &a);
	if (r < 0)
		return r;
	if (!a.result) {
		*ret_answer = a;
		return -EREMOTEIO;
	}
	return client_tree(&w, &a, ret_tree, ret_top);
}

int session_tree(struct session *s, struct tree **ret_tree, struct node **ret_top)
{
	struct answer a = { 0 };
	int r;

	r = session_fetch(s, ret_tree, ret_top, &a);
	if (r == -EREMOTEIO) {
		r = session_refused(&a, s->verb->name);
		answer_done(&a);
		return r;
	}
	return r < 0 ? session_unreachable(s, r, s->verb->name) : STATUS_DONE;
}
