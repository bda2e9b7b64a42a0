/* What a worker is born with besides its user: niceness, limits, capabilities; and what
 * becomes of a start where the kernel refuses them. */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

/* "CapBnd" and its kind of a process, 0 when it is not there. */
static unsigned long long status_of(pid_t pid, const char *key)
{
	const char *at = strstr(read_of(pid, "status"), key);

	return at ? strtoull(at + strlen(key) + 1, NULL, 16) : 0;
}

static bool have(int cap)
{
	return status_of(getpid(), "CapEff") >> cap & 1;
}

static void need_root(const char *name)
{
	it_need_other_users(name);
	if (!have(CAP_SETPCAP))
		it_skip(name, "needs root with CAP_SETPCAP");
	(void)chmod(".", 0777);
}

static void drop(int cap)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];

	if (syscall(SYS_capget, &h, d) < 0)
		_exit(98);
	d[cap / 32].effective &= ~(1u << cap % 32);
	d[cap / 32].permitted &= ~(1u << cap % 32);
	if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 || syscall(SYS_capset, &h, d) < 0)
		_exit(98);
}

/* --- limits -------------------------------------------------------------------------
 */

CASE(it_attrs, every_limit_can_be_lowered_by_its_name)
{
	static const char *const want[] = { "cpu 3600 7200", "fsize 1048576 2097152",
		"data 1073741824 1073741824", "stack 4194304 8388608", "core 0 0",
		"rss 65536 65536", "nproc 90 90", "nofile 100 200", "memlock 8192 8192",
		"as 1099511627776 1099511627776", "sigpending 50 50",
		"msgqueue 4096 4096", "nice 0 0", "rtprio 0 0",
		"rttime 250000 500000" };

	tree_up("{'name':'app','children':[" CHILD("w",
		"'limits':{'cpu':{'soft':'1h','hard':'2h'},"
		"'fsize':{'soft':'1M','hard':'2M'},"
		"'data':'1G','stack':{'soft':'4M','hard':'8M'},'core':0,'rss':'64K',"
		"'nproc':90,'nofile':{'soft':100,'hard':200},'memlock':8192,'as':'1T',"
		"'sigpending':50,'msgqueue':'4K','nice':0,'rtprio':0,"
		"'rttime':{'soft':'250ms','hard':'500ms'}}",
		"'limits','say','done','stay'") "]}");
	await_out("w | done\n");
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		char line[100];

		(void)snprintf(line, sizeof line, "w | limit %s\n", want[i]);
		expect(strstr(tree_out(), line), "\"%s\" is missing", want[i]);
	}
	expected();
	tree_down();
}

CASE(it_attrs, one_half_of_a_limit_leaves_the_other)
{
	struct rlimit core = { 4096, 8192 }, nofile = { 512, 4096 };

	check(setrlimit(RLIMIT_CORE, &core) == 0 &&
			setrlimit(RLIMIT_NOFILE, &nofile) == 0,
		"setrlimit");
	tree_up("{'name':'app','children':[" CHILD("a",
		"'limits':{'core':{'soft':8192},'nofile':{'soft':4096}}",
		"'limits','say','done','stay'") "," CHILD("b",
		"'limits':{'core':{'hard':1024},'nofile':{'hard':256}}",
		"'limits','say','done','stay'") "]}");
	await_out("a | done\n");
	await_out("b | done\n");
	expect(strstr(tree_out(), "a | limit core 8192 8192\n"), "a core");
	expect(strstr(tree_out(), "a | limit nofile 4096 4096\n"), "a nofile");
	expect(strstr(tree_out(), "b | limit core 1024 1024\n"), "b core");
	expect(strstr(tree_out(), "b | limit nofile 256 256\n"), "b nofile");
	expected();
	tree_down();
}

/* kickd itself opens the files of a child that may have but one more. */
CASE(it_attrs, a_limit_holds_for_the_program_and_not_for_its_start)
{
	put_file("in", "input\n");
	tree_up("{'name':'app','children':[" CHILD("w",
		"'limits':{'nofile':4,'fsize':0},'nice':1,'oom_score_adj':1,"
		"'stdin':'file:in','stderr':'file:err'",
		"'stay'") "]}");
	check_alive("w");
	check(strstr(read_of(pid_of("w"), "limits"),
		      "Max open files            4                    4  "),
		"limits: %s", read_of(pid_of("w"), "limits"));
	tree_down();
}

static void without_resource(void)
{
	struct rlimit core = { 4096, 4096 };

	if (setrlimit(RLIMIT_CORE, &core) < 0)
		_exit(98);
	if (have(CAP_SYS_RESOURCE))
		drop(CAP_SYS_RESOURCE);
}

