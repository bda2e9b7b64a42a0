/* The course's tree whole.
 *
 *   top
 *   |-- kick_starter ... http_server     linked; started by kick_starter
 *   `-- services
 *       |-- pledge_server
 *       `-- sensor_server
 *
 * The HTTP server is a plain process that no supervisor knows. The KickStarter, which
 * traps exits, starts it anew when {EXIT, pid, kaboom} arrives. When the KickStarter
 * itself is killed, the link takes the HTTP server along, and the top supervisor starts
 * the KickStarter anew, which starts the HTTP server. */
#include <arpa/inet.h>
#include <kick.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static kick_pid first; /* is told what happens */

/* [NAME, VALUE]; takes value over. */
static void tell_first(const char *name, cJSON *value)
{
	cJSON *note = cJSON_CreateArray();

	(void)cJSON_AddItemToArray(note, cJSON_CreateString(name));
	(void)cJSON_AddItemToArray(note, value);
	(void)kick_send(kick_to(first), note);
	cJSON_Delete(note);
}

/* --- pledge_server, sensor_server: each answers what its arguments were -------------
 */

static int service_init(kick_server *s, const cJSON *args)
{
	const char *name = cJSON_GetStringValue(cJSON_GetArrayItem(args, 0));

	kick_server_set_state(s, cJSON_Duplicate(cJSON_GetArrayItem(args, 1), true));
	tell_first(name, cJSON_CreateNull());
	return KICK_OK;
}

static int service_call(kick_server *s, kick_from from, const cJSON *request)
{
	(void)request;
	(void)kick_reply(from, kick_server_state(s));
	return KICK_OK;
}

static const kick_gen_server service = {
	.init = service_init,
	.handle_call = service_call,
};

/* args: [NAME, STATE] */
static int service_start_link(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	const kick_start_options options = { .name = cJSON_GetStringValue(
						     cJSON_GetArrayItem(args, 0)) };

	return kick_server_start_link(&service, args, &options, ret, why);
}

static int services_start_link(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	const kick_supervisor_options options = {
		.name = "services", .max_restarts = 3, .max_seconds = 5
	};
	const kick_child_spec specs[] = {
		{ .id = "pledge_server",
			.start = service_start_link,
			.args = cJSON_GetArrayItem(args, 0) },
		{ .id = "sensor_server",
			.start = service_start_link,
			.args = cJSON_GetArrayItem(args, 1) },
	};

	return kick_supervisor_start_link(&options, specs, 2, ret, why);
}

/* --- http_server --------------------------------------------------------------------
 */

static struct sockaddr_in loopback(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port) };

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

/* What the service says, as JSON. */
static void serve_from(int client, const char *name)
{
	cJSON *answer = NULL;

	if (kick_call(kick_to_name(name), NULL, 5000, &answer, NULL) < 0) {
		(void)dprintf(client, "HTTP/1.0 503 Service Unavailable\r\n\r\n");
	} else {
		char *text = cJSON_PrintUnformatted(answer);

		(void)dprintf(client, "HTTP/1.0 200 OK\r\n\r\n%s", text);
		cJSON_free(text);
		cJSON_Delete(answer);
	}
}

static void serve(int client)
{
	char request[1024];
	ssize_t n = read(client, request, sizeof request - 1);

	request[n > 0 ? n : 0] = '\0';
	if (strncmp(request, "GET / ", 6) == 0)
		(void)dprintf(client, "HTTP/1.0 200 OK\r\n\r\nBears, Lions, Tigers");
	else if (strncmp(request, "GET /pledges ", 13) == 0)
		serve_from(client, "pledge_server");
	else if (strncmp(request, "GET /sensors ", 13) == 0)
		serve_from(client, "sensor_server");
	else
		(void)dprintf(client, "HTTP/1.0 404 Not Found\r\n\r\nno such page");
}

/* On a port of the kernel's choice. */
static void http_server(void *arg)
{
	struct sockaddr_in a = loopback(0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), client;
	socklen_t size = sizeof a;

	(void)arg;
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, size) < 0 || listen(fd, 8) < 0 ||
		getsockname(fd, (struct sockaddr *)&a, &size) < 0)
		kick_raise("no_socket");
	if (kick_register("http_server") < 0)
		kick_raise("already_started");
	tell_first("http_server", cJSON_CreateNumber(ntohs(a.sin_port)));
	while ((client = accept(fd, NULL, NULL)) >= 0) {
		serve(client);
		(void)close(client);
	}
}

/* --- kick_starter -------------------------------------------------------------------
 */

static int start_http_server(kick_server *s)
{
	kick_pid pid;

	return kick_spawn_link(http_server, NULL, &pid) == 0
		? KICK_OK
		: kick_server_stop(s, "no_http_server");
}

static int starter_init(kick_server *s, const cJSON *args)
{
	(void)args;
	return start_http_server(s);
}

static int starter_info(kick_server *s, const kick_message *m)
{
	if (m->kind != KICK_EXIT)
		return KICK_OK;
	tell_first("kick_starter", cJSON_CreateString(m->reason));
	return start_http_server(s);
}

static const kick_gen_server starter = {
	.init = starter_init,
	.handle_info = starter_info,
};

