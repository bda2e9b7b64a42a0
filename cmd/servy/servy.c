/* Servy, the application of many OTP courses: a small web server that is allowed to
 * crash, and two services behind it. One program with the role as its argument, so that
 * a supervision tree has something to hold. It knows nothing of kick. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/macro.h"
#include "servy.h"

struct role {
	const char *name;
	const char *arguments;
	const char *help;
	int min; /* arguments */
	int max;
	int (*run)(char **argv);
};

static const struct role roles[] = {
	{ "http_server", " [PORT]", "serve pages on 127.0.0.1, port 4000", 0, 1,
		http_server_run },
	{ "pledge_server", "", "keep the pledges", 0, 0, pledge_server_run },
	{ "sensor_server", " SECONDS", "read the sensors every SECONDS", 1, 1,
		sensor_server_run },
};

static void stop_signals(sigset_t *set)
{
	(void)sigemptyset(set);
	(void)sigaddset(set, SIGTERM);
	(void)sigaddset(set, SIGINT);
}

void hold_stop_signals(void)
{
	sigset_t set;

	stop_signals(&set);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
}

bool wait_for_stop(int64_t deadline_ns)
{
	sigset_t set;

	stop_signals(&set);
	for (;;) {
		int64_t left = deadline_ns < 0 ? 0 : deadline_ns - clock_now();
		struct timespec ts = { 0 };
		int sig;

		if (left > 0) {
			ts.tv_sec = left / SEC_NS;
			ts.tv_nsec = left % SEC_NS;
		}
		sig = sigtimedwait(&set, NULL, deadline_ns < 0 ? NULL : &ts);
		if (sig > 0)
			return true;
		/* EINTR is a stop and a continuation: the wait goes on. */
		if (errno == EAGAIN)
			return false;
	}
}

static int usage(void)
{
	for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
		const struct role *r = &roles[i];
		int width = 22 - (int)strlen(r->name);

		(void)fprintf(stderr, "%s servy %s%-*s %s\n",
			i == 0 ? "usage:" : "      ", r->name, width, r->arguments,
			r->help);
	}
	return SERVY_USAGE;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	/* Whole lines, at once, into a pipe too: somebody reads them as they come. */
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
		const struct role *r = &roles[i];
		int status;

		if (strcmp(r->name, name) != 0)
			continue;
		if (argc - 2 < r->min || argc - 2 > r->max)
			return usage();
		status = r->run(argv + 1);
		return status == SERVY_USAGE ? usage() : status;
	}
	return usage();
}
