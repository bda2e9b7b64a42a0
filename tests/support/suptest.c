#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "support/suptest.h"

struct sup_shared *shared;
struct sup_nested nested;

static int trace_pipe[2], gate_pipe[2];
static char heard[4096];

void begin(void)
{
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(shared != MAP_FAILED);
	CHECK_INT(pipe2(trace_pipe, O_CLOEXEC), 0);
	CHECK_INT(pipe2(gate_pipe, O_CLOEXEC), 0);
	CHECK_INT(fcntl(trace_pipe[0], F_SETFL, O_NONBLOCK), 0);
	CHECK(kick_trap_exit(true) >= 0);
}

/* --- words --------------------------------------------------------------------------
 */

/* The value of a "key=value" or a bare key among the options of a word; NULL: not
 * there. The result is overwritten by the next call. */
static const char *option(const char *word, const char *key)
{
	static char value[64];
	const char *p = strchr(word, ':');
	size_t n = strlen(key), len;

	while (p && *p) {
		p++;
		len = strcspn(p, ",=");
		if (len == n && strncmp(p, key, n) == 0) {
			p += len;
			len = *p == '=' ? strcspn(p + 1, ",") : 0;
			(void)snprintf(value, sizeof value, "%.*s", (int)len,
				len ? p + 1 : "");
			return value;
		}
		p += strcspn(p, ",");
	}
	return NULL;
}

static bool has(const char *word, const char *key)
{
	return option(word, key);
}

static struct sup_plan *plan_of(const char *word)
{
	return &shared->child[(unsigned char)word[0]];
}

kick_pid pid_of(const char *letter)
{
	return plan_of(letter)->pid;
}

void say(const char *text)
{
	char line[300];
	int n = snprintf(line, sizeof line, "%s ", text);

	(void)!write(trace_pipe[1], line, (size_t)n);
}

static void say_of(char sign, const char *word, const char *reason)
{
	char line[200];

	if (reason && strcmp(reason, "shutdown") != 0)
		(void)snprintf(line, sizeof line, "%c%c(%s)", sign, word[0], reason);
	else
		(void)snprintf(line, sizeof line, "%c%c", sign, word[0]);
	say(line);
}

/* --- children -----------------------------------------------------------------------
 */

static bool take_one(int *n)
{
	return __atomic_load_n(n, __ATOMIC_SEQ_CST) > 0 &&
		__atomic_fetch_sub(n, 1, __ATOMIC_SEQ_CST) > 0;
}

static int child_init(kick_server *s, const cJSON *args)
{
	char *word = strdup(cJSON_GetStringValue(args));
	struct sup_plan *p = plan_of(word);
	const char *until;
	cJSON *end;

	(void)__atomic_add_fetch(&p->starts, 1, __ATOMIC_SEQ_CST);
	kick_server_set_state(s, word);
	if (take_one(&p->ignores)) {
		say_of('~', word, NULL);
		return KICK_IGNORE;
	}
	if (take_one(&p->fails)) {
		say_of('!', word, NULL);
		return kick_server_stop(s, "nope");
	}
	if (take_one(&p->deaths)) {
		say_of('!', word, NULL);
		_exit(3);
	}
	p->pid = kick_self();
	shared->os[(unsigned char)word[0]] = getpid();
	until = option(word, "until");
	if (until)
		node_gone(pid_of(until));
	say_of('+', word, NULL);
	if (!take_one(&p->brief))
		return KICK_OK;
	end = cJSON_CreateString("end");
	(void)kick_server_continue(s, end);
	cJSON_Delete(end);
	return KICK_OK;
}

/* Its terminate runs then as well (GS-9), but it was not told to stop. */
static bool raises;

static _Noreturn void raise_as(const char *reason)
{
	raises = true;
	kick_raise(reason);
}

static int child_cast(kick_server *s, const cJSON *request)
{
	const char *text = cJSON_GetStringValue(request);

	if (strncmp(text, "raise ", 6) == 0)
		raise_as(text + 6);
	if (strncmp(text, "status ", 7) == 0)
		_exit(atoi(text + 7));
	if (strncmp(text, "signal ", 7) == 0) {
		(void)signal(atoi(text + 7), SIG_DFL);
		(void)raise(atoi(text + 7));
	}
	if (strcmp(text, "return") == 0)
		return kick_server_stop(s, "normal");
	if (strcmp(text, "unlink") == 0) {
		CHECK_INT(kick_unlink(shared->starter), 0);
		say("unlinked");
		return KICK_OK;
	}
	FAIL("no child knows '%s'", text);
}

