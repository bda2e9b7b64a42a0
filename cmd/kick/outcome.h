/* What became of one name that a verb was to change, and how that is told: a line for
 * people, an element of one array in JSON. */
#ifndef KICK_CMD_OUTCOME_H
#define KICK_CMD_OUTCOME_H

#include "session.h"

struct outcome {
	int rc; /* enum status */
	const char *path;
	char state[24];	  /* or "" */
	int64_t pid;	  /* or TREE_NONE */
	bool left_alone;  /* it was not meant: nothing is told of it */
	struct buf error; /* why rc is not DONE */
};

/* Takes state and pid from an answer; what is not in it stays. */
void outcome_take(struct outcome *o, const cJSON *from);

/* Tells it. error is for JSON (people have been told by a message); words, or NULL,
 * stand for people in place of state and pid. The array is closed by session_end. */
void outcome_report(struct session *s, const struct outcome *o, const char *error,
	const char *words);

/* After a failed start: the last lines of the child's output, on standard error.
 * Without a logger there are none, and that is no second failure. */
void outcome_last_words(struct session *s, const char *path);

/* After a failed start: when the node in the answer says that a child of it could not
 * be started, path becomes that of the one it began with, and words get "; PATH:
 * REASON". The logger knows; without it both stay as they are. */
void outcome_find_cause(struct session *s, const cJSON *node, char path[KICK_PATH_MAX],
	struct buf *words);

#endif
