/* kickd: runs one application, a supervision tree of processes, in the foreground.
 * Options, the configuration, the runtime directory; then the root takes over. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/num.h"
#include "command.h"
#include "config/load.h"
#include "control/methods.h"
#include "kickstarter.h"
#include "notify.h"
#include "os/cgroup.h"
#include "os/roles.h"
#include "otp/process.h"
#include "status.h"

extern char **environ;

struct options {
	const char *runtime_dir;
	const char *file;
	int64_t shutdown_ns;
	bool check;
	bool has_map;
	uint8_t map_exit[256];
	char **command; /* NULL: a configuration */
};

/* What a lone command leaves behind has this long between TERM and KILL. */
#define GRACE_NS (5 * SEC_NS)

static const char usage_text[] =
	"usage: kickd [-R DIR] [--shutdown DURATION] CONFIG.json\n"
	"       kickd --check CONFIG.json\n"
	"       kickd [--shutdown DURATION] [--map-exit FROM=TO]... -- COMMAND [ARG...]\n"
	"\n"
	"Runs the application of a configuration file in the foreground, or, after --, one\n"
	"command as the PID 1 of a container does: reaps orphans, forwards signals, ends\n"
	"with its status.\n"
	"\n"
	"  -R, --runtime-dir DIR   where its sockets are (default: $KICK_RUNTIME_DIR,\n"
	"                          /run/kick for root, $XDG_RUNTIME_DIR/kick,\n"
	"                          /tmp/kick-UID)\n"
	"      --shutdown DURATION how long the ordered stop may take, as \"8s\"\n"
	"                          (--: of what COMMAND leaves behind; default 5s)\n"
	"      --map-exit FROM=TO  -- only: end with TO when COMMAND's status is FROM\n"
	"      --check             only check the configuration\n"
	"  -h, --help              this text\n"
	"  -V, --version           the version\n"
	"\n"
	"See kickd(8), kick.json(5), kick(1).\n";

static _Noreturn void usage(const char *what, const char *arg)
{
	(void)fprintf(stderr, "kickd: %s%s%s%s\nkickd: try: kickd --help\n", what,
		arg ? " \"" : "", arg ? arg : "", arg ? "\"" : "");
	exit(STATUS_USAGE);
}

/* "143=0" */
static void take_map(struct options *o, const char *text)
{
	int64_t from = -1, to = -1;
	char left[8];
	size_t n = strcspn(text, "=");

	(void)snprintf(left, sizeof left, "%.*s", (int)n, text);
	if (n >= sizeof left || !text[n] || num_int(left, 0, 255, &from) < 0 ||
		num_int(text + n + 1, 0, 255, &to) < 0)
		usage("--map-exit takes two exit statuses (0 to 255) as 143=0, not",
			text);
	o->map_exit[from] = (uint8_t)to;
	o->has_map = true;
}

static void take_option(struct options *o, int c)
{
	switch (c) {
	case 'R':
		o->runtime_dir = optarg;
		return;
	case 's':
		if (num_duration(optarg, &o->shutdown_ns) < 0 ||
			o->shutdown_ns > KICK_DURATION_MAX)
			usage("--shutdown takes a duration as 8s or 500ms, not",
				optarg);
		return;
	case 'm':
		take_map(o, optarg);
		return;
	case 'c':
		o->check = true;
		return;
	case 'h':
		(void)fputs(usage_text, stdout);
		exit(STATUS_DONE);
	case 'V':
		(void)puts("kickd " KICK_VERSION);
		exit(STATUS_DONE);
	default:
		(void)fputs("kickd: try: kickd --help\n", stderr);
		exit(STATUS_USAGE);
	}
}

static void take_command(struct options *o, char **argv)
{
	if (!*argv)
		usage("which command, after \"--\"?", NULL);
	/* A runtime directory may be named, as for a tree; nothing is written to it. */
	if (o->check)
		usage("--check is for a configuration; after \"--\" comes a command, "
		      "not",
			*argv);
	o->command = argv;
}

