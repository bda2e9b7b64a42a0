/* Objects and lists of the configuration into drafts. What is wrong goes to p->diag;
 * whether anything was, the caller sees there. */
#ifndef KICK_CONFIG_PARSE_H
#define KICK_CONFIG_PARSE_H

#include "config/keys.h"

/* One child into c, which is initialised, or, with has_template, a copy of it. */
void parse_child(struct parse *p, const cJSON *obj, enum id_rule rule,
	bool has_template, struct draft_child *c);

/* Appends a list of children to sup. False when there is no memory, or no room. */
bool parse_children(struct parse *p, const cJSON *array, struct draft_sup *sup);

/* Appends the partitions of a partition supervisor, from its "child". False when that
 * has been said, or there is no memory. */
bool parse_partitions(struct parse *p, const cJSON *v, struct draft_sup *sup);

/* The variable PARTITION for a program within p->partition. */
void parse_partition_env(struct parse *p, struct draft_child *c);

/* No id twice among the children of sup. */
void parse_check_ids(struct parse *p, const struct draft_sup *sup);

/* The whole of a main file, or of an included one (an array, or an object). */
void parse_top(struct parse *p, const cJSON *root, struct draft_config *cf);
void parse_include(struct parse *p, const cJSON *root, struct draft_config *cf);

/* No file is kept by two agents below sup. */
void parse_check_files(struct parse *p, const struct draft_sup *sup);

/* Every name in a child's "listen" is a socket of the application. */
void parse_check_sockets(struct parse *p, const struct draft_config *cf);

/* The child's sockets leave the descriptor of its `ready` alone. */
void parse_check_slots(struct parse *p, const cJSON *obj, const struct draft_child *c);

/* When all files have been read: the ids of the top supervisor's children. */
void parse_finish(struct parse *p, struct draft_config *cf);

/* Notes what children will ask of their supervisor; its own keys may come later. */
void parse_prepare_sup(const cJSON *obj, struct draft_sup *sup);

/* No key twice in any object of the document. */
void parse_check_keys(struct parse *p);

#endif
