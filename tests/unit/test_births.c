/* What the node remembers of processes that ended before it heard of their birth. */
#include <criterion/criterion.h>
#include <unistd.h>

#include "core/reason.h"
#include "otp/nodeint.h"

/* No process has such a number. */
#define FIRST_PID 5000000
#define MANY 300

Test(births, an_early_end_is_told_once)
{
	const struct reason r = reason_text("exit:3");
	const struct reason *end;

	births_remember(FIRST_PID, &r);
	end = births_early_end(FIRST_PID);
	cr_assert_not_null(end);
	cr_expect_str_eq(end->text, "exit:3");
}

/* Else it would be a member for ever, which nobody reaps. */
Test(births, one_that_is_forgotten_has_ended_as_well)
{
	const struct reason r = reason_text("exit:3");
	const struct reason *end;

	for (int i = 0; i < MANY; i++)
		births_remember(FIRST_PID + i, &r);
	end = births_early_end(FIRST_PID);
	cr_assert_not_null(end, "it lives for ever");
	cr_expect_str_eq(end->text, "noproc");
	end = births_early_end(FIRST_PID + MANY - 1);
	cr_assert_not_null(end);
	cr_expect_str_eq(end->text, "exit:3");
}

Test(births, one_that_lives_has_not_ended)
{
	const struct reason r = reason_text("exit:3");
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			(void)pause();
	/* Of an earlier process of that number. */
	births_remember(pid, &r);
	cr_expect_null(births_early_end(pid));
	births_kill(pid);
}