static int child_continue(kick_server *s, const cJSON *value)
{
	(void)s;
	(void)value;
	raise_as("brief");
}

static int child_info(kick_server *s, const kick_message *m)
{
	(void)s;
	(void)m;
	return KICK_OK;
}

static void child_terminate(kick_server *s, const char *reason)
{
	const char *word = kick_server_state(s), *other = option(word, "after");
	char text[8], c;

	if (raises || strcmp(reason, "normal") == 0)
		return;
	if (other && kick_alive(pid_of(other)) != 0) {
		(void)snprintf(text, sizeof text, "%c!", other[0]);
		say(text);
	}
	say_of('-', word, reason);
	if (has(word, "gate"))
		(void)!read(gate_pipe[0], &c, 1);
	while (has(word, "stubborn"))
		(void)pause();
}

static const kick_gen_server child_callbacks = { .init = child_init,
	.handle_cast = child_cast,
	.handle_info = child_info,
	.handle_continue = child_continue,
	.terminate = child_terminate };

static void be_raw(void *arg)
{
	const char *word = arg;
	kick_message *m;

	CHECK_INT(kick_trap_exit(true), 0);
	plan_of(word)->pid = kick_self();
	say_of('+', word, NULL);
	while (kick_receive(NULL, NULL, KICK_INFINITY, &m) == 0) {
		if (m->kind == KICK_EXIT)
			say_of('=', word, m->reason);
		kick_message_free(m);
	}
}

static int start_server(
	const char *word, const cJSON *args, kick_pid *ret, kick_reason *why)
{
	kick_start_options options = { .trap_exit = !has(word, "plain") };

	options.name = option(word, "name");
	return kick_server_start_link(&child_callbacks, args, &options, ret, why);
}

static int start_child(const cJSON *args, kick_pid *ret, kick_reason *why)
{
	const char *word = cJSON_GetStringValue(args);
	int r;

	shared->starter = kick_self();
	shared->starter_os = getpid();
	if (has(word, "junk"))
		return 7;
	if (has(word, "crash"))
		_exit(3);
	if (has(word, "refuse")) {
		if (why)
			(void)snprintf(why->text, sizeof why->text, "no_way");
		return -EACCES;
	}
	if (has(word, "raw"))
		return kick_spawn_link(be_raw, (void *)(uintptr_t)word, ret);
	if (!has(word, "sup") && !has(word, "dyn"))
		return start_server(word, args, ret, why);
	r = has(word, "dyn") ? try_dyn(nested.flags, ret, why)
			     : try_up(nested.flags, nested.children, ret, why);
	if (r == 0) {
		plan_of(word)->pid = *ret;
		say_of('+', word, NULL);
	}
	return r;
}

/* --- specifications -----------------------------------------------------------------
 */

kick_child_spec spec_of(const char *word)
{
	kick_child_spec s = { .start = start_child };
	const char *ms;

	s.id = strndup(word, 1);
	s.args = cJSON_CreateString(word);
	s.restart = has(word, "transient") ? KICK_TRANSIENT
		: has(word, "temporary")   ? KICK_TEMPORARY
					   : KICK_PERMANENT;
	s.significant = has(word, "significant");
	s.supervisor = has(word, "sup") || has(word, "dyn");
	if (has(word, "brutal"))
		s.shutdown_ms = KICK_BRUTAL_KILL;
	if (has(word, "infinity"))
		s.shutdown_ms = KICK_INFINITY;
	ms = option(word, "ms");
	if (ms)
		s.shutdown_ms = atoll(ms);
	return s;
}

static size_t parse_children(const char *text, kick_child_spec specs[CHILDREN_MAX])
{
	char *copy = strdup(text), *save = NULL;
	size_t n = 0;

	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		CHECK(n < CHILDREN_MAX);
		specs[n++] = spec_of(w);
	}
	free(copy);
	return n;
}

static void parse_flag(kick_supervisor_options *o, const char *w)
{
	if (strcmp(w, "one_for_all") == 0)
		o->strategy = KICK_ONE_FOR_ALL;
	else if (strcmp(w, "rest_for_one") == 0)
		o->strategy = KICK_REST_FOR_ONE;
	else if (strcmp(w, "any") == 0)
		o->auto_shutdown = KICK_ANY_SIGNIFICANT;
	else if (strcmp(w, "all") == 0)
		o->auto_shutdown = KICK_ALL_SIGNIFICANT;
	else if (strcmp(w, "max=any") == 0)
		o->max_restarts = UINT32_MAX;
	else if (strncmp(w, "max=", 4) == 0)
		o->max_restarts = (uint32_t)atoi(w + 4);
	else if (strncmp(w, "children=", 9) == 0)
		o->max_children = (uint32_t)atoi(w + 9);
	else if (strncmp(w, "name=", 5) == 0)
		o->name = strdup(w + 5);
	else
		FAIL("no flag '%s'", w);
}

