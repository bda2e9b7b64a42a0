/* What the root does when the top supervisor has ended: the table of kickd(8). */
#include <criterion/criterion.h>

#include "base/macro.h"
#include "verdict.h"

TestSuite(verdict, .timeout = 5);

static struct verdict_facts facts(const char *reason)
{
	return (struct verdict_facts){ .reason = reason_text(reason),
		.status = -1,
		.was_ready = true,
		.ran_ns = SEC_NS };
}

Test(verdict, each_end_has_its_consequence)
{
	static const struct {
		const char *name, *reason;
		bool ordered, renewing;
		int child_status;
		enum on_give_up policy;
		enum verdict_act act;
		bool gave_up;
		int status;
		int64_t wait;
	} rows[] = {
		{ "ordered", "shutdown", true, false, -1, GIVE_UP_EXIT, VERDICT_END,
			false, 0, 0 },
		{ "ordered, and gave up meanwhile", "shutdown:max_restarts", true,
			false, -1, GIVE_UP_RESTART, VERDICT_END, false, 0, 0 },
		{ "renewed", "shutdown", false, true, -1, GIVE_UP_EXIT, VERDICT_RESTART,
			false, 0, 0 },
		{ "auto", "shutdown:auto", false, false, 42, GIVE_UP_RESTART,
			VERDICT_END, false, 42, 0 },
		{ "auto without a status", "shutdown:auto", false, false, -1,
			GIVE_UP_EXIT, VERDICT_END, false, 0, 0 },
		{ "gave up", "shutdown:max_restarts", false, false, -1, GIVE_UP_EXIT,
			VERDICT_END, true, 1, 0 },
		{ "could not start", "shutdown:failed_to_start:web", false, false, -1,
			GIVE_UP_EXIT, VERDICT_END, true, 1, 0 },
		{ "gave up, never gives up", "shutdown:max_restarts", false, false, -1,
			GIVE_UP_RESTART, VERDICT_RESTART, true, 1, SEC_NS },
		{ "killed", "killed", false, false, -1, GIVE_UP_EXIT, VERDICT_RESTART,
			false, 0, 0 },
		{ "TERM to its pid", "shutdown", false, false, -1, GIVE_UP_EXIT,
			VERDICT_RESTART, false, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct verdict_facts f = facts(rows[i].reason);
		struct verdict_state s;
		struct verdict v;

		cr_assert_eq(verdict_init(&s), 0);
		f.ordered = rows[i].ordered;
		f.renewing = rows[i].renewing;
		f.status = rows[i].child_status;
		v = verdict(&s, &f, rows[i].policy, 0);
		cr_expect(v.act == rows[i].act && v.gave_up == rows[i].gave_up &&
				v.wait_ns == rows[i].wait,
			"row: %s", rows[i].name);
		cr_expect(v.act == VERDICT_RESTART || v.status == rows[i].status,
			"row: %s: status %d", rows[i].name, v.status);
		intensity_done(&s.losses);
	}
}

Test(verdict, the_fourth_loss_in_5_s_is_a_give_up)
{
	struct verdict_facts f = facts("killed");
	struct verdict_state s;

	cr_assert_eq(verdict_init(&s), 0);
	for (int i = 0; i < 3; i++)
		cr_expect(!verdict(&s, &f, GIVE_UP_EXIT, i * SEC_NS).gave_up);
	cr_expect(verdict(&s, &f, GIVE_UP_EXIT, 3 * SEC_NS).gave_up);
	cr_expect(!verdict(&s, &f, GIVE_UP_EXIT, 20 * SEC_NS).gave_up);
	intensity_done(&s.losses);
}

Test(verdict, waits_double_up_to_30_s_and_begin_again_after_a_long_run)
{
	static const int64_t waits[] = { 1, 2, 4, 8, 16, 30, 30 };
	struct verdict_facts f = facts("shutdown:max_restarts");
	struct verdict_state s;

	cr_assert_eq(verdict_init(&s), 0);
	for (size_t i = 0; i < ARRAY_LEN(waits); i++)
		cr_expect_eq(verdict(&s, &f, GIVE_UP_RESTART, 0).wait_ns,
			waits[i] * SEC_NS, "wait %zu", i);
	f.ran_ns = 61 * SEC_NS;
	cr_expect_eq(verdict(&s, &f, GIVE_UP_RESTART, 0).wait_ns, SEC_NS);
	intensity_done(&s.losses);
}
