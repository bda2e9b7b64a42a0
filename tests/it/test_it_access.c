/* Who may do what: kickd's user, its group, its readers, and strangers. What the kernel
 * says of the other side decides, before a byte of it is read. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "it_inside.h"

#define OWNER 41001
#define IN_GROUP 41002
#define READER 41003
#define STRANGER 41004
#define GROUP "41010"
#define READERS "41011"

static void run_as(uid_t uid, gid_t group)
{
	gid_t groups[] = { group };

	if (setgroups(group != 0, groups) < 0 || setgid(uid) < 0 || setuid(uid) < 0)
		_exit(99);
}

/* kick in the place of another user, who may have a group besides his own. Its status;
 * what it has said is in `said`. */
static char said[4000];

static int kick_as(uid_t uid, gid_t group, const char *const *words)
{
	const char *argv[16] = { "./kick", "-R", it_runtime_dir() };
	size_t n = 0;
	int p[2], status;
	ssize_t r;
	pid_t pid;

	for (size_t i = 0; words[i]; i++)
		argv[3 + i] = words[i];
	check(pipe2(p, O_CLOEXEC) == 0, "pipe");
	pid = fork();
	if (pid == 0) {
		(void)dup2(p[1], STDOUT_FILENO);
		(void)dup2(p[1], STDERR_FILENO);
		run_as(uid, group);
		(void)execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(98);
	}
	(void)close(p[1]);
	while ((r = read(p[0], said + n, sizeof said - 1 - n)) > 0)
		n += (size_t)r;
	said[n] = '\0';
	(void)close(p[0]);
	check(waitpid(pid, &status, 0) == pid && WIFEXITED(status), "kick as %d",
		(int)uid);
	return WEXITSTATUS(status);
}

static void need_other_users(const char *test)
{
	it_need_other_users(test);
	(void)snprintf(said, sizeof said, "%s/kick", it.out);
	check(symlink(said, "kick") == 0, "symlink");
}

/* kickd's own user is in both groups: one gives a file to a group only as its member.
 */
static gid_t both[2];

static void become_owner(void)
{
	if (setgroups(2, both) < 0 || setgid(OWNER) < 0 || setuid(OWNER) < 0)
		_exit(99);
}

static void own_directory(void)
{
	check(chown(".", OWNER, OWNER) == 0 && chmod("notify", 0777) == 0, "chown");
	both[0] = (gid_t)atoi(GROUP);
	both[1] = (gid_t)atoi(READERS);
	tree_before_exec(become_owner);
}

static const struct {
	const char *words[5];
	bool changes;
} verbs[] = {
	{ { "status" }, false },
	{ { "status", "--json", "s/x" }, false },
	{ { "whereis", "s/x" }, false },
	{ { "which-children", "app" }, false },
	{ { "count-children", "s" }, false },
	{ { "info", "a" }, false },
	{ { "log", "a" }, false },
	{ { "events" }, false },
	{ { "wait" }, false },
	{ { "signal", "CONT", "s/x" }, true },
	{ { "restart", "s/x" }, true },
	{ { "delete", "s/z" }, true },
	{ { "add", "s", "{\"id\":\"z\",\"start\":[\"./h\",\"stay\"]}" }, true },
	{ { "stop", "a" }, true },
	{ { "start", "a" }, true },
	{ { "exit", "s/x", "normal" }, true },
	{ { "reload" }, true },
};

static void each_verb(const char *who, uid_t uid, gid_t group, bool looks, bool changes)
{
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		bool may = verbs[i].changes ? changes : looks;
		int r = kick_as(uid, group, verbs[i].words);

		expect(r == (may ? 0 : 4), "%s, %s: status %d, %s", who,
			verbs[i].words[0], r, said);
		expect(may || strstr(said, "\"control\""), "%s, %s: who may? %s", who,
			verbs[i].words[0], said);
	}
}

