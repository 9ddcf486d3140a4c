/*
 * delta_cpu.c: what a file's SHA-256 tree and the scan for its anchors cost one core: "SECONDS
 * SECONDS", by the thread's clock, reading not counted. What delta.sh holds the index of a large
 * image against.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "transfer/anchors_writer.h"
#include "transfer/digest.h"

#define PIECE (8u * NODE_SIZE)

static double cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void hash_piece(struct digest_tower *tower, const uint8_t *data, size_t len)
{
	struct hash leaves[NODE_BLOCKS], node;

	for (size_t at = 0; at < len; at += NODE_SIZE) {
		size_t part = MIN(len - at, (size_t)NODE_SIZE);

		digest_blocks(data + at, part, leaves);
		digest_node(leaves, (unsigned)blocks_of(part), &node);
		digest_tower_add(tower, &node);
	}
}

static unsigned long scan_piece(struct anchor_scan *scan, const uint8_t *data, size_t len)
{
	unsigned long found = 0;
	struct anchor anchor;

	for (size_t b = 0; b < len; b += BLOCK_SIZE) {
		size_t at = 0;

		anchor_scan_reset(scan);
		while (anchor_scan_next(scan, ANCHOR_BITS, data + b,
					MIN(len - b, (size_t)BLOCK_SIZE), &at, &anchor))
			found++;
	}
	return found;
}

int main(int argc, char **argv)
{
	uint8_t *data = malloc(PIECE);
	double hash = 0, scan = 0;
	unsigned long found = 0;
	struct digest_tower tower;
	struct anchor_scan anchors;
	ssize_t n;
	int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0 || data == NULL) {
		fprintf(stderr, "usage: delta_cpu FILE\n");
		return 2;
	}
	digest_tower_init(&tower);
	anchor_scan_init(&anchors);
	while ((n = read(fd, data, PIECE)) > 0) {
		double t0 = cpu(), t1;

		hash_piece(&tower, data, (size_t)n);
		t1 = cpu();
		found += scan_piece(&anchors, data, (size_t)n);
		hash += t1 - t0;
		scan += cpu() - t1;
	}
	printf("%.3f %.3f\n", hash, scan);
	fprintf(stderr, "%lu anchors\n", found);
	free(data);
	close(fd);
	return n < 0;
}
