/* The accepted configuration as a value: one block of memory without absolute
 * pointers, so that it can lie in a sealed memfd, be mapped at any address, be shared
 * by all supervisors and be compared. Made by config/load.c, read by everybody.
 *
 * References are relative to their own place ("rel"): a spec may be passed as a plain
 * pointer into the block, but never copied out of it. 0 is "none". */
#ifndef KICK_CONFIG_SPEC_H
#define KICK_CONFIG_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/attrs.h"
#include "core/policy.h"

typedef int32_t rel;

/* The thing that a rel field refers to, or NULL. */
#define REL_GET(type, field)                                                      \
	((field) ? (const type *)(const void *)((const char *)&(field) + (field)) \
		 : (const type *)NULL)
static inline const char *rel_str(const rel *r)
{
	return *r ? (const char *)r + *r : NULL;
}

#define REL_STR(field) rel_str(&(field))

/* A string list: count, then that many rels to NUL-terminated strings. */
struct str_list {
	uint32_t n;
	rel at[];
};

static inline const char *str_list_at(const struct str_list *l, uint32_t i)
{
	return (const char *)&l->at[i] + l->at[i];
}

/* An environment: key, then value; a value of 0 removes the variable. */
struct env_pair {
	rel key;
	rel value;
};

struct env_list {
	uint32_t n;
	struct env_pair at[];
};

enum stdio_kind {
	STDIO_NULL,
	STDIO_INHERIT,
	STDIO_LOG,
	STDIO_FILE
};

struct stdio_spec {
	uint32_t kind; /* enum stdio_kind */
	rel path;      /* absolute; of STDIO_FILE */
};

enum ready_kind {
	READY_EXEC,
	READY_NOTIFY,
	READY_FD,
	READY_EXIT,
	READY_LOG,
	READY_PROBE
};

enum probe_kind {
	PROBE_NONE,
	PROBE_TCP,
	PROBE_HTTP,
	PROBE_EXEC,
	PROBE_WATCHDOG /* the program itself says that it is well */
};

/* How a child is asked whether it is ready, or well. */
struct probe_spec {
	uint32_t kind; /* enum probe_kind */
	uint32_t retries;
	int64_t interval_ns; /* of a watchdog: how long it may be silent */
	int64_t timeout_ns;  /* of one probe */
	uint16_t port;
	uint8_t family; /* 4 or 6; 0: localhost, either */
	bool shell;	/* exec was a string: argv is sh -c TEXT */
	uint8_t ip[16];
	rel target; /* as it was written; of tcp and http */
	rel host;   /* of http: what stands between "http://" and the path */
	rel path;   /* of http */
	rel argv;   /* struct str_list; of exec */
};

enum kill_mode {
	KILL_MIXED,
	KILL_GROUP
};

/* How many values a key of a registry may have. */
enum registry_keys {
	REGISTRY_UNIQUE,
	REGISTRY_DUPLICATE
};

/* Who the child runs as. Names were looked up when the configuration was accepted. */
struct user_spec {
	bool has_uid, has_gid, has_groups;
	uint32_t uid, gid;
	uint32_t n_groups;
	rel groups;	/* uint32_t[n_groups] */
	rel name, home; /* for USER, LOGNAME and HOME; of `user` */
};

/* How ends other than 0 are read. */
struct success_spec {
	uint64_t codes[4]; /* bit per exit code */
	uint64_t signals;  /* bit per signal number */
};

enum socket_kind {
	SOCKET_TCP,
	SOCKET_UDP,
	SOCKET_UNIX
};

/* A listening socket that the root keeps. */
struct socket_spec {
	rel name;
	rel address;   /* as it is shown: "tcp://127.0.0.1:4000", "unix:/run/x.sock" */
	rel path;      /* of SOCKET_UNIX */
	uint32_t kind; /* enum socket_kind */
	uint32_t backlog;
	uint16_t port;
	uint16_t mode; /* of SOCKET_UNIX */
	bool is_v6;
	uint8_t ip[16]; /* as on the wire; the first 4 unless is_v6 */
};

struct socket_list {
	uint32_t n;
	struct socket_spec at[];
};

struct sup_spec;

/* A child. Everything but `policy`, `sup` and `id` that shapes the process. */
struct child_spec {
	rel id;
	struct child_policy policy;

