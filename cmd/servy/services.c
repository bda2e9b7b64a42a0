/* The two services behind the web server. For now they live for themselves: they show
 * that they run, and what a restart means to a process that has something to lose. */
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/macro.h"
#include "base/num.h"
#include "servy.h"

/* A year: nobody waits longer for a sensor. */
#define SECONDS_MAX (366 * 86400)

int pledge_server_run(char **argv)
{
	(void)argv;
	hold_stop_signals();
	(void)printf("pledge_server: up as %d, no pledges yet\n", (int)getpid());
	(void)wait_for_stop(-1);
	return SERVY_DONE;
}

int sensor_server_run(char **argv)
{
	unsigned long long refreshes = 0;
	int64_t seconds;
	int64_t due;

	if (num_int(argv[1], 1, SECONDS_MAX, &seconds) < 0) {
		(void)fprintf(stderr,
			"servy: \"%s\" is no number of seconds from 1 to %d\n", argv[1],
			SECONDS_MAX);
		return SERVY_USAGE;
	}
	hold_stop_signals();
	(void)printf("sensor_server: up as %d, reading every %d s\n", (int)getpid(),
		(int)seconds);
	/* From deadline to deadline: the time that a reading takes does not add up. */
	for (due = clock_now() + seconds * SEC_NS; !wait_for_stop(due);
		due += seconds * SEC_NS)
		(void)printf("sensor_server: reading %llu, 3 cameras, 1 location\n",
			++refreshes);
	return SERVY_DONE;
}
