/* The one process of kick that touches workers' output and our stdout and stderr, so
 * that no supervisor ever waits for a disk or a terminal. It decides nothing: if it
 * dies, its successor reads the same pipes.
 *
 * Each turn of the loop reads what is ready, then writes what has come together; with
 * nothing to read nothing wakes up, and a second after the last activity the buffers go
 * back to the kernel. */
#include "logger/logger.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd.h"
#include "base/macro.h"
#include "control/server.h"
#include "core/sup.h"
#include "logger/announcer.h"
#include "logger/inbox.h"
#include "logger/query.h"
#include "logger/source.h"

/* After the end of the link: how long to wait for the other ends of pipes to close, and
 * until when the last byte has to be out. */
#define FINISH_WAIT_NS (1 * SEC_NS)
#define FINISH_MAX_NS (2 * SEC_NS)

#define REST_NS (1 * SEC_NS)

/* Notices taken in one turn: workers' output has its turn as well. */
#define NOTICES_TURN 64

/* Bytes of a child's last line in a message. */
#define LAST_LINE_SHOWN 400

struct logger {
	struct loop *loop;
	struct sink sinks[SOURCE_STREAMS];
	struct outputs outputs;
	struct sources sources;
	struct hub hub;
	struct inbox inbox;
	struct announcer announcer;
	struct query query;
	struct server *server;
	struct io link;
	struct io notices;
	struct buf ended;  /* ids for the root */
	struct timer rest; /* armed while buffers may hold memory */
	uint64_t seen;	   /* work that had been done when it was armed */
	uint64_t messages;
	struct timer late; /* after the end of the link */
	int64_t link_end;
	bool finishing;
	bool overdue;
};

/* --- sinks ---------------------------------------------------------------------- */

static void on_drained(struct sink *s)
{
	struct logger *lg = s->user;

	sources_resume(&lg->sources);
}

static void on_recovered(struct sink *s, uint64_t lost, int error)
{
	struct logger *lg = s->user;

	announcer_sayf(&lg->announcer, "%llu line%s could not be written to %s: %s",
		(unsigned long long)lost, lost == 1 ? "" : "s", s->name,
		strerror(-error));
}

static void open_sink(struct logger *lg, size_t i, int fd, const char *name)
{
	struct sink *s = &lg->sinks[i];

	sink_init(s, lg->loop, fd, name);
	s->user = lg;
	s->drained = on_drained;
	s->recovered = on_recovered;
	lg->sources.sinks[i] = s;
}

static void open_sinks(struct logger *lg)
{
	open_sink(lg, 0, STDOUT_FILENO, "stdout");
	if (sink_is_same(STDOUT_FILENO, STDERR_FILENO))
		lg->sources.sinks[1] = lg->sources.sinks[0];
	else
		open_sink(lg, 1, STDERR_FILENO, "stderr");
	announcer_init(&lg->announcer, lg->loop, lg->sources.sinks[1]);
}

static void flush_sinks(struct logger *lg)
{
	for (size_t i = 0; i < SOURCE_STREAMS; i++)
		if (!lg->sources.sinks[i]->blocked)
			sink_flush(lg->sources.sinks[i]);
}

/* --- rest ----------------------------------------------------------------------- */

static uint64_t work_done(const struct logger *lg)
{
	return lg->sources.reads + lg->messages;
}

static void on_rest(struct timer *t, int64_t now)
{
	struct logger *lg = container_of(t, struct logger, rest);

	if (lg->seen != work_done(lg)) {
		lg->seen = work_done(lg);
		loop_arm(lg->loop, t, now + REST_NS);
		return;
	}
	sources_rest(&lg->sources);
	for (size_t i = 0; i < SOURCE_STREAMS; i++)
		sink_rest(lg->sources.sinks[i]);
}

/* Buffers that were used are looked after until they have not been for a while. */
static void plan_rest(struct logger *lg)
{
	if (lg->rest.heap || lg->seen == work_done(lg))
		return;
	lg->seen = work_done(lg);
	loop_arm(lg->loop, &lg->rest, loop_now(lg->loop) + REST_NS);
}

/* --- the link ------------------------------------------------------------------- */

static void finish(struct logger *lg)
{
	loop_remove(lg->loop, &lg->link);
	if (lg->finishing)
		return;
	lg->finishing = true;
	lg->link_end = loop_now(lg->loop);
	loop_arm(lg->loop, &lg->late, lg->link_end + FINISH_WAIT_NS);
}

static void on_late(struct timer *t, int64_t now)
{
	struct logger *lg = container_of(t, struct logger, late);

	if (now >= lg->link_end + FINISH_MAX_NS) {
		lg->overdue = true;
		return;
	}
	sources_finish(&lg->sources);
	loop_arm(lg->loop, t, lg->link_end + FINISH_MAX_NS);
}