static int starter_start_link(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	const kick_start_options options = { .name = "kick_starter",
		.trap_exit = true };

	return kick_server_start_link(&starter, args, &options, ret, why);
}

/* --- the first process: looks, and kills --------------------------------------------
 */

static bool is_note(const kick_message *m, void *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetArrayItem(m->value, 0));

	return text && strcmp(text, name) == 0;
}

static kick_message *await_note(const char *name)
{
	char wanted[32];
	kick_message *m;

	(void)snprintf(wanted, sizeof wanted, "%s", name);
	if (kick_receive(is_note, wanted, KICK_INFINITY, &m) < 0)
		exit(1);
	return m;
}

static void await_service(const char *name)
{
	kick_message_free(await_note(name));
	printf("  %s starts\n", name);
}

/* Its port. */
static int await_http_server(void)
{
	kick_message *m = await_note("http_server");
	int port = cJSON_GetArrayItem(m->value, 1)->valueint;

	kick_message_free(m);
	printf("  http_server starts\n");
	return port;
}

static void get(int port, const char *path)
{
	struct sockaddr_in a = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[512] = "";
	const char *body;

	if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0 ||
		dprintf(fd, "GET %s HTTP/1.0\r\n\r\n", path) < 0 ||
		recv(fd, text, sizeof text - 1, MSG_WAITALL) < 0)
		exit(1);
	(void)close(fd);
	body = strstr(text, "\r\n\r\n");
	printf("  GET %s: %.3s %s\n", path, text + 9, body ? body + 4 : "?");
}

static kick_pid whereis(const char *name)
{
	kick_pid pid;

	if (kick_whereis(name, &pid) < 0)
		exit(1);
	return pid;
}

static void show_process(const char *name, kick_pid before)
{
	printf("  %s: %s process\n", name,
		kick_pid_equal(whereis(name), before) ? "the same" : "a new");
}

static bool is_down(const kick_message *m, void *ref)
{
	return m->kind == KICK_DOWN && m->ref == *(const kick_ref *)ref;
}

static void await_end(const char *name, kick_ref ref)
{
	kick_message *m;

	if (kick_receive(is_down, &ref, KICK_INFINITY, &m) < 0)
		exit(1);
	printf("  %s ends: %s\n", name, m->reason);
	kick_message_free(m);
}

static kick_ref monitor(const char *name)
{
	kick_ref ref;

	if (kick_monitor(whereis(name), &ref) < 0)
		exit(1);
	return ref;
}

static int kaboom(void)
{
	kick_pid server = whereis("http_server"),
		 kick_starter = whereis("kick_starter");
	kick_message *m;
	int port;

	printf("http_server goes kaboom\n");
	(void)kick_exit(server, "kaboom");
	m = await_note("kick_starter");
	printf("  kick_starter receives {EXIT, pid, %s}\n",
		cJSON_GetStringValue(cJSON_GetArrayItem(m->value, 1)));
	kick_message_free(m);
	port = await_http_server();
	show_process("kick_starter", kick_starter);
	show_process("http_server", server);
	return port;
}

static int kill_starter(void)
{
	kick_pid server = whereis("http_server"),
		 kick_starter = whereis("kick_starter");
	kick_ref ref = monitor("http_server");
	int port;

	printf("kill kick_starter\n");
	(void)kick_exit(kick_starter, "kill");
	await_end("http_server", ref);
	port = await_http_server();
	show_process("kick_starter", kick_starter);
	show_process("http_server", server);
	return port;
}

static void kill_services(void)
{
	kick_pid services = whereis("services"), pledges = whereis("pledge_server");

	printf("kill services\n");
	(void)kick_exit(services, "kill");
	await_service("pledge_server");
	await_service("sensor_server");
	show_process("services", services);
	show_process("pledge_server", pledges);
}

static kick_pid start_top(void)
{
	cJSON *args = cJSON_Parse(
		"[[\"pledge_server\", [[\"larry\", 10], [\"moe\", 20]]],"
		" [\"sensor_server\", {\"lat\": \"29.0469 N\", \"lng\": \"98.8667 W\"}]]");
	const kick_child_spec specs[] = {
		{ .id = "kick_starter", .start = starter_start_link },
		{ .id = "services",
			.start = services_start_link,
			.args = args,
			.supervisor = true },
	};
	kick_pid top;

	if (kick_supervisor_start_link(NULL, specs, 2, &top, NULL) < 0)
		exit(1);
	cJSON_Delete(args);
	return top;
}

int main(void)
{
	kick_pid top;
	kick_ref ref;
	int port;

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (kick_start() < 0)
		return 1;
	first = kick_self();
	printf("start\n");
	top = start_top();
	port = await_http_server();
	await_service("pledge_server");
	await_service("sensor_server");
	get(port, "/");
	get(port, "/pledges");
	get(port, "/sensors");
	get(port, "/bears");

	get(kaboom(), "/");
	port = kill_starter();
	get(port, "/");
	kill_services();
	get(port, "/pledges");

	printf("stop\n");
	ref = monitor("http_server");
	if (kick_supervisor_stop(kick_to(top)) < 0)
		return 1;
	await_end("http_server", ref);
	return 0;
}