	rel argv;      /* struct str_list; of workers and supervisors in code */
	bool shell;    /* start was a string: argv is sh -c TEXT */
	uint8_t ready; /* enum ready_kind */
	uint8_t ready_fd;
	uint8_t kill_mode; /* enum kill_mode */
	uint8_t stop_signal;
	uint8_t reload_signal; /* 0: none */
	bool link;	       /* the program speaks libkick */
	bool has_umask;
	uint16_t umask;
	rel cwd;       /* absolute, or with ${VAR} in it */
	rel env;       /* struct env_list */
	rel env_file;  /* struct str_list; a leading '-': may be missing */
	rel user;      /* struct user_spec */
	rel attrs;     /* struct attrs; none: nothing is asked for */
	rel success;   /* struct success_spec */
	rel ready_log; /* what a line contains; of READY_LOG */
	rel probe;     /* struct probe_spec; of READY_PROBE */
	rel health;    /* struct probe_spec, or none */
	rel listen;    /* struct str_list: names of sockets */
	struct stdio_spec stdio[3];

	rel initial;	       /* JSON text; of agents */
	rel file;	       /* absolute, or none; of agents */
	uint8_t registry_keys; /* enum registry_keys */

	rel sup;   /* struct sup_spec; of supervisors without a program */
	rel where; /* "file:line" for messages */
};

/* A supervisor: the top one, or what a child of a supervisor type has besides. */
struct sup_spec {
	struct sup_policy policy;
	uint32_t n_children;
	rel children; /* rel[n_children], each to a struct child_spec */
	rel template; /* struct child_spec without id, of a dynamic supervisor */
};

enum on_give_up {
	GIVE_UP_EXIT,
	GIVE_UP_RESTART
};

/* The head of the block. */
struct config {
	uint32_t magic;
	uint32_t size;	       /* of the whole block */
	uint64_t serial;       /* which acceptance this is; set by the root */
	rel name;	       /* the application */
	rel file;	       /* absolute path of the configuration file */
	rel env;	       /* struct env_list, the application's */
	rel listen;	       /* struct socket_list */
	uint8_t on_give_up;    /* enum on_give_up */
	int64_t shutdown_ns;   /* POLICY_INFINITY */
	rel control_group;     /* uint32_t gid, or none */
	rel control_readers;   /* uint32_t gid, or none */
	uint16_t control_mode; /* 0600 */
	struct child_spec
		top; /* the top supervisor as a child of the root; id = name */
};

#define CONFIG_MAGIC 0x6b69636bu

/* The i-th child of a supervisor. */
const struct child_spec *spec_child(const struct sup_spec *sup, uint32_t i);

/* The supervisor part of a child. NULL where no children are in the configuration: of
 * workers, agents, registries, and of a supervisor that is a program (it has argv). */
static inline const struct sup_spec *spec_sup(const struct child_spec *c)
{
	return REL_GET(struct sup_spec, c->sup);
}

/* The child with this id, or NULL. */
const struct child_spec *spec_find(const struct sup_spec *sup, const char *id);

/* The child at a path ("services/pledge_server"; "" is the top supervisor). */
const struct child_spec *config_find(const struct config *cf, const char *path);

/* The socket with this name, or NULL. */
const struct socket_spec *config_socket(const struct config *cf, const char *name);

/* Of the same kind and at the same address: one can be kept as the other. */
bool socket_same(const struct socket_spec *a, const struct socket_spec *b);

/* All sockets with these names (none for NULL) are in both, and the same. */
bool config_same_sockets(
	const struct config *a, const struct config *b, const struct str_list *names);

/* A block from outside of this process is one: magic, size and every rel within it.
 * 0 or -EBADMSG. */
int config_verify(const void *block, size_t size);

/* Maps a memfd that holds a block, read-only and shared. *ret is unmapped with
 * config_unmap. Negative errno. */
int config_map(int fd, const struct config **ret);
void config_unmap(const struct config *cf);

/* What a reload has to do about a child that is in both. Children of supervisors are
 * not looked into. */
enum spec_change {
	SPEC_SAME,
	SPEC_POLICY, /* policy keys differ: hold from now on, no process touched */
	SPEC_PROCESS /* what shapes the process differs: that child is started anew */
};

/* env: the application's environments, old and new; they shape every process. */
enum spec_change spec_compare(const struct child_spec *a, const struct child_spec *b);
bool spec_same_health(const struct child_spec *a, const struct child_spec *b);
bool env_list_equal(const struct env_list *a, const struct env_list *b);

/* The plan of a reload for people, "+ web", "- old", "~ api", "= jobs", a line each,
 * in the order of the tree; into *out. Returns the number of lines. */
struct buf;
unsigned config_plan(
	const struct config *old, const struct config *new, struct buf *out);

#endif
