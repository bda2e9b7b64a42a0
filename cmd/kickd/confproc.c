/* See confproc.h. */
#include "confproc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/limits.h"
#include "config/load.h"
#include "otp/process.h"
#include "status.h"

static bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool same_gid(const uint32_t *a, const uint32_t *b)
{
	return (!a && !b) || (a && b && *a == *b);
}

/* What a running kickd cannot change. */
static int refuse_changes(const struct config *old, const struct config *new,
	const char *file, struct buf *diag)
{
	if (!same_text(REL_STR(old->name), REL_STR(new->name))) {
		buf_addf(diag,
			"%s: error: \"name\" is \"%s\", but this kickd runs \"%s\"; the "
			"name cannot be changed by a reload [.name]\n",
			file, REL_STR(new->name), REL_STR(old->name));
		return -EINVAL;
	}
	if (old->control_mode == new->control_mode &&
		same_gid(REL_GET(uint32_t, old->control_group),
			REL_GET(uint32_t, new->control_group)) &&
		same_gid(REL_GET(uint32_t, old->control_readers),
			REL_GET(uint32_t, new->control_readers)))
		return 0;
	buf_addf(diag,
		"%s: error: \"control\" cannot be changed by a reload; start kickd "
		"again to change it [.control]\n",
		file);
	return -EINVAL;
}

static int load(const char *file, const struct config *old, const struct confproc *cp)
{
	autofree void *block = NULL;
	struct buf text, plan;
	size_t size = 0;
	int r;

	buf_init(&text, 0);
	buf_init(&plan, 0);
	r = config_load(file, &text, &block, &size);
	if (r == 0 && old)
		r = refuse_changes(old, block, file, &text);
	if (r == 0)
		r = fd_write_all(cp->block, block, size);
	if (r == 0 && old) {
		unsigned n = config_plan(old, block, &plan);

		buf_clear(&text);
		buf_addf(&text, "%u\n%s", n, buf_text(&plan));
	}
	(void)fd_write_all(cp->text, buf_text(&text), text.len);
	return r == 0 ? 0 : STATUS_CONFIG;
}

static struct {
	int text;
	char message[512];
	size_t n;
} late;

static void on_late(int sig)
{
	(void)sig;
	(void)!write(late.text, late.message, late.n);
	_exit(STATUS_CONFIG);
}

static void bound(const char *file, const struct confproc *cp)
{
	struct sigaction sa = { .sa_handler = on_late };
	int n = snprintf(late.message, sizeof late.message,
		"%.400s: error: cannot be read within %d s, with all included files "
		"(KICK_CONFIG_SECONDS)\n",
		file, KICK_CONFIG_SECONDS);

	late.text = cp->text;
	late.n = n < 0 ? 0 : (size_t)n;
	(void)sigaction(SIGALRM, &sa, NULL);
	(void)alarm(KICK_CONFIG_SECONDS);
}

static _Noreturn void child(
	const char *file, const struct config *old, const struct confproc *cp)
{
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)prctl(PR_SET_NAME, "kick:conf");
	process_set_title("kickd: config");
	if (old)
		bound(file, cp);
	_exit(load(file, old, cp));
}

int confproc_start(const char *file, const struct config *old, struct confproc *ret)
{
	struct confproc cp = { .proc.fd = -1, .block = -1, .text = -1 };
	int r = 0;

	cp.block = memfd_create("kick-config", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	cp.text = memfd_create("kick-text", MFD_CLOEXEC);
	if (cp.block < 0 || cp.text < 0) {
		r = -errno;
		confproc_done(&cp);
		return r;
	}
	cp.proc.pid = fork();
	if (cp.proc.pid == 0)
		child(file, old, &cp);
	if (cp.proc.pid < 0) {
		r = -errno;
		confproc_done(&cp);
		return r;
	}
	*ret = cp;
	return 0;
}

int confproc_ended(struct confproc *cp, const struct reason *reason)
{
	int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;

	cp->proc.pid = 0;
	if (reason->code == STATUS_CONFIG)
		return -EINVAL;
	if (reason->code != 0)
		return -EIO;
	return fcntl(cp->block, F_ADD_SEALS, seals) < 0 ? -errno : 0;
}

void confproc_done(struct confproc *cp)
{
	cp->block = fd_close(cp->block);
	cp->text = fd_close(cp->text);
}
