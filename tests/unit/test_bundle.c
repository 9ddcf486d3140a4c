/*
 * test_bundle.c: random edits over random bases, indexed, planned, streamed, decoded and applied in
 * memory, must give the new content to the byte. Then what streams promise: resume after a restart,
 * frames shared and kept within the limit, a content that changed, repair, what is done is left
 * out.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ev.h>

#include "tests/unit/staged.h"
#include "tests/unit/temp.h"
#include "transfer/bundle_private.h"
#include "transfer/index_build.h"

#define BASES_MAX 3

/* One hub: a loop, a pool, a bundler over directories of its own. */
struct world {
	struct temp dir;
	int index_dir, cache_dir;
	struct ev_loop *loop;
	struct pool *pool;
	struct bundler *bundler;
	/* Whose old bytes are at hand. */
	const struct image *old[BASES_MAX];
	uint64_t patched;
	uint32_t prefixed;
	struct bundle *got;
	int error;
	bool answered;
	unsigned ready;
	unsigned threads; /* of the pool; 0: 2 */
};

struct image {
	uint8_t *bytes;
	uint64_t size;
	int fd;
	struct hash root;
};

static int old_bytes_of(void *arg, const struct hash *root, int *ret_fd)
{
	struct world *w = arg;

	for (unsigned i = 0; i < BASES_MAX; i++) {
		if (w->old[i] != NULL && hash_equal(root, &w->old[i]->root)) {
			*ret_fd = dup(w->old[i]->fd);
			return 0;
		}
	}
	return -ENOENT;
}

static void world_start(struct world *w, uint64_t cache_max)
{
	w->pool = pool_new(w->loop, w->threads > 0 ? w->threads : 2);
	w->bundler = bundler_new(w->pool, w->cache_dir, w->index_dir, cache_max);
	bundler_on_base(w->bundler, old_bytes_of, w);
}

static void world_stop(struct world *w)
{
	w->bundler = bundler_free(w->bundler);
	w->pool = pool_free(w->pool);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	temp_new_fast(&w->dir);
	mkdirat(w->dir.fd, "index", 0700);
	mkdirat(w->dir.fd, "cache", 0700);
	w->index_dir = openat(w->dir.fd, "index", O_RDONLY | O_DIRECTORY);
	w->cache_dir = openat(w->dir.fd, "cache", O_RDONLY | O_DIRECTORY);
	w->loop = ev_loop_new(0);
	world_start(w, 1 << 30);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	world_stop(w);
	ev_loop_destroy(w->loop);
	close(w->index_dir);
	close(w->cache_dir);
	temp_done(&w->dir);
	free(w);
	return 0;
}

static void image_index(struct world *w, struct image *i, const char *name)
{
	struct err e = {""};

	i->fd = temp_file(&w->dir, name);
	if (i->size > 0)
		temp_write(i->fd, i->bytes, i->size, 0);
	if (index_build(i->fd, w->index_dir, NULL, NULL, &i->root, &e) < 0)
		fail_msg("%s", e.text);
}

/* As a hub does that cannot keep the bytes: with sums of sectors, and places. */
static void image_index_sums(struct world *w, struct image *i, const char *name)
{
	struct index_builder *b;
	char hex[HASH_HEX + 1];
	struct index *x;
	struct err e = {""};

	i->fd = temp_file(&w->dir, name);
	if (i->size > 0)
		temp_write(i->fd, i->bytes, i->size, 0);
	assert_int_equal(index_builder_new(i->fd, w->index_dir, NULL, &b, &e), 0);
	assert_int_equal(index_builder_sectors(b, w->index_dir), 0);
	assert_int_equal(index_builder_anchors(b, w->index_dir), 0);
	while (index_builder_work(b, NULL) > 0)
		;
	assert_int_equal(index_builder_finish(b, &i->root, NULL, &e), 0);
	assert_int_equal(index_open(w->index_dir, hash_hex(&i->root, hex), &x, &e), 0);
	assert_int_equal(index_builder_finish_sectors(b, x), 0);
	assert_int_equal(index_builder_finish_anchors(b, &i->root), 0);
	index_unref(x);
	index_builder_free(b);
}

static void image_done(struct image *i)
{
	close(i->fd);
	free(i->bytes);
}

static struct content content_of(const struct image *i, bool live)
{
	struct content c = {.root = i->root, .size = i->size, .fd = i->fd, .live = live};
	struct stat st;

	assert_int_equal(fstat(i->fd, &st), 0);
	identity_of(&st, &c.identity);
	return c;
}

static void got(void *arg, int error, struct bundle *b)
{
	struct world *w = arg;

	w->answered = true;
	w->error = error;
	w->got = b;
}

static struct bundle *get(struct world *w, const struct content *c, const struct hash *bases,
			  unsigned n)
{
	struct bundle_ticket *t;

	w->answered = false;
	t = bundler_get(w->bundler, c, bases, n, got, w);
	assert_non_null(t);
	assert_false(w->answered);
	while (!w->answered)
		ev_run(w->loop, EVRUN_ONCE);
	assert_int_equal(w->error, 0);
	return w->got;
}

static void ready(void *arg)
{
	((struct world *)arg)->ready++;
}

/* Reads from offset until limit or the end, waiting where needed; the count or the error. */
static int64_t read_until(struct world *w, struct bundle_stream *s, uint64_t offset, uint8_t *buf,
			  uint64_t limit, size_t piece)
{
	uint64_t have = 0;

	stream_on_ready(s, ready, w);
	while (have < limit) {
		unsigned before = w->ready;
		int64_t n = stream_read(s, offset + have, buf + have, MIN(piece, limit - have));

		if (n == 0)
			break;
		if (n == -EAGAIN) {
			while (w->ready == before)
				ev_run(w->loop, EVRUN_ONCE);
			continue;
		}
		if (n < 0)
			return n;
		have += (uint64_t)n;
	}
	return (int64_t)have;
}

