/* Readers of single values, named in the key tables. All have the type key_read: false
 * when the value is wrong (and that has been said) or memory is out. */
#ifndef KICK_CONFIG_VALUES_H
#define KICK_CONFIG_VALUES_H

#include "config/keys.h"

/* General. The field's type is in brackets. */
key_read value_ignored;
key_read value_bool;	 /* [bool] */
key_read value_true;	 /* nothing: the value must be true */
key_read value_enum;	 /* [uint8_t] */
key_read value_id;	 /* [const char *] */
key_read value_text;	 /* [const char *] */
key_read value_duration; /* [int64_t] nanoseconds */
key_read value_seconds;	 /* [int64_t] nanoseconds, from a number of seconds */
key_read value_count;	 /* [uint32_t] */
key_read value_byte;	 /* [uint8_t] */
key_read value_short;	 /* [int16_t] */
key_read value_real;	 /* [double] */
key_read value_list;	 /* [struct draft_list] of strings */
key_read value_env;	 /* [struct draft_env] */

/* Of children; base is the struct draft_child. */
key_read child_start;
key_read child_args;
key_read child_cwd;
key_read child_env_file;
key_read child_groups;
key_read child_listen;
key_read child_umask;
key_read child_signal;
key_read child_reload_signal;
key_read child_success;
key_read child_stdio; /* [struct draft_stdio] */
key_read child_backoff;
key_read child_ready;
key_read child_health;
key_read ready_log; /* [const char *] */
key_read child_initial;
key_read child_file;
key_read child_nice;
key_read child_oom_score_adj;
key_read child_limits;
key_read child_capabilities;
key_read child_cgroup;

/* Of a control group; base is a struct attrs. */
key_read cgroup_size;
key_read cgroup_cpus;
key_read cgroup_pids;

/* Of limits; base is a struct attrs, the row's offset a resource. */
key_read limits_one;
key_read limits_locks;
/* Of one limit; the row's offset: 0 the soft, 1 the hard one. */
key_read limit_half;

/* Of probes; base is the struct draft_probe. */
key_read way_tcp;
key_read way_http;
key_read way_exec;
key_read way_watchdog;

/* Of supervisors; base is the struct draft_child. */
key_read sup_children;
key_read sup_child;

/* Of the application; base is the struct draft_config. */
key_read top_control;
key_read top_group; /* [struct draft_gid] */
key_read top_mode;
key_read top_include; /* [const cJSON *]: the files are read later */
key_read include_nested;
key_read top_listen;

/* Of a socket in top_listen; base is the struct draft_socket. */
key_read socket_address;
key_read socket_mode;

/* Says that v is not what k must be: "restart" must be a string, not 5. */
bool value_wrong_type(
	struct parse *p, const struct key *k, const cJSON *v, const char *wanted);

/* NULL for a good id, else what is wrong with it. */
const char *value_id_mistake(const char *id);

/* A program with its arguments, or a text for the shell. */
bool value_command(struct parse *p, const struct key *k, const cJSON *v,
	struct draft_list *ret, bool *ret_shell);

/* n digits: a port of TCP or UDP. False, and nothing is written: they are none. */
bool value_port(const char *text, size_t n, uint16_t *ret);

/* "022" as a number, at most 0777. */
bool value_octal(struct parse *p, const struct key *k, const cJSON *v, uint16_t *ret);

/* A group's number. */
bool value_gid(struct parse *p, const cJSON *v, const char *name, uint32_t *ret);

/* An absolute path from one that is relative to the document's directory. */
const char *value_path(struct parse *p, const char *path);

#endif
