/*
 * indexing_work.c: what a worker does for a file before and after its pieces are hashed. See
 * indexing.h. The identity is looked at before and after whatever is read, so that a torn copy
 * cannot become a version.
 */
#include "scheduler/indexing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scheduler/generation.h"
#include "transfer/container.h"
#include "transfer/durable.h"

/*
 * Of what is taken on trust so much is read: this part of the bytes that changed, within these. The
 * changed blocks are read here, and the old ones when they are sent: an audit as long as either
 * would be a third of all that is read.
 */
#define AUDIT_PART  4u
#define AUDIT_LEAST (64 * KIB)
#define AUDIT_MOST  (64 * MIB)
/* So much of what changed is left in the page cache until it is sent: all of the founding case. */
#define LEAVE_MOST (128 * MIB)
/* Smaller files are sent whole sooner than sectors of theirs are looked up. */
#define SECTORS_LEAST (64 * KIB)
/* A base that has less than this part of the data in common is no origin. */
#define ORIGIN_PART 64u

static bool unchanged(const struct indexing *x)
{
	struct identity now;
	struct stat st;

	if (fstat(x->fd, &st) < 0)
		return false;
	identity_of(&st, &now);
	return identity_equal(&now, &x->identity);
}

/* Synced: what is recorded of it must not outlive it in a power cut. */
static int open_clone(struct indexing *x, const char *name)
{
	struct stat st;
	int r, fd = openat(x->gen_dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return err_set(&x->err, -errno, "opening its clone: %s", strerror(errno));
	r = durable_datasync(fd);
	if (r == 0 && fstat(fd, &st) < 0)
		r = -errno;
	if (r < 0) {
		close(fd);
		return err_set(&x->err, r, "its clone: %s", strerror(-r));
	}
	x->kept = (struct kept){st.st_ino, st.st_ctim};
	x->source_fd = fd;
	return 0;
}

/* source_fd: what to read: the clone, or the file itself where there is none to be had. */
static int find_source(struct indexing *x)
{
	char name[24];
	int r;

	x->source_fd = x->fd;
	if (!x->try_clone)
		return 0;
	generation_name(x->id, name);
	r = source_clone(x->fd, x->gen_dirfd, name);
	if (r == -ENOSPC || r == -EDQUOT || r == -EIO)
		return err_set(&x->err, r, "cloning it: %s", strerror(-r));
	if (r < 0)
		return 0; /* no reflinks here: read where it lies, under its identity */
	x->generation = true;
	return open_clone(x, name);
}

static int compare(struct indexing *x, const struct kin *k, int base_fd)
{
	struct index *base;
	char name[HASH_HEX + 1];
	int r = index_open(x->index_dirfd, hash_hex(&k->root, name), &base, NULL);

	if (r == 0 && index_size(base) != k->size) {
		index_unref(base);
		r = -ESTALE;
	}
	if (r < 0)
		return r;
	r = extents_compare(x->source_fd, x->identity.size, base_fd, k->size, &x->cancel,
			    &x->common);
	/* Whoever wrote to the base meanwhile has changed its ctime. */
	if (r == 0 && !kin_intact(k, base_fd))
		r = -EAGAIN;
	if (r < 0) {
		index_unref(base);
		return r;
	}
	x->trust = (struct index_trust){base, x->common.same,
					x->common.n_other * BLOCK_SIZE <= LEAVE_MOST};
	x->has_origin = x->common.n_same > 0 &&
			x->common.n_same * ORIGIN_PART >= x->common.n_same + x->common.n_other;
	x->origin = k->root;
	return 0;
}

static void distrust(struct indexing *x)
{
	x->trust.base = index_unref(x->trust.base);
	extents_done(&x->common);
}

/* 0 also where nothing can be trusted: then all is read. */
static int find_trust(struct indexing *x)
{
	uint64_t bytes, read, block;
	const struct kin *k;
	int fd, r;

	if (!x->generation || x->n_kin == 0 || x->identity.size < KIN_LEAST ||
	    kin_find(x->kin, x->n_kin, x->gen_dirfd, x->source_fd, x->identity.size, &k, &fd) < 0)
		return 0;
	r = compare(x, k, fd);
	close(fd);
	if (r < 0)
		return r == -ECANCELED ? r : 0;
	bytes = MIN(MAX(x->common.n_other * BLOCK_SIZE / AUDIT_PART, AUDIT_LEAST), AUDIT_MOST);
	r = index_audit(x->source_fd, x->identity.size, &x->trust, bytes, &x->cancel, &read,
			&block);
	x->facts.read += read;
	if (r == -EBADE)
		snprintf(x->lie, sizeof(x->lie), "%.80s: block %llu is not what it was", x->path,
			 (unsigned long long)block);
	if (r < 0)
		distrust(x);
	else
		x->read = k->read;
	return r == -EBADE ? 0 : r;
}

void indexing_begin(struct indexing *x)
{
	int r = x->cancel ? -ECANCELED : find_source(x);

	/* The clone is of one moment; was that moment still of the file that settled? */
	if (r == 0 && !unchanged(x))
		r = -ESTALE;
	if (r == 0)
		r = find_trust(x);
	if (r == 0)
		r = index_builder_new(x->source_fd, x->index_dirfd,
				      x->trust.base ? &x->trust : NULL, &x->builder, &x->err);
	/* Nothing will be left of these bytes when the file is written to. */
	if (r == 0 && !x->generation && x->identity.size >= SECTORS_LEAST)
		r = index_builder_sectors(x->builder, x->index_dirfd);
	if (r == 0)
		r = index_builder_anchors(x->builder, x->index_dirfd);
	x->error = r;
}

static int count(struct indexing *x)
{
	char name[HASH_HEX + 1];
	struct index *index;
	int r = index_open(x->index_dirfd, hash_hex(&x->root, name), &index, &x->err);

	if (r < 0)
		return r;
	x->nonzero = MIN(index_nonzero_blocks(index) * BLOCK_SIZE, x->identity.size);
	r = index_builder_finish_sectors(x->builder, index);
	index_unref(index);
	return r < 0 ? err_set(&x->err, r, "writing sector sums: %s", strerror(-r)) : 0;
}

void indexing_anchors(struct indexing *x)
{
	/* Without them the next delta reads this content once more, or costs bytes. */
	(void)!index_builder_finish_anchors(x->builder, &x->root);
}

void indexing_end(struct indexing *x)
{
	struct index_facts facts;
	int r = index_builder_finish(x->builder, &x->root, &facts, &x->err);

	if (r == 0 && !x->generation && !unchanged(x))
		r = -ESTALE;
	if (r == 0)
		r = count(x);
	/* Where old bytes cannot be kept, a plan looks for what is left of them by these. */
	if (r == 0 && !x->generation)
		indexing_anchors(x);
	if (r == 0) {
		x->ties_error = ties_read(x->source_fd, x->path, &x->ties);
		x->facts.read += facts.read;
		x->facts.trusted = facts.trusted;
	}
	x->error = r;
}
