/*
 * test_extents.c: what clones have in common, on real XFS and btrfs: exactly the blocks that were
 * not written to, whatever is dirty, unwritten, inline, compressed or past the end of the other;
 * an index made on that ground is the one that reading makes; and a lie is found by the audit.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/mounted.h"
#include "transfer/extents.h"
#include "transfer/index_build.h"
#include "transfer/source.h"

#define BLOCKS 1024u /* of the file; the last one is short */
#define SIZE   ((BLOCKS - 1) * (uint64_t)BLOCK_SIZE + 1000)

static void put_random(int fd, uint64_t seed, uint64_t first, uint64_t blocks)
{
	uint8_t buf[BLOCK_SIZE];

	for (uint64_t i = first; i < first + blocks; i++) {
		temp_fill(&seed, buf, sizeof(buf));
		temp_write(
			fd, buf,
			(size_t)MIN(BLOCK_SIZE, MAX(SIZE, (i + 1) * BLOCK_SIZE) - i * BLOCK_SIZE),
			i * BLOCK_SIZE);
	}
}

/* Blocks 0..1023 but for a hole 300..399 and a stretch 500..599 that was only allocated. */
static int make_base(const struct temp *t, const char *name)
{
	int fd = temp_file(t, name);

	put_random(fd, 1, 0, 300);
	put_random(fd, 2, 400, 100);
	put_random(fd, 3, 600, BLOCKS - 600);
	assert_int_equal(posix_fallocate(fd, 500 * BLOCK_SIZE, 100 * BLOCK_SIZE), 0);
	assert_int_equal(ftruncate(fd, (off_t)SIZE), 0);
	assert_int_equal(fsync(fd), 0);
	return fd;
}

static int clone_of(const struct temp *t, int fd, const char *name)
{
	assert_int_equal(source_clone(fd, t->fd, name), 0);
	assert_int_equal(fchmodat(t->fd, name, 0600, 0), 0);
	return openat(t->fd, name, O_RDWR | O_CLOEXEC);
}

static uint64_t size_of(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return (uint64_t)st.st_size;
}

static int common_of(int fd, int base, struct extents_common *ret)
{
	return extents_compare(fd, size_of(fd), base, size_of(base), NULL, ret);
}

/* Every block that is called the same has the same bytes. */
static void check_true(int fd, int base, const struct extents_common *c)
{
	uint8_t a[BLOCK_SIZE], b[BLOCK_SIZE];
	uint64_t n = 0;

	for (uint64_t i = 0; i < blocks_of(size_of(fd)); i++) {
		if (!extents_same(c->same, i))
			continue;
		memset(a, 0, sizeof(a));
		memset(b, 0, sizeof(b));
		assert_true(pread(fd, a, sizeof(a), (off_t)(i * BLOCK_SIZE)) > 0);
		assert_true(pread(base, b, sizeof(b), (off_t)(i * BLOCK_SIZE)) > 0);
		assert_memory_equal(a, b, sizeof(a));
		n++;
	}
	assert_int_equal(n, c->n_same);
}

static void check_changed(const struct temp *t)
{
	int base = make_base(t, "base"), fd = clone_of(t, base, "new");
	struct extents_common c;
	uint8_t byte = 1;

	assert_int_equal(common_of(fd, base, &c), 0);
	assert_int_equal(c.n_same, BLOCKS - 200);
	assert_int_equal(c.n_other, 0);
	check_true(fd, base, &c);
	extents_done(&c);

	/* Dirty, and not on disk yet: a map without a sync would not know. */
	put_random(fd, 7, 10, 3);
	temp_write(fd, &byte, 1, 700 * BLOCK_SIZE + 4000);
	put_random(fd, 8, 350, 1); /* in the hole */
	put_random(fd, 9, 520, 2); /* in what was only allocated */
	assert_int_equal(common_of(fd, base, &c), 0);
	assert_false(extents_same(c.same, 10) || extents_same(c.same, 12) ||
		     extents_same(c.same, 350) || extents_same(c.same, 520));
	assert_false(extents_same(c.same, 700));
	assert_true(extents_same(c.same, 9) && extents_same(c.same, 13));
	assert_true(extents_same(c.same, 699) && extents_same(c.same, 701));
	assert_true(extents_same(c.same, BLOCKS - 1));
	assert_int_equal(c.n_same, BLOCKS - 200 - 4);
	assert_int_equal(c.n_other, 7);
	check_true(fd, base, &c);
	extents_done(&c);
	close(fd);
	close(base);
}

