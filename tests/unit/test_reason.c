/* Exit reasons: text and class from each other and from wait statuses (rules LNK-1,
 * LNK-6; the vocabulary that all rules assume). */
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#include "core/reason.h"

TestSuite(reason, .timeout = 10);

Test(reason, class_follows_from_the_text, .timeout = 5)
{
	static const struct {
		const char *text;
		enum reason_class class;
	} rows[] = {
		{ "normal", REASON_NORMAL },
		{ "shutdown", REASON_SHUTDOWN },
		{ "shutdown:max_restarts", REASON_SHUTDOWN },
		{ "shutdown:auto", REASON_SHUTDOWN },
		{ "shutdown:failed_to_start:db", REASON_SHUTDOWN },
		{ "shutdown:", REASON_SHUTDOWN },
		{ "shutdowns", REASON_ABNORMAL },
		{ "shutdown_", REASON_ABNORMAL },
		{ "normal:x", REASON_ABNORMAL },
		{ "normally", REASON_ABNORMAL },
		{ "Normal", REASON_ABNORMAL },
		{ "killed", REASON_ABNORMAL },
		{ "kill", REASON_ABNORMAL },
		{ "exit:3", REASON_ABNORMAL },
		{ "signal:SIGSEGV", REASON_ABNORMAL },
		{ "start_timeout", REASON_ABNORMAL },
		{ "failed_to_start:exec:ENOENT", REASON_ABNORMAL },
		{ "noproc", REASON_ABNORMAL },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct reason r = reason_text(rows[i].text);

		cr_expect(r.class == rows[i].class, "%s is %s", rows[i].text,
			reason_class_names[r.class]);
		cr_expect_str_eq(r.text, rows[i].text);
		cr_expect(reason_is_abnormal(&r) == (r.class == REASON_ABNORMAL));
		cr_expect(r.code == -1 && r.signal == 0 && !r.core);
	}
}

Test(reason, LNK_1_status_0_is_normal_any_other_is_abnormal, .timeout = 5)
{
	static const struct {
		int code;
		const char *text;
		enum reason_class class;
	} rows[] = {
		{ 0, "normal", REASON_NORMAL },
		{ 1, "exit:1", REASON_ABNORMAL },
		{ 143, "exit:143", REASON_ABNORMAL },
		{ 255, "exit:255", REASON_ABNORMAL },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct reason r = reason_exited(rows[i].code);

		cr_expect_str_eq(r.text, rows[i].text);
		cr_expect(r.class == rows[i].class, "exit %d", rows[i].code);
		cr_expect(r.code == rows[i].code && r.signal == 0 && !r.core);
	}
}

Test(reason, LNK_6_sigkill_is_killed_other_signals_bear_their_names, .timeout = 5)
{
	static const struct {
		int sig;
		bool core;
		const char *text;
	} rows[] = {
		{ SIGKILL, false, "killed" },
		{ SIGTERM, false, "signal:SIGTERM" },
		{ SIGSEGV, true, "signal:SIGSEGV" },
		{ SIGABRT, true, "signal:SIGABRT" },
		{ SIGINT, false, "signal:SIGINT" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct reason r = reason_signaled(rows[i].sig, rows[i].core);

		cr_expect_str_eq(r.text, rows[i].text);
		cr_expect(r.class == REASON_ABNORMAL);
		cr_expect(r.code == -1 && r.signal == rows[i].sig);
		cr_expect(r.core == rows[i].core);
	}
}

Test(reason, rename_keeps_the_facts, .timeout = 5)
{
	struct reason facts = reason_signaled(SIGTERM, false);
	struct reason r = reason_rename(&facts, "shutdown");

	cr_expect_str_eq(r.text, "shutdown");
	cr_expect(r.class == REASON_SHUTDOWN && r.signal == SIGTERM && r.code == -1);
	facts = reason_exited(0);
	r = reason_rename(&facts, "unhealthy");
	cr_expect_str_eq(r.text, "unhealthy");
	cr_expect(r.class == REASON_ABNORMAL && r.code == 0 && r.signal == 0);
}

Test(reason, long_texts_are_cut_and_keep_their_class, .timeout = 5)
{
	char text[3 * KICK_REASON_MAX];
	struct reason r;

	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	memcpy(text, "shutdown:", 9);
	r = reason_text(text);
	cr_expect(strlen(r.text) == KICK_REASON_MAX - 1);
	cr_expect(strncmp(r.text, text, KICK_REASON_MAX - 1) == 0);
	cr_expect(r.class == REASON_SHUTDOWN);
	r = reason_textf("shutdown:failed_to_start:%s", text);
	cr_expect(strlen(r.text) == KICK_REASON_MAX - 1);
	cr_expect(r.class == REASON_SHUTDOWN);
}

Test(reason, textf_formats, .timeout = 5)
{
	struct reason r = reason_textf("failed_to_start:%s:%s", "exec", "ENOENT");

	cr_expect_str_eq(r.text, "failed_to_start:exec:ENOENT");
	cr_expect(reason_is_abnormal(&r));
}