static void send_ended(struct logger *lg)
{
	ssize_t n = 0;

	if (!lg->link.slot)
		return;
	if (lg->ended.len > 0)
		n = send(lg->link.fd, lg->ended.data,
			lg->ended.len < LOGGER_ENDED_MAX ? lg->ended.len
							 : LOGGER_ENDED_MAX,
			MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n > 0)
		buf_drop(&lg->ended, (size_t)n);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		finish(lg);
		return;
	}
	if (lg->ended.len == 0)
		buf_done(&lg->ended);
	(void)loop_change(lg->loop, &lg->link,
		EPOLLIN | (lg->ended.len > 0 ? (uint32_t)EPOLLOUT : 0));
}

static void on_ended(void *user, uint64_t id)
{
	struct logger *lg = user;

	buf_add(&lg->ended, &id, sizeof id);
	send_ended(lg);
}

/* The root has nothing to say on the link but its end. */
static void on_link(struct io *io, uint32_t events)
{
	struct logger *lg = container_of(io, struct logger, link);
	char bytes[64];
	ssize_t n;

	if (events & EPOLLOUT)
		send_ended(lg);
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	n = recv(io->fd, bytes, sizeof bytes, MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		finish(lg);
}

/* --- notices -------------------------------------------------------------------- */

static void on_line(void *user, const struct output *o, uint32_t stream,
	const char *text, size_t len)
{
	struct logger *lg = user;

	hub_tell_line(&lg->hub, o->prefix, o->path_len, stream, text, len);
}

static void finish_process(struct logger *lg, const char *path)
{
	struct output *o;

	sources_catch_up(&lg->sources, path, true);
	o = outputs_find(&lg->outputs, path);
	if (o)
		outputs_unwatch(o);
}

/* Without a descriptor it is lost; its end tells the supervisor to ask again. */
static void take_watch(struct logger *lg, struct inbox *in)
{
	if (in->fd >= 0)
		sources_watch(&lg->sources, in->path, in->text, in->notice.id, in->fd);
}

static void take_event(struct logger *lg, struct inbox *in)
{
	const struct hub_event e = {
		.wall = in->notice.wall,
		.event = in->notice.event,
		.pid = in->notice.pid,
		.path = in->path,
		.reason = in->text,
	};

	/* What it had begun to say is not continued by its successor. */
	if (e.event == EVENT_EXITED)
		finish_process(lg, e.path);
	hub_tell_event(&lg->hub, &e);
}

static void say_with_line(struct logger *lg, const struct inbox *in, const char *last)
{
	struct buf text;

	buf_init(&text, NOTICE_MAX);
	buf_addf(&text, "%s: %s", in->text, last);
	announcer_say(&lg->announcer, buf_text(&text), in->notice.flags);
	buf_done(&text);
}

static void take_message(struct logger *lg, struct inbox *in)
{
	bool wants_line = in->notice.flags & NOTICE_LAST_LINE;
	char last[LAST_LINE_SHOWN];
	const struct output *o;

	if (*in->path)
		sources_catch_up(&lg->sources, in->path, wants_line);
	lg->messages++;
	o = wants_line ? outputs_find(&lg->outputs, in->path) : NULL;
	if (o && lastlines_newest(&o->last, last, sizeof last))
		say_with_line(lg, in, last);
	else
		announcer_say(&lg->announcer, in->text, in->notice.flags);
}

static void take_pipe(struct logger *lg, struct inbox *in)
{
	int r;

	if (in->fd < 0) {
		on_ended(lg, in->notice.id | LOGGER_LOST);
		return;
	}
	r = sources_add(
		&lg->sources, in->notice.id, in->fd, in->notice.stream, in->path);

	if (r < 0)
		announcer_sayf(&lg->announcer, "%s: its output cannot be read: %s",
			in->path, strerror(-r));
}

static void take_notice(struct logger *lg, struct inbox *in)
{
	static void (*const take[])(struct logger * lg, struct inbox * in) = {
		[NOTICE_EVENT] = take_event,
		[NOTICE_MESSAGE] = take_message,
		[NOTICE_PIPE] = take_pipe,
		[NOTICE_WATCH] = take_watch,
	};

	if (in->notice.lost > 0)
		hub_tell_event(&lg->hub,
			&(struct hub_event){
				.wall = in->notice.wall,
				.event = EVENT_LOST,
				.path = "",
				.reason = "",
				.count = in->notice.lost,
			});
	if (in->notice.kind < ARRAY_LEN(take))
		take[in->notice.kind](lg, in);
}

/* Takes max notices, and what is left of a datagram that has been begun: nothing would
 * wake us up for it. The number taken, or a negative errno at the end of file. */
static int take_notices(struct logger *lg, int max)
{
	int r;

	for (int i = 0; i < max || inbox_has_more(&lg->inbox); i++) {
		r = inbox_read(lg->notices.fd, &lg->inbox);
		if (r == 1)
			take_notice(lg, &lg->inbox);
		else if (r != -EPROTO)
			return r < 0 ? r : i;
	}
	return max;
}

static void on_notices(struct io *io, uint32_t events)
{
	struct logger *lg = container_of(io, struct logger, notices);
	int r = take_notices(lg, NOTICES_TURN);

	/* A datagram socket has no end of file; an empty datagram is none. */
	if (r < 0 && (r != -EPIPE || (events & (EPOLLHUP | EPOLLERR))))
		loop_remove(lg->loop, io);
}

/* --- life ----------------------------------------------------------------------- */

/* The logger ends when there is nothing left to write, not when it is told to: signals
 * to the whole container or terminal are for others. A background write to a terminal
 * must not stop it either. */
static void ignore_signals(void)
{
	static const int ignored[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE,
		SIGUSR1, SIGUSR2, SIGTTOU, SIGTTIN, SIGTSTP };
	const struct sigaction sa = { .sa_handler = SIG_IGN };

	for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
		(void)sigaction(ignored[i], &sa, NULL);
}

static bool is_done(struct logger *lg)
{
	if (!lg->finishing)
		return false;
	if (lg->overdue)
		return true;
	if (lg->sources.n > 0)
		return false;
	/* The last words may still be on their way. */
	while (take_notices(lg, NOTICES_TURN) >= NOTICES_TURN)
		continue;
	announcer_finish(&lg->announcer);
	flush_sinks(lg);
	return lg->sources.n == 0 && sink_is_empty(lg->sources.sinks[0]) &&
		sink_is_empty(lg->sources.sinks[1]);
}

static int open_server(struct logger *lg, const struct logger_start *start)
{
	const struct server_access access = { .group = start->group,
		.readers = start->readers };

	lg->query = (struct query){ .outputs = &lg->outputs, .hub = &lg->hub };
	if (start->listen < 0)
		return 0;
	return server_new(lg->loop, start->listen, &access, &query_handler, &lg->query,
		&lg->server);
}

static int begin(struct logger *lg, const struct logger_start *start)
{
	int r = loop_new(NULL, NULL, NULL, &lg->loop);

	if (r < 0)
		return r;
	lg->sources = (struct sources){
		.loop = lg->loop,
		.outputs = &lg->outputs,
		.user = lg,
		.line = on_line,
		.ended = on_ended,
	};
	lg->rest = (struct timer){ .call = on_rest, .at = -1 };
	lg->late = (struct timer){ .call = on_late, .at = -1 };
	lg->link = (struct io){ .call = on_link, .fd = start->link };
	lg->notices = (struct io){ .call = on_notices, .fd = start->notices };
	buf_init(&lg->ended, 0);
	hub_init(&lg->hub, lg->loop);
	open_sinks(lg);
	r = loop_add(lg->loop, &lg->link, EPOLLIN);
	if (r == 0)
		r = loop_add(lg->loop, &lg->notices, EPOLLIN);
	if (r == 0)
		r = open_server(lg, start);
	return r;
}

static void add_pipes(struct logger *lg, const struct logger_start *start)
{
	for (size_t i = 0; i < start->n_pipes; i++) {
		const struct logger_pipe *p = &start->pipes[i];

		int r = sources_add(&lg->sources, p->id, p->fd, p->stream, p->path);

		if (r < 0)
			announcer_sayf(&lg->announcer,
				"%s: its output cannot be read: %s", p->path,
				strerror(-r));
	}
}

static int serve(struct logger *lg)
{
	int r;

	do {
		r = loop_once(lg->loop);
		if (r < 0)
			return r;
		flush_sinks(lg);
		plan_rest(lg);
	} while (!is_done(lg));
	return 0;
}

static void end(struct logger *lg)
{
	server_free(lg->server);
	hub_done(&lg->hub);
	sources_done(&lg->sources);
	outputs_done(&lg->outputs);
	sink_done(&lg->sinks[0]);
	if (lg->sources.sinks[1] != &lg->sinks[0])
		sink_done(&lg->sinks[1]);
	buf_done(&lg->ended);
	loop_free(lg->loop);
}

_Noreturn void logger_main(const struct logger_start *start)
{
	/* Not on the stack: a big buffer in it costs nothing before it is used. */
	static struct logger lg;
	int r;

	ignore_signals();
	r = begin(&lg, start);
	if (r == 0) {
		add_pipes(&lg, start);
		r = serve(&lg);
	}
	if (r == 0)
		end(&lg);
	/* Whatever else is wrong, the root starts another. */
	_exit(r == 0 ? 0 : 1);
}
