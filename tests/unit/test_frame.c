/*
 * test_frame.c: what is encoded decodes to the same; and of a frame or header with any byte
 * changed, cut, or with operations that are not allowed, nothing is believed.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>
#include <sys/resource.h>
#include <cmocka.h>
#include <zstd.h>

#include "tests/unit/temp.h"
#include "transfer/cursor.h"
#include "transfer/frame.h"
#include "transfer/frame_private.h"

#define SIZE                        \
	(10 * (uint64_t)NODE_SIZE + \
	 5000) /* 11 nodes, the last of 2 blocks, the last of 904 bytes */

/* Nodes 8..10: a whole SAME, a mixed one, the short last one. */
static const struct op sound_ops[] = {{OP_SAME, 1, 0, NODE_BLOCKS},
				      {OP_COPY, 0, 7, 100},
				      {OP_COPY, 1, 1000000, 8},
				      {OP_ZERO, 0, 0, 19},
				      {OP_LIT, 0, 0, 3}};
#define SOUND_LITERALS (2 * BLOCK_SIZE + 904)

struct made {
	uint8_t literals[3 * BLOCK_SIZE];
	struct hash hashes[3];
	struct frame frame;
};

static void make(struct made *m, bool compressible)
{
	uint64_t seed = 5;

	if (compressible)
		memset(m->literals, 'a', sizeof(m->literals));
	else
		temp_fill(&seed, m->literals, sizeof(m->literals));
	temp_fill(&seed, m->hashes, sizeof(m->hashes));
	m->frame = (struct frame){.head = {.index = 3,
					   .first_node = 8,
					   .n_nodes = 3,
					   .n_ops = ARRAY_LEN(sound_ops),
					   .n_hashes = 2,
					   .literals_len = SOUND_LITERALS},
				  .ops = sound_ops,
				  .hashes = m->hashes,
				  .literals = m->literals};
}

static int decode(struct frame_decoder *d, const uint8_t *buf, size_t len, struct frame *ret)
{
	struct frame_head head;
	struct err e = {""};
	int r = frame_head_decode(buf, SIZE, &head, &e);

	if (r == 0 && head.body_len != len - FRAME_HEAD_SIZE)
		return -EBADMSG;
	if (r == 0)
		r = frame_decode(d, &head, buf + FRAME_HEAD_SIZE, SIZE, 2, ret, &e);
	assert_true(r == 0 || e.text[0] != '\0');
	return r;
}

static void assert_same_frame(const struct frame *a, const struct frame *b)
{
	assert_int_equal(a->head.index, b->head.index);
	assert_int_equal(a->head.first_node, b->head.first_node);
	assert_int_equal(a->head.n_nodes, b->head.n_nodes);
	assert_int_equal(a->head.n_ops, b->head.n_ops);
	for (uint32_t i = 0; i < a->head.n_ops; i++) {
		assert_int_equal(a->ops[i].kind, b->ops[i].kind);
		assert_int_equal(a->ops[i].base, b->ops[i].base);
		assert_int_equal(a->ops[i].src, b->ops[i].src);
		assert_int_equal(a->ops[i].n, b->ops[i].n);
	}
	assert_memory_equal(a->hashes, b->hashes, a->head.n_hashes * HASH_SIZE);
	assert_memory_equal(a->literals, b->literals, a->head.literals_len);
}

static void test_round_trip(void **state)
{
	struct frame_encoder *x = frame_encoder_new();
	struct frame_decoder *d = frame_decoder_new();

	(void)state;
	for (int level = 1; level <= 19; level += 6) {
		for (unsigned compressible = 0; compressible < 2; compressible++) {
			struct made m;
			struct frame f;
			uint8_t *buf;
			size_t len;

			make(&m, compressible);
			assert_int_equal(frame_encode(x, &m.frame, NULL, level, &buf, &len), 0);
			assert_int_equal(decode(d, buf, len, &f), 0);
			assert_int_equal(f.head.compressed, compressible);
			assert_true(!compressible || len < 500);
			assert_same_frame(&f, &m.frame);
		}
	}
	frame_encoder_free(x);
	frame_decoder_free(d);
}

