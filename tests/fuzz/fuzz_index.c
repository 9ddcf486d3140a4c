/*
 * fuzz_index.c: opening an index file that anybody could have written, and reading all of it. The
 * header's checksum and the root are put right first, or no input would ever get past them.
 *
 * Input: a whole index file, or one in part.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "transfer/index_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Only where the records lie in the file as its header says. */
static void put_right(uint8_t *data, size_t size)
{
	struct index_header h;
	struct digest_tower t;
	struct hash leaf = {{0}};

	if (size < sizeof(h))
		return;
	memcpy(&h, data, sizeof(h));
	if (h.size <= FILE_SIZE_MAX && index_leaves_at(h.size) <= size) {
		digest_tower_init(&t);
		for (uint64_t i = 0; i < nodes_of(h.size); i++) {
			struct hash node;

			memcpy(&node, data + sizeof(h) + i * sizeof(struct index_record),
			       sizeof(node));
			digest_tower_add(&t, &node);
		}
		if (index_leaves_at(h.size) + sizeof(leaf) <= size && h.nonzero > 0)
			memcpy(&leaf, data + index_leaves_at(h.size), sizeof(leaf));
		else
			leaf = hash_zero_block;
		digest_tower_root(&t, h.size, &leaf, &h.root);
		h.known = h.root;
	}
	digest_bytes(&h, offsetof(struct index_header, sum), &h.sum);
	memcpy(data, &h, sizeof(h));
}

static void read_all(const struct index *x)
{
	volatile uint8_t sum = 0;
	const uint64_t *hooks;
	unsigned bits;
	size_t n;

	for (uint64_t i = 0; i < blocks_of(index_size(x)); i++)
		sum = (uint8_t)(sum + index_leaf(x, i)->b[HASH_SIZE - 1]);
	for (uint64_t i = 0; i < nodes_of(index_size(x)); i++)
		sum = (uint8_t)(sum + index_node(x, i)->b[HASH_SIZE - 1]);
	hooks = index_hooks(x, &n, &bits);
	for (size_t i = 0; i < n; i++)
		sum = (uint8_t)(sum + hooks[i]);
}

static void try_file(const uint8_t *data, size_t size)
{
	char path[] = "/tmp/spokesync-fuzz-XXXXXX";
	int fd = mkstemp(path);
	struct index *x;
	struct err e;

	if (fd < 0)
		abort();
	if (write(fd, data, size) != (ssize_t)size)
		abort();
	for (unsigned part = 0; part < 2; part++) {
		if (index_open_kind(AT_FDCWD, path, part, &x, &e) < 0)
			continue;
		read_all(x);
		index_unref(x);
	}
	close(fd);
	unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size + 1);

	memcpy(copy, data, size);
	try_file(copy, size);
	put_right(copy, size);
	try_file(copy, size);
	free(copy);
	return 0;
}
