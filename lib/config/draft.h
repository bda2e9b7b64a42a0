/* A configuration between the text and the block: plain structs with pointers, all in
 * the loader's arena. What is in a draft has been checked key by key; what concerns
 * several keys is checked when a child's keys have all been read. */
#ifndef KICK_CONFIG_DRAFT_H
#define KICK_CONFIG_DRAFT_H

#include "config/arena.h"
#include "config/diag.h"
#include "config/jsonpos.h"
#include "config/spec.h"

struct draft_list {
	size_t n;
	const char **at;
};

struct draft_env_pair {
	const char *key;
	const char *value; /* NULL removes the variable */
	const struct doc *doc;
	const cJSON *item;
};

struct draft_env {
	size_t n;
	struct draft_env_pair *at;
};

struct draft_user {
	bool has_uid, has_gid, has_groups;
	uint32_t uid, gid;
	uint32_t n_groups;
	const uint32_t *groups;
	const char *name, *home;
};

struct draft_socket {
	struct draft_socket *next;
	const char *name, *address;
	const char *path;
	uint32_t kind; /* enum socket_kind */
	uint32_t backlog;
	uint16_t port, mode;
	bool is_v6;
	bool used; /* a child names it */
	uint8_t ip[16];
	const struct doc *doc;
	const cJSON *item;
};

struct draft_sockets {
	size_t n;
	struct draft_socket *first, *last;
};

struct draft_stdio {
	uint32_t kind; /* enum stdio_kind */
	const char *path;
};

/* spec.kind is PROBE_NONE where there is none; its rels are not in use. */
struct draft_probe {
	struct probe_spec spec;
	const char *target, *host, *path;
	struct draft_list argv;
};

struct draft_child;

struct draft_sup {
	struct sup_policy policy;
	bool auto_unknown; /* auto_shutdown was wrong: nothing is concluded from it */
	size_t n_children;
	struct draft_child *first, *last;
	struct draft_child *template;
	uint32_t partitions; /* 0: not stated, one for each processor */
};

/* The keys whose defaults hang on other keys: were they given? */
struct draft_stated {
	bool restart, shutdown, start_timeout, kill_mode;
};

struct draft_child {
	struct draft_child *next;
	const struct doc
		*doc; /* where it stands; NULL when it was not read from a text */
	const cJSON *item;

	const char *id;
	struct child_policy policy;
	struct draft_stated stated;

	struct draft_list argv;
	struct draft_list args; /* appended to argv */
	bool shell;
	uint8_t ready, ready_fd, kill_mode, stop_signal;
	uint8_t reload_signal; /* 0: none */
	bool link;
	bool has_umask;
	uint16_t umask;
	const char *cwd;
	struct draft_env env;
	struct draft_list env_file;
	struct draft_list listen;
	const char *user_name, *group_name; /* as given */
	const cJSON *group_names;
	struct draft_user user; /* as looked up */
	struct attrs attrs;
	bool has_success;
	struct success_spec success;
	struct draft_stdio stdio[3];
	const char *ready_log;
	struct draft_probe probe, health;

	const char *initial; /* JSON text */
	const char *file;
	uint8_t registry_keys;

	struct draft_sup sup;
	const char *where; /* instead of doc and item */
};

struct draft_gid {
	bool is_set;
	uint32_t gid;
};

struct draft_config {
	struct draft_child top;
	const char *name;
	const char *file;
	struct draft_env env;
	struct draft_sockets listen;
	uint8_t on_give_up;
	int64_t shutdown_ns;
	struct draft_gid control_group, control_readers;
	uint16_t control_mode;
	const cJSON *include;
};

/* A child without any key, of this type: the defaults that hang on nothing else. */
void draft_child_init(struct draft_child *c, enum child_type type);
void draft_config_init(struct draft_config *cf);

void draft_sup_append(struct draft_sup *sup, struct draft_child *c);

/* A supervisor whose children are in the configuration. */
bool draft_has_children(const struct draft_child *c);

/* Fills in the defaults that hang on other keys, where they were not stated. */
void draft_child_settle(struct draft_child *c);

/* A draft that says what an accepted specification says; it borrows the strings of
 * spec. A value that is the default of its shape counts as not stated. -ENOMEM. */
int draft_from_spec(
	struct arena *a, const struct child_spec *spec, struct draft_child *ret);

#endif
