/* See self.h: the node, the births of processes, links, monitors, names, timers. */
#include "otp/self.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/single_threaded.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/limits.h"
#include "core/reason.h"
#include "os/namedir.h"
#include "os/sock.h"
#include "otp/mailbox.h"
#include "otp/nodeproc.h"
#include "otp/outside.h"
#include "otp/peers.h"
#include "otp/registry.h"
#include "otp/sup_server.h"

static_assert(KICK_REASON_SIZE == KICK_REASON_MAX, "one is the public name");

struct self self = { .link = -1, .listen = -1 };

/* --- the node -----------------------------------------------------------------------
 */

/* Nobody is left to be a process for. */
static _Noreturn void node_is_gone(void)
{
	_exit(1);
}

static void wait_link(short events)
{
	struct pollfd p = { .fd = self.link, .events = events };

	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
}

int self_tell(const struct link_message *m, const char *text, int fd)
{
	size_t n = text ? strlen(text) : 0;
	char bytes[sizeof *m + 64];
	autofree char *longer = NULL;
	char *at = bytes;
	int r;

	if (n > KICK_LINK_MESSAGE_MAX)
		return -EMSGSIZE;
	if (sizeof *m + n > sizeof bytes) {
		longer = malloc(sizeof *m + n);
		if (!longer)
			return -ENOMEM;
		at = longer;
	}
	memcpy(at, m, sizeof *m);
	memcpy(at + sizeof *m, text ? text : "", n);
	while ((r = sock_send(self.link, at, sizeof *m + n, &fd, fd >= 0)) == -EAGAIN)
		wait_link(POLLOUT);
	if (r < 0)
		node_is_gone();
	return 0;
}

/* One message. False: there is none now. */
static bool hear_one(struct link_message *m, struct node_answer *a)
{
	struct iovec parts[] = { { m, sizeof *m }, { a->text, sizeof a->text - 1 } };
	int fd = -1;
	size_t n_fds = 1;
	ssize_t n = sock_receive(self.link, parts, 2, &fd, &n_fds);

	if (n == -EAGAIN)
		return false;
	if (n < (ssize_t)sizeof *m)
		node_is_gone();
	a->text[(size_t)n - sizeof *m] = '\0';
	a->fd = n_fds ? fd : -1;
	return true;
}

static void take_event(const struct link_message *m, const char *text)
{
	kick_pid from = { self.pid.node, (uint64_t)m->number };

	/* What was sent before it must come before it. */
	mailbox_drain();
	if (m->kind == NODE_EXITED && m->id)
		mailbox_put_signal(from, text, (uint32_t)m->id);
	else if (m->kind == NODE_EXITED)
		mailbox_put(KICK_EXIT, from, 0, text, NULL);
	else if (m->kind == NODE_DOWN)
		mailbox_put(KICK_DOWN, from, m->id, text, NULL);
	else if (m->kind == NODE_TIMER)
		mailbox_put(KICK_MESSAGE, from, 0, NULL, cJSON_Parse(text));
	else if (m->kind == NODE_CALL)
		mailbox_put(KICK_CALL, from, m->id, NULL, cJSON_Parse(text));
	else if (m->kind == NODE_CAST)
		mailbox_put(KICK_CAST, from, 0, NULL, cJSON_Parse(text));
	else if (m->kind == NODE_FOUND)
		selfnames_found(m->number);
}

void self_hear(void)
{
	static struct node_answer a;
	struct link_message m;

	while (hear_one(&m, &a)) {
		(void)fd_close(a.fd);
		take_event(&m, a.text);
	}
}

int64_t self_ask(enum node_kind kind, unsigned flags, int64_t number, const char *text,
	struct node_answer *answer)
{
	static struct node_answer own;
	static uint64_t last_id;
	struct node_answer *a = answer ? answer : &own;
	struct link_message m = { .kind = kind, .flags = flags, .number = number };
	int r;

	if (!self.pid.id)
		return -ENOTCONN;
	m.id = ++last_id;
	r = self_tell(&m, text, -1);
	if (r < 0)
		return r;
	for (;;) {
		if (!hear_one(&m, a)) {
			wait_link(POLLIN);
		} else if (m.kind == NODE_ANSWER && m.id == last_id) {
			return a->number = m.number;
		} else {
			(void)fd_close(a->fd);
			take_event(&m, a->text);
		}
	}
}

/* --- birth --------------------------------------------------------------------------
 */

