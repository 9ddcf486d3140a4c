/*
 * patch_sectors.c: blocks of literals, compared by sector sums with the block at the same place in
 * a base whose bytes are gone. The spoke, which has the bytes, puts the block together and proves
 * the node; a sum that two sectors share costs that node and nothing else.
 */
#include "transfer/patch_private.h"

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
