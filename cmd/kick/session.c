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

struct opened {
	struct opened *next;
	char socket[SOCKET_NAME_MAX];
	struct channel *channel;
};

void session_init(struct session *s)
{
	*s = (struct session){
		.lines = -1, .timeout_ns = -1, .deadline = CLIENT_FOREVER
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

static struct opened **find_opened(struct session *s, const char *socket)
{
	struct opened **at = &s->channels;

	while (*at && strcmp((*at)->socket, socket) != 0)
		at = &(*at)->next;
	return at;
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
			: channel_open(s->dir, socket, s->deadline, &o->channel, NULL);
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

int session_try(struct session *s, const char *socket, const char *method,
	const char *params, struct answer *ret)
{
	struct channel *ch;
	int r;

	r = session_connect(s, socket, &ch);
	if (r < 0)
		return r;
	r = channel_call(ch, method, params, s->deadline, ret, NULL);
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

int session_unreachable(struct session *s, int code, const char *what)
{
	char text[32];

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
	if (code == -ETIMEDOUT)
		return fail(STATUS_TIMEOUT, "%s: not done within %s (--timeout)", what,
			num_age(s->timeout_ns, text, sizeof text));
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

static int status_of(const struct answer *a)
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
	{ "already_present", "it is there already, not running; kick start starts it" },
	{ "running", "it is running; kick stop stops it" },
	{ "restarting", "it waits for its restart" },
	{ "max_children",
		"the supervisor has as many children as it may (max_children)" },
	{ "start_failed", "it could not be started" },
	{ "cancelled", "another order came in between" },
	{ "shutting_down", "its supervisor is ending, nothing is started any more" },
	{ "dynamic_supervisor", "not for children of a dynamic supervisor" },
	{ "no_memory", "its supervisor has no memory for it" },
	{ "not_running", "it has no process" },
	{ "reloading", "another reload is under way" },
	{ "trap_exit",
		"a supervisor traps exits, only kill ends it; "
		"kick stop stops it in order" },
	{ "use_shutdown", "use kick shutdown" },
};

const char *session_reason(const struct answer *a)
{
	const cJSON *last = cJSON_GetObjectItemCaseSensitive(a->data, "last_exit");
	const char *reason = answer_text(a, "reason");

	return reason ? reason
		      : cJSON_GetStringValue(
				cJSON_GetObjectItemCaseSensitive(last, "reason"));
}

static const char *words_of(const struct answer *a)
{
	const char *reason = session_reason(a);

	if (a->code == PROTOCOL_E_DENIED)
		return "not permitted; \"control\" in the configuration says who may";
	if (a->code == PROTOCOL_E_NOPROC)
		return "its supervisor is not running";
	for (size_t i = 0; a->code == PROTOCOL_E_REFUSED && i < ARRAY_LEN(refusals);
		i++)
		if (strcmp(refusals[i].atom, a->message) == 0)
			return refusals[i].words;
	return reason ? reason : a->message;
}

int session_refused(const struct answer *a, const char *what)
{
	return fail(status_of(a), "%s: %s", what, words_of(a));
}

int session_fetch(struct session *s, struct tree **ret_tree, struct node **ret_top,
	struct answer *ret_answer)
{
	struct channel *ch;
	int r;

	r = session_connect(s, PROTOCOL_SOCKET_TOP, &ch);
	if (r < 0)
		return r;
	r = client_tree(s->dir, ch, s->deadline, ret_tree, ret_top, ret_answer, NULL);
	if (r < 0 && r != -EREMOTEIO)
		session_drop(s, PROTOCOL_SOCKET_TOP);
	return r;
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
