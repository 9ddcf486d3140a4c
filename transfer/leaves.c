/*
 * leaves.c: the log of changed leaves, written and read back. See leaves.h.
 */
#include "transfer/leaves.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "transfer/durable.h"
#include "transfer/mapped.h"

static bool has(const struct leaf_bits *b, unsigned i)
{
	return b->w[i / 64] >> (i % 64) & 1;
}

static unsigned count(const struct leaf_bits *b, unsigned before)
{
	unsigned n = 0;

	for (unsigned i = 0; i < before; i++)
		n += has(b, i);
	return n;
}

int leaf_log_add(struct leaf_log *l, uint64_t node, unsigned n, const struct hash *leaves,
		 const struct leaf_bits *own, uint32_t base, const struct hash *hash)
{
	uint64_t buf[(sizeof(struct leaf_record) + NODE_BLOCKS * HASH_SIZE) / 8] = {0};
	struct leaf_record *r = (struct leaf_record *)buf;
	size_t len;
	int e;

	*r = (struct leaf_record){.node = node, .base = base, .hash = *hash};
	for (unsigned i = 0; i < n; i++) {
		if (hash_equal(&leaves[i], &hash_zero_block)) {
			r->zero.w[i / 64] |= (uint64_t)1 << (i % 64);
		} else if (has(own, i)) {
			r->given.w[i / 64] |= (uint64_t)1 << (i % 64);
			r->leaves[r->n++] = leaves[i];
		}
	}
	len = sizeof(*r) + r->n * HASH_SIZE;
	e = durable_pwrite(l->fd, r, len, l->end);
	if (e < 0)
		return e;
	l->end += len;
	l->dirty = true;
	return 0;
}

const struct hash *leaf_record_at(const struct leaf_record *r, unsigned i)
{
	if (has(&r->zero, i))
		return &hash_zero_block;
	return has(&r->given, i) ? &r->leaves[count(&r->given, i)] : NULL;
}

static int walk(const uint8_t *p, const uint8_t *end, leaf_record_fn *fn, void *arg)
{
	const struct leaf_record *r;
	int e = 0;

	for (; p < end && e == 0; p += sizeof(*r) + r->n * HASH_SIZE) {
		r = (const struct leaf_record *)p;
		if ((size_t)(end - p) < sizeof(*r) || r->n > NODE_BLOCKS ||
		    (size_t)(end - p) < sizeof(*r) + r->n * HASH_SIZE ||
		    count(&r->given, NODE_BLOCKS) != r->n || r->base > LEAF_NO_BASE)
			return -EBADMSG;
		e = fn(arg, r);
	}
	return e;
}

int leaf_log_each(int fd, uint64_t end, leaf_record_fn *fn, void *arg)
{
	struct stat st;
	const void *map;
	const uint8_t *p;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (end < LEAF_LOG_BEGIN || end % 8 != 0)
		return -EBADMSG;
	if (end == LEAF_LOG_BEGIN)
		return 0;
	if ((uint64_t)st.st_size < end)
		return -EBADMSG;
	r = mapped_new(fd, end, &map);
	if (r < 0)
		return r;
	p = map;
	r = walk(p + LEAF_LOG_BEGIN, p + end, fn, arg);
	if (!mapped_sound(map))
		r = -EBADMSG;
	mapped_free(map);
	return r;
}

int leaf_log_seal(struct leaf_log *l, struct leaf_head *head, const struct leaf_run *runs)
{
	int r = durable_pwrite(l->fd, runs, head->n_runs * sizeof(*runs), l->end);

	memcpy(head->magic, LEAF_MAGIC, sizeof(head->magic));
	head->end = l->end;
	if (r == 0)
		r = durable_pwrite(l->fd, head, sizeof(*head), 0);
	return r < 0 ? r : durable_datasync(l->fd);
}