/* In the new process, signals blocked. */
static void become(kick_pid pid, kick_pid parent, int link, int listen, pid_t node)
{
	mailbox_forked();
	sup_control_forked();
	(void)fd_close(self.link);
	(void)fd_close(self.listen);
	self.pid = pid;
	self.parent = parent;
	self.link = link;
	self.listen = listen;
	self.trap = false;
	self.dictionary = NULL;
	self.on_raise = NULL;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != node)
		_exit(1);
}

static int make_dir_in(const char *dir, const char *name)
{
	int n = snprintf(self.dir, sizeof self.dir, "%s/%s-XXXXXX", dir, name);

	/* The names of sockets follow. */
	if (n < 0 || n > KICK_RUNTIME_DIR_MAX + 20)
		return -ENAMETOOLONG;
	return mkdtemp(self.dir) ? 0 : -errno;
}

/* In kickd's runtime directory its supervisor finds it, should we be killed. */
static int make_dir(const struct outer_start *outer)
{
	const char *tmp = getenv("TMPDIR");
	const char *run = getenv("XDG_RUNTIME_DIR");
	char name[16];

	if (outer->link >= 0) {
		(void)snprintf(name, sizeof name, "n%u", outer->socket);
		if (make_dir_in(outer->dir, name) == 0)
			return 0;
	}
	if (!tmp && run && *run && make_dir_in(run, "kick") == 0)
		return 0;
	return make_dir_in(tmp && *tmp ? tmp : "/tmp", "kick");
}

/* --- who started us -----------------------------------------------------------------
 */

static int environment_link(void)
{
	const char *text = getenv("KICK_LINK_FD");
	char *end;
	long fd = text ? strtol(text, &end, 10) : -1;

	if (!text)
		return -1;
	(void)unsetenv("KICK_LINK_FD");
	if (*end || fd < 3 || fd > INT_MAX || fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0)
		return -EBADF;
	return (int)fd;
}

/* What its supervisor has put on the link before it started the program. 0: also when
 * nobody started it over one. */
static int meet_supervisor(struct outer_start *ret)
{
	static char text[64], path[KICK_PATH_MAX], dir[KICK_RUNTIME_DIR_MAX + 1];
	struct link_message m;
	struct iovec parts[] = { { &m, sizeof m }, { text, sizeof text - 1 } };
	const char *env_dir = getenv("KICK_RUNTIME_DIR"),
		   *env_name = getenv("KICK_NAME");
	long long group, readers;
	int fd = environment_link(), listen = -1;
	size_t n_fds = 1;
	ssize_t n;

	*ret = (struct outer_start){ .link = -1, .listen = -1 };
	if (fd < 0)
		return fd == -1 ? 0 : fd;
	if (!env_dir || !env_name || strlen(env_dir) >= sizeof dir ||
		strlen(env_name) >= sizeof path)
		return -EINVAL;
	n = sock_receive(fd, parts, 2, &listen, &n_fds);
	if (n < 0)
		return (int)n;
	text[n > (ssize_t)sizeof m ? (size_t)n - sizeof m : 0] = '\0';
	if (n < (ssize_t)sizeof m || n_fds != 1 || m.kind != LINK_NODE ||
		sscanf(text, "%lld %lld", &group, &readers) != 2) {
		(void)fd_close(listen);
		return -EPROTO;
	}
	ret->link = fd;
	ret->listen = listen;
	ret->socket = (uint32_t)m.id;
	ret->group = (gid_t)group;
	ret->readers = (gid_t)readers;
	ret->dir = strcpy(dir, env_dir);
	ret->path = strcpy(path, env_name);
	ret->name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	return 0;
}

static int listen_as(uint64_t id, int *ret_fd)
{
	char name[32];

	(void)snprintf(name, sizeof name, NODE_SOCKET_NAME, (unsigned long long)id);
	return sock_listen_new(self.dir, name, ret_fd);
}

static void unlisten(uint64_t id)
{
	char path[sizeof self.dir + 32];

	(void)snprintf(path, sizeof path, "%s/" NODE_SOCKET_NAME, self.dir,
		(unsigned long long)id);
	(void)unlink(path);
}

/* The first half stays behind, the second goes on. */
static int divide(
	uint64_t number, int ends[2], int listen, const struct outer_start *outer)
{
	kick_pid first = { number, NODE_FIRST };
	sigset_t all, before;
	pid_t node = getpid();
	pid_t pid;

	(void)fflush(NULL);
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	pid = _Fork();
	if (pid > 0) {
		struct nodeproc_start start = { .node = number,
			.dir = self.dir,
			.first = pid,
			.link = ends[0],
			.counters = self.counters,
			.outer = *outer };

		(void)close(ends[1]);
		(void)close(listen);
		nodeproc_run(&start);
	}
	if (pid == 0) {
		(void)close(ends[0]);
		(void)fd_close(outer->link);
		(void)fd_close(outer->listen);
		become(first, (kick_pid){ number, NODE_STARTER }, ends[1], listen,
			node);
	}
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return pid < 0 ? -errno : 0;
}

