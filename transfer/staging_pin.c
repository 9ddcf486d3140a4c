/*
 * staging_pin.c: the bases of a transfer, held still: a reflink where the filesystem can (then it
 * is proof by itself while its identity is unchanged), else a hard link (never proof: every byte
 * read from it ends in a hashed block). Frames and fills read from pins only.
 */
#include "transfer/staging_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transfer/durable.h"
#include "transfer/reflink.h"

static void pin_name(unsigned k, char name[24])
{
	snprintf(name, 24, "pin.%u", k);
}

int pin_find(const struct staging *st, const struct hash *root)
{
	unsigned k;

	for (k = 0; k < st->n_pins; k++)
		if (!st->pins[k].bad && hash_equal(&st->pins[k].root, root))
			return (int)k;
	return -1;
}

bool staging_has_pin(const struct staging *st, const struct hash *root)
{
	return pin_find(st, root) >= 0;
}

void pin_close(struct pin *p)
{
	p->old = old_close(p->old);
	p->bulk = bulk_close(p->bulk);
	p->index = index_unref(p->index);
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

static bool same_file(const struct pin *p, const struct stat *sb)
{
	struct identity now;

	identity_of(sb, &now);
	if (!p->link)
		return identity_equal(&now, &p->identity);
	/* Other links come and go and change its ctime; its bytes are hashed as they are read. */
	return now.dev == p->identity.dev && now.ino == p->identity.ino &&
	       now.size == p->identity.size;
}

int pin_is_bad(struct staging *st, unsigned k)
{
	struct pack p = {NULL, 0, 0};
	uint64_t i;
	int r;

	st->pins[k].bad = true;
	st->base_bad = true;
	for (i = 0; i < st->nodes.n; i++)
		if (st->nodes.state[i] == (NODE_FILL | k))
			nodes_set(&st->nodes, i, 1, NODE_TODO);
	pack_u64(&p, k);
	pack_u64(&p, st->pins[k].lost);
	r = staging_note(st, J_BAD_PIN, p.data, p.len);
	pack_done(&p);
	if (r == 0)
		r = staging_commit(st);
	return r < 0 ? r : -ESTALE;
}

int pin_read(struct staging *st, unsigned k, int r)
{
	return r == -EBADE || r == -EIO ? pin_is_bad(st, k) : r;
}

/* The record of a base is gone, or no longer one: the base itself is read once more. */
static int pin_index_again(struct staging *st, unsigned k)
{
	struct pin *p = &st->pins[k];
	struct hash root;
	int r = index_build(p->fd, st->store->index_fd, st->as->cancel, NULL, &root, NULL);

	if (r < 0)
		return pin_read(st, k, r);
	st->indexed_again++;
	return hash_equal(&root, &p->root) ? leaves_index(st->store->index_fd, &root, &p->index)
					   : pin_is_bad(st, k);
}

/* Opens what is needed to read from it. -ESTALE: it is gone or another; it is bad from now on. */
int pin_ready(struct staging *st, unsigned k, struct pin **ret)
{
	struct pin *p = &st->pins[k];
	char name[24];
	struct stat sb;
	int r = 0;

	if (p->bad)
		return -ESTALE;
	if (p->fd < 0) {
		pin_name(k, name);
		p->fd = openat(st->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		p->lost = p->fd < 0 || fstat(p->fd, &sb) < 0 || !same_file(p, &sb);
		if (p->lost)
			return pin_is_bad(st, k);
	}
	if (!p->bulk)
		r = bulk_open(p->fd, &p->bulk);
	if (r < 0)
		return r;
	if (!p->index) {
		r = leaves_index(st->store->index_fd, &p->root, &p->index);
		if (r == -ENOENT || r == -EBADMSG)
			r = pin_index_again(st, k);
		if (r < 0)
			return r;
	}
	*ret = p;
	return 0;
}

static void pack_identity(struct pack *p, const struct identity *id)
{
	pack_u64(p, id->dev);
	pack_u64(p, id->ino);
	pack_u64(p, id->size);
	pack_u64(p, (uint64_t)id->mtime.tv_sec);
	pack_u64(p, (uint64_t)id->mtime.tv_nsec);
	pack_u64(p, (uint64_t)id->ctime.tv_sec);
	pack_u64(p, (uint64_t)id->ctime.tv_nsec);
}

static int make_pin(struct staging *st, int fd, const char *name, bool *ret_link)
{
	char proc[40];
	int r = -EOPNOTSUPP;

	(void)unlinkat(st->dir_fd, name, 0);
	if (st->store->reflink)
		r = source_clone(fd, st->dir_fd, name);
	*ret_link = r < 0;
	if (r != -EOPNOTSUPP)
		return r;
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, proc, st->dir_fd, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

/* The image begins as a copy of the first base, sharing its blocks. */
static int begin_as(struct staging *st, unsigned k, struct err *e)
{
	struct pack p = {NULL, 0, 0};
	int r;

	/* Into an empty file: an end within a block cannot be shared into the middle of another. */
	r = ftruncate(st->image_fd, 0) < 0 ? -errno : reflink_file(st->image_fd, st->pins[k].fd);
	if (ftruncate(st->image_fd, (off_t)st->size) < 0 && r == 0)
		r = -errno;
	if (r < 0)
		return err_set(e, r, "cannot share the blocks of a base: %s", strerror(-r));
	st->image_dirty = true;
	st->basis = (int)k;
	st->punch_from = st->pins[k].identity.size;
	pack_u64(&p, k);
	r = staging_note(st, J_BASIS, p.data, p.len);
	pack_done(&p);
	return r;
}

static int note_pin(struct staging *st, const struct pin *pin)
{
	struct pack p = {NULL, 0, 0};
	int r;

	pack_u64(&p, pin->link);
	pack_bytes(&p, pin->root.b, HASH_SIZE);
	pack_identity(&p, &pin->identity);
	r = staging_note(st, J_PIN, p.data, p.len);
	pack_done(&p);
	return r;
}

static bool is_lost(const struct staging *st, const struct hash *root)
{
	unsigned k;

	for (k = 0; k < st->n_pins; k++)
		if (st->pins[k].lost && hash_equal(&st->pins[k].root, root))
			return true;
	return false;
}

static bool image_is_fresh(const struct staging *st)
{
	return st->store->reflink && st->basis < 0 && !st->has_bundle && st->nodes.proven == 0;
}

int staging_pin(struct staging *st, const struct hash *root, int fd,
		const struct identity *recorded, struct identity_change *ret, struct err *e)
{
	struct pin *p = &st->pins[st->n_pins];
	struct identity before, after;
	struct stat sb;
	char name[24];
	int r;

	if (fstat(fd, &sb) < 0)
		return -errno;
	identity_of(&sb, &before);
	if (!identity_equal(&before, recorded))
		return err_set(e, -ESTALE, "the base changed since it was recorded");
	ret->was = ret->now = before;
	if (pin_find(st, root) >= 0)
		return 0;
	if (st->n_pins == STAGING_PINS_MAX)
		return err_set(e, -E2BIG, "too many bases in one transfer");
	memset(p, 0, sizeof(*p));
	p->fd = -1;
	p->root = *root;
	pin_name(st->n_pins, name);
	r = make_pin(st, fd, name, &p->link);
	if (r < 0 || fstat(fd, &sb) < 0)
		return err_set(e, r < 0 ? r : -errno, "cannot pin a base: %s", strerror(-r));
	identity_of(&sb, &after);
	ret->now = after;
	if (p->link) /* our own link changed the ctime, and nothing else may have */
		before.ctime = after.ctime;
	p->fd = openat(st->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (!identity_equal(&before, &after) || p->fd < 0 || fstat(p->fd, &sb) < 0) {
		pin_close(p);
		(void)unlinkat(st->dir_fd, name, 0);
		return err_set(e, -ESTALE, "the base changed while it was pinned");
	}
	identity_of(&sb, &p->identity);
	r = durable_dirsync(st->dir_fd);
	if (r == 0)
		r = note_pin(st, p);
	if (r < 0)
		return r;
	st->n_pins++;
	if (is_lost(st, root)) { /* what the bundle took from it is to come by another one */
		r = staging_give_up(st, 0);
		if (r < 0)
			return r;
	}
	return image_is_fresh(st) && !p->link ? begin_as(st, st->n_pins - 1, e) : 0;
}

unsigned staging_unpin(struct staging *st, struct identity_change *ret)
{
	struct stat a, b;
	char name[24];
	unsigned k, n = 0;

	for (k = 0; k < st->n_pins; k++) {
		struct pin *p = &st->pins[k];
		int fd;

		pin_name(k, name);
		fd = openat(st->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		pin_close(p);
		if (fd < 0)
			continue;
		if (fstat(fd, &a) == 0 && unlinkat(st->dir_fd, name, 0) == 0 &&
		    fstat(fd, &b) == 0 && p->link) {
			identity_of(&a, &ret[n].was);
			identity_of(&b, &ret[n++].now);
		}
		close(fd);
	}
	st->n_pins = 0;
	st->basis = -1;
	return n;
}

unsigned staging_bad_bases(const struct staging *st, struct hash *ret, unsigned max)
{
	unsigned k, n = 0;

	for (k = 0; k < st->n_pins && n < max; k++)
		if (st->pins[k].bad && !st->pins[k].lost)
			ret[n++] = st->pins[k].root;
	return n;
}
