/* The window of restarts by itself: what counts, and until when (rules INT; kick's
 * nanoseconds instead of OTP's whole seconds). */
#include <criterion/criterion.h>

#include "base/macro.h"
#include "core/intensity.h"
#include "core/policy.h"

TestSuite(intensity, .timeout = 10);

static void init(struct intensity *in, uint32_t max, int64_t period)
{
	cr_assert(intensity_init(in, max, period) == 0);
}

Test(intensity, INT_1_max_restarts_are_allowed_and_one_more_is_not, .timeout = 5)
{
	for (uint32_t max = 0; max <= 5; max++) {
		struct intensity in;

		init(&in, max, 5 * SEC_NS);
		for (uint32_t i = 0; i < max; i++)
			cr_expect(
				intensity_add(&in, 100), "max %u: restart %u", max, i);
		cr_expect(!intensity_add(&in, 100), "max %u", max);
		intensity_done(&in);
	}
}

Test(intensity, INT_2_an_entry_counts_while_its_age_is_at_most_the_period, .timeout = 5)
{
	static const struct {
		const char *name;
		int64_t period, gap;
		bool goes_on;
	} rows[] = {
		{ "at the same time", 5 * SEC_NS, 0, false },
		{ "within", 5 * SEC_NS, 3 * SEC_NS, false },
		{ "one nanosecond before the end", 5 * SEC_NS, 5 * SEC_NS - 1, false },
		{ "exactly the period", 5 * SEC_NS, 5 * SEC_NS, false },
		{ "one nanosecond later", 5 * SEC_NS, 5 * SEC_NS + 1, true },
		{ "a fraction of a second", SEC_NS / 2, SEC_NS / 2 + 1, true },
		{ "long after", SEC_NS, 3600 * SEC_NS, true },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct intensity in;

		init(&in, 1, rows[i].period);
		cr_expect(intensity_add(&in, 777), "row: %s", rows[i].name);
		cr_expect(intensity_add(&in, 777 + rows[i].gap) == rows[i].goes_on,
			"row: %s", rows[i].name);
		intensity_done(&in);
	}
}

Test(intensity, INT_2_the_window_slides, .timeout = 5)
{
	struct intensity in;

	init(&in, 3, 5 * SEC_NS);
	for (int64_t i = 0; i < 1000; i++)
		cr_expect(intensity_add(&in, i * 2 * SEC_NS), "restart %lld",
			(long long)i);
	cr_expect(intensity_add(&in, 1999 * SEC_NS) == false);
	intensity_done(&in);
}

Test(intensity, recent_is_what_counts_now, .timeout = 5)
{
	struct intensity in;

	init(&in, 3, 5 * SEC_NS);
	cr_expect(intensity_recent(&in, 0) == 0);
	intensity_add(&in, 0);
	intensity_add(&in, SEC_NS);
	intensity_add(&in, 2 * SEC_NS);
	cr_expect(intensity_recent(&in, 2 * SEC_NS) == 3);
	cr_expect(intensity_recent(&in, 5 * SEC_NS) == 3);
	cr_expect(intensity_recent(&in, 5 * SEC_NS + 1) == 2);
	cr_expect(intensity_recent(&in, 7 * SEC_NS + 1) == 0);
	intensity_done(&in);
}

Test(intensity, infinity_is_never_exceeded, .timeout = 5)
{
	struct intensity in;

	init(&in, POLICY_NO_LIMIT, 5 * SEC_NS);
	for (int i = 0; i < 200000; i++)
		cr_assert(intensity_add(&in, 1));
	intensity_done(&in);
}

Test(intensity, change_keeps_the_newest_that_fit, .timeout = 5)
{
	static const struct {
		const char *name;
		uint32_t max;
		int64_t period;
		uint32_t recent;
		bool goes_on;
	} rows[] = {
		{ "the same", 3, 10 * SEC_NS, 3, false },
		{ "more room", 5, 10 * SEC_NS, 3, true },
		{ "less room", 2, 10 * SEC_NS, 2, false },
		{ "shorter window keeps the newest", 3, 3 * SEC_NS, 2, true },
		{ "none at all", 0, 10 * SEC_NS, 0, false },
		{ "infinity", POLICY_NO_LIMIT, 10 * SEC_NS, 0, true },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct intensity in;

		init(&in, 3, 10 * SEC_NS);
		for (int64_t at = 1; at <= 3; at++)
			intensity_add(&in, 2 * at * SEC_NS);
		cr_assert(intensity_change(&in, rows[i].max, rows[i].period) == 0);
		if (rows[i].max != POLICY_NO_LIMIT)
			cr_expect(intensity_recent(&in, 7 * SEC_NS) == rows[i].recent,
				"row: %s", rows[i].name);
		cr_expect(intensity_add(&in, 7 * SEC_NS) == rows[i].goes_on, "row: %s",
			rows[i].name);
		intensity_done(&in);
	}
}

/* The ring wraps: a change after many rounds still finds the newest, oldest first. */
Test(intensity, change_after_the_ring_went_round, .timeout = 5)
{
	struct intensity in;

	init(&in, 3, 5 * SEC_NS);
	for (int64_t i = 0; i < 100; i++)
		cr_assert(intensity_add(&in, i * 2 * SEC_NS));
	/* 194, 196 and 198 s are kept. */
	cr_assert(intensity_change(&in, 10, 5 * SEC_NS) == 0);
	cr_expect(intensity_recent(&in, 199 * SEC_NS) == 3);
	cr_expect(intensity_recent(&in, 200 * SEC_NS) == 2);
	cr_expect(intensity_recent(&in, 202 * SEC_NS) == 1);
	intensity_done(&in);
}
