/* The only place that reads a clock. The calendar is computed here and not by gmtime_r,
 * which would read the time zone's file on its first call: supervisors open nothing. */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

#include "base/macro.h"

#define DAY_MS INT64_C(86400000)

static int64_t clock_read(clockid_t id)
{
	struct timespec ts = { 0 };

	/* Cannot fail for these two clocks. */
	(void)clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * SEC_NS + ts.tv_nsec;
}

int64_t clock_now(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

int64_t clock_wall(void)
{
	return clock_read(CLOCK_REALTIME);
}

int64_t clock_deadline(int64_t ms)
{
	int64_t ns;

	if (ms < 0 || __builtin_mul_overflow(ms, MSEC_NS, &ns) ||
		__builtin_add_overflow(ns, clock_now(), &ns))
		return INT64_MAX;
	return ns;
}

int64_t clock_ms_left(int64_t deadline)
{
	int64_t left = deadline == INT64_MAX ? 0 : deadline - clock_now();

	if (deadline == INT64_MAX)
		return -1;
	return left <= 0 ? 0 : left / MSEC_NS + (left % MSEC_NS > 0);
}

struct date {
	int year;
	int month;
	int day;
};

/* Years are counted from March, so that a leap day is the last day of its year, and in
 * eras of 400 years, which all have the same 146097 days. */
static struct date date_of(int64_t days)
{
	int64_t shifted = days + 719468; /* from the first of March of the year 0 */
	int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
	int64_t doe = shifted - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t month = (5 * doy + 2) / 153; /* 0 is March */
	int64_t day = doy - (153 * month + 2) / 5 + 1;
	int64_t year = yoe + era * 400 + (month >= 10);

	return (struct date){
		.year = (int)year,
		.month = (int)(month < 10 ? month + 3 : month - 9),
		.day = (int)day,
	};
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

const char *clock_rfc3339(int64_t wall_ns, char *buf, size_t size)
{
	int64_t ms = floor_div(wall_ns, MSEC_NS);
	int64_t days = floor_div(ms, DAY_MS);
	int of_day = (int)(ms - days * DAY_MS);
	struct date d = date_of(days);

	(void)snprintf(buf, size, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", d.year,
		d.month, d.day, of_day / 3600000, of_day / 60000 % 60,
		of_day / 1000 % 60, of_day % 1000);
	return buf;
}
