/* The two servers behind the pages. They stand for any long-running program: a line as
 * they start, some work now and then, and an end when they are asked for it. */
#include <stdio.h>
#include <unistd.h>

#include "ending.h"
#include "roles.h"

int role_pledge_server(long number)
{
	(void)number;
	(void)printf("pledge_server: up as pid %d, no pledges yet\n", (int)getpid());
	(void)fflush(stdout);
	ending_wait();
	return 0;
}

int role_sensor_server(long seconds)
{
	unsigned long refreshes = 0;
	struct timespec next;

	(void)printf("sensor_server: up as pid %d, refreshing every %ld s\n",
		(int)getpid(), seconds);
	(void)fflush(stdout);
	(void)clock_gettime(CLOCK_MONOTONIC, &next);
	next.tv_sec += seconds;
	while (!ending_wait_until(&next)) {
		(void)printf("sensor_server: refresh %lu\n", ++refreshes);
		(void)fflush(stdout);
		next.tv_sec += seconds;
	}
	return 0;
}
