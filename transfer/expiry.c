/*
 * expiry.c: see expiry.h.
 */
#include "transfer/expiry.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transfer/extents.h"
#include "transfer/leaves.h"
#include "transfer/source.h"
#include "transfer/staging.h"

struct roots {
	struct hash *root;
	size_t n, room;
};

static void roots_add(struct roots *l, const struct hash *root)
{
	if (l->n == l->room) {
		l->room = MAX(64u, 2 * l->room);
		l->root = xrealloc(l->root, l->room * sizeof(*l->root));
	}
	l->root[l->n++] = *root;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct hash));
}

static bool has(const struct hash *l, size_t n, const struct hash *root)
{
	return n > 0 && bsearch(root, l, n, sizeof(*l), compare) != NULL;
}

/* 1: fn ended it; 0; -errno. */
static int each_name(int dirfd, int (*fn)(void *arg, const char *name), void *arg)
{
	DIR *dir = dir_list(dirfd);
	struct dirent *d;
	int r = 0;

	if (dir == NULL)
		return -errno;
	while (r == 0 && (d = readdir(dir)) != NULL)
		r = fn(arg, d->d_name);
	closedir(dir);
	return r;
}

static bool old_enough(int dirfd, const char *name, int64_t before)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_mtime <= before;
}

struct listing {
	const struct store *store;
	bool sizes;
	struct expiry_transfer *all;
	size_t n, room;
};

/* Bytes of a file that no other file has: where files share blocks, those that are its own. */
static uint64_t own_bytes(const struct store *s, const char *name)
{
	uint64_t own = 0;
	struct stat st;
	int fd;

	if (fstatat(s->staging_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return 0;
	fd = s->reflink ? openat(s->staging_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
	if (fd < 0 || extents_own(fd, &own) < 0)
		own = (uint64_t)st.st_blocks * 512;
	if (fd >= 0)
		close(fd);
	return own;
}

/* A transfer's last commit is the journal's time; one without a journal is of its directory's. The
 * bases that it holds are not its own. */
static int list_one(void *arg, const char *name)
{
	static const char *const parts[] = {STAGING_IMAGE, STAGING_LEAVES, STAGING_SPOOL,
					    STAGING_JOURNAL};
	struct listing *x = arg;
	struct expiry_transfer t = {.bytes = 0};
	char part[HASH_HEX + 16];
	struct stat st;

	if (hash_parse(name, &t.root) < 0)
		return 0;
	snprintf(part, sizeof(part), "%.64s/" STAGING_JOURNAL, name);
	if (fstatat(x->store->staging_fd, part, &st, AT_SYMLINK_NOFOLLOW) < 0 &&
	    fstatat(x->store->staging_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	t.at = st.st_mtime;
	for (size_t i = 0; x->sizes && i < ARRAY_LEN(parts); i++) {
		snprintf(part, sizeof(part), "%.64s/%s", name, parts[i]);
		t.bytes += own_bytes(x->store, part);
	}
	if (x->n == x->room) {
		x->room = MAX((size_t)64, 2 * x->room);
		x->all = xrealloc(x->all, x->room * sizeof(*x->all));
	}
	x->all[x->n++] = t;
	return 0;
}

static int older(const void *a, const void *b)
{
	const struct expiry_transfer *x = a, *y = b;

	return (x->at > y->at) - (x->at < y->at);
}

size_t expiry_transfers(const struct store *s, bool sizes, struct expiry_transfer **ret)
{
	struct listing x = {.store = s, .sizes = sizes};

	(void)each_name(s->staging_fd, list_one, &x);
	if (x.n > 0)
		qsort(x.all, x.n, sizeof(*x.all), older);
	*ret = x.all;
	return x.n;
}

struct expiring {
	const struct store *store;
	int64_t before;
	const struct hash *wanted;
	size_t n_wanted;
	const atomic_bool *cancel;
	struct roots used, old;
	unsigned max;
};

static int use(void *arg, const struct hash *root)
{
	roots_add(arg, root);
	return 0;
}

static int used_one(void *arg, const char *name)
{
	struct expiring *x = arg;
	struct hash root;
	int r;

	if (hash_parse(name, &root) < 0)
		return 0;
	roots_add(&x->used, &root);
	r = staging_each_pin(x->store, &root, use, &x->used);
	return r == -ENOENT ? 0 : r; /* it ended meanwhile, or has none yet */
}

static int leaf_one(void *arg, const char *name)
{
	struct expiring *x = arg;
	size_t len = strlen(name);
	struct hash root;

	if (*x->cancel)
		return -ECANCELED;
	if (len == HASH_HEX + strlen(LEAF_DELTA) && strcmp(name + HASH_HEX, LEAF_DELTA) == 0)
		return -EAGAIN;
	if (hash_parse(name, &root) == 0 && x->old.n < x->max &&
	    !has(x->wanted, x->n_wanted, &root) && !has(x->used.root, x->used.n, &root) &&
	    old_enough(x->store->index_fd, name, x->before))
		roots_add(&x->old, &root);
	return 0;
}

int expiry_leaves(const struct store *s, int64_t before, const struct hash *wanted, size_t n_wanted,
		  unsigned max, const atomic_bool *cancel)
{
	struct expiring x = {.store = s,
			     .before = before,
			     .wanted = wanted,
			     .n_wanted = n_wanted,
			     .cancel = cancel,
			     .max = max};
	char hex[HASH_HEX + 1];
	int r = each_name(s->staging_fd, used_one, &x), n = 0;

	if (x.used.n > 0)
		qsort(x.used.root, x.used.n, sizeof(*x.used.root), compare);
	if (r == 0)
		r = each_name(s->index_fd, leaf_one, &x);
	for (size_t i = 0; r == 0 && i < x.old.n; i++) {
		if (unlinkat(s->index_fd, hash_hex(&x.old.root[i], hex), 0) == 0)
			n++;
		else if (errno != ENOENT)
			r = -errno;
	}
	free(x.used.root);
	free(x.old.root);
	return r == -EAGAIN ? 0 : r < 0 ? r : n;
}