struct applied {
	uint8_t *out;
	bool *node_done;
	uint32_t frames;
	uint64_t patched;  /* bytes that PATCHes copied */
	uint32_t prefixed; /* frames with a prefix */
};

static void apply_patch(struct applied *a, const struct frame *f, const struct op *op,
			uint64_t block, uint64_t *lit, const struct image *const *bases)
{
	uint8_t *to = a->out + block * BLOCK_SIZE;

	for (uint32_t i = 0; i < op->base; i++) {
		const struct part *part = &f->parts[op->src + i];

		if (part->copy) {
			assert_true(part->src + part->len <= bases[part->base]->size);
			memcpy(to, bases[part->base]->bytes + part->src, part->len);
			a->patched += part->len;
		} else {
			memcpy(to, f->literals + *lit, part->len);
			*lit += part->len;
		}
		to += part->len;
	}
}

static void apply_frame(struct applied *a, const struct frame *f, uint64_t size,
			const struct image *const *bases)
{
	uint64_t block = (uint64_t)f->head.first_node * NODE_BLOCKS, lit = 0;

	for (uint32_t i = 0; i < f->head.n_ops; i++) {
		const struct op *op = &f->ops[i];

		if (op->kind == OP_PATCH) {
			apply_patch(a, f, op, block, &lit, bases);
			block += op->n;
			continue;
		}
		for (uint32_t k = 0; k < op->n; k++, block++) {
			uint64_t at = block * BLOCK_SIZE, len = MIN(BLOCK_SIZE, size - at), from;

			memset(a->out + at, 0, len);
			if (op->kind == OP_LIT) {
				memcpy(a->out + at, f->literals + lit, len);
				lit += len;
			} else if (op->kind != OP_ZERO) {
				from = (op->kind == OP_SAME ? block : op->src + k) * BLOCK_SIZE;
				assert_true(from < bases[op->base]->size);
				memcpy(a->out + at, bases[op->base]->bytes + from,
				       MIN(len, bases[op->base]->size - from));
			}
		}
	}
	for (uint32_t i = 0; i < f->head.n_nodes; i++)
		a->node_done[f->head.first_node + i] = true;
	a->frames++;
}

/* Every node that is not SAME must have the hash that its frame says. */
static void check_hashes(const struct frame *f, const uint8_t *out, uint64_t size)
{
	uint64_t block = (uint64_t)f->head.first_node * NODE_BLOCKS;
	uint32_t n = 0;

	for (uint32_t i = 0; i < f->head.n_ops; block += f->ops[i++].n) {
		uint64_t first = block / NODE_BLOCKS, end = (block + f->ops[i].n - 1) / NODE_BLOCKS;

		if (f->ops[i].kind == OP_SAME)
			continue;
		/* A node is checked at the op that begins it. */
		for (uint64_t node = first + (block % NODE_BLOCKS != 0); node <= end; node++) {
			struct hash leaves[NODE_BLOCKS], h;
			unsigned k = 0;

			for (uint64_t at = node * NODE_SIZE;
			     at < MIN((node + 1) * (uint64_t)NODE_SIZE, size); at += BLOCK_SIZE)
				digest_block(out + at, MIN(BLOCK_SIZE, size - at), &leaves[k++]);
			digest_node(leaves, k, &h);
			assert_true(n < f->head.n_hashes);
			assert_true(hash_equal(&h, &f->hashes[n]));
			n++;
		}
	}
	assert_int_equal(n, f->head.n_hashes);
}

static int give_prefix(void *arg, const struct prefix_run *run, uint8_t *to)
{
	const struct image *const *bases = arg;
	const struct image *base = bases[run->base];
	uint64_t at = run->first * BLOCK_SIZE, len = (uint64_t)run->n * BLOCK_SIZE;

	assert_true(run->first + run->n <= blocks_of(base->size));
	memset(to, 0, len);
	memcpy(to, base->bytes + at, MIN(len, base->size - at));
	return 0;
}

static void apply(struct applied *a, const uint8_t *bytes, uint64_t len,
		  const struct image *const *bases)
{
	struct frame_decoder *d = frame_decoder_new();
	struct bundle_header h;
	struct hash id;
	struct err e = {""};
	size_t at;

	if (bundle_header_decode(bytes, len, &h, &at, &id, &e) != 0)
		fail_msg("%s", e.text);
	frame_decoder_on_prefix(d, give_prefix, (void *)bases);
	while (at < len) {
		struct frame_head head;
		struct frame f;

		assert_true(len - at >= FRAME_HEAD_SIZE);
		if (frame_head_decode(bytes + at, h.size, &head, &e) != 0)
			fail_msg("%s", e.text);
		at += FRAME_HEAD_SIZE;
		assert_true(len - at >= head.body_len);
		if (frame_decode(d, &head, bytes + at, h.size, h.n_bases, &f, &e) != 0)
			fail_msg("%s", e.text);
		at += head.body_len;
		a->prefixed += head.n_prefix > 0;
		apply_frame(a, &f, h.size, bases);
		check_hashes(&f, a->out, h.size);
	}
	bundle_header_done(&h);
	frame_decoder_free(d);
}

static void applied_init(struct applied *a, uint64_t size)
{
	a->out = malloc(MAX(size, 1u));
	memset(a->out, 0xee, MAX(size, 1u));
	a->node_done = calloc(nodes_of(size) + 1, sizeof(bool));
	a->frames = 0;
	a->patched = 0;
	a->prefixed = 0;
}

static void applied_done(struct applied *a)
{
	free(a->out);
	free(a->node_done);
}

/* --- random images ------------------------------------------------------------------------ */

static uint64_t pick(uint64_t *seed, uint64_t n)
{
	return temp_random(seed) % n;
}

/* Below n, and at most most. */
static uint64_t pick_most(uint64_t *seed, uint64_t n, uint64_t most)
{
	uint64_t v = pick(seed, n);

	return MIN(v, most);
}