/* The block in which one of them ends is not the same where the other ends elsewhere. */
static void check_sizes(const struct temp *t)
{
	int base = make_base(t, "base"), fd = clone_of(t, base, "new");
	struct extents_common c;

	assert_int_equal(ftruncate(fd, (off_t)SIZE + 5), 0);
	assert_int_equal(common_of(fd, base, &c), 0);
	assert_false(extents_same(c.same, BLOCKS - 1));
	assert_true(extents_same(c.same, BLOCKS - 2));
	check_true(fd, base, &c);
	extents_done(&c);

	assert_int_equal(ftruncate(fd, 200 * BLOCK_SIZE + 3), 0);
	assert_int_equal(common_of(fd, base, &c), 0);
	assert_int_equal(c.n_same, 200);
	extents_done(&c);

	assert_int_equal(ftruncate(fd, 200 * BLOCK_SIZE), 0);
	assert_int_equal(common_of(fd, base, &c), 0);
	assert_int_equal(c.n_same, 200);
	check_true(fd, base, &c);
	extents_done(&c);

	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(common_of(fd, base, &c), 0);
	assert_int_equal(c.n_same, 0);
	extents_done(&c);
	close(fd);
	close(base);
}

static void check_strangers(const struct temp *t, const struct temp *elsewhere)
{
	int base = make_base(t, "base"), other = make_base(t, "other"), tiny = temp_file(t, "tiny");
	int far = make_base(elsewhere, "far"), tiny2;
	struct extents_common c;
	struct extents_probe p;

	/* The same bytes, but written twice. */
	assert_int_equal(common_of(other, base, &c), 0);
	assert_int_equal(c.n_same, 0);
	assert_int_equal(c.n_other, BLOCKS - 200);
	extents_done(&c);
	assert_int_equal(common_of(far, base, &c), -EOPNOTSUPP);
	assert_int_equal(common_of(base, far, &c), -EOPNOTSUPP);

	assert_int_equal(extents_probe(base, SIZE, &p), 0);
	assert_true(p.n >= 8);
	assert_int_equal(extents_alike(&p, base), p.n);
	assert_int_equal(extents_alike(&p, other), 0);

	/* Inline on btrfs; a whole block on XFS. A clone of it never says more than is true. */
	temp_write(tiny, "tiny", 4, 0);
	assert_int_equal(fsync(tiny), 0);
	tiny2 = clone_of(t, tiny, "tiny2");
	temp_write(tiny2, "T", 1, 0);
	assert_int_equal(common_of(tiny2, tiny, &c), 0);
	assert_int_equal(c.n_same, 0);
	extents_done(&c);
	close(tiny2);
	close(tiny);
	close(far);
	close(other);
	close(base);
}

static void build_both(const struct temp *t, int fd, const struct index_trust *trust,
		       struct index_facts *ret)
{
	struct index_builder *b;
	struct hash trusting, reading;
	struct err e = {""};
	int r;

	assert_int_equal(index_builder_new(fd, t->fd, trust, &b, &e), 0);
	while ((r = index_builder_work(b, NULL)) > 0)
		;
	assert_int_equal(r, 0);
	assert_int_equal(index_builder_progress(b), size_of(fd));
	assert_int_equal(index_builder_finish(b, &trusting, ret, &e), 0);
	index_builder_free(b);
	assert_int_equal(index_build(fd, t->fd, NULL, NULL, &reading, &e), 0);
	assert_true(hash_equal(&trusting, &reading));
}

static struct index *index_of(const struct temp *t, int fd)
{
	char name[HASH_HEX + 1];
	struct index *x;
	struct hash root;
	struct err e = {""};

	assert_int_equal(index_build(fd, t->fd, NULL, NULL, &root, &e), 0);
	assert_int_equal(index_open(t->fd, hash_hex(&root, name), &x, &e), 0);
	return x;
}