static kick_supervisor_options parse_flags(const char *text)
{
	kick_supervisor_options o = KICK_SUPERVISOR_DEFAULTS;
	char *copy = strdup(text), *save = NULL;

	/* What is slow must not change what a test sees. */
	o.max_seconds = 1000;
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		parse_flag(&o, w);
	free(copy);
	return o;
}

int try_up(const char *flags, const char *children, kick_pid *ret, kick_reason *why)
{
	kick_supervisor_options options = parse_flags(flags);
	kick_child_spec specs[CHILDREN_MAX];
	size_t n = parse_children(children, specs);

	return kick_supervisor_start_link(&options, specs, n, ret, why);
}

kick_pid up(const char *flags, const char *children)
{
	kick_reason why = { "" };
	kick_pid sup = NOBODY;
	int r = try_up(flags, children, &sup, &why);

	if (r != 0)
		FAIL("cannot start '%s' '%s': %d, %s", flags, children, r, why.text);
	return sup;
}

int try_dyn(const char *flags, kick_pid *ret, kick_reason *why)
{
	kick_supervisor_options options = parse_flags(flags);

	return kick_dynamic_supervisor_start_link(&options, ret, why);
}

kick_pid dyn_up(const char *flags)
{
	kick_pid sup = NOBODY;

	CHECK_INT(try_dyn(flags, &sup, NULL), 0);
	return sup;
}

int add(kick_pid sup, const char *word, kick_pid *ret, kick_reason *why)
{
	kick_child_spec s = spec_of(word);

	return kick_supervisor_start_child(kick_to(sup), &s, ret, why);
}

/* --- what is seen -------------------------------------------------------------------
 */

static int words_in(const char *text)
{
	int n = 0;

	for (size_t i = 0; text[i]; i++)
		n += text[i] != ' ' && (i == 0 || text[i - 1] == ' ');
	return n;
}

/* Returns false when nothing came in time. */
static bool hear_more(int patience)
{
	struct pollfd p = { .fd = trace_pipe[0], .events = POLLIN };
	size_t len = strlen(heard);
	ssize_t n;

	CHECK(len < sizeof heard - 1);
	if (poll(&p, 1, patience) <= 0)
		return false;
	n = read(trace_pipe[0], heard + len, sizeof heard - 1 - len);
	if (n <= 0)
		return false;
	heard[len + (size_t)n] = '\0';
	return true;
}

/* Takes n words from the beginning of what was heard. */
static void take_words(
	const char *file, int line, const char *want, char got[static sizeof heard])
{
	int n = words_in(want);
	size_t len = 0;

	while (words_in(heard) < n)
		if (!hear_more(NODE_PATIENCE_MS))
			node_fail(
				file, line, "the trace is '%s', not '%s'", heard, want);
	for (int i = 0; i < n; i++)
		len += strcspn(heard + len, " ") + 1;
	(void)snprintf(got, sizeof heard, "%.*s", (int)len - 1, heard);
	memmove(heard, heard + len, strlen(heard + len) + 1);
}

void suptest_trace(const char *file, int line, const char *want)
{
	char got[sizeof heard];

	take_words(file, line, want, got);
	node_check_text(file, line, "the trace", got, want);
}

static int compare_words(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void join(char *text, size_t size, char **words, size_t n)
{
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < n && len < size; i++)
		len += (size_t)snprintf(
			text + len, size - len, "%s%s", i ? " " : "", words[i]);
}

void suptest_trace_sorted(const char *file, int line, const char *want)
{
	char got[sizeof heard], sorted[sizeof heard], *words[512], *save = NULL;
	size_t n = 0;

	take_words(file, line, want, got);
	for (char *w = strtok_r(got, " ", &save); w; w = strtok_r(NULL, " ", &save))
		words[n++] = w;
	qsort(words, n, sizeof words[0], compare_words);
	join(sorted, sizeof sorted, words, n);
	node_check_text(file, line, "the sorted trace", sorted, want);
}

void suptest_trace_now(const char *file, int line, const char *want)
{
	size_t len;

	while (hear_more(0))
		continue;
	len = strlen(heard);
	if (len)
		heard[len - 1] = '\0';
	node_check_text(file, line, "the whole trace", heard, want);
	heard[0] = '\0';
}

