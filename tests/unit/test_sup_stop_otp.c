/* Stops as OTP's own suite tests them: the sup_stop_* cases of supervisor_SUITE. */
#include <stdio.h>

#include "support/faketree.h"

/* --- supervisor_SUITE ------------------------------------------------------------- */

Test(sup_suite, sup_stop_infinity, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "child1:infinity child2:supervisor");

	fake_shutdown(t, "shutdown");
	EXPECT_TRACE(t, "stop child2; stop child1; end shutdown");
	EXPECT_LAST(t, "child1", "shutdown");
	EXPECT_LAST(t, "child2", "shutdown");
	fake_free(t);
}

Test(sup_suite, sup_stop_timeout, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "child1:1s child2:stubborn,1s");

	fake_shutdown(t, "shutdown");
	fake_wait(t, SEC_NS);
	EXPECT_TRACE(t, "stop child2; kill child2; stop child1; end shutdown");
	EXPECT_LAST(t, "child1", "shutdown");
	EXPECT_LAST(t, "child2", "killed");
	fake_free(t);
}

Test(sup_suite, sup_stop_timeout_dynamic, .timeout = 5)
{
	struct fake *t = fake_up("dynamic", "");

	fake_start(t, "child1:1s");
	fake_start(t, "child2:stubborn,1s");
	fake_shutdown(t, "shutdown");
	cr_expect(!t->ended);
	EXPECT_LAST(t, "child2", "");
	fake_wait(t, SEC_NS);
	cr_expect(t->ended);
	cr_expect(strstr(t->trace.now, "kill child2"));
	cr_expect(!strstr(t->trace.now, "kill child1"));
	fake_free(t);
}

Test(sup_suite, sup_stop_brutal_kill, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "child1 child2:brutal");

	fake_shutdown(t, "shutdown");
	EXPECT_TRACE(t, "kill child2; stop child1; end shutdown");
	EXPECT_LAST(t, "child1", "shutdown");
	EXPECT_LAST(t, "child2", "killed");
	fake_free(t);
}

Test(sup_suite, sup_stop_brutal_kill_dynamic, .timeout = 5)
{
	struct fake *t = fake_up("dynamic", "");
	char want[32], id[32];

	for (int i = 0; i < 10; i++) {
		snprintf(id, sizeof id, "job%d:brutal", i);
		fake_start(t, id);
	}
	fake_shutdown(t, "shutdown");
	for (int i = 0; i < 10; i++) {
		snprintf(want, sizeof want, "kill job%d", i);
		cr_expect(strstr(t->trace.now, want), "%s", t->trace.now);
	}
	cr_expect(!strstr(t->trace.now, "stop job"));
	cr_expect(t->ended);
	fake_free(t);
}

static const char *const farewells[] = { "normal", "shutdown", "shutdown:x", "killed",
	"exit:1", "signal:SIGSEGV", "boom" };

Test(sup_suite, sup_stop_race, .timeout = 5)
{
	for (size_t i = 0; i < ARRAY_LEN(farewells); i++) {
		struct fake *t =
			fake_up("one_for_one", "child1 child2:transient child3");

		t->row = farewells[i];
		fake_find(t, "child1")->farewell = farewells[i];
		fake_find(t, "child2")->farewell = farewells[i];
		fake_shutdown(t, "shutdown");
		EXPECT_TRACE(t, "stop child3; stop child2; stop child1; end shutdown");
		EXPECT_LAST(t, "child1", farewells[i]);
		EXPECT_LAST(t, "child2", farewells[i]);
		EXPECT_LAST(t, "child3", "shutdown");
		fake_free(t);
	}
}

Test(sup_suite, sup_stop_non_shutdown_exit_dynamic, .timeout = 5)
{
	static const char *const types[] = { "c:permanent", "c:transient",
		"c:temporary" };

	for (size_t i = 0; i < ARRAY_LEN(types) * ARRAY_LEN(farewells); i++) {
		struct fake *t = fake_up("dynamic", "");

		t->row = types[i % ARRAY_LEN(types)];
		fake_start(t, t->row);
		fake_find(t, "c")->farewell = farewells[i / ARRAY_LEN(types)];
		fake_shutdown(t, "shutdown");
		cr_expect(t->ended);
		EXPECT_TEXT(t, t->sup.reason.text, "shutdown");
		EXPECT_COUNTED(t, 0);
		fake_free(t);
	}
}

Test(sup_suite, simple_one_for_one_shutdown, .timeout = 5)
{
	struct fake *t = fake_up("dynamic", "");
	int64_t began = t->now;
	char id[32];

	for (int i = 0; i < 10; i++) {
		snprintf(id, sizeof id, "job%d:stubborn,1s", i);
		fake_start(t, id);
	}
	fake_shutdown(t, "shutdown");
	fake_wait(t, SEC_NS - 1);
	cr_expect(!t->ended);
	fake_wait(t, 1);
	cr_expect(t->ended && t->now - began == SEC_NS);
	fake_free(t);
}

/* A child that got away from its supervisor: kick notices its end like any other. */
Test(sup_suite, child_unlink, .timeout = 5)
{
	struct fake *t = fake_up("one_for_one", "child1:immortal");
	struct fake_request *r = fake_terminate(t, "child1");

	fake_exit(t, "child1", "noproc");
	EXPECT_RESULT(t, r, "ok");
	EXPECT_STATES(t, "child1 stopped");
	fake_free(t);
}
