/*
 * lies.c: bundles that a hub would send that lies, for 56-liar-hub.bats. lies KIND ROOT FILE writes
 * one of a content of two nodes, under that root, and prints its id. Kinds:
 *
 *   root    all is as it should be, but of another content than the root is of
 *   hashes  the nodes' hashes are not those of what the frame makes
 *   bomb    the frame's body is a gigabyte of zeros, compressed to what may be
 *   claim   the same, and its own head says the length that the frame's head says
 *   longer  the head promises more literals than a frame may have
 *   ops     what is copied is that of a base that there is not
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zstd.h>

#include "transfer/frame.h"
#include "transfer/frame_private.h"

#define SIZE (2 * NODE_SIZE)
#define BOMB ((size_t)1 << 30)

static uint8_t content[SIZE];

static void write_all(FILE *f, const void *p, size_t n)
{
	if (fwrite(p, 1, n, f) != n)
		abort();
}

/* One frame of the whole content; what it says of it is up to the kind. */
static uint8_t *frame_of(const char *kind, size_t *ret_len)
{
	struct op op = {.kind = strcmp(kind, "ops") ? OP_LIT : OP_COPY, .n = SIZE / BLOCK_SIZE};
	struct frame_encoder *x = frame_encoder_new();
	struct hash leaves[NODE_BLOCKS], nodes[2];
	uint8_t *made = NULL, *buf;
	struct frame f = {.head = {.n_nodes = 2, .n_ops = 1, .n_hashes = 2},
			  .ops = &op,
			  .hashes = nodes,
			  .literals = content};

	for (unsigned k = 0; k < 2; k++) {
		for (unsigned i = 0; i < NODE_BLOCKS; i++)
			digest_bytes(content + k * NODE_SIZE + i * BLOCK_SIZE, BLOCK_SIZE,
				     &leaves[i]);
		digest_node(leaves, NODE_BLOCKS, &nodes[k]);
		nodes[k].b[0] ^= strcmp(kind, "hashes") == 0;
	}
	f.head.literals_len = op.kind == OP_LIT ? SIZE : 0;
	if (frame_encode(x, &f, NULL, 3, &made, ret_len) < 0)
		abort();
	buf = xcalloc(1, *ret_len);
	memcpy(buf, made, *ret_len);
	frame_encoder_free(x); /* with what it made */
	return buf;
}

/* In place of the frame's body, with the head's hash of it. */
static uint8_t *bomb_in(uint8_t *frame, bool claim, size_t *len)
{
	uint8_t *zeros = calloc(1, BOMB), *buf;
	struct frame_head h;
	size_t n = ZSTD_compressBound(BOMB), raw;

	if (!zeros || frame_head_decode(frame, SIZE, &h, NULL) < 0)
		abort();
	raw = frame_raw_len(&h);
	buf = xcalloc(1, FRAME_HEAD_SIZE + n);
	n = ZSTD_compress(buf + FRAME_HEAD_SIZE, n, zeros, BOMB, 1);
	if (ZSTD_isError(n) || n > raw)
		abort();
	/* Four bytes behind magic number, flags, and the window. */
	for (unsigned i = 0; claim && i < 4; i++)
		buf[FRAME_HEAD_SIZE + 6 + i] = (uint8_t)(raw >> 8 * i);
	h.compressed = true;
	h.body_len = (uint32_t)n;
	digest_bytes(buf + FRAME_HEAD_SIZE, n, &h.body_hash);
	frame_head_encode(&h, buf);
	*len = FRAME_HEAD_SIZE + n;
	free(zeros);
	free(frame);
	return buf;
}

int main(int argc, char **argv)
{
	struct bundle_header h = {.size = SIZE, .effort = 3, .n_frames = 1};
	char hex[HASH_HEX + 1];
	struct frame_head head;
	uint8_t *header, *frame;
	size_t len, n;
	struct hash id;
	FILE *f;

	if (argc != 4 || hash_parse(argv[2], &h.root) < 0)
		return 2;
	for (size_t i = 0; i < SIZE; i++)
		content[i] = (uint8_t)(i * 2654435761u >> 13);
	frame = frame_of(argv[1], &n);
	if (!strcmp(argv[1], "bomb") || !strcmp(argv[1], "claim"))
		frame = bomb_in(frame, argv[1][0] == 'c', &n);
	if (!strcmp(argv[1], "longer") && frame_head_decode(frame, SIZE, &head, NULL) == 0) {
		head.literals_len = UINT32_MAX;
		frame_head_encode(&head, frame);
	}
	if (bundle_header_encode(&h, &header, &len, &id) < 0)
		return 1;
	f = fopen(argv[3], "w");
	if (!f)
		return 1;
	write_all(f, header, len);
	write_all(f, frame, n);
	if (fclose(f) != 0)
		return 1;
	puts(hash_hex(&id, hex));
	free(header);
	free(frame);
	return 0;
}
