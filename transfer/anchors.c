/*
 * anchors.c: the file of a content's anchors, mapped; and made by reading the content where nobody
 * made it with its index.
 */
#include "transfer/anchors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "transfer/anchors_private.h"
#include "transfer/anchors_writer.h"
#include "transfer/bulkio.h"
#include "transfer/index_sectors.h"

#define READ_BLOCKS 256u

const char *anchors_name(const struct hash *root, char name[ANCHORS_NAME_LEN])
{
	char hex[HASH_HEX + 1];

	snprintf(name, ANCHORS_NAME_LEN, "%s" ANCHOR_SUFFIX, hash_hex(root, hex));
	return name;
}

static bool sound(const struct anchors *a)
{
	const struct anchors_head *h = &a->head;

	return memcmp(h->magic, ANCHORS_MAGIC, sizeof(h->magic)) == 0 &&
	       h->version == ANCHORS_VERSION && h->bits >= ANCHOR_BITS &&
	       h->bits <= ANCHOR_BITS_MOST && h->count <= ANCHORS_MOST &&
	       sizeof(*h) + h->count * sizeof(*a->entries) == a->map.len;
}

int anchors_open(int dirfd, const struct hash *root, struct anchors **ret)
{
	char name[ANCHORS_NAME_LEN];
	struct anchors *a;
	struct flat map;
	int r = flat_map(dirfd, anchors_name(root, name), sizeof(a->head), &map);

	if (r < 0)
		return r;
	a = xcalloc(1, sizeof(*a));
	a->map = map;
	memcpy(&a->head, map.data, sizeof(a->head));
	a->entries = (const void *)((const uint8_t *)map.data + sizeof(a->head));
	if (!sound(a)) {
		anchors_free(a);
		return -EBADMSG;
	}
	*ret = a;
	return 0;
}

struct making {
	struct index *index;
	struct bulk *bulk;
	const atomic_bool *cancel;
	struct anchors_batch *batch;
	uint8_t *buf;
};

static int scan_run(struct making *m, uint64_t first, uint64_t n)
{
	size_t len = MIN((first + n) * BLOCK_SIZE, index_size(m->index)) - first * BLOCK_SIZE;
	int64_t got = bulk_read(m->bulk, m->buf, len, first * BLOCK_SIZE);

	for (int64_t at = 0; at < got; at += BLOCK_SIZE)
		anchors_batch_block(m->batch, first + (uint64_t)at / BLOCK_SIZE, m->buf + at,
				    (size_t)MIN(got - at, (int64_t)BLOCK_SIZE));
	return got < 0 ? (int)got : 0;
}

/* Zero blocks are not read. */
static int scan_all(struct making *m)
{
	uint64_t blocks = blocks_of(index_size(m->index)), n;
	int r = 0;

	for (uint64_t block = 0; r == 0 && block < blocks; block += n) {
		n = 1;
		if (index_block_is_zero(m->index, block))
			continue;
		while (n < READ_BLOCKS && block + n < blocks &&
		       !index_block_is_zero(m->index, block + n))
			n++;
		r = *m->cancel ? -ECANCELED : scan_run(m, block, n);
	}
	return r;
}

/* As when they are made with the index, beside sector sums or not. */
static unsigned bits_for(int dirfd, const struct index *x)
{
	char hex[HASH_HEX + 1], name[HASH_HEX + sizeof(SECTORS_SUFFIX)];

	snprintf(name, sizeof(name), "%s" SECTORS_SUFFIX, hash_hex(index_root(x), hex));
	return faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ? ANCHOR_BITS_SECTORS
								      : ANCHOR_BITS;
}

static int make(int dirfd, int fd, struct index *x, const atomic_bool *cancel)
{
	struct making m = {.index = x, .cancel = cancel};
	struct anchors_writer *w;
	int r = anchors_writer_new(dirfd, index_size(x), bits_for(dirfd, x), &w);

	if (r < 0)
		return r;
	r = bulk_open(fd, &m.bulk);
	if (r == 0) {
		m.buf = bulk_buffer(READ_BLOCKS * BLOCK_SIZE);
		m.batch = anchors_batch_new(w);
		r = scan_all(&m);
		anchors_batch_free(m.batch);
		free(m.buf);
	}
	if (r == 0)
		r = anchors_writer_finish(w, index_root(x));
	bulk_close(m.bulk);
	anchors_writer_free(w);
	return r;
}

int anchors_get(int dirfd, int fd, struct index *x, const atomic_bool *cancel, struct anchors **ret)
{
	int r = anchors_open(dirfd, index_root(x), ret);

	if (r == 0)
		return 0;
	r = make(dirfd, fd, x, cancel);
	return r < 0 ? r : anchors_open(dirfd, index_root(x), ret);
}

struct anchors *anchors_free(struct anchors *a)
{
	if (a != NULL)
		flat_unmap(&a->map);
	free(a);
	return NULL;
}

unsigned anchors_bits(const struct anchors *a)
{
	return a->head.bits;
}

unsigned anchors_find(const struct anchors *a, uint32_t print, uint32_t blocks[ANCHOR_TRIES])
{
	uint64_t key = (uint64_t)print << 32, low = 0, high = a->head.count;
	unsigned n = 0;

	while (low < high) {
		uint64_t mid = low + (high - low) / 2;

		if (a->entries[mid] < key)
			low = mid + 1;
		else
			high = mid;
	}
	for (; n < ANCHOR_TRIES && low < a->head.count && a->entries[low] >> 32 == print; low++)
		blocks[n++] = (uint32_t)a->entries[low];
	return n;
}