/* libc remembers that there have been threads, not that they have ended. */
static bool has_threads(void)
{
	DIR *dir = __libc_single_threaded ? NULL : opendir("/proc/self/task");
	struct dirent *e;
	int n = 0;

	if (!dir)
		return !__libc_single_threaded;
	while ((e = readdir(dir)))
		n += e->d_name[0] != '.';
	(void)closedir(dir);
	return n > 1;
}

int kick_start(void)
{
	uint64_t number = 0;
	int ends[2] = { -1, -1 }, listen = -1, r;
	struct outer_start outer;

	if (self.pid.id)
		return -EALREADY;
	if (has_threads())
		return -EBUSY;
	r = meet_supervisor(&outer);
	if (r < 0)
		return r;
	self.counters = mmap(NULL, sizeof *self.counters, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (self.counters == MAP_FAILED)
		return -errno;
	self.counters->last_id = NODE_FIRST;
	if (getrandom(&number, sizeof number, 0) != sizeof number || number == 0)
		number = (uint64_t)getpid() + 1;
	self.outer_dir = outer.dir;
	if (outer.dir)
		(void)snprintf(self.path, sizeof self.path, "%s", outer.path);
	r = make_dir(&outer);
	if (r < 0)
		return r;
	r = sock_pair(SOCK_SEQPACKET, ends);
	if (r == 0)
		r = listen_as(NODE_FIRST, &listen);
	if (r == 0)
		r = divide(number, ends, listen, &outer);
	if (r < 0) {
		unlisten(NODE_FIRST);
		(void)rmdir(self.dir);
		(void)munmap(self.counters, sizeof *self.counters);
		(void)fd_close(ends[0]);
		(void)fd_close(ends[1]);
		(void)fd_close(listen);
	}
	return r;
}

static _Noreturn void live(kick_function *function, void *arg)
{
	function(arg);
	kick_raise("normal");
}

/* A sibling, so that the node is its parent and reaps it. */
static pid_t fork_sibling(struct node_birth *b)
{
	int noted = b ? CLONE_PARENT_SETTID : 0;

	return (pid_t)syscall(
		SYS_clone, CLONE_PARENT | SIGCHLD | noted, 0, b ? &b->pid : NULL, 0, 0);
}

/* The node may not have heard of this process yet. */
static bool unheard;

/* Should its parent end before it tells of it, it is killed unheard, and nobody would
 * hear of its children: it has none before. The answer comes when the node has the
 * other end of the link. */
static int be_heard(void)
{
	int64_t r =
		unheard ? self_ask(NODE_ALIVE, 0, (int64_t)self.pid.id, NULL, NULL) : 0;

	unheard = unheard && r < 0;
	return r < 0 ? (int)r : 0;
}

/* What the parent makes before the clone: nobody is asked. */
struct cradle {
	uint64_t id, ref;
	int ends[2]; /* of the link: the node's, its own */
	int listen;
	struct node_birth *birth; /* NULL: none was free */
};

static struct node_birth *note_birth(void)
{
	for (size_t i = 0; i < NODE_BIRTHS; i++) {
		struct node_birth *b = &self.counters->births[i];
		uint64_t nobody = 0;

		if (b->parent == 0 &&
			atomic_compare_exchange_strong(
				&b->parent, &nobody, self.pid.id))
			return b;
	}
	return NULL;
}

static void forget_birth(struct node_birth *b)
{
	if (!b)
		return;
	b->id = 0;
	b->pid = 0;
	b->parent = 0;
}

static int make_cradle(struct cradle *c)
{
	int r = sock_pair(SOCK_SEQPACKET, c->ends);

	if (r < 0)
		return r;
	c->id = ++self.counters->last_id;
	c->ref = ++self.counters->last_ref;
	c->birth = note_birth();
	if (c->birth)
		c->birth->id = c->id;
	r = listen_as(c->id, &c->listen);
	if (r < 0) {
		forget_birth(c->birth);
		(void)close(c->ends[0]);
		(void)close(c->ends[1]);
	}
	return r;
}

/* The node hears of it before it hears it, as its end of the link comes with this. */
static void tell_birth(const struct cradle *c, pid_t pid, unsigned flags)
{
	struct link_message m = { .kind = NODE_BORN,
		.flags = flags,
		.id = c->ref,
		.number = (int64_t)c->id };
	char text[16];

	(void)snprintf(text, sizeof text, "%d", (int)pid);
	(void)self_tell(&m, text, c->ends[0]);
}

static int spawn_with(unsigned flags, kick_function *function, void *arg, kick_pid *ret,
	kick_ref *ret_ref)
{
	struct cradle c;
	sigset_t all, before;
	pid_t node = getppid();
	pid_t pid;
	int r;

	if (!self.pid.id)
		return -ENOTCONN;
	if (has_threads())
		return -EBUSY;
	r = be_heard();
	if (r == 0)
		r = make_cradle(&c);
	if (r < 0)
		return r;
	(void)fflush(NULL);
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork_sibling(c.birth);
	r = -errno;
	if (pid == 0) {
		kick_pid own = { self.pid.node, c.id };

		(void)close(c.ends[0]);
		become(own, self.pid, c.ends[1], c.listen, node);
		unheard = true;
		(void)sigprocmask(SIG_SETMASK, &before, NULL);
		live(function, arg);
	}
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid > 0)
		tell_birth(&c, pid, flags);
	else
		unlisten(c.id);
	forget_birth(c.birth);
	(void)close(c.ends[0]);
	(void)close(c.ends[1]);
	(void)close(c.listen);
	if (pid < 0)
		return r;
	if (ret)
		*ret = (kick_pid){ self.pid.node, c.id };
	if (ret_ref)
		*ret_ref = c.ref;
	return 0;
}

