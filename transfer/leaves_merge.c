/*
 * leaves_merge.c: a sealed log of changed leaves and the indexes of its bases -> the index of the
 * content. See leaves.h.
 */
#include "transfer/leaves.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "transfer/durable.h"
#include "transfer/source.h"

struct merge {
	int dirfd, fd;
	const atomic_bool *cancel;
	struct leaf_head head;
	struct leaf_run *runs;
	struct index *bases[LEAF_BASES_MAX]; /* opened when they are needed */
	struct index_writer *writer;
};

static void delta_name(const struct hash *root, char name[HASH_HEX + 8])
{
	char hex[HASH_HEX + 1];

	snprintf(name, HASH_HEX + 8, "%s" LEAF_DELTA, hash_hex(root, hex));
}

static int read_all(int fd, void *buf, size_t len, uint64_t at)
{
	for (size_t have = 0; have < len;) {
		ssize_t n = pread(fd, (char *)buf + have, len - have, (off_t)(at + have));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EBADMSG;
		have += (size_t)n;
	}
	return 0;
}

static int read_head(struct merge *m, const struct hash *root)
{
	struct leaf_head *h = &m->head;
	int r = read_all(m->fd, h, sizeof(*h), 0);

	if (r < 0)
		return r;
	if (memcmp(h->magic, LEAF_MAGIC, sizeof(h->magic)) != 0 || !hash_equal(&h->root, root) ||
	    h->size > FILE_SIZE_MAX || h->n_bases > LEAF_BASES_MAX ||
	    h->n_runs > nodes_of(h->size) || h->end < LEAF_LOG_BEGIN)
		return -EBADMSG;
	m->runs = xcalloc(h->n_runs + 1, sizeof(*m->runs));
	return read_all(m->fd, m->runs, h->n_runs * sizeof(*m->runs), h->end);
}

static int base_of(struct merge *m, uint64_t k, struct index **ret)
{
	char hex[HASH_HEX + 1];
	int r = 0;

	if (k >= m->head.n_bases)
		return -EBADMSG;
	if (!m->bases[k])
		r = index_open(m->dirfd, hash_hex(&m->head.bases[k], hex), &m->bases[k], NULL);
	*ret = m->bases[k];
	return r == -ENOENT ? -EBADMSG : r;
}

static int add_record(void *arg, const struct leaf_record *r)
{
	struct hash leaves[NODE_BLOCKS];
	struct merge *m = arg;
	struct index *base = NULL;
	unsigned n;
	int e = 0;

	if (m->cancel && *m->cancel)
		return -ECANCELED;
	if (r->node >= nodes_of(m->head.size))
		return -EBADMSG;
	n = (unsigned)MIN(blocks_of(m->head.size) - r->node * NODE_BLOCKS, (uint64_t)NODE_BLOCKS);
	if (r->base != LEAF_NO_BASE)
		e = base_of(m, r->base, &base);
	for (unsigned i = 0; i < n && e == 0; i++) {
		const struct hash *leaf = leaf_record_at(r, i);
		uint64_t block = r->node * NODE_BLOCKS + i;

		if (!leaf && base && block < blocks_of(index_size(base)))
			leaf = index_leaf(base, block);
		if (!leaf)
			e = -EBADMSG;
		else
			leaves[i] = *leaf;
	}
	return e < 0 ? e : index_writer_node(m->writer, r->node, leaves);
}

static int add_run(struct merge *m, const struct leaf_run *run)
{
	struct index *base;
	uint64_t nodes = nodes_of(m->head.size);
	int r = base_of(m, run->base, &base);

	if (r == 0 && (run->first > nodes || run->n > nodes - run->first))
		r = -EBADMSG;
	for (uint64_t i = 0; i < run->n && r == 0; i++) {
		if (m->cancel && *m->cancel)
			return -ECANCELED;
		r = index_writer_same(m->writer, run->first + i, base);
	}
	return r;
}

static int merge(struct merge *m, const struct hash *root)
{
	struct hash got;
	int r = read_head(m, root);

	if (r == 0)
		r = index_writer_new(m->dirfd, m->head.size, &m->writer);
	if (r == 0)
		r = leaf_log_each(m->fd, m->head.end, add_record, m);
	for (uint32_t i = 0; r == 0 && i < m->head.n_runs; i++)
		r = add_run(m, &m->runs[i]);
	if (r == 0)
		r = index_writer_finish(m->writer, &got);
	if (r == 0 && !hash_equal(&got, root))
		r = -EBADMSG;
	return r == -EINVAL || r == -EEXIST ? -EBADMSG : r;
}

static void merge_done(struct merge *m)
{
	index_writer_free(m->writer);
	for (unsigned k = 0; k < LEAF_BASES_MAX; k++)
		index_unref(m->bases[k]);
	free(m->runs);
	close(m->fd);
}

int leaves_merge(int dirfd, const struct hash *root, const atomic_bool *cancel)
{
	char name[HASH_HEX + 8], hex[HASH_HEX + 1];
	struct merge m = {.dirfd = dirfd, .cancel = cancel};
	int r = 0;

	delta_name(root, name);
	m.fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (m.fd < 0)
		return -errno;
	if (faccessat(dirfd, hash_hex(root, hex), F_OK, 0) < 0)
		r = merge(&m, root);
	merge_done(&m);
	if ((r == 0 || r == -EBADMSG) && unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
		r = -errno;
	return r;
}

int leaves_index(int dirfd, const struct hash *root, struct index **ret)
{
	char hex[HASH_HEX + 1];
	int r = index_open(dirfd, hash_hex(root, hex), ret, NULL);

	if (r != -ENOENT)
		return r;
	r = leaves_merge(dirfd, root, NULL);
	/* -ENOENT: or another thread was faster. */
	return r < 0 && r != -ENOENT ? r : index_open(dirfd, hex, ret, NULL);
}

/* The root that a name is the delta of. */
static bool delta_of(const char *name, struct hash *ret)
{
	char hex[HASH_HEX + 1];

	if (strlen(name) != HASH_HEX + strlen(LEAF_DELTA) || strcmp(name + HASH_HEX, LEAF_DELTA))
		return false;
	memcpy(hex, name, HASH_HEX);
	hex[HASH_HEX] = '\0';
	return hash_parse(hex, ret) == 0;
}

int leaves_merge_all(int dirfd, const atomic_bool *cancel)
{
	DIR *dir = dir_list(dirfd);
	struct dirent *d;
	struct hash root;
	int r = 0, e;

	if (!dir)
		return -errno;
	while ((d = readdir(dir)) && r != -ECANCELED) {
		if (!delta_of(d->d_name, &root))
			continue;
		e = leaves_merge(dirfd, &root, cancel);
		if (e < 0 && e != -ENOENT)
			r = e;
	}
	closedir(dir);
	return r;
}
