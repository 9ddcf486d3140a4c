/*
 * staging.c: a transfer's files and life: made, opened again after a crash, closed, discarded. See
 * staging.h; what is in the journal is read by staging_replay.c.
 */
#include "transfer/staging_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transfer/durable.h"

struct assembler *assembler_new(const atomic_bool *cancel)
{
	struct assembler *a = xcalloc(1, sizeof(*a));

	pthread_mutex_init(&a->lock, NULL);
	a->decoder = frame_decoder_new();
	a->node = bulk_buffer(NODE_SIZE);
	a->cancel = cancel;
	return a;
}

struct assembler *assembler_free(struct assembler *a)
{
	if (!a)
		return NULL;
	frame_decoder_free(a->decoder);
	pthread_mutex_destroy(&a->lock);
	free(a->node);
	free(a);
	return NULL;
}

static struct staging *staging_new(struct store *s, struct assembler *a, const struct hash *root)
{
	struct staging *st = xcalloc(1, sizeof(*st));

	st->store = s;
	st->as = a;
	st->root = *root;
	st->dir_fd = st->image_fd = st->leaves.fd = -1;
	st->leaves.end = LEAF_LOG_BEGIN;
	st->basis = -1;
	pthread_mutex_init(&st->lock, NULL);
	return st;
}

static int open_one(struct staging *st, const char *name, bool create, int *ret)
{
	int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT | O_EXCL : 0);
	int fd = openat(st->dir_fd, name, flags, 0600);

	/* It was given the mode of what it was to become, and then was not published. */
	if (fd < 0 && errno == EACCES && !create && fchmodat(st->dir_fd, name, 0600, 0) == 0)
		fd = openat(st->dir_fd, name, flags, 0600);
	if (fd < 0)
		return -errno;
	*ret = fd;
	return 0;
}

int staging_begin_files(struct staging *st, bool create)
{
	int r = open_one(st, STAGING_IMAGE, create, &st->image_fd), spool = -1;

	if (r == 0)
		r = open_one(st, STAGING_LEAVES, create, &st->leaves.fd);
	if (r == 0)
		r = open_one(st, STAGING_SPOOL, create, &spool);
	if (r == 0)
		r = spool_open(spool, &st->spool);
	if (r == 0 && create && ftruncate(st->image_fd, (off_t)st->size) < 0)
		r = -errno;
	return r;
}

