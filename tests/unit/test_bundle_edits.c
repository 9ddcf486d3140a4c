/*
 * test_bundle_edits.c: random edits over random bases, indexed, planned, streamed, decoded and
 * applied in memory, must give the new content to the byte; some through a spoke's own staging as
 * well.
 */
#include "tests/unit/bundle_rig.h"
#include "tests/unit/staged.h"

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
static void one_script(struct rig *w, uint64_t seed, uint64_t most, struct staged *staged)
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
	c = image_content(&new, pick(&seed, 2) > 0);
	b = rig_get(w, &c, roots, n_bases);
	check_sums(bundle_plan(b));

	bytes = malloc(new.size + (1 << 20));
	assert_int_equal(stream_new(b, 3, NULL, 0, &s), 0);
	len = rig_read(w, s, 0, bytes, new.size + (1 << 20), 1 + pick(&seed, 100000));
	assert_true(len > 0);
	assert_int_equal(stream_estimate(s), len);
	assert_int_equal(stream_literal_at(s, (uint64_t)len), bundle_plan(b)->literal_bytes);
	assert_int_equal(stream_literal(s), bundle_plan(b)->literal_bytes);
	applied_whole(&a, bytes, (uint64_t)len, base_list, &new);
	if (staged != NULL)
		take_staged(staged, seed, bases, n_bases, &new, bytes, (uint64_t)len);
	w->patched += a.patched;
	w->prefixed += a.prefixed;
	rig_close(s, b);
	free(bytes);
	image_done(&new);
	memset(w->old, 0, sizeof(w->old));
	for (unsigned i = 0; i < n_bases; i++)
		image_done(&bases[i]);
}

/* Each passes from thread to thread, which is dear under ASan; what is new to it comes early. */
#ifdef __SANITIZE_ADDRESS__
#define SCRIPTS 1000
#else
#define SCRIPTS 10000
#endif

static void test_random_edits(void **state)
{
	struct staged staged;

	staged_new(&staged);
	for (uint64_t seed = 1; seed <= 300; seed++)
		one_script(*state, seed * 7919, 4 << 20, seed % 15 > 0 ? NULL : &staged);
	for (uint64_t seed = 301; seed <= SCRIPTS; seed++)
		one_script(*state, seed * 7919, seed % 8 > 0 ? 64 << 10 : 1 << 20,
			   seed % 19 > 0 ? NULL : &staged);
	staged_done(&staged);
	assert_true(((struct rig *)*state)->patched > 0);
	assert_true(((struct rig *)*state)->prefixed > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_random_edits, rig_setup, rig_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
