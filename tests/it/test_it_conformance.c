/* Rules and cases of OTP, by tests/conformance.md, that need real processes and that no
 * other suite has. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"

/* A dynamic supervisor of workers that wait for a signal. */
#define DYNAMIC(id, more) \
	"{'id':'" id "','type':'dynamic_supervisor','child':{'start':['./h']" more "}}"

/* The member "children" of a count. */
static void check_count(const char *sup, const char *want)
{
	kick_gives(0, "count-children %s --json", sup);
	check(strcmp(last_out(), want) == 0, "%s: %s, not %s", sup, last_out(), want);
}

/* API-4; "can be supervised directly": the end of a dynamic supervisor is its parent's
 * business, and its successor is empty. */
CASE(it_conformance, a_dynamic_supervisor_is_a_child_like_others)
{
	pid_t jobs, x;

	tree_up("{'name':'app','children':[{'id':'s','type':'supervisor','children':[" DYNAMIC(
		"jobs", "") "," WORKER("x") "]}]}");
	kick_gives(0, "add s/jobs {'id':'one','args':['stay']}");
	check_alive("s/jobs/one");
	kick_gives(5, "stop s/jobs/two");
	jobs = pid_of("s/jobs");
	x = pid_of("x");
	(void)kill(jobs, SIGKILL);
	(void)await_next("s/jobs", jobs);
	check(restarts_of("s/jobs") == 1, "%d restarts", restarts_of("s/jobs"));
	check(pid_of("x") == x, "its sibling was touched");
	check_count("s/jobs",
		"{\"specs\":0,\"active\":0,\"supervisors\":0,\"workers\":0}\n");
	kick_gives(0, "add s/jobs {'id':'one','args':['stay']}");
	check_alive("s/jobs/one");
	tree_down();
}

/* API-4; a template may itself be of supervisors. */
CASE(it_conformance, a_dynamic_supervisor_may_have_supervisors)
{
	pid_t a, w;

	tree_up("{'name':'app','children':[{'id':'cells','type':'dynamic_supervisor',"
		"'child':{'type':'supervisor'}}]}");
	kick_gives(0, "add cells {'id':'a','children':[" WORKER("w") "]}");
	kick_gives(0, "add cells {'id':'b','children':[" WORKER("w") "]}");
	a = pid_of("cells/a");
	w = pid_of("cells/b/w");
	(void)kill(a, SIGKILL);
	(void)await_next("cells/a", a);
	check_alive("cells/a/w");
	check(pid_of("cells/b/w") == w, "the other one was touched");
	check_count("cells",
		"{\"specs\":2,\"active\":2,\"supervisors\":2,\"workers\":0}\n");
	kick_gives(0, "stop cells/a");
	kick_gives(4, "status cells/a");
	check_alive("cells/b/w");
	tree_down();
}

/* "multiple supervisors can be supervised and identified": ids, numbers and counts are
 * each one's own. */
CASE(it_conformance, two_dynamic_supervisors_of_one_parent_are_apart)
{
	pid_t kept;

	tree_up("{'name':'app','children':[" DYNAMIC("left", "") "," DYNAMIC(
		"right", "") "]}");
	kick_gives(0, "add left {'args':['stay']}");
	kick_gives(0, "add right {'args':['stay']}");
	kick_gives(0, "add right {'args':['stay']}");
	check_alive("left/1");
	check_alive("right/1");
	check_alive("right/2");
	kept = pid_of("right/1");
	kick_gives(0, "stop left/1");
	kick_gives(4, "status left/1");
	check(pid_of("right/1") == kept, "the other one's child was stopped");
	check_count(
		"left", "{\"specs\":0,\"active\":0,\"supervisors\":0,\"workers\":0}\n");
	check_count("right",
		"{\"specs\":2,\"active\":2,\"supervisors\":0,\"workers\":2}\n");
	tree_down();
}

/* DYN-4, STR-7 */
CASE(it_conformance, args_follow_the_template_at_restarts_too)
{
	pid_t a;

	tree_up("{'name':'app','children':[{'id':'jobs','type':'dynamic_supervisor',"
		"'child':{'start':['./h','append','said','template']}}]}");
	kick_gives(0,
		"add jobs {'id':'a','args':['append','said','own','count','n','stay']}");
	await_lines("n", 1);
	a = pid_of("jobs/a");
	(void)kill(a, SIGKILL);
	(void)await_next("jobs/a", a);
	await_lines("n", 2);
	check(file_has("said", "template\nown\ntemplate\nown\n"), "other words");
	tree_down();
}