static void test_every_byte_counts(void **state)
{
	struct frame_encoder *x = frame_encoder_new();
	struct frame_decoder *d = frame_decoder_new();
	struct made m;
	struct frame f;
	uint8_t *buf;
	size_t len;

	(void)state;
	make(&m, true);
	assert_int_equal(frame_encode(x, &m.frame, NULL, 3, &buf, &len), 0);
	for (size_t i = 0; i < len; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			int r;

			buf[i] ^= (uint8_t)(1 << bit);
			r = decode(d, buf, len, &f);
			/* The frame's place and number are its stream's business. */
			if (r == 0)
				assert_true(i >= 4 && i < 12);
			else
				assert_true(r == -EBADMSG || r == -EPROTONOSUPPORT);
			buf[i] ^= (uint8_t)(1 << bit);
		}
	}
	frame_encoder_free(x);
	frame_decoder_free(d);
}

/* ops that are not allowed in nodes 8..10, each for one reason. */
static void test_bad_ops(void **state)
{
	static const struct op bad[][5] = {
		{{OP_LIT, 0, 0, 257}},					      /* not all */
		{{OP_LIT, 0, 0, 259}},					      /* too many */
		{{OP_ZERO, 0, 0, 256}, {OP_LIT, 0, 0, 0}, {OP_LIT, 0, 0, 2}}, /* none */
		{{OP_SAME, 0, 0, 100}, {OP_LIT, 0, 0, 158}},		      /* part of a node */
		{{OP_ZERO, 0, 0, 28}, {OP_SAME, 0, 0, 128}, {OP_LIT, 0, 0, 102}}, /* across two */
		{{OP_SAME, 2, 0, 258}},						  /* no such base */
		{{OP_COPY, 2, 0, 258}},						  /* no such base */
		{{OP_COPY, 0, FILE_SIZE_MAX / BLOCK_SIZE - 257, 258}}, /* beyond any file */
		{{OP_COPY, 0, UINT64_MAX - 5, 258}},		       /* before any file */
		{{OP_PATCH, 0, 0, 258}},			       /* no parts */
		{{5, 0, 0, 258}},				       /* a later tier's */
	};
	struct frame_encoder *x = frame_encoder_new();
	struct frame_decoder *d = frame_decoder_new();
	uint8_t *literals = calloc(300, BLOCK_SIZE);
	struct hash hashes[3] = {{{0}}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct frame f = {.head = {.first_node = 8, .n_nodes = 3}, .ops = bad[i]};
		struct frame out;
		uint64_t lit = 0, same = 0;
		uint8_t *buf;
		size_t len;

		while (f.head.n_ops < 5 &&
		       (f.head.n_ops == 0 || bad[i][f.head.n_ops].kind != OP_SAME ||
			bad[i][f.head.n_ops].n != 0)) {
			lit += bad[i][f.head.n_ops].kind == OP_LIT ? bad[i][f.head.n_ops].n : 0;
			same += bad[i][f.head.n_ops].kind == OP_SAME ? bad[i][f.head.n_ops].n : 0;
			f.head.n_ops++;
		}
		f.head.n_hashes = 3 - (uint32_t)MIN((same + 127) / 128, 3u);
		f.head.literals_len =
			lit > 0 ? (uint32_t)(lit * BLOCK_SIZE - (BLOCK_SIZE - 904)) : 0;
		f.hashes = hashes;
		f.literals = literals;
		assert_int_equal(frame_encode(x, &f, NULL, 3, &buf, &len), 0);
		assert_int_equal(decode(d, buf, len, &out), -EBADMSG);
	}
	free(literals);
	frame_encoder_free(x);
	frame_decoder_free(d);
}