/* most: how large images are made, a power of two; one in three has a size with an edge to it. */
static void random_image(uint64_t *seed, uint64_t most, struct image *i)
{
	static const uint64_t sizes[] = {1, 4095, 4096, 4097, 512 << 10, (512 << 10) + 1};

	i->size = pick(seed, 3) > 0 ? pick(seed, most)
				    : MIN(sizes[pick(seed, ARRAY_LEN(sizes))], most);
	i->bytes = calloc(MAX(i->size, 1u), 1);
	for (unsigned n = (unsigned)pick(seed, 12); n > 0 && i->size > 0; n--) {
		uint64_t at = pick(seed, i->size), len = pick_most(seed, most / 4, i->size - at);

		if (pick(seed, 3) == 0)
			memset(i->bytes + at, (int)pick(seed, 3), len);
		else
			temp_fill(seed, i->bytes + at, len);
	}
}

/* A copy of a base, resized, with bytes changed, blocks moved within it or in from another. */
static void edited_image(uint64_t *seed, uint64_t most, const struct image *bases, unsigned n_bases,
			 struct image *i)
{
	const struct image *from = &bases[pick(seed, n_bases)];

	i->size = pick(seed, 2) > 0 ? from->size : pick(seed, from->size + most / 4);
	i->bytes = calloc(MAX(i->size, 1u), 1);
	memcpy(i->bytes, from->bytes, MIN(i->size, from->size));
	for (unsigned n = (unsigned)pick(seed, 20); n > 0 && i->size > 0; n--) {
		const struct image *other = &bases[pick(seed, n_bases)];
		uint64_t at = pick(seed, i->size), len, src;

		switch (pick(seed, 7)) {
		case 0:
			i->bytes[at] ^= 0x55;
			break;
		case 1:
			memset(i->bytes + at, 0, pick_most(seed, 100000, i->size - at));
			break;
		case 2:
			temp_fill(seed, i->bytes + at, pick_most(seed, 30000, i->size - at));
			break;
		case 3: /* bytes put in: all that follows moves on */
			len = 1 + pick_most(seed, 100, i->size - at - 1);
			memmove(i->bytes + at + len, i->bytes + at, i->size - at - len);
			break;
		case 4: /* from any byte to any byte */
			src = other->size > 0 ? pick(seed, other->size) : 0;
			len = pick_most(seed, 60000, MIN(i->size - at, other->size - src));
			memcpy(i->bytes + at, other->bytes + src, len);
			break;
		case 5: /* every so often a byte */
			for (uint64_t k = at; k < MIN(at + 100000, i->size);
			     k += 1 + pick(seed, 3000))
				i->bytes[k] ^= 1;
			break;
		default:
			if (other->size == 0)
				break;
			at -= at % BLOCK_SIZE;
			src = pick(seed, other->size);
			src -= src % BLOCK_SIZE;
			len = pick_most(seed, 200000, MIN(i->size - at, other->size - src));
			memcpy(i->bytes + at, other->bytes + src, len);
		}
	}
}

static void check_sums(const struct plan *p)
{
	uint64_t literal = 0, next = 0;

	for (uint32_t i = 0; i < p->n_frames; i++) {
		assert_int_equal(p->frames[i].first_node, next);
		next += p->frames[i].n_nodes;
		literal += p->frames[i].literal_bytes;
	}
	assert_int_equal(next, nodes_of(p->size));
	assert_int_equal(literal, p->literal_bytes);
	assert_int_equal(p->literal_bytes + p->copy_bytes + p->same_bytes + p->zero_bytes, p->size);
}

/* The same bytes through a spoke's own staging, with pins and a disk. */
static void take_staged(struct staged *s, uint64_t seed, const struct image *bases,
			unsigned n_bases, const struct image *new, const uint8_t *bytes,
			uint64_t len)
{
	struct staged_bundle b = {.root = new->root,
				  .bytes = bytes,
				  .len = len,
				  .want = new->bytes,
				  .size = new->size,
				  .seed = &seed};
	struct identity_change unpinned[STAGING_PINS_MAX];
	struct bundle_header h;
	struct staging *st;
	struct err e = {""};
	size_t at;

	assert_int_equal(bundle_header_decode(bytes, len, &h, &at, &b.id, &e), 0);
	bundle_header_done(&h);
	assert_int_equal(staging_create(s->store, s->as, &b.root, b.size, &st, &e), 0);
	for (unsigned i = 0; i < n_bases; i++)
		staged_pin(s, st, bases[i].bytes, bases[i].size, &bases[i].root);
	assert_int_equal(staging_commit(st), 0);
	st = staged_feed(s, st, &b);
	staged_check(s, &b);
	staging_unpin(st, unpinned);
	staging_close(st);
	assert_int_equal(staging_discard(s->store, &b.root), 0);
}