/* API-9, DYN-1, sup_start_map, sup_start_map_simple: what was not stated is there. */
CASE(it_conformance, a_specification_is_told_with_its_defaults)
{
	static const char *const of_a[] = { "\"id\":\"a\"", "\"type\":\"worker\"",
		"\"restart\":\"permanent\"", "\"shutdown\":\"5s\"",
		"\"significant\":false", "\"start\":[\"./h\",\"stay\"]" };
	static const char *const of_jobs[] = { "\"strategy\":\"one_for_one\"",
		"\"max_restarts\":3", "\"max_seconds\":5",
		"\"max_children\":\"infinity\"", "\"shutdown\":\"infinity\"" };
	static const char *const of_1[] = { "\"start\":[\"./h\",\"stay\"]",
		"\"restart\":\"transient\"", "\"shutdown\":\"5s\"" };
	static const struct {
		const char *path;
		const char *const *want;
		size_t n;
	} rows[] = {
		{ "a", of_a, sizeof of_a / sizeof *of_a },
		{ "jobs", of_jobs, sizeof of_jobs / sizeof *of_jobs },
		{ "jobs/1", of_1, sizeof of_1 / sizeof *of_1 },
	};

	tree_up("{'name':'app','children':[" WORKER("a") "," DYNAMIC(
		"jobs", ",'restart':'transient'") "]}");
	kick_gives(0, "add jobs {'args':['stay']}");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *spec;

		kick_gives(0, "info %s --json", rows[i].path);
		spec = strstr(last_out(), "\"spec\":");
		check(spec, "%s: no specification: %s", rows[i].path, last_out());
		for (size_t k = 0; k < rows[i].n; k++)
			expect(strstr(spec, rows[i].want[k]), "%s: no %s in %s",
				rows[i].path, rows[i].want[k], spec);
	}
	expected();
	tree_down();
}

/* INT-8: what its predecessor had counted does not count against it. */
CASE(it_conformance, a_new_supervisor_has_an_empty_count)
{
	pid_t s, x;

	tree_up("{'name':'app','children':[{'id':'s','type':'supervisor','max_restarts':1,"
		"'max_seconds':3600,'children':[" WORKER("x") "]}]}");
	x = pid_of("s/x");
	(void)kill(x, SIGKILL);
	(void)await_next("s/x", x);
	s = pid_of("s");
	(void)kill(s, SIGKILL);
	(void)await_next("s", s);
	s = pid_of("s");
	x = pid_of("s/x");
	(void)kill(x, SIGKILL);
	(void)await_next("s/x", x);
	check(pid_of("s") == s, "it has given up");
	check(restarts_of("s/x") == 1, "%d restarts", restarts_of("s/x"));
	tree_down();
}

struct descriptors {
	pid_t pid;
	int n;
};

static bool are_no_more(const void *arg)
{
	const struct descriptors *was = arg;

	return entries_of(was->pid, "fd") <= was->n;
}

/* In the place of simple_one_for_one_corruption, which looks at the BEAM's heap: what
 * came and went has left nothing in its supervisor. */
CASE(it_conformance, dynamic_children_that_are_gone_leave_nothing_behind)
{
	struct descriptors of = { 0 };

	tree_up("{'name':'app','children':[" DYNAMIC(
		"jobs", ",'restart':'temporary'") "]}");
	of.pid = pid_of("jobs");
	for (int i = 1; i <= 30; i++) {
		pid_t pid = -1;

		if (i == 4)
			of.n = entries_of(of.pid, "fd");
		kick_gives(0, "add jobs {'args':['stay']}");
		kick_gives(0, "whereis jobs/%d", i);
		check(sscanf(last_out(), "%d", &pid) == 1, "%s", last_out());
		if (i % 2)
			(void)kill(pid, SIGKILL);
		else
			kick_gives(0, "stop jobs/%d", i);
		(void)await_end(pid);
	}
	/* Connections of the verbs are closed in their own time. */
	await(are_no_more, &of, "%d descriptors as after the third child", of.n);
	check_count(
		"jobs", "{\"specs\":0,\"active\":0,\"supervisors\":0,\"workers\":0}\n");
	check(helpers_alive() == 0, "%d processes are left", helpers_alive());
	tree_down();
}

/* tree: three levels, children that are added and lost at each of them. */
CASE(it_conformance, three_levels_are_supervised_each_by_its_own)
{
	static const char *const lost[] = { "t/u/new", "t/u", "t" };

	tree_up("{'name':'app','children':[{'id':'t','type':'supervisor','children':["
		"{'id':'u','type':'supervisor','children':[" WORKER("w") "]}]}]}");
	kick_gives(0, "add t/u {'id':'new','start':['./h','stay']}");
	for (size_t i = 0; i < sizeof lost / sizeof *lost; i++) {
		pid_t pid = pid_of(lost[i]);

		(void)kill(pid, SIGKILL);
		(void)await_next(lost[i], pid);
		check_alive("t/u/w");
		check(restarts_of(lost[i]) == 1, "%s: %d restarts", lost[i],
			restarts_of(lost[i]));
	}
	kick_gives(4, "status t/u/new");
	tree_down();
}