/* Parts that are not allowed in nodes 8..10, each for one reason; the first are sound. */
static void test_parts(void **state)
{
	enum { BYTES = 2 * NODE_SIZE + 5000, HALF = BYTES / 2 };
	static const struct part parts[][3] = {
		{{0, HALF, 0, false}, {5000, HALF, 1, true}},
		{{77, 1, 0, true}, {UINT32_MAX, BYTES - 2, 1, true}, {0, 1, 0, true}},
		{{0, HALF, 0, false}, {5000, HALF, 2, true}},		       /* no such base */
		{{0, HALF, 0, false}, {5000, HALF - 1, 1, true}},	       /* not all */
		{{0, HALF, 0, false}, {5000, HALF + 1, 1, true}},	       /* too many */
		{{0, HALF, 0, false}, {5000, HALF, 1, true}, {0, 0, 0, true}}, /* none */
		{{0, HALF, 0, false}, {FILE_SIZE_MAX - HALF + 1, HALF, 1, true}},
		{{0, HALF, 0, false}, {UINT64_MAX - HALF + 1, HALF, 1, true}},
		{{UINT64_MAX, BYTES, 0, true}},
	};
	struct frame_encoder *x = frame_encoder_new();
	struct frame_decoder *d = frame_decoder_new();
	uint8_t *literals = calloc(1, BYTES);
	struct hash hashes[3] = {{{0}}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		for (unsigned more = 0; more < 2; more++) {
			uint32_t n = i == 1 || i == 5 ? 3 : i == 8 ? 1 : 2;
			struct op op = {OP_PATCH, n, 0, 258};
			struct frame f = {.head = {.first_node = 8,
						   .n_nodes = 3,
						   .n_ops = 1,
						   .n_parts = n + more, /* more than the op has */
						   .n_hashes = 3},
					  .ops = &op,
					  .parts = parts[i],
					  .hashes = hashes,
					  .literals = literals};
			struct frame out;
			uint8_t *buf;
			size_t len;

			for (uint32_t k = 0; k < n; k++)
				f.head.literals_len += parts[i][k].copy ? 0 : parts[i][k].len;
			assert_int_equal(frame_encode(x, &f, NULL, 3, &buf, &len), 0);
			assert_int_equal(decode(d, buf, len, &out),
					 i < 2 && more == 0 ? 0 : -EBADMSG);
			for (uint32_t k = 0; i < 2 && more == 0 && k < n; k++) {
				assert_int_equal(out.parts[k].src, parts[i][k].src);
				assert_int_equal(out.parts[k].len, parts[i][k].len);
				assert_int_equal(out.parts[k].base, parts[i][k].base);
				assert_int_equal(out.parts[k].copy, parts[i][k].copy);
			}
		}
	}
	free(literals);
	frame_encoder_free(x);
	frame_decoder_free(d);
}

static void test_counts_must_fit(void **state)
{
	struct frame_encoder *x = frame_encoder_new();
	struct frame_decoder *d = frame_decoder_new();

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct made m;
		struct frame f;
		uint8_t *buf;
		size_t len;

		make(&m, true);
		m.frame.head.n_hashes += i == 0;
		m.frame.head.n_hashes -= i == 1;
		m.frame.head.literals_len += i == 2;
		m.frame.head.literals_len -= i == 3;
		assert_int_equal(frame_encode(x, &m.frame, NULL, 3, &buf, &len), 0);
		assert_int_equal(decode(d, buf, len, &f), -EBADMSG);
	}
	frame_encoder_free(x);
	frame_decoder_free(d);
}

/* What the bases' blocks are, in these tests: block b of a base begins at b % 8 of old[]. */
struct bases {
	uint8_t old[16 * BLOCK_SIZE];
	unsigned asked;
	int error;
};

static int give_prefix(void *arg, const struct prefix_run *run, uint8_t *to)
{
	struct bases *b = arg;

	b->asked += run->n;
	if (b->error < 0)
		return b->error;
	memcpy(to, b->old + (run->base * 8 + run->first % 8) * BLOCK_SIZE,
	       (size_t)run->n * BLOCK_SIZE);
	return 0;
}

