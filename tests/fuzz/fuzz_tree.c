/*
 * fuzz_tree.c: the bodies of a descent: questions as a spoke takes them, answers and 202s as a hub
 * does, and an answer in the place of one that a hub waits for. The first byte says which. What
 * decodes is encoded and must decode again.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "transfer/learn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_ask(const uint8_t *body, size_t len)
{
	static uint8_t again[TREE_ASK_MAX];
	struct tree_ask a, b;
	struct err e;
	size_t n;

	if (tree_ask_decode(body, len, &a, &e) < 0)
		return;
	n = tree_ask_encode(&a, again);
	assert(n == len && memcmp(again, body, n) == 0);
	assert(tree_ask_decode(again, n, &b, &e) == 0);
	assert(a.n == b.n && a.n_runs == b.n_runs && a.n <= TREE_HASHES_MAX);
	tree_ask_done(&a);
	tree_ask_done(&b);
}

static void try_wait(const uint8_t *body, size_t len)
{
	uint64_t done, total, done2, total2;
	struct err e;
	char *text;

	if (tree_wait_decode((const char *)body, len, &done, &total, &e) < 0)
		return;
	text = tree_wait_encode(done, total);
	assert(tree_wait_decode(text, strlen(text), &done2, &total2, &e) == 0);
	assert(done == done2 && total == total2);
	free(text);
}

/* A small content, as what a hub wants to bring. */
static struct index *new_content(int dirfd)
{
	struct hash leaves[NODE_BLOCKS], root;
	char name[HASH_HEX + 1];
	struct index_writer *w;
	struct index *x;

	memset(leaves, 7, sizeof(leaves));
	if (index_writer_new(dirfd, 3 * NODE_SIZE, &w) < 0)
		abort();
	for (unsigned i = 0; i < 3; i++) {
		if (index_writer_node(w, i, leaves) < 0)
			abort();
	}
	if (index_writer_finish(w, &root) < 0 ||
	    index_open(dirfd, hash_hex(&root, name), &x, NULL) < 0)
		abort();
	index_writer_free(w);
	unlinkat(dirfd, name, 0);
	return x;
}

/* Each answer in turn is what the input has; the last serves for the rest. */
static void try_answers(const uint8_t *body, size_t len)
{
	static struct index *x;
	struct hash base = {{3}};
	struct tree_answer a;
	struct tree_ask ask;
	struct learn *l;
	struct err e;

	if (tree_answer_decode(body, len, &a, &e) < 0)
		return;
	assert(a.hashes + a.n * tree_hash_size(a.level) == body + len);
	if (x == NULL) {
		char path[] = "/tmp/spokesync-fuzz-XXXXXX";
		int fd;

		if (mkdtemp(path) == NULL || (fd = open(path, O_RDONLY | O_DIRECTORY)) < 0)
			abort();
		x = new_content(fd);
		close(fd);
		rmdir(path);
	}
	if (learn_new(x, &base, 3 * NODE_SIZE, &l) < 0)
		abort();
	for (unsigned i = 0; i < 8 && learn_next(l, &ask); i++) {
		a.level = ask.level;
		a.size = 3 * NODE_SIZE;
		a.n = tree_hashes(ask.level, ask.n);
		if ((size_t)(body + len - a.hashes) < a.n * tree_hash_size(a.level) ||
		    learn_answer(l, &a, NULL, &e) < 0)
			break;
	}
	learn_free(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const tries[])(const uint8_t *, size_t) = {try_ask, try_answers, try_wait};
	uint8_t *body;

	if (!size)
		return 0;
	body = malloc(size); /* of exactly its size: a read beyond it is seen */
	assert(body);
	memcpy(body, data + 1, size - 1);
	tries[data[0] % ARRAY_LEN(tries)](body, size - 1);
	free(body);
	return 0;
}
