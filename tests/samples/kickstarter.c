/* The KickStarter and its HTTP server, in three stages: what becomes of the one when
 * the other goes kaboom.
 *
 * The server is a process that answers one request after the other and knows nothing of
 * messages. */
#include <arpa/inet.h>
#include <kick.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static kick_pid first; /* is told of each server */

/* --- the HTTP server ----------------------------------------------------------------
 */

static struct sockaddr_in loopback(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port) };

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

static void http_server(void *arg)
{
	static const char page[] = "HTTP/1.0 200 OK\r\n\r\nBears, Lions, Tigers\n";
	struct sockaddr_in a = loopback(0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), client;
	socklen_t size = sizeof a;
	char request[1024];
	cJSON *port;

	(void)arg;
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, size) < 0 || listen(fd, 8) < 0 ||
		getsockname(fd, (struct sockaddr *)&a, &size) < 0)
		exit(1);
	if (kick_register("http_server") < 0)
		kick_raise("already_started");
	port = cJSON_CreateNumber(ntohs(a.sin_port));
	(void)kick_send(kick_to(first), port);
	cJSON_Delete(port);
	while ((client = accept(fd, NULL, NULL)) >= 0) {
		if (read(client, request, sizeof request) > 0)
			(void)!write(client, page, sizeof page - 1);
		(void)close(client);
	}
}

/* --- the KickStarter ----------------------------------------------------------------
 */

enum stage {
	NOT_LINKED,
	LINKED,
	TRAPPING
};

static void start_server(enum stage stage)
{
	kick_pid pid;
	int r = stage == NOT_LINKED ? kick_spawn(http_server, NULL, &pid)
				    : kick_spawn_link(http_server, NULL, &pid);

	if (r < 0)
		kick_raise("cannot_start");
}

static void kickstarter(void *arg)
{
	enum stage stage = *(const enum stage *)arg;
	kick_message *m;

	if (stage == TRAPPING)
		(void)kick_trap_exit(true);
	start_server(stage);
	while (kick_receive(NULL, NULL, KICK_INFINITY, &m) == 0) {
		cJSON *reason = cJSON_CreateString(m->reason ? m->reason : "?");

		if (m->kind == KICK_EXIT) {
			(void)kick_send(kick_to(first), reason);
			start_server(stage);
		}
		cJSON_Delete(reason);
		kick_message_free(m);
	}
}

/* --- the first process: has it started, bombs it, looks what is left
 * ------------------
 */

static bool is_port(const kick_message *m, void *user)
{
	(void)user;
	return m->kind == KICK_MESSAGE && cJSON_IsNumber(m->value);
}

static bool is_reason(const kick_message *m, void *user)
{
	(void)user;
	return m->kind == KICK_MESSAGE && cJSON_IsString(m->value);
}

static bool is_down_of(const kick_message *m, void *ref)
{
	return m->kind == KICK_DOWN && m->ref == *(const kick_ref *)ref;
}

static kick_message *receive(kick_match *match, void *user)
{
	kick_message *m;

	if (kick_receive(match, user, KICK_INFINITY, &m) < 0)
		exit(1);
	return m;
}

/* Waits for a server, and asks it. */
static void fetch(void)
{
	kick_message *m = receive(is_port, NULL);
	struct sockaddr_in a = loopback(m->value->valueint);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[256] = "";
	const char *body;

	kick_message_free(m);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0 ||
		write(fd, "GET / HTTP/1.0\r\n\r\n", 18) < 0 ||
		recv(fd, text, sizeof text - 1, MSG_WAITALL) < 0)
		exit(1);
	(void)close(fd);
	body = strstr(text, "\r\n\r\n");
	printf("  GET /: %s", body ? body + 4 : "?\n");
}

static void show_end(const char *name, kick_ref monitor)
{
	kick_message *m = receive(is_down_of, &monitor);

	printf("  %s: %s\n", name, m->reason);
	kick_message_free(m);
}

static void run(const char *title, enum stage stage)
{
	kick_ref starter_monitor, server_monitor;
	kick_pid starter, server;
	kick_message *m;

	printf("%s\n", title);
	if (kick_spawn_monitor(kickstarter, &stage, &starter, &starter_monitor) < 0)
		exit(1);
	fetch();
	if (kick_whereis("http_server", &server) < 0 ||
		kick_monitor(server, &server_monitor) < 0 ||
		kick_exit(server, "kaboom") < 0)
		exit(1);
	show_end("http_server", server_monitor);
	if (stage == TRAPPING) {
		m = receive(is_reason, NULL);
		printf("  KickStarter: {EXIT, pid, %s}\n",
			cJSON_GetStringValue(m->value));
		kick_message_free(m);
		fetch();
	}
	if (stage != LINKED) {
		printf("  KickStarter: %s\n",
			kick_alive(starter) == 1 ? "alive" : "dead");
		(void)kick_exit(starter, "kill");
	}
	show_end("KickStarter", starter_monitor);
}

int main(void)
{
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (kick_start() < 0)
		return 1;
	first = kick_self();
	run("not linked", NOT_LINKED);
	run("linked", LINKED);
	run("linked, and exits trapped", TRAPPING);
	return 0;
}