/* Literals as in the bases but for a byte in fifty, and not to be compressed alone. */
static struct bases *make_prefixed(struct made *m, const struct prefix_run *runs, uint32_t n,
				   uint8_t *prefix)
{
	struct bases *b = calloc(1, sizeof(*b));
	uint64_t seed = 77;

	temp_fill(&seed, b->old, sizeof(b->old));
	make(m, false);
	memcpy(m->literals, b->old + (8 + 5) * BLOCK_SIZE, 2 * BLOCK_SIZE);
	memcpy(m->literals + 2 * BLOCK_SIZE, b->old + 2 * BLOCK_SIZE, 904);
	for (unsigned i = 25; i < SOUND_LITERALS; i += 50)
		m->literals[i] ^= 0x10;
	m->frame.prefix = runs;
	m->frame.head.n_prefix = n;
	for (uint32_t i = 0; i < n; i++) {
		if (prefix == NULL || runs[i].n > 2)
			break;
		assert_int_equal(give_prefix(b, &runs[i], prefix), 0);
		prefix += (size_t)runs[i].n * BLOCK_SIZE;
	}
	return b;
}

static const struct prefix_run two_runs[] = {{13, 2, 1}, {2, 1, 0}};

static void test_prefix(void **state)
{
	uint8_t *prefix = calloc(3, BLOCK_SIZE), *buf, *plain;
	struct frame_encoder *x = frame_encoder_new();
	struct frame_decoder *d = frame_decoder_new();
	uint64_t with, without;
	struct made m;
	struct bases *b = make_prefixed(&m, two_runs, 2, prefix);
	size_t len, plain_len;
	struct frame f;

	(void)state;
	assert_int_equal(frame_estimate(x, &m.frame, prefix, &with, &without), 0);
	assert_true(with < without / 2);
	for (int level = 1; level <= 19; level += 6) {
		assert_int_equal(frame_encode(x, &m.frame, prefix, level, &buf, &len), 0);
		assert_true(len < SOUND_LITERALS / 3);
		assert_int_equal(decode(d, buf, len, &f), -EBADMSG); /* nobody has the blocks */
		frame_decoder_on_prefix(d, give_prefix, b);
		b->asked = 0;
		assert_int_equal(decode(d, buf, len, &f), 0);
		assert_int_equal(b->asked, 3);
		assert_int_equal(f.head.n_prefix, 2);
		assert_memory_equal(f.prefix, two_runs, sizeof(two_runs));
		assert_same_frame(&f, &m.frame);
		frame_decoder_on_prefix(d, NULL, NULL);
	}
	frame_decoder_on_prefix(d, give_prefix, b);
	assert_int_equal(frame_encode(x, &m.frame, prefix, 3, &buf, &len), 0);
	b->error = -ESTALE;
	assert_int_equal(decode(d, buf, len, &f), -ESTALE);
	b->error = 0;
	/* Other blocks: it is noticed, or the literals are others; what comes next is as it is. */
	b->old[(8 + 5) * BLOCK_SIZE + 7] ^= 1;
	if (decode(d, buf, len, &f) == 0)
		assert_memory_not_equal(f.literals, m.literals, SOUND_LITERALS);
	m.frame.head.n_prefix = 0;
	assert_int_equal(frame_encode(x, &m.frame, NULL, 3, &plain, &plain_len), 0);
	assert_int_equal(decode(d, plain, plain_len, &f), 0);
	assert_same_frame(&f, &m.frame);
	free(prefix);
	free(b);
	frame_encoder_free(x);
	frame_decoder_free(d);
}

static void test_prefix_every_byte_counts(void **state)
{
	uint8_t *prefix = calloc(3, BLOCK_SIZE), *buf;
	struct frame_encoder *x = frame_encoder_new();
	struct frame_decoder *d = frame_decoder_new();
	struct made m;
	struct bases *b = make_prefixed(&m, two_runs, 2, prefix);
	struct frame f;
	size_t len;

	(void)state;
	frame_decoder_on_prefix(d, give_prefix, b);
	assert_int_equal(frame_encode(x, &m.frame, prefix, 3, &buf, &len), 0);
	for (size_t i = 0; i < FRAME_HEAD_SIZE + 100; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			int r;

			buf[i] ^= (uint8_t)(1 << bit);
			r = decode(d, buf, len, &f);
			if (r == 0)
				assert_true(i >= 4 && i < 12);
			else
				assert_true(r == -EBADMSG || r == -EPROTONOSUPPORT);
			buf[i] ^= (uint8_t)(1 << bit);
		}
	}
	free(prefix);
	free(b);
	frame_encoder_free(x);
	frame_decoder_free(d);
}

