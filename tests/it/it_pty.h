/* A terminal for the programs that a test starts. */
#ifndef KICK_IT_PTY_H
#define KICK_IT_PTY_H

void pty_make(void);

/* In a process that is about to become a program (begin_with, tree_before_exec): a
 * session of its own on the terminal, which is its stdin; or all three. */
void pty_take(void);
void pty_take_all(void);

/* On its keyboard. */
void pty_type(const char *text);

/* The terminal goes away. */
void pty_end(void);

#endif