/* staged: NULL, or a spoke that takes it too. */
static void one_script(struct world *w, uint64_t seed, uint64_t most, struct staged *staged)
{
	unsigned n_bases = (unsigned)pick(&seed, BASES_MAX + 1);
	static const char *const names[BASES_MAX] = {"base0", "base1", "base2"};
	struct image bases[BASES_MAX] = {{0}}, new = {0};
	const struct image *base_list[BASES_MAX] = {&bases[0], &bases[1], &bases[2]};
	struct hash roots[BASES_MAX];
	struct bundle_stream *s;
	struct applied a;
	struct content c;
	struct bundle *b;
	uint8_t *bytes;
	int64_t len;

	for (unsigned i = 0; i < n_bases; i++) {
		random_image(&seed, most, &bases[i]);
		w->old[i] = pick(&seed, 4) > 0 ? &bases[i] : NULL;
		if (w->old[i] != NULL || pick(&seed, 4) == 0)
			image_index(w, &bases[i], names[i]);
		else
			image_index_sums(w, &bases[i], names[i]);
		roots[i] = bases[i].root;
	}
	if (n_bases > 0)
		edited_image(&seed, most, bases, n_bases, &new);
	else
		random_image(&seed, most, &new);
	image_index(w, &new, "new");
	/* Old bytes that are not what the index says may cost bytes, and nothing else. */
	if (n_bases > 0 && bases[0].size > 0 && pick(&seed, 8) == 0)
		temp_write(bases[0].fd, "drift", MIN(bases[0].size, 5), pick(&seed, bases[0].size));
	c = content_of(&new, pick(&seed, 2) > 0);
	b = get(w, &c, roots, n_bases);
	check_sums(bundle_plan(b));

	bytes = malloc(new.size + (1 << 20));
	assert_int_equal(stream_new(b, 3, NULL, 0, &s), 0);
	len = read_until(w, s, 0, bytes, new.size + (1 << 20), 1 + pick(&seed, 100000));
	assert_true(len > 0);
	assert_int_equal(stream_estimate(s), len);
	assert_int_equal(stream_literal_at(s, (uint64_t)len), bundle_plan(b)->literal_bytes);
	assert_int_equal(stream_literal(s), bundle_plan(b)->literal_bytes);
	applied_init(&a, new.size);
	apply(&a, bytes, (uint64_t)len, base_list);
	assert_memory_equal(a.out, new.bytes, new.size);
	for (uint64_t i = 0; i < nodes_of(new.size); i++)
		assert_true(a.node_done[i]);
	if (staged != NULL)
		take_staged(staged, seed, bases, n_bases, &new, bytes, (uint64_t)len);
	w->patched += a.patched;
	w->prefixed += a.prefixed;
	applied_done(&a);
	stream_forget(s);
	stream_free(s);
	bundle_unref(b);
	free(bytes);
	image_done(&new);
	memset(w->old, 0, sizeof(w->old));
	for (unsigned i = 0; i < n_bases; i++)
		image_done(&bases[i]);
}

static void test_random_edits(void **state)
{
	struct staged staged;

	staged_new(&staged);
	for (uint64_t seed = 1; seed <= 300; seed++)
		one_script(*state, seed * 7919, 4 << 20, seed % 15 > 0 ? NULL : &staged);
	for (uint64_t seed = 301; seed <= 10000; seed++)
		one_script(*state, seed * 7919, seed % 8 > 0 ? 64 << 10 : 1 << 20,
			   seed % 19 > 0 ? NULL : &staged);
	staged_done(&staged);
	assert_true(((struct world *)*state)->patched > 0);
	assert_true(((struct world *)*state)->prefixed > 0);
}

/* What new costs a spoke that holds base, whose bytes the hub has or not; applied and compared. */
static uint64_t sent(struct world *w, struct image *base, struct image *new, bool old_bytes,
		     struct applied *ret)
{
	const struct image *bases[] = {base};
	uint8_t *bytes = malloc(2 * new->size);
	struct bundle_stream *s;
	struct content c;
	struct bundle *b;
	int64_t len;

	w->old[0] = old_bytes ? base : NULL;
	c = content_of(new, false);
	b = get(w, &c, &base->root, 1);
	assert_int_equal(stream_new(b, 3, NULL, 0, &s), 0);
	len = read_until(w, s, 0, bytes, 2 * new->size, 65536);
	assert_true(len > 0);
	applied_init(ret, new->size);
	apply(ret, bytes, (uint64_t)len, bases);
	assert_memory_equal(ret->out, new->bytes, new->size);
	applied_done(ret);
	stream_forget(s);
	stream_free(s);
	bundle_unref(b);
	w->old[0] = NULL;
	free(bytes);
	return (uint64_t)len;
}

/* base, and a new content that is the same for now. */
static void alike(struct world *w, uint64_t seed, uint64_t size, struct image *base,
		  struct image *new)
{
	*base = *new = (struct image){.size = size};
	base->bytes = malloc(size);
	new->bytes = malloc(size);
	temp_fill(&seed, base->bytes, size);
	memcpy(new->bytes, base->bytes, size);
	image_index(w, base, "base");
}

/* A large image with small changes everywhere costs hardly more than the changes. */
static void test_old_bytes(void **state)
{
	enum { SIZE = 8 << 20, EDITS = 200 };
	struct world *w = *state;
	uint64_t seed = 55, at = 4 << 20;
	struct image base, new;
	struct applied a;

	alike(w, 5, SIZE, &base, &new);
	for (unsigned i = 0; i < EDITS; i++)
		temp_fill(&seed, new.bytes + pick(&seed, SIZE - 64), 64);
	/* 3 MiB that moved on by 1003 bytes. */
	memmove(new.bytes + at + 1003, new.bytes + at, 3 << 20);
	image_index(w, &new, "new");
	assert_in_range(sent(w, &base, &new, true, &a), EDITS * 64 / 2, EDITS * 64 * 2 + 4096);
	image_done(&new);
	image_done(&base);
}

/*
 * No old bytes are at hand. A file within the image was replaced: its successor lies elsewhere,
 * nearly the same, a few bytes on; and the old blocks lie where they were, but for some that were
 * used again. The copies are made from what is left of them.
 */
static void test_survivors(void **state)
{
	enum { SIZE = 8 << 20, FILE_AT = 1 << 20, NEW_AT = 5 << 20, LEN = 2 << 20, EDITS = 100 };
	struct world *w = *state;
	uint64_t seed = 77, len;
	struct image base, new;
	struct applied a;

	alike(w, 7, SIZE, &base, &new);
	memcpy(new.bytes + NEW_AT + 48, base.bytes + FILE_AT, LEN);
	for (unsigned i = 0; i < EDITS; i++)
		new.bytes[NEW_AT + pick(&seed, LEN)] ^= 1;
	/* Used again: 64 KiB of the old blocks, whose successors have to be sent. */
	temp_fill(&seed, new.bytes + FILE_AT + LEN / 2, 64 << 10);
	image_index(w, &new, "new");
	len = sent(w, &base, &new, false, &a);
	assert_in_range(len, 2 * (64 << 10), 2 * (64 << 10) + EDITS * 64 + (16 << 10));
	assert_true(a.patched > LEN / 2);
	image_done(&new);
	image_done(&base);
}