/* Runs that are not allowed; none of their blocks is asked for. A prefix of no use is left out. */
static void test_bad_prefix(void **state)
{
	static const struct prefix_run bad[][1] = {{{0, 1, 2}},
						   {{FILE_SIZE_MAX / BLOCK_SIZE, 1, 0}},
						   {{UINT64_MAX, 1, 0}},
						   {{3, 0, 0}}};
	static const struct prefix_run much = {0, FRAME_PREFIX_MAX + 1, 0};
	struct frame_encoder *x = frame_encoder_new();
	struct frame_decoder *d = frame_decoder_new();
	uint8_t *prefix = calloc(3, BLOCK_SIZE), *buf;
	struct bases *b;
	struct made m;
	struct frame f;
	size_t len;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		b = make_prefixed(&m, bad[i], 1, NULL);
		/* So that it is not left out. */
		memset(m.literals, 'a', sizeof(m.literals));
		frame_decoder_on_prefix(d, give_prefix, b);
		assert_int_equal(frame_encode(x, &m.frame, prefix, 3, &buf, &len), 0);
		assert_int_equal(decode(d, buf, len, &f), -EBADMSG);
		assert_int_equal(b->asked, 0);
		free(b);
	}
	b = make_prefixed(&m, &much, 1, NULL);
	assert_int_equal(frame_encode(x, &m.frame, prefix, 3, &buf, &len), -E2BIG);
	free(b);
	b = make_prefixed(&m, two_runs, 2, NULL);
	assert_int_equal(frame_encode(x, &m.frame, prefix, 3, &buf, &len), 0);
	assert_int_equal(decode(d, buf, len, &f), 0);
	assert_int_equal(f.head.n_prefix, 0);
	assert_false(f.head.compressed);
	assert_same_frame(&f, &m.frame);
	free(b);
	free(prefix);
	frame_encoder_free(x);
	frame_decoder_free(d);
}

/*
 * A body of a kilobyte that would be 32 MiB (and a thousand times as much, had it more of the
 * same): refused whether it says so itself or says what the head says, without room for it.
 */
