/*
 * patch_sectors.c: blocks of literals, compared by sector sums with the block at the same place in
 * a base whose bytes are gone, and with those that its anchors propose, which have moved by whole
 * sectors (the blocks of a dynamic VHD lie at any multiple of 512). The spoke, which has the bytes,
 * puts the block together and proves the node; a sum that two sectors share costs that node and
 * nothing else.
 */
#include "transfer/patch_private.h"

static bool same_sector(const struct patch_base *b, uint64_t src, uint32_t sum)
{
	const struct sector_sums *sums = sectors_of(b->sectors, src / BLOCK_SIZE);

	return sums != NULL && src + SECTOR_SIZE <= sectors_size(b->sectors) &&
	       sums->s[src % BLOCK_SIZE / SECTOR_SIZE] == sum;
}

/* Sectors from `at` of the run on that are those from src on. */
static size_t grow_sectors(const struct patch_base *b, const struct run_state *r, size_t at,
			   uint64_t src)
{
	size_t len = 0;

	while (at + len + SECTOR_SIZE <= r->len &&
	       same_sector(b, src + len, sectors_sum(b->sectors, r->data + at + len)))
		len += SECTOR_SIZE;
	return len;
}

/* And those before. */
static size_t grow_sectors_back(const struct patch_base *b, const struct run_state *r, size_t at,
				uint64_t src, size_t floor)
{
	size_t len = 0;

	while (at >= floor + len + SECTOR_SIZE && src >= len + SECTOR_SIZE &&
	       same_sector(b, src - len - SECTOR_SIZE,
			   sectors_sum(b->sectors, r->data + at - len - SECTOR_SIZE)))
		len += SECTOR_SIZE;
	return len;
}

/*
 * A run begins with a block, so its sectors are those of the file. The block says where in the base
 * the window was, not where in the block: what moved by whole sectors is one of eight.
 */
bool patch_sectors_far(struct patching *p, const struct run_state *r, size_t end, uint32_t print,
		       size_t floor, unsigned base, struct match *ret)
{
	const struct patch_base *b = &p->bases[base];
	size_t at = (end - 1) / SECTOR_SIZE * SECTOR_SIZE;
	uint32_t blocks[ANCHOR_TRIES], sum;
	unsigned n;

	if (at < floor || at + SECTOR_SIZE > r->len)
		return false;
	n = anchors_find(b->gone, print, blocks);
	sum = n > 0 ? sectors_sum(b->sectors, r->data + at) : 0;
	ret->len = 0;
	for (unsigned i = 0; i < n * SECTORS; i++) {
		uint64_t src = (uint64_t)blocks[i / SECTORS] * BLOCK_SIZE +
			       (uint64_t)(i % SECTORS) * SECTOR_SIZE;
		size_t len, back;

		if (!same_sector(b, src, sum))
			continue;
		len = grow_sectors(b, r, at, src);
		back = grow_sectors_back(b, r, at, src, floor);
		if (len + back > ret->len)
			*ret = (struct match){at - back, len + back, src - back, (uint8_t)base};
	}
	p->misses += n > 0 && ret->len == 0;
	return ret->len > 0;
}

bool patch_sectors(struct patching *p, const struct match *piece, const uint8_t *data)
{
	const struct patch_base *b = &p->bases[piece->base];
	uint64_t block = piece->src / BLOCK_SIZE;
	const struct sector_sums *sums;
	bool any = false;

	if (b->sectors == NULL)
		return false;
	sums = sectors_of(b->sectors, block);
	for (unsigned i = 0; sums != NULL && i < SECTORS; i++) {
		uint64_t src = block * BLOCK_SIZE + (uint64_t)i * SECTOR_SIZE;
		size_t skip = (size_t)(src - piece->src);

		/* Whole sectors of the piece and of the base; zeros cost less as they are. */
		if (src < piece->src || src + SECTOR_SIZE > piece->src + piece->len ||
		    src + SECTOR_SIZE > sectors_size(b->sectors) ||
		    digest_is_zero(data + skip, SECTOR_SIZE) ||
		    sectors_sum(b->sectors, data + skip) != sums->s[i])
			continue;
		struct match m = {piece->at + skip, SECTOR_SIZE, src, piece->base};

		patch_add(&p->all, &m);
		any = true;
	}
	return any;
}
