/*
 * inspect.c: see inspect.h. What an image names as its parent is a name, looked for beside it, and
 * then among what is known of the group, as it is for sets (policy/sets.h). What others have of it
 * is counted by the sampled block hashes of their indexes.
 */
#include "scheduler/inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/sets.h"
#include "transfer/bases.h"
#include "transfer/manifest.h"
#include "transfer/source.h"

struct inspect *inspect_new(const char *dir, const char *path)
{
	struct inspect *x = xcalloc(1, sizeof(*x));

	x->dir = xstrdup(dir);
	x->path = xstrdup(path);
	x->index_dirfd = -1;
	return x;
}

struct inspect *inspect_free(struct inspect *x)
{
	if (!x)
		return NULL;
	for (unsigned i = 0; i < x->n_links; i++)
		free(x->links[i].path);
	for (size_t i = 0; i < x->n_others; i++)
		free(x->others[i].path);
	if (x->index_dirfd >= 0)
		close(x->index_dirfd);
	free(x->names);
	free(x->others);
	free(x->dir);
	free(x->path);
	free(x);
	return NULL;
}

void inspect_add(struct inspect *x, const char *path, const struct hash *root)
{
	if ((x->n_others & (x->n_others - 1)) == 0)
		x->others =
			xrealloc(x->others, MAX(x->n_others * 2, (size_t)1) * sizeof(*x->others));
	x->others[x->n_others++] = (struct inspect_other){.path = xstrdup(path), .root = *root};
}

/* Beneath the group, never through a link. A pipe is not waited for. */
static int open_file(int dirfd, const char *path, struct stat *st)
{
	int fd, r = beneath_open(dirfd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &fd);

	if (r < 0)
		return r;
	r = fstat(fd, st) < 0 ? -errno : S_ISREG(st->st_mode) ? 0 : -EINVAL;
	if (r < 0)
		close(fd);
	return r < 0 ? r : fd;
}

static enum container_match match(const struct container *child, const struct container *parent)
{
	return child->format == parent->format ? container_match(&child->ids, &parent->ids)
					       : MATCH_UNSAID;
}

/* The only one of that name that is known of the group, or NULL. */
static const char *elsewhere(const struct inspect *x, const char *name)
{
	const char *found = NULL;

	for (size_t i = 0; i < x->n_others; i++) {
		const char *path = x->others[i].path;

		if (strcasecmp(path_last(path), name) != 0)
			continue;
		if (found)
			return NULL;
		found = path;
	}
	return found;
}

/* The path stands for it where it is not there, too. */
static int open_parent(const struct inspect *x, int dirfd, const struct inspect_link *child,
		       struct stat *st, char **ret_path)
{
	char *path = path_beside(child->path, child->container.parent);
	int fd = open_file(dirfd, path, st);
	const char *other = fd < 0 ? elsewhere(x, child->container.parent) : NULL;

	if (other) {
		free(path);
		path = xstrdup(other);
		fd = open_file(dirfd, path, st);
	}
	*ret_path = path;
	return fd;
}

/* The next of the chain; false: there is none, or no end to them. */
static bool follow(struct inspect *x, int dirfd)
{
	const struct inspect_link *last = &x->links[x->n_links - 1];
	struct inspect_link *next;
	struct stat st;
	char *path;
	int fd;

	if (!last->present || !last->container.has_parent)
		return false;
	fd = open_parent(x, dirfd, last, &st, &path);
	for (unsigned i = 0; i < x->n_links && !x->circular; i++)
		x->circular = !strcmp(x->links[i].path, path);
	x->endless = x->n_links == INSPECT_CHAIN;
	if (x->circular || x->endless) {
		if (fd >= 0)
			close(fd);
		free(path);
		return false;
	}
	next = &x->links[x->n_links++];
	next->path = path;
	if (fd < 0)
		return false;
	next->present = true;
	container_look(fd, path, &next->container);
	next->match = match(&last->container, &next->container);
	close(fd);
	return true;
}

static int look(struct inspect *x, int dirfd)
{
	/* What the headers say is told anyway: this is about who uses it. */
	struct group_cfg in_use = {.lock = x->lock, .unclean = UNCLEAN_SEND};
	struct guard_mark none = {.has = false};
	struct stat st;
	int fd = open_file(dirfd, x->path, &st);

	if (fd < 0)
		return fd;
	x->size = (uint64_t)st.st_size;
	x->allocated = (uint64_t)st.st_blocks * 512;
	x->mtime_s = st.st_mtim.tv_sec;
	x->links[0] = (struct inspect_link){.path = xstrdup(x->path), .present = true};
	x->n_links = 1;
	container_look(fd, x->path, &x->links[0].container);
	if (sets_rank(x->path) == SET_MANIFEST)
		x->manifest_error = manifest_names(fd, sets_listed, &x->names);
	close(fd);
	x->guard = guard_objects(dirfd, x->path, &in_use, &none, x->lock_name);
	x->blind = none.blind;
	while (follow(x, dirfd))
		;
	return 0;
}

static int by_percent(const void *a, const void *b)
{
	const struct inspect_other *x = a, *y = b;

	if (x->percent != y->percent)
		return x->percent > y->percent ? -1 : 1;
	return strcmp(x->path, y->path);
}

static void compare(struct inspect *x)
{
	for (size_t i = 0; i < MIN(x->n_others, (size_t)INSPECT_COMPARED) && !x->cancel; i++) {
		struct inspect_other *o = &x->others[i];

		if (hash_equal(&o->root, &x->root))
			o->percent = 100;
		else if (!index_exists(x->index_dirfd, &o->root) ||
			 bases_cover(x->index_dirfd, &x->root, &o->root, 1, &o->percent) < 0)
			continue;
		o->compared = true;
	}
	if (x->n_others > 0)
		qsort(x->others, x->n_others, sizeof(*x->others), by_percent);
}

void inspect_run(struct inspect *x)
{
	int fd = open(x->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	x->error = fd < 0 ? -errno : look(x, fd);
	if (fd >= 0)
		close(fd);
	if (x->error == 0 && x->has_root)
		compare(x);
}