/* A start that runs with less than was asked for would be worse than none. */
CASE(it_attrs, a_limit_above_the_hard_one_is_a_failed_start_that_says_so)
{
	tree_before_exec(without_resource);
	tree_start("{'name':'app','children':[" WORKER("x") "," CHILD(
			   "w", "'limits':{'core':8192}", "'stay'") "]}",
		"");
	await_err("w cannot be started: limits: core: 8192 is above the hard limit of "
		  "kickd, 4096; to raise it, kickd needs CAP_SYS_RESOURCE\n");
	tree_ends(1);
}

CASE(it_attrs, a_soft_limit_above_the_hard_one_is_refused_as_well)
{
	tree_before_exec(without_resource);
	tree_up("{'name':'app','children':[" WORKER("x") "," CHILD("w",
		"'autostart':false,'limits':{'core':{'soft':'unlimited'}}",
		"'stay'") "]}");
	kick_gives(1, "start w");
	check(strstr(last_err(),
		      "limits: core: unlimited is above the hard limit of kickd, 4096; "
		      "state \"hard\" too"),
		"kick: %s", last_err());
	check(strcmp(reason_of("w"), "failed_to_start:limits:EINVAL") == 0, "reason %s",
		reason_of("w"));
	check_alive("x");
	tree_down();
}

CASE(it_attrs, reload_with_other_limits_starts_that_child_anew)
{
	pid_t x, w;

	tree_up("{'name':'app','children':[" WORKER("x") "," CHILD(
		"w", "'limits':{'core':0}", "'limits','stay'") "]}");
	x = pid_of("x");
	w = pid_of("w");
	put_json("app.json",
		"{'name':'app','children':[" WORKER("x") "," CHILD("w",
			"'limits':{'core':0,'nofile':77}", "'limits','stay'") "]}");
	kick_gives(0, "reload");
	await_out("w | limit nofile 77 77\n");
	check(pid_of("w") != w, "w goes on as it was");
	check(pid_of("x") == x, "x was touched");
	tree_down();
}

/* --- niceness, score ----------------------------------------------------------------
 */

CASE(it_attrs, niceness_and_score_are_the_childs_alone)
{
	pid_t sup;
	int mine = getpriority(PRIO_PROCESS, 0);
	char score[32];

	(void)snprintf(score, sizeof score, "%s", read_of(getpid(), "oom_score_adj"));
	tree_up("{'name':'app','children':[" CHILD("w",
		"'nice':19,'oom_score_adj':1000", "'attrs','say','done','stay'") "]}");
	await_out("w | done\n");
	check(strstr(tree_out(), "w | attr nice 19\n"), "nice: %s", tree_out());
	check(strstr(tree_out(), "w | attr oom_score_adj 1000\n"), "score");
	sup = pid_of("app");
	check(getpriority(PRIO_PROCESS, (id_t)sup) == mine, "kick's own niceness");
	check(strcmp(read_of(sup, "oom_score_adj"), score) == 0, "kick's own score");
	tree_down();
}

static void without_wishes(void)
{
	struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_NICE, &none) < 0)
		_exit(98);
	if (have(CAP_SYS_RESOURCE))
		drop(CAP_SYS_RESOURCE);
	if (have(CAP_SYS_NICE))
		drop(CAP_SYS_NICE);
}

CASE(it_attrs, a_wish_that_is_refused_is_said_once_and_the_child_runs)
{
	const char *said;
	pid_t w;

	tree_before_exec(without_wishes);
	tree_up("{'name':'app','children':[" CHILD(
		"w", "'nice':-20,'oom_score_adj':-1000", "'attrs','stay'") "]}");
	await_err("w runs without \"nice\": -20: ");
	await_err("w runs without \"oom_score_adj\": -1000: Permission denied");
	w = pid_of("w");
	(void)kill(w, SIGKILL);
	(void)await_next("w", w);
	await_err("starting it again");
	tree_down();
	said = strstr(tree_err(), "w runs without \"nice\"");
	check(said && !strstr(said + 1, "w runs without \"nice\""), "said again");
}

/* --- capabilities -------------------------------------------------------------------
 */

