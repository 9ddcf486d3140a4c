/*
 * anchors.c: the scan, and the file: a head of 32 bytes (magic, version, bits, count), then the
 * anchors, sorted: print in the upper, block in the lower half of 64 bits.
 *
 * The hash is the gear hash, h = 2h + table[byte]: after 64 bytes the first has left it by itself.
 * Its top bits depend on the whole window, so they choose.
 */
#include "transfer/anchors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transfer/bulkio.h"
#include "transfer/durable.h"
#include "transfer/index_sectors.h"

#define BITS_LEAST 9u
#define BITS_MOST  20u
#define COUNT_MOST (8u << 20)
#define READ_LEN   (1u << 20)

static const char magic[8] = "SSYNCANC";

struct head {
	char magic[8];
	uint32_t version, bits;
	uint64_t count, zero;
};

struct anchors {
	const struct head *head;
	const uint64_t *entries;
	size_t map_len;
};

void anchor_scan_init(struct anchor_scan *s)
{
	uint64_t x = 0x73706f6b6573796eu;

	for (unsigned i = 0; i < 256; i++) { /* splitmix64 (Steele, Lea, Flood 2014) */
		uint64_t z = x += 0x9e3779b97f4a7c15u;

		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
		z = (z ^ z >> 27) * 0x94d049bb133111ebu;
		s->gear[i] = z ^ z >> 31;
	}
	anchor_scan_reset(s);
}

void anchor_scan_reset(struct anchor_scan *s)
{
	s->hash = 0;
	s->fed = 0;
}

bool anchor_scan_next(struct anchor_scan *s, unsigned bits, const uint8_t *data, size_t len,
		      size_t *at, uint32_t *print, unsigned *ret_bits)
{
	uint64_t limit = (uint64_t)1 << (64 - bits), h = s->hash;
	size_t i = *at;

	/* The window is filled without looking. */
	for (; i < len && s->fed + 1 < ANCHOR_WINDOW; i++, s->fed++)
		h = (h << 1) + s->gear[data[i]];
	for (; i < len; i++) {
		uint64_t same = h;

		h = (h << 1) + s->gear[data[i]];
		/* One byte over and over has one hash: it would be all anchors, or none. */
		if (h < limit && h != same) {
			s->hash = h;
			*at = i + 1;
			*print = (uint32_t)(h * 0x9e3779b97f4a7c15u >> 32);
			*ret_bits = h ? (unsigned)__builtin_clzll(h) : 64;
			return true;
		}
	}
	s->hash = h;
	*at = len;
	return false;
}