/* A byte in forty changed: no copy is worth it, and the old blocks as a prefix save most. */
static void test_prefix(void **state)
{
	enum { SIZE = (2 << 20) + 300 };
	struct world *w = *state;
	struct image base, new;
	struct applied a;

	alike(w, 6, SIZE, &base, &new);
	for (uint64_t i = 0; i < new.size; i += 40)
		new.bytes[i] ^= 1;
	image_index(w, &new, "new");
	assert_in_range(sent(w, &base, &new, true, &a), 1, SIZE / 4);
	assert_int_equal(a.prefixed, a.frames);
	image_done(&new);
	image_done(&base);
}

/* --- one image of several frames ---------------------------------------------------------- */

static void literal_image(struct world *w, struct image *i, uint64_t size)
{
	uint64_t seed = 99;

	i->size = size;
	i->bytes = malloc(size);
	temp_fill(&seed, i->bytes, size);
	/* Some of it can be compressed, so that frames differ in size. */
	memset(i->bytes + size / 3, 'x', size / 5);
	image_index(w, i, "new");
}

/* A bundle has frames of two efforts at most: a third becomes the next lower of them. */
static void test_two_efforts(void **state)
{
	static const struct {
		int asked, got;
	} efforts[] = {{9, 9}, {3, 3}, {19, 9}, {6, 3}, {1, 3}, {9, 9}};
	struct world *w = *state;
	struct bundle_stream *s;
	struct image new;
	struct content c;
	struct bundle *b;

	literal_image(w, &new, 1 << 20);
	c = content_of(&new, false);
	b = get(w, &c, NULL, 0);
	for (size_t i = 0; i < ARRAY_LEN(efforts); i++) {
		assert_int_equal(bundle_effort(b, efforts[i].asked), efforts[i].got);
		assert_int_equal(stream_new(b, efforts[i].asked, NULL, 0, &s), 0);
		assert_int_equal(stream_effort(s), efforts[i].got);
		stream_forget(s);
		stream_free(s);
	}
	bundle_unref(b);
	image_done(&new);
}

static void test_resume_after_restart(void **state)
{
	struct world *w = *state;
	struct image new;
	struct bundle_stream *s;
	struct bundle *b;
	struct content c;
	uint8_t *bytes, *again;
	uint64_t half, total;
	struct hash id;

	literal_image(w, &new, (70 << 20) + 123);
	c = content_of(&new, false);
	bytes = malloc(80 << 20);
	again = malloc(80 << 20);
	b = get(w, &c, NULL, 0);
	assert_int_equal(bundle_plan(b)->n_frames, 5);
	assert_int_equal(stream_new(b, 3, NULL, 0, &s), 0);
	id = *stream_id(s);
	half = 20 << 20;
	assert_int_equal(read_until(w, s, 0, bytes, half, 65536), half);
	stream_acked(s, half);
	assert_true(stream_frame_start(s, half) < half);
	assert_true(stream_frame_start(s, half) > 0);
	stream_free(s);
	bundle_unref(b);

	/* The hub was restarted, with a cache so small that only pins keep anything. */
	world_stop(w);
	world_start(w, 0);
	b = get(w, &c, NULL, 0);
	assert_int_equal(stream_resume(b, &id, half, &s), 0);
	assert_true(hash_equal(stream_id(s), &id));
	total = (uint64_t)read_until(w, s, half, bytes + half, 60 << 20, 1 << 20);
	assert_int_equal(stream_read(s, half + total, again, 1), 0);
	/* going back to what was acknowledged */
	assert_int_equal(read_until(w, s, half, again, total, 99999), total);
	assert_memory_equal(again, bytes + half, total);
	total += half;
	stream_acked(s, total);
	{
		const struct image *none[1] = {NULL};
		struct applied a;

		applied_init(&a, new.size);
		apply(&a, bytes, total, none);
		assert_memory_equal(a.out, new.bytes, new.size);
		assert_int_equal(a.frames, 5);
		applied_done(&a);
	}
	stream_forget(s);
	stream_free(s);
	assert_int_equal(stream_resume(b, &id, half, &s), -ENOENT);
	bundle_unref(b);
	free(bytes);
	free(again);
	image_done(&new);
}

static unsigned count_files(struct world *w, const char *suffix)
{
	DIR *d = fdopendir(openat(w->cache_dir, ".", O_RDONLY | O_DIRECTORY));
	struct dirent *e;
	unsigned n = 0;

	while ((e = readdir(d)) != NULL) {
		size_t len = strlen(e->d_name), tail = strlen(suffix);

		n += len > tail && strcmp(e->d_name + len - tail, suffix) == 0;
	}
	closedir(d);
	return n;
}

static void test_resume_refused(void **state)
{
	struct world *w = *state;
	struct image new;
	struct bundle_stream *s;
	struct bundle *b;
	struct content c;
	uint8_t *bytes = malloc(40 << 20);
	struct hash id, unknown = {{1}};
	uint64_t half = 20 << 20;

	literal_image(w, &new, 40 << 20);
	c = content_of(&new, false);
	b = get(w, &c, NULL, 0);
	assert_int_equal(stream_resume(b, &unknown, 0, &s), -ENOENT);
	assert_int_equal(stream_new(b, 3, NULL, 0, &s), 0);
	id = *stream_id(s);
	assert_int_equal(read_until(w, s, 0, bytes, half, 65536), half);
	stream_free(s);
	/* beyond what was ever fixed */
	assert_int_equal(stream_resume(b, &id, 1 << 30, &s), -ENOENT);
	assert_int_equal(stream_resume(b, &id, half, &s), -ENOENT); /* it was dropped */

	/* the frames are gone from the disk */
	assert_int_equal(stream_new(b, 3, NULL, 0, &s), 0);
	id = *stream_id(s);
	assert_int_equal(read_until(w, s, 0, bytes, half, 65536), half);
	stream_free(s);
	bundle_unref(b);
	world_stop(w);
	{
		DIR *d = fdopendir(openat(w->cache_dir, ".", O_RDONLY | O_DIRECTORY));
		struct dirent *e;

		while ((e = readdir(d)) != NULL) {
			if (strstr(e->d_name, ".frame") != NULL)
				unlinkat(w->cache_dir, e->d_name, 0);
		}
		closedir(d);
	}
	world_start(w, 1 << 30);
	b = get(w, &c, NULL, 0);
	assert_int_equal(stream_resume(b, &id, half, &s), -ENOENT);
	bundle_unref(b);
	free(bytes);
	image_done(&new);
}