static void test_bomb(void **state)
{
	const size_t room = 32 * MIB;
	uint8_t *zeros =
		mmap(NULL, room, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct frame_encoder *x = frame_encoder_new();
	struct frame_decoder *d = frame_decoder_new();
	struct frame_head head;
	struct rusage before, after;
	uint8_t *buf, *bomb;
	struct made m;
	struct frame f;
	size_t len, n;
	uint32_t raw;

	(void)state;
	assert_true(zeros != MAP_FAILED);
	make(&m, true);
	assert_int_equal(frame_encode(x, &m.frame, NULL, 3, &buf, &len), 0);
	assert_int_equal(decode(d, buf, len, &f), 0);
	assert_int_equal(frame_head_decode(buf, SIZE, &head, NULL), 0);
	raw = (uint32_t)frame_raw_len(&head);
	n = ZSTD_compressBound(room);
	bomb = xcalloc(FRAME_HEAD_SIZE + n, 1);
	n = ZSTD_compress(bomb + FRAME_HEAD_SIZE, n, zeros, room, 1);
	assert_false(ZSTD_isError(n));
	assert_true(n < raw);
	head.body_len = (uint32_t)n;
	frame_head_encode(&head, bomb);
	getrusage(RUSAGE_SELF, &before);
	assert_int_equal(decode(d, bomb, FRAME_HEAD_SIZE + n, &f), -EBADMSG);
	/* The size in its own head is four bytes, behind magic number, flags, and the window. */
	assert_int_equal(bomb[FRAME_HEAD_SIZE + 4] & 0xe0, 0x80);
	for (unsigned i = 0; i < 4; i++)
		bomb[FRAME_HEAD_SIZE + 6 + i] = (uint8_t)(raw >> 8 * i);
	assert_int_equal(ZSTD_getFrameContentSize(bomb + FRAME_HEAD_SIZE, n), raw);
	assert_int_equal(decode(d, bomb, FRAME_HEAD_SIZE + n, &f), -EBADMSG);
	getrusage(RUSAGE_SELF, &after);
	assert_true(after.ru_maxrss - before.ru_maxrss < 8 * 1024);
	assert_int_equal(decode(d, buf, len, &f), 0);
	free(bomb);
	munmap(zeros, room);
	frame_encoder_free(x);
	frame_decoder_free(d);
}

/* A head may not make us allocate more than the limits. */
static void test_head_limits(void **state)
{
	const struct frame_head sound = {.index = 1,
					 .first_node = 1,
					 .n_nodes = 2,
					 .n_ops = 1,
					 .ops_len = 2,
					 .n_hashes = 2,
					 .literals_len = 100,
					 .body_len = 166};
	struct frame_head h, out;
	uint8_t buf[FRAME_HEAD_SIZE];

	(void)state;
	frame_head_encode(&sound, buf);
	assert_int_equal(frame_head_decode(buf, SIZE, &out, NULL), 0);
	assert_int_equal(frame_head_decode(buf, NODE_SIZE * 2, &out, NULL), -EBADMSG);
	assert_int_equal(frame_head_decode(buf, 0, &out, NULL), -EBADMSG);
	for (unsigned i = 0; i < 10; i++) {
		h = sound;
		h.n_parts = i == 9 ? FRAME_PARTS_MAX + 1 : h.n_parts;
		h.n_nodes = i == 0 ? FRAME_NODES_MAX + 1 : h.n_nodes;
		h.n_nodes = i == 1 ? 0 : h.n_nodes;
		h.n_ops = i == 2 ? FRAME_OPS_MAX + 1 : h.n_ops;
		h.ops_len = i == 3 ? 25 : h.ops_len;
		h.n_hashes = i == 4 ? 3 : h.n_hashes;
		h.literals_len = i == 5 ? FRAME_LITERALS_MAX + 1 : h.literals_len;
		h.first_node = i == 6 ? UINT32_MAX : h.first_node;
		h.index = i == 7 ? 2 : h.index;
		h.body_len = h.ops_len + h.n_hashes * HASH_SIZE + h.literals_len + (i == 8);
		frame_head_encode(&h, buf);
		assert_int_equal(frame_head_decode(buf, (uint64_t)1 << 40, &out, NULL), -EBADMSG);
	}
	/* Of a prefix: the first is sound. */
	for (unsigned i = 0; i < 9; i++) {
		h = sound;
		h.compressed = i != 1;
		h.n_prefix = i == 2 ? 0 : 2;
		h.prefix_blocks = i == 3 ? 1 : i == 4 ? FRAME_PREFIX_MAX + 1 : FRAME_PREFIX_MAX;
		h.prefix_len = i == 5 ? 5 : i == 6 ? 33 : 6;
		h.first_len = i == 7 ? 0 : 60;
		h.body_len = i == 8 ? 60 : 120;
		if (i == 1)
			h.body_len = h.ops_len + h.n_hashes * HASH_SIZE + h.literals_len + 6;
		frame_head_encode(&h, buf);
		assert_int_equal(frame_head_decode(buf, SIZE, &out, NULL), i == 0 ? 0 : -EBADMSG);
	}
}

static void test_header(void **state)
{
	struct run runs[] = {{0, 2}, {5, 1}, {8, 3}};
	struct bundle_header h = {.size = SIZE,
				  .effort = 9,
				  .n_frames = 11,
				  .n_bases = 2,
				  .left_out = runs,
				  .n_left_out = ARRAY_LEN(runs),
				  .nonce = "0123456789abcde"},
			     out;
	struct hash id, seen, digest;
	size_t len, used;
	uint8_t *buf, *longer;

	(void)state;
	h.plan.b[0] = 1;
	h.root.b[0] = 2;
	h.bases[1].b[0] = 3;
	assert_int_equal(bundle_header_encode(&h, &buf, &len, &id), 0);
	digest_bytes(buf, len, &digest);
	assert_true(hash_equal(&id, &digest));
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(bundle_header_decode(buf, cut, &out, &used, &seen, NULL), -EAGAIN);
	longer = calloc(1, len + 10);
	memcpy(longer, buf, len);
	assert_int_equal(bundle_header_decode(longer, len + 10, &out, &used, &seen, NULL), 0);
	assert_int_equal(used, len);
	assert_true(hash_equal(&id, &seen));
	assert_int_equal(out.size, SIZE);
	assert_int_equal(out.effort, 9);
	assert_int_equal(out.n_frames, 11);
	assert_int_equal(out.n_left_out, 3);
	assert_memory_equal(out.left_out, runs, sizeof(runs));
	assert_memory_equal(out.bases, h.bases, sizeof(h.bases));
	assert_memory_equal(out.nonce, h.nonce, BUNDLE_NONCE);
	bundle_header_done(&out);
	free(longer);

	/* runs that overlap, touch, or are not of the plan */
	for (unsigned i = 0; i < 4; i++) {
		struct run bad[2] = {{1, 2}, {5, 2}};

		free(buf);
		bad[1].first = i == 0 ? 2 : i == 1 ? 3 : 5;
		bad[1].n = i == 2 ? 7 : i == 3 ? 0 : 2;
		h.left_out = bad;
		h.n_left_out = 2;
		assert_int_equal(bundle_header_encode(&h, &buf, &len, &id), 0);
		assert_int_equal(bundle_header_decode(buf, len, &out, &used, &seen, NULL),
				 -EBADMSG);
	}
	memcpy(buf, "SSYNCB02", 8);
	assert_int_equal(bundle_header_decode(buf, len, &out, &used, &seen, NULL),
			 -EPROTONOSUPPORT);
	memcpy(buf, "HTTP/1.1", 8);
	assert_int_equal(bundle_header_decode(buf, len, &out, &used, &seen, NULL), -EBADMSG);
	free(buf);
}

static void test_varints(void **state)
{
	uint64_t values[] = {0,		1, 127, 128, 16383, 16384, UINT32_MAX, (uint64_t)1 << 63,
			     UINT64_MAX};
	uint8_t longer[] = {0x80, 0x00}, huge[] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 2};
	struct cursor c;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		uint8_t buf[VARINT_MAX];
		uint8_t *end = put_varint(buf, values[i]);

		c = (struct cursor){buf, end, false};
		assert_int_equal(cursor_varint(&c), values[i]);
		assert_false(c.bad);
		c = (struct cursor){buf, end - 1, false};
		cursor_varint(&c);
		assert_true(c.bad);
		assert_int_equal(unzigzag(zigzag((int64_t)values[i])), (int64_t)values[i]);
	}
	c = (struct cursor){longer, longer + sizeof(longer), false};
	cursor_varint(&c);
	assert_true(c.bad);
	c = (struct cursor){huge, huge + sizeof(huge), false};
	cursor_varint(&c);
	assert_true(c.bad);
}

