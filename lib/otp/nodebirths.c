/* Births of which the node has not heard yet: of those that have ended already, how;
 * and those whose parent has ended, before it could tell. */
#include <signal.h>
#include <stddef.h>

#include "core/reason.h"
#include "os/reap.h"
#include "otp/nodeint.h"

/* As many as can end between a clone and the word of it. */
#define EARLY_LEN 256

static struct {
	pid_t pid;
	struct reason reason;
} early[EARLY_LEN];
static unsigned next_early;

/* Killed, and not yet reaped; what there is no room for is not waited for. */
static pid_t dying[NODE_BIRTHS];
static size_t n_dying;

static bool forget_dying(pid_t pid)
{
	for (size_t i = 0; i < n_dying; i++)
		if (dying[i] == pid) {
			dying[i] = dying[--n_dying];
			return true;
		}
	return false;
}

void births_kill(pid_t pid)
{
	if (pid <= 0 || !reap_is_child(pid))
		return;
	(void)kill(pid, SIGKILL);
	(void)forget_dying(pid);
	if (n_dying < NODE_BIRTHS)
		dying[n_dying++] = pid;
}

size_t births_dying(void)
{
	return n_dying;
}

void births_remember(pid_t pid, const struct reason *facts)
{
	unsigned i;

	if (forget_dying(pid))
		return;
	i = next_early++ % EARLY_LEN;
	early[i].pid = pid;
	early[i].reason = *facts;
}

/* How it ended before it was heard of; NULL: it has not. What is remembered of a pid
 * that is one of a child is of another process. What is forgotten was more than fit. */
const struct reason *births_early_end(pid_t pid)
{
	static struct reason forgotten;

	if (reap_is_child(pid))
		return NULL;
	for (size_t i = 0; i < EARLY_LEN && i < next_early; i++)
		if (early[i].pid == pid) {
			early[i].pid = 0;
			return &early[i].reason;
		}
	forgotten = reason_text("noproc");
	return &forgotten;
}

void births_end(struct node_counters *counters, uint64_t parent,
	void (*lost)(uint64_t id, pid_t pid))
{
	for (size_t i = 0; i < NODE_BIRTHS; i++) {
		struct node_birth *b = &counters->births[i];

		if (b->parent != parent)
			continue;
		if (b->id)
			lost(b->id, b->pid);
		b->id = 0;
		b->pid = 0;
		b->parent = 0;
	}
}