int kick_spawn(kick_function *function, void *arg, kick_pid *ret)
{
	return spawn_with(0, function, arg, ret, NULL);
}

int kick_spawn_link(kick_function *function, void *arg, kick_pid *ret)
{
	return spawn_with(NODE_LINKED, function, arg, ret, NULL);
}

int kick_spawn_monitor(
	kick_function *function, void *arg, kick_pid *ret, kick_ref *ret_ref)
{
	return spawn_with(NODE_MONITORED, function, arg, ret, ret_ref);
}

int self_spawn_link_monitor(
	kick_function *function, void *arg, kick_pid *ret, kick_ref *ret_ref)
{
	return spawn_with(NODE_LINKED | NODE_MONITORED, function, arg, ret, ret_ref);
}

/* --- ends ---------------------------------------------------------------------------
 */

void kick_raise(const char *reason)
{
	struct link_message m = { .kind = NODE_RAISE };
	struct reason r = reason_text(reason);
	int code;

	if (self.on_raise) {
		void (*on_raise)(const char *) = self.on_raise;

		self.on_raise = NULL;
		on_raise(r.text);
	}
	(void)fflush(NULL);
	peers_finish(clock_now() + KICK_ANSWER_MS * MSEC_NS);
	/* Its end alone says "normal". */
	if (self.pid.id && strcmp(r.text, "normal") != 0)
		(void)self_tell(&m, r.text, -1);
	_exit(r.class != REASON_ABNORMAL			? 0
			: sscanf(r.text, "exit:%d", &code) == 1 ? code
								: 1);
}

int kick_exit(kick_pid pid, const char *reason)
{
	struct reason r = reason_text(reason);

	if (!self.pid.id)
		return -ENOTCONN;
	if (kick_pid_equal(pid, self.pid) && !self.trap && strcmp(r.text, "kill") != 0)
		kick_raise(r.text);
	if (pid.node != self.pid.node)
		return 0;
	return (int)self_ask(NODE_EXIT, peers_sent(pid), (int64_t)pid.id, r.text, NULL);
}

/* --- links and monitors -------------------------------------------------------------
 */

bool self_is_of_node(kick_pid pid)
{
	return pid.id > 0 && pid.node == self.pid.node;
}

int kick_link(kick_pid pid)
{
	if (kick_pid_equal(pid, self.pid))
		return self.pid.id ? 0 : -ENOTCONN;
	return (int)self_ask(
		NODE_LINK, 0, self_is_of_node(pid) ? (int64_t)pid.id : 0, NULL, NULL);
}

int kick_unlink(kick_pid pid)
{
	return (int)self_ask(
		NODE_UNLINK, 0, self_is_of_node(pid) ? (int64_t)pid.id : 0, NULL, NULL);
}

int kick_trap_exit(bool on)
{
	int64_t r = self_ask(NODE_TRAP, 0, on, NULL, NULL);

	if (r >= 0)
		self.trap = on;
	return (int)r;
}

