/* Questions that a program answers: run as the child is (its environment, user and
 * directory), in a session and with a mark of its own. It is killed with its group at
 * the time-out and at the child's end; what has left its group is found by the mark, so
 * that nothing of a probe outlives it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/limits.h"
#include "os/reap.h"
#include "otp/internal.h"
#include "otp/probe.h"

/* --- what it prints -----------------------------------------------------------------
 */

/* Keeps the beginning of the last line that is not empty. */
static void keep_last(struct probe *p, const char *text, size_t n)
{
	const char *end = text + n, *line;
	size_t len;

	while (end > text && (end[-1] == '\n' || end[-1] == '\r'))
		end--;
	if (end == text)
		return;
	line = memrchr(text, '\n', (size_t)(end - text));
	line = line ? line + 1 : text;
	len = (size_t)(end - line);
	if (len >= sizeof p->last)
		len = sizeof p->last - 1;
	memcpy(p->last, line, len);
	p->last[len] = '\0';
	report_make_plain(p->last);
}

/* False: there is no more for now. */
static bool take_output(struct probe *p)
{
	char text[4096];
	ssize_t n = read(p->io.fd, text, sizeof text);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		loop_remove(p->child->sup->loop, &p->io);
		p->io.fd = fd_close(p->io.fd);
		return false;
	}
	keep_last(p, text, (size_t)n);
	p->printed += (uint32_t)n;
	return true;
}

static void on_output(struct io *io, uint32_t events)
{
	struct probe *p = container_of(io, struct probe, io);
	char text[80];

	(void)events;
	(void)take_output(p);
	if (p->printed <= KICK_PROBE_OUTPUT_MAX)
		return;
	(void)snprintf(text, sizeof text,
		"it prints more than %d bytes (KICK_PROBE_OUTPUT_MAX)",
		KICK_PROBE_OUTPUT_MAX);
	probe_exec_kill(p);
	probe_answer(p, PROBE_FAILED, text);
}

/* --- its end ------------------------------------------------------------------------
 */

void probe_exec_kill(struct probe *p)
{
	if (p->proc.pid == 0)
		return;
	reap_signal_group(&p->proc, SIGKILL);
	(void)kill(p->proc.pid, SIGKILL);
}

struct search {
	uint64_t mark;
	uint32_t n;
};

static void look_at(void *user, pid_t pid)
{
	struct search *s = user;
	uint64_t mark;

	if (mark_read(pid, &mark) < 0 || mark != s->mark)
		return;
	s->n++;
	(void)kill(pid, SIGKILL);
}

/* Its main process is reaped: whatever else of it has come to us is killed. */
static bool kill_rest(const struct probe *p)
{
	struct search s = { .mark = p->mark };

	(void)reap_adopted(look_at, &s);
	return s.n > 0;
}

static void forget(struct probe *p)
{
	struct probe **link = &p->child->sup->probes;

	while (*link != p)
		link = &(*link)->next;
	*link = p->next;
	p->mark = 0;
}

bool probes_have_mark(const struct supervisor *sv, uint64_t mark)
{
	for (const struct probe *p = sv->probes; p; p = p->next)
		if (p->mark == mark)
			return true;
	return false;
}

void probes_look_again(struct supervisor *sv)
{
	for (struct probe *p = sv->probes, *next; p; p = next) {
		next = p->next;
		if (p->proc.pid == 0 && !kill_rest(p))
			forget(p);
	}
}

static void tell(struct probe *p, const struct reason *facts)
{
	char text[2 * PROBE_TEXT_MAX], why[KICK_REASON_MAX];

	while (p->io.fd >= 0 && p->printed <= KICK_PROBE_OUTPUT_MAX && take_output(p))
		;
	if (facts->code == 0) {
		probe_answer(p, PROBE_WELL, "");
		return;
	}
	(void)snprintf(text, sizeof text, "%s%s%s",
		reason_describe(facts, why, sizeof why), *p->last ? ": " : "", p->last);
	probe_answer(p, PROBE_FAILED, text);
}

static struct probe *probe_of(const struct supervisor *sv, pid_t pid)
{
	struct probe *p = sv->probes;

	while (p && p->proc.pid != pid)
		p = p->next;
	return p;
}

const struct proc *probes_find(const struct supervisor *sv, pid_t pid)
{
	const struct probe *p = probe_of(sv, pid);

	return p ? &p->proc : NULL;
}

void probes_take_end(struct supervisor *sv, pid_t pid, const struct reason *facts)
{
	struct probe *p = probe_of(sv, pid);

	if (!p)
		return;
	p->proc.fd = fd_close(p->proc.fd);
	p->proc.pid = 0;
	if (!kill_rest(p))
		forget(p);
	if (p->running && p->spec.kind == PROBE_EXEC)
		tell(p, facts);
}

/* --- its start ----------------------------------------------------------------------
 */

static int run(struct probe *p, const struct probe_spec *spec, char *why, size_t size)
{
	struct supervisor *sv = p->child->sup;
	int ends[2];
	int r;

	(void)snprintf(why, size, "cannot open a pipe");
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	(void)fd_nonblock(ends[0], 1);
	p->io.fd = ends[0];
	p->io.call = on_output;
	r = loop_add(sv->loop, &p->io, EPOLLIN);
	if (r == 0)
		r = worker_spawn_probe(
			p->child, spec, p->mark, ends[1], &p->proc, why, size);
	(void)fd_close(ends[1]);
	return r;
}

void probe_exec(struct probe *p, const struct probe_spec *spec)
{
	struct supervisor *sv = p->child->sup;
	char why[PROBE_TEXT_MAX];
	int r;

	if (probe_has_rest(p)) {
		probe_answer(p, PROBE_FAILED, "the probe before cannot be killed");
		return;
	}
	p->printed = 0;
	p->last[0] = '\0';
	p->mark = mark_new(sv->node->tree, false);
	r = run(p, spec, why, sizeof why);
	if (r < 0) {
		p->mark = 0;
		probe_answer(p, spawn_for_want(r) ? PROBE_UNASKED : PROBE_FAILED, why);
		return;
	}
	p->next = sv->probes;
	sv->probes = p;
}