static void test_cancel(void **state)
{
	atomic_bool cancel = true;
	struct frame_encoder *x = frame_encoder_new();
	struct made m;
	uint8_t *buf;
	size_t len;

	(void)state;
	make(&m, true);
	frame_encoder_on_cancel(x, &cancel);
	assert_int_equal(frame_encode(x, &m.frame, NULL, 3, &buf, &len), -ECANCELED);
	cancel = false;
	assert_int_equal(frame_encode(x, &m.frame, NULL, 3, &buf, &len), 0);
	frame_encoder_free(x);
}

/* What is worth a try: all but what saves nothing where one looks; on a slow line, anywhere. */
static void test_may_pack(void **state)
{
	const size_t len = FRAME_LITERALS_MAX, worth = len / 32;
	struct frame_encoder *x = frame_encoder_new();
	uint8_t *noise = malloc(len), *kept = malloc(worth), *scratch = malloc(len);
	struct bytes part = {noise, len};
	uint64_t seed = 9;

	(void)state;
	temp_fill(&seed, noise, len);
	assert_false(frame_may_pack(x, 3, &part, 1, scratch));
	/* A line that waits for seconds of level 19, to be told that it is noise. */
	assert_false(frame_may_pack(x, 19, &part, 1, scratch));
	for (size_t at = 0; at + worth <= len; at += 5 * worth - 4321) {
		memcpy(kept, noise + at, worth);
		memset(noise + at, 'a', worth);
		assert_true(frame_may_pack(x, 3, &part, 1, scratch));
		memcpy(noise + at, kept, worth);
	}
	assert_false(frame_may_pack(x, 3, &part, 1, scratch));
	for (size_t at = 8192; at + 5000 <= len; at += len / 64)
		memset(noise + at, 'a', 5000);
	assert_false(frame_may_pack(x, 3, &part, 1, scratch));
	assert_true(frame_may_pack(x, 9, &part, 1, scratch));
	part.len = BLOCK_SIZE; /* too little to be looked at */
	assert_true(frame_may_pack(x, 3, &part, 1, scratch));
	free(scratch);
	free(kept);
	free(noise);
	frame_encoder_free(x);
}

