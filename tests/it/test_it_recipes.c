/* The recipes of kick(7): each is taken out of the page as it stands there, its
 * programs are replaced by those of the test, and does what the page promises. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "it_dial.h"

/* --- the page ------------------------------------------------------------------------
 */

/* Static. */
static const char *read_page(void)
{
	static char text[200000];
	char path[400];
	FILE *f = NULL;
	size_t n;

	(void)snprintf(path, sizeof path, "%s", it_programs());
	while (!f && strrchr(path, '/')) {
		n = (size_t)(strrchr(path, '/') - path);
		(void)snprintf(path + n, sizeof path - n, "/man/kick.7");
		f = fopen(path, "re");
		path[n] = '\0';
	}
	check(f, "there is no man/kick.7 above %s", it_programs());
	n = fread(text, 1, sizeof text - 1, f);
	check(n < sizeof text - 1, "man/kick.7 is too long");
	text[n] = '\0';
	(void)fclose(f);
	return text;
}

/* The configuration below a heading; the caller frees it. */
static char *recipe(const char *title)
{
	const char *head, *start, *next, *end;
	char line[100];

	(void)snprintf(line, sizeof line, "\n.Ss %s\n", title);
	head = strstr(read_page(), line);
	check(head, "kick(7) has no recipe \"%s\"", title);
	start = strstr(head, "\n{\n");
	next = strstr(head + 1, "\n.Ss ");
	check(start && next && start < next, "\"%s\" is no configuration", title);
	end = strstr(start, "\n.Ed\n");
	check(end, "\"%s\" has no end", title);
	return strndup(start + 1, (size_t)(end - start));
}

/* Every `from` in it, which has to be there; frees text. */
static char *with(char *text, const char *from, const char *to)
{
	char *at = strstr(text, from), *more;

	check(at, "the recipe has no %s: %s", from, text);
	for (size_t done = 0; (at = strstr(text + done, from)); text = more) {
		int n = (int)(at - text);

		check(asprintf(&more, "%.*s%s%s", n, text, to, at + strlen(from)) > 0,
			"memory");
		done = (size_t)n + strlen(to);
		free(text);
	}
	return text;
}

/* --- programs ------------------------------------------------------------------------
 */

static void take_path(void)
{
	char path[1000];

	(void)snprintf(path, sizeof path, "%s:%s", it_path("bin"), getenv("PATH"));
	(void)setenv("PATH", path, 1);
}

/* The program of this name is a shell script, in the test's directory. */
static void program(const char *name, const char *script)
{
	char file[100];

	(void)mkdir("bin", 0755);
	(void)snprintf(file, sizeof file, "bin/%s", name);
	(void)unlink(file);
	put_file(file, "#!/bin/sh\n%s\n", script);
	check(chmod(file, 0755) == 0, "chmod %s", file);
	tree_before_exec(take_path);
}

/* A line in file NAME each time that it is up, one in file "order" when it is told to
 * stop. */
static void polite(const char *name)
{
	char script[300];

	(void)snprintf(script, sizeof script,
		"trap 'echo %s >>order; exit 0' TERM\n"
		"echo $$ >>%s\n"
		"./h stay &\n"
		"wait",
		name, name);
	program(name, script);
}

static void forget(const char *a, const char *b, const char *c)
{
	(void)unlink(a);
	(void)unlink(b);
	(void)unlink(c);
}

/* Its lines, each with a space behind it. Static. */
static const char *read_all(const char *file)
{
	static char text[200];
	FILE *f = fopen(file, "re");

	text[f ? fread(text, 1, sizeof text - 1, f) : 0] = '\0';
	if (f)
		(void)fclose(f);
	for (char *p = text; *p; p++)
		*p = *p == '\n' ? ' ' : *p;
	return text;
}

static void check_order(const char *want)
{
	check(strcmp(read_all("order"), want) == 0, "stopped: \"%s\", not \"%s\"",
		read_all("order"), want);
}

static pid_t crash(const char *path)
{
	pid_t pid = pid_of(path);

	(void)kill(pid, SIGKILL);
	return await_next(path, pid);
}