static void check_index(const struct temp *t)
{
	int base = make_base(t, "base"), fd = clone_of(t, base, "new");
	struct index_trust trust = {.base = index_of(t, base)};
	struct index_facts facts;
	struct extents_common c;
	uint64_t read, block = 0;

	put_random(fd, 7, 0, 2);
	put_random(fd, 8, 310, 1);
	put_random(fd, 9, 800, 5);
	assert_int_equal(common_of(fd, base, &c), 0);
	trust.same = c.same;
	build_both(t, fd, &trust, &facts);
	assert_int_equal(facts.read, 8 * BLOCK_SIZE);
	assert_int_equal(facts.trusted, c.n_same * BLOCK_SIZE - (BLOCK_SIZE - 1000));
	assert_int_equal(index_audit(fd, size_of(fd), &trust, 8 * MIB, NULL, &read, &block), 0);
	assert_true(read >= 8 * MIB);

	/* Longer by a node and a half, then shorter than the base by some. */
	put_random(fd, 10, BLOCKS + 100, 92);
	extents_done(&c);
	assert_int_equal(common_of(fd, base, &c), 0);
	trust.same = c.same;
	build_both(t, fd, &trust, &facts);
	assert_in_range(facts.read, 93 * BLOCK_SIZE, 110 * BLOCK_SIZE);
	assert_int_equal(ftruncate(fd, 450 * BLOCK_SIZE), 0);
	extents_done(&c);
	assert_int_equal(common_of(fd, base, &c), 0);
	trust.same = c.same;
	build_both(t, fd, &trust, &facts);
	assert_int_equal(facts.read, 3 * BLOCK_SIZE);

	/* The lie: a block that was written is said to be the old one. Only an audit that begins
	 * at just this block of 450 finds it: now and then one of so many bytes does not, but not
	 * twenty in a row. */
	c.same[0] |= 1;
	for (int i = 0, r = 0; r == 0; i++) {
		assert_in_range(i, 0, 19);
		r = index_audit(fd, size_of(fd), &trust, 64 * MIB, NULL, &read, &block);
		assert_true(r == 0 || r == -EBADE);
	}
	assert_int_equal(block, 0);
	extents_done(&c);
	index_unref(trust.base);
	close(fd);
	close(base);
}

static struct mounted m;

static int unmount(void **state)
{
	(void)state;
	mounted_done(&m);
	return 0;
}

static void on(const char *type)
{
	struct temp elsewhere;

	if (!mounted_new(&m, type, "defaults"))
		skip();
	temp_new(&elsewhere);
	check_changed(&m.t);
	check_sizes(&m.t);
	check_strangers(&m.t, &elsewhere);
	check_index(&m.t);
	temp_done(&elsewhere);
}

static void test_xfs(void **state)
{
	(void)state;
	on("xfs");
}

static void test_btrfs(void **state)
{
	(void)state;
	on("btrfs");
}

/* What is compressed is not compared: its places are those of other bytes. */
static void test_compressed(void **state)
{
	struct extents_common c;
	uint8_t buf[BLOCK_SIZE];
	int fd, other;

	(void)state;
	if (!mounted_new(&m, "btrfs", "compress-force=zstd"))
		skip();
	fd = temp_file(&m.t, "base");
	memset(buf, 'x', sizeof(buf));
	for (uint64_t i = 0; i < 256; i++)
		temp_write(fd, buf, sizeof(buf), i * BLOCK_SIZE);
	assert_int_equal(fsync(fd), 0);
	other = clone_of(&m.t, fd, "new");
	assert_int_equal(common_of(other, fd, &c), 0);
	assert_int_equal(c.n_same, 0);
	assert_int_equal(c.n_other, 256);
	extents_done(&c);
	close(other);
	close(fd);
}

static void test_no_reflink(void **state)
{
	struct extents_probe p;
	int fd;

	(void)state;
	if (!mounted_new(&m, "ext4", "defaults"))
		skip();
	fd = make_base(&m.t, "f");
	assert_false(extents_usable(fd));
	assert_int_equal(extents_probe(fd, SIZE, &p), -EOPNOTSUPP);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_xfs, unmount),
		cmocka_unit_test_teardown(test_btrfs, unmount),
		cmocka_unit_test_teardown(test_compressed, unmount),
		cmocka_unit_test_teardown(test_no_reflink, unmount),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