void order(kick_pid child, const char *what)
{
	cJSON *value = cJSON_CreateString(what);

	CHECK_INT(kick_cast(kick_to(child), value), 0);
	cJSON_Delete(value);
}

void suptest_end(const char *file, int line, const char *letter, const char *how,
	const char *reason)
{
	kick_pid child = pid_of(letter);
	kick_ref ref;

	node_check_int(file, line, "kick_monitor()", kick_monitor(child, &ref), 0);
	if (strcmp(how, "kill") == 0)
		CHECK_INT(kick_exit(child, "kill"), 0);
	else
		order(child, how);
	node_expect_down(file, line, ref, child, reason);
}

/* The letter of a process; for a dynamic supervisor's children. */
static const char *letter_of(kick_pid pid)
{
	static char letter[2];

	for (char c = 'a'; c <= 'z'; c++)
		if (pid.id && kick_pid_equal(shared->child[(int)c].pid, pid)) {
			letter[0] = c;
			return letter;
		}
	return "*";
}

static void which(const char *file, int line, kick_pid sup, char *text, size_t size)
{
	char *words[512];
	cJSON *all = NULL;
	const cJSON *one;
	bool sorted = false;
	size_t n = 0;

	node_check_int(file, line, "kick_supervisor_which_children()",
		kick_supervisor_which_children(kick_to(sup), &all), 0);
	cJSON_ArrayForEach(one, all)
	{
		const char *id = cJSON_GetStringValue(cJSON_GetObjectItem(one, "id"));
		const cJSON *pid = cJSON_GetObjectItem(one, "pid");
		const char *mark = cJSON_IsNull(pid) ? "-" : "";

		if (cJSON_IsTrue(cJSON_GetObjectItem(one, "restarting")))
			mark = "?";
		sorted |= !id;
		CHECK(n < ARRAY_LEN(words));
		CHECK(asprintf(&words[n++], "%s%s",
			      id ? id : letter_of(kick_pid_from_json(pid)), mark) > 0);
	}
	cJSON_Delete(all);
	if (sorted)
		qsort(words, n, sizeof words[0], compare_words);
	join(text, size, words, n);
	for (size_t i = 0; i < n; i++)
		free(words[i]);
}

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void suptest_children(const char *file, int line, kick_pid sup, const char *want)
{
	int64_t deadline = now_ms() + NODE_PATIENCE_MS;
	char text[4096];

	do
		which(file, line, sup, text, sizeof text);
	while (strcmp(text, want) != 0 && now_ms() < deadline);
	node_check_text(file, line, "which_children", text, want);
}

void suptest_counts(const char *file, int line, kick_pid sup, int specs, int active,
	int supervisors, int workers)
{
	cJSON *c = NULL;
	char got[80], want[80];

	node_check_int(file, line, "kick_supervisor_count_children()",
		kick_supervisor_count_children(kick_to(sup), &c), 0);
	(void)snprintf(got, sizeof got, "%g %g %g %g",
		cJSON_GetNumberValue(cJSON_GetObjectItem(c, "specs")),
		cJSON_GetNumberValue(cJSON_GetObjectItem(c, "active")),
		cJSON_GetNumberValue(cJSON_GetObjectItem(c, "supervisors")),
		cJSON_GetNumberValue(cJSON_GetObjectItem(c, "workers")));
	(void)snprintf(
		want, sizeof want, "%d %d %d %d", specs, active, supervisors, workers);
	cJSON_Delete(c);
	node_check_text(file, line, "specs, active, supervisors, workers", got, want);
}

void open_gate(int n)
{
	for (int i = 0; i < n; i++)
		CHECK_INT(write(gate_pipe[1], "x", 1), 1);
}

/* --- other processes ----------------------------------------------------------------
 */

void elsewhere(kick_function *f, void *arg)
{
	kick_pid pid;
	kick_ref ref;

	CHECK_INT(kick_spawn_monitor(f, arg, &pid, &ref), 0);
	EXPECT_DOWN(ref, pid, "normal");
}

static kick_function *parents_work;

static void be_a_parent(void *unused)
{
	kick_message *m;

	(void)unused;
	parents_work(NULL);
	say("ready");
	for (;;) {
		CHECK_INT(kick_receive(NULL, NULL, KICK_INFINITY, &m), 0);
		if (m->kind == KICK_CAST)
			(void)child_cast(NULL, m->value);
		kick_message_free(m);
	}
}

kick_pid parent(kick_function *f)
{
	kick_pid pid;

	parents_work = f;
	CHECK_INT(kick_spawn(be_a_parent, NULL, &pid), 0);
	return pid;
}