/* --- what needs what -----------------------------------------------------------------
 */

CASE(it_recipes, web_needs_db)
{
	char *config = recipe("web needs db");
	pid_t db, web;

	make_fifo("g");
	program("postgres",
		"exec ./h count db gate g append accepting connections stay");
	program("pg_isready", "test -e accepting");
	program("web", "exec ./h count web stay");
	tree_start(config, "");
	await_lines("db", 1);
	check(strcmp(state_of("db"), "starting") == 0, "db is %s", state_of("db"));
	check(lines_in("web") == 0, "web was started before db is ready");
	open_gate("g");
	tree_ready();
	db = pid_of("db");
	web = crash("web");
	check(pid_of("db") == db, "db was disturbed");
	(void)unlink("accepting");
	events_follow();
	(void)kill(db, SIGKILL);
	await_lines("db", 2);
	check(!is_alive(web), "web goes on without db");
	open_gate("g");
	(void)await_next("web", web);
	check(strcmp(trail(db), "-db -web +db +web") == 0, "%s", trail(db));
	db = pid_of("db");
	web = pid_of("web");
	tree_signal(SIGTERM);
	await_gone(db);
	check(!is_alive(web), "web goes after db");
	tree_ends(0);
	free(config);
}

CASE(it_recipes, migrate_then_web)
{
	char *config = recipe("Migrate, then web");

	make_fifo("g");
	program("web", "exec ./h count web stay");
	program("migrate", "exec ./h count m gate g exit 0");
	tree_start(config, "");
	await_lines("m", 1);
	check(strcmp(state_of("migrate"), "starting") == 0, "migrate is %s",
		state_of("migrate"));
	check(lines_in("web") == 0, "web was started before the migration");
	open_gate("g");
	tree_ready();
	await_lines("web", 1);
	(void)crash("web");
	check_starts("web", 2);
	check_starts("m", 1);
	kick_gives(0, "status");
	tree_down();
	(void)unlink("web");
	program("migrate", "exec ./h err bad exit 3");
	tree_start(config, "");
	tree_ends(1);
	check(lines_in("web") == 0, "web was started after a failed migration");
	check(strstr(tree_err(), "migrate did not start"), "said: %s", tree_err());
	free(config);
}

/* --- how a container ends ------------------------------------------------------------
 */

CASE(it_recipes, the_container_ends_when_web_ends_with_its_status)
{
	static const struct {
		const char *script;
		int status;
	} rows[] = { { "exec ./h count web gate g exit 0", 0 },
		{ "exec ./h count web gate g exit 7", 7 },
		{ "exec ./h count web gate g kill KILL", 137 },
		{ "exec ./h count web gate g kill TERM", 143 } };
	char *config = recipe("The container ends when web ends, with its status");
	pid_t web;

	make_fifo("g");
	polite("cache");
	polite("metrics");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		forget("order", "cache", "metrics");
		(void)unlink("web");
		program("web", rows[i].script);
		tree_up(config);
		await_lines("cache", 1);
		await_lines("metrics", 1);
		await_lines("web", 1);
		web = pid_of("web");
		(void)crash("cache");
		await_lines("cache", 2);
		check(pid_of("web") == web, "web was disturbed");
		open_gate("g");
		tree_ends(rows[i].status);
		check_order("metrics cache ");
		check_starts("web", 1);
	}
	/* Stopped from outside it is no failure. */
	tree_up(config);
	tree_down();
	free(config);
}

CASE(it_recipes, the_container_ends_when_web_cannot_be_kept_up)
{
	char *config = with(
		recipe("The container ends when web cannot be kept up"), "1s", "1ms");
	pid_t web;

	config = with(config, "1m\"", "1ms\"");
	/* Far more often than web may. */
	program("web", "exec ./h stay");
	program("metrics", "exec ./h count metrics exit 1");
	tree_up(config);
	web = pid_of("web");
	await_lines("metrics", 12);
	check(pid_of("web") == web, "web was disturbed");
	check(restarts_of("extras") == 0, "extras has given up");
	tree_down();
	forget("order", "metrics", "web");
	polite("metrics");
	make_fifo("g");
	program("web", "exec ./h count web gate g exit 7");
	tree_up(config);
	await_lines("metrics", 1);
	for (int n = 1; n <= 6; n++) {
		await_lines("web", n);
		open_gate("g");
	}
	tree_ends(1);
	check_starts("web", 6);
	check_order("metrics ");
	check(strstr(tree_err(), "shop gives up: 6 restarts within 1m, 5 are allowed"),
		"said: %s", tree_err());
	free(config);
}