/* A frame that was damaged on disk is made again, not sent. */
static void test_damaged_cache(void **state)
{
	struct world *w = *state;
	const struct image *none[1] = {NULL};
	struct image new;
	struct bundle_stream *s;
	struct bundle *b;
	struct content c;
	uint8_t *bytes = malloc(20 << 20);
	struct applied a;
	DIR *d;
	struct dirent *e;
	int64_t len;

	literal_image(w, &new, 10 << 20);
	c = content_of(&new, false);
	b = get(w, &c, NULL, 0);
	assert_int_equal(stream_new(b, 3, NULL, 0, &s), 0);
	assert_true(read_until(w, s, 0, bytes, 20 << 20, 65536) > 0);
	stream_forget(s);
	stream_free(s);
	bundle_unref(b);
	world_stop(w);
	d = fdopendir(openat(w->cache_dir, ".", O_RDONLY | O_DIRECTORY));
	while ((e = readdir(d)) != NULL) {
		if (strstr(e->d_name, ".frame") != NULL) {
			int fd = openat(w->cache_dir, e->d_name, O_RDWR);

			temp_write(fd, "!", 1, 5000);
			close(fd);
		}
	}
	closedir(d);
	world_start(w, 1 << 30);
	b = get(w, &c, NULL, 0);
	assert_int_equal(stream_new(b, 3, NULL, 0, &s), 0);
	len = read_until(w, s, 0, bytes, 20 << 20, 65536);
	assert_true(len > 0);
	applied_init(&a, new.size);
	apply(&a, bytes, (uint64_t)len, none);
	assert_memory_equal(a.out, new.bytes, new.size);
	applied_done(&a);
	stream_forget(s);
	stream_free(s);
	bundle_unref(b);
	free(bytes);
	image_done(&new);
}

static unsigned count_jobs(const struct world *w)
{
	const struct frame_job *j;
	unsigned n = 0;

	TAILQ_FOREACH (j, &w->bundler->jobs, entry)
		n++;
	return n;
}

/*
 * A line that waits goes before what is made ahead for another; and what was asked for by a window
 * that has closed is not made. (64 transfers of a closed window kept one of the next waiting for
 * minutes.)
 */
static void test_what_is_awaited_goes_first(void **state)
{
	struct world *w = *state;
	struct bundle_stream *s[2];
	struct bundle *b[2];
	struct image new[2];
	uint8_t byte;

	for (unsigned i = 0; i < 2; i++) {
		struct content c;

		literal_image(w, &new[i], (34 << 20) + i);
		assert_int_equal(renameat(w->dir.fd, "new", w->dir.fd, i > 0 ? "b" : "a"), 0);
		c = content_of(&new[i], false);
		b[i] = get(w, &c, NULL, 0);
	}
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(stream_new(b[i], LEVEL_SLOW, NULL, 0, &s[i]), 0);
	assert_int_equal(count_jobs(w), 6);
	stream_on_ready(s[1], ready, w);
	w->ready = 0;
	assert_int_equal(stream_read(s[1], s[1]->header_len, &byte, 1), -EAGAIN);
	while (w->ready == 0)
		ev_run(w->loop, EVRUN_ONCE);
	assert_int_equal(s[0]->error, 0);
	assert_int_equal(s[0]->ready, 1); /* it was under way */
	assert_int_equal(s[1]->ready, 1);
	stream_free(s[0]);
	assert_true(count_jobs(w) <= 3); /* of the other one two, and one under way */
	while (count_jobs(w) > 0)
		ev_run(w->loop, EVRUN_ONCE);
	assert_int_equal(s[1]->ready, 3);
	assert_true(count_files(w, ".frame") <= 5);
	stream_free(s[1]);
	for (unsigned i = 0; i < 2; i++) {
		bundle_unref(b[i]);
		image_done(&new[i]);
	}
}

static unsigned at_work(const struct world *w, unsigned effort)
{
	const struct frame_job *j;
	unsigned n = 0;

	TAILQ_FOREACH (j, &w->bundler->jobs, entry)
		n += j->encoder != NULL && j->cached->key.effort == effort;
	return n;
}

/*
 * Two slow frames at a time where a worker is left for all else and no fast line would wait for
 * them; of the large levels one, and of the fast two.
 */
static void test_encoders(void **state)
{
	static const struct {
		unsigned threads, before, level, at_work;
	} rows[] = {
		{2, 0, LEVEL_SLOW, 1},	{3, 0, LEVEL_SLOW, 2},	{3, 0, LEVEL_LARGE - 1, 2},
		{3, 0, LEVEL_LARGE, 1}, {2, 0, 3, 2},		{3, 3, LEVEL_SLOW, 1},
		{3, LEVEL_LARGE, 3, 1}, {3, LEVEL_LARGE, 9, 1},
	};
	struct world *w = *state;
	struct image new[2];
	struct bundle *b[2];
	struct bundle_stream *s[2];

	for (unsigned i = 0; i < 2; i++) {
		literal_image(w, &new[i], i > 0 ? 34 << 20 : 66 << 20);
		assert_int_equal(renameat(w->dir.fd, "new", w->dir.fd, i > 0 ? "b" : "a"), 0);
	}
	for (unsigned k = 0; k < ARRAY_LEN(rows); k++) {
		world_stop(w);
		w->threads = rows[k].threads;
		world_start(w, 0);
		for (unsigned i = rows[k].before > 0 ? 0 : 1; i < 2; i++) {
			struct content c = content_of(&new[i], false);

			b[i] = get(w, &c, NULL, 0);
			assert_int_equal(stream_new(b[i],
						    (int)(i > 0 ? rows[k].level : rows[k].before),
						    NULL, 0, &s[i]),
					 0);
			/* Of a fast one what may be made is, and more will be wanted. */
			while (i == 0 && rows[k].before < LEVEL_SLOW && count_jobs(w) > 0)
				ev_run(w->loop, EVRUN_ONCE);
		}
		assert_int_equal(at_work(w, rows[k].level), rows[k].at_work);
		for (unsigned i = rows[k].before > 0 ? 0 : 1; i < 2; i++) {
			stream_forget(s[i]);
			stream_free(s[i]);
			bundle_unref(b[i]);
		}
	}
	for (unsigned i = 0; i < 2; i++)
		image_done(&new[i]);
}