static void parse_options(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "runtime-dir", required_argument, NULL, 'R' },
		{ "shutdown", required_argument, NULL, 's' },
		{ "map-exit", required_argument, NULL, 'm' },
		{ "check", no_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	int c;

	*o = (struct options){ .shutdown_ns = -1 };
	for (size_t i = 0; i < ARRAY_LEN(o->map_exit); i++)
		o->map_exit[i] = (uint8_t)i;
	while ((c = getopt_long(argc, argv, "+R:hV", longs, NULL)) != -1)
		take_option(o, c);
	/* Not the value of an option. */
	if (optind > 1 && strcmp(argv[optind - 1], "--") == 0 &&
		argv[optind - 1] != o->runtime_dir) {
		take_command(o, argv + optind);
		return;
	}
	if (o->has_map)
		usage("--map-exit is for one command, as in \"kickd -- COMMAND\"",
			NULL);
	if (optind >= argc)
		usage("which configuration file?", NULL);
	if (optind + 1 < argc)
		usage("one configuration file, please, not also", argv[optind + 1]);
	o->file = argv[optind];
}

/* Whoever started us without descriptors 0 to 2 does not get our sockets there. */
static void open_stdio(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	(void)fd_close(fd);
}

/* With fewer descriptors a tree without sockets does not come up. */
#define FD_LEAST (FD_FREE + 12)

/* From here on nothing is opened where a role will be. */
static int reserve_roles(void)
{
	autoclose int null = -1;
	int last;

	(void)syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = STDERR_FILENO + 1; fd < FD_FREE; fd++)
		if (fd != null && dup3(null, fd, O_CLOEXEC) < 0)
			return -errno;
	last = fcntl(null, F_DUPFD_CLOEXEC, FD_LEAST - 1);
	if (last < 0)
		return -errno;
	(void)close(last);
	if (null < FD_FREE)
		(void)fd_steal(&null);
	return null == -EBADF || null >= FD_FREE ? 0 : -EBADF;
}

/* What we were started with goes to its roles. */
static int arrange_descriptors(void)
{
	for (int i = 0; i < 3; i++)
		if (dup3(i, FD_STDIN + i, O_CLOEXEC) < 0)
			return -errno;
	return spawn_setup();
}

static bool same_file(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
		x.st_ino == y.st_ino;
}

static void raise_nofile(struct rlimit *original)
{
	struct rlimit lim;

	(void)getrlimit(RLIMIT_NOFILE, original);
	lim = *original;
	lim.rlim_cur = lim.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &lim);
}

/* The diagnostics of the config process, which is done with. */
static void show(int fd)
{
	autofree char *text = NULL;
	size_t n;

	if (lseek(fd, 0, SEEK_SET) == 0 &&
		fd_read_all(fd, KICK_CONFIG_MAX, &text, &n) == 0)
		(void)fd_write_all(STDERR_FILENO, text, n);
}

static int read_config(const struct options *o, struct confproc *cp)
{
	struct reason reason = reason_text("killed");
	int status = 0;
	int r = confproc_start(o->file, NULL, cp);

	if (r < 0) {
		(void)fprintf(
			stderr, "kickd: cannot read %s: %s\n", o->file, strerror(-r));
		return STATUS_CANT_CREATE;
	}
	while (waitpid(cp->proc.pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status))
		reason = reason_exited(WEXITSTATUS(status));
	r = confproc_ended(cp, &reason);
	show(cp->text);
	if (r < 0)
		(void)fprintf(stderr,
			"kickd: %s is not a configuration that can be "
			"run; nothing was started\n",
			o->file);
	return r < 0 ? STATUS_CONFIG : 0;
}

static char *absolute(const char *file)
{
	char *path = realpath(file, NULL);

	return path ? path : strdup(file);
}

static int prepare(const struct options *o, struct kickstarter_start *start,
	struct confproc *cp, struct rundir *rd)
{
	autofree char *dir = rundir_choose(o->runtime_dir);
	const struct config *config = NULL;
	struct err err = { 0 };
	int r = read_config(o, cp);