int self_monitor(kick_pid pid, kick_ref *ret, kick_reason *ended)
{
	static struct node_answer a;
	int64_t r = self_ask(
		NODE_MONITOR, 0, self_is_of_node(pid) ? (int64_t)pid.id : 0, NULL, &a);

	if (r < 0)
		return (int)r;
	*ret = (kick_ref)r;
	if (r == 0 && ended)
		(void)strcpy(ended->text, reason_text(a.text).text);
	return 0;
}

/* Of one that is gone the message is put here: it says how it ended, or what `gone`
 * says of all that are gone. */
static int watch(kick_pid pid, kick_ref *ret, const char *gone)
{
	kick_reason ended = { "" };
	int r = self_monitor(pid, ret, &ended);

	if (r == 0 && *ret == 0) {
		*ret = mailbox_new_ref();
		mailbox_put(KICK_DOWN, pid, *ret, gone ? gone : ended.text, NULL);
	}
	return r;
}

int self_watch(kick_pid pid, kick_ref *ret)
{
	return watch(pid, ret, NULL);
}

int kick_monitor(kick_pid pid, kick_ref *ret)
{
	kick_ref ref;
	int r = watch(pid, &ref, "noproc");

	if (r == 0 && ret)
		*ret = ref;
	return r;
}

int kick_demonitor(kick_ref ref, bool flush)
{
	int r = (int)self_ask(NODE_DEMONITOR, 0, (int64_t)ref, NULL, NULL);

	if (r == 0 && flush)
		mailbox_drop(mailbox_is_down, &ref);
	return r;
}

static int64_t ask_alive(kick_pid pid)
{
	return self_ask(
		NODE_ALIVE, 0, self_is_of_node(pid) ? (int64_t)pid.id : 0, NULL, NULL);
}

int kick_alive(kick_pid pid)
{
	int64_t r = ask_alive(pid);

	return r < 0 ? (int)r : r > 0;
}

pid_t self_os_pid(kick_pid pid)
{
	int64_t r = ask_alive(pid);

	return r > 0 ? (pid_t)r : 0;
}

/* --- what is known ------------------------------------------------------------------
 */

cJSON *kick_info(kick_pid pid)
{
	static struct node_answer a;
	cJSON *info;

	if (!self_is_of_node(pid) ||
		self_ask(NODE_INFO, 0, (int64_t)pid.id, NULL, &a) < 0)
		return NULL;
	info = cJSON_Parse(a.text);
	(void)cJSON_AddItemToObject(info, "pid", kick_pid_to_json(pid));
	return info;
}

int kick_put(const char *key, cJSON *value)
{
	if (!self.dictionary)
		self.dictionary = cJSON_CreateObject();
	if (!self.dictionary)
		return -ENOMEM;
	cJSON_DeleteItemFromObjectCaseSensitive(self.dictionary, key);
	return !value || cJSON_AddItemToObject(self.dictionary, key, value) ? 0
									    : -ENOMEM;
}

const cJSON *kick_get(const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(self.dictionary, key);
}

kick_pid kick_self(void)
{
	return self.pid;
}

bool kick_pid_equal(kick_pid a, kick_pid b)
{
	return a.node == b.node && a.id == b.id;
}

/* "<3f2a9c0d1e5b7788.17>" */
cJSON *kick_pid_to_json(kick_pid pid)
{
	char text[48];

	(void)snprintf(text, sizeof text, "<%llx.%llu>", (unsigned long long)pid.node,
		(unsigned long long)pid.id);
	return cJSON_CreateString(text);
}

kick_pid kick_pid_from_json(const cJSON *json)
{
	unsigned long long node, id;
	char end;

	if (!cJSON_IsString(json) ||
		sscanf(json->valuestring, "<%llx.%llu%c", &node, &id, &end) != 3 ||
		end != '>')
		return (kick_pid){ 0 };
	return (kick_pid){ node, id };
}

kick_dest kick_to(kick_pid pid)
{
	return (kick_dest){ .pid = pid };
}

kick_dest kick_to_name(const char *name)
{
	return (kick_dest){ .name = name };
}

kick_dest kick_via(const char *registry, const cJSON *key)
{
	return (kick_dest){ .registry = registry, .key = key };
}

int kick_resolve(kick_dest dest, kick_pid *ret)
{
	if (!self.pid.id)
		return -ENOTCONN;
	if (dest.partitions)
		return partition_whereis(dest.registry, dest.key, ret);
	if (dest.registry)
		return registry_whereis(dest.registry, dest.key, ret);
	*ret = dest.pid;
	return dest.name ? kick_whereis(dest.name, ret) : 0;
}
