/*
 * bundle_rig.c: see bundle_rig.h.
 */
#include "tests/unit/bundle_rig.h"

#include <errno.h>

#include <ev.h>

#include "transfer/index_build.h"

static int old_bytes_of(void *arg, const struct hash *root, int *ret_fd)
{
	struct rig *w = arg;

	for (unsigned i = 0; i < BASES_MAX; i++) {
		if (w->old[i] != NULL && hash_equal(root, &w->old[i]->root)) {
			*ret_fd = dup(w->old[i]->fd);
			return 0;
		}
	}
	return -ENOENT;
}

void rig_start(struct rig *w, uint64_t cache_max)
{
	w->pool = pool_new(w->loop, w->threads > 0 ? w->threads : 2);
	w->bundler = bundler_new(w->pool, w->cache_dir, w->index_dir, cache_max);
	bundler_on_base(w->bundler, old_bytes_of, w);
}

void rig_stop(struct rig *w)
{
	w->bundler = bundler_free(w->bundler);
	w->pool = pool_free(w->pool);
}

int rig_setup(void **state)
{
	struct rig *w = calloc(1, sizeof(*w));

	temp_new_fast(&w->dir);
	mkdirat(w->dir.fd, "index", 0700);
	mkdirat(w->dir.fd, "cache", 0700);
	w->index_dir = openat(w->dir.fd, "index", O_RDONLY | O_DIRECTORY);
	w->cache_dir = openat(w->dir.fd, "cache", O_RDONLY | O_DIRECTORY);
	w->loop = ev_loop_new(0);
	rig_start(w, 1 << 30);
	*state = w;
	return 0;
}

int rig_teardown(void **state)
{
	struct rig *w = *state;

	rig_stop(w);
	ev_loop_destroy(w->loop);
	close(w->index_dir);
	close(w->cache_dir);
	temp_done(&w->dir);
	free(w);
	return 0;
}

void image_index(struct rig *w, struct image *i, const char *name)
{
	struct err e = {""};

	i->fd = temp_file(&w->dir, name);
	if (i->size > 0)
		temp_write(i->fd, i->bytes, i->size, 0);
	if (index_build(i->fd, w->index_dir, NULL, NULL, &i->root, &e) < 0)
		fail_msg("%s", e.text);
}

void image_index_sums(struct rig *w, struct image *i, const char *name)
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

void image_done(struct image *i)
{
	close(i->fd);
	free(i->bytes);
}

struct content image_content(const struct image *i, bool live)
{
	struct content c = {.root = i->root, .size = i->size, .fd = i->fd, .live = live};
	struct stat st;

	assert_int_equal(fstat(i->fd, &st), 0);
	identity_of(&st, &c.identity);
	return c;
}

void rig_got(void *arg, int error, struct bundle *b)
{
	struct rig *w = arg;

	w->answered = true;
	w->error = error;
	w->got = b;
}

struct bundle *rig_get(struct rig *w, const struct content *c, const struct hash *bases, unsigned n)
{
	struct bundle_ticket *t;

	w->answered = false;
	t = bundler_get(w->bundler, c, bases, n, rig_got, w);
	assert_non_null(t);
	assert_false(w->answered);
	while (!w->answered)
		ev_run(w->loop, EVRUN_ONCE);
	assert_int_equal(w->error, 0);
	return w->got;
}

void rig_ready(void *arg)
{
	((struct rig *)arg)->ready++;
}

int64_t rig_read(struct rig *w, struct bundle_stream *s, uint64_t offset, uint8_t *buf,
		 uint64_t limit, size_t piece)
{
	uint64_t have = 0;

	stream_on_ready(s, rig_ready, w);
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

void rig_close(struct bundle_stream *s, struct bundle *b)
{
	stream_forget(s);
	stream_free(s);
	bundle_unref(b);
}

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

void applied_take(struct applied *a, const uint8_t *bytes, uint64_t len,
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

void applied_init(struct applied *a, uint64_t size)
{
	a->out = malloc(MAX(size, 1u));
	memset(a->out, 0xee, MAX(size, 1u));
	a->node_done = calloc(nodes_of(size) + 1, sizeof(bool));
	a->frames = 0;
	a->patched = 0;
	a->prefixed = 0;
}

void applied_done(struct applied *a)
{
	free(a->out);
	free(a->node_done);
}

void applied_whole(struct applied *ret, const uint8_t *bytes, uint64_t len,
		   const struct image *const *bases, const struct image *new)
{
	applied_init(ret, new->size);
	applied_take(ret, bytes, len, bases);
	assert_memory_equal(ret->out, new->bytes, new->size);
	for (uint64_t i = 0; i < nodes_of(new->size); i++)
		assert_true(ret->node_done[i]);
	applied_done(ret);
}

void image_literal(struct rig *w, struct image *i, uint64_t size)
{
	uint64_t seed = 99;

	i->size = size;
	i->bytes = malloc(size);
	temp_fill(&seed, i->bytes, size);
	memset(i->bytes + size / 3, 'x', size / 5);
	image_index(w, i, "new");
}

unsigned rig_count_files(struct rig *w, const char *suffix)
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