	if (r)
		return r;
	if (!dir || config_map(cp->block, &config) < 0)
		return STATUS_CANT_CREATE;
	r = rundir_take(rd, dir, REL_STR(config->name), &err);
	config_unmap(config);
	if (r) {
		(void)fprintf(stderr, "kickd: %s\n", err.text);
		return r;
	}
	start->file = absolute(o->file);
	start->rundir = rd;
	start->conf = cp;
	start->node.runtime_dir = rd->path;
	if (start->file && commons_new(&start->node.tree) == 0)
		return 0;
	(void)fprintf(stderr, "kickd: cannot set up: %s\n", strerror(errno));
	rundir_drop(rd);
	return STATUS_CANT_CREATE;
}

static int run_command(const struct options *o)
{
	struct command_options c = { .argv = o->command,
		.grace_ns = o->shutdown_ns >= 0 ? o->shutdown_ns : GRACE_NS,
		.map_exit = o->map_exit };

	return command_run(&c);
}

/* By nohup(1), say. */
static bool is_ignored(int sig)
{
	struct sigaction sa;

	return sigaction(sig, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN;
}

/* Process 1 never gets a signal that it neither handles nor blocks: a stop that comes
 * while the configuration is being read would be lost. */
static void keep_signals(void)
{
	sigset_t stops;

	if (getpid() != 1)
		return;
	(void)sigemptyset(&stops);
	(void)sigaddset(&stops, SIGTERM);
	(void)sigaddset(&stops, SIGINT);
	(void)sigaddset(&stops, SIGQUIT);
	(void)sigprocmask(SIG_BLOCK, &stops, NULL);
}

/* Before the first fork: all of kick stays in one leaf. */
static void enter_group(struct node *node)
{
	static struct err why;

	if (cgroup_enter(&node->cgroup, &why) < 0)
		node->cgroup_why = why.text;
}

int main(int argc, char **argv)
{
	struct kickstarter_start start = { .started = clock_now() };
	static struct options o;
	struct confproc cp;
	struct rundir rd = { 0 };
	char prefix[CGROUP_PREFIX_MAX];
	int r;

	parse_options(&o, argc, argv);
	if (o.command)
		return run_command(&o);
	keep_signals();
	open_stdio();
	/* Titles are written over the options' texts. */
	o.file = strdup(o.file);
	o.runtime_dir = o.runtime_dir ? strdup(o.runtime_dir) : NULL;
	if (!o.file || process_titles(argc, argv) < 0)
		return STATUS_CANT_CREATE;
	notify_init();
	raise_nofile(&start.node.nofile);
	if (reserve_roles() < 0) {
		(void)fprintf(stderr,
			"kickd: too few descriptors are allowed (ulimit -n); at least %d "
			"are needed, and more for each child and each socket\n",
			FD_LEAST);
		return STATUS_CANT_CREATE;
	}
	if (o.check) {
		r = read_config(&o, &cp);
		if (r == 0)
			(void)printf("%s: ok\n", o.file);
		return r;
	}
	r = prepare(&o, &start, &cp, &rd);
	if (r)
		return r;
	start.shutdown_ns = o.shutdown_ns;
	start.node.environ = environ;
	start.node.root_pid = getpid();
	start.node.version = KICK_VERSION;
	start.node.one_output = same_file(STDOUT_FILENO, STDERR_FILENO);
	start.node.serve = methods_serve;
	start.node.unserve = methods_unserve;
	start.nohup = is_ignored(SIGHUP);
	process_signals();
	r = arrange_descriptors();
	if (r == 0)
		r = notify_open();
	if (r < 0) {
		(void)dprintf(FD_STDERR, "kickd: cannot set up: %s\n", strerror(-r));
		rundir_drop(&rd);
		return STATUS_CANT_CREATE;
	}
	enter_group(&start.node);
	r = kickstarter_run(&start);
	if (start.node.cgroup)
		cgroup_leave(start.node.cgroup, cgroup_prefix(start.node.tree, prefix));
	rundir_drop(&rd);
	return r;
}