static int open_dir(struct staging *st, bool create)
{
	char hex[HASH_HEX + 1];

	hash_hex(&st->root, hex);
	if (create) {
		if (mkdirat(st->store->staging_fd, hex, 0700) < 0)
			return -errno;
		atomic_fetch_add(&st->store->staged, 1);
	}
	st->dir_fd =
		openat(st->store->staging_fd, hex, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return st->dir_fd < 0 ? -errno : 0;
}

int staging_create(struct store *s, struct assembler *a, const struct hash *root, uint64_t size,
		   struct staging **ret, struct err *e)
{
	struct staging *st;
	struct pack p = {NULL, 0, 0};
	int r;

	if (size > FILE_SIZE_MAX)
		return err_set(e, -EFBIG, "the image is larger than 64 TiB");
	if (!store_has_room(s))
		return err_set(e, -EMFILE, "%u transfers are under way here, and no more may be",
			       STORE_STAGED_MAX);
	st = staging_new(s, a, root);
	st->size = size;
	nodes_init(&st->nodes, nodes_of(size));
	r = open_dir(st, true);
	if (r == 0)
		r = staging_begin_files(st, true);
	if (r == 0)
		r = journal_open(st->dir_fd, STAGING_JOURNAL, true, NULL, NULL, &st->journal);
	if (r < 0)
		goto fail;
	pack_u64(&p, STAGING_FORMAT);
	pack_bytes(&p, root->b, HASH_SIZE);
	pack_u64(&p, size);
	r = staging_note(st, J_HEAD, p.data, p.len);
	pack_done(&p);
	if (r == 0)
		r = durable_dirsync(st->dir_fd);
	if (r == 0)
		r = durable_dirsync(s->staging_fd);
	if (r == 0)
		r = staging_commit(st);
	if (r < 0)
		goto fail;
	*ret = st;
	return 0;
fail:
	if (st->dir_fd >= 0 && staging_discard(s, root) < 0)
		r = r == -EEXIST ? -EIO
				 : r; /* what is left is found, and discarded, by the next offer */
	staging_close(st);
	return err_set(e, r, "cannot begin a transfer: %s", strerror(-r));
}

int staging_open(struct store *s, struct assembler *a, const struct hash *root,
		 struct staging **ret, struct err *e)
{
	struct staging *st = staging_new(s, a, root);
	struct stat sb;
	int r = open_dir(st, false);

	if (r == 0)
		r = journal_open(st->dir_fd, STAGING_JOURNAL, false, staging_replay, st,
				 &st->journal);
	if (r == 0 && !st->nodes.state)
		r = -EBADMSG; /* not even its first record was whole */
	if (r == 0)
		r = staging_begin_files(st, false);
	if (r == 0 && fstat(st->image_fd, &sb) < 0)
		r = -errno;
	/* Shared blocks may have been cloned in just before the end: the size is set again. */
	if (r == 0 && (uint64_t)sb.st_size != st->size &&
	    ftruncate(st->image_fd, (off_t)st->size) < 0)
		r = -errno;
	if (r < 0) {
		if (r == -ENOENT && st->dir_fd >= 0)
			r = -EBADMSG;
		staging_close(st);
		return err_set(e, r, "cannot go on with a transfer: %s", strerror(-r));
	}
	/*
	 * What was written after the last commit is not known. A node that is not proven becomes as
	 * the basis once more when something of it is to be kept (build_share()).
	 */
	nodes_touch_all(&st->nodes);
	nodes_changes_done(&st->nodes);
	st->punch_from = st->size;
	st->kept = st->pos;
	staging_take_shot(st);
	*ret = st;
	return 0;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

struct staging *staging_close(struct staging *st)
{
	unsigned k;

	if (!st)
		return NULL;
	for (k = 0; k < st->n_pins; k++)
		pin_close(&st->pins[k]);
	if (st->has_header)
		bundle_header_done(&st->header);
	journal_close(st->journal);
	close_fd(st->image_fd);
	close_fd(st->leaves.fd);
	spool_close(st->spool);
	close_fd(st->dir_fd);
	nodes_done(&st->nodes);
	free(st->own);
	wire_position_done(&st->shot);
	pthread_mutex_destroy(&st->lock);
	free(st);
	return NULL;
}

int staging_discard(struct store *s, const struct hash *root)
{
	char hex[HASH_HEX + 1];
	bool there = faccessat(s->staging_fd, hash_hex(root, hex), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	int r = store_remove_dir(s->staging_fd, hex);

	if (r < 0)
		return r;
	if (there && atomic_load(&s->staged) > 0)
		atomic_fetch_sub(&s->staged, 1);
	return durable_dirsync(s->staging_fd);
}

/*
 * Decodes the bundle's header (-EAGAIN: more bytes are needed) and finds its bases among the pins.
 * -ESTALE: one of them is not here.
 */
int staging_load_header(struct staging *st, const uint8_t *buf, size_t len, size_t *ret_used,
			struct err *e)
{
	struct bundle_header h;
	struct hash id;
	unsigned i;
	int k, r;

	r = bundle_header_decode(buf, len, &h, ret_used, &id, e);
	if (r < 0)
		return r;
	if (!hash_equal(&id, &st->bundle) || !hash_equal(&h.root, &st->root) ||
	    h.size != st->size) {
		bundle_header_done(&h);
		return err_set(e, -EBADMSG, "the bundle's header is not that of this transfer");
	}
	for (i = 0; i < h.n_bases; i++) {
		k = pin_find(st, &h.bases[i]);
		if (k < 0) {
			bundle_header_done(&h);
			return err_set(e, -ESTALE, "a base of the bundle is not pinned here");
		}
		st->base_pin[i] = (uint8_t)k;
	}
	st->header = h;
	st->has_header = true;
	return 0;
}

bool staging_deleted(const struct staging *st)
{
	struct stat dir, image;

	return fstat(st->dir_fd, &dir) == 0 && fstat(st->image_fd, &image) == 0 &&
	       (dir.st_nlink == 0 || image.st_nlink == 0);
}

unsigned staging_indexed_again(struct staging *st)
{
	unsigned n = st->indexed_again;

	st->indexed_again = 0;
	return n;
}

uint64_t staging_size(const struct staging *st)
{
	return st->size;
}

uint64_t staging_disk_bytes(const struct staging *st)
{
	struct stat sb;

	return fstat(st->image_fd, &sb) < 0 ? 0 : (uint64_t)sb.st_blocks * 512;
}

bool staging_complete(const struct staging *st)
{
	return !st->staged && st->nodes.proven == st->nodes.n;
}

bool staging_filling(const struct staging *st)
{
	return st->nodes.filling > 0;
}

bool staging_is_staged(const struct staging *st)
{
	return st->staged;
}
