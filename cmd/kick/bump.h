/* Memory for answers that are read once, by a program that ends right after: taken in
 * large pieces, given back when the process ends. */
#ifndef KICK_CMD_BUMP_H
#define KICK_CMD_BUMP_H

/* From now on JSON values come from there, and freeing them costs nothing and gives
 * nothing back. Only for verbs that do not go on for long. */
void bump_begin(void);

#endif
