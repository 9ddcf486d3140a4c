/*
 * test_index_sectors.c: sums of sectors beside an index: those of the right block, whatever zeros
 * lie between and however short the last one is; what is damaged is refused; and literals are
 * taken apart by them where the old bytes are gone.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/temp.h"
#include "transfer/index_build.h"
#include "transfer/patch.h"

#define BLOCKS 300u
#define SIZE   ((BLOCKS - 1) * (uint64_t)BLOCK_SIZE + 1100) /* the last: two sectors and a bit */

struct fixture {
	struct temp t;
	uint8_t *data;
	struct index *index;
	struct sectors *sectors;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct index_builder *b;
	char name[HASH_HEX + 1];
	struct hash root;
	struct err e = {""};
	uint64_t seed = 5;
	int fd;

	temp_new(&f->t);
	f->data = calloc(BLOCKS, BLOCK_SIZE);
	temp_fill(&seed, f->data, SIZE);
	memset(f->data + 20 * BLOCK_SIZE, 0, 150 * BLOCK_SIZE); /* a whole node among them */
	memset(f->data + 200 * BLOCK_SIZE, 0, BLOCK_SIZE);
	memset(f->data + 210 * BLOCK_SIZE + 512, 0, 1024);
	fd = temp_file(&f->t, "f");
	temp_write(fd, f->data, SIZE, 0);
	assert_int_equal(index_builder_new(fd, f->t.fd, NULL, &b, &e), 0);
	assert_int_equal(index_builder_sectors(b, f->t.fd), 0);
	while (index_builder_work(b, NULL) > 0)
		;
	assert_int_equal(index_builder_finish(b, &root, NULL, &e), 0);
	assert_int_equal(index_open(f->t.fd, hash_hex(&root, name), &f->index, &e), 0);
	assert_int_equal(index_builder_finish_sectors(b, f->index), 0);
	index_builder_free(b);
	close(fd);
	assert_int_equal(sectors_open(f->t.fd, f->index, &f->sectors), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	sectors_free(f->sectors);
	index_unref(f->index);
	temp_done(&f->t);
	free(f->data);
	free(f);
	return 0;
}

static void sums_are_those_of_the_block(void **state)
{
	struct fixture *f = *state;
	uint8_t sector[SECTOR_SIZE];

	for (uint64_t i = 0; i < BLOCKS + 5; i++) {
		const struct sector_sums *s = sectors_of(f->sectors, i);
		bool there = i < BLOCKS && !index_block_is_zero(f->index, i);

		assert_int_equal(s != NULL, there);
		for (unsigned k = 0; there && k < SECTORS; k++) {
			uint64_t at = i * BLOCK_SIZE + k * SECTOR_SIZE;

			if (at >= SIZE)
				break;
			memcpy(sector, f->data + at, SECTOR_SIZE); /* zeros behind the end */
			assert_int_equal(s->s[k], sectors_sum(f->sectors, sector));
		}
	}
}

static void damaged_ones_are_refused(void **state)
{
	struct fixture *f = *state;
	char name[HASH_HEX + sizeof(SECTORS_SUFFIX)], hex[HASH_HEX + 1];
	struct sectors *s;
	int fd;

	snprintf(name, sizeof(name), "%s" SECTORS_SUFFIX, hash_hex(index_root(f->index), hex));
	fd = openat(f->t.fd, name, O_RDWR);
	assert_true(fd >= 0);
	temp_write(fd, "X", 1, 0);
	assert_int_equal(sectors_open(f->t.fd, f->index, &s), -EBADMSG);
	temp_write(fd, "S", 1, 0);
	assert_int_equal(sectors_open(f->t.fd, f->index, &s), 0);
	sectors_free(s);
	assert_int_equal(ftruncate(fd, 40), 0);
	assert_int_equal(sectors_open(f->t.fd, f->index, &s), -EBADMSG);
	assert_int_equal(ftruncate(fd, 4096), 0);
	assert_int_equal(sectors_open(f->t.fd, f->index, &s), -EBADMSG);
	close(fd);
	assert_int_equal(unlinkat(f->t.fd, name, 0), 0);
	assert_int_equal(sectors_open(f->t.fd, f->index, &s), -ENOENT);
}

/* What p makes of the literals, put together with the old bytes. */
static void expect_whole(const struct patched *p, const struct fixture *f, const uint8_t *literals,
			 const uint8_t *whole, size_t len)
{
	const uint8_t *to = whole, *from = literals;

	for (uint32_t i = 0; i < p->n_parts; i++) {
		const uint8_t *src = p->parts[i].copy ? f->data + p->parts[i].src : from;

		assert_memory_equal(to, src, p->parts[i].len);
		to += p->parts[i].len;
		from += p->parts[i].copy ? 0 : p->parts[i].len;
	}
	assert_ptr_equal(to, whole + len);
}

/* Blocks 1..2 and the last one as literals of one frame, with a byte changed in each. */
static void literals_are_taken_apart(void **state)
{
	struct fixture *f = *state;
	struct op ops[] = {{.kind = OP_SAME, .n = 1},
			   {.kind = OP_LIT, .n = 2},
			   {.kind = OP_SAME, .n = BLOCKS - 4},
			   {.kind = OP_LIT, .n = 1}};
	struct plan_frame frame = {
		.n_nodes = 3, .ops = ops, .n_ops = 4, .literal_bytes = 2 * BLOCK_SIZE + 1100};
	struct patch_base base = {.sectors = f->sectors};
	const atomic_bool cancel = false;
	uint8_t literals[2 * BLOCK_SIZE + 1100], whole[sizeof(literals)];
	struct patched p;

	memcpy(literals, f->data + BLOCK_SIZE, 2 * BLOCK_SIZE);
	memcpy(literals + 2 * BLOCK_SIZE, f->data + (BLOCKS - 1) * BLOCK_SIZE, 1100);
	literals[512 * 3 + 7] ^= 1;
	literals[BLOCK_SIZE + 1] ^= 1;
	literals[2 * BLOCK_SIZE + 600] ^= 1;
	memcpy(whole, literals, sizeof(whole));
	assert_int_equal(patch_frame(&frame, SIZE, literals, &base, 1, &cancel, &p), 0);
	/* A sector each; of the last block also what is no whole sector. */
	assert_int_equal(p.literals_len, 512 + 512 + 512 + (1100 - 1024));
	assert_int_equal(p.ops[1].kind, OP_PATCH);
	assert_int_equal(p.ops[3].kind, OP_PATCH);
	expect_whole(&p, f, literals, whole, sizeof(whole));
	patched_done(&p);
}

/*
 * The old bytes are gone, and lie elsewhere by any number of sectors: anchors propose, sums decide.
 * Catches: only the same phase, a run that does not grow to both sides or over blocks' edges, zeros
 * of the base that are read as sums, and anything that is copied before the base begins or after
 * its end.
 */
static void what_moved_by_sectors_is_found(void **state)
{
	struct fixture *f = *state;
	const atomic_bool cancel = false;
	struct anchors *gone;
	unsigned alone = 0;
	int fd = temp_file(&f->t, "old");

	temp_write(fd, f->data, SIZE, 0);
	assert_int_equal(anchors_get(f->t.fd, fd, f->index, &cancel, &gone), 0);
	close(fd);
	for (unsigned shift = 1; shift < 20; shift++) {
		size_t skip = 205 * BLOCK_SIZE + shift * SECTOR_SIZE, len = 60 * BLOCK_SIZE;
		struct op op = {.kind = OP_LIT, .n = 60};
		struct plan_frame frame = {
			.n_nodes = 1, .ops = &op, .n_ops = 1, .literal_bytes = len};
		struct patch_base base = {.sectors = f->sectors, .gone = gone};
		uint8_t *literals = malloc(len), *whole = malloc(len);
		struct patched p;

		memcpy(literals, f->data + skip, len);
		memset(literals + 5000, 'x', 100); /* two sectors that changed, one of them twice */
		literals[5400] ^= 1;
		memcpy(whole, literals, len);
		assert_int_equal(patch_frame(&frame, len, literals, &base, 1, &cancel, &p), 0);
		assert_int_equal(p.ops[0].kind, OP_PATCH);
		assert_in_range(p.literals_len, 2 * SECTOR_SIZE, len / 8);
		expect_whole(&p, f, literals, whole, len);
		patched_done(&p);
		/* Not by whole sectors: nothing. */
		memcpy(literals, f->data + skip + 100, len);
		assert_int_equal(patch_frame(&frame, len, literals, &base, 1, &cancel, &p), 0);
		assert_int_equal(p.literals_len, len);
		patched_done(&p);
		/* A block alone has some eight anchors, in whichever of its sectors. */
		op.n = 1;
		frame.literal_bytes = BLOCK_SIZE;
		memcpy(literals, f->data + skip, BLOCK_SIZE);
		assert_int_equal(patch_frame(&frame, BLOCK_SIZE, literals, &base, 1, &cancel, &p),
				 0);
		alone += p.literals_len == 0;
		patched_done(&p);
		free(literals);
		free(whole);
	}
	assert_in_range(alone, 17, 19);
	anchors_free(gone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sums_are_those_of_the_block, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_ones_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(literals_are_taken_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(what_moved_by_sectors_is_found, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
