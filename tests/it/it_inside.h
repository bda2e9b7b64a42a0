/* What the parts of the harness share. */
#ifndef KICK_IT_INSIDE_H
#define KICK_IT_INSIDE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Grows; always ends with a NUL. */
struct text {
	char *bytes;
	size_t len;
};

void text_add(struct text *t, const char *bytes, size_t n);

/* A program that runs or has run. */
struct job {
	char name[32];
	pid_t pid;
	int status; /* -1 while it runs */
	int fds[2]; /* ends of its stdout and stderr, -1 after the end of file */
	struct text text[2];
};

bool job_over(const struct job *job);

struct harness {
	char dir[64];
	char run[80];
	char out[256];	   /* $KICK_OUT, absolute */
	int children;	   /* signalfd for SIGCHLD */
	int notify;	   /* socket that kickd tells READY=1 */
	int events;	   /* connection to the logger, or -1 */
	bool found_dir;	   /* the runtime directory was there before kickd */
	int orphans;	   /* processes that have come to us and ended */
	struct text notes; /* of rows that failed */
	struct text notified;
	struct text lines;	    /* of the logger, the last one perhaps begun */
	void (*before_exec)(void);  /* in the process that becomes kickd */
	void (*before_begin)(void); /* the same, of other programs */
	struct job *kickd;
	struct job jobs[64];
	size_t n_jobs;
};

extern struct harness it;

/* Takes what the logger has sent. False at the end of file. */
bool events_take(void);

/* Starts it in the test's directory with NOTIFY_SOCKET, if that is asked for. */
struct job *job_begin(const char *program, const char *line, bool notify);

/* The first job in another way: reaps, without waiting. */
void jobs_reap(void);

/* Reads what has come. */
void job_read(struct job *job, int i);

/* Kills all that is left and removes the directory. */
void it_clean(void);

char *vformat(const char *fmt, va_list ap);

#endif
