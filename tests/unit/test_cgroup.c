/* What is written to a control group, on a directory that looks like one: the real ones
 * of a test machine have hardly ever all controllers. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "os/cgroup.h"

static char home[64], group[80];

static void put(const char *dir, const char *file, const char *text)
{
	char path[128];
	int fd;

	(void)snprintf(path, sizeof path, "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	cr_assert(fd >= 0 && fd_write_all(fd, text, strlen(text)) == 0);
	(void)fd_close(fd);
}

/* What was written over what put() has put there. */
static const char *get(const char *dir, const char *file)
{
	static char text[128];
	char path[128];
	int fd;
	ssize_t n;

	(void)snprintf(path, sizeof path, "%s/%s", dir, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	cr_assert(fd >= 0, "%s", path);
	n = read(fd, text, sizeof text - 1);
	text[n < 0 ? 0 : n] = '\0';
	(void)fd_close(fd);
	return text;
}

static void set_up(void)
{
	(void)snprintf(home, sizeof home, "/tmp/kick-cgroup-XXXXXX");
	cr_assert(mkdtemp(home));
	(void)snprintf(group, sizeof group, "%s/g", home);
	cr_assert_eq(mkdir(group, 0755), 0);
	put(home, "cgroup.controllers", "cpuset cpu io memory pids\n");
	put(home, "cgroup.subtree_control", "");
	put(group, "memory.max", "");
	put(group, "cpu.max", "");
	put(group, "pids.max", "");
}

static void tear_down(void)
{
	char command[100];

	(void)snprintf(command, sizeof command, "rm -rf %s", home);
	(void)!system(command);
}

TestSuite(cgroup, .init = set_up, .fini = tear_down, .timeout = 10);

Test(cgroup, limits_are_written_as_the_kernel_reads_them)
{
	struct attrs a = { .has_cgroup = true,
		.memory_max = UINT64_C(512) << 20,
		.cpu_max = 1500,
		.pids_max = 100 };
	struct err why = { 0 };

	put(home, "cgroup.subtree_control", "cpu memory");
	cr_expect_eq(cgroup_make(home, group, &a, &why), 0, "%s", why.text);
	cr_expect_str_eq(get(group, "memory.max"), "536870912");
	cr_expect_str_eq(get(group, "cpu.max"), "150000 100000");
	cr_expect_str_eq(get(group, "pids.max"), "100");
	cr_expect_str_eq(get(home, "cgroup.subtree_control"), "+pidsemory");
	a.cpu_max = 10;
	put(group, "cpu.max", "");
	cr_expect_eq(cgroup_make(home, group, &a, &why), 0, "%s", why.text);
	cr_expect_str_eq(get(group, "cpu.max"), "1000 100000");
}

/* A group that could not be removed has the limits of an earlier start. */
Test(cgroup, limits_that_are_not_asked_for_are_taken_away)
{
	struct attrs a = { .has_cgroup = true, .pids_max = 5 };
	struct err why = { 0 };

	cr_expect_eq(cgroup_make(home, group, &a, &why), 0, "%s", why.text);
	cr_expect_str_eq(get(group, "memory.max"), "max");
	cr_expect_str_eq(get(group, "cpu.max"), "max");
	cr_expect_str_eq(get(group, "pids.max"), "5");
}

/* Its supervisor has been lost, and nobody else knows it. */
Test(cgroup, what_is_left_in_a_group_is_killed_before_the_next_start)
{
	struct err why = { 0 };

	put(group, "cgroup.kill", "");
	cr_expect_eq(cgroup_make(home, group, NULL, &why), 0, "%s", why.text);
	cr_expect_str_eq(get(group, "cgroup.kill"), "1");
}

Test(cgroup, a_controller_that_is_handed_on_already_is_not_asked_for)
{
	struct attrs a = { .has_cgroup = true, .pids_max = 5 };
	struct err why = { 0 };

	put(home, "cgroup.subtree_control", "memory pids\n");
	cr_expect_eq(cgroup_make(home, group, &a, &why), 0, "%s", why.text);
	cr_expect_str_eq(get(home, "cgroup.subtree_control"), "memory pids\n");
}

Test(cgroup, a_limit_without_its_controller_is_refused)
{
	struct attrs a = { .has_cgroup = true, .cpu_max = 1000 };
	char want[200];
	struct err why = { 0 };

	/* Neither of these is "cpu". */
	put(home, "cgroup.controllers", "cpuset memory\n");
	cr_expect_eq(cgroup_make(home, group, &a, &why), -ENOTSUP);
	(void)snprintf(want, sizeof want,
		"cpu_max needs the controller cpu, which %s does not have (it has: "
		"cpuset memory)",
		home);
	cr_expect_str_eq(why.text, want);
	cr_expect_str_eq(get(group, "cpu.max"), "");
	put(home, "cgroup.controllers", "\n");
	cr_expect_eq(cgroup_make(home, group, &a, &why), -ENOTSUP);
	cr_expect(strstr(why.text, "(it has: none)"), "%s", why.text);
}

Test(cgroup, a_group_that_cannot_be_made_says_where)
{
	struct err why = { 0 };

	(void)snprintf(group, sizeof group, "%s/no/such", home);
	cr_expect_eq(cgroup_make(home, group, NULL, &why), -ENOENT);
	cr_expect(strstr(why.text, group), "%s", why.text);
}