static const char proxy[] = "trap 'echo proxy >>order; exit 0' TERM\n"
			    "echo $$ >>proxy\n"
			    "./h gate p notify READY=1\n"
			    "./h stay &\n"
			    "wait";

CASE(it_recipes, a_job_with_sidecars)
{
	char *config = recipe("A job with sidecars");
	pid_t job;

	make_fifo("p");
	make_fifo("g");
	program("proxy", proxy);
	program("report", "exec ./h count job gate g exit 42");
	tree_start(config, "");
	await_lines("proxy", 1);
	check(lines_in("job") == 0, "the job has begun before the proxy is ready");
	open_gate("p");
	tree_ready();
	await_lines("job", 1);
	/* The proxy falls, the job goes on. */
	job = pid_of("job");
	(void)kill(pid_of("proxy"), SIGKILL);
	await_lines("proxy", 2);
	open_gate("p");
	await_state("proxy", "running");
	check(pid_of("job") == job, "the job was disturbed");
	open_gate("g");
	tree_ends(42);
	check_order("proxy ");
	free(config);
}

CASE(it_recipes, a_job_with_sidecars_is_tried_again_as_transient)
{
	char *config = with(recipe("A job with sidecars"), "temporary", "transient");

	program("proxy", "exec ./h notify READY=1 stay");
	program("report", "exec ./h count job failing 2 tries exit 0");
	tree_start(config, "");
	tree_ends(0);
	check_starts("job", 3);
	(void)unlink("job");
	program("report", "exec ./h count job exit 42");
	tree_start(config, "");
	tree_ends(1);
	check_starts("job", 4);
	free(config);
}

CASE(it_recipes, a_job_ends_with_1_when_its_sidecar_cannot_be_kept_up)
{
	char *config = recipe("A job with sidecars");

	make_fifo("g");
	program("proxy", "exec ./h notify READY=1 count proxy gate g exit 1");
	polite("report");
	tree_up(config);
	await_lines("report", 1);
	for (int n = 1; n <= 4; n++) {
		await_lines("proxy", n);
		open_gate("g");
	}
	tree_ends(1);
	check_order("report ");
	free(config);
}

/* --- a host --------------------------------------------------------------------------
 */

/* Also while nothing is there that could be asked about it. */
static void await_running(const char *path)
{
	double deadline = it_deadline();

	while (kick("status %s", path) != 0) {
		check(it_now() < deadline, "%s does not come up", path);
		(void)it_pump(it_now() + 0.02);
	}
}

CASE(it_recipes, a_host_that_never_gives_up)
{
	char *config = with(recipe("A host that never gives up"), "1m", "1s");
	pid_t mail;

	config = with(config, "1s", "50ms");
	program("db", "exec ./h count db stay");
	program("web", "exec ./h count web stay");
	program("mail", "exec ./h count mail stay");
	tree_up(config);
	mail = pid_of("mail");
	/* Three lives of the shop, and it is still tried. */
	put_file("bin/web", "#!/bin/sh\nexec ./h count web exit 1\n");
	(void)kill(pid_of("shop/web"), SIGKILL);
	events_follow();
	for (int n = 1; n <= 3; n++)
		check(strcmp(await_event("exited", "shop", n)->reason,
			      "shutdown:max_restarts") == 0,
			"shop ended: %s", await_event("exited", "shop", n)->reason);
	check(pid_of("mail") == mail, "mail was disturbed");
	put_file("bin/web", "#!/bin/sh\nexec ./h stay\n");
	await_running("shop/web");
	check(pid_of("mail") == mail, "mail was disturbed");
	/* The fourth time in 5 s counts as given up. */
	for (int n = 0; !strstr(tree_err(), "; starting it anew in "); n++) {
		pid_t app = pid_of("host");

		check(n < 20, "it is never given up: %s", tree_err());
		(void)kill(app, SIGKILL);
		await_gone(app);
		await_running("mail");
	}
	await_running("shop/web");
	check_alive("mail");
	tree_down();
	free(config);
}

