/* See scripted.h. */
#include "support/scripted.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

#define SOCKETS_MAX 4
#define CLIENTS_MAX 16

struct serving {
	const struct scripted *s;
	const char *names[SOCKETS_MAX];
	struct pollfd at[SOCKETS_MAX + CLIENTS_MAX]; /* listening ones first */
	const char *of[SOCKETS_MAX + CLIENTS_MAX];   /* the socket's name */
	nfds_t n_sockets, n;
};

static void add_socket(struct serving *v, const char *name)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd;

	for (nfds_t i = 0; i < v->n_sockets; i++)
		if (strcmp(v->of[i], name) == 0)
			return;
	cr_assert(v->n_sockets < SOCKETS_MAX);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)snprintf(sa.sun_path, sizeof sa.sun_path, "%s/%s", v->s->dir, name);
	cr_assert(bind(fd, (const struct sockaddr *)&sa, sizeof sa) == 0);
	cr_assert(listen(fd, 8) == 0);
	v->of[v->n] = name;
	v->at[v->n++] = (struct pollfd){ .fd = fd, .events = POLLIN };
	v->n_sockets = v->n;
}

static void hang_up(struct serving *v, nfds_t i)
{
	fd_close(v->at[i].fd);
	v->n--;
	v->at[i] = v->at[v->n];
	v->of[i] = v->of[v->n];
}

/* The first line of the script for this socket whose method the request contains. */
static const char *find_answer(
	const struct serving *v, const char *socket, char *request)
{
	for (size_t i = 0; i < v->s->n; i++) {
		const struct line *l = &v->s->lines[i];

		if (strcmp(l->socket, socket) == 0 && strstr(request, l->method))
			return l->answer;
	}
	return "\"error\":{\"code\":-32601,\"message\":\"not in the script\"}";
}

static void serve(struct serving *v, nfds_t i)
{
	char request[4096];
	const char *answer;
	ssize_t n = read(v->at[i].fd, request, sizeof request - 1);

	answer = NULL;
	if (n > 0) {
		request[n] = '\0';
		answer = find_answer(v, v->of[i], request);
	}
	if (!answer) {
		hang_up(v, i);
		return;
	}
	(void)dprintf(v->at[i].fd, "{\"jsonrpc\":\"2.0\",\"id\":1,%s}\n", answer);
}

static void greet(struct serving *v, nfds_t i)
{
	int fd = accept(v->at[i].fd, NULL, NULL);

	if (fd < 0 || v->n == SOCKETS_MAX + CLIENTS_MAX) {
		fd_close(fd);
		return;
	}
	v->of[v->n] = v->of[i];
	v->at[v->n++] = (struct pollfd){ .fd = fd, .events = POLLIN };
}

static _Noreturn void run(struct serving *v)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		if (poll(v->at, v->n, -1) < 0)
			_exit(1);
		/* From the end: hanging up moves the last one, which has been seen. */
		for (nfds_t i = v->n; i-- > 0;) {
			if (!v->at[i].revents)
				continue;
			if (i < v->n_sockets)
				greet(v, i);
			else
				serve(v, i);
		}
	}
}

void scripted_start(struct scripted *s, const struct line *lines, size_t n)
{
	struct serving v = { .s = s };

	(void)strcpy(s->dir, "/tmp/kick-script-XXXXXX");
	cr_assert(mkdtemp(s->dir));
	s->lines = lines;
	s->n = n;
	for (size_t i = 0; i < n; i++)
		add_socket(&v, lines[i].socket);
	s->pid = fork();
	cr_assert(s->pid >= 0);
	if (s->pid == 0)
		run(&v);
	while (v.n)
		fd_close(v.at[--v.n].fd);
}

void scripted_stop(struct scripted *s)
{
	char path[128];

	(void)kill(s->pid, SIGKILL);
	(void)waitpid(s->pid, NULL, 0);
	for (size_t i = 0; i < s->n; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", s->dir, s->lines[i].socket);
		(void)unlink(path);
	}
	(void)rmdir(s->dir);
}
