/* Name lookups may read files, ask a network, and take seconds; so each name is asked
 * for once, when the configuration is accepted, and supervisors work with numbers. */
#include "config/users.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>

#include "base/num.h"

#define LOOKUP_BUFFER_MAX ((size_t)1 << 20)
#define GROUPS_MAX 65536

/* The largest is "no change" in chown and friends, hence nobody. */
#define ID_NUMBER_MAX (INT64_C(0xffffffff) - 1)

static int passwd_errno(int r, const void *found)
{
	/* What stands for "no such name" differs between the services behind NSS. */
	if (r == 0 || r == ENOENT || r == ESRCH || r == EBADF || r == EPERM)
		return found ? 0 : -ENOENT;
	return -r;
}

static int lookup_user(
	struct arena *a, const char *name, int64_t uid, struct passwd *ret)
{
	struct passwd *found = NULL;

	for (size_t size = 1024;; size *= 4) {
		char *buf = arena_alloc(a, size);
		int r;

		if (!buf)
			return -ENOMEM;
		if (uid >= 0)
			r = getpwuid_r((uid_t)uid, ret, buf, size, &found);
		else
			r = getpwnam_r(name, ret, buf, size, &found);
		if (r != ERANGE || size >= LOOKUP_BUFFER_MAX)
			return passwd_errno(r, found);
	}
}

static int lookup_group(struct arena *a, const char *name, struct group *ret)
{
	struct group *found = NULL;

	for (size_t size = 1024;; size *= 4) {
		char *buf = arena_alloc(a, size);
		int r;

		if (!buf)
			return -ENOMEM;
		r = getgrnam_r(name, ret, buf, size, &found);
		if (r != ERANGE || size >= LOOKUP_BUFFER_MAX)
			return passwd_errno(r, found);
	}
}

static int list_groups(struct arena *a, struct users_user *u)
{
	for (int n = 64; n <= GROUPS_MAX; n *= 4) {
		gid_t *groups = arena_alloc(a, (size_t)n * sizeof *groups);
		int count = n;

		if (!groups)
			return -ENOMEM;
		if (getgrouplist(u->name, (gid_t)u->gid, groups, &count) >= 0) {
			u->n_groups = (uint32_t)count;
			u->groups = groups;
			return 0;
		}
	}
	return -E2BIG;
}

static int fill_user(struct arena *a, struct users_user *u)
{
	struct passwd pw;
	int64_t number = -1;
	int r;

	(void)num_int(u->asked, 0, ID_NUMBER_MAX, &number);
	r = lookup_user(a, u->asked, number, &pw);
	if (r == -ENOENT && number >= 0) {
		u->uid = (uint32_t)number;
		return 0;
	}
	if (r < 0)
		return r;
	u->uid = pw.pw_uid;
	u->gid = pw.pw_gid;
	u->name = arena_strdup(a, pw.pw_name);
	u->home = arena_strdup(a, pw.pw_dir ? pw.pw_dir : "/");
	if (!u->name || !u->home)
		return -ENOMEM;
	return list_groups(a, u);
}

int users_find(struct users *us, struct arena *a, const char *name,
	const struct users_user **ret)
{
	struct users_user *u;
	int r;

	for (u = us->users; u; u = u->next) {
		if (strcmp(u->asked, name) == 0) {
			*ret = u;
			return 0;
		}
	}
	u = arena_alloc(a, sizeof *u);
	if (!u)
		return -ENOMEM;
	u->asked = name;
	r = fill_user(a, u);
	if (r < 0)
		return r;
	u->next = us->users;
	us->users = u;
	*ret = u;
	return 0;
}

int users_find_group(struct users *us, struct arena *a, const char *name, uint32_t *ret)
{
	struct users_group *g;
	struct group gr;
	int64_t number;
	int r;

	if (num_int(name, 0, ID_NUMBER_MAX, &number) == 0) {
		*ret = (uint32_t)number;
		return 0;
	}
	for (g = us->groups; g; g = g->next) {
		if (strcmp(g->asked, name) == 0) {
			*ret = g->gid;
			return 0;
		}
	}
	r = lookup_group(a, name, &gr);
	if (r < 0)
		return r;
	g = arena_alloc(a, sizeof *g);
	if (!g)
		return -ENOMEM;
	*g = (struct users_group){
		.next = us->groups, .asked = name, .gid = gr.gr_gid
	};
	us->groups = g;
	*ret = g->gid;
	return 0;
}