/* --- servers -------------------------------------------------------------------------
 */

CASE(it_recipes, a_server_that_hangs_is_started_again)
{
	char *config, script[100], port[8];
	pid_t web;

	(void)snprintf(port, sizeof port, "%d", free_port());
	config = with(recipe("A server that hangs is started again"), "4080", port);
	config = with(config, "\"5s\"", "\"20ms\"");
	config = with(config, "\"2s\"", "\"100ms\"");
	make_fifo("g");
	/* The port is the fifth word of the command. */
	(void)snprintf(script, sizeof script,
		"./h count web gate g; exec ./h respond $5 mode");
	program("python3", script);
	tree_start(config, "");
	await_lines("web", 1);
	check(strcmp(state_of("web"), "starting") == 0, "web is %s", state_of("web"));
	open_gate("g");
	tree_ready();
	web = pid_of("web");
	put_file("mode", "hang");
	await_lines("web", 2);
	(void)unlink("mode");
	open_gate("g");
	(void)await_next("web", web);
	check(strcmp(await_end(web)->reason, "unhealthy") == 0, "reason %s",
		await_end(web)->reason);
	check(strstr(tree_err(), "3 probes in a row failed"), "said: %s", tree_err());
	check_alive("web");
	tree_down();
	free(config);
}

CASE(it_recipes, no_client_is_refused)
{
	int port = free_port();
	char *config, text[8];

	(void)snprintf(text, sizeof text, "%d", port);
	config = with(recipe("No client is refused"), "4080", text);
	program("web", "exec ./h serve");
	tree_up(config);
	for (int n = 0; n < 3; n++) {
		pid_t victim = n == 2 ? pid_of("shop") : pid_of("web");

		(void)kill(victim, SIGKILL);
		check(strstr(ask4(port, "who"), " http stream"), "answer: \"%s\"",
			ask4(port, "who"));
	}
	tree_down();
	free(config);
}

/* --- jobs, state ---------------------------------------------------------------------
 */

CASE(it_recipes, jobs_that_come_and_go)
{
	char *config = recipe("Jobs that come and go");
	pid_t job;

	program("sleep", "test $1 = 60 && exec ./h stay");
	put_file("report", "#!/bin/sh\ntest $1 = --all && exit 7\n");
	check(chmod("report", 0755) == 0, "chmod");
	tree_up(config);
	kick_gives(0, "add jobs {'args':['60']}");
	job = pid_of("jobs/1");
	check(is_alive(job), "no job");
	kick_gives(7, "run -- ./report --all");
	for (int n = 2; n <= 8; n++)
		kick_gives(0, "add jobs {'args':['60']}");
	kick_gives(1, "add jobs {'args':['60']}");
	kick_gives(0, "stop jobs/1");
	check(!is_alive(job), "it outlives its stop");
	kick_gives(4, "status jobs/1");
	tree_down();
	free(config);
}

CASE(it_recipes, a_number_that_survives_its_server)
{
	char *config = recipe("A number that survives its server");

	put_file("sequence_server",
		"#!/bin/sh\n"
		"%s/kick call stash '\"get\"' >>got\n"
		"exec ./h stay\n",
		it_programs());
	check(chmod("sequence_server", 0755) == 0, "chmod");
	tree_up(config);
	await_lines("got", 1);
	check(strcmp(read_all("got"), "0 ") == 0, "got %s", read_all("got"));
	kick_gives(0, "call stash {'update':7}");
	(void)crash("sequence");
	await_lines("got", 2);
	check(strcmp(read_all("got"), "0 7 ") == 0, "got %s", read_all("got"));
	tree_down();
	tree_up(config);
	await_lines("got", 3);
	check(strcmp(read_all("got"), "0 7 7 ") == 0, "got %s", read_all("got"));
	tree_down();
	free(config);
}
