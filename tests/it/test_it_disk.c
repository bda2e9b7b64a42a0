/* A full disk under the runtime directory, in a mount namespace of the test alone: it
 * stops nothing that runs, each thing that needs it says so, and when there is room all
 * is as before. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "it_inside.h"

/* So many files and no more. */
static void set_disk(int files, bool first)
{
	char options[64];

	(void)snprintf(options, sizeof options, "size=64k,nr_inodes=%d", files);
	check(mount("kick-it", "disk", "tmpfs", first ? 0 : MS_REMOUNT, options) == 0,
		"tmpfs: %s", strerror(errno));
}

static void own_disk(const char *test, int files)
{
	if (unshare(CLONE_NEWNS) < 0 ||
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		it_skip(test, "needs the right to mount");
	check(mkdir("disk", 0755) == 0, "mkdir");
	set_disk(files, true);
	(void)snprintf(it.run, sizeof it.run, "%s/disk/run", it.dir);
}

/* No byte and no file more. */
static void fill_disk(void)
{
	static const char zeros[4096];
	char name[32];
	int fd = open("disk/fill", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	while (fd >= 0 && write(fd, zeros, sizeof zeros) > 0)
		;
	check(fd < 0 || errno == ENOSPC, "fill: %s", strerror(errno));
	for (int i = 0; fd >= 0; i++) {
		(void)close(fd);
		(void)snprintf(name, sizeof name, "disk/fill%d", i);
		fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	}
	check(errno == ENOSPC, "fill: %s", strerror(errno));
}

static void free_disk(void)
{
	DIR *dir = opendir("disk");
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (strncmp(e->d_name, "fill", 4) == 0)
			(void)unlinkat(dirfd(dir), e->d_name, 0);
	(void)closedir(dir);
}

static void drop_disk(void)
{
	check(umount2("disk", MNT_DETACH) == 0, "umount: %s", strerror(errno));
}

CASE(it_disk, a_full_disk_stops_nothing_that_runs)
{
	pid_t top, a;

	own_disk("it_disk::a_full_disk_stops_nothing_that_runs", 40);
	tree_up("{'name':'app','max_restarts':'infinity','children':[" WORKER(
		"a") "," CHILD("n", "'ready':{'notify':true}",
		"'notify','READY=1','stay'") "," CHILD("o",
		"'autostart':false,'stdout':'file:disk/out'",
		"'stay'") ",{'id':'s','type':'supervisor','children':[" WORKER("x") "]}]}");
	top = pid_of("app");
	a = pid_of("a");
	kick_gives(0, "stop n");
	fill_disk();
	kick_gives(0, "status");
	(void)kill(a, SIGKILL);
	check(await_next("a", a) > 0, "no restart");
	kick_gives(0, "restart a");
	kick_gives(0, "stop a");
	kick_gives(0, "start a");
	kick_gives(0, "restart s");
	kick_gives(0, "log a");

	kick_gives(1, "start n");
	expect(strstr(last_err(), "No space left on device"), "n: %s", last_err());
	/* Which of the machine's disks? */
	expect(strstr(last_err(), it_runtime_dir()), "where? n: %s", last_err());
	expect(strcmp(reason_of("n"), "failed_to_start:notify:ENOSPC") == 0, "n: %s",
		reason_of("n"));
	expect(strcmp(state_of("n"), "exited") == 0, "n is %s", state_of("n"));
	kick_gives(1, "restart n");
	expect(strstr(last_err(), "No space left on device"), "n: %s", last_err());

	kick_gives(1, "start o");
	expect(strstr(last_err(), "stdout: cannot open ") &&
			strstr(last_err(), "disk/out: No space left on device"),
		"o: %s", last_err());
	check(pid_of("app") == top, "the supervisor is another one");

	free_disk();
	kick_gives(0, "start n o");
	check_alive("n");
	kick_gives(0, "status");
	expected();
	tree_down();
	drop_disk();
}

CASE(it_disk, a_supervisor_without_room_for_its_socket_has_failed_to_start)
{
	static const char spec[] =
		"{'id':'t','type':'supervisor','children':[" WORKER("y") "]}";

	own_disk("it_disk::a_supervisor_without_room_for_its_socket_has_failed_to_"
		 "start",
		40);
	tree_up("{'name':'app','children':[" WORKER("a") "]}");
	fill_disk();
	kick_gives(1, "add app %s", spec);
	expect(strstr(last_err(), "No space left on device"), "%s", last_err());
	expect(strstr(await_event("start_failed", "t", 1)->reason, ":ENOSPC"),
		"reason %s", await_event("start_failed", "t", 1)->reason);
	/* It never came so far. */
	expect(!strstr(await_event("start_failed", "t", 1)->reason, ":clone:"),
		"reason %s", await_event("start_failed", "t", 1)->reason);
	expect(strstr(tree_err(), "t cannot be started"), "kickd does not say so");
	expect(kick("status t") == 4, "t is still there");
	check_alive("a");
	free_disk();
	kick_gives(0, "add app %s", spec);
	check_alive("t/y");
	expected();
	tree_down();
	drop_disk();
}

/* The tmpfs itself, the runtime directory, the lock, the logger's socket and that of
 * the top supervisor. */
#define FILES_OF_KICKD 5

#define SOON "'backoff':{'initial':'20ms','max':'20ms'}"

CASE(it_disk, a_start_on_a_full_disk_is_tried_again_until_there_is_room)
{
	own_disk("it_disk::a_start_on_a_full_disk_is_tried_again_until_there_is_room",
		FILES_OF_KICKD);
	tree_up("{'name':'app','max_restarts':'infinity','children':["
		"{'id':'n','ready':{'notify':true}," SOON
		",'start':['./h','notify','READY=1','stay']},"
		"{'id':'s','type':'supervisor'," SOON
		",'children':[" WORKER("x") "]}," WORKER("b") "]}");
	check(strcmp(await_event("start_failed", "n", 3)->reason,
		      "failed_to_start:notify:ENOSPC") == 0,
		"reason %s", await_event("start_failed", "n", 3)->reason);
	(void)await_event("start_failed", "s", 3);
	check_alive("b");
	check(strcmp(state_of("n"), "restarting") == 0, "n is %s", state_of("n"));
	set_disk(40, false);
	(void)await_event("ready", "n", 1);
	(void)await_event("ready", "s", 1);
	check_alive("n");
	check_alive("s/x");
	tree_down();
	drop_disk();
}

CASE(it_disk, kickd_on_a_full_disk_says_so_and_leaves_nothing)
{
	own_disk("it_disk::kickd_on_a_full_disk_says_so_and_leaves_nothing", 1);
	/* One file more each time: another step has no room. */
	for (int files = 1; files < FILES_OF_KICKD; files++) {
		set_disk(files, false);
		tree_start("{'name':'app','children':[" WORKER("a") "]}", "");
		tree_ends(73);
		expect(strstr(tree_err(), "No space left on device"), "%d files: %s",
			files, tree_err());
		expect(strstr(tree_err(), it_runtime_dir()), "%d files: where? %s",
			files, tree_err());
	}
	set_disk(FILES_OF_KICKD, false);
	tree_start(NULL, "");
	tree_ready();
	tree_down();
	expected();
	drop_disk();
}

CASE(it_disk, kickd_without_a_byte_for_its_lock_says_so_and_leaves_nothing)
{
	own_disk("it_disk::kickd_without_a_byte_for_its_lock_says_so_and_leaves_"
		 "nothing",
		40);
	fill_disk();
	set_disk(80, false);
	tree_start("{'name':'app','children':[" WORKER("a") "]}", "");
	tree_ends(73);
	check(strstr(tree_err(), "No space left on device"), "%s", tree_err());
	check(strstr(tree_err(), it_runtime_dir()), "where? %s", tree_err());
	free_disk();
	tree_start(NULL, "");
	tree_ready();
	tree_down();
	drop_disk();
}
