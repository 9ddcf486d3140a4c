/*
 * fuzz_frame.c: the decoders of what a hub sends as image data: a bundle's header, a frame's head,
 * a frame's body. The body's hash is put right first, or no input would ever get past it.
 *
 * Input: file size (8 bytes, little endian), then a bundle header or "SSfr" and a frame.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "transfer/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_header(const uint8_t *data, size_t size)
{
	struct bundle_header h;
	struct hash id;
	struct err e;
	size_t used;

	if (bundle_header_decode(data, size, &h, &used, &id, &e) == 0)
		bundle_header_done(&h);
}

/* Blocks that depend on where they are said to lie. */
static int give_prefix(void *arg, const struct prefix_run *run, uint8_t *to)
{
	(void)arg;
	for (uint32_t i = 0; i < run->n; i++, to += BLOCK_SIZE)
		for (uint32_t k = 0; k < BLOCK_SIZE; k++)
			to[k] = (uint8_t)(k * 7 + (k >> 8) * (run->first + i) + run->base);
	return 0;
}

static void try_frame(const uint8_t *data, size_t size, uint64_t file_size)
{
	struct frame_decoder *d;
	struct frame_head head;
	struct frame f;
	struct err e;

	if (size < FRAME_HEAD_SIZE || frame_head_decode(data, file_size, &head, &e) < 0)
		return;
	if (head.body_len > size - FRAME_HEAD_SIZE)
		return;
	digest_bytes(data + FRAME_HEAD_SIZE, head.body_len, &head.body_hash);
	d = frame_decoder_new();
	frame_decoder_on_prefix(d, give_prefix, NULL);
	if (frame_decode(d, &head, data + FRAME_HEAD_SIZE, file_size, 2, &f, &e) == 0) {
		/* What is said to be there can be read. */
		volatile uint8_t sum = 0;

		for (uint32_t i = 0; i < f.head.literals_len; i++)
			sum = (uint8_t)(sum + f.literals[i]);
		for (uint32_t i = 0; i < f.head.n_hashes; i++)
			sum = (uint8_t)(sum + f.hashes[i].b[HASH_SIZE - 1]);
		for (uint32_t i = 0; i < f.head.n_ops; i++)
			sum = (uint8_t)(sum + f.ops[i].n);
		for (uint32_t i = 0; i < f.head.n_parts; i++)
			sum = (uint8_t)(sum + f.parts[i].len);
		for (uint32_t i = 0; i < f.head.n_prefix; i++)
			sum = (uint8_t)(sum + f.prefix[i].n);
	}
	frame_decoder_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t file_size = 0;

	if (size < 12)
		return 0;
	for (unsigned i = 0; i < 8; i++)
		file_size |= (uint64_t)data[i] << 8 * i;
	if (memcmp(data + 8, "SSfr", 4) == 0)
		try_frame(data + 8, size - 8, file_size);
	else
		try_header(data + 8, size - 8);
	return 0;
}