CASE(it_attrs, a_user_keeps_the_capabilities_that_are_listed_and_no_others)
{
	static const char *const want[] = { "CapInh 0000000000000420",
		"CapPrm 0000000000000420", "CapEff 0000000000000420",
		"CapBnd 0000000000000420", "CapAmb 0000000000000420", "pdeathsig 9",
		"NoNewPrivs 1" };
	static const char *const none[] = { "CapInh 0000000000000000",
		"CapPrm 0000000000000000", "CapEff 0000000000000000",
		"CapBnd 0000000000000000", "CapAmb 0000000000000000", "pdeathsig 9",
		"NoNewPrivs 0" };
	char line[100];

	need_root("it_attrs::a_user_keeps_the_capabilities_that_are_listed_and_no_"
		  "others");
	tree_up("{'name':'app','children':[" CHILD("a",
		"'user':'nobody','no_new_privileges':true,"
		"'capabilities':['CAP_NET_BIND_SERVICE','kill']",
		"'attrs','say','done','stay'") "," CHILD("b",
		"'user':'nobody','capabilities':[]",
		"'attrs','say','done','stay'") "]}");
	await_out("a | done\n");
	await_out("b | done\n");
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		/* As /proc writes it, the name ends with a colon. */
		const char *colon = *want[i] == 'p' ? "" : ":";
		int n = (int)strcspn(want[i], " ");

		(void)snprintf(line, sizeof line, "a | attr %.*s%s%s\n", n, want[i],
			colon, want[i] + n);
		expect(strstr(tree_out(), line), "\"%s\" is missing", line);
		(void)snprintf(line, sizeof line, "b | attr %.*s%s%s\n", n, none[i],
			colon, none[i] + n);
		expect(strstr(tree_out(), line), "\"%s\" is missing", line);
	}
	expected();
	kick_gives(0, "stop a");
	tree_down();
}

CASE(it_attrs, root_has_the_capabilities_that_are_listed_and_no_others)
{
	need_root("it_attrs::root_has_the_capabilities_that_are_listed_and_no_others");
	tree_up("{'name':'app','children':[" CHILD(
		"w", "'capabilities':['CHOWN']", "'attrs','say','done','stay'") "]}");
	await_out("w | done\n");
	expect(strstr(tree_out(), "w | attr CapEff: 0000000000000001\n"), "effective");
	expect(strstr(tree_out(), "w | attr CapPrm: 0000000000000001\n"), "permitted");
	expect(strstr(tree_out(), "w | attr CapBnd: 0000000000000001\n"), "bounding");
	expect(strstr(tree_out(), "w | attr pdeathsig 9\n"), "pdeathsig");
	expected();
	check(status_of(pid_of("app"), "CapBnd") == status_of(getpid(), "CapBnd"),
		"kick's own");
	tree_down();
}

static void without_raw(void)
{
	drop(CAP_NET_RAW);
}

CASE(it_attrs, a_capability_that_kickd_lacks_is_a_failed_start_that_says_so)
{
	need_root("it_attrs::a_capability_that_kickd_lacks_is_a_failed_start_that_says_"
		  "so");
	tree_before_exec(without_raw);
	tree_start("{'name':'app','children':[" CHILD("w",
			   "'capabilities':['CAP_KILL','CAP_NET_RAW']", "'stay'") "]}",
		"");
	await_err("w cannot be started: capabilities: kickd itself has no CAP_NET_RAW "
		  "to hand on\n");
	tree_ends(1);
}

static void as_nobody(void)
{
	if (getuid() == 0 &&
		(setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0))
		_exit(98);
}

/* Without CAP_SETPCAP the bound stays; with no_new_privileges it means nothing. */
CASE(it_attrs, an_ordinary_user_sheds_capabilities_with_no_new_privileges)
{
	need_root("it_attrs::an_ordinary_user_sheds_capabilities_with_no_new_"
		  "privileges");
	check(chmod("notify", 0777) == 0, "chmod");
	tree_before_exec(as_nobody);
	tree_up("{'name':'app','children':[" CHILD("a",
		"'capabilities':[],'no_new_privileges':true",
		"'attrs','say','done','stay'") "," CHILD("b",
		"'autostart':false,'capabilities':[]", "'stay'") "]}");
	await_out("a | done\n");
	check(strstr(tree_out(), "a | attr CapPrm: 0000000000000000\n"), "permitted");
	check(strstr(tree_out(), "a | attr NoNewPrivs: 1\n"), "no_new_privileges");
	kick_gives(1, "start b");
	check(strstr(last_err(),
		      "capabilities: CAP_CHOWN cannot be taken away: kickd "
		      "has no CAP_SETPCAP"),
		"kick: %s", last_err());
	tree_down();
}

CASE(it_attrs, an_ordinary_user_is_told_who_may_change_users)
{
	need_root("it_attrs::an_ordinary_user_is_told_who_may_change_users");
	tree_before_exec(as_nobody);
	tree_start("{'name':'app','children':[" CHILD(
			   "w", "'user':'daemon'", "'stay'") "]}",
		"");
	await_err(
		"w cannot be started: groups: only root, or kickd with CAP_SETUID and "
		"CAP_SETGID, may start");
	tree_ends(1);
}

CASE(it_attrs, a_user_with_too_many_processes_is_told_of_the_limit)
{
	need_root("it_attrs::a_user_with_too_many_processes_is_told_of_the_limit");
	tree_start("{'name':'app','children':[" CHILD(
			   "a", "'user':'nobody'", "'stay'") "," CHILD("w",
			   "'user':'nobody','limits':{'nproc':0}", "'stay'") "]}",
		"");
	await_err("w cannot be started: its user has more processes than \"nproc\"");
	tree_ends(1);
}
