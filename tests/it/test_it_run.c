/* kick run: a command in a dynamic supervisor. */
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "harness.h"

#define JOBS "{'id':'jobs','type':'dynamic_supervisor'}"

CASE(it_run, it_ends_with_the_commands_status)
{
	static const struct {
		const char *words;
		int status;
		const char *said;
	} rows[] = {
		{ "-- ./h", 0, "" },
		{ "./h", 2, "usage: kick run" },
		{ "jobs more -- ./h", 2, "usage: kick run" },
		{ "jobs --", 2, "usage: kick run" },
		{ "-- ./h say --", 0, "" },
		{ "-- ./h exit 3", 3, "" },
		{ "jobs -- ./h exit 255", 255, "" },
		{ "-- ./h kill KILL", 137, "" },
		{ "-- ./h kill TERM", 143, "" },
		{ "-- ./nothing", 127, "nothing was started in jobs" },
		{ "-- ./plain", 126, "nothing was started in jobs" },
		{ "app -- ./h", 125, "app is a supervisor" },
		{ "nobody -- ./h", 125, "no such name" },
		{ "", 2, "usage: kick run" },
		{ "--json -- ./h", 2, "does not take --json" },
	};

	put_file("plain", "x\n");
	tree_up("{'name':'app','children':[" JOBS "]}");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int status = kick("run %s", rows[i].words);

		expect(status == rows[i].status, "run %s: status %d, not %d",
			rows[i].words, status, rows[i].status);
		expect(strstr(last_err(), rows[i].said), "run %s said: %s",
			rows[i].words, last_err());
		expect(!*last_out(), "run %s printed: %s", rows[i].words, last_out());
	}
	expected();
	tree_down();
	check(kick("run -- ./h") == 125, "without kickd");
}

/* Nothing of it is taken for a variable. */
CASE(it_run, the_words_arrive_as_they_are)
{
	tree_up("{'name':'app','children':[" JOBS "]}");
	kick_gives(0, "run -- ./h say $$HOME${NOTHING}\"\\x");
	await_out("jobs/1 | $$HOME${NOTHING}\"\\x\n");
	tree_down();
}

CASE(it_run, it_needs_one_supervisor)
{
	tree_up("{'name':'app','children':[" WORKER("a") "]}");
	kick_gives(125, "run -- ./h");
	check(strstr(last_err(), "no child of the type"), "said: %s", last_err());
	tree_down();
	tree_up("{'name':'app','children':[" JOBS
		",{'id':'more','type':'dynamic_supervisor','max_children':1}]}");
	kick_gives(125, "run -- ./h");
	check(strstr(last_err(), "(jobs, more): kick run NAME -- COMMAND"), "said: %s",
		last_err());
	kick_gives(4, "run more -- ./h exit 4");
	tree_down();
}

CASE(it_run, a_signal_stops_the_task)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

	tree_up("{'name':'app','children':[" JOBS "]}");
	for (int i = 0; i < 3; i++) {
		struct job *job = kick_begin("run -- ./h count f stay");

		await_lines("f", i + 1);
		(void)kill(job_pid(job), signals[i]);
		check(finish(job) == 128 + signals[i], "signal %d: %s", signals[i],
			job_err(job));
		check(!is_alive(pid_in("f")), "it lives");
	}
	tree_down();
}

CASE(it_run, a_second_signal_does_not_wait)
{
	struct job *job;

	tree_up("{'name':'app','children':[{'id':'jobs','type':'dynamic_supervisor','child':{"
		"'start':['./h'],'shutdown':'infinity'}}]}");
	job = kick_begin("run -- ./h ignore TERM count f stay");
	await_lines("f", 1);
	(void)kill(job_pid(job), SIGINT);
	await_state("jobs/1", "stopping");
	(void)kill(job_pid(job), SIGINT);
	check(finish(job) == 130, "status");
	check(is_alive(pid_in("f")), "it was killed");
	(void)kill(pid_in("f"), SIGKILL);
	tree_down();
}

CASE(it_run, others_may_end_the_task)
{
	struct job *job;

	tree_up("{'name':'app','children':[" JOBS "]}");
	job = kick_begin("run -- ./h count f stay");
	await_lines("f", 1);
	kick_gives(0, "stop jobs/1");
	check(finish(job) == 125 && strstr(job_err(job), "jobs/1 was ended: shutdown"),
		"said: %s", job_err(job));
	kick_gives(124, "run --timeout 10ms -- ./h count f stay");
	await_lines("f", 2);
	check(is_alive(pid_in("f")), "it was ended");
	job = kick_begin("run -- ./h count f stay");
	await_lines("f", 3);
	tree_down();
	check(finish(job) == 125, "status");
}

/* The logger, which tells of ends, may be lost as well. */
CASE(it_run, a_command_that_cannot_be_one_is_told_on_one_line)
{
	put_file("s", "exec \"$1/kick\" -R \"$2\" run -- ''\n");
	tree_up("{'name':'app','children':[" JOBS "]}");
	check(run("/bin/sh", "s %s %s", it_programs(), it_runtime_dir()) == 125,
		"status");
	check(strstr(last_err(), "in jobs: the first word of"), "said: %s", last_err());
	check(!strchr(last_err(), '\\'), "said: %s", last_err());
	tree_down();
}

/* Of what was killed with its supervisor nobody tells the end. */
CASE(it_run, it_does_not_wait_for_what_was_killed_with_its_supervisor)
{
	struct job *job;

	tree_up("{'name':'app','children':[" JOBS "]}");
	job = kick_begin("run -- ./h count f stay");
	await_lines("f", 1);
	check(kill(pid_of("jobs"), SIGKILL) == 0, "kill");
	check(finish(job) == 125, "status");
	check(strstr(job_err(job), "the supervisor jobs has ended"), "said: %s",
		job_err(job));
	check(!is_alive(pid_in("f")), "it lives");
	tree_down();
}

CASE(it_run, nor_when_all_above_it_were_killed)
{
	struct job *job;
	pid_t jobs, top;

	tree_up("{'name':'app','children':[" JOBS "]}");
	job = kick_begin("run -- ./h count f stay");
	await_lines("f", 1);
	jobs = pid_of("jobs");
	top = pid_of("app");
	check(kill(jobs, SIGSTOP) == 0 && kill(top, SIGSTOP) == 0, "stop");
	check(kill(jobs, SIGKILL) == 0 && kill(top, SIGKILL) == 0, "kill");
	check(finish(job) == 125, "status");
	check(strstr(job_err(job), "the supervisor jobs has ended"), "said: %s",
		job_err(job));
	kick_gives(0, "wait");
	tree_down();
}

CASE(it_run, no_end_is_missed_without_the_logger)
{
	struct job *job;
	pid_t logger;

	tree_up("{'name':'app','children':[" JOBS "]}");
	job = kick_begin("run -- ./h count f trap USR1 7 append f ready stay");
	await_lines("f", 2);
	logger = logger_pid();
	(void)kill(logger, SIGKILL);
	await_gone(logger);
	kick_gives(0, "events");
	kick_gives(0, "signal USR1 jobs/1");
	/* Either it was seen, or that is said. */
	check(finish(job) == 7 || strstr(job_err(job), "logger was away"),
		"status %d, said: %s", finish(job), job_err(job));
	tree_down();
}
