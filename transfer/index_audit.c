/*
 * index_audit.c: is it true what was taken on trust? Places are chosen at random, three in four
 * among the blocks that are not zero in the base, so that a sparse file is not audited by its
 * holes.
 */
#include "transfer/index_build.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "transfer/bulkio.h"
#include "transfer/extents.h"

#define RUN    16u   /* blocks read at a place */
#define SEARCH 4096u /* blocks looked at from a place on for one that is trusted */
#define TRIES  64u   /* places without one, in a row: there is next to nothing to audit */

struct audit {
	const struct index_trust *trust;
	uint64_t size, blocks; /* of the new file */
	struct bulk *bulk;
	uint8_t *buf;
	uint64_t read;
};

static uint64_t random_below(uint64_t n)
{
	uint64_t x;

	if (getrandom(&x, sizeof(x), 0) != sizeof(x))
		abort(); /* never for so few bytes */
	return x % n;
}

/* A trusted block, not zero where `data`; false: none near the place that was drawn. */
static bool draw(const struct audit *a, bool data, uint64_t *ret)
{
	const struct index *base = a->trust->base;
	uint64_t nonzero = index_nonzero_blocks(base), block, end;

	block = data && nonzero > 0 ? index_nonzero_at(base, random_below(nonzero))
				    : random_below(a->blocks);
	for (end = MIN(block + SEARCH, a->blocks); block < end; block++) {
		if (extents_same(a->trust->same, block)) {
			*ret = block;
			return true;
		}
	}
	return false;
}

static int check_run(struct audit *a, uint64_t first, uint64_t *ret_block)
{
	uint64_t end = first + 1;
	struct hash leaves[RUN];
	size_t len;
	int64_t got;

	while (end < MIN(first + RUN, a->blocks) && extents_same(a->trust->same, end))
		end++;
	len = (size_t)(MIN(end * BLOCK_SIZE, a->size) - first * BLOCK_SIZE);
	got = bulk_read(a->bulk, a->buf, len, first * BLOCK_SIZE);
	if (got < 0)
		return (int)got;
	a->read += (uint64_t)got;
	digest_blocks(a->buf, (size_t)got, leaves);
	for (uint64_t i = first; i < end; i++) {
		if ((i - first) * BLOCK_SIZE >= (uint64_t)got ||
		    !hash_equal(&leaves[i - first], index_leaf(a->trust->base, i))) {
			*ret_block = i;
			return index_sound(a->trust->base) ? -EBADE : -EIO;
		}
	}
	return 0;
}

int index_audit(int fd, uint64_t size, const struct index_trust *trust, uint64_t bytes,
		const atomic_bool *cancel, uint64_t *ret_read, uint64_t *ret_block)
{
	struct audit a = {.trust = trust, .size = size, .blocks = blocks_of(size)};
	int r = bulk_open(fd, &a.bulk);

	*ret_read = 0;
	if (r < 0)
		return r;
	a.buf = bulk_buffer(RUN * BLOCK_SIZE);
	for (unsigned n = 0, tries = 0; r == 0 && a.blocks > 0 && a.read < bytes; n++) {
		uint64_t block;

		if (cancel != NULL && *cancel)
			r = -ECANCELED;
		else if (draw(&a, n % 4 != 3, &block)) {
			r = check_run(&a, block, ret_block);
			tries = 0;
		} else if (++tries == TRIES) {
			break;
		}
	}
	*ret_read = a.read;
	free(a.buf);
	bulk_close(a.bulk);
	return r;
}
