/* A partition supervisor of the configuration: OTP.md PART-1, PART-2 and PART-5, and
 * what a reload does with it. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"

#define APP(children) "{'name':'app','children':[" children "]}"
#define PARTITIONS(more, child) \
	"{'id':'p','type':'partition_supervisor'," more ",'child':" child "}"
#define NUMBERED(n)                                             \
	APP(PARTITIONS("'partitions':" n,                       \
		"{'start':['./h','say','${PARTITION}','stay']," \
		"'stdout':'file:out-${PARTITION}'}"))

CASE(it_partition, part_01_n_copies_with_their_numbers)
{
	tree_up(NUMBERED("3"));
	check_alive("p/0");
	check_alive("p/1");
	check_alive("p/2");
	await_lines("out-2", 1);
	check(file_has("out-2", "2\n"), "no number in the words");
	kick_gives(0, "count-children p");
	check(strstr(last_out(), "workers      3"), "counted: %s", last_out());
	kick_gives(4, "status p/3");
	tree_down();
}

CASE(it_partition, part_01_the_number_is_in_the_environment)
{
	tree_up(APP(PARTITIONS("'partitions':2",
		"{'type':'supervisor','children':[{'id':'a',"
		"'start':'echo I am $PARTITION of $X; exec ./h stay',"
		"'env':{'X':'x-${PARTITION}'}}]}")));
	await_out("p/0/a | I am 0 of x-0");
	await_out("p/1/a | I am 1 of x-1");
	tree_down();
}

CASE(it_partition, part_02_one_for_one_unless_another_is_said)
{
	pid_t p0, p1;

	tree_up(APP(PARTITIONS("'partitions':2", "{'start':['./h','stay']}")));
	events_follow();
	p0 = pid_of("p/0");
	p1 = pid_of("p/1");
	check(kill(p0, SIGKILL) == 0, "kill");
	(void)await_next("p/0", p0);
	check(pid_of("p/1") == p1, "its sibling went with it");
	tree_down();
}

CASE(it_partition, part_02_one_for_all)
{
	pid_t p0, p1;

	tree_up(APP(PARTITIONS("'partitions':2,'strategy':'one_for_all'",
		"{'start':['./h','stay']}")));
	events_follow();
	p0 = pid_of("p/0");
	p1 = pid_of("p/1");
	check(kill(p0, SIGKILL) == 0, "kill");
	(void)await_next("p/1", p1);
	check(pid_of("p/0") != p0, "the killed one");
	tree_down();
}

CASE(it_partition, a_reload_brings_more_or_fewer)
{
	pid_t first;

	tree_up(NUMBERED("2"));
	first = pid_of("p/0");
	put_json("app.json", NUMBERED("3"));
	kick_gives(0, "reload");
	check(strstr(last_out(), "+ p/2"), "plan: %s", last_out());
	check_alive("p/2");
	put_json("app.json", NUMBERED("1"));
	kick_gives(0, "reload");
	check(strstr(last_out(), "- p/1"), "plan: %s", last_out());
	kick_gives(4, "status p/1");
	check(pid_of("p/0") == first, "the first was touched");
	tree_down();
}

CASE(it_partition, nothing_is_added_by_hand)
{
	tree_up(NUMBERED("1"));
	put_json("spec.json", "{'id':'x','start':['./h','stay']}");
	kick_gives(78, "add p spec.json");
	check(strstr(last_err(), "partitions"), "refusal: %s", last_err());
	kick_gives(0, "count-children p");
	check(strstr(last_out(), "specs        1"), "counted: %s", last_out());
	tree_down();
}