/* Beside sector sums half as many: all that is kept of a content is at most 2.5 % of it. */
static unsigned bits_for(int dirfd, const struct index *x)
{
	char hex[HASH_HEX + 1], name[HASH_HEX + sizeof(SECTORS_SUFFIX)];
	unsigned bits = BITS_LEAST;

	snprintf(name, sizeof(name), "%s" SECTORS_SUFFIX, hash_hex(index_root(x), hex));
	if (faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		bits++;

	/* Room for twice what is expected. */
	while (bits < BITS_MOST && (index_nonzero_blocks(x) * BLOCK_SIZE >> bits) > COUNT_MOST / 2)
		bits++;
	return bits;
}

struct making {
	struct index *index;
	struct bulk *bulk;
	const volatile bool *cancel;
	struct anchor_scan scan;
	unsigned bits;
	uint8_t *buf;
	uint64_t *entries;
	size_t n, room;
};

static void add(struct making *m, uint32_t print, uint64_t block)
{
	if (m->n == COUNT_MOST || block > UINT32_MAX)
		return;
	if (m->n == m->room) {
		m->room = MAX(4096u, 2 * m->room);
		m->entries = xrealloc(m->entries, m->room * sizeof(*m->entries));
	}
	m->entries[m->n++] = (uint64_t)print << 32 | block;
}

static int scan_piece(struct making *m, uint64_t first, uint64_t n)
{
	size_t len = MIN((first + n) * BLOCK_SIZE, index_size(m->index)) - first * BLOCK_SIZE;
	int64_t got = bulk_read(m->bulk, m->buf, len, first * BLOCK_SIZE);
	uint32_t print;
	unsigned bits;
	size_t at = 0;

	if (got < 0)
		return (int)got;
	while (anchor_scan_next(&m->scan, m->bits, m->buf, (size_t)got, &at, &print, &bits))
		add(m, print, first + (at - 1) / BLOCK_SIZE);
	return 0;
}

/* Zero blocks are not read. */
static int scan_all(struct making *m)
{
	uint64_t blocks = blocks_of(index_size(m->index)), n;
	int r = 0;

	for (uint64_t block = 0; r == 0 && block < blocks; block += n) {
		n = 1;
		if (index_block_is_zero(m->index, block)) {
			anchor_scan_reset(&m->scan);
			continue;
		}
		while (n < READ_LEN / BLOCK_SIZE && block + n < blocks &&
		       !index_block_is_zero(m->index, block + n))
			n++;
		r = *m->cancel ? -ECANCELED : scan_piece(m, block, n);
	}
	return r;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int store(struct making *m, int dirfd, const char *name)
{
	struct head head = {.version = 1, .bits = m->bits, .count = m->n};
	char temp[HASH_HEX + 64];
	int r, fd;

	memcpy(head.magic, magic, sizeof(magic));
	/* Two plans may make the same at the same time. */
	snprintf(temp, sizeof(temp), INDEX_TEMP "%s.%d", name, (int)gettid());
	fd = openat(dirfd, temp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = durable_pwrite(fd, &head, sizeof(head), 0);
	if (r == 0 && m->n > 0)
		r = durable_pwrite(fd, m->entries, m->n * sizeof(*m->entries), sizeof(head));
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0)
		r = durable_rename(dirfd, temp, dirfd, name);
	if (r < 0)
		unlinkat(dirfd, temp, 0);
	return r;
}

static int make(int dirfd, const char *name, int fd, struct index *x, const volatile bool *cancel)
{
	struct making *m = xcalloc(1, sizeof(*m));
	int r = bulk_open(fd, &m->bulk);

	m->index = x;
	m->cancel = cancel;
	m->bits = bits_for(dirfd, x);
	anchor_scan_init(&m->scan);
	m->buf = bulk_buffer(READ_LEN);
	if (r == 0)
		r = scan_all(m);
	if (r == 0 && m->n > 0)
		qsort(m->entries, m->n, sizeof(*m->entries), compare);
	if (r == 0)
		r = store(m, dirfd, name);
	bulk_close(m->bulk);
	free(m->buf);
	free(m->entries);
	free(m);
	return r;
}

static int map(int dirfd, const char *name, struct anchors **ret)
{
	int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	const struct head *h = MAP_FAILED;
	struct anchors *a;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && (size_t)st.st_size >= sizeof(*h))
		h = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (h == MAP_FAILED)
		return -EBADMSG;
	if (memcmp(h->magic, magic, sizeof(magic)) != 0 || h->version != 1 ||
	    h->bits < BITS_LEAST || h->bits > BITS_MOST || h->count > COUNT_MOST ||
	    sizeof(*h) + h->count * sizeof(uint64_t) != (uint64_t)st.st_size) {
		munmap((void *)h, (size_t)st.st_size);
		return -EBADMSG;
	}
	a = xcalloc(1, sizeof(*a));
	a->head = h;
	a->entries = (const uint64_t *)(h + 1);
	a->map_len = (size_t)st.st_size;
	*ret = a;
	return 0;
}

int anchors_get(int dirfd, int fd, struct index *x, const volatile bool *cancel,
		struct anchors **ret)
{
	char hex[HASH_HEX + 1], name[HASH_HEX + sizeof(ANCHOR_SUFFIX)];
	int r;

	snprintf(name, sizeof(name), "%s" ANCHOR_SUFFIX, hash_hex(index_root(x), hex));
	r = map(dirfd, name, ret);
	if (r == 0)
		return 0;
	r = make(dirfd, name, fd, x, cancel);
	return r < 0 ? r : map(dirfd, name, ret);
}

struct anchors *anchors_free(struct anchors *a)
{
	if (a != NULL)
		munmap((void *)a->head, a->map_len);
	free(a);
	return NULL;
}

unsigned anchors_bits(const struct anchors *a)
{
	return a->head->bits;
}

unsigned anchors_find(const struct anchors *a, uint32_t print, uint32_t blocks[ANCHOR_TRIES])
{
	uint64_t key = (uint64_t)print << 32, low = 0, high = a->head->count;
	unsigned n = 0;

	while (low < high) {
		uint64_t mid = low + (high - low) / 2;

		if (a->entries[mid] < key)
			low = mid + 1;
		else
			high = mid;
	}
	for (; n < ANCHOR_TRIES && low < a->head->count && a->entries[low] >> 32 == print; low++)
		blocks[n++] = (uint32_t)a->entries[low];
	return n;
}
