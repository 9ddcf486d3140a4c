/*
 * test_ahead.c: pieces come in their order and whole, however slow the caller; a file that ends
 * early says so; an end in the middle leaves nothing behind.
 */
#include "transfer/ahead.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define PIECES 9
#define LEN    ((size_t)20 * BULK_ALIGN)

struct fixture {
	int fd;
	struct bulk *bulk;
	struct ahead_piece pieces[PIECES];
};

/* Every 4 KiB of the file begin with their number; the last piece is cut short. */
static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	char path[] = "/tmp/test_ahead.XXXXXX", block[BULK_ALIGN];
	unsigned i;

	f->fd = mkstemp(path);
	assert_true(f->fd >= 0);
	unlink(path);
	for (i = 0; i < PIECES * LEN / BULK_ALIGN; i++) {
		memset(block, 'a' + (int)(i % 26), sizeof(block));
		memcpy(block, &i, sizeof(i));
		assert_int_equal(write(f->fd, block, sizeof(block)), sizeof(block));
	}
	assert_int_equal(ftruncate(f->fd, (off_t)(PIECES * LEN - 100)), 0);
	assert_int_equal(bulk_open(f->fd, &f->bulk), 0);
	for (i = 0; i < PIECES; i++) /* backwards: the order is the caller's */
		f->pieces[i] = (struct ahead_piece){f->bulk, (PIECES - 1 - i) * LEN, LEN};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	bulk_close(f->bulk);
	close(f->fd);
	free(f);
	return 0;
}

static void test_order(void **state)
{
	struct fixture *f = *state;
	struct ahead *a;
	unsigned i, k, number;
	uint8_t *p;

	assert_int_equal(ahead_start(f->pieces, PIECES, &a), 0);
	for (i = 0; i < PIECES; i++) {
		assert_int_equal(ahead_next(a, &p), i == 0 ? LEN - 100 : LEN);
		for (k = 0; k < LEN / BULK_ALIGN; k++) {
			memcpy(&number, p + k * BULK_ALIGN, sizeof(number));
			assert_int_equal(number, f->pieces[i].offset / BULK_ALIGN + k);
		}
	}
	ahead_stop(a);
}

static void test_ends_early(void **state)
{
	struct fixture *f = *state;
	struct ahead *a;
	uint8_t *p;
	unsigned n, i;

	for (n = 0; n < PIECES; n++) {
		assert_int_equal(ahead_start(f->pieces + 1, PIECES - 1, &a), 0);
		for (i = 0; i < MIN(n, PIECES - 1u); i++)
			assert_int_equal(ahead_next(a, &p), LEN);
		ahead_stop(a);
	}
	assert_null(ahead_stop(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ends_early, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