/* Thirty spokes cost one; and nothing beyond the limit stays. */
static void test_shared_and_bounded(void **state)
{
	struct world *w = *state;
	struct image new;
	struct bundle_stream *s[3];
	struct bundle *b, *same;
	struct content c;
	uint8_t *bytes = malloc(40 << 20), *other = malloc(40 << 20);
	int64_t len;

	literal_image(w, &new, 34 << 20);
	c = content_of(&new, false);
	b = get(w, &c, NULL, 0);
	same = get(w, &c, NULL, 0);
	assert_ptr_equal(b, same);
	bundle_unref(same);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(stream_new(b, 3, NULL, 0, &s[i]), 0);
	assert_int_equal(count_jobs(w), 3); /* frames, not streams times frames */
	len = read_until(w, s[0], 0, bytes, 40 << 20, 1 << 20);
	for (unsigned i = 1; i < 3; i++) {
		struct bundle_header h[2];
		size_t used;
		struct hash id;

		assert_int_equal(read_until(w, s[i], 0, other, 40 << 20, 1 << 20), len);
		assert_int_equal(bundle_header_decode(other, (size_t)len, &h[0], &used, &id, NULL),
				 0);
		assert_true(hash_equal(&id, stream_id(s[i])));
		assert_false(hash_equal(&id, stream_id(s[0])));
		assert_memory_equal(bytes + used, other + used, (size_t)len - used);
		bundle_header_done(&h[0]);
	}
	assert_int_equal(count_files(w, ".frame"), 3);
	bundler_set_limit(w->bundler, 0);
	assert_int_equal(count_files(w, ".frame"), 3); /* pinned */
	stream_acked(s[0], (uint64_t)len);
	stream_acked(s[1], (uint64_t)len);
	assert_int_equal(count_files(w, ".frame"), 3);
	stream_acked(s[2], (uint64_t)stream_frame_start(s[2], (uint64_t)len - 1));
	assert_int_equal(count_files(w, ".frame"), 1);
	stream_acked(s[2], (uint64_t)len);
	assert_int_equal(count_files(w, ".frame"), 0);
	assert_int_equal(count_files(w, ".stream"), 3);
	for (unsigned i = 0; i < 3; i++) {
		stream_forget(s[i]);
		stream_free(s[i]);
	}
	assert_int_equal(count_files(w, ".stream"), 0);
	bundle_unref(b);
	free(bytes);
	free(other);
	image_done(&new);
}

/* What tells whether a frame was made again: its file is another. */
static uint64_t frames_mark(struct world *w)
{
	DIR *d = fdopendir(openat(w->cache_dir, ".", O_RDONLY | O_DIRECTORY));
	uint64_t sum = 0;
	struct dirent *e;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		if (strstr(e->d_name, ".frame") != NULL)
			sum += (uint64_t)e->d_ino * (uint64_t)e->d_ino;
	}
	closedir(d);
	return sum;
}

struct many {
	struct bundle *got[30];
	unsigned n;
};

static void got_many(void *arg, int error, struct bundle *b)
{
	struct many *m = arg;

	assert_int_equal(error, 0);
	m->got[m->n++] = b;
}

/* Thirty spokes with the same base: one plan is made, and each frame once. */
static void test_thirty_spokes(void **state)
{
	enum { SIZE = 40 << 20 };
	struct world *w = *state;
	uint64_t seed = 8, mark = 0;
	struct image base = {.size = SIZE, .bytes = malloc(SIZE)}, new = base;
	uint8_t *bytes = malloc(2 * SIZE);
	struct bundle_stream *s[30];
	struct many m = {.n = 0};
	struct content c;

	temp_fill(&seed, base.bytes, SIZE);
	new.bytes = malloc(SIZE);
	memcpy(new.bytes, base.bytes, SIZE);
	for (uint64_t i = 0; i < SIZE; i += 1000)
		new.bytes[i] ^= 1;
	image_index(w, &base, "base");
	image_index(w, &new, "new");
	w->old[0] = &base;
	c = content_of(&new, false);
	/* All ask before the plan is made. */
	for (unsigned i = 0; i < ARRAY_LEN(s); i++)
		assert_non_null(bundler_get(w->bundler, &c, &base.root, 1, got_many, &m));
	assert_int_equal(pool_busy(w->pool), 1);
	while (m.n < ARRAY_LEN(s))
		ev_run(w->loop, EVRUN_ONCE);
	for (unsigned i = 0; i < ARRAY_LEN(s); i++) {
		assert_ptr_equal(m.got[i], m.got[0]);
		assert_int_equal(stream_new(m.got[i], 3, NULL, 0, &s[i]), 0);
	}
	assert_int_equal(count_jobs(w), 3); /* frames, not streams times frames */
	for (unsigned i = 0; i < ARRAY_LEN(s); i++) {
		int64_t len = read_until(w, s[i], 0, bytes, 2 * SIZE, 1 << 20);

		assert_true(len > 0);
		stream_acked(s[i], (uint64_t)len);
		if (i == 0)
			mark = frames_mark(w);
		assert_int_equal(count_files(w, ".frame"), 3);
		assert_int_equal(frames_mark(w), mark);
		stream_forget(s[i]);
		stream_free(s[i]);
		bundle_unref(m.got[i]);
	}
	w->old[0] = NULL;
	image_done(&new);
	image_done(&base);
	free(bytes);
}

