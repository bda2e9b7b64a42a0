/* What the files of supervisors in code share with each other:
 *
 *   sup_server.c    the process: the machine of core/sup.h in a GenServer
 *   sup_children.c  its children: specifications, tables, deadlines
 *   sup_client.c    the caller's side
 *   partition.c     partition supervisors */
#ifndef KICK_OTP_SUP_SERVER_H
#define KICK_OTP_SUP_SERVER_H

#include "base/limits.h"
#include "base/macro.h"
#include "base/table.h"
#include "core/sup.h"
#include "kick.h"

struct code_child {
	struct child core;
	struct child_policy policy;
	char id[KICK_ID_MAX + 1];
	kick_start_function *start;
	cJSON *args;
	kick_pid pid;	/* id 0: none */
	kick_pid known; /* the same, or the one before; id 0: never had one */
	kick_pid lost;	/* has ended, and its names wait for the next one */
	kick_ref monitor;
	int64_t exit_wall;
	int64_t due; /* -1: none */
	struct code_child *prev_due, *next_due;
	struct code_child *prev_lost, *next_lost;
	UT_hash_handle by_id, by_known;
};

struct code_sup {
	struct sup core;
	kick_server *server;
	struct code_child *by_id, *by_known;
	struct code_child *due; /* those that wait for something, in order */
	struct code_child *lost;
	struct sup_control *control; /* below kickd; else NULL */
	const char *name;	     /* registered, or "supervisor" */
	size_t path_len;	     /* of its own in self.path */
	uint64_t last_dynamic;
	uint32_t partitions, routed; /* at the start, and now; 0: it has none */
	bool ready, ended;
};

static inline struct code_child *child_of(struct child *c)
{
	return container_of(c, struct code_child, core);
}

/* --- sup_children.c ------------------------------------------------------------------
 */

/* any_id: it is of no interest. */
bool child_spec_is_good(const kick_child_spec *spec, bool any_id);

/* The caller's. What spec_from_json gives points into json. */
cJSON *child_spec_to_json(const kick_child_spec *spec);
kick_child_spec child_spec_from_json(const cJSON *json);

/* Belongs to nobody yet. NULL: no memory. */
struct code_child *code_child_new(const kick_child_spec *spec);
/* In no table any more. */
void code_child_free(struct code_sup *cs, struct code_child *c);

/* Finds it by its id from now on, unless there is another one of that id. */
void code_child_list(struct code_sup *cs, struct code_child *c);
struct code_child *code_child_find(const struct code_sup *cs, const char *id);

/* Its process, from now on; id 0: none, but the last one still finds it. */
void code_child_set_pid(struct code_sup *cs, struct code_child *c, kick_pid pid);
struct code_child *code_child_at(const struct code_sup *cs, kick_pid pid);

/* at: -1: no longer. */
void code_child_arm(struct code_sup *cs, struct code_child *c, int64_t at);

/* --- sup_server.c --------------------------------------------------------------------
 */

typedef void sup_child_request(
	struct sup *s, struct child *c, struct waiter *w, int64_t now);

/* One who waits for the end of a request. */
struct asker {
	struct waiter waiter;
	kick_from from;
	char id[KICK_ID_MAX + 1]; /* of a child that is to be added */
	struct sup_group *group;  /* NULL: it waits for this alone */
	void *call;		  /* of the control socket: it is answered there */
	bool outside;
};

/* A request over the control socket; answered with sup_control_answer(), perhaps now.
 */
void sup_server_request(struct code_sup *cs, sup_child_request *request,
	struct code_child *c, void *call);

struct sup_server_plan {
	const kick_child_spec *specs;
	size_t n;
	bool dynamic;
	bool partitions; /* specs are those, with ids from "0" */
};

/* options may be NULL. As kick_supervisor_start_link(). */
int sup_server_start(const struct sup_server_plan *plan,
	const kick_supervisor_options *options, kick_pid *ret, kick_reason *why);

/* A request for several children, answered once: when all is done {"result", "n"}, or
 * why one of them has failed. Those that are up already are well. */
struct sup_group {
	kick_from from;
	uint32_t left; /* not answered yet, and one for who begins it */
	uint32_t n;
	char reason[KICK_REASON_SIZE]; /* "": none has failed */
};

/* Never NULL. It ends with one sup_group_done() more than requests. */
struct sup_group *sup_group_new(kick_from from, uint32_t n);
void sup_group_ask(struct code_sup *cs, struct sup_group *g, sup_child_request *call,
	struct code_child *c);
void sup_group_done(struct sup_group *g, const char *failure);

/* Answers {"result", "pid"}; c may be NULL. */
void sup_server_reply(kick_from from, const char *result, const struct code_child *c);

/* --- control/supcontrol.c
 * -------------------------------------------------------------
 */

struct sup_control;

/* Serves a control socket of its own, where the program is one of kickd's; tells the
 * node that the caller is a supervisor. Negative errno. */
int sup_control_begin(struct code_sup *cs);

/* After KIND_CONTROL: takes what has come. */
void sup_control_run(struct code_sup *cs);

/* a is told when the client of call goes. */
void sup_control_pending(void *call, struct asker *a);

/* call is NULL when its client has gone. */
void sup_control_answer(
	struct code_sup *cs, void *call, int result, struct code_child *c);

/* --- sup_client.c --------------------------------------------------------------------
 */

/* {"method", "id"}; id may be NULL. */
cJSON *sup_request(const char *method, const char *id);

/* Takes the request over. ret, why and said may be NULL; *said is the caller's. As
 * kick_supervisor_start_child(). */
int sup_ask(
	kick_dest to, cJSON *request, kick_pid *ret, kick_reason *why, cJSON **said);

/* --- partition.c ---------------------------------------------------------------------
 */

/* A request that sup_server.c does not know. False: nor is it one of ours. */
bool partition_serve(
	struct code_sup *cs, kick_from from, const char *method, const cJSON *request);

/* The process of the key's partition. -ESRCH: there is none, or no such supervisor. */
int partition_whereis(const char *supervisor, const cJSON *key, kick_pid *ret);

#endif
