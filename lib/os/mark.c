/* See mark.h. */
#include "os/mark.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fd.h"

#define TREE_SHIFT 40
#define TREE_MASK UINT64_C(0x7fffff)

int commons_new(struct commons **ret)
{
	uint64_t id = 0, most = TREE_MASK;
	struct rlimit lim;
	struct commons *t = mmap(NULL, sizeof *t, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (t == MAP_FAILED)
		return -errno;
	if (getrandom(&id, sizeof id, 0) != sizeof id)
		id = (uint64_t)getpid();
	/* A kickd that is itself a worker of one has that one's mark as its hard limit.
	 */
	if (getrlimit(RLIMIT_LOCKS, &lim) == 0 && lim.rlim_max >> TREE_SHIFT >= 2 &&
		lim.rlim_max >> TREE_SHIFT <= most)
		most = (lim.rlim_max >> TREE_SHIFT) - 1;
	t->id = (1 + id % most) << TREE_SHIFT;
	t->next_mark = 1;
	t->next_socket = 2;
	t->next_pipe = 1;
	*ret = t;
	return 0;
}

uint64_t mark_new(struct commons *t, bool supervisor)
{
	return t->id | (supervisor ? MARK_SUPERVISOR : 0) | t->next_mark++;
}

/* "Max file locks            123                  unlimited            locks" */
static int mark_from_proc(pid_t pid, uint64_t *ret)
{
	static const char key[] = "Max file locks";
	char path[40], text[2048], *line, *end;
	autoclose int fd = -1;
	ssize_t n;

	(void)snprintf(path, sizeof path, "/proc/%d/limits", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -EACCES;
	n = read(fd, text, sizeof text - 1);
	if (n <= 0)
		return -ESRCH;
	text[n] = '\0';
	line = strstr(text, key);
	if (!line)
		return -EACCES;
	*ret = strtoull(line + sizeof key - 1, &end, 10);
	if (end == line + sizeof key - 1)
		*ret = UINT64_MAX;
	return 0;
}

int mark_read(pid_t pid, uint64_t *ret)
{
	struct rlimit lim;

	if (prlimit(pid, RLIMIT_LOCKS, NULL, &lim) == 0) {
		*ret = lim.rlim_cur;
		return 0;
	}
	return errno == ESRCH ? -ESRCH : mark_from_proc(pid, ret);
}

int mark_self(uint64_t mark)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_LOCKS, &lim) < 0)
		return -errno;
	lim.rlim_cur = mark;
	return setrlimit(RLIMIT_LOCKS, &lim) < 0 ? -errno : 0;
}