static void test_changed_content(void **state)
{
	struct world *w = *state;
	struct image new;
	struct bundle_stream *s;
	struct bundle *b, *next;
	struct content live, clone;
	uint8_t *bytes = malloc(40 << 20);

	literal_image(w, &new, 1 << 20);
	live = content_of(&new, true);
	clone = content_of(&new, false);
	/* A live file: its identity says it. */
	b = get(w, &live, NULL, 0);
	assert_int_equal(fchmod(new.fd, 0640), 0);
	assert_int_equal(futimens(new.fd, (struct timespec[2]){{1, 0}, {1, 0}}), 0);
	assert_int_equal(stream_new(b, 3, NULL, 0, &s), 0);
	assert_int_equal(read_until(w, s, 0, bytes, 40 << 20, 65536), -ESTALE);
	stream_forget(s);
	stream_free(s);
	/* The bundle is not given out again; a clone's blocks are compared one by one. */
	next = get(w, &clone, NULL, 0);
	assert_ptr_not_equal(next, b);
	bundle_unref(b);
	temp_write(new.fd, "?", 1, 300000);
	assert_int_equal(stream_new(next, 3, NULL, 0, &s), 0);
	assert_int_equal(read_until(w, s, 0, bytes, 40 << 20, 65536), -ESTALE);
	stream_forget(s);
	stream_free(s);
	bundle_unref(next);
	free(bytes);
	image_done(&new);
}

static void test_left_out_and_repair(void **state)
{
	struct world *w = *state;
	const struct image *none[1] = {NULL};
	/* Frame 1 of 3 (nodes 32..63) is done; so is a part of frame 2. */
	const struct run done[] = {{32, 20}, {52, 12}, {66, 1}};
	const struct run broken[] = {{0, 1}, {30, 38}, {68, 1}};
	const struct run wrong[] = {{68, 2}};
	struct image new;
	struct bundle_stream *s;
	struct bundle *b;
	struct content c;
	uint8_t *bytes = malloc(40 << 20);
	struct applied a;
	int64_t len;

	literal_image(w, &new, (34 << 20) + 5);
	c = content_of(&new, false);
	b = get(w, &c, NULL, 0);
	assert_int_equal(stream_new(b, 3, done, ARRAY_LEN(done), &s), 0);
	len = read_until(w, s, 0, bytes, 40 << 20, 65536);
	applied_init(&a, new.size);
	apply(&a, bytes, (uint64_t)len, none);
	assert_int_equal(a.frames, 2);
	for (unsigned i = 0; i < 69; i++)
		assert_int_equal(a.node_done[i], i < 32 || i >= 64);
	applied_done(&a);
	stream_forget(s);
	stream_free(s);

	assert_int_equal(stream_repair(b, wrong, 1, &s), -EINVAL);
	assert_int_equal(stream_repair(b, broken, ARRAY_LEN(broken), &s), 0);
	len = read_until(w, s, 0, bytes, 40 << 20, 65536);
	assert_true(len > 0);
	applied_init(&a, new.size);
	apply(&a, bytes, (uint64_t)len, none);
	for (unsigned i = 0; i < 69; i++) {
		uint64_t at = (uint64_t)i * NODE_SIZE;

		assert_int_equal(a.node_done[i], i == 0 || i >= 30);
		if (a.node_done[i])
			assert_memory_equal(a.out + at, new.bytes + at,
					    MIN(NODE_SIZE, new.size - at));
	}
	applied_done(&a);
	stream_forget(s);
	stream_free(s);
	bundle_unref(b);
	free(bytes);
	image_done(&new);
}

static void test_missing_index_and_cancel(void **state)
{
	struct world *w = *state;
	struct hash unknown = {{9}};
	struct bundle_ticket *t;
	struct image new;
	struct content c;

	literal_image(w, &new, 1 << 20);
	c = content_of(&new, false);
	w->answered = false;
	(void)!bundler_get(w->bundler, &c, &unknown, 1, got, w);
	while (!w->answered)
		ev_run(w->loop, EVRUN_ONCE);
	assert_int_equal(w->error, -ENOENT);
	assert_null(w->got);

	w->answered = false;
	t = bundler_get(w->bundler, &c, NULL, 0, got, w);
	bundle_ticket_cancel(t);
	while (pool_busy(w->pool) > 0)
		ev_run(w->loop, EVRUN_ONCE);
	assert_false(w->answered);
	/* One that is never awaited is taken back by bundler_free(). */
	(void)!bundler_get(w->bundler, &c, NULL, 0, got, w);
	image_done(&new);
}

static void test_empty_file(void **state)
{
	struct world *w = *state;
	struct image new = {0};
	struct bundle_stream *s;
	struct bundle *b;
	struct content c;
	uint8_t bytes[1000];
	int64_t len;

	image_index(w, &new, "new");
	c = content_of(&new, true);
	b = get(w, &c, NULL, 0);
	assert_int_equal(stream_new(b, 3, NULL, 0, &s), 0);
	len = read_until(w, s, 0, bytes, sizeof(bytes), 10);
	assert_true(len > 0);
	assert_int_equal(stream_read(s, (uint64_t)len, bytes, 1), 0);
	stream_forget(s);
	stream_free(s);
	bundle_unref(b);
	image_done(&new);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_random_edits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_old_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_survivors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_prefix, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_efforts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resume_after_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resume_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged_cache, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_awaited_goes_first, setup, teardown),
		cmocka_unit_test_setup_teardown(test_encoders, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shared_and_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_thirty_spokes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changed_content, setup, teardown),
		cmocka_unit_test_setup_teardown(test_left_out_and_repair, setup, teardown),
		cmocka_unit_test_setup_teardown(test_missing_index_and_cancel, setup, teardown),
		cmocka_unit_test_setup_teardown(test_empty_file, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
