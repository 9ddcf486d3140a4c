/*
 * kin.c: see kin.h. A candidate costs an open and at most 16 questions to the filesystem, some 30
 * microseconds, so a few hundred are asked and no more.
 */
#include "scheduler/kin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scheduler/generation.h"
#include "scheduler/hub_old.h"
#include "scheduler/trust.h"
#include "transfer/extents.h"

#define KIN_MOST 256u

struct listing {
	const struct hub_version *first; /* the same path's */
	uint64_t size;
	struct wall now;
	struct kin *kin;
	size_t n, room;
};

static void add(struct listing *l, const struct hub_version *hv)
{
	struct kin *k;

	if (!hv || !hv->generation || hv->v->deleted || !hv->v->indexed || !hv->kept.ino ||
	    hv->v->size < KIN_LEAST || !trust_lasts(hv->read, l->now))
		return;
	if (l->n == l->room) {
		l->room = MAX(64u, 2 * l->room);
		l->kin = xrealloc(l->kin, l->room * sizeof(*l->kin));
	}
	k = &l->kin[l->n++];
	*k = (struct kin){.id = hv->v->id, .size = hv->v->size, .kept = hv->kept, .read = hv->read};
	memcpy(k->root.b, hv->v->root, HASH_SIZE);
}

static void add_file(void *arg, void *value)
{
	struct listing *l = arg;
	const struct hub_file *f = value;

	if (f->current != l->first)
		add(l, f->current);
}

static void add_old(void *arg, struct hub_version *hv)
{
	add(arg, hv);
}

static int by_likelihood(const void *a, const void *b, void *arg)
{
	const struct kin *x = a, *y = b;
	const struct listing *l = arg;
	bool x_size = x->size == l->size, y_size = y->size == l->size;

	if (x_size != y_size)
		return x_size ? -1 : 1;
	return x->id > y->id ? -1 : x->id < y->id;
}

struct kin *kin_list(const struct hub_file *f, uint64_t size, size_t *ret_n)
{
	struct listing l = {.first = f->current, .size = size, .now = daemon_now().wall};
	size_t fixed;

	add(&l, f->current);
	fixed = l.n;
	strmap_each(&f->group->files, add_file, &l);
	hub_old_each(f->group, add_old, &l);
	if (l.n > fixed)
		qsort_r(l.kin + fixed, l.n - fixed, sizeof(*l.kin), by_likelihood, &l);
	*ret_n = MIN(l.n, KIN_MOST);
	return l.kin;
}

bool kin_intact(const struct kin *k, int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_ino == k->kept.ino && (uint64_t)st.st_size == k->size &&
	       st.st_ctim.tv_sec == k->kept.ctime.tv_sec &&
	       st.st_ctim.tv_nsec == k->kept.ctime.tv_nsec;
}

static int open_kin(const struct kin *k, int gen_dirfd)
{
	char name[24];
	int fd = openat(gen_dirfd, generation_name(k->id, name), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0 && !kin_intact(k, fd)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

int kin_find(const struct kin *list, size_t n, int gen_dirfd, int fd, uint64_t size,
	     const struct kin **ret, int *ret_fd)
{
	struct extents_probe probe;
	const struct kin *best = NULL;
	unsigned most = 0;
	int best_fd = -1, r = extents_probe(fd, size, &probe);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n && most < probe.n; i++) {
		int kin_fd = open_kin(&list[i], gen_dirfd);
		unsigned alike = kin_fd < 0 ? 0 : extents_alike(&probe, kin_fd);

		if (alike > most) {
			if (best_fd >= 0)
				close(best_fd);
			best = &list[i];
			best_fd = kin_fd;
			most = alike;
		} else if (kin_fd >= 0) {
			close(kin_fd);
		}
	}
	if (!best)
		return -ENOENT;
	*ret = best;
	*ret_fd = best_fd;
	return 0;
}