/* Two slow encoders, or a large one and another, have 100 MiB together: with a prefix or without,
 * at every level that is used. */
static void test_contexts_are_bounded(void **state)
{
	static const int levels[] = {3, LEVEL_SLOW, 9, LEVEL_LARGE - 1, LEVEL_LARGE, 19};
	const size_t len = FRAME_LITERALS_MAX, piece = 64 << 10;
	uint8_t *same = malloc(2 * len), *out = malloc(len);
	uint64_t seed = 10;

	(void)state;
	temp_fill(&seed, same, piece);
	for (size_t at = piece; at < 2 * len; at += piece)
		memcpy(same + at, same, piece);
	for (unsigned i = 0; i < 2 * ARRAY_LEN(levels); i++) {
		int level = levels[i / 2];
		struct bytes part = {same, len}, prefix = {same, 2 * len};
		struct room room = {out, len, 0};
		struct frame_encoder *x = frame_encoder_new();

		assert_int_equal(frame_pack(x, level, &part, 1, i % 2 ? &prefix : NULL, &room), 0);
		assert_in_range(frame_encoder_size(x), 1 << 20,
				level < LEVEL_LARGE ? 36 << 20 : 60 << 20);
		frame_encoder_free(x);
	}
	free(same);
	free(out);
}

/* Frame after frame in the same memory; larger ones find room. */
static void test_room(void **state)
{
	struct frame_encoder *x = frame_encoder_new();
	struct frame_decoder *d = frame_decoder_new();
	uint8_t *first, *second;
	struct frame f;
	struct made m;
	size_t len;

	(void)state;
	make(&m, false);
	assert_int_equal(frame_encode(x, &m.frame, NULL, 3, &first, &len), 0);
	make(&m, true);
	assert_int_equal(frame_encode(x, &m.frame, NULL, 3, &second, &len), 0);
	assert_ptr_equal(first, second);
	assert_int_equal(decode(d, second, len, &f), 0);
	assert_same_frame(&f, &m.frame);
	second = frame_encoder_room(x, 1 << 20);
	assert_non_null(second);
	memset(second, 0, 1 << 20);
	assert_ptr_equal(frame_encoder_room(x, 100), second);
	frame_encoder_free(x);
	frame_decoder_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contexts_are_bounded),
		cmocka_unit_test(test_may_pack),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_every_byte_counts),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_bad_ops),
		cmocka_unit_test(test_counts_must_fit),
		cmocka_unit_test(test_bomb),
		cmocka_unit_test(test_head_limits),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_varints),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_prefix_every_byte_counts),
		cmocka_unit_test(test_bad_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
