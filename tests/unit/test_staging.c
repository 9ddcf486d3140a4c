/*
 * test_staging.c: a content built out of bundles: literals, copies, same nodes by reflink or fill,
 * lies, crashes between commits, and bases that are not what they were. On XFS: what of it is
 * written, and what is shared.
 */
#include "transfer/staging.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "transfer/extents.h"
#include "transfer/index.h"

#include "mounted.h"

struct fixture {
	char dir[600];
	struct mounted m;
	struct store *store;
	struct assembler *as;
};

static int setup_in(struct fixture *f, const char *dir, void **state)
{
	struct err e = {""};

	snprintf(f->dir, sizeof(f->dir), "%s/test_staging.XXXXXX", dir);
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(store_open(f->dir, &f->store, &e), 0);
	f->as = assembler_new(NULL);
	*state = f;
	return 0;
}

static int setup(void **state)
{
	return setup_in(xcalloc(1, sizeof(struct fixture)), "/tmp", state);
}

/* *state stays NULL where the machine does not let us. */
static int setup_xfs(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	if (mounted_new(&f->m, "xfs", "rw"))
		return setup_in(f, f->m.t.path, state);
	free(f);
	*state = NULL;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char cmd[700];

	if (!f)
		return 0;
	store_close(f->store);
	assembler_free(f->as);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", f->dir);
	assert_int_equal(system(cmd), 0);
	mounted_done(&f->m);
	free(f);
	return 0;
}

/* A file of n bytes that depend on seed; every 7th block is zero. */
static uint8_t *content(size_t n, unsigned seed)
{
	uint8_t *p = xcalloc(1, n + 1);
	size_t i;

	srandom(seed);
	for (i = 0; i < n; i++)
		p[i] = (i / BLOCK_SIZE) % 7 == 3 ? 0 : (uint8_t)random();
	return p;
}

static int put_file(struct fixture *f, const char *name, const uint8_t *data, size_t n,
		    struct identity *id, struct hash *root)
{
	struct err e = {""};
	struct stat st;
	char path[700];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, n), n);
	assert_int_equal(index_build(fd, f->store->index_fd, NULL, NULL, root, &e), 0);
	assert_int_equal(fstat(fd, &st), 0);
	identity_of(&st, id);
	return fd;
}

static void root_of(const uint8_t *data, size_t n, struct hash *ret, struct hash *nodes)
{
	uint64_t i, k;

	for (i = 0; i < nodes_of(n); i++) {
		struct hash leaves[NODE_BLOCKS];
		uint64_t blocks = MIN(blocks_of(n) - i * NODE_BLOCKS, (uint64_t)NODE_BLOCKS);

		for (k = 0; k < blocks; k++) {
			uint64_t at = i * NODE_SIZE + k * BLOCK_SIZE;

			digest_block(data + at, MIN(n - at, (uint64_t)BLOCK_SIZE), &leaves[k]);
		}
		digest_node(leaves, (unsigned)blocks, &nodes[i]);
	}
	digest_root(n, nodes, NULL, ret);
}

struct bundle_bytes {
	uint8_t *p;
	size_t n;
	struct hash id;
	size_t header;
};