CASE(it_access, who_may_do_what)
{
	need_other_users("it_access::who_may_do_what");
	own_directory();
	tree_up("{'name':'app','max_restarts':'infinity','control':{'group':'" GROUP
		"','readers':'" READERS "','mode':'0666'},'children':[" WORKER(
			"a") ",{'id':'s','type':'supervisor','max_restarts':'infinity',"
			     "'children':[" WORKER("x") "," WORKER("z") "]}]}");
	each_verb("owner", OWNER, 0, true, true);
	each_verb("root", 0, 0, true, true);
	each_verb("group", IN_GROUP, (gid_t)atoi(GROUP), true, true);
	each_verb("reader", READER, (gid_t)atoi(READERS), true, false);
	each_verb("stranger", STRANGER, 0, false, false);
	check_alive("a");
	check_alive("s/x");
	expected();
	tree_ready();
	kick_gives(0, "shutdown");
	tree_ends(0);
}

/* As kick.json(5) has it: no mode is needed. */
static void default_mode(const char *control, bool group_may, bool readers_may)
{
	char config[500];

	(void)snprintf(config, sizeof config,
		"{'name':'app','max_restarts':'infinity','control':%s,'children':[" WORKER(
			"a") ",{'id':'s','type':'supervisor','max_restarts':'infinity',"
			     "'children':[" WORKER("x") "," WORKER("z") "]}]}",
		control);
	tree_up(config);
	each_verb(control, OWNER, 0, true, true);
	each_verb(control, IN_GROUP, both[0], group_may, group_may);
	each_verb(control, READER, both[1], readers_may, false);
	each_verb(control, STRANGER, 0, false, false);
	tree_ready();
	tree_down();
}

CASE(it_access, who_may_do_what_without_a_mode)
{
	need_other_users("it_access::who_may_do_what_without_a_mode");
	own_directory();
	default_mode("{}", false, false);
	default_mode("{'group':'" GROUP "'}", true, false);
	default_mode("{'readers':'" READERS "'}", false, true);
	default_mode("{'group':'" GROUP "','readers':'" READERS "'}", true, true);
	expected();
}

static void become_owner_alone(void)
{
	run_as(OWNER, 0);
}

CASE(it_access, a_group_that_is_not_kickds_own_is_refused_with_advice)
{
	need_other_users("it_access::a_group_that_is_not_kickds_own_is_refused_with_"
			 "advice");
	own_directory();
	tree_before_exec(become_owner_alone);
	tree_start("{'name':'app','control':{'group':'" GROUP
		   "'},'children':[" WORKER("a") "]}",
		"");
	tree_ends(77);
	check(strstr(tree_err(), "\"control\"") && strstr(tree_err(), GROUP), "%s",
		tree_err());
}

/* What a stranger sends is not even looked at: he is told before he has sent a byte, at
 * each of the sockets. */
CASE(it_access, a_stranger_is_refused_before_he_says_a_word)
{
	static const char *const sockets[] = { "0", "1" };

	need_other_users("it_access::a_stranger_is_refused_before_he_says_a_word");
	tree_up("{'name':'app','control':{'mode':'0666'},'children':[" WORKER(
		"a") "]}");
	for (size_t i = 0; i < 2; i++) {
		struct sockaddr_un sun = { .sun_family = AF_UNIX };
		int p[2], status;
		ssize_t n;
		pid_t pid;

		(void)snprintf(sun.sun_path, sizeof sun.sun_path, "%s/%s",
			it_runtime_dir(), sockets[i]);
		check(pipe2(p, O_CLOEXEC) == 0, "pipe");
		pid = fork();
		if (pid == 0) {
			int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

			run_as(STRANGER, 0);
			if (connect(fd, (struct sockaddr *)&sun, sizeof sun) < 0)
				_exit(errno == EACCES ? 0 : 1);
			while ((n = recv(fd, said, sizeof said, 0)) > 0)
				(void)!write(p[1], said, (size_t)n);
			_exit(0);
		}
		(void)close(p[1]);
		n = read(p[0], said, sizeof said - 1);
		said[n > 0 ? n : 0] = '\0';
		(void)close(p[0]);
		check(waitpid(pid, &status, 0) == pid && status == 0, "%s: status %x",
			sockets[i], (unsigned)status);
		/* The logger's socket is closed to him already. */
		check(i == 1 || strstr(said, "-32001"), "%s: %s", sockets[i], said);
	}
	tree_ready();
	check_alive("a");
	tree_down();
}
