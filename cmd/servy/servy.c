/* Servy, the application of many OTP courses: a small web server that is allowed to
 * crash, and two servers behind it that it calls by their names. One program with the
 * role as its argument, so that a supervision tree has something to hold. */
#include <stdio.h>
#include <string.h>

#include "base/macro.h"
#include "kick.h"
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
	{ "pledge_server", "", "keep the latest pledges", 0, 0, pledge_server_run },
	{ "sensor_server", " SECONDS", "read the sensors every SECONDS", 1, 1,
		sensor_server_run },
};

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

static int run(const struct role *r, char **argv)
{
	int e = kick_start();
	int status;

	if (e < 0) {
		(void)fprintf(stderr, "servy: cannot start its node: %s\n",
			strerrordesc_np(-e));
		return SERVY_FAILED;
	}
	status = r->run(argv);
	return status == SERVY_USAGE ? usage() : status;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	/* Whole lines, at once, into a pipe too: somebody reads them as they come. */
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
		const struct role *r = &roles[i];

		if (strcmp(r->name, name) != 0)
			continue;
		return argc - 2 < r->min || argc - 2 > r->max ? usage()
							      : run(r, argv + 1);
	}
	return usage();
}