static void add(struct bundle_bytes *b, const uint8_t *p, size_t n)
{
	b->p = xrealloc(b->p, b->n + n);
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

static void begin(struct bundle_bytes *b, const struct hash *root, uint64_t size, uint32_t frames,
		  const struct hash *bases, unsigned n_bases, uint8_t nonce)
{
	struct bundle_header h = {.root = *root, .size = size, .effort = 3, .n_frames = frames};
	uint8_t *p;
	size_t n;

	memset(b, 0, sizeof(*b));
	h.n_bases = n_bases;
	if (n_bases)
		memcpy(h.bases, bases, n_bases * sizeof(*bases));
	memset(h.nonce, nonce, sizeof(h.nonce));
	assert_int_equal(bundle_header_encode(&h, &p, &n, &b->id), 0);
	add(b, p, n);
	free(p);
	b->header = n;
}

static void frame(struct bundle_bytes *b, uint32_t index, uint32_t first, uint32_t n,
		  const struct op *ops, uint32_t n_ops, const struct hash *hashes,
		  uint32_t n_hashes, const uint8_t *literals, uint32_t len)
{
	struct frame_encoder *x = frame_encoder_new();
	struct frame f = {.head = {.index = index,
				   .first_node = first,
				   .n_nodes = n,
				   .n_ops = n_ops,
				   .n_hashes = n_hashes,
				   .literals_len = len},
			  .ops = ops,
			  .hashes = hashes,
			  .literals = literals};
	uint8_t *p;
	size_t size;

	assert_int_equal(frame_encode(x, &f, NULL, 3, &p, &size), 0);
	add(b, p, size);
	frame_encoder_free(x);
}

/* Bytes of a bundle as a PUT brings them: spooled as far as there is room, applied. */
static int take(struct staging *st, int spool, uint64_t at, const uint8_t *p, size_t n,
		struct err *e)
{
	size_t len;
	int r = 0;

	for (; n > 0 && r >= 0; at += len, p += len, n -= len) {
		len = (size_t)MIN(n, staging_room(st) - at);
		assert_true(len > 0);
		assert_int_equal(staging_spool(spool, at, p, len), 0);
		for (r = staging_apply(st, len, e); r > 0;)
			r = staging_apply(st, 0, e);
	}
	return r;
}

/* n bytes of the bundle from offset `at` on. */
static int feed(struct staging *st, const struct bundle_bytes *b, uint64_t at, size_t n,
		struct err *e)
{
	int spool, r = staging_begin(st, &b->id, at, &spool);

	if (r < 0)
		return r;
	r = take(st, spool, at, b->p + at, n, e);
	close(spool);
	return r;
}

static void check_image(struct fixture *f, const struct hash *root, const uint8_t *data, size_t n)
{
	char path[800], hex[HASH_HEX + 1];
	uint8_t *got = xcalloc(1, n + 1);
	FILE *in;

	snprintf(path, sizeof(path), "%s/.spokesync/staging/%s/image", f->dir, hash_hex(root, hex));
	in = fopen(path, "r");
	assert_non_null(in);
	assert_int_equal(fread(got, 1, n + 1, in), n);
	assert_memory_equal(got, data, n);
	fclose(in);
	free(got);
}

#define SIZE (3 * NODE_SIZE + 5 * BLOCK_SIZE + 100)

static uint64_t told(struct staging *st)
{
	struct wire_position p;
	uint64_t at;

	staging_position(st, false, &p);
	at = p.offset;
	wire_position_done(&p);
	return at;
}

static uint64_t spool_blocks(struct fixture *f, const struct hash *root)
{
	char path[800], hex[HASH_HEX + 1];
	struct stat sb;

	snprintf(path, sizeof(path), "%s/.spokesync/staging/%s/spool", f->dir, hash_hex(root, hex));
	assert_int_equal(stat(path, &sb), 0);
	return (uint64_t)sb.st_blocks;
}

/* The part of a frame: written only where it is asked for, and then it stays told. */
static void test_part_of_a_frame(void **state)
{
	struct fixture *f = *state;
	uint8_t *data = content(SIZE, 1);
	struct hash root, nodes[4];
	struct bundle_bytes b;
	struct op two = {OP_LIT, 0, 0, 2 * NODE_BLOCKS}, rest = {OP_LIT, 0, 0, NODE_BLOCKS + 6};
	struct staging *st;
	struct err e = {""};
	uint64_t whole, at;

	root_of(data, SIZE, &root, nodes);
	begin(&b, &root, SIZE, 2, NULL, 0, 1);
	frame(&b, 0, 0, 2, &two, 1, nodes, 2, data, 2 * NODE_SIZE);
	whole = b.n;
	frame(&b, 1, 2, 2, &rest, 1, nodes + 2, 2, data + 2 * NODE_SIZE, SIZE - 2 * NODE_SIZE);
	assert_int_equal(staging_create(f->store, f->as, &root, SIZE, &st, &e), 0);
	at = whole + 30000;
	assert_int_equal(feed(st, &b, 0, at, &e), 0);
	assert_int_equal(staging_commit_group(st), 0);
	assert_int_equal(told(st), whole);
	assert_int_equal(staging_received(st), at);
	assert_int_equal(spool_blocks(f, &root), 0);
	assert_int_equal(staging_rest(st), 0);
	assert_int_equal(told(st), at);
	assert_in_range(spool_blocks(f, &root), 30000 / 512, 30000 / 512 + 16); /* whole pages */
	assert_int_equal(staging_apply(st, 0, &e), -EBADMSG); /* nothing comes now */
	assert_int_equal(feed(st, &b, at, 5000, &e), 0);
	assert_int_equal(staging_commit_group(st), 0);
	assert_int_equal(told(st), at);
	staging_close(st);
	assert_int_equal(staging_open(f->store, f->as, &root, &st, &e), 0);
	assert_int_equal(told(st), at);
	assert_int_equal(feed(st, &b, at, b.n - at, &e), 0);
	assert_int_equal(staging_rest(st), 0);
	assert_int_equal(staging_finish(st, true, NULL, &e), 0);
	check_image(f, &root, data, SIZE);
	staging_close(st);
	assert_int_equal(staging_discard(f->store, &root), 0);
	free(b.p);
	free(data);
}

/* What was told cannot be read any more: the bundle comes again from its start, and proves. */
static void test_lost_spool(void **state)
{
	struct fixture *f = *state;
	uint8_t *data = content(NODE_SIZE, 3);
	struct hash root, node;
	struct bundle_bytes b;
	struct op all = {OP_LIT, 0, 0, NODE_BLOCKS};
	char path[800], hex[HASH_HEX + 1];
	struct wire_position p;
	struct staging *st;
	struct err e = {""};

	root_of(data, NODE_SIZE, &root, &node);
	begin(&b, &root, NODE_SIZE, 1, NULL, 0, 1);
	frame(&b, 0, 0, 1, &all, 1, &node, 1, data, NODE_SIZE);
	assert_int_equal(staging_create(f->store, f->as, &root, NODE_SIZE, &st, &e), 0);
	assert_int_equal(feed(st, &b, 0, b.n - 1, &e), 0);
	assert_int_equal(staging_rest(st), 0);
	snprintf(path, sizeof(path), "%s/.spokesync/staging/%s/spool", f->dir,
		 hash_hex(&root, hex));
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(feed(st, &b, b.n - 1, 1, &e), -ERANGE);
	staging_position(st, false, &p);
	assert_false(p.has_bundle);
	wire_position_done(&p);
	assert_int_equal(feed(st, &b, 0, b.n, &e), 0);
	assert_int_equal(staging_rest(st), 0);
	assert_int_equal(staging_finish(st, false, NULL, &e), 0);
	check_image(f, &root, data, NODE_SIZE);
	staging_close(st);
	assert_int_equal(staging_discard(f->store, &root), 0);
	free(b.p);
	free(data);
}

/* All literal, in two frames; bytes come in odd pieces, with a crash after each of them. */
static void test_literals_and_crashes(void **state)
{
	struct fixture *f = *state;
	uint8_t *data = content(SIZE, 1);
	struct hash root, nodes[4];
	struct bundle_bytes b;
	struct op two = {OP_LIT, 0, 0, 2 * NODE_BLOCKS}, rest = {OP_LIT, 0, 0, NODE_BLOCKS + 6};
	struct wire_position p;
	struct staging *st;
	struct err e = {""};
	uint64_t at = 0;

	root_of(data, SIZE, &root, nodes);
	begin(&b, &root, SIZE, 2, NULL, 0, 1);
	frame(&b, 0, 0, 2, &two, 1, nodes, 2, data, 2 * NODE_SIZE);
	frame(&b, 1, 2, 2, &rest, 1, nodes + 2, 2, data + 2 * NODE_SIZE, SIZE - 2 * NODE_SIZE);
	assert_int_equal(staging_create(f->store, f->as, &root, SIZE, &st, &e), 0);
	/* The header was taken and noted, and the crash came before the commit. */
	assert_int_equal(feed(st, &b, 0, b.header + 1000, &e), 0);
	staging_close(st);
	assert_int_equal(staging_open(f->store, f->as, &root, &st, &e), 0);
	staging_position(st, false, &p);
	at = p.offset;
	assert_true(at == 0 || at == b.header);
	wire_position_done(&p);
	while (at < b.n) {
		size_t n = MIN(b.n - at, (size_t)100001);

		assert_int_equal(feed(st, &b, at + 1, 1, &e), -ERANGE);
		assert_int_equal(feed(st, &b, at, n, &e), 0);
		assert_int_equal(staging_commit(st), 0);
		/* Written and not committed: gone after the crash. */
		if (at + n < b.n)
			assert_int_equal(feed(st, &b, at + n, MIN(b.n - at - n, 5000u), &e), 0);
		staging_close(st);
		at += n;
		assert_int_equal(staging_open(f->store, f->as, &root, &st, &e), 0);
		staging_position(st, true, &p);
		assert_int_equal(p.offset, at);
		assert_true(p.has_bundle && hash_equal(&p.bundle, &b.id));
		assert_false(p.staged);
		wire_position_done(&p);
	}
	assert_true(staging_complete(st));
	staging_position(st, true, &p);
	assert_true(p.complete);
	assert_int_equal(p.proven_bytes, SIZE);
	assert_int_equal(p.n_proven, 1);
	assert_int_equal(p.proven[0].n, 4);
	wire_position_done(&p);
	assert_int_equal(staging_finish(st, true, NULL, &e), 0);
	assert_true(staging_is_staged(st));
	check_image(f, &root, data, SIZE);
	staging_close(st);
	assert_int_equal(staging_open(f->store, f->as, &root, &st, &e), 0);
	assert_true(staging_is_staged(st));
	staging_close(st);
	assert_int_equal(staging_discard(f->store, &root), 0);
	assert_int_equal(staging_open(f->store, f->as, &root, &st, &e), -ENOENT);
	free(b.p);
	free(data);
}

/* A node whose bytes are not what its hash says: told as failed, repaired by another bundle. */
static void test_lie_costs_a_node(void **state)
{
	struct fixture *f = *state;
	uint8_t *data = content(SIZE, 2), *lie = content(SIZE, 2);
	struct hash root, nodes[4];
	struct bundle_bytes b, repair;
	struct op all = {OP_LIT, 0, 0, 3 * NODE_BLOCKS + 6}, one = {OP_LIT, 0, 0, NODE_BLOCKS};
	struct wire_position p;
	struct staging *st;
	struct err e = {""};

	lie[NODE_SIZE + 17] ^= 1;
	root_of(data, SIZE, &root, nodes);
	begin(&b, &root, SIZE, 1, NULL, 0, 1);
	frame(&b, 0, 0, 4, &all, 1, nodes, 4, lie, SIZE);
	begin(&repair, &root, SIZE, 1, NULL, 0, 2);
	frame(&repair, 0, 1, 1, &one, 1, nodes + 1, 1, data + NODE_SIZE, NODE_SIZE);
	assert_int_equal(staging_create(f->store, f->as, &root, SIZE, &st, &e), 0);
	assert_int_equal(feed(st, &b, 0, b.n, &e), 0);
	assert_int_equal(staging_commit(st), 0);
	staging_close(st);
	assert_int_equal(staging_open(f->store, f->as, &root, &st, &e), 0);
	staging_position(st, true, &p);
	assert_true(p.complete && !p.staged);
	assert_int_equal(p.n_failed, 1);
	assert_int_equal(p.failed[0].first, 1);
	assert_int_equal(p.failed[0].n, 1);
	assert_int_equal(p.n_proven, 2);
	wire_position_done(&p);
	assert_int_equal(staging_finish(st, false, NULL, &e), -EAGAIN);
	assert_int_equal(feed(st, &repair, 0, repair.n, &e), 0);
	assert_int_equal(staging_finish(st, false, NULL, &e), 0);
	check_image(f, &root, data, SIZE);
	staging_position(st, false, &p);
	assert_true(p.staged && p.n_failed == 0);
	wire_position_done(&p);
	staging_close(st);
	free(b.p);
	free(repair.p);
	free(data);
	free(lie);
}

/* Node 0 same, node 1 one literal among copies, node 2 from elsewhere, node 3 zero with a tail. */
static void delta(struct fixture *f, bool drift, int expect)
{
	uint8_t *old = content(SIZE, 3), *data = content(SIZE, 3);
	struct hash root, base, nodes[4];
	struct identity id;
	struct identity_change ch, unpinned[STAGING_PINS_MAX];
	struct bundle_bytes b;
	struct op ops[] = {{OP_SAME, 0, 0, NODE_BLOCKS}, {OP_COPY, 0, 128, 5}, {OP_LIT, 0, 0, 1},
			   {OP_COPY, 0, 134, 122},	 {OP_COPY, 0, 1, 127}, {OP_COPY, 0, 0, 1},
			   {OP_ZERO, 0, 0, 5},		 {OP_LIT, 0, 0, 1}};
	struct wire_position p;
	struct staging *st;
	struct err e = {""};
	uint8_t lit[BLOCK_SIZE + 100];
	int fd, r;

	data[NODE_SIZE + 5 * BLOCK_SIZE] ^= 0xff;
	memcpy(data + 2 * NODE_SIZE, old + BLOCK_SIZE, 127 * BLOCK_SIZE);
	memcpy(data + 2 * NODE_SIZE + 127 * BLOCK_SIZE, old, BLOCK_SIZE);
	memset(data + 3 * NODE_SIZE, 0, 5 * BLOCK_SIZE);
	root_of(data, SIZE, &root, nodes);
	memcpy(lit, data + NODE_SIZE + 5 * BLOCK_SIZE, BLOCK_SIZE);
	memcpy(lit + BLOCK_SIZE, data + 3 * NODE_SIZE + 5 * BLOCK_SIZE, 100);
	fd = put_file(f, "base", old, SIZE, &id, &base);
	begin(&b, &root, SIZE, 1, &base, 1, 1);
	frame(&b, 0, 0, 4, ops, ARRAY_LEN(ops), nodes + 1, 3, lit, sizeof(lit));
	assert_int_equal(staging_create(f->store, f->as, &root, SIZE, &st, &e), 0);
	assert_int_equal(staging_pin(st, &base, fd, &id, &ch, &e), 0);
	assert_int_equal(staging_commit(st), 0);
	assert_true(staging_has_pin(st, &base));
	if (drift) /* written through the hard link, as nobody should */
		assert_int_equal(pwrite(fd, "drift", 5, 20), 5);
	r = feed(st, &b, 0, b.n, &e);
	while (r >= 0 && (r = staging_fill(st, NODE_SIZE)) > 0)
		;
	assert_int_equal(r, expect);
	if (expect == 0) {
		assert_true(staging_complete(st));
		assert_int_equal(staging_finish(st, true, NULL, &e), 0);
		check_image(f, &root, data, SIZE);
		assert_int_equal(staging_unpin(st, unpinned), f->store->reflink ? 0 : 1);
	} else {
		struct hash bad;

		staging_position(st, false, &p);
		assert_int_equal(p.refused, REFUSED_NO_BASE);
		assert_int_equal(p.n_have, 0);
		assert_int_equal(staging_bad_bases(st, &bad, 1), 1);
		assert_true(hash_equal(&bad, &base));
		assert_false(staging_has_pin(st, &base));
		wire_position_done(&p);
	}
	staging_close(st);
	close(fd);
	free(b.p);
	free(old);
	free(data);
}

static void test_delta(void **state)
{
	delta(*state, false, 0);
}

/* Bytes of a base from any place to any place, over the ends of blocks and nodes. */
static void patch(struct fixture *f, uint64_t lie, bool drift, int expect)
{
	uint8_t *old = content(SIZE, 3), *data = xcalloc(1, SIZE);
	struct hash root, base, nodes[4];
	struct identity id;
	struct identity_change ch, unpinned[STAGING_PINS_MAX];
	struct part parts[] = {{1000, NODE_SIZE + 7, 0, true},
			       {0, 300, 0, false},
			       {5 + lie, NODE_SIZE, 0, true},
			       {SIZE - 20, 20, 0, true},
			       {0, 0, 0, false}};
	struct op op = {OP_PATCH, ARRAY_LEN(parts), 0, 3 * NODE_BLOCKS + 6};
	struct frame fr = {.head = {.n_nodes = 4, .n_ops = 1, .n_hashes = 4}, .ops = &op};
	struct frame_encoder *x = frame_encoder_new();
	struct wire_position p;
	struct bundle_bytes b;
	struct staging *st;
	struct err e = {""};
	uint8_t *lit, *bytes;
	size_t at, len;
	int fd;

	memcpy(data, old + 1000, NODE_SIZE + 7);
	memset(data + NODE_SIZE + 7, 'x', 300);
	at = NODE_SIZE + 307;
	memcpy(data + at, old + 5, NODE_SIZE);
	memcpy(data + at + NODE_SIZE, old + SIZE - 20, 20);
	at += NODE_SIZE + 20;
	memset(data + at, 'y', SIZE - at);
	lit = xcalloc(1, 300 + SIZE - at);
	memset(lit, 'x', 300);
	memset(lit + 300, 'y', SIZE - at);
	parts[4].len = (uint32_t)(SIZE - at);
	root_of(data, SIZE, &root, nodes);
	fd = put_file(f, "base", old, SIZE, &id, &base);
	begin(&b, &root, SIZE, 1, &base, 1, 1);
	fr.head.n_parts = ARRAY_LEN(parts);
	fr.head.literals_len = (uint32_t)(300 + SIZE - at);
	fr.parts = parts;
	fr.hashes = nodes;
	fr.literals = lit;
	assert_int_equal(frame_encode(x, &fr, NULL, 3, &bytes, &len), 0);
	add(&b, bytes, len);
	assert_int_equal(staging_create(f->store, f->as, &root, SIZE, &st, &e), 0);
	assert_int_equal(staging_pin(st, &base, fd, &id, &ch, &e), 0);
	if (drift)
		assert_int_equal(pwrite(fd, "drift", 5, 1020), 5);
	assert_int_equal(feed(st, &b, 0, b.n, &e), expect);
	staging_position(st, false, &p);
	if (expect == 0 && lie) { /* only the nodes that it went into */
		assert_int_equal(staging_commit(st), 0);
		wire_position_done(&p);
		staging_position(st, false, &p);
		assert_int_equal(p.n_failed, 1);
		assert_int_equal(p.failed[0].first, 1);
		assert_int_equal(p.failed[0].n, 2);
	} else if (expect == 0) {
		assert_int_equal(staging_finish(st, true, NULL, &e), 0);
		check_image(f, &root, data, SIZE);
	}
	wire_position_done(&p);
	(void)staging_unpin(st, unpinned);
	staging_close(st);
	frame_encoder_free(x);
	close(fd);
	free(b.p);
	free(lit);
	free(old);
	free(data);
}

static void test_patch(void **state)
{
	patch(*state, 0, false, 0);
}

static void test_patch_lies(void **state)
{
	patch(*state, 1, false, 0);
}

static void test_patch_beyond(void **state)
{
	patch(*state, SIZE, false, -EBADMSG);
}

static void test_patch_drifted(void **state)
{
	struct fixture *f = *state;

	if (f->store->reflink)
		skip();
	patch(f, 0, true, -ESTALE);
}

/* All as literals, compressed with the base's blocks; `shift`: with others than the frame says. */
static void prefix(struct fixture *f, uint64_t shift, bool drift, int expect)
{
	uint8_t *old = content(SIZE, 3), *data = content(SIZE, 3), *bytes;
	uint8_t *padded = xcalloc(1, SIZE + BLOCK_SIZE);
	struct prefix_run run = {shift, (uint32_t)blocks_of(SIZE), 0};
	struct op op = {OP_LIT, 0, 0, (uint32_t)blocks_of(SIZE)};
	struct frame fr = {.head = {.n_nodes = 4,
				    .n_ops = 1,
				    .n_hashes = 4,
				    .literals_len = SIZE,
				    .n_prefix = 1},
			   .ops = &op,
			   .prefix = &run};
	struct frame_encoder *x = frame_encoder_new();
	struct identity_change ch, unpinned[STAGING_PINS_MAX];
	struct hash root, base, nodes[4];
	struct wire_position p;
	struct bundle_bytes b;
	struct identity id;
	struct staging *st;
	struct err e = {""};
	size_t len;
	int fd;

	for (size_t i = 30; i < SIZE; i += 60)
		data[i] ^= 1;
	memcpy(padded, old, SIZE);
	root_of(data, SIZE, &root, nodes);
	fd = put_file(f, "base", old, SIZE, &id, &base);
	begin(&b, &root, SIZE, 1, &base, 1, 1);
	fr.hashes = nodes;
	fr.literals = data;
	assert_int_equal(frame_encode(x, &fr, padded, 3, &bytes, &len), 0);
	assert_true(len < SIZE / 5);
	add(&b, bytes, len);
	assert_int_equal(staging_create(f->store, f->as, &root, SIZE, &st, &e), 0);
	assert_int_equal(staging_pin(st, &base, fd, &id, &ch, &e), 0);
	if (drift)
		assert_int_equal(pwrite(fd, "drift", 5, 2 * NODE_SIZE), 5);
	assert_int_equal(feed(st, &b, 0, b.n, &e), expect);
	assert_int_equal(staging_commit(st), 0);
	staging_position(st, false, &p);
	if (expect == 0 && shift == 0) {
		assert_int_equal(staging_finish(st, true, NULL, &e), 0);
		check_image(f, &root, data, SIZE);
	} else if (expect == 0) { /* the frame, no more, and it is consumed */
		assert_int_equal(p.offset, b.n);
		assert_int_equal(p.n_failed, 1);
		assert_int_equal(p.failed[0].first, 0);
		assert_int_equal(p.failed[0].n, 4);
	} else {
		assert_int_equal(p.refused, REFUSED_NO_BASE);
		assert_false(staging_has_pin(st, &base));
	}
	wire_position_done(&p);
	(void)staging_unpin(st, unpinned);
	staging_close(st);
	frame_encoder_free(x);
	close(fd);
	free(b.p);
	free(padded);
	free(old);
	free(data);
}

static void test_prefix(void **state)
{
	prefix(*state, 0, false, 0);
}

static void test_prefix_beyond(void **state)
{
	prefix(*state, 1, false, 0);
}

static void test_prefix_drifted(void **state)
{
	struct fixture *f = *state;

	if (f->store->reflink)
		skip();
	prefix(f, 0, true, -ESTALE);
}

static void test_drifted_base(void **state)
{
	struct fixture *f = *state;

	if (f->store->reflink)
		skip(); /* a clone does not notice */
	delta(f, true, -ESTALE);
}

static void test_recorded_identity(void **state)
{
	struct fixture *f = *state;
	uint8_t *data = content(SIZE, 4);
	struct identity id;
	struct identity_change ch;
	struct hash base, root = {{1}};
	struct staging *st;
	struct err e = {""};
	int fd = put_file(f, "base", data, SIZE, &id, &base);

	assert_int_equal(staging_create(f->store, f->as, &root, SIZE, &st, &e), 0);
	id.mtime.tv_nsec ^= 1;
	assert_int_equal(staging_pin(st, &base, fd, &id, &ch, &e), -ESTALE);
	assert_false(staging_has_pin(st, &base));
	staging_close(st);
	close(fd);
	free(data);
}

/* A copy of a base that cannot be shared: many nodes, some of them holes, in stretches. */
static void test_fill(void **state)
{
	struct fixture *f = *state;
	const size_t size = 23 * NODE_SIZE + 3 * BLOCK_SIZE + 5;
	uint8_t *data = content(size, 8);
	struct op all = {OP_SAME, 0, 0, (uint32_t)blocks_of(size)};
	struct identity_change ch;
	struct bundle_bytes b;
	struct wire_position p;
	struct identity id;
	struct staging *st;
	struct err e = {""};
	struct hash root;
	unsigned calls;
	int fd, r;

	memset(data + 7 * NODE_SIZE, 0, 4 * NODE_SIZE);
	fd = put_file(f, "base", data, size, &id, &root);
	begin(&b, &root, size, 1, &root, 1, 1);
	frame(&b, 0, 0, 24, &all, 1, NULL, 0, NULL, 0);
	assert_int_equal(staging_create(f->store, f->as, &root, size, &st, &e), 0);
	assert_int_equal(staging_pin(st, &root, fd, &id, &ch, &e), 0);
	assert_int_equal(feed(st, &b, 0, b.n, &e), 0);
	assert_int_equal(staging_filling(st), !f->store->reflink);
	/* No frame is needed for what is being copied: another bundle leaves it out. */
	staging_position(st, true, &p);
	assert_int_equal(p.n_proven, 1);
	assert_int_equal(p.proven[0].n, 24);
	wire_position_done(&p);
	for (calls = 0; (r = staging_fill(st, 5 * NODE_SIZE)) > 0; calls++)
		;
	assert_int_equal(r, 0);
	assert_int_equal(calls, f->store->reflink ? 0 : 4);
	assert_false(staging_filling(st));
	assert_true(staging_complete(st));
	assert_true(staging_disk_bytes(st) <= (23 - 4 + 1) * NODE_SIZE);
	staging_close(st); /* all of it was committed */
	assert_int_equal(staging_open(f->store, f->as, &root, &st, &e), 0);
	staging_position(st, false, &p);
	assert_int_equal(p.proven_bytes, size);
	wire_position_done(&p);
	assert_int_equal(staging_finish(st, false, NULL, &e), 0);
	check_image(f, &root, data, size);
	staging_close(st);
	close(fd);
	free(b.p);
	free(data);
}

static void test_nonsense(void **state)
{
	struct fixture *f = *state;
	uint8_t *data = content(SIZE, 5);
	struct hash root, nodes[4], other = {{7}};
	struct bundle_bytes b;
	struct wire_position p;
	struct staging *st;
	struct err e = {""};
	int spool;

	root_of(data, SIZE, &root, nodes);
	begin(&b, &root, SIZE, 1, NULL, 0, 1);
	assert_int_equal(staging_create(f->store, f->as, &root, SIZE, &st, &e), 0);
	assert_int_equal(staging_apply(st, 0, &e), -EBADMSG);	   /* nothing was begun */
	assert_int_equal(staging_begin(st, &other, 0, &spool), 0); /* not the header's hash */
	assert_int_equal(take(st, spool, 0, b.p, b.n, &e), -EBADMSG);
	close(spool);
	assert_int_equal(staging_begin(st, &b.id, 0, &spool), 0);
	assert_int_equal(take(st, spool, 0, b.p, b.n, &e), 0);
	assert_int_equal(take(st, spool, b.n, data, 1000, &e), -EBADMSG); /* no frame */
	close(spool);
	staging_position(st, false, &p);
	assert_false(p.has_bundle);
	assert_int_equal(p.offset, 0);
	wire_position_done(&p);
	staging_close(st);
	free(b.p);
	free(data);
}

/* What a superseded transfer proved is taken over where the hub says that it is equal. */
static void test_adopt(void **state)
{
	struct fixture *f = *state;
	uint8_t *data = content(SIZE, 6), *next = content(SIZE, 6);
	struct hash root, root2, nodes[4], nodes2[4];
	struct bundle_bytes b;
	struct op op = {OP_LIT, 0, 0, 2 * NODE_BLOCKS};
	struct run same = {0, 4};
	struct wire_position p;
	struct staging *st, *st2;
	struct err e = {""};
	uint64_t at = 0;

	next[10] ^= 1;
	root_of(data, SIZE, &root, nodes);
	root_of(next, SIZE, &root2, nodes2);
	begin(&b, &root, SIZE, 2, NULL, 0, 1);
	frame(&b, 0, 0, 2, &op, 1, nodes, 2, data, 2 * NODE_SIZE);
	assert_int_equal(staging_create(f->store, f->as, &root, SIZE, &st, &e), 0);
	assert_int_equal(feed(st, &b, 0, b.n, &e), 0);
	assert_int_equal(staging_create(f->store, f->as, &root2, SIZE, &st2, &e), 0);
	same.first = 1;
	same.n = 3;
	assert_int_equal(staging_adopt(st2, st, &same, 1, UINT64_MAX, &at), 0);
	staging_position(st2, true, &p);
	assert_int_equal(p.n_proven, 1);
	assert_int_equal(p.proven[0].first, 1);
	assert_int_equal(p.proven[0].n, 1);
	wire_position_done(&p);
	staging_close(st);
	staging_close(st2);
	free(b.p);
	free(data);
	free(next);
}

/* Bytes of an image that it shares with no other file. */
static uint64_t own_bytes(struct fixture *f, const struct hash *root)
{
	char path[800], hex[HASH_HEX + 1];
	uint64_t own;
	int fd;

	snprintf(path, sizeof(path), "%s/.spokesync/staging/%s/image", f->dir, hash_hex(root, hex));
	fd = open(path, O_RDONLY);
	assert_int_equal(extents_own(fd, &own), 0);
	close(fd);
	return own;
}

#define EDITED 24u /* nodes, the last a short one; of each the first block is another */

/* Nodes first .. end as copies in place, each but for its first block, or for its last. */
static void edited_frame(struct bundle_bytes *b, uint32_t index, const uint8_t *data, size_t size,
			 unsigned first, unsigned end, const struct hash *nodes)
{
	struct op ops[2 * EDITED], *op = ops;
	uint8_t lit[EDITED * BLOCK_SIZE];
	uint32_t len = 0;

	for (unsigned i = first; i < end; i++) {
		uint32_t at = i * NODE_BLOCKS;
		uint32_t n = (uint32_t)MIN(blocks_of(size) - at, (uint64_t)NODE_BLOCKS);
		bool last = i == EDITED - 1; /* the last block of a file that became longer */
		size_t byte = (size_t)(at + (last ? n - 1 : 0)) * BLOCK_SIZE;
		uint32_t part = (uint32_t)MIN(size - byte, (size_t)BLOCK_SIZE);

		op[last] = (struct op){OP_LIT, 0, 0, 1};
		op[!last] = (struct op){OP_COPY, 0, last ? at : at + 1, n - 1};
		op += 2;
		memcpy(lit + len, data + byte, part);
		len += part;
	}
	frame(b, index, first, end - first, ops, 2 * (end - first), nodes + first, end - first, lit,
	      len);
}

/*
 * The spoke is killed when half of the nodes are durable, others are written, and one in part. What
 * was to be kept of the base is kept nevertheless.
 */
static void shared_after_crash(struct fixture *f, size_t base_size, size_t size)
{
	uint8_t *old = content(base_size, 9), *data = content(size, 9);
	struct hash root, base, nodes[EDITED];
	char path[800], hex[HASH_HEX + 1];
	struct identity_change ch;
	struct bundle_bytes b;
	struct identity id;
	struct staging *st;
	struct err e = {""};
	uint64_t half;
	int fd, image;

	for (unsigned i = 0; i < EDITED - 1; i++)
		memset(data + i * NODE_SIZE, (int)i + 1, BLOCK_SIZE);
	memset(data + size - 1, 0xee, 1);
	root_of(data, size, &root, nodes);
	fd = put_file(f, "base", old, base_size, &id, &base);
	begin(&b, &root, size, 2, &base, 1, 1);
	edited_frame(&b, 0, data, size, 0, EDITED / 2, nodes);
	half = b.n;
	edited_frame(&b, 1, data, size, EDITED / 2, EDITED, nodes);
	assert_int_equal(staging_create(f->store, f->as, &root, size, &st, &e), 0);
	assert_int_equal(staging_pin(st, &base, fd, &id, &ch, &e), 0);
	assert_int_equal(feed(st, &b, 0, half, &e), 0);
	assert_int_equal(staging_rest(st), 0);
	assert_int_equal(feed(st, &b, half, b.n - half, &e), 0);
	staging_close(st);
	snprintf(path, sizeof(path), "%s/.spokesync/staging/%s/image", f->dir,
		 hash_hex(&root, hex));
	image = open(path, O_WRONLY);
	assert_int_equal(pwrite(image, "torn", 4, (EDITED - 2) * NODE_SIZE + 70000), 4);
	assert_int_equal(pwrite(image, "torn", 4, (EDITED - 1) * NODE_SIZE + 70000), 4);
	close(image);
	assert_int_equal(staging_open(f->store, f->as, &root, &st, &e), 0);
	assert_int_equal(told(st), half);
	assert_int_equal(feed(st, &b, half, b.n - half, &e), 0);
	assert_int_equal(staging_finish(st, true, NULL, &e), 0);
	check_image(f, &root, data, size);
	assert_in_range(own_bytes(f, &root), EDITED * BLOCK_SIZE, (EDITED + 30) * BLOCK_SIZE);
	staging_close(st);
	close(fd);
	free(b.p);
	free(old);
	free(data);
}

static void test_shared_after_crash(void **state)
{
	const size_t size = (EDITED - 1) * NODE_SIZE + 30 * BLOCK_SIZE + 100;

	if (!*state)
		skip();
	shared_after_crash(*state, size, size);
}

/* Its last node cannot be shared once more: it ends elsewhere. */
static void test_shared_and_longer(void **state)
{
	const size_t size = (EDITED - 1) * NODE_SIZE + 30 * BLOCK_SIZE + 100;

	if (!*state)
		skip();
	shared_after_crash(*state, size, size + 17);
}

static void test_shared_and_shorter(void **state)
{
	const size_t size = (EDITED - 1) * NODE_SIZE + 30 * BLOCK_SIZE + 100;

	if (!*state)
		skip();
	shared_after_crash(*state, size + 17, size);
}

/*
 * Of a superseded transfer: what it shares with its base, its successor shares with it, too, whole
 * nodes and those of which one block is another.
 */
static void test_adopt_shares(void **state)
{
	const size_t size = EDITED * NODE_SIZE;
	uint8_t *old = content(size, 9), *data = content(size, 9);
	struct op same = {OP_SAME, 0, 0, EDITED / 2 * NODE_BLOCKS};
	struct hash root, next, base, nodes[EDITED];
	struct run all = {0, EDITED - 1};
	struct fixture *f = *state;
	struct identity_change ch;
	struct staging *st, *st2;
	struct bundle_bytes b;
	struct wire_position p;
	struct err e = {""};
	struct identity id;
	uint64_t at = 0;
	int fd;

	if (!f)
		skip();
	for (unsigned i = EDITED / 2; i < EDITED - 1; i++)
		memset(data + i * NODE_SIZE, (int)i + 1, BLOCK_SIZE);
	memset(data + size - 1, 0xdd, 1);
	root_of(data, size, &root, nodes);
	fd = put_file(f, "base", old, size, &id, &base);
	begin(&b, &root, size, 2, &base, 1, 1);
	frame(&b, 0, 0, EDITED / 2, &same, 1, NULL, 0, NULL, 0);
	edited_frame(&b, 1, data, size, EDITED / 2, EDITED, nodes);
	assert_int_equal(staging_create(f->store, f->as, &root, size, &st, &e), 0);
	assert_int_equal(staging_pin(st, &base, fd, &id, &ch, &e), 0);
	assert_int_equal(feed(st, &b, 0, b.n, &e), 0);
	memset(data + size - 1, 0xee, 1);
	root_of(data, size, &next, nodes);
	assert_int_equal(staging_create(f->store, f->as, &next, size, &st2, &e), 0);
	assert_int_equal(staging_pin(st2, &base, fd, &id, &ch, &e), 0);
	assert_int_equal(staging_adopt(st2, st, &all, 1, UINT64_MAX, &at), 0);
	staging_position(st2, false, &p);
	assert_int_equal(p.proven_bytes, size - NODE_SIZE);
	wire_position_done(&p);
	assert_in_range(own_bytes(f, &next), (EDITED / 2 - 1) * BLOCK_SIZE, EDITED * BLOCK_SIZE);
	free(b.p);
	begin(&b, &next, size, 1, &base, 1, 1);
	edited_frame(&b, 0, data, size, EDITED - 1, EDITED, nodes);
	assert_int_equal(feed(st2, &b, 0, b.n, &e), 0);
	assert_int_equal(staging_finish(st2, true, NULL, &e), 0);
	check_image(f, &next, data, size);
	staging_close(st);
	staging_close(st2);
	close(fd);
	free(b.p);
	free(old);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_literals_and_crashes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_part_of_a_frame, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_spool, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lie_costs_a_node, setup, teardown),
		cmocka_unit_test_setup_teardown(test_delta, setup, teardown),
		cmocka_unit_test_setup_teardown(test_patch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_patch_lies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_patch_beyond, setup, teardown),
		cmocka_unit_test_setup_teardown(test_patch_drifted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_prefix, setup, teardown),
		cmocka_unit_test_setup_teardown(test_prefix_beyond, setup, teardown),
		cmocka_unit_test_setup_teardown(test_prefix_drifted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drifted_base, setup, teardown),
		cmocka_unit_test_setup_teardown(test_recorded_identity, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fill, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nonsense, setup, teardown),
		cmocka_unit_test_setup_teardown(test_adopt, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shared_after_crash, setup_xfs, teardown),
		cmocka_unit_test_setup_teardown(test_shared_and_longer, setup_xfs, teardown),
		cmocka_unit_test_setup_teardown(test_shared_and_shorter, setup_xfs, teardown),
		cmocka_unit_test_setup_teardown(test_adopt_shares, setup_xfs, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
